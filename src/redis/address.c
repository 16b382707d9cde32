#include "address.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "moment.h"

#define SLICE_MS 200

static bool copy(char *to, size_t room, const char *from, size_t length)
{
    if (length == 0 || length >= room)
        return false;
    memcpy(to, from, length);
    to[length] = '\0';
    return true;
}

static bool is_port(const char *text)
{
    unsigned number = 0;

    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] < '0' || text[i] > '9' || i == 5)
            return false;
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    return number > 0 && number <= 65535;
}

bool wafer_address_read(const char *text, struct wafer_address *address)
{
    const char *colon;
    size_t length;

    *address = (struct wafer_address){.local = text != NULL && text[0] == '/'};
    if (text == NULL)
        return false;
    if (address->local)
        return strlen(text) < sizeof((struct sockaddr_un *)NULL)->sun_path &&
               copy(address->host, sizeof address->host, text, strlen(text));
    colon = strrchr(text, ':');
    if (colon == NULL || !is_port(colon + 1) ||
        !copy(address->port, sizeof address->port, colon + 1, strlen(colon + 1)))
        return false;
    length = (size_t)(colon - text);
    if (text[0] == '[')
        return length > 2 && text[length - 1] == ']' &&
               copy(address->host, sizeof address->host, text + 1, length - 2);
    return memchr(text, ':', length) == NULL &&
           copy(address->host, sizeof address->host, text, length);
}

/* Asks in front of each piece of waiting, so also when there is never more than a short one. */
bool wafer_address_wait(int socket, bool write, int64_t deadline_ms,
                        const struct wafer_watcher *watcher)
{
    struct pollfd watched = {.fd = socket, .events = write ? POLLOUT : POLLIN};

    while (watcher->goes_on == NULL || watcher->goes_on(watcher->context)) {
        int64_t left_ms = deadline_ms - wafer_moment_steady();
        int ready = poll(&watched, 1,
                         left_ms > SLICE_MS ? SLICE_MS
                         : left_ms > 0      ? (int)left_ms
                                            : 0);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return ready > 0;
        if (left_ms <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
    }
    errno = ECANCELED;
    return false;
}

static bool is_connected(int socket, const struct sockaddr *to, socklen_t size, int64_t deadline_ms,
                         const struct wafer_watcher *watcher)
{
    int code = 0;
    socklen_t length = sizeof code;

    if (connect(socket, to, size) == 0)
        return true;
    /* A unix socket whose queue is full says EAGAIN at once, and cannot be waited for. */
    if (errno != EINPROGRESS)
        return false;
    if (!wafer_address_wait(socket, true, deadline_ms, watcher))
        return false;
    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &length) != 0)
        return false;
    errno = code;
    return code == 0;
}

static int try(int family, const struct sockaddr *to, socklen_t size, int64_t deadline_ms,
               const struct wafer_watcher *watcher)
{
    int made = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;

    /* It must not be one of the standard streams, which may be closed. */
    if (made >= 0 && made <= STDERR_FILENO) {
        int beyond = fcntl(made, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        (void)close(made);
        made = beyond;
    }
    if (made < 0)
        return -1;
    if (family != AF_UNIX) {
        (void)setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(made, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    if (is_connected(made, to, size, deadline_ms, watcher))
        return made;
    int code = errno;
    (void)close(made);
    errno = code;
    return -1;
}

static int connect_local(const struct wafer_address *address, int64_t deadline_ms,
                         const struct wafer_watcher *watcher)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    memcpy(to.sun_path, address->host, strlen(address->host) + 1);
    return try(AF_UNIX, (const struct sockaddr *)&to, sizeof to, deadline_ms, watcher);
}

/* Until when the first of these addresses is tried: one that does not answer leaves time for the
 * others. */
static int64_t share(const struct addrinfo *addresses, int64_t deadline_ms)
{
    int64_t steady_ms = wafer_moment_steady();
    int64_t count = 0;

    for (; addresses != NULL; addresses = addresses->ai_next)
        count++;
    return steady_ms + (deadline_ms - steady_ms) / count;
}

int wafer_address_connect(const struct wafer_address *address, int64_t deadline_ms,
                          const struct wafer_watcher *watcher, const char **why)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int made = -1;

    if (address->local) {
        made = connect_local(address, deadline_ms, watcher);
        *why = made < 0 ? strerror(errno) : "";
        return made;
    }
    int code = getaddrinfo(address->host, address->port, &wanted, &found);
    if (code != 0) {
        *why = gai_strerror(code);
        return -1;
    }
    for (const struct addrinfo *next = found; next != NULL && made < 0; next = next->ai_next)
        made = try(next->ai_family, next->ai_addr, next->ai_addrlen, share(next, deadline_ms),
                   watcher);
    *why = made < 0 ? strerror(errno) : "";
    freeaddrinfo(found);
    return made;
}
