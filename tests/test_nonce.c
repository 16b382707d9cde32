/* The generator is compiled into this file, so that its batch can be looked into, and copied as a
 * clone of a machine copies it. The clock that goes into nonces stands still where a test says so:
 * what then differs is the batch's doing. */
#include "support.h"

#include "faults.h"

#include <pthread.h>

/* The linker cannot wrap this one, as thread sanitizers call it before they are ready. */
static int atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return fails("pthread_atfork") ? ENOMEM : pthread_atfork(prepare, parent, child);
}

#define pthread_atfork atfork
#include "nonce.c"
#undef pthread_atfork

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wafer.h>

#define THREADS   8
#define MANY      100000 /* nonces */
#define own_batch batches[first_place()]
#define SOME      100 /* more than a batch has */

typedef uint8_t nonce_bytes[WAFER_NONCE_SIZE];

/* ---- The shim */

static atomic_ulong batch_calls; /* of getrandom: for the 32 bytes of a batch */
static atomic_ulong epoch_calls; /* for the 8 of an epoch */
static atomic_ulong nonce_calls; /* for the 24 of one nonce */
static atomic_ulong other_calls;
static size_t most_at_once = SIZE_MAX; /* bytes that getrandom gives */
static bool constant;                  /* it gives the same bytes always */
static uint8_t constant_byte = 0x5A;   /* namely this one */
static bool clock_stands;
static bool advice_is_ignored;

/* Called once, in the middle of what the generator does. */
static void (*before_wiping)(void);
static void (*after_random)(void); /* for a batch */
static void (*while_mapping)(void);

static void call_once(void (**hook)(void))
{
    void (*call)(void) = *hook;

    if (call == NULL)
        return;
    *hook = NULL;
    call();
}

static unsigned unmapped;

void *__real_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
    call_once(&while_mapping);
    return fails("mmap") ? MAP_FAILED : __real_mmap(at, size, protection, flags, file, offset);
}

int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size)
{
    unmapped++;
    return __real_munmap(at, size);
}

int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice)
{
    if (advice_is_ignored)
        return 0;
    return advice == MADV_WIPEONFORK && fails("madvise") ? -1 : __real_madvise(at, size, advice);
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (fails("clock_gettime"))
        return -1;
    if (!clock_stands)
        return __real_clock_gettime(clock, now);
    *now = (struct timespec){.tv_sec = 1800000000, .tv_nsec = 123456789};
    return 0;
}

ssize_t __real_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
    atomic_fetch_add(length == 32   ? &batch_calls
                     : length == 24 ? &nonce_calls
                     : length == 8  ? &epoch_calls
                                    : &other_calls,
                     1);
    if (fails("getrandom"))
        return -1;
    if (length > most_at_once)
        length = most_at_once;
    if (constant)
        memset(bytes, constant_byte, length);
    else if (__real_getrandom(bytes, length, flags) != (ssize_t)length)
        return -1;
    if (length == 32)
        call_once(&after_random);
    return (ssize_t)length;
}

void __real_sodium_memzero(void *bytes, size_t length);
void __wrap_sodium_memzero(void *bytes, size_t length);
void __wrap_sodium_memzero(void *bytes, size_t length)
{
    call_once(&before_wiping);
    __real_sodium_memzero(bytes, length);
}

/* ---- Helpers */

static void draw(uint8_t (*nonces)[WAFER_NONCE_SIZE], size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(wafer_nonce(nonces[i]));
}

static int compare_nonces(const void *left, const void *right)
{
    return memcmp(left, right, WAFER_NONCE_SIZE);
}

/* Sorts them. */
static void assert_all_differ(uint8_t (*nonces)[WAFER_NONCE_SIZE], size_t count)
{
    qsort(nonces, count, WAFER_NONCE_SIZE, compare_nonces);
    for (size_t i = 1; i < count; i++)
        assert_memory_not_equal(nonces[i - 1], nonces[i], WAFER_NONCE_SIZE);
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    return length == 0 || sodium_is_zero(bytes, length) == 1;
}

static void count_from_here(void)
{
    atomic_store(&batch_calls, 0);
    atomic_store(&epoch_calls, 0);
    atomic_store(&nonce_calls, 0);
    atomic_store(&other_calls, 0);
}

static void assert_calls(unsigned long refills, unsigned long epochs, unsigned long nonces)
{
    assert_int_equal(atomic_load(&batch_calls), refills);
    assert_int_equal(atomic_load(&epoch_calls), epochs);
    assert_int_equal(atomic_load(&nonce_calls), nonces);
    assert_int_equal(atomic_load(&other_calls), 0);
}

