/* What all examples serve, whichever HTTP stack they stand on. Each of the other files here is one
 * stack: it brings requests as slices of memory, and sends answers. Of Wafer only public headers
 * are used, but for the parser of the option --revocations in process.c, so that the files can be
 * read as examples.
 *
 *     path              method  answer, as plain text
 *     /plain            GET     a constant; no session is opened, to compare with
 *     /whoami           GET     verdict, subject, visits, note, explanation
 *     /visit            GET     counts, so that every answer carries a new cookie
 *     /later            GET     as /visit, from another thread, where the stack can do so
 *     /login            POST    the body is the user's name; sets fields of the program's own, too
 *     /note             POST    the body is kept in the session
 *     /logout           POST
 *     /logout-everywhere POST
 *     /sessions         GET     how many requests are under way
 *
 * These paths take no CSRF token, to stay small; SameSite=Lax is what guards them. See the demo for
 * forms that have one. */
#ifndef WAFER_EXAMPLES_APPLICATION_H
#define WAFER_EXAMPLES_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wafer.h>

#define APPLICATION_BODY_MAX 4096

struct application; /* lives as long as the server; shared by its threads */

/* What differs from stack to stack. */
struct application_traits {
    const char *name;     /* of the example, for messages */
    bool split_at_commas; /* the stack joins Cookie fields with commas */
    bool tls;             /* it takes --tls */
};

/* Bytes that need not end in a NUL. */
struct slice {
    const char *bytes;
    size_t length;
};

static inline struct slice slice_of_text(const char *text)
{
    return (struct slice){text, strlen(text)};
}

struct request {
    struct slice method;
    struct slice path; /* without a query */
    struct slice body; /* one longer than APPLICATION_BODY_MAX may be cut to one byte more */
};

struct field {
    const char *name;
    const char *value;
};

struct answer {
    unsigned status;
    char text[6144]; /* text/plain; charset=utf-8 */
    size_t length;
    const struct field *fields; /* constant, of the program's own: add them before the session's */
    size_t field_count;
};

/* ---- Life and death ---------------------------------------------------------------- */

/* Reads the command line, makes key ring, list and manager, and blocks SIGINT and SIGTERM in this
 * thread and those it makes. NULL after one line on stderr, or after --help, with the exit status
 * in *status. */
struct application *application_start(int count, char **arguments,
                                      const struct application_traits *traits, int *status);
/* Frees it all. Every session must have been given back. */
void application_end(struct application *application);

const char *application_address(const struct application *application); /* to listen on */
uint16_t application_port(const struct application *application);       /* 0: any free one */
/* A PEM file with certificate and private key, or NULL for plain http. */
const char *application_tls(const struct application *application);

/* Says where the server listens. False when nobody can be told. */
bool application_listens(const struct application *application, uint16_t port);

/* For stacks that take a socket: one that listens there, and *port. -1 after a line on stderr. */
int application_listener(const struct application *application, uint16_t *port);

/* Readable as soon as SIGINT or SIGTERM came: for the loops of stacks to watch. */
int application_signals(const struct application *application);
/* For stacks with threads of their own: sleeps until then. */
void application_wait(const struct application *application);

/* ---- One request ------------------------------------------------------------------- */
/* Any thread may call these, for requests of its own. */

/* Takes a session for one request out of a pool, so that requests do not allocate. NULL without
 * memory. Give it back on every path, also when the client has gone. */
wafer_session *application_take(struct application *application);
void application_give(struct application *application, wafer_session *session);

/* True when the path is one that needs a session: then open it before, and finish it after
 * application_answer. */
bool application_needs_session(const struct request *request);
/* True when the request is for /later. */
bool application_is_later(const struct request *request);

/* Works out what to answer. `session` is open, or NULL when none is needed. */
void application_answer(struct application *application, wafer_session *session,
                        wafer_verdict verdict, const struct request *request,
                        struct answer *answer);
/* The same, as slow as if there was work to do: for other threads than those that serve. */
void application_answer_slowly(struct application *application, wafer_session *session,
                               wafer_verdict verdict, const struct request *request,
                               struct answer *answer);
/* Replaces the answer when finishing the session did not return WAFER_OK, as the page then promises
 * what did not happen. */
void application_finished(struct answer *answer, wafer_result finished);
/* "OK" and so on, for stacks that want it. */
const char *application_reason(unsigned status);

#endif
