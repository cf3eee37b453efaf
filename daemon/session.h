/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Session: one connection of the socket door, from accept to close. Reads messages, starts
 * requests, writes their answers in the order of the calls.
 */
#pragma once

#include "client/cleanup.h"
#include "daemon/caller.h"

typedef struct Manager Manager;
typedef struct PeerSession PeerSession;

/* Takes over @fd, on failure too. @closed is called once, when the session ends by itself; the session is freed
 * after it. Returns 0 or -errno. */
int peer_session_new(Manager *manager, int fd, const Caller *caller,
                     void (*closed)(PeerSession *session, void *userdata), void *userdata,
                     PeerSession **ret);
PeerSession *peer_session_free(PeerSession *session);
DEFINE_CLEANUP(PeerSession *, peer_session_free)

/* Starts no further call; ends once the one at work is answered, or at once if it only listens. */
void peer_session_stop(PeerSession *session);

const Caller *peer_session_caller(const PeerSession *session);
