/* A folder of this process's own for the targets that work on files, in memory where there is a
 * file system in memory. It goes when the process ends by itself; one that is killed leaves it. */
#ifndef WAFER_FUZZ_FOLDER_H
#define WAFER_FUZZ_FOLDER_H

#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char fuzz_folder[64];
static pid_t fuzz_folder_owner;

static inline void fuzz_folder_remove(void)
{
    DIR *folder;
    const struct dirent *entry;

    if (getpid() != fuzz_folder_owner)
        return;
    folder = opendir(fuzz_folder);
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        (void)closedir(folder);
    (void)rmdir(fuzz_folder);
}

/* Makes the folder; path becomes that of a file in it. */
static inline void fuzz_folder_make(const char *name, char path[96])
{
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    (void)snprintf(fuzz_folder, sizeof fuzz_folder, "%s/wafer-fuzz-XXXXXX", parent);
    must(mkdtemp(fuzz_folder) != NULL);
    (void)snprintf(path, 96, "%s/%s", fuzz_folder, name);
    fuzz_folder_owner = getpid();
    must(atexit(fuzz_folder_remove) == 0);
}

/* The file has these bytes then. One that is there stays the same file. */
static inline void write_file(const char *path, const void *bytes, size_t length)
{
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    must(file >= 0);
    must(pwrite(file, bytes, length, 0) == (ssize_t)length);
    must(ftruncate(file, (off_t)length) == 0);
    must(close(file) == 0);
}

/* Reads a whole file; free it. */
static inline uint8_t *read_file(const char *path, size_t *length)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    uint8_t *bytes;

    must(file >= 0 && fstat(file, &status) == 0);
    *length = (size_t)status.st_size;
    bytes = malloc(*length + 1);
    must(bytes != NULL && pread(file, bytes, *length, 0) == (ssize_t)*length);
    must(close(file) == 0);
    return bytes;
}

/* An entry of each kind in turn. */
static inline wafer_revocation fuzz_entry(uint8_t number)
{
    wafer_revocation entry = {.kind = (wafer_revocation_kind)(1 + number % 4)};

    if (entry.kind != WAFER_REVOKE_EVERYONE)
        memset(entry.key, number, sizeof entry.key);
    if (entry.kind == WAFER_REVOKE_COPIES)
        entry.renewals = number;
    return entry;
}

static inline void fuzz_fill(wafer_revocations *list, uint8_t entries)
{
    for (uint8_t i = 0; i < entries; i++) {
        wafer_revocation entry = fuzz_entry(i);

        must(wafer_revocations_apply(list, FUZZ_NOW + i, &entry) == WAFER_OK);
    }
}

#endif
