#include "folder.h"

#include "errors.h"
#include "generations.h"
#include "keyring.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <sys/wait.h>

/* Subkeys were computed with Python's hashlib.blake2b for "__Host-session" and "shop". */
#define KEY_A    "db01c8 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_C    "c6b6ef 00000ae900000ae900000ae900000ae900000ae900000ae900000ae900000ae9"
#define CIPHER_A "fea910a63c341e008e2ccf179c5651953fe24585e97ed7f25bee21a1efd573e5"
#define CSRF_A   "0693b9fc8e58fb9a2fe228465411869aeb715a11c64fc5ce29d4d58e878f39cc"
#define SINCE    "2026-01-01T00:00:00Z"
#define LINE_A   "1 " KEY_A " " SINCE " " SINCE " never\n"
#define LINE_C   "1 " KEY_C " " SINCE " " SINCE " never\n"
/* Opens until noon, seals from one o'clock; noon is START_MS. */
#define LINE_A_ENDS  "1 " KEY_A " " SINCE " " SINCE " 2026-01-31T12:00:00Z\n"
#define LINE_C_LATER "1 " KEY_C " " SINCE " 2026-01-31T13:00:00Z never\n"
#define START_MS     INT64_C(1769860800000)

static const uint8_t id_a[WAFER_KEY_ID_SIZE] = {0xdb, 0x01, 0xc8};
static const uint8_t id_c[WAFER_KEY_ID_SIZE] = {0xc6, 0xb6, 0xef};
static int64_t now_ms = START_MS - 1000;

static wafer_keyring_settings settings_of_text(const char *text)
{
    wafer_keyring_settings settings = WAFER_KEYRING_SETTINGS_INIT;

    settings.text = text;
    settings.text_length = strlen(text);
    settings.clock = clock_by_hand;
    settings.clock_context = &now_ms;
    return settings;
}

static wafer_keyring *ring_of_text(const char *text)
{
    wafer_keyring_settings settings = settings_of_text(text);
    wafer_keyring *ring;

    assert_int_equal(wafer_keyring_new(&settings, &ring, NULL), WAFER_OK);
    assert_non_null(ring);
    return ring;
}

static wafer_result replace(wafer_keyring *ring, const char *text, wafer_error *error)
{
    return wafer_keyring_replace(ring, text, strlen(text), error);
}

/* True if the ring, as a request finds it now, has this key. */
static bool has_key(wafer_keyring *ring, const uint8_t id[WAFER_KEY_ID_SIZE])
{
    const struct wafer_generation *generation = wafer_keyring_take(ring, NULL);
    bool found = wafer_generation_find(generation, id, now_ms) != NULL;

    wafer_keyring_give(ring, generation, NULL);
    return found;
}

static void copy_subkeys(wafer_keyring *ring, const uint8_t id[WAFER_KEY_ID_SIZE], size_t binding,
                         struct wafer_subkeys *subkeys)
{
    const struct wafer_generation *generation = wafer_keyring_take(ring, NULL);
    const struct wafer_key *key = wafer_generation_find(generation, id, now_ms);

    assert_non_null(key);
    *subkeys = *wafer_generation_subkeys(generation, key, binding);
    wafer_keyring_give(ring, generation, NULL);
}

/* ---- Subkeys and bindings ---------------------------------------------------------- */

static void the_subkeys_are_the_published_ones(void **state)
{
    wafer_keyring *ring = ring_of_text(LINE_C LINE_A);
    struct wafer_subkeys subkeys;
    uint8_t expected[32];
    size_t binding;

    (void)state;
    assert_int_equal(wafer_keyring_bind(ring, "__Host-session", "shop", &binding, NULL), WAFER_OK);
    copy_subkeys(ring, id_a, binding, &subkeys);
    from_hex(CIPHER_A, expected);
    assert_memory_equal(subkeys.cipher, expected, sizeof expected);
    from_hex(CSRF_A, expected);
    assert_memory_equal(subkeys.csrf, expected, sizeof expected);
    wafer_keyring_free(ring);
}

