#include "keyring.h"

#include "clock.h"
#include "error.h"
#include "file.h"
#include "generations.h"
#include "hash.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* What a generation is here. */
struct wafer_content {
    struct wafer_keys keys;
    struct wafer_subkeys subkeys[]; /* those of one binding's keys side by side */
};

/* A manager's cookie name and context; both NULL when it may be given to another. */
struct binding {
    char *name;
    char *context;
};

struct wafer_keyring {
    struct wafer_generations generations; /* its lock is also for the bindings */
    struct binding *binding;
    size_t bindings;

    char *path; /* NULL: replaced from memory */
    bool group_readable;
    wafer_clock clock;
    void *clock_context;
};

/* ---- What requests use ------------------------------------------------------------- */

const struct wafer_keys *wafer_generation_keys(const struct wafer_generation *generation)
{
    return &generation->content->keys;
}

const struct wafer_key *wafer_generation_find(const struct wafer_generation *generation,
                                              const uint8_t id[WAFER_KEY_ID_SIZE], int64_t now_ms)
{
    const struct wafer_keys *keys = &generation->content->keys;

    for (size_t i = 0; i < keys->count; i++) {
        const struct wafer_key *key = &keys->key[i];

        if (memcmp(key->id, id, WAFER_KEY_ID_SIZE) == 0)
            return wafer_key_opens(key, now_ms) ? key : NULL;
    }
    return NULL;
}

const struct wafer_subkeys *wafer_generation_subkeys(const struct wafer_generation *generation,
                                                     const struct wafer_key *key, size_t binding)
{
    const struct wafer_content *content = generation->content;

    return &content->subkeys[binding * content->keys.count + (size_t)(key - content->keys.key)];
}

const struct wafer_generation *wafer_keyring_take(wafer_keyring *ring, const void *holder)
{
    return wafer_generations_take(&ring->generations, holder);
}

void wafer_keyring_give(wafer_keyring *ring, const struct wafer_generation *generation,
                        const void *holder)
{
    wafer_generations_give(&ring->generations, generation, holder);
}

/* ---- Subkeys ----------------------------------------------------------------------- */

/* Under the key, over the label with its NUL, then name and context, each behind its length. */
static void derive_subkey(const struct wafer_key *key, const char *label,
                          const struct binding *binding, uint8_t out[32])
{
    uint8_t name_length[4];
    uint8_t context_length[4];
    const struct wafer_part parts[] = {
        {label, strlen(label) + 1},
        {name_length, sizeof name_length},
        {binding->name, strlen(binding->name)},
        {context_length, sizeof context_length},
        {binding->context, strlen(binding->context)},
    };

    wafer_hash_length(strlen(binding->name), name_length);
    wafer_hash_length(strlen(binding->context), context_length);
    wafer_hash(key->secret, parts, sizeof parts / sizeof *parts, out, 32);
}

/* Room for the keys and their subkeys under every binding there is. */
static struct wafer_content *content_new(const wafer_keyring *ring, const struct wafer_keys *keys)
{
    size_t count = ring->bindings * keys->count;
    struct wafer_content *content = sodium_malloc(sizeof *content +
                                                  count * sizeof content->subkeys[0]);

    if (content == NULL)
        return NULL;
    content->keys = *keys;
    for (size_t at = 0; at < ring->bindings; at++) {
        const struct binding *binding = &ring->binding[at];
        struct wafer_subkeys *subkeys = &content->subkeys[at * keys->count];

        if (binding->name == NULL) {
            sodium_memzero(subkeys, keys->count * sizeof *subkeys);
            continue;
        }
        for (size_t i = 0; i < keys->count; i++) {
            derive_subkey(&keys->key[i], "wafer cipher 1", binding, subkeys[i].cipher);
            derive_subkey(&keys->key[i], "wafer csrf 1", binding, subkeys[i].csrf);
        }
    }
    sodium_stackzero(1024); /* libsodium's BLAKE2b leaves its last output there */
    (void)sodium_mprotect_readonly(content);
    return content;
}

/* Makes a generation of the keys under all bindings current. Under the lock. On error nothing
 * changed. */
static wafer_result publish(wafer_keyring *ring, const struct wafer_keys *keys, wafer_error *error)
{
    struct wafer_content *content = content_new(ring, keys);

    if (content == NULL || !wafer_generations_publish(&ring->generations, content)) {
        sodium_free(content);
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the keys");
    }
    return WAFER_OK;
}

/* ---- Loading ----------------------------------------------------------------------- */

/* Reads and publishes: the file, or `text` if the ring has none. The lock is held from before the
 * file is read, so that of two reloads at once the one with the older keys is never the last. */
static wafer_result load_ring(wafer_keyring *ring, const char *text, size_t length,
                              wafer_error *error)
{
    struct wafer_keys *keys = sodium_malloc(sizeof *keys);
    char *from_file = NULL;
    int64_t now_ms;
    wafer_result result = WAFER_OK;

    if (keys == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the keys");
    if (!wafer_clock_read(ring->clock, ring->clock_context, &now_ms)) {
        sodium_free(keys);
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "the clock cannot be read");
    }
    wafer_generations_lock(&ring->generations);
    if (ring->path != NULL) {
        result = wafer_file_read(ring->path, ring->group_readable, WAFER_KEYFILE_MAX, &from_file,
                                 &length, error);
        text = from_file;
    }
    if (result == WAFER_OK)
        result = wafer_keys_parse(text, length, now_ms, keys, error);
    if (result == WAFER_OK)
        result = publish(ring, keys, error);
    wafer_generations_unlock(&ring->generations);
    sodium_free(from_file);
    sodium_free(keys);
    return result;
}

