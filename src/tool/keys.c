/* wafer keys new, rotate, retire, check, list. Key material never leaves the library. */
#include "tool.h"

#include <string.h>

#include "../option/terminal_text.h"

#define DAYS_MAX 3651 /* the longest retention and a day */

struct request {
    wafer_keys_settings settings;
    const char *file;
    const char *id; /* of a key, in hex */
    bool json;
    bool help;
};

/* What can be done with keys. */
struct action {
    const char *name;
    const char *letters; /* of the options that it takes */
    bool takes_id;
    int (*act)(const struct request *request);
};

/* ---- what was said ----------------------------------------------------------------- */

static int read_option(int option, const char *value, struct request *request)
{
    int64_t days;

    switch (option) {
    case 'g':
        request->settings.group_readable = true;
        return TOOL_DONE;
    case 'n':
        request->settings.lead_ms = 0;
        return TOOL_DONE;
    case 'o':
        if (!tool_read_number(value, 0, DAYS_MAX, &days))
            return tool_misused("keys", "--overlap takes days, 0 to 3651, not", value);
        request->settings.overlap_ms = days * WAFER_DAY_MS;
        return TOOL_DONE;
    case 'j':
        request->json = true;
        return TOOL_DONE;
    case 'h':
        request->help = true;
        return TOOL_DONE;
    default:
        return TOOL_USAGE;
    }
}

/* Reads the file and, where it is taken, the id. */
static int read_operands(int count, char **arguments, bool takes_id, struct request *request)
{
    int most = takes_id ? 2 : 1;

    if (count < 1)
        return tool_misused("keys", "the name of the key file is missing", NULL);
    if (count < most)
        return tool_misused("keys", "the id of the key is missing; wafer keys list prints it",
                            NULL);
    if (count > most)
        return tool_misused("keys", "one key file at a time; there is also", arguments[most]);
    request->file = arguments[0];
    request->id = takes_id ? arguments[1] : NULL;
    return TOOL_DONE;
}

static int read_request(int count, char **arguments, const struct action *action,
                        struct request *request)
{
    static const struct option all[] = {{"now", no_argument, NULL, 'n'},
                                        {"overlap", required_argument, NULL, 'o'},
                                        {"group", no_argument, NULL, 'g'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'}};
    struct option known[sizeof all / sizeof *all + 1] = {{NULL, 0, NULL, 0}};
    size_t many = 0;
    int option;

    *request = (struct request){WAFER_KEYS_SETTINGS_INIT, NULL, NULL, false, false};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strchr(action->letters, all[i].val) != NULL)
            known[many++] = all[i];
    while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
        int status = read_option(option, optarg, request);

        if (status != TOOL_DONE)
            return status;
    }
    if (request->help)
        return TOOL_DONE;
    return read_operands(count - optind, arguments + optind, action->takes_id, request);
}

/* ---- what is done ------------------------------------------------------------------ */

/* Says what was done, and what to do next. */
static int done(const struct request *request, const char *what)
{
    terminal_text_write(stdout, request->file, strlen(request->file));
    printf(": %s\n", what);
    return TOOL_DONE;
}

static int make(const struct request *request)
{
    wafer_error error;

    if (wafer_keys_create(request->file, &request->settings, &error) != WAFER_OK)
        return tool_failed(error.text);
    return done(request, "made, with one key that seals at once; every server of the site needs "
                         "this same file, kept secret");
}

static int rotate(const struct request *request)
{
    wafer_error error;

    if (wafer_keys_rotate(request->file, &request->settings, &error) != WAFER_OK)
        return tool_failed(error.text);
    return done(request, request->settings.lead_ms == 0
                             ? "rotated; the new key seals at once, reload it now"
                             : "rotated; the new key seals in an hour, reload it everywhere "
                               "before");
}

static int retire(const struct request *request)
{
    uint8_t id[WAFER_KEY_ID_SIZE];
    wafer_error error;

    if (strlen(request->id) != 2 * sizeof id || !tool_read_hex(request->id, 2 * sizeof id, id))
        return tool_misused("keys", "a key's id is 6 lower-case hex digits, not", request->id);
    if (wafer_keys_retire(request->file, id, &request->settings, &error) != WAFER_OK)
        return tool_failed(error.text);
    terminal_text_write(stdout, request->file, strlen(request->file));
    printf(": key %s is retired; reload it everywhere now, until then servers still take what it "
           "sealed\n",
           request->id);
    return TOOL_DONE;
}

