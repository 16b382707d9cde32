#include "variables_helpers.h"

#include <string.h>

static void the_example_is_written_from_puts_in_any_order(void **state)
{
    (void)state;
    uint8_t bytes[64];
    const size_t length = from_hex(EXAMPLE_MAP, bytes);
    struct wafer_variables *variables = new_variables();
    const struct wafer_slot truth = {.type = WAFER_BOOLEAN, .integer = 7};
    const struct wafer_slot falsehood = {.type = WAFER_BOOLEAN};
    assert_int_equal(put_text(variables, "empty", ""), WAFER_OK);
    assert_int_equal(put_data(variables, "cc", WAFER_BYTES, "\0\377", 2), WAFER_OK);
    assert_int_equal(put_integer(variables, "a", -1), WAFER_OK);
    assert_int_equal(wafer_variables_put(variables, "ddd", 3, &falsehood, 3072, NULL), WAFER_OK);
    assert_int_equal(put_integer(variables, "long", 65536), WAFER_OK);
    assert_int_equal(put_text(variables, "bb", "text"), WAFER_OK);
    assert_int_equal(wafer_variables_put(variables, "b", 1, &truth, 3072, NULL), WAFER_OK);
    assert_written(variables, bytes, length);
    free_variables(variables);
}

static void zeroed_memory_becomes_the_empty_map(void **state)
{
    (void)state;
    const uint8_t empty[] = {0xa0};
    struct wafer_variables *variables = new_variables();
    assert_written(variables, empty, 1);
    assert_null(find(variables, "a"));
    assert_false(remove_named(variables, "a"));
    struct wafer_slot slot;
    assert_false(take_named(variables, "a", &slot));
    wafer_variables_keep(variables, NULL, 0);
    assert_written(variables, empty, 1);
    free_variables(variables);
}

static void a_value_changes_type_and_back(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    assert_int_equal(put_text(variables, "a", "text"), WAFER_OK);
    assert_int_equal(put_integer(variables, "a", INT64_MIN), WAFER_OK);
    assert_null(find(variables, "a")->data);
    assert_int_equal(find(variables, "a")->length, 0);
    assert_true(find(variables, "a")->integer == INT64_MIN);
    assert_written(variables, (const uint8_t *)"\xa1\x61\x61\x3b\x7f\xff\xff\xff\xff\xff\xff\xff",
                   12);
    assert_int_equal(put_text(variables, "a", "text"), WAFER_OK);
    assert_text(variables, "a", "text");
    assert_int_equal(find(variables, "a")->integer, 0);
    assert_int_equal(put_data(variables, "a", WAFER_BYTES, "text", 4), WAFER_OK);
    assert_int_equal(find(variables, "a")->type, WAFER_BYTES);
    assert_written(variables, (const uint8_t *)"\xa1\x61\x61\x44text", 8);
    free_variables(variables);
}

static void integers_and_booleans_keep_apart(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    const struct wafer_slot truth = {.type = WAFER_BOOLEAN, .integer = 1};
    assert_int_equal(put_integer(variables, "a", 1), WAFER_OK);
    assert_int_equal(wafer_variables_put(variables, "a", 1, &truth, 3072, NULL), WAFER_OK);
    assert_int_equal(find(variables, "a")->type, WAFER_BOOLEAN);
    assert_written(variables, (const uint8_t *)"\xa1\x61\x61\xf5", 4);
    free_variables(variables);
}

static void members_that_a_type_does_not_use_are_dropped(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    struct wafer_slot stray = {.integer = 7, .data = (const uint8_t *)"text", .length = 4};
    stray.type = WAFER_BOOLEAN;
    assert_int_equal(wafer_variables_put(variables, "b", 1, &stray, 3072, NULL), WAFER_OK);
    stray.type = WAFER_INTEGER;
    assert_int_equal(wafer_variables_put(variables, "i", 1, &stray, 3072, NULL), WAFER_OK);
    stray.type = WAFER_TEXT;
    assert_int_equal(wafer_variables_put(variables, "t", 1, &stray, 3072, NULL), WAFER_OK);
    assert_int_equal(find(variables, "b")->integer, 1);
    assert_null(find(variables, "b")->data);
    assert_int_equal(find(variables, "i")->integer, 7);
    assert_null(find(variables, "i")->data);
    assert_int_equal(find(variables, "i")->length, 0);
    assert_int_equal(find(variables, "t")->integer, 0);
    assert_text(variables, "t", "text");
    free_variables(variables);
}

/* Lengths of which the low bits are those of a name that is there. */
static void no_name_is_as_long_as_a_length_that_wraps(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    const size_t lengths[] = {257, (size_t)1 << 31, SIZE_MAX, SIZE_MAX / 2 + 2,
                              SIZE_MAX - UINT32_MAX + 1};
    assert_int_equal(put_integer(variables, "a", 1), WAFER_OK);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (lengths[i] != 1)
            assert_null(wafer_variables_find(variables, "a", lengths[i]));
    assert_non_null(wafer_variables_find(variables, "a", 1));
    free_variables(variables);
}

static void the_same_value_again_touches_nothing(void **state)
{
    (void)state;
    uint8_t memory[64];
    const size_t length = from_hex(EXAMPLE_MAP, memory);
    struct wafer_variables *variables = new_variables();
    size_t used;
    assert_true(wafer_variables_read(variables, memory, length, &used));
    static struct wafer_variables before;
    memcpy(&before, variables, sizeof before);
    assert_int_equal(put_text(variables, "bb", "text"), WAFER_OK);
    assert_int_equal(put_text(variables, "empty", ""), WAFER_OK);
    assert_int_equal(put_integer(variables, "a", -1), WAFER_OK);
    assert_int_equal(put_data(variables, "cc", WAFER_BYTES, "\0\377", 2), WAFER_OK);
    assert_memory_equal(variables, &before, sizeof before);
    free_variables(variables);
}

