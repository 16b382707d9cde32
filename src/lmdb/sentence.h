/* Sentences for the caller's wafer_error, and what LMDB's codes mean for a journal. */
#ifndef WAFER_SRC_LMDB_SENTENCE_H
#define WAFER_SRC_LMDB_SENTENCE_H

#include <wafer.h>

/* Fills *error (may be NULL) and returns result, so that failing is one statement. An errno value
 * other than 0 has its words appended. What does not fit is cut off, so a path comes last. */
__attribute__((format(printf, 4, 5))) wafer_result wafer_journal_fail(wafer_error *error,
                                                                      wafer_result result,
                                                                      int errno_value,
                                                                      const char *format, ...);

/* The same for what LMDB returned, which is one of its own codes or an errno value. */
wafer_result wafer_journal_fail_code(wafer_error *error, int code, const char *path);

#endif
