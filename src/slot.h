/* One variable as the index holds it, and its form in the sealed map: a text head and the name,
 * then the head and bytes of the value. */
#ifndef WAFER_SRC_SLOT_H
#define WAFER_SRC_SLOT_H

#include <string.h>

#include <wafer.h>

struct wafer_slot {
    const char *name;    /* NUL-terminated; in the plaintext or in the arena */
    const uint8_t *data; /* text and bytes: NUL-terminated, there too; else NULL */
    int64_t integer;     /* integer; boolean as 0 and 1 */
    uint16_t length;     /* of data */
    uint8_t name_length;
    uint8_t type; /* wafer_type */
};

/* True for text and bytes. */
static inline bool wafer_slot_has_data(const struct wafer_slot *slot)
{
    return slot->type == WAFER_TEXT || slot->type == WAFER_BYTES;
}

/* Below, at or above zero as the slot's name belongs before, is, or belongs after this one: shorter
 * names first, then bytewise. No name is empty, and most differ in their first byte. */
static inline int wafer_slot_compare(const struct wafer_slot *slot, const char *name,
                                     size_t name_length)
{
    if (slot->name_length != name_length)
        return slot->name_length < name_length ? -1 : 1;
    const int order = (unsigned char)slot->name[0] - (unsigned char)name[0];
    return order != 0 ? order : memcmp(slot->name, name, name_length);
}

/* Bytes that the slot takes in the map. */
size_t wafer_slot_size(const struct wafer_slot *slot);

/* Writes wafer_slot_size(slot) bytes and returns what is behind them. */
uint8_t *wafer_slot_write(const struct wafer_slot *slot, uint8_t *out);

/* Reads a slot, zeroed before, and returns what is behind it. Name and data point into the bytes
 * and have no NUL yet. NULL for anything that wafer_slot_write would not write; the slot is then
 * worthless. Data is at most UINT16_MAX bytes when the input is. */
const uint8_t *wafer_slot_read(struct wafer_slot *slot, const uint8_t *at, const uint8_t *end);

#endif