static void name_and_context_cannot_be_moved_into_each_other(void **state)
{
    static const struct {
        const char *name;
        const char *context;
    } rows[] = {{"session", ""}, {"", "session"},  {"sess", "ion"},
                {"sessi", "on"}, {"session", "a"}, {"sessiona", ""}};
    enum { ROWS = sizeof rows / sizeof rows[0] };
    wafer_keyring *ring = ring_of_text(LINE_A LINE_C);
    struct wafer_subkeys subkeys[2 * ROWS];
    size_t binding;

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(wafer_keyring_bind(ring, rows[i].name, rows[i].context, &binding, NULL),
                         WAFER_OK);
        assert_int_equal(binding, i);
    }
    for (size_t i = 0; i < ROWS; i++) {
        copy_subkeys(ring, id_a, i, &subkeys[2 * i]);
        copy_subkeys(ring, id_c, i, &subkeys[2 * i + 1]);
    }
    for (size_t i = 0; i < 2 * ROWS; i++) {
        assert_memory_not_equal(subkeys[i].cipher, subkeys[i].csrf, 32);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(subkeys[i].cipher, subkeys[j].cipher, 32);
            assert_memory_not_equal(subkeys[i].csrf, subkeys[j].csrf, 32);
        }
    }
    wafer_keyring_free(ring);
}

static void bindings_outlive_a_reload_and_are_given_again(void **state)
{
    wafer_keyring *ring = ring_of_text(LINE_C);
    struct wafer_subkeys before;
    struct wafer_subkeys after;
    size_t one;
    size_t two;
    size_t three;

    (void)state;
    assert_int_equal(wafer_keyring_bind(ring, "one", "", &one, NULL), WAFER_OK);
    assert_int_equal(wafer_keyring_bind(ring, "two", "", &two, NULL), WAFER_OK);
    copy_subkeys(ring, id_c, two, &before);
    wafer_keyring_unbind(ring, one);
    assert_int_equal(replace(ring, LINE_A LINE_C, NULL), WAFER_OK);
    copy_subkeys(ring, id_c, two, &after);
    assert_memory_equal(&before, &after, sizeof before);
    copy_subkeys(ring, id_c, one, &after);
    assert_true(sodium_is_zero((const uint8_t *)&after, sizeof after));
    assert_int_equal(wafer_keyring_bind(ring, "three", "", &three, NULL), WAFER_OK);
    assert_int_equal(three, one);
    copy_subkeys(ring, id_c, three, &after);
    assert_memory_not_equal(&before, &after, sizeof before);
    assert_false(sodium_is_zero((const uint8_t *)&after, sizeof after));
    copy_subkeys(ring, id_c, two, &after);
    assert_memory_equal(&before, &after, sizeof before);
    wafer_keyring_free(ring);
}

/* ---- Finding ----------------------------------------------------------------------- */

static void a_key_is_found_until_it_opens_no_more(void **state)
{
    wafer_keyring *ring = ring_of_text(LINE_A_ENDS LINE_C_LATER);
    const struct wafer_generation *generation = wafer_keyring_take(ring, NULL);
    const struct wafer_keys *keys = wafer_generation_keys(generation);
    const uint8_t other[WAFER_KEY_ID_SIZE] = {0xdb, 0x01, 0xc9};

    (void)state;
    assert_int_equal(keys->count, 2);
    assert_ptr_equal(wafer_generation_find(generation, id_a, START_MS - 1), &keys->key[0]);
    assert_null(wafer_generation_find(generation, id_a, START_MS));
    assert_null(wafer_generation_find(generation, id_a, START_MS + 1));
    /* Though it does not seal yet. */
    assert_ptr_equal(wafer_generation_find(generation, id_c, START_MS - 1), &keys->key[1]);
    assert_null(wafer_generation_find(generation, other, START_MS - 1));
    wafer_keyring_give(ring, generation, NULL);
    wafer_keyring_free(ring);
}

static void the_sealing_key_changes_at_its_moment(void **state)
{
    const int64_t one_o_clock_ms = START_MS + WAFER_HOUR_MS;
    wafer_keyring *ring = ring_of_text(LINE_A LINE_C_LATER);
    const struct wafer_generation *generation = wafer_keyring_take(ring, NULL);
    const struct wafer_keys *keys = wafer_generation_keys(generation);

    (void)state;
    assert_ptr_equal(wafer_keys_sealing(keys, one_o_clock_ms - 1), &keys->key[0]);
    assert_ptr_equal(wafer_keys_sealing(keys, one_o_clock_ms), &keys->key[1]);
    assert_ptr_equal(wafer_keys_sealing(keys, one_o_clock_ms + 1), &keys->key[1]);
    wafer_keyring_give(ring, generation, NULL);
    wafer_keyring_free(ring);
}

/* ---- Loading and reloading --------------------------------------------------------- */

