/* wafer cookie: what the library makes of a Cookie field, piece by piece. */
#include "tool.h"

#include <string.h>
#include <strings.h>

#include "../option/terminal_text.h"

#define INPUT_SIZE  131073 /* twice what is read in a request */
#define VALUE_SHOWN 40     /* bytes of a value on a terminal */

/* What a piece of the field is. */
enum kind { PASSED_OVER, OTHER, CANDIDATE };

struct piece {
    size_t number; /* from 1 */
    const char *text;
    size_t length;
    enum kind kind;
    wafer_pair pair; /* unless it is passed over */
};

/* What is told of the whole. */
struct report {
    struct tool_bench *bench;
    struct tool_json json;
    wafer_verdict verdict; /* over all fields; WAFER_NONE without keys */
    int64_t sealed_at_ms;
    size_t pieces;
    size_t candidates;
    size_t well_formed; /* of these */
    size_t chosen;      /* the number of the piece; 0: none */
};

/* ---- pieces ----------------------------------------------------------------------- */

/* Moves both ends inwards past blanks. */
static void trim(struct piece *piece)
{
    while (piece->length > 0 && (piece->text[0] == ' ' || piece->text[0] == '\t')) {
        piece->text++;
        piece->length--;
    }
    while (piece->length > 0 &&
           (piece->text[piece->length - 1] == ' ' || piece->text[piece->length - 1] == '\t'))
        piece->length--;
}

static enum kind kind_of(const struct piece *piece, const struct tool_options *options)
{
    if (piece->pair.name == NULL)
        return PASSED_OVER;
    return piece->pair.name_length == strlen(options->name) &&
                   strncmp(piece->pair.name, options->name, piece->pair.name_length) == 0
               ? CANDIDATE
               : OTHER;
}

/* The next piece of a field; *at is where it begins, and then where the next one does. Whether it
 * is a cookie, and where its name ends, is left to the library. False at the end. */
static bool next_piece(const char **at, const char *end, const struct tool_options *options,
                       struct piece *piece)
{
    const char *stop = *at;
    size_t cursor = 0;

    if (*at > end)
        return false;
    while (stop < end && *stop != ';' && !(options->commas && *stop == ','))
        stop++;
    piece->text = *at;
    piece->length = (size_t)(stop - *at);
    piece->pair = (wafer_pair){.name = NULL};
    if (!wafer_next_pair(piece->text, piece->length, options->commas, &cursor, &piece->pair))
        piece->pair.name = NULL;
    piece->kind = kind_of(piece, options);
    trim(piece);
    *at = stop + 1;
    return true;
}

static const char *why_passed_over(const struct piece *piece)
{
    if (piece->length == 0)
        return "passed over: it is empty";
    return memchr(piece->text, '=', piece->length) != NULL ? "passed over: there is no name"
                                                           : "passed over: there is no \"=\"";
}

/* Whether it is the one that the library took: the latest sealed, and of equals the first. */
static bool is_chosen(const struct report *report, const struct tool_finding *finding)
{
    int64_t sealed_at_ms;

    return report->chosen == 0 && report->verdict == WAFER_VALID &&
           finding->verdict == WAFER_VALID &&
           wafer_sealed_at(report->bench->asked.session, &sealed_at_ms) &&
           sealed_at_ms == report->sealed_at_ms;
}

/* ---- as lines --------------------------------------------------------------------- */

static void show_value(const char *text, size_t length)
{
    terminal_text_write(stdout, text, length < VALUE_SHOWN ? length : VALUE_SHOWN);
    if (length > VALUE_SHOWN)
        printf("... (%zu bytes)", length);
}

static void show_candidate(const struct report *report, const struct piece *piece,
                           const struct tool_finding *finding)
{
    fputs("     ", stdout);
    if (finding->well_formed) {
        printf("token of version %u under key ", finding->facts.version);
        tool_write_hex(stdout, finding->facts.key_id, sizeof finding->facts.key_id);
        if (report->bench->options->keys != NULL) {
            fputs(": ", stdout);
            tool_show_verdict(finding->verdict);
            if (report->chosen == piece->number)
                fputs(", chosen", stdout);
        }
        putchar('\n');
    }
    if (finding->why.length > 0) {
        fputs(finding->well_formed ? "     " : "", stdout);
        terminal_text_write(stdout, finding->why.text, finding->why.length);
        putchar('\n');
    }
}

