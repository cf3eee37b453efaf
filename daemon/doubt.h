/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Doubt: something that refuses may not be known to the daemon, so that nothing is accepted by exception for
 * now, and nothing that a person says can change that: a file is to be mended.
 */
#pragma once

#include <stdbool.h>

typedef struct Manager Manager;

/* Whether there is one, but for what store_find() says of the store. */
bool doubt_is(const Manager *manager);

/* Why, and the way out, in sentences; @of_store: the store is in doubt as well. NULL: there was no memory. */
char *doubt_text(const Manager *manager, bool of_store);
