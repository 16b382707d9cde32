/* A table in a file: how it is made, who may open it, and that all who did have one list. */
#include "table_helpers.h"

#include "folder.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "table_memory.h"

#define OTHER_USER 65534

static const wafer_revocations_interface *const list = &wafer_table_interface;

/* ---- Making ---- */

static void the_file_has_its_mode_whatever_the_umask_says(void **state)
{
    const struct folder *folder = *state;
    const mode_t masks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < 8; i++) {
        wafer_revocations_settings settings = table_file_settings(folder->file);
        settings.group_readable = i >= 4;
        mode_t before = umask(masks[i % 4]);
        void *table = table_of(&settings);
        (void)umask(before);
        assert_int_equal(mode_of(folder->file), i >= 4 ? 0640 : 0600);
        assert_int_equal(folder_count(folder), 1);
        list->free(table);
        assert_int_equal(unlink(folder->file), 0);
    }
}

static void a_new_file_tells_its_settings_and_takes_little_room(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_revocations_status status;
    struct stat file;
    settings.capacity = 1000000;
    void *table = table_of(&settings);
    assert_int_equal(list->look(table, &status), WAFER_OK);
    assert_int_equal(status.entries, 0);
    assert_int_equal(status.capacity, 1000000);
    assert_int_equal(status.retention_ms, RETENTION);
    assert_int_equal(status.skew_ms, SKEW);
    assert_int_equal(status.grace_ms, GRACE);
    assert_int_equal(status.not_before_ms, 0);
    assert_int_equal(stat(folder->file, &file), 0);
    assert_true(file.st_size > 70000000);
    assert_true(file.st_blocks * 512 < 200000);
    list->free(table);
}

static void a_new_file_refuses_older_sessions_when_told(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    int64_t now_ms = NOW;
    settings.on_start = WAFER_START_REFUSES_OLDER;
    settings.clock = clock_by_hand;
    settings.clock_context = &now_ms;
    void *table = table_of(&settings);
    assert_int_equal(table_login_from(table, 1), NOW + SKEW + 1);
    list->free(table);
    /* But not those that began since, when it is opened later. */
    now_ms += 10 * WAFER_MINUTE_MS;
    table = table_of(&settings);
    assert_int_equal(table_login_from(table, 1), NOW + SKEW + 1);
    list->free(table);
    now_ms = -1;
    assert_int_equal(unlink(folder->file), 0);
    table_refused(&settings, WAFER_SYSTEM, "clock");
    assert_int_equal(folder_count(folder), 0);
}

static void a_file_has_its_settings_checked(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.access = (wafer_access)3;
    table_refused(&settings, WAFER_INVALID, "access");
    settings.access = (wafer_access)-1;
    table_refused(&settings, WAFER_INVALID, "access");
    settings.access = WAFER_ACCESS_CREATE;
    settings.on_start = WAFER_START_UNSET;
    table_refused(&settings, WAFER_INVALID, "on_start");
    settings.on_start = (wafer_on_start)3;
    table_refused(&settings, WAFER_INVALID, "on_start");
    settings.access = WAFER_ACCESS_WRITE;
    table_refused(&settings, WAFER_INVALID, "on_start");
    settings = table_file_settings("");
    table_refused(&settings, WAFER_INVALID, "path");
    settings = table_file_settings(NULL);
    settings.access = WAFER_ACCESS_WRITE;
    table_refused(&settings, WAFER_INVALID, "path");
    settings.access = WAFER_ACCESS_READ;
    table_refused(&settings, WAFER_INVALID, "path");
    assert_int_equal(folder_count(folder), 0);
}

static void only_create_makes_a_file(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_error error;
    void *table;
    for (int access = WAFER_ACCESS_WRITE; access <= WAFER_ACCESS_READ; access++) {
        settings.access = (wafer_access)access;
        assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
        assert_int_equal(error.system, ENOENT);
        assert_non_null(strstr(error.text, folder->file));
    }
    assert_int_equal(folder_count(folder), 0);
    char inside[128];
    (void)snprintf(inside, sizeof inside, "%s/folder/table", folder->path);
    settings = table_file_settings(inside);
    assert_int_equal(wafer_table_new(&settings, &table, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
}

static void a_path_may_be_relative(void **state)
{
    const struct folder *folder = *state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder->path), 0);
    list->free(table_file("table", WAFER_ACCESS_CREATE));
    list->free(table_file("./table", WAFER_ACCESS_WRITE));
    assert_int_equal(chdir(before), 0);
    assert_int_equal(folder_count(folder), 1);
}

