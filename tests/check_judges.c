/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges: workers that answer, die, spin and idle, and the questions of others meanwhile. This
 * program is its own worker.
 */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/authorities.h"
#include "daemon/limits.h"
#include "daemon/worker.h"
#include "tests/asking.h"

/* -- answers -------------------------------------------------------------------------------- */

START_TEST(a_question_is_answered) {
        _cleanup_(asked_done) Asked asked = {};

        ask_and_wait(ALICE, leaf, &asked);
        ck_assert_int_eq(asked.error, 0);
        ck_assert_uint_eq(asked.facts->problems, 0);
        ck_assert_str_eq(asked.facts->leaf->names[0], "mail.example.org");
        ck_assert_uint_eq(judges_count(judges), 1);
}
END_TEST

START_TEST(the_answer_is_that_of_the_code_in_process) {
        _cleanup_(authorities_freep) Authorities *authorities = NULL;
        _cleanup_(asked_done) Asked asked = {};
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        _cleanup_free_ uint8_t *here = NULL, *there = NULL;
        _cleanup_fd_ int fd = block_of(root);
        const Blob chain = pki_der(other_leaf);
        const Question question = {
                .endpoint = &endpoint,
                .chain = &chain,
                .n_chain = 1,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
        };
        size_t size_here, size_there;

        ask_and_wait(ALICE, other_leaf, &asked);
        ck_assert_uint_eq(asked.facts->problems, PROBLEM_NAME_MISMATCH);

        ck_assert_int_eq(authorities_open(fd, &authorities), 0);
        ck_assert_int_eq(problems_find(&question, authorities, &facts), 0);
        ck_assert_int_eq(facts_write(facts, &here, &size_here), 0);
        ck_assert_int_eq(facts_write(asked.facts, &there, &size_there), 0);
        ck_assert_uint_eq(size_here, size_there);
        ck_assert_mem_eq(here, there, size_here);
}
END_TEST

START_TEST(one_worker_answers_an_owner_in_order) {
        Asked asked[20] = {};
        pid_t pid;

        for (size_t i = 0; i < N_ELEMENTS(asked); i++)
                ask(ALICE, i % 2 ? leaf : other_leaf, &asked[i]);
        pid = judges_worker_pid(judges, ALICE);
        for (size_t i = 0; i < N_ELEMENTS(asked); i++) {
                wait_for(&asked[i]);
                ck_assert_int_eq(asked[i].error, 0);
                ck_assert_uint_eq(asked[i].order, n_answers);
                asked_done(&asked[i]);
        }
        ck_assert_int_eq(judges_worker_pid(judges, ALICE), pid);
        ck_assert_uint_eq(judges_count(judges), 1);
}
END_TEST

START_TEST(each_owner_has_a_worker) {
        _cleanup_(asked_done) Asked alice = {}, bob = {};

        ask(ALICE, leaf, &alice);
        ask(BOB, leaf, &bob);
        wait_for(&alice);
        wait_for(&bob);
        ck_assert_uint_eq(judges_count(judges), 2);
        ck_assert_int_ne(judges_worker_pid(judges, ALICE), judges_worker_pid(judges, BOB));
}
END_TEST

/* -- one that nobody has asked for yet ------------------------------------------------------- */

/* The judges know the block @fd from now on. */
static void prepare(int fd) {
        ck_assert_int_eq(judges_prepare(judges, fd), 0);
        judges_set_authorities(judges, dup(fd));
        ck_assert_int_gt(judges_spare_pid(judges), 0);
}

static void wait_until_it_is_gone(void) {
        while (judges_spare_pid(judges) > 0)
                turn();
}

START_TEST(a_worker_that_is_there_already_is_the_first_owner_s) {
        _cleanup_(asked_done) Asked alice = {}, bob = {};
        _cleanup_fd_ int fd = block_of(root);
        pid_t pid;

        prepare(fd);
        pid = judges_spare_pid(judges);
        ask_and_wait(ALICE, leaf, &alice);
        ck_assert_int_eq(alice.error, 0);
        ck_assert_uint_eq(alice.facts->problems, 0);
        ck_assert_int_eq(judges_worker_pid(judges, ALICE), pid);
        ck_assert_int_eq(judges_spare_pid(judges), 0);
        ask_and_wait(BOB, leaf, &bob);
        ck_assert_int_ne(judges_worker_pid(judges, BOB), pid);
}
END_TEST

