#include "variables_helpers.h"

#include <string.h>

/* Random calls against a plain model: content, sizes, and that nothing moves but what changed. */

#define NAMES   90
#define LONGEST 400
#define STEPS   5000

struct known {
    char name[WAFER_NAME_MAX + 1];
    bool there;
    uint8_t type;
    int64_t integer;
    size_t length;
    char data[LONGEST];
    const void *name_at; /* where the variables said that it is */
    const void *data_at;
};

struct world {
    struct wafer_variables *variables;
    struct known known[NAMES];
    struct known taken[WAFER_VARIABLES_MAX];
    size_t taken_count;
    uint8_t *memory; /* what was read last */
    size_t memory_size;
};

static struct world world;

static size_t head_size(uint64_t argument)
{
    return argument < 24 ? 1 : argument < 256 ? 2 : argument < 65536 ? 3 : argument >> 32 ? 9 : 5;
}

static bool has_data(const struct known *known)
{
    return known->type == WAFER_TEXT || known->type == WAFER_BYTES;
}

static size_t size_of(const struct known *known)
{
    const size_t name_length = strlen(known->name);
    const size_t size = head_size(name_length) + name_length;
    if (has_data(known))
        return size + head_size(known->length) + known->length;
    if (known->type == WAFER_BOOLEAN)
        return size + 1;
    return size + head_size(known->integer < 0 ? (uint64_t)(-1 - known->integer)
                                               : (uint64_t)known->integer);
}

static size_t expected_size(size_t *count)
{
    size_t size = 0;
    *count = 0;
    for (size_t i = 0; i < NAMES; i++) {
        if (world.known[i].there) {
            ++*count;
            size += size_of(&world.known[i]);
        }
    }
    return head_size(*count) + size;
}

static void assert_same(const struct known *known, const struct wafer_slot *slot)
{
    assert_ptr_equal(slot->name, known->name_at);
    assert_ptr_equal(slot->data, known->data_at);
    assert_string_equal(slot->name, known->name);
    assert_int_equal(slot->type, known->type);
    assert_true(slot->integer == known->integer);
    assert_int_equal(slot->length, known->length);
    if (has_data(known)) {
        assert_memory_equal(slot->data, known->data, known->length);
        assert_int_equal(slot->data[known->length], 0);
    }
}

static void check_world(void)
{
    size_t count;
    const size_t size = expected_size(&count);
    assert_int_equal(world.variables->count, count);
    assert_int_equal(world.variables->encoded, size);
    for (size_t i = 0; i < NAMES; i++) {
        const struct known *known = &world.known[i];
        const struct wafer_slot *slot = find(world.variables, known->name);
        if (known->there) {
            assert_non_null(slot);
            assert_same(known, slot);
        } else {
            assert_null(slot);
        }
    }
    assert_int_equal(world.variables->taken_count, world.taken_count);
    for (size_t i = 0; i < world.taken_count; i++)
        assert_same(&world.taken[i], &world.variables->taken[i]);
}

/* ---- Steps ---- */

static struct known *any(void)
{
    return &world.known[random_below(NAMES)];
}

static void note_places(struct known *known)
{
    const struct wafer_slot *slot = find(world.variables, known->name);
    assert_non_null(slot);
    known->name_at = slot->name;
    known->data_at = slot->data;
}

/* A value of its own, or a piece of one that is there. ASCII, so that every piece is text. */
static void any_value(struct known *wanted, struct wafer_slot *value, char *own)
{
    const struct known *source = any();
    memset(value, 0, sizeof *value);
    wanted->type = value->type = (uint8_t)(WAFER_INTEGER + random_below(4));
    wanted->integer = 0;
    wanted->length = 0;
    if (wanted->type == WAFER_INTEGER) {
        wanted->integer = value->integer = (int64_t)random_below(0) >> random_below(64);
    } else if (wanted->type == WAFER_BOOLEAN) {
        wanted->integer = value->integer = (int64_t)random_below(2);
    } else if (source->there && has_data(source) && random_below(2) == 0) {
        const size_t skip = (size_t)random_below(source->length + 1);
        wanted->length = (size_t)random_below(source->length - skip + 1);
        value->data = (const uint8_t *)source->data_at + skip;
        memcpy(wanted->data, source->data + skip, wanted->length);
    } else {
        wanted->length = (size_t)random_below(random_below(8) == 0 ? LONGEST : 40);
        for (size_t i = 0; i < wanted->length; i++)
            own[i] = (char)(' ' + random_below(95));
        memcpy(wanted->data, own, wanted->length);
        value->data = (const uint8_t *)own;
    }
    value->length = (uint16_t)wanted->length;
}

