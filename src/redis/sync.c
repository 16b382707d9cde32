#include "feeder.h"

#include <string.h>

#include "queue.h"

/* So much of what was read last is read again after connecting. */
#define OVERLAP_MS 100

#define LOST_PAUSE_MS     1000
#define SYNC_PAUSE_MIN_MS 30000
#define SYNC_PAUSE_MAX_MS 600000

#define GIVING_ROUNDS 3

static bool fail(struct wafer_redis_feeder *feeder, const struct wafer_trouble *trouble)
{
    wafer_feeder_troubled(feeder, trouble->text);
    return false;
}

/* ---- Reading to the end ---- */

static bool ask(struct wafer_redis_feeder *feeder, const struct wafer_stream_id *after,
                struct wafer_trouble *trouble)
{
    return wafer_feeder_ask(feeder, after, WAFER_STREAM_PAGE, 0,
                            wafer_moment_steady() + WAFER_FEEDER_PATIENCE_MS, trouble);
}

/* Redis looks for the next page while this one goes into the table. */
static bool read_to_end(struct wafer_redis_feeder *feeder)
{
    struct wafer_trouble trouble = {.lost = false};
    bool more = true;

    if (!ask(feeder, &feeder->progress.last, &trouble))
        return fail(feeder, &trouble);
    while (more) {
        struct wafer_stream_page page;
        struct wafer_stream_item item;
        bool good = true;

        if (!wafer_feeder_alive(feeder))
            return false;
        if (!wafer_feeder_receive(feeder, wafer_moment_steady() + WAFER_FEEDER_PATIENCE_MS, &page,
                                  &trouble))
            return fail(feeder, &trouble);
        more = page.count == page.asked;
        if (more)
            good = wafer_stream_item(&page, page.count - 1, &item) &&
                   ask(feeder, &item.id, &trouble);
        if (!good)
            wafer_feeder_troubled(feeder, *trouble.text != '\0' ? trouble.text
                                                                : "Redis sent no page of a stream");
        good = good && wafer_feeder_mirror(feeder, &page, 0);
        wafer_stream_page_free(&page);
        if (!good)
            return false;
    }
    return true;
}

/* ---- The whole ---- */

static bool publish(struct wafer_redis_feeder *feeder, const wafer_revocation *entries,
                    size_t count, struct wafer_trouble *trouble)
{
    static _Thread_local uint8_t records[WAFER_QUEUE_PIECE][WAFER_WIRE_SIZE];
    int64_t begun_ms = wafer_moment_steady();
    size_t added = 0;
    bool done;

    for (size_t i = 0; i < count; i++) {
        const struct wafer_wire_record record = {.entry = entries[i]};
        wafer_wire_write(feeder->access->key, &record, records[i]);
    }
    done = wafer_stream_publish(&feeder->connection, (const uint8_t(*)[WAFER_WIRE_SIZE])records,
                                count, begun_ms + WAFER_FEEDER_PATIENCE_MS, &added, trouble);
    if (done || trouble->lost)
        wafer_feeder_sent_piece(feeder, done, wafer_moment_steady() - begun_ms);
    (void)atomic_fetch_add(&feeder->state->republished, added);
    (void)atomic_fetch_add(&feeder->state->published, added);
    return done;
}

/* Other machines give back at the same time, so what they gave already is read before each piece.
 * In *refused: Redis takes nothing now. */
static bool give_round(struct wafer_redis_feeder *feeder, bool *refused)
{
    static _Thread_local wafer_revocation entries[WAFER_QUEUE_PIECE];
    struct wafer_trouble trouble = {.lost = false};
    size_t count;

    wafer_lacking_begin(feeder->lacking);
    do {
        if (!read_to_end(feeder))
            return false;
        count = wafer_lacking_next(feeder->lacking, entries, wafer_feeder_piece(feeder));
        if (count > 0 && !publish(feeder, entries, count, &trouble)) {
            wafer_feeder_troubled(feeder, trouble.text);
            *refused = true;
            return !trouble.lost && !trouble.read_too;
        }
    } while (count > 0);
    return true;
}

