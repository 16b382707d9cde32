#include "table_helpers.h"

#include <string.h>

#include "table_memory.h"

/* ---- How long it is kept, and how much fits ---- */

static void an_entry_is_kept_to_the_end_of_its_life_and_not_longer(void **state)
{
    (void)state;
    const wafer_revocation_kind kinds[] = {WAFER_REVOKE_SESSION, WAFER_REVOKE_SUBJECT,
                                           WAFER_REVOKE_COPIES};
    for (size_t i = 0; i < 3; i++) {
        void *table = table_make(64);
        table_add(table, NOW, kinds[i], 1, NOW, 2);
        assert_int_equal(table_drop(table, NOW + LIFE - 1), 0);
        assert_int_equal(table_drop(table, NOW + LIFE), 0);
        assert_int_equal(table_entries(table), 1);
        assert_int_equal(table_drop(table, NOW + LIFE + 1), 1);
        assert_int_equal(table_entries(table), 0);
        assert_int_equal(table_drop(table, NOW + LIFE + 1), 0);
        assert_int_equal(table_login_from(table, 1), 0);
        assert_false(table_refuses(table, NOW, 1, NULL, NOW, 0));
        wafer_table_interface.free(table);
    }
}

static void an_entry_past_its_life_is_taken_and_not_stored(void **state)
{
    (void)state;
    for (int kind = WAFER_REVOKE_SESSION; kind <= WAFER_REVOKE_COPIES; kind++) {
        wafer_revocation_kind real = (wafer_revocation_kind)kind;
        void *table = table_make(64);
        table_add(table, NOW, real, 1, NOW - LIFE - 1, 1);
        table_add(table, NOW, real, 1, 1, 1);
        assert_int_equal(table_entries(table), 0);
        assert_int_equal(table_login_from(table, 1), 0);
        table_add(table, NOW, real, 1, NOW - LIFE, 1);
        assert_int_equal(table_entries(table) == 1, real != WAFER_REVOKE_EVERYONE);
        assert_int_equal(table_login_from(table, 1) == NOW - LIFE,
                         real == WAFER_REVOKE_SUBJECT || real == WAFER_REVOKE_EVERYONE);
        wafer_table_interface.free(table);
    }
}

static void purging_drops_what_is_due_and_nothing_else(void **state)
{
    (void)state;
    void *table = table_make(1000);
    for (uint32_t number = 0; number < 100; number++) {
        table_add(table, NOW, WAFER_REVOKE_SESSION, number, NOW - number, 0);
        table_add(table, NOW, WAFER_REVOKE_SUBJECT, number, NOW - number, 0);
    }
    assert_int_equal(table_drop(table, NOW + LIFE - 49), 100);
    for (uint32_t number = 0; number < 100; number++) {
        assert_int_equal(table_refuses_session(table, number), number < 50);
        assert_int_equal(table_login_from(table, number), number < 50 ? NOW - number : 0);
    }
    wafer_table_interface.free(table);
}

static void an_insert_drops_what_is_overdue_by_an_eighth_of_the_retention(void **state)
{
    (void)state;
    void *table = table_make(64);
    const int64_t overdue_ms = NOW + LIFE + RETENTION / 8;
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    table_add(table, overdue_ms, WAFER_REVOKE_SESSION, 2, 0, 0);
    assert_int_equal(table_entries(table), 2);
    table_add(table, overdue_ms + 1, WAFER_REVOKE_SESSION, 3, 0, 0);
    assert_int_equal(table_entries(table), 2);
    assert_false(table_refuses_session(table, 1));
    wafer_table_interface.free(table);
}

