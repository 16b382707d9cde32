#include "worker.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

/* Bounded, as clients could otherwise queue up work for hours. */
#define JOBS_MAX 256

struct job {
    void (*function)(void *argument);
    void *argument;
};

struct worker {
    pthread_t thread;
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t changed;
    bool stopping;
    size_t first; /* the place of the job that is next */
    size_t waiting;
    struct job jobs[JOBS_MAX];
};

/* Takes the next job, waiting for one. False when there is none and will be none. */
static bool take(struct worker *worker, struct job *job)
{
    bool taken;

    pthread_mutex_lock(&worker->lock);
    while (worker->waiting == 0 && !worker->stopping)
        pthread_cond_wait(&worker->changed, &worker->lock);
    taken = worker->waiting > 0;
    if (taken) {
        *job = worker->jobs[worker->first];
        worker->first = (worker->first + 1) % JOBS_MAX;
        worker->waiting--;
    }
    pthread_mutex_unlock(&worker->lock);
    return taken;
}

static void *run(void *context)
{
    struct job job;

    while (take(context, &job))
        job.function(job.argument);
    return NULL;
}

struct worker *worker_start(void)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (worker == NULL)
        return NULL;
    if (pthread_mutex_init(&worker->lock, NULL) == 0) {
        if (pthread_cond_init(&worker->changed, NULL) == 0) {
            if (pthread_create(&worker->thread, NULL, run, worker) == 0)
                return worker;
            pthread_cond_destroy(&worker->changed);
        }
        pthread_mutex_destroy(&worker->lock);
    }
    free(worker);
    return NULL;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

bool worker_add(struct worker *worker, void (*function)(void *argument), void *argument)
{
    bool added;

    pthread_mutex_lock(&worker->lock);
    added = worker->waiting < JOBS_MAX && !worker->stopping;
    if (added) {
        worker->jobs[(worker->first + worker->waiting) % JOBS_MAX] = (struct job){function,
                                                                                  argument};
        worker->waiting++;
        pthread_cond_signal(&worker->changed);
    }
    pthread_mutex_unlock(&worker->lock);
    return added;
}

void worker_stop(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
}
