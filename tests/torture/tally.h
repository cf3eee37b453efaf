/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tally: how many cases of each kind there were, what was lost in them, and how soon the daemon
 * served again. It bounds a run as well: by a number of cases in `make check` or that of TORTURE_CASES,
 * by the seconds of TORTURE_SECONDS in ./dev torture, and shows how far that is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"

typedef struct Tally {
        const char *kind;
        uint32_t seed; /* TORTURE_SEED; shown, so that a failure can be seen again */
        unsigned only; /* TORTURE_CASE: the case that is seen again; 0: all */
        unsigned wanted; /* TORTURE_CASES; 0: as many as the program wants */
        unsigned n_cases;
        unsigned n_failed;
        unsigned last_failed; /* the number of that case */
        unsigned n_shown;
        unsigned n_lost;  /* decisions */
        unsigned n_false; /* accepts that were none before */
        uint32_t *served; /* microseconds until the first verdict, each case's */
        unsigned n_served;
        int64_t began_usec;
        int64_t shown_usec;
        int64_t until_usec; /* 0: no time is given */
} Tally;

void tally_begin(Tally *t, const char *kind);

/* true in ./dev torture: the long form. */
bool tally_is_long(const Tally *t);

/* Whether there is to be another case, of which @n are enough in `make check`. */
bool tally_goes_on(Tally *t, unsigned n);

/* Begins a case that is made of the seed and its number alone. false: it is not TORTURE_CASE. */
bool tally_next(Tally *t);

/* What such a case's chances begin with. */
uint32_t tally_chance(const Tally *t);

/* A case went wrong; a sentence for people. */
void _printf_(2, 3) tally_fail(Tally *t, const char *format, ...);

void tally_served(Tally *t, int64_t usec);

/* Prints the line of figures; the exit status. */
int tally_end(Tally *t);

/* The next number of a sequence that @state alone decides (xorshift), below @bound. */
uint32_t tally_random(uint32_t *state, uint32_t bound);
