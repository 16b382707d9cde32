/* base64url with the vectors of x86: 16 characters a step with SSSE3, 32 with AVX2. The ideas are
 * Wojciech Mula's and Daniel Lemire's ("Faster Base64 Encoding and Decoding Using AVX2
 * Instructions", 2018), worked out here for the alphabet of URLs.
 *
 * A group is 3 bytes or their 4 characters. A step takes 4 groups in each 128-bit lane, reads and
 * writes just what is theirs, and so may stand flush with the end: the last step does, and repeats
 * groups of the one before instead of leaving many to the tail. */
#include "base64_codec.h"

#if defined(__x86_64__) || defined(__i386__)

#include "base64.h"
#include "base64_tail.h"

#include <immintrin.h>
#include <sodium.h>
#include <string.h>

#define SSSE3 __attribute__((target("ssse3")))
#define AVX2  __attribute__((target("avx2")))
/* Apart from what handles short lengths, which would set up its registers as well. */
#define APART __attribute__((noinline))

#define SSSE3_GROUPS 4
#define AVX2_GROUPS  8

/* ---- What both share: a step of either is the same in each lane ------------------------------ */

/* Where a step at group `at` begins, when the last one is to end with the last group. */
static inline size_t begin(size_t at, size_t groups, size_t step)
{
    return at + step <= groups ? at : groups - step;
}

/* Bytes 0 1 2 of a group as 1 0 2 1: now each half of 16 bits has two of the group's values whole,
 * the lower half at bits 10 and 4, the upper half at bits 6 and 0. The second lane of AVX2 is
 * loaded 4 bytes early, in order to end where the step ends. */
static const int8_t spread[32] = {1, 0, 2, 1, 4, 3, 5, 4, 7,  6,  8,  7,  10, 9,  11, 10,
                                  5, 4, 6, 5, 8, 7, 9, 8, 11, 10, 12, 11, 14, 13, 15, 14};

/* What makes the character of a value, by the value's range, which is: 0 for 0 to 25, 1 for 26 to
 * 51, and from 52 on one for each value: max(value - 51, 0) + (value > 25). */
static const int8_t to_character[16] = {'A',      'a' - 26, '0' - 52, '0' - 52, '0' - 52,
                                        '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                        '0' - 52, '0' - 52, '-' - 62, '_' - 63};

/* A character is in the alphabet if its row (the upper half of its byte) and its column (the lower
 * half) have a bit in common. One bit for each set of columns that a row can have: */
enum {
    MINUS = 1,      /* row 2: - in column D */
    DIGITS = 2,     /* row 3: 0 to 9 in columns 0 to 9 */
    LETTERS = 4,    /* rows 4 and 6: A to O, a to o in columns 1 to F */
    UPPER_END = 8,  /* row 5: P to Z in columns 0 to A, _ in F */
    LOWER_END = 16, /* row 7: p to z in columns 0 to A */
    MIDDLE = DIGITS | LETTERS | UPPER_END | LOWER_END,
};
/* clang-format off */
static const int8_t in_row[16] = {0, 0, MINUS, DIGITS, LETTERS, UPPER_END, LETTERS, LOWER_END};
/* For a byte from 0x80 on, pshufb gives 0 here, and so no bit in common with any row. */
static const int8_t in_column[16] = {
    DIGITS | UPPER_END | LOWER_END,
    MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE,
    LETTERS | UPPER_END | LOWER_END,
    LETTERS, LETTERS, LETTERS | MINUS, LETTERS, LETTERS | UPPER_END,
};
/* clang-format on */

/* What makes the value of a character, by its row, which is one more from _ on, because _ alone is
 * not as the others of its row. */
static const int8_t to_value[16] = {0,    0,        62 - '-', 52 - '0', -'A',
                                    -'A', 63 - '_', 26 - 'a', 26 - 'a'};
#define LAST_BEFORE_UNDERSCORE '^'

/* The 24 bits that a group has become, in 32, with their highest byte first; 12 bytes a lane. */
static const int8_t gather[16] = {2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1};

/* ---- SSSE3 ----------------------------------------------------------------------------------- */

SSSE3 static inline __m128i table(const int8_t *entries)
{
    return _mm_loadu_si128((const __m128i *)entries);
}

SSSE3 static inline __m128i load_12(const uint8_t *bytes)
{
    int last;

    memcpy(&last, bytes + 8, sizeof last);
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)bytes), _mm_cvtsi32_si128(last));
}

SSSE3 static inline void store_12(uint8_t *bytes, __m128i vector)
{
    int last = _mm_cvtsi128_si32(_mm_unpackhi_epi64(vector, vector));

    _mm_storel_epi64((__m128i *)bytes, vector);
    memcpy(bytes + 8, &last, sizeof last);
}

