/* wafer/h2o.h - wafer sessions in a libh2o server (2.2), header only. SPDX-License-Identifier: MIT
 *
 * Once a request, in the handler's on_req, which h2o calls when the body is there:
 *
 *     wafer_h2o_open(session, request)         begin, hand over the cookies, open
 *     ... wafer_get, wafer_put, wafer_login ...
 *     wafer_h2o_finish(session, request)       before h2o_send_inline or h2o_start_response
 *
 * A handler that answers before it returns calls wafer_end (or wafer_session_free) then: what goes
 * out has been copied. One that answers later hangs the session on the request's pool, which h2o
 * empties on every path (answered, client gone, timeout):
 *
 *     wafer_session **kept = h2o_mem_alloc_shared(&request->pool, sizeof *kept, give_back);
 *
 * with a function of yours that takes `kept` and ends *kept. Once the pool is emptied, the request
 * is gone too.
 *
 * Compile with -DH2O_USE_LIBUV=0 for libh2o-evloop, whose pkg-config file lacks it: without, h2o.h
 * describes other structures than the library has. With -std=c11 h2o.h also needs
 * -D_DEFAULT_SOURCE.
 *
 * Nothing here locks. Call these in the thread of the request's loop; one session belongs to one
 * request at a time.
 */
#ifndef WAFER_H2O_H
#define WAFER_H2O_H

#include <h2o.h>
#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Hands over every Cookie field line of the request, in order; over HTTP/2 browsers send a line for
 * each cookie. For programs that call wafer_begin and wafer_open themselves; others call
 * wafer_h2o_open.
 *
 * Memory   the bytes are h2o's, without a NUL, and stay until the request is disposed of.
 * Threads  the loop's.
 * Errors   those of wafer_field, the first one; WAFER_MISUSE also for a NULL request. */
static inline wafer_result wafer_h2o_fields(wafer_session *session, const h2o_req_t *request)
{
    wafer_result result = WAFER_OK;
    ssize_t at = -1;

    if (session == NULL || request == NULL)
        return WAFER_MISUSE;
    while (result == WAFER_OK &&
           (at = h2o_find_header(&request->headers, H2O_TOKEN_COOKIE, at)) != -1) {
        const h2o_iovec_t *value = &request->headers.entries[at].value;

        result = wafer_field(session, value->base, value->len);
    }
    return result;
}

/* Begins the request and opens the session that its cookies carry.
 *
 * Memory   as wafer_open: plaintext stays in the session until wafer_begin or wafer_end.
 * Threads  the loop's; any number of sessions may share a manager.
 * Errors   those of wafer_open; WAFER_UNCHECKED also for a NULL request. Whether the request
 *          carried more cookies than are taken, wafer_frozen tells. */
static inline WAFER_MUST_CHECK wafer_verdict wafer_h2o_open(wafer_session *session,
                                                            const h2o_req_t *request)
{
    /* A clock that fails needs no path of its own: wafer_open says WAFER_UNCHECKED. */
    (void)wafer_begin(session);
    if (wafer_h2o_fields(session, request) == WAFER_MISUSE)
        wafer_end(session);
    return wafer_open(session);
}

/* Finishes the session and adds its fields to the response, beside any others of their name.
 *
 * Call it once, before the response starts; h2o ignores what is added after. It cannot refuse a
 * field: without memory it ends the process. But h2o_send_error_... drops all fields unless its
 * flags have H2O_SEND_ERROR_KEEP_HEADERS, and so does h2o_reprocess_request.
 *
 * Memory   copied into the request's pool, as h2o keeps the addresses it is given until it has
 *          sent the response.
 * Threads  the loop's.
 * Errors   those of wafer_finish, with the fields that are for caches added all the same;
 *          WAFER_MISUSE also for a NULL request. */
static inline WAFER_MUST_CHECK wafer_result wafer_h2o_finish(wafer_session *session,
                                                             h2o_req_t *request)
{
    const wafer_header *headers = NULL;
    size_t count = 0;

    if (request == NULL)
        return WAFER_MISUSE;
    wafer_result result = wafer_finish(session, &headers, &count);
    for (size_t i = 0; i < count; i++) {
        h2o_mem_pool_t *pool = &request->pool;
        h2o_iovec_t name = h2o_strdup(pool, headers[i].name, headers[i].name_length);
        h2o_iovec_t value = h2o_strdup(pool, headers[i].value, headers[i].value_length);

        /* HTTP/2 forbids capitals, HTTP/1 gets the name as it was. */
        h2o_strtolower(name.base, name.len);
        h2o_add_header_by_str(pool, &request->res.headers, name.base, name.len, 1, headers[i].name,
                              value.base, value.len);
    }
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
