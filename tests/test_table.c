#include "table_helpers.h"

#include "folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "table_memory.h"

/* ---- Settings ---- */

static void a_setting_out_of_range_is_refused_by_its_name(void **state)
{
    (void)state;
    wafer_revocations_settings settings = table_settings(64);
    settings.size--;
    table_refused(&settings, WAFER_INVALID, "size ");
    settings = table_settings(63);
    table_refused(&settings, WAFER_INVALID, "capacity");
    settings = table_settings(100000001);
    table_refused(&settings, WAFER_INVALID, "capacity");
    settings = table_settings(64);
    settings.retention_ms = WAFER_MINUTE_MS - 1;
    table_refused(&settings, WAFER_INVALID, "retention_ms");
    settings.retention_ms = WAFER_LIFETIME_MAX_MS + 1;
    table_refused(&settings, WAFER_INVALID, "retention_ms");
    settings = table_settings(64);
    settings.skew_ms = 999;
    table_refused(&settings, WAFER_INVALID, "skew_ms");
    settings.skew_ms = WAFER_SKEW_MAX_MS + 1;
    table_refused(&settings, WAFER_INVALID, "skew_ms");
    settings = table_settings(64);
    settings.grace_ms = -1;
    table_refused(&settings, WAFER_INVALID, "grace_ms");
    settings.grace_ms = 10 * WAFER_MINUTE_MS + 1;
    table_refused(&settings, WAFER_INVALID, "grace_ms");
}

static void what_is_forgotten_at_the_start_must_be_chosen(void **state)
{
    (void)state;
    wafer_revocations_settings settings = table_settings(64);
    settings.on_start = WAFER_START_UNSET;
    table_refused(&settings, WAFER_INVALID, "WAFER_START_FORGETS");
    table_refused(&settings, WAFER_INVALID, "WAFER_START_REFUSES_OLDER");
    table_refused(&settings, WAFER_INVALID, "sign in again");
    settings.on_start = (wafer_on_start)3;
    table_refused(&settings, WAFER_INVALID, "on_start");
}

static void settings_at_their_limits_are_accepted(void **state)
{
    (void)state;
    wafer_revocations_settings settings = table_settings(64);
    settings.retention_ms = WAFER_MINUTE_MS;
    settings.skew_ms = 1000;
    settings.grace_ms = 0;
    wafer_table_interface.free(table_of(&settings));
    /* More do not fit where addresses have 32 bits. */
    settings.capacity = SIZE_MAX > UINT32_MAX ? 100000000 : 10000000;
    settings.retention_ms = WAFER_LIFETIME_MAX_MS;
    settings.skew_ms = WAFER_SKEW_MAX_MS;
    settings.grace_ms = 10 * WAFER_MINUTE_MS;
    wafer_table_interface.free(table_of(&settings));
}

static void a_new_table_tells_its_settings_and_that_it_is_empty(void **state)
{
    (void)state;
    void *table = table_make(77);
    wafer_revocations_status status;
    assert_int_equal(wafer_table_interface.look(table, &status), WAFER_OK);
    assert_int_equal(status.entries, 0);
    assert_int_equal(status.capacity, 77);
    assert_int_equal(status.retention_ms, RETENTION);
    assert_int_equal(status.skew_ms, SKEW);
    assert_int_equal(status.grace_ms, GRACE);
    assert_int_equal(status.not_before_ms, 0);
    assert_false(table_refuses(table, NOW, 1, &(uint32_t){1}, 0, 0));
    wafer_table_interface.free(table);
}

static void a_table_that_refuses_older_sessions_refuses_those_before_its_start(void **state)
{
    (void)state;
    int64_t now_ms = NOW;
    wafer_revocations_settings settings = table_settings(64);
    settings.on_start = WAFER_START_REFUSES_OLDER;
    settings.clock = clock_by_hand;
    settings.clock_context = &now_ms;
    void *table = table_of(&settings);
    assert_int_equal(table_login_from(table, 1), NOW + SKEW + 1);
    assert_true(table_refuses(table, NOW, 1, NULL, NOW + SKEW, 0));
    assert_false(table_refuses(table, NOW, 1, NULL, NOW + SKEW + 1, 0));
    wafer_table_interface.free(table);
}

static void a_table_that_refuses_older_sessions_needs_a_clock(void **state)
{
    (void)state;
    const int64_t broken[] = {-1, INT64_MIN, WAFER_TIME_MAX_MS + 1, WAFER_TIME_MAX_MS - SKEW};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        int64_t now_ms = broken[i];
        wafer_error error;
        void *table = NULL;
        wafer_revocations_settings settings = table_settings(64);
        settings.clock = clock_by_hand;
        settings.clock_context = &now_ms;
        wafer_table_interface.free(table_of(&settings));
        settings.on_start = WAFER_START_REFUSES_OLDER;
        assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
        assert_non_null(strstr(error.text, "clock"));
        assert_null(table);
    }
}

