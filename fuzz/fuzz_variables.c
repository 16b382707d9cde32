/* Any bytes as a map of variables: it is read exactly when libcbor, which shares no line with ours,
 * reads a map in which we can write what is in these bytes; then both find the same variables, and
 * the map that is written is the same to the byte.
 *
 *     input   the map, and what is behind it */
#include "world.h"

#include "variables.h"

#include <cbor.h>

static struct wafer_variables variables;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    wafer_variables_wipe(&variables);
    return 0;
}

/* ---- what libcbor reads */

enum kind { ANYTHING_ELSE, MAP, NUMBER, NEGATIVE, TRUTH, TEXT, BYTES };

struct item {
    enum kind kind;
    uint64_t number; /* the argument of a map or number, or the truth */
    const uint8_t *data;
    size_t length;
    const uint8_t *from; /* the bytes it was read from */
    const uint8_t *to;
};

static void see_8(void *item, uint8_t number)
{
    *(struct item *)item = (struct item){.kind = NUMBER, .number = number};
}

static void see_16(void *item, uint16_t number)
{
    *(struct item *)item = (struct item){.kind = NUMBER, .number = number};
}

static void see_32(void *item, uint32_t number)
{
    *(struct item *)item = (struct item){.kind = NUMBER, .number = number};
}

static void see_64(void *item, uint64_t number)
{
    *(struct item *)item = (struct item){.kind = NUMBER, .number = number};
}

static void see_negative_8(void *item, uint8_t number)
{
    *(struct item *)item = (struct item){.kind = NEGATIVE, .number = number};
}

static void see_negative_16(void *item, uint16_t number)
{
    *(struct item *)item = (struct item){.kind = NEGATIVE, .number = number};
}

static void see_negative_32(void *item, uint32_t number)
{
    *(struct item *)item = (struct item){.kind = NEGATIVE, .number = number};
}

static void see_negative_64(void *item, uint64_t number)
{
    *(struct item *)item = (struct item){.kind = NEGATIVE, .number = number};
}

static void see_truth(void *item, bool truth)
{
    *(struct item *)item = (struct item){.kind = TRUTH, .number = truth};
}

static void see_text(void *item, cbor_data data, size_t length)
{
    *(struct item *)item = (struct item){.kind = TEXT, .data = data, .length = length};
}

static void see_bytes(void *item, cbor_data data, size_t length)
{
    *(struct item *)item = (struct item){.kind = BYTES, .data = data, .length = length};
}

static void see_map(void *item, size_t size)
{
    *(struct item *)item = (struct item){.kind = MAP, .number = size};
}

/* Reads one item; the next one begins at *at then. */
static struct item next_item(const uint8_t **at, const uint8_t *end)
{
    struct cbor_callbacks callbacks = cbor_empty_callbacks;
    struct item item = {.kind = ANYTHING_ELSE};
    struct cbor_decoder_result result;
    const uint8_t *from = *at;

    callbacks.uint8 = see_8;
    callbacks.uint16 = see_16;
    callbacks.uint32 = see_32;
    callbacks.uint64 = see_64;
    callbacks.negint8 = see_negative_8;
    callbacks.negint16 = see_negative_16;
    callbacks.negint32 = see_negative_32;
    callbacks.negint64 = see_negative_64;
    callbacks.boolean = see_truth;
    callbacks.string = see_text;
    callbacks.byte_string = see_bytes;
    callbacks.map_start = see_map;
    result = cbor_stream_decode(*at, (size_t)(end - *at), &callbacks, &item);
    if (result.status != CBOR_DECODER_FINISHED)
        item.kind = ANYTHING_ELSE;
    *at += result.read;
    item.from = from;
    item.to = *at;
    return item;
}

/* ---- whether it is one of ours */

/* Only when it builds an item does libcbor look whether it is UTF-8. */
static bool is_text(const struct item *item)
{
    struct cbor_load_result result;
    cbor_item_t *text;
    bool good;

    if (item->kind != TEXT || memchr(item->data, 0, item->length) != NULL)
        return false;
    text = cbor_load(item->from, (size_t)(item->to - item->from), &result);
    good = text != NULL;
    if (good)
        cbor_decref(&text);
    return good;
}

static bool is_name(const struct item *name, const struct item *last)
{
    if (!is_text(name) || name->length == 0 || name->length > WAFER_NAME_MAX)
        return false;
    if (name->length != last->length)
        return name->length > last->length;
    return memcmp(name->data, last->data, name->length) > 0;
}

