/* wafer.h - user sessions sealed into the cookie; nothing is stored on the server.
 *
 * Read from top to bottom: 1 results, 2 the four objects, 3 one request,
 * 4 variables, 5 log in and out, 6 what goes out, 7 CSRF, 8 keys, 9 revocation,
 * 10 to 12 rare needs. SPDX-License-Identifier: MIT
 *
 * The shortest use, once a request, on every path through it:
 *
 *     wafer_begin(session);                              wipe, read the clock
 *     wafer_field(session, cookie, cookie_length);       every Cookie field line
 *     if (wafer_open(session) == WAFER_VALID) ...        who is it?
 *     wafer_get_integer(session, "visits", &visits);
 *     wafer_put_integer(session, "visits", visits + 1);
 *     wafer_finish(session, &headers, &count);           add these to the response
 *     wafer_end(session);                                wipe
 *
 * Times are int64_t milliseconds since 1970-01-01T00:00:00Z (names ending in _at_ms)
 * or lengths of time in milliseconds (names ending in _ms). Sizes are bytes.
 * Text is UTF-8 without U+0000. Strings passed in are copied unless stated otherwise.
 * A NULL object is WAFER_MISUSE, false or NULL, never a crash; so is a call out of order.
 */
#ifndef WAFER_H
#define WAFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WAFER_API        __attribute__((visibility("default")))
#define WAFER_MUST_CHECK __attribute__((warn_unused_result))
#else
#define WAFER_API
#define WAFER_MUST_CHECK
#endif

#define WAFER_VERSION_MAJOR 0
#define WAFER_VERSION_MINOR 1
#define WAFER_VERSION_PATCH 0
#define WAFER_VERSION       "0.1.0"

/* The version of the library in use; WAFER_VERSION is that of the header. Thread-safe. */
WAFER_API const char *wafer_version(void);

/* ---- 1. Results ------------------------------------------------------------------- */

/* What a call returns. */
typedef enum wafer_result {
    WAFER_OK = 0,
    WAFER_INVALID,     /* an argument, a setting or a file's content is wrong */
    WAFER_TOO_LARGE,   /* more than a documented limit; nothing was truncated */
    WAFER_MISUSE,      /* NULL object, or a call out of order: a bug in the caller */
    WAFER_NO_MEMORY,   /* an allocation failed */
    WAFER_SYSTEM,      /* the system refused: file, mapping, lock, clock or randomness */
    WAFER_LIST_FULL,   /* the revocation list has no room; nothing was revoked */
    WAFER_UNAVAILABLE, /* the list cannot be asked, or the session may not be changed */
    WAFER_QUEUED /* a success: in effect on this machine, and queued for the others; only of what
                    revokes, with a list that other machines share */
} wafer_result;

/* What the cookies of a request turned out to be, and what to do then. */
typedef enum wafer_verdict {
    WAFER_NONE = 0,  /* no such cookie: a first visit; fill the empty session or not */
    WAFER_VALID,     /* use it; wafer_subject tells whether somebody is signed in. When
                        wafer_frozen, it may only be read */
    WAFER_IDLE,      /* unused for too long: ask to sign in again; the session is empty */
    WAFER_EXPIRED,   /* past its absolute expiry: ask to sign in again; the session is empty */
    WAFER_FUTURE,    /* sealed later than now + skew, so a clock is wrong: answer 503;
                        nothing can be put and no cookie goes out */
    WAFER_REVOKED,   /* logged out, here or elsewhere: ask to sign in again; it is empty */
    WAFER_UNCHECKED, /* the revocation list or the clock cannot be read: answer 503;
                        nothing can be put and no cookie goes out */
    WAFER_REJECTED   /* not one of ours, damaged, or under a key long gone: as NONE. It is one
                        verdict on purpose; wafer_explain tells the operator more */
} wafer_verdict;

/* A short text for each, never NULL, also for values out of range. Thread-safe. */
WAFER_API const char *wafer_result_text(wafer_result result);
WAFER_API const char *wafer_verdict_text(wafer_verdict verdict);

/* Why making or changing an object failed, as a sentence. Belongs to the caller; any function
 * that takes one also takes NULL. After WAFER_OK it is untouched. */
typedef struct wafer_error {
    wafer_result result; /* what the function also returned */
    int system;          /* the errno value behind WAFER_SYSTEM, else 0 */
    unsigned line;       /* the line of the key file that is wrong, else 0 */
    char text[256];      /* NUL-terminated; never holds key material */
} wafer_error;

/* ---- 2. The four objects ---------------------------------------------------------- */

typedef struct wafer_keyring wafer_keyring;         /* keys; shared by all threads */
typedef struct wafer_revocations wafer_revocations; /* the list; shared by threads, processes */
typedef struct wafer_manager wafer_manager;         /* one cookie: name, lifetimes, keys, list */
typedef struct wafer_session wafer_session;         /* one request; one thread at a time */

/* A clock: milliseconds since 1970. Must be thread-safe, fast and not block. A value below zero
 * or beyond WAFER_TIME_MAX_MS means that the clock cannot be read. */
typedef int64_t (*wafer_clock)(void *context);
#define WAFER_TIME_MAX_MS INT64_C(8796093022207) /* 2^43 - 1: the year 2248 */

typedef enum wafer_same_site {
    WAFER_SAME_SITE_LAX = 0,
    WAFER_SAME_SITE_STRICT,
    WAFER_SAME_SITE_NONE,
    WAFER_SAME_SITE_UNSET /* no attribute; browsers differ in what they assume */
} wafer_same_site;

/* A Chromium extension: which cookies are evicted last. */
typedef enum wafer_priority {
    WAFER_PRIORITY_UNSET = 0,
    WAFER_PRIORITY_LOW,
    WAFER_PRIORITY_MEDIUM,
    WAFER_PRIORITY_HIGH
} wafer_priority;

#define WAFER_MINUTE_MS       INT64_C(60000)
#define WAFER_HOUR_MS         INT64_C(3600000)
#define WAFER_DAY_MS          INT64_C(86400000)
#define WAFER_LIFETIME_MAX_MS (3650 * WAFER_DAY_MS) /* the longest expiry and retention */
#define WAFER_SKEW_MAX_MS     (10 * WAFER_MINUTE_MS)

