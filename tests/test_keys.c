#include "folder.h"

#include "errors.h"
#include "keyfile.h"

#include <errno.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/wait.h>

/* 2026-01-31T12:00:00Z, and half a second, as clocks are. */
#define START_MS INT64_C(1769860800000)
#define NOW_MS   (START_MS + 500)

#define KEY_A  "db01c8 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_C  "c6b6ef 00000ae900000ae900000ae900000ae900000ae900000ae900000ae900000ae9"
#define SINCE  "2026-01-01T00:00:00Z"
#define LINE_A "1 " KEY_A " " SINCE " " SINCE " never\n"
#define LINE_C "1 " KEY_C " " SINCE " " SINCE " never\n"

static const uint8_t ID_A[WAFER_KEY_ID_SIZE] = {0xDB, 0x01, 0xC8};
static const uint8_t ID_C[WAFER_KEY_ID_SIZE] = {0xC6, 0xB6, 0xEF};

static wafer_keys_settings settings_at(int64_t *now_ms)
{
    wafer_keys_settings settings = WAFER_KEYS_SETTINGS_INIT;

    settings.clock = clock_by_hand;
    settings.clock_context = now_ms;
    return settings;
}

/* Reads and parses a key file as at now_ms. */
static void read_keys(const char *path, int64_t now_ms, struct wafer_keys *keys)
{
    char text[16384];
    size_t length = read_text(path, text, sizeof text);

    assert_int_equal(wafer_keys_parse(text, length, now_ms, keys, NULL), WAFER_OK);
}

static void assert_key_times(const struct wafer_key *key, int64_t created_ms, int64_t seals_from_ms,
                             int64_t opens_until_ms)
{
    assert_true(key->created_ms == created_ms);
    assert_true(key->seals_from_ms == seals_from_ms);
    assert_true(key->opens_until_ms == opens_until_ms);
}

/* ---- generate and create ----------------------------------------------------------- */

static void a_generated_line_is_a_ring_that_seals_now(void **state)
{
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    char *text = (char *)guarded(WAFER_KEYS_LINE_MAX);
    struct wafer_keys keys;

    (void)state;
    assert_int_equal(wafer_keys_generate(text, &settings, NULL), WAFER_OK);
    assert_int_equal(wafer_keys_parse(text, strlen(text), START_MS, &keys, NULL), WAFER_OK);
    assert_int_equal(keys.count, 1);
    assert_key_times(&keys.key[0], START_MS, START_MS, WAFER_KEY_NEVER);
    assert_int_equal(wafer_keys_generate(text, NULL, NULL), WAFER_OK);
    settings.lead_ms = WAFER_LIFETIME_MAX_MS;
    settings.overlap_ms = WAFER_LIFETIME_MAX_MS + WAFER_SKEW_MAX_MS;
    assert_int_equal(wafer_keys_generate(text, &settings, NULL), WAFER_OK);
    guarded_free(text, WAFER_KEYS_LINE_MAX);
}

static void wrong_settings_are_refused_by_every_call(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings rows[] = {settings_at(&now_ms), settings_at(&now_ms), settings_at(&now_ms),
                                  settings_at(&now_ms), settings_at(&now_ms), settings_at(&now_ms)};
    static const char *const words[] = {"size",    "size",       "lead_ms",
                                        "lead_ms", "overlap_ms", "overlap_ms"};
    wafer_key_status listed[WAFER_KEYS_MAX];
    char text[WAFER_KEYS_LINE_MAX];
    size_t count;

    rows[0].size--;
    rows[1].size++;
    rows[2].lead_ms = -1;
    rows[3].lead_ms = WAFER_LIFETIME_MAX_MS + 1;
    rows[4].overlap_ms = -1;
    rows[5].overlap_ms = WAFER_LIFETIME_MAX_MS + WAFER_SKEW_MAX_MS + 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wafer_error error = {0};

        assert_error(wafer_keys_generate(text, &rows[i], &error), WAFER_INVALID, &error, 0, 0);
        assert_non_null(strstr(error.text, words[i]));
        assert_string_equal(text, "");
        assert_error(wafer_keys_create(folder->file, &rows[i], &error), WAFER_INVALID, &error, 0,
                     0);
        assert_int_equal(folder_count(folder), 0);
        write_text(folder->file, LINE_A, 0600);
        assert_error(wafer_keys_rotate(folder->file, &rows[i], &error), WAFER_INVALID, &error, 0,
                     0);
        assert_error(wafer_keys_check(folder->file, &rows[i], &error), WAFER_INVALID, &error, 0, 0);
        assert_error(wafer_keys_list(folder->file, &rows[i], listed, &count, &error), WAFER_INVALID,
                     &error, 0, 0);
        assert_error(wafer_keys_retire(folder->file, ID_A, &rows[i], &error), WAFER_INVALID, &error,
                     0, 0);
        assert_non_null(strstr(error.text, words[i]));
        assert_int_equal(unlink(folder->file), 0);
    }
}

