/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Distinguished names: one canonical form for comparing them, and text for people.
 */
#pragma once

#include "client/encoding.h"
#include "daemon/der.h"

/* The canonical form of a name. What RFC 5280, section 7.1, calls equal is the same bytes; the
 * form of a name that begins with another begins with its bytes. */
typedef struct Name {
        uint8_t *data;
        size_t size;
} Name;

/* @der is a whole Name. Returns 0 and *@ret (name_done()), -EBADMSG, -ENOMEM. */
int name_read(Blob der, Name *ret);
void name_done(Name *name);

static inline Blob name_blob(const Name *name) {
        return (Blob){name->data, name->size};
}

/* true if @name is @base or something below it. */
bool name_is_within(const Name *name, const Name *base);

/* RFC 4514 text, valid UTF-8, of a whole Name; what is not readable is told as it stands in hex.
 * Returns 0 and new text (free()), -ENOMEM. */
int name_text(Blob der, char **ret);
