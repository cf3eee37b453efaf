/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every certificate that a path may go through: those that the peer sent, in any order, and those
 * authorities and blocked ones that could have issued them, read when they are first asked for.
 */
#pragma once

#include "daemon/algorithms.h"
#include "daemon/beliefs.h"
#include "daemon/certificate.h"
#include "daemon/limits.h"

typedef struct Authorities Authorities;
struct DistrustRules;

/* Whether one certificate's signature is another's: each is checked once. */
typedef struct Link {
        const Certificate *below;
        const Certificate *above;
        SignatureState signature;
} Link;

/* An authority that somebody imported. */
typedef struct Imported {
        const Certificate *certificate; /* among the others */
        Blob only;
} Imported;

typedef struct Certificates {
        Certificate **items; /* those sent come first, each once */
        size_t n;
        size_t n_sent;
        size_t allocated;
        Certificate *leaf; /* in @items; NULL: it cannot be read */
        int unreadable;    /* index in the chain of the first above the leaf that cannot be; -1 */
        const Authorities *authorities;
        const Authorities *blocked; /* NULL: none */
        const struct DistrustRules *rules; /* never NULL */
        const Belief *beliefs;
        size_t n_beliefs;
        Imported imported[BELIEFS_MAX];
        size_t n_imported;
        Link links[PATH_SIGNATURES_MAX];
        size_t n_links;
        unsigned n_checks; /* signatures checked so far */
} Certificates;

/* Reads the chain. @chain and all the others must outlive *@ret. 0, -ENOMEM, -EIO. */
int certificates_new(const Blob *chain, size_t n_chain, const Authorities *authorities,
                     const Authorities *blocked, const struct DistrustRules *rules,
                     Certificates **ret);
Certificates *certificates_free(Certificates *all);
DEFINE_CLEANUP(Certificates *, certificates_free)

/* Adds what those who ask believe, which must outlive it: right after it was made. 0, -ENOMEM,
 * -EIO. */
int certificates_believe(Certificates *all, const Belief *beliefs, size_t n);

typedef struct Issuers {
        Certificate *items[CHAIN_CERTIFICATES_MAX + 2 * AUTHORITIES_PER_NAME_MAX + BELIEFS_MAX];
        size_t n;
} Issuers;

/*
 * Those whose subject is @c's issuer and whose key could have signed it, the likeliest first; @c
 * itself is never among them. Where only one has the name, its signature is not checked yet unless
 * its key identifier speaks against it. 0, -ENOMEM, -EIO.
 */
int certificates_issuers(Certificates *all, Certificate *c, Issuers *ret);

/* Whether @above's key signed @below, checked at the first call. */
SignatureState certificates_signature(Certificates *all, Certificate *below, Certificate *above);

/* The same if it is known already, else SIGNATURE_UNCHECKED. */
SignatureState certificates_signature_known(const Certificates *all, const Certificate *below,
                                            const Certificate *above);

/* Notes that another check found @below's signature true. */
void certificates_signature_is_true(Certificates *all, const Certificate *below,
                                    const Certificate *above);

/* Whether @signer's key signed something else; counted like those of certificates. */
SignatureState certificates_check(Certificates *all, Signed what, Certificate *signer);

/* true if the very certificate is an authority; if it or its key is on the block list,
 * or its key is publicly known to be in the wrong hands. */
bool certificates_is_authority(const Certificates *all, const Certificate *c);
bool certificates_is_blocked(const Certificates *all, const Certificate *c);

/* true if somebody who asks distrusts it or its key. */
bool certificates_is_distrusted(const Certificates *all, const Certificate *c);

/*
 * Whether the authority @c may speak for all names. If not, the names that it may speak for are
 * those of *@ret, and asked again with the same *@cursor (which begins at 0) of the next, as long
 * as 1 is returned; 0: there are no more.
 */
bool certificates_speaks_for_all(const Certificates *all, const Certificate *c);
int certificates_next_only(const Certificates *all, const Certificate *c, size_t *cursor,
                           Blob *ret);
