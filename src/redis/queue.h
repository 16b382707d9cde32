/* Entries that could not be published yet: FOLDER/queue, records of the stream one after another.
 * Each is padded to WAFER_QUEUE_ROW bytes; its signature tells whether it is whole. */
#ifndef WAFER_SRC_REDIS_QUEUE_H
#define WAFER_SRC_REDIS_QUEUE_H

#include "site.h"

#define WAFER_QUEUE_ROW 48

/* Appends records and waits until they are on the disk. False with errno: none is in the queue. */
bool wafer_queue_append(const struct wafer_site *site, const uint8_t (*records)[WAFER_WIRE_SIZE],
                        size_t count);

/* How many wait, those under way included. */
uint64_t wafer_queue_length(const struct wafer_site *site);

/* What is to be published now. */
struct wafer_queue_batch {
    uint8_t (*records)[WAFER_WIRE_SIZE];
    size_t count;
    size_t damaged; /* rows that were not whole and are left out */
};

/* Takes the queue, or what a feeder that died had taken, as FOLDER/queue.sending. It stays there
 * until wafer_queue_done. False with errno; a batch of 0 when there is nothing. */
bool wafer_queue_take(const struct wafer_site *site, const uint8_t key[WAFER_WIRE_KEY_SIZE],
                      struct wafer_queue_batch *batch);
/* All of it is published. */
bool wafer_queue_done(const struct wafer_site *site);
void wafer_queue_free(struct wafer_queue_batch *batch);

#endif
