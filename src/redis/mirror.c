#include "feeder.h"

#include <stdio.h>
#include <string.h>

/* Entries that the table is given at once. */
#define BATCH 256

/* A page on its way into the table. */
struct mirroring {
    struct wafer_redis_feeder *feeder;
    int64_t asked_ms;
    int64_t now_ms;
    struct wafer_progress progress; /* where the feeder is when all of it is in the table */
    wafer_revocation batch[BATCH];
    size_t batched;
    unsigned beats;                /* heartbeats that there were */
    struct wafer_wire_record beat; /* the last one */
};

/* ---- Into the table ---- */

/* One entry that the table does not take must not keep out those behind it. */
static bool flush(struct mirroring *mirroring)
{
    struct wafer_redis_feeder *feeder = mirroring->feeder;
    size_t done = 0;

    while (done < mirroring->batched) {
        size_t taken = 0;
        wafer_result result = wafer_revocations_apply_all(feeder->table, mirroring->now_ms,
                                                          mirroring->batch + done,
                                                          mirroring->batched - done, &taken);
        done += taken;
        (void)atomic_fetch_add(&feeder->state->applied, taken);
        if (result == WAFER_OK)
            break;
        if (result != WAFER_LIST_FULL) {
            wafer_feeder_troubled(feeder, "the table takes nothing: the disk is full, or its lock "
                                          "or the clock cannot be used");
            return false;
        }
        (void)atomic_fetch_add(&feeder->state->full, 1);
        feeder->incomplete = feeder->again = true;
        /* Whoever goes on from here, after a restart too, reads all of it again. */
        memset(feeder->progress.run_id, 0, sizeof feeder->progress.run_id);
        wafer_feeder_troubled(feeder,
                              "the table is full, so it counts as stale from now on; stop what "
                              "uses it, remove it and start with a larger capacity");
        done++;
    }
    mirroring->batched = 0;
    return true;
}

static void skip(struct mirroring *mirroring, const char *why)
{
    char text[200];

    (void)atomic_fetch_add(&mirroring->feeder->state->bad, 1);
    (void)snprintf(text, sizeof text, "skipped an entry of the stream: %s", why);
    wafer_feeder_troubled(mirroring->feeder, text);
}

/* Before there is an anchor, the first entry is one: before it nothing was there to be lost. */
static void keep_anchor(struct wafer_progress *progress)
{
    if (progress->anchor.ms != 0)
        return;
    progress->anchor = progress->entry;
    memcpy(progress->anchor_record, progress->record, sizeof progress->anchor_record);
}

static bool take_entry(struct mirroring *mirroring, const struct wafer_stream_item *item,
                       const struct wafer_wire_record *record)
{
    struct wafer_redis_feeder *feeder = mirroring->feeder;

    mirroring->progress.entry = item->id;
    memcpy(mirroring->progress.record, item->bytes, WAFER_WIRE_SIZE);
    keep_anchor(&mirroring->progress);
    if (feeder->lacking != NULL)
        wafer_lacking_found(feeder->lacking, &record->entry);
    mirroring->batch[mirroring->batched++] = record->entry;
    return mirroring->batched < BATCH || flush(mirroring);
}

static bool take_item(struct mirroring *mirroring, const struct wafer_stream_item *item)
{
    struct wafer_redis_feeder *feeder = mirroring->feeder;
    struct wafer_wire_record record;
    enum wafer_wire_fault fault;

    if (item->bytes == NULL) {
        skip(mirroring, "it has other fields than ours");
        return true;
    }
    fault = wafer_wire_read(feeder->access->key, item->bytes, item->length, mirroring->now_ms,
                            feeder->skew_ms, &record);
    if (fault == WAFER_WIRE_AHEAD) {
        feeder->again = true;
        wafer_feeder_troubled(feeder, "an entry has a later time than sound clocks make; it is in "
                                      "effect as of now, but a machine's clock is wrong");
    } else if (fault != WAFER_WIRE_GOOD) {
        skip(mirroring, wafer_wire_fault_text(fault));
        return true;
    }
    if (!record.heartbeat)
        return take_entry(mirroring, item, &record);
    mirroring->beats++;
    mirroring->beat = record;
    return true;
}

/* ---- Heartbeats ---- */

