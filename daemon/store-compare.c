/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal examined: every line to its end, and against the rows of the database. Each line is
 * looked up as it is read, and what became of it later is remembered by its number alone, so that a
 * large store needs no second one in memory.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/store-check-private.h"

/* The first bytes of a SHA-256 tell certificates apart well enough for counting them. */
typedef struct Key {
        int64_t owner;
        uint64_t id;
} Key;

typedef struct Keys {
        Key *items;
        size_t n;
        size_t allocated;
} Keys;

typedef struct Comparison {
        StoreCheck *check;
        Keys absent;  /* decisions that the journal has and the database has not */
        Keys dropped; /* those that the journal says are gone */
        Keys certificates; /* that both have, whole and the same */
        Keys names;        /* owner, and twice the line's number, one more if it differs */
        uint64_t n_same;   /* decisions whose last line is as the row */
        uint64_t n_history;
        uint64_t n_names;
} Comparison;

static void comparison_done(Comparison *c) {
        free(c->absent.items);
        free(c->dropped.items);
        free(c->certificates.items);
        free(c->names.items);
}

/* -- sets of keys ---------------------------------------------------------------------------- */

static int keys_add(Keys *keys, int64_t owner, uint64_t id) {
        if (keys->n == keys->allocated) {
                size_t n = keys->allocated ? 2 * keys->allocated : 64;
                Key *items = reallocarray(keys->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                keys->items = items;
                keys->allocated = n;
        }
        keys->items[keys->n++] = (Key){ owner, id };
        return 0;
}

static int compare_keys(const void *a, const void *b) {
        const Key *x = a, *y = b;

        if (x->owner != y->owner)
                return x->owner < y->owner ? -1 : 1;
        return x->id == y->id ? 0 : x->id < y->id ? -1 : 1;
}

static void keys_sort(Keys *keys) {
        if (keys->n > 1)
                qsort(keys->items, keys->n, sizeof(*keys->items), compare_keys);
}

static bool keys_have(const Keys *keys, int64_t owner, uint64_t id) {
        Key key = { owner, id };

        return keys->n > 0 &&
               bsearch(&key, keys->items, keys->n, sizeof(key), compare_keys) != NULL;
}

static uint64_t certificate_key(const uint8_t sha256_of[static SHA256_SIZE]) {
        uint64_t key;

        memcpy(&key, sha256_of, sizeof(key));
        return key;
}

/* -- one line -------------------------------------------------------------------------------- */

static void differs(Comparison *c, int64_t owner, uint64_t id) {
        check_found(c->check, FOUND_COPIES_DIFFER, "%" PRId64 ": %" PRIu64, owner, id);
}

/* The journal tells the same decision again and again; the row is as the last of these lines. A row
 * that is damaged is told of elsewhere. */
static int compare_decision(Comparison *c, const Decision *line) {
        uint8_t ours[SHA256_SIZE], theirs[SHA256_SIZE];
        Decision row;
        int r;

        r = row_get_decision(&c->check->connection, line->owner, line->id, &row);
        if (r == -ENOENT)
                return keys_add(&c->absent, line->owner, line->id);
        if (r <= 0 || row.change_number > line->change_number)
                return r < 0 ? r : 0;

        r = decision_digest(&row, ours);
        if (r == 0)
                r = decision_digest(line, theirs);
        if (r < 0)
                return r;
        if (memcmp(ours, theirs, SHA256_SIZE) == 0)
                c->n_same++;
        else
                differs(c, line->owner, line->id);
        return 0;
}

static bool is_same_entry(const HistoryEntry *a, const HistoryEntry *b) {
        return a->time == b->time && a->kind == b->kind && a->id == b->id && a->by == b->by &&
               a->port == b->port && strcmp(a->host, b->host) == 0 &&
               memcmp(a->sha256, b->sha256, SHA256_SIZE) == 0;
}

/* The same of what is believed and distrusted. */
static int compare_entry(Comparison *c, const Entry *line) {
        uint8_t ours[SHA256_SIZE], theirs[SHA256_SIZE];
        _cleanup_(binder_done) Binder b = { 0 };
        Entry row;
        int r;

        r = binder_begin(&c->check->connection, STATEMENT_ENTRY, line->owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) line->id);
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r == 0)
                return keys_add(&c->absent, line->owner, line->id);
        if (r > 0)
                r = row_read_entry(b.st, &row);
        if (r < 0 || row.change_number > line->change_number)
                return r == -EUCLEAN ? 0 : r;

        r = entry_digest(&row, ours);
        if (r == 0)
                r = entry_digest(line, theirs);
        if (r < 0)
                return r;
        if (memcmp(ours, theirs, SHA256_SIZE) == 0)
                c->n_same++;
        else
                differs(c, line->owner, line->id);
        return 0;
}

