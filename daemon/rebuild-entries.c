/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Union, table trust: as with decisions the newest state of each entry counts, and an authority that
 * may have been removed since must be confirmed. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rebuild-private.h"

static int compare_numbers(uint64_t a, uint64_t b) {
        return a < b ? -1 : a > b;
}

/* By entry, the oldest state first; a drop carries the number of a change before it. */
static int compare_found(const void *a, const void *b) {
        const FoundEntry *x = a, *y = b;
        int r = x->entry.owner < y->entry.owner ? -1 : x->entry.owner > y->entry.owner;

        if (r == 0)
                r = compare_numbers(x->entry.id, y->entry.id);
        if (r == 0)
                r = compare_numbers(x->entry.change_number, y->entry.change_number);
        return r == 0 ? (int) x->dropped - (int) y->dropped : r;
}

static bool same_entry(const FoundEntry *a, const FoundEntry *b) {
        return a->entry.owner == b->entry.owner && a->entry.id == b->entry.id;
}

int union_keep_entries(Union *u) {
        size_t n = 0;

        if (u->n_entries > 1)
                qsort(u->entries, u->n_entries, sizeof(*u->entries), compare_found);
        for (size_t i = 0; i < u->n_entries; i++) {
                const FoundEntry *f = &u->entries[i];
                bool newest = i + 1 == u->n_entries || !same_entry(f, f + 1);

                if (f->salvaged && gaps_found(&u->gaps, f->entry.change_number) < 0)
                        return -ENOMEM;
                if (newest && !f->dropped)
                        u->entries[n++] = *f;
        }
        u->n_entries = n;
        return 0;
}

int union_add_refusing_entries(const Union *u, RefusalSet *set) {
        for (size_t i = 0; i < u->n_entries; i++) {
                uint8_t digest[SHA256_SIZE];
                int r;

                r = entry_digest(&u->entries[i].entry, digest);
                if (r < 0)
                        return r;
                refusals_add_entry(set, &u->entries[i].entry, digest);
        }
        return 0;
}

void union_doubt_entries(Union *u, uint64_t last_missing, bool whole, int64_t now) {
        for (size_t i = 0; i < u->n_entries; i++) {
                FoundEntry *f = &u->entries[i];
                Entry *e = &f->entry;

                if (e->kind != ENTRY_AUTHORITY || e->state != STATE_LIVE ||
                    (e->change_number >= last_missing && f->certain) ||
                    (whole && !union_may_have_dropped(u, e->owner)))
                        continue;
                e->state = STATE_UNCONFIRMED;
                e->changed = now;
                e->change_number = ++u->number;
                u->n_unconfirmed++;
        }
}

uint64_t union_last_entry(const Union *u) {
        uint64_t last = 0;

        for (size_t i = 0; i < u->n_entries; i++)
                if (u->entries[i].entry.change_number > last)
                        last = u->entries[i].entry.change_number;
        return last;
}

int union_add_entry_owners(Union *u) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < u->n_entries; i++)
                r = union_add_name(u, &(Name){ .owner = u->entries[i].entry.owner,
                                               .last_id = u->entries[i].entry.id });
        return r;
}
