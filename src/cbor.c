#include "cbor.h"

/* The low five bits of a head: a short argument, or how many bytes of it follow. */
#define ONE_BYTE    24
#define EIGHT_BYTES 27

size_t wafer_cbor_long_head_size(uint64_t argument)
{
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

size_t wafer_cbor_put_long_head(enum wafer_cbor_major major, uint64_t argument, uint8_t *out)
{
    const size_t size = wafer_cbor_long_head_size(argument);

    out[0] = (uint8_t)((unsigned)major << 5 | width_code(size));
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (uint8_t)argument;
        argument >>= 8;
    }
    return size;
}

static uint64_t read_number(const uint8_t *bytes, size_t width)
{
    uint64_t number = 0;

    for (size_t i = 0; i < width; i++)
        number = number << 8 | bytes[i];
    return number;
}

struct wafer_cbor_head wafer_cbor_get_any_head(const uint8_t *at, const uint8_t *end)
{
    const struct wafer_cbor_head none = {NULL, 0, 0};

    if (at == end)
        return none;
    const unsigned major = *at >> 5;
    const unsigned low = *at & 31;
    at++;
    /* With major type 7 the longer forms are floats, and no simple value but these two is used. */
    if (major == WAFER_CBOR_SIMPLE && low != WAFER_CBOR_FALSE && low != WAFER_CBOR_TRUE)
        return none;
    if (low < ONE_BYTE)
        return (struct wafer_cbor_head){at, low, major};
    if (low > EIGHT_BYTES)
        return none;
    const size_t width = (size_t)1 << (low - ONE_BYTE);
    if ((size_t)(end - at) < width)
        return none;
    const uint64_t number = width == 1 ? *at : read_number(at, width);
    if (wafer_cbor_head_size(number) != 1 + width)
        return none;
    return (struct wafer_cbor_head){at + width, number, major};
}
