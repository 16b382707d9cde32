/* What a session costs: a whole seal, a whole open, and a forged cookie refused, each beside its
 * floor, the one call of libsodium's cipher over a plaintext of the same size.
 *
 *     seal    five puts into an open session, wafer_finish with the Set-Cookie line, wafer_end
 *     open    wafer_begin, wafer_field, wafer_open, one variable read, wafer_end
 *     refuse  the same for a cookie in which one character was changed; nothing to read */
#include "bench.h"

#include "base64.h"
#include "seal.h"

#define SESSIONS   16 /* sealed in one run, so that looking at the clock counts little */
#define NOTE_MAX   2810
#define COOKIE_MAX 4200

/* What is sealed and opened in one size. */
struct load {
    size_t note_length;
    size_t plain_length;
    size_t cookie_length;
    char cookie[COOKIE_MAX];
    char forged[COOKIE_MAX];
};

static wafer_session *session[SESSIONS];
static char empty_cookie[COOKIE_MAX];
static size_t empty_length;
static char csrf[33];
static char note[NOTE_MAX + 1];

/* For the floors. */
static uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
static uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
static const uint8_t header[WAFER_SEAL_HEADER] = {WAFER_FORMAT};
static uint8_t plain[WAFER_PLAIN_MAX];
static uint8_t sealed[WAFER_RAW_MAX];
static uint8_t forged[WAFER_RAW_MAX];
static uint8_t opened[WAFER_RAW_MAX];

/* ---- the subjects */

static wafer_verdict take_request(wafer_session *taken, const char *cookie, size_t length)
{
    (void)wafer_begin(taken);
    (void)wafer_field(taken, cookie, length);
    return wafer_open(taken);
}

static void put_variables(wafer_session *into, size_t note_length)
{
    wafer_put_integer(into, "user_id", 12345678);
    wafer_put_text(into, "name", "Ada Lovelace");
    wafer_put_text(into, "role", "admin");
    wafer_put_text(into, "csrf", csrf);
    if (note_length > 0)
        wafer_put_text_slice(into, "note", note, note_length);
}

/* The Set-Cookie line. */
static const char *finish(wafer_session *finished)
{
    const wafer_header *headers;
    size_t count;

    bench_require(wafer_finish(finished, &headers, &count) == WAFER_OK && count > 0 &&
                      strcmp(headers[0].name, "Set-Cookie") == 0,
                  "no Set-Cookie goes out");
    return headers[0].value;
}

static void prepare_seal(void *context)
{
    (void)context;
    for (size_t i = 0; i < SESSIONS; i++)
        bench_require(take_request(session[i], empty_cookie, empty_length) == WAFER_VALID,
                      "an empty session does not open");
}

static void run_seal(void *context)
{
    const struct load *load = context;

    for (size_t i = 0; i < SESSIONS; i++) {
        put_variables(session[i], load->note_length);
        finish(session[i]);
        wafer_end(session[i]);
    }
}

static void run_open(void *context)
{
    const struct load *load = context;

    for (size_t i = 0; i < SESSIONS; i++) {
        wafer_verdict verdict = take_request(session[0], load->cookie, load->cookie_length);

        bench_require(verdict == WAFER_VALID && wafer_get_text(session[0], "csrf", NULL) != NULL,
                      "a cookie does not open");
        wafer_end(session[0]);
    }
}

static void run_refuse(void *context)
{
    const struct load *load = context;

    for (size_t i = 0; i < SESSIONS; i++) {
        bench_require(take_request(session[0], load->forged, load->cookie_length) == WAFER_REJECTED,
                      "a forged cookie is not refused");
        wafer_end(session[0]);
    }
}

/* ---- their floors */

static void seal_bare(size_t length)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain, length, header, sizeof header,
                                               NULL, nonce, key);
}

static bool open_bare(const uint8_t *bytes, size_t length)
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(opened, NULL, NULL, bytes,
                                                      length + WAFER_SEAL_TAG, header,
                                                      sizeof header, nonce, key) == 0;
}

static void prepare_floor(void *context)
{
    const struct load *load = context;

    seal_bare(load->plain_length);
    memcpy(forged, sealed, load->plain_length + WAFER_SEAL_TAG);
    forged[load->plain_length / 2] ^= 1;
}

static void floor_seal(void *context)
{
    const struct load *load = context;

    for (size_t i = 0; i < SESSIONS; i++)
        seal_bare(load->plain_length);
}

static void floor_open(void *context)
{
    const struct load *load = context;

    for (size_t i = 0; i < SESSIONS; i++)
        bench_require(open_bare(sealed, load->plain_length), "the floor does not open");
}

static void floor_refuse(void *context)
{
    const struct load *load = context;

    for (size_t i = 0; i < SESSIONS; i++)
        bench_require(!open_bare(forged, load->plain_length), "the floor does not refuse");
}

