#include "fixture.h"

#include "record.h"
#include "seal.h"

#include <sodium.h>
#include <string.h>

#include "manager.h"

/* ---- Helpers --------------------------------------------------------------------------------- */

static void assert_made(const wafer_settings *settings)
{
    wafer_manager *manager = NULL;
    wafer_error error = {.result = WAFER_SYSTEM, .text = "untouched"};

    if (wafer_manager_new(settings, &manager, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    assert_non_null(manager);
    assert_int_equal(error.result, WAFER_SYSTEM);
    assert_string_equal(error.text, "untouched");
    wafer_manager_free(manager);
}

/* Refused with this result, with or without a place for the sentence, which names the setting. */
static void assert_refused(const wafer_settings *settings, wafer_result expected, const char *named)
{
    wafer_manager *manager = (wafer_manager *)1;
    wafer_error error = {.text = "untouched"};

    assert_int_equal(wafer_manager_new(settings, &manager, &error), expected);
    assert_null(manager);
    assert_int_equal(error.result, expected);
    assert_int_equal(error.line, 0);
    if (strstr(error.text, named) == NULL)
        fail_msg("\"%s\" does not name %s", error.text, named);
    assert_int_equal(wafer_manager_new(settings, &manager, NULL), expected);
    assert_null(manager);
}

static void assert_invalid(const wafer_settings *settings, const char *named)
{
    assert_refused(settings, WAFER_INVALID, named);
}

/* The settings of a world whose list allows as much as there is to allow. */
static wafer_settings wide_settings(struct world *world)
{
    wafer_revocations_settings list = world_list_settings(world);

    list.retention_ms = WAFER_LIFETIME_MAX_MS;
    list.skew_ms = WAFER_SKEW_MAX_MS;
    world_list(world, &list);
    return world_settings(world);
}

/* ---- Defaults -------------------------------------------------------------------------------- */

static void the_initializer_gives_the_defaults_that_the_header_states(void **state)
{
    wafer_settings settings = WAFER_SETTINGS_INIT;

    (void)state;
    assert_int_equal(settings.size, sizeof settings);
    assert_null(settings.keyring);
    assert_null(settings.revocations);
    assert_string_equal(settings.name, "__Host-session");
    assert_null(settings.domain);
    assert_string_equal(settings.path, "/");
    assert_int_equal(settings.same_site, WAFER_SAME_SITE_LAX);
    assert_int_equal(settings.priority, WAFER_PRIORITY_UNSET);
    assert_true(settings.secure);
    assert_true(settings.http_only);
    assert_false(settings.partitioned);
    assert_false(settings.outlives_browser);
    assert_int_equal(settings.idle_ms, 30 * MINUTE);
    assert_int_equal(settings.absolute_ms, 12 * HOUR);
    assert_int_equal(settings.skew_ms, 60 * SECOND);
    assert_null(settings.clock);
    assert_null(settings.clock_context);
    assert_string_equal(settings.context, "");
    assert_string_equal(settings.realm, "");
    assert_int_equal(settings.line_limit, 3500);
    assert_int_equal(settings.pad_to, 0);
    assert_false(settings.split_at_commas);
    assert_true(settings.cache_headers);
    assert_false(settings.fresh_nonces);
}

static void the_defaults_make_a_manager_once_ring_and_list_are_set(void **state)
{
    struct world *world = *state;
    wafer_settings settings = WAFER_SETTINGS_INIT;

    settings.keyring = world->ring;
    settings.revocations = world->list;
    assert_made(&settings);
}

/* ---- What must be there ---------------------------------------------------------------------- */

static void null_is_misuse(void **state)
{
    struct world *world = *state;
    wafer_settings settings = world_settings(world);
    wafer_manager *manager = NULL;
    wafer_error error = {.text = ""};

    assert_int_equal(wafer_manager_new(NULL, &manager, &error), WAFER_MISUSE);
    assert_null(manager);
    assert_int_equal(error.result, WAFER_MISUSE);
    assert_string_not_equal(error.text, "");
    assert_int_equal(wafer_manager_new(&settings, NULL, &error), WAFER_MISUSE);
    assert_int_equal(wafer_manager_new(NULL, NULL, NULL), WAFER_MISUSE);
    wafer_manager_free(NULL);
}

/* Settings of another size are read no further than their size. */
static void another_size_is_refused(void **state)
{
    struct world *world = *state;
    wafer_settings settings = world_settings(world);
    static const size_t sizes[] =
        {0, 1, sizeof(size_t), sizeof settings - 1, sizeof settings + 1, SIZE_MAX};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t *only_size = (size_t *)(void *)guarded_copy(&sizes[i], sizeof sizes[i]);

        assert_invalid((const wafer_settings *)(const void *)only_size, "size");
        guarded_free(only_size, sizeof sizes[i]);
    }
}

static void ring_list_and_strings_must_be_there(void **state)
{
    struct world *world = *state;
    wafer_settings settings = world_settings(world);

    settings.keyring = NULL;
    assert_invalid(&settings, "keyring");
    settings = world_settings(world);
    settings.revocations = NULL;
    assert_invalid(&settings, "revocations");
    settings = world_settings(world);
    settings.name = NULL;
    assert_invalid(&settings, "name");
    settings = world_settings(world);
    settings.context = NULL;
    assert_invalid(&settings, "context");
    settings = world_settings(world);
    settings.realm = NULL;
    assert_invalid(&settings, "realm");
    /* A cookie needs no path, but a __Host- one does. */
    settings = world_settings(world);
    settings.path = NULL;
    assert_invalid(&settings, "path");
    settings.name = "session";
    assert_made(&settings);
}

/* ---- Numbers at their limits ----------------------------------------------------------------- */

static void idle_is_from_none_to_ten_years(void **state)
{
    wafer_settings settings = wide_settings(*state);
    static const int64_t good[] = {0, 1, 43200000, WAFER_LIFETIME_MAX_MS};
    static const int64_t bad[] = {INT64_MIN, -1, WAFER_LIFETIME_MAX_MS + 1, INT64_MAX};

    for (size_t i = 0; i < 4; i++) {
        settings.idle_ms = good[i];
        assert_made(&settings);
        settings.idle_ms = bad[i];
        assert_invalid(&settings, "idle_ms");
    }
}

static void absolute_is_from_one_to_ten_years(void **state)
{
    wafer_settings settings = wide_settings(*state);
    static const int64_t good[] = {1, 2, WAFER_LIFETIME_MAX_MS - 1, WAFER_LIFETIME_MAX_MS};
    static const int64_t bad[] = {INT64_MIN, 0, WAFER_LIFETIME_MAX_MS + 1, INT64_MAX};

    for (size_t i = 0; i < 4; i++) {
        settings.absolute_ms = good[i];
        assert_made(&settings);
        settings.absolute_ms = bad[i];
        assert_invalid(&settings, "absolute_ms");
    }
}

static void skew_is_from_none_to_the_lists(void **state)
{
    struct world *world = *state;
    wafer_settings settings = world_settings(world);

    settings.skew_ms = 60 * SECOND;
    assert_made(&settings);
    settings.skew_ms = 60 * SECOND + 1;
    assert_invalid(&settings, "skew_ms");
    settings = wide_settings(world);
    settings.skew_ms = WAFER_SKEW_MAX_MS;
    assert_made(&settings);
    settings.skew_ms = WAFER_SKEW_MAX_MS + 1;
    assert_invalid(&settings, "skew_ms");
    settings.skew_ms = 0;
    assert_made(&settings);
    settings.skew_ms = -1;
    assert_invalid(&settings, "skew_ms");
    settings.skew_ms = INT64_MIN;
    assert_invalid(&settings, "skew_ms");
    settings.skew_ms = INT64_MAX;
    assert_invalid(&settings, "skew_ms");
}

static void absolute_is_at_most_the_lists_retention(void **state)
{
    struct world *world = *state;
    wafer_settings settings = world_settings(world);

    settings.absolute_ms = WAFER_DAY_MS;
    assert_made(&settings);
    settings.absolute_ms = WAFER_DAY_MS + 1;
    assert_invalid(&settings, "retention_ms");
    assert_invalid(&settings, "absolute_ms");
    assert_int_equal(wafer_revocations_retain(world->list, WAFER_DAY_MS + 1), WAFER_OK);
    assert_made(&settings);
}

static void line_limit_is_from_512_to_8192(void **state)
{
    wafer_settings settings = world_settings(*state);
    static const size_t good[] = {512, 513, 8191, 8192};
    static const size_t bad[] = {0, 511, 8193, SIZE_MAX};

    for (size_t i = 0; i < 4; i++) {
        settings.line_limit = good[i];
        assert_made(&settings);
        settings.line_limit = bad[i];
        assert_invalid(&settings, "line_limit");
    }
}

static void pad_to_is_at_most_1024(void **state)
{
    wafer_settings settings = world_settings(*state);

    settings.pad_to = 1;
    assert_made(&settings);
    settings.pad_to = 1024;
    assert_made(&settings);
    settings.pad_to = 1025;
    assert_invalid(&settings, "pad_to");
    settings.pad_to = SIZE_MAX;
    assert_invalid(&settings, "pad_to");
}

/* ---- Strings --------------------------------------------------------------------------------- */

static void context_and_realm_are_text_of_at_most_1024_bytes(void **state)
{
    static const char *const wrong[] = {"caf\xC3", "\xFF", "\xC0\xAF", "\xED\xA0\x80"};
    char longest[1026];

    for (int which = 0; which < 2; which++) {
        wafer_settings settings = world_settings(*state);
        const char **string = which == 0 ? &settings.context : &settings.realm;
        const char *named = which == 0 ? "context" : "realm";

        memset(longest, 'x', sizeof longest);
        longest[1025] = '\0';
        *string = longest;
        assert_invalid(&settings, named);
        longest[1024] = '\0';
        assert_made(&settings);
        *string = "caf\xC3\xA9";
        assert_made(&settings);
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
            *string = wrong[i];
            assert_invalid(&settings, named);
        }
    }
}

