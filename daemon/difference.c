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
