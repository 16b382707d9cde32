#include "base64_tail.h"

#include "base64.h"

#include <sodium.h>

const char wafer_base64_characters[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* clang-format off */
const uint8_t wafer_base64_values[256] = {
    ['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
    ['N'] = 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
    ['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102,
    ['n'] = 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115,
    ['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
    ['-'] = 126,
    ['_'] = 127,
};
/* clang-format on */

void wafer_base64_tail_encode(const uint8_t *bytes, size_t length, char *text)
{
    for (; length >= 3; length -= 3) {
        text[0] = wafer_base64_characters[bytes[0] >> 2];
        text[1] = wafer_base64_characters[(bytes[0] & 3) << 4 | bytes[1] >> 4];
        text[2] = wafer_base64_characters[(bytes[1] & 15) << 2 | bytes[2] >> 6];
        text[3] = wafer_base64_characters[bytes[2] & 63];
        bytes += 3;
        text += 4;
    }
    if (length == 0)
        return;
    text[0] = wafer_base64_characters[bytes[0] >> 2];
    if (length == 1) {
        text[1] = wafer_base64_characters[(bytes[0] & 3) << 4];
    } else {
        text[1] = wafer_base64_characters[(bytes[0] & 3) << 4 | bytes[1] >> 4];
        text[2] = wafer_base64_characters[(bytes[1] & 15) << 2];
    }
}

/* The value of a character. Clears *known when it is not in the alphabet. */
static inline uint32_t digit_of(char character, unsigned *known)
{
    unsigned value = wafer_base64_values[(uint8_t)character];

    *known &= value;
    return value & 63;
}

bool wafer_base64_tail_decode(const char *text, size_t length, uint8_t *bytes)
{
    unsigned known = WAFER_BASE64_KNOWN;
    uint32_t bits, unused = 0;
    size_t rest = length % 4;
    uint8_t *out = bytes;

    for (size_t left = length; left >= 4; left -= 4) {
        bits = digit_of(text[0], &known) << 18 | digit_of(text[1], &known) << 12 |
               digit_of(text[2], &known) << 6 | digit_of(text[3], &known);
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
        text += 4;
        out += 3;
    }
    if (rest == 2) {
        bits = digit_of(text[0], &known) << 6 | digit_of(text[1], &known);
        out[0] = (uint8_t)(bits >> 4);
        unused = bits & 15;
    } else if (rest == 3) {
        bits = digit_of(text[0], &known) << 12 | digit_of(text[1], &known) << 6 |
               digit_of(text[2], &known);
        out[0] = (uint8_t)(bits >> 10);
        out[1] = (uint8_t)(bits >> 2);
        unused = bits & 3;
    }
    if (rest == 1 || known == 0 || unused != 0) {
        sodium_memzero(bytes, WAFER_BASE64_BYTES(length));
        return false;
    }
    return true;
}
