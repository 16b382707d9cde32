/* The feeder while Redis hangs, and with a stream that strangers write to. The test plays Redis. */
#include "folder.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <wafer/redis.h>

#include "redis/feeder.h"

#define NOW INT64_C(1800000000000)

static int64_t now_ms = NOW;

/* What the feeder told. */
struct told {
    wafer_redis_feeder *feeder;
    int64_t begun_ms;
    int64_t alive_ms;
    int64_t longest_ms; /* from one sign of life to the next */
    int64_t stops_ms;   /* so long after it began it is told to stop */
    unsigned troubles;
    char trouble[256];
};

static int64_t steady_ms(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void watch(void *context, wafer_redis_event event, const char *text)
{
    struct told *told = context;
    int64_t at_ms = steady_ms();

    if (event == WAFER_REDIS_TROUBLE) {
        told->troubles++;
        (void)snprintf(told->trouble, sizeof told->trouble, "%s", text);
    }
    if (event != WAFER_REDIS_ALIVE)
        return;
    if (at_ms - told->alive_ms > told->longest_ms)
        told->longest_ms = at_ms - told->alive_ms;
    told->alive_ms = at_ms;
    if (told->stops_ms > 0 && at_ms - told->begun_ms >= told->stops_ms)
        wafer_redis_feeder_stop(told->feeder);
}

static wafer_redis_feeder *make_feeder(const struct folder *folder, struct told *told)
{
    wafer_redis_settings settings = WAFER_REDIS_SETTINGS_INIT;
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_redis_feeder *feeder = NULL;
    wafer_error error;

    now_ms = NOW;
    settings.address = "/nonexistent/socket";
    settings.folder = folder->path;
    table.capacity = 1000;
    table.clock = clock_by_hand;
    table.clock_context = &now_ms;
    if (wafer_redis_secret_new(folder->path, false, &error) != WAFER_OK ||
        wafer_redis_feeder_new(&settings, &table, &feeder, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    *told = (struct told){.feeder = feeder, .begun_ms = steady_ms(), .alive_ms = steady_ms()};
    feeder->watch = watch;
    feeder->context = told;
    return feeder;
}

/* ---- Waiting ---- */

/* Returns the other end. */
static int connect_to(wafer_redis_feeder *feeder)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    feeder->connection = (struct wafer_connection){.access = feeder->access,
                                                   .socket = ends[0],
                                                   .reader = redisReaderCreate()};
    return ends[1];
}

static void while_redis_hangs_the_feeder_tells_that_it_lives_and_can_be_stopped(void **state)
{
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(*state, &told);
    int redis = connect_to(feeder);

    told.stops_ms = 1200;
    wafer_feeder_follow(feeder);
    assert_in_range(steady_ms() - told.begun_ms, 1200, 1900);
    assert_in_range(told.longest_ms, 0, 700);
    assert_int_equal(told.troubles, 0); /* being stopped is none */
    wafer_connection_close(&feeder->connection);
    wafer_redis_feeder_free(feeder);
    assert_int_equal(close(redis), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            while_redis_hangs_the_feeder_tells_that_it_lives_and_can_be_stopped, folder_make,
            folder_remove),
    };

    return cmocka_run_group_tests_name("redis_mirror", tests, NULL, NULL);
}
