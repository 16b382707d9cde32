/* A table file that is not as it was left: cut, prolonged, changed by a byte, of another version,
 * or of an earlier start of the machine. It is refused and left as it is, or the change is of
 * nothing that is in use. */
#include "table_helpers.h"

#include "folder.h"
#include "sleep.h"

#include <byteswap.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "table_memory.h"

#define SLOTS_AT 65536
#define NUMBERS  50

static const wafer_revocations_interface *const list = &wafer_table_interface;

/* ---- The file as bytes ---- */

struct image {
    uint8_t *bytes;
    size_t size;
};

static struct image image_of(const char *path)
{
    struct stat status;
    struct image image;
    int file = open(path, O_RDONLY);
    assert_true(file >= 0);
    assert_int_equal(fstat(file, &status), 0);
    image.size = (size_t)status.st_size;
    image.bytes = malloc(image.size + 1);
    assert_non_null(image.bytes);
    assert_int_equal(read(file, image.bytes, image.size), (ssize_t)image.size);
    assert_int_equal(close(file), 0);
    return image;
}

static struct wafer_table_header *header_of(const struct image *image)
{
    return (struct wafer_table_header *)(void *)image->bytes;
}

/* The half in use of a small new table is the first. */
static struct wafer_table_half slots_of(const struct image *image)
{
    uint8_t *tags = image->bytes + SLOTS_AT;
    size_t slots_max = (size_t)header_of(image)->fixed.slots_max;
    return (struct wafer_table_half){
        .tags = (_Atomic uint64_t *)(void *)tags,
        .rests = (struct wafer_table_rest *)(void *)(tags + slots_max * sizeof(uint64_t)),
    };
}

static void image_write(const struct image *image, const char *path)
{
    write_bytes(path, image->bytes, image->size, 0600);
}

static void assert_as_it_was(const struct image *image, const char *path)
{
    struct image now = image_of(path);
    assert_int_equal(now.size, image->size);
    assert_memory_equal(now.bytes, image->bytes, image->size);
    free(now.bytes);
}

/* Makes a table file with entries of every kind, and says what it is. */
static struct image make(const char *path)
{
    void *table = table_file(path, WAFER_ACCESS_CREATE);
    for (uint32_t number = 0; number < NUMBERS; number++) {
        wafer_revocation_kind kind = (wafer_revocation_kind)(1 + number % 4);
        if (kind != WAFER_REVOKE_EVERYONE)
            table_add(table, NOW + number, kind, number, 0, number);
    }
    table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, NOW - 1000, 0);
    list->free(table);
    return image_of(path);
}

static void refused_by_writers(const char *path, const char *word)
{
    wafer_revocations_settings settings = table_file_settings(path);
    table_refused(&settings, WAFER_INVALID, word);
    settings.access = WAFER_ACCESS_WRITE;
    table_refused(&settings, WAFER_INVALID, word);
}

/* ---- Another size ---- */

static void a_file_cut_anywhere_is_refused_and_stays_as_it_is(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    const size_t whole = image.size;
    const size_t sizes[] = {0,
                            1,
                            7,
                            8,
                            sizeof(struct wafer_table_fixed) - 1,
                            sizeof(struct wafer_table_fixed),
                            sizeof(struct wafer_table_header) - 1,
                            sizeof(struct wafer_table_header),
                            SLOTS_AT - 1,
                            SLOTS_AT + 1,
                            whole - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        image.size = sizes[i];
        image_write(&image, folder->file);
        table_refused_by_all(folder->file, sizes[i] < sizeof(struct wafer_table_fixed)
                                               ? "cut short"
                                               : "bytes instead");
        assert_as_it_was(&image, folder->file);
    }
    for (image.size = 0; image.size < whole; image.size += 4096) {
        image_write(&image, folder->file);
        table_refused_by_all(folder->file, "remove it");
        assert_as_it_was(&image, folder->file);
    }
    free(image.bytes);
}

static void a_longer_file_is_refused(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    const size_t more[] = {1, 4096, 65536, 1 << 20};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        assert_int_equal(truncate(folder->file, (off_t)(image.size + more[i])), 0);
        table_refused_by_all(folder->file, "bytes instead");
    }
    assert_int_equal(truncate(folder->file, (off_t)image.size), 0);
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    free(image.bytes);
}

