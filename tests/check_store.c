/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store: deciding, finding, listing, history. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "tests/decisions.h"

#define ME    INT64_C(1000)
#define OTHER INT64_C(1001)
#define HOST  "mail.example.org"

START_TEST(an_added_exception_is_found_whole_after_reopening) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(decision_list_done) DecisionList list = { 0 };
        Session session = { .known = true, .boot_id = "0123456789abcde", .login_usec = 77 };
        const Decision *d;

        ck_assert_uint_eq(store_generation(store), 0);
        ck_assert_uint_eq(test_add(store,
                                   &(Addition){ .owner = ME,
                                                .problems = PROBLEM_EXPIRED | PROBLEM_SELF_SIGNED,
                                                .end = END_SESSION,
                                                .session = session },
                                   CHANGED),
                          1);
        ck_assert_uint_eq(store_generation(store), 1);

        store = test_reopen(store);
        ck_assert_uint_eq(store_generation(store), 1);
        ck_assert_int_eq(store_last_write(store), DECIDED_AT);
        ck_assert_int_eq(store_find(store, ME, HOST, 993, &list), 0);
        ck_assert_uint_eq(list.n_items, 1);

        d = list.items;
        ck_assert_int_eq(d->owner, ME);
        ck_assert_uint_eq(d->id, 1);
        ck_assert_int_eq(d->action, DECISION_ALLOW);
        ck_assert_int_eq(d->pin, PIN_CERTIFICATE);
        ck_assert_int_eq(d->state, STATE_LIVE);
        ck_assert_str_eq(d->host, HOST);
        ck_assert_uint_eq(d->port, 993);
        ck_assert_uint_eq(d->problems, PROBLEM_EXPIRED | PROBLEM_SELF_SIGNED);
        ck_assert_int_eq(d->end, END_SESSION);
        ck_assert(d->session.known);
        ck_assert_mem_eq(d->session.boot_id, session.boot_id, BOOT_ID_SIZE);
        ck_assert_uint_eq(d->session.login_usec, 77);
        ck_assert_int_eq(d->created, DECIDED_AT);
        ck_assert_int_eq(d->changed, DECIDED_AT);
        ck_assert_uint_eq(d->change_number, 1);
}
END_TEST

START_TEST(the_same_decision_is_held_once) {
        _cleanup_(store_freep) Store *store = test_store();
        Addition a = { .owner = ME };

        ck_assert_uint_eq(test_add(store, &a, CHANGED), 1);
        ck_assert_uint_eq(test_add(store, &a, CHANGE_HELD), 1);
        ck_assert_uint_eq(store_generation(store), 1);

        a.problems = PROBLEM_EXPIRED;
        ck_assert_uint_eq(test_add(store, &a, CHANGED), 2);
        a.end = END_DATE;
        a.until = DECIDED_AT + 5;
        ck_assert_uint_eq(test_add(store, &a, CHANGED), 3);
        a.pin = PIN_KEY;
        ck_assert_uint_eq(test_add(store, &a, CHANGED), 4);
        a.port = 143;
        ck_assert_uint_eq(test_add(store, &a, CHANGED), 5);
        a.name = "two";
        a.key = "key of two";
        ck_assert_uint_eq(test_add(store, &a, CHANGED), 6);
        ck_assert_uint_eq(test_add(store, &a, CHANGE_HELD), 6);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_LIVE), 4);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 0, STATE_LIVE), 6);
        ck_assert_uint_eq(test_count_found(store, ME, "other.example.org", 0, STATE_LIVE), 0);
}
END_TEST

START_TEST(ids_are_per_owner_and_owners_are_apart) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(decision_list_done) DecisionList list = { 0 };
        Decision d;

        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = ME }, CHANGED), 1);
        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = OTHER }, CHANGED), 1);
        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = OTHER, .name = "two" }, CHANGED),
                          2);
        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = OWNER_SYSTEM }, CHANGED), 1);

        ck_assert_int_eq(store_get(store, ME, 2, &d), 0);
        ck_assert_int_eq(store_get(store, ME, 1, &d), 1);
        ck_assert_int_eq(d.owner, ME);
        ck_assert_int_eq(store_get(store, ME, UINT64_MAX, &d), 0);
        ck_assert_int_eq(test_revoke(store, ME, 2), CHANGE_UNKNOWN);

        /* Mine and the system's, not the other's. */
        ck_assert_int_eq(store_find(store, ME, HOST, 993, &list), 0);
        ck_assert_uint_eq(list.n_items, 2);
        ck_assert_uint_eq(test_count_found(store, OWNER_SYSTEM, HOST, 993, STATE_LIVE), 1);
}
END_TEST

