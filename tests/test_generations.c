#include "support.h"

#include "generations.h"

#include <sched.h>
#include <sodium.h>
#include <string.h>

#define NUMBERS 32

struct wafer_content {
    size_t count;
    int64_t number[NUMBERS];
};

/* ---- No memory, and what is given back, counted ---- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
void __real_sodium_free(void *memory);
void __wrap_sodium_free(void *memory);
int __real_pthread_mutex_destroy(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex);

static atomic_bool no_memory;
static atomic_size_t frees;
static atomic_size_t sodium_frees;
static atomic_size_t mutexes_destroyed;

void *__wrap_malloc(size_t size)
{
    return atomic_load(&no_memory) ? NULL : __real_malloc(size);
}

void __wrap_free(void *memory)
{
    (void)atomic_fetch_add(&frees, memory != NULL ? 1 : 0);
    __real_free(memory);
}

void __wrap_sodium_free(void *memory)
{
    (void)atomic_fetch_add(&sodium_frees, memory != NULL ? 1 : 0);
    __real_sodium_free(memory);
}

int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    (void)atomic_fetch_add(&mutexes_destroyed, 1);
    return __real_pthread_mutex_destroy(mutex);
}

/* Content that can be told from other content, and from a mixture. */
static struct wafer_content *content_of(int64_t mark)
{
    struct wafer_content *content = sodium_malloc(sizeof *content);

    assert_non_null(content);
    content->count = NUMBERS;
    for (size_t i = 0; i < NUMBERS; i++)
        content->number[i] = mark;
    return content;
}

static bool is_whole(const struct wafer_generation *generation)
{
    const struct wafer_content *content = generation->content;

    for (size_t i = 0; i < content->count; i++)
        if (content->number[i] != content->number[0])
            return false;
    return content->count == NUMBERS;
}

static int64_t mark_of(const struct wafer_generation *generation)
{
    assert_true(is_whole(generation));
    return generation->content->number[0];
}

static void publish(struct wafer_generations *generations, int64_t mark)
{
    struct wafer_content *content = content_of(mark);

    wafer_generations_lock(generations);
    assert_true(wafer_generations_publish(generations, content));
    assert_ptr_equal(wafer_generations_content(generations), content);
    wafer_generations_unlock(generations);
}

static size_t length_of_list(const struct wafer_generations *generations)
{
    const struct wafer_generation *generation = generations->list;
    size_t length = 0;

    while (generation != NULL) {
        length++;
        generation = generation->next;
    }
    return length;
}

static size_t count_unwiped(const struct wafer_generations *generations)
{
    const struct wafer_generation *generation;
    size_t count = 0;

    for (generation = generations->list; generation != NULL; generation = generation->next)
        count += generation->content != NULL ? 1 : 0;
    return count;
}

static void a_new_one_has_nothing_whatever_its_memory_held(void **state)
{
    struct wafer_generations generations;

    (void)state;
    memset(&generations, 0xA5, sizeof generations);
    assert_true(wafer_generations_init(&generations));
    assert_null(atomic_load(&generations.current));
    assert_null(generations.list);
    assert_int_equal(atomic_load(&generations.untidy), 0);
    wafer_generations_free(&generations);
}

static void every_content_every_generation_and_the_lock_are_given_back(void **state)
{
    struct wafer_generations generations;

    (void)state;
    assert_true(wafer_generations_init(&generations));
    atomic_store(&frees, 0);
    atomic_store(&sodium_frees, 0);
    atomic_store(&mutexes_destroyed, 0);
    for (int64_t mark = 1; mark <= 5; mark++)
        publish(&generations, mark);
    assert_int_equal(atomic_load(&sodium_frees), 4);
    wafer_generations_free(&generations);
    assert_int_equal(atomic_load(&sodium_frees), 5);
    assert_int_equal(atomic_load(&frees), 2);
    assert_int_equal(atomic_load(&mutexes_destroyed), 1);
}