SSSE3 static inline __m128i encode_lane(__m128i bytes)
{
    __m128i halves = _mm_shuffle_epi8(bytes, table(spread));
    /* Multiplying by 2^n shifts each half by its own n: the upper part of the product down by
     * 16 - n, the lower part up by n. The values are to lie in bytes in their order. */
    __m128i even = _mm_mulhi_epu16(_mm_and_si128(halves, _mm_set1_epi32(0x0FC0FC00)),
                                   _mm_set1_epi32(0x04000040));
    __m128i odd = _mm_mullo_epi16(_mm_and_si128(halves, _mm_set1_epi32(0x003F03F0)),
                                  _mm_set1_epi32(0x01000010));
    __m128i values = _mm_or_si128(even, odd);
    /* Where it holds, a comparison gives -1. */
    __m128i range = _mm_sub_epi8(_mm_subs_epu8(values, _mm_set1_epi8(51)),
                                 _mm_cmpgt_epi8(values, _mm_set1_epi8(25)));

    return _mm_add_epi8(values, _mm_shuffle_epi8(table(to_character), range));
}

SSSE3 APART static void encode_steps_ssse3(const uint8_t *bytes, size_t length, char *text)
{
    size_t groups = length / 3;

    for (size_t at = 0; at < groups; at += SSSE3_GROUPS) {
        size_t from = begin(at, groups, SSSE3_GROUPS);

        _mm_storeu_si128((__m128i *)(text + 4 * from), encode_lane(load_12(bytes + 3 * from)));
    }
    if (length % 3 != 0)
        wafer_base64_tail_encode(bytes + 3 * groups, length % 3, text + 4 * groups);
}

static void encode_ssse3(const uint8_t *bytes, size_t length, char *text)
{
    if (length < 3 * SSSE3_GROUPS)
        wafer_base64_tail_encode(bytes, length, text);
    else
        encode_steps_ssse3(bytes, length, text);
}

/* A lane of *known becomes 0 for good where a character is not in the alphabet. */
SSSE3 static inline __m128i decode_lane(__m128i characters, __m128i *known)
{
    __m128i row = _mm_and_si128(_mm_srli_epi16(characters, 4), _mm_set1_epi8(0x0F));
    __m128i common = _mm_and_si128(_mm_shuffle_epi8(table(in_row), row),
                                   _mm_shuffle_epi8(table(in_column), characters));
    __m128i range = _mm_sub_epi8(row,
                                 _mm_cmpgt_epi8(characters, _mm_set1_epi8(LAST_BEFORE_UNDERSCORE)));
    __m128i values = _mm_add_epi8(characters, _mm_shuffle_epi8(table(to_value), range));
    /* a * 64 + b in 16 bits, then ab * 4096 + cd in 32. */
    __m128i pairs = _mm_maddubs_epi16(values, _mm_set1_epi16(0x0140));
    __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000));

    *known = _mm_min_epu8(*known, common);
    return _mm_shuffle_epi8(fours, table(gather));
}

SSSE3 APART static bool decode_steps_ssse3(const char *text, size_t length, uint8_t *bytes)
{
    size_t groups = length / 4;
    size_t rest = length % 4;
    __m128i known = _mm_set1_epi8(-1);

    for (size_t at = 0; at < groups; at += SSSE3_GROUPS) {
        size_t from = begin(at, groups, SSSE3_GROUPS);
        __m128i characters = _mm_loadu_si128((const __m128i *)(text + 4 * from));

        store_12(bytes + 3 * from, decode_lane(characters, &known));
    }
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(known, _mm_setzero_si128())) == 0 &&
        (rest == 0 || wafer_base64_tail_decode(text + 4 * groups, rest, bytes + 3 * groups)))
        return true;
    sodium_memzero(bytes, WAFER_BASE64_BYTES(length));
    return false;
}

static bool decode_ssse3(const char *text, size_t length, uint8_t *bytes)
{
    if (length < 4 * SSSE3_GROUPS)
        return wafer_base64_tail_decode(text, length, bytes);
    return decode_steps_ssse3(text, length, bytes);
}

/* ---- AVX2: the same with two lanes, and lengths below a step for SSSE3 ----------------------- */

AVX2 static inline __m256i both(const int8_t *entries)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)entries));
}

