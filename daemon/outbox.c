/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes on their way to a peer. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/outbox.h"

/* What an empty outbox may keep allocated: most answers fit, and many connections are idle. */
#define KEPT_BYTES_MAX 16384U

size_t outbox_size(const Outbox *outbox) {
        return outbox->end - outbox->begin;
}

size_t outbox_held(const Outbox *outbox) {
        return outbox->allocated;
}

int outbox_append(Outbox *outbox, const char *data, size_t size) {
        size_t allocated = outbox->allocated > 0 ? outbox->allocated : KEPT_BYTES_MAX / 4;
        char *grown;

        if (outbox->begin > 0) {
                memmove(outbox->data, outbox->data + outbox->begin, outbox_size(outbox));
                outbox->end -= outbox->begin;
                outbox->begin = 0;
        }
        if (size > outbox->allocated - outbox->end) {
                while (allocated - outbox->end < size)
                        allocated *= 2;
                grown = realloc(outbox->data, allocated);
                if (!grown)
                        return -ENOMEM;
                outbox->data = grown;
                outbox->allocated = allocated;
        }

        memcpy(outbox->data + outbox->end, data, size);
        outbox->end += size;
        return 0;
}

int outbox_flush(Outbox *outbox, int fd) {
        while (outbox_size(outbox) > 0) {
                ssize_t n = send(fd, outbox->data + outbox->begin, outbox_size(outbox),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                outbox->begin += (size_t) n;
        }
        if (outbox->allocated > KEPT_BYTES_MAX)
                outbox_done(outbox);
        outbox->begin = outbox->end = 0;
        return 0;
}

void outbox_done(Outbox *outbox) {
        free(outbox->data);
        *outbox = (Outbox){ 0 };
}
