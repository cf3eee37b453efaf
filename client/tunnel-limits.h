/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that certexc tunnel holds or waits for, each with its reason. */
#pragma once

/* Each way: four records of TLS, so that one can be read while others wait to be written. */
#define TUNNEL_BUFFER_MAX 65536U

/* A pipe that is said to be writable takes so much without making us wait (POSIX's PIPE_BUF). */
#define TUNNEL_WRITE_MAX 4096U

/* What a person gets to decide, while the mail program waits. */
#define TUNNEL_WAIT_SEC 12U

/* From the start to the first byte, a person's time included, unless --wait says otherwise: mbsync gives up after
 * 20 seconds. */
#define TUNNEL_SILENCE_SEC 18U

/* After the client's last byte, the server may be silent for so long: dovecot sends what it owes, and then
 * either end may forget to hang up. */
#define TUNNEL_LINGER_SEC 5U

/* After a refusal the client is heard for so long, and for so many lines: it reads our words only if its own do
 * not fail first. */
#define TUNNEL_DRAIN_SEC 5U
#define TUNNEL_DRAIN_LINES 100U

/* A line of a protocol with its CRLF: POP3 (RFC 2449) and SMTP (RFC 5321) allow no more in an answer. */
#define TUNNEL_LINE_MAX 512U

/* The tag of an IMAP command that is answered in its own name. */
#define TUNNEL_TAG_MAX 64U
