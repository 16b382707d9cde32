/* The example on libsoup. One thread, the main context's, serves all connections; it is the only
 * one that may touch anything of libsoup. A request for /later is paused and goes to the worker's
 * thread for its answer, and comes back to the main context's to be sent. HTTP/1.1, over TLS too;
 * libsoup 3.2 has HTTP/2 for its own tests only. */
#include "application.h"

#include <stdio.h>

#include <glib-unix.h>
#include <wafer/soup.h>

#include "worker.h"

#define SECONDS 10  /* a connection may be silent */
#define BACKLOG 128 /* connections to accept; GLib's 10 make bursts wait for a second */

struct server {
    struct application *application;
    struct worker *worker;
    GMainLoop *loop;
    SoupServer *soup;
    size_t unfinished; /* requests that the worker has */
};

/* One request. The message owns it, and lives as long as somebody needs it. */
struct exchange {
    struct server *server;
    SoupServerMessage *message;
    struct request request; /* points into the message */
    wafer_session *session; /* NULL for paths without one */
    wafer_verdict verdict;
    struct answer answer;
};

/* ---- Requests -------------------------------------------------------------------------- */

/* Called on every path: answered, client gone, timeout, server stopped. */
static void end_exchange(gpointer memory)
{
    struct exchange *exchange = memory;

    application_give(exchange->server->application, exchange->session);
    g_free(exchange);
}

static void send_answer(struct exchange *exchange)
{
    SoupServerMessage *message = exchange->message;
    SoupMessageHeaders *fields = soup_server_message_get_response_headers(message);
    struct answer *answer = &exchange->answer;

    for (size_t i = 0; i < answer->field_count; i++)
        soup_message_headers_append(fields, answer->fields[i].name, answer->fields[i].value);
    if (exchange->session != NULL)
        application_finished(answer, wafer_soup_finish(exchange->session, message));
    /* Before 3.3 libsoup keeps connections for ever that clients close between two requests. */
    if (!soup_check_version(3, 3, 0) &&
        soup_server_message_get_http_version(message) < SOUP_HTTP_2_0)
        soup_message_headers_append(fields, "Connection", "close");
    soup_server_message_set_status(message, answer->status, application_reason(answer->status));
    soup_server_message_set_response(message, "text/plain; charset=utf-8", SOUP_MEMORY_COPY,
                                     answer->text, answer->length);
}

/* The main context's thread. */
static gboolean send_finished(gpointer memory)
{
    struct exchange *exchange = memory;
    SoupServerMessage *message = exchange->message;

    exchange->server->unfinished--;
    send_answer(exchange);
    soup_server_message_unpause(message);
    g_object_unref(message);
    return G_SOURCE_REMOVE;
}

/* The worker's thread. */
static void work(void *argument)
{
    struct exchange *exchange = argument;

    application_answer_slowly(exchange->server->application, exchange->session, exchange->verdict,
                              &exchange->request, &exchange->answer);
    g_idle_add(send_finished, exchange);
}

static bool answer_later(struct exchange *exchange)
{
    if (!worker_add(exchange->server->worker, work, exchange)) {
        application_finished(&exchange->answer, WAFER_UNAVAILABLE);
        return false;
    }
    exchange->server->unfinished++;
    g_object_ref(exchange->message);
    soup_server_message_pause(exchange->message);
    return true;
}

/* Called when the whole request is there. */
static void handle(SoupServer *soup, SoupServerMessage *message, const char *path,
                   GHashTable *query, gpointer context)
{
    const SoupMessageBody *body = soup_server_message_get_request_body(message);
    const char *method = soup_server_message_get_method(message);
    struct server *server = context;
    struct exchange *exchange = g_new0(struct exchange, 1);

    (void)soup;
    (void)query;
    g_object_set_data_full(G_OBJECT(message), "exchange", exchange, end_exchange);
    exchange->server = server;
    exchange->message = message;
    exchange->request = (struct request){slice_of_text(method),
                                         slice_of_text(path),
                                         {body->data, (size_t)body->length}};
    if (application_needs_session(&exchange->request)) {
        /* Without memory for a session the verdict is WAFER_UNCHECKED, and the answer a 503. */
        exchange->session = application_take(server->application);
        exchange->verdict = wafer_soup_open(exchange->session, message);
    }
    if (!application_is_later(&exchange->request))
        application_answer(server->application, exchange->session, exchange->verdict,
                           &exchange->request, &exchange->answer);
    else if (answer_later(exchange))
        return;
    send_answer(exchange);
}

