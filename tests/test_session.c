#include "fixture.h"

#include "base64.h"
#include "randomness.h"
#include "seal.h"
#include "session.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- one visit after another */

static void a_first_visit_has_no_session_and_owes_no_cookie(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    uint8_t id[WAFER_ID_SIZE];
    int64_t at_ms;

    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_false(wafer_id(world->session, id));
    assert_false(wafer_expires_at(world->session, &at_ms));
    assert_false(wafer_idle_at(world->session, &at_ms));
    assert_false(wafer_login_at(world->session, &at_ms));
    assert_false(wafer_sealed_at(world->session, &at_ms));
    assert_null(wafer_subject(world->session, NULL));
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, 0);
    assert_string_equal(ada.line, "");
}

static void variables_come_back_with_the_next_request(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_session *session = world->session;
    int64_t visits = 0;
    bool dark = false;
    size_t length;

    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_int_equal(wafer_put_integer(session, "visits", -7), WAFER_OK);
    assert_int_equal(wafer_put_boolean(session, "dark", true), WAFER_OK);
    assert_int_equal(wafer_put_text(session, "name", "Ad\xC3\xA4"), WAFER_OK);
    assert_int_equal(wafer_put_bytes(session, "raw", "\0\xFF", 2), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_CHANGED);

    world->now_ms += 5 * SECOND;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_get_integer(session, "visits", &visits));
    assert_int_equal(visits, -7);
    assert_true(wafer_get_boolean(session, "dark", &dark));
    assert_true(dark);
    assert_string_equal(wafer_get_text(session, "name", &length), "Ad\xC3\xA4");
    assert_int_equal(length, 4);
    assert_memory_equal(wafer_get_bytes(session, "raw", &length), "\0\xFF", 3);
    assert_int_equal(length, 2);
    assert_null(wafer_get_text(session, "visits", NULL));
    assert_null(wafer_get_bytes(session, "name", NULL));
    assert_false(wafer_get_integer(session, "dark", &visits));
    assert_false(wafer_get_boolean(session, "none", &dark));
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.line, "");
}

static void the_walk_goes_from_shorter_to_longer_names(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const char *const order[] = {"b", "aa", "ab"};
    wafer_variable variable;
    size_t cursor = 0;

    (void)!arrive(world, &ada);
    for (size_t i = 3; i > 0; i--)
        assert_int_equal(wafer_put_integer(world->session, order[i - 1], (int64_t)i), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    for (size_t i = 0; i < 3; i++) {
        assert_true(wafer_next(world->session, &cursor, &variable));
        assert_string_equal(variable.name, order[i]);
        assert_int_equal(variable.name_length, strlen(order[i]));
        assert_int_equal(variable.type, WAFER_INTEGER);
        assert_int_equal(variable.integer, i + 1);
        assert_null(variable.data);
    }
    assert_false(wafer_next(world->session, &cursor, &variable));

    for (int value = 0; value < 2; value++) {
        (void)!arrive(world, &(struct browser){.cookie = ""});
        assert_int_equal(wafer_put_boolean(world->session, "flag", value), WAFER_OK);
        cursor = 0;
        assert_true(wafer_next(world->session, &cursor, &variable));
        assert_int_equal(variable.type, WAFER_BOOLEAN);
        assert_int_equal(variable.boolean, value);
        assert_int_equal(variable.integer, 0);
    }
}

static void a_flash_is_read_once_and_stays_readable_until_the_end(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_variable flash;

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "flash", "saved"), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_take(world->session, "flash", &flash));
    assert_false(wafer_take(world->session, "flash", &flash));
    for (int i = 0; i < 50; i++)
        assert_int_equal(wafer_put_text(world->session, "flash", "another, longer text"), WAFER_OK);
    assert_string_equal(flash.data, "saved");
    assert_int_equal(wafer_remove(world->session, "flash"), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_CHANGED);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_null(wafer_get_text(world->session, "flash", NULL));
}

static void what_is_put_back_as_it_was_is_no_change(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "note", "one"), WAFER_OK);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);

    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_put_text(world->session, "note", "one"), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), 0);
    assert_int_equal(wafer_put_text(world->session, "note", "two"), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_CHANGED);
    assert_int_equal(wafer_clear(world->session), WAFER_OK);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_put_text(world->session, "note", "one"), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), 0);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.line, "");

    struct browser eve = {.cookie = ""};
    assert_int_equal(arrive(world, &eve), WAFER_NONE);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_remove(world->session, "n"), WAFER_OK);
    assert_int_equal(leave(world, &eve), WAFER_OK);
    assert_string_equal(eve.line, "");
}

static void a_session_emptied_of_its_variables_stays_the_same_session(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    uint8_t before[WAFER_ID_SIZE], after[WAFER_ID_SIZE];

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_true(wafer_id(world->session, before));
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_clear(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_CHANGED);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_id(world->session, after));
    assert_memory_equal(before, after, sizeof before);
}

/* ---- time */

static void it_idles_out_exactly_when_unused_for_the_limit(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t at_ms;

    sign_in(world, &ada, "ada");
    world->now_ms = NOON + 30 * MINUTE - 1;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_idle_at(world->session, &at_ms));
    assert_int_equal(at_ms, NOON + 30 * MINUTE);
    world->now_ms++;
    assert_int_equal(arrive(world, &ada), WAFER_IDLE);
    assert_null(wafer_subject(world->session, NULL));
    world->now_ms++;
    assert_int_equal(look(world, &ada), WAFER_IDLE);
    assert_string_equal(ada.line, "");
}

static void it_expires_exactly_at_its_absolute_expiry_however_used(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t at_ms;

    sign_in(world, &ada, "ada");
    while (world->now_ms + 10 * MINUTE < NOON + 12 * HOUR) {
        world->now_ms += 10 * MINUTE;
        assert_int_equal(look(world, &ada), WAFER_VALID);
        assert_int_equal(world->owed, WAFER_OWED_REFRESH);
    }
    world->now_ms = NOON + 12 * HOUR - 1;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_expires_at(world->session, &at_ms));
    assert_int_equal(at_ms, NOON + 12 * HOUR);
    world->now_ms++;
    assert_int_equal(look(world, &ada), WAFER_EXPIRED);
    world->now_ms++;
    assert_int_equal(look(world, &ada), WAFER_EXPIRED);
}

