/* The list with a journal: what comes back, in processes and threads, when writing fails. */
#include "journal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* ---- Failures of LMDB, told to come ---- */

static int commit_fails_with;
static unsigned commits_that_fail;
static int begin_fails_with;

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn)
{
    if (commits_that_fail > 0) {
        commits_that_fail--;
        mdb_txn_abort(txn);
        return commit_fails_with;
    }
    return __real_mdb_txn_commit(txn);
}

int __real_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);
int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);
int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    if (begin_fails_with != 0) {
        int code = begin_fails_with;
        begin_fails_with = 0;
        return code;
    }
    return __real_mdb_txn_begin(env, parent, flags, txn);
}

/* ---- What comes back ---- */

static void what_was_revoked_comes_back(void **state)
{
    wafer_revocations *list = open_list(*state);
    wafer_revocation copies = entry_of(WAFER_REVOKE_COPIES, 2, 0, 7);
    wafer_revocation subject = entry_of(WAFER_REVOKE_SUBJECT, 3, 0, 0);

    assert_int_equal(login_from(list, 3), 0);
    assert_int_equal(log_out(list, 1), WAFER_OK);
    assert_int_equal(wafer_revocations_apply(list, now_ms, &copies), WAFER_OK);
    assert_int_equal(copies.at_ms, NOW);
    assert_int_equal(wafer_revocations_apply(list, now_ms, &subject), WAFER_OK);
    assert_int_equal(subject.at_ms, NOW + SKEW + 1);
    for (unsigned round = 0; round < 3; round++) {
        assert_true(refuses(list, 1));
        assert_int_equal(standing(list, 2, 7), WAFER_STANDS);
        assert_int_equal(standing(list, 2, 6), WAFER_SUPERSEDED);
        assert_int_equal(standing(list, 2, 5), WAFER_REFUSED);
        assert_int_equal(login_from(list, 3), NOW + SKEW + 1);
        assert_int_equal(login_from(list, 4), 0);
        assert_false(refuses(list, 5));
        wafer_revocations_free(list);
        list = open_list(*state);
    }
    assert_int_equal(status_of(list).entries, 3);
    assert_int_equal(wafer_revoke_everyone(list), WAFER_OK);
    int64_t everyone_ms = status_of(list).not_before_ms;
    assert_true(everyone_ms > NOW + SKEW);
    wafer_revocations_free(list);
    list = open_list(*state);
    assert_int_equal(status_of(list).not_before_ms, everyone_ms);
    wafer_revocations_free(list);
}

static void a_renewal_that_came_second_is_refused_and_not_journaled(void **state)
{
    wafer_revocations *list = open_list(*state);
    wafer_revocation copies = entry_of(WAFER_REVOKE_COPIES, 1, 0, 1);
    wafer_revocation again = copies;

    assert_int_equal(wafer_revocations_apply(list, now_ms, &copies), WAFER_OK);
    now_ms += 10;
    assert_int_equal(wafer_revocations_apply(list, now_ms, &again), WAFER_UNAVAILABLE);
    assert_int_equal(again.at_ms, 0);
    again = entry_of(WAFER_REVOKE_COPIES, 1, now_ms + 2 * SKEW + 1, 2);
    assert_int_equal(wafer_revocations_apply(list, now_ms, &again), WAFER_INVALID);
    again = entry_of(WAFER_REVOKE_SESSION, 1, -1, 0);
    assert_int_equal(wafer_revocations_apply(list, now_ms, &again), WAFER_INVALID);
    assert_int_equal(wafer_revocations_apply(list, -1, &copies), WAFER_INVALID);
    assert_int_equal(wafer_revocations_apply(list, INT64_MIN, &copies), WAFER_INVALID);
    wafer_revocations_free(list);
    list = open_list(*state);
    assert_int_equal(standing(list, 1, 0), WAFER_SUPERSEDED);
    now_ms = NOW + 30000;
    assert_int_equal(standing(list, 1, 0), WAFER_REFUSED);
    wafer_revocations_free(list);
}

static void on_start_is_what_happens_when_the_journal_is_new(void **state)
{
    wafer_revocations_settings table = table_settings(1000);

    table.on_start = WAFER_START_REFUSES_OLDER;
    wafer_revocations *list = open_table(*state, &table);
    int64_t not_before_ms = status_of(list).not_before_ms;
    assert_true(not_before_ms > NOW + SKEW && not_before_ms < NOW + SKEW + 100);
    wafer_revocations_free(list);
    now_ms += WAFER_MINUTE_MS;
    list = open_table(*state, &table);
    assert_int_equal(status_of(list).not_before_ms, not_before_ms);
    wafer_revocations_free(list);
}

