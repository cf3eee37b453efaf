/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Imports under way: a few, each an array of certificates and one of decisions. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/imports.h"
#include "daemon/limits.h"

/* Decisions that memory is taken for at once. */
#define DECISIONS_STEP 256U

typedef struct StagedCertificate {
        uint8_t sha256[SHA256_SIZE];
        uint8_t *der;
        size_t size;
} StagedCertificate;

struct Staged {
        uint64_t number; /* 0: this place is free */
        uid_t uid;
        int64_t owner;
        int64_t used; /* when it was last added to */
        StagedCertificate *certificates;
        size_t n_certificates;
        size_t certificate_bytes;
        Decision *decisions;
        size_t n_decisions;
        Entry *entries;
        size_t n_entries;
};

struct Imports {
        Staged staged[IMPORTS_MAX];
        uid_t at_work[IMPORTS_MAX]; /* whose are judged and stored */
        size_t n_at_work;
        uint64_t last_number;
};

int imports_new(Imports **ret) {
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

void imports_end(Imports *imports, Staged *staged) {
        if (!staged)
                return;
        for (size_t i = 0; i < staged->n_certificates; i++)
                free(staged->certificates[i].der);
        free(staged->certificates);
        free(staged->decisions);
        free(staged->entries);
        *staged = (Staged){ 0 };
}

Imports *imports_free(Imports *imports) {
        if (!imports)
                return NULL;
        for (size_t i = 0; i < IMPORTS_MAX; i++)
                imports_end(imports, imports->staged + i);
        free(imports);
        return NULL;
}

/* A clock that was set back makes none older. */
static bool is_left(const Staged *s, int64_t now) {
        return now - s->used > IMPORT_IDLE_SEC || s->used > now;
}

int imports_begin(Imports *imports, uid_t uid, int64_t owner, int64_t now, Staged **ret) {
        Staged *place = NULL;

        for (size_t i = 0; i < IMPORTS_MAX; i++) {
                Staged *s = imports->staged + i;

                if (s->number != 0 && (s->uid == uid || is_left(s, now)))
                        imports_end(imports, s);
                if (s->number == 0 && !place)
                        place = s;
        }
        if (!place)
                return -EBUSY;
        *place = (Staged){ .number = ++imports->last_number,
                           .uid = uid,
                           .owner = owner,
                           .used = now };
        *ret = place;
        return 0;
}

Staged *imports_find(Imports *imports, uid_t uid, int64_t owner, uint64_t number, int64_t now) {
        for (size_t i = 0; i < IMPORTS_MAX; i++) {
                Staged *s = imports->staged + i;

                if (s->number == 0 || s->number != number || s->uid != uid || s->owner != owner)
                        continue;
                s->used = now;
                return s;
        }
        return NULL;
}

uint64_t staged_number(const Staged *staged) {
        return staged->number;
}

int staged_add_certificate(Staged *s, uint8_t *der, size_t size) {
        _cleanup_free_ uint8_t *owned = der;
        StagedCertificate *certificates;
        int r;

        if (s->certificate_bytes + size > STORED_BYTES_PER_OWNER_MAX ||
            s->n_certificates >= IMPORT_ENTRIES_MAX)
                return -E2BIG;
        certificates = reallocarray(s->certificates, s->n_certificates + 1, sizeof(*certificates));
        if (!certificates)
                return -ENOMEM;
        s->certificates = certificates;
        r = sha256(der, size, certificates[s->n_certificates].sha256);
        if (r < 0)
                return r;
        certificates[s->n_certificates].der = TAKE_PTR(owned);
        certificates[s->n_certificates].size = size;
        s->certificate_bytes += size;
        s->n_certificates++;
        return 0;
}

int staged_add(Staged *s, const Decision *decision) {
        if (s->n_decisions >= IMPORT_ENTRIES_MAX)
                return -E2BIG;
        /* There may be thousands: they are not moved for each. */
        if (s->n_decisions % DECISIONS_STEP == 0) {
                Decision *decisions = reallocarray(s->decisions, s->n_decisions + DECISIONS_STEP,
                                                   sizeof(*decisions));

                if (!decisions)
                        return -ENOMEM;
                s->decisions = decisions;
        }
        s->decisions[s->n_decisions++] = *decision;
        return 0;
}

int staged_add_entry(Staged *s, const Entry *entry) {
        Entry *entries;

        if (s->n_entries >= IMPORT_AUTHORITIES_MAX)
                return -E2BIG;
        entries = reallocarray(s->entries, s->n_entries + 1, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        s->entries = entries;
        entries[s->n_entries++] = *entry;
        return 0;
}

static int compare_certificates(const void *a, const void *b) {
        const StagedCertificate *x = a, *y = b;

        return memcmp(x->sha256, y->sha256, SHA256_SIZE);
}

/* The certificate with @digest, if it was sent. */
static uint8_t *find_certificate(const Staged *s, const uint8_t digest[static SHA256_SIZE],
                                 size_t *ret_size) {
        StagedCertificate key = { 0 };
        const StagedCertificate *found;

        memcpy(key.sha256, digest, SHA256_SIZE);
        found = s->n_certificates == 0
                        ? NULL
                        : bsearch(&key, s->certificates, s->n_certificates, sizeof(key),
                                  compare_certificates);
        if (!found)
                return NULL;
        *ret_size = found->size;
        return found->der;
}

static int take_decisions(const Staged *s, Import *import) {
        import->items = calloc(s->n_decisions + 1, sizeof(*import->items));
        if (!import->items)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_decisions; i++) {
                ImportItem *item = import->items + import->n_items++;

                item->decision = s->decisions[i];
                item->der = find_certificate(s, item->decision.certificate_sha256,
                                             &item->der_size);
        }
        return 0;
}

static int take_entries(const Staged *s, Import *import) {
        import->authorities = calloc(s->n_entries + 1, sizeof(*import->authorities));
        if (!import->authorities)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_entries; i++) {
                ImportAuthority *item = import->authorities + import->n_authorities++;

                item->entry = s->entries[i];
                item->der = find_certificate(s, item->entry.certificate_sha256, &item->der_size);
        }
        return 0;
}

