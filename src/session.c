#include "session.h"

#include "base64.h"
#include "cookie.h"

#include <sodium.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

size_t wafer_session_size(void)
{
    return sizeof(wafer_session);
}

static wafer_session *set_up(void *memory, const wafer_manager *manager)
{
    wafer_session *session = memory;

    memset(session, 0, sizeof *session);
    wafer_variables_wipe(&session->variables);
    session->manager = manager;
    return session;
}

wafer_result wafer_session_place(void *memory, size_t size, const wafer_manager *manager,
                                 wafer_session **session)
{
    if (session == NULL)
        return WAFER_MISUSE;
    *session = NULL;
    if (memory == NULL || manager == NULL || size < sizeof **session ||
        (uintptr_t)memory % alignof(wafer_session) != 0)
        return WAFER_MISUSE;
    *session = set_up(memory, manager);
    return WAFER_OK;
}

wafer_result wafer_session_new(const wafer_manager *manager, wafer_session **session)
{
    void *memory;

    if (session == NULL)
        return WAFER_MISUSE;
    *session = NULL;
    if (manager == NULL)
        return WAFER_MISUSE;
    memory = malloc(sizeof **session);
    if (memory == NULL)
        return WAFER_NO_MEMORY;
    *session = set_up(memory, manager);
    (*session)->allocated = true;
    return WAFER_OK;
}

void wafer_session_free(wafer_session *session)
{
    if (session == NULL)
        return;
    wafer_end(session);
    if (session->allocated) {
        /* wafer_end wiped what was used; before free a compiler could leave that out, not this. */
        sodium_memzero(session, sizeof *session);
        free(session);
    }
}

/* A session's memory outlives its requests, so no compiler takes this for useless. What is in front
 * of a box's text is zeroed or public at all times. */
static void wipe_text(struct wafer_box *box, size_t length)
{
    memset(box->bytes + WAFER_BOX_TEXT, 0, length);
}

/* Wipes what a request left, and no more: most of a session's memory is never touched. */
static void wipe(wafer_session *session)
{
    size_t came = WAFER_BASE64_BYTES(session->came_used);
    size_t sealed = WAFER_BASE64_BYTES(session->token_length);

    wafer_variables_wipe(&session->variables);
    wafer_record_zero(&session->record);
    wafer_record_zero(&session->came);
    for (size_t i = 0; i < 2; i++) {
        wafer_record_zero(&session->trial[i].record);
        wipe_text(&session->trial[i].plain, came);
    }
    wipe_text(&session->raw, came > sealed ? came : sealed);
    if (session->line_used > 0)
        memset(session->line, 0, session->line_used);
    session->came_used = session->line_used = 0;
}

void wafer_end(wafer_session *session)
{
    if (session == NULL || session->phase == WAFER_ENDED)
        return;
    wipe(session);
    wafer_keyring_give(session->manager->settings.keyring, session->generation, session);
    session->generation = NULL;
    session->phase = WAFER_ENDED;
}

void wafer_session_forget_fields(wafer_session *session)
{
    struct wafer_candidates *both[] = {&session->at_semicolons, &session->at_commas};

    for (size_t i = 0; i < 2; i++) {
        both[i]->count = both[i]->overflow = 0;
        memset(both[i]->refused, 0, sizeof both[i]->refused);
    }
    session->field_bytes = session->field_pairs = 0;
    session->fields_overflow = false;
}

wafer_result wafer_begin(wafer_session *session)
{
    if (session == NULL)
        return WAFER_MISUSE;
    wafer_end(session);
    wafer_session_forget_fields(session);
    session->frozen = session->conflict = false;
    session->superseded = session->came_known = session->signed_out = false;
    session->live = session->no_refresh = session->had_cookie = false;
    session->owed = 0;
    session->put_result = session->finish_result = WAFER_OK;
    session->refused_size = 0;
    session->best = &session->trial[0];
    session->other = &session->trial[1];
    session->original_length = session->token_length = session->header_count = 0;

    session->generation = wafer_keyring_take(session->manager->settings.keyring, session);
    session->phase = WAFER_BEGUN;
    session->clock_failed = !wafer_manager_now(session->manager, &session->now_ms);
    if (session->clock_failed)
        session->now_ms = 0;
    return session->clock_failed ? WAFER_SYSTEM : WAFER_OK;
}

