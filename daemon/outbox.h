/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outbox: bytes that wait until a peer reads them. Zeroed memory is an empty one. */
#pragma once

#include <stddef.h>

typedef struct Outbox {
        char *data;
        size_t begin; /* what was sent before it is gone */
        size_t end;
        size_t allocated;
} Outbox;

/* How many bytes wait. */
size_t outbox_size(const Outbox *outbox);

/* How many bytes are held for them. */
size_t outbox_held(const Outbox *outbox);

/* Returns 0 or -ENOMEM. */
int outbox_append(Outbox *outbox, const char *data, size_t size);

/* Sends what the socket takes without waiting. Returns 0 or -errno (the peer is gone). */
int outbox_flush(Outbox *outbox, int fd);

void outbox_done(Outbox *outbox);
