/* What a request costs whose Cookie fields have 1 MiB, in lines of 4 KiB or in one: begin, every
 * field, open, end. Past 64 KiB, 4096 pairs or 64 candidates nothing more is taken, so a byte,
 * whose ns these are, has to cost less than one of the floor: the same for a request of 64 KiB of
 * ordinary cookies. */
#include "world.h"

#define FLOOD    1048576
#define LINE     4096
#define ORDINARY 65536 /* as much as is taken */
#define OTHER    "_ga_%05zu=GA1.2.1234567890.1600000000; "

struct flood {
    wafer_session *session;
    char *bytes;
    size_t length;
    size_t line; /* so much at a time */
};

static struct flood ordinary;

static void request(const struct flood *flood)
{
    (void)wafer_begin(flood->session);
    for (size_t at = 0; at < flood->length; at += flood->line) {
        size_t left = flood->length - at;

        (void)wafer_field(flood->session, flood->bytes + at,
                          left < flood->line ? left : flood->line);
    }
    bench_require(wafer_open(flood->session) != WAFER_VALID, "a flood is a session");
    wafer_end(flood->session);
}

static void run_flood(void *context)
{
    request(context);
}

static void run_ordinary(void *context)
{
    (void)context;
    request(&ordinary);
}

static void fill(struct flood *flood, const char *piece)
{
    size_t length = strlen(piece);

    for (flood->length = 0; flood->length + length <= FLOOD; flood->length += length)
        memcpy(flood->bytes + flood->length, piece, length);
}

static void fill_ordinary(struct flood *flood)
{
    for (size_t i = 0; flood->length + 2 * sizeof OTHER <= ORDINARY; i++)
        flood->length += (size_t)snprintf(flood->bytes + flood->length, 2 * sizeof OTHER, OTHER, i);
}

static char *room(void)
{
    char *bytes = malloc(FLOOD);

    bench_require(bytes != NULL, "no memory");
    return bytes;
}

/* The pair of a session whose tag is wrong: its key is there, and so it is tried. */
static const char *forged(const struct world_load *load)
{
    static char pair[WORLD_COOKIE_MAX + 2];
    char *last;

    memcpy(pair, load->full.pair, load->full.length);
    last = pair + load->full.length - 2;
    *last = *last == 'A' ? 'B' : 'A';
    memcpy(pair + load->full.length, "; ", 3);
    return pair;
}

#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

int main(int count, char **arguments)
{
    static const char *const subjects[] = {"one field", "semicolons", "equals", "quotes",
                                           "pairs",     "no keys",    "forged", "long forged"};
    enum { FLOODS = sizeof subjects / sizeof *subjects, FORGED = FLOODS - 2 };
    /* Of the pairs there are 104,857. */
    static const char *const pieces[FORGED] = {";",  ";",          "=",
                                               "\"", "a=bbbbbb; ", "__Host-session=AQ" ZEROS "; "};
    static struct world world;
    static struct world_load loads[FLOODS - FORGED];
    static struct flood floods[FLOODS];
    static struct bench_case cases[FLOODS];
    const char *folder = bench_folder(count > 0 ? arguments[0] : NULL);

    bench_begin(folder);
    world_make(&world);
    for (size_t i = 0; i < FLOODS - FORGED; i++)
        world_make_load(&loads[i], &world, &world_sizes[i + 1], false);
    ordinary = (struct flood){.session = world.session[0], .bytes = room(), .line = ORDINARY};
    fill_ordinary(&ordinary);
    for (size_t i = 0; i < FLOODS; i++) {
        floods[i] = (struct flood){.session = world.session[0],
                                   .bytes = room(),
                                   .line = i == 0 ? FLOOD : LINE};
        fill(&floods[i], i < FORGED ? pieces[i] : forged(&loads[i - FORGED]));
        cases[i] = (struct bench_case){.subject = subjects[i],
                                       .size = (int)floods[i].length,
                                       .context = &floods[i],
                                       .whole_parts = (double)floods[i].length,
                                       .floor_parts = (double)ordinary.length,
                                       .whole = {NULL, run_flood},
                                       .floor = {NULL, run_ordinary}};
    }
    bench_measure(cases, FLOODS, 1);
    bench_print_all(cases, FLOODS, folder, "flood.json");
    return 0;
}
