/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connection: one socket to a server that was proven to be certexcd's, messages in and out. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "client/connection.h"
#include "client/i18n.h"

/* One message of the daemon; a full page of a list is about 100 KiB. */
#define REPLY_BYTES_MAX (4U * 1024U * 1024U)

#define CHUNK_BYTES 16384U

/* The user that the system's daemon runs as. */
#define DAEMON_USER "certexc"

/* What the kernel shows of every uid that has none in our user namespace: strangers, and perhaps us
 * as well. It is nobody's own. */
#define OVERFLOW_UID 65534U

struct Connection {
        int fd;
        VarlinkBuffer in;
};

static int64_t now_ms(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t connection_deadline(unsigned timeout) {
        return timeout > 0 ? now_ms() + timeout : INT64_MAX;
}

/* What is left until @deadline: -1 without end, 0 if it is over. */
static int left_ms(int64_t deadline) {
        int64_t left;

        if (deadline == INT64_MAX)
                return -1;
        left = deadline - now_ms();
        return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int) left;
}

/* Waits for @events until @deadline: 0, -ETIMEDOUT, -errno. */
static int wait_for(int fd, short events, int64_t deadline) {
        struct pollfd p = { .fd = fd, .events = events };

        for (;;) {
                int left = left_ms(deadline), r;

                if (left == 0)
                        return -ETIMEDOUT;
                r = poll(&p, 1, left);
                if (r > 0)
                        return 0;
                if (r < 0 && errno != EINTR)
                        return -errno;
        }
}

static int explain_connect(Trouble *t, int error, const char *path) {
        const char *way_out = _("Start certexcd, or say where its socket is with CERTEXC_SOCKET");

        switch (error) {
        case ENOENT:
        case ENOTDIR:
                return trouble_set(t, -ENOTCONN,
                                   "The certexc daemon cannot be reached: there is no socket %s. "
                                   "%s.",
                                   path, way_out);
        case ECONNREFUSED:
                return trouble_set(t, -ENOTCONN,
                                   "The certexc daemon cannot be reached: nobody listens on %s. "
                                   "%s.",
                                   path, way_out);
        case EAGAIN:
                return trouble_set(t, -ETIMEDOUT,
                                   "The certexc daemon at %s is too busy to take a connection. "
                                   "Try again later.",
                                   path);
        default:
                return trouble_set(t, error == EACCES ? -EACCES : -ENOTCONN,
                                   "The certexc daemon cannot be reached at %s: %s. %s.", path,
                                   strerrordesc_np(error), way_out);
        }
}

static int connect_to(const char *path, int64_t deadline, Trouble *t) {
        int left = left_ms(deadline);
        struct timeval limit = { 0 };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_fd_ int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return explain_connect(t, ENAMETOOLONG, path);
        (void) strcpy(address.sun_path, path);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return explain_connect(t, errno, path);
        /* A full backlog makes connect() wait; this is the only way to bound that. 0 is no bound. */
        if (left >= 0) {
                limit.tv_sec = left / 1000;
                limit.tv_usec = left > 0 ? left % 1000 * 1000 : 1;
        }
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
                return explain_connect(t, errno, path);
        while (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                if (errno != EINTR)
                        return explain_connect(t, errno, path);
        return take_fd(&fd);
}

/* true if @uid is that of the user DAEMON_USER. */
static bool is_daemon_user(uid_t uid) {
        struct passwd entry, *found = NULL;
        char buffer[4096];

        return getpwnam_r(DAEMON_USER, &entry, buffer, sizeof(buffer), &found) == 0 && found &&
               found->pw_uid == uid;
}

/* Whoever can put a socket in our way must not be able to say "accept". */
static int check_server(int fd, const char *path, Trouble *t) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return explain_connect(t, errno, path);
        if (peer.uid != OVERFLOW_UID &&
            (peer.uid == 0 || peer.uid == geteuid() || is_daemon_user(peer.uid)))
                return 0;
        if (peer.uid == OVERFLOW_UID)
                return trouble_set(t, -EPERM,
                                   "It cannot be seen who serves %s: either this program is in a sandbox that hides "
                                   "other users (Flatpak, a user namespace), or the user nobody serves it. Nothing "
                                   "was asked. In a sandbox, start a certexcd of your own (systemctl --user enable "
                                   "--now certexcd.socket) and let the sandbox have its socket.",
                                   path);
        return trouble_set(t, -EPERM,
                           "The server socket %s is forged: uid %u serves it, which is neither "
                           "root, nor the user %s, nor you. Nothing was asked; tell your "
                           "administrator.",
                           path, (unsigned) peer.uid, DAEMON_USER);
}

int connection_new(const char *path, int64_t deadline, Trouble *t, Connection **ret) {
        _cleanup_(connection_freep) Connection *c = NULL;
        _cleanup_fd_ int fd = -1;
        int r;

        fd = connect_to(path, deadline, t);
        if (fd < 0)
                return fd;
        r = check_server(fd, path, t);
        if (r < 0)
                return r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return trouble_set(t, -ENOMEM, "There is not enough memory.");
        c->fd = take_fd(&fd);
        *ret = TAKE_PTR(c);
        return 0;
}

Connection *connection_free(Connection *c) {
        if (!c)
                return NULL;
        c->fd = close_fd(c->fd);
        varlink_buffer_done(&c->in);
        free(c);
        return NULL;
}

int connection_fd(const Connection *c) {
        return c->fd;
}

static bool is_gone(int error) {
        return error == EPIPE || error == ECONNRESET;
}

int connection_send(Connection *c, const char *message, size_t size, int64_t deadline) {
        while (size > 0) {
                ssize_t n = send(c->fd, message, size, MSG_NOSIGNAL | MSG_DONTWAIT);
                int r;

                if (n >= 0) {
                        message += n;
                        size -= (size_t) n;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return is_gone(errno) ? -ECONNRESET : -errno;
                r = wait_for(c->fd, POLLOUT, deadline);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Reads what is there: 1, 0 if nothing is, -errno. */
static int fill(Connection *c) {
        char chunk[CHUNK_BYTES];
        ssize_t n;
        int r;

        n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
        if (n < 0) {
                if (errno == EINTR || errno == EAGAIN)
                        return 0;
                return is_gone(errno) ? -ECONNRESET : -errno;
        }
        if (n == 0)
                return -ECONNRESET;
        r = varlink_buffer_append(&c->in, chunk, (size_t) n, REPLY_BYTES_MAX);
        return r == -EMSGSIZE ? -EPROTO : r < 0 ? r : 1;
}

int connection_receive(Connection *c, bool wait, int64_t deadline, JsonObject **ret) {
        VarlinkFault fault;
        Blob text;
        int r;

        while (!varlink_buffer_take(&c->in, &text)) {
                r = fill(c);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (!wait)
                        return 0;
                r = wait_for(c->fd, POLLIN, deadline);
                if (r < 0)
                        return r;
        }

        r = varlink_parse(text, ret, &fault);
        if (r < 0)
                return r == -EBADMSG ? -EPROTO : r;
        return 1;
}

bool connection_is_quiet(const Connection *c) {
        return varlink_buffer_held(&c->in) == 0;
}