/* Gives the stream back what it lost. That is done when it was read again: the stream may be lost
 * once more meanwhile. */
static bool give_back(struct wafer_redis_feeder *feeder)
{
    bool refused = false;

    if (wafer_lacking_count(feeder->lacking) > 0)
        wafer_feeder_nap(feeder, (int64_t)wafer_moment_spread(300));
    for (unsigned round = 0; wafer_lacking_count(feeder->lacking) > 0; round++) {
        if (refused || round == GIVING_ROUNDS) {
            feeder->again = true;
            return true;
        }
        if (!give_round(feeder, &refused))
            return false;
    }
    return true;
}

static bool begin_lacking(struct wafer_redis_feeder *feeder)
{
    wafer_revocations_status status;
    int64_t now_ms = wafer_feeder_now(feeder);
    wafer_result result;

    if (now_ms < 0)
        return false;
    result = wafer_revocations_look(feeder->table, &status);
    if (result == WAFER_OK)
        result = wafer_lacking_new(feeder->table, now_ms - status.retention_ms - 3 * status.skew_ms,
                                   &feeder->lacking);
    if (result != WAFER_OK)
        wafer_feeder_troubled(feeder, wafer_result_text(result));
    return result == WAFER_OK;
}

static void declare_ready(struct wafer_redis_feeder *feeder)
{
    if (atomic_exchange(&feeder->state->ready, 1) == 0 && feeder->watch != NULL)
        feeder->watch(feeder->context, WAFER_REDIS_READY, "caught up with the stream");
}

static void plan_next_sync(struct wafer_redis_feeder *feeder)
{
    if (!feeder->again) {
        feeder->sync_pause_ms = SYNC_PAUSE_MIN_MS;
        return;
    }
    feeder->sync_due_ms = wafer_moment_steady() + feeder->sync_pause_ms;
    feeder->sync_pause_ms = 2 * feeder->sync_pause_ms < SYNC_PAUSE_MAX_MS
                                ? 2 * feeder->sync_pause_ms
                                : SYNC_PAUSE_MAX_MS;
}

/* Of what may have been dropped, by a clock that is ahead of this one, nothing can be told. */
static bool may_be_dropped(struct wafer_redis_feeder *feeder, const struct wafer_stream_id *id)
{
    return id->ms <
           wafer_feeder_kept_from(feeder, feeder->progress.last.ms) + (uint64_t)feeder->skew_ms;
}

/* An entry that was read and is still there tells that the stream has not been lost since: so all
 * that was read after it is in it, and the newest of that is the next anchor. */
static bool has_anchor(struct wafer_redis_feeder *feeder, bool *has)
{
    struct wafer_progress *progress = &feeder->progress;
    struct wafer_trouble trouble = {.lost = false};

    *has = true;
    if (progress->anchor.ms != 0 &&
        !wafer_stream_has(&feeder->connection, &progress->anchor, progress->anchor_record,
                          WAFER_WIRE_SIZE, wafer_moment_steady() + WAFER_FEEDER_PATIENCE_MS, has,
                          &trouble))
        return fail(feeder, &trouble);
    return true;
}

static void move_anchor(struct wafer_redis_feeder *feeder)
{
    struct wafer_progress *progress = &feeder->progress;

    progress->anchor = progress->entry;
    memcpy(progress->anchor_record, progress->record, sizeof progress->anchor_record);
}

static void begin(struct wafer_redis_feeder *feeder)
{
    atomic_store(&feeder->state->ready, 0);
    (void)atomic_fetch_add(&feeder->state->syncs, 1);
    /* A feeder that takes over meanwhile begins anew: no run of Redis is this one. */
    feeder->progress.last = feeder->progress.entry = (struct wafer_stream_id){0, 0};
    feeder->progress.anchor = feeder->progress.entry;
    memset(feeder->progress.run_id, 0, sizeof feeder->progress.run_id);
    wafer_state_tell(feeder->state, &feeder->progress);
    feeder->incomplete = feeder->again = feeder->others_beat = feeder->beat_is_read = false;
    feeder->beat_asked_ms = 0; /* what was published before may have been lost since */
}

