#include "errors.h"

#include "keyfile.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Ids and the pair with one id were computed with Python's hashlib.blake2b. */
#define SECRET_A      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_A         "db01c8 " SECRET_A
#define SECRET_C      "00000ae900000ae900000ae900000ae900000ae900000ae900000ae900000ae9"
#define KEY_C         "c6b6ef " SECRET_C
#define KEY_C_SAME_ID "c6b6ef 000026d3000026d3000026d3000026d3000026d3000026d3000026d3000026d3"
#define SINCE         "2026-01-01T00:00:00Z"
#define LINE_A        "1 " KEY_A " " SINCE " " SINCE " never\n"
#define LINE_C        "1 " KEY_C " " SINCE " " SINCE " never\n"

#define SINCE_MS INT64_C(1767225600000)
#define NOW_MS   (SINCE_MS + INT64_C(86400000))

/* Parses a copy that ends at an unmapped page. */
static wafer_result parse(const void *text, size_t length, int64_t now_ms, struct wafer_keys *keys,
                          wafer_error *error)
{
    uint8_t *copy = guarded_copy(text, length);
    wafer_result result = wafer_keys_parse((const char *)copy, length, now_ms, keys, error);

    guarded_free(copy, length);
    return result;
}

static wafer_result parse_text(const char *text, struct wafer_keys *keys, wafer_error *error)
{
    return parse(text, strlen(text), NOW_MS, keys, error);
}

static void the_id_is_the_published_one(void **state)
{
    uint8_t secret[WAFER_KEY_SIZE];
    uint8_t expected[WAFER_KEY_ID_SIZE];
    uint8_t id[WAFER_KEY_ID_SIZE];

    (void)state;
    assert_int_equal(from_hex(SECRET_A, secret), sizeof secret);
    assert_int_equal(from_hex("db01c8", expected), sizeof expected);
    wafer_key_id(secret, id);
    assert_memory_equal(id, expected, sizeof id);
}

static void a_line_is_read(void **state)
{
    static const char text[] = "1 " KEY_A " 2026-01-01T00:00:00Z 2026-01-01T01:00:00Z "
                               "2027-01-01T00:00:00Z\n";
    uint8_t secret[WAFER_KEY_SIZE];
    struct wafer_keys keys;

    (void)state;
    from_hex(SECRET_A, secret);
    assert_int_equal(parse_text(text, &keys, NULL), WAFER_OK);
    assert_int_equal(keys.count, 1);
    assert_memory_equal(keys.key[0].secret, secret, sizeof secret);
    assert_memory_equal(keys.key[0].id, "\xdb\x01\xc8", 3);
    assert_int_equal(keys.key[0].created_ms, SINCE_MS);
    assert_int_equal(keys.key[0].seals_from_ms, SINCE_MS + 3600000);
    assert_int_equal(keys.key[0].opens_until_ms, INT64_C(1798761600000));
    assert_int_equal(keys.key[0].line, 1);
}

static void a_key_is_written_as_its_line(void **state)
{
    struct wafer_keys keys;
    char *line = (char *)guarded(WAFER_KEYS_LINE_MAX);

    (void)state;
    assert_int_equal(parse_text(LINE_A, &keys, NULL), WAFER_OK);
    wafer_key_format(&keys.key[0], line);
    assert_string_equal(line, LINE_A);
    keys.key[0].opens_until_ms = SINCE_MS + 1000;
    wafer_key_format(&keys.key[0], line);
    assert_string_equal(line, "1 " KEY_A " " SINCE " " SINCE " 2026-01-01T00:00:01Z\n");
    guarded_free(line, WAFER_KEYS_LINE_MAX);
}

