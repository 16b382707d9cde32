#include "support.h"

#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "base64.h"

#define URL_SAFE   sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define LENGTH_MAX 4096
#define TEXT_MAX   WAFER_BASE64_LENGTH(LENGTH_MAX)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Encodes between two pieces of memory with just the room that is needed. Free the text with
 * guarded_free. */
static char *encode(const uint8_t *bytes, size_t length)
{
    uint8_t *input = guarded_copy(bytes, length);
    char *text = (char *)guarded(WAFER_BASE64_LENGTH(length));

    wafer_base64_encode(input, length, text);
    guarded_free(input, length);
    return text;
}

/* Decodes likewise, into `bytes` when it is accepted. When not, nothing may have come out. */
static bool decode(const char *text, size_t length, uint8_t *bytes)
{
    size_t size = WAFER_BASE64_BYTES(length);
    char *input = (char *)guarded_copy(text, length);
    uint8_t *output = guarded(size);
    bool accepted = wafer_base64_decode(input, length, output);

    for (size_t i = 0; i < size; i++)
        assert_true(accepted || output[i] == 0xA5 || output[i] == 0);
    if (accepted && size > 0)
        memcpy(bytes, output, size);
    guarded_free(input, length);
    guarded_free(output, size);
    return accepted;
}

/* What libsodium's decoder says, which is strict as well; but 1.0.18 takes bytes beyond ASCII for
 * characters of the alphabet where char is signed. */
static bool reference_accepts(const char *text, size_t length)
{
    uint8_t bytes[LENGTH_MAX];
    size_t size;

    for (size_t i = 0; i < length; i++)
        if ((uint8_t)text[i] >= 0x80)
            return false;
    return sodium_base642bin(bytes, sizeof bytes, text, length, NULL, &size, NULL, URL_SAFE) == 0;
}

/* Accepted, and then the one text of its bytes; or refused. Both as the reference says. `bytes` and
 * `again` are room for just the bytes and the text. */
static void check_in_place(const char *text, size_t length, uint8_t *bytes, char *again)
{
    size_t size = WAFER_BASE64_BYTES(length);
    bool accepted = wafer_base64_decode(text, length, bytes);

    assert_int_equal(accepted, reference_accepts(text, length));
    if (accepted) {
        wafer_base64_encode(bytes, size, again);
        assert_int_equal(WAFER_BASE64_LENGTH(size), length);
        assert_memory_equal(again, text, length);
    }
}

static void check_text(const char *text, size_t length)
{
    char *input = (char *)guarded_copy(text, length);
    uint8_t *bytes = guarded(WAFER_BASE64_BYTES(length));
    char *again = (char *)guarded(length);

    check_in_place(input, length, bytes, again);
    guarded_free(input, length);
    guarded_free(bytes, WAFER_BASE64_BYTES(length));
    guarded_free(again, length);
}

static void the_vectors_of_rfc_4648_hold_without_padding(void **state)
{
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xFF\xBF", "-_-_"},
        {"\xFF\xFF\xFE", "___-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const char *plain = vectors[i][0];
        size_t length = strlen(plain);
        size_t text_length = strlen(vectors[i][1]);
        uint8_t bytes[8];
        char *text = encode((const uint8_t *)plain, length);

        assert_int_equal(WAFER_BASE64_LENGTH(length), text_length);
        assert_int_equal(WAFER_BASE64_BYTES(text_length), length);
        assert_memory_equal(text, vectors[i][1], text_length);
        assert_true(decode(vectors[i][1], text_length, bytes));
        assert_memory_equal(bytes, plain, length);
        guarded_free(text, text_length);
    }
}

/* The rows are of several variants, so what a row says is not always what is canonical here. */
static void check_conformance_row(const json_t *row)
{
    const char *id = json_string_value(json_object_get(row, "id"));
    const json_t *entry = json_object_get(row, "text");
    const char *text = json_string_value(entry);
    size_t length = json_string_length(entry);
    const char *hex = json_string_value(json_object_get(row, "decoded_hex"));
    const char *variant = json_string_value(json_object_get(row, "variant"));
    uint8_t bytes[LENGTH_MAX];
    uint8_t expected[LENGTH_MAX];
    bool accepted;

    assert_non_null(text);
    assert_non_null(variant);
    check_text(text, length);
    accepted = decode(text, length, bytes);
    if (strcmp(variant, "url-nopad") == 0 && accepted != (hex != NULL))
        fail_msg("row %s: %s", id, accepted ? "accepted" : "refused");
    if (accepted && strspn(text, alphabet) != length)
        fail_msg("row %s: accepted a foreign character", id);
    if (accepted && hex != NULL) {
        assert_int_equal(WAFER_BASE64_BYTES(length), from_hex(hex, expected));
        assert_memory_equal(bytes, expected, WAFER_BASE64_BYTES(length));
    }
}

