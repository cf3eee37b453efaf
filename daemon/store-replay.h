/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From lines of the journal to rows of the database: what a journal says is made so. */
#pragma once

#include "daemon/journal.h"
#include "daemon/store-write.h"

#define STORE_NEW_FILE STORE_FILE ".new"

/* Where a new database's rows come from: the journal, or what is left of several things. */
typedef struct ReplaySource {
        /* 1 and the next record, in the order of their numbers; 0: no more; -errno. */
        int (*next)(void *userdata, JournalRecord *ret);
        /* Called behind the last one, in the same transaction; NULL ok. 0 or -errno. */
        int (*finish)(void *userdata, Transaction *t);
        /* Called for every record that was made so; NULL ok. */
        void (*progress)(void *userdata);
        void *userdata;
        /* Of the journal that goes with the database from then on; NULL: it has none, and gets one
         * made from the database when the store is opened. */
        const JournalHead *head;
        const JournalPlace *end; /* with @head: where the journal ends */
} ReplaySource;

/*
 * Makes a new database of what @source yields, as STORE_NEW_FILE, synced, and renames it to
 * certexc.db. What there is of that, and its write-ahead log, goes: whoever wants to keep it has given
 * it another name. A decision whose certificate never came has an empty one. The caller holds the
 * directory's lock. Returns 0 or -errno; then of the old files at most the log is gone.
 */
int store_replay(int directory_fd, const char *directory, const ReplaySource *source);

/* The same from the journal there, all of it: -ENOENT if there is none, -EBADMSG if it is not
 * complete, -ESTALE if it may have been longer. */
int store_restore(int directory_fd, const char *directory, uint64_t *ret_number);

/* The same in memory, as @ret, where there is no place for a file; where there is neither a journal nor
 * a database, an empty one. */
int store_restore_in_memory(int directory_fd, Connection *ret);

/* Makes one record so inside a transaction, in which it is the next one. */
int replay_record(Transaction *t, const JournalRecord *record);
