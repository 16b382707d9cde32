/* How many revocations one host publishes in a second, one after the other, from two threads, and
 * many at once; and, over the stream that this made, how long a new host takes to catch up. */
#include "hosts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENTRIES     1000000
#define CAPACITY    (2 * (size_t)ENTRIES)
#define TURN_US     1000000
#define AT_ONCE     1000
#define CATCHING_UP 3
#define STREAM      "publish"

static wafer_revocations *list;
static _Atomic uint64_t published;

static void *revoke_one_by_one(void *context)
{
    int64_t until_us = hosts_now_us() + TURN_US;

    (void)context;
    while (hosts_now_us() < until_us) {
        uint8_t id[WAFER_ID_SIZE];

        hosts_id(atomic_fetch_add(&published, 1), id);
        hosts_require(wafer_revoke_session(list, id) == WAFER_OK, "a revocation is not published");
    }
    return NULL;
}

static void measure_callers(const char *what, size_t threads, const char *remark)
{
    int64_t begun_us = hosts_now_us();
    uint64_t before = atomic_load(&published);
    pthread_t others[2];

    for (size_t i = 1; i < threads; i++)
        hosts_require(pthread_create(&others[i], NULL, revoke_one_by_one, NULL) == 0, "no thread");
    revoke_one_by_one(NULL);
    for (size_t i = 1; i < threads; i++)
        hosts_require(pthread_join(others[i], NULL) == 0, "no thread");
    hosts_tell(what,
               (double)(atomic_load(&published) - before) * 1e6 /
                   (double)(hosts_now_us() - begun_us),
               "a second", remark);
}

/* Until there are as many as are to be caught up with. */
static void measure_many(void)
{
    int64_t begun_us = hosts_now_us();
    uint64_t before = atomic_load(&published);
    wafer_revocation entries[AT_ONCE];

    while (atomic_load(&published) < ENTRIES) {
        size_t taken;

        memset(entries, 0, sizeof entries);
        for (size_t i = 0; i < AT_ONCE; i++) {
            entries[i].kind = WAFER_REVOKE_SESSION;
            hosts_id(atomic_fetch_add(&published, 1), entries[i].key);
        }
        hosts_require(wafer_revocations_apply_all(list, (int64_t)time(NULL) * 1000, entries,
                                                  AT_ONCE, &taken) == WAFER_OK,
                      "revocations are not published");
    }
    hosts_tell("published, 1000 at once",
               (double)(atomic_load(&published) - before) * 1e6 /
                   (double)(hosts_now_us() - begun_us),
               "a second", "wafer_revocations_apply_all");
}

void measure_publishing(void)
{
    char answer[64];
    pid_t feeder;

    hosts_make("publish");
    feeder = hosts_start("publish", STREAM, CAPACITY);
    hosts_await("publish", false);
    list = hosts_list("publish", STREAM);
    measure_callers("published one by one", 1, "appendfsync everysec");
    measure_callers("published one by one, 2 threads", 2, "one connection a process");
    hosts_ask_redis("CONFIG SET appendfsync always", answer, sizeof answer);
    measure_callers("published one by one, synced", 1, "appendfsync always");
    hosts_ask_redis("CONFIG SET appendfsync everysec", answer, sizeof answer);
    measure_many();
    wafer_revocations_free(list);
    hosts_end(feeder);
}

/* ---- Catching up ---- */

static double number_of(const char *command)
{
    char answer[64];

    hosts_ask_redis(command, answer, sizeof answer);
    return strtod(answer, NULL);
}

static double catch_up(size_t turn)
{
    char name[32];
    wafer_revocations_status status;
    int64_t begun_us;
    double took_s;
    pid_t feeder;

    (void)snprintf(name, sizeof name, "late-%zu", turn);
    hosts_make(name);
    begun_us = hosts_now_us();
    feeder = hosts_start(name, STREAM, CAPACITY);
    hosts_await(name, false);
    took_s = (double)(hosts_now_us() - begun_us) / 1e6;
    list = hosts_list(name, STREAM);
    hosts_require(wafer_revocations_look(list, &status) == WAFER_OK && status.entries >= ENTRIES,
                  "a host that caught up lacks entries");
    wafer_revocations_free(list);
    hosts_end(feeder);
    return took_s;
}

void measure_catching_up(void)
{
    double entries = number_of("XLEN " STREAM);
    double sent = number_of("INFO stats | sed -n s/total_net_output_bytes://p");
    int64_t took_ms[CATCHING_UP];
    char remark[64];

    for (size_t i = 0; i < CATCHING_UP; i++)
        took_ms[i] = (int64_t)(1000 * catch_up(i));
    hosts_sort(took_ms, CATCHING_UP);
    (void)snprintf(remark, sizeof remark, "bar about 2; %.0f entries; load %.1f", entries,
                   hosts_load());
    hosts_tell("a new host catches up, best", (double)took_ms[0] / 1000, "s", remark);
    hosts_tell("a new host catches up, median", (double)took_ms[CATCHING_UP / 2] / 1000, "s", "");
    sent = number_of("INFO stats | sed -n s/total_net_output_bytes://p") - sent;
    hosts_tell("bytes from Redis, an entry and a host", sent / CATCHING_UP / entries, "bytes",
               "INFO stats");
    hosts_tell("memory of Redis, an entry",
               number_of("MEMORY USAGE " STREAM " SAMPLES 0") / entries, "bytes", "MEMORY USAGE");
}
