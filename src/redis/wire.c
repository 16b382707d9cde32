#include "wire.h"

#include <sodium.h>
#include <string.h>

enum {
    VERSION = 1,
    HEARTBEAT = 64,
    AT_KIND = 1,
    AT_KEY = 2,
    AT_TIME = AT_KEY + WAFER_ID_SIZE,
    AT_RENEWALS = AT_TIME + 8,
    AT_MAC = AT_RENEWALS + 4,
    MAC_SIZE = WAFER_WIRE_SIZE - AT_MAC
};

_Static_assert(MAC_SIZE == 16, "the layout in wire.h");

const char *wafer_wire_fault_text(enum wafer_wire_fault fault)
{
    switch (fault) {
    case WAFER_WIRE_GOOD:
        return "good";
    case WAFER_WIRE_LENGTH:
        return "of another length";
    case WAFER_WIRE_VERSION:
        return "of another version of the library";
    case WAFER_WIRE_MAC:
        return "not signed with this machine's secret, or damaged";
    case WAFER_WIRE_CONTENT:
        return "of a kind, time or count that cannot be";
    case WAFER_WIRE_AHEAD:
        return "of a later time than sound clocks make; it is in effect as of now, but a clock is "
               "wrong";
    }
    return "not known";
}

static void write_number(uint8_t *to, unsigned size, uint64_t number)
{
    for (unsigned i = 0; i < size; i++)
        to[i] = (uint8_t)(number >> 8 * (size - 1 - i));
}

static uint64_t read_number(const uint8_t *from, unsigned size)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < size; i++)
        number = number << 8 | from[i];
    return number;
}

void wafer_wire_key(const uint8_t secret[WAFER_SECRET_SIZE], const char *stream,
                    uint8_t key[WAFER_WIRE_KEY_SIZE])
{
    static const char label[] = "wafer stream 1"; /* hashed with its NUL */
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, secret, WAFER_SECRET_SIZE, WAFER_WIRE_KEY_SIZE);
    (void)crypto_generichash_update(&state, (const uint8_t *)label, sizeof label);
    (void)crypto_generichash_update(&state, (const uint8_t *)stream, strlen(stream));
    (void)crypto_generichash_final(&state, key, WAFER_WIRE_KEY_SIZE);
    sodium_memzero(&state, sizeof state);
}

/* No record begins as the label does. */
void wafer_wire_check(const uint8_t key[WAFER_WIRE_KEY_SIZE], uint8_t check[WAFER_WIRE_CHECK_SIZE])
{
    static const char label[] = "wafer check 1";

    (void)crypto_generichash(check, WAFER_WIRE_CHECK_SIZE, (const uint8_t *)label, sizeof label,
                             key, WAFER_WIRE_KEY_SIZE);
}

static void sign(const uint8_t key[WAFER_WIRE_KEY_SIZE], const uint8_t *bytes, uint8_t *mac)
{
    (void)crypto_generichash(mac, MAC_SIZE, bytes, AT_MAC, key, WAFER_WIRE_KEY_SIZE);
}

void wafer_wire_write(const uint8_t key[WAFER_WIRE_KEY_SIZE],
                      const struct wafer_wire_record *record, uint8_t bytes[WAFER_WIRE_SIZE])
{
    const wafer_revocation *entry = &record->entry;

    memset(bytes, 0, WAFER_WIRE_SIZE);
    bytes[0] = VERSION;
    bytes[AT_KIND] = record->heartbeat ? HEARTBEAT : (uint8_t)entry->kind;
    if (record->heartbeat)
        write_number(bytes + AT_KEY, 8, (uint64_t)record->retention_ms);
    else if (entry->kind != WAFER_REVOKE_EVERYONE)
        memcpy(bytes + AT_KEY, entry->key, WAFER_ID_SIZE);
    write_number(bytes + AT_TIME, 8, (uint64_t)entry->at_ms);
    if (!record->heartbeat && entry->kind == WAFER_REVOKE_COPIES)
        write_number(bytes + AT_RENEWALS, 4, entry->renewals);
    sign(key, bytes, bytes + AT_MAC);
}

