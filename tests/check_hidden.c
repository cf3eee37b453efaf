/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What GnuTLS hides behind something else, takes for something else, or refuses although it is right:
 * each is found by our own checks, whatever the second opinion says.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "daemon/algorithms.h"
#include "daemon/problems.h"
#include "tests/block.h"
#include "tests/status.h"

#define HOST          "imap.example.org"
#define YEAR          (365 * PKI_DAY)
#define STEP_UP       "2.16.840.1.113730.4.1" /* what Netscape let American servers do */
#define ANY_PURPOSE   "2.5.29.37.0"

/* A chain of leaf, intermediate and root, and what is done with it. */
typedef struct Plan {
        PkiSpec leaf, intermediate, root;
        bool unknown_root; /* it is sent, and no authority */
        bool block_root;
        bool revoke_leaf;
        bool revoke_intermediate;
        const char *host;
        const char *from, *to; /* bytes of the leaf that are others afterwards; NULL: none */
        size_t size;
        bool above; /* bytes of the intermediate, not of the leaf */
} Plan;

/* The first place where @from is in @pki becomes @to. */
static Pki *changed(const Pki *pki, const char *from, const char *to, size_t size) {
        Blob der = pki_der(pki);
        _cleanup_free_ uint8_t *copy = malloc(der.size);
        uint8_t *at;

        memcpy(copy, der.data, der.size);
        for (at = copy; (at = memmem(at, der.size - (size_t) (at - copy), from, size)); at += size)
                memcpy(at, to, size);
        return pki_from_der(copy, der.size);
}

static ProblemSet judge(const Plan *plan, const Pki *leaf, const Pki *intermediate,
                        const Pki *const sent[static 2], const Pki *root) {
        const Pki *const leaves[] = { leaf, NULL }, *const between[] = { intermediate, NULL };
        const Blob all[] = { pki_der(sent[0]), pki_der(sent[1]), pki_der(root) };
        _cleanup_(status_done) Status below =
                status_list(intermediate, plan->revoke_leaf ? leaves : NULL, 0, 0);
        _cleanup_(status_done) Status above =
                status_list(root, plan->revoke_intermediate ? between : NULL, 0, 0);
        const Blob lists[] = { status_blob(&below), status_blob(&above) };
        _cleanup_(authorities_freep) Authorities *trust = block_with_lists(
                &all[2], !plan->unknown_root, lists,
                plan->revoke_leaf || plan->revoke_intermediate ? 2 : 0);
        _cleanup_(authorities_freep) Authorities *blocked =
                block_list_new(&all[2], plan->block_root);
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        const char *host = plan->host ? plan->host : HOST, *reason;
        Endpoint endpoint;
        Question q = {
                .endpoint = &endpoint,
                .chain = all,
                .n_chain = plan->unknown_root ? 3 : 2,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
                .blocked = blocked,
                .lists = authorities_lists(trust),
        };

        ck_assert_int_eq(endpoint_set(host, strlen(host), 993, &endpoint, &reason), 0);
        ck_assert_int_eq(problems_find(&q, trust, &facts), 0);
        if (facts->problems & PROBLEM_UNKNOWN_ISSUER)
                ck_assert_msg(!facts->responder, "a stranger names whom to ask");
        return facts->problems;
}