/* The settings of a manager. Start from WAFER_SETTINGS_INIT, then set what differs; `size` lets
 * later versions add fields without breaking programs compiled against this one. */
typedef struct wafer_settings {
    size_t size;                    /* sizeof(wafer_settings), set by the initializer */
    wafer_keyring *keyring;         /* required; outlives the manager */
    wafer_revocations *revocations; /* required; outlives the manager */

    /* The cookie. Defaults follow RFC 6265bis 4.1.3.2 (the __Host- prefix). */
    const char *name;   /* a token; "__Host-session" */
    const char *domain; /* NULL: this host only */
    const char *path;   /* "/" */
    wafer_same_site same_site;
    wafer_priority priority;
    bool secure;           /* true; false only for plain http in development */
    bool http_only;        /* true */
    bool partitioned;      /* false; true needs secure */
    bool outlives_browser; /* false: gone when the browser closes; true: Max-Age and Expires */

    /* Time. */
    int64_t idle_ms;     /* unused for so long ends it; 30 minutes; 0: no idle limit */
    int64_t absolute_ms; /* ends so long after login; 12 hours; at most the list's retention */
    int64_t skew_ms;     /* how far hosts' clocks may differ; 60 s; at most the list's */
    wafer_clock clock;   /* NULL: the system's */
    void *clock_context; /* handed to clock; outlives the manager */

    /* Separation. Name and context are bound into every seal: a cookie of another name or context
     * is refused. Text of at most 1024 bytes each. */
    const char *context; /* the application or tenant; "" */
    const char *realm;   /* whose user names these are, for revocation; "" */

    /* Size. The whole Set-Cookie line counts, name, value and attributes. More is
     * WAFER_TOO_LARGE at put. Behind nginx's default buffers a response head over about 3.9 kB is
     * a 502. Name and value together never exceed 4096 (RFC 6265bis 5.7), whatever stands here. */
    size_t line_limit; /* 3500; 512 to 8192 */
    size_t pad_to;     /* pad the plaintext to a multiple of it, hiding lengths; 0; to 1024 */

    /* HTTP. */
    bool split_at_commas; /* false; true where the stack folds Cookie fields with commas */
    bool cache_headers;   /* true: Vary: Cookie, with a Set-Cookie also Cache-Control: no-store */

    /* Randomness. */
    bool fresh_nonces; /* false; true: one getrandom per seal, for those who copy running machines
                          and cannot call wafer_reseed */
} wafer_settings;

#define WAFER_SETTINGS_INIT                                                                        \
    {                                                                                              \
        sizeof(wafer_settings), NULL, NULL, "__Host-session", NULL, "/", WAFER_SAME_SITE_LAX,      \
            WAFER_PRIORITY_UNSET, true, true, false, false, 30 * WAFER_MINUTE_MS,                  \
            12 * WAFER_HOUR_MS, WAFER_MINUTE_MS, NULL, NULL, "", "", 3500, 0, false, true, false   \
    }

/* Makes a manager. Everything wrong with the settings is found here, not later.
 *
 * Memory   *manager belongs to the caller, and is NULL on error; the settings and their strings are
 *          copied; key ring and list must outlive it, and it must outlive its sessions.
 * Threads  the manager is immutable and shared freely.
 * Errors   WAFER_INVALID a setting, named in the sentence; WAFER_TOO_LARGE name, path or domain
 *          is longer than a cookie's may be; WAFER_MISUSE NULL; NO_MEMORY; SYSTEM libsodium cannot
 *          be initialized; UNAVAILABLE the list cannot tell its limits.
 * Source   RFC 6265bis 4.1 and 5.7 for names, prefixes and attributes. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_manager_new(const wafer_settings *settings,
                                                          wafer_manager **manager,
                                                          wafer_error *error);
/* Frees it; NULL is nothing. No session of it may be in use any more. */
WAFER_API void wafer_manager_free(wafer_manager *manager);

/* Makes a session to be used for one request after another, so that no request allocates.
 *
 * Memory   *session belongs to the caller, until wafer_session_free.
 * Threads  one thread at a time.
 * Errors   WAFER_MISUSE NULL; WAFER_NO_MEMORY. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_session_new(const wafer_manager *manager,
                                                          wafer_session **session);
/* Ends and frees a session of wafer_session_new; one of wafer_session_place is only ended.
 * NULL is nothing. */
WAFER_API void wafer_session_free(wafer_session *session);

/* The same in memory of the caller's, for pools: wafer_session_size() bytes aligned for any type.
 * The memory stays the caller's and is reused after wafer_end. Errors: WAFER_MISUSE, when NULL,
 * too small or misaligned. */
WAFER_API size_t wafer_session_size(void);
WAFER_API WAFER_MUST_CHECK wafer_result wafer_session_place(void *memory, size_t size,
                                                            const wafer_manager *manager,
                                                            wafer_session **session);

/* ---- 3. One request --------------------------------------------------------------- */
/* From here to section 7 a function works on one session, which belongs to one thread at a time;
 * any number of threads may work on sessions of their own. */

/* Begins a request: wipes what was there, reads the clock, takes hold of the key ring as it
 * is now until wafer_end. May be called in any state.
 *
 * Errors   WAFER_SYSTEM the clock cannot be read: wafer_open will say WAFER_UNCHECKED;
 *          WAFER_MISUSE NULL. Ignoring the result is safe. */
WAFER_API wafer_result wafer_begin(wafer_session *session);

/* Hands over one Cookie field line as it came (RFC 6265bis 5.6); call it for each, in order.
 * Several lines mean the same as one line joined with "; " (RFC 9113 8.2.3).
 *
 * Memory   no allocation; the bytes need no NUL, are not changed, and must stay until wafer_open
 *          returns.
 * Errors   WAFER_TOO_LARGE past 64 KiB or 4096 pairs in one request, or past 64 values that look
 *          like tokens of ours: the session is then frozen, see wafer_frozen; WAFER_MISUSE out of
 *          order. Ignoring the result is safe. */
