#include "table_helpers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "table_memory.h"

struct key {
    uint8_t bytes[WAFER_ID_SIZE];
};

static struct wafer_table make_table(uint64_t capacity)
{
    struct wafer_table table;
    struct wafer_table_fixed fixed;
    assert_true(wafer_table_fix(&fixed, capacity, WAFER_MINUTE_MS, 0));
    assert_int_equal(wafer_table_map(&table, &fixed), 0);
    return table;
}

static struct key key_of(uint64_t number)
{
    struct key key = {{0}};
    memcpy(key.bytes, &number, sizeof number);
    return key;
}

static size_t rebuild(struct wafer_table *table, int64_t keep_from_ms)
{
    size_t dropped;
    assert_int_equal(wafer_table_rebuild(table, keep_from_ms, &dropped), 0);
    return dropped;
}

static void put(struct wafer_table *table, uint64_t number, enum wafer_table_kind kind,
                int64_t at_ms, uint32_t renewals)
{
    struct wafer_table_value value = {kind, at_ms, renewals};
    struct wafer_table_name name = wafer_table_name(table, key_of(number).bytes,
                                                    kind == WAFER_TABLE_SUBJECT);
    assert_true(wafer_table_lock(table));
    if (wafer_table_is_crowded(table))
        (void)rebuild(table, 0);
    assert_true(wafer_table_put(table, &name, &value));
    wafer_table_unlock(table);
}

static bool find(struct wafer_table *table, uint64_t number, bool subject)
{
    struct wafer_table_value value;
    struct wafer_table_name name = wafer_table_name(table, key_of(number).bytes, subject);
    bool found = wafer_table_find(table, &name, &value);
    assert_true(found || (value.kind == 0 && value.at_ms == 0 && value.renewals == 0));
    return found;
}

static uint64_t slots_in_use(const struct wafer_table *table)
{
    return atomic_load(&table->header->slots[atomic_load(&table->header->generation) & 1]);
}

/* ---- Values and growth ---- */

static void every_value_comes_back_as_it_was_put(void **state)
{
    (void)state;
    const enum wafer_table_kind kinds[] = {WAFER_TABLE_SESSION, WAFER_TABLE_SUBJECT,
                                           WAFER_TABLE_COPIES};
    const int64_t times[] = {0, 1, NOW, WAFER_TIME_MAX_MS};
    const uint32_t counts[] = {0, 1, 65536, WAFER_RENEWALS_MAX};
    struct wafer_table table = make_table(64);
    for (size_t i = 0; i < 3 * 4 * 4; i++) {
        struct wafer_table_value put_in = {kinds[i % 3], times[i / 3 % 4], counts[i / 12]};
        struct wafer_table_value found;
        put(&table, 7, put_in.kind, put_in.at_ms, put_in.renewals);
        struct wafer_table_name name = wafer_table_name(&table, key_of(7).bytes,
                                                        put_in.kind == WAFER_TABLE_SUBJECT);
        assert_true(wafer_table_find(&table, &name, &found));
        assert_int_equal(found.kind, put_in.kind);
        assert_int_equal(found.at_ms, put_in.at_ms);
        assert_int_equal(found.renewals, put_in.renewals);
    }
    assert_int_equal(atomic_load(&table.header->entries), 2);
    assert_int_equal(table.header->subjects, 1);
    assert_true(table.header->newest_subject_ms == WAFER_TIME_MAX_MS);
    assert_true(wafer_table_is_counted(&table));
    wafer_table_unmap(&table);
}

