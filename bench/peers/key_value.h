/* The encoding that somebody writes by hand: when it expires, then for each variable the length of
 * its name, the name, the length of its value in two bytes, the value. */
#ifndef WAFER_BENCH_PEERS_KEY_VALUE_H
#define WAFER_BENCH_PEERS_KEY_VALUE_H

#include "peer.h"

#define KEY_VALUE_MAX 4096

struct writer {
    uint8_t *at;
    const uint8_t *end;
};

static inline void write_number(uint8_t bytes[8], int64_t number)
{
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
}

static inline int64_t read_number(const uint8_t bytes[8])
{
    uint64_t number = 0;

    for (size_t i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

static inline void write_pair(struct writer *to, const char *name, const void *value, size_t length)
{
    size_t name_length = strlen(name);

    bench_require(length <= UINT16_MAX && (size_t)(to->end - to->at) >= 3 + name_length + length,
                  "the variables are too long");
    *to->at++ = (uint8_t)name_length;
    memcpy(to->at, name, name_length);
    to->at += name_length;
    *to->at++ = (uint8_t)(length >> 8);
    *to->at++ = (uint8_t)length;
    memcpy(to->at, value, length);
    to->at += length;
}

static inline size_t key_value_encode(const struct variables *from, uint8_t plain[KEY_VALUE_MAX])
{
    struct writer to = {plain + 8, plain + KEY_VALUE_MAX};
    uint8_t number[8];

    write_number(plain, time(NULL) + PEER_LIFETIME_S);
    write_number(number, from->user_id);
    write_pair(&to, "user_id", number, sizeof number);
    write_pair(&to, "name", from->name.data, from->name.length);
    write_pair(&to, "role", from->role.data, from->role.length);
    write_pair(&to, "csrf", from->csrf.data, from->csrf.length);
    if (from->note.length > 0)
        write_pair(&to, "note", from->note.data, from->note.length);
    return (size_t)(to.at - plain);
}

static inline bool keep_pair(struct slice name, struct slice value, struct variables *found)
{
    if (same_slice(name, slice_of("user_id"))) {
        if (value.length != 8)
            return false;
        found->user_id = read_number((const uint8_t *)value.data);
    } else if (same_slice(name, slice_of("name"))) {
        found->name = value;
    } else if (same_slice(name, slice_of("role"))) {
        found->role = value;
    } else if (same_slice(name, slice_of("csrf"))) {
        found->csrf = value;
    } else if (same_slice(name, slice_of("note"))) {
        found->note = value;
    }
    return true;
}

/* False when it expired or is not well-formed. */
static inline bool key_value_decode(const uint8_t *plain, size_t length, struct variables *found)
{
    size_t at = 8;

    if (length < 8 || read_number(plain) <= time(NULL))
        return false;
    *found = (struct variables){0};
    while (at < length) {
        struct slice name = {(const char *)plain + at + 1, plain[at]};
        struct slice value;

        if (length - at < 3 + name.length)
            return false;
        at += 1 + name.length;
        value.length = (size_t)plain[at] << 8 | plain[at + 1];
        value.data = (const char *)plain + at + 2;
        if (length - at - 2 < value.length || !keep_pair(name, value, found))
            return false;
        at += 2 + value.length;
    }
    return true;
}

#endif