WAFER_API wafer_result wafer_field(wafer_session *session, const void *bytes, size_t length);

/* Says that fields of this request were lost, as the server keeps so many and no more: the cookie
 * may have been among them, so the session is frozen. For adapters, between wafer_begin and
 * wafer_open. Returns WAFER_TOO_LARGE, as wafer_field does past its limits; WAFER_MISUSE out of
 * order. */
WAFER_API wafer_result wafer_fields_lost(wafer_session *session);

/* Opens the session that the fields added since wafer_begin carry.
 *
 * Every candidate of the manager's cookie name is tried, so forged, foreign or stale duplicates
 * in front of the real one do no harm. A valid one beats an expired or revoked one, and among
 * valid ones the latest sealed wins. WAFER_VALID keeps its variables, whatever is owed. NONE,
 * IDLE, EXPIRED, REVOKED and REJECTED leave an empty session, ready to be filled, so a first
 * visit needs no path of its own. After FUTURE and UNCHECKED nothing can be put, so that an
 * outage or a wrong clock overwrites no good cookie.
 *
 * Memory   no allocation, no system call; plaintext stays in the session until wafer_begin or
 *          wafer_end, which wipe it.
 * Threads  one session per thread; any number may share the manager.
 * Errors   WAFER_UNCHECKED also for a call without wafer_begin. A second call returns the same.
 * Source   RFC 6265bis 5.6 for the field, src/seal.h and src/record.h for the format. */
WAFER_API WAFER_MUST_CHECK wafer_verdict wafer_open(wafer_session *session);

/* Asks again, later, for a WebSocket or a stream: reads the clock and the list anew. Changes
 * nothing in the session; may be called until wafer_end, also after wafer_finish. On anything but
 * WAFER_VALID close the connection. The idle limit counts from the cookie that the session was
 * opened with, whatever the user does elsewhere; renewals elsewhere do not count. Without a
 * session, opened as valid or begun since, the verdict of wafer_open stays. */
WAFER_API WAFER_MUST_CHECK wafer_verdict wafer_recheck(wafer_session *session);

/* Ends the request: wipes variables, keys in use and output, and lets go of the key ring. Call it
 * on every path. NULL and a second call are nothing. */
WAFER_API void wafer_end(wafer_session *session);

/* True when the session may not be changed and sends no cookie: after FUTURE and UNCHECKED, when
 * the request carried more cookies than wafer_field takes, when the clock failed, when the cookie
 * is a copy that wafer_renew retired a moment ago, and while it is not open. Puts then return
 * WAFER_UNAVAILABLE, and so does wafer_finish after one; reading works after WAFER_VALID. */
WAFER_API bool wafer_frozen(const wafer_session *session);

/* True when the cookie is a copy that wafer_renew retired a moment ago: it may be read, but is
 * frozen. A request that must write is to be repeated; by then the browser has the renewed one. */
WAFER_API bool wafer_superseded(const wafer_session *session);

/* True when two valid cookies of this name, of different sessions, came with the request: another
 * path or domain, or somebody tossing cookies. Only a __Host- name keeps those out. */
WAFER_API bool wafer_conflict(const wafer_session *session);

/* One line for logs: verdict, why, counts, times; of a cookie that is idle, expired, revoked or
 * from the future also when it was sealed and when it ended. Never input, subject, key or tag, but
 * the key's id. NUL-terminated, in session memory, valid until the next call on the session. Never
 * NULL. */
WAFER_API const char *wafer_explain(wafer_session *session);

/* ---- 4. Variables ----------------------------------------------------------------- */
/* At most 64. A name is 1 to 255 bytes of text. A value read is in session memory, has a length,
 * is NUL-terminated, and is valid until that variable changes or the request ends. */

#define WAFER_VARIABLES_MAX 64
#define WAFER_NAME_MAX      255

typedef enum wafer_type { WAFER_INTEGER = 1, WAFER_BOOLEAN, WAFER_TEXT, WAFER_BYTES } wafer_type;

/* One variable as wafer_next and wafer_take give it. */
typedef struct wafer_variable {
    const char *name; /* NUL-terminated */
    size_t name_length;
    wafer_type type;
    int64_t integer;  /* WAFER_INTEGER, else 0 */
    bool boolean;     /* WAFER_BOOLEAN, else false */
    const void *data; /* WAFER_TEXT and WAFER_BYTES, NUL-terminated, else NULL */
    size_t length;    /* of data, without the NUL */
} wafer_variable;

/* Read a variable. False or NULL when it is absent or of another type, and the output is then
 * untouched; length may be NULL. */
WAFER_API bool wafer_get_integer(const wafer_session *session, const char *name, int64_t *value);
WAFER_API bool wafer_get_boolean(const wafer_session *session, const char *name, bool *value);
WAFER_API const char *wafer_get_text(const wafer_session *session, const char *name,
                                     size_t *length);
WAFER_API const uint8_t *wafer_get_bytes(const wafer_session *session, const char *name,
                                         size_t *length);

/* Set a variable, adding it or changing value and type. The value is copied and may come from the
 * session itself. wafer_put_text takes a NUL-terminated string, wafer_put_text_slice need not.
 *
 * The first failure sticks: the variable stays as it was, and wafer_finish returns the failure
 * instead of a cookie, so a row of puts needs one check.
 *
 * Errors   WAFER_INVALID name or text is not UTF-8 without U+0000, the name is empty or longer
 *          than 255, or a NULL value; WAFER_TOO_LARGE the cookie line would pass the limit
 *          (wafer_explain and wafer_line_size give both sizes) or there are 64 variables;
 *          WAFER_UNAVAILABLE frozen, or the list cannot be asked or is ahead of the clock when a
 *          session begins; WAFER_SYSTEM no randomness or no clock then; WAFER_MISUSE before
 *          wafer_open or after wafer_finish. */
WAFER_API wafer_result wafer_put_integer(wafer_session *session, const char *name, int64_t value);
WAFER_API wafer_result wafer_put_boolean(wafer_session *session, const char *name, bool value);
WAFER_API wafer_result wafer_put_text(wafer_session *session, const char *name, const char *text);
WAFER_API wafer_result wafer_put_text_slice(wafer_session *session, const char *name,
                                            const char *text, size_t length);
