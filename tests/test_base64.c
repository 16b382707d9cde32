/* Every codec that this machine can run takes the same tests, and so do the public functions. */
#include "support.h"

#include <jansson.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "base64_codec.h"

#define URL_SAFE   sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define LENGTH_MAX 4200
#define TEXT_MAX   WAFER_BASE64_LENGTH(LENGTH_MAX)
#define ROOM       8192
#define CANARY     0xA5
#define CANARIES   64

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static const struct wafer_base64_codec *codec;  /* under test */
static const struct wafer_base64_codec *oracle; /* libb64 for the others, libsodium for libb64 */

static bool always(void)
{
    return true;
}

static void libsodium_encode(const uint8_t *bytes, size_t length, char *text)
{
    char whole[TEXT_MAX + 1];

    assert_int_equal(WAFER_BASE64_LENGTH(length) + 1, sodium_base64_encoded_len(length, URL_SAFE));
    (void)sodium_bin2base64(whole, sizeof whole, bytes, length, URL_SAFE);
    memcpy(text, whole, WAFER_BASE64_LENGTH(length));
}

/* It is strict as well; but 1.0.18 takes bytes beyond ASCII for characters of the alphabet where
 * char is signed. */
static bool libsodium_decode(const char *text, size_t length, uint8_t *bytes)
{
    size_t size;

    for (size_t i = 0; i < length; i++)
        if ((uint8_t)text[i] >= 0x80)
            return false;
    return sodium_base642bin(bytes, WAFER_BASE64_BYTES(length), text, length, NULL, &size, NULL,
                             URL_SAFE) == 0 &&
           size == WAFER_BASE64_BYTES(length);
}

static const struct wafer_base64_codec libsodium = {"libsodium", always, libsodium_encode,
                                                    libsodium_decode};
static const struct wafer_base64_codec public_functions = {"as chosen", always, wafer_base64_encode,
                                                           wafer_base64_decode};

/* ---- Between unmapped pages and canaries */

/* Memory of ROOM bytes or more that stands flush with an unmapped page on both sides. */
struct room {
    uint8_t *start;
    size_t size;
};
static struct room inputs, outputs;

static void open_room(struct room *room)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    room->size = (ROOM + page - 1) / page * page;
    room->start = guarded(room->size);
}

static int open_rooms(void **state)
{
    (void)state;
    open_room(&inputs);
    open_room(&outputs);
    return 0;
}

static int close_rooms(void **state)
{
    (void)state;
    guarded_free(inputs.start, inputs.size);
    guarded_free(outputs.start, outputs.size);
    return 0;
}

enum side { AT_START, AT_END, SIDES };

static uint8_t *place(const struct room *room, size_t length, enum side side)
{
    return side == AT_START ? room->start : room->start + room->size - length;
}

/* Canaries in `length` bytes of outputs and on the side of them that has no unmapped page. */
static uint8_t *place_output(size_t length, enum side side)
{
    uint8_t *output = place(&outputs, length, side);

    memset(side == AT_START ? output : output - CANARIES, CANARY, length + CANARIES);
    return output;
}

static bool are_canaries_alive(const uint8_t *output, size_t length, enum side side)
{
    const uint8_t *canaries = side == AT_START ? output + length : output - CANARIES;

    for (size_t i = 0; i < CANARIES; i++)
        if (canaries[i] != CANARY)
            return false;
    return true;
}

static bool is_wiped_or_untouched(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0 && bytes[i] != CANARY)
            return false;
    return true;
}

static void encode_to(const uint8_t *bytes, size_t length, enum side side, char *text)
{
    size_t text_length = WAFER_BASE64_LENGTH(length);
    uint8_t *input = place(&inputs, length, side);
    uint8_t *output = place_output(text_length, side);

    if (length > 0)
        memcpy(input, bytes, length);
    codec->encode(input, length, (char *)output);
    if (!are_canaries_alive(output, text_length, side))
        fail_msg("%zu bytes: encoding wrote outside of the text", length);
    memcpy(text, output, text_length);
}

/* Into `bytes` when it is accepted. When not, nothing may have come out. */
static bool decode_to(const char *text, size_t length, enum side side, uint8_t *bytes)
{
    size_t size = WAFER_BASE64_BYTES(length);
    uint8_t *input = place(&inputs, length, side);
    uint8_t *output = place_output(size, side);
    bool accepted;

    if (length > 0)
        memcpy(input, text, length);
    accepted = codec->decode((const char *)input, length, output);
    if (!are_canaries_alive(output, size, side))
        fail_msg("%zu characters: decoding wrote outside of the bytes", length);
    if (!accepted && !is_wiped_or_untouched(output, size))
        fail_msg("%zu characters were refused, but something came out", length);
    if (accepted && size > 0)
        memcpy(bytes, output, size);
    return accepted;
}

static bool decode(const char *text, size_t length, uint8_t *bytes)
{
    bool accepted = decode_to(text, length, AT_START, bytes);

    assert_int_equal(decode_to(text, length, AT_END, bytes), accepted);
    return accepted;
}

