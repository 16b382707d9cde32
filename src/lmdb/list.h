/* The list that callers see: a table, which answers, and a journal, which remembers. */
#ifndef WAFER_SRC_LMDB_LIST_H
#define WAFER_SRC_LMDB_LIST_H

#include <wafer/lmdb.h>

struct wafer_journal;

struct wafer_journaled {
    wafer_revocations *table;
    struct wafer_journal *journal;
};

/* The context is a struct wafer_journaled, which was allocated and is freed with all in it. */
extern const wafer_revocations_interface wafer_journaled_interface;

#endif
