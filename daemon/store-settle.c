/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can wait until nobody does: syncing the database's log, bringing the database up, compacting the journal, emptying the log;
 * and what the witness is told of it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/store-private.h"

/* Of the journal, before anybody else has a turn: a millisecond or two. */
#define LINES_AT_ONCE 500U

/* The same of the database: about a millisecond, or the rows of one owner. */
#define ROWS_AT_ONCE 200U

/* About how long the journal would be if it were compacted, from the owners' counters. */
static int estimate(Store *store, uint64_t *ret) {
        _cleanup_(binder_done) Binder b = {0};
        int64_t size;
        int r;

        r = binder_begin(&store->writer, STATEMENT_JOURNAL_BYTES, HISTORY_PER_OWNER_MAX, &b);
        if (r < 0)
                return r;
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r < 0)
                return r;
        if (r == 0 || !column_int(b.st, 0, 0, INT64_MAX, &size))
                return -EUCLEAN;
        *ret = (uint64_t) size;
        return 0;
}

/* When less than half of it counts still. What cannot be is not tried again before it has grown. */
static int compact(Store *store) {
        uint64_t length = journal_end(store->journal).offset;
        uint64_t needed = 0;
        int r;

        if (atomic_load(&store->disagrees) || length < JOURNAL_COMPACT_BYTES_MIN ||
            length < store->compact_from)
                return 0;
        store->compact_from = length + length / 8;
        r = estimate(store, &needed);
        if (r < 0 || length / 2 < needed)
                return r;
        return store_note(store, store_snapshot(store));
}

int store_sync_log(Store *store) {
        if (!store->unsynced || !store->writer.db)
                return 0;
        store->unsynced = false;
        if (connection_sync(&store->writer) == 0)
                return 0;
        store->closed_by = -EIO;
        atomic_store(&store->behind, true);
        atomic_store(&store->last_error, -EUCLEAN);
        return -EIO;
}

int store_settle(Store *store) {
        int r = store->closed_by;

        if (r == 0)
                r = store_sync_log(store);
        if (r == 0)
                r = store_begin_writing(store);
        if (r < 0)
                return r;
        if (atomic_load(&store->behind))
                r = store_follow(store);
        if (r == 0)
                r = compact(store);
        store_end_writing(store, r);
        return r;
}

/* -- the witness -------------------------------------------------------------------------- */

static int tell(Store *store, bool settled, uint64_t number, bool sync) {
        Witness w = {.number = number, .settled = settled};
        int r;

        if (store->journal)
                memcpy(w.journal_id, journal_head(store->journal)->id, JOURNAL_ID_SIZE);
        r = sync ? witness_write(store->directory_fd, &w, true)
                 : witness_update(store->directory_fd, &w);
        store->witnessed = r == 0;
        store->witness = w;
        return r;
}

void store_witness_begin(Store *store, const Witness *found, uint64_t number) {
        bool settled = found && found->settled && found->number == number;

        (void) tell(store, settled, number, false);
}

int store_witness_change(Store *store) {
        if (store->witnessed && !store->witness.settled)
                return 0;
        return tell(store, false, store->witness.number, true);
}

void store_witness_note(Store *store, uint64_t number) {
        (void) tell(store, false, number, false);
}

static bool is_well(const Store *store) {
        return store->writer.db && store->journal && store->closed_by == 0 &&
               !atomic_load(&store->behind) && !atomic_load(&store->disagrees) &&
               store_files_check(store) == 0;
}

/* What was written so far is in the database itself then. */
static int empty_log(Store *store) {
        int r;

        r = connection_checkpoint(&store->writer);
        if (r < 0 ||
            (store->witnessed && store->witness.settled &&
             memcmp(store->witness.journal_id, journal_head(store->journal)->id, JOURNAL_ID_SIZE) ==
                     0))
                return r;
        return tell(store, true, atomic_load(&store->generation), true);
}

/* A line or two were enough to open it; all others were written once, and may have changed since. */
static int prove_journal(Store *store) {
        int r = 0;

        if (store->proved)
                return 0;
        if (!store->prover)
                r = journal_reader_new(store->directory_fd, JOURNAL_FILE, &store->prover);
        for (unsigned i = 0; r >= 0 && i < LINES_AT_ONCE; i++) {
                _cleanup_(journal_record_done) JournalRecord record = {0};

                r = journal_reader_next(store->prover, &record);
                if (r == 0)
                        break;
        }
        if (r > 0)
                return 1;
        store->prover = journal_reader_free(store->prover);
        store->proved = true;
        if (r != -EBADMSG)
                return r;
        r = store_snapshot(store);
        if (r == 0)
                atomic_fetch_add(&store->n_rewritten, 1);
        return store_note(store, r);
}

/* Not what somebody else may have put into the log. */
int store_quiesce(Store *store) {
        int r;

        if (!is_well(store) || store_begin_writing(store) < 0)
                return 0;
        r = empty_log(store);
        if (r == 0)
                r = store_note(store, store_prove_standing(store, ROWS_AT_ONCE));
        if (r == 0)
                r = prove_journal(store);
        store_end_writing(store, r);
        return r;
}

void store_close_writer(Store *store) {
        store->prover = journal_reader_free(store->prover);
        store->proved = false;
        store->roll = (Roll){0};
        (void) store_sync_log(store);
        if (is_well(store) && !store->reader.db && store_check_files(store) == 0 &&
            empty_log(store) == 0)
                connection_close_empty(&store->writer);
        else
                connection_close(&store->writer);
        store_part_log(store);
}