/* ---- setting up */

static wafer_manager *make_manager(void)
{
    char line[WAFER_KEYS_LINE_MAX];
    wafer_keyring_settings keys = WAFER_KEYRING_SETTINGS_INIT;
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_manager *manager = NULL;
    wafer_error error = {.text = "no key"};
    bool made = wafer_keys_generate(line, NULL, &error) == WAFER_OK;

    keys.text = line;
    keys.text_length = made ? strlen(line) : 0;
    settings.line_limit = 8192;
    made = made && wafer_keyring_new(&keys, &settings.keyring, &error) == WAFER_OK &&
           wafer_revocations_open(WAFER_START_FORGETS, &settings.revocations, &error) == WAFER_OK &&
           wafer_manager_new(&settings, &manager, &error) == WAFER_OK;
    bench_require(made, error.text);
    return manager;
}

/* Finishes the first session and keeps "name=value". */
static size_t keep_cookie(char cookie[COOKIE_MAX])
{
    const char *line = finish(session[0]);
    size_t length = strcspn(line, ";");

    bench_require(length < COOKIE_MAX, "the cookie is too long");
    memcpy(cookie, line, length);
    wafer_end(session[0]);
    return length;
}

static void make_empty_cookie(void)
{
    char token[WAFER_CSRF_LENGTH + 1];

    (void)take_request(session[0], NULL, 0);
    bench_require(wafer_csrf_token(session[0], token) == WAFER_OK, "no token");
    empty_length = keep_cookie(empty_cookie);
}

static void make_load(struct load *load, size_t note_length)
{
    const char *equals;
    size_t value_length;
    char *middle;

    load->note_length = note_length;
    (void)take_request(session[0], NULL, 0);
    put_variables(session[0], note_length);
    load->cookie_length = keep_cookie(load->cookie);
    equals = memchr(load->cookie, '=', load->cookie_length);
    bench_require(equals != NULL, "a cookie without a value");
    value_length = load->cookie_length - (size_t)(equals + 1 - load->cookie);
    load->plain_length = WAFER_BASE64_BYTES(value_length) - WAFER_SEAL_OVERHEAD;
    memcpy(load->forged, load->cookie, load->cookie_length);
    middle = &load->forged[load->cookie_length / 2];
    *middle = *middle == 'A' ? 'B' : 'A';
}

static void fill(char *text, size_t length, const char *characters)
{
    uint32_t count = (uint32_t)strlen(characters);

    for (size_t i = 0; i < length; i++)
        text[i] = characters[randombytes_uniform(count)];
    text[length] = '\0';
}

static void make_world(void)
{
    const wafer_manager *manager = make_manager();

    for (size_t i = 0; i < SESSIONS; i++)
        bench_require(wafer_session_new(manager, &session[i]) == WAFER_OK, "no session");
    fill(csrf, sizeof csrf - 1, "0123456789abcdef");
    fill(note, NOTE_MAX, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    randombytes_buf(key, sizeof key);
    randombytes_buf(nonce, sizeof nonce);
    randombytes_buf(plain, sizeof plain);
    make_empty_cookie();
}

/* ---- the table */

static const struct bench_case subjects[] = {
    {.subject = "seal", .whole = {prepare_seal, run_seal}, .floor = {prepare_floor, floor_seal}},
    {.subject = "open", .whole = {NULL, run_open}, .floor = {prepare_floor, floor_open}},
    {.subject = "refuse", .whole = {NULL, run_refuse}, .floor = {prepare_floor, floor_refuse}},
};

/* The note that makes the variables take about so many bytes; the rest alone are 82. */
static const struct {
    int bytes;
    size_t note_length;
} sizes[] = {{64, 0}, {256, 148}, {1024, 916}, {2900, 2791}};

#define SUBJECTS (sizeof subjects / sizeof *subjects)
#define SIZES    (sizeof sizes / sizeof *sizes)

int main(int argc, char **argv)
{
    static struct load loads[SIZES];
    static struct bench_case cases[SIZES * SUBJECTS];
    const char *folder = bench_folder(argc > 0 ? argv[0] : NULL);

    bench_begin(folder);
    make_world();
    for (size_t i = 0; i < SIZES; i++)
        make_load(&loads[i], sizes[i].note_length);
    for (size_t i = 0; i < SIZES * SUBJECTS; i++) {
        cases[i] = subjects[i % SUBJECTS];
        cases[i].size = sizes[i / SUBJECTS].bytes;
        cases[i].context = &loads[i / SUBJECTS];
    }
    bench_measure(cases, SIZES * SUBJECTS, SESSIONS);
    bench_print_all(cases, SIZES * SUBJECTS, folder, "session.json");
    return 0;
}
