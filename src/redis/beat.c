#include "feeder.h"

#define QUIET_MS      1000 /* after a heartbeat nobody sends one */
#define WINDOW_MS     500
#define SPREAD_MIN_MS WINDOW_MS
#define SPREAD_MAX_MS 64000

/* Nobody leads: whoever waited longest sends the next one, and the others, who hear it, wait again.
 * Among many hosts two are likely to be as quick as each other, so the more of them collide, the
 * fewer try in the first half a second; the rest does in the second one, if nobody did. */
void wafer_feeder_beats_came(struct wafer_redis_feeder *feeder, unsigned beats)
{
    int64_t steady_ms = wafer_moment_steady();
    int64_t since_ms = steady_ms - feeder->beat_seen_ms;
    int64_t wait_ms;

    if (feeder->beat_spread_ms < SPREAD_MIN_MS)
        feeder->beat_spread_ms = SPREAD_MIN_MS;
    if ((beats > 1 || since_ms < WINDOW_MS) && feeder->beat_spread_ms < SPREAD_MAX_MS)
        feeder->beat_spread_ms *= 2;
    else if (since_ms > QUIET_MS + WINDOW_MS && feeder->beat_spread_ms > SPREAD_MIN_MS)
        feeder->beat_spread_ms /= 2;
    wait_ms = (int64_t)wafer_moment_spread((uint64_t)feeder->beat_spread_ms);
    if (wait_ms >= WINDOW_MS)
        wait_ms = WINDOW_MS + (int64_t)wafer_moment_spread(WINDOW_MS);
    feeder->beat_seen_ms = steady_ms;
    feeder->beat_due_ms = steady_ms + QUIET_MS + wait_ms;
}

/* By the clock of Redis, which made the ids, or by this machine's, whichever is behind: one that is
 * ahead drops nothing too early. */
uint64_t wafer_feeder_kept_from(struct wafer_redis_feeder *feeder, uint64_t last_ms)
{
    wafer_revocations_status status;
    int64_t now_ms;
    uint64_t kept_ms;

    if (!wafer_moment_now(&feeder->table_settings, &now_ms) ||
        wafer_revocations_look(feeder->table, &status) != WAFER_OK)
        return 0;
    if (last_ms > (uint64_t)now_ms)
        last_ms = (uint64_t)now_ms;
    kept_ms = (uint64_t)(status.retention_ms + 4 * status.skew_ms);
    return last_ms > kept_ms ? last_ms - kept_ms : 0;
}

bool wafer_feeder_beat(struct wafer_redis_feeder *feeder, struct wafer_trouble *trouble)
{
    struct wafer_wire_record record = {.heartbeat = true};
    uint8_t bytes[WAFER_WIRE_SIZE];
    wafer_revocations_status status;
    int64_t now_ms = wafer_feeder_now(feeder);
    uint64_t kept_ms = wafer_feeder_kept_from(feeder, feeder->progress.last.ms);
    bool was_dropped = feeder->progress.beat.ms < kept_ms + (uint64_t)feeder->skew_ms;
    bool missed;
    bool sent;

    if (now_ms < 0 || wafer_revocations_look(feeder->table, &status) != WAFER_OK)
        return wafer_connection_confused(trouble, "the clock or the table cannot be used");
    record.entry.at_ms = now_ms;
    record.retention_ms = status.retention_ms;
    wafer_wire_write(feeder->access->key, &record, bytes);
    sent = wafer_stream_beat(&feeder->connection, bytes, kept_ms,
                             wafer_moment_steady() + WAFER_FEEDER_PATIENCE_MS,
                             &feeder->progress.beat, &missed, trouble);
    /* Also when Redis takes no new one: the one before is removed all the same. */
    wafer_state_tell(feeder->state, &feeder->progress);
    /* What came in between may be lost as well, though nobody has read it. */
    if (missed && !was_dropped) {
        feeder->again = true;
        feeder->sync_due_ms = 0;
    }
    if (!sent)
        return false;
    if (*trouble->text != '\0' && !feeder->keeps_beats) {
        feeder->keeps_beats = true;
        wafer_feeder_troubled(feeder, trouble->text);
    }
    /* Until it comes back over the stream. */
    feeder->beat_due_ms = wafer_moment_steady() + QUIET_MS + WINDOW_MS;
    return true;
}