static void it_idles_out_at_its_expiry_at_the_latest(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t idle_at_ms, expires_at_ms;

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_idle_at(world->session, &idle_at_ms));
    assert_int_equal(idle_at_ms, world->now_ms + 30 * MINUTE);
    assert_int_equal(wafer_set_expiry(world->session, 30 * MINUTE - 1, false), WAFER_OK);
    assert_true(wafer_idle_at(world->session, &idle_at_ms));
    assert_true(wafer_expires_at(world->session, &expires_at_ms));
    assert_int_equal(expires_at_ms, world->now_ms + 30 * MINUTE - 1);
    assert_int_equal(idle_at_ms, expires_at_ms);
}

static void a_seal_from_the_future_is_refused_beyond_the_skew(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, copy;

    sign_in(world, &ada, "ada");
    copy = ada;
    world->now_ms = NOON - 60 * SECOND;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    world->now_ms--;
    assert_int_equal(arrive(world, &ada), WAFER_FUTURE);
    assert_true(wafer_frozen(world->session));
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_login(world->session, "eve", 3, NULL, 0), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_renew(world->session), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_set_expiry(world->session, 1000, true), WAFER_UNAVAILABLE);
    assert_null(wafer_subject(world->session, NULL));
    assert_int_equal(leave(world, &ada), WAFER_UNAVAILABLE); /* for the puts */
    assert_string_equal(ada.line, "");
    assert_string_equal(ada.cookie, copy.cookie);
    assert_int_equal(look(world, &ada), WAFER_FUTURE);
    assert_true(wafer_frozen(world->session)); /* nothing can be put after the end either */
}

static void logging_out_of_a_frozen_session_lists_it_all_the_same(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    world->now_ms = NOON - 2 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_FUTURE);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.line, "");
    world->now_ms = NOON;
    assert_int_equal(look(world, &ada), WAFER_REVOKED);
}

static void a_refresh_is_owed_after_a_tenth_of_the_idle_limit(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    world->now_ms = NOON + 3 * MINUTE - 1;
    assert_int_equal(look(world, &ada), WAFER_VALID);
    assert_int_equal(world->owed, 0);
    world->now_ms++;
    assert_int_equal(look(world, &ada), WAFER_VALID);
    assert_int_equal(world->owed, WAFER_OWED_REFRESH);
    assert_int_equal(look(world, &ada), WAFER_VALID);
    assert_int_equal(world->owed, 0);
    world->now_ms += 30 * MINUTE - 1;
    assert_int_equal(look(world, &ada), WAFER_VALID);
}

static void refresh_is_at_least_a_minute_and_at_most_a_third_apart(void **state)
{
    struct world *world = *state;
    const int64_t limits[][2] = {{570 * SECOND, MINUTE},
                                 {5 * MINUTE, MINUTE},
                                 {200 * SECOND, MINUTE},
                                 {90 * SECOND, 30 * SECOND}};

    for (size_t i = 0; i < 4; i++) {
        struct browser ada = {.cookie = ""};
        wafer_settings settings = world_settings(world);

        settings.idle_ms = limits[i][0];
        world_manage(world, &settings);
        sign_in(world, &ada, "ada");
        world->now_ms += limits[i][1] - 1;
        (void)!look(world, &ada);
        assert_int_equal(world->owed, 0);
        world->now_ms++;
        (void)!look(world, &ada);
        assert_int_equal(world->owed, WAFER_OWED_REFRESH);
    }
}

static void a_polling_request_does_not_put_off_the_idle_limit(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t at_ms;

    sign_in(world, &ada, "ada");
    world->now_ms = NOON + 20 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    wafer_no_refresh(world->session);
    assert_int_equal(wafer_owed(world->session), 0);
    assert_int_equal(wafer_put_integer(world->session, "polls", 1), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_CHANGED);
    world->now_ms = NOON + 30 * MINUTE - 1;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_idle_at(world->session, &at_ms));
    assert_int_equal(at_ms, NOON + 30 * MINUTE);
    world->now_ms++;
    assert_int_equal(arrive(world, &ada), WAFER_IDLE);
}

/* One session object serves one request after the other. */
static void what_a_request_was_says_nothing_of_the_next(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    uint8_t id[WAFER_ID_SIZE];

    sign_in(world, &ada, "ada");
    world->now_ms += 20 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    wafer_no_refresh(world->session);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_REFRESH);
    world->now_ms = -1;
    assert_int_equal(wafer_begin(world->session), WAFER_SYSTEM);
    assert_int_equal(wafer_open(world->session), WAFER_UNCHECKED);
    assert_null(wafer_subject(world->session, NULL));
    assert_false(wafer_id(world->session, id));
}

static void without_an_idle_limit_nothing_idles_or_refreshes(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);
    int64_t at_ms;

    settings.idle_ms = 0;
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    world->now_ms += 11 * HOUR;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_idle_at(world->session, &at_ms));
    assert_int_equal(at_ms, NOON + 12 * HOUR);
    assert_int_equal(wafer_owed(world->session), 0);
    assert_int_equal(wafer_set_idle(world->session, -1), WAFER_INVALID);
    assert_int_equal(wafer_set_idle(world->session, 0), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), 0);
    assert_int_equal(wafer_set_idle(world->session, 2 * HOUR), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed & WAFER_OWED_EXPIRY, WAFER_OWED_EXPIRY);
    world->now_ms += 30 * MINUTE;
    assert_int_equal(look(world, &ada), WAFER_VALID);
    assert_int_equal(world->owed, WAFER_OWED_REFRESH);
}

