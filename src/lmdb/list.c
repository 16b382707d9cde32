#include "list.h"

#include "journal.h"

#include <stdlib.h>

/* Rows that revoking drops from the journal's front by itself: more than it adds, few enough that
 * nobody waits for it. */
#define DROP_LIMIT 100

static wafer_result journaled_check(void *context, const wafer_revocation_query *query,
                                    wafer_standing *standing)
{
    struct wafer_journaled *list = context;

    return wafer_revocations_check(list->table, query, standing);
}

static wafer_result journaled_not_before(void *context, const uint8_t *subject, int64_t *at_ms)
{
    struct wafer_journaled *list = context;

    return wafer_revocations_not_before(list->table, subject, at_ms);
}

static wafer_result journaled_look(void *context, wafer_revocations_status *status)
{
    struct wafer_journaled *list = context;

    return wafer_revocations_look(list->table, status);
}

static wafer_result journaled_entries(void *context, wafer_revocation *entries, size_t room,
                                      size_t *count)
{
    struct wafer_journaled *list = context;
    wafer_revocation *copies;
    wafer_result result = wafer_revocations_entries(list->table, &copies, count);

    if (result != WAFER_OK)
        return result;
    for (size_t i = 0; i < *count && i < room; i++)
        entries[i] = copies[i];
    free(copies);
    return WAFER_OK;
}

/* Rows from before it are needed no more; the table's own rule. */
static wafer_result keep_from(wafer_revocations *table, int64_t now_ms, int64_t *keep_from_ms)
{
    wafer_revocations_status status;

    if (now_ms < 0 || now_ms > WAFER_TIME_MAX_MS)
        return WAFER_INVALID;
    wafer_result result = wafer_revocations_look(table, &status);
    if (result == WAFER_OK)
        *keep_from_ms = now_ms - status.retention_ms - 3 * status.skew_ms;
    return result;
}

/* ---- Revoking ---- */

/* One call of revoke, which may take two transactions. */
struct revoking {
    int64_t now_ms;
    int64_t keep_from_ms;
    wafer_revocation entry;
    bool applied; /* in the table, and entry.at_ms is what it took */
};

/* Writes the entry before the table takes it, so that a full journal is known while nothing is
 * revoked yet; once more when the table took another time, which is then a later one. */
static int write_entry(struct wafer_journaled *list, struct wafer_journal_write *write,
                       struct revoking *revoking, wafer_result *result)
{
    wafer_revocation expected = revoking->entry;

    if (expected.at_ms == 0 && !revoking->applied)
        expected.at_ms = revoking->now_ms;
    int code = wafer_records_put(write->txn, write->records, &expected);
    if (code != 0 || revoking->applied)
        return code;
    *result = wafer_revocations_apply(list->table, revoking->now_ms, &revoking->entry);
    if (*result != WAFER_OK)
        return 0;
    revoking->applied = true;
    if (revoking->entry.at_ms != expected.at_ms)
        code = wafer_records_put(write->txn, write->records, &revoking->entry);
    return code;
}

/* *result is what the table said; the return value is the journal's. */
static int attempt(struct wafer_journaled *list, struct revoking *revoking, wafer_result *result)
{
    struct wafer_journal_write write;
    size_t dropped;
    int code = wafer_journal_begin(list->journal, &write);

    *result = WAFER_OK;
    if (code != 0)
        return code;
    code = write_entry(list, &write, revoking, result);
    if (code == 0 && *result == WAFER_OK)
        code = wafer_records_drop(write.txn, write.records, revoking->keep_from_ms, DROP_LIMIT,
                                  &dropped);
    if (code == 0 && *result == WAFER_OK)
        return wafer_journal_commit(&write);
    wafer_journal_abort(&write);
    return code;
}

static wafer_result journaled_revoke(void *context, int64_t now_ms, wafer_revocation *entry)
{
    struct wafer_journaled *list = context;
    struct revoking revoking = {.now_ms = now_ms, .entry = *entry};

    wafer_result result = keep_from(list->table, now_ms, &revoking.keep_from_ms);
    if (result != WAFER_OK)
        return result;
    int code = attempt(list, &revoking, &result);
    if (code == MDB_MAP_FULL && wafer_journal_make_room(list->journal, revoking.keep_from_ms) == 0)
        code = attempt(list, &revoking, &result);
    if (code == MDB_MAP_FULL && !revoking.applied)
        return WAFER_LIST_FULL;
    if (code != 0)
        return WAFER_SYSTEM;
    if (result == WAFER_OK)
        *entry = revoking.entry;
    return result;
}

/* ---- Keeping ---- */

static wafer_result journaled_purge(void *context, int64_t now_ms, size_t *dropped)
{
    struct wafer_journaled *list = context;
    int64_t keep_from_ms;
    wafer_result result = keep_from(list->table, now_ms, &keep_from_ms);

    *dropped = 0;
    if (result == WAFER_OK)
        result = wafer_revocations_purge(list->table, dropped);
    if (result == WAFER_OK && wafer_journal_purge(list->journal, keep_from_ms) != 0)
        result = WAFER_SYSTEM;
    return result;
}

static wafer_result journaled_retain(void *context, int64_t retention_ms)
{
    struct wafer_journaled *list = context;
    wafer_result result = wafer_revocations_retain(list->table, retention_ms);

    if (result == WAFER_OK && wafer_journal_retain(list->journal, retention_ms) != 0)
        result = WAFER_SYSTEM;
    return result;
}

static void journaled_free(void *context)
{
    struct wafer_journaled *list = context;

    wafer_journal_close(list->journal);
    wafer_revocations_free(list->table);
    free(list);
}

const wafer_revocations_interface wafer_journaled_interface = {
    .size = sizeof(wafer_revocations_interface),
    .check = journaled_check,
    .not_before = journaled_not_before,
    .revoke = journaled_revoke,
    .purge = journaled_purge,
    .retain = journaled_retain,
    .look = journaled_look,
    .entries = journaled_entries,
    .free = journaled_free,
};
