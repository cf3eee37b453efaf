/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Beliefs: what an owner, and the administrator for all, believe beyond the system's store. They
 * come along with each question, so that no judgement is older than they are.
 */
#pragma once

#include "client/cleanup.h"
#include "client/encoding.h"
#include "daemon/limits.h"

typedef enum BeliefKind {
        BELIEF_AUTHORITY,
        BELIEF_DISTRUSTED_CERTIFICATE,
        BELIEF_DISTRUSTED_KEY,
        _BELIEF_KIND_MAX,
} BeliefKind;

typedef struct Belief {
        BeliefKind kind;
        uint8_t sha256[SHA256_SIZE]; /* of the certificate, or of the key */
        Blob only;                   /* of an authority: only_add()'s text; size 0: all names */
        Blob der;                    /* of an authority */
} Belief;

/* An owner's, and the system's. */
#define BELIEFS_MAX       (2U * ENTRIES_PER_OWNER_MAX)
#define BELIEFS_BYTES_MAX (2U * ENTRY_BYTES_PER_OWNER_MAX)
