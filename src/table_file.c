#include "table_file.h"

#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "file.h"
#include "table_admit.h"
#include "table_draft.h"

/* How often a file that appears, vanishes or is replaced meanwhile is tried again. */
#define ATTEMPTS 16

#define FIRST_BYTES (UINT64_C(0xFFFFFFFFFF)) /* of the format: the library's, in any version */

static bool is_read_only(const wafer_revocations_settings *settings)
{
    return settings->access == WAFER_ACCESS_READ;
}

/* ---- The file as such ---- */

static wafer_result check_table_status(const struct stat *status,
                                       const wafer_revocations_settings *settings,
                                       wafer_error *error)
{
    mode_t allowed = wafer_file_mode(settings->group_readable);
    mode_t mode = status->st_mode & 07777;
    bool any_owner = is_read_only(settings) && settings->group_readable;

    if (!S_ISREG(status->st_mode)) {
        return wafer_fail(error, WAFER_INVALID, 0, 0, "the table file is not a regular file: %s",
                          settings->path);
    }
    if (!any_owner && status->st_uid != geteuid()) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "the table file belongs to user %lu, and this is user %lu: %s",
                          (unsigned long)status->st_uid, (unsigned long)geteuid(), settings->path);
    }
    if ((mode & ~allowed) != 0) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "the table file's mode %04o lets others in, it must be %04o or stricter: "
                          "%s",
                          (unsigned)mode, (unsigned)allowed, settings->path);
    }
    return WAFER_OK;
}

/* Locks the file against others who open it. False with errno. */
static bool lock_file(int file, bool read_only)
{
    unsigned waits = 0;

    while (flock(file, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        if (!wafer_table_wait(&waits)) {
            errno = EWOULDBLOCK;
            return false;
        }
    }
    return true;
}

static bool has_path(const struct stat *locked, const char *path)
{
    struct stat named;

    return lstat(path, &named) == 0 && named.st_dev == locked->st_dev &&
           named.st_ino == locked->st_ino;
}

/* Locks and looks at an open file; *current is whether it is the one that has the path then. */
static wafer_result take_file(int file, const wafer_revocations_settings *settings, bool *current,
                              wafer_error *error)
{
    struct stat status;

    if (fstat(file, &status) != 0)
        return wafer_table_fail(error, "look at", settings->path);
    wafer_result result = check_table_status(&status, settings, error);
    if (result != WAFER_OK)
        return result;
    if (!lock_file(file, is_read_only(settings)))
        return wafer_table_fail(error, "lock", settings->path);
    *current = has_path(&status, settings->path);
    return WAFER_OK;
}

/* The descriptor stays open, so it must not be one of the standard streams', which a program that
 * was started without them would still write to. */
static int open_beyond_streams(const char *path, int flags)
{
    int file = open(path, flags);

    if (file < 0 || file > STDERR_FILENO)
        return file;
    int beyond = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int failure = errno;
    (void)close(file);
    errno = failure;
    return beyond;
}

/* Opens and locks the file. *file is -1 when there is none (*missing) or when it was replaced
 * meanwhile. Without O_NONBLOCK a FIFO would wait. */
static wafer_result open_locked(const wafer_revocations_settings *settings, int *file,
                                bool *missing, wafer_error *error)
{
    int access = is_read_only(settings) ? O_RDONLY : O_RDWR;
    bool current = false;

    *file = open_beyond_streams(settings->path,
                                access | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *missing = *file < 0 && errno == ENOENT;
    if (*missing && settings->access == WAFER_ACCESS_CREATE)
        return WAFER_OK;
    if (*file < 0 && errno == ELOOP) {
        return wafer_fail(error, WAFER_INVALID, 0, 0, "the table file is a symbolic link: %s",
                          settings->path);
    }
    if (*file < 0 && (errno == EISDIR || errno == ENXIO)) {
        return wafer_fail(error, WAFER_INVALID, 0, 0, "the table file is not a regular file: %s",
                          settings->path);
    }
    if (*file < 0)
        return wafer_table_fail(error, "open", settings->path);
    wafer_result result = take_file(*file, settings, &current, error);
    if (result != WAFER_OK || !current) {
        (void)close(*file);
        *file = -1;
    }
    return result;
}

/* ---- What is fixed ---- */

/* No number may ever lead outside the mapping, even if the checksum was made to match. */
static bool is_possible(const struct wafer_table_fixed *fixed)
{
    return fixed->capacity >= WAFER_TABLE_CAPACITY_MIN &&
           fixed->capacity <= WAFER_TABLE_CAPACITY_MAX &&
           fixed->slots_max == wafer_table_slots_max(fixed->capacity) &&
           fixed->size == wafer_table_size(fixed->capacity) &&
           fixed->skew_ms >= WAFER_TABLE_SKEW_MIN_MS && fixed->skew_ms <= WAFER_SKEW_MAX_MS &&
           fixed->grace_ms >= 0 && fixed->grace_ms <= WAFER_TABLE_GRACE_MAX_MS;
}

static bool is_of_the_library(uint64_t format)
{
    return ((format ^ WAFER_TABLE_FORMAT) & FIRST_BYTES) == 0;
}

static wafer_result fail_other_machine(wafer_error *error, const char *path)
{
    return wafer_fail(error, WAFER_INVALID, 0, 0,
                      "the table file is of another machine type; " WAFER_TABLE_REMEDY "%s", path);
}

static wafer_result check_fixed(const struct wafer_table_fixed *fixed, uint64_t size,
                                const char *path, wafer_error *error)
{
    uint8_t checksum[sizeof fixed->checksum];

    if (is_of_the_library(bswap_64(fixed->format)))
        return fail_other_machine(error, path);
    if (!is_of_the_library(fixed->format))
        return wafer_fail(error, WAFER_INVALID, 0, 0, "not a table file: %s", path);
    if (fixed->format != WAFER_TABLE_FORMAT) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "the table file is of another version of the library; " WAFER_TABLE_REMEDY
                          "%s",
                          path);
    }
    if (fixed->mutex_size != sizeof(pthread_mutex_t) || fixed->pointer_size != sizeof(void *))
        return fail_other_machine(error, path);
    wafer_table_checksum(fixed, checksum);
    if (sodium_memcmp(checksum, fixed->checksum, sizeof checksum) != 0 || !is_possible(fixed))
        return wafer_table_damaged(error, path);
    if (fixed->size != size) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "the table file has %" PRIu64 " bytes instead of %" PRIu64
                          "; " WAFER_TABLE_REMEDY "%s",
                          size, fixed->size, path);
    }
    return WAFER_OK;
}

