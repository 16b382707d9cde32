#include "support.h"

#include <string.h>

#include "utf8.h"

/* Judges bytes that end at an unmapped page. */
static bool is_text(const void *bytes, size_t length)
{
    uint8_t *input = guarded_copy(bytes, length);
    bool answer = wafer_is_text(input, length);

    guarded_free(input, length);
    return answer;
}

static size_t write_character(uint32_t value, uint8_t out[4])
{
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t size = 4;

    if (value < 0x80) {
        out[0] = (uint8_t)value;
        return 1;
    }
    if (value < 0x10000)
        size = value < 0x800 ? 2 : 3;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (value & 0x3F));
        value >>= 6;
    }
    out[0] = (uint8_t)(leads[size] | value);
    return size;
}

static void known_texts_are_accepted(void **state)
{
    static const char *const texts[] = {
        "",
        "a",
        "\x01\t\r\n\x7F",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x8D\xAA",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_true(is_text(texts[i], strlen(texts[i])));
    assert_true(wafer_is_text(NULL, 0));
}

static void known_malformed_sequences_are_refused_wherever_they_stand(void **state)
{
    static const char *const sequences[] = {
        "\x80", /* a continuation without a lead */
        "\xBF",
        "\xC0\x80",         /* U+0000, overlong */
        "\xC1\xBF",         /* U+007F, overlong */
        "\xE0\x9F\xBF",     /* U+07FF, overlong */
        "\xF0\x8F\xBF\xBF", /* U+FFFF, overlong */
        "\xED\xA0\x80",     /* the first surrogate */
        "\xED\xBF\xBF",     /* the last one */
        "\xF4\x90\x80\x80", /* U+110000 */
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xC3\xC3\xA4", /* a lead behind a lead */
        "\xE2\x82",     /* cut short */
        "\xF0\x9F\x8D",
        "\xC3(",
        "\xE2(\xA1",
        "\xE2\x82(",
        "\xF0(\x8C\xBC",
        "\xF0\x90(\xBC",
        "\xF0\x90\x8C(",
        "\xF8\x88\x80\x80\x80", /* five bytes */
    };

    (void)state;
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        char text[32];
        int length;

        assert_false(is_text(sequences[i], strlen(sequences[i])));
        length = snprintf(text, sizeof text, "front%s", sequences[i]);
        assert_false(is_text(text, (size_t)length));
        length = snprintf(text, sizeof text, "%sback", sequences[i]);
        assert_false(is_text(text, (size_t)length));
        length = snprintf(text, sizeof text, "\xC3\xA4%s\xC3\xA4", sequences[i]);
        assert_false(is_text(text, (size_t)length));
    }
}

static void a_nul_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t length = 1; length < 8; length++) {
        for (size_t place = 0; place < length; place++) {
            char text[8] = "abcdefg";

            assert_true(is_text(text, length));
            text[place] = '\0';
            assert_false(is_text(text, length));
        }
    }
}

/* Texts are looked at in pieces, whose ends and neighbours must not hide a byte. */
static void one_wrong_byte_is_refused_wherever_it_stands_in_texts_of_any_length(void **state)
{
    static const uint8_t others[] = {0x01, 'a', 'b', 0x7F};
    static const uint8_t wrong[] = {0x00, 0x80, 0xBF, 0xFF};

    (void)state;
    for (size_t length = 1; length <= 50; length++) {
        for (size_t i = 0; i < sizeof others * sizeof wrong; i++) {
            uint8_t *memory = guarded(64 + length);
            uint8_t *text = memory + 64;

            memset(memory, others[i / sizeof wrong], 64 + length);
            assert_true(wafer_is_text(text, length));
            for (size_t place = 0; place < length; place++) {
                text[place] = wrong[i % sizeof wrong];
                assert_false(wafer_is_text(text, length));
                text[place] = others[i / sizeof wrong];
            }
            guarded_free(memory, 64 + length);
        }
    }
}

static void wrong_bytes_in_any_number_are_refused_in_front_of_right_ones(void **state)
{
    static const uint8_t wrong[] = {0x00, 0x80, 0xBF, 0xFF};
    uint8_t text[50];

    (void)state;
    for (size_t i = 0; i < sizeof wrong; i++) {
        memset(text, 'a', sizeof text);
        for (size_t count = 1; count <= sizeof text; count++) {
            text[count - 1] = wrong[i];
            for (size_t length = count; length <= sizeof text; length++)
                assert_false(wafer_is_text(text, length));
        }
    }
}

/* Of whole pages, so that there is no memory in front of it either. */
static void nothing_around_a_text_is_read(void **state)
{
    const size_t length = 65536;
    uint8_t *text = guarded(length);

    (void)state;
    memset(text, 'a', length);
    assert_true(wafer_is_text(text, length));
    guarded_free(text, length);
}

