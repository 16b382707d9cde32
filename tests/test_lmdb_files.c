/* The journal as a file: modes and owners, what is refused, damage, clocks, LMDB's own limits. */
#include "journal.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#define NOBODY 65534

static unsigned opens_with; /* more of LMDB's flags */

int __real_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode);
int __wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode);
int __wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
    return __real_mdb_env_open(env, path, flags | opens_with, mode);
}

static void assert_refused(const struct folder *folder, wafer_result result, const char *words)
{
    wafer_error error = open_fails(folder);

    if (error.result != result || strstr(error.text, words) == NULL)
        fail_msg("expected result %d and \"%s\", but got %d: %s", (int)result, words,
                 (int)error.result, error.text);
}

static void make_journal(const struct folder *folder, uint32_t entries)
{
    wafer_revocations *list = open_list(folder);

    for (uint32_t number = 0; number < entries; number++)
        assert_int_equal(log_out(list, number), WAFER_OK);
    wafer_revocations_free(list);
}

/* Opens the list in a child, so that a crash is seen. */
static wafer_result result_in_child(const struct folder *folder)
{
    pid_t child = fork();

    if (child == 0) {
        wafer_revocations_settings table = table_settings(10000);
        wafer_revocations *list;
        wafer_result result = try_open(folder->file, &table, 0, &list, NULL);
        wafer_revocations_free(list);
        _exit((int)result);
    }
    return (wafer_result)outcome(child);
}

/* ---- Settings ---- */

static void settings_that_make_no_sense_are_refused(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings good = table_settings(1000);
    wafer_lmdb_settings settings = WAFER_LMDB_SETTINGS_INIT;
    wafer_revocations_settings table = good;
    wafer_revocations *list;
    wafer_error error;

    settings.path = folder->file;
    assert_int_equal(wafer_lmdb_open(NULL, &table, &list, &error), WAFER_MISUSE);
    assert_int_equal(wafer_lmdb_open(&settings, NULL, &list, &error), WAFER_MISUSE);
    assert_int_equal(wafer_lmdb_open(&settings, &table, NULL, NULL), WAFER_MISUSE);
    settings.size--;
    assert_int_equal(wafer_lmdb_open(&settings, &table, &list, &error), WAFER_INVALID);
    assert_non_null(strstr(error.text, "WAFER_LMDB_SETTINGS_INIT"));
    settings.size++;
    settings.path = NULL;
    assert_int_equal(wafer_lmdb_open(&settings, &table, &list, &error), WAFER_INVALID);
    settings.path = "";
    assert_int_equal(wafer_lmdb_open(&settings, &table, &list, &error), WAFER_INVALID);
    settings.path = folder->file;
    settings.map_size = 65535;
    assert_int_equal(wafer_lmdb_open(&settings, &table, &list, &error), WAFER_INVALID);
    settings.map_size = SIZE_MAX;
    assert_int_equal(wafer_lmdb_open(&settings, &table, &list, &error), WAFER_INVALID);
    settings.map_size = 0;
    table.size++;
    assert_int_equal(wafer_lmdb_open(&settings, &table, &list, &error), WAFER_INVALID);
    table = good;
    table.on_start = WAFER_START_UNSET;
    assert_int_equal(wafer_lmdb_open(&settings, &table, &list, &error), WAFER_INVALID);
    assert_non_null(strstr(error.text, "on_start"));
    table = good;
    table.access = WAFER_ACCESS_READ;
    assert_int_equal(wafer_lmdb_open(&settings, &table, &list, &error), WAFER_INVALID);
    table = good;
    table.capacity = 63;
    assert_int_equal(wafer_lmdb_open(&settings, &table, &list, &error), WAFER_INVALID);
    now_ms = -1;
    assert_int_equal(wafer_lmdb_open(&settings, &good, &list, &error), WAFER_SYSTEM);
    assert_null(list);
    assert_int_equal(folder_count(folder), 0);
}

static void the_systems_clock_is_the_default(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000);

    table.clock = NULL;
    for (unsigned round = 0; round < 2; round++) {
        wafer_revocations *list = open_table(folder, &table);
        assert_int_equal(log_out(list, 1), WAFER_OK);
        assert_true(refuses(list, 1));
        wafer_revocations_free(list);
    }
}

