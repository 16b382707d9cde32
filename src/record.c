#include "record.h"

#include "utf8.h"

#include <endian.h>
#include <string.h>

#define LOGIN_SIZE            6
#define FLAG_OUTLIVES_BROWSER 1
#define FLAG_ACTIVE           2
#define COMPACT_MAX           7 /* bytes: 49 bits, more than any time needs */

/* No time in a record lies beyond this: the last login and the longest life after it. */
#define TIME_LIMIT_MS (WAFER_TIME_MAX_MS + WAFER_LIFETIME_MAX_MS)

_Static_assert(2 * TIME_LIMIT_MS < INT64_C(1) << (7 * COMPACT_MAX), "signed compact times fit");
_Static_assert(WAFER_TIME_MAX_MS < INT64_C(1) << (8 * LOGIN_SIZE), "login fits");
_Static_assert(LOGIN_SIZE == sizeof(uint16_t) + sizeof(uint32_t), "login is read in two pieces");

static uint8_t *put_compact(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

static uint8_t *put_signed(uint8_t *out, int64_t value)
{
    uint64_t magnitude = value < 0 ? (uint64_t)(-(value + 1)) : (uint64_t)value;

    return put_compact(out, magnitude << 1 | (value < 0));
}

/* Reading: `at` is NULL once anything was wrong, and stays so; one check at the end suffices. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static const uint8_t *get_bytes(struct reader *reader, size_t length)
{
    const uint8_t *bytes = reader->at;

    if (bytes == NULL || (size_t)(reader->end - bytes) < length) {
        reader->at = NULL;
        return NULL;
    }
    reader->at = bytes + length;
    return bytes;
}

static uint64_t get_compact(struct reader *reader, uint64_t most)
{
    const uint8_t *at = reader->at;
    uint64_t value = 0;
    unsigned shift = 0;

    if (at == NULL)
        return 0;
    while (at != reader->end && *at >= 0x80 && shift < 7 * (COMPACT_MAX - 1)) {
        value |= (uint64_t)(*at++ & 0x7F) << shift;
        shift += 7;
    }
    if (at == reader->end || *at >= 0x80 || (*at == 0 && shift > 0)) {
        reader->at = NULL;
        return 0;
    }
    value |= (uint64_t)*at << shift;
    reader->at = value <= most ? at + 1 : NULL;
    return value <= most ? value : 0;
}

/* A time as its distance from `base`; outside 0 .. TIME_LIMIT_MS is wrong. */
static int64_t get_time(struct reader *reader, int64_t base)
{
    uint64_t coded = get_compact(reader, (uint64_t)(2 * TIME_LIMIT_MS));
    int64_t distance = (int64_t)(coded >> 1);
    int64_t time = coded & 1 ? base - distance - 1 : base + distance;

    if (time < 0 || time > TIME_LIMIT_MS)
        reader->at = NULL;
    return time;
}

size_t wafer_record_write(const struct wafer_record *record, uint8_t *out)
{
    uint8_t *at = out;
    int64_t unused = record->sealed_at_ms - record->active_at_ms;
    unsigned flags = (record->outlives_browser ? FLAG_OUTLIVES_BROWSER : 0U) |
                     (unused > 0 ? FLAG_ACTIVE : 0U);

    memcpy(at, record->id, WAFER_ID_SIZE);
    at += WAFER_ID_SIZE;
    for (int shift = 8 * (LOGIN_SIZE - 1); shift >= 0; shift -= 8)
        *at++ = (uint8_t)(record->login_at_ms >> shift);
    *at++ = (uint8_t)flags;
    at = put_signed(at, record->sealed_at_ms - record->login_at_ms);
    if (unused > 0)
        at = put_compact(at, (uint64_t)unused);
    at = put_signed(at, record->absolute_at_ms - record->login_at_ms);
    at = put_compact(at, (uint64_t)record->idle_ms);
    at = put_compact(at, record->renewals);
    *at++ = record->subject_length;
    memcpy(at, record->subject, record->subject_length);
    return (size_t)(at + record->subject_length - out);
}

static void read_record_times(struct reader *reader, struct wafer_record *record, unsigned flags)
{
    record->sealed_at_ms = get_time(reader, record->login_at_ms);
    record->active_at_ms = record->sealed_at_ms;
    if (flags & FLAG_ACTIVE) {
        int64_t unused = (int64_t)get_compact(reader, (uint64_t)TIME_LIMIT_MS);

        if (unused == 0 || unused > record->sealed_at_ms)
            reader->at = NULL;
        record->active_at_ms -= unused;
    }
    record->absolute_at_ms = get_time(reader, record->login_at_ms);
    record->idle_ms = (int64_t)get_compact(reader, (uint64_t)WAFER_LIFETIME_MAX_MS);
    record->renewals = (uint32_t)get_compact(reader, WAFER_RENEWALS_MAX);
}

static void read_subject(struct reader *reader, struct wafer_record *record)
{
    const uint8_t *length = get_bytes(reader, 1);
    const uint8_t *subject = length != NULL ? get_bytes(reader, *length) : NULL;

    if (subject == NULL)
        return;
    if (!wafer_is_text(subject, *length)) {
        reader->at = NULL;
        return;
    }
    record->subject_length = *length;
    memcpy(record->subject, subject, *length);
    record->subject[*length] = '\0';
}

static int64_t get_login(const uint8_t *bytes)
{
    uint16_t high;
    uint32_t low;

    memcpy(&high, bytes, sizeof high);
    memcpy(&low, bytes + sizeof high, sizeof low);
    return (int64_t)be16toh(high) << 32 | be32toh(low);
}

bool wafer_record_read(const uint8_t *plain, size_t length, struct wafer_record *record,
                       size_t *used)
{
    struct reader reader = {plain, plain + length};
    const uint8_t *id = get_bytes(&reader, WAFER_ID_SIZE);
    const uint8_t *login = get_bytes(&reader, LOGIN_SIZE);
    const uint8_t *flags = get_bytes(&reader, 1);

    if (flags == NULL || *flags & ~(FLAG_OUTLIVES_BROWSER | FLAG_ACTIVE))
        return false;
    memcpy(record->id, id, WAFER_ID_SIZE);
    record->login_at_ms = get_login(login);
    if (record->login_at_ms > WAFER_TIME_MAX_MS)
        return false;
    record->outlives_browser = *flags & FLAG_OUTLIVES_BROWSER;
    read_record_times(&reader, record, *flags);
    read_subject(&reader, record);
    if (reader.at == NULL)
        return false;
    *used = (size_t)(reader.at - plain);
    return true;
}
