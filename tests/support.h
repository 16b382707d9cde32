/* What the tests share: memory that ends at an unmapped page, seeded randomness, hex, the
 * conformance data. Include this instead of cmocka.h. */
#ifndef WAFER_TESTS_SUPPORT_H
#define WAFER_TESTS_SUPPORT_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>

/* `size` bytes whose last one is followed by an unmapped page (and with an unmapped page in front
 * of the page the first one is in). Contents are 0xA5. */
uint8_t *guarded(size_t size);
/* A copy of bytes in guarded memory. */
uint8_t *guarded_copy(const void *bytes, size_t size);
/* Frees memory of the two above; size as it was asked for. */
void guarded_free(void *memory, size_t size);

/* Seeds from WAFER_TEST_SEED or from the clock and prints the seed, once a test program. */
void seed_random(void);
/* The next value of a small deterministic generator; `below` 0 means all 64 bits. */
uint64_t random_below(uint64_t below);
void random_fill(void *bytes, size_t length);

/* Kills a child at some time within so many nanoseconds (less than a second), and waits for it. It
 * must not have ended by itself. */
void kill_after_a_moment(pid_t child, uint64_t nanoseconds);

/* How many pages the process has mapped. */
long pages_mapped(void);

/* Decodes hex into out (room for strlen(hex) / 2 bytes) and returns the bytes written; "-" is none.
 * Fails the test on anything that is not hex. */
size_t from_hex(const char *hex, uint8_t *out);

/* Opens a file of the folder that WAFER_CONFORMANCE names, or skips the test visibly: prints why
 * and calls skip(). A folder without the file fails the test. */
FILE *conformance_file(const char *name);

#endif
