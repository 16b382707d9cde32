#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "clock.h"
#include "error.h"
#include "hash.h"
#include "table.h"

/* How often all entries are asked for, and the room for those that come in between. */
#define ENTRIES_ATTEMPTS 16
#define ENTRIES_SPARE    64

struct wafer_revocations {
    wafer_revocations_interface functions;
    void *context;
    wafer_clock clock;
    void *clock_context;
};

/* An implementation may return what it likes; callers get what is documented. */
static wafer_result documented(wafer_result result)
{
    switch (result) {
    case WAFER_OK:
    case WAFER_INVALID:
    case WAFER_MISUSE:
    case WAFER_SYSTEM:
    case WAFER_LIST_FULL:
    case WAFER_UNAVAILABLE:
        return result;
    default:
        return WAFER_UNAVAILABLE;
    }
}

/* What an implementation says of an entry it was given. */
static wafer_result documented_revoking(wafer_result result)
{
    return result == WAFER_QUEUED ? result : documented(result);
}

static bool is_taken(wafer_result result)
{
    return result == WAFER_OK || result == WAFER_QUEUED;
}

static bool is_complete(const wafer_revocations_interface *functions)
{
    return functions->size == sizeof *functions && functions->check != NULL &&
           functions->not_before != NULL && functions->revoke != NULL && functions->purge != NULL &&
           functions->retain != NULL && functions->look != NULL && functions->entries != NULL &&
           functions->free != NULL;
}

wafer_result wafer_revocations_wrap(const wafer_revocations_interface *functions, void *context,
                                    wafer_clock clock, void *clock_context,
                                    wafer_revocations **list, wafer_error *error)
{
    if (functions == NULL || list == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "the interface or the result is NULL");
    *list = NULL;
    if (!is_complete(functions)) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "the interface lacks a function, or its size is not "
                          "sizeof(wafer_revocations_interface)");
    }
    if (sodium_init() < 0)
        return wafer_fail(error, WAFER_SYSTEM, 0, 0, "libsodium cannot be initialized");
    wafer_revocations *made = malloc(sizeof *made);
    if (made == NULL)
        return wafer_fail(error, WAFER_NO_MEMORY, 0, 0, "no memory for the revocation list");
    *made = (wafer_revocations){*functions, context, clock, clock_context};
    *list = made;
    return WAFER_OK;
}

wafer_result wafer_revocations_new(const wafer_revocations_settings *settings,
                                   wafer_revocations **list, wafer_error *error)
{
    if (settings == NULL || list == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "the settings or the result is NULL");
    *list = NULL;
    void *table = NULL;
    wafer_result result = wafer_table_new(settings, &table, error);
    if (result != WAFER_OK)
        return result;
    result = wafer_revocations_wrap(&wafer_table_interface, table, settings->clock,
                                    settings->clock_context, list, error);
    if (result != WAFER_OK)
        wafer_table_interface.free(table);
    return result;
}

wafer_result wafer_revocations_open(wafer_on_start on_start, wafer_revocations **list,
                                    wafer_error *error)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;

    settings.on_start = on_start;
    return wafer_revocations_new(&settings, list, error);
}

void wafer_revocations_free(wafer_revocations *list)
{
    if (list != NULL) {
        list->functions.free(list->context);
        free(list);
    }
}

wafer_result wafer_revocations_apply(wafer_revocations *list, int64_t now_ms,
                                     wafer_revocation *entry)
{
    if (list == NULL || entry == NULL)
        return WAFER_MISUSE;
    return documented_revoking(list->functions.revoke(list->context, now_ms, entry));
}

static wafer_result revoke_each(wafer_revocations *list, int64_t now_ms, wafer_revocation *entries,
                                size_t count, size_t *taken)
{
    wafer_result all = WAFER_OK;

    for (*taken = 0; *taken < count; ++*taken) {
        wafer_result result = wafer_revocations_apply(list, now_ms, &entries[*taken]);
        if (!is_taken(result))
            return result;
        if (result == WAFER_QUEUED)
            all = result;
    }
    return all;
}

wafer_result wafer_revocations_apply_all(wafer_revocations *list, int64_t now_ms,
                                         wafer_revocation *entries, size_t count, size_t *taken)
{
    if (taken != NULL)
        *taken = 0;
    if (list == NULL || taken == NULL || (entries == NULL && count > 0))
        return WAFER_MISUSE;
    if (list->functions.revoke_all == NULL)
        return revoke_each(list, now_ms, entries, count, taken);
    size_t done = 0;
    wafer_result result = documented_revoking(
        list->functions.revoke_all(list->context, now_ms, entries, count, &done));
    if (done > count || (is_taken(result) && done < count))
        return WAFER_UNAVAILABLE;
    *taken = done;
    return result;
}

wafer_result wafer_revocations_check(wafer_revocations *list, const wafer_revocation_query *query,
                                     wafer_standing *standing)
{
    wafer_result result;

    if (list == NULL || query == NULL || query->id == NULL || standing == NULL)
        return WAFER_MISUSE;
    *standing = WAFER_REFUSED;
    result = documented(list->functions.check(list->context, query, standing));
    if (result != WAFER_OK)
        *standing = WAFER_REFUSED;
    return result;
}

