/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom to ask whether a certificate has been revoked, what to ask, and when nobody; and what an
 * answer from the time to come says of the clock. */
#include "config.h"

#include <check.h>
#include <gnutls/ocsp.h>
#include <string.h>

#include "daemon/der.h"
#include "daemon/limits.h"
#include "daemon/problems.h"
#include "tests/assemble.h"
#include "tests/block.h"

#define HOST "imap.example.org"
#define URL  "http://ocsp.example.org/r"

static Pki *root, *stranger, *answerer;

static void set_up(void) {
        root = pki_new(&(PkiSpec) { .subject = "Root", .ca = true });
        stranger = pki_new(&(PkiSpec) { .subject = "Root", .ca = true });
        answerer = pki_new(&(PkiSpec) { .subject = "Answers",
                                        .issuer = root,
                                        .purpose = GNUTLS_KP_OCSP_SIGNING });
}

static void tear_down(void) {
        root = pki_free(root);
        stranger = pki_free(stranger);
        answerer = pki_free(answerer);
}

/* A certificate that names places, each behind a letter: O asked for status, C the issuer's own. */
static Pki *leaf_with(const char *const *places, const Pki *issuer, bool expired) {
        Status list = { 0 }, one = { 0 }, access = { 0 };
        PkiExtension extension = { .oid = "1.3.6.1.5.5.7.1.1" };
        Pki *leaf;

        for (; *places; places++) {
                assemble_element(&one, DER_OID, "\x2b\x06\x01\x05\x05\x07\x30", 7);
                one.data[1] = 8;
                assemble(&one, **places == 'O' ? "\x01" : "\x02", 1);
                assemble_element(&one, DER_CONTEXT(6), *places + 1, strlen(*places + 1));
                assemble_built(&list, DER_SEQUENCE, &one);
        }
        assemble_built(&access, DER_SEQUENCE, &list);
        extension.der = access.data;
        extension.size = access.size;
        leaf = pki_new(&(PkiSpec) { .name = HOST,
                                    .issuer = issuer,
                                    .not_after = expired ? PKI_NOW - 1 : 0,
                                    .extensions = &extension,
                                    .n_extensions = 1 });
        status_done(&access);
        return leaf;
}

/* The root is sent, whoever is trusted. */
static Facts *judge(const Pki *leaf, const Pki *trusted, Blob staple, int64_t now) {
        Blob chain[] = { pki_der(leaf), pki_der(root) }, trust = pki_der(trusted);
        _cleanup_(authorities_freep) Authorities *authorities = block_new(&trust, 1);
        Facts *facts = NULL;
        Endpoint endpoint;
        const char *reason;
        Question q = {
                .endpoint = &endpoint,
                .chain = chain,
                .n_chain = N_ELEMENTS(chain),
                .staple = staple,
                .now = now,
                .checks = CHECK_ALL,
        };

        ck_assert_int_eq(endpoint_set(HOST, strlen(HOST), 993, &endpoint, &reason), 0);
        ck_assert_int_eq(problems_find(&q, authorities, &facts), 0);
        return facts;
}

static const struct {
        const char *says;
        const char *places[4];
        const char *url; /* NULL: nobody is asked */
} places[] = {
        { "the place that it names", { "O" URL }, URL },
        { "a scheme in capitals is the same", { "OHTTP://ocsp.example.org/" },
          "HTTP://ocsp.example.org/" },
        { "the first http of several", { "Oldap://a/", "Ohttps://b/", "O" URL, "Ohttp://c/" }, URL },
        { "where the issuer's certificate is, nobody answers", { "C" URL }, NULL },
        { "no file", { "Ofile:///etc/passwd" }, NULL },
        { "nothing with a space", { "Ohttp://a/b c" }, NULL },
        { "nothing with a line's end", { "Ohttp://a/\r\nX: y" }, NULL },
        { "nothing without a host", { "Ohttp://" }, NULL },
        { "nothing beyond ASCII", { "Ohttp://\xc3\xa4/" }, NULL },
};

START_TEST(places_row) {
        _cleanup_(pki_freep) Pki *leaf = leaf_with(places[_i].places, root, false);
        _cleanup_(facts_unrefp) Facts *facts = judge(leaf, root, (Blob) { 0 }, PKI_NOW);

        ck_assert_uint_eq(facts->problems, 0);
        if (places[_i].url)
                ck_assert_msg(facts->responder && strcmp(facts->responder, places[_i].url) == 0,
                              "not so: %s, but %s", places[_i].says, facts->responder);
        else
                ck_assert_msg(!facts->responder && facts->request_size == 0, "not so: %s",
                              places[_i].says);
}
END_TEST

