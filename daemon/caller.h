/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Caller: who asks, as the kernel or the bus says. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* A user name longer than this is not one (login.defs allows 32). */
#define CALLER_NAME_MAX 256U

/* What the kernel shows for a uid of another user namespace that has no number here. */
#define CALLER_OVERFLOW_UID 65534U

typedef struct Caller {
        uid_t uid;
        pid_t pid;
        bool overflow; /* a uid that the kernel could not map: may ask, may store nothing */
        unsigned granted; /* what polkit allowed for this one call: AccessGrant */
} Caller;

/* From SO_PEERCRED of a connected AF_UNIX socket. Returns 0 or -errno. */
int caller_from_socket(int fd, Caller *ret);

/* From the word of somebody who knows: the kernel, or the bus about a sender. */
Caller caller_new(uid_t uid, pid_t pid);

/* The user name of @uid now, from the system's user database. 1, 0 if it has none, -errno. */
int caller_user_name(uid_t uid, char ret[static CALLER_NAME_MAX]);
