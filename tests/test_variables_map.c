#include "variables_helpers.h"

#include <string.h>

static bool takes_hex(const char *hex)
{
    uint8_t bytes[512];
    return takes_map(bytes, from_hex(hex, bytes));
}

static void the_example_reads_as_it_says(void **state)
{
    (void)state;
    uint8_t bytes[64];
    const size_t length = from_hex(EXAMPLE_MAP, bytes);
    uint8_t *memory = guarded(length + 1);
    memcpy(memory, bytes, length);
    struct wafer_variables *variables = new_variables();
    size_t used;
    assert_true(wafer_variables_read(variables, memory, length, &used));
    assert_int_equal(used, length);
    assert_int_equal(variables->count, 7);
    assert_int_equal(find(variables, "a")->type, WAFER_INTEGER);
    assert_int_equal(find(variables, "a")->integer, -1);
    assert_null(find(variables, "a")->data);
    assert_int_equal(find(variables, "b")->type, WAFER_BOOLEAN);
    assert_int_equal(find(variables, "b")->integer, 1);
    assert_text(variables, "bb", "text");
    assert_int_equal(find(variables, "cc")->type, WAFER_BYTES);
    assert_int_equal(find(variables, "cc")->length, 2);
    assert_memory_equal(find(variables, "cc")->data, "\0\377", 3);
    assert_int_equal(find(variables, "ddd")->type, WAFER_BOOLEAN);
    assert_int_equal(find(variables, "ddd")->integer, 0);
    assert_int_equal(find(variables, "long")->integer, 65536);
    assert_text(variables, "empty", "");
    assert_null(find(variables, "c"));
    assert_null(find(variables, ""));
    assert_null(find(variables, "emptyy"));
    /* In place: nothing was copied. */
    assert_int_equal(variables->arena.used, 0);
    assert_in_range((uintptr_t)find(variables, "bb")->data, (uintptr_t)memory,
                    (uintptr_t)memory + length);
    assert_written(variables, bytes, length);
    free_variables(variables);
    guarded_free(memory, length + 1);
}

static void good_maps_are_taken(void **state)
{
    (void)state;
    static const char *const maps[] = {
        "a0",
        "a1616100",
        "a161611b7fffffffffffffff", /* INT64_MAX */
        "a161613b7fffffffffffffff", /* INT64_MIN */
        "a161613903e7",
        "a1616140",
        "a16161450001020304",
        "a162c3a962c3a9",       /* two bytes of UTF-8 as name and value */
        "a1616164f09f8d9e0000", /* four bytes of UTF-8, then padding */
        "a2616100616200",
        "a2617a0062616100", /* the shorter name first, though "z" is after "aa" */
    };
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        if (!takes_hex(maps[i]))
            fail_msg("%s was refused", maps[i]);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    /* clang-format off */
    static const char *const maps[] = {
        "-",
        "00", "f4", "60", "80", "8161610a", "c0a0",
        "b800", "b801616100",                        /* heads longer than needed */
        "bf616100ff", "a161610001",                  /* indefinite; more than zeros behind */
        "a1", "a161", "a16161", "a2616100",          /* too few */
        "a16000",                                    /* an empty name */
        "a1416100", "a10000", "a1f400",              /* names that are no text */
        "a17f6161ff00", "a178016100",
        "a161ff00", "a162c08000", "a163eda08000",    /* names that are not UTF-8 */
        "a1610000", "a162610000",                    /* U+0000 in a name */
        "a16161f6", "a16161f7", "a16161e0", "a16161f820",
        "a16161f93c00", "a16161fa3f800000", "a16161fb3ff0000000000000",
        "a16161c100", "a1616180", "a16161a0", "a16161d9d9f700",
        "a161615f4101ff", "a161617f6101ff", "a161619fff", "a16161bfff",
        "a161611800", "a16161190001", "a161611a00000001", "a161611b0000000000000001",
        "a161613800", "a161615800", "a161617800",
        "a161611b8000000000000000", "a161613b8000000000000000", /* beyond int64 */
        "a161611bffffffffffffffff", "a161613bffffffffffffffff",
        "a1616161ff", "a1616162c080", "a1616163eda080", "a1616164f4908080", /* not UTF-8 */
        "a161616100", "a1616162c3", "a1616163610062",                       /* U+0000; cut */
        "a161617bffffffffffffffff61", "a161615bffffffffffffffff61",         /* endless */
        "a2616100616100", "a2616100616101",                                 /* twice */
        "a2616200616100", "a262616100617a00",                               /* out of order */
        "a3616100616300616200",
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        if (takes_hex(maps[i]))
            fail_msg("%s was taken", maps[i]);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[64];
    const size_t length = from_hex(EXAMPLE_MAP, bytes);
    assert_true(takes_map(bytes, length));
    for (size_t shorter = 0; shorter < length; shorter++)
        assert_false(takes_map(bytes, shorter));
}

static void every_flipped_bit_is_refused_or_another_map(void **state)
{
    (void)state;
    uint8_t bytes[64];
    const size_t length = from_hex(EXAMPLE_MAP, bytes);
    size_t taken = 0;
    for (size_t bit = 0; bit < 8 * length; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        taken += takes_map(bytes, length);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_in_range(taken, 1, 8 * length - 1);
}

static void only_a_zero_may_follow_and_only_one_byte_is_looked_at(void **state)
{
    (void)state;
    uint8_t bytes[] = {0xa1, 0x61, 'a', 0x62, 'x', 'y', 0, 1};
    struct wafer_variables *variables = new_variables();
    uint8_t *memory = guarded_copy(bytes, sizeof bytes);
    size_t used;
    assert_true(wafer_variables_read(variables, memory, sizeof bytes, &used));
    assert_int_equal(used, 6);
    assert_int_equal(variables->encoded, 6);
    assert_text(variables, "a", "xy");
    assert_int_equal(memory[7], 1);
    free_variables(variables);
    guarded_free(memory, sizeof bytes);
    bytes[6] = 1;
    assert_false(takes_map(bytes, sizeof bytes));
}

static void sixty_four_variables_are_taken_and_sixty_five_not(void **state)
{
    (void)state;
    uint8_t bytes[300];
    for (unsigned count = 0; count <= 64; count++)
        assert_true(takes_map(bytes, write_many(bytes, count)));
    assert_false(takes_map(bytes, write_many(bytes, 65)));
}

static void a_map_as_large_as_can_be_is_taken_and_one_byte_more_is_not(void **state)
{
    (void)state;
    static uint8_t bytes[WAFER_VARIABLES_BYTES + 1] = {0xa1, 0x61, 'a', 0x59};
    size_t length = WAFER_VARIABLES_BYTES - 6;
    bytes[4] = (uint8_t)(length >> 8);
    bytes[5] = (uint8_t)length;
    assert_true(takes_map(bytes, WAFER_VARIABLES_BYTES));
    length++;
    bytes[4] = (uint8_t)(length >> 8);
    bytes[5] = (uint8_t)length;
    assert_false(takes_map(bytes, WAFER_VARIABLES_BYTES + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_reads_as_it_says),
        cmocka_unit_test(good_maps_are_taken),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused_or_another_map),
        cmocka_unit_test(only_a_zero_may_follow_and_only_one_byte_is_looked_at),
        cmocka_unit_test(sixty_four_variables_are_taken_and_sixty_five_not),
        cmocka_unit_test(a_map_as_large_as_can_be_is_taken_and_one_byte_more_is_not),
    };
    return cmocka_run_group_tests_name("variables_map", tests, NULL, NULL);
}
