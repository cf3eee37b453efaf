/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Known: the certificate that was known at an endpoint before, and how the one shown now differs. */
#pragma once

#include <stdbool.h>

#include "client/cleanup.h"
#include "client/endpoint.h"
#include "daemon/difference.h"
#include "daemon/rules.h"
#include "daemon/store.h"

struct json_object;

typedef struct Known {
        DifferenceKind kind; /* DIFFERENCE_NONE: nothing is known, or just this certificate */
        bool excepted;       /* else only seen */
        int64_t since;
        CertificateFacts *old;
        bool seen_is_leaf; /* the endpoint's seen certificate is the one shown now */
} Known;

/*
 * Compares @leaf with the newest certificate that was excepted at the endpoint (@decisions are those
 * of store_find(), newest first, then those of @rules), else with the one last seen there. A certificate that is or was
 * excepted itself is no change, nor is anything where the port is unknown. Returns 0 or -errno.
 */
int known_find(Store *store, Rules *rules, int64_t owner, const Endpoint *endpoint,
               const DecisionList *decisions, const CertificateFacts *leaf, Known *ret);
void known_done(Known *known);

/* The interface's Change; NULL when out of memory. Only for a kind that is not DIFFERENCE_NONE. */
struct json_object *known_answer(const Known *known, const CertificateFacts *leaf, int64_t now);
