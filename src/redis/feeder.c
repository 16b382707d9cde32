#include "feeder.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "sentence.h"

#define LOCK_PAUSE_MS 25
#define PAUSE_MIN_MS  100
#define PAUSE_MAX_MS  5000
#define CONNECT_MS    3000
#define NAP_MS        100 /* how long a sleeping feeder takes to notice that it is to stop */

/* ---- What its parts tell ---- */

void wafer_feeder_noted(struct wafer_redis_feeder *feeder, const char *text)
{
    int64_t now_ms;

    if (wafer_moment_now(&feeder->table_settings, &now_ms))
        feeder->progress.error_at_ms = now_ms;
    memset(feeder->progress.error, 0, sizeof feeder->progress.error);
    wafer_redis_copy_text(feeder->progress.error, sizeof feeder->progress.error, text,
                          strlen(text));
    wafer_state_tell(feeder->state, &feeder->progress);
}

void wafer_feeder_troubled(struct wafer_redis_feeder *feeder, const char *text)
{
    bool is_new;

    /* What fails as it is to stop is no trouble. */
    if (atomic_load(&feeder->stop))
        return;
    wafer_feeder_noted(feeder, text);
    is_new = strcmp(feeder->trouble, feeder->progress.error) != 0;
    memcpy(feeder->trouble, feeder->progress.error, sizeof feeder->trouble);
    if (is_new && feeder->watch != NULL)
        feeder->watch(feeder->context, WAFER_REDIS_TROUBLE, feeder->trouble);
}

void wafer_feeder_is_good(struct wafer_redis_feeder *feeder)
{
    if (*feeder->trouble == '\0')
        return;
    *feeder->trouble = '\0';
    if (feeder->watch != NULL)
        feeder->watch(feeder->context, WAFER_REDIS_GOOD, "heartbeats come, the table is fresh");
}

bool wafer_feeder_alive(struct wafer_redis_feeder *feeder)
{
    if (feeder->watch != NULL)
        feeder->watch(feeder->context, WAFER_REDIS_ALIVE, NULL);
    return !atomic_load(&feeder->stop);
}

void wafer_feeder_nap(struct wafer_redis_feeder *feeder, int64_t milliseconds)
{
    int64_t until_ms = wafer_moment_steady() + milliseconds;
    int64_t left_ms;

    while ((left_ms = until_ms - wafer_moment_steady()) > 0 && wafer_feeder_alive(feeder))
        wafer_moment_nap(left_ms < NAP_MS ? left_ms : NAP_MS);
}

int64_t wafer_feeder_now(struct wafer_redis_feeder *feeder)
{
    int64_t now_ms;

    if (wafer_moment_now(&feeder->table_settings, &now_ms))
        return now_ms;
    wafer_feeder_troubled(feeder, "the clock cannot be used");
    return -1;
}

/* ---- The table ---- */

bool wafer_feeder_table_is_replaced(const struct wafer_redis_feeder *feeder)
{
    struct stat status;

    return stat(feeder->site->table, &status) != 0 || (uint64_t)status.st_ino != feeder->inode ||
           atomic_load(&feeder->state->table) != feeder->inode;
}

static wafer_result open_table(struct wafer_redis_feeder *feeder, wafer_error *error)
{
    wafer_revocations_status status;
    wafer_result result;

    wafer_revocations_free(feeder->table);
    feeder->table = NULL;
    result = wafer_mirror_open_table(feeder->site, feeder->state, &feeder->table_settings,
                                     &feeder->table, &feeder->inode, error);
    if (result != WAFER_OK)
        return result;
    if (wafer_revocations_look(feeder->table, &status) != WAFER_OK)
        return wafer_redis_fail(error, WAFER_SYSTEM, 0, "the table does not tell its limits");
    feeder->skew_ms = status.skew_ms;
    return WAFER_OK;
}

/* Goes on where the feeder before it was, or forgets that one: its table was another. */
static void take_state(struct wafer_redis_feeder *feeder)
{
    struct wafer_state_file *state = feeder->state;

    (void)wafer_state_ask(state, &feeder->progress);
    atomic_store(&state->ready, 0);
    if (atomic_load(&state->table) != feeder->inode || wafer_feeder_has_new_secret(feeder) ||
        !wafer_feeder_has_last_entry(feeder)) {
        wafer_state_forget(state);
        feeder->progress = (struct wafer_progress){.error_at_ms = 0};
        atomic_store(&state->table, feeder->inode);
    }
    wafer_feeder_recall_trust(feeder);
    wafer_state_tell(state, &feeder->progress); /* also mends a half-written one */
}

/* ---- Making ---- */

static bool goes_on(void *context)
{
    return wafer_feeder_alive(context);
}

static wafer_result make_parts(struct wafer_redis_feeder *feeder,
                               const wafer_redis_settings *settings, wafer_error *error)
{
    wafer_result result = wafer_site_new(settings->folder, settings->group_readable, &feeder->site,
                                         error);

    if (result == WAFER_OK)
        result = wafer_access_new(settings, feeder->site, &feeder->access, error);
    if (result == WAFER_OK)
        result = wafer_state_open(feeder->site, true, &feeder->state, error);
    if (result == WAFER_OK)
        feeder->access->watcher = (struct wafer_watcher){goes_on, feeder};
    return result == WAFER_OK ? open_table(feeder, error) : result;
}

