/* What the five variables cost, without a seal.
 *
 *     put     five puts into an open session that has none, through the public header
 *     get     all five read by name from an open session, likewise
 *     read    the sealed map to variables, src/variables.h alone; wiping what was there is part
 *     write   variables to the sealed map, likewise
 *
 * Beside memcpy of the map. */
#include "world.h"

#include "variables.h"

struct subject {
    const struct world_load *load;
    struct wafer_variables variables;
    size_t map_length;
    uint8_t map[WAFER_VARIABLES_BYTES];
    uint8_t bytes[WORLD_BATCH][WAFER_VARIABLES_BYTES + 1]; /* reading changes them */
};

static uint8_t copy[WAFER_VARIABLES_BYTES];
static const struct subject *to_get; /* whose variables the sessions have */

static void run_floor(void *context)
{
    const struct subject *subject = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bench_copy(copy, subject->map, subject->map_length);
}

/* ---- through the public header */

static void open_all(const struct world_load *load, const struct world_cookie *cookie)
{
    for (size_t i = 0; i < WORLD_BATCH; i++)
        bench_require(world_open(load->world->session[i], cookie) == WAFER_VALID,
                      "a session does not open");
}

static void prepare_put(void *context)
{
    const struct subject *subject = context;

    to_get = NULL;
    open_all(subject->load, &subject->load->empty);
}

static void run_put(void *context)
{
    const struct world_load *load = ((const struct subject *)context)->load;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        world_put(load->world, load->world->session[i], load->note_length);
}

static void prepare_get(void *context)
{
    const struct subject *subject = context;

    if (to_get != subject)
        open_all(subject->load, &subject->load->full);
    to_get = subject;
}

static void run_get(void *context)
{
    const struct world_load *load = ((const struct subject *)context)->load;

    for (size_t i = 0; i < WORLD_BATCH; i++) {
        const wafer_session *session = load->world->session[i];
        int64_t user_id;

        bench_require(wafer_get_integer(session, "user_id", &user_id) &&
                          wafer_get_text(session, "name", NULL) != NULL &&
                          wafer_get_text(session, "role", NULL) != NULL &&
                          wafer_get_text(session, "csrf", NULL) != NULL &&
                          (wafer_get_text(session, "note", NULL) != NULL) ==
                              (load->note_length > 0),
                      "a variable is missing");
    }
}

/* ---- the codec alone */

static void prepare_read(void *context)
{
    struct subject *subject = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        memcpy(subject->bytes[i], subject->map, subject->map_length);
}

static void run_read(void *context)
{
    struct subject *subject = context;
    size_t used;

    for (size_t i = 0; i < WORLD_BATCH; i++) {
        wafer_variables_wipe(&subject->variables);
        bench_require(wafer_variables_read(&subject->variables, subject->bytes[i],
                                           subject->map_length, &used),
                      "the map cannot be read");
    }
}

static void run_write(void *context)
{
    struct subject *subject = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        wafer_variables_write(&subject->variables, subject->bytes[i]);
}

static void put(struct subject *subject, const char *name, struct wafer_slot value)
{
    bench_require(wafer_variables_put(&subject->variables, name, strlen(name), &value,
                                      WAFER_VARIABLES_BYTES, NULL) == WAFER_OK,
                  "a variable is not taken");
}

static void put_text(struct subject *subject, const char *name, const char *text, size_t length)
{
    put(subject, name,
        (struct wafer_slot){.type = WAFER_TEXT,
                            .data = (const uint8_t *)text,
                            .length = (uint16_t)length});
}

static void make_subject(struct subject *subject, const struct world_load *load)
{
    subject->load = load;
    wafer_variables_wipe(&subject->variables);
    put(subject, "user_id", (struct wafer_slot){.type = WAFER_INTEGER, .integer = 12345678});
    put_text(subject, "name", "Ada Lovelace", strlen("Ada Lovelace"));
    put_text(subject, "role", "admin", strlen("admin"));
    put_text(subject, "csrf", load->world->csrf, strlen(load->world->csrf));
    if (load->note_length > 0)
        put_text(subject, "note", load->world->note, load->note_length);
    subject->map_length = subject->variables.encoded;
    wafer_variables_write(&subject->variables, subject->map);
}

static const struct {
    const char *name;
    struct bench_task task;
} tasks[] = {{"put", {prepare_put, run_put}},
             {"get", {prepare_get, run_get}},
             {"read", {prepare_read, run_read}},
             {"write", {NULL, run_write}}};

#define TASKS (sizeof tasks / sizeof *tasks)

int main(int count, char **arguments)
{
    static struct world world;
    static struct world_load loads[WORLD_SIZES];
    static struct subject subjects[WORLD_SIZES];
    static struct bench_case cases[TASKS * WORLD_SIZES];
    const char *folder = bench_folder(count > 0 ? arguments[0] : NULL);

    bench_begin(folder);
    world_make(&world);
    for (size_t i = 0; i < WORLD_SIZES; i++) {
        world_make_load(&loads[i], &world, &world_sizes[i], false);
        make_subject(&subjects[i], &loads[i]);
        for (size_t k = 0; k < TASKS; k++)
            cases[k * WORLD_SIZES + i] = (struct bench_case){.subject = tasks[k].name,
                                                             .size = loads[i].size,
                                                             .context = &subjects[i],
                                                             .whole = tasks[k].task,
                                                             .floor = {NULL, run_floor},
                                                             .floor_parts = BENCH_COPIES};
    }
    bench_measure(cases, TASKS * WORLD_SIZES, WORLD_BATCH);
    bench_print_all(cases, TASKS * WORLD_SIZES, folder, "variables.json");
    return 0;
}
