/* Any settings of a cookie and any value: what is taken becomes a line that reads back as it was
 * meant, and has no CR, LF, NUL or ";" where it does not belong.
 *
 *     input   flags | same_site and priority | time and age | length and bytes of name, of path, of
 *             domain | value
 */
#include "world.h"

#include "set_cookie.h"

#include <inttypes.h>
#include <stdio.h>

enum flag { HAS_PATH = 1, HAS_DOMAIN = 2, SECURE = 4, HTTP_ONLY = 8, PARTITIONED = 16, LASTS = 32 };

#define YEAR_9999_END INT64_C(253402300799)

static const int64_t times_s[] = {0, FUZZ_NOW / 1000, YEAR_9999_END - 100, YEAR_9999_END};
static const int64_t ages_s[] =
    {-1, 0, 1, 100, 101, WAFER_COOKIE_AGE_MAX, WAFER_COOKIE_AGE_MAX + 1, INT64_MAX};

static wafer_settings defaults;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    defaults = fuzz_settings(fuzz_keyring());
    return 0;
}

/* ---- reading back */

/* What one line says, as bits; the flags above and: */
enum { SAME_SITE = 64, PRIORITY = 128, MAX_AGE = 256, EXPIRES = 512 };

struct slice {
    const char *text;
    size_t length;
};

static struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static bool is_same(struct slice left, struct slice right)
{
    return left.length == right.length &&
           (left.length == 0 || memcmp(left.text, right.text, left.length) == 0);
}

/* Takes what is in front of the next `end`, which goes too; or all, and is false then. */
static bool take_to(struct slice *rest, char end, struct slice *taken)
{
    const char *found = memchr(rest->text, end, rest->length);
    size_t length = found != NULL ? (size_t)(found - rest->text) : rest->length;
    size_t behind = found != NULL ? length + 1 : length;

    *taken = (struct slice){rest->text, length};
    *rest = (struct slice){rest->text + behind, rest->length - behind};
    return found != NULL;
}

static unsigned check_attribute(const struct wafer_cookie_attributes *attributes, int64_t age_s,
                                struct slice name, struct slice value)
{
    static const char *const same_site[] = {"Lax", "Strict", "None"};
    static const char *const priority[] = {"", "Low", "Medium", "High"};
    const struct slice path = {attributes->path, attributes->path_length};
    const struct slice domain = {attributes->domain, attributes->domain_length};
    char age[24];

    (void)snprintf(age, sizeof age, "%" PRId64,
                   age_s < WAFER_COOKIE_AGE_MAX ? age_s : WAFER_COOKIE_AGE_MAX);
    if (is_same(name, slice_of("Path")) && is_same(value, path))
        return HAS_PATH;
    if (is_same(name, slice_of("Domain")) && is_same(value, domain))
        return HAS_DOMAIN;
    if (is_same(name, slice_of("Secure")))
        return SECURE;
    if (is_same(name, slice_of("HttpOnly")))
        return HTTP_ONLY;
    if (is_same(name, slice_of("Partitioned")))
        return PARTITIONED;
    if (is_same(name, slice_of("SameSite")) &&
        is_same(value, slice_of(same_site[attributes->same_site])))
        return SAME_SITE;
    if (is_same(name, slice_of("Priority")) &&
        is_same(value, slice_of(priority[attributes->priority])))
        return PRIORITY;
    if (is_same(name, slice_of("Max-Age")) && is_same(value, slice_of(age)))
        return MAX_AGE;
    must(is_same(name, slice_of("Expires")));
    must(value.length == strlen("Thu, 01 Jan 1970 00:00:00 GMT"));
    return EXPIRES;
}

static unsigned expected_bits(const struct wafer_cookie_attributes *attributes, int64_t age_s)
{
    return (attributes->path != NULL ? HAS_PATH : 0U) |
           (attributes->domain != NULL ? HAS_DOMAIN : 0U) | (attributes->secure ? SECURE : 0U) |
           (attributes->http_only ? HTTP_ONLY : 0U) | (attributes->partitioned ? PARTITIONED : 0U) |
           (attributes->same_site != WAFER_SAME_SITE_UNSET ? SAME_SITE : 0U) |
           (attributes->priority != WAFER_PRIORITY_UNSET ? PRIORITY : 0U) |
           (age_s >= 0 ? (unsigned)(MAX_AGE | EXPIRES) : 0U);
}

/* A value without text is any. */
static void check_line(const struct wafer_cookie_attributes *attributes, struct slice value,
                       int64_t age_s, const char *line, size_t length)
{
    struct slice rest = {line, length};
    struct slice part;
    struct slice name;
    unsigned seen = 0;
    bool more;

    must(is_clean(line, length));
    more = take_to(&rest, ';', &part);
    must(take_to(&part, '=', &name));
    must(is_same(name, (struct slice){attributes->name, attributes->name_length}));
    must(value.text == NULL || is_same(part, value));
    while (more) {
        unsigned bit;

        more = take_to(&rest, ';', &part);
        must(part.length > 0 && *part.text == ' ');
        part = (struct slice){part.text + 1, part.length - 1};
        (void)take_to(&part, '=', &name);
        bit = check_attribute(attributes, age_s, name, part);
        must((seen & bit) == 0);
        seen |= bit;
    }
    must(seen == expected_bits(attributes, age_s));
}

/* ---- writing */

static bool is_value(struct slice value)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.text[i] < '!' || value.text[i] > '~' || strchr("\",;\\", value.text[i]) != NULL)
            return false;
    return true;
}

