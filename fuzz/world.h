/* The world of the fuzz programs: one fixed key, an empty list, a clock that stands. Nothing but
 * ids and nonces differs from run to run, so what is found can be found again. */
#ifndef WAFER_FUZZ_WORLD_H
#define WAFER_FUZZ_WORLD_H

#include "keyfile.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_NOW  INT64_C(1790000000000)
#define FUZZ_NAME "s" /* short, so that the fuzzer finds it soon */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input. Not assert, which a build can switch off. */
static inline void must(bool truth)
{
    if (!truth)
        abort();
}

static inline int64_t fuzz_clock(void *context)
{
    (void)context;
    return FUZZ_NOW;
}

static inline wafer_keyring *fuzz_keyring(void)
{
    struct wafer_key key = {.opens_until_ms = WAFER_KEY_NEVER};
    char line[WAFER_KEYS_LINE_MAX];
    wafer_keyring_settings settings = WAFER_KEYRING_SETTINGS_INIT;
    wafer_keyring *ring;

    must(sodium_init() >= 0);
    memset(key.secret, 'K', sizeof key.secret);
    wafer_key_id(key.secret, key.id);
    wafer_key_format(&key, line);
    settings.text = line;
    settings.text_length = strlen(line);
    settings.clock = fuzz_clock;
    must(wafer_keyring_new(&settings, &ring, NULL) == WAFER_OK);
    return ring;
}

/* Settings on this ring and a list of their own; clock and name are set, the rest is default. */
static inline wafer_settings fuzz_settings_at(wafer_keyring *ring, wafer_clock clock)
{
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_revocations_settings list = WAFER_REVOCATIONS_SETTINGS_INIT;

    list.on_start = WAFER_START_FORGETS;
    list.capacity = 64;
    list.clock = clock;
    settings.keyring = ring;
    settings.clock = clock;
    settings.name = FUZZ_NAME;
    must(wafer_revocations_new(&list, &settings.revocations, NULL) == WAFER_OK);
    return settings;
}

static inline wafer_settings fuzz_settings(wafer_keyring *ring)
{
    return fuzz_settings_at(ring, fuzz_clock);
}

static inline wafer_session *fuzz_session(const wafer_settings *settings)
{
    wafer_manager *manager;
    wafer_session *session;

    must(wafer_manager_new(settings, &manager, NULL) == WAFER_OK);
    must(wafer_session_new(manager, &session) == WAFER_OK);
    return session;
}

/* The input, taken from the front; beyond its end come zeros. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t take_byte(struct fuzz_input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

/* At most `most` bytes; how many there were is in *length. */
static inline const uint8_t *take_bytes(struct fuzz_input *input, size_t most, size_t *length)
{
    const uint8_t *bytes = input->at;

    *length = most < input->left ? most : input->left;
    input->at += *length;
    input->left -= *length;
    return bytes;
}

/* A copy of exactly so many bytes, so that reading past their end is seen. Free it. */
static inline void *exact_copy(const void *bytes, size_t length)
{
    void *copy = malloc(length > 0 ? length : 1);

    must(copy != NULL);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

/* Nothing in it can end a header field or a log line, and nothing follows. */
static inline bool is_clean(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7F)
            return false;
    return text[length] == '\0';
}

#endif