/* Those that are borrowed by now get their owner. */
static int take_certificates(Staged *s, Import *import) {
        import->ders = calloc(s->n_certificates + 1, sizeof(*import->ders));
        if (!import->ders)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_certificates; i++)
                import->ders[import->n_ders++] = TAKE_PTR(s->certificates[i].der);
        s->n_certificates = 0;
        return 0;
}

int staged_take(Staged *s, Import **ret) {
        _cleanup_(import_freep) Import *import = calloc(1, sizeof(*import));
        int r;

        if (!import)
                return -ENOMEM;
        if (s->n_certificates > 1)
                qsort(s->certificates, s->n_certificates, sizeof(*s->certificates),
                      compare_certificates);
        r = take_decisions(s, import);
        if (r == 0)
                r = take_entries(s, import);
        if (r == 0)
                r = take_certificates(s, import);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(import);
        return 0;
}

/* -- at work ------------------------------------------------------------------------------------- */

int imports_begin_work(Imports *imports, uid_t uid) {
        for (size_t i = 0; i < imports->n_at_work; i++)
                if (imports->at_work[i] == uid)
                        return -EBUSY;
        if (imports->n_at_work == IMPORTS_MAX)
                return -EBUSY;
        imports->at_work[imports->n_at_work++] = uid;
        return 0;
}

void imports_end_work(Imports *imports, uid_t uid) {
        for (size_t i = 0; i < imports->n_at_work; i++)
                if (imports->at_work[i] == uid) {
                        imports->at_work[i] = imports->at_work[--imports->n_at_work];
                        return;
                }
}