static void with_access_to_write_a_journal_must_be_there(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000);
    wafer_revocations *list;
    wafer_error error;

    table.access = WAFER_ACCESS_WRITE;
    table.on_start = WAFER_START_UNSET;
    assert_int_equal(try_open(folder->file, &table, 0, &list, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
    assert_int_equal(folder_count(folder), 0);
    make_journal(folder, 1);
    assert_int_equal(try_open(folder->file, &table, 0, &list, &error), WAFER_OK);
    assert_true(refuses(list, 0));
    assert_int_equal(log_out(list, 1), WAFER_OK);
    wafer_revocations_free(list);
}

static void the_journal_is_as_large_as_the_capacity_needs_but_takes_no_blocks(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000000);
    struct stat status;

    wafer_revocations_free(open_table(folder, &table));
    assert_int_equal(stat(folder->file, &status), 0);
    assert_true(status.st_size >= 250000000);
    assert_true(status.st_blocks * 512 < 200000);
    table.capacity = 64;
    wafer_revocations_free(open_table(folder, &table));
    assert_int_equal(stat(folder->file, &status), 0);
    assert_true(status.st_size >= 250000000);
}

static off_t size_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void only_who_may_create_the_journal_enlarges_it_without_being_told(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(10000);
    wafer_revocations *list;

    assert_int_equal(try_open(folder->file, &table, 65536, &list, NULL), WAFER_OK);
    assert_int_equal(log_out(list, 1), WAFER_OK);
    wafer_revocations_free(list);
    table.access = WAFER_ACCESS_WRITE;
    for (size_t told = 0; told <= 131072; told += 131072) {
        assert_int_equal(try_open(folder->file, &table, told, &list, NULL), WAFER_OK);
        assert_int_equal(log_out(list, 2), WAFER_OK);
        wafer_revocations_free(list);
        assert_int_equal(size_of(folder->file), told != 0 ? told : 65536);
    }
    table.access = WAFER_ACCESS_CREATE;
    assert_int_equal(try_open(folder->file, &table, 0, &list, NULL), WAFER_OK);
    assert_true(refuses(list, 1) && refuses(list, 2));
    wafer_revocations_free(list);
    assert_true(size_of(folder->file) >= 10000 * 200);
}

/* What each session leaves when it is renewed and then logged out. */
static void revoke_up_to_the_capacity(wafer_revocations *list, uint32_t capacity)
{
    uint32_t sessions = capacity - capacity / 8;

    for (uint32_t i = 0; i < 2 * sessions + capacity / 8; i++) {
        wafer_revocation_kind kind = i < sessions       ? WAFER_REVOKE_COPIES
                                     : i < 2 * sessions ? WAFER_REVOKE_SESSION
                                                        : WAFER_REVOKE_SUBJECT;
        /* Spread, as ids are. */
        wafer_revocation entry = entry_of(kind, i % sessions * UINT32_C(2654435761), 0,
                                          kind == WAFER_REVOKE_COPIES ? 1 : 0);
        wafer_result result = wafer_revocations_apply(list, now_ms, &entry);
        if (result != WAFER_OK)
            fail_msg("entry %u: %s", (unsigned)i, wafer_result_text(result));
    }
}

static void a_journal_has_room_for_all_that_the_table_has(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(4096);

    opens_with = MDB_NOSYNC; /* which is quick */
    wafer_revocations *list = open_table(folder, &table);
    opens_with = 0;
    revoke_up_to_the_capacity(list, 4096);
    assert_int_equal(status_of(list).entries, 4096);
    wafer_revocations_free(list);
    list = open_table(folder, &table);
    assert_int_equal(status_of(list).entries, 4096);
    wafer_revocations_free(list);
}

/* ---- Whose it is ---- */

static void modes_are_the_same_whatever_the_umask(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000);
    wafer_lmdb_settings settings = WAFER_LMDB_SETTINGS_INIT;
    wafer_revocations *list;
    char lock[128];

    settings.path = folder->file;
    (void)snprintf(lock, sizeof lock, "%s-lock", folder->file);
    for (unsigned i = 0; i < 4; i++) {
        settings.group_readable = i % 2 == 1;
        mode_t before = umask(i < 2 ? 0 : 0777);
        wafer_result result = wafer_lmdb_open(&settings, &table, &list, NULL);
        (void)umask(before);
        assert_int_equal(result, WAFER_OK);
        assert_int_equal(mode_of(folder->file), i % 2 == 1 ? 0640 : 0600);
        assert_int_equal(mode_of(lock), i % 2 == 1 ? 0640 : 0600);
        wafer_revocations_free(list);
        assert_int_equal(folder_empty(folder, true), 2);
    }
}

