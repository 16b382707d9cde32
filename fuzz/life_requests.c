/* Requests of a life: they begin, bring cookies, are opened and finished, and end. */
#include "life.h"

void life_begin(struct request *request, struct fuzz_input *input)
{
    (void)input;
    must(wafer_begin(request->session) == (life.clock_fails ? WAFER_SYSTEM : WAFER_OK));
    request->phase = BEGUN;
    request->begun_ms = life.now_ms;
    request->only = NULL;
    request->cookies = 0;
    must(wafer_frozen(request->session));
    life_check_nothing(request);
}

void life_add_cookie(struct request *request, struct fuzz_input *input)
{
    const struct browser *browser = choose_browser(input);
    wafer_result result = wafer_field(request->session, browser->cookie, browser->length);

    must((result == WAFER_MISUSE) == (request->phase != BEGUN));
    if (request->phase == BEGUN && browser->length > 0)
        request->only = request->cookies++ == 0 ? browser : NULL;
}

void life_lose_fields(struct request *request, struct fuzz_input *input)
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
        life_check_valid(request);
    else
        life_check_nothing(request);
    if (verdict == WAFER_FUTURE || verdict == WAFER_UNCHECKED)
        must(wafer_frozen(request->session));
}

void life_open(struct request *request, struct fuzz_input *input)
{
    (void)input;
    check_opened(request, wafer_open(request->session));
}

void life_open_token(struct request *request, struct fuzz_input *input)
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
        if (life.requests[i].only == browser)
            life.requests[i].only = NULL;
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

void life_finish(struct request *request, struct fuzz_input *input)
{
    uint8_t choice = take_byte(input);
    struct browser *browser = (choice >> 1) % (BROWSERS + 1) < BROWSERS
                                  ? &life.browsers[(choice >> 1) % (BROWSERS + 1)]
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

void life_seal(struct request *request, struct fuzz_input *input)
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

void life_end(struct request *request, struct fuzz_input *input)
{
    (void)input;
    wafer_end(request->session);
    request->phase = ENDED;
    must(wafer_open(request->session) == WAFER_UNCHECKED);
    must(wafer_recheck(request->session) == WAFER_UNCHECKED);
    must(wafer_frozen(request->session) && wafer_owed(request->session) == 0);
    life_check_nothing(request);
}
