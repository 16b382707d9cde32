#include "randomness.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "nonce.h"
#include "seal.h"

#define TOKEN_MIN      59
#define URL_SAFE       sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define LINE_MAX_BYTES 65536

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uint8_t key[32];
static const uint8_t key_id[WAFER_KEY_ID_SIZE] = {0xA1, 0xB2, 0xC3};

/* ---- Tokens by libsodium alone --------------------------------------------------------------- */

struct token {
    char text[WAFER_TOKEN_MAX + 8];
    size_t length;
    uint8_t raw[WAFER_RAW_MAX + 8];
    size_t raw_length;
};

/* The text follows the raw bytes. */
static void write_text(struct token *token)
{
    sodium_bin2base64(token->text, sizeof token->text, token->raw, token->raw_length, URL_SAFE);
    token->length = strlen(token->text);
}

static void reference_seal(struct token *token, const uint8_t header[WAFER_SEAL_HEADER],
                           const uint8_t cipher_key[32], const uint8_t nonce[WAFER_NONCE_SIZE],
                           const uint8_t *plain, size_t length)
{
    uint8_t *sealed = token->raw + WAFER_SEAL_HEADER + WAFER_NONCE_SIZE;
    unsigned long long sealed_length;

    memcpy(token->raw, header, WAFER_SEAL_HEADER);
    memcpy(token->raw + WAFER_SEAL_HEADER, nonce, WAFER_NONCE_SIZE);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, &sealed_length, plain, length, header,
                                                     WAFER_SEAL_HEADER, NULL, nonce, cipher_key);
    token->raw_length = WAFER_SEAL_HEADER + WAFER_NONCE_SIZE + (size_t)sealed_length;
    write_text(token);
}

/* A token of ours, sealed into memory of exactly the size the contract names. */
static void seal(struct token *token, const uint8_t id[WAFER_KEY_ID_SIZE], const uint8_t *plain,
                 size_t length)
{
    size_t raw_length = length + WAFER_SEAL_OVERHEAD;
    size_t text_length = WAFER_BASE64_LENGTH(raw_length);
    struct wafer_box *box = (struct wafer_box *)guarded(sizeof *box);
    char *text = (char *)guarded(text_length);

    memcpy(box->bytes + WAFER_BOX_TEXT, plain, length);
    assert_true(wafer_seal_close(key, id, false, box, length, text));
    memcpy(token->text, text, text_length);
    token->text[text_length] = '\0';
    token->length = text_length;
    assert_int_equal(sodium_base642bin(token->raw, sizeof token->raw, text, text_length, NULL,
                                       &token->raw_length, NULL, URL_SAFE),
                     0);
    assert_int_equal(token->raw_length, raw_length);
    guarded_free((uint8_t *)box, sizeof *box);
    guarded_free(text, text_length);
}

static bool is_filled_with(const uint8_t *bytes, size_t length, uint8_t filler)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != filler)
            return false;
    return true;
}

/* From the front on zeroed, behind that as it was. */
static bool is_untouched_or_zeroed(const uint8_t *bytes, size_t length)
{
    size_t zeros = 0;

    while (zeros < length && bytes[zeros] == 0)
        zeros++;
    return is_filled_with(bytes + zeros, length - zeros, 0xA5);
}

/* Opens from memory of exactly the size it takes. On failure the plaintext must be as it
 * was, or zeroed, and its length untouched; on success it goes to out. */
static enum wafer_seal_result open_text(const uint8_t cipher_key[32], const char *text,
                                        size_t length, uint8_t *out, size_t *out_length)
{
    size_t raw_length = WAFER_BASE64_BYTES(length);
    size_t room = raw_length > WAFER_SEAL_OVERHEAD ? raw_length - WAFER_SEAL_OVERHEAD : 0;
    char *input = (char *)guarded_copy(text, length);
    struct wafer_box *raw = (struct wafer_box *)guarded(sizeof *raw);
    struct wafer_box *box = (struct wafer_box *)guarded(sizeof *box);
    const uint8_t *plain = box->bytes + WAFER_BOX_TEXT;
    size_t plain_length = 12345;
    enum wafer_seal_result result = wafer_seal_open(cipher_key, input, length, raw, box,
                                                    &plain_length);

    if (result == WAFER_SEAL_OK) {
        assert_int_equal(plain_length, room);
        memcpy(out, plain, room);
        *out_length = room;
    } else {
        assert_int_equal(plain_length, 12345);
        assert_true(is_untouched_or_zeroed(plain, room));
    }
    assert_memory_equal(input, text, length);
    guarded_free(input, length);
    guarded_free((uint8_t *)raw, sizeof *raw);
    guarded_free((uint8_t *)box, sizeof *box);
    return result;
}

