/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Union: deciding what counts of all that was gathered, and handing it out. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/rebuild-private.h"

_Static_assert(NEVER_DROPPED_MAX <= DEAD_ENTRIES_PER_OWNER_MAX &&
                       2 * NEVER_DROPPED_MAX <=
                               STORED_BYTES_PER_OWNER_MAX / CERTIFICATE_BYTES_MAX,
               "something may make room for others earlier");

/* -- what counts ----------------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b) {
        return a < b ? -1 : a > b;
}

static int compare_owners(int64_t a, int64_t b) {
        return a < b ? -1 : a > b;
}

/* By decision, the oldest state first. */
static int compare_candidates(const void *a, const void *b) {
        const Candidate *x = a, *y = b;
        int r = compare_owners(x->decision.owner, y->decision.owner);

        if (r == 0)
                r = compare_numbers(x->decision.id, y->decision.id);
        if (r == 0)
                r = compare_numbers(x->decision.change_number, y->decision.change_number);
        /* A drop carries the number of a change before it, its own decision's perhaps. */
        return r == 0 ? (int) x->dropped - (int) y->dropped : r;
}

static int compare_lines(const void *a, const void *b) {
        const Line *x = a, *y = b;
        int r = compare_owners(x->owner, y->owner);

        return r == 0 ? compare_numbers(x->change_number, y->change_number) : r;
}

static int compare_names(const void *a, const void *b) {
        const Name *x = a, *y = b;
        int r = compare_owners(x->owner, y->owner);

        return r == 0 ? compare_numbers(x->number, y->number) : r;
}

static int compare_kept(const void *a, const void *b) {
        const Kept *x = a, *y = b;
        int r = memcmp(x->certificate->sha256, y->certificate->sha256, SHA256_SIZE);

        return r == 0 ? (x->der != NULL) - (y->der != NULL) : r;
}

static void sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *)) {
        if (n > 1)
                qsort(items, n, size, compare);
}

static bool same_decision(const Candidate *a, const Candidate *b) {
        return a->decision.owner == b->decision.owner && a->decision.id == b->decision.id;
}

/* What a line says of a row that was damaged when it was revoked may be empty; what it was before is
 * not. */
static void inherit(const Decision *before, Decision *d) {
        Decision merged = *before;

        if (*d->host)
                return;
        merged.state = d->state;
        merged.changed = d->changed;
        merged.change_number = d->change_number;
        *d = merged;
}

/* The newest state of each decision stays, unless it was dropped. */
static int keep_newest(Union *u) {
        size_t n = 0;

        sort(u->candidates, u->n_candidates, sizeof(*u->candidates), compare_candidates);
        for (size_t i = 0; i < u->n_candidates; i++) {
                Candidate *c = &u->candidates[i];
                bool newest = i + 1 == u->n_candidates || !same_decision(c, c + 1);

                if (c->salvaged && gaps_found(&u->gaps, c->decision.change_number) < 0)
                        return -ENOMEM;
                if (!newest && !c[1].dropped)
                        inherit(&c->decision, &c[1].decision);
                if (newest && !c->dropped && *c->decision.host)
                        u->candidates[n++] = *c;
        }
        u->n_candidates = n;
        return 0;
}

