/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules: one's own needs no privilege, everything else needs uid 0 or polkit's word, and
 * nothing is kept for a uid that may be anybody's. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "daemon/access.h"
#include "daemon/decision.h"

static bool may(const Caller *caller, AccessGrant grant) {
        return !caller->overflow && (caller->uid == 0 || (caller->granted & grant));
}

/* Consent is nobody else's, root's included. */
static int check_agent(const Caller *caller, int64_t owner, const char **ret_reason) {
        if (owner == (int64_t) caller->uid && !caller->overflow)
                return 0;
        *ret_reason = "an agent asks and answers for its own user only";
        return -EACCES;
}

int access_check(const Caller *caller, AccessKind kind, int64_t owner, const char **ret_reason) {
        AccessGrant naming = owner == OWNER_SYSTEM ? ACCESS_GRANT_SYSTEM : ACCESS_GRANT_OTHERS;

        if (kind == ACCESS_AGENT)
                return check_agent(caller, owner, ret_reason);
        if (owner != (int64_t) caller->uid && !may(caller, naming)) {
                *ret_reason = "only the administrator (uid 0) may name another owner";
                return -EACCES;
        }

        /* The daemon's own uid is the user whom it serves; in the system's it is nobody's
         * log-in. */
        if (kind == ACCESS_MANAGE && caller->uid != geteuid() && !may(caller, ACCESS_GRANT_SYSTEM)) {
                *ret_reason = "only the administrator (uid 0) may do this to the system's store";
                return -EACCES;
        }

        if (caller->overflow && kind != ACCESS_ASK) {
                *ret_reason = "the kernel shows you as the overflow uid, which may be several users: "
                              "you may ask Verify, but nothing is stored for you";
                return -EACCES;
        }

        if (owner == (int64_t) CALLER_OVERFLOW_UID && kind == ACCESS_WRITE) {
                *ret_reason = "uid 65534 stands for all users that the kernel cannot name, so nothing "
                              "is stored for it";
                return -EACCES;
        }
        return 0;
}

AccessGrant access_lacks(const Caller *caller, AccessKind kind, int64_t owner) {
        const AccessGrant all = ACCESS_GRANT_SYSTEM | ACCESS_GRANT_OTHERS;
        Caller granted = *caller;
        const char *reason = NULL;

        granted.granted |= all;
        if (access_check(caller, kind, owner, &reason) == 0 ||
            access_check(&granted, kind, owner, &reason) < 0)
                return ACCESS_GRANT_NONE;

        /* The first without which it would not do. */
        granted.granted &= ~(unsigned) ACCESS_GRANT_SYSTEM;
        if (!(caller->granted & ACCESS_GRANT_SYSTEM) &&
            access_check(&granted, kind, owner, &reason) < 0)
                return ACCESS_GRANT_SYSTEM;
        return caller->granted & ACCESS_GRANT_OTHERS ? ACCESS_GRANT_NONE : ACCESS_GRANT_OTHERS;
}

const char *access_action(AccessGrant grant) {
        return grant == ACCESS_GRANT_SYSTEM ? "org.certexc1.manage-system"
                                            : "org.certexc1.manage-others";
}
