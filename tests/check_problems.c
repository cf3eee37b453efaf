/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every problem alone, and bytes that are no certificate. */
#include "config.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/problems.h"
#include "daemon/text.h"
#include "tests/block.h"
#include "tests/pki.h"

#define HOST "imap.mail.example.org"

/* A chain of leaf, intermediate and root, and what is done with it. */
typedef struct Plan {
        PkiSpec leaf, intermediate, root;
        bool self_signed;
        bool hide_intermediate;
        bool distrust_root; /* it is no authority */
        bool send_root;
        bool block_leaf;
        bool block_intermediate;
        bool reverse;     /* what is above the leaf is sent in the wrong order */
        bool twice;       /* every certificate is sent twice */
        uint32_t relaxed; /* CheckFlags that the administrator took away */
        int64_t now;
        const char *host;
} Plan;

static Endpoint endpoint_of(const char *host) {
        Endpoint endpoint;
        const char *reason = NULL;

        ck_assert_msg(endpoint_set(host, strlen(host), 993, &endpoint, &reason) == 0, "%s", reason);
        return endpoint;
}

static Facts *judge(const Blob *chain, size_t n, const Blob *trust, size_t n_trust, Blob blocked,
                    uint32_t checks, const char *host, int64_t now) {
        _cleanup_(authorities_freep) Authorities *authorities = block_new(trust, n_trust);
        _cleanup_(authorities_freep) Authorities *block = block_list_new(&blocked, blocked.size > 0);
        Endpoint endpoint = endpoint_of(host);
        Question q = {
                .endpoint = &endpoint,
                .chain = chain,
                .n_chain = n,
                .now = now,
                .checks = checks,
                .blocked = block,
        };
        _cleanup_(facts_unrefp) Facts *copy = NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        Facts *facts = NULL;
        size_t size;

        ck_assert_int_eq(problems_find(&q, authorities, &facts), 0);

        /* What is found must be able to travel, and comes back the same. */
        ck_assert_int_eq(facts_write(facts, &bytes, &size), 0);
        ck_assert_int_eq(facts_read((Blob){bytes, size}, &copy), 0);
        ck_assert_uint_eq(copy->problems, facts->problems);
        return facts;
}

static Facts *judge_plan(Plan *plan) {
        _cleanup_(pki_freep) Pki *root = NULL, *intermediate = NULL, *leaf = NULL;
        Blob chain[6], trust;
        size_t n = 0;

        if (!plan->leaf.name && !plan->leaf.names && plan->leaf.version != 1)
                plan->leaf.name = HOST;
        plan->root.subject = "Root";
        plan->root.ca = true;
        plan->intermediate.subject = "Intermediate";
        plan->intermediate.ca = true;

        root = pki_new(&plan->root);
        plan->intermediate.issuer = root;
        intermediate = pki_new(&plan->intermediate);
        plan->leaf.issuer = plan->self_signed ? NULL : intermediate;
        leaf = pki_new(&plan->leaf);

        chain[n++] = pki_der(leaf);
        if (plan->send_root && plan->reverse)
                chain[n++] = pki_der(root);
        if (!plan->self_signed && !plan->hide_intermediate)
                chain[n++] = pki_der(intermediate);
        if (plan->send_root && !plan->reverse)
                chain[n++] = pki_der(root);
        for (size_t i = 0, m = n; plan->twice && i < m; i++)
                chain[n++] = chain[i];

        trust = pki_der(root);
        return judge(chain, n, &trust, !plan->distrust_root,
                     plan->block_leaf           ? pki_der(leaf)
                     : plan->block_intermediate ? pki_der(intermediate)
                                                : (Blob){0},
                     CHECK_ALL & ~plan->relaxed, plan->host ? plan->host : HOST,
                     plan->now ? plan->now : PKI_NOW);
}

