/* Sentences for the caller's wafer_error. */
#ifndef WAFER_SRC_REDIS_SENTENCE_H
#define WAFER_SRC_REDIS_SENTENCE_H

#include <wafer.h>

/* Fills *error (may be NULL) and returns result, so that failing is one statement. An errno value
 * other than 0 has its words appended. Controls, which may come from elsewhere, become "?". */
__attribute__((format(printf, 4, 5))) wafer_result
wafer_redis_fail(wafer_error *error, wafer_result result, int errno_value, const char *format, ...);

/* Copies text that Redis sent or may have: what does not fit is cut, controls become "?". */
void wafer_redis_copy_text(char *to, size_t room, const char *from, size_t length);

#endif