static void a_raised_retention_keeps_entries_longer(void **state)
{
    (void)state;
    void *table = table_make(64);
    wafer_revocations_status status;
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    assert_int_equal(wafer_table_interface.retain(table, RETENTION - 1), WAFER_INVALID);
    assert_int_equal(wafer_table_interface.retain(table, -1), WAFER_INVALID);
    assert_int_equal(wafer_table_interface.retain(table, INT64_MIN), WAFER_INVALID);
    assert_int_equal(wafer_table_interface.retain(table, WAFER_LIFETIME_MAX_MS + 1), WAFER_INVALID);
    assert_int_equal(wafer_table_interface.retain(table, INT64_MAX), WAFER_INVALID);
    assert_int_equal(wafer_table_interface.retain(table, RETENTION), WAFER_OK);
    assert_int_equal(wafer_table_interface.retain(table, RETENTION + 5), WAFER_OK);
    assert_int_equal(wafer_table_interface.retain(table, RETENTION), WAFER_INVALID);
    assert_int_equal(wafer_table_interface.look(table, &status), WAFER_OK);
    assert_int_equal(status.retention_ms, RETENTION + 5);
    assert_int_equal(table_drop(table, NOW + LIFE + 5), 0);
    assert_int_equal(table_drop(table, NOW + LIFE + 6), 1);
    assert_int_equal(wafer_table_interface.retain(table, WAFER_LIFETIME_MAX_MS), WAFER_OK);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    assert_int_equal(table_drop(table, NOW + WAFER_LIFETIME_MAX_MS + 3 * SKEW), 0);
    assert_int_equal(table_drop(table, NOW + WAFER_LIFETIME_MAX_MS + 3 * SKEW + 1), 1);
    wafer_table_interface.free(table);
}

static void assert_full(void *table, int64_t now_ms, wafer_revocation_kind kind)
{
    assert_int_equal(table_try(table, now_ms, table_entry(kind, 999999, 0, 1)), WAFER_LIST_FULL);
}

static void sessions_may_fill_seven_eighths_and_subjects_the_rest(void **state)
{
    (void)state;
    const size_t capacities[] = {64, 71, 1000, 5000};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        size_t capacity = capacities[i];
        size_t sessions = capacity - capacity / 8;
        void *table = table_make(capacity);
        for (uint32_t number = 0; number < sessions; number++) {
            bool odd = number % 2 != 0;
            table_add(table, NOW, odd ? WAFER_REVOKE_COPIES : WAFER_REVOKE_SESSION, number, 0, 1);
        }
        assert_full(table, NOW, WAFER_REVOKE_SESSION);
        assert_full(table, NOW, WAFER_REVOKE_COPIES);
        for (uint32_t number = 0; number < capacity / 8; number++)
            table_add(table, NOW, WAFER_REVOKE_SUBJECT, number, 0, 0);
        assert_full(table, NOW, WAFER_REVOKE_SUBJECT);
        assert_full(table, NOW + LIFE, WAFER_REVOKE_SESSION);
        assert_int_equal(table_entries(table), capacity);
        for (uint32_t number = 0; number < sessions; number++)
            assert_int_equal(table_refuses_session(table, number), number % 2 == 0);
        wafer_table_interface.free(table);
    }
}

static void subjects_may_fill_the_whole_list(void **state)
{
    (void)state;
    void *table = table_make(64);
    for (uint32_t number = 0; number < 64; number++)
        table_add(table, NOW, WAFER_REVOKE_SUBJECT, number, 0, 0);
    assert_full(table, NOW, WAFER_REVOKE_SUBJECT);
    assert_full(table, NOW, WAFER_REVOKE_SESSION);
    assert_full(table, NOW, WAFER_REVOKE_COPIES);
    assert_int_equal(table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, 0, 0), NOW + SKEW + 2);
    wafer_table_interface.free(table);
}

static void entries_of_a_full_list_can_still_be_raised(void **state)
{
    (void)state;
    void *table = table_make(64);
    for (uint32_t number = 0; number < 56; number++)
        table_add(table, NOW, WAFER_REVOKE_COPIES, number, 0, 1);
    for (uint32_t number = 0; number < 8; number++)
        table_add(table, NOW, WAFER_REVOKE_SUBJECT, number, 0, 0);
    assert_full(table, NOW, WAFER_REVOKE_SUBJECT);
    table_add(table, NOW, WAFER_REVOKE_COPIES, 0, 0, 9);
    assert_true(table_refuses(table, NOW, 0, NULL, NOW, 7));
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    assert_true(table_refuses_session(table, 1));
    assert_int_equal(table_add(table, NOW, WAFER_REVOKE_SUBJECT, 0, 0, 0), NOW + SKEW + 2);
    assert_int_equal(table_entries(table), 64);
    wafer_table_interface.free(table);
}

