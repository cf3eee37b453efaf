/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Salvage: the way through the pages, and from rows to what they stand for. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/salvage-records.h"
#include "daemon/salvage.h"
#include "daemon/store-private.h"

/* Columns of the rows that are looked for. No other table has as many in a tree of that kind, but
 * certificates and owners, which the second column tells apart. */
#define COLUMNS_DECISION    18U
#define COLUMNS_HISTORY     10U
#define COLUMNS_CERTIFICATE 11U
#define COLUMNS_OWNER       11U
#define COLUMNS_MARK        10U
#define COLUMNS_ENTRY       13U
#define COLUMNS_SEEN        5U

/* -- values ---------------------------------------------------------------------------------- */

static bool get_int(const Value *v, int64_t min, int64_t max, int64_t *ret) {
        if (v->kind != VALUE_INT || v->number < min || v->number > max)
                return false;
        *ret = v->number;
        return true;
}

static bool get_bytes(const Value *v, uint8_t *ret, size_t size) {
        if (v->kind != VALUE_BLOB || v->size != size)
                return false;
        memcpy(ret, v->bytes, size);
        return true;
}

/* Into @size bytes at @ret, with a NUL behind it and none inside. */
static bool get_text(const Value *v, char *ret, size_t size) {
        if (v->kind != VALUE_TEXT || v->size >= size || memchr(v->bytes, '\0', v->size))
                return false;
        memcpy(ret, v->bytes, v->size);
        ret[v->size] = '\0';
        return true;
}

/* A copy (free()), NULL if it is none or there is no memory for it. */
static char *copy_text(const Value *v) {
        if (v->kind != VALUE_TEXT || memchr(v->bytes, '\0', v->size))
                return NULL;
        return strndup((const char *) v->bytes, v->size);
}

/* -- rows ------------------------------------------------------------------------------------ */

static bool get_end(const Value *v, Decision *d) {
        int64_t login;

        switch (d->end) {
        case END_NEVER:
                return true;
        case END_DATE:
                return get_int(v, INT64_MIN, INT64_MAX, &d->until);
        case END_SESSION:
                if (!get_bytes(v + 1, d->session.boot_id, BOOT_ID_SIZE) ||
                    !get_int(v + 2, INT64_MIN, INT64_MAX, &login))
                        return false;
                d->session.login_usec = (uint64_t) login;
                d->session.known = true;
                return true;
        }
        return false;
}

/* The columns of the key come first in a table without rowids. */
static bool get_decision(const Value *v, Decision *d) {
        int64_t id, action, pin, state, port, problems, end, number;

        if (!get_int(v, OWNER_SYSTEM, UINT32_MAX, &d->owner) ||
            !get_text(v + 1, d->host, sizeof(d->host)) || !get_int(v + 2, 1, UINT16_MAX, &port) ||
            !get_int(v + 3, STATE_LIVE, STATE_REVOKED, &state) ||
            !get_int(v + 4, 1, INT64_MAX, &id) ||
            !get_int(v + 5, DECISION_ALLOW, DECISION_DENY, &action) ||
            !get_int(v + 6, PIN_CERTIFICATE, PIN_KEY, &pin) ||
            !get_bytes(v + 7, d->certificate_sha256, SHA256_SIZE) ||
            !get_bytes(v + 8, d->key_sha256, SHA256_SIZE) ||
            !get_int(v + 9, 0, UINT32_MAX, &problems) ||
            !get_int(v + 10, END_NEVER, END_SESSION, &end) ||
            !get_int(v + 14, INT64_MIN, INT64_MAX, &d->created) ||
            !get_int(v + 15, INT64_MIN, INT64_MAX, &d->changed) ||
            !get_int(v + 16, 1, INT64_MAX, &number))
                return false;
        d->port = (uint16_t) port;
        d->state = (DecisionState) state;
        d->id = (uint64_t) id;
        d->action = (DecisionAction) action;
        d->pin = (DecisionPin) pin;
        d->problems = (ProblemSet) problems;
        d->end = (DecisionEnd) end;
        d->change_number = (uint64_t) number;
        return *d->host != '\0' && get_end(v + 11, d);
}

