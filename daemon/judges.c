/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Judges: calls on their way to the desks and back, and the desks all together. */
#include "config.h"

#include "daemon/judges.h"

#include <assert.h>
#include <systemd/sd-event.h>

#include "daemon/judges-private.h"
#include "daemon/limits.h"

/* -- calls ---------------------------------------------------------------------------------- */

static JudgeCall *call_destroy(JudgeCall *call) {
        if (!call)
                return NULL;
        free(call->bytes);
        free(call);
        return NULL;
}
DEFINE_CLEANUP(JudgeCall *, call_destroy)

void judge_call_finish(JudgeCall *call, int error, Facts *facts) {
        call->done(call, error, facts, call->userdata);
        (void) call_destroy(call);
}

void judge_call_fail(JudgeCall *call, int error) {
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
                judge_call_finish(call, call->error, NULL);
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
                desk_queue_remove(call->desk, call);
        return call_destroy(call);
}

size_t judge_call_size(const JudgeCall *call) {
        return call->bytes ? call->size : 0;
}

/* -- all together --------------------------------------------------------------------------- */

int judges_new(sd_event *event, Turns *turns, Judges **ret) {
        _cleanup_(judges_freep) Judges *judges = NULL;
        int r;

        judges = calloc(1, sizeof(*judges));
        if (!judges)
                return -ENOMEM;

        judges->program_fd = judges->authorities_fd = -1;
        judges->limits = (JudgeLimits) {
                .wall_usec = JUDGE_WALL_SEC * UINT64_C(1000000),
                .idle_usec = JUDGE_IDLE_SEC * UINT64_C(1000000),
                .pace = { JUDGE_BURST_USEC, JUDGE_PACE, REST_USEC_MAX },
        };
        TAILQ_INIT(&judges->failed);
        judges->turns = turns;
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

        return desk_new(judges, owner, ret);
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
