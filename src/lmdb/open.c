#include <wafer/lmdb.h>

#include "journal.h"
#include "list.h"
#include "place.h"
#include "sentence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* About 100 bytes a row, as much again for pages that are being replaced, and two rows for a
 * session that was renewed and then logged out. */
#define BYTES_PER_ENTRY  UINT64_C(512)
#define DEFAULT_SIZE_MIN UINT64_C(1048576)
#define MAP_SIZE_MIN     65536
#define MAP_SIZE_MAX     (SIZE_MAX / 4)

/* Entries that the table is given at once. */
#define BATCH 256

/* What is being opened, step by step. */
struct opening {
    const wafer_lmdb_settings *settings;
    wafer_revocations_settings table; /* as the journal needs it */
    char *path;
    struct wafer_journaled *list;
    bool grows; /* the journal, if the settings do not say how large it may be */
    int64_t now_ms;
    wafer_revocation batch[BATCH];
    size_t batched;
    wafer_error *error;
};

static const char *complaint(const wafer_lmdb_settings *settings,
                             const wafer_revocations_settings *table)
{
    if (settings->size != sizeof *settings)
        return "size is not sizeof(wafer_lmdb_settings); start from WAFER_LMDB_SETTINGS_INIT";
    if (table->size != sizeof *table)
        return "the table's size is not sizeof(wafer_revocations_settings); start from "
               "WAFER_REVOCATIONS_SETTINGS_INIT";
    if (settings->path == NULL || *settings->path == '\0')
        return "path must name the journal";
    if (settings->map_size != 0 &&
        (settings->map_size < MAP_SIZE_MIN || settings->map_size > MAP_SIZE_MAX))
        return "map_size must be 0 or at least 65,536 bytes, and fit into the address space";
    if (table->access == WAFER_ACCESS_READ)
        return "a table that is mapped read-only cannot have a journal";
    if (table->access == WAFER_ACCESS_CREATE && table->on_start != WAFER_START_FORGETS &&
        table->on_start != WAFER_START_REFUSES_OLDER)
        return "on_start must be chosen: a new journal does not know what was revoked before it";
    return NULL;
}

static wafer_result read_clock(struct opening *opening)
{
    const wafer_revocations_settings *table = &opening->table;
    struct timespec now;
    int64_t seconds = -1;
    int64_t now_ms = -1;

    if (table->clock != NULL)
        now_ms = table->clock(table->clock_context);
    else if (clock_gettime(CLOCK_REALTIME, &now) == 0)
        seconds = now.tv_sec;
    if (seconds >= 0 && seconds <= WAFER_TIME_MAX_MS / 1000)
        now_ms = seconds * 1000 + now.tv_nsec / 1000000;
    if (now_ms < 0 || now_ms > WAFER_TIME_MAX_MS)
        return wafer_journal_fail(opening->error, WAFER_SYSTEM, 0, "the clock cannot be used");
    opening->now_ms = now_ms;
    return WAFER_OK;
}

static size_t map_size(const struct opening *opening, size_t capacity)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t size = opening->settings->map_size;

    if (size == 0)
        size = capacity * BYTES_PER_ENTRY;
    if (opening->settings->map_size == 0 && size < DEFAULT_SIZE_MIN)
        size = DEFAULT_SIZE_MIN;
    if (size > MAP_SIZE_MAX)
        size = MAP_SIZE_MAX;
    return (size_t)size / page * page;
}

/* ---- Making ---- */

/* A table that is there already may hold entries, which the journal is to begin with. */
static wafer_result make_journal(struct opening *opening)
{
    wafer_revocations *table = opening->list->table;
    wafer_revocations_status status;
    wafer_revocation *entries;
    size_t count;
    wafer_result result = read_clock(opening); /* opening the table may have waited */

    if (result != WAFER_OK)
        return result;
    result = wafer_revocations_look(table, &status);
    /* The table applied on_start only if it is as new as the journal. */
    if (result == WAFER_OK && opening->table.on_start == WAFER_START_REFUSES_OLDER) {
        wafer_revocation everyone = {.kind = WAFER_REVOKE_EVERYONE};
        result = wafer_revocations_apply(table, opening->now_ms, &everyone);
    }
    if (result == WAFER_OK)
        result = wafer_revocations_entries(table, &entries, &count);
    if (result != WAFER_OK)
        return wafer_journal_fail(opening->error, result, 0,
                                  "the table's entries cannot be put into the new journal %s",
                                  opening->path);
    result = wafer_environment_make(opening->path, opening->settings->group_readable,
                                    map_size(opening, status.capacity), status.retention_ms,
                                    entries, count, opening->error);
    free(entries);
    return result;
}

/* Opens the table; with a new journal as the caller wishes, else so that it takes the journal's
 * word. */
static wafer_result open_table(struct opening *opening)
{
    struct stat status;
    bool missing = lstat(opening->path, &status) != 0 && errno == ENOENT;
    bool creates = opening->table.access == WAFER_ACCESS_CREATE;

    if (missing && !creates)
        return wafer_journal_fail_code(opening->error, ENOENT, opening->path);
    if (!missing)
        opening->table.on_start = WAFER_START_FORGETS;
    if (opening->table.path == NULL)
        opening->table.access = WAFER_ACCESS_CREATE;
    wafer_result result = wafer_revocations_new(&opening->table, &opening->list->table,
                                                opening->error);
    return result == WAFER_OK && missing ? make_journal(opening) : result;
}

