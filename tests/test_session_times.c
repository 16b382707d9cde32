/* When a session began, was sealed and ended, as the getters and the line for logs tell it. */
#include "fixture.h"

#include "randomness.h"

#include <string.h>

static void is_at(bool told, int64_t at_ms, int64_t expected_ms)
{
    assert_true(told);
    assert_int_equal(at_ms, expected_ms);
}

static void logged_in_at(const struct world *world, int64_t expected_ms)
{
    int64_t at_ms = 0;
    bool told = wafer_login_at(world->session, &at_ms);

    is_at(told, at_ms, expected_ms);
}

static void sealed_at(const struct world *world, int64_t expected_ms)
{
    int64_t at_ms = 0;
    bool told = wafer_sealed_at(world->session, &at_ms);

    is_at(told, at_ms, expected_ms);
}

static void was_not_sealed(const struct world *world)
{
    int64_t at_ms = -7;

    assert_false(wafer_sealed_at(world->session, &at_ms));
    assert_int_equal(at_ms, -7);
}

static void finish(struct world *world, wafer_result expected)
{
    const wafer_header *headers;
    size_t count;

    assert_int_equal(wafer_finish(world->session, &headers, &count), expected);
}

static void explains(const struct world *world, const char *line)
{
    const char *told = wafer_explain(world->session);

    if (strstr(told, line) == NULL)
        fail_msg("%s\n    does not say %s", told, line);
}

/* ---- getters ----------------------------------------------------------------------- */

static void the_login_stays_and_the_seal_moves_with_each_cookie(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    world->now_ms = NOON + 10 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    logged_in_at(world, NOON);
    sealed_at(world, NOON);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_REFRESH);
    finish(world, WAFER_OK);
    sealed_at(world, NOON + 10 * MINUTE);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    logged_in_at(world, NOON);
    sealed_at(world, NOON + 10 * MINUTE);
    finish(world, WAFER_OK); /* nothing is owed */
    sealed_at(world, NOON + 10 * MINUTE);
}

static void a_session_of_this_request_is_sealed_when_it_goes_out(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t at_ms = -7;
    const char *token;
    size_t length;

    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_false(wafer_login_at(world->session, &at_ms));
    assert_int_equal(at_ms, -7);
    was_not_sealed(world);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    logged_in_at(world, NOON);
    was_not_sealed(world);
    finish(world, WAFER_OK);
    sealed_at(world, NOON);
    wafer_end(world->session);

    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_int_equal(wafer_seal(world->session, &token, &length), WAFER_OK);
    sealed_at(world, NOON);
}

static void a_login_in_place_of_a_session_has_no_cookie_yet(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    world->now_ms = NOON + MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_login(world->session, "bob", 3, NULL, 0), WAFER_OK);
    logged_in_at(world, NOON + MINUTE);
    was_not_sealed(world);
    finish(world, WAFER_OK);
    sealed_at(world, NOON + MINUTE);
}

static void what_could_not_be_sealed_leaves_the_times_of_the_cookie_that_came(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t idle_ms = 0;
    bool told;

    sign_in(world, &ada, "ada");
    world->now_ms = NOON + 10 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    no_randomness = true;
    wafer_reseed();
    finish(world, WAFER_SYSTEM);
    no_randomness = false;
    sealed_at(world, NOON);
    told = wafer_idle_at(world->session, &idle_ms);
    is_at(told, idle_ms, NOON + 30 * MINUTE);

    ada.cookie[0] = '\0';
    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    no_randomness = true;
    wafer_reseed();
    finish(world, WAFER_SYSTEM);
    no_randomness = false;
    was_not_sealed(world);
}

static void an_empty_session_has_no_times(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t at_ms = -7;

    assert_false(wafer_login_at(NULL, &at_ms));
    assert_false(wafer_sealed_at(NULL, &at_ms));
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_false(wafer_login_at(world->session, NULL));
    assert_false(wafer_sealed_at(world->session, NULL));
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_false(wafer_login_at(world->session, &at_ms));
    was_not_sealed(world);
    assert_int_equal(arrive(world, &ada), WAFER_REVOKED);
    assert_false(wafer_login_at(world->session, &at_ms));
    was_not_sealed(world);
    wafer_end(world->session);
    assert_false(wafer_login_at(world->session, &at_ms));
    was_not_sealed(world);
    assert_int_equal(wafer_begin(world->session), WAFER_OK);
    assert_false(wafer_login_at(world->session, &at_ms));
    was_not_sealed(world);
    assert_int_equal(at_ms, -7);
}

/* ---- the line for logs -------------------------------------------------------------- */