wafer_result wafer_redis_feeder_new(const wafer_redis_settings *settings,
                                    const wafer_revocations_settings *table,
                                    wafer_redis_feeder **made, wafer_error *error)
{
    wafer_redis_feeder *feeder;
    wafer_result result;

    if (settings == NULL || table == NULL || made == NULL)
        return wafer_redis_fail(error, WAFER_MISUSE, 0, "the settings or the result is NULL");
    *made = NULL;
    result = wafer_mirror_check_sizes(settings, table, error);
    if (result != WAFER_OK)
        return result;
    if (table->access == WAFER_ACCESS_READ)
        return wafer_redis_fail(error, WAFER_INVALID, 0, "a feeder must be able to write");
    feeder = calloc(1, sizeof *feeder);
    if (feeder == NULL)
        return wafer_redis_fail(error, WAFER_NO_MEMORY, 0, "no memory for the feeder");
    feeder->table_settings = *table;
    feeder->connection.socket = feeder->lock = -1;
    atomic_init(&feeder->stop, false);
    result = make_parts(feeder, settings, error);
    if (result == WAFER_OK)
        *made = feeder;
    else
        wafer_redis_feeder_free(feeder);
    return result;
}

void wafer_redis_feeder_free(wafer_redis_feeder *feeder)
{
    if (feeder == NULL)
        return;
    wafer_revocations_free(feeder->table);
    wafer_state_close(feeder->state);
    sodium_free(feeder->access);
    wafer_site_free(feeder->site);
    free(feeder);
}

void wafer_redis_feeder_stop(wafer_redis_feeder *feeder)
{
    if (feeder != NULL)
        atomic_store(&feeder->stop, true);
}

/* ---- Running ---- */

/* Waits until no other feeder is active. False when it is to stop, or with an error. */
static bool enter(struct wafer_redis_feeder *feeder, wafer_result *result, wafer_error *error)
{
    wafer_error why = {.result = WAFER_SYSTEM};
    bool told = false;

    feeder->lock = wafer_site_open(feeder->site, feeder->site->lock, O_RDWR | O_CREAT, false, &why);
    if (feeder->lock < 0) {
        if (error != NULL)
            *error = why;
        *result = why.result;
        return false;
    }
    while (flock(feeder->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            *result = wafer_redis_fail(error, WAFER_SYSTEM, errno, "cannot lock %.150s",
                                       feeder->site->lock);
            return false;
        }
        if (!told && feeder->watch != NULL)
            feeder->watch(feeder->context, WAFER_REDIS_WAITS,
                          "another feeder is active; waiting to take over");
        told = true;
        if (!wafer_feeder_alive(feeder))
            return false;
        wafer_moment_nap(LOCK_PAUSE_MS);
    }
    return true;
}

/* One connection, from its beginning to its end. True when it was of use. */
static bool use_connection(struct wafer_redis_feeder *feeder)
{
    struct wafer_trouble trouble = {.lost = false};
    bool caught_up;

    if (!wafer_connection_open(&feeder->connection, feeder->access,
                               wafer_moment_steady() + CONNECT_MS, &trouble)) {
        wafer_feeder_troubled(feeder, trouble.text);
        return false;
    }
    caught_up = wafer_feeder_catch_up(feeder);
    if (caught_up)
        wafer_feeder_follow(feeder);
    wafer_connection_close(&feeder->connection);
    return caught_up;
}

static wafer_result mirror(struct wafer_redis_feeder *feeder, wafer_error *error)
{
    int64_t pause_ms = PAUSE_MIN_MS;

    while (wafer_feeder_alive(feeder)) {
        if (feeder->table == NULL || wafer_feeder_table_is_replaced(feeder)) {
            wafer_result result = open_table(feeder, error);
            if (result != WAFER_OK)
                return result;
            take_state(feeder);
        }
        if (use_connection(feeder))
            pause_ms = PAUSE_MIN_MS;
        atomic_store(&feeder->state->ready, 0);
        if (atomic_load(&feeder->stop))
            break;
        (void)atomic_fetch_add(&feeder->state->reconnects, 1);
        wafer_feeder_nap(feeder, pause_ms / 2 + (int64_t)wafer_moment_spread((uint64_t)pause_ms));
        pause_ms = 2 * pause_ms < PAUSE_MAX_MS ? 2 * pause_ms : PAUSE_MAX_MS;
    }
    return WAFER_OK;
}

wafer_result wafer_redis_feeder_run(wafer_redis_feeder *feeder, wafer_redis_watch watch,
                                    void *context, wafer_error *error)
{
    wafer_result result = WAFER_OK;

    if (feeder == NULL)
        return wafer_redis_fail(error, WAFER_MISUSE, 0, "the feeder is NULL");
    feeder->watch = watch;
    feeder->context = context;
    if (enter(feeder, &result, error)) {
        atomic_store(&feeder->state->feeder, (int64_t)getpid());
        wafer_state_set_key(feeder->state, feeder->access->check);
        /* While this one waited the table may have been replaced. */
        if (wafer_feeder_table_is_replaced(feeder))
            result = open_table(feeder, error);
        if (result == WAFER_OK) {
            take_state(feeder);
            result = mirror(feeder, error);
        }
        atomic_store(&feeder->state->feeder, 0);
    }
    if (feeder->lock >= 0) {
        (void)flock(feeder->lock, LOCK_UN);
        (void)close(feeder->lock);
        feeder->lock = -1;
    }
    atomic_store(&feeder->stop, false);
    return result;
}