static void show_piece(const struct report *report, const struct piece *piece,
                       const struct tool_finding *finding)
{
    printf("%3zu  ", piece->number);
    if (piece->kind == PASSED_OVER) {
        show_value(piece->text, piece->length);
        printf("\n     %s\n", why_passed_over(piece));
        return;
    }
    terminal_text_write(stdout, piece->pair.name, piece->pair.name_length);
    putchar('=');
    show_value(piece->pair.value, piece->pair.value_length);
    putchar('\n');
    if (piece->kind == CANDIDATE)
        show_candidate(report, piece, finding);
    else if (finding->well_formed)
        puts("     another cookie, though it looks like a token: is it the --name to look for?");
    else
        puts("     another cookie");
}

/* ---- as JSON ---------------------------------------------------------------------- */

static void show_piece_json(struct report *report, const struct piece *piece,
                            const struct tool_finding *finding)
{
    static const char *const kinds[] = {"passed over", "other", "candidate"};
    struct tool_json *json = &report->json;

    tool_json_open(json, NULL, '{');
    tool_json_integer(json, "number", (int64_t)piece->number);
    tool_json_string(json, "kind", kinds[piece->kind]);
    if (piece->kind == PASSED_OVER) {
        tool_json_text(json, "text", piece->text, piece->length);
        tool_json_string(json, "why", why_passed_over(piece));
    } else {
        tool_json_text(json, "name", piece->pair.name, piece->pair.name_length);
        tool_json_text(json, "value", piece->pair.value, piece->pair.value_length);
        tool_json_boolean(json, "token", finding->well_formed);
    }
    if (piece->kind != PASSED_OVER && finding->well_formed) {
        tool_json_integer(json, "version", finding->facts.version);
        tool_json_hex(json, "key", finding->facts.key_id, sizeof finding->facts.key_id);
    }
    if (piece->kind == CANDIDATE) {
        if (report->bench->options->keys != NULL)
            tool_json_string(json, "verdict", wafer_verdict_text(finding->verdict));
        tool_json_boolean(json, "chosen", report->chosen == piece->number);
        if (finding->why.length > 0)
            tool_json_text(json, "why", finding->why.text, finding->why.length);
    }
    tool_json_close(json, '}', false);
}

/* ---- the whole field -------------------------------------------------------------- */

static void look_at_piece(struct report *report, struct piece *piece)
{
    struct tool_finding finding = {.well_formed = false};

    piece->number = ++report->pieces;
    if (piece->kind == CANDIDATE) {
        tool_find(report->bench, piece->pair.value, piece->pair.value_length, &finding);
        report->candidates++;
        report->well_formed += finding.well_formed;
        if (is_chosen(report, &finding))
            report->chosen = piece->number;
    } else if (piece->kind == OTHER) {
        finding.well_formed = wafer_token_look(piece->pair.value, piece->pair.value_length,
                                               &finding.facts, NULL) == WAFER_OK;
    }
    if (report->bench->options->json)
        show_piece_json(report, piece, &finding);
    else
        show_piece(report, piece, &finding);
}

/* A line of what was pasted, without "Cookie:" in front and the line's end. */
static bool next_field(const char **at, const char *end, const char **field, size_t *length)
{
    static const char name[] = "cookie:";
    const char *start = *at;
    const char *stop;

    if (start >= end)
        return false;
    stop = memchr(start, '\n', (size_t)(end - start));
    stop = stop != NULL ? stop : end;
    *at = stop + 1;
    start += strspn(start, " \t");
    if (strncasecmp(start, name, strlen(name)) == 0)
        start += strlen(name);
    if (stop > start && stop[-1] == '\r')
        stop--;
    *field = start;
    *length = stop > start ? (size_t)(stop - start) : 0;
    return true;
}

/* Opens all fields as a request would, and remembers what was chosen. */
static void judge(struct report *report, const char *text, size_t length)
{
    wafer_session *session = report->bench->asked.session;
    const char *at = text;
    const char *field;
    size_t field_length;

    report->verdict = WAFER_NONE;
    if (report->bench->options->keys == NULL)
        return;
    report->bench->asked.now_ms = report->bench->now_ms;
    (void)wafer_begin(session);
    while (next_field(&at, text + length, &field, &field_length))
        (void)wafer_field(session, field, field_length); /* too much is in wafer_explain */
    report->verdict = wafer_open(session);
    if (!wafer_sealed_at(session, &report->sealed_at_ms))
        report->sealed_at_ms = -1;
}

