/* Seals a token as a server would have at another time:
 *
 *     sealed KEYS AGE IDLE EXPIRY
 *
 * AGE seconds ago (negative: in the future), for a session of "ada" that then idles out after
 * IDLE seconds (0: never) and expires after EXPIRY. Exit status 1, with the reason, if anything
 * fails. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <wafer.h>

static int64_t earlier(void *context)
{
    const long *age = context;

    return ((int64_t)time(NULL) - *age) * 1000;
}

static int seal(const wafer_settings *settings)
{
    wafer_manager *manager;
    wafer_session *session;
    wafer_error error = {.text = "no memory"};
    const char *token;
    size_t length;

    if (wafer_manager_new(settings, &manager, &error) != WAFER_OK ||
        wafer_session_new(manager, &session) != WAFER_OK)
        return fprintf(stderr, "sealed: %s\n", error.text), 1;
    if (wafer_begin(session) != WAFER_OK || wafer_open(session) != WAFER_NONE ||
        wafer_login(session, "ada", 3, NULL, 0) != WAFER_OK ||
        wafer_put_integer(session, "visits", 7) != WAFER_OK ||
        wafer_seal(session, &token, &length) != WAFER_OK)
        return fprintf(stderr, "sealed: %s\n", wafer_explain(session)), 1;
    puts(token);
    wafer_session_free(session);
    wafer_manager_free(manager);
    return 0;
}

int main(int count, char **arguments)
{
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_revocations_settings list = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_error error;
    long age;
    int status;

    if (count != 5)
        return 2;
    age = strtol(arguments[2], NULL, 10);
    settings.idle_ms = strtol(arguments[3], NULL, 10) * 1000;
    settings.absolute_ms = strtol(arguments[4], NULL, 10) * 1000;
    settings.clock = earlier;
    settings.clock_context = &age;
    list.on_start = WAFER_START_FORGETS;
    list.retention_ms = WAFER_LIFETIME_MAX_MS;
    if (wafer_keyring_open(arguments[1], &settings.keyring, &error) != WAFER_OK ||
        wafer_revocations_new(&list, &settings.revocations, &error) != WAFER_OK)
        return fprintf(stderr, "sealed: %s\n", error.text), 1;
    status = seal(&settings);
    wafer_revocations_free(settings.revocations);
    wafer_keyring_free(settings.keyring);
    return status;
}
