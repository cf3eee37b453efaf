/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listener: the listening socket, given by the service manager or bound here; counts connections. */
#pragma once

#include <stdbool.h>

#include "client/cleanup.h"

typedef struct Manager Manager;
typedef struct Listener Listener;

/*
 * Takes the socket that the service manager passed, else binds @path: a socket file that nobody
 * listens on is replaced, one that somebody does is not (-EADDRINUSE). Logs. Returns 0 or -errno.
 */
int listener_new(Manager *manager, const char *path, Listener **ret);

/* Closes the socket and every session; removes the socket file if it was bound here. */
Listener *listener_free(Listener *listener);
DEFINE_CLEANUP(Listener *, listener_free)

/* Takes no further connection and no further call; calls at work are answered. */
void listener_stop(Listener *listener);

unsigned listener_n_connections(const Listener *listener);

/* true if the service manager holds the socket and will start us again. */
bool listener_was_passed(const Listener *listener);
