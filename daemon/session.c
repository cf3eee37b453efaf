/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection of the socket door.
 *
 * Calls are started one after another, each when the one before has its last answer: so answers
 * come in the order of the calls, and a call sees what those before it did. All that happens goes
 * through pump(), which the loop calls when the socket, a request or a timer has something new; a
 * request's answer only leaves its bytes in the outbox.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/session-private.h"

#define CHUNK_BYTES 65536U

/* MESSAGE_FINISH_SEC, which a test need not wait for. */
static uint64_t message_finish_usec(void) {
#ifdef CERTEXC_TESTING
        const char *msec = secure_getenv("CERTEXC_TEST_FINISH_MSEC");

        if (msec)
                return strtoull(msec, NULL, 10) * 1000U;
#endif
        return MESSAGE_FINISH_SEC * UINT64_C(1000000);
}

void session_must(PeerSession *s, int r) {
        if (r < 0)
                s->ended = true;
}

/* -- its share ---------------------------------------------------------------------------- */

static uint64_t now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000U + (uint64_t) t.tv_nsec / 1000U;
}

static bool turn_is_over(const PeerSession *s) {
        return now_usec() - s->turn_usec >= TURN_USEC;
}

static void tell_held(PeerSession *s) {
        bool patient = s->request && request_is_patient(s->request);
        Held held = {
                .waiting = inbox_held(&s->inbox) + request_held(s->request),
                .unread = outbox_held(&s->outbox),
                .at_work = s->at_work && !patient,
                .stuck = patient || outbox_size(&s->outbox) > REPLY_BACKLOG_BYTES_MAX,
        };

        holding_set(&s->holding, held, s->turn_usec);
}

static void on_news(ShareNews news, void *userdata) {
        PeerSession *s = userdata;

        if (news == SHARE_OVER) {
                log_limit_reached(s->caller.uid, "Closed a connection of", "bytes held for one user",
                                  HELD_BYTES_PER_UID_MAX);
                s->ended = true;
        }
        turn_want(&s->turn);
}

/* -- reading ----------------------------------------------------------------------------- */

static bool may_take(const PeerSession *s) {
        return !s->ended && !s->stopping && inbox_has_room(&s->inbox) &&
               outbox_size(&s->outbox) <= REPLY_BACKLOG_BYTES_MAX && holding_may_go_on(&s->holding);
}

/* If it is not resting all whole messages have been taken when this is asked. */
static bool may_read(const PeerSession *s) {
        return !s->at_end && !s->resting && may_take(s);
}

/* true if there was one to take. */
static bool take_messages(PeerSession *s) {
        bool taken = false;
        int r = 1;

        while (r > 0 && may_take(s) && !turn_is_over(s)) {
                r = inbox_take(&s->inbox);
                if (r > 0) {
                        s->message_begun = false;
                        taken = true;
                }
        }
        session_must(s, r);
        if (r == 0 && s->at_end && may_take(s) && inbox_begun(&s->inbox) > 0) {
                session_must(s, inbox_fault(&s->inbox, "the connection ended before the message's NUL",
                                    inbox_begun(&s->inbox)));
                taken = true;
        }
        return taken;
}

