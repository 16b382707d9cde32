#include "list.h"

#include <sodium.h>
#include <stdlib.h>

#include "queue.h"

/* Entries that are published at once. */
#define BATCH 256

static wafer_result mirrored_check(void *context, const wafer_revocation_query *query,
                                   wafer_standing *standing)
{
    struct wafer_mirrored *list = context;
    /* First: the feeder may catch up while the table is asked. */
    bool may_stand = list->allows ||
                     wafer_state_is_fresh(list->state, list->inode, query->now_ms, list->stale_ms);
    wafer_result result = wafer_revocations_check(list->table, query, standing);

    /* What is revoked stays so, however old the table is. */
    return result != WAFER_OK || may_stand || *standing == WAFER_REFUSED ? result
                                                                         : WAFER_UNAVAILABLE;
}

static wafer_result mirrored_not_before(void *context, const uint8_t *subject, int64_t *at_ms)
{
    struct wafer_mirrored *list = context;

    return wafer_revocations_not_before(list->table, subject, at_ms);
}

static wafer_result mirrored_look(void *context, wafer_revocations_status *status)
{
    struct wafer_mirrored *list = context;

    return wafer_revocations_look(list->table, status);
}

static wafer_result mirrored_entries(void *context, wafer_revocation *entries, size_t room,
                                     size_t *count)
{
    struct wafer_mirrored *list = context;
    wafer_revocation *copies;
    wafer_result result = wafer_revocations_entries(list->table, &copies, count);

    if (result != WAFER_OK)
        return result;
    for (size_t i = 0; i < *count && i < room; i++)
        entries[i] = copies[i];
    free(copies);
    return WAFER_OK;
}

static wafer_result mirrored_purge(void *context, int64_t now_ms, size_t *dropped)
{
    struct wafer_mirrored *list = context;

    (void)now_ms; /* the table reads the same clock */
    return wafer_revocations_purge(list->table, dropped);
}

static wafer_result mirrored_retain(void *context, int64_t retention_ms)
{
    struct wafer_mirrored *list = context;

    return wafer_revocations_retain(list->table, retention_ms);
}

/* ---- Revoking ---- */

/* Tells the other machines, now or later. *wait_ms is how long the queue's lock is waited for; who
 * waited in vain does not wait once more for the rest. */
static wafer_result share(struct wafer_mirrored *list, const wafer_revocation *entries,
                          size_t count, int64_t *wait_ms)
{
    uint8_t records[BATCH][WAFER_WIRE_SIZE];
    size_t added;

    for (size_t i = 0; i < count; i++) {
        const struct wafer_wire_record record = {.entry = entries[i]};
        wafer_wire_write(list->access->key, &record, records[i]);
    }
    /* What the others would not take the feeder gives them, sooner or later. */
    added = wafer_state_takes_key(list->state, list->access->check)
                ? wafer_publisher_send(list->publisher, (const uint8_t(*)[WAFER_WIRE_SIZE])records,
                                       count)
                : 0;
    (void)atomic_fetch_add(&list->state->published, added);
    if (added == count)
        return WAFER_OK;
    if (wafer_queue_append(list->site, (const uint8_t(*)[WAFER_WIRE_SIZE])records + added,
                           count - added, *wait_ms))
        return WAFER_QUEUED;
    *wait_ms = 0;
    return WAFER_SYSTEM;
}

static wafer_result mirrored_revoke_all(void *context, int64_t now_ms, wafer_revocation *entries,
                                        size_t count, size_t *taken)
{
    struct wafer_mirrored *list = context;
    int64_t wait_ms = list->timeout_ms;
    wafer_result all = WAFER_OK;
    wafer_result result;

    *taken = 0;
    if (list->publisher == NULL)
        return WAFER_UNAVAILABLE;
    result = wafer_revocations_apply_all(list->table, now_ms, entries, count, taken);
    for (size_t from = 0; from < *taken; from += BATCH) {
        wafer_result shared = share(list, entries + from,
                                    *taken - from < BATCH ? *taken - from : BATCH, &wait_ms);
        if (shared != WAFER_OK && all != WAFER_SYSTEM)
            all = shared;
    }
    return result != WAFER_OK ? result : all;
}

static wafer_result mirrored_revoke(void *context, int64_t now_ms, wafer_revocation *entry)
{
    size_t taken;

    return mirrored_revoke_all(context, now_ms, entry, 1, &taken);
}

static void mirrored_free(void *context)
{
    struct wafer_mirrored *list = context;

    wafer_publisher_free(list->publisher);
    wafer_revocations_free(list->table);
    wafer_state_close(list->state);
    wafer_site_free(list->site);
    sodium_free(list->access);
    free(list);
}

const wafer_revocations_interface wafer_mirrored_interface = {
    .size = sizeof(wafer_revocations_interface),
    .check = mirrored_check,
    .not_before = mirrored_not_before,
    .revoke = mirrored_revoke,
    .purge = mirrored_purge,
    .retain = mirrored_retain,
    .look = mirrored_look,
    .entries = mirrored_entries,
    .free = mirrored_free,
    .revoke_all = mirrored_revoke_all,
};
