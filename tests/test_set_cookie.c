#include "support.h"

#include "calendar.h"
#include "set_cookie.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROOM  8192
#define NOW   INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define EPOCH "Thu, 01 Jan 1970 00:00:00 GMT"

static size_t prepare_and_size(const struct wafer_cookie_attributes *attributes,
                               size_t value_length, bool lasting)
{
    struct wafer_cookie_attributes prepared = *attributes;
    size_t size;
    assert_int_equal(wafer_set_cookie_prepare(&prepared), WAFER_OK);
    size = wafer_set_cookie_size(&prepared, value_length, lasting);
    wafer_set_cookie_release(&prepared);
    return size;
}

static wafer_result prepare_and_write(const struct wafer_cookie_attributes *attributes,
                                      const char *value, size_t value_length, int64_t now_s,
                                      int64_t max_age_s, char *line, size_t capacity,
                                      size_t *line_length)
{
    struct wafer_cookie_attributes prepared = *attributes;
    wafer_result result;
    assert_int_equal(wafer_set_cookie_prepare(&prepared), WAFER_OK);
    result = wafer_set_cookie_write(&prepared, value, value_length, now_s, max_age_s, line,
                                    capacity, line_length);
    wafer_set_cookie_release(&prepared);
    return result;
}

static wafer_error error;
static char line[ROOM];
static size_t line_length;

static struct wafer_cookie_attributes cookie(const char *name, const char *path, const char *domain)
{
    struct wafer_cookie_attributes attributes = {
        .name = name,
        .name_length = strlen(name),
        .path = path,
        .path_length = path != NULL ? strlen(path) : 0,
        .domain = domain,
        .domain_length = domain != NULL ? strlen(domain) : 0,
        .same_site = WAFER_SAME_SITE_UNSET,
    };
    return attributes;
}

/* Checks the attributes from memory that ends with them. The sentence must be there exactly when
 * something is wrong, and fit to print. */
static wafer_result check(struct wafer_cookie_attributes attributes)
{
    char *name = (char *)guarded_copy(attributes.name, attributes.name_length);
    char *path = NULL;
    char *domain = NULL;
    attributes.name = name;
    if (attributes.path != NULL) {
        path = (char *)guarded_copy(attributes.path, attributes.path_length);
        attributes.path = path;
    }
    if (attributes.domain != NULL) {
        domain = (char *)guarded_copy(attributes.domain, attributes.domain_length);
        attributes.domain = domain;
    }
    memset(&error, 0xA5, sizeof(error));
    error.text[0] = '\0';
    error.result = WAFER_OK;
    wafer_result result = wafer_set_cookie_check(&attributes, &error);
    assert_int_equal(wafer_set_cookie_check(&attributes, NULL), result);
    assert_int_equal(error.result, result);
    assert_int_equal(error.text[0] != '\0', result != WAFER_OK);
    if (result != WAFER_OK) { /* of neither the system nor a key file */
        assert_int_equal(error.system, 0);
        assert_int_equal(error.line, 0);
    }
    for (const char *at = error.text; *at != '\0'; at++)
        assert_in_range(*at, ' ', '~');
    guarded_free(name, attributes.name_length);
    guarded_free(path, attributes.path_length);
    guarded_free(domain, attributes.domain_length);
    return result;
}

/* Writes with a value that has no NUL behind it. */
static wafer_result write_value(const struct wafer_cookie_attributes *attributes, const char *value,
                                size_t length, int64_t now_s, int64_t max_age_s)
{
    char *copy = (char *)guarded_copy(value, length);
    memset(line, 'x', sizeof(line));
    wafer_result result = prepare_and_write(attributes, copy, length, now_s, max_age_s, line,
                                            sizeof(line), &line_length);
    assert_int_equal(strlen(line), line_length);
    assert_int_equal(line_length > 0, result == WAFER_OK);
    guarded_free(copy, length);
    return result;
}

/* ---- Reading a line back, as a browser does (RFC 6265bis 5.6) ------------------------------- */

struct part {
    const char *name;
    const char *value;
};

struct parts {
    char text[ROOM];
    size_t count;
    struct part part[16]; /* the first is the cookie's own name and value */
};

static char *trimmed(char *begin)
{
    size_t length = strlen(begin);
    while (length > 0 && (begin[length - 1] == ' ' || begin[length - 1] == '\t'))
        begin[--length] = '\0';
    return begin + strspn(begin, " \t");
}

static void read_back(const char *text, struct parts *parts)
{
    assert_true(strlen(text) < ROOM);
    for (const char *at = text; *at != '\0'; at++)
        assert_in_range(*at, ' ', '~');
    memcpy(parts->text, text, strlen(text) + 1);
    parts->count = 0;
    for (char *piece = parts->text, *next = NULL; piece != NULL; piece = next) {
        next = strchr(piece, ';');
        if (next != NULL)
            *next++ = '\0';
        char *value = strchr(piece, '=');
        if (value != NULL)
            *value++ = '\0';
        assert_true(parts->count < 16);
        parts->part[parts->count].name = trimmed(piece);
        parts->part[parts->count].value = value != NULL ? trimmed(value) : NULL;
        for (size_t i = 1; i < parts->count; i++)
            assert_int_not_equal(strcasecmp(parts->part[i].name, trimmed(piece)), 0);
        parts->count++;
    }
}

