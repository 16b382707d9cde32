#include "support.h"

#include <string.h>

#include "cbor.h"

#define ARRAY 4
#define TAG   6

struct head {
    const char *hex;
    unsigned major;
    uint64_t argument;
};

/* RFC 8949 appendix A, heads only, and both sides of every width. */
static bool get_head(const uint8_t **at, const uint8_t *end, unsigned *major, uint64_t *argument)
{
    const struct wafer_cbor_head head = wafer_cbor_get_head(*at, end);
    if (head.next == NULL)
        return false;
    *at = head.next;
    *major = head.major;
    *argument = head.argument;
    return true;
}

static const struct head heads[] = {
    {"00", WAFER_CBOR_UNSIGNED, 0},
    {"01", WAFER_CBOR_UNSIGNED, 1},
    {"0a", WAFER_CBOR_UNSIGNED, 10},
    {"17", WAFER_CBOR_UNSIGNED, 23},
    {"1818", WAFER_CBOR_UNSIGNED, 24},
    {"1819", WAFER_CBOR_UNSIGNED, 25},
    {"1864", WAFER_CBOR_UNSIGNED, 100},
    {"18ff", WAFER_CBOR_UNSIGNED, 255},
    {"190100", WAFER_CBOR_UNSIGNED, 256},
    {"1903e8", WAFER_CBOR_UNSIGNED, 1000},
    {"19ffff", WAFER_CBOR_UNSIGNED, 65535},
    {"1a00010000", WAFER_CBOR_UNSIGNED, 65536},
    {"1a000f4240", WAFER_CBOR_UNSIGNED, 1000000},
    {"1affffffff", WAFER_CBOR_UNSIGNED, UINT32_MAX},
    {"1b0000000100000000", WAFER_CBOR_UNSIGNED, UINT64_C(4294967296)},
    {"1b000000e8d4a51000", WAFER_CBOR_UNSIGNED, UINT64_C(1000000000000)},
    {"1bffffffffffffffff", WAFER_CBOR_UNSIGNED, UINT64_MAX},
    {"20", WAFER_CBOR_NEGATIVE, 0},
    {"29", WAFER_CBOR_NEGATIVE, 9},
    {"3863", WAFER_CBOR_NEGATIVE, 99},
    {"3903e7", WAFER_CBOR_NEGATIVE, 999},
    {"3b7fffffffffffffff", WAFER_CBOR_NEGATIVE, INT64_MAX},
    {"3bffffffffffffffff", WAFER_CBOR_NEGATIVE, UINT64_MAX},
    {"40", WAFER_CBOR_BYTES, 0},
    {"44", WAFER_CBOR_BYTES, 4},
    {"5818", WAFER_CBOR_BYTES, 24},
    {"60", WAFER_CBOR_TEXT, 0},
    {"78ff", WAFER_CBOR_TEXT, 255},
    {"790c00", WAFER_CBOR_TEXT, 3072},
    {"80", ARRAY, 0},
    {"98ff", ARRAY, 255},
    {"a0", WAFER_CBOR_MAP, 0},
    {"a5", WAFER_CBOR_MAP, 5},
    {"b840", WAFER_CBOR_MAP, 64},
    {"c1", TAG, 1},
    {"d820", TAG, 32},
    {"f4", WAFER_CBOR_SIMPLE, WAFER_CBOR_FALSE},
    {"f5", WAFER_CBOR_SIMPLE, WAFER_CBOR_TRUE},
};

/* clang-format off */
static const char *const refused[] = {
    /* longer than needed */
    "1800", "1817", "190018", "1900ff", "1a00000000", "1a0000ffff", "1b0000000000000000",
    "1b00000000ffffffff", "3817", "5803", "7817", "790010", "b801", "b90018", "d817",
    /* reserved */
    "1c", "1d", "1e", "3c", "5d", "7e", "bc", "fc", "fd", "fe",
    /* indefinite lengths and the break */
    "1f", "3f", "5f", "7f", "9f", "bf", "df", "ff",
    /* simple values but false and true: null, undefined, unassigned, two bytes */
    "f6", "f7", "e0", "f0", "f3", "f800", "f814", "f815", "f818", "f820", "f8ff",
    /* floats of three sizes, whatever they stand for */
    "f90000", "f93c00", "f97e00", "f9ffff", "fa47c35000", "faffffffff", "fb3ff199999999999a",
    "fbffffffffffffffff",
};
/* clang-format on */

/* Reads one head from memory that ends where the head does; *size is what was taken. */
static bool get(const uint8_t *bytes, size_t length, unsigned *major, uint64_t *argument,
                size_t *size)
{
    uint8_t *memory = guarded_copy(bytes, length);
    const uint8_t *at = memory;
    const bool good = get_head(&at, memory + length, major, argument);
    *size = (size_t)(at - memory);
    guarded_free(memory, length);
    return good;
}

