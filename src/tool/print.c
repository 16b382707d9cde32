#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* ---- times ------------------------------------------------------------------------ */

void tool_format_time(int64_t at_ms, char out[TOOL_TIME_LENGTH + 1])
{
    time_t seconds = (time_t)(at_ms / TOOL_SECOND_MS);
    struct tm utc;

    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(out, TOOL_TIME_LENGTH + 1, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        out[0] = '\0';
}

void tool_write_time(FILE *out, int64_t at_ms)
{
    char date[TOOL_TIME_LENGTH + 1];

    tool_format_time(at_ms, date);
    fputs(date, out);
}

static const struct unit {
    int64_t length_ms;
    char letter;
    const char *name;
} units[] = {{WAFER_DAY_MS, 'd', "d"},
             {WAFER_HOUR_MS, 'h', "h"},
             {WAFER_MINUTE_MS, 'm', "min"},
             {TOOL_SECOND_MS, 's', "s"}};

/* The largest unit that a length of time has `least` of; else seconds. */
static const struct unit *unit_of(int64_t length_ms, int least)
{
    size_t unit = 0;

    while (unit + 1 < sizeof units / sizeof *units && length_ms < least * units[unit].length_ms)
        unit++;
    return &units[unit];
}

void tool_format_when(int64_t at_ms, int64_t now_ms, char out[TOOL_WHEN_MAX])
{
    int64_t length_ms = at_ms < now_ms ? now_ms - at_ms : at_ms - now_ms;
    const struct unit *unit = unit_of(length_ms, 2);
    long long number = (length_ms + unit->length_ms / 2) / unit->length_ms;

    if (number == 0)
        snprintf(out, TOOL_WHEN_MAX, "now");
    else if (at_ms < now_ms)
        snprintf(out, TOOL_WHEN_MAX, "%lld %s ago", number, unit->name);
    else
        snprintf(out, TOOL_WHEN_MAX, "in %lld %s", number, unit->name);
}

void tool_write_when(FILE *out, int64_t at_ms, int64_t now_ms)
{
    char when[TOOL_WHEN_MAX];

    if (at_ms == TOOL_NEVER) {
        fputs("never", out);
        return;
    }
    tool_write_time(out, at_ms);
    tool_format_when(at_ms, now_ms, when);
    fprintf(out, " (%s)", when);
}

void tool_write_age(FILE *out, int64_t age_ms)
{
    const struct unit *unit = unit_of(age_ms < 0 ? -age_ms : age_ms, 1);

    fprintf(out, "%lld%c", (long long)(age_ms / unit->length_ms), unit->letter);
}

int64_t tool_now(void)
{
    struct timespec now;

    return clock_gettime(CLOCK_REALTIME, &now) == 0
               ? (int64_t)now.tv_sec * TOOL_SECOND_MS + now.tv_nsec / 1000000
               : -1;
}

/* ---- what comes in ---------------------------------------------------------------- */

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

static int hex_digit(char character)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = character != '\0' ? strchr(digits, character) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

bool tool_read_hex(const char *text, size_t digits, uint8_t *out)
{
    if (digits % 2 != 0)
        return false;
    for (size_t i = 0; i < digits; i += 2) {
        int high = hex_digit(text[i]);
        int low = hex_digit(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_space(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

int tool_read_input(char *room, size_t size, const char *what, char **text, size_t *length)
{
    size_t end = fread(room, 1, size, stdin);
    size_t start = 0;

    if (ferror(stdin)) {
        fprintf(stderr, "wafer: cannot read the standard input: %s\n", strerror(errno));
        return TOOL_FAILED;
    }
    if (end == size) {
        fprintf(stderr, "wafer: the standard input is longer than any %s\n", what);
        return TOOL_FAILED;
    }
    while (end > 0 && is_space(room[end - 1]))
        end--;
    while (start < end && is_space(room[start]))
        start++;
    room[end] = '\0';
    *text = room + start;
    *length = end - start;
    return TOOL_DONE;
}

/* ---- colours ---------------------------------------------------------------------- */

static bool wants_colour(void)
{
    const char *unwanted = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return (unwanted == NULL || unwanted[0] == '\0') && isatty(STDOUT_FILENO) == 1 &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

void tool_colour(enum tool_colour colour)
{
    static const char *const codes[] = {[TOOL_PLAIN] = "0",
                                        [TOOL_GOOD] = "32",
                                        [TOOL_BAD] = "31",
                                        [TOOL_WARNING] = "33",
                                        [TOOL_FAINT] = "2"};
    static int wanted = -1;

    if (wanted < 0)
        wanted = wants_colour();
    if (wanted)
        printf("\033[%sm", codes[colour]);
}
