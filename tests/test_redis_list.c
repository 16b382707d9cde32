/* The list over Redis without a Redis: what it says of staleness, what it queues, what it refuses
 * to open; and the state that the feeder tells. */
#include "folder.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <wafer/redis.h>

#include "redis/address.h"
#include "redis/list.h"
#include "redis/moment.h"
#include "redis/queue.h"
#include "redis/state.h"

#define NOW   INT64_C(1800000000000)
#define STALE 5000

static int64_t now_ms = NOW;

static int world_make(void **state)
{
    wafer_error error;

    now_ms = NOW;
    (void)folder_make(state);
    if (wafer_redis_secret_new(((struct folder *)*state)->path, false, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    return 0;
}

static wafer_revocations_settings table_settings(void)
{
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;

    table.on_start = WAFER_START_FORGETS;
    table.capacity = 1000;
    table.clock = clock_by_hand;
    table.clock_context = &now_ms;
    return table;
}

/* Nobody listens there. */
static wafer_redis_settings settings_of(const struct folder *folder)
{
    wafer_redis_settings settings = WAFER_REDIS_SETTINGS_INIT;

    settings.address = "/nonexistent/socket";
    settings.folder = folder->path;
    settings.stale_ms = STALE;
    settings.when_stale = WAFER_REDIS_REFUSES;
    return settings;
}

static wafer_revocations *open_list(const struct folder *folder, wafer_redis_when_stale when_stale,
                                    wafer_access access)
{
    wafer_redis_settings settings = settings_of(folder);
    wafer_revocations_settings table = table_settings();
    wafer_revocations *list = NULL;
    wafer_error error;

    settings.when_stale = when_stale;
    table.access = access;
    if (wafer_redis_open(&settings, &table, &list, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    return list;
}

static struct wafer_state_file *open_state(const struct folder *folder)
{
    struct wafer_state_file *state;
    struct wafer_site *site;

    assert_int_equal(wafer_site_new(folder->path, false, &site, NULL), WAFER_OK);
    assert_int_equal(wafer_state_open(site, true, &state, NULL), WAFER_OK);
    wafer_site_free(site);
    return state;
}

/* As the feeder does. */
static void say_fresh(const struct folder *folder, int64_t as_of_ms)
{
    struct wafer_state_file *state = open_state(folder);
    struct stat status;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/table", folder->path);
    assert_int_equal(stat(path, &status), 0);
    atomic_store(&state->table, (uint64_t)status.st_ino);
    atomic_store(&state->as_of_ms, as_of_ms);
    wafer_state_close(state);
}

static wafer_result check(wafer_revocations *list, uint8_t number, wafer_standing *standing)
{
    uint8_t id[WAFER_ID_SIZE] = {number};
    wafer_revocation_query query = {.id = id, .login_at_ms = NOW, .now_ms = now_ms};

    return wafer_revocations_check(list, &query, standing);
}

/* ---- Others who open the same ---- */

static const char *looked_for = "";
static void (*meanwhile)(void);

/* Somebody else does something just after it was seen that a file is not there. */
int __real_access(const char *path, int how);
int __wrap_access(const char *path, int how);
int __wrap_access(const char *path, int how)
{
    int result = __real_access(path, how);
    void (*happens)(void) = strcmp(path, looked_for) == 0 ? meanwhile : NULL;

    if (happens != NULL) {
        meanwhile = NULL;
        happens();
    }
    return result;
}

static const struct folder *new_folder;
static wafer_redis_feeder *new_feeder;

/* All that a feeder does before it waits for Redis. */
static void start_feeder(void)
{
    wafer_redis_settings settings = settings_of(new_folder);
    wafer_revocations_settings table = table_settings();
    wafer_error error;

    if (wafer_redis_feeder_new(&settings, &table, &new_feeder, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    wafer_redis_feeder_stop(new_feeder);
    assert_int_equal(wafer_redis_feeder_run(new_feeder, NULL, NULL, &error), WAFER_OK);
}

static void who_starts_with_a_feeder_leaves_it_its_new_table(void **state)
{
    char path[128];
    struct wafer_state_file *state_file;
    wafer_revocations *list;
    struct stat status;

    new_folder = *state;
    (void)snprintf(path, sizeof path, "%s/table", new_folder->path);
    looked_for = path;
    meanwhile = start_feeder;
    list = open_list(new_folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE);
    looked_for = "";
    assert_null(meanwhile);
    state_file = open_state(new_folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(atomic_load(&state_file->table), status.st_ino);
    wafer_state_close(state_file);
    wafer_redis_feeder_free(new_feeder);
    wafer_revocations_free(list);
}

/* ---- Staleness ---- */

static void a_stale_table_refuses_checks_but_knows_what_is_revoked(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations *list = open_list(folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE);
    wafer_standing standing;
    uint8_t id[WAFER_ID_SIZE] = {1};
    const struct {
        int64_t as_of_ms;
        wafer_result result;
    } cases[] = {
        {0, WAFER_UNAVAILABLE},          {NOW, WAFER_OK},
        {NOW - STALE, WAFER_OK},         {NOW - STALE - 1, WAFER_UNAVAILABLE},
        {NOW + 1000, WAFER_OK}, /* it went on while the request did */
        {NOW + 1001, WAFER_UNAVAILABLE}, {-1, WAFER_UNAVAILABLE},
        {INT64_MIN, WAFER_UNAVAILABLE},  {INT64_MAX, WAFER_UNAVAILABLE},
    };

    assert_int_equal(check(list, 2, &standing), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_revoke_session(list, id), WAFER_QUEUED);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        say_fresh(folder, cases[i].as_of_ms);
        assert_int_equal(check(list, 2, &standing), cases[i].result);
        assert_int_equal(standing, cases[i].result == WAFER_OK ? WAFER_STANDS : WAFER_REFUSED);
        assert_int_equal(check(list, 1, &standing), WAFER_OK);
        assert_int_equal(standing, WAFER_REFUSED);
    }
    wafer_revocations_free(list);
}

/* A table that the feeder fills just when it has been asked. */
static wafer_result stands_and_is_then_filled(void *context, const wafer_revocation_query *query,
                                              wafer_standing *standing)
{
    struct wafer_state_file *state = context;

    *standing = WAFER_STANDS;
    atomic_store(&state->as_of_ms, query->now_ms);
    return WAFER_OK;
}

static void leave(void *context)
{
    (void)context;
}

static void a_table_that_is_filled_while_it_is_asked_was_stale(void **state)
{
    wafer_revocations_interface table = wafer_mirrored_interface;
    struct wafer_mirrored list = {.inode = 7, .stale_ms = STALE, .state = open_state(*state)};
    const uint8_t id[WAFER_ID_SIZE] = {1};
    const wafer_revocation_query query = {.id = id, .login_at_ms = NOW, .now_ms = NOW};
    wafer_standing standing;

    table.check = stands_and_is_then_filled;
    table.free = leave;
    assert_int_equal(wafer_revocations_wrap(&table, list.state, NULL, NULL, &list.table, NULL),
                     WAFER_OK);
    atomic_store(&list.state->table, list.inode);
    atomic_store(&list.state->as_of_ms, NOW - STALE - 1);
    assert_int_equal(wafer_mirrored_interface.check(&list, &query, &standing), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_mirrored_interface.check(&list, &query, &standing), WAFER_OK);
    wafer_revocations_free(list.table);
    wafer_state_close(list.state);
}

static void when_told_a_stale_table_has_its_word(void **state)
{
    wafer_revocations *list = open_list(*state, WAFER_REDIS_ALLOWS, WAFER_ACCESS_CREATE);
    wafer_standing standing;
    uint8_t id[WAFER_ID_SIZE] = {1};

    assert_int_equal(check(list, 2, &standing), WAFER_OK);
    assert_int_equal(standing, WAFER_STANDS);
    assert_int_equal(wafer_revoke_session(list, id), WAFER_QUEUED);
    assert_int_equal(check(list, 1, &standing), WAFER_OK);
    assert_int_equal(standing, WAFER_REFUSED);
    wafer_revocations_free(list);
}

static void a_table_that_is_made_anew_is_not_fresh_however_fresh_the_old_one_was(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations *list = open_list(folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE);
    wafer_revocations *other;
    struct wafer_state_file *state_file;
    wafer_standing standing;
    char path[128];

    say_fresh(folder, NOW);
    assert_int_equal(check(list, 2, &standing), WAFER_OK);
    other = open_list(folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE);
    assert_int_equal(check(other, 2, &standing), WAFER_OK);
    wafer_revocations_free(other);
    (void)snprintf(path, sizeof path, "%s/table", folder->path);
    assert_int_equal(unlink(path), 0);
    wafer_revocations_free(list); /* now its inode may be used again */
    list = open_list(folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE);
    assert_int_equal(check(list, 2, &standing), WAFER_UNAVAILABLE);
    say_fresh(folder, NOW);
    assert_int_equal(check(list, 2, &standing), WAFER_OK);
    state_file = open_state(folder); /* a feeder that still has another table open */
    atomic_fetch_add(&state_file->table, 1);
    wafer_state_close(state_file);
    assert_int_equal(check(list, 2, &standing), WAFER_UNAVAILABLE);
    wafer_revocations_free(list);
}

static void making_a_table_logs_nobody_out(void **state)
{
    const wafer_redis_settings settings = settings_of(*state);
    wafer_revocations_settings table = table_settings();
    wafer_revocations_status status;
    wafer_revocations *list;

    table.on_start = WAFER_START_REFUSES_OLDER;
    assert_int_equal(wafer_redis_open(&settings, &table, &list, NULL), WAFER_OK);
    assert_int_equal(wafer_revocations_look(list, &status), WAFER_OK);
    assert_int_equal(status.not_before_ms, 0);
    assert_int_equal(status.entries, 0);
    wafer_revocations_free(list);
}

/* ---- Revoking without Redis ---- */

static void what_cannot_be_published_is_queued_and_in_effect(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations *list = open_list(folder, WAFER_REDIS_ALLOWS, WAFER_ACCESS_CREATE);
    wafer_revocation many[300];
    wafer_redis_status status;
    int64_t not_before_ms;
    uint8_t key[WAFER_ID_SIZE];
    size_t taken;

    assert_int_equal(wafer_revoke_subject(list, "", "ada", 3), WAFER_QUEUED);
    assert_int_equal(wafer_subject_key("", "ada", 3, key), WAFER_OK);
    assert_int_equal(wafer_revocations_not_before(list, key, &not_before_ms), WAFER_OK);
    assert_int_equal(not_before_ms, NOW + WAFER_MINUTE_MS + 1);
    for (size_t i = 0; i < 300; i++) {
        many[i] = (wafer_revocation){.kind = WAFER_REVOKE_SESSION};
        memcpy(many[i].key, &i, sizeof i);
    }
    assert_int_equal(wafer_revocations_apply_all(list, NOW, many, 300, &taken), WAFER_QUEUED);
    assert_int_equal(taken, 300);
    assert_int_equal(wafer_revoke_everyone(list), WAFER_QUEUED);
    assert_int_equal(wafer_redis_look(folder->path, &status, NULL), WAFER_OK);
    assert_int_equal(status.queued, 302);
    assert_int_equal(status.entries, 301);
    assert_int_equal(status.feeder, 0);
    assert_false(status.ready);
    wafer_revocations_free(list);
}

static void what_is_in_the_table_can_be_listed_dropped_and_kept_longer(void **state)
{
    wafer_revocations *list = open_list(*state, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE);
    uint8_t ids[2][WAFER_ID_SIZE] = {{1}, {2}};
    wafer_revocations_status status;
    wafer_revocation *entries;
    size_t count;

    assert_int_equal(wafer_revoke_session(list, ids[0]), WAFER_QUEUED);
    assert_int_equal(wafer_revoke_session(list, ids[1]), WAFER_QUEUED);
    assert_int_equal(wafer_revocations_entries(list, &entries, &count), WAFER_OK);
    assert_int_equal(count, 2);
    assert_true(entries[0].key[0] + entries[1].key[0] == 3);
    free(entries);
    assert_int_equal(wafer_revocations_retain(list, 2 * WAFER_DAY_MS), WAFER_OK);
    assert_int_equal(wafer_revocations_look(list, &status), WAFER_OK);
    assert_int_equal(status.retention_ms, 2 * WAFER_DAY_MS);
    now_ms += WAFER_DAY_MS + WAFER_HOUR_MS;
    assert_int_equal(wafer_revocations_purge(list, &count), WAFER_OK);
    assert_int_equal(count, 0);
    now_ms += WAFER_DAY_MS;
    assert_int_equal(wafer_revocations_purge(list, &count), WAFER_OK);
    assert_int_equal(count, 2);
    wafer_revocations_free(list);
}

static int64_t steady_us(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A Redis that does not answer. */
static int listen_at(const struct folder *folder, char *path, size_t room)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(path, room, "%s/socket", folder->path);
    memcpy(at.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(server, 1), 0);
    return server;
}

static void a_redis_that_hangs_costs_one_wait_and_then_none(void **state)
{
    const struct folder *folder = *state;
    wafer_redis_settings settings = settings_of(folder);
    wafer_revocations_settings table = table_settings();
    wafer_revocations *list;
    int64_t begun_us;
    char path[128];
    int server = listen_at(folder, path, sizeof path);

    settings.address = path;
    settings.timeout_ms = 80;
    assert_int_equal(wafer_redis_open(&settings, &table, &list, NULL), WAFER_OK);
    begun_us = steady_us();
    assert_int_equal(wafer_revoke_everyone(list), WAFER_QUEUED);
    assert_in_range(steady_us() - begun_us, 75000, 1000000);
    begun_us = steady_us();
    assert_int_equal(wafer_revoke_everyone(list), WAFER_QUEUED);
    assert_in_range(steady_us() - begun_us, 0, 60000);
    wafer_revocations_free(list);
    assert_int_equal(close(server), 0);
}

static bool is_asked(int server)
{
    return poll(&(struct pollfd){.fd = server, .events = POLLIN}, 1, 0) == 1;
}

/* A server that was not started again since the secret was replaced. */
static void what_the_feeder_of_the_machine_would_not_take_is_queued(void **state)
{
    static const uint8_t other[WAFER_WIRE_CHECK_SIZE] = {1};
    const struct folder *folder = *state;
    wafer_redis_settings settings = settings_of(folder);
    wafer_revocations_settings table = table_settings();
    struct wafer_state_file *state_file = open_state(folder);
    wafer_revocations *list;
    char path[128];
    int server = listen_at(folder, path, sizeof path);

    settings.address = path;
    settings.timeout_ms = 20;
    assert_int_equal(wafer_redis_open(&settings, &table, &list, NULL), WAFER_OK);
    wafer_state_set_key(state_file, other);
    assert_int_equal(wafer_revoke_everyone(list), WAFER_QUEUED);
    assert_false(is_asked(server));
    new_folder = folder;
    start_feeder(); /* of the same secret */
    assert_false(is_asked(server));
    assert_int_equal(wafer_revoke_everyone(list), WAFER_QUEUED);
    assert_true(is_asked(server));
    wafer_redis_feeder_free(new_feeder);
    wafer_revocations_free(list);
    wafer_state_close(state_file);
    assert_int_equal(close(server), 0);
}

/* A name server that hangs, and a clock that is set back as soon as it was read. */
enum { LOOKUP_MS = 1200, SET_BACK_S = 3600 };

static atomic_bool lookup_hangs;

/* A host of two addresses: ports of this one. */
static in_port_t two_addresses[2];

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **found);
static int find_two(const struct addrinfo *wanted, struct addrinfo **found)
{
    struct addrinfo **end = found;

    for (size_t i = 0; i < 2; i++) {
        char port[8];
        (void)snprintf(port, sizeof port, "%u", (unsigned)two_addresses[i]);
        assert_int_equal(__real_getaddrinfo("127.0.0.1", port, wanted, end), 0);
        while (*end != NULL)
            end = &(*end)->ai_next;
    }
    return 0;
}

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **found)
{
    if (two_addresses[0] > 0 && strcmp(host, "two.invalid") == 0)
        return find_two(wanted, found);
    if (!atomic_load(&lookup_hangs))
        return __real_getaddrinfo(host, port, wanted, found);
    wafer_moment_nap(LOOKUP_MS);
    return EAI_AGAIN;
}

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = __real_clock_gettime(clock, time);

    if (clock == CLOCK_REALTIME && atomic_load(&lookup_hangs))
        time->tv_sec += SET_BACK_S;
    return result;
}

static void *revoke_one(void *list)
{
    const uint8_t id[WAFER_ID_SIZE] = {1};

    return wafer_revoke_session(list, id) == WAFER_QUEUED ? list : NULL;
}

static void threads_wait_for_each_other_by_a_clock_that_nobody_sets(void **state)
{
    const struct folder *folder = *state;
    wafer_redis_settings settings = settings_of(folder);
    wafer_revocations_settings table = table_settings();
    const uint8_t id[WAFER_ID_SIZE] = {2};
    wafer_revocations *list;
    pthread_t other;
    int64_t begun_us;
    void *revoked;

    settings.address = "redis.invalid:6379";
    settings.timeout_ms = 80;
    assert_int_equal(wafer_redis_open(&settings, &table, &list, NULL), WAFER_OK);
    atomic_store(&lookup_hangs, true);
    assert_int_equal(pthread_create(&other, NULL, revoke_one, list), 0);
    wafer_moment_nap(200);
    begun_us = steady_us();
    assert_int_equal(wafer_revoke_session(list, id), WAFER_QUEUED);
    assert_in_range(steady_us() - begun_us, 75000, 700000);
    assert_int_equal(pthread_join(other, &revoked), 0);
    assert_ptr_equal(revoked, list);
    atomic_store(&lookup_hangs, false);
    wafer_revocations_free(list);
}

enum { THREADS = 4, EACH = 25 };

struct revoker {
    wafer_revocations *list;
    uint8_t number;
    unsigned queued;
};

static void *revoke_many(void *argument)
{
    struct revoker *revoker = argument;
    wafer_standing standing;

    for (uint8_t i = 0; i < EACH; i++) {
        uint8_t id[WAFER_ID_SIZE] = {revoker->number, i};
        if (wafer_revoke_session(revoker->list, id) == WAFER_QUEUED)
            revoker->queued++;
        (void)!check(revoker->list, i, &standing);
    }
    return NULL;
}

static void threads_share_a_list_and_its_queue(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations *list = open_list(folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE);
    struct revoker revokers[THREADS];
    wafer_redis_status status;
    pthread_t threads[THREADS];

    for (uint8_t i = 0; i < THREADS; i++) {
        revokers[i] = (struct revoker){.list = list, .number = (uint8_t)(i + 1)};
        assert_int_equal(pthread_create(&threads[i], NULL, revoke_many, &revokers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(revokers[i].queued, EACH);
    }
    assert_int_equal(wafer_redis_look(folder->path, &status, NULL), WAFER_OK);
    assert_int_equal(status.queued, THREADS * EACH);
    assert_int_equal(status.entries, THREADS * EACH);
    wafer_revocations_free(list);
}

static void without_a_place_for_the_queue_the_caller_is_told(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations *list = open_list(folder, WAFER_REDIS_ALLOWS, WAFER_ACCESS_CREATE);
    wafer_standing standing;
    uint8_t id[WAFER_ID_SIZE] = {1};
    char path[128];

    (void)snprintf(path, sizeof path, "%s/queue", folder->path);
    assert_int_equal(symlink("/dev/full", path), 0);
    assert_int_equal(wafer_revoke_session(list, id), WAFER_SYSTEM);
    assert_int_equal(check(list, 1, &standing), WAFER_OK);
    assert_int_equal(standing, WAFER_REFUSED); /* on this machine it is in effect */
    wafer_revocations_free(list);
}

/* A thousand at once are four batches, and each would find the lock taken. */
static void a_queue_that_another_process_keeps_locked_is_given_up_after_a_while(void **state)
{
    const struct folder *folder = *state;
    wafer_redis_settings settings = settings_of(folder);
    wafer_revocations_settings table = table_settings();
    wafer_revocations *list;
    wafer_revocation many[800];
    wafer_standing standing;
    uint8_t id[WAFER_ID_SIZE] = {1};
    int64_t begun_us;
    char path[128];
    size_t taken;
    int holder;

    settings.timeout_ms = 150;
    settings.when_stale = WAFER_REDIS_ALLOWS;
    assert_int_equal(wafer_redis_open(&settings, &table, &list, NULL), WAFER_OK);
    (void)snprintf(path, sizeof path, "%s/queue", folder->path);
    holder = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(holder, LOCK_EX), 0);
    begun_us = steady_us();
    assert_int_equal(wafer_revoke_session(list, id), WAFER_SYSTEM);
    assert_in_range(steady_us() - begun_us, 145000, 3000000);
    assert_int_equal(check(list, 1, &standing), WAFER_OK);
    assert_int_equal(standing, WAFER_REFUSED); /* on this machine it is in effect */
    for (size_t i = 0; i < 800; i++) {
        many[i] = (wafer_revocation){.kind = WAFER_REVOKE_SESSION};
        memcpy(many[i].key, &i, sizeof i);
    }
    begun_us = steady_us();
    assert_int_equal(wafer_revocations_apply_all(list, NOW, many, 800, &taken), WAFER_SYSTEM);
    assert_int_equal(taken, 800);
    assert_in_range(steady_us() - begun_us, 145000, 450000);
    assert_int_equal(flock(holder, LOCK_UN), 0);
    assert_int_equal(wafer_revoke_session(list, id), WAFER_QUEUED);
    assert_int_equal(close(holder), 0);
    wafer_revocations_free(list);
}

static void children_queue_too_and_readers_only_look(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations *list = open_list(folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE);
    wafer_revocations *reader = open_list(folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_READ);
    wafer_redis_status status;
    wafer_standing standing;
    uint8_t id[WAFER_ID_SIZE] = {1};
    int outcome = 1;
    pid_t child;

    assert_int_equal(wafer_revoke_subject(list, "", "ada", 3), WAFER_QUEUED);
    child = fork();
    if (child == 0) {
        bool good = wafer_revoke_session(list, id) == WAFER_QUEUED;
        wafer_revocations_free(list);
        wafer_revocations_free(reader);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &outcome, 0), child);
    assert_int_equal(outcome, 0);
    assert_int_equal(check(reader, 1, &standing), WAFER_OK);
    assert_int_equal(standing, WAFER_REFUSED);
    assert_int_equal(check(reader, 2, &standing), WAFER_UNAVAILABLE);
    say_fresh(folder, NOW);
    id[0] = 2;
    assert_int_equal(check(reader, 2, &standing), WAFER_OK);
    assert_int_equal(wafer_revoke_session(reader, id), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_redis_look(folder->path, &status, NULL), WAFER_OK);
    assert_int_equal(status.queued, 2);
    wafer_revocations_free(reader);
    wafer_revocations_free(list);
}

/* ---- Opening ---- */

static void open_fails(const struct folder *folder, const wafer_redis_settings *settings,
                       const wafer_revocations_settings *table, const char *word)
{
    wafer_revocations_settings usual = table_settings();
    wafer_redis_settings usual_settings = settings_of(folder);
    wafer_revocations *list = (wafer_revocations *)folder;
    wafer_error error = {.text = ""};

    assert_int_not_equal(wafer_redis_open(settings != NULL ? settings : &usual_settings,
                                          table != NULL ? table : &usual, &list, &error),
                         WAFER_OK);
    assert_null(list);
    if (strstr(error.text, word) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", error.text, word);
}

static void wrong_settings_are_named(void **state)
{
    const struct folder *folder = *state;
    const wafer_redis_settings good = settings_of(folder);
    static const char *const addresses[] = {"",        "host",    ":6379",    "host:",
                                            "host:0",  "h:65536", "a:b:6379", "[::1]",
                                            "[]:6379", "h:12a",   "h:123456"};
    wafer_redis_settings settings = good;
    wafer_revocations_settings table = table_settings();

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        settings.address = addresses[i];
        open_fails(folder, &settings, NULL, "address");
    }
    settings = good;
    settings.size--;
    open_fails(folder, &settings, NULL, "INIT");
    settings = good;
    settings.stream = "";
    open_fails(folder, &settings, NULL, "stream");
    settings = good;
    settings.user = "";
    open_fails(folder, &settings, NULL, "user");
    settings = good;
    settings.timeout_ms = 0;
    open_fails(folder, &settings, NULL, "timeout_ms");
    settings = good;
    settings.stale_ms = 2999;
    open_fails(folder, &settings, NULL, "stale_ms");
    settings = good;
    settings.when_stale = WAFER_REDIS_UNSET;
    open_fails(folder, &settings, NULL, "when_stale");
    settings = good;
    settings.folder = "/nonexistent";
    open_fails(folder, &settings, NULL, "wafer feed secret");
    table.path = "table";
    open_fails(folder, NULL, &table, "path must be NULL");
}

static void addresses_are_taken_apart(void **state)
{
    (void)state;
    struct wafer_address address;

    assert_true(wafer_address_read("127.0.0.1:6379", &address));
    assert_string_equal(address.host, "127.0.0.1");
    assert_string_equal(address.port, "6379");
    assert_false(address.local);
    assert_true(wafer_address_read("[::1]:65535", &address));
    assert_string_equal(address.host, "::1");
    assert_true(wafer_address_read("/run/redis.sock", &address));
    assert_true(address.local);
}

static int listen_on_a_port(in_port_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(server, 0), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return server;
}

/* One that is far away and says nothing: the queue of its connections is full. */
static void an_address_that_is_silent_leaves_time_for_the_next(void **state)
{
    const struct wafer_watcher nobody = {.goes_on = NULL};
    struct wafer_address silent = {.host = "127.0.0.1"};
    struct wafer_address two = {.host = "two.invalid", .port = "1"};
    int servers[2];
    int filling[2];
    int64_t begun_ms;
    const char *why;
    int made;

    (void)state;
    for (size_t i = 0; i < 2; i++)
        servers[i] = listen_on_a_port(&two_addresses[i]);
    (void)snprintf(silent.port, sizeof silent.port, "%u", (unsigned)two_addresses[0]);
    for (size_t i = 0; i < 2; i++)
        filling[i] = wafer_address_connect(&silent, wafer_moment_steady() + 100, &nobody, &why);
    assert_true(filling[0] >= 0);
    assert_int_equal(filling[1], -1);
    begun_ms = wafer_moment_steady();
    made = wafer_address_connect(&two, begun_ms + 800, &nobody, &why);
    assert_true(made >= 0);
    assert_in_range(wafer_moment_steady() - begun_ms, 350, 700);
    two_addresses[0] = 0;
    assert_int_equal(close(made), 0);
    assert_int_equal(close(filling[0]), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(close(servers[i]), 0);
}

static void files_that_let_others_in_are_refused(void **state)
{
    const struct folder *folder = *state;
    char path[128];

    assert_int_equal(chmod(folder->path, 0755), 0);
    open_fails(folder, NULL, NULL, "0700");
    assert_int_equal(chmod(folder->path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/secret", folder->path);
    assert_int_equal(chmod(path, 0640), 0);
    open_fails(folder, NULL, NULL, "0600");
    write_text(path, "0123456789abcdef\n", 0600);
    open_fails(folder, NULL, NULL, "64 hex digits");
    write_text(path, "0000000000000000000000000000000000000000000000000000000000000000", 0600);
    open_fails(folder, NULL, NULL, "64 hex digits");
    assert_int_equal(unlink(path), 0);
    open_fails(folder, NULL, NULL, "there is no secret");
    assert_int_equal(wafer_redis_secret_new(folder->path, false, NULL), WAFER_OK);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(wafer_redis_secret_new(folder->path, false, NULL), WAFER_SYSTEM);
    (void)snprintf(path, sizeof path, "%s/password", folder->path);
    write_text(path, "two\nlines", 0600);
    open_fails(folder, NULL, NULL, "one line");
    write_text(path, "good", 0644);
    open_fails(folder, NULL, NULL, "0600");
    write_text(path, "good\n", 0600);
    wafer_revocations_free(open_list(folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE));
}

static void the_group_may_check_but_not_read_what_signs(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings table = table_settings();
    wafer_redis_settings settings = settings_of(folder);
    wafer_revocations *list;
    wafer_standing standing;
    char secret[128];
    char password[128];

    (void)snprintf(secret, sizeof secret, "%s/secret", folder->path);
    (void)snprintf(password, sizeof password, "%s/password", folder->path);
    assert_int_equal(unlink(secret), 0);
    assert_int_equal(wafer_redis_secret_new(folder->path, true, NULL), WAFER_OK);
    assert_int_equal(mode_of(secret), 0600);
    settings.group_readable = true;
    settings.when_stale = WAFER_REDIS_ALLOWS;
    assert_int_equal(chmod(secret, 0640), 0);
    open_fails(folder, &settings, NULL, "0600");
    assert_int_equal(chmod(secret, 0600), 0);
    write_text(password, "good", 0640);
    open_fails(folder, &settings, NULL, "0600");
    assert_int_equal(chmod(password, 0600), 0);
    assert_int_equal(wafer_redis_open(&settings, &table, &list, NULL), WAFER_OK);
    wafer_revocations_free(list);
    /* Who only checks has neither. */
    assert_int_equal(unlink(secret), 0);
    assert_int_equal(chmod(password, 0644), 0); /* would be refused */
    table.access = WAFER_ACCESS_READ;
    assert_int_equal(wafer_redis_open(&settings, &table, &list, NULL), WAFER_OK);
    assert_int_equal(check(list, 2, &standing), WAFER_OK);
    wafer_revocations_free(list);
}

static void another_users_folder_is_refused_but_to_look_at_for_the_group(void **state)
{
    const struct folder *folder = *state;
    wafer_redis_settings settings = settings_of(folder);
    wafer_revocations_settings table = table_settings();
    wafer_redis_status status;
    wafer_revocations *list;
    wafer_error error;

    if (geteuid() != 0)
        skip(); /* only root gives folders away */
    wafer_revocations_free(open_list(folder, WAFER_REDIS_REFUSES, WAFER_ACCESS_CREATE));
    assert_int_equal(chown(folder->path, 12345, (gid_t)-1), 0);
    open_fails(folder, NULL, NULL, "belongs to user 12345");
    table.access = WAFER_ACCESS_READ;
    open_fails(folder, NULL, &table, "belongs to user 12345");
    assert_int_equal(wafer_redis_secret_new(folder->path, false, &error), WAFER_INVALID);
    assert_non_null(strstr(error.text, "belongs to user 12345"));
    settings.group_readable = true;
    open_fails(folder, &settings, NULL, "belongs to user 12345");
    assert_int_equal(wafer_redis_open(&settings, &table, &list, NULL), WAFER_OK);
    wafer_revocations_free(list);
    assert_int_equal(wafer_redis_look(folder->path, &status, NULL), WAFER_OK);
    assert_int_equal(chown(folder->path, 0, (gid_t)-1), 0);
}

/* As a user of the group. */
static int64_t feeder_for_the_group(const struct folder *folder, gid_t group)
{
    wafer_redis_status status = {.feeder = -1};
    int outcome = 1;
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        bool done = setgroups(0, NULL) == 0 && setgid(group) == 0 && setuid(group) == 0 &&
                    wafer_redis_look(folder->path, &status, NULL) == WAFER_OK;
        _exit(done && write(ends[1], &status.feeder, sizeof status.feeder) > 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &outcome, 0), child);
    assert_int_equal(outcome, 0);
    assert_int_equal(read(ends[0], &status.feeder, sizeof status.feeder), sizeof status.feeder);
    assert_int_equal(close(ends[0]) + close(ends[1]), 0);
    return status.feeder;
}

static void the_group_sees_the_feeder_but_cannot_take_its_lock(void **state)
{
    const struct folder *folder = *state;
    struct wafer_state_file *mapped;
    struct wafer_site *site;
    pid_t gone;

    if (geteuid() != 0)
        skip(); /* only root becomes others */
    assert_int_equal(chown(folder->path, 0, 12345), 0);
    assert_int_equal(chmod(folder->path, 02750), 0);
    assert_int_equal(wafer_site_new(folder->path, true, &site, NULL), WAFER_OK);
    assert_int_equal(wafer_state_open(site, true, &mapped, NULL), WAFER_OK);
    assert_int_equal(close(wafer_site_open(site, site->lock, O_RDWR | O_CREAT, false, NULL)), 0);
    assert_int_equal(feeder_for_the_group(folder, 12345), 0);
    atomic_store(&mapped->feeder, getpid());
    assert_int_equal(feeder_for_the_group(folder, 12345), getpid());
    gone = fork();
    if (gone == 0)
        _exit(0);
    assert_int_equal(waitpid(gone, NULL, 0), gone);
    atomic_store(&mapped->feeder, gone);
    assert_int_equal(feeder_for_the_group(folder, 12345), 0);
    wafer_state_close(mapped);
    wafer_site_free(site);
}

/* ---- The state ---- */

static void a_state_that_is_not_ours_is_refused_and_one_of_another_start_is_made_anew(void **state)
{
    const struct folder *folder = *state;
    struct wafer_state_file *mapped = open_state(folder);
    wafer_redis_status status;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/state", folder->path);
    atomic_store(&mapped->as_of_ms, NOW);
    atomic_store(&mapped->published, 3);
    wafer_state_close(mapped);
    mapped = open_state(folder);
    assert_int_equal(atomic_load(&mapped->as_of_ms), NOW);
    memset(mapped->boot, 'x', 36);
    assert_int_equal(wafer_redis_look(folder->path, &status, NULL), WAFER_OK);
    assert_int_equal(status.as_of_ms, 0);
    assert_int_equal(status.published, 3);
    wafer_state_close(mapped);
    mapped = open_state(folder);
    assert_int_equal(atomic_load(&mapped->as_of_ms), 0);
    assert_int_equal(atomic_load(&mapped->published), 0);
    wafer_state_close(mapped);
    put_bytes(path, 8, "\xff", 1);
    open_fails(folder, NULL, NULL, "remove it");
}

static void a_state_that_a_crash_cut_or_emptied_is_made_anew_by_who_writes(void **state)
{
    const struct folder *folder = *state;
    static const size_t lengths[] = {0, 5, 100, sizeof(struct wafer_state_file) - 1,
                                     sizeof(struct wafer_state_file)};
    struct wafer_state_file *mapped;
    wafer_redis_status status;
    struct stat found;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/state", folder->path);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        wafer_state_close(open_state(folder));
        assert_int_equal(truncate(path, 0), 0);
        assert_int_equal(truncate(path, (off_t)lengths[i]), 0);
        assert_int_equal(wafer_redis_look(folder->path, &status, NULL), WAFER_INVALID);
        mapped = open_state(folder);
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_size, sizeof *mapped);
        assert_true(wafer_state_is_current(mapped));
        wafer_state_close(mapped);
        assert_int_equal(wafer_redis_look(folder->path, &status, NULL), WAFER_OK);
    }
    write_text(path, "short", 0600);
    wafer_state_close(open_state(folder));
}

static void who_holds_the_lock_of_the_state_stops_nobody(void **state)
{
    const struct folder *folder = *state;
    struct wafer_state_file *mapped = open_state(folder);
    wafer_redis_status status;
    struct wafer_site *site;
    int64_t begun_us = steady_us();
    wafer_error error;
    char path[128];
    int file;

    (void)snprintf(path, sizeof path, "%s/state", folder->path);
    file = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(file, LOCK_SH), 0);
    wafer_state_close(open_state(folder));
    assert_int_equal(wafer_redis_look(folder->path, &status, NULL), WAFER_OK);
    assert_in_range(steady_us() - begun_us, 0, 4000000);
    memset(mapped->boot, 'x', 36); /* one that has to be made anew */
    wafer_state_close(mapped);
    assert_int_equal(wafer_site_new(folder->path, false, &site, NULL), WAFER_OK);
    assert_int_equal(wafer_state_open(site, true, &mapped, &error), WAFER_SYSTEM);
    assert_null(mapped);
    assert_non_null(strstr(error.text, "lock"));
    wafer_site_free(site);
    assert_int_equal(close(file), 0);
}

static void progress_is_read_as_of_one_moment(void **state)
{
    const struct folder *folder = *state;
    struct wafer_state_file *mapped = open_state(folder);
    struct wafer_progress progress = {.error_at_ms = 0};
    int outcome = 1;
    pid_t writer = fork();

    if (writer == 0) {
        for (uint64_t i = 1; i <= 20000; i++) {
            progress.last.ms = progress.last.sequence = progress.entry.ms = i;
            progress.error_at_ms = (int64_t)i;
            memset(progress.error, 'a' + (int)(i % 26), sizeof progress.error - 1);
            wafer_state_tell(mapped, &progress);
        }
        _exit(0);
    }
    for (unsigned i = 0; i < 20000; i++)
        if (wafer_state_ask(mapped, &progress)) {
            assert_true(progress.last.ms == progress.last.sequence);
            assert_true(progress.last.ms == progress.entry.ms);
            assert_true(progress.last.ms == (uint64_t)progress.error_at_ms);
            assert_true(progress.error[0] == progress.error[sizeof progress.error - 2]);
        }
    assert_int_equal(waitpid(writer, &outcome, 0), writer);
    assert_int_equal(outcome, 0);
    /* One that was killed in the middle leaves an odd count: nobody reads it, the next mends it. */
    atomic_fetch_add(&mapped->sequence, 1);
    assert_false(wafer_state_ask(mapped, &progress));
    progress.last.ms = 77;
    wafer_state_tell(mapped, &progress);
    assert_true(wafer_state_ask(mapped, &progress));
    assert_int_equal(progress.last.ms, 77);
    wafer_state_close(mapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_starts_with_a_feeder_leaves_it_its_new_table),
        cmocka_unit_test(a_stale_table_refuses_checks_but_knows_what_is_revoked),
        cmocka_unit_test(a_table_that_is_filled_while_it_is_asked_was_stale),
        cmocka_unit_test(when_told_a_stale_table_has_its_word),
        cmocka_unit_test(a_table_that_is_made_anew_is_not_fresh_however_fresh_the_old_one_was),
        cmocka_unit_test(making_a_table_logs_nobody_out),
        cmocka_unit_test(what_cannot_be_published_is_queued_and_in_effect),
        cmocka_unit_test(what_is_in_the_table_can_be_listed_dropped_and_kept_longer),
        cmocka_unit_test(a_redis_that_hangs_costs_one_wait_and_then_none),
        cmocka_unit_test(what_the_feeder_of_the_machine_would_not_take_is_queued),
        cmocka_unit_test(threads_wait_for_each_other_by_a_clock_that_nobody_sets),
        cmocka_unit_test(threads_share_a_list_and_its_queue),
        cmocka_unit_test(without_a_place_for_the_queue_the_caller_is_told),
        cmocka_unit_test(a_queue_that_another_process_keeps_locked_is_given_up_after_a_while),
        cmocka_unit_test(children_queue_too_and_readers_only_look),
        cmocka_unit_test(wrong_settings_are_named),
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(an_address_that_is_silent_leaves_time_for_the_next),
        cmocka_unit_test(files_that_let_others_in_are_refused),
        cmocka_unit_test(the_group_may_check_but_not_read_what_signs),
        cmocka_unit_test(another_users_folder_is_refused_but_to_look_at_for_the_group),
        cmocka_unit_test(the_group_sees_the_feeder_but_cannot_take_its_lock),
        cmocka_unit_test(a_state_that_is_not_ours_is_refused_and_one_of_another_start_is_made_anew),
        cmocka_unit_test(a_state_that_a_crash_cut_or_emptied_is_made_anew_by_who_writes),
        cmocka_unit_test(who_holds_the_lock_of_the_state_stops_nobody),
        cmocka_unit_test(progress_is_read_as_of_one_moment),
    };
    struct CMUnitTest with_folders[sizeof tests / sizeof *tests];

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        with_folders[i] = tests[i];
        with_folders[i].setup_func = world_make;
        with_folders[i].teardown_func = folder_remove;
    }
    return _cmocka_run_group_tests("redis_list", with_folders, sizeof tests / sizeof *tests, NULL,
                                   NULL);
}
