/* What must hold over several hosts, processes and threads, and over responses in flight. */
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A second host: a clock and, if told, a key ring of its own, the list shared. */
struct host {
    int64_t now_ms;
    wafer_keyring *ring;
    wafer_manager *manager;
    wafer_session *session;
};

static int64_t host_clock(void *host)
{
    return ((struct host *)host)->now_ms;
}

static void host_open(struct host *host, struct world *world, wafer_keyring *ring, int64_t ahead_ms)
{
    wafer_settings settings = world_settings(world);

    host->now_ms = world->now_ms + ahead_ms;
    host->ring = ring;
    settings.keyring = ring;
    settings.clock = host_clock;
    settings.clock_context = host;
    assert_int_equal(wafer_manager_new(&settings, &host->manager, NULL), WAFER_OK);
    assert_int_equal(wafer_session_new(host->manager, &host->session), WAFER_OK);
}

static void host_close(struct host *host)
{
    wafer_session_free(host->session);
    wafer_manager_free(host->manager);
}

static void sign_in_at(struct host *host, struct browser *browser)
{
    (void)!arrive_at(host->session, browser);
    assert_int_equal(wafer_login(host->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_int_equal(leave_from(host->session, browser), WAFER_OK);
}

/* ---- clocks 30 s apart */

static void clocks_half_a_minute_apart_disturb_nobody(void **state)
{
    struct world *world = *state;
    struct host fast, slow;
    struct browser ada = {.cookie = ""};

    host_open(&slow, world, world->ring, 0);
    host_open(&fast, world, world->ring, 30 * SECOND);
    for (int round = 0; round < 20; round++) {
        struct host *here = round % 2 ? &fast : &slow;
        struct host *there = round % 2 ? &slow : &fast;

        sign_in_at(here, &ada);
        for (int i = 0; i < 6; i++) { /* back and forth, changing something at each */
            struct host *at = i % 2 ? here : there;

            assert_int_equal(arrive_at(at->session, &ada), WAFER_VALID);
            assert_int_equal(wafer_put_integer(at->session, "n", i), WAFER_OK);
            assert_int_equal(leave_from(at->session, &ada), WAFER_OK);
        }
        fast.now_ms += SECOND;
        slow.now_ms += SECOND;
    }
    host_close(&fast);
    host_close(&slow);
}

static void logging_out_on_either_host_reaches_both_and_lets_back_in_on_both(void **state)
{
    struct world *world = *state;
    struct host hosts[2];

    host_open(&hosts[0], world, world->ring, 0);
    host_open(&hosts[1], world, world->ring, 30 * SECOND);
    for (int round = 0; round < 16; round++) { /* who signs in, who logs out, who logs in again */
        struct host *in = &hosts[round & 1], *out = &hosts[round >> 1 & 1];
        struct host *again = &hosts[round >> 2 & 1];
        bool everywhere = round & 8;
        struct browser ada = {.cookie = ""}, copy;

        sign_in_at(in, &ada);
        copy = ada;
        assert_int_equal(arrive_at(out->session, &ada), WAFER_VALID);
        assert_int_equal(everywhere ? wafer_logout_everywhere(out->session)
                                    : wafer_logout(out->session),
                         WAFER_OK);
        assert_int_equal(leave_from(out->session, &ada), WAFER_OK);
        for (int i = 0; i < 2; i++)
            assert_int_equal(arrive_at(hosts[i].session, &copy), WAFER_REVOKED);
        sign_in_at(again, &ada);
        for (int i = 0; i < 2; i++)
            assert_int_equal(arrive_at(hosts[i].session, &ada), WAFER_VALID);
    }
    host_close(&hosts[0]);
    host_close(&hosts[1]);
}

static void of_two_hosts_the_order_of_seals_does_not_turn_back(void **state)
{
    struct world *world = *state;
    struct host fast, slow;
    struct browser older = {.cookie = ""}, newer;
    char both[12000];
    int64_t value = 0;

    host_open(&slow, world, world->ring, 0);
    host_open(&fast, world, world->ring, 30 * SECOND);
    sign_in_at(&fast, &older);
    newer = older;
    assert_int_equal(arrive_at(slow.session, &newer), WAFER_VALID);
    assert_int_equal(wafer_put_integer(slow.session, "n", 2), WAFER_OK);
    assert_int_equal(leave_from(slow.session, &newer), WAFER_OK);
    (void)snprintf(both, sizeof both, "%s; %s", newer.cookie, older.cookie);
    assert_int_equal(wafer_begin(fast.session), WAFER_OK);
    assert_int_equal(wafer_field(fast.session, both, strlen(both)), WAFER_OK);
    assert_int_equal(wafer_open(fast.session), WAFER_VALID);
    assert_true(wafer_get_integer(fast.session, "n", &value));
    assert_int_equal(value, 2);
    host_close(&fast);
    host_close(&slow);
}

/* ---- rotation, one host late */

static void a_host_that_reloads_late_loses_nobody(void **state)
{
    struct world *world = *state;
    char old_key[WAFER_KEYS_LINE_MAX], new_key[WAFER_KEYS_LINE_MAX], text[2 * WAFER_KEYS_LINE_MAX];
    wafer_keyring_settings settings = WAFER_KEYRING_SETTINGS_INIT;
    wafer_keyring *rings[2];
    struct host early, late;
    struct browser ada = {.cookie = ""}, unused;

    key_line(old_key, NOON - HOUR, INT64_MAX);
    key_line(new_key, NOON + HOUR, INT64_MAX);
    (void)snprintf(text, sizeof text, "%s%s", old_key, new_key);
    settings.text = old_key;
    settings.text_length = strlen(old_key);
    settings.clock = world_clock;
    settings.clock_context = world;
    for (int i = 0; i < 2; i++)
        assert_int_equal(wafer_keyring_new(&settings, &rings[i], NULL), WAFER_OK);
    host_open(&early, world, rings[0], 0);
    host_open(&late, world, rings[1], 0);

    sign_in_at(&early, &ada);
    unused = ada;
    assert_int_equal(wafer_keyring_replace(early.ring, text, strlen(text), NULL), WAFER_OK);
    sign_in_at(&early, &ada); /* before the hour is over the old key still seals */
    assert_int_equal(arrive_at(late.session, &ada), WAFER_VALID);

    assert_int_equal(wafer_keyring_replace(late.ring, text, strlen(text), NULL), WAFER_OK);
    early.now_ms = late.now_ms = NOON + HOUR - 1;
    sign_in_at(&early, &ada);
    assert_int_equal(arrive_at(early.session, &ada), WAFER_VALID);
    assert_int_equal(wafer_owed(early.session), 0);
    early.now_ms = late.now_ms = NOON + HOUR;
    assert_int_equal(arrive_at(early.session, &ada), WAFER_VALID);
    assert_int_equal(wafer_owed(early.session), WAFER_OWED_OLD_KEY);
    assert_int_equal(leave_from(early.session, &ada), WAFER_OK);
    assert_int_equal(arrive_at(late.session, &ada), WAFER_VALID);
    assert_int_equal(wafer_owed(late.session), 0);
    assert_int_equal(arrive_at(late.session, &unused), WAFER_IDLE); /* authentic all the same */

    /* Dropped, the old key opens no more; what was sealed anew lives on. */
    world->now_ms = NOON + HOUR;
    assert_int_equal(wafer_keyring_replace(late.ring, new_key, strlen(new_key), NULL), WAFER_OK);
    assert_int_equal(arrive_at(late.session, &unused), WAFER_REJECTED);
    assert_non_null(strstr(wafer_explain(late.session), "1 under an unknown or expired key"));
    assert_int_equal(arrive_at(late.session, &ada), WAFER_VALID);
    host_close(&early);
    host_close(&late);
    wafer_keyring_free(rings[0]);
    wafer_keyring_free(rings[1]);
}

static void signing_in_under_an_old_key_is_owed_for_that_alone(void **state)
{
    struct world *world = *state;
    char keys[2][WAFER_KEYS_LINE_MAX], text[2 * WAFER_KEYS_LINE_MAX];
    struct browser ada = {.cookie = ""};

    key_line(keys[0], NOON - 2 * HOUR, INT64_MAX);
    key_line(keys[1], NOON - HOUR, INT64_MAX);
    (void)snprintf(text, sizeof text, "%s%s", keys[0], keys[1]);
    assert_int_equal(wafer_keyring_replace(world->ring, keys[0], strlen(keys[0]), NULL), WAFER_OK);
    sign_in(world, &ada, "ada");
    assert_int_equal(wafer_keyring_replace(world->ring, text, strlen(text), NULL), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_OLD_KEY);
    assert_int_equal(wafer_login(world->session, "ada", 3, NULL, 0), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_LOGIN);
}

static void a_request_keeps_the_keys_it_began_with(void **state)
{
    struct world *world = *state;
    char key[WAFER_KEYS_LINE_MAX];
    struct browser ada = {.cookie = ""};

    sign_in(world, &ada, "ada");
    key_line(key, NOON - HOUR, INT64_MAX);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_keyring_replace(world->ring, key, strlen(key), NULL), WAFER_OK);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(wafer_owed(world->session), WAFER_OWED_CHANGED);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(look(world, &ada), WAFER_REJECTED); /* under the old key, which is gone */
}

static void a_ring_whose_keys_all_expired_seals_nothing(void **state)
{
    struct world *world = *state;
    char key[WAFER_KEYS_LINE_MAX];
    char token[WAFER_CSRF_LENGTH + 1];
    struct browser ada = {.cookie = ""};

    key_line(key, NOON - HOUR, NOON + HOUR);
    assert_int_equal(wafer_keyring_replace(world->ring, key, strlen(key), NULL), WAFER_OK);
    world->now_ms = NOON + HOUR - 1;
    sign_in(world, &ada, "ada");
    assert_int_equal(look(world, &ada), WAFER_VALID);
    world->now_ms = NOON + HOUR;
    assert_int_equal(look(world, &ada), WAFER_REJECTED);
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_UNAVAILABLE);
    assert_string_equal(token, "");
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_UNAVAILABLE);
    assert_string_equal(ada.line, "");
}