static void what_was_never_a_table_is_refused(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    memset(image.bytes, 0, image.size);
    image_write(&image, folder->file);
    table_refused_by_all(folder->file, "not a table file");
    for (size_t i = 0; i < 20; i++) {
        random_fill(image.bytes, image.size);
        image_write(&image, folder->file);
        table_refused_by_all(folder->file, "not a table file");
    }
    free(image.bytes);
}

/* ---- Another byte ---- */

static void every_byte_of_what_is_fixed_counts(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    for (size_t at = 0; at < sizeof(struct wafer_table_fixed); at++) {
        const uint8_t masks[] = {1, 0x80, 0xFF, (uint8_t)(1 + random_below(255))};
        for (size_t i = 0; i < sizeof masks; i++) {
            uint8_t changed = image.bytes[at] ^ masks[i];
            put_bytes(folder->file, at, &changed, 1);
            table_refused_by_all(folder->file, "table file");
        }
        put_bytes(folder->file, at, &image.bytes[at], 1);
    }
    assert_as_it_was(&image, folder->file);
    free(image.bytes);
}

/* What a list says to those who ask. */
struct answers {
    wafer_revocations_status status;
    wafer_revocation *entries;
    size_t count;
};

static struct answers answers_of(void *table)
{
    struct answers answers;
    assert_int_equal(list->look(table, &answers.status), WAFER_OK);
    answers.entries = table_dump(table, &answers.count);
    return answers;
}

static bool are_same(const struct answers *one, const struct answers *other)
{
    return one->count == other->count &&
           memcmp(&one->status, &other->status, sizeof one->status) == 0 &&
           memcmp(one->entries, other->entries, one->count * sizeof *one->entries) == 0;
}

/* Opens a changed file: it must be refused, or be good for all that it was good for, which is tried
 * with `work`. */
static bool refused_or_harmless(const char *path, const struct answers *expected, bool work)
{
    wafer_revocations_settings settings = table_file_settings(path);
    wafer_error error = {.text = ""};
    void *table;
    settings.access = WAFER_ACCESS_WRITE;
    wafer_result result = wafer_table_new(&settings, &table, &error);
    if (result != WAFER_OK) {
        assert_true(result == WAFER_INVALID || result == WAFER_SYSTEM);
        assert_non_null(strstr(error.text, "damaged"));
        return true;
    }
    struct answers answers = answers_of(table);
    assert_true(are_same(&answers, expected));
    for (size_t i = 0; i < answers.count; i++) {
        struct wafer_table_value value;
        bool subject = answers.entries[i].kind == WAFER_REVOKE_SUBJECT;
        struct wafer_table_name name = wafer_table_name(table, answers.entries[i].key, subject);
        assert_true(answers.entries[i].kind == WAFER_REVOKE_EVERYONE ||
                    wafer_table_find(table, &name, &value));
    }
    free(answers.entries);
    if (work) {
        for (uint32_t number = 1000; number < 1010; number++)
            table_add(table, NOW, WAFER_REVOKE_SESSION, number, 0, 0);
        size_t dropped = table_drop(table, NOW + 10 * LIFE);
        assert_int_equal(dropped, expected->status.entries + 10);
    }
    list->free(table);
    return false;
}

static void change_every_byte(const char *path, const struct image *image, size_t from, size_t to,
                              size_t *refused)
{
    void *table = table_file(path, WAFER_ACCESS_WRITE);
    struct answers expected = answers_of(table);
    list->free(table);
    for (size_t at = from; at < to; at++) {
        uint8_t changed = image->bytes[at] ^ (uint8_t)(1 << random_below(8));
        put_bytes(path, at, &changed, 1);
        bool work = at % 16 == 0 || at < SLOTS_AT;
        bool was_refused = refused_or_harmless(path, &expected, work);
        *refused += was_refused;
        if (was_refused || !work)
            put_bytes(path, at, &image->bytes[at], 1);
        else
            image_write(image, path);
    }
    free(expected.entries);
}

