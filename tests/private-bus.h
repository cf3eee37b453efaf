/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PrivateBus: a dbus-daemon of the test's own, with the rules of a system's bus and our policy
 * file, which every process that the test starts takes for the system's bus and for the user's.
 * What cannot be set up aborts.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "client/cleanup.h"
#include "client/interface.h"
#include "tests/launch.h"

struct json_object;

typedef struct PrivateBus {
        char *directory;
        Launch launch;
        Interface *interface;
} PrivateBus;

/* Exits with 77 if there is no dbus-daemon. */
void private_bus_need(void);

/* Its files are in @directory. It runs when this returns. */
PrivateBus *private_bus_new(const char *directory);
PrivateBus *private_bus_free(PrivateBus *b);
DEFINE_CLEANUP(PrivateBus *, private_bus_free)

void private_bus_stop(PrivateBus *b);
void private_bus_start(PrivateBus *b);

/* A connection. */
sd_bus *private_bus_open(void);

/* Waits until @name has an owner on @bus. */
void private_bus_wait_for(sd_bus *bus, const char *name);

/* A call, and the reply in the form of the socket's. */
struct json_object *private_bus_call(PrivateBus *b, sd_bus *bus, const char *method,
                                     struct json_object *parameters);

/* The same from a process of another uid, which the user database must know. @interactive: polkit
 * may ask somebody. */
struct json_object *private_bus_call_as(PrivateBus *b, uid_t uid, const char *method,
                                        struct json_object *parameters, bool interactive);

/* Uids that every Debian and Fedora knows (games, man or lp), and nobody. */
#define GAMES  5
#define OTHER  4
#define NOBODY 65534
