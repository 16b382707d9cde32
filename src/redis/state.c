#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "moment.h"
#include "sentence.h"

#define VERSION 4
#define ORDER   0x01020304U
#define ASKS    1000

#define LOCK_WAIT_MS 1000

/* A request's time is that when it began; the feeder may have gone on since. */
#define AHEAD_MS 1000

static const char magic[8] = "wafersta";

/* False when the start of the machine cannot be told now, and could at another time. */
static bool make_blank(struct wafer_state_file *state)
{
    memset(state, 0, sizeof *state);
    memcpy(state->magic, magic, sizeof state->magic);
    state->version = VERSION;
    state->order = ORDER;
    state->size = sizeof *state;
    return wafer_site_boot(state->boot) || errno == ENOENT || errno == EACCES;
}

/* A crash may leave a file that was cut, or of which no byte reached the disk. It says nothing that
 * the stream does not tell again. */
static bool is_left_over(const struct wafer_state_file *found, ssize_t length)
{
    return length < (ssize_t)sizeof *found ||
           sodium_is_zero((const unsigned char *)found, sizeof *found) == 1;
}

/* The group, which may read the file, can lock it too, and must not keep anybody from starting. */
static bool lock(int file, bool write)
{
    int64_t deadline_ms = wafer_moment_steady() + LOCK_WAIT_MS;

    while (flock(file, (write ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
        if (wafer_moment_steady() >= deadline_ms)
            return false;
        wafer_moment_nap(1);
    }
    return true;
}

/* A file that is new, or was cut before it was whole, is written; another one must be ours. */
static wafer_result check_content(int file, const char *path, bool write, bool locked,
                                  wafer_error *error)
{
    struct wafer_state_file fresh;
    struct wafer_state_file found;
    ssize_t length = pread(file, &found, sizeof found, 0);
    bool ours = length == (ssize_t)sizeof found && memcmp(found.magic, magic, sizeof magic) == 0 &&
                found.version == VERSION && found.order == ORDER && found.size == sizeof found;

    if (length < 0)
        return wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot read %.150s", path);
    if (!make_blank(&fresh))
        return wafer_redis_fail(error, WAFER_SYSTEM, errno,
                                "cannot tell when this machine was started");
    if (!ours && !(write && is_left_over(&found, length)))
        return wafer_redis_fail(error, WAFER_INVALID, 0,
                                "damaged, or of another version of the library; stop what uses it, "
                                "remove it and start again: %.100s",
                                path);
    if (!write || (ours && memcmp(found.boot, fresh.boot, sizeof fresh.boot) == 0))
        return WAFER_OK;
    if (!locked)
        return wafer_redis_fail(error, WAFER_SYSTEM, EWOULDBLOCK,
                                "a process that does not go on holds its lock; find it with fuser "
                                "and end it: %.120s",
                                path);
    if (pwrite(file, &fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh)
        return wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot write %.150s", path);
    return WAFER_OK;
}

wafer_result wafer_state_open(const struct wafer_site *site, bool write,
                              struct wafer_state_file **state, wafer_error *error)
{
    wafer_error why = {.result = WAFER_SYSTEM};
    int file = wafer_site_open(site, site->state, write ? O_RDWR | O_CREAT : O_RDONLY,
                               !write && site->group_readable, &why);
    wafer_result result;
    void *mapped;

    *state = NULL;
    if (file < 0) {
        if (error != NULL)
            *error = why;
        return why.result;
    }
    result = check_content(file, site->state, write, lock(file, write), error);
    (void)flock(file, LOCK_UN);
    if (result == WAFER_OK) {
        mapped = mmap(NULL, sizeof **state, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                      file, 0);
        if (mapped != MAP_FAILED)
            *state = mapped;
        else
            result = wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot map %.150s", site->state);
    }
    (void)close(file);
    return result;
}

int wafer_state_lock(const struct wafer_site *site)
{
    wafer_error error;
    int file = wafer_site_open(site, site->state, O_RDWR, false, &error);

    if (file >= 0 && !lock(file, true)) {
        (void)close(file);
        return -1;
    }
    return file;
}

void wafer_state_unlock(int lock)
{
    if (lock < 0)
        return;
    /* Explicitly, as a process forked meanwhile has the descriptor too. */
    (void)flock(lock, LOCK_UN);
    (void)close(lock);
}

void wafer_state_close(struct wafer_state_file *state)
{
    if (state != NULL)
        (void)munmap(state, sizeof *state);
}

bool wafer_state_is_current(const struct wafer_state_file *state)
{
    char boot[40] = "";

    (void)wafer_site_boot(boot);
    return memcmp(state->boot, boot, sizeof boot) == 0;
}

void wafer_state_forget(struct wafer_state_file *state)
{
    atomic_store(&state->table, 0);
    atomic_store(&state->as_of_ms, 0);
    atomic_store(&state->ready, 0);
}

bool wafer_state_is_fresh(const struct wafer_state_file *state, uint64_t table, int64_t now_ms,
                          int64_t stale_ms)
{
    /* In this order: whose table it is was said after what was told of the one before was gone. */
    bool is_of_table = atomic_load_explicit(&state->table, memory_order_acquire) == table;
    int64_t as_of_ms = atomic_load_explicit(&state->as_of_ms, memory_order_acquire);

    /* A time that lies ahead says that the clock was set back, not that the table is fresh. */
    return is_of_table && as_of_ms > 0 && now_ms >= 0 && now_ms <= WAFER_TIME_MAX_MS &&
           as_of_ms <= WAFER_TIME_MAX_MS && now_ms - as_of_ms <= stale_ms &&
           as_of_ms - now_ms <= AHEAD_MS;
}

static uint64_t first_bytes(const uint8_t check[WAFER_WIRE_CHECK_SIZE])
{
    uint64_t bytes;

    memcpy(&bytes, check, sizeof bytes);
    return bytes;
}

void wafer_state_set_key(struct wafer_state_file *state, const uint8_t check[WAFER_WIRE_CHECK_SIZE])
{
    atomic_store(&state->check, first_bytes(check));
}

bool wafer_state_takes_key(const struct wafer_state_file *state,
                           const uint8_t check[WAFER_WIRE_CHECK_SIZE])
{
    uint64_t known = atomic_load(&state->check);

    return atomic_load(&state->other_secret) == 0 && (known == 0 || known == first_bytes(check));
}

void wafer_state_tell(struct wafer_state_file *state, const struct wafer_progress *progress)
{
    uint64_t sequence = atomic_load_explicit(&state->sequence, memory_order_relaxed) | 1;
    const char *from = (const char *)progress;

    atomic_store_explicit(&state->sequence, sequence, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < WAFER_PROGRESS_WORDS; i++) {
        uint64_t word;
        memcpy(&word, from + i * sizeof word, sizeof word);
        atomic_store_explicit(&state->progress[i], word, memory_order_relaxed);
    }
    atomic_store_explicit(&state->sequence, sequence + 1, memory_order_release);
}

bool wafer_state_ask(const struct wafer_state_file *state, struct wafer_progress *progress)
{
    char *to = (char *)progress;

    for (unsigned ask = 0; ask < ASKS; ask++) {
        uint64_t before = atomic_load_explicit(&state->sequence, memory_order_acquire);
        for (size_t i = 0; i < WAFER_PROGRESS_WORDS; i++) {
            uint64_t word = atomic_load_explicit(&state->progress[i], memory_order_relaxed);
            memcpy(to + i * sizeof word, &word, sizeof word);
        }
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 &&
            atomic_load_explicit(&state->sequence, memory_order_relaxed) == before) {
            /* Texts that something else wrote must end all the same. */
            progress->run_id[sizeof progress->run_id - 1] = '\0';
            progress->redis_version[sizeof progress->redis_version - 1] = '\0';
            progress->error[sizeof progress->error - 1] = '\0';
            return true;
        }
    }
    *progress = (struct wafer_progress){.error_at_ms = 0};
    return false;
}
