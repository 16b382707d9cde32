#include "tool.h"

#include <string.h>

#include "../option/terminal_text.h"

static const char on_all[] =
    "Usage: wafer COMMAND ...\n"
    "\n"
    "Makes and looks after the keys of encrypted session cookies, seals and opens\n"
    "them, tells why a cookie is refused, and logs sessions out.\n"
    "\n"
    "  wafer keys new|list|rotate|retire|check FILE  the keys that cookies are\n"
    "                                                sealed under\n"
    "  wafer seal --keys FILE [NAME=VALUE | -]...    prints a token\n"
    "  wafer open --keys FILE [TOKEN | -]            prints what is in a token\n"
    "  wafer inspect [--keys FILE] [TOKEN | -]       what can be known of a token,\n"
    "                                                and why it is refused\n"
    "  wafer cookie [--keys FILE] [FIELD | -]        what is made of a Cookie field,\n"
    "                                                piece by piece\n"
    "  wafer revoke session|subject|everyone ...     logs out\n"
    "  wafer revocations list|count|purge|watch|check\n"
    "                                                what is logged out\n"
    "  wafer feed ...                                mirrors other machines' logouts\n"
    "  wafer version                                 prints the version\n"
    "  wafer help [COMMAND]                          prints help, as --help does\n"
    "\n"
    "Exit status: 0 done, 1 refused or failed, 2 wrong arguments. Keys are never\n"
    "printed. Verdicts are coloured on a terminal, unless NO_COLOR is set. See also:\n"
    "man wafer.\n"
    "\n"
    "  wafer keys new session.keys\n"
    "  wafer seal --keys session.keys --subject ada visits=3\n"
    "  wafer inspect --keys session.keys TOKEN\n";

static const char on_keys[] =
    "Usage: wafer keys new FILE [--group]\n"
    "       wafer keys list FILE [--group] [--json]\n"
    "       wafer keys rotate FILE [--now] [--overlap DAYS] [--group]\n"
    "       wafer keys retire FILE ID [--group]\n"
    "       wafer keys check FILE [--overlap DAYS] [--group]\n"
    "\n"
    "new     makes a key file with one fresh key that seals at once. A file that is\n"
    "        there is not touched.\n"
    "list    prints the keys' ids, what each does (waits, seals, opens, spent) and\n"
    "        until when.\n"
    "rotate  adds a fresh key, lets the old ones open for the overlap and drops\n"
    "        those that open no more. Then let every server read the file anew.\n"
    "retire  takes the key with this id out of the file, as when somebody saw it:\n"
    "        what it sealed is refused wherever the file is read anew. Not the only\n"
    "        one that seals: rotate --now, reload everywhere, then retire.\n"
    "check   tells whether the file can be used, and whether every key that sessions\n"
    "        may still need opens until the overlap after its successor's start.\n"
    "\n"
    "  --group         the group may read the file: made with mode 0640, and 0640 is\n"
    "                  accepted; without it 0600\n"
    "  --now           the new key seals at once, not in an hour: for a single\n"
    "                  server only, since others do not know the key yet\n"
    "  --overlap DAYS  31 if not given; at least as long as sessions live, and a\n"
    "                  little more\n"
    "  --json          prints one JSON object\n"
    "\n"
    "  wafer keys rotate session.keys\n"
    "  wafer keys list session.keys --json\n"
    "  wafer keys retire session.keys a1b2c3\n";

static const char on_seal[] =
    "Usage: wafer seal --keys FILE [OPTION]... [NAME=VALUE | -]...\n"
    "\n"
    "Prints a token: the value of a session cookie that holds these variables. In\n"
    "the place of - come those of a JSON object on the standard input.\n"
    "\n"
    "  --keys FILE       the key file\n"
    "  --group           the key file may have mode 0640\n"
    "  --name NAME       the cookie's name, __Host-session if not given\n"
    "  --context TEXT    the application's context, empty if not given\n"
    "  --subject USER    signs USER in; nobody if not given\n"
    "  --expiry SECONDS  43200, 12 hours, if not given. There is no idle limit in\n"
    "                    the token; the application's own counts\n"
    "  --json            prints one JSON object: token, times, variables\n"
    "\n"
    "A VALUE that is a whole number becomes an integer, true and false a boolean,\n"
    "anything else text. NAME:text=VALUE, NAME:integer=VALUE, NAME:boolean=VALUE and\n"
    "NAME:bytes=HEX say it. Put -- in front of a NAME that starts with a dash. In\n"
    "JSON a value is text, a whole number, true, false or {\"bytes\":\"HEX\"}; null,\n"
    "fractions, arrays and other objects are errors.\n"
    "\n"
    "  wafer seal --keys session.keys --subject ada visits=3 zip:text=01234\n"
    "  echo '{\"visits\":3,\"zip\":\"01234\"}' | wafer seal --keys session.keys -\n";

