#include "variables_helpers.h"

#include <stdlib.h>
#include <string.h>

static void sixty_four_variables_can_be_put_and_sixty_five_not(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    uint8_t bytes[300];
    for (unsigned i = 0; i < 64; i++) {
        char name[3];
        assert_int_equal(put_integer(variables, many_name(i, name), 0), WAFER_OK);
        assert_written(variables, bytes, write_many(bytes, i + 1));
    }
    const struct wafer_slot value = {.type = WAFER_INTEGER};
    size_t needed = 99;
    assert_int_equal(wafer_variables_put(variables, "zz", 2, &value, SIZE_MAX, &needed),
                     WAFER_TOO_LARGE);
    assert_int_equal(needed, 0);
    assert_written(variables, bytes, write_many(bytes, 64));
    assert_int_equal(put_integer(variables, "aa", 1), WAFER_OK);
    assert_int_equal(put_integer(variables, "aa", 0), WAFER_OK);
    for (unsigned i = 64; i-- > 0;) {
        char name[3];
        assert_true(remove_named(variables, many_name(i, name)));
        assert_written(variables, bytes, write_many(bytes, i));
    }
    free_variables(variables);
}

static void names_have_1_to_255_bytes_of_text(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    char name[257];
    memset(name, 'n', sizeof name - 1);
    name[256] = 0;
    assert_int_equal(put_integer(variables, name, 1), WAFER_INVALID);
    assert_int_equal(put_integer(variables, "", 1), WAFER_INVALID);
    assert_int_equal(put_integer(variables, "\xff", 1), WAFER_INVALID);
    const struct wafer_slot value = {.type = WAFER_INTEGER};
    assert_int_equal(wafer_variables_put(variables, "a\0b", 3, &value, 3072, NULL), WAFER_INVALID);
    assert_int_equal(variables->count, 0);
    assert_int_equal(wafer_variables_put(variables, name, 255, &value, 3072, NULL), WAFER_OK);
    assert_int_equal(strlen(variables->slot[0].name), 255);
    assert_int_equal(variables->encoded, 1 + 2 + 255 + 1);
    assert_null(wafer_variables_find(variables, name, 256));
    assert_non_null(wafer_variables_find(variables, name, 255));

    uint8_t bytes[300] = {0xa1, 0x78, 0xff};
    memset(bytes + 3, 'n', 255);
    assert_written(variables, bytes, 259);
    assert_true(takes_map(bytes, 259));
    uint8_t longer[300] = {0xa1, 0x79, 0x01, 0x00};
    memset(longer + 4, 'n', 256);
    assert_false(takes_map(longer, 261));
    free_variables(variables);
}

static void what_is_no_value_is_refused(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    assert_int_equal(put_text(variables, "a", "old"), WAFER_OK);
    assert_int_equal(put_text(variables, "a", "\xc3"), WAFER_INVALID);
    assert_int_equal(put_data(variables, "a", WAFER_TEXT, "a\0b", 3), WAFER_INVALID);
    assert_int_equal(put_data(variables, "a", WAFER_TEXT, NULL, 1), WAFER_INVALID);
    assert_int_equal(put_data(variables, "a", WAFER_BYTES, NULL, 1), WAFER_INVALID);
    assert_int_equal(put_data(variables, "a", (wafer_type)0, "x", 1), WAFER_INVALID);
    assert_int_equal(put_data(variables, "a", (wafer_type)5, "x", 1), WAFER_INVALID);
    assert_text(variables, "a", "old");
    assert_int_equal(put_data(variables, "a", WAFER_BYTES, "\xff\0", 2), WAFER_OK);
    assert_int_equal(put_data(variables, "a", WAFER_TEXT, NULL, 0), WAFER_OK);
    assert_text(variables, "a", "");
    free_variables(variables);
}

static void the_bound_is_exact_and_says_what_is_needed(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    static uint8_t data[4096];
    struct wafer_slot value = {.type = WAFER_BYTES, .data = data, .length = 200};
    size_t needed = 99;
    assert_int_equal(wafer_variables_put(variables, "data", 4, &value, 207, &needed),
                     WAFER_TOO_LARGE);
    assert_int_equal(needed, 1 + 5 + 2 + 200);
    assert_int_equal(variables->count, 0);
    assert_int_equal(variables->encoded, 1);
    assert_int_equal(wafer_variables_put(variables, "data", 4, &value, 208, &needed), WAFER_OK);
    assert_int_equal(needed, 0);
    assert_int_equal(variables->encoded, 208);
    value.length = 201;
    assert_int_equal(wafer_variables_put(variables, "data", 4, &value, 208, &needed),
                     WAFER_TOO_LARGE);
    assert_int_equal(needed, 209);
    assert_int_equal(find(variables, "data")->length, 200);
    assert_int_equal(wafer_variables_put(variables, "data", 4, &value, 209, NULL), WAFER_OK);

    /* Whatever the bound, never more than fits. */
    value.length = WAFER_VARIABLES_BYTES - 1 - 5 - 3;
    assert_int_equal(wafer_variables_put(variables, "data", 4, &value, SIZE_MAX, NULL), WAFER_OK);
    assert_int_equal(variables->encoded, WAFER_VARIABLES_BYTES);
    value.length++;
    assert_int_equal(wafer_variables_put(variables, "data", 4, &value, SIZE_MAX, &needed),
                     WAFER_TOO_LARGE);
    assert_int_equal(needed, WAFER_VARIABLES_BYTES + 1);
    assert_int_equal(wafer_variables_put(variables, "data", 4, &value, SIZE_MAX, NULL),
                     WAFER_TOO_LARGE);
    value.length = UINT16_MAX;
    assert_int_equal(wafer_variables_put(variables, "dat", 3, &value, SIZE_MAX, &needed),
                     WAFER_TOO_LARGE);
    assert_int_equal(needed, WAFER_VARIABLES_BYTES + 4 + 3 + UINT16_MAX);
    free_variables(variables);
}

