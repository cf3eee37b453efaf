/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes between a client's two descriptors and a server behind TLS. */
#include "config.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "client/handshake.h"
#include "client/i18n.h"
#include "client/relay.h"
#include "client/tunnel-limits.h"

#define USEC_PER_SEC 1000000U
#define USEC_PER_MSEC 1000U

/* Bytes on their way. */
typedef struct Bytes {
        size_t start, end;
        uint8_t data[TUNNEL_BUFFER_MAX];
} Bytes;

typedef struct Relay {
        gnutls_session_t session;
        Fault *fault;
        int in, out, fd;
        bool in_over;     /* the client says nothing more */
        bool out_gone;    /* nobody reads what we write */
        bool server_deaf; /* the server takes nothing more */
        bool server_over; /* it says nothing more */
        int failure;      /* because TLS broke */
        bool sending;     /* GnuTLS holds a record that is not sent yet */
        bool wants_out;   /* it has to send something before it can receive */
        uint64_t moved;   /* when a byte last did */
        Bytes up, down;   /* to the server, to the client */
} Relay;

static Relay *relay_free(Relay *r) {
        free(r);
        return NULL;
}
DEFINE_CLEANUP(Relay *, relay_free)

/* -- Bytes ------------------------------------------------------------------------------------ */

static bool bytes_any(const Bytes *b) {
        return b->end > b->start;
}

static bool bytes_full(const Bytes *b) {
        return b->end - b->start == sizeof(b->data);
}

/* Room behind what is there, one byte at least unless it is full. */
static size_t bytes_room(Bytes *b) {
        if (b->end == sizeof(b->data) && b->start > 0) {
                memmove(b->data, b->data + b->start, b->end - b->start);
                b->end -= b->start;
                b->start = 0;
        }
        return sizeof(b->data) - b->end;
}

static void bytes_take(Bytes *b, size_t n) {
        b->start += n;
        if (b->start == b->end)
                b->start = b->end = 0;
}

static void bytes_drop(Bytes *b) {
        b->start = b->end = 0;
}

/* -- The client ------------------------------------------------------------------------------- */

static bool is_again(int error) {
        return error == EAGAIN || error == EINTR;
}

/* Once poll() has seen something. */
static void read_client(Relay *r) {
        const size_t room = bytes_room(&r->up);
        const ssize_t n = read(r->in, r->up.data + r->up.end, room);

        if (n > 0) {
                r->up.end += (size_t) n;
                r->moved = stream_now();
        } else if (n == 0 || !is_again(errno))
                r->in_over = true;
}

/* A socket takes what it can; of anything else poll() promises so much. */
static ssize_t write_some(int fd, const void *data, size_t size) {
        ssize_t n;

        n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0 || errno != ENOTSOCK)
                return n;
        return write(fd, data, size < TUNNEL_WRITE_MAX ? size : TUNNEL_WRITE_MAX);
}

static int write_client(Relay *r) {
        const ssize_t n = write_some(r->out, r->down.data + r->down.start, r->down.end - r->down.start);

        if (n > 0) {
                bytes_take(&r->down, (size_t) n);
                r->moved = stream_now();
        } else if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
                r->out_gone = true;
        else if (n < 0 && !is_again(errno))
                return -errno;
        return 0;
}

/* -- The server ------------------------------------------------------------------------------- */

static bool is_again_tls(ssize_t n) {
        return n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
}

static bool has_to_send(const Relay *r) {
        return !r->server_deaf && (bytes_any(&r->up) || r->sending);
}

static void write_server(Relay *r) {
        ssize_t n;

        /* A record that was begun is ended first, whatever has come since. */
        n = r->sending ? gnutls_record_send(r->session, NULL, 0)
                       : gnutls_record_send(r->session, r->up.data + r->up.start, r->up.end - r->up.start);
        r->sending = is_again_tls(n);
        if (n > 0) {
                bytes_take(&r->up, (size_t) n);
                r->moved = stream_now();
        } else if (!r->sending) {
                /* What it said before is still to be read. */
                r->server_deaf = r->in_over = true;
                bytes_drop(&r->up);
        }
}

static int broken(const Relay *r, ssize_t n) {
        /* The certificate was judged that was shown at first, and no other. */
        if (n == GNUTLS_E_REHANDSHAKE)
                return fault_set(r->fault, FAULT_HANDSHAKE, "The server wants to negotiate TLS anew in the middle of "
                                                            "the connection, which is refused.");
        return handshake_error(r->fault, FAULT_HANDSHAKE, _("The TLS connection broke"), (int) n);
}

