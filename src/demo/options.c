/* The command line. */
#include "demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "../option/revocations_option.h"

#define SECOND_MS    INT64_C(1000)
#define DEFAULT_PORT 8080
#define UNSET        (-1)

void demo_help(FILE *out)
{
    fputs("Usage: wafer-demo --keys FILE [OPTION]...\n"
          "\n"
          "A small web server whose sessions are in an encrypted cookie: sign in, change\n"
          "its variables, see what is in the cookie, sign out, sign out everywhere.\n"
          "\n"
          "  --keys FILE         the key file; make one with: wafer keys new FILE\n"
          "  --revocations LIST  the list of sessions that are refused: memory, if not\n"
          "                      given; file:PATH, shared with other servers;\n"
          "                      lmdb:FOLDER, which also outlives crashes; or\n"
          "                      redis:ADDRESS@FOLDER, shared with other machines. It is\n"
          "                      made when it is missing\n"
          "  --port N            the port, 8080 if not given; 0: any free one, which is\n"
          "                      printed\n"
          "  --address A         the address, 127.0.0.1 if not given\n"
          "  --idle SECONDS      unused for so long ends a session, 1800 if not given; 0:\n"
          "                      never\n"
          "  --absolute SECONDS  so long after signing in it ends, 43200 if not given\n"
          "  --tls-certificate FILE, --tls-key FILE\n"
          "                      two PEM files for https, the key's of mode 0600; the\n"
          "                      cookies are then Secure and named __Host-... Without\n"
          "                      them it is plain http\n"
          "  --operator-password FILE\n"
          "                      the first line of this file, of mode 0600, is the\n"
          "                      password for /operator, which lists and revokes sessions\n"
          "                      and rotates keys; after five wrong ones in a minute, by\n"
          "                      anybody, it is not taken for the rest of it. If not\n"
          "                      given, one is made and printed, which is always taken. Of\n"
          "                      several servers with the same keys and password the\n"
          "                      operator signs in at each\n"
          "  --help              prints this\n"
          "\n"
          "SIGHUP reads the key file anew; SIGINT (Ctrl-C) and SIGTERM end the server.\n"
          "Exit status: 0 when ended by a signal, 1 when it cannot run, 2 for wrong\n"
          "arguments.\n"
          "\n"
          "With curl, a token first, which each POST of the session needs:\n"
          "  curl -c jar -b jar http://127.0.0.1:8080/csrf\n"
          "  curl -c jar -b jar http://127.0.0.1:8080/login \\\n"
          "       --data-urlencode csrf=TOKEN -d user=ada\n"
          "  curl -c jar -b jar http://127.0.0.1:8080/whoami\n"
          "/set takes value=...; there are also /logout and /logout-everywhere.\n",
          out);
}

bool demo_options_shared(const struct demo_options *options)
{
    return revocations_option_kind(options->revocations) != REVOCATIONS_IN_MEMORY;
}

static bool complain(const char *what, const char *value)
{
    fprintf(stderr, "wafer-demo: %s: %s; see wafer-demo --help\n", what, value);
    return false;
}

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *number)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < least ||
        value > most)
        return false;
    *number = value;
    return true;
}

static bool read_seconds(const char *text, int64_t least, int64_t *milliseconds)
{
    int64_t seconds;

    if (!read_number(text, least, WAFER_LIFETIME_MAX_MS / SECOND_MS, &seconds))
        return false;
    *milliseconds = seconds * SECOND_MS;
    return true;
}

static bool read_port(const char *text, uint16_t *port)
{
    int64_t number;

    if (!read_number(text, 0, UINT16_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool read_address(struct demo_options *options)
{
    struct sockaddr_in *ip4 = &options->socket_address.ip4;
    struct sockaddr_in6 *ip6 = &options->socket_address.ip6;

    memset(&options->socket_address, 0, sizeof options->socket_address);
    if (inet_pton(AF_INET, options->address, &ip4->sin_addr) == 1) {
        ip4->sin_family = AF_INET;
        ip4->sin_port = htons(options->port);
        options->loopback = ntohl(ip4->sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    memset(&options->socket_address, 0, sizeof options->socket_address);
    if (inet_pton(AF_INET6, options->address, &ip6->sin6_addr) == 1) {
        ip6->sin6_family = AF_INET6;
        ip6->sin6_port = htons(options->port);
        options->loopback = IN6_IS_ADDR_LOOPBACK(&ip6->sin6_addr);
        return true;
    }
    return false;
}

/* One option; getopt has printed its own line for '?'. */
static bool read_option(int option, const char *value, struct demo_options *options)
{
    switch (option) {
    case 'k':
        options->keys = value;
        return true;
    case 'p':
        return read_port(value, &options->port) ||
               complain("--port takes a number from 0 to 65535, not", value);
    case 'a':
        options->address = value;
        return true;
    case 'i':
        return read_seconds(value, 0, &options->idle_ms) ||
               complain("--idle takes whole seconds, 0 to 10 years, not", value);
    case 'm':
        return read_seconds(value, 1, &options->absolute_ms) ||
               complain("--absolute takes whole seconds, 1 to 10 years, not", value);
    case 'r':
        options->revocations = value;
        return revocations_option_kind(value) != REVOCATIONS_UNKNOWN ||
               complain("--revocations takes memory, file:PATH, lmdb:FOLDER or "
                        "redis:ADDRESS@FOLDER, not",
                        value);
    case 'c':
        options->tls_certificate = value;
        return true;
    case 't':
        options->tls_key = value;
        return true;
    case 'o':
        options->operator_password = value;
        return true;
    case 'h':
        options->help = true;
        return true;
    default:
        return false;
    }
}

static bool complete(struct demo_options *options)
{
    if (options->keys == NULL) {
        fputs("wafer-demo: --keys FILE is missing; make a key file with: wafer keys new FILE\n",
              stderr);
        return false;
    }
    if ((options->tls_certificate == NULL) != (options->tls_key == NULL)) {
        fputs("wafer-demo: https needs both --tls-certificate and --tls-key\n", stderr);
        return false;
    }
    if (!read_address(options))
        return complain("--address takes an IPv4 or IPv6 address in figures, not",
                        options->address);
    if (options->idle_ms == UNSET)
        options->idle_ms = options->absolute_ms < 30 * WAFER_MINUTE_MS ? options->absolute_ms
                                                                       : 30 * WAFER_MINUTE_MS;
    if (options->idle_ms > options->absolute_ms) {
        fputs("wafer-demo: --idle is longer than --absolute, so it would never count\n", stderr);
        return false;
    }
    return true;
}

bool demo_options_read(int count, char **arguments, struct demo_options *options)
{
    static const struct option known[] = {{"keys", required_argument, NULL, 'k'},
                                          {"revocations", required_argument, NULL, 'r'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"address", required_argument, NULL, 'a'},
                                          {"idle", required_argument, NULL, 'i'},
                                          {"absolute", required_argument, NULL, 'm'},
                                          {"tls-certificate", required_argument, NULL, 'c'},
                                          {"tls-key", required_argument, NULL, 't'},
                                          {"operator-password", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;

    *options = (struct demo_options){.address = "127.0.0.1",
                                     .revocations = "memory",
                                     .port = DEFAULT_PORT,
                                     .idle_ms = UNSET,
                                     .absolute_ms = 12 * WAFER_HOUR_MS};
    while ((option = getopt_long(count, arguments, "", known, NULL)) != -1)
        if (!read_option(option, optarg, options))
            return false;
    if (options->help)
        return true;
    if (optind < count)
        return complain("takes no arguments besides its options", arguments[optind]);
    return complete(options);
}
