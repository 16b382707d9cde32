/* The example on FastCGI. It listens itself, or at the descriptor 0 that spawn-fcgi or a web server
 * hands over, and speaks FastCGI, not HTTP: a web server stands in front. It has threads; with
 * --revocations file:PATH several such processes serve the same users.
 *
 * Each thread takes a connection, answers its one request and closes it, also when the web server
 * would keep it (nginx: fastcgi_keep_conn): libfcgi ties a thread to a connection that is kept. */
#include "application.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <wafer/fastcgi.h>

#define THREADS  4
#define SECONDS  10  /* the web server may be silent */
#define PAUSE_MS 100 /* when the system is short of something */

struct server {
    struct application *application;
    int listener;
};

/* ---- One request ------------------------------------------------------------------------ */

static struct slice parameter(const FCGX_Request *http, const char *name)
{
    const char *value = FCGX_GetParam(name, http->envp);

    return slice_of_text(value != NULL ? value : "");
}

/* Servers differ in where they put the path. */
static struct slice path_of(const FCGX_Request *http)
{
    static const char *const names[] = {"DOCUMENT_URI", "PATH_INFO", "SCRIPT_NAME"};
    struct slice path = {"", 0};

    for (size_t i = 0; i < sizeof names / sizeof *names && path.length == 0; i++)
        path = parameter(http, names[i]);
    return path;
}

static void add_fields(const FCGX_Request *http, const struct answer *answer)
{
    char line[64];

    for (size_t i = 0; i < answer->field_count; i++) {
        int length = snprintf(line, sizeof line, "%s: %s\r\n", answer->fields[i].name,
                              answer->fields[i].value);

        (void)FCGX_PutStr(line, length, http->out);
    }
}

static void send_answer(const FCGX_Request *http, const struct answer *answer)
{
    FCGX_FPrintF(http->out,
                 "Status: %u %s\r\n"
                 "Content-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: %u\r\n\r\n",
                 answer->status, application_reason(answer->status), (unsigned)answer->length);
    FCGX_PutStr(answer->text, (int)answer->length, http->out);
}

/* The beginning of the body, which is what there is room for. The rest is read as well: in nginx an
 * answer to a request that was not read to its end may be lost. */
static struct slice read_body(FCGX_Request *http, char *room, int size)
{
    int length = FCGX_GetStr(room, size, http->in);
    char rest[4096];

    while (FCGX_GetStr(rest, (int)sizeof rest, http->in) > 0)
        continue;
    return (struct slice){room, (size_t)length};
}

static void serve(struct application *application, FCGX_Request *http)
{
    char room[APPLICATION_BODY_MAX + 1];
    struct request request = {parameter(http, "REQUEST_METHOD"), path_of(http),
                              read_body(http, room, (int)sizeof room)};
    wafer_session *session = NULL;
    wafer_verdict verdict = WAFER_NONE;
    struct answer answer;

    /* The client went away in the middle of the body. */
    if (FCGX_GetError(http->in) != 0)
        return;
    if (application_needs_session(&request)) {
        session = application_take(application);
        if (session == NULL)
            return;
        verdict = wafer_fastcgi_open(session, http);
    }
    application_answer(application, session, verdict, &request, &answer);
    add_fields(http, &answer);
    if (session != NULL)
        application_finished(&answer, wafer_fastcgi_finish(session, http));
    send_answer(http, &answer);
    application_give(application, session);
}

/* ---- Threads ------------------------------------------------------------------------------ */

/* Sleeps until a connection waits, or a signal came: then it is false, in every thread. */
static bool await_connection(const struct server *server)
{
    struct pollfd watched[] = {
        {.fd = application_signals(server->application), .events = POLLIN},
        {.fd = server->listener, .events = POLLIN},
    };

    while (poll(watched, sizeof watched / sizeof *watched, -1) < 0 && errno == EINTR)
        continue;
    return watched[0].revents == 0;
}

static void *work(void *context)
{
    const struct server *server = context;
    FCGX_Request request;
    int failure = FCGX_InitRequest(&request, server->listener, 0);

    while (failure == 0 && await_connection(server)) {
        int accepted = FCGX_Accept_r(&request);

        if (accepted == 0) {
            serve(server->application, &request);
            FCGX_Finish_r(&request);
            FCGX_Free(&request, 1);
        } else if (accepted != -EAGAIN) {
            poll(NULL, 0, PAUSE_MS);
        } /* else another thread was first */
    }
    return NULL;
}

/* This thread is one of them, so there is always one. */
static void work_in_threads(struct server *server)
{
    pthread_t threads[THREADS - 1];
    size_t count = 0;

    while (count < THREADS - 1 && pthread_create(&threads[count], NULL, work, server) == 0)
        count++;
    work(server);
    while (count > 0)
        pthread_join(threads[--count], NULL);
}

/* ---- Listening ----------------------------------------------------------------------------- */

static bool is_listening(int descriptor)
{
    int listening = 0;
    socklen_t size = sizeof listening;

    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 &&
           listening != 0;
}

/* FCGX_OpenSocket knows no port 0, and ends the process where it cannot listen. */
static int listen_at(const struct application *application)
{
    uint16_t port;
    int listener = application_listener(application, &port);

    if (listener < 0 || application_listens(application, port))
        return listener;
    close(listener);
    return -1;
}

/* Threads race for connections: who comes late must not sleep in accept, deaf to signals. */
static bool prepare(int listener)
{
    struct timeval patience = {.tv_sec = SECONDS};
    int flags = fcntl(listener, F_GETFL);

    /* The connections inherit the time, those over TCP. */
    return flags >= 0 && fcntl(listener, F_SETFL, flags | O_NONBLOCK) == 0 &&
           setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
           setsockopt(listener, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
}

int main(int count, char **arguments)
{
    static const struct application_traits traits = {.name = "fastcgi"};
    int status;
    struct server server = {application_start(count, arguments, &traits, &status), STDIN_FILENO};

    if (server.application == NULL)
        return status;
    status = 1;
    /* Who handed a socket over knows where it is. */
    if (!is_listening(server.listener))
        server.listener = listen_at(server.application);
    if (server.listener >= 0 && prepare(server.listener) && FCGX_Init() == 0) {
        work_in_threads(&server);
        status = 0;
    } else if (server.listener >= 0) {
        fprintf(stderr, "fastcgi: cannot take connections\n");
    }
    if (server.listener >= 0)
        close(server.listener);
    application_end(server.application);
    return status;
}
