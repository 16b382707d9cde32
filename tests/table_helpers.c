#include "table_helpers.h"

#include "folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* What queries point to, in guarded memory. */
static uint8_t *id_key;
static uint8_t *subject_key;

int make_table_keys(void **state)
{
    (void)state;
    id_key = guarded(WAFER_ID_SIZE);
    subject_key = guarded(WAFER_ID_SIZE);
    return 0;
}

int free_table_keys(void **state)
{
    (void)state;
    guarded_free(id_key, WAFER_ID_SIZE);
    guarded_free(subject_key, WAFER_ID_SIZE);
    return 0;
}

wafer_revocations_settings table_settings(size_t capacity)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    settings.on_start = WAFER_START_FORGETS;
    settings.capacity = capacity;
    settings.retention_ms = RETENTION;
    settings.skew_ms = SKEW;
    settings.grace_ms = GRACE;
    return settings;
}

void *table_of(const wafer_revocations_settings *settings)
{
    void *table = NULL;
    assert_int_equal(wafer_table_new(settings, &table, NULL), WAFER_OK);
    return table;
}

void *table_make(size_t capacity)
{
    wafer_revocations_settings settings = table_settings(capacity);
    return table_of(&settings);
}

wafer_revocations_settings table_file_settings(const char *path)
{
    wafer_revocations_settings settings = table_settings(64);
    settings.path = path;
    return settings;
}

wafer_revocations_settings table_file_settings_at(const char *path, wafer_access access,
                                                  wafer_on_start on_start, int64_t *now_ms)
{
    wafer_revocations_settings settings = table_file_settings(path);
    settings.access = access;
    settings.on_start = on_start;
    settings.clock = clock_by_hand;
    settings.clock_context = now_ms;
    return settings;
}

void *table_file(const char *path, wafer_access access)
{
    wafer_revocations_settings settings = table_file_settings(path);
    settings.access = access;
    return table_of(&settings);
}

void table_refused(const wafer_revocations_settings *settings, wafer_result expected,
                   const char *word)
{
    wafer_error error = {.result = WAFER_OK};
    void *table = NULL;
    assert_int_equal(wafer_table_new(settings, &table, &error), expected);
    assert_null(table);
    assert_int_equal(error.result, expected);
    assert_int_equal(error.line, 0);
    assert_true(expected == WAFER_SYSTEM || error.system == 0);
    if (strstr(error.text, word) == NULL)
        print_error("\"%s\" lacks \"%s\"\n", error.text, word);
    assert_non_null(strstr(error.text, word));
}

void table_refused_by_all(const char *path, const char *word)
{
    wafer_revocations_settings settings = table_file_settings(path);
    size_t before = open_descriptors();
    for (int access = WAFER_ACCESS_CREATE; access <= WAFER_ACCESS_READ; access++) {
        settings.access = (wafer_access)access;
        table_refused(&settings, WAFER_INVALID, word);
    }
    assert_int_equal(open_descriptors(), before);
}

void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

void child_succeeds(pid_t child)
{
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

wafer_revocation table_entry(wafer_revocation_kind kind, uint32_t number, int64_t at_ms,
                             uint32_t renewals)
{
    wafer_revocation entry = {.kind = kind, .at_ms = at_ms, .renewals = renewals};
    memcpy(entry.key, &number, sizeof number);
    return entry;
}

int64_t table_add(void *table, int64_t now_ms, wafer_revocation_kind kind, uint32_t number,
                  int64_t at_ms, uint32_t renewals)
{
    wafer_revocation entry = table_entry(kind, number, at_ms, renewals);
    assert_int_equal(wafer_table_interface.revoke(table, now_ms, &entry), WAFER_OK);
    return entry.at_ms;
}

wafer_result table_try(void *table, int64_t now_ms, wafer_revocation entry)
{
    wafer_revocations_status before;
    wafer_revocations_status after;
    wafer_revocation copy = entry;
    assert_int_equal(wafer_table_interface.look(table, &before), WAFER_OK);
    wafer_result result = wafer_table_interface.revoke(table, now_ms, &entry);
    assert_int_equal(wafer_table_interface.look(table, &after), WAFER_OK);
    if (result != WAFER_OK) {
        assert_memory_equal(&entry, &copy, sizeof entry);
        assert_int_equal(after.entries, before.entries);
        assert_int_equal(after.not_before_ms, before.not_before_ms);
    }
    return result;
}

wafer_standing table_standing(void *table, int64_t now_ms, uint32_t id, const uint32_t *subject,
                              int64_t login_at_ms, uint32_t renewals)
{
    memset(id_key, 0, WAFER_ID_SIZE);
    memset(subject_key, 0, WAFER_ID_SIZE);
    memcpy(id_key, &id, sizeof id);
    if (subject != NULL)
        memcpy(subject_key, subject, sizeof *subject);
    wafer_revocation_query query = {
        .id = id_key,
        .subject = subject != NULL ? subject_key : NULL,
        .login_at_ms = login_at_ms,
        .now_ms = now_ms,
        .renewals = renewals,
    };
    wafer_standing standing = WAFER_REFUSED;
    assert_int_equal(wafer_table_interface.check(table, &query, &standing), WAFER_OK);
    return standing;
}

bool table_refuses(void *table, int64_t now_ms, uint32_t id, const uint32_t *subject,
                   int64_t login_at_ms, uint32_t renewals)
{
    return table_standing(table, now_ms, id, subject, login_at_ms, renewals) == WAFER_REFUSED;
}

bool table_refuses_session(void *table, uint32_t id)
{
    return table_refuses(table, NOW, id, NULL, NOW, RENEWALS_MAX);
}

int64_t table_login_from(void *table, uint32_t subject)
{
    wafer_revocation entry = table_entry(WAFER_REVOKE_SUBJECT, subject, 0, 0);
    int64_t at_ms = -1;
    assert_int_equal(wafer_table_interface.not_before(table, entry.key, &at_ms), WAFER_OK);
    return at_ms;
}

size_t table_entries(void *table)
{
    wafer_revocations_status status;
    assert_int_equal(wafer_table_interface.look(table, &status), WAFER_OK);
    return status.entries;
}

size_t table_drop(void *table, int64_t now_ms)
{
    size_t dropped = SIZE_MAX;
    assert_int_equal(wafer_table_interface.purge(table, now_ms, &dropped), WAFER_OK);
    return dropped;
}

static int order_of(const void *one, const void *other)
{
    const wafer_revocation *left = one;
    const wafer_revocation *right = other;
    return left->kind != right->kind ? (left->kind < right->kind ? -1 : 1)
                                     : memcmp(left->key, right->key, sizeof left->key);
}

wafer_revocation *table_dump(void *table, size_t *count)
{
    size_t there;
    assert_int_equal(wafer_table_interface.entries(table, NULL, 0, count), WAFER_OK);
    wafer_revocation *entries = calloc(*count + 1, sizeof *entries);
    assert_non_null(entries);
    assert_int_equal(wafer_table_interface.entries(table, entries, *count, &there), WAFER_OK);
    assert_int_equal(there, *count);
    qsort(entries, *count, sizeof *entries, order_of);
    return entries;
}