static void sixty_four_can_be_taken_and_then_no_more(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    struct wafer_slot slots[64];
    for (int i = 0; i < 64; i++) {
        assert_int_equal(put_integer(variables, "a", i), WAFER_OK);
        assert_true(take_named(variables, "a", &slots[i]));
    }
    assert_int_equal(put_text(variables, "a", "stays"), WAFER_OK);
    struct wafer_slot untouched = {.integer = 99};
    assert_false(take_named(variables, "a", &untouched));
    assert_int_equal(untouched.integer, 99);
    assert_text(variables, "a", "stays");
    for (int i = 0; i < 64; i++) {
        assert_int_equal(slots[i].integer, i);
        assert_string_equal(slots[i].name, "a");
    }
    free_variables(variables);
}

static void an_arena_in_pieces_refuses_and_changes_nothing(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    static uint8_t data[3000];
    struct wafer_slot slot;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(put_data(variables, "data", WAFER_BYTES, data, sizeof data), WAFER_OK);
        assert_true(take_named(variables, "data", &slot));
    }
    /* 4 * (5 + 3001) are taken: what is left is filled to the last byte, in two variables. */
    const size_t left = WAFER_ARENA_SIZE - 4 * (5 + 3001);
    const size_t fits = left - (2 + 4) - 2 - 1;
    assert_int_equal(put_text(variables, "a", "abc"), WAFER_OK);
    const struct wafer_slot big = {.type = WAFER_BYTES,
                                   .data = data,
                                   .length = (uint16_t)(fits + 1)};
    size_t needed = 99;
    assert_int_equal(wafer_variables_put(variables, "b", 1, &big, 3072, &needed), WAFER_TOO_LARGE);
    assert_int_equal(needed, 0);
    assert_null(find(variables, "b"));
    assert_written(variables, (const uint8_t *)"\xa1\141a\143abc", 7);
    assert_int_equal(put_data(variables, "b", WAFER_BYTES, data, fits), WAFER_OK);
    assert_int_equal(variables->arena.used, WAFER_ARENA_SIZE);
    assert_int_equal(put_integer(variables, "c", 1), WAFER_TOO_LARGE);
    assert_int_equal(put_text(variables, "a", "abcd"), WAFER_TOO_LARGE);
    assert_text(variables, "a", "abc");
    assert_int_equal(find(variables, "b")->data[fits], 0);
    assert_int_equal(put_text(variables, "a", "ABC"), WAFER_OK);
    /* A gap that fits to the byte is found. */
    assert_int_equal(put_integer(variables, "a", 1), WAFER_OK);
    assert_int_equal(put_text(variables, "a", "abcd"), WAFER_TOO_LARGE);
    assert_int_equal(put_text(variables, "a", "abc"), WAFER_OK);
    assert_int_equal(put_integer(variables, "b", 1), WAFER_OK);
    assert_int_equal(put_text(variables, "a", "abcd"), WAFER_OK);
    assert_text(variables, "a", "abcd");
    free_variables(variables);
}

static void the_arena_gives_what_it_has_and_no_byte_more(void **state)
{
    (void)state;
    struct wafer_arena *arena = calloc(1, sizeof *arena);
    assert_non_null(arena);
    assert_null(wafer_arena_room(arena, NULL, 0, NULL, 0, WAFER_ARENA_SIZE + 1));
    assert_null(wafer_arena_room(arena, NULL, 0, NULL, 0, SIZE_MAX));
    assert_int_equal(arena->used, 0);
    assert_ptr_equal(wafer_arena_room(arena, NULL, 0, NULL, 0, WAFER_ARENA_SIZE), arena->bytes);
    assert_int_equal(arena->used, WAFER_ARENA_SIZE);
    free(arena);
}

static void the_size_of_what_would_be_kept_counts_the_head(void **state)
{
    (void)state;
    struct wafer_variables *variables = new_variables();
    char buffers[64][3];
    const char *names[64];
    for (unsigned i = 0; i < 64; i++) {
        names[i] = many_name(i, buffers[i]);
        assert_int_equal(put_integer(variables, names[i], 0), WAFER_OK);
    }
    for (size_t count = 64; count-- > 0;) {
        const size_t size = wafer_variables_kept(variables, names, count);
        wafer_variables_keep(variables, names, count);
        assert_int_equal(variables->count, count);
        assert_int_equal(variables->encoded, size);
    }
    free_variables(variables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixty_four_variables_can_be_put_and_sixty_five_not),
        cmocka_unit_test(names_have_1_to_255_bytes_of_text),
        cmocka_unit_test(what_is_no_value_is_refused),
        cmocka_unit_test(the_bound_is_exact_and_says_what_is_needed),
        cmocka_unit_test(sixty_four_can_be_taken_and_then_no_more),
        cmocka_unit_test(an_arena_in_pieces_refuses_and_changes_nothing),
        cmocka_unit_test(the_arena_gives_what_it_has_and_no_byte_more),
        cmocka_unit_test(the_size_of_what_would_be_kept_counts_the_head),
    };
    return cmocka_run_group_tests_name("variables_limits", tests, NULL, NULL);
}
