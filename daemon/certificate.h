/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One certificate, read once. What can be read is kept although something else is wrong with it,
 * so that all of a certificate's faults can be told together.
 */
#pragma once

#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "daemon/extensions.h"
#include "daemon/facts.h"
#include "daemon/name.h"

typedef enum CertificateKind {
        CERTIFICATE_SENT,      /* by the peer */
        CERTIFICATE_AUTHORITY, /* from the block of authorities */
        CERTIFICATE_BLOCKED,   /* from the block list: a possible issuer, never believed */
} CertificateKind;

typedef struct Certificate {
        CertificateKind kind;
        int index; /* in the chain as sent; -1 for the others */
        Blob der;  /* whose bytes outlive this */
        uint8_t sha256[SHA256_SIZE];

        unsigned version; /* 1 to 3 */
        Blob serial;
        Blob tbs;                 /* what is signed, with its header */
        Blob signature_algorithm; /* AlgorithmIdentifier, with its header */
        Blob signature;
        Blob issuer; /* Name, with its header */
        Blob subject;
        Blob key; /* SubjectPublicKeyInfo, with its header */
        uint8_t key_sha256[SHA256_SIZE];
        bool has_dates;
        int64_t not_before;
        int64_t not_after;
        Name issuer_name; /* canonical */
        Name subject_name;
        uint8_t issuer_key[SHA256_SIZE]; /* of the canonical names */
        uint8_t subject_key[SHA256_SIZE];
        Extensions extensions;
        const char *fault; /* why it is malformed: static; NULL if it is not */

        gnutls_x509_crt_t crt; /* made when it is needed */
        bool crt_tried;
        gnutls_pubkey_t pubkey;
        bool pubkey_tried;
} Certificate;

/*
 * Reads @der, which must outlive it. Returns 0 and a new certificate, perhaps with a fault;
 * -EBADMSG if it cannot be told what is what in it; -ENOMEM, -EIO.
 */
int certificate_new(Blob der, CertificateKind kind, int index, Certificate **ret);
Certificate *certificate_free(Certificate *c);
DEFINE_CLEANUP(Certificate *, certificate_free)

/* The certificate for GnuTLS, or NULL when GnuTLS cannot read it. Made at the first call. */
gnutls_x509_crt_t certificate_crt(Certificate *c);

/* Its key, or NULL when GnuTLS cannot read it. Made at the first call. */
gnutls_pubkey_t certificate_pubkey(Certificate *c);

static inline bool certificate_is_self_issued(const Certificate *c) {
        return memcmp(c->issuer_key, c->subject_key, SHA256_SIZE) == 0;
}

static inline bool certificate_has_empty_subject(const Certificate *c) {
        return c->subject_name.size == 0;
}

/* The last common name of its subject, as bytes; size 0: there is none. */
Blob certificate_common_name(const Certificate *c);

/* What it says of itself, for people. Returns 0 or -ENOMEM. */
int certificate_facts_of(const Certificate *c, CertificateFacts **ret);
