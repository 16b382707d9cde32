/* A table file of which bytes were changed: it is INVALID and stays as it is, or it is a list that
 * answers, takes entries, and is good when it is opened again.
 *
 *     input   access | options | edits, five bytes each: where and what, place (2), value (2)
 *
 * The lock is changed only where the file says that the machine was started since: else it would be
 * waited for. */
#include "folder.h"

#include "table_memory.h"

#define SLOTS_AT 65536
#define ENTRIES  24
#define ROW_ROOM 4096 /* of the tags and of the rests, this much is changed */

enum option { OTHER_START = 1, FITTING_CHECKSUM = 2, REFUSES_OLDER = 4 };
enum where { FIXED, COUNTS, TAGS, RESTS, ENTRY, LENGTH, WHERE_MANY };

static char path[96];
static uint8_t *good; /* the file as it was made */
static size_t good_size;
static size_t slots_max;

static wafer_revocations_settings settings_for(wafer_access access, wafer_on_start on_start)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;

    settings.on_start = on_start;
    settings.capacity = 64;
    settings.clock = fuzz_clock;
    settings.path = path;
    settings.access = access;
    return settings;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    wafer_revocations_settings settings = settings_for(WAFER_ACCESS_CREATE, WAFER_START_FORGETS);
    wafer_revocations *list;
    const struct wafer_table_header *header;

    (void)argc;
    (void)argv;
    fuzz_folder_make("table", path);
    must(wafer_revocations_new(&settings, &list, NULL) == WAFER_OK);
    fuzz_fill(list, ENTRIES);
    wafer_revocations_free(list);
    good = read_file(path, &good_size);
    header = (const struct wafer_table_header *)(void *)good;
    slots_max = (size_t)header->fixed.slots_max;
    return 0;
}

/* ---- the edits */

struct image {
    uint8_t *bytes;
    size_t size;
    bool other_start;
};

/* The place-th tag that is not zero. */
static size_t find_entry(const struct image *image, size_t place)
{
    size_t full[ENTRIES] = {0};
    size_t count = 0;

    for (size_t i = 0; i < slots_max && count < ENTRIES; i++) {
        uint64_t tag;

        memcpy(&tag, image->bytes + SLOTS_AT + i * sizeof tag, sizeof tag);
        if (tag != 0)
            full[count++] = i;
    }
    return count > 0 ? full[place % count] : 0;
}

static size_t find_place(const struct image *image, enum where where, size_t place)
{
    const size_t counts_at = sizeof(struct wafer_table_fixed);
    const size_t counts_end = image->other_start ? sizeof(struct wafer_table_header)
                                                 : offsetof(struct wafer_table_header, mutex);
    const size_t rests_at = SLOTS_AT + slots_max * sizeof(uint64_t);
    size_t slot;

    switch (where) {
    case FIXED:
        return place % sizeof(struct wafer_table_fixed);
    case COUNTS:
        return counts_at + place % (counts_end - counts_at);
    case TAGS:
        return SLOTS_AT + place % ROW_ROOM;
    case RESTS:
        return rests_at + place % ROW_ROOM;
    default:
        slot = find_entry(image, place >> 5);
        return place & 16 ? SLOTS_AT + slot * sizeof(uint64_t) + (place & 7)
                          : rests_at + slot * sizeof(struct wafer_table_rest) + (place & 15);
    }
}

/* Changes a byte, or the eight around it, or the file's length. */
static void edit(struct image *image, struct fuzz_input *input)
{
    static const uint64_t numbers[] = {0,
                                       1,
                                       UINT64_MAX,
                                       (uint64_t)INT64_MAX,
                                       (uint64_t)WAFER_TIME_MAX_MS + 1,
                                       (uint64_t)FUZZ_NOW,
                                       UINT64_C(1) << 63,
                                       UINT64_C(1) << 60};
    uint8_t what = take_byte(input);
    enum where where = (enum where)(what % WHERE_MANY);
    size_t place = take_byte(input);
    uint8_t value;
    uint8_t number;

    place |= (size_t)take_byte(input) << 8;
    value = take_byte(input);
    number = take_byte(input);
    if (where == LENGTH) {
        image->size = place % 2 == 0 ? good_size + value : good_size - value * (place / 2 + 1U);
        image->size = image->size > good_size + value ? 0 : image->size;
        return;
    }
    place = find_place(image, where, place);
    if (what & 0x80) {
        place -= place % 8;
        memcpy(image->bytes + place, &numbers[number % 8], 8);
        image->bytes[place] = (uint8_t)(image->bytes[place] + value);
    } else {
        image->bytes[place] ^= value;
    }
}

