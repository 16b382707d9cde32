#include "equal.h"

#include <sodium.h>
#include <stdint.h>

bool wafer_equal(const void *one, const void *other, size_t length)
{
    const uint8_t *a = one;
    const uint8_t *b = other;
    int differs = 0;

    for (; length >= crypto_verify_64_BYTES; length -= crypto_verify_64_BYTES) {
        differs |= crypto_verify_64(a, b);
        a += crypto_verify_64_BYTES;
        b += crypto_verify_64_BYTES;
    }
    return (differs | sodium_memcmp(a, b, length)) == 0;
}
