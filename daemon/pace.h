/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pace: how much of the time may be spent on somebody's work while others need it as well. Knows neither clock nor
 * loop; times are microseconds of any clock that does not go back.
 */
#pragma once

#include <stdint.h>

typedef struct PaceLimits {
        uint64_t burst_usec; /* so much is nobody's concern */
        uint64_t part;       /* beyond it only one of so many parts of the time may be worked */
        uint64_t rest_usec;  /* but nobody rests for longer: what is more than that is forgiven */
} PaceLimits;

/* Zeroed: it has not worked yet. */
typedef struct Pace {
        uint64_t begin_usec; /* of the work that is under way */
        uint64_t debt_usec;  /* what it has worked, less the part of the time since that it may work, */
        uint64_t end_usec;   /* as it was then */
} Pace;

/* It has something to do. */
void pace_begin(Pace *pace, uint64_t now_usec);

/* It has done it. */
void pace_end(Pace *pace, const PaceLimits *limits, uint64_t now_usec);

/* What of its work time has not paid for until now. */
uint64_t pace_debt(const Pace *pace, const PaceLimits *limits, uint64_t now_usec);

/* How long it must rest from now on; 0: not at all. */
uint64_t pace_rest(const Pace *pace, const PaceLimits *limits, uint64_t now_usec);
