/* Stands in for the network between a host and Redis, for tests/check_hosts.sh:
 *
 *     relay SOCKET
 *
 * listens at a port of 127.0.0.1, prints it, and passes on what comes to a unix socket, and back.
 * While it is stopped (SIGSTOP) nothing passes, and connections stay: a cut link looks so. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PAIRS 64

/* At 2i a connection of a client, at 2i + 1 the one to Redis that belongs to it; the listening
 * socket is behind all of them. */
static struct pollfd ends[2 * PAIRS + 1];

static void require(bool truth, const char *what)
{
    if (truth)
        return;
    perror(what);
    exit(1);
}

static int listen_somewhere(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof at;
    int listening = socket(AF_INET, SOCK_STREAM, 0);

    require(listening >= 0 && bind(listening, (struct sockaddr *)&at, length) == 0 &&
                listen(listening, PAIRS) == 0 &&
                getsockname(listening, (struct sockaddr *)&at, &length) == 0,
            "relay: no port");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return listening;
}

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int made = socket(AF_UNIX, SOCK_STREAM, 0);

    require(made >= 0 && strlen(path) < sizeof to.sun_path, "relay: no socket");
    memcpy(to.sun_path, path, strlen(path));
    if (connect(made, (struct sockaddr *)&to, sizeof to) == 0)
        return made;
    close(made);
    return -1;
}

static void end_pair(size_t client)
{
    close(ends[client].fd);
    close(ends[client + 1].fd);
    ends[client].fd = ends[client + 1].fd = -1;
}

static void begin_pair(int listening, const char *path)
{
    int made = accept(listening, NULL, NULL);
    int redis = made >= 0 ? connect_to(path) : -1;

    for (size_t i = 0; redis >= 0 && i < 2 * PAIRS; i += 2)
        if (ends[i].fd < 0) {
            ends[i] = (struct pollfd){.fd = made, .events = POLLIN};
            ends[i + 1] = (struct pollfd){.fd = redis, .events = POLLIN};
            return;
        }
    if (redis >= 0)
        close(redis);
    if (made >= 0)
        close(made);
}

static void pass_on(size_t from)
{
    char bytes[65536];
    ssize_t length = read(ends[from].fd, bytes, sizeof bytes);
    size_t to = from ^ 1;

    for (ssize_t sent = 0; sent < length;) {
        ssize_t part = send(ends[to].fd, bytes + sent, (size_t)(length - sent), MSG_NOSIGNAL);
        if (part <= 0)
            length = 0;
        sent += part;
    }
    if (length <= 0)
        end_pair(from & ~(size_t)1);
}

int main(int count, char **words)
{
    int listening;

    if (count != 2)
        return 2;
    listening = listen_somewhere();
    for (size_t i = 0; i < 2 * PAIRS; i++)
        ends[i].fd = -1;
    ends[2 * PAIRS] = (struct pollfd){.fd = listening, .events = POLLIN};
    while (poll(ends, 2 * PAIRS + 1, -1) >= 0) {
        for (size_t i = 0; i < 2 * PAIRS; i++)
            if (ends[i].fd >= 0 && ends[i].revents != 0)
                pass_on(i);
        if (ends[2 * PAIRS].revents != 0)
            begin_pair(listening, words[1]);
    }
    return 1;
}
