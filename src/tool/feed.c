/* wafer feed: mirrors the stream of Redis into this machine's table; its status; the secret. */
#include "tool.h"

#include <getopt.h>
#include <string.h>

#include "../option/terminal_text.h"

#ifdef WAFER_WITH_REDIS

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <wafer/redis.h>

#define YEARS_10 INT64_C(315360000)

struct feed {
    wafer_redis_settings redis;
    wafer_revocations_settings table;
    bool asks_status;
    bool json;
    bool prometheus;
    bool help;
};

/* ---- The command line ------------------------------------------------------------- */

static const struct option known[] =
    {{"redis", required_argument, NULL, 'r'},    {"folder", required_argument, NULL, 'f'},
     {"group", no_argument, NULL, 'g'},          {"stream", required_argument, NULL, 's'},
     {"user", required_argument, NULL, 'u'},     {"password-file", required_argument, NULL, 'p'},
     {"capacity", required_argument, NULL, 'c'}, {"retention", required_argument, NULL, 'n'},
     {"skew", required_argument, NULL, 'k'},     {"status", no_argument, NULL, 'S'},
     {"json", no_argument, NULL, 'j'},           {"prometheus", no_argument, NULL, 'P'},
     {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0}};

static int read_amount(const char *name, const char *value, int64_t least, int64_t most,
                       int64_t *amount)
{
    if (tool_read_number(value, least, most, amount))
        return TOOL_DONE;
    fprintf(stderr, "wafer: %s takes a number from %lld to %lld; see wafer feed --help\n", name,
            (long long)least, (long long)most);
    return TOOL_USAGE;
}

static int read_option(int option, const char *value, struct feed *feed)
{
    int64_t number = 0;
    int status = TOOL_DONE;

    switch (option) {
    case 'r':
        feed->redis.address = value;
        break;
    case 'f':
        feed->redis.folder = value;
        break;
    case 'g':
        feed->redis.group_readable = true;
        break;
    case 's':
        feed->redis.stream = value;
        break;
    case 'u':
        feed->redis.user = value;
        break;
    case 'p':
        feed->redis.password_file = value;
        break;
    case 'c':
        status = read_amount("--capacity", value, 64, 100000000, &number);
        feed->table.capacity = (size_t)number;
        break;
    case 'n':
        status = read_amount("--retention", value, 1, YEARS_10, &number);
        feed->table.retention_ms = 1000 * number;
        break;
    case 'k':
        status = read_amount("--skew", value, 1, 600, &number);
        feed->table.skew_ms = 1000 * number;
        break;
    case 'S':
        feed->asks_status = true;
        break;
    case 'j':
        feed->json = true;
        break;
    case 'P':
        feed->prometheus = true;
        break;
    case 'h':
        feed->help = true;
        break;
    default:
        status = TOOL_USAGE;
    }
    return status;
}

static int read_options(int count, char **arguments, struct feed *feed)
{
    int option;

    *feed = (struct feed){.redis = WAFER_REDIS_SETTINGS_INIT,
                          .table = WAFER_REVOCATIONS_SETTINGS_INIT};
    while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
        int status = read_option(option, optarg, feed);
        if (status != TOOL_DONE)
            return status;
    }
    return TOOL_DONE;
}

/* ---- Status ----------------------------------------------------------------------- */

static long long lag_of(const wafer_redis_status *status)
{
    int64_t lag_ms = tool_now() - status->as_of_ms;

    /* Nothing is known either when the clock was set back. */
    return status->as_of_ms > 0 && lag_ms >= 0 ? (long long)lag_ms : -1;
}

/* One figure in its three forms. */
struct figure {
    const char *name;
    const char *type; /* for Prometheus */
    const char *meaning;
    long long value;
};

