#include "manager.h"

#include "clock.h"
#include "error.h"
#include "nonce.h"
#include "record.h"
#include "seal.h"
#include "utf8.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LIMIT_MIN 512
#define LINE_LIMIT_MAX 8192
#define PAD_MAX        1024
#define CONTEXT_MAX    1024 /* of context and of realm; more is a mistake */

static wafer_result check_times(const wafer_settings *settings,
                                const wafer_revocations_status *list, wafer_error *error)
{
    if (settings->absolute_ms <= 0 || settings->absolute_ms > WAFER_LIFETIME_MAX_MS)
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "absolute_ms is %lld, but must be from 1 to %lld",
                          (long long)settings->absolute_ms, (long long)WAFER_LIFETIME_MAX_MS);
    if (settings->absolute_ms > list->retention_ms)
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "absolute_ms is %lld, but the revocation list keeps entries for %lld: "
                          "raise its retention_ms",
                          (long long)settings->absolute_ms, (long long)list->retention_ms);
    if (settings->idle_ms < 0 || settings->idle_ms > WAFER_LIFETIME_MAX_MS)
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "idle_ms is %lld, but must be from 0 (no limit) to %lld",
                          (long long)settings->idle_ms, (long long)WAFER_LIFETIME_MAX_MS);
    if (settings->skew_ms < 0 || settings->skew_ms > list->skew_ms)
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "skew_ms is %lld, but must be from 0 to the revocation list's, %lld",
                          (long long)settings->skew_ms, (long long)list->skew_ms);
    return WAFER_OK;
}

static wafer_result check_text(const char *name, const char *text, wafer_error *error)
{
    if (text == NULL)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "%s is NULL; \"\" is the default", name);
    if (strlen(text) > CONTEXT_MAX)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "%s is longer than %d bytes", name,
                          CONTEXT_MAX);
    if (!wafer_is_text(text, strlen(text)))
        return wafer_fail(error, WAFER_INVALID, 0, 0, "%s is not UTF-8", name);
    return WAFER_OK;
}

static wafer_result check_manager_settings(const wafer_settings *settings,
                                           wafer_revocations_status *list, wafer_error *error)
{
    wafer_result result;

    if (wafer_check_size(settings->size, sizeof *settings, "WAFER_SETTINGS_INIT", error) !=
        WAFER_OK)
        return WAFER_INVALID;
    if (settings->keyring == NULL)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "keyring is NULL; see wafer_keyring_open");
    if (settings->revocations == NULL)
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "revocations is NULL; see wafer_revocations_new");
    if (settings->name == NULL)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "name is NULL");
    if (settings->line_limit < LINE_LIMIT_MIN || settings->line_limit > LINE_LIMIT_MAX)
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "line_limit is %zu, but must be from %d to %d", settings->line_limit,
                          LINE_LIMIT_MIN, LINE_LIMIT_MAX);
    if (settings->pad_to > PAD_MAX)
        return wafer_fail(error, WAFER_INVALID, 0, 0, "pad_to is %zu, but must be at most %d",
                          settings->pad_to, PAD_MAX);
    result = check_text("context", settings->context, error);
    if (result == WAFER_OK)
        result = check_text("realm", settings->realm, error);
    if (result != WAFER_OK)
        return result;
    if (wafer_revocations_look(settings->revocations, list) != WAFER_OK)
        return wafer_fail(error, WAFER_UNAVAILABLE, 0, 0,
                          "the revocation list cannot tell its limits");
    return check_times(settings, list, error);
}

/* Copies one string behind the others and returns the copy. */
static const char *copy_string(char **room, const char *string)
{
    size_t size;
    char *copy = *room;

    if (string == NULL)
        return NULL;
    size = strlen(string) + 1;
    memcpy(copy, string, size);
    *room += size;
    return copy;
}

static wafer_result copy_strings(wafer_manager *manager)
{
    wafer_settings *own = &manager->settings;
    const char **strings[] = {&own->name, &own->domain, &own->path, &own->context, &own->realm};
    const size_t count = sizeof strings / sizeof *strings;
    size_t size = 0;
    char *room;

    for (size_t i = 0; i < count; i++)
        size += *strings[i] != NULL ? strlen(*strings[i]) + 1 : 0;
    manager->strings = room = malloc(size);
    if (room == NULL)
        return WAFER_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        *strings[i] = copy_string(&room, *strings[i]);
    return WAFER_OK;
}

static void set_attributes(struct wafer_cookie_attributes *attributes, const wafer_settings *own)
{
    attributes->name = own->name;
    attributes->name_length = strlen(own->name);
    attributes->path = own->path;
    attributes->path_length = own->path != NULL ? strlen(own->path) : 0;
    attributes->domain = own->domain;
    attributes->domain_length = own->domain != NULL ? strlen(own->domain) : 0;
    attributes->same_site = own->same_site;
    attributes->priority = own->priority;
    attributes->secure = own->secure;
    attributes->http_only = own->http_only;
    attributes->partitioned = own->partitioned;
}

