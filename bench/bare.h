/* The floors: libsodium's cipher called as anybody would, with the 4 bytes of additional data that
 * a token of ours has. */
#ifndef WAFER_BENCH_BARE_H
#define WAFER_BENCH_BARE_H

#include "bench.h"

#include "seal.h"

/* Belongs to one thread. */
struct bare {
    uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
    uint8_t header[WAFER_SEAL_HEADER];
    uint8_t plain[WAFER_PLAIN_MAX];
    uint8_t sealed[WAFER_PLAIN_MAX + WAFER_SEAL_TAG];
    uint8_t opened[WAFER_PLAIN_MAX];
};

static inline void bare_make(struct bare *bare)
{
    bench_require(sodium_init() >= 0, "libsodium cannot be initialized");
    randombytes_buf(bare, sizeof *bare);
}

static inline void bare_seal(struct bare *bare, size_t length)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(bare->sealed, NULL, bare->plain, length,
                                               bare->header, sizeof bare->header, NULL, bare->nonce,
                                               bare->key);
}

/* Opens what bare_seal made of a plaintext of this length. */
static inline void bare_open(struct bare *bare, size_t length)
{
    bench_require(crypto_aead_xchacha20poly1305_ietf_decrypt(bare->opened, NULL, NULL, bare->sealed,
                                                             length + WAFER_SEAL_TAG, bare->header,
                                                             sizeof bare->header, bare->nonce,
                                                             bare->key) == 0,
                  "the floor does not open");
}

#endif
