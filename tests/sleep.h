/* Nobody sleeps: this nanosleep stands in front of the library's, and only counts. The Makefile
 * links with --wrap what a test wraps. For one file of a program. */
#ifndef WAFER_TESTS_SLEEP_H
#define WAFER_TESTS_SLEEP_H

#include <stdint.h>
#include <time.h>

static long waits;       /* how often somebody slept */
static int64_t slept_ns; /* for how long in all */

int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
    (void)rest;
    waits++;
    slept_ns += time->tv_sec * INT64_C(1000000000) + time->tv_nsec;
    return 0;
}

#endif
