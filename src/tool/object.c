/* Variables from a JSON object (RFC 8259), read strictly: what a session cannot hold exactly is
 * refused with the place and what to write instead. */
#include "tool.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at;
    const char *end;
    const char *start;
    char *room; /* for decoded strings: no shorter than the text, as they are never longer */
    wafer_session *session;
    const char *names[WAFER_VARIABLES_MAX + 1]; /* of the members so far */
    size_t count;
};

/* A string as it was decoded, with a NUL behind it. */
struct slice {
    char *text;
    size_t length;
};

/* Says what is wrong at a place; returns an exit status. */
__attribute__((format(printf, 3, 4))) static int fail(const struct reader *reader, const char *at,
                                                      const char *format, ...)
{
    unsigned line = 1;
    const char *begin = reader->start;
    va_list values;

    for (const char *byte = reader->start; byte < at; byte++)
        if (*byte == '\n') {
            line++;
            begin = byte + 1;
        }
    fprintf(stderr, "wafer: standard input, line %u, byte %td: ", line, at - begin + 1);
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputs("; see wafer seal --help\n", stderr);
    return TOOL_FAILED;
}

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL &&
           *reader->at != '\0')
        reader->at++;
}

static bool take(struct reader *reader, char wanted)
{
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != wanted)
        return false;
    reader->at++;
    return true;
}

/* ---- strings ---------------------------------------------------------------------- */

/* Four hex digits of either case, or -1. */
static long read_unit(const struct reader *reader, const char *at)
{
    static const char digits[] = "00112233445566778899aAbBcCdDeEfF";
    long unit = 0;

    if (reader->end - at < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        const char *digit = at[i] != '\0' ? strchr(digits, at[i]) : NULL;

        if (digit == NULL)
            return -1;
        unit = unit * 16 + (digit - digits) / 2;
    }
    return unit;
}

/* Writes a character as UTF-8, which is never longer than its escape. */
static char *write_character(char *out, long character)
{
    static const struct {
        long below;
        int lead, more;
    } forms[] = {{0x80, 0, 0}, {0x800, 0xc0, 1}, {0x10000, 0xe0, 2}, {0x110000, 0xf0, 3}};
    size_t form = 0;

    while (character >= forms[form].below)
        form++;
    *out++ = (char)(forms[form].lead | (int)(character >> (6 * forms[form].more)));
    for (int i = forms[form].more - 1; i >= 0; i--)
        *out++ = (char)(0x80 | (int)(character >> (6 * i) & 0x3f));
    return out;
}

/* Behind "\u". Half a pair stands for no character. */
static bool read_escaped_unit(struct reader *reader)
{
    long unit = read_unit(reader, reader->at);
    long low;

    if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
        return false;
    reader->at += 4;
    if (unit >= 0xd800 && unit < 0xdc00) {
        low = reader->end - reader->at >= 6 && reader->at[0] == '\\' && reader->at[1] == 'u'
                  ? read_unit(reader, reader->at + 2)
                  : -1;
        if (low < 0xdc00 || low >= 0xe000)
            return false;
        reader->at += 6;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    reader->room = write_character(reader->room, unit);
    return true;
}

/* Behind "\". */
static bool read_escape(struct reader *reader)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    char letter = reader->at < reader->end ? *reader->at++ : '\0';
    const char *found = letter != '\0' ? strchr(escapes, letter) : NULL;

    if (letter == 'u')
        return read_escaped_unit(reader);
    if (found == NULL)
        return false;
    *reader->room++ = meant[found - escapes];
    return true;
}

static int read_string(struct reader *reader, const char *what, struct slice *slice)
{
    const char *start;

    skip_blanks(reader);
    start = reader->at;
    if (!take(reader, '"'))
        return fail(reader, start, "%s in double quotes is missing", what);
    slice->text = reader->room;
    while (reader->at < reader->end && *reader->at != '"') {
        const char *at = reader->at++;

        if ((unsigned char)*at < 0x20)
            return fail(reader, at, "a control in a string is to be written as an escape");
        if (*at != '\\')
            *reader->room++ = *at;
        else if (!read_escape(reader))
            return fail(reader, at, "this escape stands for no character");
    }
    if (reader->at == reader->end)
        return fail(reader, start, "this string does not end");
    reader->at++;
    slice->length = (size_t)(reader->room - slice->text);
    *reader->room++ = '\0';
    return TOOL_DONE;
}

/* ---- values ----------------------------------------------------------------------- */

/* The next word of letters, digits and what numbers have; its length. */
static size_t word_length(const struct reader *reader)
{
    size_t length = 0;

    while (reader->at + length < reader->end &&
           strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
                  reader->at[length]) != NULL &&
           reader->at[length] != '\0')
        length++;
    return length;
}

static bool is_word(const struct reader *reader, size_t length, const char *word)
{
    return length == strlen(word) && strncmp(reader->at, word, length) == 0;
}

