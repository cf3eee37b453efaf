/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every pair of problems in one chain is found as that pair. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "daemon/certificate.h"
#include "daemon/distrust.h"
#include "daemon/problems.h"
#include "tests/block.h"
#include "tests/status.h"

#define HOST          "imap.mail.example.org"
#define YEAR          (365 * PKI_DAY)
#define SERVER_AND_CA GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN
#define STATUS_CLIENT "1.3.6.1.5.5.7.3.2"

/* A chain of leaf, intermediate and root, and what is done with it. */
typedef struct Plan {
        PkiSpec leaf, intermediate, root;
        bool self_signed;
        bool hide_intermediate;
        bool unknown_root; /* it is no authority */
        bool distrust_root;
        bool block_leaf;
        bool revoke_leaf;
} Plan;

static const char *const nowhere[] = { "nowhere.example", NULL };
static const PkiExtension demands_policy = { "2.5.29.36", "\x30\x03\x80\x01\x00", 5, true };
static const PkiExtension broken_access = { "1.3.6.1.5.5.7.1.1", "\x30\x03\x02\x01", 4, false };

static void plant_in_path(Plan *p, Problem problem) {
        if (problem == PROBLEM_ISSUER_EXPIRED) {
                p->root.not_before = p->intermediate.not_before = PKI_NOW - YEAR;
                p->root.not_after = p->intermediate.not_after = PKI_NOW - PKI_DAY;
        } else if (problem == PROBLEM_SELF_SIGNED)
                p->self_signed = true;
        else if (problem == PROBLEM_UNKNOWN_ISSUER)
                p->unknown_root = true;
        else if (problem == PROBLEM_INCOMPLETE_CHAIN)
                p->hide_intermediate = true;
        else if (problem == PROBLEM_BLOCKED)
                p->block_leaf = true;
        else if (problem == PROBLEM_DISTRUSTED_ISSUER)
                p->distrust_root = true;
        else if (problem == PROBLEM_REVOKED)
                p->revoke_leaf = true;
        else if (problem == PROBLEM_BAD_POLICY) {
                p->intermediate.extensions = &demands_policy;
                p->intermediate.n_extensions = 1;
        }
}

static void plant_in_leaf(Plan *p, Problem problem) {
        PkiSpec *leaf = &p->leaf;

        if (problem == PROBLEM_EXPIRED)
                leaf->not_after = PKI_NOW - PKI_DAY;
        else if (problem == PROBLEM_NOT_YET_VALID)
                leaf->not_before = PKI_NOW + PKI_DAY;
        else if (problem == PROBLEM_NAME_MISMATCH)
                leaf->name = "other.example.net";
        else if (problem == PROBLEM_WILDCARD_MISUSE)
                leaf->name = "*.example.org";
        else if (problem == PROBLEM_WEAK_SIGNATURE)
                leaf->digest = GNUTLS_DIG_SHA1;
        else if (problem == PROBLEM_WEAK_KEY)
                leaf->key = PKI_RSA_1024;
        else if (problem == PROBLEM_CA_AS_SERVER) {
                leaf->ca = true;
                leaf->key_usage = SERVER_AND_CA;
        } else if (problem == PROBLEM_WRONG_USAGE)
                leaf->purpose = STATUS_CLIENT;
        else if (problem == PROBLEM_REVOCATION_UNKNOWN)
                leaf->must_staple = true;
        else if (problem == PROBLEM_BAD_SIGNATURE)
                leaf->false_signature = true;
        else if (problem == PROBLEM_BAD_CONSTRAINTS) {
                p->intermediate.permitted = nowhere;
                leaf->permitted = p->self_signed || p->hide_intermediate ? nowhere : NULL;
        } else if (problem == PROBLEM_UNKNOWN_CRITICAL)
                leaf->unknown_critical = "1.3.6.1.4.1.55555.1";
        else if (problem == PROBLEM_MALFORMED) {
                leaf->extensions = &broken_access;
                leaf->n_extensions = 1;
        }
}

/* The rule about the root's key, with room for its digest. */
static DistrustRule rule_about(const Pki *root, char key[static SHA256_HEX_SIZE]) {
        _cleanup_(certificate_freep) Certificate *c = NULL;

        ck_assert_int_eq(certificate_new(pki_der(root), CERTIFICATE_SENT, 0, &c), 0);
        hex_encode(c->key_sha256, SHA256_SIZE, key);
        return (DistrustRule){ DISTRUST_AFTER, key, DISTRUST_ALWAYS, "Somebody" };
}

