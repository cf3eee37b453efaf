/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a name to a connected socket: the look-up, and the addresses one after the other. */
#include "config.h"

#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "client/dial.h"
#include "client/stream.h"

#define USEC_PER_SEC 1000000U

/* No address gets less, however many there are: a lost SYN is sent again after a second. */
#define ADDRESS_USEC_MIN (2U * USEC_PER_SEC)

static void freeaddrinfop(struct addrinfo **list) {
        if (*list)
                freeaddrinfo(*list);
}

/* -- The name --------------------------------------------------------------------------------- */

static int name_fault(const Endpoint *e, int gai, Fault *fault) {
        switch (gai) {
        case EAI_MEMORY:
                return -ENOMEM;
        case EAI_NONAME:
        case EAI_NODATA:
                (void) fault_set(fault, FAULT_NAME, "The name %s was not found.", e->host);
                fault_hint(fault, "Check it for a slip.");
                return -ECONNABORTED;
        case EAI_AGAIN:
                (void) fault_set(fault, FAULT_NAME, "The name %s cannot be looked up now.",
                                 e->host);
                fault_hint(fault, "Are you connected to the network?");
                return -ECONNABORTED;
        default:
                return fault_set(fault, FAULT_NAME, "The name %s cannot be looked up: %s.",
                                 e->host, gai_strerror(gai));
        }
}

/* A look-up, shared with the thread that does it: the system's resolver may take half a minute and
 * cannot be stopped. Whoever is done last frees it. */
typedef struct Lookup {
        pthread_mutex_t mutex;
        pthread_cond_t done_cond;
        bool done;
        unsigned n_users;
        int gai; /* once done */
        struct addrinfo *list;
        struct addrinfo hints;
        char host[ENDPOINT_HOST_MAX + 1];
        char port[6];
} Lookup;

static Lookup *lookup_new(const Endpoint *e) {
        pthread_condattr_t attributes;
        Lookup *l;

        l = calloc(1, sizeof(*l));
        if (!l)
                return NULL;
        memcpy(l->host, e->host, sizeof(l->host));
        (void) snprintf(l->port, sizeof(l->port), "%u", (unsigned) e->port);
        l->hints = (struct addrinfo){
                .ai_family = AF_UNSPEC,
                .ai_socktype = SOCK_STREAM,
                .ai_flags = AI_NUMERICSERV | (e->kind == HOST_NAME ? 0 : AI_NUMERICHOST),
        };
        l->n_users = 1;
        (void) pthread_mutex_init(&l->mutex, NULL);
        (void) pthread_condattr_init(&attributes);
        (void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&l->done_cond, &attributes);
        (void) pthread_condattr_destroy(&attributes);
        return l;
}

static Lookup *lookup_unref(Lookup *l) {
        bool last;

        (void) pthread_mutex_lock(&l->mutex);
        last = --l->n_users == 0;
        (void) pthread_mutex_unlock(&l->mutex);
        if (!last)
                return NULL;
        if (l->list)
                freeaddrinfo(l->list);
        (void) pthread_cond_destroy(&l->done_cond);
        (void) pthread_mutex_destroy(&l->mutex);
        free(l);
        return NULL;
}
DEFINE_CLEANUP(Lookup *, lookup_unref)

static void *lookup_run(void *p) {
        _cleanup_(lookup_unrefp) Lookup *l = p;
        struct addrinfo *list = NULL;
        int gai;

        gai = getaddrinfo(l->host, l->port, &l->hints, &list);
        (void) pthread_mutex_lock(&l->mutex);
        l->gai = gai;
        l->list = gai == 0 ? list : NULL;
        l->done = true;
        (void) pthread_cond_signal(&l->done_cond);
        (void) pthread_mutex_unlock(&l->mutex);
        return NULL;
}

