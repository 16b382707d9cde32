#include "session.h"

#include "utf8.h"

#include <sodium.h>
#include <string.h>

/* Adds an entry as of this moment: a request may have begun long ago. */
static wafer_result list_entry(const wafer_session *session, wafer_revocation *entry)
{
    int64_t now_ms;

    if (!wafer_manager_now(session->manager, &now_ms))
        return WAFER_SYSTEM;
    return wafer_revocations_apply(session->manager->settings.revocations, now_ms, entry);
}

/* In effect on this machine; other machines may hear of it later. */
static bool is_on_the_list(wafer_result result)
{
    return result == WAFER_OK || result == WAFER_QUEUED;
}

static wafer_result list_session(const wafer_session *session, struct wafer_record *record)
{
    wafer_revocation entry = {.kind = WAFER_REVOKE_SESSION};

    memcpy(entry.key, record->id, WAFER_ID_SIZE);
    return list_entry(session, &entry);
}

/* Whose sign-in ends with a login or logout: that of the session, or of an authentic one that came
 * but is not to be used. A copy of an idle one may be in use elsewhere. */
static struct wafer_record *signed_in(wafer_session *session)
{
    if (session->live && session->record.subject_length > 0)
        return &session->record;
    return session->came_known && session->came.subject_length > 0 ? &session->came : NULL;
}

/* ---- log in */

static bool is_subject(const char *subject, size_t length)
{
    return subject != NULL && length > 0 && length <= WAFER_SUBJECT_MAX &&
           wafer_is_text(subject, length);
}

static bool is_signed_in_as_another(const wafer_session *session, const char *subject,
                                    size_t length)
{
    const struct wafer_record *record = &session->record;

    return session->live && record->subject_length > 0 &&
           (record->subject_length != length || memcmp(record->subject, subject, length) != 0);
}

/* Lists what a login replaces. One that is not to be used any more must not keep its owner from
 * signing in when the list is full. */
static wafer_result retire_copies(wafer_session *session)
{
    struct wafer_record *old = signed_in(session);
    wafer_result result = old != NULL ? list_session(session, old) : WAFER_OK;

    return old == &session->record && !is_on_the_list(result) ? result : WAFER_OK;
}

static void adopt_login(wafer_session *session, const struct wafer_record *record,
                        const char *const *keep, size_t keep_count)
{
    wafer_variables_keep(&session->variables, keep, keep_count);
    session->record = *record;
    session->live = true;
    session->came_known = session->no_refresh = session->had_cookie = false;
    session->owed = (session->owed & WAFER_OWED_LOGOUT) | WAFER_OWED_LOGIN;
}

wafer_result wafer_login(wafer_session *session, const char *subject, size_t length,
                         const char *const *keep, size_t keep_count)
{
    struct wafer_record fresh;
    struct wafer_parts parts;
    wafer_result result = wafer_session_changeable(session);

    if (result != WAFER_OK)
        return result;
    if (!is_subject(subject, length) || (keep == NULL && keep_count > 0))
        return WAFER_INVALID;
    if (is_signed_in_as_another(session, subject, length))
        keep_count = 0;
    wafer_session_reset(session, &fresh);
    fresh.subject_length = (uint8_t)length;
    memcpy(fresh.subject, subject, length);
    parts = (struct wafer_parts){wafer_variables_kept(&session->variables, keep, keep_count),
                                 length, fresh.outlives_browser};
    result = wafer_session_sealable(session, &parts);
    if (result == WAFER_OK)
        result = wafer_session_begin_record(session, &fresh);
    if (result == WAFER_OK)
        result = retire_copies(session);
    if (result == WAFER_OK)
        adopt_login(session, &fresh, keep, keep_count);
    sodium_memzero(&fresh, sizeof fresh);
    return result;
}

/* ---- log out */

/* The deletion is owed whatever the list says. What could not be listed is still known, so that
 * trying again, or everywhere, is no lie. */
