#include "fixture.h"

#include <string.h>

static void count_of(struct world *world, size_t expected)
{
    wafer_revocations_status status;

    assert_int_equal(wafer_revocations_look(world->list, &status), WAFER_OK);
    assert_int_equal(status.entries, expected);
}

/* A list in which a session is not listed any more. Signs `browser` in before it is full. */
static void sign_in_and_fill_the_list(struct world *world, struct browser *browser)
{
    wafer_revocations_settings settings = world_list_settings(world);
    uint8_t id[WAFER_ID_SIZE];
    wafer_result result;

    settings.capacity = 64;
    world_list(world, &settings);
    sign_in(world, browser, "ada");
    do {
        random_fill(id, sizeof id);
        result = wafer_revoke_session(world->list, id);
    } while (result == WAFER_OK);
    assert_int_equal(result, WAFER_LIST_FULL);
}

/* ---- log in */

static void login_takes_a_new_id_and_clears_but_what_is_kept(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const char *const keep[] = {"cart", "absent"};
    uint8_t before[WAFER_ID_SIZE], after[WAFER_ID_SIZE];
    size_t length;

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "cart", "book"), WAFER_OK);
    assert_int_equal(wafer_put_text(world->session, "evil", "planted"), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_id(world->session, before));
    assert_int_equal(wafer_login(world->session, "ada", 3, keep, 2), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_true(world->owed & WAFER_OWED_LOGIN);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_id(world->session, after));
    assert_memory_not_equal(before, after, WAFER_ID_SIZE);
    assert_string_equal(wafer_subject(world->session, &length), "ada");
    assert_int_equal(length, 3);
    assert_string_equal(wafer_get_text(world->session, "cart", NULL), "book");
    assert_null(wafer_get_text(world->session, "evil", NULL));
    count_of(world, 0); /* an anonymous session takes no room on the list */
}

static void another_subject_gets_nothing_of_the_one_before(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, copy;
    const char *const keep[] = {"cart"};

    sign_in(world, &ada, "ada");
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "cart", "book"), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    copy = ada;
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_login(world->session, "eve", 3, keep, 1), WAFER_OK);
    assert_null(wafer_get_text(world->session, "cart", NULL));
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(look(world, &copy), WAFER_REVOKED);
    assert_int_equal(look(world, &ada), WAFER_VALID);
}

static void subjects_of_one_byte_are_told_apart_too(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const char *const keep[] = {"cart"};

    sign_in(world, &ada, "a");
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "cart", "book"), WAFER_OK);
    assert_int_equal(wafer_login(world->session, "a", 1, keep, 1), WAFER_OK);
    assert_string_equal(wafer_get_text(world->session, "cart", NULL), "book");
    assert_int_equal(wafer_login(world->session, "b", 1, keep, 1), WAFER_OK);
    assert_null(wafer_get_text(world->session, "cart", NULL));
}

static void signing_in_again_keeps_and_lists_the_old_session(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, copy;
    const char *const keep[] = {"cart"};

    sign_in(world, &ada, "ada");
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text(world->session, "cart", "book"), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    copy = ada;
    world->now_ms += 5 * MINUTE;
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_REFRESH);
    assert_int_equal(wafer_login(world->session, "ada", 3, keep, 1), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_LOGIN);
    assert_int_equal(wafer_set_idle(world->session, MINUTE), WAFER_OK);
    assert_int_equal(wafer_set_expiry(world->session, HOUR, true), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_LOGIN | WAFER_OWED_EXPIRY);
    assert_string_equal(wafer_get_text(world->session, "cart", NULL), "book");
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(look(world, &copy), WAFER_REVOKED);
    assert_int_equal(look(world, &ada), WAFER_VALID);
    count_of(world, 1);
}

static void a_subject_is_text_of_1_to_255_bytes(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char longest[WAFER_SUBJECT_MAX + 1];

    memset(longest, 'x', sizeof longest);
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_login(world->session, "", 0, NULL, 0), WAFER_INVALID);
    assert_int_equal(wafer_login(world->session, longest, 256, NULL, 0), WAFER_INVALID);
    assert_int_equal(wafer_login(world->session, "\xFF", 1, NULL, 0), WAFER_INVALID);
    assert_int_equal(wafer_login(world->session, "a\0b", 3, NULL, 0), WAFER_INVALID);
    assert_null(wafer_subject(world->session, NULL));
    assert_int_equal(wafer_login(world->session, longest, 255, NULL, 0), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_memory_equal(wafer_subject(world->session, NULL), longest, 255);
}

