#include "arena.h"

bool wafer_arena_holds(const struct wafer_arena *arena, const void *memory, size_t *offset)
{
    const uintptr_t distance = (uintptr_t)memory - (uintptr_t)arena->bytes;
    if (distance >= WAFER_ARENA_SIZE)
        return false;
    *offset = (size_t)distance;
    return true;
}

/* Where to look next for `size` bytes: behind this name or value when it is in the way, else
 * `start` again. */
static size_t past_text(const struct wafer_arena *arena, const void *text, size_t length,
                        size_t start, size_t size)
{
    size_t offset;

    if (!wafer_arena_holds(arena, text, &offset))
        return start;
    const size_t end = offset + length + 1;
    return offset < start + size && start < end ? end : start;
}

static size_t past_slots(const struct wafer_arena *arena, const struct wafer_slot *slots,
                         size_t count, size_t start, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        start = past_text(arena, slots[i].name, slots[i].name_length, start, size);
        start = past_text(arena, slots[i].data, slots[i].length, start, size);
    }
    return start;
}

uint8_t *wafer_arena_gap(struct wafer_arena *arena, const struct wafer_slot *slots, size_t count,
                         const struct wafer_slot *taken, size_t taken_count, size_t size)
{
    size_t start = 0;

    while (size <= WAFER_ARENA_SIZE && start <= WAFER_ARENA_SIZE - size) {
        size_t next = past_slots(arena, slots, count, start, size);
        next = past_slots(arena, taken, taken_count, next, size);
        if (next == start) {
            if (arena->used < start + size)
                arena->used = start + size;
            return arena->bytes + start;
        }
        start = next;
    }
    return NULL;
}
