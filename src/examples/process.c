/* Life and death of an example: options, keys, list, manager, signals, and the pool of sessions. */
#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../option/revocations_option.h"

#define POOL_MAX 256

struct application {
    const struct application_traits *traits;
    const char *address;
    const char *keys;
    const char *tls;
    const char *list; /* where it is */
    uint16_t port;
    int signals;
    wafer_keyring *keyring;
    wafer_revocations *revocations;
    wafer_manager *manager;
    pthread_mutex_t lock; /* of the rest */
    size_t taken;
    size_t pooled;
    wafer_session *pool[POOL_MAX];
};

/* ---- Options ------------------------------------------------------------------------- */

static void help(const struct application *application)
{
    printf("Usage: %s --keys FILE [OPTION]...\n"
           "\n"
           "An example of sessions sealed into cookies, for one HTTP stack.\n"
           "\n"
           "  --keys FILE     the key file; make one with: wafer keys new FILE\n"
           "  --port N        the port, 8080 if not given; 0: any free one, which is\n"
           "                  printed\n"
           "  --address A     the IPv4 address, 127.0.0.1 if not given\n"
           "  --revocations L memory, file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER; memory\n"
           "                  if not given\n%s"
           "  --help          prints this\n"
           "\n"
           "SIGINT (Ctrl-C) and SIGTERM end it.\n",
           application->traits->name,
           application->traits->tls
               ? "  --tls FILE      certificate and private key, PEM: serves https\n"
               : "");
}

static bool complain(const struct application *application, const char *what, const char *value)
{
    fprintf(stderr, "%s: %s%s\n", application->traits->name, what, value);
    return false;
}

static bool read_port(struct application *application, const char *text)
{
    char *end;
    unsigned long port;

    errno = 0;
    port = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || port > UINT16_MAX)
        return complain(application, "no port: ", text);
    application->port = (uint16_t)port;
    return true;
}

/* Sets *done when there is nothing to serve. */
static bool read_options(struct application *application, int count, char **arguments, bool *done)
{
    static const struct option options[] = {{"keys", required_argument, NULL, 'k'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"address", required_argument, NULL, 'a'},
                                            {"tls", required_argument, NULL, 't'},
                                            {"revocations", required_argument, NULL, 'r'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1)
        if (option == 'k')
            application->keys = optarg;
        else if (option == 'a')
            application->address = optarg;
        else if (option == 'r')
            application->list = optarg;
        else if (option == 't' && application->traits->tls)
            application->tls = optarg;
        else if (option == 't')
            return complain(application, "this example has no TLS", "");
        else if (option == 'p' && !read_port(application, optarg))
            return false;
        else if (option == 'h')
            *done = true;
        else if (option == '?')
            return false;
    if (*done)
        return true;
    if (optind != count)
        return complain(application, "what is this: ", arguments[optind]);
    if (application->keys == NULL)
        return complain(application, "--keys FILE is needed; see --help", "");
    return true;
}

/* ---- Life and death -------------------------------------------------------------------- */

/* A mask, so that no thread is interrupted, and a descriptor, so that any loop can watch. */
static bool take_signals(struct application *application)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    /* A shell that starts programs in the background makes them ignore SIGINT. */
    if (sigaction(SIGINT, &usual, NULL) == 0 && sigaction(SIGPIPE, &ignored, NULL) == 0 &&
        pthread_sigmask(SIG_BLOCK, &ends, NULL) == 0)
        application->signals = signalfd(-1, &ends, SFD_CLOEXEC);
    return application->signals >= 0 ||
           complain(application, "cannot take signals: ", strerror(errno));
}