static void a_login_that_does_not_fit_leaves_everything_as_it_was(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const char *const keep[] = {"big"};
    char big[2300], subject[WAFER_SUBJECT_MAX];
    uint8_t before[WAFER_ID_SIZE], after[WAFER_ID_SIZE];

    memset(big, 'b', sizeof big);
    memset(subject, 's', sizeof subject);
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_text_slice(world->session, "big", big, sizeof big), WAFER_OK);
    assert_true(wafer_id(world->session, before));
    assert_int_equal(wafer_login(world->session, subject, sizeof subject, keep, 1),
                     WAFER_TOO_LARGE);
    assert_null(wafer_subject(world->session, NULL));
    assert_non_null(wafer_get_text(world->session, "big", NULL));
    assert_true(wafer_id(world->session, after));
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(wafer_login(world->session, subject, sizeof subject, NULL, 0), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_VALID);
}

static void login_goes_back_to_the_settings_expiry(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t at_ms;

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_set_expiry(world->session, MINUTE, true), WAFER_OK);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_true(wafer_expires_at(world->session, &at_ms));
    assert_int_equal(at_ms, NOON + 12 * HOUR);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_null(strstr(ada.line, "Max-Age"));
}

static void a_full_list_refuses_to_sign_over_and_changes_nothing(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in_and_fill_the_list(world, &ada);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_login(world->session, "eve", 3, NULL, 0), WAFER_LIST_FULL);
    assert_string_equal(wafer_subject(world->session, NULL), "ada");
    assert_int_equal(wafer_renew(world->session), WAFER_LIST_FULL);
    assert_int_equal(wafer_owed(world->session), 0);

    /* Logging out owes the deletion all the same, and says that copies live on. */
    assert_int_equal(wafer_logout(world->session), WAFER_LIST_FULL);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_non_null(strstr(ada.line, "__Host-session=; Path=/; Max-Age=0; Expires=Thu, 01 Jan"));

    /* The reserve is the subjects': the user can still log out everywhere. */
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout_everywhere(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
}

/* ---- log out */

static void a_copy_of_the_cookie_is_refused_after_logout(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, copy;

    sign_in(world, &ada, "ada");
    copy = ada;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_null(wafer_subject(world->session, NULL));
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_LOGOUT);
    assert_string_equal(ada.cookie, "");
    assert_int_equal(look(world, &ada), WAFER_NONE);
    assert_int_equal(look(world, &copy), WAFER_REVOKED);
    world->now_ms += 29 * MINUTE;
    assert_int_equal(look(world, &copy), WAFER_REVOKED);
}

static void an_anonymous_logout_deletes_the_cookie_and_lists_nothing(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout_everywhere(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.cookie, "");
    count_of(world, 0);
}

static void logging_out_nobody_sends_nothing(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.line, "");
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.line, "");
}

static void a_stale_cookie_can_be_deleted(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = "__Host-session=rubbish"};

    assert_int_equal(arrive(world, &ada), WAFER_REJECTED);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.cookie, "");
}

static void what_is_put_after_logout_is_a_new_session(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, copy;
    uint8_t before[WAFER_ID_SIZE], after[WAFER_ID_SIZE];

    sign_in(world, &ada, "ada");
    copy = ada;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_id(world->session, before));
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(wafer_put_text(world->session, "flash", "good bye"), WAFER_OK);
    assert_true(wafer_id(world->session, after));
    assert_memory_not_equal(before, after, sizeof before);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(world->owed, WAFER_OWED_LOGOUT | WAFER_OWED_CHANGED);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_null(wafer_subject(world->session, NULL));
    assert_string_equal(wafer_get_text(world->session, "flash", NULL), "good bye");
    assert_int_equal(look(world, &copy), WAFER_REVOKED);

    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_remove(world->session, "n"), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.cookie, "");
}