static void settings_that_are_wrong_are_refused(void **state)
{
    wafer_keyring_settings rows[] = {settings_of_text(LINE_A), settings_of_text(LINE_A),
                                     settings_of_text(LINE_A), settings_of_text(LINE_A)};

    (void)state;
    rows[0].size--;
    rows[1].size++;
    rows[2].text = NULL;
    rows[3].path = "keys";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wafer_keyring *ring = (wafer_keyring *)&rows[0];
        wafer_error error = {0};

        assert_error(wafer_keyring_new(&rows[i], &ring, &error), WAFER_INVALID, &error, 0, 0);
        assert_non_null(strstr(error.text, i < 2 ? "size" : "either path or text"));
        assert_null(ring);
    }
}

static void null_is_misuse_or_nothing(void **state)
{
    wafer_keyring_settings settings = settings_of_text(LINE_A);
    wafer_keyring *ring = (wafer_keyring *)&settings;
    wafer_error error = {0};

    (void)state;
    assert_error(wafer_keyring_new(NULL, &ring, &error), WAFER_MISUSE, &error, 0, 0);
    assert_null(ring);
    assert_int_equal(wafer_keyring_new(&settings, NULL, NULL), WAFER_MISUSE);
    ring = (wafer_keyring *)&settings;
    assert_int_equal(wafer_keyring_open(NULL, &ring, NULL), WAFER_MISUSE);
    assert_null(ring);
    assert_int_equal(wafer_keyring_open(NULL, NULL, NULL), WAFER_MISUSE);
    assert_error(wafer_keyring_new(&settings, NULL, &error), WAFER_MISUSE, &error, 0, 0);
    assert_error(wafer_keyring_open(NULL, NULL, &error), WAFER_MISUSE, &error, 0, 0);
    assert_error(wafer_keyring_reload(NULL, &error), WAFER_MISUSE, &error, 0, 0);
    assert_error(wafer_keyring_replace(NULL, LINE_A, 1, &error), WAFER_MISUSE, &error, 0, 0);
    wafer_keyring_free(NULL);
}

static void a_ring_that_cannot_be_read_is_refused_with_its_line(void **state)
{
    wafer_keyring_settings settings = settings_of_text(LINE_A "#\n" LINE_A);
    wafer_keyring *ring;
    wafer_error error = {0};

    (void)state;
    assert_error(wafer_keyring_new(&settings, &ring, &error), WAFER_INVALID, &error, 0, 3);
    settings = settings_of_text("");
    assert_error(wafer_keyring_new(&settings, &ring, &error), WAFER_INVALID, &error, 0, 0);
    /* The clock of the settings decides whether a key seals. */
    settings = settings_of_text(LINE_C_LATER);
    assert_error(wafer_keyring_new(&settings, &ring, &error), WAFER_INVALID, &error, 0, 0);
    now_ms = -1;
    settings = settings_of_text(LINE_A);
    assert_error(wafer_keyring_new(&settings, &ring, &error), WAFER_SYSTEM, &error, 0, 0);
    now_ms = START_MS - 1000;
}

/* A child's, as it dies of it. */
static void keys_in_a_ring_cannot_be_written_to(void **state)
{
    wafer_keyring *ring = ring_of_text(LINE_A);
    const struct wafer_generation *generation = wafer_keyring_take(ring, NULL);
    struct wafer_keys *keys = (struct wafer_keys *)wafer_generation_keys(generation);
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        *(volatile size_t *)&keys->count = 0;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_not_equal(status, 0);
    assert_int_equal(keys->count, 1);
    wafer_keyring_give(ring, generation, NULL);
    wafer_keyring_free(ring);
}

static void text_in_guarded_memory_is_copied(void **state)
{
    wafer_keyring_settings settings = settings_of_text(LINE_A);
    char *text = (char *)guarded_copy(LINE_A, strlen(LINE_A));
    wafer_keyring *ring;

    (void)state;
    settings.text = text;
    assert_int_equal(wafer_keyring_new(&settings, &ring, NULL), WAFER_OK);
    guarded_free(text, strlen(LINE_A));
    assert_true(has_key(ring, id_a));
    wafer_keyring_free(ring);
}

