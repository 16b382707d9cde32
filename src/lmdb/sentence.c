#include "sentence.h"

#include <errno.h>
#include <lmdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

wafer_result wafer_journal_fail(wafer_error *error, wafer_result result, int errno_value,
                                const char *format, ...)
{
    va_list arguments;

    if (error == NULL)
        return result;
    *error = (wafer_error){.result = result, .system = errno_value};
    va_start(arguments, format);
    int length = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : strlen(error->text);
    if (errno_value != 0) {
        char words[128];
        if (strerror_r(errno_value, words, sizeof words) != 0)
            (void)snprintf(words, sizeof words, "error %d", errno_value);
        (void)snprintf(error->text + used, sizeof error->text - used, ": %s", words);
    }
    /* A character of several bytes that was cut is dropped as a whole. */
    used = strlen(error->text);
    if (used == sizeof error->text - 1)
        while (used > 0 && ((unsigned char)error->text[used - 1] & 0x80) != 0)
            error->text[--used] = '\0';
    return result;
}

wafer_result wafer_journal_fail_code(wafer_error *error, int code, const char *path)
{
    switch (code) {
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return wafer_journal_fail(error, WAFER_INVALID, 0,
                                  "not a journal of this version of LMDB, or damaged, or its lock "
                                  "file is: %s",
                                  path);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_NOTFOUND:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_VALSIZE:
        return wafer_journal_fail(error, WAFER_INVALID, 0,
                                  "the journal is damaged, or is no journal of a revocation list; "
                                  "restore it, or remove it and start with REFUSES_OLDER: %s",
                                  path);
    case MDB_MAP_FULL:
        return wafer_journal_fail(error, WAFER_SYSTEM, ENOSPC,
                                  "the journal is full, raise its map_size: %s", path);
    case ENOMEM:
        return wafer_journal_fail(error, WAFER_NO_MEMORY, 0, "no memory for the journal %s", path);
    default:
        return code > 0 ? wafer_journal_fail(error, WAFER_SYSTEM, code,
                                             "the journal cannot be used: %s", path)
                        : wafer_journal_fail(error, WAFER_SYSTEM, 0,
                                             "the journal cannot be used (%s): %s",
                                             mdb_strerror(code), path);
    }
}
