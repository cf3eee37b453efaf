/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Monitor: the stream of an owner's changes, on a connection of its own. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "client/fields.h"
#include "client/i18n.h"
#include "client/library.h"

struct certexc_monitor {
        Feed feed;
};

struct certexc_event {
        JsonObject *object;
        const char *name;
        int64_t time;
        bool has_exception;
        certexc_exception exception;
};

int certexc_monitor_new(certexc_client *client, certexc_monitor **ret) {
        _cleanup_(certexc_monitor_freep) certexc_monitor *m = NULL;
        _cleanup_(parameters_done) Parameters p = { 0 };
        int r;

        if (!client || !ret)
                return client_misuse(client);
        m = calloc(1, sizeof(*m));
        if (!m)
                return client_no_memory(client);
        parameters_init(&p);
        parameters_add_owner(&p, client);
        r = feed_open(&m->feed, client, "org.certexc1.Monitor", &p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

certexc_monitor *certexc_monitor_free(certexc_monitor *monitor) {
        if (!monitor)
                return NULL;
        feed_close(&monitor->feed);
        free(monitor);
        return NULL;
}

int certexc_monitor_fd(const certexc_monitor *monitor) {
        return monitor ? connection_fd(monitor->feed.connection) : -EINVAL;
}

const char *certexc_monitor_error(const certexc_monitor *monitor) {
        return monitor ? trouble_sentence(&monitor->feed.trouble) : _("There is no monitor.");
}

certexc_event *certexc_event_free(certexc_event *event) {
        if (!event)
                return NULL;
        (void) json_object_put(event->object);
        free(event);
        return NULL;
}

static int event_new(JsonObject *object, certexc_event **ret) {
        _cleanup_(certexc_event_freep) certexc_event *e = calloc(1, sizeof(*e));
        Fields f = FIELDS_INIT(object);
        JsonObject *exception;
        const char *field;

        if (!e)
                return -ENOMEM;
        e->object = json_object_get(object);
        e->name = fields_string(&f, "event");
        e->time = fields_int(&f, "time", INT64_MIN, INT64_MAX);
        exception = fields_object(&f, "exception", false);
        if (fields_finish(&f, false) < 0)
                return -EPROTO;
        if (exception) {
                if (exception_read(exception, &e->exception, &field) < 0)
                        return -EPROTO;
                e->has_exception = true;
        }
        *ret = TAKE_PTR(e);
        return 0;
}

int certexc_monitor_next(certexc_monitor *monitor, certexc_event **ret) {
        _cleanup_(json_unrefp) JsonObject *object = NULL;
        int r;

        if (!monitor || !ret)
                return -EINVAL;
        r = feed_next(&monitor->feed, false, 0, &object);
        if (r <= 0)
                return r;
        r = event_new(object, ret);
        if (r == -ENOMEM)
                return trouble_set(&monitor->feed.trouble, r, "There is not enough memory.");
        return r < 0 ? feed_bad(&monitor->feed) : 1;
}

const char *certexc_event_name(const certexc_event *event) {
        return event ? event->name : NULL;
}

int64_t certexc_event_time(const certexc_event *event) {
        return event ? event->time : 0;
}

const certexc_exception *certexc_event_exception(const certexc_event *event) {
        return event && event->has_exception ? &event->exception : NULL;
}

const char *certexc_event_json(const certexc_event *event) {
        return event ? json_text(event->object) : NULL;
}
