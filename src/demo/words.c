/* Numbers, bytes and times as text. */
#include "words.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t demo_now_ms(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void demo_date(char text[DEMO_DATE_MAX], int64_t at_ms)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm utc;

    text[0] = '\0';
    if (gmtime_r(&seconds, &utc) != NULL)
        snprintf(text, DEMO_DATE_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

void demo_span(char text[DEMO_SPAN_MAX], int64_t length_ms)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    long long seconds = length_ms > 0 ? length_ms / 1000 : 0;
    size_t unit = 0;
    long long lesser;

    while (unit < 3 && seconds < units[unit].seconds)
        unit++;
    lesser = unit < 3 ? seconds % units[unit].seconds / units[unit + 1].seconds : 0;
    snprintf(text, DEMO_SPAN_MAX, "%lld %s", seconds / units[unit].seconds, units[unit].name);
    if (lesser > 0)
        snprintf(text + strlen(text), DEMO_SPAN_MAX - strlen(text), " %lld %s", lesser,
                 units[unit + 1].name);
}

void demo_hex(char *text, const uint8_t *bytes, size_t length)
{
    sodium_bin2hex(text, 2 * length + 1, bytes, length);
}

bool demo_hex_read(const char *text, size_t text_length, uint8_t *bytes, size_t length)
{
    size_t read = 0;

    return text_length == 2 * length &&
           sodium_hex2bin(bytes, length, text, text_length, NULL, &read, NULL) == 0 &&
           read == length;
}

void demo_put_date(struct demo_values *values, const char *name, int64_t at_ms)
{
    char text[DEMO_DATE_MAX];

    demo_date(text, at_ms);
    demo_put(values, name, text);
}

void demo_put_span(struct demo_values *values, const char *name, int64_t length_ms)
{
    char text[DEMO_SPAN_MAX];

    demo_span(text, length_ms);
    demo_put(values, name, text);
}

void demo_put_hex(struct demo_values *values, const char *name, const uint8_t *bytes, size_t length)
{
    char *text = malloc(2 * length + 1);

    if (text != NULL)
        demo_hex(text, bytes, length);
    demo_put_slice(values, name, text, text != NULL ? 2 * length : 0);
    free(text);
}
