/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Union: what a damaged journal and a damaged database prove together. The journal's lines come first;
 * of the database only what is numbered where the journal has a gap. For each decision the newest
 * counts, so that what was revoked stays so. Where what is still missing could hide a refusal, older
 * exceptions are kept, but a person must confirm them.
 */
#pragma once

#include "daemon/rebuild.h"
#include "daemon/store-replay.h"

typedef struct Union Union;

/*
 * Reads @journal (which may be missing, or no journal at all) and @database with @log (the same) in
 * the directory. Returns 0 or -errno.
 */
int union_new(int directory_fd, const char *journal, const char *database, const char *log,
              int64_t now, Union **ret);
Union *union_free(Union *u);
DEFINE_CLEANUP(Union *, union_free)

/* Fills in what was saved and what is missing. */
void union_report(const Union *u, Mending *mending);

/* The rows of the new database, for ReplaySource. What is handed out is not there any more. */
int union_next(void *userdata, JournalRecord *ret);

/* How many of them were handed out, and how many there are. */
void union_progress(const Union *u, uint64_t *ret_done, uint64_t *ret_total);
