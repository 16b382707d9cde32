/* What the benchmarks share: CPU time, turns and rounds, and who measured where.
 *
 * A benchmark is one file and one process. Its cases take turns: in each round every case runs
 * once, right before its floor, so that a machine that slows down slows both; the ratio is taken
 * within the rounds. Compare numbers of one run only.
 *
 * Include this first: pinning needs a wider <sched.h>. */
#ifndef WAFER_BENCH_BENCH_H
#define WAFER_BENCH_BENCH_H

#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#endif

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_ROUNDS  7
#define BENCH_TURN_NS 20000000
#define BENCH_WARM_NS 5000000

/* Runs `count` times what is measured; prepare (NULL: nothing) goes before each run, unmeasured. */
struct bench_task {
    void (*prepare)(void *context);
    void (*run)(void *context);
};

struct bench_case {
    const char *subject;
    int size;
    void *context;
    struct bench_task whole;
    struct bench_task floor;
    double whole_ns[BENCH_ROUNDS];
    double floor_ns[BENCH_ROUNDS];
    double ratio[BENCH_ROUNDS];
};

static inline void bench_require(bool truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* ---- measuring */

static inline int64_t bench_cpu_ns(void)
{
    struct timespec now;

    bench_require(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0, "no clock of CPU time");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds for one of `count`, averaged over a turn. */
static inline double bench_turn(const struct bench_task *task, void *context, size_t count,
                                int64_t turn_ns)
{
    int64_t spent_ns = 0;
    size_t done = 0;

    while (spent_ns < turn_ns) {
        int64_t start_ns;

        if (task->prepare != NULL)
            task->prepare(context);
        start_ns = bench_cpu_ns();
        task->run(context);
        spent_ns += bench_cpu_ns() - start_ns;
        done += count;
    }
    return (double)spent_ns / (double)done;
}

static inline int bench_compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Fills in the cases' rounds, in ascending order. A run does `count` of its task. */
static inline void bench_measure(struct bench_case *cases, size_t case_count, size_t count)
{
    for (size_t i = 0; i < case_count; i++) {
        bench_turn(&cases[i].whole, cases[i].context, count, BENCH_WARM_NS);
        bench_turn(&cases[i].floor, cases[i].context, count, BENCH_WARM_NS);
    }
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        for (size_t i = 0; i < case_count; i++) {
            struct bench_case *at = &cases[i];

            at->whole_ns[round] = bench_turn(&at->whole, at->context, count, BENCH_TURN_NS);
            at->floor_ns[round] = bench_turn(&at->floor, at->context, count, BENCH_TURN_NS);
            at->ratio[round] = at->whole_ns[round] / at->floor_ns[round];
        }
    }
    for (size_t i = 0; i < case_count; i++) {
        qsort(cases[i].whole_ns, BENCH_ROUNDS, sizeof(double), bench_compare);
        qsort(cases[i].floor_ns, BENCH_ROUNDS, sizeof(double), bench_compare);
        qsort(cases[i].ratio, BENCH_ROUNDS, sizeof(double), bench_compare);
    }
}

/* ---- telling */

/* True when the process stays on the processor it is on. */
static inline bool bench_pin(void)
{
#ifdef __linux__
    cpu_set_t set;
    int here = sched_getcpu();

    if (here < 0)
        return false;
    CPU_ZERO(&set);
    CPU_SET((size_t)here, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
#else
    return false;
#endif
}

/* Prints the first line of a file that begins with `word`, from behind `word` and a colon on. */
static inline void bench_print_line(const char *label, const char *path, const char *word)
{
    char line[2048];
    const char *text = "unknown";
    FILE *file = fopen(path, "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, word, strlen(word)) == 0) {
            text = line + strlen(word);
            text += strspn(text, "\t :");
            break;
        }
    }
    printf("%-10s %.*s\n", label, (int)strcspn(text, "\n"), text);
    if (file != NULL)
        fclose(file);
}

/* Prints who measures where, and pins. The build's flags are above the program's folder. */
static inline void bench_begin(const char *folder)
{
    char path[4096];

    bench_print_line("CPU", "/proc/cpuinfo", "model name");
#ifdef __clang__
    printf("%-10s %s\n", "compiler", __VERSION__);
#else
    printf("%-10s gcc %s\n", "compiler", __VERSION__);
#endif
    snprintf(path, sizeof path, "%s/../flags", folder);
    bench_print_line("flags", path, "");
    printf("%-10s %s\n", "libsodium", sodium_version_string());
    printf("%-10s CPU time, %s; medians of %d rounds; spread is (largest - smallest) / median\n\n",
           "figures", bench_pin() ? "pinned to one processor" : "not pinned", BENCH_ROUNDS);
    fflush(stdout);
}

/* One row for people, one line of JSON for programs. */
static inline void bench_print(const struct bench_case *done, FILE *json)
{
    double whole_ns = done->whole_ns[BENCH_ROUNDS / 2];
    double floor_ns = done->floor_ns[BENCH_ROUNDS / 2];
    double ratio = done->ratio[BENCH_ROUNDS / 2];
    double spread = (done->whole_ns[BENCH_ROUNDS - 1] - done->whole_ns[0]) / whole_ns;

    printf("%-8s %6d %8.0f %6.1f %% %9.0f %7.2f\n", done->subject, done->size, whole_ns,
           100 * spread, floor_ns, ratio);
    fprintf(json, "{\"subject\":\"%s\",\"size\":%d,\"ns\":%.1f,\"floor_ns\":%.1f,\"ratio\":%.3f}\n",
            done->subject, done->size, whole_ns, floor_ns, ratio);
}

/* All of them; the JSON goes to `name` in the program's folder. */
static inline void bench_print_all(const struct bench_case *cases, size_t case_count,
                                   const char *folder, const char *name)
{
    char path[4096];
    FILE *json;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    json = fopen(path, "w");
    bench_require(json != NULL, "the figures cannot be written beside the program");
    printf("%-8s %6s %8s %8s %9s %7s\n", "subject", "size", "ns", "spread", "floor ns", "ratio");
    for (size_t i = 0; i < case_count; i++)
        bench_print(&cases[i], json);
    bench_require(fclose(json) == 0, "the figures cannot be written");
}

/* The folder of the program: what stands in front of the last slash of argv[0]. */
static inline const char *bench_folder(char *program)
{
    char *slash = program != NULL ? strrchr(program, '/') : NULL;

    if (slash == NULL)
        return ".";
    *slash = '\0';
    return program;
}

#endif