/* ---- Loading ---- */

static wafer_result apply_batch(struct opening *opening)
{
    size_t count = opening->batched;
    size_t taken;

    opening->batched = 0;
    return wafer_revocations_apply_all(opening->list->table, opening->now_ms, opening->batch, count,
                                       &taken);
}

static wafer_result apply(void *context, wafer_revocation *entry)
{
    struct opening *opening = context;

    if (entry->at_ms == 0)
        entry->at_ms = 1; /* 0 would stand for now */
    opening->batch[opening->batched++] = *entry;
    return opening->batched == BATCH ? apply_batch(opening) : WAFER_OK;
}

/* Both are to have the longer retention of the two. */
static wafer_result agree_on_retention(struct opening *opening, wafer_revocations_status *status)
{
    struct wafer_journaled *list = opening->list;
    int64_t retention_ms = 0;
    wafer_result result = wafer_revocations_look(list->table, status);
    int code = wafer_journal_retention(list->journal, &retention_ms);

    if (code == 0 && result == WAFER_OK && retention_ms < status->retention_ms)
        code = wafer_journal_retain(list->journal, status->retention_ms);
    if (code != 0)
        return wafer_journal_fail_code(opening->error, code, opening->path);
    if (result == WAFER_OK && retention_ms > status->retention_ms) {
        result = wafer_revocations_retain(list->table, retention_ms);
        status->retention_ms = retention_ms;
    }
    if (result != WAFER_OK)
        return wafer_journal_fail(opening->error, result, 0,
                                  "the table does not take the retention of the journal %s",
                                  opening->path);
    return WAFER_OK;
}

static wafer_result load(struct opening *opening)
{
    wafer_revocations_status status;
    wafer_result applied = WAFER_OK;
    wafer_result result = agree_on_retention(opening, &status);

    /* Opening may have waited, and others revoked meanwhile. */
    if (result == WAFER_OK)
        result = read_clock(opening);
    if (result != WAFER_OK)
        return result;
    int64_t from_ms = opening->now_ms - status.retention_ms - 3 * status.skew_ms;
    result = wafer_journal_load(opening->list->journal, from_ms > 0 ? from_ms : 0,
                                opening->now_ms + 2 * status.skew_ms, apply, opening, &applied,
                                opening->error);
    if (result == WAFER_OK && applied == WAFER_OK)
        applied = apply_batch(opening);
    if (result == WAFER_OK && applied == WAFER_LIST_FULL)
        return wafer_journal_fail(opening->error, applied, 0,
                                  "the table has no room for all entries of the journal, raise its "
                                  "capacity: %s",
                                  opening->path);
    if (result == WAFER_OK && applied != WAFER_OK)
        return wafer_journal_fail(opening->error, applied, 0,
                                  "the table does not take an entry of the journal %s",
                                  opening->path);
    return result;
}

/* ---- The whole ---- */

static wafer_result open_journal(struct opening *opening)
{
    wafer_revocations_status status;
    wafer_result result = wafer_revocations_look(opening->list->table, &status);

    if (result != WAFER_OK)
        return wafer_journal_fail(opening->error, result, 0, "the table cannot be asked");
    size_t size = opening->grows || opening->settings->map_size != 0
                      ? map_size(opening, status.capacity)
                      : 0;
    return wafer_journal_open(opening->path, opening->settings->group_readable, size,
                              &opening->list->journal, opening->error);
}

static wafer_result open_list(struct opening *opening, wafer_revocations **list)
{
    wafer_result result = wafer_place_resolve(opening->settings->path, &opening->path,
                                              opening->error);

    if (result == WAFER_OK)
        result = open_table(opening);
    if (result == WAFER_OK)
        result = open_journal(opening);
    if (result == WAFER_OK)
        result = load(opening);
    if (result == WAFER_OK)
        result = wafer_revocations_wrap(&wafer_journaled_interface, opening->list,
                                        opening->table.clock, opening->table.clock_context, list,
                                        opening->error);
    free(opening->path);
    return result;
}

wafer_result wafer_lmdb_open(const wafer_lmdb_settings *settings,
                             const wafer_revocations_settings *table, wafer_revocations **list,
                             wafer_error *error)
{
    if (settings == NULL || table == NULL || list == NULL)
        return wafer_journal_fail(error, WAFER_MISUSE, 0, "the settings or the result is NULL");
    *list = NULL;
    const char *wrong = complaint(settings, table);
    if (wrong != NULL)
        return wafer_journal_fail(error, WAFER_INVALID, 0, "%s", wrong);
    struct opening opening = {.settings = settings,
                              .table = *table,
                              .grows = table->access == WAFER_ACCESS_CREATE,
                              .error = error};
    wafer_result result = read_clock(&opening);
    if (result != WAFER_OK)
        return result;
    opening.list = calloc(1, sizeof *opening.list);
    if (opening.list == NULL)
        return wafer_journal_fail(error, WAFER_NO_MEMORY, 0, "no memory for the list");
    result = open_list(&opening, list);
    if (result != WAFER_OK)
        wafer_journaled_interface.free(opening.list);
    return result;
}
