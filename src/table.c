#include "table.h"

#include <stdlib.h>

#include "clock.h"
#include "error.h"
#include "nonce.h"
#include "table_memory.h"

#define CAPACITY_MIN 64
#define CAPACITY_MAX 100000000
#define GRACE_MAX_MS (10 * WAFER_MINUTE_MS)
#define SKEW_MIN_MS  1000 /* room for several not-befores in one millisecond */

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
    if (next < value->renewals || query->now_ms >= value->at_ms + table->header->grace_ms)
        return WAFER_REFUSED;
    return WAFER_SUPERSEDED;
}

static wafer_result table_check(void *context, const wafer_revocation_query *query,
                                wafer_standing *standing)
{
    struct wafer_table *table = context;
    struct wafer_table_value value;

    *standing = WAFER_REFUSED;
    if (query->login_at_ms < everyone_not_before(table))
        return WAFER_OK;
    if (query->subject != NULL && wafer_table_find(table, query->subject, true, &value) &&
        query->login_at_ms < value.at_ms)
        return WAFER_OK;
    if (!wafer_table_find(table, query->id, false, &value))
        *standing = WAFER_STANDS;
    else if (value.kind == WAFER_TABLE_COPIES)
        *standing = copy_standing(table, &value, query);
    return WAFER_OK;
}

static wafer_result table_not_before(void *context, const uint8_t *subject, int64_t *at_ms)
{
    struct wafer_table *table = context;
    struct wafer_table_value value;

    *at_ms = everyone_not_before(table);
    if (subject != NULL && wafer_table_find(table, subject, true, &value))
        *at_ms = larger(*at_ms, value.at_ms);
    return WAFER_OK;
}

static wafer_result table_look(void *context, wafer_revocations_status *status)
{
    struct wafer_table *table = context;

    *status = (wafer_revocations_status){
        .entries = (size_t)atomic_load_explicit(&table->header->entries, memory_order_acquire),
        .capacity = (size_t)table->header->capacity,
        .retention_ms = retention(table),
        .skew_ms = table->header->skew_ms,
        .grace_ms = table->header->grace_ms,
        .not_before_ms = everyone_not_before(table),
    };
    return WAFER_OK;
}

/* ---- Revoking ---- */

/* The latest time that an entry may have. */
static int64_t horizon(struct wafer_table *table, int64_t now_ms)
{
    return smaller(now_ms + 2 * table->header->skew_ms, WAFER_TIME_MAX_MS);
}

/* Entries with an earlier time are needed no more. */
static int64_t keep_from(struct wafer_table *table, int64_t now_ms)
{
    return now_ms - retention(table) - 3 * table->header->skew_ms;
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
    *at_ms = larger(now_ms + table->header->skew_ms, previous_ms) + 1;
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
        atomic_store_explicit(&table->header->not_before_ms, *at_ms, memory_order_release);
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

static bool has_room(const struct wafer_table_header *header, uint64_t entries, bool subject)
{
    uint64_t for_sessions = header->capacity - header->capacity / 8;

    return entries < header->capacity && (subject || entries - header->subjects < for_sessions);
}

static wafer_result make_room(struct wafer_table *table, int64_t keep_from_ms, bool subject)
{
    struct wafer_table_header *header = table->header;

    if (!has_room(header, atomic_load(&header->entries), subject) &&
        header->oldest_ms < keep_from_ms)
        wafer_table_rebuild(table, keep_from_ms);
    if (!has_room(header, atomic_load(&header->entries), subject))
        return WAFER_LIST_FULL;
    if (wafer_table_is_crowded(table))
        wafer_table_rebuild(table, keep_from_ms);
    return WAFER_OK;
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
    struct wafer_table_value previous;

    if (table->header->oldest_ms < keep_from_ms - retention(table) / 8)
        wafer_table_rebuild(table, keep_from_ms);
    bool known = wafer_table_find(table, entry->key, subject, &previous);
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
        wafer_result result = make_room(table, keep_from_ms, subject);
        if (result != WAFER_OK)
            return result;
    }
    wafer_table_put(table, entry->key, &added);
    return WAFER_OK;
}

