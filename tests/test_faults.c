/* Every allocation and every call to the system fails in turn: the first, the second ... of each
 * kind, until the work passes without reaching it. Each time there must be a clear error, nothing
 * half done and nothing left behind. */
#include "fixture.h"

#include "base64_codec.h"
#include "clock.h"
#include "faults.h"
#include "nonce.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- the shim */

static bool partly; /* reads, writes and randomness stop short instead */

WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, NULL, (void *memory, size_t size), (memory, size))
WRAP(char *, strdup, NULL, (const char *text), (text))
WRAP(int, fsync, -1, (int file), (file))
WRAP(int, stat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, fchown, -1, (int file, uid_t owner, gid_t group), (file, owner, group))
WRAP(int, fstat, -1, (int file, struct stat *status), (file, status))
WRAP(int, renameat, -1, (int from, const char *old, int to, const char *new), (from, old, to, new))
WRAP(int, rename, -1, (const char *old, const char *new), (old, new))
WRAP(int, linkat, -1, (int from, const char *old, int to, const char *new, int flags),
     (from, old, to, new, flags))
WRAP(int, fchmod, -1, (int file, mode_t mode), (file, mode))
WRAP(int, flock, -1, (int file, int operation), (file, operation))
WRAP(char *, realpath, NULL, (const char *path, char *resolved), (path, resolved))
WRAP(void *, mmap, MAP_FAILED,
     (void *at, size_t size, int protection, int flags, int file, off_t offset),
     (at, size, protection, flags, file, offset))
WRAP(int, clock_gettime, -1, (clockid_t clock, struct timespec *time), (clock, time))
WRAP(int, pthread_mutex_init, ENOMEM, (pthread_mutex_t * mutex, const pthread_mutexattr_t *how),
     (mutex, how))
WRAP(int, pthread_mutex_lock, EINVAL, (pthread_mutex_t * mutex), (mutex))
WRAP(int, base64_decode_block, 0, (const char *text, int length, char *bytes, void *state),
     (text, length, bytes, state))

/* As for whoever calls it first. */
int __real_sodium_init(void);
int __wrap_sodium_init(void);
int __wrap_sodium_init(void)
{
    return fails("sodium_init") || __real_sodium_init() < 0 ? -1 : 0;
}

static long guarded_blocks; /* of sodium_malloc, not freed yet */

void __real_sodium_free(void *memory);
void __wrap_sodium_free(void *memory);
void __wrap_sodium_free(void *memory)
{
    guarded_blocks -= memory != NULL;
    __real_sodium_free(memory);
}

void *__real_sodium_malloc(size_t size);
void *__wrap_sodium_malloc(size_t size);
void *__wrap_sodium_malloc(size_t size)
{
    void *memory = fails("sodium_malloc") ? NULL : __real_sodium_malloc(size);

    guarded_blocks += memory != NULL;
    return memory;
}

int __real_openat(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat(int folder, const char *path, int flags, mode_t mode)
{
    check_open(flags);
    return fails("openat") ? -1 : __real_openat(folder, path, flags, mode);
}

WRAP_OPEN
WRAP_CLOSE

/* One that fails has done its work, so that nothing is left behind. */
int __real_unlinkat(int folder, const char *path, int flags);
int __wrap_unlinkat(int folder, const char *path, int flags);
int __wrap_unlinkat(int folder, const char *path, int flags)
{
    int result = __real_unlinkat(folder, path, flags);

    return fails("unlinkat") ? -1 : result;
}

ssize_t __real_read(int file, void *bytes, size_t length);
ssize_t __wrap_read(int file, void *bytes, size_t length);
ssize_t __wrap_read(int file, void *bytes, size_t length)
{
    if (!fails("read"))
        return __real_read(file, bytes, length);
    return partly ? __real_read(file, bytes, length > 1 ? length / 2 : length) : -1;
}

ssize_t __real_write(int file, const void *bytes, size_t length);
ssize_t __wrap_write(int file, const void *bytes, size_t length);
ssize_t __wrap_write(int file, const void *bytes, size_t length)
{
    if (!fails("write"))
        return __real_write(file, bytes, length);
    return partly ? __real_write(file, bytes, length > 1 ? length / 2 : length) : -1;
}

ssize_t __real_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
    if (!fails("getrandom"))
        return __real_getrandom(bytes, length, flags);
    return partly ? __real_getrandom(bytes, length > 1 ? length / 2 : length, flags) : -1;
}

