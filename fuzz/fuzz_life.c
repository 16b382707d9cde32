/* Whole lives of sessions: calls that the bytes choose, in any order, by two requests at a time and
 * three browsers, while the clock goes on or fails and keys change. What must hold: a call out of
 * order is MISUSE, a frozen session sends nothing, finish is repeatable, nothing that goes out has
 * a control byte, what comes back is what went out, and what was logged out is never valid again.
 *
 *     input   calls: which request (1 bit) and what, then what the call takes */
#include "world.h"

#include <stdio.h>

#define REQUESTS    2
#define BROWSERS    3
#define COOKIE_SIZE 5000
#define GONE_MAX    256

enum phase { ENDED, BEGUN, OPENED, FINISHED, SEALED };

/* A cookie, and what a session that comes with it must hold. */
struct browser {
    char cookie[COOKIE_SIZE];
    size_t length; /* 0: none */
    char subject;  /* '\0': nobody */
    bool visited;
    int64_t visits;
};

struct request {
    wafer_session *session;
    enum phase phase;
    int64_t begun_ms;
    const struct browser *only; /* whose cookie came, and no other */
    size_t cookies;
};

static struct browser browsers[BROWSERS];
static struct request requests[REQUESTS];
static uint8_t gone[GONE_MAX][WAFER_ID_SIZE]; /* logged out */
static size_t gone_count;
static int64_t now_ms;
static bool clock_fails;
static wafer_keyring *ring;
static wafer_revocations *list;
static bool keys_changed = true;
static char key_lines[2][WAFER_KEYS_LINE_MAX]; /* the second one seals later */

static int64_t clock_by_hand(void *context)
{
    (void)context;
    return clock_fails ? -1 : now_ms;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    ring = fuzz_keyring();
    for (unsigned i = 0; i < 2; i++) {
        struct wafer_key key = {.seals_from_ms = i * 1000, .opens_until_ms = WAFER_KEY_NEVER};

        memset(key.secret, 'K' + (int)i, sizeof key.secret);
        wafer_key_id(key.secret, key.id);
        wafer_key_format(&key, key_lines[i]);
    }
    return 0;
}

/* ---- what must hold */

/* What a call that changes a session may return. */
static void check_change(const struct request *request, wafer_result result)
{
    if (request->phase != OPENED)
        must(result == WAFER_MISUSE);
    else if (wafer_frozen(request->session))
        must(result == WAFER_UNAVAILABLE);
    else
        must(result != WAFER_MISUSE);
}

static bool is_gone(const uint8_t id[WAFER_ID_SIZE])
{
    for (size_t i = 0; i < gone_count; i++)
        if (memcmp(gone[i], id, WAFER_ID_SIZE) == 0)
            return true;
    return false;
}

/* False when nobody is signed in. */
static bool signed_in(const struct request *request, uint8_t id[WAFER_ID_SIZE])
{
    return wafer_subject(request->session, NULL) != NULL && wafer_id(request->session, id);
}

static void remember_gone(const uint8_t id[WAFER_ID_SIZE])
{
    if (gone_count < GONE_MAX)
        memcpy(gone[gone_count++], id, WAFER_ID_SIZE);
}

static void check_valid(const struct request *request)
{
    const char *subject = wafer_subject(request->session, NULL);
    uint8_t id[WAFER_ID_SIZE];
    int64_t at_ms;
    int64_t visits = 0;
    bool visited = wafer_get_integer(request->session, "visits", &visits);

    must(wafer_expires_at(request->session, &at_ms) && at_ms > request->begun_ms);
    must(wafer_idle_at(request->session, &at_ms) && at_ms > request->begun_ms);
    /* Who takes so long from begin to open asks a list that has forgotten. */
    if (now_ms - request->begun_ms < WAFER_DAY_MS)
        must(!signed_in(request, id) || !is_gone(id));
    if (request->only != NULL) {
        must((subject != NULL ? *subject : '\0') == request->only->subject);
        must(visited == request->only->visited && visits == request->only->visits);
    }
}

static void check_nothing(const struct request *request)
{
    wafer_session *session = request->session;
    wafer_variable variable;
    int64_t at_ms;
    uint8_t id[WAFER_ID_SIZE];
    size_t cursor = 0;

    must(wafer_subject(session, NULL) == NULL && !wafer_id(session, id));
    must(!wafer_next(session, &cursor, &variable));
    must(!wafer_expires_at(session, &at_ms) && !wafer_idle_at(session, &at_ms));
}

/* ---- calls: arriving and leaving */

