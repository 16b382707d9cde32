/* What several processes, or threads, do with one list: those that were forked with it, and those
 * that open its file; and what happens when one stops, dies, closes its files or fills the disk. */
#define _GNU_SOURCE /* unshare */
#include "table_workers.h"

#include "folder.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "table_memory.h"

#define FIRST_FULL (WAFER_TABLE_FIRST_SLOTS * WAFER_TABLE_LOAD_MAX / 100) /* then it grows */

static const wafer_revocations_interface *const list = &wafer_table_interface;

/* The same as table_refuses_session, for threads. */
static bool is_revoked(void *table, uint32_t number)
{
    uint8_t id[WAFER_ID_SIZE] = {0};
    wafer_revocation_query query = {.id = id,
                                    .login_at_ms = NOW,
                                    .now_ms = NOW,
                                    .renewals = RENEWALS_MAX};
    wafer_standing standing = WAFER_STANDS;
    memcpy(id, &number, sizeof number);
    return list->check(table, &query, &standing) == WAFER_OK && standing == WAFER_REFUSED;
}

static wafer_result add(void *table, uint32_t number)
{
    wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, number, 0, 0);
    return list->revoke(table, NOW, &entry);
}

static void pause_at_random(uint64_t longest_ns)
{
    struct timespec pause = {0, (long)random_below(longest_ns)};
    (void)nanosleep(&pause, NULL);
}

/* ---- Revoked in one, refused in all ---- */

static void all_stand(const struct worker *workers, size_t count, uint32_t number, int64_t login_ms,
                      wafer_standing expected)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(worker_check(workers[i], NOW, number, &number, login_ms, 0), expected);
}

/* The first `writers` of the workers revoke in turn; all are asked before and after. */
static void revoke_in_one(const struct worker *workers, size_t count, size_t writers)
{
    int64_t login_ms = NOW - WAFER_MINUTE_MS;
    for (uint32_t number = 0; number < 120; number++) {
        struct worker writer = workers[random_below(writers)];
        wafer_revocation_kind kind = number % 2 == 0 ? WAFER_REVOKE_SESSION : WAFER_REVOKE_SUBJECT;
        wafer_revocation entry = table_entry(kind, number, 0, 0);
        all_stand(workers, count, number, login_ms, WAFER_STANDS);
        assert_int_equal(worker_revoke(writer, NOW, &entry), WAFER_OK);
        all_stand(workers, count, number, login_ms, WAFER_REFUSED);
        entry = table_entry(WAFER_REVOKE_COPIES, 1000 + number, 0, 2);
        assert_int_equal(worker_revoke(writer, NOW, &entry), WAFER_OK);
        all_stand(workers, count, 1000 + number, login_ms, WAFER_REFUSED);
        entry = table_entry(WAFER_REVOKE_EVERYONE, 0, login_ms + number + 1, 0);
        all_stand(workers, count, 2000, login_ms + number, WAFER_STANDS);
        assert_int_equal(worker_revoke(writer, NOW, &entry), WAFER_OK);
        all_stand(workers, count, 2000, login_ms + number, WAFER_REFUSED);
        login_ms += 120;
    }
}

static void what_one_forked_worker_revokes_is_refused_in_all(void **state)
{
    (void)state;
    struct worker workers[8];
    void *table = table_make(1000);
    for (size_t i = 0; i < 8; i++)
        workers[i] = worker_of(table);
    revoke_in_one(workers, 8, 8);
    for (size_t i = 0; i < 8; i++)
        worker_end(workers[i]);
    assert_int_equal(table_entries(table), 240);
    assert_true(is_revoked(table, 0));
    list->free(table);
}

