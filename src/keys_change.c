/* Work on key files, for operators: rotate and retire, which write them anew. */
#include "error.h"
#include "file.h"
#include "keys.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

/* What is to become of a file: a fresh key comes, or the one in the line `retired` goes. */
struct change {
    const struct wafer_keys_work *work;
    struct wafer_key fresh;
    unsigned retired; /* 0: none */
};

/* What becomes of an old key when `fresh` takes over: it opens until the last session sealed under
 * it has ended. One that was to seal later than the fresh one is overtaken: of keys that seal from
 * the same moment the later line does. */
static void overtake(struct wafer_key *key, const struct wafer_key *fresh, int64_t overlap_ms)
{
    int64_t opens_until_ms = fresh->seals_from_ms + wafer_whole_seconds_up(overlap_ms);

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

/* Writes what the line of an old key becomes when a fresh one comes, and returns how long that is;
 * SIZE_MAX when it stays as it is. */
static size_t rotate_key(const struct wafer_key *old, const struct change *change, char *out)
{
    const struct wafer_keys_work *work = change->work;
    struct wafer_key key = *old;
    size_t written = SIZE_MAX;

    overtake(&key, &change->fresh, work->settings.overlap_ms);
    if (!wafer_key_opens(&key, work->now_ms) || key.seals_from_ms >= key.opens_until_ms) {
        written = 0;
    } else if (key.opens_until_ms != old->opens_until_ms ||
               key.seals_from_ms != old->seals_from_ms) {
        wafer_key_format(&key, out);
        written = strlen(out);
    }
    sodium_memzero(&key, sizeof key);
    return written;
}

/* Writes what one line becomes, and returns how long that is. `line` is without its newline, and
 * `old` its key or NULL. */
static size_t change_line(const char *line, size_t length, const struct wafer_key *old,
                          const struct change *change, char *out)
{
    size_t written = SIZE_MAX;

    if (old != NULL && change->retired > 0)
        written = old->line == change->retired ? 0 : SIZE_MAX;
    else if (old != NULL)
        written = rotate_key(old, change, out);
    if (written != SIZE_MAX)
        return written;
    memcpy(out, line, length);
    out[length] = '\n';
    return length + 1;
}

/* Writes the whole text anew, a fresh key last, and returns its length. `out` has room for a line
 * of every key more than the old text. */
static size_t write_changed(const struct wafer_keys_loaded *file, const struct change *change,
                            char *out)
{
    size_t written = 0;
    size_t at = 0;

    for (unsigned number = 1; at < file->length; number++) {
        const char *line = file->text + at;
        const char *newline = memchr(line, '\n', file->length - at);
        size_t length = newline != NULL ? (size_t)(newline - line) : file->length - at;

        written += change_line(line, length, key_of_line(file->keys, number), change,
                               out + written);
        at += length + 1;
    }
    if (change->retired == 0) {
        wafer_key_format(&change->fresh, out + written);
        written += strlen(out + written);
    }
    return written;
}

/* Writes the file anew, unless no server would load what comes of it: that result is returned, for
 * which the caller has the words. */
static wafer_result rewrite(const char *path, const struct wafer_keys_loaded *file,
                            const struct change *change, wafer_error *error)
{
    size_t room = file->length + 1 + (WAFER_KEYS_MAX + 1) * WAFER_KEYS_LINE_MAX;
    char *text = sodium_malloc(room);
    size_t length;
    wafer_result result;

    if (text == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the changed keys");
    length = write_changed(file, change, text);
    result = wafer_keys_parse(text, length, change->work->now_ms, file->keys, error);
    if (result == WAFER_OK)
        result = wafer_file_replace(path, text, length, error);
    sodium_free(text);
    return result;
}

/* A key file that nobody else changes meanwhile. */
struct locked {
    struct wafer_keys_work work;
    struct wafer_keys_loaded file;
    int lock; /* -1: none */
};

/* On error leave still has to be called. */
static wafer_result enter(const char *path, const wafer_keys_settings *settings,
                          struct locked *locked, wafer_error *error)
{
    wafer_result result;

    *locked = (struct locked){.lock = -1};
    result = wafer_keys_prepare(settings, &locked->work, error);
    if (result == WAFER_OK)
        result = wafer_file_lock(path, &locked->lock, error);
    if (result == WAFER_OK)
        result = wafer_keys_load(path, &locked->work, &locked->file, error);
    return result;
}

static void leave(struct locked *locked)
{
    wafer_keys_unload(&locked->file);
    if (locked->lock >= 0)
        (void)close(locked->lock);
}

/* ---- rotate ------------------------------------------------------------------------ */

static wafer_result rotate(const char *path, const struct locked *locked, wafer_error *error)
{
    struct change change = {.work = &locked->work};
    wafer_result result = wafer_keys_make(&locked->work, locked->work.settings.lead_ms,
                                          locked->file.keys, &change.fresh, error);

    if (result == WAFER_OK)
        result = rewrite(path, &locked->file, &change, error);
    if (result == WAFER_TOO_LARGE)
        result = wafer_fail(error, result, 0, 0,
                            "%s would hold more than %d keys that open, or %d bytes: rotate less "
                            "often or with a shorter overlap",
                            path, WAFER_KEYS_MAX, WAFER_KEYFILE_MAX);
    sodium_memzero(&change.fresh, sizeof change.fresh);
    return result;
}

wafer_result wafer_keys_rotate(const char *path, const wafer_keys_settings *settings,
                               wafer_error *error)
{
    struct locked locked;
    wafer_result result;

    if (path == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "path is NULL");
    result = enter(path, settings, &locked, error);
    if (result == WAFER_OK)
        result = rotate(path, &locked, error);
    leave(&locked);
    return result;
}

/* ---- retire ------------------------------------------------------------------------ */

static const struct wafer_key *key_of_id(const struct wafer_keys *keys,
                                         const uint8_t id[WAFER_KEY_ID_SIZE])
{
    for (size_t i = 0; i < keys->count; i++)
        if (sodium_memcmp(keys->key[i].id, id, WAFER_KEY_ID_SIZE) == 0)
            return &keys->key[i];
    return NULL;
}

static bool another_seals(const struct wafer_keys *keys, const struct wafer_key *key,
                          int64_t now_ms)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct wafer_key *other = &keys->key[i];

        if (other != key && wafer_key_opens(other, now_ms) && other->seals_from_ms <= now_ms)
            return true;
    }
    return false;
}

