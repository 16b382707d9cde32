#include "table_workers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORD      "worker" /* the first argument of a started one */
#define PATIENCE  120      /* seconds after which one whose test has died ends */
#define PATH_SIZE 4096

enum work { WORK_REVOKE, WORK_CHECK, WORK_LOGIN_FROM, WORK_PURGE, WORK_RETAIN, WORK_REOPEN };

/* Both are zeroed before they are filled, so that no padding is written anywhere. */
struct order {
    enum work work;
    wafer_revocation entry;
    uint8_t id[WAFER_ID_SIZE];
    uint8_t subject[WAFER_ID_SIZE];
    bool has_subject;
    uint32_t renewals;
    int64_t now_ms;
    int64_t at_ms; /* login, or retention */
};

struct answer {
    wafer_result result;
    wafer_revocation entry;
    wafer_standing standing;
    int64_t at_ms;
    size_t dropped;
};

static const wafer_revocations_interface *const list = &wafer_table_interface;

/* ---- The worker ---- */

static void copy_entry(wafer_revocation *to, const wafer_revocation *from)
{
    to->kind = from->kind;
    memcpy(to->key, from->key, sizeof to->key);
    to->at_ms = from->at_ms;
    to->renewals = from->renewals;
}

static wafer_result open_table(const char *path, wafer_access access, void **table)
{
    wafer_revocations_settings settings = table_file_settings(path);

    settings.access = access;
    return wafer_table_new(&settings, table, NULL);
}

static void do_work(void **table, const char *path, wafer_access access, struct order *order,
                    struct answer *answer)
{
    const wafer_revocation_query query = {
        .id = order->id,
        .subject = order->has_subject ? order->subject : NULL,
        .login_at_ms = order->at_ms,
        .now_ms = order->now_ms,
        .renewals = order->renewals,
    };

    switch (order->work) {
    case WORK_REVOKE:
        answer->result = list->revoke(*table, order->now_ms, &order->entry);
        copy_entry(&answer->entry, &order->entry);
        break;
    case WORK_CHECK:
        answer->result = list->check(*table, &query, &answer->standing);
        break;
    case WORK_LOGIN_FROM:
        answer->result = list->not_before(*table, order->subject, &answer->at_ms);
        break;
    case WORK_PURGE:
        answer->result = list->purge(*table, order->now_ms, &answer->dropped);
        break;
    case WORK_RETAIN:
        answer->result = list->retain(*table, order->at_ms);
        break;
    case WORK_REOPEN:
        list->free(*table);
        answer->result = open_table(path, access, table);
        break;
    }
}

static _Noreturn void work(int line, void *table, const char *path, wafer_access access)
{
    struct order order;

    (void)alarm(PATIENCE);
    if (table == NULL && open_table(path, access, &table) != WAFER_OK)
        _exit(1);
    while (read(line, &order, sizeof order) == (ssize_t)sizeof order) {
        struct answer answer;
        memset(&answer, 0, sizeof answer);
        do_work(&table, path, access, &order, &answer);
        if (write(line, &answer, sizeof answer) != (ssize_t)sizeof answer)
            _exit(1);
    }
    list->free(table);
    _exit(0);
}

void worker_main(int count, char **arguments)
{
    if (count == 4 && strcmp(arguments[1], WORD) == 0)
        work(STDIN_FILENO, NULL, arguments[2],
             arguments[3][0] == 'r' ? WAFER_ACCESS_READ : WAFER_ACCESS_WRITE);
}

/* ---- The test's side ---- */

/* Forks; in the child *line is its end. */
static struct worker fork_worker(int *line)
{
    struct worker worker;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    worker.pid = fork();
    assert_true(worker.pid >= 0);
    (void)close(ends[worker.pid == 0 ? 0 : 1]);
    *line = ends[1];
    worker.line = ends[0];
    return worker;
}

struct worker worker_of(void *table)
{
    int line;
    struct worker worker = fork_worker(&line);

