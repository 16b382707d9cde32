#include "tool.h"

#include <string.h>

#include "../option/terminal_text.h"

static const char on_all[] =
    "Usage: wafer COMMAND ...\n"
    "\n"
    "Makes and looks after the keys of encrypted session cookies, seals and opens them, tells why "
    "a\n"
    "cookie is refused, and logs sessions out.\n"
    "\n"
    "  wafer keys new|list|rotate|retire|check FILE  the keys that cookies are sealed under\n"
    "  wafer seal --keys FILE [NAME=VALUE | -]...    prints a token\n"
    "  wafer open --keys FILE [TOKEN | -]            prints what is in a token\n"
    "  wafer inspect [--keys FILE] [TOKEN | -]       what can be known of a token, and why it is "
    "refused\n"
    "  wafer cookie [--keys FILE] [FIELD | -]        what is made of a Cookie field, piece by "
    "piece\n"
    "  wafer revoke session|subject|everyone ...     logs out\n"
    "  wafer revocations list|count|purge|watch|check\n"
    "                                                what is logged out\n"
    "  wafer feed ...                                mirrors other machines' logouts\n"
    "  wafer version                                 prints the version\n"
    "  wafer help [COMMAND]                          prints help, as --help does\n"
    "\n"
    "Exit status: 0 done, 1 refused or failed, 2 wrong arguments. Keys are never printed. Verdicts "
    "are\n"
    "coloured on a terminal, unless NO_COLOR is set. See also: man wafer.\n"
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
    "new     makes a key file with one fresh key that seals at once. A file that is there is\n"
    "        not touched.\n"
    "list    prints the keys' ids, what each does (waits, seals, opens, spent) and until when.\n"
    "rotate  adds a fresh key, lets the old ones open for the overlap and drops those that open\n"
    "        no more. Then let every server read the file anew.\n"
    "retire  takes the key with this id out of the file, as when somebody saw it: what it sealed\n"
    "        is refused wherever the file is read anew. Not the only one that seals: rotate "
    "--now,\n"
    "        reload everywhere, then retire.\n"
    "check   tells whether the file can be used, and whether every key that sessions may still\n"
    "        need opens until the overlap after its successor's start.\n"
    "\n"
    "  --group         the group may read the file: made with mode 0640, and 0640 is accepted;\n"
    "                  without it 0600\n"
    "  --now           the new key seals at once, not in an hour: for a single server only, since\n"
    "                  others do not know the key yet\n"
    "  --overlap DAYS  31 if not given; at least as long as sessions live, and a little more\n"
    "  --json          prints one JSON object\n"
    "\n"
    "  wafer keys rotate session.keys\n"
    "  wafer keys list session.keys --json\n"
    "  wafer keys retire session.keys a1b2c3\n";

static const char on_seal[] =
    "Usage: wafer seal --keys FILE [OPTION]... [NAME=VALUE | -]...\n"
    "\n"
    "Prints a token: the value of a session cookie that holds these variables. In the place of -\n"
    "come those of a JSON object on the standard input.\n"
    "\n"
    "  --keys FILE       the key file\n"
    "  --group           the key file may have mode 0640\n"
    "  --name NAME       the cookie's name, __Host-session if not given\n"
    "  --context TEXT    the application's context, empty if not given\n"
    "  --subject USER    signs USER in; nobody if not given\n"
    "  --expiry SECONDS  43200, 12 hours, if not given. There is no idle limit in the token; the\n"
    "                    application's own counts\n"
    "  --json            prints one JSON object: token, times, variables\n"
    "\n"
    "A VALUE that is a whole number becomes an integer, true and false a boolean, anything else\n"
    "text. NAME:text=VALUE, NAME:integer=VALUE, NAME:boolean=VALUE and NAME:bytes=HEX say it.\n"
    "Put -- in front of a NAME that starts with a dash. In JSON a value is text, a whole number,\n"
    "true, false or {\"bytes\":\"HEX\"}; null, fractions, arrays and other objects are errors.\n"
    "\n"
    "  wafer seal --keys session.keys --subject ada visits=3 zip:text=01234\n"
    "  echo '{\"visits\":3,\"zip\":\"01234\"}' | wafer seal --keys session.keys -\n";

