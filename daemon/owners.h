/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owners: what is remembered of an owner between requests, so that it is not done for each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"

/* A changed user name is noticed after this at the latest. */
#define OWNERS_NAME_SEC 600

typedef struct Owners Owners;

int owners_new(Owners **ret);
Owners *owners_free(Owners *owners);
DEFINE_CLEANUP(Owners *, owners_free)

/* true if @owner's user name has not been compared since the start or for OWNERS_NAME_SEC. */
bool owners_name_due(const Owners *owners, int64_t owner, int64_t now);

/* Its user name was compared at @now. */
void owners_name_checked(Owners *owners, int64_t owner, int64_t now);

/* Keeps what its user name was looked up to be, "" for none. 0 or -ENOMEM. */
int owners_put_name(Owners *owners, int64_t owner, const char *name);

/* The same (borrowed); NULL: it is not known here. */
const char *owners_name(const Owners *owners, int64_t owner);

/* Counts a write of a seen certificate: false past SEEN_WRITES_PER_OWNER_MAX in a minute. */
bool owners_may_write_seen(Owners *owners, int64_t owner, int64_t now);

/* What own_basis() depends on; while none of it changes, its digest does not. */
typedef struct BasisStamp {
        uint64_t store; /* store_generation() */
        bool doubtful;  /* store_is_doubtful() */
        uint64_t trust; /* the manager's count of blocks */
        uint32_t checks;
        bool user_authorities;
} BasisStamp;

/* true and the digest that was put for @owner with the same stamp. */
bool owners_basis(const Owners *owners, int64_t owner, const BasisStamp *stamp,
                  uint8_t ret[static SHA256_SIZE]);
void owners_put_basis(Owners *owners, int64_t owner, const BasisStamp *stamp,
                      const uint8_t basis[static SHA256_SIZE]);
