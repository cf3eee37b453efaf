/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges: a desk for each owner with something to ask, with the questions that wait and the worker
 * that answers them one at a time. A desk is there as long as it has either.
 */
#include "config.h"

#include "daemon/judges.h"

#include <assert.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "daemon/frames.h"
#include "daemon/judge.h"
#include "daemon/judges-spare.h"
#include "daemon/limits.h"
#include "daemon/reaper.h"
#include "daemon/worker.h"

typedef struct Desk Desk;

/* A call is always in exactly one place: on a desk's queue, on a desk as the one that is being
 * judged, or among those that failed. */
struct JudgeCall {
        Judges *judges;
        Desk *desk; /* NULL: failed */
        TAILQ_ENTRY(JudgeCall) place;
        uint8_t *bytes; /* the question, until it is sent */
        size_t size;
        Expected expected;
        int error;
        JudgeDone done;
        void *userdata;
};

TAILQ_HEAD(CallList, JudgeCall);

struct Desk {
        Judges *judges;
        Desk *next;
        uid_t owner;
        struct CallList queue;
        unsigned n_queued;
        JudgeCall *current; /* NULL while busy: the call was cancelled */
        bool busy;          /* the worker has a question */
        bool stale;         /* the worker has old authorities */
        uint64_t used;      /* the larger, the later */
        Process process;
        Frames frames;
        sd_event_source *io;
        sd_event_source *timer; /* the end of the question, or of idleness */
};

struct Judges {
        sd_event *event;
        sd_event_source *failed_source;
        int program_fd;
        int authorities_fd; /* -1: not known yet */
        Desk *desks;
        unsigned n_desks;
        unsigned n_workers;
        uint64_t used;
        struct CallList failed;
        Reaper *reaper;
        SpareJudge *spare; /* NULL: none */
        JudgeLimits limits;
};

static int desk_on_io(sd_event_source *source, int fd, uint32_t events, void *userdata);
static int desk_on_time(sd_event_source *source, uint64_t usec, void *userdata);

/* -- calls ---------------------------------------------------------------------------------- */

static void queue_remove(Desk *desk, JudgeCall *call) {
        TAILQ_REMOVE(&desk->queue, call, place);
        desk->n_queued--;
}

static JudgeCall *call_destroy(JudgeCall *call) {
        if (!call)
                return NULL;
        free(call->bytes);
        free(call);
        return NULL;
}
DEFINE_CLEANUP(JudgeCall *, call_destroy)

/* The end of @call, which must be in no place any more. Nothing of ours may be in hand: the
 * callback may ask again, cancel, and free. */
static void call_finish(JudgeCall *call, int error, Facts *facts) {
        call->done(call, error, facts, call->userdata);
        (void) call_destroy(call);
}

/* Lets @call fail from the event loop. */
static void call_fail(JudgeCall *call, int error) {
        call->desk = NULL;
        call->error = error;
        TAILQ_INSERT_TAIL(&call->judges->failed, call, place);
        (void) sd_event_source_set_enabled(call->judges->failed_source, SD_EVENT_ON);
}

static int judges_on_failed(sd_event_source *source, void *userdata) {
        Judges *judges = userdata;
        JudgeCall *call = TAILQ_FIRST(&judges->failed);

        if (call)
                TAILQ_REMOVE(&judges->failed, call, place);
        if (!TAILQ_FIRST(&judges->failed))
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (call)
                call_finish(call, call->error, NULL);
        return 0;
}

static int call_new(Judges *judges, const Question *question, JudgeDone done, void *userdata,
                    JudgeCall **ret) {
        _cleanup_(call_destroyp) JudgeCall *call = NULL;
        int r;

        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;

        call->judges = judges;
        call->done = done;
        call->userdata = userdata;
        r = question_expect(question, &call->expected);
        if (r < 0)
                return r;
        r = question_write(question, &call->bytes, &call->size);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(call);
        return 0;
}

JudgeCall *judge_call_free(JudgeCall *call) {
        if (!call)
                return NULL;

        if (!call->desk)
                TAILQ_REMOVE(&call->judges->failed, call, place);
        else if (call->desk->current == call)
                call->desk->current = NULL; /* the worker's answer will have no taker */
        else
                queue_remove(call->desk, call);
        return call_destroy(call);
}

size_t judge_call_size(const JudgeCall *call) {
        return call->bytes ? call->size : 0;
}

/* -- desks and their workers ---------------------------------------------------------------- */

static bool desk_has_worker(const Desk *desk) {
        return desk->process.pid > 0;
}

static void desk_end_worker(Desk *desk) {
        desk->io = sd_event_source_disable_unref(desk->io);
        desk->timer = sd_event_source_disable_unref(desk->timer);
        frames_done(&desk->frames);
        desk->busy = desk->stale = false;
        if (!desk_has_worker(desk))
                return;

        reaper_end(desk->judges->reaper, &desk->process);
        desk->judges->n_workers--;
}

