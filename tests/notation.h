/* How tests/vectors/README.md writes values in fields, and a shop to open and seal in, from such
 * fields: for the tests of the vectors and for programs that other implementations talk to. It uses
 * <wafer.h> only. What returns false found a field that it cannot read, or the library refused. */
#ifndef WAFER_TESTS_NOTATION_H
#define WAFER_TESTS_NOTATION_H

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wafer.h>

#define NOTATION_BYTES_MAX 4096

/* ---- Fields ---- */

/* Splits a line at its tabs and returns how many fields it has; those beyond most are not kept. */
static inline size_t notation_split(char *line, char **field, size_t most)
{
    size_t count = 0;

    line[strcspn(line, "\n")] = '\0';
    for (char *rest = line; rest != NULL; count++) {
        char *next = strsep(&rest, "\t");

        if (count < most)
            field[count] = next;
    }
    return count;
}

static inline void notation_write_hex(FILE *out, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < length; i++)
        fprintf(out, "%02x", at[i]);
}

/* "-" stands for none. */
static inline void notation_write_bytes(FILE *out, const void *bytes, size_t length)
{
    if (length == 0)
        putc('-', out);
    notation_write_hex(out, bytes, length);
}

/* out has room for NOTATION_BYTES_MAX bytes and a NUL, which is set. */
static inline bool notation_read_bytes(const char *field, uint8_t *out, size_t *length)
{
    size_t digits = strlen(field);

    *length = 0;
    if (strcmp(field, "-") != 0 &&
        (digits % 2 != 0 ||
         sodium_hex2bin(out, NOTATION_BYTES_MAX, field, digits, NULL, length, NULL) != 0 ||
         *length != digits / 2))
        return false;
    out[*length] = '\0';
    return true;
}

/* ---- Variables ---- */

static inline wafer_result notation_put_value(wafer_session *session, const char *name,
                                              const char *value)
{
    uint8_t bytes[NOTATION_BYTES_MAX + 1];
    size_t length;

    if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
        return wafer_put_boolean(session, name, value[0] == 't' && value[1] == 'r');
    if (value[0] == 'i')
        return wafer_put_integer(session, name, strtoll(value + 1, NULL, 10));
    if (!notation_read_bytes(value + 1, bytes, &length))
        return WAFER_INVALID;
    return value[0] == 't' ? wafer_put_text_slice(session, name, (char *)bytes, length)
                           : wafer_put_bytes(session, name, bytes, length);
}

/* The field is taken apart. */
static inline bool notation_put_variables(wafer_session *session, char *field)
{
    char *rest = strcmp(field, "-") != 0 ? field : NULL;

    while (rest != NULL) {
        char *value = strsep(&rest, " ");
        const char *name_field = strsep(&value, "=");
        uint8_t name[NOTATION_BYTES_MAX + 1];
        size_t length;

        if (value == NULL || !notation_read_bytes(name_field, name, &length) ||
            notation_put_value(session, (char *)name, value) != WAFER_OK)
            return false;
    }
    return true;
}

static inline void notation_write_variables(FILE *out, const wafer_session *session)
{
    wafer_variable variable;
    size_t cursor = 0;
    const char *space = "";

    while (wafer_next(session, &cursor, &variable)) {
        fputs(space, out);
        space = " ";
        notation_write_hex(out, variable.name, variable.name_length);
        putc('=', out);
        if (variable.type == WAFER_INTEGER) {
            fprintf(out, "i%lld", (long long)variable.integer);
        } else if (variable.type == WAFER_BOOLEAN) {
            fputs(variable.boolean ? "true" : "false", out);
        } else {
            putc(variable.type == WAFER_TEXT ? 't' : 'b', out);
            notation_write_hex(out, variable.data, variable.length);
        }
    }
    if (cursor == 0)
        putc('-', out);
}

/* ---- A shop ---- */

struct shop {
    int64_t now_ms;
    wafer_keyring *ring;
    wafer_revocations *list;
    wafer_manager *manager;
    wafer_session *session; /* begun */
};

/* What shop_open reads, in order. */
enum {
    SHOP_KEY,
    SHOP_NAME,
    SHOP_CONTEXT,
    SHOP_NOW,
    SHOP_SKEW,
    SHOP_IDLE,
    SHOP_ABSOLUTE,
    SHOP_FIELDS
};

static inline int64_t shop_clock(void *shop)
{
    return ((const struct shop *)shop)->now_ms;
}

static inline bool shop_open_manager(struct shop *shop, char *const *field)
{
    wafer_settings settings = WAFER_SETTINGS_INIT;
    uint8_t name[NOTATION_BYTES_MAX + 1];
    uint8_t context[NOTATION_BYTES_MAX + 1];
    size_t length;

    if (!notation_read_bytes(field[SHOP_NAME], name, &length) ||
        !notation_read_bytes(field[SHOP_CONTEXT], context, &length))
        return false;
    settings.keyring = shop->ring;
    settings.revocations = shop->list;
    settings.name = (const char *)name;
    settings.context = (const char *)context;
    settings.skew_ms = strtoll(field[SHOP_SKEW], NULL, 10);
    settings.idle_ms = strtoll(field[SHOP_IDLE], NULL, 10);
    settings.absolute_ms = strtoll(field[SHOP_ABSOLUTE], NULL, 10);
    settings.line_limit = 8192;
    settings.clock = shop_clock;
    settings.clock_context = shop;
    return wafer_manager_new(&settings, &shop->manager, NULL) == WAFER_OK &&
           wafer_session_new(shop->manager, &shop->session) == WAFER_OK &&
           wafer_begin(shop->session) == WAFER_OK;
}

/* A millisecond early: a ring whose keys have all expired may be held, but is not loaded. */
static inline bool shop_open_ring(struct shop *shop, char *const *field)
{
    wafer_keyring_settings settings = WAFER_KEYRING_SETTINGS_INIT;
    wafer_result result;

    settings.text = field[SHOP_KEY];
    settings.text_length = strlen(field[SHOP_KEY]);
    settings.clock = shop_clock;
    settings.clock_context = shop;
    shop->now_ms = strtoll(field[SHOP_NOW], NULL, 10) - 1;
    result = wafer_keyring_new(&settings, &shop->ring, NULL);
    shop->now_ms++;
    return result == WAFER_OK;
}

/* Zeroed before; shop_close is due in any case. */
static inline bool shop_open(struct shop *shop, char *const *field)
{
    wafer_revocations_settings list = WAFER_REVOCATIONS_SETTINGS_INIT;

    list.on_start = WAFER_START_FORGETS;
    list.capacity = 64;
    list.retention_ms = WAFER_LIFETIME_MAX_MS;
    list.clock = shop_clock;
    list.clock_context = shop;
    return shop_open_ring(shop, field) &&
           wafer_revocations_new(&list, &shop->list, NULL) == WAFER_OK &&
           shop_open_manager(shop, field);
}

static inline void shop_close(struct shop *shop)
{
    wafer_session_free(shop->session);
    wafer_manager_free(shop->manager);
    wafer_revocations_free(shop->list);
    wafer_keyring_free(shop->ring);
}

#endif
