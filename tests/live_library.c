/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library against the real daemon, and GnuTLS handshakes in between. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "client/library.h"
#include "tests/fixture.h"
#include "tests/pki.h"

#define HOST "imap.example.org"
#define PORT 993
#define STRANGER 54321

static Fixture *fixture;
static Pki *server; /* self-signed, for HOST, in its dates */

static void setup(void) {
        static const PkiSpec spec = { .name = HOST, .not_after = INT64_C(4102444800) };

        fixture = fixture_new();
        fixture->how.quiet = true;
        fixture_start(fixture, NULL);
        server = pki_new(&spec);
}

static void teardown(void) {
        server = pki_free(server);
        fixture = fixture_free(fixture);
}

static certexc_client *new_client(void) {
        certexc_client *client = NULL;

        ck_assert_int_eq(certexc_client_new(fixture->socket_path, &client), 0);
        certexc_client_set_timeout(client, FIXTURE_WAIT_MSEC);
        return client;
}

static int try_ask(certexc_client *client, const Pki *pki, uint16_t port, certexc_answer **ret) {
        _cleanup_(certexc_question_freep) certexc_question *question = NULL;
        Blob der = pki_der(pki);

        ck_assert_int_eq(certexc_question_new(HOST, port, &question), 0);
        ck_assert_int_eq(certexc_question_add_certificate(question, der.data, der.size), 0);
        return certexc_verify(client, question, ret);
}

static certexc_answer *ask(certexc_client *client, const Pki *pki, uint16_t port) {
        certexc_answer *answer = NULL;
        int r = try_ask(client, pki, port, &answer);

        ck_assert_msg(r == 0, "%d: %s", r, certexc_client_error(client));
        return answer;
}

static void expect(certexc_client *client, const Pki *pki, uint16_t port,
                   enum certexc_verdict verdict, const char *because) {
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, pki, port);

        ck_assert_str_eq(certexc_answer_because(answer), because);
        ck_assert_int_eq(certexc_answer_verdict(answer), verdict);
}

/* Allows @pki at PORT; the decision's id. */
static uint64_t allow(certexc_client *client, const Pki *pki) {
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, pki, PORT);
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL;
        int r = certexc_add_exception(client, answer, 0, 0, NULL, &e);

        ck_assert_msg(r == 0, "%d: %s", r, certexc_client_error(client));
        return certexc_exception_id(e);
}

START_TEST(the_main_job) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, server, PORT);
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL, *again = NULL, *gone = NULL;
        const certexc_certificate *leaf = certexc_answer_leaf(answer);
        bool self_signed = false;

        ck_assert_int_eq(certexc_answer_verdict(answer), CERTEXC_PROMPT);
        ck_assert_str_eq(certexc_answer_because(answer), "no-exception");
        for (size_t i = 0; i < certexc_answer_n_problems(answer); i++)
                self_signed |= strcmp(certexc_answer_problem(answer, i), "self-signed") == 0;
        ck_assert(self_signed);
        ck_assert_str_eq(certexc_certificate_name(leaf, 0), HOST);
        ck_assert_int_eq(certexc_certificate_not_after(leaf), INT64_C(4102444800));

        ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0,
                                               certexc_certificate_sha256(leaf), &e),
                         0);
        ck_assert_str_eq(certexc_exception_state(e), "live");
        ck_assert_int_eq(certexc_exception_owner(e), getuid());
        ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0, NULL, &again), 1);
        ck_assert_uint_eq(certexc_exception_id(again), certexc_exception_id(e));

        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
        expect(client, server, PORT + 1, CERTEXC_PROMPT, "no-exception");
        ck_assert_int_eq(certexc_revoke(client, certexc_exception_id(e), &gone), 0);
        ck_assert_str_eq(certexc_exception_state(gone), "revoked");
        expect(client, server, PORT, CERTEXC_PROMPT, "no-exception");
}
END_TEST

START_TEST(another_certificate_is_told_from_the_one_allowed) {
        static const PkiSpec spec = { .name = HOST, .subject = "another" };
        _cleanup_(pki_freep) Pki *other = pki_new(&spec);
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;

        (void) allow(client, server);
        answer = ask(client, other, PORT);
        ck_assert_str_eq(certexc_answer_because(answer), "changed");
        ck_assert_str_eq(certexc_answer_change(answer), "replaced");
        ck_assert_str_eq(certexc_answer_change_known_from(answer), "exception");
        ck_assert_ptr_nonnull(certexc_change_sentence(certexc_answer_change(answer),
                                                      certexc_answer_change_was_due(answer)));
        ck_assert_str_eq(certexc_certificate_name(certexc_answer_change_old(answer), 0), HOST);

        ck_assert_int_eq(certexc_list(client, HOST, PORT, false, &list), 0);
        ck_assert_uint_eq(certexc_exceptions_count(list), 1);
}
END_TEST

