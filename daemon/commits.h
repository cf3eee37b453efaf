/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commits: the thread that applies changes to the store, those that wait together in one
 * transaction, so that no disk stalls the event loop and many writers share a sync.
 */
#pragma once

#include "client/cleanup.h"
#include "daemon/store.h"

typedef struct Commits Commits;

/* Starts the thread; @store stays the caller's and outlives it. Returns 0 or -errno. */
int commits_new(Store *store, Commits **ret);

/* Finishes what is queued (each done() is called), ends the thread. */
Commits *commits_free(Commits *commits);
DEFINE_CLEANUP(Commits *, commits_free)

/* Readable when commits_dispatch() has something to do; until commits_heard(). */
int commits_fd(const Commits *commits);
void commits_heard(Commits *commits);

/* Calls done() of every finished change, on the caller's thread, then frees the change. */
void commits_dispatch(Commits *commits);

/* The same for the oldest of them. true: there is more to do. */
bool commits_dispatch_one(Commits *commits);

/*
 * Queues @change, which is taken over. Its done() is called from commits_dispatch(), exactly once,
 * with @error 0 and @result, or @error -errno. Returns 0; -EBUSY past COMMIT_QUEUE_MAX or
 * COMMIT_QUEUE_PER_OWNER_MAX, and @change stays the caller's.
 */
int commits_submit(Commits *commits, Change *change);

/*
 * Runs @job on the thread before any change that waits, then @done from commits_dispatch(), after all
 * that was finished before. Until @done has returned no change is applied: it may run the next job.
 * Returns 0, or -EBUSY if one is under way. commits_free() waits for the job, and calls @done too.
 */
int commits_run(Commits *commits, void (*job)(void *userdata), void (*done)(void *userdata),
                void *userdata);
