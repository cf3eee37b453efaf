/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/bench/samples.h"

void bench_die(const char *what, const char *why) {
        (void) fprintf(stderr, "bench: %s: %s\n", what, why);
        exit(EXIT_FAILURE);
}

double bench_now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

void samples_add(Samples *s, double begin) {
        double end = bench_now_usec();

        s->items = reallocarray(s->items, s->n + 1, sizeof(*s->items));
        if (!s->items)
                bench_die("memory", "none left");
        s->items[s->n++] = end - begin;
}

static int compare(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static double quantile(Samples *s, double q) {
        qsort(s->items, s->n, sizeof(*s->items), compare);
        return s->items[(size_t) ((double) (s->n - 1) * q)];
}

double samples_median(Samples *s) {
        return quantile(s, 0.5);
}

void samples_report(Samples *ours, const char *our_name, Samples *theirs, const char *their_name,
                    double reach) {
        double x = samples_median(ours), y = samples_median(theirs);

        printf("%-36s %9.1f us (p99 %9.1f)\n", our_name, x, quantile(ours, 0.99));
        printf("  %-34s %9.1f us (p99 %9.1f)\n", their_name, y, quantile(theirs, 0.99));
        printf("  ratio %.2f, to reach %.2f: %s\n", x / y, reach,
               x / y <= reach ? "reached" : "missed");
        (void) fflush(stdout);
        ours->n = theirs->n = 0;
}

void samples_done(Samples *s) {
        free(s->items);
        *s = (Samples){ 0 };
}
