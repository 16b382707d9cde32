/* The feeder while Redis hangs, and with a stream to which strangers and machines of another secret
 * write. The test plays Redis. */
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

/* ---- What the stream holds ---- */

/* Entries of a page that is being made, as Redis sends them. */
struct content {
    char text[4096];
    size_t length;
    unsigned count;
};

static uint64_t last_id = 1800000000000;

static struct wafer_stream_id add_bytes(struct content *content, const void *bytes, size_t length)
{
    content->length += (size_t)snprintf(content->text + content->length,
                                        sizeof content->text - content->length,
                                        "*2\r\n$15\r\n%llu-0\r\n*2\r\n$1\r\ne\r\n$%zu\r\n",
                                        (unsigned long long)++last_id, length);
    assert_true(content->length + length + 2 < sizeof content->text);
    memcpy(content->text + content->length, bytes, length);
    memcpy(content->text + content->length + length, "\r\n", 2);
    content->length += length + 2;
    content->count++;
    return (struct wafer_stream_id){last_id, 0};
}

static const uint8_t other_key[WAFER_WIRE_KEY_SIZE] = {1};

static struct wafer_stream_id add_beat(struct content *content, const uint8_t *key, int64_t at_ms,
                                       int64_t retention_ms)
{
    const struct wafer_wire_record record = {.heartbeat = true,
                                             .entry.at_ms = at_ms,
                                             .retention_ms = retention_ms};
    uint8_t bytes[WAFER_WIRE_SIZE];

    wafer_wire_write(key, &record, bytes);
    return add_bytes(content, bytes, sizeof bytes);
}