static void files_open_to_others_are_refused(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000);
    wafer_lmdb_settings settings = WAFER_LMDB_SETTINGS_INIT;
    wafer_revocations *list;
    char lock[128];

    make_journal(folder, 1);
    (void)snprintf(lock, sizeof lock, "%s-lock", folder->file);
    for (unsigned i = 0; i < 2; i++) {
        const char *path = i == 0 ? folder->file : lock;
        for (unsigned bit = 0; bit < 6; bit++) {
            assert_int_equal(chmod(path, 0600 | 1U << bit), 0);
            assert_refused(folder, WAFER_INVALID, "lets others in, it must be 0600");
            if (i == 0)
                assert_int_equal(result_in_child(folder), WAFER_INVALID);
        }
        assert_int_equal(chmod(path, 0640), 0);
        settings.path = folder->file;
        settings.group_readable = true;
        assert_int_equal(wafer_lmdb_open(&settings, &table, &list, NULL), WAFER_OK);
        wafer_revocations_free(list);
        assert_int_equal(chmod(path, 0600), 0);
    }
    wafer_revocations_free(open_list(folder));
}

static void another_users_files_are_refused(void **state)
{
    struct folder *folder = *state;
    char lock[128];

    if (geteuid() != 0)
        return; /* only root can give a file away; as anybody else the next test does it */
    make_journal(folder, 1);
    (void)snprintf(lock, sizeof lock, "%s-lock", folder->file);
    assert_int_equal(chown(folder->file, NOBODY, NOBODY), 0);
    assert_refused(folder, WAFER_INVALID, "another user's");
    assert_int_equal(chown(folder->file, 0, 0), 0);
    assert_int_equal(chown(lock, NOBODY, NOBODY), 0);
    assert_refused(folder, WAFER_INVALID, "another user's");
}

/* In a child, because root, who may do anything, becomes somebody else for it. */
static void without_the_right_to_write_it_fails_and_says_so(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000);
    wafer_revocations *list;
    wafer_error error = {0};

    make_journal(folder, 1);
    assert_int_equal(chmod(folder->file, 0400), 0);
    if (geteuid() == 0) {
        char lock[128];
        (void)snprintf(lock, sizeof lock, "%s-lock", folder->file);
        assert_int_equal(chown(folder->file, NOBODY, NOBODY), 0);
        assert_int_equal(chown(lock, NOBODY, NOBODY), 0);
        assert_int_equal(chown(folder->path, NOBODY, NOBODY), 0);
    }
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(NOBODY) != 0)
            _exit(9);
        bool good = try_open(folder->file, &table, 0, &list, &error) == WAFER_SYSTEM &&
                    error.system == EACCES;
        good = good && chmod(folder->file, 0600) == 0 && chmod(folder->path, 0500) == 0;
        good = good && try_open(folder->file, &table, 0, &list, &error) == WAFER_OK;
        if (good)
            wafer_revocations_free(list);
        (void)strncat(folder->file, "2", 2);
        good = good && try_open(folder->file, &table, 0, &list, &error) == WAFER_SYSTEM &&
               error.system == EACCES;
        _exit(good ? 0 : 1);
    }
    int status = outcome(child);
    if (geteuid() == 0)
        assert_int_equal(chown(folder->path, 0, 0), 0);
    assert_int_equal(chmod(folder->path, 0700), 0);
    assert_int_equal(status, 0);
}

static void what_is_no_regular_file_is_refused(void **state)
{
    struct folder *folder = *state;
    char other[128];

    assert_int_equal(mkfifo(folder->file, 0600), 0);
    assert_refused(folder, WAFER_INVALID, "not a regular file");
    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(mkdir(folder->file, 0700), 0);
    assert_refused(folder, WAFER_INVALID, "not a regular file");
    assert_int_equal(rmdir(folder->file), 0);
    make_journal(folder, 1);
    (void)snprintf(other, sizeof other, "%s-other", folder->file);
    assert_int_equal(rename(folder->file, other), 0);
    assert_int_equal(symlink(other, folder->file), 0);
    assert_refused(folder, WAFER_INVALID, "not a regular file");
    assert_int_equal(unlink(other), 0);
    assert_refused(folder, WAFER_INVALID, "not a regular file");
}

