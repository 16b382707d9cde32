#include "portable.h"

#include <stdlib.h>
#include <string.h>

bool wafer_portable(void)
{
    const char *value = getenv("WAFER_PORTABLE");

    return value != NULL && *value != '\0' && strcmp(value, "0") != 0;
}
