#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "moment.h"
#include "sentence.h"

/* How often a queue that is taken meanwhile is opened again. */
#define ATTEMPTS 100

#define LOCK_PAUSE_MS  1
#define FEEDER_WAIT_MS 200

/* Rows that are written at once: without memory that might not be had. */
#define WRITTEN_AT_ONCE 64

/* ---- Its lock ---- */

static bool lock(int file, int64_t deadline_ms)
{
    while (flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        if (wafer_moment_steady() >= deadline_ms) {
            errno = ETIMEDOUT;
            return false;
        }
        wafer_moment_nap(LOCK_PAUSE_MS);
    }
    return true;
}

static bool is_named(int file, const char *path, struct stat *status)
{
    struct stat named;

    return fstat(file, status) == 0 && lstat(path, &named) == 0 && named.st_dev == status->st_dev &&
           named.st_ino == status->st_ino;
}

static int fail(wafer_error *error, int code, const char *path)
{
    (void)wafer_redis_fail(error, WAFER_SYSTEM, code,
                           code == ETIMEDOUT
                               ? "a process that does not go on holds the lock of the "
                                 "queue; find it with fuser and end it: %.120s"
                               : "cannot use the queue %.150s",
                           path);
    return -1;
}

/* Opens and locks the file that has the name then. -1 with *error. */
static int enter(const struct wafer_site *site, int flags, int64_t wait_ms, struct stat *status,
                 wafer_error *error)
{
    int64_t deadline_ms = wafer_moment_steady() + wait_ms;

    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        int file = wafer_site_open(site, site->queue, flags, false, error);

        if (file < 0)
            return -1;
        if (!lock(file, deadline_ms)) {
            int code = errno;
            (void)close(file);
            return fail(error, code, site->queue);
        }
        if (is_named(file, site->queue, status))
            return file;
        (void)close(file);
    }
    return fail(error, EAGAIN, site->queue);
}

/* ---- Appending ---- */

static bool write_all(int file, const uint8_t *bytes, size_t length, off_t at)
{
    while (length > 0) {
        ssize_t written = pwrite(file, bytes, length, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            return false;
        }
        bytes += written;
        length -= (size_t)written;
        at += written;
    }
    return true;
}

static bool write_rows(int file, const uint8_t (*records)[WAFER_WIRE_SIZE], size_t count, off_t at)
{
    uint8_t rows[WRITTEN_AT_ONCE][WAFER_QUEUE_ROW] = {{0}};

    for (size_t from = 0; from < count; from += WRITTEN_AT_ONCE) {
        size_t piece = count - from < WRITTEN_AT_ONCE ? count - from : WRITTEN_AT_ONCE;

        for (size_t i = 0; i < piece; i++)
            memcpy(rows[i], records[from + i], WAFER_WIRE_SIZE);
        if (!write_all(file, rows[0], piece * WAFER_QUEUE_ROW,
                       at + (off_t)(from * WAFER_QUEUE_ROW)))
            return false;
    }
    return true;
}

/* The folder is synced before there is a row, so a queue that has one has its name for good, also
 * when who made it was killed. A row that a crash cut off was never acknowledged. */
static bool append(const struct wafer_site *site, int file, off_t size,
                   const uint8_t (*records)[WAFER_WIRE_SIZE], size_t count)
{
    off_t end = size - size % WAFER_QUEUE_ROW;
    bool done = (end > 0 || wafer_site_sync(site)) && write_rows(file, records, count, end);

    if (!done) {
        int code = errno;
        (void)!ftruncate(file, end);
        errno = code;
    }
    return done;
}

bool wafer_queue_append(const struct wafer_site *site, const uint8_t (*records)[WAFER_WIRE_SIZE],
                        size_t count, int64_t wait_ms)
{
    wafer_error error = {.system = 0};
    struct stat status;
    int file = enter(site, O_RDWR | O_CREAT, wait_ms, &status, &error);

    if (file < 0) {
        errno = error.system != 0 ? error.system : EPERM;
        return false;
    }
    bool done = append(site, file, status.st_size, records, count);
    int code = errno;
    /* Explicitly, as a process forked meanwhile has the descriptor too; and before the disk is
     * waited for, so that others need not wait for it one after another. */
    (void)flock(file, LOCK_UN);
    if (done && fdatasync(file) != 0) {
        code = errno;
        done = false;
    }
    (void)close(file);
    errno = code;
    return done;
}

