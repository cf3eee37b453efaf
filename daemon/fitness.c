/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "daemon/chain.h"
#include "daemon/distrust.h"
#include "daemon/fitness.h"
#include "daemon/flaws.h"
#include "daemon/report.h"

/* RFC 5280, sections 4.2.1.3 and 4.2.1.9. One of version 1 cannot say what it is, and so could be
 * anybody's. */
static void check_authority(const Certificate *c, Report *r) {
        const Extensions *e = &c->extensions;

        if (c->version < 3)
                report(r, PROBLEM_BAD_CONSTRAINTS, c,
                       "it is of version %u and cannot say that it is an authority", c->version);
        else if (!e->has_basic_constraints)
                report(r, PROBLEM_BAD_CONSTRAINTS, c, "it does not say that it is an authority");
        else if (!e->ca)
                report(r, PROBLEM_BAD_CONSTRAINTS, c, "it says that it is no authority");
        else if (e->has_key_usage && !(e->key_usage & USAGE_CERTIFICATE_SIGN))
                report(r, PROBLEM_BAD_CONSTRAINTS, c, "it may not sign certificates");
        if (certificate_has_empty_subject(c))
                report(r, PROBLEM_BAD_CONSTRAINTS, c, "it has no name");
        if (e->has_purposes && !(e->purposes & (PURPOSE_SERVER | PURPOSE_ANY)))
                report(r, PROBLEM_WRONG_USAGE, c, "its certificates are not for servers");
}

/* What everybody reports of every certificate. */
static void check_itself(const Certificates *all, const Certificate *c, Report *r) {
        const DistrustRule *rule = distrust_find(all->rules, c->key_sha256);

        flaws_report(all, c, r);
        if (rule && !certificates_is_blocked(all, c))
                report(r, PROBLEM_DISTRUSTED_ISSUER, c, "%s", rule->who);
}

static void check_dates(const Certificate *c, int64_t now, Report *r) {
        if (!c->has_dates)
                return;
        if (now > c->not_after)
                report_time(r, PROBLEM_EXPIRED, c, c->not_after);
        if (now < c->not_before)
                report_time(r, PROBLEM_NOT_YET_VALID, c, c->not_before);
}

int fitness_find(const Question *question, Facts **ret) {
        _cleanup_(certificates_freep) Certificates *all = NULL;
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        Report report = { 0 };
        int r;

        r = facts_new(&facts);
        if (r == 0)
                r = certificates_new(question->chain, question->n_chain, NULL, question->blocked,
                                     question->rules ? question->rules : &distrust_shipped, &all);
        if (r < 0)
                return r;
        if (!all->leaf) {
                r = facts_add(facts, PROBLEM_MALFORMED, 0, "it cannot be read");
                if (r == 0)
                        *ret = TAKE_PTR(facts);
                return r;
        }

        r = certificate_facts_of(all->leaf, &facts->leaf);
        if (r < 0)
                return r;
        report.facts = facts;
        check_itself(all, all->leaf, &report);
        check_authority(all->leaf, &report);
        check_dates(all->leaf, question->now, &report);
        if (report.error < 0)
                return report.error;
        *ret = TAKE_PTR(facts);
        return 0;
}
