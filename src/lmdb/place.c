#include "place.h"

#include "sentence.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS     64
#define WAITS        3000
#define WAIT_STEP_NS 10000000

/* LMDB divides by the page size that it finds in the file. It stands behind the page's header, the
 * magic number, the version, an address and a size. */
#define PAGE_SIZE_AT (sizeof(size_t) + 8 + 8 + 2 * sizeof(size_t))

mode_t wafer_place_mode(bool group_readable)
{
    return group_readable ? 0640 : 0600;
}

wafer_result wafer_place_resolve(const char *path, char **resolved, wafer_error *error)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    char *real = folder != NULL ? realpath(folder, NULL) : NULL;
    int code = errno;

    free(folder);
    *resolved = NULL;
    if (real == NULL)
        return wafer_journal_fail_code(error, folder == NULL ? ENOMEM : code, path);
    size_t size = strlen(real) + 1 + strlen(name) + 1;
    *resolved = malloc(size);
    if (*resolved != NULL)
        (void)snprintf(*resolved, size, "%s/%s", real, name);
    free(real);
    return *resolved != NULL ? WAFER_OK : wafer_journal_fail_code(error, ENOMEM, path);
}

static wafer_result check_status(const struct stat *status, const char *path, bool group_readable,
                                 wafer_error *error)
{
    mode_t allowed = wafer_place_mode(group_readable);

    if (!S_ISREG(status->st_mode))
        return wafer_journal_fail(error, WAFER_INVALID, 0, "not a regular file: %s", path);
    if (status->st_uid != geteuid())
        return wafer_journal_fail(error, WAFER_INVALID, 0, "another user's file: %s", path);
    if ((status->st_mode & 07777 & ~allowed) != 0)
        return wafer_journal_fail(error, WAFER_INVALID, 0,
                                  "mode %04o lets others in, it must be %04o or stricter: %s",
                                  (unsigned)status->st_mode & 07777, (unsigned)allowed, path);
    return WAFER_OK;
}

static wafer_result check_beginning(int file, const struct stat *status, const char *path,
                                    wafer_error *error)
{
    uint32_t page_size;

    if (status->st_size == 0)
        return wafer_journal_fail(error, WAFER_INVALID, 0,
                                  "the journal is empty, so it was cut off or is none; restore it, "
                                  "or remove it and start with REFUSES_OLDER: %s",
                                  path);
    ssize_t length = pread(file, &page_size, sizeof page_size, PAGE_SIZE_AT);
    if (length < 0)
        return wafer_journal_fail_code(error, errno, path);
    if (length < (ssize_t)sizeof page_size || page_size < 256 || page_size > 65536 ||
        (page_size & (page_size - 1)) != 0)
        return wafer_journal_fail(error, WAFER_INVALID, 0, "not a journal, or damaged: %s", path);
    return WAFER_OK;
}

/* Waits for those who open or close it, but not for ever: who takes longer hangs. */
static int lock(int file)
{
    const struct timespec step = {0, WAIT_STEP_NS};

    for (unsigned wait = 0; flock(file, LOCK_EX | LOCK_NB) != 0; wait++) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || wait == WAITS)
            return -1;
        (void)nanosleep(&step, NULL);
    }
    return 0;
}

/* True when the path still names the file that was opened and then locked. */
static bool is_named(const char *path, const struct stat *status)
{
    struct stat named;

    return lstat(path, &named) == 0 && named.st_dev == status->st_dev &&
           named.st_ino == status->st_ino;
}

wafer_result wafer_place_enter(const char *path, bool group_readable, int *file,
                               struct stat *status, wafer_error *error)
{
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        /* Without O_NONBLOCK opening a device might wait. */
        *file = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
        if (*file < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
            return wafer_journal_fail(error, WAFER_INVALID, 0, "not a regular file: %s", path);
        if (*file < 0)
            return wafer_journal_fail_code(error, errno, path);
        if (lock(*file) != 0 || fstat(*file, status) != 0) {
            int code = errno;
            (void)close(*file);
            return wafer_journal_fail_code(error, code, path);
        }
        if (is_named(path, status)) {
            wafer_result result = check_status(status, path, group_readable, error);
            if (result == WAFER_OK)
                result = check_beginning(*file, status, path, error);
            if (result != WAFER_OK)
                wafer_place_leave(*file);
            return result;
        }
        wafer_place_leave(*file);
    }
    return wafer_journal_fail_code(error, EBUSY, path);
}

/* Not on LMDB's descriptor: forked children have it too, and would keep the lock of one that was
 * killed. */
int wafer_place_enter_again(const char *path, dev_t device, ino_t inode)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;

    if (file >= 0 && (fstat(file, &status) != 0 || status.st_dev != device ||
                      status.st_ino != inode || lock(file) != 0)) {
        (void)close(file);
        return -1;
    }
    return file;
}

struct wafer_place_streams wafer_place_hold_streams(void)
{
    struct wafer_place_streams streams = {{-1, -1, -1}};

    for (size_t i = 0; i < sizeof streams.held / sizeof *streams.held; i++) {
        int file = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (file < 0 || file > STDERR_FILENO) {
            if (file >= 0)
                (void)close(file);
            break;
        }
        streams.held[i] = file;
    }
    return streams;
}

void wafer_place_free_streams(const struct wafer_place_streams *streams)
{
    for (size_t i = 0; i < sizeof streams->held / sizeof *streams->held; i++)
        if (streams->held[i] >= 0)
            (void)close(streams->held[i]);
}

void wafer_place_leave(int file)
{
    if (file >= 0) {
        (void)flock(file, LOCK_UN);
        (void)close(file);
    }
}

wafer_result wafer_place_make_lock_file(const char *path, bool group_readable, wafer_error *error)
{
    mode_t mode = wafer_place_mode(group_readable);
    char name[PATH_MAX];
    struct stat status;

    int length = snprintf(name, sizeof name, "%s" WAFER_JOURNAL_LOCK_SUFFIX, path);
    if (length < 0 || (size_t)length >= sizeof name)
        return wafer_journal_fail_code(error, ENAMETOOLONG, path);
    int file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (file >= 0) {
        int code = fchmod(file, mode) == 0 ? 0 : errno;
        (void)close(file);
        return code == 0 ? WAFER_OK : wafer_journal_fail_code(error, code, name);
    }
    if (errno != EEXIST || lstat(name, &status) != 0)
        return wafer_journal_fail_code(error, errno, name);
    return check_status(&status, name, group_readable, error);
}