static void every_byte_of_every_entry_counts(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    size_t slots = (size_t)atomic_load(&header_of(&image)->slots[0]);
    size_t entries = (size_t)atomic_load(&header_of(&image)->entries);
    size_t refused = 0;
    assert_int_equal(atomic_load(&header_of(&image)->generation), 0);
    change_every_byte(folder->file, &image, SLOTS_AT, SLOTS_AT + slots * WAFER_TABLE_SLOT_SIZE,
                      &refused);
    /* All of the entries, and the tags of the empty slots. The rest of these is not in use. */
    assert_int_equal(refused, slots * 8 + entries * 16);
    free(image.bytes);
}

static void every_byte_of_the_counts_counts_or_is_harmless(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    size_t refused = 0;
    change_every_byte(folder->file, &image, offsetof(struct wafer_table_header, on_start),
                      sizeof(struct wafer_table_header), &refused);
    /* At least the slots in use, not-before, retention, entries, subjects and the sum. */
    assert_true(refused >= 6 * 8);
    free(image.bytes);
}

struct copied {
    uint64_t tag;
    uint64_t key;
    uint64_t word;
};

static struct copied copy_slot(const struct image *image, size_t index)
{
    struct wafer_table_half half = slots_of(image);
    return (struct copied){atomic_load(&half.tags[index]), atomic_load(&half.rests[index].key),
                           atomic_load(&half.rests[index].word)};
}

static void put_slot(const struct image *image, size_t index, struct copied slot)
{
    struct wafer_table_half half = slots_of(image);
    atomic_store(&half.tags[index], slot.tag);
    atomic_store(&half.rests[index].key, slot.key);
    atomic_store(&half.rests[index].word, slot.word);
}

static void changes_that_look_like_an_entry_are_seen(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    size_t full = 0;
    size_t empty = 0;
    while (copy_slot(&image, full).tag == 0)
        full++;
    while (copy_slot(&image, empty).tag != 0)
        empty++;
    const struct copied entry = copy_slot(&image, full);
    const struct copied nothing = copy_slot(&image, empty);
    const struct copied earlier = {entry.tag, entry.key, entry.word - 1};

    put_slot(&image, full, nothing);
    image_write(&image, folder->file);
    refused_by_writers(folder->file, "damaged");

    put_slot(&image, empty, entry); /* moved to where nobody looks */
    image_write(&image, folder->file);
    refused_by_writers(folder->file, "damaged");

    put_slot(&image, full, entry); /* there twice */
    image_write(&image, folder->file);
    refused_by_writers(folder->file, "damaged");

    put_slot(&image, empty, nothing);
    put_slot(&image, full, earlier);
    image_write(&image, folder->file);
    refused_by_writers(folder->file, "damaged");

    put_slot(&image, full, entry);
    image_write(&image, folder->file);
    list->free(table_file(folder->file, WAFER_ACCESS_WRITE));
    free(image.bytes);
}

static void a_reader_refuses_words_and_numbers_that_cannot_be(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    const uint64_t words[] = {0,
                              1,
                              UINT64_C(1) << 63,
                              UINT64_MAX,
                              UINT64_C(1) << 60 | UINT64_C(1) << 43,
                              UINT64_C(2) << 60 | UINT64_C(1) << 59};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        put_slot(&image, 50, (struct copied){1, 1, words[i]});
        image_write(&image, folder->file);
        table_refused_by_all(folder->file, "damaged");
    }
    free(image.bytes);
    assert_int_equal(unlink(folder->file), 0);
    image = make(folder->file);
    const struct {
        size_t at;
        uint64_t number;
    } numbers[] = {
        {offsetof(struct wafer_table_header, slots), 0},
        {offsetof(struct wafer_table_header, slots), header_of(&image)->fixed.slots_max + 1},
        {offsetof(struct wafer_table_header, slots), UINT64_MAX},
        {offsetof(struct wafer_table_header, not_before_ms), UINT64_MAX},
        {offsetof(struct wafer_table_header, not_before_ms), WAFER_TIME_MAX_MS + 1},
        {offsetof(struct wafer_table_header, retention_ms), UINT64_MAX},
        {offsetof(struct wafer_table_header, retention_ms), 0},
        {offsetof(struct wafer_table_header, retention_ms), WAFER_LIFETIME_MAX_MS + 1},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        put_bytes(folder->file, numbers[i].at, &numbers[i].number, 8);
        table_refused_by_all(folder->file, "damaged");
        image_write(&image, folder->file);
    }
    free(image.bytes);
}

