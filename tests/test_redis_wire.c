/* Records of the stream, and what the table has and the stream lacks. No Redis is needed. */
#include "folder.h"

#include <errno.h>

#include "redis/lacking.h"
#include "redis/stream.h"
#include "redis/wire.h"

#define NOW  INT64_C(1800000000000)
#define SKEW WAFER_MINUTE_MS

static const uint8_t secret[WAFER_SECRET_SIZE] = "the secret of all the machines.";
static uint8_t key[WAFER_WIRE_KEY_SIZE];

static int make_key(void **state)
{
    (void)state;
    wafer_wire_key(secret, "wafer", key);
    return 0;
}

static wafer_revocation entry_of(wafer_revocation_kind kind, uint8_t number, int64_t at_ms,
                                 uint32_t renewals)
{
    wafer_revocation entry = {.kind = kind, .at_ms = at_ms, .renewals = renewals};

    if (kind != WAFER_REVOKE_EVERYONE)
        memset(entry.key, number, sizeof entry.key);
    return entry;
}

static void write_entry(wafer_revocation entry, uint8_t bytes[WAFER_WIRE_SIZE])
{
    const struct wafer_wire_record record = {.entry = entry};

    wafer_wire_write(key, &record, bytes);
}

static enum wafer_wire_fault read_at(const uint8_t *bytes, size_t length,
                                     struct wafer_wire_record *record)
{
    uint8_t *copy = guarded_copy(bytes, length);
    enum wafer_wire_fault fault = wafer_wire_read(key, copy, length, NOW, SKEW, record);

    guarded_free(copy, length);
    return fault;
}

/* ---- Records ---- */

static void a_record_is_read_as_it_was_written(void **state)
{
    (void)state;
    const wafer_revocation entries[] = {
        entry_of(WAFER_REVOKE_SESSION, 7, NOW, 0),
        entry_of(WAFER_REVOKE_SUBJECT, 8, NOW + 2 * SKEW, 0),
        entry_of(WAFER_REVOKE_EVERYONE, 0, 1, 0),
        entry_of(WAFER_REVOKE_COPIES, 9, NOW - 1, 1),
        entry_of(WAFER_REVOKE_COPIES, 10, NOW, WAFER_RENEWALS_MAX),
    };

    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct wafer_wire_record read;
        uint8_t bytes[WAFER_WIRE_SIZE];
        write_entry(entries[i], bytes);
        assert_int_equal(read_at(bytes, sizeof bytes, &read), WAFER_WIRE_GOOD);
        assert_false(read.heartbeat);
        assert_int_equal(read.entry.kind, entries[i].kind);
        assert_memory_equal(read.entry.key, entries[i].key, WAFER_ID_SIZE);
        assert_int_equal(read.entry.at_ms, entries[i].at_ms);
        assert_int_equal(read.entry.renewals, entries[i].renewals);
    }
}

static void a_heartbeat_tells_time_and_retention(void **state)
{
    (void)state;
    struct wafer_wire_record beat = {.heartbeat = true, .retention_ms = WAFER_DAY_MS};
    struct wafer_wire_record read;
    uint8_t bytes[WAFER_WIRE_SIZE];

    /* Of its time the reader judges. */
    beat.entry.at_ms = NOW + WAFER_DAY_MS;
    wafer_wire_write(key, &beat, bytes);
    assert_int_equal(read_at(bytes, sizeof bytes, &read), WAFER_WIRE_GOOD);
    assert_true(read.heartbeat);
    assert_int_equal(read.entry.at_ms, NOW + WAFER_DAY_MS);
    assert_int_equal(read.retention_ms, WAFER_DAY_MS);
    for (unsigned i = 0; i < 2; i++) {
        beat.retention_ms = i == 0 ? 0 : WAFER_LIFETIME_MAX_MS + 1;
        wafer_wire_write(key, &beat, bytes);
        assert_int_equal(read_at(bytes, sizeof bytes, &read), WAFER_WIRE_CONTENT);
    }
}

static void every_bit_and_every_length_counts(void **state)
{
    (void)state;
    struct wafer_wire_record read;
    uint8_t bytes[WAFER_WIRE_SIZE + 2] = {0};

    write_entry(entry_of(WAFER_REVOKE_SESSION, 7, NOW, 0), bytes);
    for (size_t bit = 0; bit < 8 * (size_t)WAFER_WIRE_SIZE; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(read_at(bytes, WAFER_WIRE_SIZE, &read),
                         bit < 8 ? WAFER_WIRE_VERSION : WAFER_WIRE_MAC);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t length = 0; length <= sizeof bytes; length++)
        if (length != WAFER_WIRE_SIZE)
            assert_int_equal(read_at(bytes, length, &read), WAFER_WIRE_LENGTH);
    assert_int_equal(read_at(bytes, WAFER_WIRE_SIZE, &read), WAFER_WIRE_GOOD);
}