static bool mapping_fails;

void *__real_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
    if (mapping_fails) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap(at, size, protection, flags, file, offset);
}

static void memory_that_cannot_be_mapped_is_an_error_of_the_system(void **state)
{
    (void)state;
    wafer_revocations_settings settings = table_settings(1000000);
    wafer_error error;
    void *table;
    mapping_fails = true;
    wafer_result result = wafer_table_new(&settings, &table, &error);
    mapping_fails = false;
    assert_int_equal(result, WAFER_SYSTEM);
    assert_int_equal(error.system, ENOMEM);
}

/* ---- What is revoked ---- */

static void a_revoked_session_is_refused_and_no_other(void **state)
{
    (void)state;
    void *table = table_make(64);
    assert_int_equal(table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0), NOW);
    assert_true(table_refuses(table, 0, 1, NULL, WAFER_TIME_MAX_MS, UINT32_MAX));
    assert_true(table_refuses(table, NOW, 1, &(uint32_t){9}, NOW, 0));
    assert_false(table_refuses(table, NOW, 2, NULL, 0, 0));
    assert_false(table_refuses(table, NOW, 2, &(uint32_t){9}, 0, 0));
    wafer_table_interface.free(table);
}

/* In a table so full that nearly every search passes other entries. */
static void every_bit_of_a_key_counts(void **state)
{
    (void)state;
    void *table = table_make(64);
    wafer_revocation entries[56];
    for (size_t i = 0; i < 56; i++) {
        entries[i] = (wafer_revocation){.kind = WAFER_REVOKE_SESSION};
        random_fill(entries[i].key, WAFER_ID_SIZE);
        assert_int_equal(wafer_table_interface.revoke(table, NOW, &entries[i]), WAFER_OK);
    }
    for (size_t i = 0; i < 56; i++) {
        uint8_t *key = entries[i].key;
        wafer_revocation_query query = {.id = key, .login_at_ms = NOW, .now_ms = NOW};
        wafer_standing revoked = WAFER_STANDS;
        assert_int_equal(wafer_table_interface.check(table, &query, &revoked), WAFER_OK);
        assert_int_equal(revoked, WAFER_REFUSED);
        for (size_t bit = 0; bit < 8 * WAFER_ID_SIZE; bit++) {
            key[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(wafer_table_interface.check(table, &query, &revoked), WAFER_OK);
            assert_int_equal(revoked, WAFER_STANDS);
            key[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    wafer_table_interface.free(table);
}

static void an_id_and_a_subject_of_the_same_bytes_are_apart(void **state)
{
    (void)state;
    void *table = table_make(64);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, 2, 0, 0);
    assert_int_equal(table_entries(table), 2);
    assert_int_equal(table_login_from(table, 1), 0);
    assert_false(table_refuses(table, NOW, 3, &(uint32_t){1}, NOW, 0));
    assert_false(table_refuses_session(table, 2));
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, 1, 0, 0);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 2, 0, 0);
    assert_int_equal(table_entries(table), 4);
    assert_true(table_refuses(table, NOW, 3, &(uint32_t){1}, NOW, 0));
    assert_true(table_refuses_session(table, 2));
    wafer_table_interface.free(table);
}

static void a_subject_is_refused_before_its_not_before(void **state)
{
    (void)state;
    void *table = table_make(64);
    uint32_t subject = 5;
    uint32_t other = 6;
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, subject, NOW, 0);
    assert_true(table_refuses(table, NOW, 1, &subject, NOW - 1, 0));
    assert_false(table_refuses(table, NOW, 1, &subject, NOW, 0));
    assert_false(table_refuses(table, NOW, 1, &subject, NOW + 1, 0));
    assert_false(table_refuses(table, NOW, 1, &other, NOW - 1, 0));
    assert_false(table_refuses(table, NOW, 1, NULL, NOW - 1, 0));
    wafer_table_interface.free(table);
}

static void everyone_is_refused_before_their_not_before(void **state)
{
    (void)state;
    void *table = table_make(64);
    uint32_t subject = 5;
    table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, NOW, 0);
    assert_int_equal(table_entries(table), 0);
    assert_true(table_refuses(table, NOW, 1, &subject, NOW - 1, 0));
    assert_true(table_refuses(table, NOW, 1, NULL, NOW - 1, 0));
    assert_false(table_refuses(table, NOW, 1, &subject, NOW, 0));
    assert_false(table_refuses(table, NOW, 1, NULL, NOW, 0));
    wafer_table_interface.free(table);
}

