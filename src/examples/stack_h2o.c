/* The example on libh2o with its own event loop: HTTP/1.1 and HTTP/2, over TLS too. One thread, the
 * loop's, serves all connections; it is the only one that may touch anything of h2o but
 * h2o_multithread_send_message. A request for /later goes to the worker's thread for its answer,
 * and comes back to the loop's to be sent. */
#include "application.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wafer/h2o.h>

#include "worker.h"

/* h2o refuses longer bodies itself, with 413 over HTTP/1.1, where it closes the connection, and by
 * resetting the stream over HTTP/2. Those in between get the application's answer. */
#define UPLOAD_MAX 1048576

struct server {
    struct application *application;
    struct worker *worker;
    h2o_globalconf_t settings;
    h2o_context_t context;
    h2o_accept_ctx_t acceptor;
    h2o_socket_t *listener;
    h2o_socket_t *signals;
    h2o_multithread_receiver_t finished; /* what the worker has answered */
    size_t unfinished;
    h2o_linklist_t connections;
    bool ends;
};

struct connection {
    h2o_linklist_t link;
    h2o_socket_t *socket;
};

/* One request. The request's pool holds it, and so does who answers it later. */
struct exchange {
    h2o_multithread_message_t message; /* first: what the loop gets back is its address */
    struct server *server;
    h2o_req_t *request;     /* NULL as soon as the client has gone */
    wafer_session *session; /* NULL for paths without one */
    wafer_verdict verdict;
    struct answer answer;
};

/* ---- Requests -------------------------------------------------------------------------- */

static void give_back(void *memory)
{
    struct exchange *exchange = memory;

    application_give(exchange->server->application, exchange->session);
}

/* h2o empties the pool of a request on every path: answered, client gone, timeout. */
static void leave_request(void *memory)
{
    struct exchange *exchange = *(struct exchange **)memory;

    exchange->request = NULL;
    h2o_mem_release_shared(exchange);
}

static struct exchange *exchange_of(struct server *server, h2o_req_t *request)
{
    struct exchange *exchange = h2o_mem_alloc_shared(NULL, sizeof *exchange, give_back);
    struct exchange **kept = h2o_mem_alloc_shared(&request->pool, sizeof *kept, leave_request);

    *kept = exchange;
    exchange->message = (h2o_multithread_message_t){{NULL, NULL}};
    exchange->server = server;
    exchange->request = request;
    exchange->session = NULL;
    exchange->verdict = WAFER_NONE;
    return exchange;
}

static void add_fields(h2o_req_t *request, const struct answer *answer)
{
    for (size_t i = 0; i < answer->field_count; i++) {
        const struct field *field = &answer->fields[i];
        h2o_iovec_t name = h2o_strdup(&request->pool, field->name, SIZE_MAX);

        /* HTTP/2 forbids capitals, HTTP/1 gets the name as it was. */
        h2o_strtolower(name.base, name.len);
        h2o_add_header_by_str(&request->pool, &request->res.headers, name.base, name.len, 1,
                              field->name, field->value, strlen(field->value));
    }
}

static void send_answer(struct exchange *exchange)
{
    h2o_req_t *request = exchange->request;
    struct answer *answer = &exchange->answer;

    add_fields(request, answer);
    if (exchange->session != NULL)
        application_finished(answer, wafer_h2o_finish(exchange->session, request));
    request->res.status = (int)answer->status;
    request->res.reason = application_reason(answer->status);
    request->res.content_length = answer->length;
    h2o_add_header(&request->pool, &request->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("text/plain; charset=utf-8"));
    h2o_send_inline(request, answer->text, answer->length);
}

/* The worker's thread. The request may be gone, so that nothing of it may be read here. */
static void work(void *argument)
{
    static const struct request asked = {{"GET", 3}, {"/later", 6}, {"", 0}};
    struct exchange *exchange = argument;
    struct server *server = exchange->server;

    application_answer_slowly(server->application, exchange->session, exchange->verdict, &asked,
                              &exchange->answer);
    h2o_multithread_send_message(&server->finished, &exchange->message);
}

static bool answer_later(struct exchange *exchange)
{
    h2o_mem_addref_shared(exchange);
    exchange->server->unfinished++;
    if (worker_add(exchange->server->worker, work, exchange))
        return true;
    exchange->server->unfinished--;
    h2o_mem_release_shared(exchange);
    application_finished(&exchange->answer, WAFER_UNAVAILABLE);
    return false;
}

static void send_finished(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    (void)receiver;
    while (!h2o_linklist_is_empty(messages)) {
        struct exchange *exchange = (struct exchange *)messages->next;

        h2o_linklist_unlink(messages->next);
        exchange->server->unfinished--;
        if (exchange->request != NULL)
            send_answer(exchange);
        h2o_mem_release_shared(exchange);
    }
}

static struct slice slice_of(h2o_iovec_t bytes)
{
    return (struct slice){bytes.base != NULL ? bytes.base : "", bytes.len};
}

/* Called when the whole request is there. */
static int handle(h2o_handler_t *handler, h2o_req_t *request)
{
    struct server *server = H2O_STRUCT_FROM_MEMBER(struct server, context, request->conn->ctx);
    struct exchange *exchange = exchange_of(server, request);
    struct request asked = {slice_of(request->method), slice_of(request->path_normalized),
                            slice_of(request->entity)};

    (void)handler;
    if (application_needs_session(&asked)) {
        /* Without memory for a session the verdict is WAFER_UNCHECKED, and the answer a 503. */
        exchange->session = application_take(server->application);
        exchange->verdict = wafer_h2o_open(exchange->session, request);
    }
    if (!application_is_later(&asked) || asked.body.length > 0)
        application_answer(server->application, exchange->session, exchange->verdict, &asked,
                           &exchange->answer);
    else if (answer_later(exchange))
        return 0;
    send_answer(exchange);
    return 0;
}

