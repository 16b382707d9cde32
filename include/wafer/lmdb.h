/* wafer/lmdb.h - a revocation list that outlives crashes: libwafer-lmdb, a library of its own.
 * SPDX-License-Identifier: MIT
 *
 * Entries are written to an LMDB journal, and synced to disk, before revoking reports success, and
 * loaded into the table when the list is opened. Checks never touch the journal: they are those of
 * the table, which lies in memory (one process and its forks) or in a file (unrelated processes).
 *
 * Link with -lwafer-lmdb -llmdb, or pkg-config's wafer-lmdb.
 */
#ifndef WAFER_LMDB_H
#define WAFER_LMDB_H

#include <wafer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wafer_lmdb_settings {
    size_t size;         /* sizeof(wafer_lmdb_settings) */
    const char *path;    /* the journal, a file; LMDB's lock file is beside it, with "-lock" */
    bool group_readable; /* false: both are 0600; true: 0640 */
    size_t map_size; /* bytes the journal may grow to, at least 65,536; 0: enough for the table's
                            capacity. One that is there never shrinks */
} wafer_lmdb_settings;

#define WAFER_LMDB_SETTINGS_INIT                                                                   \
    {                                                                                              \
        sizeof(wafer_lmdb_settings), NULL, false, 0                                                \
    }

/* Opens a list with a journal, which is made first if it is missing, with what the table holds.
 *
 * `table` says how the table is made, as for wafer_revocations_new. Its on_start is what happens
 * when the journal is new, as a journal that is there knows what was revoked. With table->path
 * unrelated processes may open the same journal and table file, and what one revokes all refuse.
 * Without it the list is for one process and those that it forks. With WAFER_ACCESS_WRITE the
 * journal must be there too; WAFER_ACCESS_READ is refused. The retention is never less than it was
 * under this journal before.
 *
 * Revoking puts the entry into the table, where it is in effect at once, then commits it to the
 * journal, and waits for the disk. When that fails the call returns WAFER_SYSTEM: the entry is in
 * effect until the table is lost, but it may not come back with a restart. One process at a time
 * writes; others wait for it, also for one that is stopped, but not for one that was killed.
 * Purging drops entries from table and journal; revoking drops some from the journal by itself.
 *
 * The journal is a sparse file as large as map_size from the start. A file that was cut off, and an
 * entry that changed, are noticed when it is opened; LMDB has no checksums, so damage to its own
 * structures may end the process instead. Keep it on a local file system, copy it only with
 * mdb_copy or while nobody has it open, and never remove the lock file while somebody has.
 *
 * A program that changes its root must have /proc there for a table file, whose header says under
 * which start of the machine it is in use. Who only reads the table file of a journal should start
 * after a writer: what a crash of the machine took from the file comes back when one opens it.
 *
 * Memory   *list belongs to the caller, is freed by wafer_revocations_free and outlives its
 *          managers. After fork each process frees its own handle; children open the journal anew
 *          by themselves when they first revoke, by its absolute path and with the rights they
 *          have then: give up rights and change the root before opening the list.
 * Threads  and processes: as wafer_revocations_new. A process has a journal open once.
 * Errors   those of wafer_revocations_new, and of the journal: WAFER_INVALID a setting; open in
 *          this process already; not a journal of this version, damaged, empty, not a regular file
 *          (also a symbolic link), another user's, open to others, or ahead of the clock (entries
 *          later than now + 2 skews: a clock is wrong, nothing is loaded); LIST_FULL it holds more
 *          than the table has room for; SYSTEM missing, the disk is full, read-only, the journal
 *          cannot be locked, with errno; NO_MEMORY.
 *          Of revoking: LIST_FULL also when the journal has no room for the entry; SYSTEM when it
 *          cannot be written, opened anew by a child, or was removed. */
WAFER_API WAFER_MUST_CHECK wafer_result wafer_lmdb_open(const wafer_lmdb_settings *settings,
                                                        const wafer_revocations_settings *table,
                                                        wafer_revocations **list,
                                                        wafer_error *error);

#ifdef __cplusplus
}
#endif

#endif
