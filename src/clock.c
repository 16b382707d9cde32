#include "clock.h"

#include <time.h>

static bool system_clock(int64_t *now_ms)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return false;
    const int64_t seconds = now.tv_sec;
    if (seconds < 0 || seconds > WAFER_TIME_MAX_MS / 1000)
        return false;
    *now_ms = seconds * 1000 + now.tv_nsec / 1000000;
    return true;
}

bool wafer_is_time(int64_t at_ms)
{
    return at_ms >= 0 && at_ms <= WAFER_TIME_MAX_MS;
}

bool wafer_clock_read(wafer_clock clock, void *context, int64_t *now_ms)
{
    int64_t value;

    if (clock != NULL)
        value = clock(context);
    else if (!system_clock(&value))
        return false;
    if (!wafer_is_time(value))
        return false;
    *now_ms = value;
    return true;
}

bool wafer_clock_fine(uint64_t *now_ns)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return false;
    *now_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    return true;
}
