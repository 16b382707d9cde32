/* wafer seal and wafer open: tokens as they stand in cookies, without HTTP. */
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "../option/terminal_text.h"

#define TOKEN_MAX 8192 /* more than any cookie holds; the rest of the input is not read */
#define SECOND_MS INT64_C(1000)

struct options {
    const char *command;
    const char *keys;
    const char *name;
    const char *context;
    const char *subject;
    int64_t expiry_ms;
    bool group;
    bool help;
};

struct workshop {
    wafer_keyring *keyring;
    wafer_revocations *revocations;
    wafer_manager *manager;
    wafer_session *session;
};

/* ---- options ---------------------------------------------------------------------- */

static int read_option(int option, const char *value, struct options *options)
{
    int64_t seconds;

    switch (option) {
    case 'k':
        options->keys = value;
        return TOOL_DONE;
    case 'n':
        options->name = value;
        return TOOL_DONE;
    case 'c':
        options->context = value;
        return TOOL_DONE;
    case 's':
        options->subject = value;
        return TOOL_DONE;
    case 'e':
        if (!tool_read_number(value, 1, WAFER_LIFETIME_MAX_MS / SECOND_MS, &seconds))
            return tool_misused(options->command, "--expiry takes seconds, 1 to 10 years, not",
                                value);
        options->expiry_ms = seconds * SECOND_MS;
        return TOOL_DONE;
    case 'g':
        options->group = true;
        return TOOL_DONE;
    case 'h':
        options->help = true;
        return TOOL_DONE;
    default:
        return TOOL_USAGE;
    }
}

static int read_options(int count, char **arguments, const struct option *known,
                        struct options *options)
{
    int option;
    int status;

    while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
        status = read_option(option, optarg, options);
        if (status != TOOL_DONE)
            return status;
    }
    if (options->keys == NULL && !options->help)
        return tool_misused(options->command, "--keys FILE is missing", NULL);
    return TOOL_DONE;
}

/* ---- a manager for one session ----------------------------------------------------- */

static wafer_result make(struct workshop *shop, const struct options *options, wafer_error *error)
{
    wafer_keyring_settings keys = WAFER_KEYRING_SETTINGS_INIT;
    wafer_revocations_settings list = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_result result;

    keys.path = options->keys;
    keys.group_readable = options->group;
    result = wafer_keyring_new(&keys, &shop->keyring, error);
    if (result != WAFER_OK)
        return result;
    list.on_start = WAFER_START_FORGETS;
    list.retention_ms = WAFER_LIFETIME_MAX_MS;
    list.capacity = 64;
    result = wafer_revocations_new(&list, &shop->revocations, error);
    if (result != WAFER_OK)
        return result;
    settings.keyring = shop->keyring;
    settings.revocations = shop->revocations;
    settings.name = options->name;
    settings.context = options->context;
    settings.idle_ms = 0;
    settings.absolute_ms = options->expiry_ms;
    settings.line_limit = 8192;
    return wafer_manager_new(&settings, &shop->manager, error);
}

static int open_shop(struct workshop *shop, const struct options *options)
{
    wafer_error error;
    wafer_result result = make(shop, options, &error);

    if (result != WAFER_OK)
        return tool_failed(error.text);
    result = wafer_session_new(shop->manager, &shop->session);
    if (result == WAFER_OK)
        result = wafer_begin(shop->session);
    return result == WAFER_OK ? TOOL_DONE : tool_failed(wafer_result_text(result));
}

static void close_shop(struct workshop *shop)
{
    wafer_session_free(shop->session);
    wafer_manager_free(shop->manager);
    wafer_revocations_free(shop->revocations);
    wafer_keyring_free(shop->keyring);
}

/* ---- wafer seal ------------------------------------------------------------------- */

static int fill(wafer_session *session, const struct options *options, int count, char **values)
{
    wafer_result result;
    int status;

    if (options->subject != NULL) {
        result = wafer_login(session, options->subject, strlen(options->subject), NULL, 0);
        if (result != WAFER_OK)
            return tool_failed(result == WAFER_INVALID ? "a subject is 1 to 255 bytes of UTF-8"
                                                       : wafer_result_text(result));
    }
    for (int i = 0; i < count; i++) {
        status = tool_put(session, values[i]);
        if (status != TOOL_DONE)
            return status;
    }
    return TOOL_DONE;
}

