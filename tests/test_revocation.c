#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wafer.h>

#define NOW INT64_C(1800000000000)

static int64_t clock_of(void *context)
{
    return *(int64_t *)context;
}

static wafer_revocations *make(int64_t *now_ms)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list = NULL;
    settings.on_start = WAFER_START_FORGETS;
    settings.clock = clock_of;
    settings.clock_context = now_ms;
    assert_int_equal(wafer_revocations_new(&settings, &list, NULL), WAFER_OK);
    assert_non_null(list);
    return list;
}

/* ---- A subject's key ---- */

static void subject_keys_are_those_of_an_independent_blake2b(void **state)
{
    (void)state;
    static const struct {
        const char *realm;
        const char *subject;
        const char *key;
    } cases[] = {
        {"", "a", "960564d92851d92201f7485345b24b85"},
        {"example", "ada", "1313cc89d5686b682c6f592b6934458d"},
        {"gr\xc3\xb6\xc3\x9f"
         "e",
         "\xe2\x82\xac", "862dafc97f9c39634883297da6935eaf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t expected[WAFER_ID_SIZE];
        uint8_t *key = guarded(WAFER_ID_SIZE);
        size_t length = strlen(cases[i].subject);
        char *subject = (char *)guarded_copy(cases[i].subject, length);
        assert_int_equal(from_hex(cases[i].key, expected), WAFER_ID_SIZE);
        assert_int_equal(wafer_subject_key(cases[i].realm, subject, length, key), WAFER_OK);
        assert_memory_equal(key, expected, WAFER_ID_SIZE);
        guarded_free(subject, length);
        guarded_free(key, WAFER_ID_SIZE);
    }
}

static void a_long_realm_and_the_longest_subject_have_a_key(void **state)
{
    (void)state;
    char realm[301];
    char subject[256];
    uint8_t expected[WAFER_ID_SIZE];
    uint8_t key[WAFER_ID_SIZE];
    memset(realm, 'r', 300);
    realm[300] = '\0';
    memset(subject, 's', sizeof subject);
    (void)from_hex("1ce76eda75cba49cfcb41bdb3d0fcd86", expected);
    assert_int_equal(wafer_subject_key(realm, subject, 255, key), WAFER_OK);
    assert_memory_equal(key, expected, WAFER_ID_SIZE);
    assert_int_equal(wafer_subject_key(realm, subject, 256, key), WAFER_INVALID);
    assert_int_equal(wafer_subject_key(realm, subject, SIZE_MAX, key), WAFER_INVALID);
    assert_int_equal(wafer_subject_key(realm, subject, 0, key), WAFER_INVALID);
    assert_int_equal(wafer_subject_key(NULL, subject, 1, key), WAFER_MISUSE);
    assert_int_equal(wafer_subject_key(realm, NULL, 1, key), WAFER_MISUSE);
    assert_int_equal(wafer_subject_key(realm, subject, 1, NULL), WAFER_MISUSE);
}

static void the_border_of_realm_and_subject_counts(void **state)
{
    (void)state;
    uint8_t one[WAFER_ID_SIZE];
    uint8_t other[WAFER_ID_SIZE];
    assert_int_equal(wafer_subject_key("ab", "c", 1, one), WAFER_OK);
    assert_int_equal(wafer_subject_key("a", "bc", 2, other), WAFER_OK);
    assert_memory_not_equal(one, other, WAFER_ID_SIZE);
}

/* ---- The table behind the public functions ---- */

static bool is_revoked(wafer_revocations *list, const uint8_t *id, const uint8_t *subject,
                       int64_t login_at_ms)
{
    wafer_revocation_query query = {.id = id,
                                    .subject = subject,
                                    .login_at_ms = login_at_ms,
                                    .now_ms = NOW};
    wafer_standing revoked = WAFER_STANDS;
    assert_int_equal(wafer_revocations_check(list, &query, &revoked), WAFER_OK);
    return revoked == WAFER_REFUSED;
}

static void a_session_a_subject_and_everyone_are_revoked_by_the_lists_clock(void **state)
{
    (void)state;
    int64_t now_ms = NOW;
    int64_t at_ms = 0;
    uint8_t id[WAFER_ID_SIZE] = {1};
    uint8_t other[WAFER_ID_SIZE] = {2};
    uint8_t ada[WAFER_ID_SIZE];
    wafer_revocations *list = make(&now_ms);
    assert_int_equal(wafer_subject_key("here", "ada", 3, ada), WAFER_OK);

    assert_int_equal(wafer_revoke_session(list, id), WAFER_OK);
    assert_true(is_revoked(list, id, NULL, NOW));
    assert_false(is_revoked(list, other, ada, NOW));

    assert_int_equal(wafer_revoke_subject(list, "there", "ada", 3), WAFER_OK);
    assert_false(is_revoked(list, other, ada, NOW));
    assert_int_equal(wafer_revoke_subject(list, "here", "ada", 3), WAFER_OK);
    assert_true(is_revoked(list, other, ada, NOW + WAFER_MINUTE_MS));
    assert_int_equal(wafer_revocations_not_before(list, ada, &at_ms), WAFER_OK);
    assert_int_equal(at_ms, NOW + WAFER_MINUTE_MS + 1);
    assert_false(is_revoked(list, other, ada, at_ms));

    now_ms += 7;
    assert_int_equal(wafer_revoke_everyone(list), WAFER_OK);
    assert_int_equal(wafer_revocations_not_before(list, NULL, &at_ms), WAFER_OK);
    assert_int_equal(at_ms, now_ms + WAFER_MINUTE_MS + 1);
    assert_true(is_revoked(list, other, NULL, at_ms - 1));
    assert_false(is_revoked(list, other, NULL, at_ms));
    wafer_revocations_free(list);
}

static void a_list_is_purged_by_its_clock_and_its_retention_raised(void **state)
{
    (void)state;
    int64_t now_ms = NOW;
    size_t dropped = 99;
    wafer_revocations_status status;
    wafer_revocations *list = make(&now_ms);
    assert_int_equal(wafer_revoke_session(list, (uint8_t[WAFER_ID_SIZE]){1}), WAFER_OK);
    assert_int_equal(wafer_revocations_look(list, &status), WAFER_OK);
    assert_int_equal(status.entries, 1);
    assert_int_equal(status.capacity, 1000000);
    assert_int_equal(wafer_revocations_retain(list, 2 * WAFER_DAY_MS), WAFER_OK);
    assert_int_equal(wafer_revocations_retain(list, WAFER_DAY_MS), WAFER_INVALID);
    assert_int_equal(wafer_revocations_look(list, &status), WAFER_OK);
    assert_int_equal(status.retention_ms, 2 * WAFER_DAY_MS);

    now_ms = NOW + 2 * WAFER_DAY_MS + 3 * WAFER_MINUTE_MS;
    assert_int_equal(wafer_revocations_purge(list, &dropped), WAFER_OK);
    assert_int_equal(dropped, 0);
    now_ms++;
    assert_int_equal(wafer_revocations_purge(list, &dropped), WAFER_OK);
    assert_int_equal(dropped, 1);
    assert_int_equal(wafer_revocations_purge(list, NULL), WAFER_OK);
    wafer_revocations_free(list);
}

static void without_a_clock_the_systems_is_used(void **state)
{
    (void)state;
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list;
    wafer_revocations_status before;
    wafer_revocations_status after;
    settings.on_start = WAFER_START_REFUSES_OLDER;
    assert_int_equal(wafer_revocations_new(&settings, &list, NULL), WAFER_OK);
    assert_int_equal(wafer_revocations_look(list, &before), WAFER_OK);
    assert_true(before.not_before_ms > NOW / 2);
    assert_int_equal(wafer_revoke_everyone(list), WAFER_OK);
    assert_int_equal(wafer_revocations_look(list, &after), WAFER_OK);
    assert_true(after.not_before_ms > before.not_before_ms);
    assert_true(after.not_before_ms < before.not_before_ms + WAFER_MINUTE_MS);
    wafer_revocations_free(list);
}

static void a_clock_that_cannot_be_read_is_an_error_of_the_system(void **state)
{
    (void)state;
    int64_t now_ms = -1;
    size_t dropped = 99;
    wafer_revocations *list = make(&now_ms);
    assert_int_equal(wafer_revoke_session(list, (uint8_t[WAFER_ID_SIZE]){1}), WAFER_SYSTEM);
    assert_int_equal(wafer_revoke_subject(list, "", "a", 1), WAFER_SYSTEM);
    now_ms = WAFER_TIME_MAX_MS + 1;
    assert_int_equal(wafer_revoke_everyone(list), WAFER_SYSTEM);
    assert_int_equal(wafer_revocations_purge(list, &dropped), WAFER_SYSTEM);
    assert_int_equal(dropped, 99);
    wafer_revocations_free(list);
}

static void what_a_worker_revokes_holds_after_it_freed_its_handle(void **state)
{
    (void)state;
    int64_t now_ms = NOW;
    int status;
    uint8_t id[WAFER_ID_SIZE] = {1};
    wafer_revocations *list = make(&now_ms);
    pid_t child = fork();
    if (child == 0) {
        wafer_result result = wafer_revoke_session(list, id);
        wafer_revocations_free(list);
        _exit(result == WAFER_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(is_revoked(list, id, NULL, NOW));
    wafer_revocations_free(list);
}

static void a_list_that_is_freed_leaves_nothing_mapped(void **state)
{
    (void)state;
    wafer_revocations *list;
    long before = pages_mapped();
    assert_int_equal(wafer_revocations_open(WAFER_START_FORGETS, &list, NULL), WAFER_OK);
    long of_one = pages_mapped() - before;
    wafer_revocations_free(list);
    for (int round = 0; round < 10; round++) {
        assert_int_equal(wafer_revocations_open(WAFER_START_FORGETS, &list, NULL), WAFER_OK);
        wafer_revocations_free(list);
    }
    assert_true(pages_mapped() - before < of_one);
}

static void a_list_that_cannot_start_leaves_nothing_mapped(void **state)
{
    (void)state;
    int64_t now_ms = -1;
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list;
    settings.on_start = WAFER_START_REFUSES_OLDER;
    settings.clock = clock_of;
    settings.clock_context = &now_ms;
    assert_int_equal(wafer_revocations_new(&settings, &list, NULL), WAFER_SYSTEM);
    long before = pages_mapped();
    for (int round = 0; round < 10; round++)
        assert_int_equal(wafer_revocations_new(&settings, &list, NULL), WAFER_SYSTEM);
    now_ms = NOW;
    assert_int_equal(wafer_revocations_new(&settings, &list, NULL), WAFER_OK);
    long with_one = pages_mapped();
    wafer_revocations_free(list);
    assert_true(with_one - before < 2 * (with_one - pages_mapped()));
}

static void no_entry_behind_the_last_is_looked_at(void **state)
{
    (void)state;
    wafer_revocations *list;
    assert_int_equal(wafer_revocations_open(WAFER_START_FORGETS, &list, NULL), WAFER_OK);
    for (size_t count = 1; count <= 20; count++) {
        wafer_revocation *entries = (wafer_revocation *)(void *)guarded(count * sizeof *entries);
        size_t taken;
        for (size_t i = 0; i < count; i++)
            entries[i] = (wafer_revocation){.kind = WAFER_REVOKE_SESSION, .key = {(uint8_t)i}};
        assert_int_equal(wafer_revocations_apply_all(list, 1000, entries, count, &taken), WAFER_OK);
        assert_int_equal(taken, count);
        guarded_free(entries, count * sizeof *entries);
    }
    wafer_revocations_free(list);
}

static void wrong_settings_make_no_list(void **state)
{
    (void)state;
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_error error;
    wafer_revocations *list = (wafer_revocations *)(void *)&error;
    assert_int_equal(wafer_revocations_new(&settings, &list, &error), WAFER_INVALID);
    assert_null(list);
    assert_non_null(strstr(error.text, "on_start"));
    assert_int_equal(wafer_revocations_new(NULL, &list, &error), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_new(&settings, NULL, &error), WAFER_MISUSE);
    assert_int_equal(error.result, WAFER_MISUSE);
    assert_int_equal(error.system, 0);
    assert_int_equal(error.line, 0);
}

static void null_is_misuse_and_nothing_to_free(void **state)
{
    (void)state;
    int64_t now_ms = NOW;
    int64_t at_ms;
    wafer_standing revoked;
    uint8_t id[WAFER_ID_SIZE] = {1};
    wafer_revocation entry = {.kind = WAFER_REVOKE_SESSION};
    wafer_revocation_query query = {.id = id};
    wafer_revocations_status status;
    size_t taken = 33;
    wafer_revocations *list = make(&now_ms);
    assert_int_equal(wafer_revoke_session(NULL, id), WAFER_MISUSE);
    assert_int_equal(wafer_revoke_session(list, NULL), WAFER_MISUSE);
    assert_int_equal(wafer_revoke_subject(NULL, "", "a", 1), WAFER_MISUSE);
    assert_int_equal(wafer_revoke_subject(list, NULL, "a", 1), WAFER_MISUSE);
    assert_int_equal(wafer_revoke_subject(list, "", NULL, 1), WAFER_MISUSE);
    assert_int_equal(wafer_revoke_subject(list, "", "a", 0), WAFER_INVALID);
    assert_int_equal(wafer_revoke_everyone(NULL), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_purge(NULL, NULL), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_retain(NULL, WAFER_DAY_MS), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_look(NULL, &status), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_look(list, NULL), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_apply(NULL, NOW, &entry), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_apply(list, NOW, NULL), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_apply_all(NULL, NOW, &entry, 1, &taken), WAFER_MISUSE);
    assert_int_equal(taken, 0);
    assert_int_equal(wafer_revocations_apply_all(list, NOW, NULL, 1, &taken), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_apply_all(list, NOW, &entry, 1, NULL), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_apply_all(list, NOW, NULL, 0, &taken), WAFER_OK);
    assert_int_equal(wafer_revocations_check(NULL, &query, &revoked), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_check(list, NULL, &revoked), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_check(list, &query, NULL), WAFER_MISUSE);
    query.id = NULL;
    assert_int_equal(wafer_revocations_check(list, &query, &revoked), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_not_before(NULL, id, &at_ms), WAFER_MISUSE);
    assert_int_equal(wafer_revocations_not_before(list, id, NULL), WAFER_MISUSE);
    wafer_revocations_free(list);
    wafer_revocations_free(NULL);
}

/* ---- A list of another make ---- */

struct fake {
    wafer_result result;
    wafer_result of_everyone;
    wafer_standing revoked;
    int64_t at_ms;
    size_t taken;     /* what revoke_all claims; 0: all */
    const void *seen; /* the last argument that was a pointer to read */
    wafer_revocation entry;
    int64_t now_ms;
    size_t calls;
    size_t frees;
    int64_t retention_ms;
    int64_t skew_ms;
    size_t held;  /* entries */
    size_t grows; /* by so many whenever they are asked for; SIZE_MAX: never fits */
};

static wafer_result fake_check(void *context, const wafer_revocation_query *query,
                               wafer_standing *standing)
{
    struct fake *fake = context;
    fake->calls++;
    fake->seen = query;
    *standing = fake->revoked ? WAFER_REFUSED : WAFER_STANDS;
    return fake->result;
}

static wafer_result fake_not_before(void *context, const uint8_t *subject, int64_t *at_ms)
{
    struct fake *fake = context;
    fake->calls++;
    fake->seen = subject;
    *at_ms = fake->at_ms;
    return fake->result;
}

static wafer_result fake_revoke(void *context, int64_t now_ms, wafer_revocation *entry)
{
    struct fake *fake = context;
    fake->calls++;
    fake->now_ms = now_ms;
    fake->entry = *entry;
    entry->at_ms = fake->at_ms;
    return entry->kind == WAFER_REVOKE_EVERYONE ? fake->of_everyone : fake->result;
}

static wafer_result fake_revoke_all(void *context, int64_t now_ms, wafer_revocation *entries,
                                    size_t count, size_t *taken)
{
    struct fake *fake = context;
    fake->calls++;
    fake->now_ms = now_ms;
    fake->seen = entries;
    *taken = fake->taken != 0 ? fake->taken : count;
    return fake->result;
}

static wafer_result fake_purge(void *context, int64_t now_ms, size_t *dropped)
{
    struct fake *fake = context;
    fake->calls++;
    fake->now_ms = now_ms;
    *dropped = 5;
    return fake->result;
}

static wafer_result fake_retain(void *context, int64_t retention_ms)
{
    struct fake *fake = context;
    fake->calls++;
    fake->now_ms = retention_ms;
    return fake->result;
}

static wafer_result fake_look(void *context, wafer_revocations_status *status)
{
    struct fake *fake = context;
    fake->calls++;
    status->entries = 5;
    status->retention_ms = fake->retention_ms != 0 ? fake->retention_ms : WAFER_DAY_MS;
    status->skew_ms = fake->skew_ms;
    return fake->result;
}

static wafer_result fake_entries(void *context, wafer_revocation *entries, size_t room,
                                 size_t *count)
{
    struct fake *fake = context;
    fake->calls++;
    for (size_t i = 0; i < fake->held && i < room; i++)
        entries[i] = (wafer_revocation){.kind = WAFER_REVOKE_SESSION, .at_ms = (int64_t)i};
    *count = fake->grows == SIZE_MAX ? room + 1 : fake->held;
    fake->held += fake->grows;
    return fake->result;
}

static void fake_free(void *context)
{
    struct fake *fake = context;
    fake->frees++;
}

static wafer_revocations_interface fake_interface(void)
{
    return (wafer_revocations_interface){sizeof(wafer_revocations_interface),
                                         fake_check,
                                         fake_not_before,
                                         fake_revoke,
                                         fake_purge,
                                         fake_retain,
                                         fake_look,
                                         fake_entries,
                                         fake_free,
                                         NULL};
}

static wafer_revocations *wrap(struct fake *fake, int64_t *now_ms)
{
    wafer_revocations_interface functions = fake_interface();
    wafer_revocations *list = NULL;
    assert_int_equal(wafer_revocations_wrap(&functions, fake, clock_of, now_ms, &list, NULL),
                     WAFER_OK);
    /* The interface is copied. */
    memset(&functions, 0, sizeof functions);
    return list;
}

static void every_call_reaches_the_implementation_with_its_arguments(void **state)
{
    (void)state;
    struct fake fake = {.at_ms = NOW + 9};
    int64_t now_ms = NOW;
    int64_t at_ms = 0;
    wafer_standing revoked = WAFER_REFUSED;
    size_t dropped = 0;
    uint8_t id[WAFER_ID_SIZE] = {1, 2, 3};
    uint8_t ada[WAFER_ID_SIZE];
    wafer_revocation entry = {WAFER_REVOKE_COPIES, {4}, 5, 6};
    wafer_revocation_query query = {.id = id};
    wafer_revocations_status status;
    wafer_revocations *list = wrap(&fake, &now_ms);

    assert_int_equal(wafer_revocations_check(list, &query, &revoked), WAFER_OK);
    assert_ptr_equal(fake.seen, &query);
    assert_int_equal(revoked, WAFER_STANDS);
    fake.revoked = true;
    assert_int_equal(wafer_revocations_check(list, &query, &revoked), WAFER_OK);
    assert_int_equal(revoked, WAFER_REFUSED);
    assert_int_equal(wafer_revocations_not_before(list, id, &at_ms), WAFER_OK);
    assert_ptr_equal(fake.seen, id);
    assert_int_equal(at_ms, NOW + 9);
    assert_int_equal(wafer_revocations_not_before(list, NULL, &at_ms), WAFER_OK);
    assert_null(fake.seen);

    assert_int_equal(wafer_revocations_apply(list, NOW + 3, &entry), WAFER_OK);
    assert_int_equal(fake.now_ms, NOW + 3);
    assert_int_equal(fake.entry.kind, WAFER_REVOKE_COPIES);
    assert_int_equal(fake.entry.renewals, 6);
    assert_int_equal(entry.at_ms, NOW + 9);
    assert_int_equal(wafer_revoke_session(list, id), WAFER_OK);
    assert_int_equal(fake.now_ms, NOW);
    assert_int_equal(fake.entry.kind, WAFER_REVOKE_SESSION);
    assert_int_equal(fake.entry.at_ms, 0);
    assert_memory_equal(fake.entry.key, id, WAFER_ID_SIZE);
    assert_int_equal(wafer_revoke_subject(list, "r", "ada", 3), WAFER_OK);
    assert_int_equal(wafer_subject_key("r", "ada", 3, ada), WAFER_OK);
    assert_int_equal(fake.entry.kind, WAFER_REVOKE_SUBJECT);
    assert_memory_equal(fake.entry.key, ada, WAFER_ID_SIZE);
    assert_int_equal(wafer_revoke_everyone(list), WAFER_OK);
    assert_int_equal(fake.entry.kind, WAFER_REVOKE_EVERYONE);
    assert_memory_equal(fake.entry.key, ((uint8_t[WAFER_ID_SIZE]){0}), WAFER_ID_SIZE);

    now_ms++;
    assert_int_equal(wafer_revocations_purge(list, &dropped), WAFER_OK);
    assert_int_equal(dropped, 5);
    assert_int_equal(fake.now_ms, NOW + 1);
    assert_int_equal(wafer_revocations_retain(list, 77), WAFER_OK);
    assert_int_equal(fake.now_ms, 77);
    assert_int_equal(wafer_revocations_look(list, &status), WAFER_OK);
    assert_int_equal(status.entries, 5);
    assert_int_equal(status.capacity, 0);
    wafer_revocations_free(list);
    assert_int_equal(fake.frees, 1);
}

static void every_result_comes_through_and_foreign_ones_are_unavailable(void **state)
{
    (void)state;
    static const struct {
        int given;
        wafer_result expected;
    } cases[] = {
        {WAFER_INVALID, WAFER_INVALID},         {WAFER_TOO_LARGE, WAFER_UNAVAILABLE},
        {WAFER_MISUSE, WAFER_MISUSE},           {WAFER_NO_MEMORY, WAFER_UNAVAILABLE},
        {WAFER_SYSTEM, WAFER_SYSTEM},           {WAFER_LIST_FULL, WAFER_LIST_FULL},
        {WAFER_UNAVAILABLE, WAFER_UNAVAILABLE}, {WAFER_QUEUED + 1, WAFER_UNAVAILABLE},
        {0x7fffffff, WAFER_UNAVAILABLE},
    };
    int64_t now_ms = NOW;
    uint8_t id[WAFER_ID_SIZE] = {1};
    wafer_revocation entry = {.kind = WAFER_REVOKE_SESSION};
    wafer_revocation_query query = {.id = id};
    wafer_revocations_status status;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake = {.result = (wafer_result)cases[i].given,
                            .of_everyone = (wafer_result)cases[i].given};
        wafer_revocations *list = wrap(&fake, &now_ms);
        wafer_result expected = cases[i].expected;
        wafer_standing revoked = WAFER_STANDS;
        int64_t at_ms = 33;
        size_t dropped = 33;
        assert_int_equal(wafer_revocations_check(list, &query, &revoked), expected);
        assert_int_equal(revoked, WAFER_REFUSED);
        assert_int_equal(wafer_revocations_not_before(list, id, &at_ms), expected);
        assert_int_equal(at_ms, 33);
        assert_int_equal(wafer_revocations_apply(list, NOW, &entry), expected);
        assert_int_equal(wafer_revoke_session(list, id), expected);
        assert_int_equal(wafer_revoke_subject(list, "", "a", 1), expected);
        assert_int_equal(wafer_revoke_everyone(list), expected);
        assert_int_equal(wafer_revocations_purge(list, &dropped), expected);
        assert_int_equal(dropped, 33);
        assert_int_equal(wafer_revocations_retain(list, WAFER_DAY_MS), expected);
        assert_int_equal(wafer_revocations_look(list, &status), expected);
        assert_int_equal(fake.calls, 9);
        wafer_revocations_free(list);
    }
}

static void queued_comes_through_where_something_is_revoked_and_nowhere_else(void **state)
{
    (void)state;
    struct fake fake = {.result = WAFER_QUEUED, .of_everyone = WAFER_QUEUED};
    int64_t now_ms = NOW;
    uint8_t id[WAFER_ID_SIZE] = {1};
    wafer_revocation entries[3] = {{.kind = WAFER_REVOKE_SESSION},
                                   {.kind = WAFER_REVOKE_EVERYONE},
                                   {.kind = WAFER_REVOKE_SESSION}};
    wafer_revocation_query query = {.id = id};
    wafer_revocations_status status;
    wafer_revocations *list = wrap(&fake, &now_ms);
    wafer_standing revoked = WAFER_STANDS;
    int64_t at_ms;
    size_t count;

    assert_int_equal(wafer_revocations_apply(list, NOW, &entries[0]), WAFER_QUEUED);
    assert_int_equal(wafer_revoke_session(list, id), WAFER_QUEUED);
    assert_int_equal(wafer_revoke_subject(list, "", "a", 1), WAFER_QUEUED);
    assert_int_equal(wafer_revoke_everyone(list), WAFER_QUEUED);
    assert_int_equal(wafer_revocations_apply_all(list, NOW, entries, 3, &count), WAFER_QUEUED);
    assert_int_equal(count, 3);
    fake.result = WAFER_OK; /* of everyone alone it is queued */
    assert_int_equal(wafer_revocations_apply_all(list, NOW, entries, 3, &count), WAFER_QUEUED);
    assert_int_equal(count, 3);

    fake.result = WAFER_QUEUED;
    assert_int_equal(wafer_revocations_check(list, &query, &revoked), WAFER_UNAVAILABLE);
    assert_int_equal(revoked, WAFER_REFUSED);
    assert_int_equal(wafer_revocations_not_before(list, id, &at_ms), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_revocations_purge(list, &count), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_revocations_retain(list, WAFER_DAY_MS), WAFER_UNAVAILABLE);
    assert_int_equal(wafer_revocations_look(list, &status), WAFER_UNAVAILABLE);
    wafer_revocations_free(list);
}

/* ---- Many at once ---- */

static wafer_revocations *wrap_with_all(struct fake *fake, int64_t *now_ms)
{
    wafer_revocations_interface functions = fake_interface();
    wafer_revocations *list;
    functions.revoke_all = fake_revoke_all;
    assert_int_equal(wafer_revocations_wrap(&functions, fake, clock_of, now_ms, &list, NULL),
                     WAFER_OK);
    return list;
}

static void many_entries_reach_a_list_that_takes_many_at_once(void **state)
{
    (void)state;
    struct fake fake = {0};
    int64_t now_ms = NOW;
    size_t taken = 33;
    wafer_revocation entries[3] = {{.kind = WAFER_REVOKE_SESSION}};
    wafer_revocations *list = wrap_with_all(&fake, &now_ms);

    assert_int_equal(wafer_revocations_apply_all(list, NOW + 3, entries, 3, &taken), WAFER_OK);
    assert_int_equal(taken, 3);
    assert_int_equal(fake.calls, 1);
    assert_int_equal(fake.now_ms, NOW + 3);
    assert_ptr_equal(fake.seen, entries);
    fake.result = WAFER_LIST_FULL;
    fake.taken = 2;
    assert_int_equal(wafer_revocations_apply_all(list, NOW, entries, 3, &taken), WAFER_LIST_FULL);
    assert_int_equal(taken, 2);
    wafer_revocations_free(list);
}

static void a_list_that_takes_one_at_a_time_takes_many_up_to_the_first_it_refuses(void **state)
{
    (void)state;
    struct fake fake = {.at_ms = NOW + 9, .of_everyone = WAFER_TOO_LARGE};
    int64_t now_ms = NOW;
    size_t taken = 33;
    wafer_revocation entries[4] = {{.kind = WAFER_REVOKE_SESSION},
                                   {.kind = WAFER_REVOKE_COPIES},
                                   {.kind = WAFER_REVOKE_EVERYONE},
                                   {.kind = WAFER_REVOKE_SESSION}};
    wafer_revocations *list = wrap(&fake, &now_ms);

    assert_int_equal(wafer_revocations_apply_all(list, NOW, entries, 4, &taken), WAFER_UNAVAILABLE);
    assert_int_equal(taken, 2);
    assert_int_equal(fake.calls, 3);
    assert_int_equal(entries[1].at_ms, NOW + 9);
    assert_int_equal(entries[3].at_ms, 0);
    assert_int_equal(wafer_revocations_apply_all(list, NOW, entries, 2, &taken), WAFER_OK);
    assert_int_equal(taken, 2);
    wafer_revocations_free(list);
}

static void a_list_that_takes_many_may_queue_them(void **state)
{
    (void)state;
    int64_t now_ms = NOW;
    wafer_revocation entries[3] = {{.kind = WAFER_REVOKE_SESSION}};
    struct fake fake = {WAFER_QUEUED, .taken = 3};
    size_t taken = 33;
    wafer_revocations *list = wrap_with_all(&fake, &now_ms);

    assert_int_equal(wafer_revocations_apply_all(list, NOW, entries, 3, &taken), WAFER_QUEUED);
    assert_int_equal(taken, 3);
    fake.taken = 2;
    assert_int_equal(wafer_revocations_apply_all(list, NOW, entries, 3, &taken), WAFER_UNAVAILABLE);
    assert_int_equal(taken, 0);
    wafer_revocations_free(list);
}

static void a_foreign_count_that_cannot_be_is_unavailable(void **state)
{
    (void)state;
    int64_t now_ms = NOW;
    wafer_revocation entries[3] = {{.kind = WAFER_REVOKE_SESSION}};
    static const struct fake fakes[] = {{.taken = 4}, {.taken = 2}, {WAFER_SYSTEM, .taken = 4}};

    for (size_t i = 0; i < sizeof fakes / sizeof *fakes; i++) {
        struct fake fake = fakes[i];
        size_t taken = 33;
        wafer_revocations *list = wrap_with_all(&fake, &now_ms);
        assert_int_equal(wafer_revocations_apply_all(list, NOW, entries, 3, &taken),
                         WAFER_UNAVAILABLE);
        assert_int_equal(taken, 0);
        wafer_revocations_free(list);
    }
}

static void a_foreign_not_before_out_of_range_is_unavailable(void **state)
{
    (void)state;
    const int64_t wrong[] = {-1, INT64_MIN, WAFER_TIME_MAX_MS + 1, INT64_MAX};
    int64_t now_ms = NOW;
    struct fake fake = {.result = WAFER_OK};
    wafer_revocations *list = wrap(&fake, &now_ms);
    int64_t at_ms = 33;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fake.at_ms = wrong[i];
        assert_int_equal(wafer_revocations_not_before(list, NULL, &at_ms), WAFER_UNAVAILABLE);
        assert_int_equal(at_ms, 33);
    }
    fake.at_ms = WAFER_TIME_MAX_MS;
    assert_int_equal(wafer_revocations_not_before(list, NULL, &at_ms), WAFER_OK);
    assert_int_equal(at_ms, WAFER_TIME_MAX_MS);
    wafer_revocations_free(list);
}

static void assert_not_wrapped(const wafer_revocations_interface *functions, wafer_result expected)
{
    struct fake fake = {.result = WAFER_OK};
    wafer_error error = {.result = WAFER_OK};
    wafer_revocations *list = (wafer_revocations *)(void *)&fake;
    assert_int_equal(wafer_revocations_wrap(functions, &fake, NULL, NULL, &list, &error), expected);
    assert_int_equal(error.result, expected);
    assert_int_equal(error.system, 0);
    assert_int_equal(error.line, 0);
    assert_true(error.text[0] != '\0');
    assert_int_equal(fake.frees, 0);
    assert_true(functions == NULL || list == NULL);
}

static void an_interface_that_lacks_something_is_refused(void **state)
{
    (void)state;
    wafer_revocations_interface functions = fake_interface();
    functions.size++;
    assert_not_wrapped(&functions, WAFER_INVALID);
    functions.size -= 2;
    assert_not_wrapped(&functions, WAFER_INVALID);
    functions = fake_interface();
    functions.check = NULL;
    assert_not_wrapped(&functions, WAFER_INVALID);
    functions = fake_interface();
    functions.not_before = NULL;
    assert_not_wrapped(&functions, WAFER_INVALID);
    functions = fake_interface();
    functions.revoke = NULL;
    assert_not_wrapped(&functions, WAFER_INVALID);
    functions = fake_interface();
    functions.purge = NULL;
    assert_not_wrapped(&functions, WAFER_INVALID);
    functions = fake_interface();
    functions.retain = NULL;
    assert_not_wrapped(&functions, WAFER_INVALID);
    functions = fake_interface();
    functions.look = NULL;
    assert_not_wrapped(&functions, WAFER_INVALID);
    functions = fake_interface();
    functions.entries = NULL;
    assert_not_wrapped(&functions, WAFER_INVALID);
    functions = fake_interface();
    functions.free = NULL;
    assert_not_wrapped(&functions, WAFER_INVALID);
    assert_not_wrapped(NULL, WAFER_MISUSE);
    functions = fake_interface();
    assert_int_equal(wafer_revocations_wrap(&functions, NULL, NULL, NULL, NULL, NULL),
                     WAFER_MISUSE);
}

/* ---- An implementation that says WAFER_OK and nothing else ---- */

static wafer_result lazy_check(void *context, const wafer_revocation_query *query,
                               wafer_standing *standing)
{
    (void)context;
    (void)query;
    (void)standing;
    return WAFER_OK;
}

static wafer_result lazy_not_before(void *context, const uint8_t *subject, int64_t *at_ms)
{
    (void)context;
    (void)subject;
    (void)at_ms;
    return WAFER_OK;
}

static wafer_result lazy_revoke_all(void *context, int64_t now_ms, wafer_revocation *entries,
                                    size_t count, size_t *taken)
{
    (void)context;
    (void)now_ms;
    (void)entries;
    (void)count;
    (void)taken;
    return WAFER_OK;
}

static wafer_result lazy_purge(void *context, int64_t now_ms, size_t *dropped)
{
    (void)context;
    (void)now_ms;
    (void)dropped;
    return WAFER_OK;
}

static wafer_result lazy_look(void *context, wafer_revocations_status *status)
{
    const struct fake *fake = context;
    if (fake->retention_ms != 0)
        status->retention_ms = fake->retention_ms;
    return WAFER_OK;
}

static wafer_result lazy_entries(void *context, wafer_revocation *entries, size_t room,
                                 size_t *count)
{
    (void)context;
    (void)entries;
    (void)room;
    (void)count;
    return WAFER_OK;
}

static void what_an_implementation_leaves_unsaid_is_the_worst(void **state)
{
    (void)state;
    struct fake fake = {0};
    uint8_t id[WAFER_ID_SIZE] = {1};
    wafer_revocation_query query = {.id = id};
    wafer_standing standing = WAFER_STANDS;
    wafer_revocations_status status;
    wafer_revocation entry = {.kind = WAFER_REVOKE_SESSION};
    wafer_revocation *entries;
    wafer_revocations *list;
    int64_t at_ms = 33;
    size_t count = 33;
    wafer_revocations_interface functions = fake_interface();
    functions.check = lazy_check;
    functions.not_before = lazy_not_before;
    functions.revoke_all = lazy_revoke_all;
    functions.purge = lazy_purge;
    functions.look = lazy_look;
    functions.entries = lazy_entries;
    assert_int_equal(wafer_revocations_wrap(&functions, &fake, NULL, NULL, &list, NULL), WAFER_OK);

    assert_int_equal(wafer_revocations_check(list, &query, &standing), WAFER_OK);
    assert_int_equal(standing, WAFER_REFUSED);
    assert_int_equal(wafer_revocations_not_before(list, id, &at_ms), WAFER_UNAVAILABLE);
    assert_int_equal(at_ms, 33);
    assert_int_equal(wafer_revocations_apply_all(list, NOW, &entry, 1, &count), WAFER_UNAVAILABLE);
    assert_int_equal(count, 0);
    count = 33;
    assert_int_equal(wafer_revocations_purge(list, &count), WAFER_OK);
    assert_int_equal(count, 0);
    memset(&status, 0xA5, sizeof status);
    assert_int_equal(wafer_revocations_look(list, &status), WAFER_UNAVAILABLE);
    fake.retention_ms = 1;
    memset(&status, 0xA5, sizeof status);
    assert_int_equal(wafer_revocations_look(list, &status), WAFER_OK);
    assert_int_equal(status.entries, 0);
    assert_int_equal(status.capacity, 0);
    count = 33;
    assert_int_equal(wafer_revocations_entries(list, &entries, &count), WAFER_OK);
    assert_null(entries);
    assert_int_equal(count, 0);
    wafer_revocations_free(list);
}

static void entries_are_asked_for_until_all_fit(void **state)
{
    (void)state;
    /* So many that the size of their memory would be a small number. */
    const size_t room_that_wraps = SIZE_MAX / sizeof(wafer_revocation) + 1 - 64;
    const struct {
        size_t held;
        size_t grows;
        size_t calls;
        wafer_result expected;
    } cases[] = {
        {0, 0, 1, WAFER_OK},
        {1, 0, 2, WAFER_OK},
        {500, 1, 2, WAFER_OK},
        {100, 76, 2, WAFER_OK}, /* as many as there is room for */
        {100, 77, 3, WAFER_OK},
        {100, (size_t)-100, 2, WAFER_OK},
        {100, SIZE_MAX, 16, WAFER_UNAVAILABLE},
        {SIZE_MAX, 0, 1, WAFER_NO_MEMORY},
        {room_that_wraps - room_that_wraps / 9, 0, 1, WAFER_NO_MEMORY},
    };
    int64_t now_ms = NOW;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake = {.held = cases[i].held, .grows = cases[i].grows};
        wafer_revocations *list = wrap(&fake, &now_ms);
        wafer_revocation *entries = (wafer_revocation *)(void *)&fake;
        size_t count = 99;
        assert_int_equal(wafer_revocations_entries(list, &entries, &count), cases[i].expected);
        assert_int_equal(fake.calls, cases[i].calls);
        const size_t there = cases[i].held + (cases[i].calls - 1) * cases[i].grows;
        if (cases[i].expected == WAFER_OK && there > 0) {
            assert_int_equal(count, there);
            for (size_t entry = 0; entry < count; entry++)
                assert_int_equal(entries[entry].at_ms, entry);
        } else {
            assert_null(entries);
            assert_int_equal(count, 0);
        }
        free(entries);
        wafer_revocations_free(list);
    }
}

