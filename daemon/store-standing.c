/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is every decision still there? A look-up cannot tell: of a row whose key is damaged it finds nothing. All
 * rows are counted, owner by owner, and their set compared with the one that each commit kept. */
#include "config.h"

#include <errno.h>

#include "daemon/store-private.h"

/* Its place in DECISION_COLUMNS. */
#define COLUMN_DIGEST 17

/* 1 and the next owner in @roll, 0 if there is none, -errno. */
static int next_owner(Connection *c, Roll *roll) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = binder_begin(c, STATEMENT_OWNER_AFTER, roll->owner, &b);
        if (r < 0)
                return r;
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r <= 0)
                return r;
        roll->owner = sqlite3_column_int64(b.st, 0);
        roll->n_rows++;
        return 1;
}

static int count_decision(Roll *roll, sqlite3_stmt *st) {
        uint8_t digest[SHA256_SIZE];
        Decision d;
        int r;

        r = row_read_decision(st, &d);
        if (r <= 0 || !column_bytes(st, COLUMN_DIGEST, digest, sizeof(digest)))
                return r < 0 ? r : -EUCLEAN;
        standing_add(&roll->set, d.state, digest);
        return 0;
}

static int count_entry(Roll *roll, sqlite3_stmt *st) {
        uint8_t digest[SHA256_SIZE];
        Entry e;
        int r;

        r = row_read_entry(st, &e);
        if (r == 0)
                r = entry_digest(&e, digest);
        if (r == 0)
                standing_add(&roll->set, e.state, digest);
        return r;
}

static int count_rows(Connection *c, Roll *roll, Statement which,
                      int (*count)(Roll *roll, sqlite3_stmt *st)) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = binder_begin(c, which, roll->owner, &b);
        if (r == 0)
                r = b.error;
        while (r == 0 && (r = statement_step(b.st)) > 0) {
                roll->n_rows++;
                r = count(roll, b.st);
        }
        return r;
}

/* 1 if there may be more, 0 if there is none, -errno. */
static int count_on(Connection *c, Roll *roll, uint64_t n_rows) {
        uint64_t end = n_rows < UINT64_MAX - roll->n_rows ? roll->n_rows + n_rows : UINT64_MAX;
        int r = 1;

        while (r > 0 && roll->n_rows < end) {
                r = next_owner(c, roll);
                if (r <= 0)
                        break;
                r = count_rows(c, roll, STATEMENT_OF_OWNER, count_decision);
                if (r == 0)
                        r = count_rows(c, roll, STATEMENT_ENTRIES, count_entry);
                if (r == 0)
                        r = 1;
        }
        return r;
}

static Roll new_roll(uint64_t number) {
        return (Roll){.begun = true, .number = number, .owner = OWNER_SYSTEM - 1};
}

int standing_compute(Connection *c, RefusalSet *ret) {
        Roll roll = new_roll(0);
        int r;

        r = count_on(c, &roll, UINT64_MAX);
        if (r < 0)
                return r;
        *ret = roll.set;
        return 0;
}

int store_prove_standing(Store *store, uint64_t n_rows) {
        Roll *roll = &store->roll;
        StoreMark mark;
        int r;

        if (roll->done)
                return 0;
        r = row_get_mark(&store->writer, &mark);
        if (r < 0 || !mark.counted)
                return r;
        if (!roll->begun || roll->number != mark.number)
                *roll = new_roll(mark.number);
        r = count_on(&store->writer, roll, n_rows);
        if (r > 0)
                return 1;
        if (r == 0 && !refusals_same(&roll->set, &mark.standing))
                r = -EUCLEAN;
        roll->done = r == 0 || r == -EUCLEAN;
        return r;
}