START_TEST(what_is_asked_is_what_gnutls_reads) {
        _cleanup_(pki_freep) Pki *leaf = leaf_with((const char *[]) { "O" URL, NULL }, root, true);
        _cleanup_(facts_unrefp) Facts *facts = judge(leaf, root, (Blob) { 0 }, PKI_NOW);
        gnutls_datum_t der = { facts->request, (unsigned) facts->request_size };
        gnutls_datum_t name = { 0 }, key = { 0 }, serial = { 0 };
        unsigned char wanted[64];
        size_t size = sizeof(wanted);
        gnutls_digest_algorithm_t digest;
        gnutls_ocsp_req_t request;

        ck_assert_uint_eq(facts->problems, PROBLEM_EXPIRED);
        ck_assert_int_ge(gnutls_ocsp_req_init(&request), 0);
        ck_assert_int_ge(gnutls_ocsp_req_import(request, &der), 0);
        ck_assert_int_ge(
                gnutls_ocsp_req_get_cert_id(request, 0, &digest, &name, &key, &serial), 0);
        ck_assert_int_eq(digest, GNUTLS_DIG_SHA1);
        ck_assert_int_ge(gnutls_x509_crt_get_serial(pki_crt(leaf), wanted, &size), 0);
        ck_assert_uint_eq(serial.size, size);
        ck_assert_mem_eq(serial.data, wanted, size);
        ck_assert_int_lt(gnutls_ocsp_req_get_cert_id(request, 1, NULL, NULL, NULL, NULL), 0);
        gnutls_free(name.data);
        gnutls_free(key.data);
        gnutls_free(serial.data);
        gnutls_ocsp_req_deinit(request);
}
END_TEST

START_TEST(nobody_is_asked_without_need) {
        _cleanup_(pki_freep) Pki *leaf = leaf_with((const char *[]) { "O" URL, NULL }, root, false);
        _cleanup_(pki_freep) Pki *alone = leaf_with((const char *[]) { "O" URL, NULL }, NULL, false);
        const StatusEntry entry = { .certificate = leaf };
        _cleanup_(status_done) Status staple = status_answer(root, root, 0, &entry, 1);
        _cleanup_(facts_unrefp) Facts *stapled =
                judge(leaf, root, status_blob(&staple), PKI_NOW);
        _cleanup_(facts_unrefp) Facts *unknown = judge(leaf, answerer, (Blob) { 0 }, PKI_NOW);
        _cleanup_(facts_unrefp) Facts *forged = judge(leaf, stranger, (Blob) { 0 }, PKI_NOW);
        _cleanup_(facts_unrefp) Facts *self = judge(alone, root, (Blob) { 0 }, PKI_NOW);

        ck_assert_msg(!stapled->responder, "the server has stapled an answer");
        ck_assert_msg(!unknown->responder, "no authority vouches for it");
        ck_assert_msg(!forged->responder, "an authority's name, but not its key");
        ck_assert_msg(!self->responder, "it vouches for itself");
}
END_TEST

/* -- the clock --------------------------------------------------------------------------------- */

#define MADE (PKI_NOW - PKI_DAY) /* as tests/status.c has it */

static const struct {
        const char *says;
        Pki **trusted, **signer;
        int64_t now;
        bool is_evidence;
} clocks[] = {
        { "an answer of before says nothing", &root, &root, PKI_NOW, false },
        { "nor one of this second", &root, &root, MADE, false },
        { "one from the time to come does", &root, &root, MADE - 1, true },
        { "two years ahead", &root, &root, PKI_NOW - 730 * PKI_DAY, true },
        { "by somebody who was not appointed yet, by this clock", &root, &answerer,
          PKI_NOW - 730 * PKI_DAY, true },
        { "but no stranger's", &root, &stranger, MADE - 1, false },
        { "nor one that no authority vouches for", &answerer, &root, MADE - 1, false },
};

START_TEST(clocks_row) {
        _cleanup_(pki_freep) Pki *leaf = leaf_with((const char *[]) { "O" URL, NULL }, root, false);
        const StatusEntry entry = { .certificate = leaf };
        _cleanup_(status_done) Status staple =
                status_answer(root, *clocks[_i].signer, 0, &entry, 1);
        _cleanup_(facts_unrefp) Facts *facts =
                judge(leaf, *clocks[_i].trusted, status_blob(&staple), clocks[_i].now);

        ck_assert_msg(facts->signed_time == (clocks[_i].is_evidence ? MADE : INT64_MIN),
                      "not so: %s", clocks[_i].says);
}
END_TEST

int main(void) {
        Suite *s = suite_create("responder");
        TCase *t = tcase_create("responder");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_set_timeout(t, 120);
        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_loop_test(t, places_row, 0, (int) N_ELEMENTS(places));
        tcase_add_test(t, what_is_asked_is_what_gnutls_reads);
        tcase_add_test(t, nobody_is_asked_without_need);
        tcase_add_loop_test(t, clocks_row, 0, (int) N_ELEMENTS(clocks));
        suite_add_tcase(s, t);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