/* An owner's oldest rows make room; their lines may still be there. */
static int compare_history(Comparison *c, int64_t owner, uint64_t change_number,
                           const HistoryEntry *line) {
        _cleanup_(binder_done) Binder b = { 0 };
        HistoryEntry row;
        int r;

        r = binder_begin(&c->check->connection, STATEMENT_HISTORY_BY_CHANGE, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) line->id);
        bind_int(&b, (int64_t) change_number);
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r <= 0)
                return r;
        c->n_history++;
        if (row_read_history(b.st, &row) < 0 || !is_same_entry(&row, line))
                check_found(c->check, FOUND_HISTORIES_DIFFER, "%" PRId64 ": %" PRIu64, owner,
                            line->id);
        return 0;
}

static int compare_change(Comparison *c, const JournalRecord *record) {
        const Decision *d = &record->decision;
        HistoryEntry entry = { .time = d->changed,
                               .kind = record->history.kind,
                               .id = d->id,
                               .by = record->history.by,
                               .port = d->port };
        int r;

        strcpy(entry.host, d->host);
        memcpy(entry.sha256, d->certificate_sha256, SHA256_SIZE);
        r = compare_decision(c, d);
        return r < 0 ? r : compare_history(c, d->owner, d->change_number, &entry);
}

/* A certificate that is in the journal and not in the database is one that nobody needs any more: the
 * decisions that do are looked at by themselves. */
static int compare_certificate(Comparison *c, const JournalRecord *record) {
        _cleanup_(certificate_facts_freep) CertificateFacts *row = NULL;
        uint8_t ours[SHA256_SIZE], theirs[SHA256_SIZE];
        int r;

        r = row_get_certificate(&c->check->connection, record->certificate->sha256, &row);
        if (r == -EUCLEAN)
                return 0;
        if (r <= 0)
                return r;
        r = row_certificate_digest(row, ours);
        if (r == 0)
                r = row_certificate_digest(record->certificate, theirs);
        if (r < 0 || memcmp(ours, theirs, SHA256_SIZE) != 0)
                return r;
        return keys_add(&c->certificates, 0, certificate_key(row->sha256));
}

static int compare_name(Comparison *c, int64_t owner, const char *name) {
        _cleanup_(owner_row_done) OwnerRow row = { 0 };
        bool same;
        int r;

        r = row_get_owner(&c->check->connection, owner, &row);
        if (r < 0)
                return r == -EUCLEAN ? 0 : r;
        same = r > 0 && (name ? row.name && strcmp(row.name, name) == 0 : !row.name);
        return keys_add(&c->names, owner, 2 * c->n_names++ + !same);
}

static int compare_line(Comparison *c, const JournalRecord *record) {
        switch (record->kind) {
        case JOURNAL_CHANGE:
                return compare_change(c, record);
        case JOURNAL_DECISION:
                return compare_decision(c, &record->decision);
        case JOURNAL_HISTORY:
                return compare_history(c, record->owner, record->change_number, &record->history);
        case JOURNAL_CERTIFICATE:
                return compare_certificate(c, record);
        case JOURNAL_TRUST:
        case JOURNAL_ENTRY:
                return compare_entry(c, &record->entry);
        case JOURNAL_DROP:
                return keys_add(&c->dropped, record->owner, record->id);
        case JOURNAL_NAME:
        case JOURNAL_OWNER:
                return compare_name(c, record->owner, record->name);
        case _JOURNAL_KIND_MAX:
                break;
        }
        return 0;
}

/* -- what is left over ----------------------------------------------------------------------- */

static void compare_absent(Comparison *c) {
        keys_sort(&c->absent);
        keys_sort(&c->dropped);
        for (size_t i = 0; i < c->absent.n; i++) {
                const Key *key = c->absent.items + i;

                if ((i == 0 || compare_keys(key, key - 1) != 0) &&
                    !keys_have(&c->dropped, key->owner, key->id))
                        differs(c, key->owner, key->id);
        }
}

/* The last that the journal says of each owner. */
static void compare_names(Comparison *c) {
        keys_sort(&c->names);
        for (size_t i = 0; i < c->names.n; i++) {
                const Key *key = c->names.items + i;
                bool last = i + 1 == c->names.n || key[1].owner != key->owner;

                if (last && (key->id & 1))
                        differs(c, key->owner, 0);
        }
}

