#include "support.h"

#include <string.h>

#include <wafer.h>

static void the_version_is_that_of_the_header(void **state)
{
    char numbers[32];

    (void)state;
    assert_string_equal(wafer_version(), WAFER_VERSION);
    (void)snprintf(numbers, sizeof numbers, "%d.%d.%d", WAFER_VERSION_MAJOR, WAFER_VERSION_MINOR,
                   WAFER_VERSION_PATCH);
    assert_string_equal(wafer_version(), numbers);
}

static const char *result_text(int value)
{
    return wafer_result_text((wafer_result)value);
}

static const char *verdict_text(int value)
{
    return wafer_verdict_text((wafer_verdict)value);
}

/* Values 0 to last each have a text of their own, all others share one. */
static void check_texts(const char *(*text)(int value), int last)
{
    static const int outside[] = {-1, -1000, 1000, INT32_MAX, INT32_MIN};

    for (int value = 0; value <= last; value++) {
        assert_non_null(text(value));
        assert_in_range(strlen(text(value)), 2, 60);
        for (int other = value + 1; other <= last + 1; other++)
            assert_string_not_equal(text(value), text(other));
    }
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        assert_non_null(text(outside[i]));
        assert_string_equal(text(outside[i]), text(last + 1));
    }
}

static void every_result_has_a_text_of_its_own(void **state)
{
    (void)state;
    check_texts(result_text, WAFER_QUEUED);
}

static void every_verdict_has_a_text_of_its_own(void **state)
{
    (void)state;
    check_texts(verdict_text, WAFER_REJECTED);
    assert_string_equal(wafer_verdict_text(WAFER_NONE), "none");
    assert_string_equal(wafer_verdict_text(WAFER_VALID), "valid");
    assert_string_equal(wafer_verdict_text(WAFER_IDLE), "idle");
    assert_string_equal(wafer_verdict_text(WAFER_EXPIRED), "expired");
    assert_string_equal(wafer_verdict_text(WAFER_FUTURE), "future");
    assert_string_equal(wafer_verdict_text(WAFER_REVOKED), "revoked");
    assert_string_equal(wafer_verdict_text(WAFER_UNCHECKED), "unchecked");
    assert_string_equal(wafer_verdict_text(WAFER_REJECTED), "rejected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_that_of_the_header),
        cmocka_unit_test(every_result_has_a_text_of_its_own),
        cmocka_unit_test(every_verdict_has_a_text_of_its_own),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
