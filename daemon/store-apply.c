/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Applying changes: one transaction for all that wait, in which each succeeds or fails alone. */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/store-import.h"
#include "daemon/store-write.h"

int change_new(ChangeAction action, int64_t owner, int64_t by, int64_t now, Change **ret) {
        Change *change;

        change = calloc(1, sizeof(*change));
        if (!change)
                return -ENOMEM;
        change->action = action;
        change->decision.owner = owner;
        change->by = by;
        change->now = now;
        *ret = change;
        return 0;
}

Change *change_free(Change *change) {
        if (!change)
                return NULL;

        (void) certificate_facts_free(change->certificate);
        free(change->der);
        free(change->owner_name);
        change->import = import_free(change->import);
        free(change->others);
        free(change);
        return NULL;
}

/* The decisions of an owner that are live or unconfirmed, and whole. */
static int read_open(Transaction *t, int64_t owner, DecisionList *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        size_t allocated = 0;
        Binder b = {0};
        int r;

        r = connection_statement(t->c, STATEMENT_LIST, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_int(&b, owner);
        bind_int(&b, 0);
        bind_int(&b, STATE_UNCONFIRMED);
        if (b.error < 0)
                return b.error;

        while ((r = statement_step(st)) > 0) {
                Decision d;

                r = row_read_decision(st, &d);
                if (r > 0)
                        r = decision_list_add(ret, &allocated, &d);
                if (r < 0)
                        return r;
        }
        return r;
}

int store_end_passed(Transaction *t, Change *change, const Session *session) {
        _cleanup_(decision_list_done) DecisionList list = {0};
        int found = 0;
        int r;

        r = read_open(t, change->decision.owner, &list);
        for (size_t i = 0; r == 0 && i < list.n_items; i++) {
                const Decision *d = list.items + i;

                /* Not knowing the session now is no reason to end what others live in. */
                if (d->end == END_SESSION && !session->known)
                        continue;
                if (!decision_has_ended(d, change->now, session))
                        continue;
                found = 1;
                r = write_other(t, change, d, STATE_ENDED, HISTORY_ENDED);
        }
        return r < 0 ? r : found;
}

/* Revoking takes also what is damaged: a person who wants a decision gone gets it gone. */
static int apply_revoke(Transaction *t, Change *change) {
        Decision d;
        int r;

        r = row_get_decision(t->c, change->decision.owner, change->decision.id, &d);
        if (r == -ENOENT) {
                change->result = CHANGE_UNKNOWN;
                return 0;
        }
        if (r < 0)
                return r;
        if (r == 0) {
                d.owner = change->decision.owner;
                d.id = change->decision.id;
                d.problems = d.action == DECISION_ALLOW ? d.problems : 0;
                d.end = END_NEVER;
        } else if (d.state == STATE_REVOKED)
                change->result = CHANGE_HELD;

        if (change->result == CHANGED) {
                d.state = STATE_REVOKED;
                r = write_changed(t, change, &d, HISTORY_REVOKED);
                if (r < 0)
                        return r;
        }
        change->decision = d;
        return 0;
}

static int apply_end(Transaction *t, Change *change) {
        Decision d;
        int r;

        r = row_get_decision(t->c, change->decision.owner, change->decision.id, &d);
        if (r == -ENOENT || r == 0) {
                change->result = CHANGE_UNKNOWN;
                return 0;
        }
        if (r < 0)
                return r;
        if (d.state == STATE_ENDED || d.state == STATE_REVOKED)
                change->result = CHANGE_HELD;
        else {
                d.state = STATE_ENDED;
                r = write_changed(t, change, &d, HISTORY_ENDED);
                if (r < 0)
                        return r;
        }
        change->decision = d;
        return 0;
}

static int apply_seen(Transaction *t, Change *change) {
        const Decision *d = &change->decision;

        if (!change->certificate || !*d->host || d->port == 0)
                return -EINVAL;
        return write_seen(t, change);
}

/* The uid belongs to somebody else now, who agreed to nothing. Denials stay: they accept nothing.
 */
static int unconfirm_all(Transaction *t, Change *change) {
        _cleanup_(decision_list_done) DecisionList list = {0};
        int r;

        r = read_open(t, change->decision.owner, &list);
        for (size_t i = 0; r == 0 && i < list.n_items; i++) {
                const Decision *d = list.items + i;

                if (d->action == DECISION_ALLOW && d->state == STATE_LIVE)
                        r = write_other(t, change, d, STATE_UNCONFIRMED, HISTORY_UNCONFIRMED);
        }
        return r;
}

static int apply_owner(Transaction *t, Change *change) {
        _cleanup_(owner_row_done) OwnerRow row = {0};
        int r;

        if (!change->owner_name || !*change->owner_name)
                return -EINVAL;
        r = write_owner(t, change->decision.owner);
        if (r == 0)
                r = row_get_owner(t->c, change->decision.owner, &row);
        if (r < 0)
                return r;
        if (row.name && strcmp(row.name, change->owner_name) == 0) {
                change->result = CHANGE_HELD;
                return 0;
        }

        r = row.name ? unconfirm_all(t, change) : 0;
        if (r == 0 && row.name)
                r = store_unconfirm_entries(t, change);
        if (r == 0)
                r = write_name(t, change->decision.owner, change->owner_name);
        if (r < 0)
                return r;
        t->mark.number++;
        return record_name(t, change->decision.owner, change->now, change->owner_name);
}

/* The mark is written with whatever is; see apply_all(). */
static int apply_clock(Transaction *t, Change *change) {
        if (change->now > t->mark.last_write)
                t->written = true;
        else
                change->result = CHANGE_HELD;
        return 0;
}

static int dispatch(Transaction *t, Change *change) {
        switch (change->action) {
        case CHANGE_ADD:
                return store_add(t, change);
        case CHANGE_REVOKE:
                return apply_revoke(t, change);
        case CHANGE_END:
                return apply_end(t, change);
        case CHANGE_SEEN:
                return apply_seen(t, change);
        case CHANGE_IMPORT:
                return store_import(t, change);
        case CHANGE_OWNER:
                return apply_owner(t, change);
        case CHANGE_ENTRY:
                return store_put_entry(t, change);
        case CHANGE_REMOVE:
                return store_remove_entry(t, change);
        case CHANGE_CLOCK:
                return apply_clock(t, change);
        }
        return -EINVAL;
}

static int run(Transaction *t, Statement which) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        int r;

        r = connection_statement(t->c, which, &st);
        return r < 0 ? r : statement_run(st);
}

