#include "table_revoke.h"

#include "clock.h"

/* A full table in which something falls due at every moment is not rebuilt at every insert. */
#define PURGE_PAUSE_MS 1000

/* So many entries ahead the memory for one is fetched: as long as that takes. */
#define FETCHED_AHEAD 8

static int64_t larger(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

static int64_t smaller(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

/* The latest time that an entry may have. */
static int64_t horizon(struct wafer_table *table, int64_t now_ms)
{
    return smaller(now_ms + 2 * table->fixed.skew_ms, WAFER_TIME_MAX_MS);
}

/* Entries with an earlier time are needed no more. */
static int64_t keep_from(struct wafer_table *table, int64_t now_ms)
{
    return now_ms - wafer_table_retention(table) - 3 * table->fixed.skew_ms;
}

static bool is_acceptable(struct wafer_table *table, int64_t now_ms, const wafer_revocation *entry)
{
    if (!wafer_is_time(now_ms) || entry->at_ms < 0 || entry->at_ms > horizon(table, now_ms))
        return false;
    switch (entry->kind) {
    case WAFER_REVOKE_SESSION:
    case WAFER_REVOKE_SUBJECT:
    case WAFER_REVOKE_EVERYONE:
        return true;
    case WAFER_REVOKE_COPIES:
        return entry->renewals <= WAFER_RENEWALS_MAX;
    }
    return false;
}

/* The not-before for "now": later than clocks that are ahead and than the login times that came of
 * `previous_ms`. False when that lies beyond the horizon. */
static bool choose_not_before(struct wafer_table *table, int64_t now_ms, int64_t previous_ms,
                              int64_t *at_ms)
{
    *at_ms = larger(now_ms + table->fixed.skew_ms, previous_ms) + 1;
    return *at_ms <= horizon(table, now_ms);
}

static wafer_result revoke_everyone(struct wafer_table *table, int64_t now_ms, int64_t *at_ms)
{
    int64_t previous_ms = wafer_table_not_before(table);

    if (*at_ms == 0) {
        /* A subject's not-before that the clock has yet to catch up with must not keep everyone's
         * from being set. */
        int64_t login_ms = smaller(table->header->newest_subject_ms, horizon(table, now_ms) - 1);
        if (!choose_not_before(table, now_ms, larger(previous_ms, login_ms), at_ms))
            return WAFER_UNAVAILABLE;
    }
    if (*at_ms > previous_ms && *at_ms >= keep_from(table, now_ms))
        wafer_table_set_times(table, *at_ms, wafer_table_retention(table));
    return WAFER_OK;
}

/* What the table is to say of a session from now on. */
static struct wafer_table_value merge(const struct wafer_table_value *previous,
                                      const struct wafer_table_value *added)
{
    struct wafer_table_value merged = *added;

    if (previous->kind == WAFER_TABLE_COPIES && added->kind == WAFER_TABLE_COPIES) {
        if (previous->renewals > added->renewals)
            return *previous;
        /* Of one renewal told twice the earlier time stands, in whatever order they come: nothing
         * may prolong its grace. */
        if (previous->renewals == added->renewals)
            merged.at_ms = smaller(previous->at_ms, added->at_ms);
        return merged;
    }
    merged.at_ms = larger(previous->at_ms, added->at_ms);
    if (previous->kind == WAFER_TABLE_SESSION) {
        merged.kind = WAFER_TABLE_SESSION;
        merged.renewals = 0;
    }
    return merged;
}

static bool has_room(const struct wafer_table *table, bool subject)
{
    uint64_t capacity = table->fixed.capacity;
    uint64_t entries = atomic_load(&table->header->entries);

    return entries < capacity &&
           (subject || entries - table->header->subjects < capacity - capacity / 8);
}

/* If the clock went back, the last time says nothing. */
static bool may_purge(const struct wafer_table *table, int64_t now_ms)
{
    int64_t last_ms = table->header->rebuilt_at_ms;

    return now_ms < last_ms || now_ms - last_ms >= PURGE_PAUSE_MS;
}

/* False when there is no room on the disk for it. */
static bool rebuild(struct wafer_table *table, int64_t now_ms, size_t *dropped)
{
    table->header->rebuilt_at_ms = now_ms;
    return wafer_table_rebuild(table, keep_from(table, now_ms), dropped) == 0;
}

static wafer_result make_room(struct wafer_table *table, int64_t now_ms, bool subject)
{
    size_t dropped;

    if (!has_room(table, subject) && table->header->oldest_ms < keep_from(table, now_ms) &&
        may_purge(table, now_ms) && !rebuild(table, now_ms, &dropped))
        return WAFER_SYSTEM;
    if (!has_room(table, subject))
        return WAFER_LIST_FULL;
    if (wafer_table_is_crowded(table) && !rebuild(table, now_ms, &dropped))
        return WAFER_SYSTEM;
    return WAFER_OK;
}

/* Drops what is overdue. Without room on the disk to do so it stays a while longer. */
static void drop_overdue(struct wafer_table *table, int64_t now_ms)
{
    size_t dropped;

    if (table->header->oldest_ms < keep_from(table, now_ms) - wafer_table_retention(table) / 8 &&
        may_purge(table, now_ms))
        (void)rebuild(table, now_ms, &dropped);
}

static struct wafer_table_value value_of(const wafer_revocation *entry)
{
    switch (entry->kind) {
    case WAFER_REVOKE_SUBJECT:
        return (struct wafer_table_value){WAFER_TABLE_SUBJECT, entry->at_ms, 0};
    case WAFER_REVOKE_COPIES:
        return (struct wafer_table_value){WAFER_TABLE_COPIES, entry->at_ms, entry->renewals};
    default:
        return (struct wafer_table_value){WAFER_TABLE_SESSION, entry->at_ms, 0};
    }
}

static wafer_result revoke_key(struct wafer_table *table, int64_t now_ms,
                               const wafer_revocation *entry, int64_t *at_ms)
{
    int64_t keep_from_ms = keep_from(table, now_ms);
    struct wafer_table_value added = value_of(entry);
    bool subject = added.kind == WAFER_TABLE_SUBJECT;
    struct wafer_table_name name = wafer_table_name(table, entry->key, subject);
    struct wafer_table_value previous;

    drop_overdue(table, now_ms);
    bool known = wafer_table_find(table, &name, &previous);
    if (*at_ms == 0 && added.kind == WAFER_TABLE_COPIES && known &&
        (previous.kind == WAFER_TABLE_SESSION || previous.renewals >= added.renewals))
        return WAFER_UNAVAILABLE; /* logged out, or another request renewed first */
    if (*at_ms == 0 && !subject)
        *at_ms = now_ms;
    else if (*at_ms == 0 &&
             !choose_not_before(table, now_ms,
                                larger(previous.at_ms, wafer_table_not_before(table)), at_ms))
        return WAFER_UNAVAILABLE;
    added.at_ms = *at_ms;
    if (added.at_ms < keep_from_ms)
        return WAFER_OK;
    if (known) {
        added = merge(&previous, &added);
    } else {
        wafer_result result = make_room(table, now_ms, subject);
        if (result != WAFER_OK)
            return result;
    }
    return wafer_table_put(table, &name, &added) ? WAFER_OK : WAFER_SYSTEM;
}

/* A subject's not-before and a session's are looked for at different places. */
static void fetch(const struct wafer_table *table, const wafer_revocation *entry)
{
    if (entry->kind != WAFER_REVOKE_EVERYONE)
        wafer_table_fetch(table, entry->key, entry->kind == WAFER_REVOKE_SUBJECT);
}

static wafer_result revoke_entry(struct wafer_table *table, int64_t now_ms, wafer_revocation *entry)
{
    int64_t at_ms = entry->at_ms;

    if (!is_acceptable(table, now_ms, entry))
        return WAFER_INVALID;
    wafer_result result = entry->kind == WAFER_REVOKE_EVERYONE
                              ? revoke_everyone(table, now_ms, &at_ms)
                              : revoke_key(table, now_ms, entry, &at_ms);
    if (result == WAFER_OK)
        entry->at_ms = at_ms;
    return result;
}

wafer_result wafer_table_revoke_all(void *context, int64_t now_ms, wafer_revocation *entries,
                                    size_t count, size_t *taken)
{
    struct wafer_table *table = context;
    wafer_result result = WAFER_OK;

    *taken = 0;
    if (!table->writable)
        return WAFER_UNAVAILABLE;
    if (!wafer_table_lock(table))
        return WAFER_SYSTEM;
    for (size_t i = 0; i < count && i < FETCHED_AHEAD; i++)
        fetch(table, &entries[i]);
    while (*taken < count) {
        if (count - *taken > FETCHED_AHEAD)
            fetch(table, &entries[*taken + FETCHED_AHEAD]);
        result = revoke_entry(table, now_ms, &entries[*taken]);
        if (result != WAFER_OK)
            break;
        ++*taken;
    }
    wafer_table_unlock(table);
    return result;
}

wafer_result wafer_table_revoke(void *context, int64_t now_ms, wafer_revocation *entry)
{
    size_t taken;

    return wafer_table_revoke_all(context, now_ms, entry, 1, &taken);
}

/* ---- Keeping ---- */

wafer_result wafer_table_purge(void *context, int64_t now_ms, size_t *dropped)
{
    struct wafer_table *table = context;
    bool done = true;

    *dropped = 0;
    if (!table->writable)
        return WAFER_UNAVAILABLE;
    if (!wafer_is_time(now_ms))
        return WAFER_INVALID;
    if (!wafer_table_lock(table))
        return WAFER_SYSTEM;
    if (table->header->oldest_ms < keep_from(table, now_ms))
        done = rebuild(table, now_ms, dropped);
    wafer_table_unlock(table);
    return done ? WAFER_OK : WAFER_SYSTEM;
}

wafer_result wafer_table_retain(void *context, int64_t retention_ms)
{
    struct wafer_table *table = context;

    if (!table->writable)
        return WAFER_UNAVAILABLE;
    if (!wafer_table_lock(table))
        return WAFER_SYSTEM;
    bool raises = retention_ms >= wafer_table_retention(table) &&
                  retention_ms <= WAFER_LIFETIME_MAX_MS;
    if (raises)
        wafer_table_set_times(table, wafer_table_not_before(table), retention_ms);
    wafer_table_unlock(table);
    return raises ? WAFER_OK : WAFER_INVALID;
}
