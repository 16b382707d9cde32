#include "journal.h"

#include "sentence.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH       10000 /* rows dropped in one transaction */
#define SMALL_BATCH 32    /* when there is hardly room to drop any */

/* What one process has of a journal. A child makes its own and never touches its parent's, neither
 * the environment nor the mutex, which a thread that is not in the child may hold. The list of all
 * environments keeps the parent's from being a leak. */
struct wafer_journal_process {
    struct wafer_environment environment;
    pthread_mutex_t mutex; /* held while a transaction writes, so that the map can be moved */
};

struct wafer_journal {
    char *path;
    bool group_readable;
    struct wafer_journal_process *_Atomic process; /* changed under the environments' lock */
};

static void free_process(struct wafer_journal_process *process)
{
    if (process != NULL && process->environment.handle == NULL) {
        (void)pthread_mutex_destroy(&process->mutex);
        free(process);
    }
}

static wafer_result open_process(struct wafer_journal *journal, size_t map_size, wafer_error *error)
{
    struct wafer_journal_process *process = calloc(1, sizeof *process);

    if (process == NULL)
        return wafer_journal_fail_code(error, ENOMEM, journal->path);
    if (pthread_mutex_init(&process->mutex, NULL) != 0) {
        free(process);
        return wafer_journal_fail_code(error, ENOMEM, journal->path);
    }
    wafer_result result = wafer_environment_open(journal->path, journal->group_readable, map_size,
                                                 &process->environment, error);
    if (result != WAFER_OK)
        free_process(process);
    else
        atomic_store_explicit(&journal->process, process, memory_order_release);
    return result;
}

wafer_result wafer_journal_open(const char *path, bool group_readable, size_t map_size,
                                struct wafer_journal **journal, wafer_error *error)
{
    struct wafer_journal *made = calloc(1, sizeof *made);

    *journal = NULL;
    if (made == NULL)
        return wafer_journal_fail_code(error, ENOMEM, path);
    made->group_readable = group_readable;
    made->path = strdup(path);
    if (made->path == NULL) {
        free(made);
        return wafer_journal_fail_code(error, ENOMEM, path);
    }
    wafer_environments_lock();
    wafer_result result = open_process(made, map_size, error);
    wafer_environments_unlock();
    if (result != WAFER_OK) {
        wafer_journal_close(made);
        return result;
    }
    *journal = made;
    return WAFER_OK;
}

void wafer_journal_close(struct wafer_journal *journal)
{
    if (journal == NULL)
        return;
    struct wafer_journal_process *process = atomic_load(&journal->process);
    if (process != NULL) {
        wafer_environments_lock();
        wafer_environment_close(journal->path, &process->environment);
        wafer_environments_unlock();
        free_process(process);
    }
    free(journal->path);
    free(journal);
}

/* This process's own, or NULL when it cannot be opened. */
static struct wafer_journal_process *current(struct wafer_journal *journal)
{
    struct wafer_journal_process *process = atomic_load_explicit(&journal->process,
                                                                 memory_order_acquire);

    if (wafer_environment_is_ours(&process->environment))
        return process;
    wafer_environments_lock();
    process = atomic_load(&journal->process);
    if (!wafer_environment_is_ours(&process->environment))
        process = open_process(journal, 0, NULL) == WAFER_OK ? atomic_load(&journal->process)
                                                             : NULL;
    wafer_environments_unlock();
    return process;
}

/* ---- Writing ---- */

/* An environment that failed to write its head is of no use any more until it is opened anew. */
static int reopen(struct wafer_journal *journal, struct wafer_journal_process *process)
{
    wafer_environments_lock();
    wafer_environment_close(journal->path, &process->environment);
    wafer_result result = wafer_environment_open(journal->path, journal->group_readable, 0,
                                                 &process->environment, NULL);
    wafer_environments_unlock();
    return result == WAFER_OK ? 0 : EIO;
}

static int begin_txn(struct wafer_journal *journal, struct wafer_journal_process *process,
                     MDB_txn **txn)
{
    struct wafer_environment *environment = &process->environment;
    int code = environment->handle == NULL ? MDB_PANIC
                                           : mdb_txn_begin(environment->handle, NULL, 0, txn);

    if (code == MDB_MAP_RESIZED)
        code = wafer_environment_fit(environment);
    else if (code == MDB_PANIC)
        code = reopen(journal, process);
    else
        return code;
    return code == 0 ? mdb_txn_begin(environment->handle, NULL, 0, txn) : code;
}

int wafer_journal_begin(struct wafer_journal *journal, struct wafer_journal_write *write)
{
    struct wafer_journal_process *process = current(journal);

    if (process == NULL)
        return EIO;
    (void)pthread_mutex_lock(&process->mutex);
    int code = begin_txn(journal, process, &write->txn);
    if (code != 0) {
        (void)pthread_mutex_unlock(&process->mutex);
        return code;
    }
    write->path = journal->path;
    write->process = process;
    write->records = &process->environment.records;
    return 0;
}

