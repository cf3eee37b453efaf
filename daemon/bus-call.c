/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call over the bus: its arguments as the object that request.c takes, and what comes back as
 * reply, error or signal. */
#include "config.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "client/fields.h"
#include "daemon/access.h"
#include "daemon/bus-private.h"
#include "daemon/decision.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/log.h"

#define INTERFACE "org.certexc1."

/* -- answers ----------------------------------------------------------------------------------- */

/* What an error says to people: the interface's own first words about it, and the reason. */
static char *error_sentence(const Bus *bus, const char *error, struct json_object *fields) {
        const InterfaceMember *member;
        struct json_object *reason = NULL;
        char *text;
        size_t n;

        if (!json_object_object_get_ex(fields, "reason", &reason) &&
            !json_object_object_get_ex(fields, "what", &reason) &&
            !json_object_object_get_ex(fields, "file", &reason))
                (void) json_object_object_get_ex(fields, "parameter", &reason);
        member = strncmp(error, INTERFACE, strlen(INTERFACE)) == 0
                         ? interface_find(bus->interface, 'e', error + strlen(INTERFACE))
                         : NULL;
        n = member ? strcspn(member->comment, ".;\n") : 0;
        if (asprintf(&text, "%.*s%s%s", n > 0 ? (int) n : 17,
                     n > 0 ? member->comment : "The call is wrong", reason ? ": " : "",
                     reason ? json_object_get_string(reason) : "") < 0)
                return NULL;
        return text;
}

static int send_error(const Bus *bus, sd_bus_message *m, const char *error,
                      struct json_object *fields) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *name = bus_error_from_socket(error);
        _cleanup_free_ char *sentence = error_sentence(bus, error, fields);
        const InterfaceMember *member = NULL;
        int r;

        if (!name || !sentence)
                return -ENOMEM;
        if (strncmp(error, INTERFACE, strlen(INTERFACE)) == 0)
                member = interface_find(bus->interface, 'e', error + strlen(INTERFACE));
        r = sd_bus_message_new_method_errorf(m, &reply, name, "%s", sentence);
        if (r < 0)
                return r;
        r = bus_append_object(reply, member ? member->in : NULL, fields);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int send_reply(sd_bus_message *m, const InterfaceMember *method,
                      struct json_object *results) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = bus_append_object(reply, method->out, results);
        return r < 0 ? r : sd_bus_message_send(reply);
}

/* A caller who gets no answer would wait for the bus to lose its patience. */
static void reply_or_fail(sd_bus_message *m, int r) {
        if (r < 0)
                (void) sd_bus_reply_method_errno(m, r, NULL);
}

void bus_refuse(const Bus *bus, sd_bus_message *m, const char *error, struct json_object *fields) {
        if (sd_bus_message_get_expect_reply(m) > 0)
                reply_or_fail(m, send_error(bus, m, error, fields));
}

void bus_refuse_limit(const Bus *bus, sd_bus_message *m, const char *what, int64_t limit) {
        _cleanup_(json_freep) struct json_object *fields = json_object_new_object();

        (void) json_put_string(fields, "what", what);
        (void) json_put_int(fields, "limit", limit);
        bus_refuse(bus, m, INTERFACE "LimitReached", fields);
}

static void answer(BusCall *call, const char *error, struct json_object *o) {
        const Bus *bus = call->peer->bus;

        if (call->answered)
                return;
        call->answered = true;
        if (error)
                bus_refuse(bus, call->message, error, o);
        else if (sd_bus_message_get_expect_reply(call->message) > 0)
                reply_or_fail(call->message, send_reply(call->message, call->method, o));
}

/* -- signals ----------------------------------------------------------------------------------- */

/* What an agent is told: a prompt, or that it is over. */
static int prompt_signal_new(BusCall *call, struct json_object *event, sd_bus_message **ret) {
        const Bus *bus = call->peer->bus;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Fields f = FIELDS_INIT(event);
        const int64_t number = fields_int(&f, "number", 0, INT64_MAX);
        struct json_object *shown = fields_object(&f, "shown", false);
        int r;

        r = sd_bus_message_new_signal(bus->bus, &m, BUS_PATH, BUS_INTERFACE,
                                      shown ? "Prompt" : "PromptOver");
        if (r >= 0)
                r = sd_bus_message_append(m, "xs", number,
                                          fields_string(&f, shown ? "shown_sha256" : "reason"));
        if (r >= 0 && shown)
                r = bus_append_object(m, interface_find(bus->interface, 't', "Shown")->in, shown);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 1;
}

static int signal_new(BusCall *call, struct json_object *event, sd_bus_message **ret) {
        const Bus *bus = call->peer->bus;
        const char *name, *field = NULL, *type = NULL, *signal;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Fields f = FIELDS_INIT(event);
        int64_t time;
        int r;

        name = fields_string(&f, "event");
        time = fields_int(&f, "time", INT64_MIN, INT64_MAX);
        signal = name ? bus_object_signal(name, &field, &type) : NULL;
        if (!signal)
                return 0;

        r = sd_bus_message_new_signal(bus->bus, &m, BUS_PATH, BUS_INTERFACE, signal);
        if (r >= 0)
                r = sd_bus_message_append(m, "sx", name, time);
        if (r >= 0 && field)
                r = bus_append_object(m, interface_find(bus->interface, 't', type)->in,
                                      fields_object(&f, field, false));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 1;
}