static void a_failed_put_does_not_hold_up_the_deletion(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_put_text(world->session, "n", "\xFF"), WAFER_INVALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(wafer_put_text(world->session, "", "x"), WAFER_INVALID);
    assert_int_equal(leave(world, &ada), WAFER_INVALID);
    assert_string_equal(ada.cookie, "");

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_put_text(world->session, "n", "\xFF"), WAFER_INVALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK); /* and the failure is gone with it */
    assert_int_equal(leave(world, &ada), WAFER_OK);
}

static void logging_out_everywhere_reaches_the_other_devices(void **state)
{
    struct world *world = *state;
    struct browser phone = {.cookie = ""}, laptop = {.cookie = ""}, eve = {.cookie = ""};

    sign_in(world, &phone, "ada");
    sign_in(world, &laptop, "ada");
    sign_in(world, &eve, "eve");
    assert_int_equal(arrive(world, &phone), WAFER_VALID);
    assert_int_equal(wafer_logout_everywhere(world->session), WAFER_OK);
    assert_int_equal(leave(world, &phone), WAFER_OK);
    assert_int_equal(look(world, &laptop), WAFER_REVOKED);
    assert_int_equal(look(world, &eve), WAFER_VALID);

    /* Whoever logs in after it, in the same millisecond, stays. */
    sign_in(world, &phone, "ada");
    assert_int_equal(look(world, &phone), WAFER_VALID);
    assert_int_equal(wafer_revoke_subject(world->list, "", "ada", 3), WAFER_OK);
    assert_int_equal(look(world, &phone), WAFER_REVOKED);
    sign_in(world, &phone, "ada");
    assert_int_equal(look(world, &phone), WAFER_VALID);
}

static void a_subject_of_one_byte_is_signed_out_as_any_other(void **state)
{
    struct world *world = *state;
    struct browser phone = {.cookie = ""}, laptop = {.cookie = ""}, copy;

    sign_in(world, &phone, "a");
    sign_in(world, &laptop, "a");
    copy = phone;
    assert_int_equal(arrive(world, &phone), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(leave(world, &phone), WAFER_OK);
    assert_int_equal(look(world, &copy), WAFER_REVOKED);
    assert_int_equal(look(world, &laptop), WAFER_VALID);
    assert_int_equal(wafer_revoke_subject(world->list, "", "a", 1), WAFER_OK);
    assert_int_equal(look(world, &laptop), WAFER_REVOKED);

    sign_in(world, &phone, "a");
    world->now_ms += 20 * MINUTE;
    copy = phone;
    assert_int_equal(look(world, &copy), WAFER_VALID);
    world->now_ms += 20 * MINUTE;
    assert_int_equal(arrive(world, &phone), WAFER_IDLE);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(leave(world, &phone), WAFER_OK);
    assert_int_equal(look(world, &copy), WAFER_REVOKED);
}

static void a_realm_keeps_users_of_one_name_apart(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);

    settings.realm = "shop";
    world_manage(world, &settings);
    sign_in(world, &ada, "ada");
    assert_int_equal(wafer_revoke_subject(world->list, "", "ada", 3), WAFER_OK);
    assert_int_equal(wafer_revoke_subject(world->list, "shopa", "da", 2), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_revoke_subject(world->list, "shop", "ada", 3), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_REVOKED);
}

static void everyone_is_logged_out_and_may_come_back(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, nobody = {.cookie = ""};

    sign_in(world, &ada, "ada");
    (void)!arrive(world, &nobody);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(leave(world, &nobody), WAFER_OK);
    assert_int_equal(wafer_revoke_everyone(world->list), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_REVOKED);
    assert_int_equal(look(world, &nobody), WAFER_REVOKED);
    sign_in(world, &ada, "ada");
    assert_int_equal(look(world, &ada), WAFER_VALID);
    (void)!arrive(world, &nobody);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(leave(world, &nobody), WAFER_OK);
    assert_int_equal(look(world, &nobody), WAFER_VALID);
}

