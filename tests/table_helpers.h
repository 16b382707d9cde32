/* What the tests of the revocation table share: one list with plain settings, numbers for keys. */
#ifndef WAFER_TESTS_TABLE_HELPERS_H
#define WAFER_TESTS_TABLE_HELPERS_H

#include "support.h"

#include <sys/types.h>

#include "table.h"

#define NOW          INT64_C(1800000000000)
#define RETENTION    WAFER_HOUR_MS
#define SKEW         WAFER_MINUTE_MS
#define GRACE        INT64_C(30000)
#define LIFE         (RETENTION + 3 * SKEW)
#define RENEWALS_MAX UINT32_C(131071)

/* For cmocka_run_group_tests_name: what the queries below need. */
int make_table_keys(void **state);
int free_table_keys(void **state);

/* Settings of the times above, the table of some settings, and the table of these. */
wafer_revocations_settings table_settings(size_t capacity);
void *table_of(const wafer_revocations_settings *settings);
void *table_make(size_t capacity);

/* Settings for a table file: WAFER_ACCESS_CREATE, small; and with a clock whose time is *now_ms. */
wafer_revocations_settings table_file_settings(const char *path);
wafer_revocations_settings table_file_settings_at(const char *path, wafer_access access,
                                                  wafer_on_start on_start, int64_t *now_ms);
void *table_file(const char *path, wafer_access access);
/* Fails the test unless the settings make no table and the sentence has `word` in it. */
void table_refused(const wafer_revocations_settings *settings, wafer_result expected,
                   const char *word);
/* The same for whoever opens the file that the path names, and nobody keeps a descriptor. */
void table_refused_by_all(const char *path, const char *word);
/* Zeros that this process shares with those it forks. */
void *shared_memory(size_t size);
/* Fails the test unless a child that was forked exits with 0. */
void child_succeeds(pid_t child);

wafer_revocation table_entry(wafer_revocation_kind kind, uint32_t number, int64_t at_ms,
                             uint32_t renewals);
/* Revokes and returns the time that was taken. */
int64_t table_add(void *table, int64_t now_ms, wafer_revocation_kind kind, uint32_t number,
                  int64_t at_ms, uint32_t renewals);
/* Tries to revoke; fails the test if the entry or the list changes in spite of an error. */
wafer_result table_try(void *table, int64_t now_ms, wafer_revocation entry);

/* What check says; subject NULL is nobody. */
wafer_standing table_standing(void *table, int64_t now_ms, uint32_t id, const uint32_t *subject,
                              int64_t login_at_ms, uint32_t renewals);
bool table_refuses(void *table, int64_t now_ms, uint32_t id, const uint32_t *subject,
                   int64_t login_at_ms, uint32_t renewals);
/* True when the session as such is revoked, whatever was renewed. */
bool table_refuses_session(void *table, uint32_t id);
/* What not_before says of a subject. */
int64_t table_login_from(void *table, uint32_t subject);

size_t table_entries(void *table);
/* Everything on the list, in an order of its own, to be freed by the caller: two lists that hold
 * the same have the same. */
wafer_revocation *table_dump(void *table, size_t *count);
/* Purges and returns how many entries went. */
size_t table_drop(void *table, int64_t now_ms);

#endif