static void null_is_misuse(void **state)
{
    wafer_key_status listed[WAFER_KEYS_MAX];
    wafer_error error = {0};
    size_t count = 7;

    (void)state;
    assert_error(wafer_keys_generate(NULL, NULL, &error), WAFER_MISUSE, &error, 0, 0);
    assert_error(wafer_keys_create(NULL, NULL, &error), WAFER_MISUSE, &error, 0, 0);
    assert_error(wafer_keys_rotate(NULL, NULL, &error), WAFER_MISUSE, &error, 0, 0);
    assert_error(wafer_keys_check(NULL, NULL, &error), WAFER_MISUSE, &error, 0, 0);
    assert_int_equal(wafer_keys_list(NULL, NULL, listed, &count, &error), WAFER_MISUSE);
    assert_int_equal(count, 0);
    assert_int_equal(wafer_keys_list("file", NULL, NULL, &count, &error), WAFER_MISUSE);
    assert_int_equal(wafer_keys_list("file", NULL, listed, NULL, &error), WAFER_MISUSE);
    assert_error(wafer_keys_retire(NULL, ID_A, NULL, &error), WAFER_MISUSE, &error, 0, 0);
    assert_error(wafer_keys_retire("file", NULL, NULL, &error), WAFER_MISUSE, &error, 0, 0);
    assert_int_equal(error.result, WAFER_MISUSE);
}

static void a_clock_that_cannot_be_read_is_the_systems_error(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = -1;
    wafer_keys_settings settings = settings_at(&now_ms);
    char text[WAFER_KEYS_LINE_MAX];
    wafer_error error = {0};

    assert_error(wafer_keys_generate(text, &settings, &error), WAFER_SYSTEM, &error, 0, 0);
    assert_error(wafer_keys_create(folder->file, &settings, &error), WAFER_SYSTEM, &error, 0, 0);
    assert_int_equal(folder_count(folder), 0);
}

static void a_created_file_holds_one_key_that_seals_at_once(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    struct wafer_keys keys;

    assert_int_equal(wafer_keys_create(folder->file, &settings, NULL), WAFER_OK);
    read_keys(folder->file, NOW_MS, &keys);
    assert_int_equal(keys.count, 1);
    assert_key_times(&keys.key[0], START_MS, START_MS, WAFER_KEY_NEVER);
    assert_int_equal(mode_of(folder->file), 0600);
    assert_int_equal(wafer_keys_check(folder->file, &settings, NULL), WAFER_OK);
    assert_int_equal(folder_count(folder), 1);
}

static void create_refuses_an_existing_file(void **state)
{
    const struct folder *folder = *state;
    char text[256];
    wafer_error error = {0};

    write_text(folder->file, LINE_A, 0600);
    assert_error(wafer_keys_create(folder->file, NULL, &error), WAFER_SYSTEM, &error, EEXIST, 0);
    (void)read_text(folder->file, text, sizeof text);
    assert_string_equal(text, LINE_A);
}

static void a_group_readable_file_is_0640_from_the_start(void **state)
{
    const struct folder *folder = *state;
    wafer_keys_settings settings = WAFER_KEYS_SETTINGS_INIT;

    settings.group_readable = true;
    assert_int_equal(wafer_keys_create(folder->file, &settings, NULL), WAFER_OK);
    assert_int_equal(mode_of(folder->file), 0640);
    assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    assert_int_equal(mode_of(folder->file), 0640);
    assert_int_equal(wafer_keys_check(folder->file, &settings, NULL), WAFER_OK);
    assert_int_equal(wafer_keys_rotate(folder->file, NULL, NULL), WAFER_INVALID);
    assert_int_equal(wafer_keys_check(folder->file, NULL, NULL), WAFER_INVALID);
}

/* ---- rotate ------------------------------------------------------------------------ */

static void the_new_key_seals_after_the_lead_and_the_old_opens_on(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    int64_t takes_over_ms = START_MS + WAFER_HOUR_MS;
    struct wafer_keys keys;

    write_text(folder->file, LINE_A, 0600);
    assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    read_keys(folder->file, NOW_MS, &keys);
    assert_int_equal(keys.count, 2);
    assert_int_equal(keys.key[0].opens_until_ms, takes_over_ms + 31 * WAFER_DAY_MS);
    assert_key_times(&keys.key[1], START_MS, takes_over_ms, WAFER_KEY_NEVER);
    assert_ptr_equal(wafer_keys_sealing(&keys, takes_over_ms - 1), &keys.key[0]);
    assert_ptr_equal(wafer_keys_sealing(&keys, takes_over_ms), &keys.key[1]);
    assert_int_equal(wafer_keys_check(folder->file, &settings, NULL), WAFER_OK);
    assert_int_equal(folder_count(folder), 1);
}

