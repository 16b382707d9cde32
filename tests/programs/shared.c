/* One machine's part in a list that many share, for tests/check_redis.sh and check_hosts.sh:
 *
 *     shared ADDRESS FOLDER revoke FROM COUNT [PAUSE_US]
 *         revokes the sessions of these numbers one by one, and prints "published N", "queued N" or
 *         "failed N" of each
 *     shared ADDRESS FOLDER fork FROM COUNT
 *         the same in this process and two that it forks, at once, in which order it comes
 *     shared ADDRESS FOLDER bulk FROM COUNT
 *         the same, many at once; prints the result and the seconds
 *     shared ADDRESS FOLDER missing
 *         reads numbers, a line each, and prints how many of them are not refused here
 *     shared ADDRESS FOLDER check NUMBER
 *         prints "stands", "refused" or, when the table is more than 3 s old, "unchecked"
 *     shared ADDRESS FOLDER allows NUMBER
 *         the same, where the table's word counts however old it is
 *     shared ADDRESS FOLDER delay OTHER COUNT [PAUSE_US]
 *         revokes here, looks into the folder OTHER until it is refused there, prints the times */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <wafer/redis.h>

static const char *address;

static wafer_revocations *open_list(const char *folder, wafer_redis_when_stale when_stale)
{
    wafer_redis_settings settings = WAFER_REDIS_SETTINGS_INIT;
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list;
    wafer_error error;

    settings.address = address;
    settings.folder = folder;
    settings.stale_ms = 3000;
    settings.when_stale = when_stale;
    table.access = WAFER_ACCESS_WRITE;
    if (wafer_redis_open(&settings, &table, &list, &error) == WAFER_OK)
        return list;
    fprintf(stderr, "shared: %s\n", error.text);
    exit(1);
}

static void write_id(unsigned long number, uint8_t id[WAFER_ID_SIZE])
{
    memset(id, 0, WAFER_ID_SIZE);
    for (size_t i = 0; i < sizeof number; i++)
        id[WAFER_ID_SIZE - 1 - i] = (uint8_t)(number >> (8 * i));
}

static int64_t now_us(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0)
        exit(1);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void nap(long microseconds)
{
    const struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};

    if (microseconds > 0)
        nanosleep(&time, NULL);
}

static const char *standing_of(wafer_revocations *list, unsigned long number)
{
    uint8_t id[WAFER_ID_SIZE];
    wafer_revocation_query query = {.id = id,
                                    .login_at_ms = WAFER_TIME_MAX_MS,
                                    .now_ms = now_us(CLOCK_REALTIME) / 1000};
    wafer_standing standing;

    write_id(number, id);
    if (wafer_revocations_check(list, &query, &standing) != WAFER_OK)
        return "unchecked";
    return standing == WAFER_REFUSED ? "refused" : "stands";
}

static const char *word_of(wafer_result result)
{
    if (result == WAFER_OK)
        return "published";
    return result == WAFER_QUEUED ? "queued" : "failed";
}

static void revoke_each(wafer_revocations *list, unsigned long from, unsigned long count,
                        long pause_us)
{
    for (unsigned long number = from; number < from + count; number++) {
        uint8_t id[WAFER_ID_SIZE];

        write_id(number, id);
        printf("%s %lu\n", word_of(wafer_revoke_session(list, id)), number);
        fflush(stdout);
        nap(pause_us);
    }
}

static void revoke_forked(wafer_revocations *list, unsigned long from, unsigned long count)
{
    pid_t children[2];

    revoke_each(list, from, 1, 0); /* so that there is a connection to be inherited */
    for (unsigned long i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            revoke_each(list, from + (i + 1) * count, count, 0);
            wafer_revocations_free(list);
            _exit(0);
        }
    }
    revoke_each(list, from + 1, count - 1, 0);
    for (unsigned i = 0; i < 2; i++)
        if (waitpid(children[i], NULL, 0) != children[i])
            exit(1);
}

