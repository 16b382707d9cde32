#include "session.h"

#include "equal.h"

#include <sodium.h>
#include <string.h>

#define REFRESH_MIN_MS WAFER_MINUTE_MS

/* A tenth of the idle limit, 60 s at least, a third at most: rare enough that reading responses do
 * not overwrite what parallel ones write, often enough that nobody idles out in use. */
static int64_t refresh_after(int64_t idle_ms)
{
    int64_t after = idle_ms / 10 > REFRESH_MIN_MS ? idle_ms / 10 : REFRESH_MIN_MS;

    return after < idle_ms / 3 ? after : idle_ms / 3;
}

static bool refresh_due(const wafer_session *session)
{
    int64_t idle_ms = wafer_session_idle_ms(session, &session->record);

    return idle_ms > 0 && !session->no_refresh &&
           session->now_ms - session->record.active_at_ms >= refresh_after(idle_ms);
}

/* Compares with the map as it came: what was put back is no change. */
static bool changed(const wafer_session *session)
{
    uint8_t map[WAFER_VARIABLES_BYTES];
    const struct wafer_variables *variables = &session->variables;
    bool same;

    if (session->original_length == 0)
        return variables->count > 0;
    if (session->original_length != variables->encoded)
        return true;
    wafer_variables_write(variables, map);
    same = wafer_equal(map, session->other->plain.bytes + WAFER_BOX_TEXT, variables->encoded);
    sodium_memzero(map, variables->encoded);
    return !same;
}

/* A key that does not seal yet is not old: another host's clock is ahead. */
static bool under_old_key(const wafer_session *session)
{
    const struct wafer_key *sealing = wafer_keys_sealing(wafer_generation_keys(session->generation),
                                                         session->now_ms);

    return session->key != sealing && session->key->seals_from_ms <= session->now_ms;
}

/* The reasons, before wafer_finish fixes them. */
static unsigned reasons(const wafer_session *session)
{
    unsigned owed = session->owed;

    if (!session->live)
        return owed & WAFER_OWED_LOGOUT;
    if (changed(session))
        owed |= WAFER_OWED_CHANGED;
    if (session->had_cookie) {
        owed |= refresh_due(session) ? WAFER_OWED_REFRESH : 0U;
        owed |= under_old_key(session) ? WAFER_OWED_OLD_KEY : 0U;
    } else if ((owed & ~(unsigned)(WAFER_OWED_EXPIRY | WAFER_OWED_LOGOUT)) == 0) {
        owed &= WAFER_OWED_LOGOUT; /* begun, but nothing is in it */
    }
    return owed;
}

unsigned wafer_owed(const wafer_session *session)
{
    if (session == NULL || session->phase < WAFER_OPENED || session->frozen)
        return 0;
    if (session->phase > WAFER_OPENED)
        return session->owed;
    return reasons(session);
}

/* ---- sealing */

/* Writes the plaintext over the token as it came, which nobody needs any more. */
static size_t write_plain(wafer_session *session)
{
    struct wafer_record *record = &session->record;
    size_t pad_to = session->manager->settings.pad_to;
    uint8_t *plain = session->raw.bytes + WAFER_BOX_TEXT;
    size_t length;

    /* Another host's clock may be ahead: the order of seals must not turn back. */
    if (record->sealed_at_ms < session->now_ms)
        record->sealed_at_ms = session->now_ms;
    if (!session->no_refresh && record->active_at_ms < session->now_ms)
        record->active_at_ms = session->now_ms;
    length = wafer_record_write(record, plain);
    wafer_variables_write(&session->variables, plain + length);
    length += session->variables.encoded;
    while (pad_to > 1 && length % pad_to != 0)
        plain[length++] = 0;
    return length;
}

/* Seals into `token`, which has room for WAFER_TOKEN_MAX. */
static wafer_result seal(wafer_session *session, char *token)
{
    const struct wafer_key *key = wafer_keys_sealing(wafer_generation_keys(session->generation),
                                                     session->now_ms);
    const struct wafer_parts parts = wafer_session_parts(session);
    const int64_t came_sealed_at_ms = session->record.sealed_at_ms;
    const int64_t came_active_at_ms = session->record.active_at_ms;
    const struct wafer_subkeys *subkeys;
    wafer_result result;
    size_t length;

    if (key == NULL)
        return WAFER_UNAVAILABLE;
    result = wafer_session_check_size(session, &parts);
    if (result != WAFER_OK)
        return result;
    length = write_plain(session);
    subkeys = wafer_generation_subkeys(session->generation, key, session->manager->binding);
    session->token_length = WAFER_TOKEN_LENGTH(length);
    if (wafer_seal_close(subkeys->cipher, key->id, session->manager->settings.fresh_nonces,
                         &session->raw, length, token))
        return WAFER_OK;
    /* The browser keeps the cookie that it has. */
    session->record.sealed_at_ms = came_sealed_at_ms;
    session->record.active_at_ms = came_active_at_ms;
    return WAFER_SYSTEM;
}

