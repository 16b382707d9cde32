#include "feeder.h"

#include <string.h>
#include <unistd.h>

#include "queue.h"

#define BLOCK_MS        200
#define PROBE_MS        5000
#define WRITE_PAUSE_MIN 100
#define WRITE_PAUSE_MAX 5000
#define GAP_MS          100
#define BUSY_REPLIES    50 /* in a second */

/* ---- Writing ---- */

static bool may_write(const struct wafer_redis_feeder *feeder)
{
    return wafer_moment_steady() >= feeder->write_not_before_ms;
}

/* Redis may refuse to take anything and still be read: then writing pauses. False when the
 * connection is of no use. */
static bool write_failed(struct wafer_redis_feeder *feeder, const struct wafer_trouble *trouble)
{
    int64_t pause_ms = feeder->write_pause_ms > 0 ? feeder->write_pause_ms : WRITE_PAUSE_MIN;

    wafer_feeder_troubled(feeder, trouble->text);
    feeder->write_not_before_ms = wafer_moment_steady() + pause_ms;
    feeder->write_pause_ms = 2 * pause_ms < WRITE_PAUSE_MAX ? 2 * pause_ms : WRITE_PAUSE_MAX;
    return !trouble->lost && !trouble->read_too;
}

static bool beat(struct wafer_redis_feeder *feeder)
{
    struct wafer_trouble trouble = {.lost = false};

    if (!wafer_feeder_beat(feeder, &trouble))
        return write_failed(feeder, &trouble);
    feeder->write_pause_ms = 0;
    return true;
}

static bool publish_queue(struct wafer_redis_feeder *feeder)
{
    struct wafer_trouble trouble = {.lost = false};
    struct wafer_queue_batch batch;
    size_t added = 0;
    bool done;

    if (!wafer_queue_take(feeder->site, feeder->access->key, &batch)) {
        (void)write_failed(feeder,
                           &(struct wafer_trouble){.text = "the queue cannot be read or renamed"});
        return true;
    }
    if (batch.damaged > 0) {
        (void)atomic_fetch_add(&feeder->state->bad, batch.damaged);
        wafer_feeder_troubled(feeder, "the queue held damaged entries, which were left out");
    }
    done = wafer_stream_publish(&feeder->connection,
                                (const uint8_t(*)[WAFER_WIRE_SIZE])batch.records, batch.count,
                                wafer_moment_steady() + WAFER_FEEDER_PATIENCE_MS, &added, &trouble);
    (void)atomic_fetch_add(&feeder->state->published, added);
    wafer_queue_free(&batch);
    if (!done)
        return write_failed(feeder, &trouble);
    if (!wafer_queue_done(feeder->site))
        return write_failed(feeder, &(struct wafer_trouble){.text = "the queue cannot be removed"});
    feeder->write_pause_ms = 0;
    return true;
}

static bool write_what_is_due(struct wafer_redis_feeder *feeder)
{
    if (may_write(feeder) && wafer_queue_length(feeder->site) > 0 && !publish_queue(feeder))
        return false;
    return !may_write(feeder) || wafer_moment_steady() < feeder->beat_due_ms || beat(feeder);
}

/* ---- Is it still the stream, and the table? ---- */

static bool look_around(struct wafer_redis_feeder *feeder)
{
    int64_t steady_ms = wafer_moment_steady();
    bool same = true;

    if (feeder->again && steady_ms >= feeder->sync_due_ms)
        return wafer_feeder_sync(feeder);
    if (steady_ms < feeder->probe_due_ms)
        return true;
    feeder->probe_due_ms = steady_ms + PROBE_MS + (int64_t)wafer_moment_spread(PROBE_MS / 4);
    if (wafer_feeder_table_is_replaced(feeder)) {
        wafer_feeder_troubled(feeder, "the table file was replaced");
        return false;
    }
    if (!wafer_feeder_probe(feeder, &same))
        return false;
    return same || wafer_feeder_sync(feeder);
}

/* ---- Reading on ---- */

/* When entries come faster than this machine or Redis gets round to them one by one, as replies
 * with several show, then it is cheaper for all to wait a little and take more at once. That begins
 * as soon as it shows, and stays so until only half as many come in a second as showed it. */
static void count_reply(struct wafer_redis_feeder *feeder, size_t entries)
{
    int64_t steady_ms = wafer_moment_steady();

    if (steady_ms - feeder->second_ms >= 1000) {
        if (feeder->entries < feeder->entries_at_gap / 2)
            feeder->entries_at_gap = 0;
        feeder->second_ms = steady_ms;
        feeder->replies = feeder->crowded = feeder->entries = 0;
    }
    if (entries == 0)
        return;
    feeder->replies++;
    feeder->crowded += entries > 1;
    feeder->entries += (unsigned)entries;
    if (feeder->entries_at_gap == 0 && feeder->replies > BUSY_REPLIES &&
        2 * feeder->crowded > feeder->replies)
        feeder->entries_at_gap = feeder->entries;
}

static int64_t block_ms(const struct wafer_redis_feeder *feeder)
{
    int64_t left_ms = feeder->beat_due_ms - wafer_moment_steady();

    if (!may_write(feeder) || left_ms > BLOCK_MS)
        return BLOCK_MS;
    return left_ms > 1 ? left_ms : 1;
}

static bool read_on(struct wafer_redis_feeder *feeder)
{
    int64_t wait_ms = block_ms(feeder);
    int64_t deadline_ms = wafer_moment_steady() + wait_ms + WAFER_FEEDER_PATIENCE_MS;
    struct wafer_trouble trouble = {.lost = false};
    int64_t asked_ms = wafer_feeder_now(feeder);
    struct wafer_stream_page page;
    bool good;

    if (asked_ms < 0)
        return false;
    if (!wafer_stream_ask(&feeder->connection, &feeder->progress.last, WAFER_STREAM_COUNT, wait_ms,
                          &trouble) ||
        !wafer_connection_send(&feeder->connection, deadline_ms, &trouble) ||
        !wafer_stream_receive(&feeder->connection, WAFER_STREAM_COUNT, deadline_ms, &page,
                              &trouble)) {
        wafer_feeder_troubled(feeder, trouble.text);
        return false;
    }
    good = wafer_feeder_mirror(feeder, &page, asked_ms);
    count_reply(feeder, page.count);
    if (good && feeder->entries_at_gap > 0 && page.count < page.asked)
        wafer_feeder_nap(feeder, GAP_MS);
    wafer_stream_page_free(&page);
    return good;
}

void wafer_feeder_follow(struct wafer_redis_feeder *feeder)
{
    feeder->second_ms = wafer_moment_steady();
    feeder->probe_due_ms = feeder->second_ms + PROBE_MS;
    /* The first heartbeat soon: it tells the others the retention, and this one that all is
     * well. */
    feeder->beat_due_ms = feeder->second_ms + (int64_t)wafer_moment_spread(200);
    feeder->replies = feeder->crowded = feeder->entries = feeder->entries_at_gap = 0;
    while (wafer_feeder_alive(feeder))
        if (!write_what_is_due(feeder) || !look_around(feeder) || !read_on(feeder))
            return;
}
