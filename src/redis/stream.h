/* The stream of Redis: adding records, reading pages, looking whether it is the one it was. */
#ifndef WAFER_SRC_REDIS_STREAM_H
#define WAFER_SRC_REDIS_STREAM_H

#include "connection.h"
#include "state.h"

/* Entries that are asked for at once. While following, a page that fits into the 16 KiB that Redis
 * has ready for each client: larger ones cost it memory just when it has many to serve. When the
 * whole is read, more; but hiredis makes ten objects an entry, which should fit into the caches. */
#define WAFER_STREAM_COUNT 150
#define WAFER_STREAM_PAGE  1000

/* Adds records, all in one go. *added counts, also on failure, those that Redis acknowledged, from
 * the first on. */
bool wafer_stream_publish(struct wafer_connection *connection,
                          const uint8_t (*records)[WAFER_WIRE_SIZE], size_t count,
                          int64_t deadline_ms, size_t *added, struct wafer_trouble *trouble);

/* Adds a heartbeat, removes the one before it (*id, unless that is 0-0), and lets Redis drop what
 * is older than trim_ms. *id is then that of the new one, 0-0 when it was refused; *missed tells
 * that the one before it was not there any more. If that one cannot be removed, true comes with a
 * trouble's text. */
bool wafer_stream_beat(struct wafer_connection *connection, const uint8_t record[WAFER_WIRE_SIZE],
                       uint64_t trim_ms, int64_t deadline_ms, struct wafer_stream_id *id,
                       bool *missed, struct wafer_trouble *trouble);

/* Removes an entry, if it is there. */
bool wafer_stream_remove(struct wafer_connection *connection, const struct wafer_stream_id *id,
                         int64_t deadline_ms, struct wafer_trouble *trouble);

/* A piece of the stream. */
struct wafer_stream_page {
    redisReply *reply;         /* NULL: nothing came */
    const redisReply *entries; /* in it */
    size_t count;
    size_t asked; /* fewer than that: it reaches to the end of the stream as it was */
};

/* One entry of a page: its id, and its bytes; NULL unless it has the one field of ours. */
struct wafer_stream_item {
    struct wafer_stream_id id;
    const void *bytes;
    size_t length;
};

/* Asks for what follows `after`; with block_ms > 0 Redis waits so long for something to come. */
bool wafer_stream_ask(struct wafer_connection *connection, const struct wafer_stream_id *after,
                      size_t count, int64_t block_ms, struct wafer_trouble *trouble);
/* Receives that. Freed with wafer_stream_page_free. */
bool wafer_stream_receive(struct wafer_connection *connection, size_t asked, int64_t deadline_ms,
                          struct wafer_stream_page *page, struct wafer_trouble *trouble);
/* False when what stands there is no entry with an id. */
bool wafer_stream_item(const struct wafer_stream_page *page, size_t index,
                       struct wafer_stream_item *item);
void wafer_stream_page_free(struct wafer_stream_page *page);

/* Of a page of one entry that was too large: the id of that one. False when there is none. */
bool wafer_stream_oversized(const struct wafer_connection *connection, struct wafer_stream_id *id);

/* The last id that the stream gave; 0-0 when there is no stream. */
bool wafer_stream_last(struct wafer_connection *connection, int64_t deadline_ms,
                       struct wafer_stream_id *last, struct wafer_trouble *trouble);

/* Whether the stream still has an entry with these bytes under this id. */
bool wafer_stream_has(struct wafer_connection *connection, const struct wafer_stream_id *id,
                      const uint8_t *bytes, size_t length, int64_t deadline_ms, bool *has,
                      struct wafer_trouble *trouble);

/* Below, at or above zero as one id is before, is, or is behind the other. */
int wafer_stream_compare(const struct wafer_stream_id *one, const struct wafer_stream_id *other);
void wafer_stream_id_write(const struct wafer_stream_id *id, char text[WAFER_STREAM_ID_TEXT]);
/* Digits, a dash, digits, and nothing else. */
bool wafer_stream_id_read(const char *text, size_t length, struct wafer_stream_id *id);

#endif
