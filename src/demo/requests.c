/* What libmicrohttpd calls: a request begins, brings its body, is answered, is over. */
#include "demo.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A body that is too large is read to here, so that the client gets to see the answer. */
#define DRAIN_MAX 1048576

/* ---- the answer ------------------------------------------------------------------- */

static bool answer_start(struct demo_answer *answer)
{
    *answer = (struct demo_answer){.status = MHD_HTTP_OK,
                                   .type = "text/html; charset=utf-8",
                                   .forgiven = WAFER_OK};
    answer->page = open_memstream(&answer->text, &answer->length);
    return answer->page != NULL;
}

static bool add_fields(struct MHD_Response *response, const struct demo_answer *answer)
{
    const char *const fields[][2] =
        {{"Content-Type", answer->type},
         {"X-Content-Type-Options", "nosniff"},
         {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; "
                                     "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
         {"Location", answer->location},
         {"Allow", answer->allow},
         {"Retry-After", answer->status == MHD_HTTP_SERVICE_UNAVAILABLE ? "30" : NULL}};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i][1] != NULL &&
            MHD_add_response_header(response, fields[i][0], fields[i][1]) != MHD_YES)
            return false;
    return true;
}

/* Turns the page into a response, which then owns the text. NULL without memory. */
static struct MHD_Response *answer_end(struct demo_answer *answer)
{
    bool written = ferror(answer->page) == 0;
    struct MHD_Response *response = NULL;

    written = fclose(answer->page) == 0 && written;
    if (written)
        response = MHD_create_response_from_buffer(answer->length, answer->text,
                                                   MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(answer->text);
        return NULL;
    }
    if (add_fields(response, answer))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

/* Finishes the session into the response. False if the page promises what did not happen. */
static bool finish(const struct demo_request *request, const struct demo_answer *answer,
                   struct MHD_Response *response, wafer_result *result)
{
    *result = request->opened ? wafer_mhd_finish(request->session, response) : WAFER_OK;
    return *result == WAFER_OK || *result == answer->forgiven;
}

static enum MHD_Result send_answer(const struct demo_request *request,
                                   struct MHD_Connection *connection, struct demo_answer *answer)
{
    struct MHD_Response *response = answer_end(answer);
    enum MHD_Result queued;
    wafer_result result;

    if (response == NULL)
        return MHD_NO;
    if (!finish(request, answer, response, &result)) {
        MHD_destroy_response(response);
        if (!answer_start(answer))
            return MHD_NO;
        demo_page_failure(answer, request->session, result);
        response = answer_end(answer);
        if (response == NULL)
            return MHD_NO;
        if (!finish(request, answer, response, &result)) {
            MHD_destroy_response(response);
            return MHD_NO;
        }
    }
    queued = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- what the answer is ------------------------------------------------------------ */

/* False, with the answer filled, when the session cannot be used. */
static bool open_session(struct demo_request *request, struct MHD_Connection *connection,
                         struct demo_answer *answer)
{
    request->verdict = wafer_mhd_open(request->session, connection);
    request->opened = true;
    if (!wafer_frozen(request->session))
        return true;
    if (request->verdict == WAFER_FUTURE)
        demo_page_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "A clock is wrong",
                        "The session was sealed in the future, so the clock of this server is or "
                        "was wrong. Try again later; nothing was lost.");
    else if (request->verdict == WAFER_UNCHECKED)
        demo_page_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "The session cannot be checked",
                        "The list of sessions that were signed out cannot be read. Try again "
                        "later; nothing was lost.");
    else
        demo_page_error(answer, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "Too many cookies",
                        "The request carried more cookies than a session is looked for among. "
                        "Delete this site's cookies and try again.");
    return false;
}

static bool csrf_is_right(const struct demo_request *request)
{
    char csrf[DEMO_BODY_MAX + 1];
    size_t length;

    return demo_form_field(request->body, request->received, "csrf", csrf, &length) ==
               DEMO_FIELD_FOUND &&
           wafer_csrf_check(request->session, csrf, length);
}

