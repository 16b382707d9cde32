/* The key ring: generations of keys, swapped as a whole while requests run.
 *
 * A generation is the keys of one load with the subkeys of every binding (a manager's cookie name
 * and context), derived once, so that a request only looks things up. Sessions hold a generation
 * from begin to end. Generations are never freed while the ring lives, only wiped and used again:
 * that makes taking one safe without a lock (see generations.c). */
#ifndef WAFER_SRC_KEYRING_H
#define WAFER_SRC_KEYRING_H

#include "keyfile.h"

/* What one key is for one binding. */
struct wafer_subkeys {
    uint8_t cipher[32];
    uint8_t csrf[32];
};

struct wafer_generation;

/* Binds a cookie name and an application context. *binding names the subkeys in every
 * generation from now on. */
wafer_result wafer_keyring_bind(wafer_keyring *ring, const char *name, const char *context,
                                size_t *binding, wafer_error *error);
/* The binding may be given to another now. No session of it may be in use. */
void wafer_keyring_unbind(wafer_keyring *ring, size_t binding);

/* Takes the current generation; waits for nobody, allocates nothing. No system call either, unless
 * keys are replaced at that very moment and it has to wipe the old ones. */
const struct wafer_generation *wafer_keyring_take(wafer_keyring *ring, const void *holder);
/* Gives it back, for the same holder (an address, of which nothing is read); wipes it when that was
 * the last hold on an old one, else no system call. */
void wafer_keyring_give(wafer_keyring *ring, const struct wafer_generation *generation,
                        const void *holder);

/* The keys of a generation. */
const struct wafer_keys *wafer_generation_keys(const struct wafer_generation *generation);
/* The key with this id if it opens now, else NULL. */
const struct wafer_key *wafer_generation_find(const struct wafer_generation *generation,
                                              const uint8_t id[WAFER_KEY_ID_SIZE], int64_t now_ms);
/* The subkeys of one of its keys. */
const struct wafer_subkeys *wafer_generation_subkeys(const struct wafer_generation *generation,
                                                     const struct wafer_key *key, size_t binding);

#endif