static size_t figures_of(const wafer_redis_status *status, struct figure figures[16])
{
    const struct figure all[] = {
        {"ready", "gauge", "1: the table holds all that the stream held", status->ready},
        {"lag_ms", "gauge", "age of what is surely in the table; -1: not known", lag_of(status)},
        {"entries", "gauge", "entries of the table", (long long)status->entries},
        {"capacity", "gauge", "entries there is room for", (long long)status->capacity},
        {"queued", "gauge", "entries that wait to be published", (long long)status->queued},
        {"published", "counter", "entries that Redis acknowledged", (long long)status->published},
        {"applied", "counter", "entries of the stream put into the table",
         (long long)status->applied},
        {"bad", "counter", "entries of the stream that were skipped", (long long)status->bad},
        {"full", "counter", "entries the table had no room for", (long long)status->full},
        {"reconnects", "counter", "connections lost or not made", (long long)status->reconnects},
        {"syncs", "counter", "times the whole stream was read", (long long)status->syncs},
        {"republished", "counter", "entries given back to a stream that lost them",
         (long long)status->republished},
        {"other_secret", "gauge",
         "1: this machine's secret is not that of the others, and it is "
         "not trusted",
         status->other_secret},
    };

    memcpy(figures, all, sizeof all);
    return sizeof all / sizeof *all;
}

static void print_text(const wafer_redis_status *status)
{
    struct figure figures[16];
    size_t count = figures_of(status, figures);

    for (size_t i = 0; i < count; i++)
        printf("%-12s %lld\n", figures[i].name, figures[i].value);
    printf("%-12s %lld\n", "feeder", (long long)status->feeder);
    printf("%-12s %s\n", "last_id", status->last_id);
    printf("%-12s %s\n", "redis", *status->redis_version != '\0' ? status->redis_version : "-");
    printf("%-12s ", "error");
    if (status->error_at_ms > 0) {
        tool_write_time(stdout, status->error_at_ms);
        printf(" %s\n", status->error);
    } else {
        puts("-");
    }
}

static void print_json(const wafer_redis_status *status)
{
    struct tool_json json = {stdout, false};
    struct figure figures[16];
    size_t count = figures_of(status, figures);

    tool_json_open(&json, NULL, '{');
    tool_json_boolean(&json, "ready", status->ready);
    for (size_t i = 1; i < count; i++)
        tool_json_integer(&json, figures[i].name, figures[i].value);
    tool_json_integer(&json, "feeder", (int64_t)status->feeder);
    tool_json_integer(&json, "as_of_ms", status->as_of_ms);
    tool_json_string(&json, "last_id", status->last_id);
    tool_json_string(&json, "redis_version", status->redis_version);
    tool_json_integer(&json, "error_at_ms", status->error_at_ms);
    tool_json_string(&json, "error", status->error);
    tool_json_close(&json, '}', true);
}

static void print_prometheus(const wafer_redis_status *status)
{
    struct figure figures[16];
    size_t count = figures_of(status, figures);

    for (size_t i = 0; i < count; i++) {
        const char *total = strcmp(figures[i].type, "counter") == 0 ? "_total" : "";
        printf("# HELP wafer_feed_%s%s %s\n# TYPE wafer_feed_%s%s %s\nwafer_feed_%s%s %lld\n",
               figures[i].name, total, figures[i].meaning, figures[i].name, total, figures[i].type,
               figures[i].name, total, figures[i].value);
    }
}

static int print_status(const struct feed *feed)
{
    wafer_redis_status status;
    wafer_error error;

    if (feed->redis.folder == NULL)
        return tool_misused("feed", "--folder FOLDER is missing", NULL);
    if (wafer_redis_look(feed->redis.folder, &status, &error) != WAFER_OK)
        return tool_failed(error.text);
    if (feed->json)
        print_json(&status);
    else if (feed->prometheus)
        print_prometheus(&status);
    else
        print_text(&status);
    return TOOL_DONE;
}

/* ---- Running ---------------------------------------------------------------------- */

