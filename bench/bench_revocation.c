/* What the revocation list costs, beside one bare call of libsodium's cipher that opens 256 bytes.
 *
 *     check    everyone's not-before, the subject, the session: all asked, none listed. The keys
 *              are new each time, and made before; so what is warm is the code and, where it fits,
 *              the table
 *     cold     the same after 256 MiB of other memory were read
 *     writing  the same while another process revokes 1000 a second
 *     readers  the same while, besides, another process checks all the time
 *     insert   one revocation, the table's growth included; the size is what it grows to
 *     purge    one entry's part of dropping half of them
 *
 * With --bars it fails when a check costs more than it may. The 10,000,000 take 1 GB of memory. */
#include "bench.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wafer.h>

#define CHECKS     256 /* in one run, so that looking at the clock counts little */
#define NOW        INT64_C(1800000000000)
#define SWEEP      (256 * 1024 * 1024)
#define COLD       32 /* sweeps */
#define COLD_ROUND 8  /* checks after one */
#define PLAIN      256

/* A list with so many entries. */
struct filled {
    int entries;
    double bar; /* of a check, as a ratio; 0: none */
    wafer_revocations *list;
};

static int64_t now_ms = NOW;
static uint64_t counter; /* makes keys that differ from all others of this run */

static uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
static uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
static uint8_t plain[PLAIN];
static uint8_t sealed[PLAIN + crypto_aead_xchacha20poly1305_ietf_ABYTES];

static int64_t list_clock(void *context)
{
    return *(const int64_t *)context;
}

/* ---- the list */

/* splitmix64: spread as ids and subject keys are, which are random or hashed. */
static uint64_t mixed(void)
{
    uint64_t word = counter += UINT64_C(0x9e3779b97f4a7c15);

    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
    return word ^ word >> 31;
}

static void fresh_key(uint8_t fresh[WAFER_ID_SIZE])
{
    uint64_t words[2] = {mixed(), mixed()};

    memcpy(fresh, words, sizeof words);
}

static wafer_revocations *make_list(int entries, const char *path)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list;
    wafer_error error = {.text = "no memory"};

    settings.on_start = WAFER_START_FORGETS;
    settings.capacity = (size_t)entries;
    settings.clock = list_clock;
    settings.clock_context = &now_ms;
    settings.path = path;
    bench_require(wafer_revocations_new(&settings, &list, &error) == WAFER_OK, error.text);
    return list;
}

/* Every eighth entry is a subject's. */
static void fill(wafer_revocations *list, int entries)
{
    for (int i = 0; i < entries; i++) {
        wafer_revocation entry = {.kind = i % 8 == 0 ? WAFER_REVOKE_SUBJECT : WAFER_REVOKE_SESSION};

        fresh_key(entry.key);
        bench_require(wafer_revocations_apply(list, now_ms, &entry) == WAFER_OK,
                      "an entry is not taken");
    }
}

/* For one run. */
static uint8_t ids[CHECKS][WAFER_ID_SIZE];
static uint8_t subjects[CHECKS][WAFER_ID_SIZE];

static void make_keys(void *context)
{
    (void)context;
    for (size_t i = 0; i < CHECKS; i++) {
        fresh_key(ids[i]);
        fresh_key(subjects[i]);
    }
}

static void check(wafer_revocations *list, size_t i)
{
    wafer_revocation_query query = {.id = ids[i],
                                    .subject = subjects[i],
                                    .login_at_ms = now_ms,
                                    .now_ms = now_ms};
    wafer_standing standing;

    bench_require(wafer_revocations_check(list, &query, &standing) == WAFER_OK &&
                      standing == WAFER_STANDS,
                  "a session is refused that nobody revoked");
}

static void run_checks(void *context)
{
    const struct filled *filled = context;

    for (size_t i = 0; i < CHECKS; i++)
        check(filled->list, i);
}

static void run_floor(void *context)
{
    unsigned long long length;

    (void)context;
    for (int i = 0; i < CHECKS; i++)
        bench_require(crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &length, NULL, sealed,
                                                                 sizeof sealed, NULL, 0, nonce,
                                                                 key) == 0,
                      "the cipher does not open");
}

/* ---- figures that come of one measurement */

static int64_t wall_ns(void)
{
    struct timespec now;

    bench_require(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "no clock");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double floor_ns(void)
{
    static const struct bench_task task = {NULL, run_floor};

    return bench_turn(&task, NULL, CHECKS, BENCH_WARM_NS);
}

static struct bench_case single(const char *subject, int size, double ns)
{
    struct bench_case made = {.subject = subject, .size = size};
    double floor = floor_ns();

    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        made.whole_ns[i] = ns;
        made.floor_ns[i] = floor;
        made.ratio[i] = ns / floor;
    }
    return made;
}

static struct bench_case measure_cold(const struct filled *filled)
{
    static volatile uint8_t *other;
    double taken_ns[COLD];

    if (other == NULL)
        other = malloc(SWEEP);
    bench_require(other != NULL, "no memory");
    for (int i = 0; i < COLD; i++) {
        make_keys(NULL);
        for (size_t at = 0; at < SWEEP; at += 64)
            other[at] = (uint8_t)(other[at] + 1);
        int64_t start_ns = wall_ns();
        for (size_t j = 0; j < COLD_ROUND; j++)
            check(filled->list, j);
        taken_ns[i] = (double)(wall_ns() - start_ns) / COLD_ROUND;
    }
    qsort(taken_ns, COLD, sizeof *taken_ns, bench_compare);
    return single("cold", filled->entries, taken_ns[COLD / 2]);
}

static struct bench_case measure_insert(int entries)
{
    wafer_revocations *list = make_list(entries, NULL);
    int64_t start_ns = bench_cpu_ns();
    double ns;