static void the_cases_of_other_projects_are_accepted_only_if_canonical(void **state)
{
    FILE *file = conformance_file("base64.jsonl");
    char line[8192];
    size_t rows = 0;

    (void)state;
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);

        assert_non_null(row);
        check_conformance_row(row);
        json_decref(row);
        rows++;
    }
    (void)fclose(file);
    assert_true(rows > 0);
}

static void every_length_agrees_with_libsodium_in_both_directions(void **state)
{
    uint8_t bytes[LENGTH_MAX];
    uint8_t decoded[LENGTH_MAX];
    char expected[TEXT_MAX + 1];

    (void)state;
    seed_random();
    random_fill(bytes, sizeof bytes);
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        const uint8_t *input = bytes + (LENGTH_MAX - length);
        size_t text_length = WAFER_BASE64_LENGTH(length);
        char *text = encode(input, length);

        assert_int_equal(text_length + 1, sodium_base64_encoded_len(length, URL_SAFE));
        (void)sodium_bin2base64(expected, sizeof expected, input, length, URL_SAFE);
        assert_memory_equal(text, expected, text_length);
        assert_int_equal(WAFER_BASE64_BYTES(text_length), length);
        assert_true(decode(expected, text_length, decoded));
        assert_memory_equal(decoded, input, length);
        guarded_free(text, text_length);
    }
}

static void every_byte_value_survives_at_every_place(void **state)
{
    (void)state;
    for (size_t place = 0; place < 3; place++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t bytes[3] = {0x5A, 0x5A, 0x5A};
            uint8_t decoded[3];
            char expected[8];
            char *text;

            bytes[place] = (uint8_t)value;
            text = encode(bytes, sizeof bytes);
            (void)sodium_bin2base64(expected, sizeof expected, bytes, sizeof bytes, URL_SAFE);
            assert_memory_equal(text, expected, 4);
            assert_true(decode(text, 4, decoded));
            assert_memory_equal(decoded, bytes, sizeof bytes);
            guarded_free(text, 4);
        }
    }
}

static void a_long_text_has_no_line_breaks_and_no_padding(void **state)
{
    static const size_t lengths[] = {53, 54, 55, 56, 57, 107, 108, 109, 3000};
    uint8_t bytes[3000] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t text_length = WAFER_BASE64_LENGTH(lengths[i]);
        char *text = encode(bytes, lengths[i]);

        for (size_t j = 0; j < text_length; j++)
            assert_int_equal(text[j], 'A');
        guarded_free(text, text_length);
    }
}

static void nothing_is_written_for_nothing(void **state)
{
    uint8_t byte = 0xA5;
    char character = 'x';

    (void)state;
    wafer_base64_encode(&byte, 0, &character);
    assert_int_equal(character, 'x');
    assert_true(wafer_base64_decode(&character, 0, &byte));
    assert_int_equal(byte, 0xA5);
    wafer_base64_encode(NULL, 0, NULL);
    assert_true(wafer_base64_decode(NULL, 0, NULL));
}

static void every_truncation_is_canonical_or_refused(void **state)
{
    uint8_t bytes[120];
    char text[WAFER_BASE64_LENGTH(120) + 1];

    (void)state;
    seed_random();
    random_fill(bytes, sizeof bytes);
    (void)sodium_bin2base64(text, sizeof text, bytes, sizeof bytes, URL_SAFE);
    for (size_t length = 0; length < sizeof text; length++)
        check_text(text, length);
}

static void a_text_of_a_length_that_no_bytes_have_is_refused(void **state)
{
    char text[TEXT_MAX + 1];
    uint8_t bytes[LENGTH_MAX];

    (void)state;
    memset(text, 'A', sizeof text);
    for (size_t length = 1; length <= sizeof text; length += 4)
        assert_false(decode(text, length, bytes));
}