AVX2 static inline __m256i load_24(const uint8_t *bytes)
{
    __m128i low = _mm_loadu_si128((const __m128i *)bytes);
    __m128i high = _mm_loadu_si128((const __m128i *)(bytes + 8));

    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/* The first three quarters of each lane. */
AVX2 static inline void store_24(uint8_t *bytes, __m256i vector)
{
    __m256i together = _mm256_permutevar8x32_epi32(vector,
                                                   _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));

    _mm_storeu_si128((__m128i *)bytes, _mm256_castsi256_si128(together));
    _mm_storel_epi64((__m128i *)(bytes + 16), _mm256_extracti128_si256(together, 1));
}

AVX2 static inline __m256i encode_lanes(__m256i bytes)
{
    __m256i halves = _mm256_shuffle_epi8(bytes, _mm256_loadu_si256((const __m256i *)spread));
    __m256i even = _mm256_mulhi_epu16(_mm256_and_si256(halves, _mm256_set1_epi32(0x0FC0FC00)),
                                      _mm256_set1_epi32(0x04000040));
    __m256i odd = _mm256_mullo_epi16(_mm256_and_si256(halves, _mm256_set1_epi32(0x003F03F0)),
                                     _mm256_set1_epi32(0x01000010));
    __m256i values = _mm256_or_si256(even, odd);
    __m256i range = _mm256_sub_epi8(_mm256_subs_epu8(values, _mm256_set1_epi8(51)),
                                    _mm256_cmpgt_epi8(values, _mm256_set1_epi8(25)));

    return _mm256_add_epi8(values, _mm256_shuffle_epi8(both(to_character), range));
}

AVX2 APART static void encode_steps_avx2(const uint8_t *bytes, size_t length, char *text)
{
    size_t groups = length / 3;

    for (size_t at = 0; at < groups; at += AVX2_GROUPS) {
        size_t from = begin(at, groups, AVX2_GROUPS);

        _mm256_storeu_si256((__m256i *)(text + 4 * from), encode_lanes(load_24(bytes + 3 * from)));
    }
    if (length % 3 != 0)
        wafer_base64_tail_encode(bytes + 3 * groups, length % 3, text + 4 * groups);
}

static void encode_avx2(const uint8_t *bytes, size_t length, char *text)
{
    if (length < 3 * AVX2_GROUPS)
        encode_ssse3(bytes, length, text);
    else
        encode_steps_avx2(bytes, length, text);
}

AVX2 static inline __m256i decode_lanes(__m256i characters, __m256i *known)
{
    __m256i row = _mm256_and_si256(_mm256_srli_epi16(characters, 4), _mm256_set1_epi8(0x0F));
    __m256i common = _mm256_and_si256(_mm256_shuffle_epi8(both(in_row), row),
                                      _mm256_shuffle_epi8(both(in_column), characters));
    __m256i range = _mm256_sub_epi8(row,
                                    _mm256_cmpgt_epi8(characters,
                                                      _mm256_set1_epi8(LAST_BEFORE_UNDERSCORE)));
    __m256i values = _mm256_add_epi8(characters, _mm256_shuffle_epi8(both(to_value), range));
    __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0140));
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));

    *known = _mm256_min_epu8(*known, common);
    return _mm256_shuffle_epi8(fours, both(gather));
}

AVX2 APART static bool decode_steps_avx2(const char *text, size_t length, uint8_t *bytes)
{
    size_t groups = length / 4;
    size_t rest = length % 4;
    __m256i known = _mm256_set1_epi8(-1);

    for (size_t at = 0; at < groups; at += AVX2_GROUPS) {
        size_t from = begin(at, groups, AVX2_GROUPS);
        __m256i characters = _mm256_loadu_si256((const __m256i *)(text + 4 * from));

        store_24(bytes + 3 * from, decode_lanes(characters, &known));
    }
    if (_mm256_movemask_epi8(_mm256_cmpeq_epi8(known, _mm256_setzero_si256())) == 0 &&
        (rest == 0 || wafer_base64_tail_decode(text + 4 * groups, rest, bytes + 3 * groups)))
        return true;
    sodium_memzero(bytes, WAFER_BASE64_BYTES(length));
    return false;
}

static bool decode_avx2(const char *text, size_t length, uint8_t *bytes)
{
    if (length < 4 * AVX2_GROUPS)
        return decode_ssse3(text, length, bytes);
    return decode_steps_avx2(text, length, bytes);
}

/* ---- What the processor has, and whether the system keeps its registers ---------------------- */

static bool has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2");
}

static bool has_ssse3(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("ssse3");
}

const struct wafer_base64_codec wafer_base64_avx2 = {"avx2", has_avx2, encode_avx2, decode_avx2};
const struct wafer_base64_codec wafer_base64_ssse3 = {"ssse3", has_ssse3, encode_ssse3,
                                                      decode_ssse3};

#endif
