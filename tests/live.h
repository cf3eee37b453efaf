/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon, a certificate that it does not like, and questions about that. */
#pragma once

#include <check.h>

#include "client/library.h"
#include "tests/fixture.h"
#include "tests/pki.h"

#define HOST "imap.example.org"
#define PORT 993

static Fixture *fixture;
static Pki *server; /* self-signed, for HOST, in its dates */

static inline void setup(void) {
        static const PkiSpec spec = { .name = HOST, .not_after = INT64_C(4102444800) };

        fixture = fixture_new();
        fixture->how.quiet = true;
        fixture_start(fixture, NULL);
        server = pki_new(&spec);
}

static inline void teardown(void) {
        server = pki_free(server);
        fixture = fixture_free(fixture);
}

static inline certexc_client *new_client(void) {
        certexc_client *client = NULL;

        ck_assert_int_eq(certexc_client_new(fixture->socket_path, &client), 0);
        certexc_client_set_timeout(client, FIXTURE_WAIT_MSEC);
        return client;
}

static inline int try_ask(certexc_client *client, const Pki *pki, uint16_t port,
                          certexc_answer **ret) {
        _cleanup_(certexc_question_freep) certexc_question *question = NULL;
        Blob der = pki_der(pki);

        ck_assert_int_eq(certexc_question_new(HOST, port, &question), 0);
        ck_assert_int_eq(certexc_question_add_certificate(question, der.data, der.size), 0);
        return certexc_verify(client, question, ret);
}

static inline certexc_answer *ask(certexc_client *client, const Pki *pki, uint16_t port) {
        certexc_answer *answer = NULL;
        int r = try_ask(client, pki, port, &answer);

        ck_assert_msg(r == 0, "%d: %s", r, certexc_client_error(client));
        return answer;
}

static inline void expect(certexc_client *client, const Pki *pki, uint16_t port,
                          enum certexc_verdict verdict, const char *because) {
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, pki, port);

        ck_assert_str_eq(certexc_answer_because(answer), because);
        ck_assert_int_eq(certexc_answer_verdict(answer), verdict);
}

/* Allows @pki at PORT; the decision's id. */
static inline uint64_t allow(certexc_client *client, const Pki *pki) {
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, pki, PORT);
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL;
        int r = certexc_add_exception(client, answer, 0, 0, NULL, &e);

        ck_assert_msg(r == 0, "%d: %s", r, certexc_client_error(client));
        return certexc_exception_id(e);
}
