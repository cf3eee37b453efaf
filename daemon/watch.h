/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watch: a folder and what becomes of the files in it, also while it is not there yet. */
#pragma once

#include "client/cleanup.h"

typedef struct sd_event sd_event;
typedef struct Watch Watch;

/* Something in the folder changed: the file's name, or NULL if any may have (the folder itself came
 * or went, or more happened than could be told). */
typedef void (*WatchTouched)(const char *name, void *userdata);

/* @touched is called from the loop. 0, -ENOMEM, or -errno of inotify(7). */
int watch_new(sd_event *event, const char *folder, WatchTouched touched, void *userdata,
              Watch **ret);
Watch *watch_free(Watch *watch);
DEFINE_CLEANUP(Watch *, watch_free)
