/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Monitor: the owner's changes, as they happen. */
#include "config.h"

#include <json-c/json.h>

#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/method.h"
#include "daemon/monitors.h"

static void monitor_event(Monitor *monitor, struct json_object *event, void *userdata) {
        Request *r = userdata;

        request_reply_more(r, json_object_get(event));
        request_settle(r);
}

void method_monitor(Request *r) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        Fields f = request_fields(r);
        int n;

        if (request_fields_finish(r, &f) < 0)
                return;

        n = monitor_new(r->manager->monitors, r->caller.uid, r->owner, monitor_event, r,
                        &r->monitor);
        if (n == -EBUSY) {
                request_limit(r, "connections of one user that monitor", MONITORS_PER_UID_MAX);
                return;
        }
        if (n < 0 || json_put_string(o, "event", "ready") < 0 ||
            json_put_int(o, "time", manager_now()) < 0) {
                request_no_memory(r);
                return;
        }
        request_reply_more(r, TAKE_PTR(o));
}