static void the_retention_is_never_less_than_it_was(void **state)
{
    wafer_revocations_settings table = table_settings(1000);

    table.retention_ms = 2 * WAFER_HOUR_MS;
    wafer_revocations_free(open_table(*state, &table));
    table.retention_ms = WAFER_HOUR_MS;
    wafer_revocations *list = open_table(*state, &table);
    assert_int_equal(status_of(list).retention_ms, 2 * WAFER_HOUR_MS);
    assert_int_equal(wafer_revocations_retain(list, WAFER_HOUR_MS), WAFER_INVALID);
    assert_int_equal(wafer_revocations_retain(list, 3 * WAFER_HOUR_MS), WAFER_OK);
    wafer_revocations_free(list);
    list = open_table(*state, &table);
    assert_int_equal(status_of(list).retention_ms, 3 * WAFER_HOUR_MS);
    wafer_revocations_free(list);
    table.retention_ms = 4 * WAFER_HOUR_MS;
    wafer_revocations_free(open_table(*state, &table));
    list = open_list(*state);
    assert_int_equal(status_of(list).retention_ms, 4 * WAFER_HOUR_MS);
    wafer_revocations_free(list);
}

static void entries_go_exactly_when_no_session_needs_them(void **state)
{
    struct folder *folder = *state;
    wafer_revocations *list = open_list(folder);
    size_t dropped;

    assert_int_equal(log_out(list, 1), WAFER_OK);
    now_ms++;
    assert_int_equal(log_out(list, 2), WAFER_OK);
    now_ms = NOW + LIFE;
    assert_int_equal(wafer_revocations_purge(list, &dropped), WAFER_OK);
    assert_int_equal(dropped, 0);
    wafer_revocations_free(list);
    assert_int_equal(raw_rows(folder->file, "times"), 2);
    list = open_list(folder);
    assert_int_equal(status_of(list).entries, 2);
    now_ms++;
    assert_int_equal(wafer_revocations_purge(list, &dropped), WAFER_OK);
    assert_int_equal(dropped, 1);
    wafer_revocations_free(list);
    assert_int_equal(raw_rows(folder->file, "times"), 1);
    assert_int_equal(raw_rows(folder->file, "entries"), 1);
    now_ms++;
    list = open_list(folder);
    assert_int_equal(status_of(list).entries, 0);
    wafer_revocations_free(list);
    assert_int_equal(raw_rows(folder->file, "times"), 1);
}

static void revoking_purges_the_front_of_the_journal(void **state)
{
    struct folder *folder = *state;
    wafer_revocations *list = open_list(folder);

    for (uint32_t number = 0; number < 150; number++)
        assert_int_equal(log_out(list, number), WAFER_OK);
    now_ms += LIFE + 1;
    assert_int_equal(log_out(list, 1000), WAFER_OK);
    wafer_revocations_free(list);
    assert_int_equal(raw_rows(folder->file, "times"), 51);
    list = open_list(folder);
    assert_int_equal(status_of(list).entries, 1);
    assert_int_equal(log_out(list, 1000), WAFER_OK);
    wafer_revocations_free(list);
    assert_int_equal(raw_rows(folder->file, "times"), 1);
    assert_int_equal(raw_rows(folder->file, "entries"), 1);
}

/* More than go in one transaction. They come from a table file, which is quick. */
static void purging_drops_all_that_is_due(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(20000);
    wafer_revocations *list;
    size_t dropped;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/table", folder->path);
    table.path = path;
    assert_int_equal(wafer_revocations_new(&table, &list, NULL), WAFER_OK);
    for (uint32_t number = 0; number < 10100; number++)
        assert_int_equal(log_out(list, number), WAFER_OK);
    wafer_revocations_free(list);
    list = open_table(folder, &table);
    now_ms += LIFE + 1;
    assert_int_equal(wafer_revocations_purge(list, &dropped), WAFER_OK);
    assert_int_equal(dropped, 10100);
    wafer_revocations_free(list);
    assert_int_equal(raw_rows(folder->file, "times"), 0);
    assert_int_equal(raw_rows(folder->file, "entries"), 0);
}