/* How many candidates stand before @key. */
static size_t count_before(const Union *u, const Candidate *key) {
        size_t from = 0, to = u->n_candidates;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (compare_candidates(&u->candidates[middle], key) < 0)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

static const Candidate *find_decision(const Union *u, int64_t owner, uint64_t id) {
        const Candidate key = { .decision = { .owner = owner, .id = id } };
        const size_t i = count_before(u, &key);

        return i < u->n_candidates && same_decision(&u->candidates[i], &key) ? &u->candidates[i]
                                                                             : NULL;
}

/* The highest that is known of. */
static uint64_t last_id(const Union *u, int64_t owner) {
        const Candidate key = { .decision = { .owner = owner, .id = UINT64_MAX } };
        const size_t i = count_before(u, &key);
        uint64_t last = 0;

        if (i > 0 && u->candidates[i - 1].decision.owner == owner)
                last = u->candidates[i - 1].decision.id;
        for (size_t j = 0; j < u->n_entries; j++)
                if (u->entries[j].entry.owner == owner && u->entries[j].entry.id > last)
                        last = u->entries[j].entry.id;
        for (size_t j = 0; j < u->n_names; j++)
                if (u->names[j].owner == owner && u->names[j].last_id > last)
                        last = u->names[j].last_id;
        return last;
}

/* Ids are never used again, and each change that is gone may have given one. What is of the database alone is
 * as it was last. */
bool union_may_have_dropped(const Union *u, int64_t owner) {
        if (!u->told)
                return false;
        return u->dropped || u->base_damaged || last_id(u, owner) + u->n_gone > NEVER_DROPPED_MAX;
}

/* One line for each change. What the history tells of a decision that is known as it was later is not
 * missing. */
static int keep_lines(Union *u) {
        size_t n = 0;

        sort(u->lines, u->n_lines, sizeof(*u->lines), compare_lines);
        for (size_t i = 0; i < u->n_lines; i++) {
                const Line *line = &u->lines[i];
                const Candidate *c = find_decision(u, line->owner, line->entry.id);

                if (n > 0 && compare_lines(line, &u->lines[n - 1]) == 0)
                        continue;
                if (line->salvaged && c && c->decision.change_number >= line->change_number &&
                    gaps_found(&u->gaps, line->change_number) < 0)
                        return -ENOMEM;
                u->lines[n++] = *line;
        }
        u->n_lines = n;
        return 0;
}

static bool refuses(const Decision *d) {
        return d->state == STATE_REVOKED ||
               (d->action == DECISION_DENY && d->state <= STATE_UNCONFIRMED);
}

static int set_of_refusals(const Union *u, RefusalSet *ret) {
        RefusalSet set = { 0 };

        for (size_t i = 0; i < u->n_candidates; i++) {
                uint8_t digest[SHA256_SIZE];
                int r;

                if (!refuses(&u->candidates[i].decision))
                        continue;
                r = decision_digest(&u->candidates[i].decision, digest);
                if (r < 0)
                        return r;
                for (size_t j = 0; j < SHA256_SIZE; j++)
                        set.digest[j] ^= digest[j];
                set.n++;
        }
        *ret = set;
        return union_add_refusing_entries(u, ret);
}

/* 1 if nothing that refuses is missing: whoever knows of the last change knows the set. */
static int refusals_are_whole(const Union *u) {
        RefusalSet set;
        int r;

        r = set_of_refusals(u, &set);
        if (r < 0)
                return r;
        if (u->journal.have_slot && u->journal.slot.end.number == u->number)
                return set.n == u->journal.slot.refusals.n &&
                       memcmp(set.digest, u->journal.slot.refusals.digest, SHA256_SIZE) == 0;
        return u->have_mark && u->mark.counted && u->mark.number == u->number &&
               set.n == u->mark.n_refusals &&
               memcmp(set.digest, u->mark.refusals, SHA256_SIZE) == 0;
}

static int unconfirm(Union *u, Decision *d, int64_t now) {
        Line line = { .owner = d->owner };

        d->state = STATE_UNCONFIRMED;
        d->changed = now;
        d->change_number = ++u->number;
        u->n_unconfirmed++;
        line.change_number = d->change_number;
        line.entry = (HistoryEntry){ .time = now,
                                     .kind = HISTORY_UNCONFIRMED,
                                     .id = d->id,
                                     .by = OWNER_SYSTEM, /* nobody: see org.certexc1's HistoryEntry */
                                     .port = d->port };
        strcpy(line.entry.host, d->host);
        memcpy(line.entry.sha256, d->certificate_sha256, SHA256_SIZE);
        return union_add_line(u, &line);
}

/*
 * A live exception that is older than a missing change may have been revoked, or denied, by it; unless
 * @whole, and nothing of its owner's can have been dropped. One that was found away from its tree may be an
 * old copy.
 */
static int doubt(Union *u, uint64_t last_missing, bool whole, int64_t now) {
        bool spared = false;
        int r = 0;

        for (size_t i = 0; r == 0 && i < u->n_candidates; i++) {
                Candidate *c = &u->candidates[i];
                Decision *d = &c->decision;

                if (i == 0 || d->owner != c[-1].decision.owner)
                        spared = whole && !union_may_have_dropped(u, d->owner);
                if (d->action != DECISION_ALLOW || d->state != STATE_LIVE || spared)
                        continue;
                if (d->change_number < last_missing || !c->certain)
                        r = unconfirm(u, d, now);
        }
        return r;
}

/* true if no change can have come after the last that is known of. */
static bool knows_end(const Union *u) {
        if (u->journal.have_slot && u->journal.certain && u->journal.slot.end.number == u->number)
                return true;
        if (!u->have_witness)
                return false;
        return witness_knows_end(&u->witness) ||
               (u->have_mark && u->mark.number == u->number && u->log == LOG_WHOLE);
}

static int decide(Union *u, int64_t now) {
        uint64_t last_missing, untold;
        int whole, r;

        u->number = u->last;
        for (size_t i = 0; i < u->n_candidates; i++)
                if (u->candidates[i].decision.change_number > u->number)
                        u->number = u->candidates[i].decision.change_number;
        if (union_last_entry(u) > u->number)
                u->number = union_last_entry(u);
        if (u->have_mark && u->mark.number > u->number)
                u->number = u->mark.number;
        if (u->have_witness && u->witness.number > u->number)
                u->number = u->witness.number;
        r = gaps_add(&u->gaps, u->last + 1, u->number);
        if (r == 0)
                r = keep_newest(u);
        if (r == 0)
                r = union_keep_entries(u);
        if (r < 0)
                return r;
        /* History has no digests: what it alone tells of counts as known, but spares no doubt. */
        u->n_gone = gaps_missing(&u->gaps, &last_missing);
        r = keep_lines(u);
        whole = r < 0 ? r : refusals_are_whole(u);
        if (whole < 0)
                return whole;

        u->n_missing = gaps_missing(&u->gaps, &untold);
        if (!knows_end(u)) {
                last_missing = UINT64_MAX;
                whole = 0;
        } else if (u->base_damaged && u->base > last_missing)
                last_missing = u->base + 1;
        union_doubt_entries(u, last_missing, whole > 0, now);
        return doubt(u, last_missing, whole > 0, now);
}

/* -- as rows --------------------------------------------------------------------------------- */

/* The owner behind @u->names[i] and all that is said of it; only the last one of each stays. */
static void keep_names(Union *u) {
        size_t n = 0;

        sort(u->names, u->n_names, sizeof(*u->names), compare_names);
        for (size_t i = 0; i < u->n_names; i++) {
                Name *name = &u->names[i];

                if (n > 0 && u->names[n - 1].owner == name->owner) {
                        Name *before = &u->names[n - 1];

                        if (before->last_id > name->last_id)
                                name->last_id = before->last_id;
                        if (before->last_history > name->last_history)
                                name->last_history = before->last_history;
                        if (!name->name)
                                name->name = TAKE_PTR(before->name);
                        free(before->name);
                        n--;
                }
                u->names[n++] = *name;
        }
        u->n_names = n;
}

/* The last with the same digest is the one with the DER. */
static void keep_certificates(Union *u) {
        size_t n = 0;

        sort(u->kept, u->n_kept, sizeof(*u->kept), compare_kept);
        for (size_t i = 0; i < u->n_kept; i++) {
                Kept *kept = &u->kept[i];

                if (n > 0 && memcmp(u->kept[n - 1].certificate->sha256, kept->certificate->sha256,
                                    SHA256_SIZE) == 0) {
                        n--;
                        (void) certificate_facts_free(u->kept[n].certificate);
                        free(u->kept[n].der);
                }
                u->kept[n++] = *kept;
        }
        u->n_kept = n;
}

/* History has no gaps within an owner. */
static void number_lines(Union *u) {
        uint64_t number = 0;

        sort(u->lines, u->n_lines, sizeof(*u->lines), compare_lines);
        for (size_t i = 0; i < u->n_lines; i++) {
                if (i == 0 || u->lines[i].owner != u->lines[i - 1].owner)
                        number = 0;
                u->lines[i].entry.number = ++number;
        }
}

/* An owner for every decision and line, with the last id that was given; and one in any case, so that
 * there is a row to carry the number. */
static int add_owners(Union *u) {
        int r = union_add_name(u, &(Name){ .owner = OWNER_SYSTEM });

        for (size_t i = 0; r == 0 && i < u->n_candidates; i++) {
                const Decision *d = &u->candidates[i].decision;
                bool last = i + 1 == u->n_candidates ||
                            d->owner != u->candidates[i + 1].decision.owner;

                u->n_saved += d->state <= STATE_UNCONFIRMED;
                if (last)
                        r = union_add_name(u, &(Name){ .owner = d->owner, .last_id = d->id });
        }
        if (r == 0)
                r = union_add_entry_owners(u);
        for (size_t i = 0; r == 0 && i < u->n_lines; i++) {
                const Line *line = &u->lines[i];
                uint64_t id = line->entry.id;

                if (i + 1 == u->n_lines || line->owner != line[1].owner)
                        r = union_add_name(u, &(Name){ .owner = line->owner,
                                                 .last_id = id,
                                                 .last_history = line->entry.number });
        }
        return r;
}

int union_new(int directory_fd, const char *journal, const char *database, const char *log,
              int64_t now, Union **ret) {
        _cleanup_(union_freep) Union *u = calloc(1, sizeof(*u));
        int r;

        if (!u)
                return -ENOMEM;
        r = witness_read(directory_fd, &u->witness);
        u->have_witness = r > 0;
        if (r >= 0)
                r = store_log_look(directory_fd, log, &u->log);
        if (r >= 0)
                r = union_read_journal(u, directory_fd, journal);
        if (r == 0)
                r = union_read_database(u, directory_fd, database, log);
        if (r == 0)
                r = union_read_orphan(u, directory_fd, STORE_LOG_ORPHAN);
        if (r == 0)
                r = decide(u, now);
        if (r < 0)
                return r;
        number_lines(u);
        r = add_owners(u);
        if (r < 0)
                return r;
        keep_names(u);
        keep_certificates(u);
        *ret = TAKE_PTR(u);
        return 0;
}

Union *union_free(Union *u) {
        if (!u)
                return NULL;

        for (size_t i = 0; i < u->n_names; i++)
                free(u->names[i].name);
        for (size_t i = 0; i < u->n_kept; i++) {
                (void) certificate_facts_free(u->kept[i].certificate);
                free(u->kept[i].der);
        }
        gaps_done(&u->gaps);
        free(u->numbers);
        free(u->candidates);
        free(u->entries);
        free(u->lines);
        free(u->names);
        free(u->kept);
        free(u);
        return NULL;
}

void union_report(const Union *u, Mending *mending) {
        mending->n_saved = u->n_saved;
        mending->n_missing = u->n_missing;
        mending->n_unconfirmed = u->n_unconfirmed;
}

static void hand_name(Union *u, Name *name, JournalRecord *ret) {
        ret->kind = JOURNAL_OWNER;
        ret->owner = name->owner;
        ret->time = u->mark.last_write;
        ret->id = name->last_id;
        ret->last_history = name->last_history;
        ret->name = TAKE_PTR(name->name);
}

static void hand_certificate(Kept *kept, JournalRecord *ret) {
        ret->kind = JOURNAL_CERTIFICATE;
        ret->certificate = TAKE_PTR(kept->certificate);
        ret->der = TAKE_PTR(kept->der);
        ret->der_size = kept->der_size;
}

static void hand_line(const Line *line, JournalRecord *ret) {
        ret->kind = JOURNAL_HISTORY;
        ret->owner = line->owner;
        ret->history = line->entry;
        ret->change_number = line->change_number;
        /* What proves nothing must not tell how late it is: ends count by that. */
        ret->time = line->salvaged ? 0 : line->entry.time;
}

int union_next(void *userdata, JournalRecord *ret) {
        Union *u = userdata;

        *ret = (JournalRecord){ .number = u->number };
        if (u->at[0] < u->n_names)
                hand_name(u, &u->names[u->at[0]++], ret);
        else if (u->at[1] < u->n_kept)
                hand_certificate(&u->kept[u->at[1]++], ret);
        else if (u->at[2] < u->n_candidates) {
                ret->kind = JOURNAL_DECISION;
                ret->decision = u->candidates[u->at[2]++].decision;
        } else if (u->at[4] < u->n_entries) {
                ret->kind = JOURNAL_ENTRY;
                ret->entry = u->entries[u->at[4]++].entry;
        } else if (u->at[3] < u->n_lines)
                hand_line(&u->lines[u->at[3]++], ret);
        else
                return 0;
        return 1;
}

void union_progress(const Union *u, uint64_t *ret_done, uint64_t *ret_total) {
        *ret_total = u->n_names + u->n_kept + u->n_candidates + u->n_entries + u->n_lines;
        *ret_done = 0;
        for (unsigned i = 0; i < N_ELEMENTS(u->at); i++)
                *ret_done += u->at[i];
}
