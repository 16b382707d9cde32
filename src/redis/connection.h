/* One connection to Redis: commands out, replies in, each within its time. hiredis writes the
 * commands and reads the replies; the socket is ours, so that a deadline holds for the whole and no
 * SIGPIPE comes. Only this and stream.c, which takes replies apart, know hiredis. */
#ifndef WAFER_SRC_REDIS_CONNECTION_H
#define WAFER_SRC_REDIS_CONNECTION_H

#include <hiredis/hiredis.h>

#include "address.h"
#include "site.h"

/* What is needed to speak to Redis, the same for every connection. In memory of sodium_malloc. */
struct wafer_access_data {
    struct wafer_address address;
    char stream[201];
    char user[WAFER_USER_MAX]; /* "": the default one */
    char password[WAFER_PASSWORD_MAX];
    uint8_t key[WAFER_WIRE_KEY_SIZE]; /* of records */
    uint8_t check[WAFER_WIRE_CHECK_SIZE];
    struct wafer_watcher watcher; /* of all that waits */
};

/* Checks the settings and reads secret and password. Freed with sodium_free. */
wafer_result wafer_access_new(const wafer_redis_settings *settings, const struct wafer_site *site,
                              struct wafer_access_data **access, wafer_error *error);

/* What one answer may take. A page of good records is a tenth of a megabyte; of foreign ones
 * hiredis makes objects that take some twenty times the room. */
#define WAFER_ANSWER_MAX ((size_t)4 << 20)

/* Why something could not be done. */
struct wafer_trouble {
    bool lost;      /* the connection is of no use any more */
    bool read_too;  /* not only writing is refused */
    bool refused;   /* Redis said so itself */
    bool too_large; /* the answer is longer than WAFER_ANSWER_MAX; its rest was not read */
    char text[200];
};

struct wafer_connection {
    const struct wafer_access_data *access;
    int socket; /* -1: none */
    redisReader *reader;
    char *out; /* commands that are not sent yet */
    size_t out_length;
    size_t out_room;
    size_t received; /* bytes of the last answer that was waited for */
    char head[512];  /* the first of them, and a NUL */
    char run_id[48];
    char redis_version[16];
};

/* Connects, signs in and asks who is there. False with *trouble; the connection is then closed. */
bool wafer_connection_open(struct wafer_connection *connection,
                           const struct wafer_access_data *access, int64_t deadline_ms,
                           struct wafer_trouble *trouble);
void wafer_connection_close(struct wafer_connection *connection);
/* Another connection in place of this one, to the same run of Redis; after an answer too large. */
bool wafer_connection_renew(struct wafer_connection *connection, int64_t deadline_ms,
                            struct wafer_trouble *trouble);

/* A command to be sent with the next wafer_connection_send. */
bool wafer_connection_add(struct wafer_connection *connection, int count, const char *const *words,
                          const size_t *lengths, struct wafer_trouble *trouble);
bool wafer_connection_send(struct wafer_connection *connection, int64_t deadline_ms,
                           struct wafer_trouble *trouble);
/* The next reply, which may be an error of Redis; to be freed with freeReplyObject. NULL with
 * *trouble. */
redisReply *wafer_connection_receive(struct wafer_connection *connection, int64_t deadline_ms,
                                     struct wafer_trouble *trouble);

/* One command and its reply; an error of Redis is NULL too, with a sentence. */
redisReply *wafer_connection_ask(struct wafer_connection *connection, int64_t deadline_ms,
                                 int count, const char *const *words, const size_t *lengths,
                                 struct wafer_trouble *trouble);

/* Turns an error that Redis replied into a sentence. */
void wafer_connection_explain(const struct wafer_connection *connection, const redisReply *reply,
                              struct wafer_trouble *trouble);

/* A reply that cannot be: the connection is given up. Returns false. */
bool wafer_connection_confused(struct wafer_trouble *trouble, const char *what);

#endif
