/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sending and receiving frames between the daemon and a worker. */
#include "config.h"

#include "daemon/frames.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define LENGTH_SIZE 4U

/* An ordinary question or answer fits, so that it takes one system call. */
#define BUFFER_SIZE 16384U

static void length_put(uint8_t p[static LENGTH_SIZE], size_t length) {
        for (size_t i = 0; i < LENGTH_SIZE; i++)
                p[i] = (uint8_t) (length >> (8 * i));
}

static size_t length_get(const uint8_t p[static LENGTH_SIZE]) {
        size_t length = 0;

        for (size_t i = 0; i < LENGTH_SIZE; i++)
                length |= (size_t) p[i] << (8 * i);
        return length;
}

int frames_send(Frames *f, uint8_t *payload, size_t size) {
        assert(f->out_size == 0);
        assert(size > 0 && size <= UINT32_MAX);

        f->out = payload;
        f->out_size = size;
        f->out_done = 0;
        return frames_flush(f);
}

/* What is left to send of the length and the payload. */
static size_t frames_gather(const Frames *f, uint8_t length[static LENGTH_SIZE],
                            struct iovec iov[static 2]) {
        size_t n = 0, done = f->out_done;

        length_put(length, f->out_size);
        if (done < LENGTH_SIZE) {
                iov[n++] = (struct iovec) { length + done, LENGTH_SIZE - done };
                done = LENGTH_SIZE;
        }
        iov[n++] = (struct iovec) { f->out + (done - LENGTH_SIZE),
                                    f->out_size - (done - LENGTH_SIZE) };
        return n;
}

int frames_flush(Frames *f) {
        while (f->out_size > 0 && f->out_done < LENGTH_SIZE + f->out_size) {
                uint8_t length[LENGTH_SIZE];
                struct iovec iov[2];
                struct msghdr message = { .msg_iov = iov };
                ssize_t n;

                message.msg_iovlen = frames_gather(f, length, iov);
                n = sendmsg(f->fd, &message, MSG_NOSIGNAL);
                if (n < 0 && errno == EAGAIN)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        f->out_done += (size_t) n;
        }

        free(f->out);
        f->out = NULL;
        f->out_size = f->out_done = 0;
        return 1;
}

/* Forgets the frame that was handed out; a large buffer is not kept for small frames. */
static void frames_forget(Frames *f) {
        if (f->in_taken == 0)
                return;

        f->in_taken = f->in_size = 0;
        if (f->in_allocated > BUFFER_SIZE) {
                free(f->in);
                f->in = NULL;
                f->in_allocated = 0;
        }
}

static int frames_reserve(Frames *f, size_t size) {
        uint8_t *p;

        if (size <= f->in_allocated)
                return 0;

        p = realloc(f->in, size);
        if (!p)
                return -ENOMEM;
        f->in = p;
        f->in_allocated = size;
        return 0;
}

/* 1 and the frame if it is all there, 0 if not, making room for it. */
static int frames_complete(Frames *f, Blob *ret) {
        size_t length;

        if (f->in_size < LENGTH_SIZE)
                return frames_reserve(f, BUFFER_SIZE);

        length = length_get(f->in);
        if (length > f->max || f->in_size > LENGTH_SIZE + length)
                return -EBADMSG;
        if (f->in_size < LENGTH_SIZE + length)
                return frames_reserve(f, LENGTH_SIZE + length);

        f->in_taken = f->in_size;
        *ret = (Blob) { .data = f->in + LENGTH_SIZE, .size = length };
        return 1;
}

int frames_receive(Frames *f, Blob *ret) {
        ssize_t n;
        int r;

        frames_forget(f);
        for (;;) {
                r = frames_complete(f, ret);
                if (r != 0)
                        return r;

                n = read(f->fd, f->in + f->in_size, f->in_allocated - f->in_size);
                if (n == 0)
                        return -EPIPE;
                if (n < 0 && errno == EAGAIN)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return errno == ECONNRESET ? -EPIPE : -errno;
                if (n > 0)
                        f->in_size += (size_t) n;
        }
}

void frames_done(Frames *f) {
        f->fd = close_fd(f->fd);
        free(f->in);
        free(f->out);
        *f = (Frames) FRAMES_INIT;
}