/* Tells systemd, when it started this; see sd_notify(3). */
static void notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length = path != NULL ? strlen(path) : 0;
    int out;

    if (length < 2 || length >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, length);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (out < 0)
        return;
    (void)!sendto(out, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    (void)close(out);
}

static void watch(void *context, wafer_redis_event event, const char *text)
{
    static time_t told;
    struct timespec now = {0, 0};
    char line[320];

    (void)context;
    if (event == WAFER_REDIS_ALIVE) {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec != told)
            notify("WATCHDOG=1");
        told = now.tv_sec;
        return;
    }
    fprintf(stderr, "wafer feed: %s\n", text);
    (void)snprintf(line, sizeof line, "%sSTATUS=%s", event == WAFER_REDIS_READY ? "READY=1\n" : "",
                   text);
    notify(line);
}

static wafer_redis_feeder *running;

static void stop(int number)
{
    (void)number;
    wafer_redis_feeder_stop(running);
}

static bool take_signals(void (*handler)(int))
{
    struct sigaction taken = {.sa_handler = handler};

    sigemptyset(&taken.sa_mask);
    return sigaction(SIGTERM, &taken, NULL) == 0 && sigaction(SIGINT, &taken, NULL) == 0;
}

static void free_feeder(void)
{
    /* A second signal must not reach for what goes. */
    (void)take_signals(SIG_IGN);
    wafer_redis_feeder_free(running);
    running = NULL;
}

static int run_feeder(struct feed *feed)
{
    char path[4096];
    wafer_error error;
    wafer_result result;

    if (feed->redis.address == NULL)
        return tool_misused("feed", "--redis ADDRESS is missing", NULL);
    if (feed->redis.folder == NULL)
        return tool_misused("feed", "--folder FOLDER is missing", NULL);
    /* A table that is there keeps the limits that it was made with. */
    (void)snprintf(path, sizeof path, "%s/table", feed->redis.folder);
    if (access(path, F_OK) == 0)
        feed->table.access = WAFER_ACCESS_WRITE;
    if (wafer_redis_feeder_new(&feed->redis, &feed->table, &running, &error) != WAFER_OK)
        return tool_failed(error.text);
    if (!take_signals(stop)) {
        free_feeder();
        return tool_failed("signals cannot be waited for");
    }
    result = wafer_redis_feeder_run(running, watch, NULL, &error);
    free_feeder();
    notify("STOPPING=1");
    return result == WAFER_OK ? TOOL_DONE : tool_failed(error.text);
}

/* ---- The secret ------------------------------------------------------------------- */

static int make_secret(const struct feed *feed, const char *folder)
{
    wafer_error error;

    if (folder == NULL)
        return tool_misused("feed", "the folder for the secret is missing", NULL);
    if (wafer_redis_secret_new(folder, feed->redis.group_readable, &error) != WAFER_OK)
        return tool_failed(error.text);
    terminal_text_write(stdout, folder, strlen(folder));
    puts("/secret: made; copy it to the same place on the other machines, over a safe way");
    return TOOL_DONE;
}

int tool_feed(int count, char **arguments)
{
    struct feed feed;
    int status = read_options(count, arguments, &feed);
    const char *word = optind < count ? arguments[optind] : NULL;
    int words = count - optind;

    if (status != TOOL_DONE)
        return status;
    if (feed.help)
        return tool_help("feed");
    if (word != NULL && strcmp(word, "secret") == 0 && words <= 2)
        return make_secret(&feed, words > 1 ? arguments[optind + 1] : NULL);
    if (word != NULL && strcmp(word, "status") == 0 && words == 1)
        feed.asks_status = true;
    else if (word != NULL)
        return tool_misused("feed", "takes status, secret FOLDER or nothing, not", word);
    return feed.asks_status ? print_status(&feed) : run_feeder(&feed);
}

#else

int tool_feed(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "--help") == 0)
        return tool_help("feed");
    (void)getopt;
    return tool_failed("this command was built without Redis; install libhiredis-dev and build it "
                       "again");
}

#endif