wafer_result wafer_revocations_not_before(wafer_revocations *list, const uint8_t *subject,
                                          int64_t *at_ms)
{
    if (list == NULL || at_ms == NULL)
        return WAFER_MISUSE;
    int64_t earliest_ms = -1;
    wafer_result result = documented(
        list->functions.not_before(list->context, subject, &earliest_ms));
    if (result == WAFER_OK && !wafer_is_time(earliest_ms))
        return WAFER_UNAVAILABLE;
    if (result == WAFER_OK)
        *at_ms = earliest_ms;
    return result;
}

wafer_result wafer_revocations_look(wafer_revocations *list, wafer_revocations_status *status)
{
    wafer_result result;

    if (list == NULL || status == NULL)
        return WAFER_MISUSE;
    *status = (wafer_revocations_status){0};
    result = documented(list->functions.look(list->context, status));
    /* Times are added to these: an implementation's nonsense must not overflow. */
    if (result == WAFER_OK &&
        (status->retention_ms <= 0 || status->retention_ms > WAFER_LIFETIME_MAX_MS ||
         status->skew_ms < 0 || status->skew_ms > WAFER_SKEW_MAX_MS))
        return WAFER_UNAVAILABLE;
    return result;
}

/* Asks with ever more room until all fit, as others add entries between two questions. */
wafer_result wafer_revocations_entries(wafer_revocations *list, wafer_revocation **entries,
                                       size_t *count)
{
    wafer_revocation *copies = NULL;
    size_t room = 0;

    if (list == NULL || entries == NULL || count == NULL)
        return WAFER_MISUSE;
    *entries = NULL;
    *count = 0;
    for (unsigned attempt = 0; attempt < ENTRIES_ATTEMPTS; attempt++) {
        size_t there = 0;
        wafer_result result = list->functions.entries(list->context, copies, room, &there);
        if (result != WAFER_NO_MEMORY)
            result = documented(result);
        if (result == WAFER_OK && there > 0 && there <= room) {
            *entries = copies;
            *count = there;
            return WAFER_OK;
        }
        free(copies);
        if (result != WAFER_OK || there == 0)
            return result;
        if (there > SIZE_MAX / sizeof *copies / 2)
            return WAFER_NO_MEMORY;
        room = there + there / 8 + ENTRIES_SPARE;
        copies = malloc(room * sizeof *copies);
        if (copies == NULL)
            return WAFER_NO_MEMORY;
    }
    free(copies);
    return WAFER_UNAVAILABLE;
}

wafer_result wafer_revocations_retain(wafer_revocations *list, int64_t retention_ms)
{
    if (list == NULL)
        return WAFER_MISUSE;
    return documented(list->functions.retain(list->context, retention_ms));
}

wafer_result wafer_revocations_purge(wafer_revocations *list, size_t *dropped)
{
    int64_t now_ms;
    size_t count = 0;

    if (list == NULL)
        return WAFER_MISUSE;
    if (!wafer_clock_read(list->clock, list->clock_context, &now_ms))
        return WAFER_SYSTEM;
    wafer_result result = documented(list->functions.purge(list->context, now_ms, &count));
    if (result == WAFER_OK && dropped != NULL)
        *dropped = count;
    return result;
}

static wafer_result revoke_now(wafer_revocations *list, wafer_revocation *entry)
{
    int64_t now_ms;

    if (list == NULL)
        return WAFER_MISUSE;
    if (!wafer_clock_read(list->clock, list->clock_context, &now_ms))
        return WAFER_SYSTEM;
    return wafer_revocations_apply(list, now_ms, entry);
}

wafer_result wafer_revoke_session(wafer_revocations *list, const uint8_t id[WAFER_ID_SIZE])
{
    wafer_revocation entry = {.kind = WAFER_REVOKE_SESSION};

    if (id == NULL)
        return WAFER_MISUSE;
    memcpy(entry.key, id, sizeof entry.key);
    return revoke_now(list, &entry);
}

wafer_result wafer_revoke_subject(wafer_revocations *list, const char *realm, const char *subject,
                                  size_t length)
{
    wafer_revocation entry = {.kind = WAFER_REVOKE_SUBJECT};
    wafer_result result = wafer_subject_key(realm, subject, length, entry.key);

    return result == WAFER_OK ? revoke_now(list, &entry) : result;
}

wafer_result wafer_revoke_everyone(wafer_revocations *list)
{
    wafer_revocation entry = {.kind = WAFER_REVOKE_EVERYONE};

    return revoke_now(list, &entry);
}

wafer_result wafer_subject_key(const char *realm, const char *subject, size_t length,
                               uint8_t key[WAFER_ID_SIZE])
{
    static const char label[] = "wafer subject 1"; /* hashed with its NUL */
    uint8_t realm_length[4];

    if (realm == NULL || subject == NULL || key == NULL)
        return WAFER_MISUSE;
    if (length == 0 || length > WAFER_SUBJECT_MAX || strlen(realm) > UINT32_MAX)
        return WAFER_INVALID;
    {
        const struct wafer_part parts[] = {{label, sizeof label},
                                           {realm_length, sizeof realm_length},
                                           {realm, strlen(realm)},
                                           {subject, length}};

        wafer_hash_length(strlen(realm), realm_length);
        wafer_hash(NULL, parts, sizeof parts / sizeof *parts, key, WAFER_ID_SIZE);
    }
    return WAFER_OK;
}