static wafer_result retire(const char *path, const struct locked *locked,
                           const uint8_t id[WAFER_KEY_ID_SIZE], wafer_error *error)
{
    const struct wafer_key *key = key_of_id(locked->file.keys, id);
    struct change change = {.work = &locked->work};

    if (key == NULL) {
        return wafer_fail(error, WAFER_INVALID, 0, 0, "there is no key %02x%02x%02x in %s", id[0],
                          id[1], id[2], path);
    }
    if (!another_seals(locked->file.keys, key, locked->work.now_ms)) {
        return wafer_fail(error, WAFER_INVALID, 0, key->line,
                          "line %u: but for key %02x%02x%02x none seals now; add one that does "
                          "(wafer keys rotate --now, or lead_ms 0), then retire this one",
                          key->line, id[0], id[1], id[2]);
    }
    change.retired = key->line;
    return rewrite(path, &locked->file, &change, error);
}

wafer_result wafer_keys_retire(const char *path, const uint8_t id[WAFER_KEY_ID_SIZE],
                               const wafer_keys_settings *settings, wafer_error *error)
{
    struct locked locked;
    wafer_result result;

    if (path == NULL || id == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "path or id is NULL");
    result = enter(path, settings, &locked, error);
    if (result == WAFER_OK)
        result = retire(path, &locked, id, error);
    leave(&locked);
    return result;
}
