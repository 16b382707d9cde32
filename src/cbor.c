#include "cbor.h"

/* The low five bits of a head: a short argument, or how many bytes of it follow. */
#define ONE_BYTE    24
#define EIGHT_BYTES 27

size_t wafer_cbor_any_head_size(uint64_t argument)
{
    if (argument < WAFER_CBOR_SHORT)
        return 1;
    if (argument <= UINT8_MAX)
        return 2;
    if (argument <= UINT16_MAX)
        return 3;
    return argument <= UINT32_MAX ? 5 : 9;
}

/* What the low five bits say when a head takes this many bytes. */
static uint8_t width_code(size_t head_size)
{
    switch (head_size) {
    case 2:
        return ONE_BYTE;
    case 3:
        return ONE_BYTE + 1;
    case 5:
        return ONE_BYTE + 2;
    default:
        return EIGHT_BYTES;
    }
}

size_t wafer_cbor_put_any_head(enum wafer_cbor_major major, uint64_t argument, uint8_t *out)
{
    const size_t size = wafer_cbor_head_size(argument);
    const uint8_t low = size == 1 ? (uint8_t)argument : width_code(size);

    out[0] = (uint8_t)((unsigned)major << 5 | low);
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (uint8_t)argument;
        argument >>= 8;
    }
    return size;
}

bool wafer_cbor_get_any_head(const uint8_t **at, const uint8_t *end, unsigned *major,
                             uint64_t *argument)
{
    const uint8_t *from = *at;

    if (from == end)
        return false;
    const unsigned kind = *from >> 5;
    const unsigned low = *from & 31;
    from++;
    if (low > EIGHT_BYTES)
        return false;
    uint64_t value = low;
    if (low >= ONE_BYTE) {
        const size_t width = (size_t)1 << (low - ONE_BYTE);
        if ((size_t)(end - from) < width)
            return false;
        value = 0;
        for (size_t i = 0; i < width; i++)
            value = value << 8 | from[i];
        if (wafer_cbor_head_size(value) != 1 + width)
            return false;
        from += width;
    }
    /* With major type 7 the longer forms are floats, and no simple value but these two is used. */
    if (kind == WAFER_CBOR_SIMPLE && low != WAFER_CBOR_FALSE && low != WAFER_CBOR_TRUE)
        return false;
    *at = from;
    *major = kind;
    *argument = value;
    return true;
}
