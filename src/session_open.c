#include "session.h"

#include <sodium.h>
#include <string.h>

/* A frozen verdict beats an empty one, so that an outage overwrites no good cookie. */
static const unsigned char rank[] = {
    [WAFER_NONE] = 0,    [WAFER_REJECTED] = 1, [WAFER_EXPIRED] = 2,   [WAFER_IDLE] = 3,
    [WAFER_REVOKED] = 4, [WAFER_FUTURE] = 5,   [WAFER_UNCHECKED] = 6, [WAFER_VALID] = 7,
};

/* Opens a candidate into a trial. */
static void try_candidate(wafer_session *session, struct wafer_candidates *candidates,
                          const struct wafer_candidate *candidate, struct wafer_trial *trial)
{
    const struct wafer_subkeys *subkeys = wafer_generation_subkeys(session->generation,
                                                                   candidate->key,
                                                                   session->manager->binding);
    enum wafer_seal_result seal;

    wafer_record_zero(&trial->record);
    trial->verdict = WAFER_REJECTED;
    trial->superseded = false;
    trial->key = candidate->key;
    if (candidate->length > session->came_used)
        session->came_used = candidate->length;
    seal = wafer_seal_open(subkeys->cipher, candidate->token, candidate->length, &session->raw,
                           &trial->plain, &trial->plain_length);
    if (seal != WAFER_SEAL_OK) {
        candidates->refused[seal]++;
        return;
    }
    if (!wafer_record_read(trial->plain.bytes + WAFER_BOX_TEXT, trial->plain_length, &trial->record,
                           &trial->map_at)) {
        candidates->refused[WAFER_REFUSED_CONTENT]++;
        return;
    }
    trial->verdict = wafer_session_judge(session, &trial->record, session->now_ms,
                                         &trial->superseded);
}

static bool better(const struct wafer_trial *trial, const struct wafer_trial *best)
{
    if (rank[trial->verdict] != rank[best->verdict])
        return rank[trial->verdict] > rank[best->verdict];
    if (trial->superseded != best->superseded)
        return best->superseded;
    return trial->verdict != WAFER_REJECTED &&
           trial->record.sealed_at_ms > best->record.sealed_at_ms;
}

/* Tries all but those in `skip` and makes the best session->best. Returns its index. */
static size_t choose(wafer_session *session, struct wafer_candidates *candidates, uint64_t skip)
{
    size_t chosen = 0;

    for (size_t i = 0; i < candidates->count; i++) {
        struct wafer_trial *trial = session->other;
        const struct wafer_trial *best = session->best;

        if (skip >> i & 1)
            continue;
        try_candidate(session, candidates, &candidates->list[i], trial);
        if (trial->verdict == WAFER_VALID && best->verdict == WAFER_VALID &&
            sodium_memcmp(trial->record.id, best->record.id, WAFER_ID_SIZE) != 0)
            session->conflict = true;
        if (better(trial, best)) {
            session->other = session->best;
            session->best = trial;
            chosen = i;
        }
    }
    return chosen;
}

/* Behind the map only zeros may follow (padding). */
static bool only_zeros(const uint8_t *bytes, size_t length)
{
    uint8_t any = 0;

    for (size_t i = 0; i < length; i++)
        any |= bytes[i];
    return any == 0;
}

/* Reads the variables of the best plaintext, keeping the map as it came to tell what changed. */
static bool read_variables(wafer_session *session)
{
    struct wafer_trial *best = session->best;
    uint8_t *map = best->plain.bytes + WAFER_BOX_TEXT + best->map_at;
    uint8_t *original = session->other->plain.bytes + WAFER_BOX_TEXT;
    size_t length = best->plain_length - best->map_at;
    size_t used;

    memcpy(original, map, length);
    if (!wafer_variables_read(&session->variables, map, length, &used) ||
        !only_zeros(original + used, length - used)) {
        wafer_variables_wipe(&session->variables);
        return false;
    }
    session->original_length = used;
    return true;
}

