/* The operator's page: the revocation list and the keys. */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

#include "words.h"

#define ENTRIES_SHOWN 50

/* ---- the list ------------------------------------------------------------------------- */

static int latest_first(const void *left, const void *right)
{
    const wafer_revocation *one = left;
    const wafer_revocation *other = right;

    return (one->at_ms < other->at_ms) - (one->at_ms > other->at_ms);
}

static void put_entry(struct demo_values *row, const wafer_revocation *entry, int64_t now_ms)
{
    static const char *const kinds[] = {"", "session", "subject", "everyone", "older copies"};
    bool known = entry->kind >= WAFER_REVOKE_SESSION && entry->kind <= WAFER_REVOKE_COPIES;

    demo_put(row, "kind", kinds[known ? entry->kind : 0]);
    demo_put_date(row, "at", entry->at_ms);
    demo_put_span(row, "age", now_ms - entry->at_ms);
    if (entry->kind != WAFER_REVOKE_EVERYONE)
        demo_put_hex(row, "key", entry->key, sizeof entry->key);
}

static void put_entries(struct demo_values *values, wafer_revocations *list)
{
    wafer_revocation *entries = NULL;
    int64_t now_ms = demo_now_ms();
    size_t count = 0;
    wafer_result result = wafer_revocations_entries(list, &entries, &count);

    if (result != WAFER_OK)
        demo_put(values, "list_error", wafer_result_text(result));
    if (count > 1)
        qsort(entries, count, sizeof *entries, latest_first);
    for (size_t i = 0; i < count && i < ENTRIES_SHOWN; i++)
        put_entry(demo_add_row(values, "entries"), &entries[i], now_ms);
    if (count > ENTRIES_SHOWN)
        demo_put_format(values, "more", "%zu", count - ENTRIES_SHOWN);
    free(entries);
}

static void put_status(struct demo_values *values, const struct demo_server *server)
{
    wafer_revocations_status status;

    demo_put(values, "list", server->options.revocations);
    if (wafer_revocations_look(server->revocations, &status) != WAFER_OK)
        return;
    demo_put_format(values, "entry_count", "%zu", status.entries);
    demo_put_format(values, "capacity", "%zu", status.capacity);
    demo_put_span(values, "retention", status.retention_ms);
    if (status.not_before_ms > 0)
        demo_put_date(values, "not_before", status.not_before_ms);
}

/* ---- who could be revoked ---------------------------------------------------------------- */

/* The sessions of this very browser. The server knows of no others: it keeps none. */
static void put_sessions(struct demo_values *values, const struct demo_request *request)
{
    for (size_t i = 0; i < DEMO_ACCOUNTS; i++) {
        const struct demo_account *account = &request->server->accounts[i];
        wafer_session *session = NULL;
        uint8_t id[WAFER_ID_SIZE];
        size_t length = 0;

        if (wafer_session_new(account->manager, &session) != WAFER_OK)
            continue;
        if (wafer_mhd_open(session, request->connection) == WAFER_VALID && wafer_id(session, id)) {
            struct demo_values *row = demo_add_row(values, "sessions");
            const char *subject = wafer_subject(session, &length);

            demo_put_hex(row, "id", id, sizeof id);
            demo_put(row, "account", account->label);
            demo_put_slice(row, "subject", subject != NULL ? subject : "", length);
        }
        wafer_session_free(session);
    }
}

/* ---- keys ------------------------------------------------------------------------------ */

static void put_key(struct demo_values *row, const wafer_key_status *key)
{
    static const char *const states[] = {"", "waits", "seals", "opens", "spent"};
    bool known = key->state >= WAFER_KEY_WAITS && key->state <= WAFER_KEY_SPENT;

    demo_put_hex(row, "id", key->id, sizeof key->id);
    demo_put(row, "state", states[known ? key->state : 0]);
    demo_put_flag(row, "seals", key->state == WAFER_KEY_SEALS);
    demo_put_date(row, "created", key->created_at_ms);
    demo_put_date(row, "from", key->seals_at_ms);
    if (key->opens_until_ms != INT64_MAX)
        demo_put_date(row, "until", key->opens_until_ms);
}

static void put_keys(struct demo_values *values, const char *path)
{
    wafer_key_status keys[WAFER_KEYS_MAX];
    wafer_error error;
    size_t count = 0;

    if (wafer_keys_list(path, NULL, keys, &count, &error) != WAFER_OK)
        demo_put(values, "keys_error", error.text);
    else
        for (size_t i = 0; i < count; i++)
            put_key(demo_add_row(values, "keys"), &keys[i]);
    demo_put(values, "key_file", path);
}

/* ---- the page --------------------------------------------------------------------------- */

static void put_done(struct demo_values *values, struct MHD_Connection *connection)
{
    static const char *const words[][2] = {
        {"session", "The session is on the list: every copy of its cookie is refused."},
        {"subject", "The user is on the list: every session begun before now is refused."},
        {"everyone", "Everyone who was signed in has to sign in again."},
        {"rotated", "A new key seals from now on; older ones still open."},
        {"rotated-shared",
         "A new key is in the file and seals in an hour. Before that, send SIGHUP to "
         "the other servers that use the file: without the key they refuse what it "
         "seals."},
        {"retired", "The key is gone, and with it every session that it had sealed."},
        {"retired-shared",
         "The key is gone here, and with it every session that it had sealed. Send "
         "SIGHUP to the other servers that use the file: until then they take what "
         "it sealed."},
    };
    const char *done = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "done");

    for (size_t i = 0; done != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(done, words[i][0]) == 0)
            demo_put(values, "done", words[i][1]);
}

void demo_operator_show(struct demo_request *request, struct demo_answer *answer)
{
    struct demo_values *values = demo_page_values(request, "Operator");
    bool signed_in = wafer_subject(request->session, NULL) != NULL;

    demo_put_flag(values, "on_operator", true);
    demo_put_flag(values, "signed_in", signed_in);
    demo_put_flag(values, "shared", demo_options_shared(&request->server->options));
    if (signed_in) {
        put_done(values, request->connection);
        put_status(values, request->server);
        put_entries(values, request->server->revocations);
        put_sessions(values, request);
        put_keys(values, request->server->options.keys);
    }
    demo_page_write(answer, "operator.html", values);
}