static enum wafer_seal_result open_token(const struct token *token)
{
    uint8_t plain[WAFER_PLAIN_MAX];
    size_t length;

    return open_text(key, token->text, token->length, plain, &length);
}

static void assert_opens_to(const uint8_t cipher_key[32], const struct token *token,
                            const uint8_t *plain, size_t length)
{
    uint8_t opened[WAFER_PLAIN_MAX];
    size_t opened_length;

    assert_int_equal(open_text(cipher_key, token->text, token->length, opened, &opened_length),
                     WAFER_SEAL_OK);
    assert_int_equal(opened_length, length);
    assert_memory_equal(opened, plain, length);
}

/* A token of some random plaintext. */
static void seal_something(struct token *token, const uint8_t id[WAFER_KEY_ID_SIZE], size_t length)
{
    uint8_t plain[WAFER_PLAIN_MAX];

    random_fill(plain, length);
    seal(token, id, plain, length);
    assert_opens_to(key, token, plain, length);
}

static int set_up(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    seed_random();
    random_fill(key, sizeof key);
    return 0;
}

/* ---- Vectors --------------------------------------------------------------------------------- */

#define FIELDS_MAX 8

/* Splits the next line that is no comment at its tabs; returns how many fields it has, 0 at the
 * end. */
static size_t next_row(FILE *file, char *line, char *field[FIELDS_MAX])
{
    size_t count = 0;

    do {
        if (fgets(line, LINE_MAX_BYTES, file) == NULL)
            return 0;
    } while (line[0] == '#');
    line[strcspn(line, "\n")] = '\0';
    for (char *rest = line; rest != NULL && count < FIELDS_MAX;)
        field[count++] = strsep(&rest, "\t");
    return count;
}

struct vector {
    uint8_t cipher_key[32];
    uint8_t header[WAFER_SEAL_HEADER];
    uint8_t nonce[WAFER_NONCE_SIZE];
    uint8_t plain[WAFER_PLAIN_MAX];
    size_t plain_length;
    const char *text;
};

static void check_both_ways(const struct vector *vector)
{
    struct token token = {.length = strlen(vector->text)};
    uint8_t id[WAFER_KEY_ID_SIZE];
    struct wafer_box box;
    char text[WAFER_TOKEN_MAX];

    memcpy(token.text, vector->text, token.length + 1);
    assert_int_equal(wafer_seal_peek(token.text, token.length, id), WAFER_SEAL_OK);
    assert_memory_equal(id, vector->header + 1, sizeof id);
    assert_opens_to(vector->cipher_key, &token, vector->plain, vector->plain_length);

    next_random = vector->nonce;
    memcpy(box.bytes + WAFER_BOX_TEXT, vector->plain, vector->plain_length);
    assert_true(wafer_seal_close(vector->cipher_key, id, false, &box, vector->plain_length, text));
    next_random = NULL;
    assert_memory_equal(text, token.text, token.length);
}

static void the_published_tokens_open_and_are_what_sealing_gives(void **state)
{
    char line[LINE_MAX_BYTES];
    char *field[FIELDS_MAX];
    FILE *file = fopen("tests/vectors/seal.tsv", "r");
    size_t fields;
    unsigned rows = 0;

    (void)state;
    if (file == NULL) {
        fail_msg("tests/vectors/seal.tsv cannot be read; run this from the project's folder");
        return;
    }
    while ((fields = next_row(file, line, field)) > 0) {
        struct vector vector = {.header = {WAFER_FORMAT}};

        assert_int_equal(fields, 5);
        assert_int_equal(from_hex(field[0], vector.cipher_key), sizeof vector.cipher_key);
        assert_int_equal(from_hex(field[1], vector.header + 1), WAFER_KEY_ID_SIZE);
        assert_int_equal(from_hex(field[2], vector.nonce), sizeof vector.nonce);
        vector.plain_length = from_hex(field[3], vector.plain);
        vector.text = field[4];
        check_both_ways(&vector);
        rows++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rows, 6);
}

