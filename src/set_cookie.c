#include "set_cookie.h"

#include "calendar.h"
#include "error.h"
#include "octets.h"

#include <stdlib.h>
#include <string.h>

#define DOMAIN_MAX 255 /* RFC 1035 2.3.4 */
#define LABEL_MAX  63

/* ---- Checking ---------------------------------------------------------------------- */

/* By hand, because those of <ctype.h> follow the locale. */
static bool is_alphanumeric(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

static bool is_printable(char byte)
{
    return byte >= ' ' && byte <= '~';
}

/* tchar, RFC 9110 5.6.2 */
static bool is_token_byte(char byte)
{
    return is_alphanumeric(byte) || (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* cookie-octet, RFC 6265 4.1.1; 0xFF for each byte that is none. */
static wafer_octets no_value_bytes(wafer_octets bytes)
{
    return (wafer_octets)((bytes - '!' > '~' - '!') | (bytes == '"') | (bytes == ',') |
                          (bytes == ';') | (bytes == '\\'));
}

static bool is_value(const char *value, size_t length)
{
    wafer_octets wrong = {0};
    size_t at = 0;

    for (; length - at >= WAFER_OCTETS; at += WAFER_OCTETS)
        wrong |= no_value_bytes(wafer_octets_load(value + at));
    if (at < length) {
        char rest[WAFER_OCTETS];
        memset(rest, 'A', sizeof rest);
        memcpy(rest, value + at, length - at);
        wrong |= no_value_bytes(wafer_octets_load(rest));
    }
    return !wafer_octets_any(wrong, 0xFF);
}

/* A byte that is no printable character goes into the sentence as its number, so that input never
 * reaches a terminal or a log raw. */
static wafer_result wrong_byte(wafer_error *error, const char *where, char byte, const char *remedy)
{
    if (is_printable(byte)) {
        return wafer_fail(error, WAFER_INVALID, 0, 0, "the %s must not hold '%c': %s", where, byte,
                          remedy);
    }
    return wafer_fail(error, WAFER_INVALID, 0, 0, "the %s must not hold the byte \\x%02X: %s",
                      where, (unsigned)(unsigned char)byte, remedy);
}

static wafer_result check_name(const struct wafer_cookie_attributes *attributes, wafer_error *error)
{
    if (attributes->name_length == 0)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "the name is empty: give the cookie a name");
    if (attributes->name_length > WAFER_COOKIE_PAIR_MAX) {
        return wafer_fail(error, WAFER_TOO_LARGE, 0, 0,
                          "the name has %zu bytes: name and value together may have %d",
                          attributes->name_length, WAFER_COOKIE_PAIR_MAX);
    }
    for (size_t i = 0; i < attributes->name_length; i++) {
        if (!is_token_byte(attributes->name[i])) {
            return wrong_byte(error, "name", attributes->name[i],
                              "use letters, digits and !#$%&'*+-.^_`|~");
        }
    }
    return WAFER_OK;
}

static wafer_result check_path(const struct wafer_cookie_attributes *attributes, wafer_error *error)
{
    const char *path = attributes->path;
    size_t length = attributes->path_length;

    if (path == NULL)
        return WAFER_OK;
    if (length > WAFER_COOKIE_ATTRIBUTE_MAX) {
        return wafer_fail(error, WAFER_TOO_LARGE, 0, 0, "the path has %zu bytes: it may have %d",
                          length, WAFER_COOKIE_ATTRIBUTE_MAX);
    }
    if (length == 0 || path[0] != '/')
        return wafer_fail(error, WAFER_INVALID, 0, 0, "the path must begin with '/'");
    for (size_t i = 0; i < length; i++)
        if (!is_printable(path[i]) || path[i] == ';')
            return wrong_byte(error, "path", path[i], "percent-encode it as in URLs");
    /* Browsers trim it, and would file the cookie under another path than the one asked for. */
    if (path[length - 1] == ' ') {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "the path must not end with a space: percent-encode it as in URLs");
    }
    return WAFER_OK;
}

static wafer_result check_label(const char *label, size_t length, wafer_error *error)
{
    if (length == 0) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "the domain is empty, ends with a dot or has two in a row: "
                          "write it like example.com");
    }
    if (length > LABEL_MAX) {
        return wafer_fail(error, WAFER_TOO_LARGE, 0, 0,
                          "the domain has a label of %zu bytes: each may have %d", length,
                          LABEL_MAX);
    }
    for (size_t i = 0; i < length; i++)
        if (!is_alphanumeric(label[i]) && label[i] != '-')
            return wrong_byte(error, "domain", label[i], "use letters, digits, '-' and '.'");
    if (label[0] == '-' || label[length - 1] == '-') {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "no label of the domain may begin or end with '-'");
    }
    return WAFER_OK;
}

