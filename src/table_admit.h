/* Whether what a table file holds can be used: its lock, its times, its entries. */
#ifndef WAFER_SRC_TABLE_ADMIT_H
#define WAFER_SRC_TABLE_ADMIT_H

#include "table_memory.h"

/* In sentences: what to do about a file that cannot be used; its path follows. */
#define WAFER_TABLE_REMEDY "stop its users and remove it: "

/* Checks and, after another start of the machine, mends what is mapped, as wafer_table_file_open
 * promises. The file is locked against others who open it. */
wafer_result wafer_table_admit(struct wafer_table *table,
                               const wafer_revocations_settings *settings, wafer_error *error);

wafer_result wafer_table_damaged(wafer_error *error, const char *path);

/* Sleeps a moment for a lock to be let go; false when that was often enough. *waits begins as 0. */
bool wafer_table_wait(unsigned *waits);

#endif