/* Lets the feeder mirror a page of them: those that are live came while it followed. */
static void mirror_page(wafer_redis_feeder *feeder, const struct content *content, size_t asked,
                        bool live)
{
    struct wafer_stream_page page = {.asked = asked, .count = content->count};
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    char head[16];

    (void)snprintf(head, sizeof head, "*%u\r\n", content->count);
    assert_int_equal(redisReaderFeed(reader, head, strlen(head)), REDIS_OK);
    assert_int_equal(redisReaderFeed(reader, content->text, content->length), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    page.reply = reply;
    page.entries = reply;
    assert_true(wafer_feeder_mirror(feeder, &page, live ? now_ms : 0));
    wafer_stream_page_free(&page);
    redisReaderFree(reader);
}

static void mirror(wafer_redis_feeder *feeder, const struct content *content, bool live)
{
    mirror_page(feeder, content, 1000, live);
}

static void mirror_beat(wafer_redis_feeder *feeder, const uint8_t *key, bool live)
{
    struct content content = {.count = 0};

    (void)add_beat(&content, key, now_ms, 24 * WAFER_HOUR_MS);
    mirror(feeder, &content, live);
}

static int64_t retention_of(const wafer_redis_feeder *feeder)
{
    wafer_revocations_status status;

    assert_int_equal(wafer_revocations_look(feeder->table, &status), WAFER_OK);
    return status.retention_ms;
}

/* ---- Another secret ---- */

static void a_machine_whose_secret_the_stream_does_not_know_is_doubted(void **state)
{
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(*state, &told);

    mirror_beat(feeder, other_key, false);
    wafer_feeder_judge(feeder);
    assert_false(wafer_feeder_is_trusted(feeder));
    assert_int_equal(atomic_load(&feeder->state->other_secret), 1);
    assert_non_null(strstr(told.trouble, "listening"));
    mirror_beat(feeder, other_key, true);
    assert_non_null(strstr(told.trouble, "copy the file \"secret\""));
    assert_int_equal(told.troubles, 2);
    assert_int_equal(atomic_load(&feeder->state->bad), 2);
    assert_true(feeder->again);
    feeder->sync_due_ms = INT64_MAX;
    mirror_beat(feeder, feeder->access->key, true); /* from somebody, so it was right */
    assert_true(wafer_feeder_is_trusted(feeder));
    assert_int_equal(atomic_load(&feeder->state->other_secret), 0);
    assert_int_equal(feeder->sync_due_ms, 0);
    wafer_redis_feeder_free(feeder);
}

static void silence_ends_doubts_and_a_new_doubt_needs_another_heartbeat(void **state)
{
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(*state, &told);

    mirror_beat(feeder, other_key, false);
    wafer_feeder_judge(feeder);
    wafer_feeder_pass_time(feeder, wafer_moment_steady());
    assert_false(wafer_feeder_is_trusted(feeder));
    feeder->trust_due_ms -= 20000;
    wafer_feeder_pass_time(feeder, wafer_moment_steady());
    assert_true(wafer_feeder_is_trusted(feeder));
    atomic_store(&feeder->state->ready, 1);
    atomic_store(&feeder->state->as_of_ms, NOW);
    mirror_beat(feeder, other_key, true);
    assert_false(wafer_feeder_is_trusted(feeder));
    assert_int_equal(atomic_load(&feeder->state->ready), 0);
    assert_int_equal(atomic_load(&feeder->state->as_of_ms), 0);
    wafer_redis_feeder_free(feeder);
}

static void its_own_heartbeats_prove_nothing_but_time_does(void **state)
{
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(*state, &told);
    struct content content = {.count = 0};

    wafer_feeder_judge(feeder);
    assert_int_equal(feeder->trust, WAFER_TRUST_TRIED);
    feeder->progress.beat = add_beat(&content, feeder->access->key, NOW, WAFER_HOUR_MS);
    mirror(feeder, &content, true);
    assert_int_equal(feeder->trust, WAFER_TRUST_TRIED);
    assert_true(feeder->trust_due_ms > 0);
    feeder->trust = WAFER_TRUST_UNKNOWN; /* started again, it reads the last one once more */
    wafer_feeder_recall_trust(feeder);
    feeder->progress.last.ms -= 100;
    mirror(feeder, &content, true);
    assert_int_equal(feeder->trust, WAFER_TRUST_TRIED);
    feeder->trust_due_ms -= 20000;
    wafer_feeder_pass_time(feeder, wafer_moment_steady());
    assert_int_equal(feeder->trust, WAFER_TRUST_FIRM);
    mirror_beat(feeder, other_key, true); /* junk, or a newcomer that is wrong */
    assert_true(wafer_feeder_is_trusted(feeder));
    assert_non_null(strstr(told.trouble, "another secret"));
    assert_int_equal(atomic_load(&feeder->state->bad), 1);
    wafer_redis_feeder_free(feeder);
}

static void a_heartbeat_of_somebody_else_is_a_proof_which_the_state_keeps(void **state)
{
    const struct folder *folder = *state;
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(folder, &told);
    struct content content = {.count = 0};
    char path[128];

    (void)add_beat(&content, other_key, NOW, WAFER_HOUR_MS);
    (void)add_beat(&content, feeder->access->key, NOW - 24 * WAFER_HOUR_MS, WAFER_HOUR_MS);
    (void)add_beat(&content, other_key, NOW, WAFER_HOUR_MS);
    mirror(feeder, &content, false);
    wafer_feeder_judge(feeder);
    assert_int_equal(feeder->trust, WAFER_TRUST_FIRM);
    assert_false(wafer_feeder_has_new_secret(feeder));
    feeder->trust = WAFER_TRUST_UNKNOWN;
    atomic_store(&feeder->state->other_secret, 1); /* it was killed before this was taken back */
    wafer_feeder_recall_trust(feeder);
    assert_int_equal(feeder->trust, WAFER_TRUST_FIRM);
    assert_int_equal(atomic_load(&feeder->state->other_secret), 0);
    wafer_redis_feeder_free(feeder);
    (void)snprintf(path, sizeof path, "%s/secret", folder->path);
    assert_int_equal(unlink(path), 0);
    feeder = make_feeder(folder, &told);
    assert_true(wafer_state_ask(feeder->state, &feeder->progress));
    assert_true(wafer_feeder_has_new_secret(feeder));
    wafer_feeder_recall_trust(feeder);
    assert_int_equal(feeder->trust, WAFER_TRUST_UNKNOWN);
    wafer_redis_feeder_free(feeder);
}

/* ---- Strangers ---- */

static void who_writes_to_the_stream_does_not_fill_the_log(void **state)
{
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(*state, &told);

    atomic_store(&feeder->state->ready, 1);
    feeder->trust = WAFER_TRUST_FIRM;
    for (unsigned i = 0; i < 100; i++) {
        struct content content = {.count = 0};
        (void)add_bytes(&content, "\x01junk", 5);
        (void)add_bytes(&content, "junk", 4);
        (void)add_bytes(&content, "", 0);
        mirror(feeder, &content, true);
        mirror_beat(feeder, feeder->access->key, true);
    }
    assert_int_equal(atomic_load(&feeder->state->bad), 300);
    assert_int_equal(told.troubles, 2); /* of another length, of another version */
    assert_non_null(strstr(feeder->progress.error, "skipped an entry"));
    feeder->noticed_ms[WAFER_WIRE_LENGTH] -= 60000;
    struct content content = {.count = 0};
    (void)add_bytes(&content, "\x01junk", 5);
    mirror(feeder, &content, true);
    assert_int_equal(told.troubles, 3);
    wafer_redis_feeder_free(feeder);
}

static void a_trouble_is_told_once_whatever_its_words(void **state)
{
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(*state, &told);
    char text[400];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (unsigned i = 0; i < 3; i++)
        wafer_feeder_troubled(feeder, "the key \"l\xc3\xb6schen\" of Redis is no stream");
    assert_int_equal(told.troubles, 1);
    assert_non_null(strstr(told.trouble, "l??schen"));
    for (unsigned i = 0; i < 3; i++)
        wafer_feeder_troubled(feeder, text);
    assert_int_equal(told.troubles, 2);
    wafer_redis_feeder_free(feeder);
}

static void the_longest_retention_counts_of_machines_that_are_alive(void **state)
{
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(*state, &told);
    const uint8_t *key = feeder->access->key;
    int64_t before_ms = retention_of(feeder);
    struct content left = {.count = 0};
    struct content content = {.count = 0};

    (void)add_beat(&left, key, NOW - 3 * WAFER_MINUTE_MS, WAFER_LIFETIME_MAX_MS);
    (void)add_beat(&left, other_key, NOW, WAFER_LIFETIME_MAX_MS);
    mirror(feeder, &left, false);
    assert_int_equal(retention_of(feeder), before_ms);
    assert_int_equal(told.troubles, 0);
    (void)add_beat(&content, key, NOW, 2 * before_ms);
    (void)add_beat(&content, key, NOW, before_ms);
    mirror(feeder, &content, false);
    assert_int_equal(retention_of(feeder), 2 * before_ms);
    assert_non_null(strstr(told.trouble, "longer"));
    wafer_redis_feeder_free(feeder);
}

static void a_heartbeat_of_a_wrong_clock_says_nothing_of_freshness(void **state)
{
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(*state, &told);
    struct content off = {.count = 0};

    atomic_store(&feeder->state->ready, 1);
    feeder->trust = WAFER_TRUST_FIRM;
    (void)add_beat(&off, feeder->access->key, NOW + 2 * WAFER_MINUTE_MS + 1, WAFER_HOUR_MS);
    mirror(feeder, &off, true);
    assert_int_equal(atomic_load(&feeder->state->as_of_ms), 0);
    assert_non_null(strstr(told.trouble, "clock"));
    now_ms = NOW - 30000; /* set back: what it tells follows */
    mirror_beat(feeder, feeder->access->key, true);
    assert_int_equal(atomic_load(&feeder->state->as_of_ms), NOW - 30000);
    wafer_redis_feeder_free(feeder);
}

/* On a busy stream hardly any heartbeat is on the last page. */
static void a_heartbeat_on_a_full_page_tells_once_the_end_is_read(void **state)
{
    struct told told;
    wafer_redis_feeder *feeder = make_feeder(*state, &told);
    struct content content = {.count = 0};
    const struct content nothing = {.count = 0};

    atomic_store(&feeder->state->ready, 1);
    feeder->trust = WAFER_TRUST_FIRM;
    (void)add_beat(&content, feeder->access->key, NOW, WAFER_HOUR_MS);
    mirror_page(feeder, &content, 1, true);
    assert_int_equal(atomic_load(&feeder->state->as_of_ms), 0);
    now_ms = NOW + 700;
    mirror(feeder, &nothing, true);
    assert_int_equal(atomic_load(&feeder->state->as_of_ms), NOW);
    now_ms = NOW + 1400;
    mirror(feeder, &nothing, true); /* without a heartbeat an end says nothing */
    assert_int_equal(atomic_load(&feeder->state->as_of_ms), NOW);
    wafer_redis_feeder_free(feeder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            while_redis_hangs_the_feeder_tells_that_it_lives_and_can_be_stopped, folder_make,
            folder_remove),
        cmocka_unit_test_setup_teardown(a_machine_whose_secret_the_stream_does_not_know_is_doubted,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(silence_ends_doubts_and_a_new_doubt_needs_another_heartbeat,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(its_own_heartbeats_prove_nothing_but_time_does, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(
            a_heartbeat_of_somebody_else_is_a_proof_which_the_state_keeps, folder_make,
            folder_remove),
        cmocka_unit_test_setup_teardown(who_writes_to_the_stream_does_not_fill_the_log, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(a_trouble_is_told_once_whatever_its_words, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(the_longest_retention_counts_of_machines_that_are_alive,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(a_heartbeat_of_a_wrong_clock_says_nothing_of_freshness,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(a_heartbeat_on_a_full_page_tells_once_the_end_is_read,
                                        folder_make, folder_remove),
    };

    return cmocka_run_group_tests_name("redis_mirror", tests, NULL, NULL);
}