static void a_full_list_takes_entries_again_as_soon_as_one_is_due(void **state)
{
    (void)state;
    void *table = table_make(64);
    for (uint32_t number = 0; number < 56; number++)
        table_add(table, NOW, WAFER_REVOKE_SESSION, number, NOW + number, 0);
    assert_full(table, NOW + LIFE, WAFER_REVOKE_SESSION);
    table_add(table, NOW + LIFE + 1, WAFER_REVOKE_SESSION, 100, 0, 0);
    assert_int_equal(table_entries(table), 56);
    assert_false(table_refuses_session(table, 0));
    assert_true(table_refuses_session(table, 1));
    assert_true(table_refuses_session(table, 100));
    assert_full(table, NOW + LIFE + 1, WAFER_REVOKE_SESSION);
    wafer_table_interface.free(table);
}

/* Else a table in which something falls due at every moment would be rebuilt at every insert. */
static void a_full_list_is_purged_once_a_second_at_most(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(64);
    const int64_t due_ms = NOW + LIFE + 1;
    for (uint32_t number = 0; number < 56; number++)
        table_add(table, NOW, WAFER_REVOKE_SESSION, number, NOW + number * 100, 0);
    assert_int_equal(wafer_table_generation(table), 0);
    table_add(table, due_ms, WAFER_REVOKE_SESSION, 100, 0, 0);
    assert_int_equal(wafer_table_generation(table), 1);
    for (int64_t later_ms = 100; later_ms < 1000; later_ms += 100)
        assert_full(table, due_ms + later_ms, WAFER_REVOKE_SESSION);
    assert_full(table, due_ms + 999, WAFER_REVOKE_SESSION);
    assert_int_equal(wafer_table_generation(table), 1);
    for (uint32_t number = 0; number < 10; number++)
        table_add(table, due_ms + 1000, WAFER_REVOKE_SESSION, 101 + number, 0, 0);
    assert_full(table, due_ms + 1000, WAFER_REVOKE_SESSION);
    assert_int_equal(wafer_table_generation(table), 2);
    /* Who asks for it is not kept waiting. */
    assert_int_equal(table_drop(table, due_ms + 1100), 1);
    table_add(table, due_ms + 1100, WAFER_REVOKE_SESSION, 120, 0, 0);
    /* A clock that went back says nothing about when that was. */
    assert_full(table, due_ms + 500, WAFER_REVOKE_SESSION);
    table_add(table, due_ms + 5000, WAFER_REVOKE_SESSION, 121, 0, 0);
    assert_int_equal(wafer_table_generation(table), 4);
    wafer_table_interface.free(table);
}

static void the_pause_between_purges_ends_when_the_clock_goes_back(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(64);
    const int64_t late_ms = NOW + LIFE + 100000;
    size_t dropped;
    table_add(table, NOW, WAFER_REVOKE_SESSION, 0, 0, 0);
    assert_int_equal(wafer_table_interface.purge(table, late_ms, &dropped), WAFER_OK);
    for (uint32_t number = 0; number < 56; number++)
        table_add(table, NOW + 1000, WAFER_REVOKE_SESSION, number, NOW + number, 0);
    assert_full(table, NOW + LIFE, WAFER_REVOKE_SESSION);
    table_add(table, NOW + LIFE + 1, WAFER_REVOKE_SESSION, 100, 0, 0);
    assert_int_equal(table_entries(table), 56);
    wafer_table_interface.free(table);
}

/* ---- Against a plain model ---- */

#define UNIVERSE 900
#define CAPACITY 256

struct model_entry {
    wafer_revocation_kind kind; /* 0: none */
    int64_t at_ms;
    uint32_t renewals;
};

struct model {
    struct model_entry sessions[UNIVERSE];
    struct model_entry subjects[UNIVERSE];
    int64_t everyone_ms;
    int64_t retention_ms;
    int64_t now_ms;
};

