/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of decisions and owners as structures and back, with the digests that prove them whole. */
#include "config.h"

#include <string.h>

#include "daemon/store-private.h"

static bool read_end(sqlite3_stmt *st, int column, Decision *d) {
        int64_t login;

        switch (d->end) {
        case END_NEVER:
                return true;
        case END_DATE:
                return column_int(st, column, INT64_MIN, INT64_MAX, &d->until);
        case END_SESSION:
                if (!column_bytes(st, column + 1, d->session.boot_id, BOOT_ID_SIZE) ||
                    !column_int(st, column + 2, INT64_MIN, INT64_MAX, &login))
                        return false;
                d->session.login_usec = (uint64_t) login;
                d->session.known = true;
                return true;
        }
        return false;
}

/* Reads every field even after a bad one: a denial must refuse by what is left of it. */
static bool read_fields(sqlite3_stmt *st, Decision *d) {
        int64_t id = 0, action = 0, pin = 0, state = 0, port = 0, problems = 0, end = 0, number = 0;
        bool good = true;

        good &= column_int(st, 0, OWNER_SYSTEM, UINT32_MAX, &d->owner);
        good &= column_int(st, 1, 1, INT64_MAX, &id);
        good &= column_int(st, 2, DECISION_ALLOW, DECISION_DENY, &action);
        good &= column_int(st, 3, PIN_CERTIFICATE, PIN_KEY, &pin);
        good &= column_int(st, 4, STATE_LIVE, STATE_REVOKED, &state);
        good &= column_host(st, 5, d->host);
        good &= column_int(st, 6, 1, UINT16_MAX, &port);
        good &= column_bytes(st, 7, d->certificate_sha256, SHA256_SIZE);
        good &= column_bytes(st, 8, d->key_sha256, SHA256_SIZE);
        good &= column_int(st, 9, 0, UINT32_MAX, &problems);
        good &= column_int(st, 10, END_NEVER, END_SESSION, &end);
        good &= column_int(st, 14, INT64_MIN, INT64_MAX, &d->created);
        good &= column_int(st, 15, INT64_MIN, INT64_MAX, &d->changed);
        good &= column_int(st, 16, 1, INT64_MAX, &number);

        d->id = (uint64_t) id;
        d->action = (DecisionAction) action;
        d->pin = (DecisionPin) pin;
        d->state = (DecisionState) state;
        d->port = (uint16_t) port;
        d->problems = (ProblemSet) problems;
        d->end = (DecisionEnd) end;
        d->change_number = (uint64_t) number;
        return read_end(st, 11, d) && good;
}

int row_read_decision(sqlite3_stmt *st, Decision *ret) {
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE];
        bool good;
        int r;

        *ret = (Decision){0};
        good = read_fields(st, ret);
        if (!good || !column_bytes(st, 17, stored, sizeof(stored)))
                return 0;

        r = decision_digest(ret, digest);
        if (r < 0)
                return r;
        return memcmp(stored, digest, sizeof(digest)) == 0;
}

void row_bind_end(Binder *b, const Decision *d) {
        bool session = d->end == END_SESSION;

        bind_int(b, d->end);
        if (d->end == END_DATE)
                bind_int(b, d->until);
        else
                bind_text(b, NULL);
        bind_blob(b, session ? d->session.boot_id : NULL, BOOT_ID_SIZE);
        if (session)
                bind_int(b, (int64_t) d->session.login_usec);
        else
                bind_text(b, NULL);
}

void row_bind_decision(Binder *b, const Decision *d, const uint8_t *digest) {
        bind_int(b, d->owner);
        bind_int(b, (int64_t) d->id);
        bind_int(b, d->action);
        bind_int(b, d->pin);
        bind_int(b, d->state);
        bind_text(b, d->host);
        bind_int(b, d->port);
        bind_blob(b, d->certificate_sha256, SHA256_SIZE);
        bind_blob(b, d->key_sha256, SHA256_SIZE);
        bind_int(b, d->problems);
        row_bind_end(b, d);
        bind_int(b, d->created);
        bind_int(b, d->changed);
        bind_int(b, (int64_t) d->change_number);
        bind_blob(b, digest, SHA256_SIZE);
}

int row_get_decision(Connection *c, int64_t owner, uint64_t id, Decision *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        Binder b = {0};
        int r;

        r = connection_statement(c, STATEMENT_GET, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_int(&b, owner);
        bind_int(&b, (int64_t) id);
        if (b.error < 0)
                return b.error;

        r = statement_step(st);
        if (r < 0)
                return r;
        return r == 0 ? -ENOENT : row_read_decision(st, ret);
}

int row_name_digest(int64_t owner, const char *name, uint8_t ret[static SHA256_SIZE]) {
        size_t size = strlen(name);
        uint8_t bytes[8 + STORE_NAME_MAX];

        if (size > STORE_NAME_MAX)
                return -ENAMETOOLONG;
        for (unsigned i = 0; i < 8; i++)
                bytes[i] = (uint8_t) ((uint64_t) owner >> (8 * i));
        memcpy(bytes + 8, name, size);
        return sha256(bytes, 8 + size, ret);
}

/* A damaged name is one that nobody has, so that it differs from whatever is compared with it. */
static int read_name(sqlite3_stmt *st, int column, int64_t owner, char **ret) {
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE];
        const char *name;
        int r;

        if (sqlite3_column_type(st, column) == SQLITE_NULL &&
            sqlite3_column_type(st, column + 1) == SQLITE_NULL) {
                *ret = NULL;
                return 0;
        }

        name = column_text(st, column);
        if (!name || strlen(name) > STORE_NAME_MAX ||
            !column_bytes(st, column + 1, stored, sizeof(stored)))
                name = "";
        r = row_name_digest(owner, name, digest);
        if (r < 0)
                return r;

        *ret = strdup(*name && memcmp(stored, digest, sizeof(digest)) == 0 ? name : "");
        return *ret ? 0 : -ENOMEM;
}

void owner_row_done(OwnerRow *row) {
        free(row->name);
        row->name = NULL;
}

static uint64_t column_count(sqlite3_stmt *st, int column) {
        int64_t n = 0;

        (void) column_int(st, column, 0, INT64_MAX, &n);
        return (uint64_t) n;
}

int row_get_owner(Connection *c, int64_t owner, OwnerRow *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        OwnerRow row = {0};
        Binder b = {0};
        int r;

        r = connection_statement(c, STATEMENT_OWNER, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_int(&b, owner);
        if (b.error < 0)
                return b.error;

        r = statement_step(st);
        if (r <= 0)
                return r;
        r = read_name(st, 6, owner, &row.name);
        if (r < 0)
                return r;

        row.counts.exceptions = column_count(st, 0);
        row.counts.denials = column_count(st, 1);
        row.counts.unconfirmed = column_count(st, 2);
        row.n_dead = column_count(st, 3);
        row.n_seen = column_count(st, 4);
        row.counts.bytes = column_count(st, 5);
        *ret = row;
        return 1;
}
