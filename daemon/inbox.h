/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inbox: what a peer has sent, from bytes to calls that wait for their turn. What is no call
 * stands in the queue as well, with what is wrong with it; nothing is taken after it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/varlink.h"

/* A call that came in and has not had its last answer. */
typedef struct Call {
        struct Call *next;
        struct json_object *message; /* NULL: it is no call, and @fault says why */
        VarlinkCall read;
        VarlinkFault fault;
        size_t size; /* the bytes of its text, and what they were made into */
} Call;

typedef struct Inbox {
        VarlinkBuffer buffer;
        Call *first; /* the oldest */
        Call **last;
        unsigned n_calls;
        size_t calls_size;
        bool deaf; /* after nonsense nothing more is taken */
} Inbox;

void inbox_init(Inbox *inbox);
void inbox_done(Inbox *inbox);

/* Room for another call (CALLS_IN_FLIGHT_MAX)? Asked before reading and before taking. */
bool inbox_has_room(const Inbox *inbox);

/* Adds bytes. A message that becomes too long is queued as a fault. Returns 0 or -ENOMEM. */
int inbox_append(Inbox *inbox, const void *data, size_t size);

/* Queues the next whole message. Returns 1, 0 if there is none or no room, -ENOMEM. */
int inbox_take(Inbox *inbox);

/* Bytes of a message that has no end yet, once all whole ones are taken. */
size_t inbox_begun(const Inbox *inbox);

/* All bytes that are held. */
size_t inbox_held(const Inbox *inbox);

/* Queues "no call": @reason is static. Returns 0 or -ENOMEM. */
int inbox_fault(Inbox *inbox, const char *reason, size_t offset);

/* Drops the oldest call. */
void inbox_pop(Inbox *inbox);
