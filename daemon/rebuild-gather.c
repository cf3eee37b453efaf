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

/* One line, or what stands between two that hold. 1, 0 at the end, -errno. */
static int read_line(Union *u, JournalReader *reader) {
        _cleanup_(journal_record_done) JournalRecord record = { 0 };
        int r;

        r = journal_reader_next(reader, &record);
        if (r == -EBADMSG)
                return journal_reader_resync(reader);
        if (r <= 0)
                return r;
        if (journal_kind_is_change(record.kind) && record.number > u->last) {
                r = gaps_add(&u->gaps, u->last + 1, record.number - 1);
                u->last = record.number;
        }
        r = r < 0 ? r : take_record(u, &record);
        return r < 0 ? r : 1;
}

int union_read_journal(Union *u, int directory_fd, const char *name) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        JournalReport report;
        JournalHead head;
        int r;

        r = journal_reader_new(directory_fd, name, &reader);
        if (r == -ENOENT || r == -EBADMSG) {
                u->base_damaged = true;
                return 0;
        }
        if (r < 0)
                return r;
        (void) journal_reader_head(reader, &head);
        u->have_slot = journal_reader_slot(reader, false, &u->slot);
        u->certain = journal_reader_is_certain(reader);
        u->base = u->last = head.base;
        do
                r = read_line(u, reader);
        while (r > 0);
        if (r < 0)
                return r;

        journal_reader_report(reader, &report);
        u->base_damaged = report.base_damaged;
        if (!u->have_slot || u->slot.end.number <= u->last)
                return 0;
        r = gaps_add(&u->gaps, u->last + 1, u->slot.end.number);
        u->last = u->slot.end.number;
        return r;
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
        const SalvageFound found = { found_decision, found_entry,   found_certificate, found_name,
                                     found_history,  found_mark,        u };
        SalvageRoots roots;
        int r;

        r = salvage_roots(&roots);
        if (r == 0)
                r = salvage(directory_fd, database, log, &roots, &found);
        return r == -ENOENT ? 0 : r;
}