/* The same verdict as the oracle's and the same bytes; and if accepted, it is the text of these. */
static void check_text(const char *text, size_t length)
{
    uint8_t bytes[LENGTH_MAX], expected[LENGTH_MAX];
    char again[TEXT_MAX];
    size_t size = WAFER_BASE64_BYTES(length);
    bool accepted = decode_to(text, length, AT_END, bytes);

    if (accepted != oracle->decode(text, length, expected))
        fail_msg("%s %s %zu characters: %.*s", codec->name, accepted ? "accepts" : "refuses",
                 length, (int)length, text);
    if (!accepted)
        return;
    assert_memory_equal(bytes, expected, size);
    encode_to(bytes, size, AT_END, again);
    assert_int_equal(WAFER_BASE64_LENGTH(size), length);
    assert_memory_equal(again, text, length);
}

/* The text of random bytes, by libsodium. Returns its length. */
static size_t random_text(size_t size, char *text)
{
    uint8_t bytes[LENGTH_MAX];

    random_fill(bytes, size);
    libsodium.encode(bytes, size, text);
    return WAFER_BASE64_LENGTH(size);
}

/* ---- Every codec */

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
        char text[8];

        encode_to((const uint8_t *)plain, length, AT_END, text);

        assert_int_equal(WAFER_BASE64_LENGTH(length), text_length);
        assert_int_equal(WAFER_BASE64_BYTES(text_length), length);
        assert_memory_equal(text, vectors[i][1], text_length);
        assert_true(decode(vectors[i][1], text_length, bytes));
        assert_memory_equal(bytes, plain, length);
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

/* The bytes are the same for every codec, so those that agree with libb64 agree with libsodium. */
static void every_length_agrees_with_libb64_and_so_with_libsodium(void **state)
{
    static uint8_t bytes[LENGTH_MAX], decoded[LENGTH_MAX];
    static char text[TEXT_MAX], expected[TEXT_MAX];
    static bool filled;

    (void)state;
    seed_random();
    if (!filled)
        random_fill(bytes, sizeof bytes);
    filled = true;
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        const uint8_t *input = bytes + (LENGTH_MAX - length);
        size_t text_length = WAFER_BASE64_LENGTH(length);

        assert_int_equal(WAFER_BASE64_BYTES(text_length), length);
        oracle->encode(input, length, expected);
        for (enum side side = length < 500 ? AT_START : AT_END; side < SIDES; side++) {
            encode_to(input, length, side, text);
            assert_memory_equal(text, expected, text_length);
            assert_true(decode_to(text, text_length, side, decoded));
            assert_memory_equal(decoded, input, length);
        }
    }
}

static void every_byte_value_survives_at_every_place(void **state)
{
    /* Of a group, in each codec's steps and after them. */
    uint8_t bytes[50], decoded[50];
    char text[WAFER_BASE64_LENGTH(50)], expected[WAFER_BASE64_LENGTH(50)];

    (void)state;
    seed_random();
    random_fill(bytes, sizeof bytes);
    for (size_t length = 3; length <= sizeof bytes; length += 47) {
        for (size_t at = 0; at < length; at++) {
            for (unsigned value = 0; value < 256; value++) {
                bytes[at] = (uint8_t)value;
                encode_to(bytes, length, AT_END, text);
                oracle->encode(bytes, length, expected);
                assert_memory_equal(text, expected, WAFER_BASE64_LENGTH(length));
                assert_true(decode_to(text, WAFER_BASE64_LENGTH(length), AT_END, decoded));
                assert_memory_equal(decoded, bytes, length);
            }
        }
    }
}

static void a_long_text_has_no_line_breaks_and_no_padding(void **state)
{
    static const size_t lengths[] = {53, 54, 55, 56, 57, 107, 108, 109, 3000};
    static uint8_t bytes[3000];
    static char text[WAFER_BASE64_LENGTH(3000)];

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        encode_to(bytes, lengths[i], AT_END, text);
        for (size_t j = 0; j < WAFER_BASE64_LENGTH(lengths[i]); j++)
            assert_int_equal(text[j], 'A');
    }
}

static void nothing_is_written_for_nothing(void **state)
{
    uint8_t byte = CANARY;
    char character = 'x';

    (void)state;
    codec->encode(&byte, 0, &character);
    assert_int_equal(character, 'x');
    assert_true(codec->decode(&character, 0, &byte));
    assert_int_equal(byte, CANARY);
    codec->encode(NULL, 0, NULL);
    assert_true(codec->decode(NULL, 0, NULL));
}

static void every_truncation_is_canonical_or_refused(void **state)
{
    char text[WAFER_BASE64_LENGTH(150)];

    (void)state;
    seed_random();
    (void)random_text(150, text);
    for (size_t length = 0; length <= sizeof text; length++)
        check_text(text, length);
}

static void a_text_of_a_length_that_no_bytes_have_is_refused(void **state)
{
    static char text[TEXT_MAX];
    static uint8_t bytes[LENGTH_MAX];

    (void)state;
    seed_random();
    (void)random_text(LENGTH_MAX, text);
    for (size_t length = 1; length <= sizeof text; length += 4)
        assert_false(decode(text, length, bytes));
}

