/* How readers get along with the writer.
 *
 * Every store into a half and into `slots` is a release, every load of them an acquire. The half in
 * use only ever gains entries: the writer stores a slot's key, then its word, so a reader that sees
 * the word sees the key. A word is changed in one store. Nothing is removed in place; a rebuild
 * fills the half that is not in use and then stores the next generation, which switches all
 * readers.
 *
 * A reader that is slow may still probe a half while a later rebuild overwrites it. Whatever it
 * loads of that rebuild was stored after the switch to the generation in between, and is loaded
 * with acquire: so the generation that it loads afterwards is not the one it began with, and it
 * starts again. Memory given back to the system reads as zeros, which is the same case: the kernel
 * changes the mapping, with all the barriers that takes, after the switch. The number of steps and
 * of slots is bounded whatever a reader sees, so it never leaves the half and never runs forever.
 *
 * A writer may be killed between any two instructions. Until its one store of a word or of the
 * generation nothing has happened; after it everything has, but for the counts, which the next
 * holder of the lock makes anew. */
#include "table_memory.h"

#include <errno.h>
#include <string.h>

#include <sys/mman.h>

/* Halves begin at multiples of the largest page size in use. */
#define ALIGNMENT UINT64_C(65536)

/* Slots in hundred for the entries at capacity, at which rebuilding makes more, and at most after a
 * rebuild that has a choice. */
#define LOAD_AT_CAPACITY 62
#define LOAD_MAX         65
#define LOAD_REBUILT     43

#define TIME_BITS     43
#define RENEWALS_BITS 17
#define TIME_MASK     ((UINT64_C(1) << TIME_BITS) - 1)
#define RENEWALS_MASK ((UINT64_C(1) << RENEWALS_BITS) - 1)

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "slots are shared between processes");
_Static_assert(sizeof(struct wafer_table_slot) == 24, "a slot is 24 bytes");
_Static_assert(sizeof(struct wafer_table_header) <= ALIGNMENT, "the halves begin behind it");
_Static_assert(TIME_MASK == WAFER_TIME_MAX_MS, "every time fits");
_Static_assert(RENEWALS_MASK == WAFER_RENEWALS_MAX, "every count fits");

/* A key as the slots hold it. */
struct name {
    uint64_t key[2];
    bool subject;
};

struct census {
    uint64_t entries;
    uint64_t subjects;
    int64_t oldest_ms;
    int64_t newest_subject_ms;
};

static uint64_t load(_Atomic uint64_t *word)
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

static struct wafer_table_value unpack(uint64_t word)
{
    return (struct wafer_table_value){
        .kind = (enum wafer_table_kind)(word >> (TIME_BITS + RENEWALS_BITS)),
        .at_ms = (int64_t)(word & TIME_MASK),
        .renewals = (uint32_t)(word >> TIME_BITS & RENEWALS_MASK),
    };
}

static bool is_subject(uint64_t word)
{
    return unpack(word).kind == WAFER_TABLE_SUBJECT;
}

static struct name name_of(const uint8_t key[WAFER_ID_SIZE], bool subject)
{
    struct name name = {.subject = subject};

    memcpy(name.key, key, sizeof name.key);
    return name;
}

/* Where the search for a name begins. Nobody outside knows the index key, so nobody can choose keys
 * that crowd one place. */
static uint64_t home(const struct wafer_table *table, const struct name *name, uint64_t slots)
{
    uint8_t message[WAFER_ID_SIZE + 1];
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number;

    memcpy(message, name->key, WAFER_ID_SIZE);
    message[WAFER_ID_SIZE] = name->subject;
    crypto_shorthash(hash, message, sizeof message, table->header->index_key);
    memcpy(&number, hash, sizeof number);
    return (number >> 32) * slots >> 32;
}

/* The slot that holds a name, or else the empty one where it would be put; *word is what the slot
 * held when it was looked at. NULL, with 0, only in a half that is being overwritten. */
