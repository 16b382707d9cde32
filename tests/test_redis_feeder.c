/* The feeder with a Redis that the test plays: how fresh the table is by what that answers, and
 * what of the queue is sent once more. */
#include "folder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <wafer/redis.h>

#include "redis/feeder.h"
#include "redis/queue.h"

#define NOW        INT64_C(1800000000000)
#define ON_THE_WAY 700

/* Moves on once Redis was asked for something. */
static int64_t clock_of_a_slow_answer(void *context)
{
    const int *redis = context;
    char asked;

    return NOW + (recv(*redis, &asked, 1, MSG_PEEK | MSG_DONTWAIT) == 1 ? ON_THE_WAY : 0);
}

static int nobody = -1;

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
    if ((wafer_redis_secret_new(folder->path, false, &error) != WAFER_OK &&
         error.system != EEXIST) ||
        wafer_redis_feeder_new(&settings, &table, &feeder, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    feeder->trust = WAFER_TRUST_FIRM;
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

/* ---- The queue ---- */

/* A Redis that waits for so many entries, takes the first, and then refuses or goes away. */
struct taker {
    int socket;
    unsigned awaited;
    unsigned taken;
    unsigned refused;
};

static void *take_entries(void *argument)
{
    static const char command[] = "*5\r\n$4\r\nXADD\r\n$5\r\nwafer\r\n$1\r\n*\r\n"
                                  "$1\r\ne\r\n$46\r\n";
    static char asked[500 * (sizeof command - 1 + WAFER_WIRE_SIZE + 2)];
    const struct taker *taker = argument;
    size_t all = taker->awaited * (sizeof command - 1 + WAFER_WIRE_SIZE + 2);

    for (size_t length = 0; length < all;) {
        ssize_t more = recv(taker->socket, asked + length, all - length, 0);
        if (more <= 0)
            return "the feeder sent too few";
        length += (size_t)more;
    }
    if (memcmp(asked, command, sizeof command - 1) != 0)
        return "the feeder sent something else";
    if (poll(&(struct pollfd){.fd = taker->socket, .events = POLLIN}, 1, 50) != 0)
        return "the feeder sent too many";
    for (unsigned i = 0; i < taker->taken + taker->refused; i++) {
        const char *answer = i < taker->taken ? "$3\r\n1-1\r\n" : "-OOM it is full\r\n";
        if (send(taker->socket, answer, strlen(answer), MSG_NOSIGNAL) <= 0)
            return "the feeder went away";
    }
    (void)shutdown(taker->socket, SHUT_WR);
    return NULL;
}

/* Lets the feeder follow a Redis that ends after its answers. */
static void drain(wafer_redis_feeder *feeder, unsigned awaited, unsigned taken, unsigned refused)
{
    struct taker taker = {.awaited = awaited, .taken = taken, .refused = refused};
    void *complaint = NULL;
    pthread_t thread;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    taker.socket = ends[1];
    feeder->connection = (struct wafer_connection){.access = feeder->access,
                                                   .socket = ends[0],
                                                   .reader = redisReaderCreate()};
    feeder->write_not_before_ms = 0;
    assert_int_equal(pthread_create(&thread, NULL, take_entries, &taker), 0);
    wafer_feeder_follow(feeder);
    assert_int_equal(pthread_join(thread, &complaint), 0);
    if (complaint != NULL)
        fail_msg("%s", (const char *)complaint);
    wafer_connection_close(&feeder->connection);
    assert_int_equal(close(ends[1]), 0);
}

static void what_redis_took_of_the_queue_is_not_sent_again(void **state)
{
    const struct folder *folder = *state;
    wafer_redis_feeder *feeder = make_feeder(folder, &nobody);
    static uint8_t records[1500][WAFER_WIRE_SIZE];

    for (uint32_t i = 0; i < 1500; i++) {
        struct wafer_wire_record record = {.entry = {.kind = WAFER_REVOKE_SESSION, .at_ms = NOW}};
        memcpy(record.entry.key, &i, sizeof i);
        wafer_wire_write(feeder->access->key, &record, records[i]);
    }
    assert_true(
        wafer_queue_append(feeder->site, (const uint8_t(*)[WAFER_WIRE_SIZE])records, 1500, 1000));
    drain(feeder, 500, 200, 0);
    assert_int_equal(wafer_queue_length(feeder->site), 1300);
    drain(feeder, 250, 250, 0); /* what did not get through is halved */
    assert_int_equal(wafer_queue_length(feeder->site), 1050);
    assert_int_equal(atomic_load(&feeder->state->published), 450);
    wafer_redis_feeder_free(feeder);
    feeder = make_feeder(folder, &nobody);
    drain(feeder, 500, 100, 400);
    assert_int_equal(wafer_queue_length(feeder->site), 950);
    drain(feeder, 500, 500, 0);
    drain(feeder, 450, 450, 0);
    assert_int_equal(wafer_queue_length(feeder->site), 0);
    assert_int_equal(atomic_load(&feeder->state->published), 1500);
    wafer_redis_feeder_free(feeder);
}

/* ---- Pages ---- */

/* A Redis that says so much and goes away; the next page has so many rows. */
static void answer_in_part(wafer_redis_feeder *feeder, const char *answer, size_t rows)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    feeder->connection = (struct wafer_connection){.access = feeder->access,
                                                   .socket = ends[0],
                                                   .reader = redisReaderCreate()};
    feeder->write_not_before_ms = INT64_MAX;
    assert_int_equal(send(ends[1], answer, strlen(answer), 0), strlen(answer));
    assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
    wafer_feeder_follow(feeder);
    assert_int_equal(feeder->page_rows, rows);
    wafer_connection_close(&feeder->connection);
    assert_int_equal(close(ends[1]), 0);
}

static void a_page_that_does_not_get_through_is_asked_for_in_smaller_ones(void **state)
{
    static const char part[] = "*1\r\n*2\r\n$5\r\nwafer\r\n";
    wafer_redis_feeder *feeder = make_feeder(*state, &nobody);

    answer_in_part(feeder, "", 1000); /* Redis went away, that is not the page's fault */
    answer_in_part(feeder, part, 37); /* a quarter of what is asked for while following */
    answer_in_part(feeder, part, 9);
    answer_in_part(feeder, part, 2);
    answer_in_part(feeder, part, 1);
    answer_in_part(feeder, part, 1);
    feeder->page_rows = 30;
    answer_in_part(feeder, "-LOADING Redis is\r\n", 30);
    wafer_redis_feeder_free(feeder);
}

/* ---- Gaps ---- */

struct seen {
    wafer_redis_feeder *feeder;
    unsigned gaps;
};

static void see_gaps(void *context, wafer_redis_event event, const char *text)
{
    struct seen *seen = context;

    (void)text;
    if (event == WAFER_REDIS_ALIVE && seen->feeder->entries_at_gap > 0)
        seen->gaps++;
}

/* A Redis that gives `replies` replies of so many entries, one right after the other, then some
 * with none, and goes away. */
static unsigned gaps_after(const struct folder *folder, unsigned replies, unsigned entries)
{
    static char answers[64 * 1024];
    wafer_redis_feeder *feeder = make_feeder(folder, &nobody);
    struct seen seen = {.feeder = feeder};
    size_t length = 0;
    int ends[2];

    for (unsigned i = 0; i < replies; i++) {
        length += (size_t)snprintf(answers + length, sizeof answers - length,
                                   "*1\r\n*2\r\n$5\r\nwafer\r\n*%u\r\n", entries);
        for (unsigned j = 0; j < entries; j++)
            length += (size_t)snprintf(answers + length, sizeof answers - length,
                                       "*2\r\n$15\r\n%lld-%u\r\n"
                                       "*2\r\n$1\r\ne\r\n$0\r\n\r\n",
                                       (long long)NOW + i, j);
    }
    for (unsigned i = 0; i < 5; i++)
        length += (size_t)snprintf(answers + length, sizeof answers - length, "*-1\r\n");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    feeder->watch = see_gaps;
    feeder->context = &seen;
    feeder->connection = (struct wafer_connection){.access = feeder->access,
                                                   .socket = ends[0],
                                                   .reader = redisReaderCreate()};
    feeder->write_not_before_ms = INT64_MAX;
    assert_int_equal(send(ends[1], answers, length, 0), length);
    assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
    wafer_feeder_follow(feeder);
    assert_int_equal(feeder->entries_at_gap, 0);
    wafer_connection_close(&feeder->connection);
    wafer_redis_feeder_free(feeder);
    assert_int_equal(close(ends[1]), 0);
    return seen.gaps;
}

static void gaps_are_left_while_many_replies_have_several_entries(void **state)
{
    assert_int_equal(gaps_after(*state, 5, 2), 0);
    assert_int_equal(gaps_after(*state, 30, 1), 0);
    assert_in_range(gaps_after(*state, 30, 2), 4, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_table_is_as_fresh_as_the_question_not_as_the_answer,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(what_redis_took_of_the_queue_is_not_sent_again, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(
            a_page_that_does_not_get_through_is_asked_for_in_smaller_ones, folder_make,
            folder_remove),
        cmocka_unit_test_setup_teardown(gaps_are_left_while_many_replies_have_several_entries,
                                        folder_make, folder_remove),
    };

    return cmocka_run_group_tests_name("redis_feeder", tests, NULL, NULL);
}
