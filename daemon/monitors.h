/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Monitors: who listens to whose changes. Doors subscribe; decide.c and the manager tell. */
#pragma once

#include <stdint.h>

#include "client/cleanup.h"

struct json_object;
typedef struct Monitors Monitors;
typedef struct Monitor Monitor;

/* @event: the reply of org.certexc1.Monitor, borrowed. */
typedef void (*MonitorEvent)(Monitor *monitor, struct json_object *event, void *userdata);

int monitors_new(Monitors **ret);
Monitors *monitors_free(Monitors *monitors);
DEFINE_CLEANUP(Monitors *, monitors_free)

/* Listens to @owner's changes on behalf of @uid. 0, -EBUSY past MONITORS_PER_UID_MAX, -ENOMEM. */
int monitor_new(Monitors *monitors, uint32_t uid, int64_t owner, MonitorEvent event,
                void *userdata, Monitor **ret);
Monitor *monitor_free(Monitor *monitor);
DEFINE_CLEANUP(Monitor *, monitor_free)

/* Tells those who listen to @owner; OWNER_SYSTEM's changes are everyone's. */
void monitors_tell(Monitors *monitors, int64_t owner, struct json_object *event);
