/* wafer/soup.h - wafer sessions in a libsoup server (3.0 or later), header only.
 * SPDX-License-Identifier: MIT
 *
 * Once a request, in the handler of soup_server_add_handler, which libsoup calls when the body is
 * there:
 *
 *     wafer_soup_open(session, message)        begin, hand over the cookies, open
 *     ... wafer_get, wafer_put, wafer_login ...
 *     wafer_soup_finish(session, message)      before the handler returns, or the message goes on
 *
 * A handler that answers before it returns calls wafer_end (or wafer_session_free) then: what goes
 * out has been copied. One that answers later, with soup_server_message_pause and _unpause, lets
 * the message own the session:
 *
 *     g_object_set_data_full(G_OBJECT(message), "session", session, give_back);
 *
 * and give_back is called when the last reference to the message goes, on every path: answered,
 * client gone, server stopped. The signal "finished" is no substitute: soup_server_disconnect does
 * not emit it.
 *
 * Before 3.3 libsoup keeps for ever the descriptor of a connection that its client closes while it
 * is idle: answer with the field "Connection: close" there.
 *
 * Nothing here locks. Call these in the thread of the server's main context; one session belongs to
 * one request at a time.
 */
#ifndef WAFER_SOUP_H
#define WAFER_SOUP_H

#include <libsoup/soup.h>
#include <string.h>
#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Hands over every Cookie field line of the request, in order. For programs that call wafer_begin
 * and wafer_open themselves; others call wafer_soup_open.
 *
 * soup_message_headers_get_one is no substitute: it gives the last line only; get_list joins them
 * with commas.
 *
 * Memory   the bytes are the message's and stay until it is freed.
 * Threads  the main context's.
 * Errors   those of wafer_field, the first one; WAFER_MISUSE also for a NULL message. */
static inline wafer_result wafer_soup_fields(wafer_session *session, SoupServerMessage *message)
{
    wafer_result result = WAFER_OK;
    SoupMessageHeadersIter fields;
    const char *name = NULL;
    const char *value = NULL;

    if (session == NULL || message == NULL)
        return WAFER_MISUSE;
    soup_message_headers_iter_init(&fields, soup_server_message_get_request_headers(message));
    while (result == WAFER_OK && soup_message_headers_iter_next(&fields, &name, &value))
        if (g_ascii_strcasecmp(name, "Cookie") == 0)
            result = wafer_field(session, value, strlen(value));
    return result;
}

/* Begins the request and opens the session that its cookies carry.
 *
 * Memory   as wafer_open: plaintext stays in the session until wafer_begin or wafer_end.
 * Threads  the main context's; any number of sessions may share a manager.
 * Errors   those of wafer_open; WAFER_UNCHECKED also for a NULL message. Whether the request
 *          carried more cookies than are taken, wafer_frozen tells. */
static inline WAFER_MUST_CHECK wafer_verdict wafer_soup_open(wafer_session *session,
                                                             SoupServerMessage *message)
{
    /* A clock that fails needs no path of its own: wafer_open says WAFER_UNCHECKED. */
    (void)wafer_begin(session);
    if (wafer_soup_fields(session, message) == WAFER_MISUSE)
        wafer_end(session);
    return wafer_open(session);
}

/* Finishes the session and adds its fields to the response, beside any others of their name.
 *
 * Call it once, and not in an early handler: libsoup drops what that has added when the client
 * waits for "100 Continue". It cannot refuse a field: it ignores those with a line break, and
 * wafer's have none; without memory it ends the process.
 *
 * Memory   libsoup copies the fields.
 * Threads  the main context's.
 * Errors   those of wafer_finish, with the fields that are for caches added all the same;
 *          WAFER_MISUSE also for a NULL message. */
static inline WAFER_MUST_CHECK wafer_result wafer_soup_finish(wafer_session *session,
                                                              SoupServerMessage *message)
{
    const wafer_header *headers = NULL;
    size_t count = 0;

    if (message == NULL)
        return WAFER_MISUSE;
    wafer_result result = wafer_finish(session, &headers, &count);
    for (size_t i = 0; i < count; i++)
        soup_message_headers_append(soup_server_message_get_response_headers(message),
                                    headers[i].name, headers[i].value);
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
