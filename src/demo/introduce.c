/* What the server says when it starts. */
#include "demo.h"

#include <errno.h>
#include <string.h>

#include "../option/revocations_option.h"

static void introduce_cookies(const struct demo_server *server)
{
    if (server->options.tls_certificate != NULL)
        printf("cookies: \"%s\" and the like: from this host only, over https only.\n",
               server->accounts[0].cookie);
    else
        printf("cookie: \"%s\", without the __Host- prefix and without Secure, because browsers\n"
               "  take those over https only and this is plain http. Real sites keep the "
               "defaults.\n",
               server->accounts[0].cookie);
}

/* Which list, and what it outlives. */
static void introduce_list(const struct demo_options *options)
{
    const char *place = revocations_option_place(options->revocations);

    switch (revocations_option_kind(options->revocations)) {
    case REVOCATIONS_IN_FILE:
        printf("revocation: the list in the file %s. Whoever signs out is refused\n"
               "  by every server that uses it, now and after the server was started again; after\n"
               "  the machine was, everybody signs in anew.\n",
               place);
        return;
    case REVOCATIONS_WITH_JOURNAL:
        printf("revocation: the list in the folder %s, with a journal. Whoever signs out\n"
               "  is refused by every server that uses it, now and after restarts and crashes of\n"
               "  server and machine; nobody else has to sign in anew.\n",
               place);
        return;
    case REVOCATIONS_OVER_REDIS:
        printf(
            "revocation: a list that many machines share, redis:%s. Whoever\n"
            "  signs out is refused here at once, and on the others as soon as the feeders of\n"
            "  both, \"wafer feed\", have passed it on. Without a feeder nothing can be checked.\n",
            place);
        return;
    default:
        puts("revocation: a list in memory that refuses every session older than itself, so\n"
             "  nobody is signed in again by a restart; after one, everybody signs in anew.");
    }
}

bool demo_introduce(const struct demo_server *server, const char *password)
{
    const struct demo_options *options = &server->options;
    const union MHD_DaemonInfo *bound = MHD_get_daemon_info(server->daemon,
                                                            MHD_DAEMON_INFO_BIND_PORT);
    bool ip6 = options->socket_address.any.sa_family == AF_INET6;
    char where[128];

    snprintf(where, sizeof where, "http%s://%s%s%s:%u/",
             options->tls_certificate != NULL ? "s" : "", ip6 ? "[" : "", options->address,
             ip6 ? "]" : "", bound != NULL ? (unsigned)bound->port : (unsigned)options->port);
    printf("wafer-demo %s listens at %s\n", wafer_version(), where);
    introduce_cookies(server);
    printf("keys: %s; SIGHUP reads the file anew. Ctrl-C ends the server.\n", options->keys);
    introduce_list(options);
    if (password[0] != '\0')
        printf("operator: %soperator with the password %s\n", where, password);
    else
        printf("operator: %soperator with the password of %s\n", where, options->operator_password);
    if (fflush(stdout) == 0)
        return true;
    fprintf(stderr, "wafer-demo: cannot write to the standard output: %s\n", strerror(errno));
    return false;
}
