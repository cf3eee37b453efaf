/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "daemon/journal.h"
#include "tests/crowd.h"

#define CERTIFICATES 26U
#define DER_SIZE     600U
#define DECIDED_AT   INT64_C(1767225600)

/* Made of next to nothing: the store does not parse what it keeps. */
static int make_der(unsigned i, uint8_t der[static DER_SIZE], uint8_t ret[static SHA256_SIZE]) {
        memset(der, 'a' + (int) i, DER_SIZE);
        return sha256(der, DER_SIZE, ret);
}

static int append_certificate(Journal *j, unsigned i) {
        char name[] = "CN=server", serial[] = "01";
        CertificateFacts c = { .subject = name, .issuer = name, .serial = serial };
        uint8_t der[DER_SIZE];
        int r;

        r = make_der(i, der, c.sha256);
        if (r < 0)
                return r;
        memcpy(c.key_sha256, c.sha256, SHA256_SIZE);
        return journal_append(j, &(JournalRecord){ .kind = JOURNAL_CERTIFICATE,
                                                   .certificate = &c,
                                                   .der = der,
                                                   .der_size = DER_SIZE });
}

static int append_decision(Journal *j, int64_t owner, unsigned id, uint64_t number) {
        JournalRecord record = { .kind = JOURNAL_DECISION };
        Decision *d = &record.decision;
        uint8_t der[DER_SIZE];
        int r;

        r = make_der(id % CERTIFICATES, der, d->certificate_sha256);
        if (r < 0)
                return r;
        memcpy(d->key_sha256, d->certificate_sha256, SHA256_SIZE);
        d->owner = owner;
        d->id = id;
        d->action = DECISION_ALLOW;
        d->pin = PIN_CERTIFICATE;
        d->state = STATE_LIVE;
        d->port = CROWD_PORT;
        d->problems = 1;
        d->end = END_NEVER;
        d->created = d->changed = DECIDED_AT;
        d->change_number = number;
        (void) snprintf(d->host, sizeof(d->host), CROWD_HOST, id);
        return journal_append(j, &record);
}

static int append_owner(Journal *j, int64_t owner, unsigned each) {
        return journal_append(j, &(JournalRecord){ .kind = JOURNAL_OWNER, .owner = owner, .id = each });
}

int crowd_write(int directory, int64_t first, unsigned owners, unsigned each) {
        _cleanup_(journal_freep) Journal *j = NULL;
        uint64_t number = 0;
        int r;

        r = journal_create(directory, (uint64_t) owners * each, NULL, NULL, &j);
        for (unsigned i = 0; r >= 0 && i < owners; i++)
                r = append_owner(j, first + i, each);
        for (unsigned i = 0; r >= 0 && i < CERTIFICATES; i++)
                r = append_certificate(j, i);
        for (unsigned i = 0; r >= 0 && i < owners; i++)
                for (unsigned id = 1; r >= 0 && id <= each; id++)
                        r = append_decision(j, first + i, id, ++number);
        return r < 0 ? r : journal_publish(j, &(RefusalSet){ 0 });
}
