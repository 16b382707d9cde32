/* What the Set-Cookie line around a finished value costs, src/set_cookie.h alone: gone with the
 * browser, with Max-Age and Expires, and a deletion. Beside memcpy of the line. */
#include "world.h"

#include "set_cookie.h"

#define NOW_S     INT64_C(1800000000)
#define DAY_S     86400
#define LINE_ROOM 8192

struct line {
    struct wafer_cookie_attributes attributes;
    int64_t max_age_s;
    size_t value_length;
    size_t length;
    char text[LINE_ROOM];
};

static char copy[LINE_ROOM];

/* The value is where it goes already, as a session seals it. */
static void run_write(void *context)
{
    struct line *line = context;
    const char *value = line->text + line->attributes.name_length + 1;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bench_require(wafer_set_cookie_write(&line->attributes, value, line->value_length,
                                             NOW_S + (int64_t)i, line->max_age_s, line->text,
                                             sizeof line->text, &line->length) == WAFER_OK,
                      "a line is not written");
}

static void run_floor(void *context)
{
    const struct line *line = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bench_copy(copy, line->text, line->length);
}

static void make_line(struct line *line, size_t value_length, int64_t max_age_s)
{
    line->attributes = (struct wafer_cookie_attributes){.name = "__Host-session",
                                                        .name_length = strlen("__Host-session"),
                                                        .path = "/",
                                                        .path_length = 1,
                                                        .same_site = WAFER_SAME_SITE_LAX,
                                                        .secure = true,
                                                        .http_only = true};
    line->max_age_s = max_age_s;
    line->value_length = value_length;
    memset(line->text + line->attributes.name_length + 1, 'A', value_length);
    bench_require(wafer_set_cookie_check(&line->attributes, NULL) == WAFER_OK &&
                      wafer_set_cookie_prepare(&line->attributes) == WAFER_OK,
                  "no attributes");
    run_write(line);
}

static const struct {
    const char *subject;
    int64_t max_age_s;
} kinds[] = {{"browser", -1}, {"lasting", DAY_S}};

#define KINDS (sizeof kinds / sizeof *kinds)
#define CASES (KINDS * WORLD_SIZES + 1)

int main(int count, char **arguments)
{
    static struct world world;
    static struct line lines[CASES];
    static struct bench_case cases[CASES];
    const char *folder = bench_folder(count > 0 ? arguments[0] : NULL);

    bench_begin(folder);
    world_make(&world);
    for (size_t i = 0; i < CASES; i++)
        cases[i] = (struct bench_case){.context = &lines[i],
                                       .whole = {NULL, run_write},
                                       .floor = {NULL, run_floor},
                                       .floor_parts = BENCH_COPIES};
    for (size_t i = 0; i < KINDS * WORLD_SIZES; i++) {
        static struct world_load load;

        world_make_load(&load, &world, &world_sizes[i % WORLD_SIZES], false);
        make_line(&lines[i], load.value_length, kinds[i / WORLD_SIZES].max_age_s);
        cases[i].subject = kinds[i / WORLD_SIZES].subject;
        cases[i].size = load.size;
    }
    make_line(&lines[CASES - 1], 0, 0);
    cases[CASES - 1].subject = "deletion";
    bench_measure(cases, CASES, WORLD_BATCH);
    bench_print_all(cases, CASES, folder, "set_cookie.json");
    return 0;
}
