#include "connection.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sentence.h"

#define UNKNOWN "Redis refuses: "
#define REPLICA "this Redis is a replica, which takes nothing; use its primary"

static bool lose(struct wafer_trouble *trouble, const char *what, const char *why)
{
    *trouble = (struct wafer_trouble){.lost = true, .read_too = true};
    (void)snprintf(trouble->text, sizeof trouble->text, "%s: %s", what, why);
    return false;
}

bool wafer_connection_confused(struct wafer_trouble *trouble, const char *what)
{
    return lose(trouble, "Redis answered what cannot be", what);
}

/* ---- Sending and receiving ---- */

/* Commands may hold the password, so memory that is left is wiped. */
static bool reserve(struct wafer_connection *connection, size_t more)
{
    size_t room = connection->out_room > 0 ? connection->out_room : 4096;
    char *larger;

    while (room - connection->out_length < more) {
        if (room > SIZE_MAX / 2)
            return false;
        room *= 2;
    }
    if (room == connection->out_room)
        return true;
    larger = malloc(room);
    if (larger == NULL)
        return false;
    if (connection->out_length > 0)
        memcpy(larger, connection->out, connection->out_length);
    if (connection->out != NULL)
        sodium_memzero(connection->out, connection->out_room);
    free(connection->out);
    connection->out = larger;
    connection->out_room = room;
    return true;
}

bool wafer_connection_add(struct wafer_connection *connection, int count, const char *const *words,
                          const size_t *lengths, struct wafer_trouble *trouble)
{
    char *command = NULL;
    int length = redisFormatCommandArgv(&command, count, (const char **)(uintptr_t)words, lengths);
    bool done = length > 0 && reserve(connection, (size_t)length);

    if (done) {
        memcpy(connection->out + connection->out_length, command, (size_t)length);
        connection->out_length += (size_t)length;
    }
    if (command != NULL && length > 0)
        sodium_memzero(command, (size_t)length);
    free(command);
    return done || lose(trouble, "cannot write a command", "out of memory");
}

bool wafer_connection_send(struct wafer_connection *connection, int64_t deadline_ms,
                           struct wafer_trouble *trouble)
{
    size_t sent = 0;

    while (sent < connection->out_length) {
        ssize_t length = send(connection->socket, connection->out + sent,
                              connection->out_length - sent, MSG_NOSIGNAL);
        if (length > 0)
            sent += (size_t)length;
        else if ((errno == EAGAIN || errno == EWOULDBLOCK) &&
                 wafer_address_wait(connection->socket, true, deadline_ms,
                                    &connection->access->watcher))
            continue;
        else if (errno != EINTR)
            return lose(trouble, "the connection to Redis broke", strerror(errno));
    }
    sodium_memzero(connection->out, connection->out_length);
    connection->out_length = 0;
    return true;
}

static void keep_head(struct wafer_connection *connection, const char *bytes, size_t length)
{
    size_t room = sizeof connection->head - 1;

    if (connection->received >= room)
        return;
    if (length > room - connection->received)
        length = room - connection->received;
    memcpy(connection->head + connection->received, bytes, length);
    connection->head[connection->received + length] = '\0';
}

static bool feed(struct wafer_connection *connection, int64_t deadline_ms,
                 struct wafer_trouble *trouble)
{
    char bytes[65536];
    ssize_t length = recv(connection->socket, bytes, sizeof bytes, 0);

    if (length > 0) {
        keep_head(connection, bytes, (size_t)length);
        connection->received += (size_t)length;
        if (connection->received > WAFER_ANSWER_MAX) {
            (void)lose(trouble, "Redis sent too much at once",
                       "something other than Wafer writes to the stream");
            trouble->too_large = true;
            return false;
        }
        if (redisReaderFeed(connection->reader, bytes, (size_t)length) == REDIS_OK)
            return true;
        return lose(trouble, "cannot read what Redis sent", connection->reader->errstr);
    }
    if (length == 0)
        return lose(trouble, "the connection to Redis broke", "it was closed");
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return lose(trouble, "the connection to Redis broke", strerror(errno));
    return wafer_address_wait(connection->socket, false, deadline_ms,
                              &connection->access->watcher) ||
           lose(trouble, "Redis does not answer", strerror(errno));
}