static const struct part *find_part(const struct parts *parts, const char *name)
{
    for (size_t i = 1; i < parts->count; i++)
        if (strcmp(parts->part[i].name, name) == 0)
            return &parts->part[i];
    return NULL;
}

static void assert_valued(const struct parts *parts, const char *name, const char *value)
{
    const struct part *part = find_part(parts, name);
    assert_int_equal(part != NULL, value != NULL);
    if (part != NULL) {
        assert_non_null(part->value);
        assert_string_equal(part->value, value);
    }
}

static void assert_flag(const struct parts *parts, const char *name, bool set)
{
    const struct part *part = find_part(parts, name);
    assert_int_equal(part != NULL, set);
    if (part != NULL)
        assert_null(part->value);
}

static const char *const same_sites[] = {"Lax", "Strict", "None", NULL};
static const char *const priorities[] = {NULL, "Low", "Medium", "High"};

/* The line must say what the attributes (of NUL-terminated strings) and the value say. */
static void assert_reads_back(const struct wafer_cookie_attributes *attributes, const char *value,
                              const char *max_age, const char *expires)
{
    static struct parts parts;
    read_back(line, &parts);
    assert_string_equal(parts.part[0].name, attributes->name);
    assert_string_equal(parts.part[0].value, value);
    assert_valued(&parts, "Domain", attributes->domain);
    assert_valued(&parts, "Path", attributes->path);
    assert_valued(&parts, "Max-Age", max_age);
    assert_valued(&parts, "Expires", expires);
    assert_flag(&parts, "Secure", attributes->secure);
    assert_flag(&parts, "HttpOnly", attributes->http_only);
    assert_valued(&parts, "SameSite", same_sites[attributes->same_site]);
    assert_flag(&parts, "Partitioned", attributes->partitioned);
    assert_valued(&parts, "Priority", priorities[attributes->priority]);
    assert_int_equal(parts.count, 1 + (attributes->domain != NULL) + (attributes->path != NULL) +
                                      (max_age != NULL) + (expires != NULL) + attributes->secure +
                                      attributes->http_only + attributes->partitioned +
                                      (attributes->same_site != WAFER_SAME_SITE_UNSET) +
                                      (attributes->priority != WAFER_PRIORITY_UNSET));
}

/* ---- Vectors -------------------------------------------------------------------------- */

enum outcome { ACCEPTED, REFUSED, INEXPRESSIBLE };

/* Where we do not do what the row's own suite says, and why. */
static const struct exception {
    const char *id;
    enum outcome outcome;
    const char *reason;
} exceptions[] = {
    {"sw0026", REFUSED, "']' is no token character"},
    {"sw0028", REFUSED, "'{' is no token character"},
    {"sw0029", REFUSED, "'}' is no token character"},
    {"sw0032", REFUSED, "'>' is no token character"},
    {"sw0033", REFUSED, "'?' is no token character"},
    {"sw0034", REFUSED, "'\\' is no token character"},
    {"sw0054", REFUSED, "'\"' is no cookie-octet"},
    {"sw0066", INEXPRESSIBLE, "an age is an integer"},
    {"sw0078", REFUSED, "a path begins with '/'; browsers would put their default there"},
    {"sw0092", INEXPRESSIBLE, "SameSite is one of an enumeration"},
    {"sw0095", REFUSED, "SameSite=None without Secure is dropped by browsers"},
    {"sw0135", REFUSED, "__Host- with a Domain is an error to report, not to mend in silence"},
    {"sw0236", REFUSED, "no quotes around values: clients disagree on whether they belong to it"},
    {"sw0279", REFUSED, "a path begins with '/'"},
    {"sw0281", REFUSED, "a path begins with '/'"},
    {"sw0282", REFUSED, "a path begins with '/'"},
    {"sw0284", REFUSED, "a path begins with '/'"},
    {"sw0306", INEXPRESSIBLE, "Expires goes with Max-Age and follows from it"},
    {"sw0309", REFUSED, "SameSite=None without Secure is dropped by browsers"},
    {"sw0314", REFUSED, "':' is in no domain; nothing is left out in silence"},
    {"sw0315", INEXPRESSIBLE, "Expires goes with Max-Age and follows from it"},
    {"sw0321", REFUSED, "'\"' is no cookie-octet; nothing is left out in silence"},
    {"sw0322", REFUSED, "';' is no cookie-octet; nothing is left out in silence"},
    {"sw0327", REFUSED, "';' would end the path; nothing is left out in silence"},
    {"sw0334", INEXPRESSIBLE, "Expires goes with Max-Age and follows from it"},
    {"sw0478", REFUSED, "a path begins with '/'"},
    {"sw0480", REFUSED, "a path begins with '/'"},
    {"sw0492", REFUSED, "a cookie-octet is ASCII"},
    {"sw0631", REFUSED, "SameSite=None without Secure is dropped by browsers"},
};
#define EXCEPTIONS (sizeof(exceptions) / sizeof(exceptions[0]))

