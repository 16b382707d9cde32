/* One record of the stream: the bytes of an entry or of a heartbeat, signed.
 *
 *     version 1 | kind 1 | key 16 | time 8 | renewals 4 | MAC 16          numbers are big-endian
 *
 * Kinds 1 to 4 are those of wafer_revocation_kind; kind 64 is a heartbeat, of which the time is the
 * sender's clock and the key the sender's retention (8) and zeros. The MAC is BLAKE2b-128 over the
 * bytes in front of it, under a key that follows from the secret and the stream's name. So nobody
 * without the secret makes records, nor moves them from one stream to another. */
#ifndef WAFER_SRC_REDIS_WIRE_H
#define WAFER_SRC_REDIS_WIRE_H

#include <wafer.h>

#define WAFER_WIRE_SIZE       46
#define WAFER_WIRE_KEY_SIZE   32
#define WAFER_SECRET_SIZE     32
#define WAFER_WIRE_CHECK_SIZE 16

/* What a record says. */
struct wafer_wire_record {
    bool heartbeat;
    wafer_revocation entry; /* of a heartbeat only at_ms */
    int64_t retention_ms;   /* of a heartbeat */
};

/* Why a record cannot be used. */
enum wafer_wire_fault {
    WAFER_WIRE_GOOD = 0,
    WAFER_WIRE_LENGTH,
    WAFER_WIRE_VERSION,
    WAFER_WIRE_MAC,
    WAFER_WIRE_CONTENT, /* signed by a holder of the secret, and impossible all the same */
    WAFER_WIRE_AHEAD    /* an entry later than any sound clock would have made it; usable */
};

/* The words for it. */
const char *wafer_wire_fault_text(enum wafer_wire_fault fault);

void wafer_wire_key(const uint8_t secret[WAFER_SECRET_SIZE], const char *stream,
                    uint8_t key[WAFER_WIRE_KEY_SIZE]);

/* What tells keys apart, and says nothing of them. */
void wafer_wire_check(const uint8_t key[WAFER_WIRE_KEY_SIZE], uint8_t check[WAFER_WIRE_CHECK_SIZE]);

void wafer_wire_write(const uint8_t key[WAFER_WIRE_KEY_SIZE],
                      const struct wafer_wire_record *record, uint8_t bytes[WAFER_WIRE_SIZE]);

/* Reads what may be anything. An entry's time beyond now + 2 skews, which no list takes, becomes
 * that: every login which it is to refuse is earlier still, and nobody is locked out for longer. A
 * sender whose clock is ahead by what is allowed may come to 3 skews. Beyond that a clock is wrong,
 * the sender's or this one: the entry is usable, and worth reading again when clocks agree. */
enum wafer_wire_fault wafer_wire_read(const uint8_t key[WAFER_WIRE_KEY_SIZE], const void *bytes,
                                      size_t length, int64_t now_ms, int64_t skew_ms,
                                      struct wafer_wire_record *record);

/* Of a heartbeat's size, version and kind, whoever signed it. */
bool wafer_wire_claims_heartbeat(const void *bytes, size_t length);

/* The MAC alone, as records in the queue were made by this machine. */
bool wafer_wire_is_signed(const uint8_t key[WAFER_WIRE_KEY_SIZE],
                          const uint8_t bytes[WAFER_WIRE_SIZE]);

#endif
