/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Difference: what kind of change lies between two certificates of one endpoint. */
#include "config.h"

#include <string.h>

#include "daemon/difference.h"

#define DUE_SECONDS (INT64_C(30) * 24 * 60 * 60)

/* The issuer's name is evidence only where another than the holder of the key gave it: a
 * self-signed certificate calls itself whatever it likes, the name of the old one included. */
static bool same_issuer(const CertificateFacts *old, const CertificateFacts *new) {
        return *new->issuer &&strcmp(old->issuer, new->issuer) == 0 &&
               strcmp(new->issuer, new->subject) != 0;
}

DifferenceKind difference_kind(const CertificateFacts *old, const CertificateFacts *new) {
        if (memcmp(old->sha256, new->sha256, SHA256_SIZE) == 0)
                return DIFFERENCE_NONE;
        if (memcmp(old->key_sha256, new->key_sha256, SHA256_SIZE) == 0)
                return DIFFERENCE_RENEWED;
        if (same_issuer(old, new))
                return DIFFERENCE_REISSUED;
        return DIFFERENCE_REPLACED;
}

/* The same names in another order are the same. */
static bool same_names(const CertificateFacts *old, const CertificateFacts *new) {
        if (old->n_names != new->n_names)
                return false;
        for (size_t i = 0; i < old->n_names; i++) {
                bool found = false;

                for (size_t j = 0; j < new->n_names && !found; j++)
                        found = strcmp(old->names[i], new->names[j]) == 0;
                if (!found)
                        return false;
        }
        return true;
}

size_t difference_fields(const CertificateFacts *old, const CertificateFacts *new,
                         const char *ret[static DIFFERENCE_FIELDS_MAX]) {
        const struct {
                bool same;
                const char *name;
        } fields[DIFFERENCE_FIELDS_MAX] = {
                { memcmp(old->key_sha256, new->key_sha256, SHA256_SIZE) == 0, "key_sha256" },
                { strcmp(old->subject, new->subject) == 0, "subject" },
                { strcmp(old->issuer, new->issuer) == 0, "issuer" },
                { strcmp(old->serial, new->serial) == 0, "serial" },
                { same_names(old, new), "names" },
                { old->not_before == new->not_before, "not_before" },
                { old->not_after == new->not_after, "not_after" },
        };
        size_t n = 0;

        for (size_t i = 0; i < DIFFERENCE_FIELDS_MAX; i++)
                if (!fields[i].same)
                        ret[n++] = fields[i].name;
        return n;
}

bool difference_was_due(const CertificateFacts *old, int64_t now) {
        if (now > INT64_MAX - DUE_SECONDS)
                return true;
        return old->not_after <= now + DUE_SECONDS;
}

const char *difference_name(DifferenceKind kind) {
        static const char *const names[_DIFFERENCE_MAX] = {
                [DIFFERENCE_RENEWED] = "renewed",
                [DIFFERENCE_REISSUED] = "reissued",
                [DIFFERENCE_REPLACED] = "replaced",
        };

        return (unsigned) kind < _DIFFERENCE_MAX ? names[kind] : NULL;
}