static void an_entry_that_was_due_already_leaves_no_row(void **state)
{
    struct folder *folder = *state;
    wafer_revocations *list = open_list(folder);
    wafer_revocation entry = entry_of(WAFER_REVOKE_SESSION, 1, NOW - LIFE - 1, 0);

    assert_int_equal(wafer_revocations_apply(list, now_ms, &entry), WAFER_OK);
    wafer_revocations_free(list);
    assert_int_equal(raw_rows(folder->file, "times"), 0);
}

static void what_the_list_says_of_itself_is_what_the_table_says(void **state)
{
    wafer_revocations *list = open_list(*state);
    wafer_revocation *entries;
    size_t count;

    for (uint32_t number = 0; number < 40; number++)
        assert_int_equal(log_out(list, number), WAFER_OK);
    assert_int_equal(wafer_revocations_entries(list, &entries, &count), WAFER_OK);
    assert_int_equal(count, 40);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].kind, WAFER_REVOKE_SESSION);
        assert_int_equal(entries[i].at_ms, NOW);
    }
    free(entries);
    wafer_revocations_free(list);
}

/* ---- Any order ---- */

#define KEYS       12
#define OPERATIONS 200

static void apply_all(wafer_revocations *list, const wafer_revocation *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wafer_revocation entry = entries[i];
        assert_int_equal(wafer_revocations_apply(list, now_ms, &entry), WAFER_OK);
    }
}

static void assert_same(wafer_revocations *one, wafer_revocations *other)
{
    assert_int_equal(status_of(one).entries, status_of(other).entries);
    assert_int_equal(status_of(one).not_before_ms, status_of(other).not_before_ms);
    for (uint32_t number = 0; number < KEYS; number++) {
        assert_int_equal(login_from(one, number), login_from(other, number));
        for (uint32_t renewals = 0; renewals < 6; renewals++)
            assert_int_equal(standing(one, number, renewals), standing(other, number, renewals));
    }
}

static void entries_may_come_in_any_order(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings settings = table_settings(10000);
    wafer_revocation entries[OPERATIONS];
    wafer_revocations *model;

    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < OPERATIONS; i++) {
            uint32_t number = (uint32_t)random_below(KEYS);
            wafer_revocation_kind kind = (wafer_revocation_kind)(1 + random_below(4));
            /* Logging out hides what renewals said, so most are never logged out. */
            if (kind == WAFER_REVOKE_SESSION && number < KEYS - 2)
                kind = WAFER_REVOKE_COPIES;
            entries[i] = entry_of(kind, number, NOW - 60000 + (int64_t)random_below(120000),
                                  (uint32_t)random_below(5));
        }
        assert_int_equal(wafer_revocations_new(&settings, &model, NULL), WAFER_OK);
        apply_all(model, entries, OPERATIONS);
        for (size_t i = OPERATIONS - 1; i > 0; i--) {
            size_t other = (size_t)random_below(i + 1);
            wafer_revocation moved = entries[i];
            entries[i] = entries[other];
            entries[other] = moved;
        }
        wafer_revocations *list = open_list(folder);
        apply_all(list, entries, OPERATIONS);
        assert_same(model, list);
        wafer_revocations_free(list);
        list = open_list(folder);
        assert_same(model, list);
        now_ms += 40000; /* the copies' grace is over for some */
        assert_same(model, list);
        now_ms = NOW;
        wafer_revocations_free(list);
        wafer_revocations_free(model);
        (void)folder_empty(folder, true);
    }
}

/* ---- Processes ---- */

/* Revokes one number after the other and writes each that was acknowledged into the pipe. */
static void revoke_until_killed(const struct folder *folder, uint32_t first, int pipe)
{
    wafer_revocations_settings table = table_settings(10000);
    wafer_revocations *list;

    if (try_open(folder->file, &table, 0, &list, NULL) != WAFER_OK)
        _exit(2);
    for (uint32_t number = first;; number++)
        if (log_out(list, number) != WAFER_OK ||
            write(pipe, &number, sizeof number) != (ssize_t)sizeof number)
            _exit(3);
}

static void all_that_was_acknowledged_survives_kill(void **state)
{
    const struct folder *folder = *state;
    uint32_t acknowledged = 0;
    uint32_t next = 0;

    for (unsigned round = 0; round < 12; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            revoke_until_killed(folder, next, ends[1]);
        assert_true(child > 0);
        (void)close(ends[1]);
        assert_int_equal(read(ends[0], &next, sizeof next), sizeof next);
        (void)usleep((useconds_t)random_below(15000));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        do
            acknowledged = next + 1;
        while (read(ends[0], &next, sizeof next) == (ssize_t)sizeof next);
        (void)close(ends[0]);
        wafer_revocations *list = open_list(folder);
        for (uint32_t number = 0; number < acknowledged; number++)
            assert_true(refuses(list, number));
        assert_false(refuses(list, acknowledged + 2));
        wafer_revocations_free(list);
        next = acknowledged;
    }
    print_message("%u acknowledged, none lost\n", acknowledged);
}