enum column { NUMBER, RESULT, KEY, NONCE, AAD, MESSAGE, CIPHERTEXT, TAG };

/* A row against the primitive itself, with the row's own additional data. */
static void check_primitive(char *const field[FIELDS_MAX], const uint8_t cipher_key[32],
                            const uint8_t nonce[WAFER_NONCE_SIZE], const uint8_t *message,
                            size_t length)
{
    uint8_t aad[1024];
    uint8_t sealed[2048];
    uint8_t ours[2048];
    uint8_t opened[2048];
    size_t aad_length = from_hex(field[AAD], aad);
    size_t sealed_length = from_hex(field[CIPHERTEXT], sealed);
    bool valid = strcmp(field[RESULT], "valid") == 0;

    sealed_length += from_hex(field[TAG], sealed + sealed_length);
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(opened, NULL, NULL, sealed,
                                                                sealed_length, aad, aad_length,
                                                                nonce, cipher_key) == 0,
                     valid);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(ours, NULL, message, length, aad, aad_length,
                                                     NULL, nonce, cipher_key);
    assert_int_equal(sealed_length, length + WAFER_SEAL_TAG);
    assert_int_equal(memcmp(ours, sealed, sealed_length) == 0, valid);
    if (valid)
        assert_memory_equal(opened, message, length);
}

/* The rows' additional data is never a header of ours, so they run against the primitive; their
 * keys, nonces and messages then go through our format with a header of ours. */
static void the_cipher_is_the_one_of_the_conformance_rows(void **state)
{
    static const uint8_t header[] = {WAFER_FORMAT, 0xA1, 0xB2, 0xC3};
    char line[LINE_MAX_BYTES];
    char *field[FIELDS_MAX];
    FILE *file = conformance_file("wycheproof_xchacha20_poly1305.tsv");
    struct token token;
    size_t fields;
    unsigned tried = 0;
    unsigned other_nonces = 0;
    unsigned valid = 0;

    (void)state;
    while ((fields = next_row(file, line, field)) > 0) {
        uint8_t cipher_key[32];
        uint8_t nonce[64];
        uint8_t message[1024];
        size_t length;

        assert_int_equal(fields, FIELDS_MAX);
        if (from_hex(field[NONCE], nonce) != WAFER_NONCE_SIZE) {
            assert_string_equal(field[RESULT], "invalid");
            other_nonces++;
            continue;
        }
        tried++;
        valid += strcmp(field[RESULT], "valid") == 0;
        assert_int_equal(from_hex(field[KEY], cipher_key), sizeof cipher_key);
        length = from_hex(field[MESSAGE], message);
        check_primitive(field, cipher_key, nonce, message, length);
        reference_seal(&token, header, cipher_key, nonce, message, length);
        assert_opens_to(cipher_key, &token, message, length);
    }
    assert_int_equal(fclose(file), 0);
    print_message("%u rows agree, %u of them valid; %u more have nonces of other lengths, which "
                  "the format lacks\n",
                  tried, valid, other_nonces);
    assert_true(tried > 0);
}

/* ---- Sealing --------------------------------------------------------------------------------- */

static void check_length(size_t length)
{
    uint8_t plain[WAFER_PLAIN_MAX];
    uint8_t id[WAFER_KEY_ID_SIZE];
    uint8_t peeked[WAFER_KEY_ID_SIZE];
    struct token ours;
    struct token reference;

    random_fill(plain, length);
    random_fill(id, sizeof id);
    seal(&ours, id, plain, length);
    assert_int_equal(ours.raw[0], WAFER_FORMAT);
    assert_memory_equal(ours.raw + 1, id, sizeof id);
    reference_seal(&reference, ours.raw, key, ours.raw + WAFER_SEAL_HEADER, plain, length);
    assert_int_equal(reference.length, ours.length);
    assert_string_equal(reference.text, ours.text);

    assert_int_equal(wafer_seal_peek(ours.text, ours.length, peeked), WAFER_SEAL_OK);
    assert_memory_equal(peeked, id, sizeof id);
    assert_opens_to(key, &ours, plain, length);
}

