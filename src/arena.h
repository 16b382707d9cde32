/* Where the names and values that a request puts are kept, beside the plaintext.
 *
 * There is no free list: what is in use follows from the slots, so removing a slot frees its
 * memory. Nothing in use is ever moved. */
#ifndef WAFER_SRC_ARENA_H
#define WAFER_SRC_ARENA_H

#include "slot.h"

/* Four times the most that can be alive, because gaps are not closed. */
#define WAFER_ARENA_SIZE 12288

struct wafer_arena {
    size_t used; /* high-water mark: what wiping must cover */
    uint8_t bytes[WAFER_ARENA_SIZE];
};

/* True when memory is in the arena, *offset then is where. */
bool wafer_arena_holds(const struct wafer_arena *arena, const void *memory, size_t *offset);

/* Up to here nobody looks for gaps: behind the mark nothing is in the way, and few requests ever
 * put more. */
#define WAFER_ARENA_APPENDED (WAFER_ARENA_SIZE / 2)

uint8_t *wafer_arena_gap(struct wafer_arena *arena, const struct wafer_slot *slots, size_t count,
                         const struct wafer_slot *taken, size_t taken_count, size_t size);

/* Some `size` bytes in a row that none of the slots nor of those taken uses, or NULL. They are in
 * use as soon as a slot points to them with length size - 1. */
static inline uint8_t *wafer_arena_room(struct wafer_arena *arena, const struct wafer_slot *slots,
                                        size_t count, const struct wafer_slot *taken,
                                        size_t taken_count, size_t size)
{
    uint8_t *room = arena->bytes + arena->used;

    if (size > WAFER_ARENA_APPENDED || arena->used > WAFER_ARENA_APPENDED - size)
        return wafer_arena_gap(arena, slots, count, taken, taken_count, size);
    arena->used += size;
    return room;
}

#endif