/* What becomes of one old line, of which UNTIL and FROM vary. */
static void the_rule_of_rotation_holds_in_every_row(void **state)
{
    static const struct {
        const char *from;
        const char *until;
        int64_t lead_ms;
        int64_t overlap_ms;
        const char *rotated_from;
        const char *rotated_until; /* NULL: the line is dropped */
    } rows[] = {
        {SINCE, "never", 0, 3600000, SINCE, "2026-01-31T13:00:00Z"},
        {SINCE, "never", 3600000, 3600000, SINCE, "2026-01-31T14:00:00Z"},
        {SINCE, "never", 1, 1, SINCE, "2026-01-31T12:00:02Z"},
        {SINCE, "never", 1000, 1001, SINCE, "2026-01-31T12:00:03Z"},
        {SINCE, "2026-01-31T13:00:01Z", 0, 3600000, SINCE, "2026-01-31T13:00:00Z"},
        {SINCE, "2026-01-31T13:00:00Z", 0, 3600000, SINCE, "2026-01-31T13:00:00Z"},
        {SINCE, "2026-01-31T12:59:59Z", 0, 3600000, SINCE, "2026-01-31T12:59:59Z"},
        {SINCE, "2026-01-31T12:00:01Z", 0, 3600000, SINCE, "2026-01-31T12:00:01Z"},
        {SINCE, "2026-01-31T12:00:00Z", 0, 3600000, NULL, NULL},
        {SINCE, "2026-01-02T00:00:00Z", 0, 3600000, NULL, NULL},
        {SINCE, "never", 0, 0, NULL, NULL},
        {"2026-01-31T13:30:00Z", "never", 3600000, 0, NULL, NULL},
        {"2026-01-31T12:30:00Z", "never", 3600000, 3600000, "2026-01-31T12:30:00Z",
         "2026-01-31T14:00:00Z"},
        {"2026-01-31T12:30:00Z", "never", 0, 3600000, "2026-01-31T12:00:00Z",
         "2026-01-31T13:00:00Z"},
        {"2026-01-31T12:30:00Z", "2026-01-31T12:45:00Z", 0, 3600000, "2026-01-31T12:00:00Z",
         "2026-01-31T12:45:00Z"},
    };
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wafer_keys_settings settings = settings_at(&now_ms);
        char line[256];
        char text[1024];
        struct wafer_keys keys;

        settings.lead_ms = rows[i].lead_ms;
        settings.overlap_ms = rows[i].overlap_ms;
        /* The first key is there to seal now. */
        (void)snprintf(text, sizeof text, "1 %s %s %s never\n1 %s %s %s %s\n", KEY_C, SINCE, SINCE,
                       KEY_A, SINCE, rows[i].from, rows[i].until);
        write_text(folder->file, text, 0600);
        assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
        (void)read_text(folder->file, text, sizeof text);
        read_keys(folder->file, NOW_MS, &keys);
        if (rows[i].rotated_until == NULL) {
            assert_null(strstr(text, KEY_A));
        } else {
            (void)snprintf(line, sizeof line, "\n1 %s %s %s %s\n", KEY_A, SINCE,
                           rows[i].rotated_from, rows[i].rotated_until);
            assert_non_null(strstr(text, line));
        }
        /* The new key is the one that seals in the end. */
        assert_ptr_equal(wafer_keys_sealing(&keys, NOW_MS + WAFER_HOUR_MS * 24 * 365),
                         &keys.key[keys.count - 1]);
    }
}

static void comments_blank_lines_and_spacing_are_kept(void **state)
{
    static const char head[] = "# the keys of the shop\n\n";
    static const char kept[] = "1  " KEY_C "\t" SINCE " " SINCE "  2026-02-01T00:00:00Z";
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    char expected[1024];
    char text[1024];

    (void)snprintf(text, sizeof text, "%s%s# old\n \n%s", head, LINE_A, kept);
    write_text(folder->file, text, 0640);
    settings.group_readable = true;
    assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    (void)snprintf(expected, sizeof expected, "%s1 %s %s %s 2026-03-03T13:00:00Z\n# old\n \n%s\n1 ",
                   head, KEY_A, SINCE, SINCE, kept);
    (void)read_text(folder->file, text, sizeof text);
    assert_memory_equal(text, expected, strlen(expected));
    assert_null(strchr(text + strlen(expected), '#'));
    assert_int_equal(mode_of(folder->file), 0640);
}

