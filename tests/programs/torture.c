/* Kills writers of a table file at any moment while others read it, and looks whether anything that
 * was acknowledged is lost, or anything is refused that nobody revoked.
 *
 *     torture FILE KILLS SEED
 *
 * Every process opens the file by itself, as unrelated programs do. The list's clock stands in
 * shared memory and goes on with each entry, so that entries fall due all the time and the table is
 * rebuilt as often as it is filled: about half of the kills strike a rebuild. Prints what was done;
 * exit status 1 if something was lost or hit. */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <wafer.h>

#define WRITERS     2
#define READERS     2
#define STEP_MS     20             /* that the clock goes on with each entry */
#define LIFE_MS     INT64_C(63000) /* of an entry: retention and three skews */
#define START_MS    INT64_C(1800000000000)
#define KEPT        65536 /* of the entries remembered; more than ever live */
#define LONGEST_US  6000  /* that a writer lives */
#define SUBJECT_IN  8     /* every so many entries are a subject's */
#define FALSE_TRIES 500   /* keys that nobody revoked, a look */

/* An entry whose revocation returned. */
struct acknowledged {
    _Atomic uint64_t number; /* 0: none yet */
    _Atomic int64_t at_ms;   /* not-before, for a subject */
};

/* What all processes share beside the table. */
static struct shared {
    _Atomic int64_t now_ms;
    _Atomic uint64_t last; /* number given to an entry */
    _Atomic uint64_t done; /* acknowledged */
    _Atomic uint64_t looks;
    _Atomic uint64_t lost;
    _Atomic uint64_t hits; /* false ones */
    _Atomic uint64_t failures;
    _Atomic bool inside[WRITERS]; /* a call that revokes */
    struct acknowledged kept[KEPT];
} * shared;

static uint64_t state;
static pid_t parent; /* when it has gone, so do its children */

/* xorshift64*: what is drawn follows from the seed alone. */
static uint64_t draw(uint64_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * UINT64_C(2685821657736338717) >> 33) % below;
}

static int64_t shared_clock(void *context)
{
    (void)context;
    return atomic_load(&shared->now_ms);
}

static wafer_revocations *open_list(const char *path, wafer_access access)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list = NULL;
    wafer_error error;

    settings.path = path;
    settings.access = access;
    settings.on_start = WAFER_START_FORGETS;
    settings.capacity = 20000;
    settings.retention_ms = WAFER_MINUTE_MS;
    settings.skew_ms = 1000;
    settings.clock = shared_clock;
    if (wafer_revocations_new(&settings, &list, &error) == WAFER_OK)
        return list;
    fprintf(stderr, "the list cannot be opened: %s\n", error.text);
    atomic_fetch_add(&shared->failures, 1);
    return NULL;
}

/* The key of an entry, or, `revoked` false, one that no entry has. */
static void key_of(uint64_t number, bool revoked, uint8_t key[WAFER_ID_SIZE])
{
    uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15);

    memcpy(key, &mixed, sizeof mixed);
    memcpy(key + sizeof mixed, &number, sizeof number);
    key[WAFER_ID_SIZE - 1] = revoked;
}

static bool is_subject(uint64_t number)
{
    return number % SUBJECT_IN == 0;
}

/* ---- Writers ------------------------------------------------------------------------- */

static void revoke_next(wafer_revocations *list, size_t writer)
{
    uint64_t number = atomic_fetch_add(&shared->last, 1) + 1;
    struct acknowledged *place = &shared->kept[number % KEPT];
    wafer_revocation entry = {.kind = is_subject(number) ? WAFER_REVOKE_SUBJECT
                                                         : WAFER_REVOKE_SESSION};
    wafer_result result;

    key_of(number, true, entry.key);
    atomic_store(&place->number, 0);
    atomic_store(&shared->inside[writer], true);
    result = wafer_revocations_apply(list, atomic_fetch_add(&shared->now_ms, STEP_MS), &entry);
    atomic_store(&shared->inside[writer], false);
    if (result != WAFER_OK) {
        fprintf(stderr, "an entry is not taken: %s\n", wafer_result_text(result));
        atomic_fetch_add(&shared->failures, 1);
        return;
    }
    atomic_store(&place->at_ms, entry.at_ms);
    atomic_store(&place->number, number);
    atomic_fetch_add(&shared->done, 1);
}

static pid_t start_writer(const char *path, size_t writer)
{
    pid_t pid = fork();

    if (pid == 0) {
        wafer_revocations *list = open_list(path, WAFER_ACCESS_WRITE);

        while (list != NULL && getppid() == parent)
            revoke_next(list, writer);
        _exit(1);
    }
    return pid;
}

/* ---- Readers ------------------------------------------------------------------------- */

/* True when the list knows of the entry. */
static bool is_listed(wafer_revocations *list, const uint8_t key[WAFER_ID_SIZE], bool subject,
                      int64_t at_ms)
{
    static const uint8_t other[WAFER_ID_SIZE] = {0};
    wafer_revocation_query query = {.id = subject ? other : key,
                                    .subject = subject ? key : NULL,
                                    .login_at_ms = at_ms - 1,
                                    .now_ms = at_ms};
    wafer_standing standing = WAFER_STANDS;

    if (wafer_revocations_check(list, &query, &standing) != WAFER_OK)
        atomic_fetch_add(&shared->failures, 1);
    return standing == WAFER_REFUSED;
}

