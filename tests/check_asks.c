/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ask and its agents against a whole manager in the same process: what changes, and who leaves, between
 * what was shown and what is stored. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/store.h"
#include "daemon/worker.h"
#include "tests/door.h"
#include "tests/pki.h"

/* Turns the loop until @n answers came through @door. */
static void wait_for_answers(const Door *door, unsigned n) {
        while (door->n < n)
                ck_assert_int_gt(manager_step(manager, UINT64_MAX), 0);
}

static Request *become_agent(Door *door) {
        Request *agent = start_with("org.certexc1.RegisterAgent", "{}", true, door, NULL);

        ck_assert_ptr_nonnull(agent);
        ck_assert_str_eq(at(door, "event"), "ready");
        return agent;
}

/* Parameters that answer what @agent was given last; valid until the next call. */
static const char *answer_to(const Door *agent, const char *choice) {
        static char text[512];

        (void) snprintf(text, sizeof(text),
                        "{\"number\":%s,\"shown_sha256\":\"%s\",\"choice\":\"%s\"}",
                        at(agent, "number"), at(agent, "shown_sha256"), choice);
        return text;
}

/* Consent is to what was shown. */
START_TEST(test_problems_change) {
        _cleanup_(door_done) Door shown = {}, asked = {}, refused = {}, allowed = {};
        Request *agent = become_agent(&shown);
        char first[32];

        (void) start("org.certexc1.Ask", with(VERIFY, bad), &asked);
        wait_for_answers(&shown, 2);
        ck_assert_str_eq(at(&shown, "event"), "prompt");
        (void) snprintf(first, sizeof(first), "%s", at(&shown, "number"));
#ifdef CERTEXC_TESTING
        manager_replace_clock(PKI_NOT_AFTER + 1);
#endif
        (void) start("org.certexc1.AnswerPrompt", answer_to(&shown, "allow"), &refused);
        wait_for(&refused);
        ck_assert_str_eq(refused.error, "org.certexc1.ProblemsChanged");
        ck_assert_msg(!asked.finished, "nobody was let through");

        /* Who waits is asked about what holds now, and that can be agreed to. */
        wait_for_answers(&shown, 4); /* after the word that the first one is over */
        ck_assert_str_eq(at(&shown, "event"), "prompt");
        ck_assert_str_ne(at(&shown, "number"), first);
        ck_assert_msg(strstr(at(&shown, "shown"), "\"expired\""), "%s", at(&shown, "shown"));
        (void) start("org.certexc1.AnswerPrompt", answer_to(&shown, "allow"), &allowed);
        wait_for(&allowed);
        ck_assert_ptr_null(allowed.error);
        wait_for(&asked);
        ck_assert_str_eq(at(&asked, "verdict"), "accept");
        ck_assert_ptr_null(request_free(agent));
}
END_TEST

/* The answer arrives in the store although who sent it was killed. */
START_TEST(test_answerer_leaves) {
        _cleanup_(door_done) Door shown = {}, asked = {}, left = {};
        Request *agent = become_agent(&shown), *answer;

        (void) start("org.certexc1.Ask", with(VERIFY, bad), &asked);
        wait_for_answers(&shown, 2);
        answer = start("org.certexc1.AnswerPrompt", answer_to(&shown, "allow"), &left);
        ck_assert_ptr_nonnull(answer);
        ck_assert_ptr_null(request_free(answer));
        wait_for(&asked);
        ck_assert_str_eq(at(&asked, "verdict"), "accept");
        ck_assert_msg(left.n == 0, "who left is not answered");
        ck_assert_ptr_null(request_free(agent));
}
END_TEST

/* Both at once, as with kill -9: the change is made, and nobody waits for ever. */
START_TEST(test_agent_and_answerer_leave) {
        _cleanup_(door_done) Door shown = {}, asked = {}, left = {}, again = {};
        uint64_t generation = store_generation(manager->store);
        Request *agent = become_agent(&shown), *answer;

        (void) start("org.certexc1.Ask", with(VERIFY, bad), &asked);
        wait_for_answers(&shown, 2);
        answer = start("org.certexc1.AnswerPrompt", answer_to(&shown, "allow"), &left);
        ck_assert_ptr_null(request_free(agent));
        ck_assert_ptr_null(request_free(answer));
        wait_for(&asked);
        wait_for_store(generation);
        finish_commits();
        (void) start("org.certexc1.Ask", with(VERIFY, bad), &again);
        wait_for(&again);
        ck_assert_str_eq(at(&again, "verdict"), "accept");
}
END_TEST

/* Who waits leaves while its answer is on the way, and when it is about to be judged anew. */
START_TEST(test_asker_leaves) {
        _cleanup_(door_done) Door shown = {}, first = {}, second = {}, allowed = {};
        Request *agent = become_agent(&shown), *leaver, *late;

        leaver = start("org.certexc1.Ask", with(VERIFY, bad), &first);
        wait_for_answers(&shown, 2);
        late = start("org.certexc1.Ask", with(VERIFY, bad), &second);
        (void) start("org.certexc1.AnswerPrompt", answer_to(&shown, "allow"), &allowed);
        ck_assert_ptr_null(request_free(leaver));
        wait_for(&allowed);
        ck_assert_ptr_null(allowed.error);
        ck_assert_ptr_null(request_free(late));
        wait_for_answers(&shown, 3);
        ck_assert_str_eq(at(&shown, "event"), "over");
        ck_assert_uint_eq(first.n + second.n, 0);
        ck_assert_ptr_null(request_free(agent));
}
END_TEST

/* Where nobody may make exceptions nobody is asked for one. */
START_TEST(test_user_exceptions) {
        _cleanup_(door_done) Door shown = {}, asked = {};
        Request *agent = become_agent(&shown);

        manager->conf.user_exceptions = false;
        (void) start("org.certexc1.Ask", with(VERIFY, bad), &asked);
        wait_for(&asked);
        ck_assert_msg(!asked.error, "%s", asked.error);
        ck_assert_str_eq(at(&asked, "verdict"), "prompt");
        ck_assert_str_eq(at(&asked, "asked"), "not-allowed");
        ck_assert_uint_eq(shown.n, 1);
        ck_assert_ptr_null(request_free(agent));
}
END_TEST

int main(int argc, char **argv) {
        Suite *suite = suite_create("asks");
        TCase *tcase = tcase_create("asks");
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
        tcase_add_test(tcase, test_problems_change);
        tcase_add_test(tcase, test_answerer_leaves);
        tcase_add_test(tcase, test_agent_and_answerer_leave);
        tcase_add_test(tcase, test_asker_leaves);
        tcase_add_test(tcase, test_user_exceptions);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