static void settings_tightened_today_act_today(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);

    sign_in(world, &ada, "ada");
    settings.idle_ms = 10 * MINUTE;
    world_manage(world, &settings);
    world->now_ms = NOON + 10 * MINUTE - 1;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    world->now_ms++;
    assert_int_equal(arrive(world, &ada), WAFER_IDLE);

    settings.idle_ms = 30 * MINUTE;
    settings.absolute_ms = 20 * MINUTE;
    world_manage(world, &settings);
    world->now_ms = NOON + 20 * MINUTE - 1;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    world->now_ms++;
    assert_int_equal(arrive(world, &ada), WAFER_EXPIRED);

    settings = world_settings(world);
    settings.absolute_ms = 20 * HOUR; /* loosened: what was sealed still counts */
    settings.idle_ms = 0;
    world_manage(world, &settings);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    world->now_ms = NOON + 30 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_IDLE);
}

static void an_idle_limit_of_one_millisecond_is_one(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);
    int64_t at_ms;

    settings.idle_ms = 1;
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_idle_at(world->session, &at_ms));
    assert_int_equal(at_ms, NOON + 1);
    assert_int_equal(wafer_set_idle(world->session, 2), WAFER_INVALID);
    world->now_ms++;
    assert_int_equal(arrive(world, &ada), WAFER_IDLE);
}

static void a_session_from_before_there_was_an_idle_limit_gets_it_today(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);

    settings.idle_ms = 0;
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    settings.idle_ms = 10 * MINUTE;
    world_manage(world, &settings);
    world->now_ms = NOON + 10 * MINUTE - 1;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    world->now_ms++;
    assert_int_equal(arrive(world, &ada), WAFER_IDLE);
}

static void a_session_sets_its_own_expiry_and_outlives_the_browser(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_set_expiry(world->session, 0, true), WAFER_INVALID);
    assert_int_equal(wafer_set_expiry(world->session, -1, true), WAFER_INVALID);
    assert_int_equal(wafer_set_expiry(world->session, 999, true), WAFER_INVALID);
    assert_int_equal(wafer_set_expiry(world->session, 1, false), WAFER_OK);
    assert_int_equal(wafer_set_expiry(world->session, 0, false), WAFER_INVALID);
    assert_int_equal(wafer_set_expiry(world->session, INT64_MAX, true), WAFER_INVALID);
    assert_int_equal(wafer_set_expiry(world->session, 12 * HOUR + 1, true), WAFER_INVALID);
    assert_int_equal(wafer_set_expiry(world->session, 12 * HOUR, true), WAFER_OK);
    assert_int_equal(wafer_set_expiry(world->session, 1000, true), WAFER_OK);
    assert_int_equal(wafer_set_expiry(world->session, 100 * SECOND + 999, true), WAFER_OK);
    assert_int_equal(wafer_set_idle(world->session, 0), WAFER_INVALID);
    assert_int_equal(wafer_set_idle(world->session, 30 * MINUTE + 1), WAFER_INVALID);
    assert_int_equal(wafer_set_idle(world->session, 30 * MINUTE), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_non_null(strstr(ada.line, "; Max-Age=100;"));
    assert_non_null(strstr(ada.line, "; Expires="));
    world->now_ms = NOON + 100 * SECOND + 998;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    world->now_ms++;
    assert_int_equal(look(world, &ada), WAFER_EXPIRED);
}

static void changing_the_expiry_alone_owes_a_cookie_once(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    assert_null(strstr(ada.line, "Max-Age"));
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_set_expiry(world->session, HOUR, true), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_EXPIRY);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_set_expiry(world->session, HOUR, true), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, 0);

    struct browser eve = {.cookie = ""};
    assert_int_equal(arrive(world, &eve), WAFER_NONE);
    assert_int_equal(wafer_set_expiry(world->session, HOUR, true), WAFER_OK);
    assert_int_equal(leave(world, &eve), WAFER_OK);
    assert_string_equal(eve.line, "");
    assert_int_equal(arrive(world, &eve), WAFER_NONE);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_remove(world->session, "n"), WAFER_OK);
    assert_int_equal(wafer_set_expiry(world->session, HOUR, true), WAFER_OK);
    assert_int_equal(leave(world, &eve), WAFER_OK);
    assert_string_equal(eve.line, "");
}

static void the_settings_may_let_every_cookie_outlive_the_browser(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);

    settings.outlives_browser = true;
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    assert_non_null(strstr(ada.line, "; Max-Age=43200; Expires=Tue, 22 Sep 2026 02:13:20 GMT"));
}

static void a_session_that_begins_with_a_polling_request_is_used_from_then(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    (void)!arrive(world, &ada);
    wafer_no_refresh(world->session);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    world->now_ms += 30 * MINUTE - 1;
    assert_int_equal(look(world, &ada), WAFER_VALID);
}

/* The last line of those that seal from the same moment seals. */
static void a_key_is_old_from_the_very_moment_another_seals(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char lines[2 * WAFER_KEYS_LINE_MAX];
    size_t length;

    key_line(lines, NOON, WAFER_KEY_NEVER);
    length = strlen(lines);
    assert_int_equal(wafer_keyring_replace(world->ring, lines, length, NULL), WAFER_OK);
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_owed(world->session), 0);
    key_line(lines + length, NOON, WAFER_KEY_NEVER);
    assert_int_equal(wafer_keyring_replace(world->ring, lines, strlen(lines), NULL), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_OLD_KEY);
}

static void a_clock_that_cannot_be_read_freezes_the_session(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const int64_t bad[] = {-1, INT64_MIN, INT64_MAX, WAFER_TIME_MAX_MS + 1};
    char kept[5000];

    sign_in(world, &ada, "ada");
    memcpy(kept, ada.cookie, sizeof kept);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        world->now_ms = bad[i];
        assert_int_equal(wafer_begin(world->session), WAFER_SYSTEM);
        assert_int_equal(wafer_field(world->session, kept, strlen(kept)), WAFER_OK);
        assert_int_equal(wafer_open(world->session), WAFER_UNCHECKED);
        assert_int_equal(wafer_open(world->session), WAFER_UNCHECKED); /* the same again */
        assert_non_null(strstr(wafer_explain(world->session), "the clock cannot be read"));
        assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_UNAVAILABLE);
        assert_int_equal(leave(world, &ada), WAFER_UNAVAILABLE);
        assert_string_equal(ada.line, "");
    }
    world->now_ms = NOON;
    assert_int_equal(wafer_begin(world->session), WAFER_OK);
    assert_int_equal(wafer_field(world->session, kept, strlen(kept)), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    world->now_ms = -1;
    assert_int_equal(wafer_recheck(world->session), WAFER_UNCHECKED);
}

