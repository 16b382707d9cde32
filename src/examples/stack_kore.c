/* The example on kore: a module, which the program kore loads, as its configuration tells it to;
 * tests/stacks/kore.sh writes one. The key file is named by the environment, for lack of options.
 *
 * kore's parent process makes keys, list and manager; workers are its children and share the list.
 * Pool and count of sessions are each worker's own. A request for /later is answered by a task, in
 * a thread of the worker, so its session lives until kore frees the request, however it ended. */
#include "application.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <wafer/kore.h>

#include <kore/hooks.h>
#include <kore/seccomp.h>
#include <kore/tasks.h>

#define PAUSE 1000000 /* nanoseconds */

/* What kore looks up by name. */
#define EXPORT __attribute__((visibility("default")))

int answer(struct http_request *http);

/* One request. It belongs to the worker's own thread but for the time from kore_task_run to the
 * task's end. kore frees it after its last look at the task. */
struct exchange {
    struct kore_task task;
    struct request request; /* points into kore's and this */
    wafer_session *session; /* NULL for paths without one */
    wafer_verdict verdict;
    bool later; /* the task has it or had it */
    char body[APPLICATION_BODY_MAX + 1];
    struct answer answer;
};

static struct application *application; /* made before kore forks its workers */
static atomic_uint tasks;               /* of this worker, that are under way */

/* ---- One request ------------------------------------------------------------------------ */

/* On every path; also, and more than once, while a task is under way whose client has gone. */
static void give_back(struct http_request *http)
{
    struct exchange *exchange = http_state_get(http);
    struct kore_task *task;

    LIST_FOREACH(task, &http->tasks, rlist)
    {
        if (!kore_task_finished(task))
            return;
    }
    application_give(application, exchange->session);
    exchange->session = NULL;
}

static int send_answer(struct http_request *http, struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;

    for (size_t i = 0; i < answer->field_count; i++)
        http_response_header(http, answer->fields[i].name, answer->fields[i].value);
    if (exchange->session != NULL)
        application_finished(answer, wafer_kore_finish(exchange->session, http));
    http_response_header(http, "Content-Type", "text/plain; charset=utf-8");
    http_response(http, (int)answer->status, answer->text, answer->length);
    return KORE_RESULT_OK;
}

/* The task's thread. */
static int work(struct kore_task *task)
{
    struct exchange *exchange = (struct exchange *)task; /* its first member */

    application_answer_slowly(application, exchange->session, exchange->verdict, &exchange->request,
                              &exchange->answer);
    atomic_fetch_sub(&tasks, 1);
    return KORE_RESULT_OK;
}

/* kore calls the handler once more when the task has ended. */
static int answer_later(struct http_request *http, struct exchange *exchange)
{
    exchange->later = true;
    atomic_fetch_add(&tasks, 1);
    kore_task_create(&exchange->task, work);
    kore_task_bind_request(&exchange->task, http);
    kore_task_run(&exchange->task);
    return KORE_RESULT_RETRY;
}

static bool read_request(struct http_request *http, struct exchange *exchange)
{
    ssize_t length = 0;

    if (http->http_body != NULL)
        length = http_body_read(http, exchange->body, sizeof exchange->body);
    if (length < 0)
        return false;
    exchange->request = (struct request){slice_of_text(http_method_text(http->method)),
                                         slice_of_text(http->path),
                                         {exchange->body, (size_t)length}};
    return true;
}

/* Called once, or for /later, twice. */
EXPORT int answer(struct http_request *http)
{
    struct exchange *exchange = http_state_get(http);

    if (exchange != NULL)
        return send_answer(http, exchange);
    exchange = http_state_create(http, sizeof *exchange, give_back);
    if (!read_request(http, exchange))
        return KORE_RESULT_ERROR;
    if (application_needs_session(&exchange->request)) {
        exchange->session = application_take(application);
        if (exchange->session == NULL)
            return KORE_RESULT_ERROR;
        exchange->verdict = wafer_kore_open(exchange->session, http);
    }
    if (application_is_later(&exchange->request))
        return answer_later(http, exchange);
    application_answer(application, exchange->session, exchange->verdict, &exchange->request,
                       &exchange->answer);
    return send_answer(http, exchange);
}

/* ---- Life and death ----------------------------------------------------------------------- */

/* As the operator hears it from the other examples; the configuration may say port 0. */
static bool tell_address(void)
{
    const struct kore_server *server = LIST_FIRST(&kore_servers);
    const struct listener *listener = server != NULL ? LIST_FIRST(&server->listeners) : NULL;
    struct sockaddr_in address;
    socklen_t size = sizeof address;

    return listener != NULL && getsockname(listener->fd, (struct sockaddr *)&address, &size) == 0 &&
           application_listens(application, ntohs(address.sin_port));
}

/* Signals are kore's business here: the example must not take them. */
static struct application *start_beside(int count, char **arguments, int *status)
{
    static const struct application_traits traits = {.name = "kore"};
    struct application *started;
    struct sigaction interrupt;
    sigset_t mask;

    sigprocmask(SIG_SETMASK, NULL, &mask);
    sigaction(SIGINT, NULL, &interrupt);
    started = application_start(count, arguments, &traits, status);
    sigaction(SIGINT, &interrupt, NULL);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return started;
}

/* The parent process, before there are workers. */
EXPORT void kore_parent_configure(int count, char **rest)
{
    char name[] = "kore";
    char option[] = "--keys";
    char none[] = "";
    char *keys = getenv("WAFER_KEYS");
    char *arguments[] = {name, option, keys != NULL ? keys : none, NULL};
    int status;

    (void)count;
    (void)rest;
    optind = 1; /* kore has been through its own */
    application = start_beside(3, arguments, &status);
    if (application == NULL)
        exit(status);
    if (!tell_address())
        exit(1);
}

EXPORT void kore_parent_teardown(void)
{
    application_end(application);
}

/* What glibc asks of the system for threads and fstat, and kore 4.1, which is older, does not let
 * its workers do: they would be killed. Sessions need nothing more than kore does. */
EXPORT void kore_seccomp_hook(void)
{
    static struct sock_filter newer[] = {
        KORE_SYSCALL_ALLOW(clone3),
        KORE_SYSCALL_ALLOW(rseq),
#ifdef SYS_newfstatat
        KORE_SYSCALL_ALLOW(newfstatat),
#endif
    };

    kore_seccomp_filter("newer", newer, KORE_FILTER_LEN(newer));
}

/* A worker. Its threads must not outlive what they work on. The rest ends with the process, as
 * requests under way still have their sessions. */
EXPORT void kore_worker_teardown(void)
{
    while (atomic_load(&tasks) > 0)
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
}