/* Whether an acknowledged entry is where it must be. Its number is read before and after, as its
 * place may be taken by a later one in between. */
static void look_for(wafer_revocations *list, uint64_t number)
{
    struct acknowledged *place = &shared->kept[number % KEPT];
    int64_t at_ms = atomic_load(&place->at_ms);
    uint8_t key[WAFER_ID_SIZE];

    if (number == 0 || atomic_load(&place->number) != number)
        return;
    key_of(number, true, key);
    atomic_fetch_add(&shared->looks, 1);
    if (!is_listed(list, key, is_subject(number), at_ms) && atomic_load(&place->number) == number &&
        at_ms + LIFE_MS >= atomic_load(&shared->now_ms)) {
        fprintf(stderr, "entry %" PRIu64 " is lost\n", number);
        atomic_fetch_add(&shared->lost, 1);
    }
}

static void look_for_nothing(wafer_revocations *list)
{
    uint64_t number = draw(UINT32_MAX);
    uint8_t key[WAFER_ID_SIZE];

    key_of(number, false, key);
    if (is_listed(list, key, is_subject(number), START_MS)) {
        fprintf(stderr, "nobody revoked %" PRIu64 ", but it is refused\n", number);
        atomic_fetch_add(&shared->hits, 1);
    }
}

static pid_t start_reader(const char *path, size_t reader)
{
    pid_t pid = fork();

    if (pid == 0) {
        wafer_access access = reader % 2 == 0 ? WAFER_ACCESS_READ : WAFER_ACCESS_WRITE;
        wafer_revocations *list = open_list(path, access);

        state += reader + 1;
        while (list != NULL && getppid() == parent) {
            uint64_t last = atomic_load(&shared->last);

            look_for(list, last - draw(last < 3000 ? last + 1 : 3000));
            look_for_nothing(list);
        }
        _exit(1);
    }
    return pid;
}

/* ---- The parent ---------------------------------------------------------------------- */

static void rest(uint64_t microseconds)
{
    struct timespec length = {0, (long)(microseconds * 1000)};

    nanosleep(&length, NULL);
}

/* Everything that was acknowledged and is not due, and many that were not. */
static void look_at_all(wafer_revocations *list)
{
    uint64_t last = atomic_load(&shared->last);

    for (uint64_t back = 0; back < 4000 && back < last; back++)
        look_for(list, last - back);
    for (int i = 0; i < FALSE_TRIES; i++)
        look_for_nothing(list);
}

static uint64_t kill_them(const char *path, wafer_revocations *list, uint64_t kills)
{
    pid_t writers[WRITERS];
    uint64_t inside = 0;

    for (size_t i = 0; i < WRITERS; i++)
        writers[i] = start_writer(path, i);
    for (uint64_t done = 0; done < kills && atomic_load(&shared->failures) == 0; done++) {
        size_t victim = draw(WRITERS);

        rest(draw(LONGEST_US));
        kill(writers[victim], SIGKILL);
        waitpid(writers[victim], NULL, 0);
        inside += atomic_exchange(&shared->inside[victim], false);
        look_at_all(list);
        writers[victim] = start_writer(path, victim);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        kill(writers[i], SIGKILL);
        waitpid(writers[i], NULL, 0);
    }
    look_at_all(list);
    return inside;
}

int main(int count, char **arguments)
{
    pid_t readers[READERS];
    uint64_t kills = count == 4 ? strtoull(arguments[2], NULL, 10) : 0;
    uint64_t inside;
    wafer_revocations *list;

    parent = getpid();
    if (kills == 0)
        return 2;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 2;
    state = strtoull(arguments[3], NULL, 10) | 1;
    atomic_store(&shared->now_ms, START_MS);
    list = open_list(arguments[1], WAFER_ACCESS_CREATE);
    if (list == NULL)
        return 2;
    for (size_t i = 0; i < READERS; i++)
        readers[i] = start_reader(arguments[1], i);
    inside = kill_them(arguments[1], list, kills);
    for (size_t i = 0; i < READERS; i++) {
        kill(readers[i], SIGKILL);
        waitpid(readers[i], NULL, 0);
    }
    wafer_revocations_free(list);
    printf("seed %s: %" PRIu64 " kills, %" PRIu64 " of them inside a call; %" PRIu64
           " entries acknowledged, %" PRIu64 " looked for, %" PRIu64 " lost; %" PRIu64
           " false hits; %" PRIu64 " failures\n",
           arguments[3], kills, inside, atomic_load(&shared->done), atomic_load(&shared->looks),
           atomic_load(&shared->lost), atomic_load(&shared->hits), atomic_load(&shared->failures));
    return atomic_load(&shared->lost) + atomic_load(&shared->hits) +
                       atomic_load(&shared->failures) ==
                   0
               ? 0
               : 1;
}
