/* What the pages and forms of an account do with its session. */
#include "demo.h"

#include <string.h>

#include "words.h"

bool demo_prepare_forms(struct demo_request *request, struct demo_answer *answer)
{
    wafer_result result = wafer_csrf_token(request->session, request->csrf);

    if (result != WAFER_OK)
        demo_page_failure(request, answer, result);
    return result == WAFER_OK;
}

void demo_home_act(struct demo_request *request, struct demo_answer *answer)
{
    wafer_result counted = WAFER_OK;
    int64_t visits = 0;

    wafer_get_integer(request->session, "visits", &visits);
    if (!request->head && visits < INT64_MAX)
        counted = wafer_put_integer(request->session, "visits", visits + 1);
    /* A full cookie is no reason to withhold the form that can empty it; the page tells. */
    if (counted == WAFER_TOO_LARGE)
        answer->forgiven = counted;
    request->uncounted = counted == WAFER_TOO_LARGE;
    demo_prepare_forms(request, answer);
}

void demo_csrf_act(struct demo_request *request, struct demo_answer *answer)
{
    demo_prepare_forms(request, answer);
}

void demo_csrf_show(struct demo_request *request, struct demo_answer *answer)
{
    answer->type = "text/plain; charset=utf-8";
    fprintf(answer->page, "%s\n", request->csrf);
}

/* ---- variables ------------------------------------------------------------------------ */

static void go_home(struct demo_request *request, struct demo_answer *answer, wafer_result result)
{
    if (result == WAFER_OK)
        answer->home = true;
    else
        demo_page_failure(request, answer, result);
}

void demo_set_act(struct demo_request *request, struct demo_answer *answer)
{
    char value[DEMO_BODY_MAX + 1];
    size_t length;

    if (!demo_read_field(request, answer, "value", value, &length))
        return;
    go_home(request, answer,
            length > 0 ? wafer_put_text_slice(request->session, "note", value, length)
                       : wafer_remove(request->session, "note"));
}

/* Browsers end the lines of a text with CR LF, whatever it had. */
static size_t end_lines_with_lf(char *text, size_t length)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++)
        if (text[i] != '\r' || i + 1 == length || text[i + 1] != '\n')
            text[used++] = text[i];
    text[used] = '\0';
    return used;
}

/* What came may hold NULs, so that only its beginning is the word. */
static bool is(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && strcmp(text, word) == 0;
}

static wafer_result put_bytes(wafer_session *session, const char *name, const char *hex,
                              size_t length)
{
    uint8_t bytes[DEMO_BODY_MAX / 2];

    if (!demo_hex_read(hex, length, bytes, length / 2))
        return WAFER_INVALID;
    return wafer_put_bytes(session, name, bytes, length / 2);
}

static wafer_result put(wafer_session *session, const char *name, const char *type, char *value,
                        size_t length)
{
    int64_t number;

    if (strcmp(type, "text") == 0)
        return wafer_put_text_slice(session, name, value, end_lines_with_lf(value, length));
    if (strcmp(type, "integer") == 0 && demo_read_integer(value, length, &number))
        return wafer_put_integer(session, name, number);
    if (strcmp(type, "boolean") == 0 && (is(value, length, "true") || is(value, length, "false")))
        return wafer_put_boolean(session, name, value[0] == 't');
    if (strcmp(type, "bytes") == 0)
        return put_bytes(session, name, value, length);
    return WAFER_INVALID;
}

/* Reads the name of a variable. Without controls, as a page cannot show them to send them back. */
static bool read_name(const struct demo_request *request, struct demo_answer *answer,
                      char name[DEMO_BODY_MAX + 1])
{
    size_t length;
    bool good;

    if (!demo_read_field(request, answer, "name", name, &length))
        return false;
    good = length > 0 && length <= WAFER_NAME_MAX;
    for (size_t i = 0; i < length; i++)
        good = good && (unsigned char)name[i] >= 0x20 && name[i] != 0x7f;
    if (!good)
        demo_page_error(request, answer, MHD_HTTP_BAD_REQUEST, "This is no name for a variable",
                        "A name has 1 to 255 bytes of UTF-8 text without control characters. Go "
                        "back and choose another.");
    return good;
}

