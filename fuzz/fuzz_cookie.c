/* A request with any Cookie fields: nothing but what was sealed here is ever valid, and what goes
 * out is clean.
 *
 *     input   options | separator | place | damage | Cookie fields, split at the separator
 *
 * With option REAL a cookie that was sealed at start comes along as a field of its own, with FLOOD
 * more often than a session looks at. Damage that is not 0 changes one character of its token. */
#include "world.h"

#include <stdio.h>

enum { REAL = 1, REAL_FIRST = 2, COMMAS = 4, PUT = 8, LOGOUT = 16, FLOOD = 32 };

#define COOKIE_MAX 1024
#define SPLIT_MAX  64
#define FLOOD_SIZE 65
#define SUBJECT    "anna" /* so long that the token's last character has unused bits */

static wafer_session *sessions[2]; /* the second one splits at commas */
static char real[COOKIE_MAX];
static size_t real_length;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    wafer_settings settings = fuzz_settings(fuzz_keyring());
    const char *token;
    size_t length;

    (void)argc;
    (void)argv;
    sessions[0] = fuzz_session(&settings);
    settings.split_at_commas = true;
    sessions[1] = fuzz_session(&settings);

    must(wafer_begin(sessions[0]) == WAFER_OK);
    must(wafer_open(sessions[0]) == WAFER_NONE);
    must(wafer_login(sessions[0], SUBJECT, strlen(SUBJECT), NULL, 0) == WAFER_OK);
    must(wafer_seal(sessions[0], &token, &length) == WAFER_OK);
    real_length = (size_t)snprintf(real, sizeof real, "%s=%s", FUZZ_NAME, token);
    must(real_length < sizeof real);
    must(length % 4 != 0);
    wafer_end(sessions[0]);
    return 0;
}

/* ---- the request */

/* The fields' bytes: wafer_open is the last to look at them. */
struct fields {
    void *copy[SPLIT_MAX + FLOOD_SIZE];
    size_t count;
};

static void add_field(wafer_session *session, struct fields *fields, const void *bytes,
                      size_t length)
{
    void *copy = exact_copy(bytes, length);

    fields->copy[fields->count++] = copy;
    (void)wafer_field(session, copy, length);
}

static void add_split(wafer_session *session, struct fields *fields, struct fuzz_input input,
                      uint8_t separator)
{
    for (size_t i = 0; i < SPLIT_MAX && input.left > 0; i++) {
        const uint8_t *end = memchr(input.at, separator, input.left);
        size_t length;
        const uint8_t *field = input.at;

        take_bytes(&input, end != NULL ? (size_t)(end - field) : input.left, &length);
        add_field(session, fields, field, length);
        take_byte(&input);
    }
}

static void add_real(wafer_session *session, struct fields *fields, uint8_t place, uint8_t damage,
                     size_t times)
{
    char cookie[COOKIE_MAX];
    size_t token_at = strlen(FUZZ_NAME "=");

    memcpy(cookie, real, real_length);
    cookie[token_at + place % (real_length - token_at)] ^= (char)damage;
    for (size_t i = 0; i < times; i++)
        add_field(session, fields, cookie, real_length);
}

static void check_verdict(const wafer_session *session, wafer_verdict verdict, bool real_came)
{
    size_t length;
    const char *subject = wafer_subject(session, &length);

    if (real_came && !wafer_frozen(session))
        must(verdict == WAFER_VALID);
    if (verdict == WAFER_VALID) {
        must(real_came);
        must(subject != NULL && length == strlen(SUBJECT) && strcmp(subject, SUBJECT) == 0);
        must(!wafer_conflict(session));
    } else {
        must(verdict == WAFER_NONE || verdict == WAFER_REJECTED);
        must(subject == NULL);
    }
}

/* ---- the response */

static void check_headers(wafer_session *session, wafer_result expected)
{
    bool owed = wafer_owed(session) != 0;
    const wafer_header *headers;
    size_t count;
    size_t cookies = 0;

    must(wafer_finish(session, &headers, &count) == expected);
    for (size_t i = 0; i < count; i++) {
        must(is_clean(headers[i].name, headers[i].name_length));
        must(is_clean(headers[i].value, headers[i].value_length));
        cookies += strcmp(headers[i].name, "Set-Cookie") == 0;
    }
    must(cookies == (owed ? 1 : 0));
    must(!owed || !wafer_frozen(session));
}

/* Returns what wafer_finish must return. The real cookie's session is never logged out: it must
 * stay good for the inputs to come. */
static wafer_result change(wafer_session *session, wafer_verdict verdict, uint8_t options)
{
    wafer_result expected = wafer_frozen(session) ? WAFER_UNAVAILABLE : WAFER_OK;

    if (options & LOGOUT && verdict != WAFER_VALID)
        must(wafer_logout(session) == expected);
    if ((options & PUT) == 0)
        return WAFER_OK;
    must(wafer_put_integer(session, "visits", 1) == expected);
    return expected;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t options = take_byte(&input);
    uint8_t separator = take_byte(&input);
    uint8_t place = take_byte(&input);
    uint8_t damage = take_byte(&input);
    size_t times = options & REAL ? (options & FLOOD ? FLOOD_SIZE : 1) : 0;
    wafer_session *session = sessions[options & COMMAS ? 1 : 0];
    struct fields fields = {.count = 0};
    wafer_verdict verdict;
    const char *explanation;

    must(wafer_begin(session) == WAFER_OK);
    if (options & REAL_FIRST)
        add_real(session, &fields, place, damage, times);
    add_split(session, &fields, input, separator);
    if (!(options & REAL_FIRST))
        add_real(session, &fields, place, damage, times);
    verdict = wafer_open(session);
    for (size_t i = 0; i < fields.count; i++)
        free(fields.copy[i]);

    check_verdict(session, verdict, times > 0 && damage == 0);
    explanation = wafer_explain(session);
    must(is_clean(explanation, strlen(explanation)));
    check_headers(session, change(session, verdict, options));
    wafer_end(session);
    return 0;
}
