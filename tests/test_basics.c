#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "error.h"
#include "utf8.h"

/* ---- Errors ---------------------------------------------------------------------------------- */

#define TEXT_ROOM (sizeof((wafer_error *)NULL)->text)

static void failing_fills_the_error_and_returns_the_result(void **state)
{
    wafer_error error;

    (void)state;
    memset(&error, 0xA5, sizeof error);
    assert_int_equal(wafer_fail(&error, WAFER_INVALID, 0, 17, "key %s has %d bytes", "k1", 31),
                     WAFER_INVALID);
    assert_int_equal(error.result, WAFER_INVALID);
    assert_int_equal(error.system, 0);
    assert_int_equal(error.line, 17);
    assert_string_equal(error.text, "key k1 has 31 bytes");
}

static void failing_without_an_error_still_returns_the_result(void **state)
{
    (void)state;
    assert_int_equal(wafer_fail(NULL, WAFER_NO_MEMORY, ENOMEM, 1, "%s", "text"), WAFER_NO_MEMORY);
    assert_int_equal(wafer_fail(NULL, WAFER_LIST_FULL, 0, 0, "text"), WAFER_LIST_FULL);
}

static void the_words_of_an_errno_follow_the_text(void **state)
{
    static const int values[] = {ENOENT, EACCES, EINVAL, ENOSPC};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        wafer_error error;
        char expected[256];

        (void)snprintf(expected, sizeof expected, "keys: %s", strerror(values[i]));
        assert_int_equal(wafer_fail(&error, WAFER_SYSTEM, values[i], 0, "keys"), WAFER_SYSTEM);
        assert_int_equal(error.system, values[i]);
        assert_int_equal(error.line, 0);
        assert_string_equal(error.text, expected);
    }
}

static void an_unknown_errno_shows_its_number(void **state)
{
    wafer_error error;

    (void)state;
    (void)wafer_fail(&error, WAFER_SYSTEM, 123456, 0, "keys");
    assert_int_equal(error.system, 123456);
    assert_memory_equal(error.text, "keys: ", 6);
    assert_non_null(strstr(error.text + 6, "123456"));
}

/* Fails with a text of `length` bytes and checks that as much of it is there as whole characters
 * allow; the error ends at an unmapped page. */
static void check_cut(const char *text, size_t length, int errno_value)
{
    wafer_error *error = (wafer_error *)(void *)guarded(sizeof *error);
    size_t kept;

    (void)wafer_fail(error, WAFER_INVALID, errno_value, 0, "%.*s", (int)length, text);
    kept = strnlen(error->text, TEXT_ROOM);
    assert_in_range(kept, 0, TEXT_ROOM - 1);
    assert_true(wafer_is_text(error->text, kept));
    if (length < TEXT_ROOM && errno_value == 0) {
        assert_int_equal(kept, length);
    } else if (length >= TEXT_ROOM) {
        /* At most a part of one character is missing. */
        assert_in_range(kept, TEXT_ROOM - 4, TEXT_ROOM - 1);
    }
    assert_memory_equal(error->text, text, length < kept ? length : kept);
    guarded_free(error, sizeof *error);
}

static void a_long_text_is_cut_at_a_character(void **state)
{
    static const char *const characters[] = {"a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x8D\xAA"};

    (void)state;
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        size_t size = strlen(characters[i]);

        for (size_t shift = 0; shift < 4; shift++) {
            char text[300];
            size_t length = shift;

            memset(text, 'x', sizeof text);
            while (length + size <= sizeof text) {
                memcpy(text + length, characters[i], size);
                length += size;
                check_cut(text, length, 0);
                check_cut(text, length, ENOENT);
            }
        }
    }
}

static void a_text_that_just_fits_is_not_cut(void **state)
{
    static const size_t around[] = {TEXT_ROOM - 2, TEXT_ROOM - 1, TEXT_ROOM, TEXT_ROOM + 1};
    char text[300];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        wafer_error error;

        (void)wafer_fail(&error, WAFER_INVALID, 0, 0, "%.*s", (int)around[i], text);
        assert_int_equal(strlen(error.text), around[i] < TEXT_ROOM ? around[i] : TEXT_ROOM - 1);
    }
    memcpy(text + TEXT_ROOM - 3, "\xC3\xA4", 3);
    for (unsigned round = 0; round < 2; round++) {
        wafer_error error;

        (void)wafer_fail(&error, WAFER_INVALID, 0, 0, "%s", text + round);
        assert_int_equal(strlen(error.text), TEXT_ROOM - 1 - round);
    }
}

