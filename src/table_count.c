/* The counts of the table, and how damage is noticed.
 *
 * Every entry has a hash under a key of the table's own; all of them combined by exclusive or are
 * the sum. A writer keeps it up to date, and it can be made anew from the entries. If only a bit of
 * what is in use changes, the sum is wrong, but for chance. That is against broken disks and stray
 * writes; who may write to the file on purpose can do as he likes anyway. */
#include "table_memory.h"

#include <string.h>

#include "clock.h"

/* The third number is 0 for the two times and never for an entry, so neither is taken for the
 * other. */
static uint64_t keyed_hash(const struct wafer_table *table, uint64_t first, uint64_t second,
                           uint64_t third)
{
    const uint64_t numbers[3] = {first, second, third};
    uint8_t message[sizeof numbers];
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number;

    memcpy(message, numbers, sizeof message);
    crypto_shorthash(hash, message, sizeof message, table->fixed.sum_key);
    memcpy(&number, hash, sizeof number);
    return number;
}

uint64_t wafer_table_sum(const struct wafer_table *table, const uint64_t key[2], uint64_t word)
{
    return keyed_hash(table, key[0], key[1], word);
}

static uint64_t times_sum(const struct wafer_table *table)
{
    const struct wafer_table_header *header = table->header;

    return keyed_hash(table, (uint64_t)atomic_load(&header->not_before_ms),
                      (uint64_t)atomic_load(&header->retention_ms), 0);
}

struct wafer_table_census wafer_table_count(const struct wafer_table *table, int64_t keep_from_ms,
                                            uint64_t *sum)
{
    struct wafer_table_census census = {.oldest_ms = INT64_MAX};
    uint64_t slots = wafer_table_slots(table);

    for (uint64_t index = 0; index < slots; index++) {
        uint64_t key[2];
        uint64_t word;
        if (!wafer_table_slot(table, index, key, &word))
            continue;
        struct wafer_table_value value = wafer_table_unpack(word);
        if (value.at_ms < keep_from_ms) {
            census.dropped_sum ^= wafer_table_sum(table, key, word);
            continue;
        }
        if (sum != NULL)
            *sum ^= wafer_table_sum(table, key, word);
        census.entries++;
        if (value.at_ms < census.oldest_ms)
            census.oldest_ms = value.at_ms;
        if (value.kind == WAFER_TABLE_SUBJECT) {
            census.subjects++;
            if (value.at_ms > census.newest_subject_ms)
                census.newest_subject_ms = value.at_ms;
        }
    }
    return census;
}

void wafer_table_adopt(struct wafer_table *table, const struct wafer_table_census *census)
{
    struct wafer_table_header *header = table->header;

    atomic_store_explicit(&header->entries, census->entries, memory_order_release);
    header->subjects = census->subjects;
    header->oldest_ms = census->oldest_ms;
    header->newest_subject_ms = census->newest_subject_ms;
}

void wafer_table_recount(struct wafer_table *table)
{
    uint64_t sum = times_sum(table);
    struct wafer_table_census census = wafer_table_count(table, 0, &sum);

    wafer_table_adopt(table, &census);
    table->header->sum = sum;
}

void wafer_table_count_none(struct wafer_table *table)
{
    wafer_table_adopt(table, &(struct wafer_table_census){.oldest_ms = INT64_MAX});
    table->header->sum = times_sum(table);
}

int64_t wafer_table_not_before(const struct wafer_table *table)
{
    return atomic_load_explicit(&table->header->not_before_ms, memory_order_acquire);
}

int64_t wafer_table_retention(const struct wafer_table *table)
{
    return atomic_load_explicit(&table->header->retention_ms, memory_order_acquire);
}

void wafer_table_set_times(struct wafer_table *table, int64_t not_before_ms, int64_t retention_ms)
{
    struct wafer_table_header *header = table->header;
    uint64_t before = times_sum(table);

    atomic_store_explicit(&header->not_before_ms, not_before_ms, memory_order_release);
    atomic_store_explicit(&header->retention_ms, retention_ms, memory_order_release);
    header->sum ^= before ^ times_sum(table);
}

/* ---- Damage ---- */

static bool is_word(uint64_t word)
{
    struct wafer_table_value value = wafer_table_unpack(word);

    switch (value.kind) {
    case WAFER_TABLE_SESSION:
    case WAFER_TABLE_SUBJECT:
        return value.renewals == 0;
    case WAFER_TABLE_COPIES:
        return true;
    }
    return false;
}

static bool words_are_readable(const struct wafer_table *table)
{
    uint64_t slots = wafer_table_slots(table);

    for (uint64_t index = 0; index < slots; index++) {
        uint64_t key[2];
        uint64_t word;
        if (wafer_table_slot(table, index, key, &word) && !is_word(word))
            return false;
    }
    return true;
}

static bool numbers_are_possible(const struct wafer_table *table)
{
    const struct wafer_table_header *header = table->header;
    uint64_t slots = atomic_load(&header->slots[wafer_table_generation(table) & 1]);
    int64_t retention_ms = atomic_load(&header->retention_ms);

    return slots > 0 && slots <= table->fixed.slots_max &&
           wafer_is_time(atomic_load(&header->not_before_ms)) && retention_ms >= WAFER_MINUTE_MS &&
           retention_ms <= WAFER_LIFETIME_MAX_MS;
}

bool wafer_table_is_readable(const struct wafer_table *table)
{
    uint64_t generation;
    bool are_readable;

    if (!numbers_are_possible(table))
        return false;
    /* What is wrong may be of a half that a writer has just left. */
    do {
        generation = wafer_table_generation(table);
        are_readable = words_are_readable(table);
    } while (!are_readable && wafer_table_generation(table) != generation);
    return are_readable;
}

bool wafer_table_is_whole(const struct wafer_table *table)
{
    uint64_t slots = wafer_table_slots(table);
    uint64_t entries = 0;

    if (!numbers_are_possible(table))
        return false;
    for (uint64_t index = 0; index < slots; index++) {
        uint64_t key[2];
        uint64_t word;
        if (!wafer_table_slot(table, index, key, &word))
            continue;
        if (!is_word(word) || !wafer_table_ends_at(table, index))
            return false;
        entries++;
    }
    return entries <= table->fixed.capacity && entries * 100 <= slots * WAFER_TABLE_LOAD_MAX;
}

bool wafer_table_is_counted(const struct wafer_table *table)
{
    const struct wafer_table_header *header = table->header;
    uint64_t sum = times_sum(table);
    struct wafer_table_census census = wafer_table_count(table, 0, &sum);

    return census.entries == atomic_load(&header->entries) && census.subjects == header->subjects &&
           header->oldest_ms <= census.oldest_ms &&
           header->newest_subject_ms >= census.newest_subject_ms &&
           header->newest_subject_ms <= WAFER_TIME_MAX_MS &&
           header->rebuilt_at_ms >= WAFER_TABLE_NEVER &&
           header->rebuilt_at_ms <= WAFER_TIME_MAX_MS && header->sum == sum;
}
