#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* How often a queue that is taken meanwhile is opened again. */
#define ATTEMPTS 100

static bool lock(int file)
{
    while (flock(file, LOCK_EX) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

static bool is_named(int file, const char *path, struct stat *status)
{
    struct stat named;

    return fstat(file, status) == 0 && lstat(path, &named) == 0 && named.st_dev == status->st_dev &&
           named.st_ino == status->st_ino;
}

/* Opens and locks the file that has the name then. -1 with errno. */
static int enter(const struct wafer_site *site, int flags, struct stat *status)
{
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        wafer_error error = {.system = 0};
        int file = wafer_site_open(site, site->queue, flags, false, &error);

        if (file < 0) {
            errno = error.system != 0 ? error.system : EPERM;
            return -1;
        }
        if (!lock(file)) {
            int code = errno;
            (void)close(file);
            errno = code;
            return -1;
        }
        if (is_named(file, site->queue, status))
            return file;
        (void)close(file);
    }
    errno = EAGAIN;
    return -1;
}

/* Explicitly, as a process forked meanwhile has the descriptor too. */
static void leave(int file)
{
    (void)flock(file, LOCK_UN);
    (void)close(file);
}

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

bool wafer_queue_append(const struct wafer_site *site, const uint8_t (*records)[WAFER_WIRE_SIZE],
                        size_t count)
{
    struct stat status;
    uint8_t *rows = calloc(count, WAFER_QUEUE_ROW);
    int file = rows != NULL ? enter(site, O_RDWR | O_CREAT, &status) : -1;
    bool done = false;
    int code = errno;

    if (file >= 0) {
        /* A row that a crash cut off was never acknowledged. */
        off_t end = status.st_size - status.st_size % WAFER_QUEUE_ROW;

        for (size_t i = 0; i < count; i++)
            memcpy(rows + i * WAFER_QUEUE_ROW, records[i], WAFER_WIRE_SIZE);
        done = write_all(file, rows, count * WAFER_QUEUE_ROW, end) && fdatasync(file) == 0 &&
               (end > 0 || wafer_site_sync(site));
        code = errno;
        if (!done)
            (void)!ftruncate(file, end);
        leave(file);
    }
    free(rows);
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
static bool set_aside(const struct wafer_site *site)
{
    struct stat status;
    int file = enter(site, O_RDWR, &status);

    if (file < 0)
        return errno == ENOENT;
    bool done = rename(site->queue, site->sending) == 0;
    int code = errno;
    leave(file);
    errno = code;
    return done;
}

static bool read_rows(int file, const uint8_t key[WAFER_WIRE_KEY_SIZE],
                      struct wafer_queue_batch *batch, size_t rows)
{
    uint8_t row[WAFER_QUEUE_ROW];

    for (size_t i = 0; i < rows; i++) {
        ssize_t got = pread(file, row, sizeof row, (off_t)(i * WAFER_QUEUE_ROW));
        if (got < 0 && errno == EINTR) {
            i--;
            continue;
        }
        if (got < 0)
            return false;
        if (got == WAFER_QUEUE_ROW && wafer_wire_is_signed(key, row))
            memcpy(batch->records[batch->count++], row, WAFER_WIRE_SIZE);
        else
            batch->damaged++;
    }
    return true;
}

bool wafer_queue_take(const struct wafer_site *site, const uint8_t key[WAFER_WIRE_KEY_SIZE],
                      struct wafer_queue_batch *batch)
{
    wafer_error error = {.system = 0};
    struct stat status;
    bool done = false;

    *batch = (struct wafer_queue_batch){.records = NULL};
    if (wafer_queue_length(site) == 0)
        return true;
    if (access(site->sending, F_OK) != 0 && !set_aside(site))
        return false;
    int file = wafer_site_open(site, site->sending, O_RDONLY, false, &error);
    if (file < 0) {
        errno = error.system != 0 ? error.system : EPERM;
        return errno == ENOENT;
    }
    if (fstat(file, &status) == 0) {
        size_t rows = (size_t)status.st_size / WAFER_QUEUE_ROW;
        batch->records = calloc(rows > 0 ? rows : 1, WAFER_WIRE_SIZE);
        done = batch->records != NULL && read_rows(file, key, batch, rows);
    }
    int code = errno;
    (void)close(file);
    if (!done)
        wafer_queue_free(batch);
    errno = code;
    return done;
}

bool wafer_queue_done(const struct wafer_site *site)
{
    return unlink(site->sending) == 0 || errno == ENOENT;
}

void wafer_queue_free(struct wafer_queue_batch *batch)
{
    free(batch->records);
    *batch = (struct wafer_queue_batch){.records = NULL};
}