static char *words_of(ProblemSet problems) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        for (unsigned i = 0; i < n_problem_infos; i++)
                if (problems & (ProblemSet) problem_infos[i].problem)
                        fprintf(f, " %s", problem_infos[i].name);
        fclose(f);
        return text;
}

static void expect(const char *what, const Facts *facts, ProblemSet problems) {
        _cleanup_free_ char *have = words_of(facts->problems), *want = words_of(problems);

        ck_assert_msg(facts->problems == problems, "%s: found%s, not%s", what, have, want);
        for (size_t i = 0; i < facts->n_findings; i++)
                ck_assert_msg(
                        utf8_is_valid(facts->findings[i].value, strlen(facts->findings[i].value)),
                        "%s: a value is no UTF-8", what);
}

static const char *const nowhere[] = {"nowhere.example", NULL};
static const char *const here[] = {"example.org", NULL};
static const char *const addresses[] = {"192.0.2.1", "2001:db8::1", NULL};
static const char *const many[] = {"smtp.example.org", "IMAP.MAIL.Example.ORG", NULL};
static const PkiExtension broken_access = {"1.3.6.1.5.5.7.1.1", "\x30\x03\x02\x01", 4, false};
static const PkiExtension empty_purposes = {"2.5.29.37", "\x30\x00", 2, false};

static const PkiExtension demands_policy[] = {
        {"2.5.29.32", "\x30\x06\x30\x04\x06\x02\x2a\x03", 8, false},
        {"2.5.29.36", "\x30\x03\x80\x01\x00", 5, true},
};
static const PkiExtension other_policy = {"2.5.29.32", "\x30\x06\x30\x04\x06\x02\x2a\x04", 8,
                                          false};
static const PkiExtension maps_to_any = {
        "2.5.29.33", "\x30\x0d\x30\x0b\x06\x03\x2a\x03\x04\x06\x04\x55\x1d\x20\x00", 15, true};

#define YEAR          (365 * PKI_DAY)
#define EXPIRED       .not_before = PKI_NOW - YEAR, .not_after = PKI_NOW - PKI_DAY
#define EARLY         .not_before = PKI_NOW + PKI_DAY, .not_after = PKI_NOW + YEAR
#define SERVER_AND_CA GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN
#define STATUS_CLIENT "1.3.6.1.5.5.7.3.2"

