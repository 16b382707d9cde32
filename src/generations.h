/* Generations of the key ring: one is current, older ones live for as long as a request holds them.
 * Takers wait for nobody; those who change something take turns. See generations.c for why this is
 * safe. */
#ifndef WAFER_SRC_GENERATIONS_H
#define WAFER_SRC_GENERATIONS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "spread.h"

/* What a generation holds: the user's to define, in sodium_malloc memory, and never changed once it
 * is published. */
struct wafer_content;

/* Holds are counted in several places, far enough apart that processors do not wait for each other;
 * which one is a holder's follows from its address. */
struct wafer_holds {
    atomic_size_t count;
    char apart[64 - sizeof(atomic_size_t)];
};

struct wafer_generation {
    struct wafer_holds holds[WAFER_SPREAD_PLACES];
    struct wafer_content *content; /* NULL while wiped */
    struct wafer_generation *next;
};

struct wafer_generations {
    /* NULL before the first. */
    _Atomic(struct wafer_generation *) current;
    atomic_uint untidy;     /* somebody gave back the last hold on an old one */
    pthread_mutex_t writer; /* for what `current` is set to, for content and list */
    struct wafer_generation *list;
};

/* False when the lock cannot be made. */
bool wafer_generations_init(struct wafer_generations *generations);
/* Wipes all and frees them. Nobody may hold any. */
void wafer_generations_free(struct wafer_generations *generations);

/* Around everything that changes something. */
void wafer_generations_lock(struct wafer_generations *generations);
void wafer_generations_unlock(struct wafer_generations *generations);

/* The content that is current. Under the lock. */
const struct wafer_content *wafer_generations_content(const struct wafer_generations *generations);
/* Makes content current, and its own; wipes the one before, unless it is held, and does so then.
 * False without memory; then nothing changed. Under the lock. */
bool wafer_generations_publish(struct wafer_generations *generations,
                               struct wafer_content *content);

/* As wafer_keyring_take and wafer_keyring_give. */
const struct wafer_generation *wafer_generations_take(struct wafer_generations *generations,
                                                      const void *holder);
void wafer_generations_give(struct wafer_generations *generations,
                            const struct wafer_generation *generation, const void *holder);

#endif
