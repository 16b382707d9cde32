/* BLAKE2b (RFC 7693) of several parts: subkeys, key ids, MACs, subject keys. */
#ifndef WAFER_SRC_HASH_H
#define WAFER_SRC_HASH_H

#include <stddef.h>
#include <stdint.h>

#define WAFER_HASH_KEY 32

struct wafer_part {
    const void *bytes;
    size_t length;
};

/* Hashes the parts one behind the other, under a key of WAFER_HASH_KEY bytes or, when key is NULL,
 * under none. The state, from which a key's other hashes would follow, is wiped. */
void wafer_hash(const uint8_t *key, const struct wafer_part *parts, size_t count, uint8_t *out,
                size_t out_length);

/* A length as four big-endian bytes, to stand in front of a part whose end would not be seen. */
void wafer_hash_length(size_t length, uint8_t out[4]);

#endif
