/* The template engine. Whatever goes into a page is escaped here and nowhere else. */
#include "values.h"

#include <string.h>

#define NESTING_MAX 16 /* templates and sections in each other */

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

/* A template or section that is being written. */
struct frame {
    struct piece rest;
    struct piece whole;
    const struct demo_values *values;
    bool repeats; /* for each row from `values` on */
};

struct writer {
    FILE *out;
    struct frame frames[NESTING_MAX];
    size_t depth;
};

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

static bool push(struct writer *writer, struct piece piece, const struct demo_values *values,
                 bool repeats)
{
    if (writer->depth == NESTING_MAX)
        return false;
    writer->frames[writer->depth++] = (struct frame){piece, piece, values, repeats};
    return true;
}

static bool push_file(struct writer *writer, const struct place *place,
                      const struct demo_values *values)
{
    for (const struct demo_file *file = demo_files; file->name != NULL; file++)
        if (is_named(file->name, place)) {
            const char *text = (const char *)file->bytes;

            return push(writer, (struct piece){text, text + file->size}, values, false);
        }
    return false;
}

static bool push_section(struct writer *writer, struct frame *frame, const struct place *place)
{
    const struct demo_value *value = look_up(frame->values, place);
    bool filled = value != NULL && (value->rows != NULL || value->length > 0);
    struct piece inside;

    if (!take_section(&frame->rest, place, &inside))
        return false;
    if (filled == (place->kind == '^'))
        return true;
    if (filled && value->rows != NULL)
        return push(writer, inside, value->rows, true);
    return push(writer, inside, frame->values, false);
}

static bool fill(struct writer *writer, struct frame *frame, const struct place *place)
{
    const struct demo_value *value;

    switch (place->kind) {
    case '#':
    case '^':
        return push_section(writer, frame, place);
    case '>':
        return push_file(writer, place, frame->values);
    case '/':
        return false;
    default:
        value = look_up(frame->values, place);
        if (value != NULL && value->text != NULL)
            write_escaped(writer->out, value->text, value->length);
        return true;
    }
}

static void write_piece(FILE *out, struct piece piece)
{
    fwrite(piece.at, 1, (size_t)(piece.end - piece.at), out);
}

/* The end of a frame: the next row, or what is around it. */
static void leave(struct writer *writer, struct frame *frame)
{
    write_piece(writer->out, frame->rest);
    if (frame->repeats && frame->values->next_row != NULL) {
        frame->values = frame->values->next_row;
        frame->rest = frame->whole;
    } else {
        writer->depth--;
    }
}

bool demo_render(FILE *out, const char *file, const struct demo_values *values)
{
    struct writer writer = {.out = out, .depth = 0};
    const struct place start = {'>', file, strlen(file)};
    struct piece before;
    struct place place;

    if (values == NULL || values->failed || !push_file(&writer, &start, values))
        return false;
    while (writer.depth > 0) {
        struct frame *frame = &writer.frames[writer.depth - 1];

        if (!next_place(&frame->rest, &before, &place)) {
            leave(&writer, frame);
            continue;
        }
        write_piece(out, before);
        if (!fill(&writer, frame, &place))
            return false;
    }
    return true;
}

const struct demo_file *demo_file_find(const char *name)
{
    for (const struct demo_file *file = demo_files; file->name != NULL; file++)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}
