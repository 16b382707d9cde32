/* base64url with the vectors of arm64: 64 characters a step. Loads and stores sort the bytes by
 * their place in a group (3 bytes, or their 4 characters), and one look-up knows 64 values, so the
 * tables are the tail's own.
 *
 * The last step stands flush with the end and repeats groups of the one before, instead of leaving
 * many to the tail. */
#include "base64_codec.h"

#if defined(__aarch64__)

#include "base64.h"
#include "base64_tail.h"

#include <arm_neon.h>
#include <sodium.h>

#define STEP_GROUPS 16

/* Where a step at group `at` begins, when the last one is to end with the last group. */
static inline size_t begin(size_t at, size_t groups)
{
    return at + STEP_GROUPS <= groups ? at : groups - STEP_GROUPS;
}

static inline uint8x16x4_t table(const uint8_t entries[64])
{
    uint8x16x4_t loaded = {{vld1q_u8(entries), vld1q_u8(entries + 16), vld1q_u8(entries + 32),
                            vld1q_u8(entries + 48)}};

    return loaded;
}

/* vsli and vsri shift the second vector and put it in where the first one keeps no bits. */
static inline uint8x16x4_t values_of_bytes(uint8x16x3_t bytes)
{
    uint8x16_t six_bits = vdupq_n_u8(63);
    uint8x16x4_t values = {
        {vshrq_n_u8(bytes.val[0], 2),
         vandq_u8(vsliq_n_u8(vshrq_n_u8(bytes.val[1], 4), bytes.val[0], 4), six_bits),
         vandq_u8(vsliq_n_u8(vshrq_n_u8(bytes.val[2], 6), bytes.val[1], 2), six_bits),
         vandq_u8(bytes.val[2], six_bits)}};

    return values;
}

static void encode_neon(const uint8_t *bytes, size_t length, char *text)
{
    size_t groups = length / 3;
    uint8x16x4_t characters;

    if (groups < STEP_GROUPS) {
        wafer_base64_tail_encode(bytes, length, text);
        return;
    }
    characters = table((const uint8_t *)wafer_base64_characters);
    for (size_t at = 0; at < groups; at += STEP_GROUPS) {
        size_t from = begin(at, groups);
        uint8x16x4_t four = values_of_bytes(vld3q_u8(bytes + 3 * from));

        for (unsigned i = 0; i < 4; i++)
            four.val[i] = vqtbl4q_u8(characters, four.val[i]);
        vst4q_u8((uint8_t *)text + 4 * from, four);
    }
    if (length % 3 != 0)
        wafer_base64_tail_encode(bytes + 3 * groups, length % 3, text + 4 * groups);
}

/* The tail's table by halves. What is beyond the first half gives 0 there, and keeps what it has if
 * it is beyond the second half as well: so 0 for a byte from 0x80 on. */
static inline uint8x16_t look_up(uint8x16x4_t low, uint8x16x4_t high, uint8x16_t characters)
{
    return vqtbx4q_u8(vqtbl4q_u8(low, characters), high, vsubq_u8(characters, vdupq_n_u8(64)));
}

/* Each value stands in the upper 6 bits. */
static inline uint8x16x3_t bytes_of_values(uint8x16x4_t values)
{
    uint8x16x3_t bytes = {{vsriq_n_u8(values.val[0], values.val[1], 6),
                           vsriq_n_u8(vshlq_n_u8(values.val[1], 2), values.val[2], 4),
                           vsriq_n_u8(vshlq_n_u8(values.val[2], 4), values.val[3], 2)}};

    return bytes;
}

static bool decode_neon(const char *text, size_t length, uint8_t *bytes)
{
    size_t groups = length / 4;
    size_t rest = length % 4;
    uint8x16_t known = vdupq_n_u8(WAFER_BASE64_KNOWN);
    uint8x16x4_t low, high;

    if (groups < STEP_GROUPS)
        return wafer_base64_tail_decode(text, length, bytes);
    low = table(wafer_base64_values);
    high = table(wafer_base64_values + 64);
    for (size_t at = 0; at < groups; at += STEP_GROUPS) {
        size_t from = begin(at, groups);
        uint8x16x4_t four = vld4q_u8((const uint8_t *)text + 4 * from);

        for (unsigned i = 0; i < 4; i++) {
            four.val[i] = look_up(low, high, four.val[i]);
            known = vandq_u8(known, four.val[i]);
            four.val[i] = vshlq_n_u8(four.val[i], 2);
        }
        vst3q_u8(bytes + 3 * from, bytes_of_values(four));
    }
    if (vminvq_u8(known) == WAFER_BASE64_KNOWN &&
        (rest == 0 || wafer_base64_tail_decode(text + 4 * groups, rest, bytes + 3 * groups)))
        return true;
    sodium_memzero(bytes, WAFER_BASE64_BYTES(length));
    return false;
}

/* It is part of every arm64. */
static bool has_neon(void)
{
    return true;
}

const struct wafer_base64_codec wafer_base64_neon = {"neon", has_neon, encode_neon, decode_neon};

#endif
