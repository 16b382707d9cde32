/* Which revocation list, and its entries in print. */
#include "tool.h"

#include <string.h>

#include "../option/revocations_option.h"
#include "../option/terminal_text.h"

/* ---- which one -------------------------------------------------------------------- */

int tool_list_check(const char *command, const char *where)
{
    switch (revocations_option_kind(where)) {
    case REVOCATIONS_IN_FILE:
    case REVOCATIONS_WITH_JOURNAL:
    case REVOCATIONS_OVER_REDIS:
        return TOOL_DONE;
    case REVOCATIONS_IN_MEMORY:
        return tool_misused(command,
                            "a list in memory is seen by nobody else; --revocations takes "
                            "file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER, not",
                            where);
    case REVOCATIONS_UNKNOWN:
        break;
    }
    return tool_misused(command,
                        "--revocations takes file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER, not",
                        where);
}

static int read_option(int option, const char *value, const char *command, struct tool_list *list)
{
    switch (option) {
    case 'r':
        list->where = value;
        return tool_list_check(command, value);
    case 'm':
        list->realm = value;
        return TOOL_DONE;
    case 'g':
        list->group = true;
        return TOOL_DONE;
    case 'j':
        list->json = true;
        return TOOL_DONE;
    case 'h':
        list->help = true;
        return TOOL_DONE;
    default:
        return TOOL_USAGE;
    }
}

int tool_list_read(int count, char **arguments, const char *command, bool takes_realm,
                   struct tool_list *list)
{
    static const struct option known[] = {{"realm", required_argument, NULL, 'm'},
                                          {"revocations", required_argument, NULL, 'r'},
                                          {"group", no_argument, NULL, 'g'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const struct option *first = takes_realm ? known : known + 1;
    int option;

    *list = (struct tool_list){.realm = ""};
    while ((option = getopt_long(count, arguments, "", first, NULL)) != -1) {
        int status = read_option(option, optarg, command, list);
        if (status != TOOL_DONE)
            return status;
    }
    if (list->where == NULL && !list->help)
        return tool_misused(command, "--revocations LIST is missing", NULL);
    return TOOL_DONE;
}

int tool_list_open(struct tool_list *list, wafer_access access)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_error error;

    settings.access = access;
    settings.group_readable = list->group;
    if (revocations_option_open(list->where, &settings, &list->list, &error))
        return TOOL_DONE;
    return tool_failed(error.text);
}

void tool_list_close(struct tool_list *list)
{
    wafer_revocations_free(list->list);
    list->list = NULL;
}

int tool_list_failed(const struct tool_list *list, const char *text)
{
    fputs("wafer: ", stderr);
    terminal_text_write(stderr, list->where, strlen(list->where));
    fprintf(stderr, ": %s\n", text);
    return TOOL_FAILED;
}

/* ---- entries ---------------------------------------------------------------------- */

static const char *kind_name(wafer_revocation_kind kind)
{
    switch (kind) {
    case WAFER_REVOKE_SESSION:
        return "session";
    case WAFER_REVOKE_SUBJECT:
        return "subject";
    case WAFER_REVOKE_EVERYONE:
        return "everyone";
    case WAFER_REVOKE_COPIES:
        return "copies";
    }
    return "unknown";
}

void tool_write_entry(FILE *out, const wafer_revocation *entry, int64_t now_ms)
{
    fprintf(out, "%-8s ", kind_name(entry->kind));
    tool_write_hex(out, entry->key, sizeof entry->key);
    putc(' ', out);
    tool_write_time(out, entry->at_ms);
    putc(' ', out);
    tool_write_age(out, now_ms - entry->at_ms);
    if (entry->kind == WAFER_REVOKE_COPIES)
        fprintf(out, " %lu", (unsigned long)entry->renewals);
    putc('\n', out);
}

void tool_write_entry_json(struct tool_json *json, const wafer_revocation *entry, int64_t now_ms,
                           bool ends)
{
    tool_json_open(json, NULL, '{');
    tool_json_string(json, "kind", kind_name(entry->kind));
    tool_json_hex(json, "key", entry->key, sizeof entry->key);
    tool_json_time(json, "at", entry->at_ms);
    tool_json_integer(json, "age_ms", now_ms - entry->at_ms);
    if (entry->kind == WAFER_REVOKE_COPIES)
        tool_json_integer(json, "renewals", entry->renewals);
    tool_json_close(json, '}', ends);
}

int tool_compare_names(const void *left, const void *right)
{
    const wafer_revocation *one = left;
    const wafer_revocation *other = right;
    int order = memcmp(one->key, other->key, sizeof one->key);

    if (order != 0 || one->kind == other->kind)
        return order;
    return one->kind < other->kind ? -1 : 1;
}

int tool_compare_times(const void *left, const void *right)
{
    const wafer_revocation *one = left;
    const wafer_revocation *other = right;

    if (one->at_ms != other->at_ms)
        return one->at_ms < other->at_ms ? -1 : 1;
    return tool_compare_names(left, right);
}