/* Faults of one change; every other error is the store's, and all changes share it. */
static bool is_own_fault(int error) {
        return error == -EINVAL || error == -ENAMETOOLONG || error == -E2BIG;
}

static bool is_refused(ChangeResult result) {
        switch (result) {
        case CHANGE_UNKNOWN:
        case CHANGE_TOO_MANY:
        case CHANGE_TOO_MANY_HERE:
        case CHANGE_TOO_LARGE:
        case CHANGE_REFUSED:
                return true;
        case CHANGED:
        case CHANGE_HELD:
        case CHANGE_CONFIRMED:
                return false;
        }
        return true;
}

static void forget_others(Change *change) {
        free(change->others);
        change->others = NULL;
        change->n_others = 0;
}

static int apply_one(Transaction *t, Change *change) {
        JournalPlace end = journal_end(t->journal);
        Transaction before = *t;
        int r;

        change->error = 0;
        change->result = CHANGED;
        forget_others(change);

        r = run(t, STATEMENT_SAVEPOINT);
        if (r < 0)
                return r;
        r = dispatch(t, change);
        if (r < 0 && !is_own_fault(r))
                return r;
        change->error = r;

        if (r < 0 || is_refused(change->result)) {
                forget_others(change);
                *t = before;
                journal_rewind(t->journal, &end);
                r = run(t, STATEMENT_ROLLBACK_TO);
                if (r < 0)
                        return r;
        }
        return run(t, STATEMENT_RELEASE);
}

/* After a sync that failed, for whatever reason, nobody knows what is on the disk; trying again
 * would only pretend. The way out is not to free space, but to open the store anew. */
