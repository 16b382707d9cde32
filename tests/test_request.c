/* What a request may carry, and what is made of it: several fields, several cookies, forged and
 * oversized ones, a list that does not answer. */
#include "fixture.h"

#include "base64.h"
#include "keyring.h"
#include "record.h"
#include "seal.h"

#include <stdlib.h>
#include <string.h>

/* A request made by hand. */
static void begin(struct world *world)
{
    assert_int_equal(wafer_begin(world->session), WAFER_OK);
}

static wafer_result add_field(struct world *world, const char *text)
{
    return wafer_field(world->session, text, strlen(text));
}

static void nothing_goes_out(struct world *world)
{
    const wafer_header *headers;
    size_t count;

    assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_OK);
    for (size_t i = 0; i < count; i++)
        assert_string_not_equal(headers[i].name, "Set-Cookie");
}

/* A long string, built piece by piece. */
struct text {
    char bytes[400000];
    size_t length;
};

static void append(struct text *text, const char *piece)
{
    size_t length = strlen(piece);

    assert_true(text->length + length < sizeof text->bytes);
    memcpy(text->bytes + text->length, piece, length + 1);
    text->length += length;
}

/* ---- which one is it */

static void it_is_found_among_twenty_others_in_any_field(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    static struct text before, after;

    sign_in(world, &ada, "ada");
    before.length = after.length = 0;
    for (int i = 0; i < 10; i++)
        append(&before, "_ga=GA1.2.3; theme=\"dark\"; ");
    append(&before, ada.cookie);
    append(&after, "=nameless; noequals;; ;=__Host-session=x; x__Host-session=1; __host-session=2");
    for (size_t at = 0; at < 3; at++) {
        begin(world);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(add_field(world, i == at ? before.bytes : after.bytes), WAFER_OK);
        assert_int_equal(wafer_open(world->session), WAFER_VALID);
        assert_string_equal(wafer_subject(world->session, NULL), "ada");
    }
}

