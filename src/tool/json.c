/* The one writer of JSON (RFC 8259). What it writes is ASCII where a terminal could misread it. */
#include "tool.h"

#include <string.h>

/* Room for a name of ours with "_ms" behind it. */
#define NAME_MAX_BYTES 40

/* How many bytes the character at the front has, or 0 when they are no UTF-8 (RFC 3629). */
static size_t character_size(const unsigned char *at, size_t length)
{
    static const struct {
        unsigned char first, last; /* what the lead byte may be */
        size_t size;
        unsigned char low, high; /* what the second byte may be */
    } forms[] = {{0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf},
                 {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
                 {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
                 {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf},
                 {0xf4, 0xf4, 4, 0x80, 0x8f}};
    size_t form = 0;

    while (form < sizeof forms / sizeof *forms &&
           (at[0] < forms[form].first || at[0] > forms[form].last))
        form++;
    if (form == sizeof forms / sizeof *forms || forms[form].size > length)
        return 0;
    if (forms[form].size > 1 && (at[1] < forms[form].low || at[1] > forms[form].high))
        return 0;
    for (size_t i = 2; i < forms[form].size; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return forms[form].size;
}

static void write_text(FILE *out, const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;

    putc('"', out);
    for (size_t i = 0; i < length;) {
        size_t size = character_size(at + i, length - i);

        if (size == 0)
            fputs("\\ufffd", out);
        else if (at[i] == '"' || at[i] == '\\')
            fprintf(out, "\\%c", at[i]);
        else if (at[i] < 0x20 || at[i] == 0x7f)
            fprintf(out, "\\u%04x", at[i]);
        else if (at[i] == 0xc2 && at[i + 1] < 0xa0) /* U+0080 to U+009F */
            fprintf(out, "\\u%04x", at[i + 1]);
        else
            fwrite(at + i, 1, size, out);
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
