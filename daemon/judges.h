/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges: starting the workers, one per owner, asking them, and outliving them. Everything that
 * parses DER happens over there.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/cleanup.h"
#include "daemon/facts.h"
#include "daemon/pace.h"
#include "daemon/problems.h"

typedef struct sd_event sd_event;
typedef struct Judges Judges;
typedef struct JudgeCall JudgeCall;
typedef struct Turns Turns;

/* @event is referenced. What a worker answers waits for a turn of its owner's; @turns NULL: it does not. No worker
 * is started before judges_set_authorities(). 0 or -errno. */
int judges_new(sd_event *event, Turns *turns, Judges **ret);

/* Ends all workers; no call may be pending. */
Judges *judges_free(Judges *judges);
DEFINE_CLEANUP(Judges *, judges_free)

/* Takes over @fd, the sealed block; workers with an older one finish their chain and go. */
void judges_set_authorities(Judges *judges, int fd);

/*
 * Starts a worker for whoever asks first, provided that the same block is set by then. What cannot be
 * started now is started when somebody asks. 0 or -errno.
 */
int judges_prepare(Judges *judges, int authorities_fd);

/*
 * Called exactly once from the event loop, unless judge_call_free() comes first. @error is 0 and
 * @facts borrowed; or -ETIMEDOUT (overran), -EPIPE (the worker died), -EBADMSG (it answered
 * nonsense), -ENOMEM and the like, and @facts NULL. The call is freed after it.
 */
typedef void (*JudgeDone)(JudgeCall *call, int error, Facts *facts, void *userdata);

/*
 * Sends @question (copied) to @owner's worker, started if need be. Returns 0; -EBUSY past
 * JUDGE_QUEUE_MAX or when JUDGES_MAX are all at work; -EINVAL for a question above a bound of
 * limits.h; -errno. That a worker cannot be started is told by @done.
 */
int judges_ask(Judges *judges, uid_t owner, const Question *question, JudgeDone done,
               void *userdata, JudgeCall **ret);

/* Cancels: @done is not called. NULL ok; returns NULL. */
JudgeCall *judge_call_free(JudgeCall *call);
DEFINE_CLEANUP(JudgeCall *, judge_call_free)

/* Bytes of its question, which is held until it is sent. */
size_t judge_call_size(const JudgeCall *call);

/* How many workers live. */
unsigned judges_count(const Judges *judges);

/* How long a question may take, an idle worker stays and a busy one works. */
typedef struct JudgeLimits {
        uint64_t wall_usec;
        uint64_t idle_usec;
        PaceLimits pace;
} JudgeLimits;

#ifdef CERTEXC_TESTING
/* For the tests: they do not wait a minute to see what happens after a minute. */
void judges_set_limits(Judges *judges, const JudgeLimits *limits);

/* The process that works for @owner, 0 if there is none. */
pid_t judges_worker_pid(const Judges *judges, uid_t owner);

/* The process that works for nobody yet, 0 if there is none. */
pid_t judges_spare_pid(const Judges *judges);
#endif