static wafer_result check_domain(const struct wafer_cookie_attributes *attributes,
                                 wafer_error *error)
{
    const char *label = attributes->domain;

    if (label == NULL)
        return WAFER_OK;
    if (attributes->domain_length > DOMAIN_MAX) {
        return wafer_fail(error, WAFER_TOO_LARGE, 0, 0, "the domain has %zu bytes: it may have %d",
                          attributes->domain_length, DOMAIN_MAX);
    }
    const char *end = label + attributes->domain_length;
    if (label != end && *label == '.')
        label++;
    for (;;) {
        const char *dot = memchr(label, '.', (size_t)(end - label));
        const char *label_end = dot != NULL ? dot : end;
        wafer_result result = check_label(label, (size_t)(label_end - label), error);
        if (result != WAFER_OK || dot == NULL)
            return result;
        label = dot + 1;
    }
}

/* Whether the name begins so, without regard to case, as browsers compare. The prefix is in lower
 * case. */
static bool begins_with(const struct wafer_cookie_attributes *attributes, const char *prefix)
{
    size_t length = strlen(prefix);

    if (attributes->name_length < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        char byte = attributes->name[i];
        if (byte >= 'A' && byte <= 'Z')
            byte = (char)(byte - 'A' + 'a');
        if (byte != prefix[i])
            return false;
    }
    return true;
}

struct prefix {
    const char *lower;
    const char *spelled;
    bool host; /* Path=/ and no Domain */
    bool http_only;
};

/* All of them need Secure. The longer one first. RFC 6265bis 4.1.3, and for HttpOnly
 * draft-ietf-httpbis-layered-cookies. */
static const struct prefix prefixes[] = {
    {"__host-http-", "__Host-Http-", true, true},
    {"__host-", "__Host-", true, false},
    {"__http-", "__Http-", false, true},
    {"__secure-", "__Secure-", false, false},
};

static const struct prefix *find_prefix(const struct wafer_cookie_attributes *attributes)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (begins_with(attributes, prefixes[i].lower))
            return &prefixes[i];
    return NULL;
}

static wafer_result check_prefix(const struct wafer_cookie_attributes *attributes,
                                 wafer_error *error)
{
    const struct prefix *prefix = find_prefix(attributes);
    const char *needed = NULL; /* of a path that was checked already, the length tells enough */

    if (prefix == NULL)
        return WAFER_OK;
    if (!attributes->secure)
        needed = "secure";
    else if (prefix->http_only && !attributes->http_only)
        needed = "http_only";
    else if (prefix->host && attributes->domain != NULL)
        needed = "a NULL domain";
    else if (prefix->host && (attributes->path == NULL || attributes->path_length != 1))
        needed = "the path \"/\"";
    if (needed == NULL)
        return WAFER_OK;
    return wafer_fail(error, WAFER_INVALID, 0, 0,
                      "a name that begins with \"%s\" needs %s: set that or choose another name",
                      prefix->spelled, needed);
}

static wafer_result check_flags(const struct wafer_cookie_attributes *attributes,
                                wafer_error *error)
{
    if ((unsigned)attributes->same_site > WAFER_SAME_SITE_UNSET) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "same_site is %u: use one of the WAFER_SAME_SITE_ values",
                          (unsigned)attributes->same_site);
    }
    if ((unsigned)attributes->priority > WAFER_PRIORITY_HIGH) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "priority is %u: use one of the WAFER_PRIORITY_ values",
                          (unsigned)attributes->priority);
    }
    if (attributes->same_site == WAFER_SAME_SITE_NONE && !attributes->secure)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "WAFER_SAME_SITE_NONE needs secure");
    if (attributes->partitioned && !attributes->secure)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "partitioned needs secure");
    return WAFER_OK;
}

wafer_result wafer_set_cookie_check(const struct wafer_cookie_attributes *attributes,
                                    wafer_error *error)
{
    wafer_result result = check_name(attributes, error);

    if (result == WAFER_OK)
        result = check_path(attributes, error);
    if (result == WAFER_OK)
        result = check_domain(attributes, error);
    if (result == WAFER_OK)
        result = check_flags(attributes, error);
    if (result == WAFER_OK)
        result = check_prefix(attributes, error);
    return result;
}

/* ---- Writing ----------------------------------------------------------------------- */

/* A line in the making. Past the capacity it only counts. */
struct line {
    char *text;
    size_t capacity;
    size_t length;
};

static void append(struct line *line, const char *bytes, size_t length)
{
    if (length > 0 && line->length + length <= line->capacity)
        memcpy(line->text + line->length, bytes, length);
    line->length += length;
}

static void append_text(struct line *line, const char *text)
{
    append(line, text, strlen(text));
}