WAFER_API wafer_result wafer_put_bytes(wafer_session *session, const char *name, const void *bytes,
                                       size_t length);

/* Remove one, or all. An absent one is WAFER_OK. Errors: UNAVAILABLE, MISUSE as above. */
WAFER_API wafer_result wafer_remove(wafer_session *session, const char *name);
WAFER_API wafer_result wafer_clear(wafer_session *session);

/* Reads a variable once: gives it and removes it (a "flash" message). What it points to stays
 * valid until the request ends. False when absent, when the session cannot be changed, and after 64
 * of them in one request. */
WAFER_API bool wafer_take(wafer_session *session, const char *name, wafer_variable *variable);

/* Walks the variables in the order of the sealed form (shorter names first, then bytewise). Start
 * with *cursor = 0; false at the end. Do not add or remove during the walk. */
WAFER_API bool wafer_next(const wafer_session *session, size_t *cursor, wafer_variable *variable);

/* How long the Set-Cookie line may become with what is in the session now, and the limit. Either
 * pointer may be NULL. False out of order. */
WAFER_API bool wafer_line_size(const wafer_session *session, size_t *size, size_t *limit);

/* ---- 5. Log in, log out ----------------------------------------------------------- */

#define WAFER_ID_SIZE     16
#define WAFER_SUBJECT_MAX 255

/* Signs a subject in: a user name or number, readable to the server, 1 to 255 bytes of text.
 *
 * Takes a new id (no session fixation) and a new login time. Variables are cleared but for the
 * keep_count names in keep; all are cleared when somebody else was signed in. If somebody was,
 * the old session is put on the revocation list; one that came idle is too, if there is room. Put
 * first what might fail: if wafer_finish fails afterwards, the browser is left with what was
 * listed.
 *
 * Errors   WAFER_INVALID the subject; LIST_FULL, UNAVAILABLE, SYSTEM the old session could not be
 *          listed, or no randomness, or the clock is behind the list; UNAVAILABLE frozen, or no
 *          key seals; WAFER_TOO_LARGE the line limit; the failure of an earlier put. The session is
 *          then as it was. WAFER_MISUSE out of order. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_login(wafer_session *session, const char *subject,
                                                    size_t length, const char *const *keep,
                                                    size_t keep_count);

/* Signs out: empties the session, owes the browser a deletion, and, if somebody was signed in,
 * lists the id, so that every copy of the cookie is refused from now on. A session that nobody
 * signed in to is not listed: anonymous visitors must not be able to fill the list.
 *
 * What is put afterwards goes into a new session, which then replaces the cookie.
 *
 * After WAFER_IDLE it signs out the session that idled, of which a copy may be in use elsewhere. Of
 * two valid sessions (wafer_conflict) it is the chosen one. In a frozen session the id is listed,
 * but no deletion goes out.
 *
 * Errors   LIST_FULL, UNAVAILABLE, SYSTEM: copies live on, but the deletion is owed all the same,
 *          and the call may be repeated, or wafer_logout_everywhere tried; UNAVAILABLE also in a
 *          frozen session of which nothing is known; MISUSE out of order. WAFER_QUEUED is none:
 *          copies are refused here, and on other machines as soon as these can be reached. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_logout(wafer_session *session);

/* The same, and every session of this subject on every device that was begun before now. Without
 * a subject it is wafer_logout. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_logout_everywhere(wafer_session *session);

/* Retires older copies of this session's state where replaying one would matter (credits spent, a
 * step taken): keeps id and login time, counts the renewals inside the seal, and lists the count.
 * Of parallel requests that renew one state a single one succeeds on a list; the others get
 * WAFER_UNAVAILABLE. Put first, renew then, and act when it returned WAFER_OK: if wafer_finish
 * fails afterwards or the response is lost, the browser is left with a retired copy, and its user
 * signs in again after the grace.
 *
 * Copies from just before can still be read for the list's grace (30 s), so that requests under way
 * are not logged out, but are frozen: their state goes nowhere. Older copies are refused at once,
 * and so are those from just before when the session is renewed again.
 *
 * Errors   WAFER_INVALID nobody is signed in; LIST_FULL, SYSTEM; UNAVAILABLE another request
 *          renewed first or logged the session out, no key seals, or the list cannot be asked;
 *          the failure of an earlier put; WAFER_TOO_LARGE renewed WAFER_RENEWALS_MAX times, or the
 *          line limit; WAFER_MISUSE out of order. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_renew(wafer_session *session);

/* Who is signed in: NUL-terminated text in session memory until login, logout or the end; NULL
 * when nobody is. length may be NULL. */
WAFER_API const char *wafer_subject(const wafer_session *session, size_t *length);

/* The session's id; it stays the same until login or logout. False while the session is empty and
 * new, and so has none. */
WAFER_API bool wafer_id(const wafer_session *session, uint8_t id[WAFER_ID_SIZE]);

/* When it ends at the latest, and when it ends if unused: by the cookie that came, and after
 * wafer_finish by the one that goes out, if one does. Of the sealed times and the manager's
 * settings the earlier counts. False while it is empty. */
WAFER_API bool wafer_expires_at(const wafer_session *session, int64_t *at_ms);
WAFER_API bool wafer_idle_at(const wafer_session *session, int64_t *at_ms);

/* When it began, which is when its user logged in: ask for the password again when that is too long
 * ago for what is to be done. And when the cookie that came was sealed, or after wafer_finish the
 * one that goes out. Either may be up to the list's skew_ms ahead of the clock. False while the
 * session is empty; the latter also while it has no cookie yet. */
WAFER_API bool wafer_login_at(const wafer_session *session, int64_t *at_ms);
WAFER_API bool wafer_sealed_at(const wafer_session *session, int64_t *at_ms);

