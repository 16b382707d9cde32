/* wafer revocations list, count, purge, check; watch is watch.c's. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

#include "../option/revocations_option.h"
#include "../option/terminal_text.h"

#define FULL_PERCENT 80.0 /* from here on check warns; at 87.5 only subjects are taken */

static double percent(size_t entries, size_t capacity)
{
    return capacity > 0 ? 100.0 * (double)entries / (double)capacity : 100.0;
}

/* ---- list ------------------------------------------------------------------------- */

static void print_all_json(const wafer_revocation *entries, size_t count, int64_t now_ms)
{
    struct tool_json json = {stdout, false};

    tool_json_open(&json, NULL, '{');
    tool_json_open(&json, "entries", '[');
    for (size_t i = 0; i < count; i++)
        tool_write_entry_json(&json, &entries[i], now_ms, false);
    tool_json_close(&json, ']', false);
    tool_json_close(&json, '}', true);
}

static int print_entries(struct tool_list *list)
{
    wafer_revocation *entries;
    size_t count;
    int64_t now_ms = tool_now();

    if (now_ms < 0)
        return tool_failed("the clock cannot be read");
    wafer_result result = wafer_revocations_entries(list->list, &entries, &count);
    if (result != WAFER_OK)
        return tool_list_failed(list, wafer_result_text(result));
    if (count > 0)
        qsort(entries, count, sizeof *entries, tool_compare_times);
    if (list->json)
        print_all_json(entries, count, now_ms);
    else
        for (size_t i = 0; i < count; i++)
            tool_write_entry(stdout, &entries[i], now_ms);
    free(entries);
    return TOOL_DONE;
}

/* ---- count ------------------------------------------------------------------------ */

struct counts {
    size_t sessions;
    size_t subjects;
    size_t copies;
    wafer_revocations_status status; /* its entries are the sum of these */
};

static wafer_result count_entries(wafer_revocations *list, struct counts *counts)
{
    wafer_revocation *entries;
    size_t count;
    wafer_result result = wafer_revocations_look(list, &counts->status);

    if (result == WAFER_OK)
        result = wafer_revocations_entries(list, &entries, &count);
    if (result != WAFER_OK)
        return result;
    for (size_t i = 0; i < count; i++) {
        counts->sessions += entries[i].kind == WAFER_REVOKE_SESSION;
        counts->subjects += entries[i].kind == WAFER_REVOKE_SUBJECT;
        counts->copies += entries[i].kind == WAFER_REVOKE_COPIES;
    }
    counts->status.entries = counts->sessions + counts->subjects + counts->copies;
    free(entries);
    return WAFER_OK;
}

static void print_counts(const struct counts *counts)
{
    const wafer_revocations_status *status = &counts->status;

    printf("entries: %zu\ncapacity: %zu\nfull: %.1f %%\nsessions: %zu\nsubjects: %zu\n"
           "copies: %zu\nretention: %lld s\nskew: %lld s\ngrace: %lld s\nnot-before: ",
           status->entries, status->capacity, percent(status->entries, status->capacity),
           counts->sessions, counts->subjects, counts->copies,
           (long long)(status->retention_ms / 1000), (long long)(status->skew_ms / 1000),
           (long long)(status->grace_ms / 1000));
    if (status->not_before_ms > 0)
        tool_write_time(stdout, status->not_before_ms);
    else
        fputs("none", stdout);
    putchar('\n');
}

static void print_counts_json(const struct counts *counts)
{
    const wafer_revocations_status *status = &counts->status;
    struct tool_json json = {stdout, false};

    tool_json_open(&json, NULL, '{');
    tool_json_integer(&json, "entries", (int64_t)status->entries);
    tool_json_integer(&json, "capacity", (int64_t)status->capacity);
    tool_json_decimal(&json, "percent", percent(status->entries, status->capacity));
    tool_json_integer(&json, "sessions", (int64_t)counts->sessions);
    tool_json_integer(&json, "subjects", (int64_t)counts->subjects);
    tool_json_integer(&json, "copies", (int64_t)counts->copies);
    tool_json_integer(&json, "retention_ms", status->retention_ms);
    tool_json_integer(&json, "skew_ms", status->skew_ms);
    tool_json_integer(&json, "grace_ms", status->grace_ms);
    tool_json_integer(&json, "not_before_ms", status->not_before_ms);
    tool_json_close(&json, '}', true);
}

