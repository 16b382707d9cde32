#include "table_admit.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "clock.h"
#include "error.h"
#include "table.h"
#include "table_draft.h"

/* Locks are waited for in steps, half a minute in all: who holds one for longer hangs. */
#define WAITS        3000
#define WAIT_STEP_NS 10000000

bool wafer_table_wait(unsigned *waits)
{
    const struct timespec step = {0, WAIT_STEP_NS};

    (void)nanosleep(&step, NULL);
    return ++*waits < WAITS;
}

wafer_result wafer_table_damaged(wafer_error *error, const char *path)
{
    return wafer_fail(error, WAFER_INVALID, 0, 0,
                      "the table file is damaged; " WAFER_TABLE_REMEDY "%s", path);
}

static bool is_on_start(uint32_t choice)
{
    return choice == WAFER_START_FORGETS || choice == WAFER_START_REFUSES_OLDER;
}

static wafer_result fail_to_allocate(wafer_error *error, int status, const char *path)
{
    return wafer_fail(error, WAFER_SYSTEM, status, 0,
                      "cannot take room on the disk for the table file %s", path);
}

/* Takes room for all that is in use: after a crash of the machine there may be holes. */
static int allocate_in_use(struct wafer_table *table)
{
    int status = wafer_table_allocate_header(table);

    return status != 0 ? status
                       : wafer_table_allocate(table, wafer_table_generation(table) & 1,
                                              wafer_table_slots(table));
}

static int lock_table(struct wafer_table *table)
{
    unsigned waits = 0;
    int status;

    do
        status = wafer_table_try_lock(table);
    while (status == EBUSY && wafer_table_wait(&waits));
    return status;
}

static wafer_result admit_writer(struct wafer_table *table,
                                 const wafer_revocations_settings *settings, wafer_error *error)
{
    if (!wafer_table_mutex_is_ours(table) || !is_on_start(table->header->on_start))
        return wafer_table_damaged(error, settings->path);
    int status = lock_table(table);
    if (status != 0) {
        return wafer_fail(error, WAFER_SYSTEM, status, 0,
                          "the table's lock cannot be had: a user hangs or the file is "
                          "damaged; " WAFER_TABLE_REMEDY "%s",
                          settings->path);
    }
    bool is_sound = wafer_table_is_whole(table) && wafer_table_is_counted(table);
    status = is_sound ? allocate_in_use(table) : 0;
    wafer_table_unlock(table);
    if (!is_sound)
        return wafer_table_damaged(error, settings->path);
    return status == 0 ? WAFER_OK : fail_to_allocate(error, status, settings->path);
}

/* Times that are possible stand: without the last not-before a clock that went back would not be
 * noticed. */
static void mend_times(struct wafer_table *table, const wafer_revocations_settings *settings)
{
    int64_t not_before_ms = wafer_table_not_before(table);
    int64_t retention_ms = wafer_table_retention(table);

    if (!wafer_is_time(not_before_ms))
        not_before_ms = 0;
    if (retention_ms < settings->retention_ms || retention_ms > WAFER_LIFETIME_MAX_MS)
        retention_ms = settings->retention_ms;
    wafer_table_set_times(table, not_before_ms, retention_ms);
}

/* Drops all entries, which the not-before covers by now. */
static int drop_entries(struct wafer_table *table)
{
    int64_t not_before_ms = wafer_table_not_before(table);
    int64_t retention_ms = wafer_table_retention(table);
    int status = wafer_table_clear(table);

    if (status == 0)
        wafer_table_set_times(table, not_before_ms, retention_ms);
    return status;
}

/* The machine was started since, and this is the first to open the table. */
static wafer_result admit_first(struct wafer_table *table,
                                const wafer_revocations_settings *settings,
                                const uint8_t boot_id[16], wafer_error *error)
{
    struct wafer_table_header *header = table->header;
    uint32_t on_start = settings->on_start != WAFER_START_UNSET ? (uint32_t)settings->on_start
                                                                : header->on_start;
    bool forgets = on_start == WAFER_START_FORGETS;
    /* Counts that do not match are what a crash of the machine leaves, and FORGETS takes that. */
    bool keeps_entries = wafer_table_is_whole(table) && (forgets || wafer_table_is_counted(table));

    if (!is_on_start(on_start) || (forgets && !keeps_entries))
        return wafer_table_damaged(error, settings->path);
    int status = wafer_table_allocate_header(table);
    if (status == 0 && keeps_entries)
        status = allocate_in_use(table);
    if (status != 0)
        return fail_to_allocate(error, status, settings->path);
    status = wafer_table_make_mutex(table);
    if (status != 0)
        return wafer_fail(error, WAFER_SYSTEM, status, 0, "the table's lock cannot be made");
    if (keeps_entries)
        wafer_table_recount(table);
    else
        mend_times(table, settings);
    header->rebuilt_at_ms = WAFER_TABLE_NEVER;
    /* Before entries go: a start that fails must lose none. */
    wafer_result result = wafer_table_start(table, settings, (wafer_on_start)on_start, error);
    if (result != WAFER_OK)
        return result;
    status = keeps_entries ? 0 : drop_entries(table);
    if (status != 0)
        return fail_to_allocate(error, status, settings->path);
    if (!is_on_start(header->on_start))
        header->on_start = on_start;
    memcpy(header->boot_id, boot_id, sizeof header->boot_id);
    return WAFER_OK;
}

static wafer_result admit_reader(struct wafer_table *table, const char *path, bool same_boot,
                                 wafer_error *error)
{
    if (!same_boot) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "the machine was started since the table file was last written: a "
                          "program that revokes must open it first: %s",
                          path);
    }
    return wafer_table_is_readable(table) ? WAFER_OK : wafer_table_damaged(error, path);
}

wafer_result wafer_table_admit(struct wafer_table *table,
                               const wafer_revocations_settings *settings, wafer_error *error)
{
    struct wafer_table_header *header = table->header;
    uint8_t boot_id[sizeof header->boot_id];
    wafer_result result;

    if (!wafer_table_read_boot_id(boot_id))
        return wafer_fail(error, WAFER_SYSTEM, errno, 0, "the machine's boot id cannot be read");
    bool same_boot = sodium_memcmp(boot_id, header->boot_id, sizeof boot_id) == 0;
    if (settings->access == WAFER_ACCESS_READ)
        return admit_reader(table, settings->path, same_boot, error);
    if (same_boot)
        result = admit_writer(table, settings, error);
    else
        result = admit_first(table, settings, boot_id, error);
    if (result == WAFER_OK && settings->access == WAFER_ACCESS_CREATE) {
        header->on_start = (uint32_t)settings->on_start;
        /* INVALID is one that is shorter than what there is, which stands then. */
        if (wafer_table_interface.retain(table, settings->retention_ms) == WAFER_SYSTEM)
            return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the table's lock cannot be used");
    }
    return result;
}
