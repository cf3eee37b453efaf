/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Damage to single rows: it may make the daemon ask again, never accept. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/rebuild.h"
#include "daemon/verdict.h"
#include "tests/decisions.h"

#define ME   INT64_C(1000)
#define HOST "mail.example.org"

static VerdictOutput judge(Store *store, ProblemSet problems, DecisionList *list) {
        _cleanup_(certificate_facts_freep) CertificateFacts *leaf = NULL;
        Session session = { .known = true };
        VerdictInput in = { .problems = problems,
                            .user_exceptions = true,
                            .port = 993,
                            .owner = ME,
                            .now = DECIDED_AT,
                            .session = &session };

        leaf = test_certificate("one", "key of one");
        ck_assert_int_eq(store_find(store, ME, HOST, 993, list), 0);
        in.decisions = list->items;
        in.n_decisions = list->n_items;
        in.in_doubt = list->doubtful;
        in.leaf_sha256 = leaf->sha256;
        in.leaf_key_sha256 = leaf->key_sha256;
        return verdict_judge(&in);
}

/* The verdict on certificate "one", self-signed, at HOST:993. */
static Verdict verdict(Store *store) {
        _cleanup_(decision_list_done) DecisionList list = { 0 };

        return judge(store, PROBLEM_SELF_SIGNED, &list).verdict;
}

static uint64_t n_damaged(const Store *store) {
        StoreHealth health;

        store_health(store, &health);
        return health.n_damaged;
}

/* Each would widen, revive or move an exception if the digest did not hold it. */
static const char *const widenings[] = {
        "UPDATE decision SET problems = 1048575 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET problems = 12 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET pin = 2 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET ends = 1, until = NULL WHERE owner = 1000 AND id = 1",
        ("UPDATE decision SET ends = 3, until = NULL, boot_id = zeroblob(16), login_usec = 0 "
         "WHERE owner = 1000 AND id = 1"),
        "UPDATE decision SET until = until + 1 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET certificate_sha256 = zeroblob(32) WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET key_sha256 = zeroblob(32) WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET created = created - 1 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET changed = changed + 1 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET change_number = change_number + 1 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET id = 77 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET digest = zeroblob(32) WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET digest = zeroblob(31) WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET state = 2 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET state = 3 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET action = 2 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET action = 9 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET pin = 9 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET ends = 9 WHERE owner = 1000 AND id = 1",
        /* moved to where it was not given */
        "UPDATE decision SET owner = -1 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET host = 'other.example.org' WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET port = 143 WHERE owner = 1000 AND id = 1",
};

START_TEST(a_changed_column_is_never_an_accept) {
        _cleanup_(store_freep) Store *store = test_store();

        (void) test_add(store, &(Addition){ .owner = ME, .end = END_DATE, .until = DECIDED_AT + 9 },
                        CHANGED);
        ck_assert_int_eq(verdict(store), VERDICT_ACCEPT);
        store = store_free(store);
        test_sql("%s", widenings[_i]);
        store = test_store();
        ck_assert_msg(verdict(store) != VERDICT_ACCEPT, "%s", widenings[_i]);
}
END_TEST

/* Where it would be told, no reader of JSON would read on behind it. */
START_TEST(a_host_that_is_no_text_is_not_told) {
        _cleanup_(history_list_done) HistoryList list = { 0 };
        _cleanup_(store_freep) Store *store = test_store();

        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        store = store_free(store);
        test_sql("UPDATE history SET host = cast(x'6d61696ce7' AS TEXT) WHERE owner = 1000");
        store = test_store();
        ck_assert_int_eq(store_history(store, ME, 0, 0, 10, &list), -EUCLEAN);
        ck_assert_uint_gt(n_damaged(store), 0);
}
END_TEST

/* The same where a row that was given elsewhere is brought here. */
static const char *const borrowings[] = {
        "UPDATE decision SET owner = 1000, id = 9 WHERE owner = 1001",
        "UPDATE decision SET owner = -1 WHERE owner = 1001",
        "UPDATE decision SET port = 993 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET host = '" HOST "' WHERE owner = 1000 AND id = 2",
        "UPDATE decision SET state = 1 WHERE owner = 1000 AND id = 3",
        "UPDATE decision SET state = 1 WHERE owner = 1000 AND id = 4",
        ("UPDATE decision SET certificate_sha256 = (SELECT certificate_sha256 FROM decision "
         "WHERE owner = 1000 AND id = 1) WHERE owner = 1000 AND id = 5"),
        "UPDATE decision SET problems = 8 WHERE owner = 1000 AND id = 6",
};

