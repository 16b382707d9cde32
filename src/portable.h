/* Whether only portable code is to run: for comparing, and for doubts about a processor. */
#ifndef WAFER_SRC_PORTABLE_H
#define WAFER_SRC_PORTABLE_H

#include <stdbool.h>

/* True when the environment has WAFER_PORTABLE, not empty and not "0". Whoever chooses by it asks
 * once in a process. */
bool wafer_portable(void);

#endif
