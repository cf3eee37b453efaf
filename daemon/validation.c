/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/constraints.h"
#include "daemon/distrust.h"
#include "daemon/flaws.h"
#include "daemon/only.h"
#include "daemon/policies.h"
#include "daemon/problems.h"
#include "daemon/revocation.h"
#include "daemon/validation.h"

/* It has lost its trust, for what it issued after a day or for all; the leaf says when that was. */
static void check_trust(const Judging *judging, const Path *path, size_t i, Report *r) {
        const DistrustRule *rule = distrust_find(judging->all->rules, path->items[i]->key_sha256);
        const Certificate *leaf = path->items[0];
        time_t after = rule ? (time_t) rule->after : 0;
        char day[16] = "";
        struct tm tm;

        if (!rule || rule->kind != DISTRUST_AFTER)
                return;
        if (rule->after == DISTRUST_ALWAYS) {
                report(r, PROBLEM_DISTRUSTED_ISSUER, path->items[i], "%s, whatever the date", rule->who);
                return;
        }
        if (leaf->has_dates && leaf->not_before <= rule->after)
                return;
        if (gmtime_r(&after, &tm))
                (void) strftime(day, sizeof(day), "%Y-%m-%d", &tm);
        report(r, PROBLEM_DISTRUSTED_ISSUER, path->items[i], "%s, for what is from after %s",
               rule->who, day);
}

/* Whoever asks has said so; to allow one certificate nevertheless is theirs, too. */
static void check_belief(const Judging *judging, const Certificate *c, Report *r) {
        if (certificates_is_distrusted(judging->all, c))
                report_name(r, PROBLEM_DISTRUSTED_ISSUER, c, c->subject);
}

/* The last certificate of a path is where it begins for RFC 5280: nothing was said above it. */
static bool is_anchor(const Path *path, size_t i) {
        const Certificate *c = path->items[i];

        return i + 1 == path->n &&
               (c->kind == CERTIFICATE_AUTHORITY || certificate_is_self_issued(c));
}

/* Whether it may issue certificates at all. */
static void check_issuer(const Judging *judging, const Path *path, size_t i, Report *r) {
        const Certificate *c = path->items[i];
        const Extensions *e = &c->extensions;

        if (e->has_basic_constraints ? !e->ca : c->version == 3 || !is_anchor(path, i))
                report(r, PROBLEM_BAD_CONSTRAINTS, c,
                       "it is no authority, but signed another certificate");
        else if (e->has_key_usage && !(e->key_usage & USAGE_CERTIFICATE_SIGN))
                report(r, PROBLEM_BAD_CONSTRAINTS, c, "it may not sign certificates");
        if (certificate_has_empty_subject(c))
                report(r, PROBLEM_BAD_CONSTRAINTS, c, "an authority without a name");

        if (!judging->any_purpose && e->has_purposes &&
            !(e->purposes & (PURPOSE_SERVER | PURPOSE_ANY)))
                report(r, PROBLEM_WRONG_USAGE, c, "its certificates are not for servers");
}

/* How many authorities may follow. Those that a name issued to itself do not count (6.1.4 l). */
static void check_length(const Path *path, size_t i, Report *r) {
        const Extensions *e = &path->items[i]->extensions;
        uint32_t below = 0;

        for (size_t k = 1; k < i; k++)
                if (!certificate_is_self_issued(path->items[k]))
                        below++;
        if (e->has_path_length && below > e->path_length)
                report(r, PROBLEM_BAD_CONSTRAINTS, path->items[i],
                       "authorities below it: %u, permitted: %u", below, e->path_length);
}

/* The names of all below, but of those that a name issued to itself only of the leaf (6.1.4 b). */
static void check_names(Judging *judging, const Path *path, size_t i, Report *r) {
        Violation violation;

        for (size_t k = 0; k < i; k++) {
                int violated;

                if (k > 0 && certificate_is_self_issued(path->items[k]))
                        continue;
                violated = constraints_check(path->items[i], path->items[k], &judging->comparisons,
                                             &violation);
                if (violated > 0)
                        report(r, PROBLEM_BAD_CONSTRAINTS, path->items[k], "%s%s%s",
                               violation.reason, violation.name[0] ? ": " : "", violation.name);
                if (violated < 0 && r->error == 0)
                        r->error = violated;
        }
}

/* true if all names of the path are among @names, the endpoint's included; as name constraints that
 * the authority did not write itself. Else the one that is not in @ret. */
static bool is_within(Judging *judging, const Path *path, const char *names, Report *r,
                      Violation *ret) {
        Certificate above = {.extensions.has_constraints = true};
        OnlySubtrees subtrees;
        int violated = 0;

        ret->name[0] = '\0';
        if (only_subtrees(names, &subtrees) < 0)
                return false;
        if (judging->endpoint && !only_covers(names, judging->endpoint)) {
                (void) snprintf(ret->name, sizeof(ret->name), "%s", judging->endpoint->host);
                return false;
        }
        above.extensions.permitted = subtrees.permitted;
        above.extensions.excluded = subtrees.excluded;
        for (size_t i = 0; violated == 0 && i < path->n; i++)
                if (i == 0 || (i + 1 < path->n && !certificate_is_self_issued(path->items[i])))
                        violated = constraints_check(&above, path->items[i], &judging->comparisons,
                                                     ret);
        if (violated < 0 && r->error == 0)
                r->error = violated;
        return violated == 0;
}

