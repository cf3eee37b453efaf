/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gaps: sorted ranges, and numbers that are sorted when they are counted. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/rebuild-gaps.h"

void gaps_done(Gaps *gaps) {
        free(gaps->ranges);
        free(gaps->found);
        *gaps = (Gaps){ 0 };
}

/* Room for one more behind @n: it doubles at each power of two. */
static int grow(void **items, size_t n, size_t size) {
        void *grown;

        if (n & (n - 1))
                return 0;
        grown = reallocarray(*items, n ? 2 * n : 1, size);
        if (!grown)
                return -ENOMEM;
        *items = grown;
        return 0;
}

int gaps_add(Gaps *gaps, uint64_t first, uint64_t last) {
        void *ranges = gaps->ranges;

        if (first > last)
                return 0;
        if (grow(&ranges, gaps->n_ranges, sizeof(*gaps->ranges)) < 0)
                return -ENOMEM;
        gaps->ranges = ranges;
        gaps->ranges[gaps->n_ranges++] = (Range){ first, last };
        return 0;
}

bool gaps_has(const Gaps *gaps, uint64_t number) {
        size_t from = 0, to = gaps->n_ranges;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (number > gaps->ranges[middle].last)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from < gaps->n_ranges && number >= gaps->ranges[from].first;
}

int gaps_found(Gaps *gaps, uint64_t number) {
        void *found = gaps->found;

        if (grow(&found, gaps->n_found, sizeof(*gaps->found)) < 0)
                return -ENOMEM;
        gaps->found = found;
        gaps->found[gaps->n_found++] = number;
        return 0;
}

static int compare(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

/* What is missing of @range: @found are all that were found up to its end, in order. */
static uint64_t missing_of(const Range *range, const uint64_t *found, size_t n, uint64_t *ret_last) {
        uint64_t missing = 0, next = range->first;

        for (size_t i = 0; i < n; i++) {
                if (found[i] < next)
                        continue;
                if (found[i] > next)
                        *ret_last = found[i] - 1;
                missing += found[i] - next;
                next = found[i] + 1;
        }
        if (next <= range->last) {
                *ret_last = range->last;
                missing += range->last - next + 1;
        }
        return missing;
}

uint64_t gaps_missing(Gaps *gaps, uint64_t *ret_last) {
        uint64_t missing = 0;
        size_t at = 0;

        *ret_last = 0;
        if (gaps->n_found > 1)
                qsort(gaps->found, gaps->n_found, sizeof(*gaps->found), compare);
        for (size_t i = 0; i < gaps->n_ranges; i++) {
                const Range *range = &gaps->ranges[i];
                size_t from = at;

                while (at < gaps->n_found && gaps->found[at] <= range->last)
                        at++;
                missing += missing_of(range, at > from ? gaps->found + from : NULL, at - from,
                                      ret_last);
        }
        return missing;
}
