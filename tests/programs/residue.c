/* What is left of secrets in memory. Each path of a request runs in a thread of its own, on a stack
 * that nobody touches afterwards; then all memory of the process that can be written, and what was
 * made unreadable, is searched as it would stand in a core image: no value, no subject, and of keys
 * what the key ring holds and nothing beside it. After the key ring was freed: nothing.
 *
 * Secrets are known here with each byte XORed, so that they are not found where they are known.
 * With an argument one is left behind on purpose: "stack" a value there, "heap" a subkey in memory
 * that was freed. Exit status 77 where memory cannot be read. */
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

#include "keyring.h"

#define MASK      0xA7
#define PARTS_MAX 512
#define CHUNK     65536
#define STACK     ((size_t)1 << 20)
#define WINDOW    8 /* so many bytes of a secret in a row are a piece of it */

/* ---- Secrets, masked ---- */

struct part {
    const char *of;
    uint8_t masked[WINDOW];
    bool is_key;
};

static struct part parts[PARTS_MAX];
static size_t part_count;
static bool is_first_half[65536]; /* of a part: its first two bytes */

static void know(const char *of, const uint8_t *masked, size_t size, bool is_key)
{
    for (size_t at = 0; at + WINDOW <= size && part_count < PARTS_MAX; at += WINDOW) {
        struct part *part = &parts[part_count++];

        part->of = of;
        part->is_key = is_key;
        memcpy(part->masked, masked + at, WINDOW);
        is_first_half[masked[at] << 8 | masked[at + 1]] = true;
    }
}

static void know_key(const char *of, const uint8_t *secret, size_t size)
{
    uint8_t masked[64];

    for (size_t i = 0; i < size; i++)
        masked[i] = (uint8_t)(secret[i] ^ MASK);
    know(of, masked, size, true);
}

static void know_hex(const uint8_t *secret)
{
    uint8_t masked[64];

    for (size_t i = 0; i < sizeof masked; i++) {
        unsigned nibble = (unsigned)secret[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;

        masked[i] = (uint8_t)((nibble + (nibble < 10 ? '0' : 'a' - 10)) ^ MASK);
    }
    know("key file", masked, sizeof masked, true);
}

/* The values and the subject. */
#define VALUES              4
#define SIZE_MAX_OF_A_VALUE 2000
static uint8_t values[VALUES][SIZE_MAX_OF_A_VALUE]; /* masked */
static const size_t sizes[VALUES] = {40, 96, 900, 40};
enum { NOTE, RAW, LONG, SUBJECT };

static void make_values(void)
{
    static const char *const names[VALUES] = {"note", "raw", "long", "subject"};
    uint32_t state = 4711;

    for (size_t i = 0; i < VALUES; i++) {
        for (size_t at = 0; at < sizes[i]; at++) {
            state = state * 1103515245U + 12345U;
            values[i][at] = (uint8_t)((' ' + (state >> 16) % 90) ^ MASK);
        }
        know(names[i], values[i], sizes[i], false);
    }
}

static void unmask(size_t i, char *out)
{
    for (size_t at = 0; at < sizes[i]; at++)
        out[at] = (char)(values[i][at] ^ MASK);
    out[sizes[i]] = '\0';
}

/* ---- Searching ---- */

static int memory = -1;
static uint8_t *chunk; /* of CHUNK bytes; not searched itself */
static bool has_ring;  /* whose keys are each known to be in memory once */
static unsigned found_of[PARTS_MAX];

static void search_chunk(size_t length)
{
    for (size_t at = 0; at + WINDOW <= length; at++) {
        uint8_t first = (uint8_t)(chunk[at] ^ MASK);
        uint8_t second = (uint8_t)(chunk[at + 1] ^ MASK);

        if (!is_first_half[first << 8 | second])
            continue;
        for (size_t i = 0; i < part_count; i++) {
            size_t same = 0;

            while (same < WINDOW && (chunk[at + same] ^ MASK) == parts[i].masked[same])
                same++;
            found_of[i] += same == WINDOW;
        }
    }
}

static void search(uintptr_t from, uintptr_t to)
{
    uintptr_t own = (uintptr_t)chunk;

    if (from < own + CHUNK && own < to) {
        search(from, own);
        search(own + CHUNK, to);
        return;
    }
    /* Chunks overlap, by less than a part. */
    for (uintptr_t at = from; at < to; at += CHUNK - WINDOW + 1) {
        size_t length = to - at < CHUNK ? to - at : CHUNK;
        ssize_t got = pread(memory, chunk, length, (off_t)at);

        if (got > 0)
            search_chunk((size_t)got);
    }
    sodium_memzero(chunk, CHUNK);
}

static bool search_all(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];

    memset(found_of, 0, sizeof found_of);
    if (maps == NULL)
        return false;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to, inode;
        char rights[5];

        if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &from, &to, rights, &inode) == 4 &&
            (rights[1] == 'w' || inode == 0) && strstr(line, "[v") == NULL)
            search(from, to);
    }
    return fclose(maps) == 0;
}

