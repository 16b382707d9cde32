/* What the system refuses while a table file is made, opened and used: every call of every kind
 * fails in turn, and the disk is full. There must be a clear error, nothing may be left behind, and
 * the table must be as it was. */
#include "table_helpers.h"

#include "faults.h"
#include "folder.h"
#include "sleep.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "table_draft.h"
#include "table_memory.h"

static const wafer_revocations_interface *const list = &wafer_table_interface;

/* ---- The shim ---- */

WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(char *, strdup, NULL, (const char *text), (text))
WRAP(int, fstat, -1, (int file, struct stat *status), (file, status))
WRAP(int, lstat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, link, -1, (const char *from, const char *to), (from, to))
WRAP(int, fchmod, -1, (int file, mode_t mode), (file, mode))
WRAP(int, ftruncate, -1, (int file, off_t size), (file, size))
WRAP(int, flock, -1, (int file, int operation), (file, operation))
WRAP(void *, mmap, MAP_FAILED,
     (void *at, size_t size, int protection, int flags, int file, off_t offset),
     (at, size, protection, flags, file, offset))
WRAP(ssize_t, pread, -1, (int file, void *bytes, size_t length, off_t at),
     (file, bytes, length, at))
WRAP(ssize_t, getrandom, -1, (void *bytes, size_t length, unsigned flags), (bytes, length, flags))
WRAP(int, clock_gettime, -1, (clockid_t clock, struct timespec *time), (clock, time))
WRAP(int, pthread_mutexattr_init, ENOMEM, (pthread_mutexattr_t * how), (how))
WRAP(int, pthread_mutexattr_setpshared, ENOMEM, (pthread_mutexattr_t * how, int shared),
     (how, shared))
WRAP(int, pthread_mutexattr_setrobust, ENOMEM, (pthread_mutexattr_t * how, int robust),
     (how, robust))
WRAP(int, pthread_mutex_init, ENOMEM, (pthread_mutex_t * mutex, const pthread_mutexattr_t *how),
     (mutex, how))
WRAP(int, pthread_mutex_trylock, EINVAL, (pthread_mutex_t * mutex), (mutex))
WRAP(int, pthread_mutex_lock, EINVAL, (pthread_mutex_t * mutex), (mutex))

WRAP_OPEN
WRAP_CLOSE

/* One that fails has done its work, so that nothing is left behind. */
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    int result = __real_unlink(path);
    return fails("unlink") ? -1 : result;
}

/* So often a walk finds that the table was rebuilt meanwhile; two calls a walk. */
static unsigned spoiled_walks;
static uint64_t rebuilds;

uint64_t __real_wafer_table_generation(const struct wafer_table *table);
uint64_t __wrap_wafer_table_generation(const struct wafer_table *table);
uint64_t __wrap_wafer_table_generation(const struct wafer_table *table)
{
    if (spoiled_walks > 0 && ++rebuilds % 2 == 0) {
        spoiled_walks--;
        return __real_wafer_table_generation(table) + rebuilds;
    }
    return __real_wafer_table_generation(table);
}

static char synced[8]; /* 'f' for each file that was synced, 'd' for each folder */

int __real_fsync(int file);
int __wrap_fsync(int file);
int __wrap_fsync(int file)
{
    struct stat status;
    size_t count = strlen(synced);
    assert_int_equal(__real_fstat(file, &status), 0);
    if (count < sizeof synced - 1)
        synced[count] = S_ISDIR(status.st_mode) ? 'd' : 'f';
    return fails("fsync") ? -1 : __real_fsync(file);
}

static off_t taken_to; /* up to where room was taken last */

int __real_posix_fallocate(int file, off_t from, off_t length);
int __wrap_posix_fallocate(int file, off_t from, off_t length);
int __wrap_posix_fallocate(int file, off_t from, off_t length)
{
    taken_to = from + length;
    return fails("posix_fallocate") ? fail_errno : __real_posix_fallocate(file, from, length);
}

static const char *contents; /* what is read instead, unless NULL */

