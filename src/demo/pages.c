/* What all pages have, and those that say what went wrong. */
#include "demo.h"

#include <string.h>
#include <strings.h>

#include "../option/terminal_text.h"
#include "words.h"

struct demo_values *demo_page_values(const struct demo_request *request, const char *title)
{
    const struct demo_server *server = request->server;
    struct demo_values *values = demo_values_new();
    bool of_operator = request->account == &server->accounts[DEMO_OPERATOR];

    demo_put(values, "title", title);
    demo_put(values, "base", request->account->base);
    /* Where the links to an account's pages lead from the operator's. */
    demo_put(values, "account_base", of_operator ? "" : request->account->base);
    demo_put_format(values, "back", "%s%s", request->account->base, of_operator ? "" : "/");
    demo_put(values, "csrf", request->csrf);
    demo_put(values, "version", wafer_version());
    demo_put_flag(values, "tls", server->options.tls_certificate != NULL);
    demo_accounts_show(values, server, request->account, request->connection);
    return values;
}

void demo_page_write(struct demo_answer *answer, const char *file, struct demo_values *values)
{
    if (!demo_render(answer->page, file, values))
        answer->failed = true;
    demo_values_free(values);
}

void demo_page_error(const struct demo_request *request, struct demo_answer *answer,
                     unsigned status, const char *heading, const char *advice)
{
    struct demo_values *values = demo_page_values(request, heading);

    answer->status = status;
    demo_put(values, "heading", heading);
    demo_put(values, "advice", advice);
    demo_put_format(values, "status", "%u", status);
    demo_page_write(answer, "error.html", values);
}

void demo_page_failure(const struct demo_request *request, struct demo_answer *answer,
                       wafer_result result)
{
    char advice[240];
    size_t limit = 0;

    answer->forgiven = result;
    switch (result) {
    case WAFER_TOO_LARGE:
        wafer_line_size(request->session, NULL, &limit);
        snprintf(advice, sizeof advice,
                 "With this the cookie would be larger than the %zu bytes it may have, or hold "
                 "more than %d variables. Nothing was changed, and nothing was cut off. Go back "
                 "and keep less.",
                 limit, WAFER_VARIABLES_MAX);
        demo_page_error(request, answer, MHD_HTTP_BAD_REQUEST, "Too large for a cookie", advice);
        break;
    case WAFER_INVALID:
        demo_page_error(request, answer, MHD_HTTP_BAD_REQUEST, "This is no text",
                        "It must be UTF-8 without NUL. Go back and change it.");
        break;
    case WAFER_MISUSE:
        demo_page_error(request, answer, MHD_HTTP_INTERNAL_SERVER_ERROR, "A bug in this server",
                        "It used its session library wrongly. Please report it.");
        break;
    default:
        snprintf(advice, sizeof advice, "The server could not do it (%s). Try again later.",
                 wafer_result_text(result));
        demo_page_error(request, answer, MHD_HTTP_SERVICE_UNAVAILABLE, "Not now", advice);
    }
}

/* ---- for programs ------------------------------------------------------------------------ */

static void write_fact(FILE *out, const char *name, const char *value, size_t length)
{
    fprintf(out, "%s: ", name);
    terminal_text_write(out, value, length);
    fputc('\n', out);
}

static void write_time(FILE *out, const char *name, bool known, int64_t at_ms)
{
    char text[DEMO_DATE_MAX] = "";

    if (known)
        demo_date(text, at_ms);
    write_fact(out, name, text, strlen(text));
}