/* As at the start of a process: what is known of forks is forgotten, and the page stays behind. */
static void forget_place(void)
{
    shared_epoch *place = atomic_exchange(&epoch_place, NULL);

    if (place != NULL && place != &unwiped_epoch)
        assert_int_equal(munmap((void *)place, sizeof *place), 0);
    atomic_store(&unwiped_epoch, 0);
    memset(batches, 0, sizeof batches);
}

static int back_to_normal(void **state)
{
    (void)state;
    (void)disarm();
    most_at_once = SIZE_MAX;
    constant = clock_stands = advice_is_ignored = false;
    before_wiping = after_random = while_mapping = NULL;
    forget_place();
    count_from_here();
    return 0;
}

/* ---- What the system is asked for (wafer_random) */

static void every_length_is_filled_to_its_last_byte_and_not_beyond(void **state)
{
    static const uint8_t untouched[16] = {0};

    (void)state;
    for (size_t length = 1; length <= 256; length++) {
        uint8_t bytes[256 + sizeof untouched] = {0};
        uint8_t last_seen = 0;

        for (unsigned round = 0; round < 16; round++) {
            bytes[length - 1] = 0;
            assert_true(wafer_random(bytes, length));
            last_seen |= bytes[length - 1];
            assert_memory_equal(bytes + length, untouched, sizeof untouched);
        }
        assert_int_not_equal(last_seen, 0);
    }
}

static void nothing_random_is_written_for_length_zero(void **state)
{
    uint8_t byte = 0xA5;

    (void)state;
    assert_true(wafer_random(&byte, 0));
    assert_int_equal(byte, 0xA5);
    assert_true(wafer_mask(&byte, 0));
    assert_int_equal(byte, 0xA5);
}

/* ---- Nonces */

static void no_nonce_comes_twice(void **state)
{
    static uint8_t nonces[MANY][WAFER_NONCE_SIZE];

    (void)state;
    clock_stands = true;
    draw(nonces, MANY);
    assert_all_differ(nonces, MANY);
}

static uint8_t of_threads[MANY][WAFER_NONCE_SIZE];
static pthread_barrier_t barrier;

static void *draw_share(void *share)
{
    uint8_t(*nonces)[WAFER_NONCE_SIZE] = share;

    (void)pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < MANY / THREADS; i++)
        if (!wafer_nonce(nonces[i]))
            return share;
    return NULL;
}

static void start_threads(pthread_t *threads, void *(*work)(void *), size_t stride)
{
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, of_threads + i * stride), 0);
}

static void join_threads(const pthread_t *threads)
{
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

/* None knows the page yet, so they find it together. */
static void no_nonce_comes_twice_in_eight_threads_that_start_together(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    clock_stands = true;
    start_threads(threads, draw_share, MANY / THREADS);
    join_threads(threads);
    assert_all_differ(of_threads, MANY);
}

/* Of so many draws a fair bit is one 7 standard deviations (158) off its half in one of 4e11 runs;
 * and two nonces in a row differ in 96 bits of 192 (6.9 by chance, 0.022 in the mean of all). */
static void the_bits_of_nonces_are_fair(void **state)
{
    static unsigned ones[8 * WAFER_NONCE_SIZE];
    nonce_bytes nonce, last = {0};
    unsigned long changed = 0;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        assert_true(wafer_nonce(nonce));
        for (size_t bit = 0; bit < 8 * sizeof nonce; bit++) {
            ones[bit] += nonce[bit / 8] >> bit % 8 & 1U;
            changed += (unsigned)(nonce[bit / 8] ^ last[bit / 8]) >> bit % 8 & 1U;
        }
        memcpy(last, nonce, sizeof nonce);
    }
    for (size_t bit = 0; bit < 8 * sizeof nonce; bit++)
        assert_in_range(ones[bit], MANY / 2 - 7 * 158, MANY / 2 + 7 * 158);
    assert_in_range(changed, (unsigned long)(95.8 * MANY), (unsigned long)(96.2 * MANY));
}

static void a_nonce_is_written_and_nothing_beyond(void **state)
{
    (void)state;
    for (unsigned round = 0; round < SOME; round++) {
        uint8_t *nonce = guarded(WAFER_NONCE_SIZE);

        assert_true(round % 2 == 0 ? wafer_nonce(nonce) : wafer_nonce_fresh(nonce));
        guarded_free(nonce, WAFER_NONCE_SIZE);
    }
}

