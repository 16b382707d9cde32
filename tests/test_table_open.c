/* Opening a table file: which descriptor and which file it becomes, that the lock of opening is let
 * go, and what the first writer after a restart of the machine makes of what it finds. */
#include "table_helpers.h"

#include "folder.h"
#include "sleep.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "table_memory.h"

static const wafer_revocations_interface *const list = &wafer_table_interface;

/* ---- What happens during calls of the library ---- */

static bool descriptor_is_shared; /* as with a process that is forked at the wrong moment */
static int shared_descriptor = -1;
static const char *replacement; /* a file that takes the path before a lock is had */
static const char *replaced;

ssize_t __real_pread(int file, void *bytes, size_t length, off_t at);
ssize_t __wrap_pread(int file, void *bytes, size_t length, off_t at);
ssize_t __wrap_pread(int file, void *bytes, size_t length, off_t at)
{
    if (descriptor_is_shared)
        shared_descriptor = dup(file);
    return __real_pread(file, bytes, length, at);
}

int __real_flock(int file, int operation);
int __wrap_flock(int file, int operation);
int __wrap_flock(int file, int operation)
{
    if (replacement != NULL) {
        assert_int_equal(rename(replacement, replaced), 0);
        replacement = NULL;
    }
    return __real_flock(file, operation);
}

/* ---- Descriptor, path and lock ---- */

static bool is_beyond_streams(const char *path, wafer_access access, int first, int last)
{
    struct stat status;
    wafer_revocations_settings settings = table_file_settings(path);
    void *opened;
    settings.access = access;
    if (wafer_table_new(&settings, &opened, NULL) != WAFER_OK)
        return false;
    const struct wafer_table *table = opened;
    bool is_beyond = table->file.descriptor == -1 || table->file.descriptor > STDERR_FILENO;
    for (int stream = first; stream <= last; stream++)
        is_beyond = is_beyond && fstat(stream, &status) != 0;
    list->free(opened);
    return is_beyond;
}

/* What a program prints would go into the table. */
static void the_file_never_becomes_a_standard_stream(void **state)
{
    const struct folder *folder = *state;
    const int closed[][2] = {{0, STDERR_FILENO}, {0, 0}, {1, 1}, {STDERR_FILENO, STDERR_FILENO}};
    for (int access = WAFER_ACCESS_CREATE; access <= WAFER_ACCESS_READ; access++) {
        for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
            pid_t child = fork();
            if (child == 0) {
                for (int stream = closed[i][0]; stream <= closed[i][1]; stream++)
                    (void)close(stream);
                bool is_beyond = is_beyond_streams(folder->file, (wafer_access)access, closed[i][0],
                                                   closed[i][1]);
                _exit(is_beyond ? 0 : 1);
            }
            child_succeeds(child);
        }
    }
}

static void the_lock_of_opening_is_let_go_although_others_have_the_descriptor(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    list->free(table_of(&settings));
    waits = 0;
    for (int is_wrong = 0; is_wrong < 2; is_wrong++) {
        descriptor_is_shared = true;
        settings.capacity = is_wrong ? 65 : 64;
        if (is_wrong)
            table_refused(&settings, WAFER_INVALID, "capacity");
        else
            list->free(table_of(&settings));
        descriptor_is_shared = false;
        assert_true(shared_descriptor >= 0);
        list->free(table_file(folder->file, WAFER_ACCESS_WRITE));
        assert_int_equal(waits, 0);
        assert_int_equal(close(shared_descriptor), 0);
    }
}

static void the_file_that_has_the_path_once_the_lock_is_had_is_opened(void **state)
{
    const struct folder *folder = *state;
    char other[128];
    (void)snprintf(other, sizeof other, "%s/other", folder->path);
    for (int access = WAFER_ACCESS_CREATE; access <= WAFER_ACCESS_READ; access++) {
        list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
        void *table = table_file(other, WAFER_ACCESS_CREATE);
        table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
        list->free(table);
        replacement = other;
        replaced = folder->file;
        table = table_file(folder->file, (wafer_access)access);
        assert_null(replacement);
        assert_true(table_refuses_session(table, 1));
        list->free(table);
        assert_int_equal(unlink(folder->file), 0);
    }
}

static void rebuild_until_killed(struct wafer_table *table, pid_t parent)
{
    while (getppid() == parent) {
        size_t dropped;
        if (!wafer_table_lock(table) || wafer_table_rebuild(table, 0, &dropped) != 0)
            _exit(1);
        wafer_table_unlock(table);
    }
    _exit(1);
}

static void readers_open_while_the_table_is_rebuilt(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.capacity = 1000;
    struct wafer_table *table = table_of(&settings);
    for (uint32_t number = 0; number < 600; number++)
        table_add(table, NOW, WAFER_REVOKE_SESSION, number, 0, 0);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        rebuild_until_killed(table, parent);
    while (wafer_table_generation(table) == 0)
        sched_yield();
    settings.access = WAFER_ACCESS_READ;
    for (uint32_t i = 0; i < 60; i++) {
        void *reader = table_of(&settings);
        assert_true(table_refuses_session(reader, i));
        /* What opening looked at, again and again. */
        for (size_t look = 0; look < 50; look++)
            assert_true(wafer_table_is_readable(reader));
        list->free(reader);
    }
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    list->free(table);
}