static wafer_result differs(wafer_error *error, const char *what, uint64_t of_file,
                            uint64_t of_settings, const char *path)
{
    return wafer_fail(error, WAFER_INVALID, 0, 0,
                      "the table file's %s is %" PRIu64 ", the settings' is %" PRIu64
                      "; change the settings, or %s%s",
                      what, of_file, of_settings, WAFER_TABLE_REMEDY, path);
}

static wafer_result check_same_settings(const struct wafer_table_fixed *fixed,
                                    const wafer_revocations_settings *settings, wafer_error *error)
{
    if (settings->access != WAFER_ACCESS_CREATE)
        return WAFER_OK;
    if (fixed->capacity != settings->capacity)
        return differs(error, "capacity", fixed->capacity, settings->capacity, settings->path);
    if (fixed->skew_ms != settings->skew_ms) {
        return differs(error, "skew_ms", (uint64_t)fixed->skew_ms, (uint64_t)settings->skew_ms,
                       settings->path);
    }
    if (fixed->grace_ms != settings->grace_ms) {
        return differs(error, "grace_ms", (uint64_t)fixed->grace_ms, (uint64_t)settings->grace_ms,
                       settings->path);
    }
    return WAFER_OK;
}

static wafer_result read_fixed(int file, const wafer_revocations_settings *settings,
                               struct wafer_table_fixed *fixed, wafer_error *error)
{
    struct stat status;
    ssize_t got;

    do
        got = pread(file, fixed, sizeof *fixed, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return wafer_table_fail(error, "read", settings->path);
    if (fstat(file, &status) != 0)
        return wafer_table_fail(error, "look at", settings->path);
    if ((size_t)got < sizeof *fixed) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "the table file is cut short; " WAFER_TABLE_REMEDY "%s", settings->path);
    }
    wafer_result result = check_fixed(fixed, (uint64_t)status.st_size, settings->path, error);
    return result == WAFER_OK ? check_same_settings(fixed, settings, error) : result;
}

static wafer_result map_file(struct wafer_table *table, int file,
                             const wafer_revocations_settings *settings, wafer_error *error)
{
    struct wafer_table_fixed fixed;
    wafer_result result = read_fixed(file, settings, &fixed, error);

    if (result != WAFER_OK)
        return result;
    int status = wafer_table_map_file(table, &fixed, file, !is_read_only(settings));
    if (status == 0)
        return WAFER_OK;
    return wafer_fail(error, WAFER_SYSTEM, status, 0, "cannot map the table file %s",
                      settings->path);
}

/* Makes a table of an open, locked file, or closes it. */
static wafer_result use(struct wafer_table *table, int file,
                        const wafer_revocations_settings *settings, wafer_error *error)
{
    wafer_result result = map_file(table, file, settings, error);
    bool is_mapped = result == WAFER_OK;

    if (is_mapped)
        result = wafer_table_admit(table, settings, error);
    /* Explicitly, because a process forked meanwhile has the descriptor, too. */
    (void)flock(file, LOCK_UN);
    if (!is_mapped)
        (void)close(file);
    else if (result != WAFER_OK)
        wafer_table_unmap(table);
    else if (is_read_only(settings))
        wafer_table_close(table);
    return result;
}

wafer_result wafer_table_file_open(struct wafer_table *table,
                                   const wafer_revocations_settings *settings, wafer_error *error)
{
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        int file;
        bool missing;
        wafer_result result = open_locked(settings, &file, &missing, error);

        if (result == WAFER_OK && file >= 0)
            return use(table, file, settings, error);
        if (result == WAFER_OK && missing)
            result = wafer_table_draft(settings, error);
        if (result != WAFER_OK)
            return result;
    }
    errno = EAGAIN;
    return wafer_table_fail(error, "keep up with what happens to", settings->path);
}
