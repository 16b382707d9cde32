#include "cipher.h"

#include <endian.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "portable.h"

/* libsodium's ChaCha20 takes eight blocks at a time, else four, else one. */
#define BLOCK        64
#define FOUR_BLOCKS  256
#define EIGHT_BLOCKS 512

/* What is decrypted together with the block for Poly1305's key, before the tag is known to be good:
 * as much as that block costs anyway. The rest of a forged text is never touched. */
#define FIRST EIGHT_BLOCKS

_Static_assert(WAFER_CIPHER_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(WAFER_CIPHER_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(WAFER_CIPHER_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(WAFER_CIPHER_TAG == crypto_onetimeauth_BYTES, "tag");
_Static_assert(crypto_onetimeauth_KEYBYTES + WAFER_CIPHER_HEADER_MAX <= WAFER_BOX_TEXT,
               "Poly1305's key and the header are in front of the text");
_Static_assert(WAFER_BOX_TEXT == BLOCK, "the text begins with the stream's second block");
/* Up to a multiple of eight blocks the stream ends there, behind it one block later. */
_Static_assert(WAFER_BOX_SIZE ==
                   WAFER_BOX_TEXT_MAX / EIGHT_BLOCKS * EIGHT_BLOCKS + EIGHT_BLOCKS + BLOCK,
               "the stream ends in the box");
_Static_assert(WAFER_BOX_TEXT + WAFER_BOX_TEXT_MAX + 15 + 16 <= WAFER_BOX_SIZE,
               "padding and lengths behind the text fit");

/* ---- Composed of libsodium's parts ---- */

/* So many bytes of stream for so many that are wanted: a length that is quick. */
static size_t stream_size(size_t wanted)
{
    size_t rest = wanted % EIGHT_BLOCKS;
    size_t whole = wanted - rest;

    if (rest == 0)
        return whole;
    if (rest <= BLOCK)
        return whole + BLOCK;
    return whole + (rest <= FOUR_BLOCKS ? FOUR_BLOCKS : EIGHT_BLOCKS);
}

/* The key and the nonce of the inner ChaCha20, and the tag that would be right. */
struct inner {
    uint8_t key[crypto_stream_chacha20_ietf_KEYBYTES];
    uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    uint8_t tag[WAFER_CIPHER_TAG];
};

static void derive(struct inner *inner, const struct wafer_cipher_call *call)
{
    (void)crypto_core_hchacha20(inner->key, call->nonce, call->key, NULL);
    memset(inner->nonce, 0, 4);
    memcpy(inner->nonce + 4, call->nonce + crypto_core_hchacha20_INPUTBYTES, 8);
}

/* Bytes up to the next multiple of 16. */
static size_t padding(size_t length)
{
    return (16 - length % 16) % 16;
}

static uint8_t *write_length(uint8_t *out, size_t length)
{
    uint64_t number = htole64(length);

    memcpy(out, &number, sizeof number);
    return out + sizeof number;
}

/* The tag of the ciphertext in the box. RFC 8439 2.8: header and text, each padded with zeros to 16
 * bytes, then both lengths. */
static void make_tag(const uint8_t mac_key[crypto_onetimeauth_KEYBYTES],
                     const struct wafer_cipher_call *call, struct wafer_box *box, size_t length,
                     uint8_t tag[WAFER_CIPHER_TAG])
{
    size_t header_padding = padding(call->header_length);
    uint8_t *text = box->bytes + WAFER_BOX_TEXT;
    uint8_t *start = text - header_padding - call->header_length;
    uint8_t *end = text + length;

    memcpy(start, call->header, call->header_length);
    memset(text - header_padding, 0, header_padding);
    memset(end, 0, padding(length));
    end = write_length(end + padding(length), call->header_length);
    end = write_length(end, length);
    (void)crypto_onetimeauth(tag, start, (size_t)(end - start), mac_key);
}

/* Leaves nothing of the stream around a text. A box is its caller's, so no compiler takes this for
 * useless. */
static void clear(struct wafer_box *box, size_t length, size_t size)
{
    memset(box->bytes, 0, WAFER_BOX_TEXT);
    memset(box->bytes + WAFER_BOX_TEXT + length, 0, size - WAFER_BOX_TEXT - length);
}

static void composed_seal(const struct wafer_cipher_call *call, struct wafer_box *box,
                          size_t length, uint8_t tag[WAFER_CIPHER_TAG])
{
    size_t size = stream_size(WAFER_BOX_TEXT + length);
    struct inner inner;

    derive(&inner, call);
    memset(box->bytes, 0, WAFER_BOX_TEXT); /* becomes the stream itself */
    (void)crypto_stream_chacha20_ietf_xor(box->bytes, box->bytes, size, inner.nonce, inner.key);
    make_tag(box->bytes, call, box, length, tag);
    clear(box, length, size);
    sodium_memzero(&inner, sizeof inner);
}

static bool composed_open(const struct wafer_cipher_call *call, struct wafer_box *sealed,
                          size_t length, const uint8_t tag[WAFER_CIPHER_TAG],
                          struct wafer_box *opened)
{
    size_t size = stream_size(WAFER_BOX_TEXT + length);
    size_t first = size < FIRST ? size : FIRST;
    struct inner inner;

    derive(&inner, call);
    memset(sealed->bytes, 0, WAFER_BOX_TEXT);
    (void)crypto_stream_chacha20_ietf_xor(opened->bytes, sealed->bytes, first, inner.nonce,
                                          inner.key);
    make_tag(opened->bytes, call, sealed, length, inner.tag);
    bool good = crypto_verify_16(inner.tag, tag) == 0;
    if (good && size > first)
        (void)crypto_stream_chacha20_ietf_xor_ic(opened->bytes + first, sealed->bytes + first,
                                                 size - first, inner.nonce, FIRST / BLOCK,
                                                 inner.key);
    clear(opened, good ? length : 0, good ? size : first);
    sodium_memzero(&inner, sizeof inner);
    return good;
}

const struct wafer_cipher wafer_cipher_composed = {"composed", composed_seal, composed_open};

/* ---- libsodium's own ---- */

static void libsodium_seal(const struct wafer_cipher_call *call, struct wafer_box *box,
                           size_t length, uint8_t tag[WAFER_CIPHER_TAG])
{
    uint8_t *text = box->bytes + WAFER_BOX_TEXT;

    (void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(text, tag, NULL, text, length,
                                                              call->header, call->header_length,
                                                              NULL, call->nonce, call->key);
}

static bool libsodium_open(const struct wafer_cipher_call *call, struct wafer_box *sealed,
                           size_t length, const uint8_t tag[WAFER_CIPHER_TAG],
                           struct wafer_box *opened)
{
    /* It zeroes the text when the tag is wrong. */
    return crypto_aead_xchacha20poly1305_ietf_decrypt_detached(opened->bytes + WAFER_BOX_TEXT, NULL,
                                                               sealed->bytes + WAFER_BOX_TEXT,
                                                               length, tag, call->header,
                                                               call->header_length, call->nonce,
                                                               call->key) == 0;
}

const struct wafer_cipher wafer_cipher_libsodium = {"libsodium", libsodium_seal, libsodium_open};

/* Threads that come first at the same time all choose, and all the same. */
const struct wafer_cipher *wafer_cipher(void)
{
    static _Atomic(const struct wafer_cipher *) chosen;
    const struct wafer_cipher *cipher = atomic_load_explicit(&chosen, memory_order_relaxed);

    if (cipher == NULL) {
        cipher = wafer_portable() ? &wafer_cipher_libsodium : &wafer_cipher_composed;
        atomic_store_explicit(&chosen, cipher, memory_order_relaxed);
    }
    return cipher;
}