/* Sets this session's own expiry, `expiry_ms` from wafer_begin, and whether its cookie outlives the
 * browser ("remember me"). The manager's absolute_ms stays the upper limit. After login, which
 * goes back to the manager's settings.
 *
 * Errors   WAFER_INVALID below 1 ms (a second, when it outlives the browser), or past login +
 *          absolute_ms; WAFER_TOO_LARGE the line with Max-Age and Expires would pass the limit;
 *          UNAVAILABLE, MISUSE as for puts. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_set_expiry(wafer_session *session, int64_t expiry_ms,
                                                         bool outlives_browser);

/* Sets this session's own idle limit, at most the manager's. 0: none, if the manager has none.
 * Errors as wafer_set_expiry. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_set_idle(wafer_session *session, int64_t idle_ms);

/* This request is not the user's own doing (polling): it does not put off the idle limit, even if
 * a variable changes. Out of order it does nothing. */
WAFER_API void wafer_no_refresh(wafer_session *session);

/* ---- 6. What goes out ------------------------------------------------------------- */

/* Why a cookie goes out. A cookie is owed only for a reason, so that reading requests seldom
 * overwrite what parallel requests wrote: only when a refresh or an old key is due. */
enum {
    WAFER_OWED_CHANGED = 1, /* the variables are not what came in */
    WAFER_OWED_EXPIRY = 2,  /* the session's own expiry or idle limit changed */
    WAFER_OWED_LOGIN = 4,
    WAFER_OWED_LOGOUT = 8, /* a deletion, or the new session in its place */
    WAFER_OWED_RENEWAL = 16,
    WAFER_OWED_CSRF = 32,    /* a token was made for a session that has no cookie yet */
    WAFER_OWED_REFRESH = 64, /* unused for a tenth of the idle limit; 60 s to a third of it */
    WAFER_OWED_OLD_KEY = 128 /* it came under a key that seals no more */
};

/* The reasons as bits; 0 when no cookie goes out, and after a wafer_finish that failed. */
WAFER_API unsigned wafer_owed(const wafer_session *session);

/* One header field of the response. */
typedef struct wafer_header {
    const char *name; /* NUL-terminated, as value */
    size_t name_length;
    const char *value;
    size_t value_length;
} wafer_header;

/* Gives the header fields to add to the response: Set-Cookie if a cookie is owed, and
 * Cache-Control and Vary unless switched off. Add them, do not replace others of their name.
 *
 * Repeatable: a second call gives the same. Puts after it are WAFER_MISUSE.
 *
 * Memory   no allocation; one getrandom for about 60 seals and CSRF tokens, see section
 *          11; the fields are in session memory, valid until wafer_begin or wafer_end.
 * Errors   the first failed put or removal; WAFER_SYSTEM no randomness; WAFER_UNAVAILABLE no key
 *          seals now, or another request logged the session out or renewed it meanwhile;
 *          WAFER_TOO_LARGE the line limit was lowered under a session that is there. No session
 *          goes out then, but a deletion that logout owes does, and the fields for caches.
 *          WAFER_MISUSE before wafer_open: no fields. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_finish(wafer_session *session,
                                                     const wafer_header **headers, size_t *count);

/* The same without HTTP: opens one token in place of Cookie fields, and seals one whether owed or
 * not. The token is base64url text, NUL-terminated, in session memory until begin or end; sealing
 * finishes the session. Errors as wafer_open and wafer_finish; sealing an emptied session that was
 * logged out is WAFER_INVALID. */
WAFER_API WAFER_MUST_CHECK wafer_verdict wafer_open_token(wafer_session *session, const char *token,
                                                          size_t length);
WAFER_API WAFER_MUST_CHECK wafer_result wafer_seal(wafer_session *session, const char **token,
                                                   size_t *length);

/* ---- 7. CSRF ---------------------------------------------------------------------- */

#define WAFER_CSRF_LENGTH 48 /* characters, without the NUL */

/* Makes a token for the forms of this session: a MAC over its id, masked afresh each time so that
 * compressed responses do not leak it. A new, empty session gets its id and owes its cookie.
 * Errors: SYSTEM no randomness or clock; UNAVAILABLE frozen without a session, or no key seals;
 * MISUSE out of order; the token is then the empty string. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_csrf_token(wafer_session *session,
                                                         char token[WAFER_CSRF_LENGTH + 1]);
/* True when the token was made for this session, under any key that still opens. Comparing takes
 * the same time wherever the difference is. Login and logout make tokens from before useless. */
WAFER_API WAFER_MUST_CHECK bool wafer_csrf_check(const wafer_session *session, const char *token,
                                                 size_t length);

/* ---- 8. Keys ---------------------------------------------------------------------- */
/* A key file is text, a line a key; blank lines and lines that start with # are skipped:
 *
 *     1 ID KEY CREATED SEALS-FROM OPENS-UNTIL
 *
 * 1 is the version, ID six hex digits that follow from KEY, KEY 64 hex digits (32 random bytes,
 * never a password), then times as 2026-01-31T12:00:00Z, the last one also "never". Every key opens
 * until its last time; of those whose SEALS-FROM has come the latest seals. At most 32 keys. */

#define WAFER_KEYS_MAX    32
#define WAFER_KEY_ID_SIZE 3

typedef struct wafer_keyring_settings {
    size_t size;      /* sizeof(wafer_keyring_settings) */
    const char *path; /* the file, or NULL and: */
    const char *text; /* the same text from memory; copied, wipe yours */
    size_t text_length;
    bool group_readable; /* false: a file must be 0600 or stricter; true: 0640 */
    wafer_clock clock;   /* NULL: the system's; what "expired" is at load */
    void *clock_context; /* outlives the key ring */
} wafer_keyring_settings;

#define WAFER_KEYRING_SETTINGS_INIT                                                                \
    {                                                                                              \
        sizeof(wafer_keyring_settings), NULL, NULL, 0, false, NULL, NULL                           \
    }

