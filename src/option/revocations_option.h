/* Where the revocation list is, as it stands on a command line; shared by the command, the demo
 * and the examples. It uses public headers only.
 *
 *     memory       anonymous: this process and those that it forks
 *     file:PATH    a table file, for every process of the machine that opens it
 *     lmdb:FOLDER  a table file, FOLDER/table, and beside it a journal, FOLDER/journal, that
 *                  outlives crashes. The folder must be there; 0700 is the mode to give it
 *     redis:ADDRESS@FOLDER
 *                  one that many machines share: this machine's folder, see wafer/redis.h. When the
 *                  table is staler than 10 s, checks fail */
#ifndef WAFER_OPTION_REVOCATIONS_OPTION_H
#define WAFER_OPTION_REVOCATIONS_OPTION_H

#include <wafer.h>

enum revocations_kind {
    REVOCATIONS_UNKNOWN, /* none of them */
    REVOCATIONS_IN_MEMORY,
    REVOCATIONS_IN_FILE,
    REVOCATIONS_WITH_JOURNAL,
    REVOCATIONS_OVER_REDIS
};

/* Which one a text names. Nothing is opened. */
enum revocations_kind revocations_option_kind(const char *text);

/* The text behind the colon. */
const char *revocations_option_place(const char *text);

/* Opens the list that a text names. `settings` says how, as for wafer_revocations_new, but for
 * the path. Access other than CREATE makes no journal either, and READ leaves the journal alone:
 * the table file holds all that is in effect. When it returns false, *list is NULL and `error`
 * tells why. */
bool revocations_option_open(const char *text, const wafer_revocations_settings *settings,
                             wafer_revocations **list, wafer_error *error);

#endif
