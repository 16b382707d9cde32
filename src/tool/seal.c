/* wafer seal: makes a token by hand. */
#include "tool.h"

#include <string.h>

#define INPUT_SIZE 65537

static int put_input(wafer_session *session)
{
    static char room[INPUT_SIZE];
    char *text = NULL;
    size_t length = 0;
    int status = tool_read_input(room, sizeof room, "session", &text, &length);

    return status == TOOL_DONE ? tool_put_object(session, text, length) : status;
}

static int fill(wafer_session *session, const struct tool_options *options, int count,
                char **values)
{
    wafer_result result;
    int status = TOOL_DONE;

    if (options->subject != NULL) {
        result = wafer_login(session, options->subject, strlen(options->subject), NULL, 0);
        if (result != WAFER_OK)
            return tool_failed(result == WAFER_INVALID ? "a subject is 1 to 255 bytes of UTF-8"
                                                       : wafer_result_text(result));
    }
    for (int i = 0; i < count && status == TOOL_DONE; i++)
        status = strcmp(values[i], "-") == 0 ? put_input(session) : tool_put(session, values[i]);
    return status;
}

static void print_json(const wafer_session *session, const struct tool_options *options,
                       const char *token, size_t length)
{
    struct tool_json json = {stdout, false};

    tool_json_open(&json, NULL, '{');
    tool_json_text(&json, "token", token, length);
    tool_json_string(&json, "name", options->name);
    tool_json_integer(&json, "characters", (int64_t)length);
    tool_show_session_json(&json, session);
    tool_json_close(&json, '}', true);
}

static int seal(struct tool_shop *shop, const struct tool_options *options, int count,
                char **values)
{
    const char *token;
    size_t length;
    wafer_result result;
    int status = tool_shop_open(shop, options, false, options->expiry_ms);

    if (status != TOOL_DONE)
        return status;
    if (wafer_open(shop->session) != WAFER_NONE)
        return tool_failed("a new session cannot be made; is the clock right?");
    status = fill(shop->session, options, count, values);
    if (status != TOOL_DONE)
        return status;
    result = wafer_seal(shop->session, &token, &length);
    if (result != WAFER_OK)
        return tool_failed(wafer_result_text(result));
    if (options->json)
        print_json(shop->session, options, token, length);
    else
        puts(token);
    return TOOL_DONE;
}

int tool_seal(int count, char **arguments)
{
    struct tool_options options;
    struct tool_shop shop = {.now_ms = 0};
    int status = tool_options_read(count, arguments, "seal", "kncsegjh", &options);

    if (status == TOOL_DONE && options.help)
        return tool_help("seal");
    if (status == TOOL_DONE && options.keys == NULL)
        status = tool_misused("seal", "--keys FILE is missing", NULL);
    if (status == TOOL_DONE)
        status = seal(&shop, &options, count - optind, arguments + optind);
    tool_shop_close(&shop);
    return status;
}
