/* The journal while others have it: its lock is waited for, but not for ever; it passes over those
 * who were killed and those who were forked; time goes by meanwhile. */
#include "journal.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>

#define PATIENCE 20 /* seconds after which one that is stuck ends */

/* ---- The shim ---- */

/* What a test does once, when the library gets there. */
struct hook {
    void (*call)(void *context);
    void *context;
};

static struct hook on_wait;   /* somebody else has a lock */
static struct hook on_close;  /* the journal is closed, under its lock */
static struct hook on_write;  /* a transaction that writes begins */
static struct hook on_commit; /* and is committed */

static bool waits_take_no_time;
static unsigned waits;
static int64_t waited_ms; /* or would have */

static unsigned steps_to_live; /* 0: no end is near; a step is a call below, before and after */
static int locked;             /* the descriptor that was locked last */

static void run_once(struct hook *hook)
{
    struct hook taken = *hook;

    *hook = (struct hook){NULL, NULL};
    if (taken.call != NULL)
        taken.call(taken.context);
}

/* Or stops, to be killed from outside. */
static void live_on(void)
{
    if (steps_to_live > 0 && --steps_to_live == 0)
        (void)raise(SIGSTOP);
}

int __real_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
    waits++;
    waited_ms += (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
    run_once(&on_wait);
    return waits_take_no_time ? 0 : __real_nanosleep(time, rest);
}

int __real_flock(int file, int operation);
int __wrap_flock(int file, int operation);
int __wrap_flock(int file, int operation)
{
    live_on();
    int result = __real_flock(file, operation);
    if (result == 0 && operation != LOCK_UN)
        locked = file;
    live_on();
    return result;
}

void __real_mdb_env_close(MDB_env *env);
void __wrap_mdb_env_close(MDB_env *env);
void __wrap_mdb_env_close(MDB_env *env)
{
    run_once(&on_close);
    live_on();
    __real_mdb_env_close(env);
    live_on();
}

int __real_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);
int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);
int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    if ((flags & MDB_RDONLY) == 0)
        run_once(&on_write);
    return __real_mdb_txn_begin(env, parent, flags, txn);
}

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn)
{
    run_once(&on_commit);
    return __real_mdb_txn_commit(txn);
}

static int waits_setup(void **state)
{
    on_wait = on_close = on_write = on_commit = (struct hook){NULL, NULL};
    waits_take_no_time = false;
    waits = 0;
    waited_ms = 0;
    (void)alarm(4 * PATIENCE);
    return journal_setup(state);
}

/* ---- Another process ---- */

enum work { WORK_OPEN, WORK_FREE, WORK_LOG_OUT, WORK_LOG_ALL_OUT, WORK_LOCK, WORK_UNLOCK };

struct order {
    enum work work;
    uint32_t number; /* whom to log out */
    int64_t now_ms;
    char path[128]; /* what to lock */
};

enum { ANSWER_FAILED = 'n', ANSWER_DONE = 'y', ANSWER_WAITS = 'w' };

/* Does what it is told, one thing after the other, with a list that it was forked with. */
struct other {
    pid_t pid;
    int line; /* orders go down, answers come up */
};

static void tell_that_it_waits(void *line)
{
    char answer = ANSWER_WAITS;

    if (write(*(const int *)line, &answer, 1) != 1)
        _exit(1);
}

static bool log_all_out(wafer_revocations *list, uint32_t number)
{
    wafer_revocation subject = entry_of(WAFER_REVOKE_SUBJECT, number, 0, 0);

    return log_out(list, number) == WAFER_OK && wafer_revoke_everyone(list) == WAFER_OK &&
           wafer_revocations_apply(list, now_ms, &subject) == WAFER_OK;
}

