/* wafer/ulfius.h - wafer sessions in an ulfius server (2.7 or later), header only.
 * SPDX-License-Identifier: MIT
 *
 * Once a request, in a callback function:
 *
 *     wafer_ulfius_open(session, request)        begin, hand over the cookies, open
 *     ... wafer_get, wafer_put, wafer_login ...
 *     wafer_ulfius_finish(session, response)
 *     wafer_end(session)
 *
 * ulfius calls back when the whole body is there, and sends the response after the last callback
 * has returned. So the end of the callback is where wafer_end (or wafer_session_free) belongs, and
 * a client that goes away takes no session with it. To pass one session on to further callbacks,
 * put it in response->shared_data, with a response->free_shared_data that ends it.
 *
 * Two settings are needed:
 *   wafer_settings.split_at_commas = true   ulfius joins Cookie fields with commas
 *   _u_instance.check_utf8 = 0              else it drops a Cookie field that has a byte in it
 *                                           which is not UTF-8, with all cookies in that field
 *
 * Call these in the thread of the callback; one session belongs to one request at a time.
 */
#ifndef WAFER_ULFIUS_H
#define WAFER_ULFIUS_H

#include <string.h>
#include <ulfius.h>
#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Hands over every Cookie field of the request, in order. For programs that call wafer_begin and
 * wafer_open themselves; others call wafer_ulfius_open.
 *
 * request->map_cookie is no substitute: it has the cookies of the first field line only. Neither is
 * u_map_get_case: fields whose names differ in case are separate entries.
 *
 * Memory   the bytes are ulfius's and stay until the last callback has returned.
 * Threads  the callback's.
 * Errors   those of wafer_field, the first one. WAFER_TOO_LARGE also when there are cookies but no
 *          Cookie field, as ulfius dropped it (check_utf8): the session is then frozen, as with
 *          too many cookies. One dropped of several goes unseen. WAFER_MISUSE also for a NULL
 *          request. */
static inline wafer_result wafer_ulfius_fields(wafer_session *session,
                                               const struct _u_request *request)
{
    wafer_result result = WAFER_OK;
    bool found = false;

    if (session == NULL || request == NULL || request->map_header == NULL)
        return WAFER_MISUSE;
    for (int i = 0; i < request->map_header->nb_values && result == WAFER_OK; i++)
        if (o_strcasecmp(request->map_header->keys[i], "Cookie") == 0) {
            const char *value = request->map_header->values[i];

            found = true;
            result = wafer_field(session, value, strlen(value));
        }
    if (!found && u_map_count(request->map_cookie) > 0)
        return wafer_fields_lost(session);
    return result;
}

/* Begins the request and opens the session that its cookies carry.
 *
 * Memory   as wafer_open: plaintext stays in the session until wafer_begin or wafer_end.
 * Threads  the callback's; any number of sessions may share a manager.
 * Errors   those of wafer_open; WAFER_UNCHECKED also for a NULL request. Whether the request
 *          carried more cookies than are taken, or ulfius dropped them, wafer_frozen tells. */
static inline WAFER_MUST_CHECK wafer_verdict wafer_ulfius_open(wafer_session *session,
                                                               const struct _u_request *request)
{
    /* A clock that fails needs no path of its own: wafer_open says WAFER_UNCHECKED. */
    (void)wafer_begin(session);
    if (wafer_ulfius_fields(session, request) == WAFER_MISUSE)
        wafer_end(session);
    return wafer_open(session);
}

/* Adds to the list that a field of this name has; not for programs. */
static inline bool wafer_ulfius_join(struct _u_map *fields, const wafer_header *header)
{
    for (int i = 0; i < fields->nb_values; i++)
        if (o_strcasecmp(fields->keys[i], header->name) == 0) {
            const char *name = fields->keys[i];
            size_t length = strlen(fields->values[i]);

            return u_map_put_binary(fields, name, ", ", length, 2) == U_OK &&
                   u_map_put_binary(fields, name, header->value, length + 2,
                                    header->value_length + 1) == U_OK;
        }
    return u_map_put(fields, header->name, header->value) == U_OK;
}

/* Adds a Set-Cookie field; not for programs. Such fields cannot be joined, and a map has one value
 * for a name. But it minds case, which HTTP does not. */
static inline bool wafer_ulfius_set_cookie(struct _u_map *fields, const char *value)
{
    static const char *const names[] = {"Set-Cookie", "set-cookie", "SET-COOKIE", "Set-cookie"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!u_map_has_key(fields, names[i]))
            return u_map_put(fields, names[i], value) == U_OK;
    return false;
}

/* Finishes the session and adds its fields to the response: Set-Cookie beside others, those of
 * ulfius_add_cookie_to_response too, Cache-Control and Vary to what they already say. Fields that
 * are put into response->map_header afterwards replace those of their name: put yours before.
 *
 * Memory   ulfius copies the fields.
 * Threads  the callback's.
 * Errors   those of wafer_finish, with the fields that are for caches added all the same;
 *          WAFER_SYSTEM no memory, or four Set-Cookie fields are in response->map_header already:
 *          return U_CALLBACK_ERROR, which sends a 500 without fields, as the cookie may be missing;
 *          WAFER_MISUSE also for a NULL response. When libmicrohttpd has no memory for a field
 *          later on, ulfius sends the response without it, and nobody is told. */
static inline WAFER_MUST_CHECK wafer_result wafer_ulfius_finish(wafer_session *session,
                                                                struct _u_response *response)
{
    const wafer_header *headers = NULL;
    size_t count = 0;

    if (response == NULL || response->map_header == NULL)
        return WAFER_MISUSE;
    wafer_result result = wafer_finish(session, &headers, &count);
    for (size_t i = 0; i < count; i++) {
        bool added = strcmp(headers[i].name, "Set-Cookie") == 0
                         ? wafer_ulfius_set_cookie(response->map_header, headers[i].value)
                         : wafer_ulfius_join(response->map_header, &headers[i]);

        if (!added && result == WAFER_OK)
            result = WAFER_SYSTEM;
    }
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
