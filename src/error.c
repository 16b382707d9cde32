#include "error.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The length without the last character if only a part of its bytes is there. */
static size_t whole_characters(const char *text, size_t length)
{
    size_t lead = length;
    size_t size;

    while (lead > 0 && length - lead < 2 && ((uint8_t)text[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0 || (uint8_t)text[lead - 1] < 0xC0)
        return length;
    lead--;
    if ((uint8_t)text[lead] < 0xE0)
        size = 2;
    else
        size = (uint8_t)text[lead] < 0xF0 ? 3 : 4;
    return length - lead < size ? lead : length;
}

/* Puts NUL-terminated text behind the first `used` bytes of the error's and returns what is used
 * then: all of it, or as much as there is room for. */
static size_t append_cleaned(wafer_error *error, size_t used, const char *text)
{
    size_t room = sizeof error->text - 1 - used;
    size_t length = strlen(text);

    if (length > room)
        length = room;
    memcpy(error->text + used, text, length);
    used += length;
    error->text[used] = '\0';
    return used;
}

static size_t append_system_words(wafer_error *error, size_t used, int errno_value)
{
    char words[128];

    if (strerror_r(errno_value, words, sizeof words) != 0)
        (void)snprintf(words, sizeof words, "error %d", errno_value);
    used = append_cleaned(error, used, ": ");
    return append_cleaned(error, used, words);
}

wafer_result wafer_fail(wafer_error *error, wafer_result result, int errno_value, unsigned line,
                        const char *format, ...)
{
    va_list arguments;
    int length;
    size_t used;

    if (error == NULL)
        return result;
    error->result = result;
    error->system = errno_value;
    error->line = line;
    va_start(arguments, format);
    length = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    used = length < 0 ? 0 : strnlen(error->text, sizeof error->text - 1);
    error->text[used] = '\0';
    if (errno_value != 0)
        used = append_system_words(error, used, errno_value);
    error->text[whole_characters(error->text, used)] = '\0';
    return result;
}

wafer_result wafer_check_size(size_t size, size_t own, const char *initializer, wafer_error *error)
{
    if (size == own)
        return WAFER_OK;
    return wafer_fail(error, WAFER_INVALID, 0, 0,
                      "the settings' size is %zu, but this library's is %zu: start from %s and "
                      "compile against its header",
                      size, own, initializer);
}
