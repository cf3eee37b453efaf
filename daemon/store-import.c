/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Importing decisions inside a transaction: each is compared with what is held here, then added as any
 * other is; and if one may not be, none was. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/store-import.h"
#include "daemon/store-write.h"

Import *import_free(Import *import) {
        if (!import)
                return NULL;

        for (size_t i = 0; i < import->n_items; i++)
                (void) certificate_facts_free(import->items[i].certificate);
        for (size_t i = 0; i < import->n_authorities; i++)
                (void) certificate_facts_free(import->authorities[i].certificate);
        for (size_t i = 0; i < import->n_ders; i++)
                free(import->ders[i]);
        free(import->ders);
        free(import->items);
        free(import->authorities);
        free(import);
        return NULL;
}

bool import_is_conflict(ImportOutcome outcome) {
        return outcome >= IMPORT_WIDER && outcome <= IMPORT_UNCONFIRMED;
}

bool import_is_refusal(ImportOutcome outcome) {
        return outcome >= IMPORT_NOT_EXCEPTABLE;
}

/* Never comes last. */
static bool ends_later(const Decision *a, const Decision *b) {
        if (b->end == END_NEVER)
                return false;
        return a->end == END_NEVER || b->end != END_DATE || a->until > b->until;
}

/* What @old, which is about the same, makes of @new. */
static ImportOutcome compare(const Decision *new, const Decision *old) {
        if (old->state == STATE_UNCONFIRMED)
                return new->state == STATE_UNCONFIRMED ? IMPORT_HELD : IMPORT_UNCONFIRMED;
        if (new->problems & ~old->problems)
                return IMPORT_WIDER;
        return ends_later(new, old) ? IMPORT_LATER : IMPORT_HELD;
}

/* Of several that are held, the one that says most counts. */
static ImportOutcome compare_held(const Decision *new, const StoredDecisions *here) {
        ImportOutcome outcome = IMPORT_PENDING;

        for (size_t i = 0; i < here->n_items; i++) {
                const Decision *old = &here->items[i].decision;
                ImportOutcome this = IMPORT_PENDING;

                if (!here->items[i].good)
                        continue;
                if (store_is_contrary(new, old))
                        return new->action == DECISION_ALLOW ? IMPORT_DENIED : IMPORT_ALLOWED;
                if (old->action == new->action && store_same_target(old, new))
                        this = compare(new, old);
                if (this == IMPORT_HELD || outcome == IMPORT_PENDING)
                        outcome = this == IMPORT_PENDING ? outcome : this;
        }
        return outcome;
}

/* Whether the same was taken back here. */
static int was_revoked(Transaction *t, const Decision *new) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = binder_begin(t->c, STATEMENT_FIND_REVOKED, new->owner, &b);
        if (r < 0)
                return r;
        bind_text(&b, new->host);
        bind_int(&b, new->port);
        r = b.error;
        while (r == 0 && (r = statement_step(b.st)) > 0) {
                Decision old;

                r = row_read_decision(b.st, &old);
                if (r > 0 && old.action == new->action && store_same_target(&old, new))
                        return 1;
                r = r < 0 ? r : 0;
        }
        return r;
}

/* What was here before the import makes of it. */
static int look_here(Transaction *t, ImportItem *item, int64_t now) {
        const Decision *d = &item->decision;
        StoredDecisions here;
        int r;

        if (item->outcome != IMPORT_PENDING)
                return 0;
        if (d->end == END_DATE && d->until <= now) {
                item->outcome = IMPORT_ENDED;
                return 0;
        }

        r = store_read_open(t, d, &here);
        if (r < 0)
                return r;
        item->outcome = compare_held(d, &here);
        if (item->outcome != IMPORT_PENDING)
                return 0;
        r = was_revoked(t, d);
        if (r > 0)
                item->outcome = IMPORT_REVOKED;
        return r < 0 ? r : 0;
}

ImportOutcome store_import_outcome(ChangeResult result) {
        switch (result) {
        case CHANGED:
        case CHANGE_CONFIRMED:
                return IMPORT_ADDED;
        case CHANGE_HELD:
                return IMPORT_HELD;
        case CHANGE_TOO_MANY:
                return IMPORT_TOO_MANY;
        case CHANGE_TOO_MANY_HERE:
                return IMPORT_TOO_MANY_HERE;
        case CHANGE_TOO_LARGE:
        case CHANGE_UNKNOWN:
        case CHANGE_REFUSED:
                break;
        }
        return IMPORT_TOO_LARGE;
}

static int take_others(Change *change, const Change *one) {
        Decision *others;

        if (one->n_others == 0)
                return 0;
        others = reallocarray(change->others, change->n_others + one->n_others, sizeof(*others));
        if (!others)
                return -ENOMEM;
        change->others = others;
        memcpy(others + change->n_others, one->others, one->n_others * sizeof(*others));
        change->n_others += one->n_others;
        return 0;
}

/* As a change of its own; what it borrows from the item goes back. */
static int add(Transaction *t, Change *change, ImportItem *item) {
        Change one = {.action = CHANGE_ADD,
                      .decision = item->decision,
                      .certificate = item->certificate,
                      .der = item->der,
                      .der_size = item->der_size,
                      .imported = true,
                      .by = change->by,
                      .now = change->now};
        int r;

        r = store_add(t, &one);
        if (r == 0) {
                item->decision = one.decision;
                item->outcome = store_import_outcome(one.result);
                r = take_others(change, &one);
        }
        free(one.others);
        return r;
}

/* What came with the same import may say more, or less, of the same than what came first, as it did where it
 * was exported; but it is no import that says yes and no. */
static int look_among_own(Transaction *t, ImportItem *item) {
        StoredDecisions here;
        ImportOutcome outcome;
        int r;

        r = store_read_open(t, &item->decision, &here);
        if (r < 0)
                return r;
        outcome = compare_held(&item->decision, &here);
        if (outcome == IMPORT_DENIED || outcome == IMPORT_ALLOWED)
                item->outcome = outcome;
        return 0;
}

static int import_item(Transaction *t, Change *change, ImportItem *item) {
        int r = 0;

        if (item->outcome == IMPORT_PENDING)
                r = look_among_own(t, item);
        if (r < 0)
                return r;
        if (item->outcome == IMPORT_PENDING ||
            (import_is_conflict(item->outcome) && change->import->replace))
                return add(t, change, item);
        return 0;
}

static bool stands_in_the_way(const Import *import, ImportOutcome outcome) {
        return !import->skip && (import_is_conflict(outcome) || import_is_refusal(outcome));
}

int store_import(Transaction *t, Change *change) {
        Import *import = change->import;
        int64_t now = change->now > t->mark.last_write ? change->now : t->mark.last_write;
        bool refused = import->dry_run;
        int r = write_owner(t, change->decision.owner);

        for (size_t i = 0; r == 0 && i < import->n_items; i++)
                r = look_here(t, import->items + i, now);
        for (size_t i = 0; r == 0 && i < import->n_items; i++) {
                r = import_item(t, change, import->items + i);
                refused = refused || stands_in_the_way(import, import->items[i].outcome);
        }
        for (size_t i = 0; r == 0 && i < import->n_authorities; i++) {
                r = store_import_authority(t, change, import->authorities + i);
                refused = refused || stands_in_the_way(import, import->authorities[i].outcome);
        }
        if (r == 0 && refused)
                change->result = CHANGE_REFUSED;
        import->stored = r == 0 && !refused;
        return r;
}
