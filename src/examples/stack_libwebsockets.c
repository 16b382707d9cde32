/* The example on libwebsockets: HTTP/1.1, HTTP/2 and WebSockets. Everything of a request lives in
 * the user data that libwebsockets keeps for it, up to the callback that comes however it ends.
 *
 * A WebSocket at any path, for those who are signed in, answers each text with "SUBJECT: text". It
 * asks once a second, and at each text, whether the session still is good; logging out closes it.
 * The session is opened from the cookies of the request that asks for the socket and is only read
 * from then on: a cookie could go out in the head of a response only, and that has gone. */
#include "application.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <wafer/libwebsockets.h>

#define SECONDS  10U /* a connection may be silent */
#define HEAD_MAX 8192

struct server {
    struct application *application;
    bool stops;
};

/* One request, or one WebSocket with the message it is about to answer. */
struct exchange {
    wafer_session *session; /* NULL for paths without one, and once it was given back */
    size_t received;        /* of the body, counting what was too much */
    char body[APPLICATION_BODY_MAX + 1];
    bool answered;
    bool bodiless; /* the answer to HEAD */
    bool last;     /* the connection cannot go on after this answer */
    size_t sent;
    struct answer answer;
};

static struct server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

static void give_back(struct lws *wsi, struct exchange *exchange)
{
    if (exchange == NULL || exchange->session == NULL)
        return;
    application_give(server_of(wsi)->application, exchange->session);
    exchange->session = NULL;
}

static void take_body(struct exchange *exchange, const void *bytes, size_t size)
{
    if (exchange->received < sizeof exchange->body) {
        size_t room = sizeof exchange->body - exchange->received;

        memcpy(exchange->body + exchange->received, bytes, size < room ? size : room);
    }
    exchange->received += size;
}

/* ---- Answers ------------------------------------------------------------------------------ */

static bool is_http2(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_COLON_METHOD) > 0;
}

static bool begin_head(struct lws *wsi, const struct exchange *exchange, unsigned char **p,
                       unsigned char *end)
{
    return lws_add_http_common_headers(wsi, exchange->answer.status, "text/plain; charset=utf-8",
                                       exchange->answer.length, p, end) == 0 &&
           (!exchange->last || is_http2(wsi) ||
            lws_add_http_header_by_token(wsi, WSI_TOKEN_CONNECTION, (const unsigned char *)"close",
                                         5, p, end) == 0);
}

static void add_fields(struct lws *wsi, const struct answer *answer, unsigned char **p,
                       unsigned char *end)
{
    for (size_t i = 0; i < answer->field_count; i++) {
        struct slice value = slice_of_text(answer->fields[i].value);
        unsigned char name[32]; /* libwebsockets wants it with the colon */

        snprintf((char *)name, sizeof name, "%s:", answer->fields[i].name);
        if (lws_add_http_header_by_name(wsi, name, (const unsigned char *)value.bytes,
                                        (int)value.length, p, end) != 0)
            return;
    }
}

/* Like all below that return int: not zero closes the connection, over HTTP/2 the stream. */
static int send_head(struct lws *wsi, struct exchange *exchange)
{
    unsigned char head[LWS_PRE + HEAD_MAX];
    unsigned char *start = head + LWS_PRE, *end = head + sizeof head, *p = start;
    int how = LWS_WRITE_HTTP_HEADERS | (exchange->bodiless ? LWS_WRITE_H2_STREAM_END : 0);
    wafer_result finished = WAFER_OK;

    if (!begin_head(wsi, exchange, &p, end))
        return -1;
    add_fields(wsi, &exchange->answer, &p, end);
    if (exchange->session != NULL)
        finished = wafer_lws_finish(exchange->session, wsi, &p, end);
    if (finished != WAFER_OK) {
        /* The page promised too much. What else is owed, a deletion say, goes with another. */
        application_finished(&exchange->answer, finished);
        p = start;
        if (!begin_head(wsi, exchange, &p, end))
            return -1;
        finished = wafer_lws_finish(exchange->session, wsi, &p, end);
    }
    exchange->answered = true;
    if (lws_finalize_http_header(wsi, &p, end) != 0)
        return -1;
    return lws_write(wsi, start, (size_t)(p - start), (enum lws_write_protocol)how) < 0 ? -1 : 0;
}

