/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Name constraints (RFC 5280, section 4.2.1.10): the names that an authority may sign for. */
#pragma once

#include "daemon/certificate.h"

/* Room for a name as people read it. */
#define CONSTRAINT_NAME_SIZE 512U

/* What an authority may not sign for. */
typedef struct Violation {
        const char *reason; /* static */
        char name[CONSTRAINT_NAME_SIZE]; /* the certificate's own word; "": none in particular */
} Violation;

/*
 * Checks every name of @below against the constraints in @above. *@budget is what the comparisons
 * may still cost; running out of it counts as a violation and leaves nothing.
 *
 * Returns 0, 1 and what is violated in @ret, or -ENOMEM.
 */
int constraints_check(const Certificate *above, const Certificate *below, uint64_t *budget,
                      Violation *ret);