static struct browser *choose_browser(struct fuzz_input *input)
{
    return &browsers[take_byte(input) % BROWSERS];
}

static void begin(struct request *request, struct fuzz_input *input)
{
    (void)input;
    must(wafer_begin(request->session) == (clock_fails ? WAFER_SYSTEM : WAFER_OK));
    request->phase = BEGUN;
    request->begun_ms = now_ms;
    request->only = NULL;
    request->cookies = 0;
    must(wafer_frozen(request->session));
    check_nothing(request);
}

static void add_cookie(struct request *request, struct fuzz_input *input)
{
    const struct browser *browser = choose_browser(input);
    wafer_result result = wafer_field(request->session, browser->cookie, browser->length);

    must((result == WAFER_MISUSE) == (request->phase != BEGUN));
    if (request->phase == BEGUN && browser->length > 0)
        request->only = request->cookies++ == 0 ? browser : NULL;
}

static void lose_fields(struct request *request, struct fuzz_input *input)
{
    (void)input;
    must(wafer_fields_lost(request->session) ==
         (request->phase == BEGUN ? WAFER_TOO_LARGE : WAFER_MISUSE));
}

static void check_opened(struct request *request, wafer_verdict verdict)
{
    if (request->phase == ENDED)
        must(verdict == WAFER_UNCHECKED);
    if (request->phase != BEGUN)
        return;
    request->phase = OPENED;
    if (verdict == WAFER_VALID)
        check_valid(request);
    else
        check_nothing(request);
    if (verdict == WAFER_FUTURE || verdict == WAFER_UNCHECKED)
        must(wafer_frozen(request->session));
}

static void open(struct request *request, struct fuzz_input *input)
{
    (void)input;
    check_opened(request, wafer_open(request->session));
}

static void open_token(struct request *request, struct fuzz_input *input)
{
    const struct browser *browser = choose_browser(input);
    size_t name = strlen(FUZZ_NAME "=");
    bool any = browser->length > name;

    if (request->phase == BEGUN)
        request->only = any ? browser : NULL;
    check_opened(request, wafer_open_token(request->session, any ? browser->cookie + name : "",
                                           any ? browser->length - name : 0));
}

/* The browser keeps what goes out: a deletion is what has no value. */
static void keep_cookie(const struct request *request, struct browser *browser, const char *line)
{
    const char *subject = wafer_subject(request->session, NULL);

    browser->length = strcspn(line, ";");
    must(browser->length < COOKIE_SIZE);
    memcpy(browser->cookie, line, browser->length);
    if (browser->length == strlen(FUZZ_NAME "="))
        browser->length = 0;
    browser->subject = subject != NULL ? *subject : '\0';
    browser->visits = 0;
    browser->visited = wafer_get_integer(request->session, "visits", &browser->visits);
    for (size_t i = 0; i < REQUESTS; i++)
        if (requests[i].only == browser)
            requests[i].only = NULL;
}

static const char *find_cookie(const struct request *request, const wafer_header *headers,
                               size_t count)
{
    const char *line = NULL;

    for (size_t i = 0; i < count; i++) {
        must(is_clean(headers[i].name, headers[i].name_length));
        must(is_clean(headers[i].value, headers[i].value_length));
        if (strcmp(headers[i].name, "Set-Cookie") == 0) {
            must(line == NULL && !wafer_frozen(request->session));
            line = headers[i].value;
        }
    }
    must((line != NULL) == (wafer_owed(request->session) != 0));
    return line;
}

static void finish(struct request *request, struct fuzz_input *input)
{
    uint8_t choice = take_byte(input);
    struct browser *browser = (choice >> 1) % (BROWSERS + 1) < BROWSERS
                                  ? &browsers[(choice >> 1) % (BROWSERS + 1)]
                                  : NULL; /* the response is lost */
    const wafer_header *headers;
    const wafer_header *again;
    size_t count;
    size_t count_again;
    wafer_result result = wafer_finish(request->session, &headers, &count);
    const char *line;

    if (request->phase != OPENED && request->phase != FINISHED) {
        must(result == WAFER_MISUSE && count == 0);
        return;
    }
    line = find_cookie(request, headers, count);
    if (line != NULL && browser != NULL && request->phase == OPENED)
        keep_cookie(request, browser, line);
    request->phase = FINISHED;
    must(wafer_finish(request->session, &again, &count_again) == result);
    must(again == headers && count_again == count);
    must(line == find_cookie(request, again, count_again));
}

