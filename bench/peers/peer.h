/* What the peers written in C share: the five variables, measuring, and the lines printed.
 *
 *     PEER TURN_MS SIZE:NOTE_LENGTH...
 *
 * prints a line of JSON for each operation and size, after it saw that what was opened is what was
 * sealed and that a forged cookie is refused. The peers in other languages do the same. */
#ifndef WAFER_BENCH_PEERS_PEER_H
#define WAFER_BENCH_PEERS_PEER_H

#include "../bench.h"

#define PEER_BATCH      16 /* sealed in one run, so that looking at the clock counts little */
#define PEER_NOTE_MAX   2791
#define PEER_COOKIE_MAX 8192
#define PEER_LIFETIME_S 43200

struct slice {
    const char *data;
    size_t length;
};

/* The program's own data. */
struct variables {
    int64_t user_id;
    struct slice name;
    struct slice role;
    struct slice csrf;
    struct slice note; /* length 0: there is none */
};

struct peer {
    const char *name;
    const char *version;
    bool makes_line;       /* seals to a Set-Cookie line and opens "name=value", not values alone */
    void (*prepare)(void); /* goes before PEER_BATCH times seal, unmeasured; NULL: nothing */
    /* Writes the cookie and returns its length. */
    size_t (*seal)(const struct variables *variables, char cookie[PEER_COOKIE_MAX]);
    /* False when the cookie is refused. What is found stays readable until the next open. */
    bool (*open)(const char *cookie, size_t length, struct variables *found);
};

struct peer_case {
    const struct peer *peer;
    struct variables variables;
    char cookie[PEER_COOKIE_MAX];
    char forged[PEER_COOKIE_MAX];
    size_t cookie_length;
    size_t value_length;
};

/* ---- what is measured */

static inline void peer_prepare(void *context)
{
    const struct peer_case *at = context;

    if (at->peer->prepare != NULL)
        at->peer->prepare();
}

static inline void peer_seal(void *context)
{
    static char cookie[PEER_COOKIE_MAX];
    const struct peer_case *at = context;

    for (size_t i = 0; i < PEER_BATCH; i++)
        bench_require(at->peer->seal(&at->variables, cookie) > 0, "a cookie is not sealed");
}

static inline void peer_open(void *context)
{
    const struct peer_case *at = context;
    struct variables found;

    for (size_t i = 0; i < PEER_BATCH; i++)
        bench_require(at->peer->open(at->cookie, at->cookie_length, &found) &&
                          found.csrf.length == at->variables.csrf.length,
                      "a cookie does not open");
}

static inline void peer_refuse(void *context)
{
    const struct peer_case *at = context;
    struct variables found;

    for (size_t i = 0; i < PEER_BATCH; i++)
        bench_require(!at->peer->open(at->forged, at->cookie_length, &found),
                      "a forged cookie is not refused");
}

/* ---- setting up */

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static inline bool same_slice(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline void peer_fill(char *text, size_t length, const char *characters)
{
    uint32_t count = (uint32_t)strlen(characters);

    for (size_t i = 0; i < length; i++)
        text[i] = characters[randombytes_uniform(count)];
    text[length] = '\0';
}

static inline struct variables peer_variables(size_t note_length)
{
    static char csrf[33];
    static char note[PEER_NOTE_MAX + 1];

    bench_require(note_length <= PEER_NOTE_MAX, "the note is too long");
    peer_fill(csrf, sizeof csrf - 1, "0123456789abcdef");
    peer_fill(note, PEER_NOTE_MAX,
              "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    return (struct variables){12345678,
                              slice_of("Ada Lovelace"),
                              slice_of("admin"),
                              slice_of(csrf),
                              {note, note_length}};
}

/* Makes the cookie and its forgery, and checks both. */
static inline void peer_make(struct peer_case *at, size_t note_length)
{
    struct variables found = {0};
    const char *value = at->cookie;
    char *middle;

    at->variables = peer_variables(note_length);
    peer_prepare(at);
    at->cookie_length = at->peer->seal(&at->variables, at->cookie);
    if (at->peer->makes_line) {
        at->cookie_length = strcspn(at->cookie, ";");
        value += strcspn(at->cookie, "=") + 1;
    }
    bench_require(at->cookie + at->cookie_length > value, "nothing was sealed");
    at->value_length = (size_t)(at->cookie + at->cookie_length - value);
    memcpy(at->forged, at->cookie, PEER_COOKIE_MAX);
    middle = &at->forged[at->cookie_length - at->value_length / 2];
    *middle = *middle == 'A' ? 'B' : 'A';

    bench_require(at->peer->open(at->cookie, at->cookie_length, &found) &&
                      found.user_id == at->variables.user_id &&
                      same_slice(found.name, at->variables.name) &&
                      same_slice(found.role, at->variables.role) &&
                      same_slice(found.csrf, at->variables.csrf) &&
                      same_slice(found.note, at->variables.note),
                  "what was opened is not what was sealed");
    peer_refuse(at);
}

/* ---- all of it */

static inline double peer_median(const struct bench_task *task, void *context, int64_t turn_ns)
{
    double ns[BENCH_ROUNDS];

    bench_turn(task, context, PEER_BATCH, 5 * turn_ns);
    for (size_t i = 0; i < BENCH_ROUNDS; i++)
        ns[i] = bench_turn(task, context, PEER_BATCH, turn_ns);
    qsort(ns, BENCH_ROUNDS, sizeof *ns, bench_compare);
    return ns[BENCH_ROUNDS / 2];
}

static inline int peer_main(const struct peer *peer, int argc, char **argv)
{
    static const struct {
        const char *name;
        struct bench_task task;
    } operations[] = {{"seal", {peer_prepare, peer_seal}},
                      {"open", {NULL, peer_open}},
                      {"forged", {NULL, peer_refuse}}};
    int64_t turn_ns;

    bench_require(argc > 2, "usage: TURN_MS SIZE:NOTE_LENGTH...");
    turn_ns = strtoll(argv[1], NULL, 10) * 1000000;
    for (int i = 2; i < argc; i++) {
        static struct peer_case at;
        char *colon;
        long size = strtol(argv[i], &colon, 10);

        bench_require(*colon == ':', "not SIZE:NOTE_LENGTH");
        at.peer = peer;
        peer_make(&at, (size_t)strtoul(colon + 1, NULL, 10));
        for (size_t k = 0; k < sizeof operations / sizeof *operations; k++)
            printf("{\"peer\":\"%s\",\"version\":\"%s\",\"operation\":\"%s\",\"size\":%ld,"
                   "\"ns\":%.1f,\"bytes\":%zu}\n",
                   peer->name, peer->version, operations[k].name, size,
                   peer_median(&operations[k].task, &at, turn_ns), at.value_length);
    }
    return 0;
}

#endif
