/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Access: who may do what. The only place where that is decided. */
#pragma once

#include <stdint.h>

#include "daemon/caller.h"

typedef enum AccessKind {
        ACCESS_ASK,   /* Verify: reads decisions to answer */
        ACCESS_READ,  /* lists, history, status, monitor */
        ACCESS_WRITE, /* adds and revokes */
        ACCESS_AGENT, /* asks the person, and answers for them */
        ACCESS_MANAGE, /* the store as a whole: uid 0, and whoever owns its files */
} AccessKind;

/* What polkit can allow a caller to do for once as if he were the administrator. */
typedef enum AccessGrant {
        ACCESS_GRANT_NONE = 0,
        ACCESS_GRANT_SYSTEM = 1 << 0, /* the system's decisions and its store */
        ACCESS_GRANT_OTHERS = 1 << 1, /* decisions of other people */
} AccessGrant;

/* Returns 0, or -EACCES and a sentence (static) for people in *@ret_reason. @owner is a uid or
 * OWNER_SYSTEM. */
int access_check(const Caller *caller, AccessKind kind, int64_t owner, const char **ret_reason);

/* What a caller who was refused lacks: the first grant to ask for, or ACCESS_GRANT_NONE if none
 * would help. */
AccessGrant access_lacks(const Caller *caller, AccessKind kind, int64_t owner);

/* The name of polkit's action for a grant. */
const char *access_action(AccessGrant grant);