static void every_length_comes_back_and_is_sealed_as_libsodium_seals_it(void **state)
{
    (void)state;
    for (size_t length = 0; length < 70; length++)
        check_length(length);
    for (size_t length = 70; length < WAFER_PLAIN_MAX; length += 29)
        check_length(length);
    check_length(WAFER_PLAIN_MAX - 1);
    check_length(WAFER_PLAIN_MAX);
}

static void the_same_plaintext_is_never_sealed_the_same(void **state)
{
    static const uint8_t plain[32];
    struct token first;
    struct token second;

    (void)state;
    seal(&first, key_id, plain, sizeof plain);
    seal(&second, key_id, plain, sizeof plain);
    assert_memory_equal(first.raw, second.raw, WAFER_SEAL_HEADER);
    assert_memory_not_equal(first.raw + WAFER_SEAL_HEADER, second.raw + WAFER_SEAL_HEADER,
                            WAFER_NONCE_SIZE);
    assert_memory_not_equal(first.raw + WAFER_SEAL_HEADER + WAFER_NONCE_SIZE,
                            second.raw + WAFER_SEAL_HEADER + WAFER_NONCE_SIZE, sizeof plain);
}

static void without_randomness_nothing_is_sealed(void **state)
{
    static struct wafer_box box;
    uint8_t text[WAFER_TOKEN_LENGTH(32)];

    (void)state;
    memset(text, 0xA5, sizeof text);
    wafer_reseed();
    no_randomness = true;
    assert_false(wafer_seal_close(key, key_id, true, &box, 32, (char *)text));
    no_randomness = false;
    assert_true(is_filled_with(text, sizeof text, 0xA5));
    assert_true(wafer_seal_close(key, key_id, true, &box, 32, (char *)text));
}

/* ---- Refusing -------------------------------------------------------------------------------- */

static void only_lengths_that_tokens_have_are_looked_at(void **state)
{
    char text[WAFER_TOKEN_MAX + 16];
    uint8_t id[WAFER_KEY_ID_SIZE];
    uint8_t plain[WAFER_PLAIN_MAX];
    size_t plain_length;

    (void)state;
    memset(text, 'A', sizeof text);
    memcpy(text, "AaGy", 4);
    for (size_t length = 0; length < TOKEN_MIN; length++) {
        char *input = (char *)guarded_copy(text, length);

        assert_int_equal(wafer_seal_peek(input, length, id), WAFER_SEAL_LENGTH);
        assert_int_equal(open_text(key, text, length, plain, &plain_length), WAFER_SEAL_LENGTH);
        guarded_free(input, length);
    }
    for (size_t length = WAFER_TOKEN_MAX + 1; length <= sizeof text; length++) {
        assert_int_equal(wafer_seal_peek(text, length, id), WAFER_SEAL_LENGTH);
        assert_int_equal(open_text(key, text, length, plain, &plain_length), WAFER_SEAL_LENGTH);
    }
    assert_int_equal(wafer_seal_peek(text, SIZE_MAX, id), WAFER_SEAL_LENGTH);
    assert_int_equal(wafer_seal_peek(text, TOKEN_MIN, id), WAFER_SEAL_OK);
    assert_int_equal(wafer_seal_peek(text, WAFER_TOKEN_MAX, id), WAFER_SEAL_OK);
    assert_int_equal(open_text(key, text, TOKEN_MIN, plain, &plain_length), WAFER_SEAL_TAG_WRONG);
    assert_int_equal(open_text(key, text, WAFER_TOKEN_MAX, plain, &plain_length),
                     WAFER_SEAL_TAG_WRONG);
}

