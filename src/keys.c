/* Work on key files, for operators: create, rotate, check, generate. */
#include "calendar.h"
#include "clock.h"
#include "error.h"
#include "file.h"
#include "keyfile.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define SECOND_MS         1000
#define OVERLAP_MAX_MS    (WAFER_LIFETIME_MAX_MS + WAFER_SKEW_MAX_MS)
#define GENERATE_ATTEMPTS 16

/* What every call works with. */
struct work {
    wafer_keys_settings settings;
    int64_t now_ms;
};

/* A key file as it was read. */
struct loaded {
    char *text;
    size_t length;
    struct wafer_keys *keys;
};

/* Key files know whole seconds. Neither overflows: times end in the year 2248, lengths at ten
 * years. */
static int64_t whole_seconds(int64_t time_ms)
{
    return time_ms - time_ms % SECOND_MS;
}

static int64_t whole_seconds_up(int64_t time_ms)
{
    return whole_seconds(time_ms + SECOND_MS - 1);
}

static wafer_result check_settings(const wafer_keys_settings *settings, wafer_error *error)
{
    if (wafer_check_size(settings->size, sizeof *settings, "WAFER_KEYS_SETTINGS_INIT", error) !=
        WAFER_OK)
        return WAFER_INVALID;
    if (settings->lead_ms < 0 || settings->lead_ms > WAFER_LIFETIME_MAX_MS) {
        return wafer_fail(error, WAFER_INVALID, 0, 0, "lead_ms is %lld, but must be from 0 to %lld",
                          (long long)settings->lead_ms, (long long)WAFER_LIFETIME_MAX_MS);
    }
    if (settings->overlap_ms < 0 || settings->overlap_ms > OVERLAP_MAX_MS) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "overlap_ms is %lld, but must be from 0 to %lld",
                          (long long)settings->overlap_ms, (long long)OVERLAP_MAX_MS);
    }
    return WAFER_OK;
}

static wafer_result prepare(const wafer_keys_settings *settings, struct work *work,
                            wafer_error *error)
{
    work->settings = (wafer_keys_settings)WAFER_KEYS_SETTINGS_INIT;
    if (settings != NULL) {
        if (check_settings(settings, error) != WAFER_OK)
            return WAFER_INVALID;
        work->settings = *settings;
    }
    if (sodium_init() < 0)
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "libsodium cannot be initialized");
    if (!wafer_clock_read(work->settings.clock, work->settings.clock_context, &work->now_ms))
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the clock cannot be read");
    return WAFER_OK;
}

/* Makes a key that seals after `lead_ms` and never expires, with an id that no other has. `keys`
 * may be NULL. */
static wafer_result make_key(const struct work *work, int64_t lead_ms,
                             const struct wafer_keys *keys, struct wafer_key *fresh,
                             wafer_error *error)
{
    int64_t created_ms = whole_seconds(work->now_ms);
    int64_t seals_from_ms = created_ms + whole_seconds_up(lead_ms);
    size_t count = keys != NULL ? keys->count : 0;

    for (int attempt = 0; attempt < GENERATE_ATTEMPTS; attempt++) {
        size_t i = 0;

        if (!wafer_key_generate(fresh, created_ms, seals_from_ms, WAFER_KEY_NEVER))
            break;
        while (i < count && sodium_memcmp(keys->key[i].id, fresh->id, sizeof fresh->id) != 0)
            i++;
        if (i == count)
            return WAFER_OK;
    }
    return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the system gives no randomness");
}

static wafer_result make_line(const struct work *work, char line[WAFER_KEYS_LINE_MAX],
                              wafer_error *error)
{
    struct wafer_key key;
    wafer_result result = make_key(work, 0, NULL, &key, error);

    if (result == WAFER_OK)
        wafer_key_format(&key, line);
    sodium_memzero(&key, sizeof key);
    return result;
}

wafer_result wafer_keys_generate(char text[WAFER_KEYS_LINE_MAX],
                                 const wafer_keys_settings *settings, wafer_error *error)
{
    struct work work;
    wafer_result result;

    if (text == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "text is NULL");
    text[0] = '\0';
    result = prepare(settings, &work, error);
    return result == WAFER_OK ? make_line(&work, text, error) : result;
}