ssize_t __real_read(int file, void *bytes, size_t length);
ssize_t __wrap_read(int file, void *bytes, size_t length);
ssize_t __wrap_read(int file, void *bytes, size_t length)
{
    if (contents == NULL)
        return fails("read") ? -1 : __real_read(file, bytes, length);
    size_t size = strlen(contents);
    memcpy(bytes, contents, size < length ? size : length);
    return (ssize_t)(size < length ? size : length);
}

static const char *const kinds[] = {
    "malloc",
    "strdup",
    "fsync",
    "fstat",
    "lstat",
    "link",
    "fchmod",
    "open",
    "flock",
    "mmap",
    "read",
    "pread",
    "ftruncate",
    "posix_fallocate",
    "getrandom",
    "clock_gettime",
    "unlink",
    "pthread_mutexattr_init",
    "pthread_mutexattr_setpshared",
    "pthread_mutexattr_setrobust",
    "pthread_mutex_init",
    "pthread_mutex_lock",
    "pthread_mutex_trylock",
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* ---- Every call in turn ---- */

static wafer_revocations_settings settings_of(const char *path, wafer_access access)
{
    wafer_revocations_settings settings = table_file_settings(path);
    settings.access = access;
    settings.on_start = WAFER_START_REFUSES_OLDER; /* asks the clock */
    return settings;
}

/* What the error says the system said: nothing where it gives no reason. */
static int reason_of(const char *kind)
{
    static const char *const silent[] = {"malloc", "getrandom", "clock_gettime",
                                         "pthread_mutex_lock"};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        if (strcmp(kind, silent[i]) == 0)
            return 0;
    if (strncmp(kind, "pthread_mutexattr", 17) == 0 || strcmp(kind, "pthread_mutex_init") == 0)
        return ENOMEM;
    return strcmp(kind, "pthread_mutex_trylock") == 0 ? EINVAL : fail_errno;
}

/* Opens with one call failing. False when that call is never reached. */
static bool open_with_fault(const struct folder *folder, wafer_access access, const char *kind,
                            long nth)
{
    wafer_revocations_settings settings = settings_of(folder->file, access);
    size_t files = folder_count(folder);
    size_t descriptors = open_descriptors();
    wafer_error error = {.text = ""};
    void *table = NULL;

    const bool is_memory = strcmp(kind, "malloc") == 0 || strcmp(kind, "strdup") == 0;
    arm(kind, nth, is_memory ? ENOMEM : EIO);
    wafer_result result = wafer_table_new(&settings, &table, &error);
    bool unreached = disarm();
    if (result == WAFER_OK) {
        /* Who looks whether the file was replaced looks again. */
        assert_true(unreached || strcmp(kind, "lstat") == 0 || strcmp(kind, "flock") == 0 ||
                    strcmp(kind, "fstat") == 0);
        list->free(table);
    } else {
        assert_false(unreached);
        assert_null(table);
        assert_true(result == WAFER_SYSTEM || (is_memory && result == WAFER_NO_MEMORY));
        assert_true(result == WAFER_NO_MEMORY || strcmp(kind, "malloc") != 0);
        assert_int_equal(error.result, result);
        /* A descriptor that is no more the table's is EBADF. */
        if (error.system != (result == WAFER_SYSTEM ? reason_of(kind) : 0) &&
            (strcmp(kind, "fstat") != 0 || error.system != EBADF))
            fail_msg("%s %ld: %s", kind, nth, error.text);
        assert_int_equal(error.line, 0);
        assert_true(error.text[0] != '\0');
        /* What cannot be synced, or was put in place before the failure, is whole and stays. */
        size_t now = folder_count(folder);
        assert_true(now == files || (now == 1 && mode_of(folder->file) == 0600));
    }
    /* A descriptor that does not prove to be the table's is not closed. */
    assert_true(open_descriptors() == descriptors ||
                (strcmp(kind, "fstat") == 0 && open_descriptors() == descriptors + 1));
    return !unreached;
}

static size_t faults_of(const struct folder *folder, wafer_access access, bool is_new)
{
    size_t faults = 0;
    for (size_t kind = 0; kind < KINDS; kind++) {
        long nth = 1;
        for (;; nth++) {
            if (is_new)
                (void)__real_unlink(folder->file);
            if (!open_with_fault(folder, access, kinds[kind], nth))
                break;
            faults++;
            if (is_new && folder_count(folder) == 0)
                continue;
            /* The next one can open it. */
            wafer_revocations_settings settings = settings_of(folder->file, WAFER_ACCESS_WRITE);
            list->free(table_of(&settings));
        }
    }
    return faults;
}

static void making_a_file_survives_every_fault(void **state)
{
    size_t faults = faults_of(*state, WAFER_ACCESS_CREATE, true);
    assert_true(faults >= 40);
}

static void a_new_file_is_synced_and_then_its_folder(void **state)
{
    const struct folder *folder = *state;
    memset(synced, 0, sizeof synced);
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    assert_string_equal(synced, "fd");
}

static void opening_a_file_survives_every_fault(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = settings_of(folder->file, WAFER_ACCESS_CREATE);
    void *table = table_of(&settings);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    list->free(table);
    assert_true(faults_of(folder, WAFER_ACCESS_CREATE, false) >= 15);
    assert_true(faults_of(folder, WAFER_ACCESS_WRITE, false) >= 14);
    assert_true(faults_of(folder, WAFER_ACCESS_READ, false) >= 9);
    table = table_of(&settings);
    assert_true(table_refuses_session(table, 1));
    assert_int_equal(table_entries(table), 1);
    list->free(table);
}

static void the_first_opening_after_a_restart_survives_every_fault(void **state)
{
    const struct folder *folder = *state;
    const uint8_t other[16] = {1};
    wafer_revocations_settings settings = settings_of(folder->file, WAFER_ACCESS_CREATE);
    void *table = table_of(&settings);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    list->free(table);
    size_t faults = 0;
    for (size_t kind = 0; kind < KINDS; kind++) {
        for (long nth = 1;; nth++) {
            put_bytes(folder->file, offsetof(struct wafer_table_header, boot_id), other,
                      sizeof other);
            if (!open_with_fault(folder, WAFER_ACCESS_CREATE, kinds[kind], nth))
                break;
            faults++;
        }
    }
    assert_true(faults >= 15);
    table = table_of(&settings);
    assert_true(table_refuses_session(table, 1));
    assert_int_equal(table_entries(table), 1);
    list->free(table);
}

static void a_list_in_memory_that_has_no_lock_leaves_nothing_mapped(void **state)
{
    (void)state;
    wafer_revocations_settings settings = table_settings(1000000);
    wafer_error error;
    void *table = table_of(&settings);
    const long before = pages_mapped();
    list->free(table);
    const long of_one = before - pages_mapped();
    for (int round = 0; round < 10; round++) {
        arm("pthread_mutex_init", 1, 0);
        assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
        assert_false(disarm());
        assert_int_equal(error.system, ENOMEM);
        assert_int_equal(error.line, 0);
    }
    assert_true(pages_mapped() < before - of_one / 2);
}

/* What cannot be known to be whole goes then, and the step that drops it can fail too. */
static void the_first_opening_that_drops_entries_survives_every_fault(void **state)
{
    const struct folder *folder = *state;
    const uint8_t other[16] = {1};
    wafer_revocations_settings settings = settings_of(folder->file, WAFER_ACCESS_CREATE);
    size_t faults = 0;
    for (size_t kind = 0; kind < KINDS; kind++) {
        for (long nth = 1;; nth++) {
            (void)__real_unlink(folder->file);
            void *table = table_of(&settings);
            table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
            list->free(table);
            put_bytes(folder->file, offsetof(struct wafer_table_header, boot_id), other,
                      sizeof other);
            put_bytes(folder->file, offsetof(struct wafer_table_header, sum), other, 8);
            if (!open_with_fault(folder, WAFER_ACCESS_CREATE, kinds[kind], nth))
                break;
            faults++;
            table = table_of(&settings);
            assert_int_equal(table_entries(table), 0);
            list->free(table);
        }
    }
    assert_true(faults >= 15);
}

static void what_is_no_boot_id_is_refused(void **state)
{
    const char *const texts[] = {
        "",
        "01234567-89ab-cdef-0123-456789abcde",  /* cut short */
        "0123456789abcdef0123456789abcd------", /* 30 digits */
        "0123456789abcdef0123456789abcdef01--", /* 34 */
        "01234567-89ab-cdef-0123-456789abcdeg",
    };
    uint8_t boot_id[16];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        contents = texts[i];
        errno = EINTR; /* of a call before */
        assert_false(wafer_table_read_boot_id(boot_id));
        assert_int_equal(errno, EIO);
    }
    contents = "01234567-89ab-cdef-0123-456789abcdef\n";
    assert_true(wafer_table_read_boot_id(boot_id));
    assert_memory_equal(boot_id, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef",
                        sizeof boot_id);
    contents = NULL;
}

