/* What the tests of variables share: short forms of the calls, and checks. */
#ifndef WAFER_TESTS_VARIABLES_HELPERS_H
#define WAFER_TESTS_VARIABLES_HELPERS_H

#include "support.h"

#include "variables.h"

/* A map with every type: {"a": -1, "b": true, "bb": "text", "cc": h'00ff', "ddd": false,
 * "long": 65536, "empty": ""}. */
#define EXAMPLE_MAP                                                                                \
    "a7616120"                                                                                     \
    "6162f5"                                                                                       \
    "6262626474657874"                                                                             \
    "6263634200ff"                                                                                 \
    "63646464f4"                                                                                   \
    "646c6f6e671a00010000"                                                                         \
    "65656d70747960"

/* Empty variables; free with free_variables, which wipes them and checks that nothing is left. */
struct wafer_variables *new_variables(void);
void free_variables(struct wafer_variables *variables);

/* Put without a bound of the caller's. */
wafer_result put_data(struct wafer_variables *variables, const char *name, wafer_type type,
                      const void *data, size_t length);
wafer_result put_text(struct wafer_variables *variables, const char *name, const char *text);
wafer_result put_integer(struct wafer_variables *variables, const char *name, int64_t integer);

const struct wafer_slot *find(const struct wafer_variables *variables, const char *name);
bool remove_named(struct wafer_variables *variables, const char *name);
bool take_named(struct wafer_variables *variables, const char *name, struct wafer_slot *slot);

/* Fails unless the variable is there with this text. */
void assert_text(const struct wafer_variables *variables, const char *name, const char *text);
/* Fails unless the map is written as these bytes, into exactly their room. */
void assert_written(const struct wafer_variables *variables, const uint8_t *bytes, size_t length);

/* Reads from memory with room for one NUL and not one byte more. True when taken: then what was
 * used is written as it was read. Otherwise nothing may have changed. */
bool takes_map(const uint8_t *bytes, size_t length);

/* Writes the map of `count` variables named "aa", "ab" ... with value 0, at most 256 of them in
 * four bytes each, and returns its length. */
size_t write_many(uint8_t *out, unsigned count);
/* The i-th of these names. */
const char *many_name(unsigned i, char name[3]);

#endif