static void the_earliest_login_is_the_later_of_the_subjects_and_everyones(void **state)
{
    (void)state;
    void *table = table_make(64);
    int64_t at_ms = -1;
    assert_int_equal(wafer_table_interface.not_before(table, NULL, &at_ms), WAFER_OK);
    assert_int_equal(at_ms, 0);
    table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, NOW - 10, 0);
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, 1, NOW - 20, 0);
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, 2, NOW - 5, 0);
    assert_int_equal(table_login_from(table, 1), NOW - 10);
    assert_int_equal(table_login_from(table, 2), NOW - 5);
    assert_int_equal(table_login_from(table, 3), NOW - 10);
    assert_int_equal(wafer_table_interface.not_before(table, NULL, &at_ms), WAFER_OK);
    assert_int_equal(at_ms, NOW - 10);
    wafer_table_interface.free(table);
}

static void copies_from_just_before_are_good_for_the_grace_and_older_ones_are_not(void **state)
{
    (void)state;
    void *table = table_make(64);
    assert_int_equal(table_add(table, NOW, WAFER_REVOKE_COPIES, 1, 0, 5), NOW);
    assert_true(table_refuses(table, NOW, 1, NULL, NOW, 0));
    assert_true(table_refuses(table, NOW, 1, NULL, NOW, 3));
    assert_false(table_refuses(table, NOW, 1, NULL, NOW, 4));
    assert_false(table_refuses(table, NOW + GRACE - 1, 1, NULL, NOW, 4));
    assert_true(table_refuses(table, NOW + GRACE, 1, NULL, NOW, 4));
    assert_true(table_refuses(table, NOW + GRACE + 1, 1, NULL, NOW, 4));
    assert_false(table_refuses(table, NOW + GRACE, 1, NULL, NOW, 5));
    assert_false(table_refuses(table, NOW + GRACE, 1, NULL, NOW, 6));
    assert_false(table_refuses(table, NOW + GRACE, 1, NULL, NOW, UINT32_MAX));
    assert_false(table_refuses(table, NOW, 2, NULL, NOW, 0));
    wafer_table_interface.free(table);
}

static void assert_copies(void *table, uint32_t renewals, int64_t at_ms)
{
    assert_int_equal(table_entries(table), 1);
    assert_false(table_refuses(table, at_ms + GRACE - 1, 1, NULL, NOW, renewals - 1));
    assert_true(table_refuses(table, at_ms + GRACE, 1, NULL, NOW, renewals - 1));
    assert_false(table_refuses(table, at_ms + GRACE, 1, NULL, NOW, renewals));
}

static void of_two_renewals_the_larger_count_wins_with_its_time(void **state)
{
    (void)state;
    static const struct {
        uint32_t smaller;
        int64_t smaller_at_ms;
        uint32_t larger;
    } cases[] = {
        {4, NOW, 5},
        {4, NOW + 9000, 5},
        {4, NOW - 9000, 5},
        {1, NOW, RENEWALS_MAX},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        uint32_t smaller = cases[i / 2].smaller;
        int64_t smaller_at_ms = cases[i / 2].smaller_at_ms;
        uint32_t larger = cases[i / 2].larger;
        void *table = table_make(64);
        if (i % 2 == 0)
            table_add(table, NOW, WAFER_REVOKE_COPIES, 1, smaller_at_ms, smaller);
        table_add(table, NOW, WAFER_REVOKE_COPIES, 1, NOW, larger);
        if (i % 2 == 1)
            table_add(table, NOW, WAFER_REVOKE_COPIES, 1, smaller_at_ms, smaller);
        assert_copies(table, larger, NOW);
        wafer_table_interface.free(table);
    }
}

static void joining_a_renewal_does_not_prolong_its_grace(void **state)
{
    (void)state;
    void *table = table_make(64);
    for (int order = 0; order < 2; order++) {
        table_add(table, NOW, WAFER_REVOKE_COPIES, 1, NOW + (order ? 1000 : 0), 5);
        table_add(table, NOW, WAFER_REVOKE_COPIES, 1, NOW + (order ? 0 : 1000), 5);
        assert_copies(table, 5, NOW);
    }
    wafer_table_interface.free(table);
}

static void of_two_that_renew_one_copy_the_first_wins_and_the_other_is_told(void **state)
{
    (void)state;
    void *table = table_make(64);
    table_add(table, NOW, WAFER_REVOKE_COPIES, 1, 0, 5);
    for (uint32_t count = 4; count <= 5; count++)
        assert_int_equal(table_try(table, NOW + 1, table_entry(WAFER_REVOKE_COPIES, 1, 0, count)),
                         WAFER_UNAVAILABLE);
    assert_copies(table, 5, NOW);
    table_add(table, NOW, WAFER_REVOKE_COPIES, 1, 0, 6);
    assert_copies(table, 6, NOW);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_COPIES, 1, 0, 7)),
                     WAFER_UNAVAILABLE);
    wafer_table_interface.free(table);
}

