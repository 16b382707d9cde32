/* The texts that go out. Whatever came from a user is escaped here and nowhere else. */
#include "demo.h"

#include <string.h>
#include <time.h>

#include "../option/terminal_text.h"

/* ---- escaping --------------------------------------------------------------------- */

static void write_html(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte == '&')
            fputs("&amp;", out);
        else if (byte == '<')
            fputs("&lt;", out);
        else if (byte == '>')
            fputs("&gt;", out);
        else if (byte == '"')
            fputs("&quot;", out);
        else if (byte == '\'')
            fputs("&#39;", out);
        else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
            fputs("&#xfffd;", out); /* HTML has no way to write other controls */
        else
            fputc(byte, out);
    }
}

/* ---- what is known about a session --------------------------------------------------- */

static void write_fact(FILE *out, bool html, const char *name, const char *value, size_t length)
{
    fprintf(out, html ? "<tr><th>%s</th><td>" : "%s: ", name);
    if (html)
        write_html(out, value, length);
    else
        terminal_text_write(out, value, length);
    fputs(html ? "</td></tr>\n" : "\n", out);
}

static void write_text(FILE *out, bool html, const char *name, const char *value)
{
    write_fact(out, html, name, value, strlen(value));
}

static void write_time(FILE *out, bool html, const char *name, bool known, int64_t at_ms)
{
    char text[80] = "";
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm utc;

    if (known && gmtime_r(&seconds, &utc) != NULL)
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
    write_text(out, html, name, text);
}

static void write_facts(FILE *out, bool html, wafer_session *session, wafer_verdict verdict)
{
    char hex[2 * WAFER_ID_SIZE + 1] = "";
    uint8_t id[WAFER_ID_SIZE];
    char number[24];
    int64_t visits = 0;
    int64_t at_ms = 0;
    size_t length = 0;
    const char *text = wafer_subject(session, &length);
    bool known;

    write_fact(out, html, "subject", text != NULL ? text : "", length);
    if (wafer_id(session, id))
        for (size_t i = 0; i < sizeof id; i++)
            snprintf(hex + 2 * i, 3, "%02x", id[i]);
    write_text(out, html, "id", hex);
    write_text(out, html, "verdict", wafer_verdict_text(verdict));
    write_text(out, html, "explain", wafer_explain(session));
    wafer_get_integer(session, "visits", &visits);
    snprintf(number, sizeof number, "%lld", (long long)visits);
    write_text(out, html, "visits", number);
    length = 0;
    text = wafer_get_text(session, "note", &length);
    write_fact(out, html, "note", text != NULL ? text : "", length);
    known = wafer_expires_at(session, &at_ms);
    write_time(out, html, "expires", known, at_ms);
    known = wafer_idle_at(session, &at_ms);
    write_time(out, html, "idle-until", known, at_ms);
}

/* ---- pages ------------------------------------------------------------------------ */

static void write_head(FILE *out)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<title>Wafer demo</title>\n<style>\n"
          "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;"
          "padding:0 1rem}\n"
          "th{text-align:left;vertical-align:top;padding-right:1rem}\n"
          "td{overflow-wrap:anywhere}\n"
          "</style>\n</head>\n<body>\n",
          out);
}

/* The start of a form; whoever calls adds fields, then the end. */
static void begin_form(FILE *out, const char *path, const char *csrf)
{
    fprintf(out,
            "<form method=\"post\" action=\"%s\">\n"
            "<input type=\"hidden\" name=\"csrf\" value=\"%s\">\n",
            path, csrf);
}

static void end_form(FILE *out, const char *button)
{
    fprintf(out, "<button>%s</button>\n</form>\n", button);
}

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
        return "This is your first visit, or your browser keeps no cookies.";
    }
}