/* An authority that was imported for some names speaks for no others: there it is none. */
static void check_only(Judging *judging, const Path *path, Report *r) {
        const Certificate *top = path->items[path->n - 1];
        char names[ONLY_TEXT_MAX + 1] = "";
        Violation outside = {0};
        size_t cursor = 0;
        Blob only;

        if (!path->anchored || certificates_speaks_for_all(judging->all, top))
                return;
        while (certificates_next_only(judging->all, top, &cursor, &only) > 0) {
                if (only.size >= sizeof(names))
                        continue;
                memcpy(names, only.data, only.size);
                names[only.size] = '\0';
                if (is_within(judging, path, names, r, &outside))
                        return;
        }
        report(r, PROBLEM_UNKNOWN_ISSUER, top, "%s",
               outside.name[0] ? outside.name : "it is believed for some names alone");
        if (outside.name[0])
                report_limit(r, outside.name, names);
}

static void check_dates(Judging *judging, const Certificate *c, Report *r) {
        if (!c->has_dates)
                return;
        if (judging->now > c->not_after)
                report_time(r, PROBLEM_ISSUER_EXPIRED, c, c->not_after);
        else if (judging->now < c->not_before)
                report_time(r, PROBLEM_ISSUER_EXPIRED, c, c->not_before);
}

/* Methods of signatures that somebody relies on: not an authority's own of itself. */
static void check_method(Judging *judging, const Path *path, size_t i, Report *r) {
        char text[ALGORITHM_TEXT_SIZE];

        if (!(judging->checks & CHECK_WEAK_SIGNATURES))
                return;
        if (i + 1 == path->n && (path->anchored || (i > 0 && is_anchor(path, i))))
                return;
        if (method_is_weak(path->items[i]->signature_algorithm, text))
                report(r, PROBLEM_WEAK_SIGNATURE, path->items[i], "%s", text);
}

/* Its issuer has its own name, but is another. */
static bool is_of_namesake(const Judging *judging, const Certificate *c) {
        const Extensions *e = &c->extensions;

        return certificates_signature_known(judging->all, c, c) == SIGNATURE_FALSE &&
               e->has_authority_key_id && e->has_subject_key_id &&
               !blob_equal(e->authority_key_id, e->subject_key_id);
}

static void check_signature(Judging *judging, const Path *path, size_t i, Report *r) {
        const Certificate *above = path->items[i + 1 < path->n ? i + 1 : i];

        if (above == path->items[i] && (path->anchored || is_of_namesake(judging, above)))
                return;
        switch (certificates_signature_known(judging->all, path->items[i], above)) {
        case SIGNATURE_FALSE:
                report_name(r, PROBLEM_BAD_SIGNATURE, path->items[i], path->items[i]->subject);
                break;
        case SIGNATURE_UNCHECKABLE:
                report(r, PROBLEM_WEAK_SIGNATURE, path->items[i], "it cannot be checked");
                break;
        case SIGNATURE_UNCHECKED:
        case SIGNATURE_TRUE:
                break;
        }
}

/* Sent, but on no way from the leaf: what would connect them is missing. */
static bool has_gap(const Judging *judging, const Path *path) {
        const Certificates *all = judging->all;

        if (path->n == 1)
                return true;
        for (size_t i = 0; i < all->n_sent; i++) {
                bool used = false;

                for (size_t k = 0; k < path->n; k++)
                        used |= path->items[k] == all->items[i];
                if (!used && all->items[i]->extensions.ca)
                        return true;
        }
        return false;
}

size_t validation_reach(const Judging *judging, const Path *path) {
        size_t n = 1;

        while (n < path->n) {
                SignatureState s = certificates_signature_known(judging->all, path->items[n - 1],
                                                                path->items[n]);

                if (s != SIGNATURE_TRUE && s != SIGNATURE_FALSE)
                        break;
                n++;
        }
        return n;
}

/* A signature that cannot be checked vouches for nothing: the issuer of what bears it is anybody. */
static void check_end(Judging *judging, const Path *path, Report *r) {
        const Certificate *top = path->items[path->n - 1];
        size_t reach = validation_reach(judging, path);

        if (path->anchored)
                return;
        if (reach < path->n) {
                report_name(r, PROBLEM_UNKNOWN_ISSUER, path->items[reach - 1],
                            path->items[reach - 1]->issuer);
                return;
        }
        if (path->n == 1 && certificate_is_self_issued(top) && !is_of_namesake(judging, top)) {
                report_name(r, PROBLEM_SELF_SIGNED, top, top->subject);
                return;
        }
        report_name(r, PROBLEM_UNKNOWN_ISSUER, top, top->issuer);
        if (!certificate_is_self_issued(top) && has_gap(judging, path))
                report_name(r, PROBLEM_INCOMPLETE_CHAIN, top, top->issuer);
}

static void check_policies(const Path *path, Report *r) {
        const char *fault = path->n > 1 ? policies_fault(path) : NULL;

        if (fault)
                report(r, PROBLEM_BAD_POLICY, path->items[0], "%s", fault);
}

void validation_run(Judging *judging, const Path *path, Report *r) {
        judging->comparisons = CONSTRAINT_COMPARISONS_MAX;
        flaws_report(judging->all, path->items[0], r);
        for (size_t i = 1; i < path->n; i++) {
                const Certificate *c = path->items[i];

                flaws_report(judging->all, c, r);
                check_dates(judging, c, r);
                check_issuer(judging, path, i, r);
                check_length(path, i, r);
                check_names(judging, path, i, r);
                check_trust(judging, path, i, r);
        }
        for (size_t i = 0; i < path->n; i++) {
                check_belief(judging, path->items[i], r);
                check_method(judging, path, i, r);
                check_signature(judging, path, i, r);
        }
        check_policies(path, r);
        revocation_check(judging, path, r);
        check_only(judging, path, r);
        check_end(judging, path, r);
}
