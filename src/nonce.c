#include "nonce.h"

#include <errno.h>
#include <sodium.h>
#include <sys/random.h>

bool wafer_random(void *bytes, size_t length)
{
    uint8_t *out = bytes;
    size_t filled = 0;

    while (filled < length) {
        ssize_t got = getrandom(out + filled, length - filled, 0);

        if (got > 0) {
            filled += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            sodium_memzero(bytes, length);
            return false;
        }
    }
    return true;
}

bool wafer_nonce(uint8_t nonce[WAFER_NONCE_SIZE])
{
    return wafer_random(nonce, WAFER_NONCE_SIZE);
}