static const char on_open[] =
    "Usage: wafer open --keys FILE [OPTION]... [TOKEN | -]\n"
    "\n"
    "Prints the verdict on a token and what is in it. With - or no token it is read from the\n"
    "standard input. Succeeds only if it is valid; wafer inspect says why it is not.\n"
    "\n"
    "  --keys FILE     the key file\n"
    "  --group         the key file may have mode 0640\n"
    "  --name NAME     the cookie's name, __Host-session if not given\n"
    "  --context TEXT  the application's context, empty if not given\n"
    "  --json          prints one JSON object; its variables are what wafer seal takes\n"
    "\n"
    "This command has an empty revocation list of its own: \"valid\" does not say that the "
    "session\n"
    "was not signed out. Nor does it know the application's limits, only those in the token.\n"
    "Controls in text are printed as \\n and \\xNN, a backslash as \\\\. Put -- in front of a\n"
    "TOKEN that starts with a dash.\n"
    "\n"
    "  wafer open --keys session.keys TOKEN\n";

static const char on_inspect[] =
    "Usage: wafer inspect [--keys FILE] [OPTION]... [TOKEN | -]\n"
    "\n"
    "Tells what can be known of a token. Without keys: what anyone sees, the version, which key\n"
    "sealed it, the sizes and how much room is left. With keys: the verdict, the sentence for "
    "logs,\n"
    "who is signed in, the times and the variables; of a refused one why it is refused and what "
    "to\n"
    "do, and what was in it. With - or no token it is read from the standard input. Succeeds if "
    "it\n"
    "is valid; without keys, if it is well formed.\n"
    "\n"
    "  --keys FILE         the key file\n"
    "  --group             key file and list may have mode 0640\n"
    "  --name NAME         the cookie's name, __Host-session if not given\n"
    "  --context TEXT      the application's context, empty if not given\n"
    "  --revocations LIST  file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER: what was logged out,\n"
    "                      which is unknown without it\n"
    "  --realm R           the realm of the application's settings, empty if not given\n"
    "  --json              prints one JSON object\n"
    "\n"
    "  wafer inspect TOKEN\n"
    "  wafer inspect --keys session.keys --revocations file:/run/shop/list TOKEN\n";

static const char on_cookie[] =
    "Usage: wafer cookie [--keys FILE] [OPTION]... [FIELD | -]\n"
    "\n"
    "Tells what is made of a Cookie field, as it came, with or without \"Cookie:\" in front; "
    "several\n"
    "are a line each. Of each piece in turn: another cookie, passed over, or a candidate; of a\n"
    "candidate whether it is a token and, with keys, the verdict and why. Then which one is "
    "chosen,\n"
    "and the verdict on the whole, as the library gives it. With - or no field it is read from "
    "the\n"
    "standard input. Succeeds if a session comes of it; without keys, if a token is in it.\n"
    "\n"
    "  --keys FILE         the key file\n"
    "  --group             key file and list may have mode 0640\n"
    "  --name NAME         the cookie's name, __Host-session if not given\n"
    "  --context TEXT      the application's context, empty if not given\n"
    "  --revocations LIST  file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER: what was logged out,\n"
    "                      which is unknown without it\n"
    "  --realm R           the realm of the application's settings, empty if not given\n"
    "  --commas            the server folds fields with commas: split_at_commas\n"
    "  --json              prints one JSON object, in which values are whole\n"
    "\n"
    "  wafer cookie --keys session.keys 'theme=dark; __Host-session=TOKEN'\n"
    "  wafer cookie --name id - <field.txt\n";

