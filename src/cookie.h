/* The Cookie request field (RFC 6265bis 5.6): pairs of one field line, in wire order, as
 * slices of the caller's bytes. Linear time, no allocation, any byte is allowed. */
#ifndef WAFER_SRC_COOKIE_H
#define WAFER_SRC_COOKIE_H

#include <stdbool.h>
#include <stddef.h>

struct wafer_cookie_cursor {
    const char *at;
    const char *end;
    bool commas; /* split at commas too: for stacks that fold lines with them */
};

struct wafer_cookie_pair {
    const char *name;
    size_t name_length; /* never 0 */
    const char *value;
    size_t value_length;
};

/* The next pair: split at ";", trimmed of SP and HTAB, name and value split at the first "=", both
 * trimmed, nothing decoded, quotes kept. Pieces without "=" or without a name are passed over. */
bool wafer_cookie_next(struct wafer_cookie_cursor *cursor, struct wafer_cookie_pair *pair);

#endif