static void each_revocation_reaches_logins_that_an_earlier_one_put_ahead(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    for (int i = 0; i < 3; i++) { /* all in one millisecond */
        assert_int_equal(wafer_revoke_everyone(world->list), WAFER_OK);
        sign_in(world, &ada, "ada");
        assert_int_equal(arrive(world, &ada), WAFER_VALID);
        assert_int_equal(wafer_logout_everywhere(world->session), WAFER_OK);
        wafer_end(world->session);
        assert_int_equal(look(world, &ada), WAFER_REVOKED);
        sign_in(world, &ada, "ada");
        assert_int_equal(look(world, &ada), WAFER_VALID);
    }
    assert_int_equal(wafer_revoke_everyone(world->list), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_REVOKED);
}

static void a_clock_far_behind_the_list_starts_no_session(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    assert_int_equal(wafer_revoke_everyone(world->list), WAFER_OK);
    world->now_ms = NOON - 60 * SECOND;
    sign_in(world, &ada, "ada");
    world->now_ms = NOON - 60 * SECOND - 1;
    (void)!arrive(world, &(struct browser){.cookie = ""});
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_UNAVAILABLE);
    assert_int_equal(leave(world, &ada), WAFER_UNAVAILABLE);
    assert_string_equal(ada.line, "");
}

static void a_request_that_began_long_ago_still_signs_in(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    (void)!arrive(world, &ada);
    world->now_ms += 5 * MINUTE;
    assert_int_equal(wafer_revoke_everyone(world->list), WAFER_OK);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_VALID);
    (void)!arrive(world, &(struct browser){.cookie = ""});
    world->now_ms = -1;
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_SYSTEM);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_SYSTEM);
}

static void a_list_that_refuses_older_sessions_does_so_from_its_start(void **state)
{
    struct world *world = *state;
    wafer_revocations_settings settings = world_list_settings(world);
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    world_list(world, &settings); /* forgets */
    assert_int_equal(look(world, &ada), WAFER_VALID);
    settings.on_start = WAFER_START_REFUSES_OLDER;
    world_list(world, &settings);
    assert_int_equal(look(world, &ada), WAFER_REVOKED);
    sign_in(world, &ada, "ada");
    assert_int_equal(look(world, &ada), WAFER_VALID);
}

/* ---- renew */

static void renewed(struct world *world, struct browser *browser)
{
    assert_int_equal(arrive(world, browser), WAFER_VALID);
    assert_int_equal(wafer_renew(world->session), WAFER_OK);
    assert_int_equal(leave(world, browser), WAFER_OK);
    assert_true(world->owed & WAFER_OWED_RENEWAL);
}

static void renewing_retires_older_copies_after_the_grace(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, copy;
    uint8_t before[WAFER_ID_SIZE], after[WAFER_ID_SIZE];

    sign_in(world, &ada, "ada");
    copy = ada;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_id(world->session, before));
    renewed(world, &ada);
    world->now_ms = NOON + 30 * SECOND - 1;
    assert_int_equal(look(world, &copy), WAFER_VALID);
    world->now_ms++;
    assert_int_equal(look(world, &copy), WAFER_REVOKED);
    world->now_ms++;
    assert_int_equal(look(world, &copy), WAFER_REVOKED);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_true(wafer_id(world->session, after));
    assert_memory_equal(before, after, sizeof before);
    count_of(world, 1);
}

static void of_parallel_renewals_one_succeeds_and_nobody_is_logged_out(void **state)
{
    struct world *world = *state;
    struct browser first = {.cookie = ""}, second;
    wafer_session *other;

    sign_in(world, &first, "ada");
    second = first;
    assert_int_equal(wafer_session_new(world->manager, &other), WAFER_OK);
    assert_int_equal(arrive_at(other, &second), WAFER_VALID);
    assert_int_equal(arrive(world, &first), WAFER_VALID);
    assert_int_equal(wafer_renew(world->session), WAFER_OK);
    assert_int_equal(wafer_renew(other), WAFER_UNAVAILABLE);
    assert_int_equal(leave(world, &first), WAFER_OK);
    assert_int_equal(leave_from(other, &second), WAFER_OK);
    assert_string_equal(second.line, "");
    wafer_session_free(other);
    world->now_ms += HOUR / 4;
    assert_int_equal(look(world, &first), WAFER_VALID);
}

