/* The queue of entries that are not yet published: what leaves it, who waits for its lock, and a
 * disk that fails. No Redis is needed. */
#include "folder.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "redis/queue.h"

#define NOW INT64_C(1800000000000)

/* Functions that fail, or do half, once their count is down to 0; -1: never. */
static int open_in = -1;
static int lstat_in = -1;
static int fsync_in = -1;
static int fdatasync_in = -1;
static int pread_in = -1;
static int pwrite_in = -1;
static int rename_in = -1;
static int ftruncate_in = -1;
static bool halves; /* transfers do half of what they are to do, instead of failing */
static unsigned fsyncs;
static uint8_t key[WAFER_WIRE_KEY_SIZE];

static bool fails(int *in)
{
    if (*in < 0 || (*in)-- > 0)
        return false;
    errno = EIO;
    return true;
}

/* clang-format off */
int __real_open(const char *path, int flags, mode_t mode);
int __real_lstat(const char *path, struct stat *status);
int __real_fsync(int file);
int __real_fdatasync(int file);
ssize_t __real_pread(int file, void *bytes, size_t length, off_t at);
ssize_t __real_pwrite(int file, const void *bytes, size_t length, off_t at);
int __real_rename(const char *old, const char *new);
int __real_ftruncate(int file, off_t size);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_lstat(const char *path, struct stat *status);
int __wrap_fsync(int file);
int __wrap_fdatasync(int file);
ssize_t __wrap_pread(int file, void *bytes, size_t length, off_t at);
ssize_t __wrap_pwrite(int file, const void *bytes, size_t length, off_t at);
int __wrap_rename(const char *old, const char *new);
int __wrap_ftruncate(int file, off_t size);
/* clang-format on */

int __wrap_open(const char *path, int flags, mode_t mode)
{
    return fails(&open_in) ? -1 : __real_open(path, flags, mode);
}

int __wrap_lstat(const char *path, struct stat *status)
{
    return fails(&lstat_in) ? -1 : __real_lstat(path, status);
}

int __wrap_fsync(int file)
{
    fsyncs++;
    return fails(&fsync_in) ? -1 : __real_fsync(file);
}

int __wrap_fdatasync(int file)
{
    return fails(&fdatasync_in) ? -1 : __real_fdatasync(file);
}

ssize_t __wrap_pread(int file, void *bytes, size_t length, off_t at)
{
    if (!fails(&pread_in))
        return __real_pread(file, bytes, length, at);
    return halves ? __real_pread(file, bytes, length / 2, at) : -1;
}

ssize_t __wrap_pwrite(int file, const void *bytes, size_t length, off_t at)
{
    if (!fails(&pwrite_in))
        return __real_pwrite(file, bytes, length, at);
    return halves ? __real_pwrite(file, bytes, length / 2, at) : -1;
}

int __wrap_rename(const char *old, const char *new)
{
    return fails(&rename_in) ? -1 : __real_rename(old, new);
}

int __wrap_ftruncate(int file, off_t size)
{
    return fails(&ftruncate_in) ? -1 : __real_ftruncate(file, size);
}

static int world_make(void **state)
{
    static const uint8_t secret[WAFER_SECRET_SIZE] = "the secret of all the machines.";

    open_in = lstat_in = fsync_in = fdatasync_in = pread_in = pwrite_in = rename_in = ftruncate_in =
        -1;
    halves = false;
    fsyncs = 0;
    wafer_wire_key(secret, "wafer", key);
    return folder_make(state);
}

static struct wafer_site *site_of(const struct folder *folder)
{
    struct wafer_site *site = NULL;
    wafer_error error;

