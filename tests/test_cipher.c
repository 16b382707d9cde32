#include "support.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cipher.h"
#include "equal.h"

#define HEADER_SIZE 4

static const struct wafer_cipher *const ciphers[] = {&wafer_cipher_composed,
                                                     &wafer_cipher_libsodium};
#define CIPHERS (sizeof ciphers / sizeof *ciphers)

static uint8_t key[WAFER_CIPHER_KEY];
static uint8_t nonce[WAFER_CIPHER_NONCE];
static uint8_t header[HEADER_SIZE];
static const struct wafer_cipher_call call = {key, nonce, header, HEADER_SIZE};

static int set_up(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    seed_random();
    random_fill(key, sizeof key);
    random_fill(nonce, sizeof nonce);
    random_fill(header, sizeof header);
    return 0;
}

static bool is_filled_with(const uint8_t *bytes, size_t length, uint8_t filler)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != filler)
            return false;
    return true;
}

static uint8_t *text_of(struct wafer_box *box)
{
    return box->bytes + WAFER_BOX_TEXT;
}

/* A box that ends where memory ends. */
static struct wafer_box *make_box(void)
{
    return (struct wafer_box *)guarded(sizeof(struct wafer_box));
}

static void free_box(struct wafer_box *box)
{
    guarded_free((uint8_t *)box, sizeof *box);
}

/* ---- Against published vectors and libsodium's own call ---- */

enum column { NUMBER, RESULT, KEY, NONCE, HEADER, MESSAGE, CIPHERTEXT, TAG, COLUMNS };

struct row {
    bool valid;
    size_t nonce_length;
    size_t message_length;
    size_t sealed_length;
    size_t tag_length;
    struct wafer_cipher_call call;
    uint8_t key[64];
    uint8_t nonce[64];
    uint8_t header[1024];
    uint8_t message[1024];
    uint8_t sealed[1024];
    uint8_t tag[64];
};

static bool next_row(FILE *file, struct row *row)
{
    static char line[16384];
    char *field[COLUMNS];
    char *rest = line;

    do {
        if (fgets(line, sizeof line, file) == NULL)
            return false;
    } while (line[0] == '#');
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < COLUMNS; i++) {
        field[i] = strsep(&rest, "\t");
        assert_non_null(field[i]);
    }
    row->valid = strcmp(field[RESULT], "valid") == 0;
    assert_int_equal(from_hex(field[KEY], row->key), WAFER_CIPHER_KEY);
    row->nonce_length = from_hex(field[NONCE], row->nonce);
    row->message_length = from_hex(field[MESSAGE], row->message);
    row->sealed_length = from_hex(field[CIPHERTEXT], row->sealed);
    row->tag_length = from_hex(field[TAG], row->tag);
    row->call = (struct wafer_cipher_call){row->key, row->nonce, row->header,
                                           from_hex(field[HEADER], row->header)};
    return true;
}

static void check_row(const struct wafer_cipher *cipher, const struct row *row)
{
    struct wafer_box *box = make_box();
    struct wafer_box *opened = make_box();
    uint8_t tag[WAFER_CIPHER_TAG];

    assert_int_equal(row->sealed_length, row->message_length);
    assert_int_equal(row->tag_length, WAFER_CIPHER_TAG);
    memcpy(text_of(box), row->message, row->message_length);
    cipher->seal(&row->call, box, row->message_length, tag);
    assert_int_equal(memcmp(text_of(box), row->sealed, row->message_length) == 0 &&
                         memcmp(tag, row->tag, sizeof tag) == 0,
                     row->valid);
    memcpy(text_of(box), row->sealed, row->message_length);
    assert_int_equal(cipher->open(&row->call, box, row->message_length, row->tag, opened),
                     row->valid);
    if (row->valid)
        assert_memory_equal(text_of(opened), row->message, row->message_length);
    free_box(box);
    free_box(opened);
}

static void the_conformance_rows_seal_and_open_as_they_say(void **state)
{
    (void)state;
    static struct row row;
    FILE *file = conformance_file("wycheproof_xchacha20_poly1305.tsv");
    unsigned tried = 0;
    unsigned others = 0;

    while (next_row(file, &row)) {
        if (row.nonce_length != WAFER_CIPHER_NONCE ||
            row.call.header_length > WAFER_CIPHER_HEADER_MAX) {
            others++;
            continue;
        }
        tried++;
        for (size_t i = 0; i < CIPHERS; i++)
            check_row(ciphers[i], &row);
    }
    assert_int_equal(fclose(file), 0);
    print_message("%u rows; %u more have nonces or headers of lengths that no token has\n", tried,
                  others);
    assert_true(tried > 200);
}

