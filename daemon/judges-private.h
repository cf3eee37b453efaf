/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the judges share: calls, and the desks that they wait at. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/frames.h"
#include "daemon/judge.h"
#include "daemon/judges-spare.h"
#include "daemon/judges.h"
#include "daemon/reaper.h"
#include "daemon/turns.h"
#include "daemon/worker.h"

typedef struct sd_event_source sd_event_source;
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
        Pace pace;
        uint64_t worked_usec; /* its worker, before the question */
        Turn turn; /* to deal with @events */
        uint32_t events;
        sd_event_source *io;
        sd_event_source *timer; /* the end of the question, of rest, or of idleness */
};

struct Judges {
        sd_event *event;
        Turns *turns; /* NULL: nothing waits for a turn, and nobody rests */
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

/* -- judges.c ---------------------------------------------------------------------------------- */

/* The end of @call, which must be in no place any more. Nothing of ours may be in hand: the
 * callback may ask again, cancel, and free. */
void judge_call_finish(JudgeCall *call, int error, Facts *facts);

/* Lets @call fail from the event loop. */
void judge_call_fail(JudgeCall *call, int error);

/* -- judges-desk.c ----------------------------------------------------------------------------- */

/* Adds the desk to @judges. 0 or -errno. */
int desk_new(Judges *judges, uid_t owner, Desk **ret);

/* The desk must have no call. */
void desk_free(Desk *desk);

bool desk_has_worker(const Desk *desk);
void desk_queue_remove(Desk *desk, JudgeCall *call);

/*
 * Brings a desk whose worker is not busy to where it should be: the next question on the way, a
 * worker that rests or waits, or no desk at all; @desk may be gone afterwards. Returns 0, or -errno if
 * no worker could be started, and then all calls of the queue fail.
 */
int desk_advance(Desk *desk);
