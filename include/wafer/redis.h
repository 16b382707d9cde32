/* wafer/redis.h - a revocation list that many machines share: libwafer-redis, a library of its own.
 * SPDX-License-Identifier: MIT
 *
 * What one machine revokes travels to the others over a stream of Redis (6.2 or later). On each
 * machine a feeder, `wafer feed` or a thread of your own, mirrors the stream into a table file,
 * which all processes of the machine share. So checks never touch the network: they are those of
 * the table, and two loads from memory that tell how fresh it is.
 *
 * On each machine there is a folder of its own, 0700, with these files:
 *
 *     table      the table file, see wafer_revocations_new
 *     state      what the feeder tells: how fresh the table is, how far it read, counters
 *     queue      entries that could not be published yet; queue.sending: those under way
 *     lock       which feeder is active; others wait and take over when it dies
 *     secret     64 hex digits, the same on all machines: entries of the stream are signed with it
 *     password   of Redis, if it wants one
 *     user       of Redis' ACL, if it is not the default one
 *
 * The feeder of a machine whose secret is another than that of the others finds that out by their
 * heartbeats: while they come, and none of its own secret does, it is not ready, checks are those
 * of a stale table, revoking is WAFER_QUEUED, and status and watch say why. A stranger who makes
 * up heartbeats can so hold up a machine that has not yet been trusted; one that was goes on and
 * counts them as bad. When all machines get a new secret at once, the first of them listens for
 * some ten seconds before it is ready.
 *
 * Redis can neither read who was logged out (ids are random, subjects are hashed) nor make entries,
 * but it can withhold them: it must be trusted to pass them on. hiredis, which speaks to it, has no
 * TLS here: use a unix socket, a private network or a local TLS proxy such as stunnel.
 *
 * Link with -lwafer-redis, or pkg-config's wafer-redis.
 */
#ifndef WAFER_REDIS_H
#define WAFER_REDIS_H

#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a check says when the table is staler than allowed, as the feeder or Redis is down. */
typedef enum wafer_redis_when_stale {
    WAFER_REDIS_UNSET = 0, /* refused by wafer_redis_open: choose */
    WAFER_REDIS_REFUSES,   /* checks fail, so wafer_open says WAFER_UNCHECKED: answer 503 */
    WAFER_REDIS_ALLOWS     /* the table's word counts, though it may lack logouts of other machines;
                              wafer_redis_look and `wafer feed status` report it */
} wafer_redis_when_stale;

typedef struct wafer_redis_settings {
    size_t size;               /* sizeof(wafer_redis_settings) */
    const char *address;       /* required: HOST:PORT, [IPV6]:PORT or the /path/of/a/socket. Looking
                                  up a HOST may take longer than timeout_ms: prefer figures */
    const char *folder;        /* required: this machine's, see above; it must be there */
    const char *user;          /* of Redis' ACL; NULL: FOLDER/user if it is there, else the
                                  environment's WAFER_REDIS_USER, else the default one */
    const char *password_file; /* NULL: FOLDER/password if it is there, else the environment's
                                  WAFER_REDIS_PASSWORD, else none */
    const char *stream;        /* the key; "wafer"; the same on all machines, 1 to 200 bytes */
    int64_t timeout_ms;        /* publishing waits so long at most, and queueing as long for the
                                  queue's lock; 200; 1 to 10,000 */
    int64_t stale_ms;          /* required, at least 3000: a heartbeat comes every 1 to 2 seconds */
    wafer_redis_when_stale when_stale; /* required */
    bool group_readable; /* false: folder 0700, files 0600; true: 0750 and 0640, and another user of
                            the group may check with WAFER_ACCESS_READ;
                            secret, password, user, lock and queue stay 0600 */
} wafer_redis_settings;

#define WAFER_REDIS_SETTINGS_INIT                                                                  \
    {                                                                                              \
        sizeof(wafer_redis_settings), NULL, NULL, NULL, NULL, "wafer", 200, 0, WAFER_REDIS_UNSET,  \
            false                                                                                  \
    }

/* Opens this machine's list. `table` says how the table is made, as for wafer_revocations_new,
 * but its path must be NULL: it is FOLDER/table. Retention, skew and grace should be the same on
 * all machines; the longest retention of those that are alive counts. on_start is not used: a new
 * table counts as stale until the feeder has fetched what was revoked. What all machines and
 * Redis forgot is forgotten.
 *
 * Revoking puts the entry into the table, where it is in effect on this machine at once, and then
 * publishes it:
 *
 *     WAFER_OK       Redis has it. It is in effect on the others about a millisecond later, and is
 *                    as durable as Redis' appendfsync makes it
 *     WAFER_QUEUED   Redis cannot be reached, refuses, was just tried in vain, or the secret (or
 *                    stream) is another than that of this machine's feeder or of the other
 *                    machines: the entry is in FOLDER/queue, synced to the disk, and the feeder
 *                    publishes it
 *     WAFER_SYSTEM   neither for sure: the disk is full or broken, the queue is no file of this
 *                    user, or another process has held its lock for timeout_ms and does not go on.
 *                    It is in effect on this machine and may be on this one only. Repeat it
 *     others         nothing happened
 *
 * After a failure Redis is left alone for 100 ms, then longer, up to 5 s, so a dead one costs
 * requests next to nothing. Two machines that renew one session at the same time both succeed.
 *
 * With WAFER_ACCESS_READ checks work and revoking is WAFER_UNAVAILABLE; the secret is not needed.
 *
 * Memory   *list belongs to the caller, is freed by wafer_revocations_free and outlives its
 *          managers. A child of fork makes a connection of its own when it first revokes; the
 *          socket of its parent, if there was one, stays open until it ends.
 * Threads  and processes: as wafer_revocations_new. Each process has one connection; threads wait
 *          for each other, timeout_ms at most.
 * Errors   those of wafer_revocations_new; WAFER_INVALID a setting; the folder or a file in it is
 *          missing, another user's, open to others or not what it should be; SYSTEM with errno;
 *          NO_MEMORY. Redis itself need not be there. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_redis_open(const wafer_redis_settings *settings,
                                                         const wafer_revocations_settings *table,
                                                         wafer_revocations **list,
                                                         wafer_error *error);

/* Makes FOLDER/secret, and the folder if it is missing. Copy the file to the other machines over a
 * safe way. One that is there is not touched: WAFER_SYSTEM with EEXIST. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_redis_secret_new(const char *folder,
                                                               bool group_readable,
                                                               wafer_error *error);

/* ---- The feeder ------------------------------------------------------------------- */

