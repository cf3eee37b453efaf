/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The witness: a small third file that says how far the store had come. It is asked when the journal
 * is lost or damaged: a write-ahead log that was lost as well, or cut, leaves a database that agrees
 * with itself, but is older than what was acknowledged. Its format is in schema/journal.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/decision.h"
#include "daemon/journal.h"

#define WITNESS_FILE     "witness"
#define WITNESS_NEW_FILE WITNESS_FILE ".new"
#define WITNESS_STRANGE  WITNESS_FILE ".strange" /* what has its name and is no file */

typedef struct Witness {
        uint64_t number; /* of the last change that was acknowledged; at least */
        bool settled;    /* all changes are in certexc.db itself, none only in its log */
        uint8_t journal_id[JOURNAL_ID_SIZE];
        uint8_t boot_id[BOOT_ID_SIZE]; /* since when its file was written; zeros: not known */
} Witness;

/* 1; 0 if there is none that checks; -errno. */
int witness_read(int directory_fd, Witness *ret);

/* Writes it as of this boot, and with @sync waits until it is on the disk. 0 or -errno; then what is
 * there may be the old one, or none. */
int witness_write(int directory_fd, const Witness *w, bool sync);

/* Writes it without waiting. On -errno there is none any more: an old one would bear false witness. */
int witness_update(int directory_fd, const Witness *w);

/* true if no change can have been acknowledged after @w: what was not synced is lost only with the
 * boot in which it was written. */
bool witness_knows_end(const Witness *w);

/* 1 if a journal whose lines lead to its newest slot ends where the store did; 0 if it may have been
 * longer: a slot is damaged, or the witness knows of more. -errno. */
int witness_bears_out(int directory_fd, const JournalReader *reader);
