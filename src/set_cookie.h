/* The Set-Cookie response field (RFC 6265bis 4.1): everything is checked before a byte is written,
 * so that no input ever puts CR, LF, NUL or ";" where it does not belong. */
#ifndef WAFER_SRC_SET_COOKIE_H
#define WAFER_SRC_SET_COOKIE_H

#include <wafer.h>

#define WAFER_COOKIE_PAIR_MAX      4096              /* name and value, RFC 6265bis 5.7 */
#define WAFER_COOKIE_ATTRIBUTE_MAX 1024              /* an attribute's value, RFC 6265bis 5.6 */
#define WAFER_COOKIE_AGE_MAX       INT64_C(34560000) /* 400 days in seconds, RFC 6265bis 5.6.1 */

/* What does not change from one response to the next. Strings are NUL-terminated unless they come
 * with a length. */
struct wafer_cookie_attributes {
    const char *name;
    size_t name_length;
    const char *path; /* NULL: none */
    size_t path_length;
    const char *domain; /* NULL: none; one leading dot is allowed and written as it is */
    size_t domain_length;
    wafer_same_site same_site;
    wafer_priority priority;
    bool secure;
    bool http_only;
    bool partitioned;
    /* By wafer_set_cookie_prepare: what stands between value and lifetime, and behind both. */
    char *middle;
    size_t middle_length;
    size_t tail_length; /* right behind the middle */
};

/* Checks name, path, domain and their combination. INVALID or TOO_LARGE with a sentence that names
 * what is wrong. A name that begins with __Secure-, __Host-, __Http- or __Host-Http- in any case
 * must keep that prefix's promise, because browsers drop the cookie otherwise. */
wafer_result wafer_set_cookie_check(const struct wafer_cookie_attributes *attributes,
                                    wafer_error *error);

/* Writes down once what is the same in every line. The attributes were checked; their strings may
 * go afterwards, but for the name. NO_MEMORY. To be released. */
wafer_result wafer_set_cookie_prepare(struct wafer_cookie_attributes *attributes);
void wafer_set_cookie_release(struct wafer_cookie_attributes *attributes);

/* The longest line with a value of this length, without "Set-Cookie: ", without NUL. `lasting`
 * counts Max-Age and Expires at their longest. */
size_t wafer_set_cookie_size(const struct wafer_cookie_attributes *attributes, size_t value_length,
                             bool lasting);

/* Writes `name=value; attributes`, NUL-terminated. The attributes were prepared. `now_s` is unix
 * seconds; max_age_s below zero: neither Max-Age nor Expires (gone with the browser); 0: a deletion
 * (Max-Age=0 and Expires in 1970); above: both, cut to 400 days. The value may be `line` + name + 1
 * already, in place.
 * INVALID: a value byte that is no cookie-octet, or an Expires beyond the year 9999. TOO_LARGE:
 * name and value over 4096, or the line and its NUL do not fit capacity. *line is then the empty
 * string (if there is room for it) and *line_length 0. */
wafer_result wafer_set_cookie_write(const struct wafer_cookie_attributes *attributes,
                                    const char *value, size_t value_length, int64_t now_s,
                                    int64_t max_age_s, char *line, size_t capacity,
                                    size_t *line_length);

#endif