static unsigned failures;

static void report(const char *path)
{
    unsigned bad = 0;

    if (!search_all())
        exit(77);
    for (size_t i = 0; i < part_count; i++) {
        if (found_of[i] == (parts[i].is_key && has_ring && strcmp(parts[i].of, "key file") != 0))
            continue;
        if (bad++ < 5)
            (void)printf("#   of %s: part %zu stands in memory %u times\n", parts[i].of, i,
                         found_of[i]);
    }
    failures += bad > 0;
    (void)printf("%sok - nothing is left of %s\n", bad > 0 ? "not " : "", path);
}

/* ---- Requests ---- */

static char folder[] = "/tmp/wafer-residue-XXXXXX";
static char key_path[sizeof folder + 8];
static wafer_keyring *ring;
static wafer_revocations *list;
static wafer_manager *manager;
static wafer_session *session;
static char cookie[6000];
static char other_cookie[6000];
static bool randomness_fails;
static bool went_wrong;

ssize_t __real_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
    return randomness_fails ? -1 : __real_getrandom(bytes, length, flags);
}

static void expect(bool good)
{
    went_wrong = went_wrong || !good;
}

static wafer_result put(size_t i)
{
    static const char *const names[] = {"note", "raw", "long"};
    char value[SIZE_MAX_OF_A_VALUE + 1];
    wafer_result result;

    unmask(i, value);
    result = i == NOTE ? wafer_put_text(session, names[i], value)
                       : wafer_put_bytes(session, names[i], value, sizes[i]);
    sodium_memzero(value, sizeof value);
    return result;
}

static void sign_in(void)
{
    char subject[SIZE_MAX_OF_A_VALUE + 1];

    unmask(SUBJECT, subject);
    expect(wafer_login(session, subject, sizes[SUBJECT], NULL, 0) == WAFER_OK);
    sodium_memzero(subject, sizeof subject);
}

static wafer_verdict arrive(const char *came)
{
    (void)wafer_begin(session);
    (void)wafer_field(session, came, strlen(came));
    return wafer_open(session);
}

static wafer_result leave(char *keep)
{
    const wafer_header *headers;
    size_t count;
    wafer_result result = wafer_finish(session, &headers, &count);

    if (keep != NULL && count > 1) {
        size_t length = strcspn(headers[0].value, ";");

        memcpy(keep, headers[0].value, length);
        keep[length] = '\0';
    }
    wafer_end(session);
    return result;
}

static void signing_in(void)
{
    expect(arrive("") == WAFER_NONE);
    sign_in();
    expect(put(NOTE) == WAFER_OK && put(RAW) == WAFER_OK && put(LONG) == WAFER_OK);
    expect(leave(cookie) == WAFER_OK);
}

static void reading(void)
{
    size_t length;

    expect(arrive(cookie) == WAFER_VALID);
    expect(wafer_subject(session, &length) != NULL && length == sizes[SUBJECT]);
    expect(wafer_get_bytes(session, "long", &length) != NULL && length == sizes[LONG]);
    expect(wafer_recheck(session) == WAFER_VALID && wafer_explain(session) != NULL);
    expect(leave(NULL) == WAFER_OK);
}

static void changing(void)
{
    wafer_variable taken;
    size_t cursor = 0;

    expect(arrive(cookie) == WAFER_VALID);
    while (wafer_next(session, &cursor, &taken))
        continue;
    expect(wafer_take(session, "note", &taken));
    expect(wafer_remove(session, "raw") == WAFER_OK && put(RAW) == WAFER_OK);
    expect(wafer_put_integer(session, "n", 5) == WAFER_OK && put(NOTE) == WAFER_OK);
    expect(leave(cookie) == WAFER_OK);
}

/* Each part of a token at fault once. */
static void refusing_forgeries(void)
{
    size_t length = strlen(cookie);

    for (size_t back = 1; back + 30 < length; back += length / 9) {
        char *at = &cookie[length - back];
        char kept = *at;

        *at = kept == 'A' ? 'B' : 'A';
        expect(arrive(cookie) != WAFER_VALID);
        expect(leave(NULL) == WAFER_OK);
        *at = kept;
    }
}

