/* Randomness that a test decides on: this getrandom stands in for the C library's, as a program's
 * own definition comes first. Include it in one file of a program. */
#ifndef WAFER_TESTS_RANDOMNESS_H
#define WAFER_TESTS_RANDOMNESS_H

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support.h"

static const uint8_t *next_random; /* given out instead of random bytes; NULL: nothing is */
static size_t next_random_size;    /* how many must be asked for */
static bool no_randomness;

ssize_t getrandom(void *bytes, size_t length, unsigned flags);
ssize_t getrandom(void *bytes, size_t length, unsigned flags)
{
    if (no_randomness)
        return -1;
    if (next_random == NULL)
        return (ssize_t)syscall(SYS_getrandom, bytes, length, flags);
    assert_int_equal(length, next_random_size);
    memcpy(bytes, next_random, length);
    return (ssize_t)length;
}

#endif