redisReply *wafer_connection_receive(struct wafer_connection *connection, int64_t deadline_ms,
                                     struct wafer_trouble *trouble)
{
    void *reply = NULL;

    connection->received = 0;
    *connection->head = '\0';
    while (true) {
        if (redisReaderGetReply(connection->reader, &reply) != REDIS_OK) {
            (void)lose(trouble, "cannot read what Redis sent", connection->reader->errstr);
            return NULL;
        }
        if (reply != NULL)
            return reply;
        if (!feed(connection, deadline_ms, trouble))
            return NULL;
    }
}

redisReply *wafer_connection_ask(struct wafer_connection *connection, int64_t deadline_ms,
                                 int count, const char *const *words, const size_t *lengths,
                                 struct wafer_trouble *trouble)
{
    redisReply *reply;

    if (!wafer_connection_add(connection, count, words, lengths, trouble) ||
        !wafer_connection_send(connection, deadline_ms, trouble))
        return NULL;
    reply = wafer_connection_receive(connection, deadline_ms, trouble);
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        wafer_connection_explain(connection, reply, trouble);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

/* ---- What Redis refuses ---- */

void wafer_connection_explain(const struct wafer_connection *connection, const redisReply *reply,
                              struct wafer_trouble *trouble)
{
    static const struct {
        const char *begins;
        bool read_too;
        bool lost; /* the address may lead to another Redis by now */
        const char *sentence;
    } known[] = {
        {"NOAUTH", true, false,
         "Redis wants a password: put it into the folder's file \"password\", or into "
         "WAFER_REDIS_PASSWORD"},
        {"WRONGPASS", true, false, "Redis knows no such user and password; mend the password file"},
        {"ERR invalid password", true, false, "Redis refuses the password; mend the password file"},
        {"ERR Client sent AUTH", true, false,
         "Redis has no password, and one was given; remove it"},
        {"ERR AUTH <password> called", true, false,
         "Redis has no password for the default user, and one was given; remove it"},
        {"NOPERM", true, false, "the user of Redis lacks a right"},
        {"OOM", false, false, "Redis has no memory left and takes nothing; raise its maxmemory"},
        {"READONLY", true, true, REPLICA},
        {"LOADING", true, true, "Redis is loading its data"},
        {"MASTERDOWN", true, true, "this Redis is a replica without its primary"},
        {"MISCONF", false, false, "Redis cannot write to its disk, and takes nothing"},
        {"UNBLOCKED", true, true, "Redis became a replica, or a primary"},
        {"NOREPLICAS", false, false, "Redis has too few replicas, and takes nothing"},
    };
    char said[120];

    *trouble = (struct wafer_trouble){.read_too = true, .refused = true};
    wafer_redis_copy_text(said, sizeof said, reply->str, (size_t)reply->len);
    if (strncmp(said, "WRONGTYPE", 9) == 0) {
        (void)snprintf(trouble->text, sizeof trouble->text,
                       "the key \"%.60s\" of Redis is no stream, another program uses it; choose "
                       "another stream on all machines, or remove the key",
                       connection->access->stream);
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(said, known[i].begins, strlen(known[i].begins)) == 0) {
            trouble->read_too = known[i].read_too;
            trouble->lost = known[i].lost;
            (void)snprintf(trouble->text, sizeof trouble->text, "%s (%.80s)", known[i].sentence,
                           said);
            return;
        }
    (void)snprintf(trouble->text, sizeof trouble->text, UNKNOWN "%s", said);
}

/* ---- Opening ---- */

static bool refuse(struct wafer_trouble *trouble, const char *text)
{
    *trouble = (struct wafer_trouble){.lost = true, .read_too = true};
    (void)snprintf(trouble->text, sizeof trouble->text, "%s", text);
    return false;
}

static bool sign_in(struct wafer_connection *connection, int64_t deadline_ms,
                    struct wafer_trouble *trouble)
{
    const struct wafer_access_data *access = connection->access;
    const char *words[3] = {"AUTH", access->password, NULL};
    redisReply *reply;
    int count = 2;

