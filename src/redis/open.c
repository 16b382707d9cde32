#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "list.h"
#include "open.h"
#include "sentence.h"

#define STALE_MIN_MS   3000
#define TIMEOUT_MAX_MS 10000

static const char *complaint(const wafer_redis_settings *settings)
{
    if (settings->timeout_ms < 1 || settings->timeout_ms > TIMEOUT_MAX_MS)
        return "timeout_ms must be 1 to 10,000";
    if (settings->stale_ms < STALE_MIN_MS)
        return "stale_ms must be at least 3000, as a heartbeat comes every one to two seconds";
    if (settings->when_stale != WAFER_REDIS_REFUSES && settings->when_stale != WAFER_REDIS_ALLOWS)
        return "when_stale must be chosen: WAFER_REDIS_REFUSES or WAFER_REDIS_ALLOWS";
    return NULL;
}

wafer_result wafer_mirror_check_sizes(const wafer_redis_settings *settings,
                                      const wafer_revocations_settings *table, wafer_error *error)
{
    if (settings->size != sizeof *settings)
        return wafer_redis_fail(error, WAFER_INVALID, 0,
                                "size is not sizeof(wafer_redis_settings); start from "
                                "WAFER_REDIS_SETTINGS_INIT");
    if (table->size != sizeof *table)
        return wafer_redis_fail(error, WAFER_INVALID, 0,
                                "the table's size is not sizeof(wafer_revocations_settings); start "
                                "from WAFER_REVOCATIONS_SETTINGS_INIT");
    if (table->path != NULL)
        return wafer_redis_fail(error, WAFER_INVALID, 0,
                                "the table's path must be NULL: it lies in the folder");
    return WAFER_OK;
}

static bool is_missing(const struct wafer_site *site)
{
    return access(site->table, F_OK) != 0;
}

/* A table that is not there yet is new to one of those who open it at the same time: the others
 * would forget what a feeder tells of it already. */
static wafer_result make_or_open(const struct wafer_site *site, struct wafer_state_file *state,
                                 const wafer_revocations_settings *settings,
                                 wafer_revocations **table, wafer_error *error)
{
    bool creates = settings->access == WAFER_ACCESS_CREATE && is_missing(site);
    int lock = creates ? wafer_state_lock(site) : -1;
    wafer_result result;

    if (creates && is_missing(site))
        wafer_state_forget(state);
    result = wafer_revocations_new(settings, table, error);
    wafer_state_unlock(lock);
    return result;
}

wafer_result wafer_mirror_open_table(const struct wafer_site *site, struct wafer_state_file *state,
                                     const wafer_revocations_settings *settings,
                                     wafer_revocations **table, uint64_t *inode, wafer_error *error)
{
    wafer_revocations_settings of_site = *settings;
    struct stat status;
    wafer_result result;

    of_site.path = site->table;
    /* A new table counts as stale until the feeder has filled it. REFUSES_OLDER would be an entry
     * like any other, and the feeder would log everybody out on all machines. */
    of_site.on_start = WAFER_START_FORGETS;
    of_site.group_readable = site->group_readable;
    result = make_or_open(site, state, &of_site, table, error);
    if (result != WAFER_OK)
        return result;
    if (stat(site->table, &status) != 0) {
        wafer_revocations_free(*table);
        *table = NULL;
        return wafer_redis_fail(error, WAFER_SYSTEM, 0, "the table was removed: %.150s",
                                site->table);
    }
    *inode = (uint64_t)status.st_ino;
    return WAFER_OK;
}

static wafer_result open_parts(struct wafer_mirrored *list, const wafer_redis_settings *settings,
                               const wafer_revocations_settings *table, wafer_error *error)
{
    bool writes = table->access != WAFER_ACCESS_READ;
    wafer_result result = (writes ? wafer_site_new : wafer_site_look)(settings->folder,
                                                                      settings->group_readable,
                                                                      &list->site, error);

    if (result == WAFER_OK && writes)
        result = wafer_access_new(settings, list->site, &list->access, error);
    if (result == WAFER_OK)
        result = wafer_state_open(list->site, writes, &list->state, error);
    if (result == WAFER_OK && !wafer_state_is_current(list->state))
        result = wafer_redis_fail(error, WAFER_UNAVAILABLE, 0,
                                  "nobody wrote to it since the machine was started; start the "
                                  "feeder first: %.150s",
                                  list->site->folder);
    if (result == WAFER_OK)
        result = wafer_mirror_open_table(list->site, list->state, table, &list->table, &list->inode,
                                         error);
    if (result == WAFER_OK && writes) {
        list->publisher = wafer_publisher_new(list->access, settings->timeout_ms);
        if (list->publisher == NULL)
            result = wafer_redis_fail(error, WAFER_NO_MEMORY, 0, "no memory for the list");
    }
    return result;
}

wafer_result wafer_redis_open(const wafer_redis_settings *settings,
                              const wafer_revocations_settings *table, wafer_revocations **list,
                              wafer_error *error)
{
    struct wafer_mirrored *mirrored;
    const char *wrong;
    wafer_result result;

    if (settings == NULL || table == NULL || list == NULL)
        return wafer_redis_fail(error, WAFER_MISUSE, 0, "the settings or the result is NULL");
    *list = NULL;
    result = wafer_mirror_check_sizes(settings, table, error);
    if (result != WAFER_OK)
        return result;
    wrong = complaint(settings);
    if (wrong != NULL)
        return wafer_redis_fail(error, WAFER_INVALID, 0, "%s", wrong);
    mirrored = calloc(1, sizeof *mirrored);
    if (mirrored == NULL)
        return wafer_redis_fail(error, WAFER_NO_MEMORY, 0, "no memory for the list");
    mirrored->allows = settings->when_stale == WAFER_REDIS_ALLOWS;
    mirrored->stale_ms = settings->stale_ms;
    mirrored->timeout_ms = settings->timeout_ms;
    result = open_parts(mirrored, settings, table, error);
    if (result == WAFER_OK)
        result = wafer_revocations_wrap(&wafer_mirrored_interface, mirrored, table->clock,
                                        table->clock_context, list, error);
    if (result != WAFER_OK)
        wafer_mirrored_interface.free(mirrored);
    return result;
}
