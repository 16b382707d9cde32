/* The `wafer` command: what its files share. It uses <wafer.h> only.
 *
 *     main    which command, and whether its output arrived
 *     help    the texts of --help
 *     keys    wafer keys new, rotate, check
 *     tokens  wafer seal and wafer open
 *     values  key=value from the command line, and variables back to it
 *     print   text that no terminal misreads, times, numbers */
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

/* ---- values ----------------------------------------------------------------------- */

/* Puts NAME=VALUE or NAME:TYPE=VALUE; the argument is changed while it is read. Any failure is on
 * stderr; returns an exit status. */
int tool_put(wafer_session *session, char *argument);
/* Writes one variable as tool_put takes it, but for escapes. */
void tool_write_variable(FILE *out, const wafer_variable *variable);

/* ---- print ------------------------------------------------------------------------ */

/* Prints "wafer: TEXT" and returns TOOL_FAILED. */
int tool_failed(const char *text);
/* Text with \\, \n and other controls as \xNN. */
void tool_write_text(FILE *out, const char *text, size_t length);
void tool_write_hex(FILE *out, const uint8_t *bytes, size_t length);
/* A time as 2026-01-31T12:00:00Z. */
void tool_write_time(FILE *out, int64_t at_ms);
/* A decimal number and nothing else, from least to most. */
bool tool_read_number(const char *text, int64_t least, int64_t most, int64_t *number);

#endif