/* ---- Connections ----------------------------------------------------------------------- */

static void closed(void *data)
{
    struct connection *connection = data;

    h2o_linklist_unlink(&connection->link);
    free(connection);
}

static void accept_one(h2o_socket_t *listener, const char *error)
{
    struct server *server = listener->data;
    struct connection *connection;
    h2o_socket_t *socket = error == NULL ? h2o_evloop_socket_accept(listener) : NULL;

    if (socket == NULL)
        return;
    connection = h2o_mem_alloc(sizeof *connection);
    connection->link = (h2o_linklist_t){NULL, NULL};
    connection->socket = socket;
    h2o_linklist_insert(&server->connections, &connection->link);
    socket->on_close.cb = closed;
    socket->on_close.data = connection;
    h2o_accept(&server->acceptor, socket);
}

static void end_server(h2o_socket_t *signals, const char *error)
{
    struct server *server = signals->data;

    (void)error;
    server->ends = true;
}

/* h2o has no call that closes all connections. It closes each that its client has closed, and this
 * makes it look so. Answers that the worker owes are waited for. */
static void close_connections(struct server *server)
{
    h2o_linklist_t *link;

    for (link = server->connections.next; link != &server->connections; link = link->next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, link, link);

        (void)shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
    }
    while (!h2o_linklist_is_empty(&server->connections) || server->unfinished > 0)
        h2o_evloop_run(server->context.loop, INT32_MAX);
}

/* ---- The server ------------------------------------------------------------------------ */

static bool complain(const char *what)
{
    fprintf(stderr, "h2o: cannot %s\n", what);
    return false;
}

/* The loop's, reading with the callback. Takes the descriptor. */
static h2o_socket_t *watch(struct server *server, int descriptor, h2o_socket_cb callback)
{
    h2o_socket_t *socket = h2o_evloop_socket_create(server->context.loop, descriptor,
                                                    H2O_SOCKET_FLAG_DONT_READ);

    socket->data = server;
    h2o_socket_read_start(socket, callback);
    return socket;
}

static bool listen_at(struct server *server)
{
    uint16_t port;
    int descriptor = application_listener(server->application, &port);

    if (descriptor < 0)
        return false;
    server->listener = watch(server, descriptor, accept_one);
    return application_listens(server->application, port);
}

static bool start_worker(struct server *server)
{
    server->worker = worker_start();
    return server->worker != NULL || complain("start a thread");
}

static bool watch_signals(struct server *server)
{
    /* A copy, because h2o closes what it watches. */
    int descriptor = fcntl(application_signals(server->application), F_DUPFD_CLOEXEC, 0);

    if (descriptor < 0)
        return complain("watch signals");
    server->signals = watch(server, descriptor, end_server);
    return true;
}

static bool load_certificate(struct server *server)
{
    const char *path = application_tls(server->application);
    SSL_CTX *tls;

    if (path == NULL)
        return true;
    tls = server->acceptor.ssl_ctx = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(tls, path) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, path, SSL_FILETYPE_PEM) != 1)
        return complain("use the certificate");
    h2o_ssl_register_alpn_protocols(tls, h2o_alpn_protocols);
    return true;
}

static void set_up(struct server *server)
{
    h2o_hostconf_t *host;
    h2o_handler_t *handler;

    h2o_config_init(&server->settings);
    server->settings.max_request_entity_size = UPLOAD_MAX;
    host = h2o_config_register_host(&server->settings, h2o_iovec_init(H2O_STRLIT("default")),
                                    UINT16_MAX);
    handler = h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof *handler);
    handler->on_req = handle;
    h2o_context_init(&server->context, h2o_evloop_create(), &server->settings);
    h2o_multithread_register_receiver(server->context.queue, &server->finished, send_finished);
    server->acceptor.ctx = &server->context;
    server->acceptor.hosts = server->settings.hosts;
    h2o_linklist_init_anchor(&server->connections);
}

static void tear_down(struct server *server)
{
    if (server->listener != NULL)
        h2o_socket_close(server->listener);
    if (server->signals != NULL)
        h2o_socket_close(server->signals);
    close_connections(server);
    if (server->worker != NULL)
        worker_stop(server->worker);
    worker_free(server->worker);
    h2o_multithread_unregister_receiver(server->context.queue, &server->finished);
    h2o_context_dispose(&server->context);
    h2o_evloop_destroy(server->context.loop);
    h2o_config_dispose(&server->settings);
    SSL_CTX_free(server->acceptor.ssl_ctx);
}

int main(int count, char **arguments)
{
    static const struct application_traits traits = {.name = "h2o", .tls = true};
    static struct server server; /* h2o 2.2 leaves memory in it that it never frees */
    int status;

    server.application = application_start(count, arguments, &traits, &status);
    if (server.application == NULL)
        return status;
    set_up(&server);
    status = 1;
    if (load_certificate(&server) && start_worker(&server) && watch_signals(&server) &&
        listen_at(&server)) {
        while (!server.ends && h2o_evloop_run(server.context.loop, INT32_MAX) == 0)
            continue;
        status = server.ends ? 0 : 1;
    }
    tear_down(&server);
    application_end(server.application);
    return status;
}