static const char on_open[] =
    "Usage: wafer open --keys FILE [OPTION]... [TOKEN | -]\n"
    "\n"
    "Prints the verdict on a token and what is in it. With - or no token it is read\n"
    "from the standard input. Succeeds only if it is valid; wafer inspect says why\n"
    "it is not.\n"
    "\n"
    "  --keys FILE     the key file\n"
    "  --group         the key file may have mode 0640\n"
    "  --name NAME     the cookie's name, __Host-session if not given\n"
    "  --context TEXT  the application's context, empty if not given\n"
    "  --json          prints one JSON object; its variables are what wafer seal\n"
    "                  takes\n"
    "\n"
    "This command has an empty revocation list of its own: \"valid\" does not say that\n"
    "the session was not signed out. Nor does it know the application's limits, only\n"
    "those in the token. Controls in text are printed as \\n and \\xNN, a backslash as\n"
    "\\\\. Put -- in front of a TOKEN that starts with a dash.\n"
    "\n"
    "  wafer open --keys session.keys TOKEN\n";

/* Of the two commands that look at what a browser sent. */
#define LOOKING_OPTIONS                                                                            \
    "  --keys FILE         the key file\n"                                                         \
    "  --group             key file and list may have mode 0640\n"                                 \
    "  --name NAME         the cookie's name, __Host-session if not given\n"                       \
    "  --context TEXT      the application's context, empty if not given\n"                        \
    "  --revocations LIST  file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER: what was\n"             \
    "                      logged out, which is unknown without it\n"                              \
    "  --realm R           the realm of the application's settings, empty if not\n"                \
    "                      given\n"

static const char on_inspect[] =
    "Usage: wafer inspect [--keys FILE] [OPTION]... [TOKEN | -]\n"
    "\n"
    "Tells what can be known of a token. Without keys: what anyone sees, the\n"
    "version, which key sealed it, the sizes and how much room is left. With keys:\n"
    "the verdict, the sentence for logs, who is signed in, the times and the\n"
    "variables; of a refused one why it is refused and what to do, and what was in\n"
    "it. With - or no token it is read from the standard input. Succeeds if it is\n"
    "valid; without keys, if it is well formed.\n"
    "\n" LOOKING_OPTIONS "  --json              prints one JSON object\n"
    "\n"
    "  wafer inspect TOKEN\n"
    "  wafer inspect --keys session.keys --revocations file:/run/shop/list TOKEN\n";

static const char on_cookie[] =
    "Usage: wafer cookie [--keys FILE] [OPTION]... [FIELD | -]\n"
    "\n"
    "Tells what is made of a Cookie field, as it came, with or without \"Cookie:\" in\n"
    "front; several are a line each. Of each piece in turn: another cookie, passed\n"
    "over, or a candidate; of a candidate whether it is a token and, with keys, the\n"
    "verdict and why. Then which one is chosen, and the verdict on the whole, as the\n"
    "library gives it. With - or no field it is read from the standard input.\n"
    "Succeeds if a session comes of it; without keys, if a token is in it.\n"
    "\n" LOOKING_OPTIONS
    "  --commas            the server folds fields with commas: split_at_commas\n"
    "  --json              prints one JSON object, in which values are whole\n"
    "\n"
    "  wafer cookie --keys session.keys 'theme=dark; __Host-session=TOKEN'\n"
    "  wafer cookie --name id - <field.txt\n";

static const char on_revoke[] =
    "Usage: wafer revoke session ID --revocations LIST [--group] [--json]\n"
    "       wafer revoke subject USER [--realm R] --revocations LIST [--group]\n"
    "                [--json]\n"
    "       wafer revoke everyone --revocations LIST [--group] [--json]\n"
    "\n"
    "Logs out. It is in effect in every process that has the list open before the\n"
    "command ends.\n"
    "\n"
    "session   the session of this id, 32 hex digits: \"wafer open\" prints it\n"
    "subject   a user, on every device; the user may sign in again\n"
    "everyone  every user; all may sign in again\n"
    "\n"
    "  --revocations LIST  file:PATH, a table file; lmdb:FOLDER, a folder with a\n"
    "                      table file and a journal; or redis:ADDRESS@FOLDER, this\n"
    "                      machine's folder of a list that many share, see wafer\n"
    "                      feed --help. It must be there: servers make it, this\n"
    "                      command does not\n"
    "  --group             the list may be readable by its group, mode 0640\n"
    "  --realm R           the realm of the application's settings, empty if not\n"
    "                      given\n"
    "  --json              prints the entry as one JSON object\n"
    "\n"
    "Put -- in front of a USER that starts with a dash.\n"
    "\n"
    "  wafer revoke subject ada --revocations lmdb:lists\n";

