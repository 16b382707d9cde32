/* The one place that reads the system's clock. */
#ifndef WAFER_SRC_CLOCK_H
#define WAFER_SRC_CLOCK_H

#include <wafer.h>

/* Whether a time can be one: 0 .. WAFER_TIME_MAX_MS. */
bool wafer_is_time(int64_t at_ms);

/* Milliseconds since 1970 from `clock`, or from the system's if that is NULL. False when the value
 * is outside 0 .. WAFER_TIME_MAX_MS: such a clock cannot be used. */
bool wafer_clock_read(wafer_clock clock, void *context, int64_t *now_ms);

/* The system's clock as fine as it is, in nanoseconds: to tell one moment from another, not to
 * measure. False when it cannot be read. */
bool wafer_clock_fine(uint64_t *now_ns);

#endif
