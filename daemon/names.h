/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which host a certificate is for, by RFC 9525 and the list of public suffixes. */
#pragma once

#include "client/endpoint.h"
#include "daemon/certificate.h"

typedef enum NameMatch {
        NAME_COVERED,
        NAME_NOT_COVERED,
        NAME_STRETCHED, /* only by a wildcard that reaches further than it may */
} NameMatch;

/* How @c covers the host of @endpoint. With NAME_STRETCHED, *@ret_wildcard is the name that would.
 */
NameMatch names_match(const Certificate *c, const Endpoint *endpoint, Blob *ret_wildcard);

/* Why one of @c's names is none: a static sentence, or NULL. */
const char *names_fault(const Certificate *c);

/*
 * What to show when no name covers the host: the names that are there, or that there is only a
 * common name. Returns 0 and new text (free()), -ENOMEM.
 */
int names_text(const Certificate *c, char **ret);