/* One byte too long: what is not looked at must not count as good. */
static void a_damaged_file_is_refused_whatever_fails(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = settings_of(folder->file, WAFER_ACCESS_CREATE);
    struct stat status;
    list->free(table_of(&settings));
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(truncate(folder->file, status.st_size + 1), 0);
    for (int access = WAFER_ACCESS_CREATE; access <= WAFER_ACCESS_READ; access++) {
        settings.access = (wafer_access)access;
        for (size_t kind = 0; kind < KINDS; kind++) {
            bool unreached = false;
            for (long nth = 1; !unreached; nth++) {
                wafer_error error = {.text = ""};
                void *table = NULL;
                arm(kinds[kind], nth, EIO);
                assert_int_not_equal(wafer_table_new(&settings, &table, &error), WAFER_OK);
                unreached = disarm();
                assert_null(table);
                assert_true(!unreached || strstr(error.text, "bytes instead of") != NULL);
            }
        }
    }
}

static void a_file_that_is_never_the_one_with_the_path_is_given_up(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_error error;
    void *table;
    list->free(table_of(&settings));
    arm_many("lstat", 1, LONG_MAX, ENOENT);
    assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
    assert_false(disarm());
    assert_int_equal(error.system, EAGAIN);
}

static void a_file_that_somebody_made_meanwhile_is_opened(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    void *table = table_of(&settings);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    /* The first look does not see it. */
    arm("open", 1, ENOENT);
    void *other = table_of(&settings);
    assert_false(disarm());
    assert_true(table_refuses_session(other, 1));
    assert_int_equal(folder_count(folder), 1);
    list->free(table);
    list->free(other);
}