static void what_one_process_revokes_is_refused_in_unrelated_ones(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.capacity = 1000;
    list->free(table_of(&settings));
    struct worker workers[] = {
        worker_started(folder->file, WAFER_ACCESS_WRITE),
        worker_started(folder->file, WAFER_ACCESS_WRITE),
        worker_forked(folder->file, WAFER_ACCESS_WRITE),
        worker_started(folder->file, WAFER_ACCESS_READ),
        worker_forked(folder->file, WAFER_ACCESS_READ),
    };
    revoke_in_one(workers, 5, 3);
    wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, 1, 0, 0);
    assert_int_equal(worker_revoke(workers[3], NOW, &entry), WAFER_UNAVAILABLE);
    for (size_t i = 0; i < 5; i++)
        worker_end(workers[i]);
}

/* ---- Growth ---- */

struct watch {
    _Atomic uint32_t done;
    _Atomic uint32_t lost;
    _Atomic uint32_t false_hits;
    _Atomic uint32_t looks;
};

#define GROWN   20000
#define READERS 2

/* Looks until all is done, at what is done and at what is not. */
static void watch_it_grow(void *table, struct watch *watch)
{
    (void)alarm(120);
    for (uint32_t step = 0, done = 0; done < GROWN; step += 7919) {
        done = atomic_load(&watch->done);
        if (done > 0 && !is_revoked(table, step % done))
            atomic_fetch_add(&watch->lost, 1);
        if (is_revoked(table, GROWN + step % GROWN))
            atomic_fetch_add(&watch->false_hits, 1);
        atomic_fetch_add(&watch->looks, 1);
    }
}

static void readers_miss_nothing_while_another_process_makes_the_table_grow(void **state)
{
    const struct folder *folder = *state;
    struct watch *watch = shared_memory(sizeof *watch);
    pid_t readers[READERS];
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.capacity = 2 * GROWN;
    struct wafer_table *table = table_of(&settings);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = fork();
        if (readers[i] == 0) {
            void *own;
            settings.access = WAFER_ACCESS_READ;
            list->free(table);
            if (wafer_table_new(&settings, &own, NULL) != WAFER_OK)
                _exit(1);
            watch_it_grow(own, watch);
            list->free(own);
            _exit(0);
        }
    }
    while (atomic_load(&watch->looks) == 0)
        sched_yield();
    for (uint32_t number = 0; number < GROWN; number++) {
        assert_int_equal(add(table, number), WAFER_OK);
        atomic_store(&watch->done, number + 1);
    }
    for (size_t i = 0; i < READERS; i++)
        child_succeeds(readers[i]);
    assert_true(wafer_table_generation(table) >= 5);
    assert_int_equal(atomic_load(&watch->lost), 0);
    assert_int_equal(atomic_load(&watch->false_hits), 0);
    munmap(watch, sizeof *watch);
    list->free(table);
}

/* ---- Full ---- */

static void a_flood_of_logouts_leaves_operators_their_room(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.capacity = 64;
    struct wafer_table *table = table_of(&settings);
    uint32_t number = 0;
    while (add(table, number) == WAFER_OK)
        number++;
    assert_int_equal(number, 64 - 64 / 8);
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_COPIES, 99, 0, 1)),
                     WAFER_LIST_FULL);
    for (uint32_t subject = 0; subject < 64 / 8; subject++) {
        table_add(table, NOW, WAFER_REVOKE_SUBJECT, subject, 0, 0);
        assert_int_equal(add(table, 99), WAFER_LIST_FULL);
    }
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_SUBJECT, 99, 0, 0)),
                     WAFER_LIST_FULL);
    int64_t everyone_ms = table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, 0, 0);
    assert_int_equal(table_login_from(table, 99), everyone_ms);
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, 0, 0, 0);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 0, 0, 0);
    assert_int_equal(wafer_table_generation(table), 0);

    /* An hour later all of it is due. */
    struct worker other = worker_forked(folder->file, WAFER_ACCESS_WRITE);
    wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, 99, 0, 0);
    assert_int_equal(worker_revoke(other, NOW + LIFE, &entry), WAFER_LIST_FULL);
    assert_int_equal(worker_revoke(other, NOW + LIFE + 1, &entry), WAFER_OK);
    assert_int_equal(table_entries(table), 64 / 8 + 1);
    assert_true(is_revoked(table, 99));
    worker_end(other);
    list->free(table);
}

