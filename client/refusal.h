/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Refusal: a "no" in the words of the protocol that a mail program speaks, so that it shows them to the person
 * instead of an error of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct RefusalProtocol RefusalProtocol;

/* "imap", "pop3", …; NULL if there are no words for @name. */
const RefusalProtocol *refusal_protocol(const char *name);

/* What is spoken by convention on @port from behind TLS; NULL if nobody knows. */
const RefusalProtocol *refusal_protocol_by_port(uint16_t port);

/* The answer as one line of the protocol with its end, in printable ASCII; @later: the same may be granted before
 * long. NULL when out of memory. free() */
char *refusal_line(const RefusalProtocol *protocol, const char *text, bool later);

/*
 * Says it to @out in the place of a greeting, and then answers what the client says on @in in the same way until it
 * has ended: one that was not heard out tells of a broken pipe instead of our words.
 */
void refusal_say(const RefusalProtocol *protocol, const char *text, bool later, int in, int out);
