/* The `wafer` command: what its files share. It uses public headers only.
 *
 *     main         which command, and whether its output arrived
 *     help         the texts of --help
 *     keys         wafer keys new, rotate, check
 *     tokens       wafer seal and wafer open
 *     revoke       wafer revoke session, subject, everyone
 *     revocations  wafer revocations list, count, purge, watch, check
 *     watch        the watching
 *     feed         wafer feed: the mirror of a Redis stream, its status, its secret
 *     lists        which revocation list, and its entries in print
 *     values       key=value from the command line, and variables back to it
 *     print        failures, times, numbers */
#ifndef WAFER_TOOL_TOOL_H
#define WAFER_TOOL_TOOL_H

#include <stdio.h>
#include <wafer.h>

/* What a command returns is the exit status. */
enum { TOOL_DONE = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

/* ---- help ------------------------------------------------------------------------- */

/* Prints the help for a command, or for all with NULL. Returns TOOL_DONE. */
int tool_help(const char *command);
/* Prints "wafer: WHAT: VALUE; see wafer COMMAND --help" and returns TOOL_USAGE; value may be
 * NULL. */
int tool_misused(const char *command, const char *what, const char *value);

/* ---- commands: arguments[0] is for getopt's messages, the rest follows the command --- */

int tool_keys(int count, char **arguments);
int tool_seal(int count, char **arguments);
int tool_open(int count, char **arguments);
int tool_revoke(int count, char **arguments);
int tool_revocations(int count, char **arguments);
int tool_feed(int count, char **arguments);

/* ---- lists ------------------------------------------------------------------------ */

/* What was said of a revocation list, and the list while it is open. */
struct tool_list {
    const char *where;
    const char *realm;
    bool group;
    bool json;
    bool help;
    wafer_revocations *list;
};

/* Reads --revocations, --group, --json, --help and, where it is taken, --realm; optind then tells
 * where the rest begins. Returns an exit status. */
int tool_list_read(int count, char **arguments, const char *command, bool takes_realm,
                   struct tool_list *list);
/* Opens the list, which must be there, until tool_list_close. Returns an exit status. */
int tool_list_open(struct tool_list *list, wafer_access access);
void tool_list_close(struct tool_list *list);
/* Prints "wafer: LIST: TEXT" and returns TOOL_FAILED. */
int tool_list_failed(const struct tool_list *list, const char *text);
/* One entry, on a line of its own or as a JSON object. */
void tool_write_entry(FILE *out, const wafer_revocation *entry, int64_t now_ms);
void tool_write_entry_json(FILE *out, const wafer_revocation *entry, int64_t now_ms);
/* For qsort of entries: by what they are about, and by time. */
int tool_compare_names(const void *left, const void *right);
int tool_compare_times(const void *left, const void *right);

/* Prints what comes onto a list, a line an entry, until a signal ends it; opens the list itself.
 * Returns an exit status. */
int tool_watch(struct tool_list *list);

/* ---- values ----------------------------------------------------------------------- */

/* Puts NAME=VALUE or NAME:TYPE=VALUE; the argument is changed while it is read. Any failure is on
 * stderr; returns an exit status. */
int tool_put(wafer_session *session, char *argument);
/* Writes one variable as tool_put takes it, but for escapes. */
void tool_write_variable(FILE *out, const wafer_variable *variable);

/* ---- print ------------------------------------------------------------------------ */

/* Prints "wafer: TEXT", without controls, and returns TOOL_FAILED. */
int tool_failed(const char *text);
void tool_write_hex(FILE *out, const uint8_t *bytes, size_t length);
/* A time as 2026-01-31T12:00:00Z. */
void tool_write_time(FILE *out, int64_t at_ms);
/* A length of time in its largest unit, such as 5m or -30s. */
void tool_write_age(FILE *out, int64_t age_ms);
int64_t tool_now(void);
/* A decimal number and nothing else, from least to most. */
bool tool_read_number(const char *text, int64_t least, int64_t most, int64_t *number);
/* The value of a lower-case hex digit; -1 for anything else. */
int tool_hex_digit(char character);

#endif