static uint64_t rows_of(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? (uint64_t)status.st_size / WAFER_QUEUE_ROW : 0;
}

uint64_t wafer_queue_length(const struct wafer_site *site)
{
    return rows_of(site->sending) + rows_of(site->queue);
}

/* ---- Taking ---- */

/* Gives the queue its other name, while nobody appends. */
static bool set_aside(const struct wafer_site *site, wafer_error *error)
{
    struct stat status;
    int file = enter(site, O_RDWR, FEEDER_WAIT_MS, &status, error);

    if (file < 0)
        return false;
    bool done = rename(site->queue, site->sending) == 0;
    if (!done)
        (void)fail(error, errno, site->queue);
    (void)flock(file, LOCK_UN);
    (void)close(file);
    return done;
}

static bool read_row(int file, uint8_t row[WAFER_QUEUE_ROW], off_t at)
{
    size_t length = 0;

    while (length < WAFER_QUEUE_ROW) {
        ssize_t got = pread(file, row + length, WAFER_QUEUE_ROW - length, at + (off_t)length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got == 0 ? EIO : errno;
            return false;
        }
        length += (size_t)got;
    }
    return true;
}

static bool read_rows(const uint8_t key[WAFER_WIRE_KEY_SIZE], size_t most,
                      struct wafer_queue_piece *piece)
{
    uint8_t row[WAFER_QUEUE_ROW];
    struct stat status;

    if (fstat(piece->file, &status) != 0)
        return false;
    piece->end = piece->begin = status.st_size - status.st_size % WAFER_QUEUE_ROW;
    for (size_t i = 0; i < most && piece->begin > 0; i++) {
        piece->begin -= WAFER_QUEUE_ROW;
        if (!read_row(piece->file, row, piece->begin))
            return false;
        if (!wafer_wire_is_signed(key, row))
            continue;
        piece->begins[piece->count] = piece->begin;
        memcpy(piece->records[piece->count++], row, WAFER_WIRE_SIZE);
    }
    return true;
}

static void let_go(struct wafer_queue_piece *piece)
{
    if (piece->file >= 0)
        (void)close(piece->file);
    piece->file = -1;
}

bool wafer_queue_take(const struct wafer_site *site, const uint8_t key[WAFER_WIRE_KEY_SIZE],
                      size_t most, struct wafer_queue_piece *piece, wafer_error *error)
{
    piece->file = -1;
    piece->count = 0;
    piece->begin = piece->end = 0;
    if (wafer_queue_length(site) == 0)
        return true;
    piece->file = wafer_site_open(site, site->sending, O_RDWR, false, error);
    /* Only if there is none for sure: the other name would take its place. */
    if (piece->file < 0 && error->system == ENOENT && set_aside(site, error))
        piece->file = wafer_site_open(site, site->sending, O_RDWR, false, error);
    if (piece->file < 0)
        return false;
    if (read_rows(key, most, piece))
        return true;
    (void)wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot read %.150s", site->sending);
    let_go(piece);
    return false;
}

bool wafer_queue_cut(const struct wafer_site *site, struct wafer_queue_piece *piece, size_t sent,
                     size_t *damaged, wafer_error *error)
{
    off_t kept = sent == piece->count ? piece->begin : piece->end;
    bool done = true;

    if (sent > 0 && sent < piece->count)
        kept = piece->begins[sent - 1];
    *damaged = 0;
    if (piece->file >= 0 && kept == 0)
        done = unlink(site->sending) == 0;
    else if (piece->file >= 0 && kept < piece->end)
        done = ftruncate(piece->file, kept) == 0;
    if (done)
        *damaged = (size_t)((piece->end - kept) / WAFER_QUEUE_ROW) - sent;
    else
        (void)wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot shorten %.150s", site->sending);
    let_go(piece);
    return done;
}
