#include "hash.h"

#include <sodium.h>

_Static_assert(WAFER_HASH_KEY >= crypto_generichash_KEYBYTES_MIN &&
                   WAFER_HASH_KEY <= crypto_generichash_KEYBYTES_MAX,
               "key");

void wafer_hash(const uint8_t *key, const struct wafer_part *parts, size_t count, uint8_t *out,
                size_t out_length)
{
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, key, key != NULL ? WAFER_HASH_KEY : 0, out_length);
    for (size_t i = 0; i < count; i++)
        (void)crypto_generichash_update(&state, parts[i].bytes, parts[i].length);
    (void)crypto_generichash_final(&state, out, out_length);
    sodium_memzero(&state, sizeof state);
}

void wafer_hash_length(size_t length, uint8_t out[4])
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(length >> (24 - 8 * i));
}
