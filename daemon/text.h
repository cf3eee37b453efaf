/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UTF-8 (RFC 3629) out of hostile bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* true if all @size bytes are well-formed UTF-8 and none is a NUL. */
bool utf8_is_valid(const void *bytes, size_t size);

/*
 * A new string (free()) of at most @max bytes (six at least): each byte that is in no well-formed
 * sequence, and each NUL, becomes U+FFFD; what does not fit is cut between characters and an
 * ellipsis put in its place. Returns 0 or -ENOMEM.
 */
int utf8_sanitize(const void *bytes, size_t size, size_t max, char **ret);
