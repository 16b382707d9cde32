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
    pthread_mutex_t mutex; /* of busy */
    pthread_cond_t idle;
    bool busy; /* a thread has what follows */
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

/* With a clock that nobody sets, so that no wait becomes longer. */
static bool make_lock(struct publishing *publishing)
{
    pthread_condattr_t steady;
    bool made;

    if (pthread_condattr_init(&steady) != 0)
        return false;
    made = pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) == 0 &&
           pthread_cond_init(&publishing->idle, &steady) == 0;
    (void)pthread_condattr_destroy(&steady);
    if (made && pthread_mutex_init(&publishing->mutex, NULL) != 0) {
        (void)pthread_cond_destroy(&publishing->idle);
        made = false;
    }
    return made;
}

static void destroy_lock(struct publishing *publishing)
{
    (void)pthread_mutex_destroy(&publishing->mutex);
    (void)pthread_cond_destroy(&publishing->idle);
}

void wafer_publisher_free(struct wafer_publisher *publisher)
{
    struct publishing *next = publisher != NULL ? atomic_load(&publisher->current) : NULL;

    while (next != NULL) {
        struct publishing *freed = next;
        next = freed->parent;
        if (freed->process == getpid()) {
            wafer_connection_close(&freed->connection);
            destroy_lock(freed);
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
    if (!make_lock(made)) {
        free(made);
        return NULL;
    }
    if (atomic_compare_exchange_strong(&publisher->current, &found, made))
        return made;
    destroy_lock(made);
    free(made);
    return found;
}

static bool enter(struct publishing *publishing, int64_t deadline_ms)
{
    const struct timespec until = {(time_t)(deadline_ms / 1000),
                                   (long)(deadline_ms % 1000) * 1000000};
    int waited = 0;
    bool entered;

    if (pthread_mutex_lock(&publishing->mutex) != 0)
        return false;
    while (publishing->busy && waited == 0)
        waited = pthread_cond_timedwait(&publishing->idle, &publishing->mutex, &until);
    entered = !publishing->busy;
    publishing->busy = true;
    (void)pthread_mutex_unlock(&publishing->mutex);
    return entered;
}

static void leave(struct publishing *publishing)
{
    (void)pthread_mutex_lock(&publishing->mutex);
    publishing->busy = false;
    (void)pthread_cond_signal(&publishing->idle);
    (void)pthread_mutex_unlock(&publishing->mutex);
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

    if (publishing == NULL || !enter(publishing, deadline_ms))
        return 0;
    int64_t steady_ms = wafer_moment_steady();
    /* Who waited for other threads all the time knows nothing of Redis. */
    if (steady_ms >= publishing->not_before_ms && steady_ms < deadline_ms)
        added = attempt(publishing, publisher->access, records, count, deadline_ms);
    leave(publishing);
    return added;
}
