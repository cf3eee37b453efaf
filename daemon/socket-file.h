/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SocketFile: a listening socket that is bound to a path here, and the lock that makes it ours. */
#pragma once

#include <sys/types.h>

#include "client/cleanup.h"

typedef struct SocketFile SocketFile;

/*
 * Binds @path, mode @mode, and listens. A socket file that nobody listens on is replaced; two that
 * try at the same time do not take it from each other. Returns 0; -EADDRINUSE if somebody listens
 * there; -EEXIST if something that is no socket is there; -ENAMETOOLONG; -errno.
 */
int socket_file_new(const char *path, mode_t mode, SocketFile **ret);

/* Closes the socket and removes the file, if it is still ours. */
SocketFile *socket_file_free(SocketFile *file);
DEFINE_CLEANUP(SocketFile *, socket_file_free)

int socket_file_fd(const SocketFile *file);