static void a_retired_copy_is_readable_in_its_grace_but_goes_nowhere(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, copy;
    char token[WAFER_CSRF_LENGTH + 1];

    sign_in(world, &ada, "ada");
    copy = ada;
    renewed(world, &ada);
    world->now_ms += 20 * SECOND;
    assert_int_equal(arrive(world, &copy), WAFER_VALID);
    assert_string_equal(wafer_subject(world->session, NULL), "ada");
    assert_true(wafer_frozen(world->session));
    assert_true(wafer_superseded(world->session));
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_OK); /* its id is the same */
    assert_int_equal(wafer_recheck(world->session), WAFER_VALID);
    assert_non_null(strstr(wafer_explain(world->session), "superseded by a renewal; frozen"));
    assert_int_equal(wafer_renew(world->session), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_put_integer(world->session, "credits", 9), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_owed(world->session), 0);
    assert_int_equal(leave(world, &copy), WAFER_UNAVAILABLE);
    assert_string_equal(copy.line, "");
    assert_int_equal(arrive(world, &copy), WAFER_VALID);
    world->now_ms += HOUR / 4;
    assert_int_equal(wafer_recheck(world->session), WAFER_VALID); /* the session lives on */
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_false(wafer_frozen(world->session));
    assert_false(wafer_superseded(world->session));
}

static void a_renewed_cookie_beats_a_retired_one_that_was_sealed_later(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, stale;

    sign_in(world, &ada, "ada");
    stale = ada;
    world->now_ms += 50 * SECOND; /* within the skew of the renewing host's clock */
    assert_int_equal(arrive(world, &stale), WAFER_VALID);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(leave(world, &stale), WAFER_OK);
    world->now_ms -= 50 * SECOND;
    renewed(world, &ada);
    for (int order = 0; order < 2; order++) {
        const char *cookies[2] = {order ? stale.cookie : ada.cookie,
                                  order ? ada.cookie : stale.cookie};

        assert_int_equal(wafer_begin(world->session), WAFER_OK);
        for (int i = 0; i < 2; i++)
            assert_int_equal(wafer_field(world->session, cookies[i], strlen(cookies[i])), WAFER_OK);
        assert_int_equal(wafer_open(world->session), WAFER_VALID);
        assert_false(wafer_frozen(world->session));
    }
}

static void renewing_again_retires_the_one_before_the_last_at_once(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, oldest, older;

    sign_in(world, &ada, "ada");
    oldest = ada;
    renewed(world, &ada);
    older = ada;
    world->now_ms += SECOND;
    renewed(world, &ada);
    assert_int_equal(look(world, &oldest), WAFER_REVOKED);
    assert_int_equal(look(world, &older), WAFER_VALID);
    world->now_ms += 30 * SECOND;
    assert_int_equal(look(world, &older), WAFER_REVOKED);
    assert_int_equal(look(world, &ada), WAFER_VALID);
    count_of(world, 1);
}

static void logout_beats_a_renewal_under_way(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, slow;
    wafer_session *other;

    sign_in(world, &ada, "ada");
    slow = ada;
    assert_int_equal(wafer_session_new(world->manager, &other), WAFER_OK);
    assert_int_equal(arrive_at(other, &slow), WAFER_VALID);
    assert_int_equal(wafer_renew(other), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID); /* a copy in its grace, by now */
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    wafer_end(world->session);
    assert_int_equal(leave_from(other, &slow), WAFER_UNAVAILABLE); /* it was in flight */
    assert_string_equal(slow.line, "");
    assert_int_equal(look(world, &slow), WAFER_REVOKED);
    assert_int_equal(look(world, &ada), WAFER_REVOKED);
    assert_int_equal(arrive_at(other, &slow), WAFER_REVOKED);
    assert_int_equal(wafer_renew(other), WAFER_INVALID);
    wafer_session_free(other);
}

