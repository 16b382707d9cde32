/* Wire format 1, the outside: a plaintext to a token and back. What
 * cipher.h says is around the text is where the rest of the token goes.
 *
 *     token = base64url without padding of
 *
 *      0       1         4                          28                       n-16       n
 *     +-------+---------+--------------------------+--------- ... ----------+----------+
 *     | 1     | key id  | nonce, 24 random bytes   | ciphertext             | tag, 16  |
 *     +-------+---------+--------------------------+--------- ... ----------+----------+
 *      `-- additional data --'
 *
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha 2, RFC 8439 2.8). The key is the subkey that the
 * ring derived for the key id and this cookie's name and context. The plaintext is in record.h. */
#ifndef WAFER_SRC_SEAL_H
#define WAFER_SRC_SEAL_H

#include "base64.h"
#include "cipher.h"
#include "keyfile.h"

#define WAFER_FORMAT        1
#define WAFER_SEAL_HEADER   4
#define WAFER_SEAL_TAG      WAFER_CIPHER_TAG
#define WAFER_SEAL_OVERHEAD 44 /* header, nonce and tag */

/* The longest token that can be in a cookie of 4096 bytes, its raw and its plain size. */
#define WAFER_TOKEN_MAX 4096
#define WAFER_RAW_MAX   3072
#define WAFER_PLAIN_MAX (WAFER_RAW_MAX - WAFER_SEAL_OVERHEAD)

/* The token of a plaintext, in characters; and the longest plaintext of a token. */
#define WAFER_TOKEN_LENGTH(plain) WAFER_BASE64_LENGTH((plain) + WAFER_SEAL_OVERHEAD)
#define WAFER_TOKEN_PLAIN(token)  (WAFER_BASE64_BYTES(token) - WAFER_SEAL_OVERHEAD)

/* Why a text is no token; wafer_explain's words, one verdict for the client. */
enum wafer_seal_result {
    WAFER_SEAL_OK = 0,
    WAFER_SEAL_LENGTH,   /* too short or too long for any token */
    WAFER_SEAL_TEXT,     /* not canonical base64url */
    WAFER_SEAL_FORMAT,   /* another version */
    WAFER_SEAL_TAG_WRONG /* not sealed under this key, or changed since */
};

/* Reads version and key id from the first characters, without a key. */
enum wafer_seal_result wafer_seal_peek(const char *token, size_t length,
                                       uint8_t key_id[WAFER_KEY_ID_SIZE]);

/* Opens a token that peek took. `raw` holds no secret afterwards. On OK the text in *plain has
 * *plain_length bytes; otherwise plain is untouched or zeroed, and nothing of it was read. */
enum wafer_seal_result wafer_seal_open(const uint8_t cipher_key[32], const char *token,
                                       size_t length, struct wafer_box *raw,
                                       struct wafer_box *plain, size_t *plain_length);

/* Seals the text in the box (at most WAFER_PLAIN_MAX), which is gone then, and writes
 * WAFER_TOKEN_LENGTH(length) characters, no NUL. The nonce is from a batch or, if it is
 * to be fresh, from the system. False, with nothing written to token and the box as before, without
 * randomness. */
bool wafer_seal_close(const uint8_t cipher_key[32], const uint8_t key_id[WAFER_KEY_ID_SIZE],
                      bool fresh_nonce, struct wafer_box *box, size_t length, char *token);

#endif