static const char *const kinds[] = {
    "malloc",        "calloc",
    "realloc",       "strdup",
    "sodium_malloc", "sodium_init",
    "fsync",         "fstat",
    "renameat",      "rename",
    "linkat",        "fchmod",
    "fchown",        "openat",
    "stat",          "flock",
    "mmap",          "read",
    "write",         "getrandom",
    "clock_gettime", "pthread_mutex_init",
    "open",          "realpath",
    "unlinkat",
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* ---- a folder to work in */

struct place {
    char folder[64];
    char keys[96];
};

static int place_open(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    assert_non_null(place);
    const char *parent = getenv("WAFER_TEST_TMPDIR");

    (void)snprintf(place->folder, sizeof place->folder, "%s/wafer-faults-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(place->folder));
    (void)snprintf(place->keys, sizeof place->keys, "%s/keys", place->folder);
    *state = place;
    return 0;
}

static int place_close(void **state)
{
    struct place *place = *state;

    (void)unlink(place->keys);
    assert_int_equal(rmdir(place->folder), 0); /* nothing else was left */
    free(place);
    return 0;
}

static size_t files_in(const struct place *place)
{
    DIR *folder = opendir(place->folder);
    size_t count = 0;

    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    assert_int_equal(closedir(folder), 0);
    return count;
}

static size_t slurp(const char *path, char *text, size_t capacity)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    assert_true(file >= 0);
    length = read(file, text, capacity);
    assert_true(length >= 0);
    assert_int_equal(close(file), 0);
    return (size_t)length;
}

/* Whether the errno value fits what failed. Randomness comes with and without one. */
static bool is_reason(int reason, const char *kind, wafer_result result)
{
    if (result != WAFER_SYSTEM || strcmp(kind, "sodium_init") == 0 ||
        strcmp(kind, "clock_gettime") == 0)
        return reason == 0;
    if (strcmp(kind, "getrandom") == 0)
        return reason == 0 || reason == fail_errno;
    return reason == (strcmp(kind, "pthread_mutex_init") == 0 ? ENOMEM : fail_errno);
}

static void says_why(wafer_result result, const wafer_error *error, const char *kind, long nth)
{
    if ((result != WAFER_SYSTEM && result != WAFER_NO_MEMORY) || error->result != result ||
        !is_reason(error->system, kind, result) || error->line != 0 || strlen(error->text) < 10)
        fail_msg("%s, call %ld: %s, errno %d, line %u, \"%s\"", kind, nth,
                 wafer_result_text(result), error->system, error->line, error->text);
}

/* Runs `work` with the nth call of each kind failing, for every n that it reaches. `check` looks at
 * what a failed run left. At least `reached` kinds must have been met. */
static void torture(struct place *place, wafer_result (*work)(struct place *, wafer_error *),
                    void (*check)(struct place *, const char *kind, wafer_result), size_t reached)
{
    size_t met = 0;

    for (size_t kind = 0; kind < KINDS; kind++) {
        for (long nth = 1;; nth++) {
            wafer_error error = {.text = ""};
            wafer_result result;

            assert_true(nth < 1000);
            const long blocks = guarded_blocks;

            arm(kinds[kind], nth, strstr(kinds[kind], "alloc") != NULL ? ENOMEM : EIO);
            result = work(place, &error);
            assert_int_equal(guarded_blocks, blocks);
            if (disarm()) {
                assert_int_equal(result, WAFER_OK);
                break;
            }
            met += nth == 1;
            if (result == WAFER_OK) { /* locking looks again whether the file is still the one */
                assert_non_null(strstr("fstat", kinds[kind]));
                continue;
            }
            says_why(result, &error, kinds[kind], nth);
            check(place, kinds[kind], result);
        }
    }
    assert_in_range(met, reached, KINDS);
}

/* ---- key files */

static wafer_result create(struct place *place, wafer_error *error)
{
    wafer_result result;

    (void)unlink(place->keys);
    result = wafer_keys_create(place->keys, NULL, error);
    return result;
}

static void no_file_is_there(struct place *place, const char *kind, wafer_result result)
{
    (void)kind;
    (void)result;
    assert_int_equal(files_in(place), 0);
}

static void creating_keys_leaves_a_whole_file_or_none(void **state)
{
    struct place *place = *state;

    torture(place, create, no_file_is_there, 11);
    assert_int_equal(files_in(place), 1);
    assert_int_equal(wafer_keys_check(place->keys, NULL, NULL), WAFER_OK);
}

static char before[4096];
static size_t before_length;

static wafer_result rotate(struct place *place, wafer_error *error)
{
    (void)unlink(place->keys);
    {
        const char *kind = armed;
        long left = countdown;

        countdown = 0;
        assert_int_equal(wafer_keys_create(place->keys, NULL, NULL), WAFER_OK);
        before_length = slurp(place->keys, before, sizeof before);
        arm(kind, left, fail_errno);
    }
    return wafer_keys_rotate(place->keys, NULL, error);
}

static void the_old_or_the_new_keys_stand(struct place *place, const char *kind,
                                          wafer_result result)
{
    char now[4096];
    size_t length = slurp(place->keys, now, sizeof now);

    (void)result;
    assert_int_equal(files_in(place), 1);
    /* Syncing the folder comes after the new file is in place: then, and only then, it stands. */
    if (length != before_length || memcmp(now, before, length) != 0) {
        assert_string_equal(kind, "fsync");
        assert_int_equal(wafer_keys_check(place->keys, NULL, NULL), WAFER_OK);
    }
}

static void rotating_keys_leaves_the_old_or_the_new_file_whole(void **state)
{
    torture(*state, rotate, the_old_or_the_new_keys_stand, 15);
}

static void reading_and_writing_go_on_where_they_stopped_short(void **state)
{
    struct place *place = *state;
    const char *const interrupted[] = {"read", "write", "getrandom"};

    for (size_t kind = 0; kind < 3; kind++)
        for (long nth = 1; nth < 20; nth++)
            for (int how = 0; how < 2; how++) {
                partly = how == 1;
                arm(interrupted[kind], nth, EINTR);
                assert_int_equal(rotate(place, NULL), WAFER_OK);
                (void)disarm();
                partly = false;
                assert_int_equal(wafer_keys_check(place->keys, NULL, NULL), WAFER_OK);
            }
}

/* ---- objects */

static wafer_result make_all(struct place *place, wafer_error *error)
{
    wafer_keyring_settings keys = WAFER_KEYRING_SETTINGS_INIT;
    wafer_revocations_settings lists = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_keyring *ring = NULL;
    wafer_revocations *list = NULL;
    wafer_manager *manager = NULL;
    wafer_session *session = NULL;
    wafer_result result;

    keys.path = place->keys;
    lists.on_start = WAFER_START_FORGETS;
    result = wafer_keyring_new(&keys, &ring, error);
    assert_int_equal(ring != NULL, result == WAFER_OK);
    if (result == WAFER_OK)
        result = wafer_revocations_new(&lists, &list, error);
    assert_int_equal(list != NULL, result == WAFER_OK);
    settings.keyring = ring;
    settings.revocations = list;
    if (result == WAFER_OK)
        result = wafer_manager_new(&settings, &manager, error);
    assert_int_equal(manager != NULL, result == WAFER_OK);
    if (result == WAFER_OK) {
        result = wafer_session_new(manager, &session);
        if (result != WAFER_OK) {
            error->result = result;
            (void)snprintf(error->text, sizeof error->text, "the session takes no error");
        }
    }
    if (result == WAFER_OK)
        result = wafer_keyring_reload(ring, error);
    wafer_session_free(session);
    wafer_manager_free(manager);
    wafer_revocations_free(list);
    wafer_keyring_free(ring);
    return result;
}

static void nothing_to_see(struct place *place, const char *kind, wafer_result result)
{
    (void)place;
    (void)kind;
    (void)result;
}

static void making_the_objects_fails_clearly_and_leaks_nothing(void **state)
{
    struct place *place = *state;

    assert_int_equal(wafer_keys_create(place->keys, NULL, NULL), WAFER_OK);
    torture(place, make_all, nothing_to_see, 9);
}

static void a_failed_reload_keeps_the_old_keys(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char line[WAFER_KEYS_LINE_MAX];
    size_t met = 0;

    sign_in(world, &ada, "ada");
    for (size_t kind = 0; kind < KINDS; kind++)
        for (long nth = 1;; nth++) {
            wafer_error error = {.text = ""};
            wafer_result result;
            wafer_settings settings = world_settings(world);
            wafer_manager *other;

            arm(kinds[kind], nth, ENOMEM);
            settings.name = "__Host-other";
            result = wafer_manager_new(&settings, &other, &error); /* a binding more, or none */
            if (result == WAFER_OK)
                wafer_manager_free(other);
            if (disarm())
                break;
            says_why(result, &error, kinds[kind], nth);
            assert_null(other);
            assert_int_equal(look(world, &ada), WAFER_VALID);
            met++;
        }
    assert_true(met >= 3);
    met = 0;
    for (size_t kind = 0; kind < KINDS; kind++)
        for (long nth = 1;; nth++) {
            wafer_error error = {.text = ""};
            wafer_result result;

            key_line(line, NOON - HOUR, INT64_MAX);
            sign_in(world, &ada, "ada");
            arm(kinds[kind], nth, ENOMEM);
            result = wafer_keyring_replace(world->ring, line, strlen(line), &error);
            if (disarm())
                break;
            says_why(result, &error, kinds[kind], nth);
            assert_int_equal(look(world, &ada), WAFER_VALID);
            met++;
        }
    assert_true(met >= 2);
    assert_int_equal(look(world, &ada), WAFER_REJECTED); /* the last one went through */
}

static void keys_of_an_old_ring_are_freed_with_the_last_request_that_holds_them(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    char line[WAFER_KEYS_LINE_MAX];
    long at_first = guarded_blocks;

    for (int i = 0; i < 10; i++) {
        sign_in(world, &ada, "ada");
        key_line(line, NOON - HOUR, INT64_MAX);
        assert_int_equal(wafer_keyring_replace(world->ring, line, strlen(line), NULL), WAFER_OK);
        assert_int_equal(guarded_blocks, at_first);
    }
    (void)!arrive(world, &ada);
    key_line(line, NOON - HOUR, INT64_MAX);
    assert_int_equal(wafer_keyring_replace(world->ring, line, strlen(line), NULL), WAFER_OK);
    assert_int_equal(guarded_blocks, at_first + 1);
    wafer_end(world->session);
    assert_int_equal(guarded_blocks, at_first);
}

/* ---- requests */

static void without_randomness_nothing_is_sealed(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""}, kept;
    char token[WAFER_CSRF_LENGTH + 1];
    const char *sealed;
    size_t length;

    arm("getrandom", 1, EIO); /* the id of a new session */
    (void)!arrive(world, &ada);
    assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_SYSTEM);
    assert_false(disarm());
    assert_false(wafer_get_integer(world->session, "n", &(int64_t){0}));
    assert_int_equal(leave(world, &ada), WAFER_SYSTEM);
    assert_string_equal(ada.line, "");

    for (long nth = 1; nth <= 2; nth++) { /* the nonce: an epoch for all threads, then a batch */
        (void)!arrive(world, &ada);
        assert_int_equal(wafer_put_integer(world->session, "n", 1), WAFER_OK);
        wafer_reseed();
        arm("getrandom", nth, EIO);
        assert_int_equal(leave(world, &ada), WAFER_SYSTEM);
        assert_false(disarm());
        assert_string_equal(ada.line, "");
    }

    (void)!arrive(world, &ada); /* the plaintext was written already */
    assert_int_equal(wafer_put_text(world->session, "note", "plaintext-not-sealed"), WAFER_OK);
    wafer_reseed();
    arm("getrandom", 1, EIO);
    assert_int_equal(leave(world, &ada), WAFER_SYSTEM);
    assert_false(disarm());
    assert_false(session_holds(world, "plaintext-not-sealed"));

    sign_in(world, &ada, "ada");
    kept = ada;
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    arm("getrandom", 1, EIO);
    assert_int_equal(wafer_login(world->session, "eve", 3, NULL, 0), WAFER_SYSTEM);
    assert_false(disarm());
    assert_string_equal(wafer_subject(world->session, NULL), "ada");
    wafer_reseed();
    arm("getrandom", 1, EIO);
    assert_int_equal(wafer_csrf_token(world->session, token), WAFER_SYSTEM);
    assert_false(disarm());
    assert_string_equal(token, "");
    arm("getrandom", 1, EIO);
    assert_int_equal(wafer_seal(world->session, &sealed, &length), WAFER_SYSTEM);
    assert_false(disarm());
    assert_null(sealed);
    assert_int_equal(look(world, &kept), WAFER_VALID);
}

