/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers about revocation for the tests: lists, and what servers staple. */
#pragma once

#include "tests/pki.h"

typedef struct Status {
        uint8_t *data; /* DER, free() */
        size_t size;
} Status;

static inline void status_done(Status *s) {
        free(s->data);
        *s = (Status){0};
}

static inline Blob status_blob(const Status *s) {
        return (Blob){s->data, s->size};
}

/* A list by @issuer of the certificates in @revoked (NULL-terminated; NULL: none). Zero times are
 * PKI_NOW - PKI_DAY and PKI_NOW + PKI_DAY. */
Status status_list(const Pki *issuer, const Pki *const *revoked, int64_t this_update,
                   int64_t next_update);

/* A list of @n made-up serial numbers and, behind them, of @revoked (NULL: none), which has @padding
 * bytes of something unknown in it. */
Status status_long_list(const Pki *issuer, const Pki *revoked, size_t n, size_t padding);

/* A list of @revoked alone, which says why: a CRLReason, 0 for none. */
Status status_list_with_reason(const Pki *issuer, const Pki *revoked, unsigned reason);

typedef enum StatusWord {
        STATUS_GOOD,
        STATUS_REVOKED,
        STATUS_UNKNOWN,
} StatusWord;

typedef struct StatusEntry {
        const Pki *certificate;
        StatusWord word;
        int64_t this_update; /* 0: PKI_NOW - PKI_DAY */
        int64_t next_update; /* 0: PKI_NOW + PKI_DAY; -1: none */
        unsigned reason;     /* of what is revoked, a CRLReason; 0: none */
        bool timeless;       /* what is revoked does not say when */
} StatusEntry;

/* An OCSP answer about certificates of @issuer, signed by @signer, whose certificate goes along if
 * it is not the issuer, behind @n_others that have nothing to do with it. */
Status status_answer(const Pki *issuer, const Pki *signer, unsigned n_others,
                     const StatusEntry *entries, size_t n);

/* An OCSP answer that is only an error ("try later"). */
Status status_error(void);
