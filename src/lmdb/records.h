/* What the journal says: its rows, how two about the same key become one, and their checksum.
 *
 *     times     at_ms (8) | kind (1) | key (16)  ->  renewals (4)          to load and to purge
 *     entries   kind (1) | key (16)  ->  at_ms (8) | renewals (4)          to merge
 *     the main database: "wafer journal"  ->  format (4) | retention_ms (8) | sum (8)
 *
 * Numbers are big-endian, so that times sort. Both databases hold the same rows; `sum` is the
 * exclusive or of a hash of each, because LMDB itself would not notice a byte that changed.
 * Functions return 0, an errno value or one of LMDB's codes; MDB_CORRUPTED for what no version of
 * this code wrote. After an error the transaction has to be aborted. */
#ifndef WAFER_SRC_LMDB_RECORDS_H
#define WAFER_SRC_LMDB_RECORDS_H

#include <lmdb.h>

#include <wafer.h>

#define WAFER_JOURNAL_DATABASES 2 /* named ones */

struct wafer_records {
    MDB_dbi head;
    MDB_dbi entries;
    MDB_dbi times;
};

/* Makes the databases, without rows, in a new environment. */
int wafer_records_make(MDB_txn *txn, int64_t retention_ms, struct wafer_records *records);
/* Opens them; MDB_NOTFOUND or MDB_CORRUPTED when they are not those of this version. */
int wafer_records_open(MDB_txn *txn, struct wafer_records *records);

int wafer_records_retention(MDB_txn *txn, const struct wafer_records *records,
                            int64_t *retention_ms);
/* Raises the retention; a smaller one changes nothing. */
int wafer_records_retain(MDB_txn *txn, const struct wafer_records *records, int64_t retention_ms);

/* Adds an entry, or merges it with what is there of its kind and key as the table does: the later
 * time wins; of copies the larger count, and of equal counts the earlier time. */
int wafer_records_put(MDB_txn *txn, const struct wafer_records *records,
                      const wafer_revocation *entry);

/* Removes at most `limit` of the rows with a time before keep_from_ms, the oldest first. */
int wafer_records_drop(MDB_txn *txn, const struct wafer_records *records, int64_t keep_from_ms,
                       size_t limit, size_t *dropped);

/* Reads every row: MDB_CORRUPTED when one is malformed or one is missing, changed or too many. Then
 * *latest_ms is the latest time, 0 if there are no rows. */
int wafer_records_verify(MDB_txn *txn, const struct wafer_records *records, int64_t *latest_ms);

/* Hands the rows from a time on to `visit`, the oldest first, until it returns anything but
 * WAFER_OK, which is then *result. The rows were verified in the same transaction. */
int wafer_records_each(MDB_txn *txn, const struct wafer_records *records, int64_t from_ms,
                       wafer_result (*visit)(void *context, wafer_revocation *entry), void *context,
                       wafer_result *result);

#endif
