/* What the system and libraries refuse while a list over Redis is opened and revokes, with Redis
 * and without, and while a feeder starts, sends the queue, catches up and stops: every call of
 * every kind fails in turn. There must be a clear error or the right result; what was answered is
 * there afterwards, and nothing is left open. */
#include "folder.h"

#include "faults.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <wafer/redis.h>

#include "redis/moment.h"
#include "redis/queue.h"
#include "redis/stream.h"

#define OTHERS 2 /* entries of the stream */
#define QUEUED 3

/* ---- The shim ---- */

WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP(char *, realpath, NULL, (const char *path, char *resolved), (path, resolved))
WRAP(void *, sodium_malloc, NULL, (size_t size), (size))
WRAP(void *, mmap, MAP_FAILED,
     (void *at, size_t size, int protection, int flags, int file, off_t offset),
     (at, size, protection, flags, file, offset))
WRAP(int, fstat, -1, (int file, struct stat *status), (file, status))
WRAP(int, stat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, lstat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, fsync, -1, (int file), (file))
WRAP(int, fdatasync, -1, (int file), (file))
WRAP(int, ftruncate, -1, (int file, off_t size), (file, size))
WRAP(int, rename, -1, (const char *old, const char *new), (old, new))
WRAP(int, socket, -1, (int family, int type, int protocol), (family, type, protocol))
WRAP(int, connect, -1, (int file, const struct sockaddr *to, socklen_t size), (file, to, size))
WRAP(int, poll, -1, (struct pollfd * files, nfds_t count, int wait_ms), (files, count, wait_ms))
WRAP(int, pthread_mutex_init, ENOMEM, (pthread_mutex_t * mutex, const pthread_mutexattr_t *how),
     (mutex, how))
WRAP(int, pthread_cond_init, ENOMEM, (pthread_cond_t * condition, const pthread_condattr_t *how),
     (condition, how))
WRAP(redisReader *, redisReaderCreate, NULL, (void), ())
WRAP(int, redisReaderFeed, REDIS_ERR, (redisReader * reader, const char *bytes, size_t length),
     (reader, bytes, length))
WRAP(int, redisReaderGetReply, REDIS_ERR, (redisReader * reader, void **reply), (reader, reply))
WRAP(int, redisFormatCommandArgv, -1,
     (char **command, int count, const char **words, const size_t *lengths),
     (command, count, words, lengths))

