/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stapled answers and lists: what revokes, what is believed, and what is told when nothing can
 * be. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/problems.h"
#include "tests/block.h"
#include "tests/status.h"

#define HOST "imap.example.org"

/* Root, intermediate and leaf; another leaf of the same issuer; who may answer for the issuer and
 * who may not. */
typedef struct World {
        Pki *root, *intermediate, *leaf, *demanding, *other, *answerer, *expired_answerer;
        Pki *no_answerer, *weak_answerer, *small_answerer, *stranger, *mute;
} World;

static World w;

static void world_new(void) {
        const PkiSpec root = {.subject = "Root", .ca = true};

        w.root = pki_new(&root);
        w.intermediate =
                pki_new(&(PkiSpec){.subject = "Intermediate", .ca = true, .issuer = w.root});
        w.leaf = pki_new(&(PkiSpec){.name = HOST, .issuer = w.intermediate});
        w.demanding =
                pki_new(&(PkiSpec){.name = HOST, .issuer = w.intermediate, .must_staple = true});
        w.other = pki_new(&(PkiSpec){.name = "b.example.org", .issuer = w.intermediate});
        w.answerer = pki_new(&(PkiSpec){
                .subject = "Answers", .issuer = w.intermediate, .purpose = GNUTLS_KP_OCSP_SIGNING});
        w.expired_answerer = pki_new(&(PkiSpec){.subject = "Answers",
                                                .issuer = w.intermediate,
                                                .not_after = PKI_NOW - 1,
                                                .purpose = GNUTLS_KP_OCSP_SIGNING});
        w.weak_answerer = pki_new(&(PkiSpec){.subject = "Answers",
                                             .issuer = w.intermediate,
                                             .digest = GNUTLS_DIG_SHA1,
                                             .purpose = GNUTLS_KP_OCSP_SIGNING});
        w.small_answerer = pki_new(&(PkiSpec){.subject = "Answers",
                                              .issuer = w.intermediate,
                                              .key = PKI_P192,
                                              .purpose = GNUTLS_KP_OCSP_SIGNING});
        w.no_answerer = pki_new(&(PkiSpec){.subject = "Server", .issuer = w.intermediate});
        w.stranger = pki_new(&(PkiSpec){.subject = "Intermediate", .ca = true});
        w.mute = pki_new(&(PkiSpec){.subject = "Root",
                                    .ca = true,
                                    .key_of = w.root,
                                    .key_usage = GNUTLS_KEY_KEY_CERT_SIGN});
}

static void world_done(void) {
        Pki *all[] = {w.root,     w.intermediate,     w.leaf,        w.demanding, w.other,
                      w.answerer, w.expired_answerer, w.no_answerer, w.weak_answerer,
                      w.small_answerer, w.stranger, w.mute};

        for (size_t i = 0; i < N_ELEMENTS(all); i++)
                (void) pki_free(all[i]);
}

static Facts *judge(const Pki *leaf, const Pki *root, Blob staple, const Blob *crls,
                    size_t n_crls) {
        Blob chain[] = {pki_der(leaf), pki_der(w.intermediate)}, trust = pki_der(root);
        _cleanup_(authorities_freep) Authorities *authorities =
                block_with_lists(&trust, 1, crls, n_crls);
        Facts *facts = NULL;
        Endpoint endpoint;
        const char *reason;
        Question q = {
                .endpoint = &endpoint,
                .chain = chain,
                .n_chain = N_ELEMENTS(chain),
                .staple = staple,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
                .lists = authorities_lists(authorities),
        };

        ck_assert_int_eq(endpoint_set(HOST, strlen(HOST), 993, &endpoint, &reason), 0);
        ck_assert_int_eq(problems_find(&q, authorities, &facts), 0);
        return facts;
}

