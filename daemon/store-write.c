/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing rows: decisions with their digests, numbers and history; certificates; what was seen. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/store-write.h"

/* What was seen is written again after this, so that the oldest to go is the longest unseen. */
#define SEEN_AGAIN_SECONDS (24 * 60 * 60)

/* A statement of the transaction with the owner bound first, as most of them want it. */
static int prepare(Transaction *t, Statement which, int64_t owner, Binder *ret) {
        int r;

        *ret = (Binder){ 0 };
        r = connection_statement(t->c, which, &ret->st);
        if (r < 0)
                return r;
        bind_int(ret, owner);
        return 0;
}

static void binder_done(Binder *b) {
        statement_resetp(&b->st);
}

static int run(Binder *b) {
        return b->error < 0 ? b->error : statement_run(b->st);
}

int write_owner(Transaction *t, int64_t owner) {
        _cleanup_(binder_done) Binder b = { 0 };
        int r;

        r = prepare(t, STATEMENT_ADD_OWNER, owner, &b);
        return r < 0 ? r : run(&b);
}

/* A number of the owner's that was just counted up. */
static int next_number(Transaction *t, Statement which, int64_t owner, uint64_t *ret) {
        _cleanup_(binder_done) Binder b = { 0 };
        int64_t number;
        int r;

        r = prepare(t, which, owner, &b);
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
        _cleanup_(binder_done) Binder b = { 0 };
        int r;

        if (last <= HISTORY_PER_OWNER_MAX)
                return 0;
        r = prepare(t, STATEMENT_TRIM_HISTORY, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) (last - HISTORY_PER_OWNER_MAX));
        return run(&b);
}

static int write_history(Transaction *t, const Change *change, const Decision *d,
                         HistoryKind kind) {
        _cleanup_(binder_done) Binder b = { 0 };
        uint64_t number;
        int r;

        r = next_number(t, STATEMENT_NEXT_HISTORY, d->owner, &number);
        if (r < 0)
                return r;
        r = prepare(t, STATEMENT_ADD_HISTORY, d->owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) number);
        bind_int(&b, (int64_t) d->change_number);
        bind_int(&b, change->now);
        bind_int(&b, kind);
        bind_int(&b, (int64_t) d->id);
        bind_int(&b, change->by);
        bind_text(&b, d->host);
        bind_int(&b, d->port);
        bind_blob(&b, d->certificate_sha256, SHA256_SIZE);
        r = run(&b);
        return r < 0 ? r : trim_history(t, d->owner, number);
}

/* The change that makes @d what it is from now on. */
static int number_change(Transaction *t, const Change *change, Decision *d,
                         uint8_t ret_digest[static SHA256_SIZE]) {
        t->written = true;
        d->changed = change->now;
        d->change_number = ++t->number;
        return decision_digest(d, ret_digest);
}

int write_decision(Transaction *t, const Change *change, Decision *d, HistoryKind kind) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        uint8_t digest[SHA256_SIZE];
        Binder b = { 0 };
        int r;

        r = next_number(t, STATEMENT_NEXT_ID, d->owner, &d->id);
        if (r == 0)
                r = number_change(t, change, d, digest);
        if (r == 0)
                r = connection_statement(t->c, STATEMENT_ADD_DECISION, &st);
        if (r < 0)
                return r;
        b.st = st;
        row_bind_decision(&b, d, digest);
        r = run(&b);
        return r < 0 ? r : write_history(t, change, d, kind);
}

static int trim_dead(Transaction *t, int64_t owner) {
        _cleanup_(owner_row_done) OwnerRow row = { 0 };
        int r;

        r = row_get_owner(t->c, owner, &row);
        for (uint64_t n = row.n_dead; r > 0 && n > DEAD_DECISIONS_PER_OWNER_MAX; n--)
                r = write_drop_dead(t, owner);
        return r < 0 ? r : 0;
}

int write_changed(Transaction *t, const Change *change, Decision *d, HistoryKind kind) {
        _cleanup_(binder_done) Binder b = { 0 };
        uint8_t digest[SHA256_SIZE];
        int r;

        r = number_change(t, change, d, digest);
        if (r == 0)
                r = prepare(t, STATEMENT_CHANGE_DECISION, d->owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) d->id);
        bind_int(&b, d->state);
        bind_int(&b, d->problems);
        row_bind_end(&b, d);
        bind_int(&b, d->changed);
        bind_int(&b, (int64_t) d->change_number);
        bind_blob(&b, digest, SHA256_SIZE);

        r = run(&b);
        if (r == 0)
                r = write_history(t, change, d, kind);
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
        _cleanup_(binder_done) Binder b = { 0 };
        int r;

        r = prepare(t, STATEMENT_OLDEST_DEAD, owner, &b);
        if (r < 0)
                return r;
        if (b.error < 0)
                return b.error;
        r = statement_step(b.st);
        if (r > 0)
                *ret = (uint64_t) sqlite3_column_int64(b.st, 0);
        return r;
}

int write_drop_dead(Transaction *t, int64_t owner) {
        _cleanup_(binder_done) Binder b = { 0 };
        uint64_t id = 0;
        int r;

        r = oldest_dead(t, owner, &id);
        if (r <= 0)
                return r;
        r = prepare(t, STATEMENT_DROP_DECISION, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) id);
        t->written = true;
        r = run(&b);
        return r < 0 ? r : 1;
}

/* 1 if what is kept of the certificate is whole and enough, 0 if it must be written again, -ENOENT
 * if nothing is kept. */
