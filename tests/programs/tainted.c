/* Under valgrind: keys, subkeys and the values of variables are marked as if they had never been
 * set, sessions are sealed, opened, changed and checked, and valgrind complains of every branch and
 * every address that depends on them. Prints "works" when all went as it should.
 *
 * Public, and marked so by what stands in front of libsodium's and the library's functions below:
 * what is encoded as base64url, which goes to the browser; whether a tag, a CSRF token or a value
 * that is put is the same as another; of a text that was opened all but the values, as reading it
 * means to branch on types and lengths. Integers and booleans are part of those.
 *
 * With an argument one secret is used as none may be, to see that valgrind complains: "branch" on a
 * value that was opened, "index" by a subkey, "compare" keys with memcmp. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <valgrind/memcheck.h>

#include "cipher.h"
#include "keyring.h"

#define VALUES              3
#define SIZE_MAX_OF_A_VALUE 900

static struct {
    const char *name;
    size_t size;
    uint8_t known[SIZE_MAX_OF_A_VALUE];  /* to find it */
    uint8_t secret[SIZE_MAX_OF_A_VALUE]; /* the same, tainted */
} values[VALUES] = {{.name = "note", .size = 60}, {.name = "raw", .size = 200},
                    {.name = "long", .size = 900}};

static unsigned failures;

static void expect(bool good, const char *what)
{
    if (good)
        return;
    failures++;
    (void)printf("not so: %s\n", what);
}

static void taint(const void *memory, size_t size)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(memory, size);
}

static void make_public(const void *memory, size_t size)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(memory, size);
}

/* True when every byte is tainted. */
static bool is_tainted(const void *memory, size_t size)
{
    uint8_t bits[SIZE_MAX_OF_A_VALUE];

    if (VALGRIND_GET_VBITS(memory, bits, size) != 1)
        return false;
    for (size_t i = 0; i < size; i++)
        if (bits[i] == 0)
            return false;
    return true;
}

/* ---- In front of the functions whose results are public ---- */

#define VERDICT(name, parameters, arguments)                                                       \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        int verdict = __real_##name arguments;                                                     \
        make_public(&verdict, sizeof verdict);                                                     \
        return verdict;                                                                            \
    }

VERDICT(crypto_verify_16, (const uint8_t *one, const uint8_t *other), (one, other))
VERDICT(crypto_verify_64, (const uint8_t *one, const uint8_t *other), (one, other))
VERDICT(sodium_memcmp, (const void *one, const void *other, size_t size), (one, other, size))

void __real_wafer_base64_encode(const uint8_t *bytes, size_t length, char *text);
void __wrap_wafer_base64_encode(const uint8_t *bytes, size_t length, char *text);
void __wrap_wafer_base64_encode(const uint8_t *bytes, size_t length, char *text)
{
    make_public(bytes, length);
    __real_wafer_base64_encode(bytes, length, text);
}

static const uint8_t *find(const uint8_t *text, size_t length, const uint8_t *part, size_t size)
{
    for (size_t at = 0; at + size <= length; at++)
        if (memcmp(text + at, part, size) == 0)
            return text + at;
    return NULL;
}

/* Of what was opened the values stay tainted. */
static void publish_opened(const uint8_t *text, size_t length)
{
    const uint8_t *found[VALUES];

    make_public(text, length);
    for (size_t i = 0; i < VALUES; i++)
        found[i] = find(text, length, values[i].known, values[i].size);
    for (size_t i = 0; i < VALUES; i++)
        if (found[i] != NULL)
            taint(found[i], values[i].size);
}

static const uint8_t *opened; /* the text that is being opened */

/* Sealing is done in place. What is in front of the text is the key of its tag. */
int __real_crypto_stream_chacha20_ietf_xor(uint8_t *out, const uint8_t *in,
                                           unsigned long long length, const uint8_t *nonce,
                                           const uint8_t *key);
int __wrap_crypto_stream_chacha20_ietf_xor(uint8_t *out, const uint8_t *in,
                                           unsigned long long length, const uint8_t *nonce,
                                           const uint8_t *key);
int __wrap_crypto_stream_chacha20_ietf_xor(uint8_t *out, const uint8_t *in,
                                           unsigned long long length, const uint8_t *nonce,
                                           const uint8_t *key)
{
    int result = __real_crypto_stream_chacha20_ietf_xor(out, in, length, nonce, key);

    expect(is_tainted(out, WAFER_BOX_TEXT), "the key of the tag is tainted");
    if (out != in) {
        opened = out + WAFER_BOX_TEXT;
        publish_opened(opened, length - WAFER_BOX_TEXT);
    }
    return result;
}

int __real_crypto_stream_chacha20_ietf_xor_ic(uint8_t *out, const uint8_t *in,
                                              unsigned long long length, const uint8_t *nonce,
                                              uint32_t counter, const uint8_t *key);
