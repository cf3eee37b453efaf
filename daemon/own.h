/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Own: what an owner, and the administrator for all, believe beyond the system's store. It is read
 * from the store for each question that goes to a judge, and its digest is part of the basis that a
 * remembered judgement is found by, so that none outlives it.
 */
#pragma once

#include "client/cleanup.h"
#include "daemon/beliefs.h"
#include "daemon/facts.h"

typedef struct Manager Manager;

typedef struct Own {
        Belief items[BELIEFS_MAX];
        size_t n;
        uint8_t basis[SHA256_SIZE];
} Own;

/* All of it, with the certificates. Returns 0 or an error of store.h. */
int own_load(Manager *m, int64_t owner, Own **ret);
Own *own_free(Own *own);
DEFINE_CLEANUP(Own *, own_free)

/*
 * The digest of all that a judgement for @owner rests on, but the chain, the endpoint and the time:
 * the authorities, the block list, what is believed, the checks. Costs one comparison if nothing has
 * changed. Returns 0 or an error of store.h.
 */
int own_basis(Manager *m, int64_t owner, uint8_t ret[static SHA256_SIZE]);

/*
 * What of @facts has the problem distrusted-issuer because @owner, and nobody else, distrusts it, by the name that
 * the finding has. 1 and in *@ret (free()), 0 if that is nothing, or an error of store.h.
 */
int own_distrusted(Manager *m, int64_t owner, const Facts *facts, char **ret);
