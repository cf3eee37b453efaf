/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One path, by RFC 5280, section 6. */
#pragma once

#include "daemon/path.h"

/*
 * Reports everything that is wrong with @path but for signatures that are still unchecked: dates
 * above the leaf, constraints, usages, keys, methods, where it ends.
 */
void validation_run(Judging *judging, const Path *path, Report *report);