static const struct {
        const char *sentence;
        bool demanding;            /* the leaf that demands a staple */
        Pki **signer;              /* NULL: no staple */
        StatusEntry first, second; /* .certificate NULL: none, the leaf is meant by &w.leaf below */
        bool about_other, second_about_other;
        ProblemSet problems;
} staples[] = {
        {"a good answer of the issuer", true, &w.intermediate, {.word = STATUS_GOOD}},
        {"a good answer of its appointed", true, &w.answerer, {.word = STATUS_GOOD}},
        {"a revoked leaf",
         true,
         &w.intermediate,
         {.word = STATUS_REVOKED},
         .problems = PROBLEM_REVOKED},
        {"a revoked leaf, said by the appointed",
         false,
         &w.answerer,
         {.word = STATUS_REVOKED},
         .problems = PROBLEM_REVOKED},
        {"an old answer that says revoked still says so",
         false,
         &w.intermediate,
         {.word = STATUS_REVOKED, .this_update = 1, .next_update = 2},
         .problems = PROBLEM_REVOKED},
        {"the issuer does not know the leaf",
         false,
         &w.intermediate,
         {.word = STATUS_UNKNOWN},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"an answer about another certificate",
         true,
         &w.intermediate,
         {.word = STATUS_GOOD},
         .about_other = true,
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"the second of two entries counts",
         true,
         &w.intermediate,
         {.word = STATUS_GOOD},
         {.word = STATUS_REVOKED, .certificate = (const Pki *) 1},
         .about_other = true,
         .problems = PROBLEM_REVOKED},
        {"revoked in the second place beats good in the first",
         true,
         &w.intermediate,
         {.word = STATUS_GOOD},
         {.word = STATUS_REVOKED, .certificate = (const Pki *) 1},
         .problems = PROBLEM_REVOKED},
        {"another's revocation is not ours",
         true,
         &w.intermediate,
         {.word = STATUS_GOOD},
         {.word = STATUS_REVOKED, .certificate = (const Pki *) 1},
         .second_about_other = true},
        {"an answer out of date",
         true,
         &w.intermediate,
         {.word = STATUS_GOOD, .this_update = PKI_NOW - 9 * PKI_DAY, .next_update = PKI_NOW - 301},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"clocks may differ a little",
         true,
         &w.intermediate,
         {.word = STATUS_GOOD, .this_update = PKI_NOW - 9 * PKI_DAY, .next_update = PKI_NOW - 300}},
        {"an answer from the future",
         true,
         &w.intermediate,
         {.word = STATUS_GOOD, .this_update = PKI_NOW + 301},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"without a next date an answer is good for fifteen days",
         true,
         &w.intermediate,
         {.word = STATUS_GOOD, .this_update = PKI_NOW - 15 * PKI_DAY, .next_update = -1}},
        {"and no longer",
         true,
         &w.intermediate,
         {.word = STATUS_GOOD, .this_update = PKI_NOW - 16 * PKI_DAY, .next_update = -1},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"a stranger of the issuer's name",
         true,
         &w.stranger,
         {.word = STATUS_GOOD},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"a stranger cannot revoke",
         false,
         &w.stranger,
         {.word = STATUS_REVOKED},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"the root does not answer for the intermediate",
         true,
         &w.root,
         {.word = STATUS_GOOD},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"a server of the issuer may not answer",
         true,
         &w.no_answerer,
         {.word = STATUS_GOOD},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"an appointed one that has expired",
         true,
         &w.expired_answerer,
         {.word = STATUS_GOOD},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"an appointed one that SHA-1 vouches for",
         true,
         &w.weak_answerer,
         {.word = STATUS_GOOD},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"an appointed one with a small key",
         true,
         &w.small_answerer,
         {.word = STATUS_GOOD},
         .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"what such a one calls revoked is refused nevertheless",
         true,
         &w.small_answerer,
         {.word = STATUS_REVOKED},
         .problems = PROBLEM_REVOKED},
        {"none where one is demanded", true, NULL, .problems = PROBLEM_REVOCATION_UNKNOWN},
        {"none where none is demanded", false, NULL},
};

START_TEST(test_staple) {
        const Pki *leaf = staples[_i].demanding ? w.demanding : w.leaf;
        StatusEntry entries[2] = {staples[_i].first, staples[_i].second};
        _cleanup_(status_done) Status staple = {0};
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        size_t n = entries[1].certificate ? 2 : 1;

        entries[0].certificate = staples[_i].about_other ? w.other : leaf;
        entries[1].certificate = staples[_i].second_about_other ? w.other : leaf;
        if (staples[_i].signer)
                staple = status_answer(w.intermediate, *staples[_i].signer, 0, entries, n);
        facts = judge(leaf, w.root, status_blob(&staple), NULL, 0);
        ck_assert_msg(facts->problems == staples[_i].problems, "%s: found 0x%x (%s)",
                      staples[_i].sentence, facts->problems,
                      facts->n_findings ? facts->findings[0].value : "");
}
END_TEST

START_TEST(an_appointed_one_that_was_revoked_answers_no_more) {
        const StatusEntry entry = {.certificate = w.demanding, .word = STATUS_GOOD};
        _cleanup_(status_done) Status staple =
                status_answer(w.intermediate, w.answerer, 0, &entry, 1);

        for (unsigned i = 0; i < 2; i++) {
                const Pki *const listed[] = {i ? w.answerer : w.other, NULL};
                _cleanup_(status_done) Status crl = status_list(w.intermediate, listed, 0, 0);
                Blob list = status_blob(&crl);
                _cleanup_(facts_unrefp) Facts *facts =
                        judge(w.demanding, w.root, status_blob(&staple), &list, 1);

                ck_assert_uint_eq(facts->problems, i ? PROBLEM_REVOCATION_UNKNOWN : 0);
        }
}
END_TEST