/* ---- What is refused ---- */

static void a_file_that_lets_others_in_is_refused(void **state)
{
    const struct folder *folder = *state;
    const mode_t modes[] = {0640, 0660, 0604, 0602, 0601, 0610, 0666, 0700, 04600, 02600, 01600};
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(folder->file, modes[i]), 0);
        table_refused_by_all(folder->file, "mode");
        assert_int_equal(mode_of(folder->file), modes[i]);
    }
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.group_readable = true;
    for (size_t i = 1; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(folder->file, modes[i]), 0);
        table_refused(&settings, WAFER_INVALID, "mode");
    }
    const mode_t good[] = {0640, 0600};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chmod(folder->file, good[i]), 0);
        list->free(table_of(&settings));
        assert_int_equal(mode_of(folder->file), good[i]);
    }
}

static void what_is_not_a_regular_file_is_refused(void **state)
{
    const struct folder *folder = *state;
    char link[128];
    (void)snprintf(link, sizeof link, "%s/link", folder->path);
    assert_int_equal(symlink(folder->file, link), 0);
    table_refused_by_all(link, "symbolic link");
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    table_refused_by_all(link, "symbolic link");
    assert_int_equal(unlink(folder->file), 0);

    assert_int_equal(mkfifo(folder->file, 0600), 0);
    table_refused_by_all(folder->file, "regular");
    assert_int_equal(unlink(folder->file), 0);

    table_refused_by_all(folder->path, "regular");

    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int file = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", folder->file);
    assert_int_equal(bind(file, (struct sockaddr *)&address, sizeof address), 0);
    table_refused_by_all(folder->file, "regular");
    assert_int_equal(close(file), 0);
}

static void a_file_of_another_user_is_refused_but_for_its_group_to_read(void **state)
{
    const struct folder *folder = *state;
    if (geteuid() != 0) {
        print_message("only root can give files away: skipped\n");
        skip();
    }
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    assert_int_equal(chown(folder->file, OTHER_USER, (gid_t)-1), 0);
    table_refused_by_all(folder->file, "belongs to user 65534");
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.group_readable = true;
    table_refused(&settings, WAFER_INVALID, "belongs to user 65534");
    settings.access = WAFER_ACCESS_WRITE;
    table_refused(&settings, WAFER_INVALID, "belongs to user 65534");
    settings.access = WAFER_ACCESS_READ;
    list->free(table_of(&settings));
}

static void only_create_asks_for_the_same_settings(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings own = table_file_settings(folder->file);
    wafer_revocations_settings others[3] = {own, own, own};
    const char *const words[] = {"capacity is 64, the settings' is 65", "skew_ms", "grace_ms"};
    wafer_revocations_status status;
    list->free(table_of(&own));
    others[0].capacity++;
    others[1].skew_ms++;
    others[2].grace_ms--;
    for (size_t i = 0; i < 3; i++) {
        others[i].access = WAFER_ACCESS_CREATE;
        table_refused(&others[i], WAFER_INVALID, words[i]);
        for (int access = WAFER_ACCESS_WRITE; access <= WAFER_ACCESS_READ; access++) {
            others[i].access = (wafer_access)access;
            others[i].on_start = WAFER_START_UNSET;
            void *table = table_of(&others[i]);
            assert_int_equal(list->look(table, &status), WAFER_OK);
            assert_int_equal(status.capacity, 64);
            assert_int_equal(status.skew_ms, SKEW);
            assert_int_equal(status.grace_ms, GRACE);
            list->free(table);
        }
    }
}

static void a_file_with_settings_at_their_limits_is_opened_again(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    for (int most = 0; most < 2; most++) {
        settings.retention_ms = most ? WAFER_LIFETIME_MAX_MS : WAFER_MINUTE_MS;
        settings.skew_ms = most ? WAFER_SKEW_MAX_MS : 1000;
        settings.grace_ms = most ? 10 * WAFER_MINUTE_MS : 0;
        settings.access = WAFER_ACCESS_CREATE;
        list->free(table_of(&settings));
        for (int access = WAFER_ACCESS_CREATE; access <= WAFER_ACCESS_READ; access++) {
            settings.access = (wafer_access)access;
            list->free(table_of(&settings));
        }
        assert_int_equal(unlink(folder->file), 0);
    }
}

