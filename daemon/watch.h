/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watch: a folder and what becomes of the files in it, also while it is not there yet. */
#pragma once

#include <sys/inotify.h>

#include "client/cleanup.h"

typedef struct sd_event sd_event;
typedef struct Watch Watch;

/*
 * What is asked of a folder, by all who watch one that others may watch as well: libsystemd before 256 does not
 * come back from an event that nobody of those who are left waits for. Each passes over what it does not want.
 */
#define WATCH_EVENTS                                                                               \
        (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB |         \
         IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* Something in the folder changed: the file's name, or NULL if any may have (the folder itself came
 * or went, or more happened than could be told). */
typedef void (*WatchTouched)(const char *name, void *userdata);

/* @touched is called from the loop. 0, -ENOMEM, or -errno of inotify(7). */
int watch_new(sd_event *event, const char *folder, WatchTouched touched, void *userdata,
              Watch **ret);
Watch *watch_free(Watch *watch);
DEFINE_CLEANUP(Watch *, watch_free)
