#include "folder.h"

#include "file.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MAXIMUM 100

static wafer_result read_file(const char *path, bool group_readable, char *copy, size_t capacity,
                              wafer_error *error)
{
    char *text = NULL;
    size_t length = 0;
    wafer_result result = wafer_file_read(path, group_readable, MAXIMUM, &text, &length, error);

    if (result == WAFER_OK) {
        assert_int_equal(text[length], '\0');
        assert_true(length < capacity);
        memcpy(copy, text, length + 1);
        sodium_free(text);
    } else {
        assert_null(text);
    }
    return result;
}

static void assert_content(const char *path, const char *expected)
{
    char text[256];

    (void)read_text(path, text, sizeof text);
    assert_string_equal(text, expected);
}

/* ---- Reading ----------------------------------------------------------------------- */

static void a_file_is_read_whole(void **state)
{
    const struct folder *folder = *state;
    char text[MAXIMUM + 1];

    write_text(folder->file, "some\ntext", 0600);
    assert_int_equal(read_file(folder->file, false, text, sizeof text, NULL), WAFER_OK);
    assert_string_equal(text, "some\ntext");
    write_text(folder->file, "", 0400);
    assert_int_equal(read_file(folder->file, false, text, sizeof text, NULL), WAFER_OK);
    assert_string_equal(text, "");
}

static void the_maximum_is_read_and_one_byte_more_is_refused(void **state)
{
    const struct folder *folder = *state;
    char bytes[MAXIMUM + 1];
    char text[MAXIMUM + 1];
    wafer_error error = {0};

    memset(bytes, 'x', sizeof bytes);
    write_bytes(folder->file, bytes, MAXIMUM, 0600);
    assert_int_equal(read_file(folder->file, false, text, sizeof text, &error), WAFER_OK);
    assert_int_equal(strlen(text), MAXIMUM);
    write_bytes(folder->file, bytes, MAXIMUM + 1, 0600);
    assert_int_equal(read_file(folder->file, false, text, sizeof text, &error), WAFER_TOO_LARGE);
    assert_int_equal(error.result, WAFER_TOO_LARGE);
}

static void a_mode_that_lets_others_in_is_refused(void **state)
{
    static const struct {
        mode_t mode;
        wafer_result alone;
        wafer_result group;
    } rows[] = {
        {0400, WAFER_OK, WAFER_OK},           {0600, WAFER_OK, WAFER_OK},
        {0700, WAFER_OK, WAFER_OK},           {0640, WAFER_INVALID, WAFER_OK},
        {0440, WAFER_INVALID, WAFER_OK},      {0620, WAFER_INVALID, WAFER_INVALID},
        {0610, WAFER_INVALID, WAFER_INVALID}, {0660, WAFER_INVALID, WAFER_INVALID},
        {0644, WAFER_INVALID, WAFER_INVALID}, {0604, WAFER_INVALID, WAFER_INVALID},
        {0602, WAFER_INVALID, WAFER_INVALID}, {0601, WAFER_INVALID, WAFER_INVALID},
    };
    const struct folder *folder = *state;
    char text[MAXIMUM + 1];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wafer_error error = {0};

        write_text(folder->file, "text", rows[i].mode);
        assert_int_equal(read_file(folder->file, false, text, sizeof text, &error), rows[i].alone);
        assert_int_equal(strstr(error.text, "0600") != NULL, rows[i].alone != WAFER_OK);
        assert_int_equal(read_file(folder->file, true, text, sizeof text, &error), rows[i].group);
        assert_int_equal(strstr(error.text, "0640 or stricter") != NULL, rows[i].group != WAFER_OK);
        assert_int_equal(unlink(folder->file), 0);
    }
}

static void only_regular_files_are_read(void **state)
{
    const struct folder *folder = *state;
    char text[MAXIMUM + 1];
    wafer_error error = {0};

    assert_int_equal(read_file(folder->path, false, text, sizeof text, &error), WAFER_INVALID);
    assert_non_null(strstr(error.text, "not a regular file"));
    assert_int_equal(mkfifo(folder->file, 0600), 0);
    assert_int_equal(read_file(folder->file, false, text, sizeof text, &error), WAFER_INVALID);
    assert_non_null(strstr(error.text, "not a regular file"));
}

