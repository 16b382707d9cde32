/* Two threads on processors of their own, each with its own session and both with one manager, key
 * ring and list, beside each of the two alone.
 *
 *     open    as in bench_session.c, at 256 bytes
 *     seal    the same request, then five puts, wafer_finish and wafer_end
 *     bare    libsodium's call that opens as much: shares nothing, and so shows what the machine
 *             itself loses when both processors work
 *
 * ns are those of wall-clock time for an operation of one thread alone, the floor is the time from
 * one operation of either to the next when both work. So the ratio says how many times as much two
 * get done: 2 when neither waits for the other. "CPU" rows count the threads' CPU time instead,
 * which others on the machine do not take: they show cache lines that travel, but no waiting. */
#include "bare.h"
#include "world.h"

#include <pthread.h>

#define THREADS 2
#define TRIPLES 25 /* of turns, in a round */
#define TURN_NS 3000000
#define SIZE    1 /* of world_sizes */

struct worker {
    int processor;
    void (*run)(struct worker *worker); /* WORLD_BATCH operations */
    pthread_barrier_t *start;
    struct world world; /* shared but for the sessions */
    struct world_load load;
    struct bare bare;
    double wall_ns; /* of one operation */
    double cpu_ns;
};

static void run_open(struct worker *worker)
{
    world_run_open(&worker->load);
}

static void run_seal(struct worker *worker)
{
    const struct world_load *load = &worker->load;
    wafer_session *session = worker->world.session[0];

    for (size_t i = 0; i < WORLD_BATCH; i++) {
        bench_require(world_open(session, &load->empty) == WAFER_VALID,
                      "an empty session does not open");
        world_put(load->world, session, load->note_length);
        world_finish(session);
        wafer_end(session);
    }
}

static void run_bare(struct worker *worker)
{
    for (size_t i = 0; i < WORLD_BATCH; i++)
        bare_open(&worker->bare, worker->load.plain_length);
}

/* ---- a turn */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    bench_require(clock_gettime(clock, &now) == 0, "no clock");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *work(void *context)
{
    struct worker *worker = context;
    size_t done = 0;
    int64_t wall_ns;
    int64_t cpu_ns;
    int64_t spent_ns;

    bench_pin_to(worker->processor);
    worker->run(worker);
    pthread_barrier_wait(worker->start);
    wall_ns = clock_ns(CLOCK_MONOTONIC);
    cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    do {
        worker->run(worker);
        done += WORLD_BATCH;
        spent_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns;
    } while (spent_ns < TURN_NS);
    worker->wall_ns = (double)spent_ns / (double)done;
    worker->cpu_ns = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns) / (double)done;
    return NULL;
}

