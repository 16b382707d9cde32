#include "utf8.h"

#include <stdint.h>
#include <string.h>

#include "octets.h"

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/* RFC 3629 4: after some lead bytes the second byte has less than its full range, which is what
 * keeps out overlong forms (E0, F0), surrogates (ED) and values beyond U+10FFFF (F4). */
static bool is_second(uint8_t lead, uint8_t byte)
{
    switch (lead) {
    case 0xE0:
        return byte >= 0xA0 && byte <= 0xBF;
    case 0xED:
        return byte >= 0x80 && byte <= 0x9F;
    case 0xF0:
        return byte >= 0x90 && byte <= 0xBF;
    case 0xF4:
        return byte >= 0x80 && byte <= 0x8F;
    default:
        return is_continuation(byte);
    }
}

/* The bytes that a character takes by its lead byte; 0 if none starts so. */
static size_t size_by_lead(uint8_t lead)
{
    if (lead < 0x80)
        return lead == 0 ? 0 : 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    if (lead < 0xE0)
        return 2;
    return lead < 0xF0 ? 3 : 4;
}

/* Whether a byte of the word is not ASCII or is NUL. Zero borrows from its own top bit first; what
 * a borrow does to the bytes above it no longer matters. */
static bool has_other(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);

    return (((word - ones) | word) & ones << 7) != 0;
}

static uint64_t load_8(const uint8_t *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof word);
    return word;
}

static uint64_t load_4(const uint8_t *text)
{
    uint32_t word;

    memcpy(&word, text, sizeof word);
    return word | (uint64_t)word << 32;
}

static bool is_long_ascii(const uint8_t *text, size_t length)
{
    wafer_octets last = wafer_octets_load(text + length - WAFER_OCTETS);
    wafer_octets tops = last;
    wafer_octets zeros = (wafer_octets)(last == 0);

    for (size_t at = 0; at < length - WAFER_OCTETS; at += WAFER_OCTETS) {
        wafer_octets bytes = wafer_octets_load(text + at);
        tops |= bytes;
        zeros |= (wafer_octets)(bytes == 0);
    }
    return !wafer_octets_any(tops | zeros, 0x80);
}

/* Most text is ASCII, and short: so in pieces, of which the last may overlap the one before. */
static bool is_ascii(const uint8_t *text, size_t length)
{
    if (length >= WAFER_OCTETS)
        return is_long_ascii(text, length);
    if (length >= 8)
        return !has_other(load_8(text)) && !has_other(load_8(text + length - 8));
    if (length >= 4)
        return !has_other(load_4(text)) && !has_other(load_4(text + length - 4));
    for (size_t at = 0; at < length; at++)
        if (text[at] == 0 || text[at] > 0x7F)
            return false;
    return true;
}

bool wafer_is_text(const void *bytes, size_t length)
{
    const uint8_t *text = bytes;
    size_t at = 0;

    if (is_ascii(text, length))
        return true;
    while (at < length) {
        size_t size = size_by_lead(text[at]);

        if (size == 0 || size > length - at)
            return false;
        if (size > 1 && !is_second(text[at], text[at + 1]))
            return false;
        for (size_t i = 2; i < size; i++)
            if (!is_continuation(text[at + i]))
                return false;
        at += size;
    }
    return true;
}