static void read_some(PeerSession *s) {
        char chunk[CHUNK_BYTES];
        ssize_t n = recv(s->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

        if (n > 0) {
                session_must(s, inbox_append(&s->inbox, chunk, (size_t) n));
        } else if (n == 0) {
                s->at_end = true;
        } else if (errno != EAGAIN && errno != EINTR) {
                s->at_end = s->gone = true;
        }
}

/* -- the pump ---------------------------------------------------------------------------- */

static void cancel_call(PeerSession *s) {
        s->request = request_free(s->request);
        session_drop_call(s);
}

static void flush(PeerSession *s) {
        if (s->gone)
                outbox_done(&s->outbox);
        else if (outbox_flush(&s->outbox, s->fd) < 0)
                s->gone = true;
}

/* Does what can be done for the call at work. true if there may be more to do. */
static bool step(PeerSession *s) {
        if (!s->at_work) {
                if (!s->inbox.first || (s->stopping && s->inbox.first->message) ||
                    outbox_size(&s->outbox) > REPLY_BACKLOG_BYTES_MAX ||
                    !holding_may_go_on(&s->holding))
                        return false;
                session_start_call(s);
                return true;
        }
        if (s->gone && !s->inbox.first->read.oneway) {
                cancel_call(s);
                return true;
        }
        if (s->resume_due && outbox_size(&s->outbox) == 0) {
                s->resume_due = false;
                request_resume(s->request);
                return true;
        }
        if (s->stopping && s->has_streamed && !s->resume_due) {
                cancel_call(s);
                return true;
        }
        return false;
}

/* Nothing is owed to the peer, and nothing more can come. */
static bool is_over(const PeerSession *s) {
        if (s->ended)
                return true;
        if (s->at_work || outbox_size(&s->outbox) > 0)
                return false;
        return s->stopping ||
               (!s->inbox.first &&
                (s->inbox.deaf || (s->at_end && inbox_begun(&s->inbox) == 0)));
}

static int start_finish_timer(PeerSession *s) {
        int r = sd_event_source_set_time_relative(s->finish, message_finish_usec());

        return r < 0 ? r : sd_event_source_set_enabled(s->finish, SD_EVENT_ONESHOT);
}

/* Whatever comes is seen at the next turn, and a peer that is gone would wake us all the time. */
static int watch_socket(PeerSession *s, bool reads) {
        bool writes = outbox_size(&s->outbox) > 0;
        int r;

        if (s->turn.waits || (s->gone && !reads))
                return sd_event_source_set_enabled(s->io, SD_EVENT_OFF);
        r = sd_event_source_set_io_events(s->io, (reads ? EPOLLIN : 0U) | (writes ? EPOLLOUT : 0U));
        return r < 0 ? r : sd_event_source_set_enabled(s->io, SD_EVENT_ON);
}

/* Tells the loop what we wait for. Returns 0 or -errno. */
static int watch(PeerSession *s) {
        bool reads = may_read(s), begun = reads && inbox_begun(&s->inbox) > 0;
        int r;

        r = watch_socket(s, reads);
        if (r < 0)
                return r;

        if (!begun)
                r = sd_event_source_set_enabled(s->finish, SD_EVENT_OFF);
        else if (!s->message_begun)
                r = start_finish_timer(s);
        s->message_begun = begun;
        return r;
}

/* One turn: takes, starts, writes, until there is nothing to do or time for the others. */
static void take_turn(PeerSession *s) {
        bool progress = true;
        size_t held;

        s->turn_usec = now_usec();
        s->resting = false;
        while (progress && !s->ended && !s->resting) {
                progress = take_messages(s);
                while (!s->ended && !turn_is_over(s) && step(s))
                        progress = true;
                /* Room is news as well: a page or a call may have waited for it alone. */
                held = outbox_size(&s->outbox);
                flush(s);
                if (outbox_size(&s->outbox) < held)
                        progress = true;
                tell_held(s);
                s->resting = turn_is_over(s);
        }
        if (s->resting)
                turn_want(&s->turn);
}

/* A turn, and what to wait for after it. The session may be freed when this returns. */
static int pump(PeerSession *s) {
        s->pumping = true;
        take_turn(s);
        s->pumping = false;

        if (!is_over(s))
                session_must(s, watch(s));
        if (is_over(s))
                s->closed(s, s->userdata);
        return 0;
}

/* -- events ------------------------------------------------------------------------------ */

/* The peer has left, owes us nothing and we owe it nothing: its place need not wait for a turn. */
static bool has_left(const PeerSession *s) {
        char byte;

        return s->gone && !s->at_work && !s->inbox.first && inbox_begun(&s->inbox) == 0 &&
               recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        PeerSession *s = userdata;

        if (events & (EPOLLHUP | EPOLLERR))
                s->gone = true;
        if (has_left(s)) {
                s->closed(s, s->userdata);
                return 0;
        }
        s->readable = (events & ~(uint32_t) EPOLLOUT) != 0;
        if (!turn_at_once(&s->turn))
                session_must(s, sd_event_source_set_enabled(s->io, SD_EVENT_OFF));
        return 0;
}

static void on_turn(void *userdata) {
        PeerSession *s = userdata;

        if (s->readable && may_read(s))
                read_some(s);
        s->readable = false;
        (void) pump(s);
}

static int on_finish(sd_event_source *source, uint64_t usec, void *userdata) {
        PeerSession *s = userdata;

        session_must(s, inbox_fault(&s->inbox, "the message was not finished in time",
                            inbox_begun(&s->inbox)));
        return pump(s);
}

/* -- life -------------------------------------------------------------------------------- */

static int add_sources(PeerSession *s) {
        sd_event *event = s->manager->event;
        int r;

        r = sd_event_add_io(event, &s->io, s->fd, EPOLLIN, on_io, s);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &s->finish, CLOCK_MONOTONIC, UINT64_MAX / 2, 0,
                                       on_finish, s);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(s->finish, SD_EVENT_OFF);
}

int peer_session_new(Manager *manager, int fd, const Caller *caller,
                     void (*closed)(PeerSession *session, void *userdata), void *userdata,
                     PeerSession **ret) {
        _cleanup_(peer_session_freep) PeerSession *s = calloc(1, sizeof(*s));
        int r;

        if (!s) {
                (void) close_fd(fd);
                return -ENOMEM;
        }
        s->manager = manager;
        s->fd = fd;
        s->caller = *caller;
        s->closed = closed;
        s->userdata = userdata;
        inbox_init(&s->inbox);

        r = add_sources(s);
        if (r < 0)
                return r;
        r = turn_begin(manager->turns, caller->uid, on_turn, s, &s->turn);
        if (r < 0)
                return r;
        r = holding_begin(manager->shares, caller->uid, on_news, s, &s->holding);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

PeerSession *peer_session_free(PeerSession *s) {
        if (!s)
                return NULL;

        holding_end(&s->holding);
        (void) request_free(s->request);
        turn_end(&s->turn);
        (void) sd_event_source_disable_unref(s->io);
        (void) sd_event_source_disable_unref(s->finish);
        inbox_done(&s->inbox);
        outbox_done(&s->outbox);
        (void) close_fd(s->fd);
        free(s);
        return NULL;
}

const Caller *peer_session_caller(const PeerSession *s) {
        return &s->caller;
}

void peer_session_stop(PeerSession *s) {
        s->stopping = true;
        turn_want(&s->turn);
}
