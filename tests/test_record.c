#include "support.h"

#include <string.h>

#include "record.h"

#define ROOM     (WAFER_RECORD_MAX + WAFER_SUBJECT_MAX)
#define ID       "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
#define LOGIN    "018bcfe56800"
#define LOGIN_MS INT64_C(1700000000000)

/* The latest time a record can hold: the longest life after the last login. */
#define LAST_MS (WAFER_TIME_MAX_MS + WAFER_LIFETIME_MAX_MS)

static const uint8_t id[WAFER_ID_SIZE] = {0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
                                          0xA8, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF};

/* ---- Helpers --------------------------------------------------------------------------------- */

static struct wafer_record some_record(void)
{
    struct wafer_record record = {.login_at_ms = LOGIN_MS,
                                  .sealed_at_ms = LOGIN_MS + 60000,
                                  .active_at_ms = LOGIN_MS + 15000,
                                  .absolute_at_ms = LOGIN_MS + 43200000,
                                  .idle_ms = 1800000,
                                  .renewals = 3,
                                  .outlives_browser = true,
                                  .subject_length = 5,
                                  .subject = "alice"};

    memcpy(record.id, id, sizeof id);
    return record;
}

static void assert_same(const struct wafer_record *one, const struct wafer_record *other)
{
    assert_memory_equal(one->id, other->id, sizeof one->id);
    assert_true(one->login_at_ms == other->login_at_ms);
    assert_true(one->sealed_at_ms == other->sealed_at_ms);
    assert_true(one->active_at_ms == other->active_at_ms);
    assert_true(one->absolute_at_ms == other->absolute_at_ms);
    assert_true(one->idle_ms == other->idle_ms);
    assert_int_equal(one->renewals, other->renewals);
    assert_int_equal(one->outlives_browser, other->outlives_browser);
    assert_int_equal(one->subject_length, other->subject_length);
    assert_memory_equal(one->subject, other->subject, (size_t)one->subject_length + 1);
}

/* Writes into memory that ends where the record does. */
static size_t write_exactly(const struct wafer_record *record, uint8_t out[ROOM])
{
    size_t length = wafer_record_write(record, out);
    uint8_t *exact = guarded(length);

    assert_in_range(length, 1, ROOM);
    assert_int_equal(wafer_record_write(record, exact), length);
    assert_memory_equal(exact, out, length);
    guarded_free(exact, length);
    return length;
}

/* Reads from memory that ends where the bytes do. Whatever was there before must not matter. */
static bool read_exactly(const uint8_t *bytes, size_t length, struct wafer_record *record,
                         size_t *used)
{
    uint8_t *exact = guarded_copy(bytes, length);
    bool good;

    memset(record, 0xA5, sizeof *record);
    good = wafer_record_read(exact, length, record, used);
    assert_memory_equal(exact, bytes, length);
    guarded_free(exact, length);
    return good;
}

static bool is_in_range(int64_t value, int64_t most)
{
    return value >= 0 && value <= most;
}

/* True when the bytes are a record. Then everything in it is in range, and writing it gives the
 * same bytes. */
static bool reads_back(const uint8_t *bytes, size_t length)
{
    struct wafer_record record;
    uint8_t again[ROOM];
    size_t used;

    if (!read_exactly(bytes, length, &record, &used))
        return false;
    assert_in_range(used, 1, length);
    assert_true(is_in_range(record.login_at_ms, WAFER_TIME_MAX_MS));
    assert_true(is_in_range(record.sealed_at_ms, LAST_MS));
    assert_true(is_in_range(record.active_at_ms, record.sealed_at_ms));
    assert_true(is_in_range(record.absolute_at_ms, LAST_MS));
    assert_true(is_in_range(record.idle_ms, WAFER_LIFETIME_MAX_MS));
    assert_in_range(record.renewals, 0, WAFER_RENEWALS_MAX);
    assert_int_equal(record.subject[record.subject_length], '\0');
    assert_int_equal(strlen(record.subject), record.subject_length);
    assert_int_equal(wafer_record_write(&record, again), used);
    assert_memory_equal(again, bytes, used);
    return true;
}

