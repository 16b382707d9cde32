/* Any bytes as text and as bytes: every codec that this machine can run says what libsodium says,
 * and writes no byte beyond its room.
 *
 *     input   the text to decode, and the bytes to encode */
#include "world.h"

#include "base64.h"
#include "base64_codec.h"

#define URL_SAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define FILLER   0xA5

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    must(sodium_init() >= 0);
    return 0;
}

static uint8_t *filled(size_t length)
{
    uint8_t *bytes = malloc(length > 0 ? length : 1);

    must(bytes != NULL);
    memset(bytes, FILLER, length > 0 ? length : 1);
    return bytes;
}

/* libsodium 1.0.18 takes bytes beyond ASCII for characters of the alphabet where char is signed. */
static bool is_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((uint8_t)text[i] >= 0x80)
            return false;
    return true;
}

static bool libsodium_decode(const char *text, size_t length, uint8_t *bytes)
{
    size_t written;

    return is_ascii(text, length) &&
           sodium_base642bin(bytes, WAFER_BASE64_BYTES(length), text, length, NULL, &written, NULL,
                             URL_SAFE) == 0 &&
           written == WAFER_BASE64_BYTES(length);
}

/* ---- one codec */

static void check_decode(const struct wafer_base64_codec *codec, const char *text, size_t length)
{
    size_t size = WAFER_BASE64_BYTES(length);
    uint8_t *expected = filled(size);
    uint8_t *bytes = filled(size);
    char *again = exact_copy(text, length);
    bool good = libsodium_decode(text, length, expected);

    must(codec->decode(text, length, bytes) == good);
    if (good) {
        must(memcmp(bytes, expected, size) == 0);
        codec->encode(bytes, size, again);
        must(memcmp(again, text, length) == 0);
    }
    for (size_t i = 0; !good && i < size; i++)
        must(bytes[i] == 0 || bytes[i] == FILLER);
    free(expected);
    free(bytes);
    free(again);
}

static void check_encode(const struct wafer_base64_codec *codec, const uint8_t *bytes,
                         size_t length)
{
    size_t size = WAFER_BASE64_LENGTH(length);
    char *expected = malloc(size + 1);
    char *text = (char *)filled(size);
    uint8_t *again = filled(length);

    must(expected != NULL);
    must(size + 1 == sodium_base64_encoded_len(length, URL_SAFE));
    (void)sodium_bin2base64(expected, size + 1, bytes, length, URL_SAFE);
    codec->encode(bytes, length, text);
    must(memcmp(text, expected, size) == 0);
    must(codec->decode(text, size, again));
    must(length == 0 || memcmp(again, bytes, length) == 0);
    free(expected);
    free(text);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(data, size);
    size_t count;
    const struct wafer_base64_codec *const *codecs = wafer_base64_codecs(&count);

    for (size_t i = 0; i < count; i++)
        if (codecs[i]->is_usable()) {
            check_decode(codecs[i], (const char *)copy, size);
            check_encode(codecs[i], copy, size);
        }
    free(copy);
    return 0;
}