static const struct {
        const char *sentence;
        Plan plan;
        ProblemSet problems;
} rows[] = {
        {"a good chain has no problem", {}, 0},
        {"the root may be sent as well", {.send_root = true}, 0},
        {"the order above the leaf does not matter", {.send_root = true, .reverse = true}, 0},
        {"every certificate twice is still the same chain", {.twice = true, .send_root = true}, 0},
        {"one of several names is enough, whatever its case", {.leaf = {.names = many}}, 0},
        {"a wildcard covers one label", {.leaf = {.name = "*.mail.example.org"}}, 0},
        {"an address is covered by an address",
         {.leaf = {.names = addresses}, .host = "192.0.2.1"},
         0},
        {"so is one of version 6", {.leaf = {.names = addresses}, .host = "2001:db8::1"}, 0},
        {"RSA of 2048 bits is strong", {.leaf = {.key = PKI_RSA_2048}}, 0},
        {"RSA-PSS is strong",
         {.root = {.key = PKI_RSA_2048}, .intermediate = {.key = PKI_RSA_2048, .pss = true}},
         0},
        {"its signatures are checked, too",
         {.self_signed = true, .leaf = {.key = PKI_RSA_2048, .pss = true}},
         PROBLEM_SELF_SIGNED},
        {"and so are false ones",
         {.self_signed = true, .leaf = {.key = PKI_RSA_2048, .pss = true, .false_signature = true}},
         PROBLEM_SELF_SIGNED | PROBLEM_BAD_SIGNATURE},
        {"Ed25519 is strong", {.leaf = {.key = PKI_ED25519}}, 0},
        {"an address is nothing to constraints on host names",
         {.leaf = {.names = addresses},
          .intermediate = {.permitted = nowhere},
          .host = "192.0.2.1"},
         0},
        {"a policy that is demanded and there is no problem",
         {.intermediate = {.extensions = demands_policy, .n_extensions = 2},
          .leaf = {.extensions = demands_policy, .n_extensions = 1}},
         0},
        {"a policy that is demanded and missing is one",
         {.intermediate = {.extensions = demands_policy, .n_extensions = 2}},
         PROBLEM_BAD_POLICY},
        {"another policy is as good as none",
         {.intermediate = {.extensions = demands_policy, .n_extensions = 2},
          .leaf = {.extensions = &other_policy, .n_extensions = 1}},
         PROBLEM_BAD_POLICY},
        {"a policy that is mapped to any is one",
         {.intermediate = {.extensions = &maps_to_any, .n_extensions = 1}},
         PROBLEM_BAD_POLICY},
        {"names that the issuer may sign for are no problem",
         {.intermediate = {.permitted = here}},
         0},
        {"a path as long as permitted is no problem", {.root = {.path_length = 2}}, 0},

        {"SHA-1 where the administrator allows it",
         {.leaf = {.digest = GNUTLS_DIG_SHA1}, .relaxed = CHECK_WEAK_SIGNATURES},
         0},
        {"a false signature is false even there",
         {.leaf = {.digest = GNUTLS_DIG_SHA1, .false_signature = true},
          .relaxed = CHECK_WEAK_SIGNATURES},
         PROBLEM_BAD_SIGNATURE},
        {"a stretched wildcard where the administrator allows it",
         {.leaf = {.name = "*.example.org"}, .relaxed = CHECK_WILDCARDS},
         0},
        {"another name is another name even there",
         {.leaf = {.name = "other.example.net"}, .relaxed = CHECK_WILDCARDS},
         PROBLEM_NAME_MISMATCH},
        {"a missing staple where the administrator does without",
         {.leaf = {.must_staple = true}, .relaxed = CHECK_REVOCATION},
         0},
        {"a wildcard covers a label of another script",
         {.leaf = {.name = "*.example.org"}, .host = "xn--mnchen-3ya.example.org"},
         0},
        {"part of such a label is no label",
         {.leaf = {.name = "xn--*.example.org"}, .host = "xn--mnchen-3ya.example.org"},
         PROBLEM_WILDCARD_MISUSE},
        {"a wildcard stands on the left only",
         {.leaf = {.name = "imap.*.example.org"}},
         PROBLEM_WILDCARD_MISUSE},
        {"and once", {.leaf = {.name = "*.*.example.org"}}, PROBLEM_WILDCARD_MISUSE},
        {"a name that begins with a dot is none",
         {.leaf = {.names = (const char *const[]){".example.org", HOST, NULL}}},
         PROBLEM_MALFORMED},
        {"a leaf past its last day is expired", {.leaf = {EXPIRED}}, PROBLEM_EXPIRED},
        {"the last second is still valid", {.leaf = {.not_after = PKI_NOW}}, 0},
        {"the second after it is not", {.leaf = {.not_after = PKI_NOW - 1}}, PROBLEM_EXPIRED},
        {"the first second is valid", {.leaf = {.not_before = PKI_NOW}}, 0},
        {"the second before it is not",
         {.leaf = {.not_before = PKI_NOW + 1}},
         PROBLEM_NOT_YET_VALID},
        {"a leaf of next year is not yet valid", {.leaf = {EARLY}}, PROBLEM_NOT_YET_VALID},
        {"an expired intermediate is told as such",
         {.intermediate = {EXPIRED}},
         PROBLEM_ISSUER_EXPIRED},
        {"so is an authority", {.root = {EXPIRED}}, PROBLEM_ISSUER_EXPIRED},
        {"an early intermediate is out of its dates",
         {.intermediate = {EARLY}},
         PROBLEM_ISSUER_EXPIRED},
        {"a self-signed leaf is self-signed", {.self_signed = true}, PROBLEM_SELF_SIGNED},
        {"an expired, self-signed certificate for another name has all three problems",
         {.self_signed = true, .leaf = {EXPIRED, .name = "other.example.net"}},
         PROBLEM_EXPIRED | PROBLEM_SELF_SIGNED | PROBLEM_NAME_MISMATCH},
        {"a root that is no authority is unknown",
         {.distrust_root = true, .send_root = true},
         PROBLEM_UNKNOWN_ISSUER},
        {"it need not be sent to be unknown", {.distrust_root = true}, PROBLEM_UNKNOWN_ISSUER},
        {"a missing intermediate is the reason for an unknown issuer",
         {.hide_intermediate = true},
         PROBLEM_UNKNOWN_ISSUER | PROBLEM_INCOMPLETE_CHAIN},
        {"the root does not help where the intermediate is missing",
         {.hide_intermediate = true, .send_root = true},
         PROBLEM_UNKNOWN_ISSUER | PROBLEM_INCOMPLETE_CHAIN},
        {"another name is a mismatch",
         {.leaf = {.name = "other.example.net"}},
         PROBLEM_NAME_MISMATCH},
        {"a common name alone counts for nothing",
         {.leaf = {.subject = HOST, .names = (const char *const[]){NULL}}},
         PROBLEM_NAME_MISMATCH},
        {"a host name does not cover an address",
         {.leaf = {.name = "x.example.org"}, .host = "192.0.2.1"},
         PROBLEM_NAME_MISMATCH},
        {"a name written like an address does not cover one",
         {.leaf = {.names = many}, .host = "192.0.2.9"},
         PROBLEM_NAME_MISMATCH},
        {"a wildcard does not cover two labels",
         {.leaf = {.name = "*.example.org"}},
         PROBLEM_WILDCARD_MISUSE},
        {"a wildcard does not cover part of a label",
         {.leaf = {.name = "im*.mail.example.org"}},
         PROBLEM_WILDCARD_MISUSE},
        {"a wildcard does not cover a public suffix",
         {.leaf = {.name = "*.co.uk"}, .host = "mail.co.uk"},
         PROBLEM_WILDCARD_MISUSE},
        {"nor one where anybody gets a name",
         {.leaf = {.name = "*.github.io"}, .host = "mail.github.io"},
         PROBLEM_WILDCARD_MISUSE},
        {"nor everything", {.leaf = {.name = "*"}}, PROBLEM_WILDCARD_MISUSE},
        {"a wildcard does not cover the domain itself",
         {.leaf = {.name = "*.imap.mail.example.org"}},
         PROBLEM_NAME_MISMATCH},
        {"SHA-1 on the leaf is weak",
         {.leaf = {.digest = GNUTLS_DIG_SHA1}},
         PROBLEM_WEAK_SIGNATURE},
        {"MD5 on the intermediate is weak",
         {.root = {.key = PKI_RSA_2048}, .intermediate = {.digest = GNUTLS_DIG_MD5}},
         PROBLEM_WEAK_SIGNATURE},
        {"SHA-1 on the authority's own is nobody's business",
         {.root = {.digest = GNUTLS_DIG_SHA1}},
         0},
        {"RSA of 1024 bits is weak", {.leaf = {.key = PKI_RSA_1024}}, PROBLEM_WEAK_KEY},
        {"so it is above the leaf", {.intermediate = {.key = PKI_RSA_1024}}, PROBLEM_WEAK_KEY},
        {"a curve of 192 bits is weak", {.leaf = {.key = PKI_P192}}, PROBLEM_WEAK_KEY},
        {"any DSA key is weak", {.leaf = {.key = PKI_DSA_2048}}, PROBLEM_WEAK_KEY},
        {"an authority's certificate is none for a server",
         {.leaf = {.ca = true, .key_usage = SERVER_AND_CA}},
         PROBLEM_CA_AS_SERVER},
        {"what openssl req -x509 makes is self-signed and an authority",
         {.self_signed = true, .leaf = {.ca = true, .key_usage = PKI_NO_KEY_USAGE}},
         PROBLEM_SELF_SIGNED | PROBLEM_CA_AS_SERVER},
        {"a client's certificate is none for a server",
         {.leaf = {.purpose = STATUS_CLIENT}},
         PROBLEM_WRONG_USAGE},
        {"an intermediate for clients vouches for no server",
         {.intermediate = {.purpose = STATUS_CLIENT}},
         PROBLEM_WRONG_USAGE},
        {"an empty list of purposes allows nothing",
         {.leaf = {.purpose = PKI_NO_PURPOSES, .extensions = &empty_purposes, .n_extensions = 1}},
         PROBLEM_WRONG_USAGE},
        {"any purpose is a server's too", {.intermediate = {.purpose = "2.5.29.37.0"}}, 0},
        {"a key for certificates alone cannot serve",
         {.leaf = {.key_usage = GNUTLS_KEY_KEY_CERT_SIGN}},
         PROBLEM_WRONG_USAGE},
        {"a demanded staple that is missing is told",
         {.leaf = {.must_staple = true}},
         PROBLEM_REVOCATION_UNKNOWN},
        {"a blocked leaf is blocked", {.block_leaf = true}, PROBLEM_BLOCKED},
        {"a blocked issuer is seen", {.block_intermediate = true}, PROBLEM_BLOCKED},
        {"a blocked issuer is seen although the server does not send it",
         {.block_intermediate = true, .hide_intermediate = true},
         PROBLEM_BLOCKED},
        {"a changed leaf has a false signature",
         {.leaf = {.false_signature = true}},
         PROBLEM_BAD_SIGNATURE},
        {"a changed intermediate has one too",
         {.intermediate = {.false_signature = true}},
         PROBLEM_BAD_SIGNATURE},
        {"names that the issuer may not sign for",
         {.intermediate = {.excluded = here}},
         PROBLEM_BAD_CONSTRAINTS},
        {"names outside those that the root permits",
         {.root = {.permitted = nowhere}},
         PROBLEM_BAD_CONSTRAINTS},
        {"a wildcard that could stand for an excluded name",
         {.leaf = {.name = "*.mail.example.org"},
          .intermediate = {.excluded = (const char *const[]){"x.mail.example.org", NULL}}},
         PROBLEM_BAD_CONSTRAINTS},
        {"a path that is longer than permitted",
         {.root = {.path_length = 1}},
         PROBLEM_BAD_CONSTRAINTS},
        {"a leaf with name constraints makes no sense",
         {.leaf = {.permitted = here}},
         PROBLEM_BAD_CONSTRAINTS},
        {"an intermediate that may not sign certificates",
         {.intermediate = {.key_usage = GNUTLS_KEY_CRL_SIGN}},
         PROBLEM_BAD_CONSTRAINTS},
        {"a critical extension that nobody knows",
         {.leaf = {.unknown_critical = "1.3.6.1.4.1.55555.1"}},
         PROBLEM_UNKNOWN_CRITICAL},
        {"so it is above the leaf",
         {.intermediate = {.unknown_critical = "1.3.6.1.4.1.55555.1"}},
         PROBLEM_UNKNOWN_CRITICAL},
        {"an extension that cannot be read",
         {.leaf = {.extensions = &broken_access, .n_extensions = 1}},
         PROBLEM_MALFORMED},
        {"a certificate of version 1 has no names",
         {.leaf = {.version = 1, .subject = HOST}},
         PROBLEM_NAME_MISMATCH},
        {"an intermediate of version 1 is no authority",
         {.intermediate = {.version = 1}},
         PROBLEM_BAD_CONSTRAINTS},
        {"a root of version 1 is, if it is trusted", {.root = {.version = 1}}, 0},
};

