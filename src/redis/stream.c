#include "stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Records that are sent before their replies are read: both fit into the sockets' buffers. */
#define SENT_AT_ONCE 1000

/* ---- Ids ---- */

int wafer_stream_compare(const struct wafer_stream_id *one, const struct wafer_stream_id *other)
{
    if (one->ms != other->ms)
        return one->ms < other->ms ? -1 : 1;
    if (one->sequence != other->sequence)
        return one->sequence < other->sequence ? -1 : 1;
    return 0;
}

void wafer_stream_id_write(const struct wafer_stream_id *id, char text[WAFER_STREAM_ID_TEXT])
{
    (void)snprintf(text, WAFER_STREAM_ID_TEXT, "%" PRIu64 "-%" PRIu64, id->ms, id->sequence);
}

static bool read_number(const char **at, const char *end, uint64_t *number)
{
    const char *first = *at;

    *number = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (*number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return *at > first;
}

bool wafer_stream_id_read(const char *text, size_t length, struct wafer_stream_id *id)
{
    const char *end = text + length;

    if (!read_number(&text, end, &id->ms) || text == end || *text != '-')
        return false;
    text++;
    return read_number(&text, end, &id->sequence) && text == end;
}

/* ---- Adding ---- */

static bool add_record(struct wafer_connection *connection, const uint8_t *record,
                       struct wafer_trouble *trouble)
{
    const char *words[5] = {"XADD", connection->access->stream, "*", "e", (const char *)record};
    const size_t lengths[5] = {4, strlen(connection->access->stream), 1, 1, WAFER_WIRE_SIZE};

    return wafer_connection_add(connection, 5, words, lengths, trouble);
}

/* Reads the replies of a row of commands, also behind a refusal, so that the connection stays of
 * use. *added counts those before the first refusal. */
static bool read_added(struct wafer_connection *connection, size_t count, int64_t deadline_ms,
                       size_t *added, struct wafer_trouble *trouble)
{
    bool refused = false;

    for (size_t i = 0; i < count; i++) {
        redisReply *reply = wafer_connection_receive(connection, deadline_ms, trouble);
        if (reply == NULL)
            return false;
        if (reply->type == REDIS_REPLY_ERROR && !refused) {
            wafer_connection_explain(connection, reply, trouble);
            refused = true;
        }
        if (!refused)
            ++*added;
        freeReplyObject(reply);
    }
    return !refused;
}

bool wafer_stream_publish(struct wafer_connection *connection,
                          const uint8_t (*records)[WAFER_WIRE_SIZE], size_t count,
                          int64_t deadline_ms, size_t *added, struct wafer_trouble *trouble)
{
    *added = 0;
    while (*added < count) {
        size_t before = *added;
        size_t piece = count - before < SENT_AT_ONCE ? count - before : SENT_AT_ONCE;

        for (size_t i = 0; i < piece; i++)
            if (!add_record(connection, records[before + i], trouble))
                return false;
        if (!wafer_connection_send(connection, deadline_ms, trouble) ||
            !read_added(connection, piece, deadline_ms, added, trouble))
            return false;
    }
    return true;
}

static bool add_beat(struct wafer_connection *connection, const uint8_t *record, uint64_t trim_ms,
                     struct wafer_trouble *trouble)
{
    const char *stream = connection->access->stream;
    char trim[WAFER_STREAM_ID_TEXT];
    const char *words[8] = {"XADD", stream, "MINID", "~", trim, "*", "e", (const char *)record};
    size_t lengths[8];

    (void)snprintf(trim, sizeof trim, "%" PRIu64, trim_ms);
    for (unsigned i = 0; i < 7; i++)
        lengths[i] = strlen(words[i]);
    lengths[7] = WAFER_WIRE_SIZE;
    return wafer_connection_add(connection, 8, words, lengths, trouble);
}

static bool add_deletion(struct wafer_connection *connection, const struct wafer_stream_id *id,
                         struct wafer_trouble *trouble)
{
    char text[WAFER_STREAM_ID_TEXT];
    const char *words[3] = {"XDEL", connection->access->stream, text};

    wafer_stream_id_write(id, text);
    return wafer_connection_add(connection, 3, words, NULL, trouble);
}

/* A heartbeat that cannot be removed does no harm but that it stays, which is told. *missed: it was
 * not there. */
static bool read_deletion(struct wafer_connection *connection, int64_t deadline_ms, bool is_sent,
                          bool *missed, struct wafer_trouble *trouble)
{
    struct wafer_trouble of_deletion = {.lost = false};
    redisReply *reply = wafer_connection_receive(connection, deadline_ms, &of_deletion);
    bool came = reply != NULL;

    if (came && reply->type == REDIS_REPLY_ERROR)
        wafer_connection_explain(connection, reply, &of_deletion);
    *missed = came && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0;
    if (is_sent || !came)
        *trouble = of_deletion;
    freeReplyObject(reply);
    return came;
}

static bool receive_id(struct wafer_connection *connection, int64_t deadline_ms,
                       struct wafer_stream_id *id, struct wafer_trouble *trouble)
{
    redisReply *reply = wafer_connection_receive(connection, deadline_ms, trouble);
    bool good = reply != NULL && reply->type == REDIS_REPLY_STRING &&
                wafer_stream_id_read(reply->str, (size_t)reply->len, id);

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        wafer_connection_explain(connection, reply, trouble);
    else if (reply != NULL && !good)
        (void)wafer_connection_confused(trouble, "no id for an entry");
    freeReplyObject(reply);
    return good;
}

bool wafer_stream_beat(struct wafer_connection *connection, const uint8_t record[WAFER_WIRE_SIZE],
                       uint64_t trim_ms, int64_t deadline_ms, struct wafer_stream_id *id,
                       bool *missed, struct wafer_trouble *trouble)
{
    bool deletes = id->ms > 0;
    bool good;

    *missed = false;
    *trouble = (struct wafer_trouble){.lost = false};
    if (!add_beat(connection, record, trim_ms, trouble) ||
        (deletes && !add_deletion(connection, id, trouble)) ||
        !wafer_connection_send(connection, deadline_ms, trouble))
        return false;
    *id = (struct wafer_stream_id){0, 0};
    good = receive_id(connection, deadline_ms, id, trouble);
    if (!deletes || trouble->lost)
        return good;
    return read_deletion(connection, deadline_ms, good, missed, trouble) && good;
}

bool wafer_stream_remove(struct wafer_connection *connection, const struct wafer_stream_id *id,
                         int64_t deadline_ms, struct wafer_trouble *trouble)
{
    char text[WAFER_STREAM_ID_TEXT];
    const char *const words[3] = {"XDEL", connection->access->stream, text};
    redisReply *reply;

    wafer_stream_id_write(id, text);
    reply = wafer_connection_ask(connection, deadline_ms, 3, words, NULL, trouble);
    freeReplyObject(reply);
    return reply != NULL;
}

/* ---- Reading ---- */

bool wafer_stream_ask(struct wafer_connection *connection, const struct wafer_stream_id *after,
                      size_t count, int64_t block_ms, struct wafer_trouble *trouble)
{
    char count_text[24];
    char block_text[24];
    char after_text[WAFER_STREAM_ID_TEXT];
    const char *words[8] = {"XREAD", "COUNT", count_text};
    int used = 3;

    (void)snprintf(count_text, sizeof count_text, "%zu", count);
    (void)snprintf(block_text, sizeof block_text, "%" PRId64, block_ms);
    wafer_stream_id_write(after, after_text);
    if (block_ms > 0) {
        words[used++] = "BLOCK";
        words[used++] = block_text;
    }
    words[used++] = "STREAMS";
    words[used++] = connection->access->stream;
    words[used++] = after_text;
    return wafer_connection_add(connection, used, words, NULL, trouble);
}

/* [[stream, entries]] */
static const redisReply *find_entries(const redisReply *reply)
{
    const redisReply *stream;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
        return NULL;
    stream = reply->element[0];
    if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2 ||
        stream->element[1]->type != REDIS_REPLY_ARRAY)
        return NULL;
    return stream->element[1];
}

