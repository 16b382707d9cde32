/* The feeder with a Redis that the test plays: how fresh the table is by what that answers. */
#include "folder.h"

#include <errno.h>
#include <sys/socket.h>
#include <wafer/redis.h>

#include "redis/feeder.h"

#define NOW        INT64_C(1800000000000)
#define ON_THE_WAY 700

/* Moves on once Redis was asked for something. */
static int64_t clock_of_a_slow_answer(void *context)
{
    const int *redis = context;
    char asked;

    return NOW + (recv(*redis, &asked, 1, MSG_PEEK | MSG_DONTWAIT) == 1 ? ON_THE_WAY : 0);
}

struct turns {
    wafer_redis_feeder *feeder;
    unsigned begun;
};

static void stop_after_one(void *context, wafer_redis_event event, const char *text)
{
    struct turns *turns = context;

    if (event == WAFER_REDIS_TROUBLE)
        fail_msg("%s", text);
    if (event == WAFER_REDIS_ALIVE && turns->begun++ == 1)
        wafer_redis_feeder_stop(turns->feeder);
}

static wafer_redis_feeder *make_feeder(const struct folder *folder, int *redis)
{
    wafer_redis_settings settings = WAFER_REDIS_SETTINGS_INIT;
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_redis_feeder *feeder = NULL;
    wafer_error error;

    settings.address = "/nonexistent/socket";
    settings.folder = folder->path;
    settings.stale_ms = 5000;
    settings.when_stale = WAFER_REDIS_REFUSES;
    table.capacity = 1000;
    table.clock = clock_of_a_slow_answer;
    table.clock_context = redis;
    if (wafer_redis_secret_new(folder->path, false, &error) != WAFER_OK ||
        wafer_redis_feeder_new(&settings, &table, &feeder, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    return feeder;
}

static void answer_with_a_heartbeat(int redis, const wafer_redis_feeder *feeder)
{
    struct wafer_wire_record record = {.heartbeat = true, .entry.at_ms = NOW};
    wafer_revocations_status status;
    uint8_t bytes[WAFER_WIRE_SIZE];
    char head[128];

    assert_int_equal(wafer_revocations_look(feeder->table, &status), WAFER_OK);
    record.retention_ms = status.retention_ms;
    wafer_wire_write(feeder->access->key, &record, bytes);
    (void)snprintf(head, sizeof head,
                   "*1\r\n*2\r\n$5\r\nwafer\r\n*1\r\n*2\r\n$15\r\n1800000000000-0\r\n"
                   "*2\r\n$1\r\ne\r\n$%zu\r\n",
                   sizeof bytes);
    assert_int_equal(send(redis, head, strlen(head), 0), strlen(head));
    assert_int_equal(send(redis, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(send(redis, "\r\n", 2, 0), 2);
}

static void the_table_is_as_fresh_as_the_question_not_as_the_answer(void **state)
{
    int ends[2];
    wafer_redis_feeder *feeder;
    struct turns turns;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    feeder = make_feeder(*state, &ends[1]);
    turns = (struct turns){.feeder = feeder};
    feeder->watch = stop_after_one;
    feeder->context = &turns;
    feeder->connection = (struct wafer_connection){.access = feeder->access,
                                                   .socket = ends[0],
                                                   .reader = redisReaderCreate()};
    feeder->write_not_before_ms = INT64_MAX;
    atomic_store(&feeder->state->ready, 1);
    answer_with_a_heartbeat(ends[1], feeder);
    wafer_feeder_follow(feeder);
    assert_int_equal(turns.begun, 2);
    assert_int_equal(atomic_load(&feeder->state->as_of_ms), NOW);
    wafer_connection_close(&feeder->connection);
    wafer_redis_feeder_free(feeder);
    assert_int_equal(close(ends[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_table_is_as_fresh_as_the_question_not_as_the_answer,
                                        folder_make, folder_remove),
    };

    return cmocka_run_group_tests_name("redis_feeder", tests, NULL, NULL);
}