static void all_entries_are_found_through_every_doubling_and_no_others(void **state)
{
    (void)state;
    const uint64_t count = 24000;
    struct wafer_table table = make_table(count);
    size_t doublings = 0;
    uint64_t slots = slots_in_use(&table);
    assert_int_equal(slots, WAFER_TABLE_FIRST_SLOTS);
    for (uint64_t number = 0; number < count; number++) {
        bool subject = number % 3 == 0;
        put(&table, number, subject ? WAFER_TABLE_SUBJECT : WAFER_TABLE_SESSION,
            NOW + (int64_t)number, 0);
        /* Never more than 65 entries in 100 slots. */
        assert_true((number + 1) * 100 <= slots_in_use(&table) * 65);
        if (slots_in_use(&table) != slots) {
            slots = slots_in_use(&table);
            doublings++;
            for (uint64_t earlier = 0; earlier <= number; earlier++) {
                assert_true(find(&table, earlier, earlier % 3 == 0));
                assert_false(find(&table, earlier, earlier % 3 != 0));
            }
        }
    }
    assert_int_equal(doublings, 6);
    assert_int_equal(atomic_load(&table.header->entries), count);
    assert_true(slots * WAFER_TABLE_SLOT_SIZE <= 40 * count);
    for (uint64_t number = 0; number < 2 * count; number++)
        assert_int_equal(find(&table, number, false), number < count && number % 3 != 0);
    wafer_table_unmap(&table);
}

static void a_rebuild_keeps_what_is_not_older_and_counts_it(void **state)
{
    (void)state;
    struct wafer_table table = make_table(5000);
    for (uint64_t number = 0; number < 4000; number++) {
        put(&table, number, number % 2 == 0 ? WAFER_TABLE_SUBJECT : WAFER_TABLE_COPIES,
            NOW + (int64_t)number, 17);
    }
    assert_int_equal(table.header->oldest_ms, NOW);
    assert_int_equal(table.header->newest_subject_ms, NOW + 3998);
    assert_int_equal(rebuild(&table, NOW + 3900), 3900);
    assert_int_equal(atomic_load(&table.header->entries), 100);
    assert_int_equal(table.header->subjects, 50);
    assert_int_equal(table.header->oldest_ms, NOW + 3900);
    assert_int_equal(slots_in_use(&table), WAFER_TABLE_FIRST_SLOTS);
    for (uint64_t number = 0; number < 4000; number++)
        assert_int_equal(find(&table, number, number % 2 == 0), number >= 3900);
    assert_int_equal(rebuild(&table, INT64_MAX), 100);
    assert_int_equal(table.header->oldest_ms, INT64_MAX);
    assert_int_equal(table.header->newest_subject_ms, 0);
    assert_false(find(&table, 3999, false));
    wafer_table_unmap(&table);
}

/* In little room one is often on the way of the search for the other. */
static void crowded_keys_that_differ_in_one_bit_are_apart(void **state)
{
    (void)state;
    const size_t bits[] = {0, 1, 63, 64, 127};
    for (size_t round = 0; round < 200; round++) {
        size_t bit = bits[round % 5];
        struct wafer_table table = make_table(64);
        struct key keys[64];
        for (size_t i = 0; i < 64; i++) {
            struct wafer_table_value value = {WAFER_TABLE_SESSION, NOW + (int64_t)i, 0};
            if (i % 2 == 0)
                random_fill(&keys[i], sizeof keys[i]);
            else
                keys[i] = keys[i - 1];
            keys[i].bytes[bit / 8] ^= (uint8_t)(i % 2 << bit % 8);
            struct wafer_table_name name = wafer_table_name(&table, keys[i].bytes, false);
            assert_true(wafer_table_put(&table, &name, &value));
        }
        assert_int_equal(atomic_load(&table.header->entries), 64);
        for (size_t i = 0; i < 64; i++) {
            struct wafer_table_value value;
            struct wafer_table_name name = wafer_table_name(&table, keys[i].bytes, false);
            assert_true(wafer_table_find(&table, &name, &value));
            assert_int_equal(value.at_ms, NOW + (int64_t)i);
        }
        wafer_table_unmap(&table);
    }
}

static size_t pages_held(const struct wafer_table *table, size_t half)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    static unsigned char held[16384];
    size_t pages = table->half_size / page;
    size_t count = 0;
    assert_true(pages <= sizeof held);
    assert_int_equal(mincore((void *)table->half[half].tags, table->half_size, held), 0);
    for (size_t i = 0; i < pages; i++)
        count += held[i] & 1;
    return count;
}