static bool model_is_due(const struct model *model, const struct model_entry *entry)
{
    return model->now_ms > entry->at_ms + model->retention_ms + 3 * SKEW;
}

static size_t model_drop(struct model *model)
{
    size_t dropped = 0;
    for (size_t i = 0; i < 2 * UNIVERSE; i++) {
        struct model_entry *entry = i < UNIVERSE ? &model->sessions[i]
                                                 : &model->subjects[i - UNIVERSE];
        if (entry->kind != 0 && model_is_due(model, entry)) {
            entry->kind = 0;
            dropped++;
        }
    }
    return dropped;
}

static size_t model_count(const struct model *model, const struct model_entry *entries_of)
{
    size_t count = 0;
    for (size_t i = 0; i < UNIVERSE; i++)
        count += entries_of[i].kind != 0 && !model_is_due(model, &entries_of[i]);
    return count;
}

static wafer_result model_revoke(struct model *model, const wafer_revocation *entry,
                                 uint32_t number)
{
    bool subject = entry->kind == WAFER_REVOKE_SUBJECT;
    struct model_entry *own = subject ? &model->subjects[number] : &model->sessions[number];
    struct model_entry added = {entry->kind, entry->at_ms, entry->renewals};
    if (model_is_due(model, &added))
        return WAFER_OK;
    if (own->kind == 0) {
        size_t sessions = model_count(model, model->sessions);
        size_t all = sessions + model_count(model, model->subjects);
        if (all >= CAPACITY || (!subject && sessions >= CAPACITY - CAPACITY / 8))
            return WAFER_LIST_FULL;
        *own = added;
    } else if (own->kind == WAFER_REVOKE_COPIES && entry->kind == WAFER_REVOKE_COPIES) {
        int64_t earlier_ms = own->at_ms < added.at_ms ? own->at_ms : added.at_ms;

        if (entry->renewals >= own->renewals) {
            added.at_ms = entry->renewals > own->renewals ? added.at_ms : earlier_ms;
            *own = added;
        }
    } else {
        own->kind = own->kind == WAFER_REVOKE_SESSION ? own->kind : entry->kind;
        own->at_ms = own->at_ms > entry->at_ms ? own->at_ms : entry->at_ms;
    }
    return WAFER_OK;
}

static bool model_refuses(const struct model *model, uint32_t id, uint32_t subject,
                          int64_t login_at_ms, uint32_t renewals)
{
    const struct model_entry *own = &model->sessions[id];
    const struct model_entry *owner = &model->subjects[subject];
    if (login_at_ms < model->everyone_ms || own->kind == WAFER_REVOKE_SESSION ||
        (owner->kind != 0 && login_at_ms < owner->at_ms))
        return true;
    return own->kind == WAFER_REVOKE_COPIES &&
           (renewals + 1 < own->renewals ||
            (renewals + 1 == own->renewals && model->now_ms >= own->at_ms + GRACE));
}

static void compare(void *table, const struct model *model, uint32_t id)
{
    uint32_t subject = (uint32_t)random_below(UNIVERSE);
    /* What is due may be there or not. */
    if ((model->sessions[id].kind != 0 && model_is_due(model, &model->sessions[id])) ||
        (model->subjects[subject].kind != 0 && model_is_due(model, &model->subjects[subject])))
        return;
    int64_t login_at_ms = model->now_ms + 2 * SKEW - (int64_t)random_below(3 * SKEW);
    uint32_t renewals = (uint32_t)random_below(7);
    assert_int_equal(table_refuses(table, model->now_ms, id, &subject, login_at_ms, renewals),
                     model_refuses(model, id, subject, login_at_ms, renewals));
}