static const char on_revocations[] =
    "Usage: wafer revocations list|count|purge|watch|check --revocations LIST\n"
    "                [--group] [--json]\n"
    "\n"
    "list   prints the entries, oldest first: kind, key in hex, since when, age; of\n"
    "       copies also the count of renewals. A subject's key is a hash of realm\n"
    "       and user\n"
    "count  prints how many there are, of how many there is room for, and the list's\n"
    "       limits\n"
    "purge  drops the entries that no session can need any more, and says how many\n"
    "watch  looks every second and prints new entries, until SIGINT (Ctrl-C) or\n"
    "       SIGTERM\n"
    "check  opens the list and verifies it; warns when it is 80 % full\n"
    "\n"
    "  --revocations LIST  file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER; see wafer\n"
    "                      revoke --help. Of the last one it is this machine's table\n"
    "  --group             the list may have mode 0640 and, unless it is to be\n"
    "                      changed, belong to another user\n"
    "  --json              prints one JSON object; watch prints one a line\n"
    "\n"
    "list, count, watch and, of a file, check change nothing and need no more than\n"
    "to read. check of lmdb:FOLDER verifies the journal too and needs its owner, as\n"
    "purge does.\n"
    "\n"
    "  wafer revocations count --revocations file:/run/shop/list --json\n";

static const char on_feed[] =
    "Usage: wafer feed --redis ADDRESS --folder FOLDER [OPTION]...\n"
    "       wafer feed status --folder FOLDER [--json | --prometheus]\n"
    "       wafer feed secret FOLDER [--group]\n"
    "\n"
    "Mirrors what other machines revoke, which travels over a stream of Redis, into\n"
    "this machine's table, FOLDER/table, and publishes what waits in FOLDER/queue.\n"
    "One runs on each machine; a second one waits and takes over when it dies. It\n"
    "runs until SIGTERM or SIGINT (Ctrl-C), and says on stderr when it has caught\n"
    "up, and what is wrong.\n"
    "\n"
    "status  prints how fresh the table is and counters, also as --json or as text\n"
    "        for Prometheus\n"
    "secret  makes FOLDER, if it is missing, and FOLDER/secret. All machines have\n"
    "        the same: make it on one, copy it to the others\n"
    "\n"
    "  --redis ADDRESS       HOST:PORT, [IPV6]:PORT or the path of a unix socket\n"
    "  --folder FOLDER       this machine's folder\n"
    "  --group               the folder may have mode 0750, its files 0640; secret,\n"
    "                        password and user stay 0600\n"
    "  --stream NAME         the key in Redis, wafer if not given\n"
    "  --user NAME           a user of Redis' ACL; FOLDER/user if not given and\n"
    "                        there, else the environment's WAFER_REDIS_USER\n"
    "  --password-file FILE  the password; FOLDER/password if not given and there,\n"
    "                        else the environment's WAFER_REDIS_PASSWORD\n"
    "  --capacity N, --retention SECONDS, --skew SECONDS\n"
    "                        of the table if it has to be made: 1000000, 86400, 60.\n"
    "                        Servers that open it must agree on capacity and skew\n"
    "\n"
    "The stream is read again from its beginning after Redis was started anew, and\n"
    "what it lost is given back to it from the table.\n";

int tool_help(const char *command)
{
    static const struct {
        const char *command;
        const char *text;
    } texts[] = {{"keys", on_keys},
                 {"seal", on_seal},
                 {"open", on_open},
                 {"inspect", on_inspect},
                 {"cookie", on_cookie},
                 {"revoke", on_revoke},
                 {"revocations", on_revocations},
                 {"feed", on_feed}};
    const char *text = on_all;

    for (size_t i = 0; command != NULL && i < sizeof texts / sizeof *texts; i++)
        if (strcmp(command, texts[i].command) == 0)
            text = texts[i].text;
    fputs(text, stdout);
    return TOOL_DONE;
}

int tool_misused(const char *command, const char *what, const char *value)
{
    fprintf(stderr, "wafer: %s", what);
    if (value != NULL) {
        fputs(" \"", stderr);
        terminal_text_write(stderr, value, strlen(value));
        fputs("\"", stderr);
    }
    fprintf(stderr, "; see wafer %s%s--help\n", command != NULL ? command : "",
            command != NULL ? " " : "");
    return TOOL_USAGE;
}