static void memory_is_taken_as_it_fills_and_given_back(void **state)
{
    (void)state;
    struct wafer_table table = make_table(20000);
    put(&table, 1, WAFER_TABLE_SESSION, NOW, 0);
    assert_true(pages_held(&table, 0) <= 2);
    assert_int_equal(pages_held(&table, 1), 0);
    /* All tags of the slots that are made, and no more, as there may be no room for more. */
    assert_int_equal(rebuild(&table, 0), 0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(pages_held(&table, 1),
                     (WAFER_TABLE_FIRST_SLOTS * sizeof(uint64_t) + page - 1) / page + 1);
    for (uint64_t number = 0; number < 20000; number++)
        put(&table, number, WAFER_TABLE_SESSION, NOW, 0);
    size_t half = atomic_load(&table.header->generation) & 1;
    assert_true(pages_held(&table, half) > 0);
    assert_int_equal(pages_held(&table, half ^ 1), 0);
    assert_int_equal(rebuild(&table, NOW + 1), 20000);
    assert_int_equal(pages_held(&table, half), 0);
    wafer_table_unmap(&table);
}

static void a_word_that_cannot_be_is_seen_in_every_slot(void **state)
{
    (void)state;
    struct wafer_table table = make_table(64);
    assert_true(wafer_table_lock(&table));
    wafer_table_set_times(&table, 0, WAFER_DAY_MS);
    wafer_table_unlock(&table);
    for (uint64_t index = 0; index < wafer_table_slots(&table); index++) {
        assert_true(wafer_table_is_readable(&table));
        atomic_store(&table.half[0].tags[index], 3); /* and no kind */
        assert_false(wafer_table_is_readable(&table));
        atomic_store(&table.half[0].tags[index], 0);
    }
    wafer_table_unmap(&table);
}

/* Files are opened by other versions of the library: other sizes need another format. */
static void sizes_are_those_of_the_format(void **state)
{
    static const struct {
        uint64_t capacity, slots_max, size;
    } rows[] = {
        {64, 104, 196608},
        {1000, 1613, 196608},
        {5079, 8192, 458752}, /* halves that need no rounding */
        {1000000, 1612904, 77529088},
        {100000000, 161290323, UINT64_C(7742095360)},
    };
    (void)state;
    assert_true(WAFER_TABLE_FORMAT == UINT64_C(0x3230306c62617477));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(wafer_table_slots_max(rows[i].capacity) == rows[i].slots_max);
        assert_true(wafer_table_size(rows[i].capacity) == rows[i].size);
    }
}

static void a_cleared_table_is_as_a_new_one(void **state)
{
    (void)state;
    struct wafer_table table = make_table(100);
    put(&table, 1, WAFER_TABLE_SESSION, NOW, 0);
    put(&table, 2, WAFER_TABLE_SUBJECT, NOW, 0);
    assert_true(wafer_table_lock(&table));
    wafer_table_set_times(&table, NOW, WAFER_DAY_MS);
    assert_int_equal(wafer_table_clear(&table), 0);
    wafer_table_unlock(&table);
    assert_false(find(&table, 1, false));
    assert_false(find(&table, 2, true));
    assert_true(table.header->entries == 0);
    assert_true(table.header->subjects == 0);
    assert_true(table.header->oldest_ms == INT64_MAX);
    assert_true(table.header->newest_subject_ms == 0);
    assert_true(table.header->rebuilt_at_ms == WAFER_TABLE_NEVER);
    assert_true(wafer_table_not_before(&table) == 0);
    assert_true(wafer_table_retention(&table) == 0);
    assert_true(wafer_table_is_counted(&table));
    wafer_table_unmap(&table);
}

/* ---- Processes ---- */

static const wafer_revocations_interface *const list = &wafer_table_interface;

static bool add(void *table, uint64_t number, int64_t at_ms)
{
    wafer_revocation entry = {.kind = WAFER_REVOKE_SESSION, .at_ms = at_ms};
    memcpy(entry.key, &number, sizeof number);
    return list->revoke(table, NOW, &entry) == WAFER_OK;
}

static bool is_revoked(void *table, uint64_t number)
{
    struct key key = key_of(number);
    wafer_revocation_query query = {.id = key.bytes, .login_at_ms = NOW, .now_ms = NOW};
    wafer_standing revoked = WAFER_STANDS;
    return list->check(table, &query, &revoked) == WAFER_OK && revoked == WAFER_REFUSED;
}

