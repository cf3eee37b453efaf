/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>
#include <time.h>

#include "daemon/crl.h"
#include "daemon/limits.h"
#include "daemon/lists.h"
#include "daemon/ocsp.h"
#include "daemon/problems.h"
#include "daemon/revocation.h"

/* Every reason there is but the unused first bit (RFC 5280, section 4.2.1.13), as crl.c packs them.
 */
#define ALL_REASONS 0x807fU

/* -- what is found out once -------------------------------------------------------------------- */

static const ListLook *known_look(const Revocation *revocation, const Crl *crl,
                                  const Certificate *c, bool is_signer) {
        for (size_t i = 0; i < revocation->n_looks; i++) {
                const ListLook *look = &revocation->looks[i];

                if (look->list == crl->signed_.content.data && look->certificate == c &&
                    look->is_signer == is_signer)
                        return look;
        }
        return NULL;
}

/* true if @size more bytes of lists may be gone through, and what comes of it can be noted. */
static bool may_work(Revocation *revocation, size_t size) {
        if (revocation->n_looks == LIST_LOOKS_MAX ||
            size > LISTS_WORK_BYTES_MAX - revocation->work)
                return false;
        revocation->work += size;
        return true;
}

static const ListLook *note(Revocation *revocation, ListLook look) {
        revocation->looks[revocation->n_looks] = look;
        return &revocation->looks[revocation->n_looks++];
}

static CrlAnswer look_up(Revocation *revocation, const Crl *crl, const Certificate *c,
                         Revoked *ret) {
        const ListLook *known = known_look(revocation, crl, c, false);
        ListLook look = {.list = crl->signed_.content.data, .certificate = c};

        if (!known) {
                if (!may_work(revocation, crl->entries.size))
                        return CRL_UNREADABLE;
                look.result = (int) crl_look_up(crl, c, &look.revoked);
                known = note(revocation, look);
        }
        *ret = known->revoked;
        return (CrlAnswer) known->result;
}

static bool is_signed_by(Judging *judging, const Crl *crl, Certificate *signer) {
        Revocation *revocation = judging->revocation;
        const ListLook *known = known_look(revocation, crl, signer, true);
        ListLook look = {.list = crl->signed_.content.data, .certificate = signer, .is_signer = true};

        if (!known) {
                if (!may_work(revocation, crl->signed_.content.size))
                        return false;
                look.result = certificates_check(judging->all, crl->signed_, signer) ==
                              SIGNATURE_TRUE;
                known = note(revocation, look);
        }
        return known->result;
}

/* Nothing of it is noted: @c may not live as long as the notes. */
bool revocation_is_listed(Judging *judging, const Certificate *c, Certificate *issuer) {
        Revocation *revocation = judging->revocation;
        size_t cursor = 0;
        Revoked revoked;
        Blob der;
        Crl crl;

        while (revocation && revocation->lists &&
               lists_next_by_issuer(revocation->lists, c->issuer_key, &cursor, &der) > 0)
                if (crl_read(der, &crl) == 0 && may_work(revocation, crl.entries.size) &&
                    crl_look_up(&crl, c, &revoked) == CRL_REVOKED &&
                    is_signed_by(judging, &crl, issuer))
                        return true;
        return false;
}

/* -- who signed -------------------------------------------------------------------------------- */

static bool may_sign_lists(const Certificate *c) {
        return !c->extensions.has_key_usage || (c->extensions.key_usage & USAGE_CRL_SIGN);
}

/* An authority may keep a key of its own for lists: a certificate of its name that a certificate
 * above @i vouches for. */
static bool is_vouched_for(Judging *judging, const Path *path, size_t i, Certificate *signer) {
        if (certificates_is_authority(judging->all, signer))
                return true;
        for (size_t k = i + 1; k < path->n; k++)
                if (memcmp(path->items[k]->subject_key, signer->issuer_key, SHA256_SIZE) == 0 &&
                    certificates_signature(judging->all, signer, path->items[k]) == SIGNATURE_TRUE)
                        return true;
        return false;
}

static const char may_not_sign[] = "the issuer may not sign lists";

/* Why @crl cannot be believed about the certificate at @i, or NULL. */
static const char *find_signer(Judging *judging, const Path *path, size_t i, const Crl *crl) {
        const char *reason = "the list's signature is not its issuer's";
        Certificate *issuer = path->items[i + 1];

        if (memcmp(issuer->subject_key, crl->issuer_key, SHA256_SIZE) == 0 &&
            is_signed_by(judging, crl, issuer)) {
                if (may_sign_lists(issuer))
                        return NULL;
                reason = may_not_sign;
        }
        for (size_t k = 0; k < judging->all->n; k++) {
                Certificate *other = judging->all->items[k];

                if (other == issuer || other->kind == CERTIFICATE_BLOCKED ||
                    memcmp(other->subject_key, crl->issuer_key, SHA256_SIZE) != 0 ||
                    !may_sign_lists(other) || !is_vouched_for(judging, path, i, other))
                        continue;
                if (is_signed_by(judging, crl, other))
                        return NULL;
        }
        return reason;
}

/* -- what lists say ---------------------------------------------------------------------------- */

static const char list_is_stale[] = "the list is out of date";

static const char *check_list_dates(Judging *judging, const Crl *crl) {
        judging_bound(judging, crl->this_update);
        if (judging->now < crl->this_update)
                return "the list is from the future";
        if (!crl->has_next_update)
                return NULL;
        judging_bound(judging, crl->next_update + 1);
        return judging->now > crl->next_update ? list_is_stale : NULL;
}

