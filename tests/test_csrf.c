#include "randomness.h"

#include <sodium.h>
#include <string.h>

#include "csrf.h"

#define RAW_SIZE 36
#define MASK_AT  4
#define MAC_SIZE 16
#define URL_SAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uint8_t key[32];
static uint8_t id[WAFER_ID_SIZE];
static const uint8_t key_id[WAFER_KEY_ID_SIZE] = {0xA1, 0xB2, 0xC3};

/* ---- Helpers --------------------------------------------------------------------------------- */

/* Reads exactly the text, which has no NUL. */
static bool peek(const char *text, size_t length, uint8_t found[WAFER_KEY_ID_SIZE])
{
    char *exact = (char *)guarded_copy(text, length);
    bool good = wafer_csrf_peek(exact, length, found);

    guarded_free(exact, length);
    return good;
}

static bool verify(const uint8_t csrf_key[32], const uint8_t session[WAFER_ID_SIZE],
                   const char *text)
{
    char *exact = (char *)guarded_copy(text, WAFER_CSRF_LENGTH);
    bool good = wafer_csrf_verify(csrf_key, session, exact);

    guarded_free(exact, WAFER_CSRF_LENGTH);
    return good;
}

/* What a server does: the key id leads to the key, if there is one. */
static bool check(const char *text, size_t length)
{
    uint8_t found[WAFER_KEY_ID_SIZE];

    return peek(text, length, found) && memcmp(found, key_id, sizeof found) == 0 &&
           verify(key, id, text);
}

static void make(char text[WAFER_CSRF_LENGTH + 1])
{
    char *exact = (char *)guarded(WAFER_CSRF_LENGTH + 1);

    assert_true(wafer_csrf_make(key, key_id, id, exact));
    memcpy(text, exact, WAFER_CSRF_LENGTH + 1);
    assert_int_equal(strlen(text), WAFER_CSRF_LENGTH);
    guarded_free(exact, WAFER_CSRF_LENGTH + 1);
}

static void to_raw(const char *text, uint8_t raw[RAW_SIZE])
{
    size_t length;

    assert_int_equal(sodium_base642bin(raw, RAW_SIZE, text, strlen(text), NULL, &length, NULL,
                                       URL_SAFE),
                     0);
    assert_int_equal(length, RAW_SIZE);
}

static void to_text(const uint8_t *raw, size_t length, char *text, size_t capacity)
{
    assert_non_null(sodium_bin2base64(text, capacity, raw, length, URL_SAFE));
}

static int set_up(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    seed_random();
    random_fill(key, sizeof key);
    random_fill(id, sizeof id);
    return 0;
}

/* ---- Vectors --------------------------------------------------------------------------------- */

struct vector {
    const char *key;
    const char *key_id;
    const char *id;
    const char *mask;
    const char *token;
};

/* Made with the BLAKE2 of another implementation. */
static const struct vector vectors[] = {
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "a1b2c3",
     "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", "00000000000000000000000000000000",
     "AaGywwAAAAAAAAAAAAAAAAAAAABEVylF9tAw8tYPepLHwaD_"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "a1b2c3",
     "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", "101112131415161718191a1b1c1d1e1f",
     "AaGywxAREhMUFRYXGBkaGxwdHh9URjtW4sUm5c4WYInb3L7g"},
    {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "ffffff",
     "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff",
     "Af________________________-m0Za-AUJDij_bt1QbYdUp"},
};

static void tokens_are_made_and_verified_as_drawn(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t csrf_key[32];
        uint8_t kid[WAFER_KEY_ID_SIZE];
        uint8_t found[WAFER_KEY_ID_SIZE];
        uint8_t session[WAFER_ID_SIZE];
        uint8_t mask[MAC_SIZE];
        char text[WAFER_CSRF_LENGTH + 1];

        assert_int_equal(from_hex(vectors[i].key, csrf_key), sizeof csrf_key);
        assert_int_equal(from_hex(vectors[i].key_id, kid), sizeof kid);
        assert_int_equal(from_hex(vectors[i].id, session), sizeof session);
        assert_int_equal(from_hex(vectors[i].mask, mask), sizeof mask);
        next_random = mask;
        assert_true(wafer_csrf_make(csrf_key, kid, session, text));
        next_random = NULL;
        assert_string_equal(text, vectors[i].token);
        assert_true(peek(vectors[i].token, WAFER_CSRF_LENGTH, found));
        assert_memory_equal(found, kid, sizeof kid);
        assert_true(verify(csrf_key, session, vectors[i].token));
    }
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void a_made_token_verifies_and_is_plain_text(void **state)
{
    char text[WAFER_CSRF_LENGTH + 1];

    (void)state;
    for (int round = 0; round < 200; round++) {
        random_fill(key, sizeof key);
        random_fill(id, sizeof id);
        make(text);
        assert_int_equal(strspn(text, alphabet), WAFER_CSRF_LENGTH);
        assert_true(check(text, WAFER_CSRF_LENGTH));
    }
}

static void every_token_is_masked_afresh(void **state)
{
    uint8_t first[RAW_SIZE];
    uint8_t second[RAW_SIZE];
    char text[WAFER_CSRF_LENGTH + 1];

    (void)state;
    make(text);
    to_raw(text, first);
    assert_true(check(text, WAFER_CSRF_LENGTH));
    make(text);
    to_raw(text, second);
    assert_true(check(text, WAFER_CSRF_LENGTH));
    assert_memory_equal(first, second, MASK_AT);
    assert_memory_not_equal(first + MASK_AT, second + MASK_AT, MAC_SIZE);
    assert_memory_not_equal(first + MASK_AT + MAC_SIZE, second + MASK_AT + MAC_SIZE, MAC_SIZE);
    for (size_t i = MASK_AT; i < MASK_AT + MAC_SIZE; i++)
        assert_int_equal(first[i] ^ first[i + MAC_SIZE], second[i] ^ second[i + MAC_SIZE]);
}

