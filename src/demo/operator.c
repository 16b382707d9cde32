/* What the operator's forms do. */
#include "demo.h"

#include <sodium.h>
#include <string.h>

#include "words.h"

void demo_operator_act(struct demo_request *request, struct demo_answer *answer)
{
    demo_prepare_forms(request, answer);
}

/* Back to the operator's page, which says what was done. */
static void go_back(struct demo_request *request, struct demo_answer *answer, const char *done)
{
    answer->status = MHD_HTTP_SEE_OTHER;
    answer->type = "text/plain; charset=utf-8";
    snprintf(answer->location, sizeof answer->location, "%s%s%s", request->account->base,
             *done != '\0' ? "?done=" : "", done);
    fprintf(answer->page, "Done; see %s\n", request->account->base);
}

void demo_operator_login_act(struct demo_request *request, struct demo_answer *answer)
{
    char password[DEMO_BODY_MAX + 1];
    enum demo_attempt attempt;
    size_t length;
    wafer_result result;

    if (!demo_read_field(request, answer, "password", password, &length))
        return;
    attempt = demo_password_try(request->server->password, password, length);
    sodium_memzero(password, sizeof password);
    switch (attempt) {
    case DEMO_RIGHT:
        result = wafer_login(request->session, "operator", strlen("operator"), NULL, 0);
        if (result == WAFER_OK)
            go_back(request, answer, "");
        else
            demo_page_failure(request, answer, result);
        return;
    case DEMO_WRONG:
        demo_page_error(request, answer, MHD_HTTP_FORBIDDEN, "The password is wrong",
                        "The server printed it when it started, unless it was given a file with "
                        "one. After five wrong ones in a minute that of a file is not taken for "
                        "the rest of it.");
        return;
    default:
        demo_page_error(request, answer, MHD_HTTP_TOO_MANY_REQUESTS, "Too many wrong passwords",
                        "Wait a minute, then try again.");
    }
}

void demo_operator_logout_act(struct demo_request *request, struct demo_answer *answer)
{
    wafer_result result = wafer_logout(request->session);

    if (result == WAFER_OK)
        go_back(request, answer, "");
    else
        demo_page_failure(request, answer, result);
}

/* ---- revoking ------------------------------------------------------------------------- */

static void revoked(struct demo_request *request, struct demo_answer *answer, wafer_result result,
                    const char *done)
{
    if (result == WAFER_OK)
        go_back(request, answer, done);
    else if (result == WAFER_QUEUED)
        demo_page_error(request, answer, MHD_HTTP_OK, "Revoked on this machine",
                        "Other machines cannot be reached now; they will follow by themselves.");
    else if (result == WAFER_INVALID)
        demo_page_error(request, answer, MHD_HTTP_BAD_REQUEST, "This is no user name",
                        "A name has 1 to 255 bytes. Nothing was revoked; go back and correct it.");
    else
        demo_page_failure(request, answer, result);
}

void demo_revoke_session_act(struct demo_request *request, struct demo_answer *answer)
{
    char text[DEMO_BODY_MAX + 1];
    uint8_t id[WAFER_ID_SIZE];
    size_t length;

    if (!demo_read_field(request, answer, "id", text, &length))
        return;
    if (demo_hex_read(text, length, id, sizeof id))
        revoked(request, answer, wafer_revoke_session(request->server->revocations, id), "session");
    else
        demo_page_error(request, answer, MHD_HTTP_BAD_REQUEST, "This is no id of a session",
                        "An id has 32 hex digits, as its user's page shows it, or wafer open. "
                        "Nothing was revoked; go back and correct it.");
}

void demo_revoke_subject_act(struct demo_request *request, struct demo_answer *answer)
{
    char subject[DEMO_BODY_MAX + 1];
    size_t length;

    if (demo_read_field(request, answer, "subject", subject, &length))
        revoked(request, answer,
                wafer_revoke_subject(request->server->revocations, "", subject, length), "subject");
}

void demo_revoke_everyone_act(struct demo_request *request, struct demo_answer *answer)
{
    revoked(request, answer, wafer_revoke_everyone(request->server->revocations), "everyone");
}

/* ---- keys ------------------------------------------------------------------------------ */

/* The file was changed, or not; then what is in it comes into use. */
static void keys_changed(struct demo_request *request, struct demo_answer *answer,
                         wafer_result result, wafer_error *error, const char *done)
{
    char advice[sizeof error->text + 64];
    bool rewritten = result == WAFER_OK;

    if (rewritten)
        result = wafer_keyring_reload(request->server->keyring, error);
    if (result == WAFER_OK) {
        go_back(request, answer, done);
        return;
    }
    snprintf(advice, sizeof advice, "The keys in use are the same as before: %s.", error->text);
    demo_page_error(request, answer,
                    result == WAFER_INVALID ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_SERVICE_UNAVAILABLE,
                    rewritten ? "The file was changed, but not read anew"
                              : "The keys were not changed",
                    advice);
}

void demo_rotate_act(struct demo_request *request, struct demo_answer *answer)
{
    wafer_keys_settings settings = WAFER_KEYS_SETTINGS_INIT;
    bool shared = demo_options_shared(&request->server->options);
    wafer_error error;
    wafer_result result;

    /* Only this server reads the file anew now. Others with the same file would refuse what a key
     * seals that they do not have, so it waits until they have been told. */
    if (!shared)
        settings.lead_ms = 0;
    result = wafer_keys_rotate(request->server->options.keys, &settings, &error);
    keys_changed(request, answer, result, &error, shared ? "rotated-shared" : "rotated");
}

void demo_retire_act(struct demo_request *request, struct demo_answer *answer)
{
    char text[DEMO_BODY_MAX + 1];
    uint8_t id[WAFER_KEY_ID_SIZE];
    wafer_error error;
    wafer_result result;
    size_t length;

    if (!demo_read_field(request, answer, "key", text, &length))
        return;
    if (!demo_hex_read(text, length, id, sizeof id)) {
        demo_page_error(request, answer, MHD_HTTP_BAD_REQUEST, "This is no id of a key",
                        "It has six hex digits. Nothing was changed; go back and correct it.");
        return;
    }
    result = wafer_keys_retire(request->server->options.keys, id, NULL, &error);
    keys_changed(request, answer, result, &error,
                 demo_options_shared(&request->server->options) ? "retired-shared" : "retired");
}
