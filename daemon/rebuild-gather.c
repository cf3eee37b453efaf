/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathering: all that a damaged journal and a damaged database still prove. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rebuild-private.h"

/* Room for one more behind @n items: it doubles at each power of two. */
static int grow(void *items, size_t n, size_t size) {
        void **array = items;
        void *grown;

        if (n & (n - 1))
                return 0;
        grown = reallocarray(*array, n ? 2 * n : 1, size);
        if (!grown)
                return -ENOMEM;
        *array = grown;
        return 0;
}

int union_add_candidate(Union *u, const Candidate *c) {
        if (grow(&u->candidates, u->n_candidates, sizeof(*c)) < 0)
                return -ENOMEM;
        u->candidates[u->n_candidates++] = *c;
        return 0;
}

int union_add_entry(Union *u, const FoundEntry *found) {
        if (grow(&u->entries, u->n_entries, sizeof(*found)) < 0)
                return -ENOMEM;
        u->entries[u->n_entries++] = *found;
        return 0;
}

int union_add_line(Union *u, const Line *line) {
        if (grow(&u->lines, u->n_lines, sizeof(*line)) < 0)
                return -ENOMEM;
        u->lines[u->n_lines++] = *line;
        return 0;
}

/* Takes @name over. */
int union_add_name(Union *u, const Name *name) {
        if (grow(&u->names, u->n_names, sizeof(*name)) < 0) {
                free(name->name);
                return -ENOMEM;
        }
        u->names[u->n_names++] = *name;
        return 0;
}

/* -- the journal ----------------------------------------------------------------------------- */

static int take_decision(Union *u, const JournalRecord *record) {
        Line line = { .owner = record->decision.owner, .change_number = record->number };
        int r;

        r = union_add_candidate(u, &(Candidate){ .decision = record->decision, .certain = true });
        if (r < 0 || record->kind == JOURNAL_DECISION)
                return r;
        line.entry = record->history;
        line.entry.time = record->decision.changed;
        line.entry.id = record->decision.id;
        line.entry.port = record->decision.port;
        strcpy(line.entry.host, record->decision.host);
        memcpy(line.entry.sha256, record->decision.certificate_sha256, SHA256_SIZE);
        return union_add_line(u, &line);
}

static int take_drop(Union *u, const JournalRecord *record) {
        Candidate c = { .certain = true, .dropped = true };
        FoundEntry f = { .certain = true, .dropped = true };

        c.decision.owner = record->owner;
        c.decision.id = record->id;
        c.decision.change_number = record->number;
        f.entry.owner = record->owner;
        f.entry.id = record->id;
        f.entry.change_number = record->number;
        u->dropped = true;
        /* Of which kind it was, the id does not tell. */
        return union_add_candidate(u, &c) < 0 ? -ENOMEM : union_add_entry(u, &f);
}

static int take_name(Union *u, JournalRecord *record) {
        return union_add_name(u, &(Name){ .owner = record->owner,
                                    .name = TAKE_PTR(record->name),
                                    .number = record->number,
                                    .last_id = record->id,
                                    .last_history = record->last_history });
}

static int take_certificate(Union *u, JournalRecord *record) {
        if (grow(&u->kept, u->n_kept, sizeof(*u->kept)) < 0)
                return -ENOMEM;
        u->kept[u->n_kept++] = (Kept){ TAKE_PTR(record->certificate), TAKE_PTR(record->der),
                                       record->der_size };
        return 0;
}

static int take_record(Union *u, JournalRecord *record) {
        switch (record->kind) {
        case JOURNAL_CHANGE:
        case JOURNAL_DECISION:
                return take_decision(u, record);
        case JOURNAL_DROP:
                return take_drop(u, record);
        case JOURNAL_NAME:
        case JOURNAL_OWNER:
                return take_name(u, record);
        case JOURNAL_CERTIFICATE:
                return take_certificate(u, record);
        case JOURNAL_HISTORY:
                return union_add_line(u, &(Line){ .owner = record->owner,
                                            .entry = record->history,
                                            .change_number = record->change_number });
        case JOURNAL_TRUST:
        case JOURNAL_ENTRY:
                return union_add_entry(
                        u, &(FoundEntry){ .entry = record->entry, .certain = true });
        case _JOURNAL_KIND_MAX:
                break;
        }
        return 0;
}

/* What stands behind the end was never acknowledged. */
static uint64_t last_acknowledged(const Union *u) {
        const JournalGathered *j = &u->journal;

        if (j->have_slot && j->certain)
                return j->slot.end.number;
        if (!u->have_witness || !witness_knows_end(&u->witness))
                return UINT64_MAX;
        return j->have_slot && j->slot.end.number > u->witness.number ? j->slot.end.number
                                                                      : u->witness.number;
}

static bool is_compacted(JournalKind kind) {
        return kind == JOURNAL_OWNER || kind == JOURNAL_DECISION || kind == JOURNAL_HISTORY ||
               kind == JOURNAL_ENTRY;
}

static int found_line(JournalRecord *record, void *userdata) {
        Union *u = userdata;

        if (record->number > last_acknowledged(u))
                return 0;
        u->told = true;
        if (is_compacted(record->kind))
                u->base = record->number;
        if (journal_kind_is_change(record->kind)) {
                if (grow(&u->numbers, u->n_numbers, sizeof(*u->numbers)) < 0)
                        return -ENOMEM;
                u->numbers[u->n_numbers++] = record->number;
        }
        return take_record(u, record);
}