static int found_decision(const Row *row, bool reached, const SalvageFound *found) {
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE];
        Decision d = { 0 };
        int r;

        if (!get_decision(row->values, &d) || !get_bytes(row->values + 17, stored, sizeof(stored)))
                return 0;
        r = decision_digest(&d, digest);
        if (r < 0 || memcmp(stored, digest, sizeof(digest)) != 0)
                return r;
        return found->decision(&d, reached, found->userdata);
}

static bool get_entry(const Value *v, Entry *e) {
        int64_t id, kind, pin, state, number;

        if (!get_int(v, OWNER_SYSTEM, UINT32_MAX, &e->owner) ||
            !get_int(v + 1, 1, INT64_MAX, &id) ||
            !get_int(v + 2, ENTRY_AUTHORITY, ENTRY_DISTRUST, &kind) ||
            !get_int(v + 3, PIN_CERTIFICATE, PIN_KEY, &pin) ||
            !get_int(v + 4, STATE_LIVE, STATE_REVOKED, &state) ||
            !get_bytes(v + 5, e->certificate_sha256, SHA256_SIZE) ||
            !get_bytes(v + 6, e->key_sha256, SHA256_SIZE) ||
            !get_text(v + 7, e->only, sizeof(e->only)) ||
            !get_int(v + 8, OWNER_SYSTEM, UINT32_MAX, &e->by) ||
            !get_int(v + 9, INT64_MIN, INT64_MAX, &e->created) ||
            !get_int(v + 10, INT64_MIN, INT64_MAX, &e->changed) ||
            !get_int(v + 11, 1, INT64_MAX, &number))
                return false;
        e->id = (uint64_t) id;
        e->kind = (EntryKind) kind;
        e->pin = (DecisionPin) pin;
        e->state = (DecisionState) state;
        e->change_number = (uint64_t) number;
        return entry_is_lawful(e);
}

static int found_entry(const Row *row, bool reached, const SalvageFound *found) {
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE];
        Entry e = { 0 };
        int r;

        if (!get_entry(row->values, &e) || !get_bytes(row->values + 12, stored, sizeof(stored)))
                return 0;
        r = entry_digest(&e, digest);
        if (r < 0 || memcmp(stored, digest, sizeof(digest)) != 0)
                return r;
        return found->entry(&e, reached, found->userdata);
}

static int found_history(const Row *row, const SalvageFound *found) {
        int64_t owner, number, change_number, kind, id, port;
        HistoryEntry e = { 0 };
        const Value *v = row->values;

        if (!get_int(v, OWNER_SYSTEM, UINT32_MAX, &owner) ||
            !get_int(v + 1, 1, INT64_MAX, &number) ||
            !get_int(v + 2, 1, INT64_MAX, &change_number) ||
            !get_int(v + 3, INT64_MIN, INT64_MAX, &e.time) ||
            !get_int(v + 4, HISTORY_ALLOWED, HISTORY_UNCONFIRMED, &kind) ||
            !get_int(v + 5, 1, INT64_MAX, &id) ||
            !get_int(v + 6, OWNER_SYSTEM, UINT32_MAX, &e.by) ||
            !get_text(v + 7, e.host, sizeof(e.host)) || !get_int(v + 8, 1, UINT16_MAX, &port) ||
            !get_bytes(v + 9, e.sha256, SHA256_SIZE) || !host_is_plain(e.host))
                return 0;
        e.number = (uint64_t) number;
        e.kind = (HistoryKind) kind;
        e.id = (uint64_t) id;
        e.port = (uint16_t) port;
        return found->history(owner, &e, (uint64_t) change_number, found->userdata);
}

/* Names, each ended by its NUL. */
static bool get_names(const Value *v, CertificateFacts *c) {
        size_t n = 0;

        if (v->kind != VALUE_BLOB || (v->size > 0 && v->bytes[v->size - 1] != '\0'))
                return false;
        for (size_t i = 0; i < v->size; i++)
                n += v->bytes[i] == '\0';
        c->names = calloc(n + 1, sizeof(*c->names));
        for (size_t at = 0; c->names && at < v->size; c->n_names++) {
                c->names[c->n_names] = strdup((const char *) v->bytes + at);
                if (!c->names[c->n_names])
                        return false;
                at += strlen(c->names[c->n_names]) + 1;
        }
        return c->names;
}

