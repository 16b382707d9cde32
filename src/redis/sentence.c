#include "sentence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void clean(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            *text = '?';
}

wafer_result wafer_redis_fail(wafer_error *error, wafer_result result, int errno_value,
                              const char *format, ...)
{
    va_list arguments;

    if (error == NULL)
        return result;
    *error = (wafer_error){.result = result, .system = errno_value};
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (errno_value != 0) {
        size_t used = strlen(error->text);
        char words[128];
        if (strerror_r(errno_value, words, sizeof words) != 0)
            (void)snprintf(words, sizeof words, "error %d", errno_value);
        (void)snprintf(error->text + used, sizeof error->text - used, ": %s", words);
    }
    clean(error->text);
    return result;
}

void wafer_redis_copy_text(char *to, size_t room, const char *from, size_t length)
{
    if (length >= room)
        length = room - 1;
    memcpy(to, from, length);
    to[length] = '\0';
    for (size_t i = 0; i < length; i++)
        if (to[i] == '\0')
            to[i] = '?';
    clean(to);
}
