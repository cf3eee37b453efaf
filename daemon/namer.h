/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namer: user names, looked up by a thread of its own. A user database may be on the network and hang
 * for minutes, and nobody is to wait for it who did not ask; nor for long.
 */
#pragma once

#include <sys/types.h>

#include "client/cleanup.h"
#include "daemon/caller.h"

typedef struct Namer Namer;
typedef struct NamerCall NamerCall;
typedef struct sd_event sd_event;

/* caller_user_name(), or a test's own. Called by the thread. */
typedef int (*NamerLookUp)(uid_t uid, char ret[static CALLER_NAME_MAX]);

/* From the loop: @result as caller_user_name(), or -ETIMEDOUT after NAMER_WAIT_USEC. The call is freed. */
typedef void (*NamerDone)(int result, const char *name, void *userdata);

/* 0 or -errno. The thread is started by the first question. */
int namer_new(sd_event *event, NamerLookUp look_up, Namer **ret);

/* Does not wait for a thread that hangs: it frees what is shared with it. No call may be left. */
Namer *namer_free(Namer *namer);
DEFINE_CLEANUP(Namer *, namer_free)

/*
 * 0 and *@ret, until @done is called; -EBUSY if the user database hangs, or NAMER_QUEUE_MAX wait for it;
 * -errno. Nothing is to be concluded from an error.
 */
int namer_ask(Namer *namer, uid_t uid, NamerDone done, void *userdata, NamerCall **ret);

/* Forgets the call. */
NamerCall *namer_call_free(NamerCall *call);