    if (wafer_site_new(folder->path, false, &site, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    return site;
}

static bool try_append(const struct wafer_site *site, uint16_t first, size_t count, int64_t wait_ms)
{
    static uint8_t records[2500][WAFER_WIRE_SIZE];

    for (size_t i = 0; i < count; i++) {
        struct wafer_wire_record record = {.entry = {.kind = WAFER_REVOKE_SESSION, .at_ms = NOW}};
        record.entry.key[0] = (uint8_t)((first + i) >> 8);
        record.entry.key[1] = (uint8_t)(first + i);
        wafer_wire_write(key, &record, records[i]);
    }
    return wafer_queue_append(site, (const uint8_t(*)[WAFER_WIRE_SIZE])records, count, wait_ms);
}

static void append(const struct wafer_site *site, uint16_t first, size_t count)
{
    assert_true(try_append(site, first, count, 10000));
}

static struct wafer_queue_piece piece;

static void take(const struct wafer_site *site, size_t most, size_t count)
{
    wafer_error error;

    if (!wafer_queue_take(site, key, most, &piece, &error))
        fail_msg("%s", error.text);
    assert_int_equal(piece.count, count);
}

static void take_fails(const struct wafer_site *site, const char *word)
{
    wafer_error error = {.text = ""};

    assert_false(wafer_queue_take(site, key, 10, &piece, &error));
    if (strstr(error.text, word) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", error.text, word);
    assert_int_equal(piece.file, -1);
}

/* Returns how many damaged ones went. */
static size_t cut(const struct wafer_site *site, size_t sent)
{
    wafer_error error;
    size_t damaged;

    if (!wafer_queue_cut(site, &piece, sent, &damaged, &error))
        fail_msg("%s", error.text);
    return damaged;
}

static unsigned number_of(size_t index)
{
    struct wafer_wire_record read;

    assert_int_equal(wafer_wire_read(key, piece.records[index], WAFER_WIRE_SIZE, NOW,
                                     WAFER_MINUTE_MS, &read),
                     WAFER_WIRE_GOOD);
    return read.entry.key[0] * 256U + read.entry.key[1];
}

/* ---- What leaves it ---- */

static void what_is_sent_leaves_and_what_is_not_stays(void **state)
{
    struct wafer_site *site = site_of(*state);

    take(site, 10, 0);
    assert_int_equal(cut(site, 0), 0);
    append(site, 1, 2);
    append(site, 3, 3);
    take(site, 3, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(number_of(i), 5 - i);
    append(site, 6, 1); /* meanwhile */
    assert_int_equal(wafer_queue_length(site), 6);
    assert_int_equal(cut(site, 2), 0);
    assert_int_equal(wafer_queue_length(site), 4);
    take(site, 10, 3);
    assert_int_equal(number_of(0), 3);
    assert_int_equal(close(piece.file), 0); /* the feeder is killed */
    take(site, 10, 3);
    assert_int_equal(cut(site, 0), 0); /* or nothing came through */
    take(site, 10, 3);
    assert_int_equal(number_of(2), 1);
    assert_int_equal(cut(site, 3), 0);
    assert_int_equal(access(site->sending, F_OK), -1);
    take(site, 10, 1);
    assert_int_equal(number_of(0), 6);
    assert_int_equal(cut(site, 1), 0);
    assert_int_equal(wafer_queue_length(site), 0);
    take(site, 10, 0);
    assert_int_equal(cut(site, 0), 0);
    wafer_site_free(site);
}

static void a_long_queue_leaves_in_pieces(void **state)
{
    enum { ALL = 2500 };
    struct wafer_site *site = site_of(*state);
    size_t left = ALL;

    append(site, 0, ALL);
    while (left > 0) {
        size_t count = left < WAFER_QUEUE_PIECE ? left : WAFER_QUEUE_PIECE;
        take(site, WAFER_QUEUE_PIECE, count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(number_of(i), --left);
        assert_int_equal(cut(site, count), 0);
        assert_int_equal(wafer_queue_length(site), left);
    }
    wafer_site_free(site);
}

static void damaged_and_half_written_rows_are_left_out_and_harm_no_others(void **state)
{
    struct wafer_site *site = site_of(*state);

    append(site, 1, 5);
    put_bytes(site->queue, WAFER_QUEUE_ROW + 5, "?", 1);
    put_bytes(site->queue, (size_t)3 * WAFER_QUEUE_ROW + 5, "?", 1);
    put_bytes(site->queue, (size_t)5 * WAFER_QUEUE_ROW, "half a row", 10);
    append(site, 6, 1); /* takes the place of the half row */
    put_bytes(site->queue, (size_t)6 * WAFER_QUEUE_ROW, "half", 4);
    assert_int_equal(wafer_queue_length(site), 6);
    take(site, 10, 4);
    assert_int_equal(number_of(0), 6);
    assert_int_equal(number_of(1), 5);
    assert_int_equal(number_of(2), 3);
    assert_int_equal(number_of(3), 1);
    assert_int_equal(cut(site, 2), 0);
    take(site, 10, 2);
    assert_int_equal(cut(site, 1), 1); /* that between 5 and 3 went with 3 */
    take(site, 1, 0);
    assert_int_equal(cut(site, 0), 1);
    take(site, 10, 1);
    assert_int_equal(cut(site, 1), 0);
    write_text(site->sending, "half", 0600);
    append(site, 7, 1);
    take(site, 10, 0);
    assert_int_equal(cut(site, 0), 0);
    take(site, 10, 1);
    assert_int_equal(number_of(0), 7);
    assert_int_equal(cut(site, 1), 0);
    wafer_site_free(site);
}

/* Several processes append while one takes: each record comes once. */
static void processes_that_append_while_another_takes_lose_nothing(void **state)
{
    enum { WRITERS = 3, EACH = 40 };
    struct wafer_site *site = site_of(*state);
    unsigned seen[256] = {0};

    for (unsigned writer = 0; writer < WRITERS; writer++)
        if (fork() == 0) {
            for (unsigned i = 0; i < EACH; i++)
                append(site, (uint16_t)(writer * EACH + i), 1);
            _exit(0);
        }
    for (unsigned ended = 0; ended < WRITERS || wafer_queue_length(site) > 0;) {
        wafer_error error;
        int status = 0;
        if (ended < WRITERS && waitpid(-1, &status, WNOHANG) > 0)
            ended++;
        assert_int_equal(status, 0);
        assert_true(wafer_queue_take(site, key, 7, &piece, &error));
        size_t sent = piece.count - piece.count / 3;
        for (size_t i = 0; i < sent; i++)
            seen[number_of(i)]++;
        assert_int_equal(cut(site, sent), 0);
    }
    for (unsigned number = 0; number < WRITERS * EACH; number++)
        assert_int_equal(seen[number], 1);
    wafer_site_free(site);
}

/* ---- Whose it is, and who has its lock ---- */

static void a_queue_that_is_not_ours_is_neither_written_nor_sent(void **state)
{
    struct wafer_site *site = site_of(*state);

    write_text(site->queue, "", 0640);
    assert_false(try_append(site, 1, 1, 100));
    assert_int_equal(errno, EPERM);
    assert_int_equal(unlink(site->queue), 0);
    assert_int_equal(symlink("/dev/null", site->queue), 0);
    assert_false(try_append(site, 1, 1, 100));
    assert_int_equal(unlink(site->queue), 0);
    append(site, 1, 1);
    assert_int_equal(chmod(site->queue, 0644), 0);
    take_fails(site, "0600");
    assert_int_equal(rename(site->queue, site->sending), 0);
    take_fails(site, "0600");
    assert_int_equal(chmod(site->sending, 0600), 0);
    take(site, 10, 1);
    assert_int_equal(cut(site, 1), 0);
    wafer_site_free(site);
}

static void the_queue_is_its_owners_alone_from_the_beginning(void **state)
{
    const struct folder *folder = *state;
    mode_t usual = umask(0);
    struct wafer_site *site;

    assert_int_equal(chmod(folder->path, 0750), 0);
    assert_int_equal(wafer_site_new(folder->path, true, &site, NULL), WAFER_OK);
    append(site, 1, 1);
    assert_int_equal(mode_of(site->queue), 0600);
    assert_int_equal(close(wafer_site_open(site, site->lock, O_RDWR | O_CREAT, false, NULL)), 0);
    assert_int_equal(mode_of(site->lock), 0600);
    (void)umask(usual);
    wafer_site_free(site);
}

static int64_t steady_ms(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void who_holds_the_lock_is_waited_for_and_not_for_ever(void **state)
{
    struct wafer_site *site = site_of(*state);
    int64_t begun_ms;
    int holder;

    append(site, 1, 1);
    holder = open(site->queue, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(holder, LOCK_EX), 0);
    begun_ms = steady_ms();
    assert_false(try_append(site, 2, 1, 80));
    assert_int_equal(errno, ETIMEDOUT);
    assert_in_range(steady_ms() - begun_ms, 80, 5000);
    begun_ms = steady_ms();
    assert_false(try_append(site, 2, 1, 0));
    assert_in_range(steady_ms() - begun_ms, 0, 60);
    take_fails(site, "fuser");
    if (fork() == 0) { /* the lock is shared with the child, which lets go after a while */
        (void)usleep(50000);
        (void)flock(holder, LOCK_UN);
        _exit(0);
    }
    assert_true(try_append(site, 2, 1, 10000));
    assert_true(wait(NULL) > 0);
    assert_int_equal(close(holder), 0);
    take(site, 10, 2);
    assert_int_equal(cut(site, 2), 0);
    wafer_site_free(site);
}

/* ---- A disk that fails ---- */

static void a_queue_has_its_name_for_good_before_it_has_a_row(void **state)
{
    struct wafer_site *site = site_of(*state);

    fsync_in = 0;
    assert_false(try_append(site, 1, 1, 100));
    assert_int_equal(errno, EIO);
    assert_int_equal(wafer_queue_length(site), 0);
    fsyncs = 0;
    append(site, 1, 1); /* the one before may have made it, and died */
    assert_int_equal(fsyncs, 1);
    append(site, 2, 1);
    assert_int_equal(fsyncs, 1);
    wafer_site_free(site);
}

static void what_could_not_be_written_is_not_there_and_what_was_is(void **state)
{
    struct wafer_site *site = site_of(*state);

    append(site, 1, 1);
    pwrite_in = 1; /* the second piece */
    assert_false(try_append(site, 2, 100, 100));
    assert_int_equal(errno, EIO);
    assert_int_equal(wafer_queue_length(site), 1);
    halves = true;
    pwrite_in = 0;
    append(site, 2, 100);
    assert_int_equal(wafer_queue_length(site), 101);
    fdatasync_in = 0;
    assert_false(try_append(site, 102, 1, 100));
    assert_int_equal(errno, EIO);
    halves = true;
    pread_in = 0;
    take(site, WAFER_QUEUE_PIECE, 102);
    assert_int_equal(cut(site, 102), 0);
    wafer_site_free(site);
}

static void what_cannot_be_read_renamed_or_cut_off_is_taken_again(void **state)
{
    struct wafer_site *site = site_of(*state);
    wafer_error error;
    size_t damaged;

    append(site, 1, 3);
    rename_in = 0;
    take_fails(site, "queue");
    pread_in = 1;
    take_fails(site, "cannot read");
    take(site, 10, 3);
    ftruncate_in = 0;
    assert_false(wafer_queue_cut(site, &piece, 2, &damaged, &error));
    assert_non_null(strstr(error.text, "cannot shorten"));
    assert_int_equal(damaged, 0);
    take(site, 10, 3);
    assert_int_equal(cut(site, 2), 0);
    take(site, 10, 1);
    assert_int_equal(number_of(0), 1);
    assert_int_equal(cut(site, 1), 0);
    wafer_site_free(site);
}

static void what_is_under_way_is_not_replaced_when_it_cannot_be_looked_at(void **state)
{
    struct wafer_site *site = site_of(*state);

    append(site, 1, 2);
    take(site, 1, 1);
    assert_int_equal(cut(site, 0), 0);
    append(site, 3, 1);
    lstat_in = 0;
    take(site, 1, 1);
    assert_int_equal(number_of(0), 2);
    assert_int_equal(cut(site, 0), 0);
    lstat_in = open_in = 0;
    take_fails(site, "queue.sending");
    lstat_in = -1;
    take(site, 10, 2);
    assert_int_equal(number_of(1), 1);
    assert_int_equal(cut(site, 2), 0);
    take(site, 10, 1);
    assert_int_equal(number_of(0), 3);
    assert_int_equal(cut(site, 1), 0);
    wafer_site_free(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_leaves_and_what_is_not_stays),
        cmocka_unit_test(a_long_queue_leaves_in_pieces),
        cmocka_unit_test(damaged_and_half_written_rows_are_left_out_and_harm_no_others),
        cmocka_unit_test(processes_that_append_while_another_takes_lose_nothing),
        cmocka_unit_test(a_queue_that_is_not_ours_is_neither_written_nor_sent),
        cmocka_unit_test(the_queue_is_its_owners_alone_from_the_beginning),
        cmocka_unit_test(who_holds_the_lock_is_waited_for_and_not_for_ever),
        cmocka_unit_test(a_queue_has_its_name_for_good_before_it_has_a_row),
        cmocka_unit_test(what_could_not_be_written_is_not_there_and_what_was_is),
        cmocka_unit_test(what_cannot_be_read_renamed_or_cut_off_is_taken_again),
        cmocka_unit_test(what_is_under_way_is_not_replaced_when_it_cannot_be_looked_at),
    };
    struct CMUnitTest with_folders[sizeof tests / sizeof *tests];

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        with_folders[i] = tests[i];
        with_folders[i].setup_func = world_make;
        with_folders[i].teardown_func = folder_remove;
    }
    return _cmocka_run_group_tests("redis_queue", with_folders, sizeof tests / sizeof *tests, NULL,
                                   NULL);
}
