/* The feeder: what its files share.
 *
 *     feeder   making, running, the lock, connecting anew
 *     follow   the loop while connected: heartbeats, the queue, reading on, is it still the stream?
 *     sync     catching up: from where the last feeder was, or from the beginning
 *     pages    entries of the stream, as many at once as an answer may hold
 *     mirror   entries of a page into the table
 *     trust    whether this machine's secret is that of the others
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

/* See trust.c. */
enum wafer_trust {
    WAFER_TRUST_UNKNOWN = 0,
    WAFER_TRUST_DOUBTED,
    WAFER_TRUST_TRIED,
    WAFER_TRUST_FIRM
};

/* What there is to say of entries: wafer_wire_fault, and these. */
enum {
    WAFER_NOTICE_FIELDS = WAFER_WIRE_AHEAD + 1, /* other fields than ours */
    WAFER_NOTICE_SECRET,                        /* a heartbeat of another secret */
    WAFER_NOTICE_LARGE,
    WAFER_NOTICE_CLOCK,
    WAFER_NOTICE_RETENTION,
    WAFER_NOTICES
};

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
    int64_t noticed_ms[WAFER_NOTICES];

    enum wafer_trust trust;
    int64_t trust_due_ms; /* when it changes if nobody turns up; 0: not by itself */
    bool others_beat;     /* there were heartbeats of another secret since the last sync began */

    /* Heartbeats; times are those of wafer_moment_steady. */
    int64_t beat_due_ms;
    int64_t beat_seen_ms;
    int64_t beat_spread_ms;
    int64_t beat_asked_ms; /* the table's time of the question that brought it; 0: it counted */
    bool beat_is_read;     /* that of this machine, since the last sync began */
    bool keeps_beats;      /* Redis does not let them be removed, as was told */

    /* After Redis refused to take something. */
    int64_t write_pause_ms;
    int64_t write_not_before_ms;

    size_t piece; /* records that are sent in one go; 0: as many as ever */

    /* Draining the queue. */
    int64_t queue_not_before_ms; /* after the disk failed */
    int64_t queue_sent_ms;
    bool behind; /* the last page was full: there is more to be read */

    size_t page_rows;  /* entries that may be asked for at once; 0: as many as ever */
    size_t asked_rows; /* that were */

    int64_t probe_due_ms;

    /* Reading the whole once more. */
    bool incomplete; /* the table had no room for something */
    bool again;      /* something is worth reading again */
    int64_t sync_due_ms;
    int64_t sync_pause_ms;
    struct wafer_lacking *lacking; /* during a sync, else NULL */

    /* How busy the stream is, counted anew every fifth of a second. */
    int64_t busy_from_ms;
    unsigned replies;
    unsigned crowded; /* replies with several entries */
    unsigned entries;
    unsigned entries_at_gap; /* of that time so far, when gaps were begun; 0: no gaps */
};

/* ---- feeder.c ---- */

/* What is wrong, for the state and the watcher; told once until it changes. */
void wafer_feeder_troubled(struct wafer_redis_feeder *feeder, const char *text);
/* The same for the state alone: the watcher was told not long ago. */
void wafer_feeder_noted(struct wafer_redis_feeder *feeder, const char *text);
void wafer_feeder_is_good(struct wafer_redis_feeder *feeder);
/* To be called at least once a second. False when the feeder is to stop. */
bool wafer_feeder_alive(struct wafer_redis_feeder *feeder);
/* Sleeps, and wakes up when the feeder is to stop. */
void wafer_feeder_nap(struct wafer_redis_feeder *feeder, int64_t milliseconds);
/* Time by the table's clock; -1 with trouble when it cannot be used. */
int64_t wafer_feeder_now(struct wafer_redis_feeder *feeder);
/* The folder's table is another file than the one that is open, or somebody says that it is new. */
bool wafer_feeder_table_is_replaced(const struct wafer_redis_feeder *feeder);

/* ---- trust.c ---- */

/* Whether the feeder may be ready, and write. */
bool wafer_feeder_is_trusted(const struct wafer_redis_feeder *feeder);
/* The state was filled with another one. */
bool wafer_feeder_has_new_secret(const struct wafer_redis_feeder *feeder);
/* What the state says of it, after that was read. */
void wafer_feeder_recall_trust(struct wafer_redis_feeder *feeder);
/* A heartbeat of this secret came; of another one, just now or left in the stream. */
void wafer_feeder_hear_ours(struct wafer_redis_feeder *feeder, const struct wafer_stream_id *id);
void wafer_feeder_hear_others(struct wafer_redis_feeder *feeder, bool live);
/* All that was in the stream is read. */
void wafer_feeder_judge(struct wafer_redis_feeder *feeder);
/* What came meanwhile was not heard live: the time in which somebody may turn up begins again. */
void wafer_feeder_listen_anew(struct wafer_redis_feeder *feeder);
/* All was heard that came until then, a time of wafer_moment_steady. */
void wafer_feeder_pass_time(struct wafer_redis_feeder *feeder, int64_t heard_until_ms);

/* ---- beat.c ---- */

/* Sends a heartbeat if it is due. False when the connection is of no use. */
bool wafer_feeder_beat(struct wafer_redis_feeder *feeder, struct wafer_trouble *trouble);
/* Heartbeats came, so many at once; the next one of this feeder's own is put off. */
void wafer_feeder_beats_came(struct wafer_redis_feeder *feeder, unsigned beats);
/* What the stream may have dropped has ids of earlier times; `last_ms` is that of its last id. */
uint64_t wafer_feeder_kept_from(struct wafer_redis_feeder *feeder, uint64_t last_ms);

/* ---- pages.c ---- */

/* Asks for what follows `after`, the last entry of the page that is mirrored next or was last; for
 * so many entries at most. */
bool wafer_feeder_ask(struct wafer_redis_feeder *feeder, const struct wafer_stream_id *after,
                      size_t most, int64_t block_ms, int64_t deadline_ms,
                      struct wafer_trouble *trouble);
/* Receives that, when the page before it is mirrored; in smaller pieces, over connections of their
 * own, when there are entries of strangers that are too large. One that is too large alone is
 * skipped. Freed with wafer_stream_page_free. */
bool wafer_feeder_receive(struct wafer_redis_feeder *feeder, int64_t deadline_ms,
                          struct wafer_stream_page *page, struct wafer_trouble *trouble);

/* ---- mirror.c ---- */

/* Puts a page into the table, and moves on. The page was asked for at asked_ms, by the table's
 * clock, and the table is no fresher than that, however long the answer took; 0: a page of those
 * that say nothing of freshness. False when the connection or the table is of no use; the same page
 * may then be mirrored again. */
bool wafer_feeder_mirror(struct wafer_redis_feeder *feeder, const struct wafer_stream_page *page,
                         int64_t asked_ms);
/* Tells the watcher, unless it was told of that kind less than a minute ago, and the state. */
void wafer_feeder_notice(struct wafer_redis_feeder *feeder, unsigned notice, const char *text);
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

/* How many records are sent in one go, as the link allows; and how the last ones fared. */
size_t wafer_feeder_piece(const struct wafer_redis_feeder *feeder);
void wafer_feeder_sent_piece(struct wafer_redis_feeder *feeder, bool got_through, int64_t took_ms);

#endif
