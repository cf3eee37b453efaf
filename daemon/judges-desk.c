/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A desk for each owner with something to ask, with the questions that wait and the worker that answers
 * them one at a time. A desk is there as long as it has either, or its worker should rest.
 */
#include "config.h"

#include <assert.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/judges-private.h"
#include "daemon/limits.h"

static int desk_on_io(sd_event_source *source, int fd, uint32_t events, void *userdata);

void desk_queue_remove(Desk *desk, JudgeCall *call) {
        TAILQ_REMOVE(&desk->queue, call, place);
        desk->n_queued--;
}

bool desk_has_worker(const Desk *desk) {
        return desk->process.pid > 0;
}

static void desk_end_worker(Desk *desk) {
        desk->io = sd_event_source_disable_unref(desk->io);
        frames_done(&desk->frames);
        desk->busy = desk->stale = false;
        if (!desk_has_worker(desk))
                return;

        reaper_end(desk->judges->reaper, &desk->process);
        desk->judges->n_workers--;
}

void desk_free(Desk *desk) {
        assert(!desk->current && !TAILQ_FIRST(&desk->queue));

        desk_end_worker(desk);
        desk->timer = sd_event_source_disable_unref(desk->timer);
        turn_end(&desk->turn);
        for (Desk **p = &desk->judges->desks; *p; p = &(*p)->next)
                if (*p == desk) {
                        *p = desk->next;
                        break;
                }
        desk->judges->n_desks--;
        free(desk);
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
        r = sd_event_add_io(judges->event, &desk->io, desk->frames.fd, EPOLLIN, desk_on_io, desk);
        if (r < 0)
                desk_end_worker(desk);
        return r;
}

static void desk_set_time(Desk *desk, uint64_t usec) {
        (void) sd_event_source_set_time_relative(desk->timer, usec);
        (void) sd_event_source_set_enabled(desk->timer, SD_EVENT_ONESHOT);
}

static uint64_t desk_now(const Desk *desk) {
        uint64_t now = 0;

        (void) sd_event_now(desk->judges->event, CLOCK_MONOTONIC, &now);
        return now;
}

/* What its worker has had of a processor; UINT64_MAX: nobody knows. */
static uint64_t desk_worked(const Desk *desk) {
        struct timespec t;
        clockid_t clock;

        if (clock_getcpuclockid(desk->process.pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
                return UINT64_MAX;
        return (uint64_t) t.tv_sec * 1000000U + (uint64_t) t.tv_nsec / 1000U;
}

static bool is_crowded(const Desk *desk) {
        const Turns *turns = desk->judges->turns;

        return turns && turns_are_crowded(turns, (int64_t) desk->owner);
}

/* How long its worker should rest for the sake of others, until it is to be asked again: they may leave. */
static uint64_t desk_rest(const Desk *desk) {
        uint64_t rest;

        if (!is_crowded(desk))
                return 0;
        rest = pace_rest(&desk->pace, &desk->judges->limits.pace, desk_now(desk));
        return rest < TURNS_CROWD_USEC ? rest : TURNS_CROWD_USEC;
}

/* Gives the worker, which must be free, the next question. */
static void desk_put_question(Desk *desk) {
        JudgeCall *call = TAILQ_FIRST(&desk->queue);
        int r;

        desk_queue_remove(desk, call);
        desk->current = call;
        desk->busy = true;
        desk->used = ++desk->judges->used;
        pace_begin(&desk->pace, desk_now(desk));
        desk->worked_usec = desk_worked(desk);

        /* An error shows itself on the socket as well, and is dealt with from there. */
        r = frames_send(&desk->frames, TAKE_PTR(call->bytes), call->size);
        if (r <= 0)
                (void) sd_event_source_set_io_events(desk->io, EPOLLIN | EPOLLOUT);
        desk_set_time(desk, desk->judges->limits.wall_usec);
}

int desk_advance(Desk *desk) {
        uint64_t rest = desk_rest(desk);
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

                        desk_queue_remove(desk, call);
                        judge_call_fail(call, r);
                }

        if (TAILQ_FIRST(&desk->queue) && rest == 0)
                desk_put_question(desk);
        else if (!TAILQ_FIRST(&desk->queue) && desk_has_worker(desk))
                desk_set_time(desk, desk->judges->limits.idle_usec);
        else if (rest > 0)
                desk_set_time(desk, rest);
        else
                desk_free(desk);
        return r;
}

/* Its worker is not busy any more. What it did while nobody else was there was in nobody's way, and that others
 * kept it from the processor is not its owner's fault. */
static void desk_set_free(Desk *desk) {
        uint64_t now = desk_now(desk), worked = desk_worked(desk);

        desk->busy = false;
        if (!is_crowded(desk))
                return;
        if (worked < UINT64_MAX && desk->worked_usec < UINT64_MAX)
                pace_begin(&desk->pace, now - (worked - desk->worked_usec));
        pace_end(&desk->pace, &desk->judges->limits.pace, now);
}

/* The worker is no good any more. Its question fails with @error, the others get a new one. */
static void desk_fail(Desk *desk, int error) {
        JudgeCall *call = TAKE_PTR(desk->current);

        if (desk->busy)
                desk_set_free(desk);
        desk_end_worker(desk);
        if (call)
                judge_call_fail(call, error);
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
        desk_set_free(desk);
        (void) desk_advance(desk);
        if (call)
                judge_call_finish(call, 0, facts);
}

static void desk_on_turn(void *userdata) {
        Desk *desk = userdata;
        uint32_t events = desk->events;
        Blob bytes;
        int r;

        /* Its worker may have been ended meanwhile. */
        if (!desk->io)
                return;
        (void) sd_event_source_set_enabled(desk->io, SD_EVENT_ON);
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
}

static int desk_on_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Desk *desk = userdata;

        desk->events = events;
        if (!desk->judges->turns)
                desk_on_turn(desk);
        else if (!turn_at_once(&desk->turn))
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static int desk_on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Desk *desk = userdata;

        if (desk->busy)
                desk_fail(desk, -ETIMEDOUT);
        else if (!TAILQ_FIRST(&desk->queue) && desk_rest(desk) == 0)
                desk_free(desk);
        else
                (void) desk_advance(desk);
        return 0;
}

int desk_new(Judges *judges, uid_t owner, Desk **ret) {
        Desk *desk = calloc(1, sizeof(*desk));
        int r;

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

        r = sd_event_add_time_relative(judges->event, &desk->timer, CLOCK_MONOTONIC,
                                       judges->limits.idle_usec, 0, desk_on_time, desk);
        if (r >= 0 && judges->turns)
                r = turn_begin(judges->turns, (int64_t) owner, desk_on_turn, desk, &desk->turn);
        if (r < 0)
                desk_free(desk);
        else
                *ret = desk;
        return r < 0 ? r : 0;
}