static void without_the_lock_nothing_is_listed(void **state)
{
    struct world *world = *state;
    struct browser ada = {.cookie = ""};
    uint8_t id[WAFER_ID_SIZE] = {1};
    size_t dropped;

    sign_in(world, &ada, "ada");
    arm("pthread_mutex_lock", 1, EINVAL);
    assert_int_equal(wafer_revoke_session(world->list, id), WAFER_SYSTEM);
    arm("pthread_mutex_lock", 1, EINVAL);
    assert_int_equal(wafer_revocations_purge(world->list, &dropped), WAFER_SYSTEM);
    arm("pthread_mutex_lock", 1, EINVAL);
    assert_int_equal(wafer_revocations_retain(world->list, 2 * WAFER_DAY_MS), WAFER_SYSTEM);
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    arm("pthread_mutex_lock", 1, EINVAL);
    assert_int_equal(wafer_logout(world->session), WAFER_SYSTEM);
    assert_false(disarm());
    assert_int_equal(wafer_logout(world->session), WAFER_OK);
}

static void randomness_that_comes_in_pieces_is_put_together(void **state)
{
    uint8_t bytes[64];

    (void)state;
    for (int how = 0; how < 2; how++)
        for (long nth = 1; nth <= 2; nth++) {
            size_t zeros = 0;

            memset(bytes, 0, sizeof bytes);
            partly = how == 1;
            arm("getrandom", nth, EINTR);
            assert_true(wafer_random(bytes, sizeof bytes));
            (void)disarm();
            partly = false;
            for (size_t i = 0; i < sizeof bytes; i++)
                zeros += bytes[i] == 0;
            assert_true(zeros < 10);
        }
    memset(bytes, 1, sizeof bytes);
    arm("getrandom", 1, ENOSYS);
    assert_false(wafer_random(bytes, sizeof bytes));
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], 0);
}

