/* What the benchmarks share: CPU time, turns, pairs and rounds, and who measured where.
 *
 * A benchmark is one file and one process. What is measured and its floor take short turns, one
 * right after the other, because a machine may change its speed at any moment: the ratio is taken
 * of each such pair. A round's ratio is the median of its pairs, a row's that of the rounds, in
 * which the cases take turns. So compare ratios, and nanoseconds only within one run.
 *
 * Company on the machine costs more where more memory and code are in use, so it moves ratios too.
 * The quiet ratio is that of the quickest turns: what both cost when nobody disturbs. It repeats
 * best, and bench/check.py goes by it.
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

#define BENCH_ROUNDS  9
#define BENCH_PAIRS   81 /* in a round of one case */
#define BENCH_COPIES  32
#define BENCH_TURN_NS 200000
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
    double whole_parts; /* of one run of the whole; ns and ratio are for one part. 0 stands for 1 */
    double floor_parts;
    size_t cookie_bytes; /* what comes of it; 0: no cookie, and no such column */
    double whole_ns[BENCH_ROUNDS];
    double floor_ns[BENCH_ROUNDS];
    double ratio[BENCH_ROUNDS];
    double whole_least_ns; /* of all turns; 0: not measured in turns */
    double floor_least_ns;
};

static inline void bench_require(bool truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* Calls memcpy BENCH_COPIES times, as one is too short for the clock; compilers cannot see that
 * nobody uses the copy. */
static inline void bench_copy(void *to, const void *from, size_t length)
{
    static void *(*volatile copy)(void *to, const void *from, size_t length) = memcpy;

    for (int i = 0; i < BENCH_COPIES; i++)
        copy(to, from, length);
}

/* ---- measuring */

static inline int64_t bench_cpu_ns(void)
{
    struct timespec now;

    bench_require(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0, "no clock of CPU time");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int bench_compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Sorts them. */
static inline double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, bench_compare);
    return values[count / 2];
}

/* What looking at the clock twice adds to what lies between. */
static inline double bench_clock_ns(void)
{
    static double looks[1001];
    static double cost_ns = -1;

    if (cost_ns < 0) {
        for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
            int64_t start_ns = bench_cpu_ns();

            looks[i] = (double)(bench_cpu_ns() - start_ns);
        }
        cost_ns = bench_median(looks, sizeof looks / sizeof *looks);
    }
    return cost_ns;
}

/* Nanoseconds for one of `count`, averaged over a turn. */
static inline double bench_turn(const struct bench_task *task, void *context, size_t count,
                                int64_t turn_ns)
{
    double clock_ns = bench_clock_ns();
    int64_t spent_ns = 0;
    size_t runs = 0;

    while (spent_ns < turn_ns) {
        int64_t start_ns;

        if (task->prepare != NULL)
            task->prepare(context);
        start_ns = bench_cpu_ns();
        task->run(context);
        spent_ns += bench_cpu_ns() - start_ns;
        runs++;
    }
    return ((double)spent_ns - clock_ns * (double)runs) / (double)(runs * count);
}

static inline void bench_lower(double *least, double value)
{
    if (*least == 0 || value < *least)
        *least = value;
}

/* Fills in a round of a case. */
static inline void bench_round(struct bench_case *at, size_t round, size_t count)
{
    double whole_ns[BENCH_PAIRS];
    double floor_ns[BENCH_PAIRS];
    double ratio[BENCH_PAIRS];
    double whole_parts = at->whole_parts > 0 ? at->whole_parts : 1;
    double floor_parts = at->floor_parts > 0 ? at->floor_parts : 1;

    for (size_t i = 0; i < BENCH_PAIRS; i++) {
        whole_ns[i] = bench_turn(&at->whole, at->context, count, BENCH_TURN_NS) / whole_parts;
        floor_ns[i] = bench_turn(&at->floor, at->context, count, BENCH_TURN_NS) / floor_parts;
        ratio[i] = whole_ns[i] / floor_ns[i];
        bench_lower(&at->whole_least_ns, whole_ns[i]);
        bench_lower(&at->floor_least_ns, floor_ns[i]);
    }
    at->whole_ns[round] = bench_median(whole_ns, BENCH_PAIRS);
    at->floor_ns[round] = bench_median(floor_ns, BENCH_PAIRS);
    at->ratio[round] = bench_median(ratio, BENCH_PAIRS);
}

static inline void bench_sort(struct bench_case *at)
{
    qsort(at->whole_ns, BENCH_ROUNDS, sizeof(double), bench_compare);
    qsort(at->floor_ns, BENCH_ROUNDS, sizeof(double), bench_compare);
    qsort(at->ratio, BENCH_ROUNDS, sizeof(double), bench_compare);
}

