#define _GNU_SOURCE
#include "mirror.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hosts.h"

/* As in src/redis/follow.c and stream.h. */
#define BLOCK_MS     200
#define COUNT        150
#define BUSY_US      200000
#define BUSY_REPLIES 5

/* A record, see src/redis/wire.h. */
#define RECORD_SIZE  46
#define AT_KIND      1
#define AT_NUMBER    10 /* the last eight bytes of its key */
#define KIND_SESSION 1

bool mirror_open(struct mirror *mirror, const char *address, const char *stream)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    *mirror = (struct mirror){.stream = stream, .last = "0-0", .busy_from_us = hosts_now_us()};
    mirror->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (mirror->socket < 0 || strlen(address) >= sizeof to.sun_path)
        return false;
    memcpy(to.sun_path, address, strlen(address));
    return connect(mirror->socket, (const struct sockaddr *)&to, sizeof to) == 0 &&
           mirror_ask(mirror);
}

void mirror_close(struct mirror *mirror)
{
    (void)close(mirror->socket);
    free(mirror->bytes);
}

bool mirror_ask(struct mirror *mirror)
{
    char text[256];
    int length = snprintf(text, sizeof text, "XREAD COUNT %d BLOCK %d STREAMS %s %s\r\n", COUNT,
                          BLOCK_MS, mirror->stream, mirror->last);

    mirror->length = mirror->done = mirror->left = mirror->page = 0;
    return send(mirror->socket, text, (size_t)length, MSG_NOSIGNAL) == length;
}

/* ---- What comes ---- */

/* What each reply begins with: nil, or one pair of the stream's name and its entries. */
static bool take_head(struct mirror *mirror, bool *whole)
{
    char head[256];
    size_t length = (size_t)snprintf(head, sizeof head, "*1\r\n*2\r\n$%zu\r\n%s\r\n*",
                                     strlen(mirror->stream), mirror->stream);
    const char *end;

    *whole = true;
    if (mirror->length == 5 && memcmp(mirror->bytes, "*-1\r\n", 5) == 0)
        return true;
    end = mirror->length > length ? strstr(mirror->bytes + length, "\r\n") : NULL;
    *whole = end != NULL;
    if (end == NULL)
        return true;
    mirror->done = (size_t)(end + 2 - mirror->bytes);
    mirror->left = mirror->page = strtoul(mirror->bytes + length, NULL, 10);
    return memcmp(mirror->bytes, head, length) == 0 && mirror->page > 0 && mirror->page <= COUNT;
}

/* [id, ["e", record]] */
static bool take_entry(struct mirror *mirror, mirror_taker taker, void *context, bool *whole)
{
    static const char middle[] = "\r\n*2\r\n$1\r\ne\r\n$46\r\n";
    const char *at = mirror->bytes + mirror->done;
    size_t left = mirror->length - mirror->done;
    const char *record;
    size_t id;

    *whole = false;
    if (left < 9)
        return true;
    id = strtoul(at + 5, NULL, 10);
    if (memcmp(at, "*2\r\n$", 5) != 0 || id < 10 || id >= sizeof mirror->last)
        return false;
    if (left < 9 + id + sizeof middle - 1 + RECORD_SIZE + 2)
        return true;
    record = at + 9 + id + sizeof middle - 1;
    if (memcmp(at + 9 + id, middle, sizeof middle - 1) != 0)
        return false;
    memcpy(mirror->last, at + 9, id);
    mirror->last[id] = '\0';
    mirror->done += 9 + id + sizeof middle - 1 + RECORD_SIZE + 2;
    if (record[AT_KIND] == KIND_SESSION) {
        uint64_t number = 0;
        for (size_t i = 0; i < sizeof number; i++)
            number = number << 8 | (uint8_t)record[AT_NUMBER + i];
        taker(context, number);
    }
    mirror->left--;
    *whole = true;
    return true;
}

static bool receive(struct mirror *mirror)
{
    ssize_t got;

    if (mirror->room - mirror->length < 65536) {
        mirror->room += 65536;
        mirror->bytes = realloc(mirror->bytes, mirror->room);
        hosts_require(mirror->bytes != NULL, "no memory");
    }
    got = recv(mirror->socket, mirror->bytes + mirror->length, mirror->room - mirror->length - 1,
               MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    mirror->length += (size_t)got;
    mirror->bytes[mirror->length] = '\0';
    return true;
}

/* count_reply of src/redis/follow.c. */
static void count_reply(struct mirror *mirror)
{
    int64_t now_us = hosts_now_us();

    if (now_us - mirror->busy_from_us >= BUSY_US) {
        if (mirror->entries < mirror->entries_at_gap / 2)
            mirror->entries_at_gap = 0;
        mirror->busy_from_us = now_us;
        mirror->replies = mirror->crowded = mirror->entries = 0;
    }
    if (mirror->page == 0)
        return;
    mirror->replies++;
    mirror->crowded += mirror->page > 1;
    mirror->entries += (unsigned)mirror->page;
    if (mirror->entries_at_gap == 0 && mirror->replies > BUSY_REPLIES &&
        2 * mirror->crowded > mirror->replies)
        mirror->entries_at_gap = mirror->entries;
}

bool mirror_read(struct mirror *mirror, mirror_taker taker, void *context, bool *complete,
                 bool *waits)
{
    bool whole = true;

    *complete = *waits = false;
    if (!receive(mirror))
        return false;
    if (mirror->page == 0 && !take_head(mirror, &whole))
        return false;
    while (whole && mirror->left > 0)
        if (!take_entry(mirror, taker, context, &whole))
            return false;
    if (!whole || mirror->left > 0)
        return true;
    count_reply(mirror);
    *complete = true;
    *waits = mirror->entries_at_gap > 0 && mirror->page < COUNT;
    return true;
}