static void a_full_table_is_not_rebuilt_whenever_something_falls_due(void **state)
{
    const struct folder *folder = *state;
    const int64_t step_ms = 10;
    const uint32_t sessions = 56;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.capacity = 64;
    struct wafer_table *table = table_of(&settings);
    for (uint32_t number = 0; number < sessions; number++)
        table_add(table, NOW, WAFER_REVOKE_SESSION, number, NOW + step_ms * number, 0);
    int64_t now_ms = NOW + LIFE + 1;
    table_add(table, now_ms, WAFER_REVOKE_SESSION, 100, 0, 0);
    assert_int_equal(wafer_table_generation(table), 1);
    /* One more is due at each step, up to the last of the second. */
    for (uint32_t step = 1; step < 1000 / step_ms; step++) {
        assert_int_equal(table_try(table, now_ms + step_ms * step,
                                   table_entry(WAFER_REVOKE_SESSION, 200 + step, 0, 0)),
                         WAFER_LIST_FULL);
    }
    assert_int_equal(table_try(table, now_ms + 999, table_entry(WAFER_REVOKE_SESSION, 99, 0, 0)),
                     WAFER_LIST_FULL);
    assert_int_equal(wafer_table_generation(table), 1);
    table_add(table, now_ms + 1000, WAFER_REVOKE_SESSION, 101, 0, 0);
    assert_int_equal(wafer_table_generation(table), 2);
    assert_int_equal(table_entries(table), 2);
    list->free(table);
}

static void a_clock_that_went_back_does_not_delay_the_purge_of_a_full_table(void **state)
{
    (void)state;
    const int64_t now_ms = NOW + LIFE;
    struct wafer_table *table = table_make(64);
    for (uint32_t number = 0; number < 56; number++)
        table_add(table, NOW, WAFER_REVOKE_SESSION, number, NOW + number, 0);
    table_add(table, now_ms + 500, WAFER_REVOKE_SESSION, 100, 0, 0);
    assert_int_equal(wafer_table_generation(table), 1);
    assert_int_equal(table_entries(table), 1);
    for (uint32_t number = 0; number < 55; number++)
        table_add(table, now_ms, WAFER_REVOKE_SESSION, number, NOW + number, 0);
    assert_int_equal(table_try(table, now_ms, table_entry(WAFER_REVOKE_SESSION, 101, 0, 0)),
                     WAFER_LIST_FULL);
    table_add(table, now_ms + 50, WAFER_REVOKE_SESSION, 101, 0, 0);
    assert_int_equal(wafer_table_generation(table), 2);
    assert_int_equal(table_entries(table), 7);
    list->free(table);
}

/* ---- No room on the disk ---- */

static bool disk_is_full; /* by word of the function below, where no small disk can be had */

int __real_posix_fallocate(int file, off_t offset, off_t length);
int __wrap_posix_fallocate(int file, off_t offset, off_t length);
int __wrap_posix_fallocate(int file, off_t offset, off_t length)
{
    return disk_is_full ? ENOSPC : __real_posix_fallocate(file, offset, length);
}

/* Makes the folder a disk of 1 MB that only this process sees. */
static bool mount_small_disk(const struct folder *folder)
{
    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("wafer", folder->path, "tmpfs", 0, "size=1m,mode=0700") == 0;
}

/* All but so many bytes. */
static void fill_disk(const char *ballast, bool mounted, off_t left)
{
    static const uint8_t block[512];
    disk_is_full = !mounted;
    if (!mounted)
        return;
    int file = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    while (write(file, block, sizeof block) > 0)
        continue;
    assert_int_equal(errno, ENOSPC);
    off_t length = lseek(file, 0, SEEK_END);
    assert_true(length >= left);
    assert_int_equal(ftruncate(file, length - left), 0);
    assert_int_equal(close(file), 0);
}