/* These fail, or do half of what they are to do. */
#define WRAP_HALF(name, parameters, arguments, half)                                               \
    ssize_t __real_##name parameters;                                                              \
    ssize_t __wrap_##name parameters;                                                              \
    ssize_t __wrap_##name parameters                                                               \
    {                                                                                              \
        if (fails(#name))                                                                          \
            return -1;                                                                             \
        return fails("half " #name) && length > 1 ? __real_##name half : __real_##name arguments;  \
    }

WRAP_HALF(read, (int file, void *bytes, size_t length), (file, bytes, length),
          (file, bytes, length / 2))
WRAP_HALF(pread, (int file, void *bytes, size_t length, off_t at), (file, bytes, length, at),
          (file, bytes, length / 2, at))
WRAP_HALF(pwrite, (int file, const void *bytes, size_t length, off_t at), (file, bytes, length, at),
          (file, bytes, length / 2, at))
WRAP_HALF(send, (int file, const void *bytes, size_t length, int flags),
          (file, bytes, length, flags), (file, bytes, length / 2, flags))
WRAP_HALF(recv, (int file, void *bytes, size_t length, int flags), (file, bytes, length, flags),
          (file, bytes, length / 2, flags))

/* Nobody unlocks in vain, and one that fails to remove has done so. */
int __real_flock(int file, int operation);
int __wrap_flock(int file, int operation);
int __wrap_flock(int file, int operation)
{
    return operation != LOCK_UN && fails("flock") ? -1 : __real_flock(file, operation);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    int result = __real_unlink(path);
    return fails("unlink") ? -1 : result;
}

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode)
{
    return fails("open") ? -1 : __real_open(path, flags, mode);
}

/* Sleeping takes no time, but the clocks go on. */
static int64_t slept_ns;

int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
    (void)rest;
    slept_ns += (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
    return 0;
}

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    if (fails("clock_gettime") || __real_clock_gettime(clock, time) != 0)
        return -1;
    int64_t nanoseconds = time->tv_nsec + slept_ns;
    time->tv_sec += (time_t)(nanoseconds / 1000000000);
    time->tv_nsec = (long)(nanoseconds % 1000000000);
    return 0;
}

static const struct {
    const char *kind;
    int error;
} kinds[] = {
    {"malloc", ENOMEM},
    {"calloc", ENOMEM},
    {"realpath", ENOMEM},
    {"sodium_malloc", ENOMEM},
    {"mmap", ENOMEM},
    {"open", EMFILE},
    {"fstat", EIO},
    {"stat", EIO},
    {"lstat", EIO},
    {"read", EIO},
    {"half read", 0},
    {"pread", EIO},
    {"half pread", 0},
    {"pwrite", ENOSPC},
    {"half pwrite", 0},
    {"fsync", EIO},
    {"fdatasync", EIO},
    {"ftruncate", EIO},
    {"rename", EIO},
    {"unlink", EIO},
    {"flock", ENOLCK},
    {"socket", EMFILE},
    {"connect", ECONNREFUSED},
    {"poll", ENOMEM},
    {"send", ECONNRESET},
    {"half send", 0},
    {"recv", ECONNRESET},
    {"half recv", 0},
    {"clock_gettime", EINVAL},
    {"pthread_mutex_init", ENOMEM},
    {"pthread_cond_init", ENOMEM},
    {"redisReaderCreate", ENOMEM},
    {"redisReaderFeed", ENOMEM},
    {"redisReaderGetReply", ENOMEM},
    {"redisFormatCommandArgv", ENOMEM},
};

/* ---- A Redis, and the folder of a machine ---- */

static struct folder home; /* of Redis */
static pid_t redis;        /* 0: there is none */
static char socket_path[128];

struct world {
    const struct folder *folder;
    wafer_redis_settings settings;
    wafer_revocations_settings table;
    struct wafer_site *site;
    struct wafer_access_data *access;
    const char *kind; /* of the call that fails */
    long nth;

    /* What came of it. */
    wafer_result opened;
    wafer_result revoked;
    wafer_error error;
    wafer_redis_feeder *feeder;
    int64_t until_ms;
    bool is_late;
};

static void wait_for_redis(void)
{
    struct wafer_access_data access = {.stream = "wafer", .address.local = true};
    struct wafer_connection connection;
    struct wafer_trouble trouble;

    (void)snprintf(access.address.host, sizeof access.address.host, "%s", socket_path);
    for (unsigned attempt = 0; attempt < 500; attempt++) {
        if (wafer_connection_open(&connection, &access, wafer_moment_steady() + 1000, &trouble)) {
            wafer_connection_close(&connection);
            return;
        }
        (void)usleep(10000);
    }
    redis = 0;
}

static int start_redis(void **state)
{
    (void)state;
    const char *parent = getenv("WAFER_TEST_TMPDIR");

    (void)snprintf(home.path, sizeof home.path, "%s/wafer-test-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(home.path));
    (void)snprintf(socket_path, sizeof socket_path, "%s/socket", home.path);
    redis = fork();
    if (redis == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)!freopen("/dev/null", "w", stdout);
        (void)execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path,
                     "--save", "", "--dir", home.path, (char *)NULL);
        _exit(127);
    }
    wait_for_redis();
    return 0;
}

static int end_redis(void **state)
{
    (void)state;
    if (redis > 0) {
        (void)kill(redis, SIGKILL);
        (void)waitpid(redis, NULL, 0);
    }
    (void)folder_empty(&home, true);
    return rmdir(home.path);
}