static bool do_work(const struct folder *folder, wafer_revocations **list, int *lock,
                    const struct order *order)
{
    wafer_revocations_settings table = table_settings(10000);

    switch (order->work) {
    case WORK_OPEN:
        return try_open(folder->file, &table, 0, list, NULL) == WAFER_OK;
    case WORK_FREE:
        wafer_revocations_free(*list);
        return true;
    case WORK_LOG_OUT:
        return log_out(*list, order->number) == WAFER_OK;
    case WORK_LOG_ALL_OUT:
        return log_all_out(*list, order->number);
    case WORK_LOCK:
        *lock = open(order->path, O_RDONLY);
        return *lock >= 0 && __real_flock(*lock, LOCK_EX | LOCK_NB) == 0;
    case WORK_UNLOCK:
        return close(*lock) == 0;
    }
    return false;
}

/* Until it is killed, without a word to leak checkers: what threads that are not in it hold is lost
 * there, whoever allocated it. */
static _Noreturn void serve(const struct folder *folder, wafer_revocations *list, int line)
{
    struct order order;
    int lock = -1;

    (void)alarm(PATIENCE);
    for (;;) {
        if (read(line, &order, sizeof order) != (ssize_t)sizeof order)
            _exit(1);
        now_ms = order.now_ms;
        on_wait = (struct hook){tell_that_it_waits, &line};
        char answer = do_work(folder, &list, &lock, &order) ? ANSWER_DONE : ANSWER_FAILED;
        if (write(line, &answer, 1) != 1)
            _exit(1);
    }
}

