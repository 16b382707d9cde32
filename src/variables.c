#include "variables.h"

#include <sodium.h>
#include <string.h>

#include "cbor.h"
#include "equal.h"
#include "utf8.h"

#define EMPTY_MAP_SIZE 1

_Static_assert(WAFER_ARENA_SIZE >= 4 * WAFER_VARIABLES_BYTES, "gaps must not matter");

/* Only what was used, and only if anything was: most requests put nothing. They are a session's,
 * whose memory outlives them, so no compiler takes this for useless. */
void wafer_variables_wipe(struct wafer_variables *variables)
{
    if (variables->count > 0)
        memset(variables->slot, 0, variables->count * sizeof variables->slot[0]);
    if (variables->taken_count > 0)
        memset(variables->taken, 0, variables->taken_count * sizeof variables->taken[0]);
    if (variables->arena.used > 0)
        memset(variables->arena.bytes, 0, variables->arena.used);
    variables->count = 0;
    variables->taken_count = 0;
    variables->arena.used = 0;
    variables->encoded = EMPTY_MAP_SIZE;
}

/* Bytes that the head of the map grows by with one entry more than `count`. */
static size_t head_growth(size_t count)
{
    return wafer_cbor_head_size(count + 1) - wafer_cbor_head_size(count);
}

/* ---- The index -------------------------------------------------------------------- */

/* True when there is a variable of this name; *at is where it is or where it belongs. */
static bool locate(const struct wafer_variables *variables, const char *name, size_t name_length,
                   size_t *at)
{
    size_t low = 0;
    size_t high = variables->count;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = wafer_slot_compare(&variables->slot[middle], name, name_length);
        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order > 0)
            high = middle;
        else
            low = middle + 1;
    }
    *at = low;
    return false;
}

static struct wafer_slot *open_slot(struct wafer_variables *variables, size_t at)
{
    struct wafer_slot *slot = &variables->slot[at];

    if (at < variables->count)
        memmove(slot + 1, slot, (variables->count - at) * sizeof *slot);
    variables->count++;
    return slot;
}

static void close_slot(struct wafer_variables *variables, size_t at)
{
    struct wafer_slot *slot = &variables->slot[at];

    variables->count--;
    memmove(slot, slot + 1, (variables->count - at) * sizeof *slot);
    /* Behind count nothing is wiped later. */
    sodium_memzero(&variables->slot[variables->count], sizeof *slot);
}

const struct wafer_slot *wafer_variables_find(const struct wafer_variables *variables,
                                              const char *name, size_t name_length)
{
    size_t at;

    return locate(variables, name, name_length, &at) ? &variables->slot[at] : NULL;
}

/* ---- Reading and writing the sealed form ------------------------------------------ */

/* Reads a map and returns what is behind it, NULL if it is none; names must ascend, so none comes
 * twice. */
static const uint8_t *read_map(struct wafer_variables *variables, const uint8_t *at,
                               const uint8_t *end)
{
    const struct wafer_cbor_head head = wafer_cbor_get_head(at, end);

    if (head.next == NULL || head.major != WAFER_CBOR_MAP || head.argument > WAFER_VARIABLES_MAX)
        return NULL;
    at = head.next;
    while (variables->count < head.argument) {
        struct wafer_slot *slot = &variables->slot[variables->count++];
        at = wafer_slot_read(slot, at, end);
        if (at == NULL)
            return NULL;
        if (variables->count > 1 &&
            wafer_slot_compare(slot - 1, slot->name, slot->name_length) >= 0)
            return NULL;
    }
    return at;
}

/* Every head was read into the index, so names and values can be ended where the next one was. */
static void terminate(const struct wafer_variables *variables, uint8_t *bytes)
{
    const size_t count = variables->count;

    for (size_t i = 0; i < count; i++) {
        const struct wafer_slot slot = variables->slot[i];
        bytes[(size_t)((const uint8_t *)slot.name - bytes) + slot.name_length] = 0;
        if (slot.data != NULL)
            bytes[(size_t)(slot.data - bytes) + slot.length] = 0;
    }
}

bool wafer_variables_read(struct wafer_variables *variables, uint8_t *bytes, size_t length,
                          size_t *used)
{
    wafer_variables_wipe(variables);
    const size_t most = length < WAFER_VARIABLES_BYTES ? length : WAFER_VARIABLES_BYTES;
    const uint8_t *end = read_map(variables, bytes, bytes + most);
    if (end == NULL || (end < bytes + length && *end != 0)) {
        wafer_variables_wipe(variables);
        return false;
    }
    terminate(variables, bytes);
    variables->encoded = (size_t)(end - bytes);
    *used = variables->encoded;
    return true;
}

void wafer_variables_write(const struct wafer_variables *variables, uint8_t *out)
{
    out += wafer_cbor_put_head(WAFER_CBOR_MAP, variables->count, out);
    for (size_t i = 0; i < variables->count; i++)
        out = wafer_slot_write(&variables->slot[i], out);
}

/* ---- Changing --------------------------------------------------------------------- */

static bool is_name(const char *name, size_t name_length)
{
    return name_length > 0 && name_length <= WAFER_NAME_MAX && wafer_is_text(name, name_length);
}

/* Makes of a value what a slot holds, without unused members; false when it is none. */
static bool settle_value(struct wafer_slot *value)
{
    switch (value->type) {
    case WAFER_TEXT:
    case WAFER_BYTES:
        value->integer = 0;
        if (value->length == 0)
            value->data = (const uint8_t *)"";
        return value->data != NULL &&
               (value->type == WAFER_BYTES || wafer_is_text(value->data, value->length));
    case WAFER_BOOLEAN:
    case WAFER_INTEGER:
        if (value->type == WAFER_BOOLEAN)
            value->integer = value->integer != 0;
        value->data = NULL;
        value->length = 0;
        return true;
    default:
        return false;
    }
}