struct violation {
    const char *named;
    const char *name;
    const char *path;
    const char *domain;
    wafer_same_site same_site;
    wafer_priority priority;
    bool not_secure;
    bool not_http_only;
    bool partitioned;
};

static const struct violation violations[] = {
    {.named = "name", .name = "", .path = "/"},
    {.named = "name", .name = "a b", .path = "/"},
    {.named = "name", .name = "a=b", .path = "/"},
    {.named = "name", .name = "a;b", .path = "/"},
    {.named = "name", .name = "caf\xC3\xA9", .path = "/"},
    {.named = "name", .name = "a\r\nb", .path = "/"},
    {.named = "path", .name = "session", .path = ""},
    {.named = "path", .name = "session", .path = "app"},
    {.named = "path", .name = "session", .path = "/a;b"},
    {.named = "path", .name = "session", .path = "/a\nb"},
    {.named = "domain", .name = "session", .path = "/", .domain = ""},
    {.named = "domain", .name = "session", .path = "/", .domain = "example.com; Path=/"},
    {.named = "domain", .name = "session", .path = "/", .domain = "-example.com"},
    {.named = "same_site", .name = "session", .path = "/", .same_site = (wafer_same_site)4},
    {.named = "priority", .name = "session", .path = "/", .priority = (wafer_priority)4},
    {.named = "secure",
     .name = "session",
     .path = "/",
     .same_site = WAFER_SAME_SITE_NONE,
     .not_secure = true},
    {.named = "secure", .name = "session", .path = "/", .partitioned = true, .not_secure = true},
    {.named = "secure", .name = "__Host-session", .path = "/", .not_secure = true},
    {.named = "secure", .name = "__Secure-session", .path = "/", .not_secure = true},
    {.named = "http_only", .name = "__Http-session", .path = "/", .not_http_only = true},
    {.named = "path", .name = "__Host-session", .path = "/app"},
    {.named = "path", .name = "__HOST-session", .path = "/app"},
    {.named = "domain", .name = "__Host-session", .path = "/", .domain = "example.com"},
};

