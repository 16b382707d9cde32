/* The values of a page: names with text, and lists of rows of the same. */
#include "values.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct demo_values *demo_values_new(void)
{
    return calloc(1, sizeof(struct demo_values));
}

static void free_texts(struct demo_values *values)
{
    while (values->first != NULL) {
        struct demo_value *value = values->first;

        values->first = value->next;
        free(value->text);
        free(value);
    }
}

void demo_values_free(struct demo_values *values)
{
    while (values != NULL) {
        struct demo_values *made = values->made;

        free_texts(values);
        free(values);
        values = made;
    }
}

static struct demo_values *page_of(struct demo_values *values)
{
    while (values->around != NULL)
        values = values->around;
    return values;
}

static void fail(struct demo_values *values)
{
    page_of(values)->failed = true;
}

static struct demo_value *add(struct demo_values *values, const char *name)
{
    struct demo_value *value = calloc(1, sizeof *value);

    if (value == NULL) {
        fail(values);
        return NULL;
    }
    value->name = name;
    value->next = values->first;
    values->first = value;
    return value;
}

void demo_put_slice(struct demo_values *values, const char *name, const char *text, size_t length)
{
    struct demo_value *value = values != NULL ? add(values, name) : NULL;

    if (value == NULL)
        return;
    value->text = text != NULL ? malloc(length + 1) : NULL;
    if (value->text == NULL) {
        fail(values);
        return;
    }
    memcpy(value->text, text, length);
    value->text[length] = '\0';
    value->length = length;
}

void demo_put(struct demo_values *values, const char *name, const char *text)
{
    demo_put_slice(values, name, text, strlen(text));
}

void demo_put_format(struct demo_values *values, const char *name, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    demo_put(values, name, text);
}

void demo_put_flag(struct demo_values *values, const char *name, bool flag)
{
    demo_put(values, name, flag ? "yes" : "");
}

struct demo_values *demo_add_row(struct demo_values *values, const char *list)
{
    struct demo_value *value;
    struct demo_values *page;
    struct demo_values *row;

    if (values == NULL)
        return NULL;
    page = page_of(values);
    for (value = values->first; value != NULL && strcmp(value->name, list) != 0;)
        value = value->next;
    if (value == NULL)
        value = add(values, list);
    row = value != NULL ? demo_values_new() : NULL;
    if (row == NULL) {
        page->failed = true;
        return NULL;
    }
    row->made = page->made;
    page->made = row;
    row->around = values;
    if (value->last_row != NULL)
        value->last_row->next_row = row;
    else
        value->rows = row;
    value->last_row = row;
    return row;
}