/* The bytes of a string of a row, which stand there as U+0000 to U+00FF; NULL when it has none.
 * NUL-terminated in out, which has room for ROOM. */
static const char *bytes_of(json_t *input, const char *key, char *out, size_t *length)
{
    json_t *string = json_object_get(input, key);
    *length = 0;
    if (string == NULL)
        return NULL;
    const unsigned char *text = (const unsigned char *)json_string_value(string);
    const unsigned char *end = text + json_string_length(string);
    assert_true(json_string_length(string) < ROOM);
    while (text != end) {
        unsigned byte = *text++;
        if (byte >= 0x80) {
            assert_in_range(byte, 0xC2, 0xC3);
            byte = (byte & 3) << 6 | (*text++ & 0x3F);
        }
        out[(*length)++] = (char)byte;
    }
    out[*length] = '\0';
    return out;
}

/* The index of the text without regard to case, or `count`. */
static unsigned index_of(json_t *string, const char *const *texts, unsigned count)
{
    unsigned i = 0;
    const char *text = json_string_value(string);
    while (i < count && (texts[i] == NULL || strcasecmp(text, texts[i]) != 0))
        i++;
    return i;
}

struct row {
    struct wafer_cookie_attributes attributes;
    char name[ROOM];
    char path[ROOM];
    char domain[ROOM];
    char value[ROOM];
    size_t value_length;
    int64_t now_s;
    int64_t max_age_s;
};

/* False when the row asks for what our arguments cannot say. */
static bool read_row(json_t *input, struct row *row)
{
    struct wafer_cookie_attributes *attributes = &row->attributes;
    memset(row, 0, sizeof(*row));
    attributes->name = bytes_of(input, "name", row->name, &attributes->name_length);
    attributes->path = bytes_of(input, "path", row->path, &attributes->path_length);
    attributes->domain = bytes_of(input, "domain", row->domain, &attributes->domain_length);
    assert_non_null(bytes_of(input, "value", row->value, &row->value_length));
    attributes->secure = json_is_true(json_object_get(input, "secure"));
    attributes->http_only = json_is_true(json_object_get(input, "httponly"));
    attributes->partitioned = json_is_true(json_object_get(input, "partitioned"));
    json_t *same_site = json_object_get(input, "samesite");
    json_t *priority = json_object_get(input, "priority");
    json_t *max_age = json_object_get(input, "max_age");
    json_t *expires = json_object_get(input, "expires_unix");
    unsigned site = same_site != NULL ? index_of(same_site, same_sites, 4) : WAFER_SAME_SITE_UNSET;
    unsigned rank = priority != NULL ? index_of(priority, priorities, 4) : WAFER_PRIORITY_UNSET;
    bool known = (same_site == NULL || site < 4) && rank < 4;
    attributes->same_site = (wafer_same_site)site;
    attributes->priority = (wafer_priority)rank;
    row->max_age_s = max_age != NULL ? (int64_t)json_integer_value(max_age) : -1;
    row->now_s = NOW;
    if (expires != NULL)
        row->now_s = (int64_t)json_number_value(expires) - row->max_age_s;
    return known && (max_age == NULL || json_is_integer(max_age)) &&
           (expires == NULL || max_age != NULL);
}

static enum outcome try_row(json_t *input, const char *output)
{
    static struct row row;
    if (!read_row(input, &row))
        return INEXPRESSIBLE;
    wafer_result result = check(row.attributes);
    if (result == WAFER_OK) {
        result = write_value(&row.attributes, row.value, row.value_length, row.now_s,
                             row.max_age_s);
    }
    if (result != WAFER_OK) {
        assert_true(result == WAFER_INVALID || result == WAFER_TOO_LARGE);
        return REFUSED;
    }
    if (output != NULL) {
        assert_int_equal(strcspn(output, ";"), strcspn(line, ";"));
        assert_memory_equal(output, line, strcspn(line, ";"));
    }
    char age[24];
    char date[WAFER_IMF_LENGTH + 1] = EPOCH;
    (void)snprintf(age, sizeof(age), "%" PRId64, row.max_age_s);
    if (row.max_age_s > 0)
        assert_true(wafer_imf_date(row.now_s + row.max_age_s, date));
    assert_reads_back(&row.attributes, row.value, row.max_age_s >= 0 ? age : NULL,
                      row.max_age_s >= 0 ? date : NULL);
    return ACCEPTED;
}

static const struct exception *find_exception(const char *id, bool met[EXCEPTIONS])
{
    for (size_t i = 0; i < EXCEPTIONS; i++) {
        if (strcmp(id, exceptions[i].id) == 0) {
            met[i] = true;
            return &exceptions[i];
        }
    }
    return NULL;
}