static void append_flags(struct line *line, const struct wafer_cookie_attributes *attributes)
{
    static const char *const same_site[] = {
        [WAFER_SAME_SITE_LAX] = "; SameSite=Lax",
        [WAFER_SAME_SITE_STRICT] = "; SameSite=Strict",
        [WAFER_SAME_SITE_NONE] = "; SameSite=None",
        [WAFER_SAME_SITE_UNSET] = "",
    };
    static const char *const priority[] = {
        [WAFER_PRIORITY_UNSET] = "",
        [WAFER_PRIORITY_LOW] = "; Priority=Low",
        [WAFER_PRIORITY_MEDIUM] = "; Priority=Medium",
        [WAFER_PRIORITY_HIGH] = "; Priority=High",
    };

    append_text(line, attributes->secure ? "; Secure" : "");
    append_text(line, attributes->http_only ? "; HttpOnly" : "");
    append_text(line, same_site[attributes->same_site]);
    append_text(line, attributes->partitioned ? "; Partitioned" : "");
    append_text(line, priority[attributes->priority]);
}

static void append_place(struct line *line, const struct wafer_cookie_attributes *attributes)
{
    if (attributes->domain != NULL) {
        append_text(line, "; Domain=");
        append(line, attributes->domain, attributes->domain_length);
    }
    if (attributes->path != NULL) {
        append_text(line, "; Path=");
        append(line, attributes->path, attributes->path_length);
    }
}

wafer_result wafer_set_cookie_prepare(struct wafer_cookie_attributes *attributes)
{
    struct line line = {NULL, 0, 0};

    append_place(&line, attributes);
    attributes->middle_length = line.length;
    append_flags(&line, attributes);
    attributes->tail_length = line.length - attributes->middle_length;
    attributes->middle = malloc(line.length + 1);
    if (attributes->middle == NULL)
        return WAFER_NO_MEMORY;
    line = (struct line){attributes->middle, line.length, 0};
    append_place(&line, attributes);
    append_flags(&line, attributes);
    return WAFER_OK;
}

void wafer_set_cookie_release(struct wafer_cookie_attributes *attributes)
{
    free(attributes->middle);
    attributes->middle = NULL;
}

/* Max-Age and Expires, or nothing for a cookie that goes with the browser. */
#define LIFETIME_ROOM (sizeof "; Max-Age=34560000; Expires=" + WAFER_IMF_LENGTH)

static void append_number(struct line *line, int64_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    append(line, digits + at, sizeof digits - at);
}

/* False when there is no such date. */
static bool append_lifetime(struct line *line, int64_t now_s, int64_t max_age_s)
{
    char expires[WAFER_IMF_LENGTH + 1];

    if (max_age_s < 0)
        return true;
    int64_t age = max_age_s < WAFER_COOKIE_AGE_MAX ? max_age_s : WAFER_COOKIE_AGE_MAX;
    if (now_s > INT64_MAX - age || !wafer_imf_date(age > 0 ? now_s + age : 0, expires))
        return false;
    append_text(line, "; Max-Age=");
    append_number(line, age);
    append_text(line, "; Expires=");
    append_text(line, expires);
    return true;
}

static size_t fixed_length(const struct wafer_cookie_attributes *attributes)
{
    return attributes->name_length + 1 + attributes->middle_length + attributes->tail_length;
}

size_t wafer_set_cookie_size(const struct wafer_cookie_attributes *attributes, size_t value_length,
                             bool lasting)
{
    struct line lifetime = {NULL, 0, 0};

    /* Every date has the same length, and the longest age has the most digits. */
    (void)append_lifetime(&lifetime, 0, lasting ? WAFER_COOKIE_AGE_MAX : -1);
    return fixed_length(attributes) + value_length + lifetime.length;
}

static char *write_bytes(char *out, const char *bytes, size_t length)
{
    memcpy(out, bytes, length);
    return out + length;
}

wafer_result wafer_set_cookie_write(const struct wafer_cookie_attributes *attributes,
                                    const char *value, size_t value_length, int64_t now_s,
                                    int64_t max_age_s, char *line, size_t capacity,
                                    size_t *line_length)
{
    char room[LIFETIME_ROOM];
    struct line lifetime = {room, sizeof room, 0};

    *line_length = 0;
    if (capacity == 0)
        return WAFER_TOO_LARGE;
    line[0] = '\0';
    if (value_length > WAFER_COOKIE_PAIR_MAX ||
        attributes->name_length + value_length > WAFER_COOKIE_PAIR_MAX)
        return WAFER_TOO_LARGE;
    if (!is_value(value, value_length) || !append_lifetime(&lifetime, now_s, max_age_s))
        return WAFER_INVALID;
    size_t length = fixed_length(attributes) + value_length + lifetime.length;
    if (length >= capacity)
        return WAFER_TOO_LARGE;
    char *end = write_bytes(line, attributes->name, attributes->name_length);
    *end++ = '=';
    if (value_length > 0 && value != end) /* it may be in its place already */
        memmove(end, value, value_length);
    end = write_bytes(end + value_length, attributes->middle, attributes->middle_length);
    end = write_bytes(end, lifetime.text, lifetime.length);
    end = write_bytes(end, attributes->middle + attributes->middle_length, attributes->tail_length);
    *end = '\0';
    *line_length = length;
    return WAFER_OK;
}