START_TEST(one_with_other_authorities_is_nobody_s) {
        _cleanup_(asked_done) Asked asked = {};
        _cleanup_fd_ int fd = block_of(NULL);
        pid_t pid;

        prepare(fd);
        pid = judges_spare_pid(judges);
        judges_set_authorities(judges, block_of(root));
        ask_and_wait(ALICE, leaf, &asked);
        ck_assert_uint_eq(asked.facts->problems, 0);
        ck_assert_int_ne(judges_worker_pid(judges, ALICE), pid);
        ck_assert_int_eq(judges_spare_pid(judges), 0);
}
END_TEST

START_TEST(one_that_has_died_is_not_asked) {
        _cleanup_(asked_done) Asked asked = {};
        _cleanup_fd_ int fd = block_of(root);

        prepare(fd);
        ck_assert_int_eq(kill(judges_spare_pid(judges), SIGKILL), 0);
        wait_until_it_is_gone();
        ask_and_wait(ALICE, leaf, &asked);
        ck_assert_int_eq(asked.error, 0);
}
END_TEST

START_TEST(one_that_nobody_wants_goes) {
        _cleanup_fd_ int fd = block_of(root);

        limit(LONG_USEC, 1000);
        prepare(fd);
        wait_until_it_is_gone();
}
END_TEST

/* -- large questions -------------------------------------------------------------------------- */

static Pki *big_certificate(size_t extension_size) {
        _cleanup_free_ uint8_t *bytes = calloc(1, extension_size);
        const PkiExtension extension = { .oid = "1.3.6.1.4.1.99999.1", .der = bytes,
                                         .size = extension_size };

        ck_assert_ptr_nonnull(bytes);
        return pki_new(&(PkiSpec) { .issuer = root, .name = "mail.example.org",
                                    .extensions = &extension, .n_extensions = 1 });
}

/* As large as a question can be; it does not fit the socket at once. */
START_TEST(the_largest_question_is_answered_and_one_past_it_refused) {
        _cleanup_(pki_freep) Pki *big = big_certificate(CERTIFICATE_BYTES_MAX - 2000);
        _cleanup_free_ uint8_t *filler = calloc(1, CERTIFICATE_BYTES_MAX);
        _cleanup_(asked_done) Asked asked = {}, refused = {};
        Blob chain[5];
        Question question = { .endpoint = &endpoint, .chain = chain, .now = PKI_NOW };
        size_t left = CHAIN_BYTES_MAX;

        ck_assert_ptr_nonnull(filler);
        chain[0] = pki_der(big);
        ck_assert_uint_le(chain[0].size, CERTIFICATE_BYTES_MAX);
        for (size_t i = 0; i < N_ELEMENTS(chain); i++) {
                size_t size = left < CERTIFICATE_BYTES_MAX ? left : CERTIFICATE_BYTES_MAX;

                if (i > 0)
                        chain[i] = (Blob) { filler, size };
                left -= chain[i].size;
        }
        ck_assert_uint_eq(left, 0);
        question.n_chain = N_ELEMENTS(chain);
        question.staple = (Blob) { filler, STAPLE_BYTES_MAX };
        ck_assert_int_eq(judges_ask(judges, ALICE, &question, on_done, &asked, &asked.call), 0);
        wait_for(&asked);
        ck_assert_int_eq(asked.error, 0);

        question.staple.size++;
        ck_assert_int_eq(judges_ask(judges, ALICE, &question, on_done, &refused, &refused.call),
                         -EINVAL);
        question.staple.size--;
        chain[4].size++;
        ck_assert_int_eq(judges_ask(judges, ALICE, &question, on_done, &refused, &refused.call),
                         -EINVAL);
}
END_TEST

