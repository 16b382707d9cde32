/* wafer revoke session, subject, everyone. */
#include "tool.h"

#include <string.h>

#include "../option/revocations_option.h"
#include "../option/terminal_text.h"

/* Session ids and what they are on the list are the same bytes. */
static int name_session(const struct tool_list *list, const char *text, wafer_revocation *entry)
{
    (void)list;
    if (strlen(text) == 2 * sizeof entry->key &&
        tool_read_hex(text, 2 * sizeof entry->key, entry->key))
        return TOOL_DONE;
    return tool_misused("revoke", "a session's id is 32 lower-case hex digits, not", text);
}

static int name_subject(const struct tool_list *list, const char *text, wafer_revocation *entry)
{
    if (wafer_subject_key(list->realm, text, strlen(text), entry->key) == WAFER_OK)
        return TOOL_DONE;
    return tool_failed("a subject is 1 to 255 bytes of UTF-8");
}

/* Who can be logged out. */
static const struct target {
    const char *name;
    wafer_revocation_kind kind;
    /* Fills the key; NULL: takes no word. */
    int (*read)(const struct tool_list *list, const char *text, wafer_revocation *entry);
    const char *missing;
} targets[] = {
    {"session", WAFER_REVOKE_SESSION, name_session, "the id of the session is missing"},
    {"subject", WAFER_REVOKE_SUBJECT, name_subject, "the name of the user is missing"},
    {"everyone", WAFER_REVOKE_EVERYONE, NULL, NULL},
};

static int explain(const struct tool_list *list, wafer_result result)
{
    switch (result) {
    case WAFER_LIST_FULL:
        return tool_list_failed(list, "the list is full; nothing was revoked");
    case WAFER_UNAVAILABLE:
        return tool_list_failed(list, "nothing was revoked, as the clock went back or there was "
                                      "too much at once; try again in a minute");
    case WAFER_SYSTEM:
        if (revocations_option_kind(list->where) == REVOCATIONS_WITH_JOURNAL)
            return tool_list_failed(list, "it is not in the journal, so a restart may forget it "
                                          "if it is in effect at all; repeat it");
        if (revocations_option_kind(list->where) == REVOCATIONS_OVER_REDIS)
            return tool_list_failed(list, "if it is in effect at all, then on this machine only: "
                                          "the queue cannot be written; repeat it");
        return tool_list_failed(list, "nothing was revoked; no room on the disk, no lock or no "
                                      "clock");
    default:
        return tool_list_failed(list, wafer_result_text(result));
    }
}

static void print_done(const struct target *target, const char *word, const wafer_revocation *entry)
{
    fputs(target->name, stdout);
    if (word != NULL) {
        putchar(' ');
        terminal_text_write(stdout, word, strlen(word));
    }
    fputs(target->kind == WAFER_REVOKE_SESSION ? ": refused since " : ": all from before ", stdout);
    tool_write_time(stdout, entry->at_ms);
    puts(target->kind == WAFER_REVOKE_SESSION ? "" : " is refused; logins from now on are good");
}

static int revoke(struct tool_list *list, const struct target *target, const char *word)
{
    wafer_revocation entry = {.kind = target->kind};
    struct tool_json json = {stdout, false};
    wafer_result result;
    int status = TOOL_DONE;
    int64_t now_ms;

    if (target->read != NULL)
        status = target->read(list, word, &entry);
    if (status == TOOL_DONE)
        status = tool_list_open(list, WAFER_ACCESS_WRITE);
    if (status != TOOL_DONE)
        return status;
    /* Not before: opening may wait, and who signed in meanwhile is to be refused. */
    now_ms = tool_now();
    result = wafer_revocations_apply(list->list, now_ms, &entry);
    if (result != WAFER_OK && result != WAFER_QUEUED)
        return explain(list, result);
    if (result == WAFER_QUEUED)
        fputs("wafer: in effect on this machine; Redis cannot be reached, the feeder will tell the "
              "others\n",
              stderr);
    if (list->json)
        tool_write_entry_json(&json, &entry, now_ms, true);
    else
        print_done(target, word, &entry);
    return TOOL_DONE;
}

static int act(const struct target *target, int count, char **arguments)
{
    struct tool_list list;
    int words = target->read != NULL ? 1 : 0;
    bool takes_realm = target->kind == WAFER_REVOKE_SUBJECT;
    int status = tool_list_read(count, arguments, "revoke", takes_realm, &list);

    if (status != TOOL_DONE)
        return status;
    if (list.help)
        return tool_help("revoke");
    if (count - optind < words)
        return tool_misused("revoke", target->missing, NULL);
    if (count - optind > words)
        return tool_misused("revoke", "one at a time; there is also", arguments[optind + words]);
    status = revoke(&list, target, words > 0 ? arguments[optind] : NULL);
    tool_list_close(&list);
    return status;
}

int tool_revoke(int count, char **arguments)
{
    const char *who = count > 1 ? arguments[1] : NULL;

    if (who == NULL)
        return tool_misused("revoke", "whom: session, subject or everyone", NULL);
    arguments[1] = arguments[0];
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(who, targets[i].name) == 0)
            return act(&targets[i], count - 1, arguments + 1);
    if (strcmp(who, "--help") == 0)
        return tool_help("revoke");
    return tool_misused("revoke", "session, subject or everyone, not", who);
}
