/* Where several places serve all threads, so that none waits for another: which one is whose. */
#ifndef WAFER_SRC_SPREAD_H
#define WAFER_SRC_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#define WAFER_SPREAD_PLACES 16

/* One of the places for an address, of which nothing is read. Fibonacci hashing: the high bits
 * differ for neighbours in a pool too. */
static inline size_t wafer_spread(uintptr_t address)
{
    return (size_t)(((uint64_t)address >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> (64 - 4));
}

_Static_assert(WAFER_SPREAD_PLACES == 1 << 4, "four bits choose a place");

#endif
