/* Milliseconds or seconds since 1970 to calendar dates and back (proleptic Gregorian, UTC), without
 * locale, time zone or libc's broken-down time. */
#ifndef WAFER_SRC_CALENDAR_H
#define WAFER_SRC_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAFER_IMF_LENGTH     29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define WAFER_RFC3339_LENGTH 20 /* "2026-01-31T12:00:00Z" */

/* IMF-fixdate (RFC 9110 5.6.7), NUL-terminated. False outside the years 0..9999; out is then
 * untouched. */
bool wafer_imf_date(int64_t unix_seconds, char out[WAFER_IMF_LENGTH + 1]);

/* RFC 3339 in whole seconds and with Z, NUL-terminated. False outside the years 0..9999. */
bool wafer_rfc3339(int64_t unix_seconds, char out[WAFER_RFC3339_LENGTH + 1]);

/* Reads exactly the form that wafer_rfc3339 writes; a day that does not exist, second 60 and any
 * other form are false. */
bool wafer_rfc3339_parse(const char *text, size_t length, int64_t *unix_seconds);

#endif
