/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Picture: all that was decided, as one text: verdicts, decisions of every state, history. */
#pragma once

#include "tests/torture/world.h"

/* @probes are the parameters of Verify, NULL-terminated. NULL if the daemon went away; else free().
 */
char *picture_new(World *w, const char *const *probes);

/* The line in which two of them differ first, for people; valid until the next call. */
const char *picture_difference(const char *a, const char *b);