static void whatever_is_written_is_read_back(void **state)
{
    char line[WAFER_KEYS_LINE_MAX];

    (void)state;
    seed_random();
    for (int round = 0; round < 200; round++) {
        int64_t created_ms = (int64_t)random_below(8000000000) * 1000;
        int64_t seals_ms = (int64_t)random_below(8000000000) * 1000;
        int64_t later_ms = created_ms > seals_ms ? created_ms : seals_ms;
        int64_t until_ms = later_ms + 1000 * (int64_t)(1 + random_below(1000000));
        struct wafer_keys keys;
        struct wafer_key key;

        if (random_below(4) == 0)
            until_ms = WAFER_KEY_NEVER;
        assert_true(wafer_key_generate(&key, created_ms, seals_ms, until_ms));
        wafer_key_format(&key, line);
        assert_int_equal(parse(line, strlen(line), seals_ms, &keys, NULL), WAFER_OK);
        assert_int_equal(keys.count, 1);
        assert_memory_equal(keys.key[0].secret, key.secret, sizeof key.secret);
        assert_memory_equal(keys.key[0].id, key.id, sizeof key.id);
        assert_int_equal(keys.key[0].created_ms, created_ms);
        assert_int_equal(keys.key[0].seals_from_ms, seals_ms);
        assert_true(keys.key[0].opens_until_ms == until_ms);
    }
}

static void a_fresh_key_is_another_each_time(void **state)
{
    struct wafer_key one;
    struct wafer_key other;
    uint8_t id[WAFER_KEY_ID_SIZE];

    (void)state;
    memset(&one, 0xA5, sizeof one);
    assert_true(wafer_key_generate(&one, 1000, 2000, 3000));
    assert_true(wafer_key_generate(&other, 1000, 2000, 3000));
    assert_memory_not_equal(one.secret, other.secret, sizeof one.secret);
    wafer_key_id(one.secret, id);
    assert_memory_equal(id, one.id, sizeof id);
    assert_int_equal(one.created_ms, 1000);
    assert_int_equal(one.seals_from_ms, 2000);
    assert_int_equal(one.opens_until_ms, 3000);
    assert_int_equal(one.line, 0);
}

static void blanks_comments_and_a_missing_newline_are_fine(void **state)
{
    static const char text[] = "# the keys\n\n \t \n" LINE_A "  # indented, and \xc3\xa9\n"
                               "\t1  " KEY_C "\t" SINCE " \t " SINCE "  never \t";
    struct wafer_keys keys;

    (void)state;
    assert_int_equal(parse_text(text, &keys, NULL), WAFER_OK);
    assert_int_equal(keys.count, 2);
    assert_int_equal(keys.key[0].line, 4);
    assert_int_equal(keys.key[1].line, 6);
}

static void capital_hex_digits_are_fine(void **state)
{
    struct wafer_keys keys;

    (void)state;
    assert_int_equal(parse_text("1 DB01C8 " SECRET_A " " SINCE " " SINCE " never", &keys, NULL),
                     WAFER_OK);
}

static void every_truncation_is_refused(void **state)
{
    size_t length = strlen(LINE_A) - 1;
    struct wafer_keys keys;

    (void)state;
    assert_int_equal(parse(LINE_A, length, NOW_MS, &keys, NULL), WAFER_OK);
    while (length-- > 0) {
        wafer_error error = {0};

        assert_error(parse(LINE_A, length, NOW_MS, &keys, &error), WAFER_INVALID, &error, 0,
                     length < 1 ? 0 : 1);
    }
}

static void no_flipped_bit_makes_another_key(void **state)
{
    size_t length = strlen(LINE_A);
    struct wafer_keys original;
    struct wafer_keys keys;
    size_t accepted = 0;

    (void)state;
    assert_int_equal(parse_text(LINE_A, &original, NULL), WAFER_OK);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        char text[] = LINE_A;

        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        if (parse(text, length, NOW_MS, &keys, NULL) == WAFER_OK) {
            accepted++;
            assert_int_equal(keys.count, 1);
            assert_memory_equal(keys.key[0].secret, original.key[0].secret, WAFER_KEY_SIZE);
            assert_memory_equal(keys.key[0].id, original.key[0].id, WAFER_KEY_ID_SIZE);
        }
    }
    /* Capital letters, other dates; nothing else. */
    assert_in_range(accepted, 1, 90);
}

struct refusal {
    const char *text;
    wafer_result result;
    unsigned line;
    const char *words;
};

