/* A thousand mirrors at a thousand revocations a second: from publishing until all have it.
 *
 * Some are real: feeders with tables, threads of one process. The others only ask and read, as real
 * ones do (mirror.h): a thousand tables take a million entries a second, more than two processors
 * do beside Redis. */
#define _GNU_SOURCE
#include "hosts.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mirror.h"

#define REAL       20
#define SIMULATED  980
#define PUBLISHERS 4
#define RATE       1000
#define SECONDS    20
#define TOTAL      ((size_t)RATE * SECONDS)
#define SETTLE_US  1000000 /* before the first */
#define PATIENCE_S 10      /* after the last */
#define GAP_US     100000  /* as in src/redis/follow.c */
#define LOOK_US    2000    /* between two looks into the real tables */
#define LONGEST_MS 10000
#define SETTLED    ((size_t)RATE * 2)
#define STREAM     "mirrors"

/* How long it took to one kind of mirrors. */
struct arrivals {
    uint64_t by_ms[LONGEST_MS]; /* of each revocation at each mirror */
    uint64_t count;
    int64_t last_us[TOTAL]; /* until the last mirror had it */
    uint32_t at[TOTAL];     /* mirrors that have it */
};

/* What the processes share. */
static struct board {
    int64_t begin_us;
    _Atomic int64_t published_us[TOTAL];
    struct arrivals real;
    struct arrivals simulated;
} * board;

static void arrive(struct arrivals *arrivals, uint64_t number)
{
    int64_t took_us = hosts_now_us() - atomic_load(&board->published_us[number]);
    size_t ms = (size_t)took_us / 1000;

    arrivals->by_ms[ms < LONGEST_MS ? ms : LONGEST_MS - 1]++;
    arrivals->count++;
    arrivals->at[number]++;
    if (took_us > arrivals->last_us[number])
        arrivals->last_us[number] = took_us;
}

/* ---- Processes ---- */

static pid_t begin_process(void (*run)(int number), int number)
{
    pid_t parent = getpid();
    pid_t process;

    fflush(NULL);
    process = fork();
    hosts_require(process >= 0, "no process");
    if (process > 0)
        return process;
    hosts_require(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent,
                  "a process would outlive the program");
    run(number);
    _exit(0);
}

static void name_host(int number, char name[32])
{
    (void)snprintf(name, 32, "mirror-%d", number);
}

static void *run_feeder(void *feeder)
{
    wafer_error error;

    hosts_require(wafer_redis_feeder_run(feeder, NULL, NULL, &error) == WAFER_OK, error.text);
    return NULL;
}

static void run_feeders(int count)
{
    pthread_t threads[REAL];
    char name[32];

    for (int i = 0; i < count; i++) {
        name_host(i, name);
        hosts_require(pthread_create(&threads[i], NULL, run_feeder,
                                     hosts_feeder(name, STREAM, 4 * TOTAL)) == 0,
                      "no thread");
    }
    for (int i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
}

/* Each publishes every PUBLISHERS-th, when its time has come. */
static void run_publisher(int first)
{
    wafer_revocations *list;
    char name[32];

    name_host(first, name);
    list = hosts_list(name, STREAM);
    for (size_t number = (size_t)first; number < TOTAL; number += PUBLISHERS) {
        int64_t due_us = board->begin_us + (int64_t)(number * 1000000 / RATE);
        uint8_t id[WAFER_ID_SIZE];

        hosts_nap(due_us - hosts_now_us());
        hosts_id(number, id);
        atomic_store(&board->published_us[number], hosts_now_us());
        hosts_require(wafer_revoke_session(list, id) == WAFER_OK, "a revocation is not published");
    }
}

/* Looks when the real tables refuse each. */
static void run_observer(int count)
{
    wafer_revocations *lists[REAL];
    size_t next[REAL] = {0};
    bool done = false;
    char name[32];

    for (int i = 0; i < count; i++) {
        name_host(i, name);
        lists[i] = hosts_list(name, STREAM);
    }
    while (!done) {
        done = true;
        for (int i = 0; i < count; i++) {
            for (; next[i] < TOTAL && atomic_load(&board->published_us[next[i]]) != 0 &&
                   hosts_refuses(lists[i], next[i]);
                 next[i]++)
                arrive(&board->real, next[i]);
            done = done && next[i] == TOTAL;
        }
        hosts_nap(LOOK_US);
    }
}

/* ---- The simulated ones ---- */

static struct mirror mirrors[SIMULATED];

/* Those in a gap, all of the same length: who came first is due first. */
static struct {
    struct mirror *mirror;
    int64_t due_us;
} gaps[SIMULATED];
static size_t gap_first;
static size_t gap_count;

static void take(void *context, uint64_t number)
{
    (void)context;
    hosts_require(number < TOTAL, "a revocation of nobody came");
    arrive(&board->simulated, number);
}

static void read_mirror(struct mirror *mirror)
{
    bool complete;
    bool waits;

    hosts_require(mirror_read(mirror, take, NULL, &complete, &waits), "a mirror cannot read");
    if (waits) {
        size_t at = (gap_first + gap_count++) % SIMULATED;
        gaps[at].mirror = mirror;
        gaps[at].due_us = hosts_now_us() + GAP_US;
    } else if (complete) {
        hosts_require(mirror_ask(mirror), "a mirror cannot ask");
    }
}

static void end_gaps(void)
{
    while (gap_count > 0 && gaps[gap_first].due_us <= hosts_now_us()) {
        hosts_require(mirror_ask(gaps[gap_first].mirror), "a mirror cannot ask");
        gap_first = (gap_first + 1) % SIMULATED;
        gap_count--;
    }
}

static void run_mirrors(void)
{
    int64_t until_us = board->begin_us + (SECONDS + PATIENCE_S) * INT64_C(1000000);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[64];

    hosts_require(poll >= 0, "no epoll");
    for (size_t i = 0; i < SIMULATED; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &mirrors[i]}};
        hosts_require(mirror_open(&mirrors[i], hosts_address, STREAM) &&
                          epoll_ctl(poll, EPOLL_CTL_ADD, mirrors[i].socket, &event) == 0,
                      "a mirror cannot connect; Redis and this program need 1100 descriptors");
    }
    while (board->simulated.count < TOTAL * SIMULATED && hosts_now_us() < until_us) {
        int count = epoll_wait(poll, events, 64, gap_count > 0 ? 1 : 100);
        for (int i = 0; i < count; i++)
            read_mirror(events[i].data.ptr);
        end_gaps();
    }
    for (size_t i = 0; i < SIMULATED; i++)
        mirror_close(&mirrors[i]);
    (void)close(poll);
}