static int world_make(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    wafer_error error;

    (void)folder_make(state);
    world->folder = *state;
    *state = world;
    world->settings = (wafer_redis_settings)WAFER_REDIS_SETTINGS_INIT;
    world->settings.address = socket_path;
    world->settings.folder = world->folder->path;
    world->settings.stale_ms = 5000;
    world->settings.when_stale = WAFER_REDIS_ALLOWS;
    world->table = (wafer_revocations_settings)WAFER_REVOCATIONS_SETTINGS_INIT;
    world->table.capacity = 1000;
    if (wafer_redis_secret_new(world->folder->path, false, &error) != WAFER_OK ||
        wafer_site_new(world->folder->path, false, &world->site, &error) != WAFER_OK ||
        wafer_access_new(&world->settings, world->site, &world->access, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    return 0;
}

static int world_remove(void **state)
{
    struct world *world = *state;

    *state = (void *)(uintptr_t)world->folder;
    wafer_site_free(world->site);
    sodium_free(world->access);
    free(world);
    return folder_remove(state);
}

static void complain(const struct world *world, const char *text)
{
    fail_msg("%s, call %ld: %s", world->kind, world->nth, text);
}

static void connect_to_redis(const struct world *world, struct wafer_connection *connection)
{
    struct wafer_trouble trouble;

    if (!wafer_connection_open(connection, world->access, wafer_moment_steady() + 5000, &trouble))
        complain(world, trouble.text);
}

static void write_record(const struct world *world, uint8_t number, uint8_t bytes[WAFER_WIRE_SIZE])
{
    struct wafer_wire_record record = {.entry = {.kind = WAFER_REVOKE_SESSION, .key = {number}}};
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    record.entry.at_ms = (int64_t)now.tv_sec * 1000;
    wafer_wire_write(world->access->key, &record, bytes);
}

/* The folder has its secret alone, and Redis nothing or what others revoked. */
static void begin(const struct world *world, uint8_t others)
{
    static const char *const names[] = {"table", "state", "queue", "queue.sending", "lock"};
    const char *const words[] = {"DEL", "wafer"};
    uint8_t records[OTHERS][WAFER_WIRE_SIZE];
    struct wafer_connection connection;
    struct wafer_trouble trouble;
    size_t added;
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", world->folder->path, names[i]);
        (void)!unlink(path);
    }
    connect_to_redis(world, &connection);
    freeReplyObject(
        wafer_connection_ask(&connection, wafer_moment_steady() + 5000, 2, words, NULL, &trouble));
    for (uint8_t i = 0; i < others; i++)
        write_record(world, 100 + i, records[i]);
    assert_true(wafer_stream_publish(&connection, (const uint8_t(*)[WAFER_WIRE_SIZE])records,
                                     others, wafer_moment_steady() + 5000, &added, &trouble));
    wafer_connection_close(&connection);
}

/* ---- What is there afterwards ---- */

static void mark(const struct world *world, const void *bytes, size_t length, bool there[256])
{
    struct wafer_wire_record record;
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    if (bytes != NULL &&
        wafer_wire_read(world->access->key, bytes, length, (int64_t)now.tv_sec * 1000,
                        WAFER_MINUTE_MS, &record) == WAFER_WIRE_GOOD &&
        !record.heartbeat)
        there[record.entry.key[0]] = true;
}

static void look_at_stream(const struct world *world, bool there[256])
{
    int64_t deadline_ms = wafer_moment_steady() + 5000;
    struct wafer_connection connection;
    struct wafer_stream_page page;
    struct wafer_stream_item item;
    struct wafer_trouble trouble;

    connect_to_redis(world, &connection);
    if (!wafer_stream_ask(&connection, &(struct wafer_stream_id){0, 0}, 1000, 0, &trouble) ||
        !wafer_connection_send(&connection, deadline_ms, &trouble) ||
        !wafer_stream_receive(&connection, 1000, deadline_ms, &page, &trouble))
        complain(world, trouble.text);
    for (size_t i = 0; i < page.count; i++)
        if (wafer_stream_item(&page, i, &item))
            mark(world, item.bytes, item.length, there);
    wafer_stream_page_free(&page);
    wafer_connection_close(&connection);
}

static void look_at_queue(const struct world *world, bool there[256])
{
    const char *const paths[] = {world->site->queue, world->site->sending};
    uint8_t row[WAFER_QUEUE_ROW];
    ssize_t length = 0;

    for (unsigned i = 0; i < 2; i++) {
        int file = open(paths[i], O_RDONLY, 0);
        while (file >= 0 && (length = read(file, row, sizeof row)) == (ssize_t)sizeof row) {
            if (!wafer_wire_is_signed(world->access->key, row))
                complain(world, "a row of the queue is damaged");
            mark(world, row, WAFER_WIRE_SIZE, there);
        }
        if (file >= 0 && length != 0)
            complain(world, "there is half a row in the queue");
        if (file >= 0)
            assert_int_equal(close(file), 0);
    }
}

static void is_told(const struct world *world, wafer_result result, const wafer_error *error)
{
    if (error->result != result || strlen(error->text) < 10)
        complain(world, "nothing is said");
}

/* ---- Every call fails in turn ---- */

struct scenario {
    void (*begin)(const struct world *world);
    void (*run)(struct world *world);
    void (*judge)(struct world *world, bool reached);
};

static void each(struct world *world, const struct scenario *scenario)
{
    unsigned faults = 0;

    if (redis == 0)
        skip();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool reached = true;
        world->kind = kinds[i].kind;
        for (world->nth = 1; reached; world->nth++) {
            scenario->begin(world);
            world->error = (wafer_error){.text = ""};
            world->is_late = false;
            world->until_ms = wafer_moment_steady() + 60000;
            size_t descriptors = open_descriptors();
            arm(kinds[i].kind, world->nth, kinds[i].error);
            scenario->run(world);
            reached = !disarm();
            faults += reached;
            /* A table that cannot look at its descriptor must not close what may be another's. */
            if (open_descriptors() != descriptors && strcmp(world->kind, "fstat") != 0)
                complain(world, "something is left open");
            scenario->judge(world, reached);
        }
    }
    print_message("%u faults\n", faults);
    assert_true(faults > 80);
}

