/* What is measured of a list that many machines share: hosts on this machine, each a folder and a
 * feeder, around one Redis; times, and how figures are told. See bench/redis.sh. */
#ifndef WAFER_BENCH_REDIS_HOSTS_H
#define WAFER_BENCH_REDIS_HOSTS_H

#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>

#include <wafer/redis.h>

/* Where everything is; the program sets it. */
extern const char *hosts_address; /* of Redis: the path of a socket */
extern const char *hosts_folder;  /* for those of the hosts */
extern FILE *hosts_json;

/* Ends the program with a sentence unless it is true. */
void hosts_require(bool truth, const char *sentence);

/* ---- Hosts ---- */

/* Makes the folder of a host; all have the same secret. */
void hosts_make(const char *name);
/* Its settings; the text they point to is good until the next call in this thread. */
wafer_redis_settings hosts_settings(const char *name, const char *stream);
/* Makes a feeder, and a table of that capacity for it. */
wafer_redis_feeder *hosts_feeder(const char *name, const char *stream, size_t capacity);
/* Starts a process of its own that runs a feeder, which ends with this program. */
pid_t hosts_start(const char *name, const char *stream, size_t capacity);
void hosts_end(pid_t process);
/* Waits until the feeder has caught up; `fresh`: and heartbeats came, so that checks work. */
void hosts_await(const char *name, bool fresh);
/* The list of a host, whose feeder was started before. */
wafer_revocations *hosts_list(const char *name, const char *stream);
/* Sends a command with redis-cli, and copies its first line, "" when there is none. */
void hosts_ask_redis(const char *command, char *answer, size_t room);

/* ---- Sessions and times ---- */

void hosts_id(uint64_t number, uint8_t id[WAFER_ID_SIZE]);
/* Whether the session with this number is refused by that list. */
bool hosts_refuses(wafer_revocations *list, uint64_t number);
int64_t hosts_now_us(void); /* of a clock that is not set */
void hosts_nap(int64_t microseconds);

/* ---- Figures ---- */

/* What is at this place, from 0 to 1, of values that are sorted by hosts_sort. */
void hosts_sort(int64_t *values, size_t count);
int64_t hosts_at(const int64_t *sorted, size_t count, double place);
/* What others run on the machine: processes that ran or waited to, averaged over a minute. */
double hosts_load(void);
/* A row for people and a line of JSON: what, value, unit, and a remark or "". */
void hosts_tell(const char *what, double value, const char *unit, const char *remark);

/* ---- What is measured, in this order ---- */

void measure_delay(void);
void measure_publishing(void);
void measure_catching_up(void);
void measure_mirrors(void);

#endif
