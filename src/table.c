#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "table_memory.h"
#include "table_revoke.h"

#define WALK_ATTEMPTS 16

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
    if (query->login_at_ms < subject.at_ms || query->login_at_ms < wafer_table_not_before(table))
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

    *at_ms = wafer_table_not_before(table);
    if (subject == NULL)
        return WAFER_OK;
    struct wafer_table_name name = wafer_table_name(table, subject, true);
    if (wafer_table_find(table, &name, &value) && value.at_ms > *at_ms)
        *at_ms = value.at_ms;
    return WAFER_OK;
}

static wafer_result table_look(void *context, wafer_revocations_status *status)
{
    struct wafer_table *table = context;

    *status = (wafer_revocations_status){
        .entries = (size_t)atomic_load_explicit(&table->header->entries, memory_order_acquire),
        .capacity = (size_t)table->fixed.capacity,
        .retention_ms = wafer_table_retention(table),
        .skew_ms = table->fixed.skew_ms,
        .grace_ms = table->fixed.grace_ms,
        .not_before_ms = wafer_table_not_before(table),
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
    int64_t not_before_ms = wafer_table_not_before(table);
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

static void table_free(void *context)
{
    wafer_table_unmap(context);
    free(context);
}

const wafer_revocations_interface wafer_table_interface = {
    .size = sizeof(wafer_revocations_interface),
    .check = table_check,
    .not_before = table_not_before,
    .revoke = wafer_table_revoke,
    .purge = wafer_table_purge,
    .retain = wafer_table_retain,
    .look = table_look,
    .entries = table_entries,
    .free = table_free,
    .revoke_all = wafer_table_revoke_all,
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
    switch (wafer_table_revoke(context, now_ms, &everyone)) {
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