static const char on_revoke[] =
    "Usage: wafer revoke session ID --revocations LIST [--group] [--json]\n"
    "       wafer revoke subject USER [--realm R] --revocations LIST [--group] [--json]\n"
    "       wafer revoke everyone --revocations LIST [--group] [--json]\n"
    "\n"
    "Logs out. It is in effect in every process that has the list open before the command ends.\n"
    "\n"
    "session   the session of this id, 32 hex digits: \"wafer open\" prints it\n"
    "subject   a user, on every device; the user may sign in again\n"
    "everyone  every user; all may sign in again\n"
    "\n"
    "  --revocations LIST  file:PATH, a table file; lmdb:FOLDER, a folder with a table file and\n"
    "                      a journal; or redis:ADDRESS@FOLDER, this machine's folder of a list\n"
    "                      that many share, see wafer feed --help. It must be there: servers\n"
    "                      make it, this command does not\n"
    "  --group             the list may be readable by its group, mode 0640\n"
    "  --realm R           the realm of the application's settings, empty if not given\n"
    "  --json              prints the entry as one JSON object\n"
    "\n"
    "Put -- in front of a USER that starts with a dash.\n"
    "\n"
    "  wafer revoke subject ada --revocations lmdb:lists\n";

static const char on_revocations[] =
    "Usage: wafer revocations list|count|purge|watch|check --revocations LIST [--group] [--json]\n"
    "\n"
    "list   prints the entries, oldest first: kind, key in hex, since when, age; of copies also\n"
    "       the count of renewals. A subject's key is a hash of realm and user\n"
    "count  prints how many there are, of how many there is room for, and the list's limits\n"
    "purge  drops the entries that no session can need any more, and says how many\n"
    "watch  looks every second and prints new entries, until SIGINT (Ctrl-C) or SIGTERM\n"
    "check  opens the list and verifies it; warns when it is 80 % full\n"
    "\n"
    "  --revocations LIST  file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER; see wafer revoke\n"
    "                      --help. Of the last one it is this machine's table\n"
    "  --group             the list may have mode 0640 and, unless it is to be changed, belong\n"
    "                      to another user\n"
    "  --json              prints one JSON object; watch prints one a line\n"
    "\n"
    "list, count, watch and, of a file, check change nothing and need no more than to read. check\n"
    "of lmdb:FOLDER verifies the journal too and needs its owner, as purge does.\n"
    "\n"
    "  wafer revocations count --revocations file:/run/shop/list --json\n";

static const char on_feed[] =
    "Usage: wafer feed --redis ADDRESS --folder FOLDER [OPTION]...\n"
    "       wafer feed status --folder FOLDER [--json | --prometheus]\n"
    "       wafer feed secret FOLDER [--group]\n"
    "\n"
    "Mirrors what other machines revoke, which travels over a stream of Redis, into this "
    "machine's\n"
    "table, FOLDER/table, and publishes what waits in FOLDER/queue. One runs on each machine; a\n"
    "second one waits and takes over when it dies. It runs until SIGTERM or SIGINT (Ctrl-C), and\n"
    "says on stderr when it has caught up, and what is wrong.\n"
    "\n"
    "status  prints how fresh the table is and counters, also as --json or as text for Prometheus\n"
    "secret  makes FOLDER, if it is missing, and FOLDER/secret. All machines have the same: make\n"
    "        it on one, copy it to the others\n"
    "\n"
    "  --redis ADDRESS       HOST:PORT, [IPV6]:PORT or the path of a unix socket\n"
    "  --folder FOLDER       this machine's folder\n"
    "  --group               the folder may have mode 0750, its files 0640; secret,\n"
    "                        password and user stay 0600\n"
    "  --stream NAME         the key in Redis, wafer if not given\n"
    "  --user NAME           a user of Redis' ACL; FOLDER/user if not given and there, else the\n"
    "                        environment's WAFER_REDIS_USER\n"
    "  --password-file FILE  the password; FOLDER/password if not given and there, else the\n"
    "                        environment's WAFER_REDIS_PASSWORD\n"
    "  --capacity N, --retention SECONDS, --skew SECONDS\n"
    "                        of the table if it has to be made: 1000000, 86400, 60. Servers that\n"
    "                        open it must agree on capacity and skew\n"
    "\n"
    "The stream is read again from its beginning after Redis was started anew, and what it lost "
    "is\n"
    "given back to it from the table.\n";

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