typedef struct wafer_redis_feeder wafer_redis_feeder;

/* What a feeder tells while it runs. */
typedef enum wafer_redis_event {
    WAFER_REDIS_ALIVE = 1, /* it goes round: at least once a second, text is NULL */
    WAFER_REDIS_WAITS,     /* another feeder is active in the folder; it takes over if that dies */
    WAFER_REDIS_READY,     /* all that the stream held is in the table; again after each loss */
    WAFER_REDIS_TROUBLE,   /* something is wrong, once for each change of text, and of entries that
                              are bad at most once a minute for each kind; it goes on trying */
    WAFER_REDIS_GOOD       /* the trouble is over */
} wafer_redis_event;

/* Called in the thread of wafer_redis_feeder_run; text is a sentence without controls. */
typedef void (*wafer_redis_watch)(void *context, wafer_redis_event event, const char *text);

/* Makes a feeder. stale_ms, when_stale and timeout_ms of the settings are not used. With access
 * CREATE it makes the table if it is missing; with WRITE it must be there, and is taken as it is.
 *
 * Memory   *feeder belongs to the caller; settings are copied.
 * Errors   those of wafer_redis_open. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_redis_feeder_new(
    const wafer_redis_settings *settings, const wafer_revocations_settings *table,
    wafer_redis_feeder **feeder, wafer_error *error);

/* Mirrors until wafer_redis_feeder_stop; then it returns WAFER_OK. It waits while another feeder is
 * active in this folder. What goes wrong with Redis is told to `watch` (NULL: nobody) and tried
 * again. A program that has a feeder must not fork without exec: the child would hold the lock.
 *
 * Threads  one at a time.
 * Errors   those of opening the table anew, when its file was replaced; SYSTEM lock or clock. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_redis_feeder_run(wafer_redis_feeder *feeder,
                                                               wafer_redis_watch watch,
                                                               void *context, wafer_error *error);
/* Lets run return within some 200 ms, also while Redis hangs; only the lookup of a HOST may take
 * longer. From any thread, also from a signal handler. */
WAFER_API void wafer_redis_feeder_stop(wafer_redis_feeder *feeder);
/* Frees it; NULL is nothing. It must not be running. */
WAFER_API void wafer_redis_feeder_free(wafer_redis_feeder *feeder);

/* ---- How it is -------------------------------------------------------------------- */

typedef struct wafer_redis_status {
    bool ready;             /* the active feeder has mirrored all there was */
    bool other_secret;      /* the others' secret is another: nothing here counts, see error */
    int64_t feeder;         /* the process that is active; 0: none */
    int64_t as_of_ms;       /* what was published before is in the table; 0: not yet known. Ahead of
                               the clock: that was set back, and the table counts as stale */
    size_t entries;         /* of the table; 0 with capacity 0: it cannot be read */
    size_t capacity;        /* of the table */
    uint64_t queued;        /* entries that wait to be published */
    uint64_t published;     /* entries that Redis acknowledged, by whatever process */
    uint64_t applied;       /* entries of the stream that were put into the table */
    uint64_t bad;           /* those that were not ours, or damaged, and were skipped */
    uint64_t full;          /* those for which the table had no room */
    uint64_t reconnects;    /* connections that were lost, or could not be made */
    uint64_t syncs;         /* times that the whole stream was read */
    uint64_t republished;   /* entries that the stream had lost and this machine gave back */
    int64_t error_at_ms;    /* of the last error; 0: none */
    char error[256];        /* "" when there was none */
    char last_id[48];       /* how far the stream was read */
    char redis_version[16]; /* "" when it is not known */
} wafer_redis_status;

/* Reads what the feeder of a folder tells. Needs no more than to read; Redis is not asked. The
 * counters are kept as long as FOLDER/state, until the machine is started anew.
 * Errors   WAFER_INVALID, SYSTEM: the folder or its state; MISUSE. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_redis_look(const char *folder,
                                                         wafer_redis_status *status,
                                                         wafer_error *error);

#ifdef __cplusplus
}
#endif

#endif