static wafer_result model_step(void *table, struct model *model)
{
    uint32_t number = (uint32_t)random_below(UNIVERSE);
    wafer_revocation_kind kind = (wafer_revocation_kind)(1 + random_below(4));
    int64_t at_ms = random_below(2) == 0
                        ? 0
                        : model->now_ms + SKEW - (int64_t)random_below(2 * (uint64_t)LIFE);
    wafer_revocation entry = table_entry(kind, number, at_ms, (uint32_t)random_below(8));
    const struct model_entry *own = kind == WAFER_REVOKE_SUBJECT ? &model->subjects[number]
                                                                 : &model->sessions[number];
    if (own->kind != 0 && model_is_due(model, own)) {
        (void)table_drop(table, model->now_ms);
        (void)model_drop(model);
    }
    if (kind == WAFER_REVOKE_EVERYONE && random_below(20) != 0)
        return WAFER_OK;
    wafer_result result = wafer_table_interface.revoke(table, model->now_ms, &entry);
    if (at_ms == 0 && result == WAFER_OK) {
        int64_t ahead_ms = kind == WAFER_REVOKE_SUBJECT || kind == WAFER_REVOKE_EVERYONE ? SKEW + 1
                                                                                         : 0;
        assert_true(entry.at_ms >= model->now_ms + ahead_ms);
    }
    if (kind == WAFER_REVOKE_EVERYONE) {
        assert_int_equal(result, WAFER_OK);
        if (entry.at_ms >= model->now_ms - LIFE && entry.at_ms > model->everyone_ms)
            model->everyone_ms = entry.at_ms;
    } else {
        bool late = kind == WAFER_REVOKE_COPIES && at_ms == 0 && own->kind != 0 &&
                    (own->kind == WAFER_REVOKE_SESSION || own->renewals >= entry.renewals);

        if (entry.at_ms == 0)
            entry.at_ms = model->now_ms;
        assert_int_equal(result, late ? WAFER_UNAVAILABLE : model_revoke(model, &entry, number));
    }
    return result;
}

static void a_long_random_life_follows_a_plain_model(void **state)
{
    (void)state;
    static struct model model;
    void *table = table_make(CAPACITY);
    size_t full = 0;
    memset(&model, 0, sizeof model);
    model.now_ms = NOW;
    model.retention_ms = RETENTION;
    for (size_t step = 0; step < 12000; step++) {
        full += model_step(table, &model) == WAFER_LIST_FULL;
        /* Never less than the pause between two purges that a full table asks for. */
        model.now_ms += 1000 + (int64_t)random_below(500);
        compare(table, &model, (uint32_t)random_below(UNIVERSE));
        assert_false(table_refuses(table, model.now_ms, UNIVERSE + (uint32_t)step, NULL,
                                   WAFER_TIME_MAX_MS, 0));
        if (step % 1000 == 999) {
            size_t held = table_entries(table);
            (void)model_drop(&model);
            size_t live = model_count(&model, model.sessions) + model_count(&model, model.subjects);
            assert_int_equal(table_drop(table, model.now_ms), held - live);
            assert_int_equal(table_entries(table), live);
            for (uint32_t id = 0; id < UNIVERSE; id++)
                compare(table, &model, id);
        }
    }
    assert_true(full > 0);
    wafer_table_interface.free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_kept_to_the_end_of_its_life_and_not_longer),
        cmocka_unit_test(an_entry_past_its_life_is_taken_and_not_stored),
        cmocka_unit_test(purging_drops_what_is_due_and_nothing_else),
        cmocka_unit_test(an_insert_drops_what_is_overdue_by_an_eighth_of_the_retention),
        cmocka_unit_test(a_raised_retention_keeps_entries_longer),
        cmocka_unit_test(sessions_may_fill_seven_eighths_and_subjects_the_rest),
        cmocka_unit_test(subjects_may_fill_the_whole_list),
        cmocka_unit_test(entries_of_a_full_list_can_still_be_raised),
        cmocka_unit_test(a_full_list_takes_entries_again_as_soon_as_one_is_due),
        cmocka_unit_test(a_full_list_is_purged_once_a_second_at_most),
        cmocka_unit_test(the_pause_between_purges_ends_when_the_clock_goes_back),
        cmocka_unit_test(a_long_random_life_follows_a_plain_model),
    };
    return cmocka_run_group_tests_name("table limits", tests, make_table_keys, free_table_keys);
}