/* All that was published before it is in the table, if the page reached to the stream's end. */
static void take_beat(struct mirroring *mirroring, bool reaches_end)
{
    struct wafer_redis_feeder *feeder = mirroring->feeder;
    int64_t off_ms = mirroring->beat.entry.at_ms - mirroring->now_ms;
    wafer_revocations_status status;

    wafer_feeder_beats_came(feeder, mirroring->beats);
    /* The longest retention of all machines counts: the stream is trimmed by it. */
    if (wafer_revocations_look(feeder->table, &status) == WAFER_OK) {
        if (mirroring->beat.retention_ms > status.retention_ms)
            (void)!wafer_revocations_retain(feeder->table, mirroring->beat.retention_ms);
        else if (mirroring->beat.retention_ms < status.retention_ms)
            feeder->beat_due_ms = wafer_moment_steady() + (int64_t)wafer_moment_spread(200);
    }
    if (off_ms > 2 * feeder->skew_ms || off_ms < -2 * feeder->skew_ms) {
        if (reaches_end)
            wafer_feeder_troubled(feeder, "a heartbeat is off by more than two skews: a machine's "
                                          "clock is wrong, maybe this one's");
        return;
    }
    if (!reaches_end || feeder->incomplete || feeder->lacking != NULL)
        return;
    if (mirroring->asked_ms > 0 && atomic_load(&feeder->state->ready) != 0) {
        atomic_store_explicit(&feeder->state->as_of_ms, mirroring->asked_ms, memory_order_release);
        wafer_feeder_is_good(feeder);
    }
}

bool wafer_feeder_mirror(struct wafer_redis_feeder *feeder, const struct wafer_stream_page *page,
                         int64_t asked_ms)
{
    struct mirroring mirroring = {.feeder = feeder,
                                  .asked_ms = asked_ms,
                                  .progress = feeder->progress};

    mirroring.now_ms = wafer_feeder_now(feeder);
    if (mirroring.now_ms < 0)
        return false;
    for (size_t i = 0; i < page->count; i++) {
        struct wafer_stream_item item;
        if (!wafer_stream_item(page, i, &item) ||
            wafer_stream_compare(&item.id, &mirroring.progress.last) <= 0) {
            wafer_feeder_troubled(feeder, "Redis answered what cannot be: ids out of order");
            return false;
        }
        mirroring.progress.last = item.id;
        if (!take_item(&mirroring, &item))
            return false;
    }
    if (!flush(&mirroring))
        return false;
    /* Trouble that was told meanwhile stands in the feeder's own. */
    feeder->progress.last = mirroring.progress.last;
    feeder->progress.entry = mirroring.progress.entry;
    memcpy(feeder->progress.record, mirroring.progress.record, sizeof feeder->progress.record);
    feeder->progress.anchor = mirroring.progress.anchor;
    memcpy(feeder->progress.anchor_record, mirroring.progress.anchor_record,
           sizeof feeder->progress.anchor_record);
    if (page->count > 0)
        wafer_state_tell(feeder->state, &feeder->progress);
    if (mirroring.beats > 0)
        take_beat(&mirroring, page->count < page->asked);
    return true;
}

/* ---- Is it the table it was? ---- */

static bool refuses(struct wafer_redis_feeder *feeder, const wafer_revocation *entry,
                    int64_t now_ms)
{
    wafer_revocation_query query = {.id = entry->key,
                                    .login_at_ms = WAFER_TIME_MAX_MS,
                                    .now_ms = now_ms,
                                    .renewals = WAFER_RENEWALS_MAX};
    wafer_standing standing = WAFER_STANDS;

    if (entry->kind == WAFER_REVOKE_COPIES)
        query.renewals = entry->renewals > 0 ? entry->renewals - 1 : 0;
    return wafer_revocations_check(feeder->table, &query, &standing) == WAFER_OK &&
           (standing != WAFER_STANDS ||
            (entry->kind == WAFER_REVOKE_COPIES && entry->renewals == 0));
}

bool wafer_feeder_has_last_entry(struct wafer_redis_feeder *feeder)
{
    struct wafer_wire_record record;
    wafer_revocations_status status;
    int64_t now_ms = wafer_feeder_now(feeder);
    int64_t not_before_ms = 0;

    if (feeder->progress.entry.ms == 0)
        return true;
    if (now_ms < 0 || wafer_revocations_look(feeder->table, &status) != WAFER_OK ||
        wafer_wire_read(feeder->access->key, feeder->progress.record, WAFER_WIRE_SIZE, now_ms,
                        feeder->skew_ms, &record) != WAFER_WIRE_GOOD ||
        record.heartbeat)
        return false;
    if (record.entry.at_ms < now_ms - status.retention_ms - 3 * status.skew_ms)
        return true; /* it may have been dropped */
    if (record.entry.kind == WAFER_REVOKE_SESSION || record.entry.kind == WAFER_REVOKE_COPIES)
        return refuses(feeder, &record.entry, now_ms);
    const uint8_t *subject = record.entry.kind == WAFER_REVOKE_SUBJECT ? record.entry.key : NULL;
    return wafer_revocations_not_before(feeder->table, subject, &not_before_ms) == WAFER_OK &&
           not_before_ms >= record.entry.at_ms;
}