/* ---- header fields */

static void add_header(wafer_session *session, const char *name, const char *value, size_t length)
{
    wafer_header *header = &session->headers[session->header_count++];

    header->name = name;
    header->name_length = strlen(name);
    header->value = value;
    header->value_length = length;
}

/* Whole seconds until the absolute expiry, so that the browser never keeps it longer. */
static int64_t max_age(const wafer_session *session)
{
    int64_t left_ms = wafer_session_absolute_at(session, &session->record) - session->now_ms;

    return session->record.outlives_browser ? left_ms / 1000 : -1;
}

static wafer_result write_line(wafer_session *session, size_t value_length, int64_t max_age_s)
{
    const struct wafer_cookie_attributes *attributes = &session->manager->attributes;
    const char *value = session->line + attributes->name_length + 1;
    size_t length;
    wafer_result result = wafer_set_cookie_write(attributes, value, value_length,
                                                 session->now_ms / 1000, max_age_s, session->line,
                                                 sizeof session->line, &length);

    if (result == WAFER_OK) {
        session->line_used = length;
        add_header(session, "Set-Cookie", session->line, length);
    }
    return result;
}

/* Whether the session that is about to be sealed still stands: logged out or renewed by another
 * request since, its cookie must not overwrite what that one sent. */
static bool still_stands(wafer_session *session)
{
    bool superseded;

    if (!session->had_cookie || session->record.subject_length == 0)
        return true;
    return wafer_session_ask_list(session, &session->record, session->now_ms, &superseded) ==
               WAFER_VALID &&
           !superseded;
}

static wafer_result send_session(wafer_session *session)
{
    char *token = session->line + session->manager->attributes.name_length + 1;
    wafer_result result;

    if (!still_stands(session)) {
        bool changes = session->owed & ~(unsigned)(WAFER_OWED_REFRESH | WAFER_OWED_OLD_KEY);

        session->owed = 0;
        return changes ? WAFER_UNAVAILABLE : WAFER_OK;
    }
    session->line_used = sizeof session->line; /* until write_line knows better */
    result = seal(session, token);
    return result == WAFER_OK ? write_line(session, session->token_length, max_age(session))
                              : result;
}

static wafer_result set_cookie(wafer_session *session)
{
    wafer_result result = session->put_result;
    bool sealed = result == WAFER_OK && session->owed & ~(unsigned)WAFER_OWED_LOGOUT;

    if (sealed)
        result = send_session(session);
    if (session->owed & WAFER_OWED_LOGOUT && !(sealed && result == WAFER_OK)) {
        wafer_result deleted = write_line(session, 0, 0);

        result = result != WAFER_OK ? result : deleted;
    }
    return result;
}

wafer_result wafer_finish(wafer_session *session, const wafer_header **headers, size_t *count)
{
    if (headers != NULL)
        *headers = NULL;
    if (count != NULL)
        *count = 0;
    if (session == NULL || headers == NULL || count == NULL ||
        (session->phase != WAFER_OPENED && session->phase != WAFER_FINISHED))
        return WAFER_MISUSE;
    if (session->phase == WAFER_OPENED) {
        session->owed = wafer_owed(session);
        session->phase = WAFER_FINISHED;
        session->finish_result = session->frozen ? session->put_result : set_cookie(session);
        if (session->finish_result != WAFER_OK)
            session->owed &= session->header_count > 0 ? WAFER_OWED_LOGOUT : 0U;
        if (session->manager->settings.cache_headers) {
            if (session->header_count > 0)
                add_header(session, "Cache-Control", "no-store", strlen("no-store"));
            add_header(session, "Vary", "Cookie", strlen("Cookie"));
        }
    }
    *headers = session->headers;
    *count = session->header_count;
    return session->finish_result;
}

/* ---- without HTTP */

static wafer_result seal_token(wafer_session *session)
{
    wafer_result result = session->put_result;

    if (session->frozen || !still_stands(session))
        return WAFER_UNAVAILABLE;
    if (result == WAFER_OK && !session->live)
        result = session->signed_out ? WAFER_INVALID : wafer_session_start(session);
    if (result == WAFER_OK) {
        session->line_used = sizeof session->line;
        result = seal(session, session->line);
    }
    if (result == WAFER_OK) {
        session->line[session->token_length] = '\0';
        session->line_used = session->token_length;
    }
    return result;
}

wafer_result wafer_seal(wafer_session *session, const char **token, size_t *length)
{
    if (token != NULL)
        *token = NULL;
    if (length != NULL)
        *length = 0;
    if (session == NULL || token == NULL || length == NULL ||
        (session->phase != WAFER_OPENED && session->phase != WAFER_SEALED))
        return WAFER_MISUSE;
    if (session->phase == WAFER_OPENED) {
        session->owed = wafer_owed(session);
        session->finish_result = seal_token(session);
        session->phase = WAFER_SEALED;
    }
    if (session->finish_result == WAFER_OK) {
        *token = session->line;
        *length = session->token_length;
    }
    return session->finish_result;
}
