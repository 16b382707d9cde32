/* Every function of a session in every state that a session can be in: what is called out of order
 * gives the documented result, touches no output, changes nothing, and the request goes on. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---- The states of a session ---- */

enum { MADE, BEGUN, OPENED, FINISHED, SEALED, ENDED, STATES };

#define IN(state)    (1U << (state))
#define ALWAYS       (IN(STATES) - 1)
#define ONCE_BEGUN   (IN(BEGUN) | ONCE_OPENED)
#define ONCE_OPENED  (IN(OPENED) | IN(FINISHED) | IN(SEALED))
#define WHILE_OPENED IN(OPENED)

static struct browser ada; /* signed in, with a variable of each type */
static char csrf_of_ada[WAFER_CSRF_LENGTH + 1];

static int open_world(void **state)
{
    struct world *world;

    (void)world_open(state);
    world = *state;
    ada = (struct browser){.cookie = ""};
    sign_in(world, &ada, "ada");
    assert_int_equal(arrive(world, &ada), WAFER_VALID);
    assert_int_equal(wafer_put_integer(world->session, "integer", 1), WAFER_OK);
    assert_int_equal(wafer_put_boolean(world->session, "boolean", true), WAFER_OK);
    assert_int_equal(wafer_put_text(world->session, "text", "t"), WAFER_OK);
    assert_int_equal(wafer_put_bytes(world->session, "bytes", "b", 1), WAFER_OK);
    assert_int_equal(wafer_csrf_token(world->session, csrf_of_ada), WAFER_OK);
    assert_int_equal(leave(world, &ada), WAFER_OK);
    return 0;
}

static void step_to(wafer_session *session, int state)
{
    const wafer_header *headers;
    const char *token;
    size_t count;

    if (state == BEGUN) {
        assert_int_equal(wafer_begin(session), WAFER_OK);
        assert_int_equal(wafer_field(session, ada.cookie, strlen(ada.cookie)), WAFER_OK);
    } else if (state == OPENED) {
        assert_int_equal(wafer_open(session), WAFER_VALID);
    } else if (state == FINISHED) {
        assert_int_equal(wafer_finish(session, &headers, &count), WAFER_OK);
    } else if (state == SEALED) {
        assert_int_equal(wafer_seal(session, &token, &count), WAFER_OK);
    } else if (state == ENDED) {
        wafer_end(session);
    }
}

/* A new session in this state. The last one is freed in the state in which it was left. */
static void bring_to(struct world *world, int state)
{
    wafer_session_free(world->session);
    assert_int_equal(wafer_session_new(world->manager, &world->session), WAFER_OK);
    for (int step = BEGUN; step <= state; step++)
        if (step != (state == SEALED ? FINISHED : SEALED)) /* one or the other */
            step_to(world->session, step);
}

/* ---- What a session tells of itself ---- */

struct told {
    bool frozen, superseded, conflict, has_id, has_expiry, has_idle, has_login, has_sealed,
        has_size;
    unsigned owed;
    wafer_verdict verdict;
    uint8_t id[WAFER_ID_SIZE];
    int64_t expires_at_ms, idle_at_ms, login_at_ms, sealed_at_ms;
    size_t size, limit, variables;
    char subject[8], explanation[768], names[64];
};

static struct told told_by(wafer_session *session)
{
    const char *subject = wafer_subject(session, NULL);
    wafer_variable variable;
    struct told told;

    memset(&told, 0, sizeof told);
    told.frozen = wafer_frozen(session);
    told.superseded = wafer_superseded(session);
    told.conflict = wafer_conflict(session);
    told.owed = wafer_owed(session);
    told.verdict = wafer_recheck(session);
    told.has_id = wafer_id(session, told.id);
    told.has_expiry = wafer_expires_at(session, &told.expires_at_ms);
    told.has_idle = wafer_idle_at(session, &told.idle_at_ms);
    told.has_login = wafer_login_at(session, &told.login_at_ms);
    told.has_sealed = wafer_sealed_at(session, &told.sealed_at_ms);
    told.has_size = wafer_line_size(session, &told.size, &told.limit);
    (void)snprintf(told.subject, sizeof told.subject, "%s", subject != NULL ? subject : "");
    (void)snprintf(told.explanation, sizeof told.explanation, "%s", wafer_explain(session));
    while (wafer_next(session, &told.variables, &variable))
        (void)snprintf(told.names + strlen(told.names), sizeof told.names - strlen(told.names),
                       "%s %lld ", variable.name, (long long)variable.integer);
    return told;
}

