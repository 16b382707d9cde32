#include "variables_helpers.h"

#include <cbor.h>
#include <stdlib.h>
#include <string.h>

/* libcbor, which shares no line with ours, as the judge of what we write and read. */

#define ENTRIES   12
#define DATA_MOST 300
#define MAP_MOST  WAFER_VARIABLES_BYTES

/* One variable to be; ascending in an array of them. */
struct entry {
    char name[300];
    size_t name_length;
    struct wafer_slot value;
    uint8_t data[DATA_MOST];
};

/* ---- Random content ---- */

static size_t random_text(uint8_t *out, size_t most)
{
    static const char *const pieces[] = {"a",
                                         "z",
                                         "0",
                                         "\x01",
                                         "\x7f",
                                         "\xc2\x80",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xef\xbf\xbf",
                                         "\xf0\x9f\x8d\x9e",
                                         "\xf4\x8f\xbf\xbf"};
    size_t length = 0;
    for (;;) {
        const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
        if (length + strlen(piece) > most)
            return length;
        memcpy(out + length, piece, strlen(piece));
        length += strlen(piece);
    }
}

static void random_entry(struct entry *entry)
{
    do {
        const size_t most = 1 + (size_t)random_below(random_below(6) == 0 ? WAFER_NAME_MAX : 9);
        entry->name_length = random_text((uint8_t *)entry->name, most);
    } while (entry->name_length == 0);
    entry->name[entry->name_length] = 0;
    struct wafer_slot *value = &entry->value;
    memset(value, 0, sizeof *value);
    value->type = (uint8_t)(WAFER_INTEGER + random_below(4));
    if (value->type == WAFER_INTEGER) {
        value->integer = (int64_t)random_below(0) >> random_below(64);
    } else if (value->type == WAFER_BOOLEAN) {
        value->integer = (int64_t)random_below(2);
    } else {
        const size_t most = (size_t)random_below(random_below(4) == 0 ? DATA_MOST : 20);
        random_fill(entry->data, most);
        value->length = (uint16_t)(value->type == WAFER_TEXT ? random_text(entry->data, most)
                                                             : most);
    }
}

static int by_name(const void *first, const void *second)
{
    const struct entry *one = first;
    const struct entry *two = second;
    if (one->name_length != two->name_length)
        return one->name_length < two->name_length ? -1 : 1;
    return memcmp(one->name, two->name, one->name_length);
}

/* After entries were moved. */
static void point_to_own_data(struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        entries[i].value.data = entries[i].value.type >= WAFER_TEXT ? entries[i].data : NULL;
}

/* Up to ENTRIES entries in ascending order, without duplicates. */
static size_t random_entries(struct entry *entries)
{
    const size_t tries = (size_t)random_below(ENTRIES + 1);
    for (size_t i = 0; i < tries; i++)
        random_entry(&entries[i]);
    qsort(entries, tries, sizeof entries[0], by_name);
    size_t count = 0;
    for (size_t i = 0; i < tries; i++)
        if (count == 0 || by_name(&entries[count - 1], &entries[i]) != 0)
            memmove(&entries[count++], &entries[i], sizeof entries[0]);
    point_to_own_data(entries, count);
    return count;
}

/* ---- What libcbor says ---- */

static bool same_data(const void *first, size_t first_length, const void *second,
                      size_t second_length)
{
    return first_length == second_length &&
           (first_length == 0 || memcmp(first, second, first_length) == 0);
}

static void assert_value(const cbor_item_t *item, const struct wafer_slot *slot)
{
    switch (slot->type) {
    case WAFER_INTEGER:
        assert_true(cbor_is_int(item));
        assert_int_equal(cbor_isa_negint(item), slot->integer < 0);
        assert_true(cbor_get_int(item) ==
                    (uint64_t)(slot->integer < 0 ? -(slot->integer + 1) : slot->integer));
        break;
    case WAFER_BOOLEAN:
        assert_true(cbor_is_bool(item));
        assert_int_equal(cbor_get_bool(item), slot->integer);
        break;
    case WAFER_TEXT:
        assert_true(cbor_isa_string(item) && cbor_string_is_definite(item));
        assert_true(same_data(cbor_string_handle(item), cbor_string_length(item), slot->data,
                              slot->length));
        break;
    default:
        assert_int_equal(slot->type, WAFER_BYTES);
        assert_true(cbor_isa_bytestring(item) && cbor_bytestring_is_definite(item));
        assert_true(same_data(cbor_bytestring_handle(item), cbor_bytestring_length(item),
                              slot->data, slot->length));
    }
}

