/* The memory of the revocation table: a hash map from 16-byte keys to one 64-bit word, which
 * readers of any process search without a lock while one writer changes it. What the words mean
 * for a session is table.c's business; how readers and the writer get along, table_memory.c's.
 *
 *     header | first half: slots_max slots | second half: slots_max slots
 *
 * Nothing in it is a pointer, so it may lie at another address in every process. */
#ifndef WAFER_SRC_TABLE_MEMORY_H
#define WAFER_SRC_TABLE_MEMORY_H

#include <pthread.h>
#include <stdatomic.h>

#include <sodium.h>

#include <wafer.h>

#define WAFER_TABLE_FORMAT      UINT64_C(0x3130306c62617477) /* changes with the layout */
#define WAFER_TABLE_FIRST_SLOTS 1024

enum wafer_table_kind { WAFER_TABLE_SESSION = 1, WAFER_TABLE_SUBJECT = 2, WAFER_TABLE_COPIES = 3 };

/* What a slot says of its key, unpacked. */
struct wafer_table_value {
    enum wafer_table_kind kind;
    int64_t at_ms;     /* 0 to WAFER_TIME_MAX_MS */
    uint32_t renewals; /* 0 to WAFER_RENEWALS_MAX */
};

struct wafer_table_slot {
    _Atomic uint64_t key[2];
    _Atomic uint64_t word; /* the value, packed; 0: the slot is empty, whatever key says */
};

struct wafer_table_header {
    /* Fixed when the table is made. */
    uint64_t format;
    uint64_t capacity;
    uint64_t slots_max;
    int64_t skew_ms;
    int64_t grace_ms;
    uint8_t index_key[crypto_shorthash_KEYBYTES];

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
    pthread_mutex_t mutex;
};

/* One process's view. */
struct wafer_table {
    struct wafer_table_header *header;
    struct wafer_table_slot *half[2];
    size_t size;
    size_t half_size;
};

/* Maps an empty table with a lock of its own and room for `capacity` entries; all of the header but
 * format, capacity, slots and lock is zero. Returns 0 or an errno value. */
int wafer_table_map(struct wafer_table *table, uint64_t capacity);
void wafer_table_unmap(struct wafer_table *table);

/* Takes the lock, and repairs the counts if its last holder died. False when the system refuses. */
bool wafer_table_lock(struct wafer_table *table);
void wafer_table_unlock(struct wafer_table *table);

/* What the table says of a key; false, and all zero, if nothing. Session ids and subject keys are
 * apart even when their bytes are equal. At any time, without the lock. */
bool wafer_table_find(struct wafer_table *table, const uint8_t key[WAFER_ID_SIZE], bool subject,
                      struct wafer_table_value *value);

/* The rest needs the lock. */

/* Adds a key or changes what is said of it. A new key must fit: see below. */
void wafer_table_put(struct wafer_table *table, const uint8_t key[WAFER_ID_SIZE],
                     const struct wafer_table_value *value);

/* True when one more entry would crowd the slots in use: rebuild first. */
bool wafer_table_is_crowded(const struct wafer_table *table);

/* Moves all entries but those older than keep_from_ms to the other half, with as many slots as they
 * need, and switches to it; gives the memory of the old one back. Returns how many were dropped. */
size_t wafer_table_rebuild(struct wafer_table *table, int64_t keep_from_ms);

#endif