static void a_locked_file_is_waited_for_but_not_for_ever(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_error error;
    void *table;
    list->free(table_of(&settings));
    int file = open(folder->file, O_RDONLY);
    assert_true(file >= 0);
    assert_int_equal(flock(file, LOCK_EX), 0);
    for (int access = WAFER_ACCESS_CREATE; access <= WAFER_ACCESS_READ; access++) {
        settings.access = (wafer_access)access;
        waits = 0;
        slept_ns = 0;
        assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
        assert_int_equal(error.system, EWOULDBLOCK);
        assert_non_null(strstr(error.text, "lock"));
        assert_int_equal(waits, 3000);
        assert_int_equal(slept_ns, INT64_C(30000000000));
    }
    assert_int_equal(close(file), 0);
    settings.access = WAFER_ACCESS_CREATE;
    waits = 0;
    arm_many("flock", 1, 10, EWOULDBLOCK);
    list->free(table_of(&settings));
    assert_false(disarm());
    assert_int_equal(waits, 10);
}

static void a_lock_that_the_system_refuses_is_not_waited_for(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_error error;
    void *table;
    list->free(table_of(&settings));
    waits = 0;
    arm("flock", 1, EIO);
    assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
    assert_false(disarm());
    assert_int_equal(error.system, EIO);
    assert_int_equal(waits, 0);
    arm("flock", 1, EINTR);
    list->free(table_of(&settings));
    assert_false(disarm());
    assert_int_equal(waits, 1);
}