/* A stray write into the mapping: what the table believes of itself is then wrong. */
static void overwritten_counts_lead_nowhere_but_to_an_error(void **state)
{
    (void)state;
    struct wafer_table table = make_table(1000000);
    struct wafer_table_value value = {WAFER_TABLE_SESSION, NOW, 0};
    uint64_t number = 0;
    size_t dropped = 33;

    for (; number < 20000; number++)
        put(&table, number, WAFER_TABLE_SESSION, NOW, 0);
    uint64_t slots = wafer_table_slots(&table);
    atomic_store(&table.header->entries, 0);
    assert_int_equal(wafer_table_rebuild(&table, 0, &dropped), EIO);
    assert_int_equal(dropped, 0);
    assert_int_equal(wafer_table_slots(&table), slots);
    assert_int_equal(pages_held(&table, (wafer_table_generation(&table) & 1) ^ 1), 0);
    assert_true(find(&table, 0, false));
    assert_true(find(&table, 19999, false));

    bool fits = true;
    for (; fits && number < 2 * slots; number++) {
        struct wafer_table_name name = wafer_table_name(&table, key_of(number).bytes, false);
        fits = wafer_table_put(&table, &name, &value);
        atomic_store(&table.header->entries, 0);
    }
    assert_false(fits);
    assert_int_equal(number, slots + 1);
    assert_false(find(&table, number - 1, false));
    assert_true(find(&table, number - 2, false));
    wafer_table_unmap(&table);
}

/* So that nobody can choose ids that crowd one place of a table. */
static void every_table_has_an_index_key_of_its_own(void **state)
{
    (void)state;
    struct wafer_table *one = table_make(64);
    struct wafer_table *other = table_make(64);
    assert_memory_not_equal(one->fixed.index_key, other->fixed.index_key,
                            sizeof one->fixed.index_key);
    assert_memory_not_equal(one->fixed.sum_key, other->fixed.sum_key, sizeof one->fixed.sum_key);
    list->free(one);
    list->free(other);
}

/* A part that did not matter would have all of them begin at one place. */
static void keys_that_differ_in_a_quarter_alone_are_spread(void **state)
{
    enum { KEYS = 1000, PLACES = 4096 };
    (void)state;
    seed_random();
    struct wafer_table table = make_table(100);
    for (size_t quarter = 0; quarter < 4; quarter++) {
        struct key key;
        bool taken[PLACES] = {false};
        size_t distinct = 0;
        random_fill(key.bytes, sizeof key.bytes);
        for (size_t i = 0; i < KEYS; i++) {
            random_fill(key.bytes + 4 * quarter, 4);
            uint64_t hash = wafer_table_name(&table, key.bytes, false).hash;
            size_t place = (size_t)(hash / (UINT64_MAX / PLACES));
            distinct += taken[place % PLACES] ? 0 : 1;
            taken[place % PLACES] = true;
        }
        /* About 890 of 4096 are taken by 1000 that are spread evenly. */
        assert_true(distinct > 600);
    }
    wafer_table_unmap(&table);
}

static void what_a_child_revokes_its_parent_refuses_at_once(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(2000);
    int question[2];
    int answer[2];
    assert_int_equal(pipe(question), 0);
    assert_int_equal(pipe(answer), 0);
    pid_t child = fork();
    if (child == 0) {
        uint64_t number;
        for (uint64_t i = 0; i < 1000; i++)
            if (read(question[0], &number, sizeof number) != sizeof number ||
                !add(table, number, 0) || write(answer[1], &number, sizeof number) != sizeof number)
                _exit(1);
        list->free(table);
        _exit(0);
    }
    for (uint64_t number = 0; number < 1000; number++) {
        uint64_t done;
        assert_false(is_revoked(table, number));
        assert_int_equal(write(question[1], &number, sizeof number), sizeof number);
        assert_int_equal(read(answer[0], &done, sizeof done), sizeof done);
        assert_true(is_revoked(table, number));
    }
    child_succeeds(child);
    assert_true(is_revoked(table, 999));
    for (size_t end = 0; end < 2; end++) {
        close(question[end]);
        close(answer[end]);
    }
    list->free(table);
}