    if (*access->password == '\0')
        return true;
    if (*access->user != '\0') {
        words[1] = access->user;
        words[2] = access->password;
        count = 3;
    }
    reply = wafer_connection_ask(connection, deadline_ms, count, words, NULL, trouble);
    freeReplyObject(reply);
    /* Of a command that it does not know Redis repeats the words. */
    if (reply == NULL && strncmp(trouble->text, UNKNOWN, strlen(UNKNOWN)) == 0)
        (void)refuse(trouble, "Redis refuses to let this machine sign in; its own log may say why");
    return reply != NULL;
}

static void read_fact(const char *text, const char *name, char *to, size_t room)
{
    const char *found = strstr(text, name);

    *to = '\0';
    if (found != NULL) {
        found += strlen(name);
        wafer_redis_copy_text(to, room, found, strcspn(found, "\r\n"));
    }
}

static bool is_old(const char *version)
{
    unsigned major = 0;
    unsigned minor = 0;

    return sscanf(version, "%u.%u", &major, &minor) == 2 &&
           (major < 6 || (major == 6 && minor < 2));
}

static bool ask_info(struct wafer_connection *connection, const char *section,
                     struct wafer_trouble *trouble)
{
    const char *const words[] = {"INFO", section};

    return wafer_connection_add(connection, 2, words, NULL, trouble);
}

/* The answer as text, to be freed with *reply. NULL with *trouble. */
static const char *receive_info(struct wafer_connection *connection, int64_t deadline_ms,
                                redisReply **reply, struct wafer_trouble *trouble)
{
    *reply = wafer_connection_receive(connection, deadline_ms, trouble);
    if (*reply == NULL || (*reply)->type == REDIS_REPLY_STRING)
        return *reply != NULL ? (*reply)->str : NULL;
    if ((*reply)->type == REDIS_REPLY_ERROR)
        wafer_connection_explain(connection, *reply, trouble);
    else
        (void)wafer_connection_confused(trouble, "INFO is no text");
    return NULL;
}

static bool check_version(const struct wafer_connection *connection, struct wafer_trouble *trouble)
{
    char text[100];

    if (*connection->run_id == '\0')
        return wafer_connection_confused(trouble, "INFO without a run_id");
    if (!is_old(connection->redis_version))
        return true;
    (void)snprintf(text, sizeof text, "Redis is of version %s; the stream needs 6.2 or later",
                   connection->redis_version);
    return refuse(trouble, text);
}

/* A replica can be read, but takes nothing: the address is to lead to the primary, sooner or later.
 */
static bool meet(struct wafer_connection *connection, int64_t deadline_ms,
                 struct wafer_trouble *trouble)
{
    redisReply *reply = NULL;
    const char *text;
    char role[16] = "";
    bool good = ask_info(connection, "server", trouble) &&
                ask_info(connection, "replication", trouble) &&
                wafer_connection_send(connection, deadline_ms, trouble);

    text = good ? receive_info(connection, deadline_ms, &reply, trouble) : NULL;
    if (text != NULL) {
        read_fact(text, "\nrun_id:", connection->run_id, sizeof connection->run_id);
        read_fact(text, "\nredis_version:", connection->redis_version,
                  sizeof connection->redis_version);
    }
    freeReplyObject(reply);
    if (text == NULL || !check_version(connection, trouble))
        return false;
    text = receive_info(connection, deadline_ms, &reply, trouble);
    if (text != NULL)
        read_fact(text, "\nrole:", role, sizeof role);
    freeReplyObject(reply);
    return text != NULL && (strcmp(role, "slave") != 0 || refuse(trouble, REPLICA));
}

bool wafer_connection_open(struct wafer_connection *connection,
                           const struct wafer_access_data *access, int64_t deadline_ms,
                           struct wafer_trouble *trouble)
{
    const char *why;