static void every_corruption_of_one_character_gives_the_same_text_or_is_refused(void **state)
{
    /* All remainders of 3, up to the end of libb64's first line and into the next. */
    static const size_t lengths[] = {1, 2, 3, 53, 54, 55};
    uint8_t bytes[55];
    char whole[WAFER_BASE64_LENGTH(55) + 1];

    (void)state;
    seed_random();
    random_fill(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t length = WAFER_BASE64_LENGTH(lengths[i]);
        uint8_t *decoded = guarded(lengths[i]);
        char *again = (char *)guarded(length);
        char *text;

        (void)sodium_bin2base64(whole, sizeof whole, bytes, lengths[i], URL_SAFE);
        text = (char *)guarded_copy(whole, length);
        for (size_t place = 0; place < length; place++) {
            for (unsigned value = 0; value < 256; value++) {
                text[place] = (char)value;
                check_in_place(text, length, decoded, again);
            }
            text[place] = whole[place];
        }
        guarded_free(text, length);
        guarded_free(again, length);
        guarded_free(decoded, lengths[i]);
    }
}

static void a_foreign_character_between_good_ones_is_refused(void **state)
{
    static const char foreign[] = {'+',  '/',  '=',  ' ',  '\t', '\r',
                                   '\n', '\v', '\f', '\0', '%',  '.'};
    uint8_t bytes[128];
    char text[101];

    (void)state;
    for (size_t i = 0; i < sizeof foreign; i++) {
        for (size_t length = 1; length <= sizeof text; length++) {
            memset(text, 'A', sizeof text);
            text[length - 1] = foreign[i];
            assert_false(decode(text, length, bytes));
            text[length - 1] = 'A';
            text[0] = foreign[i];
            assert_false(decode(text, length, bytes));
        }
    }
}

static void a_padded_text_is_refused(void **state)
{
    static const char *const texts[] = {"Zg==",   "Zm8=",   "Zm9v=",   "Zm9v==", "Zm9v====",
                                        "=",      "==",     "====",    "Zg=",    "=Zg=",
                                        "Zm9v\n", "\nZm9v", "Zm9v\r\n"};
    uint8_t bytes[8];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(decode(texts[i], strlen(texts[i]), bytes));
}

static void unused_bits_that_are_not_zero_are_refused(void **state)
{
    uint8_t bytes[3];

    (void)state;
    for (size_t value = 0; value < 64; value++) {
        const char two[2] = {'A', alphabet[value]};
        const char three[3] = {'A', 'A', alphabet[value]};
        const char four[4] = {'A', 'A', 'A', alphabet[value]};

        assert_int_equal(decode(two, sizeof two, bytes), value % 16 == 0);
        assert_int_equal(decode(three, sizeof three, bytes), value % 4 == 0);
        assert_true(decode(four, sizeof four, bytes));
    }
}

static void a_refused_text_leaves_no_trace_in_the_next_call(void **state)
{
    uint8_t bytes[3];
    char *text;

    (void)state;
    assert_false(decode("Zm9vY", 5, bytes));
    assert_false(decode("Zm=", 3, bytes));
    text = encode((const uint8_t *)"f", 1);
    assert_memory_equal(text, "Zg", 2);
    assert_true(decode("Zm9v", 4, bytes));
    assert_memory_equal(bytes, "foo", 3);
    guarded_free(text, 2);
}

static void random_texts_of_the_alphabet_are_judged_as_by_libsodium(void **state)
{
    char text[300];

    (void)state;
    seed_random();
    for (unsigned round = 0; round < 1000; round++) {
        size_t length = (size_t)random_below(sizeof text + 1);

        for (size_t i = 0; i < length; i++)
            text[i] = alphabet[random_below(64)];
        if (length > 0 && random_below(4) == 0)
            text[random_below(length)] = (char)random_below(256);
        check_text(text, length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_hold_without_padding),
        cmocka_unit_test(the_cases_of_other_projects_are_accepted_only_if_canonical),
        cmocka_unit_test(every_length_agrees_with_libsodium_in_both_directions),
        cmocka_unit_test(every_byte_value_survives_at_every_place),
        cmocka_unit_test(a_long_text_has_no_line_breaks_and_no_padding),
        cmocka_unit_test(nothing_is_written_for_nothing),
        cmocka_unit_test(every_truncation_is_canonical_or_refused),
        cmocka_unit_test(a_text_of_a_length_that_no_bytes_have_is_refused),
        cmocka_unit_test(every_corruption_of_one_character_gives_the_same_text_or_is_refused),
        cmocka_unit_test(a_foreign_character_between_good_ones_is_refused),
        cmocka_unit_test(a_padded_text_is_refused),
        cmocka_unit_test(unused_bits_that_are_not_zero_are_refused),
        cmocka_unit_test(a_refused_text_leaves_no_trace_in_the_next_call),
        cmocka_unit_test(random_texts_of_the_alphabet_are_judged_as_by_libsodium),
    };

    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
