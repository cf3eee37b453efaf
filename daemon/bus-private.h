/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the D-Bus door share: the connection, who is on the bus, and their calls. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "client/bus-value.h"
#include "daemon/bus.h"
#include "daemon/caller.h"
#include "daemon/manager.h"
#include "daemon/request.h"
#include "daemon/share.h"

typedef struct BusPeer BusPeer;
typedef struct BusCall BusCall;
typedef struct BusObject BusObject;
typedef struct PolkitQuery PolkitQuery;

struct Bus {
        Manager *manager;
        Interface *interface;
        BusObject *object;
        sd_bus *bus; /* NULL while there is none */
        sd_event_source *retry;
        sd_event_source *later; /* bus_peers_pump() soon */
        unsigned n_tries;       /* since there was a bus last */
        bool named;             /* the name is ours */
        bool stopping;
        uint64_t n_queries; /* ever, of polkit */

        BusPeer *peers;
        unsigned n_peers;
        uint64_t n_takes; /* calls ever, to know who was here last */
};

/* -- bus-object.c: what is exported, made from the interface ----------------------------------- */

int bus_object_new(const Interface *interface, sd_bus_message_handler_t handler, BusObject **ret);
BusObject *bus_object_free(BusObject *object);
const sd_bus_vtable *bus_object_vtable(const BusObject *object);

/* The interface's method behind @member of the bus; NULL if there is none. @ret_streams: it goes on
 * after its first answer, which the bus tells in signals. */
const InterfaceMember *bus_object_method(const Interface *interface, const char *member,
                                         bool *ret_streams);

/* The signal that tells of an event of Monitor, and the event's field that it carries (with its
 * type), or NULL; NULL if there is none. */
const char *bus_object_signal(const char *event, const char **ret_field, const char **ret_type);

/* -- bus-size.c -------------------------------------------------------------------------------- */

/* About how many bytes of arguments @m has, which is read from its beginning then. -EMSGSIZE if more than
 * @max, -errno. */
int bus_message_size(sd_bus_message *m, size_t max, size_t *ret);

/* -- bus-peer.c: who is on the bus ------------------------------------------------------------- */

struct BusPeer {
        Bus *bus;
        char *name; /* the unique one */
        Caller caller;
        bool known;         /* @caller is true */
        sd_bus_slot *watch; /* until it leaves */
        sd_bus_slot *asked; /* the bus, who it is */
        Holding holding;
        BusCall *first, **last; /* its calls, the oldest at work */
        BusCall *aside; /* those that wait for a person or for ever, and hold nobody up */
        uint64_t used;  /* Bus.n_takes */
        BusPeer *next;
};

/* Takes a call; answers at once what is too much. Returns 0 or -errno. */
int bus_peer_take(Bus *bus, sd_bus_message *m);
BusPeer *bus_peer_free(BusPeer *peer);
void bus_peers_drop(Bus *bus);
void bus_peers_pump(Bus *bus);
bool bus_peers_wait(const Bus *bus, bool subscribers);

/* -- bus-call.c: one call, from its message to its answer
 * --------------------------------------- */

struct BusCall {
        BusPeer *peer;
        sd_bus_message *message;
        const InterfaceMember *method;
        Request *request;
        PolkitQuery *query;
        unsigned grant; /* what it asks for */
        size_t size;    /* of its arguments */
        bool started;
        bool answered; /* has its reply */
        bool aside;    /* holds up nobody behind it */
        bool streams;  /* a subscription */
        bool done;
        int64_t owner; /* whose changes it listens to */
        BusCall *next;
};

BusCall *bus_call_new(BusPeer *peer, sd_bus_message *m);
BusCall *bus_call_free(BusCall *call);
DEFINE_CLEANUP(BusCall *, bus_call_free)
void bus_call_start(BusCall *call);

/* Answers @m with an error of the interface that has no more than @what, or fails silently. */
void bus_refuse(const Bus *bus, sd_bus_message *m, const char *error, struct json_object *fields);

/* "LimitReached" in the words of the socket. */
void bus_refuse_limit(const Bus *bus, sd_bus_message *m, const char *what, int64_t limit);

/* -- bus-polkit.c
 * ------------------------------------------------------------------------------- */

/* @reason is NULL if there is nobody to ask. */
typedef void (*PolkitAnswer)(bool granted, const char *reason, void *userdata);

/* Asks whether the sender of @m may. @answer comes from the loop, unless polkit_query_free() comes
 * first, which tells polkit that nobody waits any more. Returns 0 or -errno. */
int polkit_ask(Bus *bus, sd_bus_message *m, const char *action, PolkitAnswer answer, void *userdata,
               PolkitQuery **ret);
PolkitQuery *polkit_query_free(PolkitQuery *query);
DEFINE_CLEANUP(PolkitQuery *, polkit_query_free)
