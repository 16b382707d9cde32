/* One thread that works off a queue: for what is too slow for the threads that serve. */
#ifndef WAFER_EXAMPLES_WORKER_H
#define WAFER_EXAMPLES_WORKER_H

#include <stdbool.h>

struct worker;

/* NULL without memory or thread. */
struct worker *worker_start(void);
/* Ends what worker_stop has stopped; NULL is nothing. */
void worker_free(struct worker *worker);

/* Has the worker's thread call function(argument); jobs are worked off in their order. False when
 * 256 wait already, or after worker_stop: then nothing is called. Any thread may ask. */
bool worker_add(struct worker *worker, void (*function)(void *argument), void *argument);
/* Returns when everything that was added is done and the thread has ended. */
void worker_stop(struct worker *worker);

#endif
