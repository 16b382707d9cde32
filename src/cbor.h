/* The part of CBOR that variables need (RFC 8949), in deterministic encoding (4.2.1): shortest
 * heads, definite lengths. A bounded reader and a bounded writer. */
#ifndef WAFER_SRC_CBOR_H
#define WAFER_SRC_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Major types (RFC 8949 3.1). */
enum wafer_cbor_major {
    WAFER_CBOR_UNSIGNED = 0,
    WAFER_CBOR_NEGATIVE = 1,
    WAFER_CBOR_BYTES = 2,
    WAFER_CBOR_TEXT = 3,
    WAFER_CBOR_MAP = 5,
    WAFER_CBOR_SIMPLE = 7
};
#define WAFER_CBOR_FALSE    20
#define WAFER_CBOR_TRUE     21
#define WAFER_CBOR_HEAD_MAX 9

/* Arguments below this are in the head's one byte. Nearly all are: that much is inline. */
#define WAFER_CBOR_SHORT 24

/* A head that was read. */
struct wafer_cbor_head {
    const uint8_t *next; /* behind it; NULL: there is none */
    uint64_t argument;
    unsigned major;
};

/* The functions below for longer arguments, and reading for all. */
size_t wafer_cbor_long_head_size(uint64_t argument);
size_t wafer_cbor_put_long_head(enum wafer_cbor_major major, uint64_t argument, uint8_t *out);
struct wafer_cbor_head wafer_cbor_get_any_head(const uint8_t *at, const uint8_t *end);

/* Bytes that a head with this argument takes. */
static inline size_t wafer_cbor_head_size(uint64_t argument)
{
    return argument < WAFER_CBOR_SHORT ? 1 : wafer_cbor_long_head_size(argument);
}

/* Writes a head in its shortest form and returns its size; out has room for it. */
static inline size_t wafer_cbor_put_head(enum wafer_cbor_major major, uint64_t argument,
                                         uint8_t *out)
{
    if (argument >= WAFER_CBOR_SHORT)
        return wafer_cbor_put_long_head(major, argument, out);
    *out = (uint8_t)((unsigned)major << 5 | argument);
    return 1;
}

/* Reads a head. None is there at the end, nor in a longer form than needed, an indefinite length or
 * a reserved value. Simple values come as WAFER_CBOR_SIMPLE only when false or true. */
static inline struct wafer_cbor_head wafer_cbor_get_head(const uint8_t *at, const uint8_t *end)
{
    if (at == end || (*at & 31) >= WAFER_CBOR_SHORT || *at >> 5 == WAFER_CBOR_SIMPLE)
        return wafer_cbor_get_any_head(at, end);
    return (struct wafer_cbor_head){at + 1, *at & 31, *at >> 5};
}

#endif