/* ---- in flight */

static void a_response_in_flight_does_not_bring_a_session_back(void **state)
{
    struct world *world = *state;
    struct host slow;
    struct browser ada = {.cookie = ""}, in_flight;

    host_open(&slow, world, world->ring, 0);
    for (int everywhere = 0; everywhere < 2; everywhere++) {
        sign_in(world, &ada, "ada");
        in_flight = ada;
        assert_int_equal(arrive_at(slow.session, &in_flight), WAFER_VALID);
        assert_int_equal(wafer_put_integer(slow.session, "n", 1), WAFER_OK);
        assert_int_equal(arrive(world, &ada), WAFER_VALID);
        assert_int_equal(everywhere ? wafer_logout_everywhere(world->session)
                                    : wafer_logout(world->session),
                         WAFER_OK);
        assert_int_equal(leave(world, &ada), WAFER_OK);
        slow.now_ms += 5 * SECOND;
        assert_int_equal(leave_from(slow.session, &in_flight), WAFER_UNAVAILABLE);
        assert_string_equal(in_flight.line, ""); /* overwrites nothing, and says so */
        assert_int_equal(look(world, &in_flight), WAFER_REVOKED);
    }
    host_close(&slow);
}

static void a_response_in_flight_across_a_renewal_lives_for_the_grace(void **state)
{
    struct world *world = *state;
    struct host slow;
    struct browser ada = {.cookie = ""}, in_flight;

    host_open(&slow, world, world->ring, 0);
    sign_in(world, &ada, "ada");
    in_flight = ada;
    assert_int_equal(arrive_at(slow.session, &in_flight), WAFER_VALID);
    assert_int_equal(wafer_put_integer(slow.session, "n", 1), WAFER_OK);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_renew(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    assert_int_equal(leave_from(slow.session, &in_flight), WAFER_UNAVAILABLE);
    assert_string_equal(in_flight.line, ""); /* the renewed cookie is not overwritten */
    assert_int_equal(look(world, &in_flight), WAFER_VALID);
    world->now_ms += 30 * SECOND;
    assert_int_equal(look(world, &in_flight), WAFER_REVOKED);
    assert_int_equal(look(world, &ada), WAFER_VALID);
    host_close(&slow);
}

static void a_refresh_in_flight_across_a_renewal_is_dropped_without_a_word(void **state)
{
    struct world *world = *state;
    struct host slow;
    struct browser ada = {.cookie = ""}, in_flight;

    host_open(&slow, world, world->ring, 0);
    sign_in(world, &ada, "ada");
    in_flight = ada;
    world->now_ms = slow.now_ms = NOON + 5 * MINUTE;
    assert_int_equal(arrive_at(slow.session, &in_flight), WAFER_VALID);
    assert_int_equal(wafer_owed(slow.session), WAFER_OWED_REFRESH);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_renew(world->session), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    {
        const wafer_header *headers;
        size_t count;

        assert_int_equal(wafer_finish(slow.session, &headers, &count), WAFER_OK);
        assert_int_equal(wafer_owed(slow.session), 0);
    }
    assert_int_equal(leave_from(slow.session, &in_flight), WAFER_OK);
    assert_string_equal(in_flight.line, "");
    host_close(&slow);
}

static void a_host_behind_at_a_rotation_does_not_take_turns_with_one_ahead(void **state)
{
    struct world *world = *state;
    char old_key[WAFER_KEYS_LINE_MAX], new_key[WAFER_KEYS_LINE_MAX], text[2 * WAFER_KEYS_LINE_MAX];
    struct host ahead, behind;
    struct browser ada = {.cookie = ""};

    key_line(old_key, NOON - HOUR, INT64_MAX);
    key_line(new_key, NOON + 15 * SECOND, INT64_MAX);
    (void)snprintf(text, sizeof text, "%s%s", old_key, new_key);
    assert_int_equal(wafer_keyring_replace(world->ring, text, strlen(text), NULL), WAFER_OK);
    host_open(&ahead, world, world->ring, 30 * SECOND);
    host_open(&behind, world, world->ring, 0);
    sign_in_at(&ahead, &ada); /* under the new key, which does not seal for the other yet */
    assert_int_equal(arrive_at(behind.session, &ada), WAFER_VALID);
    assert_int_equal(wafer_owed(behind.session), 0);
    host_close(&ahead);
    host_close(&behind);
}

/* ---- processes */

static void what_a_forked_worker_revokes_is_refused_in_the_parent(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    pid_t child;
    int status;

    sign_in(world, &ada, "ada");
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const wafer_header *headers;
        size_t count;
        bool good = wafer_begin(world->session) == WAFER_OK &&
                    wafer_field(world->session, ada.cookie, strlen(ada.cookie)) == WAFER_OK &&
                    wafer_open(world->session) == WAFER_VALID &&
                    wafer_logout(world->session) == WAFER_OK &&
                    wafer_finish(world->session, &headers, &count) == WAFER_OK;

        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(look(world, &ada), WAFER_REVOKED);
}

static void parent_and_child_never_seal_under_one_nonce(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    const char *token;
    size_t length;
    char theirs[600] = "";
    int pipes[2];
    pid_t child;

    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool good = wafer_seal(world->session, &token, &length) == WAFER_OK &&
                    write(pipes[1], token, length) == (ssize_t)length;

        _exit(good ? 0 : 1);
    }
    assert_int_equal(close(pipes[1]), 0);
    assert_true(read(pipes[0], theirs, sizeof theirs - 1) > 100);
    assert_int_equal(close(pipes[0]), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(wafer_seal(world->session, &token, &length), WAFER_OK);
    assert_memory_equal(token, theirs, 5); /* version and key id */
    assert_memory_not_equal(token + 6, theirs + 6, 32);
}

/* ---- threads */

#define ROUNDS 300

struct worker {
    struct world *world;
    const struct browser *browser;
    wafer_session *session;
    unsigned valid;
    unsigned wrong;
};

static void *serve(void *argument)
{
    struct worker *worker = argument;
    const wafer_header *headers;
    size_t count;

    for (int i = 0; i < ROUNDS; i++) {
        wafer_verdict verdict;

        (void)wafer_begin(worker->session);
        (void)wafer_field(worker->session, worker->browser->cookie,
                          strlen(worker->browser->cookie));
        verdict = wafer_open(worker->session);
        if (verdict == WAFER_VALID)
            worker->valid++;
        else
            worker->wrong++;
        if (wafer_put_integer(worker->session, "i", i) != WAFER_OK ||
            wafer_finish(worker->session, &headers, &count) != WAFER_OK || count != 3)
            worker->wrong++;
        wafer_end(worker->session);
    }
    return NULL;
}

static void requests_run_while_keys_are_reloaded_and_sessions_revoked(void **state)
{
    struct world *world = *state;
    char first[WAFER_KEYS_LINE_MAX], second[WAFER_KEYS_LINE_MAX], text[2 * WAFER_KEYS_LINE_MAX];
    struct browser ada = {.cookie = ""};
    struct worker workers[2];
    pthread_t threads[2];
    uint8_t id[WAFER_ID_SIZE];

    key_line(first, NOON - 2 * HOUR, INT64_MAX);
    key_line(second, NOON - HOUR, INT64_MAX);
    (void)snprintf(text, sizeof text, "%s%s", first, second);
    assert_int_equal(wafer_keyring_replace(world->ring, first, strlen(first), NULL), WAFER_OK);
    sign_in(world, &ada, "ada");
    for (int i = 0; i < 2; i++) {
        workers[i] = (struct worker){.world = world, .browser = &ada};
        assert_int_equal(wafer_session_new(world->manager, &workers[i].session), WAFER_OK);
        assert_int_equal(pthread_create(&threads[i], NULL, serve, &workers[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        const char *keys = i % 2 ? first : text;

        assert_int_equal(wafer_keyring_replace(world->ring, keys, strlen(keys), NULL), WAFER_OK);
        random_fill(id, sizeof id);
        assert_int_equal(wafer_revoke_session(world->list, id), WAFER_OK);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].valid, ROUNDS);
        assert_int_equal(workers[i].wrong, 0);
        wafer_session_free(workers[i].session);
    }
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(clocks_half_a_minute_apart_disturb_nobody),
        IN_WORLD(logging_out_on_either_host_reaches_both_and_lets_back_in_on_both),
        IN_WORLD(of_two_hosts_the_order_of_seals_does_not_turn_back),
        IN_WORLD(a_host_that_reloads_late_loses_nobody),
        IN_WORLD(signing_in_under_an_old_key_is_owed_for_that_alone),
        IN_WORLD(a_request_keeps_the_keys_it_began_with),
        IN_WORLD(a_ring_whose_keys_all_expired_seals_nothing),
        IN_WORLD(a_response_in_flight_does_not_bring_a_session_back),
        IN_WORLD(a_response_in_flight_across_a_renewal_lives_for_the_grace),
        IN_WORLD(a_refresh_in_flight_across_a_renewal_is_dropped_without_a_word),
        IN_WORLD(a_host_behind_at_a_rotation_does_not_take_turns_with_one_ahead),
        IN_WORLD(what_a_forked_worker_revokes_is_refused_in_the_parent),
        IN_WORLD(parent_and_child_never_seal_under_one_nonce),
        IN_WORLD(requests_run_while_keys_are_reloaded_and_sessions_revoked),
    };

    seed_random();
    return cmocka_run_group_tests_name("promises", tests, NULL, NULL);
}