static void check_length(size_t length)
{
    static uint8_t text[WAFER_BOX_TEXT_MAX];
    static uint8_t expected[WAFER_BOX_TEXT_MAX];
    uint8_t expected_tag[WAFER_CIPHER_TAG];

    random_fill(text, length);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(expected, expected_tag, NULL, text,
                                                              length, header, sizeof header, NULL,
                                                              nonce, key);
    for (size_t i = 0; i < CIPHERS; i++) {
        struct wafer_box *box = make_box();
        struct wafer_box *opened = make_box();
        uint8_t tag[WAFER_CIPHER_TAG];

        memcpy(text_of(box), text, length);
        ciphers[i]->seal(&call, box, length, tag);
        assert_memory_equal(text_of(box), expected, length);
        assert_memory_equal(tag, expected_tag, sizeof tag);
        assert_true(ciphers[i]->open(&call, box, length, tag, opened));
        assert_memory_equal(text_of(opened), text, length);
        free_box(box);
        free_box(opened);
    }
}

static void every_length_is_sealed_as_libsodium_seals_it_and_comes_back(void **state)
{
    (void)state;
    for (size_t length = 0; length <= 640; length++)
        check_length(length);
    for (size_t length = 641; length < WAFER_BOX_TEXT_MAX - 130; length += 7)
        check_length(length);
    for (size_t length = WAFER_BOX_TEXT_MAX - 130; length <= WAFER_BOX_TEXT_MAX; length++)
        check_length(length);
}

static void headers_of_every_length_are_authenticated_as_libsodium_does_it(void **state)
{
    (void)state;
    uint8_t longest[WAFER_CIPHER_HEADER_MAX];

    random_fill(longest, sizeof longest);
    for (size_t length = 0; length <= sizeof longest; length++) {
        const struct wafer_cipher_call with = {key, nonce, longest, length};
        struct wafer_box box = {{0}};
        uint8_t tag[WAFER_CIPHER_TAG];
        uint8_t sealed[100];
        uint8_t expected[WAFER_CIPHER_TAG];

        memset(sealed, 'x', sizeof sealed);
        memset(text_of(&box), 'x', sizeof sealed);
        (void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(sealed, expected, NULL, sealed,
                                                                  sizeof sealed, longest, length,
                                                                  NULL, nonce, key);
        wafer_cipher_composed.seal(&with, &box, sizeof sealed, tag);
        assert_memory_equal(tag, expected, sizeof tag);
        assert_memory_equal(text_of(&box), sealed, sizeof sealed);
    }
}

static void no_more_is_read_of_key_nonce_and_header_than_they_have(void **state)
{
    (void)state;
    uint8_t *last_key = guarded_copy(key, sizeof key);
    uint8_t *last_nonce = guarded_copy(nonce, sizeof nonce);
    uint8_t *last_header = guarded_copy(header, sizeof header);
    const struct wafer_cipher_call with = {last_key, last_nonce, last_header, HEADER_SIZE};

    for (size_t i = 0; i < CIPHERS; i++) {
        struct wafer_box box = {{0}};
        struct wafer_box opened;
        uint8_t tag[WAFER_CIPHER_TAG];

        ciphers[i]->seal(&with, &box, 50, tag);
        assert_true(ciphers[i]->open(&with, &box, 50, tag, &opened));
    }
    guarded_free(last_key, sizeof key);
    guarded_free(last_nonce, sizeof nonce);
    guarded_free(last_header, sizeof header);
}

/* ---- Refusing ---- */

/* One text and all that opening it needs, to be flipped bit by bit. */
struct sealed {
    uint8_t key[WAFER_CIPHER_KEY];
    uint8_t nonce[WAFER_CIPHER_NONCE];
    uint8_t header[HEADER_SIZE];
    uint8_t tag[WAFER_CIPHER_TAG];
    uint8_t text[WAFER_BOX_TEXT_MAX];
};

static bool opens(const struct wafer_cipher *cipher, const struct sealed *sealed, size_t length)
{
    const struct wafer_cipher_call with = {sealed->key, sealed->nonce, sealed->header, HEADER_SIZE};
    static struct wafer_box box;
    static struct wafer_box opened;

    memcpy(text_of(&box), sealed->text, length);
    memset(&opened, 0xA5, sizeof opened);
    bool good = cipher->open(&with, &box, length, sealed->tag, &opened);
    if (!good) { /* zeroed from the front on, as it was behind that */
        size_t zeros = 0;
        while (zeros < length && text_of(&opened)[zeros] == 0)
            zeros++;
        assert_true(is_filled_with(text_of(&opened) + zeros, length - zeros, 0xA5));
    }
    return good;
}

static void check_flips(const struct wafer_cipher *cipher, size_t length, size_t step)
{
    static struct sealed sealed;
    static struct wafer_box box;
    uint8_t *bytes = (uint8_t *)&sealed;

    memcpy(sealed.key, key, sizeof key);
    memcpy(sealed.nonce, nonce, sizeof nonce);
    memcpy(sealed.header, header, sizeof header);
    random_fill(text_of(&box), length);
    cipher->seal(&call, &box, length, sealed.tag);
    memcpy(sealed.text, text_of(&box), length);
    assert_true(opens(cipher, &sealed, length));
    for (size_t bit = 0; bit < 8 * (offsetof(struct sealed, text) + length); bit += step) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(opens(cipher, &sealed, length));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(opens(cipher, &sealed, length));
}

static void every_bit_of_key_nonce_header_tag_and_text_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < CIPHERS; i++) {
        check_flips(ciphers[i], 0, 1);
        check_flips(ciphers[i], 50, 1);
        check_flips(ciphers[i], 449, 1);
        check_flips(ciphers[i], WAFER_BOX_TEXT_MAX, 41);
    }
}