/* ---- The first after a restart ---- */

static void restart(const char *path)
{
    const uint8_t other[16] = {1};
    put_bytes(path, offsetof(struct wafer_table_header, boot_id), other, sizeof other);
}

/* As after a crash, when the header is of another moment than the entries. */
static void spoil_sum(const char *path)
{
    const uint64_t sum = random_below(0);
    put_bytes(path, offsetof(struct wafer_table_header, sum), &sum, sizeof sum);
}

static void make(wafer_revocations_settings *settings)
{
    void *table = table_of(settings);
    for (uint32_t number = 0; number < 20; number++)
        table_add(table, NOW, WAFER_REVOKE_SESSION, number, 0, 0);
    list->free(table);
}

static void entries_that_do_not_match_the_sum_go_where_all_are_refused_anyway(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW;
    wafer_revocations_settings settings = table_file_settings_at(folder->file, WAFER_ACCESS_CREATE,
                                                                 WAFER_START_REFUSES_OLDER,
                                                                 &now_ms);
    make(&settings);
    now_ms += WAFER_HOUR_MS;
    restart(folder->file);
    void *table = table_of(&settings);
    assert_int_equal(table_entries(table), 20);
    list->free(table);
    restart(folder->file);
    spoil_sum(folder->file);
    now_ms += WAFER_HOUR_MS;
    table = table_of(&settings);
    assert_int_equal(table_entries(table), 0);
    assert_int_equal(table_login_from(table, 1), now_ms + SKEW + 1);
    list->free(table);
}

static void entries_that_do_not_match_the_sum_stay_where_nothing_else_protects(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW;
    wafer_revocations_settings settings = table_file_settings_at(folder->file, WAFER_ACCESS_CREATE,
                                                                 WAFER_START_FORGETS, &now_ms);
    make(&settings);
    restart(folder->file);
    spoil_sum(folder->file);
    void *table = table_of(&settings);
    assert_int_equal(table_entries(table), 20);
    assert_true(table_refuses_session(table, 7));
    list->free(table);
    /* The sum was made anew. */
    list->free(table_of(&settings));
}

/* Else sessions that were refused would be good again once somebody sets the clock. */
static void a_list_that_is_emptied_still_notices_that_the_clock_went_back(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW;
    wafer_revocations_settings settings = table_file_settings_at(folder->file, WAFER_ACCESS_CREATE,
                                                                 WAFER_START_REFUSES_OLDER,
                                                                 &now_ms);
    make(&settings);
    restart(folder->file);
    spoil_sum(folder->file);
    now_ms = NOW - WAFER_DAY_MS;
    for (size_t i = 0; i < 2; i++)
        table_refused(&settings, WAFER_SYSTEM, "clock");
    now_ms = NOW + 1;
    void *table = table_of(&settings);
    assert_int_equal(table_login_from(table, 1), NOW + SKEW + 2);
    list->free(table);
}

static void put_times(const char *path, int64_t not_before_ms, int64_t retention_ms)
{
    put_bytes(path, offsetof(struct wafer_table_header, not_before_ms), &not_before_ms,
              sizeof not_before_ms);
    put_bytes(path, offsetof(struct wafer_table_header, retention_ms), &retention_ms,
              sizeof retention_ms);
}