/* Rows that no line tells of. */
static int compare_counts(Comparison *c) {
        StoreCheck *check = c->check;
        int64_t decisions, history;
        int r;

        r = check_number(check,
                         "SELECT (SELECT count(*) FROM decision) + (SELECT count(*) FROM trust)",
                         &decisions);
        if (r == 0)
                r = check_number(check, "SELECT count(*) FROM history", &history);
        if (r < 0)
                return r;
        if (c->n_same < (uint64_t) decisions &&
            check->report.findings[FOUND_COPIES_DIFFER].n == 0 &&
            check->report.findings[FOUND_DECISIONS_DAMAGED].n == 0 &&
            check->report.findings[FOUND_ENTRIES_DAMAGED].n == 0)
                check_found(check, FOUND_COPIES_DIFFER, "%" PRIu64 " / %" PRId64, c->n_same,
                            decisions);
        if (c->n_history < (uint64_t) history)
                check_found(check, FOUND_HISTORIES_DIFFER, "%" PRIu64 " / %" PRId64, c->n_history,
                            history);
        return 0;
}

static int compare_needed(Comparison *c) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];
        int r;

        keys_sort(&c->certificates);
        r = connection_statement(&c->check->connection, STATEMENT_ALL_CERTIFICATES, &st);
        while (r == 0 && (r = statement_step(st)) > 0) {
                r = 0;
                if (!column_bytes(st, 0, digest, sizeof(digest)) ||
                    keys_have(&c->certificates, 0, certificate_key(digest)))
                        continue;
                hex_encode(digest, sizeof(digest), hex);
                check_found(c->check, FOUND_COPIES_DIFFER, "%s", hex);
        }
        return r == -EUCLEAN ? 0 : r;
}

static int compare_rest(Comparison *c) {
        int r;

        compare_absent(c);
        compare_names(c);
        r = compare_needed(c);
        return r < 0 ? r : compare_counts(c);
}

/* -- the journal ----------------------------------------------------------------------------- */

static int read_all(Comparison *c) {
        StoreCheck *check = c->check;
        bool compares = check->args.deep;
        int r;

        do {
                _cleanup_(journal_record_done) JournalRecord record = { 0 };
                JournalPlace place;

                r = journal_reader_next(check->reader, &record);
                if (r > 0 && compares) {
                        int k = compare_line(c, &record);

                        /* Damage of the database was told of before. */
                        if (k < 0 && k != -EUCLEAN)
                                return k;
                        compares = k == 0;
                }
                if (r == -EBADMSG) {
                        compares = false;
                        r = journal_reader_resync(check->reader);
                }
                journal_reader_place(check->reader, &place);
                atomic_store(&check->done, place.offset);
                if (atomic_load(&check->cancelled))
                        return -ECANCELED;
        } while (r > 0);
        return r < 0 || !check->args.deep || !compares ? r : compare_rest(c);
}

static void take_report(StoreCheck *check) {
        JournalReport report;

        journal_reader_report(check->reader, &report);
        check->report.n_lines = report.n_lines;
        if (report.n_damages == 0 && report.n_missing == 0 && !report.base_damaged)
                return;
        check_found(check, FOUND_JOURNAL_DAMAGED, "%" PRIu64 "-%" PRIu64, report.first_missing,
                    report.last_missing);
        check->report.findings[FOUND_JOURNAL_DAMAGED].n =
                report.n_damages + report.n_missing + (report.n_damages + report.n_missing == 0);
}

/* Each copy names the other. */
static void check_numbers(StoreCheck *check) {
        const StoreMark *mark = &check->mark;

        if (mark->number > check->slot.end.number)
                check_found(check, FOUND_JOURNAL_BEHIND, "%" PRIu64 " / %" PRIu64,
                            check->slot.end.number, mark->number);
        else if (mark->number < check->slot.end.number)
                check_found(check, FOUND_DATABASE_BEHIND, "%" PRIu64 " / %" PRIu64, mark->number,
                            check->slot.end.number);
        else if (!mark->journaled || memcmp(mark->journal_id, check->head.id, JOURNAL_ID_SIZE) != 0 ||
                 memcmp(mark->place.digest, check->slot.end.digest, SHA256_SIZE) != 0)
                check_found(check, FOUND_JOURNAL_OTHER, "%" PRIu64, mark->number);
        else if (!refusals_same(&mark->refusals, &check->slot.refusals))
                check_found(check, FOUND_REFUSALS, "%" PRIu64 ", %" PRIu64, mark->refusals.n,
                            check->slot.refusals.n);
}

int check_journal(StoreCheck *check) {
        _cleanup_(comparison_done) Comparison c = { .check = check };
        int r;

        if (!check->reader)
                return 0;
        check_begin(check, CHECK_JOURNAL, check->slot.end.offset);
        check_numbers(check);
        r = read_all(&c);
        if (r == 0)
                take_report(check);
        return r;
}