int __wrap_crypto_stream_chacha20_ietf_xor_ic(uint8_t *out, const uint8_t *in,
                                              unsigned long long length, const uint8_t *nonce,
                                              uint32_t counter, const uint8_t *key);
int __wrap_crypto_stream_chacha20_ietf_xor_ic(uint8_t *out, const uint8_t *in,
                                              unsigned long long length, const uint8_t *nonce,
                                              uint32_t counter, const uint8_t *key)
{
    int result = __real_crypto_stream_chacha20_ietf_xor_ic(out, in, length, nonce, counter, key);

    publish_opened(opened, (size_t)(out - opened) + length);
    return result;
}

#define DECRYPT crypto_aead_xchacha20poly1305_ietf_decrypt_detached
#define PARAMETERS                                                                                 \
    (uint8_t *text, uint8_t *none, const uint8_t *in, unsigned long long length,                   \
     const uint8_t *tag, const uint8_t *header, unsigned long long header_length,                  \
     const uint8_t *nonce, const uint8_t *key)
int __real_crypto_aead_xchacha20poly1305_ietf_decrypt_detached PARAMETERS;
int __wrap_crypto_aead_xchacha20poly1305_ietf_decrypt_detached PARAMETERS;
int __wrap_crypto_aead_xchacha20poly1305_ietf_decrypt_detached PARAMETERS
{
    int verdict = __real_crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
        text, none, in, length, tag, header, header_length, nonce, key);

    make_public(&verdict, sizeof verdict);
    publish_opened(text, length);
    return verdict;
}

static bool taint_randomness;

ssize_t __real_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
    ssize_t got = __real_getrandom(bytes, length, flags);

    if (taint_randomness)
        taint(bytes, length);
    return got;
}

/* ---- What is done with secrets ---- */

static char cookie[6000];

/* A request that leaves what it sends in `cookie`, if it sends one. */
static bool leave(wafer_session *session)
{
    const wafer_header *headers;
    size_t count;

    expect(wafer_finish(session, &headers, &count) == WAFER_OK, "a response is finished");
    if (count > 1) {
        size_t length = strcspn(headers[0].value, ";");

        memcpy(cookie, headers[0].value, length);
        cookie[length] = '\0';
    }
    wafer_end(session);
    return count > 1;
}

static wafer_verdict arrive(wafer_session *session)
{
    (void)wafer_begin(session);
    (void)wafer_field(session, cookie, strlen(cookie));
    return wafer_open(session);
}

static void put(wafer_session *session, size_t i)
{
    const void *secret = values[i].secret;
    wafer_result result = i == 0 ? wafer_put_text_slice(session, values[i].name, secret,
                                                        values[i].size)
                                 : wafer_put_bytes(session, values[i].name, secret,
                                                   values[i].size);

    expect(result == WAFER_OK, "a value is put");
}

static const void *get(const wafer_session *session, size_t i)
{
    size_t length = 0;
    const void *value = i == 0 ? (const void *)wafer_get_text(session, values[i].name, &length)
                               : wafer_get_bytes(session, values[i].name, &length);

    expect(value != NULL && length == values[i].size, "a value is got");
    return value;
}

static void flip(char *text)
{
    *text = *text == 'A' ? 'B' : 'A';
}

static void use(wafer_session *session)
{
    char csrf[WAFER_CSRF_LENGTH + 1];
    wafer_variable taken;

    expect(arrive(session) == WAFER_NONE, "there is no session at first");
    expect(wafer_login(session, "ada", 3, NULL, 0) == WAFER_OK, "ada signs in");
    for (size_t i = 0; i < VALUES; i++)
        put(session, i);
    expect(wafer_csrf_token(session, csrf) == WAFER_OK, "a CSRF token is made");
    expect(leave(session), "a cookie is sent");

    expect(arrive(session) == WAFER_VALID, "it is opened");
    for (size_t i = 0; i < VALUES; i++)
        expect(is_tainted(get(session, i), values[i].size), "its values are tainted");
    expect(wafer_csrf_check(session, csrf, strlen(csrf)), "the CSRF token is right");
    flip(csrf + 40);
    expect(!wafer_csrf_check(session, csrf, strlen(csrf)), "another is wrong");
    for (size_t i = 0; i < VALUES; i++)
        put(session, i);
    expect(!leave(session), "the same values are no change");

    expect(arrive(session) == WAFER_VALID, "it is opened again");
    make_public(&values[1].secret[100], 1);
    values[1].secret[100] ^= 1;
    values[1].known[100] ^= 1;
    taint(&values[1].secret[100], 1);
    put(session, 1);
    expect(wafer_take(session, values[0].name, &taken), "a value is taken");
    expect(is_tainted(taken.data, taken.length), "which is tainted");
    expect(leave(session), "others are a change");
    expect(arrive(session) == WAFER_VALID, "it is opened once more");
    expect(is_tainted(get(session, 1), values[1].size), "the new value is tainted");
    expect(wafer_logout(session) == WAFER_OK, "ada signs out");
    (void)leave(session);
}