/* What the suites together say of the rows. */
struct tally {
    bool met[EXCEPTIONS];
    unsigned accepting; /* rows that their suite accepts */
    unsigned strangers; /* of these, not accepted by us and not in the table */
};

/* A row to be rejected must be; one in the table must come out as it says there. Of other rows that
 * a suite accepts or mends, those that we refuse are named. */
static void judge_row(json_t *json, struct tally *tally)
{
    const char *id = json_string_value(json_object_get(json, "id"));
    const char *verdict = json_string_value(json_object_get(json, "verdict"));
    const char *output = json_string_value(json_object_get(json, "output"));
    const struct exception *exception = find_exception(id, tally->met);
    enum outcome outcome = try_row(json_object_get(json, "input"), output);
    bool rejects = strcmp(verdict, "reject") == 0;
    if (exception != NULL) {
        if (outcome != exception->outcome)
            fail_msg("%s: outcome %d, not %d", id, (int)outcome, (int)exception->outcome);
    } else if (rejects) {
        if (outcome == ACCEPTED)
            fail_msg("%s: accepted", id);
    } else if (outcome != ACCEPTED) {
        print_message("%s: refused, though its suite does not\n", id);
        tally->strangers++;
    }
    tally->accepting += !rejects;
}

static void every_conformance_row_has_its_outcome(void **state)
{
    (void)state;
    FILE *file = conformance_file("set_cookie_write.jsonl");
    struct tally tally = {.accepting = 0};
    char *text = NULL;
    size_t capacity = 0;
    ssize_t length;
    unsigned met = 0;
    while ((length = getline(&text, &capacity, file)) > 0) {
        json_t *json = json_loadb(text, (size_t)length, JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        judge_row(json, &tally);
        json_decref(json);
    }
    for (size_t i = 0; i < EXCEPTIONS; i++)
        met += tally.met[i];
    /* All of the table belongs to one set of rows; another set has none of it. */
    assert_true(met == 0 || met == EXCEPTIONS);
    assert_true(tally.accepting > 0 && tally.strangers * 3 <= tally.accepting);
    free(text);
    assert_int_equal(fclose(file), 0);
}

static void a_full_line_has_the_documented_order(void **state)
{
    (void)state;
    struct wafer_cookie_attributes full = cookie("a", "/b", "example.com");
    full.secure = full.http_only = full.partitioned = true;
    full.same_site = WAFER_SAME_SITE_NONE;
    full.priority = WAFER_PRIORITY_HIGH;
    assert_int_equal(check(full), WAFER_OK);
    assert_int_equal(write_value(&full, "v", 1, NOW - 60, 60), WAFER_OK);
    assert_string_equal(line, "a=v; Domain=example.com; Path=/b; Max-Age=60; "
                              "Expires=Sun, 06 Nov 1994 08:49:37 GMT; Secure; HttpOnly; "
                              "SameSite=None; Partitioned; Priority=High");
}

/* ---- Every combination ------------------------------------------------------------------ */

#define COMBINATIONS (2 * 2 * 2 * 4 * 4 * 3 * 2)

static struct wafer_cookie_attributes combination(unsigned number)
{
    static const char *const paths[] = {NULL, "/", "/app/x y"};
    struct wafer_cookie_attributes attributes = cookie("name", paths[number % 3],
                                                       number / 3 % 2 == 1 ? ".example.com" : NULL);
    number /= 6;
    attributes.same_site = (wafer_same_site)(number % 4);
    attributes.priority = (wafer_priority)(number / 4 % 4);
    attributes.secure = number / 16 % 2 == 1;
    attributes.http_only = number / 32 % 2 == 1;
    attributes.partitioned = number / 64 % 2 == 1;
    return attributes;
}

static bool is_allowed(const struct wafer_cookie_attributes *attributes)
{
    return attributes->secure ||
           (!attributes->partitioned && attributes->same_site != WAFER_SAME_SITE_NONE);
}

static void every_combination_is_written_into_its_exact_capacity(void **state)
{
    (void)state;
    static const char *const ages[] = {NULL, "0", "60", "34560000"};
    static const char *const dates[] = {NULL, EPOCH, "Sun, 06 Nov 1994 08:50:37 GMT",
                                        "Mon, 11 Dec 1995 08:49:37 GMT"};
    char *memory = (char *)guarded(ROOM);
    for (unsigned number = 0; number < COMBINATIONS * 4; number++) {
        struct wafer_cookie_attributes attributes = combination(number / 4);
        const char *age = ages[number % 4];
        int64_t max_age_s = age != NULL ? strtoll(age, NULL, 10) : -1;
        size_t size = prepare_and_size(&attributes, 5, age != NULL);
        assert_int_equal(check(attributes) == WAFER_OK, is_allowed(&attributes));
        if (!is_allowed(&attributes))
            continue;
        assert_int_equal(write_value(&attributes, "value", 5, NOW, max_age_s), WAFER_OK);
        assert_reads_back(&attributes, "value", age, dates[number % 4]);
        assert_int_equal(size - line_length, age == NULL ? 0 : 8 - strlen(age));

        size_t written = 1;
        char *exact = memory + ROOM - (line_length + 1);
        assert_int_equal(prepare_and_write(&attributes, "value", 5, NOW, max_age_s, exact,
                                           line_length + 1, &written),
                         WAFER_OK);
        assert_int_equal(written, line_length);
        assert_string_equal(exact, line);
        assert_int_equal(prepare_and_write(&attributes, "value", 5, NOW, max_age_s, exact + 1,
                                           line_length, &written),
                         WAFER_TOO_LARGE);
        assert_int_equal(written, 0);
        assert_int_equal(exact[1], '\0');
    }
    guarded_free(memory, ROOM);
}

static void a_deletion_differs_from_the_setting_in_age_and_value_only(void **state)
{
    (void)state;
    static struct parts setting;
    static struct parts deletion;
    for (unsigned number = 0; number < COMBINATIONS; number++) {
        struct wafer_cookie_attributes attributes = combination(number);
        if (!is_allowed(&attributes))
            continue;
        assert_int_equal(write_value(&attributes, "value", 5, NOW, 60), WAFER_OK);
        read_back(line, &setting);
        assert_int_equal(write_value(&attributes, "", 0, NOW, 0), WAFER_OK);
        read_back(line, &deletion);
        assert_int_equal(setting.count, deletion.count);
        assert_string_equal(setting.part[0].name, deletion.part[0].name);
        assert_string_equal(deletion.part[0].value, "");
        assert_valued(&deletion, "Max-Age", "0");
        assert_valued(&deletion, "Expires", EPOCH);
        for (size_t i = 1; i < setting.count; i++) {
            const struct part *part = &setting.part[i];
            if (strcmp(part->name, "Max-Age") == 0 || strcmp(part->name, "Expires") == 0)
                continue;
            if (part->value != NULL)
                assert_valued(&deletion, part->name, part->value);
            else
                assert_flag(&deletion, part->name, true);
        }
    }
}

/* ---- Every byte ----------------------------------------------------------------------------- */

static void every_byte_is_allowed_or_refused_in_every_place(void **state)
{
    (void)state;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    for (int byte = 0; byte < 256; byte++) {
        bool letter = byte != 0 && strchr(letters, byte) != NULL;
        bool visible = byte >= 0x21 && byte <= 0x7E;
        bool token = visible && strchr("\"(),/:;<=>?@[\\]{}", byte) == NULL;
        bool octet = visible && strchr("\",;\\", byte) == NULL;
        bool in_path = (visible || byte == ' ') && byte != ';';
        for (int place = 0; place < 3; place++) {
            char text[] = "/abc";
            struct wafer_cookie_attributes attributes = cookie("abc", NULL, NULL);
            text[1 + place] = (char)byte;
            assert_int_equal(write_value(&attributes, text + 1, 3, NOW, -1),
                             octet ? WAFER_OK : WAFER_INVALID);
            attributes.name = text + 1;
            assert_int_equal(check(attributes), token ? WAFER_OK : WAFER_INVALID);
            attributes.name = "abc";
            attributes.path = text;
            attributes.path_length = 4;
            assert_int_equal(check(attributes),
                             in_path && !(byte == ' ' && place == 2) ? WAFER_OK : WAFER_INVALID);
            attributes.path = NULL;
            attributes.domain = text + 1;
            attributes.domain_length = 3;
            bool in_domain = letter || (byte == '-' && place == 1) || (byte == '.' && place < 2);
            assert_int_equal(check(attributes), in_domain ? WAFER_OK : WAFER_INVALID);
        }
    }
}

/* Values are looked at in pieces, whose ends and neighbours must not hide a byte. */
static void one_wrong_byte_is_refused_wherever_it_stands_in_a_value_of_any_length(void **state)
{
    (void)state;
    struct wafer_cookie_attributes attributes = cookie("a", NULL, NULL);
    for (size_t length = 1; length <= 50; length++) {
        char value[50];
        memset(value, '~', length);
        assert_int_equal(write_value(&attributes, value, length, NOW, -1), WAFER_OK);
        for (size_t place = 0; place < length; place++) {
            value[place] = place % 2 == 0 ? ' ' : ';';
            assert_int_equal(write_value(&attributes, value, length, NOW, -1), WAFER_INVALID);
            value[place] = '~';
        }
    }
}

/* ---- Limits --------------------------------------------------------------------------------- */

static void name_and_value_together_have_4096_bytes(void **state)
{
    (void)state;
    static char long_text[4097];
    struct wafer_cookie_attributes attributes = cookie("name", NULL, NULL);
    memset(long_text, 'a', sizeof(long_text));
    assert_int_equal(write_value(&attributes, long_text, 4092, NOW, -1), WAFER_OK);
    assert_int_equal(line_length, 4097);
    assert_int_equal(prepare_and_size(&attributes, 4092, false), 4097);
    assert_int_equal(write_value(&attributes, long_text, 4093, NOW, -1), WAFER_TOO_LARGE);
    assert_int_equal(write_value(&attributes, long_text, 4097, NOW, -1), WAFER_TOO_LARGE);
    /* A length that would wrap around is refused before the value is read. */
    assert_int_equal(prepare_and_write(&attributes, long_text, SIZE_MAX, NOW, -1, line,
                                       sizeof(line), &line_length),
                     WAFER_TOO_LARGE);
    attributes.name = long_text;
    attributes.name_length = 4096;
    assert_int_equal(check(attributes), WAFER_OK);
    assert_int_equal(write_value(&attributes, "", 0, NOW, -1), WAFER_OK);
    assert_int_equal(write_value(&attributes, "a", 1, NOW, -1), WAFER_TOO_LARGE);
    attributes.name_length = 4097;
    assert_int_equal(check(attributes), WAFER_TOO_LARGE);
}

static void a_path_has_1024_bytes(void **state)
{
    (void)state;
    static char path[1025];
    struct wafer_cookie_attributes attributes = cookie("a", "", NULL);
    memset(path, '/', sizeof(path));
    attributes.path = path;
    attributes.path_length = 1024;
    assert_int_equal(check(attributes), WAFER_OK);
    attributes.path_length = 1025;
    assert_int_equal(check(attributes), WAFER_TOO_LARGE);
}

static void a_domain_has_255_bytes_and_a_label_63(void **state)
{
    (void)state;
    char domain[257];
    struct wafer_cookie_attributes attributes = cookie("a", NULL, "");
    attributes.domain = domain;
    for (size_t i = 0; i < sizeof(domain); i++)
        domain[i] = i % 64 == 63 ? '.' : 'a';
    attributes.domain_length = 255;
    assert_int_equal(check(attributes), WAFER_OK);
    attributes.domain_length = 257;
    assert_int_equal(check(attributes), WAFER_TOO_LARGE);
    memset(domain, 'a', sizeof(domain));
    attributes.domain_length = 63;
    assert_int_equal(check(attributes), WAFER_OK);
    attributes.domain_length = 64;
    assert_int_equal(check(attributes), WAFER_TOO_LARGE);
    /* The dot in front counts. */
    for (size_t i = 0; i < sizeof(domain); i++)
        domain[i] = i % 50 == 0 ? '.' : 'a';
    attributes.domain_length = 255;
    assert_int_equal(check(attributes), WAFER_OK);
    attributes.domain_length = 256;
    assert_int_equal(check(attributes), WAFER_TOO_LARGE);
}

static void no_capacity_at_all_is_too_large(void **state)
{
    (void)state;
    struct wafer_cookie_attributes attributes = cookie("a", NULL, NULL);
    size_t written = 1;
    char one = 'x';
    assert_int_equal(prepare_and_write(&attributes, "", 0, NOW, -1, NULL, 0, &written),
                     WAFER_TOO_LARGE);
    assert_int_equal(written, 0);
    assert_int_equal(prepare_and_write(&attributes, "", 0, NOW, -1, &one, 1, &written),
                     WAFER_TOO_LARGE);
    assert_int_equal(one, '\0');
}

/* ---- Rules, one by one ---------------------------------------------------------------------- */

static void domains_are_host_names_with_one_dot_in_front_at_most(void **state)
{
    (void)state;
    static const char *const good[] = {"example.com", ".example.com", "localhost",
                                       "a-b.c--d",    "127.0.0.1",    "xn--bcher-kva.example",
                                       "1",           "EXAMPLE"};
    static const char *const bad[] = {"",      ".",    "..",  "..a",  "a.",   ".a.",
                                      "a..b",  "-a",   "a-",  "a.-b", "a-.b", "a b",
                                      "[::1]", "a:80", "a/b", "a;b",  "a_b",  "*.a"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(check(cookie("a", NULL, good[i])), WAFER_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(check(cookie("a", NULL, bad[i])), WAFER_INVALID);
}

static void paths_begin_with_a_slash(void **state)
{
    (void)state;
    assert_int_equal(check(cookie("a", "/", NULL)), WAFER_OK);
    assert_int_equal(check(cookie("a", "/a,b=\"c\" d", NULL)), WAFER_OK);
    assert_int_equal(check(cookie("a", "", NULL)), WAFER_INVALID);
    assert_int_equal(check(cookie("a", "a/", NULL)), WAFER_INVALID);
    assert_int_equal(check(cookie("a", " /", NULL)), WAFER_INVALID);
    assert_int_equal(check(cookie("a", "/a ", NULL)), WAFER_INVALID);
}

static void an_empty_name_is_refused(void **state)
{
    (void)state;
    assert_int_equal(check(cookie("", "/", NULL)), WAFER_INVALID);
}

/* What a name needs: "s" Secure, "h" HttpOnly, "l" no Domain and Path=/. */
static void assert_needs(const char *name, const char *needs)
{
    static const char *const paths[] = {NULL, "/", "/x"};
    for (unsigned bits = 0; bits < 24; bits++) {
        struct wafer_cookie_attributes attributes = cookie(name, paths[bits % 3],
                                                           bits / 12 == 1 ? "example.com" : NULL);
        attributes.secure = bits / 3 % 2 == 1;
        attributes.http_only = bits / 6 % 2 == 1;
        bool good = (strchr(needs, 's') == NULL || attributes.secure) &&
                    (strchr(needs, 'h') == NULL || attributes.http_only) &&
                    (strchr(needs, 'l') == NULL || (bits / 12 == 0 && bits % 3 == 1));
        assert_int_equal(check(attributes), good ? WAFER_OK : WAFER_INVALID);
    }
}

static void a_prefix_needs_what_browsers_demand_of_it_in_any_case(void **state)
{
    (void)state;
    assert_needs("__Host-a", "sl");
    assert_needs("__hOSt-", "sl");
    assert_needs("__HOST-HTTP-a", "slh");
    assert_needs("__Host-Http-", "slh");
    assert_needs("__Http-a", "sh");
    assert_needs("__hTTP-a", "sh");
    assert_needs("__Secure-a", "s");
    assert_needs("__sEcUrE-", "s");
    assert_needs("__Host", "");
    assert_needs("_Host-a", "");
    assert_needs("a__Host-a", "");
    assert_needs("__Securea-", "");
}

static void values_outside_the_enumerations_are_refused(void **state)
{
    (void)state;
    struct wafer_cookie_attributes attributes = cookie("a", "/", NULL);
    attributes.same_site = (wafer_same_site)(WAFER_SAME_SITE_UNSET + 1);
    assert_int_equal(check(attributes), WAFER_INVALID);
    attributes.same_site = WAFER_SAME_SITE_LAX;
    attributes.priority = (wafer_priority)(WAFER_PRIORITY_HIGH + 1);
    assert_int_equal(check(attributes), WAFER_INVALID);
}

static void a_sentence_names_what_is_wrong_and_how_to_mend_it(void **state)
{
    (void)state;
    assert_int_equal(check(cookie("__host-a", "/", NULL)), WAFER_INVALID);
    assert_string_equal(error.text, "a name that begins with \"__Host-\" needs secure: "
                                    "set that or choose another name");
    assert_int_equal(check(cookie("a;b", NULL, NULL)), WAFER_INVALID);
    assert_string_equal(error.text, "the name must not hold ';': "
                                    "use letters, digits and !#$%&'*+-.^_`|~");
    assert_int_equal(check(cookie("a", "/\x80", NULL)), WAFER_INVALID);
    assert_string_equal(error.text, "the path must not hold the byte \\x80: "
                                    "percent-encode it as in URLs");
    assert_int_equal(check(cookie("a", NULL, "a\r\nb")), WAFER_INVALID);
    assert_non_null(strstr(error.text, "the domain must not hold the byte \\x0D"));
    struct wafer_cookie_attributes attributes = cookie("a", "/", NULL);
    attributes.same_site = WAFER_SAME_SITE_NONE;
    assert_int_equal(check(attributes), WAFER_INVALID);
    assert_string_equal(error.text, "WAFER_SAME_SITE_NONE needs secure");
}

/* ---- Age ------------------------------------------------------------------------------------ */

static void an_age_is_cut_to_400_days_and_the_date_follows_it(void **state)
{
    (void)state;
    static const struct {
        int64_t max_age_s;
        const char *tail;
    } rows[] = {
        {INT64_MIN, ""},
        {-1, ""},
        {0, "; Max-Age=0; Expires=" EPOCH},
        {1, "; Max-Age=1; Expires=Sun, 06 Nov 1994 08:49:38 GMT"},
        {10, "; Max-Age=10; Expires=Sun, 06 Nov 1994 08:49:47 GMT"},
        {34559999, "; Max-Age=34559999; Expires=Mon, 11 Dec 1995 08:49:36 GMT"},
        {34560000, "; Max-Age=34560000; Expires=Mon, 11 Dec 1995 08:49:37 GMT"},
        {34560001, "; Max-Age=34560000; Expires=Mon, 11 Dec 1995 08:49:37 GMT"},
        {INT64_MAX, "; Max-Age=34560000; Expires=Mon, 11 Dec 1995 08:49:37 GMT"},
    };
    struct wafer_cookie_attributes attributes = cookie("a", NULL, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(write_value(&attributes, "v", 1, NOW, rows[i].max_age_s), WAFER_OK);
        assert_memory_equal(line, "a=v", 3);
        assert_string_equal(line + 3, rows[i].tail);
    }
}

static void a_clock_beyond_the_calendar_writes_no_line_but_a_deletion(void **state)
{
    (void)state;
    static const int64_t clocks[] = {INT64_MAX, INT64_MAX - 59, INT64_MIN, INT64_C(253402300740)};
    struct wafer_cookie_attributes attributes = cookie("a", NULL, NULL);
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        assert_int_equal(write_value(&attributes, "v", 1, clocks[i], 60), WAFER_INVALID);
        assert_int_equal(write_value(&attributes, "v", 1, clocks[i], -1), WAFER_OK);
        assert_int_equal(write_value(&attributes, "v", 1, clocks[i], 0), WAFER_OK);
        assert_string_equal(line, "a=v; Max-Age=0; Expires=" EPOCH);
    }
    assert_int_equal(write_value(&attributes, "v", 1, INT64_C(253402300739), 60), WAFER_OK);
    assert_non_null(strstr(line, "Expires=Fri, 31 Dec 9999 23:59:59 GMT"));
}

static void an_empty_value_may_be_null(void **state)
{
    (void)state;
    struct wafer_cookie_attributes attributes = cookie("a", "/", NULL);
    assert_int_equal(prepare_and_write(&attributes, NULL, 0, NOW, -1, line, sizeof(line),
                                       &line_length),
                     WAFER_OK);
    assert_string_equal(line, "a=; Path=/");
}

static void a_value_may_stand_in_its_place_already(void **state)
{
    (void)state;
    struct wafer_cookie_attributes attributes = cookie("name", "/", NULL);
    memset(line, 'x', sizeof(line));
    memcpy(line + 5, "value", 5);
    assert_int_equal(prepare_and_write(&attributes, line + 5, 5, NOW, -1, line, sizeof(line),
                                       &line_length),
                     WAFER_OK);
    assert_string_equal(line, "name=value; Path=/");
}

/* ---- Properties ----------------------------------------------------------------------------- */

/* Fills text (room for 13) with bytes of the alphabet and now and then any byte. */
static size_t random_text(char *text, const char *alphabet)
{
    size_t length = (size_t)random_below(12);
    for (size_t i = 0; i < length; i++) {
        text[i] = random_below(32) == 0 ? (char)random_below(256)
                                        : alphabet[random_below(strlen(alphabet))];
    }
    text[length] = '\0';
    return length;
}

static void whatever_is_accepted_reads_back_as_it_was(void **state)
{
    (void)state;
    unsigned accepted = 0;
    unsigned refused = 0;
    for (unsigned round = 0; round < 4000; round++) {
        char name[13];
        char value[13];
        char path[14] = "/";
        char domain[13];
        unsigned number = (unsigned)random_below(COMBINATIONS);
        struct wafer_cookie_attributes attributes = combination(number);
        attributes.name = name;
        attributes.name_length = random_text(name, "abZ09!~|_-");
        size_t value_length = random_text(value, "abZ09=/+-_&:[");
        if (attributes.path != NULL) {
            attributes.path = path;
            attributes.path_length = 1 + random_text(path + 1, "ab/=,\" %");
        }
        if (attributes.domain != NULL) {
            attributes.domain = domain;
            attributes.domain_length = random_text(domain, "abcdefghij0123456789ab-.");
        }
        if (check(attributes) == WAFER_OK &&
            write_value(&attributes, value, value_length, NOW, -1) == WAFER_OK) {
            assert_int_equal(prepare_and_size(&attributes, value_length, false), line_length);
            assert_reads_back(&attributes, value, NULL, NULL);
            accepted++;
        } else {
            refused++;
        }
    }
    assert_true(accepted > 400);
    assert_true(refused > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_conformance_row_has_its_outcome),
        cmocka_unit_test(a_full_line_has_the_documented_order),
        cmocka_unit_test(every_combination_is_written_into_its_exact_capacity),
        cmocka_unit_test(a_deletion_differs_from_the_setting_in_age_and_value_only),
        cmocka_unit_test(every_byte_is_allowed_or_refused_in_every_place),
        cmocka_unit_test(one_wrong_byte_is_refused_wherever_it_stands_in_a_value_of_any_length),
        cmocka_unit_test(name_and_value_together_have_4096_bytes),
        cmocka_unit_test(a_path_has_1024_bytes),
        cmocka_unit_test(a_domain_has_255_bytes_and_a_label_63),
        cmocka_unit_test(no_capacity_at_all_is_too_large),
        cmocka_unit_test(domains_are_host_names_with_one_dot_in_front_at_most),
        cmocka_unit_test(paths_begin_with_a_slash),
        cmocka_unit_test(an_empty_name_is_refused),
        cmocka_unit_test(a_prefix_needs_what_browsers_demand_of_it_in_any_case),
        cmocka_unit_test(values_outside_the_enumerations_are_refused),
        cmocka_unit_test(a_sentence_names_what_is_wrong_and_how_to_mend_it),
        cmocka_unit_test(an_age_is_cut_to_400_days_and_the_date_follows_it),
        cmocka_unit_test(a_clock_beyond_the_calendar_writes_no_line_but_a_deletion),
        cmocka_unit_test(an_empty_value_may_be_null),
        cmocka_unit_test(a_value_may_stand_in_its_place_already),
        cmocka_unit_test(whatever_is_accepted_reads_back_as_it_was),
    };
    seed_random();
    return cmocka_run_group_tests_name("set_cookie", tests, NULL, NULL);
}