void wafer_session_consider(const wafer_session *session, struct wafer_candidates *candidates,
                            const char *value, size_t length)
{
    uint8_t key_id[WAFER_KEY_ID_SIZE];
    enum wafer_seal_result seal = wafer_seal_peek(value, length, key_id);
    const struct wafer_key *key;

    /* With a comma it never is one, and must not keep the fields from being split at commas. */
    if (seal == WAFER_SEAL_OK && session->manager->settings.split_at_commas &&
        memchr(value, ',', length) != NULL)
        seal = WAFER_SEAL_TEXT;
    if (seal != WAFER_SEAL_OK) {
        candidates->refused[seal]++;
        return;
    }
    key = wafer_generation_find(session->generation, key_id, session->now_ms);
    if (key == NULL)
        candidates->refused[WAFER_REFUSED_KEY]++;
    else if (candidates->count == WAFER_CANDIDATES_MAX)
        candidates->overflow++;
    else
        candidates->list[candidates->count++] = (struct wafer_candidate){value, length, key};
}

static void collect(wafer_session *session, struct wafer_candidates *candidates,
                    struct wafer_cookie_cursor cursor)
{
    const struct wafer_cookie_attributes *own = &session->manager->attributes;
    wafer_pair pair;

    while (wafer_cookie_next(&cursor, &pair)) {
        if (!cursor.commas && ++session->field_pairs > WAFER_FIELD_PAIRS_MAX) {
            session->fields_overflow = true;
            return;
        }
        if (pair.name_length == own->name_length &&
            memcmp(pair.name, own->name, own->name_length) == 0)
            wafer_session_consider(session, candidates, pair.value, pair.value_length);
    }
}

struct wafer_candidates *wafer_session_candidates(wafer_session *session)
{
    return session->at_semicolons.count == 0 && session->at_commas.count > 0
               ? &session->at_commas
               : &session->at_semicolons;
}

wafer_result wafer_field(wafer_session *session, const void *bytes, size_t length)
{
    struct wafer_cookie_cursor cursor;

    if (session == NULL || session->phase != WAFER_BEGUN || (bytes == NULL && length > 0))
        return WAFER_MISUSE;
    if (length > WAFER_FIELD_BYTES_MAX - session->field_bytes) {
        session->fields_overflow = true;
        return WAFER_TOO_LARGE;
    }
    if (length == 0)
        return WAFER_OK;
    session->field_bytes += length;
    cursor.at = bytes;
    cursor.end = cursor.at + length;
    cursor.commas = false;
    collect(session, &session->at_semicolons, cursor);
    if (session->manager->settings.split_at_commas && !session->fields_overflow) {
        cursor.commas = true;
        collect(session, &session->at_commas, cursor);
    }
    return session->fields_overflow || wafer_session_candidates(session)->overflow > 0
               ? WAFER_TOO_LARGE
               : WAFER_OK;
}

wafer_result wafer_fields_lost(wafer_session *session)
{
    if (session == NULL || session->phase != WAFER_BEGUN)
        return WAFER_MISUSE;
    session->fields_overflow = true;
    return WAFER_TOO_LARGE;
}

bool wafer_frozen(const wafer_session *session)
{
    return session != NULL && (session->frozen || session->phase < WAFER_OPENED);
}

bool wafer_superseded(const wafer_session *session)
{
    return session != NULL && session->superseded;
}

bool wafer_conflict(const wafer_session *session)
{
    return session != NULL && session->conflict;
}
