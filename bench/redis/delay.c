/* From wafer_revoke_session on one host to refusal on another. Whoever waits for it sleeps between
 * two looks: one that does not takes a processor from Redis and the feeders, which shows as a tail
 * of milliseconds where there are two. */
#define _GNU_SOURCE
#include "hosts.h"

#include <sys/prctl.h>

#define RUNS     7
#define COUNT    300
#define LOOK_US  20    /* between two looks */
#define PAUSE_US 10000 /* between two revocations */
#define STREAM   "delay"

struct run {
    int64_t p50_us;
    int64_t p99_us;
    int64_t longest_us;
    double load;
};

static uint64_t next_number = 1;

static struct run measure(wafer_revocations *here, wafer_revocations *there)
{
    int64_t took_us[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        int64_t begun_us = hosts_now_us();
        uint8_t id[WAFER_ID_SIZE];

        hosts_id(++next_number, id);
        hosts_require(wafer_revoke_session(here, id) == WAFER_OK, "a revocation is not published");
        while (!hosts_refuses(there, next_number))
            hosts_nap(LOOK_US);
        took_us[i] = hosts_now_us() - begun_us;
        hosts_nap(PAUSE_US);
    }
    hosts_sort(took_us, COUNT);
    return (struct run){hosts_at(took_us, COUNT, 0.5), hosts_at(took_us, COUNT, 0.99),
                        took_us[COUNT - 1], hosts_load()};
}

/* Keeps the runs sorted by p99. */
static void sort_in(struct run *runs, size_t count, struct run run)
{
    size_t at = count;

    for (; at > 0 && runs[at - 1].p99_us > run.p99_us; at--)
        runs[at] = runs[at - 1];
    runs[at] = run;
}

static void tell(const char *name, const struct run *run)
{
    const struct {
        const char *figure;
        int64_t value;
    } rows[] = {{"p50", run->p50_us}, {"p99", run->p99_us}, {"longest", run->longest_us}};
    char what[80];
    char remark[80];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)snprintf(what, sizeof what, "revoked until refused, %s run, %s", name,
                       rows[i].figure);
        (void)snprintf(remark, sizeof remark, "%sload %.1f", i == 1 ? "bar 1000; " : "", run->load);
        hosts_tell(what, (double)rows[i].value, "us", remark);
    }
}

void measure_delay(void)
{
    struct run runs[RUNS];
    wafer_revocations *here;
    wafer_revocations *there;
    pid_t feeders[2];

    hosts_make("delay-a");
    hosts_make("delay-b");
    feeders[0] = hosts_start("delay-a", STREAM, 100000);
    feeders[1] = hosts_start("delay-b", STREAM, 100000);
    hosts_await("delay-a", true);
    hosts_await("delay-b", true);
    here = hosts_list("delay-a", STREAM);
    there = hosts_list("delay-b", STREAM);
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    for (size_t i = 0; i < RUNS; i++)
        sort_in(runs, i, measure(here, there));
    (void)prctl(PR_SET_TIMERSLACK, 0UL);
    tell("best", &runs[0]);
    tell("median", &runs[RUNS / 2]);
    wafer_revocations_free(here);
    wafer_revocations_free(there);
    hosts_end(feeders[0]);
    hosts_end(feeders[1]);
}
