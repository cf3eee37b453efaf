/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GnuTLS handshakes, fresh and resumed, that ask the real daemon. */
#include "config.h"

#include <check.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/live.h"

typedef struct TlsServer {
        gnutls_certificate_credentials_t credentials;
        gnutls_datum_t ticket_key;
        const char *priority;
        int fd;
        pthread_t thread;
} TlsServer;

static void *serve(void *data) {
        TlsServer *s = data;
        gnutls_session_t session;
        char byte;
        int r;

        (void) gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
        (void) gnutls_priority_set_direct(session, s->priority, NULL);
        (void) gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, s->credentials);
        (void) gnutls_session_ticket_enable_server(session, &s->ticket_key);
        gnutls_transport_set_int(session, s->fd);
        do
                r = gnutls_handshake(session);
        while (r < 0 && !gnutls_error_is_fatal(r));
        if (r == 0 && gnutls_record_send(session, "x", 1) == 1)
                (void) gnutls_record_recv(session, &byte, 1);
        gnutls_deinit(session);
        (void) close(s->fd);
        return NULL;
}

static void tls_server_init(TlsServer *s, const char *priority) {
        gnutls_x509_crt_t crt = pki_crt(server);

        *s = (TlsServer){ .priority = priority };
        ck_assert_int_eq(gnutls_certificate_allocate_credentials(&s->credentials), 0);
        ck_assert_int_eq(
                gnutls_certificate_set_x509_key(s->credentials, &crt, 1, pki_key(server)), 0);
        ck_assert_int_eq(gnutls_session_ticket_key_generate(&s->ticket_key), 0);
}

static void tls_server_done(TlsServer *s) {
        gnutls_certificate_free_credentials(s->credentials);
        gnutls_free(s->ticket_key.data);
}

/* One connection of a client to the server. */
typedef struct Connect {
        certexc_client *client; /* NULL: no endpoint is set */
        gnutls_datum_t *ticket; /* in: resumed with if it has any; out: the new one */
        bool resumed;
        int handshake, again; /* again: certexc_gnutls_reverify() */
        const char *because;  /* of the last answer, "" if there was none */
        char buffer[64];
} Connect;

static void tls_connect(TlsServer *s, Connect *c) {
        gnutls_certificate_credentials_t credentials;
        const certexc_answer *answer;
        gnutls_session_t session;
        int fds[2];
        char byte;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        s->fd = fds[1];
        ck_assert_int_eq(pthread_create(&s->thread, NULL, serve, s), 0);
        ck_assert_int_eq(gnutls_certificate_allocate_credentials(&credentials), 0);
        gnutls_certificate_set_verify_function(credentials, certexc_gnutls_verify);
        ck_assert_int_eq(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL), 0);
        ck_assert_int_eq(gnutls_priority_set_direct(session, s->priority, NULL), 0);
        ck_assert_int_eq(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), 0);
        gnutls_transport_set_int(session, fds[0]);
        gnutls_session_set_ptr(session, c);
        if (c->client) {
                ck_assert_int_eq(certexc_gnutls_set_endpoint(session, c->client, "other.example",
                                                             PORT),
                                 0);
                ck_assert_int_eq(certexc_gnutls_set_endpoint(session, c->client, HOST, PORT), 0);
                ck_assert_int_eq(certexc_gnutls_set_starttls(session, false), 0);
        }
        if (c->ticket->size > 0)
                ck_assert_int_eq(
                        gnutls_session_set_data(session, c->ticket->data, c->ticket->size), 0);

        do
                c->handshake = gnutls_handshake(session);
        while (c->handshake < 0 && !gnutls_error_is_fatal(c->handshake));
        c->resumed = gnutls_session_is_resumed(session);
        c->again = c->resumed ? certexc_gnutls_reverify(session) : c->handshake;
        answer = certexc_gnutls_get_answer(session);
        (void) snprintf(c->buffer, sizeof(c->buffer), "%s", certexc_answer_because(answer) ?: "");
        c->because = c->buffer;
        if (c->handshake == 0) {
                ssize_t n;

                /* A ticket on the way is GNUTLS_E_AGAIN. */
                while ((n = gnutls_record_recv(session, &byte, 1)) == GNUTLS_E_AGAIN)
                        ;
                ck_assert_int_eq(n, 1);
                gnutls_free(c->ticket->data);
                ck_assert_int_eq(gnutls_session_get_data2(session, c->ticket), 0);
        }
        ck_assert_ptr_eq(gnutls_session_get_ptr(session), c);
        (void) gnutls_bye(session, GNUTLS_SHUT_WR);
        (void) close(fds[0]);
        (void) pthread_join(s->thread, NULL);
        gnutls_deinit(session);
        gnutls_certificate_free_credentials(credentials);
}

