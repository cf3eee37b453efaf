/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tty agent: lets polkit ask for a password at this terminal, through pkttyagent(1). */
#pragma once

#include <sys/types.h>

#include "client/cleanup.h"

#define TTY_AGENT_PROGRAM "/usr/bin/pkttyagent"

typedef struct TtyAgent TtyAgent;

/*
 * Starts @program and waits until polkit knows it. Where somebody else asks already, as a desktop
 * does, polkit does not turn to it. NULL if standard input is no terminal, or it cannot be
 * started: then polkit has nobody here to ask, and says so.
 */
TtyAgent *tty_agent_new(const char *program);
TtyAgent *tty_agent_free(TtyAgent *agent);

DEFINE_CLEANUP(TtyAgent *, tty_agent_free)
