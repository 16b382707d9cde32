/* The answer to a request: the session is opened, the route changes it, it is finished, and then
 * the page is made, so that the page can tell what goes out. */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

static const char content_security_policy[] =
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'";

/* ---- what the answer is ------------------------------------------------------------ */

static bool answer_start(struct demo_answer *answer)
{
    *answer = (struct demo_answer){.status = MHD_HTTP_OK,
                                   .type = "text/html; charset=utf-8",
                                   .forgiven = WAFER_OK};
    answer->page = open_memstream(&answer->text, &answer->length);
    return answer->page != NULL;
}

static void answer_discard(struct demo_answer *answer)
{
    fclose(answer->page);
    free(answer->text);
}

/* False, with the answer filled, when the session cannot be used. */
static bool open_session(struct demo_request *request, struct demo_answer *answer)
{
    request->verdict = wafer_mhd_open(request->session, request->connection);
    request->opened = true;
    if (!wafer_frozen(request->session) || request->route->even_frozen)
        return true;
    if (request->verdict == WAFER_FUTURE)
        demo_page_error(request, answer, MHD_HTTP_SERVICE_UNAVAILABLE, "A clock is wrong",
                        "The session was sealed in the future, so the clock of this server is or "
                        "was wrong. Try again later; nothing was lost.");
    else if (request->verdict == WAFER_UNCHECKED)
        demo_page_error(request, answer, MHD_HTTP_SERVICE_UNAVAILABLE,
                        "The session cannot be checked",
                        "The list of sessions that were signed out cannot be read. Try again "
                        "later; nothing was lost.");
    else
        demo_page_error(request, answer, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                        "Too many cookies",
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

static void use_session(struct demo_request *request, struct demo_answer *answer)
{
    const struct demo_route *route = request->route;

    if (!open_session(request, answer))
        return;
    if (route->post && !csrf_is_right(request))
        demo_page_error(request, answer, MHD_HTTP_FORBIDDEN, "The form is not of this session",
                        "Its csrf field is missing, or you signed in or out since the page was "
                        "loaded. Go back, reload the page, and send the form again; with curl, "
                        "take a fresh CSRF token from /csrf.");
    else if (route->operator_only && wafer_subject(request->session, NULL) == NULL)
        demo_page_error(request, answer, MHD_HTTP_FORBIDDEN, "This is for the operator",
                        "Sign in on the operator's page first.");
    else if (route->act != NULL)
        route->act(request, answer);
}

static bool refuse(const struct demo_request *request, struct demo_answer *answer)
{
    if (request->route == NULL) {
        demo_page_error(request, answer, MHD_HTTP_NOT_FOUND, "There is no such page",
                        "This server has / and /token and /cookies, the same below /2 and /3, and "
                        "/operator; and for programs /whoami and /csrf.");
    } else if (!request->allowed) {
        demo_page_error(request, answer, MHD_HTTP_METHOD_NOT_ALLOWED, "Not with this method",
                        request->route->post ? "This path takes POST, from the forms of a page."
                                             : "This path takes GET and HEAD.");
        answer->allow = request->route->post ? "POST" : "GET, HEAD";
    } else if (request->received > DEMO_BODY_MAX) {
        demo_page_error(request, answer, MHD_HTTP_CONTENT_TOO_LARGE, "The form is too large",
                        "A form may have 4096 bytes. Send a shorter one.");
    } else if (request->received > 0 && !request->form) {
        demo_page_error(request, answer, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Not a form",
                        "Send application/x-www-form-urlencoded, as curl -d does.");
    } else {
        return false;
    }
    return true;
}

static bool is_file(const struct demo_request *request)
{
    return request->route != NULL && request->route->type != NULL;
}

static void send_file(const struct demo_request *request, struct demo_answer *answer)
{
    const struct demo_file *file = demo_file_find(request->route->path + 1);

    answer->type = request->route->type;
    if (file != NULL)
        fwrite(file->bytes, 1, file->size, answer->page);
    else
        answer->failed = true;
}

/* ---- what goes out with it ------------------------------------------------------------- */

static wafer_result finish_session(struct demo_request *request)
{
    const wafer_header *headers = NULL;
    size_t count = 0;
    wafer_result result;

    if (!request->opened)
        return WAFER_OK;
    result = wafer_finish(request->session, &headers, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i].name, "Set-Cookie") == 0)
            request->set_cookie = headers[i].value;
    return result;
}