/* libwebsockets writes in front of what it is given. */
static int write_text(struct lws *wsi, const struct exchange *exchange, size_t length,
                      enum lws_write_protocol how)
{
    unsigned char frame[LWS_PRE + sizeof exchange->answer.text];

    memcpy(frame + LWS_PRE, exchange->answer.text + exchange->sent, length);
    return lws_write(wsi, frame + LWS_PRE, length, how) < 0 ? -1 : 0;
}

/* Over HTTP/2 in as many pieces as the client has room for. */
static int send_body(struct lws *wsi, struct exchange *exchange)
{
    size_t left = exchange->answer.length - exchange->sent;
    lws_fileofs_t allowed = lws_get_peer_write_allowance(wsi); /* below zero: any */
    size_t size = allowed >= 0 && (size_t)allowed < left ? (size_t)allowed : left;

    if (size > 0 &&
        write_text(wsi, exchange, size, size < left ? LWS_WRITE_HTTP : LWS_WRITE_HTTP_FINAL) != 0)
        return -1;
    exchange->sent += size;
    if (size < left) {
        lws_callback_on_writable(wsi);
        return 0;
    }
    return exchange->last || lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}

/* Answers at once and closes: what is left of the request is not read. */
static int refuse(struct lws *wsi, struct exchange *exchange, unsigned status, const char *why)
{
    struct answer *answer = &exchange->answer;

    answer->status = status;
    answer->length = (size_t)snprintf(answer->text, sizeof answer->text, "%s\n", why);
    exchange->last = true;
    if (send_head(wsi, exchange) == 0)
        (void)write_text(wsi, exchange, answer->length, LWS_WRITE_HTTP_FINAL);
    return -1;
}

/* ---- Requests ----------------------------------------------------------------------------- */

static const char *method_of(int index)
{
    /* In the order of LWSHUMETH_GET and so on; the one that is left is any other of HTTP/2. */
    static const char *const methods[] = {"GET",   "POST",   "OPTIONS", "PUT",
                                          "PATCH", "DELETE", "CONNECT", "HEAD"};

    return (size_t)index < sizeof methods / sizeof *methods ? methods[index] : "";
}

static int answer(struct lws *wsi, struct exchange *exchange)
{
    struct application *application = server_of(wsi)->application;
    char *path = NULL;
    int length = 0, method = lws_http_get_uri_and_method(wsi, &path, &length);
    wafer_verdict verdict = WAFER_NONE;

    if (method < 0)
        return -1;
    struct request request = {slice_of_text(method_of(method)),
                              {path, (size_t)length},
                              {exchange->body, exchange->received}};
    if (application_needs_session(&request)) {
        exchange->session = application_take(application);
        if (exchange->session == NULL)
            return -1;
        verdict = wafer_lws_open(exchange->session, wsi);
    }
    application_answer(application, exchange->session, verdict, &request, &exchange->answer);
    exchange->bodiless = method == LWSHUMETH_HEAD;
    if (send_head(wsi, exchange) != 0)
        return -1;
    if (exchange->bodiless)
        return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
    lws_callback_on_writable(wsi);
    return 0;
}

/* libwebsockets reads bodies of a given length only and takes others for ones of 100 MB. Over
 * HTTP/2 it does not tell whether there is one. */
static int begin_request(struct lws *wsi, struct exchange *exchange)
{
    char text[16] = "";
    bool given = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
    bool posted = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0 ||
                  lws_hdr_total_length(wsi, WSI_TOKEN_PUT_URI) > 0 ||
                  lws_hdr_total_length(wsi, WSI_TOKEN_PATCH_URI) > 0;

    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        return refuse(wsi, exchange, 501, "a body needs a Content-Length");
    if (given && (lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0 ||
                  text[strspn(text, "0123456789")] != '\0'))
        return refuse(wsi, exchange, 400, "what length is that?");
    if (!given && posted && is_http2(wsi))
        return refuse(wsi, exchange, 411, "a body needs a content-length");
    exchange->received = strtoul(text, NULL, 10);
    exchange->last = !given && posted;
    if (exchange->received == 0 || exchange->received > APPLICATION_BODY_MAX)
        return answer(wsi, exchange); /* libwebsockets skips the body */
    exchange->received = 0;
    return 0;
}

