#include "feeder.h"

#include <string.h>
#include <unistd.h>

#include "queue.h"

#define BLOCK_MS        200
#define PROBE_MS        5000
#define WRITE_PAUSE_MIN 100
#define WRITE_PAUSE_MAX 5000
#define GAP_MS          100
#define BUSY_MS         200
#define BUSY_REPLIES    5 /* in so long */
#define QUEUE_PAUSE_MS  5000
#define QUEUE_WAIT_MS   10000
#define GIVE_BACK_MS    2000

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

/* ---- The queue ---- */

/* After an outage many machines send theirs: each reads what came before it sends more, so that
 * nobody falls behind; but for a piece now and then, so that nobody waits for ever. */
static bool queue_is_due(const struct wafer_redis_feeder *feeder)
{
    int64_t steady_ms = wafer_moment_steady();

    return may_write(feeder) && steady_ms >= feeder->queue_not_before_ms &&
           (!feeder->behind || steady_ms >= feeder->queue_sent_ms + QUEUE_WAIT_MS) &&
           wafer_queue_length(feeder->site) > 0;
}

static void queue_failed(struct wafer_redis_feeder *feeder, const char *text)
{
    wafer_feeder_troubled(feeder, text);
    feeder->queue_not_before_ms = wafer_moment_steady() + QUEUE_PAUSE_MS;
}

size_t wafer_feeder_piece(const struct wafer_redis_feeder *feeder)
{
    return feeder->piece > 0 ? feeder->piece : WAFER_QUEUE_PIECE;
}

/* A piece that did not get through in its time is halved; they grow again while it is ample. */
void wafer_feeder_sent_piece(struct wafer_redis_feeder *feeder, bool got_through, int64_t took_ms)
{
    size_t rows = wafer_feeder_piece(feeder);

    if (got_through && took_ms < WAFER_FEEDER_PATIENCE_MS / 4)
        rows *= 2;
    else if (!got_through && rows > 1)
        rows /= 2;
    feeder->piece = rows < WAFER_QUEUE_PIECE ? rows : WAFER_QUEUE_PIECE;
}

/* What cannot be published as it was queued is in the table all the same; once all of the queue is
 * sent, what the stream then lacks is found by reading all of it, after a restart too. */
static void give_back_soon(struct wafer_redis_feeder *feeder)
{
    if (!feeder->again)
        feeder->sync_due_ms = wafer_moment_steady() + GIVE_BACK_MS;
    feeder->again = true;
    memset(feeder->progress.run_id, 0, sizeof feeder->progress.run_id);
}

static void cut_queue(struct wafer_redis_feeder *feeder, struct wafer_queue_piece *piece,
                      size_t sent)
{
    wafer_error error;
    size_t damaged;

    if (!wafer_queue_cut(feeder->site, piece, sent, &damaged, &error))
        queue_failed(feeder, error.text);
    if (damaged == 0)
        return;
    (void)atomic_fetch_add(&feeder->state->bad, damaged);
    give_back_soon(feeder);
    wafer_feeder_troubled(feeder, "the queue held entries that are damaged, or of another secret "
                                  "or stream; they are published from the table instead");
}

static bool publish_queue(struct wafer_redis_feeder *feeder)
{
    static _Thread_local struct wafer_queue_piece piece;
    struct wafer_trouble trouble = {.lost = false};
    int64_t begun_ms = wafer_moment_steady();
    wafer_error error;
    size_t sent = 0;
    bool done;

    if (!wafer_queue_take(feeder->site, feeder->access->key, wafer_feeder_piece(feeder), &piece,
                          &error)) {
        queue_failed(feeder, error.text);
        return true;
    }
    done = wafer_stream_publish(&feeder->connection,
                                (const uint8_t(*)[WAFER_WIRE_SIZE])piece.records, piece.count,
                                wafer_moment_steady() + WAFER_FEEDER_PATIENCE_MS, &sent, &trouble);
    (void)atomic_fetch_add(&feeder->state->published, sent);
    cut_queue(feeder, &piece, sent);
    feeder->queue_sent_ms = wafer_moment_steady();
    if (done || trouble.lost)
        wafer_feeder_sent_piece(feeder, done, feeder->queue_sent_ms - begun_ms);
    if (!done)
        return write_failed(feeder, &trouble);
    feeder->write_pause_ms = 0;
    return true;
}

