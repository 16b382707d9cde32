/* What the examples serve: paths, and what each does with the session. */
#include "application.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "process.h"

#define SLOW_WORK 50000000 /* nanoseconds */

static bool is(struct slice slice, const char *text)
{
    return slice.length == strlen(text) && strncmp(slice.bytes, text, slice.length) == 0;
}

/* ---- Answers ------------------------------------------------------------------------ */

static void __attribute__((format(printf, 2, 3))) say(struct answer *answer, const char *form, ...)
{
    size_t room = sizeof answer->text - answer->length;
    va_list arguments;
    int length;

    va_start(arguments, form);
    length = vsnprintf(answer->text + answer->length, room, form, arguments);
    va_end(arguments);
    /* Room is for the largest of everything; a line that does not fit is left out whole. */
    if (length > 0 && (size_t)length < room)
        answer->length += (size_t)length;
}

static void refuse(struct answer *answer, unsigned status, const char *why)
{
    answer->status = status;
    answer->length = 0;
    say(answer, "%s\n", why);
}

void application_finished(struct answer *answer, wafer_result finished)
{
    static const struct {
        wafer_result result;
        unsigned status;
    } statuses[] = {{WAFER_INVALID, 400},
                    {WAFER_TOO_LARGE, 413},
                    {WAFER_LIST_FULL, 503},
                    {WAFER_UNAVAILABLE, 503}};
    unsigned status = 500;

    if (finished == WAFER_OK || finished == WAFER_QUEUED)
        return;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].result == finished)
            status = statuses[i].status;
    refuse(answer, status, wafer_result_text(finished));
}

const char *application_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {413, "Content Too Large"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"}};

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Internal Server Error";
}

/* ---- Paths --------------------------------------------------------------------------- */

struct call {
    struct application *application;
    wafer_session *session;
    wafer_verdict verdict;
    struct slice body;
    struct answer *answer;
};

static void plain(const struct call *call)
{
    say(call->answer, "no session\n");
}

static void sessions(const struct call *call)
{
    say(call->answer, "%zu\n", process_sessions(call->application));
}

static void whoami(const struct call *call)
{
    const wafer_session *session = call->session;
    const char *subject = wafer_subject(session, NULL);
    const char *note = wafer_get_text(session, "note", NULL);
    int64_t visits = 0;

    wafer_get_integer(session, "visits", &visits);
    say(call->answer, "verdict: %s\n", wafer_verdict_text(call->verdict));
    say(call->answer, "subject: %s\n", subject != NULL ? subject : "");
    say(call->answer, "visits: %" PRId64 "\n", visits);
    say(call->answer, "frozen: %s\n", wafer_frozen(session) ? "yes" : "no");
    say(call->answer, "note: %s\n", note != NULL ? note : "");
    say(call->answer, "explain: %s\n", wafer_explain(call->session));
}

static void visit(const struct call *call)
{
    int64_t visits = 0;

    wafer_get_integer(call->session, "visits", &visits);
    wafer_put_integer(call->session, "visits", visits + 1);
    say(call->answer, "visits: %" PRId64 "\n", visits + 1);
}

static void login(const struct call *call)
{
    /* The session's fields must neither replace these nor be replaced by them. */
    static const struct field own[] = {{"Set-Cookie", "own=1"}, {"Vary", "Accept"}};
    wafer_result result = wafer_login(call->session, call->body.bytes, call->body.length, NULL, 0);

    application_finished(call->answer, result);
    if (result != WAFER_OK)
        return;
    call->answer->fields = own;
    call->answer->field_count = sizeof own / sizeof *own;
    say(call->answer, "welcome\n");
}

static void note(const struct call *call)
{
    /* A put that fails sticks: finishing the session returns it. */
    wafer_put_text_slice(call->session, "note", call->body.bytes, call->body.length);
    say(call->answer, "kept\n");
}

static void logout(const struct call *call)
{
    wafer_result result = wafer_logout(call->session);

    application_finished(call->answer, result);
    if (result == WAFER_OK || result == WAFER_QUEUED)
        say(call->answer, "goodbye\n");
}

static void logout_everywhere(const struct call *call)
{
    wafer_result result = wafer_logout_everywhere(call->session);

    application_finished(call->answer, result);
    if (result == WAFER_OK || result == WAFER_QUEUED)
        say(call->answer, "goodbye everywhere\n");
}

static const struct route {
    const char *path;
    const char *method;
    bool session;
    void (*answer)(const struct call *call);
} routes[] = {{"/plain", "GET", false, plain},
              {"/sessions", "GET", false, sessions},
              {"/whoami", "GET", true, whoami},
              {"/visit", "GET", true, visit},
              {"/later", "GET", true, visit},
              {"/login", "POST", true, login},
              {"/note", "POST", true, note},
              {"/logout", "POST", true, logout},
              {"/logout-everywhere", "POST", true, logout_everywhere}};

static const struct route *find(const struct request *request)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (is(request->path, routes[i].path))
            return &routes[i];
    return NULL;
}

bool application_needs_session(const struct request *request)
{
    const struct route *route = find(request);

    return route != NULL && route->session && is(request->method, route->method);
}

bool application_is_later(const struct request *request)
{
    return is(request->path, "/later") && is(request->method, "GET");
}

void application_answer(struct application *application, wafer_session *session,
                        wafer_verdict verdict, const struct request *request, struct answer *answer)
{
    const struct route *route = find(request);
    struct call call = {application, session, verdict, request->body, answer};

    answer->status = 200;
    answer->length = 0;
    answer->fields = NULL;
    answer->field_count = 0;
    if (route == NULL)
        refuse(answer, 404, "no such path");
    else if (!is(request->method, route->method))
        refuse(answer, 405, "not with this method");
    else if (request->body.length > APPLICATION_BODY_MAX)
        refuse(answer, 413, "a body may have 4096 bytes");
    else if (verdict == WAFER_FUTURE || verdict == WAFER_UNCHECKED)
        refuse(answer, 503, wafer_verdict_text(verdict));
    else
        route->answer(&call);
}

void application_answer_slowly(struct application *application, wafer_session *session,
                               wafer_verdict verdict, const struct request *request,
                               struct answer *answer)
{
    nanosleep(&(struct timespec){.tv_nsec = SLOW_WORK}, NULL);
    application_answer(application, session, verdict, request, answer);
}
