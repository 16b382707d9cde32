/* Small private files: read whole, written whole or not at all. */
#ifndef WAFER_SRC_FILE_H
#define WAFER_SRC_FILE_H

#include <sys/types.h>

#include <wafer.h>

/* The mode of a file that is made. */
mode_t wafer_file_mode(bool group_readable);

/* Reads a file into sodium_malloc memory (*text, sodium_free by the caller, NUL-terminated).
 * WAFER_INVALID when it is not a regular file or its mode lets others in (group may read when
 * told); TOO_LARGE over `maximum`; SYSTEM with errno. */
wafer_result wafer_file_read(const char *path, bool group_readable, size_t maximum, char **text,
                             size_t *length, wafer_error *error);

/* Writes a file through a temporary one in the same folder: write, fsync, rename (or link for a
 * new file, which fails with EEXIST), fsync of the folder. On error nothing is left behind and the
 * old file stands; only when that last fsync fails does a replaced file stay replaced, and the
 * sentence says so. A new file is 0600, or 0640 when group_readable; a replaced one keeps mode,
 * owner and group, and of a symbolic link the file it points at is replaced. */
wafer_result wafer_file_create(const char *path, bool group_readable, const char *text,
                               size_t length, wafer_error *error);
wafer_result wafer_file_replace(const char *path, const char *text, size_t length,
                                wafer_error *error);

/* Locks a file that may be replaced, against other callers of this. *lock is a descriptor; closing
 * it unlocks. The lock is on the file that has this path once it is held, so a file replaced while
 * waiting is not mistaken for it. SYSTEM with errno, EWOULDBLOCK when somebody else holds it. */
wafer_result wafer_file_lock(const char *path, int *lock, wafer_error *error);

/* For those who make a file by themselves. The name of a temporary one beside a path, to be freed;
 * NULL with errno. */
char *wafer_file_name_beside(const char *path);
/* Opens the folder that a path is in; -1 with errno. */
int wafer_file_open_folder(const char *path);
/* Syncs an open folder: without this a crash could undo a new name in it. False with errno. */
bool wafer_file_sync_folder(int folder);

#endif