static void a_writer_that_died_with_the_lock_has_its_counts_repaired(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(64);
    wafer_revocation subject = {.kind = WAFER_REVOKE_SUBJECT, .key = {9}, .at_ms = NOW + 5};
    assert_int_equal(list->revoke(table, NOW, &subject), WAFER_OK);
    for (uint64_t number = 0; number < 10; number++)
        assert_true(add(table, number, NOW - (int64_t)number));
    pid_t child = fork();
    if (child == 0) {
        struct wafer_table_header *header = table->header;
        struct wafer_table_half idle = table->half[~atomic_load(&header->generation) & 1];
        if (!wafer_table_lock(table))
            _exit(1);
        /* As in the middle of a rebuild, and with counts that were on their way. */
        atomic_store(&header->slots[~atomic_load(&header->generation) & 1], 77);
        memset((void *)idle.tags, 0xFF, 1000 * sizeof *idle.tags);
        memset((void *)idle.rests, 0xFF, 1000 * sizeof *idle.rests);
        atomic_store(&header->entries, 64);
        header->subjects = 0;
        header->oldest_ms = INT64_MAX;
        header->newest_subject_ms = 0;
        _exit(0);
    }
    child_succeeds(child);
    assert_true(add(table, 10, 0));
    assert_int_equal(atomic_load(&table->header->entries), 12);
    assert_int_equal(table->header->subjects, 1);
    assert_int_equal(table->header->oldest_ms, NOW - 9);
    assert_int_equal(table->header->newest_subject_ms, NOW + 5);
    assert_int_equal(rebuild(table, 0), 0);
    for (uint64_t number = 0; number < 1000; number++)
        assert_int_equal(is_revoked(table, number), number <= 10);
    list->free(table);
}

static void several_processes_lose_nothing_to_each_other(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(10000);
    pid_t children[2];
    for (uint64_t i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            bool done = true;
            for (uint64_t number = 3000 * i; number < 3000 * i + 4000; number++)
                done = done && add(table, number, 0) && is_revoked(table, number);
            _exit(done ? 0 : 1);
        }
    }
    child_succeeds(children[0]);
    child_succeeds(children[1]);
    assert_int_equal(atomic_load(&table->header->entries), 7000);
    for (uint64_t number = 0; number < 8000; number++)
        assert_int_equal(is_revoked(table, number), number < 7000);
    list->free(table);
}

/* Revokes one number after the other, with a rebuild every few, and says how many are done. */
static void write_until_killed(void *table, uint64_t number, _Atomic uint64_t *done)
{
    for (;; number++) {
        size_t dropped;
        if (!add(table, number, 0))
            _exit(1);
        atomic_store(done, number + 1);
        if (number % 8 == 0 && (!add(table, UINT64_MAX - number, NOW - LIFE) ||
                                list->purge(table, NOW + 1, &dropped) != WAFER_OK))
            _exit(1);
    }
}

static void a_killed_writer_loses_nothing_that_it_acknowledged(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(100000);
    _Atomic uint64_t *done = shared_memory(sizeof *done);
    for (size_t round = 0; round < 30; round++) {
        uint64_t first = atomic_load(done);
        int status;
        pid_t child = fork();
        if (child == 0)
            write_until_killed(table, first, done);
        while (atomic_load(done) == first) {
            assert_int_equal(waitpid(child, &status, WNOHANG), 0);
            sched_yield();
        }
        kill_after_a_moment(child, 2000000);

        uint64_t acknowledged = atomic_load(done);
        for (uint64_t number = 0; number < acknowledged; number++)
            assert_true(is_revoked(table, number));
        /* The one that was under way may have come through. */
        bool extra = is_revoked(table, acknowledged);
        for (uint64_t number = acknowledged + 1; number < acknowledged + 100; number++)
            assert_false(is_revoked(table, number));
        size_t dropped;
        assert_int_equal(list->purge(table, NOW + 1, &dropped), WAFER_OK);
        assert_int_equal(atomic_load(&table->header->entries), acknowledged + extra);
        assert_true(add(table, acknowledged, 0));
        atomic_store(done, acknowledged + 1);
        assert_int_equal(atomic_load(&table->header->entries), acknowledged + 1);
    }
    munmap((void *)done, sizeof *done);
    list->free(table);
}