/* What the lists of one issuer come to for one certificate. */
typedef struct Coverage {
        unsigned reasons; /* that usable lists cover */
        bool concerned;   /* there is a list at all */
        bool is_revoked;
        Revoked revoked;
        const char *fault;  /* why the last one that is of no use is so; NULL */
        int64_t stale_since; /* INT64_MIN: none is */
        bool misused;        /* the issuer signed a list, which it may not */
} Coverage;

/* Why a list that is its signer's, and does not list the certificate, says nothing about it. */
static const char *find_gap(Judging *judging, const Crl *crl, CrlAnswer answer) {
        const char *fault = crl->fault ? crl->fault : check_list_dates(judging, crl);

        if (fault)
                return fault;
        if (answer == CRL_UNREADABLE)
                return "the list cannot be understood";
        return crl->delta || answer == CRL_NOT_COVERED ? "the lists do not cover it" : NULL;
}

static void consider_list(Judging *judging, const Path *path, size_t i, const Crl *crl,
                          Coverage *coverage) {
        Revoked revoked;
        CrlAnswer answer = look_up(judging->revocation, crl, path->items[i], &revoked);
        const char *fault;

        if (crl->scope.indirect && answer != CRL_REVOKED)
                return;
        coverage->concerned = true;
        fault = find_signer(judging, path, i, crl);
        if (!fault && answer == CRL_REVOKED) {
                coverage->is_revoked = true;
                coverage->revoked = revoked;
        }
        if (!fault)
                fault = find_gap(judging, crl, answer);
        if (!fault)
                coverage->reasons |= crl->scope.some_reasons ? crl->scope.reasons : ALL_REASONS;
        else
                coverage->fault = fault;
        coverage->misused |= fault == may_not_sign;
        if (fault == list_is_stale)
                coverage->stale_since = crl->next_update;
}

static void report_gap(const Certificate *c, const Coverage *coverage, Report *r) {
        time_t since = (time_t) coverage->stale_since;
        char date[32];
        struct tm tm;

        if (coverage->fault == list_is_stale && gmtime_r(&since, &tm) &&
            strftime(date, sizeof(date), "%Y-%m-%d", &tm) > 0)
                report(r, PROBLEM_REVOCATION_UNKNOWN, c, "%s since %s", coverage->fault, date);
        else
                report(r, PROBLEM_REVOCATION_UNKNOWN, c, "%s",
                       coverage->fault ? coverage->fault
                                       : "the lists do not cover every reason");
}

static void check_lists(Judging *judging, const Path *path, size_t i, Report *r) {
        const Certificate *c = path->items[i];
        Coverage coverage = {.stale_since = INT64_MIN};
        size_t cursor = 0;
        Blob der;
        Crl crl;

        while (!coverage.is_revoked &&
               lists_next_by_issuer(judging->revocation->lists, c->issuer_key, &cursor, &der) > 0)
                if (crl_read(der, &crl) == 0)
                        consider_list(judging, path, i, &crl, &coverage);

        if (coverage.is_revoked) {
                revoked_report(r, c, "by a list of its issuer", &coverage.revoked);
                judging->leaf_is_revoked |= i == 0;
        } else if (coverage.concerned && (coverage.reasons & ALL_REASONS) != ALL_REASONS &&
                   (judging->checks & CHECK_REVOCATION)) {
                report_gap(c, &coverage, r);
                if (coverage.misused)
                        report(r, PROBLEM_WRONG_USAGE, path->items[i + 1],
                               "it signed a list of revoked certificates, which it may not");
        }
}

static void check_staple(Judging *judging, const Path *path, Report *r) {
        Certificate *leaf = path->items[0];
        int64_t produced = OCSP_NO_TIME;
        const char *fault = NULL;
        Revoked revoked;

        if (judging->revocation->staple.size == 0) {
                if (leaf->extensions.must_staple && !judging->any_purpose &&
                    (judging->checks & CHECK_REVOCATION))
                        report(r, PROBLEM_REVOCATION_UNKNOWN, leaf, "no stapled answer");
                return;
        }
        /* Without its issuer's key nobody's answer can be checked. */
        if (path->n < 2) {
                if (leaf->extensions.must_staple && (judging->checks & CHECK_REVOCATION))
                        report(r, PROBLEM_REVOCATION_UNKNOWN, leaf,
                               "the status answer cannot be checked");
                return;
        }

        switch (ocsp_ask(judging, judging->revocation->staple, leaf, path->items[1], &fault,
                         &revoked, &produced)) {
        case OCSP_GOOD:
                break;
        case OCSP_REVOKED:
                revoked_report(r, leaf, "by the issuer's status answer", &revoked);
                judging->leaf_is_revoked = true;
                break;
        case OCSP_UNKNOWN:
                if (judging->checks & CHECK_REVOCATION)
                        report(r, PROBLEM_REVOCATION_UNKNOWN, leaf, "%s", fault);
                break;
        }
        /* Whoever is no authority's could sign any time. */
        if (path->anchored && produced > judging->signed_time)
                judging->signed_time = produced;
}

void revocation_check(Judging *judging, const Path *path, Report *r) {
        if (!judging->revocation)
                return;
        check_staple(judging, path, r);
        for (size_t i = 0; i + 1 < path->n && judging->revocation->lists; i++)
                check_lists(judging, path, i, r);
}
