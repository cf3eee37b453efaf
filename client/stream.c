/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A socket with a deadline, read by lines before TLS begins. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "client/stream.h"

#define USEC_PER_SEC 1000000U
#define USEC_PER_MSEC 1000U

uint64_t stream_now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000U;
}

int stream_wait(int fd, short events, uint64_t deadline) {
        for (;;) {
                struct pollfd p = { .fd = fd, .events = events };
                uint64_t now = stream_now();
                int r;

                if (now >= deadline)
                        return -ETIMEDOUT;

                /* Rounded up, so that the last millisecond is waited for and not spun through. */
                r = poll(&p, 1, (int) ((deadline - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
                if (r > 0)
                        return 0;
                if (r < 0 && errno != EINTR)
                        return -errno;
        }
}

/* Gets at least one byte more into the buffer. */
static int stream_fill(Stream *stream) {
        if (stream->start > 0) {
                memmove(stream->buffer, stream->buffer + stream->start,
                        stream->end - stream->start);
                stream->end -= stream->start;
                stream->start = 0;
        }
        if (stream->end == sizeof(stream->buffer))
                return -EMSGSIZE;

        for (;;) {
                ssize_t n;
                int r;

                n = recv(stream->fd, stream->buffer + stream->end,
                         sizeof(stream->buffer) - stream->end, MSG_DONTWAIT);
                if (n > 0) {
                        stream->end += (size_t) n;
                        stream->heard = true;
                        return 0;
                }
                if (n == 0)
                        return -ECONNRESET;
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                r = stream_wait(stream->fd, POLLIN, stream->deadline);
                if (r < 0)
                        return r;
        }
}

/* Takes @size bytes that are in the buffer. */
static void stream_take(Stream *stream, void *ret, size_t size) {
        memcpy(ret, stream->buffer + stream->start, size);
        stream->start += size;
}

int stream_line(Stream *stream, char *ret, size_t size) {
        size_t length;
        int r;

        r = stream_until(stream, "\n", ret, size);
        if (r < 0)
                return r;

        length = strlen(ret) - 1;
        if (length > 0 && ret[length - 1] == '\r')
                length--;
        ret[length] = '\0';
        return 0;
}

int stream_until(Stream *stream, const char *end, char *ret, size_t size) {
        const size_t end_size = strlen(end);

        for (;;) {
                const uint8_t *unread = stream->buffer + stream->start;
                size_t n_unread = stream->end - stream->start, n;
                const uint8_t *found;
                int r;

                found = n_unread > 0 ? memmem(unread, n_unread, end, end_size) : NULL;
                if (found) {
                        n = (size_t) (found - unread) + end_size;
                        if (n >= size)
                                return -EMSGSIZE;
                        if (memchr(unread, '\0', n))
                                return -EBADMSG;
                        stream_take(stream, ret, n);
                        ret[n] = '\0';
                        return 0;
                }
                if (n_unread >= size)
                        return -EMSGSIZE;
                r = stream_fill(stream);
                if (r < 0)
                        return r;
        }
}

int stream_bytes(Stream *stream, uint8_t *ret, size_t size) {
        if (size > sizeof(stream->buffer))
                return -EMSGSIZE;
        while (stream->end - stream->start < size) {
                int r;

                r = stream_fill(stream);
                if (r < 0)
                        return r;
        }
        stream_take(stream, ret, size);
        return 0;
}

int stream_write(Stream *stream, const void *data, size_t size) {
        const uint8_t *p = data;

        stream->spoke = true;
        while (size > 0) {
                ssize_t n;
                int r;

                n = send(stream->fd, p, size, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n >= 0) {
                        p += n;
                        size -= (size_t) n;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno == EPIPE)
                        return -ECONNRESET;
                if (errno != EAGAIN)
                        return -errno;
                r = stream_wait(stream->fd, POLLOUT, stream->deadline);
                if (r < 0)
                        return r;
        }
        return 0;
}

int stream_peek(Stream *stream, const uint8_t **ret, size_t *ret_size) {
        if (stream->start == stream->end) {
                int r;

                r = stream_fill(stream);
                if (r < 0)
                        return r;
        }
        *ret = stream->buffer + stream->start;
        *ret_size = stream->end - stream->start;
        return 0;
}

bool stream_has_more(Stream *stream) {
        uint8_t byte;

        return stream->end > stream->start ||
               recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}
