/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work is a debt that time pays off, slower than it is made. */
#include "config.h"

#include "daemon/pace.h"

void pace_begin(Pace *pace, uint64_t now_usec) {
        pace->begin_usec = now_usec;
}

uint64_t pace_debt(const Pace *pace, const PaceLimits *limits, uint64_t now_usec) {
        uint64_t paid = (now_usec - pace->end_usec) / limits->part;

        return pace->debt_usec > paid ? pace->debt_usec - paid : 0;
}

void pace_end(Pace *pace, const PaceLimits *limits, uint64_t now_usec) {
        uint64_t most = limits->burst_usec + limits->rest_usec / limits->part;

        pace->debt_usec = pace_debt(pace, limits, now_usec) + now_usec - pace->begin_usec;
        if (pace->debt_usec > most)
                pace->debt_usec = most;
        pace->end_usec = now_usec;
}

uint64_t pace_rest(const Pace *pace, const PaceLimits *limits, uint64_t now_usec) {
        uint64_t since = now_usec - pace->end_usec, rest;

        if (pace->debt_usec <= limits->burst_usec)
                return 0;
        rest = (pace->debt_usec - limits->burst_usec) * limits->part;
        return rest > since ? rest - since : 0;
}
