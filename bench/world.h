/* What the benchmarks of whole requests share: a manager with the system's clock and a list of
 * 100,000 entries, sessions, and the five variables with their cookies in four sizes. */
#ifndef WAFER_BENCH_WORLD_H
#define WAFER_BENCH_WORLD_H

#include "bench.h"

#include <wafer.h>

#include "base64.h"
#include "seal.h"

#define WORLD_BATCH      16 /* operations in one run, so that looking at the clock counts little */
#define WORLD_NOTE_MAX   2791
#define WORLD_COOKIE_MAX 4200
#define WORLD_REVOKED    100000

struct world {
    wafer_revocations *list;
    wafer_manager *manager;
    wafer_session *session[WORLD_BATCH];
    char csrf[33];
    char note[WORLD_NOTE_MAX + 1];
};

/* "name=value", as it comes in a Cookie field. */
struct world_cookie {
    char pair[WORLD_COOKIE_MAX];
    size_t length;
};

/* One size. */
struct world_load {
    struct world *world;
    int size;
    size_t note_length;
    bool signed_in;
    size_t plain_length;
    size_t value_length;
    struct world_cookie empty; /* a session without variables: where sealing begins */
    struct world_cookie full;  /* with all five */
};

/* The note that makes a plain key-value encoding of the five variables take about so many bytes. */
static const struct world_size {
    int size;
    size_t note_length;
} world_sizes[] = {{64, 0}, {256, 148}, {1024, 916}, {2900, WORLD_NOTE_MAX}};

#define WORLD_SIZES (sizeof world_sizes / sizeof *world_sizes)

/* ---- a request */

static inline wafer_verdict world_open(wafer_session *session, const struct world_cookie *cookie)
{
    (void)wafer_begin(session);
    (void)wafer_field(session, cookie->pair, cookie->length);
    return wafer_open(session);
}

static inline void world_put(const struct world *world, wafer_session *session, size_t note_length)
{
    wafer_put_integer(session, "user_id", 12345678);
    wafer_put_text(session, "name", "Ada Lovelace");
    wafer_put_text(session, "role", "admin");
    wafer_put_text(session, "csrf", world->csrf);
    if (note_length > 0)
        wafer_put_text_slice(session, "note", world->note, note_length);
}

/* The Set-Cookie line, readable until the session ends. */
static inline const char *world_finish(wafer_session *session)
{
    const wafer_header *headers;
    size_t count;

    bench_require(wafer_finish(session, &headers, &count) == WAFER_OK && count > 0 &&
                      strcmp(headers[0].name, "Set-Cookie") == 0,
                  "no Set-Cookie goes out");
    return headers[0].value;
}

/* Finishes, ends, and keeps "name=value". */
static inline void world_keep(wafer_session *session, struct world_cookie *cookie)
{
    const char *line = world_finish(session);

    cookie->length = strcspn(line, ";");
    bench_require(cookie->length < WORLD_COOKIE_MAX, "the cookie is too long");
    memcpy(cookie->pair, line, cookie->length);
    wafer_end(session);
}

/* ---- whole operations, WORLD_BATCH at a time; each takes its load as context */

static inline void world_prepare_seal(void *context)
{
    const struct world_load *load = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bench_require(world_open(load->world->session[i], &load->empty) == WAFER_VALID,
                      "an empty session does not open");
}

static inline void world_run_seal(void *context)
{
    const struct world_load *load = context;

    for (size_t i = 0; i < WORLD_BATCH; i++) {
        wafer_session *session = load->world->session[i];

        world_put(load->world, session, load->note_length);
        world_finish(session);
        wafer_end(session);
    }
}

static inline void world_run_open(void *context)
{
    const struct world_load *load = context;
    wafer_session *session = load->world->session[0];

    for (size_t i = 0; i < WORLD_BATCH; i++) {
        wafer_verdict verdict = world_open(session, &load->full);

        bench_require(verdict == WAFER_VALID && wafer_get_text(session, "csrf", NULL) != NULL,
                      "a cookie does not open");
        wafer_end(session);
    }
}

/* ---- setting up */

static inline void world_fill_text(char *text, size_t length, const char *characters)
{
    uint32_t count = (uint32_t)strlen(characters);

    for (size_t i = 0; i < length; i++)
        text[i] = characters[randombytes_uniform(count)];
    text[length] = '\0';
}

/* Every tenth entry is a subject's. */
static inline void world_fill_list(wafer_revocations *list)
{
    for (size_t i = 0; i < WORLD_REVOKED; i++) {
        uint8_t id[WAFER_ID_SIZE];
        char subject[16];
        int length = snprintf(subject, sizeof subject, "user %zu", i);

        randombytes_buf(id, sizeof id);
        bench_require(i % 10 == 0
                          ? wafer_revoke_subject(list, "", subject, (size_t)length) == WAFER_OK
                          : wafer_revoke_session(list, id) == WAFER_OK,
                      "the list cannot be filled");
    }
}

static inline void world_make_manager(struct world *world)
{
    char line[WAFER_KEYS_LINE_MAX];
    wafer_keyring_settings keys = WAFER_KEYRING_SETTINGS_INIT;
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_error error = {.text = "no key"};
    bool made = wafer_keys_generate(line, NULL, &error) == WAFER_OK;

    keys.text = line;
    keys.text_length = made ? strlen(line) : 0;
    settings.line_limit = 4096;
    made = made && wafer_keyring_new(&keys, &settings.keyring, &error) == WAFER_OK &&
           wafer_revocations_open(WAFER_START_FORGETS, &settings.revocations, &error) == WAFER_OK &&
           wafer_manager_new(&settings, &world->manager, &error) == WAFER_OK;
    bench_require(made, error.text);
    world->list = settings.revocations;
}

static inline void world_make(struct world *world)
{
    world_make_manager(world);
    world_fill_list(world->list);
    for (size_t i = 0; i < WORLD_BATCH; i++)
        bench_require(wafer_session_new(world->manager, &world->session[i]) == WAFER_OK,
                      "no session");
    world_fill_text(world->csrf, sizeof world->csrf - 1, "0123456789abcdef");
    world_fill_text(world->note, WORLD_NOTE_MAX,
                    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
}

/* Opens a new session that has an id and no variables. */
static inline void world_start(wafer_session *session, bool signed_in)
{
    static const struct world_cookie none;
    char token[WAFER_CSRF_LENGTH + 1];

    (void)world_open(session, &none);
    bench_require(signed_in ? wafer_login(session, "ada", 3, NULL, 0) == WAFER_OK
                            : wafer_csrf_token(session, token) == WAFER_OK,
                  "no session begins");
}

static inline void world_make_load(struct world_load *load, struct world *world,
                                   const struct world_size *size, bool signed_in)
{
    wafer_session *session = world->session[0];

    load->world = world;
    load->size = size->size;
    load->note_length = size->note_length;
    load->signed_in = signed_in;
    world_start(session, signed_in);
    world_keep(session, &load->empty);
    world_start(session, signed_in);
    world_put(world, session, load->note_length);
    world_keep(session, &load->full);
    load->full.pair[load->full.length] = '\0';
    load->value_length = load->full.length - strcspn(load->full.pair, "=") - 1;
    load->plain_length = WAFER_TOKEN_PLAIN(load->value_length);
}

#endif