static void two_rotations_within_the_lead_lose_nobody(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    struct wafer_keys keys;
    int64_t overlap_ms = settings.overlap_ms;

    assert_int_equal(wafer_keys_create(folder->file, &settings, NULL), WAFER_OK);
    assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    now_ms += 10 * WAFER_MINUTE_MS;
    assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    read_keys(folder->file, now_ms, &keys);
    assert_int_equal(keys.count, 3);
    assert_int_equal(keys.key[0].opens_until_ms, START_MS + WAFER_HOUR_MS + overlap_ms);
    assert_int_equal(keys.key[1].opens_until_ms,
                     START_MS + WAFER_HOUR_MS + 10 * WAFER_MINUTE_MS + overlap_ms);
    assert_true(keys.key[2].opens_until_ms == WAFER_KEY_NEVER);
    assert_int_equal(wafer_keys_check(folder->file, &settings, NULL), WAFER_OK);
    /* Once more in the same second, and at once. */
    assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    settings.lead_ms = 0;
    assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    assert_int_equal(wafer_keys_check(folder->file, &settings, NULL), WAFER_OK);
    read_keys(folder->file, now_ms, &keys);
    assert_int_equal(keys.count, 5);
    assert_ptr_equal(wafer_keys_sealing(&keys, now_ms), &keys.key[4]);
    assert_ptr_equal(wafer_keys_sealing(&keys, now_ms + WAFER_DAY_MS), &keys.key[4]);
}

static void years_of_rotation_keep_the_file_small(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    struct wafer_keys keys;

    assert_int_equal(wafer_keys_create(folder->file, &settings, NULL), WAFER_OK);
    for (int week = 0; week < 60; week++) {
        now_ms += 7 * WAFER_DAY_MS + 1234;
        assert_int_equal(wafer_keys_check(folder->file, &settings, NULL), WAFER_OK);
        assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    }
    read_keys(folder->file, now_ms, &keys);
    assert_in_range(keys.count, 5, 6);
}

static void a_rotation_that_would_not_load_changes_nothing(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    char before[16384];
    char after[16384];
    wafer_error error = {0};

    assert_int_equal(wafer_keys_create(folder->file, &settings, NULL), WAFER_OK);
    for (int i = 1; i < WAFER_KEYS_MAX; i++)
        assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    (void)read_text(folder->file, before, sizeof before);
    assert_error(wafer_keys_rotate(folder->file, &settings, &error), WAFER_TOO_LARGE, &error, 0, 0);
    assert_non_null(strstr(error.text, "shorter overlap"));
    (void)read_text(folder->file, after, sizeof after);
    assert_string_equal(before, after);
    assert_int_equal(folder_count(folder), 1);
}

static void a_file_that_does_not_load_is_not_rotated(void **state)
{
    const struct folder *folder = *state;
    wafer_error error = {0};
    char text[256];

    assert_error(wafer_keys_rotate(folder->file, NULL, &error), WAFER_SYSTEM, &error, ENOENT, 0);
    assert_error(wafer_keys_rotate(folder->path, NULL, &error), WAFER_INVALID, &error, 0, 0);
    write_text(folder->file, "#\n2 other\n", 0600);
    assert_error(wafer_keys_rotate(folder->file, NULL, &error), WAFER_INVALID, &error, 0, 2);
    (void)read_text(folder->file, text, sizeof text);
    assert_string_equal(text, "#\n2 other\n");
    write_text(folder->file, LINE_A, 0644);
    assert_error(wafer_keys_rotate(folder->file, NULL, &error), WAFER_INVALID, &error, 0, 0);
    assert_int_equal(folder_count(folder), 1);
}

static void a_rotation_under_way_locks_out_the_second(void **state)
{
    const struct folder *folder = *state;
    wafer_error error = {0};
    char text[256];
    int file;

    write_text(folder->file, LINE_A, 0600);
    file = open(folder->file, O_RDONLY);
    assert_true(file >= 0);
    assert_int_equal(flock(file, LOCK_EX), 0);
    assert_error(wafer_keys_rotate(folder->file, NULL, &error), WAFER_SYSTEM, &error, EWOULDBLOCK,
                 0);
    (void)read_text(folder->file, text, sizeof text);
    assert_string_equal(text, LINE_A);
    assert_int_equal(close(file), 0);
    assert_int_equal(wafer_keys_rotate(folder->file, NULL, &error), WAFER_OK);
}

