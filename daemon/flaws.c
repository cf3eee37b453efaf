/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "daemon/algorithms.h"
#include "daemon/extensions.h"
#include "daemon/flaws.h"
#include "daemon/names.h"

void flaws_report(const Certificates *all, const Certificate *c, Report *r) {
        const char *fault = c->fault;
        char text[ALGORITHM_TEXT_SIZE], oid[64];

        if (!fault)
                fault = key_fault(c);
        if (!fault)
                fault = names_fault(c);
        if (fault)
                report(r, PROBLEM_MALFORMED, c, "%s", fault);
        if (c->extensions.unknown_critical.size > 0) {
                oid_text(c->extensions.unknown_critical, oid, sizeof(oid));
                report(r, PROBLEM_UNKNOWN_CRITICAL, c, "%s", oid);
        }
        if (key_is_weak(c, text))
                report(r, PROBLEM_WEAK_KEY, c, "%s", text);
        if (certificates_is_blocked(all, c))
                report_name(r, PROBLEM_BLOCKED, c, c->subject);
}