static void a_copy_in_its_grace_is_superseded_unless_something_refuses_it(void **state)
{
    (void)state;
    void *table = table_make(64);
    uint32_t subject = 2;
    table_add(table, NOW, WAFER_REVOKE_COPIES, 1, 0, 5);
    for (uint32_t renewals = 0; renewals < 8; renewals++)
        assert_int_equal(table_standing(table, NOW + GRACE - 1, 1, &subject, NOW, renewals),
                         renewals < 4    ? WAFER_REFUSED
                         : renewals == 4 ? WAFER_SUPERSEDED
                                         : WAFER_STANDS);
    assert_int_equal(table_standing(table, NOW + GRACE, 1, &subject, NOW, 4), WAFER_REFUSED);
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, subject, 0, 0);
    assert_int_equal(table_standing(table, NOW, 1, &subject, NOW, 4), WAFER_REFUSED);
    assert_int_equal(table_standing(table, NOW, 1, NULL, NOW, 4), WAFER_SUPERSEDED);
    wafer_table_interface.free(table);
}

static void a_revoked_session_stays_revoked_whatever_is_renewed(void **state)
{
    (void)state;
    for (size_t order = 0; order < 2; order++) {
        void *table = table_make(64);
        if (order == 0)
            table_add(table, NOW, WAFER_REVOKE_SESSION, 1, NOW - 10, 0);
        table_add(table, NOW, WAFER_REVOKE_COPIES, 1, NOW, 3);
        if (order == 1) {
            assert_false(table_refuses_session(table, 1));
            table_add(table, NOW, WAFER_REVOKE_SESSION, 1, NOW - 10, 0);
        }
        assert_true(table_refuses_session(table, 1));
        assert_int_equal(table_entries(table), 1);
        /* The later of both times is kept. */
        assert_int_equal(table_drop(table, NOW + LIFE), 0);
        assert_true(table_refuses_session(table, 1));
        assert_int_equal(table_drop(table, NOW + LIFE + 1), 1);
        assert_false(table_refuses_session(table, 1));
        wafer_table_interface.free(table);
    }
}

static void a_session_revoked_twice_keeps_the_later_time(void **state)
{
    (void)state;
    for (int64_t later = 0; later < 2; later++) {
        void *table = table_make(64);
        table_add(table, NOW, WAFER_REVOKE_SESSION, 1, NOW - later, 0);
        table_add(table, NOW, WAFER_REVOKE_SESSION, 1, NOW - 1 + later, 0);
        assert_int_equal(table_drop(table, NOW + LIFE), 0);
        assert_int_equal(table_drop(table, NOW + LIFE + 1), 1);
        wafer_table_interface.free(table);
    }
}

/* ---- When not-before is ---- */

static void not_before_lies_a_skew_ahead_and_later_each_time(void **state)
{
    (void)state;
    const wafer_revocation_kind kinds[] = {WAFER_REVOKE_SUBJECT, WAFER_REVOKE_EVERYONE};
    for (size_t i = 0; i < 2; i++) {
        void *table = table_make(64);
        assert_int_equal(table_add(table, NOW, kinds[i], 1, 0, 0), NOW + SKEW + 1);
        assert_int_equal(table_add(table, NOW, kinds[i], 1, 0, 0), NOW + SKEW + 2);
        assert_int_equal(table_add(table, NOW + 1, kinds[i], 1, 0, 0), NOW + SKEW + 3);
        assert_int_equal(table_add(table, NOW + 3, kinds[i], 1, 0, 0), NOW + SKEW + 4);
        assert_int_equal(table_add(table, NOW - 500, kinds[i], 1, 0, 0), NOW + SKEW + 5);
        assert_int_equal(table_add(table, NOW + 500, kinds[i], 1, 0, 0), NOW + 500 + SKEW + 1);
        assert_int_equal(table_login_from(table, 1), NOW + 500 + SKEW + 1);
        wafer_table_interface.free(table);
    }
}

static void a_given_not_before_only_rises(void **state)
{
    (void)state;
    const wafer_revocation_kind kinds[] = {WAFER_REVOKE_SUBJECT, WAFER_REVOKE_EVERYONE};
    for (size_t i = 0; i < 2; i++) {
        void *table = table_make(64);
        assert_int_equal(table_add(table, NOW, kinds[i], 1, NOW, 0), NOW);
        table_add(table, NOW, kinds[i], 1, NOW - 1, 0);
        assert_int_equal(table_login_from(table, 1), NOW);
        table_add(table, NOW, kinds[i], 1, NOW + 1, 0);
        assert_int_equal(table_login_from(table, 1), NOW + 1);
        wafer_table_interface.free(table);
    }
}