START_TEST(rubbish_is_malformed) {
        static const char text[] = "-----BEGIN CERTIFICATE-----";
        const Blob chain = { (const uint8_t *) text, sizeof(text) };
        const Question question = { .endpoint = &endpoint, .chain = &chain, .n_chain = 1,
                                    .now = PKI_NOW };
        _cleanup_(asked_done) Asked asked = {}, empty = {};

        ck_assert_int_eq(judges_ask(judges, ALICE, &question, on_done, &asked, &asked.call), 0);
        wait_for(&asked);
        ck_assert_int_eq(asked.error, 0);
        ck_assert_uint_ne(asked.facts->problems & PROBLEM_MALFORMED, 0);

        ask_and_wait(ALICE, NULL, &empty);
        ck_assert_int_eq(empty.error, 0);
        ck_assert_uint_ne(empty.facts->problems & PROBLEM_MALFORMED, 0);
}
END_TEST

/* -- death and overrun ---------------------------------------------------------------------- */

static Pki *faulty(const char *subject) {
        return pki_new(&(PkiSpec) { .subject = subject, .name = "mail.example.org" });
}

START_TEST(a_crash_costs_one_question) {
        _cleanup_(pki_freep) Pki *crash = faulty("certexc-test-crash");
        _cleanup_(asked_done) Asked first = {}, crashed = {}, next = {}, bob = {};

        ask_and_wait(BOB, leaf, &bob);
        ask(ALICE, leaf, &first);
        ask(ALICE, crash, &crashed);
        ask(ALICE, leaf, &next);
        wait_for(&next);
        ck_assert_int_eq(first.error, 0);
        ck_assert_int_eq(crashed.error, -EPIPE);
        ck_assert_int_eq(next.error, 0);
        ck_assert_uint_eq(next.facts->problems, 0);
        ck_assert_uint_eq(judges_count(judges), 2);
}
END_TEST

START_TEST(a_killed_worker_costs_one_question) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked first = {}, killed = {}, next = {};
        pid_t pid;

        ask_and_wait(ALICE, leaf, &first);
        ask(ALICE, spin, &killed);
        ask(ALICE, leaf, &next);
        pid = judges_worker_pid(judges, ALICE);
        kill_worker(ALICE);

        wait_for(&next);
        ck_assert_int_eq(killed.error, -EPIPE);
        ck_assert_int_eq(next.error, 0);
        ck_assert_int_ne(judges_worker_pid(judges, ALICE), pid);
}
END_TEST

START_TEST(a_worker_that_dies_idle_costs_nothing) {
        _cleanup_(asked_done) Asked first = {}, next = {};

        ask_and_wait(ALICE, leaf, &first);
        kill_worker(ALICE);
        while (judges_count(judges) > 0)
                turn();
        ask_and_wait(ALICE, leaf, &next);
        ck_assert_int_eq(next.error, 0);
}
END_TEST

START_TEST(a_chain_that_spins_holds_up_nobody_else) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked spun = {}, bob = {};

        ck_assert_int_eq(setenv("CERTEXC_TEST_JUDGE_CPU_MSEC", "60000", 1), 0);
        limit(LONG_USEC, LONG_USEC);
        ask(ALICE, spin, &spun);
        ask_and_wait(BOB, leaf, &bob);
        ck_assert_int_eq(bob.error, 0);
        ck_assert_uint_eq(spun.order, 0);
        ck_assert_ptr_null(judge_call_free(spun.call));
}
END_TEST

START_TEST(a_chain_that_spins_ends) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked spun = {}, next = {};

        limit(200000, LONG_USEC);
        ask(ALICE, spin, &spun);
        limit(LONG_USEC, LONG_USEC);
        ask(ALICE, leaf, &next);
        wait_for(&spun);
        ck_assert_int_eq(spun.error, -ETIMEDOUT);
        wait_for(&next);
        ck_assert_int_eq(next.error, 0);
}
END_TEST

START_TEST(processor_time_is_bounded_from_inside) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked spun = {}, next = {};

        ck_assert_int_eq(setenv("CERTEXC_TEST_JUDGE_CPU_MSEC", "100", 1), 0);
        limit(LONG_USEC, LONG_USEC);
        ask_and_wait(ALICE, spin, &spun);
        ck_assert_int_eq(spun.error, -EPIPE);
        ask_and_wait(ALICE, leaf, &next);
        ck_assert_int_eq(next.error, 0);
}
END_TEST

/* -- bounds --------------------------------------------------------------------------------- */