START_TEST(test_broken_staples) {
        const StatusEntry entry = {.certificate = w.demanding, .word = STATUS_GOOD};
        _cleanup_(status_done) Status good =
                status_answer(w.intermediate, w.answerer, 0, &entry, 1);
        _cleanup_(status_done) Status error = status_error();
        _cleanup_free_ uint8_t *copy = malloc(good.size);
        Facts *facts = judge(w.demanding, w.root, status_blob(&error), NULL, 0);

        ck_assert_uint_eq(facts->problems, PROBLEM_REVOCATION_UNKNOWN);
        facts_unref(facts);

        /* However it is cut or changed, it never becomes another good answer. */
        for (size_t n = 1; n < good.size; n++) {
                facts = judge(w.demanding, w.root, (Blob){good.data, n}, NULL, 0);
                ck_assert_uint_eq(facts->problems, PROBLEM_REVOCATION_UNKNOWN);
                facts_unref(facts);
        }
        for (size_t i = 0; i < good.size; i++) {
                memcpy(copy, good.data, good.size);
                copy[i] ^= 0x20;
                facts = judge(w.demanding, w.root, (Blob){copy, good.size}, NULL, 0);
                ck_assert_msg(facts->problems != 0, "byte %zu may be changed", i);
                facts_unref(facts);
        }
}
END_TEST

START_TEST(test_signers_bound) {
        const StatusEntry entry = {.certificate = w.demanding, .word = STATUS_GOOD};

        for (unsigned n = STAPLE_SIGNERS_MAX - 1; n <= STAPLE_SIGNERS_MAX; n++) {
                _cleanup_(status_done) Status staple =
                        status_answer(w.intermediate, w.answerer, n, &entry, 1);
                _cleanup_(facts_unrefp) Facts *facts =
                        judge(w.demanding, w.root, status_blob(&staple), NULL, 0);

                ck_assert_uint_eq(facts->problems,
                                  n < STAPLE_SIGNERS_MAX ? 0 : PROBLEM_REVOCATION_UNKNOWN);
        }
}
END_TEST

/* -- lists ------------------------------------------------------------------------------------ */

static ProblemSet with_list(const Pki *root, const Pki *by, const Pki *revoked, int64_t this_update,
                            int64_t next_update) {
        const Pki *const list[] = {revoked, NULL};
        _cleanup_(status_done) Status crl = status_list(by, list, this_update, next_update);
        Blob blob = status_blob(&crl);
        _cleanup_(facts_unrefp) Facts *facts = judge(w.leaf, root, (Blob){0}, &blob, 1);

        return facts->problems;
}

START_TEST(test_lists) {
        ck_assert_uint_eq(with_list(w.root, w.intermediate, w.leaf, 0, 0), PROBLEM_REVOKED);
        ck_assert_uint_eq(with_list(w.root, w.intermediate, w.other, 0, 0), 0);
        ck_assert_uint_eq(with_list(w.root, w.intermediate, NULL, 0, 0), 0);
        /* An intermediate, by the root; the very root's own list does not speak of the leaf. */
        ck_assert_uint_eq(with_list(w.root, w.root, w.intermediate, 0, 0), PROBLEM_REVOKED);
        ck_assert_uint_eq(with_list(w.root, w.root, w.leaf, 0, 0), 0);
        /* Old: what it revoked stays revoked, what it does not list may be revoked since. */
        ck_assert_uint_eq(with_list(w.root, w.intermediate, w.leaf, 1, 2), PROBLEM_REVOKED);
        ck_assert_uint_eq(with_list(w.root, w.intermediate, w.other, 1, 2),
                          PROBLEM_REVOCATION_UNKNOWN);
        ck_assert_uint_eq(with_list(w.root, w.intermediate, w.other, PKI_NOW + 1, PKI_NOW + 2),
                          PROBLEM_REVOCATION_UNKNOWN);
        ck_assert_uint_eq(with_list(w.root, w.intermediate, w.other, 0, PKI_NOW), 0);
        /* A stranger of the issuer's name says nothing that can be believed. */
        ck_assert_uint_eq(with_list(w.root, w.stranger, w.leaf, 0, 0), PROBLEM_REVOCATION_UNKNOWN);
        /* A root that may not sign lists. */
        ck_assert_uint_eq(with_list(w.mute, w.mute, NULL, 0, 0),
                          PROBLEM_REVOCATION_UNKNOWN | PROBLEM_WRONG_USAGE);
}
END_TEST

