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
    bool failed;                  /* memory ran out: it is incomplete */
};

#endif