static void every_truncation_of_a_character_is_refused(void **state)
{
    static const uint32_t values[] = {0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t character[4];
        size_t size = write_character(values[i], character);

        assert_true(is_text(character, size));
        for (size_t length = 1; length < size; length++)
            assert_false(is_text(character, length));
    }
}

static void every_scalar_value_but_zero_is_accepted_and_no_surrogate(void **state)
{
    (void)state;
    for (uint32_t value = 0; value < 0x200000; value++) {
        uint8_t character[4];
        size_t size = write_character(value, character);
        bool scalar = value <= 0x10FFFF && !(value >= 0xD800 && value <= 0xDFFF);

        if (wafer_is_text(character, size) != (scalar && value != 0))
            fail_msg("U+%04X is judged wrongly", (unsigned)value);
    }
}

/* Counting tells whether anything beside the well-formed sequences is accepted: of two bytes there
 * are 127 * 127 pairs of ASCII and the 1920 characters up to U+07FF. */
static void as_many_pairs_of_bytes_are_accepted_as_are_well_formed(void **state)
{
    size_t accepted = 0;

    (void)state;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        const uint8_t bytes[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};

        accepted += wafer_is_text(bytes, sizeof bytes);
    }
    assert_int_equal(accepted, 127 * 127 + 1920);
}

/* U+0800 to U+FFFF without the 2048 surrogates. */
static void as_many_triples_of_bytes_are_accepted_as_are_well_formed(void **state)
{
    size_t accepted = 0;

    (void)state;
    for (unsigned triple = 0xE00000; triple < 0xF00000; triple++) {
        const uint8_t bytes[3] = {(uint8_t)(triple >> 16), (uint8_t)(triple >> 8), (uint8_t)triple};

        accepted += wafer_is_text(bytes, sizeof bytes);
    }
    assert_int_equal(accepted, 0x10000 - 0x800 - 2048);
}

/* The 2^20 characters from U+10000 on have 256 beginnings of two bytes; of the last two bytes only
 * the ends of their range and their neighbours are tried. */
static void as_many_quadruples_of_bytes_are_accepted_as_are_well_formed(void **state)
{
    static const uint8_t ends[] = {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
    size_t accepted = 0;

    (void)state;
    for (unsigned beginning = 0xF000; beginning <= 0xFFFF; beginning++) {
        for (size_t i = 0; i < sizeof ends * sizeof ends; i++) {
            const uint8_t bytes[4] = {(uint8_t)(beginning >> 8), (uint8_t)beginning,
                                      ends[i / sizeof ends], ends[i % sizeof ends]};

            accepted += wafer_is_text(bytes, sizeof bytes);
        }
    }
    assert_int_equal(accepted, 256 * 2 * 2);
}

static void a_random_text_is_accepted_until_a_malformed_byte_is_put_into_it(void **state)
{
    (void)state;
    seed_random();
    for (unsigned round = 0; round < 500; round++) {
        uint8_t text[256];
        size_t length = 0;
        size_t place;

        while (length < sizeof text - 4 && random_below(40) != 0) {
            uint32_t value = 1 + (uint32_t)random_below(UINT64_C(1) << (7 + random_below(14)));

            if (value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF))
                length += write_character(value, text + length);
        }
        assert_true(is_text(text, length));
        place = (size_t)random_below(length + 1);
        memmove(text + place + 1, text + place, length - place);
        text[place] = (uint8_t)(0xF8 + random_below(8));
        assert_false(is_text(text, length + 1));
        text[place] = 0;
        assert_false(is_text(text, length + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_are_accepted),
        cmocka_unit_test(known_malformed_sequences_are_refused_wherever_they_stand),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(one_wrong_byte_is_refused_wherever_it_stands_in_texts_of_any_length),
        cmocka_unit_test(wrong_bytes_in_any_number_are_refused_in_front_of_right_ones),
        cmocka_unit_test(nothing_around_a_text_is_read),
        cmocka_unit_test(every_truncation_of_a_character_is_refused),
        cmocka_unit_test(every_scalar_value_but_zero_is_accepted_and_no_surrogate),
        cmocka_unit_test(as_many_pairs_of_bytes_are_accepted_as_are_well_formed),
        cmocka_unit_test(as_many_triples_of_bytes_are_accepted_as_are_well_formed),
        cmocka_unit_test(as_many_quadruples_of_bytes_are_accepted_as_are_well_formed),
        cmocka_unit_test(a_random_text_is_accepted_until_a_malformed_byte_is_put_into_it),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