static void without_a_lock_nothing_is_revoked(void **state)
{
    const struct folder *folder = *state;
    void *table = table_file(folder->file, WAFER_ACCESS_CREATE);
    wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, 1, 0, 0);
    size_t count;
    arm_many("pthread_mutex_lock", 1, 4, 0);
    assert_int_equal(list->revoke(table, NOW, &entry), WAFER_SYSTEM);
    assert_int_equal(list->purge(table, NOW, &count), WAFER_SYSTEM);
    assert_int_equal(list->retain(table, WAFER_DAY_MS), WAFER_SYSTEM);
    assert_int_equal(list->entries(table, NULL, 0, &count), WAFER_SYSTEM);
    assert_false(disarm());
    assert_int_equal(table_entries(table), 0);
    list->free(table);
}

static void copying_the_entries_survives_every_fault(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_revocation *entries;
    wafer_revocations *revocations;
    size_t count;
    assert_int_equal(wafer_revocations_new(&settings, &revocations, NULL), WAFER_OK);
    assert_int_equal(wafer_revoke_session(revocations, (const uint8_t[WAFER_ID_SIZE]){1}),
                     WAFER_OK);
    arm("malloc", 1, ENOMEM);
    assert_int_equal(wafer_revocations_entries(revocations, &entries, &count), WAFER_NO_MEMORY);
    assert_false(disarm());
    assert_null(entries);
    assert_int_equal(count, 0);
    arm("pthread_mutex_lock", 2, 0);
    assert_int_equal(wafer_revocations_entries(revocations, &entries, &count), WAFER_SYSTEM);
    assert_false(disarm());
    assert_null(entries);
    assert_int_equal(wafer_revocations_entries(revocations, &entries, &count), WAFER_OK);
    assert_int_equal(count, 1);
    free(entries);
    wafer_revocations_free(revocations);
}

static void a_readers_walk_is_repeated_but_not_for_ever(void **state)
{
    const struct folder *folder = *state;
    void *writer = table_file(folder->file, WAFER_ACCESS_CREATE);
    void *reader = table_file(folder->file, WAFER_ACCESS_READ);
    wafer_revocation entries[4];
    size_t count;
    table_add(writer, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    table_add(writer, NOW, WAFER_REVOKE_SUBJECT, 1, 0, 0);
    spoiled_walks = 16;
    assert_int_equal(list->entries(reader, entries, 4, &count), WAFER_UNAVAILABLE);
    assert_int_equal(spoiled_walks, 0);
    spoiled_walks = 15;
    assert_int_equal(list->entries(reader, entries, 4, &count), WAFER_OK);
    assert_int_equal(spoiled_walks, 0);
    assert_int_equal(count, 2);
    /* A writer walks with the lock. */
    spoiled_walks = 1;
    assert_int_equal(list->entries(writer, entries, 4, &count), WAFER_OK);
    assert_int_equal(spoiled_walks, 1);
    spoiled_walks = 0;
    list->free(writer);
    list->free(reader);
}

/* ---- No room on the disk ---- */

/* Revokes until that fails, and returns how many were. */
static uint32_t fill(void *table, uint32_t number, wafer_result expected)
{
    wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, number, 0, 0);
    wafer_result result;
    while ((result = list->revoke(table, NOW, &entry)) == WAFER_OK)
        entry = table_entry(WAFER_REVOKE_SESSION, ++number, 0, 0);
    assert_int_equal(result, expected);
    return number;
}

static void assert_holds(void *table, uint32_t count)
{
    assert_int_equal(table_entries(table), count);
    for (uint32_t number = 0; number < 2 * count; number++)
        assert_int_equal(table_refuses_session(table, number), number < count);
}

