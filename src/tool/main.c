/* The `wafer` command: which command, and whether its output arrived. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int print_version(void)
{
    printf("wafer %s\n", wafer_version());
    return TOOL_DONE;
}

static int help_on(int count, char **arguments)
{
    static const char *const known[] = {"keys",   "seal",        "open", "inspect", "cookie",
                                        "revoke", "revocations", "feed", "version", "help"};

    if (count < 2)
        return tool_help(NULL);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(arguments[1], known[i]) == 0)
            return tool_help(known[i]);
    return tool_misused(NULL, "there is no command", arguments[1]);
}

/* version and help take no more than --help. */
static bool asks_for_help(int count, char **arguments)
{
    return count > 1 && strcmp(arguments[1], "--help") == 0;
}

/* arguments[0] is the command here. */
static int run(int count, char **arguments)
{
    static char name[] = "wafer"; /* in front of what getopt has to say */
    const char *command = arguments[0];

    arguments[0] = name;
    if (strcmp(command, "keys") == 0)
        return tool_keys(count, arguments);
    if (strcmp(command, "seal") == 0)
        return tool_seal(count, arguments);
    if (strcmp(command, "open") == 0)
        return tool_open(count, arguments);
    if (strcmp(command, "inspect") == 0)
        return tool_inspect(count, arguments);
    if (strcmp(command, "cookie") == 0)
        return tool_cookie(count, arguments);
    if (strcmp(command, "revoke") == 0)
        return tool_revoke(count, arguments);
    if (strcmp(command, "revocations") == 0)
        return tool_revocations(count, arguments);
    if (strcmp(command, "feed") == 0)
        return tool_feed(count, arguments);
    if (strcmp(command, "help") == 0 || strcmp(command, "--help") == 0)
        return asks_for_help(count, arguments) ? tool_help(NULL) : help_on(count, arguments);
    if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0) {
        if (asks_for_help(count, arguments))
            return tool_help(NULL);
        return count > 1 ? tool_misused(NULL, "version takes no arguments, such as", arguments[1])
                         : print_version();
    }
    return tool_misused(NULL, "there is no command", command);
}

static int output_lost(void)
{
    fprintf(stderr, "wafer: cannot write to the standard output: %s\n", strerror(errno));
    return TOOL_FAILED;
}

int main(int count, char **arguments)
{
    int status;

    /* A closed output's number would go to the next file that is opened, which may hold keys. */
    if (fcntl(STDERR_FILENO, F_GETFD) < 0)
        return TOOL_FAILED;
    if (fcntl(STDOUT_FILENO, F_GETFD) < 0)
        return output_lost();
    if (count < 2)
        return tool_misused(NULL, "which command", NULL);
    status = run(count - 1, arguments + 1);
    errno = EIO; /* for a failure that was seen earlier and left no errno */
    if (ferror(stdout) != 0 || fflush(stdout) != 0)
        return output_lost();
    return status;
}