START_TEST(a_row_from_elsewhere_is_never_an_accept) {
        _cleanup_(store_freep) Store *store = test_store();

        (void) test_add(store, &(Addition){ .owner = 1001 }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .port = 143 }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .host = "smtp.example.org" }, CHANGED);
        (void) test_revoke(store, ME, test_add(store, &(Addition){ .owner = ME }, CHANGED));
        (void) test_end(store, ME, test_add(store, &(Addition){ .owner = ME }, CHANGED));
        (void) test_add(store, &(Addition){ .owner = ME, .name = "two", .key = "k" }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .problems = PROBLEM_EXPIRED }, CHANGED);
        ck_assert_int_eq(verdict(store), VERDICT_PROMPT);
        store = store_free(store);
        test_sql("%s", borrowings[_i]);
        store = test_store();
        ck_assert_msg(verdict(store) != VERDICT_ACCEPT, "%s", borrowings[_i]);
        ck_assert_uint_gt(n_damaged(store), 0);
}
END_TEST

/* -- what a look-up does not find ------------------------------------------------------------ */

/* Of five decisions the first is lost to every look-up, or the authority is. */
static const char *const vanishings[] = {
        "DELETE FROM decision WHERE owner = 1000 AND id = 1",
        "DELETE FROM decision WHERE owner = 1000",
        "UPDATE decision SET host = 'nail.example.org' WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET port = 992 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET owner = 1002 WHERE owner = 1000 AND id = 1",
        "UPDATE decision SET state = 3 WHERE owner = 1000 AND id = 1",
        "DELETE FROM decision WHERE state = 2",
        "DELETE FROM owner WHERE owner = 1000",
        "UPDATE owner SET owner = 1002 WHERE owner = 1000",
        "DELETE FROM trust",
        "UPDATE trust SET owner = 1002",
        "UPDATE trust SET state = 3",
};

static void vanish(const char *sql) {
        _cleanup_(change_freep) Change *anna = NULL, *bert = NULL;
        Store *store = test_store();

        ck_assert_int_eq(change_new(CHANGE_OWNER, 1001, 1001, DECIDED_AT, &anna), 0);
        ck_assert_int_eq(change_new(CHANGE_OWNER, 1001, 1001, DECIDED_AT, &bert), 0);
        anna->owner_name = strdup("anna");
        bert->owner_name = strdup("bert");
        (void) test_apply(store, anna);
        (void) test_add(store, &(Addition){ .owner = 1001 }, CHANGED);
        (void) test_apply(store, bert);
        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .port = 143 }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = OWNER_SYSTEM, .port = 143 }, CHANGED);
        (void) test_end(store, ME, test_add(store, &(Addition){ .owner = ME, .port = 1 }, CHANGED));
        (void) test_put(store, &(Putting){ .owner = ME }, CHANGED);
        ck_assert_uint_eq(n_damaged(store), 0);
        (void) store_free(store);
        test_sql("%s", sql);
}

START_TEST(what_vanished_is_noticed_before_anybody_asks) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;

        vanish(vanishings[_i]);
        ck_assert_int_eq(store_open(test_directory(), &store, &damage), 0);
        ck_assert_msg(damage.gaps && !damage.disagrees, "%s", vanishings[_i]);
        ck_assert_msg(n_damaged(store) == 1, "%s", vanishings[_i]);
}
END_TEST

START_TEST(what_vanished_comes_back_by_mending) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        vanish(vanishings[_i]);
        store = test_store();
        store_rest(store);
        ck_assert_int_eq(store_mend(store, -EUCLEAN, DECIDED_AT, &mending), 0);
        store_resume(store);
        ck_assert_msg(mending.n_missing == 0 && mending.n_saved == 4, "%s", vanishings[_i]);
        ck_assert_int_eq(verdict(store), VERDICT_ACCEPT);
        ck_assert_uint_eq(test_count_found(store, 1001, HOST, 993, STATE_UNCONFIRMED), 1);
        store = test_reopen(store);
        ck_assert_uint_eq(n_damaged(store), 0);
}
END_TEST

/* The journal would lose it too. */
START_TEST(no_journal_is_made_of_a_database_with_gaps) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;

        vanish(vanishings[_i]);
        ck_assert_int_eq(unlink(test_journal()), 0);
        ck_assert_msg(store_open(test_directory(), &store, &damage) == -EUCLEAN, "%s",
                      vanishings[_i]);
}
END_TEST