/* Fails unless libcbor loads the same variables in the same order from all of bytes. */
static void assert_loads(const uint8_t *bytes, size_t length,
                         const struct wafer_variables *variables)
{
    struct cbor_load_result result;
    cbor_item_t *map = cbor_load(bytes, length, &result);
    assert_non_null(map);
    assert_int_equal(result.read, length);
    assert_true(cbor_isa_map(map) && cbor_map_is_definite(map));
    assert_int_equal(cbor_map_size(map), variables->count);
    const struct cbor_pair *pairs = cbor_map_handle(map);
    for (size_t i = 0; i < variables->count; i++) {
        const struct wafer_slot *slot = &variables->slot[i];
        assert_true(cbor_isa_string(pairs[i].key) && cbor_string_is_definite(pairs[i].key));
        assert_true(same_data(cbor_string_handle(pairs[i].key), cbor_string_length(pairs[i].key),
                              slot->name, slot->name_length));
        assert_value(pairs[i].value, slot);
    }
    cbor_decref(&map);
}

/* ---- What libcbor makes ---- */

static cbor_item_t *build_integer(int64_t integer, bool widest)
{
    const uint64_t argument = (uint64_t)(integer < 0 ? -(integer + 1) : integer);
    cbor_item_t *item;
    if (widest || argument > UINT32_MAX)
        item = cbor_build_uint64(argument);
    else if (argument > UINT16_MAX)
        item = cbor_build_uint32((uint32_t)argument);
    else if (argument > UINT8_MAX)
        item = cbor_build_uint16((uint16_t)argument);
    else
        item = cbor_build_uint8((uint8_t)argument);
    if (integer < 0)
        cbor_mark_negint(item);
    return item;
}

static cbor_item_t *build_value(const struct wafer_slot *value, bool widest)
{
    switch (value->type) {
    case WAFER_INTEGER:
        return build_integer(value->integer, widest);
    case WAFER_BOOLEAN:
        return cbor_build_bool(value->integer != 0);
    case WAFER_TEXT:
        return cbor_build_stringn((const char *)value->data, value->length);
    default:
        return cbor_build_bytestring(value->data, value->length);
    }
}

/* The entries as libcbor serializes them in this order; `widest` gives integers eight bytes. */
static size_t build_map(const struct entry *entries, size_t count, bool widest, uint8_t *out)
{
    cbor_item_t *map = cbor_new_definite_map(count);
    for (size_t i = 0; i < count; i++) {
        assert_true(cbor_map_add(
            map, (struct cbor_pair){.key = cbor_move(cbor_build_stringn(entries[i].name,
                                                                        entries[i].name_length)),
                                    .value = cbor_move(build_value(&entries[i].value, widest))}));
    }
    const size_t length = cbor_serialize(map, out, MAP_MOST);
    cbor_decref(&map);
    return length;
}

/* ---- Tests ---- */

static void what_we_write_loads_with_libcbor(void **state)
{
    (void)state;
    seed_random();
    static struct entry entries[ENTRIES];
    for (int round = 0; round < 200; round++) {
        struct wafer_variables *variables = new_variables();
        const size_t count = random_entries(entries);
        for (size_t i = count; i-- > 0;) {
            (void)wafer_variables_put(variables, entries[i].name, entries[i].name_length,
                                      &entries[i].value, MAP_MOST, NULL);
        }
        uint8_t *out = guarded(variables->encoded);
        wafer_variables_write(variables, out);
        assert_loads(out, variables->encoded, variables);
        guarded_free(out, variables->encoded);
        free_variables(variables);
    }
}