static void the_clock_at_its_ends_still_works(void **state)
{
    struct world *world = *state;
    const int64_t ends[] = {WAFER_TIME_MAX_MS - HOUR};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct browser ada = {.cookie = ""};

        world->now_ms = ends[i];
        sign_in(world, &ada, "ada");
        assert_int_equal(look(world, &ada), WAFER_VALID);
    }
}

/* ---- recheck */

static void a_long_lived_connection_learns_that_its_session_ended(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    uint8_t id[WAFER_ID_SIZE];

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_id(world->session, id));
    assert_int_equal(wafer_recheck(world->session), WAFER_VALID);
    world->now_ms += 30 * MINUTE;
    assert_int_equal(wafer_recheck(world->session), WAFER_IDLE);
    world->now_ms += 12 * HOUR;
    assert_int_equal(wafer_recheck(world->session), WAFER_EXPIRED);
    world->now_ms = NOON + 1;
    assert_int_equal(wafer_revoke_session(world->list, id), WAFER_OK);
    assert_int_equal(wafer_recheck(world->session), WAFER_REVOKED);
    assert_string_equal(wafer_subject(world->session, NULL), "ada");

    struct browser nobody = {.cookie = ""};
    (void)!arrive(world, &nobody);
    assert_int_equal(wafer_recheck(world->session), WAFER_NONE);
    wafer_end(world->session);
    assert_int_equal(wafer_recheck(world->session), WAFER_UNCHECKED);
}

static void a_connection_that_signed_out_is_revoked(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(wafer_recheck(world->session), WAFER_REVOKED);
}

/* ---- order of calls */