static bool write_what_is_due(struct wafer_redis_feeder *feeder)
{
    if (!wafer_feeder_is_trusted(feeder))
        return true;
    if (queue_is_due(feeder) && !publish_queue(feeder))
        return false;
    return !may_write(feeder) || wafer_moment_steady() < feeder->beat_due_ms || beat(feeder);
}

/* ---- Is it still the stream, and the table? ---- */

static bool look_around(struct wafer_redis_feeder *feeder)
{
    int64_t steady_ms = wafer_moment_steady();
    bool same = true;

    if (feeder->again && wafer_feeder_is_trusted(feeder) && steady_ms >= feeder->sync_due_ms)
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
 * as soon as it shows, and stays so until only half as many come in BUSY_MS as showed it. */
static void count_reply(struct wafer_redis_feeder *feeder, size_t entries)
{
    int64_t steady_ms = wafer_moment_steady();

    if (steady_ms - feeder->busy_from_ms >= BUSY_MS) {
        if (feeder->entries < feeder->entries_at_gap / 2)
            feeder->entries_at_gap = 0;
        feeder->busy_from_ms = steady_ms;
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

    if (feeder->behind)
        return 0;
    if (!wafer_feeder_is_trusted(feeder) || !may_write(feeder) || left_ms > BLOCK_MS)
        return BLOCK_MS;
    return left_ms > 1 ? left_ms : 1;
}

static bool read_on(struct wafer_redis_feeder *feeder)
{
    int64_t wait_ms = block_ms(feeder);
    int64_t begun_ms = wafer_moment_steady();
    int64_t deadline_ms = begun_ms + wait_ms + WAFER_FEEDER_PATIENCE_MS;
    struct wafer_trouble trouble = {.lost = false};
    int64_t asked_ms = wafer_feeder_now(feeder);
    size_t most = feeder->behind ? WAFER_STREAM_PAGE : WAFER_STREAM_COUNT;
    struct wafer_stream_page page;
    bool good;

    if (asked_ms < 0)
        return false;
    if (!wafer_feeder_ask(feeder, &feeder->progress.last, most, wait_ms, deadline_ms, &trouble) ||
        !wafer_feeder_receive(feeder, deadline_ms, &page, &trouble)) {
        wafer_feeder_troubled(feeder, trouble.text);
        return false;
    }
    good = wafer_feeder_mirror(feeder, &page, asked_ms);
    count_reply(feeder, page.count);
    feeder->behind = page.count == page.asked;
    if (good && !feeder->behind)
        wafer_feeder_pass_time(feeder, begun_ms);
    if (good && feeder->entries_at_gap > 0 && page.count < page.asked && !queue_is_due(feeder))
        wafer_feeder_nap(feeder, GAP_MS);
    wafer_stream_page_free(&page);
    return good;
}

void wafer_feeder_follow(struct wafer_redis_feeder *feeder)
{
    feeder->busy_from_ms = wafer_moment_steady();
    feeder->probe_due_ms = feeder->busy_from_ms + PROBE_MS;
    /* The first heartbeat soon: it tells the others the retention, and this one that all is
     * well. */
    feeder->beat_due_ms = feeder->busy_from_ms + (int64_t)wafer_moment_spread(200);
    feeder->replies = feeder->crowded = feeder->entries = feeder->entries_at_gap = 0;
    feeder->behind = false;
    feeder->beat_asked_ms = 0;
    wafer_feeder_listen_anew(feeder);
    while (wafer_feeder_alive(feeder))
        if (!write_what_is_due(feeder) || !look_around(feeder) || !read_on(feeder))
            return;
}