static void without_room_to_grow_revoking_fails_and_the_list_stands(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.capacity = 5000;
    void *table = table_of(&settings);
    arm_many("posix_fallocate", 1, LONG_MAX, ENOSPC);
    uint32_t count = fill(table, 0, WAFER_SYSTEM);
    assert_int_equal(count, 1024 * 65 / 100);
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_SUBJECT, 1, 0, 0)),
                     WAFER_SYSTEM);
    assert_holds(table, count);
    /* What needs no room goes on. */
    table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, NOW - 5, 0);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 0, NOW + 1, 0);
    size_t dropped = 7;
    assert_int_equal(list->purge(table, NOW + 2 * LIFE, &dropped), WAFER_SYSTEM);
    assert_int_equal(dropped, 0);
    assert_holds(table, count);
    assert_false(disarm());
    list->free(table);
    table = table_of(&settings);
    assert_holds(table, count);
    count = fill(table, count, WAFER_LIST_FULL);
    assert_holds(table, count);
    assert_int_equal(count, 5000 - 5000 / 8);
    list->free(table);
}

/* A crash of the machine may have left holes there. */
static void who_opens_a_file_takes_room_for_all_that_is_in_use(void **state)
{
    const struct folder *folder = *state;
    const uint8_t other[16] = {1};
    for (int half = 0; half < 2; half++) {
        struct wafer_table *table = table_file(folder->file, WAFER_ACCESS_CREATE);
        const off_t rests = (off_t)((const uint8_t *)table->half[half].rests -
                                    (const uint8_t *)table->header);
        const off_t end = rests + (off_t)(wafer_table_slots(table) * sizeof(*table->half->rests));
        assert_int_equal(wafer_table_generation(table) & 1, half);
        list->free(table);
        for (int restarted = 0; restarted < 2; restarted++) {
            if (restarted)
                put_bytes(folder->file, offsetof(struct wafer_table_header, boot_id), other,
                          sizeof other);
            taken_to = 0;
            table = table_file(folder->file, WAFER_ACCESS_WRITE);
            assert_int_equal(taken_to, end);
            list->free(table);
        }
        table = table_file(folder->file, WAFER_ACCESS_WRITE);
        size_t dropped;
        assert_true(wafer_table_lock(table));
        assert_int_equal(wafer_table_rebuild(table, 0, &dropped), 0);
        wafer_table_unlock(table);
        list->free(table);
    }
}

static void an_interrupted_allocation_is_repeated(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.capacity = 5000;
    arm_many("posix_fallocate", 1, 20, EINTR);
    void *table = table_of(&settings);
    assert_false(disarm());
    arm_many("posix_fallocate", 1, 20, EINTR);
    (void)fill(table, 0, WAFER_LIST_FULL);
    assert_false(disarm());
    list->free(table);
}

/* An entry that is overdue may stay where dropping it needs room that there is not. */
static void what_is_overdue_keeps_nobody_from_revoking(void **state)
{
    const struct folder *folder = *state;
    const int64_t later_ms = NOW + LIFE + RETENTION;
    void *table = table_file(folder->file, WAFER_ACCESS_CREATE);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    arm_many("posix_fallocate", 1, LONG_MAX, ENOSPC);
    table_add(table, later_ms, WAFER_REVOKE_SESSION, 2, 0, 0);
    assert_int_equal(table_entries(table), 2);
    assert_false(disarm());
    /* It is tried again, but not at once. */
    table_add(table, later_ms + 999, WAFER_REVOKE_SESSION, 3, 0, 0);
    assert_int_equal(table_entries(table), 3);
    table_add(table, later_ms + 1000, WAFER_REVOKE_SESSION, 4, 0, 0);
    assert_int_equal(table_entries(table), 3);
    list->free(table);
}

