/* How readers get along with the writer.
 *
 * Every store into a half and into `slots` is a release, every load of them an acquire. The half in
 * use only ever gains entries: the writer stores the rest of a slot, then its tag, so a reader that
 * sees the tag sees the rest. A word is changed in one store. Nothing is removed in place; a
 * rebuild fills the half that is not in use and then stores the next generation, which switches all
 * readers.
 *
 * A reader that is slow may still probe a half while a later rebuild overwrites it. Whatever it
 * loads of that rebuild was stored after the switch to the generation in between, and is loaded
 * with acquire: so the generation that it loads afterwards is not the one it began with, and it
 * starts again. Memory given back to the system reads as zeros, which is the same case: the kernel
 * changes the mapping, with all the barriers that takes, after the switch. The number of steps and
 * of slots is bounded whatever a reader sees, so it never leaves the half and never runs forever.
 *
 * A writer may be killed between any two instructions. Until its one store of a tag, of a word
 * that was there or of the generation nothing has happened; after it everything has, but for the
 * counts, which the next holder of the lock makes anew. */
#include "table_memory.h"

#include <errno.h>
#include <string.h>

/* Entries in 100 slots at most after a rebuild that has a choice. */
#define LOAD_REBUILT 43

#define TIME_BITS     43
#define RENEWALS_BITS 17
#define KIND_BITS     2
#define TIME_MASK     ((UINT64_C(1) << TIME_BITS) - 1)
#define RENEWALS_MASK ((UINT64_C(1) << RENEWALS_BITS) - 1)

/* Where a word in a half has the bit of the key that the tag lacks. */
#define KEY_BIT_AT (TIME_BITS + RENEWALS_BITS + KIND_BITS)
#define KEY_BIT    (UINT64_C(1) << KEY_BIT_AT)

#define CACHE_LINE 64

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "slots are shared between processes");
_Static_assert(WAFER_TABLE_SLOT_SIZE == 24, "a slot is 24 bytes");
_Static_assert(TIME_MASK == WAFER_TIME_MAX_MS, "every time fits");
_Static_assert(RENEWALS_MASK == WAFER_RENEWALS_MAX, "every count fits");

