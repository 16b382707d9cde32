#include "keyfile.h"

#include "calendar.h"
#include "error.h"
#include "hash.h"
#include "nonce.h"

#include <sodium.h>
#include <string.h>

/* Longer than any key line with some room between its fields; comments are to be wrapped. */
#define LINE_MAX_BYTES 1024

enum field_index { VERSION, ID, KEY, CREATED, SEALS_FROM, OPENS_UNTIL, FIELD_COUNT };

struct field {
    const char *text;
    size_t length;
};

void wafer_key_id(const uint8_t secret[WAFER_KEY_SIZE], uint8_t id[WAFER_KEY_ID_SIZE])
{
    static const char label[] = "wafer key id 1";
    const struct wafer_part part = {label, sizeof label - 1};
    uint8_t hash[32];

    wafer_hash(secret, &part, 1, hash, sizeof hash);
    memcpy(id, hash, WAFER_KEY_ID_SIZE);
    sodium_memzero(hash, sizeof hash);
}

bool wafer_key_opens(const struct wafer_key *key, int64_t now_ms)
{
    return now_ms < key->opens_until_ms;
}

const struct wafer_key *wafer_keys_sealing(const struct wafer_keys *keys, int64_t now_ms)
{
    const struct wafer_key *sealing = NULL;

    for (size_t i = 0; i < keys->count; i++) {
        const struct wafer_key *key = &keys->key[i];

        if (wafer_key_opens(key, now_ms) && key->seals_from_ms <= now_ms &&
            (sealing == NULL || key->seals_from_ms >= sealing->seals_from_ms))
            sealing = key;
    }
    return sealing;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

/* Splits a line at blanks and returns how many fields it has; those beyond FIELD_COUNT are only
 * counted. */
static size_t split(const char *line, size_t length, struct field field[FIELD_COUNT])
{
    size_t count = 0;
    size_t at = 0;

    for (;;) {
        size_t start;

        while (at < length && is_blank(line[at]))
            at++;
        if (at == length)
            return count;
        start = at;
        while (at < length && !is_blank(line[at]))
            at++;
        if (count < FIELD_COUNT) {
            field[count].text = line + start;
            field[count].length = at - start;
        }
        count++;
    }
}

static bool equals(const struct field *field, const char *text)
{
    return field->length == strlen(text) && strncmp(field->text, text, field->length) == 0;
}

static bool read_hex(const struct field *field, uint8_t *out, size_t size)
{
    return field->length == 2 * size &&
           sodium_hex2bin(out, size, field->text, field->length, NULL, NULL, NULL) == 0;
}

static bool read_time(const struct field *field, int64_t *time_ms)
{
    int64_t seconds;

    if (!wafer_rfc3339_parse(field->text, field->length, &seconds) || seconds < 0)
        return false;
    *time_ms = seconds * 1000;
    return true;
}

/* The two below return what is wrong, or NULL. Constant words, so that no key can get into them. */
static const char *read_secret(const struct field field[FIELD_COUNT], struct wafer_key *key)
{
    uint8_t id[WAFER_KEY_ID_SIZE];

    if (!read_hex(&field[ID], key->id, sizeof key->id))
        return "the id is not six hex digits";
    if (!read_hex(&field[KEY], key->secret, sizeof key->secret))
        return "the key is not 64 hex digits";
    if (sodium_is_zero(key->secret, sizeof key->secret))
        return "the key is all zeros";
    wafer_key_id(key->secret, id);
    if (sodium_memcmp(id, key->id, sizeof id) != 0)
        return "the id does not belong to the key";
    return NULL;
}

static const char *read_times(const struct field field[FIELD_COUNT], struct wafer_key *key)
{
    if (!read_time(&field[CREATED], &key->created_ms))
        return "the time of creation is not like 2026-01-31T12:00:00Z";
    if (!read_time(&field[SEALS_FROM], &key->seals_from_ms))
        return "the time it seals from is not like 2026-01-31T12:00:00Z";
    if (equals(&field[OPENS_UNTIL], "never"))
        key->opens_until_ms = WAFER_KEY_NEVER;
    else if (!read_time(&field[OPENS_UNTIL], &key->opens_until_ms))
        return "the time it opens until is neither like 2026-01-31T12:00:00Z nor \"never\"";
    if (key->created_ms > key->opens_until_ms)
        return "the key opens no more before it is created";
    if (key->seals_from_ms >= key->opens_until_ms)
        return "the key opens no more before it seals";
    return NULL;
}

static const char *read_key(const struct field field[FIELD_COUNT], size_t count,
                            struct wafer_key *key)
{
    const char *reason;

    /* Before the count: another version may have other fields. */
    if (!equals(&field[VERSION], "1"))
        return "the version is not 1, so this library cannot read it";
    if (count != FIELD_COUNT) {
        return count < FIELD_COUNT ? "fields are missing: 1 ID KEY CREATED SEALS-FROM OPENS-UNTIL"
                                   : "too many fields: 1 ID KEY CREATED SEALS-FROM OPENS-UNTIL";
    }
    reason = read_secret(field, key);
    return reason != NULL ? reason : read_times(field, key);
}

static wafer_result refuse(wafer_error *error, unsigned line, const char *reason)
{
    return wafer_fail(error, WAFER_INVALID, 0, line, "line %u: %s", line, reason);
}

static wafer_result check_unique(const struct wafer_keys *keys, const struct wafer_key *key,
                                 wafer_error *error)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct wafer_key *other = &keys->key[i];

        if (sodium_memcmp(other->secret, key->secret, sizeof key->secret) == 0) {
            return wafer_fail(error, WAFER_INVALID, 0, key->line,
                              "line %u: the key of line %u once more", key->line, other->line);
        }
        if (sodium_memcmp(other->id, key->id, sizeof key->id) == 0) {
            return wafer_fail(error, WAFER_INVALID, 0, key->line,
                              "line %u: another key with the id of line %u; generate a new one",
                              key->line, other->line);
        }
    }
    return WAFER_OK;
}