START_TEST(a_denial_is_a_reject) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, server, PORT);
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL;

        ck_assert_int_eq(certexc_add_denial(client, answer, 0, 0, NULL, &e), 0);
        ck_assert_str_eq(certexc_exception_action(e), "deny");
        expect(client, server, PORT, CERTEXC_REJECT, "denial");
}
END_TEST

START_TEST(a_wrong_fingerprint_stores_nothing) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, server, PORT);
        char wrong[SHA256_HEX_SIZE];

        memset(wrong, '0', sizeof(wrong) - 1);
        wrong[sizeof(wrong) - 1] = '\0';
        ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0, wrong, NULL), -EKEYREJECTED);
        ck_assert_str_eq(certexc_client_error_name(client), "org.certexc1.FingerprintMismatch");
        ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0, "nonsense", NULL), -EINVAL);
        ck_assert_str_eq(certexc_client_error_name(client), "org.certexc1.InvalidRequest");
        expect(client, server, PORT, CERTEXC_PROMPT, "no-exception");
}
END_TEST

START_TEST(an_end_in_the_past_is_refused) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, server, PORT);

        ck_assert_int_eq(certexc_add_exception(client, answer, 1000, 0, NULL, NULL), -EINVAL);
        ck_assert_str_eq(certexc_client_error_name(client), "org.certexc1.InvalidRequest");
}
END_TEST

START_TEST(what_was_decided_can_be_looked_at) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL, *none = NULL;
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL, *empty = NULL;
        _cleanup_(certexc_history_freep) certexc_history *history = NULL;
        _cleanup_(certexc_status_freep) certexc_status *status = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        uint64_t id = allow(client, server);
        size_t size = 0;

        ck_assert_int_eq(certexc_get(client, id, &e), 0);
        ck_assert_str_eq(certexc_exception_host(e), HOST);
        ck_assert_int_eq(certexc_get_certificate(
                                 client,
                                 certexc_certificate_sha256(certexc_exception_certificate(e)), &der,
                                 &size),
                         0);
        ck_assert_uint_eq(size, pki_der(server).size);
        ck_assert_mem_eq(der, pki_der(server).data, size);

        ck_assert_int_eq(certexc_get(client, id + 1, &none), -ENOENT);
        ck_assert_int_eq(certexc_list(client, NULL, 0, false, &list), 0);
        ck_assert_uint_eq(certexc_exceptions_count(list), 1);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), 0);
        ck_assert_int_eq(certexc_list(client, NULL, 0, false, &empty), 0);
        ck_assert_uint_eq(certexc_exceptions_count(empty), 0);

        ck_assert_int_eq(certexc_get_history(client, 0, &history), 0);
        ck_assert_uint_eq(certexc_history_count(history), 2);
        ck_assert_str_eq(certexc_history_kind(history, 0), "allowed");
        ck_assert_str_eq(certexc_history_kind(history, 1), "revoked");
        ck_assert_uint_eq(certexc_history_id(history, 1), id);

        ck_assert_int_eq(certexc_get_status(client, &status), 0);
        ck_assert_str_eq(certexc_status_text(status, "store"), "ok");
        ck_assert_int_gt(certexc_status_number(status, "counts.exceptions_max"), 0);
}
END_TEST

START_TEST(more_decisions_than_a_page_are_all_listed) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;
        _cleanup_(certexc_history_freep) certexc_history *history = NULL;
        const unsigned n = 101;

        for (unsigned i = 0; i < n; i++) {
                _cleanup_(certexc_answer_freep) certexc_answer *answer =
                        ask(client, server, (uint16_t) (1000 + i));

                ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0, NULL, NULL), 0);
        }
        ck_assert_int_eq(certexc_list(client, NULL, 0, false, &list), 0);
        ck_assert_uint_eq(certexc_exceptions_count(list), n);
        for (unsigned i = 0; i < n; i++)
                ck_assert_uint_eq(certexc_exception_port(certexc_exceptions_item(list, i)),
                                  1000 + i);
        ck_assert_int_eq(certexc_get_history(client, 0, &history), 0);
        ck_assert_uint_eq(certexc_history_count(history), n);
}
END_TEST

static void expect_event(certexc_monitor *monitor, const char *name, uint64_t id) {
        _cleanup_(certexc_event_freep) certexc_event *event = NULL;
        int r;

        while ((r = certexc_monitor_next(monitor, &event)) == 0) {
                struct pollfd p = { certexc_monitor_fd(monitor), POLLIN, 0 };

                ck_assert_int_eq(poll(&p, 1, FIXTURE_WAIT_MSEC), 1);
        }
        ck_assert_msg(r == 1, "%d: %s", r, certexc_monitor_error(monitor));
        ck_assert_str_eq(certexc_event_name(event), name);
        ck_assert_uint_eq(certexc_exception_id(certexc_event_exception(event)), id);
}

