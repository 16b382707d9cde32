/* The template engine. Whatever goes into a page is escaped here and nowhere else. */
#include "values.h"

#include <string.h>

#define NESTING_MAX 16 /* templates and sections within each other */

/* A piece of a template that is not written yet. */
struct piece {
    const char *at;
    const char *end;
};

/* What stands between {{ and }}. */
struct place {
    char kind; /* '#', '^', '>', '/', or 0 for a value */
    const char *name;
    size_t length;
};

static bool render(FILE *out, struct piece piece, const struct demo_values *values, int depth);

static void write_escaped(FILE *out, const char *text, size_t length)
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

static bool is_named(const char *name, const struct place *place)
{
    return strlen(name) == place->length && strncmp(name, place->name, place->length) == 0;
}

static const struct demo_value *look_up(const struct demo_values *values, const struct place *place)
{
    for (; values != NULL; values = values->around)
        for (const struct demo_value *value = values->first; value != NULL; value = value->next)
            if (is_named(value->name, place))
                return value;
    return NULL;
}

/* Finds the next place and moves on behind it; what stands in front of it goes to *before. */
static bool next_place(struct piece *piece, struct piece *before, struct place *place)
{
    const char *start = piece->at;
    const char *end;

    *before = *piece;
    while (piece->end - start >= 2 && (start[0] != '{' || start[1] != '{'))
        start++;
    if (piece->end - start < 2)
        return false;
    for (end = start + 2; piece->end - end >= 2 && (end[0] != '}' || end[1] != '}');)
        end++;
    if (piece->end - end < 2)
        return false;
    before->end = start;
    piece->at = end + 2;
    place->kind = '\0';
    place->name = start + 2;
    if (strchr("#^>/", *place->name) != NULL)
        place->kind = *place->name++;
    place->length = (size_t)(end - place->name);
    return true;
}

/* Moves on behind the end of a section; what is inside goes to *inside. */
static bool take_section(struct piece *piece, const struct place *opening, struct piece *inside)
{
    struct piece before;
    struct place place;

    inside->at = piece->at;
    while (next_place(piece, &before, &place))
        if (place.kind == '/' && place.length == opening->length &&
            strncmp(place.name, opening->name, place.length) == 0) {
            inside->end = before.end;
            return true;
        }
    return false;
}

static bool render_section(FILE *out, struct piece *piece, const struct place *place,
                           const struct demo_values *values, int depth)
{
    const struct demo_value *value = look_up(values, place);
    bool filled = value != NULL && (value->rows != NULL || value->length > 0);
    struct piece inside;

    if (!take_section(piece, place, &inside))
        return false;
    if (place->kind == '^')
        return filled || render(out, inside, values, depth + 1);
    if (!filled)
        return true;
    if (value->rows == NULL)
        return render(out, inside, values, depth + 1);
    for (const struct demo_values *row = value->rows; row != NULL; row = row->next_row)
        if (!render(out, inside, row, depth + 1))
            return false;
    return true;
}

static bool render_file(FILE *out, const char *name, size_t length,
                        const struct demo_values *values, int depth)
{
    const struct place place = {'>', name, length};

    for (const struct demo_file *file = demo_files; file->name != NULL; file++)
        if (is_named(file->name, &place)) {
            const char *text = (const char *)file->bytes;

            return render(out, (struct piece){text, text + file->size}, values, depth + 1);
        }
    return false;
}

static bool render_place(FILE *out, struct piece *piece, const struct place *place,
                         const struct demo_values *values, int depth)
{
    const struct demo_value *value;

    switch (place->kind) {
    case '#':
    case '^':
        return render_section(out, piece, place, values, depth);
    case '>':
        return render_file(out, place->name, place->length, values, depth);
    case '/':
        return false;
    default:
        value = look_up(values, place);
        if (value != NULL && value->text != NULL)
            write_escaped(out, value->text, value->length);
        return true;
    }
}

static bool render(FILE *out, struct piece piece, const struct demo_values *values, int depth)
{
    struct piece before;
    struct place place;

    if (depth > NESTING_MAX)
        return false;
    while (next_place(&piece, &before, &place)) {
        fwrite(before.at, 1, (size_t)(before.end - before.at), out);
        if (!render_place(out, &piece, &place, values, depth))
            return false;
    }
    fwrite(piece.at, 1, (size_t)(piece.end - piece.at), out);
    return true;
}

bool demo_render(FILE *out, const char *file, const struct demo_values *values)
{
    return values != NULL && !values->failed && render_file(out, file, strlen(file), values, 0);
}

const struct demo_file *demo_file_find(const char *name)
{
    for (const struct demo_file *file = demo_files; file->name != NULL; file++)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}
