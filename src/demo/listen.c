/* libmicrohttpd, with TLS or without. */
#include "demo.h"

#include <errno.h>
#include <string.h>

#define THREADS            2U
#define CONNECTIONS_MAX    128U
#define CONNECTION_SECONDS 10U
#define PEM_MAX            65536

/* The files of TLS; libmicrohttpd has read them when it has started. */
struct tls {
    char *certificate;
    char *key;
    size_t certificate_size;
    size_t key_size;
};

static void warn(const struct demo_options *options)
{
    fprintf(stderr,
            "wafer-demo: warning: %s can be reached from other machines, and plain http lets "
            "everybody on the way read and copy the cookies\n",
            options->address);
}

static bool load_tls(const struct demo_options *options, struct tls *tls)
{
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
        fputs("wafer-demo: libmicrohttpd was built without TLS here\n", stderr);
        return false;
    }
    return demo_load(options->tls_certificate, false, PEM_MAX, &tls->certificate,
                     &tls->certificate_size) &&
           demo_load(options->tls_key, true, PEM_MAX, &tls->key, &tls->key_size);
}

static struct MHD_Daemon *start(struct demo_server *server, struct tls *tls)
{
    const struct sockaddr *address = &server->options.socket_address.any;
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD;
    struct MHD_OptionItem secure[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, tls->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, tls->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };

    if (tls->certificate != NULL)
        flags |= MHD_USE_TLS;
    else
        secure[0].option = MHD_OPTION_END;
    if (address->sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    errno = 0;
    return MHD_start_daemon(flags, server->options.port, NULL, NULL, demo_handle, server,
                            MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_THREAD_POOL_SIZE, THREADS,
                            MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_SECONDS,
                            MHD_OPTION_NOTIFY_COMPLETED, demo_completed, NULL, MHD_OPTION_ARRAY,
                            secure, MHD_OPTION_END);
}

/* libmicrohttpd tells errno for sockets only, so without one it was the certificate or the key. */
static void explain(const struct demo_options *options)
{
    int reason = errno;

    fprintf(stderr, "wafer-demo: cannot listen on %s, port %u: %s\n", options->address,
            (unsigned)options->port,
            reason != 0                        ? strerror(reason)
            : options->tls_certificate != NULL ? "certificate and key are not two PEM files that "
                                                 "belong together"
                                               : "no reason given");
}

bool demo_listen(struct demo_server *server)
{
    const struct demo_options *options = &server->options;
    struct tls tls = {NULL, NULL, 0, 0};

    if (options->tls_certificate == NULL && !options->loopback)
        warn(options);
    if (options->tls_certificate == NULL || load_tls(options, &tls)) {
        server->daemon = start(server, &tls);
        if (server->daemon == NULL)
            explain(options);
    }
    demo_unload(&tls.certificate, tls.certificate_size);
    demo_unload(&tls.key, tls.key_size);
    return server->daemon != NULL;
}
