/* wafer keys new, rotate, check. Key material never leaves the library. */
#include "tool.h"

#include <getopt.h>
#include <string.h>

#define DAYS_MAX 3651 /* the longest retention and a day */

struct request {
    wafer_keys_settings settings;
    const char *file;
    bool help;
};

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
    case 'h':
        request->help = true;
        return TOOL_DONE;
    default:
        return TOOL_USAGE;
    }
}

/* Reads options and the one file. */
static int read_request(int count, char **arguments, const struct option *known,
                        struct request *request)
{
    int option;
    int status;

    *request = (struct request){WAFER_KEYS_SETTINGS_INIT, NULL, false};
    while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
        status = read_option(option, optarg, request);
        if (status != TOOL_DONE)
            return status;
    }
    if (request->help)
        return TOOL_DONE;
    if (count - optind < 1)
        return tool_misused("keys", "the name of the key file is missing", NULL);
    if (count - optind > 1)
        return tool_misused("keys", "one key file at a time; there is also", arguments[optind + 1]);
    request->file = arguments[optind];
    return TOOL_DONE;
}

/* What can be done with keys. */
static const struct action {
    const char *name;
    struct option known[5];
    wafer_result (*call)(const char *path, const wafer_keys_settings *settings, wafer_error *error);
    const char *done;
} actions[] = {
    {"new",
     {{"group", no_argument, NULL, 'g'}, {"help", no_argument, NULL, 'h'}},
     wafer_keys_create,
     "made, with one key that seals at once"},
    {"rotate",
     {{"now", no_argument, NULL, 'n'},
      {"overlap", required_argument, NULL, 'o'},
      {"group", no_argument, NULL, 'g'},
      {"help", no_argument, NULL, 'h'}},
     wafer_keys_rotate,
     "rotated; the new key seals in an hour, reload it everywhere before"},
    {"check",
     {{"overlap", required_argument, NULL, 'o'},
      {"group", no_argument, NULL, 'g'},
      {"help", no_argument, NULL, 'h'}},
     wafer_keys_check,
     "good"},
};

static int act(const struct action *action, int count, char **arguments)
{
    struct request request;
    wafer_error error;
    int status = read_request(count, arguments, action->known, &request);

    if (status != TOOL_DONE)
        return status;
    if (request.help)
        return tool_help("keys");
    if (action->call(request.file, &request.settings, &error) != WAFER_OK)
        return tool_failed(error.text);
    /* Only rotate takes --now. */
    printf("%s: %s\n", request.file,
           request.settings.lead_ms == 0 ? "rotated; the new key seals at once, reload it now"
                                         : action->done);
    return TOOL_DONE;
}

int tool_keys(int count, char **arguments)
{
    const char *action = count > 1 ? arguments[1] : NULL;

    if (action == NULL)
        return tool_misused("keys", "what about the keys: new, rotate or check", NULL);
    arguments[1] = arguments[0];
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(action, actions[i].name) == 0)
            return act(&actions[i], count - 1, arguments + 1);
    if (strcmp(action, "--help") == 0)
        return tool_help("keys");
    return tool_misused("keys", "new, rotate or check, not", action);
}