static void every_truncation_is_refused(void **state)
{
    struct token token;
    struct token shorter;

    (void)state;
    seal_something(&token, key_id, 40);
    shorter = token;
    for (shorter.length = 0; shorter.length < token.length; shorter.length++)
        assert_int_not_equal(open_token(&shorter), WAFER_SEAL_OK);
    for (size_t cut = 1; cut < token.raw_length; cut++) {
        enum wafer_seal_result expected = token.raw_length - cut < WAFER_SEAL_OVERHEAD
                                              ? WAFER_SEAL_LENGTH
                                              : WAFER_SEAL_TAG_WRONG;

        shorter.raw_length = token.raw_length - cut;
        memcpy(shorter.raw, token.raw, shorter.raw_length);
        write_text(&shorter);
        assert_int_equal(open_token(&shorter), expected);
        memcpy(shorter.raw, token.raw + cut, shorter.raw_length);
        write_text(&shorter);
        assert_int_equal(open_token(&shorter), expected);
    }
}

static void every_extension_is_refused(void **state)
{
    struct token token;
    struct token longer;

    (void)state;
    for (size_t length = 40; length < 43; length++) {
        seal_something(&token, key_id, length);
        for (unsigned more = 0; more < 256; more++) {
            longer = token;
            longer.text[longer.length++] = (char)more;
            assert_int_not_equal(open_token(&longer), WAFER_SEAL_OK);
            longer = token;
            longer.raw[longer.raw_length++] = (uint8_t)more;
            write_text(&longer);
            assert_int_equal(open_token(&longer), WAFER_SEAL_TAG_WRONG);
        }
        longer = token;
        for (unsigned more = 1; more <= 4; more++) {
            longer.text[longer.length++] = '=';
            assert_int_equal(open_token(&longer), WAFER_SEAL_TEXT);
        }
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    uint8_t id[WAFER_KEY_ID_SIZE];
    struct token token;
    struct token flipped;

    (void)state;
    seal_something(&token, key_id, 61);
    for (size_t bit = 0; bit < 8 * token.raw_length; bit++) {
        enum wafer_seal_result peeked;

        flipped = token;
        flipped.raw[bit / 8] ^= (uint8_t)(1U << bit % 8);
        write_text(&flipped);
        peeked = wafer_seal_peek(flipped.text, flipped.length, id);
        assert_int_equal(peeked, bit < 8 ? WAFER_SEAL_FORMAT : WAFER_SEAL_OK);
        if (peeked == WAFER_SEAL_OK)
            assert_memory_equal(id, flipped.raw + 1, sizeof id);
        assert_int_equal(open_token(&flipped), WAFER_SEAL_TAG_WRONG);
    }
    for (size_t bit = 0; bit < 8 * token.length; bit++) {
        flipped = token;
        flipped.text[bit / 8] = (char)((uint8_t)flipped.text[bit / 8] ^ 1U << bit % 8);
        assert_int_not_equal(open_token(&flipped), WAFER_SEAL_OK);
    }
}

static void two_tokens_cut_and_joined_are_refused(void **state)
{
    static const uint8_t other_id[WAFER_KEY_ID_SIZE] = {0x5E, 0x4D, 0x3C};
    struct token one;
    struct token other;
    struct token spliced;

    (void)state;
    for (size_t longer = 0; longer < 20; longer += 19) {
        seal_something(&one, key_id, 40);
        seal_something(&other, other_id, 40 + longer);
        for (size_t cut = 0; cut <= one.raw_length; cut++) {
            bool whole;

            spliced = other;
            memcpy(spliced.raw, one.raw, cut);
            write_text(&spliced);
            /* Where both have the same bytes, as at the front, this is just one of them. */
            whole = strcmp(spliced.text, other.text) == 0 || strcmp(spliced.text, one.text) == 0;
            assert_int_equal(open_token(&spliced), whole ? WAFER_SEAL_OK : WAFER_SEAL_TAG_WRONG);
        }
        for (size_t cut = WAFER_SEAL_HEADER; cut < one.raw_length; cut++) {
            /* The head of the one in front of the end of the other, at every place. */
            spliced = one;
            spliced.raw_length = WAFER_SEAL_HEADER + other.raw_length - cut;
            memcpy(spliced.raw + WAFER_SEAL_HEADER, other.raw + cut, other.raw_length - cut);
            write_text(&spliced);
            assert_int_not_equal(open_token(&spliced), WAFER_SEAL_OK);
        }
    }
}

static void another_key_opens_nothing(void **state)
{
    uint8_t plain[WAFER_PLAIN_MAX];
    uint8_t other[sizeof key];
    struct token token;
    size_t length;

    (void)state;
    seal_something(&token, key_id, 50);
    for (size_t bit = 0; bit < 8 * sizeof key; bit++) {
        memcpy(other, key, sizeof key);
        other[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(open_text(other, token.text, token.length, plain, &length),
                         WAFER_SEAL_TAG_WRONG);
    }
}

static void another_version_is_not_asked_for_its_key(void **state)
{
    static const uint8_t nonce[WAFER_NONCE_SIZE];
    static const uint8_t plain[30];
    struct token token;

    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        const uint8_t header[] = {(uint8_t)version, 1, 2, 3};
        uint8_t id[WAFER_KEY_ID_SIZE] = {9, 9, 9};
        static const uint8_t untouched[] = {9, 9, 9};

        reference_seal(&token, header, key, nonce, plain, sizeof plain);
        assert_int_equal(wafer_seal_peek(token.text, token.length, id),
                         version == WAFER_FORMAT ? WAFER_SEAL_OK : WAFER_SEAL_FORMAT);
        assert_memory_equal(id, version == WAFER_FORMAT ? header + 1 : untouched, sizeof id);
    }
}

static void a_foreign_character_anywhere_is_refused(void **state)
{
    uint8_t id[WAFER_KEY_ID_SIZE];
    struct token token;

    (void)state;
    seal_something(&token, key_id, 0);
    for (size_t place = 0; place < token.length; place++) {
        char right = token.text[place];

        for (unsigned character = 0; character < 256; character++) {
            if (character != 0 && strchr(alphabet, (char)character) != NULL)
                continue;
            token.text[place] = (char)character;
            if (place < 8)
                assert_int_equal(wafer_seal_peek(token.text, token.length, id), WAFER_SEAL_TEXT);
            /* A sixteenth of them, so that it does not take long. */
            if (character % 16 == place % 16)
                assert_int_equal(open_token(&token), WAFER_SEAL_TEXT);
        }
        token.text[place] = right;
    }
    assert_int_equal(open_token(&token), WAFER_SEAL_OK);
}

static void another_text_for_the_same_bytes_is_refused(void **state)
{
    struct token token;
    struct token changed;

    (void)state;
    for (size_t length = 48; length < 51; length++) {
        /* How many of the last character's six bits belong to no byte. */
        size_t spare = (length + WAFER_SEAL_OVERHEAD) % 3 * 2;
        unsigned forms = spare == 0 ? 1 : spare == 2 ? 16 : 4;
        size_t digit;

        seal_something(&token, key_id, length);
        digit = (size_t)(strchr(alphabet, token.text[token.length - 1]) - alphabet);
        assert_int_equal(digit % forms, 0);
        for (unsigned more = 1; more < forms; more++) {
            changed = token;
            changed.text[token.length - 1] = alphabet[digit + more];
            assert_int_equal(open_token(&changed), WAFER_SEAL_TEXT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_tokens_open_and_are_what_sealing_gives),
        cmocka_unit_test(the_cipher_is_the_one_of_the_conformance_rows),
        cmocka_unit_test(every_length_comes_back_and_is_sealed_as_libsodium_seals_it),
        cmocka_unit_test(the_same_plaintext_is_never_sealed_the_same),
        cmocka_unit_test(without_randomness_nothing_is_sealed),
        cmocka_unit_test(only_lengths_that_tokens_have_are_looked_at),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_extension_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(two_tokens_cut_and_joined_are_refused),
        cmocka_unit_test(another_key_opens_nothing),
        cmocka_unit_test(another_version_is_not_asked_for_its_key),
        cmocka_unit_test(a_foreign_character_anywhere_is_refused),
        cmocka_unit_test(another_text_for_the_same_bytes_is_refused),
    };

    next_random_size = WAFER_NONCE_SIZE;
    return cmocka_run_group_tests_name("seal", tests, set_up, NULL);
}
