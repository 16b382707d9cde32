/* wafer open: what is in a token. */
#include "tool.h"

#include <string.h>

#include "../option/terminal_text.h"

#define INPUT_SIZE 8193 /* more than any cookie holds; the rest of the input is not read */

static void write_date(const char *name, const wafer_session *session,
                       bool (*get)(const wafer_session *session, int64_t *at_ms))
{
    int64_t at_ms;

    printf("%s: ", name);
    if (get(session, &at_ms))
        tool_write_time(stdout, at_ms);
    putchar('\n');
}

/* Facts first, then variables as `wafer seal` takes them: always in this order, for scripts. */
static void print_session(wafer_session *session, wafer_verdict verdict)
{
    uint8_t id[WAFER_ID_SIZE];
    wafer_variable variable;
    size_t cursor = 0;
    size_t length = 0;
    const char *subject = wafer_subject(session, &length);

    fputs("verdict: ", stdout);
    tool_show_verdict(verdict);
    printf("\nexplain: %s\n", wafer_explain(session));
    if (verdict != WAFER_VALID)
        return;
    tool_show_text("subject", subject, length);
    fputs("id: ", stdout);
    if (wafer_id(session, id))
        tool_write_hex(stdout, id, sizeof id);
    putchar('\n');
    write_date("expires", session, wafer_expires_at);
    write_date("idle-until", session, wafer_idle_at);
    while (wafer_next(session, &cursor, &variable))
        tool_write_variable(stdout, &variable);
}

static void print_session_json(wafer_session *session, wafer_verdict verdict)
{
    struct tool_json json = {stdout, false};

    tool_json_open(&json, NULL, '{');
    tool_json_string(&json, "verdict", wafer_verdict_text(verdict));
    tool_json_boolean(&json, "valid", verdict == WAFER_VALID);
    tool_json_string(&json, "explain", wafer_explain(session));
    if (verdict == WAFER_VALID)
        tool_show_session_json(&json, session);
    tool_json_close(&json, '}', true);
}

static int open_token(struct tool_shop *shop, const struct tool_options *options, const char *token)
{
    char room[INPUT_SIZE];
    char *read = NULL;
    size_t length = token != NULL ? strlen(token) : 0;
    wafer_verdict verdict;
    int status = TOOL_DONE;

    if (token == NULL || strcmp(token, "-") == 0) {
        status = tool_read_input(room, sizeof room, "token", &read, &length);
        token = read;
    }
    if (status == TOOL_DONE)
        status = tool_shop_open(shop, options, false, WAFER_LIFETIME_MAX_MS);
    if (status != TOOL_DONE)
        return status;
    verdict = tool_shop_try(shop, shop->now_ms, token, length);
    if (options->json)
        print_session_json(shop->session, verdict);
    else
        print_session(shop->session, verdict);
    if (verdict == WAFER_VALID)
        return TOOL_DONE;
    fprintf(stderr, "wafer: the token is not valid: %s; wafer inspect tells more\n",
            wafer_verdict_text(verdict));
    return TOOL_FAILED;
}

int tool_open(int count, char **arguments)
{
    struct tool_options options;
    struct tool_shop shop = {.now_ms = 0};
    const char *token;
    int status = tool_options_read(count, arguments, "open", "kncgjh", &options);

    if (status == TOOL_DONE && options.help)
        return tool_help("open");
    if (status == TOOL_DONE && options.keys == NULL)
        status = tool_misused("open", "--keys FILE is missing", NULL);
    if (status == TOOL_DONE)
        status = tool_options_operand(&options, count, arguments, &token);
    if (status == TOOL_DONE)
        status = open_token(&shop, &options, token);
    tool_shop_close(&shop);
    return status;
}
