/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Authorities that have lost their trust and keys in the wrong hands: the rules, and what is judged
 * by them.
 */
#include "config.h"

#include <check.h>
#include <string.h>

#include "daemon/certificate.h"
#include "daemon/distrust.h"
#include "daemon/problems.h"
#include "tests/block.h"
#include "tests/pki.h"

#define HOST "imap.mail.example.org"

/* Which key of the chain the rule is about. */
typedef enum Whose { NOBODY, LEAF, INTERMEDIATE, ROOT } Whose;

typedef struct Case {
        const char *says;
        Whose whose;
        DistrustKind kind;
        int64_t after; /* how many seconds before the leaf begins; or DISTRUST_ALWAYS */
        PkiSpec leaf;
        bool is_unknown; /* the root is no authority */
        bool is_sent;    /* the root is sent */
        ProblemSet problems;
        const char *value; /* of the first finding about trust; NULL: any */
} Case;

static const Case cases[] = {
        {.says = "a rule about somebody else's key says nothing",
         .whose = NOBODY, .kind = DISTRUST_AFTER, .after = DISTRUST_ALWAYS},
        {.says = "an authority that is believed no more is told, although it is in the store",
         .whose = ROOT, .kind = DISTRUST_AFTER, .after = DISTRUST_ALWAYS,
         .problems = PROBLEM_DISTRUSTED_ISSUER, .value = "Somebody, whatever the date"},
        {.says = "so is an intermediate",
         .whose = INTERMEDIATE, .kind = DISTRUST_AFTER, .after = DISTRUST_ALWAYS,
         .problems = PROBLEM_DISTRUSTED_ISSUER},
        {.says = "what is from the last second that counts is believed",
         .whose = ROOT, .kind = DISTRUST_AFTER, .after = 0},
        {.says = "a second later it is not",
         .whose = ROOT, .kind = DISTRUST_AFTER, .after = 1,
         .problems = PROBLEM_DISTRUSTED_ISSUER, .value = "Somebody, for what is from after 2025-12-01"},
        {.says = "it is told beside other problems",
         .whose = ROOT, .kind = DISTRUST_AFTER, .after = DISTRUST_ALWAYS,
         .leaf = {.name = "nowhere.example", .not_after = PKI_NOW - 10},
         .problems = PROBLEM_DISTRUSTED_ISSUER | PROBLEM_NAME_MISMATCH | PROBLEM_EXPIRED},
        {.says = "and when the authority is unknown as well, but sent",
         .whose = ROOT, .kind = DISTRUST_AFTER, .after = DISTRUST_ALWAYS,
         .is_unknown = true, .is_sent = true,
         .problems = PROBLEM_DISTRUSTED_ISSUER | PROBLEM_UNKNOWN_ISSUER},
        {.says = "an authority whose key is in the wrong hands is blocked, although it is in the store",
         .whose = ROOT, .kind = DISTRUST_BLOCKED, .problems = PROBLEM_BLOCKED},
        {.says = "so is one that is sent", .whose = ROOT, .kind = DISTRUST_BLOCKED,
         .is_unknown = true, .is_sent = true,
         .problems = PROBLEM_BLOCKED | PROBLEM_UNKNOWN_ISSUER},
        {.says = "and a server's own key, whatever else is wrong",
         .whose = LEAF, .kind = DISTRUST_BLOCKED, .leaf = {.not_after = PKI_NOW - 10},
         .problems = PROBLEM_BLOCKED | PROBLEM_EXPIRED},
};

static void hex_of_key(const Pki *pki, char ret[static 2 * SHA256_SIZE + 1]) {
        _cleanup_(certificate_freep) Certificate *c = NULL;

        ck_assert_int_eq(certificate_new(pki_der(pki), CERTIFICATE_SENT, 0, &c), 0);
        hex_encode(c->key_sha256, SHA256_SIZE, ret);
}

