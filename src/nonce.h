/* Randomness. Everything random in the library comes from here, and a failure is a failure: there
 * is no second source. */
#ifndef WAFER_SRC_NONCE_H
#define WAFER_SRC_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAFER_NONCE_SIZE 24

/* Fills bytes (at most 256) from getrandom(2). False, with bytes zeroed, when the system refuses.
 * Thread-safe; nothing is buffered, so fork and cloned machines repeat nothing. */
bool wafer_random(void *bytes, size_t length);

/* A nonce for one seal: 24 random bytes, one getrandom. */
bool wafer_nonce(uint8_t nonce[WAFER_NONCE_SIZE]);

#endif
