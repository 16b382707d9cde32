/* application/x-www-form-urlencoded, as browsers and curl send it. */
#include "demo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

/* Decodes one name or value; out has room for length + 1. */
static bool decode(const char *text, size_t length, char *out, size_t *out_length)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] == '%') {
            int high = length - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = length - i > 2 ? hex_digit(text[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            out[used++] = (char)(unsigned char)(high << 4 | low);
            i += 2;
        } else {
            out[used++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    out[used] = '\0';
    *out_length = used;
    return true;
}

enum demo_field demo_form_field(const char *body, size_t body_length, const char *name, char *value,
                                size_t *value_length)
{
    const char *end = body + body_length;

    for (const char *pair = body; pair < end;) {
        const char *pair_end = memchr(pair, '&', (size_t)(end - pair));
        const char *equals;

        pair_end = pair_end != NULL ? pair_end : end;
        equals = memchr(pair, '=', (size_t)(pair_end - pair));
        if (equals != NULL) {
            if (!decode(pair, (size_t)(equals - pair), value, value_length))
                return DEMO_FIELD_MALFORMED;
            if (*value_length == strlen(name) && strcmp(value, name) == 0)
                return decode(equals + 1, (size_t)(pair_end - equals - 1), value, value_length)
                           ? DEMO_FIELD_FOUND
                           : DEMO_FIELD_MALFORMED;
        }
        pair = pair_end + 1;
    }
    return DEMO_FIELD_ABSENT;
}

bool demo_read_field(const struct demo_request *request, struct demo_answer *answer,
                     const char *name, char value[DEMO_BODY_MAX + 1], size_t *length)
{
    enum demo_field found = demo_form_field(request->body, request->received, name, value, length);
    char advice[80];

    if (found == DEMO_FIELD_FOUND)
        return true;
    snprintf(advice, sizeof advice, "The field \"%s\" is missing.", name);
    demo_page_error(request, answer, MHD_HTTP_BAD_REQUEST, "The form is not complete",
                    found == DEMO_FIELD_ABSENT
                        ? advice
                        : "A field is not urlencoded: % must be followed by two hex digits.");
    return false;
}

bool demo_read_integer(const char *text, size_t length, int64_t *number)
{
    const char *digits = text + (text[0] == '-');
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (*digits < '0' || *digits > '9' || end != text + length || errno != 0)
        return false;
    *number = value;
    return true;
}