/* Somebody who signs in after the one gets its not-before as login time. */
static void revoking_a_subject_and_everyone_in_the_same_millisecond_refuses_both(void **state)
{
    (void)state;
    uint32_t subject = 1;
    void *table = table_make(64);
    int64_t login_ms = table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, 0, 0);
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, subject, 0, 0);
    assert_true(table_refuses(table, NOW, 7, &subject, login_ms, 0));
    login_ms = table_login_from(table, subject);
    assert_false(table_refuses(table, NOW, 7, &subject, login_ms, 0));
    table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, 0, 0);
    assert_true(table_refuses(table, NOW, 7, &subject, login_ms, 0));
    wafer_table_interface.free(table);
}

static void a_clock_that_went_back_too_far_cannot_set_not_before(void **state)
{
    (void)state;
    const wafer_revocation_kind kinds[] = {WAFER_REVOKE_SUBJECT, WAFER_REVOKE_EVERYONE};
    for (size_t i = 0; i < 2; i++) {
        void *table = table_make(64);
        wafer_revocation again = table_entry(kinds[i], 1, 0, 0);
        table_add(table, NOW, kinds[i], 1, NOW + 2 * SKEW, 0);
        assert_int_equal(table_try(table, NOW, again), WAFER_UNAVAILABLE);
        assert_int_equal(table_try(table, 0, again), WAFER_UNAVAILABLE);
        assert_int_equal(table_login_from(table, 1), NOW + 2 * SKEW);
        assert_int_equal(table_add(table, NOW + 1, kinds[i], 1, 0, 0), NOW + 2 * SKEW + 1);
        wafer_table_interface.free(table);
    }
}

static void everyones_not_before_stops_a_subjects_that_the_clock_cannot_pass(void **state)
{
    (void)state;
    void *table = table_make(64);
    table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, NOW + 2 * SKEW, 0);
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_SUBJECT, 1, 0, 0)),
                     WAFER_UNAVAILABLE);
    assert_int_equal(table_entries(table), 0);
    wafer_table_interface.free(table);
}

static void a_subject_far_ahead_does_not_keep_everyone_from_being_revoked(void **state)
{
    (void)state;
    void *table = table_make(64);
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, 1, NOW + 2 * SKEW, 0);
    assert_int_equal(table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, 0, 0), NOW + 2 * SKEW);
    wafer_table_interface.free(table);
    table = table_make(64);
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, 1, NOW, 0);
    assert_int_equal(table_add(table, NOW - WAFER_HOUR_MS, WAFER_REVOKE_EVERYONE, 0, 0, 0),
                     NOW - WAFER_HOUR_MS + 2 * SKEW);
    wafer_table_interface.free(table);
}

static void an_entry_may_lie_two_skews_ahead_and_no_more(void **state)
{
    (void)state;
    for (int kind = WAFER_REVOKE_SESSION; kind <= WAFER_REVOKE_COPIES; kind++) {
        void *table = table_make(64);
        wafer_revocation entry = table_entry((wafer_revocation_kind)kind, 1, NOW + 2 * SKEW + 1, 1);
        assert_int_equal(table_try(table, NOW, entry), WAFER_INVALID);
        assert_int_equal(table_try(table, NOW + 1, entry), WAFER_OK);
        entry.at_ms -= 2;
        assert_int_equal(table_try(table, NOW, entry), WAFER_OK);
        wafer_table_interface.free(table);
    }
}

static void with_the_least_skew_several_not_befores_fit_a_millisecond(void **state)
{
    (void)state;
    wafer_revocations_settings settings = table_settings(64);
    settings.skew_ms = 1000;
    void *table = table_of(&settings);
    for (int64_t i = 1; i <= 1000; i++)
        assert_int_equal(table_add(table, NOW, WAFER_REVOKE_SUBJECT, 1, 0, 0), NOW + 1000 + i);
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_SUBJECT, 1, 0, 0)),
                     WAFER_UNAVAILABLE);
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_SUBJECT, 1, NOW + 2001, 0)),
                     WAFER_INVALID);
    wafer_table_interface.free(table);
}