static void an_expired_one_tells_when_it_was_sealed_and_expired(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada-lovelace");
    world->now_ms = NOON + 12 * HOUR + 100 * SECOND + 999;
    assert_int_equal(arrive(world, &ada), WAFER_EXPIRED);
    explains(world, "expired; sealed 43300 s ago under key ");
    explains(world, ", expired 100 s ago; 1 tried");
    assert_null(strstr(wafer_explain(world->session), "lovelace"));
}

static void an_idle_one_tells_when_it_idled_out_also_after_a_login(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    world->now_ms = NOON + 31 * MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_IDLE);
    explains(world, "idle; sealed 1860 s ago under key ");
    explains(world, ", idled out 60 s ago; 1 tried");
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    explains(world, ", idled out 60 s ago; signed in, expires in 43200 s");
}

static void one_from_the_future_tells_how_far_it_is_ahead(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    world->now_ms = NOON - MINUTE;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    explains(world, "; signed in, sealed 60 s ahead of the clock under key ");
    world->now_ms--;
    assert_int_equal(arrive(world, &ada), WAFER_FUTURE);
    explains(world, "future; sealed 60 s ahead of the clock under key ");
    world->now_ms = NOON - HOUR;
    assert_int_equal(arrive(world, &ada), WAFER_FUTURE);
    explains(world, "; sealed 3600 s ahead of the clock under key ");
}

static void a_revoked_one_tells_when_it_began(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    struct browser copy;

    sign_in(world, &ada, "ada");
    world->now_ms = NOON + 10 * MINUTE;
    assert_int_equal(look(world, &ada), WAFER_VALID);
    copy = ada;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    world->now_ms = NOON + 11 * MINUTE;
    assert_int_equal(arrive(world, &copy), WAFER_REVOKED);
    explains(world, "revoked; sealed 60 s ago under key ");
    explains(world, ", begun 660 s ago; 1 tried");
}

static void of_no_limit_nothing_is_told_and_of_the_shortest_all(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);

    settings.idle_ms = 0;
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    explains(world, ", expires in 43200 s; 1 tried");
    ada.cookie[0] = '\0';
    settings.idle_ms = 1;
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    explains(world, ", idles out in 0 s; 1 tried");
}

static void who_is_told_without_a_name_and_the_key_by_its_id(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_token_facts facts;
    char words[64];

    assert_int_equal(arrive(world, &ada), WAFER_NONE);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(wafer_token_look(token_of(&ada), strlen(token_of(&ada)), &facts, NULL),
                     WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    (void)snprintf(words, sizeof words,
                   "; nobody signed in, sealed 0 s ago under key %02x%02x%02x,", facts.key_id[0],
                   facts.key_id[1], facts.key_id[2]);
    explains(world, words);
    sign_in(world, &ada, "a");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    explains(world, "; signed in, sealed 0 s ago under key ");
}

/* A session that was refused leaves nothing for the line of the next request. */
static void what_was_told_of_one_request_is_not_told_of_the_next(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    struct browser nobody = {.cookie = ""};

    sign_in(world, &ada, "ada");
    world->now_ms = NOON + 12 * HOUR;
    assert_int_equal(arrive(world, &ada), WAFER_EXPIRED);
    assert_int_equal(arrive(world, &nobody), WAFER_NONE);
    assert_null(strstr(wafer_explain(world->session), "sealed"));
    world->now_ms = -1;
    assert_int_equal(wafer_begin(world->session), WAFER_SYSTEM);
    assert_int_equal(wafer_open(world->session), WAFER_UNCHECKED);
    assert_null(strstr(wafer_explain(world->session), "sealed"));
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(the_login_stays_and_the_seal_moves_with_each_cookie),
        IN_WORLD(a_session_of_this_request_is_sealed_when_it_goes_out),
        IN_WORLD(a_login_in_place_of_a_session_has_no_cookie_yet),
        IN_WORLD(what_could_not_be_sealed_leaves_the_times_of_the_cookie_that_came),
        IN_WORLD(an_empty_session_has_no_times),
        IN_WORLD(an_expired_one_tells_when_it_was_sealed_and_expired),
        IN_WORLD(an_idle_one_tells_when_it_idled_out_also_after_a_login),
        IN_WORLD(one_from_the_future_tells_how_far_it_is_ahead),
        IN_WORLD(a_revoked_one_tells_when_it_began),
        IN_WORLD(of_no_limit_nothing_is_told_and_of_the_shortest_all),
        IN_WORLD(who_is_told_without_a_name_and_the_key_by_its_id),
        IN_WORLD(what_was_told_of_one_request_is_not_told_of_the_next),
    };

    return cmocka_run_group_tests_name("session_times", tests, NULL, NULL);
}