static void crumbs_are_a_field_each(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    begin(world);
    for (int i = 0; i < 20; i++)
        assert_int_equal(add_field(world, "other=cookie"), WAFER_OK);
    assert_int_equal(add_field(world, ada.cookie), WAFER_OK);
    assert_int_equal(add_field(world, "last=one"), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
}

static void forged_duplicates_in_front_do_no_harm(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    static struct text field;
    char forged[5000];

    sign_in(world, &ada, "ada");
    field.length = 0;
    append(&field, "__Host-session=; __Host-session=A; __Host-session=not base64; ");
    append(&field, "__Host-session=\"");
    append(&field, token_of(&ada));
    append(&field, "\"; ");
    for (int i = 0; i < 5; i++) {
        memcpy(forged, ada.cookie, strlen(ada.cookie) + 1);
        forged[60 + i] = forged[60 + i] == 'A' ? 'B' : 'A';
        append(&field, forged);
        append(&field, "; ");
    }
    append(&field, ada.cookie);
    begin(world);
    assert_int_equal(add_field(world, field.bytes), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    assert_false(wafer_conflict(world->session));
    assert_non_null(strstr(wafer_explain(world->session), "5 with a wrong tag"));
    assert_non_null(strstr(wafer_explain(world->session), "3 of a wrong length"));
    assert_non_null(strstr(wafer_explain(world->session), "1 not base64url"));
    assert_int_equal(wafer_owed(world->session), 0);
}

static void an_expired_authentic_duplicate_does_no_harm(void **state)
{
    struct world *world = *state;
    struct browser old = {.cookie = ""}, ada = {.cookie = ""};
    const char *orders[2];

    sign_in(world, &old, "ada");
    world->now_ms += 13 * HOUR;
    sign_in(world, &ada, "ada");
    orders[0] = old.cookie;
    orders[1] = ada.cookie;
    for (size_t i = 0; i < 2; i++) {
        begin(world);
        assert_int_equal(add_field(world, orders[i]), WAFER_OK);
        assert_int_equal(add_field(world, orders[1 - i]), WAFER_OK);
        assert_int_equal(wafer_open(world->session), WAFER_VALID);
        assert_false(wafer_conflict(world->session));
    }
}

static void of_two_valid_ones_the_latest_sealed_wins(void **state)
{
    struct world *world = *state;
    struct browser first = {.cookie = ""}, second;
    int64_t value = 0;

    sign_in(world, &first, "ada");
    second = first;
    world->now_ms += 1;
    assert_int_equal(arrive(world, &second), WAFER_VALID);
    assert_int_equal(wafer_put_integer(world->session, "n", 2), WAFER_OK);
    assert_int_equal(leave(world, &second), WAFER_OK);
    for (int i = 0; i < 2; i++) {
        begin(world);
        assert_int_equal(add_field(world, i ? first.cookie : second.cookie), WAFER_OK);
        assert_int_equal(add_field(world, i ? second.cookie : first.cookie), WAFER_OK);
        assert_int_equal(wafer_open(world->session), WAFER_VALID);
        assert_true(wafer_get_integer(world->session, "n", &value));
        assert_int_equal(value, 2);
        assert_false(wafer_conflict(world->session)); /* one session, two ages */
    }
}

static void two_valid_sessions_are_a_conflict(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, eve = {.cookie = ""};

    sign_in(world, &ada, "ada");
    world->now_ms++;
    sign_in(world, &eve, "eve");
    begin(world);
    assert_int_equal(add_field(world, eve.cookie), WAFER_OK);
    assert_int_equal(add_field(world, ada.cookie), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    assert_true(wafer_conflict(world->session));
    assert_string_equal(wafer_subject(world->session, NULL), "eve");
    assert_non_null(strstr(wafer_explain(world->session), "several valid sessions"));
    assert_int_equal(look(world, &ada), WAFER_VALID);
    assert_false(wafer_conflict(world->session));
}

static void a_frozen_verdict_beats_an_empty_one(void **state)
{
    struct world *world = *state;
    struct browser old = {.cookie = ""}, future = {.cookie = ""};

    sign_in(world, &old, "ada");
    world->now_ms += 13 * HOUR;
    sign_in(world, &future, "ada");
    world->now_ms -= 2 * MINUTE; /* old expired, future not yet */
    begin(world);
    assert_int_equal(add_field(world, future.cookie), WAFER_OK);
    assert_int_equal(add_field(world, old.cookie), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_FUTURE);
}

static void a_revoked_one_beats_an_idle_one_that_was_sealed_later(void **state)
{
    struct world *world = *state;
    struct browser revoked = {.cookie = ""}, idle = {.cookie = ""}, copy;

    sign_in(world, &revoked, "ada");
    copy = revoked;
    assert_int_equal(arrive(world, &copy), WAFER_VALID);
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
    wafer_end(world->session);
    world->now_ms += MINUTE;
    (void)!arrive(world, &idle);
    assert_int_equal(wafer_login(world->session, "eve", 3, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_set_idle(world->session, MINUTE), WAFER_OK);
    assert_int_equal(leave(world, &idle), WAFER_OK);
    world->now_ms += MINUTE;
    for (int order = 0; order < 2; order++) {
        begin(world);
        assert_int_equal(add_field(world, order == 0 ? idle.cookie : revoked.cookie), WAFER_OK);
        assert_int_equal(add_field(world, order == 0 ? revoked.cookie : idle.cookie), WAFER_OK);
        assert_int_equal(wafer_open(world->session), WAFER_REVOKED);
    }
}

static void what_is_not_ours_is_rejected_alike(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, other;
    wafer_settings settings = world_settings(world);
    const char *const rubbish[] = {"__Host-session=", "__Host-session=x", "__Host-session=%41",
                                   "__Host-session=\x80\xFF\x01"};

    for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++) {
        begin(world);
        assert_int_equal(add_field(world, rubbish[i]), WAFER_OK);
        assert_int_equal(wafer_open(world->session), WAFER_REJECTED);
        assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    }
    sign_in(world, &ada, "ada");
    settings.context = "another application";
    world_manage(world, &settings);
    assert_int_equal(look(world, &ada), WAFER_REJECTED);
    settings = world_settings(world);
    settings.name = "__Host-other";
    world_manage(world, &settings);
    other = ada;
    memcpy(other.cookie, "__Host-other=", 13);
    memmove(other.cookie + 13, token_of(&ada), strlen(token_of(&ada)) + 1);
    assert_int_equal(look(world, &other), WAFER_REJECTED);
}

/* ---- limits */

static void sixty_four_candidates_are_tried_and_one_more_freezes(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    struct browser forged;

    sign_in(world, &ada, "ada");
    forged = forge(&ada);
    begin(world);
    for (int i = 0; i < 63; i++)
        assert_int_equal(add_field(world, forged.cookie), WAFER_OK);
    assert_int_equal(add_field(world, ada.cookie), WAFER_OK);
    assert_int_equal(add_field(world, "__Host-session=rubbish costs no check"), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    assert_false(wafer_frozen(world->session));

    begin(world);
    assert_int_equal(add_field(world, ada.cookie), WAFER_OK);
    for (int i = 0; i < 63; i++)
        assert_int_equal(add_field(world, forged.cookie), WAFER_OK);
    assert_int_equal(add_field(world, forged.cookie), WAFER_TOO_LARGE);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    assert_true(wafer_frozen(world->session));
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_UNAVAILABLE);
    assert_non_null(strstr(wafer_explain(world->session), "1 more than the 64"));
    assert_int_equal(wafer_logout(world->session), WAFER_OK); /* is listed, but nothing is sent */
    nothing_goes_out(world);
    assert_int_equal(look(world, &ada), WAFER_REVOKED);
}

static void more_bytes_than_the_cap_freeze(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    static char padding[65536];
    size_t length;

    sign_in(world, &ada, "ada");
    length = strlen(ada.cookie);
    memset(padding, ' ', sizeof padding);
    begin(world);
    assert_int_equal(wafer_field(world->session, padding, sizeof padding - length), WAFER_OK);
    assert_int_equal(add_field(world, ada.cookie), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    assert_false(wafer_frozen(world->session));
    begin(world);
    assert_int_equal(wafer_field(world->session, padding, sizeof padding - length + 1), WAFER_OK);
    assert_int_equal(add_field(world, ada.cookie), WAFER_TOO_LARGE);
    assert_int_equal(wafer_open(world->session), WAFER_NONE);
    assert_true(wafer_frozen(world->session));
    assert_non_null(strstr(wafer_explain(world->session), "more Cookie fields than are read"));
    nothing_goes_out(world);
    begin(world);
    assert_int_equal(wafer_field(world->session, padding, SIZE_MAX), WAFER_TOO_LARGE);
    begin(world); /* fields of one byte count too */
    for (size_t i = 0; i < sizeof padding; i++)
        assert_int_equal(wafer_field(world->session, padding, 1), WAFER_OK);
    assert_int_equal(wafer_field(world->session, padding, 1), WAFER_TOO_LARGE);
}

static void more_pairs_than_the_cap_freeze(void **state)
{
    struct world *world = *state;
    static struct text field;

    field.length = 0;
    for (int i = 0; i < 4096; i++)
        append(&field, "a=;");
    begin(world);
    assert_int_equal(add_field(world, field.bytes), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_NONE);
    assert_false(wafer_frozen(world->session));
    append(&field, "a=");
    begin(world);
    assert_int_equal(add_field(world, field.bytes), WAFER_TOO_LARGE);
    assert_int_equal(wafer_open(world->session), WAFER_NONE);
    assert_true(wafer_frozen(world->session));
}

static void fields_that_a_server_lost_freeze(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    begin(world);
    assert_int_equal(add_field(world, ada.cookie), WAFER_OK);
    assert_int_equal(wafer_fields_lost(world->session), WAFER_TOO_LARGE);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    assert_true(wafer_frozen(world->session));
    assert_string_equal(wafer_subject(world->session, NULL), "ada");
    assert_non_null(strstr(wafer_explain(world->session), "more Cookie fields than are read"));
    assert_int_equal(wafer_fields_lost(world->session), WAFER_MISUSE);
    nothing_goes_out(world);
    begin(world);
    assert_int_equal(wafer_open(world->session), WAFER_NONE);
    assert_false(wafer_frozen(world->session));
    wafer_end(world->session);
    assert_int_equal(wafer_fields_lost(world->session), WAFER_MISUSE);
    assert_int_equal(wafer_fields_lost(NULL), WAFER_MISUSE);
}

static void a_token_stands_in_place_of_the_fields(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    static char spaces[65537];

    sign_in(world, &ada, "ada");
    memset(spaces, ' ', sizeof spaces);
    begin(world);
    assert_int_equal(wafer_field(world->session, spaces, sizeof spaces), WAFER_TOO_LARGE);
    assert_int_equal(wafer_open_token(world->session, token_of(&ada), strlen(token_of(&ada))),
                     WAFER_VALID);
    assert_false(wafer_frozen(world->session));
}

static void any_bytes_in_a_field_are_survived(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    for (int round = 0; round < 300; round++) {
        size_t length = (size_t)random_below(300);
        uint8_t *noise = guarded(length);

        random_fill(noise, length);
        for (size_t i = 0; i < length; i++)
            if (random_below(8) == 0)
                noise[i] = (uint8_t) ";=, \t\"_\0"[random_below(8)];
        begin(world);
        assert_int_equal(wafer_field(world->session, noise, length), WAFER_OK);
        assert_int_equal(add_field(world, ada.cookie), WAFER_OK);
        assert_int_equal(wafer_open(world->session), WAFER_VALID);
        guarded_free(noise, length);
    }
}

/* ---- commas */

static void folded_fields_are_split_only_when_told_and_only_then_at_need(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    wafer_settings settings = world_settings(world);
    static struct text folded;

    sign_in(world, &ada, "ada");
    folded.length = 0;
    append(&folded, "a=1, ");
    append(&folded, ada.cookie);
    append(&folded, ", b=2; c=3");
    begin(world);
    assert_int_equal(add_field(world, folded.bytes), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_NONE);

    settings.split_at_commas = true;
    world_manage(world, &settings);
    begin(world);
    assert_int_equal(add_field(world, folded.bytes), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    assert_non_null(strstr(wafer_explain(world->session), "1 tried"));

    folded.length = 0; /* ours comes first */
    append(&folded, ada.cookie);
    append(&folded, ", b=2");
    begin(world);
    assert_int_equal(add_field(world, folded.bytes), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);

    /* A candidate between semicolons is there: what only a comma would give is not tried. */
    begin(world);
    assert_int_equal(add_field(world, folded.bytes), WAFER_OK);
    {
        struct browser forged = forge(&ada);

        assert_int_equal(add_field(world, forged.cookie), WAFER_OK);
        assert_int_equal(wafer_open(world->session), WAFER_REJECTED);
        assert_string_equal(wafer_explain(world->session),
                            "rejected; 1 tried, 1 not base64url, 1 with a wrong tag");
    }
}

/* ---- a list that does not answer */

typedef wafer_result broken_checks(void *, const wafer_revocation_query *, wafer_standing *);

struct broken {
    wafer_result check;
    wafer_result not_before;
    wafer_result revoke;
    wafer_result look;
};

static wafer_result broken_check(void *context, const wafer_revocation_query *query,
                                 wafer_standing *standing)
{
    (void)query;
    *standing = WAFER_STANDS;
    return ((struct broken *)context)->check;
}

static wafer_result broken_not_before(void *context, const uint8_t *subject, int64_t *at_ms)
{
    (void)subject;
    *at_ms = 0;
    return ((struct broken *)context)->not_before;
}

static wafer_result broken_revoke(void *context, int64_t now_ms, wafer_revocation *entry)
{
    (void)now_ms;
    (void)entry;
    return ((struct broken *)context)->revoke;
}

static wafer_result broken_purge(void *context, int64_t now_ms, size_t *dropped)
{
    (void)context;
    (void)now_ms;
    (void)dropped;
    return WAFER_UNAVAILABLE;
}

static wafer_result broken_retain(void *context, int64_t retention_ms)
{
    (void)context;
    (void)retention_ms;
    return WAFER_UNAVAILABLE;
}

static wafer_result broken_look(void *context, wafer_revocations_status *status)
{
    memset(status, 0, sizeof *status);
    status->retention_ms = 24 * HOUR;
    status->skew_ms = MINUTE;
    return ((struct broken *)context)->look;
}

static wafer_result broken_entries(void *context, wafer_revocation *entries, size_t room,
                                   size_t *count)
{
    (void)context;
    (void)entries;
    (void)room;
    (void)count;
    return WAFER_UNAVAILABLE;
}

static void broken_free(void *context)
{
    (void)context;
}

/* A world whose list does as it is told, with a check of its own. */
static wafer_settings world_with_broken(struct world *world, struct broken *broken,
                                        broken_checks *check)
{
    const wafer_revocations_interface functions = {sizeof functions,  check,
                                                   broken_not_before, broken_revoke,
                                                   broken_purge,      broken_retain,
                                                   broken_look,       broken_entries,
                                                   broken_free,       NULL};
    wafer_settings settings;

    wafer_session_free(world->session);
    wafer_manager_free(world->manager);
    world->session = NULL;
    world->manager = NULL;
    wafer_revocations_free(world->list);
    assert_int_equal(wafer_revocations_wrap(&functions, broken, world_clock, world, &world->list,
                                            NULL),
                     WAFER_OK);
    settings = world_settings(world);
    world_manage(world, &settings);
    return settings;
}

static void an_unavailable_list_leaves_good_cookies_alone(void **state)
{
    struct world *world = *state;
    struct broken broken = {WAFER_OK, WAFER_OK, WAFER_OK, WAFER_OK};
    struct browser ada = {.cookie = ""}, nobody = {.cookie = ""}, copy;

    (void)world_with_broken(world, &broken, broken_check);
    sign_in(world, &ada, "ada");
    copy = ada;

    broken.check = WAFER_UNAVAILABLE;
    assert_int_equal(arrive(world, &ada), WAFER_UNCHECKED);
    assert_true(wafer_frozen(world->session));
    assert_null(wafer_subject(world->session, NULL));
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_UNAVAILABLE);
    broken.revoke = WAFER_UNAVAILABLE;
    assert_int_equal(wafer_logout(world->session), WAFER_UNAVAILABLE);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.line, "");
    assert_string_equal(ada.cookie, copy.cookie);

    broken.check = WAFER_OK;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    broken.check = WAFER_SYSTEM;
    assert_int_equal(wafer_recheck(world->session), WAFER_UNCHECKED);
    broken.check = WAFER_OK;
    assert_int_equal(wafer_logout_everywhere(world->session), WAFER_UNAVAILABLE);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.cookie, "");

    broken.not_before = WAFER_UNAVAILABLE;
    (void)!arrive(world, &nobody);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_UNAVAILABLE);
    assert_int_equal(leave(world, &nobody), WAFER_UNAVAILABLE);
    assert_string_equal(nobody.line, "");

    broken.look = WAFER_UNAVAILABLE;
    {
        wafer_settings settings = world_settings(world);
        wafer_manager *manager;
        wafer_error error;

        assert_int_equal(wafer_manager_new(&settings, &manager, &error), WAFER_UNAVAILABLE);
        assert_null(manager);
    }
}

static void what_is_queued_for_other_machines_is_in_effect_here(void **state)
{
    struct world *world = *state;
    struct broken broken = {WAFER_OK, WAFER_OK, WAFER_OK, WAFER_OK};
    struct browser ada = {.cookie = ""}, bob = {.cookie = ""};

    (void)world_with_broken(world, &broken, broken_check);
    sign_in(world, &ada, "ada");
    sign_in(world, &bob, "bob");
    broken.revoke = WAFER_QUEUED;

    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_renew(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_renew(world->session), WAFER_OK);
    assert_int_equal(wafer_owed(world->session) & WAFER_OWED_RENEWAL, WAFER_OWED_RENEWAL);
    assert_int_equal(wafer_logout(world->session), WAFER_QUEUED);
    assert_int_equal(wafer_logout(world->session), WAFER_OK); /* there is nothing left to list */
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_string_equal(ada.cookie, "");

    assert_int_equal(arrive(world, &bob), WAFER_VALID);
    assert_int_equal(wafer_logout_everywhere(world->session), WAFER_QUEUED);
    assert_int_equal(wafer_logout_everywhere(world->session), WAFER_OK);
    assert_int_equal(leave(world, &bob), WAFER_OK);
    assert_string_equal(bob.cookie, "");
}

/* ---- a good seal around a bad plaintext: only a holder of the key can make one */

static void seal_by_hand(struct world *world, const uint8_t *plain, size_t length, char *cookie)
{
    const struct wafer_generation *generation = wafer_keyring_take(world->ring, NULL);
    const struct wafer_key *key = wafer_keys_sealing(wafer_generation_keys(generation),
                                                     world->now_ms);
    static struct wafer_box box;
    size_t at = strlen("__Host-session=");

    memcpy(cookie, "__Host-session=", at);
    memcpy(box.bytes + WAFER_BOX_TEXT, plain, length);
    assert_true(wafer_seal_close(wafer_generation_subkeys(generation, key, 0)->cipher, key->id,
                                 false, &box, length, cookie + at));
    cookie[at + WAFER_BASE64_LENGTH(length + WAFER_SEAL_OVERHEAD)] = '\0';
    wafer_keyring_give(world->ring, generation, NULL);
}

static size_t plain_by_hand(const char *map, size_t map_length, int64_t sealed_at_ms,
                            uint8_t *plain)
{
    struct wafer_record record = {.login_at_ms = NOON,
                                  .sealed_at_ms = sealed_at_ms,
                                  .active_at_ms = sealed_at_ms,
                                  .absolute_at_ms = NOON + HOUR};
    size_t length;

    record.id[0] = (uint8_t)sealed_at_ms;
    length = wafer_record_write(&record, plain);

    memcpy(plain + length, map, map_length);
    return length + map_length;
}

static void a_bad_plaintext_behind_a_good_seal_is_rejected(void **state)
{
    struct world *world = *state;
    const struct {
        const char *map;
        size_t length;
        wafer_verdict verdict;
    } rows[] = {
        {"\xA0", 1, WAFER_VALID},
        {"\xA0\0\0\0", 4, WAFER_VALID}, /* padding */
        {"\xA0\0\0\1", 4, WAFER_REJECTED},
        {"\xA0\0\1\0", 4, WAFER_REJECTED},
        {"\xA1\x61n\x01", 4, WAFER_VALID},
        {"\xA1\x61n\x01\0", 5, WAFER_VALID},
        {"\xA1\x61n\x01\x01", 5, WAFER_REJECTED},
        {"\xA1\x61n\x18\x01", 5, WAFER_REJECTED},       /* not the shortest form */
        {"\xA2\x61n\x01\x61n\x01", 7, WAFER_REJECTED},  /* twice */
        {"\xA2\x62nn\x01\x61n\x01", 8, WAFER_REJECTED}, /* not in order */
        {"\xBF\x61n\x01\xFF", 5, WAFER_REJECTED},       /* indefinite */
        {"\xA1\x61n\xF6", 4, WAFER_REJECTED},           /* null */
        {"\xA1\x61n", 3, WAFER_REJECTED},
        {"", 0, WAFER_REJECTED},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct browser ada = {.cookie = ""};
        uint8_t plain[300];
        size_t length = plain_by_hand(rows[i].map, rows[i].length, NOON, plain);

        seal_by_hand(world, plain, length, ada.cookie);
        if (arrive(world, &ada) != rows[i].verdict)
            fail_msg("row %zu: %s", i, wafer_explain(world->session));
        if (rows[i].verdict == WAFER_REJECTED) {
            assert_non_null(strstr(wafer_explain(world->session), "1 with a wrong content"));
            assert_false(wafer_next(world->session, &(size_t){0}, &(wafer_variable){.name = ""}));
        }
    }
    {
        struct browser ada = {.cookie = ""};

        seal_by_hand(world, (const uint8_t *)"", 0, ada.cookie);
        assert_int_equal(arrive(world, &ada), WAFER_REJECTED);
        assert_non_null(strstr(wafer_explain(world->session), ", 1 with a wrong content"));
    }
}

static void the_next_best_is_taken_when_the_best_has_a_bad_plaintext(void **state)
{
    struct world *world = *state;
    struct browser bad = {.cookie = ""}, worse = {.cookie = ""}, good = {.cookie = ""};
    uint8_t plain[300];
    int64_t value = 0;

    seal_by_hand(world, plain, plain_by_hand("\xA1\x61n\xF6", 4, NOON + 2, plain), worse.cookie);
    seal_by_hand(world, plain, plain_by_hand("\xA1\x61n\xF6", 4, NOON + 1, plain), bad.cookie);
    seal_by_hand(world, plain, plain_by_hand("\xA1\x61n\x07", 4, NOON, plain), good.cookie);
    begin(world);
    assert_int_equal(add_field(world, bad.cookie), WAFER_OK);
    assert_int_equal(add_field(world, worse.cookie), WAFER_OK);
    assert_int_equal(add_field(world, "__Host-session=short"), WAFER_OK);
    assert_int_equal(add_field(world, good.cookie), WAFER_OK);
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    assert_false(wafer_conflict(world->session)); /* the others were none */
    assert_non_null(strstr(wafer_explain(world->session),
                           "; 3 tried, 1 of a wrong length, 2 with a wrong content"));
    assert_true(wafer_get_integer(world->session, "n", &value));
    assert_int_equal(value, 7);
}

/* A list that answers by the first byte of the id, which is the verdict that is wanted. */
static wafer_result check_by_id(void *context, const wafer_revocation_query *query,
                                wafer_standing *standing)
{
    (void)context;
    *standing = query->id[0] == WAFER_REVOKED ? WAFER_REFUSED : WAFER_STANDS;
    return query->id[0] == WAFER_UNCHECKED ? WAFER_UNAVAILABLE : WAFER_OK;
}

static void make_cookie_of(struct world *world, wafer_verdict verdict, int64_t sealed_at_ms,
                           struct browser *browser)
{
    struct wafer_record record = {.login_at_ms = NOON,
                                  .sealed_at_ms = sealed_at_ms,
                                  .active_at_ms = sealed_at_ms,
                                  .absolute_at_ms = NOON + HOUR};
    uint8_t plain[300];
    size_t length;

    record.id[0] = (uint8_t)verdict;
    if (verdict == WAFER_EXPIRED)
        record.absolute_at_ms = NOON + MINUTE;
    if (verdict == WAFER_IDLE)
        record.active_at_ms = NOON;
    length = wafer_record_write(&record, plain);
    plain[length++] = 0xA0; /* no variables */
    seal_by_hand(world, plain, verdict == WAFER_REJECTED ? 0 : length, browser->cookie);
    assert_int_equal(arrive(world, browser), verdict);
    wafer_end(world->session);
}

static void of_two_cookies_the_better_verdict_counts_though_the_other_was_sealed_later(void **state)
{
    static const wafer_verdict from_worst[] = {WAFER_REJECTED, WAFER_EXPIRED, WAFER_IDLE,
                                               WAFER_REVOKED,  WAFER_FUTURE,  WAFER_UNCHECKED,
                                               WAFER_VALID};
    enum { COUNT = sizeof from_worst / sizeof *from_worst };
    struct world *world = *state;
    struct broken broken = {WAFER_OK, WAFER_OK, WAFER_OK, WAFER_OK};
    static struct browser browsers[COUNT];

    (void)world_with_broken(world, &broken, check_by_id);
    world->now_ms = NOON + 40 * MINUTE;
    for (int i = 0; i < COUNT; i++)
        make_cookie_of(world, from_worst[i],
                       world->now_ms + (from_worst[i] == WAFER_FUTURE ? HOUR : -i), &browsers[i]);
    for (size_t worse = 0; worse < COUNT; worse++) {
        for (size_t better = worse + 1; better < COUNT; better++) {
            for (int order = 0; order < 2; order++) {
                begin(world);
                assert_int_equal(add_field(world, browsers[order ? worse : better].cookie),
                                 WAFER_OK);
                assert_int_equal(add_field(world, browsers[order ? better : worse].cookie),
                                 WAFER_OK);
                assert_int_equal(wafer_open(world->session), from_worst[better]);
            }
        }
    }
}

static void the_last_renewal_is_the_131071st(void **state)
{
    struct world *world = *state;
    struct wafer_record record = {.login_at_ms = NOON,
                                  .sealed_at_ms = NOON,
                                  .active_at_ms = NOON,
                                  .absolute_at_ms = NOON + HOUR,
                                  .subject_length = 3,
                                  .subject = "ada"};
    uint8_t plain[300];

    for (uint32_t before = WAFER_RENEWALS_MAX - 1; before <= WAFER_RENEWALS_MAX; before++) {
        struct browser ada = {.cookie = ""};
        size_t length;

        record.renewals = before;
        length = wafer_record_write(&record, plain);
        plain[length++] = 0xA0; /* no variables */
        seal_by_hand(world, plain, length, ada.cookie);
        assert_int_equal(arrive(world, &ada), WAFER_VALID);
        assert_int_equal(wafer_renew(world->session),
                         before < WAFER_RENEWALS_MAX ? WAFER_OK : WAFER_TOO_LARGE);
        assert_int_equal(leave(world, &ada), WAFER_OK);
        assert_int_equal(look(world, &ada), WAFER_VALID);
    }
}

static void the_line_for_logs_never_holds_input_subject_or_key(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const struct wafer_generation *generation;
    const uint8_t *key_id;
    char under[80];
    const char *line;

    sign_in(world, &ada, "ada-lovelace");
    world->now_ms += 4 * MINUTE;
    begin(world);
    assert_int_equal(add_field(world, "__Host-session=INPUT"), WAFER_OK);
    assert_int_equal(add_field(world, ada.cookie), WAFER_OK);
    assert_string_equal(wafer_explain(world->session), "not opened");
    assert_int_equal(wafer_open(world->session), WAFER_VALID);
    assert_int_equal(wafer_put_text(world->session, "note", "secret note"), WAFER_OK);
    line = wafer_explain(world->session);
    assert_null(strstr(line, "INPUT"));
    assert_null(strstr(line, "lovelace"));
    assert_null(strstr(line, "secret"));
    assert_null(strstr(line, token_of(&ada) + 30));
    generation = wafer_keyring_take(world->ring, NULL);
    key_id = wafer_keys_sealing(wafer_generation_keys(generation), world->now_ms)->id;
    (void)snprintf(under, sizeof under,
                   "valid; signed in, sealed 240 s ago under key %02x%02x%02x,", key_id[0],
                   key_id[1], key_id[2]);
    wafer_keyring_give(world->ring, generation, NULL);
    assert_non_null(strstr(line, under));
    assert_non_null(strstr(line, ", expires in 42960 s, idles out in 1560 s; 1 tried, "
                                 "1 of a wrong length; owed: changed refresh"));
    assert_null(strstr(line, "put failed"));
    wafer_end(world->session);
    assert_string_equal(wafer_explain(world->session), "not begun");
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(it_is_found_among_twenty_others_in_any_field),
        IN_WORLD(crumbs_are_a_field_each),
        IN_WORLD(forged_duplicates_in_front_do_no_harm),
        IN_WORLD(an_expired_authentic_duplicate_does_no_harm),
        IN_WORLD(of_two_valid_ones_the_latest_sealed_wins),
        IN_WORLD(two_valid_sessions_are_a_conflict),
        IN_WORLD(a_frozen_verdict_beats_an_empty_one),
        IN_WORLD(a_revoked_one_beats_an_idle_one_that_was_sealed_later),
        IN_WORLD(what_is_not_ours_is_rejected_alike),
        IN_WORLD(sixty_four_candidates_are_tried_and_one_more_freezes),
        IN_WORLD(more_bytes_than_the_cap_freeze),
        IN_WORLD(more_pairs_than_the_cap_freeze),
        IN_WORLD(fields_that_a_server_lost_freeze),
        IN_WORLD(a_token_stands_in_place_of_the_fields),
        IN_WORLD(any_bytes_in_a_field_are_survived),
        IN_WORLD(folded_fields_are_split_only_when_told_and_only_then_at_need),
        IN_WORLD(an_unavailable_list_leaves_good_cookies_alone),
        IN_WORLD(what_is_queued_for_other_machines_is_in_effect_here),
        IN_WORLD(a_bad_plaintext_behind_a_good_seal_is_rejected),
        IN_WORLD(the_next_best_is_taken_when_the_best_has_a_bad_plaintext),
        IN_WORLD(of_two_cookies_the_better_verdict_counts_though_the_other_was_sealed_later),
        IN_WORLD(the_last_renewal_is_the_131071st),
        IN_WORLD(the_line_for_logs_never_holds_input_subject_or_key),
    };

    seed_random();
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
