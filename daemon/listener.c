/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The socket door: who comes in. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "client/varlink.h"
#include "daemon/limits.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/service.h"
#include "daemon/session.h"
#include "daemon/share.h"
#include "daemon/socket-file.h"
#include "daemon/turns.h"

/* Connections taken in one turn. */
#define ACCEPT_AT_ONCE 4U

/* Without descriptors or memory the next try waits this long. */
#define ACCEPT_PAUSE_USEC UINT64_C(500000)

struct Listener {
        Manager *manager;
        SocketFile *file; /* NULL: passed by the service manager */
        int fd;
        sd_event_source *io;
        sd_event_source *pause;
        Turn turn;
        PeerSession *sessions[CONNECTIONS_MAX];
        unsigned n_sessions;
};

/* -- who may come in --------------------------------------------------------------------- */

static unsigned count_of(const Listener *l, uid_t uid) {
        unsigned n = 0;

        for (unsigned i = 0; i < l->n_sessions; i++)
                n += peer_session_caller(l->sessions[i])->uid == uid;
        return n;
}

/* Tells a peer why it is not let in, if its socket takes it at once. */
static void turn_away(int fd, const char *error, const char *field, const char *value,
                      unsigned limit) {
        struct json_object *parameters = service_field(field, value);
        _cleanup_free_ char *text = NULL;
        size_t size;

        if (parameters && limit > 0)
                (void) json_object_object_add(parameters, "limit",
                                              json_object_new_int64((int64_t) limit));
        if (parameters && varlink_write_error(error, parameters, &text, &size) == 0)
                (void) send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void) json_object_put(parameters);
}

static void turn_away_at_limit(int fd, uid_t uid, const char *what, unsigned limit) {
        turn_away(fd, CERTEXC_INTERFACE ".LimitReached", "what", what, limit);
        log_limit_reached(uid, "Turned away", what, limit);
}

static bool may_enter(Listener *l, int fd, const Caller *caller) {
        /* Root may have to look after a machine whose users have used everything up. */
        unsigned connections_max = CONNECTIONS_MAX - (caller->uid == 0 ? 0 : CONNECTIONS_FOR_ROOT);

        if (l->manager->options.user_mode && caller->uid != geteuid() && caller->uid != 0) {
                turn_away(fd, CERTEXC_INTERFACE ".AccessDenied", "reason",
                          "this daemon serves only the user who started it", 0);
                return false;
        }
        if (l->n_sessions >= connections_max) {
                turn_away_at_limit(fd, caller->uid, "connections", connections_max);
                return false;
        }
        if (count_of(l, caller->uid) >= CONNECTIONS_PER_UID_MAX) {
                turn_away_at_limit(fd, caller->uid, "connections of one user",
                                   CONNECTIONS_PER_UID_MAX);
                return false;
        }
        return true;
}

static void on_closed(PeerSession *session, void *userdata) {
        Listener *l = userdata;

        for (unsigned i = 0; i < l->n_sessions; i++) {
                if (l->sessions[i] == session) {
                        l->sessions[i] = l->sessions[--l->n_sessions];
                        break;
                }
        }
        (void) peer_session_free(session);
}

/* Who has left already, without a word, costs no more than that. */
static bool has_left(int fd) {
        char byte;

        return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Takes @fd over. */
static void let_in(Listener *l, int fd) {
        _cleanup_fd_ int peer = fd;
        Caller caller;
        int r;

        if (has_left(peer))
                return;
        r = caller_from_socket(peer, &caller);
        if (r < 0) {
                (void) log_warning_errno(r, "Cannot tell who connected: %m");
                return;
        }
        if (!may_enter(l, peer, &caller))
                return;

        r = peer_session_new(l->manager, take_fd(&peer), &caller, on_closed, l,
                             &l->sessions[l->n_sessions]);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot serve a connection of uid %" PRIu32 ": %m",
                                         (uint32_t) caller.uid);
        else
                l->n_sessions++;
}

/* -- accepting --------------------------------------------------------------------------- */

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Listener *l = userdata;

        return sd_event_source_set_enabled(l->io, SD_EVENT_ON);
}

/* The connection that cannot be taken stays in the queue and would wake us at once again. */
static int pause_accepting(Listener *l, int error) {
        int r;

        (void) log_warning_errno(error, "Cannot take a connection, trying again soon: %m");
        r = sd_event_source_set_time_relative(l->pause, ACCEPT_PAUSE_USEC);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(l->pause, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(l->io, SD_EVENT_OFF);
}

static int accept_some(Listener *l) {
        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd >= 0)
                        let_in(l, fd);
                else if (errno == EAGAIN)
                        break;
                else if (errno != EINTR && errno != ECONNABORTED)
                        return pause_accepting(l, errno);
        }
        return sd_event_source_set_enabled(l->io, SD_EVENT_ON);
}

