/* The feeder with a stream that is removed when it is least looked at. The test plays a Redis that
 * has one stream. */
#include "folder.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/socket.h>
#include <wafer/redis.h>

#include "redis/feeder.h"
#include "redis/queue.h"

#define NOW  INT64_C(1800000000000)
#define ROOM 64

static int64_t now_ms = NOW;

/* ---- Redis ---- */

struct stream_entry {
    struct wafer_stream_id id;
    uint8_t bytes[WAFER_WIRE_SIZE];
};

struct redis {
    int socket;
    pthread_t thread;
    pthread_mutex_t mutex;
    struct stream_entry entries[ROOM];
    size_t count;
    struct wafer_stream_id last;
    /* Before the command of this name comes for the nth time, the stream is removed, and `then`, if
     * that is there, is the first entry of the new one. */
    const char *before;
    unsigned nth;
    const uint8_t *then;
    bool is_full; /* takes nothing, and lets remove */
};

static void add(struct redis *redis, const void *bytes)
{
    if (redis->count == ROOM)
        abort(); /* cmocka knows its own thread only */
    redis->last = (struct wafer_stream_id){(uint64_t)now_ms, redis->last.sequence + 1};
    redis->entries[redis->count].id = redis->last;
    memcpy(redis->entries[redis->count++].bytes, bytes, WAFER_WIRE_SIZE);
}

static void lose(struct redis *redis)
{
    redis->count = 0;
}