static void without_memory_nothing_is_published_and_the_latest_stays(void **state)
{
    struct wafer_generations generations;
    const struct wafer_generation *taken;
    struct wafer_content *content = content_of(2);

    (void)state;
    assert_true(wafer_generations_init(&generations));
    publish(&generations, 1);
    wafer_generations_lock(&generations);
    atomic_store(&no_memory, true);
    bool published = wafer_generations_publish(&generations, content);
    atomic_store(&no_memory, false);
    wafer_generations_unlock(&generations);
    assert_false(published);
    taken = wafer_generations_take(&generations, NULL);
    assert_int_equal(mark_of(taken), 1);
    wafer_generations_give(&generations, taken, NULL);
    sodium_free(content); /* still the caller's */
    wafer_generations_free(&generations);
}

/* Or else they would wait for each other's cache line. */
static void holders_that_lie_side_by_side_are_spread_over_all_counts(void **state)
{
    struct wafer_generations generations;
    static const char holders[4096];
    const struct wafer_generation *taken = NULL;

    (void)state;
    assert_true(wafer_generations_init(&generations));
    publish(&generations, 1);
    for (size_t i = 0; i < sizeof holders; i += 16)
        taken = wafer_generations_take(&generations, &holders[i]);
    for (size_t i = 0; i < WAFER_SPREAD_PLACES; i++)
        assert_in_range(atomic_load(&taken->holds[i].count), 8, 32);
    wafer_generations_free(&generations);
}

static void the_latest_is_taken(void **state)
{
    struct wafer_generations generations;
    const struct wafer_generation *taken;

    (void)state;
    assert_true(wafer_generations_init(&generations));
    for (int64_t mark = 1; mark <= 3; mark++) {
        publish(&generations, mark);
        taken = wafer_generations_take(&generations, NULL);
        assert_int_equal(mark_of(taken), mark);
        wafer_generations_give(&generations, taken, NULL);
        assert_int_equal(count_unwiped(&generations), 1);
    }
    wafer_generations_free(&generations);
}

static void the_hold_of_every_holder_keeps_it(void **state)
{
    struct wafer_generations generations;
    static const char holders[4096];

    (void)state;
    assert_true(wafer_generations_init(&generations));
    for (size_t i = 0; i < sizeof holders; i += 64) {
        const struct wafer_generation *taken;

        publish(&generations, 1);
        taken = wafer_generations_take(&generations, &holders[i]);
        publish(&generations, 2);
        assert_int_equal(mark_of(taken), 1);
        wafer_generations_give(&generations, taken, &holders[i]);
        assert_null(taken->content);
    }
    wafer_generations_free(&generations);
}

static void one_that_nobody_holds_is_wiped_at_once_and_used_again(void **state)
{
    struct wafer_generations generations;

    (void)state;
    assert_true(wafer_generations_init(&generations));
    for (int64_t mark = 1; mark <= 10; mark++) {
        publish(&generations, mark);
        assert_int_equal(count_unwiped(&generations), 1);
    }
    assert_int_equal(length_of_list(&generations), 2);
    wafer_generations_free(&generations);
}

static void a_held_one_stays_until_the_last_hold_is_given_back(void **state)
{
    struct wafer_generations generations;
    const struct wafer_generation *first;
    const struct wafer_generation *second;

    (void)state;
    assert_true(wafer_generations_init(&generations));
    publish(&generations, 1);
    first = wafer_generations_take(&generations, NULL);
    assert_ptr_equal(wafer_generations_take(&generations, NULL), first);
    publish(&generations, 2);
    second = wafer_generations_take(&generations, NULL);
    publish(&generations, 3);
    publish(&generations, 4);
    assert_int_equal(mark_of(first), 1);
    assert_int_equal(mark_of(second), 2);
    assert_int_equal(count_unwiped(&generations), 3);
    wafer_generations_give(&generations, first, NULL);
    assert_int_equal(mark_of(first), 1);
    wafer_generations_give(&generations, first, NULL);
    assert_null(first->content);
    assert_int_equal(mark_of(second), 2);
    wafer_generations_give(&generations, second, NULL);
    assert_null(second->content);
    assert_int_equal(count_unwiped(&generations), 1);
    wafer_generations_free(&generations);
}