static void a_folder_that_is_missing_is_an_error(void **state)
{
    wafer_revocations_settings table = table_settings(1000);
    wafer_revocations *list;
    wafer_error error;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/none/journal", ((struct folder *)*state)->path);
    assert_int_equal(try_open(path, &table, 0, &list, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
}

/* ---- Open once a process ---- */

static void a_second_opening_in_one_process_is_refused(void **state)
{
    struct folder *folder = *state;
    struct folder other = *folder;
    wafer_revocations *list = open_list(folder);

    assert_refused(folder, WAFER_INVALID, "open in this process already");
    (void)snprintf(other.file, sizeof other.file, "%s/name", folder->path);
    assert_int_equal(link(folder->file, other.file), 0);
    assert_refused(&other, WAFER_INVALID, "open in this process already");
    assert_int_equal(log_out(list, 1), WAFER_OK);
    /* LMDB's locks are still there: otherwise this child would make the lock file anew. */
    assert_int_equal(result_in_child(folder), WAFER_OK);
    assert_int_equal(log_out(list, 2), WAFER_OK);
    wafer_revocations_free(list);
    list = open_list(folder);
    assert_true(refuses(list, 1) && refuses(list, 2));
    wafer_revocations_free(list);
}

/* ---- Clocks ---- */

static void a_journal_ahead_of_the_clock_is_refused_and_nothing_is_loaded(void **state)
{
    struct folder *folder = *state;

    make_journal(folder, 3);
    now_ms = NOW - 2 * SKEW - 1;
    assert_refused(folder, WAFER_INVALID, "1 s later than the clock");
    now_ms = NOW - 2 * SKEW - 1001;
    assert_refused(folder, WAFER_INVALID, "2 s later than the clock");
    now_ms = NOW - 2 * SKEW;
    wafer_revocations *list = open_list(folder);
    assert_true(refuses(list, 0) && refuses(list, 2));
    wafer_revocations_free(list);
}

/* ---- Damage ---- */

static void a_file_that_is_no_journal_is_refused_and_left_alone(void **state)
{
    struct folder *folder = *state;
    char text[64];
    uint8_t noise[20000];

    write_text(folder->file, "", 0600);
    assert_refused(folder, WAFER_INVALID, "empty");
    write_text(folder->file, "something else", 0600);
    assert_refused(folder, WAFER_INVALID, "not a journal");
    assert_int_equal(read_text(folder->file, text, sizeof text), 14);
    for (unsigned round = 0; round < 20; round++) {
        random_fill(noise, sizeof noise);
        write_bytes(folder->file, noise, sizeof noise, 0600);
        assert_int_equal(result_in_child(folder), WAFER_INVALID);
    }
    memset(noise, 0, sizeof noise);
    write_bytes(folder->file, noise, sizeof noise, 0600);
    assert_int_equal(result_in_child(folder), WAFER_INVALID);
}

static void another_programs_environment_is_refused(void **state)
{
    struct folder *folder = *state;
    MDB_env *env = raw_open(folder->file);

    mdb_env_close(env);
    assert_int_equal(truncate(folder->file, 2097152), 0);
    assert_refused(folder, WAFER_INVALID, "no journal of a revocation list");
}

static void a_journal_cut_off_anywhere_is_refused(void **state)
{
    struct folder *folder = *state;
    struct stat status;
    MDB_envinfo information;

    make_journal(folder, 60);
    MDB_env *env = raw_open(folder->file);
    assert_int_equal(mdb_env_info(env, &information), 0);
    mdb_env_close(env);
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal((size_t)status.st_size, information.me_mapsize);
    off_t used = (off_t)(information.me_last_pgno + 1) * getpagesize();
    assert_true(used > 5 * getpagesize() && used < status.st_size);
    assert_int_equal(truncate(folder->file, status.st_size - 1), 0);
    assert_int_equal(result_in_child(folder), WAFER_INVALID);
    for (off_t size = used + 4096; size > 0; size -= size % 4096 == 1 ? 1 : 4095) {
        assert_int_equal(truncate(folder->file, size), 0);
        assert_int_equal(result_in_child(folder), WAFER_INVALID);
    }
    for (off_t size = 300; size >= 0; size -= 20) {
        assert_int_equal(truncate(folder->file, size), 0);
        assert_int_equal(result_in_child(folder), WAFER_INVALID);
    }
}

/* Whichever bit of the two first pages' beginnings is wrong, the journal is refused or whole. */
static void a_wrong_bit_in_the_head_is_no_crash(void **state)
{
    struct folder *folder = *state;
    unsigned refused = 0;

    make_journal(folder, 5);
    int file = open(folder->file, O_RDWR);
    assert_true(file >= 0);
    for (off_t at = 0; at < 48; at++) {
        off_t place = at + (off_t)random_below(2) * getpagesize();
        uint8_t byte;
        uint8_t wrong;
        assert_int_equal(pread(file, &byte, 1, place), 1);
        wrong = (uint8_t)(byte ^ 1U << random_below(8));
        assert_int_equal(pwrite(file, &wrong, 1, place), 1);
        refused += result_in_child(folder) != WAFER_OK;
        assert_int_equal(pwrite(file, &byte, 1, place), 1);
    }
    /* LMDB divides by this one. */
    static const uint8_t no_page_size[4];
    off_t place = (off_t)(sizeof(size_t) + 8 + 8 + 2 * sizeof(size_t));
    assert_int_equal(pwrite(file, no_page_size, sizeof no_page_size, place), 4);
    assert_int_equal(result_in_child(folder), WAFER_INVALID);
    uint32_t page_size = (uint32_t)getpagesize();
    assert_int_equal(pwrite(file, &page_size, sizeof page_size, place), 4);
    (void)close(file);
    assert_in_range(refused, 5, 40);
    wafer_revocations_free(open_list(folder));
}

/* A byte that LMDB does not look at, changed in the file, is found by the sum. */
static void a_changed_entry_is_found(void **state)
{
    struct folder *folder = *state;
    uint8_t *bytes = NULL;
    unsigned changed = 0;
    struct stat status;

    wafer_revocations *list = open_list(folder);
    wafer_revocation entry = {.kind = WAFER_REVOKE_SESSION};
    memset(entry.key, 0xC7, sizeof entry.key);
    assert_int_equal(wafer_revocations_apply(list, now_ms, &entry), WAFER_OK);
    wafer_revocations_free(list);
    assert_int_equal(stat(folder->file, &status), 0);
    int file = open(folder->file, O_RDWR);
    bytes = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    assert_true(bytes != MAP_FAILED);
    /* Newer pages replace older ones, which are left as they were: those matter no more. */
    for (size_t at = 0; at + 16 < 100 * 4096U; at++) {
        bool found = true;
        for (size_t i = 0; i < 16 && found; i++)
            found = bytes[at + i] == 0xC7;
        if (found) {
            bytes[at + 3] ^= 1;
            changed += result_in_child(folder) == WAFER_INVALID;
            bytes[at + 3] ^= 1;
        }
    }
    assert_int_equal(changed, 2);
    assert_int_equal(munmap(bytes, (size_t)status.st_size), 0);
    (void)close(file);
    wafer_revocations_free(open_list(folder));
}

/* Rows as the source draws them. */
static void write_row(uint8_t row[29], int64_t at_ms, uint8_t kind, uint8_t key, uint32_t renewals)
{
    memset(row, 0, 29);
    for (unsigned i = 0; i < 8; i++)
        row[i] = (uint8_t)((uint64_t)at_ms >> (56 - 8 * i));
    row[8] = kind;
    row[9] = key;
    for (unsigned i = 0; i < 4; i++)
        row[25 + i] = (uint8_t)(renewals >> (24 - 8 * i));
}

/* Adds a row, or removes it, with all that is said of it elsewhere: only its content is wrong. */
static void put_row(const char *path, const uint8_t row[29], bool removes)
{
    uint8_t padded[32] = {0};
    uint8_t value[12];
    uint8_t head[20];
    uint64_t hash = UINT64_C(0x9E3779B97F4A7C15);

    memcpy(padded, row, 29);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t word;
        memcpy(&word, padded + (size_t)8 * i, 8);
        hash = (hash ^ word) * UINT64_C(0xD6E8FEB86659FD93);
        hash ^= hash >> 32;
    }
    raw_get(path, NULL, "wafer journal", 13, head, sizeof head);
    for (unsigned i = 0; i < 8; i++)
        head[12 + i] ^= (uint8_t)(hash >> (56 - 8 * i));
    raw_put(path, NULL, "wafer journal", 13, head, sizeof head);
    memcpy(value, row, 8);
    memcpy(value + 8, row + 25, 4);
    raw_put(path, "times", row, 25, removes ? NULL : row + 25, 4);
    raw_put(path, "entries", row + 8, 17, removes ? NULL : value, 12);
}

static void rows_that_nobody_wrote_so_are_refused(void **state)
{
    struct folder *folder = *state;
    static const struct {
        int64_t at_ms;
        uint8_t kind;
        uint32_t renewals;
    } wrong[] = {
        {NOW, 0, 0},      {NOW, 5, 0}, {NOW, 1, 1},       {NOW, 2, 77},
        {NOW, 4, 131072}, {-1, 1, 0},  {INT64_MIN, 1, 0}, {WAFER_TIME_MAX_MS + 1, 1, 0},
    };
    uint8_t row[29];

    make_journal(folder, 3);
    write_row(row, NOW, WAFER_REVOKE_COPIES, 200, 131071);
    put_row(folder->file, row, false);
    wafer_revocations *list = open_list(folder);
    assert_int_equal(status_of(list).entries, 4);
    wafer_revocations_free(list);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_row(row, wrong[i].at_ms, wrong[i].kind, 201, wrong[i].renewals);
        put_row(folder->file, row, false);
        assert_refused(folder, WAFER_INVALID, "damaged");
        put_row(folder->file, row, true);
        wafer_revocations_free(open_list(folder));
    }
    write_row(row, NOW, WAFER_REVOKE_SESSION, 201, 0);
    for (size_t size = 1; size < 30; size += 3) {
        raw_put(folder->file, "times", row, size, row, 4);
        assert_refused(folder, WAFER_INVALID, "damaged");
        raw_put(folder->file, "times", row, size, NULL, 0);
        raw_put(folder->file, "entries", row, size, row, 12);
        assert_refused(folder, WAFER_INVALID, "damaged");
        raw_put(folder->file, "entries", row, size, NULL, 0);
    }
    wafer_revocations_free(open_list(folder));
}

