#include "support.h"

#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calendar.h"

#define DAY   INT64_C(86400)
#define FIRST INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define LAST  INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* Both texts of a time, each written to memory with just the room it needs. */
static void check_texts(int64_t unix_seconds, const char *imf, const char *rfc3339)
{
    char *imf_out = (char *)guarded(WAFER_IMF_LENGTH + 1);
    char *rfc3339_out = (char *)guarded(WAFER_RFC3339_LENGTH + 1);

    assert_true(wafer_imf_date(unix_seconds, imf_out));
    assert_string_equal(imf_out, imf);
    assert_true(wafer_rfc3339(unix_seconds, rfc3339_out));
    assert_string_equal(rfc3339_out, rfc3339);
    guarded_free(imf_out, WAFER_IMF_LENGTH + 1);
    guarded_free(rfc3339_out, WAFER_RFC3339_LENGTH + 1);
}

static bool parse(const char *text, size_t length, int64_t *unix_seconds)
{
    char *input = (char *)guarded_copy(text, length);
    bool accepted = wafer_rfc3339_parse(input, length, unix_seconds);

    guarded_free(input, length);
    return accepted;
}

static void known_times_are_written_in_both_forms(void **state)
{
    static const struct {
        int64_t unix_seconds;
        const char *imf;
        const char *rfc3339;
    } vectors[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00Z"},
        {1709251199, "Thu, 29 Feb 2024 23:59:59 GMT", "2024-02-29T23:59:59Z"},
        {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT", "2038-01-19T03:14:08Z"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT", "2100-03-01T00:00:00Z"},
        {FIRST, "Sat, 01 Jan 0000 00:00:00 GMT", "0000-01-01T00:00:00Z"},
        {LAST, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        int64_t back = 1;

        check_texts(vectors[i].unix_seconds, vectors[i].imf, vectors[i].rfc3339);
        assert_true(parse(vectors[i].rfc3339, WAFER_RFC3339_LENGTH, &back));
        assert_true(back == vectors[i].unix_seconds);
    }
}

static void the_dates_of_other_projects_are_written_as_they_say(void **state)
{
    FILE *file = conformance_file("http_dates.jsonl");
    char line[1024];
    size_t rows = 0;

    (void)state;
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *row = json_loads(line, 0, NULL);
        const json_t *unix_seconds = json_object_get(row, "unix");
        char out[WAFER_IMF_LENGTH + 1];

        assert_true(json_is_integer(unix_seconds));
        assert_string_equal(json_string_value(json_object_get(row, "kind")), "imf-fixdate-writer");
        assert_true(wafer_imf_date(json_integer_value(unix_seconds), out));
        assert_string_equal(out, json_string_value(json_object_get(row, "text")));
        json_decref(row);
        rows++;
    }
    (void)fclose(file);
    assert_true(rows > 0);
}

/* A calendar that only knows what tomorrow is. */
struct counter {
    int year;
    int month;
    int day;
    int weekday; /* 0 is Sunday */
};

static int days_in_month(int year, int month)
{
    if (month == 2) {
        bool leap = year % 400 == 0 || (year % 100 != 0 && year % 4 == 0);

        return leap ? 29 : 28;
    }
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void next_day(struct counter *counter)
{
    counter->weekday = (counter->weekday + 1) % 7;
    counter->day++;
    if (counter->day > days_in_month(counter->year, counter->month)) {
        counter->day = 1;
        counter->month++;
    }
    if (counter->month > 12) {
        counter->month = 1;
        counter->year++;
    }
}

static int number(const char *digits, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        assert_in_range(digits[i], '0', '9');
        value = value * 10 + (digits[i] - '0');
    }
    return value;
}

