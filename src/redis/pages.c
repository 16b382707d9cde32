#include "feeder.h"

#include <stdio.h>

/* A page is asked for once more with a quarter of the entries until it is no larger than an answer
 * may be, and comes in its time; twice as many are asked for again while half of that would do. */
#define SHRINKS 4
#define GROWS   2

bool wafer_feeder_ask(struct wafer_redis_feeder *feeder, const struct wafer_stream_id *after,
                      size_t most, int64_t block_ms, int64_t deadline_ms,
                      struct wafer_trouble *trouble)
{
    if (feeder->page_rows == 0)
        feeder->page_rows = WAFER_STREAM_PAGE;
    feeder->asked_rows = feeder->page_rows < most ? feeder->page_rows : most;
    return wafer_stream_ask(&feeder->connection, after, feeder->asked_rows, block_ms, trouble) &&
           wafer_connection_send(&feeder->connection, deadline_ms, trouble);
}

/* An entry that alone is too large is none of ours, which are all of one size. */
static bool skip_entry(struct wafer_redis_feeder *feeder)
{
    struct wafer_stream_id id;
    char id_text[WAFER_STREAM_ID_TEXT];
    char text[256];

    if (!wafer_stream_oversized(&feeder->connection, &id) ||
        wafer_stream_compare(&id, &feeder->progress.last) <= 0)
        return false;
    feeder->progress.last = id;
    (void)atomic_fetch_add(&feeder->state->bad, 1);
    wafer_stream_id_write(&id, id_text);
    (void)snprintf(text, sizeof text,
                   "skipped an entry of the stream that is too large to be Wafer's; remove it "
                   "with: XDEL %.100s %s",
                   feeder->access->stream, id_text);
    wafer_feeder_notice(feeder, WAFER_NOTICE_LARGE, text);
    return true;
}

static void shrink(struct wafer_redis_feeder *feeder)
{
    feeder->page_rows = feeder->asked_rows < SHRINKS ? 1 : feeder->asked_rows / SHRINKS;
}

static void grow(struct wafer_redis_feeder *feeder, int64_t took_ms)
{
    if (feeder->page_rows < WAFER_STREAM_PAGE &&
        feeder->connection.received < WAFER_ANSWER_MAX / (2 * (size_t)GROWS) &&
        took_ms < WAFER_FEEDER_PATIENCE_MS / (2 * GROWS))
        feeder->page_rows *= GROWS;
    if (feeder->page_rows > WAFER_STREAM_PAGE)
        feeder->page_rows = WAFER_STREAM_PAGE;
}

static bool receive(struct wafer_redis_feeder *feeder, int64_t deadline_ms,
                    struct wafer_stream_page *page, struct wafer_trouble *trouble)
{
    return wafer_stream_receive(&feeder->connection, feeder->asked_rows, deadline_ms, page,
                                trouble);
}

bool wafer_feeder_receive(struct wafer_redis_feeder *feeder, int64_t deadline_ms,
                          struct wafer_stream_page *page, struct wafer_trouble *trouble)
{
    int64_t asked_ms = wafer_moment_steady();

    while (!receive(feeder, deadline_ms, page, trouble)) {
        bool skips = trouble->too_large && feeder->asked_rows == 1;

        if (trouble->lost && !trouble->refused && feeder->connection.received > 0)
            shrink(feeder);
        if (!trouble->too_large || !wafer_feeder_alive(feeder) || (skips && !skip_entry(feeder)))
            return false;
        asked_ms = wafer_moment_steady();
        deadline_ms = asked_ms + WAFER_FEEDER_PATIENCE_MS;
        if (!wafer_connection_renew(&feeder->connection, deadline_ms, trouble) ||
            !wafer_feeder_ask(feeder, &feeder->progress.last, WAFER_STREAM_PAGE, 0, deadline_ms,
                              trouble))
            return false;
    }
    grow(feeder, wafer_moment_steady() - asked_ms);
    return true;
}