/* An entry's time 0 stands for now when it is revoked, but not when it is loaded. */
static void a_row_of_1970_is_loaded_as_such(void **state)
{
    struct folder *folder = *state;
    wafer_revocation entry = entry_of(WAFER_REVOKE_SUBJECT, 1, 0, 0);
    uint8_t row[29];

    now_ms = 5;
    make_journal(folder, 0);
    write_row(row, 0, WAFER_REVOKE_SUBJECT, entry.key[0], 0);
    put_row(folder->file, row, false);
    wafer_revocations *list = open_list(folder);
    assert_int_equal(login_from(list, 1), 1);
    wafer_revocations_free(list);
}

static void a_row_that_is_missing_is_found(void **state)
{
    struct folder *folder = *state;
    uint8_t row[29];
    uint8_t value[12];

    make_journal(folder, 3);
    write_row(row, NOW, WAFER_REVOKE_SESSION, 1, 0);
    raw_put(folder->file, "times", row, 25, NULL, 0);
    assert_refused(folder, WAFER_INVALID, "damaged");
    memcpy(value, row, 8);
    memcpy(value + 8, row + 25, 4);
    raw_put(folder->file, "entries", row + 8, 17, NULL, 0);
    assert_refused(folder, WAFER_INVALID, "damaged");
    raw_put(folder->file, "times", row, 25, row + 25, 4);
    raw_put(folder->file, "entries", row + 8, 17, value, 12);
    wafer_revocations_free(open_list(folder));
}

