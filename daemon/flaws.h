/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong with a certificate by itself, whatever its place. */
#pragma once

#include "daemon/chain.h"
#include "daemon/report.h"

/* Reports of @c, one of @all, what cannot be right, unknown critical extensions, a weak key, and that it
 * is blocked. RFC 5280, sections 4.1 and 4.2. */
void flaws_report(const Certificates *all, const Certificate *c, Report *report);