START_TEST(test_row) {
        Plan plan = rows[_i].plan;
        _cleanup_(facts_unrefp) Facts *facts = judge_plan(&plan);

        expect(rows[_i].sentence, facts, rows[_i].problems);
        ck_assert_ptr_nonnull(facts->leaf);
}
END_TEST

/* -- bytes that are no certificate ----------------------------------------------------------- */

static ProblemSet judge_bytes(const void *data, size_t size) {
        Blob chain = {data, size};
        _cleanup_(facts_unrefp) Facts *facts =
                judge(&chain, 1, NULL, 0, (Blob){0}, CHECK_ALL, HOST, PKI_NOW);

        if (facts->problems == PROBLEM_MALFORMED && !facts->leaf)
                ck_assert_uint_ge(facts->n_findings, 1);
        return facts->problems;
}

START_TEST(test_not_certificates) {
        _cleanup_(pki_freep) Pki *leaf = pki_new(&(PkiSpec){.name = HOST});
        _cleanup_free_ char *pem = pki_pem(leaf);
        _cleanup_free_ uint8_t *large = calloc(1, 80 * 1024);
        Blob der = pki_der(leaf);

        ck_assert_uint_eq(judge_bytes("", 0), PROBLEM_MALFORMED);
        ck_assert_uint_eq(judge_bytes("0", 1), PROBLEM_MALFORMED);
        ck_assert_uint_eq(judge_bytes("not a certificate", 17), PROBLEM_MALFORMED);
        ck_assert_uint_eq(judge_bytes(pem, strlen(pem)), PROBLEM_MALFORMED);
        for (size_t n = 0; n < der.size; n++)
                ck_assert_uint_eq(judge_bytes(der.data, n), PROBLEM_MALFORMED);

        memcpy(large, der.data, der.size);
        ck_assert_uint_eq(judge_bytes(large, 80 * 1024), PROBLEM_MALFORMED);
        ck_assert_uint_eq(judge_bytes(large, der.size + 1),
                          PROBLEM_MALFORMED | PROBLEM_SELF_SIGNED);
        ck_assert_uint_eq(judge_bytes(large, der.size), PROBLEM_SELF_SIGNED);
}
END_TEST