/* The anchor is the first entry that was read. In *same: it was there until all was read. */
static bool read_and_give_back(struct wafer_redis_feeder *feeder, bool *same)
{
    if (!read_to_end(feeder))
        return false;
    wafer_feeder_judge(feeder);
    if (!wafer_feeder_is_trusted(feeder))
        feeder->again = true;
    else if (!give_back(feeder))
        return false;
    if (!feeder->beat_is_read)
        feeder->progress.beat = (struct wafer_stream_id){0, 0};
    if (!has_anchor(feeder, same))
        return false;
    *same = *same || may_be_dropped(feeder, &feeder->progress.anchor);
    return true;
}

bool wafer_feeder_sync(struct wafer_redis_feeder *feeder)
{
    bool same = true;
    bool done;

    if (!begin_lacking(feeder))
        return false;
    begin(feeder);
    done = read_and_give_back(feeder, &same);
    wafer_lacking_free(feeder->lacking);
    feeder->lacking = NULL;
    if (!done)
        return false;
    wafer_feeder_listen_anew(feeder);
    if (!same) {
        wafer_feeder_troubled(feeder, "the stream was removed while it was read; reading it again");
        feeder->again = true;
        feeder->sync_due_ms = wafer_moment_steady() + LOST_PAUSE_MS;
        return true;
    }
    /* What Redis refused to take is given back after a restart, too: so all of it is read again. */
    if (!feeder->again)
        memcpy(feeder->progress.run_id, feeder->connection.run_id, sizeof feeder->progress.run_id);
    move_anchor(feeder);
    wafer_state_tell(feeder->state, &feeder->progress);
    plan_next_sync(feeder);
    if (wafer_feeder_is_trusted(feeder))
        declare_ready(feeder);
    return true;
}

/* ---- The rest ---- */

/* A stream that was removed and begun anew may hold the newest entry and lack those before it. An
 * anchor that was dropped as it is old looks the same; nothing much is left to be read then. */
bool wafer_feeder_probe(struct wafer_redis_feeder *feeder, bool *same)
{
    struct wafer_progress *progress = &feeder->progress;
    int64_t deadline_ms = wafer_moment_steady() + WAFER_FEEDER_PATIENCE_MS;
    struct wafer_trouble trouble = {.lost = false};
    struct wafer_stream_id last;

    *same = false;
    if (!wafer_stream_last(&feeder->connection, deadline_ms, &last, &trouble))
        return fail(feeder, &trouble);
    if (wafer_stream_compare(&last, &progress->last) < 0)
        return true;
    if (!has_anchor(feeder, same))
        return false;
    if (*same && progress->anchor.ms != 0 &&
        wafer_stream_compare(&progress->anchor, &progress->entry) != 0) {
        move_anchor(feeder);
        wafer_state_tell(feeder->state, progress);
    }
    return true;
}

/* Whether the stream can be read on from where the state says. */
static bool can_resume(struct wafer_redis_feeder *feeder, bool *can)
{
    const struct wafer_progress *progress = &feeder->progress;

    *can = false;
    if (!wafer_feeder_is_trusted(feeder) || progress->last.ms == 0 ||
        strcmp(progress->run_id, feeder->connection.run_id) != 0 ||
        !wafer_feeder_has_last_entry(feeder))
        return true;
    return wafer_feeder_probe(feeder, can);
}

bool wafer_feeder_catch_up(struct wafer_redis_feeder *feeder)
{
    bool resumes;

    if (feeder->sync_pause_ms == 0)
        feeder->sync_pause_ms = SYNC_PAUSE_MIN_MS;
    memcpy(feeder->progress.redis_version, feeder->connection.redis_version,
           sizeof feeder->progress.redis_version);
    if (!can_resume(feeder, &resumes))
        return false;
    if (!resumes)
        return wafer_feeder_sync(feeder);
    struct wafer_stream_id *last = &feeder->progress.last;
    *last = (struct wafer_stream_id){last->ms > OVERLAP_MS ? last->ms - OVERLAP_MS : 0, 0};
    if (!read_to_end(feeder))
        return false;
    declare_ready(feeder);
    return true;
}
