/* The options of commands about tokens: seal, open, inspect, cookie. */
#include "tool.h"

#include <string.h>

#define KNOWN_MAX 16

static const struct option all[] =
    {{"keys", required_argument, NULL, 'k'},    {"name", required_argument, NULL, 'n'},
     {"context", required_argument, NULL, 'c'}, {"subject", required_argument, NULL, 's'},
     {"expiry", required_argument, NULL, 'e'},  {"revocations", required_argument, NULL, 'r'},
     {"realm", required_argument, NULL, 'm'},   {"group", no_argument, NULL, 'g'},
     {"commas", no_argument, NULL, 'o'},        {"json", no_argument, NULL, 'j'},
     {"help", no_argument, NULL, 'h'}};

static int read_expiry(const char *value, struct tool_options *options)
{
    int64_t seconds;

    if (!tool_read_number(value, 1, WAFER_LIFETIME_MAX_MS / TOOL_SECOND_MS, &seconds))
        return tool_misused(options->command, "--expiry takes seconds, 1 to 10 years, not", value);
    options->expiry_ms = seconds * TOOL_SECOND_MS;
    return TOOL_DONE;
}

/* Where the text of an option goes; NULL: it is read otherwise. */
static const char **place_of(int option, struct tool_options *options)
{
    switch (option) {
    case 'k':
        return &options->keys;
    case 'n':
        return &options->name;
    case 'c':
        return &options->context;
    case 's':
        return &options->subject;
    case 'r':
        return &options->revocations;
    case 'm':
        return &options->realm;
    default:
        return NULL;
    }
}

static int read_option(int option, const char *value, struct tool_options *options)
{
    const char **place = place_of(option, options);

    if (place != NULL)
        *place = value;
    switch (option) {
    case 'e':
        return read_expiry(value, options);
    case 'r':
        return tool_list_check(options->command, value);
    case 'g':
        options->group = true;
        break;
    case 'o':
        options->commas = true;
        break;
    case 'j':
        options->json = true;
        break;
    case 'h':
        options->help = true;
        break;
    default:
        return place != NULL ? TOOL_DONE : TOOL_USAGE;
    }
    return TOOL_DONE;
}

int tool_options_read(int count, char **arguments, const char *command, const char *letters,
                      struct tool_options *options)
{
    struct option known[KNOWN_MAX] = {{NULL, 0, NULL, 0}};
    size_t many = 0;
    int option;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strchr(letters, all[i].val) != NULL)
            known[many++] = all[i];
    *options = (struct tool_options){.command = command,
                                     .name = "__Host-session",
                                     .context = "",
                                     .realm = "",
                                     .expiry_ms = 12 * WAFER_HOUR_MS};
    while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
        int status = read_option(option, optarg, options);

        if (status != TOOL_DONE)
            return status;
    }
    return TOOL_DONE;
}

int tool_options_operand(const struct tool_options *options, int count, char **arguments,
                         const char **operand)
{
    *operand = count > optind ? arguments[optind] : NULL;
    if (count - optind > 1)
        return tool_misused(options->command, "one at a time; there is also",
                            arguments[optind + 1]);
    return TOOL_DONE;
}