static void children_revoke_for_their_parent(void **state)
{
    wafer_revocations *list = open_list(*state);

    assert_int_equal(log_out(list, 100), WAFER_OK);
    for (uint32_t number = 0; number < 4; number++) {
        pid_t child = fork();
        if (child == 0)
            leave(list, refuses(list, 100) && log_out(list, number) == WAFER_OK &&
                            log_out(list, number + 10) == WAFER_OK);
        assert_int_equal(outcome(child), 0);
        assert_true(refuses(list, number));
    }
    assert_int_equal(log_out(list, 101), WAFER_OK);
    wafer_revocations_free(list);
    list = open_list(*state);
    for (uint32_t number = 0; number < 4; number++)
        assert_true(refuses(list, number) && refuses(list, number + 10));
    assert_true(refuses(list, 100) && refuses(list, 101));
    assert_int_equal(status_of(list).entries, 10);
    wafer_revocations_free(list);
}

static void children_and_theirs_revoke_at_the_same_time(void **state)
{
    wafer_revocations *list = open_list(*state);
    pid_t children[4];

    for (uint32_t number = 0; number < 4; number++) {
        children[number] = fork();
        if (children[number] == 0) {
            bool good = true;
            for (uint32_t i = 0; i < 10; i++)
                good = log_out(list, number * 100 + i) == WAFER_OK && good;
            pid_t grandchild = fork();
            if (grandchild == 0)
                leave(list, log_out(list, number * 100 + 50) == WAFER_OK);
            good = outcome(grandchild) == 0 && good;
            leave(list, log_out(list, number * 100 + 10) == WAFER_OK && good);
        }
    }
    for (uint32_t number = 0; number < 4; number++)
        assert_int_equal(outcome(children[number]), 0);
    wafer_revocations_free(list);
    list = open_list(*state);
    for (uint32_t number = 0; number < 4; number++) {
        for (uint32_t i = 0; i <= 10; i++)
            assert_true(refuses(list, number * 100 + i));
        assert_true(refuses(list, number * 100 + 50));
    }
    wafer_revocations_free(list);
}

static void a_child_finds_the_journal_from_another_folder(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(100);
    wafer_revocations *list;
    char before[256];

    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder->path), 0);
    wafer_result result = try_open("keys", &table, 0, &list, NULL);
    assert_int_equal(chdir("/"), 0);
    pid_t child = fork();
    if (child == 0)
        leave(list, result == WAFER_OK && log_out(list, 1) == WAFER_OK);
    int status = outcome(child);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(status, 0);
    assert_true(refuses(list, 1));
    wafer_revocations_free(list);
}

static void a_child_that_cannot_open_the_journal_says_so(void **state)
{
    struct folder *folder = *state;
    wafer_revocations *list = open_list(folder);
    char aside[128];

    (void)snprintf(aside, sizeof aside, "%s.aside", folder->file);
    assert_int_equal(rename(folder->file, aside), 0);
    pid_t child = fork();
    if (child == 0) {
        bool failed = log_out(list, 1) == WAFER_SYSTEM && !refuses(list, 1);
        bool renamed = rename(aside, folder->file) == 0;
        leave(list, failed && renamed && log_out(list, 2) == WAFER_OK);
    }
    assert_int_equal(outcome(child), 0);
    assert_true(refuses(list, 2));
    wafer_revocations_free(list);
}

static void a_journal_is_made_once_when_many_begin(void **state)
{
    struct folder *folder = *state;

    for (unsigned round = 0; round < 5; round++) {
        pid_t children[4];
        for (uint32_t number = 0; number < 4; number++) {
            children[number] = fork();
            if (children[number] == 0) {
                wafer_revocations_settings table = table_settings(100);
                wafer_revocations *list;
                bool good = try_open(folder->file, &table, 0, &list, NULL) == WAFER_OK &&
                            log_out(list, number) == WAFER_OK;
                leave(list, good);
            }
        }
        for (uint32_t number = 0; number < 4; number++)
            assert_int_equal(outcome(children[number]), 0);
        assert_int_equal(folder_count(folder), 2);
        wafer_revocations *list = open_list(folder);
        for (uint32_t number = 0; number < 4; number++)
            assert_true(refuses(list, number));
        wafer_revocations_free(list);
        (void)folder_empty(folder, true);
    }
}

