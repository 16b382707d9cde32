/* Calls of the system and of libraries that fail when a test says so: the first, the second ... of
 * one kind. The Makefile links with --wrap what a test wraps. For one file of a program. */
#ifndef WAFER_TESTS_FAULTS_H
#define WAFER_TESTS_FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

static const char *armed = ""; /* the kind of call that fails */
static long countdown;         /* at which of them; 0: it has */
static long for_so_many = 1;   /* calls it fails from then on */
static int fail_errno;         /* with what */
static bool was_reached;       /* whether one did */

static inline bool fails(const char *kind)
{
    if (countdown == 0 || strcmp(kind, armed) != 0 || --countdown > 0)
        return false;
    if (--for_so_many > 0)
        countdown = 1;
    was_reached = true;
    errno = fail_errno;
    return true;
}

static inline void arm_many(const char *kind, long nth, long many, int error)
{
    armed = kind;
    countdown = nth;
    for_so_many = many;
    was_reached = false;
    fail_errno = error;
}

static inline void arm(const char *kind, long nth, int error)
{
    arm_many(kind, nth, 1, error);
}

/* True when the call that was to fail was never reached. */
static inline bool disarm(void)
{
    countdown = 0;
    armed = "";
    return !was_reached;
}

/* While calls are counted, the library alone calls: no program that is started meanwhile may get a
 * descriptor of its, and what it makes is new. */
static inline void check_open(int flags)
{
    const int new = O_EXCL | O_NOFOLLOW;

    if (*armed != '\0' && (flags & O_CLOEXEC) == 0)
        fail_msg("a file is opened without O_CLOEXEC");
    if (*armed != '\0' && (flags & O_CREAT) != 0 && (flags & new) != new)
        fail_msg("a file is made without O_EXCL and O_NOFOLLOW");
}

/* The names are the linker's: __real_x is what __wrap_x stands in front of. */
#define WRAP(type, name, failed, parameters, arguments)                                            \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails(#name) ? (failed) : __real_##name arguments;                                  \
    }

/* One that succeeds may change errno all the same. */
#define WRAP_CLOSE                                                                                 \
    int __real_close(int file);                                                                    \
    int __wrap_close(int file);                                                                    \
    int __wrap_close(int file)                                                                     \
    {                                                                                              \
        int result = __real_close(file);                                                           \
        errno = result == 0 ? ENOTTY : errno;                                                      \
        return result;                                                                             \
    }

/* The second is what open is when the compiler checks that no mode is missing. */
#define WRAP_OPEN                                                                                  \
    int __real_open(const char *path, int flags, mode_t mode);                                     \
    int __wrap_open(const char *path, int flags, mode_t mode);                                     \
    int __wrap_open(const char *path, int flags, mode_t mode)                                      \
    {                                                                                              \
        check_open(flags);                                                                         \
        return fails("open") ? -1 : __real_open(path, flags, mode);                                \
    }                                                                                              \
    int __wrap___open_2(const char *path, int flags);                                              \
    int __wrap___open_2(const char *path, int flags)                                               \
    {                                                                                              \
        check_open(flags);                                                                         \
        return fails("open") ? -1 : __real_open(path, flags, 0);                                   \
    }

#endif
