/* Life and death of the demo server. */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../option/revocations_option.h"

#define COOKIE_NAME        "wafer-demo"
#define THREADS            2U
#define CONNECTIONS_MAX    128U
#define CONNECTION_SECONDS 10U

/* What lives as long as the server. */
struct life {
    wafer_keyring *keyring;
    wafer_revocations *revocations;
    wafer_manager *manager;
    struct MHD_Daemon *daemon;
    struct demo_server server;
};

static bool complain(const wafer_error *error)
{
    fprintf(stderr, "wafer-demo: %s\n", error->text);
    return false;
}

static bool load_keys(struct life *life, const struct demo_options *options)
{
    wafer_error error;

    if (wafer_keyring_open(options->keys, &life->keyring, &error) == WAFER_OK)
        return true;
    if (error.system == ENOENT)
        fprintf(stderr, "wafer-demo: there is no key file %s; make it with: wafer keys new %s\n",
                options->keys, options->keys);
    else
        complain(&error);
    return false;
}

/* A new list knows nothing of what was signed out, so sessions from before it are refused: nobody
 * who signed out is signed in again by a restart. */
static bool make_list(struct life *life, const struct demo_options *options)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_error error;

    settings.on_start = WAFER_START_REFUSES_OLDER;
    if (settings.retention_ms < options->absolute_ms)
        settings.retention_ms = options->absolute_ms;
    return revocations_option_open(options->revocations, &settings, &life->revocations, &error) ||
           complain(&error);
}

static bool make_manager(struct life *life, const struct demo_options *options)
{
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_error error;

    settings.keyring = life->keyring;
    settings.revocations = life->revocations;
    settings.name = COOKIE_NAME;
    settings.secure = false; /* plain http; keep the default, true, wherever there is https */
    settings.idle_ms = options->idle_ms;
    settings.absolute_ms = options->absolute_ms;
    if (wafer_manager_new(&settings, &life->manager, &error) != WAFER_OK)
        return complain(&error);
    life->server.manager = life->manager;
    return true;
}

static void warn(const struct demo_options *options)
{
    fprintf(stderr,
            "wafer-demo: warning: %s can be reached from other machines, and plain http lets "
            "everybody on the way read and copy the cookies\n",
            options->address);
}

static bool listen_and_serve(struct life *life, const struct demo_options *options)
{
    const struct sockaddr *address = &options->socket_address.any;
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD;

    if (!options->loopback)
        warn(options);
    if (address->sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    errno = 0;
    life->daemon = MHD_start_daemon(flags, options->port, NULL, NULL, demo_handle, &life->server,
                                    MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_THREAD_POOL_SIZE,
                                    THREADS, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                                    MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_SECONDS,
                                    MHD_OPTION_NOTIFY_COMPLETED, demo_completed, NULL,
                                    MHD_OPTION_END);
    if (life->daemon == NULL)
        fprintf(stderr, "wafer-demo: cannot listen on %s, port %u: %s\n", options->address,
                (unsigned)options->port, errno != 0 ? strerror(errno) : "no reason given");
    return life->daemon != NULL;
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

static bool introduce(const struct life *life, const struct demo_options *options)
{
    const union MHD_DaemonInfo *bound = MHD_get_daemon_info(life->daemon,
                                                            MHD_DAEMON_INFO_BIND_PORT);
    bool ip6 = options->socket_address.any.sa_family == AF_INET6;

    printf("wafer-demo %s listens at http://%s%s%s:%u/\n"
           "cookie: \"" COOKIE_NAME "\", without the __Host- prefix and without Secure, because "
           "browsers\n  take those over https only and this is plain http. Real sites keep the "
           "defaults.\n"
           "keys: %s; SIGHUP reads the file anew. Ctrl-C ends the server.\n",
           wafer_version(), ip6 ? "[" : "", options->address, ip6 ? "]" : "",
           bound != NULL ? (unsigned)bound->port : (unsigned)options->port, options->keys);
    introduce_list(options);
    if (fflush(stdout) == 0)
        return true;
    fprintf(stderr, "wafer-demo: cannot write to the standard output: %s\n", strerror(errno));
    return false;
}

static void reload_keys(struct life *life)
{
    wafer_error error;

    if (wafer_keyring_reload(life->keyring, &error) == WAFER_OK) {
        puts("wafer-demo: the key file was read anew");
        fflush(stdout);
    } else {
        fprintf(stderr, "wafer-demo: the old keys stay in use: %s\n", error.text);
    }
}

/* Signals are blocked in every thread and taken here, one by one; nothing runs in a handler. */
static bool block_signals(sigset_t *signals)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction ignored = {.sa_handler = SIG_IGN};

    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
    /* A shell that starts programs in the background makes them ignore SIGINT. */
    return sigaction(SIGINT, &usual, NULL) == 0 && sigaction(SIGHUP, &usual, NULL) == 0 &&
           sigaction(SIGPIPE, &ignored, NULL) == 0 && sigprocmask(SIG_BLOCK, signals, NULL) == 0;
}

static bool wait_for_the_end(struct life *life, const sigset_t *signals)
{
    int received = 0;

    while (sigwait(signals, &received) == 0) {
        if (received != SIGHUP)
            return true;
        reload_keys(life);
    }
    return false;
}

static void end(struct life *life)
{
    if (life->daemon != NULL)
        MHD_stop_daemon(life->daemon);
    wafer_manager_free(life->manager);
    wafer_revocations_free(life->revocations);
    wafer_keyring_free(life->keyring);
}

int main(int count, char **arguments)
{
    static char name[] = "wafer-demo";
    struct demo_options options;
    struct life life = {NULL, NULL, NULL, NULL, {NULL}};
    sigset_t signals;
    bool good;

    /* A closed output's number would go to a socket, and what is printed to some client. */
    if (fcntl(STDOUT_FILENO, F_GETFD) < 0 || fcntl(STDERR_FILENO, F_GETFD) < 0)
        return 1;
    if (count > 0)
        arguments[0] = name;
    if (!demo_options_read(count, arguments, &options))
        return 2;
    if (options.help) {
        demo_help(stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    good = block_signals(&signals) && load_keys(&life, &options) && make_list(&life, &options) &&
           make_manager(&life, &options) && listen_and_serve(&life, &options) &&
           introduce(&life, &options) && wait_for_the_end(&life, &signals);
    end(&life);
    return good ? 0 : 1;
}