static void on_turn(void *userdata) {
        (void) accept_some(userdata);
}

static int on_connection(sd_event_source *source, int listening, uint32_t events, void *userdata) {
        Listener *l = userdata;

        return turn_at_once(&l->turn) ? 0 : sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* -- life -------------------------------------------------------------------------------- */

static int set_nonblocking(int fd) {
        int flags = fcntl(fd, F_GETFL);

        return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* 1 and the first passed socket that is one of ours in *@ret, 0 if there is none, -errno. What
 * else was passed is closed. */
static int take_passed(int *ret) {
        _cleanup_fd_ int found = -1;
        int n = sd_listen_fds(1), r;

        if (n < 0)
                return n;
        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                if (found < 0 && sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) > 0) {
                        found = fd;
                        continue;
                }
                log_warning("Descriptor %d was passed and is not known; it is closed", fd);
                (void) close_fd(fd);
        }
        if (found < 0)
                return 0;

        r = set_nonblocking(found);
        if (r < 0)
                return r;
        *ret = take_fd(&found);
        return 1;
}

static int explain_bind(const char *path, int error) {
        switch (-error) {
        case EADDRINUSE:
                return log_error_errno(error, "Another certexcd listens on %s; stop that one or "
                                              "give --socket", path);
        case EEXIST:
                return log_error_errno(error, "%s is there and is no socket; remove it or give "
                                              "--socket", path);
        case ENAMETOOLONG:
                return log_error_errno(error, "%s is too long for a socket; give a shorter "
                                              "--socket", path);
        default:
                return log_error_errno(error, "Cannot listen on %s: %m", path);
        }
}

static int open_socket(Listener *l, const char *path) {
        int r;

        r = take_passed(&l->fd);
        if (r < 0)
                return log_error_errno(r, "Cannot take the sockets that were passed: %m");
        if (r > 0)
                return 0;

        r = socket_file_new(path, l->manager->options.user_mode ? 0600 : 0666, &l->file);
        if (r < 0)
                return explain_bind(path, r);
        l->fd = socket_file_fd(l->file);
        return 0;
}

static int add_sources(Listener *l) {
        sd_event *event = l->manager->event;
        int r;

        r = sd_event_add_io(event, &l->io, l->fd, EPOLLIN, on_connection, l);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &l->pause, CLOCK_MONOTONIC, ACCEPT_PAUSE_USEC, 0,
                                       on_pause_over, l);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(l->pause, SD_EVENT_OFF);
}

int listener_new(Manager *manager, const char *path, Listener **ret) {
        _cleanup_(listener_freep) Listener *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->manager = manager;
        l->fd = -1;

        r = open_socket(l, path);
        if (r < 0)
                return r;
        if (listen(l->fd, (int) ACCEPT_QUEUE_MAX) < 0)
                return log_error_errno(-errno, "Cannot listen on the socket: %m");
        r = add_sources(l);
        if (r < 0)
                return log_error_errno(r, "Cannot watch the socket: %m");
        r = turn_begin(manager->turns, TURNS_OF_LISTENER, on_turn, l, &l->turn);
        if (r < 0)
                return log_error_errno(r, "Cannot watch the socket: %m");

        *ret = TAKE_PTR(l);
        return 0;
}

static void close_socket(Listener *l) {
        turn_end(&l->turn);
        l->io = sd_event_source_disable_unref(l->io);
        l->pause = sd_event_source_disable_unref(l->pause);
        if (!l->file)
                l->fd = close_fd(l->fd);
        l->file = socket_file_free(l->file);
        l->fd = -1;
}

void listener_stop(Listener *l) {
        close_socket(l);
        for (unsigned i = 0; i < l->n_sessions; i++)
                peer_session_stop(l->sessions[i]);
}

Listener *listener_free(Listener *l) {
        if (!l)
                return NULL;
        close_socket(l);
        while (l->n_sessions > 0)
                (void) peer_session_free(l->sessions[--l->n_sessions]);
        free(l);
        return NULL;
}

unsigned listener_n_connections(const Listener *l) {
        return l->n_sessions;
}

bool listener_was_passed(const Listener *l) {
        return !l->file;
}