static void unrelated_processes_share_a_table_file_and_its_journal(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000);
    char path[128];
    int ends[2];
    char byte = 0;

    (void)snprintf(path, sizeof path, "%s/table", folder->path);
    table.path = path;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) { /* it opens the list by itself, when the parent has it open */
        wafer_revocations *own = NULL;
        bool good = read(ends[0], &byte, 1) == 1 &&
                    try_open(folder->file, &table, 0, &own, NULL) == WAFER_OK && refuses(own, 1) &&
                    log_out(own, 2) == WAFER_OK;
        leave(own, good);
    }
    wafer_revocations *list = open_table(folder, &table);
    assert_int_equal(log_out(list, 1), WAFER_OK);
    assert_int_equal(write(ends[1], &byte, 1), 1);
    assert_int_equal(outcome(child), 0);
    assert_true(refuses(list, 2));
    wafer_revocations_free(list);
    assert_int_equal(unlink(path), 0);
    list = open_table(folder, &table);
    assert_true(refuses(list, 1) && refuses(list, 2) && !refuses(list, 3));
    wafer_revocations_free(list);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_new_journal_begins_with_what_the_table_file_holds(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000);
    wafer_revocation copies = entry_of(WAFER_REVOKE_COPIES, 2, 0, 3);
    wafer_revocations *list;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/table", folder->path);
    table.path = path;
    assert_int_equal(wafer_revocations_new(&table, &list, NULL), WAFER_OK);
    assert_int_equal(log_out(list, 1), WAFER_OK);
    assert_int_equal(wafer_revocations_apply(list, now_ms, &copies), WAFER_OK);
    assert_int_equal(wafer_revoke_everyone(list), WAFER_OK);
    int64_t everyone_ms = status_of(list).not_before_ms;
    wafer_revocations_free(list);
    wafer_revocations_free(open_table(folder, &table));
    assert_int_equal(unlink(path), 0);
    list = open_list(folder);
    assert_true(refuses(list, 1));
    assert_int_equal(standing(list, 2, 2), WAFER_SUPERSEDED);
    assert_int_equal(status_of(list).not_before_ms, everyone_ms);
    wafer_revocations_free(list);
    /* With REFUSES_OLDER a journal that got lost is not made up for by an old table file. */
    assert_int_equal(wafer_revocations_new(&table, &list, NULL), WAFER_OK);
    wafer_revocations_free(list);
    assert_int_equal(unlink(folder->file), 0);
    now_ms += WAFER_HOUR_MS;
    table.on_start = WAFER_START_REFUSES_OLDER;
    list = open_table(folder, &table);
    assert_true(status_of(list).not_before_ms > now_ms);
    wafer_revocations_free(list);
}

/* ---- Threads ---- */

struct work {
    wafer_revocations *list;
    uint32_t first;
    atomic_bool *stop;
    unsigned failures;
};

static void *revoke_in_thread(void *context)
{
    struct work *work = context;

    for (uint32_t i = 0; i < 20; i++)
        if (log_out(work->list, work->first + i) != WAFER_OK || !refuses(work->list, work->first))
            work->failures++;
    return NULL;
}

static void threads_revoke_at_the_same_time(void **state)
{
    wafer_revocations *list = open_list(*state);
    pthread_t threads[4];
    struct work work[4];

    for (uint32_t i = 0; i < 4; i++) {
        work[i] = (struct work){list, i * 100, NULL, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, revoke_in_thread, &work[i]), 0);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(work[i].failures, 0);
    }
    wafer_revocations_free(list);
    list = open_list(*state);
    assert_int_equal(status_of(list).entries, 80);
    wafer_revocations_free(list);
}

static void *revoke_until_stopped(void *context)
{
    struct work *work = context;

    for (uint32_t number = work->first; !atomic_load(work->stop); number++)
        if (log_out(work->list, number) != WAFER_OK)
            work->failures++;
    return NULL;
}

/* In a child that ends without a word to leak checkers: what threads that are not in it hold is
 * lost there, whoever allocated it. */