/* Fills in the cases' rounds, in ascending order. A run does `count` of its task. */
static inline void bench_measure(struct bench_case *cases, size_t case_count, size_t count)
{
    for (size_t i = 0; i < case_count; i++) {
        bench_turn(&cases[i].whole, cases[i].context, count, BENCH_WARM_NS);
        bench_turn(&cases[i].floor, cases[i].context, count, BENCH_WARM_NS);
    }
    for (size_t round = 0; round < BENCH_ROUNDS; round++)
        for (size_t i = 0; i < case_count; i++)
            bench_round(&cases[i], round, count);
    for (size_t i = 0; i < case_count; i++)
        bench_sort(&cases[i]);
}

/* ---- telling */

/* True when the calling thread stays on this processor. */
static inline bool bench_pin_to(int processor)
{
#ifdef __linux__
    cpu_set_t set;

    if (processor < 0)
        return false;
    CPU_ZERO(&set);
    CPU_SET((size_t)processor, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
#else
    (void)processor;
    return false;
#endif
}

/* The same for the one it is on. */
static inline bool bench_pin(void)
{
#ifdef __linux__
    return bench_pin_to(sched_getcpu());
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
            size_t skipped = strlen(word);

            text = &line[skipped + strspn(&line[skipped], "\t :")];
            break;
        }
    }
    printf("%-10s %.*s\n", label, (int)strcspn(text, "\n"), text);
    if (file != NULL)
        fclose(file);
}

/* libb64 itself does not say. */
static inline void bench_print_libb64(void)
{
    char version[64] = "unknown";
    FILE *asked = popen("dpkg-query -W -f '${Version}\\n' libb64-dev 2>&1", "r");

    if (asked != NULL) {
        char answer[sizeof version];
        bool there = fgets(answer, sizeof answer, asked) != NULL;

        if (pclose(asked) == 0 && there)
            memcpy(version, answer, sizeof version);
    }
    printf("%-10s %.*s\n", "libb64", (int)strcspn(version, "\n"), version);
}

/* Prints who measures where. The build's flags are above the program's folder. */
static inline void bench_print_machine(const char *folder)
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
    bench_print_libb64();
}

/* The same, and pins. */
static inline void bench_begin(const char *folder)
{
    bench_print_machine(folder);
    printf("%-10s CPU time, %s; medians of %d rounds; a ratio is the median of %d pairs of turns\n"
           "%-10s in a round; spread is (largest - smallest) / median of the rounds; quiet is the\n"
           "%-10s ratio of the quickest turns\n\n",
           "figures", bench_pin() ? "pinned to one processor" : "not pinned", BENCH_ROUNDS,
           BENCH_PAIRS, "", "");
    fflush(stdout);
}

/* Of what was sorted. */
static inline double bench_spread(const double sorted[BENCH_ROUNDS])
{
    return (sorted[BENCH_ROUNDS - 1] - sorted[0]) / sorted[BENCH_ROUNDS / 2];
}

/* One row for people, one line of JSON for programs. */
static inline void bench_print(const struct bench_case *done, FILE *json)
{
    double whole_ns = done->whole_ns[BENCH_ROUNDS / 2];
    double floor_ns = done->floor_ns[BENCH_ROUNDS / 2];
    double ratio = done->ratio[BENCH_ROUNDS / 2];
    double spread = bench_spread(done->ratio);
    double quiet = done->floor_least_ns > 0 ? done->whole_least_ns / done->floor_least_ns : ratio;

    printf("%-18s %8d %9.*f %6.1f %% %9.*f %8.*f %6.1f %% %8.*f", done->subject, done->size,
           whole_ns < 10 ? 3 : 0, whole_ns, 100 * bench_spread(done->whole_ns),
           floor_ns < 10 ? 3 : 0, floor_ns, ratio < 10 ? 3 : 1, ratio, 100 * spread,
           quiet < 10 ? 3 : 1, quiet);
    fprintf(json,
            "{\"subject\":\"%s\",\"size\":%d,\"ns\":%.3f,\"floor_ns\":%.3f,\"ratio\":%.3f,"
            "\"spread\":%.3f,\"quiet\":%.3f",
            done->subject, done->size, whole_ns, floor_ns, ratio, spread, quiet);
    if (done->cookie_bytes > 0) {
        printf(" %7zu", done->cookie_bytes);
        fprintf(json, ",\"cookie_bytes\":%zu", done->cookie_bytes);
    }
    printf("\n");
    fprintf(json, "}\n");
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
    printf("%-18s %8s %9s %8s %9s %8s %8s %8s%s\n", "subject", "size", "ns", "spread", "floor ns",
           "ratio", "spread", "quiet", cases[0].cookie_bytes > 0 ? "  cookie" : "");
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