static void the_words_of_an_errno_are_cut_where_the_room_ends(void **state)
{
    char text[300];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t length = TEXT_ROOM - 40; length < TEXT_ROOM + 2; length++) {
        wafer_error error;
        char whole[600];

        (void)snprintf(whole, sizeof whole, "%.*s: %s", (int)length, text, strerror(ENOENT));
        whole[TEXT_ROOM - 1] = '\0';
        (void)wafer_fail(&error, WAFER_SYSTEM, ENOENT, 0, "%.*s", (int)length, text);
        assert_string_equal(error.text, whole);
    }
}

static void *fail_often(void *context)
{
    const int *errno_value = context;
    static const char *const names[] = {"first", "second"};
    const char *name = names[*errno_value == EACCES];
    wafer_error reference;

    (void)wafer_fail(&reference, WAFER_SYSTEM, *errno_value, 0, "%s", name);
    for (unsigned round = 0; round < 500; round++) {
        wafer_error error;

        (void)wafer_fail(&error, WAFER_SYSTEM, *errno_value, 0, "%s", name);
        if (strcmp(error.text, reference.text) != 0 || error.system != *errno_value)
            return context;
    }
    return NULL;
}

static void two_threads_fail_without_mixing_their_words(void **state)
{
    int values[2] = {123457, EACCES}; /* words for an unknown one are made up on demand */
    pthread_t threads[2];

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fail_often, &values[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        void *wrong = NULL;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

/* ---- The clock ------------------------------------------------------------------------------- */

static int64_t given_time(void *context)
{
    const int64_t *time_ms = context;

    return *time_ms;
}

static void a_given_clock_is_read_with_its_context(void **state)
{
    int64_t values[] = {0, 1, INT64_C(1767225600000), WAFER_TIME_MAX_MS - 1, WAFER_TIME_MAX_MS};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        int64_t now_ms = -7;

        assert_true(wafer_clock_read(given_time, &values[i], &now_ms));
        assert_true(now_ms == values[i]);
    }
}

static void a_clock_out_of_range_cannot_be_read(void **state)
{
    int64_t values[] = {-1, INT64_MIN, WAFER_TIME_MAX_MS + 1, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        int64_t now_ms = -7;

        assert_false(wafer_clock_read(given_time, &values[i], &now_ms));
        assert_true(now_ms == -7);
    }
}

static int64_t other_clock_ms(void)
{
    struct timespec now;

    assert_int_equal(timespec_get(&now, TIME_UTC), TIME_UTC);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void without_a_clock_the_system_is_asked(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        int64_t before = other_clock_ms();
        int64_t now_ms = 0;

        assert_true(wafer_clock_read(NULL, NULL, &now_ms));
        assert_true(before <= now_ms);
        assert_true(now_ms <= other_clock_ms());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_fills_the_error_and_returns_the_result),
        cmocka_unit_test(failing_without_an_error_still_returns_the_result),
        cmocka_unit_test(the_words_of_an_errno_follow_the_text),
        cmocka_unit_test(an_unknown_errno_shows_its_number),
        cmocka_unit_test(a_long_text_is_cut_at_a_character),
        cmocka_unit_test(a_text_that_just_fits_is_not_cut),
        cmocka_unit_test(the_words_of_an_errno_are_cut_where_the_room_ends),
        cmocka_unit_test(two_threads_fail_without_mixing_their_words),
        cmocka_unit_test(a_given_clock_is_read_with_its_context),
        cmocka_unit_test(a_clock_out_of_range_cannot_be_read),
        cmocka_unit_test(without_a_clock_the_system_is_asked),
    };

    return cmocka_run_group_tests_name("basics", tests, NULL, NULL);
}