START_TEST(the_queue_at_its_bound_and_one_past_it) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked spun = {}, refused = {}, bob = {};
        Asked waiting[JUDGE_QUEUE_MAX] = {};

        limit(500000, LONG_USEC);
        ask(ALICE, spin, &spun);
        limit(LONG_USEC, LONG_USEC);
        for (size_t i = 0; i < N_ELEMENTS(waiting); i++)
                ask(ALICE, leaf, &waiting[i]);
        ck_assert_int_eq(try_ask(ALICE, leaf, &refused), -EBUSY);
        ask_and_wait(BOB, leaf, &bob);
        ck_assert_int_eq(bob.error, 0);

        for (size_t i = 0; i < N_ELEMENTS(waiting); i++) {
                wait_for(&waiting[i]);
                ck_assert_int_eq(waiting[i].error, 0);
                asked_done(&waiting[i]);
        }
        ck_assert_int_eq(spun.error, -ETIMEDOUT);
        ask_and_wait(ALICE, leaf, &refused);
}
END_TEST

START_TEST(as_many_workers_as_allowed_then_the_longest_idle_goes) {
        Asked asked[JUDGES_MAX + 1] = {};
        _cleanup_(asked_done) Asked again = {};
        pid_t first;

        for (size_t i = 0; i < JUDGES_MAX; i++)
                ask_and_wait((uid_t) (ALICE + i), leaf, &asked[i]);
        ck_assert_uint_eq(judges_count(judges), JUDGES_MAX);
        first = judges_worker_pid(judges, ALICE);
        ask_and_wait(ALICE, leaf, &again); /* so that the second is used longest ago */

        ask_and_wait(ALICE + JUDGES_MAX, leaf, &asked[JUDGES_MAX]);
        ck_assert_uint_eq(judges_count(judges), JUDGES_MAX);
        ck_assert_int_eq(judges_worker_pid(judges, ALICE), first);
        ck_assert_int_eq(judges_worker_pid(judges, ALICE + 1), 0);
        for (size_t i = 0; i < N_ELEMENTS(asked); i++) {
                ck_assert_int_eq(asked[i].error, 0);
                asked_done(&asked[i]);
        }
}
END_TEST

START_TEST(with_all_at_work_another_owner_is_refused) {
        Asked asked[JUDGES_MAX] = {};
        Asked refused = {};

        judges_set_authorities(judges, -1); /* so that nobody can finish */
        for (size_t i = 0; i < JUDGES_MAX; i++)
                ask((uid_t) (ALICE + i), leaf, &asked[i]);
        ck_assert_int_eq(try_ask(ALICE + JUDGES_MAX, leaf, &refused), -EBUSY);

        ck_assert_ptr_null(judge_call_free(asked[7].call));
        ask(ALICE + JUDGES_MAX, leaf, &refused);
        ck_assert_uint_eq(judges_count(judges), 0);
        ck_assert_ptr_null(judge_call_free(refused.call));
        for (size_t i = 0; i < JUDGES_MAX; i++)
                if (i != 7)
                        ck_assert_ptr_null(judge_call_free(asked[i].call));
}
END_TEST

START_TEST(an_idle_worker_goes) {
        _cleanup_(asked_done) Asked asked = {}, again = {};

        limit(LONG_USEC, 1000);
        ask_and_wait(ALICE, leaf, &asked);
        while (judges_count(judges) > 0)
                turn();
        ask_and_wait(ALICE, leaf, &again);
        ck_assert_int_eq(again.error, 0);
}
END_TEST

/* -- cancelling ----------------------------------------------------------------------------- */

START_TEST(a_cancelled_question_has_no_answer) {
        _cleanup_(asked_done) Asked first = {}, current = {}, queued = {}, last = {};

        ask_and_wait(ALICE, leaf, &first);
        ask(ALICE, other_leaf, &current);
        ask(ALICE, other_leaf, &queued);
        ask(ALICE, leaf, &last);
        ck_assert_ptr_null(judge_call_free(queued.call));
        ck_assert_ptr_null(judge_call_free(current.call));
        wait_for(&last);
        ck_assert_int_eq(last.error, 0);
        ck_assert_uint_eq(last.facts->problems, 0);
        ck_assert_uint_eq(current.order, 0);
        ck_assert_uint_eq(queued.order, 0);
        ck_assert_ptr_null(judge_call_free(NULL));
}
END_TEST