static void a_file_is_loaded_and_reloaded(void **state)
{
    const struct folder *folder = *state;
    wafer_keyring *ring;
    wafer_error error = {0};

    write_text(folder->file, LINE_A, 0600);
    assert_int_equal(wafer_keyring_open(folder->file, &ring, &error), WAFER_OK);
    assert_true(has_key(ring, id_a));
    assert_false(has_key(ring, id_c));
    write_text(folder->file, LINE_C, 0600);
    assert_int_equal(wafer_keyring_reload(ring, &error), WAFER_OK);
    assert_false(has_key(ring, id_a));
    assert_true(has_key(ring, id_c));
    assert_int_equal(error.result, WAFER_OK);
    wafer_keyring_free(ring);
}

static void modes_decide_who_may_share_a_file(void **state)
{
    static const struct {
        mode_t mode;
        wafer_result alone;
        wafer_result group;
    } rows[] = {{0600, WAFER_OK, WAFER_OK},
                {0640, WAFER_INVALID, WAFER_OK},
                {0644, WAFER_INVALID, WAFER_INVALID},
                {0660, WAFER_INVALID, WAFER_INVALID}};
    const struct folder *folder = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int group = 0; group < 2; group++) {
            wafer_keyring_settings settings = WAFER_KEYRING_SETTINGS_INIT;
            wafer_keyring *ring;

            write_text(folder->file, LINE_A, rows[i].mode);
            settings.path = folder->file;
            settings.group_readable = group == 1;
            assert_int_equal(wafer_keyring_new(&settings, &ring, NULL),
                             group == 1 ? rows[i].group : rows[i].alone);
            wafer_keyring_free(ring);
        }
    }
}

static void a_path_that_is_no_file_is_refused(void **state)
{
    const struct folder *folder = *state;
    wafer_keyring *ring;
    wafer_error error = {0};

    assert_error(wafer_keyring_open(folder->file, &ring, &error), WAFER_SYSTEM, &error, ENOENT, 0);
    assert_error(wafer_keyring_open(folder->path, &ring, &error), WAFER_INVALID, &error, 0, 0);
    assert_int_equal(mkfifo(folder->file, 0600), 0);
    assert_error(wafer_keyring_open(folder->file, &ring, &error), WAFER_INVALID, &error, 0, 0);
    assert_null(ring);
}

static void a_failed_reload_keeps_the_old_keys(void **state)
{
    const struct folder *folder = *state;
    wafer_keyring *ring;
    wafer_error error = {0};

    write_text(folder->file, LINE_A, 0600);
    assert_int_equal(wafer_keyring_open(folder->file, &ring, NULL), WAFER_OK);
    write_text(folder->file, LINE_C "x\n", 0600);
    assert_error(wafer_keyring_reload(ring, &error), WAFER_INVALID, &error, 0, 2);
    assert_true(has_key(ring, id_a));
    write_text(folder->file, LINE_C, 0644);
    assert_error(wafer_keyring_reload(ring, &error), WAFER_INVALID, &error, 0, 0);
    assert_true(has_key(ring, id_a));
    assert_int_equal(unlink(folder->file), 0);
    assert_error(wafer_keyring_reload(ring, &error), WAFER_SYSTEM, &error, ENOENT, 0);
    assert_true(has_key(ring, id_a));
    assert_false(has_key(ring, id_c));
    wafer_keyring_free(ring);
}

static void a_ring_of_a_file_is_reloaded_and_one_of_text_replaced(void **state)
{
    const struct folder *folder = *state;
    wafer_keyring *ring;
    wafer_error error = {0};

    write_text(folder->file, LINE_A, 0600);
    assert_int_equal(wafer_keyring_open(folder->file, &ring, NULL), WAFER_OK);
    assert_error(replace(ring, LINE_C, &error), WAFER_MISUSE, &error, 0, 0);
    assert_true(has_key(ring, id_a));
    wafer_keyring_free(ring);
    ring = ring_of_text(LINE_A);
    assert_error(wafer_keyring_reload(ring, &error), WAFER_MISUSE, &error, 0, 0);
    assert_error(wafer_keyring_replace(ring, NULL, 0, &error), WAFER_MISUSE, &error, 0, 0);
    assert_error(replace(ring, "x", &error), WAFER_INVALID, &error, 0, 1);
    assert_true(has_key(ring, id_a));
    assert_int_equal(replace(ring, LINE_C, &error), WAFER_OK);
    assert_true(has_key(ring, id_c));
    wafer_keyring_free(ring);
}

