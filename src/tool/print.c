#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../option/terminal_text.h"

int tool_failed(const char *text)
{
    fputs("wafer: ", stderr);
    terminal_text_write(stderr, text, strlen(text));
    fputs("\n", stderr);
    return TOOL_FAILED;
}

void tool_write_hex(FILE *out, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        fprintf(out, "%02x", bytes[i]);
}

void tool_write_time(FILE *out, int64_t at_ms)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm utc;

    if (gmtime_r(&seconds, &utc) != NULL)
        fprintf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

void tool_write_age(FILE *out, int64_t age_ms)
{
    static const struct {
        int64_t length_ms;
        char name;
    } units[] = {{WAFER_DAY_MS, 'd'}, {WAFER_HOUR_MS, 'h'}, {WAFER_MINUTE_MS, 'm'}, {1000, 's'}};
    int64_t length_ms = age_ms < 0 ? -age_ms : age_ms;
    size_t unit = 0;

    while (unit + 1 < sizeof units / sizeof *units && length_ms < units[unit].length_ms)
        unit++;
    fprintf(out, "%lld%c", (long long)(age_ms / units[unit].length_ms), units[unit].name);
}

int64_t tool_now(void)
{
    struct timespec now;

    return clock_gettime(CLOCK_REALTIME, &now) == 0
               ? (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000
               : -1;
}

int tool_hex_digit(char character)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = character != '\0' ? strchr(digits, character) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

bool tool_read_number(const char *text, int64_t least, int64_t most, int64_t *number)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    char *end;
    long long value;

    if (digits[0] < '0' || digits[0] > '9')
        return false;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (*end != '\0' || errno != 0 || value < least || value > most)
        return false;
    *number = value;
    return true;
}
