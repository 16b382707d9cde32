/* The example on libevent's evhttp. One thread, the loop's, serves all connections; it is the only
 * one that may touch anything of evhttp. A request for /later goes to the worker's thread for its
 * answer, and comes back to the loop's to be sent. */
#include "application.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <wafer/evhttp.h>

#include "worker.h"

#define HEAD_MAX   65536   /* evhttp has no limit of its own */
#define UPLOAD_MAX 1048576 /* a longer body is refused by evhttp, unread */
#define SECONDS    10      /* a connection may be silent */
#define FAREWELL   100000  /* microseconds for the last answers to go out */

struct server {
    struct application *application;
    struct worker *worker;
    struct event_base *base;
    struct evhttp *http;
    struct event *ends;     /* a signal came */
    struct event *finishes; /* the worker has put something on the list */
    int wakeup;             /* what `finishes` watches */
    pthread_mutex_t lock;   /* of the list */
    struct exchange *finished;
};

/* One request. It belongs to the loop's thread but for the time from worker_add to the list of
 * finished ones, when it belongs to the worker's, which then leaves `evhttp` alone. */
struct exchange {
    struct server *server;
    struct exchange *next; /* in the list */
    struct evhttp_request *evhttp;
    struct request request; /* points into `evhttp`, which stays as it is until it is answered */
    wafer_session *session; /* NULL for paths without one */
    wafer_verdict verdict;
    struct answer answer;
};

/* The loop's thread. Sends the answer and frees the exchange. If the client has gone meanwhile,
 * evhttp finds out when it writes: until it is answered, the request is not freed. */
static void send_answer(struct exchange *exchange)
{
    struct evhttp_request *evhttp = exchange->evhttp;
    struct evkeyvalq *fields = evhttp_request_get_output_headers(evhttp);
    struct answer *answer = &exchange->answer;

    for (size_t i = 0; i < answer->field_count; i++)
        (void)evhttp_add_header(fields, answer->fields[i].name, answer->fields[i].value);
    if (exchange->session != NULL)
        application_finished(answer, wafer_evhttp_finish(exchange->session, evhttp));
    application_give(exchange->server->application, exchange->session);
    /* evhttp would send a body to HEAD too. */
    if (evhttp_request_get_command(evhttp) != EVHTTP_REQ_HEAD)
        evbuffer_add(evhttp_request_get_output_buffer(evhttp), answer->text, answer->length);
    evhttp_send_reply(evhttp, (int)answer->status, application_reason(answer->status), NULL);
    free(exchange);
}

/* ---- Later ---------------------------------------------------------------------------- */

/* The worker's thread. The lock hands the exchange back: from then on it may be gone. */
static void work(void *argument)
{
    struct exchange *exchange = argument;
    struct server *server = exchange->server;

    application_answer_slowly(server->application, exchange->session, exchange->verdict,
                              &exchange->request, &exchange->answer);
    pthread_mutex_lock(&server->lock);
    exchange->next = server->finished;
    server->finished = exchange;
    pthread_mutex_unlock(&server->lock);
    eventfd_write(server->wakeup, 1);
}

/* The loop's thread. */
static void send_finished(evutil_socket_t wakeup, short what, void *context)
{
    struct server *server = context;
    struct exchange *exchange;
    eventfd_t count;

    (void)what;
    eventfd_read(wakeup, &count);
    pthread_mutex_lock(&server->lock);
    exchange = server->finished;
    server->finished = NULL;
    pthread_mutex_unlock(&server->lock);
    while (exchange != NULL) {
        struct exchange *next = exchange->next;

        send_answer(exchange);
        exchange = next;
    }
}

/* ---- Requests -------------------------------------------------------------------------- */

static const char *method_of(struct evhttp_request *evhttp)
{
    enum evhttp_cmd_type method = evhttp_request_get_command(evhttp);

    return method == EVHTTP_REQ_GET ? "GET" : method == EVHTTP_REQ_POST ? "POST" : "another";
}

