/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library against the real daemon. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/live.h"

#define STRANGER 54321

START_TEST(the_main_job) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, server, PORT);
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL, *again = NULL, *gone = NULL;
        const certexc_certificate *leaf = certexc_answer_leaf(answer);
        bool self_signed = false;

        ck_assert_int_eq(certexc_answer_verdict(answer), CERTEXC_PROMPT);
        ck_assert_str_eq(certexc_answer_because(answer), "no-exception");
        for (size_t i = 0; i < certexc_answer_n_problems(answer); i++)
                self_signed |= strcmp(certexc_answer_problem(answer, i), "self-signed") == 0;
        ck_assert(self_signed);
        ck_assert_str_eq(certexc_certificate_name(leaf, 0), HOST);
        ck_assert_int_eq(certexc_certificate_not_after(leaf), INT64_C(4102444800));

        ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0,
                                               certexc_certificate_sha256(leaf), &e),
                         0);
        ck_assert_str_eq(certexc_exception_state(e), "live");
        ck_assert_int_eq(certexc_exception_owner(e), getuid());
        ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0, NULL, &again), 1);
        ck_assert_uint_eq(certexc_exception_id(again), certexc_exception_id(e));

        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
        expect(client, server, PORT + 1, CERTEXC_PROMPT, "no-exception");
        ck_assert_int_eq(certexc_revoke(client, certexc_exception_id(e), &gone), 0);
        ck_assert_str_eq(certexc_exception_state(gone), "revoked");
        expect(client, server, PORT, CERTEXC_PROMPT, "no-exception");
}
END_TEST

START_TEST(another_certificate_is_told_from_the_one_allowed) {
        static const PkiSpec spec = { .name = HOST, .subject = "another" };
        _cleanup_(pki_freep) Pki *other = pki_new(&spec);
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;

        (void) allow(client, server);
        answer = ask(client, other, PORT);
        ck_assert_str_eq(certexc_answer_because(answer), "changed");
        ck_assert_str_eq(certexc_answer_change(answer), "replaced");
        ck_assert_str_eq(certexc_answer_change_known_from(answer), "exception");
        ck_assert_ptr_nonnull(certexc_change_sentence(certexc_answer_change(answer),
                                                      certexc_answer_change_was_due(answer)));
        ck_assert_str_eq(certexc_certificate_name(certexc_answer_change_old(answer), 0), HOST);

        ck_assert_int_eq(certexc_list(client, HOST, PORT, false, &list), 0);
        ck_assert_uint_eq(certexc_exceptions_count(list), 1);
}
END_TEST

START_TEST(a_denial_is_a_reject) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, server, PORT);
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL;

        ck_assert_int_eq(certexc_add_denial(client, answer, 0, 0, NULL, &e), 0);
        ck_assert_str_eq(certexc_exception_action(e), "deny");
        expect(client, server, PORT, CERTEXC_REJECT, "denial");
}
END_TEST

START_TEST(a_wrong_fingerprint_stores_nothing) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, server, PORT);
        char wrong[SHA256_HEX_SIZE];

        memset(wrong, '0', sizeof(wrong) - 1);
        wrong[sizeof(wrong) - 1] = '\0';
        ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0, wrong, NULL), -EKEYREJECTED);
        ck_assert_str_eq(certexc_client_error_name(client), "org.certexc1.FingerprintMismatch");
        ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0, "nonsense", NULL), -EINVAL);
        ck_assert_str_eq(certexc_client_error_name(client), "org.certexc1.InvalidRequest");
        expect(client, server, PORT, CERTEXC_PROMPT, "no-exception");
}
END_TEST

START_TEST(an_end_in_the_past_is_refused) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = ask(client, server, PORT);

        ck_assert_int_eq(certexc_add_exception(client, answer, 1000, 0, NULL, NULL), -EINVAL);
        ck_assert_str_eq(certexc_client_error_name(client), "org.certexc1.InvalidRequest");
}
END_TEST

