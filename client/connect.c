/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fetches what a server presents: name, addresses, TCP, TLS. */
#include "config.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "client/connect.h"

#define USEC_PER_SEC 1000000U

/* No address gets less, however many there are: a lost SYN is sent again after a second. */
#define ADDRESS_USEC_MIN (2U * USEC_PER_SEC)

/* First bytes of the server that are kept to tell what it speaks. */
#define FIRST_BYTES 64U

/* One attempt, from the connected socket to the collected chain. */
typedef struct Attempt {
        const ConnectPlan *plan;
        Stream stream;
        uint8_t first[FIRST_BYTES]; /* what the server sent first where TLS was due */
        size_t n_first;
        int error; /* the socket's last one */
} Attempt;

static void freeaddrinfop(struct addrinfo **list) {
        if (*list)
                freeaddrinfo(*list);
}

static void deinitp(gnutls_session_t *session) {
        if (*session)
                gnutls_deinit(*session);
}

static void free_credentialsp(gnutls_certificate_credentials_t *credentials) {
        if (*credentials)
                gnutls_certificate_free_credentials(*credentials);
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

/* What a look-up works on. It outlives its caller if the look-up cannot be stopped. */
typedef struct Lookup {
        struct gaicb request;
        struct addrinfo hints;
        char host[ENDPOINT_HOST_MAX + 1];
        char port[6];
} Lookup;

static Lookup *lookup_new(const Endpoint *e) {
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
        l->request = (struct gaicb){ l->host, l->port, &l->hints, NULL };
        return l;
}

/* Waits for a look-up. 0, or an EAI code; EAI_INPROGRESS: the time is over. */
static int lookup_wait(const Lookup *l, uint64_t deadline) {
        const struct gaicb *const list[] = { &l->request };

        for (;;) {
                uint64_t now = stream_now(), left;
                struct timespec ts;
                int gai;

                gai = gai_error((struct gaicb *) &l->request);
                if (gai != EAI_INPROGRESS || now >= deadline)
                        return gai;
                left = deadline - now;
                ts = (struct timespec){ .tv_sec = (time_t) (left / USEC_PER_SEC),
                                        .tv_nsec = (long) (left % USEC_PER_SEC) * 1000L };
                (void) gai_suspend(list, 1, &ts);
        }
}

/* getaddrinfo() with an end: the system's resolver may take half a minute. */
static int lookup(const Endpoint *e, uint64_t deadline, struct addrinfo **ret, Fault *fault) {
        struct sigevent none = { .sigev_notify = SIGEV_NONE };
        _cleanup_free_ Lookup *l = NULL;
        int gai;

        l = lookup_new(e);
        if (!l)
                return -ENOMEM;
        gai = getaddrinfo_a(GAI_NOWAIT, (struct gaicb *[]){ &l->request }, 1, &none);
        if (gai != 0)
                return name_fault(e, gai, fault);

        gai = lookup_wait(l, deadline);
        if (gai == EAI_INPROGRESS) {
                /* The resolver's thread still writes there if it does not let go. */
                if (gai_cancel(&l->request) != EAI_CANCELED)
                        (void) TAKE_PTR(l);
                return fault_set(fault, FAULT_TIMEOUT, "Looking up the name %s took too long.",
                                 e->host);
        }
        if (gai != 0)
                return name_fault(e, gai, fault);
        *ret = l->request.ar_result;
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

static int connect_tcp(const ConnectPlan *plan, uint64_t deadline, Fault *fault) {
        const Endpoint *e = plan->address ? plan->address : plan->endpoint;
        _cleanup_(freeaddrinfop) struct addrinfo *list = NULL;
        int r;

        r = lookup(e, deadline, &list, fault);
        if (r < 0)
                return r;
        r = connect_any(list, deadline);
        return r < 0 ? tcp_fault(e, r, fault) : r;
}

/* -- TLS -------------------------------------------------------------------------------------- */

static ssize_t push(gnutls_transport_ptr_t p, const void *data, size_t size) {
        Attempt *a = p;

        /* Not write(): a server that hangs up must not raise SIGPIPE here. */
        return send(a->stream.fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t pull(gnutls_transport_ptr_t p, void *data, size_t size) {
        Attempt *a = p;
        ssize_t n;

        n = recv(a->stream.fd, data, size, MSG_DONTWAIT);
        if (n > 0 && a->n_first < sizeof(a->first)) {
                size_t room = sizeof(a->first) - a->n_first;
                size_t some = (size_t) n < room ? (size_t) n : room;

                memcpy(a->first + a->n_first, data, some);
                a->n_first += some;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                a->error = -errno;
        return n;
}

/* true if what the server sent first is the beginning of no TLS record. */
static bool spoke_plaintext(const Attempt *a) {
        return a->n_first > 0 && a->first[0] != 0x15 && a->first[0] != 0x16;
}

static int plaintext_fault(const Attempt *a, Fault *fault) {
        const uint16_t port = a->plan->endpoint->port;
        const StarttlsProtocol *guess;
        char text[FIRST_BYTES + 1];
        size_t n = a->n_first;

        memcpy(text, a->first, n);
        text[n] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        (void) fault_set(fault, FAULT_PLAINTEXT,
                         "The server does not speak TLS from the first byte here; it says \"%s\".",
                         text);
        guess = starttls_guess(text, port);
        if (guess)
                fault_hint(fault, "Try --starttls=%s.", starttls_protocol_name(guess));
        else if (a->plan->starttls)
                fault_hint(fault, "It broke off the upgrade to TLS.");
        else
                fault_hint(fault, "Check the port; with --starttls=PROTOCOL a plain port is "
                                  "upgraded.");
        return -ECONNABORTED;
}

static int alert_fault(gnutls_session_t session, Fault *fault) {
        gnutls_alert_description_t alert = gnutls_alert_get(session);
        const char *name = gnutls_alert_get_name(alert);

        (void) fault_set(fault, FAULT_HANDSHAKE, "The server broke off the TLS handshake: %s.",
                         name ? name : "an alert without a name");
        if (alert == GNUTLS_A_PROTOCOL_VERSION || alert == GNUTLS_A_HANDSHAKE_FAILURE)
                fault_hint(fault, "It may speak only old versions of TLS, or want a certificate "
                                  "from you.");
        return -ECONNABORTED;
}

static int handshake_fault(const Attempt *a, gnutls_session_t session, int gnutls_error,
                           Fault *fault) {
        const Endpoint *e = a->plan->endpoint;

        if (gnutls_error == GNUTLS_E_MEMORY_ERROR)
                return -ENOMEM;
        if (spoke_plaintext(a))
                return plaintext_fault(a, fault);
        if (gnutls_error == GNUTLS_E_FATAL_ALERT_RECEIVED)
                return alert_fault(session, fault);

        switch (gnutls_error) {
        case GNUTLS_E_PREMATURE_TERMINATION:
        case GNUTLS_E_PUSH_ERROR:
        case GNUTLS_E_PULL_ERROR:
                (void) fault_set(fault, FAULT_CLOSED,
                                 "The server hung up during the TLS handshake%s%s.",
                                 a->error < 0 ? ": " : "",
                                 a->error < 0 ? strerror(-a->error) : "");
                if (!a->plan->starttls && starttls_by_port(e->port))
                        fault_hint(fault, "Try --starttls=%s.",
                                   starttls_protocol_name(starttls_by_port(e->port)));
                return -ECONNABORTED;
        case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
                return fault_set(fault, FAULT_HANDSHAKE,
                                 "The server speaks only a version of TLS that is too old to be "
                                 "safe.");
        default:
                return fault_set(fault, FAULT_HANDSHAKE, "The TLS handshake failed: %s.",
                                 gnutls_strerror(gnutls_error));
        }
}

static int handshake_timeout(const Attempt *a, Fault *fault) {
        const StarttlsProtocol *usual = starttls_by_port(a->plan->endpoint->port);

        (void) fault_set(fault, FAULT_TIMEOUT, "The server did not finish the TLS handshake in "
                                               "time.");
        if (!a->plan->starttls && usual)
                fault_hint(fault, "This port is usually upgraded: try --starttls=%s.",
                           starttls_protocol_name(usual));
        return -ECONNABORTED;
}

static int handshake(Attempt *a, gnutls_session_t session, Fault *fault) {
        for (;;) {
                int r;

                r = gnutls_handshake(session);
                if (r == GNUTLS_E_SUCCESS)
                        return 0;
                if (r == GNUTLS_E_AGAIN) {
                        r = stream_wait(a->stream.fd,
                                        gnutls_record_get_direction(session) ? POLLOUT : POLLIN,
                                        a->stream.deadline);
                        if (r == -ETIMEDOUT && spoke_plaintext(a))
                                return plaintext_fault(a, fault);
                        if (r == -ETIMEDOUT)
                                return handshake_timeout(a, fault);
                        if (r < 0)
                                return fault_set(fault, FAULT_SYSTEM, "Waiting failed: %s.",
                                                 strerror(-r));
                        continue;
                }
                if (r == GNUTLS_E_INTERRUPTED || r == GNUTLS_E_WARNING_ALERT_RECEIVED)
                        continue;
                return handshake_fault(a, session, r, fault);
        }
}

static int collect(gnutls_session_t session, Presented *ret, Fault *fault) {
        const gnutls_datum_t *chain;
        gnutls_datum_t staple;
        unsigned n = 0;
        int r;

        chain = gnutls_certificate_get_peers(session, &n);
        if (!chain || n == 0)
                return fault_set(fault, FAULT_HANDSHAKE, "The server showed no certificate.");
        for (unsigned i = 0; i < n; i++) {
                r = presented_add(ret, chain[i].data, chain[i].size);
                if (r < 0)
                        return r;
        }
        if (gnutls_ocsp_status_request_get2(session, 0, &staple) == GNUTLS_E_SUCCESS)
                return presented_set_staple(ret, staple.data, staple.size);
        return 0;
}

static int session_new(Attempt *a, gnutls_certificate_credentials_t credentials,
                       gnutls_session_t *ret) {
        const Endpoint *e = a->plan->endpoint;
        _cleanup_(deinitp) gnutls_session_t session = NULL;
        int r;

        r = gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
        if (r < 0)
                return r;
        /* COMPAT lets a certificate that is not meant for this use through to the daemon, which
         * says so in better words than a failed handshake. */
        r = gnutls_set_default_priority_append(session, "%COMPAT", NULL, 0);
        if (r < 0)
                return r;
        r = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
        if (r < 0)
                return r;
        if (e->kind == HOST_NAME) {
                r = gnutls_server_name_set(session, GNUTLS_NAME_DNS, e->host, strlen(e->host));
                if (r < 0)
                        return r;
        }
        r = gnutls_ocsp_status_request_enable_client(session, NULL, 0, NULL);
        if (r < 0)
                return r;

        gnutls_transport_set_ptr(session, a);
        gnutls_transport_set_push_function(session, push);
        gnutls_transport_set_pull_function(session, pull);
        *ret = TAKE_PTR(session);
        return 0;
}

static int fetch_tls(Attempt *a, Presented *ret, Fault *fault) {
        _cleanup_(free_credentialsp) gnutls_certificate_credentials_t credentials = NULL;
        _cleanup_(deinitp) gnutls_session_t session = NULL;
        int r;

        r = gnutls_certificate_allocate_credentials(&credentials);
        if (r < 0)
                return -ENOMEM;
        r = session_new(a, credentials, &session);
        if (r < 0)
                return fault_set(fault, FAULT_SYSTEM, "TLS cannot be set up: %s.",
                                 gnutls_strerror(r));
        r = handshake(a, session, fault);
        if (r < 0)
                return r;
        r = collect(session, ret, fault);
        if (r < 0)
                return r;

        /* A farewell, so that no server logs a broken connection; it need not arrive. */
        (void) gnutls_bye(session, GNUTLS_SHUT_WR);
        return 0;
}

int connect_fetch(const ConnectPlan *plan, Presented *ret, Fault *fault) {
        _cleanup_(presented_done) Presented presented = {};
        _cleanup_fd_ int fd = -1;
        _cleanup_free_ Attempt *a = NULL;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->plan = plan;
        a->stream.deadline = stream_now() + (uint64_t) plan->timeout_sec * USEC_PER_SEC;

        fd = connect_tcp(plan, a->stream.deadline, fault);
        if (fd < 0)
                return fd;
        a->stream.fd = fd;

        if (plan->starttls) {
                r = starttls_upgrade(plan->starttls, &a->stream, plan->endpoint->host, fault);
                if (r < 0)
                        return r;
        }
        r = fetch_tls(a, &presented, fault);
        if (r < 0)
                return r;

        *ret = presented;
        presented = (Presented){};
        return 0;
}