/* Where HTTP/2 is asked for in this way, libwebsockets 4.1 loses the request's body, and the end of
 * the answer. Over TLS it is agreed on before the first request. */
static int confirm_upgrade(struct lws *wsi, const char *protocol)
{
    struct exchange refused = {0}; /* there may be no user data yet */

    if (strcasecmp(protocol, "websocket") == 0)
        return 0;
    return refuse(wsi, &refused, 501, "HTTP/2 is spoken over TLS only");
}

/* ---- WebSockets --------------------------------------------------------------------------- */

/* CORS keeps no page from opening a WebSocket here, and SameSite keeps the cookies from pages of
 * other sites only, not from sister domains and other ports. But browsers send Origin too, which no
 * page can change. Other programs need not, and have no cookies to abuse. */
static bool is_our_own(struct lws *wsi)
{
    enum lws_token_indexes token = is_http2(wsi) ? WSI_TOKEN_HTTP_COLON_AUTHORITY : WSI_TOKEN_HOST;
    char host[256], origin[256], own[sizeof host + 8];

    if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) == 0)
        return true;
    if (lws_hdr_copy(wsi, host, sizeof host, token) <= 0 ||
        lws_hdr_copy(wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN) <= 0)
        return false;
    snprintf(own, sizeof own, "http%s://%s", lws_is_ssl(wsi) ? "s" : "", host);
    return strcmp(origin, own) == 0;
}

/* Over HTTP/2 libwebsockets 4.1 leaks memory when a socket is refused: there it is opened without
 * a session, and closed at once. */
static int refuse_socket(struct lws *wsi, struct exchange *exchange, unsigned status,
                         const char *why)
{
    give_back(wsi, exchange);
    return is_http2(wsi) ? 0 : refuse(wsi, exchange, status, why);
}

static int accept_socket(struct lws *wsi, struct exchange *exchange)
{
    wafer_verdict verdict;

    if (!is_our_own(wsi))
        return refuse_socket(wsi, exchange, 403, "not from pages of another origin");
    exchange->session = application_take(server_of(wsi)->application);
    if (exchange->session == NULL)
        return -1;
    verdict = wafer_lws_open(exchange->session, wsi);
    if (verdict == WAFER_FUTURE || verdict == WAFER_UNCHECKED)
        return refuse_socket(wsi, exchange, 503, wafer_verdict_text(verdict));
    if (wafer_subject(exchange->session, NULL) == NULL)
        return refuse_socket(wsi, exchange, 401, "nobody is signed in");
    return 0;
}

static int close_socket(struct lws *wsi, struct exchange *exchange, enum lws_close_status status,
                        const char *why)
{
    unsigned char reason[124] = ""; /* RFC 6455 5.5: a control frame has 125 bytes, 2 of status */
    size_t length = (size_t)snprintf((char *)reason, sizeof reason, "%s", why);

    lws_close_reason(wsi, status, reason, length);
    give_back(wsi, exchange);
    return -1;
}

static int recheck(struct lws *wsi, struct exchange *exchange)
{
    wafer_session *session = exchange->session;
    wafer_verdict verdict = session != NULL ? wafer_recheck(session) : WAFER_NONE;

    return verdict == WAFER_VALID ? 0
                                  : close_socket(wsi, exchange, LWS_CLOSE_STATUS_POLICY_VIOLATION,
                                                 wafer_verdict_text(verdict));
}

