/* wafer/kore.h - wafer sessions in a kore module (4.x), header only. SPDX-License-Identifier: MIT
 *
 * Once a request, in the page handler, which kore calls when the body is there:
 *
 *     wafer_kore_open(session, request)        begin, hand over the cookies, open
 *     ... wafer_get, wafer_put, wafer_login ...
 *     wafer_kore_finish(session, request)      before http_response and its kin, or a
 *                                              WebSocket's handshake
 *
 * A handler that answers before it returns calls wafer_end (or wafer_session_free) then: what goes
 * out has been copied. One that returns KORE_RESULT_RETRY gives the session back in request->onfree
 * (see http_state_create), which kore calls on every path: answered, client gone, timeout. With a
 * kore_task bound to the request it calls that function again and again after the client has gone,
 * the first time while the task may still be running: then return, until kore_task_finished says
 * so or request->tasks is empty.
 *
 * Workers are processes. Make key ring, list and manager in kore_parent_configure, which kore calls
 * before it forks them: the list is then one for all, also for workers that are started anew. Not
 * in kore_worker_configure: a list of each worker's own would let sessions in that were logged out
 * elsewhere, and the sandbox kills a worker that locks memory, as making or reloading a key ring
 * does. New keys are for the next start. Sessions may be made, and all else done, in workers.
 *
 * What kore takes, and what its configuration needs:
 *   http_header_max  a head may have 4096 bytes unless told otherwise, too few for a cookie beside
 *                    what a browser sends: say 16384. Beyond it kore closes the connection.
 *   fields           it keeps 22 beside Host and drops the rest without a word. With 22 the session
 *                    is frozen, as its cookie may have been among the others.
 *   bytes            it answers 400 to a field that is empty, or has a tab or other than ASCII.
 *
 * Compile as kodev does, with the flags in $(kodev source)/features (Debian:
 * /usr/share/kore/features): without, kore's headers describe other structures than kore has. With
 * -std=c11 they also need -D_DEFAULT_SOURCE.
 *
 * Nothing here locks. Call these in the worker's own thread; one session belongs to one request at
 * a time.
 */
#ifndef WAFER_KORE_H
#define WAFER_KORE_H

#include <string.h>
#include <strings.h>

#include <kore/kore.h>

#include <kore/http.h>

#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* kore splits a head into one line less than this; of these, one is the request's and one Host. */
#define WAFER_KORE_FIELDS_MAX (HTTP_REQ_HEADER_MAX - 1 - 2)

/* Hands over every Cookie field line of the request, in order. For programs that call wafer_begin
 * and wafer_open themselves; others call wafer_kore_open.
 *
 * http_request_cookie is no substitute: it has ten cookies of the first line. Nor is
 * http_request_header, which has that line.
 *
 * Memory   the bytes are kore's and stay until the request is freed.
 * Threads  the worker's own.
 * Errors   those of wafer_field, the first one. WAFER_TOO_LARGE also when the request has as many
 *          fields as kore keeps: the session is then frozen. WAFER_MISUSE also for a NULL request,
 *          and when kore has a Cookie field but is not found to have one: the flags are wrong. */
static inline wafer_result wafer_kore_fields(wafer_session *session, struct http_request *request)
{
    wafer_result result = WAFER_OK;
    const struct http_header *field;
    const char *value;
    bool found = false;
    size_t count = 0;

    if (session == NULL || request == NULL)
        return WAFER_MISUSE;
    TAILQ_FOREACH(field, &request->req_headers, list)
    {
        count++;
        if (result == WAFER_OK && strcasecmp(field->header, "Cookie") == 0) {
            found = true;
            result = wafer_field(session, field->value, strlen(field->value));
        }
    }
    if (!found && http_request_header(request, "Cookie", &value) == KORE_RESULT_OK)
        return WAFER_MISUSE;
    return result == WAFER_OK && count >= WAFER_KORE_FIELDS_MAX ? wafer_fields_lost(session)
                                                                : result;
}

/* Begins the request and opens the session that its cookies carry.
 *
 * Memory   as wafer_open: plaintext stays in the session until wafer_begin or wafer_end.
 * Threads  the worker's own; any number of sessions may share a manager.
 * Errors   those of wafer_open; WAFER_UNCHECKED also for a NULL request and wrong flags. Whether
 *          the request carried more cookies than are taken, or kore may have dropped some,
 *          wafer_frozen tells. */
static inline WAFER_MUST_CHECK wafer_verdict wafer_kore_open(wafer_session *session,
                                                             struct http_request *request)
{
    /* A clock that fails needs no path of its own: wafer_open says WAFER_UNCHECKED. */
    (void)wafer_begin(session);
    if (wafer_kore_fields(session, request) == WAFER_MISUSE)
        wafer_end(session);
    return wafer_open(session);
}

/* Finishes the session and adds its fields to the response, beside any others of their name, those
 * of http_response_cookie too.
 *
 * Call it once, before the response; kore ignores what is added after. It cannot refuse a field:
 * without memory it ends the process. A handler that returns KORE_RESULT_ERROR closes the
 * connection without a response.
 *
 * Memory   kore copies the fields.
 * Threads  the worker's own.
 * Errors   those of wafer_finish, with the fields that are for caches added all the same;
 *          WAFER_MISUSE also for a NULL request. */
static inline WAFER_MUST_CHECK wafer_result wafer_kore_finish(wafer_session *session,
                                                              struct http_request *request)
{
    const wafer_header *headers = NULL;
    size_t count = 0;

    if (request == NULL)
        return WAFER_MISUSE;
    wafer_result result = wafer_finish(session, &headers, &count);
    for (size_t i = 0; i < count; i++)
        http_response_header(request, headers[i].name, headers[i].value);
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