static bool is_unknown(const Connection *c, int error) {
        int code = sqlite3_extended_errcode(c->db);

        return error == -EIO || code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

static int commit_database(Transaction *t) {
        int r;

        r = run(t, STATEMENT_COMMIT);
        if (r < 0 && is_unknown(t->c, r))
                t->store->closed_by = r = -EIO;
        if (r == 0)
                t->store->unsynced = true;
        return r;
}

/*
 * The database's pages go to its log before the journal's sync, so that a disk which is full is
 * found while the changes can still be refused. After that sync they hold, whatever comes: if the
 * database does not take them it is behind, and store_settle() brings it up. Its log is synced when
 * nobody waits for that any more: before the next change at the latest.
 */
static int commit(Transaction *t) {
        Store *store = t->store;
        bool journaled = journal_end(t->journal).offset > t->mark.place.offset;
        int r;

        t->mark.place = journal_end(t->journal);
        r = write_mark(t);
        if (r == 0)
                r = connection_flush(t->c);
        if (r < 0)
                return r;
        if (!journaled)
                return commit_database(t);

        r = store_witness_change(store);
        if (r < 0)
                return r;
        r = journal_commit(store->journal, &t->mark.refusals);
        if (r < 0) {
                store->closed_by = journal_closed(store->journal);
                return r;
        }
        store_witness_note(store, t->mark.number);
        r = commit_database(t);
        if (r < 0) {
                atomic_store(&store->behind, true);
                atomic_store(&store->last_error, -EUCLEAN);
        }
        /* It will not follow soon: what the journal says can be read at once. */
        if (r == -EROFS)
                (void) store_note(store, -EUCLEAN);
        return 0;
}

/* Where both copies stand, which must be the same place. */
static int begin(Transaction *t) {
        JournalPlace end;
        int r;

        r = run(t, STATEMENT_BEGIN);
        if (r == 0)
                r = row_get_mark(t->c, &t->mark);
        if (r < 0)
                return r;
        end = journal_end(t->journal);
        if (!t->mark.journaled || t->mark.number != end.number ||
            memcmp(t->mark.journal_id, journal_head(t->journal)->id, JOURNAL_ID_SIZE) != 0 ||
            t->mark.place.offset != end.offset)
                return -EUCLEAN;
        return 0;
}

static int apply_all(Transaction *t, Change *changes) {
        int r;

        r = begin(t);
        for (Change *change = changes; r == 0 && change; change = change->next) {
                r = apply_one(t, change);
                if (change->now > t->mark.last_write)
                        t->mark.last_write = change->now;
        }
        if (r < 0)
                return r;
        if (!t->written)
                return 0;
        r = commit(t);
        return r < 0 ? r : 1;
}

static int apply(Store *store, Change *changes) {
        Transaction t = {.store = store, .c = &store->writer};
        JournalPlace committed;
        int r;

        (void) store_sync_log(store);
        /* What could not be mended has no journal either. */
        r = store->closed_by < 0 ? store_recover(store) : 0;
        if (r < 0)
                return r;
        t.journal = store->journal;
        committed = journal_end(store->journal);
        if (atomic_load(&store->behind)) {
                r = store_follow(store);
                if (r < 0)
                        return r == -EBADMSG ? -EUCLEAN : r;
        }

        r = apply_all(&t, changes);
        if (!sqlite3_get_autocommit(store->writer.db))
                (void) connection_run(&store->writer, "ROLLBACK");
        if (r <= 0) {
                journal_rewind(store->journal, &committed);
                return r;
        }

        atomic_store(&store->generation, t.mark.number);
        atomic_store(&store->last_write, t.mark.last_write);
        return 0;
}

int store_apply(Store *store, Change *changes) {
        int r;

        assert(changes);
        r = store_begin_writing(store);
        if (r == 0) {
                r = apply(store, changes);
                /* Whoever hears that it holds may ask at once: the database may take it at a second try. */
                if (r == 0 && atomic_load(&store->behind) && store->closed_by == 0)
                        (void) store_follow(store);
                store_end_writing(store, r);
        }
        r = store_note(store, r);
        if (r < 0 || !atomic_load(&store->behind))
                atomic_store(&store->last_error, r);
        return r;
}
