/* A folder of a test's own, the files in it, and a clock that is set by hand. */
#ifndef WAFER_TESTS_FOLDER_H
#define WAFER_TESTS_FOLDER_H

#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka's state of a test that has folder_make as its setup. */
struct folder {
    char path[64];
    char file[96]; /* a path in it where nothing is yet */
};

static inline int folder_make(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);

    assert_non_null(folder);
    const char *parent = getenv("WAFER_TEST_TMPDIR");

    (void)snprintf(folder->path, sizeof folder->path, "%s/wafer-test-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(folder->path));
    (void)snprintf(folder->file, sizeof folder->file, "%s/keys", folder->path);
    *state = folder;
    return 0;
}

/* Removes the files in it (there are no folders in it) and returns how many there were. */
static inline size_t folder_empty(const struct folder *folder, bool remove)
{
    DIR *open_folder = opendir(folder->path);
    const struct dirent *entry;
    size_t count = 0;

    assert_non_null(open_folder);
    while ((entry = readdir(open_folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            count++;
            if (remove)
                assert_int_equal(unlinkat(dirfd(open_folder), entry->d_name, 0), 0);
        }
    }
    (void)closedir(open_folder);
    return count;
}

static inline size_t folder_count(const struct folder *folder)
{
    return folder_empty(folder, false);
}

static inline size_t open_descriptors(void)
{
    return folder_count(&(struct folder){.path = "/proc/self/fd"});
}

static inline int folder_remove(void **state)
{
    struct folder *folder = *state;

    (void)folder_empty(folder, true);
    (void)rmdir(folder->path);
    free(folder);
    return 0;
}

static inline void write_bytes(const char *path, const void *bytes, size_t length, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, length), (ssize_t)length);
    assert_int_equal(fchmod(file, mode), 0);
    assert_int_equal(close(file), 0);
}

static inline void write_text(const char *path, const char *text, mode_t mode)
{
    write_bytes(path, text, strlen(text), mode);
}

/* Reads a file into text, NUL-terminated, and returns its length. */
static inline size_t read_text(const char *path, char *text, size_t capacity)
{
    int file = open(path, O_RDONLY);
    ssize_t length;

    assert_true(file >= 0);
    length = read(file, text, capacity - 1);
    assert_true(length >= 0);
    text[length] = '\0';
    assert_int_equal(close(file), 0);
    return (size_t)length;
}

/* Changes a few bytes of a file. */
static inline void put_bytes(const char *path, size_t offset, const void *bytes, size_t length)
{
    int file = open(path, O_WRONLY);

    assert_true(file >= 0);
    assert_int_equal(pwrite(file, bytes, length, (off_t)offset), (ssize_t)length);
    assert_int_equal(close(file), 0);
}

static inline unsigned mode_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return (unsigned)status.st_mode & 07777U;
}

/* A wafer_clock; the context is the time. */
static inline int64_t clock_by_hand(void *now_ms)
{
    return *(const int64_t *)now_ms;
}

#endif