/* Loads a key ring.
 *
 * Memory   *keyring belongs to the caller and outlives its managers; keys live in locked, guarded
 *          memory (sodium_malloc) and are wiped.
 * Threads  shared freely.
 * Errors   WAFER_INVALID with the line and the reason: duplicate id, id that is not its key's,
 *          wrong length, all-zero key, unknown version, bad time, empty ring, no key that seals
 *          now, file readable by others, not a regular file; TOO_LARGE over 32 keys or 64 KiB;
 *          SYSTEM the file; NO_MEMORY; MISUSE. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keyring_new(const wafer_keyring_settings *settings,
                                                          wafer_keyring **keyring,
                                                          wafer_error *error);
/* The same for a file and the defaults. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keyring_open(const char *path,
                                                           wafer_keyring **keyring,
                                                           wafer_error *error);

/* Reads the file anew, or takes other text; atomic for all threads. Requests under way keep the
 * keys they began with. On any error, those of wafer_keyring_new, the old keys stay. WAFER_MISUSE:
 * reload without a path, replace with one. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keyring_reload(wafer_keyring *keyring,
                                                             wafer_error *error);
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keyring_replace(wafer_keyring *keyring,
                                                              const char *text, size_t length,
                                                              wafer_error *error);
/* Wipes and frees; NULL is nothing. No manager of it may be left. */
WAFER_API void wafer_keyring_free(wafer_keyring *keyring);

typedef struct wafer_keys_settings {
    size_t size;         /* sizeof(wafer_keys_settings) */
    bool group_readable; /* create as 0640, accept 0640 */
    int64_t lead_ms;     /* a rotated-in key seals so much later; 1 hour; 0: now, one host only */
    int64_t overlap_ms;  /* how long the old key opens on: retention + skew; 31 days */
    wafer_clock clock;   /* NULL: the system's */
    void *clock_context;
} wafer_keys_settings;

#define WAFER_KEYS_SETTINGS_INIT                                                                   \
    {                                                                                              \
        sizeof(wafer_keys_settings), false, WAFER_HOUR_MS, 31 * WAFER_DAY_MS, NULL, NULL           \
    }

/* Work on key files, for operators and their tools; settings may be NULL for the defaults.
 *   create  a new file with one key that seals at once; refuses to touch an existing one.
 *   rotate  adds a key that seals lead_ms from now, lets the others open until then + overlap_ms
 *           at the latest, drops those that open no more; keeps mode, owner and group; takes a
 *           lock; comments and blank lines are kept.
 *   check   loads the file and fails when a key stops opening before its successor's
 *           start + overlap_ms, unless that time has passed, or when the last key stops opening
 *           within overlap_ms and no other takes over.
 * Files are written to a temporary file, synced and renamed: a crash leaves the old or the new.
 * Errors   those of wafer_keyring_new; WAFER_SYSTEM with errno, EEXIST when create finds a file,
 *          EWOULDBLOCK when another rotation holds the lock. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keys_create(const char *path,
                                                          const wafer_keys_settings *settings,
                                                          wafer_error *error);
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keys_rotate(const char *path,
                                                          const wafer_keys_settings *settings,
                                                          wafer_error *error);
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keys_check(const char *path,
                                                         const wafer_keys_settings *settings,
                                                         wafer_error *error);

/* What a key does now. */
typedef enum wafer_key_state {
    WAFER_KEY_WAITS = 1, /* its seals_at_ms has not come; it opens already */
    WAFER_KEY_SEALS,     /* seals and opens; one at a time */
    WAFER_KEY_OPENS,     /* opens what it sealed, until opens_until_ms */
    WAFER_KEY_SPENT      /* opens no more; the next rotation drops it */
} wafer_key_state;

typedef struct wafer_key_status {
    uint8_t id[WAFER_KEY_ID_SIZE]; /* public: it stands at the front of every token */
    wafer_key_state state;
    int64_t created_at_ms;
    int64_t seals_at_ms;
    int64_t opens_until_ms; /* INT64_MAX: never ends */
} wafer_key_status;

/* Tells what the keys of a file do, in the file's order; no secret leaves. *count keys are in the
 * array then. Errors: those of wafer_keys_check but for its judgement; MISUSE. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keys_list(const char *path,
                                                        const wafer_keys_settings *settings,
                                                        wafer_key_status keys[WAFER_KEYS_MAX],
                                                        size_t *count, wafer_error *error);

/* Takes a key out of the file before its time, as when somebody saw it: what it sealed is refused
 * wherever the file is loaded anew. lead_ms and overlap_ms do not count. Comments, mode, owner,
 * group, lock and crashes as with rotate.
 * Errors   those of wafer_keys_rotate; WAFER_INVALID also when no key has this id, or when no other
 *          key would seal now: rotate with lead_ms 0 first. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keys_retire(const char *path,
                                                          const uint8_t id[WAFER_KEY_ID_SIZE],
                                                          const wafer_keys_settings *settings,
                                                          wafer_error *error);

#define WAFER_KEYS_LINE_MAX 160 /* bytes, with newline and NUL */

/* Writes one line for a fresh key that seals at once and never expires, for a ring in memory.
 * Wipe the text after use. Errors: WAFER_SYSTEM no randomness; WAFER_MISUSE. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_keys_generate(char text[WAFER_KEYS_LINE_MAX],
                                                            const wafer_keys_settings *settings,
                                                            wafer_error *error);

/* ---- 9. Revocation ---------------------------------------------------------------- */
/* The list of what is refused though its seal is good. It lies in shared memory: made before fork
 * it is one list for all workers; in a file it is one for every process of the machine that opens
 * it, and outlives them. Checks take no lock. */

/* An empty list cannot know what was revoked before it was made. Choose. */
typedef enum wafer_on_start {
    WAFER_START_UNSET = 0,    /* refused when a list is made */
    WAFER_START_FORGETS,      /* sessions from before it are good again, logged out or not */
    WAFER_START_REFUSES_OLDER /* everybody signs in again after a restart */
} wafer_on_start;

/* What is asked of a table file. */
typedef enum wafer_access {
    WAFER_ACCESS_CREATE = 0, /* made when it is missing; one that is there must have the capacity,
                                skew and grace of the settings */
    WAFER_ACCESS_WRITE,      /* must be there; taken as it is. For tools */
    WAFER_ACCESS_READ        /* the same, mapped read-only: checks work, revoking does not */
} wafer_access;

