/* Processes that do with a list what a test tells them, one thing after the other: forked with the
 * list, forked and with the file opened by themselves, or started as a program of their own. */
#ifndef WAFER_TESTS_TABLE_WORKERS_H
#define WAFER_TESTS_TABLE_WORKERS_H

#include "table_helpers.h"

struct worker {
    pid_t pid;
    int line; /* orders go down, answers come up */
};

struct worker worker_of(void *table);
struct worker worker_forked(const char *path, wafer_access access);
struct worker worker_started(const char *path, wafer_access access);
/* Fails the test unless the worker ends as it should. */
void worker_end(struct worker worker);

/* For main: does a started worker's work and does not return if this is one. */
void worker_main(int count, char **arguments);

wafer_result worker_revoke(struct worker worker, int64_t now_ms, wafer_revocation *entry);
wafer_standing worker_check(struct worker worker, int64_t now_ms, uint32_t id,
                            const uint32_t *subject, int64_t login_at_ms, uint32_t renewals);
int64_t worker_login_from(struct worker worker, uint32_t subject);
wafer_result worker_purge(struct worker worker, int64_t now_ms, size_t *dropped);
wafer_result worker_retain(struct worker worker, int64_t retention_ms);
/* Frees its handle and opens the file again. */
void worker_reopen(struct worker worker);

#endif