/* Rotates `count` times, as often as it takes. */
static void rotate_stubbornly(const char *path, int count)
{
    while (count > 0) {
        wafer_error error = {0};

        if (wafer_keys_rotate(path, NULL, &error) == WAFER_OK)
            count--;
        else if (error.system != EWOULDBLOCK)
            _exit(1);
    }
    _exit(0);
}

static void rotations_at_the_same_time_lose_no_key(void **state)
{
    const struct folder *folder = *state;
    struct wafer_keys keys;
    char text[16384];
    pid_t child[3];
    size_t length;

    assert_int_equal(wafer_keys_create(folder->file, NULL, NULL), WAFER_OK);
    for (size_t i = 0; i < 3; i++) {
        child[i] = fork();
        if (child[i] == 0)
            rotate_stubbornly(folder->file, 10);
    }
    for (size_t i = 0; i < 3; i++) {
        int status;

        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    length = read_text(folder->file, text, sizeof text);
    assert_int_equal(wafer_keys_parse(text, length, WAFER_TIME_MAX_MS, &keys, NULL), WAFER_OK);
    assert_int_equal(keys.count, 31);
    assert_int_equal(folder_count(folder), 1);
}

/* ---- list -------------------------------------------------------------------------- */

static void a_list_tells_what_each_key_does_in_the_order_of_the_file(void **state)
{
    static const struct {
        const char *from; /* of A; C has sealed since the beginning of the year */
        const char *until;
        wafer_key_state state;
        wafer_key_state other;
    } rows[] = {
        {SINCE, "never", WAFER_KEY_SEALS, WAFER_KEY_OPENS}, /* of equals the later line */
        {"2025-12-31T23:59:59Z", "never", WAFER_KEY_OPENS, WAFER_KEY_SEALS},
        {"2026-01-31T12:00:00Z", "never", WAFER_KEY_SEALS, WAFER_KEY_OPENS},
        {"2026-01-31T12:00:01Z", "never", WAFER_KEY_WAITS, WAFER_KEY_SEALS},
        {SINCE, "2026-01-31T12:00:01Z", WAFER_KEY_SEALS, WAFER_KEY_OPENS},
        {SINCE, "2026-01-31T12:00:00Z", WAFER_KEY_SPENT, WAFER_KEY_SEALS},
    };
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wafer_key_status listed[WAFER_KEYS_MAX];
        size_t count = 0;
        char text[512];

        (void)snprintf(text, sizeof text, "# a shop's\n%s\n1 %s %s %s %s\n", LINE_C, KEY_A, SINCE,
                       rows[i].from, rows[i].until);
        write_text(folder->file, text, 0600);
        assert_int_equal(wafer_keys_list(folder->file, &settings, listed, &count, NULL), WAFER_OK);
        assert_int_equal(count, 2);
        assert_memory_equal(listed[0].id, ID_C, sizeof ID_C);
        assert_memory_equal(listed[1].id, ID_A, sizeof ID_A);
        assert_int_equal(listed[0].state, rows[i].other);
        assert_int_equal(listed[1].state, rows[i].state);
    }
}

static void a_list_tells_the_times_of_each_key(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    wafer_key_status listed[WAFER_KEYS_MAX];
    size_t count = 0;

    assert_int_equal(wafer_keys_create(folder->file, &settings, NULL), WAFER_OK);
    now_ms += WAFER_HOUR_MS;
    assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    assert_int_equal(wafer_keys_list(folder->file, &settings, listed, &count, NULL), WAFER_OK);
    assert_int_equal(count, 2);
    assert_int_equal(listed[0].created_at_ms, START_MS);
    assert_int_equal(listed[0].seals_at_ms, START_MS);
    assert_int_equal(listed[0].opens_until_ms, START_MS + 2 * WAFER_HOUR_MS + settings.overlap_ms);
    assert_int_equal(listed[1].created_at_ms, START_MS + WAFER_HOUR_MS);
    assert_int_equal(listed[1].seals_at_ms, START_MS + 2 * WAFER_HOUR_MS);
    assert_true(listed[1].opens_until_ms == INT64_MAX);
}

static void a_full_file_is_listed_whole(void **state)
{
    const struct folder *folder = *state;
    wafer_key_status listed[WAFER_KEYS_MAX];
    size_t count = 0;
    size_t sealing = 0;

    assert_int_equal(wafer_keys_create(folder->file, NULL, NULL), WAFER_OK);
    for (int i = 1; i < WAFER_KEYS_MAX; i++)
        assert_int_equal(wafer_keys_rotate(folder->file, NULL, NULL), WAFER_OK);
    assert_int_equal(wafer_keys_list(folder->file, NULL, listed, &count, NULL), WAFER_OK);
    assert_int_equal(count, WAFER_KEYS_MAX);
    for (size_t i = 0; i < count; i++)
        sealing += listed[i].state == WAFER_KEY_SEALS;
    assert_int_equal(sealing, 1);
}

