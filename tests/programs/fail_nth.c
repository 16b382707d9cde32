/* A library to be loaded in front of others (LD_PRELOAD) that makes calls of a program and of the
 * libraries below it fail:
 *
 *     WAFER_FAIL=NAME:NTH:ERRNO   the NTH call of a function fails with errno ERRNO, a number
 *     WAFER_FAIL=NAME:NTH:0       a read, write or getrandom does half of what it was asked to
 *     WAFER_CALLS=FILE            at the end FILE holds "failed" if the one call was reached, and a
 *                                 line "NAME COUNT" for each function that was called
 *
 * What fails was not done, unless it closes or removes a file: that is done, so that what is left
 * behind is not this library's doing. Nobody waits: sleeping takes no time, and the signal that the
 * program waits for comes. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#define NAMES_MAX 128

struct counted {
    const char *name;
    long calls;
};

static struct counted counted[NAMES_MAX];
static bool counting;   /* from when the environment was read until main has returned */
static bool in_sodium;  /* which aborts the program when it gets no randomness */
static char chosen[64]; /* the function that is to fail */
static long countdown;  /* at which of its calls */
static int fail_errno;
static bool was_reached;

static bool fails(const char *name)
{
    size_t at = 0;

    if (!counting)
        return false;
    while (at < NAMES_MAX - 1 && counted[at].name != NULL && strcmp(counted[at].name, name) != 0)
        at++;
    counted[at].name = name;
    counted[at].calls++;
    if (strcmp(name, chosen) != 0 || --countdown != 0)
        return false;
    was_reached = true;
    errno = fail_errno;
    return true;
}

/* While a function is looked up, which may allocate, there is no other to be had. */
static void *find(const char *name)
{
    static bool finding;
    void *found;

    if (finding)
        return NULL;
    finding = true;
    found = dlsym(RTLD_NEXT, name);
    finding = false;
    return found;
}

#define WRAP(type, name, failed, parameters, arguments)                                            \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (fails(#name))                                                                          \
            return failed;                                                                         \
        if (real == NULL)                                                                          \
            *(void **)&real = find(#name);                                                         \
        return real == NULL ? (failed) : real arguments;                                           \
    }