static int check(const struct request *request)
{
    wafer_error error;

    if (wafer_keys_check(request->file, &request->settings, &error) != WAFER_OK)
        return tool_failed(error.text);
    return done(request, "good");
}

/* ---- list -------------------------------------------------------------------------- */

static void show_key(const wafer_key_status *key, int64_t now_ms)
{
    static const char *const sentences[] = {
        [WAFER_KEY_WAITS] = "opens, and will seal",
        [WAFER_KEY_SEALS] = "seals, and opens",
        [WAFER_KEY_OPENS] = "opens what it sealed",
        [WAFER_KEY_SPENT] = "opens no more; the next rotate drops it",
    };
    static const enum tool_colour colours[] = {[WAFER_KEY_WAITS] = TOOL_WARNING,
                                               [WAFER_KEY_SEALS] = TOOL_GOOD,
                                               [WAFER_KEY_OPENS] = TOOL_PLAIN,
                                               [WAFER_KEY_SPENT] = TOOL_FAINT};

    tool_colour(colours[key->state]);
    tool_write_hex(stdout, key->id, sizeof key->id);
    printf(" %s: %s", tool_key_state(key->state), sentences[key->state]);
    tool_colour(TOOL_PLAIN);
    fputs("\n  created ", stdout);
    tool_write_when(stdout, key->created_at_ms, now_ms);
    fputs("\n  seals from ", stdout);
    tool_write_when(stdout, key->seals_at_ms, now_ms);
    fputs("\n  opens until ", stdout);
    tool_write_when(stdout, key->opens_until_ms, now_ms);
    putchar('\n');
}

static void show_keys_json(const struct request *request, const wafer_key_status *keys,
                           size_t count)
{
    struct tool_json json = {stdout, false};

    tool_json_open(&json, NULL, '{');
    tool_json_string(&json, "file", request->file);
    tool_json_open(&json, "keys", '[');
    for (size_t i = 0; i < count; i++) {
        tool_json_open(&json, NULL, '{');
        tool_json_hex(&json, "id", keys[i].id, sizeof keys[i].id);
        tool_json_string(&json, "state", tool_key_state(keys[i].state));
        tool_json_time(&json, "created", keys[i].created_at_ms);
        tool_json_time(&json, "seals_from", keys[i].seals_at_ms);
        tool_json_time(&json, "opens_until", keys[i].opens_until_ms);
        tool_json_close(&json, '}', false);
    }
    tool_json_close(&json, ']', false);
    tool_json_close(&json, '}', true);
}

static int list(const struct request *request)
{
    wafer_key_status keys[WAFER_KEYS_MAX];
    wafer_error error;
    int64_t now_ms;
    size_t count;

    if (wafer_keys_list(request->file, &request->settings, keys, &count, &error) != WAFER_OK)
        return tool_failed(error.text);
    if (request->json) {
        show_keys_json(request, keys, count);
        return TOOL_DONE;
    }
    now_ms = tool_now();
    if (now_ms < 0)
        return tool_failed("the clock cannot be read");
    for (size_t i = 0; i < count; i++)
        show_key(&keys[i], now_ms);
    return TOOL_DONE;
}

/* ---- which ------------------------------------------------------------------------- */

static const struct action actions[] = {
    {"new", "gh", false, make},        {"list", "gjh", false, list},
    {"rotate", "nogh", false, rotate}, {"retire", "gh", true, retire},
    {"check", "ogh", false, check},
};

int tool_keys(int count, char **arguments)
{
    const char *name = count > 1 ? arguments[1] : NULL;
    struct request request;

    if (name == NULL)
        return tool_misused("keys", "what about the keys: new, list, rotate, retire or check",
                            NULL);
    if (strcmp(name, "--help") == 0)
        return tool_help("keys");
    arguments[1] = arguments[0];
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        int status;

        if (strcmp(name, actions[i].name) != 0)
            continue;
        status = read_request(count - 1, arguments + 1, &actions[i], &request);
        if (status != TOOL_DONE)
            return status;
        return request.help ? tool_help("keys") : actions[i].act(&request);
    }
    return tool_misused("keys", "new, list, rotate, retire or check, not", name);
}
