/* A small world for the session's tests: a key ring, a list, a clock that stands until moved, a
 * manager, and browsers that keep cookies as real ones do. */
#ifndef WAFER_TESTS_FIXTURE_H
#define WAFER_TESTS_FIXTURE_H

#include "support.h"

#include <wafer.h>

#define NOON   INT64_C(1790000000000) /* where every world's clock starts */
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

struct world {
    int64_t now_ms;
    wafer_keyring *ring;
    wafer_revocations *list;
    wafer_manager *manager;
    wafer_session *session;
    unsigned owed; /* of the last request that left */
};

/* "name=value", or empty. */
struct browser {
    char cookie[5000];
    char line[9000]; /* the last Set-Cookie line it got, or empty */
};

int64_t world_clock(void *world);

/* Everything with its defaults; world_open and world_close are cmocka's set-up and tear-down. */
int world_open(void **state);
int world_close(void **state);
/* The settings of the world's manager. */
wafer_settings world_settings(struct world *world);
/* Another manager on these settings in place of the world's. */
void world_manage(struct world *world, const wafer_settings *settings);
/* Another list in place of the world's, and a manager on it. */
void world_list(struct world *world, const wafer_revocations_settings *settings);
wafer_revocations_settings world_list_settings(struct world *world);

/* A request with this browser's cookie arrives and is opened. */
wafer_verdict arrive(struct world *world, const struct browser *browser);
/* The response leaves: finish, what it sets is kept by the browser, end. */
wafer_result leave(struct world *world, struct browser *browser);

/* The same with any session. */
wafer_verdict arrive_at(wafer_session *session, const struct browser *browser);
wafer_result leave_from(wafer_session *session, struct browser *browser);

/* Whole requests. */
void sign_in(struct world *world, struct browser *browser, const char *subject);
wafer_verdict look(struct world *world, struct browser *browser);

/* The token in a browser's cookie. */
const char *token_of(const struct browser *browser);

/* A browser whose cookie differs in one character behind the nonce: its tag is wrong. */
struct browser forge(const struct browser *browser);

/* Whether the text is anywhere in the memory of the world's session. */
bool session_holds(const struct world *world, const char *text);

/* A ring of one fresh key that seals from `from_ms` and opens until `until_ms`, as a line. */
void key_line(char line[WAFER_KEYS_LINE_MAX], int64_t from_ms, int64_t until_ms);

#endif