static wafer_result parse_line(const char *line, size_t length, unsigned number,
                               struct wafer_keys *keys, wafer_error *error)
{
    struct field field[FIELD_COUNT];
    struct wafer_key *key;
    const char *reason;
    size_t count;

    if (length > LINE_MAX_BYTES) {
        return wafer_fail(error, WAFER_INVALID, 0, number, "line %u: longer than %d bytes", number,
                          LINE_MAX_BYTES);
    }
    if (memchr(line, '\0', length) != NULL)
        return refuse(error, number, "there is a NUL byte, so this is no text");
    if (memchr(line, '\r', length) != NULL)
        return refuse(error, number, "there is a carriage return; lines end in a newline alone");
    count = split(line, length, field);
    if (count == 0 || field[0].text[0] == '#')
        return WAFER_OK;
    if (keys->count == WAFER_KEYS_MAX) {
        return wafer_fail(error, WAFER_TOO_LARGE, 0, number, "line %u: more than %d keys", number,
                          WAFER_KEYS_MAX);
    }
    key = &keys->key[keys->count];
    key->line = number;
    reason = read_key(field, count, key);
    if (reason != NULL)
        return refuse(error, number, reason);
    if (check_unique(keys, key, error) != WAFER_OK)
        return WAFER_INVALID;
    keys->count++;
    return WAFER_OK;
}

/* Some key must seal now, or the first response to need a cookie would fail. */
static wafer_result check_sealing(const struct wafer_keys *keys, int64_t now_ms, wafer_error *error)
{
    char date[WAFER_RFC3339_LENGTH + 1] = "";
    const struct wafer_key *next = NULL;

    if (keys->count == 0)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "there is no key");
    if (wafer_keys_sealing(keys, now_ms) != NULL)
        return WAFER_OK;
    for (size_t i = 0; i < keys->count; i++) {
        const struct wafer_key *key = &keys->key[i];

        if (wafer_key_opens(key, now_ms) &&
            (next == NULL || key->seals_from_ms < next->seals_from_ms))
            next = key;
    }
    if (next == NULL)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "no key seals now: all have expired");
    (void)wafer_rfc3339(next->seals_from_ms / 1000, date);
    return wafer_fail(error, WAFER_INVALID, 0, 0, "no key seals now: that of line %u seals from %s",
                      next->line, date);
}

wafer_result wafer_keys_parse(const char *text, size_t length, int64_t now_ms,
                              struct wafer_keys *keys, wafer_error *error)
{
    wafer_result result = WAFER_OK;
    size_t at = 0;
    unsigned number = 1;

    sodium_memzero(keys, sizeof *keys);
    if (length > WAFER_KEYFILE_MAX) {
        return wafer_fail(error, WAFER_TOO_LARGE, 0, 0, "the keys are more than %d bytes of text",
                          WAFER_KEYFILE_MAX);
    }
    while (at < length && result == WAFER_OK) {
        const char *newline = memchr(text + at, '\n', length - at);
        size_t line_length = newline != NULL ? (size_t)(newline - text) - at : length - at;

        result = parse_line(text + at, line_length, number, keys, error);
        at += line_length + 1;
        number++;
    }
    if (result == WAFER_OK)
        result = check_sealing(keys, now_ms, error);
    if (result != WAFER_OK)
        sodium_memzero(keys, sizeof *keys);
    return result;
}

/* Writes the time, which is in the years 1970 to 9999, and returns where the text goes on. */
static char *write_time(char *out, int64_t time_ms)
{
    if (time_ms == WAFER_KEY_NEVER) {
        memcpy(out, "never", sizeof "never");
        return out + sizeof "never" - 1;
    }
    (void)wafer_rfc3339(time_ms / 1000, out);
    return out + WAFER_RFC3339_LENGTH;
}

void wafer_key_format(const struct wafer_key *key, char line[WAFER_KEYS_LINE_MAX])
{
    char *out = line;

    *out++ = '1';
    *out++ = ' ';
    (void)sodium_bin2hex(out, 2 * sizeof key->id + 1, key->id, sizeof key->id);
    out += 2 * sizeof key->id;
    *out++ = ' ';
    (void)sodium_bin2hex(out, 2 * sizeof key->secret + 1, key->secret, sizeof key->secret);
    out += 2 * sizeof key->secret;
    *out++ = ' ';
    out = write_time(out, key->created_ms);
    *out++ = ' ';
    out = write_time(out, key->seals_from_ms);
    *out++ = ' ';
    out = write_time(out, key->opens_until_ms);
    *out++ = '\n';
    *out = '\0';
}

bool wafer_key_generate(struct wafer_key *key, int64_t created_ms, int64_t seals_from_ms,
                        int64_t opens_until_ms)
{
    if (!wafer_random(key->secret, sizeof key->secret))
        return false;
    wafer_key_id(key->secret, key->id);
    key->created_ms = created_ms;
    key->seals_from_ms = seals_from_ms;
    key->opens_until_ms = opens_until_ms;
    key->line = 0;
    return true;
}