static void a_system_clock_that_fails_is_no_clock(void **state)
{
    int64_t now_ms;

    (void)state;
    arm("clock_gettime", 1, EINVAL);
    assert_false(wafer_clock_read(NULL, NULL, &now_ms));
    assert_false(disarm());
    assert_true(wafer_clock_read(NULL, NULL, &now_ms));
    assert_true(now_ms > INT64_C(1700000000000));
}

static void a_codec_that_loses_bytes_is_noticed_and_nothing_comes_out(void **state)
{
    char text[80];
    uint8_t bytes[60];

    (void)state;
    memset(text, 'z', sizeof text);
    for (long nth = 1; nth <= 2; nth++) {
        memset(bytes, 0, sizeof bytes);
        arm("base64_decode_block", nth, 0);
        assert_false(wafer_base64_portable.decode(text, sizeof text, bytes));
        assert_false(disarm());
        for (size_t i = 0; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(creating_keys_leaves_a_whole_file_or_none, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(rotating_keys_leaves_the_old_or_the_new_file_whole,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(reading_and_writing_go_on_where_they_stopped_short,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(making_the_objects_fails_clearly_and_leaks_nothing,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(a_failed_reload_keeps_the_old_keys, world_open,
                                        world_close),
        cmocka_unit_test_setup_teardown(
            keys_of_an_old_ring_are_freed_with_the_last_request_that_holds_them, world_open,
            world_close),
        cmocka_unit_test_setup_teardown(without_randomness_nothing_is_sealed, world_open,
                                        world_close),
        cmocka_unit_test_setup_teardown(without_the_lock_nothing_is_listed, world_open,
                                        world_close),
        cmocka_unit_test(randomness_that_comes_in_pieces_is_put_together),
        cmocka_unit_test(a_system_clock_that_fails_is_no_clock),
        cmocka_unit_test(a_codec_that_loses_bytes_is_noticed_and_nothing_comes_out),
    };

    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
