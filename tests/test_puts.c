/* Putting variables: what is refused, how large a session may become, what sticks. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static void the_first_failed_put_sticks_and_finish_returns_it(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_integer(world->session, "a", 1), WAFER_OK);
    assert_int_equal(wafer_put_text(world->session, "b", "\xC0\x80"), WAFER_INVALID);
    assert_int_equal(wafer_put_integer(world->session, "c", 1), WAFER_OK);
    assert_int_equal(wafer_put_bytes(world->session, "d", "x", 100000), WAFER_TOO_LARGE);
    assert_non_null(strstr(wafer_explain(world->session), "a put failed: invalid argument"));
    assert_int_equal(leave(world, &ada), WAFER_INVALID);
    assert_string_equal(ada.line, "");

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_integer(world->session, "a", 1), WAFER_OK);
    assert_int_equal(wafer_put_text(world->session, "b", NULL), WAFER_INVALID);
    assert_int_equal(leave(world, &ada), WAFER_INVALID);
    assert_string_equal(ada.line, "");
}

static void names_and_values_that_are_no_text_are_refused(void **state)
{
    struct world *world = *state;
    char name[WAFER_NAME_MAX + 2];
    int64_t value;

    memset(name, 'n', sizeof name);
    name[WAFER_NAME_MAX + 1] = '\0';
    (void)!arrive(world, &(struct browser){.cookie = ""});
    assert_int_equal(wafer_put_integer(world->session, name, 1), WAFER_INVALID);
    assert_int_equal(wafer_put_integer(world->session, "", 1), WAFER_INVALID);
    assert_int_equal(wafer_put_integer(world->session, "\x80", 1), WAFER_INVALID);
    assert_int_equal(wafer_put_text(world->session, "t", NULL), WAFER_INVALID);
    assert_int_equal(wafer_put_text_slice(world->session, "t", "a\0b", 3), WAFER_INVALID);
    assert_int_equal(wafer_put_text_slice(world->session, "t", NULL, 0), WAFER_INVALID);
    assert_int_equal(wafer_put_bytes(world->session, "t", NULL, 0), WAFER_INVALID);
    assert_int_equal(wafer_put_bytes(world->session, "t", "", 0), WAFER_OK);
    name[WAFER_NAME_MAX] = '\0';
    assert_int_equal(wafer_put_integer(world->session, name, INT64_MIN), WAFER_OK);
    assert_true(wafer_get_integer(world->session, name, &value));
    assert_true(value == INT64_MIN);
}

static void sixty_four_variables_and_no_more(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char name[16];

    (void)!arrive(world, &ada);
    for (int i = 0; i < WAFER_VARIABLES_MAX; i++) {
        (void)snprintf(name, sizeof name, "v%d", i);
        assert_int_equal(wafer_put_integer(world->session, name, i), WAFER_OK);
    }
    assert_int_equal(wafer_put_integer(world->session, "v0", 7), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_put_integer(world->session, "one more", 1), WAFER_TOO_LARGE);
    assert_null(strstr(wafer_explain(world->session), "would take"));
    assert_int_equal(leave(world, &ada), WAFER_TOO_LARGE);
}

/* Fills one variable as far as it goes, checks the limit on the line that went out, and returns its
 * length. */
static size_t fill(struct world *world, size_t limit)
{
    struct browser ada = {.cookie = ""};
    static char value[5000];
    size_t low = 0, high = sizeof value, size = 0, told = 0;

    memset(value, 'v', sizeof value);
    while (low + 1 < high) { /* low fits, high does not */
        size_t middle = (low + high) / 2;

        (void)!arrive(world, &ada);
        assert_int_equal(wafer_login(world->session, "ada@example.org", 15, NULL, 0), WAFER_OK);
        if (wafer_put_bytes(world->session, "v", value, middle) == WAFER_OK)
            low = middle;
        else
            high = middle;
    }
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_login(world->session, "ada@example.org", 15, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_put_bytes(world->session, "v", value, high), WAFER_TOO_LARGE);
    if (limit < 5000) {
        assert_non_null(strstr(wafer_explain(world->session), "the cookie line would take"));
        assert_true(wafer_line_size(world->session, NULL, &told));
        assert_in_range(told, limit - 1, limit);
    }
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_login(world->session, "ada@example.org", 15, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_put_bytes(world->session, "v", value, low), WAFER_OK);
    assert_true(wafer_line_size(world->session, &size, NULL));
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_true(strlen(ada.line) <= size && size <= limit);
    assert_true(strlen(ada.cookie) - 1 <= 4096);
    world->now_ms += 29 * MINUTE; /* what fitted once fits again, later and with larger times */
    assert_int_equal(look(world, &ada), WAFER_VALID);
    assert_int_equal(world->owed, WAFER_OWED_REFRESH);
    assert_string_not_equal(ada.line, "");
    return low;
}

static void the_line_limit_is_kept_to_the_byte(void **state)
{
    struct world *world = *state;
    const size_t limits[] = {512, 513, 514, 515, 1000, 3500, 4096};
    wafer_settings settings = world_settings(world);
    size_t before = 0;

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        size_t length;

        settings.line_limit = limits[i];
        world_manage(world, &settings);
        length = fill(world, limits[i]);
        assert_true(length >= before);
        before = length;
    }
    settings.line_limit = 8192; /* name and value end at 4096 all the same */
    settings.outlives_browser = true;
    world_manage(world, &settings);
    assert_true(fill(world, 8192) > 2930);
    settings.line_limit = 3500;
    settings.pad_to = 1024;
    world_manage(world, &settings);
    (void)fill(world, 3500);
}