static void revoke_all(wafer_revocations *list, unsigned long from, unsigned long count)
{
    wafer_revocation *entries = calloc(count, sizeof *entries);
    int64_t begun_us = now_us(CLOCK_MONOTONIC);
    wafer_result all = WAFER_OK;
    size_t done = 0;

    if (entries == NULL)
        exit(1);
    for (unsigned long i = 0; i < count; i++) {
        entries[i].kind = WAFER_REVOKE_SESSION;
        write_id(from + i, entries[i].key);
    }
    while (done < count && (all == WAFER_OK || all == WAFER_QUEUED)) {
        size_t piece = count - done < 1000 ? count - done : 1000;
        size_t taken;

        all = wafer_revocations_apply_all(list, now_us(CLOCK_REALTIME) / 1000, entries + done,
                                          piece, &taken);
        done += taken;
    }
    printf("%s %zu in %.2f s\n", word_of(all), done,
           (double)(now_us(CLOCK_MONOTONIC) - begun_us) / 1e6);
    free(entries);
}

static void count_missing(wafer_revocations *list)
{
    unsigned long missing = 0;
    char line[64];

    while (fgets(line, sizeof line, stdin) != NULL)
        if (strcmp(standing_of(list, strtoul(line, NULL, 10)), "refused") != 0)
            missing++;
    printf("%lu\n", missing);
}

static int compare(const void *left, const void *right)
{
    const int64_t *one = left;
    const int64_t *other = right;

    return *one < *other ? -1 : *one > *other;
}

static void measure(wafer_revocations *list, wafer_revocations *other, unsigned long count,
                    long pause_us)
{
    int64_t *took = calloc(count, sizeof *took);
    unsigned long first = (unsigned long)now_us(CLOCK_REALTIME);

    if (took == NULL || count == 0)
        exit(1);
    for (unsigned long i = 0; i < count; i++) {
        int64_t begun_us = now_us(CLOCK_MONOTONIC);
        uint8_t id[WAFER_ID_SIZE];

        write_id(first + i, id);
        if (wafer_revoke_session(list, id) != WAFER_OK)
            exit(1);
        while (strcmp(standing_of(other, first + i), "refused") != 0)
            if (now_us(CLOCK_MONOTONIC) - begun_us > 10000000)
                exit(1);
        took[i] = now_us(CLOCK_MONOTONIC) - begun_us;
        nap(pause_us);
    }
    qsort(took, count, sizeof *took, compare);
    printf("p50 %lld us, p99 %lld us, longest %lld us\n", (long long)took[count / 2],
           (long long)took[count * 99 / 100], (long long)took[count - 1]);
    free(took);
}

int main(int count, char **words)
{
    unsigned long numbers[3] = {0, 0, 0};
    wafer_revocations *list;

    if (count < 4)
        return 2;
    address = words[1];
    list = open_list(words[2],
                     strcmp(words[3], "allows") == 0 ? WAFER_REDIS_ALLOWS : WAFER_REDIS_REFUSES);
    for (int i = 4; i < count && i < 7; i++)
        numbers[i - 4] = strtoul(words[i], NULL, 10);
    if (strcmp(words[3], "revoke") == 0)
        revoke_each(list, numbers[0], numbers[1], (long)numbers[2]);
    else if (strcmp(words[3], "fork") == 0)
        revoke_forked(list, numbers[0], numbers[1]);
    else if (strcmp(words[3], "bulk") == 0)
        revoke_all(list, numbers[0], numbers[1]);
    else if (strcmp(words[3], "missing") == 0)
        count_missing(list);
    else if (strcmp(words[3], "check") == 0 || strcmp(words[3], "allows") == 0)
        puts(standing_of(list, numbers[0]));
    else if (strcmp(words[3], "delay") == 0 && count > 5) {
        wafer_revocations *other = open_list(words[4], WAFER_REDIS_REFUSES);
        measure(list, other, numbers[1], (long)numbers[2]);
        wafer_revocations_free(other);
    } else {
        return 2;
    }
    wafer_revocations_free(list);
    return 0;
}
