/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adding a decision: what is held already, what gives way to it, and what an owner may keep. All of
 * it is looked up inside the transaction that writes.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/store-write.h"

/* A certificate that is not what it is said to be would be found damaged at the first reading. */
int store_check_certificate(const Change *change) {
        const Decision *d = &change->decision;
        const CertificateFacts *c = change->certificate;
        uint8_t digest[SHA256_SIZE];
        int r;

        if (!c || memcmp(c->sha256, d->certificate_sha256, SHA256_SIZE) != 0 ||
            memcmp(c->key_sha256, d->key_sha256, SHA256_SIZE) != 0)
                return -EINVAL;
        if (!change->der)
                return 0;
        if (change->der_size == 0 || change->der_size > CERTIFICATE_BYTES_MAX)
                return -EINVAL;
        r = sha256(change->der, change->der_size, digest);
        if (r < 0)
                return r;
        return memcmp(digest, c->sha256, SHA256_SIZE) == 0 ? 0 : -EINVAL;
}

static int check_decision(const Decision *d) {
        bool allow = d->action == DECISION_ALLOW;

        if (!allow && d->action != DECISION_DENY)
                return -EINVAL;
        if (d->pin != PIN_CERTIFICATE && d->pin != PIN_KEY)
                return -EINVAL;
        if (d->owner < OWNER_SYSTEM || d->owner > UINT32_MAX || !*d->host || d->port == 0)
                return -EINVAL;
        if (allow && d->problems == 0 && d->state != STATE_UNCONFIRMED)
                return -EINVAL;
        if (allow && (d->problems & (problem_set_never | ~problem_set_all)))
                return -EINVAL;
        if (d->end != END_NEVER && d->end != END_DATE && d->end != END_SESSION)
                return -EINVAL;
        /* It would be over before it began, or nobody could tell when. */
        return d->end == END_SESSION && !d->session.known ? -EINVAL : 0;
}

/* Fields that do not count are empty, so that the same decision is the same bytes. */
static void normalise(Decision *d, int64_t now) {
        d->created = now;
        if (d->action == DECISION_DENY)
                d->problems = 0;
        if (d->end != END_DATE)
                d->until = 0;
        if (d->end != END_SESSION)
                d->session = (Session){0};
}