static int seal(struct workshop *shop, const struct options *options, int count, char **values)
{
    const char *token;
    size_t length;
    wafer_result result;
    int status = open_shop(shop, options);

    if (status != TOOL_DONE)
        return status;
    if (wafer_open(shop->session) != WAFER_NONE)
        return tool_failed("a new session cannot be made; is the clock right?");
    status = fill(shop->session, options, count, values);
    if (status != TOOL_DONE)
        return status;
    result = wafer_seal(shop->session, &token, &length);
    if (result != WAFER_OK)
        return tool_failed(wafer_result_text(result));
    puts(token);
    return TOOL_DONE;
}

int tool_seal(int count, char **arguments)
{
    static const struct option known[] = {{"keys", required_argument, NULL, 'k'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"context", required_argument, NULL, 'c'},
                                          {"subject", required_argument, NULL, 's'},
                                          {"expiry", required_argument, NULL, 'e'},
                                          {"group", no_argument, NULL, 'g'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {"seal", NULL, "__Host-session", "", NULL, 12 * WAFER_HOUR_MS,
                              false,  false};
    struct workshop shop = {NULL, NULL, NULL, NULL};
    int status = read_options(count, arguments, known, &options);

    if (status == TOOL_DONE && options.help)
        return tool_help("seal");
    if (status == TOOL_DONE)
        status = seal(&shop, &options, count - optind, arguments + optind);
    close_shop(&shop);
    return status;
}

/* ---- wafer open ------------------------------------------------------------------- */

static bool is_space(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

/* Reads the token from standard input, without the white space around it. */
static int read_token(char *room, const char **token, size_t *length)
{
    size_t end = fread(room, 1, TOKEN_MAX + 1, stdin);
    size_t start = 0;

    if (ferror(stdin)) {
        fprintf(stderr, "wafer: cannot read the standard input: %s\n", strerror(errno));
        return TOOL_FAILED;
    }
    if (end > TOKEN_MAX)
        return tool_failed("the standard input is longer than any token");
    while (end > 0 && is_space(room[end - 1]))
        end--;
    while (start < end && is_space(room[start]))
        start++;
    *token = room + start;
    *length = end - start;
    return TOOL_DONE;
}

static void print_session(wafer_session *session, wafer_verdict verdict)
{
    uint8_t id[WAFER_ID_SIZE];
    wafer_variable variable;
    int64_t at_ms;
    size_t cursor = 0;
    size_t length;
    const char *subject = wafer_subject(session, &length);

    printf("verdict: %s\n", wafer_verdict_text(verdict));
    printf("explain: %s\n", wafer_explain(session));
    if (verdict != WAFER_VALID)
        return;
    fputs("subject: ", stdout);
    if (subject != NULL)
        terminal_text_write(stdout, subject, length);
    fputs("\nid: ", stdout);
    if (wafer_id(session, id))
        tool_write_hex(stdout, id, sizeof id);
    fputs("\nexpires: ", stdout);
    if (wafer_expires_at(session, &at_ms))
        tool_write_time(stdout, at_ms);
    fputs("\nidle-until: ", stdout);
    if (wafer_idle_at(session, &at_ms))
        tool_write_time(stdout, at_ms);
    putchar('\n');
    while (wafer_next(session, &cursor, &variable))
        tool_write_variable(stdout, &variable);
}

static int open_token(struct workshop *shop, const struct options *options, const char *argument)
{
    char room[TOKEN_MAX + 1];
    const char *token = argument;
    size_t length = argument != NULL ? strlen(argument) : 0;
    wafer_verdict verdict;
    int status = TOOL_DONE;

    if (argument == NULL || strcmp(argument, "-") == 0)
        status = read_token(room, &token, &length);
    if (status == TOOL_DONE)
        status = open_shop(shop, options);
    if (status != TOOL_DONE)
        return status;
    verdict = wafer_open_token(shop->session, token, length);
    print_session(shop->session, verdict);
    if (verdict == WAFER_VALID)
        return TOOL_DONE;
    fprintf(stderr, "wafer: the token is not valid: %s\n", wafer_verdict_text(verdict));
    return TOOL_FAILED;
}

int tool_open(int count, char **arguments)
{
    static const struct option known[] = {{"keys", required_argument, NULL, 'k'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"context", required_argument, NULL, 'c'},
                                          {"group", no_argument, NULL, 'g'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {"open", NULL, "__Host-session", "", NULL, WAFER_LIFETIME_MAX_MS,
                              false,  false};
    struct workshop shop = {NULL, NULL, NULL, NULL};
    int status = read_options(count, arguments, known, &options);

    if (status == TOOL_DONE && options.help)
        return tool_help("open");
    if (status == TOOL_DONE && count - optind > 1)
        status = tool_misused("open", "one token at a time; there is also", arguments[optind + 1]);
    if (status == TOOL_DONE)
        status = open_token(&shop, &options, arguments[optind]);
    close_shop(&shop);
    return status;
}