/* Back to the account's page, which tells why a cookie went out with the answer to the form. */
static void redirect_home(const struct demo_request *request, struct demo_answer *answer)
{
    unsigned owed = wafer_owed(request->session);
    size_t size = sizeof answer->location;

    answer->status = MHD_HTTP_SEE_OTHER;
    answer->type = "text/plain; charset=utf-8";
    if (owed != 0)
        snprintf(answer->location, size, "%s/?sent=%u", request->account->base, owed);
    else
        snprintf(answer->location, size, "%s/", request->account->base);
    fprintf(answer->page, "Done; see %s/\n", request->account->base);
}

static void make_page(struct demo_request *request, struct demo_answer *answer)
{
    bool empty = fflush(answer->page) == 0 && answer->length == 0;

    if (answer->home)
        redirect_home(request, answer);
    else if (empty && request->opened && request->route->show != NULL)
        request->route->show(request, answer);
}

/* False without memory. */
static bool make_answer(struct demo_request *request, struct demo_answer *answer)
{
    wafer_result result;

    if (!answer_start(answer))
        return false;
    if (!refuse(request, answer)) {
        if (is_file(request))
            send_file(request, answer);
        else
            use_session(request, answer);
    }
    result = finish_session(request);
    if (result == WAFER_OK || result == answer->forgiven) {
        make_page(request, answer);
        return true;
    }
    answer_discard(answer);
    if (!answer_start(answer))
        return false;
    demo_page_failure(request, answer, result);
    return true;
}

/* ---- sending it --------------------------------------------------------------------- */

static const char *cache_control(const struct demo_request *request)
{
    if (is_file(request))
        return "no-cache";
    return request->set_cookie == NULL ? "no-store" : NULL; /* with a cookie, wafer says so */
}

static bool add_fields(struct MHD_Response *response, const struct demo_request *request,
                       const struct demo_answer *answer)
{
    bool wait = answer->status == MHD_HTTP_SERVICE_UNAVAILABLE ||
                answer->status == MHD_HTTP_TOO_MANY_REQUESTS;
    const char *const fields[][2] = {
        {"Content-Type", answer->type},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", content_security_policy},
        {"Referrer-Policy", "no-referrer"},
        {"Cache-Control", cache_control(request)},
        {"Location", answer->location[0] != '\0' ? answer->location : NULL},
        {"Allow", answer->allow},
        {"Retry-After", wait ? "30" : NULL},
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i][1] != NULL &&
            MHD_add_response_header(response, fields[i][0], fields[i][1]) != MHD_YES)
            return false;
    return true;
}

/* Turns the page into a response, which then owns the text. NULL without memory. */
static struct MHD_Response *respond(const struct demo_request *request, struct demo_answer *answer)
{
    bool written = !answer->failed && ferror(answer->page) == 0;
    struct MHD_Response *response = NULL;

    written = fclose(answer->page) == 0 && written;
    if (written)
        response = MHD_create_response_from_buffer(answer->length, answer->text,
                                                   MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(answer->text);
        return NULL;
    }
    if (add_fields(response, request, answer))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

enum MHD_Result demo_answer_request(struct demo_request *request)
{
    struct demo_answer answer;
    struct MHD_Response *response;
    wafer_result result = WAFER_OK;
    enum MHD_Result queued = MHD_NO;

    if (!make_answer(request, &answer))
        return MHD_NO;
    response = respond(request, &answer);
    if (response == NULL)
        return MHD_NO;
    if (request->opened)
        result = wafer_mhd_finish(request->session, response);
    if (result == WAFER_OK || result == answer.forgiven)
        queued = MHD_queue_response(request->connection, answer.status, response);
    MHD_destroy_response(response);
    return queued;
}