START_TEST(a_revoked_decision_is_not_found_and_never_revived) {
        _cleanup_(store_freep) Store *store = test_store();
        uint64_t id = test_add(store, &(Addition){ .owner = ME }, CHANGED);
        Decision d;

        ck_assert_int_eq(test_revoke(store, ME, id), CHANGED);
        ck_assert_int_eq(test_revoke(store, ME, id), CHANGE_HELD);
        ck_assert_uint_eq(store_generation(store), 2);
        for (DecisionState state = STATE_LIVE; state <= STATE_REVOKED; state++)
                ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, state), 0);
        ck_assert_int_eq(store_get(store, ME, id, &d), 1);
        ck_assert_int_eq(d.state, STATE_REVOKED);
        ck_assert_int_eq(d.changed, DECIDED_AT + 10);
        ck_assert_uint_eq(d.change_number, 2);

        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = ME }, CHANGED), 2);
        ck_assert_int_eq(test_end(store, ME, id), CHANGE_HELD);
        ck_assert_int_eq(store_get(store, ME, id, &d), 1);
        ck_assert_int_eq(d.state, STATE_REVOKED);
}
END_TEST

START_TEST(an_ended_decision_is_told_and_never_revived) {
        _cleanup_(store_freep) Store *store = test_store();
        uint64_t id = test_add(store, &(Addition){ .owner = ME }, CHANGED);

        ck_assert_int_eq(test_end(store, ME, id), CHANGED);
        ck_assert_int_eq(test_end(store, ME, id), CHANGE_HELD);
        ck_assert_int_eq(test_end(store, ME, 99), CHANGE_UNKNOWN);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_ENDED), 1);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 0, STATE_ENDED), 1);
        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = ME }, CHANGED), 2);
        ck_assert_int_eq(test_revoke(store, ME, id), CHANGED);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_ENDED), 0);
}
END_TEST

typedef struct Contrary {
        const char *says;
        Addition first;
        Addition second;
        bool revoked;
} Contrary;

static const Contrary contraries[] = {
        { "an exception revokes my denial of the certificate",
          { .action = DECISION_DENY },
          {},
          true },
        { "an exception revokes my denial of its key",
          { .action = DECISION_DENY, .pin = PIN_KEY },
          {},
          true },
        { "an exception for a key revokes my denial of the certificate that was shown",
          { .action = DECISION_DENY },
          { .pin = PIN_KEY },
          true },
        { "an exception leaves the denial of another certificate",
          { .action = DECISION_DENY, .name = "two", .key = "other" },
          {},
          false },
        { "an exception leaves the denial of another certificate with the same key",
          { .action = DECISION_DENY, .name = "two" },
          {},
          false },
        { "an exception leaves a denial at another port",
          { .action = DECISION_DENY, .port = 143 },
          {},
          false },
        { "a denial revokes my exception for the certificate",
          {},
          { .action = DECISION_DENY },
          true },
        { "a denial of a certificate leaves an exception for its key, which has others",
          { .pin = PIN_KEY },
          { .action = DECISION_DENY },
          false },
        { "a denial of a key revokes my exception for the key",
          { .pin = PIN_KEY },
          { .action = DECISION_DENY, .pin = PIN_KEY },
          true },
        { "a denial of a key revokes my exception for another certificate with it",
          { .name = "two" },
          { .action = DECISION_DENY, .pin = PIN_KEY },
          true },
        { "another owner's decision stays",
          { .owner = OTHER, .action = DECISION_DENY },
          {},
          false },
        { "the system's decision stays",
          { .owner = OWNER_SYSTEM, .action = DECISION_DENY },
          {},
          false },
};

START_TEST(contrary_row) {
        const Contrary *row = contraries + _i;
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(change_freep) Change *change = NULL;
        Addition first = row->first, second = row->second;
        Decision d;
        uint64_t id;

        first.owner = first.owner ? first.owner : ME;
        second.owner = ME;
        id = test_add(store, &first, CHANGED);
        change = test_addition(&second);
        ck_assert_int_eq(test_apply(store, change), CHANGED);

        ck_assert_int_eq(store_get(store, first.owner, id, &d), 1);
        ck_assert_msg(d.state == (row->revoked ? STATE_REVOKED : STATE_LIVE), "%s", row->says);
        ck_assert_msg(change->n_others == row->revoked, "%s: tells", row->says);
        if (row->revoked) {
                ck_assert_uint_eq(change->others[0].id, id);
                ck_assert_int_eq(change->others[0].state, STATE_REVOKED);
        }
}
END_TEST

