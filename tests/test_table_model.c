/* Several processes do random things with one table file, and each answer, and after each change
 * the whole content, is compared with a plain model. The clock goes on, jumps and goes back. */
#include "table_workers.h"

#include "folder.h"

#include "table_memory.h"

#define WORKERS  3
#define UNIVERSE 1300 /* numbers of sessions, and of subjects, at most */
#define PAUSE_MS 1000 /* between two purges that the table does by itself */

struct model {
    wafer_revocation sessions[UNIVERSE]; /* kind 0: none */
    wafer_revocation subjects[UNIVERSE];
    uint32_t universe;
    size_t capacity;
    int64_t everyone_ms;
    int64_t retention_ms;
    int64_t now_ms;
    int64_t rebuilt_at_ms;
    uint64_t generation;
};

struct players {
    struct worker workers[WORKERS];
    void *reader; /* the test's own, mapped read-only */
};

static const wafer_revocations_interface *const list = &wafer_table_interface;

/* ---- What follows from the contract ---- */

static int64_t keep_from(const struct model *model)
{
    return model->now_ms - model->retention_ms - 3 * SKEW;
}

static int64_t horizon(const struct model *model)
{
    return model->now_ms + 2 * SKEW;
}

static bool is_due(const struct model *model, const wafer_revocation *entry)
{
    return entry->kind != 0 && entry->at_ms < keep_from(model);
}

/* By the clock, the table dropped what was due just now, and will not yet do so again. */
static bool is_paused(const struct model *model)
{
    return model->now_ms >= model->rebuilt_at_ms && model->now_ms - model->rebuilt_at_ms < PAUSE_MS;
}

static wafer_revocation *place_of(struct model *model, wafer_revocation_kind kind, uint32_t number)
{
    return kind == WAFER_REVOKE_SUBJECT ? &model->subjects[number] : &model->sessions[number];
}

/* How many entries there are, with or without those that are due. */
static size_t count_of(const struct model *model, const wafer_revocation *entries, bool with_due)
{
    size_t count = 0;
    for (uint32_t number = 0; number < model->universe; number++)
        count += entries[number].kind != 0 && (with_due || !is_due(model, &entries[number]));
    return count;
}

static bool has_room(const struct model *model, bool subject, bool with_due)
{
    size_t sessions = count_of(model, model->sessions, with_due);
    return sessions + count_of(model, model->subjects, with_due) < model->capacity &&
           (subject || sessions < model->capacity - model->capacity / 8);
}

static void merge(wafer_revocation *own, const wafer_revocation *added)
{
    bool copies = own->kind == WAFER_REVOKE_COPIES && added->kind == WAFER_REVOKE_COPIES;
    if (copies && added->renewals == own->renewals) {
        own->at_ms = added->at_ms < own->at_ms ? added->at_ms : own->at_ms;
    } else if (copies && added->renewals > own->renewals) {
        *own = *added;
    } else if (!copies) {
        own->at_ms = added->at_ms > own->at_ms ? added->at_ms : own->at_ms;
        if (added->kind == WAFER_REVOKE_SESSION) {
            own->kind = WAFER_REVOKE_SESSION;
            own->renewals = 0;
        }
    }
}

static wafer_standing standing_of(const struct model *model, uint32_t id, const uint32_t *subject,
                                  int64_t login_at_ms, uint32_t renewals)
{
    const wafer_revocation *session = &model->sessions[id];
    if (subject != NULL && model->subjects[*subject].kind != 0 &&
        login_at_ms < model->subjects[*subject].at_ms)
        return WAFER_REFUSED;
    if (login_at_ms < model->everyone_ms || session->kind == WAFER_REVOKE_SESSION)
        return WAFER_REFUSED;
    if (session->kind == 0 || renewals >= session->renewals)
        return WAFER_STANDS;
    return renewals + 1 == session->renewals && model->now_ms < session->at_ms + GRACE
               ? WAFER_SUPERSEDED
               : WAFER_REFUSED;
}

