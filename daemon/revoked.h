/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When and why an issuer took a certificate back, as its list or its answer tells it. */
#pragma once

#include <stdint.h>

#include "daemon/report.h"

#define REVOKED_NO_TIME INT64_MIN
/* CRLReason of RFC 5280, section 5.3.1, where none was given. */
#define REVOKED_NO_REASON 0U
/* The one that undoes what an earlier list said. */
#define REVOKED_REMOVED 8U

typedef struct Revoked {
        int64_t time;
        unsigned reason;
} Revoked;

/* The number in the DER of a CRLReason (an ENUMERATED); REVOKED_NO_REASON if it is none. */
unsigned revoked_reason(Blob value);

/* Reports that @c is revoked: @by, since when and why. */
void revoked_report(Report *report, const Certificate *c, const char *by, const Revoked *revoked);