static void entries_fail_as_documented_and_leave_nothing(void **state)
{
    (void)state;
    int64_t now_ms = NOW;
    const wafer_result results[][2] = {
        {WAFER_NO_MEMORY, WAFER_NO_MEMORY},     {WAFER_SYSTEM, WAFER_SYSTEM},
        {WAFER_UNAVAILABLE, WAFER_UNAVAILABLE}, {WAFER_TOO_LARGE, WAFER_UNAVAILABLE},
        {(wafer_result)77, WAFER_UNAVAILABLE},
    };
    wafer_revocation *entries;
    size_t count;
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        struct fake fake = {.result = results[i][0], .held = 3};
        wafer_revocations *list = wrap(&fake, &now_ms);
        assert_int_equal(wafer_revocations_entries(list, &entries, &count), results[i][1]);
        assert_null(entries);
        assert_int_equal(count, 0);
        assert_int_equal(wafer_revocations_entries(NULL, &entries, &count), WAFER_MISUSE);
        assert_int_equal(wafer_revocations_entries(list, NULL, &count), WAFER_MISUSE);
        assert_int_equal(wafer_revocations_entries(list, &entries, NULL), WAFER_MISUSE);
        wafer_revocations_free(list);
    }
}

static void a_list_with_the_defaults_needs_only_the_choice(void **state)
{
    (void)state;
    wafer_revocations_status status;
    wafer_revocations *list;
    wafer_error error = {.text = ""};

    assert_int_equal(wafer_revocations_open(WAFER_START_UNSET, &list, &error), WAFER_INVALID);
    assert_null(list);
    assert_non_null(strstr(error.text, "on_start"));
    assert_int_equal(wafer_revocations_open(WAFER_START_FORGETS, NULL, &error), WAFER_MISUSE);
    for (int refuses = 0; refuses < 2; refuses++) {
        assert_int_equal(wafer_revocations_open(refuses ? WAFER_START_REFUSES_OLDER
                                                        : WAFER_START_FORGETS,
                                                &list, &error),
                         WAFER_OK);
        assert_int_equal(wafer_revocations_look(list, &status), WAFER_OK);
        assert_int_equal(status.capacity, 1000000);
        assert_int_equal(status.retention_ms, WAFER_DAY_MS);
        assert_int_equal(status.not_before_ms > 0, refuses);
        wafer_revocations_free(list);
    }
}