/* ---- Comparing ---- */

static uint32_t number_of(const wafer_revocation *entry)
{
    uint32_t number;
    memcpy(&number, entry->key, sizeof number);
    return number;
}

/* The list's whole content is the model's, but for what was due and the list has dropped; that goes
 * from the model, too. */
static void compare_content(struct model *model, struct players *players)
{
    bool held[2][UNIVERSE] = {{false}};
    size_t count;
    size_t everyone = 0;
    wafer_revocation *entries = table_dump(players->reader, &count);
    uint64_t generation = wafer_table_generation(players->reader);
    bool rebuilt = generation != model->generation;
    for (size_t i = 0; i < count; i++) {
        uint32_t number = number_of(&entries[i]);
        if (entries[i].kind == WAFER_REVOKE_EVERYONE) {
            assert_int_equal(entries[i].at_ms, model->everyone_ms);
            everyone++;
            continue;
        }
        assert_true(number < model->universe);
        const wafer_revocation *own = place_of(model, entries[i].kind, number);
        assert_int_equal(entries[i].kind, own->kind);
        assert_int_equal(entries[i].at_ms, own->at_ms);
        assert_int_equal(entries[i].renewals, own->renewals);
        held[own->kind == WAFER_REVOKE_SUBJECT][number] = true;
    }
    free(entries);
    assert_int_equal(everyone, model->everyone_ms > 0);
    assert_int_equal(table_entries(players->reader), count - everyone);
    for (uint32_t i = 0; i < 2 * model->universe; i++) {
        bool subject = i >= model->universe;
        uint32_t number = subject ? i - model->universe : i;
        wafer_revocation *own = subject ? &model->subjects[number] : &model->sessions[number];
        if (own->kind == 0 || held[subject][number])
            continue;
        assert_true(rebuilt && is_due(model, own)); /* else it went too early */
        own->kind = 0;
    }
    if (rebuilt)
        model->rebuilt_at_ms = model->now_ms;
    model->generation = generation;
}

static void compare_answers(struct model *model, struct players *players)
{
    struct worker worker = players->workers[random_below(WORKERS)];
    uint32_t id = (uint32_t)random_below(model->universe);
    uint32_t number = (uint32_t)random_below(model->universe);
    const uint32_t *subject = random_below(4) == 0 ? NULL : &number;
    int64_t login_at_ms = model->now_ms + 2 * SKEW - (int64_t)random_below(2 * LIFE);
    uint32_t renewals = (uint32_t)random_below(8);
    wafer_standing expected = standing_of(model, id, subject, login_at_ms, renewals);
    int64_t login_from = model->subjects[number].kind == 0 ? 0 : model->subjects[number].at_ms;
    if (login_from < model->everyone_ms)
        login_from = model->everyone_ms;
    assert_int_equal(worker_check(worker, model->now_ms, id, subject, login_at_ms, renewals),
                     expected);
    assert_int_equal(table_standing(players->reader, model->now_ms, id, subject, login_at_ms,
                                    renewals),
                     expected);
    assert_int_equal(worker_login_from(worker, number), login_from);
    assert_int_equal(table_login_from(players->reader, number), login_from);
}

/* ---- What is done ---- */

static void purge(struct model *model, struct players *players)
{
    size_t due = 0;
    size_t dropped;
    for (uint32_t number = 0; number < model->universe; number++) {
        due += is_due(model, &model->sessions[number]);
        due += is_due(model, &model->subjects[number]);
    }
    assert_int_equal(worker_purge(players->workers[random_below(WORKERS)], model->now_ms, &dropped),
                     WAFER_OK);
    assert_int_equal(dropped, due);
    compare_content(model, players);
    for (uint32_t number = 0; number < model->universe; number++) {
        assert_false(is_due(model, &model->sessions[number]));
        assert_false(is_due(model, &model->subjects[number]));
    }
}