static void another_secret_or_stream_signs_otherwise(void **state)
{
    (void)state;
    uint8_t other_secret[WAFER_SECRET_SIZE];
    uint8_t other[WAFER_WIRE_KEY_SIZE];
    uint8_t bytes[WAFER_WIRE_SIZE];

    write_entry(entry_of(WAFER_REVOKE_SESSION, 7, NOW, 0), bytes);
    assert_true(wafer_wire_is_signed(key, bytes));
    wafer_wire_key(secret, "wafer2", other);
    assert_false(wafer_wire_is_signed(other, bytes));
    memcpy(other_secret, secret, sizeof secret);
    other_secret[31] ^= 1;
    wafer_wire_key(other_secret, "wafer", other);
    assert_false(wafer_wire_is_signed(other, bytes));
}

static void what_cannot_be_is_refused_though_it_is_signed(void **state)
{
    (void)state;
    const wafer_revocation entries[] = {
        entry_of((wafer_revocation_kind)0, 7, NOW, 0),
        entry_of((wafer_revocation_kind)5, 7, NOW, 0),
        entry_of((wafer_revocation_kind)63, 7, NOW, 0),
        entry_of((wafer_revocation_kind)255, 7, NOW, 0),
        entry_of(WAFER_REVOKE_SESSION, 7, 0, 0),
        entry_of(WAFER_REVOKE_SESSION, 7, -1, 0),
        entry_of(WAFER_REVOKE_SESSION, 7, INT64_MIN, 0),
        entry_of(WAFER_REVOKE_EVERYONE, 7, WAFER_TIME_MAX_MS + 1, 0),
        entry_of(WAFER_REVOKE_COPIES, 7, NOW, WAFER_RENEWALS_MAX + 1),
        entry_of(WAFER_REVOKE_COPIES, 7, NOW, UINT32_MAX),
    };

    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct wafer_wire_record read;
        uint8_t bytes[WAFER_WIRE_SIZE];
        write_entry(entries[i], bytes);
        assert_int_equal(read_at(bytes, sizeof bytes, &read), WAFER_WIRE_CONTENT);
        assert_true(strlen(wafer_wire_fault_text(WAFER_WIRE_CONTENT)) > 10);
    }
}

static void a_later_time_than_a_list_takes_becomes_the_latest_it_takes(void **state)
{
    (void)state;
    const struct {
        int64_t at_ms;
        int64_t taken_ms;
        enum wafer_wire_fault fault;
    } cases[] = {
        {NOW + 2 * SKEW, NOW + 2 * SKEW, WAFER_WIRE_GOOD},
        {NOW + 2 * SKEW + 1, NOW + 2 * SKEW, WAFER_WIRE_GOOD},
        {NOW + 3 * SKEW, NOW + 2 * SKEW, WAFER_WIRE_GOOD},
        {NOW + 3 * SKEW + 1, NOW + 2 * SKEW, WAFER_WIRE_AHEAD},
        {WAFER_TIME_MAX_MS, NOW + 2 * SKEW, WAFER_WIRE_AHEAD},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wafer_wire_record read;
        uint8_t bytes[WAFER_WIRE_SIZE];
        write_entry(entry_of(WAFER_REVOKE_SUBJECT, 7, cases[i].at_ms, 0), bytes);
        assert_int_equal(read_at(bytes, sizeof bytes, &read), cases[i].fault);
        assert_int_equal(read.entry.at_ms, cases[i].taken_ms);
    }
}

/* ---- Ids ---- */

static void ids_are_read_strictly_and_compared_as_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "1",
                                      "1-",
                                      "-1",
                                      "1-1 ",
                                      " 1-1",
                                      "a-1",
                                      "1-1-1",
                                      "1--1",
                                      "18446744073709551616-0",
                                      "0x1-1"};
    struct wafer_stream_id id;
    struct wafer_stream_id one = {9, 2};
    struct wafer_stream_id other = {10, 1};
    char text[WAFER_STREAM_ID_TEXT];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(wafer_stream_id_read(bad[i], strlen(bad[i]), &id));
    assert_true(wafer_stream_id_read("18446744073709551615-18446744073709551615", 41, &id));
    assert_true(id.ms == UINT64_MAX && id.sequence == UINT64_MAX);
    wafer_stream_id_write(&id, text);
    assert_string_equal(text, "18446744073709551615-18446744073709551615");
    assert_true(wafer_stream_compare(&one, &other) < 0);
    assert_true(wafer_stream_compare(&other, &one) > 0);
    other = (struct wafer_stream_id){9, 3};
    assert_true(wafer_stream_compare(&one, &other) < 0);
    assert_int_equal(wafer_stream_compare(&one, &one), 0);
}

/* ---- What is too large ---- */

