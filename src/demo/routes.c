/* Which path does what with the session. Every function here finds a session that is open and may
 * be changed; those for POST also find that the form came from a page of this very session. */
#include "demo.h"

#include <string.h>

static void go_home(struct demo_answer *answer)
{
    answer->status = MHD_HTTP_SEE_OTHER;
    answer->type = "text/plain; charset=utf-8";
    answer->location = "/";
    fputs("Done; see /\n", answer->page);
}

/* Reads a field of the form. False with the answer filled. */
static bool read_field(const struct demo_request *request, struct demo_answer *answer,
                       const char *name, char value[DEMO_BODY_MAX + 1], size_t *length)
{
    enum demo_field found = demo_form_field(request->body, request->received, name, value, length);

    if (found == DEMO_FIELD_FOUND)
        return true;
    demo_page_error(answer, MHD_HTTP_BAD_REQUEST, "The form is not complete",
                    found == DEMO_FIELD_ABSENT
                        ? "A field is missing: /login takes user, /set takes value."
                        : "A field is not urlencoded: % must be followed by two hex digits.");
    return false;
}

static void home(struct demo_request *request, struct demo_answer *answer)
{
    char csrf[WAFER_CSRF_LENGTH + 1];
    wafer_result counted = WAFER_OK;
    wafer_result result;
    int64_t visits = 0;

    wafer_get_integer(request->session, "visits", &visits);
    if (!request->head && visits < INT64_MAX)
        counted = wafer_put_integer(request->session, "visits", visits + 1);
    result = wafer_csrf_token(request->session, csrf);
    if (result != WAFER_OK) {
        demo_page_failure(answer, request->session, result);
        return;
    }
    /* A full cookie is no reason to withhold the form that can empty it; the page tells. */
    if (counted == WAFER_TOO_LARGE)
        answer->forgiven = counted;
    demo_page_home(answer, request->session, request->verdict, counted, csrf);
}

static void whoami(struct demo_request *request, struct demo_answer *answer)
{
    demo_page_whoami(answer, request->session, request->verdict);
}

static void csrf(struct demo_request *request, struct demo_answer *answer)
{
    char csrf[WAFER_CSRF_LENGTH + 1];
    wafer_result result = wafer_csrf_token(request->session, csrf);

    if (result != WAFER_OK) {
        demo_page_failure(answer, request->session, result);
        return;
    }
    answer->type = "text/plain; charset=utf-8";
    fprintf(answer->page, "%s\n", csrf);
}

static void login(struct demo_request *request, struct demo_answer *answer)
{
    /* The note is not kept: whoever had the browser before could have left it for the next. */
    static const char *const keep[] = {"visits"};
    char user[DEMO_BODY_MAX + 1];
    size_t length;
    wafer_result result;

    if (!read_field(request, answer, "user", user, &length))
        return;
    result = wafer_login(request->session, user, length, keep, 1);
    if (result == WAFER_INVALID)
        demo_page_error(answer, MHD_HTTP_BAD_REQUEST, "This is no user name",
                        "A name has 1 to 255 bytes of UTF-8 text. Go back and choose another.");
    else if (result != WAFER_OK)
        demo_page_failure(answer, request->session, result);
    else
        go_home(answer);
}

static void set(struct demo_request *request, struct demo_answer *answer)
{
    char value[DEMO_BODY_MAX + 1];
    size_t length;
    wafer_result result;

    if (!read_field(request, answer, "value", value, &length))
        return;
    result = length > 0 ? wafer_put_text_slice(request->session, "note", value, length)
                        : wafer_remove(request->session, "note");
    if (result == WAFER_OK)
        go_home(answer);
    else
        demo_page_failure(answer, request->session, result);
}

static void signed_out(struct demo_answer *answer, wafer_result result)
{
    if (result == WAFER_OK)
        go_home(answer);
    else if (result == WAFER_QUEUED)
        demo_page_error(answer, MHD_HTTP_OK, "Signed out here",
                        "Other machines cannot be reached now; they will follow by themselves.");
    else
        demo_page_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "Signed out in this browser only",
                        "The server could not note it down, so copies of the cookie are still "
                        "good until they expire. Tell whoever runs this server.");
}

static void logout(struct demo_request *request, struct demo_answer *answer)
{
    signed_out(answer, wafer_logout(request->session));
}

static void logout_everywhere(struct demo_request *request, struct demo_answer *answer)
{
    signed_out(answer, wafer_logout_everywhere(request->session));
}

const struct demo_route *demo_route_find(const char *path)
{
    static const struct demo_route routes[] = {{"/", false, home},
                                               {"/whoami", false, whoami},
                                               {"/csrf", false, csrf},
                                               {"/login", true, login},
                                               {"/set", true, set},
                                               {"/logout", true, logout},
                                               {"/logout-everywhere", true, logout_everywhere}};

    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return NULL;
}