/* The desk must have no call. */
static void desk_free(Desk *desk) {
        assert(!desk->current && !TAILQ_FIRST(&desk->queue));

        desk_end_worker(desk);
        for (Desk **p = &desk->judges->desks; *p; p = &(*p)->next)
                if (*p == desk) {
                        *p = desk->next;
                        break;
                }
        desk->judges->n_desks--;
        free(desk);
}

static int desk_watch_worker(Desk *desk) {
        int r;

        r = sd_event_add_io(desk->judges->event, &desk->io, desk->frames.fd, EPOLLIN, desk_on_io,
                            desk);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(desk->judges->event, &desk->timer, CLOCK_MONOTONIC,
                                          desk->judges->limits.idle_usec, 0, desk_on_time, desk);
}

static int desk_start_worker(Desk *desk) {
        Judges *judges = desk->judges;
        int r = 0;

        if (spare_judge_is_of(judges->spare, judges->authorities_fd))
                spare_judge_take(judges->spare, &desk->process, &desk->frames.fd);
        else
                r = judge_spawn(judges->program_fd, judges->authorities_fd, &desk->process,
                                &desk->frames.fd);
        judges->spare = spare_judge_free(judges->spare);
        if (r < 0)
                return r;
        judges->n_workers++;

        desk->frames.max = JUDGE_ANSWER_BYTES_MAX;
        r = desk_watch_worker(desk);
        if (r < 0)
                desk_end_worker(desk);
        return r;
}

static void desk_set_time(Desk *desk, uint64_t usec) {
        (void) sd_event_source_set_time_relative(desk->timer, usec);
        (void) sd_event_source_set_enabled(desk->timer, SD_EVENT_ONESHOT);
}

/* Gives the worker, which must be free, the next question. */
static void desk_put_question(Desk *desk) {
        JudgeCall *call = TAILQ_FIRST(&desk->queue);
        int r;

        queue_remove(desk, call);
        desk->current = call;
        desk->busy = true;
        desk->used = ++desk->judges->used;

        /* An error shows itself on the socket as well, and is dealt with from there. */
        r = frames_send(&desk->frames, TAKE_PTR(call->bytes), call->size);
        if (r <= 0)
                (void) sd_event_source_set_io_events(desk->io, EPOLLIN | EPOLLOUT);
        desk_set_time(desk, desk->judges->limits.wall_usec);
}

/*
 * Brings a desk whose worker is not busy to where it should be: the next question on the way, a
 * worker that waits, or no desk at all; @desk may be gone afterwards. Returns 0, or -errno if no
 * worker could be started, and then all calls of the queue fail.
 */
static int desk_advance(Desk *desk) {
        int r = 0;

        assert(!desk->busy);

        if (desk->stale)
                desk_end_worker(desk);
        if (TAILQ_FIRST(&desk->queue) && desk->judges->authorities_fd < 0)
                return 0;
        if (TAILQ_FIRST(&desk->queue) && !desk_has_worker(desk))
                r = desk_start_worker(desk);

        if (r < 0)
                while (TAILQ_FIRST(&desk->queue)) {
                        JudgeCall *call = TAILQ_FIRST(&desk->queue);

                        queue_remove(desk, call);
                        call_fail(call, r);
                }

        if (TAILQ_FIRST(&desk->queue))
                desk_put_question(desk);
        else if (desk_has_worker(desk))
                desk_set_time(desk, desk->judges->limits.idle_usec);
        else
                desk_free(desk);
        return r;
}

/* The worker is no good any more. Its question fails with @error, the others get a new one. */
static void desk_fail(Desk *desk, int error) {
        JudgeCall *call = TAKE_PTR(desk->current);

        desk_end_worker(desk);
        if (call)
                call_fail(call, error);
        (void) desk_advance(desk);
}

static void desk_take_answer(Desk *desk, Blob bytes) {
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        JudgeCall *call = desk->current;
        int r = 0;

        if (!desk->busy || desk->frames.out_size > 0)
                r = -EBADMSG; /* an answer to no question */
        else if (call)
                r = answer_read(bytes, &call->expected, &facts);
        if (r < 0) {
                desk_fail(desk, r);
                return;
        }

        desk->current = NULL;
        desk->busy = false;
        (void) desk_advance(desk);
        if (call)
                call_finish(call, 0, facts);
}

static int desk_on_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Desk *desk = userdata;
        Blob bytes;
        int r;

        r = frames_flush(&desk->frames);
        if (r > 0 && (events & EPOLLOUT) != 0)
                (void) sd_event_source_set_io_events(desk->io, EPOLLIN);
        if (r >= 0 && (events & ~(uint32_t) EPOLLOUT) != 0) {
                r = frames_receive(&desk->frames, &bytes);
                if (r > 0)
                        desk_take_answer(desk, bytes);
        }

        if (r < 0)
                desk_fail(desk, r == -EBADMSG || r == -ENOMEM ? r : -EPIPE);
        return 0;
}

static int desk_on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Desk *desk = userdata;

        if (desk->busy)
                desk_fail(desk, -ETIMEDOUT);
        else
                desk_free(desk);
        return 0;
}