static void at_the_end_of_time_nothing_overflows(void **state)
{
    (void)state;
    const int64_t end = WAFER_TIME_MAX_MS;
    void *table = table_make(64);
    assert_int_equal(table_add(table, end, WAFER_REVOKE_SESSION, 1, 0, 0), end);
    assert_int_equal(table_add(table, end, WAFER_REVOKE_COPIES, 2, 0, RENEWALS_MAX), end);
    assert_int_equal(table_try(table, end, table_entry(WAFER_REVOKE_SUBJECT, 3, 0, 0)),
                     WAFER_UNAVAILABLE);
    assert_int_equal(table_try(table, end, table_entry(WAFER_REVOKE_EVERYONE, 0, 0, 0)),
                     WAFER_UNAVAILABLE);
    assert_int_equal(table_try(table, end, table_entry(WAFER_REVOKE_SESSION, 3, end + 1, 0)),
                     WAFER_INVALID);
    assert_int_equal(table_add(table, end, WAFER_REVOKE_SUBJECT, 3, end, 0), end);
    assert_true(table_refuses(table, end, 1, NULL, end, 0));
    assert_true(table_refuses(table, end, 2, NULL, end, RENEWALS_MAX - 2));
    assert_false(table_refuses(table, end, 2, NULL, end, RENEWALS_MAX - 1));
    assert_true(table_refuses(table, end, 4, &(uint32_t){3}, end - 1, 0));
    assert_false(table_refuses(table, end, 4, &(uint32_t){3}, end, 0));
    wafer_table_interface.free(table);
}

static void the_first_millisecond_is_a_time_like_any_other(void **state)
{
    (void)state;
    void *table = table_make(64);
    assert_int_equal(table_add(table, 0, WAFER_REVOKE_SESSION, 1, 0, 0), 0);
    assert_int_equal(table_add(table, 0, WAFER_REVOKE_SUBJECT, 1, 0, 0), SKEW + 1);
    assert_int_equal(table_entries(table), 2);
    assert_true(table_refuses(table, 0, 1, NULL, 0, 0));
    wafer_table_interface.free(table);
}

static void hostile_entries_are_refused_and_leave_no_trace(void **state)
{
    (void)state;
    void *table = table_make(64);
    const int64_t times[] = {-1, INT64_MIN, WAFER_TIME_MAX_MS + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        for (int kind = WAFER_REVOKE_SESSION; kind <= WAFER_REVOKE_COPIES; kind++) {
            wafer_revocation_kind real = (wafer_revocation_kind)kind;
            assert_int_equal(table_try(table, NOW, table_entry(real, 1, times[i], 1)),
                             WAFER_INVALID);
            assert_int_equal(table_try(table, times[i], table_entry(real, 1, 0, 1)), WAFER_INVALID);
        }
        size_t dropped = 1;
        assert_int_equal(wafer_table_interface.purge(table, times[i], &dropped), WAFER_INVALID);
        assert_int_equal(dropped, 0);
    }
    const unsigned kinds[] = {0, WAFER_REVOKE_COPIES + 1, 0x7fffffff};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        wafer_revocation_kind unreal = (wafer_revocation_kind)kinds[i];
        assert_int_equal(table_try(table, NOW, table_entry(unreal, 1, NOW, 1)), WAFER_INVALID);
    }
    assert_int_equal(table_try(table, NOW,
                               table_entry(WAFER_REVOKE_COPIES, 1, NOW, RENEWALS_MAX + 1)),
                     WAFER_INVALID);
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_COPIES, 1, NOW, UINT32_MAX)),
                     WAFER_INVALID);
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_COPIES, 1, NOW, RENEWALS_MAX)),
                     WAFER_OK);
    /* Counts mean nothing elsewhere and change nothing there. */
    table_add(table, NOW, WAFER_REVOKE_SESSION, 2, 0, UINT32_MAX);
    table_add(table, NOW, WAFER_REVOKE_SUBJECT, 2, NOW, UINT32_MAX);
    assert_true(table_refuses_session(table, 2));
    assert_int_equal(table_login_from(table, 2), NOW);
    wafer_table_interface.free(table);
}

/* ---- Many at once ---- */

#define MANY 3000

/* More than the first slots hold, of every kind, the same key more than once. */
static void make_many(wafer_revocation *entries)
{
    for (uint32_t i = 0; i < MANY; i++) {
        wafer_revocation_kind kind = (wafer_revocation_kind)(WAFER_REVOKE_SESSION + i % 4);
        if (kind == WAFER_REVOKE_EVERYONE && i > 8)
            kind = WAFER_REVOKE_SESSION;
        entries[i] = table_entry(kind, i % 2500, i % 3 != 0 ? NOW - i : 0, i % 7);
    }
}

/* Not by memcmp: what lies between the fields is anything. */
static bool is_same(const wafer_revocation *one, const wafer_revocation *other)
{
    return one->kind == other->kind && one->at_ms == other->at_ms &&
           one->renewals == other->renewals && memcmp(one->key, other->key, sizeof one->key) == 0;
}

static size_t times_in(const wafer_revocation *entries, size_t count,
                       const wafer_revocation *wanted)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += is_same(&entries[i], wanted);
    return found;
}