static void list_fails_where_loading_does(void **state)
{
    const struct folder *folder = *state;
    wafer_key_status listed[WAFER_KEYS_MAX];
    wafer_error error = {0};
    size_t count = 7;

    assert_int_equal(wafer_keys_list(folder->file, NULL, listed, &count, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
    assert_int_equal(count, 0);
    write_text(folder->file, LINE_A LINE_A, 0600);
    count = 7;
    assert_int_equal(wafer_keys_list(folder->file, NULL, listed, &count, &error), WAFER_INVALID);
    assert_int_equal(error.line, 2);
    assert_int_equal(count, 0);
}

/* ---- retire ------------------------------------------------------------------------ */

static void a_retired_key_is_gone_and_nothing_else_of_the_file(void **state)
{
    static const char before[] = "# the keys of the shop\n\n1  " KEY_C "\t" SINCE " " SINCE
                                 "  never\n# old\n" LINE_A " \n# end";
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    char text[1024];

    settings.group_readable = true;
    write_text(folder->file, before, 0640);
    assert_int_equal(wafer_keys_retire(folder->file, ID_A, &settings, NULL), WAFER_OK);
    (void)read_text(folder->file, text, sizeof text);
    assert_string_equal(text, "# the keys of the shop\n\n1  " KEY_C "\t" SINCE " " SINCE
                              "  never\n# old\n \n# end\n");
    assert_int_equal(mode_of(folder->file), 0640);
    assert_int_equal(folder_count(folder), 1);
}

static void neither_lead_nor_overlap_counts_for_retiring(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    char text[1024];

    settings.lead_ms = 0;
    settings.overlap_ms = 0;
    write_text(folder->file, LINE_A LINE_C, 0600);
    assert_int_equal(wafer_keys_retire(folder->file, ID_C, &settings, NULL), WAFER_OK);
    (void)read_text(folder->file, text, sizeof text);
    assert_string_equal(text, LINE_A);
}

static void a_key_without_which_none_would_seal_is_not_retired(void **state)
{
    static const char *const others[] = {
        "", "1 " KEY_C " " SINCE " 2026-01-31T12:00:01Z never\n", /* waits */
        "1 " KEY_C " " SINCE " " SINCE " 2026-01-31T12:00:00Z\n", /* is spent */
    };
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        wafer_error error = {0};
        char before[1024];
        char text[1024];

        (void)snprintf(before, sizeof before, "#\n%s%s", LINE_A, others[i]);
        write_text(folder->file, before, 0600);
        assert_error(wafer_keys_retire(folder->file, ID_A, &settings, &error), WAFER_INVALID,
                     &error, 0, 2);
        assert_non_null(strstr(error.text, "but for key db01c8 none seals now"));
        assert_non_null(strstr(error.text, "rotate --now"));
        (void)read_text(folder->file, text, sizeof text);
        assert_string_equal(text, before);
        assert_int_equal(folder_count(folder), 1);
        /* The other way round it goes. */
        assert_int_equal(wafer_keys_retire(folder->file, ID_C, &settings, &error),
                         i == 0 ? WAFER_INVALID : WAFER_OK);
    }
}

static void a_key_is_retired_from_the_moment_from_which_another_seals(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);

    write_text(folder->file, LINE_A "1 " KEY_C " " SINCE " 2026-01-31T12:00:00Z never\n", 0600);
    now_ms = START_MS - 1;
    assert_int_equal(wafer_keys_retire(folder->file, ID_A, &settings, NULL), WAFER_INVALID);
    now_ms = START_MS;
    assert_int_equal(wafer_keys_retire(folder->file, ID_A, &settings, NULL), WAFER_OK);
}