/* ---- Batches */

static void a_batch_takes_one_getrandom_of_32_bytes(void **state)
{
    nonce_bytes nonce;

    (void)state;
    for (unsigned long refills = 1; refills <= 5; refills++)
        for (size_t i = 0; i < WAFER_NONCES_A_BATCH; i++) {
            assert_true(wafer_nonce(nonce));
            assert_calls(refills, 1, 0); /* one epoch for all of them */
        }
}

/* Made here from libsodium alone; the last nonce of the batch is its first bytes. */
static void a_batch_is_the_stream_of_the_last_ones_key_and_of_fresh_bytes(void **state)
{
    static const uint8_t stream_nonce[crypto_stream_chacha20_NONCEBYTES];
    uint8_t key[32];
    uint8_t stream[STREAM_SIZE] = {0};
    nonce_bytes nonces[WAFER_NONCES_A_BATCH];

    (void)state;
    clock_stands = constant = true;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof key; i++)
            key[i] = stream[i] ^ 0x5A;
        (void)crypto_stream_chacha20(stream, sizeof stream, stream_nonce, key);
        draw(nonces, WAFER_NONCES_A_BATCH);
        for (size_t i = 0; i < WAFER_NONCES_A_BATCH; i++)
            assert_memory_equal(nonces[i], stream + sizeof stream - (i + 1) * WAFER_NONCE_SIZE,
                                WAFER_NONCE_SIZE - 8); /* the clock is in the rest */
        assert_memory_equal(own_batch.stream, stream, sizeof key);
    }
}

/* The first eight bytes, which are as they were in the batch. */
static bool is_in_batch(const uint8_t *bytes)
{
    for (size_t at = 0; at + 8 <= sizeof own_batch.stream; at++)
        if (memcmp(own_batch.stream + at, bytes, 8) == 0)
            return true;
    return false;
}

static void what_was_given_out_is_no_more_in_the_batch(void **state)
{
    uint8_t mask[16];

    (void)state;
    for (size_t taken = 0; taken < 3UL * WAFER_NONCES_A_BATCH; taken++) {
        nonce_bytes nonce;

        assert_true(wafer_nonce(nonce));
        assert_false(is_in_batch(nonce));
        assert_true(
            is_zero(own_batch.stream + KEY_SIZE + own_batch.left, GIVEN_SIZE - own_batch.left));
        assert_false(is_zero(own_batch.stream, KEY_SIZE));
    }
    for (size_t taken = 0; taken < SOME; taken++) {
        assert_true(wafer_mask(mask, sizeof mask));
        assert_false(is_in_batch(mask));
        assert_true(
            is_zero(own_batch.stream + KEY_SIZE + own_batch.left, GIVEN_SIZE - own_batch.left));
    }
}

static void masks_of_all_sizes_and_nonces_share_no_bytes(void **state)
{
    uint8_t mask[WAFER_MASK_MAX];
    struct batch before;
    nonce_bytes nonce;

    (void)state;
    clock_stands = true;
    assert_true(wafer_nonce(nonce));
    for (size_t round = 0; round < 20; round++)
        for (size_t length = 1; length <= WAFER_MASK_MAX; length++) {
            uint8_t *exact = guarded(length);

            before = own_batch;
            assert_true(wafer_mask(exact, length));
            memcpy(mask, exact, length);
            guarded_free(exact, length);
            if (before.left >= length) {
                assert_int_equal(own_batch.left, before.left - length);
                assert_memory_equal(mask, before.stream + KEY_SIZE + own_batch.left, length);
            } else {
                assert_int_equal(own_batch.left, GIVEN_SIZE - length);
            }
            before = own_batch;
            assert_true(wafer_nonce(nonce));
            if (before.left >= sizeof nonce)
                assert_memory_equal(nonce, before.stream + KEY_SIZE + own_batch.left, 16);
            else
                assert_int_equal(own_batch.left, GIVEN_SIZE - sizeof nonce);
        }
}

static void a_fresh_nonce_asks_the_system_each_time(void **state)
{
    static uint8_t nonces[SOME][WAFER_NONCE_SIZE];

    (void)state;
    for (unsigned long i = 0; i < SOME; i++) {
        assert_true(wafer_nonce_fresh(nonces[i]));
        assert_calls(0, 0, i + 1);
    }
    assert_all_differ(nonces, SOME);
    assert_true(wafer_nonce(nonces[0]));
    assert_calls(1, 1, SOME);
}

