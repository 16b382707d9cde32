/* Randomness that a test decides on: this getrandom stands in for the C library's, as a program's
 * own definition comes first, and the Makefile links with --wrap what takes of a batch. Include it
 * in one file of a program. */
#ifndef WAFER_TESTS_RANDOMNESS_H
#define WAFER_TESTS_RANDOMNESS_H

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nonce.h"
#include "support.h"

static const uint8_t *next_random; /* given out as the next nonce or mask; NULL: nothing is */
static size_t next_random_size;    /* how many must be asked for */
static bool no_randomness;         /* the system has none; call wafer_reseed to have it asked */

ssize_t getrandom(void *bytes, size_t length, unsigned flags);
ssize_t getrandom(void *bytes, size_t length, unsigned flags)
{
    if (no_randomness)
        return -1;
    return (ssize_t)syscall(SYS_getrandom, bytes, length, flags);
}

static bool gives_next(uint8_t *bytes, size_t length)
{
    if (next_random == NULL)
        return false;
    assert_int_equal(length, next_random_size);
    memcpy(bytes, next_random, length);
    return true;
}

bool __real_wafer_nonce(uint8_t *nonce);
bool __wrap_wafer_nonce(uint8_t *nonce);
bool __wrap_wafer_nonce(uint8_t *nonce)
{
    return gives_next(nonce, WAFER_NONCE_SIZE) || __real_wafer_nonce(nonce);
}

bool __real_wafer_mask(uint8_t *bytes, size_t length);
bool __wrap_wafer_mask(uint8_t *bytes, size_t length);
bool __wrap_wafer_mask(uint8_t *bytes, size_t length)
{
    return gives_next(bytes, length) || __real_wafer_mask(bytes, length);
}

#endif
