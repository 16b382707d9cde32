/* wafer inspect: what anyone can see of a token, and with keys what there is to know. */
#include "tool.h"

#include <string.h>

#include "../option/terminal_text.h"

#define INPUT_SIZE 65537

/* What a browser takes of name and value together (RFC 6265bis 5.7), and what a manager's
 * line_limit is unless it is set; the attributes are those of a manager that changes none. */
#define PAIR_LIMIT 4096
#define LINE_LIMIT 3500
#define ATTRIBUTES "; Path=/; Secure; HttpOnly; SameSite=Lax"

/* Of the sealed format: version and key id, nonce, tag. */
#define HEADER_SIZE 4
#define NONCE_SIZE  24
#define TAG_SIZE    16

struct sizes {
    size_t pair; /* NAME and VALUE */
    size_t line; /* NAME=VALUE with ATTRIBUTES */
};

static struct sizes sizes_of(const struct tool_options *options, size_t length)
{
    size_t pair = strlen(options->name) + length;

    return (struct sizes){pair, pair + strlen("=") + strlen(ATTRIBUTES)};
}

/* ---- as facts, a line each --------------------------------------------------------- */

static void show_budget(const char *name, size_t size, size_t limit, const char *what)
{
    printf("%s: %zu of %d bytes, %s; ", name, size, (int)limit, what);
    if (size <= limit)
        printf("%zu left\n", limit - size);
    else
        printf("%zu too many\n", size - limit);
}

static void show_outside(const struct tool_options *options, const struct tool_finding *finding,
                         size_t length)
{
    const wafer_token_facts *facts = &finding->facts;
    struct sizes sizes = sizes_of(options, length);

    printf("version: %u\nkey: ", facts->version);
    tool_write_hex(stdout, facts->key_id, sizeof facts->key_id);
    if (options->keys != NULL)
        printf(", %s", finding->key != NULL ? tool_key_state(finding->key->state) : "unknown");
    printf("\ncharacters: %zu\nraw: %zu bytes, of which header %d, nonce %d, sealed %zu, tag %d\n",
           length, facts->raw_size, HEADER_SIZE, NONCE_SIZE, facts->plain_size, TAG_SIZE);
    show_budget("cookie", sizes.pair, PAIR_LIMIT, "name and value");
    show_budget("line", sizes.line, LINE_LIMIT, "with the default attributes and line_limit");
}

static void show_finding(const struct tool_bench *bench, const struct tool_finding *finding)
{
    if (bench->options->keys == NULL) {
        if (finding->well_formed)
            puts("hidden: who is signed in, variables, id, times, and whether it is genuine; "
                 "--keys FILE tells");
        return;
    }
    fputs("verdict: ", stdout);
    tool_show_verdict(finding->verdict);
    printf("\nexplain: %s\n", finding->explain);
    if (finding->verdict == WAFER_VALID && bench->options->revocations == NULL)
        puts("revoked: unknown without --revocations LIST");
    if (!finding->readable)
        return;
    if (finding->verdict != WAFER_VALID)
        puts("what was in it, though it is not to be used:");
    tool_show_session(bench->read.session, bench->now_ms);
}

static void show(const struct tool_bench *bench, const struct tool_finding *finding, size_t length)
{
    printf("token: %s\n", finding->well_formed ? "well formed" : "none");
    if (finding->well_formed)
        show_outside(bench->options, finding, length);
    if (finding->why.length > 0)
        tool_show_text("why", finding->why.text, finding->why.length);
    show_finding(bench, finding);
}

/* ---- as JSON ----------------------------------------------------------------------- */

static void show_outside_json(struct tool_json *json, const struct tool_options *options,
                              const struct tool_finding *finding, size_t length)
{
    const wafer_token_facts *facts = &finding->facts;
    struct sizes sizes = sizes_of(options, length);

    tool_json_integer(json, "version", facts->version);
    tool_json_hex(json, "key", facts->key_id, sizeof facts->key_id);
    if (options->keys != NULL)
        tool_json_string(json, "key_state",
                         finding->key != NULL ? tool_key_state(finding->key->state) : NULL);
    tool_json_integer(json, "characters", (int64_t)length);
    tool_json_integer(json, "raw_bytes", (int64_t)facts->raw_size);
    tool_json_integer(json, "sealed_bytes", (int64_t)facts->plain_size);
    tool_json_integer(json, "cookie_bytes", (int64_t)sizes.pair);
    tool_json_integer(json, "cookie_limit", PAIR_LIMIT);
    tool_json_integer(json, "line_bytes", (int64_t)sizes.line);
    tool_json_integer(json, "line_limit", LINE_LIMIT);
}

static void show_json(const struct tool_bench *bench, const struct tool_finding *finding,
                      size_t length)
{
    struct tool_json json = {stdout, false};

    tool_json_open(&json, NULL, '{');
    tool_json_boolean(&json, "well_formed", finding->well_formed);
    if (finding->well_formed)
        show_outside_json(&json, bench->options, finding, length);
    if (finding->why.length > 0)
        tool_json_text(&json, "why", finding->why.text, finding->why.length);
    if (bench->options->keys != NULL) {
        tool_json_string(&json, "verdict", wafer_verdict_text(finding->verdict));
        tool_json_boolean(&json, "valid", finding->verdict == WAFER_VALID);
        tool_json_boolean(&json, "list_asked", bench->options->revocations != NULL);
        tool_json_string(&json, "explain", finding->explain);
    }
    if (finding->readable)
        tool_show_session_json(&json, bench->read.session);
    tool_json_close(&json, '}', true);
}

/* ---- the command ------------------------------------------------------------------- */

static int inspect(struct tool_bench *bench, const struct tool_options *options, const char *token)
{
    static char room[INPUT_SIZE];
    struct tool_finding finding;
    char *read = NULL;
    size_t length = token != NULL ? strlen(token) : 0;
    int status = TOOL_DONE;

    if (token == NULL || strcmp(token, "-") == 0) {
        status = tool_read_input(room, sizeof room, "token", &read, &length);
        token = read;
    }
    if (status == TOOL_DONE)
        status = tool_bench_open(bench, options);
    if (status != TOOL_DONE)
        return status;
    tool_find(bench, token, length, &finding);
    if (options->json)
        show_json(bench, &finding, length);
    else
        show(bench, &finding, length);
    if (!finding.well_formed)
        return tool_failed("this is no token");
    if (options->keys == NULL || finding.verdict == WAFER_VALID)
        return TOOL_DONE;
    fprintf(stderr, "wafer: the token is not valid: %s\n", wafer_verdict_text(finding.verdict));
    return TOOL_FAILED;
}

int tool_inspect(int count, char **arguments)
{
    struct tool_options options;
    struct tool_bench bench = {.options = NULL};
    const char *token;
    int status = tool_options_read(count, arguments, "inspect", "kncrmgjh", &options);

    if (status == TOOL_DONE && options.help)
        return tool_help("inspect");
    if (status == TOOL_DONE && options.keys == NULL && options.revocations != NULL)
        status = tool_misused("inspect", "--revocations needs --keys FILE", NULL);
    if (status == TOOL_DONE)
        status = tool_options_operand(&options, count, arguments, &token);
    if (status == TOOL_DONE)
        status = inspect(&bench, &options, token);
    tool_bench_close(&bench);
    return status;
}
