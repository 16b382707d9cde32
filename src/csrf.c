#include "csrf.h"

#include "base64.h"
#include "hash.h"
#include "nonce.h"

#include <sodium.h>
#include <string.h>

#define TOKEN_VERSION 1
#define MAC_SIZE      16
#define MASK_AT       (1 + WAFER_KEY_ID_SIZE)
#define MAC_AT        (MASK_AT + MAC_SIZE)
#define RAW_SIZE      (MAC_AT + MAC_SIZE)

_Static_assert(WAFER_BASE64_LENGTH(RAW_SIZE) == WAFER_CSRF_LENGTH, "token length");

static void authenticate(const uint8_t csrf_key[32], const uint8_t id[WAFER_ID_SIZE],
                         uint8_t mac[MAC_SIZE])
{
    const struct wafer_part part = {id, WAFER_ID_SIZE};

    wafer_hash(csrf_key, &part, 1, mac, MAC_SIZE);
}

bool wafer_csrf_make(const uint8_t csrf_key[32], const uint8_t key_id[WAFER_KEY_ID_SIZE],
                     const uint8_t id[WAFER_ID_SIZE], char token[WAFER_CSRF_LENGTH + 1])
{
    uint8_t raw[RAW_SIZE];
    uint8_t mac[MAC_SIZE];

    token[0] = '\0';
    raw[0] = TOKEN_VERSION;
    memcpy(raw + 1, key_id, WAFER_KEY_ID_SIZE);
    if (!wafer_mask(raw + MASK_AT, MAC_SIZE))
        return false;
    authenticate(csrf_key, id, mac);
    for (size_t i = 0; i < MAC_SIZE; i++)
        raw[MAC_AT + i] = raw[MASK_AT + i] ^ mac[i];
    wafer_base64_encode(raw, sizeof raw, token);
    token[WAFER_CSRF_LENGTH] = '\0';
    sodium_memzero(mac, sizeof mac);
    return true;
}

bool wafer_csrf_peek(const char *token, size_t length, uint8_t key_id[WAFER_KEY_ID_SIZE])
{
    uint8_t raw[RAW_SIZE];

    if (length != WAFER_CSRF_LENGTH || !wafer_base64_decode(token, length, raw) ||
        raw[0] != TOKEN_VERSION)
        return false;
    memcpy(key_id, raw + 1, WAFER_KEY_ID_SIZE);
    return true;
}

bool wafer_csrf_verify(const uint8_t csrf_key[32], const uint8_t id[WAFER_ID_SIZE],
                       const char *token)
{
    uint8_t raw[RAW_SIZE];
    uint8_t mac[MAC_SIZE];
    bool same;

    if (!wafer_base64_decode(token, WAFER_CSRF_LENGTH, raw))
        return false;
    authenticate(csrf_key, id, mac);
    for (size_t i = 0; i < MAC_SIZE; i++)
        raw[MAC_AT + i] ^= raw[MASK_AT + i];
    same = sodium_memcmp(mac, raw + MAC_AT, MAC_SIZE) == 0;
    sodium_memzero(mac, sizeof mac);
    sodium_memzero(raw, sizeof raw);
    return same;
}
