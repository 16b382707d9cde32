#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sentence.h"

/* With the secret one could sign entries, with the password write to the stream; who can open a
 * file can lock it, and keep the feeder from starting or logouts from being queued. */
#define SECRET_MODE 0600

mode_t wafer_site_mode(bool group_readable)
{
    return group_readable ? 0640 : 0600;
}

/* ---- The folder ---- */

static wafer_result check_folder(const char *folder, bool group_readable, bool any_owner,
                                 wafer_error *error)
{
    mode_t allowed = group_readable ? 0750 : 0700;
    struct stat status;

    if (stat(folder, &status) != 0 && errno == ENOENT)
        return wafer_redis_fail(error, WAFER_SYSTEM, ENOENT,
                                "there is no folder %.80s; make it and its secret with: wafer feed "
                                "secret %.80s",
                                folder, folder);
    if (stat(folder, &status) != 0)
        return wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot look at %.150s", folder);
    if (!S_ISDIR(status.st_mode))
        return wafer_redis_fail(error, WAFER_INVALID, 0, "not a folder: %.150s", folder);
    if ((status.st_mode & 07777 & ~allowed & ~(mode_t)S_ISGID) != 0)
        return wafer_redis_fail(error, WAFER_INVALID, 0,
                                "the folder's mode %04o lets others in; set it with: chmod %04o "
                                "%.120s",
                                (unsigned)status.st_mode & 07777U, (unsigned)allowed, folder);
    if (!any_owner && status.st_uid != geteuid())
        return wafer_redis_fail(error, WAFER_INVALID, 0,
                                "the folder belongs to user %lu, and this is user %lu; go on as "
                                "that one, or give it to this one with chown -R: %.100s",
                                (unsigned long)status.st_uid, (unsigned long)geteuid(), folder);
    return WAFER_OK;
}

static char *join(const char *folder, const char *name)
{
    size_t room = strlen(folder) + strlen(name) + 2;
    char *path = malloc(room);

    if (path != NULL)
        (void)snprintf(path, room, "%s/%s", folder, name);
    return path;
}

static wafer_result find_site(const char *folder, bool group_readable, bool any_owner,
                              struct wafer_site **made, wafer_error *error)
{
    struct wafer_site *site;
    wafer_result result;

    *made = NULL;
    if (folder == NULL || *folder == '\0')
        return wafer_redis_fail(error, WAFER_INVALID, 0, "folder must name this machine's folder");
    result = check_folder(folder, group_readable, any_owner, error);
    if (result != WAFER_OK)
        return result;
    site = calloc(1, sizeof *site);
    if (site != NULL && (site->folder = realpath(folder, NULL)) != NULL) {
        site->group_readable = group_readable;
        site->table = join(site->folder, "table");
        site->state = join(site->folder, "state");
        site->queue = join(site->folder, "queue");
        site->sending = join(site->folder, "queue.sending");
        site->lock = join(site->folder, "lock");
        site->secret = join(site->folder, "secret");
        site->password = join(site->folder, "password");
        site->user = join(site->folder, "user");
    }
    if (site == NULL || site->table == NULL || site->state == NULL || site->queue == NULL ||
        site->sending == NULL || site->lock == NULL || site->secret == NULL ||
        site->password == NULL || site->user == NULL) {
        wafer_site_free(site);
        return wafer_redis_fail(error, WAFER_NO_MEMORY, 0, "no memory for the list");
    }
    *made = site;
    return WAFER_OK;
}

wafer_result wafer_site_new(const char *folder, bool group_readable, struct wafer_site **made,
                            wafer_error *error)
{
    return find_site(folder, group_readable, false, made, error);
}

wafer_result wafer_site_look(const char *folder, bool group_readable, struct wafer_site **made,
                             wafer_error *error)
{
    return find_site(folder, group_readable, group_readable, made, error);
}

void wafer_site_free(struct wafer_site *site)
{
    if (site == NULL)
        return;
    free(site->folder);
    free(site->table);
    free(site->state);
    free(site->queue);
    free(site->sending);
    free(site->lock);
    free(site->secret);
    free(site->password);
    free(site->user);
    free(site);
}