static void a_text_that_was_cut_or_extended_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CIPHERS; i++) {
        struct wafer_box sealed;
        struct wafer_box opened;
        uint8_t tag[WAFER_CIPHER_TAG];

        for (size_t length = 0; length <= 100; length++) {
            struct wafer_box box = {{0}};
            ciphers[i]->seal(&call, &box, 50, tag);
            sealed = box;
            assert_int_equal(ciphers[i]->open(&call, &sealed, length, tag, &opened), length == 50);
        }
    }
}

/* ---- Leaving nothing ---- */

/* Behind the text two lengths may be left, which have three bytes that are not zero. */
static bool has_lengths_at_most(const uint8_t *bytes, size_t length)
{
    size_t others = 0;

    for (size_t i = 0; i < length; i++)
        others += bytes[i] != 0;
    return others <= 3;
}

static void nothing_of_the_stream_is_left_around_the_text(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 100, 192, 193, 448, 449, 1000, WAFER_BOX_TEXT_MAX};

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        static struct wafer_box box;
        static struct wafer_box opened;
        size_t length = lengths[i];
        size_t behind = WAFER_BOX_SIZE - WAFER_BOX_TEXT - length;
        uint8_t tag[WAFER_CIPHER_TAG];

        memset(&box, 0, sizeof box);
        memset(&opened, 0, sizeof opened);
        wafer_cipher_composed.seal(&call, &box, length, tag);
        assert_true(is_filled_with(box.bytes, WAFER_BOX_TEXT, 0));
        assert_true(has_lengths_at_most(text_of(&box) + length, behind));
        for (int good = 1; good >= 0; good--) {
            tag[0] ^= !good;
            assert_int_equal(wafer_cipher_composed.open(&call, &box, length, tag, &opened), good);
            assert_true(is_filled_with(opened.bytes, WAFER_BOX_TEXT, 0));
            assert_true(is_filled_with(text_of(&opened), length, 0)); /* as it was sealed */
            assert_true(is_filled_with(text_of(&opened) + length, behind, 0));
        }
    }
}

/* ---- Choosing ---- */

static void assert_chosen(const char *value, const struct wafer_cipher *expected)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        if (value != NULL)
            setenv("WAFER_PORTABLE", value, 1);
        else
            unsetenv("WAFER_PORTABLE");
        _exit(wafer_cipher() != expected);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Before anything else here asked. */
static void libsodiums_own_call_is_chosen_by_the_environment(void **state)
{
    (void)state;
    assert_chosen(NULL, &wafer_cipher_composed);
    assert_chosen("", &wafer_cipher_composed);
    assert_chosen("0", &wafer_cipher_composed);
    assert_chosen("1", &wafer_cipher_libsodium);
    assert_chosen("yes", &wafer_cipher_libsodium);
}

static void a_process_stays_with_what_it_chose_first(void **state)
{
    (void)state;
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        setenv("WAFER_PORTABLE", "1", 1);
        const struct wafer_cipher *first = wafer_cipher();
        unsetenv("WAFER_PORTABLE");
        _exit(first != &wafer_cipher_libsodium || wafer_cipher() != first);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- Comparing ---- */

static void memory_is_equal_only_if_every_bit_is(void **state)
{
    (void)state;
    for (size_t length = 0; length <= 200; length++) {
        uint8_t *one = guarded(length);
        random_fill(one, length);
        uint8_t *other = guarded_copy(one, length);

        assert_true(wafer_equal(one, other, length));
        for (size_t bit = 0; bit < 8 * length; bit++) {
            other[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(wafer_equal(one, other, length));
            other[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        guarded_free(one, length);
        guarded_free(other, length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libsodiums_own_call_is_chosen_by_the_environment),
        cmocka_unit_test(a_process_stays_with_what_it_chose_first),
        cmocka_unit_test(the_conformance_rows_seal_and_open_as_they_say),
        cmocka_unit_test(every_length_is_sealed_as_libsodium_seals_it_and_comes_back),
        cmocka_unit_test(headers_of_every_length_are_authenticated_as_libsodium_does_it),
        cmocka_unit_test(no_more_is_read_of_key_nonce_and_header_than_they_have),
        cmocka_unit_test(every_bit_of_key_nonce_header_tag_and_text_counts),
        cmocka_unit_test(a_text_that_was_cut_or_extended_is_refused),
        cmocka_unit_test(nothing_of_the_stream_is_left_around_the_text),
        cmocka_unit_test(memory_is_equal_only_if_every_bit_is),
    };
    return cmocka_run_group_tests_name("cipher", tests, set_up, NULL);
}
