/* What hardly ever happens to a session: it idles or comes from the future with nobody signed in,
 * another request is a moment faster, a token's key is gone, the cookies are too many to count. */
#include "fixture.h"

#include <string.h>

/* ---- Nobody signed in ---- */

static void an_anonymous_session_that_idled_is_left_without_an_entry(void **state)
{
    struct world *world = *state;

    for (int how = 0; how < 3; how++) {
        wafer_revocations_status status;
        struct browser visitor = {.cookie = ""};

        (void)!arrive(world, &visitor);
        assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
        assert_int_equal(leave(world, &visitor), WAFER_OK);
        world->now_ms += 30 * MINUTE;
        assert_int_equal(arrive(world, &visitor), WAFER_IDLE);
        assert_int_equal(how == 0   ? wafer_logout(world->session)
                         : how == 1 ? wafer_logout_everywhere(world->session)
                                    : wafer_login(world->session, "ada", 3, NULL, 0),
                         WAFER_OK);
        assert_int_equal(leave(world, &visitor), WAFER_OK);
        assert_int_equal(look(world, &visitor), how == 2 ? WAFER_VALID : WAFER_NONE);
        assert_int_equal(wafer_revocations_look(world->list, &status), WAFER_OK);
        assert_int_equal(status.entries, 0);
    }
}

/* There is nothing that could be listed, and that is known, so it is no failure. */
static void logging_out_nobody_of_the_future_succeeds_and_sends_nothing(void **state)
{
    struct world *world = *state;

    for (int everywhere = 0; everywhere < 2; everywhere++) {
        struct browser visitor = {.cookie = ""};

        (void)!arrive(world, &visitor);
        assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
        assert_int_equal(leave(world, &visitor), WAFER_OK);
        world->now_ms -= 2 * MINUTE;
        assert_int_equal(arrive(world, &visitor), WAFER_FUTURE);
        assert_true(wafer_frozen(world->session));
        assert_int_equal(everywhere ? wafer_logout_everywhere(world->session)
                                    : wafer_logout(world->session),
                         WAFER_OK);
        assert_int_equal(leave(world, &visitor), WAFER_OK);
        assert_string_equal(visitor.line, "");
        world->now_ms += 2 * MINUTE;
        assert_int_equal(look(world, &visitor), WAFER_VALID);
    }
}

static void a_subject_of_another_length_is_another(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const char *const keep[] = {"cart"};
    const char *const others[] = {"adam", "ad"};

    for (size_t i = 0; i < 2; i++) {
        sign_in(world, &ada, "ada");
        assert_int_equal(arrive(world, &ada), WAFER_VALID);
        assert_int_equal(wafer_put_text(world->session, "cart", "book"), WAFER_OK);
        assert_int_equal(wafer_login(world->session, others[i], strlen(others[i]), keep, 1),
                         WAFER_OK);
        assert_null(wafer_get_text(world->session, "cart", NULL));
        assert_int_equal(leave(world, &ada), WAFER_OK);
    }
}

/* ---- Another request is faster ---- */

static void a_session_that_was_logged_out_meanwhile_seals_no_token(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    uint8_t id[WAFER_ID_SIZE];
    const char *token;
    size_t length;

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_id(world->session, id));
    assert_int_equal(wafer_revoke_session(world->list, id), WAFER_OK);
    assert_int_equal(wafer_seal(world->session, &token, &length), WAFER_UNAVAILABLE);
    assert_null(token);
    assert_int_equal(length, 0);
}

/* A list over the world's in which, once armed, every renewal is followed by another at once. */
struct overtaking {
    wafer_revocations *inner;
    bool armed;
};

static wafer_result check(void *context, const wafer_revocation_query *query,
                          wafer_standing *standing)
{
    return wafer_revocations_check(((struct overtaking *)context)->inner, query, standing);
}

static wafer_result not_before(void *context, const uint8_t *subject, int64_t *at_ms)
{
    return wafer_revocations_not_before(((struct overtaking *)context)->inner, subject, at_ms);
}

static wafer_result revoke(void *context, int64_t now_ms, wafer_revocation *entry)
{
    struct overtaking *list = context;
    wafer_result result = wafer_revocations_apply(list->inner, now_ms, entry);
    wafer_revocation next = {.kind = entry->kind, .renewals = entry->renewals + 1};

    memcpy(next.key, entry->key, sizeof next.key);
    if (result == WAFER_OK && list->armed)
        assert_int_equal(wafer_revocations_apply(list->inner, now_ms, &next), WAFER_OK);
    return result;
}

static wafer_result purge(void *context, int64_t now_ms, size_t *dropped)
{
    (void)now_ms;
    return wafer_revocations_purge(((struct overtaking *)context)->inner, dropped);
}

static wafer_result retain(void *context, int64_t retention_ms)
{
    return wafer_revocations_retain(((struct overtaking *)context)->inner, retention_ms);
}

static wafer_result tell(void *context, wafer_revocations_status *status)
{
    return wafer_revocations_look(((struct overtaking *)context)->inner, status);
}

static wafer_result copy(void *context, wafer_revocation *entries, size_t room, size_t *count)
{
    (void)context;
    (void)entries;
    (void)room;
    *count = 0;
    return WAFER_OK;
}

static void release(void *context)
{
    wafer_revocations_free(((struct overtaking *)context)->inner);
}

