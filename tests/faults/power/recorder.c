/* Writes down every change a process makes to the files of one folder, in order, with its data.

   Preloaded. POWER_FOLDER names the folder, POWER_LOG the log. A change is logged after it was made,
   in one append, so that whoever hears of its effects and appends to the same log comes after it.
   While the file POWER_FULL exists, writes to names that end in ".head" find the disk full.
   A -shm file is left out: it is mapped, and worth nothing after a restart.

   A record: six int64 (kind, process, descriptor, offset, lengths of name and data), name, data. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS 4096
enum { OPENED = 1, CREATED, EMPTIED, WRITTEN, CUT, SYNCED, REMOVED, RENAMED, CLOSED };

static char folder[4096];
static size_t folder_length;
static int log_descriptor = -1;
static const char *full;
static char *names[DESCRIPTORS];

#define REAL(name, type, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

__attribute__((constructor)) static void start(void) {
    const char *named = getenv("POWER_FOLDER"), *log = getenv("POWER_LOG");
    full = getenv("POWER_FULL");
    if (!named || !log || !realpath(named, folder)) return;
    folder_length = strlen(folder);
    log_descriptor =
        syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

/* The name inside the folder, "" for the folder itself, or NULL for what does not concern us. */
static const char *inside(const char *path, char *room) {
    if (log_descriptor < 0 || !path) return NULL;
    if (path[0] != '/') {
        if (!getcwd(room, 4096) || strlen(room) + strlen(path) + 2 > 8192) return NULL;
        strcat(strcat(room, "/"), path);
        path = room;
    }
    if (strncmp(path, folder, folder_length)) return NULL;
    path += folder_length;
    if (*path == 0) return "";
    if (*path != '/' || strchr(path + 1, '/')) return NULL;
    size_t length = strlen(++path);
    return length > 4 && !strcmp(path + length - 4, "-shm") ? NULL : path;
}

static void put(int64_t kind, int64_t descriptor, int64_t offset, const char *name,
                const void *data, size_t length) {
    int kept = errno;
    int64_t header[6] = {kind, getpid(), descriptor, offset, name ? strlen(name) : 0, length};
    struct iovec parts[3] = {{header, sizeof header},
                             {(void *)name, name ? strlen(name) : 0},
                             {(void *)data, length}};
    size_t total = sizeof header + parts[1].iov_len + length;
    if ((size_t)syscall(SYS_writev, log_descriptor, parts, 3) != total) abort();
    errno = kept;
}

static int known(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS && names[descriptor];
}

static int opened(const char *function, int at, const char *path, int flags, mode_t mode) {
    char room[8192];
    struct stat found;
    const char *name = at == AT_FDCWD || (path && path[0] == '/') ? inside(path, room) : NULL;
    int there = name && !stat(path, &found);
    int result = strstr(function, "openat")
                     ? REAL(function, int, int, const char *, int, ...)(at, path, flags, mode)
                     : REAL(function, int, const char *, int, ...)(path, flags, mode);
    if (name && result >= 0 && result < DESCRIPTORS) {
        names[result] = strdup(name);
        put(there ? OPENED : CREATED, result, 0, name, NULL, 0);
        if (there && (flags & O_TRUNC)) put(EMPTIED, result, 0, name, NULL, 0);
    }
    return result;
}

#define MODE                                     \
    mode_t mode = 0;                             \
    if (flags & (O_CREAT | O_TMPFILE)) {         \
        va_list more;                            \
        va_start(more, flags);                   \
        mode = va_arg(more, mode_t);             \
        va_end(more);                            \
    }

int open(const char *path, int flags, ...) { MODE return opened("open", AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened("open64", AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opened("openat", at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opened("openat64", at, path, flags, mode); }

int close(int descriptor) {
    if (known(descriptor)) {
        free(names[descriptor]);
        names[descriptor] = NULL;
        put(CLOSED, descriptor, 0, NULL, NULL, 0);
    }
    return REAL("close", int, int)(descriptor);
}

static int refused(int descriptor) {
    if (!full || syscall(SYS_faccessat, AT_FDCWD, full, F_OK)) return 0;
    size_t length = strlen(names[descriptor]);
    if (length < 5 || strcmp(names[descriptor] + length - 5, ".head")) return 0;
    errno = ENOSPC;
    return 1;
}

static ssize_t written_at(const char *function, int descriptor, const void *data, size_t length,
                          off64_t offset) {
    if (known(descriptor) && refused(descriptor)) return -1;
    ssize_t result = REAL(function, ssize_t, int, const void *, size_t, off64_t)(
        descriptor, data, length, offset);
    if (result > 0 && known(descriptor)) put(WRITTEN, descriptor, offset, NULL, data, result);
    return result;
}

ssize_t pwrite(int descriptor, const void *data, size_t length, off_t offset) {
    return written_at("pwrite", descriptor, data, length, offset);
}
ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t offset) {
    return written_at("pwrite64", descriptor, data, length, offset);
}
ssize_t write(int descriptor, const void *data, size_t length) {
    int ours = known(descriptor);
    if (ours && refused(descriptor)) return -1;
    ssize_t result = REAL("write", ssize_t, int, const void *, size_t)(descriptor, data, length);
    if (result > 0 && ours) {
        off_t end = lseek(descriptor, 0, SEEK_CUR);
        put(WRITTEN, descriptor, end - result, NULL, data, result);
    }
    return result;
}

static int cut(const char *function, int descriptor, off64_t length) {
    int result = REAL(function, int, int, off64_t)(descriptor, length);
    if (!result && known(descriptor)) put(CUT, descriptor, length, NULL, NULL, 0);
    return result;
}
int ftruncate(int descriptor, off_t length) { return cut("ftruncate", descriptor, length); }
int ftruncate64(int descriptor, off64_t length) { return cut("ftruncate64", descriptor, length); }

static int synced(const char *function, int descriptor) {
    int result = REAL(function, int, int)(descriptor);
    if (!result && known(descriptor)) put(SYNCED, descriptor, 0, NULL, NULL, 0);
    return result;
}
int fsync(int descriptor) { return synced("fsync", descriptor); }
int fdatasync(int descriptor) { return synced("fdatasync", descriptor); }

static void removed(const char *path, int result) {
    char room[8192];
    const char *name = inside(path, room);
    if (name && !result) put(REMOVED, -1, 0, name, NULL, 0);
}
int unlink(const char *path) {
    int result = REAL("unlink", int, const char *)(path);
    removed(path, result);
    return result;
}
int unlinkat(int at, const char *path, int flags) {
    int result = REAL("unlinkat", int, int, const char *, int)(at, path, flags);
    removed(path, result);
    return result;
}

static int renamed(const char *from, const char *to, int result) {
    char room[8192], other[8192];
    const char *old = inside(from, room), *new = inside(to, other);
    if (!result && (old || new))
        put(RENAMED, -1, 0, old ? old : "", new ? new : "", new ? strlen(new) : 0);
    return result;
}
int rename(const char *from, const char *to) {
    return renamed(from, to, REAL("rename", int, const char *, const char *)(from, to));
}
int renameat(int at, const char *from, int there, const char *to) {
    return renamed(from, to,
                   REAL("renameat", int, int, const char *, int, const char *)(at, from, there, to));
}
