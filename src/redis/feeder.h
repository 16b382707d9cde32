/* The feeder: what its files share.
 *
 *     feeder   making, running, the lock, connecting anew
 *     follow   the loop while connected: heartbeats, the queue, reading on, is it still the stream?
 *     sync     catching up: from where the last feeder was, or from the beginning
 *     mirror   entries of a page into the table
 *     beat     heartbeats, of which some host sends one about every second
 *     lacking  what the table holds and the stream lost */
#ifndef WAFER_SRC_REDIS_FEEDER_H
#define WAFER_SRC_REDIS_FEEDER_H

#include <stdatomic.h>

#include "lacking.h"
#include "moment.h"
#include "open.h"
#include "stream.h"

/* How long Redis may take for an answer before the connection is given up. */
#define WAFER_FEEDER_PATIENCE_MS 5000

struct wafer_redis_feeder {
    /* From the settings. */
    struct wafer_site *site;
    struct wafer_access_data *access;
    wafer_revocations_settings table_settings;

    wafer_revocations *table;
    uint64_t inode; /* of its file */
    int64_t skew_ms;
    struct wafer_state_file *state;
    struct wafer_progress progress; /* what the state says, but for what is under way */
    struct wafer_connection connection;
    int lock;
    atomic_bool stop;

    wafer_redis_watch watch;
    void *context;
    char trouble[256]; /* "": none */

    /* Heartbeats; times are those of wafer_moment_steady. */
    int64_t beat_due_ms;
    int64_t beat_seen_ms;
    int64_t beat_spread_ms;
    struct wafer_stream_id beat; /* the last one of this feeder that is still there */

    /* After Redis refused to take something. */
    int64_t write_pause_ms;
    int64_t write_not_before_ms;

    int64_t probe_due_ms;

    /* Reading the whole once more. */
    bool incomplete; /* the table had no room for something */
    bool again;      /* something is worth reading again */
    int64_t sync_due_ms;
    int64_t sync_pause_ms;
    struct wafer_lacking *lacking; /* during a sync, else NULL */

    /* How busy the stream is, counted from one second to the next. */
    int64_t second_ms;
    unsigned replies;
    unsigned crowded; /* replies with several entries */
    unsigned entries;
    unsigned entries_at_gap; /* of the second so far, when gaps were begun; 0: no gaps */
};

/* ---- feeder.c ---- */

/* What is wrong, for the state and the watcher; told once until it changes. */
void wafer_feeder_troubled(struct wafer_redis_feeder *feeder, const char *text);
void wafer_feeder_is_good(struct wafer_redis_feeder *feeder);
/* To be called at least once a second. False when the feeder is to stop. */
bool wafer_feeder_alive(struct wafer_redis_feeder *feeder);
/* Sleeps, and wakes up when the feeder is to stop. */
void wafer_feeder_nap(struct wafer_redis_feeder *feeder, int64_t milliseconds);
/* Time by the table's clock; -1 with trouble when it cannot be used. */
int64_t wafer_feeder_now(struct wafer_redis_feeder *feeder);
/* The folder's table is another file than the one that is open, or somebody says that it is new. */
bool wafer_feeder_table_is_replaced(const struct wafer_redis_feeder *feeder);

/* ---- beat.c ---- */

/* Sends a heartbeat if it is due. False when the connection is of no use. */
bool wafer_feeder_beat(struct wafer_redis_feeder *feeder, struct wafer_trouble *trouble);
/* Heartbeats came, so many at once; the next one of this feeder's own is put off. */
void wafer_feeder_beats_came(struct wafer_redis_feeder *feeder, unsigned beats);
/* What the stream may have dropped has ids of earlier times; `last_ms` is that of its last id. */
uint64_t wafer_feeder_kept_from(struct wafer_redis_feeder *feeder, uint64_t last_ms);

/* ---- mirror.c ---- */

/* Puts a page into the table, and moves on. The page was asked for at asked_ms, by the table's
 * clock, and the table is no fresher than that, however long the answer took; 0: a page of those
 * that say nothing of freshness. False when the connection or the table is of no use; the same page
 * may then be mirrored again. */
bool wafer_feeder_mirror(struct wafer_redis_feeder *feeder, const struct wafer_stream_page *page,
                         int64_t asked_ms);
/* Whether the table has the last entry that was mirrored, so that it is the table it was. */
bool wafer_feeder_has_last_entry(struct wafer_redis_feeder *feeder);

/* ---- sync.c ---- */

/* Brings the table up to the end of the stream after connecting, or reads all of it once more. */
bool wafer_feeder_catch_up(struct wafer_redis_feeder *feeder);
bool wafer_feeder_sync(struct wafer_redis_feeder *feeder);
/* Whether the stream is still the one that was mirrored. False when that cannot be told. */
bool wafer_feeder_probe(struct wafer_redis_feeder *feeder, bool *same);

/* ---- follow.c ---- */

/* Mirrors until the feeder is to stop or the connection is of no use. */
void wafer_feeder_follow(struct wafer_redis_feeder *feeder);

#endif