START_TEST(digests_of_two_rows_cannot_be_exchanged) {
        _cleanup_(store_freep) Store *store = test_store();

        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = 1001 }, CHANGED);
        store = store_free(store);
        test_sql("CREATE TABLE digests AS SELECT owner, digest FROM decision;"
                 "UPDATE decision SET digest = "
                 "(SELECT digest FROM digests WHERE owner = 2001 - decision.owner);"
                 "DROP TABLE digests");
        store = test_store();
        ck_assert_uint_eq(n_damaged(store), 1); /* at opening */
        ck_assert_int_eq(verdict(store), VERDICT_PROMPT);
        ck_assert_uint_eq(n_damaged(store), 2);
}
END_TEST

/* Damage to a denial that leaves it where it is and about what it is about. */
static const char *const scratches[] = {
        "UPDATE decision SET digest = zeroblob(32) WHERE action = 2",
        "UPDATE decision SET state = 2 WHERE action = 2",
        "UPDATE decision SET state = 3 WHERE action = 2",
        "UPDATE decision SET ends = 2, until = 1 WHERE action = 2",
        "UPDATE decision SET ends = 9 WHERE action = 2",
        "UPDATE decision SET id = 99 WHERE action = 2",
        "UPDATE decision SET problems = 1048575 WHERE action = 2",
        "UPDATE decision SET created = 0, changed = 0 WHERE action = 2",
};

START_TEST(a_damaged_denial_refuses_by_what_is_left_of_it) {
        _cleanup_(store_freep) Store *store = test_store();

        (void) test_add(store, &(Addition){ .owner = OWNER_SYSTEM, .action = DECISION_DENY },
                        CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        ck_assert_int_eq(verdict(store), VERDICT_REJECT);
        store = store_free(store);
        test_sql("%s", scratches[_i]);
        store = test_store();
        ck_assert_msg(verdict(store) == VERDICT_REJECT, "%s", scratches[_i]);
        ck_assert_uint_gt(n_damaged(store), 0);
}
END_TEST

/* Damage after which it cannot be told that it was a denial, or of what. */
static const char *const wounds[] = {
        "UPDATE decision SET action = 1, problems = 8 WHERE action = 2",
        "UPDATE decision SET action = 0 WHERE action = 2",
        "UPDATE decision SET certificate_sha256 = zeroblob(32) WHERE action = 2",
        "UPDATE decision SET certificate_sha256 = zeroblob(3) WHERE action = 2",
        "UPDATE decision SET pin = 2, key_sha256 = zeroblob(32) WHERE action = 2",
        "UPDATE decision SET pin = 0 WHERE action = 2",
};

START_TEST(a_lost_denial_leaves_no_accept_behind) {
        _cleanup_(decision_list_done) DecisionList list = { 0 };
        _cleanup_(store_freep) Store *store = test_store();
        VerdictOutput out;

        (void) test_add(store, &(Addition){ .owner = OWNER_SYSTEM, .action = DECISION_DENY },
                        CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        store = store_free(store);
        test_sql("%s", wounds[_i]);
        store = test_store();
        out = judge(store, PROBLEM_SELF_SIGNED, &list);
        ck_assert_msg(out.verdict == VERDICT_PROMPT, "%s", wounds[_i]);
        ck_assert_int_eq(out.because, BECAUSE_IN_DOUBT);
}
END_TEST

START_TEST(deciding_anew_settles_the_damage) {
        _cleanup_(store_freep) Store *store = test_store();
        Decision d;

        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        store = store_free(store);
        test_sql("UPDATE decision SET digest = zeroblob(32), ends = 9");
        store = test_store();
        ck_assert_int_eq(verdict(store), VERDICT_PROMPT);
        ck_assert_int_eq(store_get(store, ME, 1, &d), -EUCLEAN);

        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = ME }, CHANGED), 2);
        ck_assert_int_eq(verdict(store), VERDICT_ACCEPT);
        ck_assert_int_eq(store_get(store, ME, 1, &d), 1);
        ck_assert_int_eq(d.state, STATE_REVOKED);
}
END_TEST

START_TEST(a_damaged_decision_can_be_revoked) {
        _cleanup_(store_freep) Store *store = test_store();

        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .name = "two", .key = "k" }, CHANGED);
        store = store_free(store);
        test_sql("UPDATE decision SET digest = zeroblob(32), ends = 9, problems = 0 WHERE id = 2");
        store = test_store();
        ck_assert_int_eq(verdict(store), VERDICT_PROMPT);
        ck_assert_int_eq(test_revoke(store, ME, 2), CHANGED);
        ck_assert_int_eq(verdict(store), VERDICT_ACCEPT);
}
END_TEST

