#include "tool.h"

#include <string.h>

static const char on_all[] =
    "Usage: wafer COMMAND ...\n"
    "\n"
    "Makes and looks after the keys of encrypted session cookies, and seals and opens them.\n"
    "\n"
    "  wafer keys new FILE [--group]                             makes a key file\n"
    "  wafer keys rotate FILE [--now] [--overlap DAYS] [--group] adds a key, drops spent ones\n"
    "  wafer keys check FILE [--overlap DAYS] [--group]          is the file good, now and later?\n"
    "  wafer seal --keys FILE [OPTION]... [NAME=VALUE]...        prints a token\n"
    "  wafer open --keys FILE [OPTION]... [TOKEN | -]            prints what is in a token\n"
    "  wafer version                                             prints the version\n"
    "  wafer help [COMMAND]                                      prints help, as --help does\n"
    "\n"
    "Exit status: 0 done, 1 refused or failed, 2 wrong arguments. Keys are never printed.\n";

static const char on_keys[] =
    "Usage: wafer keys new FILE [--group]\n"
    "       wafer keys rotate FILE [--now] [--overlap DAYS] [--group]\n"
    "       wafer keys check FILE [--overlap DAYS] [--group]\n"
    "\n"
    "new     makes a key file with one fresh key that seals at once. A file that is there is\n"
    "        not touched.\n"
    "rotate  adds a fresh key, lets the old ones open for the overlap and drops those that open\n"
    "        no more. Then let every server read the file anew.\n"
    "check   tells whether the file can be used, and whether every key opens until the overlap\n"
    "        after its successor's start.\n"
    "\n"
    "  --group         the group may read the file: made with mode 0640, and 0640 is accepted;\n"
    "                  without it 0600\n"
    "  --now           the new key seals at once, not in an hour: for a single server only, since\n"
    "                  others do not know the key yet\n"
    "  --overlap DAYS  31 if not given; at least as long as sessions live, and a little more\n";

static const char on_seal[] =
    "Usage: wafer seal --keys FILE [OPTION]... [NAME=VALUE]...\n"
    "\n"
    "Prints a token: the value of a session cookie that holds these variables.\n"
    "\n"
    "  --keys FILE       the key file\n"
    "  --group           the key file may have mode 0640\n"
    "  --name NAME       the cookie's name, __Host-session if not given\n"
    "  --context TEXT    the application's context, empty if not given\n"
    "  --subject USER    signs USER in; nobody if not given\n"
    "  --expiry SECONDS  43200, 12 hours, if not given. There is no idle limit in the token; the\n"
    "                    application's own counts\n"
    "\n"
    "A VALUE that is a whole number becomes an integer, true and false a boolean, anything else\n"
    "text. NAME:text=VALUE, NAME:integer=VALUE, NAME:boolean=VALUE and NAME:bytes=HEX say it.\n"
    "Put -- in front of a NAME that starts with a dash.\n";

static const char on_open[] =
    "Usage: wafer open --keys FILE [OPTION]... [TOKEN | -]\n"
    "\n"
    "Prints the verdict on a token and what is in it. With - or no token it is read from the\n"
    "standard input. Succeeds only if it is valid.\n"
    "\n"
    "  --keys FILE     the key file\n"
    "  --group         the key file may have mode 0640\n"
    "  --name NAME     the cookie's name, __Host-session if not given\n"
    "  --context TEXT  the application's context, empty if not given\n"
    "\n"
    "This command has an empty revocation list of its own: \"valid\" does not say that the "
    "session\n"
    "was not signed out. Nor does it know the application's limits, only those in the token.\n"
    "Controls in text are printed as \\n and \\xNN, a backslash as \\\\. Put -- in front of a\n"
    "TOKEN that starts with a dash.\n";

int tool_help(const char *command)
{
    const char *text = on_all;

    if (command != NULL && strcmp(command, "keys") == 0)
        text = on_keys;
    else if (command != NULL && strcmp(command, "seal") == 0)
        text = on_seal;
    else if (command != NULL && strcmp(command, "open") == 0)
        text = on_open;
    fputs(text, stdout);
    return TOOL_DONE;
}

int tool_misused(const char *command, const char *what, const char *value)
{
    fprintf(stderr, "wafer: %s", what);
    if (value != NULL) {
        fputs(" \"", stderr);
        tool_write_text(stderr, value, strlen(value));
        fputs("\"", stderr);
    }
    fprintf(stderr, "; see wafer %s%s--help\n", command != NULL ? command : "",
            command != NULL ? " " : "");
    return TOOL_USAGE;
}
