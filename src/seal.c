#include "seal.h"

#include "nonce.h"

#include <string.h>

/* In a box the raw token lies so that its text is where ciphers want it. */
#define RAW_AT   (WAFER_BOX_TEXT - WAFER_NONCE_SIZE - WAFER_SEAL_HEADER)
#define NONCE_AT (WAFER_BOX_TEXT - WAFER_NONCE_SIZE)

/* Header and the first nonce bytes: two whole groups of base64, so they decode alone. */
#define PEEK_CHARACTERS 8
#define PEEK_BYTES      6

_Static_assert(WAFER_KEY_SIZE == WAFER_CIPHER_KEY, "key");
_Static_assert(WAFER_NONCE_SIZE == WAFER_CIPHER_NONCE, "nonce");
_Static_assert(WAFER_SEAL_HEADER <= WAFER_CIPHER_HEADER_MAX, "header");
_Static_assert(WAFER_SEAL_HEADER == 1 + WAFER_KEY_ID_SIZE, "header");
_Static_assert(WAFER_SEAL_OVERHEAD == WAFER_SEAL_HEADER + WAFER_NONCE_SIZE + WAFER_CIPHER_TAG,
               "overhead");
_Static_assert(WAFER_PLAIN_MAX == WAFER_BOX_TEXT_MAX, "every text fits a box");
_Static_assert(RAW_AT + WAFER_RAW_MAX <= WAFER_BOX_SIZE, "every token fits a box");
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
                                       size_t length, struct wafer_box *raw,
                                       struct wafer_box *plain, size_t *plain_length)
{
    size_t raw_length = WAFER_BASE64_BYTES(length);
    uint8_t header[WAFER_SEAL_HEADER];
    uint8_t nonce[WAFER_NONCE_SIZE];
    uint8_t tag[WAFER_CIPHER_TAG];

    if (raw_length < WAFER_SEAL_OVERHEAD || length > WAFER_TOKEN_MAX)
        return WAFER_SEAL_LENGTH;
    if (!wafer_base64_decode(token, length, raw->bytes + RAW_AT))
        return WAFER_SEAL_TEXT;
    size_t text_length = raw_length - WAFER_SEAL_OVERHEAD;
    memcpy(header, raw->bytes + RAW_AT, sizeof header);
    memcpy(nonce, raw->bytes + NONCE_AT, sizeof nonce);
    memcpy(tag, raw->bytes + WAFER_BOX_TEXT + text_length, sizeof tag);
    const struct wafer_cipher_call call = {cipher_key, nonce, header, sizeof header};
    if (!wafer_cipher()->open(&call, raw, text_length, tag, plain))
        return WAFER_SEAL_TAG_WRONG;
    *plain_length = text_length;
    return WAFER_SEAL_OK;
}

bool wafer_seal_close(const uint8_t cipher_key[32], const uint8_t key_id[WAFER_KEY_ID_SIZE],
                      bool fresh_nonce, struct wafer_box *box, size_t length, char *token)
{
    uint8_t nonce[WAFER_NONCE_SIZE];
    uint8_t *raw = box->bytes + RAW_AT;

    if (!(fresh_nonce ? wafer_nonce_fresh(nonce) : wafer_nonce(nonce)))
        return false;
    const uint8_t header[WAFER_SEAL_HEADER] = {WAFER_FORMAT, key_id[0], key_id[1], key_id[2]};
    uint8_t tag[WAFER_CIPHER_TAG];
    const struct wafer_cipher_call call = {cipher_key, nonce, header, sizeof header};
    wafer_cipher()->seal(&call, box, length, tag);
    memcpy(raw, header, sizeof header);
    memcpy(box->bytes + NONCE_AT, nonce, sizeof nonce);
    memcpy(box->bytes + WAFER_BOX_TEXT + length, tag, sizeof tag);
    wafer_base64_encode(raw, length + WAFER_SEAL_OVERHEAD, token);
    return true;
}