/* ---- Calls, and what they write to ---- */

/* A call that is refused leaves these as they were ... */
static struct {
    int64_t integer;
    bool boolean;
    uint8_t id[WAFER_ID_SIZE];
    size_t length, size, limit;
    wafer_variable variable;
} untouched;

/* ... and these empty. */
static struct {
    const wafer_header *headers;
    const char *token;
    size_t count, length;
    char csrf[WAFER_CSRF_LENGTH + 1];
} emptied;

static size_t cursor;

#define CALL(name, expression)                                                                     \
    static int call_##name(wafer_session *session)                                                 \
    {                                                                                              \
        return (int)(expression);                                                                  \
    }

CALL(begin, wafer_begin(session))
CALL(field, wafer_field(session, "a=b", 3))
CALL(fields_lost, wafer_fields_lost(session))
CALL(open, wafer_open(session))
CALL(open_token, wafer_open_token(session, token_of(&ada), strlen(token_of(&ada))))
CALL(recheck, wafer_recheck(session))
CALL(end, (wafer_end(session), 0))
CALL(frozen, wafer_frozen(session))
CALL(superseded, wafer_superseded(session))
CALL(conflict, wafer_conflict(session))
CALL(explain, wafer_explain(session)[0] != '\0')
CALL(get_integer, wafer_get_integer(session, "integer", &untouched.integer))
CALL(get_boolean, wafer_get_boolean(session, "boolean", &untouched.boolean))
CALL(get_text, wafer_get_text(session, "text", &untouched.length) != NULL)
CALL(get_bytes, wafer_get_bytes(session, "bytes", &untouched.length) != NULL)
CALL(put_integer, wafer_put_integer(session, "n", 2))
CALL(put_boolean, wafer_put_boolean(session, "n", true))
CALL(put_text, wafer_put_text(session, "n", "text"))
CALL(put_text_slice, wafer_put_text_slice(session, "n", "text", 4))
CALL(put_bytes, wafer_put_bytes(session, "n", "bytes", 5))
CALL(remove, wafer_remove(session, "integer"))
CALL(clear, wafer_clear(session))
CALL(take, wafer_take(session, "text", &untouched.variable))
CALL(next, wafer_next(session, &cursor, &untouched.variable))
CALL(line_size, wafer_line_size(session, &untouched.size, &untouched.limit))
CALL(login, wafer_login(session, "bob", 3, NULL, 0))
CALL(logout, wafer_logout(session))
CALL(logout_everywhere, wafer_logout_everywhere(session))
CALL(renew, wafer_renew(session))
CALL(subject, wafer_subject(session, &untouched.length) != NULL)
CALL(id, wafer_id(session, untouched.id))
CALL(expires_at, wafer_expires_at(session, &untouched.integer))
CALL(idle_at, wafer_idle_at(session, &untouched.integer))
CALL(login_at, wafer_login_at(session, &untouched.integer))
CALL(sealed_at, wafer_sealed_at(session, &untouched.integer))
CALL(set_expiry, wafer_set_expiry(session, HOUR, true))
CALL(set_idle, wafer_set_idle(session, MINUTE))
CALL(no_refresh, (wafer_no_refresh(session), 0))
CALL(owed, wafer_owed(session))
CALL(finish, wafer_finish(session, &emptied.headers, &emptied.count))
CALL(seal, wafer_seal(session, &emptied.token, &emptied.length))
CALL(csrf_token, wafer_csrf_token(session, emptied.csrf))
CALL(csrf_check, wafer_csrf_check(session, csrf_of_ada, WAFER_CSRF_LENGTH))