/* ---- Figures ---- */

static double place_ms(const struct arrivals *arrivals, double place)
{
    uint64_t wanted = (uint64_t)(place * (double)(arrivals->count - 1));
    uint64_t seen = 0;

    for (size_t ms = 0; ms < LONGEST_MS; ms++)
        if ((seen += arrivals->by_ms[ms]) > wanted)
            return (double)ms;
    return LONGEST_MS;
}

static void tell(const char *who, struct arrivals *arrivals, uint32_t mirror_count)
{
    const double places[] = {0.5, 0.99, 1};
    const char *const names[] = {"p50", "p99", "longest"};
    int64_t settled_us;
    size_t missing = 0;
    char what[80];
    char remark[80];

    for (size_t i = 0; i < TOTAL; i++)
        missing += arrivals->at[i] != mirror_count;
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(what, sizeof what, "to each of %s, %s", who, names[i]);
        hosts_tell(what, place_ms(arrivals, places[i]), "ms", "");
    }
    hosts_sort(arrivals->last_us + SETTLED, TOTAL - SETTLED);
    settled_us = hosts_at(arrivals->last_us + SETTLED, TOTAL - SETTLED, 0.99);
    hosts_sort(arrivals->last_us, TOTAL);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(what, sizeof what, "to the last of %s, %s", who, names[i]);
        (void)snprintf(remark, sizeof remark, "%sload %.1f", i == 1 ? "bar 300; " : "",
                       hosts_load());
        hosts_tell(what, (double)hosts_at(arrivals->last_us, TOTAL, places[i]) / 1000, "ms",
                   remark);
    }
    (void)snprintf(what, sizeof what, "to the last of %s, p99 later", who);
    hosts_tell(what, (double)settled_us / 1000, "ms", "from the 3rd second on");
    (void)snprintf(what, sizeof what, "revocations that are not with all of %s", who);
    hosts_tell(what, (double)missing, "", "must be 0");
}

static double processor_s(void)
{
    char answer[64];

    hosts_ask_redis("INFO cpu | awk -F: '/^used_cpu_(sys|user):/ { s += $2 } END { print s }'",
                    answer, sizeof answer);
    return strtod(answer, NULL);
}

void measure_mirrors(void)
{
    pid_t processes[PUBLISHERS + 2];
    size_t running = 0;
    double busy_s = processor_s();
    char name[32];

    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    hosts_require(board != MAP_FAILED, "no memory");
    for (int i = 0; i < REAL; i++) {
        name_host(i, name);
        hosts_make(name);
    }
    processes[running++] = begin_process(run_feeders, REAL);
    for (int i = 0; i < REAL; i++) {
        name_host(i, name);
        hosts_await(name, true);
    }
    board->begin_us = hosts_now_us() + SETTLE_US;
    processes[running++] = begin_process(run_observer, REAL);
    for (int i = 0; i < PUBLISHERS; i++)
        processes[running++] = begin_process(run_publisher, i);
    run_mirrors();
    hosts_tell("processor that Redis took", 100 * (processor_s() - busy_s) / SECONDS, "% of one",
               "1000 mirrors, 1000 revocations a second");
    while (running-- > 2)
        hosts_require(waitpid(processes[running + 0], NULL, 0) == processes[running],
                      "a publisher is lost");
    hosts_end(processes[1]);
    hosts_end(processes[0]);
    tell("980 that only read", &board->simulated, SIMULATED);
    tell("20 with tables", &board->real, REAL);
}
