/* What opening a list and making a feeder have in common. */
#ifndef WAFER_SRC_REDIS_OPEN_H
#define WAFER_SRC_REDIS_OPEN_H

#include "state.h"

wafer_result wafer_mirror_check_sizes(const wafer_redis_settings *settings,
                                      const wafer_revocations_settings *table, wafer_error *error);

/* Opens the folder's table, and says which file it is. Before a new one is made the state forgets
 * how fresh the one before was. */
wafer_result wafer_mirror_open_table(const struct wafer_site *site, struct wafer_state_file *state,
                                     const wafer_revocations_settings *settings,
                                     wafer_revocations **table, uint64_t *inode,
                                     wafer_error *error);

#endif