void demo_put_act(struct demo_request *request, struct demo_answer *answer)
{
    char name[DEMO_BODY_MAX + 1];
    char type[DEMO_BODY_MAX + 1];
    char value[DEMO_BODY_MAX + 1];
    size_t type_length;
    size_t length;
    wafer_result result;

    if (!read_name(request, answer, name) ||
        !demo_read_field(request, answer, "type", type, &type_length) ||
        !demo_read_field(request, answer, "value", value, &length))
        return;
    result = strlen(type) == type_length ? put(request->session, name, type, value, length)
                                         : WAFER_INVALID;
    if (result != WAFER_INVALID) {
        go_home(request, answer, result);
        return;
    }
    answer->forgiven = result;
    demo_page_error(
        request, answer, MHD_HTTP_BAD_REQUEST, "The value does not fit the type",
        "An integer is a whole number of 64 bits, a boolean is true or false, a text is "
        "UTF-8 without NUL, bytes are written as pairs of hex digits. Nothing was "
        "changed; go back and correct it.");
}

void demo_remove_act(struct demo_request *request, struct demo_answer *answer)
{
    char name[DEMO_BODY_MAX + 1];

    if (read_name(request, answer, name))
        go_home(request, answer, wafer_remove(request->session, name));
}

/* ---- in and out ------------------------------------------------------------------------- */

/* A field that may be absent, and is empty then. False with the answer filled. */
static bool read_optional(const struct demo_request *request, struct demo_answer *answer,
                          const char *name, char value[DEMO_BODY_MAX + 1], size_t *length)
{
    if (demo_form_field(request->body, request->received, name, value, length) != DEMO_FIELD_ABSENT)
        return demo_read_field(request, answer, name, value, length);
    *length = 0;
    return true;
}

/* How long the session is to last, and whether the browser keeps its cookie when it closes. Both
 * fields may be absent. False with the answer filled. */
static bool read_lifetime(const struct demo_request *request, struct demo_answer *answer,
                          int64_t *lasts_ms, bool *remember)
{
    int64_t most_ms = request->server->options.absolute_ms;
    char value[DEMO_BODY_MAX + 1];
    size_t length;
    int64_t seconds;

    if (!read_optional(request, answer, "remember", value, &length))
        return false;
    *remember = length > 0;
    *lasts_ms = most_ms;
    if (!read_optional(request, answer, "lasts", value, &length))
        return false;
    if (length == 0)
        return true;
    if (demo_read_integer(value, length, &seconds) && seconds >= 1 && seconds <= most_ms / 1000) {
        *lasts_ms = seconds * 1000;
        return true;
    }
    demo_page_error(request, answer, MHD_HTTP_BAD_REQUEST, "A session cannot last so long",
                    "It takes whole seconds, at least one, and at most what the server was started "
                    "with. Go back and choose another time.");
    return false;
}

void demo_login_act(struct demo_request *request, struct demo_answer *answer)
{
    /* Other variables are not kept: whoever had the browser before could have left them for the
     * next. */
    static const char *const keep[] = {"visits"};
    char user[DEMO_BODY_MAX + 1];
    size_t length;
    int64_t lasts_ms;
    bool remember;
    wafer_result result;

    if (!demo_read_field(request, answer, "user", user, &length) ||
        !read_lifetime(request, answer, &lasts_ms, &remember))
        return;
    result = wafer_login(request->session, user, length, keep, 1);
    if (result == WAFER_INVALID) {
        demo_page_error(request, answer, MHD_HTTP_BAD_REQUEST, "This is no user name",
                        "A name has 1 to 255 bytes of UTF-8 text. Go back and choose another.");
        return;
    }
    if (result == WAFER_OK && (remember || lasts_ms < request->server->options.absolute_ms))
        result = wafer_set_expiry(request->session, lasts_ms, remember);
    go_home(request, answer, result);
}

static void signed_out(struct demo_request *request, struct demo_answer *answer,
                       wafer_result result)
{
    if (result == WAFER_OK)
        answer->home = true;
    else if (result == WAFER_QUEUED)
        demo_page_error(request, answer, MHD_HTTP_OK, "Signed out here",
                        "Other machines cannot be reached now; they will follow by themselves.");
    else
        demo_page_error(request, answer, MHD_HTTP_SERVICE_UNAVAILABLE,
                        "Signed out in this browser only",
                        "The server could not note it down, so copies of the cookie are still "
                        "good until they expire. Tell whoever runs this server.");
}

void demo_logout_act(struct demo_request *request, struct demo_answer *answer)
{
    signed_out(request, answer, wafer_logout(request->session));
}

void demo_logout_everywhere_act(struct demo_request *request, struct demo_answer *answer)
{
    signed_out(request, answer, wafer_logout_everywhere(request->session));
}
