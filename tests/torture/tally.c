/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many cases there were, and what was lost in them. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/torture/tally.h"
#include "tests/torture/world.h"

#define SECOND           INT64_C(1000000)
#define FAILED_SHOWN_MAX 20U

void tally_begin(Tally *t, const char *kind) {
        const char *seconds = getenv("TORTURE_SECONDS"), *seed = getenv("TORTURE_SEED");
        const char *only = getenv("TORTURE_CASE"), *wanted = getenv("TORTURE_CASES");

        *t = (Tally){.kind = kind, .began_usec = world_now_usec()};
        t->seed = seed ? (uint32_t) strtoul(seed, NULL, 10) : 1;
        t->only = only ? (unsigned) strtoul(only, NULL, 10) : 0;
        t->wanted = wanted ? (unsigned) strtoul(wanted, NULL, 10) : 0;
        t->shown_usec = t->began_usec;
        if (seconds)
                t->until_usec = t->began_usec + strtol(seconds, NULL, 10) * SECOND;
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
}

bool tally_is_long(const Tally *t) {
        return t->until_usec != 0;
}

/* On a terminal only, once in a second. */
static void show(Tally *t, int64_t now) {
        if (now - t->shown_usec < SECOND || !isatty(STDERR_FILENO))
                return;
        (void) fprintf(stderr, "\r%s: %u cases, %u failed, %lld s ", t->kind, t->n_cases,
                       t->n_failed, (long long) ((now - t->began_usec) / SECOND));
        t->shown_usec = now;
}

bool tally_goes_on(Tally *t, unsigned n) {
        int64_t now = world_now_usec();

        show(t, now);
        if (t->only > 0)
                return t->n_cases < t->only;
        if (t->wanted > 0)
                return t->n_cases < t->wanted;
        return t->until_usec != 0 ? now < t->until_usec : t->n_cases < n;
}

bool tally_next(Tally *t) {
        t->n_cases++;
        return t->only == 0 || t->n_cases == t->only;
}

uint32_t tally_chance(const Tally *t) {
        return t->seed * 2654435761U + t->n_cases;
}

void tally_fail(Tally *t, const char *format, ...) {
        va_list args;

        t->n_failed += t->last_failed != t->n_cases;
        t->last_failed = t->n_cases;
        if (t->n_shown++ >= FAILED_SHOWN_MAX)
                return;
        va_start(args, format);
        (void) fprintf(stderr, "%s, seed %u, case %u: ", t->kind, t->seed, t->n_cases);
        (void) vfprintf(stderr, format, args);
        (void) fputc('\n', stderr);
        va_end(args);
}

void tally_served(Tally *t, int64_t usec) {
        uint32_t *served = realloc(t->served, (t->n_served + 1) * sizeof(*served));

        if (!served)
                world_give_up("Out of memory");
        t->served = served;
        t->served[t->n_served++] = (uint32_t) usec;
}

static int compare(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return x < y ? -1 : x > y;
}

int tally_end(Tally *t) {
        if (isatty(STDERR_FILENO))
                (void) fputs("\r\033[K", stderr);
        printf("%s: %u cases, %u failed, %u decisions lost, %u false accepts", t->kind,
               t->only > 0 ? 1 : t->n_cases, t->n_failed, t->n_lost, t->n_false);
        if (t->n_served > 0) {
                qsort(t->served, t->n_served, sizeof(*t->served), compare);
                printf(", serving again after %u ms (p50), %u ms (max)",
                       t->served[t->n_served / 2] / 1000, t->served[t->n_served - 1] / 1000);
        }
        printf("; seed %u, %lld s\n", t->seed,
               (long long) ((world_now_usec() - t->began_usec) / SECOND));
        free(t->served);
        t->served = NULL;
        return t->n_failed == 0 && t->n_cases > 0 ? 0 : 1;
}

uint32_t tally_random(uint32_t *state, uint32_t bound) {
        uint32_t x = *state ? *state : 0x9e3779b9U;

        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        *state = x;
        return bound == 0 ? 0 : x % bound;
}