/* Begins the look-up in a thread of its own. 0 or -errno. */
static int lookup_start(Lookup *l) {
        pthread_attr_t attributes;
        pthread_t thread;
        int r;

        r = pthread_attr_init(&attributes);
        if (r != 0)
                return -r;
        (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        l->n_users++;
        r = pthread_create(&thread, &attributes, lookup_run, l);
        if (r != 0)
                l->n_users--;
        (void) pthread_attr_destroy(&attributes);
        return -r;
}

/* Waits for it. 0, or an EAI code; EAI_INPROGRESS: the time is over. */
static int lookup_wait(Lookup *l, uint64_t deadline, struct addrinfo **ret) {
        const struct timespec until = {
                .tv_sec = (time_t) (deadline / USEC_PER_SEC),
                .tv_nsec = (long) (deadline % USEC_PER_SEC) * 1000L,
        };
        int gai = EAI_INPROGRESS;

        (void) pthread_mutex_lock(&l->mutex);
        while (!l->done && pthread_cond_timedwait(&l->done_cond, &l->mutex, &until) != ETIMEDOUT)
                ;
        if (l->done) {
                gai = l->gai;
                *ret = TAKE_PTR(l->list);
        }
        (void) pthread_mutex_unlock(&l->mutex);
        return gai;
}

static int lookup(const Endpoint *e, uint64_t deadline, struct addrinfo **ret, Fault *fault) {
        _cleanup_(lookup_unrefp) Lookup *l = NULL;
        struct addrinfo *list = NULL;
        int gai;

        l = lookup_new(e);
        if (!l)
                return -ENOMEM;
        /* An address asks nobody, and needs no thread. */
        if (e->kind != HOST_NAME) {
                gai = getaddrinfo(l->host, l->port, &l->hints, &list);
        } else {
                int r;

                r = lookup_start(l);
                if (r < 0)
                        return fault_set(fault, FAULT_SYSTEM, "No thread can be started: %s.",
                                         strerror(-r));
                gai = lookup_wait(l, deadline, &list);
        }
        if (gai == EAI_INPROGRESS)
                return fault_set(fault, FAULT_TIMEOUT, "Looking up the name %s took too long.",
                                 e->host);
        if (gai != 0)
                return name_fault(e, gai, fault);
        *ret = list;
        return 0;
}

/* -- TCP -------------------------------------------------------------------------------------- */

static int tcp_fault(const Endpoint *e, int error, Fault *fault) {
        switch (error) {
        case -ENOMEM:
                return error;
        case -ECONNREFUSED:
                (void) fault_set(fault, FAULT_REFUSED,
                                 "The connection was refused: nothing listens on %s port %u.",
                                 e->host, (unsigned) e->port);
                fault_hint(fault, "Check the port.");
                return -ECONNABORTED;
        case -ETIMEDOUT:
                (void) fault_set(fault, FAULT_TIMEOUT, "%s port %u did not answer in time.",
                                 e->host, (unsigned) e->port);
                fault_hint(fault, "Check the port; a firewall may drop what is sent to it.");
                return -ECONNABORTED;
        case -ENETUNREACH:
        case -EHOSTUNREACH:
        case -EADDRNOTAVAIL:
                (void) fault_set(fault, FAULT_UNREACHABLE, "%s cannot be reached: %s.", e->host,
                                 strerror(-error));
                fault_hint(fault, "Are you connected to the network?");
                return -ECONNABORTED;
        default:
                return fault_set(fault, FAULT_SYSTEM, "Connecting to %s port %u failed: %s.",
                                 e->host, (unsigned) e->port, strerror(-error));
        }
}

/* Connects to one address until @deadline. Returns the socket or -errno. */
static int connect_address(const struct addrinfo *a, uint64_t deadline) {
        _cleanup_fd_ int fd = -1;
        socklen_t size = sizeof(int);
        int r, error = 0;

        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
        if (fd < 0)
                return -errno;
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
                return take_fd(&fd);
        if (errno != EINPROGRESS)
                return -errno;

        r = stream_wait(fd, POLLOUT, deadline);
        if (r < 0)
                return r;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                return -errno;
        return error != 0 ? -error : take_fd(&fd);
}

/* The addresses one after the other, each with a share of what is left. */
static int connect_any(const struct addrinfo *list, uint64_t deadline) {
        unsigned n_left = 0;
        int last = -EADDRNOTAVAIL;

        for (const struct addrinfo *a = list; a; a = a->ai_next)
                n_left++;
        for (const struct addrinfo *a = list; a; a = a->ai_next, n_left--) {
                uint64_t now = stream_now(), share;
                int r;

                if (now >= deadline)
                        return -ETIMEDOUT;
                share = (deadline - now) / n_left;
                if (share < ADDRESS_USEC_MIN)
                        share = ADDRESS_USEC_MIN;
                r = connect_address(a, now + share < deadline ? now + share : deadline);
                if (r >= 0)
                        return r;
                /* Of several reasons the most telling: somebody answered, if only to refuse. */
                if (last != -ECONNREFUSED)
                        last = r;
        }
        return last;
}

int dial(const Endpoint *endpoint, uint64_t deadline, Fault *fault) {
        _cleanup_(freeaddrinfop) struct addrinfo *list = NULL;
        int r;

        r = lookup(endpoint, deadline, &list, fault);
        if (r < 0)
                return r;
        r = connect_any(list, deadline);
        return r < 0 ? tcp_fault(endpoint, r, fault) : r;
}