START_TEST(another_user_name_makes_exceptions_unconfirmed) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_free_ char *name = NULL;
        static const struct {
                const char *name;
                ChangeResult result;
                size_t n_unconfirmed;
        } steps[] = { { "anna", CHANGED, 0 }, { "anna", CHANGE_HELD, 0 }, { "bert", CHANGED, 1 } };
        Decision d;

        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        (void) test_add(
                store, &(Addition){ .owner = ME, .name = "x", .key = "y", .action = DECISION_DENY },
                CHANGED);
        ck_assert_int_eq(store_owner_name(store, ME, &name), 0);

        for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
                _cleanup_(change_freep) Change *change = NULL;

                ck_assert_int_eq(change_new(CHANGE_OWNER, ME, ME, DECIDED_AT, &change), 0);
                change->owner_name = strdup(steps[i].name);
                ck_assert_int_eq(test_apply(store, change), steps[i].result);
                ck_assert_uint_eq(change->n_others, steps[i].n_unconfirmed);
        }
        ck_assert_int_eq(store_owner_name(store, ME, &name), 1);
        ck_assert_str_eq(name, "bert");
        ck_assert_int_eq(store_get(store, ME, 1, &d), 1);
        ck_assert_int_eq(d.state, STATE_UNCONFIRMED);
        ck_assert_int_eq(store_get(store, ME, 2, &d), 1);
        ck_assert_int_eq(d.state, STATE_LIVE);

        /* The new person confirms, with what is shown now. */
        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = ME, .problems = PROBLEM_EXPIRED },
                                   CHANGE_CONFIRMED),
                          1);
        ck_assert_int_eq(store_get(store, ME, 1, &d), 1);
        ck_assert_int_eq(d.state, STATE_LIVE);
        ck_assert_uint_eq(d.problems, PROBLEM_EXPIRED);
}
END_TEST

START_TEST(lists_come_in_pages_by_id) {
        _cleanup_(store_freep) Store *store = test_store();
        ListQuery query = { .owner = ME, .limit = 3 };
        uint64_t expected = 1;

        for (uint16_t i = 1; i <= 7; i++)
                (void) test_add(store, &(Addition){ .owner = ME, .port = i }, CHANGED);
        (void) test_revoke(store, ME, 4);
        for (unsigned page = 0; page < 2; page++) {
                _cleanup_(decision_list_done) DecisionList list = { 0 };

                ck_assert_int_eq(store_list(store, &query, &list), 0);
                ck_assert_uint_eq(list.n_items, 3);
                for (size_t i = 0; i < list.n_items; i++) {
                        expected += expected == 4;
                        ck_assert_uint_eq(list.items[i].id, expected++);
                }
                query.after = list.next;
                ck_assert_uint_eq(list.next, page == 0 ? 3 : 0);
        }
}
END_TEST

START_TEST(lists_are_narrowed) {
        static const struct {
                const char *host;
                uint16_t port;
                bool all;
                size_t n;
        } rows[] = {
                { NULL, 0, false, 3 },        { NULL, 0, true, 4 },   { HOST, 0, false, 2 },
                { HOST, 993, true, 2 },       { HOST, 143, true, 1 }, { NULL, 993, false, 2 },
                { "no.example", 0, true, 0 },
        };
        _cleanup_(store_freep) Store *store = test_store();

        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .port = 143 }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .host = "smtp.example.org" }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .name = "two" }, CHANGED);
        (void) test_revoke(store, ME, 4);
        (void) test_add(store, &(Addition){ .owner = OTHER }, CHANGED);

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_(decision_list_done) DecisionList list = { 0 };
                ListQuery query = { .owner = ME,
                                    .host = rows[i].host,
                                    .port = rows[i].port,
                                    .all = rows[i].all,
                                    .limit = 100 };

                ck_assert_int_eq(store_list(store, &query, &list), 0);
                ck_assert_uint_eq(list.n_items, rows[i].n);
                ck_assert_uint_eq(list.next, 0);
        }
}
END_TEST

