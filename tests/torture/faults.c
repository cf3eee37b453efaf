/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into the daemon under test: stands before the C library's calls that change files, and
 * lets those go wrong that the test names in the shared page.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/torture/faults.h"
#include "tests/torture/undo.h"

#define SHOWN __attribute__((visibility("default")))

static Faults *faults;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void find_faults(void) {
        const char *path = getenv(FAULTS_VARIABLE);
        void *page;
        int fd;

        if (!path)
                return;
        fd = (int) syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
        if (fd < 0)
                abort();
        page = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                abort();
        (void) close(fd);
        faults = page;
}

/* Whether a path is that of the directory or of a file in it. */
static bool is_inside(const char *path) {
        size_t n = strlen(faults->directory);

        return strncmp(path, faults->directory, n) == 0 &&
               (path[n] == '/' || path[n] == '\0' || path[n] == ' '); /* " (deleted)" */
}

static bool is_meant(int fd) {
        char link[64], path[4096];
        ssize_t n;

        if (!faults)
                return false;
        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return false;
        path[n] = '\0';
        return is_inside(path);
}

static void move_away(void) {
        char from[512], to[512];

        (void) snprintf(from, sizeof(from), "%s/%s", faults->directory, faults->moved);
        (void) snprintf(to, sizeof(to), "%s/%s", faults->attic, faults->moved);
        (void) syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* Counts a call of these kinds. true if it is to go wrong. */
static bool is_hit(uint32_t call, const char *what) {
        uint32_t number;

        if (!(faults->calls & call))
                return false;
        number = ++faults->n_calls;
        if (faults->from == 0 || number < faults->from || number > faults->until)
                return false;
        (void) snprintf(faults->hit, sizeof(faults->hit), "%s, call %u", what, number);
        faults->n_hit++;
        if (faults->action == FAULT_MOVE)
                move_away();
        return faults->action != FAULT_MOVE;
}

static void __attribute__((noreturn)) die(void) {
        (void) kill(getpid(), SIGKILL);
        for (;;)
                (void) pause();
}

/* The ways to go wrong that all calls share. Returns for FAULT_ERROR with errno set; the writing
 * ones are left to the caller. */
static void go_wrong(void) {
        switch ((FaultAction) faults->action) {
        case FAULT_KILL:
        case FAULT_KILL_HALF:
                die();
        case FAULT_POWER_CUT:
                undo_all(0);
                die();
        case FAULT_POWER_TORN:
                undo_all(faults->seed | 1);
                die();
        case FAULT_ERROR:
        case FAULT_SHORT:
        case FAULT_MOVE:
                errno = faults->error;
        }
}

/* -- bytes ------------------------------------------------------------------------------------- */

static ssize_t put(int fd, const void *data, size_t size, off_t offset) {
        return syscall(SYS_pwrite64, fd, data, size, offset);
}

static bool grows(int fd, size_t size, off_t offset) {
        struct stat st;

        return fstat(fd, &st) == 0 && offset + (off_t) size > st.st_size;
}

static ssize_t changed_put(int fd, const void *data, size_t size, off_t offset, const char *what) {
        if (!is_hit(FAULT_WRITE | (grows(fd, size, offset) ? FAULT_GROW : 0), what)) {
                undo_note_bytes(fd, offset, size);
                return put(fd, data, size, offset);
        }
        if (faults->action == FAULT_KILL_HALF || faults->action == FAULT_SHORT) {
                ssize_t n;

                undo_note_bytes(fd, offset, size);
                n = put(fd, data, size / 2, offset);
                if (faults->action == FAULT_SHORT)
                        return n;
        }
        go_wrong();
        return -1;
}

static ssize_t locked_put(int fd, const void *data, size_t size, off_t offset, const char *what) {
        ssize_t n;

        if (!is_meant(fd))
                return put(fd, data, size, offset);
        (void) pthread_mutex_lock(&mutex);
        n = changed_put(fd, data, size, offset, what);
        (void) pthread_mutex_unlock(&mutex);
        return n;
}

SHOWN ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
        return locked_put(fd, data, size, offset, "pwrite");
}