/* ---- The key ring ------------------------------------------------------------------ */

static wafer_result check_ring_settings(const wafer_keyring_settings *settings, wafer_error *error)
{
    if (wafer_check_size(settings->size, sizeof *settings, "WAFER_KEYRING_SETTINGS_INIT", error) !=
        WAFER_OK)
        return WAFER_INVALID;
    if ((settings->path == NULL) == (settings->text == NULL)) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "either path or text has to be set, and not both");
    }
    return WAFER_OK;
}

static wafer_keyring *ring_new(const wafer_keyring_settings *settings)
{
    wafer_keyring *ring = calloc(1, sizeof *ring);

    if (ring == NULL)
        return NULL;
    if (settings->path != NULL)
        ring->path = strdup(settings->path);
    if ((settings->path != NULL && ring->path == NULL) ||
        !wafer_generations_init(&ring->generations)) {
        free(ring->path);
        free(ring);
        return NULL;
    }
    ring->group_readable = settings->group_readable;
    ring->clock = settings->clock;
    ring->clock_context = settings->clock_context;
    return ring;
}

wafer_result wafer_keyring_new(const wafer_keyring_settings *settings, wafer_keyring **keyring,
                               wafer_error *error)
{
    wafer_keyring *ring;
    wafer_result result;

    if (keyring == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "there is no place for the key ring");
    *keyring = NULL;
    if (settings == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "settings are NULL");
    if (check_ring_settings(settings, error) != WAFER_OK)
        return WAFER_INVALID;
    if (sodium_init() < 0)
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "libsodium cannot be initialized");
    ring = ring_new(settings);
    if (ring == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the key ring");
    result = load_ring(ring, settings->text, settings->text_length, error);
    if (result != WAFER_OK) {
        wafer_keyring_free(ring);
        return result;
    }
    *keyring = ring;
    return WAFER_OK;
}

wafer_result wafer_keyring_open(const char *path, wafer_keyring **keyring, wafer_error *error)
{
    wafer_keyring_settings settings = WAFER_KEYRING_SETTINGS_INIT;

    if (path == NULL) {
        if (keyring != NULL)
            *keyring = NULL;
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "path is NULL");
    }
    settings.path = path;
    return wafer_keyring_new(&settings, keyring, error);
}

wafer_result wafer_keyring_reload(wafer_keyring *keyring, wafer_error *error)
{
    if (keyring == NULL || keyring->path == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "there is no file to reload");
    return load_ring(keyring, NULL, 0, error);
}

wafer_result wafer_keyring_replace(wafer_keyring *keyring, const char *text, size_t length,
                                   wafer_error *error)
{
    if (keyring == NULL || text == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "key ring or text is NULL");
    if (keyring->path != NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "the keys come from a file: reload it");
    return load_ring(keyring, text, length, error);
}

void wafer_keyring_free(wafer_keyring *keyring)
{
    if (keyring == NULL)
        return;
    wafer_generations_free(&keyring->generations);
    for (size_t at = 0; at < keyring->bindings; at++) {
        free(keyring->binding[at].name);
        free(keyring->binding[at].context);
    }
    free(keyring->binding);
    free(keyring->path);
    free(keyring);
}

/* ---- Bindings ---------------------------------------------------------------------- */

static void release(struct binding *binding)
{
    free(binding->name);
    free(binding->context);
    *binding = (struct binding){NULL, NULL};
}

/* Finds a binding that is free, or makes room for one more. */
static struct binding *vacant_binding(wafer_keyring *ring)
{
    struct binding *grown;

    for (size_t at = 0; at < ring->bindings; at++)
        if (ring->binding[at].name == NULL)
            return &ring->binding[at];
    grown = realloc(ring->binding, (ring->bindings + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    ring->binding = grown;
    ring->binding[ring->bindings] = (struct binding){NULL, NULL};
    return &ring->binding[ring->bindings++];
}

wafer_result wafer_keyring_bind(wafer_keyring *ring, const char *name, const char *context,
                                size_t *binding, wafer_error *error)
{
    struct binding *bound;
    wafer_result result = WAFER_NO_MEMORY;

    wafer_generations_lock(&ring->generations);
    bound = vacant_binding(ring);
    if (bound != NULL) {
        bound->name = strdup(name);
        bound->context = strdup(context);
    }
    if (bound == NULL || bound->name == NULL || bound->context == NULL)
        (void)wafer_fail(error, result, 0, 0, "no memory for the cookie's subkeys");
    else
        result = publish(ring, &wafer_generations_content(&ring->generations)->keys, error);
    if (result == WAFER_OK)
        *binding = (size_t)(bound - ring->binding);
    else if (bound != NULL)
        release(bound);
    wafer_generations_unlock(&ring->generations);
    return result;
}

void wafer_keyring_unbind(wafer_keyring *ring, size_t binding)
{
    wafer_generations_lock(&ring->generations);
    release(&ring->binding[binding]);
    wafer_generations_unlock(&ring->generations);
}
