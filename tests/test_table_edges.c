/* What hardly ever happens to a table: a call is interrupted, the system has no lock to give, its
 * file is found changed in the rarer places after a restart. */
#include "table_helpers.h"

#include "faults.h"
#include "folder.h"
#include "sleep.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>

#include "table_draft.h"
#include "table_memory.h"

static const wafer_revocations_interface *const list = &wafer_table_interface;

/* ---- The shim ---- */

WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(int, flock, -1, (int file, int operation), (file, operation))
WRAP(int, link, -1, (const char *from, const char *to), (from, to))
WRAP(ssize_t, pread, -1, (int file, void *bytes, size_t length, off_t at),
     (file, bytes, length, at))
WRAP(int, posix_fallocate, fail_errno, (int file, off_t from, off_t length), (file, from, length))
WRAP(int, pthread_mutexattr_init, fail_errno, (pthread_mutexattr_t * how), (how))
WRAP(int, pthread_mutexattr_setpshared, fail_errno, (pthread_mutexattr_t * how, int shared),
     (how, shared))
WRAP(int, pthread_mutexattr_setrobust, fail_errno, (pthread_mutexattr_t * how, int robust),
     (how, robust))

/* What is read, when it is to be something else: the machine's boot id. */
static const char *text_read;

ssize_t __real_read(int file, void *bytes, size_t length);
ssize_t __wrap_read(int file, void *bytes, size_t length);
ssize_t __wrap_read(int file, void *bytes, size_t length)
{
    if (fails("read"))
        return -1;
    if (text_read == NULL)
        return __real_read(file, bytes, length);
    size_t there = strlen(text_read) < length ? strlen(text_read) : length;
    memcpy(bytes, text_read, there);
    return (ssize_t)there;
}

/* What the path names, and what is open, lies on another device. */
static bool path_is_elsewhere;
static bool file_is_elsewhere;

int __real_lstat(const char *path, struct stat *status);
int __wrap_lstat(const char *path, struct stat *status);
int __wrap_lstat(const char *path, struct stat *status)
{
    int result = __real_lstat(path, status);
    if (result == 0)
        status->st_dev += path_is_elsewhere;
    return result;
}

int __real_fstat(int file, struct stat *status);
int __wrap_fstat(int file, struct stat *status);
int __wrap_fstat(int file, struct stat *status)
{
    int result = __real_fstat(file, status);
    if (result == 0)
        status->st_dev += file_is_elsewhere;
    return result;
}

static bool removing_fails;

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    int result = __real_unlink(path);
    return removing_fails ? -1 : result;
}

/* ---- Calls that are interrupted or refused ---- */

static void interrupted_calls_are_repeated(void **state)
{
    const struct folder *folder = *state;
    const char *const kinds[] = {"flock", "pread", "read"};
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        arm_many(kinds[i], 1, 5, EINTR);
        list->free(table_file(folder->file, WAFER_ACCESS_WRITE));
        assert_int_equal(for_so_many, 0);
        assert_false(disarm());
    }
}

static void without_a_lock_to_be_had_there_is_no_table(void **state)
{
    const struct folder *folder = *state;
    const char *const kinds[] = {"pthread_mutexattr_init", "pthread_mutexattr_setpshared",
                                 "pthread_mutexattr_setrobust"};
    const char *const paths[] = {NULL, folder->file};
    for (size_t i = 0; i < 6; i++) {
        wafer_revocations_settings settings = table_file_settings(paths[i / 3]);
        wafer_error error = {.text = ""};
        void *table = NULL;
        arm(kinds[i % 3], 1, ENOMEM);
        assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
        assert_false(disarm());
        assert_null(table);
        assert_int_equal(error.system, ENOMEM);
        assert_int_equal(folder_count(folder), 0);
    }
}

static void without_memory_no_file_is_made(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_error error = {.text = ""};
    void *table = NULL;
    for (long nth = 1; nth <= 2; nth++) { /* for the handle, and for the name of a draft */
        arm("malloc", nth, ENOMEM);
        assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_NO_MEMORY);
        assert_false(disarm());
        assert_null(table);
        assert_int_equal(error.result, WAFER_NO_MEMORY);
        assert_int_equal(folder_count(folder), 0);
    }
}