static void a_session_that_idled_is_signed_out_with_its_copies(void **state)
{
    struct world *world = *state;
    const char *const keep[] = {"n"};

    for (int how = 0; how < 3; how++) {
        struct browser ada = {.cookie = ""}, thief;

        sign_in(world, &ada, "ada");
        thief = ada;
        world->now_ms += 20 * MINUTE;
        assert_int_equal(look(world, &thief), WAFER_VALID);
        world->now_ms += 20 * MINUTE;
        assert_int_equal(arrive(world, &ada), WAFER_IDLE);
        assert_null(wafer_subject(world->session, NULL));
        assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
        assert_int_equal(how == 0   ? wafer_logout(world->session)
                         : how == 1 ? wafer_logout_everywhere(world->session)
                                    : wafer_login(world->session, "ada", 3, keep, 1),
                         WAFER_OK);
        assert_int_equal(leave(world, &ada), WAFER_OK);
        assert_int_equal(look(world, &thief), WAFER_REVOKED);
        assert_int_equal(look(world, &ada), how == 2 ? WAFER_VALID : WAFER_NONE);
    }
}

static void logging_out_of_a_frozen_session_of_which_nothing_is_known_is_no_success(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    struct browser forged;

    sign_in(world, &ada, "ada");
    forged = forge(&ada);
    for (int everywhere = 0; everywhere < 2; everywhere++) {
        assert_int_equal(wafer_begin(world->session), WAFER_OK);
        for (int i = 0; i < 64; i++)
            (void)wafer_field(world->session, forged.cookie, strlen(forged.cookie));
        (void)wafer_field(world->session, ada.cookie, strlen(ada.cookie));
        assert_int_equal(wafer_open(world->session), WAFER_REJECTED);
        assert_true(wafer_frozen(world->session));
        assert_int_equal(everywhere ? wafer_logout_everywhere(world->session)
                                    : wafer_logout(world->session),
                         WAFER_UNAVAILABLE);
    }
    assert_int_equal(look(world, &ada), WAFER_VALID);
}

static void a_session_from_a_wrong_clock_is_logged_out_everywhere_too(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    world->now_ms = NOON + 2 * HOUR;
    sign_in(world, &ada, "ada");
    world->now_ms = NOON;
    assert_int_equal(arrive(world, &ada), WAFER_FUTURE);
    assert_int_equal(wafer_logout_everywhere(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    world->now_ms = NOON + 2 * HOUR;
    assert_int_equal(look(world, &ada), WAFER_REVOKED);
}

static void revoking_counts_from_the_call_and_not_from_the_request(void **state)
{
    struct world *world = *state;
    struct browser phone = {.cookie = ""}, laptop = {.cookie = ""}, copy;
    wafer_session *slow;

    assert_int_equal(wafer_session_new(world->manager, &slow), WAFER_OK);
    sign_in(world, &phone, "ada");
    copy = phone;
    assert_int_equal(arrive_at(slow, &phone), WAFER_VALID);
    world->now_ms += 5 * MINUTE;
    assert_int_equal(wafer_renew(slow), WAFER_OK);
    assert_int_equal(look(world, &copy), WAFER_VALID); /* the grace begins now */
    sign_in(world, &laptop, "ada");
    world->now_ms++;
    assert_int_equal(wafer_logout_everywhere(slow), WAFER_OK);
    assert_int_equal(look(world, &laptop), WAFER_REVOKED);
    assert_int_equal(arrive_at(slow, &copy), WAFER_REVOKED);
    assert_int_equal(arrive_at(slow, &(struct browser){.cookie = ""}), WAFER_NONE);
    assert_int_equal(wafer_login(slow, "ada", 3, NULL, 0), WAFER_OK);
    world->now_ms = -1;
    assert_int_equal(wafer_logout(slow), WAFER_SYSTEM);
    wafer_session_free(slow);
}

static void a_deletion_that_is_owed_goes_out_when_the_new_session_cannot(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    assert_int_equal(wafer_login(world->session, "eve", 3, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_LOGIN | WAFER_OWED_LOGOUT);
    assert_int_equal(wafer_put_text(world->session, "n", "\xFF"), WAFER_INVALID);
    assert_int_equal(leave(world, &ada), WAFER_INVALID);
    assert_string_equal(ada.cookie, "");
}

static void after_a_failed_put_nothing_is_listed_that_a_cookie_would_have_to_replace(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    for (int renewing = 0; renewing < 2; renewing++) {
        assert_int_equal(arrive(world, &ada), WAFER_VALID);
        assert_int_equal(wafer_put_text(world->session, "cart", "\xFF"), WAFER_INVALID);
        assert_int_equal(renewing ? wafer_renew(world->session)
                                  : wafer_login(world->session, "ada", 3, NULL, 0),
                         WAFER_INVALID);
        assert_int_equal(leave(world, &ada), WAFER_INVALID);
        assert_int_equal(look(world, &ada), WAFER_VALID);
        count_of(world, 0);
    }
}

static void without_a_key_that_seals_nothing_is_listed_either(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char keys[2 * WAFER_KEYS_LINE_MAX];

    key_line(keys, NOON - HOUR, NOON + HOUR);
    assert_int_equal(wafer_keyring_replace(world->ring, keys, strlen(keys), NULL), WAFER_OK);
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    world->now_ms = NOON + 2 * HOUR;
    (void)!arrive(world, &(struct browser){.cookie = ""});
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_UNAVAILABLE);
    count_of(world, 0);
}

static void a_failed_logout_can_be_repeated_and_widened(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, copy;

    sign_in_and_fill_the_list(world, &ada);
    copy = ada;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_LIST_FULL);
    assert_null(wafer_subject(world->session, NULL));
    assert_int_equal(wafer_logout(world->session), WAFER_LIST_FULL);
    assert_int_equal(look(world, &copy), WAFER_VALID);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_LIST_FULL);
    assert_int_equal(wafer_logout_everywhere(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.cookie, "");
    assert_int_equal(look(world, &copy), WAFER_REVOKED);
}

static void a_full_list_keeps_nobody_whose_session_idled_from_signing_in(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in_and_fill_the_list(world, &ada);
    world->now_ms += HOUR;
    assert_int_equal(arrive(world, &ada), WAFER_IDLE);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_VALID);
}