static bool child_logs_out(wafer_revocations *list, uint32_t number)
{
    int ends[2];
    char good = 0;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(60);
        good = log_out(list, number) == WAFER_OK;
        if (write(ends[1], &good, 1) == 1)
            (void)kill(getpid(), SIGKILL);
        _exit(1);
    }
    assert_true(child > 0);
    (void)close(ends[1]);
    bool told = read(ends[0], &good, 1) == 1;
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return told && good != 0;
}

static void a_child_forked_while_a_thread_revokes_is_not_stuck(void **state)
{
    wafer_revocations *list = open_list(*state);
    atomic_bool stop = false;
    struct work work = {list, 1000, &stop, 0};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, revoke_until_stopped, &work), 0);
    for (uint32_t number = 0; number < 8; number++) {
        assert_true(child_logs_out(list, number));
        assert_true(refuses(list, number));
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(work.failures, 0);
    wafer_revocations_free(list);
}

struct openings {
    struct folder folder;
    atomic_bool stop;
};

static void *open_until_stopped(void *context)
{
    struct openings *openings = context;

    while (!atomic_load(&openings->stop))
        wafer_revocations_free(open_list(&openings->folder));
    return NULL;
}

static void a_child_forked_while_a_thread_opens_another_journal_is_not_stuck(void **state)
{
    wafer_revocations *list = open_list(*state);
    struct openings openings = {.folder = *(struct folder *)*state};
    pthread_t thread;

    (void)snprintf(openings.folder.file, sizeof openings.folder.file, "%s/other",
                   openings.folder.path);
    assert_int_equal(pthread_create(&thread, NULL, open_until_stopped, &openings), 0);
    for (uint32_t number = 0; number < 8; number++)
        assert_true(child_logs_out(list, number));
    atomic_store(&openings.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    wafer_revocations_free(list);
}

/* ---- When writing fails ---- */

static void a_commit_that_fails_is_said_and_the_entry_stands_till_the_table_goes(void **state)
{
    static const int codes[] = {EIO, ENOSPC, MDB_PANIC, MDB_BAD_TXN};

    for (uint32_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        wafer_revocations *list = open_list(*state);
        commit_fails_with = codes[i];
        commits_that_fail = 1;
        assert_int_equal(log_out(list, 10 + i), WAFER_SYSTEM);
        assert_true(refuses(list, 10 + i));
        assert_int_equal(log_out(list, 20 + i), WAFER_OK);
        wafer_revocations_free(list);
        list = open_list(*state);
        assert_false(refuses(list, 10 + i));
        assert_true(refuses(list, 20 + i));
        wafer_revocations_free(list);
    }
}

static void a_commit_without_room_is_tried_again_with_the_same_time(void **state)
{
    wafer_revocations *list = open_list(*state);
    wafer_revocation subject = entry_of(WAFER_REVOKE_SUBJECT, 1, 0, 0);
    wafer_revocation copies = entry_of(WAFER_REVOKE_COPIES, 2, 0, 1);

    commit_fails_with = MDB_MAP_FULL;
    commits_that_fail = 1;
    assert_int_equal(wafer_revocations_apply(list, now_ms, &subject), WAFER_OK);
    assert_int_equal(subject.at_ms, NOW + SKEW + 1);
    assert_int_equal(login_from(list, 1), NOW + SKEW + 1);
    commit_fails_with = MDB_MAP_FULL;
    commits_that_fail = 1;
    assert_int_equal(wafer_revocations_apply(list, now_ms, &copies), WAFER_OK);
    wafer_revocations_free(list);
    list = open_list(*state);
    assert_int_equal(login_from(list, 1), NOW + SKEW + 1);
    assert_int_equal(standing(list, 2, 0), WAFER_SUPERSEDED);
    wafer_revocations_free(list);
}

static void a_journal_that_is_full_when_the_entry_stands_already_says_so(void **state)
{
    wafer_revocations *list = open_list(*state);

    commit_fails_with = MDB_MAP_FULL;
    commits_that_fail = 2;
    assert_int_equal(log_out(list, 1), WAFER_SYSTEM);
    assert_true(refuses(list, 1));
    wafer_revocations_free(list);
}

static void when_no_write_can_begin_nothing_is_revoked(void **state)
{
    wafer_revocations *list = open_list(*state);

    begin_fails_with = EIO;
    assert_int_equal(log_out(list, 1), WAFER_SYSTEM);
    assert_false(refuses(list, 1));
    begin_fails_with = EIO;
    assert_int_equal(wafer_revocations_purge(list, NULL), WAFER_SYSTEM);
    begin_fails_with = EIO;
    assert_int_equal(wafer_revocations_retain(list, WAFER_DAY_MS), WAFER_SYSTEM);
    assert_int_equal(log_out(list, 1), WAFER_OK);
    wafer_revocations_free(list);
}

static void an_environment_that_broke_is_opened_anew(void **state)
{
    struct folder *folder = *state;
    wafer_revocations *list = open_list(folder);
    char aside[128];

    begin_fails_with = MDB_PANIC;
    assert_int_equal(log_out(list, 1), WAFER_OK);
    (void)snprintf(aside, sizeof aside, "%s.aside", folder->file);
    assert_int_equal(rename(folder->file, aside), 0);
    begin_fails_with = MDB_PANIC;
    assert_int_equal(log_out(list, 2), WAFER_SYSTEM);
    assert_int_equal(log_out(list, 2), WAFER_SYSTEM);
    assert_true(refuses(list, 1) && !refuses(list, 2));
    assert_int_equal(rename(aside, folder->file), 0);
    assert_int_equal(log_out(list, 3), WAFER_OK);
    wafer_revocations_free(list);
    list = open_list(folder);
    assert_true(refuses(list, 1) && !refuses(list, 2) && refuses(list, 3));
    wafer_revocations_free(list);
}

static void a_file_that_may_not_grow_is_an_error_until_it_may(void **state)
{
    pid_t child = fork();

    if (child == 0) {
        wafer_revocations *list = open_list(*state);
        struct rlimit before = {0};
        struct rlimit limit;
        bool good = signal(SIGXFSZ, SIG_IGN) != SIG_ERR && log_out(list, 1) == WAFER_OK &&
                    getrlimit(RLIMIT_FSIZE, &before) == 0;
        limit = before;
        limit.rlim_cur = 4096;
        good = good && setrlimit(RLIMIT_FSIZE, &limit) == 0;
        good = good && log_out(list, 2) == WAFER_SYSTEM && refuses(list, 2);
        good = good && setrlimit(RLIMIT_FSIZE, &before) == 0;
        good = good && log_out(list, 3) == WAFER_OK;
        wafer_revocations_free(list);
        list = open_list(*state);
        good = good && refuses(list, 1) && refuses(list, 3);
        leave(list, good);
    }
    assert_int_equal(outcome(child), 0);
}

static void a_journal_that_was_removed_takes_no_entries(void **state)
{
    struct folder *folder = *state;
    wafer_revocations *list = open_list(folder);

    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(log_out(list, 1), WAFER_SYSTEM);
    assert_true(refuses(list, 1));
    wafer_revocations_free(list);
}

static void a_journal_that_was_replaced_takes_no_entries(void **state)
{
    struct folder *folder = *state;
    wafer_revocations *list = open_list(folder);
    char away[128];
    int other;

    (void)snprintf(away, sizeof away, "%s-away", folder->file);
    assert_int_equal(rename(folder->file, away), 0);
    other = open(folder->file, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(other >= 0);
    (void)close(other);
    assert_int_equal(log_out(list, 1), WAFER_SYSTEM);
    assert_true(refuses(list, 1));
    assert_int_equal(rename(away, folder->file), 0);
    assert_int_equal(log_out(list, 2), WAFER_OK);
    wafer_revocations_free(list);
}

/* Else what a program prints would go into the journal. */
static void a_program_without_streams_does_not_get_the_journal_for_one(void **state)
{
    struct folder *folder = *state;

    for (int again = 0; again < 2; again++) {
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            bool taken = false;

            for (int stream = 0; stream < 3; stream++)
                (void)close(stream);
            wafer_revocations *list = open_list(folder);
            for (int stream = 0; stream < 3; stream++)
                taken = taken || fcntl(stream, F_GETFD) >= 0;
            _exit(list != NULL && !taken ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

/* ---- Room ---- */

static void a_full_journal_refuses_and_changes_nothing_until_entries_are_due(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(100000);
    wafer_revocations *list;
    uint32_t number = 0;

    assert_int_equal(try_open(folder->file, &table, 65536, &list, NULL), WAFER_OK);
    /* More than a transaction, so that it is quick. */
    while (number < 5000 && log_out(list, number) == WAFER_OK)
        number++;
    assert_in_range(number, 50, 1000);
    assert_int_equal(log_out(list, number), WAFER_LIST_FULL);
    assert_false(refuses(list, number));
    assert_true(refuses(list, 0) && refuses(list, number - 1));
    now_ms += LIFE + 1;
    assert_int_equal(log_out(list, number), WAFER_OK);
    assert_true(refuses(list, number));
    wafer_revocations_free(list);
    assert_int_equal(raw_rows(folder->file, "times"), 1);
    assert_int_equal(try_open(folder->file, &table, 65536, &list, NULL), WAFER_OK);
    assert_true(refuses(list, number));
    wafer_revocations_free(list);
}

static void a_journal_enlarged_by_one_process_is_so_for_all(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(100000);
    wafer_revocations *list;
    int ends[2];
    char byte = 0;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        wafer_revocations *own = NULL;
        bool good = read(ends[0], &byte, 1) == 1 &&
                    try_open(folder->file, &table, 1048576, &own, NULL) == WAFER_OK;
        for (uint32_t number = 1000; number < 2000 && good; number++)
            good = log_out(own, number) == WAFER_OK;
        leave(own, good);
    }
    assert_int_equal(try_open(folder->file, &table, 65536, &list, NULL), WAFER_OK);
    assert_int_equal(log_out(list, 1), WAFER_OK);
    assert_int_equal(write(ends[1], &byte, 1), 1);
    assert_int_equal(outcome(child), 0);
    assert_int_equal(log_out(list, 2), WAFER_OK);
    wafer_revocations_free(list);
    list = open_list(folder);
    assert_int_equal(status_of(list).entries, 1002);
    wafer_revocations_free(list);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_journal_with_more_entries_than_the_table_has_room_for_is_refused(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(64);
    wafer_revocations *list = open_list(folder);
    wafer_error error;

    for (uint32_t number = 0; number < 70; number++)
        assert_int_equal(log_out(list, number), WAFER_OK);
    wafer_revocations_free(list);
    assert_int_equal(try_open(folder->file, &table, 0, &list, &error), WAFER_LIST_FULL);
    assert_null(list);
    assert_non_null(strstr(error.text, "capacity"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, journal_setup, folder_remove)
    const struct CMUnitTest tests[] = {
        TEST(what_was_revoked_comes_back),
        TEST(a_renewal_that_came_second_is_refused_and_not_journaled),
        TEST(on_start_is_what_happens_when_the_journal_is_new),
        TEST(the_retention_is_never_less_than_it_was),
        TEST(entries_go_exactly_when_no_session_needs_them),
        TEST(revoking_purges_the_front_of_the_journal),
        TEST(purging_drops_all_that_is_due),
        TEST(an_entry_that_was_due_already_leaves_no_row),
        TEST(what_the_list_says_of_itself_is_what_the_table_says),
        TEST(entries_may_come_in_any_order),
        TEST(all_that_was_acknowledged_survives_kill),
        TEST(children_revoke_for_their_parent),
        TEST(children_and_theirs_revoke_at_the_same_time),
        TEST(a_child_finds_the_journal_from_another_folder),
        TEST(a_child_that_cannot_open_the_journal_says_so),
        TEST(a_journal_is_made_once_when_many_begin),
        TEST(unrelated_processes_share_a_table_file_and_its_journal),
        TEST(a_new_journal_begins_with_what_the_table_file_holds),
        TEST(threads_revoke_at_the_same_time),
        TEST(a_child_forked_while_a_thread_revokes_is_not_stuck),
        TEST(a_child_forked_while_a_thread_opens_another_journal_is_not_stuck),
        TEST(a_commit_that_fails_is_said_and_the_entry_stands_till_the_table_goes),
        TEST(a_commit_without_room_is_tried_again_with_the_same_time),
        TEST(a_journal_that_is_full_when_the_entry_stands_already_says_so),
        TEST(when_no_write_can_begin_nothing_is_revoked),
        TEST(an_environment_that_broke_is_opened_anew),
        TEST(a_file_that_may_not_grow_is_an_error_until_it_may),
        TEST(a_journal_that_was_removed_takes_no_entries),
        TEST(a_journal_that_was_replaced_takes_no_entries),
        TEST(a_program_without_streams_does_not_get_the_journal_for_one),
        TEST(a_full_journal_refuses_and_changes_nothing_until_entries_are_due),
        TEST(a_journal_enlarged_by_one_process_is_so_for_all),
        TEST(a_journal_with_more_entries_than_the_table_has_room_for_is_refused),
    };
#undef TEST

    return cmocka_run_group_tests_name("lmdb", tests, NULL, NULL);
}