/* ---- Vectors --------------------------------------------------------------------------------- */

struct vector {
    struct wafer_record record; /* but for the id */
    const char *hex;
};

static const struct vector vectors[] = {
    /* everything zero */
    {{.login_at_ms = 0},
     ID "000000000000"
        "00"
        "00"
        "00"
        "00"
        "00"
        "00"},
    /* signed in */
    {{.login_at_ms = LOGIN_MS,
      .sealed_at_ms = LOGIN_MS + 60000,
      .active_at_ms = LOGIN_MS + 15000,
      .absolute_at_ms = LOGIN_MS + 43200000,
      .idle_ms = 1800000,
      .renewals = 3,
      .outlives_browser = true,
      .subject_length = 5,
      .subject = "alice"},
     ID LOGIN "03"
              "c0a907"
              "c8df02"
              "80b89929"
              "c0ee6d"
              "03"
              "05"
              "616c696365"},
    /* sealed and over before the login, which may be later than now */
    {{.login_at_ms = LOGIN_MS,
      .sealed_at_ms = LOGIN_MS - 1,
      .active_at_ms = LOGIN_MS - 1,
      .absolute_at_ms = LOGIN_MS - 1000},
     ID LOGIN "00"
              "01"
              "cf0f"
              "00"
              "00"
              "00"},
    /* as large as it gets */
    {{.login_at_ms = WAFER_TIME_MAX_MS,
      .sealed_at_ms = LAST_MS,
      .active_at_ms = 0,
      .absolute_at_ms = LAST_MS,
      .idle_ms = WAFER_LIFETIME_MAX_MS,
      .renewals = WAFER_RENEWALS_MAX,
      .outlives_browser = true,
      .subject_length = 2,
      .subject = "\xC3\xA9"},
     ID "07ffffffffff"
        "03"
        "80e0ddcead12"
        "ffefaee7968902"
        "80e0ddcead12"
        "80f0aee79609"
        "ffff07"
        "02"
        "c3a9"},
    /* as far back as it gets */
    {{.login_at_ms = WAFER_TIME_MAX_MS},
     ID "07ffffffffff"
        "00"
        "fdffffffffff03"
        "fdffffffffff03"
        "00"
        "00"
        "00"},
};

static void records_are_written_and_read_as_drawn(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct wafer_record record = vectors[i].record;
        struct wafer_record read;
        uint8_t expected[ROOM];
        uint8_t written[ROOM];
        size_t length = from_hex(vectors[i].hex, expected);
        size_t used;

        memcpy(record.id, id, sizeof id);
        assert_int_equal(write_exactly(&record, written), length);
        assert_memory_equal(written, expected, length);
        assert_true(read_exactly(expected, length, &read, &used));
        assert_int_equal(used, length);
        assert_same(&read, &record);
    }
}

static void what_follows_a_record_is_left_alone(void **state)
{
    struct wafer_record record = some_record();
    struct wafer_record read;
    uint8_t bytes[ROOM + 20];
    size_t length = wafer_record_write(&record, bytes);
    size_t used;

    (void)state;
    memset(bytes + length, 0xFF, 20);
    for (size_t more = 1; more <= 20; more++) {
        assert_true(read_exactly(bytes, length + more, &read, &used));
        assert_int_equal(used, length);
        assert_same(&read, &record);
    }
}

/* ---- Fields at their limits ------------------------------------------------------------------ */

/* One record, field by field; NULL stands for the ordinary value. */
struct form {
    bool good;
    const char *login;
    const char *flags;
    const char *sealed;
    const char *active; /* NULL: absent */
    const char *absolute;
    const char *idle;
    const char *renewals;
    const char *subject;
};

