/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Difference (what changed): the certificate that is shown now against the one that was known here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/facts.h"

typedef enum DifferenceKind {
        DIFFERENCE_NONE, /* the same certificate */
        DIFFERENCE_RENEWED,
        DIFFERENCE_REISSUED,
        DIFFERENCE_REPLACED,
        _DIFFERENCE_MAX,
} DifferenceKind;

/* Pure comparison of two certificates' facts. */
DifferenceKind difference_kind(const CertificateFacts *old, const CertificateFacts *new);

/* The interface's names of the fields that differ, in their order, but for the digest of the whole.
 * Returns how many. */
#define DIFFERENCE_FIELDS_MAX 7U
size_t difference_fields(const CertificateFacts *old, const CertificateFacts *new,
                         const char *ret[static DIFFERENCE_FIELDS_MAX]);

/* true if @old had expired at @now or would within 30 days: a new one was due. */
bool difference_was_due(const CertificateFacts *old, int64_t now);

/* "renewed", "reissued", "replaced"; NULL for DIFFERENCE_NONE. */
const char *difference_name(DifferenceKind kind);
