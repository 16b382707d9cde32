#include "environment.h"

#include "place.h"
#include "sentence.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* Without thread-local reader slots a transaction is not bound to a thread. */
#define FLAGS (MDB_NOSUBDIR | MDB_NOTLS)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned forks;                /* changed in children while they have one thread */
static struct wafer_environment *all; /* those of parents included */

void wafer_environments_unlock(void)
{
    (void)pthread_mutex_unlock(&mutex);
}

static void lock(void)
{
    (void)pthread_mutex_lock(&mutex);
}

/* A process id comes back, so the number of forks is compared as well. */
static void in_child(void)
{
    forks++;
    wafer_environments_unlock();
}

static void watch_forks(void)
{
    (void)pthread_atfork(lock, wafer_environments_unlock, in_child);
}

void wafer_environments_lock(void)
{
    (void)pthread_once(&once, watch_forks);
    lock();
}

bool wafer_environment_is_ours(const struct wafer_environment *environment)
{
    return environment->forks == forks && environment->process == getpid();
}

/* ---- Opening ---- */

static bool is_open(const struct stat *status)
{
    for (const struct wafer_environment *other = all; other != NULL; other = other->next)
        if (other->handle != NULL && wafer_environment_is_ours(other) &&
            other->device == status->st_dev && other->inode == status->st_ino)
            return true;
    return false;
}

static int create_handle(MDB_env **handle)
{
    int code = mdb_env_create(handle);

    if (code != 0)
        return code;
    code = mdb_env_set_maxdbs(*handle, WAFER_JOURNAL_DATABASES);
    if (code != 0)
        mdb_env_close(*handle);
    return code;
}

static int file_status(const struct wafer_environment *environment, int *file, struct stat *status)
{
    int code = mdb_env_get_fd(environment->handle, file);

    if (code == 0 && fstat(*file, status) != 0)
        code = errno;
    return code;
}

/* The file has the size of the map from the start, though not the blocks. So a file that was cut
 * off is known before a page of it that is gone is read, which would be the end of the process. */
static int fit_map(struct wafer_environment *environment, size_t map_size)
{
    MDB_envinfo information;
    struct stat status;
    int file;
    int code = file_status(environment, &file, &status);

    if (code == 0)
        code = mdb_env_info(environment->handle, &information);
    if (code != 0)
        return code;
    size_t size = (size_t)status.st_size;
    if (size < information.me_mapsize)
        return MDB_CORRUPTED;
    if (size < map_size) {
        if (ftruncate(file, (off_t)map_size) != 0)
            return errno;
        size = map_size;
    }
    size -= size % (size_t)sysconf(_SC_PAGESIZE);
    return size > information.me_mapsize ? mdb_env_set_mapsize(environment->handle, size) : 0;
}

int wafer_environment_fit(struct wafer_environment *environment)
{
    return fit_map(environment, 0);
}

int wafer_environment_read(struct wafer_environment *environment, MDB_txn **txn)
{
    int code = mdb_txn_begin(environment->handle, NULL, MDB_RDONLY, txn);

    if (code == MDB_READERS_FULL) {
        int dead;
        code = mdb_reader_check(environment->handle, &dead);
        if (code == 0)
            code = mdb_txn_begin(environment->handle, NULL, MDB_RDONLY, txn);
    }
    return code;
}

static int open_records(struct wafer_environment *environment)
{
    MDB_txn *txn;
    int code = wafer_environment_read(environment, &txn);

    if (code != 0)
        return code;
    code = wafer_records_open(txn, &environment->records);
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

/* Under the file's lock, as LMDB's own opening and closing may get in each other's way. */
static int open_handle(const char *path, bool group_readable, size_t map_size,
                       const struct stat *status, struct wafer_environment *environment)
{
    struct stat opened;
    int file;
    int code = create_handle(&environment->handle);

    if (code != 0)
        return code;
    code = mdb_env_open(environment->handle, path, FLAGS, wafer_place_mode(group_readable));
    if (code == 0)
        code = file_status(environment, &file, &opened);
    if (code == 0 && (opened.st_dev != status->st_dev || opened.st_ino != status->st_ino))
        code = EBUSY;
    if (code == 0)
        code = fit_map(environment, map_size);
    if (code == 0)
        code = open_records(environment);
    if (code != 0) {
        mdb_env_close(environment->handle);
        environment->handle = NULL;
    }
    return code;
}

static wafer_result open_checked(const char *path, bool group_readable, size_t map_size,
                                 struct wafer_environment *environment, wafer_error *error)
{
    struct stat status;
    int file;
    wafer_result result = wafer_place_enter(path, group_readable, &file, &status, error);

    if (result != WAFER_OK)
        return result;
    *environment = (struct wafer_environment){
        .device = status.st_dev,
        .inode = status.st_ino,
        .process = getpid(),
        .forks = forks,
    };
    if (is_open(&status))
        result = wafer_journal_fail(error, WAFER_INVALID, 0,
                                    "the journal is open in this process already: %s", path);
    if (result == WAFER_OK)
        result = wafer_place_make_lock_file(path, group_readable, error);
    if (result == WAFER_OK) {
        int code = open_handle(path, group_readable, map_size, &status, environment);
        if (code != 0)
            result = wafer_journal_fail_code(error, code, path);
    }
    wafer_place_leave(file);
    if (result == WAFER_OK) {
        environment->next = all;
        all = environment;
    }
    return result;
}

wafer_result wafer_environment_open(const char *path, bool group_readable, size_t map_size,
                                    struct wafer_environment *environment, wafer_error *error)
{
    struct wafer_place_streams streams = wafer_place_hold_streams();
    wafer_result result = open_checked(path, group_readable, map_size, environment, error);

    wafer_place_free_streams(&streams);
    return result;
}

void wafer_environment_close(const char *path, struct wafer_environment *environment)
{
    struct wafer_environment **link = &all;

    while (*link != NULL && *link != environment)
        link = &(*link)->next;
    if (*link == NULL || !wafer_environment_is_ours(environment))
        return;
    *link = environment->next;
    int held = wafer_place_enter_again(path, environment->device, environment->inode);
    mdb_env_close(environment->handle);
    environment->handle = NULL;
    wafer_place_leave(held);
}