static void calls_out_of_order_are_misuse_and_change_nothing(void **state)
{
    struct world *world = *state;
    wafer_session *session = world->session;
    const wafer_header *headers = (const wafer_header *)state;
    const char *token;
    char csrf[WAFER_CSRF_LENGTH + 1] = "x";
    uint8_t id[WAFER_ID_SIZE];
    size_t count = 9, cursor = 0;
    wafer_variable variable;
    int64_t value;
    bool flag;

    for (int phase = 0; phase < 2; phase++) { /* ended, then begun but not opened */
        if (phase == 1)
            assert_int_equal(wafer_begin(session), WAFER_OK);
        else
            assert_int_equal(wafer_open(session), WAFER_UNCHECKED);
        assert_int_equal(wafer_put_integer(session, "n", 1), WAFER_MISUSE);
        assert_int_equal(wafer_put_text(session, "n", "t"), WAFER_MISUSE);
        assert_int_equal(wafer_remove(session, "n"), WAFER_MISUSE);
        assert_int_equal(wafer_clear(session), WAFER_MISUSE);
        assert_int_equal(wafer_login(session, "ada", 3, NULL, 0), WAFER_MISUSE);
        assert_int_equal(wafer_logout(session), WAFER_MISUSE);
        assert_int_equal(wafer_logout_everywhere(session), WAFER_MISUSE);
        assert_int_equal(wafer_renew(session), WAFER_MISUSE);
        assert_int_equal(wafer_set_expiry(session, 1000, true), WAFER_MISUSE);
        assert_int_equal(wafer_set_idle(session, 1), WAFER_MISUSE);
        assert_int_equal(wafer_finish(session, &headers, &count), WAFER_MISUSE);
        assert_null(headers);
        assert_int_equal(count, 0);
        assert_int_equal(wafer_seal(session, &token, &count), WAFER_MISUSE);
        assert_int_equal(wafer_csrf_token(session, csrf), WAFER_MISUSE);
        assert_string_equal(csrf, "");
        assert_false(wafer_csrf_check(session, "x", 1));
        assert_int_equal(wafer_recheck(session), WAFER_UNCHECKED);
        assert_int_equal(wafer_owed(session), 0);
        assert_false(wafer_get_integer(session, "n", &value));
        assert_false(wafer_get_boolean(session, "n", &flag));
        assert_null(wafer_get_text(session, "n", NULL));
        assert_null(wafer_get_bytes(session, "n", NULL));
        assert_false(wafer_take(session, "n", &variable));
        assert_false(wafer_next(session, &cursor, &variable));
        assert_false(wafer_line_size(session, &count, NULL));
        assert_false(wafer_id(session, id));
        assert_false(wafer_expires_at(session, &value));
        assert_false(wafer_idle_at(session, &value));
        assert_false(wafer_login_at(session, &value));
        assert_false(wafer_sealed_at(session, &value));
        assert_null(wafer_subject(session, NULL));
        wafer_no_refresh(session);
    }
    assert_int_equal(wafer_open(session), WAFER_NONE);
    assert_int_equal(wafer_field(session, "a=b", 3), WAFER_MISUSE);
    assert_int_equal(wafer_put_integer(session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_finish(session, &headers, &count), WAFER_OK);
    assert_int_equal(wafer_put_integer(session, "n", 2), WAFER_MISUSE);
    assert_int_equal(wafer_logout(session), WAFER_MISUSE);
    assert_int_equal(wafer_seal(session, &token, &count), WAFER_MISUSE);
    wafer_end(session);
    assert_int_equal(wafer_field(session, "a=b", 3), WAFER_MISUSE);
    wafer_end(session);
}

static void after_its_end_a_session_tells_nothing(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char token[WAFER_CSRF_LENGTH + 1];
    uint8_t id[WAFER_ID_SIZE];
    int64_t at_ms;

    sign_in(world, &ada, "ada");
    for (int begun = 0; begun < 2; begun++) {
        assert_int_equal(arrive(world, &ada), WAFER_VALID);
        assert_int_equal(wafer_csrf_token(world->session, token), WAFER_OK);
        wafer_end(world->session);
        if (begun)
            assert_int_equal(wafer_begin(world->session), WAFER_OK);
        assert_false(wafer_id(world->session, id));
        assert_false(wafer_expires_at(world->session, &at_ms));
        assert_false(wafer_idle_at(world->session, &at_ms));
        assert_false(wafer_login_at(world->session, &at_ms));
        assert_false(wafer_sealed_at(world->session, &at_ms));
        assert_null(wafer_subject(world->session, NULL));
        assert_false(wafer_csrf_check(world->session, token, WAFER_CSRF_LENGTH));
        assert_int_equal(wafer_recheck(world->session), WAFER_UNCHECKED);
    }
}

static void nothing_is_an_object_everywhere(void **state)
{
    const wafer_header *headers;
    const char *token;
    char csrf[WAFER_CSRF_LENGTH + 1];
    uint8_t id[WAFER_ID_SIZE];
    wafer_session *session;
    size_t count = 0;
    wafer_variable variable;
    int64_t value;
    bool flag;

    (void)state;
    assert_int_equal(wafer_begin(NULL), WAFER_MISUSE);
    assert_int_equal(wafer_field(NULL, "a=b", 3), WAFER_MISUSE);
    assert_int_equal(wafer_open(NULL), WAFER_UNCHECKED);
    assert_int_equal(wafer_open_token(NULL, "a", 1), WAFER_UNCHECKED);
    assert_int_equal(wafer_recheck(NULL), WAFER_UNCHECKED);
    wafer_end(NULL);
    wafer_session_free(NULL);
    wafer_manager_free(NULL);
    assert_false(wafer_frozen(NULL));
    assert_false(wafer_conflict(NULL));
    assert_false(wafer_superseded(NULL));
    assert_non_null(wafer_explain(NULL));
    assert_false(wafer_get_integer(NULL, "n", &value));
    assert_false(wafer_get_boolean(NULL, "n", &flag));
    assert_null(wafer_get_text(NULL, "n", NULL));
    assert_null(wafer_get_bytes(NULL, "n", NULL));
    assert_int_equal(wafer_put_integer(NULL, "n", 1), WAFER_MISUSE);
    assert_int_equal(wafer_put_boolean(NULL, "n", true), WAFER_MISUSE);
    assert_int_equal(wafer_put_text(NULL, "n", "t"), WAFER_MISUSE);
    assert_int_equal(wafer_put_text_slice(NULL, "n", "t", 1), WAFER_MISUSE);
    assert_int_equal(wafer_put_bytes(NULL, "n", "t", 1), WAFER_MISUSE);
    assert_int_equal(wafer_remove(NULL, "n"), WAFER_MISUSE);
    assert_int_equal(wafer_clear(NULL), WAFER_MISUSE);
    assert_false(wafer_take(NULL, "n", &variable));
    assert_false(wafer_next(NULL, &count, &variable));
    assert_false(wafer_line_size(NULL, &count, &count));
    assert_int_equal(wafer_login(NULL, "a", 1, NULL, 0), WAFER_MISUSE);
    assert_int_equal(wafer_logout(NULL), WAFER_MISUSE);
    assert_int_equal(wafer_logout_everywhere(NULL), WAFER_MISUSE);
    assert_int_equal(wafer_renew(NULL), WAFER_MISUSE);
    assert_null(wafer_subject(NULL, NULL));
    assert_false(wafer_id(NULL, id));
    assert_false(wafer_expires_at(NULL, &value));
    assert_false(wafer_idle_at(NULL, &value));
    assert_false(wafer_login_at(NULL, &value));
    assert_false(wafer_sealed_at(NULL, &value));
    assert_int_equal(wafer_set_expiry(NULL, 1, true), WAFER_MISUSE);
    assert_int_equal(wafer_set_idle(NULL, 1), WAFER_MISUSE);
    wafer_no_refresh(NULL);
    assert_int_equal(wafer_owed(NULL), 0);
    assert_int_equal(wafer_finish(NULL, &headers, &count), WAFER_MISUSE);
    assert_int_equal(wafer_finish(NULL, NULL, NULL), WAFER_MISUSE);
    assert_int_equal(wafer_seal(NULL, &token, &count), WAFER_MISUSE);
    assert_int_equal(wafer_seal(NULL, NULL, NULL), WAFER_MISUSE);
    assert_int_equal(wafer_csrf_token(NULL, csrf), WAFER_MISUSE);
    assert_int_equal(wafer_csrf_token(NULL, NULL), WAFER_MISUSE);
    assert_false(wafer_csrf_check(NULL, "x", 1));
    assert_int_equal(wafer_session_new(NULL, &session), WAFER_MISUSE);
    assert_int_equal(wafer_session_new(NULL, NULL), WAFER_MISUSE);
}

static void null_arguments_of_a_good_session_do_no_harm(void **state)
{
    struct world *world = *state;
    wafer_session *session = world->session;
    wafer_variable variable;
    size_t count, cursor = 0;

    assert_int_equal(wafer_begin(session), WAFER_OK);
    assert_int_equal(wafer_field(session, NULL, 1), WAFER_MISUSE);
    assert_int_equal(wafer_field(session, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_open_token(session, NULL, 1), WAFER_UNCHECKED);
    assert_int_equal(wafer_open(session), WAFER_NONE);
    assert_int_equal(wafer_put_integer(session, "n", 1), WAFER_OK);
    assert_false(wafer_get_integer(session, "n", NULL));
    assert_false(wafer_get_boolean(session, NULL, NULL));
    assert_false(wafer_take(session, NULL, &variable));
    assert_false(wafer_take(session, "n", NULL));
    assert_false(wafer_next(session, NULL, &variable));
    assert_false(wafer_next(session, &cursor, NULL));
    assert_true(wafer_line_size(session, NULL, NULL));
    assert_int_equal(wafer_remove(session, NULL), WAFER_OK);
    assert_false(wafer_id(session, NULL));
    assert_false(wafer_expires_at(session, NULL));
    assert_false(wafer_idle_at(session, NULL));
    assert_false(wafer_login_at(session, NULL));
    assert_false(wafer_sealed_at(session, NULL));
    assert_false(wafer_csrf_check(session, NULL, 48));
    assert_int_equal(wafer_login(session, NULL, 3, NULL, 0), WAFER_INVALID);
    assert_int_equal(wafer_login(session, "ada", 3, NULL, 1), WAFER_INVALID);
    assert_int_equal(wafer_finish(session, NULL, &count), WAFER_MISUSE);
    assert_int_equal(wafer_put_integer(session, NULL, 1), WAFER_INVALID);
}

/* ---- memory */

static void a_session_lives_in_memory_of_the_caller(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    uint8_t *memory = aligned_alloc(64, (wafer_session_size() + 127) / 64 * 64);
    wafer_session *placed;

    assert_non_null(memory);
    assert_int_equal(wafer_session_place(memory, wafer_session_size() - 1, world->manager, &placed),
                     WAFER_MISUSE);
    assert_null(placed);
    assert_int_equal(wafer_session_place(memory + 1, wafer_session_size(), world->manager, &placed),
                     WAFER_MISUSE);
    assert_int_equal(wafer_session_place(NULL, wafer_session_size(), world->manager, &placed),
                     WAFER_MISUSE);
    assert_int_equal(wafer_session_place(memory, wafer_session_size(), NULL, &placed),
                     WAFER_MISUSE);
    assert_int_equal(wafer_session_place(memory, wafer_session_size(), world->manager, NULL),
                     WAFER_MISUSE);
    assert_int_equal(wafer_session_new(world->manager, NULL), WAFER_MISUSE);
    assert_int_equal(wafer_session_place(memory, wafer_session_size(), world->manager, &placed),
                     WAFER_OK);
    for (int i = 0; i < 3; i++) {
        (void)!arrive_at(placed, &ada);
        assert_int_equal(wafer_put_integer(placed, "n", i), WAFER_OK);
        assert_int_equal(leave_from(placed, &ada), WAFER_OK);
    }
    assert_int_equal(look(world, &ada), WAFER_VALID);
    wafer_session_free(placed);
    free(memory);
}

static void nothing_of_a_request_is_left_in_the_session_after_its_end(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const char *const secrets[] = {"plaintext-one", "plaintext-two-longer", "flash-value",
                                   "ada@example.org"};
    wafer_variable flash;

    sign_in(world, &ada, "ada@example.org");
    assert_false(session_holds(world, secrets[3]));
    (void)!arrive(world, &ada);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(wafer_put_text(world->session, i == 1 ? "b" : "a", secrets[i]), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    (void)!arrive(world, &ada);
    assert_true(wafer_take(world->session, "a", &flash));
    assert_int_equal(wafer_put_text(world->session, "b", secrets[0]), WAFER_OK);
    assert_true(session_holds(world, secrets[3]));
    (void)wafer_explain(world->session);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    for (size_t i = 0; i < 4; i++)
        assert_false(session_holds(world, secrets[i]));
    assert_false(session_holds(world, token_of(&ada) + 20));
    assert_true(sodium_is_zero((const uint8_t *)world->session->line, sizeof world->session->line));
}

static void a_request_that_is_only_read_or_never_ended_is_wiped_too(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const char *token;
    char copy[600];
    size_t length;

    sign_in(world, &ada, "ada@example.org");
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "note", "plaintext-three"), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    for (int ended = 0; ended < 2; ended++) {
        assert_int_equal(arrive(world, &ada), WAFER_VALID);
        assert_true(session_holds(world, "plaintext-three"));
        if (ended)
            wafer_end(world->session);
        else
            assert_int_equal(wafer_begin(world->session), WAFER_OK);
        assert_false(session_holds(world, "plaintext-three"));
        assert_false(session_holds(world, "ada@example.org"));
    }
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_seal(world->session, &token, &length), WAFER_OK);
    memcpy(copy, token, length + 1);
    wafer_end(world->session);
    assert_false(session_holds(world, copy + length - 20));
}

/* Whatever the order, and whichever of them wins. */
static void all_of_several_candidates_is_wiped(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, with_long, both = {.cookie = ""};
    char note[901];

    memset(note, 'x', sizeof note - 1);
    memcpy(note + sizeof note - sizeof "plaintext-at-the-end", "plaintext-at-the-end",
           sizeof "plaintext-at-the-end");
    sign_in(world, &ada, "ada@example.org");
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "note", note), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    with_long = ada;
    world->now_ms += WAFER_MINUTE_MS;
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "note", "plaintext-short"), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    for (int order = 0; order < 2; order++) {
        const struct browser *first = order == 0 ? &with_long : &ada;
        const struct browser *second = order == 0 ? &ada : &with_long;
        size_t length = strlen(first->cookie);
        memcpy(both.cookie, first->cookie, length);
        memcpy(both.cookie + length, "; ", 2);
        memcpy(both.cookie + length + 2, second->cookie, strlen(second->cookie) + 1);
        assert_int_equal(arrive(world, &both), WAFER_VALID);
        assert_string_equal(wafer_get_text(world->session, "note", NULL), "plaintext-short");
        assert_true(session_holds(world, "plaintext-at-the-end"));
        wafer_end(world->session);
        assert_false(session_holds(world, "plaintext-"));
        assert_false(session_holds(world, "ada@example.org"));
    }
}

