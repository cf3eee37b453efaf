/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Submit: a change on its way to the store. It arrives whether or not its asker is still there, and
 * the monitors are told when it did. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/store.h"

typedef struct Manager Manager;
typedef struct Request Request;
typedef struct Submission Submission;

/* What is to be done with @request once the store has answered: see Change. */
typedef void (*SubmitDone)(Request *request, Change *change);

/*
 * Sends *@change, which is taken over on success. @request is the one that waits for it, and @done
 * its way to go on; or both NULL: nobody waits. Returns 0, -EBUSY (the queue is full) or -ENOMEM.
 */
int submit(Manager *manager, Request *request, Change **change, SubmitDone done);

/* The bounds that CHANGE_TOO_MANY and CHANGE_TOO_MANY_HERE are about, as LimitReached names them. */
typedef struct SubmitBounds {
        const char *many, *here;
        int64_t many_max, here_max;
} SubmitBounds;

/* Whether what @change adds is kept now, or was before. If not, @request is answered why. */
bool submit_kept(Request *request, const Change *change, const SubmitBounds *bounds);

/* The request is gone; the change is not. NULL ok. */
void submission_forget(Submission *submission);

/* Records that the end of @d has come; best effort, since every use looks again. */
void submit_end(Manager *manager, const Decision *d);

/* Records that it was @now; best effort. */
void submit_clock(Manager *manager, int64_t now);
