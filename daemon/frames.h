/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames: one question or one answer at a time over a stream socket, its length in front. The
 * daemon's end does not block, the worker's does; the code is the same.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"

typedef struct Frames {
        int fd;     /* owned */
        size_t max; /* of a frame that comes in */
        uint8_t *in;
        size_t in_size;
        size_t in_allocated;
        size_t in_taken; /* handed out by the last frames_receive() */
        uint8_t *out;
        size_t out_size; /* 0: nothing is being sent */
        size_t out_done; /* of the length and @out together */
} Frames;

#define FRAMES_INIT { .fd = -1 }

/* Takes @payload over and sends what the socket takes. No other frame may be under way. As
 * frames_flush(). */
int frames_send(Frames *f, uint8_t *payload, size_t size);

/* Sends on. 1 when all is sent, 0 if the socket takes no more now, -errno. */
int frames_flush(Frames *f);

/*
 * 1 and a whole frame in *@ret, borrowed until the next call; 0 if it is not all there yet; -EPIPE
 * at the end of the stream; -EBADMSG for a frame above the bound, and for anything behind a frame,
 * since the other side has to wait for its turn; -errno.
 */
int frames_receive(Frames *f, Blob *ret);

/* Closes the socket and frees the memory. */
void frames_done(Frames *f);