SHOWN ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
        return locked_put(fd, data, size, offset, "pwrite");
}

/* Where the next bytes go. */
static off_t position(int fd) {
        int flags = fcntl(fd, F_GETFL);

        return lseek(fd, 0, flags >= 0 && (flags & O_APPEND) ? SEEK_END : SEEK_CUR);
}

SHOWN ssize_t write(int fd, const void *data, size_t size) {
        off_t offset;
        ssize_t n;

        if (!is_meant(fd))
                return syscall(SYS_write, fd, data, size);
        (void) pthread_mutex_lock(&mutex);
        offset = position(fd);
        n = changed_put(fd, data, size, offset, "write");
        if (n > 0)
                (void) lseek(fd, offset + n, SEEK_SET);
        (void) pthread_mutex_unlock(&mutex);
        return n;
}

static int change_size(int fd, off_t size) {
        int r = -1;

        if (!is_meant(fd))
                return (int) syscall(SYS_ftruncate, fd, size);
        (void) pthread_mutex_lock(&mutex);
        if (is_hit(FAULT_TRUNCATE, "ftruncate"))
                go_wrong();
        else {
                undo_note_bytes(fd, size, SIZE_MAX);
                r = (int) syscall(SYS_ftruncate, fd, size);
        }
        (void) pthread_mutex_unlock(&mutex);
        return r;
}

SHOWN int ftruncate(int fd, off_t size) {
        return change_size(fd, size);
}

SHOWN int ftruncate64(int fd, off64_t size) {
        return change_size(fd, size);
}

static int locked_sync(int fd, long number, const char *what) {
        int r = -1;

        if (!is_meant(fd))
                return (int) syscall(number, fd);
        (void) pthread_mutex_lock(&mutex);
        if (is_hit(FAULT_SYNC, what))
                go_wrong();
        else if (faults->syncs_lie)
                r = 0;
        else {
                /* The test's disk forgets by what is noted here; the real one need not turn. */
                undo_forget(fd);
                r = 0;
        }
        (void) pthread_mutex_unlock(&mutex);
        return r;
}

SHOWN int fsync(int fd) {
        return locked_sync(fd, SYS_fsync, "fsync");
}

SHOWN int fdatasync(int fd) {
        return locked_sync(fd, SYS_fdatasync, "fdatasync");
}

/* -- names ------------------------------------------------------------------------------------- */

/* A name as its directory, opened, and its last part. */
typedef struct Place {
        int fd; /* -1: not in the directory that is meant */
        char name[256];
} Place;

