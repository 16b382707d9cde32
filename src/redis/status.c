#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "queue.h"
#include "sentence.h"
#include "state.h"
#include "stream.h"

/* The group may not open the lock: it asks whether there is the process that the state names. */
static bool is_alive(int64_t process)
{
    return process > 0 && (pid_t)process == process &&
           (kill((pid_t)process, 0) == 0 || errno == EPERM);
}

/* Nobody is active who does not hold the lock, whatever the state says. */
static bool is_active(const struct wafer_site *site, const struct wafer_state_file *state)
{
    wafer_error error = {.system = 0};
    int file = wafer_site_open(site, site->lock, O_RDONLY, true, &error);
    bool taken;

    if (file < 0)
        return error.system == EACCES && is_alive(atomic_load(&state->feeder));
    taken = flock(file, LOCK_SH | LOCK_NB) != 0;
    (void)flock(file, LOCK_UN);
    (void)close(file);
    return taken;
}

static void read_counters(const struct wafer_state_file *state, wafer_redis_status *status)
{
    status->published = atomic_load(&state->published);
    status->applied = atomic_load(&state->applied);
    status->bad = atomic_load(&state->bad);
    status->full = atomic_load(&state->full);
    status->reconnects = atomic_load(&state->reconnects);
    status->syncs = atomic_load(&state->syncs);
    status->republished = atomic_load(&state->republished);
}

static void read_progress(const struct wafer_state_file *state, wafer_redis_status *status)
{
    struct wafer_progress progress;

    (void)wafer_state_ask(state, &progress);
    status->error_at_ms = progress.error_at_ms;
    memcpy(status->error, progress.error, sizeof status->error);
    memcpy(status->redis_version, progress.redis_version, sizeof status->redis_version);
    wafer_stream_id_write(&progress.last, status->last_id);
}

static void read_table(const struct wafer_site *site, wafer_redis_status *status)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations_status of_table;
    wafer_revocations *table;

    settings.path = site->table;
    settings.access = WAFER_ACCESS_READ;
    settings.group_readable = site->group_readable;
    if (wafer_revocations_new(&settings, &table, NULL) != WAFER_OK)
        return;
    if (wafer_revocations_look(table, &of_table) == WAFER_OK) {
        status->entries = of_table.entries;
        status->capacity = of_table.capacity;
    }
    wafer_revocations_free(table);
}

wafer_result wafer_redis_look(const char *folder, wafer_redis_status *status, wafer_error *error)
{
    struct wafer_state_file *state;
    struct wafer_site *site;
    wafer_result result;

    if (folder == NULL || status == NULL)
        return wafer_redis_fail(error, WAFER_MISUSE, 0, "the folder or the result is NULL");
    *status = (wafer_redis_status){.ready = false};
    /* Whoever can read may look; a folder for the group is none of less safety. */
    result = wafer_site_look(folder, true, &site, error);
    if (result != WAFER_OK)
        return result;
    result = wafer_state_open(site, false, &state, error);
    if (result == WAFER_OK) {
        bool current = wafer_state_is_current(state);
        bool active = current && is_active(site, state);

        status->ready = active && atomic_load(&state->ready) != 0;
        status->other_secret = active && atomic_load(&state->other_secret) != 0;
        status->feeder = active ? atomic_load(&state->feeder) : 0;
        status->as_of_ms = current ? atomic_load(&state->as_of_ms) : 0;
        status->queued = wafer_queue_length(site);
        read_counters(state, status);
        read_progress(state, status);
        read_table(site, status);
        wafer_state_close(state);
    }
    wafer_site_free(site);
    return result;
}