/* ---- Copies of a machine */

static void copies_of_a_machine_draw_other_nonces(void **state)
{
    static uint8_t nonces[2 * SOME][WAFER_NONCE_SIZE];
    struct batch copy;

    (void)state;
    assert_true(wafer_nonce(nonces[0]));
    copy = own_batch;
    draw(nonces, 40);
    own_batch = copy;
    draw(nonces + 40, 40);
    assert_calls(1, 1, 0); /* both from one batch */
    for (size_t i = 0; i < 40; i++) {
        assert_memory_equal(nonces[i], nonces[40 + i], 16);
        assert_memory_not_equal(nonces[i], nonces[40 + i], WAFER_NONCE_SIZE);
    }
    assert_all_differ(nonces, 80);

    /* The next batch is mixed with fresh bytes, so nothing of it is the same. */
    own_batch = copy;
    draw(nonces, SOME);
    own_batch = copy;
    draw(nonces + SOME, SOME);
    assert_memory_not_equal(nonces[SOME - 1], nonces[2 * SOME - 1], 16);
    assert_all_differ(nonces, 2 * SOME);
}

/* So that it is the clock which keeps copies apart, and the test above proves it. */
static void copies_whose_clocks_stand_still_draw_the_same_unless_told_to_reseed(void **state)
{
    nonce_bytes first, second;
    struct batch copy;

    (void)state;
    clock_stands = true;
    assert_true(wafer_nonce(first));
    copy = own_batch;
    assert_true(wafer_nonce(first));
    own_batch = copy;
    assert_true(wafer_nonce(second));
    assert_memory_equal(first, second, sizeof first);
    own_batch = copy;
    wafer_reseed();
    assert_true(wafer_nonce(second));
    assert_memory_not_equal(first, second, 16);
}

static void the_clock_goes_into_fresh_nonces_too(void **state)
{
    nonce_bytes first, second;

    (void)state;
    constant = true; /* copies of the system's generator */
    assert_true(wafer_nonce_fresh(first));
    assert_true(wafer_nonce_fresh(second));
    assert_memory_not_equal(first, second, sizeof first);
    clock_stands = true;
    assert_true(wafer_nonce_fresh(first));
    assert_true(wafer_nonce_fresh(second));
    assert_memory_equal(first, second, sizeof first);
}

static void without_a_clock_each_nonce_asks_the_system(void **state)
{
    nonce_bytes nonce;

    (void)state;
    assert_true(wafer_nonce(nonce));
    for (unsigned long i = 1; i <= 5; i++) {
        arm("clock_gettime", 1, EPERM);
        assert_true(wafer_nonce(nonce));
        assert_false(disarm());
        assert_calls(1, 1, i);
        assert_false(is_zero(nonce, sizeof nonce));
    }
    arm("clock_gettime", 1, EPERM);
    assert_true(wafer_nonce_fresh(nonce));
    assert_false(disarm());
    assert_calls(1, 1, 6);
}

static struct batch at_reseed[BATCHES];

/* Each draws one before and one after, and both are given back. */
static void *draw_around_a_reseed(void *pair)
{
    uint8_t(*nonces)[WAFER_NONCE_SIZE] = pair;
    bool good = wafer_nonce(nonces[0]);

    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
        count_from_here();
        memcpy(at_reseed, batches, sizeof batches);
        wafer_reseed();
    }
    (void)pthread_barrier_wait(&barrier);
    return good && wafer_nonce(nonces[1]) ? NULL : pair;
}

/* Threads may meet at a batch; but none takes from one that was there before. */
static void assert_old_batches_stayed(void)
{
    uint64_t epoch = atomic_load(atomic_load(&epoch_place));
    size_t renewed = 0;

    for (size_t i = 0; i < BATCHES; i++) {
        assert_int_not_equal(at_reseed[i].epoch, epoch);
        if (batches[i].epoch == epoch)
            renewed++;
        else
            assert_int_equal(batches[i].left, at_reseed[i].left);
    }
    assert_in_range(renewed, 1, THREADS);
}

static void a_reseed_reaches_every_thread(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    wafer_reseed(); /* with nothing there it is nothing */
    assert_null(atomic_load(&epoch_place));
    clock_stands = true;
    start_threads(threads, draw_around_a_reseed, 2);
    join_threads(threads);
    assert_old_batches_stayed();
    assert_in_range(atomic_load(&batch_calls), 1, THREADS);
    assert_in_range(atomic_load(&epoch_calls), 1, THREADS);
    assert_all_differ(of_threads, 2 * THREADS);
}

