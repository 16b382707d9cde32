/* What the table holds and a stream that was lost does not: found by taking a copy of the table,
 * and crossing out what the stream turns out to have. */
#ifndef WAFER_SRC_REDIS_LACKING_H
#define WAFER_SRC_REDIS_LACKING_H

#include <wafer.h>

struct wafer_lacking;

/* The table's entries that are not older than keep_from_ms. NULL with a result. */
wafer_result wafer_lacking_new(wafer_revocations *table, int64_t keep_from_ms,
                               struct wafer_lacking **lacking);
void wafer_lacking_free(struct wafer_lacking *lacking);

/* The stream has this entry. */
void wafer_lacking_found(struct wafer_lacking *lacking, const wafer_revocation *entry);

/* Goes through what is left once more. Where it begins differs from machine to machine, so that
 * several that give back share the work. */
void wafer_lacking_begin(struct wafer_lacking *lacking);
/* Copies at most `room` of what is left, and returns how many; 0 when it is through. */
size_t wafer_lacking_next(struct wafer_lacking *lacking, wafer_revocation *entries, size_t room);
size_t wafer_lacking_count(const struct wafer_lacking *lacking);

#endif
