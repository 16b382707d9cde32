/* One LMDB environment of this process, on a file that was checked.
 *
 * LMDB's locks belong to a process and its file: they are lost when the file is opened a second
 * time in the process and closed, and they are not inherited by fork. So a file may be open once a
 * process, and an environment may only be used, and closed, by the process that opened it. */
#ifndef WAFER_SRC_LMDB_ENVIRONMENT_H
#define WAFER_SRC_LMDB_ENVIRONMENT_H

#include <sys/types.h>

#include "records.h"

struct wafer_environment {
    MDB_env *handle; /* NULL: closed */
    struct wafer_records records;
    dev_t device;
    ino_t inode;
    pid_t process;
    unsigned forks; /* how many forks lay between the first process and this one */
    struct wafer_environment *next;
};

/* Opening and closing, in all threads, is done under this lock. Fork waits for it, so that a child
 * never inherits it taken. */
void wafer_environments_lock(void);
void wafer_environments_unlock(void);

/* Makes a journal that holds the entries, all at once: the path names nothing or the whole. One
 * that another process made first is left alone, which is WAFER_OK. */
wafer_result wafer_environment_make(const char *path, bool group_readable, size_t map_size,
                                    int64_t retention_ms, const wafer_revocation *entries,
                                    size_t count, wafer_error *error);

/* Opens a journal that is there, under the lock. It may grow to map_size bytes, a multiple of the
 * page size, or to what it could before if that is more. Moving *environment is forbidden. */
wafer_result wafer_environment_open(const char *path, bool group_readable, size_t map_size,
                                    struct wafer_environment *environment, wafer_error *error);
/* Closes it, under the lock, unless a parent process opened it. */
void wafer_environment_close(const char *path, struct wafer_environment *environment);

/* True when this process opened it. Without the lock. */
bool wafer_environment_is_ours(const struct wafer_environment *environment);

/* Lets the map reach to the file's end, which another process may have moved. No transaction of
 * this process may be open. */
int wafer_environment_fit(struct wafer_environment *environment);

/* Begins a transaction that reads, and drops readers that were killed if they are in the way. */
int wafer_environment_read(struct wafer_environment *environment, MDB_txn **txn);

#endif