static void what_would_break_the_cookie_is_refused(void **state)
{
    wafer_settings settings = world_settings(*state);

    for (size_t i = 0; i < sizeof violations / sizeof violations[0]; i++) {
        settings.name = violations[i].name;
        settings.path = violations[i].path;
        settings.domain = violations[i].domain;
        settings.same_site = violations[i].same_site;
        settings.priority = violations[i].priority;
        settings.secure = !violations[i].not_secure;
        settings.http_only = !violations[i].not_http_only;
        settings.partitioned = violations[i].partitioned;
        assert_invalid(&settings, violations[i].named);
    }
}

static void what_is_longer_than_cookies_may_be_is_too_large(void **state)
{
    wafer_settings settings = world_settings(*state);
    char longest[4200];

    settings.line_limit = 8192;
    settings.name = "session";
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[1025] = '\0';
    settings.path = longest;
    assert_refused(&settings, WAFER_TOO_LARGE, "path");
    longest[1024] = '\0';
    assert_made(&settings);

    settings.path = "/";
    longest[0] = 'x';
    longest[64] = '\0';
    settings.domain = longest;
    assert_refused(&settings, WAFER_TOO_LARGE, "domain");
    longest[63] = '\0';
    assert_made(&settings);

    settings.domain = NULL;
    memset(longest, 'x', sizeof longest);
    longest[4097] = '\0';
    settings.name = longest;
    assert_refused(&settings, WAFER_TOO_LARGE, "name");
}

