/* What stands between the portable codec and libb64: what libb64 is given, how much it may write,
 * and that what it was lent is wiped. */
#include "support.h"

#include <sodium.h>
#include <string.h>

#include "base64.h"
#include "base64_codec.h"

#define BYTES_MAX 200 /* some lines, and one that is not full */
#define TEXT_MAX  WAFER_BASE64_LENGTH(BYTES_MAX)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The buffers of the latest call of libb64, and whether each was wiped since. */
enum buffer { TEXT, BYTES, STATE, BUFFERS };
static const void *lent[BUFFERS];
static bool wiped[BUFFERS];
static bool got_foreign_character;

static void lend(const void *text, const void *bytes, const void *state)
{
    lent[TEXT] = text;
    lent[BYTES] = bytes;
    lent[STATE] = state;
    memset(wiped, 0, sizeof wiped);
}

/* As a build of libb64 may write more than the one here. Not for the compiler to make stores of:
 * ASan knows memset by itself, even where this file is built without it. */
static void write_zero(char *at)
{
    static volatile size_t one = 1;

    memset(at, 0, one);
}

int __real_base64_encode_block(const char *bytes, int length, char *text, void *state);
int __wrap_base64_encode_block(const char *bytes, int length, char *text, void *state);
int __wrap_base64_encode_block(const char *bytes, int length, char *text, void *state)
{
    lend(text, bytes, state);
    return __real_base64_encode_block(bytes, length, text, state);
}

int __real_base64_encode_blockend(char *text, void *state);
int __wrap_base64_encode_blockend(char *text, void *state);
int __wrap_base64_encode_blockend(char *text, void *state)
{
    int written = __real_base64_encode_blockend(text, state);

    write_zero(text + written);
    return written;
}

int __real_base64_decode_block(const char *text, int length, char *bytes, void *state);
int __wrap_base64_decode_block(const char *text, int length, char *bytes, void *state);
int __wrap_base64_decode_block(const char *text, int length, char *bytes, void *state)
{
    int written;

    lend(text, bytes, state);
    for (int i = 0; i < length; i++)
        if (text[i] == '\0' || strchr(alphabet, text[i]) == NULL)
            got_foreign_character = true;
    written = __real_base64_decode_block(text, length, bytes, state);
    write_zero(bytes + written);
    return written;
}

void __real_sodium_memzero(void *memory, size_t size);
void __wrap_sodium_memzero(void *memory, size_t size);
void __wrap_sodium_memzero(void *memory, size_t size)
{
    for (size_t i = 0; i < BUFFERS; i++)
        if (memory == lent[i])
            wiped[i] = true;
    __real_sodium_memzero(memory, size);
}

static size_t random_text(size_t size, char *text)
{
    uint8_t bytes[BYTES_MAX];

    random_fill(bytes, size);
    wafer_base64_portable.encode(bytes, size, text);
    return WAFER_BASE64_LENGTH(size);
}

static void libb64_never_gets_a_character_that_it_does_not_know(void **state)
{
    char text[TEXT_MAX];
    uint8_t bytes[BYTES_MAX];
    size_t length;

    (void)state;
    seed_random();
    length = random_text(BYTES_MAX, text);
    for (size_t at = 0; at < length; at++) {
        char right = text[at];

        for (unsigned value = 0; value < 256; value++) {
            text[at] = (char)value;
            (void)wafer_base64_portable.decode(text, length, bytes);
            if (got_foreign_character)
                fail_msg("%u at %zu was given to libb64", value, at);
        }
        text[at] = right;
    }
}

static void there_is_room_for_all_that_a_build_of_libb64_writes(void **state)
{
    uint8_t bytes[BYTES_MAX], decoded[BYTES_MAX];
    char text[TEXT_MAX];

    (void)state;
    seed_random();
    random_fill(bytes, sizeof bytes);
    for (size_t length = 0; length <= BYTES_MAX; length++) {
        wafer_base64_portable.encode(bytes, length, text);
        assert_true(wafer_base64_portable.decode(text, WAFER_BASE64_LENGTH(length), decoded));
        assert_memory_equal(decoded, bytes, length);
    }
}

static void what_libb64_was_lent_is_wiped(void **state)
{
    char text[TEXT_MAX];
    uint8_t bytes[BYTES_MAX];

    (void)state;
    seed_random();
    for (size_t size = 1; size <= BYTES_MAX; size++) {
        size_t length = random_text(size, text);

        assert_true(wiped[TEXT] && wiped[STATE]);
        assert_true(wafer_base64_portable.decode(text, length, bytes));
        assert_true(wiped[TEXT] && wiped[BYTES] && wiped[STATE]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libb64_never_gets_a_character_that_it_does_not_know),
        cmocka_unit_test(there_is_room_for_all_that_a_build_of_libb64_writes),
        cmocka_unit_test(what_libb64_was_lent_is_wiped),
    };

    return cmocka_run_group_tests_name("base64_libb64", tests, NULL, NULL);
}