static bool is_value(const struct item *value)
{
    switch (value->kind) {
    case NUMBER:
    case NEGATIVE:
        return value->number <= INT64_MAX;
    case TRUTH:
    case BYTES:
        return true;
    default:
        return is_text(value);
    }
}

/* Writes it with libcbor, which chooses the shortest head; 0 when it does not fit. */
static size_t encode(const struct item *item, uint8_t *out, size_t room)
{
    size_t head;

    switch (item->kind) {
    case MAP:
        return cbor_encode_map_start(item->number, out, room);
    case NUMBER:
        return cbor_encode_uint(item->number, out, room);
    case NEGATIVE:
        return cbor_encode_negint(item->number, out, room);
    case TRUTH:
        return cbor_encode_bool(item->number != 0, out, room);
    default:
        head = item->kind == TEXT ? cbor_encode_string_start(item->length, out, room)
                                  : cbor_encode_bytestring_start(item->length, out, room);
    }
    if (head == 0 || item->length > room - head)
        return 0;
    if (item->length > 0)
        memcpy(out + head, item->data, item->length);
    return head + item->length;
}

/* Whether it is in the bytes as libcbor writes it. */
static bool is_shortest(const struct item *item)
{
    uint8_t written[WAFER_VARIABLES_BYTES];
    size_t length = encode(item, written, sizeof written);

    return length == (size_t)(item->to - item->from) && memcmp(written, item->from, length) == 0;
}

struct pair {
    struct item name;
    struct item value;
};

struct map {
    struct pair pairs[WAFER_VARIABLES_MAX];
    size_t count;
    size_t length;
};

static bool read_pair(struct pair *pair, const struct item *last, const uint8_t **at,
                      const uint8_t *end)
{
    pair->name = next_item(at, end);
    if (!is_name(&pair->name, last) || !is_shortest(&pair->name))
        return false;
    pair->value = next_item(at, end);
    return is_value(&pair->value) && is_shortest(&pair->value);
}

static bool read_map(struct map *map, const uint8_t *bytes, size_t length)
{
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + length;
    struct item head = next_item(&at, end);
    struct item last = {.length = 0};

    if (head.kind != MAP || head.number > WAFER_VARIABLES_MAX || !is_shortest(&head))
        return false;
    for (map->count = 0; map->count < head.number; map->count++) {
        struct pair *pair = &map->pairs[map->count];

        if (!read_pair(pair, &last, &at, end))
            return false;
        last = pair->name;
    }
    map->length = (size_t)(at - bytes);
    return map->length <= WAFER_VARIABLES_BYTES && (at == end || *at == 0);
}

/* ---- whether both found the same */

static void check_same(const struct wafer_slot *slot, const struct pair *pair)
{
    const struct item *value = &pair->value;

    must(slot->name_length == pair->name.length);
    must(memcmp(slot->name, pair->name.data, slot->name_length) == 0);
    must(slot->name[slot->name_length] == '\0');
    if (value->kind == NUMBER || value->kind == NEGATIVE) {
        int64_t integer = (int64_t)value->number;

        must(slot->type == WAFER_INTEGER);
        must(slot->integer == (value->kind == NEGATIVE ? -1 - integer : integer));
    } else if (value->kind == TRUTH) {
        must(slot->type == WAFER_BOOLEAN && slot->integer == (int64_t)value->number);
    } else {
        must(slot->type == (value->kind == TEXT ? WAFER_TEXT : WAFER_BYTES));
        must(slot->length == value->length && slot->data[slot->length] == 0);
        must(value->length == 0 || memcmp(slot->data, value->data, value->length) == 0);
    }
}

static void check_written(const uint8_t *original, size_t length)
{
    uint8_t *written = exact_copy(original, variables.encoded);

    must(variables.encoded == length);
    memset(written, 0, length);
    wafer_variables_write(&variables, written);
    must(memcmp(written, original, length) == 0);
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct map map;
    uint8_t *bytes = malloc(size + 1); /* room for the last NUL */
    bool good = read_map(&map, data, size);
    size_t used = SIZE_MAX;

    must(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    must(wafer_variables_read(&variables, bytes, size, &used) == good);
    if (good) {
        must(used == map.length && variables.count == map.count);
        for (size_t i = 0; i < map.count; i++)
            check_same(&variables.slot[i], &map.pairs[i]);
        check_written(data, used);
    } else {
        must(variables.count == 0 && used == SIZE_MAX);
        must(size == 0 || memcmp(bytes, data, size) == 0);
    }
    wafer_variables_wipe(&variables);
    free(bytes);
    return 0;
}