static void an_empty_file_is_cut_short_whatever_errno_was(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    write_text(folder->file, "", 0600);
    errno = EINTR;
    table_refused(&settings, WAFER_INVALID, "cut short");
}

static void a_longer_retention_raises_that_of_the_file_and_a_shorter_one_does_not(void **state)
{
    const struct folder *folder = *state;
    const int64_t retentions[] = {RETENTION, RETENTION - 1, RETENTION + 5, RETENTION + 4};
    const int64_t expected[] = {RETENTION, RETENTION, RETENTION + 5, RETENTION + 5};
    wafer_revocations_settings settings = table_file_settings(folder->file);
    wafer_revocations_status status;
    for (size_t i = 0; i < 4; i++) {
        settings.retention_ms = retentions[i];
        void *table = table_of(&settings);
        assert_int_equal(list->look(table, &status), WAFER_OK);
        assert_int_equal(status.retention_ms, expected[i]);
        list->free(table);
    }
    settings.retention_ms = WAFER_DAY_MS;
    for (int access = WAFER_ACCESS_WRITE; access <= WAFER_ACCESS_READ; access++) {
        settings.access = (wafer_access)access;
        void *table = table_of(&settings);
        assert_int_equal(list->look(table, &status), WAFER_OK);
        assert_int_equal(status.retention_ms, RETENTION + 5);
        list->free(table);
    }
}

/* ---- One list for all ---- */

static void what_is_on_the_list_outlives_everybody(void **state)
{
    const struct folder *folder = *state;
    void *table = table_file(folder->file, WAFER_ACCESS_CREATE);
    size_t count;
    size_t count_later;
    for (uint32_t number = 0; number < 40; number++) {
        wafer_revocation_kind kind = (wafer_revocation_kind)(1 + number % 4);
        table_add(table, NOW + number, kind, kind == WAFER_REVOKE_EVERYONE ? 0 : number, 0, number);
    }
    wafer_revocation *entries = table_dump(table, &count);
    list->free(table);
    assert_int_equal(count, 31);
    for (int access = WAFER_ACCESS_CREATE; access <= WAFER_ACCESS_READ; access++) {
        table = table_file(folder->file, (wafer_access)access);
        wafer_revocation *later = table_dump(table, &count_later);
        assert_int_equal(count_later, count);
        assert_memory_equal(later, entries, count * sizeof *entries);
        assert_int_equal(table_entries(table), 30);
        free(later);
        list->free(table);
    }
    free(entries);
}

