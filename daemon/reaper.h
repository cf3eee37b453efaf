/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reaper: ends worker processes without the event loop waiting for their death. */
#pragma once

#include "client/cleanup.h"
#include "daemon/worker.h"

typedef struct sd_event sd_event;
typedef struct Reaper Reaper;

/* @event is referenced. 0 or -ENOMEM. */
int reaper_new(sd_event *event, Reaper **ret);

/* Waits for those that are not dead yet. */
Reaper *reaper_free(Reaper *reaper);
DEFINE_CLEANUP(Reaper *, reaper_free)

/* Kills @process and takes it over, leaving none behind. */
void reaper_end(Reaper *reaper, Process *process);