static void times_that_cannot_be_are_mended_and_others_stay(void **state)
{
    const struct folder *folder = *state;
    const int64_t late = NOW + WAFER_HOUR_MS;
    const struct {
        int64_t not_before_ms, retention_ms;
        int64_t login_from_ms, mended_ms;
    } rows[] = {
        {late, RETENTION, late + 1, RETENTION},
        {late, RETENTION + 1, late + 1, RETENTION + 1},
        {late, RETENTION - 1, late + 1, RETENTION},
        {late, -1, late + 1, RETENTION},
        {late, WAFER_LIFETIME_MAX_MS, late + 1, WAFER_LIFETIME_MAX_MS},
        {late, WAFER_LIFETIME_MAX_MS + 1, late + 1, RETENTION},
        {-1, RETENTION, late + SKEW + 1, RETENTION},
        {0, RETENTION, late + SKEW + 1, RETENTION},
        {WAFER_TIME_MAX_MS + 1, RETENTION, late + SKEW + 1, RETENTION},
        {INT64_MAX, INT64_MAX, late + SKEW + 1, RETENTION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t now_ms = NOW;
        wafer_revocations_settings settings = table_file_settings_at(folder->file,
                                                                     WAFER_ACCESS_CREATE,
                                                                     WAFER_START_REFUSES_OLDER,
                                                                     &now_ms);
        make(&settings);
        put_times(folder->file, rows[i].not_before_ms, rows[i].retention_ms);
        restart(folder->file);
        now_ms = rows[i].not_before_ms == late ? late - SKEW : late;
        settings.access = WAFER_ACCESS_WRITE;
        void *table = table_of(&settings);
        wafer_revocations_status status;
        assert_int_equal(list->look(table, &status), WAFER_OK);
        if (status.retention_ms != rows[i].mended_ms ||
            table_login_from(table, 1) != rows[i].login_from_ms)
            fail_msg("row %zu: %" PRId64 ", %" PRId64, i, status.retention_ms,
                     table_login_from(table, 1));
        assert_int_equal(table_entries(table), 0);
        list->free(table);
        assert_int_equal(unlink(folder->file), 0);
    }
}

static void what_a_tool_chooses_for_itself_is_not_remembered(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW;
    wafer_revocations_settings settings = table_file_settings_at(folder->file, WAFER_ACCESS_CREATE,
                                                                 WAFER_START_REFUSES_OLDER,
                                                                 &now_ms);
    make(&settings);
    settings.access = WAFER_ACCESS_WRITE;
    const wafer_on_start choices[] = {WAFER_START_FORGETS, WAFER_START_UNSET};
    for (size_t i = 0; i < 2; i++) {
        now_ms += WAFER_HOUR_MS;
        restart(folder->file);
        settings.on_start = choices[i];
        void *table = table_of(&settings);
        assert_int_equal(table_login_from(table, 1), (i == 0 ? NOW : now_ms) + SKEW + 1);
        list->free(table);
    }
}

static void what_is_chosen_where_the_file_says_nonsense_is_remembered(void **state)
{
    const struct folder *folder = *state;
    const uint32_t nonsense = 77;
    int64_t now_ms = NOW;
    wafer_revocations_settings settings = table_file_settings_at(folder->file, WAFER_ACCESS_CREATE,
                                                                 WAFER_START_REFUSES_OLDER,
                                                                 &now_ms);
    make(&settings);
    put_bytes(folder->file, offsetof(struct wafer_table_header, on_start), &nonsense,
              sizeof nonsense);
    restart(folder->file);
    settings.access = WAFER_ACCESS_WRITE;
    settings.on_start = WAFER_START_UNSET;
    table_refused(&settings, WAFER_INVALID, "damaged");
    settings.on_start = WAFER_START_REFUSES_OLDER;
    list->free(table_of(&settings));
    settings.on_start = WAFER_START_UNSET;
    list->free(table_of(&settings));
    restart(folder->file);
    now_ms += WAFER_HOUR_MS;
    void *table = table_of(&settings);
    assert_int_equal(table_login_from(table, 1), now_ms + SKEW + 1);
    list->free(table);
}

/* Searches would be long or end nowhere, though every entry is where it belongs. */
static void more_entries_than_there_is_room_for_are_damage(void **state)
{
    const struct folder *folder = *state;
    const uint32_t mosts[] = {64, WAFER_TABLE_FIRST_SLOTS * WAFER_TABLE_LOAD_MAX / 100};
    const size_t capacities[] = {64, 5000}; /* room for fewer than the slots, and for more */
    const struct wafer_table_value value = {WAFER_TABLE_SESSION, NOW, 0};
    for (size_t i = 0; i < 2; i++) {
        wafer_revocations_settings settings = table_file_settings(folder->file);
        settings.capacity = capacities[i];
        struct wafer_table *table = table_of(&settings);
        for (uint32_t number = 0; number <= mosts[i]; number++) {
            wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, number, 0, 0);
            struct wafer_table_name name = wafer_table_name(table, entry.key, false);
            assert_true(wafer_table_lock(table));
            assert_true(wafer_table_put(table, &name, &value));
            wafer_table_unlock(table);
            if (number == mosts[i] - 1)
                list->free(table_of(&settings));
        }
        list->free(table);
        table_refused(&settings, WAFER_INVALID, "damaged");
        restart(folder->file);
        table_refused(&settings, WAFER_INVALID, "damaged");
        assert_int_equal(unlink(folder->file), 0);
    }
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(the_file_never_becomes_a_standard_stream),
        IN_A_FOLDER(the_lock_of_opening_is_let_go_although_others_have_the_descriptor),
        IN_A_FOLDER(the_file_that_has_the_path_once_the_lock_is_had_is_opened),
        IN_A_FOLDER(readers_open_while_the_table_is_rebuilt),
        IN_A_FOLDER(entries_that_do_not_match_the_sum_go_where_all_are_refused_anyway),
        IN_A_FOLDER(entries_that_do_not_match_the_sum_stay_where_nothing_else_protects),
        IN_A_FOLDER(a_list_that_is_emptied_still_notices_that_the_clock_went_back),
        IN_A_FOLDER(times_that_cannot_be_are_mended_and_others_stay),
        IN_A_FOLDER(what_a_tool_chooses_for_itself_is_not_remembered),
        IN_A_FOLDER(what_is_chosen_where_the_file_says_nonsense_is_remembered),
        IN_A_FOLDER(more_entries_than_there_is_room_for_are_damage),
    };
    return cmocka_run_group_tests_name("table opening", tests, make_table_keys, free_table_keys);
}
