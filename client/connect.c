/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fetches what a server presents: TCP, STARTTLS, TLS. */
#include "config.h"

#include <gnutls/gnutls.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "client/connect.h"
#include "client/dial.h"
#include "client/handshake.h"
#include "client/i18n.h"

#define USEC_PER_SEC 1000000U

/* For asking again, in another way, why a server was silent. */
#define PROBE_SEC 3U

/* First bytes of the server that are kept to tell what it speaks. */
#define FIRST_BYTES 64U

struct Channel {
        const ConnectPlan *plan; /* until it is open */
        Fault *fault;            /* the same */
        gnutls_certificate_credentials_t credentials;
        gnutls_session_t session;
        Greeting greeting;
        uint8_t first[FIRST_BYTES]; /* what the server sent first where TLS was due */
        size_t n_first;
        int error;  /* the socket's last one */
        bool was_judged;
        int judged; /* what the plan's judge said then */
        Stream stream;
};

Channel *channel_close(Channel *c) {
        if (!c)
                return NULL;
        if (c->session)
                gnutls_deinit(c->session);
        if (c->credentials)
                gnutls_certificate_free_credentials(c->credentials);
        c->stream.fd = close_fd(c->stream.fd);
        free(c);
        return NULL;
}

/* -- TLS -------------------------------------------------------------------------------------- */

