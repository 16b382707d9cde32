#include "utf8.h"

#include <stdint.h>
#include <string.h>

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

/* How many bytes from here on are ASCII and not NUL; most text is nothing else. */
static size_t plain_run(const uint8_t *text, size_t length)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = ones << 7;
    size_t at = 0;

    for (; length - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, text + at, 8);
        /* A byte of zero borrows from its top bit; one that was set already counts too. */
        if ((((word - ones) | word) & tops) != 0)
            break;
    }
    while (at < length && text[at] - 1U < 0x7F)
        at++;
    return at;
}

bool wafer_is_text(const void *bytes, size_t length)
{
    const uint8_t *text = bytes;
    size_t at = plain_run(text, length);

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
