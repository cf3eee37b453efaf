/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far the database has come, and the sets of what refuses and of what stands, none of which must
 * vanish unseen. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/store-write.h"

static uint8_t *put_number(uint8_t *at, uint64_t value) {
        for (unsigned i = 0; i < 8; i++)
                *at++ = (uint8_t) (value >> (56 - 8 * i));
        return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *data, size_t size) {
        memcpy(at, data, size);
        return at + size;
}

static void standing_pack(const RefusalSet *set, uint8_t ret[static STANDING_SIZE]) {
        (void) put_bytes(put_number(ret, set->n), set->digest, SHA256_SIZE);
}

void standing_unpack(const uint8_t bytes[static STANDING_SIZE], RefusalSet *ret) {
        ret->n = 0;
        for (unsigned i = 0; i < 8; i++)
                ret->n = ret->n << 8 | bytes[i];
        memcpy(ret->digest, bytes + 8, SHA256_SIZE);
}

static bool read_journal(sqlite3_stmt *st, StoreMark *mark) {
        int64_t length;

        if (sqlite3_column_type(st, 2) == SQLITE_NULL)
                return true;
        mark->journaled = true;
        if (!column_bytes(st, 2, mark->journal_id, JOURNAL_ID_SIZE) ||
            !column_int(st, 3, 0, INT64_MAX, &length) ||
            !column_bytes(st, 4, mark->place.digest, SHA256_SIZE))
                return false;
        mark->place.number = mark->number;
        mark->place.offset = (uint64_t) length;
        return true;
}

static bool read_sets(sqlite3_stmt *st, StoreMark *mark) {
        uint8_t standing[STANDING_SIZE];
        int64_t n;

        if (sqlite3_column_type(st, 5) == SQLITE_NULL)
                return true;
        mark->counted = true;
        if (!column_int(st, 5, 0, INT64_MAX, &n))
                return false;
        mark->refusals.n = (uint64_t) n;
        if (!column_bytes(st, 6, mark->refusals.digest, SHA256_SIZE) ||
            !column_bytes(st, 7, standing, sizeof(standing)))
                return false;
        standing_unpack(standing, &mark->standing);
        return true;
}

int store_mark_digest(const StoreMark *m, uint8_t ret[static SHA256_SIZE]) {
        uint8_t bytes[6 * 8 + JOURNAL_ID_SIZE + 2 * SHA256_SIZE + STANDING_SIZE], *at = bytes;

        at = put_number(at, m->number);
        at = put_number(at, (uint64_t) m->last_write);
        at = put_number(at, m->journaled);
        at = put_bytes(at, m->journal_id, JOURNAL_ID_SIZE);
        at = put_number(at, m->place.offset);
        at = put_bytes(at, m->place.digest, SHA256_SIZE);
        at = put_number(at, m->counted);
        at = put_number(at, m->refusals.n);
        at = put_bytes(at, m->refusals.digest, SHA256_SIZE);
        standing_pack(&m->standing, at);
        at += STANDING_SIZE;
        return sha256(bytes, (size_t) (at - bytes), ret);
}

/* A store of the first form has no digest, nor anything that would need one. */
static int check_digest(sqlite3_stmt *st, const StoreMark *mark) {
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE];
        int r;

        if (!mark->journaled && !mark->counted && sqlite3_column_type(st, 8) == SQLITE_NULL)
                return 0;
        r = store_mark_digest(mark, digest);
        if (r < 0)
                return r;
        return column_bytes(st, 8, stored, sizeof(stored)) &&
                               memcmp(stored, digest, sizeof(digest)) == 0
                       ? 0
                       : -EUCLEAN;
}

int row_get_mark(Connection *c, StoreMark *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        StoreMark mark = {0};
        int64_t number;
        int r;

        r = connection_statement(c, STATEMENT_NUMBERS, &st);
        if (r < 0)
                return r;
        r = statement_step(st);
        if (r < 0)
                return r;
        if (r == 0 || !column_int(st, 0, 0, INT64_MAX - 1, &number) ||
            !column_int(st, 1, INT64_MIN, INT64_MAX, &mark.last_write))
                return -EUCLEAN;
        mark.number = (uint64_t) number;
        if (!read_journal(st, &mark) || !read_sets(st, &mark))
                return -EUCLEAN;
        r = check_digest(st, &mark);
        if (r < 0)
                return r;
        *ret = mark;
        return 0;
}

int write_mark(Transaction *t) {
        _cleanup_(binder_done) Binder b = {0};
        StoreMark *m = &t->mark;
        uint8_t digest[SHA256_SIZE], standing[STANDING_SIZE];
        int r;

        m->counted = true;
        standing_pack(&m->standing, standing);
        r = store_mark_digest(m, digest);
        if (r < 0)
                return r;
        r = binder_begin(t->c, STATEMENT_SET_NUMBERS, (int64_t) m->number, &b);
        if (r < 0)
                return r;
        bind_int(&b, m->last_write);
        bind_blob(&b, m->journaled ? m->journal_id : NULL, JOURNAL_ID_SIZE);
        if (m->journaled)
                bind_int(&b, (int64_t) m->place.offset);
        else
                bind_text(&b, NULL);
        bind_blob(&b, m->journaled ? m->place.digest : NULL, SHA256_SIZE);
        bind_int(&b, (int64_t) m->refusals.n);
        bind_blob(&b, m->refusals.digest, SHA256_SIZE);
        bind_blob(&b, standing, sizeof(standing));
        bind_blob(&b, digest, SHA256_SIZE);
        return binder_run(&b);
}