struct answer {
    char text[16384];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void say(struct answer *answer, const char *format,
                                                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    answer->length += (size_t)vsnprintf(answer->text + answer->length,
                                        sizeof answer->text - answer->length, format, arguments);
    va_end(arguments);
}

static void say_id(struct answer *answer, const struct wafer_stream_id *id)
{
    char text[WAFER_STREAM_ID_TEXT];

    wafer_stream_id_write(id, text);
    say(answer, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void say_entry(struct answer *answer, const struct stream_entry *entry)
{
    say(answer, "*2\r\n");
    say_id(answer, &entry->id);
    say(answer, "*2\r\n$1\r\ne\r\n$%d\r\n", WAFER_WIRE_SIZE);
    memcpy(answer->text + answer->length, entry->bytes, WAFER_WIRE_SIZE);
    answer->length += WAFER_WIRE_SIZE;
    say(answer, "\r\n");
}

static size_t find(const struct redis *redis, const struct wafer_stream_id *id)
{
    size_t index = 0;

    while (index < redis->count && wafer_stream_compare(&redis->entries[index].id, id) < 0)
        index++;
    return index;
}

static void answer_reading(const struct redis *redis, const struct wafer_stream_id *after,
                           struct answer *answer)
{
    size_t from = find(redis, &(struct wafer_stream_id){after->ms, after->sequence + 1});

    if (from == redis->count) {
        say(answer, "*-1\r\n");
        return;
    }
    say(answer, "*1\r\n*2\r\n$5\r\nwafer\r\n*%zu\r\n", redis->count - from);
    for (; from < redis->count; from++)
        say_entry(answer, &redis->entries[from]);
}

static void answer_about(const struct redis *redis, struct answer *answer)
{
    if (redis->count == 0) {
        say(answer, "-ERR no such key\r\n");
        return;
    }
    say(answer, "*2\r\n$17\r\nlast-generated-id\r\n");
    say_id(answer, &redis->last);
}

static void answer_command(struct redis *redis, const redisReply *command, struct answer *answer)
{
    const char *name = command->element[0]->str;
    const redisReply *last = command->element[command->elements - 1];
    struct wafer_stream_id id = {0, 0};
    size_t index;

    if (redis->before != NULL && strcmp(name, redis->before) == 0 && --redis->nth == 0) {
        redis->before = NULL;
        lose(redis);
        if (redis->then != NULL)
            add(redis, redis->then);
    }
    (void)wafer_stream_id_read(last->str, (size_t)last->len, &id);
    index = find(redis, &id);
    bool found = index < redis->count && wafer_stream_compare(&redis->entries[index].id, &id) == 0;
    if (strcmp(name, "XREAD") == 0) {
        answer_reading(redis, &id, answer);
    } else if (strcmp(name, "XINFO") == 0) {
        answer_about(redis, answer);
    } else if (strcmp(name, "XADD") == 0 && redis->is_full) {
        say(answer, "-OOM it is full\r\n");
    } else if (strcmp(name, "XADD") == 0) {
        add(redis, last->str);
        say_id(answer, &redis->last);
    } else if (strcmp(name, "XRANGE") == 0) {
        say(answer, "*%d\r\n", found);
        if (found)
            say_entry(answer, &redis->entries[index]);
    } else { /* XDEL */
        say(answer, ":%d\r\n", found);
        if (found)
            memmove(redis->entries + index, redis->entries + index + 1,
                    (--redis->count - index) * sizeof *redis->entries);
    }
}

static void *serve(void *argument)
{
    struct redis *redis = argument;
    redisReader *reader = redisReaderCreate();
    char bytes[4096];
    ssize_t length;
    void *command;

    while ((length = recv(redis->socket, bytes, sizeof bytes, 0)) > 0) {
        (void)redisReaderFeed(reader, bytes, (size_t)length);
        while (redisReaderGetReply(reader, &command) == REDIS_OK && command != NULL) {
            struct answer answer = {.length = 0};
            (void)pthread_mutex_lock(&redis->mutex);
            answer_command(redis, command, &answer);
            (void)pthread_mutex_unlock(&redis->mutex);
            freeReplyObject(command);
            (void)!send(redis->socket, answer.text, answer.length, MSG_NOSIGNAL);
        }
    }
    redisReaderFree(reader);
    return NULL;
}

/* ---- A feeder of it ---- */

struct world {
    wafer_redis_feeder *feeder;
    struct redis redis;
};

static void begin(struct world *world, const struct folder *folder)
{
    wafer_redis_settings settings = WAFER_REDIS_SETTINGS_INIT;
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_error error;
    int ends[2];

    now_ms = NOW;
    *world = (struct world){.feeder = NULL};
    settings.address = "/nonexistent/socket";
    settings.folder = folder->path;
    table.capacity = 1000;
    table.clock = clock_by_hand;
    table.clock_context = &now_ms;
    if (wafer_redis_secret_new(folder->path, false, &error) != WAFER_OK ||
        wafer_redis_feeder_new(&settings, &table, &world->feeder, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    world->feeder->connection = (struct wafer_connection){.access = world->feeder->access,
                                                          .socket = ends[0],
                                                          .reader = redisReaderCreate()};
    world->redis.socket = ends[1];
    assert_int_equal(pthread_mutex_init(&world->redis.mutex, NULL), 0);
    assert_int_equal(pthread_create(&world->redis.thread, NULL, serve, &world->redis), 0);
}

static void end(struct world *world)
{
    wafer_connection_close(&world->feeder->connection);
    assert_int_equal(pthread_join(world->redis.thread, NULL), 0);
    assert_int_equal(close(world->redis.socket), 0);
    wafer_redis_feeder_free(world->feeder);
}

static wafer_revocation logout(uint8_t number)
{
    return (wafer_revocation){.kind = WAFER_REVOKE_SESSION, .key = {number}, .at_ms = now_ms};
}

static void sign(const struct world *world, uint8_t number, uint8_t bytes[WAFER_WIRE_SIZE])
{
    const struct wafer_wire_record record = {.entry = logout(number)};

    wafer_wire_write(world->feeder->access->key, &record, bytes);
}

/* Another machine's. */
static void publish(struct world *world, uint8_t number)
{
    uint8_t bytes[WAFER_WIRE_SIZE];

    sign(world, number, bytes);
    (void)pthread_mutex_lock(&world->redis.mutex);
    add(&world->redis, bytes);
    (void)pthread_mutex_unlock(&world->redis.mutex);
}

static void put_into_table(const struct world *world, uint8_t number)
{
    wafer_revocation entry = logout(number);
    size_t taken;

    assert_int_equal(wafer_revocations_apply_all(world->feeder->table, now_ms, &entry, 1, &taken),
                     WAFER_OK);
}

static void lose_when(struct world *world, const char *command, unsigned nth, const uint8_t *then)
{
    (void)pthread_mutex_lock(&world->redis.mutex);
    world->redis.before = command;
    world->redis.nth = nth;
    world->redis.then = then;
    (void)pthread_mutex_unlock(&world->redis.mutex);
}

static void lose_now(struct world *world)
{
    (void)pthread_mutex_lock(&world->redis.mutex);
    lose(&world->redis);
    (void)pthread_mutex_unlock(&world->redis.mutex);
}

static void fill(struct world *world, bool is_full)
{
    (void)pthread_mutex_lock(&world->redis.mutex);
    world->redis.is_full = is_full;
    (void)pthread_mutex_unlock(&world->redis.mutex);
}

/* How many entries of the table, 1 to `until`, the stream has. */
static unsigned in_stream(struct world *world, uint8_t until)
{
    unsigned found = 0;

    (void)pthread_mutex_lock(&world->redis.mutex);
    for (uint8_t number = 1; number <= until; number++)
        for (size_t i = 0; i < world->redis.count; i++)
            if (world->redis.entries[i].bytes[1] == WAFER_REVOKE_SESSION &&
                world->redis.entries[i].bytes[2] == number) {
                found++;
                break;
            }
    (void)pthread_mutex_unlock(&world->redis.mutex);
    return found;
}

static void sync_once(struct world *world)
{
    assert_true(wafer_feeder_sync(world->feeder));
}

static bool is_ready(const struct world *world)
{
    return atomic_load(&world->feeder->state->ready) != 0;
}

static bool probe(struct world *world)
{
    bool same = false;

    assert_true(wafer_feeder_probe(world->feeder, &same));
    return same;
}

/* As the loop does. */
static void read_on(struct world *world)
{
    wafer_redis_feeder *feeder = world->feeder;
    int64_t deadline_ms = wafer_moment_steady() + 5000;
    struct wafer_stream_page page;
    struct wafer_trouble trouble;

    assert_true(wafer_stream_ask(&feeder->connection, &feeder->progress.last, 1000, 1, &trouble));
    assert_true(wafer_connection_send(&feeder->connection, deadline_ms, &trouble));
    assert_true(wafer_stream_receive(&feeder->connection, 1000, deadline_ms, &page, &trouble));
    assert_true(wafer_feeder_mirror(feeder, &page, now_ms));
    wafer_stream_page_free(&page);
}

static void beat(struct world *world)
{
    struct wafer_trouble trouble;

    assert_true(wafer_feeder_beat(world->feeder, &trouble));
}

/* When Redis may drop what comes now. */
static int64_t drop_time(const struct world *world)
{
    wafer_revocations_status status;

    assert_int_equal(wafer_revocations_look(world->feeder->table, &status), WAFER_OK);
    return now_ms + status.retention_ms + 4 * status.skew_ms;
}

/* ---- Tests ---- */

static void a_stream_that_is_removed_while_it_is_read_is_read_again(void **state)
{
    struct world world;
    uint8_t bytes[WAFER_WIRE_SIZE];

    begin(&world, *state);
    for (uint8_t number = 1; number <= 3; number++)
        publish(&world, number);
    put_into_table(&world, 4);
    sign(&world, 5, bytes);
    lose_when(&world, "XREAD", 2, bytes);
    sync_once(&world);
    assert_false(is_ready(&world));
    assert_true(world.feeder->again);
    sync_once(&world);
    assert_true(is_ready(&world));
    assert_int_equal(in_stream(&world, 5), 5);
    assert_true(probe(&world));
    end(&world);
}

static void also_behind_entries_that_are_about_to_be_dropped(void **state)
{
    struct world world;
    uint8_t bytes[WAFER_WIRE_SIZE];

    begin(&world, *state);
    publish(&world, 1);
    now_ms = drop_time(&world) - 1000;
    publish(&world, 2);
    put_into_table(&world, 4);
    sign(&world, 5, bytes);
    lose_when(&world, "XREAD", 2, bytes);
    sync_once(&world);
    assert_false(is_ready(&world));
    sync_once(&world);
    assert_true(is_ready(&world));
    assert_int_equal(in_stream(&world, 5), 3);
    end(&world);
}

static void what_was_given_back_and_lost_at_once_is_given_back_again(void **state)
{
    struct world world;

    begin(&world, *state);
    for (uint8_t number = 1; number <= 3; number++)
        put_into_table(&world, number);
    lose_when(&world, "XREAD", 3, NULL); /* the first after they were given */
    sync_once(&world);
    assert_int_equal(in_stream(&world, 3), 3);
    assert_int_equal(atomic_load(&world.feeder->state->republished), 6);
    assert_true(is_ready(&world));
    assert_true(probe(&world));
    end(&world);
}

static void a_stream_that_is_removed_after_that_is_noticed(void **state)
{
    struct world world;

    begin(&world, *state);
    put_into_table(&world, 1);
    sync_once(&world);
    assert_true(probe(&world));
    beat(&world);
    read_on(&world);
    lose_now(&world);
    publish(&world, 2);
    read_on(&world);
    assert_false(probe(&world));
    sync_once(&world);
    assert_int_equal(in_stream(&world, 2), 2);
    beat(&world);
    assert_false(world.feeder->again); /* that its heartbeat is lost is not noticed once more */
    end(&world);
}

static void what_nobody_had_read_is_missed_by_the_next_heartbeat(void **state)
{
    struct world world;

    begin(&world, *state);
    sync_once(&world);
    beat(&world);
    read_on(&world);
    put_into_table(&world, 1); /* a server of this machine, which publishes it */
    publish(&world, 1);
    lose_now(&world);
    beat(&world);
    assert_true(world.feeder->again);
    assert_int_equal(world.feeder->sync_due_ms, 0);
    sync_once(&world);
    assert_int_equal(in_stream(&world, 1), 1);
    beat(&world);
    assert_false(world.feeder->again);
    end(&world);
}

static void a_heartbeat_that_is_refused_takes_the_one_before_with_it(void **state)
{
    struct world world;
    struct wafer_trouble trouble;
    struct wafer_progress told;

    begin(&world, *state);
    sync_once(&world);
    beat(&world);
    fill(&world, true);
    assert_false(wafer_feeder_beat(world.feeder, &trouble));
    assert_true(wafer_state_ask(world.feeder->state, &told));
    assert_int_equal(told.beat.ms, 0); /* so whoever takes over does not miss it */
    assert_false(world.feeder->again);
    fill(&world, false);
    beat(&world);
    assert_false(world.feeder->again);
    lose_now(&world);
    fill(&world, true);
    assert_false(wafer_feeder_beat(world.feeder, &trouble));
    assert_true(world.feeder->again);
    end(&world);
}

static void an_anchor_that_grows_old_hides_no_loss(void **state)
{
    struct world world;

    begin(&world, *state);
    publish(&world, 1);
    sync_once(&world);
    now_ms = drop_time(&world) - 1000;
    assert_true(probe(&world));
    publish(&world, 2);
    read_on(&world);
    lose_now(&world);
    publish(&world, 3);
    read_on(&world);
    assert_false(probe(&world));
    sync_once(&world);
    assert_int_equal(in_stream(&world, 3), 2);
    end(&world);
}

static void the_last_entry_is_dropped_and_all_is_well(void **state)
{
    struct world world;

    begin(&world, *state);
    publish(&world, 1);
    sync_once(&world);
    beat(&world);
    now_ms = drop_time(&world) + 1;
    lose_now(&world); /* trimmed */
    publish(&world, 2);
    read_on(&world);
    beat(&world);
    assert_false(world.feeder->again);
    assert_false(probe(&world)); /* for all that can be told */
    sync_once(&world);
    assert_true(is_ready(&world));
    assert_true(probe(&world));
    assert_int_equal(in_stream(&world, 1), 0);
    assert_false(world.feeder->again);
    end(&world);
}

/* ---- Silence that is none ---- */

static const uint8_t other_key[WAFER_WIRE_KEY_SIZE] = {1};

/* The next one of another secret. */
static void let_others_beat(struct world *world)
{
    const struct wafer_wire_record record = {.heartbeat = true,
                                             .entry.at_ms = now_ms,
                                             .retention_ms = WAFER_HOUR_MS};
    uint8_t bytes[WAFER_WIRE_SIZE];

    wafer_wire_write(other_key, &record, bytes);
    (void)pthread_mutex_lock(&world->redis.mutex);
    add(&world->redis, bytes);
    (void)pthread_mutex_unlock(&world->redis.mutex);
}

struct turns {
    struct world *world;
    unsigned begun;
    bool pauses; /* the machine does, as somebody turns up and it is time to trust itself */
};

static void stop_after_some(void *context, wafer_redis_event event, const char *text)
{
    struct turns *turns = context;

    (void)text;
    if (event != WAFER_REDIS_ALIVE)
        return;
    if (turns->begun++ == 100)
        wafer_redis_feeder_stop(turns->world->feeder);
    if (turns->pauses && turns->begun == 10) {
        let_others_beat(turns->world);
        turns->world->feeder->trust_due_ms = wafer_moment_steady();
    }
}

static void follow_in_doubt(struct world *world, bool pauses)
{
    wafer_redis_feeder *feeder = world->feeder;
    struct turns turns = {.world = world, .pauses = pauses};

    let_others_beat(world);
    sync_once(world);
    assert_int_equal(feeder->trust, WAFER_TRUST_DOUBTED);
    feeder->watch = stop_after_some;
    feeder->context = &turns;
    if (!pauses)
        feeder->trust_due_ms = 1;
    wafer_feeder_follow(feeder);
    feeder->watch = NULL;
    assert_int_equal(feeder->trust, WAFER_TRUST_DOUBTED);
    assert_false(is_ready(world));
}

static void while_redis_was_away_nobody_could_be_heard(void **state)
{
    struct world world;

    begin(&world, *state);
    follow_in_doubt(&world, false);
    end(&world);
}

static void what_came_while_the_machine_paused_is_heard_before_time_is_up(void **state)
{
    struct world world;

    begin(&world, *state);
    follow_in_doubt(&world, true);
    end(&world);
}

static void what_came_while_all_was_read_again_was_not_heard(void **state)
{
    struct world world;

    begin(&world, *state);
    let_others_beat(&world);
    sync_once(&world);
    world.feeder->trust_due_ms = 1;
    sync_once(&world);
    assert_true(world.feeder->trust_due_ms > wafer_moment_steady());
    end(&world);
}

/* Makes haste, and stops when all was read once more. */
static void stop_after_another_sync(void *context, wafer_redis_event event, const char *text)
{
    wafer_redis_feeder *feeder = context;

    (void)text;
    if (event != WAFER_REDIS_ALIVE)
        return;
    if (feeder->again) {
        assert_int_equal(*feeder->progress.run_id, '\0'); /* another feeder would read it, too */
        feeder->sync_due_ms = 0;
    }
    if (atomic_load(&feeder->state->syncs) == 2 && atomic_load(&feeder->state->ready) != 0)
        wafer_redis_feeder_stop(feeder);
}

/* By a server that was not started again since the secret was replaced. */
static void what_was_queued_with_another_secret_is_given_back_from_the_table(void **state)
{
    const struct wafer_wire_record record = {.entry = logout(1)};
    uint8_t bytes[1][WAFER_WIRE_SIZE];
    wafer_redis_feeder *feeder;
    struct world world;

    begin(&world, *state);
    feeder = world.feeder;
    (void)snprintf(feeder->connection.run_id, sizeof feeder->connection.run_id, "this one");
    sync_once(&world);
    assert_string_equal(feeder->progress.run_id, "this one");
    put_into_table(&world, 1);
    wafer_wire_write(other_key, &record, bytes[0]);
    assert_true(
        wafer_queue_append(feeder->site, (const uint8_t(*)[WAFER_WIRE_SIZE])bytes, 1, 1000));
    feeder->watch = stop_after_another_sync;
    feeder->context = feeder;
    (void)alarm(10); /* it would follow for ever */
    wafer_feeder_follow(feeder);
    (void)alarm(0);
    assert_int_equal(wafer_queue_length(feeder->site), 0);
    assert_int_equal(in_stream(&world, 1), 1);
    assert_int_equal(atomic_load(&feeder->state->bad), 1);
    assert_false(feeder->again);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_is_removed_while_it_is_read_is_read_again),
        cmocka_unit_test(also_behind_entries_that_are_about_to_be_dropped),
        cmocka_unit_test(what_was_given_back_and_lost_at_once_is_given_back_again),
        cmocka_unit_test(a_stream_that_is_removed_after_that_is_noticed),
        cmocka_unit_test(what_nobody_had_read_is_missed_by_the_next_heartbeat),
        cmocka_unit_test(a_heartbeat_that_is_refused_takes_the_one_before_with_it),
        cmocka_unit_test(an_anchor_that_grows_old_hides_no_loss),
        cmocka_unit_test(the_last_entry_is_dropped_and_all_is_well),
        cmocka_unit_test(while_redis_was_away_nobody_could_be_heard),
        cmocka_unit_test(what_came_while_the_machine_paused_is_heard_before_time_is_up),
        cmocka_unit_test(what_came_while_all_was_read_again_was_not_heard),
        cmocka_unit_test(what_was_queued_with_another_secret_is_given_back_from_the_table),
    };
    struct CMUnitTest with_folders[sizeof tests / sizeof *tests];

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        with_folders[i] = tests[i];
        with_folders[i].setup_func = folder_make;
        with_folders[i].teardown_func = folder_remove;
    }
    return _cmocka_run_group_tests("redis_loss", with_folders, sizeof tests / sizeof *tests, NULL,
                                   NULL);
}
