/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call over the bus, from its parameters to a reply in the form of the socket's. */
#include "config.h"

#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "client/bus-value.h"

/* As much as the socket takes. */
#define REPLY_BYTES_MAX ((size_t) 4 * 1024 * 1024)

#define SOCKET_ERRORS "org.certexc1."

typedef struct json_object JsonObject;

static JsonObject *json_unref(JsonObject *o) {
        (void) json_object_put(o);
        return NULL;
}
DEFINE_CLEANUP(JsonObject *, json_unref)

/* sd_bus_call() would throw away what an error carries behind its sentence. */
static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        sd_bus_message **reply = userdata;

        *reply = sd_bus_message_ref(m);
        return 0;
}

static int wait_for(sd_bus *bus, sd_bus_message *call, uint64_t usec, sd_bus_message **ret) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_async(bus, &slot, call, on_reply, &reply, usec);
        while (r >= 0 && !reply) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
                if (r == -EINTR)
                        r = 0;
        }
        if (!reply)
                return r;
        *ret = reply;
        return 0;
}

static int add(JsonObject *o, const char *name, JsonObject *value) {
        if (!value || json_object_object_add(o, name, value) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static int read_error(sd_bus_message *m, const Interface *interface, JsonObject *reply) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        _cleanup_free_ char *name = bus_error_to_socket(e->name);
        const InterfaceMember *error = NULL;
        JsonObject *fields = NULL;
        int r;

        if (!name)
                return -ENOMEM;
        if (strncmp(name, SOCKET_ERRORS, strlen(SOCKET_ERRORS)) == 0)
                error = interface_find(interface, 'e', name + strlen(SOCKET_ERRORS));

        if (sd_bus_message_has_signature(m, "sa{sv}") > 0) {
                r = sd_bus_message_skip(m, "s");
                if (r >= 0)
                        r = bus_read_object(m, error ? error->in : NULL, REPLY_BYTES_MAX, &fields);
        } else {
                fields = json_object_new_object();
                r = fields ? add(fields, "reason", json_object_new_string(e->message ?: ""))
                           : -ENOMEM;
        }
        if (r >= 0)
                r = add(reply, "error", json_object_new_string(name));
        if (r < 0) {
                (void) json_object_put(fields);
                return r;
        }
        return add(reply, "parameters", fields);
}

static int read_reply(sd_bus_message *m, const Interface *interface, const InterfaceMember *method,
                      JsonObject **ret) {
        _cleanup_(json_unrefp) JsonObject *reply = json_object_new_object();
        JsonObject *results = NULL;
        int r;

        if (!reply)
                return -ENOMEM;
        if (sd_bus_message_is_method_error(m, NULL)) {
                r = read_error(m, interface, reply);
        } else {
                r = bus_read_object(m, method->out, REPLY_BYTES_MAX, &results);
                if (r >= 0)
                        r = add(reply, "parameters", results);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reply);
        return 0;
}

int bus_call_wait(sd_bus *bus, const Interface *interface, const char *name,
                  JsonObject *parameters, bool interactive, uint64_t usec, JsonObject **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const InterfaceMember *method = interface_find(interface, 'm', name);
        int r;

        if (!method)
                return -EOPNOTSUPP;
        r = sd_bus_message_new_method_call(bus, &call, BUS_NAME, BUS_PATH, BUS_INTERFACE, name);
        if (r < 0)
                return r;
        r = sd_bus_message_set_allow_interactive_authorization(call, interactive);
        if (r < 0)
                return r;
        r = bus_append_call(call, method, parameters);
        if (r < 0)
                return r;
        r = wait_for(bus, call, usec, &reply);
        return r < 0 ? r : read_reply(reply, interface, method, ret);
}