static void retain(struct model *model, struct players *players)
{
    int64_t retention_ms = model->retention_ms - 2 + (int64_t)random_below(WAFER_MINUTE_MS);
    bool raises = retention_ms >= model->retention_ms;
    assert_int_equal(worker_retain(players->workers[random_below(WORKERS)], retention_ms),
                     raises ? WAFER_OK : WAFER_INVALID);
    if (raises)
        model->retention_ms = retention_ms;
}

static void expect_everyone(struct model *model, wafer_result result, int64_t asked_ms,
                            int64_t at_ms)
{
    if (asked_ms == 0 && model->everyone_ms >= horizon(model)) {
        assert_int_equal(result, WAFER_UNAVAILABLE);
        return;
    }
    assert_int_equal(result, WAFER_OK);
    if (asked_ms == 0) {
        assert_true(at_ms > model->now_ms + SKEW && at_ms > model->everyone_ms);
        assert_true(at_ms <= horizon(model));
        for (uint32_t number = 0; number < model->universe; number++) {
            const wafer_revocation *subject = &model->subjects[number];
            assert_true(subject->kind == 0 || at_ms > subject->at_ms || at_ms == horizon(model));
        }
    } else {
        assert_int_equal(at_ms, asked_ms);
    }
    if (at_ms > model->everyone_ms && at_ms >= keep_from(model))
        model->everyone_ms = at_ms;
}

/* The time that an entry for now gets; 0 if it is not taken. */
static int64_t time_for_now(const struct model *model, const wafer_revocation *asked,
                            const wafer_revocation *own)
{
    int64_t at_ms = model->now_ms + SKEW;
    if (asked->kind == WAFER_REVOKE_COPIES && own->kind != 0 &&
        (own->kind == WAFER_REVOKE_SESSION || own->renewals >= asked->renewals))
        return 0;
    if (asked->kind != WAFER_REVOKE_SUBJECT)
        return model->now_ms;
    if (own->kind != 0 && own->at_ms > at_ms)
        at_ms = own->at_ms;
    if (model->everyone_ms > at_ms)
        at_ms = model->everyone_ms;
    return at_ms + 1 <= horizon(model) ? at_ms + 1 : 0;
}

static void expect_key(struct model *model, const wafer_revocation *asked, wafer_result result,
                       const wafer_revocation *taken)
{
    bool subject = asked->kind == WAFER_REVOKE_SUBJECT;
    wafer_revocation *own = place_of(model, asked->kind, number_of(asked));
    wafer_revocation added = *asked;
    if (asked->at_ms == 0)
        added.at_ms = time_for_now(model, asked, own);
    if (asked->kind != WAFER_REVOKE_COPIES)
        added.renewals = 0;
    if (added.at_ms == 0) {
        assert_int_equal(result, WAFER_UNAVAILABLE);
        return;
    }
    if (!is_due(model, &added) && own->kind == 0) {
        if (!has_room(model, subject, false)) {
            assert_int_equal(result, WAFER_LIST_FULL);
            return;
        }
        /* Full of what is due: dropped, unless the last time is just past. */
        if (result == WAFER_LIST_FULL) {
            assert_true(!has_room(model, subject, true) && is_paused(model));
            return;
        }
    }
    assert_int_equal(result, WAFER_OK);
    assert_int_equal(taken->at_ms, added.at_ms);
    if (is_due(model, &added))
        return;
    if (own->kind == 0)
        *own = added;
    else
        merge(own, &added);
}

