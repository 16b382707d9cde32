/* What the journal costs: one revocation that is synced to disk, and opening a list of 1,000,000
 * entries, beside revoking as many in the table alone. Wall-clock time, as the disk is part of it;
 * the journal is in TMPDIR (/tmp). */
#include "bench.h"

#include <unistd.h>

#include <wafer/lmdb.h>

#define PUTS    2000
#define ENTRIES 1000000
#define LOADS   5
#define ROOM    256

static char folder[ROOM];
static char journal[ROOM + 16];
static char table[ROOM + 16];

static double wall_ms(void)
{
    struct timespec now;

    bench_require(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "no clock");
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1000000;
}

static wafer_revocations_settings table_settings(void)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;

    settings.on_start = WAFER_START_FORGETS;
    settings.capacity = 2 * ENTRIES;
    return settings;
}

/* A journal that is new takes over what the table file has; without one the table is in memory. */
static wafer_revocations *open_journal(const char *table_path)
{
    wafer_lmdb_settings settings = WAFER_LMDB_SETTINGS_INIT;
    wafer_revocations_settings table_there = table_settings();
    wafer_revocations *list;
    wafer_error error = {.text = "no memory"};

    settings.path = journal;
    table_there.path = table_path;
    bench_require(wafer_lmdb_open(&settings, &table_there, &list, &error) == WAFER_OK, error.text);
    return list;
}

static void revoke_one(wafer_revocations *list)
{
    uint8_t id[WAFER_ID_SIZE];

    randombytes_buf(id, sizeof id);
    bench_require(wafer_revoke_session(list, id) == WAFER_OK, "an entry is not taken");
}

static double median(double *taken_ms, size_t count)
{
    qsort(taken_ms, count, sizeof *taken_ms, bench_compare);
    return taken_ms[count / 2];
}

static double measure_put(void)
{
    static double taken_ms[PUTS];
    wafer_revocations *list = open_journal(NULL);

    for (int i = 0; i < PUTS; i++) {
        double start_ms = wall_ms();

        revoke_one(list);
        taken_ms[i] = wall_ms() - start_ms;
    }
    wafer_revocations_free(list);
    unlink(journal);
    return median(taken_ms, PUTS);
}

/* Makes the journal, by way of a table file, and tells how long the entries took into that. */
static double measure_fill(void)
{
    wafer_revocations_settings settings = table_settings();
    wafer_revocations *list;
    double start_ms;
    double taken_ms;

    settings.path = table;
    bench_require(wafer_revocations_new(&settings, &list, NULL) == WAFER_OK, "no list");
    start_ms = wall_ms();
    for (int i = 0; i < ENTRIES; i++)
        revoke_one(list);
    taken_ms = wall_ms() - start_ms;
    wafer_revocations_free(list);
    wafer_revocations_free(open_journal(table));
    return taken_ms;
}

static double measure_load(void)
{
    double taken_ms[LOADS];

    for (int i = 0; i < LOADS; i++) {
        wafer_revocations_status status;
        wafer_revocations *list;
        double start_ms = wall_ms();

        list = open_journal(NULL);
        taken_ms[i] = wall_ms() - start_ms;
        bench_require(wafer_revocations_look(list, &status) == WAFER_OK &&
                          status.entries == ENTRIES,
                      "not every entry came back");
        wafer_revocations_free(list);
    }
    return median(taken_ms, LOADS);
}

int main(int count, char **arguments)
{
    const char *place = getenv("TMPDIR");

    (void)count;
    bench_require(sodium_init() >= 0, "libsodium cannot be initialized");
    bench_begin(bench_folder(arguments[0]));
    snprintf(folder, sizeof folder, "%s/wafer-bench-XXXXXX", place != NULL ? place : "/tmp");
    bench_require(mkdtemp(folder) != NULL, "no folder for the journal");
    snprintf(journal, sizeof journal, "%s/journal", folder);
    snprintf(table, sizeof table, "%s/table", folder);

    printf("one revocation, synced                 %8.3f ms\n", measure_put());
    printf("1,000,000 revocations, table alone     %8.1f ms\n", measure_fill());
    printf("1,000,000 entries, opened with journal %8.1f ms\n", measure_load());
    unlink(journal);
    unlink(table);
    snprintf(journal, sizeof journal, "%s/journal-lock", folder);
    unlink(journal);
    return rmdir(folder) == 0 ? 0 : 1;
}
