/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one list of problems: what was promised about it to stores, peers and people. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "client/certexc.h"
#include "client/cleanup.h"
#include "client/problem.h"

/* Numbers are stored and sent; this table is what keeps them from moving. */
static const struct {
        const char *name;
        unsigned number;
        bool exceptable;
} promised[] = {
        { "expired", 0, true },
        { "not-yet-valid", 1, true },
        { "issuer-expired", 2, true },
        { "self-signed", 3, true },
        { "unknown-issuer", 4, true },
        { "incomplete-chain", 5, true },
        { "name-mismatch", 6, true },
        { "wildcard-misuse", 7, true },
        { "weak-signature", 8, true },
        { "weak-key", 9, true },
        { "ca-as-server", 10, true },
        { "wrong-usage", 11, true },
        { "distrusted-issuer", 12, true },
        { "revocation-unknown", 13, true },
        { "revoked", 14, false },
        { "blocked", 15, false },
        { "bad-signature", 16, false },
        { "bad-constraints", 17, false },
        { "unknown-critical", 18, false },
        { "malformed", 19, false },
        { "bad-policy", 20, false },
};

START_TEST(a_problem_keeps_its_number_and_its_column) {
        const ProblemInfo *info = problem_by_name(promised[_i].name);
        ProblemSet bit = UINT32_C(1) << promised[_i].number;

        ck_assert_msg(info, "%s is gone", promised[_i].name);
        ck_assert_uint_eq((ProblemSet) info->problem, bit);
        ck_assert_int_eq(info->exceptable, promised[_i].exceptable);
        ck_assert_int_eq((problem_set_never & bit) == 0, promised[_i].exceptable);
        ck_assert_uint_ne(problem_set_all & bit, 0);
        ck_assert_ptr_eq(problem_info(bit), info);
}
END_TEST

START_TEST(every_problem_is_told_in_whole_sentences) {
        const ProblemInfo *info = &problem_infos[_i];
        const char *texts[] = { certexc_problem_meaning(info->name),
                                certexc_problem_advice(info->name) };

        for (unsigned i = 0; i < N_ELEMENTS(texts); i++) {
                size_t length = strlen(texts[i]);

                ck_assert_msg(length > 20 && length < 300, "%s: %s", info->name, texts[i]);
                ck_assert_msg(texts[i][0] >= 'A' && texts[i][0] <= 'Z', "%s: %s", info->name,
                              texts[i]);
                ck_assert_msg(texts[i][length - 1] == '.', "%s: %s", info->name, texts[i]);
        }
        ck_assert_ptr_nonnull(certexc_problem_mender(info->name));
        ck_assert_int_eq(certexc_problem_exceptable(info->name), info->exceptable);
        ck_assert_str_eq(certexc_problem_name((size_t) _i), info->name);
        ck_assert_uint_eq(strspn(info->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(info->name));
}
END_TEST

START_TEST(the_list_is_closed) {
        ck_assert_uint_eq(n_problem_infos, N_ELEMENTS(promised));
        ck_assert_uint_eq(problem_set_all, (UINT32_C(1) << N_ELEMENTS(promised)) - 1);
        ck_assert_ptr_null(problem_by_name("expired "));
        ck_assert_ptr_null(problem_by_name(""));
        ck_assert_ptr_null(problem_info(0));
        ck_assert_ptr_null(problem_info(PROBLEM_EXPIRED | PROBLEM_REVOKED));
        ck_assert_ptr_null(problem_info(UINT32_C(1) << 31));
        ck_assert_ptr_null(certexc_problem_name(n_problem_infos));
}
END_TEST

START_TEST(a_word_that_the_library_lacks_is_answered_with_nothing) {
        ck_assert_ptr_null(certexc_problem_meaning("haunted"));
        ck_assert_ptr_null(certexc_problem_advice(NULL));
        ck_assert_ptr_null(certexc_problem_mender("haunted"));
        ck_assert(!certexc_problem_exceptable("haunted"));
        ck_assert(!certexc_problem_exceptable(NULL));
        ck_assert_ptr_null(certexc_because_sentence("mood"));
        ck_assert_ptr_null(certexc_because_sentence(NULL));
        ck_assert_ptr_null(certexc_change_sentence("vanished", true));
}
END_TEST

START_TEST(every_reason_and_change_has_its_own_sentence) {
        static const char *const reasons[] = {
                "no-problem", "exception",   "never-exceptable", "denial",      "no-exception",
                "changed",    "new-problem", "ended",            "unconfirmed",
                "in-doubt",
        };
        static const char *const changes[] = { "renewed", "reissued", "replaced" };

        for (unsigned i = 0; i < N_ELEMENTS(reasons); i++)
                for (unsigned k = 0; k <= i; k++)
                        ck_assert_int_eq(strcmp(certexc_because_sentence(reasons[i]),
                                                certexc_because_sentence(reasons[k])) == 0,
                                         i == k);
        for (unsigned i = 0; i < N_ELEMENTS(changes); i++)
                ck_assert_str_ne(certexc_change_sentence(changes[i], true),
                                 certexc_change_sentence(changes[i], false));
}
END_TEST

int main(void) {
        Suite *suite = suite_create("problem");
        TCase *tcase = tcase_create("problem");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_add_loop_test(tcase, a_problem_keeps_its_number_and_its_column, 0,
                            N_ELEMENTS(promised));
        tcase_add_loop_test(tcase, every_problem_is_told_in_whole_sentences, 0,
                            (int) N_ELEMENTS(promised));
        tcase_add_test(tcase, the_list_is_closed);
        tcase_add_test(tcase, a_word_that_the_library_lacks_is_answered_with_nothing);
        tcase_add_test(tcase, every_reason_and_change_has_its_own_sentence);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
