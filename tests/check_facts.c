/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts: their bounds, and a reader that takes only what the writer would have written. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "daemon/facts.h"
#include "daemon/limits.h"

static char *copy(const char *text) {
        char *p = strdup(text);

        ck_assert_ptr_nonnull(p);
        return p;
}

/* Facts with one of everything. */
static Facts *sample(void) {
        Facts *facts;

        ck_assert_int_eq(facts_new(&facts), 0);
        facts->holds_from = 1000;
        facts->holds_until = 2000;
        facts->signed_time = 3000;
        facts->responder = copy("http://ocsp.example.org/");
        memset(facts->request, 0xcc, OCSP_REQUEST_BYTES_MAX);
        facts->request_size = OCSP_REQUEST_BYTES_MAX;
        facts->leaf = calloc(1, sizeof(*facts->leaf));
        ck_assert_ptr_nonnull(facts->leaf);
        memset(facts->leaf->sha256, 0xaa, SHA256_SIZE);
        memset(facts->leaf->key_sha256, 0xbb, SHA256_SIZE);
        facts->leaf->subject = copy("CN=mail.example.org");
        facts->leaf->issuer = copy("CN=grüße\x1b[1m");
        facts->leaf->serial = copy("00ff");
        facts->leaf->names = calloc(3, sizeof(char *));
        ck_assert_ptr_nonnull(facts->leaf->names);
        facts->leaf->names[0] = copy("mail.example.org");
        facts->leaf->names[1] = copy("*.example.org");
        facts->leaf->n_names = 2;
        facts->leaf->not_before = -5;
        facts->leaf->not_after = INT64_MAX;
        ck_assert_int_eq(facts_add(facts, PROBLEM_EXPIRED, 0, "2025-12-31"), 0);
        ck_assert_int_eq(facts_add(facts, PROBLEM_UNKNOWN_ISSUER, -1, ""), 0);
        ck_assert_int_eq(facts_add(facts, PROBLEM_WEAK_KEY, CHAIN_CERTIFICATES_MAX - 1, "RSA"), 0);
        return facts;
}

START_TEST(what_is_written_is_read) {
        _cleanup_(facts_unrefp) Facts *facts = sample(), *back = NULL;
        _cleanup_free_ uint8_t *bytes = NULL, *again = NULL;
        size_t size, size_again;

        ck_assert_int_eq(facts_write(facts, &bytes, &size), 0);
        ck_assert_int_eq(facts_read((Blob) { bytes, size }, &back), 0);

        ck_assert_uint_eq(back->n_references, 1);
        ck_assert_uint_eq(back->problems, facts->problems);
        ck_assert_int_eq(back->holds_from, 1000);
        ck_assert_int_eq(back->holds_until, 2000);
        ck_assert_int_eq(back->signed_time, 3000);
        ck_assert_str_eq(back->responder, facts->responder);
        ck_assert_uint_eq(back->request_size, OCSP_REQUEST_BYTES_MAX);
        ck_assert_mem_eq(back->request, facts->request, OCSP_REQUEST_BYTES_MAX);
        ck_assert_mem_eq(back->leaf->sha256, facts->leaf->sha256, SHA256_SIZE);
        ck_assert_mem_eq(back->leaf->key_sha256, facts->leaf->key_sha256, SHA256_SIZE);
        ck_assert_str_eq(back->leaf->subject, facts->leaf->subject);
        ck_assert_str_eq(back->leaf->issuer, facts->leaf->issuer);
        ck_assert_str_eq(back->leaf->serial, "00ff");
        ck_assert_uint_eq(back->leaf->n_names, 2);
        ck_assert_str_eq(back->leaf->names[1], "*.example.org");
        ck_assert_ptr_null(back->leaf->names[2]);
        ck_assert_int_eq(back->leaf->not_before, -5);
        ck_assert_int_eq(back->leaf->not_after, INT64_MAX);
        ck_assert_uint_eq(back->n_findings, 3);
        ck_assert_int_eq(back->findings[0].problem, PROBLEM_EXPIRED);
        ck_assert_int_eq(back->findings[0].certificate, 0);
        ck_assert_str_eq(back->findings[0].value, "2025-12-31");
        ck_assert_int_eq(back->findings[1].certificate, -1);
        ck_assert_int_eq(back->findings[2].certificate, CHAIN_CERTIFICATES_MAX - 1);

        ck_assert_int_eq(facts_write(back, &again, &size_again), 0);
        ck_assert_uint_eq(size_again, size);
        ck_assert_mem_eq(again, bytes, size);
}
END_TEST