/* Name and attributes may take half the line. */
static void an_empty_session_must_fit(void **state)
{
    wafer_settings settings = world_settings(*state);
    static char name[4097];

    settings.line_limit = 1500; /* 1024 bytes of plaintext are 1424 characters */
    settings.pad_to = 1024;
    assert_invalid(&settings, "pad_to");
    settings.line_limit = 1600;
    assert_made(&settings);

    settings = world_settings(*state);
    settings.line_limit = 8192;
    memset(name, 'n', sizeof name - 1);
    settings.name = name;
    assert_invalid(&settings, "name");
    name[4096 - (int)WAFER_TOKEN_LENGTH(WAFER_RECORD_MAX + 1)] = '\0';
    assert_made(&settings);
    name[4096 - (int)WAFER_TOKEN_LENGTH(WAFER_RECORD_MAX + 1)] = 'n';
    name[4097 - (int)WAFER_TOKEN_LENGTH(WAFER_RECORD_MAX + 1)] = '\0';
    assert_invalid(&settings, "name");

    settings = world_settings(*state);
    settings.line_limit = 512;
    memset(name, 'n', 512);
    name[512] = '\0';
    settings.name = name;
    assert_invalid(&settings, "line_limit");
}

static wafer_manager *make(const wafer_settings *settings)
{
    wafer_manager *manager;
    wafer_error error = {.text = ""};

    if (wafer_manager_new(settings, &manager, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    return manager;
}

static void settings_and_strings_are_copied(void **state)
{
    char name[] = "session";
    char domain[] = "example.com";
    char path[] = "/app";
    char context[] = "shop";
    char realm[] = "staff";
    wafer_settings settings = world_settings(*state);
    wafer_manager *manager;
    char line[200];
    size_t length;

    settings.name = name;
    settings.domain = domain;
    settings.path = path;
    settings.context = context;
    settings.realm = realm;
    settings.pad_to = 64;
    manager = make(&settings);
    sodium_memzero(name, sizeof name);
    sodium_memzero(domain, sizeof domain);
    sodium_memzero(path, sizeof path);
    sodium_memzero(context, sizeof context);
    sodium_memzero(realm, sizeof realm);
    memset(&settings, 0, sizeof settings);

    assert_string_equal(manager->settings.name, "session");
    assert_string_equal(manager->settings.domain, "example.com");
    assert_string_equal(manager->settings.path, "/app");
    assert_string_equal(manager->settings.context, "shop");
    assert_string_equal(manager->settings.realm, "staff");
    assert_int_equal(manager->settings.pad_to, 64);
    assert_int_equal(wafer_set_cookie_write(&manager->attributes, "x", 1, 0, -1, line, sizeof line,
                                            &length),
                     WAFER_OK);
    assert_string_equal(line, "session=x; Domain=example.com; Path=/app; Secure; HttpOnly; "
                              "SameSite=Lax");
    wafer_manager_free(manager);
}

static void every_attribute_goes_into_the_line(void **state)
{
    wafer_settings settings = world_settings(*state);
    wafer_manager *manager;
    char line[200];
    size_t length;

    settings.same_site = WAFER_SAME_SITE_NONE;
    settings.priority = WAFER_PRIORITY_HIGH;
    settings.http_only = false;
    settings.partitioned = true;
    manager = make(&settings);
    assert_int_equal(wafer_set_cookie_write(&manager->attributes, "x", 1, 0, -1, line, sizeof line,
                                            &length),
                     WAFER_OK);
    assert_string_equal(line, "__Host-session=x; Path=/; Secure; SameSite=None; Partitioned; "
                              "Priority=High");
    wafer_manager_free(manager);
}

/* ---- The list -------------------------------------------------------------------------------- */

struct stub {
    wafer_result result;
    wafer_revocations_status status;
};

static wafer_result stub_check(void *context, const wafer_revocation_query *query,
                               wafer_standing *standing)
{
    (void)query;
    *standing = WAFER_REFUSED;
    return ((struct stub *)context)->result;
}

static wafer_result stub_not_before(void *context, const uint8_t *subject, int64_t *at_ms)
{
    (void)subject;
    *at_ms = 0;
    return ((struct stub *)context)->result;
}

static wafer_result stub_revoke(void *context, int64_t now_ms, wafer_revocation *entry)
{
    (void)now_ms;
    (void)entry;
    return ((struct stub *)context)->result;
}

static wafer_result stub_purge(void *context, int64_t now_ms, size_t *dropped)
{
    (void)now_ms;
    *dropped = 0;
    return ((struct stub *)context)->result;
}

static wafer_result stub_retain(void *context, int64_t retention_ms)
{
    (void)retention_ms;
    return ((struct stub *)context)->result;
}

static wafer_result stub_look(void *context, wafer_revocations_status *status)
{
    const struct stub *stub = context;

    *status = stub->status;
    return stub->result;
}

static wafer_result stub_entries(void *context, wafer_revocation *entries, size_t room,
                                 size_t *count)
{
    (void)entries;
    (void)room;
    *count = 0;
    return ((const struct stub *)context)->result;
}

static void stub_free(void *context)
{
    (void)context;
}

static wafer_revocations *stub_list(struct stub *stub)
{
    static const wafer_revocations_interface functions = {sizeof functions, stub_check,
                                                          stub_not_before,  stub_revoke,
                                                          stub_purge,       stub_retain,
                                                          stub_look,        stub_entries,
                                                          stub_free,        NULL};
    wafer_revocations *list;

    assert_int_equal(wafer_revocations_wrap(&functions, stub, NULL, NULL, &list, NULL), WAFER_OK);
    return list;
}

static void a_list_that_cannot_be_asked_is_unavailable(void **state)
{
    static const wafer_result results[] = {WAFER_INVALID,    WAFER_TOO_LARGE, WAFER_MISUSE,
                                           WAFER_NO_MEMORY,  WAFER_SYSTEM,    WAFER_LIST_FULL,
                                           WAFER_UNAVAILABLE};
    struct stub stub = {.status = {.retention_ms = WAFER_DAY_MS, .skew_ms = WAFER_MINUTE_MS}};
    wafer_settings settings = world_settings(*state);

    settings.revocations = stub_list(&stub);
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        stub.result = results[i];
        assert_refused(&settings, WAFER_UNAVAILABLE, "list");
    }
    stub.result = WAFER_OK;
    assert_made(&settings);
    wafer_revocations_free(settings.revocations);
}

static void a_list_with_senseless_limits_is_unavailable(void **state)
{
    struct stub stub = {.status = {.retention_ms = INT64_MIN, .skew_ms = WAFER_MINUTE_MS}};
    wafer_settings settings = world_settings(*state);
    wafer_manager *manager;

    settings.revocations = stub_list(&stub);
    assert_int_equal(wafer_manager_new(&settings, &manager, NULL), WAFER_UNAVAILABLE);
    stub.status.retention_ms = WAFER_LIFETIME_MAX_MS;
    settings.absolute_ms = WAFER_LIFETIME_MAX_MS + 1;
    assert_invalid(&settings, "absolute_ms");
    settings.absolute_ms = WAFER_LIFETIME_MAX_MS;
    assert_made(&settings);
    wafer_revocations_free(settings.revocations);
}

static void the_lists_skew_is_kept(void **state)
{
    wafer_settings settings = wide_settings(*state);
    wafer_manager *manager = make(&settings);

    assert_int_equal(manager->list_skew_ms, WAFER_SKEW_MAX_MS);
    wafer_manager_free(manager);
}

/* ---- What it derives ------------------------------------------------------------------------- */

static void the_clock_is_the_one_of_the_settings(void **state)
{
    struct world *world = *state;
    int64_t now_ms = 0;

    assert_true(wafer_manager_now(world->manager, &now_ms));
    assert_int_equal(now_ms, NOON);
    world->now_ms = WAFER_TIME_MAX_MS;
    assert_true(wafer_manager_now(world->manager, &now_ms));
    assert_int_equal(now_ms, WAFER_TIME_MAX_MS);
    world->now_ms = WAFER_TIME_MAX_MS + 1;
    assert_false(wafer_manager_now(world->manager, &now_ms));
    world->now_ms = -1;
    assert_false(wafer_manager_now(world->manager, &now_ms));
}

/* The longest value gives a line that just fits, and one more byte would not. */
static void check_value_max(const wafer_settings *settings, bool lasting)
{
    static const int64_t longest_age_s = WAFER_COOKIE_AGE_MAX;
    static char value[5000];
    static char line[9000];
    wafer_manager *manager = make(settings);
    size_t most = wafer_manager_line_max(manager, lasting) - manager->line_fixed[lasting];
    int64_t age_s = lasting ? longest_age_s : -1;
    size_t length;
    wafer_result result;

    memset(value, 'v', sizeof value);
    assert_in_range(most, 1, sizeof value - 1);
    assert_int_equal(wafer_set_cookie_write(&manager->attributes, value, most, 0, age_s, line,
                                            sizeof line, &length),
                     WAFER_OK);
    assert_true(length <= settings->line_limit);
    result = wafer_set_cookie_write(&manager->attributes, value, most + 1, 0, age_s, line,
                                    sizeof line, &length);
    assert_true(result == WAFER_TOO_LARGE || length == settings->line_limit + 1);
    wafer_manager_free(manager);
}

static void the_longest_value_just_fits_line_and_browser(void **state)
{
    static const size_t limits[] = {512, 3500, 4000, 4096, 4150, 4200, 8192};
    wafer_settings settings = world_settings(*state);

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        settings.line_limit = limits[i];
        check_value_max(&settings, false);
        check_value_max(&settings, true);
    }
    settings.line_limit = 8192;
    settings.name = "s";
    check_value_max(&settings, true);
}