static const struct form forms[] = {
    {.good = true},

    /* login: 2^43 - 1 is the last */
    {.good = true, .login = "000000000000"},
    {.good = true, .login = "07ffffffffff"},
    {.good = false, .login = "080000000000"},
    {.good = false, .login = "800000000000"},
    {.good = false, .login = "ffffffffffff"},

    /* flags */
    {.good = true, .flags = "01"},
    {.good = true, .flags = "02", .active = "01"},
    {.good = true, .flags = "03", .active = "01"},
    {.good = false, .flags = "04"},
    {.good = false, .flags = "05"},
    {.good = false, .flags = "08"},
    {.good = false, .flags = "10"},
    {.good = false, .flags = "20"},
    {.good = false, .flags = "40"},
    {.good = false, .flags = "80"},
    {.good = false, .flags = "82", .active = "01"},
    {.good = false, .flags = "ff", .active = "01"},

    /* sealed: from 1970 to the longest life after the last login */
    {.good = true, .login = "000000000000", .sealed = "00"},
    {.good = false, .login = "000000000000", .sealed = "01"},
    {.good = true, .login = "000000000001", .sealed = "01"},
    {.good = false, .login = "000000000001", .sealed = "03"},
    {.good = true, .login = "000000000000", .sealed = "fedfddcead9204"},
    {.good = false, .login = "000000000000", .sealed = "80e0ddcead9204"},
    {.good = true, .login = "07ffffffffff", .sealed = "80e0ddcead12"},
    {.good = false, .login = "07ffffffffff", .sealed = "82e0ddcead12"},
    {.good = true, .login = "07ffffffffff", .sealed = "fdffffffffff03"},
    {.good = false, .login = "07ffffffffff", .sealed = "ffffffffffff03"},
    {.good = false, .sealed = "ffffffffffff7f"},
    {.good = false, .sealed = "feffffffffff7f"},
    {.good = false, .sealed = "ffffffffffffff01"},
    {.good = false, .sealed = "ffffffffffffffff7f"},
    {.good = false, .sealed = "ffffffffffffffffff01"},
    {.good = false, .sealed = "feffffffffffffffff01"},
    {.good = false, .sealed = "80808080808080808001"},

    /* active: above zero, and not before 1970 */
    {.good = false, .flags = "02", .active = "00"},
    {.good = false, .flags = "03", .active = "00"},
    {.good = true, .flags = "02", .login = "000000000000", .sealed = "02", .active = "01"},
    {.good = false, .flags = "02", .login = "000000000000", .sealed = "02", .active = "02"},
    {.good = false, .flags = "02", .login = "000000000000", .sealed = "00", .active = "01"},
    {.good = true,
     .flags = "02",
     .login = "07ffffffffff",
     .sealed = "80e0ddcead12",
     .active = "ffefaee7968902"},
    {.good = false,
     .flags = "02",
     .login = "07ffffffffff",
     .sealed = "80e0ddcead12",
     .active = "80f0aee7968902"},
    {.good = false, .flags = "02", .active = "ffffffffffffff7f"},

    /* absolute: as sealed */
    {.good = true, .login = "000000000000", .absolute = "00"},
    {.good = false, .login = "000000000000", .absolute = "01"},
    {.good = true, .login = "000000000000", .absolute = "fedfddcead9204"},
    {.good = false, .login = "000000000000", .absolute = "80e0ddcead9204"},
    {.good = true, .login = "07ffffffffff", .absolute = "80e0ddcead12"},
    {.good = false, .login = "07ffffffffff", .absolute = "82e0ddcead12"},
    {.good = true, .login = "07ffffffffff", .absolute = "fdffffffffff03"},
    {.good = false, .login = "07ffffffffff", .absolute = "ffffffffffff03"},

    /* idle: at most ten years */
    {.good = true, .idle = "00"},
    {.good = true, .idle = "01"},
    {.good = true, .idle = "80f0aee79609"},
    {.good = false, .idle = "81f0aee79609"},
    {.good = false, .idle = "ffffffffffff7f"},

    /* renewals: at most 2^17 - 1 */
    {.good = true, .renewals = "00"},
    {.good = true, .renewals = "7f"},
    {.good = true, .renewals = "8001"},
    {.good = true, .renewals = "ffff07"},
    {.good = false, .renewals = "808008"},
    {.good = false, .renewals = "ffffffff0f"},
    {.good = false, .renewals = "8080808010"},

    /* longer than needed */
    {.good = false, .sealed = "8000"},
    {.good = false, .sealed = "c0a98700"},
    {.good = false, .flags = "02", .active = "8100"},
    {.good = false, .absolute = "80b899a900"},
    {.good = false, .absolute = "808080808000"},
    {.good = false, .idle = "8000"},
    {.good = false, .idle = "80808080808000"},
    {.good = false, .renewals = "8300"},
    {.good = false, .renewals = "838000"},

    /* subject: text, as long as it says */
    {.good = true, .subject = "00"},
    {.good = true, .subject = "0141"},
    {.good = true, .subject = "02c3a9"},
    {.good = true, .subject = "04f09f98a7"},
    {.good = false, .subject = "01"},
    {.good = false, .subject = "0241"},
    {.good = false, .subject = "0100"},
    {.good = false, .subject = "03410042"},
    {.good = false, .subject = "01ff"},
    {.good = false, .subject = "0180"},
    {.good = false, .subject = "01c3"},
    {.good = false, .subject = "02c0af"},
    {.good = false, .subject = "03eda080"},
    {.good = false, .subject = "04f4908080"},
};

