/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Greeting: what a server says before it is spoken to, kept for who takes the connection over after the TLS
 * handshake, whom the server does not greet again. It came in plain text, so that nobody vouches for it,
 * not even later: it is bounded, printable ASCII, and brings no codes along that mean something.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Two lines of the greatest length, or a page of rules in many. */
#define GREETING_MAX 16384U

typedef struct Greeting {
        size_t size;
        char text[GREETING_MAX]; /* lines, each ended by CRLF */
} Greeting;

/* Adds a line; what is not printable ASCII becomes '?'. false: it is too much. */
bool greeting_add(Greeting *greeting, const char *line);

/* Takes out what stands in brackets behind @word: IMAP's capabilities from before TLS mean nothing, and an
 * alert or a referral may be anybody's. */
void greeting_drop_codes(Greeting *greeting, const char *word);
