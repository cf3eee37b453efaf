/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and certificates for the tests, made when they run. A test that cannot make one aborts with
 * a sentence, so that nothing here has to be checked by callers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/x509.h>

#include "client/cleanup.h"

/* 2026-01-01 00:00 UTC: the time that tests judge at, and the default dates around it. */
#define PKI_NOW        INT64_C(1767225600)
#define PKI_DAY        INT64_C(86400)
#define PKI_NOT_BEFORE (PKI_NOW - 30 * PKI_DAY)
#define PKI_NOT_AFTER  (PKI_NOW + 60 * PKI_DAY)

typedef enum PkiKey {
        PKI_P256, /* quick, and so the default */
        PKI_P192,
        PKI_P384,
        PKI_ED25519,
        PKI_RSA_1024,
        PKI_RSA_2048,
        PKI_DSA_2048,
} PkiKey;

/* PkiSpec.key_usage and .purposes when there shall be no such extension. */
#define PKI_NO_KEY_USAGE (1U << 31)
#define PKI_NO_PURPOSES  "none"

typedef struct Pki Pki;

/* An extension by its OID and DER. */
typedef struct PkiExtension {
        const char *oid;
        const void *der;
        size_t size;
        bool critical;
} PkiExtension;

/* Zero is the ordinary thing everywhere: { .name = "mail.example.org", .issuer = ca } is a good
 * server certificate, { .subject = "Root", .ca = true } an authority. */
typedef struct PkiSpec {
        const Pki *issuer;   /* NULL: signs itself */
        const char *subject; /* common name; NULL: the first of the names */
        size_t subject_size; /* 0: strlen(); any bytes will do */
        bool empty_subject;
        const char *organization;
        const char *name;         /* one subject alternative name... */
        const char *const *names; /* ...and more, NULL-terminated: DNS names, addresses, mail */
        int64_t not_before;       /* 0: PKI_NOT_BEFORE */
        int64_t not_after;        /* 0: PKI_NOT_AFTER */
        bool ca;
        bool no_basic_constraints;
        int path_length;     /* 0: none; n + 1 for n, so that zero stays the ordinary thing */
        unsigned key_usage;  /* GNUTLS_KEY_*; 0: what fits */
        const char *purpose; /* OID; NULL: TLS server, none in a CA */
        PkiKey key;
        const Pki *key_of;                /* shares this one's key */
        gnutls_digest_algorithm_t digest; /* 0: what fits the issuer's key */
        bool pss;                         /* signed by RSA-PSS; the issuer's key is RSA */
        unsigned version;                 /* 0: 3; 1 has no extensions */
        const char *unknown_critical;     /* OID of a critical extension that nobody knows */
        bool must_staple;
        const char *const *permitted; /* NULL-terminated DNS names, or addresses with a prefix */
        const char *const *excluded;
        const PkiExtension *extensions;
        size_t n_extensions;
        bool false_signature; /* one bit of the signature is turned */
} PkiSpec;

Pki *pki_new(const PkiSpec *spec);
Pki *pki_free(Pki *pki);
DEFINE_CLEANUP(Pki *, pki_free)

/* A copy whose DER is replaced: for damage on purpose. */
Pki *pki_from_der(const void *der, size_t size);

/* Borrowed. */
Blob pki_der(const Pki *pki);
gnutls_x509_crt_t pki_crt(const Pki *pki);
gnutls_x509_privkey_t pki_key(const Pki *pki);

/* PEM as new text (free()). */
char *pki_pem(const Pki *pki);
char *pki_key_pem(const Pki *pki);

/* Writes the certificates (and then the first one's key, with @with_key) as PEM to @path. */
void pki_write(const char *path, const Pki *const *certificates, size_t n, bool with_key);
