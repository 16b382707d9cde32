/* Every Cookie field line of the request as it came, and what the parser makes of each pair. */
#include "demo.h"

#include <string.h>

#include "words.h"

struct walk {
    struct demo_values *values;
    const struct demo_request *request;
    size_t lines;
    size_t pairs;
    size_t ours;
};

/* Opens a cookie alone, as the session that it claims to be. */
static void judge(struct walk *walk, struct demo_values *row, const struct demo_account *account,
                  const wafer_pair *pair)
{
    wafer_session *session = NULL;
    wafer_verdict verdict;

    walk->ours++;
    demo_put(row, "account", account->label);
    if (wafer_session_new(account->manager, &session) != WAFER_OK) {
        demo_put_slice(row, "verdict", NULL, 0);
        return;
    }
    (void)wafer_begin(session);
    verdict = wafer_open_token(session, pair->value, pair->value_length);
    demo_put(row, "verdict", wafer_verdict_text(verdict));
    demo_put_flag(row, "valid", verdict == WAFER_VALID);
    demo_put(row, "explain", wafer_explain(session));
    wafer_session_free(session);
}

static void take_pair(struct walk *walk, struct demo_values *row, const wafer_pair *pair)
{
    const struct demo_server *server = walk->request->server;

    walk->pairs++;
    demo_put_slice(row, "name", pair->name, pair->name_length);
    demo_put_slice(row, "value", pair->value, pair->value_length);
    demo_put_format(row, "size", "%zu", pair->name_length + pair->value_length);
    for (size_t i = 0; i <= DEMO_ACCOUNTS; i++) {
        const char *name = server->accounts[i].cookie;

        if (pair->name_length == strlen(name) && strncmp(pair->name, name, strlen(name)) == 0)
            judge(walk, row, &server->accounts[i], pair);
    }
}

static void take_line(void *context, const char *line, size_t length)
{
    struct walk *walk = context;
    struct demo_values *row = demo_add_row(walk->values, "lines");
    size_t cursor = 0;
    wafer_pair pair;

    walk->lines++;
    demo_put_format(row, "number", "%zu", walk->lines);
    demo_put_slice(row, "line", line, length);
    demo_put_format(row, "length", "%zu", length);
    while (wafer_next_pair(line, length, false, &cursor, &pair))
        take_pair(walk, demo_add_row(row, "pairs"), &pair);
}

void demo_cookies_show(struct demo_request *request, struct demo_answer *answer)
{
    struct walk walk = {demo_page_values(request, "Cookies of this request"), request, 0, 0, 0};

    demo_put_flag(walk.values, "on_cookies", true);
    demo_each_cookie_line(request->connection, take_line, &walk);
    demo_put_format(walk.values, "line_count", "%zu", walk.lines);
    demo_put_format(walk.values, "pair_count", "%zu", walk.pairs);
    demo_put_format(walk.values, "our_count", "%zu", walk.ours);
    demo_put(walk.values, "cookie", request->account->cookie);
    demo_put(walk.values, "verdict", wafer_verdict_text(request->verdict));
    demo_put(walk.values, "explain", wafer_explain(request->session));
    demo_put_flag(walk.values, "conflict", wafer_conflict(request->session));
    demo_put_flag(walk.values, "frozen", wafer_frozen(request->session));
    demo_page_write(answer, "cookies.html", walk.values);
}