/* Calls that their result alone says failed. */
#define WRAP_STATUS(name, parameters, arguments) WRAP(int, name, fail_errno, parameters, arguments)
/* Calls that are done before they fail. */
#define WRAP_DONE(name, parameters, arguments)                                                     \
    int name parameters;                                                                           \
    int name parameters                                                                            \
    {                                                                                              \
        static int(*real) parameters;                                                              \
        if (real == NULL)                                                                          \
            *(void **)&real = find(#name);                                                         \
        bool failing = fails(#name);                                                               \
        int result = real arguments;                                                               \
        if (failing)                                                                               \
            errno = fail_errno;                                                                    \
        return failing ? -1 : result;                                                              \
    }
/* Reading and writing: less than was asked for when there is no errno. */
#define WRAP_TRANSFER(name, parameters, arguments, less)                                           \
    ssize_t name parameters;                                                                       \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        static ssize_t(*real) parameters;                                                          \
        if (real == NULL)                                                                          \
            *(void **)&real = find(#name);                                                         \
        if (!fails(#name))                                                                         \
            return real arguments;                                                                 \
        return fail_errno != 0 ? -1 : real less;                                                   \
    }

static size_t half(size_t length)
{
    return length > 1 ? length / 2 : length;
}

/* ---- Memory ---- */

WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, NULL, (void *memory, size_t size), (memory, size))
WRAP(char *, strdup, NULL, (const char *text), (text))
WRAP(char *, strndup, NULL, (const char *text, size_t length), (text, length))
WRAP_STATUS(posix_memalign, (void **memory, size_t alignment, size_t size),
            (memory, alignment, size))
WRAP(void *, mmap, MAP_FAILED,
     (void *at, size_t size, int protection, int flags, int file, off_t offset),
     (at, size, protection, flags, file, offset))
WRAP(int, madvise, -1, (void *at, size_t size, int advice), (at, size, advice))
WRAP(int, mlock, -1, (const void *at, size_t size), (at, size))
WRAP(int, msync, -1, (void *at, size_t size, int flags), (at, size, flags))

/* ---- Files ---- */

WRAP(int, __open_2, -1, (const char *path, int flags), (path, flags))
WRAP(int, mkstemp, -1, (char *name), (name))
WRAP(char *, realpath, NULL, (const char *path, char *resolved), (path, resolved))
WRAP_TRANSFER(read, (int file, void *bytes, size_t length), (file, bytes, length),
              (file, bytes, half(length)))
WRAP_TRANSFER(pread, (int file, void *bytes, size_t length, off_t at), (file, bytes, length, at),
              (file, bytes, half(length), at))
WRAP_TRANSFER(write, (int file, const void *bytes, size_t length), (file, bytes, length),
              (file, bytes, half(length)))
WRAP_TRANSFER(pwrite, (int file, const void *bytes, size_t length, off_t at),
              (file, bytes, length, at), (file, bytes, half(length), at))
WRAP(int, fsync, -1, (int file), (file))
WRAP(int, fdatasync, -1, (int file), (file))
WRAP(int, ftruncate, -1, (int file, off_t size), (file, size))
WRAP_STATUS(posix_fallocate, (int file, off_t from, off_t length), (file, from, length))
WRAP(int, stat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, lstat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, fstat, -1, (int file, struct stat *status), (file, status))
WRAP(int, fstatfs, -1, (int file, struct statfs *status), (file, status))
WRAP(int, fchmod, -1, (int file, mode_t mode), (file, mode))
WRAP(int, fchown, -1, (int file, uid_t owner, gid_t group), (file, owner, group))
WRAP(int, link, -1, (const char *old, const char *new), (old, new))
WRAP(int, linkat, -1, (int from, const char *old, int to, const char *new, int flags),
     (from, old, to, new, flags))
WRAP(int, rename, -1, (const char *old, const char *new), (old, new))
WRAP(int, renameat, -1, (int from, const char *old, int to, const char *new), (from, old, to, new))
WRAP_DONE(unlink, (const char *path), (path))
WRAP_DONE(unlinkat, (int folder, const char *path, int flags), (folder, path, flags))
WRAP_DONE(close, (int file), (file))

int open(const char *path, int flags, ...)
{
    static int (*real)(const char *path, int flags, ...);
    va_list more;

    if (real == NULL)
        *(void **)&real = find("open");
    if (fails("open"))
        return -1;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return real(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    static int (*real)(int folder, const char *path, int flags, ...);
    va_list more;

    if (real == NULL)
        *(void **)&real = find("openat");
    if (fails("openat"))
        return -1;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return real(folder, path, flags, mode);
}

int fcntl(int file, int command, ...)
{
    static int (*real)(int file, int command, ...);
    va_list more;

    if (real == NULL)
        *(void **)&real = find("fcntl");
    if (fails("fcntl"))
        return -1;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return real(file, command, argument);
}

/* Unlocking never fails. */
int flock(int file, int operation)
{
    static int (*real)(int file, int operation);

    if (real == NULL)
        *(void **)&real = find("flock");
    return operation != LOCK_UN && fails("flock") ? -1 : real(file, operation);
}

/* What is to be flushed goes to a full disk. */
static int fflush_in_vain(int (*flush)(FILE *stream), FILE *stream)
{
    int file = fileno(stream);
    int kept = dup(file);
    int full = open("/dev/full", O_WRONLY);

    (void)dup2(full, file);
    int result = flush(stream);
    __fpurge(stream);
    (void)dup2(kept, file);
    (void)close(full);
    (void)close(kept);
    errno = fail_errno;
    return result;
}

int fflush(FILE *stream)
{
    static int (*real)(FILE *stream);

    if (real == NULL)
        *(void **)&real = find("fflush");
    if (!fails("fflush"))
        return real(stream);
    counting = false;
    int result = fflush_in_vain(real, stream);
    counting = true;
    return result;
}

/* ---- Time, signals, threads, randomness ---- */

WRAP(int, clock_gettime, -1, (clockid_t clock, struct timespec *time), (clock, time))
WRAP(int, sigaction, -1, (int signal, const struct sigaction *new, struct sigaction *old),
     (signal, new, old))
WRAP(int, sigprocmask, -1, (int how, const sigset_t *new, sigset_t *old), (how, new, old))
WRAP_STATUS(pthread_mutexattr_init, (pthread_mutexattr_t * attributes), (attributes))
WRAP_STATUS(pthread_mutexattr_setpshared, (pthread_mutexattr_t * attributes, int shared),
            (attributes, shared))
WRAP_STATUS(pthread_mutexattr_setrobust, (pthread_mutexattr_t * attributes, int robust),
            (attributes, robust))
WRAP_STATUS(pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes),
            (mutex, attributes))
WRAP_STATUS(pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
WRAP_STATUS(pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex))
WRAP_STATUS(pthread_key_create, (pthread_key_t * key, void (*destroy)(void *)), (key, destroy))

int nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)time;
    (void)left;
    return fails("nanosleep") ? -1 : 0;
}

int sigtimedwait(const sigset_t *signals, siginfo_t *information, const struct timespec *time)
{
    (void)signals;
    (void)information;
    (void)time;
    return fails("sigtimedwait") ? -1 : SIGTERM;
}

ssize_t getrandom(void *bytes, size_t length, unsigned flags)
{
    static ssize_t (*real)(void *bytes, size_t length, unsigned flags);

    if (real == NULL)
        *(void **)&real = find("getrandom");
    if (in_sodium || !fails("getrandom"))
        return real(bytes, length, flags);
    return fail_errno != 0 ? -1 : real(bytes, half(length), flags);
}

/* ---- libsodium and LMDB ---- */

int sodium_init(void);
int sodium_init(void)
{
    static int (*real)(void);

    if (real == NULL)
        *(void **)&real = find("sodium_init");
    if (fails("sodium_init"))
        return -1;
    in_sodium = true;
    int result = real();
    in_sodium = false;
    return result;
}

WRAP(void *, sodium_malloc, NULL, (size_t size), (size))
WRAP_STATUS(mdb_env_create, (void **environment), (environment))
WRAP_STATUS(mdb_env_open, (void *environment, const char *path, unsigned flags, mode_t mode),
            (environment, path, flags, mode))
WRAP_STATUS(mdb_env_set_mapsize, (void *environment, size_t size), (environment, size))
WRAP_STATUS(mdb_env_set_maxdbs, (void *environment, unsigned count), (environment, count))
WRAP_STATUS(mdb_env_info, (void *environment, void *information), (environment, information))
WRAP_STATUS(mdb_env_get_fd, (void *environment, int *file), (environment, file))
WRAP_STATUS(mdb_reader_check, (void *environment, int *dead), (environment, dead))
WRAP_STATUS(mdb_txn_begin, (void *environment, void *parent, unsigned flags, void **transaction),
            (environment, parent, flags, transaction))
WRAP_STATUS(mdb_dbi_open, (void *transaction, const char *name, unsigned flags, unsigned *database),
            (transaction, name, flags, database))
WRAP_STATUS(mdb_get, (void *transaction, unsigned database, void *key, void *data),
            (transaction, database, key, data))
WRAP_STATUS(mdb_put, (void *transaction, unsigned database, void *key, void *data, unsigned flags),
            (transaction, database, key, data, flags))
WRAP_STATUS(mdb_del, (void *transaction, unsigned database, void *key, void *data),
            (transaction, database, key, data))
WRAP_STATUS(mdb_cursor_open, (void *transaction, unsigned database, void **cursor),
            (transaction, database, cursor))
WRAP_STATUS(mdb_cursor_get, (void *cursor, void *key, void *data, int operation),
            (cursor, key, data, operation))
WRAP_STATUS(mdb_cursor_del, (void *cursor, unsigned flags), (cursor, flags))

/* Also a commit that fails ends the transaction. */
int mdb_txn_commit(void *transaction);
int mdb_txn_commit(void *transaction)
{
    int (*commit)(void *transaction);
    void (*give_up)(void *transaction);

    if (!fails("mdb_txn_commit")) {
        *(void **)&commit = find("mdb_txn_commit");
        return commit(transaction);
    }
    *(void **)&give_up = find("mdb_txn_abort");
    give_up(transaction);
    return fail_errno;
}

/* ---- What is to fail, and what was called ---- */

__attribute__((constructor)) static void begin(void)
{
    const char *wanted = getenv("WAFER_FAIL");

    if (wanted != NULL && sscanf(wanted, "%63[^:]:%ld:%d", chosen, &countdown, &fail_errno) != 3)
        _exit(3);
    counting = true;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("WAFER_CALLS");

    counting = false;
    FILE *calls = path != NULL ? fopen(path, "w") : NULL;
    if (calls == NULL)
        return;
    if (was_reached)
        (void)fputs("failed\n", calls);
    for (size_t at = 0; at < NAMES_MAX && counted[at].name != NULL; at++)
        (void)fprintf(calls, "%s %ld\n", counted[at].name, counted[at].calls);
    (void)fclose(calls);
}
