/* Counts the calls of a process that change files under one folder, and breaks
 * one of them. Preloaded (LD_PRELOAD), so that it also sees the calls that C
 * libraries such as HDF5 make. Nothing happens before `faults_arm`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT, KILL_BEFORE, KILL_AFTER, KILL_HALF, FAIL_ONCE, FAIL_ON };
enum { GROWS = 1, WRITES = 2 }; /* needs space; can be done by half */

static char root[PATH_MAX];
static size_t root_length;
static long chosen = -1;
static int mode, error_number, log_fd = -1;
static atomic_long calls;

/* Breaks call number `number` on files under `folder`, and lists all calls in
 * the file `list`. */
int faults_arm(const char *folder, long number, int how, int error,
               const char *list)
{
    if (!realpath(folder, root)) return -1;
    root_length = strlen(root);
    chosen = number, mode = how, error_number = error;
    atomic_store(&calls, 0);
    log_fd = syscall(SYS_openat, AT_FDCWD, list,
                     O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    return log_fd;
}

/* From now on nothing is counted or broken. */
void faults_disarm(void) { root_length = 0; }

static int under_root(const char *path)
{
    return !strncmp(path, root, root_length) &&
           (path[root_length] == '/' || !path[root_length]);
}

/* Copies the absolute path of an argument; 0 if it is not watched. */
static int watched(int folder, const char *path, char *found)
{
    if (!root_length || !path) return 0;
    if (path[0] == '/') {
        snprintf(found, PATH_MAX, "%s", path);
    } else {
        char link[64], base[PATH_MAX];
        ssize_t n = -1;
        if (folder == AT_FDCWD) {
            if (getcwd(base, sizeof base)) n = strlen(base);
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            n = readlink(link, base, sizeof base - 1);
        }
        if (n < 0) return 0;
        base[n] = 0;
        if (snprintf(found, PATH_MAX, "%s/%s", base, path) >= PATH_MAX)
            return 0;
    }
    return under_root(found);
}

static int watched_fd(int fd, char *found)
{
    if (!root_length) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, found, PATH_MAX - 1);
    if (n < 0) return 0;
    found[n] = 0;
    return under_root(found);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

enum { GO_ON, FAIL, HALF, THEN_DIE };

/* What is to happen to this call. */
static int fate(const char *name, const char *path, int kind)
{
    long number = atomic_fetch_add(&calls, 1);
    char line[PATH_MAX + 64];
    int n = snprintf(line, sizeof line, "%s %s\n", name,
                     path + root_length + (path[root_length] == '/'));
    syscall(SYS_write, log_fd, line, n);
    if (chosen < 0 || number < chosen) return GO_ON;
    if (mode == FAIL_ON) {
        if (error_number == ENOSPC && !(kind & GROWS)) return GO_ON;
        if (error_number == ENOSPC && kind & WRITES && number == chosen)
            return HALF; /* what a disk does that fills up */
        return errno = error_number, FAIL;
    }
    if (number > chosen) return GO_ON;
    switch (mode) {
    case KILL_BEFORE: die();
    case KILL_AFTER: return THEN_DIE;
    case KILL_HALF: return HALF;
    case FAIL_ONCE: return errno = error_number, FAIL;
    }
    return GO_ON;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define PERFORM(name, path, kind, call)                                       \
    do {                                                                      \
        int what = fate(name, path, kind);                                    \
        if (what == FAIL) return -1;                                          \
        __typeof__(call) result = call;                                       \
        if (what != GO_ON) die();                                             \
        return result;                                                        \
    } while (0)

#define WRITE(name, path, size, call, half)                                   \
    do {                                                                      \
        int what = fate(name, path, GROWS | WRITES);                          \
        if (what == FAIL) return -1;                                          \
        if (what == HALF) {                                                   \
            if (size < 2) {                                                   \
                if (mode == KILL_HALF) die();                                 \
                return errno = error_number, -1;                              \
            }                                                                 \
            ssize_t written = half;                                           \
            if (mode == KILL_HALF) die();                                     \
            return written;                                                   \
        }                                                                     \
        ssize_t result = call;                                                \
        if (what == THEN_DIE) die();                                          \
        return result;                                                        \
    } while (0)

#define OPENS(flags)                                                          \
    ((flags) & (O_CREAT | O_TRUNC) || ((flags) & O_ACCMODE) != O_RDONLY)

static int open_at(int folder, const char *path, int flags, mode_t permissions)
{
    char found[PATH_MAX];
    int (*real)(int, const char *, int, ...) = REAL(openat);
    if (!OPENS(flags) || !watched(folder, path, found))
        return real(folder, path, flags, permissions);
    PERFORM("open", found, flags & O_CREAT ? GROWS : 0,
            real(folder, path, flags, permissions));
}

#define PERMISSIONS                                                           \
    mode_t permissions = 0;                                                   \
    if (flags & (O_CREAT | O_TMPFILE)) {                                      \
        va_list rest;                                                         \
        va_start(rest, flags);                                                \
        permissions = va_arg(rest, mode_t);                                   \
        va_end(rest);                                                         \
    }

int open(const char *path, int flags, ...)
{
    PERMISSIONS
    return open_at(AT_FDCWD, path, flags, permissions);
}

int open64(const char *path, int flags, ...)
{
    PERMISSIONS
    return open_at(AT_FDCWD, path, flags, permissions);
}

int openat(int folder, const char *path, int flags, ...)
{
    PERMISSIONS
    return open_at(folder, path, flags, permissions);
}

int openat64(int folder, const char *path, int flags, ...)
{
    PERMISSIONS
    return open_at(folder, path, flags, permissions);
}

int creat(const char *path, mode_t permissions)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, permissions);
}

