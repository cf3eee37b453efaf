/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Binding a path without stealing it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/socket-file.h"

struct SocketFile {
        char *path;
        int fd;
        int lock_fd;
        struct stat bound; /* which file it was, to remove no other */
};

static int unix_socket(void) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        return fd < 0 ? -errno : fd;
}

static int address_of(const char *path, struct sockaddr_un *ret) {
        if (strlen(path) >= sizeof(ret->sun_path))
                return -ENAMETOOLONG;

        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret->sun_path, path, strlen(path) + 1);
        return 0;
}

/*
 * Takes the lock beside the socket. It lives as long as the process, and its file stays: if it were
 * removed, two could hold locks on two files of one name.
 */
static int lock(const char *path, int *ret) {
        _cleanup_free_ char *name = NULL;
        _cleanup_fd_ int fd = -1;

        if (asprintf(&name, "%s.lock", path) < 0) {
                name = NULL;
                return -ENOMEM;
        }
        fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;

        *ret = take_fd(&fd);
        return 0;
}

/* With the lock held: removes a dead socket. One may be alive without a lock: a service manager's. */
static int clear_path(const char *path, const struct sockaddr_un *address) {
        _cleanup_fd_ int fd = -1;
        struct stat st;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;

        fd = unix_socket();
        if (fd < 0)
                return fd;
        if (connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0 ||
            errno == EAGAIN)
                return -EADDRINUSE;
        if (errno == ENOENT)
                return 0;
        if (errno != ECONNREFUSED)
                return -errno;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_path(SocketFile *file, const struct sockaddr_un *address, mode_t mode) {
        _cleanup_fd_ int fd = unix_socket();

        if (fd < 0)
                return fd;
        if (bind(fd, (const struct sockaddr *) address, sizeof(*address)) < 0)
                return -errno;
        if (lstat(file->path, &file->bound) < 0)
                return -errno;

        file->fd = take_fd(&fd);
        /* The umask has made it nobody else's until here. */
        if (chmod(file->path, mode) < 0 || listen(file->fd, SOMAXCONN) < 0)
                return -errno;
        return 0;
}

int socket_file_new(const char *path, mode_t mode, SocketFile **ret) {
        _cleanup_(socket_file_freep) SocketFile *file = calloc(1, sizeof(*file));
        struct sockaddr_un address;
        int r;

        if (!file)
                return -ENOMEM;
        file->fd = file->lock_fd = -1;
        file->path = strdup(path);
        if (!file->path)
                return -ENOMEM;

        r = address_of(path, &address);
        if (r < 0)
                return r;
        r = lock(path, &file->lock_fd);
        if (r < 0)
                return r;
        r = clear_path(path, &address);
        if (r < 0)
                return r;
        r = bind_path(file, &address, mode);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(file);
        return 0;
}

SocketFile *socket_file_free(SocketFile *file) {
        struct stat st;

        if (!file)
                return NULL;
        if (file->fd >= 0 && lstat(file->path, &st) == 0 && st.st_dev == file->bound.st_dev &&
            st.st_ino == file->bound.st_ino)
                (void) unlink(file->path);
        (void) close_fd(file->fd);
        (void) close_fd(file->lock_fd);
        free(file->path);
        free(file);
        return NULL;
}

int socket_file_fd(const SocketFile *file) {
        return file->fd;
}