typedef struct wafer_revocations_settings {
    size_t size;             /* sizeof(wafer_revocations_settings) */
    wafer_on_start on_start; /* required where a list may be made */
    size_t capacity;         /* entries at most; 1,000,000; 64 to 100,000,000. Memory or disk is
                                 taken as it fills. The last eighth is kept for subjects */
    int64_t retention_ms;    /* no session lives longer; 24 hours. Entries are kept so long and
                                 three skews more. A longer one raises that of a file */
    int64_t skew_ms;         /* how far hosts' clocks may differ; 60 s; 1 s to 10 minutes */
    int64_t grace_ms;        /* wafer_renew; 30 s; at most 10 minutes */
    wafer_clock clock;       /* NULL: the system's; for wafer_revoke_... and purge */
    void *clock_context;

    const char *path;    /* NULL: in memory only; else the table file */
    wafer_access access; /* to the file */
    bool group_readable; /* false: the file is 0600; true: 0640, and a reader may be another user */
} wafer_revocations_settings;

#define WAFER_REVOCATIONS_SETTINGS_INIT                                                            \
    {                                                                                              \
        sizeof(wafer_revocations_settings), WAFER_START_UNSET, 1000000, WAFER_DAY_MS,              \
            WAFER_MINUTE_MS, 30000, NULL, NULL, NULL, WAFER_ACCESS_CREATE, false                   \
    }

/* Makes a list in anonymous shared memory, or opens one in a file, which is made first if needed.
 *
 * A file is shared by all processes that open it, at the same time or one after the other: what one
 * revokes is refused in all when the call returns. Killing a process at any moment harms nothing.
 * The file is not synced: after a crash of the machine it may lack the latest entries or be
 * damaged. So when the machine was started since, on_start is applied anew: REFUSES_OLDER refuses
 * every session from before now, FORGETS trusts what is there. Keep the file on a local file
 * system; copy, truncate or write it by no other means while it is in use.
 *
 * Memory   *list belongs to the caller and outlives its managers. After fork parent and children
 *          share the list; each frees its own handle. Of a file a descriptor stays open.
 * Threads  and processes: all functions on a list may run at the same time.
 * Errors   WAFER_INVALID a setting; or the file is not a list of this version and machine type, is
 *          damaged, of another size, not a regular file (also a symbolic link), another user's,
 *          open to others, or has another capacity, skew or grace. It is then as it was.
 *          SYSTEM the mapping, file, lock, clock or randomness, with errno; NO_MEMORY. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_new(
    const wafer_revocations_settings *settings, wafer_revocations **list, wafer_error *error);
/* The same in memory, with the defaults but for the choice. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_open(wafer_on_start on_start,
                                                               wafer_revocations **list,
                                                               wafer_error *error);
/* Frees this process's hold on it; NULL is nothing. No manager of it may be left. */
WAFER_API void wafer_revocations_free(wafer_revocations *list);

/* Forced logout, for operators: one session by id, a subject in a realm on every device, everyone.
 * In effect in every thread and process when it returns. The latter two refuse what began before
 * now, and logins from then on are good. WAFER_QUEUED, of a list that other machines share, says
 * that these will hear of it later; nothing needs to be done.
 * Errors   LIST_FULL; SYSTEM lock, clock or a full disk; UNAVAILABLE also for a list that is mapped
 *          read-only; INVALID the subject's length; MISUSE. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revoke_session(wafer_revocations *list,
                                                             const uint8_t id[WAFER_ID_SIZE]);
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revoke_subject(wafer_revocations *list,
                                                             const char *realm, const char *subject,
                                                             size_t length);
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revoke_everyone(wafer_revocations *list);

/* Drops what no session can need any more, and says how many entries (NULL: do not). The list does
 * so itself as it fills; this is for those who want the memory back earlier. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_purge(wafer_revocations *list,
                                                                size_t *dropped);

/* Raises the retention, so that longer sessions may be made. Never lowers: a smaller value is
 * WAFER_INVALID. Managers made earlier keep their limits. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_retain(wafer_revocations *list,
                                                                 int64_t retention_ms);

/* What a list is and holds. */
typedef struct wafer_revocations_status {
    size_t entries;
    size_t capacity;
    int64_t retention_ms;
    int64_t skew_ms;
    int64_t grace_ms;
    int64_t not_before_ms; /* sessions begun earlier are refused; 0: none */
} wafer_revocations_status;
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_look(wafer_revocations *list,
                                                               wafer_revocations_status *status);

/* One entry of the list. */
typedef enum wafer_revocation_kind {
    WAFER_REVOKE_SESSION = 1, /* key: the id; at_ms: when */
    WAFER_REVOKE_SUBJECT,     /* key: wafer_subject_key; at_ms: not-before */
    WAFER_REVOKE_EVERYONE,    /* key: zeros; at_ms: not-before */
    WAFER_REVOKE_COPIES       /* key: the id; at_ms: when; renewals: the count from then on */
} wafer_revocation_kind;

#define WAFER_RENEWALS_MAX 131071

typedef struct wafer_revocation {
    wafer_revocation_kind kind;
    uint8_t key[WAFER_ID_SIZE];
    int64_t at_ms;
    uint32_t renewals;
} wafer_revocation;

/* Copies what is on the list, as of one moment and in no order, entries that are due to go
 * included. For operators' tools.
 *
 * Memory   *entries, NULL when there are none, is to be freed with free().
 * Errors   NO_MEMORY; UNAVAILABLE when a list mapped read-only is rebuilt all the time; MISUSE. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_entries(wafer_revocations *list,
                                                                  wafer_revocation **entries,
                                                                  size_t *count);

/* ---- 10. Rare needs: a list of another make ---------------------------------------- */
/* What the session asks of a list. A list that journals or mirrors wraps the one above behind the
 * same functions. They may be called by any thread at any time; check must not block. */

/* What the list says of a session. */
typedef enum wafer_standing {
    WAFER_STANDS = 0, /* nothing */
    WAFER_SUPERSEDED, /* it is a copy from just before the last renewal, in its grace */
    WAFER_REFUSED     /* it is revoked */
} wafer_standing;

typedef struct wafer_revocation_query {
    const uint8_t *id;      /* WAFER_ID_SIZE bytes */
    const uint8_t *subject; /* WAFER_ID_SIZE bytes of wafer_subject_key; NULL: nobody */
    int64_t login_at_ms;
    int64_t now_ms;
    uint32_t renewals;
} wafer_revocation_query;