static bool is_same_value(const struct wafer_slot *slot, const struct wafer_slot *value)
{
    return slot->type == value->type && slot->integer == value->integer &&
           slot->length == value->length &&
           (slot->data == NULL || wafer_equal(slot->data, value->data, value->length));
}

static uint8_t *arena_room(struct wafer_variables *variables, size_t size)
{
    return wafer_arena_room(&variables->arena, variables->slot, variables->count, variables->taken,
                            variables->taken_count, size);
}

/* Where a slot's new data can go: over the old when it is the arena's and long enough. */
static uint8_t *room_for_data(struct wafer_variables *variables, const struct wafer_slot *slot,
                              size_t length)
{
    size_t offset;

    if (length <= slot->length && wafer_arena_holds(&variables->arena, slot->data, &offset))
        return variables->arena.bytes + offset;
    return arena_room(variables, length + 1);
}

/* Gives a slot a settled value, whose data goes to `data`, where it may be already in part. */
static void fill(struct wafer_slot *slot, const struct wafer_slot *value, uint8_t *data)
{
    slot->type = value->type;
    slot->integer = value->integer;
    slot->length = value->length;
    slot->data = NULL;
    if (!wafer_slot_has_data(value))
        return;
    if (value->length > 0)
        memmove(data, value->data, value->length);
    data[value->length] = 0;
    slot->data = data;
}

/* False, changing nothing, when the arena has no room. */
static bool replace(struct wafer_variables *variables, struct wafer_slot *slot,
                    const struct wafer_slot *value)
{
    uint8_t *data = NULL;

    if (wafer_slot_has_data(value)) {
        data = room_for_data(variables, slot, value->length);
        if (data == NULL)
            return false;
    }
    fill(slot, value, data);
    return true;
}

/* Adds a variable at this place; false, changing nothing, when the arena has no room. */
static bool insert(struct wafer_variables *variables, size_t at, const struct wafer_slot *wanted)
{
    const size_t name_length = wanted->name_length;
    const size_t data_size = wafer_slot_has_data(wanted) ? (size_t)wanted->length + 1 : 0;
    uint8_t *name = arena_room(variables, name_length + 1 + data_size);

    if (name == NULL)
        return false;
    memcpy(name, wanted->name, name_length);
    name[name_length] = 0;
    struct wafer_slot *slot = open_slot(variables, at);
    slot->name = (const char *)name;
    slot->name_length = wanted->name_length;
    fill(slot, wanted, name + name_length + 1);
    return true;
}

wafer_result wafer_variables_put(struct wafer_variables *variables, const char *name,
                                 size_t name_length, const struct wafer_slot *value, size_t most,
                                 size_t *needed)
{
    struct wafer_slot wanted = *value; /* which may be in the index, and that is about to change */

    if (needed != NULL)
        *needed = 0;
    if (!is_name(name, name_length) || !settle_value(&wanted))
        return WAFER_INVALID;
    wanted.name = name;
    wanted.name_length = (uint8_t)name_length;
    size_t at;
    const bool there = locate(variables, name, name_length, &at);
    if (there && is_same_value(&variables->slot[at], &wanted))
        return WAFER_OK;
    if (!there && variables->count == WAFER_VARIABLES_MAX)
        return WAFER_TOO_LARGE;
    const size_t replaced = there ? wafer_slot_size(&variables->slot[at]) : 0;
    const size_t growth = there ? 0 : head_growth(variables->count);
    const size_t encoded = variables->encoded - replaced + wafer_slot_size(&wanted) + growth;
    if (encoded > most || encoded > WAFER_VARIABLES_BYTES) {
        if (needed != NULL)
            *needed = encoded;
        return WAFER_TOO_LARGE;
    }
    if (!(there ? replace(variables, &variables->slot[at], &wanted)
                : insert(variables, at, &wanted)))
        return WAFER_TOO_LARGE;
    variables->encoded = encoded;
    return WAFER_OK;
}

static void remove_at(struct wafer_variables *variables, size_t at)
{
    variables->encoded -= wafer_slot_size(&variables->slot[at]) + head_growth(variables->count - 1);
    close_slot(variables, at);
}

bool wafer_variables_remove(struct wafer_variables *variables, const char *name, size_t name_length)
{
    size_t at;

    if (!locate(variables, name, name_length, &at))
        return false;
    remove_at(variables, at);
    return true;
}

bool wafer_variables_take(struct wafer_variables *variables, const char *name, size_t name_length,
                          struct wafer_slot *slot)
{
    size_t at;

    if (variables->taken_count == WAFER_VARIABLES_MAX || !locate(variables, name, name_length, &at))
        return false;
    *slot = variables->slot[at];
    variables->taken[variables->taken_count++] = *slot;
    remove_at(variables, at);
    return true;
}

static bool is_listed(const struct wafer_slot *slot, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] != NULL && strcmp(slot->name, names[i]) == 0)
            return true;
    return false;
}

void wafer_variables_keep(struct wafer_variables *variables, const char *const *names, size_t count)
{
    for (size_t at = variables->count; at > 0; at--)
        if (!is_listed(&variables->slot[at - 1], names, count))
            remove_at(variables, at - 1);
}

size_t wafer_variables_kept(const struct wafer_variables *variables, const char *const *names,
                            size_t count)
{
    size_t kept = 0;
    size_t size = 0;

    for (size_t i = 0; i < variables->count; i++) {
        if (is_listed(&variables->slot[i], names, count)) {
            kept++;
            size += wafer_slot_size(&variables->slot[i]);
        }
    }
    return wafer_cbor_head_size(kept) + size;
}
