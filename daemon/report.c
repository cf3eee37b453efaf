/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/limits.h"
#include "daemon/report.h"

/* A certificate that the peer did not send has no index by which people could tell it. */
static int add_unsent(Facts *facts, Problem problem, const Certificate *c, const char *value) {
        _cleanup_free_ char *name = NULL, *text = NULL;
        int e;

        e = name_text(c->subject, &name);
        if (e < 0)
                return e;
        if (strcmp(name, value) != 0 && asprintf(&text, "%s (%s)", value, name) < 0)
                return -ENOMEM;
        return facts_add(facts, problem, -1, text ? text : value);
}

static void add(Report *r, Problem problem, const Certificate *c, const char *value) {
        int e;

        r->problems |= (ProblemSet) problem;
        r->n++;
        if (!r->facts)
                return;

        if (c && c->index < 0)
                e = add_unsent(r->facts, problem, c, value);
        else
                e = facts_add(r->facts, problem, c ? c->index : -1, value);
        if (e < 0 && r->error == 0)
                r->error = e;
}

void report(Report *r, Problem problem, const Certificate *c, const char *format, ...) {
        char value[FACTS_TEXT_BYTES_MAX + 1];
        va_list arguments;

        value[0] = '\0';
        if (r->facts) {
                va_start(arguments, format);
                (void) vsnprintf(value, sizeof(value), format, arguments);
                va_end(arguments);
        }
        add(r, problem, c, value);
}

void report_limit(Report *r, const char *outside, const char *names) {
        int e = r->facts ? facts_set_limit(r->facts, outside, names) : 0;

        if (e < 0 && r->error == 0)
                r->error = e;
}

void report_name(Report *r, Problem problem, const Certificate *c, Blob name) {
        _cleanup_free_ char *text = NULL;
        int e = 0;

        if (r->facts)
                e = name_text(name, &text);
        if (e < 0 && r->error == 0)
                r->error = e;
        add(r, problem, c, text ? text : "");
}

void report_time(Report *r, Problem problem, const Certificate *c, int64_t when) {
        time_t t = (time_t) when;
        char value[64];
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(value, sizeof(value), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                snprintf(value, sizeof(value), "%" PRId64, when);
        add(r, problem, c, value);
}