/* Every byte of a certificate changed: never a good one, never more than bytes that are read. */
START_TEST(test_changed_bytes) {
        _cleanup_(pki_freep) Pki *root = pki_new(&(PkiSpec){.subject = "Root", .ca = true});
        _cleanup_(pki_freep) Pki *leaf = pki_new(&(PkiSpec){.name = HOST, .issuer = root});
        Blob der = pki_der(leaf), trust = pki_der(root);
        _cleanup_free_ uint8_t *copy = malloc(der.size);

        for (size_t i = 0; i < der.size; i++) {
                Blob chain = {copy, der.size};
                _cleanup_(facts_unrefp) Facts *facts = NULL;

                memcpy(copy, der.data, der.size);
                copy[i] ^= 1;
                facts = judge(&chain, 1, &trust, 1, (Blob){0}, CHECK_ALL, HOST, PKI_NOW);
                ck_assert_msg(facts->problems != 0, "byte %zu may be changed", i);
        }
}
END_TEST

START_TEST(test_no_certificate) {
        _cleanup_(facts_unrefp) Facts *facts =
                judge(NULL, 0, NULL, 0, (Blob){0}, CHECK_ALL, HOST, PKI_NOW);

        ck_assert_uint_eq(facts->problems, PROBLEM_MALFORMED);
        ck_assert_int_eq(facts->findings[0].certificate, -1);
}
END_TEST

