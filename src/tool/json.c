/* The one writer of JSON (RFC 8259). What it writes is ASCII where a terminal could misread it. */
#include "tool.h"

#include <string.h>

#include "../option/terminal_text.h"

/* Room for a name of ours with "_ms" behind it. */
#define NAME_MAX_BYTES 40

static void write_text(FILE *out, const char *text, size_t length)
{
    putc('"', out);
    for (size_t i = 0; i < length;) {
        uint32_t character = 0;
        size_t size = terminal_text_read(text + i, length - i, &character);

        if (size == 0)
            fputs("\\ufffd", out);
        else if (text[i] == '"' || text[i] == '\\')
            fprintf(out, "\\%c", text[i]);
        else if (terminal_text_is_control(character)) /* none is beyond U+FFFF */
            fprintf(out, "\\u%04x", (unsigned)character);
        else
            fwrite(text + i, 1, size, out);
        i += size > 0 ? size : 1;
    }
    putc('"', out);
}

/* Whatever comes in front of a value. */
static void begin(struct tool_json *json, const char *name)
{
    if (json->more)
        putc(',', json->out);
    if (name != NULL)
        fprintf(json->out, "\"%s\":", name);
    json->more = true;
}

void tool_json_open(struct tool_json *json, const char *name, char bracket)
{
    begin(json, name);
    putc(bracket, json->out);
    json->more = false;
}

void tool_json_close(struct tool_json *json, char bracket, bool ends)
{
    putc(bracket, json->out);
    if (ends)
        putc('\n', json->out);
    json->more = !ends;
}

void tool_json_text(struct tool_json *json, const char *name, const char *text, size_t length)
{
    begin(json, name);
    write_text(json->out, text, length);
}

void tool_json_string(struct tool_json *json, const char *name, const char *text)
{
    begin(json, name);
    if (text != NULL)
        write_text(json->out, text, strlen(text));
    else
        fputs("null", json->out);
}

void tool_json_name(struct tool_json *json, const char *name, size_t length)
{
    begin(json, NULL);
    write_text(json->out, name, length);
    putc(':', json->out);
    json->more = false;
}

void tool_json_integer(struct tool_json *json, const char *name, int64_t number)
{
    begin(json, name);
    fprintf(json->out, "%lld", (long long)number);
}

void tool_json_decimal(struct tool_json *json, const char *name, double number)
{
    begin(json, name);
    fprintf(json->out, "%.1f", number);
}

void tool_json_boolean(struct tool_json *json, const char *name, bool truth)
{
    begin(json, name);
    fputs(truth ? "true" : "false", json->out);
}

void tool_json_hex(struct tool_json *json, const char *name, const uint8_t *bytes, size_t length)
{
    begin(json, name);
    putc('"', json->out);
    tool_write_hex(json->out, bytes, length);
    putc('"', json->out);
}

void tool_json_time(struct tool_json *json, const char *name, int64_t at_ms)
{
    char name_ms[NAME_MAX_BYTES];
    char date[TOOL_TIME_LENGTH + 1];

    snprintf(name_ms, sizeof name_ms, "%s_ms", name);
    if (at_ms == TOOL_NEVER) {
        tool_json_string(json, name, NULL);
        tool_json_string(json, name_ms, NULL);
        return;
    }
    tool_format_time(at_ms, date);
    tool_json_string(json, name, date);
    tool_json_integer(json, name_ms, at_ms);
}
