/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests against a whole manager in the same process: when the answer comes, and who may leave
 * when. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/commits.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/mender.h"
#include "daemon/problems.h"
#include "daemon/store.h"
#include "daemon/worker.h"
#include "tests/door.h"
#include "tests/pki.h"

START_TEST(test_answer_at_once) {
        _cleanup_(door_done) Door door = {};

        ck_assert_ptr_null(start("org.certexc1.GetStatus", "{}", &door));
        ck_assert_msg(door.n == 1 && door.finished && !door.error, "answered before it returned");
}
END_TEST

static const struct {
        const char *sentence;
        const char *method;
} unknown[] = {
        { "no such method", "org.certexc1.Allow" },
        { "the beginning of one", "org.certexc1.Ver" },
        { "one and more", "org.certexc1.Verifyx" },
        { "another interface", "org.certexc2.Verify" },
        { "an interface alone", "org.certexc1." },
        { "a method alone", "Verify" },
        { "nothing", "" },
};

START_TEST(test_unknown_method) {
        _cleanup_(door_done) Door door = {};
        int r = 0;

        ck_assert_ptr_null(start_with(unknown[_i].method, "{}", false, &door, &r));
        ck_assert_msg(r == -ENOENT, "%s: %d", unknown[_i].sentence, r);
        ck_assert_msg(door.n == 0, "%s: the door says so itself", unknown[_i].sentence);
}
END_TEST

START_TEST(test_needs_more) {
        _cleanup_(door_done) Door door = {};

        ck_assert(request_method_needs_more("Monitor"));
        ck_assert(!request_method_needs_more("Verify"));
        ck_assert(!request_method_needs_more("ListExceptions"));
        ck_assert(!request_method_needs_more("Nothing"));
        ck_assert_ptr_null(start("org.certexc1.Monitor", "{}", &door));
        ck_assert_str_eq(door.error, "org.varlink.service.ExpectedMore");
}
END_TEST

START_TEST(test_cancel_the_judge) {
        _cleanup_(door_done) Door cancelled = {}, door = {};
        Request *request;

        request = start("org.certexc1.Verify", with(VERIFY, bad), &cancelled);
        ck_assert_ptr_nonnull(request);
        ck_assert_ptr_null(request_free(request));

        ck_assert_ptr_nonnull(start("org.certexc1.Verify", with(VERIFY, bad), &door));
        wait_for(&door);
        ck_assert_str_eq(at(&door, "verdict"), "prompt");
        ck_assert_msg(cancelled.n == 0, "who left is not answered");
        ck_assert_ptr_null(request_free(NULL));
}
END_TEST

/* Certificates wait for the judge behind others: what it found may be over when they are answered. */
START_TEST(test_the_world_changes_while_it_is_judged) {
        _cleanup_(door_done) Door late = {}, strict = {}, door = {};

        (void) start("org.certexc1.Verify", with(VERIFY, good), &late);
#ifdef CERTEXC_TESTING
        manager_replace_clock(PKI_NOT_AFTER + 1);
#endif
        wait_for(&late);
        ck_assert_str_eq(at(&late, "verdict"), "prompt");
        ck_assert_msg(strstr(at(&late, "problems"), "\"expired\""), "%s", at(&late, "problems"));

        manager->conf.checks ^= CHECK_WEAK_SIGNATURES;
        (void) start("org.certexc1.Verify", with(VERIFY_AT_143, good), &strict);
        manager->conf.checks ^= CHECK_WEAK_SIGNATURES;
        wait_for(&strict);
        ck_assert_ptr_null(strict.error);
        ck_assert_msg(!start("org.certexc1.Verify", with(VERIFY_AT_143, good), &door),
                      "it was judged again as it is configured now, and that is remembered");
}
END_TEST

START_TEST(test_known_chain_is_answered_at_once) {
        _cleanup_(door_done) Door first = {}, second = {};

        (void) start("org.certexc1.Verify", with(VERIFY, good), &first);
        wait_for(&first);
        ck_assert_ptr_null(start("org.certexc1.Verify", with(VERIFY, good), &second));
        ck_assert_str_eq(at(&second, "verdict"), "accept");
}
END_TEST

