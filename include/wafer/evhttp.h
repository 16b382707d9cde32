/* wafer/evhttp.h - wafer sessions in a libevent evhttp server (2.1 or later), header only.
 * SPDX-License-Identifier: MIT
 *
 * Once a request, in the callback of evhttp_set_cb or evhttp_set_gencb:
 *
 *     wafer_evhttp_open(session, request)      begin, hand over the cookies, open
 *     ... wafer_get, wafer_put, wafer_login ...
 *     wafer_evhttp_finish(session, request)    before evhttp_send_reply
 *
 * and wafer_end (or wafer_session_free) at once after it: evhttp has copied the fields, so no path
 * is left on which it could be forgotten. evhttp calls back when a request is complete, and keeps
 * it until it is answered, also when its client has gone; clients that go earlier and timeouts
 * come before the callback and know no session. A request that is answered later, or never, needs
 * its wafer_end before evhttp_free, which frees the requests that are left.
 *
 * Answer with evhttp_send_reply: evhttp_send_error takes away the fields that were added.
 *
 * Nothing here locks. Call these in the thread of the request's event loop, as evhttp is not made
 * for several; between open and finish another thread may have the session. One session belongs to
 * one request at a time.
 */
#ifndef WAFER_EVHTTP_H
#define WAFER_EVHTTP_H

#include <string.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>
#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Hands over every Cookie field line of the request, in order. For programs that call wafer_begin
 * and wafer_open themselves; others call wafer_evhttp_open.
 *
 * evhttp_find_header is no substitute: it gives the first line only.
 *
 * Memory   the bytes are evhttp's and stay until the request is answered.
 * Threads  the event loop's.
 * Errors   those of wafer_field, the first one; WAFER_MISUSE also for a NULL request. */
static inline wafer_result wafer_evhttp_fields(wafer_session *session,
                                               struct evhttp_request *request)
{
    wafer_result result = WAFER_OK;

    if (session == NULL || request == NULL)
        return WAFER_MISUSE;
    for (const struct evkeyval *field = evhttp_request_get_input_headers(request)->tqh_first;
         field != NULL && result == WAFER_OK; field = field->next.tqe_next)
        if (evutil_ascii_strcasecmp(field->key, "Cookie") == 0)
            result = wafer_field(session, field->value, strlen(field->value));
    return result;
}

/* Begins the request and opens the session that its cookies carry.
 *
 * Memory   as wafer_open: plaintext stays in the session until wafer_begin or wafer_end.
 * Threads  the event loop's; any number of sessions may share a manager.
 * Errors   those of wafer_open; WAFER_UNCHECKED also for a NULL request. Whether the request
 *          carried more cookies than are taken, wafer_frozen tells. */
static inline WAFER_MUST_CHECK wafer_verdict wafer_evhttp_open(wafer_session *session,
                                                               struct evhttp_request *request)
{
    /* A clock that fails needs no path of its own: wafer_open says WAFER_UNCHECKED. */
    (void)wafer_begin(session);
    if (wafer_evhttp_fields(session, request) == WAFER_MISUSE)
        wafer_end(session);
    return wafer_open(session);
}

/* Finishes the session and adds its fields to the response, beside any others of their name. Call
 * it once a request: a second call would add them again.
 *
 * Memory   evhttp copies the fields; nothing of the session is needed afterwards.
 * Threads  the event loop's.
 * Errors   those of wafer_finish, with the fields that are for caches added all the same;
 *          WAFER_SYSTEM evhttp refused a field, for want of memory: answer with an error, the
 *          cookie may be missing; WAFER_MISUSE also for a NULL request. */
static inline WAFER_MUST_CHECK wafer_result wafer_evhttp_finish(wafer_session *session,
                                                                struct evhttp_request *request)
{
    const wafer_header *headers = NULL;
    size_t count = 0;

    if (request == NULL)
        return WAFER_MISUSE;
    wafer_result result = wafer_finish(session, &headers, &count);
    for (size_t i = 0; i < count; i++)
        if (evhttp_add_header(evhttp_request_get_output_headers(request), headers[i].name,
                              headers[i].value) != 0 &&
            result == WAFER_OK)
            result = WAFER_SYSTEM;
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