static void make_line(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static struct other other_of(const struct folder *folder, wafer_revocations *list)
{
    int ends[2];

    make_line(ends);
    struct other other = {fork(), ends[0]};
    assert_true(other.pid >= 0);
    (void)close(ends[other.pid == 0 ? 0 : 1]);
    if (other.pid == 0)
        serve(folder, list, ends[1]);
    return other;
}

static void other_ends(struct other other)
{
    assert_int_equal(kill(other.pid, SIGKILL), 0);
    assert_int_equal(waitpid(other.pid, NULL, 0), other.pid);
    assert_int_equal(close(other.line), 0);
}

static void send_order(struct other other, enum work work, uint32_t number, const char *path)
{
    struct order order;

    memset(&order, 0, sizeof order);
    order.work = work;
    order.number = number;
    order.now_ms = now_ms;
    (void)snprintf(order.path, sizeof order.path, "%s", path);
    assert_int_equal(write(other.line, &order, sizeof order), sizeof order);
}

/* 0: none comes any more. */
static char next_answer(struct other other)
{
    char answer;

    return read(other.line, &answer, 1) == 1 ? answer : (char)0;
}

static void does(struct other other, enum work work, uint32_t number)
{
    send_order(other, work, number, "");
    assert_int_equal(next_answer(other), ANSWER_DONE);
}

static void locks(struct other other, const char *path)
{
    send_order(other, WORK_LOCK, 0, path);
    assert_int_equal(next_answer(other), ANSWER_DONE);
}

static bool is_locked(const char *path)
{
    int file = open(path, O_RDONLY);

    assert_true(file >= 0);
    bool taken = __real_flock(file, LOCK_EX | LOCK_NB) != 0;
    assert_int_equal(close(file), 0);
    return taken;
}

/* ---- How long ---- */

/* Half a minute or so, and then on to whatever there is to say. */
static void assert_waited_long_but_not_for_ever(void)
{
    assert_in_range(waited_ms, 10000, 60000);
    waited_ms = 0;
}

static void a_lock_that_is_never_given_back_is_an_error_after_a_while(void **state)
{
    struct folder *folder = *state;
    struct other other = other_of(folder, NULL);

    wafer_revocations_free(open_list(folder));
    locks(other, folder->file);
    size_t descriptors = open_descriptors();
    waits_take_no_time = true;
    wafer_error error = open_fails(folder);
    assert_int_equal(open_descriptors(), descriptors);
    assert_waited_long_but_not_for_ever();
    assert_int_equal(error.result, WAFER_SYSTEM);
    assert_int_equal(error.system, EWOULDBLOCK);
    assert_non_null(strstr(error.text, "the journal cannot be used"));
    assert_non_null(strstr(error.text, folder->file));
    does(other, WORK_UNLOCK, 0);
    wafer_revocations_free(open_list(folder));
    other_ends(other);
}

static void a_lock_that_is_never_given_back_does_not_keep_anybody_from_closing(void **state)
{
    struct folder *folder = *state;
    struct other other = other_of(folder, NULL);
    size_t descriptors = open_descriptors();
    wafer_revocations *list = open_list(folder);

    assert_int_equal(log_out(list, 1), WAFER_OK);
    locks(other, folder->file);
    waits_take_no_time = true;
    wafer_revocations_free(list);
    assert_int_equal(open_descriptors(), descriptors);
    assert_waited_long_but_not_for_ever();
    other_ends(other);
    list = open_list(folder);
    assert_true(refuses(list, 1));
    wafer_revocations_free(list);
}

static void a_child_that_does_not_get_the_lock_says_so_and_may_try_again(void **state)
{
    struct folder *folder = *state;
    struct other holder = other_of(folder, NULL);
    wafer_revocations *list = open_list(folder);

    locks(holder, folder->file);
    waits_take_no_time = true;
    struct other child = other_of(folder, list);
    send_order(child, WORK_LOG_OUT, 1, "");
    assert_int_equal(next_answer(child), ANSWER_WAITS);
    assert_int_equal(next_answer(child), ANSWER_FAILED);
    assert_false(refuses(list, 1));
    does(holder, WORK_UNLOCK, 0);
    does(child, WORK_LOG_OUT, 1);
    assert_true(refuses(list, 1));
    other_ends(child);
    other_ends(holder);
    wafer_revocations_free(list);
}

static void unlock(void *other)
{
    does(*(const struct other *)other, WORK_UNLOCK, 0);
}

static void a_lock_that_is_given_back_is_taken(void **state)
{
    struct folder *folder = *state;
    struct other other = other_of(folder, NULL);
    wafer_revocations *list = open_list(folder);

    assert_int_equal(log_out(list, 1), WAFER_OK);
    wafer_revocations_free(list);
    locks(other, folder->file);
    on_wait = (struct hook){unlock, &other};
    list = open_list(folder);
    assert_int_equal(waits, 1);
    assert_true(refuses(list, 1));
    locks(other, folder->file);
    on_wait = (struct hook){unlock, &other};
    wafer_revocations_free(list);
    assert_int_equal(waits, 2);
    assert_false(is_locked(folder->file));
    other_ends(other);
}

/* ---- Killed while closing ---- */

/* Opens, revokes, forks one that lives on, closes. */
static _Noreturn void close_and_be_killed(const struct folder *folder, unsigned steps, int line)
{
    wafer_revocations_settings table = table_settings(10000);
    wafer_revocations *list = NULL;

    if (try_open(folder->file, &table, 0, &list, NULL) != WAFER_OK)
        _exit(2);
    for (uint32_t number = 0; number < 3; number++)
        if (log_out(list, number) != WAFER_OK)
            _exit(3);
    pid_t worker = fork();
    if (worker == 0)
        serve(folder, list, line);
    if (worker < 0 || write(line, &worker, sizeof worker) != (ssize_t)sizeof worker)
        _exit(4);
    steps_to_live = steps;
    wafer_revocations_free(list);
    _exit(0);
}

/* False when it was not: so many steps it does not take. */
static bool closes_and_is_killed(const struct folder *folder, unsigned steps)
{
    int ends[2];
    int status;

    make_line(ends);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        close_and_be_killed(folder, steps, ends[1]);
    }
    assert_true(child > 0);
    (void)close(ends[1]);
    struct other worker = {-1, ends[0]};
    assert_int_equal(read(worker.line, &worker.pid, sizeof worker.pid), sizeof worker.pid);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    bool is_killed = WIFSTOPPED(status);
    if (is_killed) {
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
    } else {
        assert_int_equal(status, 0);
    }

    wafer_revocations *list = open_list(folder);
    for (uint32_t number = 0; number < 3; number++)
        assert_true(refuses(list, number));
    assert_int_equal(log_out(list, 10), WAFER_OK);
    does(worker, WORK_LOG_OUT, 11);
    wafer_revocations_free(list);
    list = open_list(folder);
    assert_int_equal(status_of(list).entries, 5);
    wafer_revocations_free(list);
    assert_int_equal(waits, 0);
    assert_int_equal(kill(worker.pid, SIGKILL), 0);
    assert_int_equal(close(worker.line), 0);
    (void)folder_empty(folder, true);
    return is_killed;
}