static wafer_result empty(wafer_session *session, wafer_result listed)
{
    const struct wafer_record *record = signed_in(session);

    if (!is_on_the_list(listed) && record == &session->record)
        session->came = *record;
    session->came_known = !is_on_the_list(listed) && record != NULL;
    if (session->verdict != WAFER_NONE)
        session->owed |= WAFER_OWED_LOGOUT;
    session->owed &= WAFER_OWED_LOGOUT;
    wafer_variables_keep(&session->variables, NULL, 0);
    wafer_session_reset(session, &session->record);
    session->live = session->had_cookie = session->no_refresh = false;
    session->original_length = 0;
    session->put_result = WAFER_OK;
    session->refused_size = 0;
    session->signed_out = true;
    return listed;
}

/* In a frozen session of which nothing is known, saying OK would be a lie. */
static wafer_result nothing_to_list(const wafer_session *session)
{
    return session->frozen && !session->live && !session->came_known ? WAFER_UNAVAILABLE : WAFER_OK;
}

/* Lists the subject, and the session itself when its login time lies ahead of that: made while a
 * clock was wrong. */
static wafer_result list_subject(const wafer_session *session, struct wafer_record *record)
{
    wafer_revocation entry = {.kind = WAFER_REVOKE_SUBJECT};
    wafer_result result;
    wafer_result of_session;

    memcpy(entry.key, wafer_session_list_key(session, record), sizeof entry.key);
    result = list_entry(session, &entry);
    if (!is_on_the_list(result) || record->login_at_ms < entry.at_ms)
        return result;
    of_session = list_session(session, record);
    return of_session == WAFER_OK ? result : of_session;
}

static wafer_result log_out(wafer_session *session,
                            wafer_result (*list)(const wafer_session *session,
                                                 struct wafer_record *record))
{
    struct wafer_record *record;

    if (session == NULL || session->phase != WAFER_OPENED)
        return WAFER_MISUSE;
    record = signed_in(session);
    return empty(session, record != NULL ? list(session, record) : nothing_to_list(session));
}

wafer_result wafer_logout(wafer_session *session)
{
    return log_out(session, list_session);
}

wafer_result wafer_logout_everywhere(wafer_session *session)
{
    return log_out(session, list_subject);
}

/* ---- renew */

/* Lists the next count. Of two that do so from one state the list takes the first. */
static wafer_result list_renewal(const wafer_session *session, struct wafer_record *record)
{
    wafer_revocation entry = {.kind = WAFER_REVOKE_COPIES, .renewals = record->renewals + 1};
    bool superseded = false;
    wafer_result result;

    memcpy(entry.key, record->id, WAFER_ID_SIZE);
    result = list_entry(session, &entry);
    if (!is_on_the_list(result))
        return result;
    record->renewals++;
    /* The list takes the count also of a session whose subject, or everyone, was logged out. */
    if (wafer_session_ask_list(session, record, session->now_ms, &superseded) != WAFER_VALID)
        return WAFER_UNAVAILABLE;
    return superseded ? WAFER_UNAVAILABLE : WAFER_OK;
}

wafer_result wafer_renew(wafer_session *session)
{
    struct wafer_parts parts;
    wafer_result result = wafer_session_changeable(session);

    if (result != WAFER_OK)
        return result;
    if (!session->live || session->record.subject_length == 0)
        return WAFER_INVALID;
    if (session->owed & WAFER_OWED_RENEWAL) /* one renewal a request */
        return WAFER_OK;
    if (session->record.renewals == WAFER_RENEWALS_MAX)
        return WAFER_TOO_LARGE;
    parts = wafer_session_parts(session);
    result = wafer_session_sealable(session, &parts);
    if (result == WAFER_OK)
        result = list_renewal(session, &session->record);
    if (result == WAFER_OK)
        session->owed |= WAFER_OWED_RENEWAL;
    return result;
}

/* ---- who and how long */