#ifdef CERTEXC_TESTING
static void start_at(int64_t now) {
        _cleanup_free_ char *clock = NULL;

        ck_assert_int_gt(asprintf(&clock, "--replace-clock=%lld", (long long) now), 0);
        fixture_start(fixture, (const char *const[]){ "--system", clock, NULL });
}

START_TEST(what_was_shown_yesterday_is_no_consent_today) {
        static const PkiSpec spec = { .name = HOST };
        _cleanup_(pki_freep) Pki *old = pki_new(&spec);
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_answer_freep) certexc_answer *shown = NULL;

        ck_assert_int_eq(fixture_stop(fixture), 0);
        start_at(PKI_NOW);
        shown = ask(client, old, PORT);
        ck_assert_int_eq(fixture_stop(fixture), 0);
        start_at(PKI_NOT_AFTER + PKI_DAY);

        ck_assert_int_eq(certexc_add_exception(client, shown, 0, 0, NULL, NULL), -ESTALE);
        ck_assert_str_eq(certexc_client_error_name(client), "org.certexc1.ProblemsChanged");
        ck_assert_ptr_nonnull(strstr(certexc_client_error_json(client), "\"expired\""));
        expect(client, old, PORT, CERTEXC_PROMPT, "no-exception");
}
END_TEST
#endif

START_TEST(what_was_decided_can_be_looked_at) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL, *none = NULL;
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL, *empty = NULL;
        _cleanup_(certexc_history_freep) certexc_history *history = NULL;
        _cleanup_(certexc_status_freep) certexc_status *status = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        uint64_t id = allow(client, server);
        size_t size = 0;

        ck_assert_int_eq(certexc_get(client, id, &e), 0);
        ck_assert_str_eq(certexc_exception_host(e), HOST);
        ck_assert_int_eq(certexc_get_certificate(
                                 client,
                                 certexc_certificate_sha256(certexc_exception_certificate(e)), &der,
                                 &size),
                         0);
        ck_assert_uint_eq(size, pki_der(server).size);
        ck_assert_mem_eq(der, pki_der(server).data, size);

        ck_assert_int_eq(certexc_get(client, id + 1, &none), -ENOENT);
        ck_assert_int_eq(certexc_list(client, NULL, 0, false, &list), 0);
        ck_assert_uint_eq(certexc_exceptions_count(list), 1);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), 0);
        ck_assert_int_eq(certexc_list(client, NULL, 0, false, &empty), 0);
        ck_assert_uint_eq(certexc_exceptions_count(empty), 0);

        ck_assert_int_eq(certexc_get_history(client, 0, &history), 0);
        ck_assert_uint_eq(certexc_history_count(history), 2);
        ck_assert_str_eq(certexc_history_kind(history, 0), "allowed");
        ck_assert_str_eq(certexc_history_kind(history, 1), "revoked");
        ck_assert_uint_eq(certexc_history_id(history, 1), id);

        ck_assert_int_eq(certexc_get_status(client, &status), 0);
        ck_assert_str_eq(certexc_status_text(status, "store"), "ok");
        ck_assert_int_gt(certexc_status_number(status, "counts.exceptions_max"), 0);
}
END_TEST

START_TEST(more_decisions_than_a_page_are_all_listed) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;
        _cleanup_(certexc_history_freep) certexc_history *history = NULL;
        const unsigned n = 101;

        for (unsigned i = 0; i < n; i++) {
                _cleanup_(certexc_answer_freep) certexc_answer *answer =
                        ask(client, server, (uint16_t) (1000 + i));

                ck_assert_int_eq(certexc_add_exception(client, answer, 0, 0, NULL, NULL), 0);
        }
        ck_assert_int_eq(certexc_list(client, NULL, 0, false, &list), 0);
        ck_assert_uint_eq(certexc_exceptions_count(list), n);
        for (unsigned i = 0; i < n; i++)
                ck_assert_uint_eq(certexc_exception_port(certexc_exceptions_item(list, i)),
                                  1000 + i);
        ck_assert_int_eq(certexc_get_history(client, 0, &history), 0);
        ck_assert_uint_eq(certexc_history_count(history), n);
}
END_TEST

