/* Faults of the disk at the n-th call, for a program that is started with this in LD_PRELOAD.
 *
 * Counted, over all threads, are calls that change files below FAULT_UNDER. At call FAULT_AT:
 *   eio     it fails with EIO, once          dead    it and all later ones fail with EIO
 *   enospc  it fails with ENOSPC, and so do all later ones that allocate
 *   short   half of a write happens and the rest fails, from then on as enospc
 *   kill    SIGKILL before it                torn    SIGKILL after half of a write, or after the call
 * FAULT_LOG gets a line "HIT n call path" then; with FAULT_AT=0 a line for every call.
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
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum outcome { NONE, FAIL, HALF, HALF_KILL, KILL_AFTER };

static atomic_long calls;
/* This thread has yet to be told that the rest of its write failed. */
static _Thread_local int halved;

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static void note(const char *what, long n, const char *call, const char *path) {
    char line[PATH_MAX + 64];
    int len = snprintf(line, sizeof line, "%s %ld %s %s\n", what, n, call, path);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, setting("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0) return;
    syscall(SYS_write, fd, line, (size_t)len);
    syscall(SYS_close, fd);
}

/* What becomes of this call; errno is set when it fails. */
static enum outcome judge(const char *call, const char *path, int allocates, int writes) {
    const char *under = setting("FAULT_UNDER"), *mode = setting("FAULT_MODE");
    if (!*under || strncmp(path, under, strlen(under)) != 0) return NONE;
    long n = atomic_fetch_add(&calls, 1) + 1, at = atol(setting("FAULT_AT"));
    if (at == 0) note("CALL", n, call, path);
    if (at == 0 || n < at) return NONE;
    if (n == at) note("HIT", n, call, path);
    int dead = !strcmp(mode, "dead"), full = !strcmp(mode, "enospc") || !strcmp(mode, "short");
    if (n > at && !dead && !(full && allocates) && !(halved && writes)) return NONE;
    halved = 0;
    if (!strcmp(mode, "kill")) kill(getpid(), SIGKILL);
    if (!strcmp(mode, "torn")) return writes ? HALF_KILL : KILL_AFTER;
    if (!strcmp(mode, "short") && n == at && writes) { halved = 1; return HALF; }
    errno = full ? ENOSPC : EIO;
    return FAIL;
}

static enum outcome judge_fd(const char *call, int fd, int allocates, int writes) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int before = errno;
    ssize_t len = readlink(link, path, sizeof path - 1);
    errno = before;
    if (len < 0) return NONE;
    path[len] = 0;
    return judge(call, path, allocates, writes);
}

/* Below a file's length there is space already. */
static int extends(int fd, size_t count, off64_t at) {
    struct stat found;
    return fstat(fd, &found) != 0 || at + (off64_t)count > found.st_size;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The real call, or its fault. */
#define DONE(fault, result)                                   \
    do {                                                      \
        enum outcome what_ = (fault);                           \
        if (what_ == FAIL) return -1;                         \
        __typeof__(result) done_ = (result);                  \
        if (what_ == KILL_AFTER) kill(getpid(), SIGKILL);     \
        return done_;                                         \
    } while (0)

/* The same for a write of `count` bytes, which may happen by half. */
#define WRITTEN(fault, count, write_of)                       \
    do {                                                      \
        enum outcome what_ = (fault);                           \
        if (what_ == FAIL) return -1;                         \
        size_t len_ = what_ == NONE ? (count) : (count) / 2;  \
        if (what_ == HALF && len_ == 0) { errno = ENOSPC; return -1; } \
        ssize_t done_ = write_of;                             \
        if (what_ == HALF_KILL) kill(getpid(), SIGKILL);      \
        return done_;                                         \
    } while (0)

ssize_t write(int fd, const void *b, size_t c) { WRITTEN(judge_fd("write", fd, 1, 1), c, REAL(write)(fd, b, len_)); }
ssize_t pwrite(int fd, const void *b, size_t c, off_t o) { WRITTEN(judge_fd("pwrite", fd, extends(fd, c, o), 1), c, REAL(pwrite)(fd, b, len_, o)); }
ssize_t pwrite64(int fd, const void *b, size_t c, off64_t o) { WRITTEN(judge_fd("pwrite", fd, extends(fd, c, o), 1), c, REAL(pwrite64)(fd, b, len_, o)); }
ssize_t writev(int fd, const struct iovec *v, int n) { DONE(judge_fd("writev", fd, 1, 0), REAL(writev)(fd, v, n)); }

int fsync(int fd) { DONE(judge_fd("fsync", fd, 0, 0), REAL(fsync)(fd)); }
int fdatasync(int fd) { DONE(judge_fd("fdatasync", fd, 0, 0), REAL(fdatasync)(fd)); }
int sync_file_range(int fd, off64_t o, off64_t n, unsigned f) { DONE(judge_fd("sync_file_range", fd, 0, 0), REAL(sync_file_range)(fd, o, n, f)); }
int ftruncate(int fd, off_t n) { DONE(judge_fd("ftruncate", fd, 0, 0), REAL(ftruncate)(fd, n)); }
int ftruncate64(int fd, off64_t n) { DONE(judge_fd("ftruncate", fd, 0, 0), REAL(ftruncate64)(fd, n)); }
int fallocate(int fd, int m, off_t o, off_t n) { DONE(judge_fd("fallocate", fd, 1, 0), REAL(fallocate)(fd, m, o, n)); }
int fallocate64(int fd, int m, off64_t o, off64_t n) { DONE(judge_fd("fallocate", fd, 1, 0), REAL(fallocate64)(fd, m, o, n)); }

int rename(const char *a, const char *b) { DONE(judge("rename", b, 0, 0), REAL(rename)(a, b)); }
int renameat(int x, const char *a, int y, const char *b) { DONE(judge("rename", b, 0, 0), REAL(renameat)(x, a, y, b)); }
int renameat2(int x, const char *a, int y, const char *b, unsigned f) { DONE(judge("rename", b, 0, 0), REAL(renameat2)(x, a, y, b, f)); }
int mkdir(const char *p, mode_t m) { DONE(judge("mkdir", p, 1, 0), REAL(mkdir)(p, m)); }
int unlink(const char *p) { DONE(judge("unlink", p, 0, 0), REAL(unlink)(p)); }

/* Opening counts where it may make a file. */
#define OPENED(call)                                          \
    mode_t m = 0;                                             \
    if (f & O_CREAT) { va_list l; va_start(l, f); m = va_arg(l, mode_t); va_end(l); } \
    DONE(f & O_CREAT ? judge("open", p, 1, 0) : NONE, call)

int open(const char *p, int f, ...) { OPENED(REAL(open)(p, f, m)); }
int open64(const char *p, int f, ...) { OPENED(REAL(open64)(p, f, m)); }
int openat(int d, const char *p, int f, ...) { OPENED(REAL(openat)(d, p, f, m)); }
int openat64(int d, const char *p, int f, ...) { OPENED(REAL(openat64)(d, p, f, m)); }
