/* What counts as text: UTF-8 (RFC 3629) without U+0000. */
#ifndef WAFER_SRC_UTF8_H
#define WAFER_SRC_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True for well-formed UTF-8 without U+0000; overlong forms, surrogates and values beyond U+10FFFF
 * are not. Reads length bytes at most. */
bool wafer_is_text(const void *bytes, size_t length);

#endif
