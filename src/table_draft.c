#include "table_draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "file.h"
#include "table.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_TEXT 36 /* 32 digits and four dashes */

bool wafer_table_read_boot_id(uint8_t boot_id[16])
{
    char text[BOOT_ID_TEXT];
    size_t length = 0;
    int file = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (file < 0)
        return false;
    do
        got = read(file, text, sizeof text);
    while (got < 0 && errno == EINTR);
    int failure = got < 0 ? errno : EIO;
    (void)close(file);
    if (got == BOOT_ID_TEXT &&
        sodium_hex2bin(boot_id, 16, text, sizeof text, "-", &length, NULL) == 0 && length == 16)
        return true;
    errno = failure;
    return false;
}

wafer_result wafer_table_fail(wafer_error *error, const char *what, const char *path)
{
    return wafer_fail(error, WAFER_SYSTEM, errno, 0, "cannot %s the table file %s", what, path);
}

/* Writes an empty table, with all that on_start asks for. */
static wafer_result fill_draft(struct wafer_table *table,
                               const wafer_revocations_settings *settings, wafer_error *error)
{
    int status = wafer_table_allocate_header(table);

    if (status == 0)
        status = wafer_table_prepare(table);
    if (status != 0)
        return wafer_fail(error, WAFER_SYSTEM, status, 0, "cannot make the table file %s",
                          settings->path);
    wafer_table_set_times(table, 0, settings->retention_ms);
    table->header->on_start = (uint32_t)settings->on_start;
    if (!wafer_table_read_boot_id(table->header->boot_id))
        return wafer_fail(error, WAFER_SYSTEM, errno, 0, "the machine's boot id cannot be read");
    return wafer_table_start(table, settings, settings->on_start, error);
}

/* Gives the new file its mode, whatever the umask says, and size, and maps it. The descriptor is
 * closed in any case. */
static wafer_result write_table(int file, const wafer_revocations_settings *settings,
                                wafer_error *error)
{
    struct wafer_table_fixed fixed;
    struct wafer_table table;

    if (!wafer_table_fix(&fixed, settings->capacity, settings->skew_ms, settings->grace_ms)) {
        (void)close(file);
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the system gives no random bytes");
    }
    if (fchmod(file, wafer_file_mode(settings->group_readable)) != 0 ||
        ftruncate(file, (off_t)fixed.size) != 0) {
        wafer_result result = wafer_table_fail(error, "set mode and size of", settings->path);
        (void)close(file);
        return result;
    }
    int status = wafer_table_map_file(&table, &fixed, file, true);
    if (status != 0) {
        (void)close(file);
        return wafer_fail(error, WAFER_SYSTEM, status, 0, "cannot map the table file %s",
                          settings->path);
    }
    wafer_result result = fill_draft(&table, settings, error);
    if (result == WAFER_OK && fsync(file) != 0)
        result = wafer_table_fail(error, "write", settings->path);
    wafer_table_unmap(&table);
    return result;
}

static bool sync_folder(const char *path)
{
    int folder = wafer_file_open_folder(path);

    if (folder < 0)
        return false;
    bool synced = wafer_file_sync_folder(folder);
    int failure = errno;
    (void)close(folder);
    errno = failure;
    return synced;
}

wafer_result wafer_table_draft(const wafer_revocations_settings *settings, wafer_error *error)
{
    char *beside = wafer_file_name_beside(settings->path);
    wafer_result result = WAFER_OK;

    if (beside == NULL && errno == ENOMEM)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the revocation list");
    if (beside == NULL)
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the system gives no random bytes");
    int file = open(beside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    wafer_file_mode(false));
    if (file < 0) {
        result = wafer_table_fail(error, "make", settings->path);
        free(beside);
        return result;
    }
    result = write_table(file, settings, error);
    /* A link, because rename would replace a file that appeared in between. */
    if (result == WAFER_OK && link(beside, settings->path) != 0 && errno != EEXIST)
        result = wafer_table_fail(error, "put in place", settings->path);
    if (unlink(beside) != 0 && result == WAFER_OK)
        result = wafer_table_fail(error, "remove what was made for", settings->path);
    if (result == WAFER_OK && !sync_folder(settings->path))
        result = wafer_table_fail(error, "sync the folder of", settings->path);
    free(beside);
    return result;
}
