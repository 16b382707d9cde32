/* base64url without padding (RFC 4648 5), strict and canonical: one text form for a value.
 * The portable codec is libb64 (src/base64_portable.c). Faster ones stand behind this header where
 * the processor has what they need (src/base64_codec.h); WAFER_PORTABLE=1 in the environment keeps
 * to the portable one. Thread-safe. */
#ifndef WAFER_SRC_BASE64_H
#define WAFER_SRC_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters for `length` bytes. */
#define WAFER_BASE64_LENGTH(length) (((length) / 3) * 4 + ((length) % 3 * 4 + 2) / 3)
/* Bytes that `length` characters hold, if they are canonical. */
#define WAFER_BASE64_BYTES(length) (((length) / 4) * 3 + (length) % 4 * 3 / 4)

/* Writes exactly WAFER_BASE64_LENGTH(length) characters, no NUL, nothing beyond. */
void wafer_base64_encode(const uint8_t *bytes, size_t length, char *text);

/* Writes exactly WAFER_BASE64_BYTES(length) bytes and nothing beyond. False, with bytes wiped or
 * untouched, for a character outside A-Z a-z 0-9 - _, for a length of 4n + 1, and for unused bits
 * that are not zero: so encode(decode(text)) = text. */
bool wafer_base64_decode(const char *text, size_t length, uint8_t *bytes);

#endif