static const char *const priorities[] = {
        "NORMAL:-VERS-ALL:+VERS-TLS1.3",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2",
};

START_TEST(a_handshake_goes_on_only_with_an_accept) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        gnutls_datum_t ticket = { 0 };
        Connect c = { .client = client, .ticket = &ticket };
        TlsServer s;
        uint64_t id;

        tls_server_init(&s, priorities[_i]);
        tls_connect(&s, &c);
        ck_assert_int_eq(c.handshake, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
        ck_assert_str_eq(c.because, "no-exception");

        id = allow(client, server);
        tls_connect(&s, &c);
        ck_assert_int_eq(c.handshake, 0);
        ck_assert_str_eq(c.because, "exception");

        tls_connect(&s, &c);
        ck_assert(c.resumed);
        ck_assert_int_eq(c.again, 0);
        ck_assert_str_eq(c.because, "exception");

        ck_assert_int_eq(certexc_revoke(client, id, NULL), 0);
        tls_connect(&s, &c);
        ck_assert(c.resumed);
        ck_assert_int_eq(c.handshake, 0);
        ck_assert_int_eq(c.again, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
        ck_assert_str_eq(c.because, "no-exception");

        gnutls_free(ticket.data);
        tls_server_done(&s);
}
END_TEST

START_TEST(a_handshake_without_a_daemon_or_an_endpoint_is_refused) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        gnutls_datum_t ticket = { 0 };
        Connect c = { .ticket = &ticket };
        TlsServer s;

        tls_server_init(&s, priorities[_i]);
        (void) allow(client, server);
        tls_connect(&s, &c);
        ck_assert_int_eq(c.handshake, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
        ck_assert_str_eq(c.because, "");

        ck_assert_int_eq(fixture_stop(fixture), 0);
        c.client = client;
        tls_connect(&s, &c);
        ck_assert_int_eq(c.handshake, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
        ck_assert_str_eq(c.because, "");
        ck_assert_ptr_nonnull(strstr(certexc_client_error(client), "cannot be reached"));
        tls_server_done(&s);
}
END_TEST

static bool other_freed;

static void free_other(gnutls_ext_priv_data_t data) {
        other_freed = true;
}

START_TEST(a_slot_that_another_library_has_is_left_alone) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        gnutls_session_t session;

        ck_assert_int_eq(gnutls_init(&session, GNUTLS_CLIENT), 0);
        ck_assert_int_eq(gnutls_session_ext_register(session, "other", 0xfec1, GNUTLS_EXT_TLS, NULL,
                                                     NULL, free_other, NULL, NULL, 0),
                         0);
        gnutls_ext_set_data(session, 0xfec1, &other_freed);
        ck_assert_int_eq(certexc_gnutls_set_endpoint(session, client, HOST, PORT), -EBUSY);
        ck_assert_str_ne(certexc_client_error(client), "");
        ck_assert_ptr_null(certexc_gnutls_get_answer(session));
        ck_assert_int_eq(certexc_gnutls_verify(session), GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
        ck_assert(!other_freed);
        gnutls_deinit(session);
        ck_assert(other_freed);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("live gnutls");
        TCase *tcase = tcase_create("live gnutls");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_slot_that_another_library_has_is_left_alone);
        tcase_add_loop_test(tcase, a_handshake_goes_on_only_with_an_accept, 0,
                            N_ELEMENTS(priorities));
        tcase_add_loop_test(tcase, a_handshake_without_a_daemon_or_an_endpoint_is_refused, 0,
                            N_ELEMENTS(priorities));

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
