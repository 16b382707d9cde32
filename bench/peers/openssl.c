/* A cookie made by hand: AES-256-GCM from OpenSSL in contexts that are kept, a random nonce, and
 * OpenSSL's base64. No renewal of keys, no logout. */
#include "key_value.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define NONCE 12
#define TAG   16

static EVP_CIPHER_CTX *sealing;
static EVP_CIPHER_CTX *opening;

static size_t seal(const struct variables *variables, char cookie[PEER_COOKIE_MAX])
{
    static uint8_t plain[KEY_VALUE_MAX];
    static uint8_t raw[NONCE + KEY_VALUE_MAX + TAG];
    int length = (int)key_value_encode(variables, plain);
    int last;

    if (RAND_bytes(raw, NONCE) != 1 || EVP_EncryptInit_ex(sealing, NULL, NULL, NULL, raw) != 1 ||
        EVP_EncryptUpdate(sealing, raw + NONCE, &length, plain, length) != 1 ||
        EVP_EncryptFinal_ex(sealing, raw + NONCE + length, &last) != 1 ||
        EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, TAG, raw + NONCE + length) != 1)
        return 0;
    return (size_t)EVP_EncodeBlock((uint8_t *)cookie, raw, NONCE + length + TAG);
}

static bool open(const char *cookie, size_t length, struct variables *found)
{
    static uint8_t raw[PEER_COOKIE_MAX];
    static uint8_t plain[PEER_COOKIE_MAX];
    int raw_length = EVP_DecodeBlock(raw, (const uint8_t *)cookie, (int)length);
    int plain_length;
    int last;

    for (size_t i = 1; i <= 2 && i <= length && cookie[length - i] == '='; i++)
        raw_length--; /* EVP_DecodeBlock counts padding as zeros */
    plain_length = raw_length - NONCE - TAG;
    if (plain_length < 0 || EVP_DecryptInit_ex(opening, NULL, NULL, NULL, raw) != 1 ||
        EVP_DecryptUpdate(opening, plain, &plain_length, raw + NONCE, plain_length) != 1 ||
        EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, TAG, raw + raw_length - TAG) != 1 ||
        EVP_DecryptFinal_ex(opening, plain + plain_length, &last) != 1)
        return false;
    return key_value_decode(plain, (size_t)plain_length, found);
}

int main(int argc, char **argv)
{
    struct peer peer = {.name = "OpenSSL by hand", .seal = seal, .open = open};
    uint8_t key[32];

    peer.version = OpenSSL_version(OPENSSL_VERSION_STRING);
    sealing = EVP_CIPHER_CTX_new();
    opening = EVP_CIPHER_CTX_new();
    bench_require(sealing != NULL && opening != NULL && RAND_bytes(key, sizeof key) == 1 &&
                      EVP_EncryptInit_ex(sealing, EVP_aes_256_gcm(), NULL, key, NULL) == 1 &&
                      EVP_DecryptInit_ex(opening, EVP_aes_256_gcm(), NULL, key, NULL) == 1,
                  "OpenSSL cannot be set up");
    return peer_main(&peer, argc, argv);
}
