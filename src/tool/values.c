/* NAME=VALUE on the command line, and variables of a session. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

#include "../option/terminal_text.h"

static const char *const type_names[] = {[WAFER_INTEGER] = "integer",
                                         [WAFER_BOOLEAN] = "boolean",
                                         [WAFER_TEXT] = "text",
                                         [WAFER_BYTES] = "bytes"};

static bool read_boolean(const char *text, bool *value)
{
    *value = strcmp(text, "true") == 0;
    return *value || strcmp(text, "false") == 0;
}

/* Cuts ":TYPE" off a name; without one the value tells the type. */
static wafer_type choose_type(char *name, const char *value)
{
    char *colon = strrchr(name, ':');
    int64_t number;
    bool truth;

    for (wafer_type type = WAFER_INTEGER; colon != NULL && type <= WAFER_BYTES; type++)
        if (strcmp(colon + 1, type_names[type]) == 0) {
            *colon = '\0';
            return type;
        }
    if (tool_read_number(value, INT64_MIN, INT64_MAX, &number))
        return WAFER_INTEGER;
    return read_boolean(value, &truth) ? WAFER_BOOLEAN : WAFER_TEXT;
}

/* Puts one value. False when it is not of its type; *result is set otherwise. */
static bool put(wafer_session *session, const char *name, wafer_type type, char *value,
                wafer_result *result)
{
    int64_t number;
    size_t length;
    bool truth;

    switch (type) {
    case WAFER_INTEGER:
        if (!tool_read_number(value, INT64_MIN, INT64_MAX, &number))
            return false;
        *result = wafer_put_integer(session, name, number);
        return true;
    case WAFER_BOOLEAN:
        if (!read_boolean(value, &truth))
            return false;
        *result = wafer_put_boolean(session, name, truth);
        return true;
    case WAFER_BYTES:
        length = strlen(value);
        if (!tool_read_hex(value, length, (uint8_t *)value))
            return false;
        *result = wafer_put_bytes(session, name, value, length / 2);
        return true;
    case WAFER_TEXT:
        break;
    }
    *result = wafer_put_text(session, name, value);
    return true;
}

int tool_put(wafer_session *session, char *argument)
{
    char *equals = strchr(argument, '=');
    wafer_result result = WAFER_OK;
    wafer_type type;

    if (equals == NULL || equals == argument)
        return tool_misused("seal", "a variable is written NAME=VALUE, not", argument);
    *equals = '\0';
    type = choose_type(argument, equals + 1);
    if (!put(session, argument, type, equals + 1, &result)) {
        fprintf(stderr, "wafer: the value of ");
        terminal_text_write(stderr, argument, strlen(argument));
        fprintf(stderr, " is no %s; see wafer seal --help\n",
                type == WAFER_BYTES ? "row of lower-case hex pairs" : type_names[type]);
        return TOOL_USAGE;
    }
    return tool_put_failed(argument, result);
}

int tool_put_failed(const char *name, wafer_result result)
{
    if (result == WAFER_OK)
        return TOOL_DONE;
    fprintf(stderr, "wafer: cannot put ");
    terminal_text_write(stderr, name, strlen(name));
    fprintf(stderr, ": %s\n",
            result == WAFER_TOO_LARGE
                ? "there is no room: a session has 64 variables, a cookie 4096 bytes"
            : result == WAFER_INVALID
                ? "a name is 1 to 255 bytes; name and text are UTF-8 without NUL"
                : wafer_result_text(result));
    return TOOL_FAILED;
}

void tool_write_variable(FILE *out, const wafer_variable *variable)
{
    terminal_text_write(out, variable->name, variable->name_length);
    fprintf(out, ":%s=", type_names[variable->type]);
    switch (variable->type) {
    case WAFER_INTEGER:
        fprintf(out, "%lld", (long long)variable->integer);
        break;
    case WAFER_BOOLEAN:
        fputs(variable->boolean ? "true" : "false", out);
        break;
    case WAFER_TEXT:
        terminal_text_write(out, variable->data, variable->length);
        break;
    case WAFER_BYTES:
        tool_write_hex(out, variable->data, variable->length);
        break;
    }
    putc('\n', out);
}
