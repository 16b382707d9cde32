/* What came of a token, and the sentences that say why and what to do. */
#include "tool.h"

#include <stdarg.h>
#include <string.h>

/* ---- sentences -------------------------------------------------------------------- */

void tool_say(struct tool_text *text, const char *format, ...)
{
    size_t room = sizeof text->text - text->length;
    va_list values;
    int length;

    va_start(values, format);
    length = vsnprintf(text->text + text->length, room, format, values);
    va_end(values);
    if (length > 0)
        text->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void say_time(struct tool_text *text, int64_t at_ms, int64_t now_ms)
{
    char date[TOOL_TIME_LENGTH + 1];
    char when[TOOL_WHEN_MAX];

    tool_format_time(at_ms, date);
    tool_format_when(at_ms, now_ms, when);
    tool_say(text, "%s (%s)", date, when);
}

const char *tool_key_state(wafer_key_state state)
{
    switch (state) {
    case WAFER_KEY_WAITS:
        return "waits";
    case WAFER_KEY_SEALS:
        return "seals";
    case WAFER_KEY_OPENS:
        return "opens";
    case WAFER_KEY_SPENT:
        return "spent";
    }
    return "unknown";
}

static void say_id(struct tool_text *text, const uint8_t id[WAFER_KEY_ID_SIZE])
{
    tool_say(text, "%02x%02x%02x", id[0], id[1], id[2]);
}

/* ---- why -------------------------------------------------------------------------- */

static void say_text(struct tool_text *why, const wafer_error *error, const char *token,
                     size_t length)
{
    tool_say(why, "It is no token: %s. ", error->text);
    if (length > 0 && memchr(token, ';', length) != NULL)
        tool_say(why, "This looks like a whole Cookie field: give it to wafer cookie.");
    else if (length > 0 && memchr(token, '=', length) != NULL)
        tool_say(why, "This looks like NAME=VALUE: leave NAME= out, or give it to wafer cookie.");
    else
        tool_say(why, "A token is the whole value of the cookie, as the browser sent it.");
}

static void say_unknown_key(struct tool_text *why, const struct tool_bench *bench,
                            const wafer_token_facts *facts)
{
    tool_say(why, "It was sealed under key ");
    say_id(why, facts->key_id);
    tool_say(why, ", and %.200s has no such key, but", bench->options->keys);
    for (size_t i = 0; i < bench->key_count; i++) {
        tool_say(why, i > 0 ? ", " : " ");
        say_id(why, bench->keys[i].id);
        tool_say(why, " (%s)", tool_key_state(bench->keys[i].state));
    }
    tool_say(why, ". Either this is not the key file of the server that sealed it, or not its "
                  "latest copy; or the key was retired, or dropped when it had opened long enough; "
                  "or the token was made up.");
}

static void say_rejected(struct tool_text *why, const struct tool_bench *bench,
                         const struct tool_finding *finding)
{
    if (finding->key == NULL) {
        say_unknown_key(why, bench, &finding->facts);
    } else if (finding->key->state == WAFER_KEY_SPENT) {
        tool_say(why, "Its key opens no more since ");
        say_time(why, finding->key->opens_until_ms, bench->now_ms);
        tool_say(why, ". Whoever has it signs in again; if that came too early, rotate with a "
                      "longer --overlap.");
    } else if (strstr(finding->explain, "wrong content") != NULL) {
        tool_say(why, "Its seal is good, but what is in it is no session: something other than "
                      "Wafer sealed it with this key.");
    } else {
        tool_say(why,
                 "Its seal does not fit this key with the cookie name \"%s\" and %s%s%s: "
                 "either it is of another name or context (--name, --context), or it was "
                 "changed, cut or made up.",
                 bench->options->name, bench->options->context[0] != '\0' ? "the context \"" : "",
                 bench->options->context[0] != '\0' ? bench->options->context : "no context",
                 bench->options->context[0] != '\0' ? "\"" : "");
    }
}

/* When it ended, of what could be read. */
static void say_ended(struct tool_text *why, const struct tool_bench *bench, const char *what,
                      bool (*get)(const wafer_session *session, int64_t *at_ms))
{
    int64_t at_ms;

    tool_say(why, "%s", what);
    if (get(bench->read.session, &at_ms)) {
        tool_say(why, " ");
        say_time(why, at_ms, bench->now_ms);
    }
}

static void say_why(struct tool_text *why, const struct tool_bench *bench,
                    const struct tool_finding *finding)
{
    switch (finding->verdict) {
    case WAFER_EXPIRED:
        say_ended(why, bench, "It expired", wafer_expires_at);
        tool_say(why, ". Whoever has it signs in again; sessions live for absolute_ms of the "
                      "manager, or for what wafer_set_expiry said.");
        break;
    case WAFER_IDLE:
        say_ended(why, bench, "It was unused for too long and idled out", wafer_idle_at);
        tool_say(why, ". Whoever has it signs in again; the limit is idle_ms of the manager, or "
                      "what wafer_set_idle said.");
        break;
    case WAFER_FUTURE:
        say_ended(why, bench, "It was sealed", wafer_sealed_at);
        tool_say(why, ", later than this machine's clock and its skew allow. A clock is wrong: "
                      "this one, or that of the server that sealed it.");
        break;
    case WAFER_REVOKED:
        tool_say(why, "It is on the revocation list: its session was logged out or renewed, or "
                      "its user, or everybody, was. Whoever has it signs in again.");
        break;
    case WAFER_UNCHECKED:
        tool_say(why, "The revocation list or the clock cannot be read just now; try again.");
        break;
    case WAFER_REJECTED:
        say_rejected(why, bench, finding);
        break;
    case WAFER_NONE:
    case WAFER_VALID:
        break;
    }
}

/* ---- the bench -------------------------------------------------------------------- */

static int list_keys(struct tool_bench *bench)
{
    wafer_keys_settings settings = WAFER_KEYS_SETTINGS_INIT;
    wafer_error error;

    settings.group_readable = bench->options->group;
    if (wafer_keys_list(bench->options->keys, &settings, bench->keys, &bench->key_count, &error) ==
        WAFER_OK)
        return TOOL_DONE;
    return tool_failed(error.text);
}

int tool_bench_open(struct tool_bench *bench, const struct tool_options *options)
{
    int status;

    *bench = (struct tool_bench){.options = options, .now_ms = tool_now()};
    if (options->keys == NULL)
        return TOOL_DONE;
    if (bench->now_ms < 0)
        return tool_failed("the clock cannot be read");
    status = list_keys(bench);
    if (status == TOOL_DONE)
        status = tool_shop_open(&bench->asked, options, true, WAFER_LIFETIME_MAX_MS);
    if (status == TOOL_DONE)
        status = tool_shop_open(&bench->read, options, false, bench->asked.absolute_ms);
    return status;
}

void tool_bench_close(struct tool_bench *bench)
{
    tool_shop_close(&bench->asked);
    tool_shop_close(&bench->read);
}

static const wafer_key_status *find_key(const struct tool_bench *bench,
                                        const uint8_t id[WAFER_KEY_ID_SIZE])
{
    for (size_t i = 0; i < bench->key_count; i++)
        if (memcmp(bench->keys[i].id, id, WAFER_KEY_ID_SIZE) == 0)
            return &bench->keys[i];
    return NULL;
}

void tool_find(struct tool_bench *bench, const char *token, size_t length,
               struct tool_finding *finding)
{
    wafer_error error = {.text = ""};

    *finding = (struct tool_finding){.verdict = WAFER_NONE};
    finding->well_formed = wafer_token_look(token, length, &finding->facts, &error) == WAFER_OK;
    if (bench->options->keys != NULL) {
        finding->key = find_key(bench, finding->facts.key_id);
        finding->verdict = tool_shop_try(&bench->asked, bench->now_ms, token, length);
        finding->explain = wafer_explain(bench->asked.session);
        if (finding->well_formed && finding->key != NULL)
            finding->readable = tool_shop_look_back(&bench->read, token, length);
    }
    if (!finding->well_formed)
        say_text(&finding->why, &error, token, length);
    else
        say_why(&finding->why, bench, finding);
}