static void who_is_killed_while_closing_is_in_nobodys_way(void **state)
{
    unsigned steps = 1;

    while (closes_and_is_killed(*state, steps))
        steps++;
    /* Before and after the lock is taken, the environment closed, the lock given back. */
    assert_int_equal(steps, 7);
}

/* ---- Forked ---- */

struct closing {
    struct folder *folder;
    struct other idle;    /* has not revoked */
    struct other active;  /* has, so it has opened the journal itself */
    struct other opening; /* does now */
    bool was_locked;
    bool made_them_wait;
    int copy; /* of the lock's descriptor, as a process that is forked then would have */
};

/* While the parent closes the journal. A test must not end in here. */
static void let_children_try(void *context)
{
    struct closing *closing = context;

    closing->was_locked = is_locked(closing->folder->file);
    does(closing->idle, WORK_FREE, 0);
    closing->was_locked = closing->was_locked && is_locked(closing->folder->file);
    send_order(closing->active, WORK_FREE, 0, "");
    closing->made_them_wait = next_answer(closing->active) == ANSWER_WAITS;
    send_order(closing->opening, WORK_LOG_OUT, 3, "");
    closing->made_them_wait = next_answer(closing->opening) == ANSWER_WAITS &&
                              closing->made_them_wait;
    closing->was_locked = closing->was_locked && is_locked(closing->folder->file);
    closing->copy = dup(locked);
}

static void children_have_no_part_in_their_parents_lock(void **state)
{
    struct folder *folder = *state;
    wafer_revocations *list = open_list(folder);
    struct closing closing = {
        .folder = folder,
        .idle = other_of(folder, list),
        .active = other_of(folder, list),
        .opening = other_of(folder, list),
    };

    assert_int_equal(log_out(list, 1), WAFER_OK);
    does(closing.active, WORK_LOG_OUT, 2);
    on_close = (struct hook){let_children_try, &closing};
    wafer_revocations_free(list);
    assert_true(closing.was_locked);
    assert_true(closing.made_them_wait);
    assert_int_equal(next_answer(closing.active), ANSWER_DONE);
    assert_int_equal(next_answer(closing.opening), ANSWER_DONE);
    assert_false(is_locked(folder->file));
    assert_int_equal(close(closing.copy), 0);
    list = open_list(folder);
    assert_true(refuses(list, 1) && refuses(list, 2) && refuses(list, 3));
    wafer_revocations_free(list);
    other_ends(closing.idle);
    other_ends(closing.active);
    other_ends(closing.opening);
}

/* A thread that stops where a hook is. */
struct stop {
    const struct folder *folder;
    wafer_revocations *list;
    struct other holder;
    sem_t reached;
    sem_t go_on;
};

static void wait_to_go_on(void *context)
{
    struct stop *stop = context;

    assert_int_equal(sem_post(&stop->reached), 0);
    assert_int_equal(sem_wait(&stop->go_on), 0);
}

/* Who forks now waits for it, so it goes on by itself. */
static void stay_a_moment(void *context)
{
    const struct timespec moment = {0, 50000000};
    struct stop *stop = context;

    assert_int_equal(sem_post(&stop->reached), 0);
    (void)__real_nanosleep(&moment, NULL);
}

static void stay_a_moment_and_unlock(void *context)
{
    struct stop *stop = context;

    stay_a_moment(stop);
    does(stop->holder, WORK_UNLOCK, 0);
}

