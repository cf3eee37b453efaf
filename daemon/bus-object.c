/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object's methods and signals as sd-bus wants them. Methods come from the interface's text: a
 * new one is here without a word. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "daemon/bus-private.h"

/* What streams on the socket has an end on the bus, and signals. */
static const struct {
        const char *method, *member;
} streams[] = {
        { "Monitor", "Subscribe" },
        { "RegisterAgent", "RegisterAgent" },
};

static const struct {
        const char *event, *signal, *field, *type;
} events[] = {
        { "allowed", "ExceptionAdded", "exception", "Exception" },
        { "denied", "ExceptionAdded", "exception", "Exception" },
        { "confirmed", "ExceptionAdded", "exception", "Exception" },
        { "revoked", "ExceptionRevoked", "exception", "Exception" },
        { "ended", "ExceptionRevoked", "exception", "Exception" },
        { "unconfirmed", "ExceptionRevoked", "exception", "Exception" },
        { "authorities-changed", "AuthoritiesChanged", NULL, NULL },
        { "rules-changed", "RulesChanged", NULL, NULL },
        { "store-rebuilt", "StoreRebuilt", "rebuild", "Rebuild" },
};

static const sd_bus_vtable signals[] = {
        SD_BUS_SIGNAL_WITH_NAMES("Prompt", "xsa{sv}",
                                 SD_BUS_PARAM(number) SD_BUS_PARAM(shown_sha256) SD_BUS_PARAM(shown),
                                 0),
        SD_BUS_SIGNAL_WITH_NAMES("PromptOver", "xs", SD_BUS_PARAM(number) SD_BUS_PARAM(reason), 0),
        SD_BUS_SIGNAL_WITH_NAMES("ExceptionAdded", "sxa{sv}",
                                 SD_BUS_PARAM(event) SD_BUS_PARAM(time) SD_BUS_PARAM(exception), 0),
        SD_BUS_SIGNAL_WITH_NAMES("ExceptionRevoked", "sxa{sv}",
                                 SD_BUS_PARAM(event) SD_BUS_PARAM(time) SD_BUS_PARAM(exception), 0),
        SD_BUS_SIGNAL_WITH_NAMES("AuthoritiesChanged", "sx",
                                 SD_BUS_PARAM(event) SD_BUS_PARAM(time), 0),
        SD_BUS_SIGNAL_WITH_NAMES("RulesChanged", "sx", SD_BUS_PARAM(event) SD_BUS_PARAM(time), 0),
        SD_BUS_SIGNAL_WITH_NAMES("StoreRebuilt", "sxa{sv}",
                                 SD_BUS_PARAM(event) SD_BUS_PARAM(time) SD_BUS_PARAM(rebuild), 0),
};

struct BusObject {
        sd_bus_vtable *vtable;
        char **texts; /* signatures and names that @vtable points to */
        size_t n_vtable, n_texts;
};

const char *bus_object_signal(const char *event, const char **ret_field, const char **ret_type) {
        for (size_t i = 0; i < N_ELEMENTS(events); i++) {
                if (strcmp(events[i].event, event) != 0)
                        continue;
                *ret_field = events[i].field;
                *ret_type = events[i].type;
                return events[i].signal;
        }
        return NULL;
}

const InterfaceMember *bus_object_method(const Interface *interface, const char *member,
                                         bool *ret_streams) {
        for (size_t i = 0; i < N_ELEMENTS(streams); i++) {
                if (strcmp(streams[i].member, member) != 0)
                        continue;
                *ret_streams = true;
                return interface_find(interface, 'm', streams[i].method);
        }
        *ret_streams = false;
        return interface_find(interface, 'm', member);
}

/* NULL for a method that does not stream. */
static const char *stream_member(const char *method) {
        for (size_t i = 0; i < N_ELEMENTS(streams); i++)
                if (strcmp(streams[i].method, method) == 0)
                        return streams[i].member;
        return NULL;
}

/* "host\0port\0options\0results\0" */
static char *names_new(const InterfaceMember *method) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; i < method->in->n_fields; i++)
                if (!method->in->fields[i].optional) {
                        (void) fputs(method->in->fields[i].name, f);
                        (void) fputc('\0', f);
                }
        (void) fwrite(SD_BUS_PARAM(options) SD_BUS_PARAM(results), 1,
                      sizeof(SD_BUS_PARAM(options) SD_BUS_PARAM(results)), f);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static int add_method(BusObject *o, const InterfaceMember *method,
                      sd_bus_message_handler_t handler) {
        const char *member = stream_member(method->name);
        char *signature, *names;

        signature = o->texts[o->n_texts++] = bus_call_signature(method);
        names = o->texts[o->n_texts++] = names_new(method);
        if (!signature || !names)
                return -ENOMEM;
        o->vtable[o->n_vtable++] = (sd_bus_vtable) SD_BUS_METHOD_WITH_NAMES(
                member ? member : method->name, signature, names, "a{sv}", , handler,
                SD_BUS_VTABLE_UNPRIVILEGED);
        return 0;
}

static int add_methods(BusObject *o, const Interface *interface, bool streaming,
                       sd_bus_message_handler_t handler) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < interface->n_members; i++) {
                const InterfaceMember *member = &interface->members[i];

                if (member->kind == 'm' && streaming == (stream_member(member->name) != NULL))
                        r = add_method(o, member, handler);
        }
        return r;
}

int bus_object_new(const Interface *interface, sd_bus_message_handler_t handler, BusObject **ret) {
        BusObject *o = calloc(1, sizeof(*o));
        int r = o ? 0 : -ENOMEM;

        if (!o)
                return r;
        /* Start, end and Unsubscribe are not the interface's. */
        o->vtable = calloc(interface->n_members + N_ELEMENTS(signals) + 3, sizeof(*o->vtable));
        o->texts = calloc(2 * interface->n_members + 1, sizeof(*o->texts));
        if (!o->vtable || !o->texts) {
                (void) bus_object_free(o);
                return -ENOMEM;
        }

        o->vtable[o->n_vtable++] = (sd_bus_vtable) SD_BUS_VTABLE_START(0);
        r = add_methods(o, interface, false, handler);
        if (r >= 0)
                r = add_methods(o, interface, true, handler);
        if (r < 0) {
                (void) bus_object_free(o);
                return r;
        }
        o->vtable[o->n_vtable++] = (sd_bus_vtable) SD_BUS_METHOD("Unsubscribe", "", "", handler,
                                                                 SD_BUS_VTABLE_UNPRIVILEGED);
        for (size_t i = 0; i < N_ELEMENTS(signals); i++)
                o->vtable[o->n_vtable++] = signals[i];
        o->vtable[o->n_vtable++] = (sd_bus_vtable) SD_BUS_VTABLE_END;
        *ret = o;
        return 0;
}

BusObject *bus_object_free(BusObject *o) {
        if (!o)
                return NULL;
        for (size_t i = 0; i < o->n_texts; i++)
                free(o->texts[i]);
        free(o->texts);
        free(o->vtable);
        free(o);
        return NULL;
}

const sd_bus_vtable *bus_object_vtable(const BusObject *o) {
        return o->vtable;
}
