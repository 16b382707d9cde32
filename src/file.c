#include "file.h"

#include "error.h"
#include "nonce.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP_MAY_NOT_READ (S_IWGRP | S_IXGRP)

/* A temporary file's name is the file's own, a dot, so many random bytes in hex, and the suffix. */
#define RANDOM_BYTES 8
#define SUFFIX       ".tmp"

#define LOCK_ATTEMPTS 16

/* A file being written. The folder is held open, so that it stays the same one to the end. */
struct draft {
    int folder;
    int file;
    const char *name; /* in the folder */
    char *temporary;  /* likewise, to be removed while `file` is open */
};

static wafer_result fail_with_errno(wafer_error *error, const char *what, const char *path)
{
    wafer_result result = errno == ENOMEM ? WAFER_NO_MEMORY : WAFER_SYSTEM;

    (void)wafer_fail(error, result, result == WAFER_SYSTEM ? errno : 0, 0, "%s %s%s", what, path,
                     result == WAFER_SYSTEM ? "" : ": no memory");
    return result;
}

mode_t wafer_file_mode(bool group_readable)
{
    return group_readable ? 0640 : 0600;
}

/* Without O_NONBLOCK opening a FIFO would wait for a writer. Symbolic links are followed, because
 * secrets are often mounted behind one. */
static int open_to_read(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static wafer_result check_status(const struct stat *status, const char *path, bool group_readable,
                                 wafer_error *error)
{
    mode_t refused = S_IRWXO | (group_readable ? GROUP_MAY_NOT_READ : S_IRWXG);

    if (!S_ISREG(status->st_mode))
        return wafer_fail(error, WAFER_INVALID, 0, 0, "not a regular file: %s", path);
    if ((status->st_mode & refused) != 0) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "mode %04o lets others in, it must be %04o or stricter: %s",
                          (unsigned)status->st_mode & 07777U,
                          (unsigned)wafer_file_mode(group_readable), path);
    }
    return WAFER_OK;
}

/* Reads until the end or `size` bytes; -1 with errno. */
static ssize_t read_whole(int file, char *bytes, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t got = read(file, bytes + length, size - length);

        if (got == 0)
            break;
        if (got > 0)
            length += (size_t)got;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)length;
}

