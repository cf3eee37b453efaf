/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Authorities of an import inside its transaction: each is compared with what is held here, then put as
 * any other is. */
#include "config.h"

#include <errno.h>

#include "daemon/only.h"
#include "daemon/store-import.h"
#include "daemon/store-write.h"

/* What @old, which is about the same, makes of @new. */
static ImportOutcome compare(const Entry *new, const Entry *old) {
        if (old->state == STATE_UNCONFIRMED)
                return new->state == STATE_UNCONFIRMED ? IMPORT_HELD : IMPORT_UNCONFIRMED;
        if (new->kind == ENTRY_AUTHORITY && !only_is_within(new->only, old->only))
                return IMPORT_WIDER;
        return IMPORT_HELD;
}

/* What was removed counts only where nothing was said since. */
static ImportOutcome compare_all(const Entry *new, const EntryList *here) {
        ImportOutcome outcome = IMPORT_PENDING;

        for (size_t i = 0; i < here->n_items; i++) {
                const Entry *old = here->items + i;

                if (old->state == STATE_REVOKED) {
                        if (outcome == IMPORT_PENDING && entry_is_same(new, old))
                                outcome = IMPORT_REVOKED;
                } else if (entry_is_contrary(new, old))
                        return new->kind == ENTRY_AUTHORITY ? IMPORT_DISTRUSTED : IMPORT_TRUSTED;
                else if (entry_is_same(new, old))
                        outcome = compare(new, old);
        }
        return outcome;
}

/* As a change of its own; what it borrows from the item stays there. */
static int put(Transaction *t, const Change *change, ImportAuthority *item) {
        Change one = {.action = CHANGE_ENTRY,
                      .decision = {.owner = item->entry.owner},
                      .entry = item->entry,
                      .certificate = item->certificate,
                      .der = item->der,
                      .der_size = item->der_size,
                      .imported = true,
                      .by = change->by,
                      .now = change->now};
        int r;

        r = store_put_entry(t, &one);
        if (r < 0)
                return r;
        item->entry = one.entry;
        /* What is too much of authorities are their bytes. */
        item->outcome = one.result == CHANGE_TOO_MANY_HERE ? IMPORT_TOO_LARGE
                                                           : store_import_outcome(one.result);
        return 0;
}

int store_import_authority(Transaction *t, const Change *change, ImportAuthority *item) {
        _cleanup_(entry_list_done) EntryList here = {0};
        int r = 0;

        if (item->outcome == IMPORT_PENDING) {
                r = store_read_entries(t->c, item->entry.owner, &here);
                if (r < 0)
                        return r;
                item->outcome = compare_all(&item->entry, &here);
        }
        if (item->outcome == IMPORT_PENDING ||
            (import_is_conflict(item->outcome) && change->import->replace))
                r = put(t, change, item);
        return r;
}
