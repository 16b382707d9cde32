#include "variables_helpers.h"

#include <stdlib.h>
#include <string.h>

struct wafer_variables *new_variables(void)
{
    struct wafer_variables *variables = calloc(1, sizeof *variables);
    assert_non_null(variables);
    wafer_variables_wipe(variables);
    return variables;
}

void free_variables(struct wafer_variables *variables)
{
    static const struct wafer_variables zero;
    wafer_variables_wipe(variables);
    assert_int_equal(variables->encoded, 1);
    variables->encoded = 0;
    assert_memory_equal(variables, &zero, sizeof zero);
    free(variables);
}

wafer_result put_data(struct wafer_variables *variables, const char *name, wafer_type type,
                      const void *data, size_t length)
{
    const struct wafer_slot value = {.type = (uint8_t)type,
                                     .data = data,
                                     .length = (uint16_t)length};
    return wafer_variables_put(variables, name, strlen(name), &value, WAFER_VARIABLES_BYTES, NULL);
}

wafer_result put_text(struct wafer_variables *variables, const char *name, const char *text)
{
    return put_data(variables, name, WAFER_TEXT, text, strlen(text));
}

wafer_result put_integer(struct wafer_variables *variables, const char *name, int64_t integer)
{
    const struct wafer_slot value = {.type = WAFER_INTEGER, .integer = integer};
    return wafer_variables_put(variables, name, strlen(name), &value, WAFER_VARIABLES_BYTES, NULL);
}

const struct wafer_slot *find(const struct wafer_variables *variables, const char *name)
{
    return wafer_variables_find(variables, name, strlen(name));
}

bool remove_named(struct wafer_variables *variables, const char *name)
{
    return wafer_variables_remove(variables, name, strlen(name));
}

bool take_named(struct wafer_variables *variables, const char *name, struct wafer_slot *slot)
{
    return wafer_variables_take(variables, name, strlen(name), slot);
}

void assert_text(const struct wafer_variables *variables, const char *name, const char *text)
{
    const struct wafer_slot *slot = find(variables, name);
    assert_non_null(slot);
    assert_int_equal(slot->type, WAFER_TEXT);
    assert_int_equal(slot->length, strlen(text));
    assert_string_equal((const char *)slot->data, text);
    assert_string_equal(slot->name, name);
}

void assert_written(const struct wafer_variables *variables, const uint8_t *bytes, size_t length)
{
    assert_int_equal(variables->encoded, length);
    uint8_t *out = guarded(length);
    wafer_variables_write(variables, out);
    assert_memory_equal(out, bytes, length);
    guarded_free(out, length);
}

bool takes_map(const uint8_t *bytes, size_t length)
{
    struct wafer_variables *variables = new_variables();
    uint8_t *memory = guarded(length + 1);
    memcpy(memory, bytes, length);
    size_t used = 12345;
    const bool taken = wafer_variables_read(variables, memory, length, &used);
    if (taken) {
        assert_written(variables, bytes, used);
        for (size_t i = 0; i < variables->count; i++) {
            const struct wafer_slot *slot = &variables->slot[i];
            assert_int_equal(strlen(slot->name), slot->name_length);
            assert_true(slot->data == NULL || slot->data[slot->length] == 0);
        }
    } else {
        assert_int_equal(variables->count, 0);
        assert_int_equal(variables->encoded, 1);
        assert_int_equal(used, 12345);
        assert_memory_equal(memory, bytes, length);
    }
    free_variables(variables);
    guarded_free(memory, length + 1);
    return taken;
}

const char *many_name(unsigned i, char name[3])
{
    name[0] = (char)('a' + i / 16);
    name[1] = (char)('a' + i % 16);
    name[2] = 0;
    return name;
}

size_t write_many(uint8_t *out, unsigned count)
{
    size_t length = 0;
    if (count < 24) {
        out[length++] = (uint8_t)(0xa0 + count);
    } else {
        out[length++] = 0xb8;
        out[length++] = (uint8_t)count;
    }
    for (unsigned i = 0; i < count; i++) {
        char name[3];
        out[length++] = 0x62;
        memcpy(out + length, many_name(i, name), 2);
        length += 2;
        out[length++] = 0;
    }
    return length;
}