static void without_randomness_the_token_is_empty(void **state)
{
    char text[WAFER_CSRF_LENGTH + 1];

    (void)state;
    memset(text, 'x', sizeof text);
    wafer_reseed();
    no_randomness = true;
    assert_false(wafer_csrf_make(key, key_id, id, text));
    no_randomness = false;
    assert_string_equal(text, "");
}

/* ---- Refusing -------------------------------------------------------------------------------- */

static void another_session_or_key_verifies_nothing(void **state)
{
    char text[WAFER_CSRF_LENGTH + 1];

    (void)state;
    make(text);
    for (size_t bit = 0; bit < 8 * sizeof id; bit++) {
        id[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(verify(key, id, text));
        id[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof key; bit++) {
        key[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(verify(key, id, text));
        key[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(verify(key, id, text));
}

static void every_flipped_bit_is_refused(void **state)
{
    char text[WAFER_CSRF_LENGTH + 1];
    char flipped[WAFER_CSRF_LENGTH + 1];
    uint8_t raw[RAW_SIZE];
    uint8_t found[WAFER_KEY_ID_SIZE];

    (void)state;
    make(text);
    to_raw(text, raw);
    for (size_t bit = 0; bit < 8 * RAW_SIZE; bit++) {
        raw[bit / 8] ^= (uint8_t)(1U << bit % 8);
        to_text(raw, RAW_SIZE, flipped, sizeof flipped);
        assert_false(check(flipped, WAFER_CSRF_LENGTH));
        assert_int_equal(peek(flipped, WAFER_CSRF_LENGTH, found), bit >= 8);
        if (bit >= 8)
            assert_memory_equal(found, raw + 1, sizeof found);
        if (bit >= 8 * MASK_AT)
            assert_false(verify(key, id, flipped));
        raw[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * WAFER_CSRF_LENGTH; bit++) {
        memcpy(flipped, text, sizeof flipped);
        flipped[bit / 8] = (char)((uint8_t)flipped[bit / 8] ^ 1U << bit % 8);
        assert_false(check(flipped, WAFER_CSRF_LENGTH));
    }
}

static void every_other_length_is_no_token(void **state)
{
    uint8_t found[WAFER_KEY_ID_SIZE];
    uint8_t raw[2 * RAW_SIZE] = {0};
    char text[3 * RAW_SIZE];

    (void)state;
    make(text);
    to_raw(text, raw);
    for (size_t length = 0; length < sizeof raw; length++) {
        char other[3 * RAW_SIZE];

        to_text(raw, length, other, sizeof other);
        assert_int_equal(peek(other, strlen(other), found), length == RAW_SIZE);
    }
    memset(text + WAFER_CSRF_LENGTH, 'A', sizeof text - WAFER_CSRF_LENGTH);
    for (size_t length = 0; length < sizeof text; length++)
        assert_int_equal(peek(text, length, found), length == WAFER_CSRF_LENGTH);
    assert_false(wafer_csrf_peek(text, SIZE_MAX, found));
}

static void a_foreign_character_anywhere_is_refused(void **state)
{
    uint8_t found[WAFER_KEY_ID_SIZE];
    char text[WAFER_CSRF_LENGTH + 1];

    (void)state;
    make(text);
    for (size_t place = 0; place < WAFER_CSRF_LENGTH; place++) {
        char right = text[place];

        for (unsigned character = 0; character < 256; character++) {
            if (character == 0 || strchr(alphabet, (char)character) == NULL) {
                text[place] = (char)character;
                assert_false(wafer_csrf_peek(text, WAFER_CSRF_LENGTH, found));
                assert_false(wafer_csrf_verify(key, id, text));
            }
        }
        text[place] = right;
    }
    assert_true(check(text, WAFER_CSRF_LENGTH));
}

static void an_unmasked_zero_is_no_token(void **state)
{
    uint8_t raw[RAW_SIZE] = {1};
    char text[WAFER_CSRF_LENGTH + 1];

    (void)state;
    memcpy(raw + 1, key_id, sizeof key_id);
    to_text(raw, sizeof raw, text, sizeof text);
    assert_false(check(text, WAFER_CSRF_LENGTH));
    random_fill(raw + MASK_AT, MAC_SIZE);
    memcpy(raw + MASK_AT + MAC_SIZE, raw + MASK_AT, MAC_SIZE);
    to_text(raw, sizeof raw, text, sizeof text);
    assert_false(check(text, WAFER_CSRF_LENGTH));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_made_and_verified_as_drawn),
        cmocka_unit_test(a_made_token_verifies_and_is_plain_text),
        cmocka_unit_test(every_token_is_masked_afresh),
        cmocka_unit_test(without_randomness_the_token_is_empty),
        cmocka_unit_test(another_session_or_key_verifies_nothing),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_other_length_is_no_token),
        cmocka_unit_test(a_foreign_character_anywhere_is_refused),
        cmocka_unit_test(an_unmasked_zero_is_no_token),
    };

    next_random_size = MAC_SIZE;
    return cmocka_run_group_tests_name("csrf", tests, set_up, NULL);
}
