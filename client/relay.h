/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Relay: bytes between a client's two descriptors and a server behind TLS, none of which is looked at.
 *
 * The client's end of input is not passed on, since servers drop what they still owe when they hear of it; the
 * server gets a while to send that. When nobody reads our output any more, or the server has ended, it is over.
 */
#pragma once

#include "client/connect.h"

/* 0 when it has ended in order, or -ECONNABORTED and @fault, or another -errno of the client's descriptors. @in and
 * @out stay as they are: blocking if they are, since they may be other programs' as well. */
int relay_run(Channel *channel, int in, int out, Fault *fault);