static uint64_t load_word(_Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

static uint64_t pack(const struct wafer_table_value *value)
{
    return (uint64_t)value->kind << (TIME_BITS + RENEWALS_BITS) |
           (uint64_t)value->renewals << TIME_BITS | (uint64_t)value->at_ms;
}

struct wafer_table_value wafer_table_unpack(uint64_t word)
{
    return (struct wafer_table_value){
        .kind = (enum wafer_table_kind)(word >> (TIME_BITS + RENEWALS_BITS)),
        .at_ms = (int64_t)(word & TIME_MASK),
        .renewals = (uint32_t)(word >> TIME_BITS & RENEWALS_MASK),
    };
}

static bool names_subject(uint64_t word)
{
    return wafer_table_unpack(word).kind == WAFER_TABLE_SUBJECT;
}

static size_t half_in_use(const struct wafer_table *table)
{
    return load_word(&table->header->generation) & 1;
}

/* Never more than there are, whatever a file says. */
static uint64_t slots_of(const struct wafer_table *table, size_t half)
{
    uint64_t slots = load_word(&table->header->slots[half]);

    return slots < table->fixed.slots_max ? slots : table->fixed.slots_max;
}

/* Strongly universal hashing of the key's four parts (Thorup's pair-multiply-shift). Nobody outside
 * knows the index key, and keys are random or hashes, so nobody can choose keys that crowd one
 * place. */
static uint64_t hash_of(const uint64_t index_key[6], const uint64_t key[2], bool subject)
{
    uint64_t one = (index_key[0] + (uint32_t)key[0]) * (index_key[1] + (key[0] >> 32));
    uint64_t other = (index_key[2] + (uint32_t)key[1]) * (index_key[3] + (key[1] >> 32));

    return one + other + index_key[4 + subject];
}

static uint64_t home(const struct wafer_table_name *name, uint64_t slots)
{
    return (name->hash >> 32) * slots >> 32;
}

static uint64_t tag_of(const struct wafer_table_name *name)
{
    return name->key[0] | 1;
}

static uint64_t key_bit_of(const struct wafer_table_name *name)
{
    return (name->key[0] & 1) << KEY_BIT_AT;
}

/* Whether a slot with a name's tag holds the name, and then its value. */
static bool holds(const struct wafer_table_half *half, uint64_t index,
                  const struct wafer_table_name *name, uint64_t *word)
{
    uint64_t found = load_word(&half->rests[index].word);

    if (load_word(&half->rests[index].key) != name->key[1] ||
        (found & KEY_BIT) != key_bit_of(name) || names_subject(found & ~KEY_BIT) != name->subject)
        return false;
    *word = found & ~KEY_BIT;
    return true;
}

/* The slot that holds a name, with its value, or else the empty one where it would be put, with 0.
 * As many as there are slots, with 0, only in a half that is being overwritten. */
static inline uint64_t probe(const struct wafer_table_half *half, uint64_t slots,
                             const struct wafer_table_name *name, uint64_t *word)
{
    uint64_t wanted = tag_of(name);
    uint64_t index = home(name, slots);

    *word = 0;
    for (uint64_t step = 0; step < slots; step++) {
        uint64_t tag = load_word(&half->tags[index]);
        if (tag == 0 || (tag == wanted && holds(half, index, name, word)))
            return index;
        index = index + 1 == slots ? 0 : index + 1;
    }
    return slots;
}

/* Whether a slot is in use, and then the name and the value in it. */
static bool read_slot(const struct wafer_table_half *half, uint64_t index,
                      struct wafer_table_name *name, uint64_t *word)
{
    uint64_t tag = load_word(&half->tags[index]);

    if (tag == 0)
        return false;
    uint64_t found = load_word(&half->rests[index].word);
    *word = found & ~KEY_BIT;
    *name = (struct wafer_table_name){
        .key = {(tag & ~UINT64_C(1)) | (found >> KEY_BIT_AT & 1),
                load_word(&half->rests[index].key)},
        .subject = names_subject(*word),
    };
    return true;
}

/* Puts a name into an empty slot; it is there when the tag is. */
static void fill_slot(const struct wafer_table_half *half, uint64_t index,
                      const struct wafer_table_name *name, uint64_t word)
{
    store(&half->rests[index].key, name->key[1]);
    store(&half->rests[index].word, word | key_bit_of(name));
    store(&half->tags[index], tag_of(name));
}

/* ---- Reading ---- */

static inline struct wafer_table_name name_of(const struct wafer_table *table,
                                              const uint8_t key[WAFER_ID_SIZE], bool subject)
{
    struct wafer_table_name name = {.subject = subject};

    memcpy(name.key, key, sizeof name.key);
    name.hash = hash_of(table->fixed.index_key, name.key, subject);
    return name;
}

struct wafer_table_name wafer_table_name(const struct wafer_table *table,
                                         const uint8_t key[WAFER_ID_SIZE], bool subject)
{
    return name_of(table, key, subject);
}

bool wafer_table_find(const struct wafer_table *table, const struct wafer_table_name *name,
                      struct wafer_table_value *value)
{
    uint64_t generation;
    uint64_t word;

    do {
        generation = wafer_table_generation(table);
        (void)probe(&table->half[generation & 1], slots_of(table, generation & 1), name, &word);
    } while (wafer_table_generation(table) != generation);
    *value = wafer_table_unpack(word);
    return word != 0;
}

/* Has the memory fetched in which nearly every search for a name ends. */
static inline void fetch_slot(const struct wafer_table_half *half, uint64_t slots,
                              const struct wafer_table_name *name)
{
    const _Atomic uint64_t *tag = &half->tags[home(name, slots)];

    __builtin_prefetch((const void *)tag);
    __builtin_prefetch((const void *)(tag + CACHE_LINE / sizeof *tag));
}

void wafer_table_fetch(const struct wafer_table *table, const uint8_t key[WAFER_ID_SIZE],
                       bool subject)
{
    size_t half = half_in_use(table);
    uint64_t slots = slots_of(table, half);
    struct wafer_table_name name = name_of(table, key, subject);

    fetch_slot(&table->half[half], slots, &name);
    __builtin_prefetch((const void *)&table->half[half].rests[home(&name, slots)], 1);
}

void wafer_table_find_both(const struct wafer_table *table, const uint8_t id[WAFER_ID_SIZE],
                           const uint8_t *subject, struct wafer_table_value *of_id,
                           struct wafer_table_value *of_subject)
{
    struct wafer_table_name name = name_of(table, id, false);
    struct wafer_table_name other = {.subject = true};
    uint64_t word;
    uint64_t other_word = 0;
    uint64_t generation;

    if (subject != NULL)
        other = name_of(table, subject, true);
    do {
        generation = wafer_table_generation(table);
        const struct wafer_table_half *half = &table->half[generation & 1];
        uint64_t slots = slots_of(table, generation & 1);
        fetch_slot(half, slots, &name);
        if (subject != NULL) {
            fetch_slot(half, slots, &other);
            (void)probe(half, slots, &other, &other_word);
        }
        (void)probe(half, slots, &name, &word);
    } while (wafer_table_generation(table) != generation);
    *of_id = wafer_table_unpack(word);
    *of_subject = wafer_table_unpack(other_word);
}

uint64_t wafer_table_generation(const struct wafer_table *table)
{
    return load_word(&table->header->generation);
}

uint64_t wafer_table_slots(const struct wafer_table *table)
{
    return slots_of(table, half_in_use(table));
}

bool wafer_table_slot(const struct wafer_table *table, uint64_t index, uint64_t key[2],
                      uint64_t *word)
{
    struct wafer_table_name name;

    if (!read_slot(&table->half[half_in_use(table)], index, &name, word))
        return false;
    key[0] = name.key[0];
    key[1] = name.key[1];
    return true;
}

bool wafer_table_ends_at(const struct wafer_table *table, uint64_t index)
{
    size_t half = half_in_use(table);
    struct wafer_table_name name;
    uint64_t word;

    if (!read_slot(&table->half[half], index, &name, &word))
        return false;
    name.hash = hash_of(table->fixed.index_key, name.key, name.subject);
    return probe(&table->half[half], slots_of(table, half), &name, &word) == index;
}

/* ---- Writing ---- */

bool wafer_table_put(struct wafer_table *table, const struct wafer_table_name *name,
                     const struct wafer_table_value *value)
{
    struct wafer_table_header *header = table->header;
    const struct wafer_table_half *half = &table->half[half_in_use(table)];
    uint64_t before;
    uint64_t after = pack(value);
    uint64_t slots = wafer_table_slots(table);
    uint64_t index = probe(half, slots, name, &before);

    if (index == slots)
        return false;
    if (before == 0) {
        fill_slot(half, index, name, after);
        store(&header->entries, load_word(&header->entries) + 1);
        header->subjects += name->subject;
    } else {
        store(&half->rests[index].word, after | key_bit_of(name));
        header->sum ^= wafer_table_sum(table, name->key, before);
    }
    header->sum ^= wafer_table_sum(table, name->key, after);
    if (value->at_ms < header->oldest_ms)
        header->oldest_ms = value->at_ms;
    if (name->subject && value->at_ms > header->newest_subject_ms)
        header->newest_subject_ms = value->at_ms;
    return true;
}

bool wafer_table_is_crowded(const struct wafer_table *table)
{
    uint64_t room = wafer_table_slots(table) * WAFER_TABLE_LOAD_MAX / 100;

    return load_word(&table->header->entries) + 1 > room;
}

/* How many slots to make for so many entries: twice the first number as often as needed. */
static uint64_t slots_for(const struct wafer_table *table, uint64_t entries)
{
    uint64_t slots_max = table->fixed.slots_max;
    uint64_t slots = WAFER_TABLE_FIRST_SLOTS;

    while (slots < slots_max && entries * 100 > slots * LOAD_REBUILT)
        slots *= 2;
    return slots < slots_max ? slots : slots_max;
}

/* Makes empty slots in a half. Returns 0, or an errno value when there is no room for them. */
static int make_slots(struct wafer_table *table, size_t half, uint64_t slots)
{
    int status = wafer_table_allocate(table, half, slots);

    if (status != 0)
        return status;
    store(&table->header->slots[half], slots);
    for (uint64_t index = 0; index < slots; index++)
        store(&table->half[half].tags[index], 0);
    return 0;
}

/* Fills the empty half `to` with what is not older than keep_from_ms. False if it does not fit. */
static bool copy(struct wafer_table *table, size_t from, size_t to, int64_t keep_from_ms)
{
    uint64_t slots_from = slots_of(table, from);
    uint64_t slots_to = slots_of(table, to);

    for (uint64_t index = 0; index < slots_from; index++) {
        struct wafer_table_name name;
        uint64_t word;
        uint64_t empty;
        if (!read_slot(&table->half[from], index, &name, &word) ||
            wafer_table_unpack(word).at_ms < keep_from_ms)
            continue;
        name.hash = hash_of(table->fixed.index_key, name.key, name.subject);
        uint64_t place = probe(&table->half[to], slots_to, &name, &empty);
        if (place == slots_to)
            return false;
        fill_slot(&table->half[to], place, &name, word);
    }
    return true;
}

/* What stays when all that is older goes; that nothing is older is known without a walk. */
static struct wafer_table_census kept_from(const struct wafer_table *table, int64_t keep_from_ms)
{
    const struct wafer_table_header *header = table->header;

    if (header->oldest_ms < keep_from_ms)
        return wafer_table_count(table, keep_from_ms, NULL);
    return (struct wafer_table_census){.entries = load_word(&table->header->entries),
                                       .subjects = header->subjects,
                                       .oldest_ms = header->oldest_ms,
                                       .newest_subject_ms = header->newest_subject_ms};
}

int wafer_table_rebuild(struct wafer_table *table, int64_t keep_from_ms, size_t *dropped)
{
    struct wafer_table_header *header = table->header;
    size_t from = half_in_use(table);
    size_t to = from ^ 1;
    struct wafer_table_census kept = kept_from(table, keep_from_ms);
    int status = make_slots(table, to, slots_for(table, kept.entries));

    *dropped = 0;
    if (status == 0 && !copy(table, from, to, keep_from_ms))
        status = EIO;
    if (status != 0) {
        wafer_table_release(table, to); /* what was taken before it ran out */
        return status;
    }
    store(&header->generation, load_word(&header->generation) + 1);

    *dropped = (size_t)(load_word(&header->entries) - kept.entries);
    wafer_table_adopt(table, &kept);
    header->sum ^= kept.dropped_sum;
    wafer_table_release(table, from);
    return 0;
}

int wafer_table_begin(struct wafer_table *table)
{
    struct wafer_table_header *header = table->header;
    size_t half = half_in_use(table);
    int status = wafer_table_allocate(table, half, slots_for(table, 0));

    if (status != 0)
        return status;
    store(&header->slots[half], slots_for(table, 0));
    atomic_store(&header->not_before_ms, 0);
    atomic_store(&header->retention_ms, 0);
    header->rebuilt_at_ms = WAFER_TABLE_NEVER;
    wafer_table_count_none(table);
    return 0;
}

int wafer_table_clear(struct wafer_table *table)
{
    size_t half = half_in_use(table);
    int status = make_slots(table, half, slots_for(table, 0));

    return status != 0 ? status : wafer_table_begin(table);
}