static void of_two_that_idled_the_later_is_signed_out(void **state)
{
    struct world *world = *state;
    struct browser first = {.cookie = ""}, second = {.cookie = ""}, thief;
    char both[12000];

    sign_in(world, &first, "ada");
    world->now_ms += 1;
    sign_in(world, &second, "ada");
    thief = second;
    world->now_ms += 20 * MINUTE;
    assert_int_equal(look(world, &thief), WAFER_VALID);
    world->now_ms += 20 * MINUTE;
    (void)snprintf(both, sizeof both, "%s; %s", first.cookie, second.cookie);
    assert_int_equal(wafer_begin(world->session), WAFER_OK);
    assert_int_equal(wafer_field(world->session, both, strlen(both)), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_IDLE);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    wafer_end(world->session);
    assert_int_equal(look(world, &thief), WAFER_REVOKED);
}

static void a_renewal_after_a_logout_everywhere_fails(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    for (int everyone = 0; everyone < 2; everyone++) {
        assert_int_equal(arrive(world, &ada), WAFER_VALID);
        assert_int_equal(everyone ? wafer_revoke_everyone(world->list)
                                  : wafer_revoke_subject(world->list, "", "ada", 3),
                         WAFER_OK);
        assert_int_equal(wafer_renew(world->session), WAFER_UNAVAILABLE);
        assert_int_equal(wafer_owed(world->session) & WAFER_OWED_RENEWAL, 0);
        wafer_end(world->session);
        sign_in(world, &ada, "ada");
    }
}

static void a_renewed_cookie_in_flight_does_not_replace_a_new_login(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, slow;
    wafer_session *other;

    sign_in(world, &ada, "ada");
    slow = ada;
    assert_int_equal(wafer_session_new(world->manager, &other), WAFER_OK);
    assert_int_equal(arrive_at(other, &slow), WAFER_VALID);
    assert_int_equal(wafer_renew(other), WAFER_OK);
    assert_int_equal(wafer_revoke_subject(world->list, "", "ada", 3), WAFER_OK);
    sign_in(world, &ada, "ada");
    assert_int_equal(leave_from(other, &slow), WAFER_UNAVAILABLE);
    assert_string_equal(slow.line, "");
    wafer_session_free(other);
}

