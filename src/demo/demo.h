/* The demo server: what its files share. It uses the public headers only, so that it can be read
 * as an example.
 *
 *     main            options, life and death of the server, signals
 *     options         the command line
 *     introduce       what the server says when it starts
 *     listen          libmicrohttpd, with TLS or without
 *     load            small files, read whole
 *     accounts        several accounts in one browser: a manager each; who is where
 *     password        the operator's
 *
 *     requests        what libmicrohttpd calls: a request begins, brings its body, is over
 *     answer          opens the session, asks the route, finishes the session, sends
 *     routes          which function answers which path
 *     actions         what the forms of an account do
 *     operator        what the operator's forms do
 *     forms           the texts that come in, urlencoded
 *
 *     pages           what all pages have, and those that say what went wrong
 *     pages_home      the session, its variables, sizes, times, why a cookie went out
 *     pages_token     what is in the cookie
 *     pages_cookies   the cookies of the request, and what the parser makes of them
 *     pages_operator  the revocation list and the keys
 *     pages/          their HTML, CSS and JavaScript; embed.sh makes them part of the program
 *     template        values go into HTML; values.h, values.c keep them
 *     words           numbers, bytes and times as text */
#ifndef WAFER_DEMO_DEMO_H
#define WAFER_DEMO_DEMO_H

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <wafer/microhttpd.h>

#include "template.h"

#define DEMO_BODY_MAX 4096

/* ---- options ---------------------------------------------------------------------- */

struct demo_options {
    const char *address;
    const char *keys;
    const char *revocations;     /* one of revocations_option.h */
    const char *tls_certificate; /* NULL: plain http */
    const char *tls_key;
    const char *operator_password; /* the file; NULL: one is made */
    uint16_t port;                 /* 0: any that is free */
    int64_t idle_ms;
    int64_t absolute_ms;
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } socket_address;
    bool loopback; /* nobody but this machine can reach the address */
    bool help;     /* print the help and do nothing */
};

/* Whether other servers may have the same sessions, so the same key file: a list in memory is of
 * one server alone. */
bool demo_options_shared(const struct demo_options *options);

/* Reads the command line. False after one line on stderr. */
bool demo_options_read(int count, char **arguments, struct demo_options *options);
void demo_help(FILE *out);

/* ---- the server --------------------------------------------------------------------- */

#define DEMO_ACCOUNTS 3 /* side by side in one browser */
#define DEMO_OPERATOR DEMO_ACCOUNTS

/* One cookie, and the paths that use it. */
struct demo_account {
    wafer_manager *manager;
    const char *label;
    const char *base; /* its paths begin with it */
    const char *cookie;
};

struct demo_password;

/* What lives as long as the server. */
struct demo_server {
    struct demo_options options;
    wafer_keyring *keyring;
    wafer_revocations *revocations;
    wafer_revocations *operator_revocations; /* so that revoking everyone spares the operator */
    struct demo_password *password;
    struct demo_account accounts[DEMO_ACCOUNTS + 1]; /* the last one is the operator's */
    struct MHD_Daemon *daemon;
};

/* Makes the managers. False after one line on stderr. */
bool demo_accounts_open(struct demo_server *server);
void demo_accounts_close(struct demo_server *server);
/* Which account a path belongs to; *rest is what follows its base, and begins with "/". */
const struct demo_account *demo_account_of(const struct demo_server *server, const char *path,
                                           const char **rest);
/* Adds a row to `accounts` for each that is not the operator's: who is signed in. */
void demo_accounts_show(struct demo_values *values, const struct demo_server *server,
                        const struct demo_account *current, struct MHD_Connection *connection);

/* Starts to serve. False after one line on stderr. */
bool demo_listen(struct demo_server *server);
/* Says where and how. `password` is the one that was made, or empty. */
bool demo_introduce(const struct demo_server *server, const char *password);

/* Reads a file of at most `most` bytes: *text belongs to the caller, who calls demo_unload, and is
 * NUL-terminated. One with a secret is refused when others may use it. False after one line on
 * stderr. */
bool demo_load(const char *path, bool secret, size_t most, char **text, size_t *length);
void demo_unload(char **text, size_t length); /* wipes */

/* ---- the operator's password ----------------------------------------------------------- */

#define DEMO_PASSWORD_LENGTH 20 /* of one that is made */

/* Takes the password of a file, or makes one and writes it to `made`, which is empty otherwise.
 * Keeps a hash only. False after one line on stderr. */
bool demo_password_open(const char *path, struct demo_password **password,
                        char made[DEMO_PASSWORD_LENGTH + 1]);
void demo_password_close(struct demo_password *password);

enum demo_attempt { DEMO_RIGHT, DEMO_WRONG, DEMO_TOO_OFTEN };

/* Takes the same time for every wrong one. After 5 wrong ones in a minute all are TOO_OFTEN for
 * the rest of it, even the right one, unless it was made here. Thread-safe. */
enum demo_attempt demo_password_try(struct demo_password *password, const char *text,
                                    size_t length);
