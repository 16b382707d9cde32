#include "calendar.h"

#include <string.h>

#define DAY_SECONDS       INT64_C(86400)
#define DAYS_TO_1970      INT64_C(719528) /* from 0000-01-01 */
#define DAYS_IN_400_YEARS INT64_C(146097)
#define YEAR_MAX          9999

struct moment {
    int64_t year; /* 0 .. YEAR_MAX */
    int month;    /* 1 .. 12 */
    int day;      /* 1 .. 31 */
    int hour;
    int minute;
    int second;
    int weekday; /* 0 is Sunday */
};

/* The days of a common and of a leap year in front of each month and behind the last. */
static const int days_before_month[2][13] = {
    {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
    {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366},
};

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* From 0000-01-01, itself a leap year, to the first of January: 365 for each year between, and one
 * for each multiple of 4 but not of 100 unless of 400, counted by rounding up. */
static int64_t days_before_year(int64_t year)
{
    return 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
}

/* The year of a day counted from 0000-01-01. The average year finds it or a neighbour of it. */
static int64_t year_of(int64_t days)
{
    int64_t year = days * 400 / DAYS_IN_400_YEARS;

    if (days_before_year(year) > days)
        return year - 1;
    return days_before_year(year + 1) <= days ? year + 1 : year;
}

static bool split_moment(int64_t unix_seconds, struct moment *moment)
{
    const int64_t first = -DAYS_TO_1970 * DAY_SECONDS;
    const int64_t end = first + days_before_year(YEAR_MAX + 1) * DAY_SECONDS;
    int64_t days;
    int second;
    int day_of_year;
    const int *before_month;

    if (unix_seconds < first || unix_seconds >= end)
        return false;
    days = (unix_seconds - first) / DAY_SECONDS;
    second = (int)((unix_seconds - first) % DAY_SECONDS);
    moment->year = year_of(days);
    before_month = days_before_month[is_leap(moment->year)];
    day_of_year = (int)(days - days_before_year(moment->year));
    moment->month = 1;
    while (before_month[moment->month] <= day_of_year)
        moment->month++;
    moment->day = day_of_year - before_month[moment->month - 1] + 1;
    moment->hour = second / 3600;
    moment->minute = second / 60 % 60;
    moment->second = second % 60;
    moment->weekday = (int)((days + 6) % 7); /* 0000-01-01 was a Saturday */
    return true;
}

static char *write_text(char *out, const char *text)
{
    size_t length = strlen(text);

    memcpy(out, text, length);
    return out + length;
}

/* Writes the last `count` decimal digits. */
static char *write_digits(char *out, int64_t value, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

static char *write_clock(char *out, const struct moment *moment)
{
    out = write_digits(out, moment->hour, 2);
    out = write_text(out, ":");
    out = write_digits(out, moment->minute, 2);
    out = write_text(out, ":");
    return write_digits(out, moment->second, 2);
}

bool wafer_imf_date(int64_t unix_seconds, char out[WAFER_IMF_LENGTH + 1])
{
    static const char weekdays[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct moment moment;

    if (!split_moment(unix_seconds, &moment))
        return false;
    out = write_text(out, weekdays[moment.weekday]);
    out = write_text(out, ", ");
    out = write_digits(out, moment.day, 2);
    out = write_text(out, " ");
    out = write_text(out, months[moment.month - 1]);
    out = write_text(out, " ");
    out = write_digits(out, moment.year, 4);
    out = write_text(out, " ");
    out = write_clock(out, &moment);
    out = write_text(out, " GMT");
    *out = '\0';
    return true;
}

bool wafer_rfc3339(int64_t unix_seconds, char out[WAFER_RFC3339_LENGTH + 1])
{
    struct moment moment;

    if (!split_moment(unix_seconds, &moment))
        return false;
    out = write_digits(out, moment.year, 4);
    out = write_text(out, "-");
    out = write_digits(out, moment.month, 2);
    out = write_text(out, "-");
    out = write_digits(out, moment.day, 2);
    out = write_text(out, "T");
    out = write_clock(out, &moment);
    out = write_text(out, "Z");
    *out = '\0';
    return true;
}

/* Whether the text has a digit where the pattern has a 0, and else the pattern's character. */
static bool has_form(const char *text, size_t length, const char *pattern)
{
    if (length != strlen(pattern))
        return false;
    for (size_t i = 0; i < length; i++) {
        bool fits = pattern[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == pattern[i];

        if (!fits)
            return false;
    }
    return true;
}

static int read_digits(const char *text, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

bool wafer_rfc3339_parse(const char *text, size_t length, int64_t *unix_seconds)
{
    int year;
    int month;
    int day;
    int second;
    const int *before_month;

    if (!has_form(text, length, "0000-00-00T00:00:00Z"))
        return false;
    year = read_digits(text, 4);
    month = read_digits(text + 5, 2);
    day = read_digits(text + 8, 2);
    before_month = days_before_month[is_leap(year)];
    if (month < 1 || month > 12 || day < 1 || day > before_month[month] - before_month[month - 1])
        return false;
    if (read_digits(text + 11, 2) > 23 || read_digits(text + 14, 2) > 59 ||
        read_digits(text + 17, 2) > 59)
        return false;
    second = read_digits(text + 11, 2) * 3600 + read_digits(text + 14, 2) * 60 +
             read_digits(text + 17, 2);
    *unix_seconds = (days_before_year(year) - DAYS_TO_1970 + before_month[month - 1] + day - 1) *
                        DAY_SECONDS +
                    second;
    return true;
}