static void refusing_what_is_too_large(void)
{
    static const uint8_t zeros[3000];

    expect(arrive(cookie) == WAFER_VALID && put(LONG) == WAFER_OK);
    expect(wafer_put_bytes(session, "zeros", zeros, sizeof zeros) == WAFER_TOO_LARGE);
    expect(put(RAW) == WAFER_OK);
    expect(leave(NULL) == WAFER_TOO_LARGE);
}

static void choosing_among_candidates(void)
{
    char field[sizeof cookie + sizeof other_cookie + 2];

    expect(arrive("") == WAFER_NONE && put(LONG) == WAFER_OK && put(RAW) == WAFER_OK);
    expect(leave(other_cookie) == WAFER_OK);
    (void)snprintf(field, sizeof field, "%s; %s", other_cookie, cookie);
    expect(arrive(field) == WAFER_VALID);
    expect(leave(NULL) == WAFER_OK);
    (void)snprintf(field, sizeof field, "%s; %s", cookie, other_cookie);
    expect(arrive(field) == WAFER_VALID);
    expect(put(NOTE) == WAFER_OK && leave(NULL) == WAFER_OK);
}

static void checking_tokens_of_forms(void)
{
    char token[WAFER_CSRF_LENGTH + 1];

    expect(arrive(cookie) == WAFER_VALID && wafer_csrf_token(session, token) == WAFER_OK);
    expect(wafer_csrf_check(session, token, strlen(token)));
    token[30] = token[30] == 'A' ? 'B' : 'A';
    expect(!wafer_csrf_check(session, token, strlen(token)) && leave(NULL) == WAFER_OK);
}

static void sealing_without_http(void)
{
    const char *token;
    size_t length;

    expect(arrive(cookie) == WAFER_VALID && put(NOTE) == WAFER_OK);
    expect(wafer_seal(session, &token, &length) == WAFER_OK && length < sizeof other_cookie);
    memcpy(other_cookie, token, length);
    expect(wafer_begin(session) == WAFER_OK); /* which ends what was not */
    expect(wafer_open_token(session, other_cookie, length) == WAFER_VALID);
    wafer_end(session);
}

static void failing_for_want_of_randomness(void)
{
    expect(arrive(cookie) == WAFER_VALID);
    expect(wafer_remove(session, "n") == WAFER_OK && put(NOTE) == WAFER_OK);
    wafer_reseed();
    randomness_fails = true;
    expect(leave(NULL) == WAFER_SYSTEM);
    expect(arrive("") == WAFER_NONE && put(NOTE) == WAFER_SYSTEM);
    expect(leave(NULL) == WAFER_SYSTEM);
    randomness_fails = false;
}

static void changing_keys(void)
{
    wafer_keys_settings settings = WAFER_KEYS_SETTINGS_INIT;

    settings.lead_ms = 0;
    expect(wafer_keys_rotate(key_path, &settings, NULL) == WAFER_OK);
    expect(wafer_keyring_reload(ring, NULL) == WAFER_OK);
    expect(arrive("") == WAFER_NONE && put(RAW) == WAFER_OK);
    expect(leave(cookie) == WAFER_OK);
}

static void signing_out(void)
{
    expect(arrive(cookie) == WAFER_VALID && put(NOTE) == WAFER_OK);
    expect(wafer_logout(session) == WAFER_OK && leave(NULL) == WAFER_OK);
    expect(arrive(cookie) == WAFER_REVOKED && leave(NULL) == WAFER_OK);
}

/* Volatile, or compilers leave nothing behind. */
static void leaving_a_value(void)
{
    volatile uint8_t value[SIZE_MAX_OF_A_VALUE];

    for (size_t at = 0; at < sizes[RAW]; at++)
        value[at] = (uint8_t)(values[RAW][at] ^ MASK);
    expect(value[0] != 0);
}

static void leaving_a_subkey(void)
{
    const struct wafer_generation *generation = wafer_keyring_take(ring, &ring);
    const struct wafer_key *key = &wafer_generation_keys(generation)->key[0];
    const uint8_t *subkey = wafer_generation_subkeys(generation, key, 0)->cipher;
    uint8_t *memory_of_it = malloc(1000);
    volatile uint8_t *copy = memory_of_it;

    for (size_t i = 0; copy != NULL && i < WAFER_KEY_SIZE; i++)
        copy[500 + i] = subkey[i];
    wafer_keyring_give(ring, generation, &ring);
    free(memory_of_it);
}