static void a_session_that_is_not_to_be_used_is_wiped_too(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t noon_ms = world->now_ms;
    const int64_t times_ms[] = {noon_ms - WAFER_HOUR_MS, noon_ms + WAFER_HOUR_MS};
    const wafer_verdict verdicts[] = {WAFER_FUTURE, WAFER_IDLE};

    sign_in(world, &ada, "ada@example.org");
    for (size_t i = 0; i < 2; i++) {
        world->now_ms = times_ms[i];
        assert_int_equal(arrive(world, &ada), verdicts[i]);
        assert_true(session_holds(world, "ada@example.org"));
        wafer_end(world->session);
        assert_false(session_holds(world, "ada@example.org"));
    }
}

static void leave_without_randomness(struct world *world, struct browser *browser)
{
    no_randomness = true;
    wafer_reseed();
    assert_int_equal(leave(world, browser), WAFER_SYSTEM);
    no_randomness = false;
}

/* The plaintext is written where it is to be sealed, and then it is not. */
static void a_request_that_could_not_be_sealed_is_wiped_too(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada@example.org");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_put_text(world->session, "note", "plaintext-four"), WAFER_OK);
    leave_without_randomness(world, &ada);
    assert_false(session_holds(world, "plaintext-four"));
    assert_false(session_holds(world, "ada@example.org"));
}