/* JSON's whole numbers have no plus and no zeros in front. */
static int put_number(struct reader *reader, size_t length, const char *name, wafer_result *result)
{
    char digits[24];
    const char *first = reader->at + (reader->at[0] == '-' ? 1 : 0);
    int64_t number;

    if (length < sizeof digits && !(first[0] == '0' && first + 1 != reader->at + length)) {
        memcpy(digits, reader->at, length);
        digits[length] = '\0';
        if (tool_read_number(digits, INT64_MIN, INT64_MAX, &number)) {
            *result = wafer_put_integer(reader->session, name, number);
            reader->at += length;
            return TOOL_DONE;
        }
    }
    return fail(reader, reader->at,
                "a number is whole and from -2^63 to 2^63 - 1; anything else "
                "is to be put as text, in double quotes");
}

static int put_word(struct reader *reader, const char *name, wafer_result *result)
{
    size_t length = word_length(reader);

    if (is_word(reader, length, "true") || is_word(reader, length, "false")) {
        *result = wafer_put_boolean(reader->session, name, reader->at[0] == 't');
        reader->at += length;
        return TOOL_DONE;
    }
    if (is_word(reader, length, "null"))
        return fail(reader, reader->at, "there is no null in a session: leave the member out");
    if (length > 0 && strchr("-0123456789", reader->at[0]) != NULL)
        return put_number(reader, length, name, result);
    return fail(reader, reader->at,
                "a value is text, a whole number, true, false or "
                "{\"bytes\":\"HEX\"}");
}

/* Behind the "{" of {"bytes":"HEX"}. */
static int put_bytes(struct reader *reader, const char *at, const char *name, wafer_result *result)
{
    struct slice key;
    struct slice hex;
    int status = read_string(reader, "\"bytes\"", &key);

    if (status != TOOL_DONE)
        return status;
    if (strcmp(key.text, "bytes") != 0 || key.length != strlen("bytes"))
        return fail(reader, at, "objects do not nest, but for {\"bytes\":\"HEX\"}");
    if (!take(reader, ':'))
        return fail(reader, reader->at, "a colon is missing");
    status = read_string(reader, "a row of lower-case hex pairs", &hex);
    if (status != TOOL_DONE)
        return status;
    if (!take(reader, '}'))
        return fail(reader, reader->at, "a closing brace is missing");
    if (!tool_read_hex(hex.text, hex.length, (uint8_t *)hex.text))
        return fail(reader, at, "bytes are a row of lower-case hex pairs");
    *result = wafer_put_bytes(reader->session, name, hex.text, hex.length / 2);
    return TOOL_DONE;
}

static int put_value(struct reader *reader, const char *name)
{
    wafer_result result = WAFER_OK;
    struct slice text;
    const char *at;
    int status;

    skip_blanks(reader);
    at = reader->at;
    if (at == reader->end)
        return fail(reader, at, "a value is missing");
    if (*at == '[')
        return fail(reader, at,
                    "there are no arrays in a session: put each value on its own, or "
                    "all as one text");
    if (*at == '"') {
        status = read_string(reader, "text", &text);
        if (status == TOOL_DONE)
            result = wafer_put_text_slice(reader->session, name, text.text, text.length);
    } else if (take(reader, '{')) {
        status = put_bytes(reader, at, name, &result);
    } else {
        status = put_word(reader, name, &result);
    }
    return status == TOOL_DONE ? tool_put_failed(name, result) : status;
}

/* ---- members ---------------------------------------------------------------------- */

static int put_member(struct reader *reader)
{
    struct slice name;
    const char *at;
    int status;

    skip_blanks(reader);
    at = reader->at;
    status = read_string(reader, "a name", &name);
    if (status != TOOL_DONE)
        return status;
    if (strlen(name.text) != name.length)
        return fail(reader, at, "U+0000 is in no name");
    for (size_t i = 0; i < reader->count; i++)
        if (strcmp(reader->names[i], name.text) == 0)
            return fail(reader, at, "this name stands twice");
    if (!take(reader, ':'))
        return fail(reader, reader->at, "a colon is missing behind the name");
    /* Of more than fit none is put. */
    reader->names[reader->count++] = name.text;
    return put_value(reader, name.text);
}

static int put_members(struct reader *reader)
{
    int status = TOOL_DONE;

    if (!take(reader, '{'))
        return fail(reader, reader->at, "a JSON object is missing, such as {\"visits\":3}");
    if (!take(reader, '}')) {
        do
            status = put_member(reader);
        while (status == TOOL_DONE && take(reader, ','));
        if (status != TOOL_DONE)
            return status;
        if (!take(reader, '}'))
            return fail(reader, reader->at, "a comma or the closing brace is missing");
    }
    skip_blanks(reader);
    if (reader->at != reader->end)
        return fail(reader, reader->at, "there is more behind the object");
    return TOOL_DONE;
}

int tool_put_object(wafer_session *session, const char *text, size_t length)
{
    char *room = malloc(length + 1);
    struct reader reader = {.at = text,
                            .end = text + length,
                            .start = text,
                            .room = room,
                            .session = session};
    int status;

    if (room == NULL)
        return tool_failed(wafer_result_text(WAFER_NO_MEMORY));
    status = put_members(&reader);
    free(room);
    return status;
}