static void put_step(void)
{
    struct known *known = any();
    struct known wanted = *known;
    struct wafer_slot value;
    char own[LONGEST];
    any_value(&wanted, &value, own);
    size_t count;
    const size_t size = expected_size(&count) - (known->there ? size_of(known) : 0) +
                        size_of(&wanted) +
                        (known->there ? 0 : head_size(count + 1) - head_size(count));
    const size_t bound = (size_t)random_below(4) == 0 ? 2000 : WAFER_VARIABLES_BYTES;
    const bool same = known->there && known->type == wanted.type &&
                      known->integer == wanted.integer && known->length == wanted.length &&
                      memcmp(known->data, wanted.data, has_data(known) ? known->length : 0) == 0;
    size_t needed;
    const wafer_result result = wafer_variables_put(world.variables, known->name,
                                                    strlen(known->name), &value, bound, &needed);
    if (result == WAFER_OK) {
        assert_true(same || size <= bound);
        assert_true(known->there || count < WAFER_VARIABLES_MAX);
        *known = wanted;
        known->there = true;
        if (!same)
            note_places(known);
    } else {
        assert_int_equal(result, WAFER_TOO_LARGE);
        assert_false(same);
        if (!known->there && count == WAFER_VARIABLES_MAX) {
            assert_int_equal(needed, 0);
        } else if (size > bound) {
            assert_int_equal(needed, size);
        } else {
            /* The arena can only be in pieces when it was used up to far behind. */
            assert_int_equal(needed, 0);
            assert_true(world.variables->arena.used > WAFER_ARENA_SIZE - 2 * LONGEST);
        }
    }
}

static void remove_step(void)
{
    struct known *known = any();
    assert_int_equal(remove_named(world.variables, known->name), known->there);
    known->there = false;
}

static void take_step(void)
{
    struct known *known = any();
    struct wafer_slot slot;
    const bool taken = take_named(world.variables, known->name, &slot);
    assert_int_equal(taken, known->there && world.taken_count < WAFER_VARIABLES_MAX);
    if (taken) {
        assert_same(known, &slot);
        world.taken[world.taken_count++] = *known;
        known->there = false;
    }
}

static void keep_step(void)
{
    const char *names[NAMES];
    size_t count = 0;
    for (size_t i = 0; i < NAMES; i++)
        if (random_below(2) == 0)
            names[count++] = world.known[i].name;
        else
            world.known[i].there = false;
    wafer_variables_keep(world.variables, names, count);
}

/* Writes all and reads it back: from now on values are in that memory. */
static void read_step(void)
{
    const size_t size = world.variables->encoded;
    uint8_t *memory = guarded(size + 1);
    wafer_variables_write(world.variables, memory);
    size_t used;
    assert_true(wafer_variables_read(world.variables, memory, size, &used));
    assert_int_equal(used, size);
    if (world.memory != NULL)
        guarded_free(world.memory, world.memory_size);
    world.memory = memory;
    world.memory_size = size + 1;
    world.taken_count = 0;
    for (size_t i = 0; i < NAMES; i++)
        if (world.known[i].there)
            note_places(&world.known[i]);
}

static void step(void)
{
    const uint64_t dice = random_below(1000);
    if (dice < 700)
        put_step();
    else if (dice < 970)
        remove_step();
    else if (dice < 990)
        take_step();
    else if (dice < 995)
        keep_step();
    else
        read_step();
}

static void make_names(void)
{
    memset(&world, 0, sizeof world);
    for (size_t i = 0; i < NAMES; i++) {
        char *name = world.known[i].name;
        const size_t length = i < 80 ? 2 + i % 5 : i == 80 ? WAFER_NAME_MAX : 20 + i;
        memset(name, 'n', length);
        name[0] = (char)('a' + i % 9);
        name[length - 1] = (char)('a' + i / 9);
    }
}

static void random_calls_agree_with_a_plain_model(void **state)
{
    (void)state;
    seed_random();
    make_names();
    world.variables = new_variables();
    for (int i = 0; i < STEPS; i++) {
        step();
        check_world();
    }
    free_variables(world.variables);
    if (world.memory != NULL)
        guarded_free(world.memory, world.memory_size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_calls_agree_with_a_plain_model),
    };
    return cmocka_run_group_tests_name("variables_model", tests, NULL, NULL);
}