static void adopt(wafer_session *session)
{
    const struct wafer_trial *best = session->best;
    bool refused = best->verdict == WAFER_FUTURE || best->verdict == WAFER_UNCHECKED;

    session->verdict = best->verdict;
    session->live = session->had_cookie = best->verdict == WAFER_VALID;
    session->superseded = session->live && best->superseded;
    session->frozen = session->superseded || refused;
    session->came_known = refused || best->verdict == WAFER_IDLE;
    /* Both records are zeros so far. */
    if (session->came_known)
        wafer_record_copy(&session->came, &best->record);
    if (session->live) {
        wafer_record_copy(&session->record, &best->record);
        session->key = best->key;
    } else {
        wafer_session_reset(session, &session->record);
    }
}

static bool any_refused(const struct wafer_candidates *candidates)
{
    unsigned sum = 0;

    for (size_t i = 0; i < WAFER_REFUSED_KINDS; i++)
        sum += candidates->refused[i];
    return sum > 0;
}

static void open_candidates(wafer_session *session, struct wafer_candidates *candidates)
{
    unsigned refused[WAFER_REFUSED_KINDS];
    uint64_t skip = 0;

    session->best->verdict = WAFER_NONE;
    session->best->superseded = false;
    memcpy(refused, candidates->refused, sizeof refused);
    for (;;) {
        size_t chosen = choose(session, candidates, skip);

        if (session->best->verdict != WAFER_VALID || read_variables(session))
            break;
        /* A good seal around variables that are none: only a holder of the key makes that. */
        memcpy(candidates->refused, refused, sizeof refused);
        skip |= UINT64_C(1) << chosen;
        for (uint64_t left = skip; left != 0; left &= left - 1)
            candidates->refused[WAFER_REFUSED_CONTENT]++;
        session->best->verdict = WAFER_REJECTED;
        session->conflict = false;
    }
    if (session->best->verdict == WAFER_NONE && any_refused(candidates))
        session->best->verdict = WAFER_REJECTED;
    adopt(session);
}

static wafer_verdict open_fields(wafer_session *session)
{
    struct wafer_candidates *candidates = wafer_session_candidates(session);

    session->phase = WAFER_OPENED;
    if (session->clock_failed) {
        session->frozen = true;
        session->verdict = WAFER_UNCHECKED;
        return session->verdict;
    }
    open_candidates(session, candidates);
    if (session->fields_overflow || candidates->overflow > 0)
        session->frozen = true;
    return session->verdict;
}

wafer_verdict wafer_open(wafer_session *session)
{
    if (session == NULL || session->phase == WAFER_ENDED)
        return WAFER_UNCHECKED;
    if (session->phase != WAFER_BEGUN)
        return session->verdict;
    return open_fields(session);
}

wafer_verdict wafer_open_token(wafer_session *session, const char *token, size_t length)
{
    if (session == NULL || session->phase == WAFER_ENDED || (token == NULL && length > 0))
        return WAFER_UNCHECKED;
    if (session->phase != WAFER_BEGUN)
        return session->verdict;
    wafer_session_forget_fields(session);
    wafer_session_consider(session, &session->at_semicolons, token, length);
    return open_fields(session);
}

wafer_verdict wafer_recheck(wafer_session *session)
{
    struct wafer_record record;
    wafer_verdict verdict;
    int64_t now_ms;
    bool superseded;

    if (session == NULL || session->phase < WAFER_OPENED)
        return WAFER_UNCHECKED;
    if (!session->live) /* signed out since, or never opened as valid */
        return session->verdict == WAFER_VALID ? WAFER_REVOKED : session->verdict;
    if (!wafer_manager_now(session->manager, &now_ms))
        return WAFER_UNCHECKED;
    record = session->record;
    record.renewals = WAFER_RENEWALS_MAX; /* a connection is the session's, not a copy's */
    verdict = wafer_session_judge(session, &record, now_ms, &superseded);
    sodium_memzero(&record, sizeof record);
    return verdict;
}