static void a_renewal_that_the_next_one_overtakes_is_told_so(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const wafer_revocations_interface functions =
        {sizeof functions, check, not_before, revoke, purge, retain, tell, copy, release, NULL};
    static struct overtaking overtaking; /* the world outlives the test */
    wafer_settings settings;

    overtaking.inner = world->list;
    assert_int_equal(wafer_revocations_wrap(&functions, &overtaking, world_clock, world,
                                            &world->list, NULL),
                     WAFER_OK);
    settings = world_settings(world);
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(arrive(world, &ada), WAFER_VALID);
        overtaking.armed = i == 1;
        assert_int_equal(wafer_renew(world->session), i == 0 ? WAFER_OK : WAFER_UNAVAILABLE);
        assert_int_equal(leave(world, &ada), WAFER_OK);
    }
    assert_string_equal(ada.line, ""); /* the other one's cookie is not overwritten */
}

/* ---- Keys, lengths, numbers ---- */

static void a_csrf_token_under_a_key_that_is_gone_is_refused(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char keys[2][WAFER_KEYS_LINE_MAX], both[2 * WAFER_KEYS_LINE_MAX];
    char token[WAFER_CSRF_LENGTH + 1];

    key_line(keys[0], NOON - 2 * HOUR, INT64_MAX);
    key_line(keys[1], NOON - HOUR, INT64_MAX);
    (void)snprintf(both, sizeof both, "%s%s", keys[0], keys[1]);
    assert_int_equal(wafer_keyring_replace(world->ring, keys[0], strlen(keys[0]), NULL), WAFER_OK);
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_OK);
    assert_int_equal(wafer_keyring_replace(world->ring, both, strlen(both), NULL), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_VALID); /* from now on under the other key */
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_csrf_check(world->session, token, strlen(token)));
    assert_int_equal(wafer_keyring_replace(world->ring, keys[1], strlen(keys[1]), NULL), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_false(wafer_csrf_check(world->session, token, strlen(token)));
}

/* What is behind the last pair that counts is not looked at, whatever separates them. */
static void too_many_pairs_freeze_also_where_fields_are_folded(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    static char field[3 * 4096 + sizeof "b=, " + sizeof ada.cookie];
    wafer_settings settings = world_settings(world);

    settings.split_at_commas = true;
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    for (size_t count = 4095; count <= 4096; count++) {
        bool fits = count == 4095;

        for (size_t i = 0; i < count; i++)
            memcpy(field + 3 * i, "a=;", 3);
        (void)snprintf(field + 3 * count, sizeof field - 3 * count, "b=, %s", ada.cookie);
        assert_int_equal(wafer_begin(world->session), WAFER_OK);
        assert_int_equal(wafer_field(world->session, field, strlen(field)),
                         fits ? WAFER_OK : WAFER_TOO_LARGE);
        assert_int_equal(wafer_open(world->session), fits ? WAFER_VALID : WAFER_NONE);
        assert_int_equal(wafer_frozen(world->session), !fits);
    }
}

static void without_an_idle_limit_the_line_for_logs_tells_none(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);
    int64_t idle_at_ms, expires_at_ms;

    settings.idle_ms = 0;
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_non_null(strstr(wafer_explain(world->session), "expires in"));
    assert_null(strstr(wafer_explain(world->session), "idles"));
    assert_true(wafer_idle_at(world->session, &idle_at_ms));
    assert_true(wafer_expires_at(world->session, &expires_at_ms));
    assert_int_equal(idle_at_ms, expires_at_ms);
}

static void an_idle_limit_beyond_the_expiry_ends_with_it(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t at_ms;

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_set_expiry(world->session, 30 * MINUTE, false), WAFER_OK);
    assert_true(wafer_idle_at(world->session, &at_ms));
    assert_int_equal(at_ms, NOON + 30 * MINUTE);
    assert_int_equal(wafer_set_expiry(world->session, 30 * MINUTE - 1, false), WAFER_OK);
    assert_true(wafer_idle_at(world->session, &at_ms));
    assert_int_equal(at_ms, NOON + 30 * MINUTE - 1);
}

static void outliving_the_browser_alone_owes_a_cookie(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_set_expiry(world->session, 12 * HOUR, false), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), 0); /* that is what it had */
    assert_int_equal(wafer_set_expiry(world->session, 12 * HOUR, true), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_EXPIRY);
    assert_non_null(strstr(ada.line, "; Max-Age=43200"));
}

static void outputs_that_are_not_wanted_are_left_out_or_missed(void **state)
{
    struct world *world = *state;
    wafer_session *session = world->session;
    const wafer_header *headers;

    assert_int_equal(wafer_begin(session), WAFER_OK);
    assert_int_equal(wafer_open_token(session, NULL, 0), WAFER_REJECTED); /* as no bytes at all */
    assert_int_equal(wafer_put_boolean(session, "flag", true), WAFER_OK);
    assert_false(wafer_get_boolean(session, "flag", NULL));
    assert_int_equal(wafer_finish(session, &headers, NULL), WAFER_MISUSE);
    assert_null(headers);
    assert_int_equal(wafer_put_boolean(session, "flag", false), WAFER_OK); /* not finished */
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(an_anonymous_session_that_idled_is_left_without_an_entry),
        IN_WORLD(logging_out_nobody_of_the_future_succeeds_and_sends_nothing),
        IN_WORLD(a_subject_of_another_length_is_another),
        IN_WORLD(a_session_that_was_logged_out_meanwhile_seals_no_token),
        IN_WORLD(a_renewal_that_the_next_one_overtakes_is_told_so),
        IN_WORLD(a_csrf_token_under_a_key_that_is_gone_is_refused),
        IN_WORLD(too_many_pairs_freeze_also_where_fields_are_folded),
        IN_WORLD(without_an_idle_limit_the_line_for_logs_tells_none),
        IN_WORLD(an_idle_limit_beyond_the_expiry_ends_with_it),
        IN_WORLD(outliving_the_browser_alone_owes_a_cookie),
        IN_WORLD(outputs_that_are_not_wanted_are_left_out_or_missed),
    };

    return cmocka_run_group_tests_name("session edges", tests, NULL, NULL);
}