static void make_image(struct image *image, unsigned options, struct fuzz_input *input)
{
    struct wafer_table_header *header;

    image->bytes = calloc(good_size + UINT8_MAX + 1, 1);
    image->size = good_size;
    image->other_start = options & OTHER_START;
    must(image->bytes != NULL);
    memcpy(image->bytes, good, good_size);
    header = (struct wafer_table_header *)(void *)image->bytes;
    if (image->other_start)
        header->boot_id[0] ^= 1;
    while (input->left > 0)
        edit(image, input);
    /* Unless it is the one in use after all. */
    image->other_start = memcmp(header->boot_id,
                                ((struct wafer_table_header *)(void *)good)->boot_id,
                                sizeof header->boot_id) != 0;
    if (options & OTHER_START && !image->other_start)
        header->boot_id[0] ^= 1;
    if (options & FITTING_CHECKSUM)
        wafer_table_checksum(&header->fixed, header->fixed.checksum);
    write_file(path, image->bytes, image->size);
}

/* ---- what came of it */

static void check_refused(const struct image *image, wafer_result result, const wafer_error *error)
{
    const size_t lock_at = offsetof(struct wafer_table_header, mutex);
    const size_t lock_end = lock_at + sizeof(pthread_mutex_t);
    size_t size;
    uint8_t *bytes = read_file(path, &size);

    must(result == WAFER_INVALID || result == WAFER_SYSTEM);
    must(is_clean(error->text, strlen(error->text)) && error->text[0] != '\0');
    must(size == image->size);
    if (result == WAFER_INVALID)
        must(memcmp(bytes, image->bytes, size < lock_at ? size : lock_at) == 0);
    if (result == WAFER_INVALID && size > lock_end)
        must(memcmp(bytes + lock_end, image->bytes + lock_end, size - lock_end) == 0);
    free(bytes);
}

static wafer_standing standing_of(wafer_revocations *list, const uint8_t id[WAFER_ID_SIZE])
{
    const wafer_revocation_query query = {id, NULL, WAFER_TIME_MAX_MS, FUZZ_NOW, 0};
    wafer_standing standing = WAFER_STANDS;

    must(wafer_revocations_check(list, &query, &standing) == WAFER_OK);
    return standing;
}

static void read_entries(wafer_revocations *list, bool writer)
{
    wafer_revocations_status status;
    wafer_revocation *entries;
    size_t count;

    must(wafer_revocations_look(list, &status) == WAFER_OK);
    must(wafer_revocations_entries(list, &entries, &count) == WAFER_OK);
    must(!writer || count == status.entries || count == status.entries + 1);
    for (size_t i = 0; i < count; i++) {
        must(entries[i].kind >= WAFER_REVOKE_SESSION && entries[i].kind <= WAFER_REVOKE_COPIES);
        must(entries[i].at_ms >= 0 && entries[i].at_ms <= WAFER_TIME_MAX_MS);
        must(entries[i].renewals <= WAFER_RENEWALS_MAX);
        if (writer && entries[i].kind == WAFER_REVOKE_SESSION)
            must(standing_of(list, entries[i].key) == WAFER_REFUSED);
    }
    free(entries);
}

static void write_entries(wafer_revocations *list)
{
    size_t dropped;

    for (uint8_t i = 0; i < 4; i++) {
        wafer_revocation entry = fuzz_entry((uint8_t)(100 + i));
        wafer_result result = wafer_revocations_apply(list, FUZZ_NOW, &entry);

        must(result == WAFER_OK || result == WAFER_LIST_FULL || result == WAFER_UNAVAILABLE);
        if (result == WAFER_OK && entry.kind == WAFER_REVOKE_SESSION)
            must(standing_of(list, entry.key) == WAFER_REFUSED);
    }
    must(wafer_revocations_purge(list, &dropped) == WAFER_OK);
}

static void check_list(wafer_revocations *list, wafer_access access)
{
    wafer_revocations_settings settings = settings_for(WAFER_ACCESS_WRITE, WAFER_START_UNSET);
    wafer_revocations *again;

    read_entries(list, access != WAFER_ACCESS_READ);
    if (access == WAFER_ACCESS_READ) {
        must(wafer_revoke_everyone(list) == WAFER_UNAVAILABLE);
        return;
    }
    write_entries(list);
    read_entries(list, true);
    must(wafer_revocations_new(&settings, &again, NULL) == WAFER_OK);
    read_entries(again, true);
    wafer_revocations_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    wafer_access access = (wafer_access)(take_byte(&input) % (WAFER_ACCESS_READ + 1));
    unsigned options = take_byte(&input);
    wafer_revocations_settings settings = settings_for(access, options & REFUSES_OLDER
                                                                   ? WAFER_START_REFUSES_OLDER
                                                                   : WAFER_START_FORGETS);
    wafer_error error = {.text = ""};
    wafer_revocations *list;
    struct image image;
    wafer_result result;

    make_image(&image, options, &input);
    result = wafer_revocations_new(&settings, &list, &error);
    if (result == WAFER_OK)
        check_list(list, access);
    else
        check_refused(&image, result, &error);
    wafer_revocations_free(list);
    free(image.bytes);
    return 0;
}