static void a_limit_on_the_size_of_files_leaves_nothing_behind(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_error error;
    struct rlimit before;
    void *table;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {100000, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    wafer_result result = wafer_table_new(&settings, &table, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(result, WAFER_SYSTEM);
    assert_int_equal(error.system, EFBIG);
    assert_int_equal(folder_count(folder), 0);
}

/* Takes all that a file system has left. */
static void take_the_rest(const char *path)
{
    static const char zeros[4096];
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    while (write(file, zeros, sizeof zeros) > 0)
        continue;
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(close(file), 0);
}

static void work_on_a_full_disk(const char *path, const char *filler)
{
    wafer_revocations_settings settings = table_file_settings(path);
    wafer_error error;
    void *table;
    settings.capacity = 5000;
    take_the_rest(filler);
    assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOSPC);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(unlink(filler), 0);

    table = table_of(&settings);
    take_the_rest(filler);
    uint32_t count = fill(table, 0, WAFER_SYSTEM);
    assert_true(count >= 600);
    assert_holds(table, count);
    list->free(table);
    table = table_of(&settings);
    assert_holds(table, count);
    assert_int_equal(unlink(filler), 0);
    count = fill(table, count, WAFER_LIST_FULL);
    assert_holds(table, count);

    /* Purging needs little, but something. */
    take_the_rest(filler);
    size_t dropped;
    assert_int_equal(list->purge(table, NOW + 2 * LIFE, &dropped), WAFER_SYSTEM);
    assert_holds(table, count);
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(table_drop(table, NOW + 2 * LIFE), count);
    list->free(table);
}

static void on_a_disk_that_is_really_full_nobody_dies(void **state)
{
    const struct folder *folder = *state;
    char disk[128];
    char path[160];
    char filler[160];
    (void)snprintf(disk, sizeof disk, "%s/disk", folder->path);
    (void)snprintf(path, sizeof path, "%s/table", disk);
    (void)snprintf(filler, sizeof filler, "%s/filler", disk);
    assert_int_equal(mkdir(disk, 0700), 0);
    if (mount("none", disk, "tmpfs", 0, "size=1m") != 0) {
        assert_int_equal(rmdir(disk), 0);
        print_message("no file system of one's own can be mounted here: skipped\n");
        skip();
    }
    pid_t child = fork();
    if (child == 0) {
        work_on_a_full_disk(path, filler);
        _exit(0);
    }
    int status;
    pid_t waited = waitpid(child, &status, 0);
    assert_int_equal(umount(disk), 0);
    assert_int_equal(rmdir(disk), 0);
    assert_int_equal(waited, child);
    assert_int_equal(status, 0);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(making_a_file_survives_every_fault),
        IN_A_FOLDER(a_new_file_is_synced_and_then_its_folder),
        IN_A_FOLDER(opening_a_file_survives_every_fault),
        IN_A_FOLDER(the_first_opening_after_a_restart_survives_every_fault),
        cmocka_unit_test(a_list_in_memory_that_has_no_lock_leaves_nothing_mapped),
        IN_A_FOLDER(the_first_opening_that_drops_entries_survives_every_fault),
        cmocka_unit_test(what_is_no_boot_id_is_refused),
        IN_A_FOLDER(a_damaged_file_is_refused_whatever_fails),
        IN_A_FOLDER(a_file_that_is_never_the_one_with_the_path_is_given_up),
        IN_A_FOLDER(a_file_that_somebody_made_meanwhile_is_opened),
        IN_A_FOLDER(a_locked_file_is_waited_for_but_not_for_ever),
        IN_A_FOLDER(a_lock_that_the_system_refuses_is_not_waited_for),
        IN_A_FOLDER(without_a_lock_nothing_is_revoked),
        IN_A_FOLDER(copying_the_entries_survives_every_fault),
        IN_A_FOLDER(a_readers_walk_is_repeated_but_not_for_ever),
        IN_A_FOLDER(without_room_to_grow_revoking_fails_and_the_list_stands),
        IN_A_FOLDER(who_opens_a_file_takes_room_for_all_that_is_in_use),
        IN_A_FOLDER(an_interrupted_allocation_is_repeated),
        IN_A_FOLDER(what_is_overdue_keeps_nobody_from_revoking),
        IN_A_FOLDER(a_limit_on_the_size_of_files_leaves_nothing_behind),
        IN_A_FOLDER(on_a_disk_that_is_really_full_nobody_dies),
    };
    return cmocka_run_group_tests_name("table faults", tests, make_table_keys, free_table_keys);
}
