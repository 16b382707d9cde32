/* Session variables: read in place from the opened plaintext, changed in an arena beside it.
 *
 * Sealed they are one CBOR map from text to integer, boolean, text or bytes, in deterministic
 * encoding (RFC 8949 4.2.1: keys in bytewise order of their encoding, so shorter names first).
 * Reading checks everything once, fills an index, and puts a NUL behind every name and value in
 * place of the head that follows, which the index has replaced. Values never move: a pointer that
 * was handed out stays good until that variable changes. */
#ifndef WAFER_SRC_VARIABLES_H
#define WAFER_SRC_VARIABLES_H

#include "arena.h"

/* The most that the encoded map may take; more cannot fit a cookie. */
#define WAFER_VARIABLES_BYTES 3072

struct wafer_variables {
    size_t count;
    size_t encoded;     /* size of the map as it would be written now */
    size_t taken_count; /* slots in taken: what wafer_variables_take keeps alive */
    struct wafer_slot slot[WAFER_VARIABLES_MAX]; /* in order */
    struct wafer_slot taken[WAFER_VARIABLES_MAX];
    struct wafer_arena arena; /* changed names and values */
};

/* Empties and wipes what was used. Also the first initialization, of zeroed memory. */
void wafer_variables_wipe(struct wafer_variables *variables);

/* Reads a map at the front of bytes; *used is what it took. The byte behind it becomes the NUL of
 * the last value: at the end of bytes it is written, so they must have room for length + 1; within
 * them it must be zero already, so that nothing but padding is ever hidden. The bytes belong to the
 * variables until wiped. False for anything that wafer_variables_write would not write: bytes and
 * *used are then as they were and the variables are empty. */
bool wafer_variables_read(struct wafer_variables *variables, uint8_t *bytes, size_t length,
                          size_t *used);

/* Writes the map: exactly variables->encoded bytes. */
void wafer_variables_write(const struct wafer_variables *variables, uint8_t *out);

/* The variable of this name, or NULL. */
const struct wafer_slot *wafer_variables_find(const struct wafer_variables *variables,
                                              const char *name, size_t name_length);

/* Sets one, copying name and value. `value` has type, data, length, integer; its name counts not.
 * It, its data and the name may be the variables' own. The same value again is OK and touches
 * nothing. `most`, and WAFER_VARIABLES_BYTES, bound the encoded size afterwards.
 * INVALID: name or text is not text, name empty or too long, no such type, length without data.
 * TOO_LARGE: more than the bound, *needed (may be NULL) then is the encoded size it would take; or
 * 64 already, or the arena is in pieces (*needed is 0 for both, and for all other results). On
 * error nothing changed. */
wafer_result wafer_variables_put(struct wafer_variables *variables, const char *name,
                                 size_t name_length, const struct wafer_slot *value, size_t most,
                                 size_t *needed);

/* Removes one; false when absent. */
bool wafer_variables_remove(struct wafer_variables *variables, const char *name,
                            size_t name_length);

/* Removes one but keeps its memory untouched until wiped; *slot is then what it was. False when
 * absent, and, changing nothing, when WAFER_VARIABLES_MAX were taken already. */
bool wafer_variables_take(struct wafer_variables *variables, const char *name, size_t name_length,
                          struct wafer_slot *slot);

/* Removes all but those named (NUL-terminated names; absent and NULL ones are no error). */
void wafer_variables_keep(struct wafer_variables *variables, const char *const *names,
                          size_t count);

/* What the encoded size would be after wafer_variables_keep. */
size_t wafer_variables_kept(const struct wafer_variables *variables, const char *const *names,
                            size_t count);

#endif
