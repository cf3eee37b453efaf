/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules: one's own needs no privilege, everything else needs uid 0, and nothing is kept for a
 * uid that may be anybody's. */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/access.h"
#include "daemon/decision.h"

int access_check(const Caller *caller, AccessKind kind, int64_t owner, const char **ret_reason) {
        if (owner != (int64_t) caller->uid && (caller->uid != 0 || caller->overflow)) {
                *ret_reason = "only the administrator (uid 0) may name another owner";
                return -EACCES;
        }

        /* The daemon's own uid is the user whom it serves; in the system's it is nobody's log-in. */
        if (kind == ACCESS_MANAGE && caller->uid != 0 && caller->uid != geteuid()) {
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