/* It has failed, but its asker has not heard of it yet. */
START_TEST(a_failed_question_can_be_cancelled) {
        _cleanup_(asked_done) Asked first = {}, killed = {};

        ask_and_wait(ALICE, leaf, &first);
        ask(ALICE, leaf, &killed);
        kill_worker(ALICE);
        while (judges_count(judges) > 0)
                turn();
        if (killed.order == 0)
                ck_assert_ptr_null(judge_call_free(killed.call));
        ck_assert_uint_le(killed.order, 2);
}
END_TEST

static Asked second;

static void ask_another(JudgeCall *call, int error, Facts *facts, void *userdata) {
        ck_assert_int_eq(error, 0);
        *(bool *) userdata = true;
        ask(ALICE, leaf, &second);
}

START_TEST(the_answer_may_ask_again) {
        const Blob chain = pki_der(leaf);
        const Question question = { .endpoint = &endpoint, .chain = &chain, .n_chain = 1,
                                    .now = PKI_NOW, .checks = CHECK_ALL };
        bool called = false;
        JudgeCall *call;

        ck_assert_int_eq(judges_ask(judges, ALICE, &question, ask_another, &called, &call), 0);
        wait_for(&second);
        ck_assert(called);
        ck_assert_int_eq(second.error, 0);
        asked_done(&second);
}
END_TEST

/* -- authorities ---------------------------------------------------------------------------- */

START_TEST(questions_wait_for_the_authorities) {
        _cleanup_(asked_done) Asked asked = {};

        judges_set_authorities(judges, -1);
        ask(ALICE, leaf, &asked);
        ck_assert_int_eq(sd_event_run(event, 0), 0);
        ck_assert_uint_eq(judges_count(judges), 0);
        judges_set_authorities(judges, block_of(root));
        wait_for(&asked);
        ck_assert_uint_eq(asked.facts->problems, 0);
}
END_TEST

START_TEST(new_authorities_hold_for_every_later_question) {
        _cleanup_(asked_done) Asked before = {}, during = {}, queued = {}, after = {};
        pid_t old;

        ask_and_wait(ALICE, leaf, &before);
        ck_assert_uint_eq(before.facts->problems, 0);
        old = judges_worker_pid(judges, ALICE);

        ask(ALICE, leaf, &during);
        ask(ALICE, leaf, &queued);
        judges_set_authorities(judges, block_of(NULL));
        wait_for(&queued);
        /* The worker with the old block finished its chain; its successor took the next one. */
        ck_assert_uint_eq(during.facts->problems, 0);
        ck_assert_uint_ne(queued.facts->problems & PROBLEM_UNKNOWN_ISSUER, 0);
        ck_assert_int_ne(judges_worker_pid(judges, ALICE), old);

        judges_set_authorities(judges, block_of(root)); /* while it is idle */
        ck_assert_uint_eq(judges_count(judges), 0);
        ask_and_wait(ALICE, leaf, &after);
        ck_assert_uint_eq(after.facts->problems, 0);
}
END_TEST

/* How long a worker is stopped, twice as long as it may work. */
#define KEPT_USEC UINT64_C(400000)

/* Any work at all is too much beside others. */
static void let_nobody_work(void) {
        judges_set_limits(judges, &(JudgeLimits){ .wall_usec = LONG_USEC, .idle_usec = LONG_USEC,
                                                  .pace = { 0, LONG_USEC, UINT64_MAX } });
}

START_TEST(a_busy_judge_rests_while_others_ask) {
        _cleanup_(asked_done) Asked asked = {}, next = {}, bob = {};

        let_nobody_work();
        ask_and_wait(BOB, leaf, &bob);
        ask_and_wait(ALICE, leaf, &asked);
        ask(ALICE, leaf, &next);
        while (sd_event_run(event, 100000) > 0)
                ck_assert_uint_eq(next.order, 0);

        /* It is looked at again when the others may have left. */
        turns_usec += TURNS_CROWD_USEC + 1;
        wait_for(&next);
        ck_assert_int_eq(next.error, 0);
}
END_TEST