static const struct refusal refusals[] = {
    {"", WAFER_INVALID, 0, "there is no key"},
    {"# nothing\n\n", WAFER_INVALID, 0, "there is no key"},
    {LINE_A "2 " KEY_C " " SINCE " " SINCE " never\n", WAFER_INVALID, 2, "the version is not 1"},
    {"2 what version two may be\n", WAFER_INVALID, 1, "the version is not 1"},
    {"11 " KEY_C " " SINCE " " SINCE " never\n", WAFER_INVALID, 1, "the version is not 1"},
    {"\xef\xbb\xbf" LINE_A, WAFER_INVALID, 1, "the version is not 1"},
    {"1\n", WAFER_INVALID, 1, "fields are missing"},
    {"\n1 " KEY_A " " SINCE " " SINCE "\n", WAFER_INVALID, 2, "fields are missing"},
    {"1 " KEY_A " " SINCE " " SINCE " never # mine\n", WAFER_INVALID, 1, "too many fields"},
    {"1 db01c 8" SECRET_A " " SINCE " " SINCE " never", WAFER_INVALID, 1, "the id is not six"},
    {"1 db01c8a " SECRET_A " " SINCE " " SINCE " never", WAFER_INVALID, 1, "the id is not six"},
    {"1 db01cg " SECRET_A " " SINCE " " SINCE " never", WAFER_INVALID, 1, "the id is not six"},
    {"1 db01c8 " SECRET_A "20 " SINCE " " SINCE " never", WAFER_INVALID, 1, "the key is not 64"},
    {"1 db01c8 00 " SINCE " " SINCE " never", WAFER_INVALID, 1, "the key is not 64"},
    {"1 db01c8 x00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f " SINCE " " SINCE
     " never",
     WAFER_INVALID, 1, "the key is not 64"},
    {"1 db01c8 0000000000000000000000000000000000000000000000000000000000000000 " SINCE " " SINCE
     " never",
     WAFER_INVALID, 1, "all zeros"},
    {"1 db01c9 " SECRET_A " " SINCE " " SINCE " never", WAFER_INVALID, 1, "does not belong"},
    {LINE_A "1 db01c8 " SECRET_C " " SINCE " " SINCE " never", WAFER_INVALID, 2, "does not belong"},
    {"1 " KEY_A " never " SINCE " never", WAFER_INVALID, 1, "the time of creation"},
    {"1 " KEY_A " 2026-02-29T00:00:00Z " SINCE " never", WAFER_INVALID, 1, "the time of creation"},
    {"1 " KEY_A " 1969-12-31T23:59:59Z " SINCE " never", WAFER_INVALID, 1, "the time of creation"},
    {"1 " KEY_A " " SINCE " never never", WAFER_INVALID, 1, "the time it seals from"},
    {"1 " KEY_A " " SINCE " 2026-01-01 never", WAFER_INVALID, 1, "the time it seals from"},
    {"1 " KEY_A " " SINCE " " SINCE " Never", WAFER_INVALID, 1, "the time it opens until"},
    {"1 " KEY_A " " SINCE " " SINCE " nevermore", WAFER_INVALID, 1, "the time it opens until"},
    {"1 " KEY_A " " SINCE " " SINCE " 0", WAFER_INVALID, 1, "the time it opens until"},
    {"1 " KEY_A " " SINCE " " SINCE " " SINCE, WAFER_INVALID, 1, "before it seals"},
    {"1 " KEY_A " 2026-01-01T00:00:02Z " SINCE " 2026-01-01T00:00:01Z", WAFER_INVALID, 1,
     "before it is created"},
    {"1 " KEY_A " " SINCE " 2026-01-02T00:00:01Z never", WAFER_INVALID, 0,
     "line 1 seals from 2026-01-02T00:00:01Z"},
    {"1 " KEY_A " " SINCE " 2026-01-03T00:00:00Z never\n1 " KEY_C " " SINCE
     " 2026-01-02T00:00:02Z never",
     WAFER_INVALID, 0, "line 2 seals from 2026-01-02T00:00:02Z"},
    {"1 " KEY_A " " SINCE " " SINCE " 2026-01-02T00:00:00Z", WAFER_INVALID, 0, "have expired"},
    {LINE_A "#\n" LINE_A, WAFER_INVALID, 3, "the key of line 1 once more"},
    {LINE_A LINE_C "1 " KEY_C_SAME_ID " " SINCE " " SINCE " never", WAFER_INVALID, 3,
     "the id of line 2"},
    {LINE_A "# comment\r\n", WAFER_INVALID, 2, "carriage return"},
    {LINE_A "\r", WAFER_INVALID, 2, "carriage return"},
};

