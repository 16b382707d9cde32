/* How a generation is taken without a lock.
 *
 * A taker reads `current`, adds its hold to one of the counts, and reads `current` again: only if
 * that is still the same may it look inside, else it takes the hold back and starts over. A writer
 * changes `current` first and looks at all counts afterwards, and touches the content only of a
 * generation that it sees without holds and that is not current. For each count, either writes,
 * then reads what the other writes, and these four accesses are sequentially consistent, so at
 * least one sees the other: the writer sees the hold and leaves the content alone, or the taker
 * sees the new `current` and goes away.
 *
 * The hold of such a late taker may be on a generation that is being wiped or filled again. It
 * looks at nothing there but the count, which is why generations are never freed while the ring
 * lives. If that generation has become current once more by the time the taker looks again, then it
 * was filled before, the taker sees it whole, and its hold is as good as any.
 *
 * Giving back is a sequentially consistent decrement, so whatever was read under a hold was read
 * before a writer finds the count zero. */
#include "generations.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>

bool wafer_generations_init(struct wafer_generations *generations)
{
    atomic_init(&generations->current, NULL);
    atomic_init(&generations->untidy, 0U);
    generations->list = NULL;
    return pthread_mutex_init(&generations->writer, NULL) == 0;
}

void wafer_generations_free(struct wafer_generations *generations)
{
    while (generations->list != NULL) {
        struct wafer_generation *generation = generations->list;

        generations->list = generation->next;
        sodium_free(generation->content);
        free(generation);
    }
    (void)pthread_mutex_destroy(&generations->writer);
}

static bool is_held(const struct wafer_generation *generation)
{
    for (size_t i = 0; i < WAFER_SPREAD_PLACES; i++)
        if (atomic_load(&generation->holds[i].count) != 0)
            return true;
    return false;
}

/* Wipes what nobody holds any more. Under the lock. */
static void sweep(struct wafer_generations *generations)
{
    const struct wafer_generation *current = atomic_load(&generations->current);
    struct wafer_generation *generation;

    for (generation = generations->list; generation != NULL; generation = generation->next) {
        if (generation != current && generation->content != NULL && !is_held(generation)) {
            sodium_free(generation->content);
            generation->content = NULL;
        }
    }
}

/* Sweeps, unless somebody else has the lock: then that one will. A request in `untidy` is never
 * lost: it is cleared under the lock only, and whoever unlocks looks at it afterwards. Both that
 * look and the request are read-modify-writes, so one comes first: if it is the request, the
 * unlocker sees it; if it is the look, the requester sees the lock free. */
static void tidy(struct wafer_generations *generations)
{
    do {
        if (pthread_mutex_trylock(&generations->writer) != 0)
            return;
        (void)atomic_exchange(&generations->untidy, 0U);
        sweep(generations);
        (void)pthread_mutex_unlock(&generations->writer);
    } while (atomic_fetch_or(&generations->untidy, 0U) != 0);
}

void wafer_generations_lock(struct wafer_generations *generations)
{
    (void)pthread_mutex_lock(&generations->writer);
}

void wafer_generations_unlock(struct wafer_generations *generations)
{
    (void)pthread_mutex_unlock(&generations->writer);
    if (atomic_fetch_or(&generations->untidy, 0U) != 0)
        tidy(generations);
}

const struct wafer_content *wafer_generations_content(const struct wafer_generations *generations)
{
    return atomic_load(&generations->current)->content;
}

/* A generation that may be filled: a wiped one, or a new one. A wiped one is not current, and the
 * only holds it can have are those of late takers, who do not look at it. */
static struct wafer_generation *vacant(struct wafer_generations *generations)
{
    struct wafer_generation *generation = generations->list;

    while (generation != NULL && generation->content != NULL)
        generation = generation->next;
    if (generation == NULL) {
        generation = malloc(sizeof *generation);
        if (generation == NULL)
            return NULL;
        for (size_t i = 0; i < WAFER_SPREAD_PLACES; i++)
            atomic_init(&generation->holds[i].count, 0);
        generation->content = NULL;
        generation->next = generations->list;
        generations->list = generation;
    }
    return generation;
}

bool wafer_generations_publish(struct wafer_generations *generations, struct wafer_content *content)
{
    struct wafer_generation *generation = vacant(generations);

    if (generation == NULL)
        return false;
    generation->content = content;
    atomic_store(&generations->current, generation);
    sweep(generations);
    return true;
}

static void let_go(struct wafer_generations *generations, struct wafer_generation *generation,
                   size_t count)
{
    if (atomic_fetch_sub(&generation->holds[count].count, 1) == 1 &&
        atomic_load(&generations->current) != generation) {
        (void)atomic_exchange(&generations->untidy, 1U);
        tidy(generations);
    }
}

const struct wafer_generation *wafer_generations_take(struct wafer_generations *generations,
                                                      const void *holder)
{
    size_t count = wafer_spread((uintptr_t)holder);

    for (;;) {
        struct wafer_generation *generation = atomic_load(&generations->current);

        (void)atomic_fetch_add(&generation->holds[count].count, 1);
        if (atomic_load(&generations->current) == generation)
            return generation;
        let_go(generations, generation, count);
    }
}

void wafer_generations_give(struct wafer_generations *generations,
                            const struct wafer_generation *generation, const void *holder)
{
    /* It was handed out as const, because only this file may change it. */
    let_go(generations, (struct wafer_generation *)generation, wafer_spread((uintptr_t)holder));
}