static void a_deletion_goes_out_and_the_failure_is_told_when_sealing_anew_fails(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    leave_without_randomness(world, &ada);
    assert_string_equal(ada.cookie, "");
}

static void a_refresh_that_padding_makes_too_large_is_told(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);
    const wafer_header *headers;
    size_t count;
    char note[2101];

    memset(note, 'x', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    sign_in(world, &ada, "ada");
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "note", note), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    settings.pad_to = 1024;
    world_manage(world, &settings);
    world->now_ms += 10 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_TOO_LARGE);
    assert_non_null(strstr(wafer_explain(world->session), "the cookie line would take "));
    wafer_end(world->session);
}

/* The library's free, which tells what was in a session. */
void __real_free(void *memory);
void __wrap_free(void *memory);

static const wafer_session *watched;
static size_t left_in_watched;
static unsigned frees_of_watched;

void __wrap_free(void *memory)
{
    if (memory != NULL && memory == watched) {
        frees_of_watched++;
        for (size_t i = 0; i < wafer_session_size(); i++)
            left_in_watched += ((const uint8_t *)memory)[i] != 0;
    }
    __real_free(memory);
}

static void a_session_that_was_made_is_freed_empty_and_one_that_was_placed_is_not(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    uint8_t *memory = aligned_alloc(64, (wafer_session_size() + 127) / 64 * 64);
    wafer_session *made;
    wafer_session *placed;

    sign_in(world, &ada, "ada@example.org");
    assert_int_equal(wafer_session_new(world->manager, &made), WAFER_OK);
    assert_int_equal(arrive_at(made, &ada), WAFER_VALID);
    assert_non_null(wafer_explain(made));
    frees_of_watched = 0;
    left_in_watched = 0;
    watched = made;
    wafer_session_free(made);
    assert_int_equal(frees_of_watched, 1);
    assert_int_equal(left_in_watched, 0);

    assert_non_null(memory);
    assert_int_equal(wafer_session_place(memory, wafer_session_size(), world->manager, &placed),
                     WAFER_OK);
    watched = placed;
    wafer_session_free(placed);
    watched = NULL;
    assert_int_equal(frees_of_watched, 1);
    free(memory);
}

static void finishing_twice_gives_the_same_fields(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const wafer_header *first, *second;
    size_t first_count, second_count;
    char line[5000];

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_finish(world->session, &first, &first_count), WAFER_OK);
    assert_int_equal(first_count, 3);
    assert_string_equal(first[0].name, "Set-Cookie");
    assert_string_equal(first[1].name, "Cache-Control");
    assert_string_equal(first[1].value, "no-store");
    assert_string_equal(first[2].name, "Vary");
    assert_string_equal(first[2].value, "Cookie");
    memcpy(line, first[0].value, first[0].value_length + 1);
    assert_int_equal(wafer_finish(world->session, &second, &second_count), WAFER_OK);
    assert_ptr_equal(first, second);
    assert_int_equal(second_count, 3);
    assert_string_equal(second[0].value, line);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_CHANGED);
}

static void caches_are_told_unless_switched_off(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);
    const wafer_header *headers;
    size_t count;

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_OK);
    assert_int_equal(count, 1);
    assert_string_equal(headers[0].name, "Vary");
    settings.cache_headers = false;
    world_manage(world, &settings);
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_OK);
    assert_int_equal(count, 1);
    assert_string_equal(headers[0].name, "Set-Cookie");
}

static void the_default_cookie_has_the_safe_attributes(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    assert_int_equal(strncmp(ada.line, "__Host-session=A", 16), 0);
    assert_string_equal(strchr(ada.line, ';'), "; Path=/; Secure; HttpOnly; SameSite=Lax");
}

/* ---- without HTTP */

static void a_token_goes_without_http(void **state)
{
    struct world *world = *state;
    wafer_session *session = world->session;
    const char *token, *again;
    char copy[5000];
    uint8_t before[WAFER_ID_SIZE], after[WAFER_ID_SIZE];
    size_t length, same;
    int64_t value;

    assert_int_equal(wafer_begin(session), WAFER_OK);
    assert_int_equal(wafer_open_token(session, "", 0), WAFER_REJECTED);
    assert_int_equal(wafer_begin(session), WAFER_OK);
    assert_int_equal(wafer_open(session), WAFER_NONE);
    assert_int_equal(wafer_put_integer(session, "n", 5), WAFER_OK);
    assert_int_equal(wafer_seal(session, NULL, &length), WAFER_MISUSE);
    assert_int_equal(wafer_seal(session, &token, NULL), WAFER_MISUSE);
    assert_int_equal(wafer_seal(session, &token, &length), WAFER_OK);
    assert_int_equal(wafer_owed(session), WAFER_OWED_CHANGED);
    assert_int_equal(strlen(token), length);
    assert_int_equal(wafer_seal(session, &again, &same), WAFER_OK);
    assert_ptr_equal(token, again);
    assert_int_equal(wafer_put_integer(session, "n", 6), WAFER_MISUSE);
    memcpy(copy, token, length + 1);
    assert_true(wafer_id(session, before));
    assert_int_equal(wafer_begin(session), WAFER_OK);
    assert_int_equal(wafer_open_token(session, copy, length), WAFER_VALID);
    assert_true(wafer_id(session, after));
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(wafer_open_token(session, "x", 1), WAFER_VALID);
    assert_true(wafer_get_integer(session, "n", &value));
    assert_int_equal(value, 5);
    assert_int_equal(wafer_owed(session), 0);
    assert_int_equal(wafer_seal(session, &token, &length), WAFER_OK);
    assert_string_not_equal(token, copy);
    assert_true(wafer_id(session, after));
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(wafer_begin(session), WAFER_OK);
    assert_int_equal(wafer_open(session), WAFER_NONE);
    assert_int_equal(wafer_seal(session, &token, &length), WAFER_OK); /* an empty, new one */
    assert_int_equal(wafer_begin(session), WAFER_OK);
    assert_int_equal(wafer_open_token(session, copy, length - 1), WAFER_REJECTED);
    assert_int_equal(wafer_logout(session), WAFER_OK);
    assert_int_equal(wafer_seal(session, &token, &length), WAFER_INVALID);
    assert_null(token);
    assert_int_equal(wafer_begin(session), WAFER_OK); /* the next request knows nothing of that */
    assert_int_equal(wafer_open(session), WAFER_NONE);
    assert_int_equal(wafer_seal(session, &token, &length), WAFER_OK);
}