static ProblemSet judge_plan(Plan *plan) {
        _cleanup_(pki_freep) Pki *root = NULL, *intermediate = NULL, *leaf = NULL, *other = NULL;

        if (!plan->leaf.name && !plan->leaf.names)
                plan->leaf.name = HOST;
        plan->root.subject = "Root";
        plan->root.ca = true;
        plan->intermediate.subject = "Intermediate";
        plan->intermediate.ca = true;
        root = pki_new(&plan->root);
        plan->intermediate.issuer = root;
        intermediate = pki_new(&plan->intermediate);
        plan->leaf.issuer = intermediate;
        leaf = pki_new(&plan->leaf);
        if (plan->from)
                other = changed(plan->above ? intermediate : leaf, plan->from, plan->to, plan->size);
        return judge(plan, leaf, intermediate,
                     (const Pki *const[]){ other && !plan->above ? other : leaf,
                                           other && plan->above ? other : intermediate },
                     root);
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

static const char *const elsewhere[] = { "example.net", NULL };
static const char *const both_names[] = { "192.0.2.1", NULL };

/* permittedSubtrees: a directory name of another country. */
static const PkiExtension another_country = {
        "2.5.29.30",
        "\x30\x15\xa0\x13\x30\x11\xa4\x0f\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02QQ", 23,
        true
};
static const PkiExtension demands_policy[] = {
        { "2.5.29.32", "\x30\x06\x30\x04\x06\x02\x2a\x03", 8, false },
        { "2.5.29.36", "\x30\x03\x80\x01\x00", 5, true },
};

/* authorityInfoAccess: a responder at http://a.example. */
static const PkiExtension asks_somebody = {
        "1.3.6.1.5.5.7.1.1",
        "\x30\x1e\x30\x1c\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01\x86\x10http://a.example", 32, false
};

/* sha…WithRSAEncryption, but for its last number. */
#define RSA_SIGNED "\x2a\x86\x48\x86\xf7\x0d\x01\x01"

static const struct {
        const char *says;
        Plan plan;
        ProblemSet problems;
} rows[] = {
        /* Hidden behind something else. */
        { "lists are asked whatever else is wrong",
          { .leaf = { .not_before = PKI_NOW - YEAR, .not_after = PKI_NOW - 1, .name = "a.example" },
            .revoke_leaf = true },
          PROBLEM_REVOKED | PROBLEM_EXPIRED | PROBLEM_NAME_MISMATCH },
        { "also where the issuer is unknown",
          { .unknown_root = true, .revoke_leaf = true },
          PROBLEM_REVOKED | PROBLEM_UNKNOWN_ISSUER },
        { "an intermediate's list is not dropped",
          { .revoke_intermediate = true },
          PROBLEM_REVOKED },
        { "an unknown issuer does not hide the expiry of what is below",
          { .unknown_root = true, .leaf = { .not_after = PKI_NOW - 1 } },
          PROBLEM_UNKNOWN_ISSUER | PROBLEM_EXPIRED },
        { "nor of what is between",
          { .unknown_root = true, .intermediate = { .not_after = PKI_NOW - 1 } },
          PROBLEM_UNKNOWN_ISSUER | PROBLEM_ISSUER_EXPIRED },
        { "a root that is blocked is not merely unknown",
          { .block_root = true, .unknown_root = true },
          PROBLEM_BLOCKED | PROBLEM_UNKNOWN_ISSUER },
        { "nor is one that is trusted as well", { .block_root = true }, PROBLEM_BLOCKED },

        /* Taken for something else. */
        { "MD4 is a weak signature, and vouches for nothing, since nobody checks it",
          { .intermediate = { .key = PKI_RSA_2048 },
            .leaf = { .digest = GNUTLS_DIG_MD5, .extensions = &asks_somebody, .n_extensions = 1 },
            .from = RSA_SIGNED "\x04",
            .to = RSA_SIGNED "\x03",
            .size = 9 },
          PROBLEM_WEAK_SIGNATURE | PROBLEM_UNKNOWN_ISSUER },
        { "nor does a method that nobody knows",
          { .intermediate = { .key = PKI_RSA_2048 },
            .leaf = { .extensions = &asks_somebody, .n_extensions = 1 },
            .from = RSA_SIGNED "\x0b",
            .to = RSA_SIGNED "\x7f",
            .size = 9 },
          PROBLEM_WEAK_SIGNATURE | PROBLEM_UNKNOWN_ISSUER },
        { "nor RSA-PSS with SHA-1",
          { .intermediate = { .key = PKI_RSA_2048 },
            .leaf = { .extensions = &asks_somebody, .n_extensions = 1 },
            .from = RSA_SIGNED "\x0b\x05",
            .to = RSA_SIGNED "\x0a\x30",
            .size = 10 },
          PROBLEM_WEAK_SIGNATURE | PROBLEM_UNKNOWN_ISSUER },
        { "nor any of them above the leaf",
          { .root = { .key = PKI_RSA_2048 },
            .leaf = { .extensions = &asks_somebody, .n_extensions = 1 },
            .from = RSA_SIGNED "\x0b",
            .to = RSA_SIGNED "\x7f",
            .size = 9,
            .above = true },
          PROBLEM_WEAK_SIGNATURE | PROBLEM_UNKNOWN_ISSUER },
        { "version 1 with extensions is malformed, and its other problems are seen",
          { .leaf = { .not_after = PKI_NOW - 1 },
            .from = "\xa0\x03\x02\x01\x02",
            .to = "\xa0\x03\x02\x01\x00",
            .size = 5 },
          PROBLEM_MALFORMED | PROBLEM_BAD_SIGNATURE | PROBLEM_EXPIRED },

        /* Passed over. */
        { "an authority's certificate is no server's",
          { .leaf = { .ca = true,
                      .key_usage = GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN } },
          PROBLEM_CA_AS_SERVER },
        { "a key for lists cannot serve",
          { .leaf = { .key_usage = GNUTLS_KEY_CRL_SIGN } },
          PROBLEM_WRONG_USAGE },
        { "step-up is no server's purpose", { .leaf = { .purpose = STEP_UP } }, PROBLEM_WRONG_USAGE },
        { "nor above the leaf", { .intermediate = { .purpose = STEP_UP } }, PROBLEM_WRONG_USAGE },
        { "a common name counts for nothing",
          { .leaf = { .subject = HOST, .names = (const char *const[]){ NULL } } },
          PROBLEM_NAME_MISMATCH },
        { "part of a label is no label",
          { .leaf = { .name = "im*.example.org" } },
          PROBLEM_WILDCARD_MISUSE },
        { "a public suffix is nobody's",
          { .leaf = { .name = "*.co.uk" }, .host = "mail.co.uk" },
          PROBLEM_WILDCARD_MISUSE },
        { "names of other directories are not permitted",
          { .intermediate = { .extensions = &another_country, .n_extensions = 1 } },
          PROBLEM_BAD_CONSTRAINTS },
        { "an intermediate's own names are constrained, too",
          { .root = { .excluded = elsewhere },
            .intermediate = { .name = "ca.example.net" } },
          PROBLEM_BAD_CONSTRAINTS },
        { "an authority without a subject is none",
          { .intermediate = { .empty_subject = true } },
          PROBLEM_BAD_CONSTRAINTS },
        { "DSA is weak anywhere", { .intermediate = { .key = PKI_DSA_2048 } }, PROBLEM_WEAK_KEY },

        /* Refused, although it is right. */
        { "a host with a dot at its end", { .host = HOST "." }, 0 },
        { "any purpose is a server's, too", { .intermediate = { .purpose = ANY_PURPOSE } }, 0 },
        { "a policy that is demanded and there",
          { .intermediate = { .extensions = demands_policy, .n_extensions = 2 },
            .leaf = { .extensions = demands_policy, .n_extensions = 1 } },
          0 },
        { "an address, where constraints are about hosts",
          { .intermediate = { .permitted = elsewhere },
            .leaf = { .names = both_names },
            .host = "192.0.2.1" },
          0 },
};

START_TEST(rows_row) {
        Plan plan = rows[_i].plan;
        ProblemSet found = judge_plan(&plan);
        _cleanup_free_ char *have = words_of(found), *want = words_of(rows[_i].problems);

        ck_assert_msg(found == rows[_i].problems, "%s: found%s, not%s", rows[_i].says, have, want);
}
END_TEST

/* RSA-PSS without parameters is with SHA-1 (RFC 4055, section 3.1), and so it is where they say so. */
START_TEST(sha_1_in_rsa_pss_is_weak) {
        static const char silent[] = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x00";
        static const char said[] = "\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x0d"
                                   "\xa0\x0b\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00";
        char text[ALGORITHM_TEXT_SIZE];

        ck_assert(method_is_weak((Blob){ (const uint8_t *) silent, sizeof(silent) - 1 }, text));
        ck_assert(method_is_weak((Blob){ (const uint8_t *) said, sizeof(said) - 1 }, text));
        ck_assert_ptr_nonnull(strstr(text, "SHA-1"));
}
END_TEST

int main(void) {
        Suite *s = suite_create("hidden");
        TCase *t = tcase_create("hidden");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_set_timeout(t, 120);
        tcase_add_loop_test(t, rows_row, 0, (int) N_ELEMENTS(rows));
        tcase_add_test(t, sha_1_in_rsa_pss_is_weak);
        suite_add_tcase(s, t);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
