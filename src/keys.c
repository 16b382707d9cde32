/* Work on key files, for operators: generate, create, list, check. */
#include "keys.h"

#include "calendar.h"
#include "clock.h"
#include "error.h"
#include "file.h"

#include <sodium.h>
#include <string.h>

#define OVERLAP_MAX_MS    (WAFER_LIFETIME_MAX_MS + WAFER_SKEW_MAX_MS)
#define GENERATE_ATTEMPTS 16

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

wafer_result wafer_keys_prepare(const wafer_keys_settings *settings, struct wafer_keys_work *work,
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

wafer_result wafer_keys_make(const struct wafer_keys_work *work, int64_t lead_ms,
                             const struct wafer_keys *keys, struct wafer_key *fresh,
                             wafer_error *error)
{
    int64_t created_ms = wafer_whole_seconds(work->now_ms);
    int64_t seals_from_ms = created_ms + wafer_whole_seconds_up(lead_ms);
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

static wafer_result make_line(const struct wafer_keys_work *work, char line[WAFER_KEYS_LINE_MAX],
                              wafer_error *error)
{
    struct wafer_key key;
    wafer_result result = wafer_keys_make(work, 0, NULL, &key, error);

    if (result == WAFER_OK)
        wafer_key_format(&key, line);
    sodium_memzero(&key, sizeof key);
    return result;
}

wafer_result wafer_keys_generate(char text[WAFER_KEYS_LINE_MAX],
                                 const wafer_keys_settings *settings, wafer_error *error)
{
    struct wafer_keys_work work;
    wafer_result result;

    if (text == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "text is NULL");
    text[0] = '\0';
    result = wafer_keys_prepare(settings, &work, error);
    return result == WAFER_OK ? make_line(&work, text, error) : result;
}

wafer_result wafer_keys_create(const char *path, const wafer_keys_settings *settings,
                               wafer_error *error)
{
    struct wafer_keys_work work;
    char line[WAFER_KEYS_LINE_MAX];
    wafer_result result;

    if (path == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "path is NULL");
    result = wafer_keys_prepare(settings, &work, error);
    if (result == WAFER_OK)
        result = make_line(&work, line, error);
    if (result == WAFER_OK)
        result = wafer_file_create(path, work.settings.group_readable, line, strlen(line), error);
    sodium_memzero(line, sizeof line);
    return result;
}

void wafer_keys_unload(struct wafer_keys_loaded *file)
{
    sodium_free(file->text);
    sodium_free(file->keys);
}

wafer_result wafer_keys_load(const char *path, const struct wafer_keys_work *work,
                             struct wafer_keys_loaded *file, wafer_error *error)
{
    wafer_result result;

    *file = (struct wafer_keys_loaded){.keys = sodium_malloc(sizeof *file->keys)};
    if (file->keys == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the keys");
    result = wafer_file_read(path, work->settings.group_readable, WAFER_KEYFILE_MAX, &file->text,
                             &file->length, error);
    if (result == WAFER_OK)
        result = wafer_keys_parse(file->text, file->length, work->now_ms, file->keys, error);
    return result;
}

/* ---- list -------------------------------------------------------------------------- */

static wafer_key_state state_of(const struct wafer_keys *keys, const struct wafer_key *key,
                                int64_t now_ms)
{
    if (!wafer_key_opens(key, now_ms))
        return WAFER_KEY_SPENT;
    if (key == wafer_keys_sealing(keys, now_ms))
        return WAFER_KEY_SEALS;
    return key->seals_from_ms > now_ms ? WAFER_KEY_WAITS : WAFER_KEY_OPENS;
}

static wafer_key_status status_of(const struct wafer_keys *keys, const struct wafer_key *key,
                                  int64_t now_ms)
{
    wafer_key_status status = {.state = state_of(keys, key, now_ms),
                               .created_at_ms = key->created_ms,
                               .seals_at_ms = key->seals_from_ms,
                               .opens_until_ms = key->opens_until_ms};

    memcpy(status.id, key->id, sizeof status.id);
    return status;
}

wafer_result wafer_keys_list(const char *path, const wafer_keys_settings *settings,
                             wafer_key_status keys[WAFER_KEYS_MAX], size_t *count,
                             wafer_error *error)
{
    struct wafer_keys_work work;
    struct wafer_keys_loaded file;
    wafer_result result;

    if (count != NULL)
        *count = 0;
    if (path == NULL || keys == NULL || count == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "path, keys or count is NULL");
    result = wafer_keys_prepare(settings, &work, error);
    if (result != WAFER_OK)
        return result;
    result = wafer_keys_load(path, &work, &file, error);
    if (result == WAFER_OK) {
        *count = file.keys->count;
        for (size_t i = 0; i < *count; i++)
            keys[i] = status_of(file.keys, &file.keys->key[i], work.now_ms);
    }
    wafer_keys_unload(&file);
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

/* A key has to open for overlap_ms after it last sealed; when that has passed, nobody needs it. The
 * last key of all seals now and will on, so for it that begins now, or when it begins to seal. */
static wafer_result check_key(const struct wafer_keys *keys, const struct wafer_key *key,
                              const struct wafer_keys_work *work, wafer_error *error)
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
    if (key->opens_until_ms >= needed_ms || (next != NULL && needed_ms <= work->now_ms))
        return WAFER_OK;
    (void)wafer_rfc3339(key->opens_until_ms / WAFER_SECOND_MS, until);
    (void)wafer_rfc3339(wafer_whole_seconds_up(needed_ms) / WAFER_SECOND_MS, needed);
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
    struct wafer_keys_work work;
    struct wafer_keys_loaded file;
    wafer_result result;

    if (path == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "path is NULL");
    result = wafer_keys_prepare(settings, &work, error);
    if (result != WAFER_OK)
        return result;
    result = wafer_keys_load(path, &work, &file, error);
    if (result == WAFER_OK)
        for (size_t i = 0; i < file.keys->count && result == WAFER_OK; i++)
            result = check_key(file.keys, &file.keys->key[i], &work, error);
    wafer_keys_unload(&file);
    return result;
}