static bool write_whole(int file, const char *bytes, size_t length)
{
    size_t written = 0;

    while (written < length) {
        ssize_t got = write(file, bytes + written, length - written);

        if (got >= 0)
            written += (size_t)got;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

/* Reads `size` bytes and one more, to notice a file that has grown since it was looked at. */
static wafer_result read_sized(int file, size_t size, const char *path, char **text, size_t *length,
                               wafer_error *error)
{
    char *bytes = sodium_malloc(size + 1);
    ssize_t got;

    if (bytes == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory to read %s", path);
    got = read_whole(file, bytes, size + 1);
    if (got >= 0 && (size_t)got <= size) {
        bytes[got] = '\0';
        *text = bytes;
        *length = (size_t)got;
        return WAFER_OK;
    }
    if (got >= 0)
        errno = EAGAIN;
    fail_with_errno(error, got < 0 ? "cannot read" : "it grew while it was read:", path);
    sodium_free(bytes);
    return WAFER_SYSTEM;
}

wafer_result wafer_file_read(const char *path, bool group_readable, size_t maximum, char **text,
                             size_t *length, wafer_error *error)
{
    struct stat status;
    wafer_result result;
    int file = open_to_read(path);

    if (file < 0)
        return fail_with_errno(error, "cannot open", path);
    if (fstat(file, &status) != 0)
        result = fail_with_errno(error, "cannot look at", path);
    else
        result = check_status(&status, path, group_readable, error);
    if (result == WAFER_OK && (uintmax_t)status.st_size > maximum) {
        result = wafer_fail(error, WAFER_TOO_LARGE, 0, 0, "larger than %zu bytes: %s", maximum,
                            path);
    }
    if (result == WAFER_OK)
        result = read_sized(file, (size_t)status.st_size, path, text, length, error);
    (void)close(file);
    return result;
}

char *wafer_file_name_beside(const char *path)
{
    uint8_t bytes[RANDOM_BYTES];
    char hex[2 * RANDOM_BYTES + 1];
    size_t size = strlen(path) + sizeof hex + sizeof SUFFIX + 1;

    if (!wafer_random(bytes, sizeof bytes)) {
        errno = EIO;
        return NULL;
    }
    char *name = malloc(size);
    if (name == NULL)
        return NULL;
    (void)sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
    (void)snprintf(name, size, "%s.%s" SUFFIX, path, hex);
    return name;
}

int wafer_file_open_folder(const char *path)
{
    char *folder = strdup(path);

    if (folder == NULL)
        return -1;
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder] = '\0';
    int file = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return file;
}

/* Removes the temporary file if it is still there. False with errno. */
static bool remove_temporary(struct draft *draft)
{
    (void)close(draft->file);
    draft->file = -1;
    return unlinkat(draft->folder, draft->temporary, 0) == 0;
}

static void end_draft(struct draft *draft)
{
    if (draft->file >= 0)
        (void)remove_temporary(draft);
    if (draft->folder >= 0)
        (void)close(draft->folder);
    free(draft->temporary);
}

/* Opens the temporary file. On error end_draft still has to be called. */
static wafer_result begin_draft(struct draft *draft, const char *path, wafer_error *error)
{
    const char *slash = strrchr(path, '/');

    *draft = (struct draft){.file = -1, .name = slash != NULL ? slash + 1 : path};
    draft->folder = wafer_file_open_folder(path);
    if (draft->folder < 0)
        return fail_with_errno(error, "cannot open the folder of", path);
    draft->temporary = wafer_file_name_beside(draft->name);
    if (draft->temporary == NULL)
        return fail_with_errno(error, "cannot name a temporary file for", path);
    draft->file = openat(draft->folder, draft->temporary,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         wafer_file_mode(false));
    if (draft->file < 0)
        return fail_with_errno(error, "cannot create a temporary file beside", path);
    return WAFER_OK;
}

/* Gives the temporary file the owner, group and mode of the old one: the owner first, so that no
 * other group can read in between. */
static wafer_result take_after(const struct draft *draft, const struct stat *old, const char *path,
                               wafer_error *error)
{
    struct stat status;

    if (fstat(draft->file, &status) != 0)
        return fail_with_errno(error, "cannot look at the temporary file for", path);
    if ((status.st_uid != old->st_uid || status.st_gid != old->st_gid) &&
        fchown(draft->file, old->st_uid, old->st_gid) != 0)
        return fail_with_errno(error, "cannot keep owner and group of", path);
    if (fchmod(draft->file, old->st_mode & 07777) != 0)
        return fail_with_errno(error, "cannot keep the mode of", path);
    return WAFER_OK;
}

static wafer_result write_draft(const struct draft *draft, const char *path, const char *text,
                                size_t length, wafer_error *error)
{
    if (!write_whole(draft->file, text, length) || fsync(draft->file) != 0)
        return fail_with_errno(error, "cannot write", path);
    return WAFER_OK;
}

/* Some file systems cannot sync a folder, and need not: EINVAL. */
bool wafer_file_sync_folder(int folder)
{
    return fsync(folder) == 0 || errno == EINVAL;
}

/* A link, because rename would replace a file that appeared in between. */
static wafer_result publish_new(struct draft *draft, const char *path, wafer_error *error)
{
    if (linkat(draft->folder, draft->temporary, draft->folder, draft->name, 0) != 0)
        return fail_with_errno(error, "cannot create", path);
    if (!remove_temporary(draft) || !wafer_file_sync_folder(draft->folder)) {
        wafer_result result = fail_with_errno(error, "cannot finish creating", path);

        (void)unlinkat(draft->folder, draft->name, 0);
        return result;
    }
    return WAFER_OK;
}

static wafer_result publish_over(struct draft *draft, const char *path, wafer_error *error)
{
    if (renameat(draft->folder, draft->temporary, draft->folder, draft->name) != 0)
        return fail_with_errno(error, "cannot replace", path);
    (void)close(draft->file);
    draft->file = -1;
    if (!wafer_file_sync_folder(draft->folder))
        return fail_with_errno(error, "replaced, but cannot sync the folder of", path);
    return WAFER_OK;
}

wafer_result wafer_file_create(const char *path, bool group_readable, const char *text,
                               size_t length, wafer_error *error)
{
    struct draft draft;
    wafer_result result;

    result = begin_draft(&draft, path, error);
    /* Whatever the umask says. */
    if (result == WAFER_OK && fchmod(draft.file, wafer_file_mode(group_readable)) != 0)
        result = fail_with_errno(error, "cannot set the mode of", path);
    if (result == WAFER_OK)
        result = write_draft(&draft, path, text, length, error);
    if (result == WAFER_OK)
        result = publish_new(&draft, path, error);
    end_draft(&draft);
    return result;
}

static wafer_result replace_target(const char *target, const char *text, size_t length,
                                   wafer_error *error)
{
    struct stat old;
    struct draft draft;
    wafer_result result;

    if (stat(target, &old) != 0)
        return fail_with_errno(error, "cannot look at", target);
    if (!S_ISREG(old.st_mode))
        return wafer_fail(error, WAFER_INVALID, 0, 0, "not a regular file: %s", target);
    result = begin_draft(&draft, target, error);
    if (result == WAFER_OK)
        result = take_after(&draft, &old, target, error);
    if (result == WAFER_OK)
        result = write_draft(&draft, target, text, length, error);
    if (result == WAFER_OK)
        result = publish_over(&draft, target, error);
    end_draft(&draft);
    return result;
}

wafer_result wafer_file_replace(const char *path, const char *text, size_t length,
                                wafer_error *error)
{
    char *target = realpath(path, NULL);
    wafer_result result;

    if (target == NULL)
        return fail_with_errno(error, "cannot find", path);
    result = replace_target(target, text, length, error);
    free(target);
    return result;
}

/* True when the locked file still has this path. */
static bool still_has_path(int lock, const char *path)
{
    struct stat locked;
    struct stat named;

    return fstat(lock, &locked) == 0 && stat(path, &named) == 0 && locked.st_dev == named.st_dev &&
           locked.st_ino == named.st_ino;
}

wafer_result wafer_file_lock(const char *path, int *lock, wafer_error *error)
{
    for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
        int file = open_to_read(path);

        if (file < 0)
            return fail_with_errno(error, "cannot open", path);
        if (flock(file, LOCK_EX | LOCK_NB) != 0) {
            wafer_result result = fail_with_errno(error, "cannot lock", path);

            (void)close(file);
            return result;
        }
        if (still_has_path(file, path)) {
            *lock = file;
            return WAFER_OK;
        }
        (void)close(file);
    }
    errno = EWOULDBLOCK;
    return fail_with_errno(error, "replaced again and again while being locked:", path);
}