static void expect_event(certexc_monitor *monitor, const char *name, uint64_t id) {
        _cleanup_(certexc_event_freep) certexc_event *event = NULL;
        int r;

        while ((r = certexc_monitor_next(monitor, &event)) == 0) {
                struct pollfd p = { certexc_monitor_fd(monitor), POLLIN, 0 };

                ck_assert_int_eq(poll(&p, 1, FIXTURE_WAIT_MSEC), 1);
        }
        ck_assert_msg(r == 1, "%d: %s", r, certexc_monitor_error(monitor));
        ck_assert_str_eq(certexc_event_name(event), name);
        ck_assert_uint_eq(certexc_exception_id(certexc_event_exception(event)), id);
}

START_TEST(changes_are_seen) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_monitor_freep) certexc_monitor *monitor = NULL;
        certexc_event *none = NULL;
        struct pollfd p;
        uint64_t id;
        int r;

        ck_assert_int_eq(certexc_monitor_new(client, &monitor), 0);
        expect_event(monitor, "ready", 0);
        id = allow(client, server);
        expect_event(monitor, "allowed", id);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), 0);
        expect_event(monitor, "revoked", id);

        ck_assert_int_eq(fixture_stop(fixture), 0);
        p = (struct pollfd){ certexc_monitor_fd(monitor), POLLIN, 0 };
        ck_assert_int_eq(poll(&p, 1, FIXTURE_WAIT_MSEC), 1);
        r = certexc_monitor_next(monitor, &none);
        ck_assert_int_eq(r, -ECONNRESET);
        ck_assert_ptr_nonnull(strstr(certexc_monitor_error(monitor), "ended the stream"));
}
END_TEST

START_TEST(a_daemon_that_stopped_accepts_nothing_and_one_that_came_back_all) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        certexc_answer *answer = NULL;

        (void) allow(client, server);
        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
        ck_assert_int_eq(fixture_stop(fixture), 0);
        ck_assert_int_eq(try_ask(client, server, PORT, &answer), -ENOTCONN);
        ck_assert_ptr_null(answer);
        ck_assert_ptr_nonnull(strstr(certexc_client_error(client), fixture->socket_path));

        fixture_start(fixture, NULL);
        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
        /* Restarted between two calls, and nobody notices. */
        ck_assert_int_eq(fixture_stop(fixture), 0);
        fixture_start(fixture, NULL);
        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
}
END_TEST

static int be_a_stranger(void *data) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;
        uint64_t id = *(uint64_t *) data;

        expect(client, server, PORT, CERTEXC_PROMPT, "no-exception");
        ck_assert_int_eq(certexc_list(client, NULL, 0, true, &list), 0);
        ck_assert_uint_eq(certexc_exceptions_count(list), 0);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), -ENOENT);
        certexc_client_set_owner(client, 0);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), -EACCES);
        certexc_client_set_owner(client, CERTEXC_OWNER_SYSTEM);
        ck_assert_int_eq(certexc_revoke(client, id, NULL), -EACCES);
        return 0;
}

/* Asks in a process of its own, which ends with the verdict. */
static pid_t asker(unsigned seconds, const char *asked) {
        pid_t pid = fork();

        if (pid == 0) {
                _cleanup_(certexc_question_freep) certexc_question *question = NULL;
                _cleanup_(certexc_client_freep) certexc_client *client = new_client();
                _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;
                Blob der = pki_der(server);

                /* An agent that hangs up does so only without our copy of its connection. */
                if (close_range(3, ~0U, 0) < 0 ||
                    certexc_question_new(HOST, PORT, &question) < 0 ||
                    certexc_question_add_certificate(question, der.data, der.size) < 0 ||
                    certexc_ask(client, question, seconds, &answer) < 0)
                        _exit(10);
                _exit(strcmp(certexc_answer_asked(answer), asked) == 0
                              ? (int) certexc_answer_verdict(answer)
                              : 11);
        }
        return pid;
}

