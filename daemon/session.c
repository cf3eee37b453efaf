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
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "client/varlink.h"
#include "daemon/inbox.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/outbox.h"
#include "daemon/request.h"
#include "daemon/service.h"
#include "daemon/session.h"

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

struct PeerSession {
        Manager *manager;
        int fd;
        Caller caller;
        void (*closed)(PeerSession *session, void *userdata);
        void *userdata;

        sd_event_source *io;
        sd_event_source *later;  /* pump() soon: a request has answered */
        sd_event_source *finish; /* a message has begun and must end */

        Inbox inbox;
        Outbox outbox;

        bool at_work;       /* the oldest call is started */
        Request *request;   /* of the one at work; NULL for those that are done at once */
        bool has_streamed;  /* the one at work has answered and goes on */
        bool resume_due;    /* it waits for the outbox to be empty */
        bool message_begun; /* @finish runs for the message that @inbox has begun */

        bool pumping;
        bool at_end;   /* nothing more comes */
        bool gone;     /* nobody reads answers any more */
        bool stopping; /* no further call is started */
        bool ended;
};

/* What fails only for want of memory ends the session: a call that got no answer would be given
 * that of the next. */
static void must(PeerSession *s, int r) {
        if (r < 0)
                s->ended = true;
}

/* -- reading ----------------------------------------------------------------------------- */

static bool may_take(const PeerSession *s) {
        return !s->ended && !s->stopping && inbox_has_room(&s->inbox) &&
               outbox_size(&s->outbox) <= REPLY_BACKLOG_BYTES_MAX;
}

/* All whole messages have been taken when this is asked. */
static bool may_read(const PeerSession *s) {
        return !s->at_end && may_take(s);
}

/* true if there was one to take. */
static bool take_messages(PeerSession *s) {
        bool taken = false;
        int r = 1;

        while (r > 0 && may_take(s)) {
                r = inbox_take(&s->inbox);
                if (r > 0) {
                        s->message_begun = false;
                        taken = true;
                }
        }
        must(s, r);
        if (s->at_end && may_take(s) && inbox_begun(&s->inbox) > 0) {
                must(s, inbox_fault(&s->inbox, "the connection ended before the message's NUL",
                                    inbox_begun(&s->inbox)));
                taken = true;
        }
        return taken;
}

static void read_some(PeerSession *s) {
        char chunk[CHUNK_BYTES];
        ssize_t n = recv(s->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

        if (n > 0) {
                must(s, inbox_append(&s->inbox, chunk, (size_t) n));
        } else if (n == 0) {
                s->at_end = true;
        } else if (errno != EAGAIN && errno != EINTR) {
                s->at_end = s->gone = true;
        }
}

/* -- answers ----------------------------------------------------------------------------- */

/* Leaves an answer to the oldest call in the outbox. */
static void put_answer(PeerSession *s, const char *error, struct json_object *parameters,
                       bool continues) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (s->gone || s->inbox.first->read.oneway)
                return;

        r = error ? varlink_write_error(error, parameters, &text, &size)
                  : varlink_write_reply(parameters, continues, &text, &size);
        if (r == 0)
                r = outbox_append(&s->outbox, text, size);
        must(s, r);
}

/* The oldest call has had its last answer, or will get none. */
static void drop_call(PeerSession *s) {
        inbox_pop(&s->inbox);
        s->at_work = s->has_streamed = s->resume_due = false;
        s->request = NULL;
}

/* The same, for the last answer of a call. */
static void finish_call(PeerSession *s, const char *error, struct json_object *parameters) {
        put_answer(s, error, parameters, false);
        drop_call(s);
}

/* The same, with an error that has one field, and drops it. */
static void finish_with(PeerSession *s, const char *error, struct json_object *parameters) {
        if (!parameters)
                s->ended = true;
        finish_call(s, error, parameters);
        (void) json_object_put(parameters);
}

static void finish_fault(PeerSession *s) {
        const VarlinkFault *fault = &s->inbox.first->fault;
        struct json_object *parameters = service_field("reason", fault->reason);
        struct json_object *offset = json_object_new_int64((int64_t) fault->offset);

        if (!parameters || json_object_object_add(parameters, "offset", offset) < 0) {
                (void) json_object_put(offset);
                s->ended = true;
        }
        finish_with(s, CERTEXC_INTERFACE ".MalformedMessage", parameters);
}

static void on_answer(Request *request, const char *error, struct json_object *parameters,
                      bool continues, void *door) {
        PeerSession *s = door;

        if (error)
                log_failed_answer(s->caller.uid, error, parameters);
        if (!continues) {
                finish_call(s, error, parameters);
        } else {
                put_answer(s, error, parameters, true);
                s->has_streamed = s->resume_due = true;
                /* Who streams without looking at us, as a monitor does, is read or cut off. */
                if (outbox_size(&s->outbox) > REPLY_BACKLOG_BYTES_MAX &&
                    (outbox_flush(&s->outbox, s->fd) < 0 ||
                     outbox_size(&s->outbox) > REPLY_BACKLOG_BYTES_MAX))
                        s->ended = true;
        }
        if (!s->pumping)
                must(s, sd_event_source_set_enabled(s->later, SD_EVENT_ONESHOT));
}

/* -- starting ---------------------------------------------------------------------------- */

static void start_service(PeerSession *s, const char *method) {
        struct json_object *parameters = NULL;
        const char *error = NULL;
        int r = service_call(method, s->inbox.first->read.parameters, &error, &parameters);

        if (r == -ENOENT)
                finish_with(s, SERVICE_INTERFACE ".MethodNotFound",
                            service_field("method", s->inbox.first->read.method));
        else
                finish_with(s, error, parameters);
}