ssize_t write(int fd, const void *data, size_t size)
{
    char found[PATH_MAX];
    __typeof__(&write) real = REAL(write);
    if (!watched_fd(fd, found)) return real(fd, data, size);
    WRITE("write", found, size, real(fd, data, size), real(fd, data, size / 2));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    char found[PATH_MAX];
    __typeof__(&pwrite) real = REAL(pwrite);
    if (!watched_fd(fd, found)) return real(fd, data, size, offset);
    WRITE("write", found, size, real(fd, data, size, offset),
          real(fd, data, size / 2, offset));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    return pwrite(fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int number)
{
    char found[PATH_MAX];
    __typeof__(&writev) real = REAL(writev);
    if (!watched_fd(fd, found)) return real(fd, parts, number);
    WRITE("write", found, (number > 1 ? 2 : 1), real(fd, parts, number),
          real(fd, parts, number / 2));
}

ssize_t sendfile(int out, int in, off_t *offset, size_t size)
{
    char found[PATH_MAX];
    ssize_t (*real)(int, int, off_t *, size_t) = dlsym(RTLD_NEXT, "sendfile");
    if (!watched_fd(out, found)) return real(out, in, offset, size);
    PERFORM("write", found, GROWS, real(out, in, offset, size));
}

ssize_t sendfile64(int out, int in, off_t *offset, size_t size)
{
    return sendfile(out, in, offset, size);
}

#define OF_FD(name, kind, parameters, arguments)                              \
    int name parameters                                                       \
    {                                                                         \
        char found[PATH_MAX];                                                 \
        __typeof__(&name) real = REAL(name);                                  \
        if (!watched_fd(fd, found)) return real arguments;                    \
        PERFORM(#name, found, kind, real arguments);                          \
    }

OF_FD(fsync, GROWS, (int fd), (fd))
OF_FD(fdatasync, GROWS, (int fd), (fd))
OF_FD(ftruncate, 0, (int fd, off_t size), (fd, size))
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

#define OF_PATH(name, kind, folder, parameters, arguments)                    \
    int name parameters                                                       \
    {                                                                         \
        char found[PATH_MAX];                                                 \
        __typeof__(&name) real = REAL(name);                                  \
        if (!watched(folder, path, found)) return real arguments;             \
        PERFORM(#name, found, kind, real arguments);                          \
    }

OF_PATH(truncate, 0, AT_FDCWD, (const char *path, off_t size), (path, size))
int truncate64(const char *path, off_t size) { return truncate(path, size); }
OF_PATH(unlink, 0, AT_FDCWD, (const char *path), (path))
OF_PATH(unlinkat, 0, at, (int at, const char *path, int flags),
        (at, path, flags))
OF_PATH(rmdir, 0, AT_FDCWD, (const char *path), (path))
OF_PATH(mkdir, GROWS, AT_FDCWD, (const char *path, mode_t permissions),
        (path, permissions))
OF_PATH(mkdirat, GROWS, at, (int at, const char *path, mode_t permissions),
        (at, path, permissions))
OF_PATH(rename, 0, AT_FDCWD, (const char *path, const char *to), (path, to))
OF_PATH(renameat, 0, at,
        (int at, const char *path, int to_at, const char *to),
        (at, path, to_at, to))
