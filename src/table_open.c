/* Settings become a table. */
#include <stdlib.h>

#include <sodium.h>

#include "error.h"
#include "table.h"
#include "table_file.h"
#include "table_memory.h"

/* What is wrong with the choices, or NULL. */
static const char *wrong_choice(const wafer_revocations_settings *settings)
{
    bool chosen = settings->on_start == WAFER_START_FORGETS ||
                  settings->on_start == WAFER_START_REFUSES_OLDER;

    switch (settings->access) {
    case WAFER_ACCESS_CREATE:
        break;
    case WAFER_ACCESS_WRITE:
    case WAFER_ACCESS_READ:
        if (settings->path == NULL)
            return "access is for a table file: path must name it";
        chosen = chosen || settings->on_start == WAFER_START_UNSET;
        break;
    default:
        return "access must be WAFER_ACCESS_CREATE, WAFER_ACCESS_WRITE or WAFER_ACCESS_READ";
    }
    if (settings->path != NULL && settings->path[0] == '\0')
        return "path is empty; NULL is for a list in memory";
    if (!chosen) {
        return "on_start must be chosen: a new list does not know what was revoked before it; "
               "WAFER_START_FORGETS makes sessions from before it good again, "
               "WAFER_START_REFUSES_OLDER makes everybody sign in again";
    }
    return NULL;
}

/* What is wrong with the settings, or NULL. */
static const char *complaint(const wafer_revocations_settings *settings)
{
    if (settings->size != sizeof *settings) {
        return "size is not sizeof(wafer_revocations_settings); start from "
               "WAFER_REVOCATIONS_SETTINGS_INIT";
    }
    if (settings->capacity < WAFER_TABLE_CAPACITY_MIN ||
        settings->capacity > WAFER_TABLE_CAPACITY_MAX)
        return "capacity must be 64 to 100,000,000 entries";
    if (settings->retention_ms < WAFER_MINUTE_MS || settings->retention_ms > WAFER_LIFETIME_MAX_MS)
        return "retention_ms must be one minute to 3650 days";
    if (settings->skew_ms < WAFER_TABLE_SKEW_MIN_MS || settings->skew_ms > WAFER_SKEW_MAX_MS)
        return "skew_ms must be 1 second to 10 minutes";
    if (settings->grace_ms < 0 || settings->grace_ms > WAFER_TABLE_GRACE_MAX_MS)
        return "grace_ms must be 0 to 10 minutes";
    return wrong_choice(settings);
}

static wafer_result make_in_memory(struct wafer_table *table,
                                   const wafer_revocations_settings *settings, wafer_error *error)
{
    struct wafer_table_fixed fixed;

    if (!wafer_table_fix(&fixed, settings->capacity, settings->skew_ms, settings->grace_ms))
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the system gives no random bytes");
    int status = wafer_table_map(table, &fixed);
    if (status != 0) {
        return wafer_fail(error, WAFER_SYSTEM, status, 0,
                          "the revocation list's shared memory cannot be made");
    }
    wafer_table_set_times(table, 0, settings->retention_ms);
    wafer_result result = wafer_table_start(table, settings, settings->on_start, error);
    if (result != WAFER_OK)
        wafer_table_unmap(table);
    return result;
}

wafer_result wafer_table_new(const wafer_revocations_settings *settings, void **table,
                             wafer_error *error)
{
    const char *wrong = complaint(settings);

    if (wrong != NULL)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "%s", wrong);
    if (sodium_init() < 0)
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "libsodium cannot be initialized");
    struct wafer_table *made = malloc(sizeof *made);
    if (made == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the revocation list");
    wafer_result result = settings->path == NULL ? make_in_memory(made, settings, error)
                                                 : wafer_table_file_open(made, settings, error);
    if (result != WAFER_OK) {
        free(made);
        return result;
    }
    *table = made;
    return WAFER_OK;
}
