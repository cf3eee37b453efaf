/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mender: the loop's side of a rebuild. It notices that the store is damaged, has the committing thread
 * mend it, and keeps the requests that need the store waiting meanwhile: they begin again afterwards,
 * or are told Rebuilding when it takes too long. Nothing is answered from a store in doubt.
 */
#pragma once

#include <stdbool.h>

#include "client/cleanup.h"
#include "daemon/rebuild.h"

typedef struct Manager Manager;
typedef struct Mender Mender;
typedef struct Request Request;
typedef struct Waiting Waiting;

/* Logs. Returns 0 or -errno. */
int mender_new(Manager *manager, Mender **ret);
Mender *mender_free(Mender *mender);
DEFINE_CLEANUP(Mender *, mender_free)

bool mender_is_busy(const Mender *mender);

/* Looks whether damage was met since the last time, and mends. true if it is being mended now. */
bool mender_check(Mender *mender);

/* The committing thread has come to rest: tells the log of a journal that was found damaged, and mends
 * what else is. NULL ok. */
void mender_look(Mender *mender);

/* A question has come. mender_check(), and with @at_files looks whether somebody else has changed the files,
 * of which what is read from memory tells nothing. */
void mender_asked(Mender *mender, bool at_files);

/* An examination of all of the store has found damage. */
void mender_found(Mender *mender);

/* Mends because of @cause (0: it was asked for). 0; -EBUSY if that was tried a moment ago. */
int mender_start(Mender *mender, int cause);

/*
 * @r failed with @error. true if that may be mended: then @r waits, and begins again or is answered.
 */
bool mender_wait(Mender *mender, Request *r, int error);

/* @r waits until what is under way is over, however long that takes, and then @done is called with
 * its result. 0 or -ENOMEM. */
int mender_wait_for_end(Mender *mender, Request *r, void (*done)(Request *r, int error));

/* NULL ok; returns NULL. */
Waiting *waiting_free(Waiting *waiting);

/* true if damage was noticed that no mending has followed. */
bool mender_left_damage(const Mender *mender);

/* What mending came to last, NULL if there was none since the daemon started. */
const Mending *mender_last(const Mender *mender);