/* What each gives where it is in order, and elsewhere. */
struct row {
    const char *name;
    int (*call)(wafer_session *session);
    unsigned in_order; /* in which states */
    int good;
    int refused;
};

#define ROW(name, in_order, good, refused)                                                         \
    {                                                                                              \
        "wafer_" #name, call_##name, in_order, good, refused                                       \
    }
/* Those with a result, and those that say whether they gave something. */
#define CHANGE(name, in_order) ROW(name, in_order, WAFER_OK, WAFER_MISUSE)
#define TELL(name, in_order)   ROW(name, in_order, true, false)

static const struct row rows[] = {
    CHANGE(begin, ALWAYS),
    CHANGE(field, IN(BEGUN)),
    ROW(fields_lost, IN(BEGUN), WAFER_TOO_LARGE, WAFER_MISUSE),
    ROW(open, ONCE_BEGUN, WAFER_VALID, WAFER_UNCHECKED),
    ROW(open_token, ONCE_BEGUN, WAFER_VALID, WAFER_UNCHECKED),
    ROW(recheck, ONCE_OPENED, WAFER_VALID, WAFER_UNCHECKED),
    ROW(end, ALWAYS, 0, 0),
    ROW(frozen, ALWAYS & ~ONCE_OPENED, true, false),
    ROW(superseded, 0, true, false),
    ROW(conflict, 0, true, false),
    ROW(explain, ALWAYS, true, true),
    TELL(get_integer, ONCE_OPENED),
    TELL(get_boolean, ONCE_OPENED),
    TELL(get_text, ONCE_OPENED),
    TELL(get_bytes, ONCE_OPENED),
    CHANGE(put_integer, WHILE_OPENED),
    CHANGE(put_boolean, WHILE_OPENED),
    CHANGE(put_text, WHILE_OPENED),
    CHANGE(put_text_slice, WHILE_OPENED),
    CHANGE(put_bytes, WHILE_OPENED),
    CHANGE(remove, WHILE_OPENED),
    CHANGE(clear, WHILE_OPENED),
    TELL(take, WHILE_OPENED),
    TELL(next, ONCE_OPENED),
    TELL(line_size, ONCE_OPENED),
    CHANGE(login, WHILE_OPENED),
    CHANGE(logout, WHILE_OPENED),
    CHANGE(logout_everywhere, WHILE_OPENED),
    CHANGE(renew, WHILE_OPENED),
    TELL(subject, ONCE_OPENED),
    TELL(id, ONCE_OPENED),
    TELL(expires_at, ONCE_OPENED),
    TELL(idle_at, ONCE_OPENED),
    TELL(login_at, ONCE_OPENED),
    TELL(sealed_at, ONCE_OPENED),
    CHANGE(set_expiry, WHILE_OPENED),
    CHANGE(set_idle, WHILE_OPENED),
    ROW(no_refresh, WHILE_OPENED, 0, 0),
    ROW(owed, ONCE_OPENED, 0, 0),
    CHANGE(finish, WHILE_OPENED | IN(FINISHED)),
    CHANGE(seal, WHILE_OPENED | IN(SEALED)),
    CHANGE(csrf_token, ONCE_OPENED),
    TELL(csrf_check, ONCE_OPENED),
};
#define ROWS (sizeof rows / sizeof *rows)

static void assert_gives(const struct row *row, int expected, wafer_session *session, int state)
{
    int given = row->call(session);

    if (given != expected)
        fail_msg("%s in state %d gives %d instead of %d", row->name, state, given, expected);
}

static void assert_refused(const struct row *row, wafer_session *session, int state)
{
    char before[sizeof untouched];

    memset(&untouched, 0xA5, sizeof untouched);
    memcpy(before, &untouched, sizeof before);
    memset(&emptied, 0, sizeof emptied);
    cursor = 0;
    assert_gives(row, row->refused, session, state);
    assert_memory_equal(&untouched, before, sizeof before);
    assert_null(emptied.headers);
    assert_null(emptied.token);
    assert_int_equal(emptied.count + emptied.length + cursor, 0);
    assert_string_equal(emptied.csrf, "");
}