static void another_format_is_refused(void **state)
{
    struct folder *folder = *state;
    uint8_t head[20] = {0};

    make_journal(folder, 0);
    head[3] = 2;
    head[11] = 200;
    raw_put(folder->file, NULL, "wafer journal", 13, head, 20);
    assert_refused(folder, WAFER_INVALID, "damaged");
    head[3] = 1;
    head[11] = 0; /* no retention */
    raw_put(folder->file, NULL, "wafer journal", 13, head, 20);
    assert_refused(folder, WAFER_INVALID, "damaged");
    head[11] = 200;
    raw_put(folder->file, NULL, "wafer journal", 13, head, 20);
    wafer_revocations_free(open_list(folder));
    raw_put(folder->file, NULL, "wafer journal", 13, head, 19);
    assert_refused(folder, WAFER_INVALID, "damaged");
    raw_put(folder->file, NULL, "wafer journal", 13, NULL, 0);
    assert_refused(folder, WAFER_INVALID, "damaged");
}

/* ---- LMDB's limits ---- */

/* Takes all of the readers' places, then waits to be killed. */
static void take_all_places(const char *path, int ready)
{
    MDB_env *env = raw_open(path);
    MDB_txn *txn;
    char byte = 0;

    while (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0)
        continue;
    if (write(ready, &byte, 1) != 1)
        _exit(1);
    for (;;)
        (void)pause();
}

