/* What is in the cookie: the parts of the token; what somebody without the key sees of it, and what
 * the server reads. The layout is that of format 1, which src/seal.h draws. */
#include "demo.h"

#include <sodium.h>
#include <string.h>

#include "words.h"

#define RAW_MAX     3072 /* of a cookie of 4096 bytes */
#define KEY_ID_AT   1
#define NONCE_AT    4
#define SEALED_AT   28
#define TAG_SIZE    16
#define PARTS_COUNT 5

/* ---- choosing it -------------------------------------------------------------------------- */

/* The cookie to show: of several of the name the one that the session was made of. */
struct choice {
    const struct demo_request *request;
    wafer_session *session; /* opens each alone */
    const char *token;      /* NULL: none came */
    size_t length;
    wafer_verdict verdict;
    int64_t sealed_at_ms;
};

static void consider(struct choice *choice, const wafer_pair *pair)
{
    int64_t sealed_at_ms = 0;
    wafer_verdict verdict;

    (void)wafer_begin(choice->session);
    verdict = wafer_open_token(choice->session, pair->value, pair->value_length);
    wafer_sealed_at(choice->session, &sealed_at_ms);
    if (choice->token != NULL && (verdict != WAFER_VALID || (choice->verdict == WAFER_VALID &&
                                                             sealed_at_ms <= choice->sealed_at_ms)))
        return;
    choice->token = pair->value;
    choice->length = pair->value_length;
    choice->verdict = verdict;
    choice->sealed_at_ms = sealed_at_ms;
}

static void consider_line(void *context, const char *line, size_t length)
{
    struct choice *choice = context;
    const char *name = choice->request->account->cookie;
    size_t cursor = 0;
    wafer_pair pair;

    while (wafer_next_pair(line, length, false, &cursor, &pair))
        if (pair.name_length == strlen(name) && strncmp(pair.name, name, strlen(name)) == 0)
            consider(choice, &pair);
}

/* ---- showing it --------------------------------------------------------------------------- */

/* A character belongs to the part in which its first bit is. */
static size_t character_at(size_t byte)
{
    return (byte * 8 + 5) / 6;
}

static void put_parts(struct demo_values *values, const char *token, size_t length,
                      const uint8_t *raw, size_t size)
{
    const struct {
        const char *key;
        const char *name;
        size_t from;
        const char *meaning;
    } parts[PARTS_COUNT + 1] = {
        {"version", "Version", 0, "of the format"},
        {"key-id", "Key id", KEY_ID_AT, "which of the server's keys sealed it; no secret"},
        {"nonce", "Nonce", NONCE_AT, "another one each time, so that no two cookies look alike"},
        {"ciphertext", "Ciphertext", SEALED_AT,
         "id, times, subject and variables, encrypted: noise without the key"},
        {"tag", "Tag", size - TAG_SIZE,
         "changes with every bit of the cookie, its name included; only the key can make it"},
        {NULL, NULL, size, NULL},
    };

    for (size_t i = 0; i < PARTS_COUNT; i++) {
        struct demo_values *row = demo_add_row(values, "parts");
        size_t first = character_at(parts[i].from);
        size_t end = i + 1 < PARTS_COUNT ? character_at(parts[i + 1].from) : length;

        demo_put(row, "part", parts[i].key);
        demo_put(row, "name", parts[i].name);
        demo_put(row, "meaning", parts[i].meaning);
        demo_put_slice(row, "text", token + first, end - first);
        demo_put_hex(row, "hex", raw + parts[i].from, parts[i + 1].from - parts[i].from);
        demo_put_format(row, "size", "%zu", parts[i + 1].from - parts[i].from);
    }
}

/* What is readable without a key. */
static void put_outside(struct demo_values *values, const char *token, size_t length)
{
    wafer_token_facts facts = {0, {0}, 0, 0};
    wafer_error error;
    uint8_t raw[RAW_MAX];
    size_t size = 0;

    demo_put_slice(values, "token", token, length);
    demo_put_format(values, "token_length", "%zu", length);
    if (wafer_token_look(token, length, &facts, &error) != WAFER_OK ||
        sodium_base642bin(raw, sizeof raw, token, length, NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
        demo_put(values, "no_token", error.text);
        return;
    }
    demo_put_format(values, "version_number", "%u", facts.version);
    demo_put_hex(values, "key_id", facts.key_id, sizeof facts.key_id);
    demo_put_format(values, "raw_size", "%zu", facts.raw_size);
    demo_put_format(values, "plain_size", "%zu", facts.plain_size);
    put_parts(values, token, length, raw, size);
}

static void put_time(struct demo_values *values, const char *name, bool known, int64_t at_ms)
{
    if (known)
        demo_put_date(values, name, at_ms);
}

/* What the server reads: of a session that holds nothing when the cookie is refused. */
static void put_inside(struct demo_values *values, wafer_session *session, wafer_verdict verdict)
{
    uint8_t id[WAFER_ID_SIZE];
    int64_t login_at_ms = 0;
    int64_t at_ms = 0;
    size_t length = 0;
    const char *subject = wafer_subject(session, &length);
    bool known;

    demo_put(values, "verdict", wafer_verdict_text(verdict));
    demo_put(values, "explain", wafer_explain(session));
    demo_put_flag(values, "valid", verdict == WAFER_VALID);
    if (wafer_id(session, id))
        demo_put_hex(values, "id", id, sizeof id);
    if (subject != NULL)
        demo_put_slice(values, "subject", subject, length);
    known = wafer_login_at(session, &login_at_ms);
    put_time(values, "login", known, login_at_ms);
    known = wafer_sealed_at(session, &at_ms);
    put_time(values, "sealed", known, at_ms);
    demo_put_flag(values, "ahead", login_at_ms > at_ms);
    known = wafer_idle_at(session, &at_ms);
    put_time(values, "idle", known, at_ms);
    known = wafer_expires_at(session, &at_ms);
    put_time(values, "expires", known, at_ms);
    demo_put_variables(values, session);
}

void demo_token_show(struct demo_request *request, struct demo_answer *answer)
{
    struct demo_values *values = demo_page_values(request, "What is in the cookie");
    struct choice choice = {request, NULL, NULL, 0, WAFER_NONE, 0};

    demo_put_flag(values, "on_token", true);
    demo_put(values, "cookie", request->account->cookie);
    if (wafer_session_new(request->account->manager, &choice.session) == WAFER_OK) {
        demo_each_cookie_line(request->connection, consider_line, &choice);
        demo_put_flag(values, "came", choice.token != NULL);
        if (choice.token != NULL) {
            put_outside(values, choice.token, choice.length);
            (void)wafer_begin(choice.session);
            choice.verdict = wafer_open_token(choice.session, choice.token, choice.length);
            put_inside(values, choice.session, choice.verdict);
        }
    } else {
        answer->failed = true;
    }
    wafer_session_free(choice.session);
    demo_page_write(answer, "token.html", values);
}