static void a_value_that_fits_goes_over_the_old(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    assert_int_equal(put_text(variables, "a", "12345678"), WAFER_OK);
    assert_int_equal(put_text(variables, "b", "other"), WAFER_OK);
    const size_t used = variables->arena.used;
    assert_int_equal(put_text(variables, "a", "87654321"), WAFER_OK);
    assert_int_equal(put_text(variables, "a", "1234"), WAFER_OK);
    assert_int_equal(variables->arena.used, used);
    assert_text(variables, "a", "1234");
    assert_text(variables, "b", "other");
    free_variables(variables);
}

static void freed_memory_is_used_again(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    static const uint8_t data[2000];
    for (int round = 0; round < 100; round++) {
        assert_int_equal(put_data(variables, "data", WAFER_BYTES, data, sizeof data), WAFER_OK);
        assert_int_equal(put_integer(variables, "other", round), WAFER_OK);
        assert_true(remove_named(variables, "data"));
    }
    assert_in_range(variables->arena.used, 2000, WAFER_ARENA_SIZE / 2 + 2100);
    free_variables(variables);
}

static void a_value_may_come_from_the_variables_themselves(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    assert_int_equal(put_text(variables, "a", "0123456789"), WAFER_OK);
    const char *text = (const char *)find(variables, "a")->data;
    assert_int_equal(put_data(variables, "a", WAFER_TEXT, text + 3, 7), WAFER_OK);
    assert_text(variables, "a", "3456789");
    assert_int_equal(put_data(variables, "a", WAFER_TEXT, text, 3), WAFER_OK);
    assert_text(variables, "a", "345");

    /* Its own name, another one's value, a slot of the index, and names from there. */
    assert_int_equal(put_text(variables, "longer name", "x"), WAFER_OK);
    assert_int_equal(put_text(variables, "longer name", find(variables, "longer name")->name),
                     WAFER_OK);
    assert_text(variables, "longer name", "longer name");
    assert_int_equal(wafer_variables_put(variables, "0", 1, find(variables, "longer name"), 3072,
                                         NULL),
                     WAFER_OK);
    assert_text(variables, "0", "longer name");
    text = (const char *)find(variables, "0")->data;
    assert_int_equal(put_text(variables, text + 7, text), WAFER_OK);
    assert_text(variables, "name", "longer name");
    assert_int_equal(put_text(variables, text, text + 7), WAFER_OK);
    assert_text(variables, "longer name", "name");
    free_variables(variables);
}

static void what_was_taken_stays_until_wiped(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    assert_int_equal(put_text(variables, "flash", "saved"), WAFER_OK);
    struct wafer_slot slot;
    assert_true(take_named(variables, "flash", &slot));
    assert_null(find(variables, "flash"));
    assert_false(take_named(variables, "flash", &slot));
    assert_int_equal(variables->encoded, 1);
    for (int round = 0; round < 1000; round++) {
        char text[20];
        memset(text, 'x', sizeof text);
        assert_int_equal(put_data(variables, "flash", WAFER_TEXT, text, (size_t)round % 20),
                         WAFER_OK);
        assert_true(round % 3 != 0 || remove_named(variables, "flash"));
    }
    assert_int_equal(slot.type, WAFER_TEXT);
    assert_int_equal(slot.length, 5);
    assert_string_equal((const char *)slot.data, "saved");
    assert_string_equal(slot.name, "flash");
    free_variables(variables);
}

static void all_but_the_named_are_removed(void **state)
{
    (void)state;
    uint8_t memory[64];
    const size_t length = from_hex(EXAMPLE_MAP, memory);
    struct wafer_variables *variables = new_variables();
    size_t used;
    assert_true(wafer_variables_read(variables, memory, length, &used));
    const char *const names[] = {"empty", "none", NULL, "bb", "empty"};
    assert_int_equal(wafer_variables_kept(variables, names, 5), 1 + 8 + 7);
    assert_int_equal(variables->count, 7);
    wafer_variables_keep(variables, names, 5);
    assert_int_equal(variables->count, 2);
    assert_text(variables, "bb", "text");
    assert_text(variables, "empty", "");
    assert_written(variables, (const uint8_t *)"\xa2\142bb\144text\145empty\140", 16);
    wafer_variables_keep(variables, names, 0);
    assert_written(variables, (const uint8_t *)"\xa0", 1);
    free_variables(variables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_written_from_puts_in_any_order),
        cmocka_unit_test(zeroed_memory_becomes_the_empty_map),
        cmocka_unit_test(a_value_changes_type_and_back),
        cmocka_unit_test(integers_and_booleans_keep_apart),
        cmocka_unit_test(members_that_a_type_does_not_use_are_dropped),
        cmocka_unit_test(no_name_is_as_long_as_a_length_that_wraps),
        cmocka_unit_test(the_same_value_again_touches_nothing),
        cmocka_unit_test(a_value_that_fits_goes_over_the_old),
        cmocka_unit_test(freed_memory_is_used_again),
        cmocka_unit_test(a_value_may_come_from_the_variables_themselves),
        cmocka_unit_test(what_was_taken_stays_until_wiped),
        cmocka_unit_test(all_but_the_named_are_removed),
    };
    return cmocka_run_group_tests_name("variables", tests, NULL, NULL);
}
