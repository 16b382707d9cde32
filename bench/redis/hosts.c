#define _GNU_SOURCE
#include "hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_ROOM 512

const char *hosts_address;
const char *hosts_folder;
FILE *hosts_json;

void hosts_require(bool truth, const char *sentence)
{
    if (truth)
        return;
    fprintf(stderr, "bench_redis: %s\n", sentence);
    exit(1);
}

/* ---- Hosts ---- */

static void name_path(const char *host, const char *file, char path[PATH_ROOM])
{
    int length = snprintf(path, PATH_ROOM, "%s/%s%s", hosts_folder, host, file);

    hosts_require(length > 0 && length < PATH_ROOM, "the path of the folder is too long");
}

/* The first host makes the secret. */
void hosts_make(const char *name)
{
    static char secret[256];
    static size_t length;
    char path[PATH_ROOM];
    wafer_error error;
    int file;

    name_path(name, "", path);
    if (length == 0)
        hosts_require(wafer_redis_secret_new(path, false, &error) == WAFER_OK, error.text);
    else
        hosts_require(mkdir(path, 0700) == 0, "the folder of a host cannot be made");
    name_path(name, "/secret", path);
    file = open(path, O_RDWR | O_CREAT, 0600);
    hosts_require(file >= 0, "the secret cannot be opened");
    if (length == 0) {
        ssize_t got = read(file, secret, sizeof secret);
        length = got > 0 ? (size_t)got : 0;
    } else {
        hosts_require(write(file, secret, length) == (ssize_t)length, "no copy of the secret");
    }
    close(file);
}

wafer_redis_settings hosts_settings(const char *name, const char *stream)
{
    static _Thread_local char path[PATH_ROOM];
    wafer_redis_settings settings = WAFER_REDIS_SETTINGS_INIT;

    name_path(name, "", path);
    settings.address = hosts_address;
    settings.folder = path;
    settings.stream = stream;
    settings.timeout_ms = 5000;
    settings.stale_ms = 60000;
    settings.when_stale = WAFER_REDIS_REFUSES;
    return settings;
}

wafer_redis_feeder *hosts_feeder(const char *name, const char *stream, size_t capacity)
{
    wafer_redis_settings settings = hosts_settings(name, stream);
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_redis_feeder *feeder;
    wafer_error error = {.text = "no memory"};

    table.capacity = capacity;
    hosts_require(wafer_redis_feeder_new(&settings, &table, &feeder, &error) == WAFER_OK,
                  error.text);
    return feeder;
}

pid_t hosts_start(const char *name, const char *stream, size_t capacity)
{
    pid_t parent = getpid();
    pid_t process;
    wafer_error error;

    fflush(NULL);
    process = fork();
    hosts_require(process >= 0, "no process for a feeder");
    if (process > 0)
        return process;
    hosts_require(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent,
                  "a feeder would outlive the program");
    hosts_require(wafer_redis_feeder_run(hosts_feeder(name, stream, capacity), NULL, NULL,
                                         &error) == WAFER_OK,
                  error.text);
    _exit(0);
}

void hosts_end(pid_t process)
{
    hosts_require(kill(process, SIGKILL) == 0 && waitpid(process, NULL, 0) == process,
                  "a process had ended");
}

void hosts_await(const char *name, bool fresh)
{
    int64_t begun_us = hosts_now_us();
    wafer_redis_status status;
    char path[PATH_ROOM];
    wafer_error error;

    name_path(name, "", path);
    while (wafer_redis_look(path, &status, &error) != WAFER_OK || !status.ready ||
           (fresh && status.as_of_ms == 0)) {
        hosts_require(hosts_now_us() - begun_us < 60000000, "a feeder is not ready in a minute");
        hosts_nap(1000);
    }
}

wafer_revocations *hosts_list(const char *name, const char *stream)
{
    wafer_redis_settings settings = hosts_settings(name, stream);
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list;
    wafer_error error = {.text = "no memory"};

    table.access = WAFER_ACCESS_WRITE;
    hosts_require(wafer_redis_open(&settings, &table, &list, &error) == WAFER_OK, error.text);
    return list;
}

void hosts_ask_redis(const char *command, char *answer, size_t room)
{
    char line[2 * PATH_ROOM];
    FILE *asked;

    (void)snprintf(line, sizeof line, "redis-cli -s '%s' %s", hosts_address, command);
    asked = popen(line, "r");
    hosts_require(asked != NULL, "redis-cli cannot be started");
    if (fgets(answer, (int)room, asked) == NULL)
        *answer = '\0';
    answer[strcspn(answer, "\r\n")] = '\0';
    while (fgets(line, sizeof line, asked) != NULL)
        continue;
    hosts_require(pclose(asked) == 0, "redis-cli fails");
}

/* ---- Sessions and times ---- */

void hosts_id(uint64_t number, uint8_t id[WAFER_ID_SIZE])
{
    memset(id, 0, WAFER_ID_SIZE);
    for (size_t i = 0; i < sizeof number; i++)
        id[WAFER_ID_SIZE - 1 - i] = (uint8_t)(number >> 8 * i);
}

bool hosts_refuses(wafer_revocations *list, uint64_t number)
{
    struct timespec now;
    uint8_t id[WAFER_ID_SIZE];
    wafer_revocation_query query = {.id = id, .login_at_ms = WAFER_TIME_MAX_MS};
    wafer_standing standing;

    hosts_id(number, id);
    hosts_require(clock_gettime(CLOCK_REALTIME, &now) == 0, "no clock");
    query.now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    hosts_require(wafer_revocations_check(list, &query, &standing) == WAFER_OK, "a table is stale");
    return standing == WAFER_REFUSED;
}

int64_t hosts_now_us(void)
{
    struct timespec now;

    hosts_require(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "no clock");
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void hosts_nap(int64_t microseconds)
{
    const struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};

    if (microseconds > 0)
        (void)nanosleep(&time, NULL);
}

/* ---- Figures ---- */

static int compare(const void *left, const void *right)
{
    int64_t one = *(const int64_t *)left;
    int64_t other = *(const int64_t *)right;

    return (one > other) - (one < other);
}

void hosts_sort(int64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
}

int64_t hosts_at(const int64_t *sorted, size_t count, double place)
{
    size_t index = (size_t)(place * (double)count);

    return sorted[index < count ? index : count - 1];
}

double hosts_load(void)
{
    double load = 0;

    hosts_require(getloadavg(&load, 1) == 1, "the load is not known");
    return load;
}

void hosts_tell(const char *what, double value, const char *unit, const char *remark)
{
    printf("%-44s %12.*f %-10s %s\n", what, value < 10 ? 2 : 0, value, unit, remark);
    fprintf(hosts_json, "{\"subject\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"load\":%.2f}\n", what,
            value, unit, hosts_load());
    fflush(NULL);
}
