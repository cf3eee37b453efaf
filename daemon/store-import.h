/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Import: decisions that were exported elsewhere or before, all of them or none, in one transaction. An
 * exception is never widened and nothing that was taken back is revived unless that is said.
 */
#pragma once

#include "daemon/store.h"

/* What becomes of one decision. */
typedef enum ImportOutcome {
        IMPORT_PENDING, /* not looked at yet */
        IMPORT_ADDED,
        IMPORT_HELD,  /* what is here says as much already */
        IMPORT_ENDED, /* its end has passed: it is left out */
        /* Conflicts: what is here says otherwise. */
        IMPORT_WIDER,       /* it covers problems that what is held here does not */
        IMPORT_LATER,       /* it ends later than what is held here */
        IMPORT_DENIED,      /* it allows what is denied here */
        IMPORT_ALLOWED,     /* it denies what is allowed here */
        IMPORT_REVOKED,     /* the same was revoked here */
        IMPORT_DISTRUSTED,  /* it believes an authority that is distrusted here */
        IMPORT_TRUSTED,     /* it distrusts an authority that was imported here */
        IMPORT_UNCONFIRMED, /* the same waits here for a confirmation, and it would be one */
        /* Refused. */
        IMPORT_NOT_EXCEPTABLE, /* something about it may be allowed by nobody */
        IMPORT_NOTHING_LEFT,   /* nothing that it allows is wrong with the certificate */
        IMPORT_UNREADABLE,     /* the certificate cannot be read */
        IMPORT_NO_CERTIFICATE, /* it pins a key, or is an authority, and the certificate is not there */
        IMPORT_NOT_AN_AUTHORITY, /* the certificate can be none */
        IMPORT_FORBIDDEN,      /* only the administrator may make exceptions, or import authorities, here */
        IMPORT_HELD_BY_FILE,   /* a file of the administrator's denies it */
        IMPORT_TOO_MANY,
        IMPORT_TOO_MANY_HERE,
        IMPORT_TOO_LARGE,
        _IMPORT_OUTCOME_MAX,
} ImportOutcome;

typedef struct ImportItem {
        Decision decision; /* as it is wanted: owner, action, pin, state, host, port, digests,
                              problems, end, until; as it is stored, if it was added */
        CertificateFacts *certificate;
        uint8_t *der; /* of Import.ders; NULL: it was not given */
        size_t der_size;
        ImportOutcome outcome;
} ImportItem;

/* An authority, or what is distrusted. */
typedef struct ImportAuthority {
        Entry entry; /* as it is wanted: owner, kind, pin, state, only, digests; as it is stored, if it
                        was added */
        CertificateFacts *certificate; /* NULL: it could not be read */
        uint8_t *der;                  /* of Import.ders; NULL: it was not given */
        size_t der_size;
        ImportOutcome outcome;
} ImportAuthority;

typedef struct Import {
        uint8_t **ders; /* each once, however many are about it */
        size_t n_ders;
        ImportItem *items;
        size_t n_items;
        ImportAuthority *authorities;
        size_t n_authorities;
        size_t authority_bytes; /* of DER that has been looked at */
        bool replace; /* conflicts are settled as the import says */
        bool skip;    /* what conflicts or is refused is left out */
        bool dry_run; /* nothing is stored */
        bool stored;
} Import;

Import *import_free(Import *import);
DEFINE_CLEANUP(Import *, import_free)

bool import_is_conflict(ImportOutcome outcome);
bool import_is_refusal(ImportOutcome outcome);

/* What storing one made of it. */
ImportOutcome store_import_outcome(ChangeResult result);
