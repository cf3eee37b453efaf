/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Name constraints (RFC 5280, section 4.2.1.10): the names that an authority may sign for. */
#pragma once

#include "daemon/certificate.h"

/* Room for the name that is not permitted, and why. */
#define CONSTRAINT_TEXT_SIZE 512U

/*
 * Checks every name of @below against the constraints in @above. *@budget is what the comparisons
 * may still cost; running out of it counts as a violation and leaves nothing.
 *
 * Returns 0, 1 with the name and the reason in @ret, or -ENOMEM.
 */
int constraints_check(const Certificate *above, const Certificate *below, uint64_t *budget,
                      char ret[static CONSTRAINT_TEXT_SIZE]);
