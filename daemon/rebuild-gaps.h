/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gaps: which numbered changes a journal lacks, and which of them were found elsewhere. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Range {
        uint64_t first;
        uint64_t last;
} Range;

/* Begins empty: { 0 }. */
typedef struct Gaps {
        Range *ranges; /* ascending */
        size_t n_ranges;
        uint64_t *found;
        size_t n_found;
} Gaps;

void gaps_done(Gaps *gaps);

/* @first to @last are missing; they follow those that were added before. Nothing if @first is more
 * than @last. Returns 0 or -ENOMEM. */
int gaps_add(Gaps *gaps, uint64_t first, uint64_t last);

bool gaps_has(const Gaps *gaps, uint64_t number);

/* @number was found elsewhere. Returns 0 or -ENOMEM. */
int gaps_found(Gaps *gaps, uint64_t number);

/* How many are still missing, and the last of them (0: none). */
uint64_t gaps_missing(Gaps *gaps, uint64_t *ret_last);