static int receive(struct lws *wsi, struct exchange *exchange, const void *bytes, size_t size)
{
    struct answer *answer = &exchange->answer;

    if (lws_is_first_fragment(wsi))
        exchange->received = 0;
    take_body(exchange, bytes, size);
    if (exchange->received > APPLICATION_BODY_MAX)
        return close_socket(wsi, exchange, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "too large");
    if (!lws_is_final_fragment(wsi))
        return 0;
    if (lws_frame_is_binary(wsi))
        return close_socket(wsi, exchange, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
    if (recheck(wsi, exchange) != 0)
        return -1;
    answer->length = (size_t)snprintf(answer->text, sizeof answer->text,
                                      "%s: ", wafer_subject(exchange->session, NULL));
    memcpy(answer->text + answer->length, exchange->body, exchange->received);
    answer->length += exchange->received;
    exchange->answered = true;
    /* One at a time: the next is read when this one has its answer. */
    lws_rx_flow_control(wsi, 0);
    lws_callback_on_writable(wsi);
    return 0;
}

static int send_message(struct lws *wsi, struct exchange *exchange)
{
    exchange->answered = false;
    if (write_text(wsi, exchange, exchange->answer.length, LWS_WRITE_TEXT) != 0)
        return -1;
    lws_rx_flow_control(wsi, 1);
    return 0;
}

/* ---- The server --------------------------------------------------------------------------- */

static int served(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t length)
{
    struct exchange *exchange = user;

    switch ((int)reason) {
    case LWS_CALLBACK_HTTP:
        return begin_request(wsi, exchange);
    case LWS_CALLBACK_HTTP_BODY:
        if (!exchange->answered && length > 0)
            take_body(exchange, in, length);
        return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return exchange->answered ? 0 : answer(wsi, exchange);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return exchange->answered ? send_body(wsi, exchange) : 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return confirm_upgrade(wsi, in);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return accept_socket(wsi, exchange);
    case LWS_CALLBACK_ESTABLISHED:
        lws_set_timer_usecs(wsi, exchange->session != NULL ? LWS_USEC_PER_SEC : 1);
        return 0;
    case LWS_CALLBACK_TIMER:
        lws_set_timer_usecs(wsi, LWS_USEC_PER_SEC);
        return recheck(wsi, exchange);
    case LWS_CALLBACK_RECEIVE:
        return receive(wsi, exchange, in, length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return exchange->answered ? send_message(wsi, exchange) : 0;
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED:
        give_back(wsi, exchange);
        return 0;
    case LWS_CALLBACK_RAW_RX_FILE: /* a signal came, so that this does not wait */
        application_wait(server_of(wsi)->application);
        server_of(wsi)->stops = true;
        return 0;
    default:
        return 0;
    }
}

/* A client may choose any protocol of this list for its WebSocket, or none, which means the first.
 * So it has this one only; the empty one ends it. */
static const struct lws_protocols protocols[] = {{"wafer-example", served, sizeof(struct exchange),
                                                  0, 0, NULL, 0},
                                                 {0}};

static struct lws_context *make_context(struct server *server)
{
    static const uint32_t http2[] = {1, 65536, 0, 100, 0, 16384, 4096};
    struct lws_context_creation_info info = {0};

    info.user = server;
    info.iface = application_address(server->application);
    info.port = application_port(server->application);
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
    info.max_http_header_data = WAFER_LWS_COOKIES_MAX;
    info.timeout_secs = SECONDS;
    info.keepalive_timeout = (int)SECONDS;
    if (application_tls(server->application) != NULL) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = application_tls(server->application);
        info.ssl_private_key_filepath = application_tls(server->application);
        /* The default but for 100 streams in place of 24: clients begin as many before they are
         * told, and libwebsockets then closes the connection. */
        memcpy(info.http2_settings, http2, sizeof http2);
    }
    return lws_create_context(&info);
}

/* libwebsockets closes the descriptor that it watches. */
static bool watch_signals(struct lws_vhost *vhost, const struct application *application)
{
    lws_sock_file_fd_type signals = {
        .filefd = fcntl(application_signals(application), F_DUPFD_CLOEXEC, 0)};

    return signals.filefd >= 0 &&
           lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, signals, protocols[0].name,
                                      NULL) != NULL;
}

int main(int count, char **arguments)
{
    static const struct application_traits traits = {.name = "libwebsockets", .tls = true};
    int status;
    struct server server = {application_start(count, arguments, &traits, &status), false};
    struct lws_context *context;
    struct lws_vhost *vhost;

    if (server.application == NULL)
        return status;
    status = 1;
    lws_set_log_level(LLL_ERR, NULL);
    context = make_context(&server);
    vhost = context != NULL ? lws_get_vhost_by_name(context, "default") : NULL;
    if (vhost != NULL && watch_signals(vhost, server.application) &&
        application_listens(server.application, (uint16_t)lws_get_vhost_listen_port(vhost))) {
        while (!server.stops && lws_service(context, 0) >= 0)
            continue;
        status = server.stops ? 0 : 1;
    } else {
        fprintf(stderr, "libwebsockets: cannot listen\n");
    }
    lws_context_destroy(context);
    application_end(server.application);
    return status;
}