/* -- what refuses, and what stands -------------------------------------------------------- */

static bool refuses(const Decision *d) {
        return d->state == STATE_REVOKED ||
               (d->action == DECISION_DENY && d->state <= STATE_UNCONFIRMED);
}

static void toggle(RefusalSet *set, const uint8_t digest[static SHA256_SIZE]) {
        for (size_t i = 0; i < SHA256_SIZE; i++)
                set->digest[i] ^= digest[i];
}

static void put_in(RefusalSet *set, const uint8_t digest[static SHA256_SIZE]) {
        toggle(set, digest);
        set->n++;
}

static void take_out(RefusalSet *set, const uint8_t *digest) {
        if (digest)
                toggle(set, digest);
        if (set->n > 0)
                set->n--;
}

void refusals_add(RefusalSet *set, const Decision *d, const uint8_t digest[static SHA256_SIZE]) {
        if (refuses(d))
                put_in(set, digest);
}

void refusals_add_entry(RefusalSet *set, const Entry *e,
                        const uint8_t digest[static SHA256_SIZE]) {
        if (entry_refuses(e))
                put_in(set, digest);
}

void standing_add(RefusalSet *set, DecisionState state, const uint8_t digest[static SHA256_SIZE]) {
        if (state <= STATE_UNCONFIRMED)
                put_in(set, digest);
}

void mark_add(StoreMark *mark, const Decision *d, const uint8_t digest[static SHA256_SIZE]) {
        refusals_add(&mark->refusals, d, digest);
        standing_add(&mark->standing, d->state, digest);
}

void mark_add_entry(StoreMark *mark, const Entry *e, const uint8_t digest[static SHA256_SIZE]) {
        refusals_add_entry(&mark->refusals, e, digest);
        standing_add(&mark->standing, e->state, digest);
}

/* By the digest that is stored: that is the one which went in, unless it is damaged, and then the
 * sets go on telling so. */
static int remove_by(Transaction *t, Statement which, int64_t owner, uint64_t id) {
        _cleanup_(binder_done) Binder b = {0};
        uint8_t stored[SHA256_SIZE];
        const uint8_t *digest = stored;
        int r;

        r = binder_begin(t->c, which, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) id);
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r <= 0)
                return r;
        if (!column_bytes(b.st, 0, stored, sizeof(stored)))
                digest = NULL;
        if (sqlite3_column_int(b.st, 1))
                take_out(&t->mark.refusals, digest);
        if (sqlite3_column_int(b.st, 2))
                take_out(&t->mark.standing, digest);
        return 0;
}

int mark_remove(Transaction *t, int64_t owner, uint64_t id) {
        return remove_by(t, STATEMENT_DECISION_DIGEST, owner, id);
}

int mark_remove_entry(Transaction *t, int64_t owner, uint64_t id) {
        return remove_by(t, STATEMENT_ENTRY_DIGEST, owner, id);
}

/* 1; 0 if one is damaged; -errno. */
static int compute_entries(Connection *c, RefusalSet *set) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        int whole = 1;
        int r;

        r = connection_statement(c, STATEMENT_ENTRY_REFUSALS, &st);
        while (r == 0 && (r = statement_step(st)) > 0) {
                uint8_t digest[SHA256_SIZE];
                Entry e;

                r = row_read_entry(st, &e);
                if (r == 0)
                        r = entry_digest(&e, digest);
                if (r == 0)
                        refusals_add_entry(set, &e, digest);
                if (r == -EUCLEAN)
                        whole = r = 0;
        }
        return r < 0 ? r : whole;
}

int refusals_compute(Connection *c, RefusalSet *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        RefusalSet set = {0};
        int whole = 1;
        int r;

        r = connection_statement(c, STATEMENT_REFUSALS, &st);
        if (r < 0)
                return r;
        while ((r = statement_step(st)) > 0) {
                uint8_t digest[SHA256_SIZE];
                Decision d;

                r = row_read_decision(st, &d);
                if (r == 0)
                        whole = 0;
                else if (r > 0)
                        r = decision_digest(&d, digest);
                if (r < 0)
                        return r;
                if (whole > 0)
                        refusals_add(&set, &d, digest);
        }
        if (r == 0)
                r = compute_entries(c, &set);
        if (r < 0)
                return r;
        *ret = set;
        return whole > 0 && r > 0;
}

bool refusals_same(const RefusalSet *a, const RefusalSet *b) {
        return a->n == b->n && memcmp(a->digest, b->digest, SHA256_SIZE) == 0;
}

int store_adopt(Store *store, const JournalHead *head, const JournalPlace *place) {
        Transaction t = {.store = store, .c = &store->writer};
        int r;

        r = connection_run(t.c, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;
        r = row_get_mark(t.c, &t.mark);
        if (r == 0 && !t.mark.counted)
                r = refusals_compute(t.c, &t.mark.refusals) < 0 ||
                                    standing_compute(t.c, &t.mark.standing) < 0
                            ? -EUCLEAN
                            : 0;
        t.mark.journaled = true;
        memcpy(t.mark.journal_id, head->id, JOURNAL_ID_SIZE);
        t.mark.place = *place;
        if (r == 0)
                r = write_mark(&t);
        if (r == 0)
                r = connection_run(t.c, "COMMIT");
        if (r < 0)
                (void) connection_run(t.c, "ROLLBACK");
        return r;
}
