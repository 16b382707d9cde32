/* Comparing what may be secret in constant time, fast for kilobytes too. */
#ifndef WAFER_SRC_EQUAL_H
#define WAFER_SRC_EQUAL_H

#include <stdbool.h>
#include <stddef.h>

/* True when both have the same bytes. The time tells the length and nothing else. */
bool wafer_equal(const void *one, const void *other, size_t length);

#endif
