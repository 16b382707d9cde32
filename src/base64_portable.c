/* base64url with libb64, for every processor.
 *
 * libb64 is made for mail: it breaks lines, pads, knows only + and /, skips what it does not know,
 * and takes the length as an int. So it gets one line at a time in a buffer of ours, with a fresh
 * state, and only what was found canonical. */
#include "base64_codec.h"

#include "base64.h"

#include <b64/cdecode.h>
#include <b64/cencode.h>
#include <sodium.h>
#include <string.h>

/* One line of libb64's, short of its newline. */
#define LINE_BYTES 54
#define LINE_TEXT  72
/* A newline for the full line, one for the end, and the NUL that some builds write. */
#define LINE_TEXT_ROOM (LINE_TEXT + 3)
/* The decoder touches the byte behind its last one. */
#define LINE_BYTES_ROOM (LINE_BYTES + 1)

/* What libb64 calls a character of ours; 0 for one that is not in the alphabet. */
/* clang-format off */
static const char standard[256] = {
    ['-'] = '+',
    ['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    ['A'] = 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M',
    ['N'] = 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
    ['_'] = '/',
    ['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
    ['n'] = 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
};
/* clang-format on */

static char url_safe(char character)
{
    if (character == '+')
        return '-';
    return character == '/' ? '_' : character;
}

/* A length of at most one line, in a type that fits int and size_t: libb64's versions differ. */
static uint8_t at_most(size_t length, uint8_t line)
{
    return length < line ? (uint8_t)length : line;
}

static void encode_portable(const uint8_t *bytes, size_t length, char *text)
{
    char line[LINE_TEXT_ROOM];
    base64_encodestate state;

    while (length > 0) {
        uint8_t taken = at_most(length, LINE_BYTES);
        size_t written = WAFER_BASE64_LENGTH((size_t)taken);
        char *end = line;

        base64_init_encodestate(&state);
        end += base64_encode_block((const char *)bytes, taken, line, &state);
        (void)base64_encode_blockend(end, &state);
        for (size_t i = 0; i < written; i++)
            text[i] = url_safe(line[i]);
        bytes += taken;
        length -= taken;
        text += written;
    }
    sodium_memzero(line, sizeof line);
    sodium_memzero(&state, sizeof state);
}

/* Whether the text is the one that encoding its bytes gives. */
static bool is_canonical(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (standard[(uint8_t)text[i]] == 0)
            return false;
    switch (length % 4) {
    case 1:
        return false;
    case 2: /* four unused bits */
        return strchr("AQgw", text[length - 1]) != NULL;
    case 3: /* two */
        return strchr("AEIMQUYcgkosw048", text[length - 1]) != NULL;
    default:
        return true;
    }
}

static bool decode_portable(const char *text, size_t length, uint8_t *bytes)
{
    char line[LINE_TEXT];
    char plain[LINE_BYTES_ROOM];
    base64_decodestate state;
    size_t written = 0;
    bool decoded = true;

    if (!is_canonical(text, length))
        return false;
    while (length > 0 && decoded) {
        uint8_t taken = at_most(length, LINE_TEXT);
        uint8_t expected = (uint8_t)WAFER_BASE64_BYTES((size_t)taken);

        for (size_t i = 0; i < taken; i++)
            line[i] = standard[(uint8_t)text[i]];
        base64_init_decodestate(&state);
        decoded = base64_decode_block(line, taken, plain, &state) == expected;
        memcpy(bytes + written, plain, expected);
        written += expected;
        text += taken;
        length -= taken;
    }
    if (!decoded)
        sodium_memzero(bytes, written);
    sodium_memzero(line, sizeof line);
    sodium_memzero(plain, sizeof plain);
    sodium_memzero(&state, sizeof state);
    return decoded;
}

static bool always(void)
{
    return true;
}

const struct wafer_base64_codec wafer_base64_portable = {"portable", always, encode_portable,
                                                         decode_portable};