void wafer_journal_abort(struct wafer_journal_write *write)
{
    mdb_txn_abort(write->txn);
    (void)pthread_mutex_unlock(&write->process->mutex);
}

/* What is written to a file that was removed or replaced is gone with this process. */
static bool is_removed(const char *path, const struct wafer_environment *environment)
{
    struct stat status;

    return lstat(path, &status) != 0 || status.st_dev != environment->device ||
           status.st_ino != environment->inode;
}

int wafer_journal_commit(struct wafer_journal_write *write)
{
    if (is_removed(write->path, &write->process->environment)) {
        wafer_journal_abort(write);
        return ENOENT;
    }
    int code = mdb_txn_commit(write->txn);
    (void)pthread_mutex_unlock(&write->process->mutex);
    return code;
}

static int drop(struct wafer_journal *journal, int64_t keep_from_ms, size_t batch)
{
    size_t dropped;

    do {
        struct wafer_journal_write write;
        int code = wafer_journal_begin(journal, &write);
        if (code != 0)
            return code;
        code = wafer_records_drop(write.txn, write.records, keep_from_ms, batch, &dropped);
        if (code != 0)
            wafer_journal_abort(&write);
        else
            code = wafer_journal_commit(&write);
        if (code != 0)
            return code;
    } while (dropped == batch);
    return 0;
}

int wafer_journal_make_room(struct wafer_journal *journal, int64_t keep_from_ms)
{
    struct wafer_journal_process *process = current(journal);
    int dead;

    if (process == NULL)
        return EIO;
    (void)pthread_mutex_lock(&process->mutex);
    int code = process->environment.handle == NULL ? EIO : 0;
    if (code == 0)
        code = mdb_reader_check(process->environment.handle, &dead);
    if (code == 0)
        code = wafer_environment_fit(&process->environment);
    (void)pthread_mutex_unlock(&process->mutex);
    return code == 0 ? drop(journal, keep_from_ms, SMALL_BATCH) : code;
}

int wafer_journal_purge(struct wafer_journal *journal, int64_t keep_from_ms)
{
    int code = drop(journal, keep_from_ms, BATCH);

    return code == MDB_MAP_FULL ? wafer_journal_make_room(journal, keep_from_ms) : code;
}

int wafer_journal_retain(struct wafer_journal *journal, int64_t retention_ms)
{
    struct wafer_journal_write write;
    int code = wafer_journal_begin(journal, &write);

    if (code != 0)
        return code;
    code = wafer_records_retain(write.txn, write.records, retention_ms);
    if (code == 0)
        return wafer_journal_commit(&write);
    wafer_journal_abort(&write);
    return code;
}

/* ---- Reading ---- */

int wafer_journal_retention(struct wafer_journal *journal, int64_t *retention_ms)
{
    struct wafer_journal_process *process = atomic_load(&journal->process);
    MDB_txn *txn;
    int code = wafer_environment_read(&process->environment, &txn);

    if (code != 0)
        return code;
    code = wafer_records_retention(txn, &process->environment.records, retention_ms);
    mdb_txn_abort(txn);
    return code;
}

static wafer_result load(struct wafer_journal *journal, MDB_txn *txn, int64_t from_ms,
                         int64_t to_ms,
                         wafer_result (*visit)(void *context, wafer_revocation *entry),
                         void *context, wafer_result *result, wafer_error *error)
{
    const struct wafer_records *records = &atomic_load(&journal->process)->environment.records;
    int64_t latest_ms;
    int code = wafer_records_verify(txn, records, &latest_ms);

    if (code == 0 && latest_ms > to_ms)
        return wafer_journal_fail(error, WAFER_INVALID, 0,
                                  "an entry is %lld s later than the clock and the skew allow, so "
                                  "a clock is or was wrong; nothing was loaded: %s",
                                  (long long)((latest_ms - to_ms + 999) / 1000), journal->path);
    if (code == 0)
        code = wafer_records_each(txn, records, from_ms, visit, context, result);
    return code == 0 ? WAFER_OK : wafer_journal_fail_code(error, code, journal->path);
}

wafer_result wafer_journal_load(struct wafer_journal *journal, int64_t from_ms, int64_t to_ms,
                                wafer_result (*visit)(void *context, wafer_revocation *entry),
                                void *context, wafer_result *result, wafer_error *error)
{
    MDB_txn *txn;
    int code = wafer_environment_read(&atomic_load(&journal->process)->environment, &txn);

    if (code != 0)
        return wafer_journal_fail_code(error, code, journal->path);
    wafer_result outcome = load(journal, txn, from_ms, to_ms, visit, context, result, error);
    mdb_txn_abort(txn);
    return outcome;
}