    fill(list, entries);
    ns = (double)(bench_cpu_ns() - start_ns) / entries;
    wafer_revocations_free(list);
    return single("insert", entries, ns);
}

static struct bench_case measure_purge(int entries)
{
    wafer_revocations *list = make_list(entries, NULL);
    size_t dropped = 0;
    int64_t start_ns;
    double ns;

    fill(list, entries / 2);
    now_ms += WAFER_HOUR_MS;
    fill(list, entries - entries / 2);
    now_ms += WAFER_DAY_MS - WAFER_HOUR_MS + 10 * WAFER_MINUTE_MS;
    start_ns = bench_cpu_ns();
    bench_require(wafer_revocations_purge(list, &dropped) == WAFER_OK &&
                      dropped == (size_t)(entries / 2),
                  "half of the entries do not go");
    ns = (double)(bench_cpu_ns() - start_ns) / entries;
    now_ms = NOW;
    wafer_revocations_free(list);
    return single("purge", entries, ns);
}

/* Disk blocks of a table file that is full, for each entry. */
static void print_bytes(int entries)
{
    char folder[] = "/tmp/wafer-bench-XXXXXX";
    char path[64];
    wafer_revocations_status status;
    struct stat file;
    wafer_revocations *list;

    bench_require(mkdtemp(folder) != NULL, "no folder for a table file");
    snprintf(path, sizeof path, "%s/table", folder);
    list = make_list(entries, path);
    fill(list, entries);
    bench_require(wafer_revocations_look(list, &status) == WAFER_OK && stat(path, &file) == 0,
                  "the table file cannot be looked at");
    printf("\n%zu entries in a table for %zu take %.1f bytes each on disk\n", status.entries,
           status.capacity, (double)file.st_blocks * 512 / (double)status.entries);
    wafer_revocations_free(list);
    unlink(path);
    rmdir(folder);
}

/* ---- company */

static void write_1000_a_second(wafer_revocations *list)
{
    static const struct timespec pause = {0, 1000000};

    counter = (uint64_t)getpid() << 40;
    for (;;) {
        nanosleep(&pause, NULL);
        fill(list, 1);
    }
}

static void check_forever(wafer_revocations *list)
{
    counter = (uint64_t)getpid() << 40;
    for (;; make_keys(NULL))
        for (size_t i = 0; i < CHECKS; i++)
            check(list, i);
}

static pid_t start(void (*company)(wafer_revocations *list), wafer_revocations *list)
{
    pid_t pid = fork();

    bench_require(pid >= 0, "no process");
    if (pid == 0)
        company(list);
    return pid;
}

static void stop(pid_t pid)
{
    int status;

    kill(pid, SIGKILL);
    bench_require(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status),
                  "the company ended before the measurement");
}

/* ---- all of it */

static struct bench_case check_case(const char *subject, struct filled *filled)
{
    return (struct bench_case){.subject = subject,
                               .size = filled->entries,
                               .context = filled,
                               .whole = {make_keys, run_checks},
                               .floor = {NULL, run_floor}};
}

/* True when no check passed its bar. */
static bool within_bars(const struct bench_case *cases, const struct filled *filled, size_t count)
{
    bool within = true;

    for (size_t i = 0; i < count; i++) {
        double ratio = cases[i].ratio[BENCH_ROUNDS / 2];

        if (filled[i].bar == 0 || ratio <= filled[i].bar)
            continue;
        printf("a check among %d costs %.2f, more than %.2f\n", filled[i].entries, ratio,
               filled[i].bar);
        within = false;
    }
    return within;
}

int main(int count, char **arguments)
{
    static struct filled filled[] = {{1000, 0, NULL},
                                     {100000, 0.12, NULL},
                                     {1000000, 0.5, NULL},
                                     {10000000, 0.7, NULL}};
    /* With room for what is revoked meanwhile. */
    static struct filled shared = {1000000, 0, NULL};
    const size_t sizes = sizeof filled / sizeof *filled;
    struct bench_case cases[4 + 4 + 2 + 2];
    size_t done = sizes;
    bool bars = count == 2 && strcmp(arguments[1], "--bars") == 0;
    const char *folder = bench_folder(arguments[0]);
    pid_t writer;
    pid_t reader;

    bench_require(sodium_init() >= 0, "libsodium cannot be initialized");
    bench_begin(folder);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain, PLAIN, NULL, 0, NULL, nonce,
                                               key);
    for (size_t i = 0; i < sizes; i++) {
        filled[i].list = make_list(filled[i].entries, NULL);
        fill(filled[i].list, filled[i].entries);
        cases[i] = check_case("check", &filled[i]);
    }
    bench_measure(cases, sizes, CHECKS);
    for (size_t i = 0; i < sizes; i++)
        cases[done++] = measure_cold(&filled[i]);
    shared.list = make_list(shared.entries + 100000, NULL);
    fill(shared.list, shared.entries);
    writer = start(write_1000_a_second, shared.list);
    cases[done] = check_case("writing", &shared);
    bench_measure(&cases[done++], 1, CHECKS);
    reader = start(check_forever, shared.list);
    cases[done] = check_case("readers", &shared);
    bench_measure(&cases[done++], 1, CHECKS);
    stop(reader);
    stop(writer);
    wafer_revocations_free(shared.list);
    for (size_t i = 0; i < sizes; i++)
        wafer_revocations_free(filled[i].list);
    cases[done++] = measure_insert(1000000);
    cases[done++] = measure_purge(1000000);
    bench_print_all(cases, done, folder, "revocation.json");
    print_bytes(1000000);
    return !bars || within_bars(cases, filled, sizes) ? 0 : 1;
}