static struct request read_request(struct evhttp_request *evhttp)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(evhttp));
    struct evbuffer *body = evhttp_request_get_input_buffer(evhttp);
    size_t length = evbuffer_get_length(body);
    const void *bytes;

    length = length <= APPLICATION_BODY_MAX ? length : APPLICATION_BODY_MAX + 1;
    bytes = evbuffer_pullup(body, (ev_ssize_t)length);
    return (struct request){slice_of_text(method_of(evhttp)),
                            slice_of_text(path != NULL ? path : ""),
                            bytes != NULL ? (struct slice){bytes, length} : slice_of_text("")};
}

/* The loop's thread. Called when the whole request is there. */
static void handle(struct evhttp_request *evhttp, void *context)
{
    struct server *server = context;
    struct exchange *exchange = calloc(1, sizeof *exchange);

    if (exchange == NULL) {
        evhttp_send_error(evhttp, HTTP_INTERNAL, NULL);
        return;
    }
    exchange->server = server;
    exchange->evhttp = evhttp;
    exchange->request = read_request(evhttp);
    if (application_needs_session(&exchange->request)) {
        /* Without memory for a session the verdict is WAFER_UNCHECKED, and the answer a 503. */
        exchange->session = application_take(server->application);
        exchange->verdict = wafer_evhttp_open(exchange->session, evhttp);
    }
    if (!application_is_later(&exchange->request))
        application_answer(server->application, exchange->session, exchange->verdict,
                           &exchange->request, &exchange->answer);
    else if (worker_add(server->worker, work, exchange))
        return;
    else
        application_finished(&exchange->answer, WAFER_UNAVAILABLE);
    send_answer(exchange);
}

/* ---- Life and death -------------------------------------------------------------------- */

static void end(evutil_socket_t signals, short what, void *context)
{
    (void)signals;
    (void)what;
    event_base_loopbreak(context);
}

static bool make(struct server *server)
{
    int signals = application_signals(server->application);

    server->worker = worker_start();
    server->base = event_base_new();
    server->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->worker == NULL || server->base == NULL || server->wakeup < 0)
        return false;
    server->http = evhttp_new(server->base);
    server->ends = event_new(server->base, signals, EV_READ | EV_PERSIST, end, server->base);
    server->finishes = event_new(server->base, server->wakeup, EV_READ | EV_PERSIST, send_finished,
                                 server);
    if (server->http == NULL || server->ends == NULL || server->finishes == NULL)
        return false;
    evhttp_set_gencb(server->http, handle, server);
    evhttp_set_timeout(server->http, SECONDS);
    evhttp_set_max_headers_size(server->http, HEAD_MAX);
    evhttp_set_max_body_size(server->http, UPLOAD_MAX);
    evhttp_set_default_content_type(server->http, "text/plain; charset=utf-8");
    return event_add(server->ends, NULL) == 0 && event_add(server->finishes, NULL) == 0;
}

/* Gives back what make made, however far it came. */
static void unmake(struct server *server)
{
    if (server->worker != NULL)
        worker_stop(server->worker);
    if (server->ends != NULL)
        event_free(server->ends);
    if (server->finished != NULL) {
        send_finished(server->wakeup, EV_READ, server);
        event_base_loopexit(server->base, &(struct timeval){.tv_usec = FAREWELL});
        event_base_dispatch(server->base);
    }
    if (server->finishes != NULL)
        event_free(server->finishes);
    if (server->http != NULL)
        evhttp_free(server->http);
    if (server->base != NULL)
        event_base_free(server->base);
    if (server->wakeup >= 0)
        close(server->wakeup);
    worker_free(server->worker);
}

static bool listen_at(struct server *server)
{
    const struct application *application = server->application;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(
        server->http, application_address(application), application_port(application));
    struct sockaddr_in address;
    socklen_t size = sizeof address;

    if (bound != NULL &&
        getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size) == 0)
        return application_listens(application, ntohs(address.sin_port));
    fprintf(stderr, "evhttp: cannot listen\n");
    return false;
}

int main(int count, char **arguments)
{
    static const struct application_traits traits = {.name = "evhttp"};
    int status;
    struct server server = {.wakeup = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

    server.application = application_start(count, arguments, &traits, &status);
    if (server.application == NULL)
        return status;
    status = 1;
    if (make(&server) && listen_at(&server) && event_base_dispatch(server.base) == 0)
        status = 0;
    unmake(&server);
    application_end(server.application);
    return status;
}
