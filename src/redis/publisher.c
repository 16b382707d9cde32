#include "publisher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "moment.h"
#include "stream.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000

/* What belongs to one process. A child of fork leaves its parent's alone: a thread that does not
 * exist any more may have held the lock, and the socket is not the child's to use. */
struct publishing {
    pid_t process;
    pthread_mutex_t mutex;
    struct wafer_connection connection;
    int64_t pause_ms; /* the next one; 0: the last attempt went well */
    int64_t not_before_ms;
    struct publishing *parent;
};

struct wafer_publisher {
    const struct wafer_access_data *access;
    int64_t timeout_ms;
    _Atomic(struct publishing *) current;
};

struct wafer_publisher *wafer_publisher_new(const struct wafer_access_data *access,
                                            int64_t timeout_ms)
{
    struct wafer_publisher *publisher = malloc(sizeof *publisher);

    if (publisher == NULL)
        return NULL;
    publisher->access = access;
    publisher->timeout_ms = timeout_ms;
    atomic_init(&publisher->current, NULL);
    return publisher;
}

void wafer_publisher_free(struct wafer_publisher *publisher)
{
    struct publishing *next = publisher != NULL ? atomic_load(&publisher->current) : NULL;

    while (next != NULL) {
        struct publishing *freed = next;
        next = freed->parent;
        if (freed->process == getpid()) {
            wafer_connection_close(&freed->connection);
            (void)pthread_mutex_destroy(&freed->mutex);
        }
        free(freed);
    }
    free(publisher);
}

/* This process's own, made by the first thread that asks. */
static struct publishing *ours(struct wafer_publisher *publisher)
{
    struct publishing *found = atomic_load(&publisher->current);
    struct publishing *made;

    if (found != NULL && found->process == getpid())
        return found;
    made = malloc(sizeof *made);
    if (made == NULL)
        return NULL;
    *made = (struct publishing){.process = getpid(), .parent = found};
    made->connection.socket = -1;
    if (pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return NULL;
    }
    if (atomic_compare_exchange_strong(&publisher->current, &found, made))
        return made;
    (void)pthread_mutex_destroy(&made->mutex);
    free(made);
    return found;
}

static bool enter(struct publishing *publishing, int64_t timeout_ms)
{
    struct timespec until;

    if (clock_gettime(CLOCK_REALTIME, &until) != 0)
        return false;
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return pthread_mutex_timedlock(&publishing->mutex, &until) == 0;
}

static void pause_after_failure(struct publishing *publishing)
{
    int64_t pause_ms = publishing->pause_ms > 0 ? publishing->pause_ms : PAUSE_MIN_MS;

    publishing->not_before_ms = wafer_moment_steady() + pause_ms;
    publishing->pause_ms = 2 * pause_ms < PAUSE_MAX_MS ? 2 * pause_ms : PAUSE_MAX_MS;
}

/* A connection that was idle may be broken though Redis is well: then once more with a new one.
 * What was sent twice does no harm. */
static size_t attempt(struct publishing *publishing, const struct wafer_access_data *access,
                      const uint8_t (*records)[WAFER_WIRE_SIZE], size_t count, int64_t deadline_ms)
{
    struct wafer_trouble trouble = {.lost = false};
    bool was_open = publishing->connection.socket >= 0;
    size_t added = 0;

    if (!was_open &&
        !wafer_connection_open(&publishing->connection, access, deadline_ms, &trouble)) {
        pause_after_failure(publishing);
        return 0;
    }
    if (wafer_stream_publish(&publishing->connection, records, count, deadline_ms, &added,
                             &trouble)) {
        publishing->pause_ms = 0;
        return added;
    }
    if (trouble.lost)
        wafer_connection_close(&publishing->connection);
    if (was_open && trouble.lost && wafer_moment_steady() < deadline_ms)
        return added + attempt(publishing, access, records + added, count - added, deadline_ms);
    pause_after_failure(publishing);
    return added;
}

size_t wafer_publisher_send(struct wafer_publisher *publisher,
                            const uint8_t (*records)[WAFER_WIRE_SIZE], size_t count)
{
    int64_t deadline_ms = wafer_moment_steady() + publisher->timeout_ms;
    struct publishing *publishing = ours(publisher);
    size_t added = 0;

    if (publishing == NULL || !enter(publishing, publisher->timeout_ms))
        return 0;
    int64_t steady_ms = wafer_moment_steady();
    /* Who waited for other threads all the time knows nothing of Redis. */
    if (steady_ms >= publishing->not_before_ms && steady_ms < deadline_ms)
        added = attempt(publishing, publisher->access, records, count, deadline_ms);
    (void)pthread_mutex_unlock(&publishing->mutex);
    return added;
}