    *connection = (struct wafer_connection){.access = access};
    connection->socket = wafer_address_connect(&access->address, deadline_ms, &access->watcher,
                                               &why);
    if (connection->socket < 0)
        return lose(trouble, "Redis cannot be reached", why);
    connection->reader = redisReaderCreate();
    if (connection->reader == NULL)
        (void)lose(trouble, "no connection to Redis", "out of memory");
    if (connection->reader != NULL && sign_in(connection, deadline_ms, trouble) &&
        meet(connection, deadline_ms, trouble))
        return true;
    trouble->lost = true;
    wafer_connection_close(connection);
    return false;
}

void wafer_connection_close(struct wafer_connection *connection)
{
    if (connection->socket >= 0)
        (void)close(connection->socket);
    if (connection->reader != NULL)
        redisReaderFree(connection->reader);
    if (connection->out != NULL)
        sodium_memzero(connection->out, connection->out_room);
    free(connection->out);
    *connection = (struct wafer_connection){.socket = -1};
}

bool wafer_connection_renew(struct wafer_connection *connection, int64_t deadline_ms,
                            struct wafer_trouble *trouble)
{
    struct wafer_connection another;

    if (!wafer_connection_open(&another, connection->access, deadline_ms, trouble))
        return false;
    if (strcmp(another.run_id, connection->run_id) != 0) {
        wafer_connection_close(&another);
        return lose(trouble, "the connection to Redis broke", "it was started anew");
    }
    wafer_connection_close(connection);
    *connection = another;
    *trouble = (struct wafer_trouble){.lost = false};
    return true;
}

/* ---- What every connection needs ---- */

static const char *complaint(const wafer_redis_settings *settings, struct wafer_address *address)
{
    if (!wafer_address_read(settings->address, address))
        return "address must be HOST:PORT, [IPV6]:PORT or the path of a socket";
    if (settings->stream == NULL || *settings->stream == '\0' || strlen(settings->stream) > 200)
        return "stream must have 1 to 200 bytes";
    if (settings->user != NULL && (*settings->user == '\0' || strlen(settings->user) > 255))
        return "user must have 1 to 255 bytes";
    return NULL;
}

wafer_result wafer_access_new(const wafer_redis_settings *settings, const struct wafer_site *site,
                              struct wafer_access_data **made, wafer_error *error)
{
    uint8_t secret[WAFER_SECRET_SIZE];
    struct wafer_access_data *access;
    struct wafer_address address;
    const char *wrong = complaint(settings, &address);
    wafer_result result;

    *made = NULL;
    if (wrong != NULL)
        return wafer_redis_fail(error, WAFER_INVALID, 0, "%s", wrong);
    if (sodium_init() < 0)
        return wafer_redis_fail(error, WAFER_SYSTEM, 0, "libsodium cannot be initialized");
    access = sodium_malloc(sizeof *access);
    if (access == NULL)
        return wafer_redis_fail(error, WAFER_NO_MEMORY, 0, "no memory for the list");
    memset(access, 0, sizeof *access);
    access->address = address;
    memcpy(access->stream, settings->stream, strlen(settings->stream) + 1);
    if (settings->user != NULL) {
        memcpy(access->user, settings->user, strlen(settings->user) + 1);
        result = WAFER_OK;
    } else {
        result = wafer_site_read_user(site, access->user, error);
    }
    if (result == WAFER_OK)
        result = wafer_site_read_password(site, settings->password_file, access->password, error);
    if (result == WAFER_OK)
        result = wafer_site_read_secret(site, secret, error);
    if (result == WAFER_OK) {
        wafer_wire_key(secret, access->stream, access->key);
        wafer_wire_check(access->key, access->check);
    }
    sodium_memzero(secret, sizeof secret);
    if (result != WAFER_OK) {
        sodium_free(access);
        return result;
    }
    *made = access;
    return WAFER_OK;
}