static void a_lowered_limit_sends_no_cookie_and_says_so(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);
    char value[1000];
    const wafer_header *headers;
    size_t count;

    memset(value, 'v', sizeof value);
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text_slice(world->session, "v", value, sizeof value), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    settings.line_limit = 512;
    world_manage(world, &settings);
    world->now_ms += 5 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_VALID); /* even without a put */
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_TOO_LARGE);
    assert_int_equal(count, 1);
    assert_int_equal(wafer_owed(world->session), 0);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_REFRESH);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_TOO_LARGE);
    assert_int_equal(wafer_set_expiry(world->session, HOUR, true), WAFER_TOO_LARGE);
    assert_int_equal(wafer_remove(world->session, "absent"), WAFER_OK);
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_TOO_LARGE);
    assert_int_equal(count, 1);
    assert_string_equal(headers[0].name, "Vary");
}

static void a_value_may_come_from_the_session_itself(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    size_t length;
    const char *text;

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "a", "0123456789"), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    text = wafer_get_text(world->session, "a", &length);
    assert_int_equal(wafer_put_text_slice(world->session, "a", text + 2, 5), WAFER_OK);
    text = wafer_get_text(world->session, "a", &length);
    assert_int_equal(wafer_put_text(world->session, "b", text), WAFER_OK);
    assert_string_equal(wafer_get_text(world->session, "a", NULL), "23456");
    assert_string_equal(wafer_get_text(world->session, "b", NULL), "23456");
}

static void expiry_of_a_session_that_outlives_the_browser_is_cut_to_whole_seconds(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_set_expiry(world->session, 1999, true), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_non_null(strstr(ada.line, "; Max-Age=1;"));
}

/* ---- CSRF */

static void a_token_of_this_session_passes_and_of_another_does_not(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, eve = {.cookie = ""};
    char token[WAFER_CSRF_LENGTH + 1], again[WAFER_CSRF_LENGTH + 1];

    sign_in(world, &ada, "ada");
    sign_in(world, &eve, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_OK);
    assert_int_equal(wafer_csrf_token(world->session, again), WAFER_OK);
    assert_string_not_equal(token, again);
    assert_int_equal(wafer_owed(world->session), 0);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_csrf_check(world->session, token, strlen(token)));
    assert_true(wafer_csrf_check(world->session, again, strlen(again)));
    assert_false(wafer_csrf_check(world->session, token, strlen(token) - 1));
    token[40] = token[40] == 'A' ? 'B' : 'A';
    assert_false(wafer_csrf_check(world->session, token, strlen(token)));
    assert_int_equal(arrive(world, &eve), WAFER_VALID);
    assert_false(wafer_csrf_check(world->session, again, strlen(again)));
}

static void a_token_for_a_new_session_owes_its_cookie(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char token[WAFER_CSRF_LENGTH + 1];

    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_false(wafer_csrf_check(world->session, "", 0));
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_CSRF);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_csrf_check(world->session, token, strlen(token)));
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_false(wafer_csrf_check(world->session, token, strlen(token)));
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_false(wafer_csrf_check(world->session, token, strlen(token)));
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_LOGOUT | WAFER_OWED_CSRF);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_csrf_check(world->session, token, strlen(token)));
}

static void after_finish_a_token_needs_a_session_that_is_there(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char token[WAFER_CSRF_LENGTH + 1];
    const wafer_header *headers;
    size_t count;

    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_OK);
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_MISUSE);
    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_OK);
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_int_equal(wafer_put_text(world->session, "n", "\xFF"), WAFER_INVALID);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_INVALID);
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_UNAVAILABLE);
    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_remove(world->session, "n"), WAFER_OK);
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_OK);
    assert_int_equal(wafer_csrf_token(world->session, token),
                     WAFER_UNAVAILABLE); /* none was sent */
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID); /* nothing is sent, but it is there */
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_OK);
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_OK);
    world->now_ms -= HOUR;
    assert_int_equal(arrive(world, &ada), WAFER_FUTURE);
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_UNAVAILABLE);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(the_first_failed_put_sticks_and_finish_returns_it),
        IN_WORLD(names_and_values_that_are_no_text_are_refused),
        IN_WORLD(sixty_four_variables_and_no_more),
        IN_WORLD(the_line_limit_is_kept_to_the_byte),
        IN_WORLD(a_lowered_limit_sends_no_cookie_and_says_so),
        IN_WORLD(a_value_may_come_from_the_session_itself),
        IN_WORLD(expiry_of_a_session_that_outlives_the_browser_is_cut_to_whole_seconds),
        IN_WORLD(a_token_of_this_session_passes_and_of_another_does_not),
        IN_WORLD(a_token_for_a_new_session_owes_its_cookie),
        IN_WORLD(after_finish_a_token_needs_a_session_that_is_there),
    };

    return cmocka_run_group_tests_name("puts", tests, NULL, NULL);
}