bool wafer_site_sync(const struct wafer_site *site)
{
    int folder = open(site->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = folder >= 0 && fsync(folder) == 0;
    int code = errno;

    if (folder >= 0)
        (void)close(folder);
    errno = code;
    return done;
}

/* ---- Files in it ---- */

static wafer_result check_file(int file, const char *path, mode_t allowed, bool any_owner,
                               wafer_error *error)
{
    struct stat status;

    if (fstat(file, &status) != 0)
        return wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot look at %.150s", path);
    if (!S_ISREG(status.st_mode))
        return wafer_redis_fail(error, WAFER_INVALID, 0, "not a regular file: %.150s", path);
    if (!any_owner && status.st_uid != geteuid())
        return wafer_redis_fail(error, WAFER_INVALID, 0,
                                "it belongs to user %lu, and this is user %lu: %.150s",
                                (unsigned long)status.st_uid, (unsigned long)geteuid(), path);
    if ((status.st_mode & 07777 & ~allowed) != 0)
        return wafer_redis_fail(error, WAFER_INVALID, 0,
                                "its mode %04o lets others in, it must be %04o or stricter: %.120s",
                                (unsigned)status.st_mode & 07777U, (unsigned)allowed, path);
    return WAFER_OK;
}

static int open_checked(const char *path, int flags, mode_t mode, bool any_owner,
                        wafer_error *error)
{
    /* Without O_NONBLOCK opening a FIFO might wait. */
    int usual = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    int file = open(path, flags | usual, mode);

    /* A file that stays open must not be one of the standard streams, which may be closed. */
    if (file >= 0 && file <= STDERR_FILENO) {
        int beyond = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        (void)close(file);
        file = beyond;
    }
    if (file < 0 && errno == ELOOP)
        (void)wafer_redis_fail(error, WAFER_INVALID, 0, "a symbolic link: %.150s", path);
    else if (file < 0)
        (void)wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot open %.150s", path);
    if (file < 0)
        return -1;
    if (check_file(file, path, mode, any_owner, error) != WAFER_OK) {
        (void)close(file);
        return -1;
    }
    return file;
}

int wafer_site_open(const struct wafer_site *site, const char *path, int flags, bool any_owner,
                    wafer_error *error)
{
    bool is_private = path == site->lock || path == site->queue || path == site->sending;

    return open_checked(path, flags,
                        is_private ? SECRET_MODE : wafer_site_mode(site->group_readable), any_owner,
                        error);
}

/* Reads a short text without the newline at its end; it has `room` bytes with its NUL. Who may only
 * check needs none of them, so the group may read none. */
static wafer_result read_line(const char *path, char *text, size_t room, wafer_error *error)
{
    wafer_error why = {.result = WAFER_SYSTEM};
    int file = open_checked(path, O_RDONLY, SECRET_MODE, false, &why);
    ssize_t length;

    if (file < 0) {
        if (error != NULL)
            *error = why;
        return why.result;
    }
    do
        length = read(file, text, room);
    while (length < 0 && errno == EINTR);
    int code = errno;
    (void)close(file);
    if (length < 0)
        return wafer_redis_fail(error, WAFER_SYSTEM, code, "cannot read %.150s", path);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    if ((size_t)length == room || memchr(text, '\0', (size_t)length) != NULL ||
        memchr(text, '\n', (size_t)length) != NULL)
        return wafer_redis_fail(error, WAFER_INVALID, 0, "not one line of text: %.150s", path);
    text[length] = '\0';
    return WAFER_OK;
}

wafer_result wafer_site_read_secret(const struct wafer_site *site,
                                    uint8_t secret[WAFER_SECRET_SIZE], wafer_error *error)
{
    char text[4 * WAFER_SECRET_SIZE];
    size_t length = 0;
    wafer_result result;

    if (access(site->secret, F_OK) != 0 && errno == ENOENT)
        return wafer_redis_fail(error, WAFER_SYSTEM, ENOENT,
                                "there is no secret; copy another machine's, or make the first "
                                "with \"wafer feed secret\": %.100s",
                                site->secret);
    result = read_line(site->secret, text, sizeof text, error);
    if (result == WAFER_OK &&
        (strlen(text) != (size_t)2 * WAFER_SECRET_SIZE ||
         sodium_hex2bin(secret, WAFER_SECRET_SIZE, text, strlen(text), NULL, &length, NULL) != 0 ||
         length != WAFER_SECRET_SIZE || sodium_is_zero(secret, WAFER_SECRET_SIZE) == 1))
        result = wafer_redis_fail(error, WAFER_INVALID, 0,
                                  "the secret is not 64 hex digits; copy another machine's: %.100s",
                                  site->secret);
    sodium_memzero(text, sizeof text);
    return result;
}

/* The file that is named; else the usual one if it is there; else the environment's; else "". */
static wafer_result read_setting(const char *named, const char *usual, const char *variable,
                                 char *text, size_t room, wafer_error *error)
{
    const char *value;
    size_t length;

    *text = '\0';
    if (named != NULL)
        return read_line(named, text, room, error);
    if (access(usual, F_OK) == 0 || errno != ENOENT)
        return read_line(usual, text, room, error);
    value = getenv(variable);
    length = value != NULL ? strlen(value) : 0;
    if (length >= room)
        return wafer_redis_fail(error, WAFER_INVALID, 0, "%s is longer than %zu bytes", variable,
                                room - 1);
    if (length > 0)
        memcpy(text, value, length + 1);
    return WAFER_OK;
}

wafer_result wafer_site_read_password(const struct wafer_site *site, const char *password_file,
                                      char password[WAFER_PASSWORD_MAX], wafer_error *error)
{
    return read_setting(password_file, site->password, "WAFER_REDIS_PASSWORD", password,
                        WAFER_PASSWORD_MAX, error);
}

wafer_result wafer_site_read_user(const struct wafer_site *site, char user[WAFER_USER_MAX],
                                  wafer_error *error)
{
    return read_setting(NULL, site->user, "WAFER_REDIS_USER", user, WAFER_USER_MAX, error);
}

bool wafer_site_boot(char boot[40])
{
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = file >= 0 ? read(file, boot, 39) : -1;
    int code = length < 0 ? errno : EIO;

    if (file >= 0)
        (void)close(file);
    memset(boot + 36, 0, 4);
    if (length < 36)
        memset(boot, 0, 40);
    errno = code;
    return length >= 36;
}

/* ---- The secret ---- */

/* The hex digits of a fresh key, which the library makes for key rings. */
static bool make_secret(char text[2 * WAFER_SECRET_SIZE + 2], wafer_error *error)
{
    char line[WAFER_KEYS_LINE_MAX];
    char *key;
    bool made = wafer_keys_generate(line, NULL, error) == WAFER_OK;

    /* "1 ID KEY ..." */
    key = made ? strchr(line, ' ') : NULL;
    key = key != NULL ? strchr(key + 1, ' ') : NULL;
    made = key != NULL && strlen(key) > (size_t)2 * WAFER_SECRET_SIZE;
    if (made) {
        memcpy(text, key + 1, (size_t)2 * WAFER_SECRET_SIZE);
        memcpy(text + (size_t)2 * WAFER_SECRET_SIZE, "\n", 2);
    }
    sodium_memzero(line, sizeof line);
    return made;
}

wafer_result wafer_redis_secret_new(const char *folder, bool group_readable, wafer_error *error)
{
    char text[2 * WAFER_SECRET_SIZE + 2];
    const size_t length = sizeof text - 1;
    struct wafer_site *site;
    wafer_result result;
    int file;

    if (folder == NULL)
        return wafer_redis_fail(error, WAFER_MISUSE, 0, "the folder is NULL");
    if (mkdir(folder, group_readable ? 0750 : 0700) != 0 && errno != EEXIST)
        return wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot make the folder %.150s",
                                folder);
    result = wafer_site_new(folder, group_readable, &site, error);
    if (result != WAFER_OK)
        return result;
    if (!make_secret(text, error)) {
        wafer_site_free(site);
        return WAFER_SYSTEM;
    }
    file = open(site->secret, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, SECRET_MODE);
    if (file < 0) {
        result = wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot make %.150s", site->secret);
    } else if (write(file, text, length) != (ssize_t)length || fsync(file) != 0 ||
               !wafer_site_sync(site)) {
        result = wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot write %.150s", site->secret);
        (void)unlink(site->secret);
    }
    if (file >= 0)
        (void)close(file);
    sodium_memzero(text, sizeof text);
    wafer_site_free(site);
    return result;
}
