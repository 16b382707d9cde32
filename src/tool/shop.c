/* A manager with one session, to make and look at tokens without HTTP. */
#include "tool.h"

#include "../option/revocations_option.h"

#define LINE_LIMIT   8192 /* the longest: what a server accepts is its own */
#define CAPACITY_MIN 64

static int64_t read_clock(void *context)
{
    return *(const int64_t *)context;
}

/* A list of one's own, which refuses nothing. */
static wafer_result make_list(struct tool_shop *shop, wafer_error *error)
{
    wafer_revocations_settings list = WAFER_REVOCATIONS_SETTINGS_INIT;

    list.on_start = WAFER_START_FORGETS;
    list.retention_ms = WAFER_LIFETIME_MAX_MS;
    list.capacity = CAPACITY_MIN;
    return wafer_revocations_new(&list, &shop->revocations, error);
}

static wafer_result open_list(struct tool_shop *shop, const struct tool_options *options,
                              wafer_error *error)
{
    wafer_revocations_settings list = WAFER_REVOCATIONS_SETTINGS_INIT;

    list.access = WAFER_ACCESS_READ;
    list.group_readable = options->group;
    return revocations_option_open(options->revocations, &list, &shop->revocations, error)
               ? WAFER_OK
               : error->result;
}

/* What a manager may promise depends on its list. */
static wafer_result make_manager(struct tool_shop *shop, const struct tool_options *options,
                                 int64_t most_ms, wafer_error *error)
{
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_revocations_status status;
    wafer_result result = wafer_revocations_look(shop->revocations, &status);

    if (result != WAFER_OK) {
        snprintf(error->text, sizeof error->text, "the revocation list: %s",
                 wafer_result_text(result));
        return result;
    }
    shop->absolute_ms = most_ms < status.retention_ms ? most_ms : status.retention_ms;
    settings.keyring = shop->keyring;
    settings.revocations = shop->revocations;
    settings.name = options->name;
    settings.context = options->context;
    settings.realm = options->realm;
    settings.idle_ms = 0;
    settings.absolute_ms = shop->absolute_ms;
    if (settings.skew_ms > status.skew_ms)
        settings.skew_ms = status.skew_ms;
    settings.clock = read_clock;
    settings.clock_context = &shop->now_ms;
    settings.line_limit = LINE_LIMIT;
    settings.split_at_commas = options->commas;
    return wafer_manager_new(&settings, &shop->manager, error);
}

static wafer_result make(struct tool_shop *shop, const struct tool_options *options, bool with_list,
                         int64_t most_ms, wafer_error *error)
{
    wafer_keyring_settings keys = WAFER_KEYRING_SETTINGS_INIT;
    wafer_result result;

    keys.path = options->keys;
    keys.group_readable = options->group;
    result = wafer_keyring_new(&keys, &shop->keyring, error);
    if (result == WAFER_OK)
        result = with_list && options->revocations != NULL ? open_list(shop, options, error)
                                                           : make_list(shop, error);
    return result == WAFER_OK ? make_manager(shop, options, most_ms, error) : result;
}

int tool_shop_open(struct tool_shop *shop, const struct tool_options *options, bool with_list,
                   int64_t most_ms)
{
    wafer_error error = {.text = ""};
    wafer_result result;

    *shop = (struct tool_shop){.now_ms = tool_now()};
    if (make(shop, options, with_list, most_ms, &error) != WAFER_OK)
        return tool_failed(error.text);
    result = wafer_session_new(shop->manager, &shop->session);
    if (result == WAFER_OK)
        result = wafer_begin(shop->session);
    return result == WAFER_OK ? TOOL_DONE : tool_failed(wafer_result_text(result));
}

void tool_shop_close(struct tool_shop *shop)
{
    wafer_session_free(shop->session);
    wafer_manager_free(shop->manager);
    wafer_revocations_free(shop->revocations);
    wafer_keyring_free(shop->keyring);
    *shop = (struct tool_shop){.now_ms = 0};
}

wafer_verdict tool_shop_try(struct tool_shop *shop, int64_t at_ms, const char *token, size_t length)
{
    shop->now_ms = at_ms;
    if (wafer_begin(shop->session) != WAFER_OK)
        return WAFER_UNCHECKED;
    return wafer_open_token(shop->session, token, length);
}

bool tool_shop_look_back(struct tool_shop *shop, const char *token, size_t length)
{
    int64_t first_ms = 0;
    int64_t last_ms = WAFER_TIME_MAX_MS;

    /* Before it was sealed it is from the future, then good, then idle or expired, and in the end
     * its key opens no more. */
    while (first_ms <= last_ms) {
        int64_t at_ms = first_ms + (last_ms - first_ms) / 2;
        wafer_verdict verdict = tool_shop_try(shop, at_ms, token, length);

        if (verdict == WAFER_VALID)
            return true;
        if (verdict == WAFER_FUTURE)
            first_ms = at_ms + 1;
        else
            last_ms = at_ms - 1;
    }
    return false;
}