static void write_sign_in(FILE *out, const char *csrf)
{
    fputs("<h2>Sign in</h2>\n<p>There is no password: this shows sessions, so any name will do."
          "</p>\n",
          out);
    begin_form(out, "/login", csrf);
    fputs("<label>Name <input name=\"user\" maxlength=\"255\" required></label>\n", out);
    end_form(out, "Sign in");
}

static void write_note(FILE *out, const wafer_session *session, const char *csrf)
{
    size_t length = 0;
    const char *note = wafer_get_text(session, "note", &length);

    fputs("<h2>A note</h2>\n<p>It is kept in the cookie and nowhere else.</p>\n", out);
    begin_form(out, "/set", csrf);
    fputs("<label>Note <input name=\"value\" value=\"", out);
    if (note != NULL)
        write_html(out, note, length);
    fputs("\"></label>\n", out);
    end_form(out, "Keep");
}

static void write_sign_out(FILE *out, const char *csrf)
{
    fputs("<h2>Sign out</h2>\n<p>Copies of the cookie are refused from then on.</p>\n", out);
    begin_form(out, "/logout", csrf);
    end_form(out, "Sign out");
    begin_form(out, "/logout-everywhere", csrf);
    end_form(out, "Sign out on every device");
}

void demo_page_home(struct demo_answer *answer, wafer_session *session, wafer_verdict verdict,
                    wafer_result counted, const char *csrf)
{
    FILE *out = answer->page;
    size_t length = 0;
    const char *subject = wafer_subject(session, &length);

    write_head(out);
    fputs("<h1>", out);
    write_html(out, subject != NULL ? subject : "Nobody", subject != NULL ? length : 6);
    fprintf(out, " is signed in</h1>\n<p>%s</p>\n", what_happened(verdict));
    if (counted == WAFER_TOO_LARGE)
        fputs("<p>This visit could not be counted: the cookie is full. Keep a shorter note.</p>\n",
              out);
    fputs("<table>\n", out);
    write_facts(out, true, session, verdict);
    fputs("</table>\n", out);
    if (subject == NULL)
        write_sign_in(out, csrf);
    write_note(out, session, csrf);
    if (subject != NULL)
        write_sign_out(out, csrf);
    fputs("</body>\n</html>\n", out);
}

void demo_page_whoami(struct demo_answer *answer, wafer_session *session, wafer_verdict verdict)
{
    answer->type = "text/plain; charset=utf-8";
    write_facts(answer->page, false, session, verdict);
}

void demo_page_error(struct demo_answer *answer, unsigned status, const char *heading,
                     const char *advice)
{
    answer->status = status;
    write_head(answer->page);
    fprintf(answer->page,
            "<h1>%s</h1>\n<p>%s</p>\n<p><a href=\"/\">Back to the start</a></p>\n"
            "</body>\n</html>\n",
            heading, advice);
}

void demo_page_failure(struct demo_answer *answer, const wafer_session *session,
                       wafer_result result)
{
    char advice[200];
    size_t limit = 0;

    answer->forgiven = result;
    switch (result) {
    case WAFER_TOO_LARGE:
        wafer_line_size(session, NULL, &limit);
        snprintf(advice, sizeof advice,
                 "With this the cookie would be larger than the %zu bytes it may have. Nothing was "
                 "changed. Go back and keep a shorter note.",
                 limit);
        demo_page_error(answer, MHD_HTTP_BAD_REQUEST, "Too large for a cookie", advice);
        break;
    case WAFER_INVALID:
        demo_page_error(answer, MHD_HTTP_BAD_REQUEST, "This is no text",
                        "It must be UTF-8 without NUL. Go back and change it.");
        break;
    case WAFER_MISUSE:
        demo_page_error(answer, MHD_HTTP_INTERNAL_SERVER_ERROR, "A bug in this server",
                        "It used its session library wrongly. Please report it.");
        break;
    default:
        snprintf(advice, sizeof advice,
                 "The server could not keep the session (%s). Try again later.",
                 wafer_result_text(result));
        demo_page_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "Not now", advice);
    }
}
