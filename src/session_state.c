#include "session.h"

#include "nonce.h"

#include <sodium.h>

/* ---- Changing ---- */

wafer_result wafer_session_changeable(const wafer_session *session)
{
    if (session == NULL || session->phase != WAFER_OPENED)
        return WAFER_MISUSE;
    return session->frozen ? WAFER_UNAVAILABLE : WAFER_OK;
}

wafer_result wafer_session_check_size(wafer_session *session, const struct wafer_parts *parts)
{
    if (wafer_manager_fits(session->manager, parts))
        return WAFER_OK;
    session->refused_size = wafer_manager_line_size(session->manager, parts);
    return WAFER_TOO_LARGE;
}

struct wafer_parts wafer_session_parts(const wafer_session *session)
{
    return (struct wafer_parts){session->variables.encoded, session->record.subject_length,
                                session->record.outlives_browser};
}

wafer_result wafer_session_sealable(wafer_session *session, const struct wafer_parts *parts)
{
    if (session->put_result != WAFER_OK)
        return session->put_result;
    if (wafer_keys_sealing(wafer_generation_keys(session->generation), session->now_ms) == NULL)
        return WAFER_UNAVAILABLE;
    return wafer_session_check_size(session, parts);
}

/* ---- Beginning ---- */

void wafer_session_reset(const wafer_session *session, struct wafer_record *record)
{
    const wafer_settings *own = &session->manager->settings;

    sodium_memzero(record, sizeof *record);
    record->login_at_ms = record->sealed_at_ms = record->active_at_ms = session->now_ms;
    record->absolute_at_ms = session->now_ms + own->absolute_ms;
    record->idle_ms = own->idle_ms;
    record->outlives_browser = own->outlives_browser;
}

const uint8_t *wafer_session_list_key(const wafer_session *session, struct wafer_record *record)
{
    if (record->subject_length == 0)
        return NULL;
    /* The lengths were checked when the manager was made and the record read. */
    if (!record->list_key_known)
        record->list_key_known = wafer_subject_key(session->manager->settings.realm,
                                                   record->subject, record->subject_length,
                                                   record->list_key) == WAFER_OK;
    return record->list_key;
}

wafer_result wafer_session_begin_record(const wafer_session *session, struct wafer_record *record)
{
    const wafer_settings *own = &session->manager->settings;
    int64_t not_before_ms = 0;
    int64_t now_ms;
    wafer_result result;

    if (!wafer_manager_now(session->manager, &now_ms)) /* the request may have begun long ago */
        return WAFER_SYSTEM;
    result = wafer_revocations_not_before(own->revocations, wafer_session_list_key(session, record),
                                          &not_before_ms);
    if (result != WAFER_OK)
        return WAFER_UNAVAILABLE;
    /* Further ahead than revoking ever sets it: this host's clock went back. */
    if (not_before_ms > now_ms + 2 * session->manager->list_skew_ms + 1)
        return WAFER_UNAVAILABLE;
    if (!wafer_random(record->id, WAFER_ID_SIZE))
        return WAFER_SYSTEM;
    record->login_at_ms = not_before_ms > now_ms ? not_before_ms : now_ms;
    record->absolute_at_ms += now_ms - session->now_ms;
    record->sealed_at_ms = record->active_at_ms = now_ms;
    return WAFER_OK;
}

wafer_result wafer_session_start(wafer_session *session)
{
    wafer_result result = wafer_session_begin_record(session, &session->record);

    session->live = result == WAFER_OK;
    return result;
}

/* ---- What a record is worth ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t wafer_session_absolute_at(const wafer_session *session, const struct wafer_record *record)
{
    return earlier(record->absolute_at_ms,
                   record->login_at_ms + session->manager->settings.absolute_ms);
}

int64_t wafer_session_idle_ms(const wafer_session *session, const struct wafer_record *record)
{
    int64_t own = session->manager->settings.idle_ms;

    if (own == 0 || record->idle_ms == 0)
        return own + record->idle_ms;
    return earlier(own, record->idle_ms);
}

wafer_verdict wafer_session_ask_list(const wafer_session *session, struct wafer_record *record,
                                     int64_t now_ms, bool *superseded)
{
    wafer_revocation_query query = {record->id, wafer_session_list_key(session, record),
                                    record->login_at_ms, now_ms, record->renewals};
    wafer_standing standing = WAFER_REFUSED;

    if (wafer_revocations_check(session->manager->settings.revocations, &query, &standing) !=
        WAFER_OK)
        return WAFER_UNCHECKED;
    *superseded = standing == WAFER_SUPERSEDED;
    return standing == WAFER_REFUSED ? WAFER_REVOKED : WAFER_VALID;
}

wafer_verdict wafer_session_judge(const wafer_session *session, struct wafer_record *record,
                                  int64_t now_ms, bool *superseded)
{
    int64_t idle_ms = wafer_session_idle_ms(session, record);

    *superseded = false;
    if (record->sealed_at_ms > now_ms + session->manager->settings.skew_ms)
        return WAFER_FUTURE;
    if (now_ms >= wafer_session_absolute_at(session, record))
        return WAFER_EXPIRED;
    if (idle_ms > 0 && now_ms - record->active_at_ms >= idle_ms)
        return WAFER_IDLE;
    return wafer_session_ask_list(session, record, now_ms, superseded);
}
