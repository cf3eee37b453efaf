/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who asks: the kernel's word for the peer of a socket, the bus's for a sender, and the user database's for its name. */
#include "config.h"

#include <pwd.h>
#include <string.h>
#include <sys/socket.h>

#include "client/cleanup.h"
#include "daemon/caller.h"

/* Room for one entry of the user database; one that needs more is not read. */
#define ENTRY_BYTES_MAX (64U * 1024U)

Caller caller_new(uid_t uid, pid_t pid) {
        return (Caller){
                .uid = uid,
                .pid = pid,
                .overflow = uid == CALLER_OVERFLOW_UID || uid == (uid_t) -1,
        };
}

int caller_from_socket(int fd, Caller *ret) {
        struct ucred credentials;
        socklen_t size = sizeof(credentials);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        if (size != sizeof(credentials))
                return -EBADMSG;

        *ret = caller_new(credentials.uid, credentials.pid);
        return 0;
}

int caller_user_name(uid_t uid, char ret[static CALLER_NAME_MAX]) {
        _cleanup_free_ char *buffer = NULL;
        struct passwd entry, *found = NULL;
        int r;

        buffer = malloc(ENTRY_BYTES_MAX);
        if (!buffer)
                return -ENOMEM;

        r = getpwuid_r(uid, &entry, buffer, ENTRY_BYTES_MAX, &found);
        if (r != 0)
                return -r;
        if (!found)
                return 0;
        if (strlen(found->pw_name) >= CALLER_NAME_MAX)
                return -ENAMETOOLONG;

        strcpy(ret, found->pw_name);
        return 1;
}