static void the_id_of_an_entry_that_is_too_large_is_found_in_the_bytes_before_it(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool found;
    } cases[] = {
        {"*1\r\n*2\r\n$5\r\nwafer\r\n*1\r\n*2\r\n$4\r\n12-3\r\n*2\r\n$1\r\ne\r\n$9", true},
        {"*1\r\n*2\r\n$5\r\nwafer\r\n*1\r\n*2\r\n$4\r\n12-3\r\n", true},
        {"*1\r\n*2\r\n$5\r\nwafer\r\n*1\r\n*2\r\n$4\r\n12-3", false},
        {"*1\r\n*2\r\n$5\r\nwafer\r\n*1\r\n*2\r\n$4\r\n12:3\r\n", false},
        {"*1\r\n*2\r\n$5\r\nwafer\r\n*1\r\n*2\r\n$4", false},
        {"*1\r\n*2\r\n$5\r\nwafer\r\n*2\r\n*2\r\n$4\r\n12-3\r\n", false},
        {"*1\r\n*2\r\n$5\r\nother\r\n*1\r\n*2\r\n$4\r\n12-3\r\n", false},
        {"$99999999\r\n12-3\r\n", false},
        {"", false},
    };
    static struct wafer_access_data access = {.stream = "wafer"};
    struct wafer_connection connection = {.access = &access};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wafer_stream_id id = {0, 0};
        (void)snprintf(connection.head, sizeof connection.head, "%s", cases[i].head);
        assert_int_equal(wafer_stream_oversized(&connection, &id), cases[i].found);
        if (cases[i].found)
            assert_true(id.ms == 12 && id.sequence == 3);
    }
}

/* ---- What a stream lacks ---- */

static void what_the_stream_does_not_have_is_left(void **state)
{
    (void)state;
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocation put[] = {
        entry_of(WAFER_REVOKE_SESSION, 1, NOW, 0),
        entry_of(WAFER_REVOKE_SESSION, 2, NOW, 0),
        entry_of(WAFER_REVOKE_SUBJECT, 3, NOW, 0),
        entry_of(WAFER_REVOKE_COPIES, 4, NOW, 5),
        entry_of(WAFER_REVOKE_COPIES, 5, NOW, 5),
        entry_of(WAFER_REVOKE_EVERYONE, 0, NOW, 0),
        entry_of(WAFER_REVOKE_SESSION, 6, NOW - WAFER_HOUR_MS, 0),
    };
    const wafer_revocation found[] = {
        entry_of(WAFER_REVOKE_SESSION, 1, NOW, 0),
        entry_of(WAFER_REVOKE_SUBJECT, 3, NOW - 1, 0),
        entry_of(WAFER_REVOKE_COPIES, 4, NOW, 4),
        entry_of(WAFER_REVOKE_COPIES, 5, 1, 6),
        entry_of(WAFER_REVOKE_EVERYONE, 0, NOW + 1, 0),
        entry_of(WAFER_REVOKE_SUBJECT, 2, NOW, 0),
        entry_of(WAFER_REVOKE_SESSION, 1, NOW, 0),
    };
    wafer_revocation left[8];
    struct wafer_lacking *lacking;
    wafer_revocations *table;
    bool seen[8] = {false};
    size_t taken;

    settings.on_start = WAFER_START_FORGETS;
    assert_int_equal(wafer_revocations_new(&settings, &table, NULL), WAFER_OK);
    assert_int_equal(wafer_revocations_apply_all(table, NOW, put, 7, &taken), WAFER_OK);
    assert_int_equal(wafer_lacking_new(table, NOW - 1000, &lacking), WAFER_OK);
    assert_int_equal(wafer_lacking_count(lacking), 6);
    for (size_t i = 0; i < sizeof found / sizeof *found; i++)
        wafer_lacking_found(lacking, &found[i]);
    assert_int_equal(wafer_lacking_count(lacking), 3);
    wafer_lacking_begin(lacking);
    assert_int_equal(wafer_lacking_next(lacking, left, 2), 2);
    assert_int_equal(wafer_lacking_next(lacking, left + 2, 6), 1);
    assert_int_equal(wafer_lacking_next(lacking, left + 3, 3), 0);
    assert_int_equal(wafer_lacking_count(lacking), 3); /* until they are found */
    for (size_t i = 0; i < 3; i++)
        seen[left[i].key[0]] = true;
    assert_true(seen[2] && seen[3] && seen[4]);
    wafer_lacking_free(lacking);
    wafer_revocations_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_read_as_it_was_written),
        cmocka_unit_test(a_heartbeat_tells_time_and_retention),
        cmocka_unit_test(every_bit_and_every_length_counts),
        cmocka_unit_test(another_secret_or_stream_signs_otherwise),
        cmocka_unit_test(what_cannot_be_is_refused_though_it_is_signed),
        cmocka_unit_test(a_later_time_than_a_list_takes_becomes_the_latest_it_takes),
        cmocka_unit_test(ids_are_read_strictly_and_compared_as_numbers),
        cmocka_unit_test(the_id_of_an_entry_that_is_too_large_is_found_in_the_bytes_before_it),
        cmocka_unit_test(what_the_stream_does_not_have_is_left),
    };

    return cmocka_run_group_tests_name("redis_wire", tests, make_key, NULL);
}