/* ---- The objects ---- */

static void know_keys(void)
{
    const struct wafer_generation *generation = wafer_keyring_take(ring, &ring);
    const struct wafer_keys *keys = wafer_generation_keys(generation);

    for (size_t i = 0; i < keys->count; i++) {
        const struct wafer_subkeys *subkeys = wafer_generation_subkeys(generation, &keys->key[i],
                                                                       0);

        know_key("key", keys->key[i].secret, WAFER_KEY_SIZE);
        know_key("cipher's subkey", subkeys->cipher, sizeof subkeys->cipher);
        know_key("CSRF subkey", subkeys->csrf, sizeof subkeys->csrf);
        know_hex(keys->key[i].secret);
    }
    wafer_keyring_give(ring, generation, &ring);
}

static void making_objects(void)
{
    wafer_revocations_settings lists = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_settings settings = WAFER_SETTINGS_INIT;

    lists.on_start = WAFER_START_FORGETS;
    expect(wafer_keys_create(key_path, NULL, NULL) == WAFER_OK);
    expect(wafer_keyring_open(key_path, &ring, NULL) == WAFER_OK);
    expect(wafer_revocations_new(&lists, &list, NULL) == WAFER_OK);
    settings.keyring = ring;
    settings.revocations = list;
    expect(wafer_manager_new(&settings, &manager, NULL) == WAFER_OK);
    expect(wafer_session_new(manager, &session) == WAFER_OK);
}

static void freeing_objects(void)
{
    expect(arrive(cookie) != WAFER_VALID && put(NOTE) == WAFER_OK);
    wafer_session_free(session); /* in the middle of a request */
    wafer_manager_free(manager);
    wafer_revocations_free(list);
    wafer_keyring_free(ring);
}

static void *begin(void *work)
{
    (*(void (**)(void))work)();
    return NULL;
}

/* Runs in a thread with a fresh stack, which stays as it is left until the next run on it. */
static void run_on(uint8_t **stack, void (*work)(void))
{
    pthread_attr_t attributes;
    pthread_t thread;

    if (*stack == NULL)
        *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(*stack, 0, STACK);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstack(&attributes, *stack, STACK);
    expect(pthread_create(&thread, &attributes, begin, &work) == 0 &&
           pthread_join(thread, NULL) == 0);
    (void)pthread_attr_destroy(&attributes);
}

static void run(void (*work)(void))
{
    static uint8_t *stack;

    run_on(&stack, work);
}

/* Elsewhere, so that what the work before left on its stack is found. */
static void learn_keys(void)
{
    static uint8_t *stack;

    run_on(&stack, know_keys);
}

static void follow(void (*work)(void), const char *path)
{
    went_wrong = false;
    run(work);
    report(path);
    if (!went_wrong)
        return;
    failures++;
    (void)printf("not ok - %s went as expected\n", path);
}

static void follow_all(void)
{
    report("making keys and objects");
    follow(signing_in, "signing in");
    follow(reading, "a request that only reads");
    follow(changing, "one that changes");
    follow(refusing_forgeries, "refusing forged tokens");
    follow(refusing_what_is_too_large, "refusing what is too large");
    follow(choosing_among_candidates, "choosing among cookies");
    follow(checking_tokens_of_forms, "checking CSRF tokens");
    follow(sealing_without_http, "sealing without HTTP");
    follow(failing_for_want_of_randomness, "failing for want of randomness");
    follow(signing_out, "signing out");
    /* The keys are other ones then, to be known and searched from there on. */
    run(changing_keys);
    part_count = 0;
    make_values();
    learn_keys();
    report("changing keys");
    run(freeing_objects);
    has_ring = false;
    report("a process that has freed all");
}

int main(int count, char **arguments)
{
    const char *left = count > 1 ? arguments[1] : "";

    memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory < 0 || chunk == MAP_FAILED || mkdtemp(folder) == NULL)
        return 77;
    (void)snprintf(key_path, sizeof key_path, "%s/keys", folder);
    make_values();
    run(making_objects);
    learn_keys();
    has_ring = true;
    if (strcmp(left, "stack") == 0)
        follow(leaving_a_value, "a value");
    else if (strcmp(left, "heap") == 0)
        follow(leaving_a_subkey, "a subkey");
    else
        follow_all();
    (void)unlink(key_path);
    (void)rmdir(folder);
    return failures > 0;
}