static void readers_that_were_killed_are_not_in_the_way(void **state)
{
    struct folder *folder = *state;
    int ends[2];
    char byte;

    make_journal(folder, 3);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        take_all_places(folder->file, ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_refused(folder, WAFER_SYSTEM, "MDB_READERS_FULL");
    /* Another keeps the lock file from being made anew. */
    pid_t other = fork();
    if (other == 0) {
        (void)raw_open(folder->file);
        (void)!write(ends[1], &byte, 1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    wafer_revocations *list = open_list(folder);
    assert_true(refuses(list, 2));
    assert_int_equal(log_out(list, 3), WAFER_OK);
    wafer_revocations_free(list);
    assert_int_equal(kill(other, SIGKILL), 0);
    assert_int_equal(waitpid(other, NULL, 0), other);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_lock_file_of_nonsense_is_made_anew(void **state)
{
    struct folder *folder = *state;
    char lock[128];

    make_journal(folder, 3);
    (void)snprintf(lock, sizeof lock, "%s-lock", folder->file);
    write_text(lock, "nonsense", 0600);
    wafer_revocations *list = open_list(folder);
    assert_true(refuses(list, 2));
    assert_int_equal(log_out(list, 3), WAFER_OK);
    wafer_revocations_free(list);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, journal_setup, folder_remove)
    const struct CMUnitTest tests[] = {
        TEST(settings_that_make_no_sense_are_refused),
        TEST(the_systems_clock_is_the_default),
        TEST(with_access_to_write_a_journal_must_be_there),
        TEST(the_journal_is_as_large_as_the_capacity_needs_but_takes_no_blocks),
        TEST(only_who_may_create_the_journal_enlarges_it_without_being_told),
        TEST(a_journal_has_room_for_all_that_the_table_has),
        TEST(modes_are_the_same_whatever_the_umask),
        TEST(files_open_to_others_are_refused),
        TEST(another_users_files_are_refused),
        TEST(without_the_right_to_write_it_fails_and_says_so),
        TEST(what_is_no_regular_file_is_refused),
        TEST(a_folder_that_is_missing_is_an_error),
        TEST(a_second_opening_in_one_process_is_refused),
        TEST(a_journal_ahead_of_the_clock_is_refused_and_nothing_is_loaded),
        TEST(a_file_that_is_no_journal_is_refused_and_left_alone),
        TEST(another_programs_environment_is_refused),
        TEST(a_journal_cut_off_anywhere_is_refused),
        TEST(a_wrong_bit_in_the_head_is_no_crash),
        TEST(a_changed_entry_is_found),
        TEST(rows_that_nobody_wrote_so_are_refused),
        TEST(a_row_of_1970_is_loaded_as_such),
        TEST(a_row_that_is_missing_is_found),
        TEST(another_format_is_refused),
        TEST(readers_that_were_killed_are_not_in_the_way),
        TEST(a_lock_file_of_nonsense_is_made_anew),
    };
#undef TEST

    return cmocka_run_group_tests_name("lmdb_files", tests, NULL, NULL);
}
