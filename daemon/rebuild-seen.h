/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a damaged database still has of certificates that were merely seen: they are in no journal, since
 * they decide nothing, and tell what has changed.
 */
#pragma once

#include "daemon/store-write.h"

typedef struct Seen Seen;

/* From @database and @log, as for salvage(), what was seen up to @now. Returns 0, -ENOMEM, or -errno and
 * nothing. */
int seen_gather(int directory_fd, const char *database, const char *log, int64_t now, Seen **ret);
Seen *seen_free(Seen *seen);
DEFINE_CLEANUP(Seen *, seen_free)

/* Writes it into the new database. 0 or -errno. */
int seen_write(const Seen *seen, Transaction *t);