static void every_refusal_names_line_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];
        struct wafer_keys keys;
        wafer_error error = {0};

        memset(&keys, 0xA5, sizeof keys);
        assert_int_equal(parse_text(refusal->text, &keys, &error), refusal->result);
        assert_int_equal(error.result, refusal->result);
        assert_int_equal(error.system, 0);
        assert_int_equal(error.line, refusal->line);
        if (strstr(error.text, refusal->words) == NULL)
            fail_msg("\"%s\" instead of \"%s\"", error.text, refusal->words);
        assert_true(sodium_is_zero((const uint8_t *)&keys, sizeof keys));
    }
}

static void no_key_gets_into_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct wafer_keys keys;
        wafer_error error = {0};

        (void)parse_text(refusals[i].text, &keys, &error);
        assert_null(strstr(error.text, "0001020304"));
        assert_null(strstr(error.text, "00000ae9"));
    }
}

static void a_nul_byte_is_refused_anywhere(void **state)
{
    static const char text[] = LINE_A "# comment\n";

    (void)state;
    for (size_t at = 0; at < sizeof text - 1; at++) {
        char changed[] = LINE_A "# comment\n";
        struct wafer_keys keys;
        wafer_error error = {0};

        changed[at] = '\0';
        assert_error(parse(changed, sizeof changed - 1, NOW_MS, &keys, &error), WAFER_INVALID,
                     &error, 0, at < sizeof LINE_A - 1 ? 1 : 2);
        assert_non_null(strstr(error.text, "NUL"));
    }
}

static void a_line_is_at_most_1024_bytes(void **state)
{
    char text[1300] = LINE_A;
    size_t start = strlen(text);
    struct wafer_keys keys;
    wafer_error error = {0};

    (void)state;
    memset(text + start, '#', 1025);
    assert_int_equal(parse(text, start + 1024, NOW_MS, &keys, &error), WAFER_OK);
    assert_error(parse(text, start + 1025, NOW_MS, &keys, &error), WAFER_INVALID, &error, 0, 2);
}

static void there_are_at_most_32_keys(void **state)
{
    char text[33 * WAFER_KEYS_LINE_MAX];
    size_t length = 0;
    size_t length_of_32 = 0;
    struct wafer_keys keys;
    wafer_error error = {0};

    (void)state;
    for (uint8_t i = 1; i <= 33; i++) {
        struct wafer_key key = {.opens_until_ms = WAFER_KEY_NEVER};

        memset(key.secret, i, sizeof key.secret);
        wafer_key_id(key.secret, key.id);
        length_of_32 = length;
        wafer_key_format(&key, text + length);
        length += strlen(text + length);
    }
    assert_int_equal(parse(text, length_of_32, NOW_MS, &keys, &error), WAFER_OK);
    assert_int_equal(keys.count, 32);
    assert_error(parse(text, length, NOW_MS, &keys, &error), WAFER_TOO_LARGE, &error, 0, 33);
    assert_true(sodium_is_zero((const uint8_t *)&keys, sizeof keys));
}

static void a_text_is_at_most_64_kib(void **state)
{
    char *text = malloc(WAFER_KEYFILE_MAX + 1);
    struct wafer_keys keys;
    wafer_error error = {0};

    (void)state;
    assert_non_null(text);
    memset(text, '\n', WAFER_KEYFILE_MAX + 1);
    memcpy(text, LINE_A, strlen(LINE_A));
    assert_int_equal(parse(text, WAFER_KEYFILE_MAX, NOW_MS, &keys, &error), WAFER_OK);
    assert_error(parse(text, WAFER_KEYFILE_MAX + 1, NOW_MS, &keys, &error), WAFER_TOO_LARGE, &error,
                 0, 0);
    free(text);
}

static void a_key_opens_until_its_last_time(void **state)
{
    struct wafer_key key = {.seals_from_ms = 9000, .opens_until_ms = 10000};

    (void)state;
    assert_true(wafer_key_opens(&key, 0));
    assert_true(wafer_key_opens(&key, 9999));
    assert_false(wafer_key_opens(&key, 10000));
    assert_false(wafer_key_opens(&key, 10001));
    key.opens_until_ms = WAFER_KEY_NEVER;
    assert_true(wafer_key_opens(&key, WAFER_TIME_MAX_MS));
}

