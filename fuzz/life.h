/* What the calls of fuzz_life.c share: requests, browsers, a clock, and what must hold. */
#ifndef WAFER_FUZZ_LIFE_H
#define WAFER_FUZZ_LIFE_H

#include "world.h"

#define REQUESTS    2
#define BROWSERS    3
#define COOKIE_SIZE 5000

enum phase { ENDED, BEGUN, OPENED, FINISHED, SEALED };

/* A cookie, and what a session that comes with it must hold. */
struct browser {
    char cookie[COOKIE_SIZE];
    size_t length; /* 0: none */
    char subject;  /* '\0': nobody */
    bool visited;
    int64_t visits;
};

struct request {
    wafer_session *session;
    enum phase phase;
    int64_t begun_ms;
    const struct browser *only; /* whose cookie came, and no other */
    size_t cookies;
};

struct life {
    struct browser browsers[BROWSERS];
    struct request requests[REQUESTS];
    int64_t now_ms;
    bool clock_fails;
    wafer_revocations *list;
};

extern struct life life;

static inline struct browser *choose_browser(struct fuzz_input *input)
{
    return &life.browsers[take_byte(input) % BROWSERS];
}

/* ---- life_model.c: what must hold */

/* What a call that changes a session may return. */
void life_check_change(const struct request *request, wafer_result result);
/* What a session that was opened as valid holds, and one that is empty. */
void life_check_valid(const struct request *request);
void life_check_nothing(const struct request *request);
/* False when nobody is signed in. */
bool life_signed_in(const struct request *request, uint8_t id[WAFER_ID_SIZE]);
/* What was logged out; a new life has forgotten it. */
void life_forget_gone(void);
void life_remember_gone(const uint8_t id[WAFER_ID_SIZE]);
bool life_is_gone(const uint8_t id[WAFER_ID_SIZE]);

/* ---- Calls; each takes what it needs from the input */

typedef void life_call(struct request *request, struct fuzz_input *input);

/* life_requests.c: arriving and leaving */
life_call life_begin, life_add_cookie, life_lose_fields, life_open, life_open_token, life_finish,
    life_seal, life_end;
/* life_changes.c: changing the session */
life_call life_put_visits, life_put_long_text, life_take_away, life_login, life_log_out, life_renew,
    life_set_times, life_use_csrf_token, life_ask_again;

#endif
