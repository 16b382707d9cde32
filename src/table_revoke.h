/* Adding to the revocation table and keeping it small: what table.h says of it. The functions are
 * those of wafer_revocations_interface. */
#ifndef WAFER_SRC_TABLE_REVOKE_H
#define WAFER_SRC_TABLE_REVOKE_H

#include "table_memory.h"

wafer_result wafer_table_revoke(void *table, int64_t now_ms, wafer_revocation *entry);
wafer_result wafer_table_revoke_all(void *table, int64_t now_ms, wafer_revocation *entries,
                                    size_t count, size_t *taken);
wafer_result wafer_table_purge(void *table, int64_t now_ms, size_t *dropped);
wafer_result wafer_table_retain(void *table, int64_t retention_ms);

#endif
