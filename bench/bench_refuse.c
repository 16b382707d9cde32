/* What a refused cookie costs: wafer_begin, wafer_field, wafer_open, wafer_end.
 *
 *     forged   one character in the middle was changed
 *     tag      one character of the tag was
 *     expired  past its own expiry; the seal is good, as in what follows
 *     revoked  its id is on the list
 *
 * Beside libsodium's call that opens a plaintext of that size and, where the row says "/ open",
 * beside Wafer's own whole open of that size: nobody should cost more by being refused. */
#include "bare.h"
#include "world.h"

#define WAYS  4
#define CASES (WORLD_SIZES * WAYS * 2)

struct refusal {
    struct world_load *load;
    struct world_cookie cookie;
    wafer_verdict verdict;
};

static struct bare bare;

static void run_refuse(void *context)
{
    const struct refusal *refusal = context;
    wafer_session *session = refusal->load->world->session[1];

    for (size_t i = 0; i < WORLD_BATCH; i++) {
        bench_require(world_open(session, &refusal->cookie) == refusal->verdict,
                      "a cookie is not refused as it should be");
        wafer_end(session);
    }
}

static void run_open(void *context)
{
    const struct refusal *refusal = context;

    world_run_open(refusal->load);
}

static void prepare_floor(void *context)
{
    const struct refusal *refusal = context;

    bare_seal(&bare, refusal->load->plain_length);
}

static void run_floor(void *context)
{
    const struct refusal *refusal = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bare_open(&bare, refusal->load->plain_length);
}

/* ---- the ways */

/* Changes the character that is so far from the end. */
static void forge(struct refusal *refusal, size_t from_end)
{
    char *character;

    refusal->cookie = refusal->load->full;
    character = &refusal->cookie.pair[refusal->cookie.length - from_end];
    *character = *character == 'A' ? 'B' : 'A';
    refusal->verdict = WAFER_REJECTED;
}

static void make_forged(struct refusal *refusal)
{
    forge(refusal, refusal->load->value_length / 2);
}

static void make_tag(struct refusal *refusal)
{
    forge(refusal, 8);
}

/* A session with all variables that waits for what is particular. */
static wafer_session *begin(const struct refusal *refusal)
{
    wafer_session *session = refusal->load->world->session[1];

    world_start(session, refusal->load->signed_in);
    world_put(refusal->load->world, session, refusal->load->note_length);
    return session;
}

static void make_expired(struct refusal *refusal)
{
    static const struct timespec wait = {0, 5000000};
    wafer_session *session = begin(refusal);

    bench_require(wafer_set_expiry(session, 1, false) == WAFER_OK, "no expiry is set");
    world_keep(session, &refusal->cookie);
    nanosleep(&wait, NULL);
    refusal->verdict = WAFER_EXPIRED;
}

static void make_revoked(struct refusal *refusal)
{
    wafer_session *session = begin(refusal);
    uint8_t id[WAFER_ID_SIZE];

    bench_require(wafer_id(session, id), "a session has no id");
    world_keep(session, &refusal->cookie);
    bench_require(wafer_revoke_session(refusal->load->world->list, id) == WAFER_OK,
                  "a session is not revoked");
    refusal->verdict = WAFER_REVOKED;
}

static const struct {
    const char *beside_libsodium;
    const char *beside_open;
    void (*make)(struct refusal *refusal);
} ways[WAYS] = {{"forged", "forged / open", make_forged},
                {"tag", "tag / open", make_tag},
                {"expired", "expired / open", make_expired},
                {"revoked", "revoked / open", make_revoked}};

int main(int count, char **arguments)
{
    static struct world world;
    static struct world_load loads[WORLD_SIZES];
    static struct refusal refusals[WAYS][WORLD_SIZES];
    static struct bench_case cases[CASES];
    const char *folder = bench_folder(count > 0 ? arguments[0] : NULL);

    bench_begin(folder);
    bare_make(&bare);
    world_make(&world);
    for (size_t i = 0; i < WORLD_SIZES; i++)
        world_make_load(&loads[i], &world, &world_sizes[i], false);
    for (size_t i = 0; i < CASES / 2; i++) {
        size_t way = i / WORLD_SIZES;
        struct refusal *refusal = &refusals[way][i % WORLD_SIZES];
        struct bench_case made = {.context = refusal, .whole = {NULL, run_refuse}};

        refusal->load = &loads[i % WORLD_SIZES];
        ways[way].make(refusal);
        made.size = refusal->load->size;
        made.subject = ways[way].beside_libsodium;
        made.floor = (struct bench_task){prepare_floor, run_floor};
        cases[i] = made;
        made.subject = ways[way].beside_open;
        made.floor = (struct bench_task){NULL, run_open};
        cases[CASES / 2 + i] = made;
    }
    bench_measure(cases, CASES, WORLD_BATCH);
    bench_print_all(cases, CASES, folder, "refuse.json");
    return 0;
}
