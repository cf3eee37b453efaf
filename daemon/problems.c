/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "daemon/distrust.h"
#include "daemon/fitness.h"
#include "daemon/names.h"
#include "daemon/ocsp.h"
#include "daemon/path.h"
#include "daemon/problems.h"
#include "daemon/revocation.h"

static void check_leaf_dates(const Question *q, const Certificate *leaf, Report *r) {
        if (!leaf->has_dates)
                return;
        if (q->now > leaf->not_after)
                report_time(r, PROBLEM_EXPIRED, leaf, leaf->not_after);
        if (q->now < leaf->not_before)
                report_time(r, PROBLEM_NOT_YET_VALID, leaf, leaf->not_before);
}

static void check_leaf_names(const Question *q, const Certificate *leaf, Report *r) {
        _cleanup_free_ char *text = NULL;
        Blob wildcard = {0};
        int e;

        if (!q->endpoint)
                return;

        switch (names_match(leaf, q->endpoint, &wildcard)) {
        case NAME_COVERED:
                break;
        case NAME_STRETCHED:
                if (q->checks & CHECK_WILDCARDS)
                        report(r, PROBLEM_WILDCARD_MISUSE, leaf, "%.*s", (int) wildcard.size,
                               (const char *) wildcard.data);
                break;
        case NAME_NOT_COVERED:
                e = names_text(leaf, &text);
                if (e < 0)
                        r->error = e;
                report(r, PROBLEM_NAME_MISMATCH, leaf, "%s", text ? text : "");
                break;
        }
}

/* A server signs, or is sent a key, or agrees on one; it signs no certificates. */
static void check_leaf_usage(const Certificate *leaf, Report *r) {
        const Extensions *e = &leaf->extensions;

        if (e->ca)
                report_name(r, PROBLEM_CA_AS_SERVER, leaf, leaf->subject);

        if (e->has_purposes && !(e->purposes & (PURPOSE_SERVER | PURPOSE_ANY)))
                report(r, PROBLEM_WRONG_USAGE, leaf, "the extended key usage has no server in it");
        else if (e->has_key_usage &&
                 !(e->key_usage &
                   (USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT | USAGE_KEY_AGREEMENT)))
                report(r, PROBLEM_WRONG_USAGE, leaf, "the key may not be used for a connection");
        else if (e->has_key_usage && (e->key_usage & USAGE_CERTIFICATE_SIGN) && !e->ca)
                report(r, PROBLEM_WRONG_USAGE, leaf, "the key is for signing certificates");
}

static void check_leaf_constraints(const Certificate *leaf, Report *r) {
        if (leaf->extensions.has_constraints && !leaf->extensions.ca)
                report(r, PROBLEM_BAD_CONSTRAINTS, leaf,
                       "name constraints, but it is no authority");
}

static void bound_by_dates(Judging *judging, const Certificates *all) {
        for (size_t i = 0; i < all->n; i++) {
                if (!all->items[i]->has_dates)
                        continue;
                judging_bound(judging, all->items[i]->not_before);
                judging_bound(judging, all->items[i]->not_after + 1);
        }
}

/* Something that cannot be read stands where the missing issuer might. */
static void check_unreadable(const Certificates *all, const Path *path, Facts *facts, Report *r) {
        if (path->anchored || all->unreadable < 0 ||
            certificate_is_self_issued(path->items[path->n - 1]))
                return;

        r->error = facts_add(facts, PROBLEM_MALFORMED, all->unreadable, "it cannot be read");
}

static const char *unreadable_text(Blob der) {
        if (der.size == 0)
                return "it is empty";
        if (der.size > CERTIFICATE_BYTES_MAX)
                return "it is too large";
        if (der.size > 10 && memcmp(der.data, "-----BEGIN", 10) == 0)
                return "it is PEM, not DER";
        return "it cannot be read";
}

/* Only an authority's word is worth asking for; and nobody but an authority's people shall choose
 * whom the asker's computer talks to. */
static int find_responder(const Question *q, const Path *path, Facts *facts) {
        int e;

        if (q->staple.size > 0 || !path->anchored || path->n < 2 ||
            (facts->problems & problem_set_never))
                return 0;
        e = ocsp_responder(path->items[0], &facts->responder);
        if (e < 0 || !facts->responder)
                return e;
        facts->request_size = ocsp_request(path->items[0], path->items[1], facts->request);
        if (facts->request_size == 0) {
                free(facts->responder);
                facts->responder = NULL;
        }
        return 0;
}

static int judge_leaf(const Question *q, Revocation *revocation, Certificates *all,
                      Facts *facts) {
        Judging judging = {
                .all = all,
                .endpoint = q->endpoint,
                .now = q->now,
                .checks = q->checks,
                .any_purpose = q->any_purpose,
                .revocation = revocation,
                .holds_from = facts->holds_from,
                .holds_until = facts->holds_until,
                .signed_time = INT64_MIN,
        };
        Report r = {.facts = facts};
        Path path;
        int e;

        e = certificate_facts_of(all->leaf, &facts->leaf);
        if (e < 0)
                return e;

        check_leaf_dates(q, all->leaf, &r);
        check_leaf_names(q, all->leaf, &r);
        check_leaf_constraints(all->leaf, &r);
        if (!q->any_purpose)
                check_leaf_usage(all->leaf, &r);
        if (r.error < 0)
                return r.error;

        e = path_judge_best(&judging, &r, &path);
        if (e < 0)
                return e;
        check_unreadable(all, &path, facts, &r);
        bound_by_dates(&judging, all);
        facts->holds_from = judging.holds_from;
        facts->holds_until = judging.holds_until;
        facts->signed_time = judging.signed_time;
        return r.error < 0 ? r.error : find_responder(q, &path, facts);
}

int problems_find(const Question *question, const Authorities *authorities, Facts **ret) {
        _cleanup_(certificates_freep) Certificates *all = NULL;
        Revocation revocation = {.lists = question->lists, .staple = question->staple};
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        int r;

        if (question->as_authority)
                return fitness_find(question, ret);
        r = facts_new(&facts);
        if (r < 0)
                return r;
        r = certificates_new(question->chain, question->n_chain, authorities, question->blocked,
                             question->rules ? question->rules : &distrust_shipped, &all);
        if (r == 0)
                r = certificates_believe(all, question->beliefs, question->n_beliefs);
        if (r < 0)
                return r;

        if (all->leaf)
                r = judge_leaf(question, &revocation, all, facts);
        else
                r = facts_add(facts, PROBLEM_MALFORMED, question->n_chain > 0 ? 0 : -1,
                              question->n_chain > 0 ? unreadable_text(question->chain[0])
                                                    : "there is no certificate");
        if (r < 0)
                return r;

        *ret = TAKE_PTR(facts);
        return 0;
}