static size_t append(const char *hex, const char *ordinary, uint8_t *out)
{
    return from_hex(hex != NULL ? hex : ordinary, out);
}

static size_t write_form(const struct form *form, uint8_t *out)
{
    size_t length = from_hex(ID, out);

    length += append(form->login, LOGIN, out + length);
    length += append(form->flags, "00", out + length);
    length += append(form->sealed, "c0a907", out + length);
    length += append(form->active, "-", out + length);
    length += append(form->absolute, "80b89929", out + length);
    length += append(form->idle, "c0ee6d", out + length);
    length += append(form->renewals, "03", out + length);
    length += append(form->subject, "05616c696365", out + length);
    return length;
}

static void every_field_is_taken_to_its_limit_and_no_further(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint8_t bytes[ROOM];
        size_t length = write_form(&forms[i], bytes);

        if (reads_back(bytes, length) != forms[i].good)
            fail_msg("form %zu was %s", i, forms[i].good ? "refused" : "taken");
    }
}

/* Its first byte is as many as the subject would have, and the others are UTF-8. */
static void a_number_of_too_many_bytes_is_not_read_as_the_subject_instead(void **state)
{
    static const char number[] = "\xC5\xC3\xA4\xC3\xA4\xC3\xA4";
    uint8_t bytes[ROOM];
    size_t length = from_hex(ID LOGIN "00", bytes);

    (void)state;
    memcpy(bytes + length, number, sizeof number - 1);
    memset(bytes + length + sizeof number - 1, 'x', 0xC5);
    assert_false(reads_back(bytes, length + 1 + 0xC5));
}

static void a_subject_has_any_length_up_to_255(void **state)
{
    struct wafer_record record = some_record();
    struct wafer_record read;
    uint8_t bytes[ROOM];
    size_t used;

    (void)state;
    for (unsigned length = 0; length <= WAFER_SUBJECT_MAX; length++) {
        size_t written;

        memset(record.subject, 'x', length);
        record.subject[length] = '\0';
        record.subject_length = (uint8_t)length;
        written = write_exactly(&record, bytes);
        assert_true(read_exactly(bytes, written, &read, &used));
        assert_int_equal(used, written);
        assert_same(&read, &record);
    }
}

/* The largest record must fit the room that callers have for it. */
static void no_record_is_longer_than_stated(void **state)
{
    struct wafer_record record = some_record();
    uint8_t bytes[ROOM + 64];

    (void)state;
    record.login_at_ms = 0;
    record.sealed_at_ms = LAST_MS;
    record.active_at_ms = 0;
    record.absolute_at_ms = LAST_MS;
    record.idle_ms = WAFER_LIFETIME_MAX_MS;
    record.renewals = WAFER_RENEWALS_MAX;
    memset(record.subject, 'x', WAFER_SUBJECT_MAX);
    record.subject_length = WAFER_SUBJECT_MAX;
    assert_in_range(wafer_record_write(&record, bytes), 1, ROOM);
}

