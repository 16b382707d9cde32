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

/* The data that begins behind a head, if so much is there. */
static bool has_data(const struct wafer_cbor_head *head, const uint8_t *end)
{
    return head->argument <= (uint64_t)(end - head->next);
}

static const uint8_t *read_name(struct wafer_slot *slot, const uint8_t *at, const uint8_t *end)
{
    const struct wafer_cbor_head head = wafer_cbor_get_head(at, end);

    if (head.next == NULL || head.major != WAFER_CBOR_TEXT || head.argument == 0 ||
        head.argument > WAFER_NAME_MAX || !has_data(&head, end) ||
        !wafer_is_text(head.next, (size_t)head.argument))
        return NULL;
    slot->name = (const char *)head.next;
    slot->name_length = (uint8_t)head.argument;
    return head.next + head.argument;
}

static const uint8_t *read_value(struct wafer_slot *slot, const uint8_t *at, const uint8_t *end)
{
    const struct wafer_cbor_head head = wafer_cbor_get_head(at, end);

    if (head.next == NULL)
        return NULL;
    switch (head.major) {
    case WAFER_CBOR_UNSIGNED:
    case WAFER_CBOR_NEGATIVE:
        if (head.argument > INT64_MAX)
            return NULL;
        slot->type = WAFER_INTEGER;
        slot->integer = (int64_t)head.argument;
        if (head.major == WAFER_CBOR_NEGATIVE)
            slot->integer = -1 - slot->integer;
        return head.next;
    case WAFER_CBOR_SIMPLE:
        slot->type = WAFER_BOOLEAN;
        slot->integer = head.argument == WAFER_CBOR_TRUE;
        return head.next;
    case WAFER_CBOR_TEXT:
    case WAFER_CBOR_BYTES:
        if (!has_data(&head, end))
            return NULL;
        slot->type = head.major == WAFER_CBOR_TEXT ? WAFER_TEXT : WAFER_BYTES;
        slot->data = head.next;
        slot->length = (uint16_t)head.argument;
        if (head.major == WAFER_CBOR_TEXT && !wafer_is_text(slot->data, slot->length))
            return NULL;
        return head.next + head.argument;
    default:
        return NULL;
    }
}

const uint8_t *wafer_slot_read(struct wafer_slot *slot, const uint8_t *at, const uint8_t *end)
{
    at = read_name(slot, at, end);
    return at != NULL ? read_value(slot, at, end) : NULL;
}
