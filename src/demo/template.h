/* Pages from templates. A template is text with places in it:
 *
 *     {{name}}               a value, escaped for HTML; there is no way around that
 *     {{#name}}...{{/name}}  once for each row of the list `name`, or once when the value is not
 *                            empty; inside, the row's values come before those around it
 *     {{^name}}...{{/name}}  once when there is no such value, or it is empty
 *     {{>file}}              another template
 *
 * A section may hold others, but none of its own name. What has no value is empty.
 *
 * Values are kept as copies. When memory runs out they are incomplete, and demo_render says so; so
 * nothing in between needs a check, and a NULL demo_values is taken everywhere. */
#ifndef WAFER_DEMO_TEMPLATE_H
#define WAFER_DEMO_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct demo_values;

/* NULL without memory. */
struct demo_values *demo_values_new(void);
void demo_values_free(struct demo_values *values);

/* Sets a value. Names are not copied: they are literals. NULL for a text: memory ran out for it. */
void demo_put(struct demo_values *values, const char *name, const char *text);
void demo_put_slice(struct demo_values *values, const char *name, const char *text, size_t length);
__attribute__((format(printf, 3, 4))) void
demo_put_format(struct demo_values *values, const char *name, const char *format, ...);
/* "yes" or empty. */
void demo_put_flag(struct demo_values *values, const char *name, bool flag);

/* Adds a row to a list and gives the values of the row, which belong to `values`. */
struct demo_values *demo_add_row(struct demo_values *values, const char *list);

/* Writes a template with its values. False when memory ran out meanwhile or earlier, or when the
 * template is not well formed. */
bool demo_render(FILE *out, const char *file, const struct demo_values *values);

/* The files below pages/, which are part of the program. */
struct demo_file {
    const char *name;
    const unsigned char *bytes;
    size_t size;
};

/* NULL when there is none of that name. */
const struct demo_file *demo_file_find(const char *name);

/* Made at build time by embed.sh; the last one has no name. */
extern const struct demo_file demo_files[];

#endif
