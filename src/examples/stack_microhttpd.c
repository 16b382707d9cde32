/* The example on libmicrohttpd. Each connection is served by one thread of a pool. A request comes
 * in pieces, so its session lives to the callback that says that the request is over, however it
 * ended. A request for /later is suspended while the worker's thread works out its answer. */
#include "application.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wafer/microhttpd.h>

#include "worker.h"

#define THREADS 2U
#define SECONDS 10U /* a connection may be silent */

struct server {
    struct application *application;
    struct worker *worker;
    struct MHD_Daemon *daemon;
};

/* One request. It belongs to the connection's thread but for the time from worker_add to
 * MHD_resume_connection, when it belongs to the worker's. libmicrohttpd leaves a connection that is
 * suspended alone, also when its client has gone. */
struct exchange {
    struct application *application;
    struct MHD_Connection *connection;
    struct request request; /* points into the connection and this */
    wafer_session *session; /* NULL for paths without one */
    wafer_verdict verdict;
    bool later;      /* the worker has it; when libmicrohttpd calls again, the answer is there */
    size_t received; /* of the body, counting what was too much */
    char body[APPLICATION_BODY_MAX + 1];
    struct answer answer;
};

static struct MHD_Response *response_of(const struct answer *answer)
{
    struct MHD_Response *response;

    /* The answer outlives the response: both end with the request. */
    response = MHD_create_response_from_buffer(answer->length, (void *)(uintptr_t)answer->text,
                                               MHD_RESPMEM_PERSISTENT);
    for (size_t i = 0; response != NULL && i < answer->field_count; i++)
        (void)MHD_add_response_header(response, answer->fields[i].name, answer->fields[i].value);
    if (response == NULL ||
        MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8") == MHD_YES)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

/* The connection's thread, also for what the worker answered. */
static enum MHD_Result send_answer(struct exchange *exchange)
{
    struct MHD_Response *response = response_of(&exchange->answer);
    wafer_result finished = WAFER_OK;
    enum MHD_Result queued;

    if (response == NULL)
        return MHD_NO;
    if (exchange->session != NULL)
        finished = wafer_mhd_finish(exchange->session, response);
    if (finished != WAFER_OK) {
        /* The page promised too much. What else is owed, a deletion say, goes with another. */
        MHD_destroy_response(response);
        application_finished(&exchange->answer, finished);
        response = response_of(&exchange->answer);
        if (response == NULL)
            return MHD_NO;
        finished = wafer_mhd_finish(exchange->session, response);
    }
    queued = MHD_queue_response(exchange->connection, exchange->answer.status, response);
    MHD_destroy_response(response);
    return queued;
}

/* The worker's thread. Resuming hands the exchange back: from then on it may be gone. */
static void work(void *argument)
{
    struct exchange *exchange = argument;

    application_answer_slowly(exchange->application, exchange->session, exchange->verdict,
                              &exchange->request, &exchange->answer);
    MHD_resume_connection(exchange->connection);
}

/* The connection's thread, which is called once more, by handle, when the connection resumes. */
static enum MHD_Result answer_later(struct worker *worker, struct exchange *exchange)
{
    struct MHD_Connection *connection = exchange->connection;

    exchange->later = true;
    /* Before the worker has it, as the worker might be done before this thread goes on. */
    MHD_suspend_connection(connection);
    if (!worker_add(worker, work, exchange)) {
        application_finished(&exchange->answer, WAFER_UNAVAILABLE);
        MHD_resume_connection(connection);
    }
    return MHD_YES;
}

/* The connection's thread. */
static enum MHD_Result answer(const struct server *server, struct exchange *exchange)
{
    if (application_needs_session(&exchange->request)) {
        exchange->session = application_take(server->application);
        if (exchange->session == NULL)
            return MHD_NO;
        exchange->verdict = wafer_mhd_open(exchange->session, exchange->connection);
    }
    if (application_is_later(&exchange->request))
        return answer_later(server->worker, exchange);
    application_answer(server->application, exchange->session, exchange->verdict,
                       &exchange->request, &exchange->answer);
    return send_answer(exchange);
}

static void take_body(struct exchange *exchange, const char *upload, size_t size)
{
    size_t room = sizeof exchange->body - exchange->received;

    size = size < room ? size : room;
    memcpy(exchange->body + exchange->received, upload, size);
    exchange->received += size;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    const struct server *server = context;
    struct exchange *exchange = *state;

    (void)version;
    if (exchange == NULL) {
        *state = exchange = calloc(1, sizeof *exchange);
        if (exchange == NULL)
            return MHD_NO;
        exchange->application = server->application;
        exchange->connection = connection;
        return MHD_YES;
    }
    if (exchange->later)
        return send_answer(exchange);
    if (*upload_size > 0) {
        take_body(exchange, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    exchange->request = (struct request){slice_of_text(method),
                                         slice_of_text(url),
                                         {exchange->body, exchange->received}};
    return answer(server, exchange);
}

/* Called on every path: answered, client gone, timeout, server stopped. */
static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode why)
{
    struct exchange *exchange = *state;

    (void)context;
    (void)connection;
    (void)why;
    if (exchange == NULL)
        return;
    application_give(exchange->application, exchange->session);
    free(exchange);
    *state = NULL;
}

static bool listen_at(struct server *server)
{
    struct application *application = server->application;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(application_port(application))};
    const union MHD_DaemonInfo *bound = NULL;

    if (inet_pton(AF_INET, application_address(application), &address.sin_addr) == 1)
        server->daemon = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME,
                                          0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR,
                                          (struct sockaddr *)&address, MHD_OPTION_THREAD_POOL_SIZE,
                                          THREADS, MHD_OPTION_CONNECTION_TIMEOUT, SECONDS,
                                          MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
                                          MHD_OPTION_END);
    if (server->daemon != NULL)
        bound = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (bound != NULL)
        return application_listens(application, bound->port);
    fprintf(stderr, "microhttpd: cannot listen\n");
    return false;
}

int main(int count, char **arguments)
{
    static const struct application_traits traits = {.name = "microhttpd"};
    int status;
    struct server server = {.application = application_start(count, arguments, &traits, &status)};

    if (server.application == NULL)
        return status;
    status = 1;
    server.worker = worker_start();
    if (server.worker != NULL && listen_at(&server)) {
        application_wait(server.application);
        status = 0;
    }
    /* In this order: a daemon with suspended connections must not be stopped, and one that runs
     * may ask the worker, which then refuses. */
    if (server.worker != NULL)
        worker_stop(server.worker);
    if (server.daemon != NULL)
        MHD_stop_daemon(server.daemon);
    worker_free(server.worker);
    application_end(server.application);
    return status;
}
