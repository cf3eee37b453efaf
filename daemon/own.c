/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From entries of the store to what a judge believes. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/manager.h"
#include "daemon/own.h"
#include "daemon/owners.h"
#include "daemon/store.h"
#include "daemon/wire.h"

Own *own_free(Own *own) {
        if (!own)
                return NULL;
        for (size_t i = 0; i < own->n; i++) {
                free((void *) own->items[i].der.data);
                free((void *) own->items[i].only.data);
        }
        free(own);
        return NULL;
}

/* false for what is not believed, or not any more. */
static bool counts(const Manager *m, const Entry *e) {
        switch (e->kind) {
        case ENTRY_AUTHORITY:
                return e->state == STATE_LIVE &&
                       (e->owner == OWNER_SYSTEM || m->conf.user_authorities);
        case ENTRY_DISTRUST:
                return e->state != STATE_REVOKED;
        }
        return false;
}

static int belief_of(const Entry *e, Belief *ret) {
        bool key = e->kind == ENTRY_DISTRUST && e->pin == PIN_KEY;
        char *only = strdup(e->only);

        if (!only)
                return -ENOMEM;
        *ret = (Belief){
                .kind = e->kind == ENTRY_AUTHORITY ? BELIEF_AUTHORITY
                        : key                      ? BELIEF_DISTRUSTED_KEY
                                                   : BELIEF_DISTRUSTED_CERTIFICATE,
                .only = { (uint8_t *) only, strlen(only) },
        };
        memcpy(ret->sha256, key ? e->key_sha256 : e->certificate_sha256, SHA256_SIZE);
        return 0;
}

/* An authority whose certificate is not known any more cannot be believed. */
static int load_der(Manager *m, const Entry *e, Belief *belief) {
        uint8_t *der = NULL;
        size_t size = 0;
        int r;

        r = store_certificate(m->store, e->owner, e->certificate_sha256, NULL, &der, &size);
        belief->der = (Blob){ der, size };
        return r < 0 ? r : 0;
}

static int add_entries(Manager *m, int64_t owner, bool with_der, Own *own) {
        _cleanup_(entry_list_done) EntryList list = { 0 };
        int r;

        r = store_entries(m->store, owner, &list);
        for (size_t i = 0; r == 0 && i < list.n_items; i++) {
                const Entry *e = &list.items[i];

                if (!counts(m, e))
                        continue;
                if (own->n == BELIEFS_MAX)
                        return -EUCLEAN; /* more than can have been stored */
                r = belief_of(e, &own->items[own->n]);
                if (r == 0)
                        own->n++;
                if (r == 0 && with_der && e->kind == ENTRY_AUTHORITY)
                        r = load_der(m, e, &own->items[own->n - 1]);
        }
        return r;
}

/* What a certificate holds follows from its digest. */
static int digest(const Manager *m, Own *own) {
        _cleanup_(writer_done) Writer w = { 0 };

        writer_fixed(&w, m->trust_sha256, SHA256_SIZE);
        writer_u32(&w, m->conf.checks);
        for (size_t i = 0; i < own->n; i++) {
                const Belief *belief = &own->items[i];

                writer_u8(&w, (uint8_t) belief->kind);
                writer_fixed(&w, belief->sha256, SHA256_SIZE);
                writer_blob(&w, belief->only.data, belief->only.size);
        }
        return w.bad ? -ENOMEM : sha256(w.data, w.size, own->basis);
}

static int load(Manager *m, int64_t owner, bool with_der, Own **ret) {
        _cleanup_(own_freep) Own *own = NULL;
        int r;

        own = calloc(1, sizeof(*own));
        if (!own)
                return -ENOMEM;
        r = add_entries(m, OWNER_SYSTEM, with_der, own);
        if (r == 0 && owner != OWNER_SYSTEM)
                r = add_entries(m, owner, with_der, own);
        if (r == 0)
                r = digest(m, own);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(own);
        return 0;
}

int own_load(Manager *m, int64_t owner, Own **ret) {
        return load(m, owner, true, ret);
}

int own_basis(Manager *m, int64_t owner, uint8_t ret[static SHA256_SIZE]) {
        const BasisStamp stamp = {
                .store = store_generation(m->store),
                .doubtful = store_is_doubtful(m->store),
                .trust = m->trust_generation,
                .checks = m->conf.checks,
                .user_authorities = m->conf.user_authorities,
        };
        _cleanup_(own_freep) Own *own = NULL;
        int r;

        if (owners_basis(m->owners, owner, &stamp, ret))
                return 0;
        r = load(m, owner, false, &own);
        if (r < 0)
                return r;
        owners_put_basis(m->owners, owner, &stamp, own->basis);
        memcpy(ret, own->basis, SHA256_SIZE);
        return 0;
}

/* -- who distrusts ----------------------------------------------------------------------------- */

static bool is_found(const Facts *facts, const char *subject) {
        for (size_t i = 0; i < facts->n_findings; i++)
                if (facts->findings[i].problem == PROBLEM_DISTRUSTED_ISSUER &&
                    strcmp(facts->findings[i].value, subject) == 0)
                        return true;
        return false;
}

int own_distrusted(Manager *m, int64_t owner, const Facts *facts, char **ret) {
        _cleanup_(entry_list_done) EntryList list = { 0 };
        int r;

        if (!(facts->problems & PROBLEM_DISTRUSTED_ISSUER))
                return 0;
        r = store_entries(m->store, owner, &list);
        for (size_t i = 0; r == 0 && i < list.n_items; i++) {
                _cleanup_(certificate_facts_freep) CertificateFacts *c = NULL;
                const Entry *e = &list.items[i];

                if (e->kind != ENTRY_DISTRUST || !counts(m, e))
                        continue;
                r = store_certificate(m->store, owner, e->certificate_sha256, &c, NULL, NULL);
                if (r < 0)
                        return r;
                r = 0;
                if (!c || !is_found(facts, c->subject))
                        continue;
                *ret = strdup(c->subject);
                return *ret ? 1 : -ENOMEM;
        }
        return r;
}
