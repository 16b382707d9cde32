/* The memory of the revocation table: a hash map from 16-byte keys to one 64-bit word, which
 * readers of any process search without a lock while one writer changes it. What the words mean
 * for a session is table.c's business; how readers and the writer get along, table_memory.c's;
 * where it lies, table_space.c's; what it all counts to, table_count.c's.
 *
 *     header | first half: slots_max tags, slots_max rests | second half: the same
 *
 * Nothing in it is a pointer, so it may lie at another address in every process. */
#ifndef WAFER_SRC_TABLE_MEMORY_H
#define WAFER_SRC_TABLE_MEMORY_H

#include <pthread.h>
#include <stdatomic.h>

#include <sodium.h>

#include <wafer.h>

#define WAFER_TABLE_FORMAT      UINT64_C(0x3230306c62617477) /* changes with the layout */
#define WAFER_TABLE_FIRST_SLOTS 1024
#define WAFER_TABLE_NEVER       (-WAFER_MINUTE_MS) /* a time before all others */

/* Entries in 100 slots at most, so that every search ends at an empty one soon. */
#define WAFER_TABLE_LOAD_MAX 65

#define WAFER_TABLE_CAPACITY_MIN 64
#define WAFER_TABLE_CAPACITY_MAX 100000000
#define WAFER_TABLE_SKEW_MIN_MS  1000 /* room for several not-befores in one millisecond */
#define WAFER_TABLE_GRACE_MAX_MS (10 * WAFER_MINUTE_MS)

enum wafer_table_kind { WAFER_TABLE_SESSION = 1, WAFER_TABLE_SUBJECT = 2, WAFER_TABLE_COPIES = 3 };

/* What a slot says of its key, unpacked. */
struct wafer_table_value {
    enum wafer_table_kind kind;
    int64_t at_ms;     /* 0 to WAFER_TIME_MAX_MS */
    uint32_t renewals; /* 0 to WAFER_RENEWALS_MAX; 0 but for copies */
};

/* A half's slots. Nearly all searches are for what is not there; they read tags only, of which
 * eight share a cache line. */
struct wafer_table_half {
    _Atomic uint64_t *tags; /* the key's first half with the lowest bit set; 0: the slot is empty */
    struct wafer_table_rest {
        _Atomic uint64_t key;  /* its second half */
        _Atomic uint64_t word; /* the value, packed, and the bit that the tag lacks */
    } * rests;
};

#define WAFER_TABLE_SLOT_SIZE (sizeof(uint64_t) + sizeof(struct wafer_table_rest))

/* What never changes once the table is made. It has no padding, as it is hashed. */
struct wafer_table_fixed {
    uint64_t format;
    uint32_t mutex_size;
    uint32_t pointer_size;
    uint64_t size; /* of header and halves */
    uint64_t capacity;
    uint64_t slots_max;
    int64_t skew_ms;
    int64_t grace_ms;
    uint64_t index_key[6];
    uint8_t sum_key[crypto_shorthash_KEYBYTES];
    uint8_t checksum[32]; /* of all before it, in a file */
};

struct wafer_table_header {
    struct wafer_table_fixed fixed;

    /* Of a file, while nobody else opens it: under which start of the machine the lock was made,
     * and what CREATE chose last. */
    uint8_t boot_id[16];
    uint32_t on_start;

    /* Read without the lock, written under it. */
    _Alignas(64) _Atomic uint64_t generation; /* the lowest bit says which half is in use */
    _Atomic uint64_t slots[2];
    _Atomic int64_t not_before_ms;
    _Atomic int64_t retention_ms;

    /* Under the lock; entries is also read without it. Counted anew when a writer died. */
    _Alignas(64) _Atomic uint64_t entries;
    uint64_t subjects;
    int64_t oldest_ms;         /* no entry is older; INT64_MAX when there is none */
    int64_t newest_subject_ms; /* no subject's not-before is later; 0 when there is none */
    uint64_t sum;              /* the hashes of all entries and of the two times above, combined */

    int64_t rebuilt_at_ms; /* table.c's: when it last dropped what was due, or tried to */
    pthread_mutex_t mutex;
};

/* One process's view. */
struct wafer_table {
    struct wafer_table_header *header;
    struct wafer_table_half half[2];
    struct wafer_table_fixed fixed; /* a copy, so that nothing in a file leads astray later */
    size_t size;
    size_t half_size;
    bool writable;
    struct wafer_table_file {
        int descriptor; /* -1: none */
        bool is_mapped; /* the table lies in a file */
        uint64_t device;
        uint64_t inode;
    } file;
};

/* ---- table_space.c ---- */

/* Fills in all that is fixed, with fresh keys. False when there is no randomness. */
bool wafer_table_fix(struct wafer_table_fixed *fixed, uint64_t capacity, int64_t skew_ms,
                     int64_t grace_ms);
/* What of it follows from the rest. */
uint64_t wafer_table_slots_max(uint64_t capacity);
uint64_t wafer_table_size(uint64_t capacity);
void wafer_table_checksum(const struct wafer_table_fixed *fixed, uint8_t checksum[32]);

/* Maps an empty table of its own, or what is in a file of fixed->size bytes, whose descriptor then
 * belongs to the table. Both return 0 or an errno value. */
int wafer_table_map(struct wafer_table *table, const struct wafer_table_fixed *fixed);
int wafer_table_map_file(struct wafer_table *table, const struct wafer_table_fixed *fixed,
                         int descriptor, bool writable);
/* Closes the descriptor; a table that is not written to needs none. */
void wafer_table_close(struct wafer_table *table);
void wafer_table_unmap(struct wafer_table *table);

