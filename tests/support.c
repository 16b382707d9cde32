#include "support.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- Memory that ends at an unmapped page ---------------------------------------------------- */

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* The bytes of the whole pages that hold `size` bytes. */
static size_t in_pages(size_t size)
{
    size_t page = page_size();

    return (size + page - 1) / page * page;
}

uint8_t *guarded(size_t size)
{
    size_t page = page_size();
    size_t inner = in_pages(size);
    uint8_t *outer = mmap(NULL, page + inner + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *memory;

    if (outer == MAP_FAILED)
        fail_msg("no %zu bytes of guarded memory: %s", size, strerror(errno));
    if (inner > 0 && mprotect(outer + page, inner, PROT_READ | PROT_WRITE) != 0)
        fail_msg("guarded memory cannot be opened: %s", strerror(errno));
    memory = outer + page + inner - size;
    memset(memory, 0xA5, size);
    return memory;
}

uint8_t *guarded_copy(const void *bytes, size_t size)
{
    uint8_t *memory = guarded(size);

    if (size > 0)
        memcpy(memory, bytes, size);
    return memory;
}

void guarded_free(void *memory, size_t size)
{
    size_t page = page_size();
    size_t inner = in_pages(size);

    if (memory == NULL)
        return;
    if (munmap((uint8_t *)memory + size - inner - page, page + inner + page) != 0)
        fail_msg("guarded memory freed with another size than it has: %s", strerror(errno));
}

/* ---- Seeded randomness ----------------------------------------------------------------------- */

static bool seeded;
static uint64_t random_state;

void seed_random(void)
{
    const char *wanted = getenv("WAFER_TEST_SEED");
    struct timespec now;

    if (seeded)
        return;
    seeded = true;
    if (wanted != NULL && *wanted != '\0') {
        char *end;

        random_state = strtoull(wanted, &end, 0);
        if (*end != '\0')
            fail_msg("WAFER_TEST_SEED is no number: %s", wanted);
    } else {
        (void)timespec_get(&now, TIME_UTC);
        random_state = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    }
    print_message("seed: WAFER_TEST_SEED=%" PRIu64 "\n", random_state);
}

/* A Weyl sequence through the finalizer of MurmurHash3. */
static uint64_t random_next(void)
{
    uint64_t mixed;

    seed_random();
    random_state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = random_state;
    mixed = (mixed ^ (mixed >> 33)) * UINT64_C(0xFF51AFD7ED558CCD);
    mixed = (mixed ^ (mixed >> 33)) * UINT64_C(0xC4CEB9FE1A85EC53);
    return mixed ^ (mixed >> 33);
}

uint64_t random_below(uint64_t below)
{
    uint64_t value = random_next();

    return below == 0 ? value : value % below;
}

void random_fill(void *bytes, size_t length)
{
    uint8_t *out = bytes;

    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)random_next();
}

/* ---- Hex ------------------------------------------------------------------------------------- */

static unsigned hex_digit(char character)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *place = character == '\0' ? NULL : strchr(digits, character);

    if (place == NULL) {
        fail_msg("no hex digit: 0x%02x", (unsigned)(unsigned char)character);
        return 0;
    }
    return (unsigned)(place - digits) % 16;
}

size_t from_hex(const char *hex, uint8_t *out)
{
    size_t length = strlen(hex);

    if (strcmp(hex, "-") == 0)
        return 0;
    if (length % 2 != 0)
        fail_msg("an odd number of hex digits: %s", hex);
    for (size_t i = 0; i < length / 2; i++)
        out[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    return length / 2;
}

/* ---- Conformance data ------------------------------------------------------------------------ */

FILE *conformance_file(const char *name)
{
    const char *folder = getenv("WAFER_CONFORMANCE");
    char path[4096];
    struct stat status;
    FILE *file;

    if (folder == NULL || *folder == '\0') {
        print_message("skipped: WAFER_CONFORMANCE names no folder with %s\n", name);
        skip();
        return NULL; /* never reached, but cmocka does not declare it so */
    }
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode)) {
        print_message("skipped: there is no folder %s with %s\n", folder, name);
        skip();
        return NULL;
    }
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        fail_msg("the path of %s is too long", name);
    file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    return file;
}

void kill_after_a_moment(pid_t child, uint64_t nanoseconds)
{
    const struct timespec moment = {0, (long)random_below(nanoseconds)};
    int status;

    (void)nanosleep(&moment, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

long pages_mapped(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pages), 1);
    assert_int_equal(fclose(file), 0);
    return pages;
}