static void seal(struct request *request, struct fuzz_input *input)
{
    bool frozen = wafer_frozen(request->session);
    const char *token;
    const char *again;
    size_t length;
    wafer_result result = wafer_seal(request->session, &token, &length);

    (void)input;
    must((result == WAFER_MISUSE) == (request->phase != OPENED && request->phase != SEALED));
    must((result == WAFER_OK) == (token != NULL) && (token != NULL || length == 0));
    must(!frozen || result != WAFER_OK);
    if (result == WAFER_MISUSE)
        return;
    request->phase = SEALED;
    must(token == NULL || is_clean(token, length));
    must(wafer_seal(request->session, &again, &length) == result && again == token);
}

static void end(struct request *request, struct fuzz_input *input)
{
    (void)input;
    wafer_end(request->session);
    request->phase = ENDED;
    must(wafer_open(request->session) == WAFER_UNCHECKED);
    must(wafer_recheck(request->session) == WAFER_UNCHECKED);
    must(wafer_frozen(request->session) && wafer_owed(request->session) == 0);
    check_nothing(request);
}

/* ---- calls: changing the session */

static void put_visits(struct request *request, struct fuzz_input *input)
{
    check_change(request, wafer_put_integer(request->session, "visits", take_byte(input)));
}

static void put_long_text(struct request *request, struct fuzz_input *input)
{
    static char text[4096];
    size_t length = take_byte(input) * 16U;

    memset(text, 't', sizeof text);
    check_change(request, wafer_put_text_slice(request->session, "text", text, length));
}

static void take_away(struct request *request, struct fuzz_input *input)
{
    uint8_t choice = take_byte(input);
    wafer_variable variable;
    bool changeable = request->phase == OPENED && !wafer_frozen(request->session);

    if (choice % 3 == 0)
        check_change(request, wafer_clear(request->session));
    else if (choice % 3 == 1)
        check_change(request, wafer_remove(request->session, "visits"));
    else if (wafer_take(request->session, "visits", &variable))
        must(changeable && variable.type == WAFER_INTEGER);
}

static void login(struct request *request, struct fuzz_input *input)
{
    static const char *const keep[] = {"visits"};
    uint8_t choice = take_byte(input);
    const char name[] = {(char)('a' + choice % 3), '\0'};
    uint8_t before[WAFER_ID_SIZE];
    uint8_t after[WAFER_ID_SIZE];
    bool was = signed_in(request, before);
    wafer_result result = wafer_login(request->session, name, 1, keep, choice >> 7);

    check_change(request, result);
    if (result != WAFER_OK) {
        must(signed_in(request, after) == was);
        return;
    }
    must(strcmp(wafer_subject(request->session, NULL), name) == 0);
    must(signed_in(request, after) && !is_gone(after));
    if (was) {
        must(memcmp(before, after, sizeof before) != 0);
        remember_gone(before);
    }
}

static void log_out(struct request *request, struct fuzz_input *input)
{
    uint8_t id[WAFER_ID_SIZE];
    bool was = signed_in(request, id);
    bool everywhere = take_byte(input) & 1;
    wafer_result result = everywhere ? wafer_logout_everywhere(request->session)
                                     : wafer_logout(request->session);

    must((result == WAFER_MISUSE) == (request->phase != OPENED));
    if (request->phase != OPENED)
        return;
    check_nothing(request);
    if (was && result == WAFER_OK)
        remember_gone(id);
}

static void renew(struct request *request, struct fuzz_input *input)
{
    uint8_t id[WAFER_ID_SIZE];
    bool was = signed_in(request, id);
    wafer_result result = wafer_renew(request->session);

    (void)input;
    check_change(request, result);
    must(result != WAFER_OK || was);
}

static void set_times(struct request *request, struct fuzz_input *input)
{
    uint8_t choice = take_byte(input);
    int64_t length_ms = (choice >> 2) * WAFER_MINUTE_MS * 12;

    if (choice & 1)
        check_change(request, wafer_set_idle(request->session, length_ms));
    else
        check_change(request, wafer_set_expiry(request->session, length_ms, choice & 2));
}

static void use_csrf_token(struct request *request, struct fuzz_input *input)
{
    char token[WAFER_CSRF_LENGTH + 1];
    wafer_result result = wafer_csrf_token(request->session, token);

    (void)input;
    must((result == WAFER_OK) == (strlen(token) == WAFER_CSRF_LENGTH));
    if (result == WAFER_OK)
        must(wafer_csrf_check(request->session, token, WAFER_CSRF_LENGTH));
    else
        must(token[0] == '\0');
}