static void make_room(const char *ballast, bool mounted)
{
    disk_is_full = false;
    if (mounted)
        assert_int_equal(unlink(ballast), 0);
}

static void fill_up(const struct folder *folder, bool mounted, off_t left)
{
    wafer_revocations_settings settings = table_file_settings(folder->file);
    char ballast[96];
    (void)snprintf(ballast, sizeof ballast, "%s/ballast", folder->path);
    settings.capacity = 5000;
    struct wafer_table *table = table_of(&settings);
    struct worker other = worker_forked(folder->file, WAFER_ACCESS_READ);
    fill_disk(ballast, mounted, left);
    for (uint32_t number = 0; number < FIRST_FULL; number++)
        assert_int_equal(add(table, number), WAFER_OK);
    wafer_revocation one_more = table_entry(WAFER_REVOKE_SESSION, FIRST_FULL, 0, 0);
    size_t dropped = 1;
    for (size_t round = 0; round < 3; round++) {
        assert_int_equal(table_try(table, NOW, one_more), WAFER_SYSTEM);
        assert_int_equal(list->purge(table, NOW + 2 * LIFE, &dropped), WAFER_SYSTEM);
        assert_int_equal(dropped, 0);
    }
    assert_int_equal(wafer_table_generation(table), 0);
    /* All else goes on: checks in every process, and what needs no room. */
    for (uint32_t number = 0; number < 2 * FIRST_FULL; number++) {
        assert_int_equal(is_revoked(table, number), number < FIRST_FULL);
        assert_int_equal(worker_check(other, NOW, number, NULL, NOW, 0),
                         number < FIRST_FULL ? WAFER_REFUSED : WAFER_STANDS);
    }
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, NOW - 5, 0);
    assert_int_equal(table_login_from(table, 1), NOW - 5);
    if (mounted) {
        list->free(table);
        table = table_of(&settings); /* and is whole; it has its room */
    }

    make_room(ballast, mounted);
    for (uint32_t number = FIRST_FULL; number < 3 * FIRST_FULL; number++)
        assert_int_equal(add(table, number), WAFER_OK);
    assert_true(wafer_table_generation(table) >= 1);
    for (uint32_t number = 0; number < 4 * FIRST_FULL; number++)
        assert_int_equal(is_revoked(table, number), number < 3 * FIRST_FULL);
    worker_end(other);
    list->free(table);
}

static void no_new_file_on_a_full_disk(const struct folder *folder, bool mounted)
{
    wafer_revocations_settings settings = table_file_settings(folder->file);
    char ballast[96];
    (void)snprintf(ballast, sizeof ballast, "%s/ballast", folder->path);
    assert_int_equal(unlink(folder->file), 0);
    fill_disk(ballast, mounted, 0);
    wafer_error error;
    void *table;
    assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOSPC);
    assert_int_equal(folder_count(folder), mounted ? 1 : 0);
    make_room(ballast, mounted);
}

static void on_a_full_disk_what_needs_room_is_an_error_and_all_else_goes_on(void **state)
{
    const struct folder *folder = *state;
    fill_up(folder, false, 0);
    no_new_file_on_a_full_disk(folder, false);
}

static void a_disk_that_is_really_full_kills_nobody(void **state)
{
    const struct folder *folder = *state;
    if (!mount_small_disk(folder)) {
        print_message("no small disk can be mounted: %s\n", strerror(errno));
        skip();
    }
    /* Room for some of what a rebuild needs, and never for all. */
    for (off_t left = 0; left < WAFER_TABLE_FIRST_SLOTS * 24; left += 4096) {
        fill_up(folder, true, left);
        assert_int_equal(unlink(folder->file), 0);
    }
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    no_new_file_on_a_full_disk(folder, true);
    assert_int_equal(umount2(folder->path, MNT_DETACH), 0);
}

/* ---- Descriptors ---- */