static void heads_are_read_as_the_standard_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        uint8_t bytes[WAFER_CBOR_HEAD_MAX];
        const size_t length = from_hex(heads[i].hex, bytes);
        unsigned major;
        uint64_t argument;
        size_t size;
        assert_true(get(bytes, length, &major, &argument, &size));
        assert_int_equal(size, length);
        assert_int_equal(major, heads[i].major);
        assert_true(argument == heads[i].argument);
    }
}

static void heads_are_written_as_the_standard_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        uint8_t bytes[WAFER_CBOR_HEAD_MAX];
        const size_t length = from_hex(heads[i].hex, bytes);
        uint8_t *out = guarded(length);
        assert_int_equal(wafer_cbor_head_size(heads[i].argument), length);
        assert_int_equal(wafer_cbor_put_head((enum wafer_cbor_major)heads[i].major,
                                             heads[i].argument, out),
                         length);
        assert_memory_equal(out, bytes, length);
        guarded_free(out, length);
    }
}

static void other_forms_are_refused_and_nothing_moves(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        uint8_t bytes[WAFER_CBOR_HEAD_MAX];
        const size_t length = from_hex(refused[i], bytes);
        unsigned major = 99;
        uint64_t argument = 99;
        size_t size;
        if (get(bytes, length, &major, &argument, &size))
            fail_msg("%s was taken", refused[i]);
        assert_int_equal(size, 0);
        assert_int_equal(major, 99);
        assert_int_equal(argument, 99);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        uint8_t bytes[WAFER_CBOR_HEAD_MAX];
        const size_t length = from_hex(heads[i].hex, bytes);
        for (size_t shorter = 0; shorter < length; shorter++) {
            unsigned major;
            uint64_t argument;
            size_t size;
            assert_false(get(bytes, shorter, &major, &argument, &size));
            assert_int_equal(size, 0);
        }
    }
}

/* What is read must write the same bytes again. Bytes that follow are left alone. */
static bool reads_back(const uint8_t *bytes, size_t length)
{
    unsigned major;
    uint64_t argument;
    size_t size;
    if (!get(bytes, length, &major, &argument, &size))
        return false;
    uint8_t out[WAFER_CBOR_HEAD_MAX];
    assert_int_equal(wafer_cbor_put_head((enum wafer_cbor_major)major, argument, out), size);
    assert_memory_equal(out, bytes, size);
    return true;
}

static void every_first_byte_has_one_meaning_or_none(void **state)
{
    (void)state;
    unsigned taken = 0;
    for (unsigned first = 0; first < 256; first++) {
        const uint8_t bytes[WAFER_CBOR_HEAD_MAX] = {(uint8_t)first, 0x81, 2, 3, 4, 5, 6, 7, 8};
        taken += reads_back(bytes, sizeof bytes);
    }
    /* Seven major types with 24 short and four long forms, and false and true. */
    assert_int_equal(taken, 7 * 28 + 2);
}

static void every_flipped_bit_is_refused_or_another_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        uint8_t bytes[WAFER_CBOR_HEAD_MAX];
        const size_t length = from_hex(heads[i].hex, bytes);
        for (size_t bit = 0; bit < 8 * length; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            (void)reads_back(bytes, length);
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

static void random_heads_come_back(void **state)
{
    (void)state;
    static const enum wafer_cbor_major majors[] = {WAFER_CBOR_UNSIGNED, WAFER_CBOR_NEGATIVE,
                                                   WAFER_CBOR_BYTES, WAFER_CBOR_TEXT,
                                                   WAFER_CBOR_MAP};
    seed_random();
    for (int round = 0; round < 20000; round++) {
        const enum wafer_cbor_major major = majors[random_below(5)];
        const uint64_t argument = random_below(0) >> random_below(64);
        uint8_t bytes[WAFER_CBOR_HEAD_MAX];
        const size_t length = wafer_cbor_put_head(major, argument, bytes);
        const uint8_t *at = bytes;
        unsigned read_major;
        uint64_t read_argument;
        assert_true(get_head(&at, bytes + length, &read_major, &read_argument));
        assert_ptr_equal(at, bytes + length);
        assert_int_equal(read_major, major);
        assert_true(read_argument == argument);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_read_as_the_standard_says),
        cmocka_unit_test(heads_are_written_as_the_standard_says),
        cmocka_unit_test(other_forms_are_refused_and_nothing_moves),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_first_byte_has_one_meaning_or_none),
        cmocka_unit_test(every_flipped_bit_is_refused_or_another_head),
        cmocka_unit_test(random_heads_come_back),
    };
    return cmocka_run_group_tests_name("cbor", tests, NULL, NULL);
}
