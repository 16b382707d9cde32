/* What the calls that work on key files share. Key material lies in sodium_malloc memory, or is
 * wiped by whoever made it. */
#ifndef WAFER_SRC_KEYS_H
#define WAFER_SRC_KEYS_H

#include "keyfile.h"

#define WAFER_SECOND_MS 1000

/* What every call works with. */
struct wafer_keys_work {
    wafer_keys_settings settings;
    int64_t now_ms;
};

/* A key file as it was read. */
struct wafer_keys_loaded {
    char *text;
    size_t length;
    struct wafer_keys *keys;
};

/* Key files know whole seconds. Neither overflows: times end in the year 2248, lengths at ten
 * years. */
static inline int64_t wafer_whole_seconds(int64_t time_ms)
{
    return time_ms - time_ms % WAFER_SECOND_MS;
}

static inline int64_t wafer_whole_seconds_up(int64_t time_ms)
{
    return wafer_whole_seconds(time_ms + WAFER_SECOND_MS - 1);
}

/* Checks the settings (NULL: the defaults) and reads the clock. */
wafer_result wafer_keys_prepare(const wafer_keys_settings *settings, struct wafer_keys_work *work,
                                wafer_error *error);

/* Makes a key that seals after `lead_ms` and never expires, with an id that no other has. `keys`
 * may be NULL. */
wafer_result wafer_keys_make(const struct wafer_keys_work *work, int64_t lead_ms,
                             const struct wafer_keys *keys, struct wafer_key *fresh,
                             wafer_error *error);

/* Reads a key file. On error unload still has to be called. */
wafer_result wafer_keys_load(const char *path, const struct wafer_keys_work *work,
                             struct wafer_keys_loaded *file, wafer_error *error);
void wafer_keys_unload(struct wafer_keys_loaded *file);

#endif