const char *wafer_subject(const wafer_session *session, size_t *length)
{
    if (session == NULL || session->phase < WAFER_OPENED || !session->live ||
        session->record.subject_length == 0)
        return NULL;
    if (length != NULL)
        *length = session->record.subject_length;
    return session->record.subject;
}

bool wafer_id(const wafer_session *session, uint8_t id[WAFER_ID_SIZE])
{
    if (session == NULL || session->phase < WAFER_OPENED || !session->live || id == NULL)
        return false;
    memcpy(id, session->record.id, WAFER_ID_SIZE);
    return true;
}

bool wafer_expires_at(const wafer_session *session, int64_t *at_ms)
{
    if (session == NULL || session->phase < WAFER_OPENED || !session->live || at_ms == NULL)
        return false;
    *at_ms = wafer_session_absolute_at(session, &session->record);
    return true;
}

bool wafer_login_at(const wafer_session *session, int64_t *at_ms)
{
    if (session == NULL || session->phase < WAFER_OPENED || !session->live || at_ms == NULL)
        return false;
    *at_ms = session->record.login_at_ms;
    return true;
}

bool wafer_sealed_at(const wafer_session *session, int64_t *at_ms)
{
    bool sealed;

    if (session == NULL || session->phase < WAFER_OPENED || !session->live || at_ms == NULL)
        return false;
    sealed = session->token_length > 0 && session->finish_result == WAFER_OK;
    if (!session->had_cookie && !sealed)
        return false;
    *at_ms = session->record.sealed_at_ms;
    return true;
}

bool wafer_idle_at(const wafer_session *session, int64_t *at_ms)
{
    int64_t idle_ms;

    if (session == NULL || session->phase < WAFER_OPENED || !session->live || at_ms == NULL)
        return false;
    idle_ms = wafer_session_idle_ms(session, &session->record);
    *at_ms = wafer_session_absolute_at(session, &session->record);
    if (idle_ms > 0 && session->record.active_at_ms + idle_ms < *at_ms)
        *at_ms = session->record.active_at_ms + idle_ms;
    return true;
}

wafer_result wafer_set_expiry(wafer_session *session, int64_t expiry_ms, bool outlives_browser)
{
    wafer_result result = wafer_session_changeable(session);
    struct wafer_record *record;
    struct wafer_parts parts;
    int64_t begun_ms;

    if (result != WAFER_OK)
        return result;
    record = &session->record;
    begun_ms = session->live ? record->login_at_ms : session->now_ms;
    if (expiry_ms < (outlives_browser ? 1000 : 1) || expiry_ms > WAFER_LIFETIME_MAX_MS ||
        session->now_ms + expiry_ms > begun_ms + session->manager->settings.absolute_ms)
        return WAFER_INVALID;
    parts = wafer_session_parts(session);
    parts.outlives_browser = outlives_browser;
    result = wafer_session_check_size(session, &parts);
    if (result != WAFER_OK)
        return result;
    if (record->absolute_at_ms != session->now_ms + expiry_ms ||
        record->outlives_browser != outlives_browser)
        session->owed |= WAFER_OWED_EXPIRY;
    record->absolute_at_ms = session->now_ms + expiry_ms;
    record->outlives_browser = outlives_browser;
    return WAFER_OK;
}

wafer_result wafer_set_idle(wafer_session *session, int64_t idle_ms)
{
    wafer_result result = wafer_session_changeable(session);
    int64_t most;

    if (result != WAFER_OK)
        return result;
    most = session->manager->settings.idle_ms;
    if (idle_ms < 0 || idle_ms > (most > 0 ? most : WAFER_LIFETIME_MAX_MS) ||
        (idle_ms == 0 && most > 0))
        return WAFER_INVALID;
    if (session->record.idle_ms != idle_ms)
        session->owed |= WAFER_OWED_EXPIRY;
    session->record.idle_ms = idle_ms;
    return WAFER_OK;
}

void wafer_no_refresh(wafer_session *session)
{
    if (session != NULL && session->phase == WAFER_OPENED)
        session->no_refresh = true;
}