/* One that is not robust would work, until a writer dies. */
static void a_lock_of_another_kind_is_refused(void **state)
{
    const struct folder *folder = *state;
#ifdef __GLIBC__
    struct image image = make(folder->file);
    int *kind = &header_of(&image)->mutex.__data.__kind;
    const int good = *kind;
    for (unsigned bit = 0; bit < 31; bit++) {
        *kind = good ^ (int)(1U << bit);
        image_write(&image, folder->file);
        refused_by_writers(folder->file, "damaged");
    }
    free(image.bytes);
#else
    (void)folder;
    print_message("the C library does not tell a lock's kind: skipped\n");
    skip();
#endif
}

/* ---- Another make ---- */

static void refused_with_its_checksum(struct image *image, const char *path, const char *word)
{
    struct wafer_table_fixed *fixed = &header_of(image)->fixed;
    wafer_table_checksum(fixed, fixed->checksum);
    image_write(image, path);
    table_refused_by_all(path, word);
    assert_as_it_was(image, path);
}

static void another_version_or_machine_is_refused_by_its_name(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    struct wafer_table_fixed *fixed = &header_of(&image)->fixed;
    const struct wafer_table_fixed good = *fixed;
    fixed->format += UINT64_C(1) << 56;
    refused_with_its_checksum(&image, folder->file, "another version");
    *fixed = good;
    fixed->format ^= 1;
    refused_with_its_checksum(&image, folder->file, "not a table file");
    *fixed = good;
    fixed->format = bswap_64(good.format);
    refused_with_its_checksum(&image, folder->file, "another machine type");
    *fixed = good;
    fixed->mutex_size++;
    refused_with_its_checksum(&image, folder->file, "another machine type");
    *fixed = good;
    fixed->pointer_size /= 2;
    refused_with_its_checksum(&image, folder->file, "another machine type");
    free(image.bytes);
}

/* Not even a checksum that fits makes the library believe a number. */
static void no_number_leads_outside_the_file(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    struct wafer_table_fixed *fixed = &header_of(&image)->fixed;
    const struct wafer_table_fixed good = *fixed;
    const uint64_t capacities[] = {0, 63, 100000001, UINT64_MAX / 100, UINT64_MAX};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        fixed->capacity = capacities[i];
        refused_with_its_checksum(&image, folder->file, "damaged");
        fixed->slots_max = wafer_table_slots_max(fixed->capacity);
        fixed->size = wafer_table_size(fixed->capacity);
        refused_with_its_checksum(&image, folder->file, "damaged");
        *fixed = good;
    }
    fixed->capacity = 100000;
    fixed->slots_max = wafer_table_slots_max(fixed->capacity);
    fixed->size = wafer_table_size(fixed->capacity);
    refused_with_its_checksum(&image, folder->file, "bytes instead");
    *fixed = good;
    fixed->slots_max++;
    refused_with_its_checksum(&image, folder->file, "damaged");
    *fixed = good;
    fixed->size += 65536;
    refused_with_its_checksum(&image, folder->file, "damaged");
    *fixed = good;
    fixed->skew_ms = INT64_MAX;
    refused_with_its_checksum(&image, folder->file, "damaged");
    fixed->skew_ms = 999;
    refused_with_its_checksum(&image, folder->file, "damaged");
    *fixed = good;
    fixed->grace_ms = -1;
    refused_with_its_checksum(&image, folder->file, "damaged");
    fixed->grace_ms = 10 * WAFER_MINUTE_MS + 1;
    refused_with_its_checksum(&image, folder->file, "damaged");
    free(image.bytes);
}

/* ---- Another start of the machine ---- */

static void change_boot_id(struct image *image)
{
    header_of(image)->boot_id[random_below(16)] ^= 1;
}

