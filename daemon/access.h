/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Access: who may do what. The only place where that is decided. */
#pragma once

#include <stdint.h>

#include "daemon/caller.h"

typedef enum AccessKind {
        ACCESS_ASK,   /* Verify: reads decisions to answer */
        ACCESS_READ,  /* lists, history, status, monitor */
        ACCESS_WRITE, /* adds and revokes */
        ACCESS_MANAGE, /* the store as a whole: uid 0, and whoever owns its files */
} AccessKind;

/* Returns 0, or -EACCES and a sentence (static) for people in *@ret_reason. @owner is a uid or
 * OWNER_SYSTEM. */
int access_check(const Caller *caller, AccessKind kind, int64_t owner, const char **ret_reason);