static void a_slow_sign_in_does_not_idle_out_at_once(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    int64_t at_ms;

    (void)!arrive(world, &ada);
    world->now_ms += 40 * MINUTE;
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_true(wafer_expires_at(world->session, &at_ms));
    assert_int_equal(at_ms, NOON + 40 * MINUTE + 12 * HOUR);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    world->now_ms += 30 * MINUTE - 1;
    assert_int_equal(look(world, &ada), WAFER_VALID);
}

static void only_who_is_signed_in_renews_and_once_a_request(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    (void)!arrive(world, &ada);
    assert_int_equal(wafer_renew(world->session), WAFER_INVALID);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_renew(world->session), WAFER_INVALID);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_renew(world->session), WAFER_OK);
    assert_int_equal(wafer_renew(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_VALID);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(login_takes_a_new_id_and_clears_but_what_is_kept),
        IN_WORLD(another_subject_gets_nothing_of_the_one_before),
        IN_WORLD(subjects_of_one_byte_are_told_apart_too),
        IN_WORLD(signing_in_again_keeps_and_lists_the_old_session),
        IN_WORLD(a_subject_is_text_of_1_to_255_bytes),
        IN_WORLD(a_login_that_does_not_fit_leaves_everything_as_it_was),
        IN_WORLD(login_goes_back_to_the_settings_expiry),
        IN_WORLD(a_full_list_refuses_to_sign_over_and_changes_nothing),
        IN_WORLD(a_copy_of_the_cookie_is_refused_after_logout),
        IN_WORLD(an_anonymous_logout_deletes_the_cookie_and_lists_nothing),
        IN_WORLD(logging_out_nobody_sends_nothing),
        IN_WORLD(a_stale_cookie_can_be_deleted),
        IN_WORLD(what_is_put_after_logout_is_a_new_session),
        IN_WORLD(a_failed_put_does_not_hold_up_the_deletion),
        IN_WORLD(logging_out_everywhere_reaches_the_other_devices),
        IN_WORLD(a_subject_of_one_byte_is_signed_out_as_any_other),
        IN_WORLD(a_realm_keeps_users_of_one_name_apart),
        IN_WORLD(everyone_is_logged_out_and_may_come_back),
        IN_WORLD(each_revocation_reaches_logins_that_an_earlier_one_put_ahead),
        IN_WORLD(a_clock_far_behind_the_list_starts_no_session),
        IN_WORLD(a_request_that_began_long_ago_still_signs_in),
        IN_WORLD(a_list_that_refuses_older_sessions_does_so_from_its_start),
        IN_WORLD(renewing_retires_older_copies_after_the_grace),
        IN_WORLD(of_parallel_renewals_one_succeeds_and_nobody_is_logged_out),
        IN_WORLD(a_retired_copy_is_readable_in_its_grace_but_goes_nowhere),
        IN_WORLD(a_renewed_cookie_beats_a_retired_one_that_was_sealed_later),
        IN_WORLD(renewing_again_retires_the_one_before_the_last_at_once),
        IN_WORLD(logout_beats_a_renewal_under_way),
        IN_WORLD(a_session_that_idled_is_signed_out_with_its_copies),
        IN_WORLD(logging_out_of_a_frozen_session_of_which_nothing_is_known_is_no_success),
        IN_WORLD(a_session_from_a_wrong_clock_is_logged_out_everywhere_too),
        IN_WORLD(revoking_counts_from_the_call_and_not_from_the_request),
        IN_WORLD(a_deletion_that_is_owed_goes_out_when_the_new_session_cannot),
        IN_WORLD(after_a_failed_put_nothing_is_listed_that_a_cookie_would_have_to_replace),
        IN_WORLD(without_a_key_that_seals_nothing_is_listed_either),
        IN_WORLD(a_failed_logout_can_be_repeated_and_widened),
        IN_WORLD(a_full_list_keeps_nobody_whose_session_idled_from_signing_in),
        IN_WORLD(of_two_that_idled_the_later_is_signed_out),
        IN_WORLD(a_renewal_after_a_logout_everywhere_fails),
        IN_WORLD(a_renewed_cookie_in_flight_does_not_replace_a_new_login),
        IN_WORLD(a_slow_sign_in_does_not_idle_out_at_once),
        IN_WORLD(only_who_is_signed_in_renews_and_once_a_request),
    };

    seed_random();
    return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
