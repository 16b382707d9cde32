/* wafer/fastcgi.h - wafer sessions in a FastCGI program on libfcgi (2.4), header only.
 * SPDX-License-Identifier: MIT
 *
 * Once a request, between FCGX_Accept_r and FCGX_Finish_r:
 *
 *     wafer_fastcgi_open(session, &request)      begin, hand over the cookies, open
 *     ... wafer_get, wafer_put, wafer_login ...
 *     wafer_fastcgi_finish(session, &request)    writes header lines: before the blank line
 *     FCGX_FPrintF(request.out, "Status: ...\r\n...\r\n\r\n")
 *
 * and wafer_end beside FCGX_Finish_r, in the loop that accepts: every request comes back there,
 * answered or not. The header lines of a response may come in any order, so Status can wait for
 * what wafer_fastcgi_finish returned.
 *
 * Processes that a web server or spawn-fcgi starts one by one need a revocation list in a file
 * (settings.path): in memory each would have its own, and a logout in one be unknown to the others.
 *
 * A server that joins Cookie fields with commas, as Apache does with the lines of HTTP/1.1, needs
 * settings.split_at_commas; nginx does not.
 *
 * Nothing here allocates or locks. Call these in the thread that accepted the request.
 */
#ifndef WAFER_FASTCGI_H
#define WAFER_FASTCGI_H

#include <fcgiapp.h>
#include <string.h>
#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Hands over every Cookie field of the request, in order. For programs that call wafer_begin and
 * wafer_open themselves; others call wafer_fastcgi_open.
 *
 * FCGX_GetParam is no substitute: it gives the first HTTP_COOKIE, and nginx before 1.23 sends one
 * for each line.
 *
 * Memory   the bytes are libfcgi's and stay until FCGX_Finish_r.
 * Threads  the request's.
 * Errors   those of wafer_field, the first one; WAFER_MISUSE also for a NULL request or one that
 *          is not accepted. */
static inline wafer_result wafer_fastcgi_fields(wafer_session *session, const FCGX_Request *request)
{
    static const char cookie[] = "HTTP_COOKIE=";
    const size_t length = sizeof(cookie) - 1;
    wafer_result result = WAFER_OK;

    if (session == NULL || request == NULL || request->envp == NULL)
        return WAFER_MISUSE;
    for (char **entry = request->envp; *entry != NULL && result == WAFER_OK; entry++)
        if (strncmp(*entry, cookie, length) == 0)
            result = wafer_field(session, *entry + length, strlen(*entry + length));
    return result;
}

/* Begins the request and opens the session that its cookies carry.
 *
 * Memory   as wafer_open: plaintext stays in the session until wafer_begin or wafer_end.
 * Threads  the request's; any number of sessions may share a manager.
 * Errors   those of wafer_open; WAFER_UNCHECKED also for a NULL request or one that is not
 *          accepted. Whether the request carried more cookies than are taken, wafer_frozen
 *          tells. */
static inline WAFER_MUST_CHECK wafer_verdict wafer_fastcgi_open(wafer_session *session,
                                                                const FCGX_Request *request)
{
    /* A clock that fails needs no path of its own: wafer_open says WAFER_UNCHECKED. */
    (void)wafer_begin(session);
    if (wafer_fastcgi_fields(session, request) == WAFER_MISUSE)
        wafer_end(session);
    return wafer_open(session);
}

/* Writes bytes that are less than INT_MAX; not for programs. */
static inline bool wafer_fastcgi_put(FCGX_Stream *out, const char *bytes, size_t length)
{
    return FCGX_PutStr(bytes, (int)length, out) == (int)length;
}

/* Finishes the session and writes its fields to request->out, as header lines. Call it once for a
 * request, when only whole header lines are written there.
 *
 * Memory   libfcgi copies the fields.
 * Threads  the request's.
 * Errors   those of wafer_finish, with the fields that are for caches written all the same;
 *          WAFER_SYSTEM the web server took no more, which is seldom noticed before FCGX_Finish_r,
 *          as libfcgi collects 8 KiB: what is written afterwards is lost too, so just go on to
 *          FCGX_Finish_r; WAFER_MISUSE also for a NULL request or one that is not accepted. */
static inline WAFER_MUST_CHECK wafer_result wafer_fastcgi_finish(wafer_session *session,
                                                                 FCGX_Request *request)
{
    const wafer_header *headers = NULL;
    size_t count = 0;
    bool written = true;

    if (request == NULL || request->out == NULL)
        return WAFER_MISUSE;
    wafer_result result = wafer_finish(session, &headers, &count);
    for (size_t i = 0; i < count && written; i++)
        written = wafer_fastcgi_put(request->out, headers[i].name, headers[i].name_length) &&
                  wafer_fastcgi_put(request->out, ": ", 2) &&
                  wafer_fastcgi_put(request->out, headers[i].value, headers[i].value_length) &&
                  wafer_fastcgi_put(request->out, "\r\n", 2);
    /* What fits the buffer counts as written even after a failure. */
    if (result == WAFER_OK && (!written || FCGX_GetError(request->out) != 0))
        result = WAFER_SYSTEM;
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
