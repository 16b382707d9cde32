/* What a call says of its failure: in its result, and in its wafer_error. */
#ifndef WAFER_TESTS_ERRORS_H
#define WAFER_TESTS_ERRORS_H

#include "support.h"

#include <wafer.h>

/* That the call ends with this result, and that its error says so, too, with this errno value and
 * this line; after WAFER_OK it is as it was, zeros. A macro, for cmocka to tell where it failed. */
#define assert_error(call, expected, error, errno_value, number)                                   \
    do {                                                                                           \
        const wafer_result awaited = (expected);                                                   \
        assert_int_equal(call, awaited);                                                           \
        assert_int_equal((error)->result, awaited);                                                \
        assert_int_equal((error)->system, errno_value);                                            \
        assert_int_equal((error)->line, number);                                                   \
    } while (0)

#endif