static void many_entries_are_taken_as_if_they_came_one_by_one(void **state)
{
    (void)state;
    static wafer_revocation one_by_one[MANY], at_once[MANY], listed[MANY], others[MANY];
    void *table = table_make(4000);
    void *other = table_make(4000);
    size_t done = 0;
    size_t count;
    size_t other_count;

    make_many(one_by_one);
    make_many(at_once);
    while (done < MANY) { /* again behind each that is refused */
        size_t taken = 33;
        wafer_result result = wafer_table_interface.revoke_all(other, NOW, at_once + done,
                                                               MANY - done, &taken);
        for (size_t i = 0; i < taken; i++)
            assert_int_equal(wafer_table_interface.revoke(table, NOW, one_by_one + done + i),
                             WAFER_OK);
        done += taken;
        if (done < MANY) {
            assert_int_not_equal(result, WAFER_OK);
            assert_int_equal(wafer_table_interface.revoke(table, NOW, one_by_one + done), result);
            done++;
        } else {
            assert_int_equal(result, WAFER_OK);
        }
    }
    for (size_t i = 0; i < MANY; i++)
        assert_true(is_same(&one_by_one[i], &at_once[i]));
    assert_int_equal(wafer_table_interface.entries(table, listed, MANY, &count), WAFER_OK);
    assert_int_equal(wafer_table_interface.entries(other, others, MANY, &other_count), WAFER_OK);
    assert_int_equal(count, other_count);
    assert_true(count > 2000);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(times_in(others, count, &listed[i]), 1);
    wafer_table_interface.free(table);
    wafer_table_interface.free(other);
}

static void many_entries_are_taken_up_to_the_first_that_cannot_be(void **state)
{
    (void)state;
    void *table = table_make(64);
    wafer_revocation entries[70];
    size_t taken = 33;

    for (uint32_t i = 0; i < 70; i++)
        entries[i] = table_entry(WAFER_REVOKE_SESSION, i, NOW, 0);
    entries[20].at_ms = -1;
    assert_int_equal(wafer_table_interface.revoke_all(table, NOW, entries, 70, &taken),
                     WAFER_INVALID);
    assert_int_equal(taken, 20);
    assert_true(table_refuses_session(table, 19));
    assert_false(table_refuses_session(table, 21));
    entries[20].at_ms = NOW;
    assert_int_equal(wafer_table_interface.revoke_all(table, NOW, entries, 70, &taken),
                     WAFER_LIST_FULL);
    assert_int_equal(taken, 56); /* an eighth is kept for subjects */
    assert_true(table_refuses_session(table, 55));
    assert_false(table_refuses_session(table, 56));
    taken = 33;
    assert_int_equal(wafer_table_interface.revoke_all(table, NOW, entries, 0, &taken), WAFER_OK);
    assert_int_equal(taken, 0);
    wafer_table_interface.free(table);
}

/* ---- All entries ---- */

static void all_entries_are_listed_with_key_time_and_count(void **state)
{
    (void)state;
    void *table = table_make(5000);
    size_t count;
    assert_int_equal(wafer_table_interface.entries(table, NULL, 0, &count), WAFER_OK);
    assert_int_equal(count, 0);
    for (uint32_t number = 1; number <= 3000; number++) {
        wafer_revocation_kind kind = number % 3 == 0   ? WAFER_REVOKE_SESSION
                                     : number % 3 == 1 ? WAFER_REVOKE_SUBJECT
                                                       : WAFER_REVOKE_COPIES;
        table_add(table, NOW, kind, number, NOW - number, number);
    }
    table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, NOW + 7, 0);
    wafer_revocation *entries = table_dump(table, &count);
    assert_int_equal(count, 3001);
    for (uint32_t number = 1; number <= 3000; number++) {
        wafer_revocation wanted = table_entry(WAFER_REVOKE_SESSION, number, NOW - number, 0);
        if (number % 3 == 1)
            wanted.kind = WAFER_REVOKE_SUBJECT;
        if (number % 3 == 2) {
            wanted.kind = WAFER_REVOKE_COPIES;
            wanted.renewals = number;
        }
        assert_int_equal(times_in(entries, count, &wanted), 1);
    }
    wafer_revocation everyone = {.kind = WAFER_REVOKE_EVERYONE, .at_ms = NOW + 7};
    assert_int_equal(times_in(entries, count, &everyone), 1);
    free(entries);
    wafer_table_interface.free(table);
}

