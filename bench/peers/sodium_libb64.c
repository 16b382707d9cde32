/* What Wafer is made of, put together naively: libsodium's XChaCha20-Poly1305 with a nonce from
 * randombytes_buf, and libb64 without its newlines. No check of the base64 text, which libb64 does
 * not do, no renewal of keys, no logout. */
#include "key_value.h"

#include <b64/cdecode.h>
#include <b64/cencode.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG   crypto_aead_xchacha20poly1305_ietf_ABYTES

static uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];

static size_t seal(const struct variables *variables, char cookie[PEER_COOKIE_MAX])
{
    static uint8_t plain[KEY_VALUE_MAX];
    static uint8_t raw[NONCE + KEY_VALUE_MAX + TAG];
    size_t length = key_value_encode(variables, plain);
    base64_encodestate state;
    size_t written;
    size_t kept = 0;

    randombytes_buf(raw, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(raw + NONCE, NULL, plain, length, NULL, 0, NULL, raw,
                                               key);
    base64_init_encodestate(&state);
    written = (size_t)base64_encode_block((const char *)raw, (int)(NONCE + length + TAG), cookie,
                                          &state);
    written += (size_t)base64_encode_blockend(cookie + written, &state);
    for (size_t i = 0; i < written; i++)
        if (cookie[i] != '\n')
            cookie[kept++] = cookie[i];
    return kept;
}

static bool open(const char *cookie, size_t length, struct variables *found)
{
    static uint8_t raw[PEER_COOKIE_MAX];
    static uint8_t plain[PEER_COOKIE_MAX];
    base64_decodestate state;
    size_t raw_length;

    base64_init_decodestate(&state);
    raw_length = (size_t)base64_decode_block(cookie, (int)length, (char *)raw, &state);
    if (raw_length < NONCE + TAG ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, raw + NONCE,
                                                   raw_length - NONCE, NULL, 0, raw, key) != 0)
        return false;
    return key_value_decode(plain, raw_length - NONCE - TAG, found);
}

int main(int argc, char **argv)
{
    struct peer peer = {.name = "libsodium + libb64 naively", .seal = seal, .open = open};

    bench_require(sodium_init() >= 0, "libsodium cannot be set up");
    peer.version = sodium_version_string();
    randombytes_buf(key, sizeof key);
    return peer_main(&peer, argc, argv);
}