/* PKI_NOW less two days. */
#define SINCE ", since 2025-12-30"

static const struct {
        const char *sentence;
        bool by_answer;
        unsigned reason;
        bool timeless;
        const char *value;
} words[] = {
        {"a list without a reason", false, 0, false, "by a list of its issuer" SINCE},
        {"a list that says why", false, 1, false, "by a list of its issuer" SINCE ": key compromise"},
        {"on hold is revoked", false, 6, false,
         "by a list of its issuer" SINCE ": on hold for the time being"},
        {"a reason that is none", false, 7, false, "by a list of its issuer" SINCE},
        {"what was taken off the list again", false, 8, false, NULL},
        {"the last reason there is", false, 10, false,
         "by a list of its issuer" SINCE ": compromise of the attribute authority"},
        {"and one past it", false, 11, false, "by a list of its issuer" SINCE},
        {"an answer without a reason", true, 0, false, "by the issuer's status answer" SINCE},
        {"an answer that says why", true, 4, false,
         "by the issuer's status answer" SINCE ": superseded by another certificate"},
        {"in an answer it stays revoked, whatever the reason", true, 8, false,
         "by the issuer's status answer" SINCE},
        {"an answer that does not say when", true, 1, true,
         "by the issuer's status answer, since an unknown day"},
};

START_TEST(it_is_told_since_when_and_why) {
        const StatusEntry entry = {.certificate = w.leaf,
                                   .word = STATUS_REVOKED,
                                   .reason = words[_i].reason,
                                   .timeless = words[_i].timeless};
        _cleanup_(status_done) Status said =
                words[_i].by_answer
                        ? status_answer(w.intermediate, w.intermediate, 0, &entry, 1)
                        : status_list_with_reason(w.intermediate, w.leaf, words[_i].reason);
        Blob blob = status_blob(&said), none = {0};
        _cleanup_(facts_unrefp) Facts *facts =
                words[_i].by_answer ? judge(w.leaf, w.root, blob, NULL, 0)
                                    : judge(w.leaf, w.root, none, &blob, 1);

        ck_assert_msg(facts->problems == (words[_i].value ? PROBLEM_REVOKED : 0), "%s: found 0x%x",
                      words[_i].sentence, facts->problems);
        if (words[_i].value)
                ck_assert_str_eq(facts->findings[0].value, words[_i].value);
}
END_TEST

START_TEST(test_revoked_behind_others) {
        _cleanup_(pki_freep) Pki *bad = pki_new(&(PkiSpec){.name = "other.example.net",
                                                           .issuer = w.intermediate,
                                                           .not_before = 1,
                                                           .not_after = PKI_NOW - 1});
        const Pki *const list[] = {bad, NULL};
        _cleanup_(status_done) Status crl = status_list(w.intermediate, list, 0, 0);
        Blob blob = status_blob(&crl);
        _cleanup_(facts_unrefp) Facts *facts = judge(bad, w.stranger, (Blob){0}, &blob, 1);

        ck_assert_uint_eq(facts->problems, PROBLEM_REVOKED | PROBLEM_EXPIRED |
                                                   PROBLEM_NAME_MISMATCH | PROBLEM_UNKNOWN_ISSUER);
}
END_TEST

START_TEST(test_staple_bounds) {
        const StatusEntry entry = {.certificate = w.leaf, .word = STATUS_GOOD};
        _cleanup_(status_done) Status staple =
                status_answer(w.intermediate, w.intermediate, 0, &entry, 1);
        _cleanup_(facts_unrefp) Facts *facts = judge(w.leaf, w.root, status_blob(&staple), NULL, 0);

        ck_assert_uint_eq(facts->problems, 0);
        ck_assert_int_eq(facts->holds_until, PKI_NOW + PKI_DAY + 301);
}
END_TEST

int main(void) {
        Suite *s = suite_create("revocation");
        TCase *t = tcase_create("revocation");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_set_timeout(t, 120);
        tcase_add_unchecked_fixture(t, world_new, world_done);
        tcase_add_loop_test(t, test_staple, 0, (int) N_ELEMENTS(staples));
        tcase_add_test(t, an_appointed_one_that_was_revoked_answers_no_more);
        tcase_add_test(t, test_broken_staples);
        tcase_add_test(t, test_signers_bound);
        tcase_add_test(t, test_lists);
        tcase_add_test(t, test_revoked_behind_others);
        tcase_add_loop_test(t, it_is_told_since_when_and_why, 0, N_ELEMENTS(words));
        tcase_add_test(t, test_staple_bounds);
        suite_add_tcase(s, t);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