wafer_result wafer_keys_create(const char *path, const wafer_keys_settings *settings,
                               wafer_error *error)
{
    struct work work;
    char line[WAFER_KEYS_LINE_MAX];
    wafer_result result;

    if (path == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "path is NULL");
    result = prepare(settings, &work, error);
    if (result == WAFER_OK)
        result = make_line(&work, line, error);
    if (result == WAFER_OK)
        result = wafer_file_create(path, work.settings.group_readable, line, strlen(line), error);
    sodium_memzero(line, sizeof line);
    return result;
}

static void unload(struct loaded *file)
{
    sodium_free(file->text);
    sodium_free(file->keys);
}

/* On error unload still has to be called. */
static wafer_result load(const char *path, const struct work *work, struct loaded *file,
                         wafer_error *error)
{
    wafer_result result;

    *file = (struct loaded){.keys = sodium_malloc(sizeof *file->keys)};
    if (file->keys == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the keys");
    result = wafer_file_read(path, work->settings.group_readable, WAFER_KEYFILE_MAX, &file->text,
                             &file->length, error);
    if (result == WAFER_OK)
        result = wafer_keys_parse(file->text, file->length, work->now_ms, file->keys, error);
    return result;
}

/* ---- rotate ------------------------------------------------------------------------ */

/* What becomes of an old key when `fresh` takes over: it opens until the last session sealed under
 * it has ended. One that was to seal later than the fresh one is overtaken: of keys that seal from
 * the same moment the later line does. */
static void retire(struct wafer_key *key, const struct wafer_key *fresh, int64_t overlap_ms)
{
    int64_t opens_until_ms = fresh->seals_from_ms + whole_seconds_up(overlap_ms);

    if (key->opens_until_ms > opens_until_ms)
        key->opens_until_ms = opens_until_ms;
    if (key->seals_from_ms > fresh->seals_from_ms)
        key->seals_from_ms = fresh->seals_from_ms;
}

static const struct wafer_key *key_of_line(const struct wafer_keys *keys, unsigned line)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->key[i].line == line)
            return &keys->key[i];
    return NULL;
}

/* Writes what one line becomes, and returns how long that is. `line` is without its newline. */
static size_t rotate_line(const char *line, size_t length, const struct wafer_key *old,
                          const struct wafer_key *fresh, const struct work *work, char *out)
{
    struct wafer_key key;
    size_t written = 0;

    if (old != NULL) {
        key = *old;
        retire(&key, fresh, work->settings.overlap_ms);
        if (!wafer_key_opens(&key, work->now_ms) || key.seals_from_ms >= key.opens_until_ms)
            goto cleanup;
        if (key.opens_until_ms != old->opens_until_ms || key.seals_from_ms != old->seals_from_ms) {
            wafer_key_format(&key, out);
            written = strlen(out);
            goto cleanup;
        }
    }
    memcpy(out, line, length);
    out[length] = '\n';
    written = length + 1;
cleanup:
    sodium_memzero(&key, sizeof key);
    return written;
}

/* Writes the whole text anew, the fresh key last, and returns its length. `out` has room for a
 * line of every key more than the old text. */
static size_t write_rotated(const struct loaded *file, const struct wafer_key *fresh,
                            const struct work *work, char *out)
{
    size_t written = 0;
    size_t at = 0;

    for (unsigned number = 1; at < file->length; number++) {
        const char *line = file->text + at;
        const char *newline = memchr(line, '\n', file->length - at);
        size_t length = newline != NULL ? (size_t)(newline - line) : file->length - at;

        written += rotate_line(line, length, key_of_line(file->keys, number), fresh, work,
                               out + written);
        at += length + 1;
    }
    wafer_key_format(fresh, out + written);
    return written + strlen(out + written);
}