static void a_frozen_session_seals_no_token(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const char *token = "?";
    size_t length = 7;

    sign_in(world, &ada, "ada");
    world->now_ms -= 2 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_FUTURE);
    assert_int_equal(wafer_seal(world->session, &token, &length), WAFER_UNAVAILABLE);
    assert_null(token);
    assert_int_equal(length, 0);
}

static void padding_hides_the_length_and_opens_under_any_setting(void **state)
{
    struct world *world = *state;
    wafer_settings padded = world_settings(world), plain = world_settings(world);
    struct browser first = {.cookie = ""}, second = {.cookie = ""};
    size_t length;

    padded.pad_to = 256;
    world_manage(world, &padded);
    sign_in(world, &first, "a");
    sign_in(world, &second, "a-much-longer-subject");
    assert_int_equal(strlen(first.cookie), strlen(second.cookie));
    length = WAFER_BASE64_BYTES(strlen(token_of(&first))) - WAFER_SEAL_OVERHEAD;
    assert_int_equal(length % 256, 0);
    world_manage(world, &plain);
    assert_int_equal(look(world, &second), WAFER_VALID);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_first_visit_has_no_session_and_owes_no_cookie),
        IN_WORLD(variables_come_back_with_the_next_request),
        IN_WORLD(the_walk_goes_from_shorter_to_longer_names),
        IN_WORLD(a_flash_is_read_once_and_stays_readable_until_the_end),
        IN_WORLD(what_is_put_back_as_it_was_is_no_change),
        IN_WORLD(a_session_emptied_of_its_variables_stays_the_same_session),
        IN_WORLD(it_idles_out_exactly_when_unused_for_the_limit),
        IN_WORLD(it_expires_exactly_at_its_absolute_expiry_however_used),
        IN_WORLD(it_idles_out_at_its_expiry_at_the_latest),
        IN_WORLD(a_seal_from_the_future_is_refused_beyond_the_skew),
        IN_WORLD(logging_out_of_a_frozen_session_lists_it_all_the_same),
        IN_WORLD(a_refresh_is_owed_after_a_tenth_of_the_idle_limit),
        IN_WORLD(refresh_is_at_least_a_minute_and_at_most_a_third_apart),
        IN_WORLD(a_polling_request_does_not_put_off_the_idle_limit),
        IN_WORLD(what_a_request_was_says_nothing_of_the_next),
        IN_WORLD(without_an_idle_limit_nothing_idles_or_refreshes),
        IN_WORLD(settings_tightened_today_act_today),
        IN_WORLD(an_idle_limit_of_one_millisecond_is_one),
        IN_WORLD(a_session_from_before_there_was_an_idle_limit_gets_it_today),
        IN_WORLD(a_session_sets_its_own_expiry_and_outlives_the_browser),
        IN_WORLD(changing_the_expiry_alone_owes_a_cookie_once),
        IN_WORLD(the_settings_may_let_every_cookie_outlive_the_browser),
        IN_WORLD(a_session_that_begins_with_a_polling_request_is_used_from_then),
        IN_WORLD(a_key_is_old_from_the_very_moment_another_seals),
        IN_WORLD(a_clock_that_cannot_be_read_freezes_the_session),
        IN_WORLD(the_clock_at_its_ends_still_works),
        IN_WORLD(a_long_lived_connection_learns_that_its_session_ended),
        IN_WORLD(a_connection_that_signed_out_is_revoked),
        IN_WORLD(calls_out_of_order_are_misuse_and_change_nothing),
        IN_WORLD(after_its_end_a_session_tells_nothing),
        cmocka_unit_test(nothing_is_an_object_everywhere),
        IN_WORLD(null_arguments_of_a_good_session_do_no_harm),
        IN_WORLD(a_session_lives_in_memory_of_the_caller),
        IN_WORLD(nothing_of_a_request_is_left_in_the_session_after_its_end),
        IN_WORLD(a_request_that_is_only_read_or_never_ended_is_wiped_too),
        IN_WORLD(a_request_that_could_not_be_sealed_is_wiped_too),
        IN_WORLD(a_deletion_goes_out_and_the_failure_is_told_when_sealing_anew_fails),
        IN_WORLD(a_refresh_that_padding_makes_too_large_is_told),
        IN_WORLD(a_session_that_was_made_is_freed_empty_and_one_that_was_placed_is_not),
        IN_WORLD(all_of_several_candidates_is_wiped),
        IN_WORLD(a_session_that_is_not_to_be_used_is_wiped_too),
        IN_WORLD(finishing_twice_gives_the_same_fields),
        IN_WORLD(caches_are_told_unless_switched_off),
        IN_WORLD(the_default_cookie_has_the_safe_attributes),
        IN_WORLD(a_token_goes_without_http),
        IN_WORLD(a_frozen_session_seals_no_token),
        IN_WORLD(padding_hides_the_length_and_opens_under_any_setting),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