/* ---- Revoking ---- */

static void begin_with_nothing(const struct world *world)
{
    begin(world, 0);
}

static void open_and_revoke(struct world *world)
{
    const uint8_t id[WAFER_ID_SIZE] = {7};
    wafer_revocations *list;

    world->opened = wafer_redis_open(&world->settings, &world->table, &list, &world->error);
    if (world->opened != WAFER_OK)
        return;
    world->revoked = wafer_revoke_session(list, id);
    wafer_revocations_free(list);
}

/* Whatever was answered, the next one opens the list. */
static wafer_standing standing_of_seven(struct world *world)
{
    const uint8_t id[WAFER_ID_SIZE] = {7};
    wafer_revocation_query query = {.id = id, .login_at_ms = WAFER_TIME_MAX_MS};
    wafer_standing standing = WAFER_STANDS;
    wafer_revocations *list;
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    query.now_ms = (int64_t)now.tv_sec * 1000;
    if (wafer_redis_open(&world->settings, &world->table, &list, &world->error) != WAFER_OK)
        complain(world, world->error.text);
    assert_int_equal(wafer_revocations_check(list, &query, &standing), WAFER_OK);
    wafer_revocations_free(list);
    return standing;
}

static void judge_revoking(struct world *world, bool reached)
{
    bool in_stream[256] = {false};
    bool in_queue[256] = {false};

    if (world->opened != WAFER_OK) {
        is_told(world, world->opened, &world->error);
        if (!reached)
            complain(world, world->error.text);
        (void)standing_of_seven(world);
        return;
    }
    look_at_stream(world, in_stream);
    look_at_queue(world, in_queue);
    if (world->revoked == WAFER_OK && !in_stream[7])
        complain(world, "it is not in the stream");
    if (world->revoked == WAFER_QUEUED && !in_queue[7])
        complain(world, "it is not in the queue");
    if (world->revoked != WAFER_OK && world->revoked != WAFER_QUEUED && !reached)
        complain(world, wafer_result_text(world->revoked));
    if ((world->revoked == WAFER_OK || world->revoked == WAFER_QUEUED) &&
        standing_of_seven(world) != WAFER_REFUSED)
        complain(world, "it is not in effect here");
}