static void read_server(Relay *r) {
        const size_t room = bytes_room(&r->down);
        const ssize_t n = gnutls_record_recv(r->session, r->down.data + r->down.end, room);

        r->wants_out = is_again_tls(n) && gnutls_record_get_direction(r->session) != 0;
        if (n > 0) {
                r->down.end += (size_t) n;
                r->moved = stream_now();
                return;
        }
        if (is_again_tls(n) || n == GNUTLS_E_WARNING_ALERT_RECEIVED)
                return;
        r->server_over = true;
        /* Many servers just hang up. Mail protocols tell where a message ends, and their clients whether it did. */
        if (n != 0 && n != GNUTLS_E_PREMATURE_TERMINATION && n != GNUTLS_E_PULL_ERROR)
                r->failure = broken(r, n);
}

/* -- Both ------------------------------------------------------------------------------------- */

/* When it is over although nobody said so; 0: never. Neither a client nor a server that reads slowly is cut off. */
static uint64_t lingers_until(const Relay *r) {
        const bool waits = bytes_any(&r->down) || has_to_send(r);

        return r->in_over && !waits ? r->moved + (uint64_t) TUNNEL_LINGER_SEC * USEC_PER_SEC : 0;
}

static short server_events(Relay *r) {
        short events = 0;

        if (!bytes_full(&r->down))
                events |= r->wants_out ? POLLIN | POLLOUT : POLLIN;
        if (has_to_send(r))
                events |= POLLOUT;
        return events;
}

/* Waits until something can be done: 1, or 0 if nothing more is waited for. What is not wanted is not polled at
 * all: a peer that is gone would wake us up for ever. */
static int wait_any(Relay *r, struct pollfd p[static 3]) {
        const bool held = !bytes_full(&r->down) && gnutls_record_check_pending(r->session) > 0;
        const uint64_t until = lingers_until(r);
        int timeout = -1;

        p[0] = (struct pollfd){ .fd = r->in_over || bytes_full(&r->up) ? -1 : r->in, .events = POLLIN };
        p[1] = (struct pollfd){ .fd = r->out, .events = bytes_any(&r->down) ? POLLOUT : 0 };
        p[2] = (struct pollfd){ .events = r->server_over ? 0 : server_events(r) };
        p[2].fd = p[2].events != 0 ? r->fd : -1;

        if (until != 0) {
                const uint64_t now = stream_now();

                if (now >= until)
                        return 0;
                timeout = (int) ((until - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
        }
        if (poll(p, 3, held ? 0 : timeout) < 0 && errno != EINTR)
                return -errno;
        if (held)
                p[2].revents |= POLLIN;
        return 1;
}

/* One step in every direction that is open. */
static int carry(Relay *r, const struct pollfd p[static 3]) {
        int status;

        if (p[0].revents != 0)
                read_client(r);
        if (p[1].revents & (POLLERR | POLLHUP | POLLNVAL)) {
                r->out_gone = true;
                return 0;
        }
        if (p[1].revents & POLLOUT) {
                status = write_client(r);
                if (status < 0)
                        return status;
        }
        if (has_to_send(r))
                write_server(r);
        if (p[2].revents != 0 && !r->server_over && !bytes_full(&r->down))
                read_server(r);
        return 0;
}

static int run(Relay *r) {
        while (!r->out_gone && (!r->server_over || bytes_any(&r->down))) {
                struct pollfd p[3] = {};
                int status;

                status = wait_any(r, p);
                if (status <= 0)
                        return status;
                status = carry(r, p);
                if (status < 0)
                        return status;
        }
        return r->failure;
}

/* Commands and their answers are small and wait for each other; and a server may be gone without a word while the client
 * waits for mail. */
static void tune(int fd) {
        const int on = 1;

        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

int relay_run(Channel *channel, int in, int out, Fault *fault) {
        const Greeting *greeting = channel_greeting(channel);
        _cleanup_(relay_freep) Relay *r = NULL;
        int status;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->session = channel_session(channel);
        r->fault = fault;
        r->in = in;
        r->out = out;
        r->fd = channel_fd(channel);
        r->moved = stream_now();
        _Static_assert(sizeof(greeting->text) <= sizeof(r->down.data), "a greeting must fit");
        memcpy(r->down.data, greeting->text, greeting->size);
        r->down.end = greeting->size;

        tune(r->fd);
        status = run(r);
        /* The last word of a client that did not wait for its answer; and a farewell, which need not arrive. */
        if (r->out_gone && has_to_send(r))
                write_server(r);
        if (!r->sending)
                (void) gnutls_bye(r->session, GNUTLS_SHUT_WR);
        return status;
}