static void after_a_restart_a_reader_waits_for_a_writer(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    wafer_revocations_settings settings = table_file_settings(folder->file);
    change_boot_id(&image);
    image_write(&image, folder->file);
    settings.access = WAFER_ACCESS_READ;
    table_refused(&settings, WAFER_INVALID, "started since");
    assert_as_it_was(&image, folder->file);
    list->free(table_file(folder->file, WAFER_ACCESS_WRITE));
    list->free(table_of(&settings));
    free(image.bytes);
}

static void after_a_restart_the_list_stands_if_that_was_chosen(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    void *table = table_file(folder->file, WAFER_ACCESS_WRITE);
    struct answers before = answers_of(table);
    list->free(table);
    change_boot_id(&image);
    for (int access = WAFER_ACCESS_CREATE; access <= WAFER_ACCESS_WRITE; access++) {
        for (int chosen = 0; chosen < 2; chosen++) {
            int64_t now_ms = NOW + 1000;
            if (access == WAFER_ACCESS_CREATE && !chosen)
                continue;
            image_write(&image, folder->file);
            wafer_revocations_settings settings = table_file_settings_at(folder->file,
                                                                         (wafer_access)access,
                                                                         chosen
                                                                             ? WAFER_START_FORGETS
                                                                             : WAFER_START_UNSET,
                                                                         &now_ms);
            table = table_of(&settings);
            struct answers after = answers_of(table);
            assert_true(are_same(&before, &after));
            free(after.entries);
            table_add(table, NOW, WAFER_REVOKE_SESSION, 1000, 0, 0);
            list->free(table);
            list->free(table_file(folder->file, WAFER_ACCESS_READ));
        }
    }
    free(before.entries);
    free(image.bytes);
}

static void after_a_restart_older_sessions_are_refused_if_that_was_chosen(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    int64_t now_ms = NOW + WAFER_HOUR_MS;
    change_boot_id(&image);
    for (int access = WAFER_ACCESS_CREATE; access <= WAFER_ACCESS_WRITE; access++) {
        image_write(&image, folder->file);
        wafer_revocations_settings settings = table_file_settings_at(folder->file,
                                                                     (wafer_access)access,
                                                                     WAFER_START_REFUSES_OLDER,
                                                                     &now_ms);
        void *table = table_of(&settings);
        assert_int_equal(table_login_from(table, 999), now_ms + SKEW + 1);
        assert_true(table_refuses_session(table, 0));
        assert_int_equal(table_entries(table), 38);
        list->free(table);
        /* Once a start. */
        now_ms += 5000;
        table = table_of(&settings);
        assert_int_equal(table_login_from(table, 999), now_ms - 5000 + SKEW + 1);
        list->free(table);
    }
    free(image.bytes);
}

/* So that a tool which happens to be the first after a restart spoils nothing. */
static void who_chooses_nothing_gets_what_was_chosen_last(void **state)
{
    const struct folder *folder = *state;
    int64_t now_ms = NOW + WAFER_HOUR_MS;
    const wafer_on_start choices[] = {WAFER_START_REFUSES_OLDER, WAFER_START_FORGETS,
                                      WAFER_START_REFUSES_OLDER};
    for (size_t i = 0; i < 3; i++) {
        wafer_revocations_settings settings = table_file_settings_at(folder->file,
                                                                     WAFER_ACCESS_CREATE,
                                                                     choices[i], &now_ms);
        list->free(table_of(&settings));
        struct image image = image_of(folder->file);
        int64_t before_ms = atomic_load(&header_of(&image)->not_before_ms);
        change_boot_id(&image);
        image_write(&image, folder->file);
        now_ms += WAFER_HOUR_MS;
        settings.access = WAFER_ACCESS_WRITE;
        settings.on_start = WAFER_START_UNSET;
        void *table = table_of(&settings);
        assert_int_equal(table_login_from(table, 999),
                         choices[i] == WAFER_START_FORGETS ? before_ms : now_ms + SKEW + 1);
        list->free(table);
        free(image.bytes);
    }
}

