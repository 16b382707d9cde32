/* A mirror that only asks and reads: it asks as a feeder does (src/redis/follow.c) and looks at the
 * frame and the number of each entry, but has no table, checks no signature and sends no heartbeat.
 * So two processors carry a thousand of them. */
#ifndef WAFER_BENCH_REDIS_MIRROR_H
#define WAFER_BENCH_REDIS_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mirror {
    int socket;
    const char *stream;
    char last[48]; /* the id that was read last */

    char *bytes; /* what came of a reply */
    size_t length;
    size_t room;
    size_t done; /* of these, taken */
    size_t left; /* entries of the reply that have not come yet */
    size_t page; /* entries of the reply */

    /* How busy the stream is, as a feeder counts it. */
    int64_t busy_from_us;
    unsigned replies;
    unsigned crowded;
    unsigned entries;
    unsigned entries_at_gap; /* 0: no gaps */
};

/* Told of each revoked session that comes. */
typedef void (*mirror_taker)(void *context, uint64_t number);

/* Connects, and asks for what comes from now on. False with errno. */
bool mirror_open(struct mirror *mirror, const char *address, const char *stream);
bool mirror_ask(struct mirror *mirror);
/* Reads what there is. *complete: the reply is, so it is to ask again, after a gap if *waits. False
 * when the connection broke, or when something came that a feeder would skip. */
bool mirror_read(struct mirror *mirror, mirror_taker taker, void *context, bool *complete,
                 bool *waits);
void mirror_close(struct mirror *mirror);

#endif
