/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turns: whose work the event loop does next. Work that uids cause (calls, answers of their judges, what the
 * store has done for them) waits here for its turn, and the uid that has had the least of the loop's time
 * comes first, however many connections the others have. So who asks a question now and then waits for the
 * end of one turn of somebody else's, and turns are short (TURN_USEC). Some are not, since a call is not
 * interrupted: a uid that makes them long again and again (LONG_TURN_USEC) rests while others ask. So does one whose
 * turns heap up, since it asks on many connections at once: it would keep the loop at work without a pause, and
 * the processor with it. Who has one question after another rests never.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "client/cleanup.h"

typedef struct sd_event sd_event;
typedef struct Turns Turns;
typedef struct Party Party;

/* Work that is nobody's yet, or everybody's: who comes in, and what the committing thread has done. */
#define TURNS_OF_LISTENER INT64_C(-2)
#define TURNS_OF_STORE    INT64_C(-3)

/* Does some of the work, and asks for another turn if there is more. May end the turn. */
typedef void (*TurnTake)(void *userdata);

/* Its holder's own, zeroed when it is none. */
typedef struct Turn {
        Party *party;
        TAILQ_ENTRY(Turn) place;
        bool waits;
        TurnTake take;
        void *userdata;
} Turn;

/* Microseconds of CLOCK_MONOTONIC, or of CLOCK_THREAD_CPUTIME_ID: that a turn was interrupted is nobody's fault. */
typedef uint64_t (*TurnClock)(clockid_t clock);

/* @event is referenced. @clock NULL: the computer's. 0 or -errno. */
int turns_new(sd_event *event, TurnClock clock, Turns **ret);

/* All turns are ended first. */
Turns *turns_free(Turns *turns);
DEFINE_CLEANUP(Turns *, turns_free)

/* @whose: a uid, or one of the above. 0 or -ENOMEM. */
int turn_begin(Turns *turns, int64_t whose, TurnTake take, void *userdata, Turn *ret);
void turn_end(Turn *turn);

/* Takes a turn from the loop, once all others that come first have had theirs. */
void turn_want(Turn *turn);

/* From an event that is what the loop slept for: true, and the turn was taken already; false: it is as after
 * turn_want(), and the event must be kept from coming again meanwhile. */
bool turn_at_once(Turn *turn);

/* true if another uid has had a turn within TURNS_CROWD_USEC. */
bool turns_are_crowded(const Turns *turns, int64_t whose);

/* The loop is about to sleep: there is no work. */
void turns_rest(Turns *turns);