static wafer_result revoke_any(struct model *model, struct players *players)
{
    struct worker worker = players->workers[random_below(WORKERS)];
    wafer_revocation_kind kind = (wafer_revocation_kind)(1 + random_below(4));
    uint32_t number = (uint32_t)random_below(model->universe);
    int64_t at_ms = horizon(model) + 1000 - (int64_t)random_below((uint64_t)(LIFE + 4 * SKEW));
    if (random_below(2) == 0)
        at_ms = 0;
    if (kind == WAFER_REVOKE_EVERYONE && random_below(30) != 0)
        kind = WAFER_REVOKE_SESSION;
    wafer_revocation asked = table_entry(kind, kind == WAFER_REVOKE_EVERYONE ? 0 : number, at_ms,
                                         (uint32_t)random_below(8));
    /* One that is due may have gone when the revocation looks for it, or not. */
    if (kind != WAFER_REVOKE_EVERYONE && is_due(model, place_of(model, kind, number)))
        purge(model, players);
    bool paused = is_paused(model);
    wafer_revocation taken = asked;
    wafer_result result = worker_revoke(worker, model->now_ms, &taken);
    if (at_ms > horizon(model))
        assert_int_equal(result, WAFER_INVALID);
    else if (kind == WAFER_REVOKE_EVERYONE)
        expect_everyone(model, result, at_ms, taken.at_ms);
    else
        expect_key(model, &asked, result, &taken);
    if (result != WAFER_OK)
        assert_int_equal(taken.at_ms, asked.at_ms);
    compare_content(model, players);
    for (uint32_t i = 0; i < 2 * model->universe; i++) {
        const wafer_revocation *own = i < model->universe ? &model->sessions[i]
                                                          : &model->subjects[i - model->universe];
        /* Else it should have gone by now. */
        assert_true(own->kind == 0 || own->at_ms >= keep_from(model) - model->retention_ms / 8 ||
                    paused || result == WAFER_INVALID || kind == WAFER_REVOKE_EVERYONE);
    }
    return result;
}

static void go_on(struct model *model)
{
    model->now_ms += (int64_t)random_below(3000);
    if (random_below(60) == 0)
        model->now_ms += (int64_t)random_below((uint64_t)(LIFE + LIFE / 2));
    if (random_below(60) == 0)
        model->now_ms -= (int64_t)random_below((uint64_t)LIFE);
}

static size_t live(struct model *model, struct players *players, size_t steps)
{
    size_t full = 0;
    for (size_t step = 0; step < steps; step++) {
        uint64_t drawn = random_below(300);
        go_on(model);
        if (drawn == 0)
            retain(model, players);
        else if (drawn < 10)
            purge(model, players);
        else if (drawn < 20)
            worker_reopen(players->workers[random_below(WORKERS)]);
        else if (drawn < 200)
            full += revoke_any(model, players) == WAFER_LIST_FULL;
        compare_answers(model, players);
    }
    return full;
}

static size_t play(const char *path, uint32_t universe, size_t capacity, size_t steps)
{
    static struct model model;
    struct players players;
    wafer_revocations_settings settings = table_file_settings(path);
    settings.capacity = capacity;
    list->free(table_of(&settings));
    model = (struct model){.universe = universe,
                           .capacity = capacity,
                           .retention_ms = RETENTION,
                           .now_ms = NOW,
                           .rebuilt_at_ms = -PAUSE_MS};
    for (size_t i = 0; i < WORKERS - 1; i++)
        players.workers[i] = worker_forked(path, WAFER_ACCESS_WRITE);
    players.workers[WORKERS - 1] = worker_started(path, WAFER_ACCESS_WRITE);
    players.reader = table_file(path, WAFER_ACCESS_READ);
    size_t full = live(&model, &players, steps);
    for (size_t i = 0; i < WORKERS; i++)
        worker_end(players.workers[i]);
    list->free(players.reader);
    return full;
}

static void processes_with_a_small_list_follow_a_plain_model(void **state)
{
    const struct folder *folder = *state;
    assert_true(play(folder->file, 200, 64, 4000) > 0);
}

static void processes_with_a_list_that_grows_follow_a_plain_model(void **state)
{
    const struct folder *folder = *state;
    (void)play(folder->file, UNIVERSE, 2000, 4000);
}

int main(int count, char **arguments)
{
    worker_main(count, arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(processes_with_a_small_list_follow_a_plain_model,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(processes_with_a_list_that_grows_follow_a_plain_model,
                                        folder_make, folder_remove),
    };
    return cmocka_run_group_tests_name("table model", tests, make_table_keys, free_table_keys);
}