static wafer_result table_revoke(void *context, int64_t now_ms, wafer_revocation *entry)
{
    struct wafer_table *table = context;
    int64_t at_ms = entry->at_ms;

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

    *dropped = 0;
    if (!wafer_is_time(now_ms))
        return WAFER_INVALID;
    if (!wafer_table_lock(table))
        return WAFER_SYSTEM;
    int64_t keep_from_ms = keep_from(table, now_ms);
    if (table->header->oldest_ms < keep_from_ms)
        *dropped = wafer_table_rebuild(table, keep_from_ms);
    wafer_table_unlock(table);
    return WAFER_OK;
}

static wafer_result table_retain(void *context, int64_t retention_ms)
{
    struct wafer_table *table = context;

    if (!wafer_table_lock(table))
        return WAFER_SYSTEM;
    bool raises = retention_ms >= retention(table) && retention_ms <= WAFER_LIFETIME_MAX_MS;
    if (raises)
        atomic_store_explicit(&table->header->retention_ms, retention_ms, memory_order_release);
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
    .free = table_free,
};

/* ---- Making ---- */

/* What is wrong with the settings, or NULL. */
static const char *complaint(const wafer_revocations_settings *settings)
{
    if (settings->size != sizeof *settings) {
        return "size is not sizeof(wafer_revocations_settings); start from "
               "WAFER_REVOCATIONS_SETTINGS_INIT";
    }
    if (settings->on_start != WAFER_START_FORGETS &&
        settings->on_start != WAFER_START_REFUSES_OLDER) {
        return "on_start must be chosen: a new list does not know what was revoked before it; "
               "WAFER_START_FORGETS makes sessions from before it good again, "
               "WAFER_START_REFUSES_OLDER makes everybody sign in again";
    }
    if (settings->capacity < CAPACITY_MIN || settings->capacity > CAPACITY_MAX)
        return "capacity must be 64 to 100,000,000 entries";
    if (settings->retention_ms < WAFER_MINUTE_MS || settings->retention_ms > WAFER_LIFETIME_MAX_MS)
        return "retention_ms must be one minute to 3650 days";
    if (settings->skew_ms < SKEW_MIN_MS || settings->skew_ms > WAFER_SKEW_MAX_MS)
        return "skew_ms must be 1 second to 10 minutes";
    if (settings->grace_ms < 0 || settings->grace_ms > GRACE_MAX_MS)
        return "grace_ms must be 0 to 10 minutes";
    return NULL;
}

static wafer_result start(struct wafer_table *table, const wafer_revocations_settings *settings,
                          wafer_error *error)
{
    struct wafer_table_header *header = table->header;

    header->skew_ms = settings->skew_ms;
    header->grace_ms = settings->grace_ms;
    atomic_store(&header->retention_ms, settings->retention_ms);
    if (!wafer_random(header->index_key, sizeof header->index_key))
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the system gives no random bytes");
    if (settings->on_start == WAFER_START_REFUSES_OLDER) {
        wafer_revocation everyone = {.kind = WAFER_REVOKE_EVERYONE};
        int64_t now_ms;
        if (!wafer_clock_read(settings->clock, settings->clock_context, &now_ms) ||
            table_revoke(table, now_ms, &everyone) != WAFER_OK)
            return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the clock cannot be used");
    }
    return WAFER_OK;
}

wafer_result wafer_table_new(const wafer_revocations_settings *settings, void **table,
                             wafer_error *error)
{
    const char *wrong = complaint(settings);

    if (wrong != NULL)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "%s", wrong);
    struct wafer_table *made = malloc(sizeof *made);
    if (made == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the revocation list");
    int status = wafer_table_map(made, settings->capacity);
    if (status != 0) {
        free(made);
        return wafer_fail(error, WAFER_SYSTEM, status, 0,
                          "the revocation list's shared memory cannot be made");
    }
    wafer_result result = start(made, settings, error);
    if (result != WAFER_OK) {
        table_free(made);
        return result;
    }
    *table = made;
    return WAFER_OK;
}
