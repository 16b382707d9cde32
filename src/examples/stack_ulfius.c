/* The example on ulfius, which has a thread for each connection and calls back when the whole body
 * is there, so a session lives within one call. */
#include "application.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include <wafer/ulfius.h>

#define SECONDS 10U /* a connection may be silent */

/* False when there is no memory for it. */
static bool set_answer(struct _u_response *response, const struct answer *answer)
{
    return ulfius_set_binary_body_response(response, answer->status, answer->text,
                                           answer->length) == U_OK &&
           u_map_put(response->map_header, "Content-Type", "text/plain; charset=utf-8") == U_OK;
}

static bool serve(struct application *application, const struct _u_request *message,
                  struct _u_response *response, const struct request *request)
{
    wafer_session *session = NULL;
    wafer_verdict verdict = WAFER_NONE;
    wafer_result finished = WAFER_OK;
    struct answer answer;

    if (application_needs_session(request)) {
        session = application_take(application);
        if (session == NULL)
            return false;
        verdict = wafer_ulfius_open(session, message);
    }
    application_answer(application, session, verdict, request, &answer);
    for (size_t i = 0; i < answer.field_count; i++)
        (void)u_map_put(response->map_header, answer.fields[i].name, answer.fields[i].value);
    if (session != NULL)
        finished = wafer_ulfius_finish(session, response);
    application_finished(&answer, finished);
    application_give(application, session);
    return finished != WAFER_SYSTEM && set_answer(response, &answer);
}

static int handle(const struct _u_request *message, struct _u_response *response, void *context)
{
    struct request request = {slice_of_text(message->http_verb),
                              slice_of_text(message->url_path),
                              {message->binary_body, message->binary_body_length}};

    if (request.body.bytes == NULL)
        request.body.bytes = "";
    return serve(context, message, response, &request) ? U_CALLBACK_COMPLETE : U_CALLBACK_ERROR;
}

static bool start(struct application *application, struct _u_instance *server)
{
    server->timeout = SECONDS;
    /* Else a foreign cookie in the same field could hide ours. */
    server->check_utf8 = 0;
    server->max_post_body_size = APPLICATION_BODY_MAX + 1; /* the rest is cut */
    server->allowed_post_processor = U_POST_PROCESS_NONE;
    return ulfius_add_endpoint_by_val(server, "*", NULL, "*", 0, handle, application) == U_OK &&
           ulfius_start_framework(server) == U_OK;
}

/* 0 when it cannot be told. libmicrohttpd would tell the port of the instance. */
static uint16_t bound_port(const struct _u_instance *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->mhd_daemon,
                                                           MHD_DAEMON_INFO_LISTEN_FD);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;

    if (info == NULL || getsockname(info->listen_fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    return ntohs(address.sin_port);
}

/* Serves until a signal comes. */
static bool run(struct application *application, struct _u_instance *server)
{
    uint16_t port;
    bool listens;

    if (!start(application, server)) {
        fprintf(stderr, "ulfius: cannot listen\n");
        return false;
    }
    port = bound_port(server);
    listens = port != 0 && application_listens(application, port);
    if (listens)
        application_wait(application);
    ulfius_stop_framework(server);
    return listens;
}

int main(int count, char **arguments)
{
    static const struct application_traits traits = {.name = "ulfius", .split_at_commas = true};
    int status;
    struct application *application = application_start(count, arguments, &traits, &status);
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct _u_instance server;

    if (application == NULL)
        return status;
    status = 1;
    address.sin_port = htons(application_port(application));
    /* The port that counts is the address's; the one beside it may just not be 0. */
    if (inet_pton(AF_INET, application_address(application), &address.sin_addr) == 1 &&
        ulfius_init_instance(&server, 1, &address, NULL) == U_OK) {
        status = run(application, &server) ? 0 : 1;
        ulfius_clean_instance(&server);
    }
    application_end(application);
    return status;
}