static void after_a_reseed_not_one_byte_is_of_the_batch_before(void **state)
{
    nonce_bytes nonce;
    uint8_t byte;

    (void)state;
    assert_true(wafer_nonce(nonce));
    wafer_reseed();
    assert_true(wafer_mask(&byte, 1));
    assert_int_equal(own_batch.left, GIVEN_SIZE - 1);
}

static void take_all_batches(bool taken)
{
    for (size_t i = 0; i < BATCHES; i++)
        atomic_store(&batches[i].taken, taken);
}

static void while_ones_own_batch_is_taken_the_next_is_used(void **state)
{
    size_t next = (first_place() + 1) % BATCHES;
    nonce_bytes nonce;

    (void)state;
    assert_true(wafer_nonce(nonce));
    for (size_t i = 0; i < 3; i++) {
        atomic_store(&own_batch.taken, true);
        assert_true(wafer_nonce(nonce));
        atomic_store(&own_batch.taken, false);
        assert_int_equal(batches[next].left, GIVEN_SIZE - (i + 1) * sizeof nonce);
        assert_int_equal(own_batch.left, GIVEN_SIZE - sizeof nonce);
    }
}

/* Zero stands for none. */
static void an_epoch_is_never_zero(void **state)
{
    nonce_bytes nonce;

    (void)state;
    constant = true;
    constant_byte = 0;
    assert_true(wafer_nonce(nonce));
    constant = false;
    constant_byte = 0x5A;
    assert_int_not_equal(atomic_load(atomic_load(&epoch_place)), 0);
    count_from_here();
    assert_true(wafer_nonce(nonce));
    assert_int_equal(atomic_load(&epoch_calls), 0);
}

/* By other threads, or, in a child, by threads that the fork left behind. */
static void while_all_batches_are_taken_the_system_is_asked(void **state)
{
    nonce_bytes nonces[3];

    (void)state;
    clock_stands = true;
    assert_true(wafer_nonce(nonces[0]));
    count_from_here();
    take_all_batches(true);
    assert_true(wafer_nonce(nonces[1]));
    assert_true(wafer_nonce(nonces[2]));
    assert_int_equal(own_batch.left, GIVEN_SIZE - sizeof nonces[0]);
    assert_int_equal(atomic_load(&batch_calls), 0);
    take_all_batches(false);
    assert_true(wafer_nonce(nonces[0]));
    assert_int_equal(own_batch.left, GIVEN_SIZE - 2 * sizeof nonces[0]);
    assert_all_differ(nonces, 3);
}

/* ---- Forks */

static uint8_t (*family)[WAFER_NONCE_SIZE]; /* shared by all processes: SOME for each of four */

