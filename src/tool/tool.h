/* The `wafer` command: what its files share. It uses public headers only.
 *
 *     main         which command, and whether its output arrived
 *     help         the texts of --help
 *     options      the options of commands about tokens
 *     keys         wafer keys new, list, rotate, retire, check
 *     seal         wafer seal
 *     open         wafer open
 *     inspect      wafer inspect
 *     cookie       wafer cookie
 *     finding      what came of a token, and the sentence that says why
 *     show         a session in print
 *     shop         a manager for one session
 *     revoke       wafer revoke session, subject, everyone
 *     revocations  wafer revocations list, count, purge, watch, check
 *     watch        the watching
 *     feed         wafer feed: the mirror of a Redis stream, its status, its secret
 *     lists        which revocation list, and its entries in print
 *     values       NAME=VALUE from the command line, and variables back to it
 *     object       the same from a JSON object
 *     json         the one writer of JSON
 *     print        failures, times, numbers, colours */
#ifndef WAFER_TOOL_TOOL_H
#define WAFER_TOOL_TOOL_H

#include <getopt.h>
#include <stdio.h>
#include <wafer.h>

/* What a command returns is the exit status. */
enum { TOOL_DONE = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

#define TOOL_SECOND_MS INT64_C(1000)

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
int tool_inspect(int count, char **arguments);
int tool_cookie(int count, char **arguments);
int tool_revoke(int count, char **arguments);
int tool_revocations(int count, char **arguments);
int tool_feed(int count, char **arguments);

/* ---- JSON ------------------------------------------------------------------------- */

/* Puts the commas. Start with {stdout, false}. Names are words of ours, and NULL in an array. */
struct tool_json {
    FILE *out;
    bool more; /* something stands in front of what comes next */
};

void tool_json_open(struct tool_json *json, const char *name, char bracket);
/* Also ends the line, when `ends`. */
void tool_json_close(struct tool_json *json, char bracket, bool ends);
/* Any bytes: what is no UTF-8 becomes U+FFFD, and controls are escaped. */
void tool_json_text(struct tool_json *json, const char *name, const char *text, size_t length);
/* The same, NUL-terminated; NULL is null. */
void tool_json_string(struct tool_json *json, const char *name, const char *text);
/* A name that is any bytes; the value comes next, without one. */
void tool_json_name(struct tool_json *json, const char *name, size_t length);
void tool_json_integer(struct tool_json *json, const char *name, int64_t number);
/* With one digit behind the point. */
void tool_json_decimal(struct tool_json *json, const char *name, double number);
void tool_json_boolean(struct tool_json *json, const char *name, bool truth);
void tool_json_hex(struct tool_json *json, const char *name, const uint8_t *bytes, size_t length);
/* Two members: NAME, a date, and NAME_ms, milliseconds; null for TOOL_NEVER. */
void tool_json_time(struct tool_json *json, const char *name, int64_t at_ms);

#define TOOL_NEVER INT64_MAX

/* ---- options ---------------------------------------------------------------------- */

/* What was said to a command about tokens. */
struct tool_options {
    const char *command;
    const char *keys; /* NULL: none */
    const char *name;
    const char *context;
    const char *subject;
    const char *revocations; /* NULL: none */
    const char *realm;
    int64_t expiry_ms;
    bool group;
    bool commas;
    bool json;
    bool help;
};

/* Reads options; those in `letters` are known to the command, and the others are not:
 *
 *     k --keys  n --name  c --context  s --subject  e --expiry  r --revocations  m --realm
 *     g --group  o --commas  j --json  h --help
 *
 * optind then tells where the rest begins. Returns an exit status. */
int tool_options_read(int count, char **arguments, const char *command, const char *letters,
                      struct tool_options *options);
/* The one operand of a command, or NULL. Returns an exit status. */
int tool_options_operand(const struct tool_options *options, int count, char **arguments,
                         const char **operand);

/* ---- shop ------------------------------------------------------------------------- */

/* A manager with one session. */
struct tool_shop {
    int64_t now_ms; /* what its clock says */
    int64_t absolute_ms;
    wafer_keyring *keyring;
    wafer_revocations *revocations;
    wafer_manager *manager;
    wafer_session *session;
};

/* Makes it for the options, with the revocation list that they name, or with an empty one of its
 * own. No session in it lives longer than `most_ms`, or than the list's retention. Close it in any
 * case. Returns an exit status. */
int tool_shop_open(struct tool_shop *shop, const struct tool_options *options, bool with_list,
                   int64_t most_ms);
void tool_shop_close(struct tool_shop *shop);
/* What a token is at a time. */
wafer_verdict tool_shop_try(struct tool_shop *shop, int64_t at_ms, const char *token,
                            size_t length);
/* Reads what is in a token whatever has become of it since: tries it as of a moment when it was
 * good. False when there is none, as for one that was changed. */
bool tool_shop_look_back(struct tool_shop *shop, const char *token, size_t length);

/* ---- finding ---------------------------------------------------------------------- */

/* A sentence that is put together. What does not fit is left off. */
struct tool_text {
    char text[2048];
    size_t length;
};

__attribute__((format(printf, 2, 3))) void tool_say(struct tool_text *text, const char *format,
                                                    ...);

/* What is needed to tell of tokens: one shop asks the list that was named, the other reads. */
struct tool_bench {
    const struct tool_options *options;
    int64_t now_ms;
    struct tool_shop asked;
    struct tool_shop read;
    wafer_key_status keys[WAFER_KEYS_MAX];
    size_t key_count;
};

/* Without keys in the options nothing is opened. Close it in any case. Returns an exit status. */
int tool_bench_open(struct tool_bench *bench, const struct tool_options *options);
void tool_bench_close(struct tool_bench *bench);

/* What came of a token. */
struct tool_finding {
    bool well_formed;
    wafer_token_facts facts;
    const wafer_key_status *key; /* the one that it names; NULL: the file has none of this id */
    wafer_verdict verdict;       /* WAFER_NONE without keys */
    const char *explain;         /* wafer_explain's, until the next finding; NULL without keys */
    bool readable;               /* bench->read.session is what was in it */
    struct tool_text why;        /* what is wrong with it, and what to do; empty if nothing is */
};

void tool_find(struct tool_bench *bench, const char *token, size_t length,
               struct tool_finding *finding);

/* What a key does now, as a word. */
const char *tool_key_state(wafer_key_state state);

/* ---- show ------------------------------------------------------------------------- */

/* A session that was opened as valid: who, when, and its variables. */
void tool_show_session(const wafer_session *session, int64_t now_ms);
/* The same as members of an object. */
void tool_show_session_json(struct tool_json *json, const wafer_session *session);
/* The verdict's word, in a colour that fits it. */
void tool_show_verdict(wafer_verdict verdict);
/* NAME: TEXT, without controls, and the line's end. */
void tool_show_text(const char *name, const char *text, size_t length);

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
/* Whether a text names a list that others see too. Returns an exit status. */
int tool_list_check(const char *command, const char *where);
/* Opens the list, which must be there, until tool_list_close. Returns an exit status. */
int tool_list_open(struct tool_list *list, wafer_access access);
void tool_list_close(struct tool_list *list);
/* Prints "wafer: LIST: TEXT" and returns TOOL_FAILED. */
int tool_list_failed(const struct tool_list *list, const char *text);
/* One entry, on a line of its own or as a JSON object. */
void tool_write_entry(FILE *out, const wafer_revocation *entry, int64_t now_ms);
void tool_write_entry_json(struct tool_json *json, const wafer_revocation *entry, int64_t now_ms,
                           bool ends);
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
/* Says on stderr why a variable was not put; returns an exit status, also for WAFER_OK. */
int tool_put_failed(const char *name, wafer_result result);
/* Puts every member of a JSON object. Returns an exit status. */
int tool_put_object(wafer_session *session, const char *text, size_t length);
/* Writes one variable as tool_put takes it, but for escapes. */
void tool_write_variable(FILE *out, const wafer_variable *variable);
/* Decodes lower-case hex, and tells whether it was that. out may be where the text is. */
bool tool_read_hex(const char *text, size_t digits, uint8_t *out);

/* ---- print ------------------------------------------------------------------------ */

#define TOOL_TIME_LENGTH 20
#define TOOL_WHEN_MAX    32

/* Prints "wafer: TEXT", without controls, and returns TOOL_FAILED. */
int tool_failed(const char *text);
void tool_write_hex(FILE *out, const uint8_t *bytes, size_t length);
/* A time as 2026-01-31T12:00:00Z. */
void tool_write_time(FILE *out, int64_t at_ms);
void tool_format_time(int64_t at_ms, char out[TOOL_TIME_LENGTH + 1]);
/* A time as people say it, in the unit of which there are two: "in 3 h", "90 min ago", "now". */
void tool_format_when(int64_t at_ms, int64_t now_ms, char out[TOOL_WHEN_MAX]);
/* Both: 2026-01-31T12:00:00Z (in 3 h), or "never". */
void tool_write_when(FILE *out, int64_t at_ms, int64_t now_ms);
/* A length of time in its largest unit, such as 5m or -30s. */
void tool_write_age(FILE *out, int64_t age_ms);
int64_t tool_now(void);
/* A decimal number and nothing else, from least to most. */
bool tool_read_number(const char *text, int64_t least, int64_t most, int64_t *number);
/* Reads the standard input until its end, without the white space around what is there. At most
 * size - 1 bytes, and a NUL behind them; more is an error that calls it `what`. Returns an exit
 * status. */
int tool_read_input(char *room, size_t size, const char *what, char **text, size_t *length);

/* Colours what is printed to stdout from here on; nothing unless that is a terminal that wants it
 * (NO_COLOR). */
enum tool_colour { TOOL_PLAIN, TOOL_GOOD, TOOL_BAD, TOOL_WARNING, TOOL_FAINT };
void tool_colour(enum tool_colour colour);

#endif
