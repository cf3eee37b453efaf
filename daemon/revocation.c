/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "daemon/crl.h"
#include "daemon/ocsp.h"
#include "daemon/problems.h"
#include "daemon/revocation.h"

/* Every reason there is but the unused first bit (RFC 5280, section 4.2.1.13), as crl.c packs them.
 */
#define ALL_REASONS 0x807fU

int revocation_read(const Blob *crls, size_t n, Blob staple, Revocation *ret) {
        Revocation revocation = {.staple = staple};
        int r = 0;

        if (n > 0) {
                revocation.crls = calloc(n, sizeof(Crl));
                if (!revocation.crls)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < n && r == 0; i++) {
                r = crl_read(crls[i], &revocation.crls[revocation.n_crls]);
                if (r == 0)
                        revocation.n_crls++;
                else if (r == -EBADMSG)
                        r = 0;
        }
        if (r < 0) {
                revocation_done(&revocation);
                return r;
        }
        *ret = revocation;
        return 0;
}

void revocation_done(Revocation *revocation) {
        free(revocation->crls);
        *revocation = (Revocation){0};
}

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

/* Why @crl cannot be believed about the certificate at @i, or NULL. */
static const char *find_signer(Judging *judging, const Path *path, size_t i, const Crl *crl) {
        const char *reason = "the list's signature is not its issuer's";
        Certificate *issuer = path->items[i + 1];

        if (memcmp(issuer->subject_key, crl->issuer_key, SHA256_SIZE) == 0 &&
            certificates_check(judging->all, crl->signed_, issuer) == SIGNATURE_TRUE) {
                if (may_sign_lists(issuer))
                        return NULL;
                reason = "the issuer may not sign lists";
        }
        for (size_t k = 0; k < judging->all->n; k++) {
                Certificate *other = judging->all->items[k];

                if (other == issuer || other->kind == CERTIFICATE_BLOCKED ||
                    memcmp(other->subject_key, crl->issuer_key, SHA256_SIZE) != 0 ||
                    !may_sign_lists(other) || !is_vouched_for(judging, path, i, other))
                        continue;
                if (certificates_check(judging->all, crl->signed_, other) == SIGNATURE_TRUE)
                        return NULL;
        }
        return reason;
}

/* Lists of the certificate's issuer, and indirect ones that may speak for it. */
static bool concerns(const Crl *crl, const Certificate *c) {
        return crl->scope.indirect || memcmp(crl->issuer_key, c->issuer_key, SHA256_SIZE) == 0;
}

static const char *check_list_dates(Judging *judging, const Crl *crl) {
        judging_bound(judging, crl->this_update);
        if (judging->now < crl->this_update)
                return "the list is from the future";
        if (!crl->has_next_update)
                return NULL;
        judging_bound(judging, crl->next_update + 1);
        return judging->now > crl->next_update ? "the list is out of date" : NULL;
}

static void check_lists(Judging *judging, const Path *path, size_t i, Report *r) {
        const Certificate *c = path->items[i];
        const Revocation *revocation = judging->revocation;
        const char *reason = NULL;
        unsigned reasons = 0;
        bool concerned = false;

        for (size_t k = 0; k < revocation->n_crls; k++) {
                const Crl *crl = &revocation->crls[k];
                CrlAnswer answer;
                const char *fault;

                if (!concerns(crl, c))
                        continue;
                answer = crl_look_up(crl, c);
                if (crl->scope.indirect && answer != CRL_REVOKED)
                        continue;
                concerned = true;
                fault = find_signer(judging, path, i, crl);
                if (!fault && answer == CRL_REVOKED) {
                        report(r, PROBLEM_REVOKED, c, "by a list of its issuer");
                        judging->leaf_is_revoked |= i == 0;
                        return;
                }
                if (!fault)
                        fault = crl->fault;
                if (!fault)
                        fault = check_list_dates(judging, crl);
                if (!fault && answer == CRL_UNREADABLE)
                        fault = "the list cannot be understood";
                if (!fault && (crl->delta || answer == CRL_NOT_COVERED))
                        fault = "the lists do not cover it";
                if (fault)
                        reason = fault;
                else
                        reasons |= crl->scope.some_reasons ? crl->scope.reasons : ALL_REASONS;
        }

        if (concerned && (reasons & ALL_REASONS) != ALL_REASONS &&
            (judging->checks & CHECK_REVOCATION))
                report(r, PROBLEM_REVOCATION_UNKNOWN, c, "%s",
                       reason ? reason : "the lists do not cover every reason");
}

static void check_staple(Judging *judging, const Path *path, Report *r) {
        Certificate *leaf = path->items[0];
        const char *fault = NULL;

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
                               "the stapled answer cannot be checked");
                return;
        }

        switch (ocsp_ask(judging, judging->revocation->staple, leaf, path->items[1], &fault)) {
        case OCSP_GOOD:
                break;
        case OCSP_REVOKED:
                report(r, PROBLEM_REVOKED, leaf, "by the stapled answer");
                judging->leaf_is_revoked = true;
                break;
        case OCSP_UNKNOWN:
                if (judging->checks & CHECK_REVOCATION)
                        report(r, PROBLEM_REVOCATION_UNKNOWN, leaf, "%s", fault);
                break;
        }
}

void revocation_check(Judging *judging, const Path *path, Report *r) {
        if (!judging->revocation)
                return;
        check_staple(judging, path, r);
        for (size_t i = 0; i + 1 < path->n && judging->revocation->n_crls > 0; i++)
                check_lists(judging, path, i, r);
}