/* A text that follows from the password and bytes of this process, and does not tell them: sessions
 * of the operator are bound to it, so another password ends them, and so does another server. */
const char *demo_password_context(const struct demo_password *password);

/* ---- requests ----------------------------------------------------------------------- */

/* What goes back to the client; handlers fill it. */
struct demo_answer {
    unsigned status;
    const char *type;      /* Content-Type */
    const char *allow;     /* for 405, else NULL */
    char location[64];     /* for a redirect, else empty */
    bool home;             /* redirect to the account's page, which says why a cookie went out */
    bool failed;           /* no memory for the page */
    wafer_result forgiven; /* what wafer_finish may return because the page says so already */
    FILE *page;            /* write the body here */
    char *text;            /* page's memory */
    size_t length;
};

struct demo_request {
    const struct demo_server *server;
    const struct demo_account *account;
    const struct demo_route *route; /* NULL: no such path */
    struct MHD_Connection *connection;
    wafer_session *session;
    wafer_verdict verdict;
    bool opened;     /* the session, so its fields are owed to the response */
    bool head;       /* the method */
    bool form;       /* the body says it is urlencoded */
    bool allowed;    /* the route takes this method */
    size_t received; /* of the body, counting what was too much for `body` */
    char body[DEMO_BODY_MAX];

    /* For pages, which are made when the session is finished. */
    char csrf[WAFER_CSRF_LENGTH + 1];
    bool uncounted;         /* the visit did not fit into the cookie */
    const char *set_cookie; /* the field that goes out, or NULL */
};

enum MHD_Result demo_handle(void *server, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **context);
void demo_completed(void *server, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode why);
enum MHD_Result demo_answer_request(struct demo_request *request);

/* ---- routes ----------------------------------------------------------------------- */

typedef void demo_handler(struct demo_request *request, struct demo_answer *answer);

struct demo_route {
    const char *path;   /* behind the account's base */
    const char *type;   /* of a file below pages/, sent as it is; NULL: what follows */
    bool post;          /* takes POST with a CSRF token, else GET and HEAD */
    bool even_frozen;   /* only looks, so it needs no session that can be changed */
    bool operator_only; /* somebody has to be signed in */
    demo_handler *act;  /* what it does with the session; NULL: nothing */
    demo_handler *show; /* the page, when act wrote none; the session is finished by then */
};

const struct demo_route *demo_route_find(bool operators, const char *path);

demo_handler demo_home_act, demo_csrf_act, demo_login_act, demo_set_act, demo_put_act,
    demo_remove_act, demo_logout_act, demo_logout_everywhere_act;
demo_handler demo_operator_act, demo_operator_login_act, demo_operator_logout_act,
    demo_revoke_session_act, demo_revoke_subject_act, demo_revoke_everyone_act, demo_rotate_act,
    demo_retire_act;
demo_handler demo_home_show, demo_whoami_show, demo_token_show, demo_cookies_show,
    demo_operator_show, demo_csrf_show;

/* Makes request->csrf. False with the answer filled. */
bool demo_prepare_forms(struct demo_request *request, struct demo_answer *answer);

/* ---- pages ------------------------------------------------------------------------ */

/* The values that every page has. NULL without memory, as template.h takes it. */
struct demo_values *demo_page_values(const struct demo_request *request, const char *title);
/* Writes the page and frees its values. */
void demo_page_write(struct demo_answer *answer, const char *file, struct demo_values *values);
/* A page for anything that is not 200: its heading and what to do. */
void demo_page_error(const struct demo_request *request, struct demo_answer *answer,
                     unsigned status, const char *heading, const char *advice);
/* The same for a call that failed. */
void demo_page_failure(const struct demo_request *request, struct demo_answer *answer,
                       wafer_result result);
/* Adds a row to `variables` for each, and their `count`. */
void demo_put_variables(struct demo_values *values, const wafer_session *session);
/* Adds a row to a list for each reason, of wafer_owed's bits, in words. */
void demo_reasons(struct demo_values *values, const char *list, unsigned owed);
/* Calls a function with each Cookie field line of the request. */
void demo_each_cookie_line(struct MHD_Connection *connection,
                           void (*take)(void *context, const char *line, size_t length),
                           void *context);

/* ---- forms ------------------------------------------------------------------------ */

enum demo_field { DEMO_FIELD_FOUND, DEMO_FIELD_ABSENT, DEMO_FIELD_MALFORMED };

/* The first field of this name in an urlencoded body, decoded, NUL-terminated; it may hold NULs of
 * its own. value has room for body_length + 1. */
enum demo_field demo_form_field(const char *body, size_t body_length, const char *name, char *value,
                                size_t *value_length);

/* Reads a field of the form. False with the answer filled. */
bool demo_read_field(const struct demo_request *request, struct demo_answer *answer,
                     const char *name, char value[DEMO_BODY_MAX + 1], size_t *length);
/* A whole number, and nothing else. */
bool demo_read_integer(const char *text, size_t length, int64_t *number);

#endif
