#include "revocations_option.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <wafer/lmdb.h>
#include <wafer/redis.h>

#define STALE_MS 10000 /* several heartbeats */

static const struct name {
    const char *text;
    enum revocations_kind kind;
} names[] = {{"file:", REVOCATIONS_IN_FILE},
             {"lmdb:", REVOCATIONS_WITH_JOURNAL},
             {"redis:", REVOCATIONS_OVER_REDIS}};

/* Where the address of redis:ADDRESS@FOLDER ends; a folder with an "@" in its name has to be named
 * otherwise. NULL when one of the two is missing. */
static const char *end_of_address(const char *place)
{
    const char *at = strrchr(place, '@');

    return at != NULL && at > place && at[1] != '\0' ? at : NULL;
}

enum revocations_kind revocations_option_kind(const char *text)
{
    if (strcmp(text, "memory") == 0)
        return REVOCATIONS_IN_MEMORY;
    if (strncmp(text, "redis:", 6) == 0 && end_of_address(text + 6) == NULL)
        return REVOCATIONS_UNKNOWN;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i].text);

        if (strncmp(text, names[i].text, length) == 0 && text[length] != '\0')
            return names[i].kind;
    }
    return REVOCATIONS_UNKNOWN;
}

const char *revocations_option_place(const char *text)
{
    const char *colon = strchr(text, ':');

    return colon != NULL ? colon + 1 : "";
}

__attribute__((format(printf, 4, 5))) static bool fail(wafer_error *error, wafer_result result,
                                                       int system, const char *format, ...)
{
    va_list values;

    if (error == NULL)
        return false;
    *error = (wafer_error){.result = result, .system = system};
    va_start(values, format);
    vsnprintf(error->text, sizeof error->text, format, values);
    va_end(values);
    return false;
}

static bool open_table(const wafer_revocations_settings *settings, const char *path,
                       wafer_revocations **list, wafer_error *error)
{
    wafer_revocations_settings table = *settings;

    table.path = path;
    return wafer_revocations_new(&table, list, error) == WAFER_OK;
}

#ifdef WAFER_WITH_LMDB
static bool is_folder(const char *folder, wafer_error *error)
{
    struct stat status;

    if (stat(folder, &status) == 0)
        return S_ISDIR(status.st_mode) ||
               fail(error, WAFER_INVALID, 0, "%.200s is not a folder", folder);
    if (errno == ENOENT)
        return fail(error, WAFER_SYSTEM, ENOENT,
                    "there is no folder %.80s for the journal; make it with: mkdir -m 700 %.80s",
                    folder, folder);
    return fail(error, WAFER_SYSTEM, errno, "%.150s: %s", folder, strerror(errno));
}

static bool open_with_journal(const char *folder, const wafer_revocations_settings *settings,
                              wafer_revocations **list, wafer_error *error)
{
    wafer_lmdb_settings lmdb = WAFER_LMDB_SETTINGS_INIT;
    wafer_revocations_settings table = *settings;
    char journal_path[PATH_MAX];
    char table_path[PATH_MAX];
    int length = snprintf(journal_path, sizeof journal_path, "%s/journal", folder);

    snprintf(table_path, sizeof table_path, "%s/table", folder);
    if (length < 0 || (size_t)length >= sizeof journal_path)
        return fail(error, WAFER_SYSTEM, ENAMETOOLONG, "the name of the folder is too long");
    if (!is_folder(folder, error))
        return false;
    if (settings->access == WAFER_ACCESS_READ)
        return open_table(settings, table_path, list, error);
    lmdb.path = journal_path;
    lmdb.group_readable = settings->group_readable;
    table.path = table_path;
    return wafer_lmdb_open(&lmdb, &table, list, error) == WAFER_OK;
}
#else
static bool open_with_journal(const char *folder, const wafer_revocations_settings *settings,
                              wafer_revocations **list, wafer_error *error)
{
    (void)settings;
    (void)list;
    return fail(error, WAFER_INVALID, 0, "lmdb:%.150s cannot be opened: built without LMDB",
                folder);
}
#endif

#ifdef WAFER_WITH_REDIS
static bool open_over_redis(const char *place, const wafer_revocations_settings *settings,
                            wafer_revocations **list, wafer_error *error)
{
    const char *at = end_of_address(place);
    wafer_redis_settings redis = WAFER_REDIS_SETTINGS_INIT;
    char address[512];
    char path[PATH_MAX];

    if (at == NULL || (size_t)(at - place) >= sizeof address)
        return fail(error, WAFER_INVALID, 0, "the address is too long: redis:%.100s", place);
    memcpy(address, place, (size_t)(at - place));
    address[at - place] = '\0';
    /* Looking at the table needs no Redis, and no freshness. */
    if (settings->access == WAFER_ACCESS_READ) {
        int length = snprintf(path, sizeof path, "%s/table", at + 1);
        if (length < 0 || (size_t)length >= sizeof path)
            return fail(error, WAFER_SYSTEM, ENAMETOOLONG, "the name of the folder is too long");
        return open_table(settings, path, list, error);
    }
    redis.address = address;
    redis.folder = at + 1;
    redis.stale_ms = STALE_MS;
    redis.when_stale = WAFER_REDIS_REFUSES;
    redis.group_readable = settings->group_readable;
    return wafer_redis_open(&redis, settings, list, error) == WAFER_OK;
}
#else
static bool open_over_redis(const char *place, const wafer_revocations_settings *settings,
                            wafer_revocations **list, wafer_error *error)
{
    (void)settings;
    (void)list;
    return fail(error, WAFER_INVALID, 0, "redis:%.150s cannot be opened: built without Redis",
                place);
}
#endif

bool revocations_option_open(const char *text, const wafer_revocations_settings *settings,
                             wafer_revocations **list, wafer_error *error)
{
    const char *place = revocations_option_place(text);

    *list = NULL;
    switch (revocations_option_kind(text)) {
    case REVOCATIONS_IN_MEMORY:
        return open_table(settings, NULL, list, error);
    case REVOCATIONS_IN_FILE:
        return open_table(settings, place, list, error);
    case REVOCATIONS_WITH_JOURNAL:
        return open_with_journal(place, settings, list, error);
    case REVOCATIONS_OVER_REDIS:
        return open_over_redis(place, settings, list, error);
    case REVOCATIONS_UNKNOWN:
        break;
    }
    return fail(error, WAFER_INVALID, 0,
                "a revocation list is memory, file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER, not "
                "%.100s",
                text);
}
