/* The floors themselves, beside memcpy of as many bytes: libsodium's cipher and its parts, libb64,
 * and memcpy again, which shows how well the same thing measured twice agrees. The size is that of
 * the bytes that go in. */
#include "bare.h"
#include "world.h"

#include <b64/cdecode.h>
#include <b64/cencode.h>

#define ROOM 8192

struct floor {
    size_t length;
    size_t text_length; /* in libb64's form, with its newlines */
    char text[ROOM];
};

static struct bare bare;
static uint8_t out[ROOM];

static void run_memcpy(void *context)
{
    const struct floor *floor = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bench_copy(out, bare.plain, floor->length);
}

static void run_encrypt(void *context)
{
    const struct floor *floor = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bare_seal(&bare, floor->length);
}

static void prepare_decrypt(void *context)
{
    const struct floor *floor = context;

    bare_seal(&bare, floor->length);
}

static void run_decrypt(void *context)
{
    const struct floor *floor = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        bare_open(&bare, floor->length);
}

static void run_subkey(void *context)
{
    (void)context;
    for (size_t i = 0; i < WORLD_BATCH; i++)
        crypto_core_hchacha20(out, bare.nonce, bare.key, NULL);
}

static void run_stream(void *context)
{
    const struct floor *floor = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        crypto_stream_chacha20_ietf_xor(out, bare.plain, floor->length, bare.nonce, bare.key);
}

static void run_tag(void *context)
{
    const struct floor *floor = context;

    for (size_t i = 0; i < WORLD_BATCH; i++)
        crypto_onetimeauth(out, bare.plain, floor->length, bare.key);
}

static size_t encode(const struct floor *floor, char *text)
{
    base64_encodestate state;
    char *end = text;

    base64_init_encodestate(&state);
    end += base64_encode_block((const char *)bare.plain, (int)floor->length, end, &state);
    end += base64_encode_blockend(end, &state);
    return (size_t)(end - text);
}

static void run_encode(void *context)
{
    for (size_t i = 0; i < WORLD_BATCH; i++)
        encode(context, (char *)out);
}

static void run_decode(void *context)
{
    const struct floor *floor = context;

    for (size_t i = 0; i < WORLD_BATCH; i++) {
        base64_decodestate state;

        base64_init_decodestate(&state);
        base64_decode_block(floor->text, (int)floor->text_length, (char *)out, &state);
    }
}

static const struct {
    const char *name;
    struct bench_task task;
    double parts; /* of one run */
} tasks[] = {
    {"memcpy", {NULL, run_memcpy}, BENCH_COPIES},
    {"encrypt", {NULL, run_encrypt}, 1},
    {"decrypt", {prepare_decrypt, run_decrypt}, 1},
    {"hchacha20", {NULL, run_subkey}, 1},
    {"chacha20", {NULL, run_stream}, 1},
    {"poly1305", {NULL, run_tag}, 1},
    {"libb64 encode", {NULL, run_encode}, 1},
    {"libb64 decode", {NULL, run_decode}, 1},
};

/* Around the plaintexts of the four sizes, and what vector code likes. */
static const size_t lengths[] = {128, 256, 512, 1024, 2900};

#define TASKS   (sizeof tasks / sizeof *tasks)
#define LENGTHS (sizeof lengths / sizeof *lengths)

int main(int count, char **arguments)
{
    static struct floor floors[LENGTHS];
    static struct bench_case cases[TASKS * LENGTHS];
    const char *folder = bench_folder(count > 0 ? arguments[0] : NULL);

    bench_begin(folder);
    bare_make(&bare);
    for (size_t i = 0; i < LENGTHS; i++) {
        floors[i].length = lengths[i];
        floors[i].text_length = encode(&floors[i], floors[i].text);
        for (size_t k = 0; k < TASKS; k++)
            cases[k * LENGTHS + i] = (struct bench_case){.subject = tasks[k].name,
                                                         .size = (int)lengths[i],
                                                         .context = &floors[i],
                                                         .whole = tasks[k].task,
                                                         .floor = {NULL, run_memcpy},
                                                         .whole_parts = tasks[k].parts,
                                                         .floor_parts = BENCH_COPIES};
    }
    bench_measure(cases, TASKS * LENGTHS, WORLD_BATCH);
    bench_print_all(cases, TASKS * LENGTHS, folder, "floors.json");
    return 0;
}
