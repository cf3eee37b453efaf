/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeping certificates: those that decisions are about, and those that were seen. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/store-write.h"

/* What was seen is written again after this, so that the oldest to go is the longest unseen. */
#define SEEN_AGAIN_SECONDS (24 * 60 * 60)

/* 1 if what is kept of the certificate is whole and enough, 0 if it must be written again, -ENOENT
 * if nothing is kept. */
static int certificate_is_whole(Transaction *t, const uint8_t sha256_kept[static SHA256_SIZE],
                                bool with_der) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        size_t size;
        int r;

        r = row_get_certificate(t->c, sha256_kept, &facts);
        if (r == 0)
                return -ENOENT;
        if (r > 0 && with_der)
                r = row_get_der(t->c, sha256_kept, &der, &size);
        return r == -EUCLEAN ? 0 : r;
}

int write_certificate_row(Transaction *t, const CertificateFacts *c, Blob der, bool known) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        _cleanup_free_ uint8_t *names = NULL;
        uint8_t digest[SHA256_SIZE];
        Binder b = {0};
        size_t size;
        int r;

        r = row_join_names(c, &names, &size);
        if (r == 0)
                r = row_certificate_digest(c, digest);
        if (r == 0)
                r = connection_statement(
                        t->c, known ? STATEMENT_MEND_CERTIFICATE : STATEMENT_ADD_CERTIFICATE, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_blob(&b, c->sha256, SHA256_SIZE);
        bind_blob(&b, c->key_sha256, SHA256_SIZE);
        bind_text(&b, c->subject);
        bind_text(&b, c->issuer);
        bind_text(&b, c->serial);
        bind_blob(&b, names, size);
        bind_int(&b, c->not_before);
        bind_int(&b, c->not_after);
        bind_blob(&b, digest, SHA256_SIZE);
        bind_blob(&b, der.data, der.size);
        t->written = true;
        return binder_run(&b);
}

/* 1 if it had to be written, 0 if it is kept whole already, -errno. */
static int keep_certificate(Transaction *t, const CertificateFacts *c, Blob der) {
        int r;

        r = certificate_is_whole(t, c->sha256, der.data != NULL);
        if (r > 0 || (r < 0 && r != -ENOENT))
                return r < 0 ? r : 0;
        r = write_certificate_row(t, c, der, r == 0);
        return r < 0 ? r : 1;
}

/* Without DER it may be kept for having been seen alone, of which the journal knows nothing. */
int write_certificate(Transaction *t, const Change *change) {
        Blob der = {change->der, change->der ? change->der_size : 0};
        int r;

        r = keep_certificate(t, change->certificate, der);
        return r > 0 || (r == 0 && !der.data) ? record_certificate(t, change->certificate, der) : r;
}

/* What is seen at the endpoint so far: 1 if it is this certificate and need not be written, 2 if
 * only its time is to be, 0 if it is another or damaged, -ENOENT if there is none. */
static int seen_compare(Transaction *t, const Change *change) {
        _cleanup_(binder_done) Binder b = {0};
        uint8_t kept[SHA256_SIZE];
        int64_t time;
        int r;

        r = binder_begin(t->c, STATEMENT_SEEN, change->decision.owner, &b);
        if (r < 0)
                return r;
        bind_text(&b, change->decision.host);
        bind_int(&b, change->decision.port);
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;

        if (!column_bytes(b.st, 0, kept, sizeof(kept)) ||
            !column_int(b.st, 1, INT64_MIN, INT64_MAX, &time) ||
            memcmp(kept, change->certificate->sha256, sizeof(kept)) != 0)
                return 0;
        return time <= change->now && change->now - time < SEEN_AGAIN_SECONDS ? 1 : 2;
}

static int seen_run(Transaction *t, const Change *change, Statement which) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = binder_begin(t->c, which, change->decision.owner, &b);
        if (r < 0)
                return r;
        bind_text(&b, change->decision.host);
        bind_int(&b, change->decision.port);
        if (which == STATEMENT_PUT_SEEN)
                bind_blob(&b, change->certificate->sha256, SHA256_SIZE);
        if (which != STATEMENT_DROP_SEEN)
                bind_int(&b, change->now);
        t->written = true;
        return binder_run(&b);
}

static int seen_drop_oldest(Transaction *t, int64_t owner) {
        _cleanup_(binder_done) Binder drop = {0};
        _cleanup_(binder_done) Binder b = {0};
        char host[ENDPOINT_HOST_MAX + 1] = "";
        const char *found;
        int64_t port = 0;
        int r;

        r = binder_begin(t->c, STATEMENT_OLDEST_SEEN, owner, &b);
        if (r < 0)
                return r;
        r = b.error < 0 ? b.error : statement_step(b.st);
        if (r <= 0)
                return r;
        found = column_text(b.st, 0);
        if (!found || strlen(found) >= sizeof(host) || !column_int(b.st, 1, 0, UINT16_MAX, &port))
                return -EUCLEAN;
        strcpy(host, found);
        (void) sqlite3_reset(b.st);

        r = binder_begin(t->c, STATEMENT_DROP_SEEN, owner, &drop);
        if (r < 0)
                return r;
        bind_text(&drop, host);
        bind_int(&drop, port);
        return binder_run(&drop);
}

/* The certificate comes first: dropping the last row that holds one drops it as well. */
static int seen_replace(Transaction *t, const Change *change, bool there) {
        _cleanup_(owner_row_done) OwnerRow row = {0};
        int r;

        r = keep_certificate(t, change->certificate, (Blob){0});
        if (r > 0)
                r = 0;
        if (r == 0 && there)
                r = seen_run(t, change, STATEMENT_DROP_SEEN);
        if (r == 0)
                r = seen_run(t, change, STATEMENT_PUT_SEEN);
        if (r == 0)
                r = row_get_owner(t->c, change->decision.owner, &row);
        if (r > 0 && row.n_seen > SEEN_PER_OWNER_MAX)
                r = seen_drop_oldest(t, change->decision.owner);
        return r < 0 ? r : 0;
}

int write_seen(Transaction *t, const Change *change) {
        int r;

        r = write_owner(t, change->decision.owner);
        if (r == 0)
                r = seen_compare(t, change);
        switch (r) {
        case 1:
                return 0;
        case 2:
                return seen_run(t, change, STATEMENT_TOUCH_SEEN);
        case 0:
                return seen_replace(t, change, true);
        case -ENOENT:
                return seen_replace(t, change, false);
        default:
                return r;
        }
}