/* Becomes a daemon that closes all it knows nothing of, and opens a file of its own. */
static void close_all_and_revoke(void *table, const char *victim, uint32_t number)
{
    for (int file = 3; file < 256; file++)
        (void)close(file);
    for (int file = 3; file < 256; file++)
        if (open(victim, O_RDWR) < 0)
            _exit(1);
    bool good = add(table, number) == WAFER_SYSTEM && is_revoked(table, number - 1) &&
                !is_revoked(table, number);
    list->free(table);
    int file = open(victim, O_RDWR);
    _exit(good && file == 256 ? 0 : 2);
}

static void a_daemon_that_closed_the_table_writes_to_no_other_file(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    char victim[96];
    char text[16];
    (void)snprintf(victim, sizeof victim, "%s/victim", folder->path);
    write_text(victim, "precious", 0600);
    settings.capacity = 5000;
    struct wafer_table *table = table_of(&settings);
    for (uint32_t number = 0; number < FIRST_FULL; number++)
        assert_int_equal(add(table, number), WAFER_OK);
    pid_t child = fork();
    if (child == 0)
        close_all_and_revoke(table, victim, FIRST_FULL);
    child_succeeds(child);
    assert_int_equal(read_text(victim, text, sizeof text), 8);
    assert_string_equal(text, "precious");
    /* It failed in time: who has the descriptor goes on. */
    assert_int_equal(add(table, FIRST_FULL), WAFER_OK);
    assert_int_equal(table_entries(table), FIRST_FULL + 1);
    list->free(table);
}

/* ---- Stopped and killed ---- */

#define STOPS 20

/* Revokes and rebuilds all the time. */
static void write_on(void *table, uint32_t number, _Atomic uint32_t *done)
{
    (void)alarm(120);
    for (;; number++) {
        size_t dropped;
        wafer_revocation due = table_entry(WAFER_REVOKE_SUBJECT, number, NOW - LIFE, 0);
        if (add(table, number) != WAFER_OK)
            _exit(1);
        atomic_store(done, number + 1);
        if (list->revoke(table, NOW, &due) != WAFER_OK ||
            list->purge(table, NOW + 1, &dropped) != WAFER_OK)
            _exit(1);
    }
}

/* With the lock held, for sure. */
static void stop_with_the_lock(struct wafer_table *table)
{
    (void)alarm(120);
    if (wafer_table_lock(table))
        (void)raise(SIGSTOP);
    _exit(1);
}

static bool has_lock(struct wafer_table *table)
{
    int status = wafer_table_try_lock(table);
    assert_true(status == 0 || status == EBUSY);
    if (status == 0)
        wafer_table_unlock(table);
    return status == EBUSY;
}

static void compare_all(void *table, uint32_t done)
{
    for (uint32_t number = 0; number < done; number++)
        assert_true(is_revoked(table, number));
    /* One may be under way. */
    for (uint32_t number = done + 1; number < done + 200; number++)
        assert_false(is_revoked(table, number));
}

static void a_writer_that_is_stopped_and_killed_harms_nobody(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    _Atomic uint32_t *done = shared_memory(sizeof *done);
    settings.capacity = 200000;
    void *table = table_of(&settings);
    void *reader = table_file(folder->file, WAFER_ACCESS_READ);
    size_t held = 0;
    for (size_t round = 0; round < STOPS; round++) {
        uint32_t first = atomic_load(done);
        int status;
        pid_t child = fork();
        if (child == 0 && round == 0)
            stop_with_the_lock(table);
        if (child == 0)
            write_on(table, first, done);
        while (round > 0 && atomic_load(done) == first) {
            assert_int_equal(waitpid(child, &status, WNOHANG), 0);
            (void)sched_yield();
        }
        pause_at_random(3000000);
        if (round > 0)
            assert_int_equal(kill(child, SIGSTOP), 0);
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        assert_true(WIFSTOPPED(status));
        bool stopped_with_it = has_lock(table);
        assert_true(round > 0 || stopped_with_it);
        held += stopped_with_it;
        compare_all(reader, atomic_load(done));
        compare_all(table, atomic_load(done));

        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        uint32_t next = atomic_load(done);
        assert_int_equal(add(table, next), WAFER_OK);
        atomic_store(done, next + 1);
        compare_all(reader, next + 1);
        (void)table_drop(table, NOW + 1);
        assert_int_equal(table_entries(table), next + 1);
        list->free(table);
        table = table_of(&settings); /* which looks whether it is whole */
    }
    print_message("%zu of %d had the lock\n", held, STOPS);
    list->free(table);
    list->free(reader);
    munmap((void *)done, sizeof *done);
}

