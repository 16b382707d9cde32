/* What application.c needs of process.c; not for the stacks. */
#ifndef WAFER_EXAMPLES_PROCESS_H
#define WAFER_EXAMPLES_PROCESS_H

#include "application.h"

/* How many sessions are taken and not given back. */
size_t process_sessions(struct application *application);

#endif
