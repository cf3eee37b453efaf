/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing rows: decisions with their digests, numbers and history, and owners. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/store-write.h"

int write_owner(Transaction *t, int64_t owner) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = binder_begin(t->c, STATEMENT_ADD_OWNER, owner, &b);
        return r < 0 ? r : binder_run(&b);
}

/* A number of the owner's that was just counted up. */
static int next_number(Transaction *t, Statement which, int64_t owner, uint64_t *ret) {
        _cleanup_(binder_done) Binder b = {0};
        int64_t number;
        int r;

        r = binder_begin(t->c, which, owner, &b);
        if (r < 0)
                return r;
        if (b.error < 0)
                return b.error;
        r = statement_step(b.st);
        if (r < 0)
                return r;
        if (r == 0 || !column_int(b.st, 0, 1, INT64_MAX, &number))
                return -EUCLEAN;
        r = statement_run(b.st);
        if (r < 0)
                return r;
        *ret = (uint64_t) number;
        return 0;
}

static int trim_history(Transaction *t, int64_t owner, uint64_t last) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        if (last <= HISTORY_PER_OWNER_MAX)
                return 0;
        r = binder_begin(t->c, STATEMENT_TRIM_HISTORY, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) (last - HISTORY_PER_OWNER_MAX));
        return binder_run(&b);
}

int write_imported(Transaction *t, int64_t owner, uint64_t change_number) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = binder_begin(t->c, STATEMENT_ADD_IMPORTED, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) change_number);
        return binder_run(&b);
}

/* What it was, beside that it was imported. */
static HistoryKind kind_of(const Decision *d) {
        if (d->state == STATE_UNCONFIRMED)
                return HISTORY_UNCONFIRMED;
        return d->action == DECISION_ALLOW ? HISTORY_ALLOWED : HISTORY_DENIED;
}

int write_history(Transaction *t, const Decision *d, HistoryKind kind, int64_t by) {
        _cleanup_(binder_done) Binder b = {0};
        uint64_t number;
        int r = 0;

        if (kind == HISTORY_IMPORTED) {
                kind = kind_of(d);
                r = write_imported(t, d->owner, d->change_number);
        }
        if (r == 0)
                r = next_number(t, STATEMENT_NEXT_HISTORY, d->owner, &number);
        if (r < 0)
                return r;
        r = binder_begin(t->c, STATEMENT_ADD_HISTORY, d->owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) number);
        bind_int(&b, (int64_t) d->change_number);
        bind_int(&b, d->changed);
        bind_int(&b, kind);
        bind_int(&b, (int64_t) d->id);
        bind_int(&b, by);
        bind_text(&b, d->host);
        bind_int(&b, d->port);
        bind_blob(&b, d->certificate_sha256, SHA256_SIZE);
        r = binder_run(&b);
        return r < 0 ? r : trim_history(t, d->owner, number);
}

/* The change that makes @d what it is from now on. */
static void number_change(Transaction *t, const Change *change, Decision *d) {
        d->changed = change->now;
        d->change_number = ++t->mark.number;
}

int write_insert(Transaction *t, const Decision *d) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        uint8_t digest[SHA256_SIZE];
        Binder b = {0};
        int r;

        r = decision_digest(d, digest);
        if (r == 0)
                r = connection_statement(t->c, STATEMENT_ADD_DECISION, &st);
        if (r < 0)
                return r;
        b.st = st;
        row_bind_decision(&b, d, digest);
        t->written = true;
        mark_add(&t->mark, d, digest);
        return binder_run(&b);
}

int write_next_id(Transaction *t, int64_t owner, uint64_t *ret) {
        return next_number(t, STATEMENT_NEXT_ID, owner, ret);
}