static ssize_t push(gnutls_transport_ptr_t p, const void *data, size_t size) {
        Channel *c = p;

        /* Not write(): a server that hangs up must not raise SIGPIPE here. */
        return send(c->stream.fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t pull(gnutls_transport_ptr_t p, void *data, size_t size) {
        Channel *c = p;
        ssize_t n;

        /* A server that never pauses would not let the handshake come to its deadline. */
        if (stream_now() >= c->stream.deadline) {
                errno = EAGAIN;
                return -1;
        }
        n = recv(c->stream.fd, data, size, MSG_DONTWAIT);
        if (n > 0 && c->n_first < sizeof(c->first)) {
                size_t room = sizeof(c->first) - c->n_first;
                size_t some = (size_t) n < room ? (size_t) n : room;

                memcpy(c->first + c->n_first, data, some);
                c->n_first += some;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                c->error = -errno;
        return n;
}

/* true if what the server sent first is the beginning of no TLS record. */
static bool spoke_plaintext(const Channel *c) {
        return c->n_first > 0 && c->first[0] != 0x15 && c->first[0] != 0x16;
}

static int plaintext_fault(const Channel *c, Fault *fault) {
        const uint16_t port = c->plan->endpoint->port;
        const StarttlsProtocol *guess;
        char text[FIRST_BYTES + 1];
        size_t n = c->n_first;

        memcpy(text, c->first, n);
        text[n] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        (void) fault_set(fault, FAULT_PLAINTEXT,
                         "The server does not speak TLS from the first byte here; it says \"%s\".",
                         text);
        guess = starttls_guess(text, port);
        if (guess)
                fault_hint(fault, "Try --starttls=%s.", starttls_protocol_name(guess));
        else if (c->plan->starttls)
                fault_hint(fault, "It broke off the upgrade to TLS.");
        else
                fault_hint(fault, "Check the port; with --starttls=PROTOCOL a plain port is "
                                  "upgraded.");
        return -ECONNABORTED;
}

static int closed_fault(const Channel *c, Fault *fault) {
        const StarttlsProtocol *usual = starttls_by_port(c->plan->endpoint->port);

        if (c->error < 0)
                (void) fault_set(fault, FAULT_CLOSED,
                                 "The server hung up during the TLS handshake: %s.",
                                 strerror(-c->error));
        else
                (void) fault_set(fault, FAULT_CLOSED,
                                 "The server hung up during the TLS handshake.");
        if (!c->plan->starttls && usual)
                fault_hint(fault, "Try --starttls=%s.", starttls_protocol_name(usual));
        return -ECONNABORTED;
}

static int failed_fault(const Channel *c, gnutls_session_t session, int gnutls_error,
                        Fault *fault) {
        int alert = HANDSHAKE_NO_ALERT;

        if (gnutls_error == GNUTLS_E_MEMORY_ERROR)
                return -ENOMEM;
        if (spoke_plaintext(c))
                return plaintext_fault(c, fault);
        if (gnutls_error == GNUTLS_E_PREMATURE_TERMINATION ||
            gnutls_error == GNUTLS_E_PUSH_ERROR || gnutls_error == GNUTLS_E_PULL_ERROR)
                return closed_fault(c, fault);
        if (gnutls_error == GNUTLS_E_FATAL_ALERT_RECEIVED)
                alert = (int) gnutls_alert_get(session);
        return handshake_fault(fault, gnutls_error, alert, c->first, c->n_first);
}

static int handshake_timeout(const Channel *c, Fault *fault) {
        const StarttlsProtocol *usual = starttls_by_port(c->plan->endpoint->port);

        (void) fault_set(fault, FAULT_TIMEOUT, "The server did not finish the TLS handshake in "
                                               "time.");
        if (!c->plan->starttls && usual)
                fault_hint(fault, "This port is usually upgraded: try --starttls=%s.",
                           starttls_protocol_name(usual));
        return -ECONNABORTED;
}

static int handshake(Channel *c, gnutls_session_t session, Fault *fault) {
        for (;;) {
                int r;

                r = gnutls_handshake(session);
                if (r == GNUTLS_E_SUCCESS)
                        return 0;
                if (r == GNUTLS_E_AGAIN) {
                        r = stream_wait(c->stream.fd,
                                        gnutls_record_get_direction(session) ? POLLOUT : POLLIN,
                                        c->stream.deadline);
                        if (r == -ETIMEDOUT && spoke_plaintext(c))
                                return plaintext_fault(c, fault);
                        if (r == -ETIMEDOUT)
                                return handshake_timeout(c, fault);
                        if (r < 0)
                                return fault_set(fault, FAULT_SYSTEM, "Waiting failed: %s.",
                                                 strerror(-r));
                        continue;
                }
                if (r == GNUTLS_E_INTERRUPTED || r == GNUTLS_E_WARNING_ALERT_RECEIVED)
                        continue;
                if (c->was_judged && c->judged < 0) {
                        /* The server is told, so that its log says what happened. */
                        (void) gnutls_alert_send_appropriate(session, r);
                        return c->judged;
                }
                return failed_fault(c, session, r, fault);
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

/* Within the handshake, before the server hears anything of us that is worth hearing. */
static int judge(gnutls_session_t session) {
        Channel *c = gnutls_session_get_ptr(session);
        _cleanup_(presented_done) Presented presented = {};
        const uint64_t begin = stream_now();

        c->was_judged = true;
        c->judged = collect(session, &presented, c->fault);
        if (c->judged >= 0)
                c->judged = c->plan->judge(&presented, c->plan->userdata);
        /* A person's time to think is not the server's. */
        c->stream.deadline += stream_now() - begin;
        return c->judged < 0 ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

static int session_new(Channel *c) {
        const Endpoint *e = c->plan->endpoint;
        int r;

        r = gnutls_certificate_allocate_credentials(&c->credentials);
        if (r < 0)
                return r;
        if (c->plan->judge)
                gnutls_certificate_set_verify_function(c->credentials, judge);
        r = gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
        if (r < 0)
                return r;
        /* COMPAT lets a certificate that is not meant for this use through to the daemon, which
         * says so in better words than a failed handshake. */
        r = gnutls_set_default_priority_append(c->session, "%COMPAT", NULL, 0);
        if (r < 0)
                return r;
        r = gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials);
        if (r < 0)
                return r;
        if (e->kind == HOST_NAME) {
                r = gnutls_server_name_set(c->session, GNUTLS_NAME_DNS, e->host, strlen(e->host));
                if (r < 0)
                        return r;
        }
        r = gnutls_ocsp_status_request_enable_client(c->session, NULL, 0, NULL);
        if (r < 0)
                return r;

        gnutls_session_set_ptr(c->session, c);
        gnutls_transport_set_ptr(c->session, c);
        gnutls_transport_set_push_function(c->session, push);
        gnutls_transport_set_pull_function(c->session, pull);
        return 0;
}

static int start_tls(Channel *c, Fault *fault) {
        int r;

        r = session_new(c);
        if (r == GNUTLS_E_MEMORY_ERROR)
                return -ENOMEM;
        if (r < 0)
                return handshake_error(fault, FAULT_SYSTEM, _("TLS cannot be set up"), r);
        r = handshake(c, c->session, fault);
        if (r < 0)
                return r;
        if (c->plan->judge && !c->was_judged)
                return fault_set(fault, FAULT_HANDSHAKE, "The server showed no certificate.");
        return 0;
}

/* Asks a server that had nothing to say in plain text whether it speaks TLS from the first byte. */
static bool speaks_tls_at_once(const ConnectPlan *plan) {
        _cleanup_(presented_done) Presented presented = {};
        _cleanup_(fault_done) Fault fault = {};
        ConnectPlan again = *plan;

        again.starttls = NULL;
        again.judge = NULL;
        if (again.timeout_sec > PROBE_SEC)
                again.timeout_sec = PROBE_SEC;
        return connect_fetch(&again, &presented, &fault) >= 0;
}

static int upgrade(Channel *c, Fault *fault) {
        const ConnectPlan *plan = c->plan;
        int r;

        r = starttls_upgrade(plan->starttls, &c->stream, plan->endpoint->host, fault);
        if (r >= 0 || c->stream.heard || r == -ENOMEM)
                return r;

        /* Small servers serve one connection after the other. */
        c->stream.fd = close_fd(c->stream.fd);
        if (!speaks_tls_at_once(plan))
                return r;

        (void) fault_set(fault, FAULT_TLS_ONLY, "The server speaks only TLS here.");
        fault_hint(fault, "Leave --starttls away.");
        return -ECONNABORTED;
}

int connect_open(const ConnectPlan *plan, Channel **ret, Fault *fault) {
        _cleanup_(channel_closep) Channel *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->plan = plan;
        c->fault = fault;
        c->stream.greeting = &c->greeting;
        c->stream.deadline = stream_now() + (uint64_t) plan->timeout_sec * USEC_PER_SEC;

        c->stream.fd = dial(plan->address ? plan->address : plan->endpoint, c->stream.deadline,
                            fault);
        if (c->stream.fd < 0)
                return c->stream.fd;

        if (plan->starttls) {
                r = upgrade(c, fault);
                if (r < 0)
                        return r;
        }
        r = start_tls(c, fault);
        if (r < 0)
                return r;

        c->stream.deadline = UINT64_MAX;
        c->plan = NULL;
        c->fault = NULL;
        *ret = TAKE_PTR(c);
        return 0;
}

int connect_fetch(const ConnectPlan *plan, Presented *ret, Fault *fault) {
        _cleanup_(presented_done) Presented presented = {};
        _cleanup_(channel_closep) Channel *c = NULL;
        int r;

        r = connect_open(plan, &c, fault);
        if (r < 0)
                return r;
        r = collect(c->session, &presented, fault);
        if (r < 0)
                return r;

        /* A farewell, so that no server logs a broken connection; it need not arrive. */
        (void) gnutls_bye(c->session, GNUTLS_SHUT_WR);
        *ret = presented;
        presented = (Presented){};
        return 0;
}

gnutls_session_t channel_session(const Channel *channel) {
        return channel->session;
}

int channel_fd(const Channel *channel) {
        return channel->stream.fd;
}

const Greeting *channel_greeting(const Channel *channel) {
        return &channel->greeting;
}
