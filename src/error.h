/* Sentences for the caller's wafer_error. */
#ifndef WAFER_SRC_ERROR_H
#define WAFER_SRC_ERROR_H

#include <wafer.h>

/* Fills *error (may be NULL) and returns result, so that failing is one statement. The text is cut
 * at a character, never overrun. `errno_value` 0 and `line` 0 stand for none; an errno's own words
 * are appended to the text. */
__attribute__((format(printf, 5, 6))) wafer_result wafer_fail(wafer_error *error,
                                                              wafer_result result, int errno_value,
                                                              unsigned line, const char *format,
                                                              ...);

/* OK when a settings' size is this library's; else INVALID, with the initializer to start from. */
wafer_result wafer_check_size(size_t size, size_t own, const char *initializer, wafer_error *error);

#endif
