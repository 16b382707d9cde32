/* Randomness. Everything random in the library comes from here, and a failure is a failure: there
 * is no second source.
 *
 * Ids and keys are asked of the system one by one. Nonces and masks, which responses take all the
 * time, come from batches, of which a thread takes one for a moment: each is a ChaCha20 stream,
 * whose first bytes are the key that the next batch mixes with fresh random bytes of the system's,
 * and which is erased as it is given out. So one getrandom(2) lasts for WAFER_NONCES_A_BATCH
 * nonces, and who reads the memory learns none of those that went out.
 *
 * No batch is used twice:
 *   fork       a child finds that the batches are its parent's and makes its own, also after a raw
 *              clone(2), by a page that the kernel wipes in children (Linux 4.14). Elsewhere by
 *              pthread_atfork, which clone(2) and _Fork pass by; without that either there are no
 *              batches, but a getrandom for each nonce.
 *   copies     of the memory of a running machine or process cannot be noticed from inside. The
 *              time in nanoseconds goes into each nonce, so two copies give the same one only when
 *              they take it in the same nanosecond of their clocks; wafer_reseed, called in the
 *              copy, excludes even that.
 *   threads    wait for nobody. There are several batches, a thread begins to look at a place of
 *              its own, and where all are taken, by threads or by a fork in the middle, it asks the
 *              system. They are not thread-local variables, as those of a library that is loaded at
 *              run time are allocated at first use, and glibc aborts when that fails.
 * All functions are thread-safe, but not for signal handlers. A handler may fork. */
#ifndef WAFER_SRC_NONCE_H
#define WAFER_SRC_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAFER_NONCE_SIZE     24
#define WAFER_MASK_MAX       24
#define WAFER_NONCES_A_BATCH 62

/* Fills bytes (at most 256) from getrandom(2). False, with bytes zeroed, when the system refuses.
 * Nothing is buffered. */
bool wafer_random(void *bytes, size_t length);

/* A nonce for one seal, from a batch. False, with the nonce zeroed, when a new batch is
 * due and the system refuses; the next call asks it again. */
bool wafer_nonce(uint8_t nonce[WAFER_NONCE_SIZE]);

/* The same by a getrandom of its own, from no batch. */
bool wafer_nonce_fresh(uint8_t nonce[WAFER_NONCE_SIZE]);

/* At most WAFER_MASK_MAX bytes of a batch, for what need not be unique in copies of a
 * machine. False, with bytes zeroed, as wafer_nonce. */
bool wafer_mask(uint8_t *bytes, size_t length);

/* Makes ready what nonces need once a process, so that the first of them makes no other system call
 * than getrandom. Without it that one does so itself. */
void wafer_nonce_prepare(void);

/* wafer_reseed of wafer.h is here too. */

#endif