START_TEST(test_long_chain) {
        _cleanup_(pki_freep) Pki *root = pki_new(&(PkiSpec){.subject = "Root", .ca = true});
        _cleanup_(pki_freep) Pki *leaf = pki_new(&(PkiSpec){.name = HOST, .issuer = root});
        Blob chain[200], trust = pki_der(root);
        _cleanup_(facts_unrefp) Facts *facts = NULL;

        for (size_t i = 0; i < N_ELEMENTS(chain); i++)
                chain[i] = pki_der(leaf);
        facts = judge(chain, N_ELEMENTS(chain), &trust, 1, (Blob){0}, CHECK_ALL, HOST, PKI_NOW);
        expect("two hundred times the same", facts, 0);
}
END_TEST

/* -- what is told ---------------------------------------------------------------------------- */

static const char *value_of(const Facts *facts, Problem problem) {
        for (size_t i = 0; i < facts->n_findings; i++)
                if (facts->findings[i].problem == problem)
                        return facts->findings[i].value;
        ck_abort_msg("the problem was not found");
        return NULL;
}

START_TEST(test_values) {
        Plan plan = {.self_signed = true,
                     .leaf = {.not_before = PKI_NOW - YEAR,
                              .not_after = PKI_NOW - PKI_DAY,
                              .name = "other.example.net",
                              .key = PKI_RSA_1024,
                              .digest = GNUTLS_DIG_SHA1}};
        _cleanup_(facts_unrefp) Facts *facts = judge_plan(&plan);

        ck_assert_str_eq(value_of(facts, PROBLEM_EXPIRED), "2025-12-31T00:00:00Z");
        ck_assert_str_eq(value_of(facts, PROBLEM_SELF_SIGNED), "CN=other.example.net");
        ck_assert_str_eq(value_of(facts, PROBLEM_NAME_MISMATCH), "other.example.net");
        ck_assert_str_eq(value_of(facts, PROBLEM_WEAK_KEY), "RSA, 1024 bits");
        ck_assert_str_eq(value_of(facts, PROBLEM_WEAK_SIGNATURE), "SHA-1 with RSA");
}
END_TEST