/* ---- The tests ---- */

/* In order first: else what is refused could be refused for another reason. */
static void every_function_works_in_its_states(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < ROWS; i++) {
        for (int at = MADE; at < STATES; at++) {
            if (!(rows[i].in_order & IN(at)))
                continue;
            cursor = 0;
            (void)world_close(state);
            (void)open_world(state);
            world = *state;
            bring_to(world, at);
            assert_gives(&rows[i], rows[i].good, world->session, at);
        }
    }
}

static void out_of_order_every_function_is_refused_and_changes_nothing(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < ROWS; i++) {
        for (int at = MADE; at < STATES; at++) {
            struct told before, after;

            if (rows[i].in_order & IN(at))
                continue;
            bring_to(world, at);
            before = told_by(world->session);
            assert_refused(&rows[i], world->session, at);
            after = told_by(world->session);
            assert_memory_equal(&before, &after, sizeof before);
        }
    }
}

static void without_a_session_every_function_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        assert_refused(&rows[i], NULL, -1);
    wafer_session_free(NULL);
}

static void refuse_all(wafer_session *session, int state)
{
    for (size_t i = 0; i < ROWS; i++)
        if (!(rows[i].in_order & IN(state)))
            assert_refused(&rows[i], session, state);
}

/* Two requests, and everything that is out of order at every step of them. */
static void a_request_goes_on_as_if_nothing_had_been_called_out_of_order(void **state)
{
    struct world *world = *state;
    const wafer_header *headers;
    size_t count;
    int64_t value = 0;

    bring_to(world, MADE);
    for (int64_t request = 1; request <= 2; request++) {
        refuse_all(world->session, request == 1 ? MADE : ENDED);
        step_to(world->session, BEGUN);
        refuse_all(world->session, BEGUN);
        step_to(world->session, OPENED);
        assert_true(wafer_get_integer(world->session, "integer", &value));
        assert_int_equal(value, request);
        assert_int_equal(wafer_put_integer(world->session, "integer", value + 1), WAFER_OK);
        refuse_all(world->session, OPENED);
        assert_int_equal(wafer_finish(world->session, &headers, &count), WAFER_OK);
        refuse_all(world->session, FINISHED);
        assert_int_equal(leave(world, &ada), WAFER_OK);
        assert_int_equal(world->owed, WAFER_OWED_CHANGED);
    }
}

/* The function's name when a line of the header declares one that works on a session. */
static const char *session_function(char *line)
{
    char *open = strchr(line, '(');

    if (strncmp(line, "WAFER_API ", 10) != 0 || open == NULL ||
        (strncmp(open, "(wafer_session *session", 23) != 0 &&
         strncmp(open, "(const wafer_session *session", 29) != 0))
        return NULL;
    *open = '\0';
    line = strrchr(line, ' ') + 1;
    return *line == '*' ? line + 1 : line;
}

/* But for wafer_session_free, with which every session here ends, in whatever state. */
static void every_function_of_a_session_has_a_row(void **state)
{
    FILE *file = fopen("include/wafer.h", "r");
    char line[512];
    size_t known = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        const char *name = session_function(line);
        size_t i = 0;

        if (name == NULL || strcmp(name, "wafer_session_free") == 0)
            continue;
        while (i < ROWS && strcmp(rows[i].name, name) != 0)
            i++;
        if (i == ROWS)
            fail_msg("%s has no row", name);
        known++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(known, ROWS);
}

int main(void)
{
#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, world_close)
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(every_function_works_in_its_states),
        IN_A_WORLD(out_of_order_every_function_is_refused_and_changes_nothing),
        cmocka_unit_test(without_a_session_every_function_is_refused),
        IN_A_WORLD(a_request_goes_on_as_if_nothing_had_been_called_out_of_order),
        cmocka_unit_test(every_function_of_a_session_has_a_row),
    };

    return cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
}