static void *log_out_in_thread(void *context)
{
    struct stop *stop = context;

    return log_out(stop->list, 1) == WAFER_OK ? stop : NULL;
}

static void *close_in_thread(void *context)
{
    struct stop *stop = context;

    wafer_revocations_free(stop->list);
    return stop;
}

static void *open_in_thread(void *context)
{
    struct stop *stop = context;

    stop->list = open_list(stop->folder);
    return stop;
}

static pthread_t start_until_stop(struct stop *stop, void *(*run)(void *context))
{
    pthread_t thread;

    assert_int_equal(sem_init(&stop->reached, 0, 0), 0);
    assert_int_equal(sem_init(&stop->go_on, 0, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, run, stop), 0);
    assert_int_equal(sem_wait(&stop->reached), 0);
    return thread;
}

static void join(pthread_t thread, struct stop *stop)
{
    void *result;

    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, stop);
    (void)sem_destroy(&stop->reached);
    (void)sem_destroy(&stop->go_on);
}

static void a_child_forked_in_the_middle_of_a_write_is_not_stuck(void **state)
{
    struct stop stop = {.folder = *state, .list = open_list(*state)};

    on_commit = (struct hook){wait_to_go_on, &stop};
    pthread_t thread = start_until_stop(&stop, log_out_in_thread);
    struct other child = other_of(*state, stop.list);
    send_order(child, WORK_LOG_OUT, 2, "");
    assert_int_equal(sem_post(&stop.go_on), 0);
    join(thread, &stop);
    assert_int_equal(next_answer(child), ANSWER_DONE);
    other_ends(child);
    wafer_revocations_free(stop.list);
    stop.list = open_list(*state);
    assert_true(refuses(stop.list, 1) && refuses(stop.list, 2));
    wafer_revocations_free(stop.list);
}

static void a_child_forked_while_a_thread_closes_the_journal_is_not_stuck(void **state)
{
    struct stop stop = {.folder = *state, .list = open_list(*state)};

    on_close = (struct hook){stay_a_moment, &stop};
    pthread_t thread = start_until_stop(&stop, close_in_thread);
    struct other child = other_of(*state, NULL);
    does(child, WORK_OPEN, 0);
    does(child, WORK_LOG_OUT, 1);
    join(thread, &stop);
    other_ends(child);
    stop.list = open_list(*state);
    assert_true(refuses(stop.list, 1));
    wafer_revocations_free(stop.list);
}

static void a_child_forked_while_a_thread_waits_for_the_journal_is_not_stuck(void **state)
{
    struct folder *folder = *state;
    struct stop stop = {.folder = folder, .holder = other_of(folder, NULL)};

    wafer_revocations_free(open_list(folder));
    locks(stop.holder, folder->file);
    on_wait = (struct hook){stay_a_moment_and_unlock, &stop};
    pthread_t thread = start_until_stop(&stop, open_in_thread);
    struct other child = other_of(folder, NULL);
    does(child, WORK_OPEN, 0);
    does(child, WORK_LOG_OUT, 1);
    join(thread, &stop);
    assert_int_equal(log_out(stop.list, 2), WAFER_OK);
    wafer_revocations_free(stop.list);
    other_ends(child);
    other_ends(stop.holder);
    stop.list = open_list(folder);
    assert_true(refuses(stop.list, 1) && refuses(stop.list, 2));
    wafer_revocations_free(stop.list);
}

/* ---- Time goes by ---- */

struct delay {
    struct other other;
    bool is_locked;
    bool revokes;
};

/* Longer than what one clock may be ahead of another. */
static void let_time_go_by(void *context)
{
    struct delay *delay = context;

    now_ms += 10 * SKEW;
    if (delay->revokes)
        does(delay->other, WORK_LOG_ALL_OUT, 2);
    if (delay->is_locked)
        does(delay->other, WORK_UNLOCK, 0);
}