static void a_missing_file_is_the_systems_error(void **state)
{
    const struct folder *folder = *state;
    char text[MAXIMUM + 1];
    wafer_error error = {0};

    assert_int_equal(read_file(folder->file, false, text, sizeof text, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
    assert_int_equal(read_file("", false, text, sizeof text, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
}

static void a_symbolic_link_is_followed(void **state)
{
    const struct folder *folder = *state;
    char link[128];
    char text[MAXIMUM + 1];

    (void)snprintf(link, sizeof link, "%s/link", folder->path);
    write_text(folder->file, "text", 0600);
    assert_int_equal(symlink("keys", link), 0);
    assert_int_equal(read_file(link, false, text, sizeof text, NULL), WAFER_OK);
    assert_string_equal(text, "text");
}

static void a_file_with_more_than_its_size_is_refused(void **state)
{
    char text[MAXIMUM + 1];
    wafer_error error = {0};

    (void)state;
    /* A regular file, private, that claims to be empty and is not. */
    if (access("/proc/self/environ", R_OK) != 0 || getenv("PATH") == NULL) {
        print_message("no /proc/self/environ here\n");
        skip();
    }
    assert_int_equal(read_file("/proc/self/environ", false, text, sizeof text, &error),
                     WAFER_SYSTEM);
    assert_int_equal(error.system, EAGAIN);
}

/* ---- Creating ---------------------------------------------------------------------- */

static void a_new_file_has_the_mode_asked_for(void **state)
{
    const struct folder *folder = *state;
    mode_t before = umask(0277);

    assert_int_equal(wafer_file_create(folder->file, false, "text", 4, NULL), WAFER_OK);
    assert_int_equal(mode_of(folder->file), 0600);
    assert_content(folder->file, "text");
    assert_int_equal(unlink(folder->file), 0);
    (void)umask(0);
    assert_int_equal(wafer_file_create(folder->file, true, "text", 4, NULL), WAFER_OK);
    assert_int_equal(mode_of(folder->file), 0640);
    (void)umask(before);
    assert_int_equal(folder_count(folder), 1);
}

static void create_never_touches_what_exists(void **state)
{
    const struct folder *folder = *state;
    char link[128];
    wafer_error error = {0};

    write_text(folder->file, "old", 0600);
    assert_int_equal(wafer_file_create(folder->file, false, "new", 3, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, EEXIST);
    assert_content(folder->file, "old");
    assert_int_equal(folder_count(folder), 1);
    /* A link to nowhere exists, too. */
    (void)snprintf(link, sizeof link, "%s/link", folder->path);
    assert_int_equal(symlink("nowhere", link), 0);
    assert_int_equal(wafer_file_create(link, false, "new", 3, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, EEXIST);
    assert_int_equal(folder_count(folder), 2);
}

static void create_needs_a_folder_and_a_name(void **state)
{
    const struct folder *folder = *state;
    char path[128];
    wafer_error error = {0};

    (void)snprintf(path, sizeof path, "%s/no/keys", folder->path);
    assert_int_equal(wafer_file_create(path, false, "new", 3, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
    (void)snprintf(path, sizeof path, "%s/", folder->path);
    assert_int_equal(wafer_file_create(path, false, "new", 3, &error), WAFER_SYSTEM);
    assert_int_equal(folder_count(folder), 0);
}

static void a_path_without_folder_is_in_the_working_folder(void **state)
{
    const struct folder *folder = *state;
    char before[4096];

    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder->path), 0);
    assert_int_equal(wafer_file_create("keys", false, "old", 3, NULL), WAFER_OK);
    assert_int_equal(wafer_file_replace("keys", "new", 3, NULL), WAFER_OK);
    assert_int_equal(chdir(before), 0);
    assert_content(folder->file, "new");
    assert_int_equal(folder_count(folder), 1);
}

/* ---- Replacing --------------------------------------------------------------------- */

static void replace_keeps_the_mode(void **state)
{
    static const mode_t modes[] = {0400, 0600, 0640};
    const struct folder *folder = *state;
    mode_t before = umask(077);

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        write_text(folder->file, "old", modes[i]);
        assert_int_equal(wafer_file_replace(folder->file, "newer", 5, NULL), WAFER_OK);
        assert_content(folder->file, "newer");
        assert_int_equal(mode_of(folder->file), modes[i]);
        assert_int_equal(folder_count(folder), 1);
        assert_int_equal(unlink(folder->file), 0);
    }
    (void)umask(before);
}

static void replace_keeps_owner_and_group(void **state)
{
    const struct folder *folder = *state;
    struct stat status;

    if (geteuid() != 0) {
        print_message("only root may give files away\n");
        skip();
    }
    write_text(folder->file, "old", 0640);
    assert_int_equal(chown(folder->file, 12345, 54321), 0);
    assert_int_equal(wafer_file_replace(folder->file, "new", 3, NULL), WAFER_OK);
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_uid, 12345);
    assert_int_equal(status.st_gid, 54321);
    assert_int_equal(mode_of(folder->file), 0640);
    assert_content(folder->file, "new");
}

static void a_file_that_cannot_keep_its_owner_stays(void **state)
{
    const struct folder *folder = *state;
    pid_t child;
    int status;

    if (geteuid() != 0) {
        print_message("only root may give files away\n");
        skip();
    }
    write_text(folder->file, "old", 0600);
    assert_int_equal(chmod(folder->path, 0777), 0);
    child = fork();
    if (child == 0) {
        wafer_error error = {0};
        bool refused = setgid(12345) == 0 && setuid(12345) == 0 &&
                       wafer_file_replace(folder->file, "new", 3, &error) == WAFER_SYSTEM &&
                       error.system == EPERM;

        _exit(refused ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_content(folder->file, "old");
    assert_int_equal(folder_count(folder), 1);
}

static void what_a_link_points_at_is_replaced(void **state)
{
    const struct folder *folder = *state;
    char link[128];
    struct stat status;

    (void)snprintf(link, sizeof link, "%s/link", folder->path);
    write_text(folder->file, "old", 0600);
    assert_int_equal(symlink("keys", link), 0);
    assert_int_equal(wafer_file_replace(link, "new", 3, NULL), WAFER_OK);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_content(folder->file, "new");
}

static void only_a_regular_file_is_replaced(void **state)
{
    const struct folder *folder = *state;
    wafer_error error = {0};

    assert_int_equal(wafer_file_replace(folder->file, "new", 3, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
    assert_int_equal(mkfifo(folder->file, 0600), 0);
    assert_int_equal(wafer_file_replace(folder->file, "new", 3, &error), WAFER_INVALID);
    assert_int_equal(folder_count(folder), 1);
}

/* A disk that is full, as far as this process can tell. */
static void a_failed_write_leaves_all_as_it_was(void **state)
{
    const struct folder *folder = *state;
    struct rlimit before;
    struct rlimit small;
    wafer_error created = {0};
    wafer_error replaced = {0};
    char path[128];
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    write_text(folder->file, "old", 0600);
    (void)snprintf(path, sizeof path, "%s/other", folder->path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 2;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    (void)!wafer_file_create(path, false, "new", 3, &created);
    (void)!wafer_file_replace(folder->file, "new", 3, &replaced);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(created.result, WAFER_SYSTEM);
    assert_int_equal(created.system, EFBIG);
    assert_int_equal(replaced.result, WAFER_SYSTEM);
    assert_int_equal(replaced.system, EFBIG);
    assert_content(folder->file, "old");
    assert_int_equal(folder_count(folder), 1);
}

/* ---- Locking ----------------------------------------------------------------------- */

static void a_lock_is_held_once(void **state)
{
    const struct folder *folder = *state;
    wafer_error error = {0};
    int lock;
    int other;

    write_text(folder->file, "text", 0600);
    assert_int_equal(wafer_file_lock(folder->file, &lock, &error), WAFER_OK);
    assert_int_equal(wafer_file_lock(folder->file, &other, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, EWOULDBLOCK);
    assert_int_equal(close(lock), 0);
    assert_int_equal(wafer_file_lock(folder->file, &other, &error), WAFER_OK);
    assert_int_equal(close(other), 0);
    assert_int_equal(folder_count(folder), 1);
}

static void a_lock_on_a_replaced_file_locks_nothing_else(void **state)
{
    const struct folder *folder = *state;
    wafer_error error = {0};
    int old;
    int lock;

    write_text(folder->file, "old", 0600);
    assert_int_equal(wafer_file_lock(folder->file, &old, &error), WAFER_OK);
    assert_int_equal(wafer_file_replace(folder->file, "new", 3, &error), WAFER_OK);
    assert_int_equal(wafer_file_lock(folder->file, &lock, &error), WAFER_OK);
    assert_int_equal(close(old), 0);
    assert_int_equal(wafer_file_lock(folder->file, &old, &error), WAFER_SYSTEM);
    assert_int_equal(close(lock), 0);
}

static void what_is_missing_cannot_be_locked(void **state)
{
    const struct folder *folder = *state;
    wafer_error error = {0};
    int lock;

    assert_int_equal(wafer_file_lock(folder->file, &lock, &error), WAFER_SYSTEM);
    assert_int_equal(error.system, ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_whole),
        TEST(the_maximum_is_read_and_one_byte_more_is_refused),
        TEST(a_mode_that_lets_others_in_is_refused),
        TEST(only_regular_files_are_read),
        TEST(a_missing_file_is_the_systems_error),
        TEST(a_symbolic_link_is_followed),
        TEST(a_file_with_more_than_its_size_is_refused),
        TEST(a_new_file_has_the_mode_asked_for),
        TEST(create_never_touches_what_exists),
        TEST(create_needs_a_folder_and_a_name),
        TEST(a_path_without_folder_is_in_the_working_folder),
        TEST(replace_keeps_the_mode),
        TEST(replace_keeps_owner_and_group),
        TEST(a_file_that_cannot_keep_its_owner_stays),
        TEST(what_a_link_points_at_is_replaced),
        TEST(only_a_regular_file_is_replaced),
        TEST(a_failed_write_leaves_all_as_it_was),
        TEST(a_lock_is_held_once),
        TEST(a_lock_on_a_replaced_file_locks_nothing_else),
        TEST(what_is_missing_cannot_be_locked),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
