/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one place where a host gets its canonical form: UTS 46 non-transitional A-labels, lower
 * case, no trailing dot, underscore kept; IPv4 as dotted decimal only (127.1, 0x7f.1 and octal are
 * refused), ::ffff:a.b.c.d is that IPv4 address, other IPv6 as RFC 5952 writes it, no zone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* RFC 1035, section 2.3.4: 253 characters of text for 255 bytes on the wire. */
#define ENDPOINT_HOST_MAX 253U

typedef enum HostKind {
        HOST_NAME,
        HOST_IPV4,
        HOST_IPV6,
} HostKind;

typedef struct Endpoint {
        char host[ENDPOINT_HOST_MAX + 1]; /* canonical */
        HostKind kind;
        uint16_t port; /* 0: not known */
} Endpoint;

/*
 * Makes the canonical form of the @size bytes at @host (no terminator needed; an embedded NUL is
 * refused) and fills @ret with it and @port.
 *
 * Returns 0, or -EINVAL with a sentence for people in *@ret_reason (static, English, no full
 * stop), or -ENOMEM.
 */
int endpoint_set(const char *host, size_t size, uint16_t port, Endpoint *ret,
                 const char **ret_reason);

/*
 * Splits "HOST", "HOST:PORT", "[IPV6]:PORT" or "IPV6" and makes it canonical; @default_port is
 * taken where there is none. The same returns as endpoint_set().
 */
int endpoint_parse(const char *text, uint16_t default_port, Endpoint *ret,
                   const char **ret_reason);
