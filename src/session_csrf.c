#include "csrf.h"
#include "session.h"

/* A token that goes out with the response must find its session at the next request. */
static wafer_result tokens_session(wafer_session *session)
{
    bool sent = session->finish_result == WAFER_OK && session->token_length > 0;
    wafer_result result;

    if (session->live)
        return session->had_cookie || session->phase == WAFER_OPENED || sent ? WAFER_OK
                                                                             : WAFER_UNAVAILABLE;
    result = wafer_session_changeable(session);
    return result == WAFER_OK ? wafer_session_start(session) : result;
}

wafer_result wafer_csrf_token(wafer_session *session, char token[WAFER_CSRF_LENGTH + 1])
{
    const struct wafer_key *key;
    const struct wafer_subkeys *subkeys;
    wafer_result result;

    if (token == NULL)
        return WAFER_MISUSE;
    token[0] = '\0';
    if (session == NULL || session->phase < WAFER_OPENED)
        return WAFER_MISUSE;
    key = wafer_keys_sealing(wafer_generation_keys(session->generation), session->now_ms);
    if (key == NULL)
        return WAFER_UNAVAILABLE;
    result = tokens_session(session);
    if (result != WAFER_OK)
        return result;
    if (!session->had_cookie && session->phase == WAFER_OPENED)
        session->owed |= WAFER_OWED_CSRF;
    subkeys = wafer_generation_subkeys(session->generation, key, session->manager->binding);
    return wafer_csrf_make(subkeys->csrf, key->id, session->record.id, token) ? WAFER_OK
                                                                              : WAFER_SYSTEM;
}

bool wafer_csrf_check(const wafer_session *session, const char *token, size_t length)
{
    uint8_t key_id[WAFER_KEY_ID_SIZE];
    const struct wafer_key *key;

    if (session == NULL || session->phase < WAFER_OPENED || !session->live || token == NULL ||
        !wafer_csrf_peek(token, length, key_id))
        return false;
    key = wafer_generation_find(session->generation, key_id, session->now_ms);
    return key != NULL && wafer_csrf_verify(wafer_generation_subkeys(session->generation, key,
                                                                     session->manager->binding)
                                                ->csrf,
                                            session->record.id, token);
}
