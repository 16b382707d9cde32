#include "seal.h"

#include "nonce.h"

#include <sodium.h>
#include <string.h>

#define NONCE_AT WAFER_SEAL_HEADER
#define TEXT_AT  (WAFER_SEAL_HEADER + WAFER_NONCE_SIZE)

/* Header and the first nonce bytes: two whole groups of base64, so they decode alone. */
#define PEEK_CHARACTERS 8
#define PEEK_BYTES      6

_Static_assert(WAFER_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(WAFER_NONCE_SIZE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(WAFER_SEAL_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(WAFER_SEAL_HEADER == 1 + WAFER_KEY_ID_SIZE, "header");
_Static_assert(WAFER_SEAL_OVERHEAD == TEXT_AT + WAFER_SEAL_TAG, "overhead");
_Static_assert(WAFER_BASE64_LENGTH(WAFER_RAW_MAX) == WAFER_TOKEN_MAX, "longest token");

enum wafer_seal_result wafer_seal_peek(const char *token, size_t length,
                                       uint8_t key_id[WAFER_KEY_ID_SIZE])
{
    uint8_t head[PEEK_BYTES];

    if (length < WAFER_BASE64_LENGTH(WAFER_SEAL_OVERHEAD) || length > WAFER_TOKEN_MAX)
        return WAFER_SEAL_LENGTH;
    if (!wafer_base64_decode(token, PEEK_CHARACTERS, head))
        return WAFER_SEAL_TEXT;
    if (head[0] != WAFER_FORMAT)
        return WAFER_SEAL_FORMAT;
    memcpy(key_id, head + 1, WAFER_KEY_ID_SIZE);
    return WAFER_SEAL_OK;
}

enum wafer_seal_result wafer_seal_open(const uint8_t cipher_key[32], const char *token,
                                       size_t length, uint8_t *raw, uint8_t *plain,
                                       size_t *plain_length)
{
    size_t raw_length = WAFER_BASE64_BYTES(length);

    if (raw_length < WAFER_SEAL_OVERHEAD || length > WAFER_TOKEN_MAX)
        return WAFER_SEAL_LENGTH;
    if (!wafer_base64_decode(token, length, raw))
        return WAFER_SEAL_TEXT;
    /* libsodium compares the tag first and in constant time, and zeroes plain when it is wrong. */
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, raw + TEXT_AT,
                                                   raw_length - TEXT_AT, raw, WAFER_SEAL_HEADER,
                                                   raw + NONCE_AT, cipher_key) != 0)
        return WAFER_SEAL_TAG_WRONG;
    *plain_length = raw_length - WAFER_SEAL_OVERHEAD;
    return WAFER_SEAL_OK;
}

bool wafer_seal_close(const uint8_t cipher_key[32], const uint8_t key_id[WAFER_KEY_ID_SIZE],
                      const uint8_t *plain, size_t length, uint8_t *raw, char *token)
{
    raw[0] = WAFER_FORMAT;
    memcpy(raw + 1, key_id, WAFER_KEY_ID_SIZE);
    if (!wafer_nonce(raw + NONCE_AT))
        return false;
    crypto_aead_xchacha20poly1305_ietf_encrypt(raw + TEXT_AT, NULL, plain, length, raw,
                                               WAFER_SEAL_HEADER, NULL, raw + NONCE_AT, cipher_key);
    wafer_base64_encode(raw, length + WAFER_SEAL_OVERHEAD, token);
    return true;
}