static struct wafer_subkeys subkeys_of(const wafer_manager *manager)
{
    const struct wafer_generation *generation = wafer_keyring_take(manager->settings.keyring, NULL);
    const struct wafer_keys *keys = wafer_generation_keys(generation);
    struct wafer_subkeys subkeys = *wafer_generation_subkeys(generation, &keys->key[0],
                                                             manager->binding);

    wafer_keyring_give(manager->settings.keyring, generation, NULL);
    return subkeys;
}

static void name_and_context_make_the_keys_and_nothing_else_does(void **state)
{
    struct world *world = *state;
    wafer_settings settings = world_settings(world);
    struct wafer_subkeys usual = subkeys_of(world->manager);
    struct wafer_subkeys other;
    wafer_manager *manager;

    settings.realm = "staff";
    settings.idle_ms = 0;
    settings.same_site = WAFER_SAME_SITE_STRICT;
    manager = make(&settings);
    other = subkeys_of(manager);
    assert_memory_equal(&other, &usual, sizeof usual);
    wafer_manager_free(manager);

    for (int which = 0; which < 2; which++) {
        settings = world_settings(world);
        settings.name = which == 0 ? "__Host-sessioN" : settings.name;
        settings.context = which == 1 ? "shop" : settings.context;
        manager = make(&settings);
        other = subkeys_of(manager);
        assert_memory_not_equal(other.cipher, usual.cipher, sizeof usual.cipher);
        assert_memory_not_equal(other.csrf, usual.csrf, sizeof usual.csrf);
        wafer_manager_free(manager);
    }
}

