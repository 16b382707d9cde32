#include "nonce.h"

#include "clock.h"
#include "spread.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define KEY_SIZE    crypto_stream_chacha20_KEYBYTES
#define STREAM_SIZE 1536 /* whole blocks, eight at a time, which is how libsodium is fastest */
#define GIVEN_SIZE  (STREAM_SIZE - KEY_SIZE)

_Static_assert(WAFER_NONCES_A_BATCH == GIVEN_SIZE / WAFER_NONCE_SIZE, "nonces a batch");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock would stay locked in a forked child");
_Static_assert(ATOMIC_BOOL_LOCK_FREE == 2, "nor may this be one");

bool wafer_random(void *bytes, size_t length)
{
    uint8_t *out = bytes;
    size_t filled = 0;

    while (filled < length) {
        ssize_t got = getrandom(out + filled, length - filled, 0);

        if (got > 0) {
            filled += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            sodium_memzero(bytes, length);
            return false;
        }
    }
    return true;
}

/* ---- The epoch: one number for all batches of a process, 0 when they are to be made anew ---- */

/* Random, so that no process takes that of its parent again. */
typedef _Atomic uint64_t shared_epoch;

static _Atomic(shared_epoch *) epoch_place; /* NULL: not known yet */
static shared_epoch unwiped_epoch;          /* where pthread_atfork stands in for the page */

void wafer_reseed(void)
{
    shared_epoch *place = atomic_load(&epoch_place);

    if (place != NULL)
        atomic_store(place, 0);
}

static bool is_wiped_in_children(void *page)
{
#ifdef MADV_WIPEONFORK
    /* Emulators ignore advice and say that they took it, so they would take what there is not. */
    return madvise(page, sizeof(shared_epoch), -1) != 0 &&
           madvise(page, sizeof(shared_epoch), MADV_WIPEONFORK) == 0;
#else
    (void)page;
    return false;
#endif
}

static shared_epoch *make_place(void)
{
    void *page = mmap(NULL, sizeof(shared_epoch), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page != MAP_FAILED) {
        if (is_wiped_in_children(page))
            return page;
        (void)munmap(page, sizeof(shared_epoch));
    }
    /* wafer_reseed in the child does what the kernel does to the page. */
    return pthread_atfork(NULL, NULL, wafer_reseed) == 0 ? &unwiped_epoch : NULL;
}

/* NULL when a forked child could not be noticed. No pthread_once: a child that is forked in the
 * middle of one waits for ever. */
static shared_epoch *find_place(void)
{
    shared_epoch *known = atomic_load(&epoch_place);
    shared_epoch *made;

    if (known != NULL)
        return known;
    made = make_place();
    if (made == NULL || atomic_compare_exchange_strong(&epoch_place, &known, made))
        return made;
    if (made != &unwiped_epoch)
        (void)munmap((void *)made, sizeof *made);
    return known;
}

void wafer_nonce_prepare(void)
{
    (void)find_place();
}

/* The epoch as it is, or a new one, if there is none, for all threads. */
static bool enter_epoch(shared_epoch *place, uint64_t *epoch)
{
    uint64_t fresh;

    *epoch = atomic_load(place);
    if (*epoch != 0)
        return true;
    if (!wafer_random(&fresh, sizeof fresh))
        return false;
    fresh |= fresh == 0;
    if (atomic_compare_exchange_strong(place, epoch, fresh))
        *epoch = fresh;
    return true;
}

/* ---- The batch ---- */

#define BATCHES WAFER_SPREAD_PLACES

struct batch {
    _Atomic bool taken;          /* by a thread that is in here */
    uint64_t epoch;              /* it is good for as long as this is the process's */
    size_t left;                 /* bytes not given out yet; they go from the end */
    uint8_t stream[STREAM_SIZE]; /* the next key, then what is given out */
};

static struct batch batches[BATCHES];

/* Where this thread begins to look: threads' handles are addresses, some pages apart. */
static size_t first_place(void)
{
    return wafer_spread((uintptr_t)pthread_self());
}

/* A batch that no other thread gets until it is given back; NULL when all are taken. */
static struct batch *take_batch(void)
{
    size_t place = first_place();

    for (size_t i = 0; i < BATCHES; i++) {
        struct batch *found = &batches[(place + i) % BATCHES];
        if (!atomic_exchange_explicit(&found->taken, true, memory_order_acquire))
            return found;
    }
    return NULL;
}

static void give_batch(struct batch *own)
{
    atomic_store_explicit(&own->taken, false, memory_order_release);
}

static bool refill(struct batch *own, shared_epoch *place)
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    uint8_t key[KEY_SIZE];

    own->left = 0;
    /* The epoch comes first: whatever forks from here on finds another. */
    if (!enter_epoch(place, &own->epoch) || !wafer_random(key, sizeof key))
        return false;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] ^= own->stream[i];
    (void)crypto_stream_chacha20(own->stream, sizeof own->stream, nonce, key);
    sodium_memzero(key, sizeof key);
    own->left = GIVEN_SIZE;
    return true;
}

static bool take_from(struct batch *own, shared_epoch *place, uint8_t *bytes, size_t length)
{
    for (;;) {
        uint8_t *next;

        if (own->left < length && !refill(own, place))
            return false;
        own->left -= length;
        next = own->stream + KEY_SIZE + own->left;
        memcpy(bytes, next, length);
        sodium_memzero(next, length);
        /* Last, as a signal's handler may have forked just now, and this may be the child. */
        if (own->epoch == atomic_load(place))
            return true;
        own->left = 0;
    }
}

static bool take(uint8_t *bytes, size_t length)
{
    shared_epoch *place = find_place();
    struct batch *own = place != NULL ? take_batch() : NULL;

    if (own == NULL)
        return wafer_random(bytes, length);
    bool taken = take_from(own, place, bytes, length);
    give_batch(own);
    if (!taken)
        memset(bytes, 0, length);
    return taken;
}

/* ---- What is given out ---- */

static void mix_time(uint8_t nonce[WAFER_NONCE_SIZE], uint64_t now_ns)
{
    uint64_t end;

    memcpy(&end, nonce + WAFER_NONCE_SIZE - sizeof end, sizeof end);
    end ^= htobe64(now_ns);
    memcpy(nonce + WAFER_NONCE_SIZE - sizeof end, &end, sizeof end);
}

bool wafer_nonce_fresh(uint8_t nonce[WAFER_NONCE_SIZE])
{
    uint64_t now_ns;

    if (!wafer_random(nonce, WAFER_NONCE_SIZE))
        return false;
    /* The system's own generator may be a copy too. */
    if (wafer_clock_fine(&now_ns))
        mix_time(nonce, now_ns);
    return true;
}

bool wafer_nonce(uint8_t nonce[WAFER_NONCE_SIZE])
{
    uint64_t now_ns;

    if (!take(nonce, WAFER_NONCE_SIZE))
        return false;
    /* The clock comes last, so that copies made just before differ. Without one they would not. */
    if (!wafer_clock_fine(&now_ns))
        return wafer_random(nonce, WAFER_NONCE_SIZE);
    mix_time(nonce, now_ns);
    return true;
}

bool wafer_mask(uint8_t *bytes, size_t length)
{
    return take(bytes, length);
}