START_TEST(a_judge_that_is_kept_from_the_processor_owes_nothing_for_it) {
        _cleanup_(asked_done) Asked before = {}, during = {}, after = {}, bob = {};
        uint64_t begin, now;
        pid_t worker;

        judges_set_limits(judges, &(JudgeLimits){ .wall_usec = LONG_USEC, .idle_usec = LONG_USEC,
                                                  .pace = { KEPT_USEC / 2, LONG_USEC, UINT64_MAX } });
        ask_and_wait(BOB, leaf, &bob);
        ask_and_wait(ALICE, leaf, &before);
        worker = judges_worker_pid(judges, ALICE);
        ck_assert_int_eq(kill(worker, SIGSTOP), 0);
        ask(ALICE, leaf, &during);
        ck_assert_int_ge(sd_event_now(event, CLOCK_MONOTONIC, &begin), 0);
        do {
                (void) sd_event_run(event, KEPT_USEC);
                ck_assert_int_ge(sd_event_now(event, CLOCK_MONOTONIC, &now), 0);
        } while (now - begin < KEPT_USEC);
        ck_assert_uint_eq(during.order, 0);
        ck_assert_int_eq(kill(worker, SIGCONT), 0);
        wait_for(&during);

        ask(ALICE, leaf, &after);
        while (after.order == 0)
                ck_assert_int_gt(sd_event_run(event, TURNS_CROWD_USEC / 2), 0);
        ck_assert_int_eq(after.error, 0);
}
END_TEST

START_TEST(a_judge_that_nobody_else_needs_does_not_rest) {
        _cleanup_(asked_done) Asked asked = {}, next = {};

        let_nobody_work();
        ask_and_wait(ALICE, leaf, &asked);
        ask_and_wait(ALICE, leaf, &next);
        ck_assert_int_eq(next.error, 0);
}
END_TEST

int main(int argc, char *argv[]) {
        Suite *suite;
        TCase *tcase;
        SRunner *runner;
        int n_failed;

        n_failed = worker_dispatch(argc, argv);
        if (n_failed >= 0)
                return n_failed;

        suite = suite_create("judges");
        tcase = tcase_create("judges");
        runner = srunner_create(suite);
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, asking_set_up, asking_tear_down);
        tcase_add_test(tcase, a_question_is_answered);
        tcase_add_test(tcase, the_answer_is_that_of_the_code_in_process);
        tcase_add_test(tcase, one_worker_answers_an_owner_in_order);
        tcase_add_test(tcase, each_owner_has_a_worker);
        tcase_add_test(tcase, a_worker_that_is_there_already_is_the_first_owner_s);
        tcase_add_test(tcase, one_with_other_authorities_is_nobody_s);
        tcase_add_test(tcase, one_that_has_died_is_not_asked);
        tcase_add_test(tcase, one_that_nobody_wants_goes);
        tcase_add_test(tcase, the_largest_question_is_answered_and_one_past_it_refused);
        tcase_add_test(tcase, rubbish_is_malformed);
        tcase_add_test(tcase, a_crash_costs_one_question);
        tcase_add_test(tcase, a_killed_worker_costs_one_question);
        tcase_add_test(tcase, a_worker_that_dies_idle_costs_nothing);
        tcase_add_test(tcase, a_chain_that_spins_holds_up_nobody_else);
        tcase_add_test(tcase, a_chain_that_spins_ends);
        tcase_add_test(tcase, processor_time_is_bounded_from_inside);
        tcase_add_test(tcase, the_queue_at_its_bound_and_one_past_it);
        tcase_add_test(tcase, as_many_workers_as_allowed_then_the_longest_idle_goes);
        tcase_add_test(tcase, with_all_at_work_another_owner_is_refused);
        tcase_add_test(tcase, an_idle_worker_goes);
        tcase_add_test(tcase, a_cancelled_question_has_no_answer);
        tcase_add_test(tcase, a_failed_question_can_be_cancelled);
        tcase_add_test(tcase, the_answer_may_ask_again);
        tcase_add_test(tcase, questions_wait_for_the_authorities);
        tcase_add_test(tcase, new_authorities_hold_for_every_later_question);
        tcase_add_test(tcase, a_busy_judge_rests_while_others_ask);
        tcase_add_test(tcase, a_judge_that_is_kept_from_the_processor_owes_nothing_for_it);
        tcase_add_test(tcase, a_judge_that_nobody_else_needs_does_not_rest);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
