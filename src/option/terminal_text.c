#include "terminal_text.h"

size_t terminal_text_read(const char *text, size_t length, uint32_t *character)
{
    static const struct {
        unsigned char first, last; /* what the lead byte may be */
        unsigned char low, high;   /* what the second byte may be */
        unsigned char bits;        /* of the lead byte, those that are of the character */
        size_t size;
    } forms[] = {{0x00, 0x7f, 0, 0, 0x7f, 1},       {0xc2, 0xdf, 0x80, 0xbf, 0x1f, 2},
                 {0xe0, 0xe0, 0xa0, 0xbf, 0x0f, 3}, {0xe1, 0xec, 0x80, 0xbf, 0x0f, 3},
                 {0xed, 0xed, 0x80, 0x9f, 0x0f, 3}, {0xee, 0xef, 0x80, 0xbf, 0x0f, 3},
                 {0xf0, 0xf0, 0x90, 0xbf, 0x07, 4}, {0xf1, 0xf3, 0x80, 0xbf, 0x07, 4},
                 {0xf4, 0xf4, 0x80, 0x8f, 0x07, 4}};
    const unsigned char *at = (const unsigned char *)text;
    size_t form = 0;

    while (form < sizeof forms / sizeof *forms &&
           (at[0] < forms[form].first || at[0] > forms[form].last))
        form++;
    if (form == sizeof forms / sizeof *forms || forms[form].size > length)
        return 0;
    if (forms[form].size > 1 && (at[1] < forms[form].low || at[1] > forms[form].high))
        return 0;
    *character = at[0] & forms[form].bits;
    for (size_t i = 1; i < forms[form].size; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
        *character = *character << 6 | (at[i] & 0x3f);
    }
    return forms[form].size;
}

bool terminal_text_is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character <= 0x9f) || character == 0x61c ||
           character == 0x200e || character == 0x200f ||
           (character >= 0x202a && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

void terminal_text_write(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        uint32_t character = 0;
        size_t size = terminal_text_read(text + i, length - i, &character);
        size_t end = i + (size > 0 ? size : 1);

        if (text[i] == '\\')
            fputs("\\\\", out);
        else if (text[i] == '\n')
            fputs("\\n", out);
        else if (size > 0 && !terminal_text_is_control(character))
            fwrite(text + i, 1, size, out);
        else
            for (size_t at = i; at < end; at++)
                fprintf(out, "\\x%02x", (unsigned)(unsigned char)text[at]);
        i = end;
    }
}
