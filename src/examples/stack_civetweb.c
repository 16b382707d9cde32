/* The example on civetweb. A thread serves one connection at a time and the handler reads the body
 * itself, so a session lives within one call of it, however the request ends. */
#include "application.h"

#include <stdio.h>
#include <string.h>

#include <wafer/civetweb.h>

#define ADDRESS_MAX 64

/* Reads the body, of which no more is kept than needed to see that it is too long. False when the
 * client went away or fell silent in the middle: half a body is none. */
static bool read_body(struct mg_connection *connection, char *body, size_t room, size_t *length)
{
    long long announced = mg_get_request_info(connection)->content_length;
    int count;

    *length = 0;
    do {
        count = mg_read(connection, body + *length, room - *length);
        if (count > 0)
            *length += (size_t)count;
    } while (count > 0 && *length < room);
    /* Below zero when nothing was announced: a broken off chunk is then an error. */
    return count >= 0 && (*length == room || announced < 0 || (long long)*length == announced);
}

static bool add_fields(struct mg_connection *connection, wafer_session *session,
                       wafer_result finished, const struct answer *answer)
{
    char length[24];

    for (size_t i = 0; i < answer->field_count; i++)
        (void)mg_response_header_add(connection, answer->fields[i].name, answer->fields[i].value,
                                     -1);
    if (session != NULL && wafer_civetweb_finish(session, connection) != finished)
        return false;
    snprintf(length, sizeof length, "%zu", answer->length);
    return mg_response_header_add(connection, "Content-Type", "text/plain; charset=utf-8", -1) ==
               0 &&
           mg_response_header_add(connection, "Content-Length", length, -1) == 0;
}

static void send_answer(struct mg_connection *connection, wafer_session *session,
                        struct answer *answer)
{
    const struct mg_request_info *info = mg_get_request_info(connection);
    const wafer_header *headers;
    wafer_result finished = WAFER_OK;
    size_t count;

    /* The status goes first, so whether the cookie can be sealed must be known before. */
    if (session != NULL)
        finished = wafer_finish(session, &headers, &count);
    application_finished(answer, finished);
    if (mg_response_header_start(connection, (int)answer->status) != 0 ||
        !add_fields(connection, session, finished, answer)) {
        /* Nothing has left yet: the error goes in place of what was started, and closes. */
        mg_send_http_error(connection, 500, "%s", wafer_result_text(WAFER_SYSTEM));
        return;
    }
    mg_response_header_send(connection);
    if (strcmp(info->request_method, "HEAD") != 0)
        mg_write(connection, answer->text, answer->length);
}

static void serve(struct application *application, struct mg_connection *connection,
                  const struct request *request, struct answer *answer)
{
    wafer_session *session = NULL;
    wafer_verdict verdict = WAFER_NONE;

    if (application_needs_session(request)) {
        session = application_take(application);
        if (session == NULL) {
            mg_disable_connection_keep_alive(connection);
            return;
        }
        verdict = wafer_civetweb_open(session, connection);
    }
    application_answer(application, session, verdict, request, answer);
    send_answer(connection, session, answer);
    application_give(application, session);
}

static int handle(struct mg_connection *connection, void *context)
{
    const struct mg_request_info *info = mg_get_request_info(connection);
    char body[APPLICATION_BODY_MAX + 1];
    struct answer answer = {.status = 500};
    struct request request = {slice_of_text(info->request_method),
                              slice_of_text(info->local_uri),
                              {body, 0}};

    /* One of the fields beyond may have been Content-Length: what follows may be a body, and must
     * not be read as the next request. */
    if (info->num_headers >= MG_MAX_HEADERS)
        mg_disable_connection_keep_alive(connection);
    if (read_body(connection, body, sizeof body, &request.body.length))
        serve(context, connection, &request, &answer);
    else
        mg_disable_connection_keep_alive(connection);
    return (int)answer.status;
}

static struct mg_context *listen_at(struct application *application)
{
    char address[ADDRESS_MAX];
    /* The head of an answer leaves in many small writes, which wait 40 ms for one another without
     * tcp_nodelay. An idle connection holds one of the 50 threads, so none is idle for long. */
    const char *options[] = {"listening_ports",
                             address,
                             "enable_keep_alive",
                             "yes",
                             "keep_alive_timeout_ms",
                             "1000",
                             "request_timeout_ms",
                             "10000",
                             "tcp_nodelay",
                             "1",
                             "max_request_size",
                             "81920", /* of the head; a session takes 64 KiB of cookies */
                             NULL};
    struct mg_context *server;

    snprintf(address, sizeof address, "%s:%u", application_address(application),
             (unsigned)application_port(application));
    server = mg_start(NULL, NULL, options);
    if (server != NULL)
        mg_set_request_handler(server, "/", handle, application);
    return server;
}

int main(int count, char **arguments)
{
    static const struct application_traits traits = {.name = "civetweb"};
    int status;
    struct application *application = application_start(count, arguments, &traits, &status);
    struct mg_server_port bound[1];
    struct mg_context *server;

    if (application == NULL)
        return status;
    status = 1;
    mg_init_library(0);
    server = listen_at(application);
    if (server == NULL) {
        fprintf(stderr, "civetweb: cannot listen\n");
    } else if (mg_get_server_ports(server, 1, bound) == 1 &&
               application_listens(application, (uint16_t)bound[0].port)) {
        application_wait(application);
        status = 0;
    }
    if (server != NULL)
        mg_stop(server);
    mg_exit_library();
    application_end(application);
    return status;
}