static struct wafer_table_slot *probe(const struct wafer_table *table, size_t half, uint64_t slots,
                                      const struct name *name, uint64_t *word)
{
    uint64_t index = home(table, name, slots);

    for (uint64_t step = 0; step < slots; step++) {
        struct wafer_table_slot *slot = &table->half[half][index];
        *word = load(&slot->word);
        if (*word == 0 ||
            (is_subject(*word) == name->subject && load(&slot->key[0]) == name->key[0] &&
             load(&slot->key[1]) == name->key[1]))
            return slot;
        index = index + 1 == slots ? 0 : index + 1;
    }
    *word = 0;
    return NULL;
}

static size_t half_in_use(const struct wafer_table *table)
{
    return load(&table->header->generation) & 1;
}

/* Counts the entries of a half that are not older than keep_from_ms. */
static struct census count(const struct wafer_table *table, size_t half, int64_t keep_from_ms)
{
    struct census census = {.oldest_ms = INT64_MAX};
    uint64_t slots = load(&table->header->slots[half]);

    for (uint64_t index = 0; index < slots; index++) {
        uint64_t word = load(&table->half[half][index].word);
        int64_t at_ms = unpack(word).at_ms;
        if (word == 0 || at_ms < keep_from_ms)
            continue;
        census.entries++;
        if (at_ms < census.oldest_ms)
            census.oldest_ms = at_ms;
        if (is_subject(word)) {
            census.subjects++;
            if (at_ms > census.newest_subject_ms)
                census.newest_subject_ms = at_ms;
        }
    }
    return census;
}

static void adopt(struct wafer_table_header *header, const struct census *census)
{
    store(&header->entries, census->entries);
    header->subjects = census->subjects;
    header->oldest_ms = census->oldest_ms;
    header->newest_subject_ms = census->newest_subject_ms;
}

static int make_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    int status = pthread_mutexattr_init(&attributes);

    if (status != 0)
        return status;
    status = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (status == 0)
        status = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (status == 0)
        status = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return status;
}

