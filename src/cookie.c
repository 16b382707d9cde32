#include "cookie.h"

#include <string.h>

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Where the piece that begins at the cursor ends. With commas one byte at a time: looking for each
 * separator on its own would walk the rest of the field again for every piece. */
static const char *piece_end(const struct wafer_cookie_cursor *cursor)
{
    const char *at = cursor->at;

    if (!cursor->commas) {
        at = memchr(at, ';', (size_t)(cursor->end - at));
        return at != NULL ? at : cursor->end;
    }
    while (at != cursor->end && *at != ';' && *at != ',')
        at++;
    return at;
}

/* Moves both ends inwards past blanks and returns the length that is left. */
static size_t trim(const char **begin, const char *end)
{
    while (*begin != end && is_blank(**begin))
        (*begin)++;
    while (end != *begin && is_blank(end[-1]))
        end--;
    return (size_t)(end - *begin);
}

static bool split_piece(const char *begin, const char *end, struct wafer_cookie_pair *pair)
{
    const char *equals = memchr(begin, '=', (size_t)(end - begin));

    if (equals == NULL)
        return false;
    pair->name = begin;
    pair->name_length = trim(&pair->name, equals);
    pair->value = equals + 1;
    pair->value_length = trim(&pair->value, end);
    return pair->name_length > 0;
}

bool wafer_cookie_next(struct wafer_cookie_cursor *cursor, struct wafer_cookie_pair *pair)
{
    while (cursor->at != cursor->end) {
        const char *begin = cursor->at;
        const char *end = piece_end(cursor);
        cursor->at = end != cursor->end ? end + 1 : end;
        if (split_piece(begin, end, pair))
            return true;
    }
    return false;
}