START_TEST(a_damaged_certificate_is_not_shown_and_is_mended_by_deciding) {
        static const char *const damages[] = {
                "UPDATE certificate SET der = zeroblob(600)",
                "UPDATE certificate SET der = NULL",
                "UPDATE certificate SET subject = 'CN=bank'",
                "UPDATE certificate SET names = x'6100'",
                "UPDATE certificate SET names = x'61'",
                "UPDATE certificate SET key_sha256 = zeroblob(32)",
                "UPDATE certificate SET not_after = not_after + 1",
                "UPDATE certificate SET digest = zeroblob(32)",
        };
        _cleanup_(certificate_facts_freep) CertificateFacts *one = NULL;

        one = test_certificate("one", "key of one");
        for (size_t i = 0; i < N_ELEMENTS(damages); i++) {
                _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
                _cleanup_free_ uint8_t *der = NULL;
                Store *store = test_store();
                size_t size;
                int r;

                (void) test_add(store, &(Addition){ .owner = ME }, i == 0 ? CHANGED : CHANGE_HELD);
                (void) store_free(store);
                test_sql("%s", damages[i]);
                store = test_store();
                r = store_certificate(store, ME, one->sha256, &facts, &der, &size);
                ck_assert_msg(r == (i == 1 ? 0 : -EUCLEAN), "%s", damages[i]);

                (void) test_add(store, &(Addition){ .owner = ME }, CHANGE_HELD);
                r = store_certificate(store, ME, one->sha256, &facts, &der, &size);
                ck_assert_msg(r == 1, "%s is not mended", damages[i]);
                (void) store_free(store);
        }
}
END_TEST

START_TEST(a_damaged_user_name_is_nobodys) {
        static const char *const damages[] = {
                "UPDATE owner SET name = 'bert'",
                "UPDATE owner SET name_digest = zeroblob(32)",
                "UPDATE owner SET name = NULL",
                "UPDATE owner SET name_digest = NULL",
        };

        for (size_t i = 0; i < N_ELEMENTS(damages); i++) {
                _cleanup_(change_freep) Change *change = NULL, *again = NULL;
                _cleanup_free_ char *name = NULL;
                Store *store = test_store();

                ck_assert_int_eq(change_new(CHANGE_OWNER, ME, ME, DECIDED_AT, &change), 0);
                change->owner_name = strdup("anna");
                (void) test_apply(store, change);
                (void) test_add(store, &(Addition){ .owner = ME },
                                i == 0 ? CHANGED : CHANGE_CONFIRMED);
                (void) store_free(store);
                test_sql("%s", damages[i]);

                store = test_store();
                ck_assert_int_eq(store_owner_name(store, ME, &name), 1);
                ck_assert_str_eq(name, "");
                ck_assert_int_eq(change_new(CHANGE_OWNER, ME, ME, DECIDED_AT, &again), 0);
                again->owner_name = strdup("bert");
                ck_assert_int_eq(test_apply(store, again), CHANGED);
                ck_assert_uint_eq(again->n_others, 1);
                ck_assert_int_eq(verdict(store), VERDICT_PROMPT);
                (void) store_free(store);
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, damage");
        TCase *tcase = tcase_create("damage");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_test(tcase, a_host_that_is_no_text_is_not_told);
        tcase_add_loop_test(tcase, a_changed_column_is_never_an_accept, 0, N_ELEMENTS(widenings));
        tcase_add_loop_test(tcase, a_row_from_elsewhere_is_never_an_accept, 0,
                            N_ELEMENTS(borrowings));
        tcase_add_loop_test(tcase, what_vanished_is_noticed_before_anybody_asks, 0,
                            N_ELEMENTS(vanishings));
        tcase_add_loop_test(tcase, what_vanished_comes_back_by_mending, 0, N_ELEMENTS(vanishings));
        tcase_add_loop_test(tcase, no_journal_is_made_of_a_database_with_gaps, 0,
                            N_ELEMENTS(vanishings));
        tcase_add_test(tcase, digests_of_two_rows_cannot_be_exchanged);
        tcase_add_loop_test(tcase, a_damaged_denial_refuses_by_what_is_left_of_it, 0,
                            N_ELEMENTS(scratches));
        tcase_add_loop_test(tcase, a_lost_denial_leaves_no_accept_behind, 0, N_ELEMENTS(wounds));
        tcase_add_test(tcase, deciding_anew_settles_the_damage);
        tcase_add_test(tcase, a_damaged_decision_can_be_revoked);
        tcase_add_test(tcase, a_damaged_certificate_is_not_shown_and_is_mended_by_deciding);
        tcase_add_test(tcase, a_damaged_user_name_is_nobodys);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