/* libsoup would keep a body of any length. Of one that is too long nothing more is kept, and what
 * is there is not joined: its length is enough for the application to refuse it. */
static void bound_body(SoupServerMessage *message, GBytes *chunk, gpointer context)
{
    SoupMessageBody *body = soup_server_message_get_request_body(message);

    (void)chunk;
    (void)context;
    if (body->length > APPLICATION_BODY_MAX)
        soup_message_body_set_accumulate(body, FALSE);
}

/* The first one comes when the connection is accepted, before anything is read. */
static void begin_request(SoupServer *server, SoupServerMessage *message, gpointer context)
{
    GSocket *socket = soup_server_message_get_socket(message);

    (void)server;
    (void)context;
    if (socket != NULL)
        g_socket_set_timeout(socket, SECONDS);
    g_signal_connect(message, "got-chunk", G_CALLBACK(bound_body), NULL);
}

/* ---- The server ------------------------------------------------------------------------ */

/* A socket that listens, and its port. */
static GSocket *listen_at(const char *name, uint16_t *port, GError **error)
{
    GSocketAddress *address = g_inet_socket_address_new_from_string(name, *port);
    GSocketAddress *bound = NULL;
    GSocket *socket;

    if (address == NULL) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "not an address");
        return NULL;
    }
    socket = g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM,
                          G_SOCKET_PROTOCOL_TCP, error);
    if (socket != NULL) {
        g_socket_set_listen_backlog(socket, BACKLOG);
        if (g_socket_bind(socket, address, TRUE, error) && g_socket_listen(socket, error))
            bound = g_socket_get_local_address(socket, error);
        if (bound != NULL)
            *port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
        else
            g_clear_object(&socket);
    }
    g_clear_object(&bound);
    g_object_unref(address);
    return socket;
}

static bool load_certificate(struct server *server, GError **error)
{
    const char *path = application_tls(server->application);
    GTlsCertificate *certificate;

    if (path == NULL)
        return true;
    certificate = g_tls_certificate_new_from_file(path, error);
    if (certificate == NULL)
        return false;
    soup_server_set_tls_certificate(server->soup, certificate);
    g_object_unref(certificate);
    return true;
}

static bool serve_at(struct server *server, uint16_t *port, GError **error)
{
    GSocket *socket = listen_at(application_address(server->application), port, error);
    SoupServerListenOptions options = soup_server_is_https(server->soup) ? SOUP_SERVER_LISTEN_HTTPS
                                                                         : 0;
    bool serves;

    if (socket == NULL)
        return false;
    serves = soup_server_listen_socket(server->soup, socket, options, error);
    g_object_unref(socket);
    return serves;
}

static bool serve(struct server *server)
{
    uint16_t port = application_port(server->application);
    GError *error = NULL;

    server->worker = worker_start();
    if (server->worker == NULL) {
        fprintf(stderr, "soup: cannot start a thread\n");
        return false;
    }
    if (load_certificate(server, &error) && serve_at(server, &port, &error))
        return application_listens(server->application, port);
    fprintf(stderr, "soup: cannot serve: %s\n", error->message);
    g_error_free(error);
    return false;
}

static gboolean end_loop(gint descriptor, GIOCondition condition, gpointer loop)
{
    (void)descriptor;
    (void)condition;
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static void tear_down(struct server *server)
{
    if (server->worker != NULL)
        worker_stop(server->worker);
    /* A message that is paused must not lose its connection. */
    while (server->unfinished > 0)
        g_main_context_iteration(NULL, TRUE);
    soup_server_disconnect(server->soup);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_object_unref(server->soup);
    /* Up to here requests may still have come, and asked it. */
    worker_free(server->worker);
    g_main_loop_unref(server->loop);
}

int main(int count, char **arguments)
{
    static const struct application_traits traits = {.name = "soup", .tls = true};
    int status;
    struct server server = {.application = application_start(count, arguments, &traits, &status)};

    if (server.application == NULL)
        return status;
    status = 1;
    server.loop = g_main_loop_new(NULL, FALSE);
    server.soup = soup_server_new(NULL, NULL);
    soup_server_add_handler(server.soup, NULL, handle, &server, NULL);
    g_signal_connect(server.soup, "request-started", G_CALLBACK(begin_request), NULL);
    g_unix_fd_add(application_signals(server.application), G_IO_IN, end_loop, server.loop);
    if (serve(&server)) {
        g_main_loop_run(server.loop);
        status = 0;
    }
    tear_down(&server);
    application_end(server.application);
    return status;
}