static bool make_manager(struct application *application)
{
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_revocations_settings list = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_error error = {.text = "no memory"};

    /* A list in memory forgets when the server ends. FORGETS lets sessions outlive it. */
    list.on_start = WAFER_START_FORGETS;
    if (wafer_keyring_open(application->keys, &application->keyring, &error) != WAFER_OK ||
        !revocations_option_open(application->list, &list, &application->revocations, &error))
        return complain(application, "", error.text);
    settings.keyring = application->keyring;
    settings.revocations = application->revocations;
    settings.split_at_commas = application->traits->split_at_commas;
    if (application->tls == NULL) {
        /* Browsers take Secure and __Host- cookies over https only. */
        settings.name = "wafer-example";
        settings.secure = false;
    }
    if (wafer_manager_new(&settings, &application->manager, &error) != WAFER_OK)
        return complain(application, "", error.text);
    return true;
}

struct application *application_start(int count, char **arguments,
                                      const struct application_traits *traits, int *status)
{
    struct application *application = calloc(1, sizeof *application);
    bool done = false;

    *status = 1;
    if (application == NULL || pthread_mutex_init(&application->lock, NULL) != 0) {
        free(application);
        return NULL;
    }
    application->traits = traits;
    application->address = "127.0.0.1";
    application->list = "memory";
    application->port = 8080;
    application->signals = -1;
    if (!read_options(application, count, arguments, &done)) {
        *status = 2;
    } else if (done) {
        help(application);
        *status = fflush(stdout) == 0 ? 0 : 1;
    } else if (take_signals(application) && make_manager(application)) {
        *status = 0;
        return application;
    }
    application_end(application);
    return NULL;
}

void application_end(struct application *application)
{
    while (application->pooled > 0)
        wafer_session_free(application->pool[--application->pooled]);
    wafer_manager_free(application->manager);
    wafer_revocations_free(application->revocations);
    wafer_keyring_free(application->keyring);
    if (application->signals >= 0)
        close(application->signals);
    pthread_mutex_destroy(&application->lock);
    free(application);
}

const char *application_address(const struct application *application)
{
    return application->address;
}

uint16_t application_port(const struct application *application)
{
    return application->port;
}

const char *application_tls(const struct application *application)
{
    return application->tls;
}

int application_listener(const struct application *application, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(application->port)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (listener >= 0 && inet_pton(AF_INET, application->address, &address.sin_addr) == 1 &&
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(listener, (struct sockaddr *)&address, size) == 0 &&
        listen(listener, SOMAXCONN) == 0 &&
        getsockname(listener, (struct sockaddr *)&address, &size) == 0) {
        *port = ntohs(address.sin_port);
        return listener;
    }
    complain(application, "cannot listen at ", application->address);
    if (listener >= 0)
        close(listener);
    return -1;
}

bool application_listens(const struct application *application, uint16_t port)
{
    printf("%s listens at http%s://%s:%u/\n", application->traits->name,
           application->tls != NULL ? "s" : "", application->address, (unsigned)port);
    return fflush(stdout) == 0 || complain(application, "cannot write: ", strerror(errno));
}

int application_signals(const struct application *application)
{
    return application->signals;
}

void application_wait(const struct application *application)
{
    struct signalfd_siginfo signal;

    while (read(application->signals, &signal, sizeof signal) < 0 && errno == EINTR)
        continue;
}

/* ---- Sessions ---------------------------------------------------------------------------- */

wafer_session *application_take(struct application *application)
{
    wafer_session *session = NULL;

    pthread_mutex_lock(&application->lock);
    if (application->pooled > 0)
        session = application->pool[--application->pooled];
    if (session != NULL || wafer_session_new(application->manager, &session) == WAFER_OK)
        application->taken++;
    pthread_mutex_unlock(&application->lock);
    return session;
}

void application_give(struct application *application, wafer_session *session)
{
    if (session == NULL)
        return;
    wafer_end(session);
    pthread_mutex_lock(&application->lock);
    application->taken--;
    if (application->pooled < POOL_MAX) {
        application->pool[application->pooled++] = session;
        session = NULL;
    }
    pthread_mutex_unlock(&application->lock);
    wafer_session_free(session);
}

size_t process_sessions(struct application *application)
{
    size_t taken;

    pthread_mutex_lock(&application->lock);
    taken = application->taken;
    pthread_mutex_unlock(&application->lock);
    return taken;
}