START_TEST(every_truncation_is_refused) {
        _cleanup_(facts_unrefp) Facts *facts = sample();
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        ck_assert_int_eq(facts_write(facts, &bytes, &size), 0);
        for (size_t n = 0; n < size; n++) {
                /* A block of its own, so that a sanitizer sees the first byte past its end. */
                _cleanup_free_ uint8_t *part = malloc(n + 1);
                Facts *back = NULL;

                ck_assert_ptr_nonnull(part);
                part = realloc(part, n ? n : 1);
                memcpy(part, bytes, n);
                ck_assert_int_eq(facts_read((Blob) { part, n }, &back), -EBADMSG);
                ck_assert_ptr_null(back);
        }
}
END_TEST

/* A turned bit either is refused or gives other lawful facts, which are written as they were read. */
START_TEST(every_turned_bit_is_refused_or_lawful) {
        _cleanup_(facts_unrefp) Facts *facts = sample();
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size, n_refused = 0;

        ck_assert_int_eq(facts_write(facts, &bytes, &size), 0);
        for (size_t bit = 0; bit < size * 8; bit++) {
                _cleanup_(facts_unrefp) Facts *back = NULL;
                _cleanup_free_ uint8_t *again = NULL;
                size_t size_again;
                int r;

                bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
                r = facts_read((Blob) { bytes, size }, &back);
                if (r < 0) {
                        ck_assert_int_eq(r, -EBADMSG);
                        n_refused++;
                } else {
                        ck_assert_int_eq(facts_write(back, &again, &size_again), 0);
                        ck_assert_uint_eq(size_again, size);
                        ck_assert_mem_eq(again, bytes, size);
                }
                bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
        /* The magic, the set of problems, and each length and count. */
        ck_assert_uint_gt(n_refused, (4 + 4 + 7 * 4) * 8);
}
END_TEST

/* -- facts that break a rule ---------------------------------------------------------------- */

static void drop_leaf(Facts *f) {
        f->leaf = certificate_facts_free(f->leaf);
}

static void set_text(char **text, const char *value) {
        free(*text);
        *text = copy(value);
}

static void unknown_problem(Facts *f) { f->problems |= UINT32_C(1) << 31; }
static void hidden_finding(Facts *f) { f->problems &= ~(ProblemSet) PROBLEM_EXPIRED; }
static void problem_of_nothing(Facts *f) { f->problems |= PROBLEM_REVOKED; }
static void same_twice(Facts *f) {
        f->findings[1].problem = PROBLEM_EXPIRED;
        f->findings[1].certificate = 0;
        f->problems &= ~(ProblemSet) PROBLEM_UNKNOWN_ISSUER;
}
static void two_problems_in_one(Facts *f) {
        f->findings[0].problem = (Problem) (PROBLEM_EXPIRED | PROBLEM_UNKNOWN_ISSUER);
}
static void below_the_chain(Facts *f) { f->findings[0].certificate = -2; }
static void above_the_chain(Facts *f) { f->findings[0].certificate = CHAIN_CERTIFICATES_MAX; }
static void broken_value(Facts *f) { set_text(&f->findings[0].value, "\xff"); }
static void broken_subject(Facts *f) { set_text(&f->leaf->subject, "\xc0\xaf"); }
static void broken_name(Facts *f) { set_text(&f->leaf->names[1], "\xed\xa0\x80"); }
static void upper_case_serial(Facts *f) { set_text(&f->leaf->serial, "FF"); }
static void no_request(Facts *f) { f->request_size = 0; }
static void long_request(Facts *f) { f->request_size = OCSP_REQUEST_BYTES_MAX + 1; }
static void no_responder(Facts *f) {
        free(f->responder);
        f->responder = NULL;
}
static void other_scheme(Facts *f) { set_text(&f->responder, "file:///etc/passwd"); }
static void two_lines(Facts *f) { set_text(&f->responder, "http://a/\r\nX:"); }
static void long_responder(Facts *f) {
        char url[FACTS_TEXT_BYTES_MAX + 2];

        (void) snprintf(url, sizeof(url), "http://%0*d", (int) sizeof(url) - 8, 0);
        set_text(&f->responder, url);
}
static void limit_without_a_name(Facts *f) { f->limit = copy("example.org"); }
static void broken_outside(Facts *f) {
        f->limit = copy("example.org");
        f->outside = copy("\xff");
}
static void limit_of_a_known_one(Facts *f) {
        ck_assert_int_eq(facts_set_limit(f, "bank.test", "example.org"), 0);
        f->problems &= ~(ProblemSet) PROBLEM_UNKNOWN_ISSUER;
        f->findings[1].problem = PROBLEM_NAME_MISMATCH;
        f->problems |= PROBLEM_NAME_MISMATCH;
}
static void never_holds(Facts *f) { f->holds_until = f->holds_from; }

static const struct {
        const char *says;
        void (*change)(Facts *facts);
} unlawful[] = {
        { "a leaf that could not be read, with nothing fatal", drop_leaf },
        { "a problem that does not exist", unknown_problem },
        { "a finding whose problem is not in the set", hidden_finding },
        { "a problem without a finding", problem_of_nothing },
        { "the same problem twice at one certificate", same_twice },
        { "two problems in one finding", two_problems_in_one },
        { "a certificate before the first", below_the_chain },
        { "a certificate past the last possible one", above_the_chain },
        { "a value that is no UTF-8", broken_value },
        { "a subject that is no UTF-8", broken_subject },
        { "a name that is no UTF-8", broken_name },
        { "a serial number in upper case", upper_case_serial },
        { "a time to hold that is empty", never_holds },
        { "a limit and no name outside", limit_without_a_name },
        { "a name outside that is no UTF-8", broken_outside },
        { "a limit of an authority that is no unknown one", limit_of_a_known_one },
        { "somebody to ask and nothing to ask", no_request },
        { "a request past its bound", long_request },
        { "a request and nobody to ask", no_responder },
        { "a place to ask that is a file", other_scheme },
        { "a place to ask that is two lines", two_lines },
        { "a place to ask past its bound", long_responder },
};

START_TEST(unlawful_row) {
        _cleanup_(facts_unrefp) Facts *facts = sample();
        uint8_t *bytes;
        size_t size;

        unlawful[_i].change(facts);
        ck_assert_msg(facts_write(facts, &bytes, &size) == -EINVAL, "%s was written",
                      unlawful[_i].says);
}
END_TEST

START_TEST(a_leaf_that_could_not_be_read_is_malformed) {
        _cleanup_(facts_unrefp) Facts *facts = NULL, *back = NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        ck_assert_int_eq(facts_new(&facts), 0);
        ck_assert_int_eq(facts_add(facts, PROBLEM_MALFORMED, 0, "no DER"), 0);
        ck_assert_int_eq(facts_write(facts, &bytes, &size), 0);
        ck_assert_int_eq(facts_read((Blob) { bytes, size }, &back), 0);
        ck_assert_ptr_null(back->leaf);
        ck_assert_int_eq(back->holds_from, INT64_MIN);
}
END_TEST

/* -- bounds --------------------------------------------------------------------------------- */

START_TEST(a_value_at_the_bound_and_one_past_it) {
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        char text[FACTS_TEXT_BYTES_MAX + 2];

        memset(text, 'x', sizeof(text));
        text[FACTS_TEXT_BYTES_MAX] = '\0';
        ck_assert_int_eq(facts_new(&facts), 0);
        ck_assert_int_eq(facts_add(facts, PROBLEM_EXPIRED, 0, text), 0);
        ck_assert_str_eq(facts->findings[0].value, text);

        text[FACTS_TEXT_BYTES_MAX] = 'x';
        text[FACTS_TEXT_BYTES_MAX + 1] = '\0';
        ck_assert_int_eq(facts_add(facts, PROBLEM_EXPIRED, 1, text), 0);
        ck_assert_uint_eq(strlen(facts->findings[1].value), FACTS_TEXT_BYTES_MAX);
        ck_assert_str_eq(facts->findings[1].value + FACTS_TEXT_BYTES_MAX - 3, "\xe2\x80\xa6");
}
END_TEST

START_TEST(past_the_last_finding_only_the_problem_is_kept) {
        _cleanup_(facts_unrefp) Facts *facts = sample(), *back = NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        for (int i = 0; facts->n_findings < FACTS_FINDINGS_MAX; i++)
                ck_assert_int_eq(facts_add(facts, i % 2 ? PROBLEM_WEAK_SIGNATURE
                                                        : PROBLEM_ISSUER_EXPIRED, i / 2, "x"), 0);
        ck_assert_int_eq(facts_add(facts, PROBLEM_REVOKED, 0, "one too many"), 0);
        ck_assert_uint_eq(facts->n_findings, FACTS_FINDINGS_MAX);
        ck_assert_uint_ne(facts->problems & PROBLEM_REVOKED, 0);

        ck_assert_int_eq(facts_write(facts, &bytes, &size), 0);
        ck_assert_int_eq(facts_read((Blob) { bytes, size }, &back), 0);
        ck_assert_uint_ne(back->problems & PROBLEM_REVOKED, 0);
        ck_assert_uint_le(size, JUDGE_ANSWER_BYTES_MAX);
}
END_TEST

START_TEST(the_same_problem_at_the_same_certificate_is_kept_once) {
        _cleanup_(facts_unrefp) Facts *facts = sample();

        ck_assert_int_eq(facts_add(facts, PROBLEM_EXPIRED, 0, "again"), 0);
        ck_assert_uint_eq(facts->n_findings, 3);
        ck_assert_str_eq(facts->findings[0].value, "2025-12-31");
        ck_assert_int_eq(facts_add(facts, PROBLEM_EXPIRED, 1, "elsewhere"), 0);
        ck_assert_uint_eq(facts->n_findings, 4);
}
END_TEST

static void give_names(CertificateFacts *leaf, size_t n) {
        leaf->names = reallocarray(leaf->names, n + 1, sizeof(char *));
        ck_assert_ptr_nonnull(leaf->names);
        for (; leaf->n_names < n; leaf->n_names++)
                leaf->names[leaf->n_names] = copy("a.example");
        leaf->names[n] = NULL;
}

START_TEST(as_many_names_as_allowed_and_one_more) {
        _cleanup_(facts_unrefp) Facts *facts = sample(), *back = NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        give_names(facts->leaf, FACTS_NAMES_MAX);
        ck_assert_int_eq(facts_write(facts, &bytes, &size), 0);
        ck_assert_int_eq(facts_read((Blob) { bytes, size }, &back), 0);
        ck_assert_uint_eq(back->leaf->n_names, FACTS_NAMES_MAX);

        give_names(facts->leaf, FACTS_NAMES_MAX + 1);
        free(bytes);
        bytes = NULL;
        ck_assert_int_eq(facts_write(facts, &bytes, &size), -EINVAL);
}
END_TEST

START_TEST(a_copy_is_whole_and_its_own) {
        _cleanup_(facts_unrefp) Facts *facts = sample();
        _cleanup_(certificate_facts_freep) CertificateFacts *c = NULL;

        ck_assert_int_eq(certificate_facts_copy(facts->leaf, &c), 0);
        drop_leaf(facts);
        ck_assert_str_eq(c->subject, "CN=mail.example.org");
        ck_assert_uint_eq(c->n_names, 2);
        ck_assert_str_eq(c->names[0], "mail.example.org");
        ck_assert_ptr_null(c->names[2]);
        ck_assert_int_eq(c->sha256[31], 0xaa);
        ck_assert_int_eq(c->key_sha256[0], 0xbb);
        ck_assert_int_eq(c->not_after, INT64_MAX);
}
END_TEST

START_TEST(references_keep_facts) {
        Facts *facts = sample();

        ck_assert_ptr_eq(facts_ref(facts), facts);
        ck_assert_ptr_null(facts_unref(facts));
        ck_assert_uint_eq(facts->n_findings, 3);
        ck_assert_ptr_null(facts_unref(facts));
        ck_assert_ptr_null(facts_unref(NULL));
}
END_TEST

int main(void) {
        Suite *suite = suite_create("facts");
        TCase *tcase = tcase_create("facts");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, what_is_written_is_read);
        tcase_add_test(tcase, every_truncation_is_refused);
        tcase_add_test(tcase, every_turned_bit_is_refused_or_lawful);
        tcase_add_loop_test(tcase, unlawful_row, 0, N_ELEMENTS(unlawful));
        tcase_add_test(tcase, a_leaf_that_could_not_be_read_is_malformed);
        tcase_add_test(tcase, a_value_at_the_bound_and_one_past_it);
        tcase_add_test(tcase, past_the_last_finding_only_the_problem_is_kept);
        tcase_add_test(tcase, the_same_problem_at_the_same_certificate_is_kept_once);
        tcase_add_test(tcase, as_many_names_as_allowed_and_one_more);
        tcase_add_test(tcase, a_copy_is_whole_and_its_own);
        tcase_add_test(tcase, references_keep_facts);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