static void choose(struct demo_request *request, struct MHD_Connection *connection,
                   struct demo_answer *answer)
{
    if (request->route == NULL) {
        demo_page_error(answer, MHD_HTTP_NOT_FOUND, "There is no such page",
                        "This server has / and /whoami and /csrf, and forms that go to /login, "
                        "/set, /logout and /logout-everywhere.");
    } else if (!request->allowed) {
        demo_page_error(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "Not with this method",
                        request->route->post ? "This path takes POST, from the forms on /."
                                             : "This path takes GET and HEAD.");
        answer->allow = request->route->post ? "POST" : "GET, HEAD";
    } else if (request->received > DEMO_BODY_MAX) {
        demo_page_error(answer, MHD_HTTP_CONTENT_TOO_LARGE, "The form is too large",
                        "A form may have 4096 bytes. Send a shorter one.");
    } else if (request->received > 0 && !request->form) {
        demo_page_error(answer, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Not a form",
                        "Send application/x-www-form-urlencoded, as curl -d does.");
    } else if (open_session(request, connection, answer)) {
        if (request->route->post && !csrf_is_right(request))
            demo_page_error(answer, MHD_HTTP_FORBIDDEN, "The form is not of this session",
                            "Its csrf field is missing, or you signed in or out since the page was "
                            "loaded. Go back to /, reload, and send the form again; with curl, "
                            "take a fresh CSRF token from /csrf.");
        else
            request->route->answer(request, answer);
    }
}

static enum MHD_Result answer_request(struct demo_request *request,
                                      struct MHD_Connection *connection)
{
    struct demo_answer answer;

    if (!answer_start(&answer))
        return MHD_NO;
    choose(request, connection, &answer);
    return send_answer(request, connection, &answer);
}

/* ---- the life of a request ---------------------------------------------------------- */

static bool is_form(struct MHD_Connection *connection)
{
    static const char urlencoded[] = "application/x-www-form-urlencoded";
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");

    return type != NULL && strncasecmp(type, urlencoded, sizeof urlencoded - 1) == 0 &&
           strchr("; \t", type[sizeof urlencoded - 1]) != NULL;
}

/* What the client says the body will have; 0 when it does not say. */
static unsigned long long announced(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

    return length != NULL ? strtoull(length, NULL, 10) : 0;
}

static enum MHD_Result start(const struct demo_server *server, struct MHD_Connection *connection,
                             const char *url, const char *method, void **context)
{
    struct demo_request *request = calloc(1, sizeof *request);

    if (request == NULL || wafer_session_new(server->manager, &request->session) != WAFER_OK) {
        free(request);
        return MHD_NO;
    }
    *context = request;
    request->head = strcmp(method, "HEAD") == 0;
    request->form = is_form(connection);
    request->route = demo_route_find(url);
    if (request->route != NULL && request->route->post)
        request->allowed = strcmp(method, "POST") == 0;
    else
        request->allowed = request->head || strcmp(method, "GET") == 0;
    if (announced(connection) <= DRAIN_MAX)
        return MHD_YES;
    request->received = SIZE_MAX;
    return answer_request(request, connection);
}

static enum MHD_Result take_body(struct demo_request *request, const char *upload, size_t size)
{
    if (size > DRAIN_MAX - request->received)
        return MHD_NO;
    if (request->received + size <= DEMO_BODY_MAX)
        memcpy(request->body + request->received, upload, size);
    request->received += size;
    return MHD_YES;
}

enum MHD_Result demo_handle(void *server, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **context)
{
    size_t size = *upload_size;

    (void)version;
    if (*context == NULL)
        return start(server, connection, url, method, context);
    if (size == 0)
        return answer_request(*context, connection);
    *upload_size = 0;
    return take_body(*context, upload, size);
}

void demo_completed(void *server, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode why)
{
    struct demo_request *request = *context;

    (void)server;
    (void)connection;
    (void)why;
    if (request == NULL)
        return;
    wafer_session_free(request->session);
    free(request);
    *context = NULL;
}