static int family_open(void **state)
{
    family = mmap(NULL, 4 * SOME * sizeof *family, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true((void *)family != MAP_FAILED);
    (void)back_to_normal(state);
    clock_stands = true;
    return 0;
}

static int family_close(void **state)
{
    assert_int_equal(munmap(family, 4 * SOME * sizeof *family), 0);
    return back_to_normal(state);
}

/* In a child there is nobody to catch a failed assertion. */
static bool draw_for(size_t member)
{
    for (size_t i = 0; i < SOME; i++)
        if (!wafer_nonce(family[member * SOME + i]))
            return false;
    return true;
}

static bool ended_well(pid_t child)
{
    int status;

    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void leave_unused_nonces(void)
{
    nonce_bytes nonce;

    for (int i = 0; i < 20; i++)
        assert_true(wafer_nonce(nonce));
    assert_int_equal(own_batch.left, GIVEN_SIZE - 20 * sizeof nonce);
}

static void assert_child_differs(pid_t (*fork_it)(void))
{
    pid_t child;

    leave_unused_nonces();
    child = fork_it();
    if (child == 0)
        _exit(draw_for(1) ? 0 : 1);
    assert_true(draw_for(0));
    assert_true(ended_well(child));
    assert_all_differ(family, 2 * SOME);
}

static void a_child_draws_none_of_its_parents_nonces(void **state)
{
    (void)state;
    assert_child_differs(fork);
    assert_true(atomic_load(&epoch_place) != &unwiped_epoch); /* this is the page's doing */
}

static void grandchildren_and_siblings_share_no_nonces(void **state)
{
    pid_t child, sibling;

    (void)state;
    leave_unused_nonces();
    child = fork();
    if (child == 0) {
        bool good = draw_for(1);
        pid_t grandchild = fork();

        if (grandchild == 0)
            _exit(draw_for(2) ? 0 : 1);
        _exit(good && ended_well(grandchild) ? 0 : 1);
    }
    sibling = fork();
    if (sibling == 0)
        _exit(draw_for(3) ? 0 : 1);
    assert_true(draw_for(0));
    assert_true(ended_well(child));
    assert_true(ended_well(sibling));
    assert_all_differ(family, 4 * SOME);
}

/* The child draws none before it forks, so parent and grandchild have the same batch. */
static void a_grandchild_of_a_child_that_drew_none_shares_no_nonces(void **state)
{
    pid_t child;

    (void)state;
    leave_unused_nonces();
    child = fork();
    if (child == 0) {
        pid_t grandchild = fork();

        if (grandchild == 0)
            _exit(draw_for(1) ? 0 : 1);
        _exit(ended_well(grandchild) && draw_for(2) ? 0 : 1);
    }
    assert_true(draw_for(0));
    assert_true(ended_well(child));
    assert_all_differ(family, 3 * SOME);
}

/* The child is killed, as valgrind takes the memory of threads that it does not have for lost. Had
 * it drawn too few, zeros would come twice. */
static void *fork_in_thread(void *unused)
{
    pid_t child;
    int status;
    bool good = draw_for(0);

    (void)unused;
    child = fork();
    if (child == 0) {
        (void)draw_for(1);
        (void)kill(getpid(), SIGKILL);
    }
    good = good && child > 0 && draw_for(2) && waitpid(child, &status, 0) == child;
    return good ? NULL : &barrier;
}

static void a_child_that_a_thread_forks_shares_no_nonces(void **state)
{
    pthread_t thread;
    void *failed;

    (void)state;
    leave_unused_nonces();
    assert_int_equal(pthread_create(&thread, NULL, fork_in_thread, NULL), 0);
    assert_true(draw_for(3));
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    assert_all_differ(family, 4 * SOME);
}

/* Without the C library, so that no handler of pthread_atfork is called. */
static pid_t raw_clone(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void a_child_of_a_bare_clone_shares_no_nonces(void **state)
{
    (void)state;
    assert_child_differs(raw_clone);
}

static pid_t forked_between;

static void fork_now(void)
{
    forked_between = fork();
}

/* As a signal's handler could: the bytes are taken, and not yet wiped or given back. */
static void a_fork_in_the_middle_of_a_nonce_gives_it_to_the_parent_alone(void **state)
{
    nonce_bytes nonce;
    bool good;

    (void)state;
    leave_unused_nonces();
    before_wiping = fork_now;
    forked_between = -1;
    good = wafer_nonce(nonce);
    memcpy(family[forked_between == 0], nonce, sizeof nonce);
    if (forked_between == 0)
        _exit(good ? 0 : 1);
    assert_true(good);
    assert_true(ended_well(forked_between));
    assert_memory_not_equal(family[0], family[1], 16);
    assert_int_equal(own_batch.left,
                     GIVEN_SIZE - 21 * sizeof nonce); /* the parent kept its batch */
}

static void a_fork_while_a_batch_is_made_makes_two(void **state)
{
    bool good;

    (void)state;
    leave_unused_nonces();
    wafer_reseed();
    after_random = fork_now;
    forked_between = -1;
    good = wafer_nonce(family[0]); /* overwritten below */
    if (forked_between == 0)
        _exit(good && draw_for(1) ? 0 : 1);
    assert_true(good);
    assert_true(ended_well(forked_between));
    assert_true(draw_for(0));
    assert_all_differ(family, 2 * SOME);
}

static void the_place_that_was_found_first_stays(void **state)
{
    shared_epoch *first;

    (void)state;
    unmapped = 0;
    while_mapping = wafer_nonce_prepare; /* another thread, which is faster */
    first = find_place();
    assert_ptr_equal(first, atomic_load(&epoch_place));
    assert_true(first != NULL && first != &unwiped_epoch);
    assert_int_equal(unmapped, 1); /* the other page, as this one can be used: */
    leave_unused_nonces();
    assert_int_not_equal(atomic_load(first), 0);

    forget_place();
    while_mapping = wafer_nonce_prepare;
    arm("mmap", 2, ENOMEM); /* the slower one's */
    wafer_nonce_prepare();
    assert_false(disarm());
    assert_ptr_not_equal(atomic_load(&epoch_place), &unwiped_epoch);
    assert_child_differs(raw_clone);
}

static void where_pages_are_not_wiped_children_are_noticed_by_a_handler(void **state)
{
    static const char *const missing[] = {"madvise", "mmap"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        forget_place();
        arm(missing[i], 1, EINVAL);
        wafer_nonce_prepare();
        assert_false(disarm());
        assert_ptr_equal(atomic_load(&epoch_place), &unwiped_epoch);
        assert_child_differs(fork);
    }
    assert_calls(2 * 2, 2, 0); /* 20 + SOME nonces each time, and all from refills */
}

static void a_system_that_ignores_advice_is_not_believed(void **state)
{
    (void)state;
    advice_is_ignored = true;
    assert_child_differs(fork);
    assert_ptr_equal(atomic_load(&epoch_place), &unwiped_epoch);
}

static void where_children_cannot_be_noticed_each_nonce_asks_the_system(void **state)
{
    nonce_bytes nonce;
    uint8_t mask[24];

    (void)state;
    for (unsigned long i = 1; i <= SOME; i++) {
        advice_is_ignored = true;
        arm("pthread_atfork", 1, ENOMEM);
        assert_true(wafer_nonce(nonce));
        assert_false(disarm());
        assert_calls(0, 0, i);
    }
    arm("pthread_atfork", 1, ENOMEM);
    assert_true(wafer_mask(mask, sizeof mask));
    assert_calls(0, 0, SOME + 1);
    assert_false(disarm());
    assert_true(wafer_nonce(nonce)); /* a handler that is to be had later is used */
    assert_calls(1, 1, SOME + 1);
}

/* ---- Without randomness */

static void pieces_and_interrupted_calls_are_put_together(void **state)
{
    static uint8_t nonces[6 * SOME][WAFER_NONCE_SIZE];
    size_t drawn = 0;

    (void)state;
    clock_stands = true;
    for (most_at_once = 1; most_at_once <= 3; most_at_once++, drawn += SOME) {
        forget_place();
        draw(nonces + drawn, SOME);
    }
    most_at_once = SIZE_MAX;
    for (long nth = 1; nth <= 3; nth++, drawn += SOME) {
        forget_place();
        arm_many("getrandom", nth, 4, EINTR);
        draw(nonces + drawn, SOME);
        assert_false(disarm());
    }
    assert_all_differ(nonces, drawn);
}

/* All bytes are the same, so it does not matter how they came, unless one was left out. */
static void a_key_that_came_in_pieces_is_whole(void **state)
{
    struct batch first;

    (void)state;
    constant = true;
    most_at_once = 5;
    assert_true(wafer_mask(&(uint8_t){0}, 1));
    first = own_batch;
    forget_place();
    most_at_once = SIZE_MAX;
    assert_true(wafer_mask(&(uint8_t){0}, 1));
    assert_memory_equal(own_batch.stream, first.stream, sizeof first.stream);
}

static void without_randomness_there_is_no_nonce_until_it_is_back(void **state)
{
    static const uint8_t zeros[WAFER_NONCE_SIZE];
    nonce_bytes nonce;

    (void)state;
    for (long nth = 1; nth <= 4; nth++) {
        size_t tried = 0;

        forget_place();
        arm("getrandom", nth, ENOSYS); /* the epoch's, then the first batch's, the second's ... */
        do {
            memset(nonce, 0xA5, sizeof nonce);
            tried++;
        } while (wafer_nonce(nonce));
        assert_false(disarm());
        assert_memory_equal(nonce, zeros, sizeof nonce);
        assert_int_equal(tried, nth <= 2 ? 1 : (nth - 2) * WAFER_NONCES_A_BATCH + 1);
        assert_int_equal(own_batch.left, 0);
        /* It goes on failing, for nonces and masks, until randomness is back. */
        arm_many("getrandom", 1, 4, EIO);
        assert_false(wafer_nonce(nonce));
        assert_false(wafer_nonce_fresh(nonce));
        memset(nonce, 0xA5, sizeof nonce);
        assert_false(wafer_mask(nonce, sizeof nonce));
        assert_memory_equal(nonce, zeros, sizeof nonce);
        assert_false(wafer_random(nonce, sizeof nonce));
        assert_false(disarm());
        assert_true(wafer_nonce(nonce));
        assert_memory_not_equal(nonce, zeros, 16);
    }
}

static void without_randomness_a_child_and_a_reseeded_process_draw_nothing(void **state)
{
    nonce_bytes nonce;
    pid_t child;

    (void)state;
    leave_unused_nonces();
    child = fork();
    if (child == 0) {
        bool good = true;

        arm_many("getrandom", 1, 3, EIO);
        for (int i = 0; i < 3; i++)
            good = good && !wafer_nonce(nonce);
        _exit(good && !disarm() && draw_for(1) ? 0 : 1);
    }
    assert_true(ended_well(child));
    wafer_reseed();
    arm("getrandom", 1, EIO);
    assert_false(wafer_nonce(nonce));
    arm("getrandom", 2, EIO);
    assert_false(wafer_nonce(nonce));
    assert_true(draw_for(0));
    assert_all_differ(family, 2 * SOME);
}

/* The clock fails, so the nonce is to come from the system, and that fails too. */
static void without_clock_and_randomness_there_is_no_nonce(void **state)
{
    static const uint8_t zeros[WAFER_NONCE_SIZE];
    nonce_bytes nonce;

    (void)state;
    assert_true(wafer_nonce(nonce));
    arm("clock_gettime", 1, EINTR);
    most_at_once = 0; /* what getrandom never says, and no one may wait for, whatever errno is */
    assert_false(wafer_nonce(nonce));
    assert_false(disarm());
    assert_memory_equal(nonce, zeros, sizeof nonce);
}

#define PLAIN(test)  cmocka_unit_test_setup_teardown(test, back_to_normal, back_to_normal)
#define FAMILY(test) cmocka_unit_test_setup_teardown(test, family_open, family_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(every_length_is_filled_to_its_last_byte_and_not_beyond),
        PLAIN(nothing_random_is_written_for_length_zero),
        PLAIN(no_nonce_comes_twice),
        PLAIN(no_nonce_comes_twice_in_eight_threads_that_start_together),
        PLAIN(the_bits_of_nonces_are_fair),
        PLAIN(a_nonce_is_written_and_nothing_beyond),
        PLAIN(a_batch_takes_one_getrandom_of_32_bytes),
        PLAIN(a_batch_is_the_stream_of_the_last_ones_key_and_of_fresh_bytes),
        PLAIN(what_was_given_out_is_no_more_in_the_batch),
        PLAIN(masks_of_all_sizes_and_nonces_share_no_bytes),
        PLAIN(a_fresh_nonce_asks_the_system_each_time),
        PLAIN(copies_of_a_machine_draw_other_nonces),
        PLAIN(copies_whose_clocks_stand_still_draw_the_same_unless_told_to_reseed),
        PLAIN(the_clock_goes_into_fresh_nonces_too),
        PLAIN(without_a_clock_each_nonce_asks_the_system),
        PLAIN(a_reseed_reaches_every_thread),
        PLAIN(after_a_reseed_not_one_byte_is_of_the_batch_before),
        PLAIN(while_ones_own_batch_is_taken_the_next_is_used),
        PLAIN(an_epoch_is_never_zero),
        PLAIN(while_all_batches_are_taken_the_system_is_asked),
        FAMILY(a_child_draws_none_of_its_parents_nonces),
        FAMILY(grandchildren_and_siblings_share_no_nonces),
        FAMILY(a_grandchild_of_a_child_that_drew_none_shares_no_nonces),
        FAMILY(a_child_that_a_thread_forks_shares_no_nonces),
        FAMILY(a_child_of_a_bare_clone_shares_no_nonces),
        FAMILY(a_fork_in_the_middle_of_a_nonce_gives_it_to_the_parent_alone),
        FAMILY(a_fork_while_a_batch_is_made_makes_two),
        FAMILY(the_place_that_was_found_first_stays),
        FAMILY(where_pages_are_not_wiped_children_are_noticed_by_a_handler),
        FAMILY(a_system_that_ignores_advice_is_not_believed),
        PLAIN(where_children_cannot_be_noticed_each_nonce_asks_the_system),
        PLAIN(pieces_and_interrupted_calls_are_put_together),
        PLAIN(a_key_that_came_in_pieces_is_whole),
        PLAIN(without_randomness_there_is_no_nonce_until_it_is_back),
        FAMILY(without_randomness_a_child_and_a_reseeded_process_draw_nothing),
        PLAIN(without_clock_and_randomness_there_is_no_nonce),
    };

    assert_true(sodium_init() >= 0);
    return cmocka_run_group_tests_name("nonce", tests, NULL, NULL);
}
