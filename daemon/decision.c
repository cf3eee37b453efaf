/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decision: when one is over, what it is about, and the digest that proves a stored one whole. */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "daemon/decision.h"

/* The first byte of what is digested. Another order or another field needs another number. */
#define DIGEST_FORM 1U

/* All fields of fixed size are less than half of this. */
#define DIGEST_BYTES_MAX (ENDPOINT_HOST_MAX + 512U)

typedef struct Digested {
        uint8_t bytes[DIGEST_BYTES_MAX];
        size_t size;
} Digested;

/* Whether one of the sessions @then is among those @now. */
static bool session_goes_on(const Session *then, const Session *now) {
        if (!then->known || !now->known || memcmp(then->boot_id, now->boot_id, BOOT_ID_SIZE) != 0)
                return false;
        /* Without logind there is nothing but the boot; nothing is known of a time in which it came or went. */
        if (then->login_usec == 0 || now->login_usec == 0)
                return then->login_usec == now->login_usec;
        return now->oldest_usec <= then->login_usec;
}

bool decision_has_ended(const Decision *d, int64_t now, const Session *session) {
        switch (d->end) {
        case END_NEVER:
                return false;
        case END_DATE:
                return now >= d->until;
        case END_SESSION:
                return !session_goes_on(&d->session, session);
        }
        return true; /* no end that we know of: nothing to go on by */
}

bool decision_matches(const Decision *d, const uint8_t *certificate_sha256,
                      const uint8_t *key_sha256) {
        switch (d->pin) {
        case PIN_CERTIFICATE:
                return certificate_sha256 &&
                       memcmp(d->certificate_sha256, certificate_sha256, SHA256_SIZE) == 0;
        case PIN_KEY:
                return key_sha256 && memcmp(d->key_sha256, key_sha256, SHA256_SIZE) == 0;
        }
        return false;
}

static void put_bytes(Digested *to, const void *data, size_t size) {
        assert(size <= sizeof(to->bytes) - to->size);
        memcpy(to->bytes + to->size, data, size);
        to->size += size;
}

static void put_number(Digested *to, uint64_t value) {
        uint8_t bytes[8];

        for (unsigned i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t) (value >> (8 * (sizeof(bytes) - 1 - i)));
        put_bytes(to, bytes, sizeof(bytes));
}

static void put_session(Digested *to, const Session *session) {
        put_number(to, session->known);
        put_bytes(to, session->boot_id, BOOT_ID_SIZE);
        put_number(to, session->login_usec);
}

int decision_digest(const Decision *d, uint8_t ret[static SHA256_SIZE]) {
        static const Session none;
        size_t host_size = strlen(d->host);
        Digested digested = { .bytes = { DIGEST_FORM }, .size = 1 };

        put_number(&digested, (uint64_t) d->owner);
        put_number(&digested, d->id);
        put_number(&digested, (uint64_t) d->action);
        put_number(&digested, (uint64_t) d->pin);
        put_number(&digested, (uint64_t) d->state);
        put_number(&digested, host_size);
        put_bytes(&digested, d->host, host_size);
        put_number(&digested, d->port);
        put_bytes(&digested, d->certificate_sha256, SHA256_SIZE);
        put_bytes(&digested, d->key_sha256, SHA256_SIZE);
        put_number(&digested, d->problems);
        put_number(&digested, (uint64_t) d->end);
        /* What the kind of end does not use is not stored, and so must not count. */
        put_number(&digested, d->end == END_DATE ? (uint64_t) d->until : 0);
        put_session(&digested, d->end == END_SESSION ? &d->session : &none);
        put_number(&digested, (uint64_t) d->created);
        put_number(&digested, (uint64_t) d->changed);
        put_number(&digested, d->change_number);

        return sha256(digested.bytes, digested.size, ret);
}