static void two_handles_of_one_process_have_one_list(void **state)
{
    const struct folder *folder = *state;
    void *one = table_file(folder->file, WAFER_ACCESS_CREATE);
    void *other = table_file(folder->file, WAFER_ACCESS_CREATE);
    table_add(one, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    table_add(other, NOW, WAFER_REVOKE_SESSION, 2, 0, 0);
    assert_true(table_refuses_session(one, 2));
    assert_true(table_refuses_session(other, 1));
    list->free(one);
    table_add(other, NOW, WAFER_REVOKE_SESSION, 3, 0, 0);
    assert_int_equal(table_entries(other), 3);
    list->free(other);
}

/* Answers every number that it reads once it is revoked in a handle of its own. */
static void revoke_what_is_asked(const char *path, size_t capacity, int question, int answer)
{
    wafer_revocations_settings settings = table_file_settings(path);
    wafer_revocation entry = {.kind = WAFER_REVOKE_SESSION};
    void *table;
    uint32_t number;
    settings.capacity = capacity;
    if (wafer_table_new(&settings, &table, NULL) != WAFER_OK)
        _exit(1);
    while (read(question, &number, sizeof number) == sizeof number) {
        entry = table_entry(WAFER_REVOKE_SESSION, number, 0, 0);
        if (list->revoke(table, NOW, &entry) != WAFER_OK ||
            write(answer, &number, sizeof number) != sizeof number)
            _exit(1);
    }
    list->free(table);
    _exit(0);
}

static void what_an_unrelated_process_revokes_is_refused_by_writers_and_readers(void **state)
{
    const struct folder *folder = *state;
    const size_t capacity = 5000;
    int question[2];
    int answer[2];
    assert_int_equal(pipe(question), 0);
    assert_int_equal(pipe(answer), 0);
    pid_t child = fork();
    if (child == 0) {
        close(question[1]);
        revoke_what_is_asked(folder->file, capacity, question[0], answer[1]);
    }
    wafer_revocations_settings settings = table_file_settings(folder->file);
    settings.capacity = capacity;
    void *writer = table_of(&settings);
    settings.access = WAFER_ACCESS_READ;
    void *reader = table_of(&settings);
    /* The table grows twice meanwhile. */
    for (uint32_t number = 0; number < 2000; number++) {
        uint32_t done;
        assert_false(table_refuses_session(writer, number));
        assert_false(table_refuses_session(reader, number));
        assert_int_equal(write(question[1], &number, sizeof number), sizeof number);
        assert_int_equal(read(answer[0], &done, sizeof done), sizeof done);
        assert_true(table_refuses_session(writer, number));
        assert_true(table_refuses_session(reader, number));
    }
    assert_int_equal(close(question[1]), 0);
    child_succeeds(child);
    for (uint32_t number = 0; number < 2500; number++)
        assert_int_equal(table_refuses_session(reader, number), number < 2000);
    assert_true(wafer_table_generation(reader) >= 2);
    list->free(writer);
    list->free(reader);
    close(question[0]);
    close(answer[0]);
    close(answer[1]);
}

static void many_that_make_the_file_at_once_share_one(void **state)
{
    const struct folder *folder = *state;
    pid_t children[6];
    int start[2];
    assert_int_equal(pipe(start), 0);
    for (uint32_t i = 0; i < 6; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            wafer_revocations_settings settings = table_file_settings(folder->file);
            wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, i, 0, 0);
            void *table;
            char go;
            close(start[1]);
            _exit(read(start[0], &go, 1) == 0 &&
                          wafer_table_new(&settings, &table, NULL) == WAFER_OK &&
                          list->revoke(table, NOW, &entry) == WAFER_OK
                      ? 0
                      : 1);
        }
    }
    close(start[0]);
    close(start[1]);
    for (size_t i = 0; i < 6; i++)
        child_succeeds(children[i]);
    assert_int_equal(folder_count(folder), 1);
    void *table = table_file(folder->file, WAFER_ACCESS_WRITE);
    assert_int_equal(table_entries(table), 6);
    list->free(table);
}

/* ---- Readers ---- */

static void a_reader_answers_and_changes_nothing(void **state)
{
    const struct folder *folder = *state;
    const uint32_t subject = 7;
    void *writer = table_file(folder->file, WAFER_ACCESS_CREATE);
    void *reader = table_file(folder->file, WAFER_ACCESS_READ);
    size_t dropped = 0;
    table_add(writer, NOW, WAFER_REVOKE_SESSION, 1, 0, 0);
    table_add(writer, NOW, WAFER_REVOKE_SUBJECT, subject, NOW, 0);
    table_add(writer, NOW, WAFER_REVOKE_COPIES, 2, 0, 1);
    table_add(writer, NOW, WAFER_REVOKE_EVERYONE, 0, NOW - 5, 0);
    assert_true(table_refuses_session(reader, 1));
    assert_true(table_refuses(reader, NOW, 9, &subject, NOW - 1, 0));
    assert_false(table_refuses(reader, NOW, 9, &subject, NOW, 0));
    assert_true(table_refuses(reader, NOW, 9, NULL, NOW - 6, 0));
    assert_int_equal(table_standing(reader, NOW, 2, NULL, NOW, 0), WAFER_SUPERSEDED);
    assert_int_equal(table_login_from(reader, subject), NOW);
    assert_int_equal(table_login_from(reader, 8), NOW - 5);

    assert_int_equal(table_try(reader, NOW, table_entry(WAFER_REVOKE_SESSION, 3, 0, 0)),
                     WAFER_UNAVAILABLE);
    assert_int_equal(table_try(reader, NOW, table_entry(WAFER_REVOKE_EVERYONE, 0, 0, 0)),
                     WAFER_UNAVAILABLE);
    assert_int_equal(list->purge(reader, NOW + 2 * LIFE, &dropped), WAFER_UNAVAILABLE);
    assert_int_equal(list->retain(reader, RETENTION + 1), WAFER_UNAVAILABLE);
    assert_int_equal(table_entries(reader), 3);

    size_t counts[2];
    wafer_revocation *of_writer = table_dump(writer, &counts[0]);
    wafer_revocation *of_reader = table_dump(reader, &counts[1]);
    assert_int_equal(counts[0], 4);
    assert_int_equal(counts[1], 4);
    assert_memory_equal(of_writer, of_reader, 4 * sizeof *of_writer);
    free(of_writer);
    free(of_reader);
    list->free(writer);
    list->free(reader);
}