int write_decision(Transaction *t, const Change *change, Decision *d, HistoryKind kind) {
        int r;

        r = write_next_id(t, d->owner, &d->id);
        if (r < 0)
                return r;
        number_change(t, change, d);
        r = write_insert(t, d);
        if (r == 0)
                r = write_history(t, d, kind, change->by);
        return r < 0 ? r : record_change(t, d, kind, change->by);
}

static int trim_dead(Transaction *t, int64_t owner) {
        _cleanup_(owner_row_done) OwnerRow row = {0};
        int r;

        r = row_get_owner(t->c, owner, &row);
        for (uint64_t n = row.n_dead; r > 0 && n > DEAD_DECISIONS_PER_OWNER_MAX; n--)
                r = write_drop_dead(t, owner);
        return r < 0 ? r : 0;
}

int write_update(Transaction *t, const Decision *d) {
        _cleanup_(binder_done) Binder b = {0};
        uint8_t digest[SHA256_SIZE];
        int r;

        r = decision_digest(d, digest);
        if (r == 0)
                r = mark_remove(t, d->owner, d->id);
        if (r == 0)
                r = binder_begin(t->c, STATEMENT_CHANGE_DECISION, d->owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) d->id);
        bind_int(&b, d->state);
        bind_int(&b, d->problems);
        row_bind_end(&b, d);
        bind_int(&b, d->changed);
        bind_int(&b, (int64_t) d->change_number);
        bind_blob(&b, digest, SHA256_SIZE);
        t->written = true;
        mark_add(&t->mark, d, digest);
        return binder_run(&b);
}

int write_changed(Transaction *t, const Change *change, Decision *d, HistoryKind kind) {
        int r;

        number_change(t, change, d);
        r = write_update(t, d);
        if (r == 0)
                r = write_history(t, d, kind, change->by);
        if (r == 0)
                r = record_change(t, d, kind, change->by);
        return r < 0 ? r : trim_dead(t, d->owner);
}

int write_other(Transaction *t, Change *change, const Decision *d, DecisionState state,
                HistoryKind kind) {
        Decision *others;
        int r;

        others = reallocarray(change->others, change->n_others + 1, sizeof(*others));
        if (!others)
                return -ENOMEM;
        change->others = others;
        others[change->n_others] = *d;
        others[change->n_others].state = state;

        r = write_changed(t, change, others + change->n_others, kind);
        if (r < 0)
                return r;
        change->n_others++;
        return 0;
}

static int oldest_dead(Transaction *t, int64_t owner, uint64_t *ret) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = binder_begin(t->c, STATEMENT_OLDEST_DEAD, owner, &b);
        if (r < 0)
                return r;
        if (b.error < 0)
                return b.error;
        r = statement_step(b.st);
        if (r > 0)
                *ret = (uint64_t) sqlite3_column_int64(b.st, 0);
        return r;
}

int write_drop(Transaction *t, int64_t owner, uint64_t id) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = mark_remove(t, owner, id);
        if (r == 0)
                r = binder_begin(t->c, STATEMENT_DROP_DECISION, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) id);
        t->written = true;
        r = binder_run(&b);
        return r < 0 ? r : write_drop_entry(t, owner, id);
}

int write_drop_dead(Transaction *t, int64_t owner) {
        uint64_t id = 0;
        int r;

        r = oldest_dead(t, owner, &id);
        if (r <= 0)
                return r;
        r = write_drop(t, owner, id);
        if (r == 0)
                r = record_drop(t, owner, id);
        return r < 0 ? r : 1;
}

int write_name(Transaction *t, int64_t owner, const char *name) {
        _cleanup_(binder_done) Binder b = {0};
        uint8_t digest[SHA256_SIZE];
        int r;

        r = row_name_digest(owner, name, digest);
        if (r == 0)
                r = binder_begin(t->c, STATEMENT_NAME_OWNER, owner, &b);
        if (r < 0)
                return r;
        bind_text(&b, name);
        bind_blob(&b, digest, sizeof(digest));
        t->written = true;
        return binder_run(&b);
}
