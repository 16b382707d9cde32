#include "cookie.h"

#include <string.h>

#define NEAR 8

static bool is_space_or_tab(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* The first such byte, or the end. Pieces are short where there are many: a few steps by hand cost
 * less than a call. */
static const char *find_byte(const char *at, const char *end, char wanted)
{
    const char *near = end - at > NEAR ? at + NEAR : end;

    while (at != near && *at != wanted)
        at++;
    if (at != near || at == end)
        return at;
    at = memchr(at, wanted, (size_t)(end - at));
    return at != NULL ? at : end;
}

/* Where the piece that begins at the cursor ends. With commas one byte at a time: looking for each
 * separator on its own would walk the rest of the field again for every piece. */
static const char *piece_end(const struct wafer_cookie_cursor *cursor)
{
    const char *at = cursor->at;

    if (!cursor->commas)
        return find_byte(at, cursor->end, ';');
    while (at != cursor->end && *at != ';' && *at != ',')
        at++;
    return at;
}

/* Moves both ends inwards past blanks and returns the length that is left. */
static size_t trim(const char **begin, const char *end)
{
    while (*begin != end && is_space_or_tab(**begin))
        (*begin)++;
    while (end != *begin && is_space_or_tab(end[-1]))
        end--;
    return (size_t)(end - *begin);
}

static bool split_piece(const char *begin, const char *end, wafer_pair *pair)
{
    const char *equals = find_byte(begin, end, '=');

    if (equals == end)
        return false;
    pair->name = begin;
    pair->name_length = trim(&pair->name, equals);
    pair->value = equals + 1;
    pair->value_length = trim(&pair->value, end);
    return pair->name_length > 0;
}

bool wafer_cookie_next(struct wafer_cookie_cursor *cursor, wafer_pair *pair)
{
    while (cursor->at != cursor->end) {
        const char *begin = cursor->at;
        if (*begin == ';') { /* an empty piece, of which a hostile field may have many */
            cursor->at++;
            continue;
        }
        const char *end = piece_end(cursor);
        cursor->at = end != cursor->end ? end + 1 : end;
        if (split_piece(begin, end, pair))
            return true;
    }
    return false;
}

bool wafer_next_pair(const char *field, size_t length, bool split_at_commas, size_t *cursor,
                     wafer_pair *pair)
{
    struct wafer_cookie_cursor rest;
    bool found;

    if (field == NULL || cursor == NULL || pair == NULL || *cursor > length)
        return false;
    rest = (struct wafer_cookie_cursor){field + *cursor, field + length, split_at_commas};
    found = wafer_cookie_next(&rest, pair);
    *cursor = (size_t)(rest.at - field);
    return found;
}