/* Lets them work at the same time. */
static void turn(struct worker *workers, size_t count, void (*run)(struct worker *worker))
{
    pthread_t threads[THREADS];
    pthread_barrier_t start;

    bench_require(pthread_barrier_init(&start, NULL, (unsigned)count) == 0, "no barrier");
    for (size_t i = 0; i < count; i++) {
        workers[i].run = run;
        workers[i].start = &start;
        bench_require(pthread_create(&threads[i], NULL, work, &workers[i]) == 0, "no thread");
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
}

/* ---- rounds */

/* From one operation to the next. */
struct cost {
    double alone_ns[TRIPLES];
    double both_ns[TRIPLES];
};

static void keep_round(struct bench_case *at, size_t round, struct cost *cost)
{
    double ratio[TRIPLES];

    for (size_t i = 0; i < TRIPLES; i++) {
        ratio[i] = cost->alone_ns[i] / cost->both_ns[i];
        bench_lower(&at->whole_least_ns, cost->alone_ns[i]);
        bench_lower(&at->floor_least_ns, cost->both_ns[i]);
    }
    at->whole_ns[round] = bench_median(cost->alone_ns, TRIPLES);
    at->floor_ns[round] = bench_median(cost->both_ns, TRIPLES);
    at->ratio[round] = bench_median(ratio, TRIPLES);
}

/* A rate is operations in a nanosecond, so rates add up. */
static void measure_round(struct worker workers[THREADS], void (*run)(struct worker *worker),
                          size_t round, struct bench_case *wall, struct bench_case *cpu)
{
    struct cost wall_cost;
    struct cost cpu_cost;

    for (size_t i = 0; i < TRIPLES; i++) {
        double wall_rate = 0;
        double cpu_rate = 0;

        for (size_t k = 0; k < THREADS; k++) {
            turn(&workers[k], 1, run);
            wall_rate += 1 / workers[k].wall_ns;
            cpu_rate += 1 / workers[k].cpu_ns;
        }
        wall_cost.alone_ns[i] = THREADS / wall_rate;
        cpu_cost.alone_ns[i] = THREADS / cpu_rate;
        turn(workers, THREADS, run);
        wall_rate = cpu_rate = 0;
        for (size_t k = 0; k < THREADS; k++) {
            wall_rate += 1 / workers[k].wall_ns;
            cpu_rate += 1 / workers[k].cpu_ns;
        }
        wall_cost.both_ns[i] = 1 / wall_rate;
        cpu_cost.both_ns[i] = 1 / cpu_rate;
    }
    keep_round(wall, round, &wall_cost);
    keep_round(cpu, round, &cpu_cost);
}

/* ---- setting up */

/* The first processors that this process may use; false when they are too few. */
static bool choose_processors(struct worker workers[THREADS])
{
    size_t found = 0;
#ifdef __linux__
    cpu_set_t set;

    bench_require(sched_getaffinity(0, sizeof set, &set) == 0, "no processors");
    for (int i = 0; i < CPU_SETSIZE && found < THREADS; i++)
        if (CPU_ISSET((size_t)i, &set))
            workers[found++].processor = i;
#else
    for (; found < THREADS; found++)
        workers[found].processor = -1;
#endif
    return found == THREADS;
}

static void make_worker(struct worker *worker, const struct world *world,
                        const struct world_load *load)
{
    worker->world = *world;
    worker->load = *load;
    worker->load.world = &worker->world;
    bench_require(wafer_session_new(world->manager, &worker->world.session[0]) == WAFER_OK,
                  "no session");
    bare_make(&worker->bare);
    bare_seal(&worker->bare, load->plain_length);
}

static const struct {
    const char *wall;
    const char *cpu;
    void (*run)(struct worker *worker);
} subjects[] = {{"open", "open, CPU", run_open},
                {"seal", "seal, CPU", run_seal},
                {"bare", "bare, CPU", run_bare}};

#define SUBJECTS (sizeof subjects / sizeof *subjects)

int main(int count, char **arguments)
{
    static struct world world;
    static struct world_load load;
    static struct worker workers[THREADS];
    static struct bench_case cases[2 * SUBJECTS];
    const char *folder = bench_folder(count > 0 ? arguments[0] : NULL);

    bench_require(choose_processors(workers), "two threads need two processors");
    bench_print_machine(folder);
    printf("%-10s each thread on a processor of its own; medians of %d rounds of %d times three\n"
           "%-10s turns: one alone, the other alone, both; quiet is the ratio of the quickest "
           "turns\n\n",
           "figures", BENCH_ROUNDS, TRIPLES, "");
    world_make(&world);
    world_make_load(&load, &world, &world_sizes[SIZE], false);
    for (size_t i = 0; i < THREADS; i++)
        make_worker(&workers[i], &world, &load);
    for (size_t i = 0; i < SUBJECTS; i++) {
        cases[i] = (struct bench_case){.subject = subjects[i].wall, .size = load.size};
        cases[SUBJECTS + i] = (struct bench_case){.subject = subjects[i].cpu, .size = load.size};
    }
    for (size_t round = 0; round < BENCH_ROUNDS; round++)
        for (size_t i = 0; i < SUBJECTS; i++)
            measure_round(workers, subjects[i].run, round, &cases[i], &cases[SUBJECTS + i]);
    for (size_t i = 0; i < 2 * SUBJECTS; i++)
        bench_sort(&cases[i]);
    bench_print_all(cases, 2 * SUBJECTS, folder, "threads.json");
    return 0;
}