bool wafer_wire_is_signed(const uint8_t key[WAFER_WIRE_KEY_SIZE],
                          const uint8_t bytes[WAFER_WIRE_SIZE])
{
    uint8_t mac[MAC_SIZE];

    sign(key, bytes, mac);
    return sodium_memcmp(mac, bytes + AT_MAC, MAC_SIZE) == 0;
}

bool wafer_wire_claims_heartbeat(const void *bytes, size_t length)
{
    const uint8_t *from = bytes;

    return length == WAFER_WIRE_SIZE && from[0] == VERSION && from[AT_KIND] == HEARTBEAT;
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    return sodium_is_zero(bytes, length) == 1;
}

static bool read_heartbeat(const uint8_t *bytes, struct wafer_wire_record *record)
{
    uint64_t retention_ms = read_number(bytes + AT_KEY, 8);

    record->heartbeat = true;
    record->retention_ms = (int64_t)retention_ms;
    return retention_ms > 0 && retention_ms <= (uint64_t)WAFER_LIFETIME_MAX_MS &&
           is_zero(bytes + AT_KEY + 8, WAFER_ID_SIZE - 8) && is_zero(bytes + AT_RENEWALS, 4);
}

static bool read_entry(const uint8_t *bytes, wafer_revocation *entry)
{
    uint64_t renewals = read_number(bytes + AT_RENEWALS, 4);

    entry->renewals = (uint32_t)renewals;
    memcpy(entry->key, bytes + AT_KEY, WAFER_ID_SIZE);
    switch (bytes[AT_KIND]) {
    case WAFER_REVOKE_SESSION:
    case WAFER_REVOKE_SUBJECT:
        entry->kind = (wafer_revocation_kind)bytes[AT_KIND];
        return renewals == 0;
    case WAFER_REVOKE_EVERYONE:
        entry->kind = WAFER_REVOKE_EVERYONE;
        return renewals == 0 && is_zero(entry->key, WAFER_ID_SIZE);
    case WAFER_REVOKE_COPIES:
        entry->kind = WAFER_REVOKE_COPIES;
        return renewals <= WAFER_RENEWALS_MAX;
    default:
        return false;
    }
}

enum wafer_wire_fault wafer_wire_read(const uint8_t key[WAFER_WIRE_KEY_SIZE], const void *bytes,
                                      size_t length, int64_t now_ms, int64_t skew_ms,
                                      struct wafer_wire_record *record)
{
    const uint8_t *from = bytes;

    *record = (struct wafer_wire_record){.heartbeat = false};
    if (length == 0)
        return WAFER_WIRE_LENGTH;
    if (from[0] != VERSION)
        return WAFER_WIRE_VERSION;
    if (length != WAFER_WIRE_SIZE)
        return WAFER_WIRE_LENGTH;
    if (!wafer_wire_is_signed(key, from))
        return WAFER_WIRE_MAC;
    uint64_t at_ms = read_number(from + AT_TIME, 8);
    /* Time 0 would ask a list for "now". */
    if (at_ms == 0 || at_ms > (uint64_t)WAFER_TIME_MAX_MS)
        return WAFER_WIRE_CONTENT;
    record->entry.at_ms = (int64_t)at_ms;
    if (from[AT_KIND] == HEARTBEAT)
        return read_heartbeat(from, record) ? WAFER_WIRE_GOOD : WAFER_WIRE_CONTENT;
    if (!read_entry(from, &record->entry))
        return WAFER_WIRE_CONTENT;
    if (record->entry.at_ms > now_ms + 2 * skew_ms)
        record->entry.at_ms = now_ms + 2 * skew_ms;
    return (int64_t)at_ms > now_ms + 3 * skew_ms ? WAFER_WIRE_AHEAD : WAFER_WIRE_GOOD;
}
