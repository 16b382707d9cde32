/* Searching a table, and walking over it, while another process changes what is looked at. */
#include "table_helpers.h"

#include "folder.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "table_memory.h"

static const wafer_revocations_interface *const list = &wafer_table_interface;

/* ---- Rebuilt in the middle of a search ---- */

static struct wafer_table *searched;
static volatile sig_atomic_t rebuilds;

static void *tags_of(struct wafer_table *table)
{
    return (void *)table->half[wafer_table_generation(table) & 1].tags;
}

static void protect(struct wafer_table *table, void *tags, int protection)
{
    assert_int_equal(mprotect(tags, table->half_size, protection), 0);
}

/* The search stands at its first look into the half in use. Another process would do this. */
static void rebuild_under_the_search(int number)
{
    void *tags = tags_of(searched);
    size_t dropped;
    (void)number;
    protect(searched, tags, PROT_READ | PROT_WRITE);
    assert_int_equal(wafer_table_rebuild(searched, 0, &dropped), 0);
    rebuilds++;
}

/* The next search in the table is disturbed. */
static void disturb(struct wafer_table *table)
{
    searched = table;
    rebuilds = 0;
    protect(table, tags_of(table), PROT_NONE);
}

static void a_search_during_which_the_table_is_rebuilt_is_repeated(void **state)
{
    const struct folder *folder = *state;
    struct wafer_table *table = table_file(folder->file, WAFER_ACCESS_CREATE);
    const struct sigaction action = {.sa_handler = rebuild_under_the_search};
    struct sigaction before;
    int64_t login_ms = table_add(table, NOW, WAFER_REVOKE_SUBJECT, 7, 0, 0);
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);

    disturb(table);
    assert_int_equal(table_login_from(table, 7), login_ms);
    assert_int_equal(rebuilds, 1);
    disturb(table);
    assert_true(table_refuses_session(table, 1));
    assert_int_equal(rebuilds, 1);
    disturb(table);
    assert_true(table_refuses(table, NOW, 2, &(uint32_t){7}, login_ms - 1, 0));
    assert_int_equal(rebuilds, 1);

    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
    list->free(table);
}

static void a_search_for_what_is_in_an_empty_slot_ends_nowhere(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(64);
    uint64_t ends = 0;
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    for (uint64_t index = 0; index < wafer_table_slots(table); index++)
        ends += wafer_table_ends_at(table, index);
    assert_int_equal(ends, 1);
    list->free(table);
}

static _Atomic uint64_t *to_mend; /* when it is asked for the third time which half is in use */
static uint64_t mended;
static unsigned questions;

uint64_t __real_wafer_table_generation(const struct wafer_table *table);
uint64_t __wrap_wafer_table_generation(const struct wafer_table *table);
uint64_t __wrap_wafer_table_generation(const struct wafer_table *table)
{
    if (to_mend != NULL && ++questions == 3) {
        atomic_store(to_mend, mended);
        atomic_fetch_add(&table->header->generation, 2);
    }
    return __real_wafer_table_generation(table);
}

/* What is wrong there is of no account, for the half is in use no more. */
static void a_half_that_is_left_while_a_reader_looks_at_it_is_looked_at_again(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(64);
    uint64_t index = 0;
    table_add(table, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    while (!wafer_table_ends_at(table, index))
        index++;
    to_mend = &table->half[0].rests[index].word;
    mended = atomic_load(to_mend);
    for (int is_left = 0; is_left < 2; is_left++) {
        atomic_store(to_mend, UINT64_MAX);
        questions = is_left ? 0 : 10; /* in the first round nobody mends it */
        assert_int_equal(wafer_table_is_readable(table), is_left);
    }
    assert_int_equal(questions, 4); /* and not once more, as it was good */
    to_mend = NULL;
    list->free(table);
}

/* With an index key that has both begin at one place. */
static void an_id_is_not_taken_for_a_subject_of_the_same_bytes_on_the_way(void **state)
{
    (void)state;
    struct wafer_table *table = table_make(64);
    table->fixed.index_key[5] = table->fixed.index_key[4];
    for (uint32_t number = 0; number < 50; number++) {
        wafer_revocation_kind first = number % 2 ? WAFER_REVOKE_SESSION : WAFER_REVOKE_SUBJECT;
        wafer_revocation_kind second = number % 2 ? WAFER_REVOKE_SUBJECT : WAFER_REVOKE_SESSION;
        int64_t now_ms = NOW + number;
        int64_t times_ms[] = {table_add(table, now_ms, first, number, 0, 0),
                              table_add(table, now_ms, second, number, 0, 0)};
        assert_int_equal(table_login_from(table, number), times_ms[number % 2]);
        assert_true(table_refuses_session(table, number));
        assert_int_equal(table_drop(table, NOW + 2 * LIFE), 2);
    }
    list->free(table);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_search_during_which_the_table_is_rebuilt_is_repeated),
        cmocka_unit_test(a_search_for_what_is_in_an_empty_slot_ends_nowhere),
        cmocka_unit_test(a_half_that_is_left_while_a_reader_looks_at_it_is_looked_at_again),
        cmocka_unit_test(an_id_is_not_taken_for_a_subject_of_the_same_bytes_on_the_way),
    };
    return cmocka_run_group_tests_name("table searches", tests, make_table_keys, free_table_keys);
}