static void a_held_generation_survives_a_reload_and_is_wiped_after(void **state)
{
    wafer_keyring *ring = ring_of_text(LINE_A);
    const struct wafer_generation *held;
    const struct wafer_key *key;
    struct wafer_subkeys before;
    size_t binding;

    (void)state;
    assert_int_equal(wafer_keyring_bind(ring, "session", "", &binding, NULL), WAFER_OK);
    copy_subkeys(ring, id_a, binding, &before);
    held = wafer_keyring_take(ring, NULL);
    assert_int_equal(replace(ring, LINE_C, NULL), WAFER_OK);
    assert_false(has_key(ring, id_a));
    key = wafer_generation_find(held, id_a, now_ms);
    assert_non_null(key);
    assert_null(wafer_generation_find(held, id_c, now_ms));
    assert_memory_equal(wafer_generation_subkeys(held, key, binding), &before, sizeof before);
    assert_non_null(held->content);
    wafer_keyring_give(ring, held, NULL);
    assert_null(held->content);
    assert_true(has_key(ring, id_c));
    wafer_keyring_free(ring);
}

/* ---- Threads ----------------------------------------------------------------------- */

struct shared {
    wafer_keyring *ring;
    size_t binding;
    struct wafer_subkeys a;
    struct wafer_subkeys c;
    atomic_bool done;
    atomic_bool broken;
};

static void *look_up(void *context)
{
    struct shared *shared = context;

    while (!atomic_load(&shared->done)) {
        const struct wafer_generation *generation = wafer_keyring_take(shared->ring, NULL);
        const struct wafer_keys *keys = wafer_generation_keys(generation);
        const struct wafer_key *key = wafer_keys_sealing(keys, START_MS);
        bool is_a = key != NULL && sodium_memcmp(key->id, id_a, sizeof id_a) == 0;
        const uint8_t *id = is_a ? id_a : id_c;

        if (key == NULL || wafer_generation_find(generation, id, START_MS) != key ||
            sodium_memcmp(wafer_generation_subkeys(generation, key, shared->binding),
                          is_a ? &shared->a : &shared->c, sizeof shared->a) != 0)
            atomic_store(&shared->broken, true);
        wafer_keyring_give(shared->ring, generation, NULL);
    }
    return NULL;
}

static void threads_look_up_while_keys_and_bindings_change(void **state)
{
    struct shared shared = {.ring = ring_of_text(LINE_A LINE_C)};
    pthread_t reader[2];

    (void)state;
    assert_int_equal(wafer_keyring_bind(shared.ring, "session", "", &shared.binding, NULL),
                     WAFER_OK);
    copy_subkeys(shared.ring, id_a, shared.binding, &shared.a);
    copy_subkeys(shared.ring, id_c, shared.binding, &shared.c);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, look_up, &shared), 0);
    for (int i = 0; i < 200; i++) {
        size_t other;

        assert_int_equal(replace(shared.ring, i % 2 == 0 ? LINE_C : LINE_C LINE_A, NULL), WAFER_OK);
        if (i % 10 == 0) {
            assert_int_equal(wafer_keyring_bind(shared.ring, "other", "", &other, NULL), WAFER_OK);
            wafer_keyring_unbind(shared.ring, other);
        }
    }
    atomic_store(&shared.done, true);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(reader[i], NULL), 0);
    assert_false(atomic_load(&shared.broken));
    wafer_keyring_free(shared.ring);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_subkeys_are_the_published_ones),
        cmocka_unit_test(name_and_context_cannot_be_moved_into_each_other),
        cmocka_unit_test(bindings_outlive_a_reload_and_are_given_again),
        cmocka_unit_test(a_key_is_found_until_it_opens_no_more),
        cmocka_unit_test(the_sealing_key_changes_at_its_moment),
        cmocka_unit_test(settings_that_are_wrong_are_refused),
        cmocka_unit_test(null_is_misuse_or_nothing),
        cmocka_unit_test(a_ring_that_cannot_be_read_is_refused_with_its_line),
        cmocka_unit_test(keys_in_a_ring_cannot_be_written_to),
        cmocka_unit_test(text_in_guarded_memory_is_copied),
        TEST(a_file_is_loaded_and_reloaded),
        TEST(modes_decide_who_may_share_a_file),
        TEST(a_path_that_is_no_file_is_refused),
        TEST(a_failed_reload_keeps_the_old_keys),
        TEST(a_ring_of_a_file_is_reloaded_and_one_of_text_replaced),
        cmocka_unit_test(a_held_generation_survives_a_reload_and_is_wiped_after),
        cmocka_unit_test(threads_look_up_while_keys_and_bindings_change),
    };

    return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
