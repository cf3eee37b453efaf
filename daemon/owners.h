/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owners: what is remembered of an owner between requests, so that it is not done for each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"

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

/* Counts a write of a seen certificate: false past SEEN_WRITES_PER_OWNER_MAX in a minute. */
bool owners_may_write_seen(Owners *owners, int64_t owner, int64_t now);
