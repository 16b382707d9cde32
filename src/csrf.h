/* CSRF tokens: a MAC over the session id under a subkey of the ring, masked afresh each time.
 *
 *     token = base64url of  version 1 (1) | key id (3) | mask (16) | mask xor MAC (16)
 *
 * The mask keeps compressed responses from leaking the MAC byte by byte (BREACH). */
#ifndef WAFER_SRC_CSRF_H
#define WAFER_SRC_CSRF_H

#include "keyfile.h"

/* Writes WAFER_CSRF_LENGTH characters and NUL. False, with token empty, without randomness. */
bool wafer_csrf_make(const uint8_t csrf_key[32], const uint8_t key_id[WAFER_KEY_ID_SIZE],
                     const uint8_t id[WAFER_ID_SIZE], char token[WAFER_CSRF_LENGTH + 1]);

/* Reads the key id; false when it is no token at all. */
bool wafer_csrf_peek(const char *token, size_t length, uint8_t key_id[WAFER_KEY_ID_SIZE]);

/* True when the token, which peek took, is for this id under this key. Constant time. */
bool wafer_csrf_verify(const uint8_t csrf_key[32], const uint8_t id[WAFER_ID_SIZE],
                       const char *token);

#endif
