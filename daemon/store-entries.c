/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Table trust: reading and writing entries, and the changes of them. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/store-write.h"

/* -- rows ----------------------------------------------------------------------------------- */

static bool read_only_for(sqlite3_stmt *st, int column, Entry *e) {
        const char *text = column_text(st, column);

        if (!text || strlen(text) > ONLY_TEXT_MAX)
                return false;
        strcpy(e->only, text);
        return true;
}

static bool read_fields(sqlite3_stmt *st, Entry *e) {
        int64_t id, kind, pin, state, number;

        if (!column_int(st, 0, OWNER_SYSTEM, UINT32_MAX, &e->owner) ||
            !column_int(st, 1, 1, INT64_MAX, &id) ||
            !column_int(st, 2, ENTRY_AUTHORITY, ENTRY_DISTRUST, &kind) ||
            !column_int(st, 3, PIN_CERTIFICATE, PIN_KEY, &pin) ||
            !column_int(st, 4, STATE_LIVE, STATE_REVOKED, &state) ||
            !column_bytes(st, 5, e->certificate_sha256, SHA256_SIZE) ||
            !column_bytes(st, 6, e->key_sha256, SHA256_SIZE) || !read_only_for(st, 7, e) ||
            !column_int(st, 8, OWNER_SYSTEM, UINT32_MAX, &e->by) ||
            !column_int(st, 9, INT64_MIN, INT64_MAX, &e->created) ||
            !column_int(st, 10, INT64_MIN, INT64_MAX, &e->changed) ||
            !column_int(st, 11, 1, INT64_MAX, &number))
                return false;
        e->id = (uint64_t) id;
        e->kind = (EntryKind) kind;
        e->pin = (DecisionPin) pin;
        e->state = (DecisionState) state;
        e->change_number = (uint64_t) number;
        return entry_is_lawful(e);
}

int row_read_entry(sqlite3_stmt *st, Entry *ret) {
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE];
        int r;

        *ret = (Entry){0};
        if (!read_fields(st, ret) || !column_bytes(st, 12, stored, sizeof(stored)))
                return -EUCLEAN;
        r = entry_digest(ret, digest);
        if (r < 0)
                return r;
        return memcmp(stored, digest, sizeof(digest)) == 0 ? 0 : -EUCLEAN;
}

static int add(EntryList *list, size_t *allocated, const Entry *e) {
        if (list->n_items == *allocated) {
                size_t n = *allocated ? 2 * *allocated : 4;
                Entry *items = reallocarray(list->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                list->items = items;
                *allocated = n;
        }
        list->items[list->n_items++] = *e;
        return 0;
}

void entry_list_done(EntryList *list) {
        free(list->items);
        *list = (EntryList){0};
}

int store_read_entries(Connection *c, int64_t owner, EntryList *ret) {
        _cleanup_(entry_list_done) EntryList list = {0};
        _cleanup_(binder_done) Binder b = {0};
        size_t allocated = 0;
        int r;

        r = binder_begin(c, STATEMENT_ENTRIES, owner, &b);
        if (r == 0)
                r = b.error;
        while (r == 0 && (r = statement_step(b.st)) > 0) {
                Entry e;

                r = row_read_entry(b.st, &e);
                if (r == 0)
                        r = add(&list, &allocated, &e);
        }
        if (r < 0)
                return r;
        *ret = list;
        list = (EntryList){0};
        return 0;
}

static int get_entry(Connection *c, int64_t owner, uint64_t id, Entry *ret) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = binder_begin(c, STATEMENT_ENTRY, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) id);
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        return row_read_entry(b.st, ret);
}

int store_entries(Store *store, int64_t owner, EntryList *ret) {
        bool doubtful = store_is_doubtful(store);
        int r;

        r = store_note(store, store_read_entries(&store->reader, owner, ret));
        for (size_t i = 0; r == 0 && doubtful && i < ret->n_items; i++) {
                Entry *e = ret->items + i;

                if (e->kind == ENTRY_AUTHORITY && e->state == STATE_LIVE)
                        e->state = STATE_UNCONFIRMED;
        }
        return r;
}