static void a_freed_manager_leaves_its_place_to_the_next(void **state)
{
    wafer_settings settings = world_settings(*state);
    wafer_manager *manager = make(&settings);
    size_t place = manager->binding;

    for (int round = 0; round < 20; round++) {
        wafer_manager_free(manager);
        settings.context = round % 2 == 0 ? "even" : "odd";
        manager = make(&settings);
        assert_int_equal(manager->binding, place);
    }
    wafer_manager_free(manager);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_initializer_gives_the_defaults_that_the_header_states),
        WITH_WORLD(the_defaults_make_a_manager_once_ring_and_list_are_set),
        WITH_WORLD(null_is_misuse),
        WITH_WORLD(another_size_is_refused),
        WITH_WORLD(ring_list_and_strings_must_be_there),
        WITH_WORLD(idle_is_from_none_to_ten_years),
        WITH_WORLD(absolute_is_from_one_to_ten_years),
        WITH_WORLD(skew_is_from_none_to_the_lists),
        WITH_WORLD(absolute_is_at_most_the_lists_retention),
        WITH_WORLD(line_limit_is_from_512_to_8192),
        WITH_WORLD(pad_to_is_at_most_1024),
        WITH_WORLD(context_and_realm_are_text_of_at_most_1024_bytes),
        WITH_WORLD(what_would_break_the_cookie_is_refused),
        WITH_WORLD(what_is_longer_than_cookies_may_be_is_too_large),
        WITH_WORLD(an_empty_session_must_fit),
        WITH_WORLD(settings_and_strings_are_copied),
        WITH_WORLD(every_attribute_goes_into_the_line),
        WITH_WORLD(a_list_that_cannot_be_asked_is_unavailable),
        WITH_WORLD(a_list_with_senseless_limits_is_unavailable),
        WITH_WORLD(the_lists_skew_is_kept),
        WITH_WORLD(the_clock_is_the_one_of_the_settings),
        WITH_WORLD(the_longest_value_just_fits_line_and_browser),
        WITH_WORLD(name_and_context_make_the_keys_and_nothing_else_does),
        WITH_WORLD(a_freed_manager_leaves_its_place_to_the_next),
    };

    return cmocka_run_group_tests_name("manager", tests, NULL, NULL);
}
