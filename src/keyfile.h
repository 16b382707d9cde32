/* The text of a key ring: lines to keys and back. No file is touched here. */
#ifndef WAFER_SRC_KEYFILE_H
#define WAFER_SRC_KEYFILE_H

#include <wafer.h>

#define WAFER_KEY_SIZE    32
#define WAFER_KEYFILE_MAX 65536

#define WAFER_KEY_NEVER INT64_MAX /* opens_until_ms of a key that does not expire */

/* One line. Times are whole seconds in milliseconds. */
struct wafer_key {
    uint8_t secret[WAFER_KEY_SIZE];
    uint8_t id[WAFER_KEY_ID_SIZE];
    int64_t created_ms;
    int64_t seals_from_ms;
    int64_t opens_until_ms; /* the first moment it opens no more */
    unsigned line;          /* where it stands in the text */
};

/* All keys of a text, in the order of its lines. Lives in sodium_malloc memory. */
struct wafer_keys {
    size_t count;
    struct wafer_key key[WAFER_KEYS_MAX];
};

/* The id that follows from a key: the first bytes of its BLAKE2b under a label of its own. */
void wafer_key_id(const uint8_t secret[WAFER_KEY_SIZE], uint8_t id[WAFER_KEY_ID_SIZE]);

/* True while the key opens. */
bool wafer_key_opens(const struct wafer_key *key, int64_t now_ms);

/* The key that seals: of those that open and whose seals_from has come, the one with the latest
 * seals_from; of equals the later line. NULL if there is none. */
const struct wafer_key *wafer_keys_sealing(const struct wafer_keys *keys, int64_t now_ms);

/* Reads the text of a key file into *keys. On error *keys is wiped and the sentence names the line.
 * Key material never appears in a sentence. `now_ms` decides whether some key seals. */
wafer_result wafer_keys_parse(const char *text, size_t length, int64_t now_ms,
                              struct wafer_keys *keys, wafer_error *error);

/* Writes a key as its line, with newline and NUL. Its times are in the years 1970 to 9999. */
void wafer_key_format(const struct wafer_key *key, char line[WAFER_KEYS_LINE_MAX]);

/* Makes a fresh random key. False without randomness. */
bool wafer_key_generate(struct wafer_key *key, int64_t created_ms, int64_t seals_from_ms,
                        int64_t opens_until_ms);

#endif