START_TEST(history_tells_what_became_of_it) {
        static const HistoryKind kinds[] = { HISTORY_ALLOWED, HISTORY_REVOKED, HISTORY_DENIED,
                                             HISTORY_ENDED };
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(history_list_done) HistoryList all = { 0 }, page = { 0 }, of_one = { 0 };

        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .action = DECISION_DENY }, CHANGED);
        (void) test_end(store, ME, 2);
        (void) test_add(store, &(Addition){ .owner = OTHER }, CHANGED);

        ck_assert_int_eq(store_history(store, ME, 0, 0, 100, &all), 0);
        ck_assert_uint_eq(all.n_items, N_ELEMENTS(kinds));
        ck_assert_uint_eq(all.next, 0);
        for (size_t i = 0; i < all.n_items; i++) {
                ck_assert_uint_eq(all.items[i].number, i + 1);
                ck_assert_int_eq(all.items[i].kind, kinds[i]);
                ck_assert_int_eq(all.items[i].by, ME);
                ck_assert_str_eq(all.items[i].host, HOST);
                ck_assert_uint_eq(all.items[i].port, 993);
        }
        ck_assert_int_eq(all.items[3].time, DECIDED_AT + 10);
        ck_assert_int_eq(store_history(store, ME, 0, 1, 2, &page), 0);
        ck_assert_uint_eq(page.items[0].number, 2);
        ck_assert_uint_eq(page.next, 3);
        ck_assert_int_eq(store_history(store, ME, 2, 0, 100, &of_one), 0);
        ck_assert_uint_eq(of_one.n_items, 2);
}
END_TEST

START_TEST(many_changes_share_a_transaction_and_fail_alone) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(change_freep) Change *good = test_addition(&(Addition){ .owner = ME });
        _cleanup_(change_freep) Change *bad = test_addition(&(Addition){ .owner = OTHER });
        _cleanup_(change_freep) Change *unknown = NULL;
        _cleanup_(change_freep) Change *last = test_addition(&(Addition){ .owner = 1002 });
        Decision d;

        /* A worker that lies about a certificate's digest hurts nobody else. */
        bad->der[0] ^= 1;
        ck_assert_int_eq(change_new(CHANGE_REVOKE, ME, ME, DECIDED_AT, &unknown), 0);
        unknown->decision.id = 44;
        good->next = bad;
        bad->next = unknown;
        unknown->next = last;
        ck_assert_int_eq(store_apply(store, good), 0);
        good->next = bad->next = unknown->next = NULL;

        ck_assert_int_eq(good->error, 0);
        ck_assert_int_eq(good->result, CHANGED);
        ck_assert_int_eq(bad->error, -EINVAL);
        ck_assert_int_eq(unknown->result, CHANGE_UNKNOWN);
        ck_assert_int_eq(last->result, CHANGED);
        ck_assert_uint_eq(last->decision.change_number, 2);
        ck_assert_int_eq(store_get(store, OTHER, 1, &d), 0);
        ck_assert_int_eq(store_get(store, 1002, 1, &d), 1);
}
END_TEST

START_TEST(a_reader_does_not_wait_for_the_writer) {
        _cleanup_(store_freep) Store *store = test_store();
        Change *first = NULL, **end = &first;

        /* 500 changes in one transaction; the reader's view before and after is whole. */
        for (int64_t i = 0; i < 500; i++) {
                *end = test_addition(&(Addition){ .owner = 2000 + i });
                end = &(*end)->next;
        }
        ck_assert_uint_eq(test_count_found(store, 2000, HOST, 993, STATE_LIVE), 0);
        ck_assert_int_eq(store_apply(store, first), 0);
        ck_assert_uint_eq(test_count_found(store, 2499, HOST, 993, STATE_LIVE), 1);
        while (first) {
                Change *next = first->next;

                (void) change_free(first);
                first = next;
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store");
        TCase *tcase = tcase_create("store");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_test(tcase, an_added_exception_is_found_whole_after_reopening);
        tcase_add_test(tcase, the_same_decision_is_held_once);
        tcase_add_test(tcase, ids_are_per_owner_and_owners_are_apart);
        tcase_add_test(tcase, a_revoked_decision_is_not_found_and_never_revived);
        tcase_add_test(tcase, an_ended_decision_is_told_and_never_revived);
        tcase_add_loop_test(tcase, contrary_row, 0, N_ELEMENTS(contraries));
        tcase_add_test(tcase, another_user_name_makes_exceptions_unconfirmed);
        tcase_add_test(tcase, lists_come_in_pages_by_id);
        tcase_add_test(tcase, lists_are_narrowed);
        tcase_add_test(tcase, history_tells_what_became_of_it);
        tcase_add_test(tcase, many_changes_share_a_transaction_and_fail_alone);
        tcase_add_test(tcase, a_reader_does_not_wait_for_the_writer);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
