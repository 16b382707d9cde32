/* wafer/libwebsockets.h - wafer sessions in a libwebsockets server (4.1 or later), header only.
 * SPDX-License-Identifier: MIT
 *
 * Once a request, in LWS_CALLBACK_HTTP, or in LWS_CALLBACK_HTTP_BODY_COMPLETION when there is a
 * body to wait for; libwebsockets keeps the request's fields until the transaction is completed:
 *
 *     wafer_lws_open(session, wsi)                begin, hand over the cookies, open
 *     ... wafer_get, wafer_put, wafer_login ...
 *     wafer_lws_finish(session, wsi, &p, end)     after lws_add_http_common_headers, before
 *                                                 lws_finalize_write_http_header
 *
 * and wafer_end (or wafer_session_free) in LWS_CALLBACK_HTTP_DROP_PROTOCOL, of a session that hangs
 * on the user data of the connection. That callback comes on every path (answered, client gone,
 * timeout, context destroyed) and once a request, while LWS_CALLBACK_CLOSED_HTTP comes once a
 * connection, which may serve many.
 *
 * For a WebSocket, wafer_lws_open belongs into LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION, where the
 * upgrade can still be refused and the cookies are still there, and wafer_end into
 * LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL and LWS_CALLBACK_CLOSED. In between the session may be read
 * and asked with wafer_recheck; what is put goes nowhere, as the head of the response has gone.
 * Compare Origin with Host before: browsers open a WebSocket for any page, and SameSite does not
 * keep the cookies from pages of sister domains and other ports.
 *
 * Do not limit WSI_TOKEN_HTTP_COOKIE in lws_token_limits: libwebsockets cuts longer lines and tells
 * nobody. The default, a limit for all fields together (max_http_header_data), refuses the request.
 *
 * Nothing here allocates or locks. Call these in the thread that serves the connection; one
 * session belongs to one request at a time.
 */
#ifndef WAFER_LIBWEBSOCKETS_H
#define WAFER_LIBWEBSOCKETS_H

#include <string.h>

#include <libwebsockets.h>
#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most bytes of cookies that wafer_lws_open takes. Give libwebsockets the same number, or a
 * smaller one, as max_http_header_data: its default of 4096 is for all fields of a request, and one
 * session may fill it. */
#define WAFER_LWS_COOKIES_MAX 32768

/* Hands over every Cookie field line of the request, in order; over HTTP/2 browsers send a line for
 * each cookie. For programs that call wafer_begin and wafer_open themselves, with a buffer of their
 * own; others call wafer_lws_open.
 *
 * lws_hdr_copy is no substitute: it joins the lines of HTTP/1.1 with nothing but a blank.
 *
 * Memory   copies the lines to the buffer, where they must stay until wafer_open returns.
 * Threads  the connection's.
 * Errors   those of wafer_field, the first one; WAFER_MISUSE also for a NULL connection or buffer,
 *          when the request's fields are gone, and when the buffer is not larger than the cookies:
 *          max_http_header_data bytes are always enough. */
static inline wafer_result wafer_lws_fields(wafer_session *session, struct lws *wsi, char *buffer,
                                            size_t size)
{
    wafer_result result = WAFER_OK;
    char *path;
    int length = 0;

    if (session == NULL || wsi == NULL || buffer == NULL ||
        lws_http_get_uri_and_method(wsi, &path, &length) < 0)
        return WAFER_MISUSE;
    /* A NUL goes after each line, where the next one then begins. */
    int room = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_COOKIE) + 1;
    if ((size_t)room > size)
        return WAFER_MISUSE;
    for (int i = 0; result == WAFER_OK; i++) {
        length = lws_hdr_copy_fragment(wsi, buffer, room, WSI_TOKEN_HTTP_COOKIE, i);
        if (length < 0)
            break;
        result = wafer_field(session, buffer, (size_t)length);
        buffer += length;
        room -= length;
    }
    return result;
}

/* Begins the request and opens the session that its cookies carry.
 *
 * Memory   as wafer_open: plaintext stays in the session until wafer_begin or wafer_end. Takes
 *          WAFER_LWS_COOKIES_MAX bytes of stack.
 * Threads  the connection's; any number of sessions may share a manager.
 * Errors   those of wafer_open; WAFER_UNCHECKED also for a NULL connection, when the request's
 *          fields are gone, and for more than WAFER_LWS_COOKIES_MAX bytes of cookies. Whether the
 *          request carried more cookies than are taken, wafer_frozen tells. */
static inline WAFER_MUST_CHECK wafer_verdict wafer_lws_open(wafer_session *session, struct lws *wsi)
{
    char cookies[WAFER_LWS_COOKIES_MAX + 1];

    /* A clock that fails needs no path of its own: wafer_open says WAFER_UNCHECKED. */
    (void)wafer_begin(session);
    if (wafer_lws_fields(session, wsi, cookies, sizeof cookies) == WAFER_MISUSE)
        wafer_end(session);
    return wafer_open(session);
}

/* Finishes the session and adds its fields to the head that begins before *p and may go up to end,
 * beside any others of their name. Moves *p, as the lws_add_http_header_... functions do.
 *
 * Memory   the fields are copied. The manager's line_limit and 256 bytes are enough for them.
 * Threads  the connection's.
 * Errors   those of wafer_finish, with the fields that are for caches added all the same;
 *          WAFER_SYSTEM libwebsockets refused a field, for want of room: do not send the head, the
 *          cookie may be missing; WAFER_MISUSE also for a NULL connection or head. */
static inline WAFER_MUST_CHECK wafer_result wafer_lws_finish(wafer_session *session,
                                                             struct lws *wsi, unsigned char **p,
                                                             unsigned char *end)
{
    const wafer_header *headers = NULL;
    size_t count = 0;

    if (wsi == NULL || p == NULL || *p == NULL || end == NULL)
        return WAFER_MISUSE;
    wafer_result result = wafer_finish(session, &headers, &count);
    for (size_t i = 0; i < count; i++) {
        const unsigned char *value = (const unsigned char *)headers[i].value;
        unsigned char *before = *p;
        unsigned char name[32] = {0}; /* libwebsockets wants it with the colon */
        bool fits = headers[i].name_length + 1 < sizeof name;

        if (fits) {
            memcpy(name, headers[i].name, headers[i].name_length);
            name[headers[i].name_length] = ':';
        }
        if (!fits || lws_add_http_header_by_name(wsi, name, value, (int)headers[i].value_length, p,
                                                 end) != 0) {
            *p = before; /* nothing of it stays */
            result = result == WAFER_OK ? WAFER_SYSTEM : result;
        }
    }
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
