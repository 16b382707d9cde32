#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends to the line; what does not fit is left off, which the size of the line rules out for all
 * that is written here. */
__attribute__((format(printf, 2, 3))) static void say(wafer_session *session, const char *format,
                                                      ...)
{
    size_t used = strlen(session->explanation);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(session->explanation + used, sizeof session->explanation - used, format,
                    arguments);
    va_end(arguments);
}

/* Says how long ago something was; a clock that is behind makes it lie ahead. */
static void say_ago(wafer_session *session, const char *what, int64_t at_ms)
{
    int64_t ago_ms = session->now_ms - at_ms;

    if (ago_ms >= 0)
        say(session, "%s %lld s ago", what, (long long)(ago_ms / 1000));
    else
        say(session, "%s %lld s ahead of the clock", what, (long long)(-ago_ms / 1000));
}

static void say_sealed(wafer_session *session, const struct wafer_record *record,
                       const struct wafer_key *key)
{
    say_ago(session, "sealed", record->sealed_at_ms);
    say(session, " under key %02x%02x%02x", key->id[0], key->id[1], key->id[2]);
}

/* When that was which made an authentic cookie useless. Its record lies where it was opened, until
 * the request is wiped. */
static void say_refused(wafer_session *session)
{
    const struct wafer_record *record = &session->best->record;
    wafer_verdict verdict = session->verdict;

    if (verdict != WAFER_IDLE && verdict != WAFER_EXPIRED && verdict != WAFER_FUTURE &&
        verdict != WAFER_REVOKED)
        return;
    say(session, "; ");
    say_sealed(session, record, session->best->key);
    if (verdict == WAFER_EXPIRED)
        say_ago(session, ", expired", wafer_session_absolute_at(session, record));
    else if (verdict == WAFER_IDLE)
        say_ago(session, ", idled out",
                record->active_at_ms + wafer_session_idle_ms(session, record));
    else if (verdict == WAFER_REVOKED)
        say_ago(session, ", begun", record->login_at_ms);
}

static void say_times(wafer_session *session)
{
    const struct wafer_record *record = &session->record;
    int64_t idle_ms = wafer_session_idle_ms(session, record);

    say(session, "; %s", record->subject_length > 0 ? "signed in" : "nobody signed in");
    if (session->had_cookie) {
        say(session, ", ");
        say_sealed(session, record, session->key);
    }
    say(session, ", expires in %lld s",
        (long long)((wafer_session_absolute_at(session, record) - session->now_ms) / 1000));
    if (idle_ms > 0)
        say(session, ", idles out in %lld s",
            (long long)((record->active_at_ms + idle_ms - session->now_ms) / 1000));
}

static void say_candidates(wafer_session *session, const struct wafer_candidates *candidates)
{
    static const char *const why[WAFER_REFUSED_KINDS] = {
        [WAFER_SEAL_LENGTH] = "of a wrong length",
        [WAFER_SEAL_TEXT] = "not base64url",
        [WAFER_SEAL_FORMAT] = "of another version",
        [WAFER_SEAL_TAG_WRONG] = "with a wrong tag",
        [WAFER_REFUSED_KEY] = "under an unknown or expired key",
        [WAFER_REFUSED_CONTENT] = "with a wrong content",
    };

    say(session, "; %zu tried", candidates->count);
    for (size_t i = WAFER_SEAL_OK + 1; i < WAFER_REFUSED_KINDS; i++)
        if (candidates->refused[i] > 0)
            say(session, ", %u %s", candidates->refused[i], why[i]);
    if (candidates->overflow > 0)
        say(session, ", %zu more than the %d that are tried", candidates->overflow,
            WAFER_CANDIDATES_MAX);
}

static void say_owed(wafer_session *session)
{
    static const char *const names[] = {"changed", "expiry", "login",   "logout",
                                        "renewal", "csrf",   "refresh", "old key"};
    unsigned owed = wafer_owed(session);

    if (owed != 0)
        say(session, "; owed:");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (owed >> i & 1)
            say(session, " %s", names[i]);
}

const char *wafer_explain(wafer_session *session)
{
    if (session == NULL)
        return "no session";
    session->explanation[0] = '\0';
    if (session->phase < WAFER_OPENED) {
        say(session, session->phase == WAFER_BEGUN ? "not opened" : "not begun");
        return session->explanation;
    }
    say(session, "%s", wafer_verdict_text(session->verdict));
    if (session->clock_failed)
        say(session, "; the clock cannot be read");
    say_refused(session);
    if (session->live)
        say_times(session);
    say_candidates(session, wafer_session_candidates(session));
    if (session->fields_overflow)
        say(session, "; more Cookie fields than are read");
    if (session->conflict)
        say(session, "; several valid sessions");
    if (session->superseded)
        say(session, "; superseded by a renewal");
    if (session->frozen)
        say(session, "; frozen");
    say_owed(session);
    if (session->put_result != WAFER_OK)
        say(session, "; a put failed: %s", wafer_result_text(session->put_result));
    if (session->refused_size > 0)
        say(session, "; the cookie line would take %zu bytes of %zu", session->refused_size,
            wafer_manager_line_max(session->manager, session->record.outlives_browser));
    return session->explanation;
}