static bool get_certificate(const Value *v, CertificateFacts *c) {
        c->subject = copy_text(v + 3);
        c->issuer = copy_text(v + 4);
        c->serial = copy_text(v + 5);
        return get_bytes(v + 1, c->sha256, SHA256_SIZE) &&
               get_bytes(v + 2, c->key_sha256, SHA256_SIZE) && c->subject && c->issuer &&
               c->serial && get_names(v + 6, c) &&
               get_int(v + 7, INT64_MIN, INT64_MAX, &c->not_before) &&
               get_int(v + 8, INT64_MIN, INT64_MAX, &c->not_after);
}

static int found_certificate(const Row *row, const SalvageFound *found) {
        _cleanup_(certificate_facts_freep) CertificateFacts *c = calloc(1, sizeof(*c));
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE];
        const Value *der = row->values + 10;
        bool whole = der->kind == VALUE_BLOB && der->size > 0;
        int r;

        if (!c)
                return -ENOMEM;
        if (!get_certificate(row->values, c) ||
            !get_bytes(row->values + 9, stored, sizeof(stored)))
                return 0;
        r = row_certificate_digest(c, digest);
        if (r < 0 || memcmp(stored, digest, sizeof(digest)) != 0)
                return r;
        if (whole) {
                r = sha256(der->bytes, der->size, digest);
                if (r < 0)
                        return r;
                whole = memcmp(digest, c->sha256, sizeof(digest)) == 0;
        }
        return found->certificate(c, whole ? der->bytes : NULL, whole ? der->size : 0,
                                  found->userdata);
}

static int found_owner(const Row *row, const SalvageFound *found) {
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE];
        char name[STORE_NAME_MAX + 1];
        int r;

        if (row->rowid < OWNER_SYSTEM || row->rowid > UINT32_MAX ||
            !get_text(row->values + 1, name, sizeof(name)) ||
            !get_bytes(row->values + 2, stored, sizeof(stored)))
                return 0;
        r = row_name_digest(row->rowid, name, digest);
        if (r < 0 || memcmp(stored, digest, sizeof(digest)) != 0)
                return r;
        return found->name(row->rowid, name, found->userdata);
}

static int found_mark(const Row *row, const SalvageFound *found) {
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE], standing[STANDING_SIZE];
        const Value *v = row->values;
        StoreMark m = { .counted = true };
        SalvageMark mark = { .counted = true };
        int64_t number, length = 0, n;
        int r;

        m.journaled = get_bytes(v + 3, m.journal_id, sizeof(m.journal_id));
        if (!get_int(v + 1, 0, INT64_MAX - 1, &number) ||
            !get_int(v + 2, INT64_MIN, INT64_MAX, &m.last_write) ||
            (m.journaled && (!get_int(v + 4, 0, INT64_MAX, &length) ||
                             !get_bytes(v + 5, m.place.digest, sizeof(m.place.digest)))) ||
            !get_int(v + 6, 0, INT64_MAX, &n) ||
            !get_bytes(v + 7, m.refusals.digest, sizeof(m.refusals.digest)) ||
            !get_bytes(v + 8, standing, sizeof(standing)) ||
            !get_bytes(v + 9, stored, sizeof(stored)))
                return 0;
        m.number = mark.number = (uint64_t) number;
        m.place.offset = (uint64_t) length;
        mark.last_write = m.last_write;
        mark.journaled = m.journaled;
        memcpy(mark.journal_id, m.journal_id, sizeof(mark.journal_id));
        standing_unpack(standing, &m.standing);
        m.refusals.n = mark.n_refusals = (uint64_t) n;
        memcpy(mark.refusals, m.refusals.digest, SHA256_SIZE);
        r = store_mark_digest(&m, digest);
        if (r < 0 || memcmp(stored, digest, sizeof(digest)) != 0)
                return r;
        return found->mark(&mark, found->userdata);
}

static int found_seen(const Row *row, const SalvageFound *found) {
        const Value *v = row->values;
        SeenRow seen = { 0 };
        int64_t port;

        if (!get_int(v, OWNER_SYSTEM, UINT32_MAX, &seen.owner) ||
            !get_text(v + 1, seen.host, sizeof(seen.host)) ||
            !get_int(v + 2, 1, UINT16_MAX, &port) ||
            !get_bytes(v + 3, seen.sha256, SHA256_SIZE) ||
            !get_int(v + 4, INT64_MIN, INT64_MAX, &seen.time) || !host_is_plain(seen.host))
                return 0;
        seen.port = (uint16_t) port;
        return found->seen(&seen, found->userdata);
}