static void after_a_restart_a_damaged_list_is_emptied_where_all_are_refused_anyway(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    int64_t now_ms = NOW + WAFER_HOUR_MS;
    change_boot_id(&image);
    /* As a page that never reached the disk, and numbers of another moment. */
    memset((void *)slots_of(&image).tags, 0, 50 * sizeof(uint64_t));
    put_slot(&image, 70, (struct copied){1, 1, UINT64_MAX});
    atomic_store(&header_of(&image)->not_before_ms, -5);
    atomic_store(&header_of(&image)->entries, 5000);
    for (int choice = 0; choice < 2; choice++) {
        image_write(&image, folder->file);
        wafer_revocations_settings settings = table_file_settings_at(folder->file,
                                                                     WAFER_ACCESS_WRITE,
                                                                     choice == 0
                                                                         ? WAFER_START_UNSET
                                                                         : WAFER_START_FORGETS,
                                                                     &now_ms);
        table_refused(&settings, WAFER_INVALID, "damaged");
        assert_as_it_was(&image, folder->file);
        settings.access = WAFER_ACCESS_CREATE;
        settings.on_start = WAFER_START_REFUSES_OLDER;
        void *table = table_of(&settings);
        assert_int_equal(table_entries(table), 0);
        assert_int_equal(table_login_from(table, 999), now_ms + SKEW + 1);
        wafer_revocations_status status;
        assert_int_equal(list->look(table, &status), WAFER_OK);
        assert_int_equal(status.retention_ms, RETENTION);
        for (uint32_t number = 0; number < 56; number++) {
            assert_false(table_refuses(table, NOW, number, NULL, WAFER_TIME_MAX_MS, RENEWALS_MAX));
            table_add(table, now_ms, WAFER_REVOKE_SESSION, number, 0, 0);
        }
        list->free(table);
        table = table_file(folder->file, WAFER_ACCESS_WRITE);
        assert_int_equal(table_entries(table), 56);
        list->free(table);
    }
    free(image.bytes);
}

/* FORGETS would trust a list that was emptied before the start that was to refuse all failed. */
static void after_a_restart_a_start_that_fails_drops_no_entries(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    int64_t now_ms = NOW;
    size_t slots = (size_t)atomic_load(&header_of(&image)->slots[0]);
    change_boot_id(&image);
    atomic_store(&header_of(&image)->entries, 5000);
    atomic_store(&header_of(&image)->not_before_ms, NOW + WAFER_HOUR_MS);
    image_write(&image, folder->file);
    wafer_revocations_settings settings = table_file_settings_at(folder->file, WAFER_ACCESS_CREATE,
                                                                 WAFER_START_REFUSES_OLDER,
                                                                 &now_ms);
    table_refused(&settings, WAFER_SYSTEM, "clock");
    struct image after = image_of(folder->file);
    assert_memory_equal((void *)slots_of(&after).tags, (void *)slots_of(&image).tags,
                        slots * sizeof(uint64_t));
    free(after.bytes);
    free(image.bytes);
}

/* The counts are no entries: a writer that the restart interrupted may have left them behind. */
static void after_a_restart_the_counts_are_made_anew(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    struct wafer_table_header *header = header_of(&image);
    header->sum ^= 1;
    atomic_store(&header->entries, atomic_load(&header->entries) - 1);
    header->subjects = 0;
    header->oldest_ms = INT64_MAX;
    header->newest_subject_ms = -1;
    header->rebuilt_at_ms = INT64_MIN;
    image_write(&image, folder->file);
    refused_by_writers(folder->file, "damaged");
    change_boot_id(&image);
    image_write(&image, folder->file);
    void *table = table_file(folder->file, WAFER_ACCESS_CREATE);
    assert_int_equal(table_entries(table), 38);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1000, 0, 0);
    assert_int_equal(table_drop(table, NOW + LIFE + 1), 2);
    list->free(table);
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    free(image.bytes);
}