static void judge_publishing(struct world *world, bool reached)
{
    judge_revoking(world, reached);
    if (!reached && world->revoked != WAFER_OK)
        complain(world, "it is not published");
}

static void judge_queueing(struct world *world, bool reached)
{
    judge_revoking(world, reached);
    if (!reached && world->revoked != WAFER_QUEUED)
        complain(world, "it is not queued");
}

static void what_is_revoked_is_published_or_queued_or_it_is_said_that_it_is_not(void **state)
{
    each(*state, &(struct scenario){begin_with_nothing, open_and_revoke, judge_publishing});
}

static void without_redis_it_is_queued_or_it_is_said_that_it_is_not(void **state)
{
    struct world *world = *state;

    world->settings.address = "/nonexistent/socket";
    each(world, &(struct scenario){begin_with_nothing, open_and_revoke, judge_queueing});
}

/* ---- Mirroring ---- */

static void begin_with_entries(const struct world *world)
{
    uint8_t records[QUEUED][WAFER_WIRE_SIZE];

    begin(world, OTHERS);
    for (uint8_t i = 0; i < QUEUED; i++)
        write_record(world, (uint8_t)(i + 1), records[i]);
    assert_true(
        wafer_queue_append(world->site, (const uint8_t(*)[WAFER_WIRE_SIZE])records, QUEUED, 1000));
}

/* Until all is where it is to be, or for a minute, which takes less than that. */
static void watch(void *context, wafer_redis_event event, const char *text)
{
    struct world *world = context;
    const char *kind = armed;
    wafer_redis_status status;

    (void)text;
    if (event != WAFER_REDIS_ALIVE)
        return;
    armed = ""; /* what is looked at here counts for nothing */
    if (wafer_redis_look(world->folder->path, &status, NULL) == WAFER_OK && status.ready &&
        status.queued == 0 && status.entries == OTHERS + QUEUED)
        wafer_redis_feeder_stop(world->feeder);
    slept_ns += 500000000;
    if (wafer_moment_steady() > world->until_ms) {
        world->is_late = true;
        wafer_redis_feeder_stop(world->feeder);
    }
    armed = kind;
}

static void mirror(struct world *world)
{
    world->opened = wafer_redis_feeder_new(&world->settings, &world->table, &world->feeder,
                                           &world->error);
    if (world->opened == WAFER_OK)
        world->opened = wafer_redis_feeder_run(world->feeder, watch, world, &world->error);
    wafer_redis_feeder_free(world->feeder);
    world->feeder = NULL;
}

static void judge_mirroring(struct world *world, bool reached)
{
    bool there[256] = {false};
    wafer_redis_status status;

    look_at_stream(world, there);
    if (world->opened == WAFER_OK) {
        if (world->is_late)
            complain(world, "the feeder does not get over it");
        assert_int_equal(wafer_redis_look(world->folder->path, &status, NULL), WAFER_OK);
        assert_int_equal(status.entries, OTHERS + QUEUED);
        assert_int_equal(status.bad, 0);
    } else {
        is_told(world, world->opened, &world->error);
        if (!reached)
            complain(world, world->error.text);
        look_at_queue(world, there);
    }
    for (uint8_t i = 0; i < QUEUED; i++)
        if (!there[i + 1])
            complain(world, "what was queued is lost");
}

static void a_feeder_gets_over_it_or_ends_and_loses_nothing(void **state)
{
    each(*state, &(struct scenario){begin_with_entries, mirror, judge_mirroring});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_is_revoked_is_published_or_queued_or_it_is_said_that_it_is_not, world_make,
            world_remove),
        cmocka_unit_test_setup_teardown(without_redis_it_is_queued_or_it_is_said_that_it_is_not,
                                        world_make, world_remove),
        cmocka_unit_test_setup_teardown(a_feeder_gets_over_it_or_ends_and_loses_nothing, world_make,
                                        world_remove),
    };

    return cmocka_run_group_tests_name("redis_faults", tests, start_redis, end_redis);
}