static void the_latest_that_may_seal_does(void **state)
{
    struct wafer_keys keys = {
        .count = 4,
        .key = {{.seals_from_ms = 5000, .opens_until_ms = WAFER_KEY_NEVER},
                {.seals_from_ms = 1000, .opens_until_ms = WAFER_KEY_NEVER},
                {.seals_from_ms = 3000, .opens_until_ms = 4000},
                {.seals_from_ms = 5000, .opens_until_ms = 6000}},
    };

    (void)state;
    assert_null(wafer_keys_sealing(&keys, 999));
    assert_ptr_equal(wafer_keys_sealing(&keys, 1000), &keys.key[1]);
    assert_ptr_equal(wafer_keys_sealing(&keys, 1001), &keys.key[1]);
    assert_ptr_equal(wafer_keys_sealing(&keys, 2999), &keys.key[1]);
    assert_ptr_equal(wafer_keys_sealing(&keys, 3000), &keys.key[2]);
    assert_ptr_equal(wafer_keys_sealing(&keys, 3999), &keys.key[2]);
    assert_ptr_equal(wafer_keys_sealing(&keys, 4000), &keys.key[1]);
    assert_ptr_equal(wafer_keys_sealing(&keys, 4999), &keys.key[1]);
    assert_ptr_equal(wafer_keys_sealing(&keys, 5000), &keys.key[3]);
    assert_ptr_equal(wafer_keys_sealing(&keys, 5999), &keys.key[3]);
    assert_ptr_equal(wafer_keys_sealing(&keys, 6000), &keys.key[0]);
}

static void the_seconds_around_the_last_time_decide_at_load(void **state)
{
    static const char text[] = "1 " KEY_A " " SINCE " " SINCE " 2026-01-01T00:00:10Z\n";
    struct wafer_keys keys;

    (void)state;
    assert_int_equal(parse(text, strlen(text), SINCE_MS - 1, &keys, NULL), WAFER_INVALID);
    assert_int_equal(parse(text, strlen(text), SINCE_MS, &keys, NULL), WAFER_OK);
    assert_int_equal(parse(text, strlen(text), SINCE_MS + 9999, &keys, NULL), WAFER_OK);
    assert_int_equal(parse(text, strlen(text), SINCE_MS + 10000, &keys, NULL), WAFER_INVALID);
}

static void no_scribble_breaks_the_parser(void **state)
{
    static const char alphabet[] = "1 \t\n#0a9Z:-Tr\r\x80never";
    struct wafer_keys keys;

    (void)state;
    seed_random();
    for (int round = 0; round < 500; round++) {
        char text[] = "# two\n" LINE_A LINE_C;
        wafer_error error = {0};
        size_t changes = 1 + (size_t)random_below(4);

        while (changes-- > 0)
            text[random_below(sizeof text - 1)] = alphabet[random_below(sizeof alphabet)];
        if (parse(text, sizeof text - 1, NOW_MS, &keys, &error) == WAFER_OK) {
            assert_in_range(keys.count, 1, 2);
        } else {
            assert_int_equal(keys.count, 0);
            assert_true(strlen(error.text) > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_id_is_the_published_one),
        cmocka_unit_test(a_line_is_read),
        cmocka_unit_test(a_key_is_written_as_its_line),
        cmocka_unit_test(whatever_is_written_is_read_back),
        cmocka_unit_test(a_fresh_key_is_another_each_time),
        cmocka_unit_test(blanks_comments_and_a_missing_newline_are_fine),
        cmocka_unit_test(capital_hex_digits_are_fine),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(no_flipped_bit_makes_another_key),
        cmocka_unit_test(every_refusal_names_line_and_reason),
        cmocka_unit_test(no_key_gets_into_a_sentence),
        cmocka_unit_test(a_nul_byte_is_refused_anywhere),
        cmocka_unit_test(a_line_is_at_most_1024_bytes),
        cmocka_unit_test(there_are_at_most_32_keys),
        cmocka_unit_test(a_text_is_at_most_64_kib),
        cmocka_unit_test(a_key_opens_until_its_last_time),
        cmocka_unit_test(the_latest_that_may_seal_does),
        cmocka_unit_test(the_seconds_around_the_last_time_decide_at_load),
        cmocka_unit_test(no_scribble_breaks_the_parser),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