/* To the one who subscribed, and to nobody else. */
static void send_signal(BusCall *call, struct json_object *event) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = strcmp(call->method->name, "RegisterAgent") == 0 ? prompt_signal_new(call, event, &m)
                                                              : signal_new(call, event, &m);
        if (r > 0 && sd_bus_message_set_destination(m, call->peer->name) >= 0)
                (void) sd_bus_send(call->peer->bus->bus, m, NULL);
}

static void on_answer(Request *request, const char *error, struct json_object *parameters,
                      bool continues, void *door) {
        BusCall *call = door;

        if (error)
                log_failed_answer(call->peer->caller.uid, error, parameters);
        if (call->answered && !error)
                send_signal(call, parameters);
        else
                answer(call, error, parameters);
        call->aside = call->aside || continues;
        if (!continues) {
                call->done = true;
                call->request = NULL;
        }
        (void) sd_event_source_set_enabled(call->peer->bus->later, SD_EVENT_ONESHOT);
}

static void on_waits(Request *request, void *door) {
        BusCall *call = door;

        (void) sd_event_source_set_enabled(call->peer->bus->later, SD_EVENT_ONESHOT);
}

/* -- polkit ------------------------------------------------------------------------------------ */

static void on_granted(bool granted, const char *reason, void *userdata) {
        BusCall *call = userdata;

        call->query = polkit_query_free(call->query);
        request_authorized(call->request, call->grant, granted, reason);
}

static bool on_authorize(Request *request, unsigned grant, void *door) {
        BusCall *call = door;

        call->grant = grant;
        if (polkit_ask(call->peer->bus, call->message, access_action((AccessGrant) grant),
                       on_granted, call, &call->query) < 0)
                return false;
        /* A person thinks: what the same program asks meanwhile is not held up. */
        call->aside = true;
        return true;
}

/* -- starting ---------------------------------------------------------------------------------- */

static void start_request(BusCall *call, bool streams, struct json_object *parameters) {
        Bus *bus = call->peer->bus;
        char method[128];
        RequestArgs args = {
                .manager = bus->manager,
                .caller = call->peer->caller,
                .method = method,
                .parameters = parameters,
                .more = streams,
                .answer = on_answer,
                .waits = on_waits,
                /* polkit looks after the system; a user's own daemon asks nobody. */
                .authorize = bus->manager->options.user_mode ? NULL : on_authorize,
                .door = call,
        };
        int r;

        (void) snprintf(method, sizeof(method), INTERFACE "%s", call->method->name);
        r = request_start(&args, &call->request);
        if (r < 0) {
                reply_or_fail(call->message, r);
                call->done = true;
        }
        /* A person thinks about it: what the same program asks meanwhile is not held up. */
        if (strcmp(call->method->name, "Ask") == 0)
                call->aside = true;
}

/* Whose changes are meant; what is no number is refused later. */
static int64_t read_owner(const BusCall *call, struct json_object *parameters) {
        Fields f = FIELDS_INIT(parameters);

        return fields_int_or(&f, "owner", OWNER_SYSTEM, UINT32_MAX,
                             (int64_t) call->peer->caller.uid);
}

/* Ends what @call's sender subscribed to: the same of the same owner, or with @all everything. */
static void unsubscribe(BusCall *call, bool all) {
        for (BusCall *c = call->peer->aside; c; c = c->next)
                if (c->streams && c->answered &&
                    (all || (c->owner == call->owner && c->method == call->method))) {
                        c->request = request_free(c->request);
                        c->done = true;
                }
}

static void start_unsubscribe(BusCall *call) {
        unsubscribe(call, true);
        if (sd_bus_message_get_expect_reply(call->message) > 0)
                (void) sd_bus_reply_method_return(call->message, "");
        call->answered = call->done = true;
}

static void refuse_message(BusCall *call, int error) {
        _cleanup_(json_freep) struct json_object *fields = NULL;

        if (error == -EMSGSIZE) {
                bus_refuse_limit(call->peer->bus, call->message, "bytes of one message",
                                 MESSAGE_BYTES_MAX);
        } else if (error == -EBADMSG) {
                fields = json_object_new_object();
                (void) json_put_string(fields, "parameter", "options");
                bus_refuse(call->peer->bus, call->message, "org.varlink.service.InvalidParameter",
                           fields);
        } else {
                reply_or_fail(call->message, error);
        }
        call->answered = call->done = true;
}

void bus_call_start(BusCall *call) {
        _cleanup_(json_freep) struct json_object *parameters = NULL;
        const char *member = sd_bus_message_get_member(call->message);
        int r;

        call->started = true;
        if (strcmp(member, "Unsubscribe") == 0) {
                start_unsubscribe(call);
                return;
        }
        call->method = bus_object_method(call->peer->bus->interface, member, &call->streams);
        r = call->method ? bus_read_call(call->message, call->method, MESSAGE_BYTES_MAX, &parameters)
                         : -ENOSYS;
        if (r < 0) {
                refuse_message(call, r);
                return;
        }
        if (call->streams) {
                /* Once is enough. */
                call->owner = read_owner(call, parameters);
                unsubscribe(call, false);
        }
        start_request(call, call->streams, parameters);
}

/* -- life -------------------------------------------------------------------------------------- */

BusCall *bus_call_new(BusPeer *peer, sd_bus_message *m) {
        BusCall *call = calloc(1, sizeof(*call));

        if (!call)
                return NULL;
        call->peer = peer;
        call->message = sd_bus_message_ref(m);
        return call;
}

BusCall *bus_call_free(BusCall *call) {
        if (!call)
                return NULL;
        (void) polkit_query_free(call->query);
        (void) request_free(call->request);
        (void) sd_bus_message_unref(call->message);
        free(call);
        return NULL;
}
