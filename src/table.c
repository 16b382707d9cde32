#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "table_memory.h"

/* A full table in which something falls due at every moment is not rebuilt at every insert. */
#define PURGE_PAUSE_MS 1000

#define WALK_ATTEMPTS 16

static int64_t larger(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

static int64_t smaller(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

static int64_t retention(struct wafer_table *table)
{
    return atomic_load_explicit(&table->header->retention_ms, memory_order_acquire);
}

static int64_t everyone_not_before(struct wafer_table *table)
{
    return atomic_load_explicit(&table->header->not_before_ms, memory_order_acquire);
}

/* ---- Asking ---- */

/* A copy from before the last renewal may be read for the grace; older ones may not. */
static wafer_standing copy_standing(struct wafer_table *table,
                                    const struct wafer_table_value *value,
                                    const wafer_revocation_query *query)
{
    uint64_t next = (uint64_t)query->renewals + 1;

    if (next > value->renewals)
        return WAFER_STANDS;
    if (next < value->renewals || query->now_ms >= value->at_ms + table->fixed.grace_ms)
        return WAFER_REFUSED;
    return WAFER_SUPERSEDED;
}

static wafer_result table_check(void *context, const wafer_revocation_query *query,
                                wafer_standing *standing)
{
    struct wafer_table *table = context;
    struct wafer_table_value session;
    struct wafer_table_value subject;

    wafer_table_find_both(table, query->id, query->subject, &session, &subject);
    *standing = WAFER_REFUSED;
    if (query->login_at_ms < subject.at_ms || query->login_at_ms < everyone_not_before(table))
        return WAFER_OK;
    if (session.kind == 0)
        *standing = WAFER_STANDS;
    else if (session.kind == WAFER_TABLE_COPIES)
        *standing = copy_standing(table, &session, query);
    return WAFER_OK;
}

static wafer_result table_not_before(void *context, const uint8_t *subject, int64_t *at_ms)
{
    struct wafer_table *table = context;
    struct wafer_table_value value;

    *at_ms = everyone_not_before(table);
    if (subject == NULL)
        return WAFER_OK;
    struct wafer_table_name name = wafer_table_name(table, subject, true);
    if (wafer_table_find(table, &name, &value))
        *at_ms = larger(*at_ms, value.at_ms);
    return WAFER_OK;
}

static wafer_result table_look(void *context, wafer_revocations_status *status)
{
    struct wafer_table *table = context;

    *status = (wafer_revocations_status){
        .entries = (size_t)atomic_load_explicit(&table->header->entries, memory_order_acquire),
        .capacity = (size_t)table->fixed.capacity,
        .retention_ms = retention(table),
        .skew_ms = table->fixed.skew_ms,
        .grace_ms = table->fixed.grace_ms,
        .not_before_ms = everyone_not_before(table),
    };
    return WAFER_OK;
}

/* What a word of the table is to others. */
static wafer_revocation entry_of(const uint64_t key[2], uint64_t word)
{
    struct wafer_table_value value = wafer_table_unpack(word);
    wafer_revocation entry = {.kind = WAFER_REVOKE_SESSION,
                              .at_ms = value.at_ms,
                              .renewals = value.renewals};

    if (value.kind == WAFER_TABLE_SUBJECT)
        entry.kind = WAFER_REVOKE_SUBJECT;
    else if (value.kind == WAFER_TABLE_COPIES)
        entry.kind = WAFER_REVOKE_COPIES;
    memcpy(entry.key, key, sizeof entry.key);
    return entry;
}

static size_t copy_entries(struct wafer_table *table, wafer_revocation *entries, size_t room)
{
    uint64_t slots = wafer_table_slots(table);
    int64_t not_before_ms = everyone_not_before(table);
    size_t count = 0;

    if (not_before_ms > 0) {
        if (room > 0)
            entries[0] = (wafer_revocation){.kind = WAFER_REVOKE_EVERYONE, .at_ms = not_before_ms};
        count++;
    }
    for (uint64_t index = 0; index < slots; index++) {
        uint64_t key[2];
        uint64_t word;
        if (!wafer_table_slot(table, index, key, &word))
            continue;
        if (count < room)
            entries[count] = entry_of(key, word);
        count++;
    }
    return count;
}

static wafer_result table_entries(void *context, wafer_revocation *entries, size_t room,
                                  size_t *count)
{
    struct wafer_table *table = context;

    if (table->writable) {
        if (!wafer_table_lock(table))
            return WAFER_SYSTEM;
        *count = copy_entries(table, entries, room);
        wafer_table_unlock(table);
        return WAFER_OK;
    }
    for (unsigned attempt = 0; attempt < WALK_ATTEMPTS; attempt++) {
        uint64_t generation = wafer_table_generation(table);
        *count = copy_entries(table, entries, room);
        if (wafer_table_generation(table) == generation)
            return WAFER_OK;
    }
    return WAFER_UNAVAILABLE;
}

/* ---- Revoking ---- */

/* The latest time that an entry may have. */
static int64_t horizon(struct wafer_table *table, int64_t now_ms)
{
    return smaller(now_ms + 2 * table->fixed.skew_ms, WAFER_TIME_MAX_MS);
}

/* Entries with an earlier time are needed no more. */
static int64_t keep_from(struct wafer_table *table, int64_t now_ms)
{
    return now_ms - retention(table) - 3 * table->fixed.skew_ms;
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
    int64_t previous_ms = everyone_not_before(table);

    if (*at_ms == 0) {
        /* A subject's not-before that the clock has yet to catch up with must not keep everyone's
         * from being set. */
        int64_t login_ms = smaller(table->header->newest_subject_ms, horizon(table, now_ms) - 1);
        if (!choose_not_before(table, now_ms, larger(previous_ms, login_ms), at_ms))
            return WAFER_UNAVAILABLE;
    }
    if (*at_ms > previous_ms && *at_ms >= keep_from(table, now_ms))
        wafer_table_set_times(table, *at_ms, retention(table));
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

    if (table->header->oldest_ms < keep_from(table, now_ms) - retention(table) / 8 &&
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
             !choose_not_before(table, now_ms, larger(previous.at_ms, everyone_not_before(table)),
                                at_ms))
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
    wafer_table_put(table, &name, &added);
    return WAFER_OK;
}

static wafer_result table_revoke(void *context, int64_t now_ms, wafer_revocation *entry)
{
    struct wafer_table *table = context;
    int64_t at_ms = entry->at_ms;

    if (!table->writable)
        return WAFER_UNAVAILABLE;
    if (!is_acceptable(table, now_ms, entry))
        return WAFER_INVALID;
    if (!wafer_table_lock(table))
        return WAFER_SYSTEM;
    wafer_result result = entry->kind == WAFER_REVOKE_EVERYONE
                              ? revoke_everyone(table, now_ms, &at_ms)
                              : revoke_key(table, now_ms, entry, &at_ms);
    wafer_table_unlock(table);
    if (result == WAFER_OK)
        entry->at_ms = at_ms;
    return result;
}

/* ---- Keeping ---- */

static wafer_result table_purge(void *context, int64_t now_ms, size_t *dropped)
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

static wafer_result table_retain(void *context, int64_t retention_ms)
{
    struct wafer_table *table = context;

    if (!table->writable)
        return WAFER_UNAVAILABLE;
    if (!wafer_table_lock(table))
        return WAFER_SYSTEM;
    bool raises = retention_ms >= retention(table) && retention_ms <= WAFER_LIFETIME_MAX_MS;
    if (raises)
        wafer_table_set_times(table, everyone_not_before(table), retention_ms);
    wafer_table_unlock(table);
    return raises ? WAFER_OK : WAFER_INVALID;
}

static void table_free(void *context)
{
    wafer_table_unmap(context);
    free(context);
}

const wafer_revocations_interface wafer_table_interface = {
    .size = sizeof(wafer_revocations_interface),
    .check = table_check,
    .not_before = table_not_before,
    .revoke = table_revoke,
    .purge = table_purge,
    .retain = table_retain,
    .look = table_look,
    .entries = table_entries,
    .free = table_free,
};

/* ---- Starting ---- */

wafer_result wafer_table_start(void *context, const wafer_revocations_settings *settings,
                               wafer_on_start on_start, wafer_error *error)
{
    wafer_revocation everyone = {.kind = WAFER_REVOKE_EVERYONE};
    int64_t now_ms;

    if (on_start != WAFER_START_REFUSES_OLDER)
        return WAFER_OK;
    if (!wafer_clock_read(settings->clock, settings->clock_context, &now_ms))
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the clock cannot be used");
    switch (table_revoke(context, now_ms, &everyone)) {
    case WAFER_OK:
        return WAFER_OK;
    case WAFER_UNAVAILABLE:
        return wafer_fail(error, WAFER_SYSTEM, 0, 0,
                          "the clock is behind what the revocation list refuses already: set it");
    default:
        return wafer_fail(error, WAFER_SYSTEM, 0, 0,
                          "the clock or the lock of the revocation list cannot be used");
    }
}