static void a_readers_memory_cannot_be_written(void **state)
{
    const struct folder *folder = *state;
    list->free(table_file(folder->file, WAFER_ACCESS_CREATE));
    struct wafer_table *reader = table_file(folder->file, WAFER_ACCESS_READ);
    for (size_t i = 0; i < 2; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            (void)signal(SIGSEGV, SIG_DFL);
            if (i == 0)
                reader->header->oldest_ms = 0;
            else
                atomic_store(reader->half[0].tags, 1);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSEGV);
    }
    list->free(reader);
}

/* ---- Descriptors ---- */

static void a_writer_keeps_one_descriptor_and_a_reader_none(void **state)
{
    const struct folder *folder = *state;
    size_t before = open_descriptors();
    void *writer = table_file(folder->file, WAFER_ACCESS_CREATE);
    assert_int_equal(open_descriptors(), before + 1);
    void *reader = table_file(folder->file, WAFER_ACCESS_READ);
    assert_int_equal(open_descriptors(), before + 1);
    list->free(reader);
    assert_int_equal(open_descriptors(), before + 1);
    list->free(writer);
    assert_int_equal(open_descriptors(), before);
}

/* As daemons do that close what they do not know, and then open something else. */
static void a_descriptor_that_became_another_files_is_left_alone(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    char other[128];
    struct stat status;
    settings.capacity = 5000;
    struct wafer_table *table = table_of(&settings);
    (void)snprintf(other, sizeof other, "%s/other", folder->path);
    write_text(other, "text", 0600);
    int file = open(other, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(dup2(file, table->file.descriptor), table->file.descriptor);

    uint32_t number = 0;
    wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, number, 0, 0);
    while (list->revoke(table, NOW, &entry) == WAFER_OK)
        entry = table_entry(WAFER_REVOKE_SESSION, ++number, 0, 0);
    /* So far without a rebuild. */
    assert_int_equal(number, 1024 * 65 / 100);
    assert_int_equal(table_try(table, NOW, entry), WAFER_SYSTEM);
    assert_int_equal(list->purge(table, NOW + 2 * LIFE, &(size_t){0}), WAFER_SYSTEM);
    for (uint32_t i = 0; i < 2 * number; i++)
        assert_int_equal(table_refuses_session(table, i), i < number);
    assert_int_equal(fstat(file, &status), 0);
    assert_int_equal(status.st_size, 4);

    int taken = table->file.descriptor;
    list->free(table);
    assert_int_equal(fstat(taken, &status), 0); /* still open */
    assert_int_equal(close(taken), 0);
    assert_int_equal(close(file), 0);
    /* Who opens it anew can go on. */
    table = table_of(&settings);
    table_add(table, NOW, WAFER_REVOKE_SESSION, number, 0, 0);
    assert_int_equal(table_entries(table), number + 1);
    list->free(table);
}

/* ---- Killed ---- */

