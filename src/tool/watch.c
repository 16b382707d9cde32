/* wafer revocations watch: what is on the list now and was not a second ago. */
#include "tool.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct entries {
    wafer_revocation *all;
    size_t count;
    bool seen; /* false: the list could not be read just then */
};

/* The list is opened anew for each look, so that one that was replaced or went bad is noticed. */
static int look(struct tool_list *list, struct entries *entries)
{
    wafer_result result;
    int status = tool_list_open(list, WAFER_ACCESS_READ);

    if (status != TOOL_DONE)
        return status;
    result = wafer_revocations_entries(list->list, &entries->all, &entries->count);
    tool_list_close(list);
    if (result == WAFER_UNAVAILABLE)
        return TOOL_DONE;
    if (result != WAFER_OK)
        return tool_list_failed(list, wafer_result_text(result));
    entries->seen = true;
    if (entries->count > 0)
        qsort(entries->all, entries->count, sizeof *entries->all, tool_compare_names);
    return TOOL_DONE;
}

/* Copies what is new or was changed; both are sorted by name, and fresh has room for all of now. */
static size_t compare(const struct entries *before, const struct entries *now,
                      wafer_revocation *fresh)
{
    size_t count = 0;
    size_t old = 0;

    for (size_t i = 0; i < now->count; i++) {
        const wafer_revocation *entry = &now->all[i];
        int order = 1;

        while (old < before->count && (order = tool_compare_names(&before->all[old], entry)) < 0)
            old++;
        if (old == before->count || order > 0 || before->all[old].at_ms != entry->at_ms ||
            before->all[old].renewals != entry->renewals)
            fresh[count++] = *entry;
    }
    return count;
}

static int print_fresh(const struct tool_list *list, wafer_revocation *fresh, size_t count)
{
    struct tool_json json = {stdout, false};
    int64_t now_ms = tool_now();

    if (now_ms < 0)
        return tool_failed("the clock cannot be read");
    qsort(fresh, count, sizeof *fresh, tool_compare_times);
    for (size_t i = 0; i < count; i++)
        if (list->json)
            tool_write_entry_json(&json, &fresh[i], now_ms, true);
        else
            tool_write_entry(stdout, &fresh[i], now_ms);
    return TOOL_DONE;
}

/* Looks, and prints what came since *before, which becomes what is there now. The first look only
 * learns. */
static int look_again(struct tool_list *list, struct entries *before)
{
    struct entries now = {NULL, 0, false};
    int status = look(list, &now);

    if (status != TOOL_DONE || !now.seen)
        return status;
    if (before->seen && now.count > 0) {
        wafer_revocation *fresh = malloc(now.count * sizeof *fresh);

        if (fresh == NULL) {
            free(now.all);
            return tool_failed(wafer_result_text(WAFER_NO_MEMORY));
        }
        status = print_fresh(list, fresh, compare(before, &now, fresh));
        free(fresh);
    }
    free(before->all);
    *before = now;
    /* main says what is wrong with the output. */
    return fflush(stdout) == 0 ? status : TOOL_FAILED;
}

/* Signals are blocked and waited for, a second at a time. */
static bool block_signals(sigset_t *signals)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};

    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    /* A shell that starts programs in the background makes them ignore SIGINT. */
    return sigaction(SIGINT, &usual, NULL) == 0 && sigprocmask(SIG_BLOCK, signals, NULL) == 0;
}

int tool_watch(struct tool_list *list)
{
    static const struct timespec second = {1, 0};
    struct entries before = {NULL, 0, false};
    sigset_t signals;
    int status;

    if (!block_signals(&signals))
        return tool_failed("signals cannot be waited for");
    do
        status = look_again(list, &before);
    while (status == TOOL_DONE && sigtimedwait(&signals, NULL, &second) < 0);
    free(before.all);
    return status;
}