static void what_is_given_back_while_another_writes_is_wiped_by_that_one(void **state)
{
    struct wafer_generations generations;
    const struct wafer_generation *first;

    (void)state;
    assert_true(wafer_generations_init(&generations));
    publish(&generations, 1);
    first = wafer_generations_take(&generations, NULL);
    publish(&generations, 2);
    wafer_generations_lock(&generations);
    /* Must not wait for the lock, which this thread has. */
    wafer_generations_give(&generations, first, NULL);
    assert_non_null(first->content);
    wafer_generations_unlock(&generations);
    assert_null(first->content);
    wafer_generations_free(&generations);
}

static void a_late_hold_on_a_wiped_one_does_no_harm(void **state)
{
    struct wafer_generations generations;
    struct wafer_generation *first;
    const struct wafer_generation *taken;

    (void)state;
    assert_true(wafer_generations_init(&generations));
    publish(&generations, 1);
    first = atomic_load(&generations.current);
    publish(&generations, 2);
    assert_null(first->content);
    /* As wafer_generations_take does after a long pause; then it is filled under that hold, and
     * becomes current once more. */
    (void)atomic_fetch_add(&first->holds[0].count, 1);
    publish(&generations, 3);
    assert_ptr_equal(atomic_load(&generations.current), first);
    taken = wafer_generations_take(&generations, NULL);
    publish(&generations, 4);
    wafer_generations_give(&generations, taken, NULL);
    assert_int_equal(mark_of(first), 3);
    wafer_generations_give(&generations, first, NULL);
    assert_null(first->content);
    assert_int_equal(length_of_list(&generations), 2);
    wafer_generations_free(&generations);
}

struct shared {
    struct wafer_generations generations;
    atomic_bool done;
    atomic_bool broken;
    atomic_size_t rounds;
};

static void *take_and_give(void *context)
{
    struct shared *shared = context;

    while (!atomic_load(&shared->done)) {
        const struct wafer_generation *outer = wafer_generations_take(&shared->generations, &outer);
        const struct wafer_generation *inner = wafer_generations_take(&shared->generations, NULL);

        if (!is_whole(outer) || !is_whole(inner) ||
            inner->content->number[0] < outer->content->number[0])
            atomic_store(&shared->broken, true);
        wafer_generations_give(&shared->generations, outer, &outer);
        if (!is_whole(inner))
            atomic_store(&shared->broken, true);
        wafer_generations_give(&shared->generations, inner, NULL);
        (void)atomic_fetch_add(&shared->rounds, 1);
    }
    return NULL;
}

static void threads_take_only_whole_ones_and_leave_nothing_unwiped(void **state)
{
    struct shared shared = {.done = false};
    pthread_t reader[2];

    (void)state;
    assert_true(wafer_generations_init(&shared.generations));
    publish(&shared.generations, 1);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, take_and_give, &shared), 0);
    for (int64_t mark = 2; mark <= 4000; mark++)
        publish(&shared.generations, mark);
    while (atomic_load(&shared.rounds) < 100)
        (void)sched_yield();
    atomic_store(&shared.done, true);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(reader[i], NULL), 0);
    assert_false(atomic_load(&shared.broken));
    assert_int_equal(count_unwiped(&shared.generations), 1);
    assert_in_range(length_of_list(&shared.generations), 2, 6);
    wafer_generations_free(&shared.generations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_has_nothing_whatever_its_memory_held),
        cmocka_unit_test(every_content_every_generation_and_the_lock_are_given_back),
        cmocka_unit_test(without_memory_nothing_is_published_and_the_latest_stays),
        cmocka_unit_test(holders_that_lie_side_by_side_are_spread_over_all_counts),
        cmocka_unit_test(the_latest_is_taken),
        cmocka_unit_test(the_hold_of_every_holder_keeps_it),
        cmocka_unit_test(one_that_nobody_holds_is_wiped_at_once_and_used_again),
        cmocka_unit_test(a_held_one_stays_until_the_last_hold_is_given_back),
        cmocka_unit_test(what_is_given_back_while_another_writes_is_wiped_by_that_one),
        cmocka_unit_test(a_late_hold_on_a_wiped_one_does_no_harm),
        cmocka_unit_test(threads_take_only_whole_ones_and_leave_nothing_unwiped),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("generations", tests, NULL, NULL);
}
