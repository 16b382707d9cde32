/* wafer/microhttpd.h - wafer sessions in a libmicrohttpd server (0.9.71 or later), header only.
 * SPDX-License-Identifier: MIT
 *
 * Once a request, in the access handler, when the body is there:
 *
 *     wafer_mhd_open(session, connection)      begin, hand over the cookies, open
 *     ... wafer_get, wafer_put, wafer_login ...
 *     wafer_mhd_finish(session, response)      before MHD_queue_response
 *
 * and wafer_end (or wafer_session_free) in the callback of MHD_OPTION_NOTIFY_COMPLETED, which
 * libmicrohttpd calls on every path: answered, client gone, timeout, server stopped.
 *
 * Nothing here allocates or locks. Call these in the thread that serves the connection; one
 * session belongs to one request at a time.
 */
#ifndef WAFER_MICROHTTPD_H
#define WAFER_MICROHTTPD_H

#include <microhttpd.h>
#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the iterator below carries from one field to the next; not for programs. */
struct wafer_mhd_state {
    wafer_session *session;
    wafer_result result;
};

/* Takes one request field, whatever its name; not for programs. */
static inline enum MHD_Result wafer_mhd_field(void *context, enum MHD_ValueKind kind,
                                              const char *name, size_t name_length,
                                              const char *value, size_t value_length)
{
    static const char cookie[] = "cookie";
    struct wafer_mhd_state *state = (struct wafer_mhd_state *)context;

    (void)kind;
    if (name_length != sizeof(cookie) - 1 || value == NULL)
        return MHD_YES;
    for (size_t i = 0; i < name_length; i++)
        if ((name[i] | 0x20) != cookie[i])
            return MHD_YES;
    state->result = wafer_field(state->session, value, value_length);
    return state->result == WAFER_OK ? MHD_YES : MHD_NO;
}

/* Hands over every Cookie field line of the request, in order. For programs that call wafer_begin
 * and wafer_open themselves; others call wafer_mhd_open.
 *
 * MHD_COOKIE_KIND is no substitute: libmicrohttpd parses the first line only.
 *
 * Memory   the bytes are libmicrohttpd's and stay until the request is completed.
 * Threads  the connection's.
 * Errors   those of wafer_field, the first one; WAFER_MISUSE also for a NULL connection. */
static inline wafer_result wafer_mhd_fields(wafer_session *session,
                                            struct MHD_Connection *connection)
{
    struct wafer_mhd_state state = {session, WAFER_OK};

    if (session == NULL || connection == NULL ||
        MHD_get_connection_values_n(connection, MHD_HEADER_KIND, wafer_mhd_field, &state) < 0)
        return WAFER_MISUSE;
    return state.result;
}

/* Begins the request and opens the session that its cookies carry.
 *
 * Memory   as wafer_open: plaintext stays in the session until wafer_begin or wafer_end.
 * Threads  the connection's; any number of sessions may share a manager.
 * Errors   those of wafer_open; WAFER_UNCHECKED also for a NULL connection. Whether the request
 *          carried more cookies than are taken, wafer_frozen tells. */
static inline WAFER_MUST_CHECK wafer_verdict wafer_mhd_open(wafer_session *session,
                                                            struct MHD_Connection *connection)
{
    /* A clock that fails needs no path of its own: wafer_open says WAFER_UNCHECKED. */
    (void)wafer_begin(session);
    if (wafer_mhd_fields(session, connection) == WAFER_MISUSE)
        wafer_end(session);
    return wafer_open(session);
}

/* Finishes the session and adds its fields to the response, beside any others of their name.
 *
 * The response must be of this request alone: one that is queued for several would give one
 * user's cookie to the next.
 *
 * Memory   libmicrohttpd copies the fields.
 * Threads  the connection's.
 * Errors   those of wafer_finish, with the fields that are for caches added all the same;
 *          WAFER_SYSTEM libmicrohttpd refused a field, for want of memory: do not queue the
 *          response, the cookie may be missing; WAFER_MISUSE also for a NULL response. */
static inline WAFER_MUST_CHECK wafer_result wafer_mhd_finish(wafer_session *session,
                                                             struct MHD_Response *response)
{
    const wafer_header *headers = NULL;
    size_t count = 0;

    if (response == NULL)
        return WAFER_MISUSE;
    wafer_result result = wafer_finish(session, &headers, &count);
    for (size_t i = 0; i < count; i++)
        if (MHD_add_response_header(response, headers[i].name, headers[i].value) != MHD_YES &&
            result == WAFER_OK)
            result = WAFER_SYSTEM;
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
