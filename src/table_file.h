/* The revocation table in a file: making, opening and checking it. */
#ifndef WAFER_SRC_TABLE_FILE_H
#define WAFER_SRC_TABLE_FILE_H

#include "table_memory.h"

/* Opens the table file that the settings, which are checked, name; with WAFER_ACCESS_CREATE it is
 * made first if there is none. wafer_table_unmap undoes it.
 *
 * One process at a time opens the file; users of the table are not kept waiting by that. What the
 * fixed part of the header says is checked, and under the table's lock the entries, the counts and
 * the sum. A reader, which cannot take the lock, checks that what it may meet can be read.
 *
 * A lock does not outlive the machine, so the header says under which start of it the lock was
 * made. The first writer after another start makes it anew, makes the counts anew, and does what
 * on_start says: its own, or if it has none what CREATE chose last. A reader is refused until then.
 * If the entries are damaged and all sessions are refused anyway, it drops them. */
wafer_result wafer_table_file_open(struct wafer_table *table,
                                   const wafer_revocations_settings *settings, wafer_error *error);

#endif