int wafer_table_map(struct wafer_table *table, uint64_t capacity)
{
    uint64_t slots_max = capacity * 100 / LOAD_AT_CAPACITY + 1;
    uint64_t half_size = slots_max * sizeof(struct wafer_table_slot);

    half_size = (half_size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (half_size > (SIZE_MAX - ALIGNMENT) / 2)
        return ENOMEM;
    size_t size = (size_t)(ALIGNMENT + 2 * half_size);
    uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return errno;
    struct wafer_table_header *header = (struct wafer_table_header *)(void *)memory;
    int status = make_mutex(&header->mutex);
    if (status != 0) {
        munmap(memory, size);
        return status;
    }
    header->format = WAFER_TABLE_FORMAT;
    header->capacity = capacity;
    header->slots_max = slots_max;
    header->oldest_ms = INT64_MAX;
    store(&header->slots[0],
          slots_max < WAFER_TABLE_FIRST_SLOTS ? slots_max : WAFER_TABLE_FIRST_SLOTS);
    table->header = header;
    table->half[0] = (struct wafer_table_slot *)(void *)(memory + ALIGNMENT);
    table->half[1] = (struct wafer_table_slot *)(void *)(memory + ALIGNMENT + half_size);
    table->size = size;
    table->half_size = (size_t)half_size;
    return 0;
}

void wafer_table_unmap(struct wafer_table *table)
{
    munmap(table->header, table->size);
}

bool wafer_table_lock(struct wafer_table *table)
{
    int status = pthread_mutex_lock(&table->header->mutex);

    if (status == EOWNERDEAD) {
        struct census census = count(table, half_in_use(table), 0);
        adopt(table->header, &census);
        status = pthread_mutex_consistent(&table->header->mutex);
    }
    return status == 0;
}

void wafer_table_unlock(struct wafer_table *table)
{
    pthread_mutex_unlock(&table->header->mutex);
}

bool wafer_table_find(struct wafer_table *table, const uint8_t key[WAFER_ID_SIZE], bool subject,
                      struct wafer_table_value *value)
{
    struct wafer_table_header *header = table->header;
    struct name name = name_of(key, subject);
    uint64_t generation;
    uint64_t word;

    do {
        generation = load(&header->generation);
        probe(table, generation & 1, load(&header->slots[generation & 1]), &name, &word);
    } while (load(&header->generation) != generation);
    *value = unpack(word);
    return word != 0;
}

void wafer_table_put(struct wafer_table *table, const uint8_t key[WAFER_ID_SIZE],
                     const struct wafer_table_value *value)
{
    struct wafer_table_header *header = table->header;
    bool subject = value->kind == WAFER_TABLE_SUBJECT;
    struct name name = name_of(key, subject);
    size_t half = half_in_use(table);
    uint64_t word;
    struct wafer_table_slot *slot = probe(table, half, load(&header->slots[half]), &name, &word);

    if (word == 0) {
        store(&slot->key[0], name.key[0]);
        store(&slot->key[1], name.key[1]);
    }
    store(&slot->word, pack(value));
    if (word == 0) {
        store(&header->entries, load(&header->entries) + 1);
        header->subjects += subject;
    }
    if (value->at_ms < header->oldest_ms)
        header->oldest_ms = value->at_ms;
    if (subject && value->at_ms > header->newest_subject_ms)
        header->newest_subject_ms = value->at_ms;
}

bool wafer_table_is_crowded(const struct wafer_table *table)
{
    struct wafer_table_header *header = table->header;
    uint64_t slots = load(&header->slots[half_in_use(table)]);

    return (load(&header->entries) + 1) * 100 > slots * LOAD_MAX;
}

/* How many slots to make for so many entries: twice the first number as often as needed. */
static uint64_t slots_for(const struct wafer_table_header *header, uint64_t entries)
{
    uint64_t slots = WAFER_TABLE_FIRST_SLOTS;

    while (slots < header->slots_max && entries * 100 > slots * LOAD_REBUILT)
        slots *= 2;
    return slots < header->slots_max ? slots : header->slots_max;
}

static void clear(struct wafer_table_slot *slot, uint64_t slots)
{
    for (uint64_t index = 0; index < slots; index++)
        store(&slot[index].word, 0);
}

/* Fills the empty half `to` with what is not older than keep_from_ms. */
static void copy(struct wafer_table *table, size_t from, size_t to, int64_t keep_from_ms)
{
    uint64_t slots_from = load(&table->header->slots[from]);
    uint64_t slots_to = load(&table->header->slots[to]);

    for (uint64_t index = 0; index < slots_from; index++) {
        struct wafer_table_slot *old = &table->half[from][index];
        uint64_t word = load(&old->word);
        if (word == 0 || unpack(word).at_ms < keep_from_ms)
            continue;
        struct name name = {{load(&old->key[0]), load(&old->key[1])}, is_subject(word)};
        uint64_t empty;
        struct wafer_table_slot *slot = probe(table, to, slots_to, &name, &empty);
        store(&slot->key[0], name.key[0]);
        store(&slot->key[1], name.key[1]);
        store(&slot->word, word);
    }
}

size_t wafer_table_rebuild(struct wafer_table *table, int64_t keep_from_ms)
{
    struct wafer_table_header *header = table->header;
    size_t from = half_in_use(table);
    size_t to = from ^ 1;
    struct census kept = count(table, from, keep_from_ms);

    store(&header->slots[to], slots_for(header, kept.entries));
    clear(table->half[to], load(&header->slots[to]));
    copy(table, from, to, keep_from_ms);
    store(&header->generation, load(&header->generation) + 1);

    size_t dropped = (size_t)(load(&header->entries) - kept.entries);
    adopt(header, &kept);
    /* Shared memory goes back to the system only so. If not, it is used again as it is. */
    (void)madvise(table->half[from], table->half_size, MADV_REMOVE);
    return dropped;
}
