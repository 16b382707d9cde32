/* Where Redis is, and a socket to it that never waits longer than told. */
#ifndef WAFER_SRC_REDIS_ADDRESS_H
#define WAFER_SRC_REDIS_ADDRESS_H

#include <wafer.h>

struct wafer_address {
    bool local; /* host is the path of a unix socket */
    char host[256];
    char port[6];
};

/* Reads HOST:PORT, [IPV6]:PORT or a path that begins with a slash. */
bool wafer_address_read(const char *text, struct wafer_address *address);

/* Who is asked, at least every 200 ms, whether to wait on; with goes_on NULL nobody. */
struct wafer_watcher {
    bool (*goes_on)(void *context);
    void *context;
};

/* Connects until the deadline, a time of wafer_moment_steady; looking up a name may take longer.
 * The socket does not block. -1 with *why, a text that lives for ever or until the thread's next
 * call. */
int wafer_address_connect(const struct wafer_address *address, int64_t deadline_ms,
                          const struct wafer_watcher *watcher, const char **why);

/* Waits until the socket can be read (or written). False with ETIMEDOUT after the deadline, and
 * with ECANCELED when the watcher does not go on. */
bool wafer_address_wait(int socket, bool write, int64_t deadline_ms,
                        const struct wafer_watcher *watcher);

#endif
