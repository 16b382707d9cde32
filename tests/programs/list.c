/* Makes a revocation list for tests of programs that use one, as a server would:
 *
 *     list LIST CAPACITY SESSIONS [AGE [copies] [group]]
 *
 * LIST as the programs take it. So many sessions are revoked, AGE seconds ago, with the ids 1, 2
 * and so on; with "copies", copies of session 255 from before its third renewal; with "group" the
 * list has mode 0640. Exit status 1, with the reason, if anything fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../src/option/revocations_option.h"

/* The clock of somebody who lived so many seconds ago. */
static int64_t earlier(void *context)
{
    const long *age = context;

    return ((int64_t)time(NULL) - *age) * 1000;
}

static bool has_word(char **words, const char *word)
{
    while (*words != NULL && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

static int fill(wafer_revocations *list, unsigned long count, bool with_copies, int64_t now_ms)
{
    wafer_revocation copies = {.kind = WAFER_REVOKE_COPIES, .renewals = 3};
    uint8_t id[WAFER_ID_SIZE] = {0};
    wafer_result result = WAFER_OK;

    for (unsigned long number = 1; number <= count && result == WAFER_OK; number++) {
        for (size_t i = 0; i < sizeof number; i++)
            id[sizeof id - 1 - i] = (uint8_t)(number >> (8 * i));
        result = wafer_revoke_session(list, id);
    }
    copies.key[sizeof copies.key - 1] = 255;
    if (with_copies && result == WAFER_OK)
        result = wafer_revocations_apply(list, now_ms, &copies);
    if (result != WAFER_OK)
        fprintf(stderr, "list: %s\n", wafer_result_text(result));
    return result == WAFER_OK ? 0 : 1;
}

int main(int count, char **arguments)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list;
    wafer_error error;
    long age;
    int status;

    if (count < 4)
        return 2;
    age = count > 4 ? strtol(arguments[4], NULL, 10) : 0;
    settings.on_start = WAFER_START_FORGETS;
    settings.capacity = strtoul(arguments[2], NULL, 10);
    settings.group_readable = has_word(arguments, "group");
    settings.clock = age != 0 ? earlier : NULL;
    settings.clock_context = &age;
    if (!revocations_option_open(arguments[1], &settings, &list, &error)) {
        fprintf(stderr, "list: %s\n", error.text);
        return 1;
    }
    status = fill(list, strtoul(arguments[3], NULL, 10), has_word(arguments, "copies"),
                  earlier(&age));
    wafer_revocations_free(list);
    return status;
}
