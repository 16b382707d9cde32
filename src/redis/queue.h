/* Entries that could not be published yet: FOLDER/queue, records of the stream one after another.
 * Each is padded to WAFER_QUEUE_ROW bytes; its signature tells whether it is whole.
 *
 * The feeder gives the file another name, queue.sending, publishes the last rows of it and cuts
 * them off, and so on to the first one. So the file says at any time what is left, whoever goes on
 * with it; a crash lets a few be sent twice and none be lost. In which order entries come is of no
 * matter. */
#ifndef WAFER_SRC_REDIS_QUEUE_H
#define WAFER_SRC_REDIS_QUEUE_H

#include "site.h"

#define WAFER_QUEUE_ROW 48

/* Rows that are published in one go, at most. */
#define WAFER_QUEUE_PIECE 500

/* Appends records and waits until they are on the disk; who holds the queue's lock is waited for
 * wait_ms at most. False with errno, ETIMEDOUT for the lock: none is in the queue, or, when syncing
 * the disk failed, none for sure. */
bool wafer_queue_append(const struct wafer_site *site, const uint8_t (*records)[WAFER_WIRE_SIZE],
                        size_t count, int64_t wait_ms);

/* How many wait, those under way included. */
uint64_t wafer_queue_length(const struct wafer_site *site);

/* What is to be published next: rows from the end of the queue, the last one first. */
struct wafer_queue_piece {
    uint8_t records[WAFER_QUEUE_PIECE][WAFER_WIRE_SIZE];
    off_t begins[WAFER_QUEUE_PIECE]; /* where the row of each record is in the file */
    size_t count;
    int file; /* -1: there was none */
    off_t begin;
    off_t end;
};

/* Takes `most` rows, 1 to WAFER_QUEUE_PIECE, or what there is; wafer_queue_cut is then called.
 * False with *error. */
bool wafer_queue_take(const struct wafer_site *site, const uint8_t key[WAFER_WIRE_KEY_SIZE],
                      size_t most, struct wafer_queue_piece *piece, wafer_error *error);

/* The first `sent` records of the piece are published and leave the queue. *damaged counts rows
 * that were not whole and went with them. False with *error: they will be taken again. */
bool wafer_queue_cut(const struct wafer_site *site, struct wafer_queue_piece *piece, size_t sent,
                     size_t *damaged, wafer_error *error);

#endif
