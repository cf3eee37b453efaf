/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bus: the D-Bus door, org.certexc1 on the bus of the system, or of the user. The daemon lives as
 * well without it: what is missing or goes away is tried again for some minutes.
 */
#pragma once

#include <stdbool.h>

#include "client/cleanup.h"

typedef struct Manager Manager;
typedef struct Bus Bus;

/* Begins to connect; logs what becomes of it. Returns 0 or -errno, which no state of a bus is. */
int bus_new(Manager *manager, Bus **ret);
Bus *bus_free(Bus *bus);
DEFINE_CLEANUP(Bus *, bus_free)

/* Begins anew if it was given up. NULL ok, as below. */
void bus_try_again(Bus *bus);

/* Gives the name back, so that nobody calls any more; calls at work are answered. */
void bus_stop(Bus *bus);

/* Nothing is owed to anybody; after bus_stop() the name is back, and the last answer is out. */
bool bus_is_quiet(const Bus *bus);

/* Nobody has called for an answer or for signals. */
bool bus_is_idle(const Bus *bus);