/* ---- Truncations, flipped bits, chance ------------------------------------------------------- */

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t bytes[ROOM];
        size_t length = from_hex(vectors[i].hex, bytes);

        for (size_t shorter = 0; shorter < length; shorter++)
            assert_false(reads_back(bytes, shorter));
        assert_true(reads_back(bytes, length));
    }
}

static void every_flipped_bit_is_refused_or_another_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t bytes[ROOM];
        size_t length = from_hex(vectors[i].hex, bytes);
        unsigned taken = 0;

        for (size_t bit = 0; bit < 8 * length; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            taken += reads_back(bytes, length);
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        /* Any id is an id. */
        assert_in_range(taken, 8 * WAFER_ID_SIZE, 8 * length - 1);
    }
}

/* Any number of bits up to all, so that small and large are as likely. */
static int64_t random_up_to(int64_t most)
{
    return (int64_t)(random_below((uint64_t)most + 1) >> random_below(44));
}

static void random_subject(struct wafer_record *record)
{
    record->subject_length = (uint8_t)random_below(random_below(2) == 0 ? 4 : 256);
    for (size_t i = 0; i < record->subject_length; i++)
        record->subject[i] = (char)(1 + random_below(127));
    record->subject[record->subject_length] = '\0';
}

static struct wafer_record random_record(void)
{
    struct wafer_record record;

    random_fill(record.id, sizeof record.id);
    record.login_at_ms = random_up_to(WAFER_TIME_MAX_MS);
    record.sealed_at_ms = random_up_to(LAST_MS);
    record.active_at_ms = record.sealed_at_ms - random_up_to(record.sealed_at_ms);
    record.absolute_at_ms = random_up_to(LAST_MS);
    record.idle_ms = random_up_to(WAFER_LIFETIME_MAX_MS);
    record.renewals = (uint32_t)random_up_to(WAFER_RENEWALS_MAX);
    record.outlives_browser = random_below(2) == 0;
    random_subject(&record);
    return record;
}

static void random_records_come_back(void **state)
{
    (void)state;
    seed_random();
    for (int round = 0; round < 2000; round++) {
        struct wafer_record record = random_record();
        struct wafer_record read;
        uint8_t bytes[ROOM];
        size_t length = write_exactly(&record, bytes);
        size_t used;

        assert_true(read_exactly(bytes, length, &read, &used));
        assert_int_equal(used, length);
        assert_same(&read, &record);
    }
}

static void random_changes_are_refused_or_other_records(void **state)
{
    unsigned taken = 0;

    (void)state;
    seed_random();
    for (int round = 0; round < 4000; round++) {
        struct wafer_record record = random_record();
        uint8_t bytes[ROOM];
        size_t length = wafer_record_write(&record, bytes);

        for (uint64_t changes = 1 + random_below(4); changes > 0; changes--) {
            size_t place = WAFER_ID_SIZE + (size_t)random_below(length - WAFER_ID_SIZE);

            bytes[place] = (uint8_t)random_below(256);
        }
        taken += reads_back(bytes, length);
    }
    assert_in_range(taken, 1, 3999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_written_and_read_as_drawn),
        cmocka_unit_test(what_follows_a_record_is_left_alone),
        cmocka_unit_test(every_field_is_taken_to_its_limit_and_no_further),
        cmocka_unit_test(a_number_of_too_many_bytes_is_not_read_as_the_subject_instead),
        cmocka_unit_test(a_subject_has_any_length_up_to_255),
        cmocka_unit_test(no_record_is_longer_than_stated),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused_or_another_record),
        cmocka_unit_test(random_records_come_back),
        cmocka_unit_test(random_changes_are_refused_or_other_records),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