static void look_at_pieces(struct report *report, const char *text, size_t length)
{
    const char *at = text;
    const char *field;
    size_t field_length;

    while (next_field(&at, text + length, &field, &field_length)) {
        const char *next = field;
        struct piece piece;

        while (field_length > 0 &&
               next_piece(&next, field + field_length, report->bench->options, &piece))
            look_at_piece(report, &piece);
    }
}

static void show_end(struct report *report, const char *explain)
{
    const struct tool_options *options = report->bench->options;

    fputs("name: ", stdout);
    terminal_text_write(stdout, options->name, strlen(options->name));
    printf("\ncandidates: %zu\n", report->candidates);
    if (options->keys == NULL) {
        puts("verdict: unknown without --keys FILE");
        return;
    }
    fputs("verdict: ", stdout);
    tool_show_verdict(report->verdict);
    if (report->chosen > 0)
        printf("\nchosen: %zu", report->chosen);
    else
        fputs("\nchosen: none", stdout);
    printf("\nexplain: %s\n", explain);
}

static void show_end_json(struct report *report, const char *explain)
{
    const struct tool_options *options = report->bench->options;
    struct tool_json *json = &report->json;

    tool_json_close(json, ']', false);
    tool_json_string(json, "name", options->name);
    tool_json_integer(json, "candidates", (int64_t)report->candidates);
    if (options->keys != NULL) {
        tool_json_string(json, "verdict", wafer_verdict_text(report->verdict));
        tool_json_boolean(json, "valid", report->verdict == WAFER_VALID);
        if (report->chosen > 0)
            tool_json_integer(json, "chosen", (int64_t)report->chosen);
        else
            tool_json_string(json, "chosen", NULL);
        tool_json_string(json, "explain", explain);
    }
    tool_json_close(json, '}', true);
}

static int end(const struct report *report)
{
    if (report->bench->options->keys != NULL) {
        if (report->verdict == WAFER_VALID)
            return TOOL_DONE;
        fprintf(stderr, "wafer: no session comes of it: %s\n", wafer_verdict_text(report->verdict));
        return TOOL_FAILED;
    }
    return report->well_formed > 0 ? TOOL_DONE
                                   : tool_failed("there is no token of this name in it");
}

static int look_at_field(struct tool_bench *bench, const char *text, size_t length)
{
    struct report report = {.bench = bench, .json = {stdout, false}};
    char explain[1024] = "";

    judge(&report, text, length);
    if (bench->options->keys != NULL)
        snprintf(explain, sizeof explain, "%s", wafer_explain(bench->asked.session));
    if (bench->options->json) {
        tool_json_open(&report.json, NULL, '{');
        tool_json_open(&report.json, "pieces", '[');
    }
    look_at_pieces(&report, text, length);
    if (bench->options->json)
        show_end_json(&report, explain);
    else
        show_end(&report, explain);
    return end(&report);
}

static int read_and_look(struct tool_bench *bench, const struct tool_options *options,
                         const char *text)
{
    static char room[INPUT_SIZE];
    char *read = NULL;
    size_t length = text != NULL ? strlen(text) : 0;
    int status = TOOL_DONE;

    if (text == NULL || strcmp(text, "-") == 0) {
        status = tool_read_input(room, sizeof room, "Cookie field", &read, &length);
        text = read;
    }
    if (status == TOOL_DONE)
        status = tool_bench_open(bench, options);
    return status == TOOL_DONE ? look_at_field(bench, text, length) : status;
}

int tool_cookie(int count, char **arguments)
{
    struct tool_options options;
    struct tool_bench bench = {.options = NULL};
    const char *text;
    int status = tool_options_read(count, arguments, "cookie", "kncrmgojh", &options);

    if (status == TOOL_DONE && options.help)
        return tool_help("cookie");
    if (status == TOOL_DONE && options.keys == NULL && options.revocations != NULL)
        status = tool_misused("cookie", "--revocations needs --keys FILE", NULL);
    if (status == TOOL_DONE)
        status = tool_options_operand(&options, count, arguments, &text);
    if (status == TOOL_DONE)
        status = read_and_look(&bench, &options, text);
    tool_bench_close(&bench);
    return status;
}
