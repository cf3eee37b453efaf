/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a certificate of a path has been revoked, by the lists and the stapled answer that are
 * there. */
#pragma once

#include "daemon/path.h"
#include "daemon/revoked.h"

/* What was found out about a list and a certificate, since a chain may have many paths. */
typedef struct ListLook {
        const uint8_t *list;
        const Certificate *certificate;
        bool is_signer; /* whether its key signed the list, else what the list says of it */
        int result;
        Revoked revoked;
} ListLook;

#define LIST_LOOKS_MAX 128U

/* What is known, and what it has cost so far. Starts with the first two and zeros. */
typedef struct Revocation {
        const struct Lists *lists; /* NULL: none */
        Blob staple;               /* size 0: none */
        uint64_t work;             /* bytes of lists that were gone through */
        ListLook looks[LIST_LOOKS_MAX];
        size_t n_looks;
} Revocation;

/* true if a list that @issuer signed has @c, which need not be of the chain. */
bool revocation_is_listed(Judging *judging, const Certificate *c, Certificate *issuer);

/*
 * Reports revoked for each certificate of @path that a true answer calls so; revocation-unknown
 * where there are lists of its issuer and none can be used, where the staple cannot be, and
 * where one is demanded and missing.
 */
void revocation_check(Judging *judging, const Path *path, Report *report);