static int certificate_is_whole(Transaction *t, const uint8_t sha256_kept[static SHA256_SIZE],
                                bool with_der) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        size_t size;
        int r;

        r = row_get_certificate(t->c, sha256_kept, &facts);
        if (r == 0)
                return -ENOENT;
        if (r > 0 && with_der)
                r = row_get_der(t->c, sha256_kept, &der, &size);
        return r == -EUCLEAN ? 0 : r;
}

int write_certificate(Transaction *t, const Change *change, bool with_der) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        const CertificateFacts *c = change->certificate;
        _cleanup_free_ uint8_t *names = NULL;
        uint8_t digest[SHA256_SIZE];
        Binder b = { 0 };
        size_t size;
        bool known;
        int r;

        with_der = with_der && change->der;
        r = certificate_is_whole(t, c->sha256, with_der);
        if (r > 0 || (r < 0 && r != -ENOENT))
                return r < 0 ? r : 0;
        known = r == 0;

        r = row_join_names(c, &names, &size);
        if (r == 0)
                r = row_certificate_digest(c, digest);
        if (r == 0)
                r = connection_statement(
                        t->c, known ? STATEMENT_MEND_CERTIFICATE : STATEMENT_ADD_CERTIFICATE, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_blob(&b, c->sha256, SHA256_SIZE);
        bind_blob(&b, c->key_sha256, SHA256_SIZE);
        bind_text(&b, c->subject);
        bind_text(&b, c->issuer);
        bind_text(&b, c->serial);
        bind_blob(&b, names, size);
        bind_int(&b, c->not_before);
        bind_int(&b, c->not_after);
        bind_blob(&b, digest, SHA256_SIZE);
        bind_blob(&b, with_der ? change->der : NULL, change->der_size);
        t->written = true;
        return run(&b);
}

/* What is seen at the endpoint so far: 1 if it is this certificate and need not be written, 2 if
 * only its time is to be, 0 if it is another or damaged, -ENOENT if there is none. */
static int seen_compare(Transaction *t, const Change *change) {
        _cleanup_(binder_done) Binder b = { 0 };
        uint8_t kept[SHA256_SIZE];
        int64_t time;
        int r;

        r = prepare(t, STATEMENT_SEEN, change->decision.owner, &b);
        if (r < 0)
                return r;
        bind_text(&b, change->decision.host);
        bind_int(&b, change->decision.port);
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;

        if (!column_bytes(b.st, 0, kept, sizeof(kept)) ||
            !column_int(b.st, 1, INT64_MIN, INT64_MAX, &time) ||
            memcmp(kept, change->certificate->sha256, sizeof(kept)) != 0)
                return 0;
        return time <= change->now && change->now - time < SEEN_AGAIN_SECONDS ? 1 : 2;
}

static int seen_run(Transaction *t, const Change *change, Statement which) {
        _cleanup_(binder_done) Binder b = { 0 };
        int r;

        r = prepare(t, which, change->decision.owner, &b);
        if (r < 0)
                return r;
        bind_text(&b, change->decision.host);
        bind_int(&b, change->decision.port);
        if (which == STATEMENT_PUT_SEEN)
                bind_blob(&b, change->certificate->sha256, SHA256_SIZE);
        if (which != STATEMENT_DROP_SEEN)
                bind_int(&b, change->now);
        t->written = true;
        return run(&b);
}

static int seen_drop_oldest(Transaction *t, int64_t owner) {
        _cleanup_(binder_done) Binder drop = { 0 };
        _cleanup_(binder_done) Binder b = { 0 };
        char host[ENDPOINT_HOST_MAX + 1] = "";
        const char *found;
        int64_t port = 0;
        int r;

        r = prepare(t, STATEMENT_OLDEST_SEEN, owner, &b);
        if (r < 0)
                return r;
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r <= 0)
                return r;
        found = column_text(b.st, 0);
        if (!found || strlen(found) >= sizeof(host) || !column_int(b.st, 1, 0, UINT16_MAX, &port))
                return -EUCLEAN;
        strcpy(host, found);
        (void) sqlite3_reset(b.st);

        r = prepare(t, STATEMENT_DROP_SEEN, owner, &drop);
        if (r < 0)
                return r;
        bind_text(&drop, host);
        bind_int(&drop, port);
        return run(&drop);
}

/* The certificate comes first: dropping the last row that holds one drops it as well. */
static int seen_replace(Transaction *t, const Change *change, bool there) {
        _cleanup_(owner_row_done) OwnerRow row = { 0 };
        int r;

        r = write_certificate(t, change, false);
        if (r == 0 && there)
                r = seen_run(t, change, STATEMENT_DROP_SEEN);
        if (r == 0)
                r = seen_run(t, change, STATEMENT_PUT_SEEN);
        if (r == 0)
                r = row_get_owner(t->c, change->decision.owner, &row);
        if (r > 0 && row.n_seen > SEEN_PER_OWNER_MAX)
                r = seen_drop_oldest(t, change->decision.owner);
        return r < 0 ? r : 0;
}

int write_seen(Transaction *t, const Change *change) {
        int r;

        r = write_owner(t, change->decision.owner);
        if (r == 0)
                r = seen_compare(t, change);
        switch (r) {
        case 1:
                return 0;
        case 2:
                return seen_run(t, change, STATEMENT_TOUCH_SEEN);
        case 0:
                return seen_replace(t, change, true);
        case -ENOENT:
                return seen_replace(t, change, false);
        default:
                return r;
        }
}
