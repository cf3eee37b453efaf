/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Report: where checks put what they find. Without facts it only counts, so that paths are compared
 * without writing a word.
 */
#pragma once

#include "daemon/certificate.h"

typedef struct Report {
        Facts *facts; /* NULL: only count */
        ProblemSet problems;
        unsigned n; /* findings */
        int error;  /* the first: -ENOMEM */
} Report;

/* @c NULL: of no certificate in particular. */
void report(Report *r, Problem problem, const Certificate *c, const char *format, ...)
        _printf_(4, 5);

/* The authority speaks for @names alone, text of only_add(), and @outside is none of them. */
void report_limit(Report *r, const char *outside, const char *names);

/* The same as report(), with the text of a distinguished name. */
void report_name(Report *r, Problem problem, const Certificate *c, Blob name);

/* The same, with a time as ISO 8601 in UTC. */
void report_time(Report *r, Problem problem, const Certificate *c, int64_t time);
