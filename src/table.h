/* The revocation table: the one list there is, in memory that threads and processes share.
 *
 * Two halves of slots, of which one is in use; readers take no lock; writers hold one robust mutex
 * and, to grow or to purge, build the other half and then switch. See table_memory.c. */
#ifndef WAFER_SRC_TABLE_H
#define WAFER_SRC_TABLE_H

#include <wafer.h>

/* Makes a table in anonymous shared memory, or opens or makes one in a file; the settings are
 * checked. *table is the context for wafer_table_interface. */
wafer_result wafer_table_new(const wafer_revocations_settings *settings, void **table,
                             wafer_error *error);

/* Does what on_start says with a table that nobody else has yet. */
wafer_result wafer_table_start(void *table, const wafer_revocations_settings *settings,
                               wafer_on_start on_start, wafer_error *error);

/* What it adds to the contract of wafer_revocations_interface:
 *
 *   - No entry may lie beyond now + 2 skews; the skew is a second at least, so that several
 *     not-befores fit into one millisecond.
 *   - A not-before for "now" is later than every login that may have taken place: a subject's is
 *     also later than everyone's, and everyone's later than any subject's within that bound. If it
 *     would pass the bound, because the clock went back, revoke is WAFER_UNAVAILABLE and nothing
 *     changes.
 *   - Times only rise. A session once revoked stays so, with the later time. Of copies the larger
 *     count wins with its time; of equal counts the earlier time stands, so that nothing
 *     prolongs its grace; a smaller count is WAFER_OK and ignored. Raising works in a full table.
 *   - A renewal as of now whose count is listed, or whose session is revoked, is UNAVAILABLE.
 *   - An entry is there as long as now <= its time + retention + 3 skews. One that is past this
 *     already is WAFER_OK and not stored.
 *   - A purge that a full table asks for takes place once a second at most, by the clock; until
 *     then the table is WAFER_LIST_FULL.
 *   - Without room on the disk to rebuild, revoke and purge are WAFER_SYSTEM and nothing changes.
 *   - A table mapped read-only answers; revoke, purge and retain are WAFER_UNAVAILABLE. Its entries
 *     are those at the beginning of the call, and maybe some that came during it.
 *   - A count beyond 131071, a time out of range or an unknown kind is WAFER_INVALID. */
extern const wafer_revocations_interface wafer_table_interface;

#endif