static ProblemSet judge(const Plan *plan, const Pki *leaf, const Pki *intermediate,
                        const Pki *root) {
        const Blob all[] = { pki_der(leaf), pki_der(intermediate), pki_der(root) };
        const Blob short_chain[] = { all[0], all[2] };
        const Pki *const revoked[] = { leaf, NULL };
        _cleanup_(status_done) Status list = status_list(intermediate, revoked, 0, 0);
        const Blob lists[] = { status_blob(&list) };
        _cleanup_(authorities_freep) Authorities *trust =
                block_with_lists(&all[2], !plan->unknown_root, lists, plan->revoke_leaf);
        _cleanup_(authorities_freep) Authorities *blocked =
                block_list_new(&all[0], plan->block_leaf);
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        char key[SHA256_HEX_SIZE];
        const DistrustRule rule = rule_about(root, key);
        const DistrustRules rules = { &rule, plan->distrust_root };
        const char *reason;
        Endpoint endpoint;
        Question q = {
                .endpoint = &endpoint,
                .chain = plan->hide_intermediate ? short_chain : all,
                .n_chain = plan->self_signed ? 1 : plan->hide_intermediate ? 2 : 3,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
                .rules = &rules,
                .blocked = blocked,
                .lists = authorities_lists(trust),
        };

        ck_assert_int_eq(endpoint_set(HOST, strlen(HOST), 993, &endpoint, &reason), 0);
        ck_assert_int_eq(problems_find(&q, trust, &facts), 0);
        return facts->problems;
}

static ProblemSet judge_plan(Plan *plan) {
        _cleanup_(pki_freep) Pki *root = NULL, *intermediate = NULL, *leaf = NULL;

        if (!plan->leaf.name)
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
        return judge(plan, leaf, intermediate, root);
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

/* What cannot hold at once, and why. */
static const struct {
        ProblemSet pair;
        const char *because;
} exclusive[] = {
        { PROBLEM_SELF_SIGNED | PROBLEM_UNKNOWN_ISSUER, "it is its own issuer" },
        { PROBLEM_SELF_SIGNED | PROBLEM_INCOMPLETE_CHAIN, "nothing is missing" },
        { PROBLEM_SELF_SIGNED | PROBLEM_ISSUER_EXPIRED, "nobody is above it" },
        { PROBLEM_SELF_SIGNED | PROBLEM_DISTRUSTED_ISSUER, "nobody is above it" },
        { PROBLEM_SELF_SIGNED | PROBLEM_REVOKED, "it would have to revoke itself" },
        { PROBLEM_SELF_SIGNED | PROBLEM_BAD_POLICY, "nobody is above it" },
        { PROBLEM_INCOMPLETE_CHAIN | PROBLEM_ISSUER_EXPIRED, "who is missing has no dates" },
        { PROBLEM_INCOMPLETE_CHAIN | PROBLEM_BAD_SIGNATURE, "nor a key" },
        { PROBLEM_INCOMPLETE_CHAIN | PROBLEM_REVOKED, "that could sign a list" },
        { PROBLEM_INCOMPLETE_CHAIN | PROBLEM_DISTRUSTED_ISSUER, "nor anybody above" },
        { PROBLEM_INCOMPLETE_CHAIN | PROBLEM_BAD_POLICY, "nor demands" },
        { PROBLEM_NAME_MISMATCH | PROBLEM_WILDCARD_MISUSE, "one name covers in one manner" },
};

static bool is_possible(ProblemSet pair) {
        for (size_t i = 0; i < N_ELEMENTS(exclusive); i++)
                if (pair == exclusive[i].pair)
                        return false;
        return true;
}

START_TEST(pairs_of_a_problem) {
        const Problem a = problem_infos[_i].problem;

        for (unsigned k = (unsigned) _i + 1; k < n_problem_infos; k++) {
                const Problem b = problem_infos[k].problem;
                const ProblemSet both = (ProblemSet) (a | b);
                _cleanup_free_ char *have = NULL, *want = NULL;
                Plan plan = {};
                ProblemSet found, wanted;

                if (!is_possible(both))
                        continue;
                plant_in_path(&plan, a);
                plant_in_path(&plan, b);
                plant_in_leaf(&plan, a);
                plant_in_leaf(&plan, b);
                found = judge_plan(&plan);
                /* Whoever is missing is unknown, too. */
                wanted = both | (both & PROBLEM_INCOMPLETE_CHAIN ? PROBLEM_UNKNOWN_ISSUER : 0);
                have = words_of(found);
                want = words_of(wanted);
                ck_assert_msg(found == wanted, "found%s, not%s", have, want);
        }
}
END_TEST

START_TEST(there_are_enough) {
        unsigned n = 0;

        for (unsigned i = 0; i < n_problem_infos; i++)
                for (unsigned k = i + 1; k < n_problem_infos; k++)
                        n += is_possible((ProblemSet) (problem_infos[i].problem |
                                                       problem_infos[k].problem));
        printf("%u pairs\n", n);
        ck_assert_uint_eq(n + N_ELEMENTS(exclusive), n_problem_infos * (n_problem_infos - 1) / 2);
        ck_assert_uint_ge(n, 15 * 14 / 2);
}
END_TEST

int main(void) {
        Suite *s = suite_create("pairs");
        TCase *t = tcase_create("pairs");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_set_timeout(t, 120);
        tcase_add_loop_test(t, pairs_of_a_problem, 0, (int) n_problem_infos);
        tcase_add_test(t, there_are_enough);
        suite_add_tcase(s, t);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