/* -- all together --------------------------------------------------------------------------- */

int judges_new(sd_event *event, Judges **ret) {
        _cleanup_(judges_freep) Judges *judges = NULL;
        int r;

        judges = calloc(1, sizeof(*judges));
        if (!judges)
                return -ENOMEM;

        judges->program_fd = judges->authorities_fd = -1;
        judges->limits = (JudgeLimits) {
                .wall_usec = JUDGE_WALL_SEC * UINT64_C(1000000),
                .idle_usec = JUDGE_IDLE_SEC * UINT64_C(1000000),
        };
        TAILQ_INIT(&judges->failed);
        judges->event = sd_event_ref(event);
        r = reaper_new(event, &judges->reaper);
        if (r < 0)
                return r;
        r = worker_open_program(&judges->program_fd);
        if (r < 0)
                return r;
        r = sd_event_add_defer(event, &judges->failed_source, judges_on_failed, judges);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(judges->failed_source, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(judges);
        return 0;
}

Judges *judges_free(Judges *judges) {
        if (!judges)
                return NULL;

        assert(!TAILQ_FIRST(&judges->failed));
        while (judges->desks)
                desk_free(judges->desks);
        (void) spare_judge_free(judges->spare);
        (void) reaper_free(judges->reaper);
        (void) close_fd(judges->program_fd);
        (void) close_fd(judges->authorities_fd);
        (void) sd_event_source_disable_unref(judges->failed_source);
        (void) sd_event_unref(judges->event);
        free(judges);
        return NULL;
}

int judges_prepare(Judges *judges, int authorities_fd) {
        judges->spare = spare_judge_free(judges->spare);
        return spare_judge_new(judges->event, judges->reaper, judges->program_fd, authorities_fd,
                               judges->limits.idle_usec, &judges->spare);
}

void judges_set_authorities(Judges *judges, int fd) {
        (void) close_fd(judges->authorities_fd);
        judges->authorities_fd = fd;

        for (Desk *desk = judges->desks, *next; desk; desk = next) {
                next = desk->next;
                desk->stale = desk_has_worker(desk);
                if (!desk->busy)
                        (void) desk_advance(desk);
        }
}

/* The desk that was used longest ago and has nothing to do, or NULL. */
static Desk *judges_idle_desk(const Judges *judges) {
        Desk *found = NULL;

        for (Desk *desk = judges->desks; desk; desk = desk->next)
                if (!desk->busy && !TAILQ_FIRST(&desk->queue) && (!found || desk->used < found->used))
                        found = desk;
        return found;
}

/* 0 and the owner's desk, a new one if need be, -EBUSY if there is no room, -ENOMEM. */
static int judges_desk(Judges *judges, uid_t owner, Desk **ret) {
        Desk *desk;

        for (desk = judges->desks; desk; desk = desk->next)
                if (desk->owner == owner) {
                        *ret = desk;
                        return 0;
                }

        if (judges->n_desks >= JUDGES_MAX) {
                desk = judges_idle_desk(judges);
                if (!desk)
                        return -EBUSY;
                desk_free(desk);
        }

        desk = calloc(1, sizeof(*desk));
        if (!desk)
                return -ENOMEM;
        desk->judges = judges;
        desk->owner = owner;
        TAILQ_INIT(&desk->queue);
        desk->process = (Process) PROCESS_INIT;
        desk->frames = (Frames) FRAMES_INIT;
        desk->next = judges->desks;
        judges->desks = desk;
        judges->n_desks++;
        *ret = desk;
        return 0;
}

int judges_ask(Judges *judges, uid_t owner, const Question *question, JudgeDone done,
               void *userdata, JudgeCall **ret) {
        _cleanup_(call_destroyp) JudgeCall *call = NULL;
        Desk *desk;
        int r;

        r = call_new(judges, question, done, userdata, &call);
        if (r < 0)
                return r;
        r = judges_desk(judges, owner, &desk);
        if (r < 0)
                return r;
        if (desk->n_queued >= JUDGE_QUEUE_MAX)
                return -EBUSY;

        call->desk = desk;
        TAILQ_INSERT_TAIL(&desk->queue, call, place);
        desk->n_queued++;
        *ret = TAKE_PTR(call);
        /* If no worker can be started the call has failed already, and says so from the loop. */
        if (!desk->busy)
                (void) desk_advance(desk);
        return 0;
}

unsigned judges_count(const Judges *judges) {
        return judges->n_workers;
}

#ifdef CERTEXC_TESTING
void judges_set_limits(Judges *judges, const JudgeLimits *limits) {
        judges->limits = *limits;
}

pid_t judges_spare_pid(const Judges *judges) {
        return judges->spare ? spare_judge_pid(judges->spare) : 0;
}

pid_t judges_worker_pid(const Judges *judges, uid_t owner) {
        for (const Desk *desk = judges->desks; desk; desk = desk->next)
                if (desk->owner == owner)
                        return desk->process.pid;
        return 0;
}
#endif