START_TEST(test_hostile_subject) {
        static const char evil[] = "bank\x1b[2J\xe2\x80\xae\xff\xfe\x07gro";
        Plan plan = {.self_signed = true,
                     .leaf = {.name = HOST, .subject = evil, .subject_size = sizeof(evil) - 1}};
        _cleanup_(facts_unrefp) Facts *facts = judge_plan(&plan);

        ck_assert(utf8_is_valid(facts->leaf->subject, strlen(facts->leaf->subject)));
        ck_assert_ptr_nonnull(strstr(facts->leaf->subject, "bank"));
        ck_assert_str_eq(facts->leaf->names[0], HOST);
        ck_assert_int_eq(facts->leaf->not_after, PKI_NOT_AFTER);
}
END_TEST

START_TEST(test_holds) {
        Plan plan = {.leaf = {.not_before = PKI_NOW - 10, .not_after = PKI_NOW + 20},
                     .intermediate = {.not_after = PKI_NOW + 5}};
        _cleanup_(facts_unrefp) Facts *facts = judge_plan(&plan);

        ck_assert_int_eq(facts->holds_from, PKI_NOW - 10);
        ck_assert_int_eq(facts->holds_until, PKI_NOW + 6);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("problems");
        TCase *t = tcase_create("problems");

        tcase_set_timeout(t, 120);
        tcase_add_loop_test(t, test_row, 0, (int) N_ELEMENTS(rows));
        tcase_add_test(t, test_not_certificates);
        tcase_add_test(t, test_changed_bytes);
        tcase_add_test(t, test_no_certificate);
        tcase_add_test(t, test_long_chain);
        tcase_add_test(t, test_values);
        tcase_add_test(t, test_hostile_subject);
        tcase_add_test(t, test_holds);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        SRunner *runner = srunner_create(suite());
        int failed;

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
