/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One path, by RFC 5280, section 6. */
#pragma once

#include "daemon/path.h"

/* How many certificates of @path, from the leaf on, hang together by signatures that could be checked,
 * true or false, if they were. */
size_t validation_reach(const Judging *judging, const Path *path);

/*
 * Reports everything that is wrong with @path but for signatures that are still unchecked: dates
 * above the leaf, constraints, usages, keys, methods, where it ends.
 */
void validation_run(Judging *judging, const Path *path, Report *report);