static void ask_again(struct request *request, struct fuzz_input *input)
{
    wafer_verdict verdict = wafer_recheck(request->session);
    const char *explanation = wafer_explain(request->session);
    uint8_t id[WAFER_ID_SIZE];

    if (take_byte(input) & 1)
        wafer_no_refresh(request->session);
    must(is_clean(explanation, strlen(explanation)));
    if (request->phase < OPENED)
        must(verdict == WAFER_UNCHECKED);
    else if (signed_in(request, id) && is_gone(id))
        must(verdict != WAFER_VALID);
}

/* ---- calls: the world around */

static void pass_time(struct request *request, struct fuzz_input *input)
{
    static const int64_t steps_ms[] = {1,
                                       1000,
                                       30000,
                                       WAFER_MINUTE_MS,
                                       4 * WAFER_MINUTE_MS,
                                       30 * WAFER_MINUTE_MS,
                                       12 * WAFER_HOUR_MS,
                                       WAFER_DAY_MS};

    (void)request;
    now_ms += steps_ms[take_byte(input) % (sizeof steps_ms / sizeof *steps_ms)];
}

static void break_clock(struct request *request, struct fuzz_input *input)
{
    (void)request;
    clock_fails = take_byte(input) & 1;
}

static void use_list(struct request *request, struct fuzz_input *input)
{
    uint8_t choice = take_byte(input);
    wafer_result result = WAFER_OK;
    uint8_t id[WAFER_ID_SIZE];
    size_t dropped;

    if (choice % 4 == 0)
        result = wafer_revocations_purge(list, &dropped);
    else if (choice % 4 == 1)
        result = wafer_revoke_everyone(list);
    else if (choice % 4 == 2)
        result = wafer_revoke_subject(list, "", "a", 1);
    else if (signed_in(request, id))
        result = wafer_revoke_session(list, id);
    if (choice % 4 == 3 && signed_in(request, id) && result == WAFER_OK)
        remember_gone(id);
    must(result != WAFER_MISUSE && result != WAFER_INVALID);
}

/* The first key, the second, or both, of which the second one seals. */
static void change_keys(struct request *request, struct fuzz_input *input)
{
    unsigned choice = take_byte(input) % 3;
    char text[2 * WAFER_KEYS_LINE_MAX];

    (void)request;
    (void)snprintf(text, sizeof text, "%s%s", choice != 1 ? key_lines[0] : "",
                   choice != 0 ? key_lines[1] : "");
    must(wafer_keyring_replace(ring, text, strlen(text), NULL) == WAFER_OK);
    keys_changed = true;
}

static void share_cookie(struct request *request, struct fuzz_input *input)
{
    struct browser *from = choose_browser(input);
    struct browser *to = choose_browser(input);

    for (size_t i = 0; i < REQUESTS; i++)
        if (requests[i].only == to)
            requests[i].only = NULL;
    (void)request;
    if (from != to)
        *to = *from;
}

static void (*const calls[])(struct request *request, struct fuzz_input *input) = {
    begin,       add_cookie, open,        finish,   put_visits,  put_long_text,
    take_away,   login,      log_out,     renew,    set_times,   use_csrf_token,
    ask_again,   pass_time,  break_clock, use_list, change_keys, share_cookie,
    lose_fields, open_token, seal,        end,
};

/* ---- one life */

static void live(struct fuzz_input *input)
{
    while (input->left > 0) {
        uint8_t what = take_byte(input);

        calls[(what & 0x7F) % (sizeof calls / sizeof *calls)](&requests[what >> 7], input);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    wafer_settings settings;
    wafer_manager *manager;

    now_ms = FUZZ_NOW;
    clock_fails = false;
    gone_count = 0;
    memset(browsers, 0, sizeof browsers);
    if (keys_changed)
        must(wafer_keyring_replace(ring, key_lines[0], strlen(key_lines[0]), NULL) == WAFER_OK);
    keys_changed = false;
    settings = fuzz_settings_at(ring, clock_by_hand);
    list = settings.revocations;
    must(wafer_manager_new(&settings, &manager, NULL) == WAFER_OK);
    for (size_t i = 0; i < REQUESTS; i++) {
        requests[i] = (struct request){.phase = ENDED};
        must(wafer_session_new(manager, &requests[i].session) == WAFER_OK);
    }
    live(&input);
    for (size_t i = 0; i < REQUESTS; i++)
        wafer_session_free(requests[i].session);
    wafer_manager_free(manager);
    wafer_revocations_free(list);
    return 0;
}
