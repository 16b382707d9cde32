/* An entry of the stream, which may be anything: what the feeder reads of it is what a plain model
 * reads, a table takes all that it reads, and what was changed under its signature is refused.
 *
 *     input   what to do with the rest: its first bit, sign it; its second, read it as an id */
#include "world.h"

#include "redis/stream.h"
#include "redis/wire.h"

#include <stdio.h>

#define SKEW   WAFER_MINUTE_MS
#define SIGNED 30 /* bytes of a record in front of its signature */

static uint8_t key[WAFER_WIRE_KEY_SIZE];
static wafer_revocations *table;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;

    (void)argc;
    (void)argv;
    must(sodium_init() >= 0);
    wafer_wire_key((const uint8_t *)"0123456789abcdef0123456789abcdef", "wafer", key);
    settings.on_start = WAFER_START_FORGETS;
    settings.capacity = 100000;
    settings.clock = fuzz_clock;
    must(wafer_revocations_new(&settings, &table, NULL) == WAFER_OK);
    return 0;
}

/* ---- the model: written from the description in wire.h alone */

static uint64_t number_at(const uint8_t *bytes, unsigned from, unsigned to)
{
    uint64_t number = 0;

    for (unsigned i = from; i < to; i++)
        number = number * 256 + bytes[i];
    return number;
}

static bool zero_at(const uint8_t *bytes, unsigned from, unsigned to)
{
    return number_at(bytes, from, to < from + 8 ? to : from + 8) == 0 &&
           (to <= from + 8 || zero_at(bytes, from + 8, to));
}

static enum wafer_wire_fault model(const uint8_t *bytes, size_t length, bool is_signed,
                                   int64_t *at_ms)
{
    uint64_t time;
    uint64_t renewals;
    uint64_t retention;

    if (length == 0)
        return WAFER_WIRE_LENGTH;
    if (bytes[0] != 1)
        return WAFER_WIRE_VERSION;
    if (length != WAFER_WIRE_SIZE)
        return WAFER_WIRE_LENGTH;
    if (!is_signed)
        return WAFER_WIRE_MAC;
    time = number_at(bytes, 18, 26);
    renewals = number_at(bytes, 26, 30);
    retention = number_at(bytes, 2, 10);
    if (time == 0 || time > (uint64_t)WAFER_TIME_MAX_MS)
        return WAFER_WIRE_CONTENT;
    *at_ms = (int64_t)time;
    if (bytes[1] == 64)
        return retention > 0 && retention <= (uint64_t)WAFER_LIFETIME_MAX_MS &&
                       zero_at(bytes, 10, 18) && renewals == 0
                   ? WAFER_WIRE_GOOD
                   : WAFER_WIRE_CONTENT;
    if (bytes[1] < 1 || bytes[1] > 4 || renewals > (bytes[1] == 4 ? 131071 : 0) ||
        (bytes[1] == 3 && !zero_at(bytes, 2, 18)))
        return WAFER_WIRE_CONTENT;
    if (time > (uint64_t)(FUZZ_NOW + 2 * SKEW))
        *at_ms = FUZZ_NOW + 2 * SKEW;
    return time > (uint64_t)(FUZZ_NOW + 3 * SKEW) ? WAFER_WIRE_AHEAD : WAFER_WIRE_GOOD;
}

/* ---- what is done with it */

/* What was read is written as it came, but for a time that was taken as another. */
static void check_round_trip(const uint8_t *bytes, const struct wafer_wire_record *record)
{
    uint8_t again[WAFER_WIRE_SIZE];

    wafer_wire_write(key, record, again);
    if (record->entry.at_ms == (int64_t)number_at(bytes, 18, 26))
        must(memcmp(again, bytes, sizeof again) == 0);
}

static void check_table(wafer_revocation entry)
{
    wafer_revocations_status status;
    wafer_result result = wafer_revocations_apply(table, FUZZ_NOW, &entry);

    must(result == WAFER_OK || result == WAFER_LIST_FULL);
    must(wafer_revocations_look(table, &status) == WAFER_OK);
    must(status.not_before_ms <= FUZZ_NOW + 2 * SKEW);
}

static void check_record(const uint8_t *bytes, size_t length, bool is_signed)
{
    uint8_t *copy = calloc(length + 1, 1); /* its end is what a sanitizer watches */
    struct wafer_wire_record record;
    enum wafer_wire_fault fault;
    int64_t at_ms = 0;

    must(copy != NULL);
    if (length > 0)
        memcpy(copy + 1, bytes, length);
    fault = wafer_wire_read(key, copy + 1, length, FUZZ_NOW, SKEW, &record);
    must(fault == model(bytes, length, is_signed, &at_ms));
    must(*wafer_wire_fault_text(fault) != '\0');
    if (fault == WAFER_WIRE_GOOD || fault == WAFER_WIRE_AHEAD) {
        must(record.entry.at_ms == at_ms && record.heartbeat == (bytes[1] == 64));
        check_round_trip(bytes, &record);
        if (!record.heartbeat)
            check_table(record.entry);
    }
    free(copy);
}

static void check_signed(const uint8_t *bytes, size_t length)
{
    uint8_t record[WAFER_WIRE_SIZE + SIGNED] = {0};
    size_t body = length < SIGNED ? length : SIGNED;

    if (body > 0)
        memcpy(record, bytes, body);
    must(crypto_generichash(record + SIGNED, WAFER_WIRE_SIZE - SIGNED, record, SIGNED, key,
                            sizeof key) == 0);
    check_record(record, WAFER_WIRE_SIZE, true);
    if (length <= SIGNED)
        return;
    record[bytes[SIGNED] % WAFER_WIRE_SIZE] ^= (uint8_t)(1U << bytes[SIGNED] / 32U);
    check_record(record, WAFER_WIRE_SIZE, false);
}

static void check_id(const uint8_t *bytes, size_t length)
{
    char text[WAFER_STREAM_ID_TEXT];
    struct wafer_stream_id id;
    struct wafer_stream_id again;

    if (!wafer_stream_id_read((const char *)bytes, length, &id))
        return;
    wafer_stream_id_write(&id, text);
    must(wafer_stream_id_read(text, strlen(text), &again));
    must(wafer_stream_compare(&id, &again) == 0);
    must(strlen(text) <= length); /* it had leading zeros, at most */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 2)
        check_id(data + 1, size - 1);
    else if (data[0] & 1)
        check_signed(data + 1, size - 1);
    else
        check_record(data + 1, size - 1, false);
    return 0;
}
