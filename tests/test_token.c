/* What anybody sees of a token. */
#include "support.h"

#include "base64.h"
#include "seal.h"

#include <string.h>

#include <wafer.h>

#define LOOK_MAX (WAFER_TOKEN_MAX + 8)

/* The text of `length` raw bytes that begin with a version and a key id. */
static size_t make_token(uint8_t version, size_t length, char text[LOOK_MAX])
{
    uint8_t raw[WAFER_RAW_MAX + 6];

    assert_true(length <= sizeof raw);
    random_fill(raw, sizeof raw);
    raw[0] = version;
    memcpy(raw + 1, "\xA1\xB2\xC3", 3);
    wafer_base64_encode(raw, length, text);
    return WAFER_BASE64_LENGTH(length);
}

/* Looks at text that ends where memory does. */
static wafer_result look(const char *text, size_t length, wafer_token_facts *facts,
                         wafer_error *error)
{
    char *exact = (char *)guarded_copy(text, length);
    wafer_result result;

    memset(facts, 0xA5, sizeof *facts);
    *error = (wafer_error){.text = ""};
    result = wafer_token_look(exact, length, facts, error);
    assert_int_equal(error->result, result);
    assert_int_equal(error->system, 0);
    assert_int_equal(error->line, 0);
    guarded_free(exact, length);
    return result;
}

static void refused(const char *text, size_t length, wafer_result expected, const char *words)
{
    static const wafer_token_facts none = {.version = 0};
    wafer_token_facts facts;
    wafer_error error;

    assert_int_equal(look(text, length, &facts, &error), expected);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    assert_int_equal(facts.version, none.version);
    assert_memory_equal(facts.key_id, none.key_id, sizeof none.key_id);
    assert_int_equal(facts.raw_size + facts.plain_size, 0);
}

static void every_length_of_a_token_tells_version_key_and_sizes(void **state)
{
    char text[LOOK_MAX];

    (void)state;
    for (size_t raw = WAFER_SEAL_OVERHEAD; raw <= WAFER_RAW_MAX; raw++) {
        size_t length = make_token(1, raw, text);
        wafer_token_facts facts;
        wafer_error error;

        assert_int_equal(look(text, length, &facts, &error), WAFER_OK);
        assert_string_equal(error.text, "");
        assert_int_equal(facts.version, 1);
        assert_memory_equal(facts.key_id, "\xA1\xB2\xC3", 3);
        assert_int_equal(facts.raw_size, raw);
        assert_int_equal(facts.plain_size, raw - 44);
    }
}

static void too_short_and_too_long_are_told_apart(void **state)
{
    char text[LOOK_MAX];

    (void)state;
    refused("", 0, WAFER_INVALID, "0 characters are fewer than the 59 of the shortest token");
    (void)make_token(1, WAFER_RAW_MAX + 6, text);
    refused(text, 58, WAFER_INVALID, "58 characters are fewer");
    refused(text, 4097, WAFER_TOO_LARGE, "4097 characters are more than the 4096");
    refused(text, 4104, WAFER_TOO_LARGE, "4104 characters are more than the 4096");
}

static void a_foreign_character_is_named_by_its_place_wherever_it_is(void **state)
{
    static const char foreign[] = {'+',  '/', '=', ' ', '"', '%', '\n',
                                   '\0', '@', '[', '`', '{', ':', (char)0xC3};
    char text[LOOK_MAX];
    char words[64];

    (void)state;
    for (size_t at = 0; at < 200; at++) {
        size_t length = make_token(1, 150, text);

        assert_int_equal(length, 200);
        text[at] = foreign[at % sizeof foreign];
        (void)snprintf(words, sizeof words, "character %zu of 200 is none of base64url's", at + 1);
        refused(text, length, WAFER_INVALID, words);
    }
}

static void a_cut_text_and_another_text_for_the_same_bytes_are_refused(void **state)
{
    char text[LOOK_MAX];
    size_t length = make_token(1, 151, text);

    (void)state;
    refused(text, length - 1, WAFER_INVALID, "end as no token does"); /* 4n + 1 */
    text[length - 1] = text[length - 1] == '-' ? '_' : '-';           /* unused bits */
    refused(text, length, WAFER_INVALID, "end as no token does");
}

static void another_version_is_told_and_nothing_more(void **state)
{
    char text[LOOK_MAX];

    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        size_t length = make_token((uint8_t)version, 100, text);
        wafer_token_facts facts;
        wafer_error error;

        if (version == 1)
            continue;
        assert_int_equal(look(text, length, &facts, &error), WAFER_INVALID);
        assert_non_null(strstr(error.text, "this library reads version 1"));
        assert_int_equal(facts.version, version);
        assert_memory_equal(facts.key_id, "\0\0\0", 3);
        assert_int_equal(facts.raw_size + facts.plain_size, 0);
    }
}

static void null_is_misuse_and_the_sentence_need_not_be_wanted(void **state)
{
    char text[LOOK_MAX];
    size_t length = make_token(1, 100, text);
    wafer_token_facts facts;
    wafer_error error = {.text = ""};

    (void)state;
    assert_int_equal(wafer_token_look(NULL, length, &facts, &error), WAFER_MISUSE);
    assert_int_equal(wafer_token_look(NULL, 0, &facts, &error), WAFER_MISUSE);
    assert_int_equal(wafer_token_look(text, length, NULL, &error), WAFER_MISUSE);
    assert_int_equal(error.system, 0);
    assert_int_equal(error.line, 0);
    assert_int_equal(wafer_token_look(text, length, &facts, NULL), WAFER_OK);
    assert_int_equal(wafer_token_look(text, 3, &facts, NULL), WAFER_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_of_a_token_tells_version_key_and_sizes),
        cmocka_unit_test(too_short_and_too_long_are_told_apart),
        cmocka_unit_test(a_foreign_character_is_named_by_its_place_wherever_it_is),
        cmocka_unit_test(a_cut_text_and_another_text_for_the_same_bytes_are_refused),
        cmocka_unit_test(another_version_is_told_and_nothing_more),
        cmocka_unit_test(null_is_misuse_and_the_sentence_need_not_be_wanted),
    };

    seed_random();
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