/* ---- Threads ---- */

#define THREADS    4
#define PER_THREAD 700 /* more than fit without growth */

struct share {
    void *table;
    uint32_t number;
    bool failed;
    _Atomic uint32_t *done; /* of each thread */
};

static void *revoke_and_check(void *context)
{
    struct share *share = context;
    for (uint32_t i = 0; i < PER_THREAD; i++) {
        uint32_t own = share->number * PER_THREAD + i;
        uint32_t other = (share->number + 1 + i) % THREADS;
        share->failed |= is_revoked(share->table, own);
        share->failed |= add(share->table, own) != WAFER_OK;
        share->failed |= !is_revoked(share->table, own);
        atomic_store(&share->done[share->number], i + 1);
        uint32_t done = atomic_load(&share->done[other]);
        if (done > 0)
            share->failed |= !is_revoked(share->table, other * PER_THREAD + i * 31 % done);
        share->failed |= is_revoked(share->table, THREADS * PER_THREAD + own);
        size_t dropped = 0;
        wafer_revocation due = table_entry(WAFER_REVOKE_SESSION, ~own, NOW - LIFE, 0);
        if (i % 64 == 0)
            share->failed |= list->revoke(share->table, NOW, &due) != WAFER_OK ||
                             list->purge(share->table, NOW + 1, &dropped) != WAFER_OK;
    }
    return NULL;
}

static void threads_lose_nothing_to_each_other_in_a_file(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    _Atomic uint32_t done[THREADS] = {0};
    struct share shares[THREADS];
    pthread_t threads[THREADS];
    settings.capacity = 5000;
    struct wafer_table *table = table_of(&settings);
    for (uint32_t i = 0; i < THREADS; i++) {
        shares[i] = (struct share){.table = table, .number = i, .done = done};
        assert_int_equal(pthread_create(&threads[i], NULL, revoke_and_check, &shares[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(shares[i].failed);
    }
    assert_true(wafer_table_generation(table) >= 3);
    assert_int_equal(table_drop(table, NOW + 1), 0);
    assert_int_equal(table_entries(table), THREADS * PER_THREAD);
    list->free(table);
    table = table_of(&settings);
    for (uint32_t number = 0; number < 2 * THREADS * PER_THREAD; number++)
        assert_int_equal(is_revoked(table, number), number < THREADS * PER_THREAD);
    list->free(table);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(int count, char **arguments)
{
    worker_main(count, arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_forked_worker_revokes_is_refused_in_all),
        FILE_TEST(what_one_process_revokes_is_refused_in_unrelated_ones),
        FILE_TEST(readers_miss_nothing_while_another_process_makes_the_table_grow),
        FILE_TEST(a_flood_of_logouts_leaves_operators_their_room),
        FILE_TEST(a_full_table_is_not_rebuilt_whenever_something_falls_due),
        cmocka_unit_test(a_clock_that_went_back_does_not_delay_the_purge_of_a_full_table),
        FILE_TEST(on_a_full_disk_what_needs_room_is_an_error_and_all_else_goes_on),
        FILE_TEST(a_disk_that_is_really_full_kills_nobody),
        FILE_TEST(a_daemon_that_closed_the_table_writes_to_no_other_file),
        FILE_TEST(a_writer_that_is_stopped_and_killed_harms_nobody),
        FILE_TEST(threads_lose_nothing_to_each_other_in_a_file),
    };
    return cmocka_run_group_tests_name("table processes", tests, make_table_keys, free_table_keys);
}