static void every_corruption_of_one_character_gives_the_same_text_or_is_refused(void **state)
{
    /* Remainders of all kinds; within, at and beyond one step, two steps and libb64's first line;
     * and a last step that stands flush or repeats much. */
    static const size_t lengths[] = {2, 3, 4, 15, 23, 32, 54, 100};
    char text[100];

    (void)state;
    seed_random();
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t length = random_text(WAFER_BASE64_BYTES(lengths[i]), text);

        assert_int_equal(length, lengths[i]);
        for (size_t at = 0; at < length; at++) {
            char right = text[at];

            for (unsigned value = 0; value < 256; value++) {
                text[at] = (char)value;
                check_text(text, length);
            }
            text[at] = right;
        }
    }
}

static void a_foreign_character_anywhere_in_a_long_text_is_refused(void **state)
{
    static char text[TEXT_MAX];
    static uint8_t bytes[LENGTH_MAX];

    (void)state;
    seed_random();
    for (unsigned round = 0; round < 300; round++) {
        size_t length = random_text(1 + (size_t)random_below(LENGTH_MAX), text);
        size_t at = (size_t)random_below(length);
        char foreign;

        check_text(text, length);
        do
            foreign = (char)random_below(256);
        while (foreign != '\0' && strchr(alphabet, foreign) != NULL);
        text[at] = foreign;
        assert_false(decode(text, length, bytes));
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
    /* In front of the last group: nothing, and what takes some steps of each codec. */
    static const size_t fronts[] = {0, 16, 32, 64, 128, 72};
    char text[132];
    uint8_t bytes[99];

    (void)state;
    seed_random();
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
        size_t front = random_text(WAFER_BASE64_BYTES(fronts[i]), text);
        char *last = text + front;

        for (size_t value = 0; value < 64; value++) {
            memset(last, 'A', 4);
            last[1] = alphabet[value];
            assert_int_equal(decode(text, front + 2, bytes), value % 16 == 0);
            last[2] = alphabet[value];
            assert_int_equal(decode(text, front + 3, bytes), value % 4 == 0);
            last[3] = alphabet[value];
            assert_true(decode(text, front + 4, bytes));
        }
    }
}

static void a_refused_text_leaves_no_trace_in_the_next_call(void **state)
{
    uint8_t bytes[3];
    char text[2];

    (void)state;
    assert_false(decode("Zm9vY", 5, bytes));
    assert_false(decode("Zm=", 3, bytes));
    encode_to((const uint8_t *)"f", 1, AT_END, text);
    assert_memory_equal(text, "Zg", 2);
    assert_true(decode("Zm9v", 4, bytes));
    assert_memory_equal(bytes, "foo", 3);
}

static void random_texts_of_the_alphabet_are_judged_alike(void **state)
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

static int check_codec(const struct wafer_base64_codec *tested)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_hold_without_padding),
        cmocka_unit_test(the_cases_of_other_projects_are_accepted_only_if_canonical),
        cmocka_unit_test(every_length_agrees_with_libb64_and_so_with_libsodium),
        cmocka_unit_test(every_byte_value_survives_at_every_place),
        cmocka_unit_test(a_long_text_has_no_line_breaks_and_no_padding),
        cmocka_unit_test(nothing_is_written_for_nothing),
        cmocka_unit_test(every_truncation_is_canonical_or_refused),
        cmocka_unit_test(a_text_of_a_length_that_no_bytes_have_is_refused),
        cmocka_unit_test(every_corruption_of_one_character_gives_the_same_text_or_is_refused),
        cmocka_unit_test(a_foreign_character_anywhere_in_a_long_text_is_refused),
        cmocka_unit_test(a_padded_text_is_refused),
        cmocka_unit_test(unused_bits_that_are_not_zero_are_refused),
        cmocka_unit_test(a_refused_text_leaves_no_trace_in_the_next_call),
        cmocka_unit_test(random_texts_of_the_alphabet_are_judged_alike),
    };

    codec = tested;
    oracle = codec == &wafer_base64_portable ? &libsodium : &wafer_base64_portable;
    print_message("base64: %s\n", codec->name);
    return cmocka_run_group_tests_name("base64", tests, open_rooms, close_rooms);
}

static int check_public_functions(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_hold_without_padding),
        cmocka_unit_test(nothing_is_written_for_nothing),
        cmocka_unit_test(every_truncation_is_canonical_or_refused),
        cmocka_unit_test(a_padded_text_is_refused),
        cmocka_unit_test(random_texts_of_the_alphabet_are_judged_alike),
    };

    codec = &public_functions;
    oracle = &wafer_base64_portable;
    print_message("base64: as chosen\n");
    return cmocka_run_group_tests_name("base64", tests, open_rooms, close_rooms);
}

int main(void)
{
    int failed = 0;
    size_t count;
    const struct wafer_base64_codec *const *codecs = wafer_base64_codecs(&count);

    for (size_t i = 0; i < count; i++)
        if (codecs[i]->is_usable())
            failed += check_codec(codecs[i]);
        else
            print_message("base64: this processor cannot run %s\n", codecs[i]->name);
    return failed + check_public_functions();
}
