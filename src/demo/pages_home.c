/* The page of a session: who is signed in, the variables, how full the cookie is, when it ends, and
 * why it goes out. */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

#include "words.h"

#define PAIR_MAX 4096 /* name and value of a cookie, RFC 6265bis 5.7 */

static const char *what_happened(wafer_verdict verdict)
{
    switch (verdict) {
    case WAFER_VALID:
        return "This page was made from the cookie; the server keeps nothing about you.";
    case WAFER_IDLE:
        return "You were away for too long. Please sign in again.";
    case WAFER_EXPIRED:
        return "Your session has reached its end. Please sign in again.";
    case WAFER_REVOKED:
        return "This session was signed out, here or elsewhere. Please sign in again.";
    case WAFER_REJECTED:
        return "The cookie that came is not one of this server's, so a new session has begun.";
    default:
        return "No cookie came: this is your first visit, you signed out, or your browser keeps "
               "none.";
    }
}

/* ---- variables ------------------------------------------------------------------------ */

static void put_variables(struct demo_values *values, const wafer_session *session)
{
    int64_t visits = 0;

    demo_put_variables(values, session);
    demo_put_format(values, "most", "%d", WAFER_VARIABLES_MAX);
    wafer_get_integer(session, "visits", &visits);
    demo_put_format(values, "visits", "%lld", (long long)visits);
}

/* ---- the cookie ------------------------------------------------------------------------- */

/* The longest cookie of the account's name that came. */
struct came {
    const char *name;
    size_t length;
};

static void measure(void *context, const char *line, size_t length)
{
    struct came *came = context;
    size_t cursor = 0;
    wafer_pair pair;

    while (wafer_next_pair(line, length, false, &cursor, &pair))
        if (pair.name_length == strlen(came->name) &&
            strncmp(pair.name, came->name, pair.name_length) == 0 &&
            pair.name_length + pair.value_length > came->length)
            came->length = pair.name_length + pair.value_length;
}

/* Name and value, without the "=" between them: of the cookie that goes out, or else that came. */
static size_t pair_size(const struct demo_request *request)
{
    struct came came = {request->account->cookie, 0};

    if (request->set_cookie != NULL)
        return strcspn(request->set_cookie, ";") - 1;
    demo_each_cookie_line(request->connection, measure, &came);
    return came.length;
}

static void put_sizes(struct demo_values *values, const struct demo_request *request)
{
    size_t line = 0;
    size_t limit = 0;

    wafer_line_size(request->session, &line, &limit);
    demo_put_format(values, "line", "%zu",
                    request->set_cookie != NULL ? strlen(request->set_cookie) : line);
    demo_put_format(values, "line_limit", "%zu", limit);
    demo_put_format(values, "pair", "%zu", pair_size(request));
    demo_put_format(values, "pair_limit", "%d", PAIR_MAX);
}

static void put_times(struct demo_values *values, const struct demo_request *request)
{
    int64_t now_ms = demo_now_ms();
    int64_t idle_ms = request->server->options.idle_ms;
    int64_t login_at_ms = now_ms;
    int64_t at_ms;

    demo_put_format(values, "now_ms", "%lld", (long long)now_ms);
    wafer_login_at(request->session, &login_at_ms);
    if (wafer_expires_at(request->session, &at_ms)) {
        demo_put_format(values, "expires_ms", "%lld", (long long)at_ms);
        demo_put_format(values, "expires_left", "%lld", (long long)(at_ms - now_ms));
        demo_put_format(values, "expires_most", "%lld", (long long)(at_ms - login_at_ms));
        demo_put_date(values, "expires", at_ms);
        demo_put_span(values, "expires_in", at_ms - now_ms);
    }
    if (wafer_idle_at(request->session, &at_ms)) {
        demo_put_format(values, "idle_ms", "%lld", (long long)at_ms);
        demo_put_format(values, "idle_left", "%lld", (long long)(at_ms - now_ms));
        demo_put_format(values, "idle_most", "%lld", (long long)idle_ms);
        demo_put_date(values, "idle", at_ms);
        demo_put_span(values, "idle_in", at_ms - now_ms);
    }
}

/* Of the form that led here, as its redirect told, and of this page. */
static void put_reasons(struct demo_values *values, const struct demo_request *request)
{
    const char *sent = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND,
                                                   "sent");
    int64_t owed = 0;

    if (sent != NULL && demo_read_integer(sent, strlen(sent), &owed) && owed > 0 && owed < 256) {
        demo_put_flag(values, "sent", true);
        demo_reasons(values, "form_reasons", (unsigned)owed);
    }
    demo_reasons(values, "reasons", wafer_owed(request->session));
}

/* ---- the page --------------------------------------------------------------------------- */

static void put_lifetimes(struct demo_values *values, const struct demo_request *request)
{
    static const int64_t choices[] = {60, 600, 3600};
    int64_t most = request->server->options.absolute_ms / 1000;
    struct demo_values *row;

    demo_put_span(values, "longest", most * 1000);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (choices[i] < most) {
            row = demo_add_row(values, "lifetimes");
            demo_put_format(row, "seconds", "%lld", (long long)choices[i]);
            demo_put_format(row, "words", "%lld min", (long long)(choices[i] / 60));
        }
}

void demo_home_show(struct demo_request *request, struct demo_answer *answer)
{
    struct demo_values *values = demo_page_values(request, "Session");
    wafer_session *session = request->session;
    uint8_t id[WAFER_ID_SIZE];
    size_t length = 0;
    const char *subject = wafer_subject(session, &length);

    demo_put_flag(values, "on_home", true);
    demo_put_slice(values, "subject", subject != NULL ? subject : "", length);
    demo_put(values, "account", request->account->label);
    demo_put(values, "happened", what_happened(request->verdict));
    demo_put_flag(values, "uncounted", request->uncounted);
    demo_put(values, "verdict", wafer_verdict_text(request->verdict));
    demo_put(values, "explain", wafer_explain(session));
    if (wafer_id(session, id))
        demo_put_hex(values, "id", id, sizeof id);
    put_variables(values, session);
    put_sizes(values, request);
    put_times(values, request);
    put_reasons(values, request);
    put_lifetimes(values, request);
    demo_page_write(answer, "home.html", values);
}