void demo_whoami_show(struct demo_request *request, struct demo_answer *answer)
{
    wafer_session *session = request->session;
    char hex[2 * WAFER_ID_SIZE + 1] = "";
    uint8_t id[WAFER_ID_SIZE];
    FILE *out = answer->page;
    int64_t visits = 0;
    int64_t at_ms = 0;
    size_t length = 0;
    const char *text = wafer_subject(session, &length);
    bool known;

    answer->type = "text/plain; charset=utf-8";
    write_fact(out, "subject", text != NULL ? text : "", length);
    if (wafer_id(session, id))
        demo_hex(hex, id, sizeof id);
    write_fact(out, "id", hex, strlen(hex));
    text = wafer_verdict_text(request->verdict);
    write_fact(out, "verdict", text, strlen(text));
    text = wafer_explain(session);
    write_fact(out, "explain", text, strlen(text));
    wafer_get_integer(session, "visits", &visits);
    fprintf(out, "visits: %lld\n", (long long)visits);
    length = 0;
    text = wafer_get_text(session, "note", &length);
    write_fact(out, "note", text != NULL ? text : "", length);
    known = wafer_expires_at(session, &at_ms);
    write_time(out, "expires", known, at_ms);
    known = wafer_idle_at(session, &at_ms);
    write_time(out, "idle-until", known, at_ms);
}

/* ---- for several pages -------------------------------------------------------------------- */

static void put_variable(struct demo_values *row, const wafer_variable *variable)
{
    demo_put_slice(row, "name", variable->name, variable->name_length);
    switch (variable->type) {
    case WAFER_INTEGER:
        demo_put(row, "type", "integer");
        demo_put_flag(row, "is_integer", true);
        demo_put_format(row, "value", "%lld", (long long)variable->integer);
        break;
    case WAFER_BOOLEAN:
        demo_put(row, "type", "boolean");
        demo_put_flag(row, "is_boolean", true);
        demo_put(row, "value", variable->boolean ? "true" : "false");
        demo_put_flag(row, "is_true", variable->boolean);
        break;
    case WAFER_TEXT:
        demo_put(row, "type", "text");
        demo_put_flag(row, "is_text", true);
        demo_put_slice(row, "value", variable->data, variable->length);
        break;
    default:
        demo_put(row, "type", "bytes");
        demo_put_flag(row, "is_bytes", true);
        demo_put_hex(row, "value", variable->data, variable->length);
    }
}

void demo_put_variables(struct demo_values *values, const wafer_session *session)
{
    wafer_variable variable;
    size_t cursor = 0;

    while (wafer_next(session, &cursor, &variable))
        put_variable(demo_add_row(values, "variables"), &variable);
    demo_put_format(values, "count", "%zu", cursor);
}

void demo_reasons(struct demo_values *values, const char *list, unsigned owed)
{
    static const struct {
        unsigned bit;
        const char *words;
    } reasons[] = {
        {WAFER_OWED_LOGIN, "Somebody signed in: a new session with a new id began."},
        {WAFER_OWED_LOGOUT, "Somebody signed out: the browser is told to delete the cookie."},
        {WAFER_OWED_CHANGED, "A variable changed."},
        {WAFER_OWED_EXPIRY, "The session was given an end of its own."},
        {WAFER_OWED_RENEWAL, "Older copies of the cookie were retired."},
        {WAFER_OWED_CSRF, "The forms needed a CSRF token, and the session had no cookie yet."},
        {WAFER_OWED_REFRESH, "The idle limit was put off, as the session is in use."},
        {WAFER_OWED_OLD_KEY, "The cookie came under a key that seals no more; it was sealed anew."},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if ((owed & reasons[i].bit) != 0)
            demo_put(demo_add_row(values, list), "reason", reasons[i].words);
}

struct lines {
    void (*take)(void *context, const char *line, size_t length);
    void *context;
};

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   size_t name_length, const char *value, size_t value_length)
{
    const struct lines *lines = context;

    (void)kind;
    if (name_length == strlen("cookie") && strncasecmp(name, "cookie", name_length) == 0 &&
        value != NULL)
        lines->take(lines->context, value, value_length);
    return MHD_YES;
}

void demo_each_cookie_line(struct MHD_Connection *connection,
                           void (*take)(void *context, const char *line, size_t length),
                           void *context)
{
    struct lines lines = {take, context};

    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, take_header, &lines);
}