static void check_day(const struct counter *counter, int64_t unix_seconds)
{
    static const char weekdays[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char imf[WAFER_IMF_LENGTH + 1];
    char rfc3339[WAFER_RFC3339_LENGTH + 1];
    int64_t back;

    assert_true(wafer_rfc3339(unix_seconds, rfc3339));
    assert_int_equal(number(rfc3339, 4), counter->year);
    assert_int_equal(number(rfc3339 + 5, 2), counter->month);
    assert_int_equal(number(rfc3339 + 8, 2), counter->day);
    assert_true(wafer_imf_date(unix_seconds, imf));
    assert_memory_equal(imf, weekdays + 3 * counter->weekday, 3);
    assert_int_equal(number(imf + 5, 2), counter->day);
    assert_memory_equal(imf + 8, months + 3 * (counter->month - 1), 3);
    assert_int_equal(number(imf + 12, 4), counter->year);
    assert_memory_equal(imf + 17, rfc3339 + 11, 8);
    assert_true(wafer_rfc3339_parse(rfc3339, WAFER_RFC3339_LENGTH, &back));
    assert_true(back == unix_seconds);
}

static void each_day_from_1600_to_2400_agrees_with_counting(void **state)
{
    struct counter counter = {1600, 1, 1, 6};
    int64_t second = 0;

    (void)state;
    for (int64_t midnight = INT64_C(-11676096000); counter.year <= 2400; midnight += DAY) {
        check_day(&counter, midnight + second);
        second = second == 0 ? DAY - 1 : 0; /* the ends of the day in turn */
        next_day(&counter);
    }
}

static void the_ends_of_each_year_agree_with_counting(void **state)
{
    struct counter counter = {0, 1, 1, 6};

    (void)state;
    for (int64_t midnight = FIRST; midnight <= LAST; midnight += DAY) {
        bool new_year = counter.month == 1 && counter.day == 1;
        bool first_of_march = counter.month == 3 && counter.day == 1;

        if (new_year || first_of_march)
            check_day(&counter, midnight);
        next_day(&counter);
        if (new_year && midnight > FIRST) {
            struct counter eve = {counter.year - 1, 12, 31, (counter.weekday + 5) % 7};

            check_day(&eve, midnight - 1);
        }
    }
    assert_int_equal(counter.year, 10000);
}

static void each_second_of_a_day_is_written_and_read(void **state)
{
    (void)state;
    for (int64_t second = 0; second < DAY; second++) {
        char out[WAFER_RFC3339_LENGTH + 1];
        int64_t back;

        assert_true(wafer_rfc3339(second, out));
        assert_int_equal(number(out + 11, 2) * 3600 + number(out + 14, 2) * 60 +
                             number(out + 17, 2),
                         second);
        assert_true(wafer_rfc3339_parse(out, WAFER_RFC3339_LENGTH, &back));
        assert_true(back == second);
    }
}

static void a_time_outside_the_four_digit_years_is_refused_and_nothing_written(void **state)
{
    static const int64_t outside[] = {INT64_MIN, INT64_MIN + 1, FIRST - 1,
                                      LAST + 1,  INT64_MAX - 1, INT64_MAX};
    char out[WAFER_IMF_LENGTH + 1] = "untouched";

    (void)state;
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        assert_false(wafer_imf_date(outside[i], out));
        assert_string_equal(out, "untouched");
        assert_false(wafer_rfc3339(outside[i], out));
        assert_string_equal(out, "untouched");
    }
}

static void every_truncation_and_extension_is_refused(void **state)
{
    static const char text[] = "2026-01-31T12:00:00Z0";
    int64_t unix_seconds = 7;

    (void)state;
    for (size_t length = 0; length <= sizeof text; length++)
        if (length != WAFER_RFC3339_LENGTH)
            assert_false(parse(text, length, &unix_seconds));
    /* With the NUL behind it. */
    assert_false(parse("2026-01-31T12:00:00Z", WAFER_RFC3339_LENGTH + 1, &unix_seconds));
    assert_true(unix_seconds == 7);
    assert_false(wafer_rfc3339_parse(NULL, 0, &unix_seconds));
}

static void every_change_of_one_character_gives_the_same_text_or_is_refused(void **state)
{
    static const char *const texts[] = {"2026-01-31T12:00:00Z", "2024-02-29T23:59:59Z",
                                        "0000-10-30T09:09:09Z"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t place = 0; place < WAFER_RFC3339_LENGTH; place++) {
            unsigned accepted = 0;

            for (unsigned value = 0; value < 256; value++) {
                char text[WAFER_RFC3339_LENGTH + 1];
                char again[WAFER_RFC3339_LENGTH + 1];
                int64_t unix_seconds;

                memcpy(text, texts[i], sizeof text);
                text[place] = (char)value;
                if (wafer_rfc3339_parse(text, WAFER_RFC3339_LENGTH, &unix_seconds)) {
                    accepted++;
                    assert_true(wafer_rfc3339(unix_seconds, again));
                    assert_memory_equal(again, text, sizeof text);
                }
            }
            assert_in_range(accepted, 1, 10);
        }
    }
}

