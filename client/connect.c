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

/* One attempt, from the connected socket to the collected chain. */
typedef struct Attempt {
        const ConnectPlan *plan;
        Stream stream;
        uint8_t first[FIRST_BYTES]; /* what the server sent first where TLS was due */
        size_t n_first;
        int error; /* the socket's last one */
} Attempt;

static Attempt *attempt_free(Attempt *a) {
        a->stream.fd = close_fd(a->stream.fd);
        free(a);
        return NULL;
}
DEFINE_CLEANUP(Attempt *, attempt_free)

static void deinitp(gnutls_session_t *session) {
        if (*session)
                gnutls_deinit(*session);
}

static void free_credentialsp(gnutls_certificate_credentials_t *credentials) {
        if (*credentials)
                gnutls_certificate_free_credentials(*credentials);
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

        /* A server that never pauses would not let the handshake come to its deadline. */
        if (stream_now() >= a->stream.deadline) {
                errno = EAGAIN;
                return -1;
        }
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

static int closed_fault(const Attempt *a, Fault *fault) {
        const StarttlsProtocol *usual = starttls_by_port(a->plan->endpoint->port);

        if (a->error < 0)
                (void) fault_set(fault, FAULT_CLOSED,
                                 "The server hung up during the TLS handshake: %s.",
                                 strerror(-a->error));
        else
                (void) fault_set(fault, FAULT_CLOSED,
                                 "The server hung up during the TLS handshake.");
        if (!a->plan->starttls && usual)
                fault_hint(fault, "Try --starttls=%s.", starttls_protocol_name(usual));
        return -ECONNABORTED;
}

static int failed_fault(const Attempt *a, gnutls_session_t session, int gnutls_error,
                        Fault *fault) {
        int alert = HANDSHAKE_NO_ALERT;

        if (gnutls_error == GNUTLS_E_MEMORY_ERROR)
                return -ENOMEM;
        if (spoke_plaintext(a))
                return plaintext_fault(a, fault);
        if (gnutls_error == GNUTLS_E_PREMATURE_TERMINATION ||
            gnutls_error == GNUTLS_E_PUSH_ERROR || gnutls_error == GNUTLS_E_PULL_ERROR)
                return closed_fault(a, fault);
        if (gnutls_error == GNUTLS_E_FATAL_ALERT_RECEIVED)
                alert = (int) gnutls_alert_get(session);
        return handshake_fault(fault, gnutls_error, alert, a->first, a->n_first);
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
                return failed_fault(a, session, r, fault);
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
                return handshake_error(fault, FAULT_SYSTEM, _("TLS cannot be set up"), r);
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

/* Asks a server that had nothing to say in plain text whether it speaks TLS from the first byte. */
static bool speaks_tls_at_once(const ConnectPlan *plan) {
        _cleanup_(presented_done) Presented presented = {};
        _cleanup_(fault_done) Fault fault = {};
        ConnectPlan again = *plan;

        again.starttls = NULL;
        if (again.timeout_sec > PROBE_SEC)
                again.timeout_sec = PROBE_SEC;
        return connect_fetch(&again, &presented, &fault) >= 0;
}

static int upgrade(Attempt *a, Fault *fault) {
        const ConnectPlan *plan = a->plan;
        int r;

        r = starttls_upgrade(plan->starttls, &a->stream, plan->endpoint->host, fault);
        if (r >= 0 || a->stream.heard || r == -ENOMEM)
                return r;

        /* Small servers serve one connection after the other. */
        a->stream.fd = close_fd(a->stream.fd);
        if (!speaks_tls_at_once(plan))
                return r;

        (void) fault_set(fault, FAULT_TLS_ONLY, "The server speaks only TLS here.");
        fault_hint(fault, "Leave --starttls away.");
        return -ECONNABORTED;
}

int connect_fetch(const ConnectPlan *plan, Presented *ret, Fault *fault) {
        _cleanup_(presented_done) Presented presented = {};
        _cleanup_(attempt_freep) Attempt *a = NULL;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->plan = plan;
        a->stream.deadline = stream_now() + (uint64_t) plan->timeout_sec * USEC_PER_SEC;

        a->stream.fd = dial(plan->address ? plan->address : plan->endpoint, a->stream.deadline,
                            fault);
        if (a->stream.fd < 0)
                return a->stream.fd;

        if (plan->starttls) {
                r = upgrade(a, fault);
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