static void a_boot_id_that_is_none_is_an_error_of_the_system(void **state)
{
    const struct folder *folder = *state;
    static const char good[] = "a1b2c3d4-0000-1111-2222-333344445555";
    /* Too short, no digits, too many digits, something behind them, too few between the dashes. */
    const char *const texts[] = {
        "",
        "a1b2c3d4-0000-1111-2222-33334444555",
        "a1b2c3d4-0000-1111-2222-33334444555g",
        "a1b2c3d4000011112222333344445555aaaa",
        "a1b2c3d4000011112222333344445555 ...",
        "a1b2c3d4-0000-1111-2222-3333444455--",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wafer_revocations_settings settings = table_file_settings(folder->file);
        wafer_error error = {.text = ""};
        uint8_t boot_id[16];
        void *table = NULL;
        text_read = good; /* of which nothing may be left in the next one's place */
        assert_true(wafer_table_read_boot_id(boot_id));
        text_read = texts[i];
        assert_false(wafer_table_read_boot_id(boot_id));
        assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
        assert_int_equal(error.system, EIO);
        assert_non_null(strstr(error.text, "boot id"));
        assert_int_equal(folder_count(folder), 0);
    }
    text_read = good;
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    text_read = NULL;
}

/* A file system that was mounted over the folder, whose files have numbers of their own. */
static void a_file_on_another_device_is_not_the_one_that_was_locked(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_error error = {.text = ""};
    void *table = NULL;
    list->free(table_of(&settings));
    path_is_elsewhere = true;
    assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
    path_is_elsewhere = false;
    assert_int_equal(error.system, EAGAIN);
    list->free(table_of(&settings));
}

static void of_two_failures_at_the_end_of_making_a_file_the_first_is_told(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_error error = {.text = ""};
    void *table = NULL;
    arm("link", 1, EACCES);
    removing_fails = true;
    assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
    removing_fails = false;
    assert_false(disarm());
    assert_int_equal(error.system, EACCES);
    assert_non_null(strstr(error.text, "put in place"));
}

/* As the file's number could be another's there. */
static void a_descriptor_of_another_device_is_left_alone(void **state)
{
    const struct folder *folder = *state;
    struct wafer_table *table = table_file(folder->file, WAFER_ACCESS_CREATE);
    int file = table->file.descriptor;
    file_is_elsewhere = true;
    list->free(table);
    file_is_elsewhere = false;
    assert_int_equal(close(file), 0); /* was still open */
}

/* ---- No room ---- */

static void a_full_list_that_cannot_drop_what_is_due_says_so(void **state)
{
    const struct folder *folder = *state;
    void *table = table_file(folder->file, WAFER_ACCESS_CREATE);
    const int64_t later_ms = NOW + LIFE + 1;
    for (uint32_t number = 0; number < 56; number++)
        table_add(table, NOW, WAFER_REVOKE_SESSION, number, 0, 0);
    arm_many("posix_fallocate", 1, LONG_MAX, ENOSPC);
    assert_int_equal(table_try(table, later_ms, table_entry(WAFER_REVOKE_SESSION, 99, 0, 0)),
                     WAFER_SYSTEM);
    assert_false(disarm());
    assert_int_equal(table_entries(table), 56);
    table_add(table, later_ms + 1000, WAFER_REVOKE_SESSION, 99, 0, 0);
    assert_int_equal(table_entries(table), 1);
    list->free(table);
}

static void a_list_whose_counts_are_overwritten_refuses_what_fits_nowhere(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(10000);
    wafer_result result = WAFER_OK;
    uint32_t number = 0;
    for (; result == WAFER_OK && number <= WAFER_TABLE_FIRST_SLOTS; number++) {
        wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, number, 0, 0);
        result = list->revoke(table, NOW, &entry);
        atomic_store(&table->header->entries, 0);
    }
    assert_int_equal(result, WAFER_SYSTEM);
    assert_int_equal(number, WAFER_TABLE_FIRST_SLOTS + 1);
    assert_true(table_refuses_session(table, 0));
    list->free(table);
}

/* ---- Found after a restart ---- */

#define PUT(path, field, value)                                                                    \
    put_bytes(path, offsetof(struct wafer_table_header, field), &(value), sizeof(value))

static void restart(const char *path)
{
    const uint8_t other[16] = {1};
    PUT(path, boot_id, other);
}