typedef struct wafer_revocations_interface {
    size_t size; /* sizeof(wafer_revocations_interface) */
    /* Sets *standing. Anything but WAFER_OK becomes WAFER_UNCHECKED. */
    wafer_result (*check)(void *context, const wafer_revocation_query *query,
                          wafer_standing *standing);
    /* The earliest good login time for a subject key (NULL: anybody): the later of the subject's
     * and everyone's not-before, 0 if none. */
    wafer_result (*not_before)(void *context, const uint8_t *subject, int64_t *at_ms);
    /* Adds an entry; must be in effect for all when it returns WAFER_OK. entry->at_ms 0 stands for
     * now and, for subject and everyone, for max(now + skew, previous) + 1; what was taken is
     * written back. A renewal whose count is listed already is then WAFER_UNAVAILABLE: another
     * request came first. Other values come from elsewhere and are checked: a time before 0 or
     * beyond now + 2 skews is WAFER_INVALID. A list that other machines share may return
     * WAFER_QUEUED: in effect here, and the others will hear of it. */
    wafer_result (*revoke)(void *context, int64_t now_ms, wafer_revocation *entry);
    wafer_result (*purge)(void *context, int64_t now_ms, size_t *dropped);
    wafer_result (*retain)(void *context, int64_t retention_ms);
    wafer_result (*look)(void *context, wafer_revocations_status *status);
    /* Copies at most `room` entries and says how many there are. */
    wafer_result (*entries)(void *context, wafer_revocation *entries, size_t room, size_t *count);
    void (*free)(void *context);
    /* As revoke, of one entry after another until one is not taken, whose result it returns;
     * *taken counts those before it. WAFER_QUEUED: all are taken, some are queued. NULL: revoke is
     * called for each. */
    wafer_result (*revoke_all)(void *context, int64_t now_ms, wafer_revocation *entries,
                               size_t count, size_t *taken);
} wafer_revocations_interface;

/* Makes a list of an implementation. The interface is copied; context is handed to every function
 * and is freed by its free. Without a clock the system's is used. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_wrap(
    const wafer_revocations_interface *functions, void *context, wafer_clock clock,
    void *clock_context, wafer_revocations **list, wafer_error *error);

/* Passes one entry on, as an implementation's `revoke` does for the list it wraps. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_apply(wafer_revocations *list,
                                                                int64_t now_ms,
                                                                wafer_revocation *entry);
/* Passes many on, faster than one by one. Writers wait meanwhile, so hundreds at a time are better
 * than millions. *taken, also on an error: how many are in effect, from the first on. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_apply_all(wafer_revocations *list,
                                                                    int64_t now_ms,
                                                                    wafer_revocation *entries,
                                                                    size_t count, size_t *taken);
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_check(wafer_revocations *list,
                                                                const wafer_revocation_query *query,
                                                                wafer_standing *standing);
WAFER_API WAFER_MUST_CHECK wafer_result wafer_revocations_not_before(wafer_revocations *list,
                                                                     const uint8_t *subject,
                                                                     int64_t *at_ms);

/* The key under which lists know a subject: BLAKE2b-128 of a fixed label, the realm and the
 * subject, independent of any key ring. Errors: WAFER_INVALID the length; WAFER_MISUSE NULL. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_subject_key(const char *realm, const char *subject,
                                                          size_t length,
                                                          uint8_t key[WAFER_ID_SIZE]);

/* ---- 11. Rare needs: copies of a running machine ----------------------------------- */

/* Makes every thread of the process ask the system for fresh randomness before its next seal.
 *
 * Threads share a store of random bytes, each piece for about 60 seals. Forked children never use
 * those of their parent, that needs no call. But when a virtual machine is cloned or goes back to a
 * snapshot, or a process is checkpointed and restored (CRIU), two copies have the same bytes. The
 * time in nanoseconds, which goes into each nonce, then still keeps their nonces apart; call this
 * where you hear of the copy, in a restore hook, and they have nothing in common any more. Where
 * there is no such hook, see fresh_nonces in wafer_settings.
 *
 * Threads  from any, at any time, as often as you like; also from a signal handler. It is in effect
 *          for all seals that begin after it returned. */
WAFER_API void wafer_reseed(void);

/* ---- 12. Rare needs: looking at cookies -------------------------------------------- */
/* For debug pages and tools. A request needs none of it. */

/* One cookie of a Cookie field: slices of the caller's bytes. */
typedef struct wafer_pair {
    const char *name;
    size_t name_length; /* never 0 */
    const char *value;
    size_t value_length;
} wafer_pair;

/* The next cookie of a Cookie field line, read as wafer_open reads it: split at ";" (and at ",",
 * when told so), name and value at the first "=", blanks around both trimmed, nothing decoded,
 * quotes kept; pieces without "=" or without a name are passed over. *cursor is 0 at first and is
 * then where the rest begins. False at the end, for a cursor beyond it, and when a pointer is NULL.
 *
 * Threads  any. Source  RFC 6265bis 5.6. */
WAFER_API bool wafer_next_pair(const char *field, size_t length, bool split_at_commas,
                               size_t *cursor, wafer_pair *pair);

/* What anybody can see of a token who has no key. */
typedef struct wafer_token_facts {
    unsigned version;                  /* of the format */
    uint8_t key_id[WAFER_KEY_ID_SIZE]; /* of the key that sealed it, or so it says */
    size_t raw_size;                   /* bytes that the text stands for */
    size_t plain_size;                 /* of these the sealed ones, padding included */
} wafer_token_facts;

/* Reads it, without a key: it may be forged all the same. Thread-safe.
 *
 * Errors   WAFER_INVALID not the text of a token: not canonical base64url, or another version,
 *          which is then in facts->version, else 0; WAFER_TOO_LARGE longer than any token, and
 *          INVALID shorter; MISUSE NULL. The sentence says which. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_token_look(const char *token, size_t length,
                                                         wafer_token_facts *facts,
                                                         wafer_error *error);

#ifdef __cplusplus
}
#endif

#endif
