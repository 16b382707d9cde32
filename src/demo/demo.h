/* The demo server: what its files share. It uses the public headers only, so that it can be read
 * as an example.
 *
 *     main      options, life and death of the server, signals
 *     options   the command line
 *     requests  what libmicrohttpd calls; sessions are opened and finished here and nowhere else
 *     routes    which function answers which path; what each one does with the session
 *     pages     the texts that go out, escaped
 *     forms     the texts that come in, urlencoded */
#ifndef WAFER_DEMO_DEMO_H
#define WAFER_DEMO_DEMO_H

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <wafer/microhttpd.h>

#define DEMO_BODY_MAX 4096

/* ---- options ---------------------------------------------------------------------- */

struct demo_options {
    const char *address;
    const char *keys;
    const char *revocations; /* one of revocations_option.h */
    uint16_t port;           /* 0: any that is free */
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

/* Reads the command line. False after one line on stderr. */
bool demo_options_read(int count, char **arguments, struct demo_options *options);
void demo_help(FILE *out);

/* ---- requests --------------------------------------------------------------------- */

struct demo_server {
    const wafer_manager *manager;
};

/* What goes back to the client; handlers fill it. */
struct demo_answer {
    unsigned status;
    const char *type;      /* Content-Type */
    const char *location;  /* for a redirect, else NULL */
    const char *allow;     /* for 405, else NULL */
    wafer_result forgiven; /* what wafer_finish may return because the page says so already */
    FILE *page;            /* write the body here */
    char *text;            /* page's memory */
    size_t length;
};

struct demo_request {
    wafer_session *session;
    wafer_verdict verdict;
    bool opened; /* the session, so its fields are owed to the response */
    bool head;
    bool form;                      /* the body says it is urlencoded */
    const struct demo_route *route; /* NULL: no such path */
    bool allowed;                   /* the route takes this method */
    size_t received;                /* of the body, counting what was too much for `body` */
    char body[DEMO_BODY_MAX];
};

enum MHD_Result demo_handle(void *server, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **context);
void demo_completed(void *server, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode why);

/* ---- routes ----------------------------------------------------------------------- */

struct demo_route {
    const char *path;
    bool post; /* takes POST with a CSRF token, else GET and HEAD */
    void (*answer)(struct demo_request *request, struct demo_answer *answer);
};

const struct demo_route *demo_route_find(const char *path);

/* ---- pages ------------------------------------------------------------------------ */

void demo_page_home(struct demo_answer *answer, wafer_session *session, wafer_verdict verdict,
                    wafer_result counted, const char *csrf);
void demo_page_whoami(struct demo_answer *answer, wafer_session *session, wafer_verdict verdict);
/* A page for anything that is not 200: its heading and what to do. */
void demo_page_error(struct demo_answer *answer, unsigned status, const char *heading,
                     const char *advice);
/* The same for a call that failed. */
void demo_page_failure(struct demo_answer *answer, const wafer_session *session,
                       wafer_result result);

/* ---- forms ------------------------------------------------------------------------ */

enum demo_field { DEMO_FIELD_FOUND, DEMO_FIELD_ABSENT, DEMO_FIELD_MALFORMED };

/* The first field of this name in an urlencoded body, decoded, NUL-terminated; it may hold NULs of
 * its own. value has room for body_length + 1. */
enum demo_field demo_form_field(const char *body, size_t body_length, const char *name, char *value,
                                size_t *value_length);

#endif