/* Opens, revokes a few, rebuilds, closes, and says how many are done. */
static void work_until_killed(const char *path, uint32_t number, _Atomic uint32_t *done)
{
    wafer_revocations_settings settings = table_file_settings(path);
    settings.capacity = 20000;
    for (;;) {
        void *table;
        size_t dropped;
        if (wafer_table_new(&settings, &table, NULL) != WAFER_OK)
            _exit(1);
        for (uint32_t i = 0; i < 40; i++, number++) {
            wafer_revocation entry = table_entry(WAFER_REVOKE_SESSION, number, 0, 0);
            wafer_revocation due = table_entry(WAFER_REVOKE_SESSION, ~number, NOW - LIFE, 0);
            if (list->revoke(table, NOW, &entry) != WAFER_OK)
                _exit(1);
            atomic_store(done, number + 1);
            if (i % 8 == 0 && (list->revoke(table, NOW, &due) != WAFER_OK ||
                               list->purge(table, NOW + 1, &dropped) != WAFER_OK))
                _exit(1);
        }
        list->free(table);
    }
}

static void a_process_killed_at_any_moment_leaves_a_whole_table(void **state)
{
    const struct folder *folder = *state;
    wafer_revocations_settings settings = table_file_settings(folder->file);
    _Atomic uint32_t *done = shared_memory(sizeof *done);
    settings.capacity = 20000;
    list->free(table_of(&settings));
    settings.access = WAFER_ACCESS_READ;
    void *reader = table_of(&settings);
    for (size_t round = 0; round < 30; round++) {
        uint32_t first = atomic_load(done);
        int status;
        pid_t child = fork();
        if (child == 0)
            work_until_killed(folder->file, first, done);
        /* Every other one while it opens. */
        while (round % 2 != 0 && atomic_load(done) == first) {
            assert_int_equal(waitpid(child, &status, WNOHANG), 0);
            sched_yield();
        }
        kill_after_a_moment(child, 2000000);

        uint32_t acknowledged = atomic_load(done);
        settings.access = WAFER_ACCESS_WRITE;
        void *table = table_of(&settings);
        for (uint32_t number = 0; number < acknowledged; number++) {
            assert_true(table_refuses_session(table, number));
            assert_true(table_refuses_session(reader, number));
        }
        for (uint32_t number = acknowledged + 1; number < acknowledged + 100; number++)
            assert_false(table_refuses_session(reader, number));
        (void)table_drop(table, NOW + 1);
        table_add(table, NOW, WAFER_REVOKE_SESSION, acknowledged, 0, 0);
        assert_int_equal(table_entries(table), acknowledged + 1);
        atomic_store(done, acknowledged + 1);
        list->free(table);
    }
    assert_true(atomic_load(done) >= 30 + 15);
    munmap((void *)done, sizeof *done);
    list->free(reader);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_file_with_settings_at_their_limits_is_opened_again),
        IN_A_FOLDER(the_file_has_its_mode_whatever_the_umask_says),
        IN_A_FOLDER(a_new_file_tells_its_settings_and_takes_little_room),
        IN_A_FOLDER(a_new_file_refuses_older_sessions_when_told),
        IN_A_FOLDER(a_file_has_its_settings_checked),
        IN_A_FOLDER(only_create_makes_a_file),
        IN_A_FOLDER(a_path_may_be_relative),
        IN_A_FOLDER(a_file_that_lets_others_in_is_refused),
        IN_A_FOLDER(what_is_not_a_regular_file_is_refused),
        IN_A_FOLDER(a_file_of_another_user_is_refused_but_for_its_group_to_read),
        IN_A_FOLDER(only_create_asks_for_the_same_settings),
        IN_A_FOLDER(an_empty_file_is_cut_short_whatever_errno_was),
        IN_A_FOLDER(a_longer_retention_raises_that_of_the_file_and_a_shorter_one_does_not),
        IN_A_FOLDER(what_is_on_the_list_outlives_everybody),
        IN_A_FOLDER(two_handles_of_one_process_have_one_list),
        IN_A_FOLDER(what_an_unrelated_process_revokes_is_refused_by_writers_and_readers),
        IN_A_FOLDER(many_that_make_the_file_at_once_share_one),
        IN_A_FOLDER(a_reader_answers_and_changes_nothing),
        IN_A_FOLDER(a_readers_memory_cannot_be_written),
        IN_A_FOLDER(a_writer_keeps_one_descriptor_and_a_reader_none),
        IN_A_FOLDER(a_descriptor_that_became_another_files_is_left_alone),
        IN_A_FOLDER(a_process_killed_at_any_moment_leaves_a_whole_table),
    };
    return cmocka_run_group_tests_name("table file", tests, make_table_keys, free_table_keys);
}
