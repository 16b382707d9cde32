/* Publishing from processes that serve requests: one connection a process, made when it is first
 * needed, anew after fork, and left alone for a while after a failure. */
#ifndef WAFER_SRC_REDIS_PUBLISHER_H
#define WAFER_SRC_REDIS_PUBLISHER_H

#include "connection.h"

struct wafer_publisher;

/* `access` outlives it. NULL when there is no memory. */
struct wafer_publisher *wafer_publisher_new(const struct wafer_access_data *access,
                                            int64_t timeout_ms);
void wafer_publisher_free(struct wafer_publisher *publisher);

/* Adds records to the stream, and says how many of them, from the first on, Redis acknowledged.
 * Returns after timeout_ms at the latest, and almost at once soon after a failure. */
size_t wafer_publisher_send(struct wafer_publisher *publisher,
                            const uint8_t (*records)[WAFER_WIRE_SIZE], size_t count);

#endif
