/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "daemon/opinion.h"
#include "daemon/problems.h"

/* Dates are ours to judge, by the question's own clock; weak methods are told apart from false
 * signatures by us. */
#define OPINION_FLAGS                                                                              \
        (GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS |           \
         GNUTLS_VERIFY_DISABLE_CRL_CHECKS | GNUTLS_VERIFY_ALLOW_X509_V1_CA_CRT)

/* Which of our problems stands for a bit of GnuTLS's status, and which one to report for it. */
static const struct {
        unsigned bit;
        ProblemSet explained_by;
        Problem problem;
        const char *text;
} bits[] = {
        {GNUTLS_CERT_SIGNATURE_FAILURE, PROBLEM_BAD_SIGNATURE | PROBLEM_WEAK_SIGNATURE,
         PROBLEM_BAD_SIGNATURE, "GnuTLS: a signature is false"},
        {GNUTLS_CERT_INSECURE_ALGORITHM, PROBLEM_WEAK_SIGNATURE | PROBLEM_WEAK_KEY,
         PROBLEM_WEAK_SIGNATURE, "GnuTLS: an insecure method"},
        {GNUTLS_CERT_SIGNER_NOT_CA, PROBLEM_BAD_CONSTRAINTS, PROBLEM_BAD_CONSTRAINTS,
         "GnuTLS: the issuer is no authority"},
        {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
         PROBLEM_BAD_CONSTRAINTS | PROBLEM_WRONG_USAGE | PROBLEM_BAD_POLICY,
         PROBLEM_BAD_CONSTRAINTS, "GnuTLS: the issuer's constraints"},
        {GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, PROBLEM_UNKNOWN_CRITICAL, PROBLEM_UNKNOWN_CRITICAL,
         "GnuTLS: an unknown critical extension"},
        {GNUTLS_CERT_PURPOSE_MISMATCH, PROBLEM_WRONG_USAGE, PROBLEM_WRONG_USAGE,
         "GnuTLS: another purpose"},
        {GNUTLS_CERT_SIGNER_NOT_FOUND, PROBLEM_BAD_SIGNATURE, PROBLEM_UNKNOWN_ISSUER,
         "GnuTLS: the issuer was not found"},
};

typedef struct Departure {
        unsigned bits; /* of the status that it explains */
        bool (*applies)(const Path *path);
} Departure;

/* RFC 5280, section 7.1: names are equal whatever their case, spacing and string type. GnuTLS
 * compares bytes, so that it does not find the issuer. */
static bool names_differ_in_spelling(const Path *path) {
        for (size_t i = 0; i + 1 < path->n; i++)
                if (!blob_equal(path->items[i]->issuer, path->items[i + 1]->subject))
                        return true;
        return false;
}

/* RFC 5280, section 6.1.4 (l): a self-issued certificate does not count for the path length. */
static bool has_self_issued_below_length(const Path *path) {
        bool self_issued = false;

        for (size_t i = 1; i < path->n; i++) {
                if (self_issued && path->items[i]->extensions.has_path_length)
                        return true;
                self_issued |= certificate_is_self_issued(path->items[i]);
        }
        return false;
}

/* RFC 5280, section 4.2.1.10: constraints on a kind of name say nothing of names of other kinds,
 * and of names of any kind only if there are such. GnuTLS refuses kinds that it does not know, and
 * a leaf without the kind that is permitted. Ours checks every kind. */
static bool has_constraints(const Path *path) {
        for (size_t i = 1; i < path->n; i++)
                if (path->items[i]->extensions.has_constraints)
                        return true;
        return false;
}

/* RFC 5280, sections 4.2.1.11 and 4.2.1.14: ours processes policies. */
static bool has_policy_rules(const Path *path) {
        for (size_t i = 0; i < path->n; i++) {
                const Extensions *e = &path->items[i]->extensions;

                if (e->has_explicit_policy || e->has_inhibit_mapping || e->has_inhibit_any ||
                    e->policy_mappings.size > 0)
                        return true;
        }
        return false;
}

static const Departure departures[] = {
        {GNUTLS_CERT_SIGNER_NOT_FOUND, names_differ_in_spelling},
        {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, has_self_issued_below_length},
        {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, has_constraints},
        {GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, has_policy_rules},
};

/* Every signature singly: only then may a departure override a refusal. */
static bool all_signatures_are_true(Judging *judging, const Path *path) {
        bool all = true;

        for (size_t i = 0; i + 1 < path->n; i++)
                all &= certificates_signature(judging->all, path->items[i], path->items[i + 1]) ==
                       SIGNATURE_TRUE;
        return all;
}

static void report_refusal(Judging *judging, const Path *path, unsigned status, Report *r) {
        const ProblemSet known = r->problems;

        bool bare = status == GNUTLS_CERT_INVALID;

        /* Of a certificate below the first one GnuTLS often says no more than that it is invalid;
         * otherwise that bit only says that there is another. A departure is also no finding of its own
         * beside a false signature, which nobody may allow. */
        if ((known & PROBLEM_BAD_SIGNATURE) || all_signatures_are_true(judging, path))
                for (size_t i = 0; i < N_ELEMENTS(departures); i++)
                        if ((bare || (status & departures[i].bits)) && departures[i].applies(path))
                                status &= ~(departures[i].bits | GNUTLS_CERT_INVALID);
        if (!bare)
                status &= ~(unsigned) GNUTLS_CERT_INVALID;
        for (size_t i = 0; i < N_ELEMENTS(bits); i++) {
                if (!(status & bits[i].bit))
                        continue;
                if (!(known & bits[i].explained_by))
                        report(r, bits[i].problem, NULL, "%s", bits[i].text);
                status &= ~bits[i].bit;
        }
        if (status && !known && r->problems == known)
                report(r, PROBLEM_MALFORMED, NULL, "GnuTLS refuses it (status 0x%x)", status);
}

void opinion_run(Judging *judging, const Path *path, Report *r) {
        gnutls_x509_crt_t crts[PATH_LENGTH_MAX];
        unsigned status = 0, flags = OPINION_FLAGS;

        if (!(judging->checks & CHECK_WEAK_SIGNATURES))
                flags |= GNUTLS_VERIFY_ALLOW_BROKEN | GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1;
        if (!path->anchored || path->n < 2)
                return;

        for (size_t i = 0; i < path->n; i++) {
                crts[i] = certificate_crt(path->items[i]);
                if (crts[i])
                        continue;
                if (!(r->problems & PROBLEM_MALFORMED))
                        report(r, PROBLEM_MALFORMED, path->items[i], "GnuTLS cannot read it");
                return;
        }

        if (gnutls_x509_crt_list_verify(crts, (unsigned) path->n - 1, &crts[path->n - 1], 1, NULL,
                                        0, flags, &status) < 0) {
                report(r, PROBLEM_MALFORMED, NULL, "GnuTLS cannot judge it");
                return;
        }
        if (status != 0) {
                report_refusal(judging, path, status, r);
                return;
        }
        for (size_t i = 0; i + 1 < path->n; i++)
                certificates_signature_is_true(judging->all, path->items[i], path->items[i + 1]);
}