static void assert_has_all(wafer_revocations *list)
{
    assert_true(refuses(list, 1) && refuses(list, 2));
    assert_true(login_from(list, 2) > now_ms);
    assert_true(status_of(list).not_before_ms > now_ms);
}

static void what_is_revoked_while_somebody_waits_for_a_lock_is_not_in_the_future(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000);
    char path[128];

    (void)snprintf(path, sizeof path, "%s/table", folder->path);
    table.path = path;
    wafer_revocations *list = open_table(folder, &table);
    struct delay delay = {other_of(folder, list), true, true};
    wafer_revocations_free(list);
    does(delay.other, WORK_LOG_OUT, 1);
    for (unsigned i = 0; i < 2; i++) {
        locks(delay.other, i == 0 ? path : folder->file);
        on_wait = (struct hook){let_time_go_by, &delay};
        list = open_table(folder, &table);
        assert_int_equal(waits, i + 1);
        assert_has_all(list);
        wafer_revocations_free(list);
    }
    other_ends(delay.other);
    assert_int_equal(unlink(path), 0);
    list = open_table(folder, &table);
    assert_has_all(list);
    wafer_revocations_free(list);
}

static void what_is_revoked_while_somebody_waits_to_write_is_not_in_the_future(void **state)
{
    wafer_revocations_settings table = table_settings(1000);
    wafer_revocations *list = open_table(*state, &table);
    struct delay delay = {other_of(*state, list), false, true};

    wafer_revocations_free(list);
    does(delay.other, WORK_LOG_OUT, 1);
    table.retention_ms++; /* which the journal is told */
    on_write = (struct hook){let_time_go_by, &delay};
    list = open_table(*state, &table);
    assert_int_equal(now_ms, NOW + 10 * SKEW);
    assert_has_all(list);
    wafer_revocations_free(list);
    other_ends(delay.other);
}

static void a_new_journal_refuses_who_was_there_when_the_waiting_ended(void **state)
{
    struct folder *folder = *state;
    wafer_revocations_settings table = table_settings(1000);
    wafer_revocations *list;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/table", folder->path);
    table.path = path;
    table.on_start = WAFER_START_REFUSES_OLDER;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(wafer_revocations_new(&table, &list, NULL), WAFER_OK);
        struct delay delay = {other_of(folder, list), true, i == 1};
        wafer_revocations_free(list);
        does(delay.other, WORK_LOG_OUT, 1);
        locks(delay.other, path);
        on_wait = (struct hook){let_time_go_by, &delay};
        list = open_table(folder, &table);
        assert_int_equal(waits, i + 1);
        assert_true(status_of(list).not_before_ms > now_ms);
        if (i == 1)
            assert_has_all(list);
        wafer_revocations_free(list);
        other_ends(delay.other);
        (void)folder_empty(folder, true);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, waits_setup, folder_remove)
    const struct CMUnitTest tests[] = {
        TEST(a_lock_that_is_never_given_back_is_an_error_after_a_while),
        TEST(a_lock_that_is_never_given_back_does_not_keep_anybody_from_closing),
        TEST(a_child_that_does_not_get_the_lock_says_so_and_may_try_again),
        TEST(a_lock_that_is_given_back_is_taken),
        TEST(who_is_killed_while_closing_is_in_nobodys_way),
        TEST(children_have_no_part_in_their_parents_lock),
        TEST(a_child_forked_in_the_middle_of_a_write_is_not_stuck),
        TEST(a_child_forked_while_a_thread_closes_the_journal_is_not_stuck),
        TEST(a_child_forked_while_a_thread_waits_for_the_journal_is_not_stuck),
        TEST(what_is_revoked_while_somebody_waits_for_a_lock_is_not_in_the_future),
        TEST(what_is_revoked_while_somebody_waits_to_write_is_not_in_the_future),
        TEST(a_new_journal_refuses_who_was_there_when_the_waiting_ended),
    };
#undef TEST

    return cmocka_run_group_tests_name("lmdb_waits", tests, NULL, NULL);
}
