/* Life and death of the demo server. */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include "../option/revocations_option.h"

static bool complain(const wafer_error *error)
{
    fprintf(stderr, "wafer-demo: %s\n", error->text);
    return false;
}

static bool load_keys(struct demo_server *server)
{
    const char *path = server->options.keys;
    wafer_error error;

    if (wafer_keyring_open(path, &server->keyring, &error) == WAFER_OK)
        return true;
    if (error.system == ENOENT)
        fprintf(stderr, "wafer-demo: there is no key file %s; make it with: wafer keys new %s\n",
                path, path);
    else
        complain(&error);
    return false;
}

/* A new list knows nothing of what was signed out, so sessions from before it are refused: nobody
 * who signed out is signed in again by a restart. */
static bool make_list(struct demo_server *server)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_error error;

    settings.on_start = WAFER_START_REFUSES_OLDER;
    if (settings.retention_ms < server->options.absolute_ms)
        settings.retention_ms = server->options.absolute_ms;
    return revocations_option_open(server->options.revocations, &settings, &server->revocations,
                                   &error) ||
           complain(&error);
}

static void reload_keys(struct demo_server *server)
{
    wafer_error error;

    if (wafer_keyring_reload(server->keyring, &error) == WAFER_OK) {
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

static bool wait_for_the_end(struct demo_server *server, const sigset_t *signals)
{
    int received = 0;

    while (sigwait(signals, &received) == 0) {
        if (received != SIGHUP)
            return true;
        reload_keys(server);
    }
    return false;
}

static bool begin(struct demo_server *server)
{
    char password[DEMO_PASSWORD_LENGTH + 1];
    bool good = load_keys(server) && make_list(server) &&
                demo_password_open(server->options.operator_password, &server->password,
                                   password) &&
                demo_accounts_open(server) && demo_listen(server) &&
                demo_introduce(server, password);

    sodium_memzero(password, sizeof password);
    return good;
}

static void end(struct demo_server *server)
{
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    demo_accounts_close(server);
    demo_password_close(server->password);
    wafer_revocations_free(server->revocations);
    wafer_keyring_free(server->keyring);
}

int main(int count, char **arguments)
{
    static char name[] = "wafer-demo";
    static struct demo_server server;
    sigset_t signals;
    bool good;

    /* A closed output's number would go to a socket, and what is printed to some client. */
    if (fcntl(STDOUT_FILENO, F_GETFD) < 0 || fcntl(STDERR_FILENO, F_GETFD) < 0)
        return 1;
    if (count > 0)
        arguments[0] = name;
    if (!demo_options_read(count, arguments, &server.options))
        return 2;
    if (server.options.help) {
        demo_help(stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    good = block_signals(&signals) && begin(&server) && wait_for_the_end(&server, &signals);
    end(&server);
    return good ? 0 : 1;
}