static void forge(wafer_session *session)
{
    expect(arrive(session) == WAFER_NONE, "a session is begun");
    put(session, 2);
    expect(leave(session), "a cookie is sent");
    for (size_t back = 1; back < strlen(cookie); back += 300) {
        char *at = cookie + strlen(cookie) - back - 1;
        char kept = *at;

        flip(at);
        expect(arrive(session) != WAFER_VALID, "one that was changed is not opened");
        wafer_end(session);
        *at = kept;
    }
    expect(arrive(session) == WAFER_VALID, "the right one is");
}

static volatile unsigned sink;

/* What is never to be done. */
static void misuse(const char *how, const wafer_session *session, const struct wafer_key *key,
                   const struct wafer_subkeys *subkeys)
{
    static const uint8_t table[256] = {1, 2, 3};
    static const uint8_t zeros[WAFER_KEY_SIZE];

    if (strcmp(how, "branch") == 0 && *(const uint8_t *)get(session, 2) > 100)
        sink = 1;
    if (strcmp(how, "index") == 0)
        sink = table[subkeys->cipher[0]];
    if (strcmp(how, "compare") == 0 && memcmp(key->secret, zeros, sizeof zeros) < 0)
        sink = 2;
}

/* ---- The objects ---- */

static wafer_keyring *make_ring(void)
{
    static char text[WAFER_KEYS_LINE_MAX];
    wafer_keyring_settings settings = WAFER_KEYRING_SETTINGS_INIT;
    wafer_keyring *ring = NULL;

    taint_randomness = true;
    expect(wafer_keys_generate(text, NULL, NULL) == WAFER_OK, "a key is made");
    taint_randomness = false;
    expect(is_tainted(text + 9, 64), "its text is tainted");
    /* Reading the text is to look at each character, once, for who wrote the file. */
    make_public(text, sizeof text);
    settings.text = text;
    settings.text_length = strlen(text);
    expect(wafer_keyring_new(&settings, &ring, NULL) == WAFER_OK, "a key ring is made");
    return ring;
}

static wafer_manager *make_manager(wafer_keyring *ring, const char *name)
{
    wafer_revocations_settings lists = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_manager *manager = NULL;

    lists.on_start = WAFER_START_FORGETS;
    lists.capacity = 64;
    settings.name = name;
    settings.keyring = ring;
    expect(wafer_revocations_new(&lists, &settings.revocations, NULL) == WAFER_OK &&
               wafer_manager_new(&settings, &manager, NULL) == WAFER_OK,
           "a manager is made");
    return manager;
}

static void make_values(void)
{
    uint32_t state = 12345;

    for (size_t i = 0; i < VALUES; i++) {
        for (size_t at = 0; at < values[i].size; at++) {
            state = state * 1103515245U + 12345U;
            values[i].known[at] = (uint8_t)(' ' + (state >> 16) % 90);
            values[i].secret[at] = values[i].known[at];
        }
        taint(values[i].secret, values[i].size);
    }
}

int main(int count, char **arguments)
{
    wafer_keyring *ring = make_ring();
    wafer_manager *first = make_manager(ring, "__Host-first");
    const struct wafer_generation *generation = wafer_keyring_take(ring, &ring);
    wafer_session *session;

    if (RUNNING_ON_VALGRIND == 0)
        return 77;
    make_values();
    taint(wafer_generation_keys(generation)->key[0].secret, WAFER_KEY_SIZE);
    wafer_keyring_give(ring, generation, &ring);
    /* Derives the subkeys of both. */
    wafer_manager *second = make_manager(ring, "__Host-second");
    generation = wafer_keyring_take(ring, &ring);
    const struct wafer_key *key = &wafer_generation_keys(generation)->key[0];
    expect(is_tainted(key->secret, sizeof key->secret), "the key is tainted");
    for (size_t binding = 0; binding < 2; binding++)
        expect(is_tainted(wafer_generation_subkeys(generation, key, binding),
                          sizeof(struct wafer_subkeys)),
               "subkeys are tainted");

    expect(wafer_session_new(first, &session) == WAFER_OK, "a session is made");
    use(session);
    wafer_session_free(session);
    cookie[0] = '\0';
    expect(wafer_session_new(second, &session) == WAFER_OK, "another is made");
    forge(session);
    if (count > 1)
        misuse(arguments[1], session, key, wafer_generation_subkeys(generation, key, 1));
    wafer_session_free(session);
    wafer_keyring_give(ring, generation, &ring);
    if (failures == 0)
        (void)puts("works");
    return failures == 0 ? 0 : 1;
}
