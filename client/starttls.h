/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The upgrade of a plain connection to TLS, read strictly: whoever sits between can write into the
 * plain part, so what they could gain from is refused (a session that is logged in already, text
 * that waits behind the answer to be taken for TLS's own).
 */
#pragma once

#include <stdint.h>

#include "client/fault.h"
#include "client/stream.h"

typedef struct StarttlsProtocol StarttlsProtocol;

/* "imap", "pop3", …; NULL if @name is none of them. */
const StarttlsProtocol *starttls_by_name(const char *name);

/* The @i-th protocol's name in the order that help shows, NULL past the last. */
const char *starttls_name(unsigned i);

uint16_t starttls_default_port(const StarttlsProtocol *protocol);

/* The protocol that is spoken in plain on @port by convention, or NULL. */
const StarttlsProtocol *starttls_by_port(uint16_t port);

/* What a server that greets with @text speaks, or NULL. */
const StarttlsProtocol *starttls_guess(const char *text, uint16_t port);

const char *starttls_protocol_name(const StarttlsProtocol *protocol);

/*
 * Brings the server at the other end of @stream to where the TLS handshake begins. @host is for
 * protocols that name the server. 0, or a negative errno and @fault.
 *
 * If the stream keeps the greeting, it is what is to be said in its place after the handshake: nothing where
 * the server greets again.
 */
int starttls_upgrade(const StarttlsProtocol *protocol, Stream *stream, const char *host,
                     Fault *fault);