static int count_and_print(struct tool_list *list)
{
    struct counts counts = {0};
    wafer_result result = count_entries(list->list, &counts);

    if (result != WAFER_OK)
        return tool_list_failed(list, wafer_result_text(result));
    if (list->json)
        print_counts_json(&counts);
    else
        print_counts(&counts);
    return TOOL_DONE;
}

/* ---- purge and check -------------------------------------------------------------- */

static int purge(struct tool_list *list)
{
    struct tool_json json = {stdout, false};
    size_t dropped = 0;
    wafer_result result = wafer_revocations_purge(list->list, &dropped);

    if (result != WAFER_OK)
        return tool_list_failed(list, wafer_result_text(result));
    if (!list->json) {
        printf("%zu dropped\n", dropped);
        return TOOL_DONE;
    }
    tool_json_open(&json, NULL, '{');
    tool_json_integer(&json, "dropped", (int64_t)dropped);
    tool_json_close(&json, '}', true);
    return TOOL_DONE;
}

/* Opening has verified the list; what is left to see is how full it is. */
static int check(struct tool_list *list)
{
    struct tool_json json = {stdout, false};
    wafer_revocations_status status;
    wafer_result result = wafer_revocations_look(list->list, &status);
    double full;

    if (result != WAFER_OK)
        return tool_list_failed(list, wafer_result_text(result));
    full = percent(status.entries, status.capacity);
    if (list->json) {
        tool_json_open(&json, NULL, '{');
        tool_json_boolean(&json, "good", true);
        tool_json_decimal(&json, "percent", full);
        tool_json_boolean(&json, "warning", full >= FULL_PERCENT);
        tool_json_close(&json, '}', true);
        return TOOL_DONE;
    }
    terminal_text_write(stdout, list->where, strlen(list->where));
    printf(": good, %.1f %% full%s\n", full,
           full >= FULL_PERCENT ? "; warning: soon no session can be logged out any more; make the "
                                  "list anew with a larger capacity"
                                : "");
    return TOOL_DONE;
}

/* ---- which ------------------------------------------------------------------------ */

/* A file is verified by a reader; a journal has to be opened as its owner. */
static wafer_access access_to_check(const struct tool_list *list)
{
    return revocations_option_kind(list->where) == REVOCATIONS_WITH_JOURNAL ? WAFER_ACCESS_WRITE
                                                                            : WAFER_ACCESS_READ;
}

static int open_and(struct tool_list *list, wafer_access access, int (*use)(struct tool_list *list))
{
    int status = tool_list_open(list, access);

    if (status == TOOL_DONE)
        status = use(list);
    tool_list_close(list);
    return status;
}

static int act(const char *action, struct tool_list *list)
{
    if (strcmp(action, "list") == 0)
        return open_and(list, WAFER_ACCESS_READ, print_entries);
    if (strcmp(action, "count") == 0)
        return open_and(list, WAFER_ACCESS_READ, count_and_print);
    if (strcmp(action, "purge") == 0)
        return open_and(list, WAFER_ACCESS_WRITE, purge);
    if (strcmp(action, "check") == 0)
        return open_and(list, access_to_check(list), check);
    return tool_watch(list);
}

static bool is_action(const char *text)
{
    static const char *const known[] = {"list", "count", "purge", "watch", "check"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i]) == 0)
            return true;
    return false;
}

int tool_revocations(int count, char **arguments)
{
    const char *action = count > 1 ? arguments[1] : NULL;
    struct tool_list list;
    int status;

    if (action == NULL)
        return tool_misused("revocations", "what: list, count, purge, watch or check", NULL);
    if (strcmp(action, "--help") == 0)
        return tool_help("revocations");
    if (!is_action(action))
        return tool_misused("revocations", "list, count, purge, watch or check, not", action);
    arguments[1] = arguments[0];
    status = tool_list_read(count - 1, arguments + 1, "revocations", false, &list);
    if (status != TOOL_DONE)
        return status;
    if (list.help)
        return tool_help("revocations");
    if (optind < count - 1)
        return tool_misused("revocations", "takes nothing besides its options, such as",
                            arguments[1 + optind]);
    return act(action, &list);
}
