#include "terminal_text.h"

#include <stdbool.h>

void terminal_text_write(FILE *out, const char *text, size_t length)
{
    unsigned char previous = 0;

    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        unsigned char next = i + 1 < length ? (unsigned char)text[i + 1] : 0;
        /* U+0080 to U+009F are written as 0xC2 and one byte. */
        bool high_control = (byte == 0xc2 && next < 0xa0) || (previous == 0xc2 && byte < 0xa0);

        if (byte == '\\')
            fputs("\\\\", out);
        else if (byte == '\n')
            fputs("\\n", out);
        else if (byte < 0x20 || byte == 0x7f || high_control)
            fprintf(out, "\\x%02x", byte);
        else
            putc(byte, out);
        previous = byte;
    }
}