bool store_is_doubtful(const Store *store) {
        return atomic_load(&store->disagrees) || atomic_load(&store->behind);
}

/* -- writing -------------------------------------------------------------------------------- */

int write_entry(Transaction *t, const Entry *e) {
        _cleanup_(binder_done) Binder b = {0};
        uint8_t digest[SHA256_SIZE];
        int r;

        r = entry_digest(e, digest);
        if (r == 0)
                r = mark_remove_entry(t, e->owner, e->id);
        if (r == 0)
                r = binder_begin(t->c, STATEMENT_PUT_ENTRY, e->owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) e->id);
        bind_int(&b, e->kind);
        bind_int(&b, e->pin);
        bind_int(&b, e->state);
        bind_blob(&b, e->certificate_sha256, SHA256_SIZE);
        bind_blob(&b, e->key_sha256, SHA256_SIZE);
        bind_text(&b, e->only);
        bind_int(&b, e->by);
        bind_int(&b, e->created);
        bind_int(&b, e->changed);
        bind_int(&b, (int64_t) e->change_number);
        bind_blob(&b, digest, SHA256_SIZE);
        t->written = true;
        mark_add_entry(&t->mark, e, digest);
        return binder_run(&b);
}

int write_drop_entry(Transaction *t, int64_t owner, uint64_t id) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = mark_remove_entry(t, owner, id);
        if (r == 0)
                r = binder_begin(t->c, STATEMENT_DROP_ENTRY, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) id);
        return binder_run(&b);
}

/* @e as it is from now on: numbered, dated, written and recorded. */
static int write_numbered(Transaction *t, const Change *change, Entry *e) {
        int r;

        e->by = change->by;
        e->changed = change->now;
        e->change_number = ++t->mark.number;
        r = write_entry(t, e);
        return r < 0 ? r : record_entry(t, e);
}

/* -- changes -------------------------------------------------------------------------------- */

static int remove_entry(Transaction *t, const Change *change, const Entry *e) {
        Entry removed = *e;

        removed.state = STATE_REVOKED;
        return write_numbered(t, change, &removed);
}

/* Removed entries past the bound, the oldest first. */
static int trim(Transaction *t, int64_t owner) {
        _cleanup_(entry_list_done) EntryList list = {0};
        size_t n_dead = 0;
        int r;

        r = store_read_entries(t->c, owner, &list);
        for (size_t i = 0; i < list.n_items; i++)
                n_dead += list.items[i].state == STATE_REVOKED;
        while (r == 0 && n_dead-- > DEAD_ENTRIES_PER_OWNER_MAX) {
                Entry *oldest = NULL;

                for (size_t i = 0; i < list.n_items; i++) {
                        Entry *e = list.items + i;

                        if (e->state == STATE_REVOKED &&
                            (!oldest || e->change_number < oldest->change_number))
                                oldest = e;
                }
                r = write_drop_entry(t, owner, oldest->id);
                if (r == 0)
                        r = record_drop(t, owner, oldest->id);
                oldest->state = STATE_ENDED; /* gone */
        }
        return r;
}

/* 0 and @change->result as it is, or the quota that it would break. */
static int check_room(Transaction *t, Change *change) {
        _cleanup_(entry_list_done) EntryList list = {0};
        _cleanup_(binder_done) Binder b = {0};
        size_t n = 0;
        int64_t size;
        int r;

        r = store_read_entries(t->c, change->entry.owner, &list);
        for (size_t i = 0; i < list.n_items; i++)
                n += list.items[i].state != STATE_REVOKED;
        if (r == 0 && n >= ENTRIES_PER_OWNER_MAX)
                change->result = CHANGE_TOO_MANY;
        if (r < 0 || change->result != CHANGED)
                return r;

        r = binder_begin(t->c, STATEMENT_ENTRY_BYTES, change->entry.owner, &b);
        if (r == 0)
                r = b.error < 0 ? b.error : statement_step(b.st);
        if (r < 0)
                return r;
        if (r == 0 || !column_int(b.st, 0, 0, INT64_MAX, &size))
                return -EUCLEAN;
        if (change->entry.kind == ENTRY_AUTHORITY &&
            (size_t) size + change->der_size > ENTRY_BYTES_PER_OWNER_MAX)
                change->result = CHANGE_TOO_MANY_HERE;
        return change->result == CHANGED ? store_check_bytes(t, change) : 0;
}