static int compare_numbers(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

/* Lines may have been found in any order, and more than once. */
static int find_gaps(Union *u) {
        int r = 0;

        if (u->n_numbers > 1)
                qsort(u->numbers, u->n_numbers, sizeof(*u->numbers), compare_numbers);
        u->last = u->base;
        for (size_t i = 0; r == 0 && i < u->n_numbers; i++) {
                if (u->numbers[i] <= u->last)
                        continue;
                r = gaps_add(&u->gaps, u->last + 1, u->numbers[i] - 1);
                u->last = u->numbers[i];
        }
        if (r < 0 || !u->journal.have_slot || u->journal.slot.end.number <= u->last)
                return r;
        r = gaps_add(&u->gaps, u->last + 1, u->journal.slot.end.number);
        u->last = u->journal.slot.end.number;
        return r;
}

int union_read_journal(Union *u, int directory_fd, const char *name) {
        int r;

        r = journal_gather(directory_fd, name, u->have_witness ? u->witness.journal_id : NULL,
                           found_line, u, &u->journal);
        u->base_damaged = !u->journal.base_whole;
        if (r == -ENOENT || r == -EBADMSG)
                return 0;
        if (r < 0)
                return r;
        if (u->journal.head_whole || u->journal.have_slot)
                u->base = u->journal.head.base;
        return find_gaps(u);
}

/* -- the database ---------------------------------------------------------------------------- */

/* Whether a change of that number is not the journal's to tell. */
static bool is_missing(const Union *u, uint64_t number) {
        return number > u->last || gaps_has(&u->gaps, number) ||
               (u->base_damaged && number <= u->base);
}

static int found_decision(const Decision *d, bool reached, void *userdata) {
        Union *u = userdata;

        if (!is_missing(u, d->change_number))
                return 0;
        return union_add_candidate(
                u, &(Candidate){ .decision = *d, .salvaged = true, .certain = reached });
}

static int found_entry(const Entry *e, bool reached, void *userdata) {
        Union *u = userdata;

        if (!is_missing(u, e->change_number))
                return 0;
        return union_add_entry(
                u, &(FoundEntry){ .entry = *e, .salvaged = true, .certain = reached });
}

static int found_certificate(const CertificateFacts *c, const uint8_t *der, size_t der_size,
                             void *userdata) {
        JournalRecord record = { .kind = JOURNAL_CERTIFICATE, .der_size = der_size };
        int r;

        r = certificate_facts_copy(c, &record.certificate);
        if (r == 0 && der) {
                record.der = malloc(der_size);
                if (record.der)
                        memcpy(record.der, der, der_size);
                else
                        r = -ENOMEM;
        }
        if (r == 0)
                r = take_certificate(userdata, &record);
        journal_record_done(&record);
        return r;
}

/* A name of the journal is newer, or the same. */
static int found_name(int64_t owner, const char *name, void *userdata) {
        Name found = { .owner = owner, .name = strdup(name) };

        return found.name ? union_add_name(userdata, &found) : -ENOMEM;
}

static int found_history(int64_t owner, const HistoryEntry *e, uint64_t change_number,
                         void *userdata) {
        if (!is_missing(userdata, change_number))
                return 0;
        return union_add_line(userdata, &(Line){ owner, *e, change_number, true });
}

static int found_mark(const SalvageMark *mark, void *userdata) {
        Union *u = userdata;

        if (!u->have_mark || mark->number > u->mark.number)
                u->mark = *mark;
        u->have_mark = true;
        return 0;
}

int union_read_database(Union *u, int directory_fd, const char *database, const char *log) {
        const SalvageFound found = { .decision = found_decision,
                                     .entry = found_entry,
                                     .certificate = found_certificate,
                                     .name = found_name,
                                     .history = found_history,
                                     .mark = found_mark,
                                     .userdata = u };
        SalvageRoots roots;
        int r;

        r = salvage_roots(&roots);
        if (r == 0)
                r = salvage(directory_fd, database, log, &roots, &found);
        return r == -ENOENT ? 0 : r;
}

/* -- a log without its database -------------------------------------------------------------- */

/* Of all that tells how far the store had come, nothing says that it was further, or another. One of
 * an earlier damage would bring back what was revoked since. */
static bool is_last(const Union *u, const SalvageMark *mark) {
        const uint8_t *id = u->journal.head_whole || u->journal.have_slot ? u->journal.head.id
                            : u->have_witness                            ? u->witness.journal_id
                                                                         : NULL;

        return mark->number >= u->last && (!u->have_witness || mark->number >= u->witness.number) &&
               (!u->have_mark || mark->number >= u->mark.number) &&
               (!id || (mark->journaled && memcmp(mark->journal_id, id, JOURNAL_ID_SIZE) == 0));
}

int union_read_orphan(Union *u, int directory_fd, const char *log) {
        Union marked = { 0 };
        const SalvageFound only_mark = { .mark = found_mark, .userdata = &marked };
        SalvageRoots roots;
        int r;

        r = salvage_roots(&roots);
        if (r == 0)
                r = salvage(directory_fd, NULL, log, &roots, &only_mark);
        if (r < 0 || !marked.have_mark || !is_last(u, &marked.mark))
                return r == -ENOENT ? 0 : r;
        r = store_log_look(directory_fd, log, &u->log);
        return r < 0 ? r : union_read_database(u, directory_fd, NULL, log);
}
