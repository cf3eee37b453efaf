/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon on a private bus, for each test anew. */
#pragma once

#include "tests/methods.h"
#include "tests/private-bus.h"

extern Methods *m;    /* the daemon */
extern PrivateBus *b; /* the bus */
extern sd_bus *bus;   /* a connection to it */

/* A checked fixture. */
void on_bus_setup(void);
void on_bus_teardown(void);

/* Parameters as methods_text() takes them; the caller's. */
struct json_object *on_bus_parameters(const char *text);
/* A call over the bus, and the reply in the form of the socket's. */
struct json_object *on_bus_call(const char *method, const char *text);
struct json_object *on_bus_call_as(uid_t uid, const char *method, const char *text);

/* One who asks a person, over the socket, and waits. */
Peer *on_bus_asker(const char *parameters);
/* The answer that @peer waits for. */
void on_bus_ck_asked(Peer *peer, const char *verdict, const char *asked);

void on_bus_subscribe(sd_bus *with);
/* What the daemon sent before its answer to this has been processed. */
void on_bus_drain(sd_bus *with);

/* What became of calls that nobody waits for one by one. */
typedef struct BusTally {
        unsigned answered, refused, other;
} BusTally;

/* A handler of replies; its userdata is a BusTally. */
int on_bus_tally(sd_bus_message *message, void *userdata, sd_bus_error *error);
/* A Verify that takes as long as a judge may. */
void on_bus_send_slow(sd_bus *with, BusTally *tally);
/* Waits until @n calls have had their replies. */
void on_bus_settle(sd_bus *with, const BusTally *tally, unsigned n);
