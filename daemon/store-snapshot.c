/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A journal made from the database: what it holds, and no more. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/store-write.h"

static int put_owner(Transaction *t, Journal *j, sqlite3_stmt *st) {
        _cleanup_(owner_row_done) OwnerRow row = {0};
        JournalRecord record = {.kind = JOURNAL_OWNER};
        int64_t id, history;
        int r;

        if (!column_int(st, 0, OWNER_SYSTEM, UINT32_MAX, &record.owner) ||
            !column_int(st, 1, 0, INT64_MAX, &id) || !column_int(st, 2, 0, INT64_MAX, &history))
                return -EUCLEAN;
        record.id = (uint64_t) id;
        record.last_history = (uint64_t) history;
        r = row_get_owner(t->c, record.owner, &row);
        if (r < 0)
                return r;
        if (row.name && *row.name == '\0')
                return -EUCLEAN;
        record.name = row.name;
        return journal_append(j, &record);
}

static int put_certificate(Transaction *t, Journal *j, sqlite3_stmt *st) {
        _cleanup_(journal_record_done) JournalRecord record = {.kind = JOURNAL_CERTIFICATE};
        uint8_t digest[SHA256_SIZE];
        int r;

        if (!column_bytes(st, 0, digest, sizeof(digest)))
                return -EUCLEAN;
        r = row_get_certificate(t->c, digest, &record.certificate);
        if (r == 0) /* it is in the table, but not where its index leads */
                return -EUCLEAN;
        if (r > 0)
                r = row_get_der(t->c, digest, &record.der, &record.der_size);
        return r < 0 ? r : journal_append(j, &record);
}

static int put_decision(Transaction *t, Journal *j, sqlite3_stmt *st) {
        JournalRecord record = {.kind = JOURNAL_DECISION};
        uint8_t digest[SHA256_SIZE];
        int r;

        r = row_read_decision(st, &record.decision);
        if (r == 0)
                return -EUCLEAN;
        if (r > 0)
                r = decision_digest(&record.decision, digest);
        if (r < 0)
                return r;
        mark_add(&t->mark, &record.decision, digest);
        return journal_append(j, &record);
}

static int put_entry(Transaction *t, Journal *j, sqlite3_stmt *st) {
        JournalRecord record = {.kind = JOURNAL_ENTRY};
        uint8_t digest[SHA256_SIZE];
        int r;

        r = row_read_entry(st, &record.entry);
        if (r == 0)
                r = entry_digest(&record.entry, digest);
        if (r < 0)
                return r;
        mark_add_entry(&t->mark, &record.entry, digest);
        return journal_append(j, &record);
}

static int put_history(_unused_ Transaction *t, Journal *j, sqlite3_stmt *st) {
        JournalRecord record = {.kind = JOURNAL_HISTORY};
        int64_t change_number;
        int r;

        r = row_read_history(st, &record.history);
        if (r < 0)
                return r;
        if (!column_int(st, 8, OWNER_SYSTEM, UINT32_MAX, &record.owner) ||
            !column_int(st, 9, 1, INT64_MAX, &change_number))
                return -EUCLEAN;
        record.change_number = (uint64_t) change_number;
        return journal_append(j, &record);
}

/* In the order in which they can be made again. @t counts what refuses and what stands. */
static const struct {
        Statement which;
        int (*put)(Transaction *t, Journal *j, sqlite3_stmt *st);
} parts[] = {
        {STATEMENT_ALL_OWNERS, put_owner},
        {STATEMENT_ALL_CERTIFICATES, put_certificate},
        {STATEMENT_ALL_DECISIONS, put_decision},
        {STATEMENT_ALL_ENTRIES, put_entry},
        {STATEMENT_ALL_HISTORY, put_history},
};

static int put_all(Transaction *t, Journal *j) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(parts); i++) {
                _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;

                r = connection_statement(t->c, parts[i].which, &st);
                while (r == 0 && (r = statement_step(st)) > 0)
                        r = parts[i].put(t, j, st);
        }
        return r;
}

static int make(Store *store, StoreMark *mark, Journal **ret) {
        Transaction t = {.store = store, .c = &store->writer};
        _cleanup_(journal_freep) Journal *j = NULL;
        JournalHead follows = {0};
        int r;

        r = row_get_mark(&store->writer, mark);
        if (r < 0)
                return r;
        memcpy(follows.id, mark->journal_id, JOURNAL_ID_SIZE);
        r = journal_create(store->directory_fd, mark->number, &follows, mark->place.digest, &j);
        if (r == 0)
                r = put_all(&t, j);
        if (r == 0 && !mark->counted)
                mark->refusals = t.mark.refusals;
        else if (r == 0 && (!refusals_same(&t.mark.refusals, &mark->refusals) ||
                            !refusals_same(&t.mark.standing, &mark->standing)))
                r = -EUCLEAN;
        if (r == 0)
                r = journal_publish(j, &mark->refusals);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* Nobody else writes the database, so that its parts need no common view. */
int store_snapshot(Store *store) {
        Journal *j = NULL;
        JournalPlace place;
        StoreMark mark;
        int r;

        r = make(store, &mark, &j);
        if (r < 0)
                return r;
        (void) journal_free(store->journal);
        store->journal = j;
        store->compact_from = 0;
        store->prover = journal_reader_free(store->prover); /* of a file that is gone */
        store->proved = true;
        place = journal_end(j);
        r = store_adopt(store, journal_head(j), &place);
        /* What the database says of its journal is mended when the store is opened. */
        if (r < 0)
                store->closed_by = r;
        return r;
}
