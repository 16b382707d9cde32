/* What a session is inside, for the files that make it up:
 *
 *     session.c            life: new, place, begin, field, end
 *     session_state.c      what a record is worth, whether it may change, how one begins
 *     session_open.c       candidates to a verdict, recheck
 *     session_variables.c  get, put, remove
 *     session_login.c      log in and out, renew, expiry
 *     session_finish.c     what is owed, seal, header fields
 *     session_explain.c    the line for logs
 *     session_csrf.c       CSRF tokens of the session
 */
#ifndef WAFER_SRC_SESSION_H
#define WAFER_SRC_SESSION_H

#include "manager.h"
#include "record.h"
#include "seal.h"
#include "variables.h"

#define WAFER_CANDIDATES_MAX  64    /* tag checks in one request */
#define WAFER_FIELD_BYTES_MAX 65536 /* of Cookie fields in one request */
#define WAFER_FIELD_PAIRS_MAX 4096
#define WAFER_LINE_MAX        (WAFER_COOKIE_PAIR_MAX + 4 * WAFER_COOKIE_ATTRIBUTE_MAX)
#define WAFER_EXPLAIN_MAX     768

enum wafer_phase { WAFER_ENDED = 0, WAFER_BEGUN, WAFER_OPENED, WAFER_FINISHED, WAFER_SEALED };

/* Why candidates were turned down; the first are wafer_seal_result's. */
enum { WAFER_REFUSED_KEY = WAFER_SEAL_TAG_WRONG + 1, WAFER_REFUSED_CONTENT, WAFER_REFUSED_KINDS };

struct wafer_candidate {
    const char *token; /* in the caller's bytes, until wafer_open */
    size_t length;
    const struct wafer_key *key; /* of the session's generation */
};

struct wafer_candidates {
    size_t count;
    struct wafer_candidate list[WAFER_CANDIDATES_MAX];
    size_t overflow; /* more than fit */
    unsigned refused[WAFER_REFUSED_KINDS];
};

/* A candidate that was opened. */
struct wafer_trial {
    struct wafer_record record;
    wafer_verdict verdict;
    bool superseded;
    size_t map_at; /* in plain: where the variables begin */
    size_t plain_length;
    const struct wafer_key *key;
    struct wafer_box plain;
};

struct wafer_session {
    const wafer_manager *manager;
    bool allocated; /* by wafer_session_new */
    enum wafer_phase phase;

    const struct wafer_generation *generation; /* from begin to end */
    int64_t now_ms;
    bool clock_failed;

    struct wafer_candidates at_semicolons; /* what fields carried */
    struct wafer_candidates at_commas;     /* tried when the former are none */
    size_t field_bytes;
    size_t field_pairs;
    bool fields_overflow;

    wafer_verdict verdict;
    bool frozen;
    bool superseded; /* a copy from before a renewal, in its grace */
    bool conflict;
    bool live; /* it has an id: it was opened as valid, or was begun since */
    bool no_refresh;
    bool had_cookie;             /* the browser holds this session's cookie */
    const struct wafer_key *key; /* it came under this one of the generation */
    unsigned owed;               /* reasons that calls made; the rest is worked out */

    struct wafer_record record;
    struct wafer_record came; /* authentic, but not to be used: for logging it out alone */
    bool came_known;
    bool signed_out; /* by a call in this request */
    struct wafer_variables variables;

    wafer_result put_result; /* the first failed put */
    size_t refused_size;     /* the line that it would have taken */
    wafer_result finish_result;

    struct wafer_trial *best;  /* its plaintext is what the variables are read from */
    struct wafer_trial *other; /* further trials; then its plaintext is the map as it came */
    size_t came_used;          /* the longest token that was tried: what wiping must cover */
    size_t line_used;          /* likewise of line */
    size_t original_length;    /* of that map */
    size_t token_length;
    size_t header_count;
    wafer_header headers[3];

    struct wafer_trial trial[2];
    struct wafer_box raw; /* as it came, and what is sealed */
    char line[WAFER_LINE_MAX + 1];
    char explanation[WAFER_EXPLAIN_MAX];
};

/* ---- session.c */
void wafer_session_forget_fields(wafer_session *session);
/* Keeps a value that may be a token of ours, and counts why another is not: only those kept cost a
 * tag check. */
void wafer_session_consider(const wafer_session *session, struct wafer_candidates *candidates,
                            const char *value, size_t length);
/* Those to try: what a comma separates counts only when nothing else was found. */
struct wafer_candidates *wafer_session_candidates(wafer_session *session);

/* ---- session_state.c */
/* OK when the session may change now, else MISUSE or UNAVAILABLE. */
wafer_result wafer_session_changeable(const wafer_session *session);
/* OK when the line of these parts keeps the limits; else TOO_LARGE, and its size is remembered for
 * wafer_explain. */
wafer_result wafer_session_check_size(wafer_session *session, const struct wafer_parts *parts);

/* What decides about the size of the line now. */
struct wafer_parts wafer_session_parts(const wafer_session *session);
/* OK when a session of these parts could go out as things stand: asked before something is listed
 * that only a new cookie makes good. */
wafer_result wafer_session_sealable(wafer_session *session, const struct wafer_parts *parts);

/* Makes an empty record: nobody, the manager's settings, expiry from now. */
void wafer_session_reset(const wafer_session *session, struct wafer_record *record);
/* Gives a record an id and a login time that no revocation so far refuses: another host's clock may
 * be ahead, and the same millisecond must not log out who logs in after it. */
wafer_result wafer_session_begin_record(const wafer_session *session, struct wafer_record *record);
/* Does so for an empty session, which then is one. */
wafer_result wafer_session_start(wafer_session *session);

/* The list's key for a record's subject in this manager's realm; NULL for nobody. */
const uint8_t *wafer_session_list_key(const wafer_session *session, struct wafer_record *record);
/* Of the sealed limits and the manager's the smaller: settings tightened today act today. */
int64_t wafer_session_absolute_at(const wafer_session *session, const struct wafer_record *record);
int64_t wafer_session_idle_ms(const wafer_session *session, const struct wafer_record *record);
/* What the list says: VALID, REVOKED or UNCHECKED. */
wafer_verdict wafer_session_ask_list(const wafer_session *session, struct wafer_record *record,
                                     int64_t now_ms, bool *superseded);
/* The same after the clock: also FUTURE, EXPIRED and IDLE. */
wafer_verdict wafer_session_judge(const wafer_session *session, struct wafer_record *record,
                                  int64_t now_ms, bool *superseded);

#endif