static void what_sealed_before_seals_again_when_its_successor_is_retired(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    wafer_key_status listed[WAFER_KEYS_MAX];
    size_t count = 0;

    write_text(folder->file, LINE_A, 0600);
    settings.lead_ms = 0;
    assert_int_equal(wafer_keys_rotate(folder->file, &settings, NULL), WAFER_OK);
    assert_int_equal(wafer_keys_list(folder->file, &settings, listed, &count, NULL), WAFER_OK);
    assert_int_equal(listed[1].state, WAFER_KEY_SEALS);
    assert_int_equal(wafer_keys_retire(folder->file, listed[1].id, &settings, NULL), WAFER_OK);
    assert_int_equal(wafer_keys_list(folder->file, &settings, listed, &count, NULL), WAFER_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(listed[0].id, ID_A, sizeof ID_A);
    assert_int_equal(listed[0].state, WAFER_KEY_SEALS);
}

static void an_id_that_no_key_has_is_told(void **state)
{
    static const uint8_t zeros[WAFER_KEY_ID_SIZE];
    const struct folder *folder = *state;
    wafer_error error = {0};
    char text[256];

    write_text(folder->file, LINE_A, 0600);
    assert_error(wafer_keys_retire(folder->file, ID_C, NULL, &error), WAFER_INVALID, &error, 0, 0);
    assert_non_null(strstr(error.text, "there is no key c6b6ef in "));
    assert_int_equal(wafer_keys_retire(folder->file, zeros, NULL, &error), WAFER_INVALID);
    assert_non_null(strstr(error.text, "there is no key 000000 in "));
    (void)read_text(folder->file, text, sizeof text);
    assert_string_equal(text, LINE_A);
}

static void retiring_takes_the_lock_and_fails_where_loading_does(void **state)
{
    const struct folder *folder = *state;
    wafer_error error = {0};
    char text[512];
    int file;

    assert_int_equal(wafer_keys_retire(folder->file, ID_A, NULL, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
    write_text(folder->file, LINE_A LINE_C, 0600);
    file = open(folder->file, O_RDONLY);
    assert_true(file >= 0);
    assert_int_equal(flock(file, LOCK_EX), 0);
    assert_int_equal(wafer_keys_retire(folder->file, ID_A, NULL, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, EWOULDBLOCK);
    assert_int_equal(close(file), 0);
    (void)read_text(folder->file, text, sizeof text);
    assert_string_equal(text, LINE_A LINE_C);
    assert_int_equal(wafer_keys_retire(folder->file, ID_A, NULL, &error), WAFER_OK);
    /* The lock is let go of. */
    assert_int_equal(wafer_keys_rotate(folder->file, NULL, &error), WAFER_OK);
    write_text(folder->file, LINE_A LINE_C, 0644);
    assert_int_equal(wafer_keys_retire(folder->file, ID_A, NULL, &error), WAFER_INVALID);
}

/* ---- check ------------------------------------------------------------------------- */

/* Two lines: A opens until UNTIL, C seals from 12:30 and opens until the other. An hour's overlap,
 * at 12:00:00.500. */
static void check_names_the_key_that_stops_too_early(void **state)
{
    static const struct {
        const char *until;
        const char *last_until;
        unsigned line; /* 0: fine */
    } rows[] = {
        {"never", "never", 0},
        {"2026-01-31T13:30:01Z", "never", 0},
        {"2026-01-31T13:30:00Z", "never", 0},
        {"2026-01-31T13:29:59Z", "never", 2},
        {"2026-01-31T12:00:01Z", "never", 2},
        {"never", "2026-01-31T13:30:00Z", 0},
        {"never", "2026-01-31T13:29:59Z", 1},
    };
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);

    settings.overlap_ms = WAFER_HOUR_MS;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        wafer_error error = {0};
        wafer_result expected = rows[i].line == 0 ? WAFER_OK : WAFER_INVALID;

        /* The order of the lines is not that of sealing. */
        (void)snprintf(text, sizeof text, "1 %s %s 2026-01-31T12:30:00Z %s\n1 %s %s %s %s\n", KEY_C,
                       SINCE, rows[i].last_until, KEY_A, SINCE, SINCE, rows[i].until);
        write_text(folder->file, text, 0600);
        assert_error(wafer_keys_check(folder->file, &settings, &error), expected, &error, 0,
                     rows[i].line);
    }
}

static void check_counts_the_last_millisecond_of_the_overlap(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    wafer_error error = {0};

    write_text(folder->file,
               "1 " KEY_A " " SINCE " " SINCE " 2026-01-31T13:00:00Z\n"
               "1 " KEY_C " " SINCE " 2026-01-31T12:30:00Z never\n",
               0600);
    settings.overlap_ms = 30 * WAFER_MINUTE_MS;
    assert_int_equal(wafer_keys_check(folder->file, &settings, NULL), WAFER_OK);
    settings.overlap_ms++;
    assert_error(wafer_keys_check(folder->file, &settings, &error), WAFER_INVALID, &error, 0, 1);
    assert_string_equal(error.text,
                        "line 1: the key opens until 2026-01-31T13:00:00Z, but its sessions live "
                        "until 2026-01-31T13:00:01Z, because that of line 2 takes over so late");
}

static void check_forgets_a_key_whose_sessions_have_all_ended(void **state)
{
    static const struct {
        int64_t after_ms; /* the overlap after the successor's start */
        const char *last_until;
        unsigned line; /* 0: fine */
    } rows[] = {{-1, "never", 1}, {0, "never", 0}, {1, "never", 0}, {1, "2026-01-31T14:30:00Z", 2}};
    const struct folder *folder = *state;
    int64_t now_ms;
    wafer_keys_settings settings = settings_at(&now_ms);

    settings.overlap_ms = WAFER_HOUR_MS;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        wafer_error error = {0};

        (void)snprintf(text, sizeof text,
                       "1 %s %s %s 2026-01-31T13:00:00Z\n1 %s %s 2026-01-31T12:30:00Z %s\n", KEY_A,
                       SINCE, SINCE, KEY_C, SINCE, rows[i].last_until);
        write_text(folder->file, text, 0600);
        now_ms = START_MS + 90 * WAFER_MINUTE_MS + rows[i].after_ms;
        assert_error(wafer_keys_check(folder->file, &settings, &error),
                     rows[i].line == 0 ? WAFER_OK : WAFER_INVALID, &error, 0, rows[i].line);
    }
}

static void a_last_key_that_expires_has_to_be_rotated_in_time(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = START_MS;
    wafer_keys_settings settings = settings_at(&now_ms);
    wafer_error error = {0};

    write_text(folder->file, "1 " KEY_A " " SINCE " " SINCE " 2026-01-31T13:00:00Z\n", 0600);
    settings.overlap_ms = WAFER_HOUR_MS;
    now_ms = START_MS - 1;
    assert_int_equal(wafer_keys_check(folder->file, &settings, &error), WAFER_OK);
    now_ms = START_MS;
    assert_int_equal(wafer_keys_check(folder->file, &settings, &error), WAFER_OK);
    now_ms = START_MS + 1;
    assert_error(wafer_keys_check(folder->file, &settings, &error), WAFER_INVALID, &error, 0, 1);
    assert_string_equal(error.text,
                        "line 1: the key opens until 2026-01-31T13:00:00Z, but its sessions live "
                        "until 2026-01-31T13:00:01Z, and no key takes over: rotate");
}

static void check_fails_where_loading_does(void **state)
{
    const struct folder *folder = *state;
    wafer_error error = {0};

    assert_error(wafer_keys_check(folder->file, NULL, &error), WAFER_SYSTEM, &error, ENOENT, 0);
    write_text(folder->file, LINE_A "x\n", 0600);
    assert_error(wafer_keys_check(folder->file, NULL, &error), WAFER_INVALID, &error, 0, 2);
    write_text(folder->file, LINE_A, 0604);
    assert_error(wafer_keys_check(folder->file, NULL, &error), WAFER_INVALID, &error, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_generated_line_is_a_ring_that_seals_now),
        TEST(wrong_settings_are_refused_by_every_call),
        TEST(null_is_misuse),
        TEST(a_clock_that_cannot_be_read_is_the_systems_error),
        TEST(a_created_file_holds_one_key_that_seals_at_once),
        TEST(create_refuses_an_existing_file),
        TEST(a_group_readable_file_is_0640_from_the_start),
        TEST(the_new_key_seals_after_the_lead_and_the_old_opens_on),
        TEST(the_rule_of_rotation_holds_in_every_row),
        TEST(comments_blank_lines_and_spacing_are_kept),
        TEST(two_rotations_within_the_lead_lose_nobody),
        TEST(years_of_rotation_keep_the_file_small),
        TEST(a_rotation_that_would_not_load_changes_nothing),
        TEST(a_file_that_does_not_load_is_not_rotated),
        TEST(a_rotation_under_way_locks_out_the_second),
        TEST(rotations_at_the_same_time_lose_no_key),
        TEST(a_list_tells_what_each_key_does_in_the_order_of_the_file),
        TEST(a_list_tells_the_times_of_each_key),
        TEST(a_full_file_is_listed_whole),
        TEST(list_fails_where_loading_does),
        TEST(a_retired_key_is_gone_and_nothing_else_of_the_file),
        TEST(neither_lead_nor_overlap_counts_for_retiring),
        TEST(a_key_without_which_none_would_seal_is_not_retired),
        TEST(a_key_is_retired_from_the_moment_from_which_another_seals),
        TEST(what_sealed_before_seals_again_when_its_successor_is_retired),
        TEST(an_id_that_no_key_has_is_told),
        TEST(retiring_takes_the_lock_and_fails_where_loading_does),
        TEST(check_names_the_key_that_stops_too_early),
        TEST(check_counts_the_last_millisecond_of_the_overlap),
        TEST(check_forgets_a_key_whose_sessions_have_all_ended),
        TEST(a_last_key_that_expires_has_to_be_rotated_in_time),
        TEST(check_fails_where_loading_does),
    };

    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