static void no_more_entries_are_copied_than_there_is_room_for(void **state)
{
    (void)state;
    void *table = table_make(64);
    for (uint32_t number = 0; number < 10; number++)
        table_add(table, NOW, WAFER_REVOKE_SESSION, number, 0, 0);
    table_add(table, NOW, WAFER_REVOKE_EVERYONE, 0, NOW, 0);
    for (size_t room = 0; room <= 11; room++) {
        size_t size = room * sizeof(wafer_revocation);
        wafer_revocation *entries = room == 0 ? NULL : (wafer_revocation *)(void *)guarded(size);
        size_t count = 0;
        assert_int_equal(wafer_table_interface.entries(table, entries, room, &count), WAFER_OK);
        assert_int_equal(count, 11);
        for (size_t i = 0; i < room; i++) {
            bool everyone = entries[i].kind == WAFER_REVOKE_EVERYONE;
            assert_true(everyone || entries[i].kind == WAFER_REVOKE_SESSION);
            assert_int_equal(entries[i].at_ms, NOW);
            assert_int_equal(entries[i].renewals, 0);
        }
        if (room > 0)
            guarded_free(entries, size);
    }
    wafer_table_interface.free(table);
}

static void a_renewal_of_a_revoked_session_says_nothing_more(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(64);
    table_add(table, NOW, WAFER_REVOKE_COPIES, 1, 0, 3);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    assert_int_equal(table_try(table, NOW, table_entry(WAFER_REVOKE_COPIES, 1, NOW, 5)), WAFER_OK);
    size_t count;
    wafer_revocation *entries = table_dump(table, &count);
    assert_int_equal(count, 1);
    assert_int_equal(entries[0].kind, WAFER_REVOKE_SESSION);
    assert_int_equal(entries[0].renewals, 0);
    assert_true(wafer_table_is_readable(table));
    free(entries);
    wafer_table_interface.free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_renewal_of_a_revoked_session_says_nothing_more),
        cmocka_unit_test(a_setting_out_of_range_is_refused_by_its_name),
        cmocka_unit_test(what_is_forgotten_at_the_start_must_be_chosen),
        cmocka_unit_test(settings_at_their_limits_are_accepted),
        cmocka_unit_test(a_new_table_tells_its_settings_and_that_it_is_empty),
        cmocka_unit_test(a_table_that_refuses_older_sessions_refuses_those_before_its_start),
        cmocka_unit_test(a_table_that_refuses_older_sessions_needs_a_clock),
        cmocka_unit_test(memory_that_cannot_be_mapped_is_an_error_of_the_system),
        cmocka_unit_test(a_revoked_session_is_refused_and_no_other),
        cmocka_unit_test(every_bit_of_a_key_counts),
        cmocka_unit_test(an_id_and_a_subject_of_the_same_bytes_are_apart),
        cmocka_unit_test(a_subject_is_refused_before_its_not_before),
        cmocka_unit_test(everyone_is_refused_before_their_not_before),
        cmocka_unit_test(the_earliest_login_is_the_later_of_the_subjects_and_everyones),
        cmocka_unit_test(copies_from_just_before_are_good_for_the_grace_and_older_ones_are_not),
        cmocka_unit_test(of_two_renewals_the_larger_count_wins_with_its_time),
        cmocka_unit_test(joining_a_renewal_does_not_prolong_its_grace),
        cmocka_unit_test(of_two_that_renew_one_copy_the_first_wins_and_the_other_is_told),
        cmocka_unit_test(a_copy_in_its_grace_is_superseded_unless_something_refuses_it),
        cmocka_unit_test(a_revoked_session_stays_revoked_whatever_is_renewed),
        cmocka_unit_test(a_session_revoked_twice_keeps_the_later_time),
        cmocka_unit_test(not_before_lies_a_skew_ahead_and_later_each_time),
        cmocka_unit_test(a_given_not_before_only_rises),
        cmocka_unit_test(revoking_a_subject_and_everyone_in_the_same_millisecond_refuses_both),
        cmocka_unit_test(a_clock_that_went_back_too_far_cannot_set_not_before),
        cmocka_unit_test(everyones_not_before_stops_a_subjects_that_the_clock_cannot_pass),
        cmocka_unit_test(a_subject_far_ahead_does_not_keep_everyone_from_being_revoked),
        cmocka_unit_test(an_entry_may_lie_two_skews_ahead_and_no_more),
        cmocka_unit_test(with_the_least_skew_several_not_befores_fit_a_millisecond),
        cmocka_unit_test(at_the_end_of_time_nothing_overflows),
        cmocka_unit_test(the_first_millisecond_is_a_time_like_any_other),
        cmocka_unit_test(hostile_entries_are_refused_and_leave_no_trace),
        cmocka_unit_test(many_entries_are_taken_as_if_they_came_one_by_one),
        cmocka_unit_test(many_entries_are_taken_up_to_the_first_that_cannot_be),
        cmocka_unit_test(all_entries_are_listed_with_key_time_and_count),
        cmocka_unit_test(no_more_entries_are_copied_than_there_is_room_for),
    };
    return cmocka_run_group_tests_name("table", tests, make_table_keys, free_table_keys);
}