/* ---- Threads ---- */

#define WRITES   300
#define REBUILDS 5 /* after each */

struct shared {
    struct wafer_table *table;
    _Atomic uint64_t done;
    _Atomic uint64_t lost;
    _Atomic uint64_t false_hits;
    _Atomic uint64_t reads;
};

static void *read_all(void *context)
{
    struct shared *shared = context;
    uint64_t number = 0;
    for (uint64_t done = 0; done < WRITES; number += 7919) {
        done = atomic_load(&shared->done);
        if (done > 0 && !is_revoked(shared->table, number % done))
            atomic_fetch_add(&shared->lost, 1);
        if (is_revoked(shared->table, WRITES + number))
            atomic_fetch_add(&shared->false_hits, 1);
        atomic_fetch_add(&shared->reads, 1);
    }
    return NULL;
}

static void readers_miss_nothing_while_the_table_is_rebuilt_under_them(void **state)
{
    (void)state;
    struct shared shared = {.table = table_make(10000)};
    pthread_t readers[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &shared), 0);
    while (atomic_load(&shared.reads) < 2)
        sched_yield();
    for (uint64_t number = 0; number < WRITES; number++) {
        assert_true(add(shared.table, number, 0));
        atomic_store(&shared.done, number + 1);
        assert_true(wafer_table_lock(shared.table));
        for (size_t i = 0; i < REBUILDS; i++)
            assert_int_equal(rebuild(shared.table, 0), 0);
        wafer_table_unlock(shared.table);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    assert_int_equal(atomic_load(&shared.lost), 0);
    assert_int_equal(atomic_load(&shared.false_hits), 0);
    assert_true(atomic_load(&shared.table->header->generation) >= WRITES * REBUILDS);
    list->free(shared.table);
}

struct writer {
    struct wafer_table *table;
    uint64_t first;
    bool failed;
};

static void *write_some(void *context)
{
    struct writer *writer = context;
    for (uint64_t number = writer->first; number < writer->first + 1500; number++)
        writer->failed |= !add(writer->table, number, 0) || !is_revoked(writer->table, number);
    return NULL;
}

static void several_writers_lose_nothing_to_each_other(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(10000);
    struct writer writers[3];
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        writers[i] = (struct writer){table, 1000 * i, false};
        assert_int_equal(pthread_create(&threads[i], NULL, write_some, &writers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(writers[i].failed);
    }
    assert_int_equal(atomic_load(&table->header->entries), 3500);
    for (uint64_t number = 0; number < 4000; number++)
        assert_int_equal(is_revoked(table, number), number < 3500);
    list->free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_comes_back_as_it_was_put),
        cmocka_unit_test(all_entries_are_found_through_every_doubling_and_no_others),
        cmocka_unit_test(crowded_keys_that_differ_in_one_bit_are_apart),
        cmocka_unit_test(a_rebuild_keeps_what_is_not_older_and_counts_it),
        cmocka_unit_test(memory_is_taken_as_it_fills_and_given_back),
        cmocka_unit_test(overwritten_counts_lead_nowhere_but_to_an_error),
        cmocka_unit_test(every_table_has_an_index_key_of_its_own),
        cmocka_unit_test(a_word_that_cannot_be_is_seen_in_every_slot),
        cmocka_unit_test(sizes_are_those_of_the_format),
        cmocka_unit_test(a_cleared_table_is_as_a_new_one),
        cmocka_unit_test(keys_that_differ_in_a_quarter_alone_are_spread),
        cmocka_unit_test(what_a_child_revokes_its_parent_refuses_at_once),
        cmocka_unit_test(several_processes_lose_nothing_to_each_other),
        cmocka_unit_test(a_writer_that_died_with_the_lock_has_its_counts_repaired),
        cmocka_unit_test(a_killed_writer_loses_nothing_that_it_acknowledged),
        cmocka_unit_test(readers_miss_nothing_while_the_table_is_rebuilt_under_them),
        cmocka_unit_test(several_writers_lose_nothing_to_each_other),
    };
    return cmocka_run_group_tests_name("table memory", tests, NULL, NULL);
}