static int add_new(Transaction *t, Change *change) {
        Entry *e = &change->entry;
        int r;

        r = check_room(t, change);
        if (r < 0 || change->result != CHANGED)
                return r;
        r = write_certificate(t, change);
        if (r == 0)
                r = write_next_id(t, e->owner, &e->id);
        if (r < 0)
                return r;
        e->created = change->now;
        r = write_numbered(t, change, e);
        return r < 0 ? r : trim(t, e->owner);
}

/* What is held already is as the person wants it now, or becomes so. */
static int update(Transaction *t, Change *change, const Entry *held) {
        Entry e = *held;
        int r;

        r = write_certificate(t, change);
        if (r < 0)
                return r;
        e.state = change->entry.state;
        strcpy(e.only, change->entry.only);
        if (held->state == STATE_LIVE && strcmp(held->only, e.only) == 0) {
                change->result = CHANGE_HELD;
                change->entry = e;
                return 0;
        }
        r = write_numbered(t, change, &e);
        if (held->state == STATE_UNCONFIRMED)
                change->result = CHANGE_CONFIRMED;
        change->entry = e;
        return r;
}

static int check_entry(const Change *change) {
        Entry e = change->entry;

        e.id = e.change_number = 1; /* given later */
        if (!change->der || e.owner != change->decision.owner || !entry_is_lawful(&e) ||
            (e.state != STATE_LIVE && !(change->imported && e.state == STATE_UNCONFIRMED)))
                return -EINVAL;
        return store_check_certificate(change);
}

int store_put_entry(Transaction *t, Change *change) {
        _cleanup_(entry_list_done) EntryList list = {0};
        const Entry *held = NULL;
        Entry *e = &change->entry;
        int r;

        /* What checks certificates, and what they cost, looks there. */
        memcpy(change->decision.certificate_sha256, e->certificate_sha256, SHA256_SIZE);
        memcpy(change->decision.key_sha256, e->key_sha256, SHA256_SIZE);
        r = check_entry(change);
        if (r == 0)
                r = write_owner(t, e->owner);
        if (r == 0)
                r = store_read_entries(t->c, e->owner, &list);
        for (size_t i = 0; r == 0 && i < list.n_items; i++) {
                if (list.items[i].state == STATE_REVOKED)
                        continue;
                if (entry_is_same(e, list.items + i))
                        held = list.items + i;
                else if (entry_is_contrary(e, list.items + i))
                        r = remove_entry(t, change, list.items + i);
        }
        if (r < 0)
                return r;
        return held ? update(t, change, held) : add_new(t, change);
}

int store_remove_entry(Transaction *t, Change *change) {
        Entry e;
        int r;

        r = get_entry(t->c, change->decision.owner, change->entry.id, &e);
        if (r == -ENOENT) {
                change->result = CHANGE_UNKNOWN;
                return 0;
        }
        if (r < 0)
                return r;
        if (e.state == STATE_REVOKED)
                change->result = CHANGE_HELD;
        else {
                e.state = STATE_REVOKED;
                r = write_numbered(t, change, &e);
                if (r == 0)
                        r = trim(t, e.owner);
        }
        change->entry = e;
        return r;
}

int store_unconfirm_entries(Transaction *t, const Change *change) {
        _cleanup_(entry_list_done) EntryList list = {0};
        int r;

        r = store_read_entries(t->c, change->decision.owner, &list);
        for (size_t i = 0; r == 0 && i < list.n_items; i++) {
                Entry e = list.items[i];

                if (e.kind != ENTRY_AUTHORITY || e.state != STATE_LIVE)
                        continue;
                e.state = STATE_UNCONFIRMED;
                r = write_numbered(t, change, &e);
        }
        return r;
}
