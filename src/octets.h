/* Sixteen bytes at once, for what is asked of every byte of a text. Compilers make vector code of
 * it where there is any, and plain code where not. */
#ifndef WAFER_SRC_OCTETS_H
#define WAFER_SRC_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t wafer_octets __attribute__((vector_size(16)));

#define WAFER_OCTETS sizeof(wafer_octets)

static inline wafer_octets wafer_octets_load(const void *bytes)
{
    wafer_octets loaded;

    memcpy(&loaded, bytes, sizeof loaded);
    return loaded;
}

/* Whether any bit of the mask is set in any of them. */
static inline bool wafer_octets_any(wafer_octets octets, uint8_t mask)
{
    uint64_t halves[2];

    memcpy(halves, &octets, sizeof halves);
    return ((halves[0] | halves[1]) & mask * UINT64_C(0x0101010101010101)) != 0;
}

#endif
