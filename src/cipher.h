/* XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha 2, RFC 8439 2.8) over texts of a cookie's size.
 *
 * libsodium's own call makes several small ones, each of which sets up its state again and handles
 * a length that its vector code does not like. The texts here are short and their memory is ours,
 * so the same parts of libsodium are called over one stretch of memory, rounded up to what they do
 * best: the same bytes for less. libsodium's call remains as the reference, and WAFER_PORTABLE
 * chooses it. */
#ifndef WAFER_SRC_CIPHER_H
#define WAFER_SRC_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAFER_CIPHER_KEY        32
#define WAFER_CIPHER_NONCE      24
#define WAFER_CIPHER_TAG        16
#define WAFER_CIPHER_HEADER_MAX 32

/* What one text is sealed or opened with. */
struct wafer_cipher_call {
    const uint8_t *key;
    const uint8_t *nonce;  /* never twice with one key */
    const uint8_t *header; /* authenticated in front of the text */
    size_t header_length;
};

/* Memory for a text with room around it: the stream's first block belongs to Poly1305's key, and
 * the stream runs on behind the text to where its blocks end. */
#define WAFER_BOX_TEXT     64
#define WAFER_BOX_TEXT_MAX 3028
#define WAFER_BOX_SIZE     3136

struct wafer_box {
    uint8_t bytes[WAFER_BOX_SIZE];
};

struct wafer_cipher {
    const char *name;
    /* Encrypts `length` bytes at WAFER_BOX_TEXT in place and makes the tag. What is around them
     * is used and left zeroed or public. */
    void (*seal)(const struct wafer_cipher_call *call, struct wafer_box *box, size_t length,
                 uint8_t tag[WAFER_CIPHER_TAG]);
    /* Gives the text to `opened`, at the same place, if the tag is right, which is compared in
     * constant time; else false, and what was there is zeroed or as before. What is around the text
     * is used in both boxes, and left zeroed or public. */
    bool (*open)(const struct wafer_cipher_call *call, struct wafer_box *sealed, size_t length,
                 const uint8_t tag[WAFER_CIPHER_TAG], struct wafer_box *opened);
};

extern const struct wafer_cipher wafer_cipher_composed;
extern const struct wafer_cipher wafer_cipher_libsodium;

/* The one in use: chosen at the first call in a process. */
const struct wafer_cipher *wafer_cipher(void);

#endif
