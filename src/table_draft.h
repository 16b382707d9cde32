/* A new table file, made beside its place and put there whole. */
#ifndef WAFER_SRC_TABLE_DRAFT_H
#define WAFER_SRC_TABLE_DRAFT_H

#include "table_memory.h"

/* Makes the table file that the settings, which are checked, name. It is WAFER_OK, too, if somebody
 * else was faster; so then it is to be opened. On error nothing is left behind; only when the
 * temporary file cannot be removed or the folder not be synced does the file stay, which is whole
 * then. */
wafer_result wafer_table_draft(const wafer_revocations_settings *settings, wafer_error *error);

/* What tells this start of the machine from others. False with errno. */
bool wafer_table_read_boot_id(uint8_t boot_id[16]);

/* Fills *error (may be NULL) with "cannot WHAT the table file PATH" and errno. */
wafer_result wafer_table_fail(wafer_error *error, const char *what, const char *path);

#endif