static void what_libcbor_writes_in_order_is_read_by_us(void **state)
{
    (void)state;
    seed_random();
    static struct entry entries[ENTRIES];
    static uint8_t bytes[MAP_MOST + 1];
    size_t taken = 0;
    for (int round = 0; round < 200; round++) {
        const size_t count = random_entries(entries);
        const size_t length = build_map(entries, count, false, bytes);
        if (length == 0)
            continue; /* more than we take */
        assert_true(takes_map(bytes, length));
        struct wafer_variables *variables = new_variables();
        size_t used;
        uint8_t original[MAP_MOST];
        memcpy(original, bytes, length);
        assert_true(wafer_variables_read(variables, bytes, length, &used));
        assert_int_equal(variables->count, count);
        for (size_t i = 0; i < count; i++)
            assert_string_equal(variables->slot[i].name, entries[i].name);
        assert_loads(original, length, variables);
        free_variables(variables);
        taken++;
    }
    assert_in_range(taken, 50, 200);
}

static void what_libcbor_writes_otherwise_is_refused(void **state)
{
    (void)state;
    seed_random();
    static struct entry entries[ENTRIES];
    static uint8_t bytes[MAP_MOST + 1];
    for (int round = 0; round < 200; round++) {
        const size_t count = random_entries(entries);
        if (count < 2)
            continue;
        const size_t at = (size_t)random_below(count - 1);
        const struct entry first = entries[at];
        entries[at] = entries[at + 1];
        entries[at + 1] = first;
        point_to_own_data(entries, count);
        size_t length = build_map(entries, count, false, bytes); /* out of order */
        assert_false(length > 0 && takes_map(bytes, length));
        entries[at] = first;
        point_to_own_data(entries, count);
        length = build_map(entries, count, false, bytes); /* twice */
        assert_false(length > 0 && takes_map(bytes, length));
        entries[at + 1].value = (struct wafer_slot){.type = WAFER_INTEGER, .integer = 5};
        length = build_map(entries + at + 1, 1, true, bytes); /* a longer head than needed */
        assert_false(takes_map(bytes, length));
        length = build_map(entries + at + 1, 1, false, bytes);
        assert_true(takes_map(bytes, length));
    }
}

/* One small damage: a bit, a byte, an insertion, a deletion, a repetition. Returns the length. */
static size_t damage(uint8_t *bytes, size_t length)
{
    const size_t at = (size_t)random_below(length);
    switch (random_below(5)) {
    case 0:
        bytes[at] ^= (uint8_t)(1U << random_below(8));
        return length;
    case 1:
        random_fill(bytes + at, 1);
        return length;
    case 2:
        memmove(bytes + at + 1, bytes + at, length - at);
        random_fill(bytes + at, 1);
        return length + 1;
    case 3:
        memmove(bytes + at, bytes + at + 1, length - at - 1);
        return length - 1;
    default:
        bytes[at] = bytes[random_below(length)];
        return length;
    }
}

static void damaged_maps_that_we_take_mean_the_same_to_libcbor(void **state)
{
    (void)state;
    seed_random();
    static struct entry entries[ENTRIES];
    static uint8_t bytes[MAP_MOST + 8];
    static uint8_t original[MAP_MOST + 8];
    size_t taken = 0;
    for (int round = 0; round < 1000; round++) {
        size_t length = build_map(entries, random_entries(entries) % 4, false, bytes);
        for (uint64_t times = 1 + random_below(3); times > 0 && length > 0; times--)
            length = damage(bytes, length);
        memcpy(original, bytes, length);
        if (!takes_map(bytes, length))
            continue;
        struct wafer_variables *variables = new_variables();
        size_t used;
        assert_true(wafer_variables_read(variables, bytes, length, &used));
        assert_written(variables, original, used);
        assert_loads(original, used, variables);
        free_variables(variables);
        taken++;
    }
    assert_in_range(taken, 20, 980);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_write_loads_with_libcbor),
        cmocka_unit_test(what_libcbor_writes_in_order_is_read_by_us),
        cmocka_unit_test(what_libcbor_writes_otherwise_is_refused),
        cmocka_unit_test(damaged_maps_that_we_take_mean_the_same_to_libcbor),
    };
    return cmocka_run_group_tests_name("variables_libcbor", tests, NULL, NULL);
}
