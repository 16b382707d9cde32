/* Where a table lies: its layout, its mapping, and for a file the blocks on the disk.
 *
 * A file has its full size from the start, but holes where nothing was written yet. Writing to a
 * hole of a mapping on a full disk kills the process, so blocks are taken before slots are written.
 * The descriptor stays open for that. Programs that become daemons close descriptors they do not
 * know, and the number may be another file's by now; so whenever it is used, it must prove to be
 * ours. */
#include "table_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"
#include "nonce.h"

/* Halves begin at multiples of the largest page size in use. */
#define ALIGNMENT UINT64_C(65536)

/* Entries in 100 slots at capacity. */
#define LOAD_AT_CAPACITY 62

_Static_assert(LOAD_AT_CAPACITY < WAFER_TABLE_LOAD_MAX, "a full table needs no more slots");
_Static_assert(sizeof(struct wafer_table_header) <= ALIGNMENT, "the halves begin behind it");
_Static_assert(sizeof(struct wafer_table_fixed) ==
                   offsetof(struct wafer_table_fixed, checksum) + 32,
               "nothing is behind the checksum");
_Static_assert(offsetof(struct wafer_table_fixed, checksum) ==
                   2 * sizeof(uint32_t) + 12 * sizeof(uint64_t) + crypto_shorthash_KEYBYTES,
               "no padding is hashed");

uint64_t wafer_table_slots_max(uint64_t capacity)
{
    return capacity * 100 / LOAD_AT_CAPACITY + 1;
}

static uint64_t half_size(uint64_t slots_max)
{
    uint64_t bytes = slots_max * WAFER_TABLE_SLOT_SIZE;

    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

uint64_t wafer_table_size(uint64_t capacity)
{
    return ALIGNMENT + 2 * half_size(wafer_table_slots_max(capacity));
}

void wafer_table_checksum(const struct wafer_table_fixed *fixed, uint8_t checksum[32])
{
    const struct wafer_part part = {fixed, offsetof(struct wafer_table_fixed, checksum)};

    wafer_hash(NULL, &part, 1, checksum, sizeof fixed->checksum);
}

bool wafer_table_fix(struct wafer_table_fixed *fixed, uint64_t capacity, int64_t skew_ms,
                     int64_t grace_ms)
{
    *fixed = (struct wafer_table_fixed){
        .format = WAFER_TABLE_FORMAT,
        .mutex_size = sizeof(pthread_mutex_t),
        .pointer_size = sizeof(void *),
        .size = wafer_table_size(capacity),
        .capacity = capacity,
        .slots_max = wafer_table_slots_max(capacity),
        .skew_ms = skew_ms,
        .grace_ms = grace_ms,
    };
    if (!wafer_random(fixed->index_key, sizeof fixed->index_key) ||
        !wafer_random(fixed->sum_key, sizeof fixed->sum_key))
        return false;
    wafer_table_checksum(fixed, fixed->checksum);
    return true;
}

/* ---- Mapping ---- */

static struct wafer_table_half half_at(uint8_t *memory, uint64_t slots_max)
{
    return (struct wafer_table_half){
        .tags = (_Atomic uint64_t *)(void *)memory,
        .rests = (struct wafer_table_rest *)(void *)(memory + slots_max * sizeof(uint64_t)),
    };
}

static int map(struct wafer_table *table, const struct wafer_table_fixed *fixed, int protection,
               int flags, int descriptor)
{
    size_t size = (size_t)fixed->size;
    size_t half = (size_t)half_size(fixed->slots_max);

    if (size != fixed->size)
        return ENOMEM;
    uint8_t *memory = mmap(NULL, size, protection, MAP_SHARED | flags, descriptor, 0);
    if (memory == MAP_FAILED)
        return errno;
    *table = (struct wafer_table){
        .header = (struct wafer_table_header *)(void *)memory,
        .half = {half_at(memory + ALIGNMENT, fixed->slots_max),
                 half_at(memory + ALIGNMENT + half, fixed->slots_max)},
        .fixed = *fixed,
        .size = size,
        .half_size = half,
        .writable = (protection & PROT_WRITE) != 0,
        .file = {.descriptor = -1},
    };
    return 0;
}

int wafer_table_map(struct wafer_table *table, const struct wafer_table_fixed *fixed)
{
    int status = map(table, fixed, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_NORESERVE, -1);

    if (status != 0)
        return status;
    status = wafer_table_prepare(table);
    if (status != 0)
        wafer_table_unmap(table);
    return status;
}

int wafer_table_map_file(struct wafer_table *table, const struct wafer_table_fixed *fixed,
                         int descriptor, bool writable)
{
    struct stat status;
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;

    if (fstat(descriptor, &status) != 0)
        return errno;
    int failure = map(table, fixed, protection, 0, descriptor);
    if (failure != 0)
        return failure;
    table->file.is_mapped = true;
    table->file.device = (uint64_t)status.st_dev;
    table->file.inode = (uint64_t)status.st_ino;
    table->file.descriptor = descriptor;
    return 0;
}

static bool descriptor_is_ours(const struct wafer_table *table)
{
    struct stat status;

    return table->file.descriptor >= 0 && fstat(table->file.descriptor, &status) == 0 &&
           (uint64_t)status.st_dev == table->file.device &&
           (uint64_t)status.st_ino == table->file.inode;
}

void wafer_table_close(struct wafer_table *table)
{
    if (descriptor_is_ours(table))
        (void)close(table->file.descriptor);
    table->file.descriptor = -1;
}

void wafer_table_unmap(struct wafer_table *table)
{
    wafer_table_close(table);
    (void)munmap(table->header, table->size);
}

/* ---- The first content ---- */

int wafer_table_prepare(struct wafer_table *table)
{
    struct wafer_table_header *header = table->header;
    int status = wafer_table_make_mutex(table);

    if (status != 0)
        return status;
    header->fixed = table->fixed;
    return wafer_table_begin(table);
}

/* ---- Blocks ---- */

static int allocate(const struct wafer_table *table, uint64_t offset, uint64_t length)
{
    int status;

    if (!table->file.is_mapped)
        return 0;
    if (!descriptor_is_ours(table))
        return EBADF;
    do
        status = posix_fallocate(table->file.descriptor, (off_t)offset, (off_t)length);
    while (status == EINTR);
    return status;
}

int wafer_table_allocate_header(struct wafer_table *table)
{
    return allocate(table, 0, sizeof *table->header);
}

int wafer_table_allocate(struct wafer_table *table, size_t half, uint64_t slots)
{
    uint64_t tags = ALIGNMENT + half * table->half_size;
    uint64_t rests = tags + table->fixed.slots_max * sizeof(uint64_t);
    int status = allocate(table, tags, slots * sizeof(uint64_t));

    return status != 0 ? status : allocate(table, rests, slots * sizeof(struct wafer_table_rest));
}

void wafer_table_release(struct wafer_table *table, size_t half)
{
    /* Shared memory goes back to the system only so. If not, it is used again as it is. */
    (void)madvise((void *)table->half[half].tags, table->half_size, MADV_REMOVE);
}
