/* A session in print: as facts, a line each, and as members of a JSON object. */
#include "tool.h"

#include <string.h>

#include "../option/terminal_text.h"

void tool_show_text(const char *name, const char *text, size_t length)
{
    printf("%s: ", name);
    terminal_text_write(stdout, text, length);
    putchar('\n');
}

void tool_show_verdict(wafer_verdict verdict)
{
    bool clean = verdict == WAFER_NONE || verdict == WAFER_FUTURE || verdict == WAFER_UNCHECKED;

    tool_colour(verdict == WAFER_VALID ? TOOL_GOOD : clean ? TOOL_WARNING : TOOL_BAD);
    fputs(wafer_verdict_text(verdict), stdout);
    tool_colour(TOOL_PLAIN);
}

/* The times that a session has, by the names under which they are shown. */
static const struct moment {
    const char *name;
    const char *member;
    bool (*get)(const wafer_session *session, int64_t *at_ms);
} moments[] = {
    {"began", "began", wafer_login_at},
    {"sealed", "sealed", wafer_sealed_at},
    {"idles-out", "idles_out", wafer_idle_at},
    {"expires", "expires", wafer_expires_at},
};

#define MOMENTS (sizeof moments / sizeof *moments)

void tool_show_session(const wafer_session *session, int64_t now_ms)
{
    uint8_t id[WAFER_ID_SIZE];
    wafer_variable variable;
    size_t cursor = 0;
    size_t length = 0;
    const char *subject = wafer_subject(session, &length);

    if (subject != NULL)
        tool_show_text("subject", subject, length);
    else
        puts("subject: none, nobody is signed in");
    if (wafer_id(session, id)) {
        fputs("id: ", stdout);
        tool_write_hex(stdout, id, sizeof id);
        putchar('\n');
    }
    for (size_t i = 0; i < MOMENTS; i++) {
        int64_t at_ms;

        if (!moments[i].get(session, &at_ms))
            continue;
        printf("%s: ", moments[i].name);
        tool_write_when(stdout, at_ms, now_ms);
        putchar('\n');
    }
    puts("variables:");
    while (wafer_next(session, &cursor, &variable)) {
        fputs("  ", stdout);
        tool_write_variable(stdout, &variable);
    }
}

/* As `wafer seal` takes it. */
static void show_variable_json(struct tool_json *json, const wafer_variable *variable)
{
    tool_json_name(json, variable->name, variable->name_length);
    switch (variable->type) {
    case WAFER_INTEGER:
        tool_json_integer(json, NULL, variable->integer);
        return;
    case WAFER_BOOLEAN:
        tool_json_boolean(json, NULL, variable->boolean);
        return;
    case WAFER_TEXT:
        tool_json_text(json, NULL, variable->data, variable->length);
        return;
    case WAFER_BYTES:
        tool_json_open(json, NULL, '{');
        tool_json_hex(json, "bytes", variable->data, variable->length);
        tool_json_close(json, '}', false);
        return;
    }
}

void tool_show_session_json(struct tool_json *json, const wafer_session *session)
{
    uint8_t id[WAFER_ID_SIZE];
    wafer_variable variable;
    size_t cursor = 0;
    size_t length = 0;
    const char *subject = wafer_subject(session, &length);

    if (subject != NULL)
        tool_json_text(json, "subject", subject, length);
    else
        tool_json_string(json, "subject", NULL);
    if (wafer_id(session, id))
        tool_json_hex(json, "id", id, sizeof id);
    for (size_t i = 0; i < MOMENTS; i++) {
        int64_t at_ms;

        if (moments[i].get(session, &at_ms))
            tool_json_time(json, moments[i].member, at_ms);
    }
    tool_json_open(json, "variables", '{');
    while (wafer_next(session, &cursor, &variable))
        show_variable_json(json, &variable);
    tool_json_close(json, '}', false);
}