START_TEST(test_leave_while_it_is_stored) {
        _cleanup_(door_done) Door first = {}, named = {}, leaving = {};
        uint64_t generation = store_generation(manager->store);
        size_t n_listed;
        Request *request;

        (void) start("org.certexc1.Verify", with(VERIFY, bad), &first);
        wait_for(&first);
        /* What waits for the user database is not on its way to the store yet. */
        (void) start("org.certexc1.AddException", "{}", &named);
        wait_for(&named);
        request = start("org.certexc1.AddException", with(ADD, bad), &leaving);
        ck_assert_ptr_nonnull(request);
        (void) request_free(request);
        /* The owner's name is a change as well. */
        do {
                _cleanup_(door_done) Door list = {};
                struct json_object *items = NULL;

                wait_for_store(generation);
                generation = store_generation(manager->store);
                (void) start("org.certexc1.ListExceptions", "{}", &list);
                ck_assert(json_object_object_get_ex(list.last, "exceptions", &items));
                n_listed = json_object_array_length(items);
        } while (n_listed == 0);
        ck_assert_uint_eq(n_listed, 1);
        commits_dispatch(manager->commits);
        ck_assert_msg(leaving.n == 0, "who left is not answered, but the change stays");
}
END_TEST

START_TEST(test_answer_comes_after_the_commit) {
        _cleanup_(door_done) Door first = {}, door = {};
        uint64_t generation = store_generation(manager->store);

        (void) start("org.certexc1.Verify", with(VERIFY, bad), &first);
        wait_for(&first);
        (void) start("org.certexc1.AddException", with(ADD, bad), &door);
        ck_assert_msg(!door.finished, "not before");
        wait_for(&door);
        ck_assert_ptr_null(door.error);
        ck_assert_uint_gt(store_generation(manager->store), generation);
}
END_TEST

START_TEST(test_pages_wait_for_room) {
        _cleanup_(door_done) Door door = {}, gone = {};
        Request *request;

        for (uint16_t port = 1; port <= 2 * LIST_PAGE_MAX + 1; port++)
                store_exception(caller.uid, port, NULL);

        request = start_with("org.certexc1.ListExceptions", "{}", true, &door, NULL);
        ck_assert_msg(door.n == 1 && !door.finished, "one page");
        request_resume(request);
        ck_assert_msg(door.n == 2 && !door.finished, "and one more when there is room");
        ck_assert_str_eq(at(&door, "next"), "200");
        request_resume(request);
        ck_assert_msg(door.n == 3 && door.finished, "and the last");
        ck_assert_str_eq(at(&door, "next"), "");

        request = start_with("org.certexc1.ListExceptions", "{}", true, &gone, NULL);
        (void) request_free(request);
        ck_assert_msg(gone.n == 1, "who leaves gets no more");
}
END_TEST

START_TEST(test_resume_disturbs_nobody) {
        _cleanup_(door_done) Door monitor = {}, verify = {};
        Request *listening, *asking;

        listening = start_with("org.certexc1.Monitor", "{}", true, &monitor, NULL);
        request_resume(listening);
        ck_assert_uint_eq(monitor.n, 1);
        asking = start("org.certexc1.Verify", with(VERIFY, bad), &verify);
        request_resume(asking);
        wait_for(&verify);
        (void) request_free(listening);
}
END_TEST

/* The teardown ends the manager before the committing thread was heard of. */
START_TEST(test_end_while_mending_begins) {
        ck_assert_int_eq(mender_start(manager->mender, -EUCLEAN), 0);
}
END_TEST

int main(int argc, char **argv) {
        Suite *suite = suite_create("request");
        TCase *tcase = tcase_create("request");
        SRunner *runner;
        int failed;

        /* The workers are this program again, as they are the daemon's. */
        failed = worker_dispatch(argc, argv);
        if (failed >= 0)
                return failed;
#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: built without --enable-testing\n", stderr);
        return 77;
#endif
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 300);
        tcase_add_test(tcase, test_answer_at_once);
        tcase_add_loop_test(tcase, test_unknown_method, 0, (int) N_ELEMENTS(unknown));
        tcase_add_test(tcase, test_needs_more);
        tcase_add_test(tcase, test_cancel_the_judge);
        tcase_add_test(tcase, test_the_world_changes_while_it_is_judged);
        tcase_add_test(tcase, test_known_chain_is_answered_at_once);
        tcase_add_test(tcase, test_leave_while_it_is_stored);
        tcase_add_test(tcase, test_answer_comes_after_the_commit);
        tcase_add_test(tcase, test_pages_wait_for_room);
        tcase_add_test(tcase, test_resume_disturbs_nobody);
        tcase_add_test(tcase, test_end_while_mending_begins);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