static int verdict_of(pid_t pid) {
        int status = 0;

        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static certexc_prompt *next_prompt(certexc_agent *agent) {
        struct pollfd p = { .fd = certexc_agent_fd(agent), .events = POLLIN };
        certexc_prompt *prompt = NULL;
        int r;

        while ((r = certexc_agent_next(agent, &prompt)) == 0)
                ck_assert_int_eq(poll(&p, 1, FIXTURE_WAIT_MSEC), 1);
        ck_assert_msg(r == 1, "%s", certexc_agent_error(agent));
        return prompt;
}

static void ck_over(certexc_agent *agent, const char *reason) {
        _cleanup_(certexc_prompt_freep) certexc_prompt *prompt = next_prompt(agent);

        ck_assert_str_eq(certexc_prompt_over(prompt), reason);
        ck_assert_ptr_null(certexc_prompt_shown(prompt));
}

START_TEST(a_person_is_asked) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_agent_freep) certexc_agent *agent = NULL;
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL;
        _cleanup_(certexc_prompt_freep) certexc_prompt *prompt = NULL, *again = NULL;
        const certexc_answer *shown;
        pid_t pid;

        ck_assert_int_eq(verdict_of(asker(60, "no-agent")), CERTEXC_PROMPT);
        ck_assert_int_eq(certexc_agent_new(client, &agent), 0);
        pid = asker(60, "answered");
        prompt = next_prompt(agent);
        shown = certexc_prompt_shown(prompt);
        ck_assert_ptr_null(certexc_prompt_over(prompt));
        ck_assert_str_eq(certexc_answer_host(shown), HOST);
        ck_assert_uint_eq(certexc_answer_port(shown), PORT);
        ck_assert_str_eq(certexc_certificate_name(certexc_answer_leaf(shown), 0), HOST);
        ck_assert_msg(certexc_add_exception(client, shown, 0, 0, NULL, NULL) == -EINVAL,
                      "what an agent shows is no answer to a question");

        ck_assert_int_eq(certexc_prompt_allow(client, prompt, 0, 0, "00", &e), -EINVAL);
        ck_assert_int_eq(certexc_prompt_allow(client, prompt, 0, 0, NULL, &e), 0);
        ck_assert_str_eq(certexc_exception_state(e), "live");
        ck_assert_int_eq(verdict_of(pid), CERTEXC_ACCEPT);
        ck_over(agent, "answered");
        ck_assert_int_eq(certexc_prompt_dismiss(client, prompt), -ENOENT);
        ck_assert_int_eq(verdict_of(asker(60, "not-needed")), CERTEXC_ACCEPT);

        ck_assert_int_eq(certexc_revoke(client, certexc_exception_id(e), NULL), 0);
        pid = asker(60, "dismissed");
        again = next_prompt(agent);
        ck_assert_int_eq(certexc_prompt_dismiss(client, again), 0);
        ck_assert_int_eq(verdict_of(pid), CERTEXC_PROMPT);
        ck_over(agent, "dismissed");
}
END_TEST

