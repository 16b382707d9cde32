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

/* Bytes that a head with this argument takes. */
size_t wafer_cbor_head_size(uint64_t argument);
/* Writes a head in its shortest form and returns its size; out has room for it. */
size_t wafer_cbor_put_head(enum wafer_cbor_major major, uint64_t argument, uint8_t *out);
/* Reads a head at *at, moves *at past it. False at the end, for a longer form than needed, for
 * indefinite lengths and reserved values; *at then stays. Simple values come as WAFER_CBOR_SIMPLE
 * only when false or true. */
bool wafer_cbor_get_head(const uint8_t **at, const uint8_t *end, unsigned *major,
                         uint64_t *argument);

#endif
