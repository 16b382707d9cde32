/* What reading a Cookie field costs: wafer_field alone, on a session that was begun. The ns are
 * those of one byte, the floor is memcpy of the same bytes; where the row says "/ plain", it is
 * wafer_field over 64 KiB of ordinary cookies, byte for byte.
 *
 * First the cookie of 256 bytes of variables behind 0, 5 and 20 others. Then fields that mean
 * harm: as long as a request's may be, and the worst pieces that they may have. */
#include "world.h"

#define ROOM   65536 /* more is refused unread */
#define PAIRS  4096  /* likewise */
#define OTHER  "_ga_%05zu=GA1.2.1234567890.1600000000; "
#define OTHERS 3
#define SIZE   1 /* of world_sizes */
#define BATCH  2 /* of long fields in one run; WORLD_BATCH of the others */

struct field {
    struct world *world;
    const char *subject;
    const char *beside_plain; /* NULL: not measured */
    size_t batch;
    size_t length;
    char *bytes;
};

static struct field plain;
static char copy[ROOM];

/* ---- what is measured */

static void prepare_field(void *context)
{
    const struct field *field = context;

    for (size_t i = 0; i < field->batch; i++)
        bench_require(wafer_begin(field->world->session[i]) == WAFER_OK, "no request begins");
}

static void read_field(const struct field *field)
{
    for (size_t i = 0; i < field->batch; i++)
        bench_require(wafer_field(field->world->session[i], field->bytes, field->length) ==
                          WAFER_OK,
                      "a field is not read to its end");
}

static void run_field(void *context)
{
    read_field(context);
}

static void run_floor(void *context)
{
    const struct field *field = context;

    for (size_t i = 0; i < field->batch; i++)
        bench_copy(copy, field->bytes, field->length);
}

static void prepare_plain(void *context)
{
    (void)context;
    prepare_field(&plain);
}

static void run_plain(void *context)
{
    (void)context;
    read_field(&plain);
}

/* ---- fields */

static struct field make_field(struct world *world, const char *subject, const char *beside_plain)
{
    struct field made = {.world = world,
                         .subject = subject,
                         .beside_plain = beside_plain,
                         .batch = BATCH,
                         .bytes = malloc(ROOM)};

    bench_require(made.bytes != NULL, "no memory");
    return made;
}

/* False when there is no room for it. */
static bool add(struct field *field, const char *text, size_t length)
{
    if (length > ROOM - field->length)
        return false;
    memcpy(field->bytes + field->length, text, length);
    field->length += length;
    return true;
}

static bool add_other(struct field *field, size_t number)
{
    char text[64];
    int length = snprintf(text, sizeof text, OTHER, number);

    return add(field, text, (size_t)length);
}

static struct field behind_others(struct world *world, const struct world_load *load,
                                  const char *subject, size_t count)
{
    struct field made = make_field(world, subject, NULL);

    made.batch = WORLD_BATCH;
    for (size_t i = 0; i < count; i++)
        add_other(&made, i);
    add(&made, load->full.pair, load->full.length);
    return made;
}

static struct field make_plain(struct world *world)
{
    struct field made = make_field(world, "64 KiB plain", NULL);
    size_t count = 0;

    while (count < PAIRS && add_other(&made, count))
        count++;
    return made;
}

/* The piece as often as a request may have it. */
static struct field repeated(struct world *world, const char *const subjects[2], const char *piece)
{
    struct field made = make_field(world, subjects[0], subjects[1]);
    bool pairs = strchr(piece, '=') != NULL && piece[0] != '=';
    size_t length = strlen(piece);

    for (size_t i = 0; (!pairs || i < PAIRS) && add(&made, piece, length); i++)
        continue;
    return made;
}

/* The last three are of our name: too short for a token, of another version, and of a key that
 * nobody has. */
#define ZEROS  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define PIECES (sizeof pieces / sizeof *pieces)

static const struct {
    const char *subjects[2];
    const char *piece;
} pieces[] = {
    {{"semicolons", "semicolons / plain"}, ";"},
    {{"equals", "equals / plain"}, "="},
    {{"quotes", "quotes / plain"}, "\""},
    {{"blanks", "blanks / plain"}, " "},
    {{"nameless", "nameless / plain"}, "=;"},
    {{"short pairs", "short / plain"}, "a=b; "},
    {{"pairs", "pairs / plain"}, "a=bbbbbbbbbbbb; "},
    {{"no tokens", "no tokens / plain"}, "__Host-session=x; "},
    {{"no version", "no version / plain"}, "__Host-session=" ZEROS "; "},
    {{"no key", "no key / plain"}, "__Host-session=AQ" ZEROS "; "},
};

static struct bench_case field_case(struct field *field)
{
    return (struct bench_case){.subject = field->subject,
                               .size = (int)field->length,
                               .context = field,
                               .whole_parts = (double)(field->batch * field->length),
                               .floor_parts = (double)(field->batch * field->length * BENCH_COPIES),
                               .whole = {prepare_field, run_field},
                               .floor = {NULL, run_floor}};
}

int main(int count, char **arguments)
{
    static struct world world;
    static struct world_load load;
    static struct field fields[OTHERS + PIECES];
    static struct bench_case cases[OTHERS + 1 + 2 * PIECES];
    const char *folder = bench_folder(count > 0 ? arguments[0] : NULL);
    size_t done = 0;

    bench_begin(folder);
    world_make(&world);
    world_make_load(&load, &world, &world_sizes[SIZE], false);
    plain = make_plain(&world);
    fields[0] = behind_others(&world, &load, "0 others", 0);
    fields[1] = behind_others(&world, &load, "5 others", 5);
    fields[2] = behind_others(&world, &load, "20 others", 20);
    for (size_t i = 0; i < PIECES; i++)
        fields[OTHERS + i] = repeated(&world, pieces[i].subjects, pieces[i].piece);
    for (size_t i = 0; i < OTHERS + PIECES; i++)
        cases[done++] = field_case(&fields[i]);
    cases[done++] = field_case(&plain);
    for (size_t i = OTHERS; i < OTHERS + PIECES; i++) {
        cases[done] = field_case(&fields[i]);
        cases[done].subject = fields[i].beside_plain;
        cases[done].floor = (struct bench_task){prepare_plain, run_plain};
        cases[done++].floor_parts = (double)(plain.batch * plain.length);
    }
    bench_measure(cases, done, 1);
    bench_print_all(cases, done, folder, "cookie.json");
    return 0;
}
