#include "feeder.h"

#include <stdio.h>
#include <string.h>

/* Entries that the table is given at once. */
#define BATCH 256

/* Whoever writes to the stream must not fill the log: of each kind of entry it is told so often. */
#define NOTICE_PAUSE_MS 60000

/* A page on its way into the table. */
struct mirroring {
    struct wafer_redis_feeder *feeder;
    int64_t asked_ms;
    int64_t now_ms;
    struct wafer_progress progress; /* where the feeder is when all of it is in the table */
    uint64_t anchor_from_ms;        /* an earlier entry may soon be dropped */
    wafer_revocation batch[BATCH];
    size_t batched;
    unsigned notices;     /* what there is to say, a bit each */
    unsigned beats;       /* heartbeats of this secret */
    bool current;         /* one of them is not off by more than two skews */
    int64_t retention_ms; /* the longest that such a one tells */
    bool others;          /* heartbeats of another secret */
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

/* ---- What there is to say ---- */

static void skip(struct mirroring *mirroring, unsigned notice)
{
    (void)atomic_fetch_add(&mirroring->feeder->state->bad, 1);
    mirroring->notices |= 1U << notice;
}

static void write_notice(unsigned notice, char *text, size_t room)
{
    static const char *const sentences[WAFER_NOTICES] = {
        [WAFER_WIRE_AHEAD] = "an entry has a later time than sound clocks make; it is in effect as "
                             "of now, but a machine's clock is wrong",
        [WAFER_NOTICE_FIELDS] = "skipped an entry of the stream: it has other fields than ours",
        [WAFER_NOTICE_SECRET] = "heartbeats come that are signed with another secret: a machine "
                                "has another one than this and is to get a copy, or a stranger "
                                "writes to the stream",
        [WAFER_NOTICE_CLOCK] = "a heartbeat is off by more than two skews: a machine's clock is "
                               "wrong, maybe this one's",
        [WAFER_NOTICE_RETENTION] = "a machine keeps entries for longer than this one, which from "
                                   "now on does so too: is its retention right?",
    };

    if (sentences[notice] != NULL)
        (void)snprintf(text, room, "%s", sentences[notice]);
    else
        (void)snprintf(text, room, "skipped an entry of the stream: %s",
                       wafer_wire_fault_text((enum wafer_wire_fault)notice));
}

void wafer_feeder_notice(struct wafer_redis_feeder *feeder, unsigned notice, const char *text)
{
    int64_t steady_ms = wafer_moment_steady();
    int64_t *told_ms = &feeder->noticed_ms[notice];

    if (*told_ms != 0 && steady_ms - *told_ms < NOTICE_PAUSE_MS) {
        wafer_feeder_noted(feeder, text);
        return;
    }
    *told_ms = steady_ms;
    wafer_feeder_troubled(feeder, text);
}

static void tell_notices(const struct mirroring *mirroring)
{
    struct wafer_redis_feeder *feeder = mirroring->feeder;
    unsigned told = mirroring->notices;
    char text[200];

    /* Else it is said in other words, or of heartbeats that were left. */
    if (!wafer_feeder_is_trusted(feeder) || mirroring->asked_ms == 0)
        told &= ~(1U << WAFER_NOTICE_SECRET);
    if (!wafer_feeder_is_trusted(feeder))
        told &= ~(1U << WAFER_WIRE_MAC);
    for (unsigned notice = 0; notice < WAFER_NOTICES; notice++)
        if ((told & 1U << notice) != 0) {
            write_notice(notice, text, sizeof text);
            wafer_feeder_notice(feeder, notice, text);
        }
}

/* ---- Entries ---- */

/* Before there is an anchor, the first entry that is sure to stay for a while is one: what was
 * there before it is hardly needed any more. */
static void keep_anchor(struct mirroring *mirroring)
{
    struct wafer_progress *progress = &mirroring->progress;

    if (progress->anchor.ms != 0 || progress->entry.ms < mirroring->anchor_from_ms)
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
    keep_anchor(mirroring);
    if (feeder->lacking != NULL)
        wafer_lacking_found(feeder->lacking, &record->entry);
    mirroring->batch[mirroring->batched++] = record->entry;
    return mirroring->batched < BATCH || flush(mirroring);
}

static void take_beat(struct mirroring *mirroring, const struct wafer_stream_item *item,
                      const struct wafer_wire_record *record)
{
    int64_t off_ms = record->entry.at_ms - mirroring->now_ms;
    int64_t bound_ms = 2 * mirroring->feeder->skew_ms;

    wafer_feeder_hear_ours(mirroring->feeder, &item->id);
    mirroring->beats++;
    if (off_ms > bound_ms || off_ms < -bound_ms) {
        if (mirroring->asked_ms > 0) /* else it may be one that was left */
            mirroring->notices |= 1U << WAFER_NOTICE_CLOCK;
        return;
    }
    mirroring->current = true;
    if (record->retention_ms > mirroring->retention_ms)
        mirroring->retention_ms = record->retention_ms;
}

static bool take_item(struct mirroring *mirroring, const struct wafer_stream_item *item)
{
    struct wafer_redis_feeder *feeder = mirroring->feeder;
    struct wafer_wire_record record;
    enum wafer_wire_fault fault;

    if (item->bytes == NULL) {
        skip(mirroring, WAFER_NOTICE_FIELDS);
        return true;
    }
    fault = wafer_wire_read(feeder->access->key, item->bytes, item->length, mirroring->now_ms,
                            feeder->skew_ms, &record);
    if (fault == WAFER_WIRE_MAC && wafer_wire_claims_heartbeat(item->bytes, item->length)) {
        mirroring->others = true;
        skip(mirroring, WAFER_NOTICE_SECRET);
        return true;
    }
    if (fault == WAFER_WIRE_AHEAD) {
        feeder->again = true;
        mirroring->notices |= 1U << WAFER_WIRE_AHEAD;
    } else if (fault != WAFER_WIRE_GOOD) {
        skip(mirroring, fault);
        return true;
    }
    if (!record.heartbeat)
        return take_entry(mirroring, item, &record);
    take_beat(mirroring, item, &record);
    return true;
}

/* ---- Heartbeats ---- */

/* The longest retention of all machines counts: the stream is trimmed by it. Only of machines that
 * are alive, as what one that is gone was set to would be kept for ever; and wire.c takes none that
 * is longer than any list may have. */
static void take_retention(struct mirroring *mirroring)
{
    struct wafer_redis_feeder *feeder = mirroring->feeder;
    wafer_revocations_status status;

    if (mirroring->retention_ms == 0 || wafer_revocations_look(feeder->table, &status) != WAFER_OK)
        return;
    if (mirroring->retention_ms < status.retention_ms)
        feeder->beat_due_ms = wafer_moment_steady() + (int64_t)wafer_moment_spread(200);
    if (mirroring->retention_ms > status.retention_ms &&
        wafer_revocations_retain(feeder->table, mirroring->retention_ms) == WAFER_OK)
        mirroring->notices |= 1U << WAFER_NOTICE_RETENTION;
}

/* All that was published before the question that brought a heartbeat of now is in the table when a
 * page reaches to the stream's end: that one, or the first one behind it that does. */
static void take_freshness(struct mirroring *mirroring, bool reaches_end)
{
    struct wafer_redis_feeder *feeder = mirroring->feeder;
    int64_t as_of_ms;

    if (mirroring->current && mirroring->asked_ms > 0)
        feeder->beat_asked_ms = mirroring->asked_ms;
    if (!reaches_end)
        return;
    as_of_ms = feeder->beat_asked_ms;
    feeder->beat_asked_ms = 0;
    if (as_of_ms == 0 || feeder->incomplete || feeder->lacking != NULL ||
        atomic_load(&feeder->state->ready) == 0)
        return;
    atomic_store_explicit(&feeder->state->as_of_ms, as_of_ms, memory_order_release);
    wafer_feeder_is_good(feeder);
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
    mirroring.anchor_from_ms = wafer_feeder_kept_from(feeder, UINT64_MAX) +
                               2 * (uint64_t)feeder->skew_ms;
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
    if (mirroring.others)
        wafer_feeder_hear_others(feeder, asked_ms > 0);
    if (mirroring.beats > 0) {
        wafer_feeder_beats_came(feeder, mirroring.beats);
        take_retention(&mirroring);
    }
    take_freshness(&mirroring, page->count < page->asked);
    tell_notices(&mirroring);
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