static wafer_result rotate_locked(const char *path, const struct work *work, wafer_error *error)
{
    struct loaded file;
    struct wafer_key fresh;
    char *rotated = NULL;
    size_t length;
    wafer_result result = load(path, work, &file, error);

    if (result != WAFER_OK)
        goto cleanup;
    result = make_key(work, work->settings.lead_ms, file.keys, &fresh, error);
    if (result != WAFER_OK)
        goto cleanup;
    rotated = sodium_malloc(file.length + 1 + (WAFER_KEYS_MAX + 1) * WAFER_KEYS_LINE_MAX);
    if (rotated == NULL) {
        result = wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the rotated keys");
        goto cleanup;
    }
    length = write_rotated(&file, &fresh, work, rotated);
    /* A file that no server would load must not come out of this. */
    result = wafer_keys_parse(rotated, length, work->now_ms, file.keys, error);
    if (result == WAFER_TOO_LARGE)
        result = wafer_fail(error, result, 0, 0,
                            "%s would hold more than %d keys that open, or %d bytes: rotate less "
                            "often or with a shorter overlap",
                            path, WAFER_KEYS_MAX, WAFER_KEYFILE_MAX);
    if (result == WAFER_OK)
        result = wafer_file_replace(path, rotated, length, error);
cleanup:
    sodium_free(rotated);
    sodium_memzero(&fresh, sizeof fresh);
    unload(&file);
    return result;
}

wafer_result wafer_keys_rotate(const char *path, const wafer_keys_settings *settings,
                               wafer_error *error)
{
    struct work work;
    int lock;
    wafer_result result;

    if (path == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "path is NULL");
    result = prepare(settings, &work, error);
    if (result == WAFER_OK)
        result = wafer_file_lock(path, &lock, error);
    if (result == WAFER_OK) {
        result = rotate_locked(path, &work, error);
        (void)close(lock);
    }
    return result;
}

/* ---- check ------------------------------------------------------------------------- */

static bool seals_before(const struct wafer_key *one, const struct wafer_key *other)
{
    return one->seals_from_ms != other->seals_from_ms ? one->seals_from_ms < other->seals_from_ms
                                                      : one->line < other->line;
}

/* The key that takes over from this one, or NULL. */
static const struct wafer_key *successor(const struct wafer_keys *keys, const struct wafer_key *key)
{
    const struct wafer_key *next = NULL;

    for (size_t i = 0; i < keys->count; i++) {
        const struct wafer_key *other = &keys->key[i];

        if (seals_before(key, other) && (next == NULL || seals_before(other, next)))
            next = other;
    }
    return next;
}

/* A key has to open for overlap_ms after it last sealed. The last key of all seals now and will on,
 * so for it that begins now, or when it begins to seal. */
static wafer_result check_key(const struct wafer_keys *keys, const struct wafer_key *key,
                              const struct work *work, wafer_error *error)
{
    char until[WAFER_RFC3339_LENGTH + 1] = "";
    char needed[WAFER_RFC3339_LENGTH + 1] = "";
    const struct wafer_key *next = successor(keys, key);
    int64_t seals_until_ms = work->now_ms;
    int64_t needed_ms;

    if (next != NULL)
        seals_until_ms = next->seals_from_ms;
    else if (key->seals_from_ms > seals_until_ms)
        seals_until_ms = key->seals_from_ms;
    needed_ms = seals_until_ms + work->settings.overlap_ms;
    if (key->opens_until_ms >= needed_ms)
        return WAFER_OK;
    (void)wafer_rfc3339(key->opens_until_ms / SECOND_MS, until);
    (void)wafer_rfc3339(whole_seconds_up(needed_ms) / SECOND_MS, needed);
    if (next != NULL) {
        return wafer_fail(error, WAFER_INVALID, 0, key->line,
                          "line %u: the key opens until %s, but its sessions live until %s, "
                          "because that of line %u takes over so late",
                          key->line, until, needed, next->line);
    }
    return wafer_fail(error, WAFER_INVALID, 0, key->line,
                      "line %u: the key opens until %s, but its sessions live until %s, and no key "
                      "takes over: rotate",
                      key->line, until, needed);
}

wafer_result wafer_keys_check(const char *path, const wafer_keys_settings *settings,
                              wafer_error *error)
{
    struct work work;
    struct loaded file;
    wafer_result result;

    if (path == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "path is NULL");
    result = prepare(settings, &work, error);
    if (result != WAFER_OK)
        return result;
    result = load(path, &work, &file, error);
    if (result == WAFER_OK)
        for (size_t i = 0; i < file.keys->count && result == WAFER_OK; i++)
            result = check_key(file.keys, &file.keys->key[i], &work, error);
    unload(&file);
    return result;
}
