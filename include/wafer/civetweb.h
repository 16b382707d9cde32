/* wafer/civetweb.h - wafer sessions in a civetweb server (1.15 or later), header only.
 * SPDX-License-Identifier: MIT
 *
 * Once a request, in the request handler:
 *
 *     wafer_civetweb_open(session, connection)       begin, hand over the cookies, open
 *     ... wafer_get, wafer_put, wafer_login ...
 *     wafer_finish(session, &headers, &count)        does all go well? then choose the status
 *     mg_response_header_start(connection, status)
 *     wafer_civetweb_finish(session, connection)     before mg_response_header_send
 *     mg_response_header_send(connection)
 *     wafer_end(session)
 *
 * The handler does all of it and returns on every path, client gone and timeout too, so its end is
 * where wafer_end (or wafer_session_free) belongs. A body that mg_read ended early is one that the
 * client did not finish: compare what came with content_length before acting on it.
 *
 * Nothing of Wafer here allocates or locks. Call these in the thread that runs the handler; one
 * session belongs to one request at a time.
 */
#ifndef WAFER_CIVETWEB_H
#define WAFER_CIVETWEB_H

#include <civetweb.h>
#include <string.h>
#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Hands over every Cookie field line of the request, in order. For programs that call wafer_begin
 * and wafer_open themselves; others call wafer_civetweb_open.
 *
 * mg_get_header and mg_get_cookie are no substitute: they see the first line only.
 *
 * Memory   the bytes are civetweb's and stay until the handler returns.
 * Threads  the handler's.
 * Errors   those of wafer_field, the first one. WAFER_TOO_LARGE also for a request of 64 fields
 *          and more: civetweb keeps 64 and drops the others without a word, cookies maybe among
 *          them. The session is then frozen, as with too many cookies. (Content-Length may be among
 *          them too: mg_disable_connection_keep_alive, lest a body be read as the next request.)
 *          WAFER_MISUSE also for a NULL connection. */
static inline wafer_result wafer_civetweb_fields(wafer_session *session,
                                                 const struct mg_connection *connection)
{
    const struct mg_request_info *request = mg_get_request_info(connection);
    wafer_result result = WAFER_OK;

    if (session == NULL || request == NULL)
        return WAFER_MISUSE;
    for (int i = 0; i < request->num_headers && result == WAFER_OK; i++) {
        const struct mg_header *field = &request->http_headers[i];

        if (mg_strcasecmp(field->name, "Cookie") == 0)
            result = wafer_field(session, field->value, strlen(field->value));
    }
    if (request->num_headers >= MG_MAX_HEADERS)
        return wafer_fields_lost(session);
    return result;
}

/* Begins the request and opens the session that its cookies carry.
 *
 * Memory   as wafer_open: plaintext stays in the session until wafer_begin or wafer_end.
 * Threads  the handler's; any number of sessions may share a manager.
 * Errors   those of wafer_open; WAFER_UNCHECKED also for a NULL connection. Whether the request
 *          carried more cookies or fields than are taken, wafer_frozen tells. */
static inline WAFER_MUST_CHECK wafer_verdict
wafer_civetweb_open(wafer_session *session, const struct mg_connection *connection)
{
    /* A clock that fails needs no path of its own: wafer_open says WAFER_UNCHECKED. */
    (void)wafer_begin(session);
    if (wafer_civetweb_fields(session, connection) == WAFER_MISUSE)
        wafer_end(session);
    return wafer_open(session);
}

/* Finishes the session and adds its fields to the response, beside any others of their name. Call
 * it between mg_response_header_start and mg_response_header_send.
 *
 * The status is given to mg_response_header_start, so a failure seen here comes too late to change
 * it: call wafer_finish before, which gives the same again here.
 *
 * Memory   civetweb copies the fields.
 * Threads  the handler's.
 * Errors   those of wafer_finish, with the fields that are for caches added all the same;
 *          WAFER_SYSTEM civetweb refused a field, out of order, for want of memory, or as the
 *          response has 64 already: do not send this head, the cookie may be missing, but call
 *          mg_send_http_error; WAFER_MISUSE also for a NULL connection. */
static inline WAFER_MUST_CHECK wafer_result wafer_civetweb_finish(wafer_session *session,
                                                                  struct mg_connection *connection)
{
    const wafer_header *headers = NULL;
    size_t count = 0;

    if (connection == NULL)
        return WAFER_MISUSE;
    wafer_result result = wafer_finish(session, &headers, &count);
    for (size_t i = 0; i < count; i++)
        if (mg_response_header_add(connection, headers[i].name, headers[i].value,
                                   (int)headers[i].value_length) != 0 &&
            result == WAFER_OK)
            result = WAFER_SYSTEM;
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
