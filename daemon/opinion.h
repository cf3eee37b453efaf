/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The second opinion: GnuTLS's own verdict on a path, and where it is known to be wrong. */
#pragma once

#include "daemon/path.h"

/*
 * Asks GnuTLS about an anchored @path. Where it finds nothing, every signature of the path is noted
 * as true. Where it refuses for a reason that is neither among @report's problems nor one of its
 * known departures, its refusal is reported.
 */
void opinion_run(Judging *judging, const Path *path, Report *report);