START_TEST(changes_are_seen) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_monitor_freep) certexc_monitor *monitor = NULL;
        certexc_event *none = NULL;
        struct pollfd p;
        uint64_t id;
        int r;

        ck_assert_int_eq(certexc_monitor_new(client, &monitor), 0);
        expect_event(monitor, "ready", 0);
        id = allow(client, server);
        expect_event(monitor, "allowed", id);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), 0);
        expect_event(monitor, "revoked", id);

        ck_assert_int_eq(fixture_stop(fixture), 0);
        p = (struct pollfd){ certexc_monitor_fd(monitor), POLLIN, 0 };
        ck_assert_int_eq(poll(&p, 1, FIXTURE_WAIT_MSEC), 1);
        r = certexc_monitor_next(monitor, &none);
        ck_assert_int_eq(r, -ECONNRESET);
        ck_assert_ptr_nonnull(strstr(certexc_monitor_error(monitor), "ended the stream"));
}
END_TEST

START_TEST(a_daemon_that_stopped_accepts_nothing_and_one_that_came_back_all) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        certexc_answer *answer = NULL;

        (void) allow(client, server);
        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
        ck_assert_int_eq(fixture_stop(fixture), 0);
        ck_assert_int_eq(try_ask(client, server, PORT, &answer), -ENOTCONN);
        ck_assert_ptr_null(answer);
        ck_assert_ptr_nonnull(strstr(certexc_client_error(client), fixture->socket_path));

        fixture_start(fixture, NULL);
        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
        /* Restarted between two calls, and nobody notices. */
        ck_assert_int_eq(fixture_stop(fixture), 0);
        fixture_start(fixture, NULL);
        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
}
END_TEST

static int be_a_stranger(void *data) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;
        uint64_t id = *(uint64_t *) data;

        expect(client, server, PORT, CERTEXC_PROMPT, "no-exception");
        ck_assert_int_eq(certexc_list(client, NULL, 0, true, &list), 0);
        ck_assert_uint_eq(certexc_exceptions_count(list), 0);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), -ENOENT);
        certexc_client_set_owner(client, 0);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), -EACCES);
        certexc_client_set_owner(client, CERTEXC_OWNER_SYSTEM);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), -EACCES);
        return 0;
}

START_TEST(another_uid_sees_none_of_it) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        uint64_t id;

        if (geteuid() != 0) {
                (void) fprintf(stderr, "skipped: only root can be another uid\n");
                return;
        }
        id = allow(client, server);
        ck_assert_int_eq(fixture_as(STRANGER, be_a_stranger, &id), 0);
        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
}
END_TEST

static int ask_as_stranger(void *data) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();

        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
        return 0;
}

START_TEST(what_the_administrator_allows_holds_for_everyone) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();

        if (geteuid() != 0) {
                (void) fprintf(stderr, "skipped: only root can be another uid\n");
                return;
        }
        certexc_client_set_owner(client, CERTEXC_OWNER_SYSTEM);
        (void) allow(client, server);
        ck_assert_int_eq(fixture_as(STRANGER, ask_as_stranger, NULL), 0);
}
END_TEST

/* -- GnuTLS ------------------------------------------------------------------------------ */

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

int main(void) {
        Suite *suite = suite_create("live library");
        TCase *tcase = tcase_create("live library");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, the_main_job);
        tcase_add_test(tcase, another_certificate_is_told_from_the_one_allowed);
        tcase_add_test(tcase, a_denial_is_a_reject);
        tcase_add_test(tcase, a_wrong_fingerprint_stores_nothing);
        tcase_add_test(tcase, an_end_in_the_past_is_refused);
        tcase_add_test(tcase, what_was_decided_can_be_looked_at);
        tcase_add_test(tcase, more_decisions_than_a_page_are_all_listed);
        tcase_add_test(tcase, changes_are_seen);
        tcase_add_test(tcase, a_daemon_that_stopped_accepts_nothing_and_one_that_came_back_all);
        tcase_add_test(tcase, another_uid_sees_none_of_it);
        tcase_add_test(tcase, what_the_administrator_allows_holds_for_everyone);
        tcase_add_loop_test(tcase, a_handshake_goes_on_only_with_an_accept, 0,
                            N_ELEMENTS(priorities));
        tcase_add_loop_test(tcase, a_handshake_without_a_daemon_or_an_endpoint_is_refused, 0,
                            N_ELEMENTS(priorities));

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