bool wafer_stream_receive(struct wafer_connection *connection, size_t asked, int64_t deadline_ms,
                          struct wafer_stream_page *page, struct wafer_trouble *trouble)
{
    redisReply *reply = wafer_connection_receive(connection, deadline_ms, trouble);

    *page = (struct wafer_stream_page){.asked = asked};
    if (reply == NULL)
        return false;
    if (reply->type == REDIS_REPLY_ERROR)
        wafer_connection_explain(connection, reply, trouble);
    page->entries = find_entries(reply);
    if (page->entries != NULL && page->entries->elements <= asked) {
        page->reply = reply;
        page->count = page->entries->elements;
        return true;
    }
    bool nothing = reply->type == REDIS_REPLY_NIL;
    if (!nothing && reply->type != REDIS_REPLY_ERROR)
        (void)wafer_connection_confused(trouble, "no page of a stream");
    freeReplyObject(reply);
    *page = (struct wafer_stream_page){.asked = asked};
    return nothing;
}

static bool read_item(const redisReply *entry, struct wafer_stream_item *item)
{
    const redisReply *fields;

    *item = (struct wafer_stream_item){.bytes = NULL};
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[0]->type != REDIS_REPLY_STRING ||
        !wafer_stream_id_read(entry->element[0]->str, (size_t)entry->element[0]->len, &item->id))
        return false;
    fields = entry->element[1];
    if (fields->type == REDIS_REPLY_ARRAY && fields->elements == 2 &&
        fields->element[0]->type == REDIS_REPLY_STRING && fields->element[0]->len == 1 &&
        fields->element[0]->str[0] == 'e' && fields->element[1]->type == REDIS_REPLY_STRING) {
        item->bytes = fields->element[1]->str;
        item->length = (size_t)fields->element[1]->len;
    }
    return true;
}

