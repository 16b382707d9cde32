/* What the feeder tells, in FOLDER/state, which every process of the machine maps.
 *
 * Requests read two words of it; counters are added to by whoever has something to count; where the
 * feeder is in the stream, and texts, are written by the active feeder alone, behind a sequence
 * count, so that a reader sees them as of one moment. */
#ifndef WAFER_SRC_REDIS_STATE_H
#define WAFER_SRC_REDIS_STATE_H

#include <stdatomic.h>

#include "site.h"

/* An id of the stream. */
struct wafer_stream_id {
    uint64_t ms;
    uint64_t sequence;
};

#define WAFER_STREAM_ID_TEXT 48 /* two numbers, a dash and the NUL */

/* Where the feeder is, as of one moment. */
struct wafer_progress {
    struct wafer_stream_id last;  /* read so far; 0-0: nothing is known */
    struct wafer_stream_id entry; /* the last entry that is no heartbeat; 0-0: none */
    uint8_t record[48];           /* that entry's bytes */
    /* An entry that was in the stream when it was last looked whether it is still the same; 0-0:
     * none. As long as it is there, nothing behind it was lost. */
    struct wafer_stream_id anchor;
    uint8_t anchor_record[48];
    /* Which secret, and how far it is trusted to be that of the others; else zeros. */
    uint8_t secret[WAFER_WIRE_CHECK_SIZE];
    uint64_t trust;
    struct wafer_stream_id beat; /* the last heartbeat from here that is still there; 0-0: none */
    char run_id[48];             /* of the Redis that was read */
    char redis_version[16];
    int64_t error_at_ms;
    char error[256];
};

#define WAFER_PROGRESS_WORDS (sizeof(struct wafer_progress) / 8)

struct wafer_state_file {
    char magic[8];
    uint32_t version;
    uint32_t order; /* of bytes */
    uint64_t size;
    char boot[40];

    /* What requests read. The table's inode tells whether it is the feeder's table. */
    _Atomic int64_t as_of_ms;
    _Atomic uint64_t table;

    _Atomic int64_t feeder; /* process */
    _Atomic uint64_t ready;
    _Atomic uint64_t other_secret; /* 1: the others' is another, as far as the feeder can tell */
    _Atomic uint64_t check;        /* of the feeder's key, the first bytes; 0: there was none yet */
    _Atomic uint64_t published;
    _Atomic uint64_t applied;
    _Atomic uint64_t bad;
    _Atomic uint64_t full;
    _Atomic uint64_t reconnects;
    _Atomic uint64_t syncs;
    _Atomic uint64_t republished;

    _Atomic uint64_t sequence; /* odd while progress is written */
    _Atomic uint64_t progress[WAFER_PROGRESS_WORDS];
};

_Static_assert(sizeof(struct wafer_progress) % 8 == 0, "copied in words");

/* Maps the state. With `write` it is made if it is missing, and anew if the machine was started
 * since: the table may have lost entries then. */
wafer_result wafer_state_open(const struct wafer_site *site, bool write,
                              struct wafer_state_file **state, wafer_error *error);
void wafer_state_close(struct wafer_state_file *state);

/* Keeps out others who call this, for as long as making a table takes; who holds the lock and does
 * not go on keeps nobody out: then -1. */
int wafer_state_lock(const struct wafer_site *site);
void wafer_state_unlock(int lock);

/* False for a state from before the machine was started; only a reader comes across one. */
bool wafer_state_is_current(const struct wafer_state_file *state);

/* Forgets how fresh the table is: there is a new one, and no feeder has filled it. */
void wafer_state_forget(struct wafer_state_file *state);

/* True when the table of this inode had all that was published before now - stale_ms. After the
 * clock was set back it is not, until the feeder tells by that clock. */
bool wafer_state_is_fresh(const struct wafer_state_file *state, uint64_t table, int64_t now_ms,
                          int64_t stale_ms);

/* By the active feeder: its key is the one that counts on this machine. */
void wafer_state_set_key(struct wafer_state_file *state,
                         const uint8_t check[WAFER_WIRE_CHECK_SIZE]);
/* Whether what is signed with this key is taken by others, as far as anybody can tell. */
bool wafer_state_takes_key(const struct wafer_state_file *state,
                           const uint8_t check[WAFER_WIRE_CHECK_SIZE]);

/* By the active feeder, which also mends what one that was killed left half written. */
void wafer_state_tell(struct wafer_state_file *state, const struct wafer_progress *progress);
/* False when it is being written all the time, or a feeder was killed while it wrote. */
bool wafer_state_ask(const struct wafer_state_file *state, struct wafer_progress *progress);

#endif
