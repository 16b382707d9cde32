/* What the requests of a life do to their sessions, and ask of them. */
#include "life.h"

void life_put_visits(struct request *request, struct fuzz_input *input)
{
    life_check_change(request, wafer_put_integer(request->session, "visits", take_byte(input)));
}

void life_put_long_text(struct request *request, struct fuzz_input *input)
{
    static char text[4096];
    size_t length = take_byte(input) * 16U;

    memset(text, 't', sizeof text);
    life_check_change(request, wafer_put_text_slice(request->session, "text", text, length));
}

void life_take_away(struct request *request, struct fuzz_input *input)
{
    uint8_t choice = take_byte(input);
    wafer_variable variable;
    bool changeable = request->phase == OPENED && !wafer_frozen(request->session);

    if (choice % 3 == 0)
        life_check_change(request, wafer_clear(request->session));
    else if (choice % 3 == 1)
        life_check_change(request, wafer_remove(request->session, "visits"));
    else if (wafer_take(request->session, "visits", &variable))
        must(changeable && variable.type == WAFER_INTEGER);
}

void life_login(struct request *request, struct fuzz_input *input)
{
    static const char *const keep[] = {"visits"};
    uint8_t choice = take_byte(input);
    const char name[] = {(char)('a' + choice % 3), '\0'};
    uint8_t before[WAFER_ID_SIZE];
    uint8_t after[WAFER_ID_SIZE];
    bool was = life_signed_in(request, before);
    wafer_result result = wafer_login(request->session, name, 1, keep, choice >> 7);

    life_check_change(request, result);
    if (result != WAFER_OK) {
        must(life_signed_in(request, after) == was);
        return;
    }
    must(strcmp(wafer_subject(request->session, NULL), name) == 0);
    must(life_signed_in(request, after) && !life_is_gone(after));
    if (was) {
        must(memcmp(before, after, sizeof before) != 0);
        life_remember_gone(before);
    }
}

void life_log_out(struct request *request, struct fuzz_input *input)
{
    uint8_t id[WAFER_ID_SIZE];
    bool was = life_signed_in(request, id);
    bool everywhere = take_byte(input) & 1;
    wafer_result result = everywhere ? wafer_logout_everywhere(request->session)
                                     : wafer_logout(request->session);

    must((result == WAFER_MISUSE) == (request->phase != OPENED));
    if (request->phase != OPENED)
        return;
    life_check_nothing(request);
    if (was && result == WAFER_OK)
        life_remember_gone(id);
}

void life_renew(struct request *request, struct fuzz_input *input)
{
    uint8_t id[WAFER_ID_SIZE];
    bool was = life_signed_in(request, id);
    wafer_result result = wafer_renew(request->session);

    (void)input;
    life_check_change(request, result);
    must(result != WAFER_OK || was);
}

void life_set_times(struct request *request, struct fuzz_input *input)
{
    uint8_t choice = take_byte(input);
    int64_t length_ms = (choice >> 2) * WAFER_MINUTE_MS * 12;

    if (choice & 1)
        life_check_change(request, wafer_set_idle(request->session, length_ms));
    else
        life_check_change(request, wafer_set_expiry(request->session, length_ms, choice & 2));
}

void life_use_csrf_token(struct request *request, struct fuzz_input *input)
{
    char token[WAFER_CSRF_LENGTH + 1];
    wafer_result result = wafer_csrf_token(request->session, token);

    (void)input;
    must((result == WAFER_OK) == (strlen(token) == WAFER_CSRF_LENGTH));
    if (result == WAFER_OK)
        must(wafer_csrf_check(request->session, token, WAFER_CSRF_LENGTH));
    else
        must(token[0] == '\0');
}

void life_ask_again(struct request *request, struct fuzz_input *input)
{
    wafer_verdict verdict = wafer_recheck(request->session);
    const char *explanation = wafer_explain(request->session);
    uint8_t id[WAFER_ID_SIZE];

    if (take_byte(input) & 1)
        wafer_no_refresh(request->session);
    must(is_clean(explanation, strlen(explanation)));
    if (request->phase < OPENED)
        must(verdict == WAFER_UNCHECKED);
    else if (life_signed_in(request, id) && life_is_gone(id))
        must(verdict != WAFER_VALID);
}
