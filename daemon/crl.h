/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of revoked certificates (RFC 5280, sections 5 and 6.3), as an administrator puts them
 * into a folder. */
#pragma once

#include "daemon/algorithms.h"
#include "daemon/revoked.h"

/* Where a list was published, from its issuing distribution point. */
typedef struct CrlScope {
        bool users_only;
        bool authorities_only;
        bool attributes_only;
        bool some_reasons; /* only those of @reasons */
        unsigned reasons;
        bool indirect; /* entries may be other issuers' */
        Blob point;    /* DistributionPointName; size 0: none */
} CrlScope;

typedef struct Crl {
        Blob issuer; /* Name, with its header */
        uint8_t issuer_key[SHA256_SIZE];
        Signed signed_;
        int64_t this_update;
        bool has_next_update;
        int64_t next_update;
        Blob entries;      /* content of revokedCertificates; size 0: none */
        const char *fault; /* why it cannot be used: static; NULL */
        bool delta;        /* only what is new since another list */
        CrlScope scope;
} Crl;

/* Reads a list whose bytes outlive @ret. 0, -EBADMSG, -ENOMEM, -EIO. */
int crl_read(Blob der, Crl *ret);

/* true if each of its entries can be read, one by one. */
bool crl_entries_are_whole(const Crl *crl);

typedef enum CrlAnswer {
        CRL_NOT_LISTED,
        CRL_REVOKED,
        CRL_NOT_COVERED, /* it does not speak of such certificates */
        CRL_UNREADABLE,
} CrlAnswer;

/* What the list says of a certificate; *@ret is set with CRL_REVOKED. Its signature and dates are the
 * caller's to check. */
CrlAnswer crl_look_up(const Crl *crl, const Certificate *c, Revoked *ret);
