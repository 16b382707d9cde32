/* A journal is made under another name and then linked to its own: whoever opens it finds all of
 * it, what was revoked before included, and an empty file is never one. */
#include "environment.h"

#include "place.h"
#include "sentence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".XXXXXX"

static int fill(MDB_env *handle, int64_t retention_ms, const wafer_revocation *entries,
                size_t count)
{
    struct wafer_records records;
    MDB_txn *txn;
    int code = mdb_txn_begin(handle, NULL, 0, &txn);

    if (code != 0)
        return code;
    code = wafer_records_make(txn, retention_ms, &records);
    for (size_t i = 0; i < count && code == 0; i++)
        code = wafer_records_put(txn, &records, &entries[i]);
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

/* Nobody else knows the name, so LMDB needs no lock file. */
static int make_at(const char *temporary, int file, size_t map_size, mode_t mode,
                   int64_t retention_ms, const wafer_revocation *entries, size_t count)
{
    MDB_env *handle;
    int code = mdb_env_create(&handle);

    if (code != 0)
        return code;
    code = mdb_env_set_maxdbs(handle, WAFER_JOURNAL_DATABASES);
    if (code == 0)
        code = mdb_env_set_mapsize(handle, map_size);
    if (code == 0)
        code = mdb_env_open(handle, temporary, MDB_NOSUBDIR | MDB_NOLOCK, mode);
    if (code == 0 && ftruncate(file, (off_t)map_size) != 0)
        code = errno;
    if (code == 0)
        code = fill(handle, retention_ms, entries, count);
    if (code == 0 && fsync(file) != 0)
        code = errno;
    mdb_env_close(handle);
    return code;
}

static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = strndup(path, (size_t)(slash - path) + 1);

    if (name == NULL)
        return ENOMEM;
    int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(name);
    if (folder < 0)
        return errno;
    int code = fsync(folder) == 0 ? 0 : errno;
    (void)close(folder);
    return code;
}

static int make(char *temporary, const char *path, bool group_readable, size_t map_size,
                int64_t retention_ms, const wafer_revocation *entries, size_t count)
{
    int file = mkstemp(temporary);
    if (file < 0)
        return errno;
    mode_t mode = wafer_place_mode(group_readable);
    (void)fcntl(file, F_SETFD, FD_CLOEXEC);
    int code = fchmod(file, mode) == 0 ? 0 : errno;
    if (code == 0)
        code = make_at(temporary, file, map_size, mode, retention_ms, entries, count);
    if (code == 0 && link(temporary, path) != 0 && errno != EEXIST)
        code = errno;
    if (unlink(temporary) != 0 && code == 0)
        code = errno;
    (void)close(file);
    return code == 0 ? sync_folder(path) : code;
}

wafer_result wafer_environment_make(const char *path, bool group_readable, size_t map_size,
                                    int64_t retention_ms, const wafer_revocation *entries,
                                    size_t count, wafer_error *error)
{
    size_t size = strlen(path) + sizeof SUFFIX;
    char *temporary = malloc(size);

    if (temporary == NULL)
        return wafer_journal_fail_code(error, ENOMEM, path);
    (void)snprintf(temporary, size, "%s" SUFFIX, path);
    struct wafer_place_streams streams = wafer_place_hold_streams();
    int code = make(temporary, path, group_readable, map_size, retention_ms, entries, count);
    wafer_place_free_streams(&streams);
    free(temporary);
    return code == 0 ? WAFER_OK : wafer_journal_fail_code(error, code, path);
}