static void start_request(PeerSession *s, const char *method) {
        const VarlinkCall *read = &s->inbox.first->read;
        RequestArgs args = {
                .manager = s->manager,
                .caller = s->caller,
                .method = read->method,
                .parameters = read->parameters,
                .more = read->more,
                .answer = on_answer,
                .door = s,
        };
        Request *request = NULL;
        int r;

        if (request_method_needs_more(method) && !read->more) {
                finish_call(s, SERVICE_INTERFACE ".ExpectedMore", NULL);
                return;
        }

        s->at_work = true;
        r = request_start(&args, &request);
        if (r == -ENOENT)
                finish_with(s, SERVICE_INTERFACE ".MethodNotFound",
                            service_field("method", read->method));
        else if (r < 0)
                s->ended = true;
        else
                s->request = request;
}

/* Starts the oldest call. It may be done when this returns. */
static void start_call(PeerSession *s) {
        const VarlinkCall *read = &s->inbox.first->read;
        const char *dot;
        size_t length;

        if (!s->inbox.first->message) {
                finish_fault(s);
                return;
        }
        if (s->gone && !read->oneway) {
                drop_call(s);
                return;
        }
        dot = strrchr(read->method, '.');
        if (!dot || read->upgrade) {
                finish_with(s, SERVICE_INTERFACE ".InvalidParameter",
                            service_field("parameter", dot ? "upgrade" : "method"));
                return;
        }

        length = (size_t) (dot - read->method);
        if (length == strlen(SERVICE_INTERFACE) &&
            strncmp(read->method, SERVICE_INTERFACE, length) == 0) {
                start_service(s, dot + 1);
        } else if (length == strlen(CERTEXC_INTERFACE) &&
                   strncmp(read->method, CERTEXC_INTERFACE, length) == 0) {
                start_request(s, dot + 1);
        } else {
                _cleanup_free_ char *interface = strndup(read->method, length);

                finish_with(s, SERVICE_INTERFACE ".InterfaceNotFound",
                            interface ? service_field("interface", interface) : NULL);
        }
}

/* -- the pump ---------------------------------------------------------------------------- */

static void cancel_call(PeerSession *s) {
        s->request = request_free(s->request);
        drop_call(s);
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
                    outbox_size(&s->outbox) > REPLY_BACKLOG_BYTES_MAX)
                        return false;
                start_call(s);
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
        return s->stopping || (!s->inbox.first && (s->inbox.deaf || s->at_end));
}

static int start_finish_timer(PeerSession *s) {
        int r = sd_event_source_set_time_relative(s->finish, message_finish_usec());

        return r < 0 ? r : sd_event_source_set_enabled(s->finish, SD_EVENT_ONESHOT);
}

/* Tells the loop what we wait for. Returns 0 or -errno. */
static int watch(PeerSession *s) {
        bool reads = may_read(s), writes = outbox_size(&s->outbox) > 0;
        bool begun = reads && inbox_begun(&s->inbox) > 0;
        int r;

        r = sd_event_source_set_io_events(s->io, (reads ? EPOLLIN : 0U) | (writes ? EPOLLOUT : 0U));
        if (r < 0)
                return r;
        /* Without this, a peer that is gone would wake us all the time. */
        r = sd_event_source_set_enabled(s->io, s->gone && !reads ? SD_EVENT_OFF : SD_EVENT_ON);
        if (r < 0)
                return r;

        if (!begun)
                r = sd_event_source_set_enabled(s->finish, SD_EVENT_OFF);
        else if (!s->message_begun)
                r = start_finish_timer(s);
        s->message_begun = begun;
        return r;
}

/* Takes, starts, writes, waits. The session may be freed when this returns. */
static int pump(PeerSession *s) {
        bool progress = true;
        size_t held;

        s->pumping = true;
        while (progress && !s->ended) {
                progress = take_messages(s);
                while (!s->ended && step(s))
                        progress = true;
                /* Room is news as well: a page or a call may have waited for it alone. */
                held = outbox_size(&s->outbox);
                flush(s);
                if (outbox_size(&s->outbox) < held)
                        progress = true;
        }
        s->pumping = false;

        if (!is_over(s))
                must(s, watch(s));
        if (is_over(s))
                s->closed(s, s->userdata);
        return 0;
}

/* -- events ------------------------------------------------------------------------------ */

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        PeerSession *s = userdata;

        if (events & (EPOLLHUP | EPOLLERR))
                s->gone = true;
        if (may_read(s))
                read_some(s);
        return pump(s);
}

static int on_later(sd_event_source *source, void *userdata) {
        return pump(userdata);
}

static int on_finish(sd_event_source *source, uint64_t usec, void *userdata) {
        PeerSession *s = userdata;

        must(s, inbox_fault(&s->inbox, "the message was not finished in time",
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
        r = sd_event_add_defer(event, &s->later, on_later, s);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(s->later, SD_EVENT_OFF);
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

        *ret = TAKE_PTR(s);
        return 0;
}

PeerSession *peer_session_free(PeerSession *s) {
        if (!s)
                return NULL;

        (void) request_free(s->request);
        (void) sd_event_source_disable_unref(s->io);
        (void) sd_event_source_disable_unref(s->later);
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
        must(s, sd_event_source_set_enabled(s->later, SD_EVENT_ONESHOT));
}