static void a_date_or_time_that_does_not_exist_is_refused(void **state)
{
    static const char *const texts[] = {
        "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z", "2026-04-31T00:00:00Z", "2026-06-31T00:00:00Z",
        "2026-09-31T00:00:00Z", "2026-11-31T00:00:00Z", "2026-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
        "2000-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z", "2026-01-01T23:59:60Z", "2026-99-99T99:99:99Z",
    };
    int64_t unix_seconds = 7;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(parse(texts[i], WAFER_RFC3339_LENGTH, &unix_seconds));
    assert_true(unix_seconds == 7);
}

static void another_form_of_the_same_time_is_refused(void **state)
{
    static const char *const texts[] = {
        "2026-01-31t12:00:00Z",      "2026-01-31T12:00:00z", "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00+00:00", "2026-01-31T12:00:00",  "2026-01-31T12:00:00.0Z",
        "20260131T120000Z",          "+026-01-31T12:00:00Z", "-026-01-31T12:00:00Z",
        " 026-01-31T12:00:00Z",      "2026-1-31T12:00:00Z ", "2026/01/31T12:00:00Z",
    };
    int64_t unix_seconds;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(parse(texts[i], strlen(texts[i]), &unix_seconds));
}

static void locale_and_time_zone_change_nothing(void **state)
{
    static const char *const zones[] = {"Pacific/Kiritimati", "ODD-14:30", "ODD+11:45EVEN,0,365",
                                        "right/Europe/Paris", ":no such zone"};
    static const char *const locales[] = {"", "C.UTF-8", "de_DE.UTF-8", "fa_IR.UTF-8",
                                          "th_TH.UTF-8"};

    (void)state;
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        int64_t back = 0;

        assert_int_equal(setenv("TZ", zones[i], 1), 0);
        tzset();
        (void)setlocale(LC_ALL, locales[i]); /* not each is installed everywhere */
        check_texts(784111777, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z");
        assert_true(parse("1994-11-06T08:49:37Z", WAFER_RFC3339_LENGTH, &back));
        assert_true(back == 784111777);
    }
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
    assert_non_null(setlocale(LC_ALL, "C"));
}

static void random_times_are_written_as_by_the_c_library(void **state)
{
    (void)state;
    seed_random();
    for (unsigned round = 0; round < 2000; round++) {
        int64_t unix_seconds = FIRST + (int64_t)random_below((uint64_t)(LAST - FIRST) + 1);
        time_t library_time = (time_t)unix_seconds;
        struct tm broken_down;
        char expected[64];
        char imf[WAFER_IMF_LENGTH + 1];

        if (library_time != unix_seconds)
            continue; /* a time_t of 32 bits */
        assert_non_null(gmtime_r(&library_time, &broken_down));
        assert_true(wafer_imf_date(unix_seconds, imf));
        (void)strftime(expected, sizeof expected, "%a, %d %b ", &broken_down);
        assert_memory_equal(imf, expected, 12);
        assert_int_equal(number(imf + 12, 4), broken_down.tm_year + 1900);
        (void)strftime(expected, sizeof expected, " %H:%M:%S GMT", &broken_down);
        assert_string_equal(imf + 16, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times_are_written_in_both_forms),
        cmocka_unit_test(the_dates_of_other_projects_are_written_as_they_say),
        cmocka_unit_test(each_day_from_1600_to_2400_agrees_with_counting),
        cmocka_unit_test(the_ends_of_each_year_agree_with_counting),
        cmocka_unit_test(each_second_of_a_day_is_written_and_read),
        cmocka_unit_test(a_time_outside_the_four_digit_years_is_refused_and_nothing_written),
        cmocka_unit_test(every_truncation_and_extension_is_refused),
        cmocka_unit_test(every_change_of_one_character_gives_the_same_text_or_is_refused),
        cmocka_unit_test(a_date_or_time_that_does_not_exist_is_refused),
        cmocka_unit_test(another_form_of_the_same_time_is_refused),
        cmocka_unit_test(locale_and_time_zone_change_nothing),
        cmocka_unit_test(random_times_are_written_as_by_the_c_library),
    };

    return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