/* Into room of just this size. */
static wafer_result write_line(const struct wafer_cookie_attributes *attributes, struct slice value,
                               int64_t now_s, int64_t age_s, size_t room)
{
    char *line = malloc(room > 0 ? room : 1);
    size_t length;
    wafer_result result;

    must(line != NULL);
    result = wafer_set_cookie_write(attributes, value.text, value.length, now_s, age_s, line, room,
                                    &length);
    if (result == WAFER_OK) {
        must(length < room);
        check_line(attributes, value, age_s, line, length);
    } else {
        must(length == 0 && (room == 0 || *line == '\0'));
    }
    free(line);
    return result;
}

static void check_writing(struct wafer_cookie_attributes *attributes, struct slice value,
                          int64_t now_s, int64_t age_s)
{
    int64_t lasts_s = age_s < WAFER_COOKIE_AGE_MAX ? age_s : WAFER_COOKIE_AGE_MAX;
    bool good = is_value(value) && (age_s <= 0 || now_s <= YEAR_9999_END - lasts_s) &&
                attributes->name_length + value.length <= WAFER_COOKIE_PAIR_MAX;
    size_t size;

    must(wafer_set_cookie_prepare(attributes) == WAFER_OK);
    size = wafer_set_cookie_size(attributes, value.length, age_s >= 0);
    must((write_line(attributes, value, now_s, age_s, size + 1) == WAFER_OK) == good);
    must(write_line(attributes, value, now_s, age_s, attributes->name_length) != WAFER_OK);
    must(write_line(attributes, value, now_s, age_s, 0) != WAFER_OK);
    wafer_set_cookie_release(attributes);
}

/* ---- a manager of these settings */

static char *string_of(const char *bytes, size_t length)
{
    return bytes != NULL ? strndup(bytes, length) : NULL;
}

static void check_session(const wafer_manager *manager,
                          const struct wafer_cookie_attributes *attributes, bool lasts)
{
    wafer_session *session;
    const wafer_header *headers;
    wafer_result result;
    size_t count;

    must(wafer_session_new(manager, &session) == WAFER_OK);
    must(wafer_begin(session) == WAFER_OK && wafer_open(session) == WAFER_NONE);
    result = wafer_login(session, "anna", 4, NULL, 0);
    must(result == WAFER_OK || result == WAFER_TOO_LARGE);
    must(wafer_finish(session, &headers, &count) == WAFER_OK);
    if (result == WAFER_OK) {
        must(strcmp(headers->name, "Set-Cookie") == 0);
        must(headers->value_length <= defaults.line_limit);
        check_line(attributes, (struct slice){NULL, 0}, lasts ? defaults.absolute_ms / 1000 : -1,
                   headers->value, headers->value_length);
    }
    wafer_session_free(session);
}

/* Strings end at their first NUL. */
static void check_manager(const struct wafer_cookie_attributes *taken, bool lasts)
{
    wafer_settings settings = defaults;
    struct wafer_cookie_attributes attributes = *taken;
    char *name = string_of(taken->name, taken->name_length);
    char *path = string_of(taken->path, taken->path_length);
    char *domain = string_of(taken->domain, taken->domain_length);
    wafer_error error = {.text = ""};
    wafer_manager *manager;

    settings.name = attributes.name = name;
    settings.path = attributes.path = path;
    settings.domain = attributes.domain = domain;
    attributes.name_length = strlen(name);
    attributes.path_length = path != NULL ? strlen(path) : 0;
    attributes.domain_length = domain != NULL ? strlen(domain) : 0;
    settings.secure = attributes.secure;
    settings.http_only = attributes.http_only;
    settings.partitioned = attributes.partitioned;
    settings.same_site = attributes.same_site;
    settings.priority = attributes.priority;
    settings.outlives_browser = lasts;
    if (wafer_manager_new(&settings, &manager, &error) == WAFER_OK) {
        must(wafer_set_cookie_check(&attributes, NULL) == WAFER_OK);
        check_session(manager, &attributes, lasts);
    }
    must(is_clean(error.text, strlen(error.text)));
    wafer_manager_free(manager);
    free(name);
    free(path);
    free(domain);
}

static char *take_copy(struct fuzz_input *input, size_t *length)
{
    const uint8_t *bytes = take_bytes(input, take_byte(input), length);

    return exact_copy(bytes, *length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    unsigned flags = take_byte(&input);
    unsigned choices = take_byte(&input);
    unsigned moment = take_byte(&input);
    struct wafer_cookie_attributes attributes = {
        .same_site = (wafer_same_site)(choices & 7),
        .priority = (wafer_priority)(choices >> 3 & 7),
        .secure = flags & SECURE,
        .http_only = flags & HTTP_ONLY,
        .partitioned = flags & PARTITIONED,
    };
    char *name = take_copy(&input, &attributes.name_length);
    char *path = flags & HAS_PATH ? take_copy(&input, &attributes.path_length) : NULL;
    char *domain = flags & HAS_DOMAIN ? take_copy(&input, &attributes.domain_length) : NULL;
    char *value = exact_copy(input.at, input.left);
    wafer_error error = {.text = ""};

    attributes.name = name;
    attributes.path = path;
    attributes.domain = domain;
    if (wafer_set_cookie_check(&attributes, &error) == WAFER_OK)
        check_writing(&attributes, (struct slice){value, input.left}, times_s[moment & 3],
                      ages_s[moment >> 2 & 7]);
    must(is_clean(error.text, strlen(error.text)));
    check_manager(&attributes, flags & LASTS);
    free(name);
    free(path);
    free(domain);
    free(value);
    return 0;
}
