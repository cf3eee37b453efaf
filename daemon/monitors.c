/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list of listeners. One that leaves while it or another is being told is unlinked afterwards. */
#include "config.h"

#include <stdbool.h>

#include "daemon/decision.h"
#include "daemon/limits.h"
#include "daemon/monitors.h"

struct Monitor {
        Monitors *monitors;
        uint32_t uid;
        int64_t owner;
        MonitorEvent event; /* NULL: has left */
        void *userdata;
        Monitor *next;
};

struct Monitors {
        Monitor *first;
        unsigned telling; /* monitors_tell() is on the stack, this often */
};

int monitors_new(Monitors **ret) {
        Monitors *monitors;

        monitors = calloc(1, sizeof(*monitors));
        if (!monitors)
                return -ENOMEM;
        *ret = monitors;
        return 0;
}

/* Frees those who left, or with @all everyone. */
static void monitors_sweep(Monitors *monitors, bool all) {
        Monitor **link = &monitors->first;

        while (*link) {
                Monitor *monitor = *link;

                if (!all && monitor->event) {
                        link = &monitor->next;
                        continue;
                }
                *link = monitor->next;
                free(monitor);
        }
}

Monitors *monitors_free(Monitors *monitors) {
        if (!monitors)
                return NULL;
        monitors_sweep(monitors, true);
        free(monitors);
        return NULL;
}

static unsigned monitors_count(const Monitors *monitors, uint32_t uid) {
        unsigned n = 0;

        for (const Monitor *monitor = monitors->first; monitor; monitor = monitor->next)
                if (monitor->event && monitor->uid == uid)
                        n++;
        return n;
}

int monitor_new(Monitors *monitors, uint32_t uid, int64_t owner, MonitorEvent event,
                void *userdata, Monitor **ret) {
        Monitor *monitor;

        if (monitors_count(monitors, uid) >= MONITORS_PER_UID_MAX)
                return -EBUSY;

        monitor = calloc(1, sizeof(*monitor));
        if (!monitor)
                return -ENOMEM;

        *monitor = (Monitor){
                .monitors = monitors,
                .uid = uid,
                .owner = owner,
                .event = event,
                .userdata = userdata,
                .next = monitors->first,
        };
        monitors->first = monitor;
        *ret = monitor;
        return 0;
}

Monitor *monitor_free(Monitor *monitor) {
        if (!monitor)
                return NULL;
        monitor->event = NULL;
        if (monitor->monitors->telling == 0)
                monitors_sweep(monitor->monitors, false);
        return NULL;
}

void monitors_tell(Monitors *monitors, int64_t owner, struct json_object *event) {
        monitors->telling++;
        for (Monitor *monitor = monitors->first; monitor; monitor = monitor->next)
                if (monitor->event && (owner == OWNER_SYSTEM || monitor->owner == owner))
                        monitor->event(monitor, event, monitor->userdata);
        if (--monitors->telling == 0)
                monitors_sweep(monitors, false);
}
