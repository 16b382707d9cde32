/* What the tests of libwafer-lmdb share: a list with a journal in a folder of the test's own, a
 * clock that is set by hand, numbers for ids, children that report by their exit status. */
#ifndef WAFER_TESTS_JOURNAL_H
#define WAFER_TESTS_JOURNAL_H

#include "folder.h"

#include <endian.h>
#include <lmdb.h>
#include <sys/wait.h>
#include <wafer/lmdb.h>

#define NOW  INT64_C(1800000000000)
#define SKEW WAFER_MINUTE_MS
#define LIFE (WAFER_HOUR_MS + 3 * SKEW)

static int64_t now_ms = NOW;

static inline int journal_setup(void **state)
{
    now_ms = NOW;
    return folder_make(state);
}

static inline wafer_revocations_settings table_settings(size_t capacity)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;

    settings.on_start = WAFER_START_FORGETS;
    settings.capacity = capacity;
    settings.retention_ms = WAFER_HOUR_MS;
    settings.skew_ms = SKEW;
    settings.clock = clock_by_hand;
    settings.clock_context = &now_ms;
    return settings;
}

static inline wafer_result try_open(const char *path, const wafer_revocations_settings *table,
                                    size_t map_size, wafer_revocations **list, wafer_error *error)
{
    wafer_lmdb_settings settings = WAFER_LMDB_SETTINGS_INIT;

    settings.path = path;
    settings.map_size = map_size;
    return wafer_lmdb_open(&settings, table, list, error);
}

static inline wafer_revocations *open_table(const struct folder *folder,
                                            const wafer_revocations_settings *table)
{
    wafer_revocations *list = NULL;
    wafer_error error;

    if (try_open(folder->file, table, 0, &list, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    return list;
}

static inline wafer_revocations *open_list(const struct folder *folder)
{
    wafer_revocations_settings table = table_settings(10000);

    return open_table(folder, &table);
}

/* Opens it in vain, and says why. */
static inline wafer_error open_fails(const struct folder *folder)
{
    wafer_revocations_settings table = table_settings(10000);
    wafer_revocations *list = NULL;
    wafer_error error = {0};

    assert_int_not_equal(try_open(folder->file, &table, 0, &list, &error), WAFER_OK);
    assert_null(list);
    assert_true(strlen(error.text) > 20);
    return error;
}

static inline wafer_revocation entry_of(wafer_revocation_kind kind, uint32_t number, int64_t at_ms,
                                        uint32_t renewals)
{
    wafer_revocation entry = {.kind = kind, .at_ms = at_ms, .renewals = renewals};

    number = htole32(number); /* small ones are the first byte, on every machine */
    if (kind != WAFER_REVOKE_EVERYONE)
        memcpy(entry.key, &number, sizeof number);
    return entry;
}

static inline wafer_result log_out(wafer_revocations *list, uint32_t number)
{
    wafer_revocation entry = entry_of(WAFER_REVOKE_SESSION, number, 0, 0);

    return wafer_revoke_session(list, entry.key);
}

static inline wafer_standing standing(wafer_revocations *list, uint32_t number, uint32_t renewals)
{
    wafer_revocation entry = entry_of(WAFER_REVOKE_SESSION, number, 0, 0);
    wafer_revocation_query query = {
        .id = entry.key,
        .login_at_ms = WAFER_TIME_MAX_MS,
        .now_ms = now_ms,
        .renewals = renewals,
    };
    wafer_standing said = WAFER_REFUSED;

    assert_int_equal(wafer_revocations_check(list, &query, &said), WAFER_OK);
    return said;
}

static inline bool refuses(wafer_revocations *list, uint32_t number)
{
    return standing(list, number, WAFER_RENEWALS_MAX) == WAFER_REFUSED;
}

static inline int64_t login_from(wafer_revocations *list, uint32_t subject)
{
    wafer_revocation entry = entry_of(WAFER_REVOKE_SUBJECT, subject, 0, 0);
    int64_t at_ms = -1;

    assert_int_equal(wafer_revocations_not_before(list, entry.key, &at_ms), WAFER_OK);
    return at_ms;
}

static inline wafer_revocations_status status_of(wafer_revocations *list)
{
    wafer_revocations_status status;

    assert_int_equal(wafer_revocations_look(list, &status), WAFER_OK);
    return status;
}

/* The exit status of a child, which is 0 when all went well. A crash fails the test. */
static inline int outcome(pid_t child)
{
    int status = 0;

    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        fail_msg("a child was ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* Ends a child. Its handle is freed as in any program, which also keeps leak checkers quiet. */
static inline _Noreturn void leave(wafer_revocations *list, bool good)
{
    wafer_revocations_free(list);
    _exit(good ? 0 : 1);
}

/* ---- The journal as LMDB sees it ---- */

static inline MDB_env *raw_open(const char *path)
{
    MDB_env *env;

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 2), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600), 0);
    return env;
}

/* How many rows a database of the journal has, while no list is open. */
static inline size_t raw_rows(const char *path, const char *name)
{
    MDB_env *env = raw_open(path);
    MDB_txn *txn;
    MDB_dbi database;
    MDB_stat stat;

    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, name, 0, &database), 0);
    assert_int_equal(mdb_stat(txn, database, &stat), 0);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return stat.ms_entries;
}

static inline void raw_get(const char *path, const char *name, const void *key, size_t key_size,
                           void *value, size_t value_size)
{
    MDB_env *env = raw_open(path);
    MDB_val raw_key = {key_size, (void *)(uintptr_t)key};
    MDB_val raw_value;
    MDB_txn *txn;
    MDB_dbi database;

    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, name, 0, &database), 0);
    assert_int_equal(mdb_get(txn, database, &raw_key, &raw_value), 0);
    assert_int_equal(raw_value.mv_size, value_size);
    memcpy(value, raw_value.mv_data, value_size);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

/* Puts a row as it is, or deletes it when the value is NULL. */
static inline void raw_put(const char *path, const char *name, const void *key, size_t key_size,
                           const void *value, size_t value_size)
{
    MDB_env *env = raw_open(path);
    MDB_val raw_key = {key_size, (void *)(uintptr_t)key};
    MDB_val raw_value = {value_size, (void *)(uintptr_t)value};
    MDB_txn *txn;
    MDB_dbi database;

    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, name, 0, &database), 0);
    assert_int_equal(value != NULL ? mdb_put(txn, database, &raw_key, &raw_value, 0)
                                   : mdb_del(txn, database, &raw_key, NULL),
                     0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

#endif
