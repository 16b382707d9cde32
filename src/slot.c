#include "slot.h"

#include <string.h>

#include "cbor.h"
#include "utf8.h"

/* An integer as the argument of a head (RFC 8949 3.1): n, or -1 - n when negative. */
static uint64_t integer_argument(int64_t integer)
{
    return integer < 0 ? ~(uint64_t)integer : (uint64_t)integer;
}

static size_t data_size(size_t length)
{
    return wafer_cbor_head_size(length) + length;
}

size_t wafer_slot_size(const struct wafer_slot *slot)
{
    const size_t name_size = data_size(slot->name_length);

    if (wafer_slot_has_data(slot))
        return name_size + data_size(slot->length);
    return name_size + (slot->type == WAFER_BOOLEAN
                            ? 1
                            : wafer_cbor_head_size(integer_argument(slot->integer)));
}

static uint8_t *write_data(enum wafer_cbor_major major, const void *data, size_t length,
                           uint8_t *out)
{
    out += wafer_cbor_put_head(major, length, out);
    memcpy(out, data, length);
    return out + length;
}

static uint8_t *write_value(const struct wafer_slot *slot, uint8_t *out)
{
    switch (slot->type) {
    case WAFER_TEXT:
        return write_data(WAFER_CBOR_TEXT, slot->data, slot->length, out);
    case WAFER_BYTES:
        return write_data(WAFER_CBOR_BYTES, slot->data, slot->length, out);
    case WAFER_BOOLEAN:
        return out + wafer_cbor_put_head(WAFER_CBOR_SIMPLE,
                                         slot->integer ? WAFER_CBOR_TRUE : WAFER_CBOR_FALSE, out);
    default:
        return out +
               wafer_cbor_put_head(slot->integer < 0 ? WAFER_CBOR_NEGATIVE : WAFER_CBOR_UNSIGNED,
                                   integer_argument(slot->integer), out);
    }
}

uint8_t *wafer_slot_write(const struct wafer_slot *slot, uint8_t *out)
{
    out = write_data(WAFER_CBOR_TEXT, slot->name, slot->name_length, out);
    return write_value(slot, out);
}

/* Reads what follows a head of this length, which stays where it is. */
static bool read_data(const uint8_t **at, const uint8_t *end, uint64_t length, const uint8_t **data)
{
    if (length > (uint64_t)(end - *at))
        return false;
    *data = *at;
    *at += length;
    return true;
}

static bool read_name(struct wafer_slot *slot, const uint8_t **at, const uint8_t *end)
{
    unsigned major;
    uint64_t argument;
    const uint8_t *name;

    if (!wafer_cbor_get_head(at, end, &major, &argument) || major != WAFER_CBOR_TEXT ||
        argument == 0 || argument > WAFER_NAME_MAX || !read_data(at, end, argument, &name) ||
        !wafer_is_text(name, (size_t)argument))
        return false;
    slot->name = (const char *)name;
    slot->name_length = (uint8_t)argument;
    return true;
}

static bool read_value(struct wafer_slot *slot, const uint8_t **at, const uint8_t *end)
{
    unsigned major;
    uint64_t argument;

    if (!wafer_cbor_get_head(at, end, &major, &argument))
        return false;
    switch (major) {
    case WAFER_CBOR_UNSIGNED:
    case WAFER_CBOR_NEGATIVE:
        if (argument > INT64_MAX)
            return false;
        slot->type = WAFER_INTEGER;
        slot->integer = major == WAFER_CBOR_UNSIGNED ? (int64_t)argument : -1 - (int64_t)argument;
        return true;
    case WAFER_CBOR_SIMPLE:
        slot->type = WAFER_BOOLEAN;
        slot->integer = argument == WAFER_CBOR_TRUE;
        return true;
    case WAFER_CBOR_TEXT:
    case WAFER_CBOR_BYTES:
        if (!read_data(at, end, argument, &slot->data))
            return false;
        slot->type = major == WAFER_CBOR_TEXT ? WAFER_TEXT : WAFER_BYTES;
        slot->length = (uint16_t)argument;
        return major == WAFER_CBOR_BYTES || wafer_is_text(slot->data, slot->length);
    default:
        return false;
    }
}

bool wafer_slot_read(struct wafer_slot *slot, const uint8_t **at, const uint8_t *end)
{
    return read_name(slot, at, end) && read_value(slot, at, end);
}