static Place place_open(int directory_fd, const char *path) {
        char copy[4096], folder[4096], *slash;
        Place place = {-1, ""};

        if (!faults || strlen(path) >= sizeof(copy))
                return place;
        (void) snprintf(copy, sizeof(copy), "%s", path);
        slash = strrchr(copy, '/');
        (void) snprintf(place.name, sizeof(place.name), "%.255s", slash ? slash + 1 : copy);
        (void) snprintf(folder, sizeof(folder), "%.*s", slash ? (int) (slash - copy) : 1,
                        slash ? copy : ".");
        place.fd = (int) syscall(SYS_openat, directory_fd, *folder ? folder : "/",
                                 O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (place.fd >= 0 && !is_meant(place.fd)) {
                (void) syscall(SYS_close, place.fd);
                place.fd = -1;
        }
        return place;
}

static void place_close(Place *place) {
        if (place->fd >= 0)
                (void) syscall(SYS_close, place->fd);
}

static int remove_name(int directory_fd, const char *path, int flags) {
        Place place = place_open(directory_fd, path);
        int r = -1;

        if (place.fd < 0)
                return (int) syscall(SYS_unlinkat, directory_fd, path, flags);
        (void) pthread_mutex_lock(&mutex);
        if (is_hit(FAULT_UNLINK, "unlink"))
                go_wrong();
        else {
                undo_note_name(place.fd, place.name, faults->attic);
                r = (int) syscall(SYS_unlinkat, directory_fd, path, flags);
        }
        (void) pthread_mutex_unlock(&mutex);
        place_close(&place);
        return r;
}

SHOWN int unlink(const char *path) {
        return remove_name(AT_FDCWD, path, 0);
}

SHOWN int unlinkat(int directory_fd, const char *path, int flags) {
        return remove_name(directory_fd, path, flags);
}

static int change_name(int a_fd, const char *a, int b_fd, const char *b, unsigned flags) {
        Place from = place_open(a_fd, a), to = place_open(b_fd, b);
        int r = -1;

        (void) pthread_mutex_lock(&mutex);
        if ((from.fd >= 0 || to.fd >= 0) && is_hit(FAULT_RENAME, "rename"))
                go_wrong();
        else {
                if (from.fd >= 0)
                        undo_note_name(from.fd, from.name, faults->attic);
                if (to.fd >= 0)
                        undo_note_name(to.fd, to.name, faults->attic);
                r = (int) syscall(SYS_renameat2, a_fd, a, b_fd, b, flags);
        }
        (void) pthread_mutex_unlock(&mutex);
        place_close(&from);
        place_close(&to);
        return r;
}

SHOWN int rename(const char *from, const char *to) {
        return change_name(AT_FDCWD, from, AT_FDCWD, to, 0);
}

SHOWN int renameat(int from_fd, const char *from, int to_fd, const char *to) {
        return change_name(from_fd, from, to_fd, to, 0);
}

SHOWN int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
        return change_name(from_fd, from, to_fd, to, flags);
}

/* A second name. */
SHOWN int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
        Place place = place_open(to_fd, to);
        int r = -1;

        if (place.fd < 0)
                return (int) syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
        (void) pthread_mutex_lock(&mutex);
        if (is_hit(FAULT_CREATE, "linkat"))
                go_wrong();
        else {
                undo_note_name(place.fd, place.name, faults->attic);
                r = (int) syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
        }
        (void) pthread_mutex_unlock(&mutex);
        place_close(&place);
        return r;
}

static int open_any(int directory_fd, const char *path, int flags, mode_t mode) {
        Place place = {-1, ""};
        struct stat st;
        int r = -1;

        if (flags & O_CREAT)
                place = place_open(directory_fd, path);
        if (place.fd < 0 || fstatat(place.fd, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                place_close(&place);
                return (int) syscall(SYS_openat, directory_fd, path, flags, mode);
        }
        (void) pthread_mutex_lock(&mutex);
        if (is_hit(FAULT_CREATE, "open"))
                go_wrong();
        else {
                undo_note_name(place.fd, place.name, faults->attic);
                r = (int) syscall(SYS_openat, directory_fd, path, flags, mode);
        }
        (void) pthread_mutex_unlock(&mutex);
        place_close(&place);
        return r;
}

#define MODE_OF(flags, last, mode)                                                                 \
        do {                                                                                       \
                va_list args;                                                                      \
                va_start(args, last);                                                              \
                mode = (flags) &O_CREAT ? va_arg(args, mode_t) : 0;                                \
                va_end(args);                                                                      \
        } while (0)

SHOWN int open(const char *path, int flags, ...) {
        mode_t mode;

        MODE_OF(flags, flags, mode);
        return open_any(AT_FDCWD, path, flags, mode);
}

SHOWN int open64(const char *path, int flags, ...) {
        mode_t mode;

        MODE_OF(flags, flags, mode);
        return open_any(AT_FDCWD, path, flags, mode);
}

SHOWN int openat(int directory_fd, const char *path, int flags, ...) {
        mode_t mode;

        MODE_OF(flags, flags, mode);
        return open_any(directory_fd, path, flags, mode);
}

SHOWN int openat64(int directory_fd, const char *path, int flags, ...) {
        mode_t mode;

        MODE_OF(flags, flags, mode);
        return open_any(directory_fd, path, flags, mode);
}
