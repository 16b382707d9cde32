/* base64url a group of characters at a time: for what is too short for a step of the vector codecs.
 * Keeps the contracts of base64.h by itself, at any length. */
#ifndef WAFER_SRC_BASE64_TAIL_H
#define WAFER_SRC_BASE64_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The characters of the values 0 to 63, and a NUL. */
extern const char wafer_base64_characters[65];

/* By character: WAFER_BASE64_KNOWN + its value, or 0 for one that is not in the alphabet. So the
 * AND of many has the bit that says whether all of them are. */
#define WAFER_BASE64_KNOWN 64
extern const uint8_t wafer_base64_values[256];

void wafer_base64_tail_encode(const uint8_t *bytes, size_t length, char *text);
bool wafer_base64_tail_decode(const char *text, size_t length, uint8_t *bytes);

#endif
