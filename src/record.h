/* Wire format 1, the inside: what stands in front of the variables in the plaintext.
 *
 *     id        16 bytes
 *     login     6 bytes, big-endian: milliseconds since 1970, at most WAFER_TIME_MAX_MS
 *     flags     1 byte: 1 outlives the browser, 2 active follows, others zero
 *     sealed    signed compact: sealed-at minus login
 *     active    compact, only with flag 2 and then not zero: sealed-at minus the last activity
 *     absolute  signed compact: absolute expiry minus login
 *     idle      compact: the idle limit in milliseconds, 0 for none
 *     renewals  compact: how often it was renewed
 *     subject   1 byte of length, then the bytes; text; none when 0
 *     variables a CBOR map, variables.h
 *     padding   zeros to the end
 *
 * Compact is LEB128: seven bits a byte, the lowest first, the high bit on all bytes but the last,
 * no more bytes than needed. Signed compact maps 0, -1, 1, -2 ... to 0, 1, 2, 3 ... first. */
#ifndef WAFER_SRC_RECORD_H
#define WAFER_SRC_RECORD_H

#include <sodium.h>
#include <string.h>

#include <wafer.h>

/* Room for everything in front of the variables but the subject's bytes, at the longest. */
#define WAFER_RECORD_MAX (16 + 6 + 1 + 7 + 7 + 7 + 7 + 3 + 1)

struct wafer_record {
    uint8_t id[WAFER_ID_SIZE];
    int64_t login_at_ms;
    int64_t sealed_at_ms;
    int64_t active_at_ms; /* at most sealed_at_ms; the idle limit counts from here */
    int64_t absolute_at_ms;
    int64_t idle_ms; /* 0: no limit */
    uint32_t renewals;
    bool outlives_browser;
    bool list_key_known; /* not of the sealed form: what lists call the subject, worked out once */
    uint8_t list_key[WAFER_ID_SIZE];
    uint8_t subject_length; /* 0: nobody is signed in */
    char subject[WAFER_SUBJECT_MAX + 1];
};

/* Of a record the bytes behind its subject are zeros at all times, so that zeroing and copying need
 * not touch them. A record has to be zeroed before it is given another subject. Calls that are not
 * made inline are faster here than what compilers make of lengths up to 255. */
static inline void wafer_record_zero(struct wafer_record *record)
{
    if (record->subject_length > 0)
        sodium_memzero(record->subject, record->subject_length);
    memset(record, 0, offsetof(struct wafer_record, subject));
}

/* Into one of zeros. */
static inline void wafer_record_copy(struct wafer_record *to, const struct wafer_record *from)
{
    memcpy(to, from, offsetof(struct wafer_record, subject));
    if (from->subject_length > 0)
        memmove(to->subject, from->subject, from->subject_length);
}

/* Writes the record and returns its length; out has room for WAFER_RECORD_MAX and the subject. The
 * record's times must be in range. */
size_t wafer_record_write(const struct wafer_record *record, uint8_t *out);

/* Reads a record from the front of plain into one of zeros; *used is what it took. False for
 * anything that wafer_record_write would not write. */
bool wafer_record_read(const uint8_t *plain, size_t length, struct wafer_record *record,
                       size_t *used);

#endif