/* Though the counts do not matter then, and the entry is where it belongs. */
static void after_a_restart_a_word_that_cannot_be_is_damage(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    const uint64_t kind = UINT64_C(3) << 60;
    size_t index = 0;
    while ((copy_slot(&image, index).word & kind) != (uint64_t)WAFER_TABLE_SESSION << 60)
        index++;
    struct copied entry = copy_slot(&image, index);
    change_boot_id(&image);
    entry.word &= ~kind;
    put_slot(&image, index, entry);
    image_write(&image, folder->file);
    refused_by_writers(folder->file, "damaged");
    free(image.bytes);
}

static void after_a_restart_a_clock_that_went_back_is_an_error(void **state)
{
    const struct folder *folder = *state;
    struct image image = make(folder->file);
    int64_t now_ms = NOW - WAFER_HOUR_MS;
    change_boot_id(&image);
    image_write(&image, folder->file);
    wafer_revocations_settings settings = table_file_settings_at(folder->file, WAFER_ACCESS_CREATE,
                                                                 WAFER_START_REFUSES_OLDER,
                                                                 &now_ms);
    table_refused(&settings, WAFER_SYSTEM, "clock");
    now_ms = -1;
    table_refused(&settings, WAFER_SYSTEM, "clock");
    now_ms = NOW + WAFER_HOUR_MS;
    void *table = table_of(&settings);
    assert_int_equal(table_login_from(table, 999), now_ms + SKEW + 1);
    list->free(table);
    free(image.bytes);
}

/* A machine that stopped with a lock held: nobody is there to give it back. */
static void a_lock_is_waited_for_not_for_ever_and_made_anew_after_a_restart(void **state)
{
    const struct folder *folder = *state;
    struct wafer_table *table = table_file(folder->file, WAFER_ACCESS_CREATE);
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_error error;
    void *other;
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    assert_true(wafer_table_lock(table));
    struct image image = image_of(folder->file);
    assert_int_equal(wafer_table_new(&settings, &other, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, EBUSY);
    assert_non_null(strstr(error.text, "lock"));
    wafer_table_unlock(table);
    list->free(table);

    image_write(&image, folder->file);
    assert_int_equal(wafer_table_new(&settings, &other, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, EBUSY);
    change_boot_id(&image);
    image_write(&image, folder->file);
    table = table_file(folder->file, WAFER_ACCESS_CREATE);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 2, 0, 0);
    assert_int_equal(table_entries(table), 2);
    list->free(table);
    free(image.bytes);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_file_cut_anywhere_is_refused_and_stays_as_it_is),
        IN_A_FOLDER(a_longer_file_is_refused),
        IN_A_FOLDER(what_was_never_a_table_is_refused),
        IN_A_FOLDER(every_byte_of_what_is_fixed_counts),
        IN_A_FOLDER(every_byte_of_every_entry_counts),
        IN_A_FOLDER(every_byte_of_the_counts_counts_or_is_harmless),
        IN_A_FOLDER(changes_that_look_like_an_entry_are_seen),
        IN_A_FOLDER(a_reader_refuses_words_and_numbers_that_cannot_be),
        IN_A_FOLDER(a_lock_of_another_kind_is_refused),
        IN_A_FOLDER(another_version_or_machine_is_refused_by_its_name),
        IN_A_FOLDER(no_number_leads_outside_the_file),
        IN_A_FOLDER(after_a_restart_a_reader_waits_for_a_writer),
        IN_A_FOLDER(after_a_restart_the_list_stands_if_that_was_chosen),
        IN_A_FOLDER(after_a_restart_older_sessions_are_refused_if_that_was_chosen),
        IN_A_FOLDER(who_chooses_nothing_gets_what_was_chosen_last),
        IN_A_FOLDER(after_a_restart_a_damaged_list_is_emptied_where_all_are_refused_anyway),
        IN_A_FOLDER(after_a_restart_a_start_that_fails_drops_no_entries),
        IN_A_FOLDER(after_a_restart_the_counts_are_made_anew),
        IN_A_FOLDER(after_a_restart_a_word_that_cannot_be_is_damage),
        IN_A_FOLDER(after_a_restart_a_clock_that_went_back_is_an_error),
        IN_A_FOLDER(a_lock_is_waited_for_not_for_ever_and_made_anew_after_a_restart),
    };
    return cmocka_run_group_tests_name("table damage", tests, make_table_keys, free_table_keys);
}
