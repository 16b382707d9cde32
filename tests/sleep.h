/* Nobody sleeps: this nanosleep stands in front of the library's, and only counts. The Makefile
 * links with --wrap what a test wraps. For one file of a program. */
#ifndef WAFER_TESTS_SLEEP_H
#define WAFER_TESTS_SLEEP_H

#include <time.h>

static long waits; /* how often somebody slept */

int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
    (void)time;
    (void)rest;
    waits++;
    return 0;
}

#endif
