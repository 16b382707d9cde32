/* The plain model that a life is held against. */
#include "life.h"

#define GONE_MAX 256

static uint8_t gone[GONE_MAX][WAFER_ID_SIZE]; /* logged out */
static size_t gone_count;

void life_forget_gone(void)
{
    gone_count = 0;
}

void life_check_change(const struct request *request, wafer_result result)
{
    if (request->phase != OPENED)
        must(result == WAFER_MISUSE);
    else if (wafer_frozen(request->session))
        must(result == WAFER_UNAVAILABLE);
    else
        must(result != WAFER_MISUSE);
}

bool life_is_gone(const uint8_t id[WAFER_ID_SIZE])
{
    for (size_t i = 0; i < gone_count; i++)
        if (memcmp(gone[i], id, WAFER_ID_SIZE) == 0)
            return true;
    return false;
}

bool life_signed_in(const struct request *request, uint8_t id[WAFER_ID_SIZE])
{
    return wafer_subject(request->session, NULL) != NULL && wafer_id(request->session, id);
}

void life_remember_gone(const uint8_t id[WAFER_ID_SIZE])
{
    if (gone_count < GONE_MAX)
        memcpy(gone[gone_count++], id, WAFER_ID_SIZE);
}

void life_check_valid(const struct request *request)
{
    const char *subject = wafer_subject(request->session, NULL);
    uint8_t id[WAFER_ID_SIZE];
    int64_t at_ms;
    int64_t visits = 0;
    bool visited = wafer_get_integer(request->session, "visits", &visits);

    must(wafer_expires_at(request->session, &at_ms) && at_ms > request->begun_ms);
    must(wafer_idle_at(request->session, &at_ms) && at_ms > request->begun_ms);
    /* Who takes so long from begin to open asks a list that has forgotten. */
    if (life.now_ms - request->begun_ms < WAFER_DAY_MS)
        must(!life_signed_in(request, id) || !life_is_gone(id));
    if (request->only != NULL) {
        must((subject != NULL ? *subject : '\0') == request->only->subject);
        must(visited == request->only->visited && visits == request->only->visits);
    }
}

void life_check_nothing(const struct request *request)
{
    wafer_session *session = request->session;
    wafer_variable variable;
    int64_t at_ms;
    uint8_t id[WAFER_ID_SIZE];
    size_t cursor = 0;

    must(wafer_subject(session, NULL) == NULL && !wafer_id(session, id));
    must(!wafer_next(session, &cursor, &variable));
    must(!wafer_expires_at(session, &at_ms) && !wafer_idle_at(session, &at_ms));
}
