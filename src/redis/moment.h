/* Clocks: what time it is, and how long something takes. */
#ifndef WAFER_SRC_REDIS_MOMENT_H
#define WAFER_SRC_REDIS_MOMENT_H

#include <wafer.h>

/* Milliseconds since 1970 by the clock of the table's settings; false when it cannot be used. */
bool wafer_moment_now(const wafer_revocations_settings *table, int64_t *now_ms);

/* Milliseconds of a clock that nobody sets. */
int64_t wafer_moment_steady(void);

/* Sleeps, or less when a signal comes. */
void wafer_moment_nap(int64_t milliseconds);

/* A number below `below` that other processes, and this one at another time, hardly get: to keep
 * machines from doing the same at once, no secret. */
uint64_t wafer_moment_spread(uint64_t below);

#endif