static void limits_that_would_overflow_times_are_unavailable(void **state)
{
    (void)state;
    const int64_t limits[][2] = {
        {-1, 0},
        {WAFER_LIFETIME_MAX_MS + 1, 0},
        {INT64_MAX, 0},
        {WAFER_DAY_MS, -1},
        {WAFER_DAY_MS, WAFER_SKEW_MAX_MS + 1},
        {WAFER_DAY_MS, INT64_MAX},
    };
    wafer_revocations_interface functions = fake_interface();
    struct fake fake = {.result = WAFER_OK};
    wafer_revocations_status status;
    wafer_revocations *list;

    assert_int_equal(wafer_revocations_wrap(&functions, &fake, NULL, NULL, &list, NULL), WAFER_OK);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        fake.retention_ms = limits[i][0];
        fake.skew_ms = limits[i][1];
        assert_int_equal(wafer_revocations_look(list, &status), WAFER_UNAVAILABLE);
    }
    fake.retention_ms = WAFER_LIFETIME_MAX_MS;
    fake.skew_ms = WAFER_SKEW_MAX_MS;
    assert_int_equal(wafer_revocations_look(list, &status), WAFER_OK);
    wafer_revocations_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subject_keys_are_those_of_an_independent_blake2b),
        cmocka_unit_test(a_long_realm_and_the_longest_subject_have_a_key),
        cmocka_unit_test(the_border_of_realm_and_subject_counts),
        cmocka_unit_test(a_session_a_subject_and_everyone_are_revoked_by_the_lists_clock),
        cmocka_unit_test(a_list_is_purged_by_its_clock_and_its_retention_raised),
        cmocka_unit_test(without_a_clock_the_systems_is_used),
        cmocka_unit_test(a_clock_that_cannot_be_read_is_an_error_of_the_system),
        cmocka_unit_test(what_a_worker_revokes_holds_after_it_freed_its_handle),
        cmocka_unit_test(a_list_that_is_freed_leaves_nothing_mapped),
        cmocka_unit_test(a_list_that_cannot_start_leaves_nothing_mapped),
        cmocka_unit_test(no_entry_behind_the_last_is_looked_at),
        cmocka_unit_test(wrong_settings_make_no_list),
        cmocka_unit_test(null_is_misuse_and_nothing_to_free),
        cmocka_unit_test(every_call_reaches_the_implementation_with_its_arguments),
        cmocka_unit_test(every_result_comes_through_and_foreign_ones_are_unavailable),
        cmocka_unit_test(queued_comes_through_where_something_is_revoked_and_nowhere_else),
        cmocka_unit_test(many_entries_reach_a_list_that_takes_many_at_once),
        cmocka_unit_test(a_list_that_takes_one_at_a_time_takes_many_up_to_the_first_it_refuses),
        cmocka_unit_test(a_list_that_takes_many_may_queue_them),
        cmocka_unit_test(a_foreign_count_that_cannot_be_is_unavailable),
        cmocka_unit_test(a_foreign_not_before_out_of_range_is_unavailable),
        cmocka_unit_test(what_an_implementation_leaves_unsaid_is_the_worst),
        cmocka_unit_test(entries_are_asked_for_until_all_fit),
        cmocka_unit_test(entries_fail_as_documented_and_leave_nothing),
        cmocka_unit_test(a_list_with_the_defaults_needs_only_the_choice),
        cmocka_unit_test(limits_that_would_overflow_times_are_unavailable),
        cmocka_unit_test(an_interface_that_lacks_something_is_refused),
    };
    return cmocka_run_group_tests_name("revocation", tests, NULL, NULL);
}