static int found_row(PageKind kind, const Row *row, bool reached, const SalvageFound *found) {
        if (kind == PAGE_TABLE_LEAF) {
                if (row->n_values == COLUMNS_CERTIFICATE && row->values[1].kind == VALUE_BLOB)
                        return found->certificate ? found_certificate(row, found) : 0;
                if (row->n_values == COLUMNS_OWNER)
                        return found->name ? found_owner(row, found) : 0;
                return row->n_values == COLUMNS_MARK && reached && found->mark ? found_mark(row, found)
                                                                       : 0;
        }
        if (row->n_values == COLUMNS_DECISION)
                return found->decision ? found_decision(row, reached, found) : 0;
        if (row->n_values == COLUMNS_ENTRY)
                return found->entry ? found_entry(row, reached, found) : 0;
        if (row->n_values == COLUMNS_SEEN)
                return found->seen ? found_seen(row, found) : 0;
        return row->n_values == COLUMNS_HISTORY && found->history ? found_history(row, found) : 0;
}

/* -- pages ----------------------------------------------------------------------------------- */

/* One search. */
typedef struct Walk {
        Pages *pages;
        const SalvageFound *found;
        Row row;
        uint8_t *bytes;   /* the page in hand */
        uint8_t *reached; /* by page number: it has been looked at */
        uint32_t *next;   /* pages that are still to be looked at; each comes once */
        uint32_t n_next;
} Walk;

static void walk_done(Walk *w) {
        row_done(&w->row);
        free(w->bytes);
        free(w->reached);
        free(w->next);
        (void) pages_free(w->pages);
}

static int walk_begin(Walk *w) {
        size_t n = (size_t) pages_count(w->pages) + 1;

        w->bytes = malloc(pages_size(w->pages));
        w->reached = calloc(n, 1);
        w->next = calloc(n, sizeof(*w->next));
        return w->bytes && w->reached && w->next ? row_new(w->pages, &w->row) : -ENOMEM;
}

static int find_rows(Walk *w, const Page *page, bool reached) {
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < page->n_cells; i++)
                if (page_row(w->pages, page, i, &w->row))
                        r = found_row(page->kind, &w->row, reached, w->found);
        return r;
}

static void walk_add(Walk *w, uint32_t number) {
        if (number == 0 || number > pages_count(w->pages) || w->reached[number] ||
            pages_is_unused(w->pages, number))
                return;
        w->reached[number] = 1;
        w->next[w->n_next++] = number;
}

static void add_children(Walk *w, const Page *page) {
        if (page->kind != PAGE_INDEX_INNER && page->kind != PAGE_TABLE_INNER)
                return;
        for (uint32_t i = 0; i <= page->n_cells; i++)
                walk_add(w, page_child(w->pages, page, i));
}

static int walk_tree(Walk *w, uint32_t root) {
        int r = 0;

        walk_add(w, root);
        while (r == 0 && w->n_next > 0) {
                uint32_t number = w->next[--w->n_next];
                Page page;

                if (pages_read(w->pages, number, w->bytes) == 0)
                        continue;
                page_parse(w->pages, number, w->bytes, &page);
                add_children(w, &page);
                r = find_rows(w, &page, true);
        }
        return r;
}

/* Pages that no whole page led to. */
static int walk_rest(Walk *w) {
        int r = 0;

        for (uint32_t i = 1; r == 0 && i <= pages_count(w->pages); i++) {
                Page page;

                if (w->reached[i] || pages_is_unused(w->pages, i) ||
                    pages_read(w->pages, i, w->bytes) == 0)
                        continue;
                page_parse(w->pages, i, w->bytes, &page);
                r = find_rows(w, &page, false);
        }
        return r;
}

int salvage(int directory_fd, const char *database, const char *log, const SalvageRoots *roots,
            const SalvageFound *found) {
        const uint32_t trees[] = { roots->decision, roots->certificate, roots->owner,
                                   roots->history, roots->store, roots->trust, roots->seen };
        _cleanup_(walk_done) Walk w = { .found = found };
        int r;

        r = pages_open(directory_fd, database, log, &w.pages);
        if (r == 0)
                r = walk_begin(&w);
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(trees); i++)
                r = walk_tree(&w, trees[i]);
        return r < 0 ? r : walk_rest(&w);
}
