/* The Cookie request field (RFC 6265bis 5.6): pairs of one field line, in wire order, as
 * slices of the caller's bytes. Linear time, no allocation, any byte is allowed. */
#ifndef WAFER_SRC_COOKIE_H
#define WAFER_SRC_COOKIE_H

#include <wafer.h>

struct wafer_cookie_cursor {
    const char *at;
    const char *end;
    bool commas; /* split at commas too: for stacks that fold lines with them */
};

/* The next pair: split at ";", trimmed of SP and HTAB, name and value split at the first "=", both
 * trimmed, nothing decoded, quotes kept. Pieces without "=" or without a name are passed over. */
bool wafer_cookie_next(struct wafer_cookie_cursor *cursor, wafer_pair *pair);

#endif