    if (worker.pid == 0)
        work(line, table, NULL, WAFER_ACCESS_CREATE);
    return worker;
}

struct worker worker_forked(const char *path, wafer_access access)
{
    int line;
    struct worker worker = fork_worker(&line);

    if (worker.pid == 0)
        work(line, NULL, path, access);
    return worker;
}

struct worker worker_started(const char *path, wafer_access access)
{
    char program[PATH_SIZE];
    char word[] = WORD;
    char file[PATH_SIZE];
    char right[] = {access == WAFER_ACCESS_READ ? 'r' : 'w', '\0'};
    char *runner = getenv("WAFER_TEST_RUNNER"); /* an emulator that runs this program */
    char *arguments[] = {runner, program, word, file, right, NULL};
    char **command = arguments + (runner == NULL);
    int line;
    /* By its name, because a program that runs others inside itself has another /proc/self/exe. */
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    assert_true(length > 0);
    program[length] = '\0';
    (void)snprintf(file, sizeof file, "%s", path);
    struct worker worker = fork_worker(&line);
    if (worker.pid == 0) {
        if (dup2(line, STDIN_FILENO) == STDIN_FILENO)
            (void)execvp(command[0], command);
        _exit(1);
    }
    return worker;
}

void worker_end(struct worker worker)
{
    /* Others may hold copies of this end. */
    assert_int_equal(shutdown(worker.line, SHUT_RDWR), 0);
    assert_int_equal(close(worker.line), 0);
    child_succeeds(worker.pid);
}

static struct answer ask(struct worker worker, const struct order *order)
{
    struct answer answer;

    assert_int_equal(write(worker.line, order, sizeof *order), sizeof *order);
    assert_int_equal(read(worker.line, &answer, sizeof answer), sizeof answer);
    return answer;
}

static void start_order(struct order *order, enum work work, int64_t now_ms)
{
    memset(order, 0, sizeof *order);
    order->work = work;
    order->now_ms = now_ms;
}

wafer_result worker_revoke(struct worker worker, int64_t now_ms, wafer_revocation *entry)
{
    struct order order;

    start_order(&order, WORK_REVOKE, now_ms);
    copy_entry(&order.entry, entry);
    struct answer answer = ask(worker, &order);
    *entry = answer.entry;
    return answer.result;
}

wafer_standing worker_check(struct worker worker, int64_t now_ms, uint32_t id,
                            const uint32_t *subject, int64_t login_at_ms, uint32_t renewals)
{
    struct order order;

    start_order(&order, WORK_CHECK, now_ms);
    memcpy(order.id, &id, sizeof id);
    if (subject != NULL)
        memcpy(order.subject, subject, sizeof *subject);
    order.has_subject = subject != NULL;
    order.at_ms = login_at_ms;
    order.renewals = renewals;
    struct answer answer = ask(worker, &order);
    assert_int_equal(answer.result, WAFER_OK);
    return answer.standing;
}

int64_t worker_login_from(struct worker worker, uint32_t subject)
{
    struct order order;

    start_order(&order, WORK_LOGIN_FROM, 0);
    memcpy(order.subject, &subject, sizeof subject);
    struct answer answer = ask(worker, &order);
    assert_int_equal(answer.result, WAFER_OK);
    return answer.at_ms;
}

wafer_result worker_purge(struct worker worker, int64_t now_ms, size_t *dropped)
{
    struct order order;

    start_order(&order, WORK_PURGE, now_ms);
    struct answer answer = ask(worker, &order);
    *dropped = answer.dropped;
    return answer.result;
}

wafer_result worker_retain(struct worker worker, int64_t retention_ms)
{
    struct order order;

    start_order(&order, WORK_RETAIN, 0);
    order.at_ms = retention_ms;
    return ask(worker, &order).result;
}

void worker_reopen(struct worker worker)
{
    struct order order;

    start_order(&order, WORK_REOPEN, 0);
    assert_int_equal(ask(worker, &order).result, WAFER_OK);
}