START_TEST(an_agent_denies_and_is_lost) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_agent_freep) certexc_agent *agent = NULL, *second = NULL;
        _cleanup_(certexc_prompt_freep) certexc_prompt *prompt = NULL, *again = NULL;
        certexc_prompt *none = NULL;
        pid_t pid;

        ck_assert_int_eq(certexc_agent_new(client, &second), 0);
        ck_assert_int_eq(certexc_agent_new(client, &agent), 0);
        pid = asker(60, "answered");
        prompt = next_prompt(agent);
        agent = certexc_agent_free(agent);
        again = next_prompt(second);
        ck_assert_uint_eq(certexc_prompt_number(prompt), certexc_prompt_number(again));
        ck_assert_int_eq(certexc_prompt_deny(client, again, 0, 0, NULL, NULL), 0);
        ck_assert_int_eq(verdict_of(pid), CERTEXC_REJECT);
        ck_over(second, "answered");

        ck_assert_int_eq(fixture_stop(fixture), 0);
        ck_assert_int_eq(certexc_agent_next(second, &none), -ECONNRESET);
        ck_assert_str_ne(certexc_agent_error(second), "");
        ck_assert_int_eq(certexc_agent_new(client, &agent), -ENOTCONN);
        fixture_start(fixture, NULL);
}
END_TEST

START_TEST(nobody_answers_in_time) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        _cleanup_(certexc_agent_freep) certexc_agent *agent = NULL;
        _cleanup_(certexc_prompt_freep) certexc_prompt *prompt = NULL;
        _cleanup_(certexc_question_freep) certexc_question *question = NULL;
        certexc_answer *answer = NULL;
        pid_t pid;

        ck_assert_int_eq(certexc_agent_new(client, &agent), 0);
        pid = asker(1, "timed-out");
        prompt = next_prompt(agent);
        ck_assert_int_eq(verdict_of(pid), CERTEXC_PROMPT);
        ck_over(agent, "timed-out");
        ck_assert_int_eq(certexc_question_new(HOST, PORT, &question), 0);
        ck_assert_int_eq(certexc_ask(client, question, 0, &answer), -EINVAL);
        ck_assert_int_eq(certexc_ask(client, question, CERTEXC_ASK_MAX + 1, &answer), -EINVAL);
}
END_TEST

START_TEST(another_uid_sees_none_of_it) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();
        uint64_t id;

        if (geteuid() != 0) {
                (void) fprintf(stderr, "skipped: only root can be another uid\n");
                return;
        }
        id = allow(client, server);
        ck_assert_int_eq(fixture_as(STRANGER, be_a_stranger, &id), 0);
        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
}
END_TEST

static int ask_as_stranger(void *data) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();

        expect(client, server, PORT, CERTEXC_ACCEPT, "exception");
        return 0;
}

START_TEST(what_the_administrator_allows_holds_for_everyone) {
        _cleanup_(certexc_client_freep) certexc_client *client = new_client();

        if (geteuid() != 0) {
                (void) fprintf(stderr, "skipped: only root can be another uid\n");
                return;
        }
        certexc_client_set_owner(client, CERTEXC_OWNER_SYSTEM);
        (void) allow(client, server);
        ck_assert_int_eq(fixture_as(STRANGER, ask_as_stranger, NULL), 0);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("live library");
        TCase *tcase = tcase_create("live library");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, the_main_job);
        tcase_add_test(tcase, another_certificate_is_told_from_the_one_allowed);
        tcase_add_test(tcase, a_denial_is_a_reject);
        tcase_add_test(tcase, a_wrong_fingerprint_stores_nothing);
        tcase_add_test(tcase, an_end_in_the_past_is_refused);
#ifdef CERTEXC_TESTING
        tcase_add_test(tcase, what_was_shown_yesterday_is_no_consent_today);
#endif
        tcase_add_test(tcase, what_was_decided_can_be_looked_at);
        tcase_add_test(tcase, more_decisions_than_a_page_are_all_listed);
        tcase_add_test(tcase, changes_are_seen);
        tcase_add_test(tcase, a_daemon_that_stopped_accepts_nothing_and_one_that_came_back_all);
        tcase_add_test(tcase, a_person_is_asked);
        tcase_add_test(tcase, an_agent_denies_and_is_lost);
        tcase_add_test(tcase, nobody_answers_in_time);
        tcase_add_test(tcase, another_uid_sees_none_of_it);
        tcase_add_test(tcase, what_the_administrator_allows_holds_for_everyone);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
