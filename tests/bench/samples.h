/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The times of two things that are measured in turns, and what is said of them. */
#pragma once

#include <stddef.h>

/* The times of one thing, in microseconds. */
typedef struct Samples {
        double *items;
        size_t n;
} Samples;

/* Ends the program with a sentence. */
void __attribute__((noreturn)) bench_die(const char *what, const char *why);

double bench_now_usec(void);

/* What began at @begin has ended. */
void samples_add(Samples *s, double begin);

/* Their median; they are sorted afterwards. */
double samples_median(Samples *s);

/* Prints both medians and their ratio, and forgets both. */
void samples_report(Samples *ours, const char *our_name, Samples *theirs, const char *their_name,
                    double reach);

void samples_done(Samples *s);
