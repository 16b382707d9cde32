/* What a session costs, beside its floor: the one call of libsodium's cipher over a plaintext of
 * the size that is sealed.
 *
 *     seal    five puts into an open session, wafer_finish with the Set-Cookie line, wafer_end
 *     open    wafer_begin, wafer_field, wafer_open, one variable read, wafer_end
 *
 * Nobody is signed in but where the row says so: then the list is asked for the subject too. The
 * last column is the length of the cookie's value. */
#include "bare.h"
#include "world.h"

#define SIGNED_IN 1 /* of world_sizes */
#define LOADS     (WORLD_SIZES + 1)

static struct bare bare;

static void floor_seal(void *context)
{
    const struct world_load *load = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bare_seal(&bare, load->plain_length);
}

static void prepare_floor_open(void *context)
{
    const struct world_load *load = context;

    bare_seal(&bare, load->plain_length);
}

static void floor_open(void *context)
{
    const struct world_load *load = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bare_open(&bare, load->plain_length);
}

static struct bench_case seal_case(struct world_load *load)
{
    return (struct bench_case){.subject = load->signed_in ? "seal, signed in" : "seal",
                               .size = load->size,
                               .context = load,
                               .cookie_bytes = load->value_length,
                               .whole = {world_prepare_seal, world_run_seal},
                               .floor = {NULL, floor_seal}};
}

static struct bench_case open_case(struct world_load *load)
{
    return (struct bench_case){.subject = load->signed_in ? "open, signed in" : "open",
                               .size = load->size,
                               .context = load,
                               .cookie_bytes = load->value_length,
                               .whole = {NULL, world_run_open},
                               .floor = {prepare_floor_open, floor_open}};
}

int main(int count, char **arguments)
{
    static struct world world;
    static struct world_load loads[LOADS];
    static struct bench_case cases[2 * LOADS];
    const char *folder = bench_folder(count > 0 ? arguments[0] : NULL);

    bench_begin(folder);
    bare_make(&bare);
    world_make(&world);
    for (size_t i = 0; i < LOADS; i++) {
        bool signed_in = i == WORLD_SIZES;

        world_make_load(&loads[i], &world, &world_sizes[signed_in ? SIGNED_IN : i], signed_in);
        cases[i] = seal_case(&loads[i]);
        cases[LOADS + i] = open_case(&loads[i]);
    }
    bench_measure(cases, 2 * LOADS, WORLD_BATCH);
    bench_print_all(cases, 2 * LOADS, folder, "session.json");
    return 0;
}
