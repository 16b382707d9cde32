/* What libmicrohttpd calls: a request begins, brings its body, is over. */
#include "demo.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A body that is too large is read to here, so that the client gets to see the answer. */
#define DRAIN_MAX 1048576

static bool is_form(struct MHD_Connection *connection)
{
    static const char urlencoded[] = "application/x-www-form-urlencoded";
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");

    return type != NULL && strncasecmp(type, urlencoded, sizeof urlencoded - 1) == 0 &&
           strchr("; \t", type[sizeof urlencoded - 1]) != NULL;
}

/* What the client says the body will have; 0 when it does not say. */
static unsigned long long announced(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

    return length != NULL ? strtoull(length, NULL, 10) : 0;
}

/* Finds out what the request asks for. */
static void look(struct demo_request *request, const char *url, const char *method)
{
    const char *rest;

    request->account = demo_account_of(request->server, url, &rest);
    request->route = demo_route_find(request->account == &request->server->accounts[DEMO_OPERATOR],
                                     rest);
    request->head = strcmp(method, "HEAD") == 0;
    request->form = is_form(request->connection);
    if (request->route != NULL && request->route->post)
        request->allowed = strcmp(method, "POST") == 0;
    else
        request->allowed = request->head || strcmp(method, "GET") == 0;
}

static enum MHD_Result start(const struct demo_server *server, struct MHD_Connection *connection,
                             const char *url, const char *method, void **context)
{
    struct demo_request *request = calloc(1, sizeof *request);

    if (request == NULL)
        return MHD_NO;
    request->server = server;
    request->connection = connection;
    look(request, url, method);
    if (wafer_session_new(request->account->manager, &request->session) != WAFER_OK) {
        free(request);
        return MHD_NO;
    }
    *context = request;
    if (announced(connection) <= DRAIN_MAX)
        return MHD_YES;
    request->received = SIZE_MAX;
    return demo_answer_request(request);
}

static enum MHD_Result take_body(struct demo_request *request, const char *upload, size_t size)
{
    if (size > DRAIN_MAX - request->received)
        return MHD_NO;
    if (request->received + size <= DEMO_BODY_MAX)
        memcpy(request->body + request->received, upload, size);
    request->received += size;
    return MHD_YES;
}

enum MHD_Result demo_handle(void *server, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **context)
{
    size_t size = *upload_size;

    (void)version;
    if (*context == NULL)
        return start(server, connection, url, method, context);
    if (size == 0)
        return demo_answer_request(*context);
    *upload_size = 0;
    return take_body(*context, upload, size);
}

void demo_completed(void *server, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode why)
{
    struct demo_request *request = *context;

    (void)server;
    (void)connection;
    (void)why;
    if (request == NULL)
        return;
    wafer_session_free(request->session);
    sodium_memzero(request->body, sizeof request->body); /* it may hold the operator's password */
    free(request);
    *context = NULL;
}
