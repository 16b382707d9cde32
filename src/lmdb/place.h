/* The journal's two files, before LMDB sees them: whose they are, who may read them, and that
 * opening and closing are done by one process at a time. */
#ifndef WAFER_SRC_LMDB_PLACE_H
#define WAFER_SRC_LMDB_PLACE_H

#include <sys/stat.h>

#include <wafer.h>

#define WAFER_JOURNAL_LOCK_SUFFIX "-lock"

/* The modes that a file has when it is made; one that is there may be stricter. */
mode_t wafer_place_mode(bool group_readable);

/* The path with the folder resolved, so that it names the same file after chdir. To be freed. */
wafer_result wafer_place_resolve(const char *path, char **resolved, wafer_error *error);

/* Opens the journal, which must be there, as a whole and ours, and takes the lock under which it is
 * opened and closed. *file goes to wafer_place_leave. */
wafer_result wafer_place_enter(const char *path, bool group_readable, int *file,
                               struct stat *status, wafer_error *error);
/* Takes the lock of a file that is open already, if the path still names it; returns -1 else. */
int wafer_place_enter_again(const char *path, dev_t device, ino_t inode);
/* Gives the lock back, which forked children's copies of the descriptor would keep. */
void wafer_place_leave(int file);

/* Takes the descriptors 0 to 2 where they are closed, until wafer_place_free_streams: else LMDB
 * might get one of them, and what a program prints would go into the journal. */
struct wafer_place_streams {
    int held[3];
};
struct wafer_place_streams wafer_place_hold_streams(void);
void wafer_place_free_streams(const struct wafer_place_streams *streams);

/* Makes the lock file if it is missing: LMDB would make it as the umask says. Checks it if not,
 * without opening it, as closing it would drop LMDB's locks. */
wafer_result wafer_place_make_lock_file(const char *path, bool group_readable, wafer_error *error);

#endif
