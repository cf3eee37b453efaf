/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkup: examinations of the store, one at a time, on a thread of their own, so that nobody's verdict
 * waits; who asked is told how far it has come. Of each uid one is under way or waits.
 */
#pragma once

#include "client/cleanup.h"

typedef struct Checkup Checkup;
typedef struct Checkups Checkups;
typedef struct Manager Manager;

/* 0 or -errno. */
int checkups_new(Manager *manager, Checkups **ret);
Checkups *checkups_free(Checkups *checkups);
DEFINE_CLEANUP(Checkups *, checkups_free)

/* Ends the one that is under way, and waits until it has let go of the store's files: they are about to
 * be set aside. Who asked for it is told Rebuilding. */
void checkups_stop(Checkups *checkups);

/* One that nobody asked for, and that nobody is told of unless it finds damage: mender_found(). */
void checkups_begin_own(Checkups *checkups);

/* The request that waits for it is gone. NULL ok; returns NULL. */
Checkup *checkup_free(Checkup *checkup);
