#include "feeder.h"

#include <sodium.h>
#include <string.h>

/* Longer than any pause of a feeder that is alive: after Redis refused, or went away. */
#define LISTEN_MS 10000

/* Is this machine's secret that of the others? What another secret signed looks like what a
 * stranger made up, so it proves nothing, and must not stop a machine that is right. Only
 * heartbeats that this secret signed do prove something: a feeder that was trusted sent them. So:
 *
 *     unknown     nothing is read yet
 *     doubted     the stream has heartbeats, and none of this secret: this feeder is silent and not
 *                 ready, until one of this secret comes, or none of the others for LISTEN_MS
 *     tried       nobody is there, or nobody any more: maybe this is the first machine. If others
 *                 of another secret turn up within LISTEN_MS of the first heartbeat, it is doubted
 *     trusted     for good, by a heartbeat that this machine did not send, or as nobody turned up.
 *                 Heartbeats that are not of this secret are counted as bad
 *
 * Of two machines of different secrets that begin at the same time one is trusted in the end. A
 * stranger who writes heartbeats can hold up a machine that was never trusted, and no other. */

bool wafer_feeder_is_trusted(const struct wafer_redis_feeder *feeder)
{
    return feeder->trust == WAFER_TRUST_TRIED || feeder->trust == WAFER_TRUST_FIRM;
}

static void listen(struct wafer_redis_feeder *feeder)
{
    feeder->trust_due_ms = wafer_moment_steady() + LISTEN_MS +
                           (int64_t)wafer_moment_spread(LISTEN_MS / 4);
}

/* A feeder that goes on where this one was knows it, too. */
static void set_trust(struct wafer_redis_feeder *feeder, enum wafer_trust trust)
{
    struct wafer_progress *progress = &feeder->progress;

    feeder->trust = trust;
    progress->trust = trust;
    if (wafer_feeder_is_trusted(feeder))
        memcpy(progress->secret, feeder->access->check, sizeof progress->secret);
    else
        memset(progress->secret, 0, sizeof progress->secret);
    wafer_state_tell(feeder->state, progress);
}

static void doubt(struct wafer_redis_feeder *feeder)
{
    set_trust(feeder, WAFER_TRUST_DOUBTED);
    atomic_store(&feeder->state->other_secret, 1);
    atomic_store(&feeder->state->ready, 0);
    atomic_store(&feeder->state->as_of_ms, 0);
    feeder->again = true;
    listen(feeder);
}

/* After a doubt what was read and given back before is worth nothing: all of it once more. */
static void become(struct wafer_redis_feeder *feeder, enum wafer_trust trust)
{
    if (!wafer_feeder_is_trusted(feeder))
        feeder->sync_due_ms = 0;
    feeder->trust_due_ms = 0;
    set_trust(feeder, trust);
    atomic_store(&feeder->state->other_secret, 0);
}

static bool is_kept(const struct wafer_redis_feeder *feeder)
{
    return sodium_memcmp(feeder->progress.secret, feeder->access->check, WAFER_WIRE_CHECK_SIZE) ==
           0;
}

bool wafer_feeder_has_new_secret(const struct wafer_redis_feeder *feeder)
{
    return sodium_is_zero(feeder->progress.secret, WAFER_WIRE_CHECK_SIZE) == 0 && !is_kept(feeder);
}

void wafer_feeder_recall_trust(struct wafer_redis_feeder *feeder)
{
    if (is_kept(feeder)) {
        feeder->trust = feeder->progress.trust == WAFER_TRUST_FIRM ? WAFER_TRUST_FIRM
                                                                   : WAFER_TRUST_TRIED;
        /* The one before may have been killed as it became so. */
        atomic_store(&feeder->state->other_secret, 0);
    } else if (wafer_feeder_is_trusted(feeder))
        set_trust(feeder, feeder->trust);
}

void wafer_feeder_hear_ours(struct wafer_redis_feeder *feeder, const struct wafer_stream_id *id)
{
    bool sent_here = feeder->progress.beat.ms != 0 &&
                     wafer_stream_compare(id, &feeder->progress.beat) == 0;

    if (sent_here)
        feeder->beat_is_read = true;
    if (feeder->trust != WAFER_TRUST_FIRM && !sent_here)
        become(feeder, WAFER_TRUST_FIRM);
    else if (feeder->trust == WAFER_TRUST_TRIED && feeder->trust_due_ms == 0)
        listen(feeder);
}

void wafer_feeder_hear_others(struct wafer_redis_feeder *feeder, bool live)
{
    struct wafer_trouble trouble;

    feeder->others_beat = true;
    if (!live || feeder->trust == WAFER_TRUST_FIRM)
        return;
    /* Nor may a heartbeat that is left prove anything after a restart. */
    if (feeder->progress.beat.ms != 0)
        (void)!wafer_stream_remove(&feeder->connection, &feeder->progress.beat,
                                   wafer_moment_steady() + WAFER_FEEDER_PATIENCE_MS, &trouble);
    feeder->progress.beat = (struct wafer_stream_id){0, 0};
    doubt(feeder);
    wafer_feeder_troubled(feeder, "this machine's secret is another than that of the others, so it "
                                  "is not trusted: copy the file \"secret\" of one of them into "
                                  "this machine's folder, and start all that use it again");
}

void wafer_feeder_judge(struct wafer_redis_feeder *feeder)
{
    if (feeder->trust != WAFER_TRUST_UNKNOWN)
        return;
    if (!feeder->others_beat) {
        become(feeder, WAFER_TRUST_TRIED);
        return;
    }
    doubt(feeder);
    wafer_feeder_troubled(feeder, "heartbeats in the stream have another secret than this machine; "
                                  "listening whether one that sends them is alive");
}

void wafer_feeder_listen_anew(struct wafer_redis_feeder *feeder)
{
    if (feeder->trust_due_ms != 0)
        listen(feeder);
}

void wafer_feeder_pass_time(struct wafer_redis_feeder *feeder, int64_t heard_until_ms)
{
    if (feeder->trust_due_ms == 0 || heard_until_ms < feeder->trust_due_ms)
        return;
    feeder->trust_due_ms = 0;
    if (feeder->trust == WAFER_TRUST_DOUBTED)
        become(feeder, WAFER_TRUST_TRIED);
    else
        become(feeder, WAFER_TRUST_FIRM);
}