static void a_retention_that_is_none_is_set_anew_where_all_is_emptied(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW;
    const int64_t retentions_ms[] = {RETENTION - 1, WAFER_LIFETIME_MAX_MS + 1, INT64_MAX};
    wafer_revocations_settings settings = table_file_settings_at(folder->file, WAFER_ACCESS_CREATE,
                                                                 WAFER_START_REFUSES_OLDER,
                                                                 &now_ms);
    list->free(table_of(&settings));
    for (size_t i = 0; i < sizeof retentions_ms / sizeof *retentions_ms; i++) {
        const uint64_t no_sum = 1;
        wafer_revocations_status status;
        now_ms += WAFER_HOUR_MS;
        restart(folder->file);
        PUT(folder->file, sum, no_sum);
        PUT(folder->file, retention_ms, retentions_ms[i]);
        void *table = table_of(&settings);
        assert_int_equal(list->look(table, &status), WAFER_OK);
        assert_int_equal(status.retention_ms, RETENTION);
        list->free(table);
    }
}

static void a_start_that_cannot_empty_the_table_fails_and_the_next_one_can(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW;
    const uint64_t no_sum = 1;
    wafer_revocations_settings settings = table_file_settings_at(folder->file, WAFER_ACCESS_CREATE,
                                                                 WAFER_START_REFUSES_OLDER,
                                                                 &now_ms);
    void *table = table_of(&settings);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    list->free(table);
    restart(folder->file);
    PUT(folder->file, sum, no_sum);
    now_ms += WAFER_HOUR_MS;
    arm("posix_fallocate", 2, ENOSPC); /* the first one is for the header */
    table_refused(&settings, WAFER_SYSTEM, "room on the disk");
    assert_false(disarm());
    table = table_of(&settings);
    assert_int_equal(table_entries(table), 0);
    assert_int_equal(table_login_from(table, 1), now_ms + SKEW + 2); /* asked for twice */
    list->free(table);
}

/* A tool has no choice of its own, so that of the file counts, and it must be one. */
static void a_choice_for_the_start_that_is_none_is_damage(void **state)
{
    const struct folder *folder = *state;
    const uint32_t choices[] = {WAFER_START_UNSET, WAFER_START_REFUSES_OLDER + 1, UINT32_MAX};
    wafer_revocations_settings settings = table_file_settings(folder->file);
    list->free(table_of(&settings));
    settings.access = WAFER_ACCESS_WRITE;
    settings.on_start = WAFER_START_UNSET;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        restart(folder->file);
        PUT(folder->file, on_start, choices[i]);
        table_refused(&settings, WAFER_INVALID, "damaged");
    }
    settings.on_start = WAFER_START_FORGETS;
    list->free(table_of(&settings));
}

static void a_rebuild_that_was_never_or_after_the_end_of_time_is_damage(void **state)
{
    const struct folder *folder = *state;
    const int64_t good[] = {WAFER_TABLE_NEVER, WAFER_TIME_MAX_MS};
    const int64_t bad[] = {WAFER_TABLE_NEVER - 1, WAFER_TIME_MAX_MS + 1};
    wafer_revocations_settings settings = table_file_settings(folder->file);
    list->free(table_of(&settings));
    for (size_t i = 0; i < 2; i++) {
        PUT(folder->file, rebuilt_at_ms, bad[i]);
        table_refused(&settings, WAFER_INVALID, "damaged");
        PUT(folder->file, rebuilt_at_ms, good[i]);
        list->free(table_of(&settings));
    }
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(interrupted_calls_are_repeated),
        IN_A_FOLDER(without_a_lock_to_be_had_there_is_no_table),
        IN_A_FOLDER(without_memory_no_file_is_made),
        IN_A_FOLDER(a_boot_id_that_is_none_is_an_error_of_the_system),
        IN_A_FOLDER(a_file_on_another_device_is_not_the_one_that_was_locked),
        IN_A_FOLDER(of_two_failures_at_the_end_of_making_a_file_the_first_is_told),
        IN_A_FOLDER(a_descriptor_of_another_device_is_left_alone),
        IN_A_FOLDER(a_full_list_that_cannot_drop_what_is_due_says_so),
        cmocka_unit_test(a_list_whose_counts_are_overwritten_refuses_what_fits_nowhere),
        IN_A_FOLDER(a_retention_that_is_none_is_set_anew_where_all_is_emptied),
        IN_A_FOLDER(a_start_that_cannot_empty_the_table_fails_and_the_next_one_can),
        IN_A_FOLDER(a_choice_for_the_start_that_is_none_is_damage),
        IN_A_FOLDER(a_rebuild_that_was_never_or_after_the_end_of_time_is_damage),
    };
    return cmocka_run_group_tests_name("table edges", tests, make_table_keys, free_table_keys);
}
