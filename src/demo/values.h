/* The inside of demo_values, which values.c fills and template.c reads. */
#ifndef WAFER_DEMO_VALUES_H
#define WAFER_DEMO_VALUES_H

#include "template.h"

struct demo_value {
    struct demo_value *next;
    const char *name;
    char *text; /* NULL: a list */
    size_t length;
    struct demo_values *rows;
    struct demo_values *last_row;
};

struct demo_values {
    struct demo_value *first;     /* the latest, so that setting a value anew replaces it */
    struct demo_values *around;   /* of a row: what the list is in */
    struct demo_values *next_row; /* of the same list */
    struct demo_values *made;     /* of a page: all its rows, one after the other, to be freed */
    bool failed;                  /* of a page: memory ran out, so it is incomplete */
};

#endif