bool wafer_stream_item(const struct wafer_stream_page *page, size_t index,
                       struct wafer_stream_item *item)
{
    return read_item(page->entries->element[index], item);
}

void wafer_stream_page_free(struct wafer_stream_page *page)
{
    freeReplyObject(page->reply);
    *page = (struct wafer_stream_page){.reply = NULL};
}

/* ---- What is too large to be read ---- */

/* An id as Redis sends it: its length, and itself. */
static bool read_sent_id(const char *text, struct wafer_stream_id *id)
{
    const char *first = strstr(text, "\r\n");
    const char *end = first != NULL ? strstr(first + 2, "\r\n") : NULL;

    return end != NULL && wafer_stream_id_read(first + 2, (size_t)(end - first - 2), id);
}

bool wafer_stream_oversized(const struct wafer_connection *connection, struct wafer_stream_id *id)
{
    const char *stream = connection->access->stream;
    char begin[256];
    int length = snprintf(begin, sizeof begin, "*1\r\n*2\r\n$%zu\r\n%s\r\n*1\r\n*2\r\n$",
                          strlen(stream), stream);

    return length > 0 && strncmp(connection->head, begin, (size_t)length) == 0 &&
           read_sent_id(connection->head + length, id);
}

/* ---- Is it the stream it was? ---- */

/* Redis tells the first and the last entry, too, behind the last id. */
static bool find_last(struct wafer_connection *connection, int64_t deadline_ms,
                      struct wafer_stream_id *last, struct wafer_trouble *trouble)
{
    static const char name[] = "\r\nlast-generated-id\r\n$";
    const char *found = strstr(connection->head, name);

    return trouble->too_large && found != NULL && read_sent_id(found + sizeof name - 1, last) &&
           wafer_connection_renew(connection, deadline_ms, trouble);
}

bool wafer_stream_last(struct wafer_connection *connection, int64_t deadline_ms,
                       struct wafer_stream_id *last, struct wafer_trouble *trouble)
{
    const char *const words[] = {"XINFO", "STREAM", connection->access->stream};
    redisReply *reply;
    bool found = false;

    *last = (struct wafer_stream_id){0, 0};
    if (!wafer_connection_add(connection, 3, words, NULL, trouble) ||
        !wafer_connection_send(connection, deadline_ms, trouble))
        return false;
    reply = wafer_connection_receive(connection, deadline_ms, trouble);
    if (reply == NULL)
        return find_last(connection, deadline_ms, last, trouble);
    if (reply->type == REDIS_REPLY_ERROR) {
        bool missing = strstr(reply->str, "no such key") != NULL;
        if (!missing)
            wafer_connection_explain(connection, reply, trouble);
        freeReplyObject(reply);
        return missing;
    }
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i];
        const redisReply *value = reply->element[i + 1];
        if (name->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
            strcmp(name->str, "last-generated-id") == 0)
            found = wafer_stream_id_read(value->str, (size_t)value->len, last);
    }
    freeReplyObject(reply);
    return found || wafer_connection_confused(trouble, "a stream without a last id");
}

bool wafer_stream_has(struct wafer_connection *connection, const struct wafer_stream_id *id,
                      const uint8_t *bytes, size_t length, int64_t deadline_ms, bool *has,
                      struct wafer_trouble *trouble)
{
    char text[WAFER_STREAM_ID_TEXT];
    const char *const words[] = {"XRANGE", connection->access->stream, text, text};
    struct wafer_stream_item item;
    redisReply *reply;

    wafer_stream_id_write(id, text);
    *has = false;
    reply = wafer_connection_ask(connection, deadline_ms, 4, words, NULL, trouble);
    if (reply == NULL)
        return trouble->too_large && wafer_connection_renew(connection, deadline_ms, trouble);
    *has = reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
           read_item(reply->element[0], &item) && item.bytes != NULL && item.length == length &&
           memcmp(item.bytes, bytes, length) == 0;
    freeReplyObject(reply);
    return true;
}