static Facts *judge(const Case *the, const Pki *leaf, const Pki *intermediate, const Pki *root) {
        const Pki *const whose[] = {NULL, leaf, intermediate, root};
        const Blob chain[] = {pki_der(leaf), pki_der(intermediate), pki_der(root)};
        _cleanup_(authorities_freep) Authorities *trust = block_new(&chain[2], !the->is_unknown);
        char key[2 * SHA256_SIZE + 1] = "";
        DistrustRule rule = {the->kind, key, the->after, "Somebody"};
        const DistrustRules rules = {&rule, 1};
        const char *reason;
        Endpoint endpoint;
        Question q = {
                .endpoint = &endpoint,
                .chain = chain,
                .n_chain = the->is_sent ? 3 : 2,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
                .rules = &rules,
        };
        Facts *facts = NULL;

        if (whose[the->whose])
                hex_of_key(whose[the->whose], key);
        ck_assert_int_eq(endpoint_set(HOST, strlen(HOST), 993, &endpoint, &reason), 0);
        if (the->after != DISTRUST_ALWAYS) {
                ck_assert_int_eq(problems_find(&q, trust, &facts), 0);
                rule.after = facts->leaf->not_before - the->after;
                facts = facts_unref(facts);
        }
        ck_assert_int_eq(problems_find(&q, trust, &facts), 0);
        return facts;
}

START_TEST(cases_row) {
        const Case *the = &cases[_i];
        _cleanup_(pki_freep) Pki *root = NULL, *intermediate = NULL, *leaf = NULL;
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        PkiSpec spec = the->leaf;
        const char *value = NULL;

        root = pki_new(&(PkiSpec){.subject = "Root", .ca = true});
        intermediate = pki_new(&(PkiSpec){.subject = "Intermediate", .ca = true, .issuer = root});
        if (!spec.name)
                spec.name = HOST;
        spec.issuer = intermediate;
        leaf = pki_new(&spec);

        facts = judge(the, leaf, intermediate, root);
        ck_assert_msg(facts->problems == the->problems, "not so: %s: %#x", the->says,
                      (unsigned) facts->problems);
        for (size_t i = 0; i < facts->n_findings && !value; i++)
                if (facts->findings[i].problem == PROBLEM_DISTRUSTED_ISSUER)
                        value = facts->findings[i].value;
        if (the->value)
                ck_assert_msg(value && strstr(value, the->value), "not told: %s: %s", the->says,
                              value ? value : "");
}
END_TEST

/* -- the shipped rules ---------------------------------------------------------------------- */

START_TEST(every_shipped_rule_can_match) {
        for (size_t i = 0; i < distrust_shipped.n; i++) {
                const DistrustRule *rule = &distrust_shipped.items[i];
                uint8_t digest[SHA256_SIZE];

                ck_assert_msg(sha256_decode(rule->key, digest) == 0, "%s", rule->key);
                ck_assert_msg(distrust_find(&distrust_shipped, digest) == rule,
                              "not found, or twice: %s", rule->key);
                ck_assert_str_ne(rule->who, "");
        }
}
END_TEST

static const struct {
        const char *says, *key;
        DistrustKind kind;
        int64_t after;
} known[] = {
        {"Superfish's key is blocked",
         "4bb8f35ba1e126f8dde1b0c420625ed86dce61a7bddadbdea9aba578ff13145e", DISTRUST_BLOCKED, 0},
        {"a date in November is the end of that day",
         "76ee8590374c715437bbca6bba6028eadde2dc6dbbb8c3f610e851f11d1ab7f5", DISTRUST_AFTER,
         INT64_C(1733011199)},
        {"a date in January is the beginning of that day",
         "87af34d66fb3f2fdf36e09111e9aba2f6f44b207f3863f3d0b54b25023909aa5", DISTRUST_AFTER,
         INT64_C(1577836800)},
        {"a removed authority is never believed",
         "6b1a505e0246f2f60c490ff0c097a7be27210cbb7500237f88b0cd48298bc9b8", DISTRUST_AFTER,
         DISTRUST_ALWAYS},
};

START_TEST(known_row) {
        uint8_t digest[SHA256_SIZE];
        const DistrustRule *rule;

        ck_assert_int_eq(sha256_decode(known[_i].key, digest), 0);
        rule = distrust_find(&distrust_shipped, digest);
        ck_assert_msg(rule && rule->kind == known[_i].kind && rule->after == known[_i].after,
                      "not so: %s", known[_i].says);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("distrust");
        TCase *tcase = tcase_create("distrust");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, cases_row, 0, N_ELEMENTS(cases));
        tcase_add_test(tcase, every_shipped_rule_can_match);
        tcase_add_loop_test(tcase, known_row, 0, N_ELEMENTS(known));
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
