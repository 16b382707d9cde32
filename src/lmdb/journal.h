/* The journal of one list: an LMDB environment for each process that uses it, opened anew after
 * fork, and the transactions in which a list writes. */
#ifndef WAFER_SRC_LMDB_JOURNAL_H
#define WAFER_SRC_LMDB_JOURNAL_H

#include "environment.h"

struct wafer_journal;

/* Opens a journal that is there; see wafer_environment_open. The path is absolute. */
wafer_result wafer_journal_open(const char *path, bool group_readable, size_t map_size,
                                struct wafer_journal **journal, wafer_error *error);
/* NULL is nothing. What a parent process opened stays open until the process ends. */
void wafer_journal_close(struct wafer_journal *journal);

/* A transaction that writes. LMDB lets one of all processes in at a time; others wait. */
struct wafer_journal_write {
    const char *path; /* the journal's */
    struct wafer_journal_process *process;
    const struct wafer_records *records;
    MDB_txn *txn;
};

/* Returns 0, an errno value or one of LMDB's codes; after 0 one of the others ends it. */
int wafer_journal_begin(struct wafer_journal *journal, struct wafer_journal_write *write);
/* 0: it is on the disk. Otherwise nothing was written. */
int wafer_journal_commit(struct wafer_journal_write *write);
void wafer_journal_abort(struct wafer_journal_write *write);

/* Makes what room there is in a journal that said MDB_MAP_FULL: drops rows from before
 * keep_from_ms, lets go of readers that were killed, and follows a map that another enlarged. */
int wafer_journal_make_room(struct wafer_journal *journal, int64_t keep_from_ms);

/* Drops all rows from before keep_from_ms, some at a time so that others get in between. */
int wafer_journal_purge(struct wafer_journal *journal, int64_t keep_from_ms);

/* Raises the journal's retention; a smaller one changes nothing. */
int wafer_journal_retain(struct wafer_journal *journal, int64_t retention_ms);
/* What it was raised to, by whomever. */
int wafer_journal_retention(struct wafer_journal *journal, int64_t *retention_ms);

/* Verifies all rows, then hands those of a time between the two to `visit`, the oldest first, until
 * it returns anything but WAFER_OK, which is then *result. A row later than the second fails as
 * WAFER_INVALID before any is handed over. Only by the process that opened the journal. */
wafer_result wafer_journal_load(struct wafer_journal *journal, int64_t from_ms, int64_t to_ms,
                                wafer_result (*visit)(void *context, wafer_revocation *entry),
                                void *context, wafer_result *result, wafer_error *error);

#endif
