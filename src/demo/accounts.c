/* Several accounts in one browser: each has a cookie of its own, so a manager of its own; keys and
 * list are shared. The operator has another list, too. */
#include "demo.h"

#include <string.h>

#define OPERATOR_IDLE_MS     (15 * WAFER_MINUTE_MS)
#define OPERATOR_ABSOLUTE_MS (2 * WAFER_HOUR_MS)

static const struct {
    const char *label;
    const char *base;
    const char *cookie;
    const char *secure_cookie; /* names that browsers take over https only, and then from this very
                                  host, or, for the one with a path, from https only */
} places[DEMO_ACCOUNTS + 1] = {
    {"1", "", "wafer-demo", "__Host-wafer-demo"},
    {"2", "/2", "wafer-demo-2", "__Host-wafer-demo-2"},
    {"3", "/3", "wafer-demo-3", "__Host-wafer-demo-3"},
    {"operator", "/operator", "wafer-operator", "__Secure-wafer-operator"},
};

static bool complain(const wafer_error *error)
{
    fprintf(stderr, "wafer-demo: %s\n", error->text);
    return false;
}

static void guard_operator(const struct demo_server *server, wafer_settings *settings)
{
    settings->revocations = server->operator_revocations;
    settings->path = "/operator";
    settings->same_site = WAFER_SAME_SITE_STRICT;
    settings->idle_ms = OPERATOR_IDLE_MS;
    settings->absolute_ms = OPERATOR_ABSOLUTE_MS;
    settings->context = demo_password_context(server->password);
    settings->realm = "operator";
}

static bool open_account(struct demo_server *server, size_t number)
{
    struct demo_account *account = &server->accounts[number];
    wafer_settings settings = WAFER_SETTINGS_INIT;
    bool tls = server->options.tls_certificate != NULL;
    wafer_error error;

    account->label = places[number].label;
    account->base = places[number].base;
    account->cookie = tls ? places[number].secure_cookie : places[number].cookie;
    settings.keyring = server->keyring;
    settings.revocations = server->revocations;
    settings.name = account->cookie;
    settings.secure = tls; /* false on plain http only; keep the default wherever there is https */
    settings.idle_ms = server->options.idle_ms;
    settings.absolute_ms = server->options.absolute_ms;
    if (number == DEMO_OPERATOR)
        guard_operator(server, &settings);
    return wafer_manager_new(&settings, &account->manager, &error) == WAFER_OK || complain(&error);
}

bool demo_accounts_open(struct demo_server *server)
{
    wafer_error error;

    /* Whoever is signed in as operator signs in anew after a restart. */
    if (wafer_revocations_open(WAFER_START_REFUSES_OLDER, &server->operator_revocations, &error) !=
        WAFER_OK)
        return complain(&error);
    for (size_t i = 0; i <= DEMO_ACCOUNTS; i++)
        if (!open_account(server, i))
            return false;
    return true;
}

void demo_accounts_close(struct demo_server *server)
{
    for (size_t i = 0; i <= DEMO_ACCOUNTS; i++)
        wafer_manager_free(server->accounts[i].manager);
    wafer_revocations_free(server->operator_revocations);
}

const struct demo_account *demo_account_of(const struct demo_server *server, const char *path,
                                           const char **rest)
{
    size_t number = DEMO_ACCOUNTS + 1;
    size_t length;

    /* The first one has no base, so it takes what is left. */
    do {
        number--;
        length = strlen(server->accounts[number].base);
    } while (strncmp(path, server->accounts[number].base, length) != 0 ||
             (path[length] != '\0' && path[length] != '/'));
    *rest = path[length] != '\0' ? path + length : "/";
    return &server->accounts[number];
}

/* Looks into the session of an account without touching it: nothing goes out. */
static void show_account(struct demo_values *row, const struct demo_account *account,
                         struct MHD_Connection *connection)
{
    wafer_session *session = NULL;
    const char *subject = NULL;
    size_t length = 0;

    if (wafer_session_new(account->manager, &session) != WAFER_OK) {
        demo_put_slice(row, "who", NULL, 0);
        return;
    }
    if (wafer_mhd_open(session, connection) == WAFER_VALID)
        subject = wafer_subject(session, &length);
    if (subject != NULL)
        demo_put_slice(row, "who", subject, length);
    wafer_session_free(session);
}

void demo_accounts_show(struct demo_values *values, const struct demo_server *server,
                        const struct demo_account *current, struct MHD_Connection *connection)
{
    for (size_t i = 0; i < DEMO_ACCOUNTS; i++) {
        const struct demo_account *account = &server->accounts[i];
        struct demo_values *row = demo_add_row(values, "accounts");

        demo_put(row, "account", account->label);
        demo_put_format(row, "home", "%s/", account->base);
        demo_put_flag(row, "current", account == current);
        show_account(row, account, connection);
    }
}
