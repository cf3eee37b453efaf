/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Monitor: the stream of an owner's changes, on a connection of its own. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "client/fields.h"
#include "client/i18n.h"
#include "client/library.h"

struct certexc_monitor {
        Connection *connection;
        Trouble trouble;
};

struct certexc_event {
        JsonObject *object;
        const char *name;
        int64_t time;
        bool has_exception;
        certexc_exception exception;
};

static int send_call(Connection *connection, certexc_client *client, int64_t deadline) {
        _cleanup_(parameters_done) Parameters p = { 0 };
        _cleanup_free_ char *message = NULL;
        size_t size;
        int r;

        parameters_init(&p);
        parameters_add_owner(&p, client);
        if (p.bad)
                return -ENOMEM;
        r = varlink_write_call("org.certexc1.Monitor", p.object, true, false, &message, &size);
        if (r < 0)
                return r;
        return connection_send(connection, message, size, deadline);
}

int certexc_monitor_new(certexc_client *client, certexc_monitor **ret) {
        _cleanup_(certexc_monitor_freep) certexc_monitor *m = NULL;
        int64_t deadline;
        int r;

        if (!client || !ret)
                return client_misuse(client);
        deadline = connection_deadline(client_timeout(client));
        trouble_clear(client_trouble(client));
        m = calloc(1, sizeof(*m));
        if (!m)
                return client_no_memory(client);

        r = connection_new(certexc_client_socket(client), deadline, client_trouble(client),
                           &m->connection);
        if (r < 0)
                return r;
        r = send_call(m->connection, client, deadline);
        if (r == -ENOMEM)
                return client_no_memory(client);
        if (r < 0)
                return trouble_set(client_trouble(client), r,
                                   "The certexc daemon did not take the call of Monitor. Try "
                                   "again; its log tells why.");
        *ret = TAKE_PTR(m);
        return 0;
}

certexc_monitor *certexc_monitor_free(certexc_monitor *monitor) {
        if (!monitor)
                return NULL;
        monitor->connection = connection_free(monitor->connection);
        trouble_clear(&monitor->trouble);
        free(monitor);
        return NULL;
}

int certexc_monitor_fd(const certexc_monitor *monitor) {
        return monitor ? connection_fd(monitor->connection) : -EINVAL;
}

const char *certexc_monitor_error(const certexc_monitor *monitor) {
        return monitor ? trouble_sentence(&monitor->trouble) : _("There is no monitor.");
}

certexc_event *certexc_event_free(certexc_event *event) {
        if (!event)
                return NULL;
        (void) json_object_put(event->object);
        free(event);
        return NULL;
}

static int bad_event(certexc_monitor *m) {
        return trouble_set(&m->trouble, -EPROTO,
                           "The daemon sent an event that makes no sense. Its version may not fit "
                           "that of this program.");
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

/* Takes @message over. */
static int take_event(certexc_monitor *m, JsonObject *message, certexc_event **ret) {
        _cleanup_(json_unrefp) JsonObject *owned = message;
        VarlinkFault fault;
        VarlinkReply reply;
        int r;

        if (varlink_reply_read(message, &reply, &fault) < 0)
                return bad_event(m);
        if (reply.error)
                return trouble_set_reply(&m->trouble, TAKE_PTR(owned), &reply);

        r = event_new(reply.parameters, ret);
        if (r == -ENOMEM)
                return trouble_set(&m->trouble, r, "There is not enough memory.");
        return r < 0 ? bad_event(m) : 1;
}

int certexc_monitor_next(certexc_monitor *monitor, certexc_event **ret) {
        JsonObject *message = NULL;
        int r;

        if (!monitor || !ret)
                return -EINVAL;
        /* What ended once stays ended. */
        if (monitor->trouble.error < 0)
                return monitor->trouble.error;

        r = connection_receive(monitor->connection, false, 0, &message);
        if (r > 0)
                return take_event(monitor, message, ret);
        if (r == -ECONNRESET)
                return trouble_set(&monitor->trouble, r,
                                   "The certexc daemon ended the stream: it was stopped, or this "
                                   "program read too slowly. Watch again and list anew.");
        if (r == -EPROTO)
                return bad_event(monitor);
        if (r < 0)
                return trouble_set(&monitor->trouble, r, "The stream of the certexc daemon: %s.",
                                   strerrordesc_np(-r));
        return 0;
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