/* What is live or unconfirmed of the owner at the endpoint. */
int store_read_open(Transaction *t, const Decision *at, StoredDecisions *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        Binder b = {0};
        int r;

        r = connection_statement(t->c, STATEMENT_FIND, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_int(&b, at->owner);
        bind_text(&b, at->host);
        bind_int(&b, at->port);
        if (b.error < 0)
                return b.error;

        ret->n_items = 0;
        while ((r = statement_step(st)) > 0 && ret->n_items < N_ELEMENTS(ret->items)) {
                StoredDecision *s = ret->items + ret->n_items;

                r = row_read_decision(st, &s->decision);
                if (r < 0)
                        return r;
                s->good = r > 0;
                if (s->good && s->decision.state == STATE_ENDED)
                        return 0; /* rows come in the order of their states */
                s->decision.owner = at->owner;
                ret->n_items++;
        }
        return r < 0 ? r : 0;
}

bool store_same_target(const Decision *a, const Decision *b) {
        if (a->pin != b->pin)
                return false;
        return a->pin == PIN_KEY
                       ? memcmp(a->key_sha256, b->key_sha256, SHA256_SIZE) == 0
                       : memcmp(a->certificate_sha256, b->certificate_sha256, SHA256_SIZE) == 0;
}

static bool same_end(const Decision *a, const Decision *b) {
        return a->end == b->end && a->until == b->until &&
               a->session.login_usec == b->session.login_usec &&
               memcmp(a->session.boot_id, b->session.boot_id, BOOT_ID_SIZE) == 0;
}

/* See store.h, CHANGE_ADD. */
bool store_is_contrary(const Decision *new, const Decision *old) {
        if (old->action == new->action)
                return false;
        if (new->action == DECISION_ALLOW)
                return decision_matches(old, new->certificate_sha256, new->key_sha256);
        if (new->pin == PIN_KEY)
                return memcmp(old->key_sha256, new->key_sha256, SHA256_SIZE) == 0;
        return old->pin == PIN_CERTIFICATE &&
               memcmp(old->certificate_sha256, new->certificate_sha256, SHA256_SIZE) == 0;
}

/* A damaged row that is about this leaf is settled by what the person says now. */
static bool is_settled(const Decision *new, const Decision *damaged) {
        return memcmp(damaged->certificate_sha256, new->certificate_sha256, SHA256_SIZE) == 0 ||
               memcmp(damaged->key_sha256, new->key_sha256, SHA256_SIZE) == 0;
}

static int revoke_damaged(Transaction *t, Change *change, Decision damaged) {
        damaged.problems = damaged.action == DECISION_ALLOW ? damaged.problems : 0;
        damaged.end = END_NEVER;
        return write_other(t, change, &damaged, STATE_REVOKED, HISTORY_REVOKED);
}

static int revoke_contrary(Transaction *t, Change *change, const StoredDecisions *here) {
        const Decision *new = &change->decision;
        int r = 0;

        for (size_t i = 0; r == 0 && i < here->n_items; i++) {
                const StoredDecision *s = here->items + i;

                if (!s->good && is_settled(new, &s->decision))
                        r = revoke_damaged(t, change, s->decision);
                else if (s->good && store_is_contrary(new, &s->decision))
                        r = write_other(t, change, &s->decision, STATE_REVOKED, HISTORY_REVOKED);
        }
        return r;
}

/* The same decision, live; else one that waits for this confirmation; else NULL. */
static const Decision *find_held(const Decision *new, const StoredDecisions *here) {
        const Decision *unconfirmed = NULL;

        for (size_t i = 0; i < here->n_items; i++) {
                const Decision *d = &here->items[i].decision;

                if (!here->items[i].good || d->action != new->action || !store_same_target(d, new))
                        continue;
                if (d->state == STATE_UNCONFIRMED)
                        unconfirmed = d;
                else if (d->problems == new->problems && same_end(d, new))
                        return d;
        }
        return unconfirmed;
}

static int confirm(Transaction *t, Change *change, const Decision *held) {
        Decision d = *held;
        int r;

        d.state = STATE_LIVE;
        d.problems = change->decision.problems;
        d.end = change->decision.end;
        d.until = change->decision.until;
        d.session = change->decision.session;

        r = write_changed(t, change, &d, HISTORY_CONFIRMED);
        if (r < 0)
                return r;
        change->decision = d;
        change->result = CHANGE_CONFIRMED;
        return 0;
}

/* Whether one more decision of the owner may be open: 1, 0, -errno. */
static int has_room(Transaction *t, int64_t owner) {
        _cleanup_(owner_row_done) OwnerRow row = {0};
        int r;

        r = row_get_owner(t->c, owner, &row);
        if (r < 0)
                return r;
        return row.counts.exceptions + row.counts.denials + row.counts.unconfirmed <
               DECISIONS_PER_OWNER_MAX;
}

static int count_here(Transaction *t, const Decision *at) {
        StoredDecisions here;
        int r;

        r = store_read_open(t, at, &here);
        return r < 0 ? r : (int) here.n_items;
}

/* 0 and @change->result as it is, or the quota that it would break. */
static int check_counts(Transaction *t, Change *change, const Session *session) {
        const Decision *d = &change->decision;
        int room, here;
        int r;

        room = has_room(t, d->owner);
        if (room < 0)
                return room;
        here = count_here(t, d);
        if (here < 0)
                return here;
        if (room > 0 && here < (int) DECISIONS_PER_ENDPOINT_MAX)
                return 0;

        r = store_end_passed(t, change, session);
        if (r > 0) {
                room = has_room(t, d->owner);
                here = count_here(t, d);
        }
        if (r < 0 || room < 0 || here < 0)
                return r < 0 ? r : room < 0 ? room : here;
        if (room == 0)
                change->result = CHANGE_TOO_MANY;
        else if (here >= (int) DECISIONS_PER_ENDPOINT_MAX)
                change->result = CHANGE_TOO_MANY_HERE;
        return 0;
}

/* 1 if a decision of the owner is about the certificate already, so that its bytes count. */
static int is_counted(Transaction *t, const Change *change) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        Binder b = {0};
        int r;

        r = connection_statement(t->c, STATEMENT_HOLDS, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_int(&b, change->decision.owner);
        bind_blob(&b, change->decision.certificate_sha256, SHA256_SIZE);
        r = b.error < 0 ? b.error : statement_step(st);
        return r <= 0 ? r : sqlite3_column_int64(st, 0) > 0;
}

/* Dead decisions make room for a living one's certificate, the oldest first. */
int store_check_bytes(Transaction *t, Change *change) {
        for (;;) {
                _cleanup_(owner_row_done) OwnerRow row = {0};
                int r;

                r = is_counted(t, change);
                if (r != 0)
                        return r < 0 ? r : 0;
                r = row_get_owner(t->c, change->decision.owner, &row);
                if (r < 0)
                        return r;
                if (row.counts.bytes + change->der_size <= STORED_BYTES_PER_OWNER_MAX)
                        return 0;
                r = write_drop_dead(t, change->decision.owner);
                if (r < 0)
                        return r;
                if (r == 0) {
                        change->result = CHANGE_TOO_LARGE;
                        return 0;
                }
        }
}

static int add_new(Transaction *t, Change *change, const Session *session) {
        bool allow = change->decision.action == DECISION_ALLOW;
        int r;

        r = check_counts(t, change, session);
        if (r == 0 && change->result == CHANGED)
                r = store_check_bytes(t, change);
        if (r < 0 || change->result != CHANGED)
                return r;
        r = write_certificate(t, change);
        if (r < 0)
                return r;
        return write_decision(t, change, &change->decision,
                              change->imported ? HISTORY_IMPORTED
                              : allow          ? HISTORY_ALLOWED
                                               : HISTORY_DENIED);
}

int store_add(Transaction *t, Change *change) {
        Session session = change->decision.session;
        StoredDecisions here;
        const Decision *held;
        int r;

        if (!change->imported || change->decision.state != STATE_UNCONFIRMED)
                change->decision.state = STATE_LIVE;
        r = check_decision(&change->decision);
        if (r == 0)
                r = store_check_certificate(change);
        if (r < 0)
                return r;
        normalise(&change->decision, change->now);

        r = write_owner(t, change->decision.owner);
        if (r == 0)
                r = store_read_open(t, &change->decision, &here);
        if (r == 0)
                r = revoke_contrary(t, change, &here);
        if (r < 0)
                return r;

        held = find_held(&change->decision, &here);
        if (!held)
                return add_new(t, change, &session);

        /* The seed's symptom: an exception that is held and yet asked for. Its certificate is
         * looked at, and mended if need be. */
        r = write_certificate(t, change);
        if (r < 0)
                return r;
        if (held->state == STATE_UNCONFIRMED)
                return confirm(t, change, held);
        change->decision = *held;
        change->result = CHANGE_HELD;
        return 0;
}
