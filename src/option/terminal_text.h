/* Text of others on a terminal; shared by the command and the demo. It uses public headers only. */
#ifndef WAFER_OPTION_TERMINAL_TEXT_H
#define WAFER_OPTION_TERMINAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes text on one line that no terminal misreads: \\, \n, and as \xNN every byte that is no
 * UTF-8 or is of a control. */
void terminal_text_write(FILE *out, const char *text, size_t length);

/* Reads the character at the front of text that is not empty: returns how many bytes it has, or 0
 * when they are no UTF-8 (RFC 3629). */
size_t terminal_text_read(const char *text, size_t length, uint32_t *character);
/* Whether a terminal acts on it instead of showing it: C0, DEL, C1, and what turns the direction of
 * text (Bidi_Control of Unicode). */
bool terminal_text_is_control(uint32_t character);

#endif
