#include "moment.h"

#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool wafer_moment_now(const wafer_revocations_settings *table, int64_t *now_ms)
{
    struct timespec now;

    *now_ms = -1;
    if (table->clock != NULL) {
        *now_ms = table->clock(table->clock_context);
    } else if (clock_gettime(CLOCK_REALTIME, &now) == 0) {
        int64_t seconds = now.tv_sec;
        if (seconds >= 0 && seconds <= WAFER_TIME_MAX_MS / 1000)
            *now_ms = seconds * 1000 + now.tv_nsec / 1000000;
    }
    return *now_ms >= 0 && *now_ms <= WAFER_TIME_MAX_MS;
}

int64_t wafer_moment_steady(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void wafer_moment_nap(int64_t milliseconds)
{
    const struct timespec nap = {(time_t)(milliseconds / 1000),
                                 (long)(milliseconds % 1000) * 1000000};

    if (milliseconds > 0)
        (void)nanosleep(&nap, NULL);
}

uint64_t wafer_moment_spread(uint64_t below)
{
    struct {
        struct timespec real;
        struct timespec steady;
        uint64_t process;
        char host[64];
    } seed;
    uint64_t hash;

    memset(&seed, 0, sizeof seed);
    (void)clock_gettime(CLOCK_REALTIME, &seed.real);
    (void)clock_gettime(CLOCK_MONOTONIC, &seed.steady);
    seed.process = (uint64_t)getpid();
    (void)gethostname(seed.host, sizeof seed.host - 1);
    (void)crypto_generichash((unsigned char *)&hash, sizeof hash, (const unsigned char *)&seed,
                             sizeof seed, NULL, 0);
    return below > 0 ? hash % below : 0;
}
