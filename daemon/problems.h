/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything that is wrong with a chain at an endpoint at a time. The worker's one entry: the judge
 * calls it for the daemon, tests/judge for the corpora.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "client/endpoint.h"
#include "daemon/beliefs.h"
#include "daemon/facts.h"

typedef struct Authorities Authorities;
typedef struct Lists Lists;
struct DistrustRules;

/* Checks that the administrator may relax (certexcd.conf, section [Checks]). */
typedef enum CheckFlags {
        CHECK_WEAK_SIGNATURES = 1 << 0,
        CHECK_WILDCARDS = 1 << 1,
        CHECK_REVOCATION = 1 << 2,
        CHECK_ALL = (1 << 3) - 1,
} CheckFlags;

/* A chain as it came, with all that its judgement depends on. Nothing in it has been checked. */
typedef struct Question {
        const Endpoint *endpoint; /* NULL: no name check. For tests; no door can ask so. */
        const Blob *chain;        /* DER, leaf first */
        size_t n_chain;
        Blob staple; /* stapled OCSP answer; size 0: none */
        int64_t now;
        uint32_t checks;  /* CheckFlags */
        bool any_purpose; /* the leaf need not be a TLS server's. For tests; no door can ask so. */
        const struct DistrustRules *rules; /* NULL: those of distrust_shipped */
        const Belief *beliefs; /* of those who ask */
        size_t n_beliefs;
        bool as_authority; /* see fitness.h */
        const Authorities *blocked;        /* the block list, NULL: none; see below */
        const Lists *lists;                /* of revoked certificates, NULL: none */
} Question;

/*
 * The block list is a block of authorities, too: certificates by their subject, so that they are
 * seen as issuers although nobody sends them, and keys (SubjectPublicKeyInfo) by their SHA-256.
 *
 * Finds every problem of @question against @authorities. The same input gives the same output: the
 * time is @question->now, no file is read.
 *
 * Returns 0 and new facts (a chain that cannot be read has the problem malformed), -ENOMEM, or
 * -EIO if the crypto library failed.
 */
int problems_find(const Question *question, const Authorities *authorities, Facts **ret);
