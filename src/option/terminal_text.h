/* Text of others on a terminal; shared by the command and the demo. It uses public headers only. */
#ifndef WAFER_OPTION_TERMINAL_TEXT_H
#define WAFER_OPTION_TERMINAL_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Writes text on one line that no terminal misreads: \\, \n and other controls as \xNN, also U+0080
 * to U+009F. */
void terminal_text_write(FILE *out, const char *text, size_t length);

#endif