/* Makes zeros an empty table; not_before_ms and retention_ms are 0. Returns 0 or an errno value. */
int wafer_table_prepare(struct wafer_table *table);

/* Takes room on the disk for the header, or for so many slots of a half, so that writing there
 * cannot fail. Returns 0 or an errno value: ENOSPC, or EBADF when the descriptor was closed. */
int wafer_table_allocate_header(struct wafer_table *table);
int wafer_table_allocate(struct wafer_table *table, size_t half, uint64_t slots);
/* Gives the room of a half back. */
void wafer_table_release(struct wafer_table *table, size_t half);

/* ---- table_lock.c ---- */

/* Returns 0 or an errno value. */
int wafer_table_make_mutex(struct wafer_table *table);
/* Whether the lock is of the kind that is made here, as far as can be known. */
bool wafer_table_mutex_is_ours(const struct wafer_table *table);

/* Takes the lock, and repairs the counts if its last holder died. False when the system refuses. */
bool wafer_table_lock(struct wafer_table *table);
/* The same without waiting: 0, EBUSY or another errno value. */
int wafer_table_try_lock(struct wafer_table *table);
void wafer_table_unlock(struct wafer_table *table);

/* ---- table_memory.c ---- */

/* A key, and where the search for it begins. */
struct wafer_table_name {
    uint64_t key[2];
    uint64_t hash;
    bool subject;
};

/* Names a key; session ids and subject keys are apart even when their bytes are equal. */
struct wafer_table_name wafer_table_name(const struct wafer_table *table,
                                         const uint8_t key[WAFER_ID_SIZE], bool subject);

/* What the table says of a name; false, and all zero, if nothing. At any time, without the lock. */
bool wafer_table_find(const struct wafer_table *table, const struct wafer_table_name *name,
                      struct wafer_table_value *value);

/* Has the memory fetched in which a name will be looked for or put soon. */
void wafer_table_fetch(const struct wafer_table *table, const uint8_t key[WAFER_ID_SIZE],
                       bool subject);

/* What it says of a session id and of a subject key (NULL: nobody) in little more than the time of
 * one, as both wait for memory together. Kind 0 is nothing. */
void wafer_table_find_both(const struct wafer_table *table, const uint8_t id[WAFER_ID_SIZE],
                           const uint8_t *subject, struct wafer_table_value *of_id,
                           struct wafer_table_value *of_subject);

/* For a walk over all entries: how many slots there are, and what is in one; false if nothing. A
 * walk without the lock is good if the generation is the same before and after. */
uint64_t wafer_table_generation(const struct wafer_table *table);
uint64_t wafer_table_slots(const struct wafer_table *table);
bool wafer_table_slot(const struct wafer_table *table, uint64_t index, uint64_t key[2],
                      uint64_t *word);
struct wafer_table_value wafer_table_unpack(uint64_t word);
/* True when searching for what is in a slot ends there. */
bool wafer_table_ends_at(const struct wafer_table *table, uint64_t index);

/* The rest needs the lock. */

/* Adds a name or changes what is said of it. A new one must fit: see below. False, and nothing
 * changed, when it does not all the same, because the counts were overwritten. */
bool wafer_table_put(struct wafer_table *table, const struct wafer_table_name *name,
                     const struct wafer_table_value *value);

/* True when one more entry would crowd the slots in use: rebuild first. */
bool wafer_table_is_crowded(const struct wafer_table *table);

/* Moves all entries but those older than keep_from_ms to the other half, with as many slots as they
 * need, and switches to it; gives the memory of the old one back. Says how many were dropped.
 * Returns 0, or an errno value, EIO when the counts were overwritten; nothing has changed then. */
int wafer_table_rebuild(struct wafer_table *table, int64_t keep_from_ms, size_t *dropped);

/* Says that zeros are an empty table; the two times are 0. Returns 0 or an errno value. */
int wafer_table_begin(struct wafer_table *table);
/* Drops everything, the two times too. Returns 0 or an errno value. */
int wafer_table_clear(struct wafer_table *table);

/* ---- table_count.c ---- */

struct wafer_table_census {
    uint64_t entries;
    uint64_t subjects;
    int64_t oldest_ms;
    int64_t newest_subject_ms;
    uint64_t dropped_sum; /* of those that are older */
};

/* Counts the entries that are not older than keep_from_ms, and combines *sum, unless it is NULL,
 * with their parts of the sum. */
struct wafer_table_census wafer_table_count(const struct wafer_table *table, int64_t keep_from_ms,
                                            uint64_t *sum);
void wafer_table_adopt(struct wafer_table *table, const struct wafer_table_census *census);
/* An entry's part of the sum. */
uint64_t wafer_table_sum(const struct wafer_table *table, const uint64_t key[2], uint64_t word);
/* Makes counts and sum anew; the latter when it is known that there are no entries. */
void wafer_table_recount(struct wafer_table *table);
void wafer_table_count_none(struct wafer_table *table);

/* The two times, at any time without the lock, and a change of both. */
int64_t wafer_table_not_before(const struct wafer_table *table);
int64_t wafer_table_retention(const struct wafer_table *table);
void wafer_table_set_times(struct wafer_table *table, int64_t not_before_ms, int64_t retention_ms);

/* False when a word or number in use cannot be the library's. At any time, without the lock. */
bool wafer_table_is_readable(const struct wafer_table *table);
/* False also when an entry cannot be found or is there twice, or when there are too many. */
bool wafer_table_is_whole(const struct wafer_table *table);
/* False when the counts and the sum are not those of the entries. */
bool wafer_table_is_counted(const struct wafer_table *table);

#endif
