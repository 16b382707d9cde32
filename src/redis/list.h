/* The list that callers see: a table, which answers; a state, which tells how fresh it is; and a
 * publisher or a queue, through which other machines hear of what is revoked here. */
#ifndef WAFER_SRC_REDIS_LIST_H
#define WAFER_SRC_REDIS_LIST_H

#include "publisher.h"
#include "state.h"

struct wafer_mirrored {
    wafer_revocations *table;
    uint64_t inode; /* of the table's file */
    struct wafer_state_file *state;
    struct wafer_site *site;
    struct wafer_access_data *access;  /* NULL: the list is only read */
    struct wafer_publisher *publisher; /* NULL with it */
    int64_t timeout_ms;
    bool allows; /* what a stale table says */
    int64_t stale_ms;
};

/* The context is a struct wafer_mirrored, which was allocated and is freed with all in it. */
extern const wafer_revocations_interface wafer_mirrored_interface;

#endif
