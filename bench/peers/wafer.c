/* Wafer through its public header, as a server uses it: the list of revoked sessions and users has
 * 100,000 entries, the Cookie field comes in and the Set-Cookie line goes out. As with the peers,
 * who the user is is one of the variables, and sealing begins with the request already opened. */
#include "peer.h"

#include <wafer.h>

#define REVOKED 100000

static wafer_session *sessions[PEER_BATCH];
static size_t next_session;
static char first[PEER_COOKIE_MAX];
static size_t first_length;

static wafer_verdict take_request(wafer_session *session, const char *cookie, size_t length)
{
    (void)wafer_begin(session);
    (void)wafer_field(session, cookie, length);
    return wafer_open(session);
}

static size_t finish(wafer_session *session, char cookie[PEER_COOKIE_MAX])
{
    const wafer_header *headers;
    size_t count;
    size_t length = 0;

    if (wafer_finish(session, &headers, &count) == WAFER_OK && count > 0) {
        length = strlen(headers[0].value);
        memcpy(cookie, headers[0].value, length + 1);
    }
    wafer_end(session);
    return length;
}

static void prepare(void)
{
    for (size_t i = 0; i < PEER_BATCH; i++)
        bench_require(take_request(sessions[i], first, first_length) == WAFER_VALID,
                      "the cookie of a first visit does not open");
    next_session = 0;
}

static void put(wafer_session *session, const char *name, struct slice text)
{
    wafer_put_text_slice(session, name, text.data, text.length);
}

static size_t seal(const struct variables *variables, char cookie[PEER_COOKIE_MAX])
{
    wafer_session *session = sessions[next_session++];

    wafer_put_integer(session, "user_id", variables->user_id);
    put(session, "name", variables->name);
    put(session, "role", variables->role);
    put(session, "csrf", variables->csrf);
    if (variables->note.length > 0)
        put(session, "note", variables->note);
    return finish(session, cookie);
}

static struct slice text_of(const wafer_session *session, const char *name)
{
    struct slice text = {NULL, 0};

    text.data = wafer_get_text(session, name, &text.length);
    return text;
}

static bool open(const char *cookie, size_t length, struct variables *found)
{
    wafer_session *session = sessions[0];

    wafer_end(session);
    if (take_request(session, cookie, length) != WAFER_VALID ||
        !wafer_get_integer(session, "user_id", &found->user_id))
        return false;
    found->name = text_of(session, "name");
    found->role = text_of(session, "role");
    found->csrf = text_of(session, "csrf");
    found->note = text_of(session, "note");
    return true;
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

    for (size_t i = 0; i < REVOKED; i++) {
        uint8_t id[WAFER_ID_SIZE];
        char subject[16];
        int length = snprintf(subject, sizeof subject, "user %zu", i);

        randombytes_buf(id, sizeof id);
        bench_require(i % 10 == 0 ? wafer_revoke_subject(settings.revocations, "", subject,
                                                         (size_t)length) == WAFER_OK
                                  : wafer_revoke_session(settings.revocations, id) == WAFER_OK,
                      "the list cannot be filled");
    }
    return manager;
}

int main(int argc, char **argv)
{
    struct peer peer = {.name = "Wafer",
                        .makes_line = true,
                        .prepare = prepare,
                        .seal = seal,
                        .open = open};
    const wafer_manager *manager = make_manager();
    char token[WAFER_CSRF_LENGTH + 1];

    peer.version = wafer_version();
    for (size_t i = 0; i < PEER_BATCH; i++)
        bench_require(wafer_session_new(manager, &sessions[i]) == WAFER_OK, "no session");
    (void)take_request(sessions[0], NULL, 0);
    bench_require(wafer_csrf_token(sessions[0], token) == WAFER_OK &&
                      finish(sessions[0], first) > 0,
                  "a first visit gets no cookie");
    first_length = strcspn(first, ";");
    return peer_main(&peer, argc, argv);
}