/* ---- Sizes ---- */

static size_t value_max(const wafer_manager *manager, bool outlives_browser)
{
    size_t left = manager->settings.line_limit - manager->line_fixed[outlives_browser];
    size_t pair = WAFER_COOKIE_PAIR_MAX - manager->attributes.name_length;

    return left < pair ? left : pair;
}

static size_t value_size(const wafer_manager *manager, const struct wafer_parts *parts)
{
    size_t pad_to = manager->settings.pad_to;
    size_t plain = WAFER_RECORD_MAX + parts->subject_length + parts->encoded;

    if (pad_to > 1)
        plain = (plain + pad_to - 1) / pad_to * pad_to;
    return WAFER_TOKEN_LENGTH(plain);
}

/* The largest encoded size for nobody. */
static size_t encoded_max(const wafer_manager *manager, bool outlives_browser)
{
    size_t plain = WAFER_TOKEN_PLAIN(value_max(manager, outlives_browser));

    if (manager->settings.pad_to > 1)
        plain -= plain % manager->settings.pad_to;
    return plain > WAFER_RECORD_MAX ? plain - WAFER_RECORD_MAX : 0;
}

size_t wafer_manager_line_size(const wafer_manager *manager, const struct wafer_parts *parts)
{
    return manager->line_fixed[parts->outlives_browser] + value_size(manager, parts);
}

size_t wafer_manager_line_max(const wafer_manager *manager, bool outlives_browser)
{
    return manager->line_fixed[outlives_browser] + value_max(manager, outlives_browser);
}

bool wafer_manager_fits(const wafer_manager *manager, const struct wafer_parts *parts)
{
    return value_size(manager, parts) <= value_max(manager, parts->outlives_browser);
}

size_t wafer_manager_encoded_max(const wafer_manager *manager, const struct wafer_parts *parts)
{
    size_t most = manager->encoded_max[parts->outlives_browser];

    return most > parts->subject_length ? most - parts->subject_length : 0;
}

/* ---- Making ---- */

/* Everything that is derived once; the strings are copied already. */
static wafer_result prepare_manager(wafer_manager *manager, wafer_error *error)
{
    const struct wafer_parts empty = {.encoded = 1, .outlives_browser = true};
    struct wafer_cookie_attributes *attributes = &manager->attributes;
    wafer_result result;

    set_attributes(attributes, &manager->settings);
    result = wafer_set_cookie_check(attributes, error);
    if (result != WAFER_OK)
        return result;
    result = wafer_set_cookie_prepare(attributes);
    if (result != WAFER_OK)
        return wafer_fail(error, result, 0, 0, "no memory for a manager");
    manager->line_fixed[false] = wafer_set_cookie_size(attributes, 0, false);
    manager->line_fixed[true] = wafer_set_cookie_size(attributes, 0, true);
    if (manager->line_fixed[true] >= manager->settings.line_limit ||
        !wafer_manager_fits(manager, &empty))
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "name, attributes and pad_to leave no room for a session in line_limit, "
                          "%zu, or in the 4096 bytes of name and value",
                          manager->settings.line_limit);
    manager->encoded_max[false] = encoded_max(manager, false);
    manager->encoded_max[true] = encoded_max(manager, true);
    return wafer_keyring_bind(manager->settings.keyring, manager->settings.name,
                              manager->settings.context, &manager->binding, error);
}

wafer_result wafer_manager_new(const wafer_settings *settings, wafer_manager **manager,
                               wafer_error *error)
{
    wafer_manager *made;
    wafer_revocations_status list = {.entries = 0};
    wafer_result result;

    if (manager != NULL)
        *manager = NULL;
    if (settings == NULL || manager == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "settings or manager is NULL");
    if (sodium_init() < 0)
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "libsodium cannot be initialized");
    result = check_manager_settings(settings, &list, error);
    if (result != WAFER_OK)
        return result;
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for a manager");
    made->settings = *settings;
    made->list_skew_ms = list.skew_ms;
    result = copy_strings(made);
    if (result != WAFER_OK)
        wafer_fail(error, result, 0, 0, "no memory for a manager");
    else
        result = prepare_manager(made, error);
    if (result == WAFER_OK) {
        wafer_nonce_prepare();
        *manager = made;
    } else {
        wafer_set_cookie_release(&made->attributes);
        free(made->strings);
        free(made);
    }
    return result;
}

void wafer_manager_free(wafer_manager *manager)
{
    if (manager == NULL)
        return;
    wafer_keyring_unbind(manager->settings.keyring, manager->binding);
    wafer_set_cookie_release(&manager->attributes);
    free(manager->strings);
    free(manager);
}

bool wafer_manager_now(const wafer_manager *manager, int64_t *now_ms)
{
    return wafer_clock_read(manager->settings.clock, manager->settings.clock_context, now_ms);
}
